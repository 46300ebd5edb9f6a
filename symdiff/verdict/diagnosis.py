"""In what way a claimed derivative is wrong, as far as one word for all of it can say it."""

from __future__ import annotations

from typing import Final

import numpy as np

from symdiff.array_types import Array, Mask
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths

_SAME: Final = 1e-6  # relative spread of a factor or a difference that counts as constant
_SMOOTH: Final = Kind.SMOOTH
AT_KINKS: Final = "right except at kinks"


def diagnose(truths: Truths, values: Array, off: Mask) -> str:
    """Say how a claim differs from the derivative at the smooth points, or return "".

    Parameters
    ----------
    truths
        What the derivative is.
    values
        What is claimed, shape (n,).
    off
        Where the claim is wrong, shape (n,).

    Returns
    -------
    str
        ``"the sign is flipped"``, ``"the factor 2 is missing"``, ``"the term 1 is missing"``, or
        at how many of the smooth points the claim is right; "" if it is at none.
    """
    smooth = (truths.kinds == _SMOOTH) & np.isfinite(values) & np.isfinite(truths.derivative)
    if not (off & smooth).any():
        return AT_KINKS if (off & ~smooth).any() and smooth.any() else ""
    return described(values[smooth], truths.derivative[smooth], off[smooth], "smooth points")


def diagnose_jacobian(claimed: Array, true: Array, off: Mask) -> str:
    """Say how a claimed Jacobian differs from the true one, or return "".

    Parameters
    ----------
    claimed, true
        One row an output, one column an input; NaN where there is no derivative.
    off
        Where the claim is wrong.

    Examples
    --------
    >>> true = np.array([[0.2, -0.1], [-0.1, 0.3]])
    >>> claimed = np.diag([-0.2, -0.3])
    >>> diagnose_jacobian(claimed, true, claimed != true)
    'the sign is flipped, and the off-diagonal terms are missing'
    """
    known = np.isfinite(claimed) & np.isfinite(true)
    if not (off & known).any():
        return AT_KINKS if off.any() and known.any() else ""
    diagonal = np.eye(*claimed.shape) == 1
    missing = off & known & (claimed == 0)
    square = claimed.shape[0] == claimed.shape[1] > 1
    if (
        square
        and missing.any()
        and not (missing & diagonal).any()
        and not claimed[~diagonal & known].any()
    ):
        kept = known & diagonal
        words = ""
        if (off & kept).any():
            words = described(claimed[kept], true[kept], off[kept], "diagonal terms")
        return ", and ".join(w for w in (words, "the off-diagonal terms are missing") if w)
    return described(claimed[known], true[known], off[known], "components")


def described(claimed: Array, true: Array, off: Mask, places: str) -> str:
    """Say how numbers differ from others: a sign, a factor, a term, or at how many places."""
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
    return f"right at {right} of {off.size} {places}" if right else ""


def compared(claimed: Array, other: Array, rtol: float) -> str:
    """Say how many components of a claim are those of another gradient.

    Within `rtol` of the largest of them: small ones are sums that cancel.
    """
    off = np.abs(claimed - other) > rtol * float(np.abs(other).max())
    words = f"{int((~off).sum())} of {off.size} components agree"
    how = described(claimed.reshape(-1), other.reshape(-1), off.reshape(-1), "components")
    return f"{words}; {how}" if off.any() and how else words


def _constant(numbers: Array, size: float) -> float | None:
    """Return the number that all are, up to a part of a size; None: they differ."""
    middle = float(np.median(numbers))
    if np.abs(numbers - middle).max() > _SAME * size:
        return None
    return 0.0 if abs(middle) <= _SAME * size else middle


def _factor(claimed: Array, true: Array) -> float | None:
    """Return c with true = c·claimed at two points or more; None: there is none."""
    nonzero = claimed != 0
    if nonzero.sum() < 2 or (true[~nonzero] != 0).any():
        return None
    ratios = true[nonzero] / claimed[nonzero]
    middle = float(np.median(ratios))
    same = np.abs(ratios - middle).max() <= _SAME * abs(middle)
    return middle if same and middle else None
