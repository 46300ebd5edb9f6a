"""The engine symengine: its derivatives, its allowances, and what it does not support."""

import numpy as np
import pytest

import symdiff
from symdiff.arithmetics.symengine import symengine_derivatives
from symdiff.engines import symengine as engine
from symdiff.errors import Unsupported, UsageError
from symdiff.program import parse

SMOOTH = [
    "exp(-x**2)*sin(3*x) + log(1 + x**2)",
    "tanh(x)/(2 + cos(x)) - atan(x)**3",
    "sqrt(1 + x**2)*erf(x)",
    "(1 + x**2)**(1/3) + pi*x if x > 1 else x**2 + 2**(1/3) + pi - 1",
    "softplus(x) + silu(x) - gelu(x)",
    "where(x > 1, x**2, 2*x - 1)",
    "(x > 0)*x**2 + 0.3*x",
    "cbrt(1 + x**2)",
    "logsigmoid(x)*hardtanh(x/10)",
]


def verdicts(text, grid="-2:2:41", **given):
    comparison = symdiff.compare(text, {"x": grid}, engines=["symengine"], **given)
    return {str(v): n for v, n in comparison.evidence[0].counts()["symengine"].items()}


@pytest.mark.parametrize("text", SMOOTH)
def test_it_is_right_away_from_kinks(text):
    assert set(verdicts(text)) <= {"agrees", "inexact", "subgradient", "undefined"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("relu(x)", 1.0), ("abs(x)", 1.0), ("min(x, 2*x)", 1.0), ("max(x, -x, 3*x)", 1.0)],
)
def test_at_a_kink_it_gives_one_of_the_one_sided_derivatives(text, value):
    comparison = symdiff.compare(text, at={"x": "0"}, engines=["symengine"])
    assert comparison.values("symengine").tolist() == [value]
    assert comparison.ok


def test_rounding_in_its_formula_is_inaccurate_and_not_wrong():
    """The formula whose rounding is bounded is the formula that is evaluated.

    The derivative is 0; the term that should be 0 is a rounding error, about -1e-38.
    """
    text = "abs(3*x)*log(1 + (((x - 1) - (x - 1))*tanh(x - 1))**2)"
    found = verdicts(text, "-0.00001,-0.000006,0.000003,0.7")
    assert "wrong" not in found and found["inaccurate"] >= 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("floor(x)", "floor: symengine has no such function, or no derivative of it"),
        ("lgamma(x)", "lgamma: symengine has no such function, or no derivative of it"),
    ],
)
def test_a_function_that_it_does_not_have_is_unsupported(text, reason):
    comparison = symdiff.compare(text, at={"x": "0.5"}, engines=["symengine"])
    assert comparison.evidence[0].trials[0].samples["symengine"].unsupported["x"].reason == reason


def test_enormous_integers_are_not_computed():
    import symengine as se

    from symdiff.arithmetics.symengine import _power

    assert _power(se.Integer(3), se.Integer(5)) == 243
    with pytest.raises(Unsupported, match="power: the result is an integer of thousands of digits"):
        _power(se.Integer(3), se.Integer(10**9))


def test_several_variables_and_constants():
    comparison = symdiff.compare("x**2*y + 3", {"x": [2], "y": [5]}, engines=["symengine"])
    assert comparison.values("symengine", "x").tolist() == [20.0]
    assert comparison.values("symengine", "y").tolist() == [4.0]
    assert symdiff.compare("3", engines=["symengine"]).ok
    assert verdicts("0*x + 3") == {"agrees": 41}


def test_sympy_and_symengine_that_disagree_are_a_finding(monkeypatch):
    monkeypatch.setattr(
        engine, "_derivatives", lambda _, *names: symengine_derivatives(parse("x**3"), *names)
    )
    engine._compiled.cache_clear()
    try:
        comparison = symdiff.compare("x**2 + 1", {"x": "1:2:5"}, engines=["symbolic", "symengine"])
    finally:
        engine._compiled.cache_clear()
    assert not comparison.ok
    assert {str(v) for v in comparison.evidence[0].findings()["symengine"]} == {"wrong"}


def test_a_derivative_left_unevaluated_is_unsupported(monkeypatch):
    import symengine as se

    from symdiff.arithmetics import symengine as arithmetic

    columns = {**arithmetic._COLUMNS, "abs": se.Abs}
    monkeypatch.setattr(arithmetic, "_COLUMNS", columns)
    partials = symengine_derivatives(parse("abs(x)*x + y"), ["x", "y"])
    assert str(partials["x"]) == "symengine: it leaves a derivative unevaluated"
    assert partials["y"] == 1


def test_without_symengine_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "symdiff.engines.symengine")
    monkeypatch.delitem(sys.modules, "symdiff.arithmetics.symengine")
    monkeypatch.setitem(sys.modules, "symengine", None)
    with pytest.raises(UsageError, match=r"symdiff-compare\[symengine\]"):
        symdiff.compare("x", engines=["symengine"])


def test_long_arrays_are_evaluated_too():
    x = np.linspace(-1, 1, 1001)
    comparison = symdiff.compare("sin(x)", {"x": x}, engines=["symengine"])
    np.testing.assert_allclose(comparison.values("symengine"), np.cos(comparison.grid.points[:, 0]))
