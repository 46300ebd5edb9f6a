"""Kinks are found, exactly if possible, and none is dropped without a note."""

import math

import flint
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symdiff.grid import kinks
from symdiff.grid.grid import make_grid
from symdiff.grid.kinks import MAX_ROOTS, find_roots
from symdiff.grid.points import axes
from symdiff.grid.solve import inversion
from symdiff.grid.solve.coordinates import Coordinate
from symdiff.grid.switches import find_switches
from symdiff.program import parse

KINKS = [
    # expression, kinks of all its switches in [-4, 4]: texts of exact numbers, or doubles
    ("relu(x)", [0]),
    ("clamp(x, -1, 2)", [-1, 2]),
    ("x.clamp(min=0.5)", [0.5]),
    ("max(x, 2 - x)", [1]),
    ("min(x, 1, -x)", [0, 1]),
    ("hardswish(x)", [-3, 3]),
    ("where(x > 1/3, x, 0)", ["1/3"]),
    ("x if x**2 < 2 else 0", ["-sqrt(2)", "sqrt(2)"]),
    ("x if 0 < x < 1 else 2", [0, 1]),
    ("floor(x/2)", [-4, -2, 0, 2, 4]),
    ("round(x/2)", [-3, -1, 1, 3]),
    ("fmod(x, 3)", [-3, 0, 3]),
    ("x % 3", [-3, 0, 3]),
    ("x // 3", [-3, 0, 3]),
    ("trunc(x/3)", [-3, 0, 3]),
    ("1/(x**2 - 1)", [-1, 1]),
    ("x**-2", [0]),
    ("x**0.5", [0]),
    ("x**(2/3)", [0]),
    ("sqrt(x - 1)", [1]),
    ("log(x)", [0]),
    ("log1p(x)", [-1]),
    ("asin(x)", [-1, 1]),
    ("acosh(x)", [1]),
    ("atanh(x/2)", [-2, 2]),
    ("erfinv(x/2)", [-2, 2]),
    ("tan(x)", ["-pi/2", "pi/2"]),
    ("gamma(x)", [-4, -3, -2, -1, 0]),
    ("abs(sin(x))", ["-pi", 0, "pi"]),
    ("abs(cos(x) - 1/2)", ["-pi/3", "pi/3"]),
    ("max(sin(x), cos(x))", ["-3*pi/4", "pi/4", "5*pi/4"]),
    ("abs(exp(x) - 2)", ["log(2)"]),
    ("abs(log(x) - 1)", [0, "e"]),
    ("abs(2**x - 3)", ["log(3)/log(2)"]),
    ("abs(tanh(x) - 1/2)", ["atanh(1/2)"]),
    ("abs(x**3 - 2)", ["2**(1/3)"]),
    ("abs(x**3 - x - 1)", ["root of x**3 - x - 1 near 1.324717957244746"]),
    ("hypot(x, x**2 - 1)", []),
    ("hypot(x - 1, x**2 - 1)", [1]),
    ("abs(2*pi*x - 5/x)", [0, "sqrt(10)/(2*sqrt(pi))", "-sqrt(10)/(2*sqrt(pi))"]),
    ("abs(x**4 - 5*x**2 + 4)", [-2, -1, 1, 2]),
    ("abs(abs(x) - 1)", [0, -1, 1]),
    ("abs(x*exp(x) - 1)", ["where x*exp(x) - 1 = 0, near 0.5671432904097838"]),
    ("abs(erf(x) - 1/2)", ["erfinv(1/2)"]),
    ("relu(x) - relu(-x)", [0]),
    ("abs(3*x - 1)", ["1/3"]),
    ("abs(x - 0.1)", [0.1]),
    ("abs(pi*x - 1)", ["1/pi"]),
    ("abs(x**2 - pi)", ["-sqrt(pi)", "sqrt(pi)"]),
    ("xlogy(x, 2)", [0]),
    ("floor(x**2/4)", [-4, "-2*sqrt(3)", "-2*sqrt(2)", -2, 0, 2, "2*sqrt(2)", "2*sqrt(3)", 4]),
    ("fmod(x**3/32, 1)", [-4, "-2*2**(2/3)", 0, "2*2**(2/3)", 4]),
    ("gamma(x**2 - 2)", ["-sqrt(2)", -1, 0, 1, "sqrt(2)"]),
    ("max(x, x**2, 1 - x)", [0, 1, "-sqrt(5)/2 - 1/2", 0.5]),
    ("abs(x + 1/x)", [0]),  # changes sign at the pole, and is nowhere 0
    ("0**x", [0]),
    ("max(x, 2*x, 3*x, 4*x)", [0]),
    ("exp(x) + x**3", []),
    ("sigmoid(x)*gelu(x) + softplus(x)", []),
    ("abs(x**2 + 1)", []),
    ("sqrt(exp(x))", []),
]


def roots(text, low=-4.0, high=4.0):
    return [find_roots(s, "x", {}, (low, high)) for s in find_switches(parse(text))]


@pytest.mark.parametrize(("text", "expected"), KINKS)
def test_kinks_are_found_with_their_exact_values(text, expected):
    kinks = {c.exact or c.value for part in roots(text) for c in part.coordinates}
    assert kinks == set(expected)
    assert [part.open_brackets for part in roots(text) if part.open_brackets] == []


PERIODIC = [
    ("abs(sin(x**2))", {"0", "sqrt(pi)", "-sqrt(pi)"}),
    ("abs(sin(exp(x)))", {"log(pi)"}),
    ("abs(sin(pi*abs(x)))", {"-1", "0", "1"}),
]


@pytest.mark.parametrize(("text", "expected"), PERIODIC)
def test_the_periods_of_a_composed_periodic_function_are_found(text, expected):
    parts = [find_roots(s, "x", {}, (-1.8, 1.8)) for s in find_switches(parse(text))[-1:]]
    kinks = {c.exact or f"{c.value:g}" for part in parts for c in part.coordinates}
    assert kinks == expected
    assert [part.open_brackets for part in parts] == [()]


@pytest.mark.parametrize(
    ("text", "ends", "expected"),
    [
        ("floor(x + 2**60)", (0.5, 4.2), [1, 2, 3, 4]),
        ("floor(x + 2**54)", (0.5, 1.3), [1]),
        ("trunc(x - 10**17)", (0.5, 2.5), [1, 2]),
        ("round(x + 2**60)", (0.25, 3.2), [0.5, 1.5, 2.5]),
        ("fmod(x + 2**60, 3)", (0.5, 5.7), [2, 5]),  # 2**60 = 1 modulo 3
        ("gamma(x - 10**17)", (0.5, 2.5), [1, 2]),
        ("abs(sin(x + 2**60))", (-2.0, 2.0), [-0.9802726604500661]),
        ("floor(exp(-exp(x)))", (5.0, 20.0), []),
    ],
)
def test_steps_and_periods_beyond_the_integers_that_are_doubles_are_found(text, ends, expected):
    parts = roots(text, *ends)
    assert sorted({c.value for part in parts for c in part.coordinates}) == pytest.approx(expected)
    assert not any(part.truncated or part.open_brackets for part in parts)


def test_a_tiny_number_that_sympy_takes_for_zero_still_shifts_the_kink():
    # sympy evaluates sin(sin(1e-15)) to 0, and so products with it and functions of it
    for text, fixed in (
        ("abs(x + sin(sin(log(1 + 1e-15))))", {}),
        ("abs(x + sin(sin(log(1 + y))))", {"y": Coordinate(1e-15)}),
        ("abs(exp(sin(x)) - 1 + sin(log(1 + 1e-15)))", {}),
    ):
        switch = find_switches(parse(text))[-1]
        zeros = find_roots(switch, "x", fixed, (-1.0, 1.0))
        assert [c.value for c in zeros.coordinates] == pytest.approx([-1e-15], rel=1e-6, abs=0)


def test_a_zero_without_a_change_of_sign_is_found_and_its_bracket_stays_open():
    (part,) = roots("abs(cosh(x) - 1 - x**2/2)")
    assert [c.value for c in part.coordinates] == [0]
    ((low, high),) = part.open_brackets
    assert low < 0 < high


def test_the_kinks_of_a_periodic_switch_are_truncated_with_a_flag():
    (part,) = roots("abs(sin(100*x))")
    assert len(part.coordinates) == MAX_ROOTS
    assert part.truncated
    assert min(abs(c.value) for c in part.coordinates) == 0


def test_the_kinks_of_a_step_function_are_truncated_with_a_flag():
    (part,) = roots("floor(1000*x)")
    assert len(part.coordinates) == MAX_ROOTS
    assert part.truncated


def test_a_switch_that_is_zero_everywhere_is_flagged():
    (part,) = roots("abs(x - x)")
    assert part.everywhere
    assert part.coordinates == ()


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("floor(1/x)", {-0.5, "1/3", "-1/7"}),
        ("floor(tan(x))", {"atan(3)", "-atan(2)"}),
        ("fmod(3, x)", {-1.5, "3/5"}),
        ("floor(exp(20*x))", {"log(2)/20", "log(30)/20"}),
    ],
)
def test_the_steps_of_an_unbounded_function_are_found_away_from_its_pole(text, some):
    part = roots(text)[-1]
    assert some <= {c.exact or c.value for c in part.coordinates}
    assert part.truncated


def test_infinitely_many_steps_near_a_pole_are_flagged_as_truncated():
    part = roots("floor(log(x))", 0.0, 9.0)[-1]
    assert {"exp(2)", "e", 1.0} == {c.exact or c.value for c in part.coordinates if c.value >= 1}
    assert part.truncated


@pytest.mark.parametrize(("low", "high"), [(1e12, 2e12), (1e17, 2e17), (-2e12, -1e12)])
def test_steps_are_found_far_from_zero(low, high):
    (part,) = roots("floor(x)", low, high)
    assert len(part.coordinates) == MAX_ROOTS
    assert all(low <= c.value <= high for c in part.coordinates)


@pytest.mark.parametrize("text", ["abs(floor(x))", "sqrt(floor(x))", "floor(max(x, 0))"])
def test_no_kink_is_invented_inside_an_interval_of_zeros(text):
    kinks = {c.value for part in roots(text) for c in part.coordinates}
    assert all(value == round(value) for value in kinks)
    assert not any(part.open_brackets for part in roots(text))
    assert any(part.stretches for part in roots(text))


@pytest.mark.parametrize(
    "text",
    [
        "abs(log(x) - 1)",
        "abs(x**2 - pi)",
        "abs(2**x - 3)",
        "max(sin(x), cos(x))",
        "abs(erf(x) - 1/2)",
    ],
)
def test_exact_values_can_be_parsed_and_are_near_their_doubles(text):
    for part in roots(text):
        for c in part.coordinates:
            assert c.ball.contains(flint.arb(c.value)) or abs(float(c.ball.mid()) - c.value) < 1e-15


def test_a_zero_without_a_formula_is_described_by_its_equation():
    (part,) = roots("abs(x - cos(x))")
    assert [c.exact for c in part.coordinates] == ["where x - cos(x) = 0, near 0.7390851332151607"]


def test_kinks_outside_the_range_are_not_added():
    assert [c for part in roots("relu(x)", 1.0, 2.0) for c in part.coordinates] == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.fractions(min_value=-3, max_value=3, max_denominator=50), min_size=1, max_size=4)
)
def test_every_rational_zero_of_a_product_is_found(zeros):
    text = "abs(" + "*".join(f"(x - ({z.numerator})/{z.denominator})" for z in zeros) + ")"
    kinks = {c.value for part in roots(text) for c in part.coordinates}
    assert {z.numerator / z.denominator for z in zeros} <= kinks


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-3, 3), st.sampled_from(["sin(x)*exp(x)", "x + sin(x)", "x*exp(x)", "erf(x) + x**3"])
)
def test_a_planted_zero_is_found_or_in_an_open_bracket(c, function):
    # f(x) - f(c) is zero at c, so a root or an open bracket must be there.
    f = parse(
        f"abs({function} - ({function.replace('x)', f'({c!r}))').replace('x*', f'({c!r})*').replace('x +', f'({c!r}) +').replace('x**', f'({c!r})**')}))"
    )
    parts = [find_roots(s, "x", {}, (-4.0, 4.0)) for s in find_switches(f)]
    near = any(math.isclose(root.value, c, abs_tol=1e-6) for p in parts for root in p.coordinates)
    inside = any(low - 1e-6 <= c <= high + 1e-6 for p in parts for low, high in p.open_brackets)
    everywhere = any(p.everywhere for p in parts)
    assert near or inside or everywhere or any(p.truncated for p in parts)


def test_the_periods_of_nested_periodic_functions_are_limited_together():
    """The numbers of periods multiply: 10 times 10 times 30 here."""
    parts = roots("abs(sin(30*sin(30*sin(30*x))))")
    assert 0.0 in {c.value for part in parts for c in part.coordinates}
    assert any(part.open_brackets for part in parts)  # there are more kinks than those


def lines_solved(monkeypatch, count):
    """The number of switches on lines that are solved to find the kinks of a maximum."""
    solved = []

    class Counted(kinks._SwitchOnLine):
        def __init__(self, *arguments):
            solved.append(arguments)
            super().__init__(*arguments)

    operands = ", ".join(f"relu(x - {k})" for k in range(1, count + 1))
    with monkeypatch.context() as patches:
        patches.setattr(kinks, "_SwitchOnLine", Counted)
        make_grid([parse(f"max({operands})")], axes(("x",), {"x": "-3:3:3"}))
    return len(solved)


def test_a_switch_inside_several_others_is_solved_once(monkeypatch):
    assert lines_solved(monkeypatch, 6) < 18
    # Negative control: without memory the number doubles with every operand.
    with monkeypatch.context() as patches:
        patches.setattr(kinks, "_REMEMBERED", 0)
        assert lines_solved(monkeypatch, 6) > 120


def test_a_switch_without_zeros_is_not_inverted_in_sympy(monkeypatch):
    inverted = []
    original = kinks.expression_to_invert

    def counting(*arguments):
        inverted.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(kinks, "expression_to_invert", counting)
    for text in ("log(1 + (x*tanh(x))**2)", "log(1 + exp(x - x)**2)", "sqrt(cos(x) + x*x + 1/8)"):
        assert not any(roots.coordinates for roots in roots_of(text))
    assert not inverted
    assert any(roots.coordinates for roots in roots_of("abs(sin(x))"))  # negative control
    assert inverted


def roots_of(text):
    """The zeros of all switches of an expression on a line."""
    return [find_roots(switch, "x", {}, (-3.0, 3.0)) for switch in find_switches(parse(text))]


def nodes_read_in_sympy(monkeypatch):
    """The number of functions that sympy applies to invert the switches of a maximum."""
    applied = []
    call = inversion._WithoutHiddenZeros.call

    def counted(arithmetic, row, column, arguments):
        applied.append(row.name)
        return call(arithmetic, row, column, arguments)

    operands = ", ".join(f"exp({k}*x)" for k in range(1, 9))
    with monkeypatch.context() as patches:
        patches.setattr(inversion._WithoutHiddenZeros, "call", counted)
        make_grid([parse(f"max({operands})")], axes(("x",), {"x": "-3:3:3"}))
    return len(applied)


def test_a_part_of_several_switches_is_read_in_sympy_once(monkeypatch):
    once = nodes_read_in_sympy(monkeypatch)
    assert once < 40  # 8 products, 8 exponentials, 7 maxima and 7 differences
    # Negative control: without memory the number grows with the square of the operands.
    with monkeypatch.context() as patches:
        patches.setattr(kinks, "_REMEMBERED", 0)
        assert nodes_read_in_sympy(monkeypatch) > 2 * once
