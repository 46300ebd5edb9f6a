"""Estimates: values and slopes deviate by at most their error bounds, and these are narrow."""

import dataclasses
import functools
import math
import zlib

import flint
import numpy as np
import pytest

from symdiff.arithmetics import reading
from symdiff.arithmetics.bounds.estimates import estimate
from symdiff.arithmetics.bounds.jets import Jet, Strict, TieError, evaluate
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse

POINTS = 2000  # points per expression
BLOCK = 8  # points per block
BITS = 160  # precision of the truth
NARROW = 1e-10  # relative width of a narrow bound
SHARE = 0.99  # least share of points with narrow bounds, if well conditioned
KNOWN = 0.95  # least share of points at which the truth is proved

# An expression and the range of its points; some of them lie closer to 0, see `points`.
WELL_CONDITIONED = [
    # smooth activations
    ("sigmoid(x)", -15, 9),
    ("logsigmoid(x)", -15, 3),
    ("softplus(x)", -3, 15),
    ("gelu(x)", 0, 5),
    ("gelu(x, approximate='tanh')", 0, 5),
    ("silu(x)", -1, 15),
    ("mish(x)", -1, 8),
    ("softsign(x)", -50, 50),
    ("tanhshrink(x)", 0.5, 30),
    # elementary and special functions
    ("exp(x)", -300, 300),
    ("expm1(x)", -5, 5),
    ("log(x)", 1.5, 1e6),
    ("log1p(x)", 0, 1e6),
    ("sqrt(x)", 0, 1e6),
    ("cbrt(x)", -1e3, 1e3),
    ("sin(x)", 0.1, 1.5),
    ("cos(x)", 0.1, 1.5),
    ("tan(x)", -1.5, 1.5),
    ("asin(x)", -0.99, 0.99),
    ("atan(x)", -50, 50),
    ("atan2(x, 2)", -50, 50),
    ("hypot(x, 3)", -50, 50),
    ("sinh(x)", -20, 20),
    ("tanh(x)", -5, 5),
    ("acosh(x)", 1.1, 50),
    ("atanh(x)", -0.99, 0.99),
    ("sinc(x)", 0.1, 0.9),
    ("erf(x)", 0.1, 2),
    ("erfc(x)", -3, 1),
    ("erfinv(x)", 0.1, 0.99),
    ("gamma(x)", 2, 50),
    ("lgamma(x)", 3, 1e3),
    ("digamma(x)", 2, 50),
    # powers and compositions
    ("x**20", 0.1, 5),
    ("x**-3", 0.1, 5),
    ("x**2.5", 0, 50),
    ("x**x", 0.5, 20),
    ("1/(1 + x**2)", -50, 50),
    ("exp(-x**2/2)", -5, 5),
    ("x*exp(-x)*cos(x)", 1.7, 3),
    ("tanh(x)*sigmoid(3*x) + x", -4, 4),
    ("exp(sin(x)) + x**2", 0.1, 5),
    ("log(cosh(x))", 0.5, 20),
    ("(x**3 + 2*x)/(x**2 + 1)", -50, 50),
    ("where(x > 1, x**2, exp(x))", -5, 5),
]
ILL_CONDITIONED = [
    ("sin(1e8*x)", -10, 10),
    ("(1 + x) - 1", -1, 1),
    ("exp(x) - 1 - x", -1, 1),
    ("log(1 + x) - x", -0.9, 1),
    ("1 - tanh(x)**2", -30, 30),
    ("x**2 - 2*x + 1", 0.9, 1.1),
    ("sqrt(x + 1) - sqrt(x)", 0, 1e12),
    ("exp(exp(x))", -5, 6),
    ("exp(100*x)/exp(100*x)", -10, 10),
    ("gelu(x)", -30, 30),
    ("mish(x)", -700, 700),
    ("logsigmoid(x)", -700, 700),
    ("erfc(x)", -25, 25),
    ("digamma(x)", -5, 5),
    ("gamma(x)", -5, 5),
    ("x**0.1", 0, 1),
    ("acosh(x)", 1, 1.1),
    ("x*1e-300*1e-20*1e20", -1e9, 1e9),
    ("1/(x*1e160)/1e160", -10, 10),
    ("remainder(x, 0.3)*x", -5, 5),
    ("float(x > 0)*x**3", -5, 5),
    ("sin(x)**2 + cos(x)**2", -50, 50),
    ("x - x", -5, 5),
]


EVERY = WELL_CONDITIONED + ILL_CONDITIONED
EXACT = {"x - x"}  # expressions with error bounds of 0


def label(entry):
    text, low, high = entry
    return f"{text} on {low:g} to {high:g}"


def points(entry):
    """Sorted points between low and high, a tenth of them close to 0 if 0 is in the range."""
    text, low, high = entry
    rng = np.random.default_rng(zlib.crc32(text.encode()))
    x = rng.uniform(low, high, POINTS)
    small = rng.choice([-1, 1], POINTS) * 10 ** -rng.uniform(0, 20, POINTS)
    is_close = (rng.random(POINTS) < 0.1) & (small > low) & (small < high)
    return np.sort(np.where(is_close, small, x))


def jet_at(program, x):
    """The value and the slope as balls, or None where they are not proved."""
    try:
        with flint.ctx.workprec(BITS):
            jet = evaluate(program, {"x": Jet(flint.arb(x), (flint.arb(1),))}, Strict())
    except TieError:
        return None
    slope = flint.arb(0) if jet is None or not jet.gradient else jet.gradient[0]
    if jet is None or not jet.value.is_finite() or not slope.is_finite():
        return None
    return jet.value, slope


def distance(number, ball):
    """The distance of a double to a ball, which is at most its distance to the truth."""
    if not math.isfinite(number):
        return math.nan
    with flint.ctx.workprec(BITS):
        return float(abs(flint.arb(number) - ball).lower()) * (1 - 1e-12)


class Judged:
    """Value and slope of an estimate, with their bounds and their errors against the truth."""

    def __init__(self, text, x, truths=None):
        program = parse(text)
        result = estimate(program, {"x": x}, "x")
        slope = 0.0 if result.slope is None else result.slope
        self.numbers = self._columns(x, result.value, slope)
        self.bounds = self._columns(x, result.error, result.slope_error)
        self.truths = truths or [jet_at(program, float(each)) for each in x]
        self.known = np.array([truth is not None for truth in self.truths])
        self.errors = np.full((x.size, 2), np.nan)
        for i, truth in enumerate(self.truths):
            if truth is not None:
                pairs = zip(self.numbers[i].tolist(), truth, strict=True)
                self.errors[i] = [distance(number, ball) for number, ball in pairs]

    @staticmethod
    def _columns(x, *numbers):
        columns = [np.broadcast_to(number, x.shape).reshape(-1) for number in numbers]
        return np.stack(columns, axis=1)

    def wrong(self, shrunk=1.0):
        """Where a number differs from the truth by more than its finite bound divided by `shrunk`."""
        return np.isfinite(self.bounds) & (self.errors > self.bounds / shrunk)

    def narrow(self):
        with np.errstate(invalid="ignore"):
            return self.bounds <= NARROW * np.abs(self.numbers)


@functools.cache
def judged(entry):
    return Judged(entry[0], points(entry))


@pytest.mark.parametrize("entry", EVERY, ids=label)
def test_value_and_slope_are_within_their_bounds(entry):
    judgement = judged(entry)
    assert judgement.known.mean() >= KNOWN
    wrong = judgement.wrong().any(axis=1)
    assert points(entry)[wrong].tolist() == []


@pytest.mark.parametrize("entry", EVERY, ids=label)
def test_value_and_slope_are_within_the_bounds_of_their_blocks(entry):
    x, truths = points(entry), judged(entry).truths
    judgement = Judged(entry[0], x.reshape(-1, BLOCK), truths)
    wrong = judgement.wrong().any(axis=1)
    assert x[wrong].tolist() == []
    # Negative control: the bounds of blocks are wider than necessary by less than this factor.
    shrunk = Judged(entry[0], x.reshape(-1, BLOCK), truths).wrong(shrunk=1e8)
    assert shrunk.any() == (entry[0] not in EXACT)


@pytest.mark.parametrize("entry", EVERY, ids=label)
def test_a_bound_that_is_a_million_times_too_small_is_noticed(entry):
    # Negative control.
    assert judged(entry).wrong(shrunk=1e6).any() == (entry[0] not in EXACT)


@pytest.mark.parametrize("entry", WELL_CONDITIONED, ids=label)
def test_the_bounds_of_well_conditioned_expressions_are_narrow(entry):
    assert (judged(entry).narrow().mean(axis=0) >= SHARE).all()


def test_the_bounds_of_ill_conditioned_expressions_are_not_narrow():
    # Negative control: at most points every digit of this expression is noise.
    narrow = judged(("sin(1e8*x)", -10, 10)).narrow()
    assert (narrow.mean(axis=0) < 0.5).all()


def test_a_wrong_derivative_text_is_noticed(monkeypatch):
    # Negative control.
    row = dataclasses.replace(CATALOGUE["sinh"], derivative="cosh(x)*(1 + 1e-14)")
    monkeypatch.setattr(reading, "CATALOGUE", {**CATALOGUE, "sinh": row})
    x = np.linspace(-2, 2, 50)
    program = parse("sinh(x)")
    spoilt = estimate(program, {"x": x}, "x")
    monkeypatch.undo()
    truths = [jet_at(program, float(each))[1] for each in x]
    errors = np.array([distance(float(s), t) for s, t in zip(spoilt.slope, truths, strict=True)])
    assert (errors > spoilt.slope_error).any()


@pytest.mark.parametrize(
    ("text", "x"),
    [
        # far from 1 a rounded exponent matters: that of the slope is 0.3 - 1
        ("x**0.1", 1e-20),
        ("x**0.3", 1e300),
        ("x**-0.3", 1e-24),
        # a number that underflows to 0 is not exact
        ("x*1e-200*1e-200*1e200*1e200", 1.0),
        ("x**2*1e300*1e300", 1e-200),
        ("exp(x)*1e300*1e300", -800.0),
        ("sigmoid(x)*1e300*1e300", -800.0),
        # the exponential overflows, but the sigmoid does not underflow
        ("sigmoid(x)", -720.0),
        ("sqrt(x*1e-30)*1e30", 1e-300),
        # the argument's error is larger than its distance from a pole
        ("log1p(((1e7 + x) - 1e7) - 0.94e-9)", -1 + 0.95e-9),
        ("atanh(((1e7 + x) - 1e7) - 0.94e-9)", -1 + 0.95e-9),
        ("tan((1e7 + x) - 1e7)", 1.5707963264948965),
        # a switch in a row's definition may be zero
        ("sinc(x - 1/3)", 1 / 3),
        ("sinc(exp(x + 1/3) - 1)", -1 / 3),
        # an argument with a large error is not close to the pole
        ("log(1 + ((1e7 + x) - 1e7))", -1 + 1e-3),
        ("1/((1e7 + x) - 1e7)", 1e-6),
        ("((1e7 + x) - 1e7)**9999", 1 + 1e-5),
    ],
)
def test_value_and_slope_are_within_their_bounds_at_single_points(text, x):
    judgement = Judged(text, np.array([x]))
    assert judgement.known.all()
    assert not judgement.wrong().any(), (judgement.numbers, judgement.errors, judgement.bounds)


def test_a_fixed_input_has_no_slope():
    columns = {"x": np.array([2.0]), "y": np.array([3.0])}
    assert estimate(parse("exp(y)"), columns, "x").slope is None
    assert estimate(parse("exp(x)"), columns, None).slope is None


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("sinc((x - 1/3)**2)", 1 / 3),
        ("sinc(square(square(x - 2*pi)))", 2 * math.pi),
        ("sinc(square(x - 1/3)*x)", 1 / 3),
        ("sinc((x - 1/3)**4)", 1 / 3),
        ("sinc(sin(x - 0.1 - 0.2)**2)", 0.1 + 0.2),
        ("xlogy((x - 1/3)**2, 2)", 1 / 3),
    ],
)
def test_a_power_of_a_number_that_is_zero_apart_from_its_error_has_no_bound(text, x):
    # So a choice in a definition that asks whether it is 0 is not certain.
    result = estimate(parse(text), {"x": np.array([x])}, "x")
    assert not np.isfinite(result.error)
