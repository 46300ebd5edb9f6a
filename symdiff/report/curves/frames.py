"""Vertical axes: what is drawn to scale, and where numbers beyond it are drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np

from symdiff.array_types import Array, Mask
from symdiff.report.curves.courses import Course, Curve
from symdiff.report.curves.marks import Marks
from symdiff.report.curves.scales import limits

# Distance from the limits to the ends of the axis, in parts of the height: where no marks are
# beyond the limits, and for a row of such marks.
_MARGIN: Final = 0.08
ROW: Final = 0.14
# Heights of a row with labels, and of one without.
_WITH_LABELS: Final = 3.4
_WITHOUT_LABELS: Final = 1.6
# The limits of an axis follow from the values of a line in this many cells.
_CELLS: Final = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """The limits of what is drawn to scale, and the ends of the vertical axis beyond them."""

    low: float
    high: float
    bottom: float
    top: float

    def holds(self, y: Array) -> Mask:
        """Return which numbers are drawn to scale."""
        slack = (self.high - self.low) * _MARGIN
        held: Mask = np.isfinite(y) & (y >= self.low - slack) & (y <= self.high + slack)
        return held

    @property
    def above(self) -> float:
        """Where numbers above the limits are drawn."""
        return self.top - 0.45 * ROW * (self.top - self.bottom)

    @property
    def below(self) -> float:
        """Where numbers below the limits, and NaN, are drawn."""
        return self.bottom + 0.45 * ROW * (self.top - self.bottom)

    def placed(self, y: Array) -> Array:
        """Return where numbers are drawn: those beyond the limits, and NaN, near an end."""
        placed = np.where(np.isnan(y), self.below, y)
        edge = np.where(placed > self.high, self.above, self.below)
        return np.where(self.holds(placed), placed, edge)

    def broken(self, y: Array) -> Array:
        """Return a line without the strokes from beyond one limit to beyond the other."""
        beyond = np.sign(np.where(np.isfinite(y), np.clip(y, self.bottom, self.top) - y, 0.0))
        crossing = np.flatnonzero(beyond[:-1] * beyond[1:] < 0)
        broken = y.copy()
        broken[crossing] = np.nan
        return broken


def value_frame(course: Course) -> Frame:
    """Return the vertical axis of a function."""
    low, high = limits(
        _regular(course.value, course.span), course.value.closed[:, 1], is_bounded=course.is_bounded
    )
    margin = _MARGIN * (high - low)
    return Frame(low, high, low - margin, high + margin)


def derivative_frame(course: Course, marks: Sequence[Marks]) -> Frame:
    """Return the vertical axis of a derivative, with rows for marks beyond its limits."""
    numbers = np.concatenate([np.zeros(0), course.bars[:, 1:].ravel(), *(m.y for m in marks)])
    low, high = limits(
        _regular(course.derivative, course.span), numbers, is_bounded=course.is_bounded
    )
    height = high - low
    slack = _MARGIN * height
    shown = [m.y[m.fails | ~np.isnan(m.y)] for m in marks]
    off = np.concatenate([np.zeros(0), *shown])
    above = (off > high + slack).any()
    below = (off < low - slack).any() or np.isnan(off).any()
    row = height * ROW * (_WITH_LABELS if any(m.fails.any() for m in marks) else _WITHOUT_LABELS)
    margin = height * _MARGIN
    return Frame(low, high, low - (row if below else margin), high + (row if above else margin))


def _regular(curve: Curve, span: tuple[float, float]) -> Array:
    """Return the values of a line at regular abscissae."""
    known = np.isfinite(curve.y)
    cell = np.floor((curve.x[known] - span[0]) / (span[1] - span[0]) * _CELLS)
    _, first = np.unique(cell, return_index=True)
    return curve.y[known][first]
