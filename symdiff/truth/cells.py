"""Order the points of a grid by the cells in which they lie, so that one bound holds for many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array

_NEARBY: Final = 1 / 8  # width of a block of points, as a part of the range of the whole grid
_BITS: Final = 16  # of the number of a cell: numpy sorts these by radix


def order_by_cells(columns: Mapping[str, Array], size: int) -> NDArray[np.intp] | None:
    """Return an order in which any `size` points that follow each other lie close together.

    Parameters
    ----------
    columns
        The coordinates of every input, shape (n,).
    size
        The number of points that are to share a cell, about.

    Returns
    -------
    array, or None
        The indices of the points, shape (n,). None: the points lie close together already.

    Examples
    --------
    >>> x, y = np.meshgrid(np.arange(4.0), np.arange(4.0))
    >>> order_by_cells({"x": x.ravel(), "y": y.ravel()}, 4).reshape(4, 4)[0]
    array([0, 1, 4, 5])
    """
    ranges = {name: (float(x.min()), float(x.max())) for name, x in columns.items()}
    varying = {name: (low, high) for name, (low, high) in ranges.items() if low < high}
    if not all(math.isfinite(high - low) for low, high in varying.values()):
        return None
    blocks = len(next(iter(columns.values()))) // size if columns else 0
    if blocks < 2 or not any(_is_wide(columns[n], varying[n], blocks, size) for n in varying):
        return None
    chosen = [*varying][:_BITS]
    bits = max(1, min(_BITS, blocks.bit_length() - 1) // len(chosen))
    cells = np.zeros(len(columns[chosen[0]]), dtype=np.uint16)
    for name in chosen:
        low, high = varying[name]
        along = (columns[name] - low) * (2**bits / (high - low))
        np.minimum(along, 2**bits - 1, out=along)
        cells <<= bits
        cells |= along.astype(np.uint16)
    return np.argsort(cells, kind="stable")


def _is_wide(x: Array, ends: tuple[float, float], blocks: int, size: int) -> bool:
    """Return whether points that follow each other are far apart along a coordinate."""
    low, high = ends
    rows = x[: blocks * size].reshape(blocks, size)
    widths = rows.max(axis=1) - rows.min(axis=1)
    return bool(widths.mean() > _NEARBY * (high - low))
