"""Estimates: value and slope are off by no more than their bounds, and the bounds are narrow."""

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

POINTS = 2000
TOGETHER = 8  # in one block
BITS = 160
NARROW = 1e-10  # relative
SHARE = 0.99  # of the points at which the bounds of a well-conditioned expression are narrow
KNOWN = 0.95  # of the points at which there is a truth to compare with

# An expression and where its points are drawn; some of them lie closer to 0, see `columns`.
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
# Exact: there is nothing to shrink.
NOTHING_TO_SHRINK = {"x - x"}


def spelled(entry):
    text, low, high = entry
    return f"{text} on {low:g} to {high:g}"


def points(entry):
    """Points between low and high, in order; a tenth of them close to 0, if it lies between."""
    text, low, high = entry
    rng = np.random.default_rng(zlib.crc32(text.encode()))
    x = rng.uniform(low, high, POINTS)
    small = rng.choice([-1, 1], POINTS) * 10 ** -rng.uniform(0, 20, POINTS)
    closer = (rng.random(POINTS) < 0.1) & (small > low) & (small < high)
    return np.sort(np.where(closer, small, x))


def jet_at(program, x):
    """The value and the slope as balls, or None where nothing is proved."""
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
    """How far a double is from a ball: no more than from the truth."""
    if not math.isfinite(number):
        return math.nan
    with flint.ctx.workprec(BITS):
        return float(abs(flint.arb(number) - ball).lower()) * (1 - 1e-12)


class Judged:
    """An estimate beside the truth: errors, their bounds and the numbers, value and slope."""

    def __init__(self, text, x, truths=None):
        program = parse(text)
        found = estimate(program, {"x": x}, "x")
        slope = 0.0 if found.slope is None else found.slope
        self.numbers = self._columns(x, found.value, slope)
        self.bounds = self._columns(x, found.error, found.slope_error)
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
        """Where a number is farther from the truth than its bound, shrunk; nan is no bound."""
        return np.isfinite(self.bounds) & (self.errors > self.bounds / shrunk)

    def narrow(self):
        with np.errstate(invalid="ignore"):
            return self.bounds <= NARROW * np.abs(self.numbers)


@functools.cache
def judged(entry):
    return Judged(entry[0], points(entry))


@pytest.mark.parametrize("entry", EVERY, ids=spelled)
def test_value_and_slope_are_within_their_bounds(entry):
    found = judged(entry)
    assert found.known.mean() >= KNOWN
    wrong = found.wrong().any(axis=1)
    assert points(entry)[wrong].tolist() == []


@pytest.mark.parametrize("entry", EVERY, ids=spelled)
def test_in_blocks_they_are_within_the_bounds_of_these(entry):
    x, truths = points(entry), judged(entry).truths
    found = Judged(entry[0], x.reshape(-1, TOGETHER), truths)
    wrong = found.wrong().any(axis=1)
    assert x[wrong].tolist() == []
    # Negative control: the bounds of blocks are no larger than they need be, by a factor.
    shrunk = Judged(entry[0], x.reshape(-1, TOGETHER), truths).wrong(shrunk=1e8)
    assert shrunk.any() == (entry[0] not in NOTHING_TO_SHRINK)


@pytest.mark.parametrize("entry", EVERY, ids=spelled)
def test_a_bound_that_is_a_million_times_too_small_is_noticed(entry):
    # Negative control.
    assert judged(entry).wrong(shrunk=1e6).any() == (entry[0] not in NOTHING_TO_SHRINK)


@pytest.mark.parametrize("entry", WELL_CONDITIONED, ids=spelled)
def test_the_bounds_of_what_is_well_conditioned_are_narrow(entry):
    assert (judged(entry).narrow().mean(axis=0) >= SHARE).all()


def test_the_bounds_of_what_is_ill_conditioned_are_not_narrow():
    # Negative control: every digit of the first is noise at most points.
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
        # far from 1 a rounded exponent tells: that of the slope is 0.3 - 1
        ("x**0.1", 1e-20),
        ("x**0.3", 1e300),
        ("x**-0.3", 1e-24),
        # what underflows to 0 is not exact
        ("x*1e-200*1e-200*1e200*1e200", 1.0),
        ("x**2*1e300*1e300", 1e-200),
        ("exp(x)*1e300*1e300", -800.0),
        ("sigmoid(x)*1e300*1e300", -800.0),
        # where one exponential overflows, and the sigmoid does not underflow
        ("sigmoid(x)", -720.0),
        ("sqrt(x*1e-30)*1e30", 1e-300),
        # the argument's error is larger than its distance from a pole
        ("log1p(((1e7 + x) - 1e7) - 0.94e-9)", -1 + 0.95e-9),
        ("atanh(((1e7 + x) - 1e7) - 0.94e-9)", -1 + 0.95e-9),
        ("tan((1e7 + x) - 1e7)", 1.5707963264948965),
        # what is compared within a row's definition may be zero
        ("sinc(x - 1/3)", 1 / 3),
        ("sinc(exp(x + 1/3) - 1)", -1 / 3),
        # and here it is not
        ("log(1 + ((1e7 + x) - 1e7))", -1 + 1e-3),
        ("1/((1e7 + x) - 1e7)", 1e-6),
        ("((1e7 + x) - 1e7)**9999", 1 + 1e-5),
    ],
)
def test_value_and_slope_are_within_their_bounds_at_single_points(text, x):
    found = Judged(text, np.array([x]))
    assert found.known.all()
    assert not found.wrong().any(), (found.numbers, found.errors, found.bounds)


def test_an_input_that_does_not_move_has_no_slope():
    columns = {"x": np.array([2.0]), "y": np.array([3.0])}
    assert estimate(parse("exp(y)"), columns, "x").slope is None
    assert estimate(parse("exp(x)"), columns, None).slope is None
