"""Describe how an asserted derivative is wrong: by a sign, a factor, a term, or at kinks only."""

from __future__ import annotations

from typing import Final

import numpy as np

from symdiff.array_types import Array, Mask
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths

_SAME: Final = 1e-6  # largest relative spread of a factor or a difference that is constant
AT_KINKS: Final = "right except at kinks"


def diagnose(truths: Truths, values: Array, off: Mask) -> str:
    """Return how a claim differs from the derivative at the smooth points, or "".

    Parameters
    ----------
    truths
        The truth along the variable.
    values
        The asserted derivatives, shape (n,).
    off
        Whether the asserted derivative is wrong, shape (n,).

    Returns
    -------
    str
        ``"the sign is flipped"``, ``"the factor 2 is missing"``, ``"the term 1 is missing"``,
        ``"right at 7 of 13 smooth points"``, ``"right except at kinks"``, or "" if no such
        description fits.
    """
    smooth = (truths.kinds == Kind.SMOOTH) & np.isfinite(values) & np.isfinite(truths.derivative)
    if not (off & smooth).any():
        return AT_KINKS if (off & ~smooth).any() and smooth.any() else ""
    return describe_difference(
        values[smooth], truths.derivative[smooth], off[smooth], "smooth points"
    )


def diagnose_jacobian(claimed: Array, true: Array, off: Mask) -> str:
    """Return how an asserted Jacobian differs from the true one, or "".

    Parameters
    ----------
    claimed, true
        The Jacobians, of shape (outputs, inputs); NaN where there is no derivative.
    off
        Whether the asserted derivative is wrong, of the same shape.

    Examples
    --------
    >>> true = np.array([[0.2, -0.1], [-0.1, 0.3]])
    >>> claimed = np.diag([-0.2, -0.3])
    >>> diagnose_jacobian(claimed, true, claimed != true)
    'the sign is flipped, and the off-diagonal terms are missing'
    """
    finite = np.isfinite(claimed) & np.isfinite(true)
    if not (off & finite).any():
        return AT_KINKS if off.any() and finite.any() else ""
    diagonal = np.eye(*claimed.shape) == 1
    missing = off & finite & (claimed == 0)
    is_square = claimed.shape[0] == claimed.shape[1] > 1
    if (
        is_square
        and missing.any()
        and not (missing & diagonal).any()
        and not claimed[~diagonal & finite].any()
    ):
        on = finite & diagonal
        words = ""
        if (off & on).any():
            words = describe_difference(claimed[on], true[on], off[on], "diagonal terms")
        return ", and ".join(w for w in (words, "the off-diagonal terms are missing") if w)
    return describe_difference(claimed[finite], true[finite], off[finite], "components")


def describe_difference(claimed: Array, true: Array, off: Mask, items: str) -> str:
    """Return how asserted numbers differ from the true ones, or "".

    Parameters
    ----------
    claimed, true
        The numbers, shape (n,).
    off
        Whether the asserted number is wrong, shape (n,).
    items
        The plural noun for the numbers, such as "components".
    """
    size = float(np.abs(true).max())
    if _constant(claimed + true, size) == 0:
        return "the sign is flipped"
    if not claimed.any():
        return ""
    factor = _factor(claimed, true)
    if factor is not None:
        return f"the factor {factor:.6g} is missing"
    if off.sum() > 1:
        difference = _constant(true - claimed, size)
        if difference is not None:
            return f"the term {difference:.6g} is missing"
    right = int((~off).sum())
    return f"right at {right} of {off.size} {items}" if right else ""


def describe_agreement(claimed: Array, other: Array, rtol: float) -> str:
    """Return how many components of an asserted gradient agree with another gradient.

    They agree within `rtol` of the largest component: small components may be sums that cancel.
    """
    off = np.abs(claimed - other) > rtol * float(np.abs(other).max())
    words = f"{int((~off).sum())} of {off.size} components agree"
    how = describe_difference(claimed.reshape(-1), other.reshape(-1), off.reshape(-1), "components")
    return f"{words}; {how}" if off.any() and how else words


def _constant(numbers: Array, size: float) -> float | None:
    """Return the constant that all numbers equal up to `_SAME` times a size, or None."""
    median = float(np.median(numbers))
    if np.abs(numbers - median).max() > _SAME * size:
        return None
    return 0.0 if abs(median) <= _SAME * size else median


def _factor(claimed: Array, true: Array) -> float | None:
    """Return c with true = c·claimed, or None; at least two claimed numbers must not be 0."""
    nonzero = claimed != 0
    if nonzero.sum() < 2 or (true[~nonzero] != 0).any():
        return None
    ratios = true[nonzero] / claimed[nonzero]
    median = float(np.median(ratios))
    is_constant = np.abs(ratios - median).max() <= _SAME * abs(median)
    return median if is_constant and median else None
