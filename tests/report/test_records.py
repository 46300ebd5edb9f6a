"""Records: their fields, and what each says about an engine's value."""

import json

import numpy as np
import pytest

import symdiff
from symdiff.report.records import FIELDS

REQUIRED = (
    "expression, spelling, output, variable, point, exact, kind, left, right, derivative, engine, value, verdict, "
    "detail, ulps, blame"
)


# An expression, a point, and the verdict, the detail and the blame in the record of autograd.
BLAMED = [
    (
        "where(x <= 10, exp(x), 1)",
        1e10,
        "nonfinite",
        "it is inf, in a branch that is not taken",
        "exp(x) (expr, column 16)",
    ),
    ("log(1 + exp(x))", 800, "nonfinite", "it is inf", "exp(x) (expr, column 9)"),
    (
        "x*sqrt(x)",
        0,
        "nonfinite",
        "its derivative is infinite: 0*inf; right side only",
        "sqrt(x) (expr, column 3)",
    ),
    (
        "relu(x) - relu(-x)",
        0,
        "wrong",
        "spurious: inside the AD hull; apparent kink",
        "relu(x) (expr, column 1)",
    ),
    ("floor(x) + x", 2, "silent", "jumps by -1 to the left", "floor(x) (expr, column 1)"),
    (
        "log(x - 1)",
        0,
        "silent",
        "a logarithm of a negative number",
        "log(x - 1) (expr, column 1)",
    ),
    ("sigmoid(x)", 40, "inaccurate", "no right digits", "sigmoid(x) (expr, column 1)"),
    ("max(x, 2*x, 3*x, 4*x)", 0, "subgradient", "other", None),
]


def test_records_have_the_fields_that_users_rely_on(relu):
    record = next(relu.records())
    assert set(REQUIRED.split(", ")) <= set(record)
    assert tuple(record) == FIELDS


def test_there_is_one_record_for_each_point_variable_and_engine(pole):
    rows = list(pole.records())
    assert len(rows) == len(pole.grid) * 2 * 3
    keys = {
        (json.dumps(r["point"]), r["exact"], r["variable"], r["engine"], r["role"]) for r in rows
    }
    assert len(keys) == len(rows)


def test_details_of_a_component_of_a_gradient_do_not_mention_torch_s_rule():
    (x, y) = symdiff.compare("max(x, y)", at={"x": [0], "y": [0]}, engines=["autograd"]).records()
    assert x["detail"] == y["detail"] == "mean; the gradient is the shortest in the Clarke set"


def test_only_proved_derivatives_have_ulps():
    rows = list(symdiff.compare("softplus(20*x)", grid={"x": "-3:3:301"}).records())
    assert {r["ulps"] is None for r in rows if not r["proved"]} == {True}
    assert any(r["ulps"] is not None for r in rows if r["proved"])


def test_a_number_of_ulps_that_overflows_is_none():
    comparison = symdiff.compare("x*abs(x)", at={"x": [5e-324]}, engines=["central"])
    assert [r["ulps"] for r in comparison.records()] == [None]
    assert json.loads(comparison.to_json())


def test_numbers_that_are_not_finite_are_texts():
    rows = symdiff.compare("1/x", at={"x": [0]}).records()
    assert {r["engine"]: r["value"] for r in rows}["autograd"] == "-inf"


def test_a_kink_has_one_sided_derivatives_and_each_engine_a_choice(relu):
    kink = {r["engine"]: r for r in relu.records() if r["role"] == "kink"}
    assert {(r["kind"], r["left"], r["right"], r["derivative"]) for r in kink.values()} == {
        ("kink", 0.0, 1.0, None)
    }
    assert {engine: (r["verdict"], r["detail"]) for engine, r in kink.items()} == {
        "symbolic": ("subgradient", "mean"),
        "autograd": ("subgradient", "left, min-norm; torch's rule says so"),
        "central": ("subgradient", "mean"),
    }
    assert {r["blame"] for r in kink.values()} == {"relu(x) (expr, column 1)"}


def test_a_smooth_point_has_a_derivative_and_ulps():
    comparison = symdiff.compare("exp(x)", at={"x": [1]}, claims={"x": "exp(x)*(1 + 1e-15)"})
    record_of = {r["engine"]: r for r in comparison.records()}
    assert record_of["claim"]["derivative"] == np.e
    assert 5 <= record_of["claim"]["ulps"] <= 8  # 1e-15 of e, in units of 2**-51
    assert record_of["autograd"]["blame"] is None


def test_every_verdict_but_agrees_has_a_sub_expression_to_blame(pole, relu):
    for record in [*pole.records(), *relu.records()]:
        assert (record["verdict"] == "agrees") == (record["blame"] is None)


@pytest.mark.parametrize(("text", "point", "verdict", "detail", "blame"), BLAMED)
def test_the_detail_and_the_blame_explain_the_verdict(text, point, verdict, detail, blame):
    comparison = symdiff.compare(text, at={"x": [point]}, engines=["autograd"])
    (record,) = comparison.records()
    assert record["verdict"] == verdict
    assert detail in record["detail"]
    assert blame is None or record["blame"] == blame


def test_the_detail_compares_torch_s_rule_with_the_value():
    # Locally convex: the rule asks for the shortest subgradient, 0; clamp has 1.
    (record,) = symdiff.compare("x.clamp(min=0)", at={"x": [0]}, engines=["autograd"]).records()
    assert record["detail"] == "right; torch's rule says 0"
    # Convex on neither side.
    (record,) = symdiff.compare("abs(x) - x**2", at={"x": [0]}, engines=["autograd"]).records()
    assert record["detail"] == "mean, min-norm; torch's rule does not apply"


def test_exact_coordinates_have_names_if_there_are_several_variables(pole):
    assert {r["exact"] for r in pole.records()} == {"x=1/3"}


def test_an_unsupported_function_is_to_blame(pole):
    (blame,) = {r["blame"] for r in pole.records() if r["verdict"] == "unsupported"}
    assert blame == "cbrt(y) (expr, column 15)"
