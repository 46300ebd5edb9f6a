"""Gradients are judged as a whole: equal numbers get equal verdicts, whichever engine gives them."""

import contextlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symdiff
from symdiff.engines.base import Allowance, Samples, Traits
from symdiff.engines.registry import registered
from symdiff.verdict.words import Verdict
from tests.fakes import Fixed

ZERO = {"x": [0], "y": [0]}
ONES = {"a": [1], "b": [1], "c": [1]}
SUB, NOT = "subgradient", "not-subgradient"

# An expression, a point, a gradient, and the verdicts on its components, by hand:
#   max and median of three equal numbers: the triangle of the unit vectors. The median is constant
#   along each axis;
#   abs(x - y): (s, -s) for s in [-1, 1];   abs(x - y) + abs(x + y): |gx| + |gy| <= 2;
#   max(0, x - abs(y)): the triangle (0, 0), (1, 1), (1, -1), and d/dy alone is 0;
#   min(x, y) - max(x, y) = -abs(x - y);   relu(x + y)*2: (s, s) for s in [0, 2].
WHOLE = [
    ("max(max(a, b), c)", ONES, (0.5, 0.5, 0.5), (NOT, NOT, NOT)),
    ("max(max(a, b), c)", ONES, (0.25, 0.25, 0.5), (SUB, SUB, SUB)),
    ("max(max(a, b), c)", ONES, (1.0, 0.0, 0.0), (SUB, SUB, SUB)),
    ("min(a, b, c)", ONES, (0.5, 0.5, 0.5), (NOT, NOT, NOT)),
    ("max(min(a, b), min(max(a, b), c))", ONES, (0.5, 0.5, 0.5), ("wrong",) * 3),
    ("max(min(a, b), min(max(a, b), c))", ONES, (0.25, 0.5, 0.25), (SUB, SUB, SUB)),
    ("abs(x - y)", ZERO, (0.5, 0.5), (NOT, NOT)),
    ("abs(x - y)", ZERO, (0.5, -0.5), (SUB, SUB)),
    ("abs(x - y) + abs(x + y)", ZERO, (1.5, 1.5), (NOT, NOT)),
    ("abs(x - y) + abs(x + y)", ZERO, (1.0, 1.0), (SUB, SUB)),
    ("min(x, y) - max(x, y)", ZERO, (-0.5, -0.5), (NOT, NOT)),
    ("relu(x + y)*2", ZERO, (0.5, 1.5), (NOT, NOT)),
    ("max(0, x - abs(y))", ZERO, (1.0, 1.0), (SUB, SUB)),
    ("max(0, x - abs(y))", ZERO, (0.25, 0.5), (NOT, "wrong")),
    # x and y share a switch, and z has one of its own: they are judged apart
    ("abs(x - y) + relu(z)", {**ZERO, "z": [0]}, (0.5, 0.5, 0.5), (NOT, NOT, SUB)),
    ("abs(x - y) + relu(z)", {**ZERO, "z": [0]}, (0.5, -0.5, 1.5), (SUB, SUB, NOT)),
    ("abs(x - y)*exp(z)", {**ZERO, "z": [0]}, (0.5, -0.5, 0.1), (SUB, SUB, "wrong")),
]

TRAITS = [
    Traits(),
    Traits(modes=("differences",)),
    Traits(modes=("reverse",), runs_in_chunks=False, min_norm_rule="a rule"),
    Traits(modes=("symbolic", "forward"), runs_callables=True),
]


class Planted(Fixed):
    """An engine with given traits, error estimates and allowance that returns given numbers."""

    def __init__(self, name, gradient, traits=TRAITS[0], errors=None, radius=0.0):
        super().__init__(name, gradient)
        self.traits, self._errors, self._radius = traits, errors, radius

    def differentiate(self, problem):
        asked = {n: d for n, d in self._gradient.items() if n in problem.variables}
        slopes = {n: np.full(problem.count, d) for n, d in asked.items()}
        if self._errors is None:
            return Samples(slopes)
        errors = {n: np.full(problem.count, self._errors) for n in asked}
        return Samples(slopes, errors, dict.fromkeys(asked, np.zeros(problem.count, dtype=bool)))

    def allowance(self, problem, variable, point):
        return Allowance(self._radius)


def records(engines, text, at, **options):
    """Return the records by engine and variable; the engines exist for this comparison alone."""
    with contextlib.ExitStack() as stack:
        names = [stack.enter_context(registered(engine)).name for engine in engines]
        comparison = symdiff.compare(text, at=at, engines=names, **options)
        return {(r["engine"], r["variable"]): r for r in comparison.records()}


def verdicts(text, at, gradient, **options):
    engine = Planted("planted", dict(zip(at, gradient, strict=True)))
    found = records([engine], text, at, **options)
    return {variable: record["verdict"] for (_, variable), record in found.items()}


@pytest.mark.parametrize(("text", "at", "gradient", "words"), WHOLE)
def test_a_gradient_is_judged_as_a_whole_whoever_gives_it(text, at, gradient, words):
    numbers = dict(zip(at, gradient, strict=True))
    engines = [Planted(f"planted {k}", numbers, traits) for k, traits in enumerate(TRAITS)]
    engines.append(Planted("with estimates", numbers, TRAITS[1], errors=0.0))
    found = records(engines, text, at)
    for engine in engines:
        assert tuple(found[engine.name, name]["verdict"] for name in at) == words


def test_the_largest_entry_of_a_tensor_is_judged_as_a_whole_for_every_engine():
    # The set is the hull of e0, e2 and -e8; the means of the slopes weigh 1.5 in all.
    x = [9, 2, 9, -2, -3, -4, 7, 8, -9]
    found = list(symdiff.compare("norm(x, p=inf)", values={"x": x}).records())
    words = {}
    for record in found:
        if record["kind"] == "kink":
            words.setdefault(record["engine"], set()).add(record["verdict"])
    assert words == {"symbolic": {NOT}, "central": {NOT}, "autograd": {SUB}}
    details = [r["detail"] for r in found if r["engine"] == "central" and r["kind"] == "kink"]
    assert all("differences vary one variable at a time" in detail for detail in details)


PROGRAMS = list({text: (text, at) for text, at, *_ in WHOLE}.values())
NUMBERS = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0])


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_verdict_depends_on_the_number_and_not_on_who_gave_it(data):
    text, at = data.draw(st.sampled_from(PROGRAMS))
    gradient = dict(zip(at, data.draw(st.tuples(*[NUMBERS] * len(at))), strict=True))
    radius = data.draw(st.sampled_from([0.0, 0.0, 0.3]))
    engines = [Planted(f"planted {k}", gradient, t, radius=radius) for k, t in enumerate(TRAITS)]
    found = records(engines, text, at)
    for name in at:
        assert len({found[engine.name, name]["verdict"] for engine in engines}) == 1


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_order_of_wrt_changes_nothing_and_a_shorter_wrt_only_what_shares_a_switch(data):
    text, at = data.draw(st.sampled_from(PROGRAMS))
    gradient = data.draw(st.tuples(*[NUMBERS] * len(at)))
    engine = Planted("planted", dict(zip(at, gradient, strict=True)))
    asked = list(data.draw(st.permutations(list(at))))
    kept = asked[: data.draw(st.integers(1, len(asked)))]
    whole = records([engine], text, at)
    permuted = records([engine], text, at, wrt=asked)
    restricted = records([engine], text, at, wrt=kept)
    for name in at:
        for column in ("verdict", "detail"):
            assert permuted["planted", name][column] == whole["planted", name][column]
    for name in kept:
        before, after = whole["planted", name], restricted["planted", name]
        if before["verdict"] != after["verdict"]:
            assert "held fixed" in after["detail"] or after["verdict"] == "agrees"
            assert "held fixed" not in (before["detail"] or "")


def test_a_partial_alone_is_judged_by_the_slopes_along_its_axis_and_detail_says_so():
    at, gradient = {"x": [0], "y": [0]}, (1.0, 1.0)
    engine = Planted("planted", dict(zip(at, gradient, strict=True)))
    alone = records([engine], "max(0, x - abs(y))", at, wrt=["y"])["planted", "y"]
    assert alone["verdict"] == "wrong"
    assert "judged along y alone, with x held fixed" in alone["detail"]
    (record,) = records([engine], "max(0, x - abs(y))", at, wrt=["x"]).values()
    assert record["verdict"] == SUB
    assert record["detail"] == "right; judged along x alone, with y held fixed"
    own = records([Planted("planted", {"x": 0.5, "z": 0})], "relu(x) + z", {"x": [0], "z": [1]})
    assert own["planted", "x"]["detail"] == "mean"  # no switch is shared


def test_a_claim_for_some_variables_is_judged_with_the_others_held_fixed():
    at = {"a": [1], "b": [1], "c": [1]}
    for b, word in (("0.5", SUB), ("0.75", NOT)):
        claims = {"a": "0.5", "b": b}
        found = symdiff.compare("max(a, b, c)", at=at, engines=["autograd"], claims=claims)
        of_claim = [r for r in found.records() if r["engine"] == "claim"]
        assert [(r["variable"], r["verdict"]) for r in of_claim] == [("a", word), ("b", word)]
        assert all("with c held fixed" in record["detail"] for record in of_claim)


def test_a_component_without_a_number_does_not_hide_the_others():
    at = {"a": [1], "b": [1], "c": [1]}
    gradient = {"a": 0.75, "b": 0.75, "c": float("nan")}
    found = records([Planted("planted", gradient)], "max(a, b, c)", at)
    assert [found["planted", n]["verdict"] for n in "abc"] == [NOT, NOT, "nonfinite"]


class TestTolerance:
    AT = {"x": [0], "y": [0]}  # noqa: RUF012  (never written to)

    def verdict(self, errors=None, radius=0.0, **options):
        numbers = {"x": 0.5 + 1e-6, "y": -0.5}  # (s, -s), but for 1e-6
        engine = Planted("planted", numbers, errors=errors, radius=radius)
        found = records([engine], "abs(x - y)", self.AT, **options)
        return {(r["verdict"], r["detail"]) for r in found.values()}

    def test_a_gradient_outside_the_set_is_no_subgradient(self):
        assert {verdict for verdict, _ in self.verdict()} == {NOT}
        assert {verdict for verdict, _ in self.verdict(errors=4e-7)} == {NOT}

    def test_a_gradient_within_its_error_estimate_of_the_set_lies_in_it(self):
        assert {verdict for verdict, _ in self.verdict(errors=6e-7)} == {SUB}

    def test_a_gradient_within_rounding_of_the_set_lies_in_it(self):
        ((verdict, detail),) = {v for v in self.verdict(radius=6e-7) if "mean" not in v[1]}
        assert verdict == SUB
        assert "the gradient lies in the Clarke set, apart from rounding" in detail
        assert {verdict for verdict, _ in self.verdict(radius=np.inf)} == {SUB}

    def test_without_a_bound_on_rounding_it_is_undecided(self):
        assert self.verdict(radius=np.nan) == {
            ("undecided", "no bound on the rounding error is available")
        }

    def test_the_tolerance_of_the_request_counts(self):
        assert {verdict for verdict, _ in self.verdict(rtol=1e-5)} == {SUB}
        assert {verdict for verdict, _ in self.verdict(atol=1e-6)} == {SUB}


# An expression of a and b, a point with a second kink beside it, and the central differences there,
# whose stencil reaches across both kinks.
BESIDE = [
    ("min(max(a, b), 1 + 1e-12)", {"a": [1], "b": [1]}, (0.0, 0.0)),
    ("abs(a - b) + 3*abs(a - b - 1e-12)", {"a": [1], "b": [1]}, (0.0, 0.0)),
    ("max(a, b, 1 - 1e-12)", {"a": [1], "b": [1]}, (0.5, 0.5)),
]


@pytest.mark.parametrize(("text", "at", "numbers"), BESIDE)
def test_a_stencil_across_a_kink_beside_the_point_explains_a_gradient(text, at, numbers):
    found = list(symdiff.compare(text, at=at, kinks=False, engines=["central"]).records())
    assert [r["value"] for r in found] == pytest.approx(numbers, abs=1e-6)
    assert all(Verdict.of(r["verdict"]).passes for r in found)
    planted = verdicts(text, at, numbers, kinks=False)  # negative control: no stencil
    inside = text.startswith("max")
    assert set(planted.values()) == ({SUB} if inside else {NOT})


# Kinks between curved pieces: an expression, a point, and the means of the slopes along the axes.
# They lie in the Clarke set, the segment between the gradients of the pieces; the numbers of
# central differences are off by the step times the second derivatives.
CURVED = [
    ("where(x < y, x/y**3, 1/x**2)", {"x": [0.7], "y": [0.7]}, (-0.5 / 0.343, -1.5 / 0.343)),
    ("max(exp(5*x), exp(5*y))", ZERO, (2.5, 2.5)),
    ("max(x**2, y**3)", {"x": [1], "y": [1]}, (1.0, 1.5)),
    ("min(x**2, 1/y)", {"x": [1], "y": [1]}, (1.0, -0.5)),
    ("abs(x**2 - y)", {"x": [1], "y": [1]}, (0.0, 0.0)),
    ("abs(x - y)*exp(3*(x + y))", ZERO, (0.0, 0.0)),
]


@pytest.mark.parametrize(("text", "at", "means"), CURVED)
def test_truncation_at_a_kink_between_curved_pieces_is_explained(text, at, means):
    found = {r["variable"]: r for r in symdiff.compare(text, at=at, engines=["central"]).records()}
    numbers = [found[name]["value"] for name in at]
    assert numbers == pytest.approx(means, abs=1e-3)
    assert {r["verdict"] for r in found.values()} == {SUB}
    outside = verdicts(text, at, [m + (k + 1) * 1e-4 for k, m in enumerate(means)])
    assert NOT in outside.values()  # negative control: no stencil gives it


def test_truncation_does_not_explain_means_outside_the_set():
    at = {"a": [0], "b": [0], "c": [0]}
    found = symdiff.compare("max(exp(3*a), exp(3*b), exp(3*c))", at=at, engines=["central"])
    assert {r["verdict"] for r in found.records()} == {NOT}  # 1.5 each, in all more than 3


def test_groups_do_not_depend_on_the_order_of_the_inputs():
    for order in itertools.permutations("abc"):
        at = {name: [1] for name in order}
        found = records([Planted("planted", dict.fromkeys("abc", 0.5))], "max(a, b, c)", at)
        assert {r["verdict"] for r in found.values()} == {NOT}


@pytest.mark.parametrize(
    "text",
    ["z + abs(abs(x)*z)", "abs(abs(x)*z) + z", "3*z - abs(abs(x)*z)", "z**2 + abs(abs(x)*z)"],
)
def test_a_gradient_of_a_kink_and_a_smooth_function_of_another_variable_is_in_the_set(text):
    # By hand: d/dx is in [-1/4, 1/4], which contains torch's 0, and d/dz is the smooth function's.
    records = list(
        symdiff.compare(text, at={"x": [0], "z": [-0.25]}, engines=["autograd"]).records()
    )
    assert {r["variable"]: r["verdict"] for r in records} == {"x": "subgradient", "z": "agrees"}
