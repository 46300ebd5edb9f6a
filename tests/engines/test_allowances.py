"""How far a correct engine may deviate: rounding, and what a stencil must give."""

import sys
import warnings

import numpy as np
import pytest
import sympy as sp

import symdiff
from symdiff.engines import formulas, symbolic, sympy_code, sympy_derivatives, sympy_plan
from symdiff.engines.base import Problem
from symdiff.engines.registry import load
from symdiff.engines.sympy_derivatives import derivatives
from symdiff.errors import Unsupported
from symdiff.program import parse

H = float(np.finfo(np.float64).eps ** (1 / 3))


def problem(text, x):
    return Problem(parse(text), {"x": np.array([float(x)])}, ("x",))


def allowance(engine, text, x):
    return load(engine).allowance(problem(text, x), "x", 0)


# An expression, a point, what a central quotient with the step h must give there.
QUOTIENTS = [
    ("abs(x)", 0.0, 0.0),  # the mean of the slopes
    ("relu(x)", 0.0, 0.5),
    ("relu(x)", H / 2, 0.75),  # the ramp: ((h + δ)·r + (h - δ)·l)/2h
    ("relu(x)", -H / 2, 0.25),
    ("relu(x)", 2 * H, 1.0),
    ("floor(x)", 0.0, 1 / (2 * H)),  # a jump over the stencil
    ("cbrt(x)", 0.0, H ** (-2 / 3)),
    ("x**3", 0.0, H**2),  # truncation
    ("x*x.detach()", 3.0, 3.0),  # held constant
]


@pytest.mark.parametrize(("text", "x", "expected"), QUOTIENTS)
def test_a_quotient_is_what_its_stencil_must_give(text, x, expected):
    found = allowance("central", text, x)
    value = load("central").differentiate(problem(text, x)).derivatives["x"][0]
    assert found.expected == pytest.approx(expected, rel=1e-5)
    assert found.explains(value, np.nan)
    assert not found.explains(value + 1e-3 * max(1, abs(value)), np.nan)


@pytest.mark.parametrize("x", [0.0, 5e-324, -1.0])
def test_a_stencil_that_leaves_the_domain_cannot_have_a_number(x):
    assert allowance("central", "sqrt(x)", x).stencil_leaves_domain


# The largest doubles: an end of the stencil overflows.
LARGEST = ["2*x", "relu(x)", "abs(x)", "x - 1", "max(x, -x)", "(x*2).sum()"]


@pytest.mark.parametrize("text", LARGEST)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_stencil_beyond_the_doubles_warns_of_nothing(text, sign):
    x = sign * sys.float_info.max
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        given = {"values": {"x": [x, 1.0]}} if "sum" in text else {"at": {"x": [x, 1.0]}}
        found = symdiff.compare(text, **given)
        words = [r["verdict"] for r in found.records() if r["engine"] == "central"]
    assert noted == []
    assert set(words) <= {"agrees", "nonfinite"}


STRADDLING = [
    ("relu(x)", 0.0, True),
    ("relu(x)", H / 2, True),
    ("relu(x)", 3 * H, False),
    ("x**2", 0.0, False),
    ("floor(x)", 1.0, True),
    ("floor(x)", 1.5, False),
    ("where(x > 1, x, 1)", 1.0, True),
]


@pytest.mark.parametrize(("text", "x", "straddles"), STRADDLING)
def test_a_stencil_across_a_switch_is_marked(text, x, straddles):
    samples = load("central").differentiate(problem(text, x))
    assert samples.straddling["x"].tolist() == [straddles]


@pytest.mark.parametrize("engine", ["symbolic", "autograd"])
def test_exact_engines_have_a_small_allowance_where_little_is_rounded(engine):
    assert allowance(engine, "exp(x)*sin(x)", 1.0).radius < 1e-13
    assert allowance(engine, "2*x", 1.0).radius == 0
    assert allowance(engine, "relu(x) - relu(-x)", 0.0).radius == 0


def test_rounding_in_the_formula_of_sympy_counts():
    # tanh' is 1 - tanh², of which nothing is left at 20.
    assert allowance("symbolic", "tanh(x)", 20.0).radius > 1.6e-17


# Formulas of sympy that keep re and im; a point; the least allowance, by hand: half an ulp of the
# numbers that cancel, and for the cube (engine minus truth at 50 digits).
LEFTOVERS = [
    ("abs(0.2*x**2.0 - 0.45)", -1.50000001, 2.0**-54),
    ("abs(0.1*x**4.0 - 0.2)*x", 1.1892071150027, 2.0**-56),
    ("abs(3*x**3.0 - 1/9)", 0.3333333333333, 2.0**-57),
    ("abs(x**2.0 - 2)**3", 1.4142135623, 3.7e-24),
    ("abs(0.5*x**2.5 - 0.5)*x", 1.0000000001, 2.0**-54),
]


@pytest.mark.parametrize(("text", "x", "least"), LEFTOVERS)
def test_formulas_in_which_sympy_keeps_complex_parts_have_an_allowance(text, x, least):
    (partial,) = derivatives(parse(text), ("x",)).values()
    assert partial.has(sp.re)
    assert np.inf > allowance("symbolic", text, x).radius >= least
    (record,) = symdiff.compare(text, at={"x": [x]}, engines=["symbolic"]).records()
    assert record["verdict"] in {"agrees", "inexact"}


@pytest.mark.parametrize("engine", ["symbolic", "sympy-whole"])
def test_an_allowance_that_cannot_be_computed_leaves_a_number_undecided(engine, monkeypatch):
    def without_bound(*_):
        raise Unsupported("zeta", "it has no enclosure in ball arithmetic")

    cube = sp.Symbol("x", real=True) ** 3  # the engine returns its derivative for that of x**2
    if engine == "symbolic":
        place = (symbolic, "chain_rule_radius")
        monkeypatch.setattr(symbolic, "value_radius", without_bound)
        monkeypatch.setattr(symbolic, "_plan", lambda *_: sympy_plan.plan(cube, ["x"]))
    else:
        place = (formulas, "formula_radius")
        wrong = sympy_code.compiled(["x"], [cube.diff()])
        monkeypatch.setattr(sympy_derivatives, "_compiled", lambda *_: wrong)
    monkeypatch.setattr(*place, without_bound)
    (record,) = symdiff.compare("x**2", at={"x": [3]}, engines=[engine]).records()
    assert (record["value"], record["verdict"]) == (27.0, "undecided")
    assert record["detail"] == (
        "no bound on the rounding error of its formula: "
        "zeta: it has no enclosure in ball arithmetic"
    )
    monkeypatch.setattr(*place, lambda *_: 0.0)  # negative control
    (record,) = symdiff.compare("x**2", at={"x": [3]}, engines=[engine]).records()
    assert record["verdict"] == "wrong"


# Programs whose cotangents flow back to x in parts that cancel, and a point: torch adds the parts
# up in a different order than forward mode, and loses the small terms added to them.
CANCELLING = [
    ("(x - 1)*(x + 1) + 1e-19*x", 0.0),
    ("x*(1 - x) + 1e-19*x", 0.5),
    ("sqrt(1 + (sin(2*x) - ((x - 1) + (x - 1)))**2) - sqrt(1 + sin((x - 1) - x)**2)", 0.0),
    ("tanh(x - (x - 1))/(2 + sin(x**2)**2)", 6e-6),
    ("x/(x + 1) - log(1 + x) + 1e-19*x", 0.0),
    ("(1e-8 - (x - x))/abs(hypot(x, 1))", 0.5),  # 1/abs(...) is added and subtracted
]


@pytest.mark.parametrize(("text", "x"), CANCELLING)
def test_what_reverse_mode_loses_in_parts_that_cancel_is_rounding(text, x):
    counts = symdiff.compare(text, {"x": [x]}).evidence[0].counts()["autograd"]
    assert set(map(str, counts)) <= {"agrees", "inexact", "inaccurate"}


@pytest.mark.parametrize(("text", "x"), CANCELLING)
def test_more_than_reverse_mode_can_lose_is_not_rounding(text, x):
    exact = load("symbolic").differentiate(problem(text, x)).derivatives["x"][0]
    found = allowance("autograd", text, x)
    assert not found.explains(exact + 1e-13, exact)


# torch's kernel, for an expression: a point, the derivative (mpmath at 60 digits), what rounding
# leaves of it. The kernel of gelu adds 1 + erf(x/sqrt(2)).
KERNELS = [
    ("gelu(x)", -6.3, -5.9000802011205393e-9, "inexact"),
    ("gelu(x)", -7.0, -6.266323031466631e-11, "inexact"),
    ("gelu(x)", -10.0, -7.618400096464814e-22, "inaccurate"),
    ("gelu(x)", -25.0, -1.9104257373984655e-135, "inaccurate"),
    ("gelu(2*x)", -5.0, -1.5236800192929628e-21, "inaccurate"),
    ("gelu(-x)", 10.0, 7.618400096464814e-22, "inaccurate"),
    ("exp(x)*0 + gelu(x)", -9.0, -9.138937373906639e-18, "inaccurate"),
    ("log10(x)", 1e308, 4.342944819032518e-309, "inaccurate"),  # x*log(10) overflows
    ("logaddexp(x, 0)", -720.0, 2.0322308024e-313, "inaccurate"),  # e**720 overflows
    ("3*logaddexp(0, x)", -710.0, 1.342885867702539e-308, "inaccurate"),
    ("atan2(x, -2)", 1e155, -2e-310, "inaccurate"),  # x**2 overflows
]


@pytest.mark.parametrize(("text", "x", "derivative", "word"), KERNELS)
def test_what_a_kernel_of_torch_loses_is_rounding(text, x, derivative, word):
    (record,) = symdiff.compare(text, at={"x": [x]}, engines=["autograd"]).records()
    assert record["derivative"] == pytest.approx(derivative, rel=1e-9, abs=0)
    assert record["verdict"] == word


# Where the same kernels lose nothing: a number that is off by 1 % stays wrong.
KERNELS_WITHOUT_LOSS = [
    ("gelu(x)", -3.0),
    ("gelu(x)", -0.5),
    ("gelu(x)", 10.0),
    ("gelu(2*x)", -1.5),
    ("log10(x)", 1e300),
    ("logaddexp(x, 0)", -600.0),
    ("atan2(x, -2)", 1e150),
]


@pytest.mark.parametrize(("text", "x"), KERNELS_WITHOUT_LOSS)
def test_a_derivative_that_is_off_is_wrong_where_the_kernel_loses_nothing(text, x):
    (record,) = symdiff.compare(text, at={"x": [x]}, engines=["autograd"]).records()
    derivative = record["derivative"]
    assert record["verdict"] == "agrees"
    found = allowance("autograd", text, x)
    assert found.explains(record["value"], derivative)
    assert not found.explains(1.01 * derivative, derivative)


@pytest.mark.parametrize("count", [1, 40, 600])
def test_what_a_kernel_loses_on_tensors_is_rounding(count):
    x = np.linspace(-12, -5, count)
    found = symdiff.compare("gelu(x).sum()", values={"x": x}, engines=["autograd"])
    assert {r["verdict"] for r in found.records()} <= {"agrees", "inexact", "inaccurate"}


# Derivatives that underflow on the way, or whose formula overflows, in doubles: an expression, a
# point, the derivative (mpmath at 60 digits), and the word where the number is not near it.
UNDERFLOWS = [
    ("exp(-x**2)", 27.2, -2.67400e-320),  # exp(-739.84) is 99 or 100 units of 2**-1074
    ("exp(-x**2/2)/sqrt(2*pi)", 38.4, -9.7410e-320),
    ("exp(-exp(x))", 6.6, -4.154887e-317),
    ("1/x", 1e160, -1e-320),  # x**2 overflows in sympy's formula
    ("1/x**2", 1e107, -2e-321),
    ("atan(x)", 1e155, 1e-310),
    ("asinh(x)", 1e200, 1e-200),
    ("sqrt(x*x + 1)", 1e200, 1.0),
    ("sigmoid(x)", -720.0, 2.0322308024e-313),
    ("sigmoid(x)", -740.0, 4.2e-322),
    ("silu(x)", -720.0, -1.46117394694305e-310),
    ("gelu(x)", -38.0, -4.1665545693e-313),
    ("tanh(x)", 360.0, 8.12892320967e-313),
    ("erfc(x)", 27.0, -2.8299433e-317),
    ("1e-200*(1e-150*(1e300*x))", 1.0, 1e-50),  # in reverse mode 1e-200*1e-150 is 0
    ("1e200*(1e-200*(1e-200*x))", 1e-100, 1e-200),
]


@pytest.mark.parametrize(("text", "x", "derivative"), UNDERFLOWS)
def test_what_underflow_and_overflow_lose_is_never_wrong(text, x, derivative):
    records = list(symdiff.compare(text, at={"x": x}).records())
    assert records[0]["derivative"] == pytest.approx(derivative, rel=1e-2, abs=0)
    words = {(r["engine"], r["value"]): r["verdict"] for r in records}
    assert set(words.values()) <= {"agrees", "inexact", "inaccurate", "nonfinite"}
    by_value = {}
    for (engine, value), word in words.items():
        if engine != "central":  # one number, one word
            assert by_value.setdefault(value, word) == word


@pytest.mark.parametrize(("text", "x", "derivative"), UNDERFLOWS)
def test_a_claim_stays_wrong_where_the_function_underflows(text, x, derivative):
    claim = "2" if derivative == 1 else "1"
    report = symdiff.compare(text, at={"x": x}, claims={"x": claim}, engines=["autograd"])
    words = {r["engine"]: r["verdict"] for r in report.records()}
    assert words["claim"] == "wrong"


# Where nothing underflows, the bound is none of underflow: a number that is off stays wrong.
NO_UNDERFLOW = [
    ("exp(-x**2)", 20.0),  # 1.9e-174
    ("1/x", 1e100),
    ("atan(x)", 1e100),
    ("exp(x)*x", -600.0),
    ("1e-100*(1e-150*(1e300*x))", 1.0),
    ("x**3*1e-90", 1e-60),
]


@pytest.mark.parametrize(("text", "x"), NO_UNDERFLOW)
@pytest.mark.parametrize("engine", ["autograd", "symbolic"])
def test_without_underflow_the_bound_is_that_of_rounding(text, x, engine):
    exact = load("symbolic").differentiate(problem(text, x)).derivatives["x"][0]
    assert allowance(engine, text, x).radius <= 1e-12 * abs(exact)
