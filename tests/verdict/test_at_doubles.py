"""Numbers at points that are no doubles: right there, or right at the double that the engine got."""

import math

import mpmath
import pytest

import symdiff
from symdiff.engines.registry import registered
from tests.fakes import Fixed

NAN = math.nan
EDGE = "(1 - (1.3192387046793672*x)**2)**1.5"
END = "-2251799813685248/2970661469403367"  # 1/1.3192387046793672, whose double is outside
LARGE = "sin(2**60*x)"

# An expression, the exact coordinates, a derivative with respect to the first variable, the verdict, and whether
# the number is judged at the double.
TABLE = [
    # the end of a domain whose double is outside: NaN is right there, 0 at the exact edge
    (EDGE, {"x": END}, NAN, "undefined", True),
    (EDGE, {"x": END}, 0.0, "agrees", False),
    (EDGE, {"x": END}, 0.25, "silent", True),
    (EDGE, {"x": END[1:]}, NAN, "undefined", True),
    ("asin(1.3192387046793672*x)*0 + x", {"x": END}, NAN, "undefined", True),
    # the double of 1/3 is less: log(3*x - 1) is undefined there, and at 1/3 too
    ("(x - 1/3)**2.5 + x", {"x": "1/3"}, NAN, "undefined", True),
    ("(x - 1/3)**2.5 + x", {"x": "1/3"}, 1.0, "agrees", False),
    # the double of 2/3 is less too; the domain is below, so NaN is a failure at both points
    ("(2/3 - x)**2.5 + x", {"x": "2/3"}, NAN, "nonfinite", False),
    # a value that moves: atan2 is x there, and d/dy = -sin(x)*cos(x)*sin(y)... is 0 at -2*pi alone
    ("atan2(sin(x), cos(x)*cos(y))", {"y": 1, "x": "-2*pi"}, 7.060026819250543e-16, "agrees", True),
    ("atan2(sin(x), cos(x)*cos(y))", {"y": 1, "x": "-2*pi"}, 0.0, "agrees", False),
    ("atan2(sin(x), cos(x)*cos(y))", {"y": 1, "x": "-2*pi"}, 1e-3, "wrong", False),
    ("sin(x)*y", {"y": 1, "x": "pi"}, 1.2246467991473532e-16, "agrees", True),  # sin of the double
    ("sin(x)*y", {"y": 1, "x": "pi"}, 1e-10, "wrong", False),
    # kinks: the elements of the Clarke set keep their names
    ("abs(x - 1/3)", {"x": "1/3"}, -1.0, "subgradient", False),
    ("abs(x - 1/3)", {"x": "1/3"}, 1.0, "subgradient", False),
    ("abs(x - 1/3)", {"x": "1/3"}, 5.0, "not-subgradient", False),
    ("floor(3*x)", {"x": "1/3"}, 0.0, "silent", False),
]


def record(text, at, number):
    variable = next(iter(at))
    with registered(Fixed("planted", {variable: number})) as engine:
        points = {name: [x] for name, x in at.items()}
        found = symdiff.compare(
            text, at=points, kinks=False, engines=[engine.name], wrt=[variable]
        ).records()
        (only,) = found
        return only


@pytest.mark.parametrize(("text", "at", "number", "word", "at_double"), TABLE)
def test_a_number_is_right_at_the_point_or_at_its_double(text, at, number, word, at_double):
    found = record(text, at, number)
    assert found["verdict"] == word
    assert ("judged at " in (found["detail"] or "")) is at_double


def test_the_detail_names_the_double_and_the_exact_number():
    found = record("(x - 1/3)**2.5 + x", {"x": "1/3"}, NAN)
    assert found["detail"].startswith("judged at x = 0.3333333333333333, the double for 1/3")
    assert found["kind"] == "edge"  # the truth is that of the exact point


def test_the_table_says_which_engines_were_judged_at_a_double():
    table = str(symdiff.compare(EDGE, {"x": "-0.9:-0.5:2"}))
    flat = " ".join(table.split())
    assert f"undefined, judged at x = -0.7580129331052669, the double for {END}" in flat


def test_a_number_between_the_derivatives_at_the_point_and_at_its_double_is_wrong():
    # The double for 1/3 is (2**54 - 1)/(3*2**54), and 2**60 times it is an integer.
    with mpmath.workdps(60):
        at_double = float(2**60 * mpmath.cos((2**60 - 64) // 3))
        exact = float(2**60 * mpmath.cos(mpmath.mpf(2**60) / 3))
    assert record(LARGE, {"x": "1/3"}, at_double)["verdict"] == "agrees"
    assert record(LARGE, {"x": "1/3"}, exact)["verdict"] == "agrees"
    between = (exact + at_double) / 2
    assert record(LARGE, {"x": "1/3"}, between)["verdict"] == "wrong"


def test_a_point_that_is_a_double_is_judged_as_it_is():
    assert record("(x - 1/4)**2.5 + x", {"x": "1/4"}, NAN)["verdict"] == "nonfinite"


def test_a_gradient_that_is_undecided_at_the_exact_point_is_judged_at_the_double():
    text = "d*(abs(y - m) - d/2) if abs(y - m) > d else (y - m)**2/2"
    at = {"d": ["1.345"], "m": ["-0.4"], "y": ["-15717562699523031/9007199254740992"]}
    records = symdiff.compare(text, at=at, engines=["symbolic", "autograd"]).records()
    along_d = [r for r in records if r["variable"] == "d"]
    assert {r["verdict"] for r in along_d} == {"inexact"}  # 2.2e-16 for 0, by rounding
    assert all("judged at y = -1.745, the double for" in r["detail"] for r in along_d)
