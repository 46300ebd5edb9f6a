"""Evaluate a Program in an arithmetic: one walk over its nodes, with one column of the catalogue.

All arithmetics share this walk.  A row without a column in the arithmetic is read through its
definition, in the same arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from symdiff.catalogue import CATALOGUE, Function
from symdiff.catalogue.row import Value
from symdiff.errors import Unsupported
from symdiff.program.nodes import Call, Constant, Input, Literal, Node, Program, Setting, Step
from symdiff.program.parser import default, definition


class Arithmetic(Protocol):
    """A kind of number, and the functions of the catalogue on it."""

    def column(self, row: Function) -> Callable[..., Value] | None:
        """Return the row's function in this arithmetic, or None to read the row's definition.

        Raises
        ------
        Unsupported
            The row has neither in this arithmetic.
        """

    def number(self, value: float | bool) -> Value:  # noqa: FBT001  (True is a literal)
        """Return a literal: a number, True or False."""

    def constant(self, name: str) -> Value:
        """Return a named constant."""

    def call(
        self, row: Function, column: Callable[..., Value], arguments: Sequence[Value | None]
    ) -> Value:
        """Apply a row's column; None stands for an argument that was not passed."""


class Partial(Arithmetic, Protocol):
    """An arithmetic in which a number may be undefined."""

    def defined(self, row: Function, arguments: Sequence[Value | None], result: Value) -> Value:
        """Return the result of reading a row's definition, undefined where an argument is.

        A definition may not use all arguments: that of xlogy does not use the second one where the
        first is 0.
        """


class Batch(Arithmetic, Protocol):
    """An arithmetic on arrays of points, which can run a branch at some of the points only."""

    def take(self, value: Value, mask: Value) -> Value:
        """Return `value` at the points where `mask` is true."""

    def merge(self, mask: Value, taken: Value | None, other: Value | None) -> Value:
        """Return an array with `taken` where `mask` is true and `other` elsewhere.

        A branch that is taken at no point is None.
        """

    def any_true(self, mask: Value) -> bool:
        """Return whether the mask is true at any point."""


def read(
    program: Program,
    arithmetic: Arithmetic,
    inputs: Mapping[str, Value],
    *,
    held: Mapping[int, Value] | None = None,
    cache: dict[int, Value] | None = None,
) -> Value:
    """Return a Program's value in an arithmetic.

    Parameters
    ----------
    program
        The program to read.
    arithmetic
        The kind of number.
    inputs
        A value for every variable.
    held
        Values of nodes, by index, that are not computed but taken from here.
    cache
        Values of nodes, by index: those in it are used, those computed here are added to it.
        It lets several programs over the same nodes share values.  With a cache, `held` is not
        used.

    Raises
    ------
    Unsupported
        A function of the program has no meaning in the arithmetic.

    Examples
    --------
    >>> from symdiff.arithmetics.arrays import ARRAYS
    >>> from symdiff.program import parse
    >>> read(parse("relu(x) + 1"), ARRAYS, {"x": -2.0}).item()
    1.0
    """
    on_arrays = hasattr(arithmetic, "merge")
    if not held and not (on_arrays and program.has_branches):
        if cache is None and on_arrays:
            return _read_and_release(program, arithmetic, inputs)
        return _read_all(program, arithmetic, inputs, {} if cache is None else cache)
    values = dict(held or {}) if cache is None else cache
    return _Frame(program, arithmetic, inputs, values).value(program.output)


def _read_all(
    program: Program,
    arithmetic: Arithmetic,
    inputs: Mapping[str, Value],
    values: dict[int, Value],
) -> Value:
    """Read all nodes one after the other and keep their values: the usual case.

    The steps of `_value` and `apply` are written out here: proofs spend much of their time in them.
    """
    column_of, call = arithmetic.column, arithmetic.call
    for index, node, name, arguments in program.plan:
        if index in values:
            continue
        if not name:
            values[index] = _unapplied(node, arithmetic, inputs, values)
            continue
        row = CATALOGUE[name]
        operands = [None if a is None else values[a] for a in arguments]
        column = column_of(row)
        values[index] = (
            _without_column(row, arithmetic, operands)
            if column is None
            else call(row, column, operands)
        )
    return values[program.output]


def _read_and_release(
    program: Program, arithmetic: Arithmetic, inputs: Mapping[str, Value]
) -> Value:
    """Read all nodes, and release every array after its last use, so that memory is reused."""
    values: dict[int, Value] = {}
    for step, last_used in zip(program.plan, program.last_uses, strict=True):
        values[step.node_index] = _value(step, arithmetic, inputs, values)
        for argument in last_used:
            del values[argument]
    return values[program.output]


def _value(
    step: Step, arithmetic: Arithmetic, inputs: Mapping[str, Value], values: Mapping[int, Value]
) -> Value:
    """Return the value of a node, given those of its arguments."""
    _, node, row, arguments = step
    if row:
        operands = [None if a is None else values[a] for a in arguments]
        return apply(CATALOGUE[row], arithmetic, operands)
    return _unapplied(node, arithmetic, inputs, values)


def _unapplied(
    node: Node, arithmetic: Arithmetic, inputs: Mapping[str, Value], values: Mapping[int, Value]
) -> Value:
    """Return the value of a node that applies no row: a leaf or a list."""
    if isinstance(node, Input):
        return inputs[node.name]
    if isinstance(node, Call):
        return tuple(values[a] for a in node.operands)
    return _leaf(node, arithmetic)


def _leaf(node: Literal | Setting | Constant, arithmetic: Arithmetic) -> Value:
    """Return the value of a node without arguments."""
    if isinstance(node, Literal):
        return arithmetic.number(node.value)
    return arithmetic.constant(node.name) if isinstance(node, Constant) else node.value


class _Frame:
    """The values of a Program's nodes, at all points or at the points of one branch.

    For a branch, `outer` is the frame around it and the mask of the points where it is taken.
    """

    def __init__(
        self,
        program: Program,
        arithmetic: Arithmetic,
        inputs: Mapping[str, Value],
        values: dict[int, Value],
        outer: tuple[_Frame, Value] | None = None,
    ) -> None:
        self._program = program
        self._arithmetic = arithmetic
        self._inputs = inputs
        self._values = values
        self._outer = outer
        self._runs_branches = hasattr(arithmetic, "merge")

    def value(self, root: int) -> Value:
        """Return the value of a node, computing what it needs."""
        values = self._values
        for index in self._region(root):
            if index not in values:
                values[index] = self._compute(index)
        return values[root]

    def _region(self, root: int) -> Sequence[int]:
        """Return the nodes to compute for `root`, in order, without those inside branches."""
        nodes = self._program.nodes
        seen: set[int] = set()
        waiting = [root]
        while waiting:
            index = waiting.pop()
            if index in seen or self._inherited(index):
                continue
            seen.add(index)
            node = nodes[index]
            if isinstance(node, Call):
                waiting.extend(node.operands[:1] if self._is_lazy(node) else node.operands)
        return sorted(seen)

    def _inherited(self, index: int) -> bool:
        """Return whether a node has a value here; copy it from the outer frame if that has one."""
        if index in self._values:
            return True
        if self._outer is None:
            return False
        frame, mask = self._outer
        if not frame._inherited(index):  # noqa: SLF001  (the same class)
            return False
        self._values[index] = self._batch.take(frame._values[index], mask)  # noqa: SLF001
        return True

    @property
    def _batch(self) -> Batch:
        """The arithmetic as a `Batch`; used only where `_is_lazy` has found it to be one."""
        return cast("Batch", self._arithmetic)

    def _is_lazy(self, node: Call) -> bool:
        """Return whether each branch of a node runs only at the points where it is taken."""
        return self._runs_branches and CATALOGUE[node.function].runs_one_branch

    def _compute(self, index: int) -> Value:
        node = self._program.nodes[index]
        if isinstance(node, Input):
            return self._input(node.name)
        if not isinstance(node, Call):
            return _leaf(node, self._arithmetic)
        if CATALOGUE[node.function].role == "list":
            return tuple(self._values[a] for a in node.operands)
        if self._is_lazy(node):
            return self._branch(node)
        arguments = [None if a is None else self._values[a] for a in node.arguments]
        return apply(CATALOGUE[node.function], self._arithmetic, arguments)

    def _input(self, name: str) -> Value:
        """Return a variable at the points of this frame."""
        if self._outer is None:
            return self._inputs[name]
        frame, mask = self._outer
        return self._batch.take(frame._input(name), mask)  # noqa: SLF001

    def _branch(self, node: Call) -> Value:
        """Return the value of a conditional; each branch runs only where it is taken."""
        condition, taken, other = node.operands
        mask = self._values[condition]
        if not getattr(mask, "ndim", 0):  # one condition for all points
            return self.value(taken if bool(mask) else other)
        return self._batch.merge(mask, self._within(mask, taken), self._within(~mask, other))

    def _within(self, mask: Value, root: int) -> Value | None:
        """Return the value of a node at the points of a mask; None if there are none."""
        if not self._batch.any_true(mask):
            return None
        inner = _Frame(self._program, self._arithmetic, self._inputs, {}, (self, mask))
        return inner.value(root)


def apply(row: Function, arithmetic: Arithmetic, arguments: Sequence[Value | None]) -> Value:
    """Apply a row of the catalogue by its column, or by its definition if it has no column.

    Parameters
    ----------
    row
        The row.
    arithmetic
        The kind of number.
    arguments
        The arguments, in order; None stands for one that was not passed.

    Raises
    ------
    Unsupported
        The row has neither a column nor a definition in this arithmetic.
    """
    column = arithmetic.column(row)
    if column is not None:
        return arithmetic.call(row, column, arguments)
    return _without_column(row, arithmetic, arguments)


def _without_column(
    row: Function, arithmetic: Arithmetic, arguments: Sequence[Value | None]
) -> Value:
    """Apply a row that has no column, by its formula on arrays or by its definition."""
    backward = getattr(arithmetic, "backward_formula", False)
    if row.array is not None and hasattr(arithmetic, "elements"):
        formula = (row.backward_formula if backward else None) or row.array
        return formula(arithmetic.elements, *array_arguments(row, arguments))
    if row.definition is None:
        raise Unsupported(row.name, "it is not available in this arithmetic")
    choice = next((a for a in arguments if isinstance(a, str)), None)
    inputs: dict[str, Value] = {}
    for parameter, argument in row.bind(arguments):
        if argument is None and parameter.has_default_expression and parameter.default:
            inputs[parameter.name] = read(default(parameter.default), arithmetic, {})
        else:
            inputs[parameter.name] = argument
    result = read(definition(row.name, choice, backward=backward), arithmetic, inputs)
    if hasattr(arithmetic, "defined"):
        return cast("Partial", arithmetic).defined(row, arguments, result)
    return result


def detached_values(
    program: Program, value: Callable[[Program, Mapping[int, Value]], Value]
) -> dict[int, Value]:
    """Return the values of a program's detached parts, which a derivative treats as constants.

    Parameters
    ----------
    program
        The program, with or without calls of `detach`.
    value
        Returns the value of a part, given the values of the detached parts inside it.

    Returns
    -------
    dict
        The values by node index, those of inner parts first.
    """
    held: dict[int, Value] = {}
    for index, node in program.calls():
        if CATALOGUE[node.function].role == "hold":
            held[index] = value(program.at(index), held)
    return held


def walk(
    program: Program,
    leaf: Callable[[int, Literal | Constant | Input], Value],
    call: Callable[[int, Call, list[Value | None]], Value],
) -> Value:
    """Return the value of a tensor program, computed by one callback for each node.

    The values are not numbers but shapes, scalar nodes or sets of components.  A setting has its
    value in the program, and a list of tensors is a tuple of values: neither needs a callback.

    Parameters
    ----------
    program
        The program to walk.
    leaf
        Returns the value of a literal, a constant or an input, given its index and the node.
    call
        Returns the value of a function call, given its index, the node and the values of the
        arguments; None stands for an argument that was not passed.
    """
    values: dict[int, Value] = {}
    for index in program.order:
        node = program.nodes[index]
        if isinstance(node, Setting):
            values[index] = node.value
        elif isinstance(node, Call):
            arguments = [None if a is None else values[a] for a in node.arguments]
            is_list = CATALOGUE[node.function].role == "list"
            values[index] = tuple(arguments) if is_list else call(index, node, arguments)
        else:
            values[index] = leaf(index, node)
    return values[program.output]


def array_arguments(row: Function, arguments: Sequence[Value | None]) -> list[Value | None]:
    """Return the arguments of `Function.array` for a tensor function, one for each parameter.

    For an argument that was not passed: the row's default if it is a setting, else None.
    """
    return [
        parameter.fallback
        if argument is None and parameter.default is not None and parameter.is_setting
        else argument
        for parameter, argument in row.bind(arguments)
    ]
