"""What is true of an expression at the points of a grid, in columns."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.bounds.estimates import FUNCTIONS
from symdiff.arithmetics.series.germ_values import domain_message
from symdiff.array_types import Array, Mask
from symdiff.chunks import renumbered
from symdiff.truth.kinds import Kind, Truth

_OUTSIDE: Final = Kind.OUTSIDE
UNKNOWN: Final = (np.nan, np.nan)  # second derivatives


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Truths:
    """The truth at every point of a grid, along one variable, in columns.

    Attributes
    ----------
    kinds
        Indices into `Kind`, shape (n,).
    derivative
        As in `Truth`, NaN where there is none; shape (n,).
    errors
        How far the derivative may be from the truth where it was not proved; shape (n,).
    proved
        Whether a point was proved by itself, not settled in arrays; shape (n,).
    outside
        Where arrays settled that a point is outside the domain: the place in `FUNCTIONS` of the
        function to blame, 0 elsewhere; shape (n,).
    sides
        By proved point, the slopes to the left and to the right where they are not both the
        derivative: NaN where there is none.
    curvatures
        By proved point, the smaller and the larger of the one-sided second derivatives.
    details
        By point, where a proof had something to say.
    """

    kinds: NDArray[np.int8]
    derivative: Array
    errors: Array
    proved: Mask
    outside: NDArray[np.int16]
    sides: dict[int, tuple[float, float]] = dataclasses.field(default_factory=dict)
    curvatures: dict[int, tuple[float, float]] = dataclasses.field(default_factory=dict)
    details: dict[int, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def unknown(cls, count: int) -> Truths:
        """Return columns for so many points of which nothing is known yet."""
        return cls(
            kinds=np.full(count, Kind.UNDECIDED, dtype=np.int8),
            derivative=np.full(count, np.nan),
            errors=np.zeros(count),
            proved=np.zeros(count, dtype=bool),
            outside=np.zeros(count, dtype=np.int16),
        )

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.kinds)

    def part(self, chosen: NDArray[np.intp]) -> Truths:
        """Return the truth at some of the points, in order."""
        columns: dict[str, Any] = {name: getattr(self, name)[chosen] for name in COLUMNS}
        known: dict[str, Any] = {name: renumbered(getattr(self, name), chosen) for name in BY_POINT}
        return Truths(**columns, **known)

    def slopes(self, i: int) -> tuple[float, float]:
        """Return the slopes to the left and to the right of a point."""
        slope = float(self.derivative[i])
        return self.sides.get(i, (slope, slope))

    @property
    def left(self) -> Array:
        """The slopes to the left, NaN where there is none; shape (n,)."""
        return self._side(0)

    @property
    def right(self) -> Array:
        """The slopes to the right, NaN where there is none; shape (n,)."""
        return self._side(1)

    def _side(self, which: int) -> Array:
        found = self.derivative.copy()
        for i, slopes in self.sides.items():
            found[i] = slopes[which]
        return found

    def detail(self, i: int) -> str:
        """Return what there is to say of a point, or an empty text."""
        if not self.proved[i] and self.kinds[i] == _OUTSIDE:
            return domain_message(FUNCTIONS[self.outside[i]])
        return self.details.get(i, "")

    def put(self, i: int, truth: Truth) -> None:
        """Write what was proved of a point."""
        self.kinds[i] = truth.kind
        left, right, self.derivative[i] = (
            np.nan if number is None else number
            for number in (truth.left, truth.right, truth.derivative)
        )
        if not truth.left == truth.right == truth.derivative:
            self.sides[i] = left, right
        else:
            self.sides.pop(i, None)
        first, second = truth.curvatures
        if first is not None and second is not None:
            self.curvatures[i] = min(first, second), max(first, second)
        if truth.detail:
            self.details[i] = truth.detail
        self.proved[i] = True
        self.errors[i] = 0.0


COLUMNS: Final = ("kinds", "derivative", "errors", "proved", "outside")
BY_POINT: Final = ("sides", "curvatures", "details")
