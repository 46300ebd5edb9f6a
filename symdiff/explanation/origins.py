"""Find the call that made a NaN or an infinity among the values of a run."""

from __future__ import annotations

from typing import Final

import torch

from symdiff.catalogue import BY_NAME
from symdiff.explanation.calls import Step
from symdiff.explanation.finite import is_finite
from symdiff.explanation.recording import Run

_CHOICE: Final = "where"


def forward_origin(done: Run, step: Step, where: torch.Tensor | None = None) -> Step:
    """Return the step from which NaNs and infinities in the arguments of a step come.

    Parameters
    ----------
    done
        The run.
    step
        The step.
    where
        The elements that matter. A function of single elements does not depend on the others.
    """
    if has_row_of_minus_infinity(step) and not _gets_made_infinity(done, step):
        return step
    row = BY_NAME.get(step.name)
    mask = where if row is not None and row.array is None else None
    for is_off in (_has_nan, _has_nonfinite):  # a NaN first: an infinity may be meant
        for operand in step.operands:
            if operand.is_floating_point() and is_off(_at(operand.detach(), mask)):
                producer = done.producer(operand, step.index)
                if producer is not None:
                    return forward_origin(done, producer, mask)
    return step


def _gets_made_infinity(done: Run, step: Step) -> bool:
    """Return whether -inf among a step's arguments was computed from finite numbers.

    Then it was not put there as a mask.
    """
    for operand in step.operands:
        if not operand.is_floating_point() or not bool(operand.isneginf().any()):
            continue
        producer = done.producer(operand, step.index)
        row = None if producer is None else BY_NAME.get(producer.name)
        if producer is None or row is None or row.array is not None or row.name == _CHOICE:
            continue
        numbers = [t.detach() for t in producer.operands if t.is_floating_point()]
        if all(map(is_finite, numbers)) or _gets_made_infinity(done, producer):
            return True
    return False


def _at(tensor: torch.Tensor, where: torch.Tensor | None) -> torch.Tensor:
    return tensor if where is None or tensor.shape != where.shape else tensor[where]


def _has_nan(tensor: torch.Tensor) -> bool:
    return not is_finite(tensor) and bool(tensor.isnan().any())


def _has_nonfinite(tensor: torch.Tensor) -> bool:
    return not is_finite(tensor)


def has_row_of_minus_infinity(step: Step) -> bool:
    """Return whether a call makes NaNs of a row of -inf, which may be meant as a mask."""
    if not any(r.is_floating_point() and _has_nan(r.detach()) for r in step.results):
        return False
    rows = [t.detach() for t in step.operands if t.is_floating_point() and t.ndim and t.numel()]
    return any(bool(t.isneginf().all(dim).any()) for t in rows for dim in range(t.ndim))
