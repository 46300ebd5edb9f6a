"""Algebraic numbers: roots of polynomials in balls, and zeros proved by a separation bound."""

from fractions import Fraction

import mpmath
import pytest

from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.algebraic import AlgebraicRoot, is_algebraic_zero
from symdiff.arithmetics.series.puiseux import constant_germ
from symdiff.arithmetics.series.reals import PI, Real, UndecidedError, apply, sign
from symdiff.program import parse


def number(text, **inputs):
    """Return the exact value of an expression at exact numbers."""
    germ = germs.evaluate(parse(text), {k: constant_germ(v) for k, v in inputs.items()})
    return germ.constant


# Identities of radicals; by squaring both sides, or by Cardano's formula for x**3 + 9*x - 26 = 0
# and x**3 + 6*x - 20 = 0, which have the root 2.
ZEROS = [
    "sqrt(5 + 2*sqrt(6)) - sqrt(2) - sqrt(3)",
    "sqrt(3 + 2*sqrt(2)) - 1 - sqrt(2)",
    "sqrt(8) - 2*sqrt(2)",
    "cbrt(10 + sqrt(108)) - cbrt(sqrt(108) - 10) - 2",
    "cbrt(2 + sqrt(5)) - (1 + sqrt(5))/2",
    "1/(sqrt(3) - sqrt(2)) - sqrt(3) - sqrt(2)",
    "2**(1/6) - cbrt(sqrt(2))",
    "(sqrt(97)/16 + 1/16)**2*8 - 3 - (sqrt(97)/16 + 1/16)",
]


@pytest.mark.parametrize("text", ZEROS)
def test_an_identity_of_radicals_is_proved(text):
    assert is_algebraic_zero(number(text)) is True


@pytest.mark.parametrize("text", ZEROS)
@pytest.mark.parametrize("exponent", [30, 300])
def test_a_number_that_is_not_zero_is_not_taken_for_zero(text, exponent):
    planted = number(text) + Real.of(Fraction(1, 10**exponent))
    assert is_algebraic_zero(planted) in {False, None}
    assert sign(planted) == 1


def test_sums_of_square_roots_that_nearly_agree_are_distinguished():
    # The sums of square roots of Graham: equal to 37 digits, but not equal.
    left, right = (0, 5, 6, 16, 41, 42, 48), (1, 2, 13, 33, 36, 49, 51)
    text = "+".join(f"sqrt({n})" for n in left) + "-".join(["", *(f"sqrt({n})" for n in right)])
    with mpmath.workdps(60):
        gap = mpmath.fsum(map(mpmath.sqrt, left)) - mpmath.fsum(map(mpmath.sqrt, right))
    assert is_algebraic_zero(number(text)) in {False, None}
    assert sign(number(text)) == mpmath.sign(gap) != 0


@pytest.mark.parametrize(
    ("coefficients", "near", "digits"),
    [
        ([-1, -1, 0, 0, 0, 1], 1.1673039782614187, "1.16730397826141868425604589985484218072056"),
        ([-1, -1, 0, 1], 1.324717957244746, "1.324717957244746025960908854478097340734"),
        ([-1, 1, 1], -1.618033988749895, "-1.6180339887498948482045868343656381177203"),
    ],
)
def test_a_root_of_a_polynomial_can_be_computed_to_any_precision(coefficients, near, digits):
    root = AlgebraicRoot(coefficients, near)
    for bits in (64, 128, 400, 2000):
        assert root.ball(bits).rel_accuracy_bits() >= bits - 8
        with mpmath.workdps(45):
            distance = mpmath.mpf(root.ball(bits).str(40, radius=False)) - mpmath.mpf(digits)
            assert abs(distance) < (1e-17 if bits == 64 else 1e-36)


@pytest.mark.parametrize(
    ("coefficients", "near"), [([-1, -1, 0, 0, 0, 1], 1.16), ([1, 0, 1], 1.0), ([1, -2, 1], 1.0)]
)
def test_a_root_that_is_not_isolated_near_the_double_is_refused(coefficients, near):
    with pytest.raises(UndecidedError):
        AlgebraicRoot(coefficients, near)


# With r**5 = r + 1.
RELATIONS = [
    ("r**5 - r - 1", 0),
    ("r**10 - (r + 1)**2", 0),
    ("1/r - (r**4 - 1)", 0),
    ("r**6 - r**2 - r", 0),
    ("(r**7 - r**3)/r**2 - 1", 0),
    ("sqrt(r**5) - sqrt(r + 1)", 0),
    ("sqrt(r**5) - sqrt(r + 1) + 1e-40", 1),
    ("r**5 - r - 1 - 1e-300", -1),
]


@pytest.mark.parametrize(("text", "expected"), RELATIONS)
def test_the_sign_of_an_expression_of_a_root_is_decided(text, expected):
    root = AlgebraicRoot([-1, -1, 0, 0, 0, 1], 1.1673039782614187)
    assert sign(number(text, r=root)) == expected


def test_a_transcendental_number_is_not_decided_by_the_separation_bound():
    assert is_algebraic_zero(apply("sin", Real.of(1)) - PI) is None
    assert is_algebraic_zero(PI - PI * Real.of(1)) is True  # cancelled before


def test_a_bound_that_takes_too_many_bits_is_not_tried():
    text = "+".join(f"sqrt({p})" for p in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31))
    assert is_algebraic_zero(number(text) - number("sqrt(37)*7")) is None
