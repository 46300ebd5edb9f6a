"""The summary: numbers of points, verdicts and proofs."""

import re

import pytest

import symdiff
from symdiff.report.summary import summary


def test_the_summary_counts_points_kinks_verdicts_and_proofs(relu):
    summary = relu.summary()
    assert summary.startswith("1 expression, 13 points, 1 of them at possible kinks")
    assert re.search(r"autograd +12 +0 +1", summary)
    assert "13 of 13 derivatives proved point by point" in summary


def test_a_point_that_is_a_kink_is_counted_as_one():
    summary = symdiff.compare("abs(x)", at={"x": [0, 1]}).summary()
    assert summary.startswith("1 expression, 2 points, 1 of them at possible kinks")


def test_undecided_points_are_not_counted_as_proved():
    text = "0 if x == 0 else exp(exp(1/x)) + abs(x)"
    comparison = symdiff.compare(text, at={"x": [0]})
    assert {r["kind"] for r in comparison.records()} == {"undecided"}
    assert comparison.summary().endswith("\n0 of 1 derivatives proved point by point, 1 undecided")
    hidden = symdiff.compare(text, {"x": [0, 1]}, kinks=False)
    assert "1 more point (--all shows all); 1 of 2 proved" in str(hidden)


def test_certified_derivatives_are_counted():
    summary = symdiff.compare("sin(x)", {"x": "1:2:101"}).summary()
    proved, certified = map(
        int, re.search(r"(\d+) of 101 .* point, (\d+) certified by", summary).groups()
    )
    assert proved + certified == 101 and certified > 0


def test_the_summary_names_what_does_not_pass():
    assert "does not pass: heaviside(x, 0.5)" in symdiff.compare("heaviside(x, 0.5)").summary()


@pytest.mark.parametrize(
    "text", ["sqrt(x)", "1/x", "sign(x)", "cbrt(x)", "relu(x) - relu(-x)", "abs(x)"]
)
def test_a_point_at_which_a_switch_vanishes_is_a_possible_kink(text):
    summary = symdiff.compare(text, at={"x": [0]}).summary()
    assert summary.startswith("1 expression, 1 point, 1 of them at possible kinks")


def test_derivatives_along_directions_are_certified_and_not_proved():
    values = {"x": {"shape": [1000], "seed": 0}}
    summary = symdiff.compare("relu(x).sum()", values=values).summary()
    assert "0 of 3 derivatives proved point by point, 3 certified by error bounds" in summary


def test_the_counts_of_verdicts_are_laid_out_for_the_width():
    report = symdiff.compare("where(x > 0, sqrt(x), 0)", {"x": [0, 1]}, claims={"x": "1"})
    tables = {}
    for width in (120, 60, 40):
        text = summary(report.evidence, (), width)
        assert max(map(len, text.splitlines())) <= width
        _, _, table = text.partition("kinks\n")
        tables[width] = table.splitlines()[0].split()
    assert tables[120][:2] == ["engine", "agrees"]
    assert tables[60] == ["verdict", "symbolic", "autograd", "central", "claim"]
    assert re.search(r"\n *agrees +11 +6 +3 +0\n", summary(report.evidence, (), 60))
    assert tables[40] == ["symbolic", "11", "agrees,", "1", "silent"]
