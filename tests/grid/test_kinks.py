"""Kinks are found, exactly where that is possible, and never dropped silently."""

import math

import flint
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symdiff.grid.kinks import MAX_ROOTS, find_roots
from symdiff.grid.solve.coordinates import Coordinate
from symdiff.grid.solve.isolation import isolate, merge
from symdiff.grid.switches import find_switches
from symdiff.program import parse

FOUND = [
    # text, kinks of all switches in [-4, 4]: exact texts, or doubles
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
    ("abs(x**3 - x - 1)", ["CRootOf(x**3 - x - 1, 0)"]),
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
    ("abs(x + 1/x)", [0]),  # changes its sign across the pole, and is never 0
    ("0**x", [0]),
    ("max(x, 2*x, 3*x, 4*x)", [0]),
    ("exp(x) + x**3", []),
    ("sigmoid(x)*gelu(x) + softplus(x)", []),
    ("abs(x**2 + 1)", []),
    ("sqrt(exp(x))", []),
]


def roots(text, low=-4.0, high=4.0):
    return [find_roots(s, "x", {}, (low, high)) for s in find_switches(parse(text))]


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_kinks_are_found_with_their_exact_values(text, expected):
    found = {c.exact or c.value for part in roots(text) for c in part.found}
    assert found == set(expected)
    assert [part.open for part in roots(text) if part.open] == []


TURNS = [
    ("abs(sin(x**2))", {"0", "sqrt(pi)", "-sqrt(pi)"}),
    ("abs(sin(exp(x)))", {"log(pi)"}),
    ("abs(sin(pi*abs(x)))", {"-1", "0", "1"}),
]


@pytest.mark.parametrize(("text", "expected"), TURNS)
def test_the_turns_of_a_periodic_function_of_a_function_are_found(text, expected):
    parts = [find_roots(s, "x", {}, (-1.8, 1.8)) for s in find_switches(parse(text))[-1:]]
    found = {c.exact or f"{c.value:g}" for part in parts for c in part.found}
    assert found == expected
    assert [part.open for part in parts] == [()]


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
def test_steps_and_turns_beyond_the_integers_that_doubles_have_are_found(text, ends, expected):
    parts = roots(text, *ends)
    assert sorted({c.value for part in parts for c in part.found}) == pytest.approx(expected)
    assert not any(part.truncated or part.open for part in parts)


def test_a_number_that_sympy_takes_for_zero_moves_no_kink():
    # of sin(sin(1e-15)) sympy says 0; so would it of products with this, and of y's functions
    for text, fixed in (
        ("abs(x + sin(sin(log(1 + 1e-15))))", {}),
        ("abs(x + sin(sin(log(1 + y))))", {"y": Coordinate(1e-15)}),
        ("abs(exp(sin(x)) - 1 + sin(log(1 + 1e-15)))", {}),
    ):
        switch = find_switches(parse(text))[-1]
        found = find_roots(switch, "x", fixed, (-1.0, 1.0))
        assert [c.value for c in found.found] == pytest.approx([-1e-15], rel=1e-6, abs=0)


def test_a_kink_that_touches_zero_is_found_and_what_cannot_be_excluded_is_told():
    (part,) = roots("abs(cosh(x) - 1 - x**2/2)")
    assert [c.value for c in part.found] == [0]
    ((low, high),) = part.open
    assert low < 0 < high


def test_a_periodic_switch_gives_a_bounded_number_and_says_so():
    (part,) = roots("abs(sin(100*x))")
    assert len(part.found) == MAX_ROOTS
    assert part.truncated
    assert min(abs(c.value) for c in part.found) == 0


def test_many_integers_are_bounded_too():
    (part,) = roots("floor(1000*x)")
    assert len(part.found) == MAX_ROOTS
    assert part.truncated


def test_a_switch_that_is_zero_everywhere_is_told():
    (part,) = roots("abs(x - x)")
    assert part.everywhere
    assert part.found == ()


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("floor(1/x)", {-0.5, "1/3", "-1/7"}),
        ("floor(tan(x))", {"atan(3)", "-atan(2)"}),
        ("fmod(3, x)", {-1.5, "3/5"}),
        ("floor(exp(20*x))", {"log(2)/20", "log(30)/20"}),
    ],
)
def test_steps_that_grow_without_bound_are_found_where_they_are_bounded(text, some):
    part = roots(text)[-1]
    assert some <= {c.exact or c.value for c in part.found}
    assert part.truncated


def test_endless_steps_beside_a_pole_are_told():
    part = roots("floor(log(x))", 0.0, 9.0)[-1]
    assert {"exp(2)", "e", 1.0} == {c.exact or c.value for c in part.found if c.value >= 1}
    assert part.truncated


@pytest.mark.parametrize(("low", "high"), [(1e12, 2e12), (1e17, 2e17), (-2e12, -1e12)])
def test_large_ranges_keep_their_integers(low, high):
    (part,) = roots("floor(x)", low, high)
    assert len(part.found) == MAX_ROOTS
    assert all(low <= c.value <= high for c in part.found)


@pytest.mark.parametrize("text", ["abs(floor(x))", "sqrt(floor(x))", "floor(max(x, 0))"])
def test_a_flat_zero_has_no_kink_inside(text):
    found = {c.value for part in roots(text) for c in part.found}
    assert all(value == round(value) for value in found)
    assert any(part.open for part in roots(text))


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
def test_exact_values_are_in_the_grammar_of_expressions(text):
    for part in roots(text):
        for c in part.found:
            assert c.ball.contains(flint.arb(c.value)) or abs(float(c.ball.mid()) - c.value) < 1e-15


def test_a_zero_without_a_formula_says_what_it_is():
    (part,) = roots("abs(x - cos(x))")
    assert [c.exact for c in part.found] == ["where x - cos(x) = 0, near 0.7390851332151607"]


def test_kinks_outside_the_range_are_not_added():
    assert [c for part in roots("relu(x)", 1.0, 2.0) for c in part.found] == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.fractions(min_value=-3, max_value=3, max_denominator=50), min_size=1, max_size=4)
)
def test_every_rational_zero_of_a_product_is_found(zeros):
    text = "abs(" + "*".join(f"(x - ({z.numerator})/{z.denominator})" for z in zeros) + ")"
    found = {c.value for part in roots(text) for c in part.found}
    assert {z.numerator / z.denominator for z in zeros} <= found


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-3, 3), st.sampled_from(["sin(x)*exp(x)", "x + sin(x)", "x*exp(x)", "erf(x) + x**3"])
)
def test_isolation_holds_the_zero_that_was_planted(c, function):
    # f(x) - f(c) vanishes at c: some bracket or root must stand there.
    f = parse(
        f"abs({function} - ({function.replace('x)', f'({c!r}))').replace('x*', f'({c!r})*').replace('x +', f'({c!r}) +').replace('x**', f'({c!r})**')}))"
    )
    parts = [find_roots(s, "x", {}, (-4.0, 4.0)) for s in find_switches(f)]
    near = any(math.isclose(root.value, c, abs_tol=1e-6) for p in parts for root in p.found)
    inside = any(low - 1e-6 <= c <= high + 1e-6 for p in parts for low, high in p.open)
    everywhere = any(p.everywhere for p in parts)
    assert near or inside or everywhere or any(p.truncated for p in parts)


def test_isolation_proves_a_change_of_sign():
    (bracket,) = isolate(lambda x: x * x - 2, flint.arb(0), flint.arb(2))
    assert bracket.proved
    assert bracket.middle == math.sqrt(2)


def test_isolation_keeps_what_it_cannot_settle():
    brackets = isolate(lambda x: (x * x - 2) * (x * x - 2), flint.arb(0), flint.arb(2), budget=50)
    with flint.ctx.workprec(128):
        (around,) = [b for b in brackets if b.low**2 < 2 < b.high**2]
    assert not around.proved


def test_no_zero_is_lost_between_intervals_narrower_than_a_double():
    # Joined in the order of their doubles, such intervals once lost a part of the line.
    c = -0.9465262573280411
    (part,) = roots(f"abs(sin(x)*exp(x) - (sin({c})*exp({c})))")
    assert [round(x.value, 9) for x in part.found] == [-0.946526257, -0.639936236, 3.155019194]
    with flint.ctx.workprec(128):
        ends = [1 + flint.arb(i) * flint.arb(2.0) ** -80 for i in range(4)]
    pieces = [(ends[2], ends[3]), (ends[0], ends[1]), (ends[1], ends[2])]
    ((low, high),) = merge(pieces)
    assert (low == ends[0], high == ends[3]) == (True, True)


def test_isolation_without_a_zero_finds_none():
    assert isolate(lambda x: x * x + 1, flint.arb(-2), flint.arb(2)) == []


def test_turns_of_nested_periodic_functions_are_limited_together():
    """Undone one by one they multiply: ten times ten times thirty here."""
    parts = roots("abs(sin(30*sin(30*sin(30*x))))")
    assert 0.0 in {c.value for part in parts for c in part.found}
    assert any(part.open for part in parts)  # that there are more is told
