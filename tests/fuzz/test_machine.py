"""The machine finds planted faults by every route, shrinks them, and finds nothing else."""

import dataclasses
import math

import numpy as np
import pytest

from fuzz import machine
from fuzz.checks import CHECKS, Counts, general
from fuzz.machine import Batch, Shrunk, report
from symdiff.truth import one_sided
from symdiff.truth.kinds import Kind
from symdiff.verdict import gradients, judge

NEVER = math.inf
LONGEST = 150  # characters of a shrunk expression


def searched(checks, seed=0, examples=60):
    batch = Batch(seed, NEVER, checks)
    return batch.run(examples), batch.counts


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_a_few_cases_contradict_nothing(check):
    shrunk, counts = searched((check,), examples=12)
    assert shrunk is None, str(shrunk)
    assert counts.of["programs"] > 0
    assert counts.of["points"] > 0


# -- negative controls


def swapped_slopes(monkeypatch):
    """The left and the right derivative of a kink are exchanged."""
    right = one_sided._two_slopes

    def wrong(left, right_side, bits):
        return right(right_side, left, bits)

    monkeypatch.setattr(one_sided, "_two_slopes", wrong)


def no_kinks(monkeypatch):
    """A kink is called smooth, with the derivative of its left side."""
    right = one_sided._two_slopes

    def wrong(left, right_side, bits):
        truth = right(left, right_side, bits)
        if truth.kind is not Kind.KINK:
            return truth
        return dataclasses.replace(truth, kind=Kind.SMOOTH, right=truth.left, derivative=truth.left)

    monkeypatch.setattr(one_sided, "_two_slopes", wrong)


def single_precision(monkeypatch):
    """Slopes lose digits."""
    right = one_sided.nearest
    monkeypatch.setattr(one_sided, "nearest", lambda x: float(np.float32(right(x))))


def shifted_extension(monkeypatch):
    """The derivative of the continuous extension of an undefined function is off by one."""
    right = one_sided._undefined

    def wrong(reason, left, right_side, bits):
        truth = right(reason, left, right_side, bits)
        return truth if truth.left is None else dataclasses.replace(truth, left=truth.left + 1)

    monkeypatch.setattr(one_sided, "_undefined", wrong)


def everything_is_inside(monkeypatch):
    """Every gradient lies in the Clarke set."""
    monkeypatch.setattr(gradients, "_membership", lambda *_: (True, "the gradient is in"))


def nothing_is_inside(monkeypatch):
    """No gradient lies in the Clarke set."""
    monkeypatch.setattr(gradients, "_membership", lambda *_: (False, "the gradient is out"))


def a_crash(monkeypatch):
    """A proof raises an exception."""
    right = one_sided._two_slopes

    def wrong(left, right_side, bits):
        truth = right(left, right_side, bits)
        if truth.kind is Kind.KINK:
            raise ZeroDivisionError
        return truth

    monkeypatch.setattr(one_sided, "_two_slopes", wrong)


def a_crash_while_judging(monkeypatch):
    """Judging a kink raises an exception."""
    right = judge.by_tolerance

    def wrong(truths, *arguments):
        if Kind.KINK in truths.kinds:
            raise ZeroDivisionError
        return right(truths, *arguments)

    monkeypatch.setattr(judge, "by_tolerance", wrong)


def anything_agrees(monkeypatch):
    """The tolerance is enormous."""
    monkeypatch.setattr(judge.Tolerance, "around", lambda self, size: np.abs(size) * 0 + 1e6)


PLANTED = [
    # fault, checks, the route that finds it
    (swapped_slopes, ("quotients",), "quotients"),
    (no_kinks, ("tensors",), "quotients"),
    (a_crash, ("quotients",), "crash"),
    (a_crash_while_judging, ("quotients",), "crash"),
    (anything_agrees, ("quotients",), "planted"),
    (everything_is_inside, ("cones",), "cones"),
    (nothing_is_inside, ("cones",), "cones"),
    (single_precision, ("rewritings",), "rewriting"),
    (shifted_extension, ("sympy",), "sympy"),
]


@pytest.mark.parametrize(("fault", "checks", "route"), PLANTED)
def test_a_planted_fault_is_found_and_shrunk(fault, checks, route, monkeypatch):
    fault(monkeypatch)
    monkeypatch.setattr(machine, "SHRINK_TRIES", 40)
    for seed in range(8):
        shrunk, _ = searched(checks, seed, 150)
        if shrunk is not None:
            break
    assert shrunk is not None
    assert shrunk.finding.route.startswith(route), str(shrunk)
    expression = shrunk.finding.question.split("'")[1]
    assert len(expression) <= LONGEST, str(shrunk)
    assert f"--batch {seed}" in str(shrunk)


def test_the_same_seed_finds_the_same(monkeypatch):
    no_kinks(monkeypatch)
    monkeypatch.setattr(machine, "SHRINK_TRIES", 0)
    first, second = (searched(("quotients",), 3, 100)[0] for _ in range(2))
    assert isinstance(first, Shrunk) and first == second


def test_the_report_has_the_counts_as_a_table_and_as_json(capsys, tmp_path):
    import json

    counts = Counts()
    counts.of["programs"] = 3
    counts.undecided["truth: too hard"] = 2
    report(counts, [], 60.0, tmp_path / "counts.json")
    written = json.loads((tmp_path / "counts.json").read_text())
    assert written["counts"]["programs"] == 3
    assert written["undecided"] == {"truth: too hard": 2}
    assert "too hard" in capsys.readouterr().out


def test_reasons_are_counted_without_their_numbers():
    assert general("the sign of 1e-9 in 'x' is open") == "the sign of N in '...' is open"
