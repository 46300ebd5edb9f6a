"""A number that is not finite has one verdict, whoever gives it, and what is proved is counted."""

import math

import pytest

import symdiff
from symdiff.engines.base import Allowance
from symdiff.report.summary import summary
from tests.verdict.test_judge import verdict

LEAVES = "the stencil leaves the domain"
# Functions that end at 0 with a finite one-sided derivative there.
EDGES = ["sqrt(x)**2", "x**1.875", "x*sqrt(x)", "sqrt(x**3)", "x**2.5 - 3*x"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("text", "point"), [("sqrt(x)**2", 0), ("abs(x)", 0), ("sqrt(x)", 1)])
def test_a_nan_or_an_infinity_is_nonfinite_whatever_the_allowance(text, point, value):
    allowances = (
        Allowance(),
        Allowance(math.inf),
        Allowance(math.nan),
        Allowance(1.0, expected=0.0),
        Allowance(stencil_leaves_domain=True),
    )
    assert {verdict(text, point, value, allowance) for allowance in allowances} == {"nonfinite"}


@pytest.mark.parametrize("point", [-1, 1])
def test_two_engines_with_nan_have_one_verdict(point):
    report = symdiff.compare("cos(acos(x))", at={"x": point})
    words = {r["engine"]: r["verdict"] for r in report.records()}
    assert words == {"symbolic": "agrees", "autograd": "nonfinite", "central": "nonfinite"}
    assert not report.ok


@pytest.mark.parametrize("text", EDGES)
def test_a_stencil_that_leaves_the_domain_is_reported_counted_apart_and_passes(text):
    report = symdiff.compare(text, at={"x": 0}, engines=["central"])
    (record,) = report.records()
    assert (record["verdict"], record["value"]) == ("nonfinite", "nan")
    assert record["detail"].startswith(LEAVES)
    assert "central: 1 nonfinite since its stencil leaves the domain" in summary(
        report.evidence, ()
    )
    assert report.ok
    assert not symdiff.compare(text, at={"x": 0}, engines=["central"], strict=True).ok


def test_a_nan_of_a_branch_that_is_not_taken_does_not_pass():
    """At 0 the stencil leaves the domain; at 1 the branch that is not taken gives 0*inf."""
    text = "sqrt(x)**2 + where(x == 1, x, log(x - 1))*0"
    report = symdiff.compare(text, at={"x": 1}, engines=["autograd", "central"])
    words = {r["engine"]: r["verdict"] for r in report.records()}
    assert words["autograd"] == "nonfinite"
    assert not report.ok


def test_points_where_only_the_stencil_fails_have_no_row_of_their_own():
    report = symdiff.compare("sqrt(x)", {"x": "0:1:3"})
    assert "+1 ulp" not in report.table()
    assert "central: 2 nonfinite since" in summary(report.evidence, ())


# A comparison, how many derivatives are proved, how many are undecided.
PROVED = [
    ({"expression": "abs(x)", "at": {"x": 0}}, 1, 0),
    ({"expression": "0 if x == 0 else x**2*sin(1/x) + abs(x)", "at": {"x": 0}}, 0, 1),
    ({"expression": "exp(x)", "at": {"x": [0, 1]}, "prove": "all"}, 2, 0),
    (
        {"expression": "abs(x) + where(y == 0, 0, y**2*sin(1/y) + abs(y))", "at": {"x": 1, "y": 0}},
        1,
        1,
    ),
]


@pytest.mark.parametrize(("asked", "proved", "undecided"), PROVED)
def test_an_undecided_derivative_is_not_counted_as_proved(asked, proved, undecided):
    report = symdiff.compare(**asked, engines=["autograd"])
    (evidence,) = report.evidence
    assert (evidence.proved_count, evidence.undecided_count) == (proved, undecided)
    assert [r["proved"] for r in report.records()] == [True] * proved + [False] * undecided


def test_a_derivative_with_an_undecided_verdict_is_not_counted_as_proved():
    """The slopes along both axes are proved, and whether the gradient is a subgradient is not."""
    text = "abs(y - x**2) - abs(y + x**2)"
    report = symdiff.compare(text, at={"x": 0, "y": 0}, engines=["autograd"])
    (evidence,) = report.evidence
    records = list(report.records())
    for r in records:
        assert r["proved"] == (r["verdict"] != "undecided")
    undecided = sum(r["verdict"] == "undecided" for r in records)
    assert evidence.proved_count == len(records) - undecided
    assert evidence.undecided_count == undecided


def test_derivatives_along_directions_are_certified_and_not_proved():
    report = symdiff.compare(
        "(w @ x).tanh().sum()",
        values={"w": {"shape": [8, 8], "seed": 1}, "x": {"shape": [8], "seed": 2}},
        max_components=4,
    )
    assert {r["proved"] for r in report.records()} == {False}
    assert {r["ulps"] for r in report.records()} == {None}
    assert report.evidence[0].proved_count == 0


# Functions with a hole, a kink or another zero of a switch inside the stencil, and the point beside it.
BESIDE = [
    ("(exp(x) - 1)/x", 1e-9),
    ("(exp(x) - 1)/x", 1e-12),
    ("(x**2 - 1)/(x - 1)", 1.0000000001),
    ("sin(x)/x + x", 1e-7),
    ("abs(x)", 1e-7),
    ("relu(x - 1)*3 + x", 1.0000001),
]


@pytest.mark.parametrize(("text", "x"), BESIDE)
def test_what_a_stencil_straddles_is_a_zero_of_a_switch_and_no_kink_unless_proved(text, x):
    (record,) = symdiff.compare(text, at={"x": x}, engines=["central"]).records()
    assert record["verdict"] in {"inexact", "agrees"}
    if record["verdict"] == "inexact":
        assert record["detail"].startswith(
            "the stencil straddles a point at which a switch is zero"
        )
