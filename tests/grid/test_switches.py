"""Switches are read off the catalogue, through definitions, with the place to blame."""

import pytest

from symdiff.arithmetics.symbolic import expression
from symdiff.grid.switches import find_switches
from symdiff.program import parse

SWITCHES = [
    ("relu(x)", ["x"]),
    ("leaky_relu(x - 1)", ["x - 1"]),
    ("clamp(x, 0, y)", ["x", "-y + Max(0, x)"]),
    ("max(x, y)", ["x - y"]),
    ("x/y", ["y"]),
    ("sqrt(x + y)", ["x + y"]),
    ("x**2", []),
    ("x**-2", ["x"]),
    ("x**y", ["x"]),
    ("tan(x)", ["cos(x)"]),
    ("gelu(x) + sigmoid(x)", []),
    ("atan2(x, y)", ["x", "y"]),
    ("hardtanh(x)", ["x + 1", "Max(-1, x) - 1"]),
    ("mish(x)", []),
]


@pytest.mark.parametrize(("text", "expected"), SWITCHES)
def test_switches(text, expected):
    found = find_switches(parse(text))
    assert [str(expression(s.program, exact=True)) for s in found] == expected


def test_the_blame_is_the_call_that_the_user_wrote():
    program = parse("1 + hardswish(2*x)")
    assert {program.place(s.blame) for s in find_switches(program)} == {
        "hardswish(2*x) (expr, column 5)"
    }


def test_equal_switches_are_one():
    assert len(find_switches(parse("relu(x) + relu(x)**2 + max(x, 0)"))) == 1


def test_constants_have_no_switches():
    assert find_switches(parse("x + abs(3) + max(1, 2)")) == ()
