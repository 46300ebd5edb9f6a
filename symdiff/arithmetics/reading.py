"""Walking a Program with one column of the catalogue.

Every arithmetic shares this walk.  A row that has no column in the arithmetic is read through
its definition, in the same arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from symdiff.catalogue import CATALOGUE, Function
from symdiff.catalogue.row import Value
from symdiff.errors import Unsupported
from symdiff.program.nodes import Call, Constant, Input, Literal, Program, Setting, Step
from symdiff.program.parser import default, definition


class Arithmetic(Protocol):
    """A kind of number and what the functions mean on it."""

    def column(self, row: Function) -> Callable[..., Value] | None:
        """Return what a row means here, or None where it has to be read by its definition.

        Raises
        ------
        Unsupported
            The row has no meaning here, not even by its definition.
        """

    def number(self, value: float | bool) -> Value:  # noqa: FBT001  (True is a literal)
        """Return a literal number, True or False."""

    def constant(self, name: str) -> Value:
        """Return a named constant."""

    def call(
        self, row: Function, column: Callable[..., Value], arguments: Sequence[Value | None]
    ) -> Value:
        """Apply a row's column; None stands for an argument not given."""


class Batch(Arithmetic, Protocol):
    """An arithmetic on many points at once: it can run a branch on some of them only."""

    def take(self, value: Value, mask: Value) -> Value:
        """Return the points of `value` where `mask` holds."""

    def merge(self, mask: Value, taken: Value | None, other: Value | None) -> Value:
        """Return `taken` where `mask` holds and `other` elsewhere; None: no such point."""

    def holds_anywhere(self, mask: Value) -> bool:
        """Tell whether the mask holds at any point."""


def read(
    program: Program,
    arithmetic: Arithmetic,
    inputs: Mapping[str, Value],
    *,
    held: Mapping[int, Value] | None = None,
    known: dict[int, Value] | None = None,
) -> Value:
    """Return a Program's value in an arithmetic.

    Parameters
    ----------
    program
        What to read.
    arithmetic
        The kind of number.
    inputs
        A value for every variable.
    held
        Values of nodes that are not computed but taken from here.
    known
        The same, and what is computed is added: for several programs over the same nodes.

    Raises
    ------
    Unsupported
        The arithmetic has no meaning for a function of the program.

    Examples
    --------
    >>> from symdiff.arithmetics.arrays import ARRAYS
    >>> from symdiff.program import parse
    >>> read(parse("relu(x) + 1"), ARRAYS, {"x": -2.0}).item()
    1.0
    """
    if not held and not (program.has_branches and hasattr(arithmetic, "merge")):
        if known is None and hasattr(arithmetic, "merge"):
            return _frugal(program, arithmetic, inputs)
        return _straight(program, arithmetic, inputs, {} if known is None else known)
    values = dict(held or {}) if known is None else known
    return _Frame(program, arithmetic, inputs, values).value(program.output)


def _straight(
    program: Program,
    arithmetic: Arithmetic,
    inputs: Mapping[str, Value],
    known: dict[int, Value],
) -> Value:
    """Read all nodes one after the other: the usual case, and the fast one."""
    for step in program.plan:
        if step.node_index not in known:
            known[step.node_index] = _value(step, arithmetic, inputs, known)
    return known[program.output]


def _frugal(program: Program, arithmetic: Arithmetic, inputs: Mapping[str, Value]) -> Value:
    """Read all nodes, and forget long arrays as soon as nobody needs them: memory stays warm."""
    known: dict[int, Value] = {}
    for step, last in zip(program.plan, program.last_uses, strict=True):
        known[step.node_index] = _value(step, arithmetic, inputs, known)
        for argument in last:
            del known[argument]
    return known[program.output]


def _value(
    step: Step, arithmetic: Arithmetic, inputs: Mapping[str, Value], known: Mapping[int, Value]
) -> Value:
    _, node, row, given = step
    if row:
        return apply(CATALOGUE[row], arithmetic, [None if a is None else known[a] for a in given])
    if isinstance(node, Input):
        return inputs[node.name]
    if isinstance(node, Call):
        return tuple(known[a] for a in node.operands)
    return _leaf(node, arithmetic)


def _leaf(node: Literal | Setting | Constant, arithmetic: Arithmetic) -> Value:
    if isinstance(node, Literal):
        return arithmetic.number(node.value)
    return arithmetic.constant(node.name) if isinstance(node, Constant) else node.value


class _Frame:
    """The values of a Program's nodes, at all points or at those of one branch."""

    def __init__(
        self,
        program: Program,
        arithmetic: Arithmetic,
        inputs: Mapping[str, Value],
        known: dict[int, Value],
        outer: tuple[_Frame, Value] | None = None,
    ) -> None:
        self._program = program
        self._arithmetic = arithmetic
        self._inputs = inputs
        self._known = known
        self._outer = outer
        self._runs_branches = hasattr(arithmetic, "merge")

    def value(self, root: int) -> Value:
        known = self._known
        for index in self._region(root):
            if index not in known:
                known[index] = self._compute(index)
        return known[root]

    def _region(self, root: int) -> Sequence[int]:
        """Return the nodes to compute before `root`, leaving out what stands in branches."""
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
        """Take over a node that is known, here or at the points around this branch."""
        if index in self._known:
            return True
        if self._outer is None:
            return False
        frame, mask = self._outer
        if not frame._inherited(index):  # noqa: SLF001  (the same class)
            return False
        self._known[index] = self._batch.take(frame._known[index], mask)  # noqa: SLF001
        return True

    @property
    def _batch(self) -> Batch:
        """The arithmetic, where a branch runs at some points only: `_is_lazy` has seen to it."""
        return cast("Batch", self._arithmetic)

    def _is_lazy(self, node: Call) -> bool:
        return self._runs_branches and node.function == "ifelse"

    def _compute(self, index: int) -> Value:
        node = self._program.nodes[index]
        if isinstance(node, Input):
            return self._input(node.name)
        if not isinstance(node, Call):
            return _leaf(node, self._arithmetic)
        if node.function == "sequence":
            return tuple(self._known[a] for a in node.operands)
        if self._is_lazy(node):
            return self._branch(node)
        arguments = [None if a is None else self._known[a] for a in node.arguments]
        return apply(CATALOGUE[node.function], self._arithmetic, arguments)

    def _input(self, name: str) -> Value:
        if self._outer is None:
            return self._inputs[name]
        frame, mask = self._outer
        return self._batch.take(frame._input(name), mask)  # noqa: SLF001

    def _branch(self, node: Call) -> Value:
        condition, taken, other = node.operands
        mask = self._known[condition]
        if not getattr(mask, "ndim", 0):  # one condition for all points
            return self._within(None, taken if bool(mask) else other)
        return self._batch.merge(mask, self._within(mask, taken), self._within(~mask, other))

    def _within(self, mask: Value | None, root: int) -> Value | None:
        if mask is None:
            return self.value(root)
        if not self._batch.holds_anywhere(mask):
            return None
        inner = _Frame(self._program, self._arithmetic, self._inputs, {}, (self, mask))
        return inner.value(root)


def apply(row: Function, arithmetic: Arithmetic, arguments: Sequence[Value | None]) -> Value:
    """Apply one row of the catalogue: by its column, else by its definition.

    Raises
    ------
    Unsupported
        The row has neither in this arithmetic.
    """
    column = arithmetic.column(row)
    if column is not None:
        return arithmetic.call(row, column, arguments)
    if row.array is not None and hasattr(arithmetic, "elements"):
        use_backward = getattr(arithmetic, "backward_formula", False)
        formula = (row.backward_formula if use_backward else None) or row.array
        return formula(arithmetic.elements, *bound(row, arguments))
    if row.definition is None:
        raise Unsupported(row.name, "there is no such function in this arithmetic")
    choice = next((a for a in arguments if isinstance(a, str)), None)
    given: dict[str, Value] = {}
    padded = [*arguments, *[None] * (len(row.parameters) - len(arguments))]
    for parameter, argument in zip(row.parameters, padded, strict=True):
        if argument is None and parameter.default is not None and parameter.kind != "choice":
            given[parameter.name] = read(default(parameter.default), arithmetic, {})
        else:
            given[parameter.name] = argument
    return read(definition(row.name, choice), arithmetic, given)


def walk(
    program: Program,
    leaf: Callable[[int, Literal | Constant | Input], Value],
    call: Callable[[int, Call, list[Value | None]], Value],
) -> Value:
    """Return what comes of a program on tensors, one node after the other.

    For what is no arithmetic of numbers: shapes, scalar nodes, sets of components. Settings and
    lists of tensors pass through as they are.

    Parameters
    ----------
    program
        What to walk.
    leaf
        Returns what a number, a constant or an input is; gets its index and the node.
    call
        Returns what a function makes of its arguments, None for one not given.
    """
    known: dict[int, Value] = {}
    for index in program.order:
        node = program.nodes[index]
        if isinstance(node, Setting):
            known[index] = node.value
        elif isinstance(node, Call):
            arguments = [None if a is None else known[a] for a in node.arguments]
            is_list = node.function == "sequence"
            known[index] = tuple(arguments) if is_list else call(index, node, arguments)
        else:
            known[index] = leaf(index, node)
    return known[program.output]


def bound(row: Function, arguments: Sequence[Value | None]) -> list[Value | None]:
    """Return an argument for every parameter of a function on tensors, in order.

    A setting that was not given is what the row says; another argument is None.
    """
    padded = [*arguments, *[None] * (len(row.parameters) - len(arguments))]
    return [
        parameter.fallback
        if argument is None and parameter.default is not None and parameter.is_setting
        else argument
        for parameter, argument in zip(row.parameters, padded, strict=True)
    ]
