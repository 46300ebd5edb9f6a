"""What a function on tensors is written in: a handful of operations on whole arrays.

Every arithmetic on tensors has them: shapes only, components of a scalar program, numpy's
numbers, running error bounds.  So one text says what a softmax or a convolution is to all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from symdiff.libraries import numpy

Array = Any  # whatever the arithmetic has for a tensor


class ShapeMismatchError(ValueError):
    """Tensors of these shapes do not fit together; the message is in words for users."""


class Elements(Protocol):
    """Operations on whole arrays, in one arithmetic."""

    def shape(self, array: Array) -> tuple[int, ...]:
        """Return the shape; that of a number is ()."""

    def each(self, function: str, *arguments: Array) -> Array:
        """Apply a row of the catalogue component by component; shapes are broadcast."""

    def total(self, array: Array, axes: tuple[int, ...], *, keep: bool) -> Array:
        """Return the sum over some dimensions, which stay with length 1 if they are kept."""

    def arrange(self, how: Callable[..., Any], *arrays: Array) -> Array:
        """Apply a numpy function that moves components, and computes nothing."""

    def product(self, first: Array, second: Array) -> Array:
        """Return the matrix product over the last two dimensions, others broadcast."""


def several_axes(a: Elements, x: Array, dim: int | Sequence[int] | None) -> tuple[int, ...]:
    """Return dimensions counted from the front; None and (): all.

    Raises
    ------
    ShapeMismatchError
        There is no such dimension, or one is named twice.
    """
    shape = a.shape(x)
    if dim is None or dim == ():
        return tuple(range(len(shape)))
    wanted = [dim] if isinstance(dim, int) else list(dim)
    found = tuple(one_axis(shape, d) for d in wanted)
    if len(set(found)) < len(found):
        message = f"a dimension stands twice in {tuple(wanted)}"
        raise ShapeMismatchError(message)
    return found


def one_axis(shape: tuple[int, ...], dim: int, *, more: int = 0) -> int:
    """Return a dimension counted from the front, of so many `more` than the shape has.

    Raises
    ------
    ShapeMismatchError
        There is no such dimension.

    Examples
    --------
    >>> one_axis((2, 3), -1)
    1
    """
    count = max(len(shape) + more, 1)  # torch takes 0 and -1 for a number
    if not -count <= dim < count:
        message = f"there is no dimension {dim} in the shape {shape}"
        raise ShapeMismatchError(message)
    return dim % count


def folded(a: Elements, function: str, x: Array, dim: int, *, keep: bool) -> Array:
    """Join the components along a dimension by a function of two: max, min, a product."""
    shape = a.shape(x)
    axis = one_axis(shape, dim)
    if not shape:
        return x
    joined = None
    for part in parts(a, x, axis):
        joined = part if joined is None else a.each(function, joined, part)
    if joined is None:
        message = f"dimension {dim} of the shape {shape} is empty"
        raise ShapeMismatchError(message)
    return a.arrange(lambda v: numpy.expand_dims(v, axis), joined) if keep else joined


def folded_over(
    a: Elements, function: str, x: Array, axes: tuple[int, ...], *, keep: bool
) -> Array:
    """Join the components along several dimensions."""
    for axis in sorted(axes, reverse=True):
        x = folded(a, function, x, axis, keep=keep)
    return x


def parts(a: Elements, x: Array, axis: int) -> list[Array]:
    """Return the slices along a dimension."""
    return [a.arrange(lambda v, k=k: numpy.take(v, k, axis), x) for k in range(a.shape(x)[axis])]


def count(a: Elements, x: Array, axes: tuple[int, ...]) -> int:
    """Return how many components are joined over some dimensions."""
    shape = a.shape(x)
    return math.prod(shape[axis] for axis in axes if shape)
