"""Angles between parallel vectors: acos and asin at the ends of their domains."""

import math

import numpy as np
import pytest
from mpmath import acos, exp, mp, mpf, sqrt

import symdiff
from symdiff.program import parse
from symdiff.truth.clarke import ClarkeBounds, Undecided, clarke_bounds
from symdiff.truth.exact_points import exact_number
from symdiff.truth.joint import Joint, decide_jointly

DIRECTIONS = 25


def exact(point):
    return {name: exact_number(str(x)) for name, x in point.items()}


def bounds_at(text, point):
    return clarke_bounds(parse(text), list(point), exact(point))


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / sqrt(sum(x * x for x in a)) / sqrt(sum(y * y for y in b))


def angle(a, b):
    return acos(max(-1, min(1, cosine(a, b))))  # rounding may lead out of the domain


# An expression, a point, the same function in mpmath, and its slope along d. Near parallel vectors
# the angle is the length of the difference of the unit vectors: |b|·a and |a|·b, over |a||b|.
ANGLES = [
    ("acos(a/sqrt(a**2 + b**2))", {"a": 1, "b": 0}, lambda a, b: angle((a, b), (1, 0)),
     lambda d: abs(d[1])),
    ("acos(a/hypot(a, b))*3", {"a": 2, "b": 0}, lambda a, b: 3 * angle((a, b), (1, 0)),
     lambda d: 1.5 * abs(d[1])),
    ("acos(z/sqrt(x*x + y*y + z*z))", {"x": 0, "y": 0, "z": 4},
     lambda x, y, z: angle((x, y, z), (0, 0, 1)), lambda d: math.hypot(d[0], d[1]) / 4),
    ("pi - acos(z/sqrt(x*x + y*y + z*z))", {"x": 0, "y": 0, "z": -2},
     lambda x, y, z: angle((x, y, z), (0, 0, -1)), lambda d: math.hypot(d[0], d[1]) / 2),
    ("pi/2 - asin(-x/sqrt(x*x + y*y))", {"x": -5, "y": 0}, lambda x, y: angle((x, y), (-1, 0)),
     lambda d: abs(d[1]) / 5),
    # the distance of d from the line through (3, 4), over the length 10 of the vector
    ("acos((3*c + 4*d)/(5*hypot(c, d)))", {"c": 6, "d": 8}, lambda c, d: angle((c, d), (3, 4)),
     lambda d: abs(4 * d[0] - 3 * d[1]) / 50),
    ("acos((c + 2*d)/sqrt(5)/(c*c + d*d)**0.5)", {"c": 1, "d": 2},
     lambda c, d: angle((c, d), (1, 2)), lambda d: abs(2 * d[0] - d[1]) / 5),
    # both vectors move: the difference of their angles
    ("acos((a*c + b*d)/(hypot(a, b)*hypot(c, d)))", {"a": 3, "b": 4, "c": 6, "d": 8},
     lambda a, b, c, d: angle((a, b), (c, d)),
     lambda v: abs((3 * v[1] - 4 * v[0]) / 25 - (6 * v[3] - 8 * v[2]) / 100)),
    ("acos((d*b + c*a)/sqrt((a*a + b**2)*(c*c + d*d)))", {"a": 1, "b": -1, "c": 2, "d": -2},
     lambda a, b, c, d: angle((a, b), (c, d)),
     lambda v: abs((v[1] + v[0]) / 2 - (v[3] + v[2]) / 4)),
    ("acos((a*f + b*g + c*h)/sqrt(a*a + b*b + c*c)/sqrt(f*f + g*g + h*h))",
     {"a": 0, "b": 0, "c": 1, "f": 0, "g": 0, "h": 2},
     lambda a, b, c, f, g, h: angle((a, b, c), (f, g, h)),
     lambda v: math.hypot(v[0] - v[3] / 2, v[1] - v[4] / 2)),
    # components that are no polynomials
    ("acos(exp(x)/sqrt(exp(x)*exp(x) + y*y))", {"x": 0, "y": 0},
     lambda x, y: angle((exp(x), y), (1, 0)), lambda d: abs(d[1])),
    # the geometric over the arithmetic mean: 1 - u² = (x - y)²/(x + y)²
    ("acos(sqrt(x*y)/((x + y)/2))", {"x": 1, "y": 1},
     lambda x, y: acos(min(1, 2 * sqrt(x * y) / (x + y))), lambda d: abs(d[0] - d[1]) / 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "point", "function", "slope"), ANGLES)
def test_the_clarke_set_of_an_angle_is_the_one_derived_by_hand(text, point, function, slope):
    bounds = bounds_at(text, point)
    assert isinstance(bounds, ClarkeBounds)
    assert bounds.exact
    rng = np.random.default_rng(3)
    for d in rng.standard_normal((DIRECTIONS, len(point))):
        value, support = bounds.inner.support(d)
        assert value == pytest.approx(slope(d), rel=1e-12)
        assert bounds.contains(support.tolist(), 1e-9) is True
        assert bounds.contains((1.01 * support + 1e-3 * d).tolist(), 1e-9) is False


@pytest.mark.parametrize(("text", "point", "function", "slope"), ANGLES)
def test_the_slopes_by_hand_are_difference_quotients(text, point, function, slope):
    rng = np.random.default_rng(4)
    with mp.workdps(100):
        t = mpf(10) ** -30
        x0 = [mpf(x) for x in point.values()]
        for d in rng.standard_normal((3, len(point))):
            moved = [x + t * mpf(float(c)) for x, c in zip(x0, d, strict=True)]
            quotient = (function(*moved) - function(*x0)) / t
            assert float(quotient) == pytest.approx(slope(d), rel=1e-9), text


# What is no angle at parallel vectors has no such set: undefined nearby, or another function.
OTHERS = [
    ("acos(x)", {"x": 1}),
    ("acos(x*y)", {"x": 1, "y": 1}),
    ("acos(x/sqrt(x*x - y*y))", {"x": 1, "y": 0}),
    ("acos((a*c + 2*b*d)/(hypot(a, b)*hypot(c, d)))", {"a": 1, "b": 0, "c": 2, "d": 0}),
    ("acos(x/sqrt(x*x + y))", {"x": 1, "y": 0}),
    ("acos(x/sqrt(x*x + y**3))", {"x": 1, "y": 0}),
    ("acos(exp(x)/sqrt(exp(x)*exp(y) + z*z))", {"x": 0, "y": 0, "z": 0}),
]


@pytest.mark.parametrize(("text", "point"), OTHERS)
def test_the_end_of_a_domain_is_no_angle(text, point):
    assert isinstance(bounds_at(text, point), Undecided)


SMOOTH = [
    ("acos(x/sqrt(x*x))", {"x": 3}),  # 0
    ("cos(acos(x/hypot(x, y)))", {"x": 2, "y": 0}),
    ("acos(x/hypot(x, y))**2", {"x": 2, "y": 0}),
    ("acos((a*c + b*d)/hypot(a, b)/hypot(c, d))", {"a": 1, "b": 2, "c": 2, "d": 5}),
]


@pytest.mark.parametrize(("text", "point"), SMOOTH)
def test_a_function_of_an_angle_may_be_differentiable(text, point):
    assert decide_jointly(parse(text), exact(point)).joint is Joint.DIFFERENTIABLE


# Along z the angle is 0; across it the set is the disc of radius 1.
CLAIMS = [
    ((0, 0, 0), ("subgradient", "subgradient", "agrees")),
    ((0.6, -0.8, 0), ("subgradient", "subgradient", "agrees")),
    ((0.8, 0.8, 0), ("not-subgradient", "not-subgradient", "agrees")),
    ((0, 0, 0.1), ("not-subgradient", "not-subgradient", "wrong")),
]


@pytest.mark.parametrize(("gradient", "words"), CLAIMS)
def test_a_claimed_gradient_of_an_angle_is_judged_as_a_whole(gradient, words):
    text, at = "acos(z/sqrt(x*x + y*y + z*z))", {"x": 0, "y": 0, "z": 1}
    claims = dict(zip(at, map(str, gradient), strict=True))
    found = symdiff.compare(text, at=at, claims=claims, engines=["central"], kinks=False).records()
    verdicts = {(r["engine"], r["variable"]): r["verdict"] for r in found}
    assert tuple(verdicts["claim", name] for name in at) == words
    assert [verdicts["central", name] for name in at] == ["subgradient", "subgradient", "agrees"]
