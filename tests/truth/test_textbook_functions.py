"""Textbook functions: irrational powers, flat functions, oscillation.

Each row has the one-sided derivatives, the derivative and the reason. Where the function is
undefined, the one-sided derivatives are those towards the limit on each side.
"""

from math import inf

import pytest

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
