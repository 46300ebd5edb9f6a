"""A verdict for every kind of point and every kind of number; the closed list of verdicts."""

import dataclasses

import numpy as np
import pytest

from symdiff.engines.base import Allowance, Samples
from symdiff.grid.grid import make_grid
from symdiff.grid.points import axis
from symdiff.program import parse
from symdiff.truth.certify import ProofOptions, ProofTask, decide, prove_points
from symdiff.verdict.judge import Tolerance, draft, judge, unclear_points
from symdiff.verdict.words import Verdict

NAN, INF = np.nan, np.inf

# An expression, a point, an engine's value there, the verdict.
TABLE = [
    ("x**2", 1, 2.0, "agrees"),
    ("x**2", 1, 2.0 + 1e-10, "agrees"),
    ("x**2", 1, 2.0 + 1e-8, "wrong"),
    ("x**2", 1, NAN, "nonfinite"),
    ("x**2", 1, INF, "nonfinite"),
    ("sigmoid(x)", 40, 0.0, "wrong"),  # without allowance, 0 does not agree with a tiny derivative
    ("sigmoid(x)", 40, 4.248354255291589e-18, "agrees"),
    ("exp(x)", 1000, INF, "agrees"),  # the double nearest to e**1000
    ("exp(x)", 1000, NAN, "nonfinite"),
    ("exp(x)", -1000, 0.0, "agrees"),
    ("abs(x)", 0, -1.0, "subgradient"),
    ("abs(x)", 0, 0.3, "subgradient"),
    ("abs(x)", 0, 1.0 + 1e-12, "subgradient"),
    ("abs(x)", 0, 1.1, "not-subgradient"),
    ("abs(x)", 0, -2.0, "not-subgradient"),
    ("abs(x)", 0, NAN, "nonfinite"),
    ("cbrt(x)", 0, INF, "agrees"),
    ("cbrt(x)", 0, -INF, "undefined"),
    ("cbrt(x)", 0, NAN, "undefined"),
    ("cbrt(x)", 0, 0.0, "silent"),
    ("where(x > 0, sqrt(x), 0)", 0, INF, "undefined"),
    ("where(x > 0, sqrt(x), 0)", 0, 0.0, "silent"),
    ("sqrt(x)**2", 0, 1.0, "agrees"),  # an edge: there is one one-sided derivative
    ("sqrt(x)**2", 0, 2.0, "wrong"),
    ("sqrt(x)**2", 0, NAN, "nonfinite"),
    ("sqrt(x)", 0, INF, "agrees"),
    ("sqrt(x)", 0, NAN, "undefined"),
    ("sqrt(x)", 0, 0.0, "silent"),
    ("floor(x)", 1, 0.0, "silent"),
    ("floor(x)", 1, NAN, "undefined"),
    ("1/x", 0, -INF, "undefined"),
    ("1/x", 0, 0.0, "silent"),
    ("log(x - 1)", 0, -1.0, "silent"),
    ("log(x - 1)", 0, NAN, "undefined"),
    ("where(x == 0, 0, x**2*sin(1/x) + abs(x))", 0, 0.0, "undecided"),
    ("where(x == 0, 0, x**2*sin(1/x) + abs(x))", 0, NAN, "undecided"),
    ("where(x == 0, 0, x**2*sin(1/x))", 0, 0.0, "agrees"),
    ("where(x == 0, 0, x**2*sin(1/x))", 0, 0.5, "wrong"),
    ("where(x == 0, 0, x*sin(1/x))", 0, 0.0, "silent"),
    ("where(x == 0, 0, x*sin(1/x))", 0, NAN, "undefined"),
]


def task_of(text, point, **options):
    grid = make_grid([parse(text)], [axis("x", [point])], kinks=False)
    return ProofTask(parse(text), "x", grid, ProofOptions(**options))


def judged(task, samples, allowance=None, tolerance=None):
    """Return the verdicts of all stages, and the truth with the proofs that they needed."""
    tolerance, truths = tolerance or Tolerance(), decide(task)
    (points,) = unclear_points(truths, [(samples, "x")], tolerance)
    first = draft(truths, samples, "x", tolerance, points)
    truths = prove_points(task, truths, first.points_to_prove.tolist())
    second = draft(truths, samples, "x", tolerance, points)
    allowances = dict.fromkeys(second.points_off.tolist(), allowance or Allowance())
    return judge(second, truths, samples, "x", allowances), truths


def verdict(text, point, value, allowance=None, tolerance=None, **more):
    samples = Samples({"x": np.array([float(value)])}, **more)
    judgement, _ = judged(task_of(text, point), samples, allowance, tolerance)
    return Verdict.from_code(judgement.codes[0]).label


@pytest.mark.parametrize(("text", "point", "value", "word"), TABLE)
def test_every_kind_of_point_and_number_has_a_verdict(text, point, value, word):
    assert verdict(text, point, value) == word


def test_the_table_has_every_verdict_that_needs_no_allowance_or_failure():
    others = {"inexact", "inaccurate", "failed", "unsupported", "value"}
    assert {word for *_, word in TABLE} | others == {str(v) for v in Verdict}


class TestAllowance:
    def test_a_deviation_within_the_radius_is_inexact_and_a_larger_one_wrong(self):
        assert verdict("x**2", 1, 2.1, Allowance(0.11)) == "inexact"
        assert verdict("x**2", 1, 2.1, Allowance(0.09)) == "wrong"
        assert verdict("abs(x)", 0, 1.1, Allowance(0.11)) == "inexact"
        assert verdict("abs(x)", 0, 1.1, Allowance(0.09)) == "not-subgradient"

    def test_without_a_bound_on_rounding_the_verdict_is_undecided(self):
        assert verdict("x**2", 1, 2.1, Allowance(NAN)) == "undecided"

    def test_the_expected_value_of_a_quotient_replaces_the_derivative(self):
        assert verdict("x**2", 1, 2.5, Allowance(0.01, expected=2.5)) == "inexact"
        assert verdict("x**2", 1, 2.1, Allowance(0.01, expected=2.5)) == "wrong"

    def test_a_finite_value_of_a_stencil_across_a_kink_is_inexact(self):
        across = {"straddling": {"x": np.array([True])}}
        assert verdict("x**2", 1, 7.0, **across) == "inexact"
        assert verdict("x**2", 1, NAN, **across) == "nonfinite"

    def test_nan_of_a_stencil_that_leaves_the_domain_is_nonfinite_as_any_other(self):
        assert verdict("sqrt(x)**2", 0, NAN, Allowance(stencil_leaves_domain=True)) == "nonfinite"
        assert verdict("sqrt(x)**2", 0, NAN) == "nonfinite"
        assert verdict("sqrt(x)**2", 0, 5.0, Allowance(stencil_leaves_domain=True)) == "wrong"

    def test_an_infinity_is_nonfinite_even_with_an_infinite_radius(self):
        assert verdict("x**2", 1, INF, Allowance(INF)) == "nonfinite"

    def test_the_error_estimate_of_an_engine_is_an_allowance(self):
        errors = {"errors": {"x": np.array([0.2])}}
        assert verdict("x**2", 1, 2.1, **errors) == "inexact"
        assert verdict("x**2", 1, 2.3, **errors) == "wrong"


FAILED = {"reason_of": {"x": np.array([1], dtype=np.int32)}, "reasons": ("", "RuntimeError")}


class TestFailures:
    def test_an_engine_that_raises_fails_where_there_is_a_derivative(self):
        assert verdict("x**2", 1, NAN, **FAILED) == "failed"
        assert verdict("abs(x)", 0, NAN, **FAILED) == "failed"

    def test_an_exception_where_there_is_no_derivative_is_undefined(self):
        for text, point in (("1/x", 0), ("floor(x)", 1), ("cbrt(x)", 0), ("log(x)", -1)):
            assert verdict(text, point, NAN, **FAILED) == "undefined"


def test_with_an_absolute_tolerance_zero_agrees_with_a_tiny_derivative():
    assert verdict("sigmoid(x)", 40, 0.0, tolerance=Tolerance(atol=1e-12)) == "agrees"


def test_a_value_is_wrong_only_after_the_truth_is_proved():
    task, samples = task_of("x**2", 1, sample=0), Samples({"x": np.array([3.0])})
    assert not decide(task).proved.any()
    judgement, truths = judged(task, samples)
    assert truths.proved.all()
    assert judgement.codes.tolist() == [Verdict.WRONG]


def test_a_value_that_is_off_is_undecided_without_a_proof():
    task, samples = task_of("x**2", 1, sample=0), Samples({"x": np.array([3.0])})
    truths = decide(task)
    (points,) = unclear_points(truths, [(samples, "x")], Tolerance())
    drafted = draft(truths, samples, "x", Tolerance(), points)
    judgement = judge(drafted, truths, samples, "x", {})
    assert judgement.codes.tolist() == [Verdict.UNDECIDED]
    assert judgement.reasons == {0: "not proved: the limit max_proofs was reached"}


def test_no_stage_changes_what_another_stage_returned():
    task = task_of("abs(x)", 0)
    samples = Samples({"x": np.array([5.0])})
    truths = decide(task)
    columns = [truths.kinds, truths.derivative, truths.left, truths.right, samples.derivatives["x"]]
    for column in columns:
        column.flags.writeable = False
    before = [column.copy() for column in columns]
    judgement, _ = judged(task, samples)
    judgement.codes.flags.writeable = False
    assert judgement.with_reasons({0: "because"}).reasons == {0: "because"}
    assert judgement.reasons == {}
    for column, copy in zip(columns, before, strict=True):
        np.testing.assert_array_equal(column, copy)


def test_the_list_of_verdicts_is_closed():
    assert Verdict.labels() == (
        "agrees", "inexact", "subgradient", "undefined", "wrong", "not-subgradient",
        "nonfinite", "silent", "failed", "unsupported", "undecided", "value", "inaccurate",
    )  # fmt: skip


def test_six_verdicts_do_not_pass():
    findings = {"value", "wrong", "not-subgradient", "nonfinite", "failed", "inaccurate"}
    assert {str(v) for v in Verdict if not v.passes} == findings


def test_a_tolerance_is_frozen_and_shows_both_bounds():
    assert str(Tolerance(1e-6, 1e-9)) == "rtol 1e-06, atol 1e-09"
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tolerance().rtol = 1
