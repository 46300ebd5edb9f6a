"""Limits of axes that one pole or one wrong number does not stretch, and their ticks."""

from __future__ import annotations

from typing import Final

import numpy as np

from symdiff.array_types import Array

# A line is cut off where its range is this many times the range of its middle part.
_STRETCH: Final = 4.0
_MIDDLE: Final = (0.06, 0.94)
# Numbers beside the line widen the limits by at most this part of its range.
_ROOM: Final = 1.0


def limits(line: Array, others: Array) -> tuple[float, float]:
    """Return the limits of an axis for a line and for numbers beside it.

    Parameters
    ----------
    line
        The values of the line. Where few of them are far from the rest, they are cut off.
    others
        Numbers that are shown if they are not far from the line.

    Examples
    --------
    >>> limits(np.array([0.0, 1.0]), np.array([0.5, 1e9, np.nan]))
    (0.0, 1.0)
    >>> limits(np.array([0.0, 0.0]), np.array([]))
    (-1.0, 1.0)
    """
    finite = line[np.isfinite(line)]
    low, high = _trimmed(finite) if len(finite) else (np.inf, -np.inf)
    beside = others[np.isfinite(others)]
    if low > high and len(beside):
        low = high = float(np.median(beside))
    if low > high:
        return -1.0, 1.0
    room = (high - low) * _ROOM or max(abs(low), 1.0)
    near = beside[(beside >= low - room) & (beside <= high + room)]
    low, high = float(near.min(initial=low)), float(near.max(initial=high))
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        room = max(abs(low) / 2, 1.0 if low == 0 else 0.0)
        return low - room, high + room
    return low, high


def _trimmed(finite: Array) -> tuple[float, float]:
    low, high = float(finite.min()), float(finite.max())
    first, last = (float(q) for q in np.quantile(finite, _MIDDLE))
    middle = last - first
    if not middle or high - low <= _STRETCH * middle:
        return (low, high) if high - low < np.inf else (first, last)
    return max(low, first - middle / 2), min(high, last + middle / 2)


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Return round numbers between the limits of an axis.

    Examples
    --------
    >>> ticks(-2.2, 2.2)
    [-2.0, -1.0, 0.0, 1.0, 2.0]
    """
    step = (high - low) / most
    if not (0 < step < np.inf):
        return [low]
    power = 10.0 ** np.floor(np.log10(step))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= step * (1 - 1e-9))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]
