"""Every zero is in a bracket, and a change of sign proves one."""

import math

import flint

from symdiff.grid.kinks import find_roots
from symdiff.grid.solve.isolation import isolate, merge_intervals
from symdiff.grid.switches import find_switches
from symdiff.program import parse


def test_isolation_proves_a_zero_with_a_change_of_sign():
    (bracket,) = isolate(lambda x: x * x - 2, flint.arb(0), flint.arb(2))
    assert bracket.proved
    assert bracket.middle == math.sqrt(2)


def test_isolation_keeps_a_bracket_that_it_cannot_decide():
    brackets = isolate(lambda x: (x * x - 2) * (x * x - 2), flint.arb(0), flint.arb(2), budget=50)
    with flint.ctx.workprec(128):
        (around,) = [b for b in brackets if b.low**2 < 2 < b.high**2]
    assert not around.proved


def test_no_zero_is_lost_between_intervals_narrower_than_a_double():
    # Sorted by their ends as doubles, such intervals once lost a part of the line.
    c = -0.9465262573280411
    (switch,) = find_switches(parse(f"abs(sin(x)*exp(x) - (sin({c})*exp({c})))"))
    roots = find_roots(switch, "x", {}, (-4.0, 4.0))
    assert [round(x.value, 9) for x in roots.coordinates] == [
        -0.946526257,
        -0.639936236,
        3.155019194,
    ]
    with flint.ctx.workprec(128):
        ends = [1 + flint.arb(i) * flint.arb(2.0) ** -80 for i in range(4)]
    pieces = [(ends[2], ends[3]), (ends[0], ends[1]), (ends[1], ends[2])]
    ((low, high),) = merge_intervals(pieces)
    assert (low == ends[0], high == ends[3]) == (True, True)


def test_isolation_returns_no_bracket_where_there_is_no_zero():
    assert isolate(lambda x: x * x + 1, flint.arb(-2), flint.arb(2)) == []
