"""Balls contain every value on an interval; EMPTY means that there is none."""

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symdiff.arithmetics.arrays import evaluate
from symdiff.arithmetics.balls import EMPTY, enclose
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse

# scipy's digamma is right for positive x only: beside its pole at -1 it has no right digit.
TEXTS = [
    "x**2 - x", "x**3", "1/x", "sqrt(x)", "log(x)", "cbrt(x)", "abs(x)", "max(x, 1 - x)", "exp(-x)*sin(3*x)",
    "floor(x)", "round(x)", "x % 0.75", "fmod(x, 0.75)", "where(x > 0, x, -2*x)", "x if x**2 > 1 else 1",
    "gamma(x)", "lgamma(x)", "digamma(abs(x) + 0.1)", "tanh(x)", "gelu(x)", "softplus(x)", "mish(x)", "hardswish(x)",
    "asin(x/3)", "acosh(x)", "atanh(x/3)", "erfinv(x/3)", "sinc(x)", "atan2(x, 1 - x)", "hypot(x, 1)",
    "x**1.5", "abs(x)**x", "clamp(x, -1, 1)", "sign(x)", "trunc(x)", "copysign(2, x)", "heaviside(x, 0.5)",
    "(x > 0)*x", "float(x < 1)", "logaddexp(x, 0)", "xlogy(x, x)", "tan(x)", "nan_to_num(x)", "detach(x)",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
@settings(max_examples=25, deadline=None)
@given(middle=st.floats(-2.9, 2.9), radius=st.floats(0, 1), inside=st.floats(-1, 1))
def test_every_value_on_the_interval_is_in_the_ball(text, middle, radius, inside):
    program = parse(text)
    ball = enclose(program, {"x": flint.arb(middle, radius)})
    x = middle + radius * inside * (1 - 1e-9) + 0.0  # turns -0.0, which no grid has, into 0.0
    value = float(evaluate(program, {"x": np.array([x])})[0])
    if ball is EMPTY:
        # At the end of a domain that does not belong to it, numpy returns inf.
        assert not np.isfinite(value)
    elif np.isfinite(value) and enclose(program, {"x": flint.arb(x)}) is not EMPTY:
        allowance = flint.arb(0, abs(value) * 1e-11 + 1e-13)
        assert (ball + allowance).contains(flint.arb(value)) or not ball.is_finite(), (
            x,
            value,
            ball,
        )


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("sqrt(x)", -3, -1),
        ("log(x)", -3, -1),
        ("asin(x)", 2, 3),
        ("acosh(x)", -1, 0.5),
        ("sqrt(x) + x", -2, -1),
        ("x**0.5", -2, -1),
        ("1/(x*0)", 1, 2),
    ],
)
def test_empty_means_undefined_on_the_whole_interval(text, low, high):
    interval = flint.arb(low).union(flint.arb(high))
    assert enclose(parse(text), {"x": interval}) is EMPTY


def test_a_guard_keeps_an_expression_defined():
    interval = flint.arb(-2, 1)
    assert enclose(parse("where(x > 0, sqrt(x), 7)"), {"x": interval}) == 7


def test_an_enclosure_that_is_too_narrow_is_noticed():
    # Negative control: the ball at the centre does not contain the values on the interval.
    ball = enclose(parse("x**2"), {"x": flint.arb(1)})
    assert not ball.contains(flint.arb(1.21))


def test_every_scalar_row_has_a_ball_column_or_a_definition():
    rows = [row for row in CATALOGUE.values() if row.array is None]
    assert [r.name for r in rows if r.ball is None and r.definition is None] == []


@pytest.mark.parametrize("text", ["polygamma(1, x)", "polygamma(2, x)", "digamma(x)", "lgamma(x)"])
@pytest.mark.parametrize("middle", [0, 1, -1])
def test_a_ball_whose_ends_are_no_doubles_is_enclosed_or_not_known(text, middle):
    end = flint.arb(10) ** 400
    wide = enclose(parse(text), {"x": flint.arb(middle * end.mid(), end)})
    assert not wide.is_finite()


def test_polygamma_of_a_number_beyond_the_largest_double():
    x = flint.arb(10) ** 400
    # ψ₂(x) = -1/x² - 1/x³ - ...
    value = enclose(parse("polygamma(2, x)"), {"x": x})
    assert abs(value * x**2 + 1) < 1e-9
