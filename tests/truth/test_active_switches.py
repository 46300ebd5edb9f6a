"""The switches that are zero at a point are found with proof."""

import pytest

from symdiff.program import parse
from symdiff.truth.active_switches import active_switches, variables_sharing_switches
from symdiff.truth.exact_points import exact_number

ACTIVE = [
    # expression, point, number of active switches
    ("relu(x) + abs(x - 1)", "0", 1),
    ("relu(x) + abs(x - 1)", "2", 0),
    ("max(x, 2*x) + abs(sin(pi*x))", "0", 2),
    ("abs(sin(x))", "pi", 1),
    ("abs(x - 0.1)", "1/10", 0),  # 0.1 is a double
    ("floor(x)", "3", 1),
    ("floor(x)", "3.5", 0),
    ("floor(sin(x))", "pi/2", 1),
    ("round(x)", "1/2", 1),
    ("x**2", "0", 0),
]


@pytest.mark.parametrize(("text", "point", "count"), ACTIVE)
def test_the_switches_that_are_zero_are_found(text, point, count):
    assert len(active_switches(parse(text), {"x": exact_number(point)})) == count


def test_an_undecided_switch_makes_the_result_none():
    assert active_switches(parse("abs(x**inf)"), {"x": exact_number("2")}) is None


# An expression, the coordinates of all inputs, the groups that share a zero switch.
SHARING = [
    ("abs(x) + abs(y)", 0, []),
    ("abs(x - y)", 1, ["xy"]),
    ("abs(x - y - 1)", 1, []),
    ("abs(x - y) + abs(z)", 0, ["xy"]),
    ("abs(x - y) + abs(y - z)*w", 1, ["xyz"]),
    ("abs(x - y)*max(z, w)", 1, ["xy", "wz"]),
    ("hypot(x, y) + abs(z)", 0, ["xy"]),
    ("max(x, y, z) + relu(w)", 0, ["xyz"]),
]


@pytest.mark.parametrize(("text", "coordinate", "groups"), SHARING)
def test_inputs_that_share_a_zero_switch_form_a_group(text, coordinate, groups):
    program = parse(text)
    point = dict.fromkeys(program.inputs, exact_number(str(coordinate)))
    found = variables_sharing_switches(program, point)
    assert sorted("".join(sorted(group)) for group in found) == sorted(groups)


def test_an_undecided_switch_joins_all_inputs():
    program = parse("abs(x**inf) + y")
    point = {"x": exact_number("2"), "y": exact_number("1")}
    assert variables_sharing_switches(program, point) == [frozenset("xy")]
