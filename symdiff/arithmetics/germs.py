"""A Program on germs: its exact behaviour on one side of a point.

Read on x0 + s·t with s = 1 or -1 a Program gives its one-sided series; read on constants it
gives its exact value.  A sub-expression that is undefined there is `Outside`, one that could
not be decided is `Unknown`; both are values, so that a branch not taken does no harm.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from symdiff.arithmetics.puiseux import (
    NOTHING,
    Algebra,
    Germ,
    OrderError,
    constant,
    flat,
)
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.reals import MAX_BITS, ONE, PI, E, Real, UndecidedError, apply, sign
from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.parser import definition, domain, template

ORDERS: Final = (4, 8, 16, 32)  # tried one after the other


@dataclasses.dataclass(frozen=True, slots=True)
class Outside:
    """The expression is undefined: proved."""

    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Unknown:
    """It could not be decided; `order` says that a longer series may decide it."""

    reason: str
    order: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Infinite:
    """The constant inf, or -inf."""

    sign: int


@dataclasses.dataclass(frozen=True, slots=True)
class Budget:
    """How much is spent on one point.

    Attributes
    ----------
    bits
        The highest precision, in bits, with which a sign is sought.
    orders
        The orders of series that are tried, one after the other.
    work
        How many functions are applied before the point is left undecided.
    """

    bits: int = MAX_BITS
    orders: tuple[int, ...] = ORDERS
    work: int = 50_000


Value = Germ | Infinite | Outside | Unknown | bool


class Germs:
    """The arithmetic of germs up to one order; see `reading.Arithmetic`."""

    def __init__(self, order: int, budget: Budget) -> None:
        """Start with all of the budget."""
        self.algebra = Algebra(order, budget.bits)
        self._order = order
        self._budget = budget
        self._spent = 0

    def column(self, row: Function) -> Callable[..., Any] | None:
        """Return what a row does to germs; None: read it by its definition."""
        column = _COLUMNS.get(row.name)
        if column is not None:
            return column
        if row.definition is not None:
            return None
        if row.derivative is None or row.ball is None:
            raise Unsupported(row.name, "it has no series")
        return lambda germs, *arguments: germs.by_derivative(row, arguments)

    def number(self, value: float | bool) -> Any:  # noqa: ANN401, FBT001
        """Return a literal: a double is exact."""
        return value if isinstance(value, bool) else constant(Real.of(value))

    def constant(self, name: str) -> Value:
        """Return pi, e or inf."""
        return Infinite(1) if name == "inf" else constant({"pi": PI, "e": E}[name])

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:  # noqa: ANN401
        """Apply a column where all arguments are known and finite."""
        if row.name not in _SELECTING:
            if row.returns == "real" and row.name not in _TAKES_CONDITIONS:
                arguments = [_as_germ(a) for a in arguments]
            refused = self._refused(row, arguments)
            if refused is not None:
                return refused
        try:
            return self._inside(row, arguments) or column(self, *arguments)
        except OrderError as error:
            return Unknown(str(error), order=True)
        except UndecidedError as error:
            return Unknown(f"{row.name}: {error}")
        except ZeroDivisionError:
            return Outside(_DIVISIONS.get(row.name, "a division by zero"))

    def _refused(self, row: Function, arguments: Sequence[Any]) -> Outside | Unknown | None:
        """Return what stands for the result where an argument is no finite number."""
        self._spent += 1
        if self._spent > self._budget.work:
            return Unknown("it takes more work than the budget allows")
        for kind in (Outside, Unknown):
            found = next((a for a in arguments if isinstance(a, kind)), None)
            if found is not None:
                return found
        if row.name not in _TAKES_INFINITE and any(isinstance(a, Infinite) for a in arguments):
            return Unknown("arithmetic with inf")
        return None

    def _inside(self, row: Function, arguments: Sequence[Any]) -> Outside | Unknown | None:
        condition = domain(row.name) if row.name in _CHECKED else None
        if condition is None:
            return None
        names = (parameter.name for parameter in row.parameters)
        found = read(condition, self, dict(zip(names, arguments, strict=False)))
        if found is True:
            return None
        return Outside(f"{row.name} outside its domain") if found is False else found

    def by_derivative(self, row: Function, arguments: Sequence[Any]) -> Germ:
        """Return f(g) = f(a) + ∫ f'(g)·g' dt for the one argument g that varies."""
        moving = [i for i, g in enumerate(arguments) if not g.is_constant]
        if len(moving) > 1:
            message = "it has a series in one variable only"
            raise UndecidedError(message)
        i = moving[0] if moving else len(arguments) - 1
        parts = self.algebra.split(arguments[i])
        if isinstance(parts, int):
            message = "an infinite argument"
            raise UndecidedError(message)
        points = [parts[0] if i == j else g.constant for j, g in enumerate(arguments)]
        start = apply(row.name, *points)
        if not start.ball(64).is_finite():
            message = "its value at the limit of its argument is infinite"
            raise UndecidedError(message)
        if not moving:
            return constant(start)
        text = row.derivative[i] if isinstance(row.derivative, tuple) else row.derivative
        if text is None:
            message = f"it has no derivative by its {row.parameters[i].name}"
            raise UndecidedError(message)
        names = [parameter.name for parameter in row.parameters]
        return self._integral(text, dict(zip(names, arguments, strict=True)), names[i], start)

    def _integral(self, text: str, bound: dict[str, Germ], variable: str, start: Real) -> Germ:
        """Integrate, again and again where the derivative is given by the result itself."""
        if self._order <= 1:
            return Germ(constant(start).terms, 1)
        algebra = self.algebra
        shorter = Germs(self._order - 1, self._budget)
        speed = algebra.differentiate(bound[variable])
        program = template(text)
        result = Germ(constant(start).terms, None if speed == NOTHING else _START)
        rounds = self._order if "result" in program.inputs else 1
        for _ in range(rounds):
            slope = read(program, shorter, {**bound, "result": result})
            if not isinstance(slope, Germ):
                raise OrderError if getattr(slope, "order", False) else UndecidedError(slope.reason)
            before, result = result, algebra.integrate(algebra.multiply(slope, speed), start)
            if result.order is not None and result.order == before.order:
                break
        return result


_START: Final = Fraction(1, 64)  # an order that says next to nothing


def _as_germ(value: Any) -> Any:  # noqa: ANN401  (a condition counts as 0 or 1)
    return constant(Real.of(int(value))) if isinstance(value, bool) else value


# -- columns: functions of the arithmetic and the arguments


def _negate(germs: Germs, x: Any) -> Any:  # noqa: ANN401
    return Infinite(-x.sign) if isinstance(x, Infinite) else germs.algebra.negate(x)


def _add(germs: Germs, x: Any, y: Any) -> Any:  # noqa: ANN401
    infinite = {a for a in (x, y) if isinstance(a, Infinite)}
    if len(infinite) > 1:
        return Unknown("inf - inf")
    return infinite.pop() if infinite else germs.algebra.add(x, y)


def _subtract(germs: Germs, x: Any, y: Any) -> Any:  # noqa: ANN401
    infinite = isinstance(x, Infinite) or isinstance(y, Infinite)
    return _add(germs, x, _negate(germs, y)) if infinite else germs.algebra.subtract(x, y)


def _divide(germs: Germs, x: Germ, y: Any) -> Germ:  # noqa: ANN401
    if isinstance(y, Infinite):
        return NOTHING
    return germs.algebra.multiply(x, germs.algebra.power(y, -1))


def _rational(x: Germ) -> Fraction | None:
    if not x.is_constant or x.constant.rational is None:
        return None
    return Fraction(int(x.constant.rational.p), int(x.constant.rational.q))


def _power(germs: Germs, x: Germ, exponent: Germ) -> Germ | Outside:
    algebra = germs.algebra
    q = _rational(exponent)
    if q is not None and q.denominator == 1:
        return algebra.power(x, int(q))
    positive = algebra.sign_of(x)
    if positive < 0:
        return Outside("a broken power of a negative number")
    if positive == 0:
        rising = algebra.sign_of(exponent)
        if rising < 0:
            return Outside("a negative power of zero")
        return NOTHING if rising else constant(ONE)
    if q is not None:
        return algebra.power(x, q)
    return algebra.exp(algebra.multiply(exponent, algebra.log(x)))


def _sqrt(germs: Germs, x: Germ) -> Germ | Outside:
    if germs.algebra.sign_of(x) < 0:
        return Outside("a square root of a negative number")
    return germs.algebra.power(x, Fraction(1, 2))


def _cbrt(germs: Germs, x: Germ) -> Germ:
    third = Fraction(1, 3)
    if germs.algebra.sign_of(x) < 0:
        return germs.algebra.negate(germs.algebra.power(germs.algebra.negate(x), third))
    return germs.algebra.power(x, third)


def _log(germs: Germs, x: Germ) -> Germ | Outside:
    if germs.algebra.sign_of(x) < 0:
        return Outside("a logarithm of a negative number")
    return germs.algebra.log(x)


def _bounded(name: str, ends: Callable[[int], Real]) -> Callable[..., Germ]:
    """Return the column of a function that tends to its ends faster than any power."""

    def column(germs: Germs, x: Germ) -> Germ:
        parts = germs.algebra.split(x)
        if isinstance(parts, int):
            return germs.algebra.add(constant(ends(parts)), flat(germs.algebra.order))
        return germs.by_derivative(CATALOGUE[name], [x])

    return column


def _atan(germs: Germs, x: Germ) -> Germ:
    parts = germs.algebra.split(x)
    if not isinstance(parts, int):
        return germs.by_derivative(CATALOGUE["atan"], [x])
    # atan x = ±π/2 - atan 1/x
    rest = germs.by_derivative(CATALOGUE["atan"], [germs.algebra.power(x, -1)])
    return germs.algebra.subtract(constant(PI * Real.of(Fraction(parts, 2))), rest)


def _shifting(name: str) -> Callable[..., Any]:
    """Return the column of gamma or a relative, with the recurrence that leads off its poles."""

    def column(germs: Germs, *arguments: Germ) -> Any:  # noqa: ANN401
        x = arguments[-1]
        parts = germs.algebra.split(x)
        if isinstance(parts, int):
            message = "an infinite argument"
            raise UndecidedError(message)
        a = parts[0].rational
        if a is None or a > 0 or a.q != 1 or x.is_constant:
            return germs.by_derivative(CATALOGUE[name], arguments)
        names = [parameter.name for parameter in CATALOGUE[name].parameters]
        return read(template(_RECURRENCES[name]), germs, dict(zip(names, arguments, strict=True)))

    return column


_RECURRENCES: Mapping[str, str] = MappingProxyType(
    {
        "gamma": "gamma(x + 1)/x",
        "lgamma": "lgamma(x + 1) - log(abs(x))",
        "digamma": "digamma(x + 1) - 1/x",
    }
)


def _atan2(germs: Germs, x: Germ, y: Germ) -> Any:  # noqa: ANN401
    return read(definition("atan2", None), germs, {"x": x, "y": y})


def _abs(germs: Germs, x: Any) -> Any:  # noqa: ANN401
    if isinstance(x, Infinite):
        return Infinite(1)
    try:
        return x if germs.algebra.sign_of(x) >= 0 else germs.algebra.negate(x)
    except OrderError:
        return Germ({}, x.order)


def _sign(germs: Germs, x: Any) -> Germ:  # noqa: ANN401
    found = x.sign if isinstance(x, Infinite) else germs.algebra.sign_of(x)
    return constant(Real.of(found))


def _larger(germs: Germs, x: Any, y: Any) -> Any:  # noqa: ANN401
    if isinstance(x, Infinite) or isinstance(y, Infinite):
        return x if _compare(germs, x, y) > 0 else y
    difference = germs.algebra.subtract(x, y)
    try:
        return x if germs.algebra.sign_of(difference) >= 0 else y
    except OrderError:
        return germs.algebra.add(x, Germ({}, difference.order))


def _smaller(germs: Germs, x: Any, y: Any) -> Any:  # noqa: ANN401
    if isinstance(x, Infinite) or isinstance(y, Infinite):
        return x if _compare(germs, x, y) < 0 else y
    difference = germs.algebra.subtract(x, y)
    try:
        return x if germs.algebra.sign_of(difference) <= 0 else y
    except OrderError:
        return germs.algebra.add(x, Germ({}, difference.order))


def _floor(germs: Germs, x: Germ) -> Germ:
    parts = germs.algebra.split(x)
    if isinstance(parts, int):
        message = "steps without end"
        raise UndecidedError(message)
    limit, rest = parts
    below, is_integer = _integer_part(limit, germs.algebra.bits)
    if is_integer and germs.algebra.sign_of(rest) < 0:
        below -= 1
    return constant(Real.of(below))


def _integer_part(number: Real, bits: int) -> tuple[int, bool]:
    """Return floor(number), and whether it is an integer: both proved."""
    if number.rational is not None:
        value = Fraction(int(number.rational.p), int(number.rational.q))
        return math.floor(value), value.denominator == 1
    nearest = int(number.ball(256).mid().floor().unique_fmpz() or 0)
    for candidate in (nearest, nearest + 1):
        difference = sign(number - Real.of(candidate), bits)
        if difference <= 0:
            return (candidate, True) if difference == 0 else (candidate - 1, False)
    return nearest + 1, False


def _ceil(germs: Germs, x: Germ) -> Germ:
    return germs.algebra.negate(_floor(germs, germs.algebra.negate(x)))


def _compare(germs: Germs, x: Any, y: Any) -> int:  # noqa: ANN401
    if isinstance(x, Infinite) or isinstance(y, Infinite):
        left = 2 * x.sign if isinstance(x, Infinite) else 0
        right = 2 * y.sign if isinstance(y, Infinite) else 0
        return (left > right) - (left < right)
    return germs.algebra.sign_of(germs.algebra.subtract(x, y))


def _comparison(holds: Callable[[int], bool]) -> Callable[..., bool]:
    return lambda germs, x, y: holds(_compare(germs, _as_germ(x), _as_germ(y)))


def _not(_: Germs, x: Any) -> Any:  # noqa: ANN401
    return not x if isinstance(x, bool) else x


def _and(_: Germs, x: Any, y: Any) -> Any:  # noqa: ANN401
    if x is False or y is False:
        return False
    return y if x is True else x


def _or(_: Germs, x: Any, y: Any) -> Any:  # noqa: ANN401
    if x is True or y is True:
        return True
    return y if x is False else x


def _where(germs: Germs, condition: Any, x: Any, y: Any) -> Any:  # noqa: ANN401
    if isinstance(condition, bool):
        return x if condition else y
    undecided = isinstance(condition, Unknown) and condition.order
    if undecided and isinstance(x, Germ) and isinstance(y, Germ):
        return _common(germs, x, y) or condition
    return condition


def _common(germs: Germs, x: Germ, y: Germ) -> Germ | None:
    """Return what two branches have in common, whichever is taken."""
    difference = germs.algebra.subtract(x, y).lowest
    if difference is None:
        return x
    return germs.algebra.add(x, Germ({}, difference)) if difference > 1 else None


def _sin(germs: Germs, x: Germ) -> Germ:
    return germs.algebra.sin_cos(x)[0]


def _cos(germs: Germs, x: Germ) -> Germ:
    return germs.algebra.sin_cos(x)[1]


_COLUMNS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": _add,
        "subtract": _subtract,
        "multiply": lambda germs, x, y: germs.algebra.multiply(x, y),
        "divide": _divide,
        "power": _power,
        "negative": _negate,
        "positive": lambda _, x: x,
        "sqrt": _sqrt,
        "cbrt": _cbrt,
        "exp": lambda germs, x: germs.algebra.exp(x),
        "log": _log,
        "sin": _sin,
        "cos": _cos,
        "atan": _atan,
        "atan2": _atan2,
        "tanh": _bounded("tanh", Real.of),
        "erf": _bounded("erf", Real.of),
        "gamma": _shifting("gamma"),
        "lgamma": _shifting("lgamma"),
        "digamma": _shifting("digamma"),
        "abs": _abs,
        "sign": _sign,
        "maximum": _larger,
        "minimum": _smaller,
        "floor": _floor,
        "ceil": _ceil,
        "less": _comparison(lambda s: s < 0),
        "less_equal": _comparison(lambda s: s <= 0),
        "greater": _comparison(lambda s: s > 0),
        "greater_equal": _comparison(lambda s: s >= 0),
        "equal": _comparison(lambda s: s == 0),
        "not_equal": _comparison(lambda s: s != 0),
        "logical_and": _and,
        "logical_or": _or,
        "logical_not": _not,
        "where": _where,
        "ifelse": _where,
        "float": lambda _, x: _as_germ(x),
    }
)
# These look at conditions or branches that may be undefined or unknown.
_SELECTING = frozenset({"where", "ifelse", "logical_and", "logical_or"})
_TAKES_CONDITIONS = frozenset({"float"})
_TAKES_INFINITE = frozenset(
    {
        *("add", "subtract", "negative", "positive", "abs", "sign", "maximum", "minimum", "divide"),
        *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
    }
)
# The others find out by themselves whether they are inside their domain.
_CHECKED = frozenset({"asin", "atan2", "erfinv", "gamma", "lgamma", "digamma"})
_DIVISIONS: Mapping[str, str] = MappingProxyType(
    {"log": "a logarithm of zero", "power": "a negative power of zero"}
)


def evaluate(
    program: Program,
    inputs: Mapping[str, Value],
    order: int = ORDERS[0],
    budget: Budget | None = None,
    *,
    held: Mapping[int, Value] | None = None,
) -> Value:
    """Return a Program's germ.

    Parameters
    ----------
    program
        What to read.
    inputs
        A germ for every variable: `puiseux.line` where it moves, `puiseux.constant` else.
    order
        Terms from t^order on are dropped.
    budget
        Precision and work.
    held
        Germs of nodes that are taken as they are: detached parts are constants.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> from symdiff.arithmetics.puiseux import line
    >>> evaluate(parse("abs(x)*exp(x)"), {"x": line(Real.of(0), Real.of(-1))}, order=3)
    Germ(terms={(1, 0): 1, (2, 0): -1}, order=3)
    """
    try:
        found: Value = read(program, Germs(order, budget or Budget()), inputs, held=held)
    except Unsupported as error:
        return Unknown(str(error))
    except RecursionError:
        return Unknown("it is nested too deeply")
    return found
