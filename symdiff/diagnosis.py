"""In what way a claimed derivative is wrong, as far as one word for all points can say it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.truth.filter import Truths
from symdiff.truth.one_sided import KINDS, Kind

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SAME: Final = 1e-6  # relative spread of a factor or a difference that counts as constant
_SMOOTH: Final = KINDS.index(Kind.SMOOTH)


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
        return ""
    claimed, true = values[smooth], truths.derivative[smooth]
    size = float(np.abs(true).max())
    if _constant(claimed + true, size) == 0:
        return "the sign is flipped"
    if not claimed.any():
        return ""
    factor = _factor(claimed, true)
    if factor is not None:
        return f"the factor {factor:.6g} is missing"
    if (off & smooth).sum() > 1:
        difference = _constant(true - claimed, size)
        if difference is not None:
            return f"the term {difference:.6g} is missing"
    right = int((smooth & ~off).sum())
    return f"right at {right} of {int(smooth.sum())} smooth points" if right else ""


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
