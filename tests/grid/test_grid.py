"""The points of a comparison: kinks with their exact values, and their neighbours."""

import math

import numpy as np
import pytest

from symdiff.grid import grid as making
from symdiff.grid.grid import KINK, ROLES, make_grid
from symdiff.grid.points import axes, difference_step
from symdiff.program import parse


def grid(text, specs=None, **options):
    program = parse(text)
    return make_grid([program], axes(program.inputs, specs or {}), **options)


def by_role(found):
    return {ROLES[r]: float(x) for r, x in zip(found.roles, found.points[:, 0], strict=True)}


def test_a_kink_has_all_its_neighbours():
    found = by_role(grid("abs(x - 1)", {"x": "0:3:2"}))
    h = difference_step(np.array([1.0]))[0]
    assert found == {
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


def test_a_kink_that_is_no_double_stands_beside_its_nearest_double():
    found = grid("abs(3*x - 1)", {"x": "0:1:2"})
    kink = int(np.flatnonzero(found.roles == KINK)[0])
    nearest = int(np.flatnonzero(found.roles == ROLES.index("nearest"))[0])
    assert found.exact == {(kink, 0): "1/3"}
    assert found.points[kink, 0] == found.points[nearest, 0] == 1 / 3


def test_a_kink_on_a_regular_point_is_one_point():
    found = grid("relu(x)", {"x": "-1:1:3"})
    assert int((found.points[:, 0] == 0).sum()) == 1
    assert len(found) == 3 + 10


def test_points_are_sorted_and_distinct():
    found = grid("abs(x) + abs(x - 1) + floor(x)", {"x": "-2:2:9"})
    assert (np.diff(found.points[:, 0]) > 0).all()


def test_several_variables_get_kinks_along_each_axis_through_each_regular_point():
    found = grid("abs(x - y)", {"x": "-1:1:3", "y": "-1:1:3"})
    kinks = found.points[found.roles == KINK]
    assert sorted(map(tuple, kinks.tolist())) == [(-1, -1), (0, 0), (1, 1)]
    moved_x = (found.along == 0) & (found.roles == ROLES.index("+1 ulp"))
    assert sorted(found.points[moved_x, 1].tolist()) == [-1, 0, 1]


def test_exact_coordinates_of_the_other_variables_are_kept_and_used():
    found = grid("abs(x - y)", {"x": "0:1:2", "y": ["1/3"]})
    kink = int(np.flatnonzero(found.roles == KINK)[0])
    assert {found.exact[kink, 0], found.exact[kink, 1]} == {"1/3"}


def test_a_large_product_becomes_a_seeded_sample():
    specs = {"x": "0:1:100", "y": "0:1:100", "z": [1, 2]}
    found = grid("x + y + z", specs)
    assert len(found) == 4096
    assert found.points.tolist() == grid("x + y + z", specs).points.tolist()
    assert found.points.tolist() != grid("x + y + z", specs, seed=1).points.tolist()
    assert "Sobol sample of 4096 (seed 0)" in found.notes[0]
    assert len(grid("x + y", {"x": "0:1:64", "y": "0:1:64"})) == 4096


def test_one_variable_is_never_sampled():
    assert len(grid("exp(x)", {"x": "0:1:100000"})) == 100_000


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("abs(sin(100*x))", "abs(sin(100*x)) along x: stopped at 32 kinks, those nearest to 0"),
        ("abs(x - x)", "abs(x - x) along x: the switch is 0 on the whole line"),
        ("abs(cosh(x) - 1 - x**2/2)", "can be neither shown nor excluded"),
    ],
)
def test_what_could_not_be_done_is_noted(text, note):
    assert any(note in line for line in grid(text).notes)


@pytest.mark.parametrize("spec", ["0", "0:0:1", [0, 0]])
def test_a_range_of_one_point_that_is_a_kink_has_its_neighbours(spec):
    found = grid("relu(x)", {"x": spec})
    assert len(found) == 11
    assert found.points[found.roles == KINK].tolist() == [[0.0]]


def test_kinks_can_be_left_out():
    assert len(grid("relu(x)", kinks=False)) == 9


def test_an_expression_without_variables_has_one_point():
    assert len(grid("1 + pi")) == 1


@pytest.mark.parametrize("text", ["abs(3*x - 1) + relu(x)", "floor(5*x)", "abs(x)*abs(x**2 - 4)"])
@pytest.mark.parametrize("extra", [[], [-0.0], [1 / 3], [2.0, np.nextafter(1 / 3, 1)], ["1/3"]])
def test_points_in_order_are_not_sorted_again_and_come_out_the_same(monkeypatch, text, extra):
    spec = [float(x) for x in np.linspace(-2, 2, 18)] + extra
    spec.sort(key=lambda x: 1 / 3 if isinstance(x, str) else x)
    wanted = axes(("x",), {"x": spec})
    quick = make_grid([parse(text)], wanted)
    monkeypatch.setattr(
        making, "_assemble", lambda *given: making._with_switches_named(making._sorted(*given))
    )
    slow = make_grid([parse(text)], wanted)
    assert quick.exact == slow.exact
    for name in ("points", "roles", "along", "switch_of"):
        np.testing.assert_array_equal(getattr(quick, name), getattr(slow, name))
    assert not np.signbit(quick.points[quick.points == 0]).any()
