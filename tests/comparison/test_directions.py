"""Programs too large for components are judged along random directions."""

import dataclasses

import numpy as np
import pytest

import symdiff
from symdiff.engines import autograd, central
from symdiff.engines.base import Allowance, Samples, Traits
from symdiff.engines.directional import DirectionalSamples
from symdiff.errors import UsageError
from tests.fakes import Fixed

LARGE = {
    "x": {"shape": [16, 30], "seed": 0},
    "w1": {"shape": [30, 20], "seed": 1},
    "w2": {"shape": [20, 4], "seed": 2},
}
LOSS = {
    "expression": "((relu(x @ w1) @ w2 - 1)**2).mean()",
    "values": LARGE,
    "wrt": ["w1", "w2"],
}
BACKWARD = """
h = x @ w1
grad_y = 2*(relu(h) @ w2 - 1)/64
grad_w2 = relu(h).T @ grad_y
grad_h = grad_y @ w2.T
grad_h[h < 0] = 0
grad_w1 = x.T @ grad_h
"""


def verdicts(comparison, engine):
    return {r["verdict"] for r in comparison.records() if r["engine"] == engine}


def test_engines_that_can_differentiate_along_directions_agree():
    comparison = symdiff.compare(**LOSS, claims=BACKWARD)
    assert verdicts(comparison, "autograd") == verdicts(comparison, "claim") == {"agrees"}
    assert verdicts(comparison, "central") <= {"agrees", "inexact"}
    assert verdicts(comparison, "symbolic") == {"unsupported"}
    names = {r["variable"] for r in comparison.records()}
    assert names == {f"{w} along v{k}" for w in ("w1", "w2") for k in (1, 2, 3)}


def test_the_table_says_that_engines_are_judged_along_directions():
    table = " ".join(symdiff.compare(**LOSS).table().split())
    assert (
        "680 derivatives, more than 512: judged along 3 random directions for each input" in table
    )
    assert "it works component by component" in table


@pytest.mark.parametrize("engine", ["symbolic", "symengine"])
def test_an_engine_without_directions_is_unsupported_under_its_own_name(engine):
    comparison = symdiff.compare(
        "x.sum()", values={"x": [1, 2]}, max_components=0, engines=[engine]
    )
    reasons = {r["detail"] for r in comparison.records()}
    assert reasons == {"it works component by component, and the program is too large for that"}


class Along(Fixed):
    """An engine that differentiates x.sum() along directions."""

    def __init__(self, factor):
        super().__init__("along", {})
        self._factor = factor

    def along(self, problem, bounds):
        slopes = {n: np.array([self._factor * v["x"].sum()]) for n, v in problem.directions.items()}
        allowances = {n: Allowance(1e-15) for n in slopes}
        return DirectionalSamples(Samples(slopes), allowances, {})


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "agrees"), (1 + 1e-6, "wrong")])
def test_an_engine_with_a_method_along_is_run_and_judged(register, factor, verdict):
    keywords = {"values": {"x": [1.5, 2.0]}, "max_components": 0}
    comparison = symdiff.compare("x.sum()", **keywords, engines=[register(Along(factor))])
    assert verdicts(comparison, "along") == {verdict}


def test_an_engine_that_raises_along_a_direction_fails_with_its_message(register):
    engine = Along(1.0)
    engine.along = lambda problem, bounds: 1 / 0
    keywords = {"values": {"x": [1.5, 2.0]}, "max_components": 0}
    comparison = symdiff.compare("x.sum()", **keywords, engines=[register(engine), "central"])
    assert {r["detail"] for r in comparison.records() if r["engine"] == "along"} == {
        "ZeroDivisionError: division by zero"
    }
    assert verdicts(comparison, "along") == {"failed"}
    assert verdicts(comparison, "central") <= {"agrees", "inexact"}


def test_a_dtype_that_an_engine_does_not_declare_is_unsupported(register):
    engine = Along(1.0)
    engine.traits = Traits(whole_tensors=True)
    values = {"x": {"data": [1.5, 2.0], "dtype": "float32"}}
    name = register(engine)
    for limit in (0, 10):  # along directions, and component by component
        keywords = {"values": values, "max_components": limit}
        comparison = symdiff.compare("x.sum()", **keywords, engines=[name])
        assert {r["detail"] for r in comparison.records()} == {"float32: along has no such dtype"}


@pytest.fixture(scope="module")
def by_components():
    return symdiff.compare(**LOSS, max_components=1000, engines=["autograd"])


def test_max_components_is_the_limit(by_components):
    assert len(list(by_components.records())) == 680
    assert verdicts(by_components, "autograd") == {"agrees"}


def test_directions_agree_with_the_components_that_they_stand_for(by_components):
    along = symdiff.compare(**LOSS, engines=["autograd"])
    truth = {r["variable"]: r["derivative"] for r in by_components.records()}
    rng = np.random.default_rng(0)
    for record, shape, name in zip(
        along.records(), [(30, 20)] * 3 + [(20, 4)] * 3, ["w1"] * 3 + ["w2"] * 3, strict=True
    ):
        v = rng.standard_normal(shape)
        expected = sum(v[k] * truth[f"{name}[{k[0]},{k[1]}]"] for k in np.ndindex(*shape))
        assert record["derivative"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("size", [1.0, 1e-6])
def test_a_planted_fault_in_one_component_of_autograd_is_noticed(monkeypatch, size):
    real = autograd.accumulated

    def faulty(*arguments):
        done = real(*arguments)
        done.gradients["w1"][7, 3] += size * np.abs(done.gradients["w1"]).max()
        return done

    engine = dataclasses.replace(autograd.ENGINE, at_point=faulty)
    monkeypatch.setattr(autograd, "ENGINE", engine)
    assert "wrong" in verdicts(symdiff.compare(**LOSS), "autograd")


@pytest.mark.parametrize(
    ("line", "fault", "how"),
    [
        ("grad_w1 = x.T @ grad_h", "grad_w1 = -x.T @ grad_h", "the sign is flipped"),
        ("/64", "/128", "the factor 2 is missing"),
        ("grad_h[h < 0] = 0", "", "components agree"),
        ("grad_h[h < 0] = 0", "grad_h[h < 1] = 0", "components agree"),
    ],
)
def test_a_planted_fault_in_a_claim_is_noticed(line, fault, how):
    comparison = symdiff.compare(**LOSS, claims=BACKWARD.replace(line, fault))
    assert "wrong" in verdicts(comparison, "claim")
    assert verdicts(comparison, "autograd") == {"agrees"}
    assert any(how in note for note in comparison.evidence[0].tensors.notes)


def test_a_claim_of_the_wrong_shape_fails_and_says_why():
    comparison = symdiff.compare(**LOSS, claims={"w1": "x.T @ x", "w2": "w2*0"})
    records = {r["variable"]: r for r in comparison.records() if r["engine"] == "claim"}
    assert records["w1 along v1"]["verdict"] == "failed"
    assert records["w1 along v1"]["detail"].startswith("the claim has shape (30, 30)")
    assert records["w2 along v1"]["verdict"] == "wrong"


def test_the_truth_is_undecided_if_a_hidden_unit_is_0():
    values = {**LARGE, "x": np.zeros((16, 30)).tolist()}
    comparison = symdiff.compare(**{**LOSS, "values": values})
    assert {r["kind"] for r in comparison.records()} >= {"undecided"}
    w1 = [r for r in comparison.records() if r["variable"].startswith("w1")]
    assert {r["verdict"] for r in w1 if r["engine"] == "autograd"} == {"undecided"}


def test_finite_differences_across_a_kink_are_inexact_and_not_wrong(monkeypatch):
    # The kink is so near that the steps h and 2h give the same number, with an error of 1/2.
    values = {"x": [1e-9, 2.0, -3.0]}
    keywords = {"values": values, "max_components": 1, "engines": ["autograd", "central"]}
    comparison = symdiff.compare("relu(x).sum()", **keywords)
    assert verdicts(comparison, "autograd") == {"agrees"}
    assert verdicts(comparison, "central") == {"inexact"}
    # Negative control: if the kink were not noticed, the verdict would be wrong.
    monkeypatch.setattr(central, "straddles", lambda *_: False)
    assert "wrong" in verdicts(symdiff.compare("relu(x).sum()", **keywords), "central")


@pytest.mark.parametrize("text", ["hypot(x, 2).sum()", "cross_entropy(hypot(x, 2), t)"])
def test_a_function_without_error_bounds_is_undecided(text):
    values = {"x": {"shape": [30, 20], "seed": 0}, "t": [k % 20 for k in range(30)]}
    used = values if "t)" in text else {"x": values["x"]}
    comparison = symdiff.compare(text, values=used, engines=["autograd", "central"])
    assert verdicts(comparison, "autograd") == verdicts(comparison, "central") == {"undecided"}


def test_a_planted_fault_in_finite_differences_is_noticed(monkeypatch):
    real = central._quotient_along
    monkeypatch.setattr(central, "_quotient_along", lambda *arguments: real(*arguments) * 1.001)
    values = {"x": {"shape": [30, 20], "seed": 0}}
    assert "wrong" in verdicts(symdiff.compare("(x**2).sum()", values=values), "central")


def test_an_output_with_components_gets_a_random_cotangent():
    values = {"x": {"shape": [8, 10], "seed": 0}}
    comparison = symdiff.compare("softmax(x, dim=1)", values=values)
    assert verdicts(comparison, "autograd") == {"agrees"}
    notes = " ".join(comparison.evidence[0].tensors.notes)
    assert "with one random cotangent" in notes
    assert (
        comparison.evidence[0]
        .tensors.structure["x"]
        .endswith("8 blocks of 10 x 10 on the diagonal")
    )


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("1/cosh(x)**2", "agrees"),  # the diagonal of the Jacobian
        ("-1/cosh(x)**2", "wrong"),
    ],
)
def test_a_claim_of_a_diagonal_is_multiplied_by_the_cotangent(claim, verdict):
    values = {"x": {"shape": [40], "seed": 0}}
    comparison = symdiff.compare("tanh(x)", values=values, claims={"x": claim})
    assert verdicts(comparison, "claim") == {verdict}


def test_accumulate_and_the_cotangents_of_the_request_are_used():
    values = {"x": {"shape": [40, 20], "seed": 0}}
    for text, keywords in (
        ("(x**3).sum()", {"accumulate": 2}),
        ("x**3", {"cotangent": np.ones((40, 20)).tolist()}),
        ("x**3", {"cotangent": np.ones((2, 40, 20)).tolist(), "accumulate": 2}),
    ):
        assert verdicts(symdiff.compare(text, values=values, **keywords), "autograd") == {"agrees"}


def test_a_tangent_is_one_direction():
    values = {"x": {"shape": [40], "seed": 0}}
    comparison = symdiff.compare(
        "x.cumsum(dim=0)**2", values=values, tangent={"x": np.ones(40).tolist()}, max_components=10
    )
    assert {r["variable"] for r in comparison.records()} == {"tangent"}
    assert verdicts(comparison, "autograd") == {"agrees"}


def test_a_spelling_of_another_function_has_the_verdict_value():
    text = "((relu(x @ w1) @ w2 - 1)**2).mean() + 1e-6"
    comparison = symdiff.compare(**LOSS, spellings={"s": text})
    by_spelling = {}
    for r in comparison.records():
        if r["engine"] == "autograd":
            by_spelling.setdefault(r["spelling"], set()).add(r["verdict"])
    assert by_spelling == {None: {"agrees"}, "s": {"value"}}


def test_claims_for_components_are_refused():
    with pytest.raises(UsageError, match="too large for components"):
        symdiff.compare(**LOSS, claims={"w1[0,0]": "1"})


def test_a_grid_with_large_tensors_is_refused():
    with pytest.raises(UsageError, match="on a grid of s"):
        symdiff.compare("(s*x).sum()", values={"x": {"shape": [30, 30], "seed": 0}})


def test_large_float32_tensors_are_allowed_the_rounding_of_float32():
    values = {n: {**v, "dtype": "float32"} for n, v in LARGE.items()}
    comparison = symdiff.compare(**{**LOSS, "values": values})
    assert verdicts(comparison, "autograd") <= {"agrees", "inexact"}
