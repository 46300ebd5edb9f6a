"""Limits of axes, chosen without a single pole or wrong number, and their ticks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from symdiff.array_types import Array

# A line is cut off where its range is this many times the range of its middle part.
# The first number is for lines with a pole, the second for others.
_STRETCH: Final = 4.0
_PEAK: Final = 100.0
_MIDDLE: Final = (0.06, 0.94)
# Numbers with more digits than this before the point, or zeros behind it, are divided by a power.
_LONG: Final = 4
# Digits of a label: the fewest of these with which all labels of an axis differ.
_DIGITS: Final = (5, 8, 12)
_EXPONENT: Final = re.compile(r"e\+?(-?)0*(?=\d)")
# Larger numbers are beyond every axis, and an axis is not shorter than the second number:
# matplotlib computes in doubles.
_LARGEST: Final = 1e307
SHORTEST: Final = 1e-290
# Largest coordinate that is drawn: the length of an axis, times the number of samples, overflows.
FARTHEST: Final = 1e300
# Numbers beside the line widen the limits by at most this part of its range.
_MARGIN: Final = 1.0


def limits(line: Array, others: Array, *, is_bounded: bool = True) -> tuple[float, float]:
    """Return the limits of an axis for a line and for numbers beside it.

    Parameters
    ----------
    line
        The values of the line. Where few of them are far from the rest, they are cut off.
    others
        Numbers that are shown if they are not far from the line.
    is_bounded
        Whether the line has no pole: a narrow peak is not cut off.

    Examples
    --------
    >>> limits(np.array([0.0, 1.0]), np.array([0.5, 1e9, np.nan]))
    (0.0, 1.0)
    >>> limits(np.array([0.0, 0.0]), np.array([]))
    (-1.0, 1.0)
    """
    finite = line[np.abs(line) <= _LARGEST]
    low, high = (
        _trimmed(finite, _PEAK if is_bounded else _STRETCH) if len(finite) else (np.inf, -np.inf)
    )
    beside = others[np.abs(others) <= _LARGEST]
    if low > high and len(beside):
        low = high = float(np.median(beside))
    if low > high:
        return -1.0, 1.0
    margin = (high - low) * _MARGIN or max(abs(low), 1.0)
    near = beside[(beside >= low - margin) & (beside <= high + margin)]
    low, high = float(near.min(initial=low)), float(near.max(initial=high))
    if high - low <= max(1e-9 * max(abs(low), abs(high)), SHORTEST):
        margin = abs(low) / 2 if abs(low) > SHORTEST else 1.0
        return low - margin, high + margin
    return low, high


def _trimmed(finite: Array, stretch: float) -> tuple[float, float]:
    low, high = float(finite.min()), float(finite.max())
    first, last = (float(q) for q in np.quantile(finite, _MIDDLE))
    middle = last - first
    if not middle or high - low <= stretch * middle:
        return low, high
    return max(low, first - middle / 2), min(high, last + middle / 2)


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Return round numbers between the limits of an axis, in at most this many steps.

    Examples
    --------
    >>> ticks(-2.0, 2.0), ticks(-2.2, 2.2)
    ([-2.0, -1.0, 0.0, 1.0, 2.0], [-2.0, 0.0, 2.0])
    """
    step = (high - low) / most
    if not (0 < step < np.inf):
        return [low]
    power = 10.0 ** np.floor(np.log10(step))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= step * (1 - 1e-9))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


def power_of(low: float, high: float) -> int:
    """Return the power of ten that the numbers of an axis are divided by, 0 for most axes.

    Examples
    --------
    >>> power_of(-2.0, 2.0), power_of(0.0, 3e-200), power_of(0.0, 5e306)
    (0, -200, 306)
    """
    largest = max(abs(low), abs(high))
    power = int(np.floor(np.log10(largest))) if largest else 0
    return power if power >= _LONG or power < -_LONG else 0


def labels(marks: Sequence[float], power: int = 0) -> list[str]:
    """Return the numbers beside ticks, divided by a power of ten, with enough digits to differ.

    Examples
    --------
    >>> labels([-2e-200, 0.0, 2e-200], -200), labels([1e6, 1e6 + 0.5]), labels([0.0, 2e9])
    (['-2', '0', '2'], ['1000000', '1000000.5'], ['0', '2e9'])
    """
    numbers = [mark / 10.0**power + 0.0 for mark in marks]
    texts: list[str] = []
    for digits in _DIGITS:
        texts = [f"{number:.{digits}g}" for number in numbers]
        if len(set(texts)) == len(set(numbers)):
            break
    return [_EXPONENT.sub(r"e\1", text) for text in texts]
