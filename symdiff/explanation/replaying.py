"""Run a call of torch again with other tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from symdiff.explanation.calls import Step
from symdiff.tracing.tensors import tensors_in


def called(
    step: Step, tensors: Mapping[int, torch.Tensor], sizes: Mapping[int, int]
) -> list[torch.Tensor]:
    """Run a call again with other tensors, by id, and other sizes; return its results."""
    assert step.function is not None  # noqa: S101  (see `Cut.problem`)
    line_of_code = step.line  # noqa: F841  (see `places.calling_line`)
    args, kwargs = (replaced(part, tensors, sizes) for part in (step.args, step.kwargs))
    result = step.function(*args, **kwargs)
    written = [tensors[id(t)] for t in step.operands if any(t is r for r in step.results)]
    found = [*tensors_in(result), *written]
    return list({id(t): t for t in found}.values())


def replaced(value: Any, tensors: Mapping[int, torch.Tensor], sizes: Mapping[int, int]) -> Any:  # noqa: ANN401
    """Return arguments with other tensors, and with the sizes of the cut."""
    if isinstance(value, torch.Tensor):
        return tensors.get(id(value), value)
    if isinstance(value, Mapping):
        return {key: replaced(item, tensors, sizes) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [replaced(item, tensors, sizes) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if type(value) is int:
        return sizes.get(value, value)
    return value
