"""The closed list of verdicts: one word for every kind of point and every kind of number."""

import dataclasses

import numpy as np
import pytest

from symdiff.engines.base import Allowance, Samples
from symdiff.grid.grid import make_grid
from symdiff.grid.points import axis
from symdiff.program import parse
from symdiff.truth.certify import Decider, ProofOptions
from symdiff.verdict.judge import Tolerance, judge
from symdiff.verdict.words import Verdict

NAN, INF = np.nan, np.inf

# An expression, a point, what an engine gives there, the verdict.
TABLE = [
    ("x**2", 1, 2.0, "agrees"),
    ("x**2", 1, 2.0 + 1e-10, "agrees"),
    ("x**2", 1, 2.0 + 1e-8, "wrong"),
    ("x**2", 1, NAN, "nonfinite"),
    ("x**2", 1, INF, "nonfinite"),
    ("sigmoid(x)", 40, 0.0, "wrong"),  # without allowance: a small derivative is not 0
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
    ("sqrt(x)**2", 0, 1.0, "agrees"),  # an edge: the one slope that is there
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
    ("where(x == 0, 0, x**2*sin(1/x))", 0, 0.0, "undecided"),
    ("where(x == 0, 0, x**2*sin(1/x))", 0, NAN, "undecided"),
]


@dataclasses.dataclass
class Recourse:
    decider: Decider
    answer: Allowance = dataclasses.field(default_factory=Allowance)

    def prove(self, points):
        self.decider.prove(points)

    def complete(self, points):
        pass

    def allowance(self, point):
        return self.answer


def decider_of(text, point, **judging):
    grid = make_grid([parse(text)], [axis("x", [point])], kinks=False)
    return Decider(parse(text), "x", grid, ProofOptions(**judging))


def verdict(text, point, value, allowance=None, tolerance=None, **more):
    samples = Samples({"x": np.array([float(value)])}, **more)
    decider = decider_of(text, point)
    found = judge(
        decider.truths,
        samples,
        "x",
        tolerance or Tolerance(),
        Recourse(decider, allowance or Allowance()),
    )
    return str(Verdict.from_code(found.codes[0]))


@pytest.mark.parametrize(("text", "point", "value", "word"), TABLE)
def test_every_kind_of_point_and_number_has_its_word(text, point, value, word):
    assert verdict(text, point, value) == word


def test_the_table_knows_every_word_that_a_number_can_get():
    others = {"inexact", "failed", "unsupported"}
    assert {word for *_, word in TABLE} | others == {str(v) for v in Verdict}


class TestSlack:
    def test_rounding_explains_what_is_within_its_radius_and_no_more(self):
        assert verdict("x**2", 1, 2.1, Allowance(0.11)) == "inexact"
        assert verdict("x**2", 1, 2.1, Allowance(0.09)) == "wrong"
        assert verdict("abs(x)", 0, 1.1, Allowance(0.11)) == "inexact"
        assert verdict("abs(x)", 0, 1.1, Allowance(0.09)) == "not-subgradient"

    def test_a_bound_that_is_not_known_accuses_nobody(self):
        assert verdict("x**2", 1, 2.1, Allowance(NAN)) == "undecided"

    def test_a_quotient_is_held_to_what_it_must_give(self):
        assert verdict("x**2", 1, 2.5, Allowance(0.01, expected=2.5)) == "inexact"
        assert verdict("x**2", 1, 2.1, Allowance(0.01, expected=2.5)) == "wrong"

    def test_a_stencil_across_a_kink_is_never_an_alarm(self):
        across = {"straddling": {"x": np.array([True])}}
        assert verdict("x**2", 1, 7.0, **across) == "inexact"
        assert verdict("x**2", 1, NAN, **across) == "nonfinite"

    def test_a_stencil_outside_the_domain_has_no_number(self):
        assert verdict("sqrt(x)**2", 0, NAN, Allowance(stencil_leaves_domain=True)) == "inexact"
        assert verdict("sqrt(x)**2", 0, 5.0, Allowance(stencil_leaves_domain=True)) == "wrong"

    def test_no_rounding_makes_an_infinity_of_a_finite_derivative(self):
        assert verdict("x**2", 1, INF, Allowance(INF)) == "nonfinite"

    def test_an_engine_s_own_estimate_counts_as_allowance(self):
        errors = {"errors": {"x": np.array([0.2])}}
        assert verdict("x**2", 1, 2.1, **errors) == "inexact"
        assert verdict("x**2", 1, 2.3, **errors) == "wrong"


FAILED = {"reason_of": np.array([1], dtype=np.int32), "reasons": ("", "RuntimeError")}


class TestFailures:
    def test_an_engine_that_raises_fails_where_there_is_a_derivative(self):
        assert verdict("x**2", 1, NAN, **FAILED) == "failed"
        assert verdict("abs(x)", 0, NAN, **FAILED) == "failed"

    def test_a_refusal_where_there_is_none_is_right(self):
        for text, point in (("1/x", 0), ("floor(x)", 1), ("cbrt(x)", 0), ("log(x)", -1)):
            assert verdict(text, point, NAN, **FAILED) == "undefined"

    def test_what_an_engine_cannot_express_is_unsupported_everywhere(self):
        assert verdict("x**2", 1, NAN, unsupported="f: no such function") == "unsupported"


def test_an_absolute_tolerance_is_for_those_who_ask():
    assert verdict("sigmoid(x)", 40, 0.0, tolerance=Tolerance(atol=1e-12)) == "agrees"


def test_what_is_off_is_proved_before_it_is_called_wrong():
    decider = decider_of("x**2", 1, sample=0)
    assert not decider.truths.proved.any()
    samples = Samples({"x": np.array([3.0])})
    judge(decider.truths, samples, "x", Tolerance(), Recourse(decider))
    assert decider.truths.proved.all()


def test_the_list_is_closed():
    assert [str(v) for v in Verdict] == [
        *("agrees", "inexact", "subgradient", "undefined", "wrong", "not-subgradient", "nonfinite"),
        *("silent", "failed", "unsupported", "undecided"),
    ]


def test_what_passes():
    findings = {"wrong", "not-subgradient", "nonfinite", "failed"}
    assert {str(v) for v in Verdict if not v.passes} == findings


def test_a_tolerance_is_frozen_and_shows_both_bounds():
    assert str(Tolerance(1e-6, 1e-9)) == "rtol 1e-06, atol 1e-09"
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tolerance().rtol = 1
