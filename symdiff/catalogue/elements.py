"""The few array operations from which all functions on tensors are built.

Every arithmetic on tensors implements them: shapes only, components of a scalar program, numpy
arrays, running error bounds.  One implementation of softmax or conv2d therefore serves all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from symdiff.libraries import numpy

Array = Any  # a tensor in any arithmetic; only the arithmetic knows its type


class ShapeMismatchError(ValueError):
    """A function does not accept tensors of these shapes; the message is for users."""


class Elements(Protocol):
    """Operations on whole arrays, in one arithmetic."""

    def shape(self, array: Array) -> tuple[int, ...]:
        """Return the shape; () for a number."""

    def each(self, function: str, *arguments: Array) -> Array:
        """Apply a catalogue function elementwise; shapes are broadcast."""

    def total(self, array: Array, axes: tuple[int, ...], *, keep: bool) -> Array:
        """Return the sum over some dimensions, which keep length 1 if `keep` is true."""

    def arrange(self, how: Callable[..., Any], *arrays: Array) -> Array:
        """Apply a numpy function that only moves components."""

    def may_be_infinite(self, array: Array) -> bool:
        """Return whether a component may be inf or -inf, as a masked one is."""

    def product(self, first: Array, second: Array) -> Array:
        """Return the matrix product over the last two dimensions; the others are broadcast."""


def several_axes(a: Elements, x: Array, dim: int | Sequence[int] | None) -> tuple[int, ...]:
    """Return dimensions as non-negative axes.

    Parameters
    ----------
    a
        The arithmetic of `x`.
    x
        The tensor.
    dim
        One dimension or several, which may be negative; None and () mean all.

    Raises
    ------
    ShapeMismatchError
        The tensor does not have the dimension, or a dimension is repeated.
    """
    shape = a.shape(x)
    if dim is None or dim == ():
        return tuple(range(len(shape)))
    dims = [dim] if isinstance(dim, int) else list(dim)
    axes = tuple(one_axis(shape, d) for d in dims)
    if len(set(axes)) < len(axes):
        message = f"a dimension is repeated in {tuple(dims)}"
        raise ShapeMismatchError(message)
    return axes


def one_axis(shape: tuple[int, ...], dim: int, *, more: int = 0) -> int:
    """Return a dimension as a non-negative axis.

    Parameters
    ----------
    shape
        The shape of the tensor.
    dim
        The dimension; negative ones count from the end.
    more
        The number of dimensions that will be added to the shape.

    Raises
    ------
    ShapeMismatchError
        The shape does not have the dimension.

    Examples
    --------
    >>> one_axis((2, 3), -1)
    1
    """
    count = max(len(shape) + more, 1)  # torch allows 0 and -1 for a number
    if not -count <= dim < count:
        message = f"the shape {shape} has no dimension {dim}"
        raise ShapeMismatchError(message)
    return dim % count


def folded(a: Elements, function: str, x: Array, dim: int, *, keep: bool) -> Array:
    """Reduce a dimension with a binary function.

    Parameters
    ----------
    a
        The arithmetic of `x`.
    function
        The catalogue row of the binary function, such as ``maximum`` or ``multiply``.
    x
        The tensor; a number is returned as it is.
    dim
        The dimension.
    keep
        Whether the dimension is kept with length 1.

    Raises
    ------
    ShapeMismatchError
        The tensor does not have the dimension, or its length is 0.
    """
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
    """Reduce several axes with a binary function, as `folded` does."""
    for axis in sorted(axes, reverse=True):
        x = folded(a, function, x, axis, keep=keep)
    return x


def parts(a: Elements, x: Array, axis: int) -> list[Array]:
    """Return the slices of a tensor along an axis."""
    return [a.arrange(lambda v, k=k: numpy.take(v, k, axis), x) for k in range(a.shape(x)[axis])]


def count(a: Elements, x: Array, axes: tuple[int, ...]) -> int:
    """Return the product of the lengths of some axes; 1 for a number."""
    shape = a.shape(x)
    return math.prod(shape[axis] for axis in axes if shape)


def per_dimension(size: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    """Return one number per dimension, from an integer or a tuple of `count` or of 1.

    Raises
    ------
    ShapeMismatchError
        There are other numbers of them.
    """
    sizes = (size,) * count if isinstance(size, int) else size * (count if len(size) == 1 else 1)
    if len(sizes) != count:
        message = f"one integer or {count} are needed, not {len(sizes)}"
        raise ShapeMismatchError(message)
    return sizes
