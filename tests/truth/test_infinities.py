"""A literal inf is a value in the extended reals; a division by zero is not.

Every row follows from the sentences exp(-inf) = 0, inf + x = inf, x/inf = 0 and so on; inf - inf,
0*inf and a function of inf that has no limit are undefined. What is infinite is constant.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from symdiff.arithmetics.arrays import evaluate
from symdiff.arithmetics.bounds.jets import Jet, Strict
from symdiff.arithmetics.bounds.jets import evaluate as evaluate_jet
from symdiff.arithmetics.extended import AT_INFINITY
from symdiff.arithmetics.series import germ_columns
from symdiff.arithmetics.series.germs import Infinite, Outside
from symdiff.arithmetics.series.germs import evaluate as evaluate_germ
from symdiff.catalogue import CATALOGUE
from symdiff.libraries import flint
from symdiff.program import parse
from symdiff.truth.certify import certify
from symdiff.truth.exact_points import exact_number
from symdiff.truth.proof import prove

# fmt: off
# expression, x, kind, derivative, a part of the detail
ROWS = [
    ("exp(-inf + 0*x)", 1, "smooth", 0, ""),
    ("exp(x - inf)", 1, "smooth", 0, ""),
    ("x + exp(x - inf)", 1, "smooth", 1, ""),
    ("max(x, -inf)", 1, "smooth", 1, ""),
    ("min(inf, x**2)", 1, "smooth", 2, ""),
    ("logaddexp(x, -inf)", 1, "smooth", 1, ""),
    ("x*exp(logaddexp(0*x - inf, -inf))", 1, "smooth", 0, ""),  # x*e^-inf
    ("x/inf + x", 1, "smooth", 1, ""),
    ("tanh(x - inf) + x", 1, "smooth", 1, ""),
    ("x*atan(x + inf)", 1, "smooth", math.pi / 2, ""),
    ("x*erf(x - inf)", 1, "smooth", -1, ""),
    ("x*sigmoid(x + inf)", 1, "smooth", 1, ""),
    ("x*erfc(x - inf)", 1, "smooth", 2, ""),
    ("(x - inf)**-2", 1, "smooth", 0, ""),
    ("tanh(log(exp(x) + inf))", 1, "smooth", 0, ""),
    ("exp(-sqrt(x + inf))", 1, "smooth", 0, ""),
    ("exp(-abs(x - inf)) + relu(x - inf)", 1, "smooth", 0, ""),
    ("exp(-cosh(x - inf)) + exp(asinh(x - inf))", 1, "smooth", 0, ""),
    ("elu(x - inf)", 1, "smooth", 0, ""),
    ("softplus(x - inf) + x", 2, "smooth", 1, ""),
    ("nan_to_num(x - inf, neginf=5)*x", 2, "smooth", 5, ""),
    ("fmax(x - inf, x)", 2, "smooth", 1, ""),
    ("xlogy(0, x + inf)", 1, "smooth", 0, ""),
    ("exp(-x*inf)", 1, "smooth", 0, ""),
    ("exp(where(x > 0, x, -inf))", -1, "smooth", 0, ""),
    ("exp(where(x > 0, x, -inf))", 0, "jump", None, "by 1 to the right"),
    ("where(x > 0, -inf, x)", 0, "edge", 1, "the value is -inf"),
    # -- the value is infinite: no real number
    ("x - inf", 1, "outside", None, "the value is -inf"),
    ("x**2*inf", 1, "outside", None, "the value is inf"),
    ("(x - inf)**3", 1, "outside", None, "the value is -inf"),
    ("hypot(x, inf)", 1, "outside", None, "the value is inf"),
    # -- undefined where it arises
    ("(x + inf) - (x + inf)*2", 1, "outside", None, "inf - inf"),
    ("x*inf", 0, "outside", None, "0*inf"),
    ("0*(x + inf)", 1, "outside", None, "0*inf"),
    ("(x + inf)/(x + inf)", 1, "outside", None, "inf/inf"),
    ("(x + inf)/(x - x)", 1, "outside", None, "a division by zero"),
    ("sin(x - inf)", 1, "outside", None, "sin of -inf"),
    ("where(sin(x - inf) > -2, x, 0)", 1, "outside", None, "sin of -inf"),
    ("log(x - inf)", 1, "outside", None, "log of -inf"),
    ("exp(1/x)*0 + exp(-1/x**2)", 0, "outside", None, "a division by zero"),  # 1/0 is not inf
]
# fmt: on
NAN_IN_SCIPY = {"i0", "i1"}  # at the infinities, where they are infinite; torch's are NaN too


@pytest.mark.parametrize(("text", "x", "kind", "derivative", "detail"), ROWS)
def test_the_proof_agrees_with_the_row(text, x, kind, derivative, detail):
    truth = prove(parse(text), "x", {"x": exact_number(str(x))})
    assert truth.kind.label == kind
    assert truth.derivative == (None if derivative is None else pytest.approx(derivative))
    assert detail in truth.detail


@pytest.mark.parametrize(("text", "x", "kind", "derivative", "detail"), ROWS)
def test_the_error_bounds_do_not_contradict_the_row(text, x, kind, derivative, detail):
    del detail
    certified = certify(parse(text), "x", {"x": np.array([float(x)])})
    if certified.is_certified[0]:
        assert kind == ("outside" if certified.outside[0] else "smooth")
        assert derivative is None or certified.derivative[0] == pytest.approx(derivative)


@pytest.mark.parametrize("name", AT_INFINITY)
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_values_at_infinity_are_the_limits_of_numpy_and_of_balls(name, sign):
    text = f"{name}({'' if sign > 0 else '-'}inf + x)"
    value = evaluate_germ(parse(text), {"x": evaluate_germ(parse("0"), {})})
    with np.errstate(all="ignore"):
        (in_doubles,) = evaluate(parse(text), {"x": np.array([0.0])})
    if isinstance(value, Outside):
        limit = AT_INFINITY[name][sign > 0]
        assert limit is None
        # numpy returns an infinity at the pole of log|gamma| at every negative integer
        assert math.isnan(in_doubles) or CATALOGUE[name].crossings
        return
    number = (
        value.sign * math.inf if isinstance(value, Infinite) else float(value.constant.ball(64))
    )
    if name in NAN_IN_SCIPY:
        assert math.isnan(in_doubles)
    else:
        assert number == pytest.approx(in_doubles)
    jet = evaluate_jet(parse(text), {"x": Jet(flint.arb(0), (flint.arb(1),))}, Strict())
    if jet is not None and jet.value.is_finite():
        assert float(jet.value) == pytest.approx(number)
        assert all(g == 0 for g in jet.gradient if g.is_finite())


def test_no_function_of_one_argument_takes_a_wrong_value_from_balls():
    # Balls enclose sin(inf) by [-1, 1]: a comparison with it would be decided.
    jet = evaluate_jet(parse("sin(x + inf)"), {"x": Jet(flint.arb(0))}, Strict())
    assert jet is not None
    assert jet.value.is_nan()


def test_a_mask_is_certified_in_whole_arrays():
    x = np.linspace(0.5, 2.0, 7)
    certified = certify(parse("x**2 + exp(where(x > 1.1, -inf, x))"), "x", {"x": x})
    expected = 2 * x + np.where(x > 1.1, 0.0, np.exp(x))
    assert certified.is_certified.all()
    assert certified.derivative == pytest.approx(expected)


def test_an_infinite_value_that_is_taken_for_a_number_is_noticed(monkeypatch):
    wrong = {**AT_INFINITY, "exp": ("1", "inf")}
    monkeypatch.setattr(germ_columns, "AT_INFINITY", wrong)
    germ = evaluate_germ(parse("exp(-inf)"), {})
    assert float(germ.constant.ball(64)) == 1
