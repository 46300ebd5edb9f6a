"""Distances to convex sets, which decide whether a gradient is a subgradient."""

import math

import numpy as np
import pytest

import symdiff
from symdiff.truth.convex_sets import Cone, Hull, Image, Sum, Vertices
from symdiff.truth.polytopes import min_norm
from symdiff.truth.set_distances import (
    distance_bounds,
    limits_of_gradients,
    projection_on_ellipsoid,
    shortest,
)


@pytest.mark.parametrize("count", [2, 3, 10, 40])
def test_a_point_on_the_boundary_of_an_ellipsoid_is_inside(count):
    rng = np.random.default_rng(count)
    ellipsoid = Sum(
        rng.standard_normal(count), ((2.0, Image(rng.standard_normal((count, count)))),)
    )
    point = ellipsoid.support(rng.standard_normal(count))[1]
    assert distance_bounds(point, ellipsoid, 1e-9)[1] <= 1e-9
    far = point + 1e-6 * (point - ellipsoid.center)
    assert distance_bounds(far, ellipsoid, 1e-9)[0] > 1e-9


def test_a_sum_of_balls_and_segments():
    rng = np.random.default_rng(8)
    parts = tuple((1.0, Image(rng.standard_normal((k, 6)))) for k in (1, 1, 2, 3))
    body = Sum(np.zeros(6), parts)
    point = body.support(rng.standard_normal(6))[1]
    assert distance_bounds(0.999 * point, body, 1e-9)[1] <= 1e-9
    assert distance_bounds(point, body, 1e-9)[1] <= 1e-9
    assert distance_bounds(1.001 * point, body, 1e-9)[0] > 1e-9


@pytest.mark.parametrize(
    "constant",
    [Image(np.zeros((2, 2))), Vertices(np.zeros((3, 2))), Vertices(np.array([[0.5, 0.25]] * 2))],
)
def test_a_part_that_is_one_point_only_moves_the_set(constant):
    moved = constant.support(np.eye(2)[0])[1]
    alone = Sum(np.zeros(2), ((1.0, constant),))
    assert distance_bounds(moved, alone, 1e-9) == (0.0, 0.0)
    assert distance_bounds(moved + np.array([2.0, 0.0]), alone, 1e-9) == (2.0, 2.0)
    disc = Sum(np.zeros(2), ((1.0, Image(np.eye(2))), (1.0, constant)))
    low, high = distance_bounds(moved + np.array([3.0, 0.0]), disc, 1e-9)
    assert (low, high) == (pytest.approx(2.0), pytest.approx(2.0))


def test_the_bounds_enclose_the_distance_to_a_disc():
    disc = Sum(np.zeros(2), ((1.0, Image(np.eye(2))),))
    low, high = distance_bounds(np.array([2.0, 2.0]), disc, 1e-9)
    assert low <= 2 - math.sqrt(0.5) <= high + 1e-12
    assert shortest(Sum(np.array([2.0, 2.0]), disc.parts)) == pytest.approx(
        [2 - math.sqrt(0.5)] * 2
    )


def test_a_projection_on_an_ellipsoid_is_the_nearest_of_many_elements():
    rng = np.random.default_rng(9)
    rows, point = rng.standard_normal((3, 4)), 3 * rng.standard_normal(4)
    nearest = projection_on_ellipsoid(point, rows)
    units = rng.standard_normal((2000, 3))
    units /= np.maximum(1, np.linalg.norm(units, axis=1))[:, None]
    distances = np.linalg.norm(units @ rows - point, axis=1)
    assert np.linalg.norm(nearest - point) <= distances.min()
    assert np.linalg.norm(np.linalg.pinv(rows.T) @ nearest) == pytest.approx(1)


def test_an_ellipsoid_without_interior():
    rows = np.array([[1.0, 1.0], [2.0, 2.0]])  # the segment between ±(√5, √5)
    assert projection_on_ellipsoid(np.array([9.0, 0.0]), rows) == pytest.approx([5**0.5] * 2)
    assert projection_on_ellipsoid(np.array([1.0, 0.0]), rows) == pytest.approx([0.5, 0.5])
    assert projection_on_ellipsoid(np.zeros(2), np.zeros((2, 2))) == pytest.approx([0, 0])


def test_a_product_of_sets_is_split_into_blocks():
    rows = np.eye(6)
    body = Sum(np.arange(6.0), tuple((1.0, Image(rows[k : k + 2])) for k in (0, 2)))
    assert sorted(tuple(used) for used, _ in body.blocks()) == [(0, 1), (2, 3), (4, 5)]
    start = body.center
    assert distance_bounds(start + np.array([0.6, 0.8, -1, 0, 0, 0]), body, 1e-9)[1] <= 1e-9
    assert distance_bounds(start + np.array([0.6, 0.8, -1, 0.01, 0, 0]), body, 1e-9)[0] > 1e-9
    beside = start + np.array([0, 0, 0, 0, 1e-6, 0])
    assert distance_bounds(beside, body, 1e-9)[0] == pytest.approx(1e-6)


SQUARE = Vertices(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]))
POINT = Sum(np.array([3.0, 0.0]))
DISC = Sum(np.zeros(2), ((1.0, Image(np.eye(2))),))
X_SIZE, Y_SIZE = (Sum(np.zeros(2), ((1.0, Image(np.eye(2)[k : k + 1])),)) for k in (0, 1))
SUPPORTS = [
    (Sum(np.array([1.0, 0.0]), ((1.0, SQUARE),)), lambda d: d[0] + np.maximum(d, 0).sum()),
    (Sum(np.zeros(2), ((-2.0, SQUARE),)), lambda d: 2 * np.maximum(-d, 0).sum()),
    (Sum(np.zeros(2), ((1.0, Hull((POINT, DISC))),)), lambda d: max(3 * d[0], np.hypot(*d))),
    (Sum(np.zeros(2), ((1.0, Cone((X_SIZE, Y_SIZE), 3.0)),)), lambda d: np.linalg.norm(d, 3)),
    (
        Sum(np.zeros(2), ((1.0, Cone((DISC, POINT))),)),
        lambda d: np.hypot(np.hypot(*d), max(3 * d[0], 0)),
    ),
]


@pytest.mark.parametrize(("body", "support"), SUPPORTS)
def test_support_functions_add_up_reflect_and_take_maxima(body, support):
    for d in np.random.default_rng(10).standard_normal((20, 2)):
        value, point = body.support(d)
        assert value == pytest.approx(support(d))
        assert point @ d == pytest.approx(value)
        assert body.scaled(np.array([2.0, 3.0])).support(d / [2, 3])[0] == pytest.approx(value)


def test_limits_of_gradients_are_support_points_of_a_convex_function():
    body = Sum(np.array([1.0, 0.0]), ((2.0, Hull((POINT, DISC))), (1.0, Image(np.eye(2)[:1]))))
    limits = limits_of_gradients(body)
    assert len(limits) > 100
    for limit in limits[::20]:
        assert distance_bounds(limit, body, 1e-9)[1] <= 1e-9


def test_limits_of_gradients_of_a_difference_are_not_those_of_a_sum():
    """|x| - |x + y| has the gradients ±(0, 1) and ±(2, 1) but not ±(1, 1)."""
    rows = np.array([[1.0, 0.0], [1.0, 1.0]])
    body = Sum(np.zeros(2), ((1.0, Image(rows[:1])), (-1.0, Image(rows[1:]))))
    limits = {tuple(row) for row in limits_of_gradients(body).tolist()}
    assert limits == {(0, -1), (0, 1), (2, 1), (-2, -1)}


@pytest.mark.parametrize(
    ("parts", "inside", "outside"),
    [
        # a coordinate in which all points of a part agree keeps its number
        ([[[1, 1], [1, -1]]], (1, 0.5), (0, 0.5)),
        ([[[1, 0.25], [1, -0.25]]], (1, 0), (0, 0)),
        ([[[2, 1], [2, -1]], [[1, 5], [-1, 5]]], (1.5, 5.5), (0.5, 5.5)),
        ([[[3, -1]]], (3, -1), (3, 0)),
        ([[[3, -1]], [[0, 1], [0, -1]]], (3, -1.5), (0, -1.5)),
        ([[[1, 1, 7], [1, -1, 7]], [[0, 2, 0], [0, 2, 1]]], (1, 2.5, 7.5), (1, 0.5, 7.5)),
    ],
)
def test_what_is_constant_in_a_part_of_a_sum_is_kept(parts, inside, outside):
    # By hand: each sum is a box.
    body = Sum(np.zeros(len(inside)), tuple((1.0, Vertices(np.array(p, float))) for p in parts))
    assert distance_bounds(np.array(inside, float), body, 1e-9)[1] <= 1e-9
    assert distance_bounds(np.array(outside, float), body, 1e-9)[0] > 0.1


@pytest.mark.parametrize("size", [1.0, 1e-200, 1e-310, 1e300])
def test_the_shortest_element_of_a_hull_of_any_size_is_found(size):
    corners = size * np.array([[1.0, -1.0], [1.0, 1.0], [2.0, 0.0]])
    assert min_norm(corners) == pytest.approx([size, 0.0], rel=1e-9, abs=1e-9 * size)


def test_a_tie_between_tiny_gradients_is_judged():
    found = symdiff.compare(
        "max(1e-200*y, x*y)", at={"x": [0, 0.7], "y": [0]}, engines=["autograd"]
    )
    assert {r["verdict"] for r in found.records()} == {"agrees", "subgradient"}
