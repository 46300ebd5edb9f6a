"""Properties of every truth, tested on random piecewise programs at points where they may kink."""

import collections
import dataclasses
import math
import random
import re
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symdiff.arithmetics.series.reals import Real
from symdiff.program import parse
from symdiff.truth.clarke import ClarkeBounds, Undecided, clarke_bounds
from symdiff.truth.convex_sets import Sum
from symdiff.truth.kinds import Kind
from symdiff.truth.proof import prove
from symdiff.truth.set_distances import distance_bounds, sizes
from tests.truth.quotients import compare, contradiction, gradients_near
from tests.truth.random_programs import POINTS, Univariate, WithNorms

UNIVARIATE, BIVARIATE = 3000, 300
DEPTHS = (1, 2, 2, 3)
NEAR = 1e-12  # distance from a point at which gradients are close to their limits
DIRECTIONS = 24
CLOSE = 1e-7  # largest difference of these gradients from their limits
EXAMPLES = settings(max_examples=150, derandomize=True, deadline=None)


def truth_of(text, point):
    return prove(parse(text), "x", {"x": Real.of(point)})


def negated(number):
    return None if number is None else -number


def assert_slopes(truth, left, right, rel=0.0):
    for number, expected in ((truth.left, left), (truth.right, right)):
        assert (number is None) == (expected is None)
        assert number == expected or number == pytest.approx(expected, rel=rel, abs=0)


@st.composite
def programs(draw):
    """Draw the text of a program in x, and a point at which its switches are zero."""
    point = draw(st.sampled_from(POINTS))
    pick = draw(st.randoms(use_true_random=False)).choice
    return Univariate(pick, {"x": point}).text(draw(st.sampled_from(DEPTHS))), point


@given(programs())
@EXAMPLES
def test_mirroring_a_program_swaps_and_negates_its_one_sided_derivatives(drawn):
    text, point = drawn
    straight = truth_of(text, point)
    mirrored = truth_of(re.sub(r"\bx\b", "(-x)", text), -point)
    assert mirrored.kind is straight.kind
    assert_slopes(mirrored, negated(straight.right), negated(straight.left))


SMOOTH = {
    "exp(x)": mpmath.exp,
    "x**3 - 2*x": lambda x: 3 * x**2 - 2,
    "sin(3*x)": lambda x: 3 * mpmath.cos(3 * x),
    "7*x": lambda x: 7,
    "1/(x**2 + 1)": lambda x: -2 * x / (x**2 + 1) ** 2,
}


@given(programs(), st.sampled_from(sorted(SMOOTH)))
@EXAMPLES
def test_adding_a_smooth_function_adds_its_derivative(drawn, smooth):
    text, point = drawn
    before, after = truth_of(text, point), truth_of(f"({text}) + ({smooth})", point)
    assume(Kind.UNDECIDED not in (before.kind, after.kind))
    assert after.kind is before.kind
    slope = float(SMOOTH[smooth](mpmath.mpf(point.numerator) / point.denominator))
    for number, summed in ((before.left, after.left), (before.right, after.right)):
        assert (number is None) == (summed is None)
        if number is not None and math.isfinite(number):
            assert abs(number + slope - summed) <= 1e-15 * (abs(number) + abs(slope))
        else:
            assert summed == number


@given(programs(), st.integers(-60, 60))
@EXAMPLES
def test_a_factor_that_is_a_power_of_two_scales_the_one_sided_derivatives(drawn, k):
    text, point = drawn
    before, after = truth_of(text, point), truth_of(f"2**({k})*({text})", point)
    assert after.kind is before.kind
    scaled = [None if s is None else math.ldexp(s, k) for s in (before.left, before.right)]
    assert_slopes(after, *scaled, rel=2.0**-50)


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    where: str
    truth: object
    answer: object
    contradiction: str


@pytest.fixture(scope="module")
def trials():
    """Random programs with their truths, and how the quotients contradict these."""
    rng = random.Random(20)  # noqa: S311  (samples)
    trials = []
    for _ in range(UNIVARIATE):
        point = rng.choice(POINTS)
        text = Univariate(rng.choice, {"x": point}).text(rng.choice(DEPTHS))
        truth = truth_of(text, point)
        message, answer = compare(parse(text), "x", {"x": point}, truth)
        trials.append(Trial(f"{text} at {point}", truth, answer, message))
    return trials


def test_the_truths_agree_with_one_sided_quotients(trials):
    assert [(t.where, t.truth, t.contradiction) for t in trials if t.contradiction] == []


def test_nearly_all_random_programs_are_decided(trials):
    assert sum(t.truth.kind is Kind.UNDECIDED for t in trials) < 0.02 * len(trials)
    assert sum(t.answer.is_clear for t in trials) > 0.95 * len(trials)


def test_the_random_programs_have_kinks_jumps_and_vertical_tangents(trials):
    counts = collections.Counter(t.truth.kind for t in trials)
    least = {Kind.SMOOTH: 500, Kind.KINK: 300, Kind.JUMP: 50, Kind.VERTICAL: 10}
    assert {kind: counts[kind] for kind, n in least.items() if counts[kind] < n} == {}


def test_swapping_left_and_right_contradicts_the_quotients(trials):
    # Negative control.
    kinks = [t for t in trials if t.truth.kind is Kind.KINK and t.answer.is_clear]
    swapped = [dataclasses.replace(t.truth, left=t.truth.right, right=t.truth.left) for t in kinks]
    messages = [contradiction(s, t.answer) for s, t in zip(swapped, kinks, strict=True)]
    assert len(messages) > 300
    assert all(messages)


@dataclasses.dataclass(frozen=True, slots=True)
class Surroundings:
    where: str
    bounds: ClarkeBounds
    gradients: list


@pytest.fixture(scope="module")
def surroundings():
    """Random programs in x and y with bounds of their Clarke sets, and gradients near the point."""
    rng = random.Random(21)  # noqa: S311  (samples)
    surroundings = []
    for _ in range(BIVARIATE):
        point = {name: rng.choice(POINTS) for name in "xy"}
        text = WithNorms(rng.choice, point).text(rng.choice(DEPTHS))
        program = parse(f"({text}) + 0*x + 0*y")
        bounds = clarke_bounds(program, ["x", "y"], {n: Real.of(p) for n, p in point.items()})
        if isinstance(bounds, Undecided):
            continue
        angles = [rng.uniform(0, 2 * math.pi) for _ in range(DIRECTIONS)]
        directions = [(NEAR * math.cos(a), NEAR * math.sin(a)) for a in angles]
        nearby = gradients_near(program, point, directions)
        gradients = [g.gradient for g in nearby if abs(g.rise) < math.sqrt(NEAR)]
        surroundings.append(Surroundings(f"{text} at {point}", bounds, gradients))
    return surroundings


def outside(body, gradients):
    """Return the gradients that are not in a set."""
    tolerance = CLOSE * size(body)
    points = np.unique(np.round(gradients, 9), axis=0) if len(gradients) else []
    return [g for g in points if distance_bounds(g, body, tolerance)[0] > tolerance]


def size(body):
    return max(1, sizes(body).max())


def is_wide(bounds):
    return bounds.inner is not None and sizes(Sum(np.zeros(2), bounds.inner.parts)).max() > CLOSE


def test_no_limit_of_gradients_lies_outside_the_bounds(surroundings):
    assert len(surroundings) > BIVARIATE / 2
    bodies = [(s, s.bounds.inner if s.bounds.exact else s.bounds.outer) for s in surroundings]
    assert [(s.where, o) for s, body in bodies if (o := outside(body, s.gradients))] == []


def test_whatever_is_in_the_inner_bound_is_in_the_outer_bounds(surroundings):
    directions = np.random.default_rng(2).standard_normal((4, 2))
    for s in surroundings:
        inner = [] if s.bounds.inner is None else [s.bounds.inner.support(d)[1] for d in directions]
        assert outside(s.bounds.outer, inner) == [], s.where
        assert outside(s.bounds.reachable, inner) == [], s.where


def test_the_sampled_gradients_come_close_to_the_ends_of_the_inner_bound(surroundings):
    several = [s for s in surroundings if is_wide(s.bounds) and s.gradients]
    assert len(several) > 50
    ends = [
        (s.bounds.inner.support(d)[0], max(np.array(s.gradients) @ d), size(s.bounds.inner))
        for s in several
        for d in np.array([[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [1, -1]])
    ]
    reached = sum(end <= sampled + 0.1 * scale for end, sampled, scale in ends)
    assert reached > 0.9 * len(ends)


def test_bounds_without_the_kinks_exclude_a_limit_of_gradients(surroundings):
    # Negative control.
    several = [s for s in surroundings if s.bounds.exact and is_wide(s.bounds)]
    noticed = [bool(outside(Sum(s.bounds.inner.center), s.gradients)) for s in several]
    assert len(several) > 50
    assert sum(noticed) > 0.9 * len(several)


@pytest.mark.parametrize("point", [Fraction(0), Fraction(1, 3)])
def test_a_kink_at_zero_is_decided_like_any_other(point):
    kink = truth_of(f"abs(x - ({point}))", point)
    assert (kink.kind, kink.left, kink.right) == (Kind.KINK, -1.0, 1.0)
