"""Sparsity of a tensor program's Jacobian: the input components each output component depends on.

A set of components is stored as an integer: bit k stands for component k of the flattened input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.reading import array_arguments, walk
from symdiff.catalogue import CATALOGUE
from symdiff.program import Call, Constant, Input, Literal, Program

Sets = NDArray[np.object_]  # one set of components, a Python int, for each component of a tensor


class _Dependence:
    """Operations on arrays of sets; see `catalogue.elements.Elements`."""

    def shape(self, array: Any) -> tuple[int, ...]:
        return np.shape(array)

    def each(self, function: str, *arguments: Any) -> Sets:
        sets = [_sets(a) for a in arguments if a is not None and not isinstance(a, str)]
        stacked = np.array(np.broadcast_arrays(*sets), dtype=object)
        row = CATALOGUE[function]
        if row.role in {"hold", "step"} or row.returns == "condition":  # constant nearly everywhere
            return _empty_sets(stacked.shape[1:])
        return _union(stacked, 0)

    def total(self, array: Any, axes: tuple[int, ...], *, keep: bool) -> Sets:
        sets = _sets(array)
        for axis in sorted(axes, reverse=True) if sets.ndim else ():
            union = _union(sets, axis)
            sets = np.expand_dims(union, axis) if keep else union
        return sets

    def arrange(self, how: Callable[..., Any], *arrays: Any) -> Sets:
        return np.asarray(how(*(_sets(a) for a in arrays)), dtype=object)

    def may_be_infinite(self, array: Any) -> bool:
        del array
        return False

    def product(self, first: Sets, second: Sets) -> Sets:
        # An entry depends on a row of the first matrix and a column of the second.
        rows = _union(first, -1)[..., :, None]
        columns = _union(second, -2)[..., None, :]
        return np.asarray(rows | columns, dtype=object)


def _union(sets: Sets, axis: int) -> Sets:
    """Return the unions of sets along a dimension."""
    union = np.bitwise_or.reduce(sets, axis=axis)
    if isinstance(union, np.ndarray):
        return union
    scalar = _empty_sets(())
    scalar[...] = union
    return scalar


def _sets(value: Any) -> Sets:
    """Return the sets of a value; those of a number are empty."""
    is_array = isinstance(value, np.ndarray) and value.dtype == object
    return value if is_array else _empty_sets(np.shape(value))


def _empty_sets(shape: tuple[int, ...]) -> Sets:
    sets = np.empty(shape, dtype=object)
    sets[...] = 0
    return sets


def dependence(
    program: Program,
    variable: str,
    shapes: Mapping[str, tuple[int, ...]],
    indices: Mapping[str, Any],
) -> Sets:
    """Return, for every component of a program's value, the components of an input it depends on.

    The sets contain every component with respect to which the derivative may be nonzero.

    Parameters
    ----------
    program
        A program whose shapes have been checked (`shapes.shape_of`).
    variable
        The input.
    shapes
        The shape of every input.
    indices
        The values of the integer inputs that are used as indices.

    Returns
    -------
    Sets
        In the shape of the program's value.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> dependence(parse("x[:2] + x[2]"), "x", {"x": (3,)}, {}).tolist()
    [5, 6]
    """
    elements = _Dependence()

    def leaf(_: int, node: Literal | Constant | Input) -> Any:
        if not isinstance(node, Input):
            return _empty_sets(())
        is_index = node.name in indices
        return indices[node.name] if is_index else _input(node.name, variable, shapes)

    def call(_: int, node: Call, arguments: list[Any]) -> Any:
        row = CATALOGUE[node.function]
        if row.array is not None:
            return row.array(elements, *array_arguments(row, arguments))
        return elements.each(row.name, *arguments)

    return _sets(walk(program, leaf, call))


def _input(name: str, variable: str, shapes: Mapping[str, tuple[int, ...]]) -> Sets:
    """Return the sets of an input: each component of `variable` alone, empty for other inputs."""
    sets = _empty_sets(shapes[name])
    if name == variable:
        flat = np.empty(sets.size, dtype=object)
        flat[:] = [1 << k for k in range(sets.size)]
        sets = flat.reshape(sets.shape)
    return sets
