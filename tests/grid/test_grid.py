"""The points of a comparison: kinks with their exact values, and their neighbours."""

import math

import numpy as np
import pytest

from symdiff.grid import grid as grid_module
from symdiff.grid.grid import Role, make_grid
from symdiff.grid.points import axes, difference_step
from symdiff.program import parse


def grid(text, specs=None, **options):
    program = parse(text)
    return make_grid([program], axes(program.inputs, specs or {}), **options)


def by_role(result):
    return {
        Role.from_code(r).label: float(x)
        for r, x in zip(result.roles, result.points[:, 0], strict=True)
    }


def test_a_kink_has_all_its_neighbours():
    points = by_role(grid("abs(x - 1)", {"x": "0:3:2"}))
    h = difference_step(np.array([1.0]))[0]
    assert points == {
        "": 3.0,
        "kink": 1.0,
        "-1 ulp": math.nextafter(1, 0),
        "-2 ulp": math.nextafter(math.nextafter(1, 0), 0),
        "+1 ulp": math.nextafter(1, 2),
        "+2 ulp": math.nextafter(math.nextafter(1, 2), 2),
        "-h/2": 1 - h / 2,
        "+h/2": 1 + h / 2,
        "-h": 1 - h,
        "+h": 1 + h,
        "-2h": 1 - 2 * h,
        "+2h": 1 + 2 * h,
    }


def test_the_nearest_double_of_a_kink_that_is_not_a_double_is_added():
    result = grid("abs(3*x - 1)", {"x": "0:1:2"})
    kink = int(np.flatnonzero(result.roles == Role.KINK)[0])
    nearest = int(np.flatnonzero(result.roles == Role.NEAREST)[0])
    assert result.exact == {(kink, 0): "1/3"}
    assert result.points[kink, 0] == result.points[nearest, 0] == 1 / 3


def test_a_kink_at_a_regular_point_replaces_it():
    result = grid("relu(x)", {"x": "-1:1:3"})
    assert int((result.points[:, 0] == 0).sum()) == 1
    assert len(result) == 3 + 10


def test_points_are_sorted_and_distinct():
    result = grid("abs(x) + abs(x - 1) + floor(x)", {"x": "-2:2:9"})
    assert (np.diff(result.points[:, 0]) > 0).all()


def test_several_variables_get_kinks_along_each_axis_through_each_regular_point():
    result = grid("abs(x - y)", {"x": "-1:1:3", "y": "-1:1:3"})
    kinks = result.points[result.roles == Role.KINK]
    assert sorted(map(tuple, kinks.tolist())) == [(-1, -1), (0, 0), (1, 1)]
    neighbours_in_x = (result.along == 0) & (result.roles == Role.ABOVE_1_ULP)
    assert sorted(result.points[neighbours_in_x, 1].tolist()) == [-1, 0, 1]


def test_exact_coordinates_of_the_other_variables_are_kept_and_used():
    result = grid("abs(x - y)", {"x": "0:1:2", "y": ["1/3"]})
    kink = int(np.flatnonzero(result.roles == Role.KINK)[0])
    assert {result.exact[kink, 0], result.exact[kink, 1]} == {"1/3"}


def test_a_large_product_is_replaced_by_a_seeded_sample():
    specs = {"x": "0:1:100", "y": "0:1:100", "z": [1, 2]}
    result = grid("x + y + z", specs)
    assert len(result) == 4096
    assert result.points.tolist() == grid("x + y + z", specs).points.tolist()
    assert result.points.tolist() != grid("x + y + z", specs, seed=1).points.tolist()
    assert "Sobol sample of 4096 (seed 0)" in result.notes[0]
    assert len(grid("x + y", {"x": "0:1:64", "y": "0:1:64"})) == 4096


def test_one_variable_is_never_sampled():
    assert len(grid("exp(x)", {"x": "0:1:100000"})) == 100_000


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("abs(sin(100*x))", "abs(sin(100*x)) along x: stopped at 32 kinks, those nearest to 0"),
        ("abs(x - x)", "abs(x - x) along x: the switch is 0 on the whole line"),
        ("abs(cosh(x) - 1 - x**2/2)", "can be neither proved nor excluded"),
    ],
)
def test_the_notes_say_which_kinks_may_be_missing(text, note):
    assert any(note in line for line in grid(text).notes)


@pytest.mark.parametrize("spec", ["0", "0:0:1", [0, 0]])
def test_a_range_of_one_point_that_is_a_kink_has_its_neighbours(spec):
    result = grid("relu(x)", {"x": spec})
    assert len(result) == 11
    assert result.points[result.roles == Role.KINK].tolist() == [[0.0]]


def test_without_kinks_only_regular_points_are_in_the_grid():
    assert len(grid("relu(x)", kinks=False)) == 9


def test_an_expression_without_variables_has_one_point():
    assert len(grid("1 + pi")) == 1


@pytest.mark.parametrize("text", ["abs(3*x - 1) + relu(x)", "floor(5*x)", "abs(x)*abs(x**2 - 4)"])
@pytest.mark.parametrize("extra", [[], [-0.0], [1 / 3], [2.0, np.nextafter(1 / 3, 1)], ["1/3"]])
def test_regular_points_in_order_are_merged_as_if_all_points_were_sorted(monkeypatch, text, extra):
    spec = [float(x) for x in np.linspace(-2, 2, 18)] + extra
    spec.sort(key=lambda x: 1 / 3 if isinstance(x, str) else x)
    axis = axes(("x",), {"x": spec})
    merged = make_grid([parse(text)], axis)
    monkeypatch.setattr(
        grid_module,
        "_assemble",
        lambda *args: grid_module._with_needed_switches(grid_module._sorted(*args)),
    )
    fully_sorted = make_grid([parse(text)], axis)
    assert merged.exact == fully_sorted.exact
    for name in ("points", "roles", "along", "switch_of"):
        np.testing.assert_array_equal(getattr(merged, name), getattr(fully_sorted, name))
    assert not np.signbit(merged.points[merged.points == 0]).any()
