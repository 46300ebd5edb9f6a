"""The sub-expression to blame for a verdict, and what is not finite there."""

import numpy as np
import pytest

from symdiff.engines.base import Problem
from symdiff.program import parse
from symdiff.verdict.blame import REASONS, first_call, nearest_switches, nonfinite_nodes


def problem(text, **point):
    columns = {name: np.array([float(x)]) for name, x in point.items()}
    return Problem(parse(text), columns, tuple(columns))


ONLY_POINT = np.array([0])


def nonfinite_part(at):
    """Return the place and the reason at the only point, or None."""
    arising = nonfinite_nodes(at, ONLY_POINT)
    node = int(arising.nodes[0])
    return None if node < 0 else (at.program.place(node), REASONS[arising.reasons[0]])


def switch_place(at, variable):
    """Return the place of the switch to blame at the only point, or None."""
    (node,) = nearest_switches(at, ONLY_POINT, variable).tolist()
    return None if node < 0 else at.program.place(node)


# An expression, a point, the text to blame for a NaN or an infinity, and the reason.
NONFINITE = [
    ("log(1 + exp(x))", 800, "exp(x)", "it is inf"),
    ("where(x <= 10, exp(x), 1)", 1e10, "exp(x)", "it is inf, in a branch that is not taken"),
    ("where(x > 0, sqrt(x), 0)", -1, "sqrt(x)", "it is nan, in a branch that is not taken"),
    ("where(x > 0, log(x), 0)", 0, "log(x)", "it is -inf, in a branch that is not taken"),
    ("x*sqrt(x)", 0, "sqrt(x)", "its derivative is infinite"),
    ("sqrt(x**2)", 0, "sqrt(x**2)", "its derivative is infinite"),
    ("sqrt(x)**2", 0, "sqrt(x)", "its derivative is infinite"),
    ("(x**2)**0.5", 0, "(x**2)**0.5", "its derivative is infinite"),
    ("1 + x/(x - 2)", 2, "x/(x - 2)", "it is inf"),
    ("hypot(x, y)", 0, "hypot(x, y)", "its derivative is infinite"),
]


@pytest.mark.parametrize(("text", "x", "place", "reason"), NONFINITE)
def test_the_call_at_which_a_nan_or_an_infinity_arises_is_blamed(text, x, place, reason):
    point = {"x": x, "y": 0} if "y" in text else {"x": x}
    column = text.index(place) + 1
    expected = (f"{place} (expr, column {column})", reason)
    assert nonfinite_part(problem(text, **point)) == expected


def test_no_call_is_blamed_where_all_values_and_derivatives_are_finite():
    assert nonfinite_part(problem("x**2", x=1)) is None


# An expression, a point, the call whose switch is zero or near zero there.
SWITCHES = [
    ("relu(x) + abs(x - 1)", 0, "relu(x)"),
    ("relu(x) + abs(x - 1)", 1, "abs(x - 1)"),
    ("relu(x) + abs(x - 1)", 1 + 3e-6, "abs(x - 1)"),  # within a finite-difference step
    ("floor(x)*x", 3, "floor(x)"),
    ("where(x > 2, x, 2)", 2, "x > 2"),
    ("log(x) + x", 0, "log(x)"),
]


@pytest.mark.parametrize(("text", "x", "place"), SWITCHES)
def test_the_call_whose_switch_is_nearest_to_zero_is_blamed(text, x, place):
    assert (
        switch_place(problem(text, x=x), "x") == f"{place} (expr, column {text.index(place) + 1})"
    )


def test_no_switch_is_blamed_if_none_is_near_zero():
    assert switch_place(problem("relu(x)", x=5), "x") is None
    assert switch_place(problem("x**2", x=0), "x") is None


def test_a_switch_of_another_variable_is_not_blamed():
    program = parse("relu(x) + relu(y - 1)")
    at = Problem(program, {"x": np.array([0.0]), "y": np.array([1.0])}, ("x", "y"))
    assert switch_place(at, "x").startswith("relu(x)")
    assert switch_place(at, "y").startswith("relu(y - 1)")


def test_the_text_to_blame_may_use_the_name_of_a_definition():
    program = parse("relu(h)", definitions={"h": "x - 1"})
    assert (
        switch_place(Problem(program, {"x": np.array([1.0])}, ("x",)), "x")
        == "relu(h) (expr, column 1)"
    )


def test_first_call_returns_the_node_of_a_function_or_minus_1():
    program = parse("1 + cbrt(x)")
    assert program.place(first_call(program, "cbrt")) == "cbrt(x) (expr, column 5)"
    assert first_call(parse("x"), "cbrt") == -1


def test_many_points_at_a_time_give_the_nodes_of_single_points():
    x = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 800.0])
    at = Problem(parse("log(x) + abs(x - 1) + exp(x)"), {"x": x}, ("x",))
    every = np.arange(len(x))
    together = nonfinite_nodes(at, every)
    for i in every:
        single = Problem(at.program, {"x": x[i : i + 1]}, ("x",))
        alone = nonfinite_nodes(single, ONLY_POINT)
        assert (together.nodes[i], together.reasons[i]) == (alone.nodes[0], alone.reasons[0])
        assert nearest_switches(at, every, "x")[i] == nearest_switches(single, ONLY_POINT, "x")[0]
