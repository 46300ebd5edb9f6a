"""Work of the bounds that explain a difference: each node of a program is computed once."""

import flint

from symdiff.arithmetics.bounds import conditioning, jets, rounding
from symdiff.arithmetics.bounds.conditioning import cancelling_node, nearby_slopes
from symdiff.arithmetics.bounds.rounding import slope_radius
from symdiff.arithmetics.bounds.ties import BothBranches, ReverseMode
from symdiff.program import parse

DEPTH = 20
CHAIN = parse("sin(" * DEPTH + "x" + ")" * DEPTH)
POINT = {"x": flint.arb(1.5)}


def operations(monkeypatch, compute):
    """The number of operations on jets in a computation."""
    counted = []
    call = jets.Jets.call

    def counting(self, row, column, arguments):
        counted.append(row.name)
        return call(self, row, column, arguments)

    with monkeypatch.context() as patches:
        patches.setattr(jets.Jets, "call", counting)
        compute()
    return len(counted)


def test_a_search_for_lost_digits_computes_every_node_once_and_what_depends_on_a_change(
    monkeypatch,
):
    # Every node once with the engine's rounding and once precisely, and behind each change the
    # nodes that depend on it.
    most = 2 * DEPTH + DEPTH * (DEPTH - 1) // 2
    assert operations(monkeypatch, lambda: cancelling_node(CHAIN, "x", POINT)) <= most
    # Negative control: without the dependents, everything is computed again for every change.
    with monkeypatch.context() as patches:
        everything = frozenset(CHAIN.order)
        patches.setattr(conditioning, "_dependents", lambda *_: everything)
        conditioning._written_calls.cache_clear()
        assert operations(patches, lambda: cancelling_node(CHAIN, "x", POINT)) > most
    conditioning._written_calls.cache_clear()


def test_the_bound_of_reverse_mode_reads_the_program_once(monkeypatch):
    forward = operations(monkeypatch, lambda: slope_radius(CHAIN, "x", POINT, mode=BothBranches))
    reverse = operations(monkeypatch, lambda: slope_radius(CHAIN, "x", POINT, mode=ReverseMode))
    assert forward == reverse == DEPTH
    # Negative control: the adjoints read the jets of another pass.
    underflow = rounding.underflow_of_adjoints
    with monkeypatch.context() as patches:

        def reading_again(program, nodes, *rest):
            del nodes
            fresh = {}
            jets.evaluate(
                program, {"x": jets.Jet(POINT["x"], (flint.arb(1),))}, rest[0], cache=fresh
            )
            return underflow(program, fresh, *rest)

        patches.setattr(rounding, "underflow_of_adjoints", reading_again)
        again = operations(patches, lambda: slope_radius(CHAIN, "x", POINT, mode=ReverseMode))
    assert again == 2 * DEPTH


def test_smooth_slopes_nearby_are_computed_without_jets(monkeypatch):
    assert operations(monkeypatch, lambda: nearby_slopes(CHAIN, "x", POINT)) == 0
    assert operations(monkeypatch, lambda: nearby_slopes(parse("abs(x)"), "x", {"x": flint.arb(0)}))
