"""Regions: which points with the same fault belong together, and how they are named."""

import numpy as np
import pytest

import symdiff
from symdiff.grid.grid import Role
from symdiff.report.regions import parts, region

LINE = symdiff.compare("relu(x)", {"x": "-2:2:5"}, engines=["central"]).evidence[0]
KINK = LINE.grid.roles.tolist().index(Role.KINK)
END = len(LINE.grid)
ROOTS = symdiff.compare("abs(x**2 - 2)", {"x": "-2:2:2"}, engines=["central"]).evidence[0]
PLANE = symdiff.compare("hypot(x, y)", {"x": "-1:1:3", "y": "-1:1:3"}, engines=["central"])
CROSS = np.flatnonzero(PLANE.evidence[0].grid.roles != Role.REGULAR)


@pytest.mark.parametrize(
    ("evidence", "points", "expected"),
    [
        (LINE, [0], "x = -2"),
        (LINE, [0, 1], "x from -2 to -1"),
        (LINE, range(KINK - 1, KINK + 2), "x = 0 and 2 neighbours"),
        (LINE, [KINK - 2, KINK - 1, KINK + 1, KINK + 2], "4 points beside x = 0"),
        (LINE, range(KINK), "x from -2 to just below 0"),
        (LINE, range(KINK + 1, END), "x from just above 0 to 2"),
        (LINE, [i for i in range(END) if i != KINK], "x from -2 to 2 except 0"),
        (ROOTS, range(3), "x from -2 to just below -sqrt(2)"),
        (PLANE.evidence[0], CROSS, f"x = 0, y = 0 and {len(CROSS) - 1} neighbours"),
        (PLANE.evidence[0], [0, len(PLANE.grid) - 1], "x from -1 to 1, y from -1 to 1"),
    ],
)  # fmt: skip
def test_a_region_is_named_by_its_ends_or_its_kink(evidence, points, expected):
    assert region(evidence, np.array(points)) == expected


@pytest.mark.parametrize(
    ("evidence", "points", "count"),
    [
        (LINE, range(END), 1),
        (LINE, [i for i in range(END) if i != KINK], 1),  # the kink lies between its neighbours
        (LINE, [KINK - 1, KINK + 2], 2),  # a neighbour that passes is no kink
        (LINE, [0, 1, END - 1], 2),
        (LINE, [0, END - 1], 2),
        (PLANE.evidence[0], [0, 4, 8], 1),
    ],
)
def test_points_side_by_side_are_one_region(evidence, points, count):
    found = parts(evidence, np.array(points))
    assert len(found) == count
    assert np.concatenate(found).tolist() == list(points)
