"""A Program on torch tensors of float64, as written: what autograd sees is the user's program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from symdiff.arithmetics.arrays import within_doubles
from symdiff.catalogue import CONSTANTS, Function, Parameter
from symdiff.errors import Unsupported


class _Tensors:
    """The torch column; a number stays a Python number wherever torch takes one."""

    def column(self, row: Function) -> Callable[..., Any]:
        column = row.column("torch")
        if column is None:  # another program in torch's functions would not be the user's
            raise Unsupported(row.name, "torch has no such function")
        return column

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        return within_doubles(value)

    def constant(self, name: str) -> float:
        return CONSTANTS[name]

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        given = [(p, a) for p, a in zip(row.parameters, arguments, strict=False) if a is not None]
        if row.array is not None:
            given = [(p, _typed(p, a)) for p, a in given]
        elif row.group not in {"operators", "comparisons"}:
            given = [(p, _lifted(p, a, first=p is row.parameters[0])) for p, a in given]
        positional = [a for p, a in given if p.default is None]
        keywords = {p.keyword: a for p, a in given if p.default is not None}
        return within_doubles(column(*positional, **keywords))

    def take(self, value: Any, mask: torch.Tensor) -> Any:
        return value[mask] if isinstance(value, torch.Tensor) and value.ndim else value

    def merge(self, mask: torch.Tensor, taken: Any, other: Any) -> torch.Tensor:
        merged = torch.zeros(mask.shape, dtype=torch.float64)
        for where, value in ((mask, taken), (~mask, other)):
            if value is not None:
                source = torch.as_tensor(value, dtype=torch.float64)
                merged = merged.masked_scatter(where, source.expand(int(where.sum())))
        return merged

    def holds_anywhere(self, mask: torch.Tensor) -> bool:
        return bool(mask.any())


def _typed(parameter: Parameter, value: Any) -> Any:
    """Make a tensor of a plain number among the arguments of a function on tensors."""
    if parameter.is_setting or parameter.kind == "indices":
        return value
    if parameter.kind == "tensors":
        return [torch.as_tensor(v, dtype=_dtype(value)) for v in value]
    is_real = not isinstance(value, torch.Tensor | bool)
    return torch.as_tensor(value, dtype=torch.float64 if is_real else None)


def _dtype(values: Sequence[Any]) -> torch.dtype:
    return next((v.dtype for v in values if isinstance(v, torch.Tensor)), torch.float64)


def _lifted(parameter: Parameter, value: Any, *, first: bool) -> Any:
    """Make a tensor of a plain number where torch's function wants one, in float64."""
    if isinstance(value, torch.Tensor | str) or parameter.kind == "number":
        return value
    if parameter.kind == "any" and not first:
        return value
    if isinstance(value, bool):
        return torch.tensor(value)
    return torch.tensor(value, dtype=torch.float64)


TENSORS = _Tensors()
