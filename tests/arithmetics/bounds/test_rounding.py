"""Bounds of the rounding error of derivatives, and balls of sympy's expressions."""

import math

import flint
import numpy as np
import pytest
import sympy as sp

from symdiff.arithmetics.balls import enclose
from symdiff.arithmetics.bounds.rounding import slope_radius, value_radius
from symdiff.arithmetics.bounds.symbolic_balls import enclose_expression
from symdiff.engines.autograd import ENGINE as AUTOGRAD
from symdiff.engines.base import Problem
from symdiff.errors import Unsupported
from symdiff.program import parse


def radius(text, x):
    return slope_radius(parse(text), "x", {"x": flint.arb(x)})


# An expression, a point, and the rounding error of torch's formula there.
LOST_DIGITS = [
    ("sigmoid(x)", 40, 4.248354255291589e-18),  # y*(1 - y) is 0
    ("tanh(x)", 20, 1.6993417021166355e-17),  # 1 - y**2 is 0
    ("expm1(x)", -40, 4.248354255291589e-18),  # y + 1 is 0
    ("sinc(x)", 1e-6, 2.2e-11),  # cos(πx)/x - sin(πx)/(πx²) cancels
    ("abs(3*x - 1)", 1 / 3, 3.0),  # the switch is rounded to 0
    ("where(x**2 > 0, 3*x, 0)", -1e-323, 3.0),  # the square is below the doubles
    ("(1 + x) - 1", 1e-17, 0.0),  # the slope is exact nevertheless
]


@pytest.mark.parametrize(("text", "x", "error"), LOST_DIGITS)
def test_the_bound_explains_the_digits_that_a_formula_loses(text, x, error):
    assert error <= radius(text, x) <= 1e6 * error + 1e-9


# At an exact tie nothing is rounded: the engine chooses a subgradient.
TIES = [
    "relu(x) - relu(-x)",
    "where(x == 0, 1, x**2)",
    "max(x, 2*x, 3*x)",
    "abs(x)*x",
    "sqrt(x**4)",
]


@pytest.mark.parametrize("text", TIES)
def test_an_exact_tie_is_not_explained_by_rounding(text):
    assert radius(text, 0) == 0


def test_next_to_an_infinite_slope_the_bound_is_infinite():
    # 1 - x**2 may be rounded to 0; with more bits the derivative is finite.
    assert radius("asin(1 - x)", 2.0**-60) == math.inf


@pytest.mark.parametrize("text", ["exp(x)*sin(x)", "log(1 + x**2)/x", "mish(x)", "x**3 - 3*x + 1"])
def test_the_error_of_torch_is_within_a_narrow_bound(text):
    x = np.linspace(0.1, 3, 40)
    program = parse(text)
    derivatives = AUTOGRAD.differentiate(Problem(program, {"x": x}, ("x",))).derivatives["x"]
    for point, value in zip(x, derivatives, strict=True):
        with flint.ctx.workprec(200):
            h = flint.arb(2) ** -60
            ends = [
                enclose(program, {"x": flint.arb(float(point)) + s * h}, bits=200) for s in (1, -1)
            ]
            exact = (ends[0] - ends[1]) / (2 * h)
        bound = radius(text, float(point))
        assert abs(value - float(exact)) <= bound
        assert bound <= 1e-12 * max(1, abs(value))


def test_values_have_bounds_too():
    assert value_radius(parse("1 - tanh(x)**2"), {"x": flint.arb(20)}) >= 1.7e-17
    assert value_radius(parse("2*x"), {"x": flint.arb(0.5)}) == 0


X = sp.Symbol("x", real=True)
# An expression of sympy, a point, the value there.
SYMPY = [
    (sp.Heaviside(X), 0, 0.5),
    (sp.Heaviside(X, 1), 0, 1),
    (sp.Heaviside(X), 2, 1),
    (sp.sign(X), -2, -1),
    (sp.Max(X, 2 * X, 3), 1, 3),
    (sp.Min(X, -X), 1, -1),
    (sp.Piecewise((1, X > 1), (X, X > 0), (7, True)), 0.5, 0.5),
    (sp.Piecewise((1, sp.And(X > 1, X < 3)), (7, True)), 2, 1),
    (sp.Piecewise((1, sp.Or(X > 1, sp.Eq(X, 0))), (7, True)), 0, 1),
    (sp.exp(X) / (1 + sp.exp(X)), 0, 0.5),
    (sp.Abs(X) ** sp.Rational(1, 2), -4, 2),
    (sp.loggamma(X) + sp.polygamma(0, X) * 0, 3, math.log(2)),
    (sp.Float(0.1) * 3 + sp.pi, 0, 0.1 * 3 + math.pi),
    (sp.DiracDelta(X) + 1, 1, 1),
]


@pytest.mark.parametrize(("expression", "x", "value"), SYMPY, ids=lambda v: str(v)[:40])
def test_sympy_expressions_have_balls(expression, x, value):
    assert float(enclose_expression(expression, {"x": flint.arb(x)}).mid()) == pytest.approx(value)


def test_a_function_without_an_enclosure_is_named():
    with pytest.raises(Unsupported, match="zeta"):
        enclose_expression(sp.zeta(X), {"x": flint.arb(3)})
