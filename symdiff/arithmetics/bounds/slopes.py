"""Balls around the derivative along one variable, where a program is proved to be smooth.

`jets` proves the same for any treatment of ties.  Here a program is resolved once to a flat list of
operations on pairs of balls, the parts without inputs are computed once for each precision, and the
list is run for every point: proofs at many points spend their time in it.  Everything else (a
switch that may be zero, a number that is not finite, a row that is not listed here) is left to
`jets`.

Source: forward mode as in Griewank & Walther 2008, section 3.1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import flint

from symdiff.arithmetics.balls import BALLS, EMPTY, Ball, domain_test, formula
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.jets import TieError
from symdiff.arithmetics.reading import read
from symdiff.catalogue import CATALOGUE, Function
from symdiff.catalogue.enclosures import integer_power
from symdiff.program import Call, Constant, Input, Literal, Program
from symdiff.program.parser import default, definition

Slope = Ball | None  # a derivative; None for that of a constant
Pair = tuple[Any, Slope]  # a number or a condition, and its derivative
Operation = Callable[[Any, Slope, Any, Slope], Pair]

_Formula = Callable[[Mapping[str, Ball]], Any]

_MOST_ARGUMENTS: Final = 2  # of a row that is applied by its derivatives
_ZERO: Final = flint.arb(0)
_ONE: Final = flint.arb(1)


class _LeftToJetsError(ArithmeticError):
    """A number or a program that is not handled here but by `jets`."""


class _Step(NamedTuple):
    """One operation, and the slots of its result and its arguments."""

    operation: Operation
    result: int
    first: int
    second: int


class _Plan(NamedTuple):
    """A program as operations on slots, at one precision.

    Attributes
    ----------
    inputs
        The slot of every input.
    steps
        The operations that depend on an input, in order.
    output
        The slot of the value.
    start
        The slots before an evaluation: the values of all constants, and None.
    """

    inputs: tuple[tuple[str, int], ...]
    steps: tuple[_Step, ...]
    output: int
    start: tuple[Any, ...]


def slope_in(program: Program, variable: str, point: Mapping[str, Ball], bits: int) -> Ball | None:
    """Return a ball that contains the derivative at a point, or None if `jets` has to decide.

    Parameters
    ----------
    program
        The program.
    variable
        The input to differentiate with respect to.
    point
        A finite ball for every input.
    bits
        The precision, which has to be flint's working precision.

    Raises
    ------
    TieError
        A switch may be zero, so that `jets` proves nothing either.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> slope_in(parse("x*abs(x)"), "x", {"x": flint.arb(-2)}, flint.ctx.prec)
    4.00000000000000
    >>> slope_in(parse("floor(x)"), "x", {"x": flint.arb(0.5)}, flint.ctx.prec) is None
    True
    """
    one = {name: (x, _ONE if name == variable else None) for name, x in point.items()}
    return change_in(program, one, bits)


def change_in(
    program: Program, inputs: Mapping[str, tuple[Ball, Ball | None]], bits: int
) -> Ball | None:
    """Return a ball with the derivative by a parameter of all inputs, or None as `slope_in` does.

    Parameters
    ----------
    program
        The program.
    inputs
        For every input its ball and its derivative with respect to the parameter; None for 0.
    bits
        The precision, which has to be flint's working precision.

    Raises
    ------
    TieError
        A switch may be zero.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> change_in(parse("x*y"), {"x": (flint.arb(3), flint.arb(1)), "y": (flint.arb(2), None)}, 53)
    2.00000000000000
    """
    plan = _plan(program, bits)
    if plan is None:
        return None
    try:
        _, slope = _run(plan, inputs)
    except _LeftToJetsError:
        return None
    return _ZERO if slope is None else slope


def _run(plan: _Plan, inputs: Mapping[str, Pair]) -> Pair:
    """Return the value of a plan and its derivative, given those of the inputs."""
    values: list[Any] = list(plan.start)
    slopes: list[Slope] = [None] * len(values)
    for name, slot in plan.inputs:
        values[slot], slopes[slot] = inputs[name]
    for operation, result, first, second in plan.steps:
        values[result], slopes[result] = operation(
            values[first], slopes[first], values[second], slopes[second]
        )
    return values[plan.output], slopes[plan.output]


# -- programs as lists of operations


@functools.lru_cache(maxsize=128)
def _plan(program: Program, bits: int) -> _Plan | None:
    """Return a program as operations, with its constants computed; None if `jets` reads it."""
    builder = _PlanBuilder()
    try:
        with flint.ctx.workprec(bits):
            output = builder.add(program, {name: builder.slot() for name in program.inputs})
    except (_LeftToJetsError, TieError, RecursionError):
        return None
    inputs = tuple(zip(program.inputs, range(len(program.inputs)), strict=True))
    return _Plan(inputs, tuple(builder.steps), output, tuple(builder.values))


class _PlanBuilder:
    """Resolves programs to operations on slots; an operation on constants is applied at once."""

    def __init__(self) -> None:
        """Start without slots."""
        self.steps: list[_Step] = []
        self.values: list[Any] = []  # of the constants, by slot
        self._moving: set[int] = set()  # the slots that depend on an input

    def slot(self) -> int:
        """Return a new slot, for an input."""
        self._moving.add(len(self.values))
        self.values.append(None)
        return len(self.values) - 1

    def add(self, program: Program, inputs: Mapping[str, int]) -> int:
        """Add the operations of a program with inputs from slots; return the slot of its value."""
        slots: dict[int, int] = {}
        for index in program.order:
            node = program.nodes[index]
            if isinstance(node, Input):
                slots[index] = inputs[node.name]
            elif isinstance(node, Literal):
                slots[index] = self._constant(BALLS.number(node.value))
            elif isinstance(node, Constant):
                slots[index] = self._constant(_finite(BALLS.constant(node.name)))
            elif isinstance(node, Call):
                slots[index] = self._call(
                    CATALOGUE[node.function],
                    [None if a is None else slots[a] for a in node.arguments],
                )
            else:
                raise _LeftToJetsError
        return slots[program.output]

    def _constant(self, value: Any) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def _call(self, row: Function, arguments: list[int | None]) -> int:
        """Add a row of the catalogue; the slots of its arguments are None where omitted."""
        if row.selects_by_condition:
            condition, taken, other = self._passed(arguments)
            return self._step(_where, condition, self._step(_pair, taken, other))
        operation = _operation(row.name)
        if operation is not None:
            first, *more = self._passed(arguments)
            return self._step(operation, first, more[0] if more else first)
        if jets.has_column(row.name) or row.derivative is not None or row.domain is not None:
            raise _LeftToJetsError
        if row.definition is None or any(p.is_setting for p in row.parameters):
            raise _LeftToJetsError
        slots: dict[str, int] = {}
        for parameter, argument in row.bind(arguments):
            if argument is not None:
                slots[parameter.name] = argument
            elif parameter.default is not None:
                slots[parameter.name] = self.add(default(parameter.default), {})
        return self.add(definition(row.name, None), slots)

    def _passed(self, arguments: list[int | None]) -> list[int]:
        passed = [a for a in arguments if a is not None]
        if len(passed) < len(arguments):
            raise _LeftToJetsError
        return passed

    def _step(self, operation: Operation, first: int, second: int) -> int:
        """Return the slot of an operation's result; on constants it is computed at once."""
        if self._moving.isdisjoint((first, second)):
            return self._constant(operation(self.values[first], None, self.values[second], None)[0])
        result = self.slot()
        self.steps.append(_Step(operation, result, first, second))
        return result


# -- operations: each raises `_LeftToJetsError` where its result is not finite


def _finite(x: Ball) -> Ball:
    if not x.is_finite():
        raise _LeftToJetsError
    return x


def _add(x: Ball, dx: Slope, y: Ball, dy: Slope) -> Pair:
    return x + y, dy if dx is None else dx if dy is None else dx + dy


def _subtract(x: Ball, dx: Slope, y: Ball, dy: Slope) -> Pair:
    if x is y and dx is dy:
        return _ZERO, None
    if dy is None:
        return x - y, dx
    return x - y, -dy if dx is None else dx - dy


def _multiply(x: Ball, dx: Slope, y: Ball, dy: Slope) -> Pair:
    if dy is None:
        return x * y, None if dx is None else dx * y
    return x * y, x * dy if dx is None else dx * y + x * dy


def _divide(x: Ball, dx: Slope, y: Ball, dy: Slope) -> Pair:
    quotient, inverse = _finite(x / y), 1 / y
    by_x = None if dx is None else dx * inverse
    if dy is None:
        return quotient, by_x
    by_y = dy * (-quotient * inverse)
    return quotient, by_y if by_x is None else by_x + by_y


def _power(x: Ball, dx: Slope, exponent: Ball, by_exponent: Slope) -> Pair:
    if by_exponent is not None or not exponent.is_integer():
        return _real_power(x, dx, exponent, by_exponent)
    n = int(exponent.unique_fmpz())
    if n == 0:
        return _ONE, None
    lower = integer_power(x, n - 1)  # not finite on a ball around 0 for a negative power
    value = _finite(integer_power(x, n))
    return value, None if dx is None else dx * (n * lower)


def _real_power(x: Ball, dx: Slope, exponent: Ball, by_exponent: Slope) -> Pair:
    if not x > 0:
        raise _LeftToJetsError
    value = _finite(x**exponent)
    by_base = None if dx is None else dx * (exponent * x ** (exponent - 1))
    if by_exponent is None:
        return value, by_base
    change = by_exponent * (value * x.log())
    return value, change if by_base is None else by_base + change


def _negative(x: Ball, dx: Slope, _: Ball, __: Slope) -> Pair:
    return -x, None if dx is None else -dx


def _sign_of(x: Ball, dx: Slope) -> int:
    if x > 0:
        return 1
    if x < 0:
        return -1
    if dx is None and x.is_zero():
        return 0  # a constant zero
    message = "a switch may be zero"
    raise TieError(message)


def _abs(x: Ball, dx: Slope, _: Ball, __: Slope) -> Pair:
    sign = _sign_of(x, dx)
    return (x, dx) if sign > 0 else _negative(x, dx, x, dx)


def _sign(x: Ball, dx: Slope, _: Ball, __: Slope) -> Pair:
    return flint.arb(_sign_of(x, dx)), None


def _maximum(x: Ball, dx: Slope, y: Ball, dy: Slope) -> Pair:
    return (x, dx) if _sign_of(*_subtract(x, dx, y, dy)) > 0 else (y, dy)


def _minimum(x: Ball, dx: Slope, y: Ball, dy: Slope) -> Pair:
    return (y, dy) if _sign_of(*_subtract(x, dx, y, dy)) > 0 else (x, dx)


def _detach(x: Ball, _: Slope, __: Ball, ___: Slope) -> Pair:
    return x, None


def _pair(x: Ball, dx: Slope, y: Ball, dy: Slope) -> Pair:
    """Return the two branches of a choice together."""
    return ((x, dx), (y, dy)), None


def _where(condition: bool, _: Slope, branches: tuple[Pair, Pair], __: Slope) -> Pair:  # noqa: FBT001
    return branches[0] if condition else branches[1]


def _comparison(holds_for: Callable[[int], bool]) -> Operation:
    return lambda x, dx, y, dy: (holds_for(_sign_of(*_subtract(x, dx, y, dy))), None)


_OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "add": _add,
        "subtract": _subtract,
        "multiply": _multiply,
        "divide": _divide,
        "power": _power,
        "negative": _negative,
        "positive": lambda x, dx, _, __: (x, dx),
        "abs": _abs,
        "sign": _sign,
        "maximum": _maximum,
        "minimum": _minimum,
        "detach": _detach,
        "less": _comparison(lambda s: s < 0),
        "less_equal": _comparison(lambda s: s <= 0),
        "greater": _comparison(lambda s: s > 0),
        "greater_equal": _comparison(lambda s: s >= 0),
        "equal": _comparison(lambda s: s == 0),
        "not_equal": _comparison(lambda s: s != 0),
    }
)


@functools.cache
def _operation(name: str) -> Operation | None:
    """Return a row as an operation, by `_OPERATIONS` or by its derivative; None if it has none."""
    if name in _OPERATIONS or jets.has_column(name):
        return _OPERATIONS.get(name)
    row = CATALOGUE[name]
    texts = row.derivative if isinstance(row.derivative, tuple) else (row.derivative,)
    if row.derivative is None or not 1 <= len(row.parameters) == len(texts) <= _MOST_ARGUMENTS:
        return None
    partials = [None if text is None else formula(text) for text in texts]
    return _chain(row, _value_of(row), partials[0], partials[-1])


def _value_of(row: Function) -> Callable[[Mapping[str, Ball]], Any]:
    """Return the value of a row as a function of its named arguments, by its ball column."""
    column, names, test = row.column("ball"), row.parameter_names, domain_test(row.name)
    if test is not None:
        tested, inside = column, test

        def value(bound: Mapping[str, Ball]) -> Any:
            arguments = [bound[name] for name in names]
            if tested is None or inside(arguments) is not True:
                raise _LeftToJetsError
            return tested(*arguments)

        return value
    if column is None:
        program = definition(row.name, None)
        return lambda bound: read(program, BALLS, bound)
    if len(names) > 1:
        return lambda bound: column(*[bound[name] for name in names])
    (only,) = names
    return lambda bound: column(bound[only])


def _chain(
    row: Function, value_of: _Formula, by_first: _Formula | None, by_second: _Formula | None
) -> Operation:
    """Return f(u, v) with the slope ∂f/∂u·u' + ∂f/∂v·v', by the row's derivatives."""
    first, *more = row.parameter_names
    second = more[0] if more else ""

    def operation(x: Ball, dx: Slope, y: Ball, dy: Slope) -> Pair:
        bound = {first: x, second: y} if second else {first: x}
        value = value_of(bound)
        if value is EMPTY:
            raise _LeftToJetsError
        bound["result"] = _finite(value)
        slope = None if dx is None else _product(by_first, bound, dx)
        if not second or dy is None:
            return value, slope
        other = _product(by_second, bound, dy)
        return value, other if slope is None else slope + other

    return operation


def _product(partial: _Formula | None, bound: Mapping[str, Ball], slope: Ball) -> Ball:
    """Return a partial derivative times the slope of its argument."""
    value = EMPTY if partial is None else partial(bound)
    if value is EMPTY:
        raise _LeftToJetsError
    return slope * value
