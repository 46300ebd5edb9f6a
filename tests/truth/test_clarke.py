"""Hulls around and inside the Clarke set, and whether branches meet along their joint."""

import numpy as np
import pytest

from symdiff.arithmetics.series.reals import Real
from symdiff.program import parse
from symdiff.truth.branch_continuity import is_continuous_across_branches
from symdiff.truth.clarke import clarke_hulls, distance_to_hull, has_coupled_switches, min_norm


def at(**point):
    return {name: Real.of(value) for name, value in point.items()}


def found(text, names, **point):
    return clarke_hulls(parse(text), names.split(), at(**point))


def vertices(array):
    return sorted({tuple(row) for row in array.round(12).tolist()})


# An expression, its variables, a point, the vertices of the Clarke set (by hand).
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
    # 2x and 3x are active at 0, but on no open set.
    ("max(x, 2*x, 3*x, 4*x)", "x", {"x": 0}, [(1,), (4,)]),
    ("relu(x) - relu(-x)", "x", {"x": 0}, [(1,)]),
    # below y = 0 the outer switch is zero all over
    ("max(0*x, relu(y))", "x y", {"x": 0, "y": 0}, [(0, 0), (0, 1)]),
    ("max(x, relu(x))", "x", {"x": 0}, [(0,), (1,)]),
    ("sin(x)*y", "x y", {"x": 0, "y": 2}, [(2, 0)]),
]


@pytest.mark.parametrize(("text", "names", "point", "expected"), EXACT)
def test_the_clarke_set_where_it_is_known(text, names, point, expected):
    both = found(text, names, **point)
    assert both.exact
    assert vertices(both.inner) == [tuple(map(float, v)) for v in expected]


@pytest.mark.parametrize(("text", "names", "point", "expected"), EXACT)
def test_its_vertices_and_its_middle_are_in_it_and_nothing_far_off(text, names, point, expected):
    both = found(text, names, **point)
    corners = np.array(expected, dtype=float)
    for inside in (*corners, corners.mean(axis=0)):
        assert both.contains(inside.tolist(), 1e-9) is True
    size = np.abs(corners).max() + 1
    assert both.contains((corners[0] + 10 * size).tolist(), 1e-9) is False


def test_a_thin_region_is_left_open():
    """Near (0, 0) the gradients are (0, 0) and, where |y| < x**2 only, close to (0, -2)."""
    both = found("abs(y - x**2) - abs(y + x**2)", "x y", x=0, y=0)
    assert not both.exact
    assert vertices(both.inner) == [(0, 0)]
    assert vertices(both.outer) == [(0, -2), (0, 0), (0, 2)]
    assert both.contains([0, 0], 1e-9) is True
    assert both.contains([0, -1], 1e-9) is None
    assert both.contains([1, 0], 1e-9) is False


def test_a_cone_of_a_billionth_of_a_degree_is_left_open():
    """Where x < y < x + x/1e13 the gradient is (-1e13, 1e13)."""
    both = found("min(relu(1e13*(y - x)), relu(x))", "x y", x=0, y=0)
    assert not both.exact
    assert both.contains([-1e13, 1e13], 1e-9) is None
    assert both.contains([1, 0], 1e-25) is True


def test_a_component_is_held_to_its_own_size():
    """Beside one of 1e10 a gradient's other component may not be anything."""
    both = found("1e10*abs(x - z) + relu(y) - relu(-y)", "x z y", x=0, y=0, z=0)
    assert both.contains([0, 0, 1], 1e-9) is True
    assert both.contains([1e10, -1e10, 1 + 1e-10], 1e-9) is True
    assert both.contains([0, 0, 0], 1e-9) is False
    assert both.contains([0, 0, 1 + 1e-5], 1e-9) is None  # rounding beside 1e10 may have lost that
    thin = found("abs(1e12*x - y)", "x y", x=0, y=0)
    assert thin.contains([5e11, -0.5], 1e-9) is True
    assert thin.contains([0, 3], 1e-9) is False


def test_what_automatic_differentiation_may_give_is_in_the_outer_hull():
    both = found("relu(x) - relu(-x)", "x", x=0)
    assert both.contains([0], 1e-9) is False
    assert both.outer_contains([0], 1e-9)
    assert not both.outer_contains([3], 1e-9)


# Expressions whose branches do not meet, or of which that is not known.
REFUSED = [
    ("where(y > 0, x, 0)", "x y"),  # continuous at (0, 0), not beside it
    ("where(y > 0, x**2, 0)", "x y"),  # the same, and flat at first order
    ("where(y > 0, 1 + x, x)", "x y"),
    ("floor(x) + abs(y)", "x y"),
    ("sign(x)*y", "x y"),
    ("hypot(x, y)", "x y"),  # a cone: no finite hull
    ("max(sqrt(x**2 + y**2), 1)", "x y"),  # a root at the end of its domain
]


@pytest.mark.parametrize(("text", "names"), REFUSED)
def test_nothing_is_said_where_branches_do_not_meet(text, names):
    assert found(text, names, x=0, y=0) is None


# An expression, and whether its choice is proved to be continuous at (0, 0).
JOINTS = [
    ("where(y > 0, x*y, 0)", True),
    ("where(y > 0, x, 0)", False),
    ("where(x > y, x, y)", True),
    ("where(x > y, x, -y)", False),
    ("where(x - y > 0, (x - y)*3, 0)", True),  # through one node
    ("where(y > x, x, 0)", False),  # zero here, and a jump at every other point of the joint
    ("where(y > x, (y - x)*exp(x), 0)", True),
    ("where(y > x, x*tanh(log(cosh(3e-6))), 0)", False),  # sympy: tanh(log(cosh(3e-6))) is zero
    ("where(y > x, y - x + sin(log(1 + 1e-15)), 0)", False),  # and so is this
    ("leaky_relu(x*y)", True),
    ("hardshrink(x + 0.5)", False),
    ("where(x > 1, x, y)", True),  # no joint here
    ("where(x > 0 and y > 0, x*y, 0)", False),  # true, and not proved
    ("1 if x == 0 else exp(x)", True),
]


@pytest.mark.parametrize(("text", "expected"), JOINTS)
def test_continuity_along_a_joint_is_checked(text, expected):
    assert is_continuous_across_branches(parse(text), at(x=0, y=0)) is expected


def test_a_switch_of_one_variable_couples_nothing():
    assert not has_coupled_switches(parse("abs(x) + abs(y)"), at(x=0, y=0))
    assert has_coupled_switches(parse("abs(x - y)"), at(x=1, y=1))
    assert not has_coupled_switches(parse("abs(x - y)"), at(x=1, y=2))


def test_too_many_switches_at_once_are_refused():
    names = [f"x{i}" for i in range(14)]
    text = " + ".join(f"abs({n} + y)" for n in names)
    assert clarke_hulls(parse(text), [*names, "y"], at(**dict.fromkeys([*names, "y"], 0))) is None


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
