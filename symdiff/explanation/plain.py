"""Say how a call of torch comes to return a NaN or an infinity, from its own numbers alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from symdiff.catalogue import BY_NAME
from symdiff.catalogue.row import Function
from symdiff.explanation.calls import Step
from symdiff.explanation.findings import Mechanism
from symdiff.explanation.finite import is_finite, nonfinite
from symdiff.explanation.mechanisms import of_numbers
from symdiff.explanation.origins import has_row_of_minus_infinity

_SPECTRAL: Final = frozenset({"linalg_eigh", "linalg_svd", "svd"})
_REFLECTED: Final = {"rdiv": "div", "rtruediv": "div", "rpow": "pow", "rsub": "sub"}


def reason_of(step: Step, where: torch.Tensor | None = None) -> tuple[Mechanism, str] | None:
    """Return the mechanism and the reason; None if the call's results or arguments do not tell.

    Parameters
    ----------
    step
        A call.
    where
        The elements at which its derivative is not finite, if its value is.
    """
    if has_row_of_minus_infinity(step):
        return Mechanism.MINUS_INFINITY, f"{step.name} of a row that is -inf throughout"
    operands = [t.detach() for t in step.operands if t.is_floating_point()]
    result = next((r.detach() for r in step.results if r.is_floating_point()), None)
    if result is None or not all(is_finite(t) for t in operands):
        return None
    mask = nonfinite(result)
    if mask is None and step.name in _SPECTRAL and _has_equal_values(step, operands[0].ndim):
        return Mechanism.POLE, f"{step.name} divides by the difference of two equal numbers"
    if mask is None and (where is None or where.shape != result.shape):
        return None
    return _of_finite_numbers(step, operands, result, where if mask is None else mask)


def _of_finite_numbers(
    step: Step, operands: Sequence[torch.Tensor], result: torch.Tensor, mask: torch.Tensor
) -> tuple[Mechanism, str] | None:
    name, arguments = _REFLECTED.get(step.name, step.name), list(step.args)
    if name != step.name:
        arguments.reverse()
    row = BY_NAME.get(name)
    at = [number for a in arguments if (number := _number(a, mask)) is not None]
    if row is not None and row.array is None and len(at) == len(arguments) == _required(row):
        value = float(result[mask][0])
        return of_numbers(row, at, value, "", str(result.dtype).removeprefix("torch."))
    if any(not t.numel() for t in operands):
        return Mechanism.ZERO_BY_ZERO, f"{step.name} of no numbers"
    if bool(result.isnan().any()):
        return Mechanism.DOMAIN, f"{step.name} of these finite numbers is nan"
    return None


def _has_equal_values(step: Step, dimensions: int) -> bool:
    """Return whether two eigenvalues or singular values of a matrix are equal."""
    values = [r.detach() for r in step.results if r.ndim == dimensions - 1 and not r.is_complex()]
    return any(bool((v.diff(dim=-1) == 0).any()) for v in values)


def _number(argument: object, mask: torch.Tensor) -> float | None:
    """Return an argument at the first element of a mask; None if it is no number there."""
    if isinstance(argument, int | float):
        return float(argument)
    if not isinstance(argument, torch.Tensor) or argument.is_complex():
        return None
    try:
        return float(argument.detach().expand(mask.shape)[mask][0])
    except RuntimeError:
        return None  # its shape does not fit


def _required(row: Function) -> int:
    return sum(p.default is None for p in row.parameters)
