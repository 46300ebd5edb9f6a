"""Describe how a derivative is wrong: by a sign, a factor or a term, and in which region."""

from __future__ import annotations

from typing import Final

import numpy as np

from symdiff.arithmetics.arrays import evaluate
from symdiff.array_types import Array, Mask
from symdiff.catalogue import CATALOGUE
from symdiff.engines.base import Problem
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths

_SAME: Final = 1e-6  # largest relative spread of a factor or a difference that is constant
_FLIPPED: Final = "the sign is flipped"
AT_KINKS: Final = "right except at kinks"


def diagnose(problem: Problem, truths: Truths, values: Array, off: Mask) -> str:
    """Return how asserted derivatives differ from the true ones at the smooth points, or "".

    Parameters
    ----------
    problem
        The program and the points.
    truths
        The truth along the variable.
    values
        The asserted derivatives, shape (n,).
    off
        Whether the asserted derivative is wrong, shape (n,).

    Returns
    -------
    str
        ``"the sign is flipped"``, ``"the factor 2 is missing"``, ``"a factor 2 too much"``,
        ``"the term 1 is missing"``, each with a region if some of the points are right (see
        `diagnose_region`), ``"right at 7 of 13 smooth points"``, ``"right except at kinks"``, or
        "" if no such description fits.
    """
    has_derivative = np.isin(truths.kinds, (Kind.SMOOTH, Kind.PARTIAL))
    smooth = has_derivative & np.isfinite(values) & np.isfinite(truths.derivative)
    if not (off & smooth).any():
        return AT_KINKS if (off & ~smooth).any() and smooth.any() else ""
    words = describe_difference(
        values[smooth], truths.derivative[smooth], off[smooth], "smooth points"
    )
    if words != _FLIPPED and _is_by_chance(truths.derivative[smooth]):
        return ""
    is_count = words.startswith("right at")
    return (diagnose_region(problem, truths, values, off) or words) if is_count else words


def diagnose_region(problem: Problem, truths: Truths, values: Array, off: Mask) -> str:
    """Return how wrong derivatives differ from the true ones, and where they are wrong, or "".

    Only smooth points at which no switch is zero count, and at least two of them must be wrong.

    Parameters
    ----------
    problem, truths, values, off
        As in `diagnose`.

    Returns
    -------
    str
        Such as ``"a factor 2 too much where abs(x) < 0.5, at 16 of 39 points"``. A region is that
        of a condition of the program, or else a range of the only variable of the grid.
    """
    regular = (truths.kinds == Kind.SMOOTH) & np.isfinite(values) & np.isfinite(truths.derivative)
    regular[truths.apparent_kinks] = False
    # A factor changes nothing where the derivative is 0: such a point belongs to no region.
    size = np.abs(truths.derivative[regular]).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        regular &= off | (np.abs(truths.derivative) > _SAME * size)
    wrong = off & regular
    if wrong.sum() < 2:
        return ""
    words = _how(values[wrong], truths.derivative[wrong])
    if words != _FLIPPED and _is_by_chance(truths.derivative[wrong]):
        return ""
    region = _region(problem, regular, wrong) if words and not wrong[regular].all() else ""
    counts = f" at {wrong.sum()} of {regular.sum()} points" if not wrong[regular].all() else ""
    return f"{words}{region and ' ' + region + ','}{counts}" if words else ""


def _region(problem: Problem, regular: Mask, wrong: Mask) -> str:
    """Return the part of the regular points that is wrong, or ""."""
    points = np.flatnonzero(regular)
    columns = {name: column[points] for name, column in problem.columns.items()}
    inside = wrong[points]
    for index, node in problem.program.calls():
        if CATALOGUE[node.function].returns == "condition":
            part = problem.program.at(index)
            truth = evaluate(part, {n: columns[n] for n in part.inputs} or columns) != 0
            if (truth == inside).all():
                return f"where {problem.program.text_of(index)}"
            if (truth == ~inside).all():
                return f"except where {problem.program.text_of(index)}"
    varying = [name for name, column in columns.items() if np.ptp(column) > 0]
    return _interval(varying[0], columns[varying[0]], inside) if len(varying) == 1 else ""


def _interval(name: str, x: Array, inside: Mask) -> str:
    """Return an interval of a coordinate that contains just the points in a mask, or ""."""
    low, high = x[inside].min(), x[inside].max()
    if (x[~inside] > high).all():
        return f"for {name} <= {high:.6g}"
    if (x[~inside] < low).all():
        return f"for {name} >= {low:.6g}"
    if ((x[~inside] < low) | (x[~inside] > high)).all():
        return f"for {name} from {low:.6g} to {high:.6g}"
    return ""


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
    words = _how(claimed, true, is_offset_possible=off.sum() > 1)
    if words or not claimed.any():
        return words
    right = int((~off).sum())
    return f"right at {right} of {off.size} {items}" if right else ""


def _how(claimed: Array, true: Array, *, is_offset_possible: bool = True) -> str:
    """Return by what sign, factor or term all asserted numbers differ from the true ones, or ""."""
    size = float(np.abs(true).max())
    with np.errstate(over="ignore"):
        total, difference = claimed + true, true - claimed
    if _constant(total, size) == 0:
        return _FLIPPED
    if not claimed.any():
        return ""
    factor = _factor(claimed, true)
    if factor is not None:
        factor_text = f"{1 / factor if abs(factor) < 1 else factor:.6g}"
        if factor_text == "1":  # too near to 1 to say how the numbers are wrong
            return ""
        return (
            f"a factor {factor_text} too much"
            if abs(factor) < 1
            else f"the factor {factor_text} is missing"
        )
    term = _constant(difference, size) if is_offset_possible else None
    return f"the term {term:.6g} is missing" if term else ""  # 0: too small to be shown


def describe_agreement(claimed: Array, other: Array, rtol: float) -> str:
    """Return how many components of an asserted gradient agree with another gradient.

    They agree within `rtol` of the largest component: small components may be sums that cancel.
    """
    both = np.isfinite(claimed) & np.isfinite(other)
    size = float(np.abs(other[both]).max(initial=0))
    with np.errstate(all="ignore"):
        off = ~(both & (np.abs(claimed - other) <= rtol * size))
    words = f"{int((~off).sum())} of {off.size} components agree"
    has_difference = (off & both).any()
    how = ""
    if has_difference:
        how = describe_difference(claimed[both], other[both], off[both], "components")
    return f"{words}; {how}" if off.any() and how else words


def _constant(numbers: Array, size: float) -> float | None:
    """Return the constant that all numbers equal up to `_SAME` times a size, or None."""
    if not np.isfinite(numbers).all():
        return None
    median = float(np.median(numbers))
    if np.abs(numbers - median).max() > _SAME * size:
        return None
    return 0.0 if abs(median) <= _SAME * size else median


def _factor(claimed: Array, true: Array) -> float | None:
    """Return c with true = c·claimed, or None; at least two claimed numbers must not be 0."""
    nonzero = claimed != 0
    if nonzero.sum() < 2 or (true[~nonzero] != 0).any():
        return None
    with np.errstate(over="ignore"):
        ratios = true[nonzero] / claimed[nonzero]
    if not np.isfinite(ratios).all():
        return None
    median = float(np.median(ratios))
    is_constant = np.abs(ratios - median).max() <= _SAME * abs(median)
    return median if is_constant and median else None


def _is_by_chance(true: Array) -> bool:
    """Return whether the numbers are too few to tell a factor: two derivatives of equal size."""
    sizes = np.abs(true)
    return len(true) == 2 and bool(np.ptp(sizes) <= _SAME * sizes.max())
