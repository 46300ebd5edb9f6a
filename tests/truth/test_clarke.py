"""Bounds of the Clarke set, and continuity across the boundary of a choice."""

import numpy as np
import pytest

from symdiff.arithmetics.series.reals import Real
from symdiff.program import parse
from symdiff.truth.branch_continuity import is_continuous_across_branches
from symdiff.truth.clarke import Undecided, clarke_bounds
from symdiff.truth.polytopes import distance_to_hull, min_norm


def at(**point):
    return {name: Real.of(value) for name, value in point.items()}


def bounds_at(text, names, **point):
    return clarke_bounds(parse(text), names.split(), at(**point))


def assert_spans(body, vertices):
    """Check that a convex set is the hull of points, by its support function."""
    points = np.array(vertices, dtype=float)
    directions = np.random.default_rng(1).standard_normal((50, points.shape[1]))
    supports = [body.support(d)[0] for d in (*directions, *np.eye(points.shape[1]))]
    expected = [max(points @ d) for d in (*directions, *np.eye(points.shape[1]))]
    assert supports == pytest.approx(expected, abs=1e-12)


# An expression, its variables, a point, the vertices of the Clarke set, derived by hand.
EXACT = [
    ("abs(x)", "x", {"x": 0}, [(-1,), (1,)]),
    ("abs(x - y)", "x y", {"x": 1, "y": 1}, [(-1, 1), (1, -1)]),
    ("max(x, y)", "x y", {"x": 2, "y": 2}, [(0, 1), (1, 0)]),
    ("max(a, b, c)", "a b c", {"a": 1, "b": 1, "c": 1}, [(0, 0, 1), (0, 1, 0), (1, 0, 0)]),
    ("clamp(a, b, c)", "a b c", {"a": -1, "b": -1, "c": 1}, [(0, 1, 0), (1, 0, 0)]),
    ("abs(x) + abs(y)", "x y", {"x": 0, "y": 0}, [(-1, -1), (-1, 1), (1, -1), (1, 1)]),
    ("max(0, x - abs(y))", "x y", {"x": 0, "y": 0}, [(0, 0), (1, -1), (1, 1)]),
    ("relu(x + y)*z", "x y z", {"x": 1, "y": -1, "z": 3}, [(0, 0, 0), (3, 3, 0)]),
    ("leaky_relu(x - y)", "x y", {"x": 1, "y": 1}, [(0.01, -0.01), (1, -1)]),
    ("elu(x - y)", "x y", {"x": 1, "y": 1}, [(1, -1)]),
    ("where(a > b, a, b)*c", "a b c", {"a": 1, "b": 1, "c": 2}, [(0, 2, 1), (2, 0, 1)]),
    ("max(where(0 > 0, 1, x), y)", "x y", {"x": 0, "y": 0}, [(0, 1), (1, 0)]),
    ("max(x, where(0 < 1, -inf, y), y)", "x y", {"x": 0, "y": 0}, [(0, 1), (1, 0)]),
    # 2x and 3x are active at 0, but on no open set.
    ("max(x, 2*x, 3*x, 4*x)", "x", {"x": 0}, [(1,), (4,)]),
    ("relu(x) - relu(-x)", "x", {"x": 0}, [(1,)]),
    # for y < 0 the outer switch is zero everywhere
    ("max(0*x, relu(y))", "x y", {"x": 0, "y": 0}, [(0, 0), (0, 1)]),
    ("max(x, relu(x))", "x", {"x": 0}, [(0,), (1,)]),
    ("sin(x)*y", "x y", {"x": 0, "y": 2}, [(2, 0)]),
    # the switch 2*y and the switches of y: one side of each is the same
    ("max(softshrink(x) + y, softshrink(x) - y) - abs(y)", "x y", {"x": 2, "y": 0}, [(1, 0)]),
    ("max(6*hardsigmoid(x) + y, 6*hardsigmoid(x) - y) - abs(y)", "x y", {"x": 2, "y": 0}, [(1, 0)]),
]


@pytest.mark.parametrize(("text", "names", "point", "expected"), EXACT)
def test_the_clarke_set_is_the_one_derived_by_hand(text, names, point, expected):
    bounds = bounds_at(text, names, **point)
    assert bounds.exact
    assert_spans(bounds.inner, expected)


@pytest.mark.parametrize(("text", "names", "point", "expected"), EXACT)
def test_the_vertices_and_the_mean_are_in_the_clarke_set_and_a_far_point_is_not(
    text, names, point, expected
):
    bounds = bounds_at(text, names, **point)
    corners = np.array(expected, dtype=float)
    for inside in (*corners, corners.mean(axis=0)):
        assert bounds.contains(inside.tolist(), 1e-9) is True
    size = np.abs(corners).max() + 1
    assert bounds.contains((corners[0] + 10 * size).tolist(), 1e-9) is False


def test_a_gradient_of_a_region_without_an_open_cone_is_undecided():
    """Near (0, 0) the gradient is (0, -2) where |y| < x**2, and else close to (0, 0)."""
    bounds = bounds_at("abs(y - x**2) - abs(y + x**2)", "x y", x=0, y=0)
    assert not bounds.exact
    assert_spans(bounds.inner, [(0, 0)])
    assert_spans(bounds.outer, [(0, -2), (0, 2)])
    assert bounds.contains([0, 0], 1e-9) is True
    assert bounds.contains([0, -1], 1e-9) is None
    assert bounds.contains([1, 0], 1e-9) is False


def test_a_gradient_of_an_extremely_thin_cone_is_undecided():
    """Where x < y < x + x/1e13 the gradient is (-1e13, 1e13)."""
    bounds = bounds_at("min(relu(1e13*(y - x)), relu(x))", "x y", x=0, y=0)
    assert not bounds.exact
    assert bounds.contains([-1e13, 1e13], 1e-9) is None
    assert bounds.contains([1, 0], 1e-25) is True


def test_the_tolerance_of_a_component_is_relative_to_that_component():
    """A component next to one of size 1e10 is still checked."""
    bounds = bounds_at("1e10*abs(x - z) + relu(y) - relu(-y)", "x z y", x=0, y=0, z=0)
    assert bounds.contains([0, 0, 1], 1e-9) is True
    assert bounds.contains([1e10, -1e10, 1 + 1e-10], 1e-9) is True
    assert bounds.contains([0, 0, 0], 1e-9) is False
    assert bounds.contains([0, 0, 1 + 1e-5], 1e-9) is None  # may be a rounding error of 1e10
    thin = bounds_at("abs(1e12*x - y)", "x y", x=0, y=0)
    assert thin.contains([5e11, -0.5], 1e-9) is True
    assert thin.contains([0, 3], 1e-9) is False


def test_the_result_of_automatic_differentiation_is_in_the_outer_hull():
    bounds = bounds_at("relu(x) - relu(-x)", "x", x=0)
    assert bounds.contains([0], 1e-9) is False
    assert bounds.outer_contains([0], 1e-9)
    assert not bounds.outer_contains([3], 1e-9)


# Expressions whose branches differ at a boundary near (0, 0), or may differ.
UNDECIDED = [
    ("where(y > 0, x, 0)", "x y"),  # continuous at (0, 0), but not near it
    ("where(y > 0, x**2, 0)", "x y"),  # the same, with a zero gradient
    ("where(y > 0, 1 + x, x)", "x y"),
    ("floor(x) + abs(y)", "x y"),
    ("sign(x)*y", "x y"),
    ("sqrt(x*y)", "x y"),  # undefined in two quadrants
    ("sqrt(abs(x) + abs(y))", "x y"),  # not Lipschitz
    ("atan2(x, y)", "x y"),
]


@pytest.mark.parametrize(("text", "names"), UNDECIDED)
def test_the_clarke_set_is_undecided_where_branches_may_differ(text, names):
    assert isinstance(bounds_at(text, names, x=0, y=0), Undecided)


# An expression, and whether its choice is proved to be continuous near (0, 0).
CHOICES = [
    ("where(y > 0, x*y, 0)", True),
    ("where(y > 0, x, 0)", False),
    ("where(x > y, x, y)", True),
    ("where(x > y, x, -y)", False),
    ("where(x - y > 0, (x - y)*3, 0)", True),  # a function of x - y alone
    ("where(y > x, x, 0)", False),  # equal branches only at (0, 0)
    ("where(y > x, (y - x)*exp(x), 0)", True),
    ("where(y > x, x*tanh(log(cosh(3e-6))), 0)", False),  # sympy: tanh(log(cosh(3e-6))) is zero
    ("where(y > x, y - x + sin(log(1 + 1e-15)), 0)", False),  # and sympy takes this for zero too
    ("leaky_relu(x*y)", True),
    ("hardshrink(x + 0.5)", False),
    ("where(x > 1, x, y)", True),  # the condition is constant near (0, 0)
    ("where(x > 0 and y > 0, x*y, 0)", True),
    ("where(x > 0 and y > 0, min(x, y), 0)", True),  # x and y are not negative at the boundary
    ("where(x > 0 or y > 0, max(x, y), 0)", True),
    ("where(not (x > 0 or y > 0), 0, max(x, y))", True),
    ("where(x > 0 and y > 0, x + y, 0)", False),
    ("where(x > 0 and y > 0, max(x, y), 0)", False),  # y where x = 0
    ("where(x > 0 or y > 0, min(x, y), 0)", False),  # y where x = 0 and y < 0
    ("where(x > 0 and y > -1, x*y, 0)", True),
    ("where(x > 0 and y < 1, x*y, 0)", True),
    ("where(x + y > 0, (x + y)*x, (x + y)*abs(y))", True),  # a factor x + y
    ("where(x + 2*y > 0, x, -2*y)", True),
    ("where(x + 2*y > 0, x, 2*y)", False),
    ("where(x > sin(y), (sin(y) - x)**2/exp(x), 0)", True),
    ("where(x*y > 0, sqrt(abs(x*y)), 0)", True),
    ("where(x*y > 0, abs(x*y) + 1e-300, 0)", False),
    ("where(x*y > 0, x*y/(x*y), 0)", False),
    ("where(x*y > 0, x*y*(1/(x*y)), 0)", False),
    ("where(x - y**2 > 0, min(x - y**2, relu(x - y**2)), 0)", True),
    ("1 if x == 0 else exp(x)", True),
    # a condition without variables does not switch, whatever its value is
    ("where(0 > 0, x, y)", True),
    ("where(0 > 0 or 1 > 2, x, y + 1)", True),
    ("where(0 > 0 or x > 0, x, y + 1)", False),
    ("where(sin(pi) > 0, x, y + 1)", True),
    # the condition switches at x = 0 alone, where the branches are equal
    ("where(gelu(x) > 0, sin(x)*y, 0)", True),
    ("where(exp(x) - 1 > 0, relu(x)*y + x, 0)", True),
    ("where(exp(x) > 1, 2, 5)*log(1 + x)*y", True),
    ("where(exp(x) > 1, 2, 5)*(log(1 + x) + y)", False),
    ("where(sin(x)*cos(y) > 0, x*y, 0)", True),
    ("where(sin(x)*cos(y) > 0, y, 0)", False),
    ("where(gelu(x) > 0, x + y, 0)", False),
    ("where(sin(x)*y > 0, x, 0)", False),  # and at y = 0
    # a choice of constants jumps, a product with it may not
    ("x*where(x > 0, 1, -1)", True),
    ("where(gelu(x) > 0, 2, 5)*sin(x)*y", True),
    ("copysign(x*y, sin(x))", True),
    ("copysign(x, x*y)", False),  # jumps at y = 0
    ("copysign(x*y, x) + copysign(y, x)", False),
    ("where(x > 0, 1, -1)*y", False),
    ("where(x > 0, 1, -1)*(x + y)", False),
]


@pytest.mark.parametrize(("text", "expected"), CHOICES)
def test_continuity_across_the_boundary_of_a_choice_is_proved(text, expected):
    assert is_continuous_across_branches(parse(text), at(x=0, y=0)) is expected


# Sums with more than 12 zero switches, and the support function of the Clarke set in a direction d,
# by hand: |s| has |∇s·d|, a maximum the largest component, independent terms add up.
MANY = [
    (" + ".join(f"abs(x{i} + y)" for i in range(14)), lambda d: np.abs(d[:14] + d[14]).sum()),
    # independent switches: signs do not matter
    (" - ".join(f"abs(x{i} - x{i + 1})" for i in range(14)), lambda d: np.abs(np.diff(d)).sum()),
    (f"max({', '.join(f'x{i}' for i in range(15))})", lambda d: d.max()),
    (" + ".join(f"relu(x{i})" for i in range(15)), lambda d: np.maximum(d, 0).sum()),
    (
        " + ".join(f"max(x{i}, x{i + 1}, y)" for i in range(14)),
        lambda d: sum(max(d[i], d[i + 1], d[15]) for i in range(14)),
    ),
]


@pytest.mark.parametrize(("text", "support"), MANY)
def test_more_zero_switches_than_can_be_enumerated_are_decided(text, support):
    names = [*(f"x{i}" for i in range(15)), "y"]
    names = [name for name in names if name in parse(text).inputs]
    bounds = clarke_bounds(parse(text), names, at(**dict.fromkeys(names, 0)))
    assert bounds.exact
    for d in np.random.default_rng(3).standard_normal((20, len(names))):
        assert bounds.inner.support(d)[0] == pytest.approx(support(d))


NESTED = "max(" * 99 + "x0" + "".join(f", x{i})" for i in range(1, 100))


def test_a_maximum_of_many_equal_numbers_is_the_simplex():
    names = [f"x{i}" for i in range(100)]
    bounds = clarke_bounds(parse(NESTED), names, at(**dict.fromkeys(names, 3)))
    assert bounds.exact
    assert bounds.contains([0.01] * 100, 1e-9) is True
    assert bounds.contains([0.011] * 100, 1e-9) is False


def test_kinks_that_are_nested_too_deeply_are_undecided():
    text = "x"
    for _ in range(60):
        text = f"abs({text} - relu(y))"
    bounds = bounds_at(text, "x y", x=0, y=0)
    assert isinstance(bounds, Undecided)
    assert "nested" in bounds.reason


def test_a_shared_kink_is_not_copied_at_each_use():
    definitions = {"h0": "abs(x - y)"}
    for k in range(1, 13):  # 13 switches
        definitions[f"h{k}"] = f"max(h{k - 1} + x, 2*h{k - 1})"
    program = parse("h12", definitions=definitions)
    assert isinstance(clarke_bounds(program, ["x", "y"], at(x=0, y=0)), Undecided)


def test_many_dependent_switches_of_both_signs_are_bounded():
    """Along d, the gradient of Σ c_k·|r_k·x| is Σ c_k·sign(r_k·d)·r_k."""
    terms = [(k % 3 - 1 or 2, k - 7, 5 - k % 7) for k in range(15)]
    text = " + ".join(f"({c})*abs(({a})*x + ({b})*y)" for c, a, b in terms)
    bounds = bounds_at(text, "x y", x=0, y=0)
    for direction in np.random.default_rng(4).standard_normal((10, 2)):
        limit = sum(c * np.sign(np.dot((a, b), direction)) * np.array([a, b]) for c, a, b in terms)
        assert bounds.contains(limit.tolist(), 1e-9) is True
    assert bounds.contains([1000, 0], 1e-9) is False
    assert bounds.outer_contains([0, 0], 1e-9)


class TestGeometry:
    SQUARE = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])

    @pytest.mark.parametrize(
        ("point", "expected"),
        [((0.5, 0.5), 0), ((1, 1), 0), ((2, 0.5), 1), ((-1, -3), 3), ((0.5, 1.25), 0.25)],
    )
    def test_the_distance_to_a_hull(self, point, expected):
        assert distance_to_hull(np.array(point, dtype=float), self.SQUARE) == pytest.approx(
            expected
        )

    def test_the_distance_scales(self):
        big = self.SQUARE * 1e200
        assert distance_to_hull(np.array([2e200, 0.0]), big) == pytest.approx(1e200)
        assert distance_to_hull(np.array([2e-200, 0.0]), self.SQUARE * 1e-200) == pytest.approx(
            1e-200
        )

    def test_the_shortest_element(self):
        assert min_norm(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx([0.5, 0.5])
        assert min_norm(self.SQUARE + 1) == pytest.approx([1, 1], abs=1e-6)
        assert min_norm(self.SQUARE - 0.5) == pytest.approx([0, 0], abs=1e-6)
