"""Sizes of numbers and truth of conditions, at points or as bounds in blocks.

The functions take an array with a number for every point, or `Blocks`.  They return a number for
every point, or a bound for every block.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from symdiff.arithmetics.bounds.blocks import Blocks, Number

_SHORT: Final = 4096  # the largest array of which nonzero numbers are counted
_ARRAYS: Final = (np.ndarray, Blocks)


def size_of(value: Number) -> Number:
    """Return |x| at every point, or an upper bound in every block; NaN where a number is NaN."""
    return value.largest_magnitude if isinstance(value, Blocks) else np.abs(value)


def size_of_sum(total: Number, *terms: Number) -> Number:
    """Return |total| at every point, or in every block the sum of upper bounds of the terms."""
    return sum(size_of(x) for x in terms) if isinstance(total, Blocks) else np.abs(total)


def is_anywhere(mask: Any) -> bool:
    """Return whether a condition holds (or a number is nonzero) anywhere, in blocks possibly."""
    if isinstance(mask, np.ndarray) and mask.size <= _SHORT:
        return bool(np.count_nonzero(mask))  # a quarter of the time of any()
    return bool(mask.any()) if isinstance(mask, _ARRAYS) else bool(mask)


def least(value: Number) -> Number:
    """Return |x| at every point, or a lower bound in every block."""
    return value.least_magnitude if isinstance(value, Blocks) else np.abs(value)


def lowest(value: Number) -> Number:
    """Return x at every point, or a lower bound in every block."""
    return value.interval[0] if isinstance(value, Blocks) else value


def distance_to_integers(value: Number) -> Number:
    """Return the distance to the nearest integer at every point, in every block a lower bound."""
    if not isinstance(value, Blocks):
        return np.abs(value - np.rint(value))
    low, high = value.interval
    distance = np.minimum(low - np.floor(low), np.ceil(high) - high)
    return np.where(np.floor(low) == np.floor(high), distance, 0.0)


def everywhere(mask: Any) -> Any:
    """Return where a condition holds, or in which blocks it surely holds at every point."""
    return mask.interval[0] if isinstance(mask, Blocks) else mask


def larger_of(mask: Any, error: Number, other: Number) -> Number:
    """Return ``where(mask, error, other)``; in blocks, the larger one where the mask is open."""
    if not isinstance(mask, Blocks):
        return np.where(mask, error, other)
    surely, possibly = mask.interval
    return np.maximum(np.where(possibly, error, 0.0), np.where(surely, 0.0, other))
