"""Proofs of single points: the kind, the detail, apparent kinks."""

import pytest

from symdiff.program import parse
from symdiff.truth.exact_points import exact_number
from symdiff.truth.kinds import APPARENT, Kind
from symdiff.truth.proof import prove

POLES = [
    ("1/x", "0", "the value tends to -inf on the left, +inf on the right"),
    ("-1/x**3", "0", "the value tends to +inf on the left, -inf on the right"),
    ("1/x**2", "0", "the value tends to +inf"),
    ("log(abs(x))", "0", "the value tends to -inf"),
    ("log(x)", "0", "the value tends to -inf on the right"),
    ("tan(x)", "pi/2", "the value tends to +inf on the left, -inf on the right"),
    ("gamma(x)", "-2", "the value tends to -inf on the left, +inf on the right"),
    ("where(x < 1, 1/(1 - x), 0)", "1", "the value tends to +inf on the left"),
]


@pytest.mark.parametrize(("text", "point", "words"), POLES)
def test_the_detail_of_a_pole_says_to_which_infinity_each_side_tends(text, point, words):
    truth = prove(parse(text), "x", {"x": exact_number(point)})
    assert truth.kind is Kind.POLE
    assert truth.detail.split("; ")[-1] == words


APPARENT_KINKS = [
    ("relu(x) - relu(-x)", "0", True),
    ("x*abs(x)", "0", True),
    ("floor(x) - floor(x) + x", "2", True),
    ("where(x == 1, 1, x**2)", "1", True),
    # no switch is zero there, although the balls of the first precision overflow
    ("exp(x)", "1e300", False),
    ("log(1 + exp(x))", "1e308", False),
    ("log(x)/log(x)", "1e-300", False),
    ("sin(x)/x", "1e-300", False),
    ("abs(x)", "1", False),
    ("floor(exp(x))", "1000", False),  # whether a switch is zero is undecided
]


@pytest.mark.parametrize(("text", "point", "apparent"), APPARENT_KINKS)
def test_a_smooth_point_is_an_apparent_kink_exactly_where_a_switch_is_zero(text, point, apparent):
    truth = prove(parse(text), "x", {"x": exact_number(point)})
    assert truth.kind in {Kind.SMOOTH, Kind.UNDECIDED}
    assert (truth.detail == APPARENT) == apparent


EVEN = [
    ("abs(log(1 + sin(x**2 + x**2)**2))", "sqrt(2)*sqrt(pi)/2", Kind.SMOOTH, (0.0, 0.0)),
    ("abs(sin(x**2)*exp(x))", "sqrt(pi)", Kind.KINK, None),
    ("abs(sin(x)**2*(x + 1))", "pi", Kind.SMOOTH, (0.0, 0.0)),
    ("sqrt(sin(x)**2)", "pi", Kind.KINK, (-1.0, 1.0)),
]


@pytest.mark.parametrize(("text", "at", "kind", "sides"), EVEN)
def test_zeros_of_even_order_are_decided_if_they_have_a_closed_form(text, at, kind, sides):
    truth = prove(parse(text), "x", {"x": exact_number(at)})
    assert truth.kind is kind
    if sides is not None:
        assert (truth.left, truth.right) == sides


def test_a_function_is_outside_its_domain_along_every_variable():
    point = {"x": exact_number("0"), "z": exact_number("0"), "y": exact_number("1")}
    kinds = {prove(parse("atan2(x, z) + y"), name, point).kind for name in point}
    assert kinds == {Kind.OUTSIDE}


def test_arithmetic_with_inf_is_undecided_or_outside_and_does_not_crash():
    for text in ("inf/x", "-inf/(x - 1)", "x - inf/x", "inf/(1/x - inf)"):
        assert prove(parse(text), "x", {"x": exact_number("1")}).kind in {
            Kind.UNDECIDED,
            Kind.OUTSIDE,
        }
