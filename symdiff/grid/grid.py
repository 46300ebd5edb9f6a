"""The points of a comparison: regular points, kinks, and the neighbours of kinks."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array
from symdiff.chunks import renumbered
from symdiff.errors import GridError
from symdiff.grid.batches import Batch, ExactTexts
from symdiff.grid.kink_search import KinkSearch
from symdiff.grid.points import Axis
from symdiff.grid.regular_points import regular_points
from symdiff.grid.switches import Switch, find_factors
from symdiff.labels import LabelledEnum
from symdiff.program import Program
from symdiff.program.values import Dtype
from symdiff.request.options import MAX_POINTS


class Role(LabelledEnum):
    """Why a point is in the grid.

    `NEAREST` is the double nearest to a kink that is not a double. The neighbours of a kink lie
    one or two doubles (ulp), or numbers of the format of the run, or a multiple of the
    finite-difference step h to its left (-) or right (+).
    """

    REGULAR = 0, ""
    KINK = 1, "kink"
    NEAREST = 2, "nearest"
    BELOW_1_ULP = 3, "-1 ulp"
    ABOVE_1_ULP = 4, "+1 ulp"
    BELOW_2_ULP = 5, "-2 ulp"
    ABOVE_2_ULP = 6, "+2 ulp"
    BELOW_HALF_STEP = 7, "-h/2"
    ABOVE_HALF_STEP = 8, "+h/2"
    BELOW_STEP = 9, "-h"
    ABOVE_STEP = 10, "+h"
    BELOW_2_STEPS = 11, "-2h"
    ABOVE_2_STEPS = 12, "+2h"


_NO_INDICES: Final = np.zeros(0, dtype=np.intp)


@dataclasses.dataclass(frozen=True, slots=True)
class Grid:
    """The points at which an expression is compared.

    Attributes
    ----------
    names
        The d variables.
    points
        The nearest doubles, shape (n, d).
    exact
        The exact number as text, by (point index, variable index), for each coordinate that is
        not a double.
    roles
        An index into `Role` for each point, shape (n,).
    along
        The index of the variable along which a kink was found, for kinks and neighbours; -1 for
        regular points; shape (n,).
    switch_of
        For a kink whose coordinate along `along` is not a double the index in `switches` of the
        switch that is zero there, else -1; shape (n,).
    switches
        The switches whose zeros these coordinates are.
    notes
        What is incomplete: kinks that are left out, brackets that may contain a kink, lines that
        were not searched.
    listed
        Whether the points were listed one by one, and not as a range.
    """

    names: tuple[str, ...]
    points: Array
    exact: Mapping[tuple[int, int], str]
    roles: NDArray[np.int8]
    along: NDArray[np.int8]
    switch_of: NDArray[np.int32]
    switches: tuple[Switch, ...] = ()
    notes: tuple[str, ...] = ()
    listed: bool = False

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.points)

    def part(self, indices: NDArray[np.intp]) -> Grid:
        """Return the grid of the points with the given indices, in that order, without notes."""
        by_point: ExactTexts = {}
        for (i, j), text in self.exact.items():
            by_point.setdefault(i, {})[j] = text
        renumbered_texts = renumbered(by_point, indices)
        return Grid(
            self.names,
            self.points[indices],
            {(i, j): text for i, texts in renumbered_texts.items() for j, text in texts.items()},
            self.roles[indices],
            self.along[indices],
            self.switch_of[indices],
            self.switches,
        )

    @staticmethod
    def join(parts: Sequence[Grid], notes: tuple[str, ...] = ()) -> Grid:
        """Return the points of several grids, one after the other, with the given notes.

        The grids have the same variables and switches.
        """
        starts = itertools.accumulate((len(part) for part in parts), initial=0)
        exact = {
            (start + i, j): text
            for part, start in zip(parts, starts, strict=False)
            for (i, j), text in part.exact.items()
        }
        return Grid(
            parts[0].names,
            np.concatenate([part.points for part in parts]),
            exact,
            np.concatenate([part.roles for part in parts]),
            np.concatenate([part.along for part in parts]),
            np.concatenate([part.switch_of for part in parts]),
            parts[0].switches,
            notes,
        )

    def columns(self) -> dict[str, Array]:
        """Return the coordinates by variable, each of shape (n,)."""
        return {name: np.ascontiguousarray(self.points[:, i]) for i, name in enumerate(self.names)}


def make_grid(  # noqa: PLR0913  (the points, and options)
    programs: Sequence[Program],
    axes: Sequence[Axis],
    *,
    kinks: bool = True,
    max_points: int = MAX_POINTS,
    seed: int = 0,
    dtype: Dtype | None = None,
) -> Grid:
    """Return the regular points of the axes, with the kinks of the programs added.

    Parameters
    ----------
    programs
        An expression and its other spellings: the zeros of their switches are the kinks.
    axes
        One for each input. Paired axes give their points in that order, and nothing is added.
    kinks
        Whether to add kinks and their neighbours.
    max_points
        The largest product of several axes; a larger one is replaced by a Sobol sample of at
        most this size.
    seed
        The seed of the Sobol sample.
    dtype
        The dtype to whose numbers points are rounded; exact numbers such as 1/3 stay exact. None:
        all doubles.

    Raises
    ------
    GridError
        A point is beyond the largest number of the dtype.

    Examples
    --------
    >>> from symdiff.grid.points import axis
    >>> from symdiff.program import parse
    >>> grid = make_grid([parse("abs(3*x - 1)")], [axis("x", "0:1:3")])
    >>> [grid.exact.get((i, 0)) for i in np.flatnonzero(grid.roles == Role.KINK)]
    ['1/3']
    """
    names = tuple(axis.name for axis in axes)
    points, exact, notes = regular_points(axes, max_points, seed)
    if dtype is not None:
        points = _rounded(points, names, dtype)
    if axes and axes[0].is_paired:
        return _as_listed(names, points, exact)
    switches = tuple(switch for program in programs for switch in find_factors(program))
    batches = [Batch(points, exact, np.zeros(len(points), dtype=np.int8))]
    if kinks and switches:
        search = KinkSearch(switches, axes, points, exact, dtype)
        batches.extend(search.batches())
        notes.extend(search.notes)
    grid = _assemble(names, batches, switches, tuple(dict.fromkeys(notes)))
    return dataclasses.replace(grid, listed=not any(axis.searched for axis in axes))


def _as_listed(names: tuple[str, ...], points: Array, exact: ExactTexts) -> Grid:
    """Return a grid of points in the order in which they are listed, repeated ones included."""
    exact_texts = {(i, j): text for i, texts in exact.items() for j, text in texts.items()}
    return dataclasses.replace(_plain(names, points), exact=exact_texts, listed=True)


def _plain(names: tuple[str, ...], points: Array, notes: tuple[str, ...] = ()) -> Grid:
    """Return a grid of regular points at doubles."""
    count = len(points)
    return Grid(
        names,
        points + 0.0,  # turns -0.0 into 0.0
        {},
        np.zeros(count, dtype=np.int8),
        np.full(count, -1, dtype=np.int8),
        np.full(count, -1, dtype=np.int32),
        notes=notes,
    )


def _rounded(points: Array, names: Sequence[str], dtype: Dtype) -> Array:
    """Return points as numbers of a dtype."""
    rounded: Array = dtype.rounded(points)
    beyond = np.argwhere(~np.isfinite(rounded))
    if len(beyond):
        i, j = beyond[0].tolist()
        message = (
            f"{points[i, j]:g} is beyond the largest number of {dtype.name}, {dtype.largest:g}"
        )
        raise GridError(message, hint="smaller points, or a wider format").within(
            key=f"grid {names[j][:40]}"
        )
    return rounded


def _assemble(
    names: tuple[str, ...],
    batches: list[Batch],
    switches: tuple[Switch, ...],
    notes: tuple[str, ...],
) -> Grid:
    """Sort all points and keep each once: as a kink if it is one, else as a neighbour."""
    regular, *added = batches
    x = regular.points[:, 0] if len(names) == 1 else np.zeros(0)
    if len(x) < 2 or not (x[1:] > x[:-1]).all():
        return _with_needed_switches(_sorted(names, batches, switches, notes))
    if not added and not regular.exact:
        return _plain(names, regular.points, notes)
    # The regular points are in order, and may be many: sort only the added points, and the
    # regular points that may be equal to an added one.
    next_to = [np.minimum(np.searchsorted(x, b.points[:, 0]), len(x) - 1) for b in added]
    special = np.unique(np.concatenate([np.array(list(regular.exact), dtype=np.intp), *next_to]))
    sorted_part = _sorted(names, [regular.part(special), *added], switches, notes)
    return with_plain_points(_with_needed_switches(sorted_part), x, special)


def with_plain_points(special: Grid, x: Array, without: NDArray[np.intp] = _NO_INDICES) -> Grid:
    """Return a grid in one variable with regular points merged in.

    Parameters
    ----------
    special
        A grid with its points in increasing order: kinks and their neighbours.
    x
        The coordinates of the regular points, in increasing order.
    without
        The indices in `x`, in increasing order, of the points to leave out: `special` has them.
    """
    before = np.searchsorted(x, special.points[:, 0])  # regular points before each special one
    new = before - np.searchsorted(without, before) + np.arange(len(before))
    points = _with_gaps(x, without.tolist(), before.tolist())
    points[new] = special.points[:, 0]
    roles, along, switch_of = (
        np.full(len(points), usual, dtype) for usual, dtype in ((0, "i1"), (-1, "i1"), (-1, "i4"))
    )
    roles[new], along[new], switch_of[new] = special.roles, special.along, special.switch_of
    return Grid(
        special.names,
        points[:, None],
        {(int(new[i]), j): text for (i, j), text in special.exact.items()},
        roles,
        along,
        switch_of,
        special.switches,
        special.notes,
    )


def _with_gaps(x: Array, without: Sequence[int], before: Sequence[int]) -> Array:
    """Return x with some elements left out, and with one uninitialized element before others.

    The stretches between these are copied as blocks, since x may be long.
    """
    result = np.empty(len(x) - len(without) + len(before))
    cuts = sorted([*((index, False) for index in before), *((index, True) for index in without)])
    start = position = 0
    for index, is_left_out in (*cuts, (len(x), True)):
        stretch = x[start:index]
        # Adding 0 turns -0.0 into 0.0.
        np.add(stretch, 0.0, out=result[position : position + len(stretch)])
        position += len(stretch) + (not is_left_out)
        start = index + is_left_out
    return result


def _with_needed_switches(grid: Grid) -> Grid:
    """Return a grid with only the switches that define a coordinate that is not a double."""
    if not grid.switches:
        return grid
    found = {i for i, j in grid.exact if j == grid.along[i]}
    needed = {s: None for i in sorted(found) if (s := int(grid.switch_of[i])) >= 0}
    renumbered_switches = {old: new for new, old in enumerate(needed)}
    switch_of = np.full(len(grid), -1, dtype=np.int32)
    for i in found:
        switch_of[i] = renumbered_switches.get(int(grid.switch_of[i]), -1)
    switches = tuple(grid.switches[s] for s in needed)
    return dataclasses.replace(grid, switch_of=switch_of, switches=switches)


def _sorted(
    names: tuple[str, ...],
    batches: list[Batch],
    switches: tuple[Switch, ...],
    notes: tuple[str, ...],
) -> Grid:
    """Return a grid of all points, sorted and without duplicates.

    Of equal points the one with the first role stays, but a regular point comes last.
    """
    points = np.concatenate([b.points for b in batches]) + 0.0  # turns -0.0 into 0.0
    roles = np.concatenate([b.roles for b in batches])
    along = np.concatenate([np.full(len(b.points), b.along, dtype=np.int8) for b in batches])
    switch_of = np.concatenate([np.full(len(b.points), b.switch, dtype=np.int32) for b in batches])
    starts = np.cumsum([0, *(len(b.points) for b in batches)]).tolist()
    texts = {
        start + i: text
        for b, start in zip(batches, starts, strict=False)
        for i, text in b.exact.items()
    }
    rank = np.where(roles == 0, len(Role), roles)
    # Points with equal doubles are different points if their exact texts differ.
    labels = rank * 0
    if texts:
        labels = np.array([repr(sorted(texts.get(i, {}).items())) for i in range(len(points))])
    keys = [points[:, i] for i in reversed(range(points.shape[1]))]
    order = np.lexsort([rank, labels, *keys])
    is_new = np.ones(len(order), dtype=bool)
    if len(order) > 1:
        same = (points[order[1:]] == points[order[:-1]]).all(axis=1)
        is_new[1:] = ~(same & (labels[order[1:]] == labels[order[:-1]]))
    kept = order[is_new]
    exact = {
        (new, i): text
        for new, old in enumerate(kept.tolist() if texts else ())
        for i, text in texts.get(old, {}).items()
    }
    return Grid(
        names, points[kept], exact, roles[kept], along[kept], switch_of[kept], switches, notes
    )
