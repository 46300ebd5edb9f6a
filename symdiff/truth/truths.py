"""The truth at every point of a grid: certified in arrays, or proved point by point."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.bounds.estimates import FUNCTIONS
from symdiff.arithmetics.series.germ_values import domain_message
from symdiff.array_types import Array, Mask
from symdiff.chunks import renumbered, shifted, starts_of
from symdiff.truth.kinds import APPARENT, OVERFLOW, Kind, Truth

UNKNOWN: Final = (np.nan, np.nan)  # second derivatives that are not known


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Certified:
    """Derivatives at the points of a grid that running error bounds certify.

    Attributes
    ----------
    is_certified
        Whether the point is certified; shape (n,), like all other columns.
    derivative
        The derivative; NaN where the function is undefined, or the point is not certified.
    errors
        Bounds of the errors of `derivative`; 0 where the point is not certified.
    outside
        At certified points outside the domain, the index in `FUNCTIONS` of the function that is
        undefined; 0 elsewhere.
    """

    is_certified: Mask
    derivative: Array
    errors: Array
    outside: NDArray[np.int16]

    @classmethod
    def nowhere(cls, count: int) -> Certified:
        """Return columns for n = `count` points of which none is certified."""
        return cls(
            is_certified=np.zeros(count, dtype=bool),
            derivative=np.full(count, np.nan),
            errors=np.zeros(count),
            outside=np.zeros(count, dtype=np.int16),
        )

    def part(self, chosen: NDArray[np.intp]) -> Certified:
        """Return the columns at some of the points, in order."""
        return Certified(*(getattr(self, name)[chosen] for name in _CERTIFIED))

    def reordered(self, order: NDArray[np.intp]) -> Certified:
        """Return the columns in the order of the grid, given that these are at points `order`."""
        columns = []
        for name in _CERTIFIED:
            column = getattr(self, name)
            placed = np.zeros_like(column)
            if name != "outside" or column.any():  # usually no point is outside
                placed[order] = column
            columns.append(placed)
        return Certified(*columns)

    def without(self, excluded: Mask) -> Certified:
        """Return the columns with some points not certified."""
        return Certified(
            self.is_certified & ~excluded,
            np.where(excluded, np.nan, self.derivative),
            np.where(excluded, 0.0, self.errors),
            np.where(excluded, np.int16(0), self.outside),
        )

    @classmethod
    def join(cls, parts: Sequence[Certified]) -> Certified:
        """Return the columns of parts of a grid, one after the other."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in _CERTIFIED))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Proofs:
    """Results of the proofs at k points of a grid.

    Attributes
    ----------
    points
        The indices of the points, in order; shape (k,), like all other columns.
    kinds
        The codes of the `Kind` of the points.
    left, right, derivative
        As in `Truth`; NaN stands for None.
    lower_curvature, upper_curvature
        The smaller and the larger one-sided second derivative; NaN if one is not known.
    details
        The details of the truths that have one, by point.
    """

    points: NDArray[np.intp]
    kinds: NDArray[np.int8]
    left: Array
    right: Array
    derivative: Array
    lower_curvature: Array
    upper_curvature: Array
    details: Mapping[int, str]

    @classmethod
    def of(cls, truths: Mapping[int, Truth]) -> Proofs:
        """Return truths by point as columns."""
        points = sorted(truths)
        rows = [truths[i] for i in points]
        ends = [_ends(truth.curvatures) for truth in rows]
        return cls(
            points=np.array(points, dtype=np.intp),
            kinds=np.array([truth.kind for truth in rows], dtype=np.int8),
            left=_column(truth.left for truth in rows),
            right=_column(truth.right for truth in rows),
            derivative=_column(truth.derivative for truth in rows),
            lower_curvature=_column(low for low, _ in ends),
            upper_curvature=_column(high for _, high in ends),
            details={i: truths[i].detail for i in points if truths[i].detail},
        )

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.points)

    def part(self, chosen: NDArray[np.intp]) -> Proofs:
        """Return the proofs at some points of the grid, which are numbered anew from 0."""
        if not len(self) or not len(chosen):
            return self._rows(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), {})
        rows = np.minimum(np.searchsorted(self.points, chosen), len(self) - 1)
        points = np.flatnonzero(self.points[rows] == chosen)
        return self._rows(rows[points], points, renumbered(self.details, chosen))

    def _rows(
        self, rows: NDArray[np.intp], points: NDArray[np.intp], details: Mapping[int, str]
    ) -> Proofs:
        columns = {name: getattr(self, name)[rows] for name in _PROVED}
        return Proofs(points=points, details=details, **columns)

    @classmethod
    def join(cls, parts: Sequence[Proofs], starts: Sequence[int]) -> Proofs:
        """Return the proofs of parts of a grid, of which the k-th begins at point ``starts[k]``."""
        pairs = list(zip(parts, starts, strict=True))
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in _PROVED
        }
        return cls(
            points=np.concatenate([part.points + start for part, start in pairs]),
            details=shifted([part.details for part in parts], starts),
            **columns,
        )

    def with_more(self, more: Proofs) -> Proofs:
        """Return these proofs and others, which are at other points."""
        if not len(self) or not len(more):
            return more if not len(self) else self
        points = np.concatenate([self.points, more.points])
        order = np.argsort(points, kind="stable")
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(more, name)])[order]
            for name in _PROVED
        }
        details = {**self.details, **more.details}
        return Proofs(points=points[order], details=details, **columns)


def _ends(curvatures: tuple[float | None, float | None]) -> tuple[float, float]:
    """Return the smaller and the larger of two second derivatives, or `UNKNOWN`."""
    first, second = curvatures
    return UNKNOWN if first is None or second is None else (min(first, second), max(first, second))


def _column(numbers: Iterable[float | None]) -> Array:
    """Return numbers as a column, with NaN for None."""
    return np.array([np.nan if x is None else x for x in numbers], dtype=np.float64)


# The columns of `Certified`, in order.
_CERTIFIED: Final = ("is_certified", "derivative", "errors", "outside")
# The columns of `Proofs` without `points`.
_PROVED: Final = (
    "kinds",
    "left",
    "right",
    "derivative",
    "lower_curvature",
    "upper_curvature",
)


@dataclasses.dataclass(frozen=True, eq=False)
class Truths:
    """The truth at every point of a grid, along one variable.

    A proof takes precedence over a certified derivative at the same point. The columns of the
    whole grid are computed when they are first read.

    Attributes
    ----------
    certified
        The derivatives that running error bounds certify.
    proofs
        The results of the proofs.
    unproved
        By point, why no proof was tried although the point is not certified.
    """

    certified: Certified
    proofs: Proofs
    unproved: Mapping[int, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def proved_only(cls, count: int, truths: Mapping[int, Truth]) -> Truths:
        """Return the truth at n = `count` points, from proofs at some of them."""
        return cls(Certified.nowhere(count), Proofs.of(truths))

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.certified.is_certified)

    @functools.cached_property
    def kinds(self) -> NDArray[np.int8]:
        """The codes of the `Kind` of every point, shape (n,)."""
        certified = self.certified
        kinds = np.full(len(self), Kind.SMOOTH, dtype=np.int8)
        kinds[np.flatnonzero(~certified.is_certified)] = Kind.UNDECIDED
        kinds[np.flatnonzero(certified.outside)] = Kind.OUTSIDE
        kinds[self.proofs.points] = self.proofs.kinds
        return kinds

    @functools.cached_property
    def derivative(self) -> Array:
        """The derivative as in `Truth`, NaN where there is none; shape (n,)."""
        return self._with_proofs(self.certified.derivative, self.proofs.derivative)

    @functools.cached_property
    def errors(self) -> Array:
        """Bounds of the errors of the derivatives that are not proved, else 0; shape (n,)."""
        return self._with_proofs(self.certified.errors, 0.0)

    @functools.cached_property
    def left(self) -> Array:
        """The left-sided derivatives, NaN where there is none; shape (n,)."""
        return self._with_proofs(self.certified.derivative, self.proofs.left)

    @functools.cached_property
    def right(self) -> Array:
        """The right-sided derivatives, NaN where there is none; shape (n,)."""
        return self._with_proofs(self.certified.derivative, self.proofs.right)

    def _with_proofs(self, certified: Array, proved: Array | float) -> Array:
        if not len(self.proofs):
            return certified
        column = certified.copy()
        column[self.proofs.points] = proved
        return column

    @functools.cached_property
    def overflowing(self) -> Mask:
        """Where a derivative is finite and beyond the largest double, shape (n,)."""
        return self._mask(self.overflowing_points)

    @functools.cached_property
    def attempted(self) -> Mask:
        """Whether a proof was tried, shape (n,)."""
        return self._mask(self.proofs.points)

    @functools.cached_property
    def proved(self) -> Mask:
        """Whether the truth was proved for the point, shape (n,)."""
        return self._mask(self.proofs.points[self.proofs.kinds != Kind.UNDECIDED])

    def _mask(self, points: NDArray[np.intp] | list[int]) -> Mask:
        mask = np.zeros(len(self), dtype=bool)
        mask[points] = True
        return mask

    @property
    def proved_count(self) -> int:
        """The number of points whose truth was proved."""
        return int(np.count_nonzero(self.proofs.kinds != Kind.UNDECIDED))

    def part(self, chosen: NDArray[np.intp]) -> Truths:
        """Return the truth at some of the points, in order."""
        unproved = renumbered(self.unproved, chosen)
        return Truths(self.certified.part(chosen), self.proofs.part(chosen), unproved)

    @classmethod
    def join(cls, parts: Sequence[Truths]) -> Truths:
        """Return the truth at the points of parts of a grid, one after the other."""
        starts = starts_of(len(part) for part in parts)
        return cls(
            Certified.join([part.certified for part in parts]),
            Proofs.join([part.proofs for part in parts], starts),
            shifted([part.unproved for part in parts], starts),
        )

    def one_sided(self, i: int) -> tuple[float, float]:
        """Return the left- and the right-sided derivative at a point, NaN where there is none."""
        row = self._row(i)
        if row is None:
            return (float(self.certified.derivative[i]),) * 2
        return float(self.proofs.left[row]), float(self.proofs.right[row])

    def derivative_at(self, i: int) -> float:
        """Return the derivative at a point, NaN where there is none."""
        row = self._row(i)
        column, at = (self.certified, i) if row is None else (self.proofs, row)
        return float(column.derivative[at])

    def _row(self, i: int) -> int | None:
        """Return the row of a point in the proofs, or None."""
        row = int(np.searchsorted(self.proofs.points, i))
        return row if row < len(self.proofs) and self.proofs.points[row] == i else None

    def curvatures(self, i: int) -> tuple[float, float]:
        """Return the smaller and the larger one-sided second derivative at a point."""
        row = self._row(i)
        if row is None:
            return UNKNOWN
        return float(self.proofs.lower_curvature[row]), float(self.proofs.upper_curvature[row])

    def detail(self, i: int) -> str:
        """Return the detail of the truth at a point, or ""."""
        text = self.proofs.details.get(i) or self.unproved.get(i, "")
        if not text and self.certified.outside[i] and not self.attempted[i]:
            return domain_message(FUNCTIONS[self.certified.outside[i]])
        return text

    @property
    def overflowing_points(self) -> list[int]:
        """The points with a derivative that is finite and beyond the largest double."""
        return [i for i, text in self.proofs.details.items() if OVERFLOW in text]

    @property
    def apparent_kinks(self) -> list[int]:
        """The smooth points at which a switch vanishes."""
        return [i for i, text in self.proofs.details.items() if text.startswith(APPARENT)]

    def is_apparent_kink(self, i: int) -> bool:
        """Return whether a point is smooth though a switch vanishes there."""
        return self.proofs.details.get(i, "").startswith(APPARENT)
