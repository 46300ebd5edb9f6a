"""What the primitive rows of the catalogue do to germs: the germ column, a function a row.

Every column gets the arithmetic and the arguments; rows that are not here are read through
their definition, or integrated from their derivative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import flint

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.series.germ_values import Infinite, Outside, Unknown, beyond
from symdiff.arithmetics.series.puiseux import NOTHING, Germ, OrderError, constant, flat
from symdiff.arithmetics.series.reals import ONE, PI, Real, UndecidedError, sign
from symdiff.catalogue import CATALOGUE
from symdiff.program.parser import definition, template

if TYPE_CHECKING:
    from symdiff.arithmetics.series.germs import Germs

_INTEGER_BITS: Final = 256  # with which integers beside a number are sought first
_DOUBLES: Final = 2200  # bits that all doubles are sums of


def as_germ(value: Any) -> Any:
    """Return a condition as 0 or 1, and anything else as it is."""
    return constant(Real.of(int(value))) if isinstance(value, bool) else value


# -- columns: functions of the arithmetic and the arguments


def _negate(germs: Germs, x: Any) -> Any:
    return Infinite(-x.sign) if isinstance(x, Infinite) else germs.algebra.negate(x)


def _add(germs: Germs, x: Any, y: Any) -> Any:
    infinite = {a for a in (x, y) if isinstance(a, Infinite)}
    if len(infinite) > 1:
        return Unknown("inf - inf")
    return infinite.pop() if infinite else germs.algebra.add(x, y)


def _subtract(germs: Germs, x: Any, y: Any) -> Any:
    infinite = isinstance(x, Infinite) or isinstance(y, Infinite)
    return _add(germs, x, _negate(germs, y)) if infinite else germs.algebra.subtract(x, y)


def _divide(germs: Germs, x: Any, y: Any) -> Any:
    if isinstance(y, Infinite):
        return Unknown("inf / inf") if isinstance(x, Infinite) else NOTHING
    if isinstance(x, Infinite):
        sign = germs.algebra.sign_of(y)
        return Infinite(x.sign * sign) if sign else Outside("a division by zero")
    return germs.algebra.multiply(x, germs.algebra.power(y, -1))


def _rational(x: Germ) -> Fraction | None:
    if not x.is_constant or x.constant.rational is None:
        return None
    return Fraction(int(x.constant.rational.p), int(x.constant.rational.q))


def _power(germs: Germs, x: Germ, exponent: Germ) -> Germ | Outside:
    algebra = germs.algebra
    q = _rational(exponent)
    if q is None and exponent.is_constant and algebra.sign_of(x) <= 0:
        whole, is_integer = _integer_part(exponent.constant, algebra.bits)
        q = Fraction(whole) if is_integer else None
    if q is not None and q.denominator == 1:
        return algebra.power(x, int(q))
    positive = algebra.sign_of(x)
    if positive < 0:
        return Outside(beyond("power"))
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
        return Outside(beyond("sqrt"))
    return germs.algebra.power(x, Fraction(1, 2))


def _cbrt(germs: Germs, x: Germ) -> Germ:
    third = Fraction(1, 3)
    if germs.algebra.sign_of(x) < 0:
        return germs.algebra.negate(germs.algebra.power(germs.algebra.negate(x), third))
    return germs.algebra.power(x, third)


def _log(germs: Germs, x: Germ) -> Germ | Outside:
    if germs.algebra.sign_of(x) < 0:
        return Outside(beyond("log"))
    return germs.algebra.log(x)


def _tanh(germs: Germs, x: Germ) -> Germ:
    algebra, parts = germs.algebra, germs.algebra.split(x)
    if not isinstance(parts, int):
        return germs.by_derivative(CATALOGUE["tanh"], [x])
    # ±tanh x = (1 - y)/(1 + y), y = e^(-2|x|): no flat one where x is a logarithm
    y = algebra.exp(algebra.scale(x, Real.of(-2 * parts)))
    above, below = algebra.subtract(constant(ONE), y), algebra.add(constant(ONE), y)
    quotient = algebra.multiply(above, algebra.power(below, -1))
    return quotient if parts > 0 else algebra.negate(quotient)


def _erf(germs: Germs, x: Germ) -> Germ:
    parts = germs.algebra.split(x)
    if isinstance(parts, int):  # 1 - erf x < e^(-x²), and that of a logarithm is flat too
        return germs.algebra.add(constant(Real.of(parts)), flat(germs.algebra.order))
    return germs.by_derivative(CATALOGUE["erf"], [x])


def _atan(germs: Germs, x: Germ) -> Germ:
    parts = germs.algebra.split(x)
    if not isinstance(parts, int):
        return germs.by_derivative(CATALOGUE["atan"], [x])
    # atan x = ±π/2 - atan 1/x
    rest = germs.by_derivative(CATALOGUE["atan"], [germs.algebra.power(x, -1)])
    return germs.algebra.subtract(constant(PI * Real.of(Fraction(parts, 2))), rest)


def _shifting(name: str) -> Callable[..., Any]:
    """Return the column of gamma or a relative, with the recurrence that leads off its poles."""

    def column(germs: Germs, *arguments: Germ) -> Any:
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


def _atan2(germs: Germs, x: Germ, y: Germ) -> Any:
    return read(definition("atan2", None), germs, {"x": x, "y": y})


def _abs(germs: Germs, x: Any) -> Any:
    if isinstance(x, Infinite):
        return Infinite(1)
    try:
        return x if germs.algebra.sign_of(x) >= 0 else germs.algebra.negate(x)
    except OrderError:
        return Germ({}, x.order)


def _sign(germs: Germs, x: Any) -> Germ:
    found = x.sign if isinstance(x, Infinite) else germs.algebra.sign_of(x)
    return constant(Real.of(found))


def _larger(germs: Germs, x: Any, y: Any) -> Any:
    if isinstance(x, Infinite) or isinstance(y, Infinite):
        return x if _compare(germs, x, y) > 0 else y
    difference = germs.algebra.subtract(x, y)
    try:
        return x if germs.algebra.sign_of(difference) >= 0 else y
    except OrderError:
        return germs.algebra.add(x, Germ({}, difference.order))


def _smaller(germs: Germs, x: Any, y: Any) -> Any:
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
    nearest = _nearest_integer(number, bits)
    side = sign(number - Real.of(nearest), bits)
    return nearest - (side < 0), side == 0


def _nearest_integer(number: Real, bits: int) -> int:
    """Return an integer less than 1 from a number."""
    precision = _INTEGER_BITS
    while number.ball(precision).rad() > 0.25:
        if precision >= bits:
            message = "the integers beside a large number are not told"
            raise UndecidedError(message)
        precision *= 2
    with flint.ctx.workprec(precision + _DOUBLES):  # some columns give more bits than asked for
        found = (number.ball(precision).mid() + 0.5).floor().unique_fmpz()
    if found is None:
        message = "the integers beside a long number are not told"
        raise UndecidedError(message)
    return int(found)


def _ceil(germs: Germs, x: Germ) -> Germ:
    return germs.algebra.negate(_floor(germs, germs.algebra.negate(x)))


def _compare(germs: Germs, x: Any, y: Any) -> int:
    if isinstance(x, Infinite) or isinstance(y, Infinite):
        left = 2 * x.sign if isinstance(x, Infinite) else 0
        right = 2 * y.sign if isinstance(y, Infinite) else 0
        return (left > right) - (left < right)
    return germs.algebra.sign_of(germs.algebra.subtract(x, y))


def _comparison(holds: Callable[[int], bool]) -> Callable[..., bool]:
    return lambda germs, x, y: holds(_compare(germs, as_germ(x), as_germ(y)))


def _not(_: Germs, x: Any) -> Any:
    return not x if isinstance(x, bool) else x


def _and(_: Germs, x: Any, y: Any) -> Any:
    if x is False or y is False:
        return False
    return y if x is True else x


def _or(_: Germs, x: Any, y: Any) -> Any:
    if x is True or y is True:
        return True
    return y if x is False else x


def _where(germs: Germs, condition: Any, x: Any, y: Any) -> Any:
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


COLUMNS: Mapping[str, Callable[..., Any]] = MappingProxyType(
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
        "tanh": _tanh,
        "erf": _erf,
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
        "float": lambda _, x: as_germ(x),
    }
)
