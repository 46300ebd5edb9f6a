"""The call to blame for a verdict."""

import numpy as np
import pytest

from symdiff.engines.base import Problem
from symdiff.program import parse
from symdiff.verdict.blame import first_call, nearest_switches


def problem(text, **point):
    columns = {name: np.array([float(x)]) for name, x in point.items()}
    return Problem(parse(text), columns, tuple(columns))


ONLY_POINT = np.array([0])


def switch_place(at, variable):
    """Return the place of the switch to blame at the only point, or None."""
    (node,) = nearest_switches(at, ONLY_POINT, variable).tolist()
    return None if node < 0 else at.program.place(node)


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
    for i in every:
        single = Problem(at.program, {"x": x[i : i + 1]}, ("x",))
        assert nearest_switches(at, every, "x")[i] == nearest_switches(single, ONLY_POINT, "x")[0]
