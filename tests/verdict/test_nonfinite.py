"""The node at which a NaN or an infinity arises, and what is not finite there."""

import dataclasses

import numpy as np
import pytest

import symdiff
from symdiff.engines.base import Problem
from symdiff.engines.registry import load
from symdiff.engines.torch_backward import backward_pass
from symdiff.program import parse
from symdiff.program.nodes import Input
from symdiff.verdict.backward_search import nodes_in_backward_pass
from symdiff.verdict.nonfinite import nonfinite_nodes

ONLY_POINT = np.array([0])


def problem(text, **point):
    columns = {name: np.array([float(x)]) for name, x in point.items()}
    return Problem(parse(text), columns, tuple(columns))


def described(arising, i=0):
    """Return the place and the reason at a point, or None."""
    node = int(arising.nodes[i])
    return None if node < 0 else (arising.program.place(node), arising.reason(i))


# An expression, a point, the text to blame for a NaN or an infinity, and the reason.
NONFINITE = [
    ("log(1 + exp(x))", 800, "exp(x)", "it is inf"),
    ("where(x <= 10, exp(x), 1)", 1e10, "exp(x)", "it is inf, in a branch that is not taken"),
    ("where(x > 0, sqrt(x), 0)", -1, "sqrt(x)", "it is nan, in a branch that is not taken"),
    ("where(x > 0, log(x), 0)", 0, "log(x)", "it is -inf, in a branch that is not taken"),
    ("1/(1 + exp(x))", 800, "exp(x)", "it is inf"),
    ("exp(-inf + x) + log(x)", 0, "log(x)", "it is -inf"),  # -inf is a number of the program
    ("x - inf + inf", 0, "x - inf + inf", "it is nan"),
    ("where(x > 0, exp(x), 0) + log(x)", -1, "log(x)", "it is nan"),  # not the harmless branch
    ("x*sqrt(x)", 0, "sqrt(x)", "its derivative is infinite"),
    ("sqrt(x**2)", 0, "sqrt(x**2)", "its derivative is infinite"),
    ("sqrt(x)**2", 0, "sqrt(x)", "its derivative is infinite"),
    ("(x**2)**0.5", 0, "(x**2)**0.5", "its derivative is infinite"),
    ("1 + x/(x - 2)", 2, "x/(x - 2)", "it is inf"),
    ("hypot(x, y)", 0, "hypot(x, y)", "its derivative is infinite"),
]


@pytest.mark.parametrize(("text", "x", "place", "reason"), NONFINITE)
def test_the_values_and_derivatives_tell_where_a_nan_or_an_infinity_arises(text, x, place, reason):
    point = {"x": x, "y": 0} if "y" in text else {"x": x}
    column = text.index(place) + 1
    expected = (f"{place} (expr, column {column})", reason)
    assert described(nonfinite_nodes(problem(text, **point), ONLY_POINT)) == expected


def test_no_call_is_blamed_where_all_values_and_derivatives_are_finite():
    assert described(nonfinite_nodes(problem("x**2", x=1), ONLY_POINT)) is None


# An expression, a point, the text to blame for what PyTorch gives for x, and the reason.
BACKWARD = [
    ("sqrt(x**2)", 0, "sqrt(x**2)", "its derivative is infinite"),
    ("x*sqrt(x)", 0, "sqrt(x)", "its derivative is infinite"),
    ("where(x > 0, sqrt(x), 0)", -1, "sqrt(x)", "it is nan, in a branch that is not taken"),
    ("1/(1 + exp(x))", 800, "exp(x)", "it is inf, and the gradient that reaches it is 0"),
    ("log(1 + exp(x))", 800, "exp(x)", "it is inf, and the gradient that reaches it is 0"),
    ("x/x", 0, "x/x", "it is nan"),
    ("exp(300*x)**2", 2, "exp(300*x)", "a product of finite derivatives overflows"),
    ("exp(400*x)*x", 2, "exp(400*x)", "it is inf"),
    ("sqrt(x)*y + log(y + 1)", 0, "sqrt(x)", "its derivative is infinite"),
    ("x*1e200*1e200", 1e-200, "x*1e200", "a product of finite derivatives overflows"),
    ("abs(x - y)**0.5 + log(x + 1)", 0, "abs(x - y)**0.5", "its derivative is infinite"),
    # The first call of sqrt is finite at 1: only the second one has an infinite derivative.
    ("sqrt(x + 1) + sqrt(x)", 0, "sqrt(x)", "its derivative is infinite"),
    # The other infinite derivative belongs to y alone.
    ("sqrt(y) + x*sqrt(x)", 0, "sqrt(x)", "its derivative is infinite"),
]


@pytest.mark.parametrize(("text", "x", "place", "reason"), BACKWARD)
def test_the_backward_pass_tells_where_a_nan_or_an_infinity_arises(text, x, place, reason):
    at = problem(text, **({"x": x, "y": 0} if "y" in text else {"x": x}))
    found = nodes_in_backward_pass(backward_pass(at), ONLY_POINT, "x")
    assert described(found) == (f"{place} (expr, column {text.rindex(place) + 1})", reason)


@pytest.mark.parametrize("text", ["x**2", "x*log(x) if x > 2 else x", "log(x)"])
def test_no_call_is_blamed_where_the_gradient_is_finite(text):
    at = problem(text, x=1)
    assert described(nodes_in_backward_pass(backward_pass(at), ONLY_POINT, "x")) is None


def test_many_points_at_a_time_give_the_nodes_of_single_points():
    x = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 800.0])
    at = Problem(parse("where(x > -1.5, log(x), 0) + abs(x - 1) + exp(x)"), {"x": x}, ("x",))
    every = np.arange(len(x))
    together = nonfinite_nodes(at, every)
    backward = nodes_in_backward_pass(backward_pass(at), every, "x")
    for i in every:
        single = at.part(np.array([i]))
        alone = nonfinite_nodes(single, ONLY_POINT)
        assert described(together, i) == described(alone)
        alone = nodes_in_backward_pass(backward_pass(single), ONLY_POINT, "x")
        assert described(backward, i) == described(alone)


PROGRAMS = [
    "x*exp(y) + relu(x - y)",
    "where(x > y, x*y, x/y)",
    "x*y if x > y else sin(x)",
    "max(x, y)*clamp(x, 0, 1)",
    "detach(x)*y + hypot(x, y)",
    "softplus(x) + xlogy(x, y)",
]


@pytest.mark.parametrize("text", PROGRAMS)
def test_the_adjoints_of_the_inputs_are_the_gradients_of_the_engine(text):
    rng = np.random.default_rng(0)
    columns = {name: rng.uniform(0.2, 2, 50) for name in ("x", "y")}
    at = Problem(parse(text), columns, ("x", "y"))
    done = backward_pass(at)
    samples = load("autograd").differentiate(at)
    for index, node in enumerate(done.program.nodes):
        if isinstance(node, Input):
            expected = samples.derivatives[node.name]
            np.testing.assert_allclose(done.adjoints[index], expected, rtol=1e-14)


def blamed(text, engine="autograd", **request):
    """Return details and blames of the nonfinite numbers of an engine, by output and variable."""
    records = symdiff.compare(text, engines=[engine], **request).records()
    return {
        (r["output"], r["variable"]): (r["detail"], r["blame"])
        for r in records
        if r["verdict"] == "nonfinite"
    }


def test_another_component_is_blamed_where_the_nan_comes_from_it():
    found = blamed("stack([x*y/y, x + y])[1]", at={"x": [1], "y": [0]})
    reason = "it is nan, and the gradient that reaches it is 0"
    expected = (reason, "x*y/y (expr, column 8): 0/0")
    assert found == {(None, "x"): expected, (None, "y"): expected}


def test_an_overflow_in_the_dtype_of_the_tensor_is_reported():
    x = np.array(90, dtype=np.float32)
    found = blamed("exp(x)/(1 + exp(x))", values={"x": x})
    assert found == {(None, "x"): ("it is inf in float32", "exp(x) (expr, column 1): exp(90)")}


def test_the_element_at_which_a_nan_arises_is_reported():
    found = blamed("log(softmax(x, dim=0))", values={"x": [1000.0, 0, -1000]})
    detail, place = found["[0]", "x[0]"]
    assert detail == "it is -inf, and the gradient that reaches it is 0"
    assert place == "log(softmax(x, dim=0)) (expr, column 1) at [1]: log(0)"
    assert not any("another component" in detail for detail, _ in found.values())


def test_a_pass_with_a_wrong_adjoint_blames_another_call():
    """A planted fault: with a different adjoint of the root, its call is no longer the cause."""
    at = problem("sqrt(x**2)", x=0)
    done = backward_pass(at)
    nan = {**done.adjoints, done.program.output: np.array([np.nan])}
    planted = dataclasses.replace(done, adjoints=nan)
    assert described(nodes_in_backward_pass(planted, ONLY_POINT, "x")) is None


def test_a_program_that_torch_cannot_differentiate_is_blamed_by_its_values():
    records = symdiff.compare("heaviside(x, 0.5)/x", at={"x": [0]}, engines=["autograd"]).records()
    (record,) = records
    assert record["verdict"] == "undefined"
    assert record["blame"].startswith("heaviside(x, 0.5)/x")


# A function whose difference at 0 is not finite, and the operation that makes it so at 0 + h or
# 0 - h, where h is 6e-6: 1/h**2 is 2.7e10, and exp of it is infinite.
AT_ENDS = [
    ("x**2 if x == 0 else exp(1/x**2)*exp(-1/x**2)*x**2", "exp(1/x**2)", "it is inf"),
    ("where(x == 0, x**2, exp(1/x**2)*exp(-1/x**2)*x**2)", "exp(1/x**2)", "it is inf"),
    ("x if x == 0 else exp(1/abs(x))*exp(-1/abs(x))*x", "exp(1/abs(x))", "it is inf"),
    ("x if x == 0 else x*cosh(1/x)/cosh(1/x)", "cosh(1/x)", "it is inf"),
    ("x if x == 0 else x*exp(1/x**2)/exp(1/x**2)", "exp(1/x**2)", "it is inf"),
]


@pytest.mark.parametrize(("text", "culprit", "reason"), AT_ENDS)
def test_a_difference_that_is_not_finite_is_blamed_on_what_happens_at_its_ends(
    text, culprit, reason
):
    (record,) = symdiff.compare(text, at={"x": 0}, engines=["central"]).records()
    assert record["verdict"] == "nonfinite"
    assert record["blame"].startswith(f"{culprit} (expr")
    assert reason in record["detail"].split("; ")
