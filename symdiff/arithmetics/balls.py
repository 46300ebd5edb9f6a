"""The arithmetic of balls: certified enclosures of a Program's values over an interval.

A ball (python-flint's `arb`) contains every value that the Program takes where it is defined in
the interval.  `EMPTY` means that the Program is proved to be undefined on the whole interval.
A comparison is True, False, or None if the balls do not decide it.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import flint

from symdiff.arithmetics.reading import read
from symdiff.catalogue import CATALOGUE, Function
from symdiff.catalogue.enclosures import EMPTY, Ball, integer_power
from symdiff.program import Call, Constant, Input, Literal, Node, Program
from symdiff.program.parser import domain, template
from symdiff.program.values import DTYPES

__all__ = [
    "BALLS",
    "DOUBLE",
    "EMPTY",
    "PRECISION",
    "Ball",
    "domain_test",
    "enclose",
    "formula",
    "integers_in",
    "radius_of",
]

DOUBLE: Final = DTYPES["float64"].bits  # of the precision of doubles
PRECISION: Final = 128  # bits of precision, unless another is asked for
_INTEGER_BITS: Final = 2200  # bits for an integer below 2^1024 and as many after the point
_SAFETY: Final = 4.0  # factor for kernels that add up in a different order or err by several ulps


class _Balls:
    """The arithmetic of balls, in which conditions may be undecided; see `reading.Arithmetic`."""

    def column(self, row: Function) -> Callable[..., Any] | None:
        return row.column("ball")

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        return value if isinstance(value, bool) else flint.arb(value)

    def constant(self, name: str) -> Ball:
        return _CONSTANTS[name]()

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        for a in arguments:
            if type(a) is not _BALL:  # a condition, a setting, EMPTY or None
                return self._call_mixed(row, column, arguments)
        return self._call_on_domain(row, column, arguments)

    def defined(self, row: Function, arguments: Sequence[Any], result: Any) -> Any:
        """Return the result of a definition: `EMPTY`, or no information, where an argument is."""
        if any(a is EMPTY for a in arguments):
            return EMPTY if row.needs_arguments else flint.arb("nan")
        return result

    def _call_mixed(
        self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]
    ) -> Any:
        """Apply a column to arguments some of which are not balls."""
        if row.role == "choice":
            return column(*arguments)
        if any(a is EMPTY for a in arguments):
            return EMPTY
        numbers = [_as_number(a) for a in arguments] if row.returns == "real" else arguments
        return self._call_on_domain(row, column, numbers)

    def _call_on_domain(
        self, row: Function, column: Callable[..., Any], arguments: Sequence[Ball]
    ) -> Any:
        """Apply a column to balls; return EMPTY if they are proved to be outside the domain."""
        test = domain_test(row.name)
        outside = test is not None and test(arguments) is False
        return EMPTY if outside else column(*arguments)


@functools.cache
def formula(text: str) -> Callable[[Mapping[str, Any]], Any]:
    """Compile the text of a derivative to a function of its inputs: a mapping from name to ball.

    The function returns what reading the text in `BALLS` returns, but faster: proofs spend most of
    their time in derivatives.

    Examples
    --------
    >>> formula("1/(2*result)")({"result": flint.arb(2)})
    0.250000000000000
    """
    program = template(text)
    return _evaluator(program, program.output)[0]


_Evaluator = Callable[[Mapping[str, Any]], Any]


def _evaluator(program: Program, index: int) -> tuple[_Evaluator, bool]:
    """Return a function of the inputs that evaluates one node, and whether it returns a ball.

    It may return something else, such as `EMPTY`, where a function has a domain.
    """
    node = program.nodes[index]
    if isinstance(node, Input):
        return operator.itemgetter(node.name), True
    if isinstance(node, Literal):
        value = BALLS.number(node.value)
        return lambda _: value, not isinstance(value, bool)
    if isinstance(node, Constant):
        constant = _CONSTANTS[node.name]
        return lambda _: constant(), True  # each time: the working precision may change
    column = CATALOGUE[node.function].column("ball") if isinstance(node, Call) else None
    if column is None or not isinstance(node, Call):
        part = program.at(index)
        return lambda inputs: read(part, BALLS, inputs), False
    row, parts = CATALOGUE[node.function], [_evaluator(program, a) for a in node.operands]
    arguments = [argument for argument, _ in parts]
    if all(is_ball for _, is_ball in parts) and row.returns == "real":
        evaluator = _on_balls(row, column, arguments, program.nodes[node.operands[-1]])
        if evaluator is not None:
            return evaluator, True
    return lambda inputs: BALLS.call(
        row, column, [argument(inputs) for argument in arguments]
    ), False


def _on_balls(
    row: Function, column: Callable[..., Any], arguments: Sequence[_Evaluator], last: Node
) -> _Evaluator | None:
    """Return a function that applies a row to balls unchecked, or None if they need checks."""
    if row.is_power and isinstance(last, Literal) and type(last.value) is int and last.value > 0:
        (base, _), n = arguments, last.value
        return lambda inputs: integer_power(base(inputs), n)
    if row.domain is not None:
        return None
    if len(arguments) == 1:
        (first,) = arguments
        return lambda inputs: column(first(inputs))
    if len(arguments) == 2:
        first, second = arguments
        return lambda inputs: column(first(inputs), second(inputs))
    return None


def integers_in(ball: Ball) -> tuple[int, int]:
    """Return the smallest and the largest integer in a ball below 2^1024.

    The ball contains no integer if the first is greater than the second.

    Examples
    --------
    >>> integers_in(flint.arb(2.5, 1)), integers_in(flint.arb(2**60))
    ((2, 3), (1152921504606846976, 1152921504606846976))
    """
    with flint.ctx.workprec(_INTEGER_BITS):
        low, high = ball.lower().ceil(), ball.upper().floor()
    return int(low.unique_fmpz()), int(high.unique_fmpz())


@functools.cache
def domain_test(function: str) -> Callable[[Sequence[Ball]], bool | None] | None:
    """Return a test of whether arguments are in a function's domain; None if it has no domain.

    The test returns True if they are proved to be inside, False if they are proved to be outside,
    and None if neither is proved.
    """
    condition = domain(function)
    if condition is None:
        return None
    names = CATALOGUE[function].parameter_names
    output = condition.nodes[condition.output]
    if isinstance(output, Call) and len(output.operands) == 2:
        first, second = (condition.nodes[a] for a in output.operands)
        column = CATALOGUE[output.function].column("ball")
        if isinstance(first, Input) and isinstance(second, Literal) and column is not None:
            position, limit = names.index(first.name), flint.arb(second.value)
            return lambda arguments: column(arguments[position], limit)

    def test(arguments: Sequence[Ball]) -> bool | None:
        if CATALOGUE[function].is_power and arguments[1].is_integer() and arguments[1] >= 0:
            return True  # the usual case is an exponent of 2 or 3
        inside: bool | None = read(condition, BALLS, dict(zip(names, arguments, strict=False)))
        return inside

    return test


def _as_number(value: Any) -> Ball:
    """Return a condition as 0 or 1, or as a ball around both if it is undecided."""
    if value is None:
        return flint.arb(0).union(flint.arb(1))
    return flint.arb(int(value)) if isinstance(value, bool) else value


_BALL: Final = flint.arb
_CONSTANTS: Mapping[str, Callable[[], Ball]] = MappingProxyType(
    {"pi": flint.arb.pi, "e": flint.arb.const_e, "inf": flint.arb.pos_inf}
)
BALLS = _Balls()


def enclose(
    program: Program,
    inputs: Mapping[str, Ball],
    *,
    bits: int = PRECISION,
    held: Mapping[int, Ball] | None = None,
) -> Any:
    """Return a ball that contains every value of a Program on a box, or `EMPTY`.

    Parameters
    ----------
    program
        The program to enclose.
    inputs
        The box: a ball for every variable.
    bits
        The precision of the computation.
    held
        Balls of nodes that are not computed but taken from here.

    Raises
    ------
    Unsupported
        A function of the program has no ball column and no definition.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> enclose(parse("exp(x) - 1"), {"x": flint.arb(2, 1)}) > 0
    True
    >>> enclose(parse("sqrt(x)"), {"x": flint.arb(-3, 1)})
    EMPTY
    """
    with flint.ctx.workprec(bits):
        return read(program, BALLS, inputs, held=held)


def radius_of(ball: Ball) -> float:
    """Return a bound of an engine's error from a ball computed with its precision."""
    return _SAFETY * float(ball.rad()) if ball.is_finite() else math.inf
