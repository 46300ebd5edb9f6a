"""The search for kinks on lines through the regular points, and the neighbours of kinks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array
from symdiff.grid.batches import Batch, ExactTexts
from symdiff.grid.kinks import MAX_ROOTS, RootFinder, Roots
from symdiff.grid.points import Axis, difference_step
from symdiff.grid.solve.coordinates import Coordinate
from symdiff.grid.solve.isolation import MAX_BOXES
from symdiff.grid.switches import Switch
from symdiff.program.values import Dtype

MAX_LINES: Final = 256  # lines along one variable on which one switch is solved
MAX_ADDED: Final = 20_000  # kinks and neighbours added to one grid
MAX_WORK: Final = 400_000  # ball operations for one grid, about two seconds
MIN_BOXES: Final = 30  # enclosures that every switch may use, even after `MAX_WORK` is spent
_MAX_BRACKETS_IN_NOTE = 3
# Multiples of h, by role; in the order of `Role`.
_STEPS = {"-h/2": -0.5, "+h/2": 0.5, "-h": -1.0, "+h": 1.0, "-2h": -2.0, "+2h": 2.0}


class KinkSearch:
    """A search for kinks on the lines through all regular points, parallel to each axis.

    `notes` says what the search left out.
    """

    def __init__(
        self,
        switches: Sequence[Switch],
        axes: Sequence[Axis],
        regular: Array,
        exact: ExactTexts,
        dtype: Dtype | None = None,
    ) -> None:
        """Search along every axis that is searched, through the `regular` points.

        Kinks and their neighbours are rounded to a dtype that is not None.
        """
        self._switches = switches
        self._axes = axes
        self._regular = regular
        self._exact = exact
        self._dtype = dtype
        self._added = 0
        self._work = MAX_WORK
        self._finder = RootFinder()
        self.notes: list[str] = []

    def batches(self) -> Iterator[Batch]:
        """Yield the kinks and their neighbours, one batch for a switch on a group of lines."""
        for j, axis in enumerate(self._axes):
            if not axis.searched:
                continue
            for s, switch in enumerate(self._switches):
                if axis.name in switch.program.inputs:
                    yield from self._batches_of_switch(j, s)

    def _batches_of_switch(self, j: int, s: int) -> Iterator[Batch]:
        switch, axis = self._switches[s], self._axes[j]
        for members, fixed in self._lines(j, switch):
            ends = axis.low, axis.high
            roots = self._finder.roots(switch, axis.name, fixed, ends, self._boxes(switch))
            self._note(roots, switch, axis, fixed)
            kinks = [c for k in roots.coordinates if (c := _rounded(k, self._dtype)) is not None]
            if not kinks:
                continue
            if self._added > MAX_ADDED:
                self.notes.append(f"more than {MAX_ADDED} points at kinks: the rest is left out")
                return
            batch = self._with_neighbours(j, s, members, kinks)
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
    ) -> Batch:
        """Return kinks and their neighbours along axis j, on every line of a group.

        The points are ordered by line, then by role, then by kink.
        """
        values = np.array([c.value for c in kinks])
        coordinates = _neighbours(values, self._dtype)  # (roles, kinks)
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
        return Batch(points, exact, labels.astype(np.int8), along=j, switch=s)

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


def _rounded(kink: Coordinate, dtype: Dtype | None) -> Coordinate | None:
    """Return a kink with the nearest number of a dtype as its value; None if there is none."""
    if dtype is None:
        return kink
    value = float(dtype.rounded(np.float64(kink.value)))
    if not math.isfinite(value):
        return None
    is_exact = kink.exact is None and value == kink.value
    return kink if is_exact else Coordinate(value, kink.exact or repr(kink.value))


def _neighbours(x: Array, dtype: Dtype | None) -> Array:
    """Return kinks and their neighbours, in the order of `Role` from KINK on; shape (roles, m)."""
    h = difference_step(x)
    steps = [x + factor * h for factor in _STEPS.values()]
    if dtype is None:
        below, above = np.nextafter(x, -np.inf), np.nextafter(x, np.inf)
        second = [np.nextafter(below, -np.inf), np.nextafter(above, np.inf)]
        return np.stack([x, x, below, above, *second, *steps])
    below, above = dtype.beside(x, above=False), dtype.beside(x, above=True)
    second = [dtype.beside(below, above=False), dtype.beside(above, above=True)]
    stacked = np.stack([x, x, below, above, *second, *map(dtype.rounded, steps)])
    # A neighbour beyond the largest number is left out: it is the kink once more.
    return np.where(np.abs(stacked) <= dtype.largest, stacked, x)
