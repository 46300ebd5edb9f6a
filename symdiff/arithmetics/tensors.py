"""The arithmetic of torch tensors: autograd gets the program as the user wrote it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch

from symdiff.arithmetics.arrays import within_doubles
from symdiff.catalogue import CONSTANTS, Function, Parameter
from symdiff.errors import Unsupported


@dataclasses.dataclass(frozen=True, slots=True)
class _Tensors:
    """The arithmetic of torch tensors; a number stays a Python number wherever torch takes one.

    See `reading.Batch`.

    Attributes
    ----------
    dtype
        The dtype of numbers where torch takes tensors only.
    """

    dtype: torch.dtype

    def column(self, row: Function) -> Callable[..., Any]:
        column = row.column("torch")
        if column is None:  # a definition in other torch functions would be a different program
            raise Unsupported(row.name, "torch has no such function")
        return column

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        return within_doubles(value)

    def constant(self, name: str) -> float:
        return CONSTANTS[name]

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        if row.is_operator and row.array is None:  # its operands are tensors or numbers
            return self._in_dtype(within_doubles(column(*arguments)))
        pairs = [(p, a) for p, a in zip(row.parameters, arguments, strict=False) if a is not None]
        if row.array is not None:
            pairs = [(p, self._tensor_argument(p, a)) for p, a in pairs]
        elif not (row.is_operator or row.role == "comparison"):
            first = row.parameters[0]
            pairs = [(p, self._scalar_argument(p, a, first=p is first)) for p, a in pairs]
        positional = [a for p, a in pairs if p.default is None]
        keywords = {p.keyword: a for p, a in pairs if p.default is not None}
        return self._in_dtype(within_doubles(column(*positional, **keywords)))

    def _in_dtype(self, value: Any) -> Any:
        """Return a value that a row makes of integers, as doubles, in the dtype of the others."""
        if self.dtype == torch.float64:
            return value
        is_double = isinstance(value, torch.Tensor) and value.dtype == torch.float64
        return value.to(self.dtype) if is_double else value

    def take(self, value: Any, mask: torch.Tensor) -> Any:
        return value[mask] if isinstance(value, torch.Tensor) and value.ndim else value

    def merge(self, mask: torch.Tensor, taken: Any, other: Any) -> torch.Tensor:
        merged = torch.zeros(mask.shape, dtype=self.dtype)
        for where, value in ((mask, taken), (~mask, other)):
            if value is not None:
                source = torch.as_tensor(value, dtype=self.dtype)
                merged = merged.masked_scatter(where, source.expand(int(where.sum())))
        return merged

    def any_true(self, mask: torch.Tensor) -> bool:
        return bool(mask.any())

    def _tensor_argument(self, parameter: Parameter, value: Any) -> Any:
        """Return an argument of a tensor function, a number as a tensor."""
        if parameter.is_setting or parameter.kind == "indices":
            return value
        if parameter.kind == "tensors":
            return [torch.as_tensor(v, dtype=self._dtype(value)) for v in value]
        is_real = not isinstance(value, torch.Tensor | bool)
        return torch.as_tensor(value, dtype=self.dtype if is_real else None)

    def _dtype(self, values: Sequence[Any]) -> torch.dtype:
        """Return the dtype of the first tensor in a list."""
        return next((v.dtype for v in values if isinstance(v, torch.Tensor)), self.dtype)

    def _scalar_argument(self, parameter: Parameter, value: Any, *, first: bool) -> Any:
        """Return an argument of a scalar function, a number as a tensor where torch needs one."""
        if isinstance(value, torch.Tensor | str) or parameter.kind == "number":
            return value
        if parameter.kind == "any" and not first:
            return value
        if isinstance(value, bool):
            return torch.tensor(value)
        return torch.tensor(value, dtype=self.dtype)


@functools.cache
def tensors_of(dtype: str) -> _Tensors:
    """Return the arithmetic of torch tensors of a floating-point dtype."""
    return _Tensors(getattr(torch, dtype))


TENSORS = tensors_of("float64")
