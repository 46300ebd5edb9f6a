"""Switches come from the catalogue and its definitions, each with the call to blame."""

import flint
import pytest

from symdiff.arithmetics.balls import enclose
from symdiff.arithmetics.symbolic import expression
from symdiff.catalogue import CATALOGUE
from symdiff.grid.switches import find_factors, find_switches
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
def test_the_switches_of_an_expression(text, expected):
    switches = find_switches(parse(text))
    assert [str(expression(s.program, exact=True)) for s in switches] == expected


def test_the_blame_is_the_call_that_the_user_wrote():
    program = parse("1 + hardswish(2*x)")
    assert {program.place(s.blame) for s in find_switches(program)} == {
        "hardswish(2*x) (expr, column 5)"
    }


def test_equal_switches_are_listed_once():
    assert len(find_switches(parse("relu(x) + relu(x)**2 + max(x, 0)"))) == 1


def test_a_constant_is_not_a_switch():
    assert find_switches(parse("x + abs(3) + max(1, 2)")) == ()


FACTORS = [
    ("abs(x*y)", ["x", "y"]),
    ("abs(x**2*tanh(x - 1))", ["x", "x - 1"]),
    ("abs(-sinh(x)/y)", ["y", "x"]),
    ("abs(log(1 + sin(x)**2))", ["sin(x)**2 + 1", "sin(x)"]),
    ("abs(log(cos(x)**2 + 1))", ["cos(x)**2 + 1", "cos(x)"]),
    ("abs(x*(x - 1)*x)", ["x", "x - 1"]),
    # not simplified
    ("abs(x + y*x)", ["x*y + x"]),
    ("abs(log(2 + x))", ["x + 2", "log(x + 2)"]),
    ("abs(x**-2)", ["x", "x**(-2)"]),
    ("abs(2**x)", ["2**x"]),
    ("abs(3*x)", ["x"]),
    ("relu(x*y)", ["x", "y"]),
    ("abs(1 - x) + relu(x - 1)", ["1 - x"]),
    ("relu(cos(x) - x) - relu(x - cos(x))", ["-x + cos(x)"]),
    ("abs(0*x)", ["0"]),  # zero everywhere
    ("floor(x*y)", ["x*y"]),
]


@pytest.mark.parametrize(("text", "expected"), FACTORS)
def test_a_product_is_zero_where_its_factors_are(text, expected):
    factors = find_factors(parse(text))
    switches = find_switches(parse(text))
    assert [str(expression(f.program, exact=True)) for f in factors] == expected
    assert {f.blame for f in factors} <= {switch.blame for switch in switches}


@pytest.mark.parametrize("row", [row for row in CATALOGUE.values() if row.zero_at is not None])
def test_a_function_with_one_zero_is_zero_only_there(row):
    text = f"{(row.operator or '').removeprefix('u')}x" if row.operator else f"{row.name}(x)"
    program = parse(text, definitions={"x": f"y + {row.zero_at}"})
    assert enclose(program, {"y": flint.arb(0)}).contains(0)
    for k in range(1, 200):  # small balls that cover (0, 2), and powers of 2
        for x in (flint.arb(k / 100, 0.005), flint.arb(2.0**k)):
            for side in (x, -x):
                value = enclose(program, {"y": side})
                assert not (hasattr(value, "contains") and value.is_finite() and value.contains(0))


def test_each_factor_is_visited_once_even_in_deep_or_repeated_products():
    longer = {"h0": "x", **{f"h{i}": f"h{i - 1}" + "*x" * 20 for i in range(1, 150)}}
    chain = parse("abs(h149)", definitions=longer)  # deeper than Python's recursion limit
    assert [str(expression(s.program)) for s in find_factors(chain)] == ["x"]
    squared = {"h0": "x - 1", **{f"h{i}": f"h{i - 1}*h{i - 1}" for i in range(1, 13)}}
    doubled = parse("abs(h12)", definitions=squared)
    assert [str(expression(s.program)) for s in find_factors(doubled)] == ["x - 1"]
