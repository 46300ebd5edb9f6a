"""A Program on tensors as scalar Programs, one for each component of its value.

A component of an input is a variable: ``w1[2,1]``.  What the judge, sympy and differences do to
scalar programs they do to these, unchanged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.reading import bound, walk
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE, Function
from symdiff.program import Call, Constant, Input, Literal, Program, Setting
from symdiff.program.nodes import Builder
from symdiff.program.values import component_name, component_names

Nodes = NDArray[np.intp]
Inputs = Callable[[Builder, str], Nodes]
# What brings kinks into functions on tensors.
_BENDING: Final = frozenset({"maximum", "minimum", "abs", "where", "sqrt", "power", "logaddexp"})
MAX_NODES: Final = 40_000  # of the scalar programs


class TooLargeError(ArithmeticError):
    """Written out component by component, the program is too large."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class WrittenOut:
    """A program on tensors, written out component by component.

    Attributes
    ----------
    builder
        Holds the scalar nodes.
    output
        The node of every component, in the shape of the program's value.
    """

    program: Program
    builder: Builder
    output: Nodes

    def at(self, place: tuple[int, ...]) -> Program:
        """Return one component of the value as a scalar Program."""
        return self.builder.program(int(self.output[place]), self.program.sources)

    def weighted(self, weights: Sequence[tuple[Array, int]]) -> Program:
        """Return Σ count·Σ weight·component as a scalar Program; what has weight 0 is left out."""
        elements = _Components(self.builder)
        sums = []
        for array, count in weights:
            chosen = array != 0
            if chosen.any():
                factors = np.array([self.builder.add(Literal(w)) for w in array[chosen].tolist()])
                terms = elements.each("multiply", factors, self.output[chosen])
                total = elements.total(terms, (0,), keep=False)
                total = total if count == 1 else elements.each("multiply", count, total)
                sums.append(int(total))
        nodes = np.array(sums or [self.builder.add(Literal(0))], dtype=np.intp)
        root = elements.total(nodes, (0,), keep=False)
        return self.builder.program(int(root), self.program.sources)


class _Components:
    """Operations on arrays of scalar nodes; see `Elements`."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def shape(self, array: Any) -> tuple[int, ...]:
        return np.shape(array)

    def each(self, function: str, *arguments: Any) -> Nodes:
        given = [self._nodes(a) for a in arguments if a is not None]
        _check_size(np.broadcast_shapes(*(a.shape for a in given)))
        spread = iter([a.reshape(-1).tolist() for a in np.broadcast_arrays(*given)])
        columns = [None if a is None else next(spread) for a in arguments]
        shape = np.broadcast_shapes(*(a.shape for a in given))
        count = int(np.prod(shape))
        add = self.builder.add
        found = [
            add(Call(function, tuple(None if c is None else c[k] for c in columns)))
            for k in range(count)
        ]
        if len(self.builder.nodes) > MAX_NODES:
            raise TooLargeError
        return np.array(found, dtype=np.intp).reshape(shape)

    def _nodes(self, argument: Any) -> Nodes:
        if isinstance(argument, np.ndarray | np.integer):
            return np.asarray(argument)
        node = Setting(argument) if isinstance(argument, str) else Literal(argument)
        return np.asarray(self.builder.add(node))

    def total(self, array: Any, axes: tuple[int, ...], *, keep: bool) -> Nodes:
        nodes = np.asarray(array)
        if not nodes.ndim or not axes:
            return nodes
        kept = tuple(1 if i in axes else n for i, n in enumerate(nodes.shape))
        inner = np.moveaxis(nodes, axes, range(-len(axes), 0))
        outer = inner.shape[: nodes.ndim - len(axes)]
        terms = inner.reshape(*outer, -1)
        # In pairs: a chain would be as deep as it is long.
        while terms.shape[-1] > 1:
            half = terms.shape[-1] // 2
            joined = self.each("add", terms[..., :half], terms[..., half : 2 * half])
            terms = np.concatenate([joined, terms[..., 2 * half :]], axis=-1)
        return terms[..., 0].reshape(kept if keep else outer)

    def arrange(self, how: Callable[..., Any], *arrays: Any) -> Nodes:
        nodes = np.asarray(how(*(np.asarray(a) for a in arrays)))
        _check_size(nodes.shape)
        return nodes

    def product(self, first: Nodes, second: Nodes) -> Nodes:
        _check_size((*first.shape, second.shape[-1]))
        factors = self.each(
            "multiply", first[..., :, None, :], np.swapaxes(second, -1, -2)[..., None, :, :]
        )
        return self.total(factors, (factors.ndim - 1,), keep=False)


def variables(shapes: Mapping[str, tuple[int, ...]]) -> Inputs:
    """Return a way to write inputs out: every component is a variable."""

    def nodes(builder: Builder, name: str) -> Nodes:
        shape = shapes[name]
        _check_size(shape)
        found = [builder.add(Input(part)) for part in component_names(name, shape)]
        return np.array(found, dtype=np.intp).reshape(shape)

    return nodes


def literals(arrays: Mapping[str, Array]) -> Inputs:
    """Return a way to write inputs out: a component is a number; others are variables."""

    def nodes(builder: Builder, name: str) -> Nodes:
        if name not in arrays:
            return np.asarray(builder.add(Input(name)))
        _check_size(arrays[name].shape)
        found = [builder.add(Literal(x)) for x in arrays[name].reshape(-1).tolist()]
        return np.array(found, dtype=np.intp).reshape(arrays[name].shape)

    return nodes


def along(base: Inputs, tangent: Mapping[str, Array], moving: str) -> Inputs:
    """Return a way to write inputs out: as x + v·t, with t the input `moving`."""

    def nodes(builder: Builder, name: str) -> Nodes:
        start = base(builder, name)
        if name not in tangent:
            return start
        t = builder.add(Input(moving))
        found = [
            x if v == 0 else _moved(builder, x, v, t)
            for x, v in zip(
                start.reshape(-1).tolist(), tangent[name].reshape(-1).tolist(), strict=True
            )
        ]
        return np.array(found, dtype=np.intp).reshape(start.shape)

    return nodes


def _moved(builder: Builder, x: int, v: float, t: int) -> int:
    step = t if v == 1 else builder.add(Call("multiply", (builder.add(Literal(v)), t)))
    return builder.add(Call("add", (x, step)))


def _check_size(shape: tuple[int, ...]) -> None:
    if shape and np.prod(shape, dtype=float) > MAX_NODES:
        raise TooLargeError


def write_out(
    program: Program,
    inputs: Inputs,
    indices: Mapping[str, Any] | None = None,
    *,
    backward_formula: bool = False,
) -> WrittenOut:
    """Write a program on tensors out component by component.

    Parameters
    ----------
    program
        Its shapes have been checked.
    inputs
        What stands for the components of an input.
    indices
        The integers of the inputs that stand for places.
    backward_formula
        Whether functions are written in the formulas that torch's backward pass goes by.

    Raises
    ------
    TooLargeError
        There are more than `MAX_NODES` nodes.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> found = write_out(parse("relu(x @ w)"), variables({"x": (2,), "w": (2, 3)}))
    >>> found.output.shape, found.at((1,)).inputs
    ((3,), ('x[0]', 'x[1]', 'w[0,1]', 'w[1,1]'))
    """
    builder = Builder()
    elements = _Components(builder)

    def leaf(index: int, node: Literal | Constant | Input) -> Any:
        if not isinstance(node, Input):
            nodes = np.asarray(builder.add(node))
        elif indices and node.name in indices:
            return indices[node.name]
        else:
            nodes = inputs(builder, node.name)
        _mark(builder, program, index, nodes)
        return nodes

    def call(index: int, node: Call, arguments: list[Any]) -> Nodes:
        before = len(builder.nodes)
        nodes = _apply(
            elements, CATALOGUE[node.function], arguments, backward_formula=backward_formula
        )
        _mark_inside(builder, program, index, range(before, len(builder.nodes)))
        _mark(builder, program, index, nodes)
        return nodes

    return WrittenOut(program, builder, np.asarray(walk(program, leaf, call)))


def _apply(
    elements: _Components, row: Function, arguments: list[Any], *, backward_formula: bool
) -> Nodes:
    array = (row.backward_formula if backward_formula else None) or row.array
    if array is not None:
        return np.asarray(array(elements, *bound(row, arguments)))
    return elements.each(row.name, *arguments)


def _mark_inside(builder: Builder, program: Program, index: int, made: range) -> None:
    """Note where the kinks inside a function on tensors are written: its own place."""
    for span in program.spans[index]:
        for inner in made:
            node = builder.nodes[inner]
            if isinstance(node, Call) and node.function in _BENDING:
                builder.add_span(inner, span)


def _mark(builder: Builder, program: Program, index: int, nodes: Nodes) -> None:
    """Note for every component where its tensor is written."""
    for span in program.spans[index]:
        for place in np.ndindex(nodes.shape):
            label = component_name("", place)
            builder.add_span(int(nodes[place]), dataclasses.replace(span, component=label))
