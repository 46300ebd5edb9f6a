"""Arrays in blocks: one bound for many points, from the least and the largest number in each.

What works on arrays of points, shape (n,), works on blocks of them too, shape (blocks, m): then
what is known of a block has shape (blocks, 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Number = Any  # an array or a double


class Blocks(np.ndarray[Any, np.dtype[np.float64]]):
    """Numbers of shape (blocks, m) that know how large they are.

    What numpy makes of them as plain arrays is bounded point by point: that is right too.
    """

    _ends: tuple[Number, Number] | None = None

    @property
    def ends(self) -> tuple[Number, Number]:
        """The least and the largest number of every block, shape (blocks, 1)."""
        if self._ends is None:
            plain = self.view(np.ndarray)
            self._ends = plain.min(axis=-1, keepdims=True), plain.max(axis=-1, keepdims=True)
        return self._ends

    @property
    def largest(self) -> Number:
        """The largest |x| of every block, shape (blocks, 1)."""
        low, high = self.ends
        return np.maximum(high, -low)

    @property
    def least(self) -> Number:
        """The least |x| of every block that does not change its sign, else 0."""
        low, high = self.ends
        return np.maximum(np.maximum(low, -high), 0.0)


def size_of(value: Number) -> Number:
    """Return |x| at every point, or the largest in every block; NaN where one is NaN."""
    return value.largest if isinstance(value, Blocks) else np.abs(value)


def size_of_sum(total: Number, *terms: Number) -> Number:
    """Return the size of a sum, or in blocks a bound from the sizes of its terms."""
    return sum(size_of(x) for x in terms) if isinstance(total, Blocks) else np.abs(total)


def is_anywhere(mask: Any) -> bool:  # noqa: ANN401  (conditions, or numbers that are not 0)
    """Tell whether a condition holds at any point."""
    return bool(mask.any()) if isinstance(mask, np.ndarray) else bool(mask)


def least(value: Number) -> Number:
    """Return |x| at every point, or a bound from below in every block."""
    return value.least if isinstance(value, Blocks) else np.abs(value)


def everywhere(mask: Any) -> Any:  # noqa: ANN401  (conditions)
    """Return where a condition holds, or in which blocks it holds at every point."""
    return _plain(mask).all(axis=-1, keepdims=True) if isinstance(mask, Blocks) else mask


def _plain(array: Any) -> Any:  # noqa: ANN401  (numpy's own array)
    return array.view(np.ndarray)


def larger_of(mask: Any, error: Number, other: Number) -> Number:  # noqa: ANN401
    """Return the bound that was chosen, or in blocks the larger one of those that were."""
    if not isinstance(mask, Blocks):
        return np.where(mask, error, other)
    plain = _plain(mask)
    some, every = (f(axis=-1, keepdims=True) for f in (plain.any, plain.all))
    return np.maximum(np.where(some, error, 0.0), np.where(every, 0.0, other))


def selected(mask: Any, x: Number, y: Number) -> Number:  # noqa: ANN401
    """Return x where a condition holds and y elsewhere; blocks stay blocks."""
    found: Number = np.where(mask, x, y)
    return found.view(Blocks) if isinstance(mask, Blocks) else found


def in_blocks(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a column, as blocks if it has their shape."""
    return column.view(Blocks) if np.ndim(column) == 2 else column
