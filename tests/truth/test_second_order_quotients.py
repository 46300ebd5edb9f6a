"""An independent route to second derivatives: quotients of quotients with hundreds of digits.

A program is evaluated in mpmath. The first derivative at a point is a difference quotient with a
step of 2^-600 on either side, and does not exist where the two differ. Its slopes are quotients
over 2^-120 and 2^-150.
"""

import collections
import random
from fractions import Fraction

import mpmath
import pytest

from symdiff.arithmetics.series.reals import Real
from symdiff.program import parse
from symdiff.program.differentiation import SecondOrder
from symdiff.truth.kinds import Kind
from symdiff.truth.second_order import prove_second
from tests.truth.random_programs import POINTS, Bivariate, Univariate
from tests.truth.walk import Reals, UnclearError, UndefinedError, Walk

REALS = Reals(700)
ETA = REALS.context.ldexp(1, -600)
STEPS = [REALS.context.ldexp(1, -k) for k in (120, 150)]
SAME = REALS.context.ldexp(1, -290)
UNIVARIATE, BIVARIATE = 700, 300


def value(program, point):
    try:
        return Walk(REALS, program, point).result()
    except UndefinedError:
        return None


def first_slopes(program, point, v):
    """Return the difference quotients on both sides; None where f is undefined."""
    here = value(program, point)
    slopes = []
    for s in (-1, 1):
        there = value(program, {**point, v: point[v] + s * ETA})
        is_defined = here is not None and there is not None
        slopes.append((there - here) / (s * ETA) if is_defined else None)
    return slopes


def derivative(program, point, v):
    """Return f', None where it does not exist; at an end of the domain the one-sided one."""
    slopes = [s for s in first_slopes(program, point, v) if s is not None]
    if not slopes or max(map(abs, slopes)) > 1 / SAME:
        return None
    return slopes[0] if abs(slopes[-1] - slopes[0]) <= SAME else None


def slope_on(program, point, v, u, s, here):  # noqa: PLR0913, PLR0917
    """Return the quotients of f' on one side, None where it does not exist."""
    found = []
    for t in STEPS:
        near, far = (derivative(program, {**point, u: point[u] + s * k * t}, v) for k in (1, 2))
        if near is None or far is None:
            return None
        found.append((near - here) / (s * t) if here is not None else (far - near) / (s * t))
    return found


def close(quotients, number):
    """Return whether quotients tend to a number, which may be infinite or 0."""
    before, last = quotients
    if mpmath.isinf(number):
        return abs(last) > 1e6 and abs(last) >= 4 * abs(before) and (last > 0) == (number > 0)
    if number == 0:
        return abs(last) < 1e-6
    return abs(last - number) <= 1e-6 * abs(number)


def contradiction(program, point, v, u, truth):
    """Return how the quotients contradict a truth, or ""."""
    here = derivative(program, point, v)
    if truth.kind in {Kind.SMOOTH, Kind.KINK, Kind.VERTICAL, Kind.JUMP, Kind.EDGE} and here is None:
        return "f' does not exist"
    if truth.kind is Kind.OUTSIDE and here is not None:
        return "f' exists"
    for s, number in ((-1, truth.left), (1, truth.right)):
        quotients = slope_on(program, point, v, u, s, here)
        if number is None:
            continue
        if quotients is None:
            return f"f' does not exist on side {s}"
        if not close(quotients, number):
            return f"the quotients on side {s} are {[mpmath.nstr(q, 8) for q in quotients]}"
    return ""


def trials_of(count, names, texts, seed):
    rng = random.Random(seed)  # noqa: S311  (samples)
    trials = []
    while len(trials) < count:
        point = {name: rng.choice(POINTS) for name in names}
        text = texts(rng.choice, point).text(rng.choice((1, 2, 2, 3)))
        program = parse(text)
        v, u = rng.choice(names), rng.choice(names)
        if not {v, u} <= set(program.inputs):
            continue
        exact = {name: Real.of(x) for name, x in point.items()}
        truth = prove_second(SecondOrder(program, v), u, exact)
        numbers = {name: REALS.number(Fraction(x)) for name, x in point.items()}
        try:
            message = contradiction(program, numbers, v, u, truth)
        except UnclearError:
            continue
        trials.append((f"{text} at {point}, {v},{u}", truth, message, (program, numbers, v, u)))
    return trials


@pytest.fixture(scope="module")
def trials():
    """Random programs of one and of two variables with their truths, and what contradicts them."""
    return [
        *trials_of(UNIVARIATE, ("x",), Univariate, 7),
        *trials_of(BIVARIATE, ("x", "y"), Bivariate, 8),
    ]


def test_the_truths_agree_with_quotients_of_quotients(trials):
    assert [(where, truth, message) for where, truth, message, _ in trials if message] == []


def test_most_are_decided_and_of_several_kinds(trials):
    counts = collections.Counter(truth.kind for _, truth, _, _ in trials)
    assert counts[Kind.UNDECIDED] < 0.1 * len(trials)
    least = {Kind.SMOOTH: 150, Kind.KINK: 20, Kind.OUTSIDE: 150}
    assert {kind: counts[kind] for kind, n in least.items() if counts[kind] < n} == {}


def test_swapping_left_and_right_contradicts_the_quotients(trials):
    # Negative control.
    swapped = [
        contradiction(*where, type(truth)(truth.kind, truth.right, truth.left))
        for _, truth, _, where in trials
        if truth.kind is Kind.KINK
    ]
    assert len(swapped) > 20
    assert all(swapped)
