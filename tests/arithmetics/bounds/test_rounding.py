"""Bounds of the rounding error of derivatives, and balls of sympy's expressions."""

import math

import flint
import numpy as np
import pytest
import sympy as sp

from symdiff.arithmetics.balls import enclose
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.jets import TieError
from symdiff.arithmetics.bounds.own_ways import AnyWay, AnyWayOfTrace
from symdiff.arithmetics.bounds.rounding import may_miss_zero_of_root, slope_radius, value_radius
from symdiff.arithmetics.bounds.symbolic_balls import enclose_expression, formula_radius
from symdiff.arithmetics.bounds.ties import ReorderedSums
from symdiff.engines.autograd import ENGINE as AUTOGRAD
from symdiff.engines.base import Problem
from symdiff.errors import Unsupported
from symdiff.program import parse
from symdiff.program.values import DTYPES


def radius(text, x):
    return slope_radius(parse(text), "x", {"x": flint.arb(x)})


# A root that is exactly zero, the values of its inputs, and whether rounding may change that.
ROOTS = [
    ("hypot(x, y)", (0, 0), False),
    ("sqrt((x - y)**2)", (0.1, 0.1), False),  # exact: Sterbenz 1974
    ("sqrt((x - y/3)**2)", (0.1, 0.3), True),
    ("hypot(x + y - 0.5, 0)", (0.25, 0.25), False),
    ("((0.1*x - 0.1*y)**2)**0.5", (3, 3), True),  # two rounded products
    ("sqrt(x + y)", (1, 2), False),  # not near zero
    ("abs(0.1*x - 0.3*y)", (3, 1), False),  # no root
]


@pytest.mark.parametrize(("text", "values", "expected"), ROOTS)
def test_whether_an_engine_may_miss_the_zero_of_a_root(text, values, expected):
    inputs = {name: flint.arb(v) for name, v in zip("xy", values, strict=True)}
    assert may_miss_zero_of_root(parse(text), inputs) is expected


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


@pytest.mark.parametrize("text", ["sinc(x)**1.5", "sqrt(sinc(x)**4)", "hypot(sinc(x), 0)**2"])
def test_where_a_rounded_argument_may_be_at_a_singularity_there_is_no_bound(text):
    assert math.isnan(radius(text, 30))  # sinc(30) is 0, and another number in doubles
    assert radius(text, 30.25) < 1e-12


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


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("x**1.5 + 0.1*x", 2.0**-12),  # the derivative of the power is 0, and 0.1 is rounded
        ("(x - x)**0.5 + 0.1*x", 2.0**-12),  # that of a constant 0
        ("sqrt(0*x)*0 + x**0.5", 0),  # an infinite slope, which rounding does not explain
    ],
)
def test_at_the_end_of_the_domain_of_a_power_the_other_terms_are_rounded(text, least):
    program, at = parse(text), {"x": flint.arb(0)}
    bound = slope_radius(program, "x", at, DTYPES["bfloat16"])
    assert least <= bound <= 64 * least
    with pytest.raises(TieError):  # which is no proof of a derivative
        jets.evaluate(
            parse("x**1.5"), {"x": jets.Jet(flint.arb(0), (flint.arb(1),))}, jets.Strict()
        )


def test_the_rounding_error_of_a_value_is_bounded():
    assert value_radius(parse("1 - tanh(x)**2"), {"x": flint.arb(20)}) >= 1.7e-17
    assert value_radius(parse("2*x"), {"x": flint.arb(0.5)}) == 0


X, Y, Z, T = sp.symbols("x y z t", real=True)
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
    # what sympy keeps where it cannot prove that a number is real
    (sp.re(X ** sp.Float(2.0)), -1.5, 2.25),
    (sp.im(X ** sp.Float(2.0)) + X, -1.5, -1.5),
    (sp.conjugate(X ** sp.Float(2.0)), 3, 9),
    (sp.arg(X ** sp.Float(3.0)), -2, math.pi),
    (sp.arg(X ** sp.Float(3.0)), 2, 0),
    (sp.sign(X ** sp.Float(3.0) - 9), 2, -1),
    (sp.Subs(sp.sin(T) * X, T, X**2), 2, 2 * math.sin(4)),
    (sp.Piecewise((sp.zoo, sp.Eq(X, 0)), (1 / X, True)), 4, 0.25),
]


@pytest.mark.parametrize(("expression", "x", "value"), SYMPY, ids=lambda v: str(v)[:40])
def test_sympy_expressions_have_balls(expression, x, value):
    assert float(enclose_expression(expression, {"x": flint.arb(x)}).mid()) == pytest.approx(value)


TINY = 2.0**-54  # half an ulp of the doubles below 1
# A formula in x, y, z; a point; whether its rounding error in doubles may be as large as the bound
# that follows, which is the error of one order of evaluation, by hand.
ROUNDED = [
    (X + Y - 2 * Z, (0.5 - TINY, 0.5, 0.5), TINY),  # x + y is rounded to 1
    (X + Y - Z - Z**2 * 2, (0.5 - TINY, 0.5, 0.5), TINY),
    (X + Y + Z, (1.0, 1e-20, -1.0), 1e-20),
    (X * Y * Z, (3.0, 1 / 3, 3.0), 0.0),  # no order gives 3 exactly, so a bound need not be 0
    (1 - sp.tanh(X) ** 2, (20.0, 0, 0), 1.7e-17),
    (sp.exp(X) * sp.exp(Y), (-400.0, -340.0, 0), 0.0),
    (X * Y / (Z + 1), (1e-170, 1e-170, 0.0), 5e-324),  # x*y is below the doubles
    (1 / (X + Y - Z), (2.0**-60, 1.0, 1.0), math.inf),  # 1/0 in doubles
]


@pytest.mark.parametrize(("expression", "point", "error"), ROUNDED, ids=lambda v: str(v)[:40])
def test_a_formula_has_a_bound_for_every_order_of_evaluation(expression, point, error):
    balls = {name: flint.arb(x) for name, x in zip("xyz", point, strict=True)}
    assert formula_radius(expression, balls) >= error


# Formulas whose every order of evaluation is exact in doubles: integers times a unit.
@pytest.mark.parametrize(
    ("expression", "point"),
    [
        (X + Y - 2 * Z, (0.5, 0.5, 0.5)),
        (X + Y + Z, (2.0**51, 1.0, -(2.0**51))),
        (X + Y - Z, (1e300, 0.0, 1e300)),
        (sp.sign(X + Y - Z), (0.25, 0.5, 0.75)),
        (X * Y * Z, (3.0, 5.0, 7.0)),
        (sp.re(X**2) - Y - Z, (3.0, 4.0, 5.0)),
    ],
    ids=str,
)
def test_a_formula_that_is_exact_has_no_error(expression, point):
    balls = {name: flint.arb(x) for name, x in zip("xyz", point, strict=True)}
    assert formula_radius(expression, balls) == 0


@pytest.mark.parametrize(
    ("expression", "x"), [(X / X, 0), (sp.sqrt(X), -1), (sp.sign(X - 1) / (X - 1), 1)], ids=str
)
def test_where_a_formula_is_undefined_it_has_no_bound(expression, x):
    unevaluated = expression if expression.has(X) else sp.Mul(X, 1 / X, evaluate=False)
    assert math.isnan(formula_radius(unevaluated, {"x": flint.arb(x)}))


def test_a_function_without_an_enclosure_is_named():
    with pytest.raises(Unsupported, match="zeta"):
        enclose_expression(sp.zeta(X), {"x": flint.arb(3)})


@pytest.mark.parametrize(
    ("text", "is_exact"),
    [
        ("abs(x - y)", True),
        ("relu(x + y - 0.2)", False),  # a sum in a sum
        ("where(x - y > 0, x, y)", True),
        ("max(x - y, 0)*2 + min(y - x, 0)", True),
        ("where(x - y > 0, 2*x, x) + (x - y)**2", False),  # a power may be expanded
        ("abs(x - y - 0*x)", False),
    ],
)
def test_a_difference_that_a_switch_compares_is_not_reordered(text, is_exact):
    program = parse(text)
    inputs = {"x": flint.arb(0.1), "y": flint.arb(0.1)}
    radii = {
        mode: max(slope_radius(program, n, inputs, mode=mode) for n in program.inputs)
        for mode in (ReorderedSums, AnyWayOfTrace, AnyWay)
    }
    assert (radii[ReorderedSums] < 1e-9) == is_exact
    assert (radii[AnyWayOfTrace] < 1e-9) == is_exact
    assert radii[AnyWay] >= 1
