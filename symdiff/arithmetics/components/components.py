"""Write a tensor program out as scalar Programs, one for each component of its value.

A component of an input becomes a variable such as ``w1[2,1]``.  The judge, sympy and finite
differences treat these programs like any other scalar program.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.reading import array_arguments, walk
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE, CONSTANTS, Function
from symdiff.program import Call, Constant, Input, Literal, Program, Setting
from symdiff.program.nodes import Builder
from symdiff.program.values import component_name, component_names

Nodes = NDArray[np.intp]  # indices of scalar nodes, in the shape of a tensor
Inputs = Callable[[Builder, str], Nodes]  # adds the scalar nodes of the input with this name
MAX_NODES: Final = 40_000  # nodes of the scalar programs together


class TooLargeError(ArithmeticError):
    """A tensor program that is written out would have more than `MAX_NODES` nodes."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class WrittenOut:
    """A tensor program, written out component by component.

    Attributes
    ----------
    program
        The tensor program.
    builder
        The scalar nodes.
    output
        The index of the node of every component, in the shape of the program's value.
    """

    program: Program
    builder: Builder
    output: Nodes

    def at(self, index: tuple[int, ...]) -> Program:
        """Return the component of the value with this multi-index as a scalar Program."""
        return self.builder.program(int(self.output[index]), self.program.sources)

    def weighted(self, weights: Sequence[tuple[Array, int]]) -> Program:
        """Return Σ count·Σ weight·component as a scalar Program.

        Components with weight 0 are left out, so that they may be undefined.

        Parameters
        ----------
        weights
            Pairs of weights, in the shape of the value, and a count.
        """
        elements = _Components(self.builder)
        sums = []
        for array, count in weights:
            nonzero = array != 0
            if nonzero.any():
                factors = np.array([self.builder.add(Literal(w)) for w in array[nonzero].tolist()])
                terms = elements.each("multiply", factors, self.output[nonzero])
                total = elements.total(terms, (0,), keep=False)
                total = total if count == 1 else elements.each("multiply", count, total)
                sums.append(int(total))
        nodes = np.array(sums or [self.builder.add(Literal(0))], dtype=np.intp)
        root = elements.total(nodes, (0,), keep=False)
        return self.builder.program(int(root), self.program.sources)


class _Components:
    """Operations on arrays of scalar nodes; see `catalogue.elements.Elements`."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._uses_infinity: list[bool] = []  # by node, whether it depends on the constant inf

    def shape(self, array: Any) -> tuple[int, ...]:
        return np.shape(array)

    def each(self, function: str, *arguments: Any) -> Nodes:
        tensors = [self._nodes(a) for a in arguments if a is not None]
        _check_size(np.broadcast_shapes(*(a.shape for a in tensors)))
        flat = iter([a.reshape(-1).tolist() for a in np.broadcast_arrays(*tensors)])
        operands = [None if a is None else next(flat) for a in arguments]
        shape = np.broadcast_shapes(*(a.shape for a in tensors))
        count = int(np.prod(shape))
        add = self.builder.add
        nodes = [
            add(Call(function, tuple(None if o is None else o[k] for o in operands)))
            for k in range(count)
        ]
        if len(self.builder.nodes) > MAX_NODES:
            raise TooLargeError
        return np.array(nodes, dtype=np.intp).reshape(shape)

    def _nodes(self, argument: Any) -> Nodes:
        """Return an argument as nodes: a number or a setting gets a node."""
        if isinstance(argument, np.ndarray | np.integer):
            return np.asarray(argument)
        if isinstance(argument, float) and math.isinf(argument):
            return np.asarray(infinity(self.builder, argument))
        node = Setting(argument) if isinstance(argument, str) else Literal(argument)
        return np.asarray(self.builder.add(node))

    def may_be_infinite(self, array: Any) -> bool:
        nodes = self.builder.nodes
        for node in nodes[len(self._uses_infinity) :]:
            used = isinstance(node, Constant) and math.isinf(CONSTANTS[node.name])
            operands = node.operands if isinstance(node, Call) else ()
            self._uses_infinity.append(used or any(self._uses_infinity[a] for a in operands))
        return any(self._uses_infinity[a] for a in np.asarray(array).reshape(-1).tolist())

    def total(self, array: Any, axes: tuple[int, ...], *, keep: bool) -> Nodes:
        nodes = np.asarray(array)
        if not nodes.ndim or not axes:
            return nodes
        kept = tuple(1 if i in axes else n for i, n in enumerate(nodes.shape))
        inner = np.moveaxis(nodes, axes, range(-len(axes), 0))
        outer = inner.shape[: nodes.ndim - len(axes)]
        terms = inner.reshape(*outer, -1)
        # Add in pairs, so that the depth of the sum is logarithmic in its length.
        while terms.shape[-1] > 1:
            half = terms.shape[-1] // 2
            sums = self.each("add", terms[..., :half], terms[..., half : 2 * half])
            terms = np.concatenate([sums, terms[..., 2 * half :]], axis=-1)
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


def infinity(builder: Builder, number: float) -> int:
    """Return the node of inf or -inf."""
    node = builder.add(Constant("inf"))
    return node if number > 0 else builder.add(Call("negative", (node,)))


def variables(
    shapes: Mapping[str, tuple[int, ...]], values: Mapping[str, Array] | None = None
) -> Inputs:
    """Return inputs whose components are variables.

    Parameters
    ----------
    shapes
        The shape of every input.
    values
        The values of inputs. Components that are infinite are constants: they do not move.
    """

    def nodes(builder: Builder, name: str) -> Nodes:
        shape = shapes[name]
        _check_size(shape)
        numbers = (values or {}).get(name, np.zeros(shape)).reshape(-1).tolist()
        flat = [
            infinity(builder, x) if math.isinf(x) else builder.add(Input(component))
            for component, x in zip(component_names(name, shape), numbers, strict=True)
        ]
        return np.array(flat, dtype=np.intp).reshape(shape)

    return nodes


def literals(arrays: Mapping[str, Array]) -> Inputs:
    """Return inputs whose components are numbers; an input without an array is a variable."""

    def nodes(builder: Builder, name: str) -> Nodes:
        if name not in arrays:
            return np.asarray(builder.add(Input(name)))
        _check_size(arrays[name].shape)
        flat = [
            infinity(builder, x) if math.isinf(x) else builder.add(Literal(x))
            for x in arrays[name].reshape(-1).tolist()
        ]
        return np.array(flat, dtype=np.intp).reshape(arrays[name].shape)

    return nodes


def along(base: Inputs, tangent: Mapping[str, Array], parameter: str) -> Inputs:
    """Return inputs whose components are x + v·t, with a new input t.

    Parameters
    ----------
    base
        The components x.
    tangent
        The vectors v of the inputs that move.
    parameter
        The name of the input t.
    """

    def nodes(builder: Builder, name: str) -> Nodes:
        start = base(builder, name)
        if name not in tangent:
            return start
        t = builder.add(Input(parameter))
        flat = [
            x if v == 0 or _is_infinite(builder, x) else _moved(builder, x, v, t)
            for x, v in zip(
                start.reshape(-1).tolist(), tangent[name].reshape(-1).tolist(), strict=True
            )
        ]
        return np.array(flat, dtype=np.intp).reshape(start.shape)

    return nodes


def _is_infinite(builder: Builder, index: int) -> bool:
    """Return whether a node is the constant inf or -inf, which does not move."""
    node = builder.nodes[index]
    inner = builder.nodes[node.operands[0]] if isinstance(node, Call) else node
    return isinstance(inner, Constant) and math.isinf(CONSTANTS[inner.name])


def _moved(builder: Builder, x: int, v: float, t: int) -> int:
    """Return the node of x + v·t."""
    step = t if v == 1 else builder.add(Call("multiply", (builder.add(Literal(v)), t)))
    return builder.add(Call("add", (x, step)))


def _check_size(shape: tuple[int, ...]) -> None:
    """Raise `TooLargeError` if an array of this shape has too many components."""
    if shape and np.prod(shape, dtype=float) > MAX_NODES:
        raise TooLargeError


def write_out(
    program: Program,
    inputs: Inputs,
    indices: Mapping[str, Any] | None = None,
    *,
    backward_formula: bool = False,
) -> WrittenOut:
    """Write a tensor program out component by component.

    Parameters
    ----------
    program
        A program whose shapes have been checked (`shapes.shape_of`).
    inputs
        The scalar nodes of an input: `variables`, `literals` or `along`.
    indices
        The values of the integer inputs that are used as indices.
    backward_formula
        Whether functions are written in the formulas of torch's backward pass where these lose
        digits; see `Function.backward_formula`.

    Raises
    ------
    TooLargeError
        There would be more than `MAX_NODES` nodes.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> written = write_out(parse("relu(x @ w)"), variables({"x": (2,), "w": (2, 3)}))
    >>> written.output.shape, written.at((1,)).inputs
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
        _add_spans(builder, program, index, nodes)
        return nodes

    def call(index: int, node: Call, arguments: list[Any]) -> Nodes:
        before = len(builder.nodes)
        nodes = _apply(
            elements, CATALOGUE[node.function], arguments, backward_formula=backward_formula
        )
        _add_spans_inside(builder, program, index, range(before, len(builder.nodes)))
        _add_spans(builder, program, index, nodes)
        return nodes

    return WrittenOut(program, builder, np.asarray(walk(program, leaf, call)))


def _apply(
    elements: _Components, row: Function, arguments: list[Any], *, backward_formula: bool
) -> Nodes:
    """Return the nodes of the components of a function's value."""
    array = (row.backward_formula if backward_formula else None) or row.array
    if array is not None:
        return np.asarray(array(elements, *array_arguments(row, arguments)))
    return elements.each(row.name, *arguments)


def _add_spans_inside(builder: Builder, program: Program, index: int, new_nodes: range) -> None:
    """Give the span of a tensor function to the nodes of its formula that have kinks."""
    for span in program.spans[index]:
        for new in new_nodes:
            node = builder.nodes[new]
            if isinstance(node, Call) and CATALOGUE[node.function].has_kinks:
                builder.add_span(new, span)


def _add_spans(builder: Builder, program: Program, index: int, nodes: Nodes) -> None:
    """Give the span of a tensor to the nodes of its components."""
    for span in program.spans[index]:
        for multi_index in np.ndindex(nodes.shape):
            label = component_name("", multi_index)
            builder.add_span(int(nodes[multi_index]), dataclasses.replace(span, component=label))
