"""Whether the spellings of an expression are one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from symdiff.arithmetics.bounds.estimates import Estimate, estimate
from symdiff.array_types import Array
from symdiff.errors import Unsupported, UsageError
from symdiff.program import Program


def check_same_values(
    program: Program,
    spelling: str,
    other: Program,
    columns: Mapping[str, Array],
    shown: Sequence[str],
) -> None:
    """Refuse a spelling whose value is proved to be another one at a point of the grid.

    Points at which either is undefined, or too uncertain, prove nothing.

    Parameters
    ----------
    program, other
        The expression and its spelling.
    spelling
        The name of the latter.
    columns
        For every input its coordinates at the points to look at, shape (n,).
    shown
        The inputs that a message names.

    Raises
    ------
    UsageError
        With the point at which the two are farthest apart.
    """
    try:
        first, second = (estimate(p, columns, None) for p in (program, other))
    except Unsupported:
        return
    count = len(next(iter(columns.values()))) if columns else 1
    apart = _apart(first, second, count)
    if not apart.any():
        return
    i = int(np.argmax(apart))
    place = ", ".join(f"{name} = {columns[name][i]:.6g}" for name in shown)
    values = [float(np.broadcast_to(e.value, count)[i]) for e in (second, first)]
    message = (
        f"spelling {spelling!r} is another function: at {place} it is {values[0]:.9g}, "
        f"and the expression is {values[1]:.9g}"
    )
    raise UsageError(message, hint="correct it, or make it an entry of its own")


def _apart(first: Estimate, second: Estimate, count: int) -> np.ndarray:
    """Return how far two values are apart beyond what rounding may explain, 0 elsewhere."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(first.value - second.value) - 2 * (first.error + second.error)
    gap = np.broadcast_to(gap, count)
    return np.where(np.isfinite(gap) & (gap > 0), gap, 0.0)
