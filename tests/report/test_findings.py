"""Findings: what does not pass, one for a region of points with one fault."""

import numpy as np
import pytest

import symdiff
from symdiff.engines.registry import registered
from symdiff.report.findings import by_engines, findings
from tests.fakes import Faulty


def found(expression, *arguments, **keywords):
    return findings(symdiff.compare(expression, *arguments, **keywords).evidence[0])


def test_what_passes_has_no_finding():
    assert found("relu(x)", {"x": "-1:1:3"}) == ()


def test_points_side_by_side_are_one_finding_with_an_example_and_a_ratio():
    (left, right) = found("x**2", {"x": "-2:2:5"}, claims={"x": "3*x"}, engines=["autograd"])
    assert (left.where, left.at, left.value, left.truth, left.ratio) == (
        "x from -2 to -1", "x = -2", "-6", "-4", "1.5",
    )  # fmt: skip
    assert (right.where, right.count, right.points.tolist()) == ("x from 1 to 2", 2, [3, 4])


def test_a_kink_and_its_neighbours_are_one_finding():
    (only,) = found("sqrt(x**2)", {"x": "-1:1:3"}, engines=["autograd"])
    assert (only.where, only.at, only.count) == ("x = 0 and 4 neighbours", "x = 0", 5)
    assert (only.value, only.truth, only.ratio) == ("nan", "[-1, 1]", "")
    assert only.why == "its derivative is infinite: 0*inf; sqrt(x**2) (expr, column 1)"


def test_in_two_variables_a_region_is_a_box():
    several = found("x*y", {"x": [0, 1, 2], "y": [1, 2]}, claims={"x": "0*x"}, engines=["autograd"])
    assert [f.where for f in several] == ["x from 0 to 2, y from 1 to 2"]
    assert several[0].count == 6


def test_points_that_are_not_in_order_are_described_by_their_bounds():
    (only,) = found(
        "x**2", at={"x": [3, 1, 2]}, zip=True, claims={"x": "3*x"}, engines=["autograd"]
    )
    assert (only.where, only.count) == ("x from 1 to 3", 3)


def test_components_with_the_same_fault_are_one_finding():
    (only,) = found(
        "(x**2).sum()", values={"x": [1.0, 2.0, 3.0]}, claims={"x": "3*x"}, engines=["autograd"]
    )
    assert only.variables == ("x[0]", "x[1]", "x[2]")
    assert (only.count, only.value, only.truth) == (3, "3", "2")


def test_outputs_with_the_same_fault_are_one_finding():
    (only,) = found("sqrt(x**2)", values={"x": [0.0, 1.0, 0.0]}, engines=["autograd"])
    # The backward pass multiplies the infinite slopes at x[0] and x[2] by the zeros of each row.
    assert (only.outputs, only.variables) == (("[0]", "[1]", "[2]"), ("x[0]", "x[2]"))
    assert (only.output, only.variable, only.count) == ("[0]", "x[0]", 6)


def test_findings_are_ordered_by_gravity():
    several = found("sqrt(x**2)", {"x": "-1:1:3"}, claims={"x": "2"})
    assert [f.verdict.label for f in several][:1] == ["wrong"]
    assert several[-1].verdict.label == "nonfinite"
    gravities = [f.verdict.gravity for f in several]
    assert gravities == sorted(gravities, reverse=True)


def test_an_expected_verdict_is_no_finding(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text('[[expression]]\nexpr = "sqrt(x**2)"\nexpect = { autograd = ["nonfinite"] }\n')
    report = symdiff.compare_file(file)
    assert report.ok
    assert findings(report.evidence[0]) == ()


def test_the_records_of_findings_are_those_that_the_report_fails_for(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text(
        '[[expression]]\nexpr = "sqrt(x)"\n'  # nonfinite where a stencil leaves the domain
        '[[expression]]\nexpr = "sqrt(x**2)"\nexpect = { autograd = ["nonfinite"] }\n'
        '[[expression]]\nname = "bad"\nexpr = "x**2"\nclaims = { x = "3*x" }\n'
    )
    report = symdiff.compare_file(file)
    counts = {e.name: sum(sum(c.values()) for c in e.findings().values()) for e in report.evidence}
    assert counts["bad"] > 0
    assert {r["expression"] for r in report.findings} == {n for n, count in counts.items() if count}
    assert len(report.findings) == sum(counts.values())


def test_engines_with_the_same_fault_share_a_line():
    several = found("sqrt(x**2)", {"x": "-1:1:3"}, engines=["autograd", "func", "central"])
    assert [engines for engines, _ in by_engines(several)] == [("autograd", "func")]


@pytest.mark.parametrize("fault", [1.5, -1.0])
def test_every_wrong_number_of_a_planted_engine_is_in_a_finding(fault):
    # The counts of the verdicts come from other code than the findings.
    with registered(Faulty("planted", lambda d: d * np.where(np.arange(len(d)) % 3, 1, fault))):
        report = symdiff.compare("exp(x)", {"x": "-3:3:20"}, engines=["planted"])
    (evidence,) = report.evidence
    counts = evidence.findings()["planted"]
    assert sum(f.count for f in findings(evidence)) == sum(counts.values()) == 7
    assert {f.ratio for f in findings(evidence)} == {f"{fault:g}"}
