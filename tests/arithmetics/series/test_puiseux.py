"""Germs: one-sided series have the coefficients that textbooks give, on both sides."""

import functools
from fractions import Fraction

import flint
import pytest

from symdiff.arithmetics.balls import enclose
from symdiff.arithmetics.series.exponents import exponent_of
from symdiff.arithmetics.series.germs import (
    Budget,
    Exponential,
    Oscillation,
    Outside,
    Unknown,
    evaluate,
)
from symdiff.arithmetics.series.puiseux import (
    ZERO_GERM,
    Algebra,
    Germ,
    OrderError,
    affine_germ,
    constant_germ,
    flat_germ,
)
from symdiff.arithmetics.series.reals import (
    MAX_BITS,
    ONE,
    PI,
    ZERO,
    Real,
    UndecidedError,
    apply,
    sign,
)
from symdiff.program import parse

ORDER = 14  # order of the series that are computed; quotients have a lower one
HIGHEST = 6  # highest exponent that is compared
BITS = 256  # precision of the comparison
RIGHT, LEFT = 1, -1
ALGEBRA = Algebra(ORDER, MAX_BITS)

# An expression, a point, and its series in x - point: the coefficients from exponent 0 on (as many
# as are compared), or a dictionary of the nonzero coefficients by exponent.
LAURENT = [
    ("exp(x)", "0", "1, 1, 1/2, 1/6, 1/24, 1/120, 1/720"),
    ("exp(x)", "1", "e, e, e/2, e/6, e/24, e/120, e/720"),
    ("expm1(x)", "0", "0, 1, 1/2, 1/6, 1/24, 1/120, 1/720"),
    (
        "exp2(x)",
        "0",
        "1, log(2), log(2)**2/2, log(2)**3/6, log(2)**4/24, log(2)**5/120, log(2)**6/720",
    ),
    ("sin(x)", "0", "0, 1, 0, -1/6, 0, 1/120, 0"),
    ("sin(x)", "pi", "0, -1, 0, 1/6, 0, -1/120, 0"),
    ("sin(x)", "pi/2", "1, 0, -1/2, 0, 1/24, 0, -1/720"),
    ("cos(x)", "0", "1, 0, -1/2, 0, 1/24, 0, -1/720"),
    ("tan(x)", "0", "0, 1, 0, 1/3, 0, 2/15, 0"),
    ("tan(x)", "pi/2", {-1: "-1", 1: "1/3", 3: "1/45", 5: "2/945"}),
    ("asin(x)", "0", "0, 1, 0, 1/6, 0, 3/40, 0"),
    ("acos(x)", "0", "pi/2, -1, 0, -1/6, 0, -3/40, 0"),
    ("atan(x)", "0", "0, 1, 0, -1/3, 0, 1/5, 0"),
    ("atan(x)", "1", "pi/4, 1/2, -1/4, 1/12, 0, -1/40, 1/48"),
    ("sinh(x)", "0", "0, 1, 0, 1/6, 0, 1/120, 0"),
    ("cosh(x)", "0", "1, 0, 1/2, 0, 1/24, 0, 1/720"),
    ("tanh(x)", "0", "0, 1, 0, -1/3, 0, 2/15, 0"),
    ("asinh(x)", "0", "0, 1, 0, -1/6, 0, 3/40, 0"),
    ("atanh(x)", "0", "0, 1, 0, 1/3, 0, 1/5, 0"),
    ("log(1 + x)", "0", "0, 1, -1/2, 1/3, -1/4, 1/5, -1/6"),
    ("log1p(x)", "0", "0, 1, -1/2, 1/3, -1/4, 1/5, -1/6"),
    ("log(x)", "2", "log(2), 1/2, -1/8, 1/24, -1/64, 1/160, -1/384"),
    ("log10(x)", "1", "0, 1/log(10), -1/(2*log(10)), 1/(3*log(10))"),
    ("sqrt(1 + x)", "0", "1, 1/2, -1/8, 1/16, -5/128, 7/256, -21/1024"),
    ("rsqrt(1 - x)", "0", "1, 1/2, 3/8, 5/16, 35/128, 63/256, 231/1024"),
    ("cbrt(x)", "8", "2, 1/12, -1/288, 5/20736, -5/248832, 11/5971968, -77/429981696"),
    ("1/(1 - x)", "0", "1, 1, 1, 1, 1, 1, 1"),
    ("1/x", "2", "1/2, -1/4, 1/8, -1/16, 1/32, -1/64, 1/128"),
    ("1/x", "0", {-1: "1"}),
    ("x**3", "1", "1, 3, 3, 1, 0, 0, 0"),
    ("x**-2", "1", "1, -2, 3, -4, 5, -6, 7"),
    ("x**x", "1", "1, 1, 1, 1/2, 1/3, 1/12, 3/40"),
    ("x/(exp(x) - 1)", "0", "1, -1/2, 1/12, 0, -1/720, 0, 1/30240"),
    ("1/(exp(x) - 1)", "0", {-1: "1", 0: "-1/2", 1: "1/12", 3: "-1/720", 5: "1/30240"}),
    ("1/sin(x)", "0", {-1: "1", 1: "1/6", 3: "7/360", 5: "31/15120"}),
    ("cos(x)/sin(x)", "0", {-1: "1", 1: "-1/3", 3: "-1/45", 5: "-2/945"}),
    ("sin(x)/x", "0", "1, 0, -1/6, 0, 1/120, 0, -1/5040"),
    ("sinc(x)", "0", "1, 0, -pi**2/6, 0, pi**4/120, 0, -pi**6/5040"),
    ("(1 - cos(x))/x**2", "0", "1/2, 0, -1/24, 0, 1/720, 0, -1/40320"),
    ("(exp(x) - 1 - x)/x**2", "0", "1/2, 1/6, 1/24, 1/120, 1/720, 1/5040, 1/40320"),
    ("exp(x)*cos(x)", "0", "1, 1, 0, -1/3, -1/6, -1/30, 0"),
    ("exp(sin(x))", "0", "1, 1, 1/2, 0, -1/8, -1/15, -1/240"),
    ("log(cos(x))", "0", "0, 0, -1/2, 0, -1/12, 0, -1/45"),
    ("logaddexp(x, -x)", "0", "log(2), 0, 1/2, 0, -1/12, 0, 1/45"),
    ("sigmoid(x)", "0", "1/2, 1/4, 0, -1/48, 0, 1/480, 0"),
    ("softplus(x)", "0", "log(2), 1/2, 1/8, 0, -1/192, 0, 1/2880"),
    ("logsigmoid(x)", "0", "-log(2), 1/2, -1/8, 0, 1/192, 0, -1/2880"),
    ("silu(x)", "0", "0, 1/2, 1/4, 0, -1/48, 0, 1/480"),
    (
        "gelu(x)",
        "0",
        "0, 1/2, 1/sqrt(2*pi), 0, -1/(6*sqrt(2*pi)), 0, 1/(40*sqrt(2*pi))",
    ),
    ("mish(x)", "0", "0, 3/5, 8/25"),
    ("tanhshrink(x)", "0", "0, 0, 0, 1/3, 0, -2/15, 0"),
    ("erf(x)", "0", "0, 2/sqrt(pi), 0, -2/(3*sqrt(pi)), 0, 1/(5*sqrt(pi)), 0"),
    ("erfc(x)", "0", "1, -2/sqrt(pi), 0, 2/(3*sqrt(pi)), 0, -1/(5*sqrt(pi)), 0"),
    ("erfinv(x)", "0", "0, sqrt(pi)/2, 0, pi*sqrt(pi)/24, 0, 7*pi**2*sqrt(pi)/960, 0"),
    # with zeta(2) = pi²/6 and so on, and zeta(3) = -polygamma(2, 1)/2
    (
        "lgamma(x)",
        "1",
        "0, digamma(1), pi**2/12, polygamma(2, 1)/6, pi**4/360, polygamma(4, 1)/120, pi**6/5670",
    ),
    (
        "digamma(x)",
        "1",
        "digamma(1), pi**2/6, polygamma(2, 1)/2, pi**4/90, polygamma(4, 1)/24, pi**6/945, polygamma(6, 1)/720",
    ),
    (
        "polygamma(1, x)",
        "1",
        "pi**2/6, polygamma(2, 1), pi**4/30, polygamma(4, 1)/6, pi**6/189, polygamma(6, 1)/120, pi**8/1350",
    ),
    (
        "gamma(x)",
        "1",
        "1, digamma(1), digamma(1)**2/2 + pi**2/12, digamma(1)**3/6 + digamma(1)*pi**2/12 + polygamma(2, 1)/6",
    ),
    (
        "gamma(x)",
        "0",
        {-1: "1", 0: "digamma(1)", 1: "digamma(1)**2/2 + pi**2/12"},
    ),
    (
        "gamma(x)",
        "-1",
        {-1: "-1", 0: "-1 - digamma(1)", 1: "-1 - digamma(1) - digamma(1)**2/2 - pi**2/12"},
    ),
    (
        "digamma(x)",
        "0",
        {-1: "-1", 0: "digamma(1)", 1: "pi**2/6", 2: "polygamma(2, 1)/2", 3: "pi**4/90"},
    ),
]
# Expressions that differ on the two sides: the series in t at point + t and at point - t, by the
# exponent e of t^e or the pair (e, k) of t^e·(log t)^k; or the class of the value if it has no
# series.
SQRT_2 = {
    Fraction(1, 2): "sqrt(2)",
    Fraction(3, 2): "sqrt(2)/12",
    Fraction(5, 2): "3*sqrt(2)/160",
    Fraction(7, 2): "5*sqrt(2)/896",
    Fraction(9, 2): "35*sqrt(2)/18432",
    Fraction(11, 2): "63*sqrt(2)/90112",
}
HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
ATAN = {1: "1", 3: "-1/3", 5: "1/5"}
TWO_SIDED = [
    ("abs(x)", "0", {1: "1"}, {1: "1"}),
    ("abs(x)*x", "0", {2: "1"}, {2: "-1"}),
    ("abs(sin(x))", "0", {1: "1", 3: "-1/6", 5: "1/120"}, {1: "1", 3: "-1/6", 5: "1/120"}),
    ("relu(x)", "0", {1: "1"}, {}),
    ("relu(x) - relu(-x)", "0", {1: "1"}, {1: "-1"}),
    ("sign(x)", "0", {0: "1"}, {0: "-1"}),
    ("max(x, x**2)", "0", {1: "1"}, {2: "1"}),
    ("max(x, x**2)", "1", {0: "1", 1: "2", 2: "1"}, {0: "1", 1: "-1"}),
    ("min(x, x**2)", "1", {0: "1", 1: "1"}, {0: "1", 1: "-2", 2: "1"}),
    ("clamp(x, -1, 1)", "1", {0: "1"}, {0: "1", 1: "-1"}),
    ("where(x > 0, x**2, x)", "0", {2: "1"}, {1: "-1"}),
    ("heaviside(x, 0.5)*x + x**2", "0", {1: "1", 2: "1"}, {2: "1"}),
    ("floor(x)", "2", {0: "2"}, {0: "1"}),
    ("ceil(x)", "2", {0: "3"}, {0: "2"}),
    ("round(x)", "1/2", {0: "1"}, {}),
    ("round(x)", "3/2", {0: "2"}, {0: "1"}),
    ("trunc(x)", "-1", {}, {0: "-1"}),
    ("frac(x)", "-1", {0: "-1", 1: "1"}, {1: "-1"}),
    ("x % 1", "2", {1: "1"}, {0: "1", 1: "-1"}),
    ("floor(x**2)", "sqrt(2)", {0: "2"}, {0: "1"}),
    (
        "softsign(x)",
        "0",
        {1: "1", 2: "-1", 3: "1", 4: "-1", 5: "1", 6: "-1"},
        {1: "-1", 2: "1", 3: "-1", 4: "1", 5: "-1", 6: "1"},
    ),
    (
        "elu(x)",
        "0",
        {1: "1"},
        {1: "-1", 2: "1/2", 3: "-1/6", 4: "1/24", 5: "-1/120", 6: "1/720"},
    ),
    ("hardswish(x)", "-3", {1: "-1/2", 2: "1/6"}, {}),
    # fractional powers
    ("sqrt(x)", "0", {HALF: "1"}, Outside),
    ("sqrt(abs(x))", "0", {HALF: "1"}, {HALF: "1"}),
    ("cbrt(x)", "0", {THIRD: "1"}, {THIRD: "-1"}),
    ("x**1.5", "0", {3 * HALF: "1"}, Outside),
    ("x**0.25*sqrt(x)", "0", {Fraction(3, 4): "1"}, Outside),
    ("(x**2)**0.25", "0", {HALF: "1"}, {HALF: "1"}),
    (
        "sqrt(x**2 + x**3)",
        "0",
        {1: "1", 2: "1/2", 3: "-1/8", 4: "1/16", 5: "-5/128", 6: "7/256"},
        {1: "1", 2: "-1/2", 3: "-1/8", 4: "-1/16", 5: "-5/128", 6: "-7/256"},
    ),
    ("hypot(x, x**2)", "0", {1: "1", 3: "1/2", 5: "-1/8"}, {1: "1", 3: "1/2", 5: "-1/8"}),
    (
        "sqrt(x + sqrt(x))",
        "0",
        {
            Fraction(1, 4): "1",
            Fraction(3, 4): "1/2",
            Fraction(5, 4): "-1/8",
            Fraction(7, 4): "1/16",
            Fraction(9, 4): "-5/128",
            Fraction(11, 4): "7/256",
            Fraction(13, 4): "-21/1024",
        },
        Outside,
    ),
    ("acos(x)", "1", Outside, SQRT_2),
    ("asin(x)", "1", Outside, {0: "pi/2", **{e: f"-{c}" for e, c in SQRT_2.items()}}),
    ("asin(x)", "-1", {0: "-pi/2", **SQRT_2}, Outside),
    ("acos(x)", "-1", {0: "pi", **{e: f"-{c}" for e, c in SQRT_2.items()}}, Outside),
    (
        "acosh(x)",
        "1",
        {e: c if e % 2 == HALF else f"-{c}" for e, c in SQRT_2.items()},
        Outside,
    ),
    # logarithms
    ("log(x)", "0", {(0, 1): "1"}, Outside),
    ("log(abs(x))", "0", {(0, 1): "1"}, {(0, 1): "1"}),
    ("x*log(x)", "0", {(1, 1): "1"}, Outside),
    ("xlogy(x**2, abs(x))", "0", {(2, 1): "1"}, {(2, 1): "1"}),
    ("log(x)**2", "0", {(0, 2): "1"}, Outside),
    ("1/log(x)", "0", {(0, -1): "1"}, Outside),
    ("log(sin(x))", "0", {(0, 1): "1", 2: "-1/6", 4: "-1/180", 6: "-1/2835"}, Outside),
    (
        "log(x + x**2)",
        "0",
        {(0, 1): "1", 1: "1", 2: "-1/2", 3: "1/3", 4: "-1/4", 5: "1/5", 6: "-1/6"},
        Outside,
    ),
    (
        "x**x",
        "0",
        {
            0: "1",
            (1, 1): "1",
            (2, 2): "1/2",
            (3, 3): "1/6",
            (4, 4): "1/24",
            (5, 5): "1/120",
            (6, 6): "1/720",
        },
        Outside,
    ),
    (
        "abs(x)**x",
        "0",
        {0: "1", (1, 1): "1", (2, 2): "1/2", (3, 3): "1/6", (4, 4): "1/24", (5, 5): "1/120", (6, 6): "1/720"},
        {0: "1", (1, 1): "-1", (2, 2): "1/2", (3, 3): "-1/6", (4, 4): "1/24", (5, 5): "-1/120", (6, 6): "1/720"},
    ),
    (
        "atanh(x)",
        "1",
        Outside,
        {
            (0, 1): "-1/2",
            0: "log(2)/2",
            1: "-1/4",
            2: "-1/16",
            3: "-1/48",
            4: "-1/128",
            5: "-1/320",
            6: "-1/768",
        },
    ),
    (
        "lgamma(x)",
        "0",
        {(0, 1): "-1", 1: "digamma(1)", 2: "pi**2/12", 3: "polygamma(2, 1)/6", 4: "pi**4/360", 5: "polygamma(4, 1)/120", 6: "pi**6/5670"},
        {(0, 1): "-1", 1: "-digamma(1)", 2: "pi**2/12", 3: "-polygamma(2, 1)/6", 4: "pi**4/360", 5: "-polygamma(4, 1)/120", 6: "pi**6/5670"},
    ),
    ("exp(3*log(x))", "0", {3: "1"}, Outside),
    ("exp(log(x)/3)*x", "0", {Fraction(4, 3): "1"}, Outside),
    # flat, or bounded at infinity
    ("exp(-1/x)", "0", {}, Exponential),
    ("exp(-1/x**2)", "0", {}, {}),
    ("x + exp(-1/abs(x))", "0", {1: "1"}, {1: "-1"}),
    ("tanh(1/x)", "0", {0: "1"}, {0: "-1"}),
    ("erf(1/x)", "0", {0: "1"}, {0: "-1"}),
    (
        "atan(1/x)",
        "0",
        {0: "pi/2", 1: "-1", 3: "1/3", 5: "-1/5"},
        {0: "-pi/2", **ATAN},
    ),
    (
        "atan2(x, -1)",
        "0",
        {0: "pi", 1: "-1", 3: "1/3", 5: "-1/5"},
        {0: "-pi", **ATAN},
    ),
    ("x*exp(1/x)", "0", Exponential, {}),
    ("sin(1/x)", "0", Oscillation, Oscillation),
    ("1/(x - x)", "0", Outside, Outside),
    ("log(-x**2)", "0", Outside, Outside),
]  # fmt: skip


def number(text):
    return enclose(parse(text), {}, bits=BITS)


def point_of(text):
    germ = evaluate(parse(text), {})
    assert isinstance(germ, Germ) and germ.is_constant
    return germ.constant


@functools.cache
def series(text, point, side, order=ORDER):
    """Return the value of an expression on one side; a flat function as its series O(t^order)."""
    value = evaluate(parse(text), {"x": affine_germ(point_of(point), Real.of(side))}, order)
    is_flat = isinstance(value, Exponential) and not value.is_large
    return flat_germ(order) if is_flat else value


def listed(expected):
    """Return coefficients by exponent, and the last exponent of a list (None for a dictionary)."""
    if isinstance(expected, dict):
        return expected, None
    texts = expected.split(", ") if "polygamma" not in expected else _split(expected)
    return dict(enumerate(texts)), len(texts) - 1


def _split(text):
    """Split a text at the commas outside parentheses."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def laurent_cases():
    for text, point, expected in LAURENT:
        terms, highest = listed(expected)
        # A dictionary lists all terms up to HIGHEST, except for these two functions.
        if highest is None:
            highest = HIGHEST if text not in {"gamma(x)", "digamma(x)"} else max(terms)
        for side in (RIGHT, LEFT):
            signed = {(e, 0): c if side ** (e % 2) > 0 else f"-({c})" for e, c in terms.items()}
            yield pytest.param(text, point, side, signed, highest, id=_name(text, point, side))


def two_sided_cases():
    for text, point, *sides in TWO_SIDED:
        for side, expected in zip((RIGHT, LEFT), sides, strict=True):
            terms = expected
            if isinstance(expected, dict):
                terms = {e if isinstance(e, tuple) else (e, 0): c for e, c in expected.items()}
                highest = 3 if text.startswith("sqrt(x + sqrt") else HIGHEST
            else:
                highest = None
            yield pytest.param(text, point, side, terms, highest, id=_name(text, point, side))


def _name(text, point, side):
    return f"{text} at {point}{'+' if side > 0 else '-'}"


CASES = [*laurent_cases(), *two_sided_cases()]


def vanishes(c):
    """Return whether a coefficient is zero to 450 digits; proofs of zero may take too long."""
    ball = c.ball(2048)
    return ball.contains(0) and ball.abs_upper() < flint.arb(2) ** -1500


def wrong_terms(germ, expected, highest):
    """Return the powers, up to the highest exponent, whose coefficient is not the expected one."""
    assert germ.order is None or germ.order > highest
    wrong = []
    for power in {*germ.terms, *expected}:
        if power[0] > highest:
            continue
        have = germ.terms.get(power, ZERO)
        want = number(expected.get(power, "0"))
        if want.is_zero():
            if not vanishes(have):
                wrong.append(power)
            continue
        ball = have.ball(BITS)
        if not ball.overlaps(want) or ball.rel_accuracy_bits() < BITS // 2:
            wrong.append(power)
    return wrong


@pytest.mark.parametrize(("text", "point", "side", "expected", "highest"), CASES)
def test_coefficients_up_to_the_sixth_power(text, point, side, expected, highest):
    germ = series(text, point, side)
    if isinstance(expected, dict):
        assert isinstance(germ, Germ), germ
        assert wrong_terms(germ, expected, highest) == []
    else:
        assert isinstance(germ, expected), germ


def test_a_wrong_coefficient_is_noticed():
    # Negative control: a wrong digit, sign, exponent and logarithm, and a term too many.
    germ = series("exp(x)", "0", LEFT)
    right = {(n, 0): c for n, c in enumerate(["1", "-1", "1/2", "-1/6", "1/24", "-1/120", "1/720"])}
    assert wrong_terms(germ, right, 6) == []
    assert wrong_terms(germ, {**right, (6, 0): "1/721"}, 6) == [(6, 0)]
    assert wrong_terms(germ, {**right, (1, 0): "1"}, 6) == [(1, 0)]
    assert wrong_terms(germ, {**right, (HALF, 0): "1e-30"}, 6) == [(HALF, 0)]
    assert wrong_terms(germ, {**right, (1, 1): "1"}, 6) == [(1, 1)]
    assert wrong_terms(germ, {p: c for p, c in right.items() if p != (3, 0)}, 6) == [(3, 0)]


GERMS = [case for case in CASES if isinstance(case.values[3], dict)]


def value_at(germ, t):
    """Return the sum of the terms of a germ at t, as a ball."""
    total = flint.arb(0)
    for (e, k), c in germ.terms.items():
        power = flint.arb(t) ** flint.arb(flint.fmpq(*Fraction(e).as_integer_ratio()))
        total += c.ball(1024) * power * flint.arb(t).log() ** k
    return total


@pytest.mark.parametrize(("text", "point", "side", "expected", "highest"), GERMS)
def test_the_terms_add_up_to_the_function_up_to_the_remainder(text, point, side, expected, highest):
    germ = series(text, point, side)
    order = ORDER if germ.order is None else germ.order
    for exponent in (-20, -40):
        with flint.ctx.workprec(1024):
            t = flint.arb(2) ** exponent
            x = point_of(point).ball(1024) + side * t
            error = value_at(germ, t) - enclose(parse(text), {"x": x}, bits=1024)
            # Logarithms and constants in the remainder amount to less than t^-0.9 here.
            assert abs(error) < t ** (
                flint.arb(flint.fmpq(*Fraction(order).as_integer_ratio())) - 0.9
            )


@pytest.mark.parametrize(
    ("text", "point", "side"),
    [
        ("x**3 - x", "2", RIGHT),
        ("relu(x)", "0", LEFT),
        ("abs(x)", "0", LEFT),
        ("floor(x)", "pi", LEFT),
        ("x*log(x)", "0", RIGHT),
        ("cbrt(x)", "0", LEFT),
        ("1/x", "0", LEFT),
        ("max(x, 2*x)", "0", RIGHT),
        ("x - x", "1", RIGHT),
    ],
)
def test_a_finite_sum_has_no_remainder(text, point, side):
    assert series(text, point, side).order is None


@pytest.mark.parametrize(
    ("text", "point", "side"),
    [("exp(x)", "0", LEFT), ("1/(1 - x)", "0", RIGHT), ("exp(-1/x)", "0", RIGHT)],
)
def test_an_infinite_sum_has_a_remainder(text, point, side):
    assert series(text, point, side).order >= ORDER - 2


# -- the algebra


def same(x, y, below=None):
    """Return whether two germs agree in every term below an order."""
    limits = [o for o in (x.order, y.order, below) if o is not None]
    difference = ALGEBRA.subtract(x, y) if x is not y else ZERO_GERM
    return all(
        vanishes(c) for (e, _), c in difference.terms.items() if not limits or e < min(limits)
    )


WITHOUT_POLES = [c for c in GERMS if all(e > 0 or (e, k) == (0, 0) for e, k in c.values[3])]
INTEGRABLE = [c for c in GERMS if all(e > -1 and k >= 0 for e, k in c.values[3])]


@pytest.mark.parametrize(("text", "point", "side", "expected", "highest"), WITHOUT_POLES)
def test_integration_undoes_differentiation(text, point, side, expected, highest):
    germ = series(text, point, side)
    again = ALGEBRA.integrate(ALGEBRA.differentiate(germ), germ.constant)
    assert again.order == germ.order
    assert same(again, germ)


@pytest.mark.parametrize(("text", "point", "side", "expected", "highest"), INTEGRABLE)
def test_differentiation_undoes_integration(text, point, side, expected, highest):
    germ = series(text, point, side)
    integral = ALGEBRA.integrate(germ, PI)
    assert integral.constant.same_as(PI)
    again = ALGEBRA.differentiate(integral)
    assert again.order == germ.order
    assert same(again, germ)


def test_a_wrong_derivative_is_noticed():
    # Negative control.
    germ = series("x**x", "0", RIGHT)
    assert not same(ALGEBRA.differentiate(germ), germ)
    assert not same(germ, series("abs(x)**x", "0", LEFT))


@pytest.mark.parametrize(
    ("text", "derivative", "point"),
    [
        ("exp(sin(x))", "exp(sin(x))*cos(x)", "0"),
        ("sqrt(x**2 + x**3)", "sign(x)*(2 + 3*x)/(2*sqrt(1 + x))", "0"),
        ("x**x", "x**x*(1 + log(x))", "0"),
        ("log(abs(sin(x)))", "cos(x)/sin(x)", "0"),
        ("cbrt(x)", "1/(3*cbrt(x)**2)", "0"),
        ("acosh(x)", "1/sqrt(x**2 - 1)", "1"),
        ("gamma(x)", "gamma(x)*digamma(x)", "0"),
        ("erf(x)", "2/sqrt(pi)*exp(-x**2)", "1"),
        ("mish(x)", "tanh(softplus(x)) + x*(1 - tanh(softplus(x))**2)*sigmoid(x)", "1/3"),
    ],
)
def test_the_derivative_of_a_germ_is_the_germ_of_the_derivative(text, derivative, point):
    for side in (RIGHT, LEFT):
        germ, slope = series(text, point, side), series(derivative, point, side)
        if not isinstance(germ, Germ):
            assert isinstance(slope, Outside)
            continue
        along = ALGEBRA.scale(ALGEBRA.differentiate(germ), Real.of(side))
        assert same(along, slope, below=HIGHEST)


@pytest.mark.parametrize(
    ("text", "point", "side"),
    [
        ("exp(x)", "0", RIGHT),
        ("sqrt(x**2 + x**3)", "0", LEFT),
        ("x + x**2*log(x)", "0", RIGHT),
        ("acos(x)", "1", LEFT),
        ("1/sin(x)", "0", RIGHT),
        ("8 + cbrt(x)", "0", LEFT),
        ("gamma(x)", "0", RIGHT),
    ],
)
def test_powers_exponentials_and_logarithms_undo_each_other(text, point, side):
    germ = series(text, point, side)
    inverse = ALGEBRA.power(germ, -1)
    assert same(ALGEBRA.multiply(germ, inverse), constant_germ(ONE), below=HIGHEST)
    root = ALGEBRA.power(germ, HALF)
    assert same(ALGEBRA.power(root, 2), germ, below=HIGHEST)
    third = ALGEBRA.power(germ, -THIRD)
    assert same(ALGEBRA.power(third, -3), germ, below=HIGHEST)
    assert same(ALGEBRA.exp(ALGEBRA.log(germ)), germ, below=HIGHEST)
    square = ALGEBRA.multiply(germ, germ)
    assert same(square, ALGEBRA.power(germ, 2), below=HIGHEST)


@pytest.mark.parametrize("text", ["x", "exp(x) - 1", "cbrt(x)", "x*log(x) + 1", "1 + sqrt(x)"])
def test_the_squares_of_sine_and_cosine_add_up_to_one(text):
    argument = series(text, "0", RIGHT)
    sine, cosine = ALGEBRA.sin(argument), ALGEBRA.cos(argument)
    squares = ALGEBRA.add(ALGEBRA.power(sine, 2), ALGEBRA.power(cosine, 2))
    assert same(squares, constant_germ(ONE), below=HIGHEST)


def test_divergent_and_unsupported_integrals_are_undecided():
    for text in ("1/x", "x**-1.5", "log(x)/x"):
        with pytest.raises(UndecidedError, match="divergent"):
            ALGEBRA.integrate(series(text, "0", RIGHT), ZERO)
    with pytest.raises(UndecidedError, match="1/log t"):
        ALGEBRA.integrate(series("1/log(x)", "0", RIGHT), ZERO)
    with pytest.raises(OrderError):
        ALGEBRA.integrate(Germ({}, -1), ZERO)


def test_integrals_with_logarithms():
    # ∫ log t = t·log t - t, and ∫ t·(log t)² = t²·((log t)² - log t + 1/2)/2
    integral = ALGEBRA.integrate(series("log(x)", "0", RIGHT), ZERO)
    assert wrong_terms(integral, {(1, 1): "1", (1, 0): "-1"}, HIGHEST) == []
    integral = ALGEBRA.integrate(series("x*log(x)**2", "0", RIGHT), ONE)
    terms = {(0, 0): "1", (2, 2): "1/2", (2, 1): "-1/2", (2, 0): "1/4"}
    assert wrong_terms(integral, terms, HIGHEST) == []


@pytest.mark.parametrize(
    ("text", "side", "expected"),
    [
        ("x", RIGHT, 1),
        ("x", LEFT, -1),
        ("x - x", LEFT, 0),
        ("x**2 - abs(x)", LEFT, -1),
        ("x*log(x)", RIGHT, -1),
        ("log(x)**2", RIGHT, 1),
        ("x - sin(x)", LEFT, -1),
        ("tan(x) - x - x**3/3", LEFT, -1),
        ("sin(pi + x)", RIGHT, -1),
        ("sqrt(2)*sqrt(3)*x - sqrt(6)*x + x**2", LEFT, 1),
        ("sqrt(x) - 1000*x", RIGHT, 1),
        ("1/x", LEFT, -1),
    ],
)
def test_the_sign_of_a_germ(text, side, expected):
    assert ALGEBRA.sign_of(series(text, "0", side)) == expected


def test_the_sign_of_a_series_that_is_zero_up_to_its_order_is_undecided():
    for germ in (
        flat_germ(ORDER),
        series("exp(-1/x)", "0", RIGHT),
        series("sin(x)**2 + cos(x)**2 - 1", "0", RIGHT),
    ):
        with pytest.raises(OrderError):
            ALGEBRA.sign_of(germ)


def test_a_longer_series_decides_where_a_shorter_one_does_not():
    text = "where(sin(x) - x + x**3/6 - x**5/120 > 0, 1, 2)"
    assert isinstance(series(text, "0", RIGHT, 4), Unknown)
    assert series(text, "0", RIGHT, 4).order
    assert wrong_terms(series(text, "0", RIGHT, 16), {(0, 0): "2"}, HIGHEST) == []


@pytest.mark.parametrize("order", [1, 2, 4, 8, 16])
def test_a_series_of_low_order_has_the_terms_of_one_of_high_order(order):
    for text in ("exp(x)*sin(x)", "gelu(x)", "x**x", "sqrt(x + x**2)/x", "erfinv(x)"):
        short, long = series(text, "0", RIGHT, order), series(text, "0", RIGHT, 20)
        if isinstance(short, Germ):
            assert same(short, long)


def test_work_is_bounded():
    value = evaluate(parse("exp(sin(exp(x)))"), {"x": affine_germ(ZERO, ONE)}, 8, Budget(work=2))
    assert isinstance(value, Unknown) and "budget" in value.reason


def test_an_irrational_power_is_a_power_of_t_where_the_base_is_zero():
    ((exponent, k), coefficient) = next(iter(series("x**pi", "0", RIGHT).terms.items()))
    assert exponent == exponent_of(PI) and k == 0 and coefficient.rational == 1
    assert series("(1 + x)**pi", "0", RIGHT).constant.rational == 1
    assert sign(series("(1 + x)**pi", "0", RIGHT).terms[1, 0] - PI) == 0
    assert sign(series("x**2", "sqrt(2)", LEFT).terms[1, 0] + apply("sqrt", Real.of(8))) == 0
