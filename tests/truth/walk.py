"""Evaluate a Program in mpmath, with hundreds of digits.

The evaluation shares no code with symdiff's arithmetics: it visits the nodes itself.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import mpmath

from symdiff.catalogue import CATALOGUE
from symdiff.program import Call, Constant, Input, Literal, Program, Setting, parse
from symdiff.program.parser import default, definition, domain

Number = Any  # an mpf

_NOISE: Final = 0.9  # a difference that loses more than this part of its digits counts as zero
_MAX_SECANTS: Final = 40  # steps of the secant method for one zero


@dataclasses.dataclass(frozen=True, slots=True)
class ZeroOf:
    """The number near a double at which a program is zero, or an integer.

    Attributes
    ----------
    program
        The program to solve.
    variable
        The variable to solve for.
    others
        The values of the other variables.
    near
        The double.
    integer
        Whether the program is an integer there, instead of zero.
    """

    program: Program
    variable: str
    others: Mapping[str, float | Fraction | str]
    near: float
    integer: bool = False


Coordinate = float | Fraction | str | ZeroOf


class UndefinedError(ArithmeticError):
    """The expression has no real value here."""


class UnclearError(ArithmeticError):
    """The evaluation leads to arithmetic with infinities, or to no accurate value."""


class Reals:
    """Real numbers of a given number of digits, with the catalogue's primitive functions."""

    def __init__(self, digits: int) -> None:
        self.context = mpmath.mp.clone()
        self.context.dps = digits
        self.zero = self.context.mpf(0)
        self.one = self.context.mpf(1)
        self._bits = int(_NOISE * self.context.prec)
        self._literals: dict[float, Number] = {}

    def number(self, value: Coordinate) -> Number:
        """Return the value of a coordinate: exact for a double, else rounded to the last digit."""
        if isinstance(value, ZeroOf):
            return self._zero(value)
        if isinstance(value, str):
            return Walk(self, parse(value), {}).result()
        if isinstance(value, Fraction):
            return self.context.mpf(value.numerator) / value.denominator
        return self.context.mpf(value)

    def _zero(self, zero: ZeroOf) -> Number:
        """Compute a zero by the secant method."""
        others = {name: self.number(x) for name, x in zero.others.items()}

        def value(x: Number) -> Number:
            return Walk(self, zero.program, {**others, zero.variable: x}).result()

        x = self.context.mpf(zero.near)
        before = x * (1 + self.context.mpf(10) ** -18)
        target = self.context.nint(value(x)) if zero.integer else self.zero
        f, f_before = value(x) - target, value(before) - target
        for _ in range(_MAX_SECANTS):
            if not f or f == f_before:
                break
            x, before = x - f * (x - before) / (f - f_before), x
            f, f_before = value(x) - target, f
        if not self.context.almosteq(x, zero.near, 1e-14):
            raise UnclearError
        return x

    def literal(self, value: float) -> Number:
        """Return a number in a Program, exactly."""
        if value not in self._literals:
            self._literals[value] = self.context.mpf(value)
        return self._literals[value]

    def snapped(self, x: Number, scale: int) -> Number:
        """Return x, or zero if x may be a rounding error of numbers of magnitude 2**scale."""
        return self.zero if x and magnitude(x) < scale - self._bits else x

    def add(self, x: Number, y: Number) -> Number:
        total = x + y
        if total != total:  # noqa: PLR0124  (NaN)
            raise UnclearError
        return self.snapped(total, max(magnitude(x), magnitude(y)))

    def subtract(self, x: Number, y: Number) -> Number:
        return self.add(x, -y)

    def multiply(self, x: Number, y: Number) -> Number:
        product = x * y
        if product != product:  # noqa: PLR0124
            raise UnclearError
        return product

    def divide(self, x: Number, y: Number) -> Number:
        if not y:
            raise UndefinedError
        return x / y

    def sign(self, x: Number) -> Number:
        return self.context.mpf((x > 0) - (x < 0))

    def compare(self, x: Number, y: Number) -> int:
        if x == y:
            return 0
        difference = self.subtract(x, y)
        return (difference > 0) - (difference < 0)

    def integer(self, x: Number) -> int | None:
        """Return the integer that x is up to rounding, or None."""
        nearest = int(self.context.nint(x))
        rest = self.snapped(x - nearest, max(magnitude(x), 0))
        return None if rest else nearest

    def floor(self, x: Number) -> Number:
        whole = self.integer(x)
        return self.context.floor(x) if whole is None else self.context.mpf(whole)

    def power(self, x: Number, exponent: Number) -> Number:
        if not self.context.isfinite(exponent):
            raise UnclearError
        whole = self.integer(exponent)
        if not x:
            if exponent < 0 and whole != 0:
                raise UndefinedError
            return self.one if whole == 0 else self.zero
        if whole is not None:
            return x**whole
        if x < 0:
            raise UndefinedError
        return x**exponent

    def sqrt(self, x: Number) -> Number:
        if x < 0:
            raise UndefinedError
        return self.context.sqrt(x)

    def cbrt(self, x: Number) -> Number:
        return self.sign(x) * self.context.cbrt(abs(x))

    def log(self, x: Number) -> Number:
        if x <= 0:
            raise UndefinedError
        return self.snapped(self.context.log(x), 0)

    def sin(self, x: Number) -> Number:
        return self.snapped(self.context.sin(x), magnitude(x))

    def cos(self, x: Number) -> Number:
        return self.snapped(self.context.cos(x), max(0, magnitude(x)))

    def _within_one(self, x: Number, *, ends: bool) -> Number:
        side = self.compare(abs(x), self.one)
        if side > 0 or (side == 0 and not ends):
            raise UndefinedError
        return self.sign(x) if side == 0 else x

    def asin(self, x: Number) -> Number:
        return self.context.asin(self._within_one(x, ends=True))

    def erfinv(self, x: Number) -> Number:
        return self.context.erfinv(self._within_one(x, ends=False))

    def _off_poles(self, x: Number) -> Number:
        whole = self.integer(x)
        if whole is not None and whole <= 0:
            raise UndefinedError
        return x

    def gamma(self, x: Number) -> Number:
        return self.context.gamma(self._off_poles(x))

    def lgamma(self, x: Number) -> Number:
        if self._off_poles(x) > 0:
            return self.snapped(self.context.loggamma(x), 0)
        return self.log(abs(self.context.gamma(x)))

    def polygamma(self, n: Number, x: Number) -> Number:
        return self.context.psi(int(n), self._off_poles(x))


def magnitude(x: Number) -> int:
    """Return e such that 2**(e-1) <= |x| < 2**e, and a very small number for zero."""
    _, mantissa, exponent, bits = x._mpf_
    return exponent + bits if mantissa else -(10**9)


_ROWS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": Reals.add,
        "subtract": Reals.subtract,
        "multiply": Reals.multiply,
        "divide": Reals.divide,
        "power": Reals.power,
        "negative": lambda _, x: -x,
        "positive": lambda _, x: x,
        "sqrt": Reals.sqrt,
        "cbrt": Reals.cbrt,
        "exp": lambda r, x: r.context.exp(x),
        "log": Reals.log,
        "sin": Reals.sin,
        "cos": Reals.cos,
        "asin": Reals.asin,
        "atan": lambda r, x: r.context.atan(x),
        "tanh": lambda r, x: r.context.tanh(x),
        "erf": lambda r, x: r.context.erf(x),
        "erfinv": Reals.erfinv,
        "gamma": Reals.gamma,
        "lgamma": Reals.lgamma,
        "digamma": lambda r, x: r.polygamma(r.zero, x),
        "polygamma": Reals.polygamma,
        "bessel_i": lambda r, n, x: r.context.besseli(int(n), x),
        "abs": lambda _, x: abs(x),
        "sign": Reals.sign,
        "maximum": lambda r, x, y: x if r.compare(x, y) >= 0 else y,
        "minimum": lambda r, x, y: x if r.compare(x, y) <= 0 else y,
        "floor": Reals.floor,
        "ceil": lambda r, x: -r.floor(-x),
        "less": lambda r, x, y: r.compare(x, y) < 0,
        "less_equal": lambda r, x, y: r.compare(x, y) <= 0,
        "greater": lambda r, x, y: r.compare(x, y) > 0,
        "greater_equal": lambda r, x, y: r.compare(x, y) >= 0,
        "equal": lambda r, x, y: r.compare(x, y) == 0,
        "not_equal": lambda r, x, y: r.compare(x, y) != 0,
        "logical_not": lambda _, x: not x,
        "float": lambda _, x: x,
    }
)
_CHOICES: Final = frozenset({"where", "ifelse"})
_LOGIC: Final = MappingProxyType(
    {"logical_and": False, "logical_or": True}
)  # the operand value that decides the result


class Walk:
    """The values of a Program's nodes, each computed on first use.

    Parameters
    ----------
    reals
        The arithmetic.
    program
        The program to evaluate.
    inputs
        A number for every variable, or a function that returns it.
    base, dependent
        The walk at another point, and the nodes whose values may differ from those there: the
        values of the other nodes are taken from it.
    """

    def __init__(
        self,
        reals: Reals,
        program: Program,
        inputs: Mapping[str, Number | Callable[[], Number]],
        base: Walk | None = None,
        dependent: frozenset[int] = frozenset(),
    ) -> None:
        self._reals = reals
        self._program = program
        self._inputs = inputs
        self._base = base
        self._dependent = dependent
        self._values: dict[int, Any] = {}

    def result(self) -> Number:
        """Return the value of the output.

        Raises
        ------
        UndefinedError
            If it has no real value.
        UnclearError
            If it is infinite, or cannot be computed.
        """
        value = self._number(self._program.output)
        if not self._reals.context.isfinite(value):
            raise UnclearError
        return value

    def _number(self, index: int) -> Number:
        value = self.value(index)
        return self._reals.context.mpf(int(value)) if isinstance(value, bool) else value

    def value(self, index: int) -> Any:
        if self._base is not None and index not in self._dependent:
            return self._base.value(index)
        if index not in self._values:
            self._values[index] = self._compute(self._program.nodes[index])
        return self._values[index]

    def _compute(self, node: object) -> Any:
        if isinstance(node, Setting):
            return node.value
        if isinstance(node, Literal):
            is_condition = isinstance(node.value, bool)
            return node.value if is_condition else self._reals.literal(node.value)
        if isinstance(node, Constant):
            constants = {"pi": self._reals.context.pi, "e": self._reals.context.e}
            return self._reals.context.inf if node.name == "inf" else +constants[node.name]
        if isinstance(node, Input):
            value = self._inputs[node.name]
            return value() if callable(value) else value
        assert isinstance(node, Call)
        return self._call(node)

    def _call(self, node: Call) -> Any:
        if node.function in _CHOICES:
            condition, first, second = node.operands
            return self._number(first if self.value(condition) else second)
        if node.function in _LOGIC:
            return self._logic(node, settles=_LOGIC[node.function])
        column = _ROWS.get(node.function)
        if column is not None:
            takes_condition = node.function == "logical_not"
            return column(
                self._reals,
                *(self.value(a) if takes_condition else self._number(a) for a in node.operands),
            )
        return self._defined(node)

    def _logic(self, node: Call, *, settles: bool) -> bool:
        first, second = node.operands
        try:
            return settles if self.value(first) is settles else self.value(second)
        except UndefinedError:
            if self.value(second) is settles:
                return settles
            raise

    def _defined(self, node: Call) -> Any:
        row = CATALOGUE[node.function]
        choice = None
        bound: dict[str, Number | Callable[[], Number]] = {}
        padded = [*node.arguments, *[None] * (len(row.parameters) - len(node.arguments))]
        for parameter, argument in zip(row.parameters, padded, strict=True):
            if parameter.kind == "choice":
                choice = None if argument is None else self.value(argument)
            elif argument is not None:
                # Evaluated on use only: in a branch that is not taken it may be undefined.
                bound[parameter.name] = functools.partial(self._number, argument)
            elif parameter.default is not None:
                number = default(parameter.default)
                bound[parameter.name] = Walk(self._reals, number, {})._number(number.output)
        condition = domain(row.name)
        if condition is not None and not Walk(self._reals, condition, bound).value(
            condition.output
        ):
            raise UndefinedError
        meaning = definition(row.name, choice)
        return Walk(self._reals, meaning, bound)._number(meaning.output)


@functools.lru_cache(maxsize=256)
def dependent_nodes(program: Program, variable: str) -> frozenset[int]:
    """Return the nodes that depend on a variable, except through detach."""
    dependent: set[int] = set()
    for index, node in enumerate(program.nodes):
        is_variable = isinstance(node, Input) and node.name == variable
        depends = isinstance(node, Call) and bool(dependent.intersection(node.operands))
        if is_variable or (depends and node.function != "detach"):
            dependent.add(index)
    return frozenset(dependent)
