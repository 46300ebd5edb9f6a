"""Points with the same fault as regions: which belong together, and how a sentence names them."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.comparison.evidence import Evidence
from symdiff.grid.grid import Grid, Role
from symdiff.report.points import where

Points = NDArray[np.intp]

_KINKS: Final = (Role.KINK, Role.NEAREST)


def parts(evidence: Evidence, points: Points) -> list[Points]:
    """Return points with the same fault as regions, each of them indices in order.

    In one variable, points side by side are a region, also across a kink between its neighbours.
    In several variables, or if the points are not in order, all are one region.
    """
    if not _is_line(evidence):
        return [points]
    pairs = itertools.pairwise(points.tolist())
    starts = [k for k, pair in enumerate(pairs, start=1) if _is_gap(evidence.grid, *pair)]
    return np.split(points, starts)


def _is_line(evidence: Evidence) -> bool:
    """Return whether there is one variable, and the points are in its order."""
    x = evidence.grid.points[:, 0] if len(evidence.scalars) == 1 else np.array([1.0, 0.0])
    return bool((x[1:] >= x[:-1]).all())


def _is_gap(grid: Grid, before: int, after: int) -> bool:
    """Return whether there is more than a kink between two points, which are its neighbours."""
    if after == before + 1:
        return False
    between = grid.roles[before + 1 : after]
    around = grid.roles[[before, after]]
    return not (np.isin(between, _KINKS).all() and (around != Role.REGULAR).all())


def region(evidence: Evidence, points: Points) -> str:
    """Return a region as text; "" for a program on tensors alone.

    Parameters
    ----------
    evidence
        The result of a comparison.
    points
        The indices of the points of the region.

    Examples
    --------
    >>> from symdiff import compare
    >>> (evidence,) = compare("relu(x)", {"x": "-2:2:5"}).evidence
    >>> kink = int(np.flatnonzero(evidence.grid.roles == Role.KINK)[0])
    >>> everywhere = np.arange(len(evidence.grid))
    >>> region(evidence, everywhere[kink : kink + 1])
    'x = 0'
    >>> region(evidence, everywhere[kink - 2 : kink + 3])
    'x = 0 and 4 neighbours'
    >>> region(evidence, everywhere[:kink])
    'x from -2 to just below 0'
    """
    if len(points) == 1 or not evidence.scalars:
        return where(evidence, int(points[0]))
    kink = _common_kink(evidence.grid, points)
    if kink is not None:
        named, around = where(evidence, kink), int(np.count_nonzero(points != kink))
        is_whole = around < len(points)
        return f"{named} and {around} neighbours" if is_whole else f"{around} points beside {named}"
    ranges = []
    for j, name in enumerate(evidence.scalars):
        column = evidence.grid.points[points, j]
        low, high = int(points[np.argmin(column)]), int(points[np.argmax(column)])
        ends = [_end(evidence, k, j) for k in (low, high)]
        ranges.append(
            f"{name} = {ends[0]}" if ends[0] == ends[1] else f"{name} from {ends[0]} to {ends[1]}"
        )
    return ", ".join(ranges) + _exception(evidence, points)


def _exception(evidence: Evidence, points: Points) -> str:
    """Return the kinks in a region on a line that do not belong to it."""
    if not _is_line(evidence):
        return ""
    others = np.setdiff1d(np.arange(points[0], points[-1]), points)
    kinks = others[evidence.grid.roles[others] == Role.KINK].tolist()
    return f" except {', '.join(coordinate(evidence.grid, k, 0) for k in kinks)}" if kinks else ""


def _common_kink(grid: Grid, points: Points) -> int | None:
    """Return the kink of which all points are neighbours, or itself; None if there is no such."""
    if (grid.roles[points] == Role.REGULAR).any():
        return None
    kinks = {_kink_of(grid, i) for i in points.tolist()}
    return kinks.pop() if len(kinks) == 1 else None


def _kink_of(grid: Grid, i: int) -> int | None:
    """Return the kink that a point lies beside: the nearest on a line; None if it is left out."""
    if grid.roles[i] == Role.KINK:
        return i
    j = int(grid.along[i])
    others = np.delete(grid.points, j, axis=1)
    kinks = np.flatnonzero((others == others[i]).all(axis=1) & (grid.roles == Role.KINK))
    if not len(kinks):
        return None
    return int(kinks[np.argmin(np.abs(grid.points[kinks, j] - grid.points[i, j]))])


def _end(evidence: Evidence, i: int, j: int) -> str:
    """Return the end of a region; a neighbour of a kink looks like the kink in six digits."""
    grid = evidence.grid
    role = Role.from_code(grid.roles[i])
    kink = _kink_of(grid, i) if role is not Role.REGULAR and grid.along[i] == j else None
    if kink is None or role in _KINKS:
        return coordinate(grid, i if kink is None else kink, j)
    return f"just {'below' if role.label.startswith('-') else 'above'} {coordinate(grid, kink, j)}"


def coordinate(grid: Grid, i: int, j: int) -> str:
    """Return a coordinate of a point as text, the exact number where it is not a double."""
    return grid.exact.get((i, j)) or f"{float(grid.points[i, j]) + 0.0:.6g}"
