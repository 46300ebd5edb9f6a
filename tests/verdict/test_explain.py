"""Explanations: details and sub-expressions to blame, computed once and stored."""

import json

import numpy as np
import pytest

import symdiff
from symdiff.truth import certify, clarke
from symdiff.verdict import backward_search, blame, explain, nonfinite

# An expression, a point, an engine, the start of its detail, and the start of what is blamed.
EXPLAINED = [
    ("relu(x)", 0, "autograd", "left, min-norm; torch's rule says so", "relu(x)"),
    ("relu(x)", 0, "central", "mean", "relu(x)"),
    ("relu(x) - relu(-x)", 0, "autograd", "spurious: inside the AD hull; apparent kink", "relu(x)"),
    ("relu(x) - relu(-x)", 0, "symbolic", "apparent kink", None),
    ("sqrt(x**2)", 0, "autograd", "its derivative is infinite: 0*inf", "sqrt(x**2)"),
    (
        "where(x > 0, sqrt(x), 0)",
        -1,
        "autograd",
        "it is nan, in a branch that is not taken",
        "sqrt(x)",
    ),
    ("log(x)", -1, "symbolic", "a logarithm of a negative number", "log(x)"),
    ("1/x", 0, "symbolic", "a division by zero", "1/x"),
]


@pytest.mark.parametrize(("text", "x", "engine", "detail", "blamed"), EXPLAINED)
def test_a_verdict_is_explained(text, x, engine, detail, blamed):
    comparison = symdiff.compare(text, at={"x": [x]})
    (record,) = [r for r in comparison.records() if r["engine"] == engine]
    assert (record["detail"] or "").startswith(detail)
    assert record["blame"] is None if blamed is None else record["blame"].startswith(blamed)


# An expression, claimed derivatives with respect to x at x = y = 0, and the starts of their details.
HULLS = [
    ("relu(x) - relu(-x) + abs(y)", "0", "spurious: inside the AD hull; along x only"),
    ("relu(x) - relu(-x) + abs(y)", "3", "outside the AD hull; along x only"),
    ("relu(x) - relu(-x)", "3", "outside the AD hull; apparent kink"),
    # No switch that is zero depends on x: there is nothing to choose, and no hull to speak of.
    ("x + abs(y)", "3", "along x only"),
    ("exp(x) + hypot(y, 2*y)", "3", "along x only"),
    ("x + abs(y)", "1", "along x only"),
]


@pytest.mark.parametrize(("text", "claim", "detail"), HULLS)
def test_the_hull_is_named_only_where_there_are_choices(text, claim, detail):
    at = {"x": [0], "y": [0]} if "y" in text else {"x": [0]}
    comparison = symdiff.compare(text, at=at, claims={"x": claim}, engines=["symbolic"])
    (record,) = [r for r in comparison.records() if r["engine"] == "claim"]
    assert record["detail"].startswith(detail)


def test_agreement_is_not_explained():
    trial = symdiff.compare("x**2", at={"x": [1, 2]}, engines=["symbolic"]).evidence[0].trials[0]
    assert len(trial.explanations["symbolic", "x"].points) == 0


def test_a_report_is_a_pure_function_of_stored_data(monkeypatch):
    comparison = symdiff.compare("sqrt(x**2) + relu(x) - relu(-x) + log(x)", {"x": "-1:1:5"})
    list(comparison.records())  # verdicts are explained when the explanations are first read

    def forbidden(*_, **__):
        raise AssertionError("a report must compute no mathematics")

    for module, names in (
        (certify, ("certify", "prove")),
        (clarke, ("clarke_bounds",)),
        (blame, ("nearest_switches",)),
        (nonfinite, ("nonfinite_nodes",)),
        (backward_search, ("nodes_in_backward_pass",)),
        (explain, ("explain", "clarke_bounds", "exact_point", "nodes_in_backward_pass")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, forbidden)
    first = (str(comparison), comparison.to_json(), comparison.summary())
    assert first == (str(comparison), comparison.to_json(), comparison.summary())
    assert len(json.loads(first[1])["records"]) > 10


def test_many_points_at_a_time_give_the_explanations_of_single_points():
    text, x = "where(x > 0, sqrt(x), 0) + abs(x - 0.5)*log(x + 1)", np.linspace(-2, 2, 41)
    together = {
        (r["point"]["x"], r["engine"]): (r["detail"], r["blame"])
        for r in symdiff.compare(text, at={"x": x}).records()
    }
    for point in x[::5].tolist():
        for r in symdiff.compare(text, at={"x": [point]}).records():
            assert together[point, r["engine"]] == (r["detail"], r["blame"])
