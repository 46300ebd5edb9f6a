"""Which components of the inputs a component of a program's value is made of.

A set of components is an integer: bit k stands for the k-th.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.reading import bound, walk
from symdiff.catalogue import CATALOGUE
from symdiff.program import Call, Constant, Input, Literal, Program

Sets = NDArray[np.object_]
# What a function's value does not change with, near by: a condition, a detached value, a step.
_CONSTANT: Final = frozenset({"detach", "sign", "floor", "ceil", "round", "trunc"})


class _Dependence:
    """Operations on arrays of sets; see `Elements`."""

    def shape(self, array: Any) -> tuple[int, ...]:
        return np.shape(array)

    def each(self, function: str, *arguments: Any) -> Sets:
        sets = [_sets(a) for a in arguments if a is not None and not isinstance(a, str)]
        joined = np.array(np.broadcast_arrays(*sets), dtype=object)
        if function in _CONSTANT or CATALOGUE[function].returns == "condition":
            return _nothing(joined.shape[1:])
        return _joined(joined, 0)

    def total(self, array: Any, axes: tuple[int, ...], *, keep: bool) -> Sets:
        joined = _sets(array)
        for axis in sorted(axes, reverse=True) if joined.ndim else ():
            one = _joined(joined, axis)
            joined = np.expand_dims(one, axis) if keep else one
        return joined

    def arrange(self, how: Callable[..., Any], *arrays: Any) -> Sets:
        return np.asarray(how(*(_sets(a) for a in arrays)), dtype=object)

    def product(self, first: Sets, second: Sets) -> Sets:
        # a row of the first with a column of the second
        rows = _joined(first, -1)[..., :, None]
        columns = _joined(second, -2)[..., None, :]
        return np.asarray(rows | columns, dtype=object)


def _joined(sets: Sets, axis: int) -> Sets:
    """Return the unions along a dimension."""
    found = np.bitwise_or.reduce(sets, axis=axis)
    if isinstance(found, np.ndarray):
        return found
    joined = _nothing(())
    joined[...] = found
    return joined


def _sets(value: Any) -> Sets:  # a number is made of nothing
    is_array = isinstance(value, np.ndarray) and value.dtype == object
    return value if is_array else _nothing(np.shape(value))


def _nothing(shape: tuple[int, ...]) -> Sets:
    sets = np.empty(shape, dtype=object)
    sets[...] = 0
    return sets


def dependence(
    program: Program,
    variable: str,
    shapes: Mapping[str, tuple[int, ...]],
    indices: Mapping[str, Any],
) -> Sets:
    """Return for every component of the value the components of an input that it is made of.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> dependence(parse("x[:2] + x[2]"), "x", {"x": (3,)}, {}).tolist()
    [5, 6]
    """
    elements = _Dependence()

    def leaf(_: int, node: Literal | Constant | Input) -> Any:
        if not isinstance(node, Input):
            return _nothing(())
        is_index = node.name in indices
        return indices[node.name] if is_index else _input(node.name, variable, shapes)

    def call(_: int, node: Call, arguments: list[Any]) -> Any:
        row = CATALOGUE[node.function]
        if row.array is not None:
            return row.array(elements, *bound(row, arguments))
        return elements.each(row.name, *arguments)

    return _sets(walk(program, leaf, call))


def _input(name: str, variable: str, shapes: Mapping[str, tuple[int, ...]]) -> Sets:
    sets = _nothing(shapes[name])
    if name == variable:
        flat = np.empty(sets.size, dtype=object)
        flat[:] = [1 << k for k in range(sets.size)]
        sets = flat.reshape(sets.shape)
    return sets
