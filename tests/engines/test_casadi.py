"""The engine casadi: its numbers at kinks, what CasADi does not have, and its inaccurate erfinv."""

import numpy as np
import pytest

import symdiff
from symdiff.arithmetics import casadi_expressions
from symdiff.engines import casadi as engine


def compare(text, x):
    return symdiff.compare(text, at={"x": x}, engines=["casadi"], kinks=False)


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        ("abs(x)", 0.0),
        ("maximum(x, 0)", 0.5),
        ("minimum(x, 2*x)", 1.5),
        ("fmax(x, -x)", 0.0),
        ("where(x > 0, x, 2*x)", 2.0),
        ("where(x >= 0, x, 2*x)", 1.0),
        ("sqrt(x**2)", 0.0),  # CasADi rewrites it as fabs(x)
        ("hypot(x, 0)", np.nan),
    ],
)
def test_what_it_gives_at_a_kink(text, slope):
    np.testing.assert_equal(compare(text, [0.0]).values("casadi").tolist(), [slope])


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("relu(x)", "relu"),
        ("x + cbrt(x)", "cbrt"),
        ("gamma(x + 2)", "gamma"),
        ("clamp(x, 0, 1)", "clamp"),
    ],
)
def test_a_function_that_it_does_not_have_is_unsupported_by_name(text, function):
    comparison = compare(text, [0.25])
    assert comparison.evidence[0].trials[0].samples["casadi"].unsupported["x"].function == function
    assert comparison.ok


@pytest.mark.parametrize(
    ("text", "slopes"),
    [("x**2*y + 3", [20.0, 4.0]), ("atan2(y, x)", [-5 / 29, 2 / 29]), ("y", [0.0, 1.0])],
)
def test_several_variables(text, slopes):
    comparison = symdiff.compare(f"{text} + 0*x", at={"x": [2.0], "y": [5.0]}, engines=["casadi"])
    given = [comparison.values("casadi", name).item() for name in "xy"]
    assert given == pytest.approx(slopes, rel=1e-15)
    assert comparison.ok


def test_constants_and_many_points():
    assert compare("0*x + 3", [0.5, 1.0]).values("casadi").tolist() == [0.0, 0.0]
    assert symdiff.compare("3", engines=["casadi"]).ok
    x = np.linspace(-1, 1, 1001)
    given = symdiff.compare("tanh(x)", {"x": x}, engines=["casadi"])
    np.testing.assert_allclose(given.values("casadi"), 1 - np.tanh(x) ** 2, rtol=1e-13)


def test_its_erfinv_has_eight_digits_and_that_is_a_finding():
    (record,) = compare("erfinv(x)", [-0.6]).records()
    assert str(record["verdict"]) == "value"
    assert record["detail"] == "its value is -0.595116073, and the formula's is -0.595116081"


def test_an_exception_while_the_graph_is_built_is_a_failure(monkeypatch):
    def raising(x):
        raise RuntimeError("no such operation")

    columns = {**casadi_expressions.COLUMNS, "sin": raising}
    monkeypatch.setattr(casadi_expressions, "COLUMNS", columns)
    engine._compiled.cache_clear()
    try:
        (record,) = compare("sin(x)", [0.5]).records()
    finally:
        engine._compiled.cache_clear()
    assert str(record["verdict"]) == "failed"
