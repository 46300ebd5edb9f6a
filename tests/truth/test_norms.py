"""Clarke sets of programs with norms that are zero: images of balls."""

import math

import numpy as np
import pytest

from symdiff.program import parse
from symdiff.truth.clarke import ClarkeBounds, Undecided, clarke_bounds
from symdiff.truth.convex_sets import Image, Sum
from symdiff.truth.exact_points import exact_number

DIRECTIONS = 40


def bounds_at(text, names, point=None):
    point = point or {}
    exact = {n: exact_number(str(point.get(n, 0))) for n in names}
    return clarke_bounds(parse(text), names, exact)


def largest_eigenvalue(d):
    """Of the matrix [[d0, d2], [d2, d1]]."""
    return np.linalg.eigvalsh([[d[0], d[2]], [d[2], d[1]]])[-1]


def singular_values(d):
    return np.linalg.svd(d.reshape(2, 2), compute_uv=False)


def length(*components):
    return np.linalg.norm(components)


SPREAD = "sqrt(((x - (x+y+z)/3)**2 + (y - (x+y+z)/3)**2 + (z - (x+y+z)/3)**2)/2)"
FIRST, SECOND = "sqrt((a + d)**2 + (b - c)**2)", "sqrt((a - d)**2 + (b + c)**2)"
LARGEST = "(x + y)/2 + sqrt(((x - y)/2)**2 + z**2)"

GREAT_CIRCLE = "acos(sin(x)*sin(0.5) + cos(x)*cos(0.5)*cos(y))"

# An expression, its variables, and the support function of its Clarke set at the origin: the
# directional derivative of a convex f, by hand; for a concave f that of -f at -d.
SETS = [
    ("hypot(x, y)", "xy", lambda d: length(*d)),
    ("-sqrt(x**2 + y**2)", "xy", lambda d: length(*d)),
    ("(hypot(x, y) - 1)**2", "xy", lambda d: 2 * length(*d)),  # 2*(0 - 1) times the ball
    ("hypot(a, b) - a - b", "ab", lambda d: length(*d) - d[0] - d[1]),  # Fischer-Burmeister
    ("sqrt(a**2 + b**2) - a - b", "ab", lambda d: length(*d) - d[0] - d[1]),
    ("3*sqrt(x*x + 4*y*y) + z", "xyz", lambda d: 3 * length(d[0], 2 * d[1]) + d[2]),
    ("sqrt(2*x*x + 2*x*y + 5*y*y)", "xy", lambda d: math.sqrt(d @ [[2, 1], [1, 5]] @ d)),
    ("(abs(x)**3 + abs(y)**3)**(1/3)", "xy", lambda d: np.linalg.norm(d, 3)),
    ("(abs(x)**1.5 + abs(y)**1.5)**(1/1.5)", "xy", lambda d: np.linalg.norm(d, 1.5)),
    ("(x**4 + y**4)**(1/4)", "xy", lambda d: np.linalg.norm(d, 4)),
    (SPREAD, "xyz", lambda d: np.std(d, ddof=1)),
    ("hypot(x, y) + hypot(y, z)", "xyz", lambda d: length(*d[:2]) + length(*d[1:])),
    ("hypot(x, y) - abs(z)", "xyz", lambda d: length(*d[:2]) + abs(d[2])),
    ("hypot(x, y) - abs(x - z)", "xyz", lambda d: length(*d[:2]) + abs(d[0] - d[2])),
    ("max(hypot(x, y), 2*y)", "xy", lambda d: max(length(*d), 2 * d[1])),
    ("relu(hypot(x, y) - 2*x)", "xy", lambda d: max(length(*d) - 2 * d[0], 0)),
    ("min(-hypot(x, y), x)", "xy", lambda d: max(length(*d), d[0])),
    ("hypot(relu(x), y)", "xy", lambda d: length(max(d[0], 0), d[1])),
    ("hypot(hypot(x, y), z)", "xyz", lambda d: length(*d)),
    ("hypot(abs(x) + abs(y), z)", "xyz", lambda d: length(abs(d[0]) + abs(d[1]), d[2])),
    ("sqrt(exp(z)*(x*x + y*y))", "xyz", lambda d: length(*d[:2])),
    ("sqrt(x**2 + y**4)", "xy", lambda d: abs(d[0])),
    ("hypot(x - sin(y), y*exp(x))", "xy", lambda d: length(d[0] - d[1], d[1])),
    ("exp(hypot(x, y))*(1 + x)", "xy", lambda d: length(*d) + d[0]),
    ("hypot(x, y)*cos(y) - log(1 + x)", "xy", lambda d: length(*d) - d[0]),
    # analytic below the root, with a definite Hessian
    ("sqrt(1 - exp(-x**2 - 2*y**2))", "xy", lambda d: length(d[0], math.sqrt(2) * d[1])),
    ("sqrt(2 - cos(x) - cos(y))", "xy", lambda d: length(*d) / math.sqrt(2)),
    (
        "x - sqrt(log(1 + x*x + y*y + x*y))",
        "xy",
        lambda d: d[0] + math.sqrt(d @ [[1, 0.5], [0.5, 1]] @ d),
    ),
    ("sqrt(x*x + y*y + x*y*y)", "xy", lambda d: length(*d)),
    ("(cosh(x)*cosh(y) - 1)**0.5*exp(z)", "xyz", lambda d: length(*d[:2]) / math.sqrt(2)),
    ("acos(1 - x*x - y*y)", "xy", lambda d: math.sqrt(2) * length(*d)),
    ("acos(cos(x)*cos(y))", "xy", lambda d: length(*d)),
    ("asin(cos(x)*cos(y))", "xy", lambda d: length(*d)),  # π/2 - acos
    ("acos(-cos(x)*cos(y))", "xy", lambda d: length(*d)),
    # v·vᵀ over unit vectors v; the entry z occurs twice
    (LARGEST, "xyz", largest_eigenvalue),
    ("(x + y)/2 + sqrt((x + y)**2 - 4*(x*y - z*z))/2", "xyz", largest_eigenvalue),
    ("(x + y)/2 - sqrt(((x - y)/2)**2 + z**2)", "xyz", largest_eigenvalue),
    # the singular values of [[a, b], [c, d]]: (first ± second)/2
    (f"max({FIRST}, {SECOND})", "abcd", lambda d: singular_values(d).sum()),
    (f"({FIRST} + {SECOND})/2", "abcd", lambda d: singular_values(d)[0]),
]


@pytest.mark.parametrize(("text", "names", "support"), SETS)
def test_the_clarke_set_at_a_zero_norm_is_the_one_derived_by_hand(text, names, support):
    bounds = bounds_at(text, names)
    assert bounds.exact
    for d in np.random.default_rng(5).standard_normal((DIRECTIONS, len(names))):
        assert bounds.inner.support(d)[0] == pytest.approx(support(d), abs=1e-12)


@pytest.mark.parametrize(("text", "names", "support"), SETS)
def test_a_support_point_is_inside_and_a_point_beyond_it_is_outside(text, names, support):
    bounds = bounds_at(text, names)
    for d in np.random.default_rng(6).standard_normal((3, len(names))):
        end = bounds.inner.support(d)[1]
        assert bounds.contains(end.tolist(), 1e-9) is True
        assert bounds.contains((end + 1e-4 * d).tolist(), 1e-9) is False
        assert end @ d == pytest.approx(support(d), abs=1e-12)


POINTS = [
    ("hypot(x - 1, y - 2) + abs(x - 1)", {"x": 1, "y": 2}, lambda d: length(*d) + abs(d[0])),
    ("hypot(sin(pi*x), y)", {"x": 1, "y": 0}, lambda d: length(math.pi * d[0], d[1])),
    ("sqrt((x - 0.1)**2 + y*y)", {"x": 0.1, "y": 0}, lambda d: length(*d)),
    ("hypot(x**2 - 2, y)", {"x": "sqrt(2)", "y": 0}, lambda d: length(math.sqrt(8) * d[0], d[1])),
    ("y*hypot(x, y - 3)", {"x": 0, "y": 3}, lambda d: 3 * length(*d)),
    ("y*hypot(x, y + 3)", {"x": 0, "y": -3}, lambda d: 3 * length(*d)),
    # the distance from (0.5, 0) on the sphere, by latitude and longitude
    (GREAT_CIRCLE, {"x": 0.5, "y": 0}, lambda d: length(d[0], math.cos(0.5) * d[1])),
    ("hypot(x, y)", {"x": 3, "y": 4}, lambda d: 0.6 * d[0] + 0.8 * d[1]),
]


@pytest.mark.parametrize(("text", "point", "support"), POINTS)
def test_a_norm_is_found_to_be_zero_at_exact_points(text, point, support):
    bounds = bounds_at(text, "xy", point)
    assert bounds.exact
    for d in np.random.default_rng(7).standard_normal((DIRECTIONS, 2)):
        assert bounds.inner.support(d)[0] == pytest.approx(support(d), abs=1e-12)


# Functions of a norm that are differentiable at 0, and their gradient.
SMOOTH = [
    ("hypot(x, y)**2", (0, 0)),
    ("hypot(x, y)**3", (0, 0)),
    ("hypot(x, y)**1.5", (0, 0)),
    ("hypot(x, y)*sin(hypot(x, y))", (0, 0)),
    ("hypot(x, y)*abs(x - y)", (0, 0)),
    ("cos(hypot(x, y)) + x", (1, 0)),
    ("sqrt(x**4 + y**4)", (0, 0)),
    ("(x*x + y*y)**0.75", (0, 0)),
    ("hypot(x, y) - sqrt(x*x + y*y) + 2*y", (0, 2)),
    ("abs(hypot(x, y)) - sqrt(2*x*x - x*x + y*y) + y", (0, 1)),
]


@pytest.mark.parametrize(("text", "gradient"), SMOOTH)
def test_a_smooth_function_of_a_norm_has_one_gradient(text, gradient):
    bounds = bounds_at(text, "xy")
    assert bounds.contains(gradient, 1e-9) is True
    assert bounds.contains((gradient[0] + 0.01, gradient[1]), 1e-9) is not True
    assert bounds.exact
    assert bounds.shortest() == pytest.approx(gradient)


def test_a_higher_power_beside_a_square_is_not_dropped_from_the_function():
    """d/dy of √(y² + x⁴) - |y| is -1 where 0 < y < x⁴, although both have the set |d1|."""
    bounds = bounds_at("sqrt(y**2 + x**4) - abs(y)", "xy")
    assert bounds.contains((0, 0), 1e-9) is not False
    assert bounds.contains((0, -1), 1e-9) is not False
    assert not bounds.exact


def test_a_difference_of_a_norm_and_another_kink_is_bounded_from_both_sides():
    """Limits of gradients are (cos t - 2, sin t) for cos t > 0, and (cos t + 2, sin t) else."""
    bounds = bounds_at("hypot(x, y) - 2*abs(x)", "xy")
    assert not bounds.exact
    assert bounds.contains((0, 0), 1e-9) is True
    assert bounds.contains((1.9, 0), 1e-9) is True
    assert bounds.contains((2.5, 0), 1e-9) is None
    assert bounds.contains((3.1, 0), 1e-9) is False
    assert bounds.contains((0, 1.1), 1e-9) is False


UNDECIDED = [
    ("sqrt(x*x - y*y)", "not a sum of squares"),
    ("sqrt(x**2 + y**3)", "not a sum of squares"),
    ("sqrt(1 - cos(x - y))", "not a sum of squares"),  # it is |x - y|/√2, but the form is singular
    ("sqrt(x*x + y*y + sqrt(x*x + y*y)*y*y)", "not a sum of squares"),  # not analytic
    ("acos(1 - x)*y", "end of its domain"),
    ("sqrt(hypot(x, y))", "infinite slope"),
    ("(sqrt(abs(x)) + sqrt(abs(y)))**2", "infinite slope"),
    ("x/hypot(x, y)", "divide is undefined"),
    ("sqrt(x)*y", "not a sum of squares"),
    ("hypot(floor(x), y)", "jump"),
    ("1e200*hypot(x, y)", "too large"),
]


@pytest.mark.parametrize(("text", "reason"), UNDECIDED)
def test_what_is_not_decided_has_a_reason(text, reason):
    bounds = bounds_at(text, "xy")
    assert isinstance(bounds, Undecided)
    assert reason in bounds.reason


def test_the_shortest_element_is_the_projection_of_zero():
    bounds = bounds_at("hypot(a, b) - a - b", "ab")
    expected = -1 + math.sqrt(0.5)  # the ball around (-1, -1)
    assert bounds.shortest() == pytest.approx([expected, expected])
    assert bounds_at("hypot(x, y) - 3*x", "xy").shortest() == pytest.approx([-2, 0])
    assert bounds_at("hypot(x, 2*y) - 0.5*x", "xy").shortest() == pytest.approx([0, 0], abs=1e-9)


def test_a_ball_that_is_too_small_is_noticed():
    # Negative control.
    right = bounds_at("hypot(x, y)", "xy")
    small = Sum(np.zeros(2), ((0.99, Image(np.eye(2))),))
    wrong = ClarkeBounds(small, small, small, exact=True)
    assert right.contains((0.6, 0.8), 1e-9) is True
    assert wrong.contains((0.6, 0.8), 1e-9) is False
