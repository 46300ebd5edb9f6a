"""The sub-expression that is to blame, and what happens there."""

import numpy as np
import pytest

from symdiff.engines.base import Problem
from symdiff.program import parse
from symdiff.verdict.blame import blame_function, blame_nonfinite, blame_switch


def problem(text, **point):
    columns = {name: np.array([float(x)]) for name, x in point.items()}
    return Problem(parse(text), columns, tuple(columns))


# An expression, a point, who is to blame for a NaN or an infinity, and why.
NONFINITE = [
    ("log(1 + exp(x))", 800, "exp(x)", "it is inf"),
    ("where(x <= 10, exp(x), 1)", 1e10, "exp(x)", "it is inf, in a branch that is not taken"),
    ("where(x > 0, sqrt(x), 0)", -1, "sqrt(x)", "it is nan, in a branch that is not taken"),
    ("where(x > 0, log(x), 0)", 0, "log(x)", "it is -inf, in a branch that is not taken"),
    ("x*sqrt(x)", 0, "sqrt(x)", "its own slope is infinite"),
    ("sqrt(x**2)", 0, "sqrt(x**2)", "its own slope is infinite"),
    ("sqrt(x)**2", 0, "sqrt(x)", "its own slope is infinite"),
    ("(x**2)**0.5", 0, "(x**2)**0.5", "its own slope is infinite"),
    ("1 + x/(x - 2)", 2, "x/(x - 2)", "it is inf"),
    ("hypot(x, y)", 0, "hypot(x, y)", "its own slope is infinite"),
]


@pytest.mark.parametrize(("text", "x", "place", "reason"), NONFINITE)
def test_where_a_nan_arises(text, x, place, reason):
    point = {"x": x, "y": 0} if "y" in text else {"x": x}
    found = blame_nonfinite(problem(text, **point), 0)
    column = text.index(place) + 1
    assert (found.place, found.reason) == (f"{place} (expr, column {column})", reason)


def test_nothing_is_to_blame_where_all_is_finite():
    assert blame_nonfinite(problem("x**2", x=1), 0) is None


# An expression, a point, whose switch vanishes there.
SWITCHES = [
    ("relu(x) + abs(x - 1)", 0, "relu(x)"),
    ("relu(x) + abs(x - 1)", 1, "abs(x - 1)"),
    ("relu(x) + abs(x - 1)", 1 + 3e-6, "abs(x - 1)"),  # within a step
    ("floor(x)*x", 3, "floor(x)"),
    ("where(x > 2, x, 2)", 2, "x > 2"),
    ("log(x) + x", 0, "log(x)"),
]


@pytest.mark.parametrize(("text", "x", "place"), SWITCHES)
def test_whose_switch_vanishes(text, x, place):
    found = blame_switch(problem(text, x=x), 0, "x")
    assert found.place == f"{place} (expr, column {text.index(place) + 1})"


def test_far_from_every_switch_none_is_to_blame():
    assert blame_switch(problem("relu(x)", x=5), 0, "x") is None
    assert blame_switch(problem("x**2", x=0), 0, "x") is None


def test_a_switch_of_another_variable_is_not_to_blame():
    program = parse("relu(x) + relu(y - 1)")
    at = Problem(program, {"x": np.array([0.0]), "y": np.array([1.0])}, ("x", "y"))
    assert blame_switch(at, 0, "x").place.startswith("relu(x)")
    assert blame_switch(at, 0, "y").place.startswith("relu(y - 1)")


def test_a_definition_is_named():
    program = parse("relu(h)", definitions={"h": "x - 1"})
    found = blame_switch(Problem(program, {"x": np.array([1.0])}, ("x",)), 0, "x")
    assert found.place == "relu(h) (expr, column 1)"


def test_an_unsupported_function_is_named():
    assert blame_function(parse("1 + cbrt(x)"), "cbrt").place == "cbrt(x) (expr, column 5)"
    assert blame_function(parse("x"), "cbrt") is None
