"""The points of a comparison: regular ones, kinks, and the neighbours of kinks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array
from symdiff.chunks import renumbered
from symdiff.grid.kinks import MAX_ROOTS, Roots, find_roots
from symdiff.grid.points import Axis, difference_step
from symdiff.grid.solve.coordinates import Coordinate, formula_of
from symdiff.grid.solve.isolation import MAX_BOXES
from symdiff.grid.switches import Switch, find_factors
from symdiff.program import Program

MAX_PRODUCT: Final = 4096  # points of a product of several axes; beyond, a Sobol sample
MAX_LINES: Final = 256  # lines along one variable on which one switch is solved
MAX_ADDED: Final = 20_000  # kinks and neighbours added to one grid
MAX_WORK: Final = 400_000  # ball operations spent on one grid, about two seconds
MIN_BOXES: Final = 30  # enclosures for a switch when that is used up
_SHOWN_BRACKETS = 3

# What a point is there for. `nearest` is the double nearest to a kink that is no double; a
# kink's neighbours stand some doubles (ulp) or some steps h of the differences to its side.
ROLES: Final = (
    "",
    "kink",
    "nearest",
    "-1 ulp",
    "+1 ulp",
    "-2 ulp",
    "+2 ulp",
    "-h/2",
    "+h/2",
    "-h",
    "+h",
    "-2h",
    "+2h",
)
KINK: Final = ROLES.index("kink")
NEAREST: Final = (ROLES.index("-1 ulp"), ROLES.index("+1 ulp"))
_NONE: Final = np.zeros(0, dtype=np.intp)
_STEPS = {"-h/2": -0.5, "+h/2": 0.5, "-h": -1.0, "+h": 1.0, "-2h": -2.0, "+2h": 2.0}


# Exact coordinates, by point and by variable index.
Exact = dict[int, dict[int, str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Grid:
    """The points at which an expression is looked at.

    Attributes
    ----------
    names
        The variables, d of them.
    points
        The nearest doubles, shape (n, d).
    exact
        For coordinates that are no double, by (point, variable index): the exact number.
    roles
        For every point an index into `ROLES`, shape (n,).
    along
        For kinks and neighbours the index of the variable that moved, else -1; shape (n,).
    switch_of
        For kinks and neighbours the index of the switch that is zero, else -1; shape (n,).
    switches
        Those after which a coordinate without a formula is named: it is a zero of one.
    notes
        What could not be done: roots left out, brackets still open, points not searched.
    """

    names: tuple[str, ...]
    points: Array
    exact: Mapping[tuple[int, int], str]
    roles: NDArray[np.int8]
    along: NDArray[np.int8]
    switch_of: NDArray[np.int32]
    switches: tuple[Switch, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.points)

    def part(self, chosen: NDArray[np.intp]) -> Grid:
        """Return some of the points, in order; notes stay behind."""
        by_point: Exact = {}
        for (i, j), text in self.exact.items():
            by_point.setdefault(i, {})[j] = text
        moved = renumbered(by_point, chosen)
        return Grid(
            self.names,
            self.points[chosen],
            {(i, j): text for i, texts in moved.items() for j, text in texts.items()},
            self.roles[chosen],
            self.along[chosen],
            self.switch_of[chosen],
            self.switches,
        )

    def columns(self) -> dict[str, Array]:
        """Return for every variable its coordinates, shape (n,)."""
        return {name: np.ascontiguousarray(self.points[:, i]) for i, name in enumerate(self.names)}


def make_grid(
    programs: Sequence[Program],
    axes: Sequence[Axis],
    *,
    kinks: bool = True,
    max_points: int = MAX_PRODUCT,
    seed: int = 0,
) -> Grid:
    """Return the regular points along the axes, with the kinks of the programs added.

    Parameters
    ----------
    programs
        Whose switches are solved: an expression and its other spellings.
    axes
        One for every input.
    kinks
        Whether to add kinks and their neighbours.
    max_points
        The largest product of several axes; a larger one becomes a Sobol sample of this size.
    seed
        Of the Sobol sample.

    Examples
    --------
    >>> from symdiff.grid.points import axis
    >>> from symdiff.program import parse
    >>> grid = make_grid([parse("abs(3*x - 1)")], [axis("x", "0:1:3")])
    >>> [grid.exact.get((i, 0)) for i in np.flatnonzero(grid.roles == KINK)]
    ['1/3']
    """
    names = tuple(axis.name for axis in axes)
    regular, exact, notes = _regular(axes, max_points, seed)
    switches = tuple(switch for program in programs for switch in find_factors(program))
    rows = [_regular_rows(regular, exact)]
    if kinks and switches:
        search = _Search(switches, axes, regular, exact)
        rows.extend(search.rows())
        notes.extend(search.notes)
    return _assemble(names, rows, switches, tuple(dict.fromkeys(notes)))


@dataclasses.dataclass(frozen=True, slots=True)
class _Rows:
    """Points before they are sorted and doubles removed."""

    points: Array  # (m, d)
    exact: Exact
    roles: NDArray[np.int8]
    along: int = -1
    switch: int = -1

    def some(self, chosen: NDArray[np.intp]) -> _Rows:
        """Return some of the points, in order."""
        exact = {new: e for new, old in enumerate(chosen.tolist()) if (e := self.exact.get(old))}
        return _Rows(self.points[chosen], exact, self.roles[chosen], self.along, self.switch)


def _regular(axes: Sequence[Axis], max_points: int, seed: int) -> tuple[Array, Exact, list[str]]:
    if not axes:
        return np.zeros((1, 0)), {}, []
    if len(axes) == 1:
        return axes[0].values[:, None], {i: {0: text} for i, text in axes[0].exact.items()}, []
    counts = [len(axis.values) for axis in axes]
    total = math.prod(counts)
    if total > max_points:
        sample = _sobol(axes, max_points, seed)
        note = (
            f"{total} points in the product: a Sobol sample of {max_points} (seed {seed}) is used"
        )
        return sample, {}, [note]
    index = np.stack(
        [i.reshape(-1) for i in np.meshgrid(*map(np.arange, counts), indexing="ij")], axis=1
    )
    points = np.stack([axis.values[index[:, j]] for j, axis in enumerate(axes)], axis=1)
    exact: Exact = {}
    for j, axis in enumerate(axes):
        for i, text in axis.exact.items():
            for point in np.flatnonzero(index[:, j] == i).tolist():
                exact.setdefault(point, {})[j] = text
    return points, exact, []


def _sobol(axes: Sequence[Axis], count: int, seed: int) -> Array:
    from scipy.stats import qmc  # noqa: PLC0415  (loads in more than a second)

    # A power of two keeps the sequence balanced, and scipy from warning.
    size = 2 ** (count.bit_length() - 1)
    unit = qmc.Sobol(d=len(axes), scramble=True, rng=np.random.default_rng(seed)).random(size)
    columns = [
        axis.low + unit[:, j] * (axis.high - axis.low)
        if axis.searched
        else axis.values[(unit[:, j] * len(axis.values)).astype(int)]
        for j, axis in enumerate(axes)
    ]
    return np.stack(columns, axis=1)


def _regular_rows(points: Array, exact: Exact) -> _Rows:
    return _Rows(points, exact, np.zeros(len(points), dtype=np.int8))


class _Search:
    """Kinks along every axis, through every regular point."""

    def __init__(
        self,
        switches: Sequence[Switch],
        axes: Sequence[Axis],
        regular: Array,
        exact: Exact,
    ) -> None:
        self._switches = switches
        self._axes = axes
        self._regular = regular
        self._exact = exact
        self._added = 0
        self._work = MAX_WORK
        self.notes: list[str] = []

    def rows(self) -> Iterator[_Rows]:
        for j, axis in enumerate(self._axes):
            if not axis.searched:
                continue
            for s, switch in enumerate(self._switches):
                if axis.name in switch.program.inputs:
                    yield from self._switch_rows(j, s)

    def _switch_rows(self, j: int, s: int) -> Iterator[_Rows]:
        switch, axis = self._switches[s], self._axes[j]
        for members, fixed in self._lines(j, switch):
            roots = find_roots(switch, axis.name, fixed, (axis.low, axis.high), self._boxes(switch))
            self._note(roots, switch, axis, fixed)
            if not roots.found:
                continue
            if self._added > MAX_ADDED:
                self.notes.append(f"more than {MAX_ADDED} points at kinks: the rest is left out")
                return
            rows = self._around(j, s, members, roots.found)
            self._added += len(rows.points)
            yield rows

    def _boxes(self, switch: Switch) -> int:
        """Return how many enclosures bisection may compute, so that a grid stays cheap."""
        size = len(switch.program.reached(switch.program.output))
        boxes = max(MIN_BOXES, min(MAX_BOXES, self._work // (10 * size)))
        self._work = max(0, self._work - boxes * size)
        return boxes

    def _lines(
        self, j: int, switch: Switch
    ) -> Iterator[tuple[NDArray[np.intp], dict[str, Coordinate]]]:
        """Yield the lines along axis j that differ for the switch, with one regular point each.

        The first item are the regular points that stand for the lines of the whole grid on
        which the switch takes the same values.
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
            place = switch.program.written(switch.blame)
            self.notes.append(
                f"kinks of {place} along {self._axes[j].name} were sought on {MAX_LINES} "
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

    def _around(
        self, j: int, s: int, members: NDArray[np.intp], found: Sequence[Coordinate]
    ) -> _Rows:
        """Return kinks and their neighbours, on every line of the group."""
        values = np.array([c.value for c in found])
        moved = _neighbours(values)  # (roles, roots)
        roles, count = len(moved), len(values)
        points = np.repeat(self._regular[members], roles * count, axis=0)
        points[:, j] = np.tile(moved.reshape(-1), len(members))
        exact: Exact = {}
        for place, member in enumerate(members.tolist()):
            kept = {i: text for i, text in self._exact.get(member, {}).items() if i != j}
            for row in range(roles * count):
                own = {**kept, **({j: t} if row < count and (t := found[row].exact) else {})}
                if own:
                    exact[place * roles * count + row] = own
        labels = np.tile(np.repeat(np.arange(1, roles + 1), count), len(members))
        return _Rows(points, exact, labels.astype(np.int8), along=j, switch=s)

    def _note(
        self, roots: Roots, switch: Switch, axis: Axis, fixed: Mapping[str, Coordinate]
    ) -> None:
        where = f"{switch.program.written(switch.blame)} along {axis.name}"
        if fixed:
            where += " at " + ", ".join(
                f"{n} = {c.exact or repr(c.value)}" for n, c in fixed.items()
            )
        if roots.truncated:
            self.notes.append(f"{where}: stopped at {MAX_ROOTS} kinks, those nearest to 0")
        if roots.everywhere:
            self.notes.append(f"{where}: the switch is 0 on the whole line")
        if roots.open:
            shown = ", ".join(f"[{a:.9g}, {b:.9g}]" for a, b in roots.open[:_SHOWN_BRACKETS])
            more = len(roots.open) - _SHOWN_BRACKETS
            shown += f" and {more} more" if more > 0 else ""
            self.notes.append(f"{where}: a kink in {shown} can be neither shown nor excluded")


def _neighbours(x: Array) -> Array:
    """Return x and its neighbours, in the order of `ROLES` from the kink on; shape (roles, m)."""
    below, above = np.nextafter(x, -np.inf), np.nextafter(x, np.inf)
    h = difference_step(x)
    ulps = [x, x, below, above, np.nextafter(below, -np.inf), np.nextafter(above, np.inf)]
    return np.stack([*ulps, *(x + factor * h for factor in _STEPS.values())])


def _assemble(
    names: tuple[str, ...],
    rows: list[_Rows],
    switches: tuple[Switch, ...],
    notes: tuple[str, ...],
) -> Grid:
    """Sort all points and keep each once: as a kink if it is one, else as a neighbour."""
    regular, *added = rows
    x = regular.points[:, 0] if len(names) == 1 else np.zeros(0)
    if len(x) < 2 or not (x[1:] > x[:-1]).all():
        return _with_switches_named(_sorted(names, rows, switches, notes))
    # A long line of points that are in order already: only those that are special are sorted.
    beside = [np.minimum(np.searchsorted(x, r.points[:, 0]), len(x) - 1) for r in added]
    special = np.unique(np.concatenate([np.array(list(regular.exact), dtype=np.intp), *beside]))
    sorted_ones = _sorted(names, [regular.some(special), *added], switches, notes)
    return with_plain_points(_with_switches_named(sorted_ones), x, special)


def with_plain_points(special: Grid, x: Array, without: NDArray[np.intp] = _NONE) -> Grid:
    """Return a grid on one axis with regular points added.

    Parameters
    ----------
    special
        Kinks and their neighbours, in order.
    x
        Coordinates in order.
    without
        The numbers of those that are among the special ones, in order.
    """
    places = np.searchsorted(x, special.points[:, 0])
    new = places - np.searchsorted(without, places) + np.arange(len(places))
    points = _stretched(x, without.tolist(), places.tolist())
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


def _stretched(x: Array, without: Sequence[int], places: Sequence[int]) -> Array:
    """Return x without some of its numbers, and with room before some places.

    Long stretches are copied at once.
    """
    found = np.empty(len(x) - len(without) + len(places))
    cuts = sorted([*((place, False) for place in places), *((place, True) for place in without)])
    start = at = 0
    for place, is_left_out in (*cuts, (len(x), True)):
        stretch = x[start:place]
        np.add(stretch, 0.0, out=found[at : at + len(stretch)])  # no -0.0
        at += len(stretch) + (not is_left_out)
        start = place + is_left_out
    return found


def _with_switches_named(grid: Grid) -> Grid:
    """Keep of all switches those after which a point without a formula is named."""
    if not grid.switches:
        return grid
    unnamed = {i for (i, _), text in grid.exact.items() if formula_of(text) is None}
    found = {s: None for i in sorted(unnamed) if (s := int(grid.switch_of[i])) >= 0}
    place = {old: new for new, old in enumerate(found)}
    switch_of = np.full(len(grid), -1, dtype=np.int32)
    for i in unnamed:
        switch_of[i] = place.get(int(grid.switch_of[i]), -1)
    kept = tuple(grid.switches[s] for s in found)
    return dataclasses.replace(grid, switch_of=switch_of, switches=kept)


def _sorted(
    names: tuple[str, ...],
    rows: list[_Rows],
    switches: tuple[Switch, ...],
    notes: tuple[str, ...],
) -> Grid:
    points = np.concatenate([r.points for r in rows]) + 0.0  # turns -0.0 into 0.0
    roles = np.concatenate([r.roles for r in rows])
    along = np.concatenate([np.full(len(r.points), r.along, dtype=np.int8) for r in rows])
    switch_of = np.concatenate([np.full(len(r.points), r.switch, dtype=np.int32) for r in rows])
    starts = np.cumsum([0, *(len(r.points) for r in rows)]).tolist()
    texts = {at + i: e for r, at in zip(rows, starts, strict=False) for i, e in r.exact.items()}
    rank = np.where(roles == 0, len(ROLES), roles)
    # Exact coordinates tell points with equal doubles apart.
    labels = rank * 0
    if texts:
        labels = np.array([repr(sorted(texts.get(i, {}).items())) for i in range(len(points))])
    keys = [points[:, i] for i in reversed(range(points.shape[1]))]
    order = np.lexsort([rank, labels, *keys])
    fresh = np.ones(len(order), dtype=bool)
    if len(order) > 1:
        same = (points[order[1:]] == points[order[:-1]]).all(axis=1)
        fresh[1:] = ~(same & (labels[order[1:]] == labels[order[:-1]]))
    kept = order[fresh]
    exact = {
        (new, i): text
        for new, old in enumerate(kept.tolist() if texts else ())
        for i, text in texts.get(old, {}).items()
    }
    return Grid(
        names, points[kept], exact, roles[kept], along[kept], switch_of[kept], switches, notes
    )
