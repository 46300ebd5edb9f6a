"""Functions of lists of numbers, applied along the dimensions of arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

Each = Callable[..., Any]  # applies a function of numbers elementwise
Array = Any  # an array of numbers; a number where it has no dimensions
Dim = int | tuple[int, ...] | None

ZERO, ONE = Fraction(0), Fraction(1)


def as_array(x: Array) -> Any:
    """Return an array of objects."""
    result = np.empty(np.shape(x), dtype=object)
    result[...] = x
    return result


def _slices(x: Array, dim: Dim) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """Return the array with the reduced dimensions last, the shape of the others, and the axes."""
    x = as_array(x)
    count = max(x.ndim, 1)
    dims = [dim] if isinstance(dim, int) else list(dim or ())
    axes = tuple(d % count for d in dims) if dims and x.ndim else tuple(range(x.ndim))
    kept = tuple(a for a in range(x.ndim) if a not in axes)
    shape = tuple(x.shape[a] for a in kept)
    return x.transpose(*kept, *axes).reshape(*shape, -1), shape, axes


def reduced(
    x: Array,
    dim: Dim,
    keepdim: bool,
    function: Callable[[list[Any]], Any],
) -> Array:
    """Apply a function of a list of numbers along some dimensions."""
    lists, shape, axes = _slices(x, dim)
    result = np.empty(shape, dtype=object)
    for position in np.ndindex(shape):
        result[position] = function(list(lists[position]))
    for axis in sorted(axes) if keepdim else ():
        result = np.expand_dims(result, axis)
    return result


def along(x: Array, dim: int, function: Callable[[list[Any]], list[Any]]) -> Array:
    """Apply a function from lists to lists of the same length along a dimension."""
    x = as_array(x)
    if not x.ndim:
        (only,) = function([x.item()])
        return only
    moved = np.moveaxis(x, dim, -1)
    result = np.empty(moved.shape, dtype=object)
    for position in np.ndindex(moved.shape[:-1]):
        for k, number in enumerate(function(list(moved[position]))):
            result[(*position, k)] = number
    return np.moveaxis(result, -1, dim)


def total(each: Each, numbers: Sequence[Any]) -> Any:
    """Return the sum of numbers."""
    return functools.reduce(lambda a, b: each("add", a, b), numbers, ZERO)
