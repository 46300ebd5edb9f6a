"""The points of a comparison: regular points, kinks, and the neighbours of kinks."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array
from symdiff.chunks import renumbered
from symdiff.grid.kinks import MAX_ROOTS, Roots, find_roots
from symdiff.grid.points import Axis, difference_step
from symdiff.grid.solve.coordinates import Coordinate
from symdiff.grid.solve.isolation import MAX_BOXES
from symdiff.grid.switches import Switch, find_factors
from symdiff.labels import LabelledEnum
from symdiff.program import Program
from symdiff.request.options import MAX_POINTS

MAX_LINES: Final = 256  # lines along one variable on which one switch is solved
MAX_ADDED: Final = 20_000  # kinks and neighbours added to one grid
MAX_WORK: Final = 400_000  # ball operations for one grid, about two seconds
MIN_BOXES: Final = 30  # enclosures that every switch may use, even after `MAX_WORK` is spent
_MAX_BRACKETS_IN_NOTE = 3


class Role(LabelledEnum):
    """Why a point is in the grid.

    `NEAREST` is the double nearest to a kink that is not a double. The neighbours of a kink lie
    one or two doubles (ulp) or a multiple of the finite-difference step h to its left (-) or
    right (+).
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
# Multiples of h, by role; in the order of `Role`.
_STEPS = {"-h/2": -0.5, "+h/2": 0.5, "-h": -1.0, "+h": 1.0, "-2h": -2.0, "+2h": 2.0}

# The exact numbers as text of the coordinates that are not doubles: by point, then by variable.
ExactTexts = dict[int, dict[int, str]]


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


def make_grid(
    programs: Sequence[Program],
    axes: Sequence[Axis],
    *,
    kinks: bool = True,
    max_points: int = MAX_POINTS,
    seed: int = 0,
) -> Grid:
    """Return the regular points of the axes, with the kinks of the programs added.

    Parameters
    ----------
    programs
        An expression and its other spellings: the zeros of their switches are the kinks.
    axes
        One for each input.
    kinks
        Whether to add kinks and their neighbours.
    max_points
        The largest product of several axes; a larger one is replaced by a Sobol sample of at
        most this size.
    seed
        The seed of the Sobol sample.

    Examples
    --------
    >>> from symdiff.grid.points import axis
    >>> from symdiff.program import parse
    >>> grid = make_grid([parse("abs(3*x - 1)")], [axis("x", "0:1:3")])
    >>> [grid.exact.get((i, 0)) for i in np.flatnonzero(grid.roles == Role.KINK)]
    ['1/3']
    """
    names = tuple(axis.name for axis in axes)
    points, exact, notes = _regular_points(axes, max_points, seed)
    switches = tuple(switch for program in programs for switch in find_factors(program))
    batches = [_Batch(points, exact, np.zeros(len(points), dtype=np.int8))]
    if kinks and switches:
        search = _KinkSearch(switches, axes, points, exact)
        batches.extend(search.batches())
        notes.extend(search.notes)
    grid = _assemble(names, batches, switches, tuple(dict.fromkeys(notes)))
    return dataclasses.replace(grid, listed=not any(axis.searched for axis in axes))


@dataclasses.dataclass(frozen=True, slots=True)
class _Batch:
    """Points before they are sorted and duplicates are removed.

    All points have the same `along` and `switch`, which are -1 for regular points.
    """

    points: Array  # (m, d)
    exact: ExactTexts
    roles: NDArray[np.int8]
    along: int = -1
    switch: int = -1

    def part(self, indices: NDArray[np.intp]) -> _Batch:
        """Return the points with the given indices, in that order."""
        exact = {new: e for new, old in enumerate(indices.tolist()) if (e := self.exact.get(old))}
        return _Batch(self.points[indices], exact, self.roles[indices], self.along, self.switch)


def _regular_points(
    axes: Sequence[Axis], max_points: int, seed: int
) -> tuple[Array, ExactTexts, list[str]]:
    """Return the product of the axes, or a sample of it, with exact texts and notes."""
    if not axes:
        return np.zeros((1, 0)), {}, []
    if len(axes) == 1:
        return axes[0].values[:, None], {i: {0: text} for i, text in axes[0].exact.items()}, []
    counts = [len(axis.values) for axis in axes]
    total = math.prod(counts)
    if total > max_points:
        sample = _sobol_sample(axes, max_points, seed)
        note = (
            f"{total} points in the product: a Sobol sample of {max_points} (seed {seed}) is used"
        )
        return sample, {}, [note]
    index = _product_indices(counts)
    points = np.stack([axis.values[index[:, j]] for j, axis in enumerate(axes)], axis=1)
    exact: ExactTexts = {}
    for j, axis in enumerate(axes):
        for i, text in axis.exact.items():
            for point in np.flatnonzero(index[:, j] == i).tolist():
                exact.setdefault(point, {})[j] = text
    return points, exact, []


def _product_indices(counts: Sequence[int]) -> NDArray[np.intp]:
    """Return the indices of all points of a product of axes, shape (points, axes).

    The last axis varies fastest. numpy's meshgrid does the same for at most 32 axes.

    Examples
    --------
    >>> _product_indices([2, 3]).tolist()
    [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    """
    points = np.arange(math.prod(counts))
    strides = [math.prod(counts[j + 1 :]) for j in range(len(counts))]
    columns = [points // stride % n for stride, n in zip(strides, counts, strict=True)]
    return np.stack(columns, axis=1)


def _sobol_sample(axes: Sequence[Axis], count: int, seed: int) -> Array:
    """Return points of a Sobol sequence: the largest power of two up to `count`, shape (n, d).

    An axis that is searched for kinks is sampled between its ends. The points of another axis
    are sampled from its list.
    """
    from scipy.stats import qmc  # noqa: PLC0415  (loads in more than a second)

    # scipy warns unless the size is a power of two, which keeps the sequence balanced.
    size = 2 ** (count.bit_length() - 1)
    unit = qmc.Sobol(d=len(axes), scramble=True, rng=np.random.default_rng(seed)).random(size)
    columns = [
        axis.low + unit[:, j] * (axis.high - axis.low)
        if axis.searched
        else axis.values[(unit[:, j] * len(axis.values)).astype(int)]
        for j, axis in enumerate(axes)
    ]
    return np.stack(columns, axis=1)


class _KinkSearch:
    """A search for kinks on the lines through all regular points, parallel to each axis.

    `notes` says what the search left out.
    """

    def __init__(
        self,
        switches: Sequence[Switch],
        axes: Sequence[Axis],
        regular: Array,
        exact: ExactTexts,
    ) -> None:
        self._switches = switches
        self._axes = axes
        self._regular = regular
        self._exact = exact
        self._added = 0
        self._work = MAX_WORK
        self.notes: list[str] = []

    def batches(self) -> Iterator[_Batch]:
        """Yield the kinks and their neighbours, one batch for a switch on a group of lines."""
        for j, axis in enumerate(self._axes):
            if not axis.searched:
                continue
            for s, switch in enumerate(self._switches):
                if axis.name in switch.program.inputs:
                    yield from self._batches_of_switch(j, s)

    def _batches_of_switch(self, j: int, s: int) -> Iterator[_Batch]:
        switch, axis = self._switches[s], self._axes[j]
        for members, fixed in self._lines(j, switch):
            roots = find_roots(switch, axis.name, fixed, (axis.low, axis.high), self._boxes(switch))
            self._note(roots, switch, axis, fixed)
            if not roots.coordinates:
                continue
            if self._added > MAX_ADDED:
                self.notes.append(f"more than {MAX_ADDED} points at kinks: the rest is left out")
                return
            batch = self._with_neighbours(j, s, members, roots.coordinates)
            self._added += len(batch.points)
            yield batch

    def _boxes(self, switch: Switch) -> int:
        """Return how many enclosures bisection may compute for a switch, and count them as work.

        A switch gets at most a tenth of the remaining work, but never fewer than `MIN_BOXES`.
        """
        size = len(switch.program.dependencies(switch.program.output))
        boxes = max(MIN_BOXES, min(MAX_BOXES, self._work // (10 * size)))
        self._work = max(0, self._work - boxes * size)
        return boxes

    def _lines(
        self, j: int, switch: Switch
    ) -> Iterator[tuple[NDArray[np.intp], dict[str, Coordinate]]]:
        """Yield groups of lines along axis j: the switch is the same function on those of a group.

        The first item is the group, one index of a regular point per line. The second item is the
        coordinates of the switch's other variables.
        """
        others = [
            i for i, axis in enumerate(self._axes) if i != j and axis.name in switch.program.inputs
        ]
        rest = [i for i in range(len(self._axes)) if i != j]
        starts = np.zeros(1, dtype=np.intp)
        if rest:
            _, starts = np.unique(self._regular[:, rest], axis=0, return_index=True)
        groups: dict[tuple[Any, ...], list[int]] = {}
        for start in starts.tolist():
            key = tuple((self._regular[start, i], self._text(start, i)) for i in others)
            groups.setdefault(key, []).append(start)
        if len(groups) > MAX_LINES:
            blamed = switch.program.text_of(switch.blame)
            self.notes.append(
                f"kinks of {blamed} along {self._axes[j].name} were searched for on {MAX_LINES} "
                f"of {len(groups)} lines"
            )
        for members in list(groups.values())[:MAX_LINES]:
            first = members[0]
            fixed = {
                self._axes[i].name: Coordinate(float(self._regular[first, i]), self._text(first, i))
                for i in others
            }
            yield np.array(members), fixed

    def _text(self, point: int, i: int) -> str | None:
        return self._exact.get(point, {}).get(i)

    def _with_neighbours(
        self, j: int, s: int, members: NDArray[np.intp], kinks: Sequence[Coordinate]
    ) -> _Batch:
        """Return kinks and their neighbours along axis j, on every line of a group.

        The points are ordered by line, then by role, then by kink.
        """
        values = np.array([c.value for c in kinks])
        coordinates = _neighbours(values)  # (roles, kinks)
        roles, count = len(coordinates), len(values)
        points = np.repeat(self._regular[members], roles * count, axis=0)
        points[:, j] = np.tile(coordinates.reshape(-1), len(members))
        exact: ExactTexts = {}
        for line, member in enumerate(members.tolist()):
            others = {i: text for i, text in self._exact.get(member, {}).items() if i != j}
            for row in range(roles * count):
                # The first `count` rows have the role "kink": only kinks have exact texts.
                text = kinks[row].exact if row < count else None
                texts = {**others, j: text} if text else others
                if texts:
                    exact[line * roles * count + row] = texts
        labels = np.tile(np.repeat(np.arange(1, roles + 1), count), len(members))
        return _Batch(points, exact, labels.astype(np.int8), along=j, switch=s)

    def _note(
        self, roots: Roots, switch: Switch, axis: Axis, fixed: Mapping[str, Coordinate]
    ) -> None:
        where = f"{switch.program.text_of(switch.blame)} along {axis.name}"
        if fixed:
            where += " at " + ", ".join(
                f"{n} = {c.exact or repr(c.value)}" for n, c in fixed.items()
            )
        if roots.truncated:
            self.notes.append(f"{where}: stopped at {MAX_ROOTS} kinks, those nearest to 0")
        if roots.everywhere:
            self.notes.append(f"{where}: the switch is 0 on the whole line")
        if roots.open_brackets:
            brackets = ", ".join(
                f"[{a:.9g}, {b:.9g}]" for a, b in roots.open_brackets[:_MAX_BRACKETS_IN_NOTE]
            )
            more = len(roots.open_brackets) - _MAX_BRACKETS_IN_NOTE
            brackets += f" and {more} more" if more > 0 else ""
            self.notes.append(f"{where}: a kink in {brackets} can be neither proved nor excluded")


def _neighbours(x: Array) -> Array:
    """Return kinks and their neighbours, in the order of `Role` from KINK on; shape (roles, m)."""
    below, above = np.nextafter(x, -np.inf), np.nextafter(x, np.inf)
    h = difference_step(x)
    ulps = [x, x, below, above, np.nextafter(below, -np.inf), np.nextafter(above, np.inf)]
    return np.stack([*ulps, *(x + factor * h for factor in _STEPS.values())])


def _assemble(
    names: tuple[str, ...],
    batches: list[_Batch],
    switches: tuple[Switch, ...],
    notes: tuple[str, ...],
) -> Grid:
    """Sort all points and keep each once: as a kink if it is one, else as a neighbour."""
    regular, *added = batches
    x = regular.points[:, 0] if len(names) == 1 else np.zeros(0)
    if len(x) < 2 or not (x[1:] > x[:-1]).all():
        return _with_needed_switches(_sorted(names, batches, switches, notes))
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
    batches: list[_Batch],
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
