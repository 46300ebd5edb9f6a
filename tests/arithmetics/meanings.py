"""The meaning of every scalar row: its value in mpmath, and its derivatives in closed form.

They are written here independently: only the names of the rows come from the catalogue.
"""

import dataclasses
import math
import random
from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

SAMPLES = 200


@dataclasses.dataclass(frozen=True)
class Range:
    """A distribution for one argument.

    Mostly uniform from `low` to `high`; else near one of the `marks`, near 0, or far out, down to
    `least` or up to `most`.
    """

    low: float = -5
    high: float = 5
    marks: tuple[float, ...] = (0, 1, -1)
    least: float = -1e6
    most: float = 1e6

    def draw(self, rng: random.Random) -> float:
        kind = rng.random()
        if kind < 0.22 and self.marks:
            near = rng.choice((0, -1, 1, -1, 1, -1, 1)) * 10 ** -rng.uniform(1, 13)
            return rng.choice(self.marks) + near
        if kind < 0.29:
            return rng.choice((-1, 1)) * 10 ** -rng.uniform(1, 30)
        if kind < 0.37:
            end, limit = rng.choice(((self.low, self.least), (self.high, self.most)))
            span = math.log10(max(1, abs(end))), math.log10(max(1, abs(limit)))
            return math.copysign(10 ** rng.uniform(*span), limit)
        return rng.uniform(self.low, self.high)


@dataclasses.dataclass(frozen=True)
class Meaning:
    """An expression with its value and its derivatives with respect to x, y and z.

    Samples are drawn from `ranges`; `inside` excludes points with kinks and jumps.
    """

    text: str
    value: Callable[..., Any]
    slopes: tuple[Callable[..., Any], ...]
    ranges: tuple[Range, ...]
    inside: Callable[..., bool]
    samples: int

    def __str__(self) -> str:
        return self.text


def always(*_):
    return True


def meaning(text, value, *slopes, inside=always, samples=SAMPLES, **ranges):
    drawn = tuple(ranges.get(name, Range()) for name in "xyz"[: len(slopes)])
    return Meaning(text, value, slopes, drawn, inside, samples)


def zero(*_):
    return mpf(0)


def one(*_):
    return mpf(1)


def minus_one(*_):
    return mpf(-1)


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def erfcx(x):
    return mp.exp(x * x) * mp.erfc(x)


def scaled_bessel(n, x):
    return mp.exp(-abs(x)) * mp.besseli(n, x)


def softplus(x):
    return mp.log1p(mp.exp(x))


def truncated(x):
    return mp.floor(x) if x >= 0 else mp.ceil(x)


def unequal(x, y, *_):
    return x != y


def nonzero(x, *_):
    return x != 0


def positive(x, *_):
    return x > 0


def off_integers(x, *_):
    return x != math.floor(x)


def off_poles(x):
    return x > 0 or x != math.floor(x)


def off_multiples(x, y):
    return y != 0 and math.fmod(x, y) != 0


def between(low, high):
    return lambda x, *_: low < x < high


def apart_from(*kinks):
    return lambda x, *_: x not in kinks


# The constants of torch and of the rows are doubles.
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
GELU_CUBIC = 0.044715


def gelu_angle(x):
    return 2 * mp.sqrt(2 / mp.pi) * (x + mpf(GELU_CUBIC) * x**3)


def gelu_angle_slope(x):
    return 2 * mp.sqrt(2 / mp.pi) * (1 + 3 * mpf(GELU_CUBIC) * x**2)


def gelu_tanh_slope(x):
    s = sigmoid(gelu_angle(x))
    return s + x * s * sigmoid(-gelu_angle(x)) * gelu_angle_slope(x)


def mish_slope(x):
    return mp.tanh(softplus(x)) + x * mp.sech(softplus(x)) ** 2 * sigmoid(x)


def clamped(x, low, high):
    return min(max(x, low), high)


def clamp_slopes(which):
    def slope(x, low, high):
        taken = 2 if max(x, low) > high else int(x < low)
        return mpf(which == taken)

    return slope


UNIT = Range(-1, 1, (-1, 0, 1), -1, 1)
EXPONENT = Range(-20, 20, (0, 1), -700, 700)
ANGLE = Range(-10, 10, (0, math.pi / 2, math.pi, -math.pi), -1e9, 1e9)
POSITIVE = Range(0, 10, (0, 1), 0, 1e12)
ABOVE_ONE = Range(1, 10, (1,), 1, 1e12)
GAMMA = Range(-6, 12, (0, -1, -2, -3, 1, 2), -150, 160)
SIZES = Range(-6, 6, (0,), -300, 300)
STEPS = Range(-8, 8, (-2, -1, 0, 1, 2, 3), -1e9, 1e9)
HALVES = Range(-8, 8, (-1.5, -0.5, 0.5, 1.5, 2.5), -1e9, 1e9)
CENTS = Range(-8, 8, (-0.25, 0.125, 0.375, 0.5), -1e9, 1e9)
LINES = Range(-8, 8, (-3, -1, -0.5, 0, 0.5, 1, 3, 6), -1e9, 1e9)
DIVISOR = Range(-5, 5, (1, -1), -1e3, 1e3)

MEANINGS = {
    # operators
    "add": [meaning("x + y", lambda x, y: x + y, one, one)],
    "subtract": [meaning("x - y", lambda x, y: x - y, one, minus_one)],
    "multiply": [meaning("x*y", lambda x, y: x * y, lambda x, y: y, lambda x, y: x)],
    "divide": [
        meaning(
            "x/y",
            lambda x, y: x / y,
            lambda x, y: 1 / y,
            lambda x, y: -x / y**2,
            inside=lambda x, y: y != 0,
        )
    ],
    "floor_divide": [
        meaning(
            "x//y",
            lambda x, y: mp.floor(x / y),
            zero,
            zero,
            x=STEPS,
            y=DIVISOR,
            inside=off_multiples,
        )
    ],
    "remainder": [
        meaning(
            "x % y",
            lambda x, y: x - mp.floor(x / y) * y,
            one,
            lambda x, y: -mp.floor(x / y),
            x=STEPS,
            y=DIVISOR,
            inside=off_multiples,
        )
    ],
    "power": [
        meaning(
            "x**y",
            lambda x, y: mp.exp(y * mp.log(x)),
            lambda x, y: y * mp.exp((y - 1) * mp.log(x)),
            lambda x, y: mp.log(x) * mp.exp(y * mp.log(x)),
            x=POSITIVE,
            y=Range(-5, 5, (0, 1, 2), -50, 50),
            inside=positive,
        ),
        meaning("x**3", lambda x: x * x * x, lambda x: 3 * x * x, samples=40),
        meaning("x**-2", lambda x: 1 / (x * x), lambda x: -2 / x**3, inside=nonzero, samples=40),
        meaning(
            "x**2.5",
            lambda x: x * x * mp.sqrt(x),
            lambda x: mpf(5) / 2 * x * mp.sqrt(x),
            x=POSITIVE,
            inside=positive,
            samples=40,
        ),
        meaning("x**0", one, zero, samples=40),
        meaning(
            "3**x",
            lambda x: mp.exp(x * mp.log(3)),
            lambda x: mp.log(3) * mp.exp(x * mp.log(3)),
            x=EXPONENT,
            samples=40,
        ),
    ],
    "negative": [meaning("-x", lambda x: -x, minus_one)],
    "positive": [meaning("+x", lambda x: x, one)],
    # choices
    "where": [
        meaning(
            "where(x > 0, y, z)",
            lambda x, y, z: y if x > 0 else z,
            zero,
            lambda x, y, z: mpf(x > 0),
            lambda x, y, z: mpf(x < 0),
            inside=nonzero,
        )
    ],
    "ifelse": [
        meaning(
            "y if x > z else x",
            lambda x, y, z: y if x > z else x,
            lambda x, y, z: mpf(x < z),
            lambda x, y, z: mpf(x > z),
            zero,
            inside=lambda x, y, z: x != z,
        )
    ],
    "float": [meaning("float(x > y)", lambda x, y: mpf(x > y), zero, zero, inside=unequal)],
    # powers
    "sqrt": [
        meaning("sqrt(x)", mp.sqrt, lambda x: mp.sqrt(1 / x) / 2, x=POSITIVE, inside=positive)
    ],
    "cbrt": [
        meaning(
            "cbrt(x)",
            lambda x: mp.sign(x) * mp.root(abs(x), 3),
            lambda x: mp.root(abs(x), 3) / abs(x) / 3,
            inside=nonzero,
        )
    ],
    "square": [meaning("square(x)", lambda x: x * x, lambda x: 2 * x)],
    "reciprocal": [
        meaning("reciprocal(x)", lambda x: 1 / x, lambda x: -1 / (x * x), inside=nonzero)
    ],
    "rsqrt": [
        meaning(
            "rsqrt(x)",
            lambda x: mp.sqrt(1 / x),
            lambda x: -mp.sqrt(1 / x) / (2 * x),
            x=POSITIVE,
            inside=positive,
        )
    ],
    "hypot": [
        meaning(
            "hypot(x, y)",
            mp.hypot,
            lambda x, y: x / mp.hypot(x, y),
            lambda x, y: y / mp.hypot(x, y),
            inside=lambda x, y: x != 0 or y != 0,
        )
    ],
    # exponentials
    "exp": [meaning("exp(x)", mp.exp, mp.exp, x=EXPONENT)],
    "exp2": [
        meaning(
            "exp2(x)",
            lambda x: mp.power(2, x),
            lambda x: mp.log(2) * mp.power(2, x),
            x=EXPONENT,
        )
    ],
    "expm1": [meaning("expm1(x)", mp.expm1, mp.exp, x=EXPONENT)],
    "log": [meaning("log(x)", mp.log, lambda x: 1 / x, x=POSITIVE, inside=positive)],
    "log2": [
        meaning(
            "log2(x)",
            lambda x: mp.log(x, 2),
            lambda x: 1 / (x * mp.log(2)),
            x=POSITIVE,
            inside=positive,
        )
    ],
    "log10": [
        meaning(
            "log10(x)",
            mp.log10,
            lambda x: 1 / (x * mp.log(10)),
            x=POSITIVE,
            inside=positive,
        )
    ],
    "log1p": [
        meaning(
            "log1p(x)",
            mp.log1p,
            lambda x: 1 / (1 + x),
            x=Range(-1, 5, (-1, 0), -1, 1e12),
            inside=lambda x: x > -1,
        )
    ],
    "logaddexp": [
        meaning(
            "logaddexp(x, y)",
            lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
            lambda x, y: sigmoid(x - y),
            lambda x, y: sigmoid(y - x),
            x=EXPONENT,
            y=EXPONENT,
        )
    ],
    "xlogy": [
        meaning(
            "xlogy(x, y)",
            lambda x, y: x * mp.log(y),
            lambda x, y: mp.log(y),
            lambda x, y: x / y,
            y=POSITIVE,
            inside=lambda x, y: x != 0 and y > 0,
        )
    ],
    # trigonometry
    "sin": [meaning("sin(x)", mp.sin, mp.cos, x=ANGLE)],
    "cos": [meaning("cos(x)", mp.cos, lambda x: -mp.sin(x), x=ANGLE)],
    "tan": [meaning("tan(x)", mp.tan, lambda x: mp.sec(x) ** 2, x=ANGLE)],
    "asin": [
        meaning(
            "asin(x)",
            mp.asin,
            lambda x: 1 / mp.sqrt((1 - x) * (1 + x)),
            x=UNIT,
            inside=between(-1, 1),
        )
    ],
    "acos": [
        meaning(
            "acos(x)",
            mp.acos,
            lambda x: -1 / mp.sqrt((1 - x) * (1 + x)),
            x=UNIT,
            inside=between(-1, 1),
        )
    ],
    "atan": [meaning("atan(x)", mp.atan, lambda x: 1 / (1 + x * x))],
    "atan2": [
        meaning(
            "atan2(x, y)",
            mp.atan2,
            lambda x, y: y / (x * x + y * y),
            lambda x, y: -x / (x * x + y * y),
            inside=lambda x, y: x != 0 or y > 0,  # off the cut
        )
    ],
    "sinh": [meaning("sinh(x)", mp.sinh, mp.cosh, x=EXPONENT)],
    "cosh": [meaning("cosh(x)", mp.cosh, mp.sinh, x=EXPONENT)],
    "tanh": [meaning("tanh(x)", mp.tanh, lambda x: mp.sech(x) ** 2, x=Range(-8, 8, (0,), -40, 40))],
    "asinh": [meaning("asinh(x)", mp.asinh, lambda x: 1 / mp.sqrt(1 + x * x))],
    "acosh": [
        meaning(
            "acosh(x)",
            mp.acosh,
            lambda x: 1 / mp.sqrt((x - 1) * (x + 1)),
            x=ABOVE_ONE,
            inside=lambda x: x > 1,
        )
    ],
    "atanh": [
        meaning(
            "atanh(x)",
            mp.atanh,
            lambda x: 1 / ((1 - x) * (1 + x)),
            x=UNIT,
            inside=between(-1, 1),
        )
    ],
    "sinc": [
        meaning(
            "sinc(x)",
            mp.sincpi,
            lambda x: (mp.cospi(x) - mp.sincpi(x)) / x,
            x=Range(-5, 5, (1, -2), -1e6, 1e6),
            inside=nonzero,
        )
    ],
    # special functions
    "erf": [
        meaning(
            "erf(x)",
            mp.erf,
            lambda x: 2 * mp.npdf(x * mp.sqrt(2)) * mp.sqrt(2),
            x=Range(-5, 5, (0,), -10, 10),
        )
    ],
    "erfc": [
        meaning(
            "erfc(x)",
            mp.erfc,
            lambda x: -2 * mp.npdf(x * mp.sqrt(2)) * mp.sqrt(2),
            x=Range(-5, 5, (0,), -25, 25),
        )
    ],
    "erfinv": [
        meaning(
            "erfinv(x)",
            mp.erfinv,
            lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(x) ** 2),
            x=UNIT,
            inside=between(-1, 1),
        )
    ],
    "gamma": [
        meaning(
            "gamma(x)",
            mp.gamma,
            lambda x: mp.gamma(x) * mp.digamma(x),
            x=GAMMA,
            inside=off_poles,
        )
    ],
    "lgamma": [
        meaning(
            "lgamma(x)",
            lambda x: mp.log(abs(mp.gamma(x))),
            mp.digamma,
            x=GAMMA,
            inside=off_poles,
        )
    ],
    "digamma": [
        meaning("digamma(x)", mp.digamma, lambda x: mp.polygamma(1, x), x=GAMMA, inside=off_poles)
    ],
    "polygamma": [
        meaning(
            "polygamma(1, x)",
            lambda x: mp.polygamma(1, x),
            lambda x: mp.polygamma(2, x),
            x=GAMMA,
            inside=off_poles,
        ),
        meaning(
            "polygamma(4, x)",
            lambda x: mp.polygamma(4, x),
            lambda x: mp.polygamma(5, x),
            x=GAMMA,
            inside=off_poles,
            samples=40,
        ),
    ],
    "erfcx": [
        meaning(
            "erfcx(x)",
            erfcx,
            lambda x: 2 * x * erfcx(x) - 2 / mp.sqrt(mp.pi),
            x=Range(-5, 20, (0,), -20, 1e6),
        )
    ],
    "bessel_i": [
        meaning(
            f"bessel_i({n}, x)",
            lambda x, n=n: mp.besseli(n, x),
            lambda x, n=n: (mp.besseli(abs(n - 1), x) + mp.besseli(n + 1, x)) / 2,
            x=SIZES,
        )
        for n in (0, 1, 4)
    ],
    "i0": [meaning("i0(x)", lambda x: mp.besseli(0, x), lambda x: mp.besseli(1, x), x=SIZES)],
    "i1": [
        meaning(
            "i1(x)",
            lambda x: mp.besseli(1, x),
            lambda x: (mp.besseli(0, x) + mp.besseli(2, x)) / 2,
            x=SIZES,
        )
    ],
    "i0e": [
        meaning(
            "i0e(x)",
            lambda x: scaled_bessel(0, x),
            lambda x: scaled_bessel(1, x) - mp.sign(x) * scaled_bessel(0, x),
            x=SIZES,
            inside=nonzero,
        )
    ],
    "i1e": [
        meaning(
            "i1e(x)",
            lambda x: scaled_bessel(1, x),
            lambda x: (
                (scaled_bessel(0, x) + scaled_bessel(2, x)) / 2 - mp.sign(x) * scaled_bessel(1, x)
            ),
            x=SIZES,
            inside=nonzero,
        )
    ],
    # selections
    "abs": [meaning("abs(x)", abs, mp.sign, inside=nonzero)],
    "sign": [meaning("sign(x)", mp.sign, zero, inside=nonzero)],
    "maximum": [
        meaning(
            "maximum(x, y)",
            max,
            lambda x, y: mpf(x > y),
            lambda x, y: mpf(y > x),
            inside=unequal,
        ),
        meaning(
            "maximum(x, y, 1)",
            lambda x, y: max(x, y, mpf(1)),
            lambda x, y: mpf(x > max(y, 1)),
            lambda x, y: mpf(y > max(x, 1)),
            inside=lambda x, y: len({x, y, 1}) == 3,
            samples=40,
        ),
    ],
    "minimum": [
        meaning(
            "minimum(x, y)",
            min,
            lambda x, y: mpf(x < y),
            lambda x, y: mpf(y < x),
            inside=unequal,
        )
    ],
    "fmax": [
        meaning("fmax(x, y)", max, lambda x, y: mpf(x > y), lambda x, y: mpf(y > x), inside=unequal)
    ],
    "fmin": [
        meaning("fmin(x, y)", min, lambda x, y: mpf(x < y), lambda x, y: mpf(y < x), inside=unequal)
    ],
    "clamp": [
        meaning(
            "clamp(x, y, z)",
            clamped,
            clamp_slopes(0),
            clamp_slopes(1),
            clamp_slopes(2),
            inside=lambda x, y, z: len({x, y, z}) == 3,
        ),
        meaning(
            "clamp(x, max=0.5)",
            lambda x: min(x, mpf(1) / 2),
            lambda x: mpf(x < 0.5),
            x=LINES,
            inside=apart_from(0.5),
            samples=40,
        ),
    ],
    "clamp_min": [
        meaning(
            "clamp_min(x, y)", max, lambda x, y: mpf(x > y), lambda x, y: mpf(y > x), inside=unequal
        )
    ],
    "clamp_max": [
        meaning(
            "clamp_max(x, y)", min, lambda x, y: mpf(x < y), lambda x, y: mpf(y < x), inside=unequal
        )
    ],
    "copysign": [
        meaning(
            "copysign(x, y)",
            lambda x, y: abs(x) * mp.sign(y),
            lambda x, y: mp.sign(x * y),
            zero,
            inside=lambda x, y: x != 0 and y != 0,
        )
    ],
    "heaviside": [meaning("heaviside(x, y)", lambda x, y: mpf(x > 0), zero, zero, inside=nonzero)],
    # rounding
    "floor": [meaning("floor(x)", mp.floor, zero, x=STEPS, inside=off_integers)],
    "ceil": [meaning("ceil(x)", mp.ceil, zero, x=STEPS, inside=off_integers)],
    "rint": [meaning("rint(x)", mp.nint, zero, x=HALVES, inside=lambda x: off_integers(x + 0.5))],
    "round": [
        meaning("round(x)", mp.nint, zero, x=HALVES, inside=lambda x: off_integers(x + 0.5)),
        meaning(
            "round(x, decimals=2)",
            lambda x: mp.nint(100 * x) / 100,
            zero,
            x=CENTS,
            inside=lambda x: off_integers(100 * mpf(x) + 0.5),
            samples=40,
        ),
    ],
    "trunc": [meaning("trunc(x)", truncated, zero, x=STEPS, inside=off_integers)],
    "frac": [meaning("frac(x)", lambda x: x - truncated(x), one, x=STEPS, inside=off_integers)],
    "fmod": [
        meaning(
            "fmod(x, y)",
            lambda x, y: x - truncated(x / y) * y,
            one,
            lambda x, y: -truncated(x / y),
            x=STEPS,
            y=DIVISOR,
            inside=off_multiples,
        )
    ],
    # guards
    "nan_to_num": [meaning("nan_to_num(x)", lambda x: x, one)],
    "detach": [meaning("detach(x)", lambda x: x, zero)],
    # rectifiers
    "relu": [
        meaning("relu(x)", lambda x: max(x, mpf(0)), lambda x: mpf(x > 0), x=LINES, inside=nonzero)
    ],
    "relu6": [
        meaning(
            "relu6(x)",
            lambda x: clamped(x, mpf(0), mpf(6)),
            lambda x: mpf(0 < x < 6),
            x=LINES,
            inside=apart_from(0, 6),
        )
    ],
    "leaky_relu": [
        meaning(
            "leaky_relu(x)",
            lambda x: x if x > 0 else mpf(0.01) * x,
            lambda x: mpf(1 if x > 0 else 0.01),
            x=LINES,
            inside=nonzero,
        ),
        meaning(
            "leaky_relu(x, negative_slope=0.3)",
            lambda x: x if x > 0 else mpf(0.3) * x,
            lambda x: mpf(1 if x > 0 else 0.3),
            x=LINES,
            inside=nonzero,
            samples=40,
        ),
    ],
    "prelu": [
        meaning(
            "prelu(x, y)",
            lambda x, y: x if x > 0 else y * x,
            lambda x, y: mpf(1) if x > 0 else y,
            lambda x, y: min(x, mpf(0)),
            x=LINES,
            inside=nonzero,
        )
    ],
    "rrelu": [
        meaning(
            "rrelu(x)",
            lambda x: x if x > 0 else mpf(11) / 48 * x,
            lambda x: mpf(1) if x > 0 else mpf(11) / 48,
            x=LINES,
            inside=nonzero,
        )
    ],
    "elu": [
        meaning(
            "elu(x)",
            lambda x: x if x > 0 else mp.expm1(x),
            lambda x: mp.exp(min(x, mpf(0))),
            inside=nonzero,
        ),
        meaning(
            "elu(x, alpha=0.3)",
            lambda x: x if x > 0 else mpf(0.3) * mp.expm1(x),
            lambda x: mpf(1) if x > 0 else mpf(0.3) * mp.exp(x),
            inside=nonzero,
            samples=40,
        ),
    ],
    "selu": [
        meaning(
            "selu(x)",
            lambda x: mpf(SELU_SCALE) * (x if x > 0 else mpf(SELU_ALPHA) * mp.expm1(x)),
            lambda x: mpf(SELU_SCALE) * (1 if x > 0 else mpf(SELU_ALPHA) * mp.exp(x)),
            inside=nonzero,
        )
    ],
    "celu": [
        meaning(
            "celu(x, alpha=2)",
            lambda x: x if x > 0 else 2 * mp.expm1(x / 2),
            lambda x: mp.exp(min(x, mpf(0)) / 2),
            inside=nonzero,
        )
    ],
    "threshold": [
        meaning(
            "threshold(x, 0.5, -2)",
            lambda x: x if x > 0.5 else mpf(-2),
            lambda x: mpf(x > 0.5),
            x=LINES,
            inside=apart_from(0.5),
        )
    ],
    # smooth activations
    "sigmoid": [
        meaning("sigmoid(x)", sigmoid, lambda x: sigmoid(x) * sigmoid(-x), x=EXPONENT),
    ],
    "logsigmoid": [
        meaning("logsigmoid(x)", lambda x: -softplus(-x), lambda x: sigmoid(-x), x=EXPONENT)
    ],
    "softplus": [
        meaning("softplus(x)", softplus, sigmoid, x=EXPONENT),
        meaning(
            "softplus(x, beta=3)",
            lambda x: softplus(3 * x) / 3,
            lambda x: sigmoid(3 * x),
            samples=40,
        ),
        meaning(
            "softplus(x, beta=2, threshold=3)",
            lambda x: x if x > 1.5 else softplus(2 * x) / 2,
            lambda x: mpf(1) if x > 1.5 else sigmoid(2 * x),
            x=Range(-5, 5, (1.5,), -100, 100),
            inside=apart_from(1.5),
            samples=40,
        ),
    ],
    "gelu": [
        meaning(
            "gelu(x)",
            lambda x: x * mp.ncdf(x),
            lambda x: mp.ncdf(x) + x * mp.npdf(x),
            x=Range(-5, 5, (0, 1), -30, 30),
        ),
        meaning(
            "gelu(x, approximate='tanh')",
            lambda x: x * sigmoid(gelu_angle(x)),
            gelu_tanh_slope,
            x=Range(-4, 4, (0, 1), -30, 30),
        ),
    ],
    "silu": [
        meaning(
            "silu(x)",
            lambda x: x * sigmoid(x),
            lambda x: sigmoid(x) + x * sigmoid(x) * sigmoid(-x),
            x=EXPONENT,
        )
    ],
    "mish": [meaning("mish(x)", lambda x: x * mp.tanh(softplus(x)), mish_slope, x=EXPONENT)],
    "softsign": [
        meaning(
            "softsign(x)",
            lambda x: x / (1 + abs(x)),
            lambda x: 1 / (1 + abs(x)) ** 2,
            inside=nonzero,
        )
    ],
    "tanhshrink": [
        meaning(
            "tanhshrink(x)",
            lambda x: x - mp.tanh(x),
            lambda x: mp.tanh(x) ** 2,
            x=Range(-8, 8, (1,), -40, 40),
        )
    ],
    # piecewise activations
    "hardtanh": [
        meaning(
            "hardtanh(x)",
            lambda x: clamped(x, mpf(-1), mpf(1)),
            lambda x: mpf(-1 < x < 1),
            x=LINES,
            inside=apart_from(-1, 1),
        ),
        meaning(
            "hardtanh(x, min_val=-3, max_val=0.5)",
            lambda x: clamped(x, mpf(-3), mpf(0.5)),
            lambda x: mpf(-3 < x < 0.5),
            x=LINES,
            inside=apart_from(-3, 0.5),
            samples=40,
        ),
    ],
    "hardsigmoid": [
        meaning(
            "hardsigmoid(x)",
            lambda x: clamped(x / 6 + mpf(1) / 2, mpf(0), mpf(1)),
            lambda x: mpf(-3 < x < 3) / 6,
            x=LINES,
            inside=apart_from(-3, 3),
        )
    ],
    "hardswish": [
        meaning(
            "hardswish(x)",
            lambda x: x * clamped(x / 6 + mpf(1) / 2, mpf(0), mpf(1)),
            lambda x: x / 3 + mpf(1) / 2 if -3 < x < 3 else mpf(x > 0),
            x=LINES,
            inside=apart_from(-3, 3),
        )
    ],
    "hardshrink": [
        meaning(
            "hardshrink(x)",
            lambda x: x if abs(x) > 0.5 else mpf(0),
            lambda x: mpf(abs(x) > 0.5),
            x=LINES,
            inside=apart_from(-0.5, 0.5),
        )
    ],
    "softshrink": [
        meaning(
            "softshrink(x)",
            lambda x: mp.sign(x) * max(abs(x) - mpf(1) / 2, mpf(0)),
            lambda x: mpf(abs(x) > 0.5),
            x=LINES,
            inside=apart_from(-0.5, 0.5),
        ),
        meaning(
            "softshrink(x, lambd=3)",
            lambda x: mp.sign(x) * max(abs(x) - 3, mpf(0)),
            lambda x: mpf(abs(x) > 3),
            x=LINES,
            inside=apart_from(-3, 3),
            samples=40,
        ),
    ],
}
CASES = [each for meanings in MEANINGS.values() for each in meanings]
