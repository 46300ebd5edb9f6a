"""The arithmetic of numpy arrays of doubles: all points of a grid in one evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.reading import apply, detached_values, read, walk
from symdiff.array_types import Array, Mask
from symdiff.catalogue import CATALOGUE, CONSTANTS, Function
from symdiff.program import Program
from symdiff.program.nodes import Call, Constant, Input, Literal
from symdiff.program.values import Dtype

_LARGEST_EXACT_INTEGER = 2**53  # every integer up to here is a double
_OF_NUMPY: Final = (np.integer, np.ndarray)


def within_doubles(value: Any) -> Any:
    """Return an int beyond 2**53 as the nearest double, and anything else unchanged.

    numpy and torch do not accept integers of any size.
    """
    if isinstance(value, int) and abs(value) > _LARGEST_EXACT_INTEGER:
        try:
            return float(value)
        except OverflowError:
            return math.copysign(math.inf, value)
    return value


def _plain(value: Any) -> Any:
    """Return integers of numpy as a Python int or as doubles, and anything else unchanged.

    numpy's integers overflow, and have no negative powers.
    """
    if isinstance(value, _OF_NUMPY) and value.dtype.kind in "iu":
        value = value.astype(np.float64) if value.ndim else value.item()
    return within_doubles(value)


class _Elements:
    """Operations on whole arrays in numpy; see `catalogue.elements.Elements`."""

    def shape(self, array: Any) -> tuple[int, ...]:
        return np.shape(array)

    def each(self, function: str, *arguments: Any) -> Any:
        return apply(CATALOGUE[function], ARRAYS, arguments)

    def total(self, array: Any, axes: tuple[int, ...], *, keep: bool) -> Any:
        return np.sum(array, axis=axes if np.ndim(array) else None, keepdims=keep)

    def arrange(self, how: Callable[..., Any], *arrays: Any) -> Any:
        return how(*(np.asarray(a, dtype=np.float64) for a in arrays))

    def may_be_infinite(self, array: Any) -> bool:
        return bool(np.isinf(array).any())

    def product(self, first: Any, second: Any) -> Any:
        return np.matmul(first, second)


class Arrays:
    """The arithmetic of numpy arrays; literals and constants stay Python numbers.

    See `reading.Batch`.
    """

    elements = _Elements()

    def column(self, row: Function) -> Callable[..., Any] | None:
        """Return the row's numpy column."""
        return row.column("numpy")

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        """Return a literal."""
        return within_doubles(value)

    def constant(self, name: str) -> float:
        """Return a named constant."""
        return CONSTANTS[name]

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply the column; if an argument was not passed, the others go by keyword."""
        if all(a is not None for a in arguments):
            return _plain(column(*arguments))
        pairs = zip(row.parameters, arguments, strict=False)
        return column(**{p.name: a for p, a in pairs if a is not None})

    def take(self, value: Any, mask: Mask) -> Any:
        """Return a value at the points where the mask is true."""
        return value[mask] if np.ndim(value) else value

    def merge(self, mask: Mask, taken: Any, other: Any) -> Array:
        """Return the values of two branches, each at its points."""
        merged = np.empty(mask.shape, dtype=np.float64)
        if taken is not None:
            merged[mask] = taken
        if other is not None:
            merged[~mask] = other
        return merged

    def any_true(self, mask: Mask) -> bool:
        """Return whether the mask is true at any point."""
        return bool(mask.any())


ARRAYS = Arrays()


def evaluate(
    program: Program, inputs: dict[str, Array], *, held: Mapping[int, Any] | None = None
) -> Array:
    """Return the values of a Program at the points of a grid.

    Parameters
    ----------
    program
        The program to evaluate.
    inputs
        The coordinates of every variable, shape (n,).
    held
        Values of nodes that are not computed but taken from here (see `held_nodes`).

    Returns
    -------
    Array
        Shape (n,); NaN or an infinity where the program is undefined.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> evaluate(parse("x if x > 0 else 0"), {"x": np.array([-1.0, 2.0])})
    array([0., 2.])
    """
    return evaluate_together([program], inputs, held=held)[0]


def evaluate_together(
    programs: Sequence[Program], inputs: dict[str, Array], *, held: Mapping[int, Any] | None = None
) -> list[Array]:
    """Return the values of programs that share their nodes, such as a program and its switches.

    Parameters
    ----------
    programs
        Programs over the same nodes: a node that several of them contain is computed once.
    inputs, held
        See `evaluate`.
    """
    shape = np.broadcast_shapes(*(np.shape(value) for value in inputs.values()))
    cache = dict(held or {}) if held or len(programs) > 1 else None
    with np.errstate(all="ignore"):
        values = [read(program, ARRAYS, inputs, cache=cache) for program in programs]
    return [
        owned_copy(
            np.asarray(v, dtype=np.float64), shape, (*inputs.values(), *(held or {}).values())
        )
        for v in values
    ]


def evaluate_nodes(
    program: Program,
    inputs: Mapping[str, NDArray[Any]],
    count: int | None = None,
    dtype: Dtype | None = None,
) -> dict[int, NDArray[Any]]:
    """Return the values of all nodes of a program, those of branches that are not taken too.

    Parameters
    ----------
    program
        The program to evaluate.
    inputs
        A value for every variable: for a program on numbers, the coordinates of n points.
    count
        The number of points n; None for a program on tensors.
    dtype
        The dtype to which every value is rounded; None: doubles.

    Returns
    -------
    dict
        By node an array of doubles or truth values, of shape (n,) for a program on numbers.
        Settings and lists are left out.
    """
    values: dict[int, NDArray[Any]] = {}

    def kept(index: int, value: Any) -> Any:
        array = np.asarray(value)
        if dtype is not None and array.dtype != bool:
            array = value = dtype.rounded(array.astype(np.float64))
        numbers = array if array.dtype == bool else array.astype(np.float64)
        values[index] = numbers if count is None else np.broadcast_to(numbers, count)
        return value

    def leaf(index: int, node: Literal | Constant | Input) -> Any:
        if isinstance(node, Input):
            return kept(index, inputs[node.name])
        if isinstance(node, Literal):
            return kept(index, ARRAYS.number(node.value))
        return kept(index, ARRAYS.constant(node.name))

    def call(index: int, node: Call, arguments: list[Any]) -> Any:
        return kept(index, apply(CATALOGUE[node.function], ARRAYS, arguments))

    with np.errstate(all="ignore"):
        walk(program, leaf, call)
    return values


def owned_copy(value: Array, shape: tuple[int, ...], others: Sequence[Any]) -> Array:
    """Return a value broadcast to a shape, copied if it shares its memory with another array."""
    if value.shape == shape and not any(value is array or value.base is array for array in others):
        return value
    return np.array(np.broadcast_to(value, shape))


def evaluate_tensor(
    program: Program, values: Mapping[str, Any], *, held: Mapping[int, Any] | None = None
) -> Array:
    """Return the value of a tensor program.

    Parameters
    ----------
    program
        A program whose shapes have been checked (`components.shapes.shape_of`).
    values
        An array for every input: numbers, or the integers of an input that is used as an index.
    held
        Values of nodes that are not computed but taken from here.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> evaluate_tensor(parse("(x @ x).sum()"), {"x": np.array([[1.0, 1.0], [0.0, 1.0]])}).item()
    4.0
    """
    with np.errstate(all="ignore"):
        value = read(program, ARRAYS, values, held=held)
    return np.asarray(value, dtype=np.float64)


def held_in_tensors(program: Program, values: Mapping[str, Any]) -> dict[int, Any]:
    """Return the values of a tensor program's detached parts, by node.

    Finite differences keep them constant.
    """
    return detached_values(program, lambda part, held: evaluate_tensor(part, values, held=held))


def held_nodes(program: Program, inputs: dict[str, Array]) -> dict[int, Any]:
    """Return the values of a program's detached parts, by node.

    Finite differences keep them constant.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> held_nodes(parse("x*x.detach()"), {"x": np.array([3.0])})
    {1: array([3.])}
    """
    return detached_values(program, lambda part, held: evaluate(part, inputs, held=held))
