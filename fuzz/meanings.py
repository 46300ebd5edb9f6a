"""What the functions of numbers mean: the definition of each, written down again from its name.

Nothing here comes from symdiff's catalogue, so a mistake there shows as a contradiction.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from fuzz.reals import Number, PoleError, Reals, UnclearError, UndefinedError, magnitude

Meaning = Callable[..., Any]

ZERO, ONE, HALF = Fraction(0), Fraction(1), Fraction(1, 2)


class Missing(enum.Enum):
    """A component that has no number."""

    UNDEFINED = "the component is undefined"
    NOT_NAN = "the component is undefined, and perhaps not NaN in floating-point arithmetic"
    UNCLEAR = "the component cannot be computed with this many digits"


def _double(text: str) -> Fraction:
    """Return the double nearest to a decimal number."""
    return Fraction(float(text))


# -- powers, exponentials


def _cbrt(r: Reals, x: Number) -> Number:
    return r.sign(x) * r.context.cbrt(r.float(abs(x))) if x != 0 else ZERO


def _hypot(r: Reals, x: Number, y: Number) -> Number:
    return r.sqrt(r.add(r.multiply(x, x), r.multiply(y, y)))


def expm1(r: Reals, x: Number) -> Number:
    """Return e**x - 1."""
    return ZERO if x == 0 else r.context.expm1(r.float(_small_enough(r, x)))


def _small_enough(r: Reals, x: Number) -> Number:
    r.exp(x)  # raises UnclearError for enormous x
    return x


def log1p(r: Reals, x: Number) -> Number:
    """Return log(1 + x)."""
    if x <= -1:
        raise PoleError if x == -1 else UndefinedError
    return ZERO if x == 0 else r.context.log1p(r.float(x))


def logaddexp(r: Reals, x: Number, y: Number) -> Number:
    """Return log(e**x + e**y)."""
    difference = r.subtract(x, y)
    rest = log1p(r, r.exp(-abs(difference)))
    return r.add(x if difference > 0 else y, rest)


def _xlogy(r: Reals, x: Number, y: Number) -> Number:
    return ZERO if x == 0 else r.multiply(x, r.log(y))


# -- trigonometry


def _within_one(r: Reals, x: Number, *, ends: bool) -> Number:
    side = r.compare(abs(x), ONE)
    if side > 0:
        raise UndefinedError
    if side == 0 and not ends:
        raise PoleError
    return Fraction(r.sign(x)) if side == 0 else x


def _acos(r: Reals, x: Number) -> Number:
    inside = _within_one(r, x, ends=True)
    return ZERO if inside == 1 else r.context.acos(r.float(inside))


def _atan2(r: Reals, y: Number, x: Number) -> Number:
    if x == 0 and y == 0:
        raise PoleError  # floating-point arithmetic gives a number
    return ZERO if y == 0 and x > 0 else r.context.atan2(r.float(y), r.float(x))


def _acosh(r: Reals, x: Number) -> Number:
    side = r.compare(x, ONE)
    if side < 0:
        raise UndefinedError
    return ZERO if side == 0 else r.context.acosh(r.float(x))


def _sinc(r: Reals, x: Number) -> Number:
    if x == 0:
        return ONE
    angle = r.float(x) * r.context.pi
    return r.divide(ZERO if r.whole(x) is not None else r.sin(angle), angle)


# -- special functions


def _off_poles(r: Reals, x: Number) -> Number:
    whole = r.whole(x)
    if whole is not None and whole <= 0:
        raise PoleError
    if r.float(x) == 0:  # rounded to a pole
        raise UnclearError
    if magnitude(x) > 40:
        r.exp(r.multiply(x, x))  # raises UnclearError
    return r.float(x)


def _gamma(r: Reals, x: Number) -> Number:
    return r.context.gamma(_off_poles(r, x))


def _lgamma(r: Reals, x: Number) -> Number:
    a = _off_poles(r, x)
    value = r.context.loggamma(a) if a > 0 else r.context.log(abs(r.context.gamma(a)))
    return r.near(value.real, 0)


def _polygamma(r: Reals, n: Number, x: Number) -> Number:
    return r.context.psi(int(n), _off_poles(r, x))


def _erfc(r: Reals, x: Number) -> Number:
    a = r.float(x)
    if magnitude(a) > 20:
        r.exp(r.multiply(x, x))
    return r.context.erfc(a)


def _erfcx(r: Reals, x: Number) -> Number:
    return r.multiply(r.exp(r.multiply(x, x)), _erfc(r, x))


def _bessel(r: Reals, order: int, x: Number) -> Number:
    """Return the modified Bessel function I: the mean of exp(x*cos(t))*cos(order*t)."""
    if x == 0:
        return ZERO if order else ONE
    return r.context.besseli(order, r.float(_small_enough(r, x)))


def _scaled_bessel(r: Reals, order: int, x: Number) -> Number:
    return r.multiply(r.exp(-abs(x)), _bessel(r, order, x))


def _erfinv(r: Reals, x: Number) -> Number:
    inside = _within_one(r, x, ends=False)
    return ZERO if inside == 0 else r.context.erfinv(r.float(inside))


# -- steps


def _rint(r: Reals, x: Number) -> Fraction:
    below = r.floor(x)
    side = r.compare(r.subtract(x, below), HALF)
    up = side > 0 or (side == 0 and below % 2 == 1)
    return below + 1 if up else below


def _round(r: Reals, x: Number, decimals: Number = ZERO) -> Number:
    scale = Fraction(10) ** int(decimals)
    return r.divide(_rint(r, r.multiply(x, scale)), scale)


def _trunc(r: Reals, x: Number) -> Fraction:
    return r.floor(x) if x >= 0 else -r.floor(-x)


def _remainder(r: Reals, x: Number, y: Number) -> Number:
    return r.subtract(x, r.multiply(r.floor(r.divide(x, y)), y))


def _fmod(r: Reals, x: Number, y: Number) -> Number:
    return r.subtract(x, r.multiply(_trunc(r, r.divide(x, y)), y))


def maximum(r: Reals, x: Number, *others: Number) -> Number:
    """Return the largest."""
    for y in others:
        x = x if r.compare(x, y) >= 0 else y
    return x


def minimum(r: Reals, x: Number, *others: Number) -> Number:
    """Return the smallest."""
    for y in others:
        x = x if r.compare(x, y) <= 0 else y
    return x


def _clamp(r: Reals, x: Number, low: Number | None = None, high: Number | None = None) -> Number:
    x = x if low is None else maximum(r, x, low)
    return x if high is None else minimum(r, x, high)


def _heaviside(_: Reals, x: Number, value: Number) -> Number:
    return value if x == 0 else Fraction(int(x > 0))


# -- activations


def _leaky(r: Reals, x: Number, slope: Number = _double("0.01")) -> Number:  # noqa: B008
    return x if x > 0 else r.multiply(slope, x)


def _rrelu(r: Reals, x: Number, low: Number = ONE / 8, high: Number = ONE / 3) -> Number:
    return _leaky(r, x, r.divide(r.add(low, high), Fraction(2)))


def _elu(r: Reals, x: Number, alpha: Number = ONE) -> Number:
    return x if x > 0 else r.multiply(alpha, expm1(r, x))


_SELU_SCALE: Final = _double("1.0507009873554804934193349852946")
_SELU_ALPHA: Final = _double("1.6732632423543772848170429916717")


def _selu(r: Reals, x: Number) -> Number:
    return r.multiply(_SELU_SCALE, _elu(r, x, _SELU_ALPHA))


def _celu(r: Reals, x: Number, alpha: Number = ONE) -> Number:
    return x if x > 0 else r.multiply(alpha, expm1(r, r.divide(x, alpha)))


def sigmoid(r: Reals, x: Number) -> Number:
    """Return 1/(1 + e**-x)."""
    return r.divide(ONE, r.add(ONE, r.exp(-x)))


def _softplus(r: Reals, x: Number, beta: Number = ONE, threshold: Number | None = None) -> Number:
    scaled = r.multiply(beta, x)
    if threshold is not None and r.compare(scaled, threshold) > 0:
        return x
    return r.divide(logaddexp(r, ZERO, scaled), beta)


def _gelu(r: Reals, x: Number, approximate: str = "none") -> Number:
    if approximate == "none":
        root = r.sqrt(Fraction(2))
        return r.multiply(r.multiply(x, HALF), _erfc(r, -r.divide(x, root)))
    cube = r.multiply(_double("0.044715"), r.multiply(x, r.multiply(x, x)))
    inner = r.multiply(r.context.sqrt(2 / r.context.pi), r.add(x, cube))
    tanh = r.of("tanh", inner, saturates=True)
    return r.multiply(r.multiply(x, HALF), r.add(ONE, tanh))


def _mish(r: Reals, x: Number) -> Number:
    return r.multiply(x, r.of("tanh", logaddexp(r, ZERO, x), saturates=True))


def _hardsigmoid(r: Reals, x: Number) -> Number:
    return r.divide(_clamp(r, r.add(x, Fraction(3)), ZERO, Fraction(6)), Fraction(6))


def _hardshrink(r: Reals, x: Number, lambd: Number = HALF) -> Number:
    return x if r.compare(x, lambd) > 0 or r.compare(x, -lambd) < 0 else ZERO


def _softshrink(r: Reals, x: Number, lambd: Number = HALF) -> Number:
    if r.compare(x, lambd) > 0:
        return r.subtract(x, lambd)
    return r.add(x, lambd) if r.compare(x, -lambd) < 0 else ZERO


NUMBERS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "add": Reals.add,
        "subtract": Reals.subtract,
        "multiply": Reals.multiply,
        "divide": Reals.divide,
        "floor_divide": lambda r, x, y: r.floor(r.divide(x, y)),
        "remainder": _remainder,
        "power": Reals.power,
        "negative": lambda _, x: -x,
        "positive": lambda _, x: x,
        "less": lambda r, x, y: r.compare(x, y) < 0,
        "less_equal": lambda r, x, y: r.compare(x, y) <= 0,
        "greater": lambda r, x, y: r.compare(x, y) > 0,
        "greater_equal": lambda r, x, y: r.compare(x, y) >= 0,
        "equal": lambda r, x, y: r.compare(x, y) == 0,
        "not_equal": lambda r, x, y: r.compare(x, y) != 0,
        "logical_not": lambda _, x: not x,
        "float": lambda _, x: Fraction(int(x)),
        "sqrt": Reals.sqrt,
        "cbrt": _cbrt,
        "square": lambda r, x: r.multiply(x, x),
        "reciprocal": lambda r, x: r.divide(ONE, x),
        "rsqrt": lambda r, x: r.divide(ONE, r.sqrt(x)),
        "hypot": _hypot,
        "exp": Reals.exp,
        "exp2": lambda r, x: r.power(Fraction(2), x),
        "expm1": expm1,
        "log": Reals.log,
        "log2": lambda r, x: r.divide(r.log(x), r.log(Fraction(2))),
        "log10": lambda r, x: r.divide(r.log(x), r.log(Fraction(10))),
        "log1p": log1p,
        "logaddexp": logaddexp,
        "xlogy": _xlogy,
        "sin": Reals.sin,
        "cos": Reals.cos,
        "tan": lambda r, x: r.divide(r.sin(x), r.cos(x)),
        "asin": lambda r, x: r.of("asin", _within_one(r, x, ends=True)),
        "acos": _acos,
        "atan": lambda r, x: r.of("atan", x),
        "atan2": _atan2,
        "sinh": lambda r, x: r.of("sinh", x),
        "cosh": lambda r, x: r.context.cosh(r.float(_small_enough(r, x))),
        "tanh": lambda r, x: r.of("tanh", x, saturates=True),
        "asinh": lambda r, x: r.of("asinh", x),
        "acosh": _acosh,
        "atanh": lambda r, x: r.of("atanh", _within_one(r, x, ends=False)),
        "sinc": _sinc,
        "erf": lambda r, x: r.of("erf", x, saturates=True),
        "erfc": _erfc,
        "erfinv": _erfinv,
        "gamma": _gamma,
        "lgamma": _lgamma,
        "digamma": lambda r, x: r.context.psi(0, _off_poles(r, x)),
        "polygamma": _polygamma,
        "erfcx": _erfcx,
        "bessel_i": lambda r, n, x: _bessel(r, int(n), x),
        "i0": lambda r, x: _bessel(r, 0, x),
        "i1": lambda r, x: _bessel(r, 1, x),
        "i0e": lambda r, x: _scaled_bessel(r, 0, x),
        "i1e": lambda r, x: _scaled_bessel(r, 1, x),
        "abs": lambda _, x: abs(x),
        "sign": lambda r, x: Fraction(r.sign(x)),
        "maximum": maximum,
        "minimum": minimum,
        "clamp": _clamp,
        "clamp_min": maximum,
        "clamp_max": minimum,
        "copysign": lambda _, x, y: abs(x) if y >= 0 else -abs(x),
        "heaviside": _heaviside,
        "floor": Reals.floor,
        "ceil": lambda r, x: -r.floor(-x),
        "rint": _rint,
        "round": _round,
        "trunc": _trunc,
        "frac": lambda r, x: r.subtract(x, _trunc(r, x)),
        "fmod": _fmod,
        "relu": lambda _, x: x if x > 0 else ZERO,
        "relu6": lambda r, x: _clamp(r, x, ZERO, Fraction(6)),
        "leaky_relu": _leaky,
        "prelu": _leaky,
        "rrelu": _rrelu,
        "elu": _elu,
        "selu": _selu,
        "celu": _celu,
        "threshold": lambda r, x, level, value: x if r.compare(x, level) > 0 else value,
        "sigmoid": sigmoid,
        "logsigmoid": lambda r, x: -logaddexp(r, ZERO, -x),
        "softplus": _softplus,
        "gelu": _gelu,
        "silu": lambda r, x: r.multiply(x, sigmoid(r, x)),
        "mish": _mish,
        "softsign": lambda r, x: r.divide(x, r.add(ONE, abs(x))),
        "tanhshrink": lambda r, x: r.subtract(x, r.of("tanh", x, saturates=True)),
        "hardtanh": lambda r, x, low=-ONE, high=ONE: _clamp(r, x, low, high),
        "hardsigmoid": _hardsigmoid,
        "hardswish": lambda r, x: r.multiply(x, _hardsigmoid(r, x)),
        "hardshrink": _hardshrink,
        "softshrink": _softshrink,
    }
)


def _chosen(_: Reals, condition: Any, x: Any, y: Any) -> Any:
    return condition if isinstance(condition, Missing) else x if condition else y


def _logic(settles: bool) -> Meaning:
    def meaning(_: Reals, x: Any, y: Any) -> Any:
        if settles in (x, y):
            return settles
        if Missing.UNCLEAR in (x, y):  # it may settle the condition
            return Missing.UNCLEAR
        missing = [v for v in (x, y) if isinstance(v, Missing)]
        return missing[0] if missing else not settles

    return meaning


def _defined_one(function: Meaning) -> Meaning:
    def meaning(r: Reals, x: Any, y: Any) -> Any:
        if Missing.NOT_NAN in (x, y):  # perhaps it is not ignored
            return Missing.UNCLEAR
        if Missing.UNDEFINED in (x, y):
            return y if x is Missing.UNDEFINED else x
        missing = [v for v in (x, y) if isinstance(v, Missing)]
        return missing[0] if missing else function(r, x, y)

    return meaning


def _replaced(
    _: Reals, x: Any, nan: Number = ZERO, posinf: Number = ZERO, neginf: Number = ZERO
) -> Any:
    del posinf, neginf
    if x is Missing.NOT_NAN:
        return Missing.UNCLEAR
    return nan if x is Missing.UNDEFINED else x


# The names of parameters above, by torch's keywords, where they differ.
PARAMETERS: Final = MappingProxyType(
    {
        "min": "low",
        "max": "high",
        "min_val": "low",
        "max_val": "high",
        "lower": "low",
        "upper": "high",
        "negative_slope": "slope",
    }
)


# Functions whose value may not depend on an argument, which may then be undefined.
SELECTIONS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "where": _chosen,
        "ifelse": _chosen,
        "logical_and": _logic(settles=False),
        "logical_or": _logic(settles=True),
        "fmax": _defined_one(maximum),
        "fmin": _defined_one(minimum),
        "nan_to_num": _replaced,
    }
)
