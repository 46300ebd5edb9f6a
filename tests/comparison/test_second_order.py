"""Second derivatives from the request to the report: engines, claims, tensors, refusals."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import symdiff
from symdiff.batch.packing import pack, unpack
from symdiff.cli.app import app
from symdiff.engines.base import Samples, Traits
from symdiff.engines.symbolic import ENGINE as SYMBOLIC
from symdiff.errors import InputError
from symdiff.report.records import records
from tests.fakes import FAULTY, Fake, Faulty

TWICE = ["symbolic", "symengine", "autograd", "forward", "double-backward", "central"]
TWICE += ["jax", "jax-forward", "hips", "casadi", "func", "gradcheck"]
RIGHT = {"agrees", "inexact", "unsupported"}


def words(comparison, engine, variable=None):
    return {
        r["verdict"]
        for r in comparison.records()
        if r["engine"] == engine and variable in {None, r["variable"]}
    }


SMOOTH = [
    "x**2*y",
    "exp(x*y)*sin(x)",
    "x/y + y/x",
    "log(x)*sqrt(y)",
    "x**y",
    "tanh(x)*atan(y)",
    "sigmoid(x*y)",
    "logaddexp(x, y)",
    "hypot(x, y)",
    "erf(x)*y**3",
    "where(x > 3, x**3, x*y)",
    "maximum(x, 2*y)*y",
    "abs(x - 5)*y**2",
]


@pytest.mark.parametrize("text", SMOOTH)
def test_all_engines_are_right_where_the_function_is_smooth(text):
    at = {"x": [0.5, 1.25], "y": [0.75, 2.0]}
    comparison = symdiff.compare(text, at=at, engines=TWICE, order=2)
    for engine in TWICE:
        assert words(comparison, engine) <= RIGHT, engine
        assert engine in {"hips", "casadi"} or words(comparison, engine) & {"agrees", "inexact"}
    variables = [r["variable"] for r in comparison.records() if r["engine"] == "autograd"]
    assert list(dict.fromkeys(variables)) == ["x,x", "x,y", "y,x", "y,y"]


@pytest.mark.parametrize("engine", FAULTY, ids=lambda engine: engine.name)
def test_every_planted_fault_is_noticed(register, engine):
    register(engine)
    grid = {"x": "0.5:2:9", "y": [1.5]}
    comparison = symdiff.compare("exp(x)*y**3", grid, engines=[engine.name], order=2)
    findings = comparison.evidence[0].findings()
    assert findings[engine.name]


def test_proofs_and_error_bounds_give_the_same_verdicts():
    for text in (
        "x*abs(x)",
        "relu(x)**2",
        "log(x)*x",
        "sqrt(x)",
        "where(x > 0.5, x**2, x)",
        "sinc(x)",
    ):
        both = [
            [
                (r["point"]["x"], r["kind"], r["engine"], r["verdict"])
                for r in symdiff.compare(text, {"x": "-1:1:9"}, order=2, prove=prove).records()
            ]
            for prove in ("filter", "all")
        ]
        assert both[0] == both[1]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sqrt(0*x) + x", "smooth"),  # the formula for f' divides 0 by 0
        ("abs(0*x) + x", "smooth"),
        ("hypot(0*x, 0) + x", "smooth"),
        ("max(x, x)", "smooth"),
        ("log(x - 2)", "outside"),
        ("abs(x - 1)", "outside"),
    ],
)
def test_an_undefined_formula_does_not_make_the_derivative_undefined(text, kind):
    comparison = symdiff.compare(text, at={"x": [1.0]}, engines=["autograd"], order=2)
    (record,) = comparison.records()
    assert record["kind"] == kind


def test_an_engine_that_is_wrong_in_one_second_derivative_is_found_there_alone(register):
    class WrongInOne(Fake):
        name = "wrong in one"
        traits = Traits(orders=(1, 2))

        def differentiate(self, problem):
            right = dict(SYMBOLIC.differentiate(problem).derivatives)
            if problem.order > 1 and problem.second.inner == "x" and "y" in right:
                right["y"] = right["y"] + 1
            return Samples(right)

    register(WrongInOne())
    at = {"x": [0.5, 2.0], "y": [1.5]}
    twice = symdiff.compare("exp(x)*y**2", at=at, engines=["wrong in one"], order=2)
    assert words(twice, "wrong in one", "x,y") == {"wrong"}
    for variable in ("x,x", "y,x", "y,y"):
        assert words(twice, "wrong in one", variable) <= {"agrees", "inexact"}
    once = symdiff.compare("exp(x)*y**2", at=at, engines=["wrong in one"])
    assert words(once, "wrong in one") <= {"agrees", "inexact"}


def test_an_engine_without_second_derivatives_is_unsupported_with_the_reason(register):
    class Once(Faulty):
        traits = Traits()

    register(Once("once", lambda d: d))
    (record,) = symdiff.compare("x**2", at={"x": [1]}, engines=["once"], order=2).records()
    assert record["verdict"] == "unsupported"
    assert record["detail"] == "once has no second derivatives"


def test_claims_are_judged_one_by_one():
    claims = {"x,x": "2*y", "x,y": "-2*x", "y,x": "2*x", "y,y": "0"}
    comparison = symdiff.compare(
        "x**2*y", at={"x": [1, 2], "y": [3]}, engines=["autograd"], claims=claims, order=2
    )
    assert words(comparison, "claim", "x,y") == {"wrong"}
    for variable in ("x,x", "y,x", "y,y"):
        assert words(comparison, "claim", variable) == {"agrees"}
    detail = {r["detail"] for r in comparison.records() if r["verdict"] == "wrong"}
    assert any("sign" in text for text in detail)


def test_a_claim_of_one_variable_needs_one_name():
    comparison = symdiff.compare(
        "x**3", at={"x": [1, 2]}, engines=["autograd"], claims={"x": "6*x"}, order=2
    )
    assert words(comparison, "claim") == {"agrees"}


def test_claims_on_components():
    comparison = symdiff.compare(
        "(w*w*w).sum()",
        values={"w": [1.0, 2.0]},
        engines=["autograd"],
        claims={"w[0],w[0]": "6*w[0]", "w[0],w[1]": "1"},
        order=2,
    )
    assert words(comparison, "claim", "w[0],w[0]") == {"agrees"}
    assert words(comparison, "claim", "w[0],w[1]") == {"wrong"}


REFUSED = [
    ({"claims": {"x,y": "1"}}, "a claim for 'x,y' is a second derivative, and order is 1"),
    ({"claims": {"x": "1"}, "order": 2}, "a claim for 'x': a second derivative has two variables"),
    ({"claims": ["grad_x = y"], "order": 2}, "a backward pass has first derivatives"),
    ({"claims": {"x,y,x": "1"}, "order": 2}, "'x,y,x' does not name a derivative"),
    ({"claims": {"x,z": "1"}, "order": 2}, "the expression has no variable 'z'"),
    ({"order": 3}, "order cannot be 3"),
    ({"order": "2"}, "order cannot be '2'"),
    ({"order": True}, "order cannot be True"),
    ({"order": 2, "accumulate": 2}, "accumulate"),
]


@pytest.mark.parametrize(("keywords", "message"), REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(keywords, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")) as error:
        symdiff.compare("x*y", at={"x": [1], "y": [1]}, **keywords)
    assert "\n" not in str(error.value).split("\n    ")[0]


def test_too_many_second_derivatives_of_tensors_are_refused_with_a_hint():
    with pytest.raises(InputError, match="second derivatives: 900 derivatives"):
        symdiff.compare("(x*x).sum()", values={"x": [1.0] * 30}, order=2)


def test_records_and_values_name_both_variables():
    comparison = symdiff.compare("x*y**2", at={"x": [1.0], "y": [3.0]}, order=2)
    assert comparison.values("autograd", "x,y").tolist() == [6.0]
    assert comparison.values("autograd", "y,y").tolist() == [2.0]
    assert comparison.values("autograd").tolist() == [0.0]  # x,x
    rows = json.loads(comparison.to_json())["records"]
    assert {r["variable"] for r in rows} == {"x,x", "x,y", "y,x", "y,y"}
    (described,) = json.loads(comparison.to_json())["expressions"]
    assert described["order"] == 2
    once = symdiff.compare("x*y**2", at={"x": [1.0], "y": [3.0]})
    assert "order" not in json.loads(once.to_json())["expressions"][0]
    with pytest.raises(InputError, match="no derivative"):
        comparison.values("autograd", "x")


def test_evidence_can_be_packed():
    comparison = symdiff.compare("x*abs(x)*y", at={"x": [0, 1], "y": [1]}, order=2)
    (evidence,) = comparison.evidence
    again = unpack(pack(evidence))
    assert again.trials[0].problem.second == evidence.trials[0].problem.second
    assert list(records(again)) == list(comparison.records())


def test_a_long_grid():
    comparison = symdiff.compare(
        "sin(x)*abs(x)", {"x": "-1:2:300001"}, engines=["autograd", "symbolic"], order=2
    )
    counts = comparison.evidence[0].counts()
    assert sum(counts["autograd"].values()) >= 300001
    assert {str(v) for v in counts["autograd"]} <= {"agrees", "inexact", "subgradient"}


def test_hessian_vector_products():
    v = np.array([1.0, -2.0, 0.5])
    x = np.array([0.3, -0.4, 1.1])
    comparison = symdiff.compare(
        "exp(x[0]*x[1]) + x[2]**3", values={"x": x.tolist()}, tangent={"x": v.tolist()},
        engines=["symbolic", "autograd", "central"], order=2,
    )  # fmt: skip
    p, q = x[0], x[1]
    hessian = np.exp(p * q) * np.array([[q * q, 1 + p * q, 0], [1 + p * q, p * p, 0], [0, 0, 0]])
    hessian[2, 2] = 6 * x[2]
    rows = {r["variable"]: r["derivative"] for r in comparison.records()}
    assert [rows[f"tangent,x[{k}]"] for k in range(3)] == pytest.approx((hessian @ v).tolist())
    assert comparison.ok
    at_numbers = symdiff.compare(
        "x**3*y", at={"x": [2.0], "y": [3.0]}, tangent={"x": 1.0, "y": -1.0}, order=2
    )
    rows = {r["variable"]: r["derivative"] for r in at_numbers.records()}
    assert rows == {"tangent,x": 36.0 - 12.0, "tangent,y": 12.0}


def test_a_cotangent_contracts_before_the_second_derivative():
    comparison = symdiff.compare("x**3", values={"x": [1.0, 2.0]}, cotangent=[1.0, 10.0], order=2)
    rows = {r["variable"]: r["derivative"] for r in comparison.records()}
    assert rows == {"x[0],x[0]": 6.0, "x[0],x[1]": 0.0, "x[1],x[0]": 0.0, "x[1],x[1]": 120.0}
    assert comparison.ok


class Cube(torch.autograd.Function):
    """x**3 with a backward that torch cannot see through."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x.detach() ** 2


class OnceCube(torch.autograd.Function):
    """x**3 with a backward that cannot be differentiated."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


def squared(x):
    return OnceCube.apply(x) ** 2


@pytest.mark.parametrize(
    ("function", "math", "verdict"),
    [
        (Cube.apply, "x**3", "wrong"),
        (OnceCube.apply, "x**3", "wrong"),  # torch raises only if the incoming gradient varies
        (squared, "x**6", "failed"),
    ],
)
def test_a_double_backward_of_a_person_is_on_trial(function, math, verdict):
    at = {"x": [1.0, 2.0]}
    once = symdiff.compare(function, math=math, at=at, engines=["autograd"])
    assert words(once, "autograd") == {"agrees"}
    twice = symdiff.compare(function, math=math, at=at, engines=["autograd", "central"], order=2)
    assert words(twice, "autograd") == {verdict}
    assert words(twice, "central") <= {"agrees", "inexact"}


@pytest.mark.parametrize("engine", ["autograd", "central", "gradcheck"])
@pytest.mark.parametrize("function", [lambda x: x**2 + 1, lambda x: x**2 + (x > 1.5) * x.detach()])
def test_a_different_value_is_reported_before_a_second_derivative(engine, function):
    at = {"x": [1.0, 2.0]}
    found = symdiff.compare(function, math="x**2", at=at, engines=[engine], order=2).records()
    is_other = function(torch.tensor([1.0, 2.0])) != torch.tensor([1.0, 4.0])
    assert [r["verdict"] == "value" for r in found] == is_other.tolist()
    assert all("the formula's is" in r["detail"] for r in found if r["verdict"] == "value")


@pytest.mark.parametrize("engine", ["autograd", "central"])
@pytest.mark.parametrize("more", [{}, {"tangent": {"x": [1.0, 0.5]}}])
def test_a_different_value_of_tensors_is_reported_before_a_second_derivative(engine, more):
    values = {"x": torch.tensor([1.0, 2.0], dtype=torch.float64)}
    keywords = {"values": values, "math": "sum(x**2)", "engines": [engine], "order": 2, **more}
    for added, word in ((0, "agrees"), (1, "value")):
        found = symdiff.compare(lambda x, c=added: (x**2).sum() + c, **keywords)
        expected = {"unsupported"} if more and engine == "central" else {word}
        allowed = expected if added else {*expected, "inexact"}
        assert words(found, engine)
        assert words(found, engine) <= allowed


def test_values_of_a_program_are_compared_at_the_second_order():
    # CasADi's erfinv has eight digits.
    found = symdiff.compare("erfinv(x)", at={"x": [-0.6]}, engines=["casadi", "jax"], order=2)
    assert words(found, "casadi") == {"value"}
    assert words(found, "jax") <= {"agrees", "inexact"}


def test_gradcheck_checks_gradients_as_gradgradcheck_does():
    at = {"x": [1.0, 2.0]}
    keywords = {"math": "x**3", "at": at, "engines": ["gradcheck"], "order": 2}
    for function, word in ((lambda x: x**3, "passes"), (Cube.apply, "raises")):
        comparison = symdiff.compare(function, **keywords)
        assert words(comparison, "gradcheck") <= {"agrees", "inexact"}  # it is a difference
        for record in comparison.records():
            assert f"gradcheck {word}" in record["detail"]
    at_a_kink = symdiff.compare("x*abs(x)", at={"x": [0.0]}, engines=["gradcheck"], order=2)
    (record,) = at_a_kink.records()
    assert (record["kind"], record["verdict"]) == ("kink", "subgradient")
    assert "gradcheck passes" in record["detail"]


def test_a_spelling_that_is_a_different_function_is_reported():
    comparison = symdiff.compare(
        "x**2", at={"x": [1.0]}, spellings={"other": "x**2 + 1"}, engines=["autograd"], order=2
    )
    assert {r["verdict"] for r in comparison.records() if r["spelling"] == "other"} == {"value"}


def test_the_mixed_partials_of_peano_differ():
    text = "where(x**2 + y**2 == 0, 0, x*y*(x**2 - y**2)/(x**2 + y**2))"
    comparison = symdiff.compare(text, at={"x": [0], "y": [0]}, engines=["central"], order=2)
    rows = {r["variable"]: r["derivative"] for r in comparison.records()}
    assert rows == {"x,x": 0.0, "x,y": -1.0, "y,x": 1.0, "y,y": 0.0}


def test_the_command_line_and_files(tmp_path):
    done = CliRunner().invoke(
        app, ["eval", "x*abs(x)", "--at", "x=0", "--order", "2", "--engine", "autograd"]
    )
    assert done.exit_code == 0
    assert "[-2, 2]" in done.output
    path = tmp_path / "f.toml"
    path.write_text('[[expression]]\nexpr = "x**3"\norder = 2\ngrid = { x = [1, 2] }\n')
    report = symdiff.compare_file(path)
    assert {r["derivative"] for r in report.records()} == {6.0, 12.0}
    path.write_text('[[expression]]\nexpr = "x**3"\norder = 3\n')
    done = CliRunner().invoke(app, ["run", str(path)])
    assert done.exit_code == 2
    assert "order cannot be 3" in done.output
