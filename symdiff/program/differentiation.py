"""The derivative of a Program along one of its inputs, as another Program.

The chain rule is applied node by node, as in forward mode. A row of the catalogue is differentiated
by its `derivative`, by the text in `TANGENTS`, or through its definition.

The derivative is undefined where a switch is zero that decides between different formulas, and
where the program itself is undefined. Where it is defined at a point and no switch is
zero, all parts of the program that its value depends on are differentiable there along the input,
so that the chain rule holds. The
program may be differentiable at other points too: x*abs(x) at 0. So a derivative that is undefined
proves nothing.

Source: forward mode as in Griewank & Walther 2008, section 3.1.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import Unsupported
from symdiff.program.nodes import Builder, Call, Input, Literal, Program, Setting, Span
from symdiff.program.parser import bind, definition, domain, template
from symdiff.program.tangents import BESIDE_A_TIE, ONE_SIDED, TANGENTS

__all__ = ["SecondOrder", "derivative_program"]


@dataclasses.dataclass(frozen=True, slots=True)
class SecondOrder:
    """What a second derivative is a derivative of.

    Attributes
    ----------
    program
        The expression as written.
    inner
        The input that is differentiated by first.
    """

    program: Program
    inner: str

    @property
    def derivative(self) -> Program:
        """The derivative of the expression with respect to the inner input, for error bounds."""
        return derivative_program(self.program, self.inner)


class _Dual(NamedTuple):
    """The node of a value, and that of its derivative; None for a derivative that is 0.

    For a condition, `tangent` is the condition that its truth is known near by, or None if it does
    not depend on the variable, and `beside` is its truth on the side that is looked at.
    """

    node: int
    tangent: int | None
    beside: int | None = None

    @property
    def nearby(self) -> int:
        """The node of a condition's truth near by."""
        return self.node if self.beside is None else self.beside


@functools.lru_cache(maxsize=256)
def derivative_program(program: Program, variable: str, *, side: int | None = None) -> Program:
    """Return the derivative of a Program on numbers along one input.

    Its inputs are those of the program. The nodes of the program keep their indices, and a node of
    the derivative has the places in the text of the node that it comes from.

    Parameters
    ----------
    program
        The expression as written.
    variable
        The input to differentiate by.
    side
        None: the derivative where no switch is zero, as error bounds need it. 0: the derivative,
        which is undefined where a switch is zero or where what a condition compares is not
        differentiable, so that nearby points may take a different branch. 1 or -1: d/ds of
        f(x + side*s) at s = 0, for s > 0 alone. At a kink it is defined on both sides.

    Raises
    ------
    Unsupported
        A function has no derivative in the catalogue.

    Examples
    --------
    >>> import numpy as np
    >>> from symdiff.arithmetics.arrays import evaluate
    >>> from symdiff.program import parse
    >>> evaluate(derivative_program(parse("x*abs(x)"), "x"), {"x": np.array([-2.0, 0.0, 3.0])})
    array([ 4., nan,  6.])
    """
    derivation = _Derivation(Builder.extending(program), side)
    one = derivation.builder.add(Literal(side or 1))
    seeds = {
        name: _Dual(derivation.builder.add(Input(name)), one if name == variable else None)
        for name in program.inputs
    }
    tangent = derivation.differentiate(program, seeds).tangent
    root = derivation.builder.add(Literal(0)) if tangent is None else tangent
    if not _is_total(program):  # undefined where the program is
        first = len(derivation.builder.nodes)
        root = derivation.call("add", root, derivation.zero_where_defined(program.output))
        derivation.place(first, program.spans[program.output])
    made = derivation.builder.program(root, program.sources)
    return dataclasses.replace(made, inputs=program.inputs)


class _Derivation:
    """Adds the derivatives of nodes to the nodes of a program."""

    def __init__(self, builder: Builder, side: int | None) -> None:
        self.builder = builder
        self._is_one_sided = side in {1, -1}
        self._is_guarded = side is not None

    def differentiate(
        self, program: Program, inputs: Mapping[str, _Dual], *, is_definition: bool = False
    ) -> _Dual:
        """Add a program and its derivative, given its inputs and their derivatives.

        The nodes of a row's definition have the places of the call.
        """
        duals: dict[int, _Dual] = {}
        for index in program.order:
            node, first = program.nodes[index], len(self.builder.nodes)
            if isinstance(node, Input) and node.name in inputs:
                duals[index] = inputs[node.name]
            elif isinstance(node, Call):
                arguments = [None if a is None else duals[a] for a in node.arguments]
                duals[index] = self._call(CATALOGUE[node.function], arguments)
            else:
                duals[index] = _Dual(self.builder.add(node), None)
            if not is_definition:
                self.place(first, program.spans[index])
        return duals[program.output]

    def place(self, first: int, spans: tuple[Span, ...]) -> None:
        """Give the nodes that were added last, from `first` on, the places of a node."""
        for index in range(first, len(self.builder.nodes)):
            for span in spans:
                self.builder.add_span(index, span)

    def call(self, function: str, *arguments: int) -> int:
        """Add a call."""
        return self.builder.add(Call(function, arguments))

    def _call(self, row: Function, arguments: Sequence[_Dual | None]) -> _Dual:
        """Add a call and its derivative."""
        nodes = tuple(None if a is None else a.node for a in arguments)
        result = self.builder.add(Call(row.name, nodes))
        if row.role == "hold" or all(a is None or a.tangent is None for a in arguments):
            return _Dual(result, None)
        given = [a for a in arguments if a is not None]
        if row.returns == "condition":
            is_comparison = row.role == "comparison"
            return self._compared(row, given, result) if is_comparison else self._joined(row, given)
        if row.takes_condition and row.definition is None:
            return _Dual(result, self._of_choice(row, given, result))
        numbers = [None if a is None else self._as_number(a) for a in arguments]
        return _Dual(result, self._tangent(row, numbers, result))

    def _as_number(self, dual: _Dual) -> _Dual:
        """Return an argument; a condition as the number 1 or 0, whose derivative is 0."""
        node = self.builder.nodes[dual.node]
        is_condition = isinstance(node, Call) and CATALOGUE[node.function].returns == "condition"
        if not is_condition or dual.tangent is None:
            return dual
        zero, undefined = self.builder.add(Literal(0)), self._undefined()
        steady = dual.tangent
        if dual.beside is not None:  # the number has to be the same on this side
            same = self.call("where", dual.node, zero, undefined)
            other = self.call("where", dual.node, undefined, zero)
            beside = self.call("where", dual.beside, same, other)
            return _Dual(dual.node, self.call("where", steady, beside, undefined))
        return _Dual(dual.node, self.call("where", steady, zero, undefined))

    def _all(self, parts: Iterable[int]) -> int:
        return functools.reduce(lambda p, q: self.call("logical_and", p, q), parts)

    def _compared(self, row: Function, arguments: Sequence[_Dual], result: int) -> _Dual:
        """Return a comparison, with what is known of it near by.

        On one side, two equal numbers are compared by their derivatives.
        """
        zero = self.builder.add(Literal(0))
        nodes = [a.node for a in arguments]
        slopes = [zero if a.tangent is None else a.tangent for a in arguments]
        differ = self.call("not_equal", *nodes)
        # What it compares has to be continuous.
        guards = [self.call("equal", self.zero_where_defined(s), zero) for s in slopes if s != zero]
        if not self._is_one_sided:
            return _Dual(result, self._all([differ, *(guards if self._is_guarded else ())]))
        known = self.call("logical_or", differ, self.call("not_equal", *slopes))
        strict = BESIDE_A_TIE[row.name]
        if strict is None:
            beside = self.builder.add(Literal(CATALOGUE[row.name].operator == "!="))
        else:
            grows = self.call("logical_and", self.call("equal", *nodes), self.call(strict, *slopes))
            beside = self.call("logical_or", self.call(strict, *nodes), grows)
        return _Dual(result, self._all([*guards, known]), beside)

    def _joined(self, row: Function, arguments: Sequence[_Dual]) -> _Dual:
        """Return a condition on conditions, with what is known of it near by."""
        if row.role != "logic":
            raise Unsupported(row.name, "whether it is the same near by is not followed")
        known = self._all([a.tangent for a in arguments if a.tangent is not None])
        result = self.call(row.name, *(a.node for a in arguments))
        return _Dual(result, known, self.call(row.name, *(a.nearby for a in arguments)))

    def _of_choice(self, row: Function, arguments: Sequence[_Dual], result: int) -> int:
        """Return the derivative of an expression that a condition selects."""
        condition, *branches = arguments
        zero = self.builder.add(Literal(0))
        if not branches:  # the number 1 or 0
            one = self.builder.add(Literal(1))
            branches = [_Dual(one, None), _Dual(zero, None)]
        slopes = [zero if b.tangent is None else b.tangent for b in branches]
        choose = functools.partial(self.call, row.name)
        if len(arguments) == 1:
            choose = functools.partial(self.call, "where")
        if condition.tangent is None:
            return choose(condition.node, *slopes)
        on_side = slopes
        if self._is_one_sided:  # the branch on this side has to be continuous at the point
            same = [self.call("equal", b.node, result) for b in branches]
            pairs = zip(same, slopes, strict=True)
            on_side = [self.call("where", is_same, s, self._undefined()) for is_same, s in pairs]
        chosen = choose(condition.nearby, *on_side)
        return self.call("where", condition.tangent, chosen, self._tie(branches, slopes))

    def _tie(self, branches: Sequence[_Dual], slopes: Sequence[int]) -> int:
        """Return the derivative of a choice where its condition may change."""
        if not self._is_one_sided:
            return self._undefined()
        same_value = self.call("equal", *(b.node for b in branches))
        same_slope = self.call("equal", *slopes)
        both = self.call("logical_and", same_value, same_slope)
        return self.call("where", both, slopes[0], self._undefined())

    def _tangent(self, row: Function, arguments: Sequence[_Dual | None], result: int) -> int | None:
        """Return the derivative of a function of numbers."""
        if row.array is not None:
            raise Unsupported(row.name, "a derivative of a function on tensors is not a program")
        if row.is_power:
            base, exponent = (a for a in arguments if a is not None)
            return self._of_power(base, exponent, result)
        if row.variadic and len({a.node for a in arguments if a is not None}) == 1:
            return arguments[0].tangent if arguments[0] else None  # the larger of x and x
        bound = self._bound(row, arguments)
        text = (self._is_one_sided and ONE_SIDED.get(row.name)) or TANGENTS.get(row.name)
        if text is not None:
            tangent = self._by_text(text, bound, result)
            if row.has_kinks and self._is_guarded:  # its arguments have to be continuous
                varying = [dual.tangent for dual in bound.values() if dual.tangent is not None]
                for slope in varying:
                    tangent = self.call("add", tangent, self.zero_where_defined(slope))
            return tangent
        if row.derivative is not None:
            return self._by_chain_rule(row, bound, result)
        if row.definition is None:
            raise Unsupported(row.name, "its derivative is not in the catalogue")
        return self._by_definition(row, arguments, bound)

    def _bound(self, row: Function, arguments: Sequence[_Dual | None]) -> dict[str, _Dual]:
        """Return the parameters of a row by name, with the defaults of those that are omitted."""
        nodes = [None if a is None else a.node for a in arguments]
        given = {p.name: a for p, a in row.bind(arguments) if a is not None}
        bound = bind(self.builder, row, nodes)
        return {name: given.get(name, _Dual(node, None)) for name, node in bound.items()}

    def _by_text(self, text: str, bound: Mapping[str, _Dual], result: int) -> int:
        """Return the derivative by a text of the tables above."""
        program = template(text)
        zero = self.builder.add(Literal(0))
        nodes = {"result": result, **{name: dual.node for name, dual in bound.items()}}
        for name, dual in bound.items():
            nodes[f"d{name}"] = zero if dual.tangent is None else dual.tangent
        if "undefined" in program.inputs:
            nodes["undefined"] = self._undefined()
        return self._copy(program, nodes)

    def _by_chain_rule(self, row: Function, bound: Mapping[str, _Dual], result: int) -> int:
        """Return Σ ∂f/∂u_i·du_i, by the row's derivative."""
        texts = row.derivative if isinstance(row.derivative, tuple) else (row.derivative,)
        nodes = {"result": result, **{name: dual.node for name, dual in bound.items()}}
        terms: list[int] = []
        for text, name in zip(texts, row.parameter_names, strict=True):
            tangent = bound[name].tangent
            if tangent is None:
                continue
            if text is None:
                reason = f"its derivative with respect to {name} is not in the catalogue"
                raise Unsupported(row.name, reason)
            partial = self._copy(template(text), nodes)
            terms.append(self._product(partial, tangent))
        return functools.reduce(lambda a, b: self.call("add", a, b), terms)

    def _by_definition(
        self, row: Function, arguments: Sequence[_Dual | None], bound: Mapping[str, _Dual]
    ) -> int | None:
        """Return the derivative of a row's definition."""
        nodes = [self.builder.nodes[a.node] for a in arguments if a is not None]
        words = (n.value for n in nodes if isinstance(n, Setting) and isinstance(n.value, str))
        meaning = definition(row.name, next(words, None))
        tangent = self.differentiate(meaning, bound, is_definition=True).tangent
        if tangent is None or not row.replaces_undefined:
            return tangent
        for dual in bound.values():  # whether an argument is undefined near by is not followed
            tangent = self.call("add", tangent, self.zero_where_defined(dual.node))
        return tangent

    def _of_power(self, base: _Dual, exponent: _Dual, result: int) -> int | None:
        """Return the derivative of a power."""
        dx, x, n = base.tangent, base.node, exponent.node
        if exponent.tangent is not None:  # defined for a positive base only
            growth = self._product(self.call("log", x), exponent.tangent)
            by_exponent = self.call("multiply", result, growth)
            if dx is None:
                return by_exponent
            return self.call("add", by_exponent, self._power_rule(x, n, dx))
        assert dx is not None  # noqa: S101  (one of the two varies)
        integer = self._integer(n)
        if integer == 0:
            return None
        slope = self._power_rule(x, n, dx)
        if integer is not None or not self._is_one_sided:
            return slope
        # Where the base is 0 and does not move, the power may be undefined on both sides.
        zero = self.builder.add(Literal(0))
        moves = self.call("not_equal", dx, zero)
        moving = self.call("where", moves, slope, self._undefined())
        return self.call("where", self.call("equal", x, zero), moving, slope)

    def _power_rule(self, x: int, n: int, dx: int) -> int:
        """Return n·x^(n-1)·dx."""
        integer = self._integer(n)
        if integer == 1:
            return dx
        if integer is None:
            lower = self.call("power", x, self.call("subtract", n, self.builder.add(Literal(1))))
        else:
            less = self.builder.add(Literal(integer - 1))
            lower = x if integer == 2 else self.call("power", x, less)
        return self._product(self.call("multiply", n, lower), dx)

    def _integer(self, index: int) -> int | None:
        """Return the value of a node that is an integer as it is written, else None."""
        node = self.builder.nodes[index]
        if isinstance(node, Literal) and float(node.value).is_integer():
            return int(node.value)
        if isinstance(node, Call) and CATALOGUE[node.function].operator == "u-":
            inner = self._integer(node.operands[0])
            return None if inner is None else -inner
        return None

    def _product(self, factor: int, tangent: int) -> int:
        """Return factor·tangent."""
        is_one = self.builder.nodes[tangent] == Literal(1)
        return factor if is_one else self.call("multiply", factor, tangent)

    def zero_where_defined(self, node: int) -> int:
        """Return 0·u, which is undefined where u is."""
        return self.call("multiply", self.builder.add(Literal(0)), node)

    def _undefined(self) -> int:
        """Return a number that is defined nowhere."""
        return self.call("sqrt", self.builder.add(Literal(-1)))

    def _copy(self, program: Program, nodes: Mapping[str, int]) -> int:
        return self.builder.copy(program, nodes)


def _is_total(program: Program) -> bool:
    """Return whether a program is defined everywhere, as far as its functions show."""
    return all(_is_total_call(program, call) for _, call in program.calls())


def _is_total_call(program: Program, call: Call) -> bool:
    row = CATALOGUE[call.function]
    if row.is_power:
        exponent = program.nodes[call.operands[1]]
        if not isinstance(exponent, Literal):
            return False
        return exponent.value >= 0 and float(exponent.value).is_integer()
    if domain(row.name) is not None:
        return False
    if row.derivative is not None or row.definition is None:
        return True
    return all(_is_total(definition(row.name, choice)) for choice in _choices(row))


def _choices(row: Function) -> Iterator[str | None]:
    """Yield the words that select a definition of a row; None for its only one."""
    if isinstance(row.definition, Mapping):
        yield from row.definition
    else:
        yield None
