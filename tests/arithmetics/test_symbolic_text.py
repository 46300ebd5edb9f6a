"""sympy expressions are written as text that means the same, or refused in one line."""

import pytest
import sympy as sp

import symdiff
from symdiff.arithmetics.symbolic import expression
from symdiff.arithmetics.symbolic_text import text_of
from symdiff.program import parse

x, y, z = sp.symbols("x y z", real=True)
THIRD = sp.Rational(1, 3)
ANY = sp.Symbol("x")

WRITTEN = [
    (x - y, "x - y"),
    (-x * y, "-x*y"),
    (x / (y * z), "x/(y*z)"),
    (1 / (x + y), "1/(x + y)"),
    (x**-2, "1/x**2"),
    (x**-y, "x**(-y)"),
    (x ** (y**z), "x**(y**z)"),
    ((x**y) ** z, "(x**y)**z"),
    (-(x**2), "-x**2"),
    (-x / 3, "-1/3*x"),
    (x - THIRD, "x - 1/3"),
    (THIRD**x, "(1/3)**x"),
    (sp.Integer(-2) ** x, "(-2)**x"),
    (sp.exp(-(x**2) / 2), "exp(-1/2*x**2)"),
    (1 / sp.sqrt(x), "1/sqrt(x)"),
    (x ** sp.Rational(-2, 3), "1/x**(2/3)"),
    (x**-1.5, "x**(-1.5)"),
    (-x - sp.Float(2.5), "-x - 2.5"),
    (sp.pi * x - sp.E, "pi*x - e"),
    (2 * sp.Mod(x, y), "2*(x % y)"),
    (sp.Max(x, y, z), "maximum(x, y, z)"),
    (sp.Heaviside(x), "heaviside(x, 1/2)"),
    (sp.floor(x) + sp.ceiling(-x), "ceil(-x) + floor(x)"),
    (sp.gamma(x) + sp.loggamma(y) + sp.erf(z), "erf(z) + gamma(x) + lgamma(y)"),
    (sp.atan2(y, sp.Abs(x)), "atan2(y, abs(x))"),
    (sp.sign(x) * sp.Abs(x) ** THIRD, "abs(x)**(1/3)*sign(x)"),
    (sp.Piecewise((x, x > 0), (y, True)), "(x if x > 0 else y)"),
    (
        sp.Piecewise((x, sp.And(x < y, sp.Or(x > 1, sp.Ne(y, 2)))), (-1, x <= 0), (z, True)) + 1,
        "(x if (x < y) and ((x > 1) or (y != 2)) else (-1 if x <= 0 else z)) + 1",
    ),
    # -- not evaluated: as it was made
    (sp.Add(x, x, evaluate=False), "x + x"),
    (sp.Mul(-1, x + y, evaluate=False), "-(x + y)"),
    (sp.Mul(x, sp.Integer(-3), evaluate=False), "x*(-3)"),
    (sp.Mul(2, THIRD, x, evaluate=False), "2*(1/3)*x"),
    (sp.Add(x, sp.Add(-y, z, evaluate=False), evaluate=False), None),
    (sp.sqrt(sp.Pow(x, 2, evaluate=False), evaluate=False), "sqrt(x**2)"),
    (sp.Mul(x, sp.Pow(sp.Mul(y, z), -1), evaluate=False), None),
]


@pytest.mark.parametrize(("given", "text"), WRITTEN)
def test_an_expression_is_written_as_text_that_means_the_same(given, text):
    if text is not None:
        assert text_of(given) == text
    for point in ({x: 1.75, y: 1.25, z: 0.5}, {x: -0.5, y: 2, z: 3}):
        back = expression(parse(text_of(given))).subs(point)
        there = given.doit().subs(point)
        assert back == there or abs(sp.N(back - there)) < 1e-12


def test_a_long_decimal_is_written_as_the_exact_fraction():
    long = sp.Float("0.1", 50)
    assert expression(parse(text_of(long + x)), exact=True) == sp.Rational(long) + x


REFUSED = [
    (sp.zeta(x), "sympy's zeta has no form in the expression language"),
    (sp.Function("own")(x), "sympy's own has no form"),
    (sp.Integral(sp.sin(y), (y, 0, x)), "sympy's Integral has no form"),
    (sp.Derivative(sp.sin(x)), "sympy's Derivative has no form"),
    (sp.I * x, "sympy's I has no form"),
    (sp.zoo, "sympy's zoo has no form"),
    (sp.nan, "sympy's nan has no form"),
    (sp.sinc(x), "sympy's sinc has no form"),
    (
        sp.Piecewise((x, x > 0)),
        "a Piecewise without a last case (..., True) is undefined elsewhere",
    ),
    (sp.Symbol("a b"), "'a b' is not a valid name"),
    (sp.Symbol("__import__('os').system('true')"), "is not a valid name"),
    (sp.Symbol("pi"), "'pi' is reserved"),
    (sp.Symbol("t", imaginary=True), "the symbol 't' is not real"),
    (x + ANY, "two symbols are called 'x'"),
    (sp.Matrix([x]), "a number-valued one, not"),
    (sp.ImmutableMatrix([x]), "a number-valued one, not"),
    (sp.sin, "a number-valued one, not"),
    (sp.Interval(0, 1), "sympy's Interval has no form"),
    (sum(sp.Symbol(f"a{k}") ** k for k in range(2000)), "has more than 10000 characters"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_has_no_form_is_refused_in_one_line(given, message):
    with pytest.raises(symdiff.InputError) as caught:
        symdiff.compare(given, {"x": [1]})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_deep_expression_is_refused():
    deep = x
    for _ in range(3000):
        deep = sp.sin(deep, evaluate=False)
    with pytest.raises(symdiff.InputError, match="nested"):
        text_of(deep)


def test_a_condition_is_not_an_expression():
    with pytest.raises(symdiff.InputError, match="condition"):
        symdiff.compare(x > 0)


def test_shared_parts_do_not_blow_up():
    grown = x
    for _ in range(60):
        grown = sp.Mul(sp.sin(grown), sp.cos(grown), evaluate=False)
    with pytest.raises(symdiff.InputError, match="more than 10000 characters"):
        text_of(grown)


def test_sympy_expressions_are_compared():
    comparison = symdiff.compare(sp.Abs(x) * y, {"x": [-1, 0, 1], "y": [2]})
    assert comparison.program.text == "y*abs(x)"
    assert comparison.ok
    kinks = [r for r in comparison.records() if r["kind"] == "kink" and r["engine"] == "autograd"]
    assert [(r["left"], r["right"], r["verdict"]) for r in kinks] == [(-2.0, 2.0, "subgradient")]


def test_sympy_formulas_of_callables_are_compared():
    assert symdiff.compare(lambda x: x * x, {"x": [1, 2]}, math=ANY**2)
    assert not symdiff.compare(lambda x: x * x, {"x": [1, 2]}, math=ANY**3)
