"""A point that was found as the zero of a switch is on the switch."""

import math

import numpy as np
import pytest

import symdiff
from symdiff.arithmetics.series.algebraic import AlgebraicRoot
from symdiff.arithmetics.series.reals import MAX_BITS, Real, apply, sign
from symdiff.program import parse
from symdiff.truth.exact_points import exact_number
from symdiff.truth.roots import solved

T = math.tanh(1)
QUANTISED = "2*round(7*(tanh(r)/(2*tanh(1)) + 0.5))/7 - 1"


def kinks(text, grid):
    """Return the points found by solving a switch: {x: (kind, left, right)}."""
    records = symdiff.compare(text, grid, engines=("autograd",)).records()
    found = [r for r in records if r["exact"] or r["kind"] != "smooth"]
    return {next(iter(r["point"].values())): (r["kind"], r["left"], r["right"]) for r in found}


def test_every_jump_of_a_quantised_tanh_is_decided():
    # 7*(tanh(r)/(2 tanh 1) + 1/2) = k + 1/2 where tanh(r) = 2 tanh(1)*(k - 3)/7, for k = 0, ..., 6.
    # A tie goes to the even integer: down to k for an even k, so that the jump is to the right,
    # and up to k + 1 for an odd one, so that it is to the left.
    jumps = kinks(QUANTISED, {"r": "-1:1:3"})
    places = [math.atanh(2 * T * (k - 3) / 7) for k in range(7)]
    assert sorted(jumps) == pytest.approx(places, rel=1e-14)
    for k, r in enumerate(sorted(jumps)):
        sides = (0.0, "inf") if k % 2 == 0 else ("inf", 0.0)
        assert jumps[r] == ("jump", *sides)


# An expression, its grid, and what is found: the places with the one-sided derivatives.
R5 = 1.1673039782614187  # the root of x**5 - x - 1, by Newton's iteration
KINKS = [
    ("abs(tanh(x) - tanh(1)/2)", "0:1:3", {math.atanh(T / 2): (-(1 - T * T / 4), 1 - T * T / 4)}),
    ("relu(3*tanh(x)/tanh(1) - 2)", "0:1:3", {math.atanh(2 * T / 3): (0.0, 3 / T * (1 - 4 * T * T / 9))}),
    ("abs(exp(x) - exp(sqrt(2)) - 0.25)", "1:2:3", {math.log(math.exp(2**0.5) + 0.25): (-math.exp(2**0.5) - 0.25, math.exp(2**0.5) + 0.25)}),
    ("abs(atan(x) - 0.3*atan(2))", "0:1:3", {math.tan(0.3 * math.atan(2)): (-math.cos(0.3 * math.atan(2)) ** 2, math.cos(0.3 * math.atan(2)) ** 2)}),
    ("max(sinh(x)/sinh(1), 0.3) + x", "0:1:3", {math.asinh(0.3 * math.sinh(1)): (1.0, 1 + math.cosh(math.asinh(0.3 * math.sinh(1))) / math.sinh(1))}),
    # the other terms are no obstacle
    ("abs(x**5 - x - 1) + abs(x**3 - 2)", "1:1.2:2", {R5: (-(5 * R5**4 - 1) - 3 * R5**2, 5 * R5**4 - 1 - 3 * R5**2)}),
    ("max(x**5, x + 1) - exp(x)", "1:1.2:2", {R5: (1 - math.exp(R5), 5 * R5**4 - math.exp(R5))}),
    ("x*abs(x**5 - x - 1)**2 + relu(x**10 - (x + 1)**2)", "1:1.2:2", {R5: (0.0, 10 * R5**9 - 2 * (R5 + 1))}),
    ("sqrt((x**5 - x - 1)**2)", "1:1.2:2", {R5: (-(5 * R5**4 - 1), 5 * R5**4 - 1)}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "grid", "expected"), KINKS)
def test_a_kink_at_the_exact_zero_of_a_switch_is_decided(text, grid, expected):
    found = kinks(text, {"x": grid})
    assert list(found) == pytest.approx(list(expected), rel=1e-15)
    for (kind, *sides), slopes in zip(found.values(), expected.values(), strict=True):
        assert kind == "kink"
        assert sides == pytest.approx(slopes, rel=1e-12)


STEPS = [
    # An expression, its grid, and the places: where the argument of the step is an integer.
    ("floor(5*tanh(x)/tanh(1))", "0:0.9:4", [math.atanh(T * k / 5) for k in range(5)]),
    ("ceil(4*atan(x)/atan(3))", "0.1:2:4", [math.tan(math.atan(3) * k / 4) for k in (1, 2, 3)]),
    ("round(3*erf(x)/erf(1))", "0:1:3", [0.14804, 0.47693, 0.7895]),
]


@pytest.mark.parametrize(("text", "grid", "places"), STEPS)
def test_the_jumps_of_a_step_function_are_decided(text, grid, places):
    found = kinks(text, {"x": grid})
    assert {kind for kind, _, _ in found.values()} == {"jump"}
    assert len(found) == len(places)
    if "erf" not in text:
        assert sorted(found) == pytest.approx(places, rel=1e-13, abs=1e-300)


def test_a_closed_form_that_is_not_the_zero_gives_no_knowledge():
    program = parse("tanh(x) - tanh(1)/2")
    half = apply("tanh", Real.of(1)) * Real.of(0.5)
    right = solved(apply("atanh", half), program, "x", {}, integer=False)
    wrong = apply("atanh", half) + apply("exp", Real.of(-500))  # off by 7e-218
    planted = solved(wrong, program, "x", {}, integer=False)
    assert len(right.vanishing) == 1
    assert planted.vanishing == ()
    assert sign(apply("tanh", right) - half) == 0
    assert sign(apply("tanh", planted) - half) == 1


def test_knowledge_of_a_zero_does_not_make_other_numbers_zero():
    program = parse("tanh(x) - tanh(1)/2")
    half = apply("tanh", Real.of(1)) * Real.of(0.5)
    zero = solved(apply("atanh", half), program, "x", {}, integer=False)
    tiny = apply("exp", Real.of(-2000))  # 1e-869
    assert sign(apply("tanh", zero) - half + tiny) == 1
    assert zero.ball(MAX_BITS).rel_accuracy_bits() > 4000


def test_the_text_of_a_root_stands_for_the_root():
    root = exact_number("root of x**5 - x - 1 near 1.1673039782614187")
    assert isinstance(root, AlgebraicRoot)
    assert np.isclose(float(root.ball(64)), R5, rtol=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        "root of x**5 - x - 1 near 2.0",  # no root there
        "root of x**2 near 0.0",
        "root of y - 1 near 1.0",
        "root of 3 near 1.0",
        "root of x/2 - 1 near 2.0",
        "root of sin(x) near 3.141592653589793",
        "root of x**2 - 2 near nan",
        "root of x**2 - 2 near here",
    ],
)
def test_a_text_that_is_not_a_root_stands_for_no_number(text):
    assert exact_number(text) is None
