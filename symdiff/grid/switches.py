"""The switches of a Program: it is smooth wherever none of them is zero."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from symdiff.catalogue import CATALOGUE, CONSTANTS, Function
from symdiff.program.nodes import Builder, Call, Constant, Literal, Node, Program, Setting
from symdiff.program.parser import bind, definition, domain, template


@dataclasses.dataclass(frozen=True, slots=True)
class Switch:
    """A function at whose zeros a program may fail to be smooth.

    Attributes
    ----------
    program
        The switching function s, in the inputs of the program it belongs to.
    blame
        The node of the original program that has the switch.
    crosses_integers
        Whether every integer value of s counts, as for floor, and not only s = 0.
    highest
        With `crosses_integers`, the largest integer that counts, as for the poles of gamma.
    """

    program: Program
    blame: int
    crosses_integers: bool = False
    highest: int | None = None


def find_switches(program: Program) -> tuple[Switch, ...]:
    """Return the switches of a Program that depend on its inputs, each once.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> program = parse("relu(x) + log(abs(y - 1))")
    >>> [program.text_of(s.blame) for s in find_switches(program)]
    ['relu(x)', 'abs(y - 1)', 'log(abs(y - 1))']
    """
    return tuple(switch for switch in _collected(program) if switch.program.inputs)


def find_constant_switches(program: Program) -> tuple[Switch, ...]:
    """Return the switches without inputs. Their sign is constant, but rounding may hide it.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> program = parse("x/sin(pi) + abs(x)")
    >>> [program.text_of(s.blame) for s in find_constant_switches(program)]
    ['x/sin(pi)']
    """
    return tuple(switch for switch in _collected(program) if not switch.program.inputs)


@functools.lru_cache(maxsize=64)
def _collected(program: Program) -> tuple[Switch, ...]:
    calls = [
        (CATALOGUE[node.function], node.arguments, index)
        for index, node in program.calls()
        if _has_switches(CATALOGUE[node.function], node.arguments, program.nodes)
    ]
    if not calls:
        return ()
    collector = _Collector(Builder.extending(program), program)
    for row, arguments, index in calls:
        collector.collect(row, arguments, index)
    return collector.switches()


class _Collector:
    """Adds the catalogue's switches, which are expressions as text, to the graph of a program."""

    def __init__(self, builder: Builder, program: Program) -> None:
        self._builder = builder
        self._sources = program.sources
        # By root node and `crosses_integers`: the node to blame, and `highest`.
        self._switches: dict[tuple[int, bool], tuple[int, int | None]] = {}

    def switches(self) -> tuple[Switch, ...]:
        """Return the collected switches: programs that share their nodes."""
        if not self._switches:
            return ()
        ((first, _), *_) = self._switches
        program = self._builder.program(first, self._sources)
        return tuple(
            Switch(program.at(root), blame, crosses_integers, highest)
            for (root, crosses_integers), (blame, highest) in self._switches.items()
        )

    def collect(self, row: Function, arguments: tuple[int | None, ...], blame: int) -> None:
        """Add the switches of one call."""
        if not _has_switches(row, arguments, self._builder.nodes):
            return
        bound = bind(self._builder, row, arguments)
        for text in _texts(row, arguments, self._builder.nodes):
            self._add(self._builder.copy(template(text), bound), blame)
        for crossing in row.crossings:
            root = self._builder.copy(template(crossing.text), bound)
            self._add(root, blame, crosses_integers=True, highest=crossing.highest)
        if row.switches is None:
            self._collect_inside(row, arguments, bound, blame)

    def _collect_inside(
        self,
        row: Function,
        arguments: tuple[int | None, ...],
        bound: dict[str, int],
        blame: int,
    ) -> None:
        """Add the switches of the calls in a row's domain or definition."""
        for inner in self._inner(row, arguments):
            root = self._builder.copy(inner, bound)
            nodes, skip = self._builder.nodes, set(bound.values())
            for index in sorted(_reached_inside(nodes, root, skip)):
                node = nodes[index]
                if isinstance(node, Call):
                    self.collect(CATALOGUE[node.function], node.arguments, blame)

    def _inner(self, row: Function, arguments: tuple[int | None, ...]) -> Iterator[Program]:
        """Yield the condition of a row's domain, or else its definition if there is one."""
        condition = domain(row.name)
        if condition is not None:
            yield condition
        elif row.definition is not None:
            yield definition(row.name, self._choice(arguments))

    def _choice(self, arguments: tuple[int | None, ...]) -> str | None:
        literals = (self._builder.nodes[a] for a in arguments if a is not None)
        return next((n.value for n in literals if isinstance(n, Setting)), None)

    def _add(
        self, root: int, blame: int, *, crosses_integers: bool = False, highest: int | None = None
    ) -> None:
        is_literal = isinstance(self._builder.nodes[root], Literal)
        if not (is_literal or self._is_infinite(root)):
            self._switches.setdefault((root, crosses_integers), (blame, highest))

    def _is_infinite(self, root: int) -> bool:
        """Return whether a switch is a difference with inf or -inf, which is nowhere zero."""
        node = self._builder.nodes[root]
        if not isinstance(node, Call) or _operator(node) != "-":
            return False
        return any(self._constant(a) in (math.inf, -math.inf) for a in node.operands)

    def _constant(self, index: int) -> int | float | None:
        return _number(self._builder.nodes, index)


def _has_switches(row: Function, arguments: tuple[int | None, ...], nodes: Sequence[Node]) -> bool:
    """Return whether a call may have switches: its own, or those of its domain or definition."""
    if row.switches is None:
        return row.domain is not None or row.definition is not None or bool(row.crossings)
    return bool(row.crossings or _texts(row, arguments, nodes))


def _texts(
    row: Function, arguments: tuple[int | None, ...], nodes: Sequence[Node]
) -> tuple[str, ...]:
    """Return the texts of a row's switches, which may depend on its constant arguments."""
    if callable(row.switches):
        return row.switches(tuple(None if a is None else _number(nodes, a) for a in arguments))
    return row.switches or ()


def _reached_inside(nodes: Sequence[Node], root: int, skip: set[int]) -> set[int]:
    """Return the nodes that a root depends on, without following the nodes in `skip`."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        index = waiting.pop()
        if index in seen or index in skip:
            continue
        seen.add(index)
        node = nodes[index]
        if isinstance(node, Call):
            waiting.extend(node.operands)
    return seen


def find_factors(program: Program) -> tuple[Switch, ...]:
    """Return simpler switches that together have the same zeros as the switches of a Program.

    A product is zero where a factor is zero. A factor may change sign at a zero where the product
    touches zero without a change of sign, so that the zero can be certified.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> factors = find_factors(parse("relu(x**2*tanh(x - 1)) + relu(1 - x)"))
    >>> [factor.program.text_of(factor.program.output) for factor in factors]
    ['x', 'x - 1']
    """
    factors: dict[Any, Switch] = {}
    for switch in find_switches(program):
        for factor in _factors_of(switch):
            node = factor.program.nodes[factor.program.output]
            key: Any = factor.program.output
            if isinstance(node, Call) and _operator(node) == "-":
                key = frozenset(node.operands)  # a - b and b - a have the same zeros
            factors.setdefault((key, switch.crosses_integers), factor)
    return tuple(factors.values())


def _factors_of(switch: Switch) -> tuple[Switch, ...]:
    if switch.crosses_integers:
        return (switch,)
    nodes = switch.program.nodes
    factors = dict.fromkeys(_factors(nodes, switch.program.output))
    if any(_number(nodes, index) == 0 for index in factors):
        return (switch,)  # zero everywhere
    programs = (switch.program.at(index) for index in factors)
    return tuple(dataclasses.replace(switch, program=p) for p in programs if p.inputs)


def _factors(nodes: Sequence[Node], root: int) -> Iterator[int]:
    """Yield nodes, each once, that together have the same zeros as the root."""
    waiting, seen = [root], set[int]()
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        inner = tuple(_inner_factors(nodes, index))
        if not inner:
            yield index
        waiting.extend(reversed(inner))


def _inner_factors(nodes: Sequence[Node], index: int) -> Iterable[int]:
    """Return arguments that together have the same zeros as a node; nothing if there are none."""
    node = nodes[index]
    if not isinstance(node, Call):
        return ()
    row = CATALOGUE[node.function]
    if row.operator == "*":
        return node.operands
    is_positive_power = row.is_power and (_number(nodes, node.operands[1]) or 0) > 0
    if row.operator == "/" or is_positive_power or row.zero_at == 0:
        return node.operands[:1]
    if row.operator in {"+", "-"}:
        return _other_operand(0, nodes, index)
    return () if row.zero_at is None else _other_operand(row.zero_at, nodes, node.operands[0])


def _operator(node: Node) -> str | None:
    """Return the Python operator that spells a node; None if there is none."""
    return CATALOGUE[node.function].operator if isinstance(node, Call) else None


def _other_operand(number: int, nodes: Sequence[Node], root: int) -> Iterator[int]:
    """Yield v if the root is v + number, or v - 0 with number = 0: root = number where v = 0."""
    node = nodes[root]
    if isinstance(node, Call) and (_operator(node) == "+" or (_operator(node), number) == ("-", 0)):
        for one, other in (node.operands, node.operands[::-1]):
            if _number(nodes, one) == number:
                yield other
                return


def _number(nodes: Sequence[Node], index: int) -> int | float | None:
    """Return the value of a node that is a number or a constant, else None."""
    node = nodes[index]
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Constant):
        return CONSTANTS[node.name]
    if isinstance(node, Call) and _operator(node) == "u-":
        inner = _number(nodes, node.operands[0])
        return None if inner is None else -inner
    return None
