"""Textbook functions: irrational powers, flat functions, oscillation.

Each row has the one-sided derivatives, the derivative and the reason. Where the function is
undefined, the one-sided derivatives are those towards the limit on each side.
"""

from math import inf

import numpy as np
import pytest

import symdiff
from symdiff.arithmetics.arrays import evaluate
from symdiff.program import parse
from symdiff.truth.exact_points import exact_number
from symdiff.truth.kinds import Kind
from symdiff.truth.proof import prove


def truth_at(text, at="0"):
    return prove(parse(text), "x", {"x": exact_number(at)})


def assert_row(row):
    text, *expected, reason = row
    truth = truth_at(text)
    assert [truth.kind.label, truth.left, truth.right, truth.derivative] == expected, reason


# expression, kind, left, right, derivative, reason; the point is 0
IRRATIONAL = [
    ("abs(x)**pi", "smooth", 0, 0, 0, "|h|^pi/h -> 0, since pi > 1"),
    ("abs(x)**sqrt(2)", "smooth", 0, 0, 0, "sqrt(2) > 1"),
    ("x**sqrt(2)", "edge", None, 0, 0, "undefined for x < 0"),
    ("x**e*log(x)", "outside", None, 0, None, "h^(e - 1) log h -> 0"),
    ("x**(1/sqrt(2))", "edge", None, inf, inf, "h^(1/sqrt(2) - 1) -> inf"),
    ("abs(x)**(1/pi)", "vertical", -inf, inf, None, "|h|^(1/pi)/h -> ±inf"),
    ("sign(x)*abs(x)**(pi/4)", "vertical", inf, inf, inf, "|h|^(pi/4 - 1) -> inf"),
    ("abs(x)**(pi - 3)", "vertical", -inf, inf, None, "0 < pi - 3 < 1"),
    ("abs(x)**(3 - pi)", "pole", None, None, None, "a negative power"),
    ("(abs(x)**sqrt(2))**(1/sqrt(2))", "kink", -1, 1, None, "|x|"),
    ("abs(x)**sqrt(2)*abs(x)**(2 - sqrt(2))", "smooth", 0, 0, 0, "x^2"),
    ("abs(x)**(sqrt(2) - 1)*abs(x)**(2 - sqrt(2))", "kink", -1, 1, None, "|x|"),
    ("(abs(x)**pi + abs(x)**e)**(1/e)", "kink", -1, 1, None, "|x| (1 + |x|^(pi - e))^(1/e)"),
    ("abs(x)**(log(9)/log(3) - 1)", "kink", -1, 1, None, "log 9 = 2 log 3: the power is 1"),
    ("exp(abs(x)**sqrt(2)) + x", "smooth", 1, 1, 1, "1 + |x|^sqrt(2) + ... + x"),
    ("sin(abs(x)**(1/pi))", "vertical", -inf, inf, None, "|x|^(1/pi) + ..."),
    ("tanh(abs(x)**sqrt(3))", "smooth", 0, 0, 0, "|x|^sqrt(3) + ..."),
    ("log(1 + abs(x)**(sqrt(2)/2))", "vertical", -inf, inf, None, "|x|^0.707 + ..."),
    ("abs(x)**pi - abs(x)**pi", "smooth", 0, 0, 0, "0"),
    ("max(abs(x)**pi, abs(x)**3)", "smooth", 0, 0, 0, "|x|^3, the larger near 0"),
    ("max(abs(x)**(1/pi), abs(x)**(1/3))", "vertical", -inf, inf, None, "|x|^(1/pi)"),
]  # fmt: skip


@pytest.mark.parametrize("row", IRRATIONAL)
def test_irrational_powers_are_decided(row):
    assert_row(row)


def test_exponents_that_are_not_proved_to_differ_leave_the_point_undecided():
    # sqrt(2) + sqrt(3) = sqrt(5 + 2 sqrt(6)), in two forms: the exponents of the terms are equal.
    quotient = "abs(x)**(sqrt(2) + sqrt(3))/abs(x)**sqrt(5 + 2*sqrt(6))"
    assert truth_at(f"0 if x == 0 else x*{quotient}").kind is Kind.UNDECIDED


# expression, kind, left, right, derivative, reason; the point is 0
FLAT = [
    ("1/(1 + exp(1/x))", "outside", 0, 0, None, "1 left, 0 right, up to e^(-1/|x|)"),
    ("where(x == 0, 0, 1/(1 + exp(1/x)))", "jump", -inf, 0, None, "1 left, 0 at 0 and right"),
    ("where(x == 0, 0, x/(1 + exp(1/x)))", "kink", 1, 0, None, "x left, flat right"),
    ("exp(-1/abs(x))", "outside", 0, 0, None, "0 on both sides"),
    ("exp(-1/abs(x)) if x != 0 else 0", "smooth", 0, 0, 0, "flat"),
    ("exp(-1/x**2) if x != 0 else 0", "smooth", 0, 0, 0, "flat"),
    ("where(x > 0, exp(-1/x), 0)", "smooth", 0, 0, 0, "flat right, 0 left"),
    ("x*exp(1/x)", "pole", None, None, None, "h e^(1/h) -> inf on the right"),
    ("where(x < 0, x*exp(1/x), 0)", "smooth", 0, 0, 0, "flat left, 0 right"),
    ("exp(1/x)", "pole", None, None, None, "e^(1/h) -> inf on the right"),
    ("sinh(1/x)", "pole", None, None, None, "±e^(1/|x|)/2"),
    ("exp(1/x) - exp(2/x)", "pole", None, None, None, "the second is larger"),
    ("cosh(1/x)/sinh(1/x)", "outside", 0, 0, None, "±1 up to e^(-2/|x|)"),
    ("sigmoid(1/x)", "outside", 0, 0, None, "0 left, 1 right"),
    ("atan(exp(1/x))", "outside", 0, 0, None, "0 left, pi/2 right"),
    ("exp(-exp(1/x))", "outside", 0, 0, None, "1 left, 0 right"),
    ("x*log(1 + exp(1/x))", "outside", 0, 0, None, "flat left; h (1/h + flat) = 1 right"),
    ("0 if x == 0 else x*softplus(1/x)", "jump", 0, inf, None, "0 left, 1 right"),
    ("x**2*log(1 + exp(1/x)) if x != 0 else 0", "kink", 0, 1, None, "0 left, x right"),
    ("exp(1/x)/exp(1/x + 1)", "outside", 0, 0, None, "1/e"),
    ("log(exp(1/x))*x**2", "outside", 1, 1, None, "x"),
    ("exp(1/x)*exp(-1/x) - 1 if x != 0 else 0", "smooth", 0, 0, 0, "1 - 1"),
    ("exp(-1/x**2)/x**7 if x != 0 else 0", "smooth", 0, 0, 0, "flat, whatever the power"),
    ("1/exp(-1/abs(x))", "pole", None, None, None, "e^(1/|x|)"),
    ("exp(log(abs(x))**2)", "pole", None, None, None, "e^(L^2) > e^(n L) for L = -log|x| > n"),
    ("where(x == 0, 0, exp(-log(abs(x))**2))", "smooth", 0, 0, 0, "e^(-L^2) is flat"),
    ("where(x == 0, 7, where(exp(-1/x**2) > 0, x, 5))", "jump", inf, -inf, None, "x around, 7 at 0"),
    ("where(x == 0, 0, max(exp(-1/x**2), x))", "kink", 0, 1, None, "flat left, x right"),
    ("where(x == 0, 0, abs(exp(-1/x**2) - x))", "kink", -1, 1, None, "|x| up to a flat function"),
    ("where(x == 0, 0, floor(-exp(-1/x**2)))", "jump", inf, -inf, None, "-1 except at 0"),
    ("log(-exp(1/x))", "outside", None, None, None, "undefined on both sides"),
]  # fmt: skip


@pytest.mark.parametrize("row", FLAT)
def test_flat_functions_and_fast_growth_are_decided(row):
    assert_row(row)


POLES = [
    ("x*exp(1/x)", "the value tends to +inf on the right"),
    ("sinh(1/x)", "the value tends to -inf on the left, +inf on the right"),
    ("exp(1/x) - exp(2/x)", "the value tends to -inf on the right"),
    ("-x*exp(-1/x)", "the value tends to +inf on the left"),
    ("x**pi*exp(1/x)", "the value tends to +inf on the right"),
]


@pytest.mark.parametrize(("text", "words"), POLES)
def test_fast_growth_is_a_pole_with_a_sign_on_each_side(text, words):
    truth = truth_at(text)
    assert truth.kind is Kind.POLE
    assert truth.detail.endswith(words)


@pytest.mark.parametrize(
    "text", ["floor(exp(1/x))", "exp(exp(1/x))*x", "sin(exp(exp(1/x)))*x", "tan(exp(1/x))"]
)
def test_what_is_not_known_of_fast_growth_stays_undecided(text):
    assert truth_at(f"where(x > 0, {text}, 0)").kind is Kind.UNDECIDED


# expression, kind, left, right, derivative, the detail; each is 0 at the point 0
NOT_C1 = "not continuously differentiable: the derivative oscillates {} near the point"
C1_UNDECIDED = "whether it is continuously differentiable is not decided"
QUOTIENT = "the difference quotient oscillates {}"
OSCILLATING = [
    # (x^2 sin(1/x))' = 2x sin(1/x) - cos(1/x)
    ("x**2*sin(1/x)", "smooth", 0, 0, 0, NOT_C1.format("between -1 and 1")),
    ("x**2*cos(3/x) + 2*x", "smooth", 2, 2, 2, NOT_C1.format("between -1 and 5")),
    ("x + 2*x**2*sin(1/x)", "smooth", 1, 1, 1, NOT_C1.format("between -1 and 3")),
    ("x**2*sin(1/x**2)", "smooth", 0, 0, 0, NOT_C1.format("without bounds")),  # 2/x cos(1/x^2)
    ("abs(x)**1.5*sin(1/x)", "smooth", 0, 0, 0, NOT_C1.format("without bounds")),  # |x|^(-1/2)
    ("log(1 + x**2*cos(1/x))", "smooth", 0, 0, 0, NOT_C1.format("between -1 and 1")),
    ("where(x > 0, x**2*sin(1/x), 0)", "smooth", 0, 0, 0, NOT_C1.format("between -1 and 1")),
    ("x**2*sin(1/x)**2", "smooth", 0, 0, 0, C1_UNDECIDED),
    ("x**2*abs(sin(1/x))", "smooth", 0, 0, 0, C1_UNDECIDED),
    ("x**2/(2 + sin(1/x))", "smooth", 0, 0, 0, C1_UNDECIDED),
    # the derivative tends to 0
    ("x**3*sin(1/x)", "smooth", 0, 0, 0, ""),
    ("abs(x)**pi*cos(1/x)", "smooth", 0, 0, 0, ""),
    ("x**2*sin(log(abs(x)))", "smooth", 0, 0, 0, ""),  # x (2 sin L + cos L)
    ("exp(-1/x**2)*sin(1/x)", "smooth", 0, 0, 0, ""),
    ("x**2*(sin(1/x) - sin(1/x))", "smooth", 0, 0, 0, ""),
    ("abs(x) + x**3*sin(1/x)", "kink", -1, 1, None, ""),
    # no one-sided derivative
    ("x*sin(1/x)", "oscillating", None, None, None, QUOTIENT.format("between -1 and 1 on both sides")),
    ("x*(2 + sin(1/x))", "oscillating", None, None, None, QUOTIENT.format("between 1 and 3 on both sides")),
    ("x*sin(1/x)**2", "oscillating", None, None, None, QUOTIENT.format("between 0 and 1 on both sides")),
    ("x/(2 + sin(1/x))", "oscillating", None, None, None, QUOTIENT.format("between 0.333333333 and 1 on both sides")),
    ("x*sin(log(abs(x)))", "oscillating", None, None, None, QUOTIENT.format("between -1 and 1 on both sides")),
    ("sin(x*sin(1/x))", "oscillating", None, None, None, QUOTIENT.format("between -1 and 1 on both sides")),
    ("sqrt(abs(x))*sin(1/x)", "oscillating", None, None, None, QUOTIENT.format("without bounds on both sides")),
    ("where(x > 0, x*sin(1/x), -x)", "oscillating", -1, None, None, QUOTIENT.format("between -1 and 1 on the right")),
    ("sqrt(abs(x))*(2 + sin(1/x))", "vertical", -inf, inf, None, ""),
    # no limit
    ("sin(1/x)", "oscillating", None, None, None, "the value oscillates between -1 and 1 on both sides"),
    ("sin(exp(1/abs(x)))", "oscillating", None, None, None, "the value oscillates between -1 and 1 on both sides"),
    ("sin(1/x)/x", "oscillating", None, None, None, "the value oscillates without bounds on both sides"),
    ("(2 + sin(1/x))/x**2", "pole", None, None, None, "the value tends to +inf"),
    ("1/x + sin(1/x)", "pole", None, None, None, "the value tends to -inf on the left, +inf on the right"),
    ("cos(x*sin(1/x))", "jump", -inf, inf, None, "jumps by 1 to the left and by 1 to the right"),
    # not decided
    ("x*sin(1/x)*cos(1/x)", "undecided", None, None, None, "it oscillates, and the range of its limit points is not known"),
    ("where(sin(1/x) > 0, x, 0)", "undecided", None, None, None, "the operator >: a condition that changes infinitely often near the point"),
    ("log(x**2*sin(1/x))", "undecided", None, None, None, "log: its argument oscillates near the end of its domain"),
    # the Clarke set is larger than the interval from -1 to 1
    ("x**2*sin(1/x) + abs(x)", "undecided", None, None, None, "the one-sided derivatives are -1 and 1; " + NOT_C1.format("between -2 and 0")),
]  # fmt: skip


@pytest.mark.parametrize("row", OSCILLATING)
def test_oscillating_functions_are_decided(row):
    text, *expected, detail = row
    truth = truth_at(f"{text} if x != 0 else 0")
    assert [truth.kind.label, truth.left, truth.right, truth.derivative] == expected
    assert truth.detail.removeprefix("apparent kink").removeprefix("; ") == detail


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("x**2*sin(1/x)", "the limit is 0"),
        ("x*sin(1/x)", "the limit is 0"),
        ("sin(1/x)*(1 + sign(x))", "no limit on the right: the value oscillates between -2 and 2"),
        ("sin(1/x)", "no limit on either side: the value oscillates between -1 and 1"),
        (
            "1/sin(1/x)",
            "not decided on either side: the operator /: the divisor oscillates and has 0 among its limit points",
        ),
    ],
)
def test_the_detail_of_an_undefined_oscillation_has_its_limits(text, limits):
    truth = truth_at(text)
    assert truth.kind is Kind.OUTSIDE
    assert truth.detail.endswith(limits)


# Expressions with the value 0 at 0. Their difference quotients on the right fill the range in `detail`.
SAMPLED = ["x*sin(1/x)", "x*(2 + sin(1/x))", "x*sin(1/x)**2", "x/(2 + sin(1/x))", "x*cos(3/x)"]


@pytest.mark.parametrize("text", SAMPLED)
def test_the_difference_quotients_fill_the_range_in_the_detail(text):
    detail = truth_at(f"{text} if x != 0 else 0").detail
    low, high = (float(word) for word in detail.split() if word[-1].isdigit())
    t = 1 / np.linspace(1e6, 1e6 + 7, 2000)
    quotients = evaluate(parse(text), {"x": t}) / t
    assert quotients.min() == pytest.approx(low, abs=1e-4)
    assert quotients.max() == pytest.approx(high, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [
        ("x**2*sin(1/x) if x != 0 else 0", {0.0: "agrees", 0.5: "wrong", -1.0: "wrong"}),
        ("x*sin(1/x) if x != 0 else 0", {0.0: "silent", 0.5: "silent"}),
    ],
)
def test_numbers_at_an_oscillation_are_judged_by_the_derivative_not_by_the_clarke_set(
    text, verdicts
):
    for number, verdict in verdicts.items():
        claims = {"x": f"{number}"}
        records = symdiff.compare(text, at={"x": "0"}, claims=claims).records()
        assert [r["verdict"] for r in records if r["engine"] == "claim"] == [verdict]
