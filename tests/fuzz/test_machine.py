"""The machine finds planted faults by every route, shrinks them, and finds nothing else."""

import dataclasses
import math
import queue
import time

import numpy as np
import pytest

from fuzz import checks, machine
from fuzz.checks import Case, Counts, general
from fuzz.machine import Batch, Shrunk, report
from fuzz.points import double
from fuzz.product import Question, ask
from fuzz.trees import call, number, variable
from symdiff.arithmetics.bounds import corners
from symdiff.truth import one_sided, proof
from symdiff.truth.kinds import Kind
from symdiff.verdict import gradients, judge

NEVER = math.inf
LONGEST = 150  # characters of a shrunk expression
SECONDS = 60


def searched(chosen, seed=0, examples=60):
    batch = Batch(seed, NEVER, chosen)
    return batch.run(examples), batch.counts


# -- negative controls


def without_balls(monkeypatch):
    """Decide every kink by series, in which the faults are planted."""
    monkeypatch.setattr(proof, "corner_truth", lambda *_: None)


def swapped_corners(monkeypatch):
    """The two sides of a corner that balls decide are exchanged."""
    original = corners._signs
    monkeypatch.setattr(corners, "_signs", lambda x: original(x)[::-1])


def swapped_slopes(monkeypatch):
    """The left and the right derivative of a kink are exchanged."""
    without_balls(monkeypatch)
    original = one_sided._two_slopes

    def wrong(left, right, bits):
        return original(right, left, bits)

    monkeypatch.setattr(one_sided, "_two_slopes", wrong)


def no_kinks(monkeypatch):
    """A kink is called smooth, with the derivative of its left side."""
    without_balls(monkeypatch)
    original = one_sided._two_slopes

    def wrong(left, right, bits):
        truth = original(left, right, bits)
        if truth.kind is not Kind.KINK:
            return truth
        return dataclasses.replace(truth, kind=Kind.SMOOTH, right=truth.left, derivative=truth.left)

    monkeypatch.setattr(one_sided, "_two_slopes", wrong)


def single_precision(monkeypatch):
    """Slopes lose digits."""
    without_balls(monkeypatch)
    original = one_sided.nearest
    monkeypatch.setattr(one_sided, "nearest", lambda x: float(np.float32(original(x))))


def shifted_extension(monkeypatch):
    """The derivative of the continuous extension of an undefined function is off by one."""
    original = one_sided._undefined

    def wrong(*arguments):
        truth = original(*arguments)
        return truth if truth.left is None else dataclasses.replace(truth, left=truth.left + 1)

    monkeypatch.setattr(one_sided, "_undefined", wrong)


def everything_is_inside(monkeypatch):
    """Every gradient lies in the Clarke set."""
    monkeypatch.setattr(gradients.ClarkeBounds, "contains", lambda *_: True)


def nothing_is_inside(monkeypatch):
    """No gradient lies in the Clarke set."""
    monkeypatch.setattr(gradients.ClarkeBounds, "contains", lambda *_: False)


def a_crash(monkeypatch):
    """A proof raises an exception."""
    without_balls(monkeypatch)
    original = one_sided._two_slopes

    def wrong(left, right, bits):
        truth = original(left, right, bits)
        if truth.kind is Kind.KINK:
            raise ZeroDivisionError
        return truth

    monkeypatch.setattr(one_sided, "_two_slopes", wrong)


def a_crash_while_judging(monkeypatch):
    """Judging a kink raises an exception."""
    original = judge.by_tolerance

    def wrong(truths, *arguments, **more):
        if Kind.KINK in truths.kinds:
            raise ZeroDivisionError
        return original(truths, *arguments, **more)

    monkeypatch.setattr(judge, "by_tolerance", wrong)


def anything_agrees(monkeypatch):
    """The tolerance is enormous."""
    monkeypatch.setattr(judge.Tolerance, "around", lambda self, size: np.abs(size) * 0 + 1e6)


PLANTED = [
    # fault, checks, the route that finds it, a seed with which it is found soon
    (swapped_slopes, ("quotients",), "quotients", 1),
    (swapped_corners, ("quotients",), "quotients", 1),
    (no_kinks, ("tensors",), "quotients", 0),
    (a_crash, ("quotients",), "crash", 1),
    (a_crash_while_judging, ("quotients",), "crash", 1),
    (anything_agrees, ("quotients",), "planted", 0),
    (everything_is_inside, ("cones",), "cones", 1),
    (nothing_is_inside, ("cones",), "cones", 2),
    (single_precision, ("rewritings",), "rewriting", 0),
    (shifted_extension, ("sympy",), "sympy", 0),
]


@pytest.mark.parametrize(("fault", "chosen", "route", "seed"), PLANTED)
def test_a_planted_fault_is_found_and_shrunk(fault, chosen, route, seed, monkeypatch):
    fault(monkeypatch)
    monkeypatch.setattr(machine, "SHRINK_TRIES", 20)
    shrunk, _ = searched(chosen, seed, 150)
    assert shrunk is not None
    assert shrunk.finding.route.startswith(route), str(shrunk)
    assert len(shrunk.finding.question.split("'")[1]) <= LONGEST, str(shrunk)
    assert f"--batch {seed}" in str(shrunk)


def test_random_programs_of_a_fixed_seed_contradict_nothing():
    end = time.monotonic() + SECONDS
    counts, seed = Counts(), 0
    while time.monotonic() < end:
        batch = Batch(seed, end)
        shrunk = batch.run()
        assert shrunk is None, str(shrunk)
        counts.update(batch.counts)
        seed += 1
    assert counts.of["programs"] > 5


def test_the_same_seed_finds_the_same(monkeypatch):
    no_kinks(monkeypatch)
    monkeypatch.setattr(machine, "SHRINK_TRIES", 0)
    first, second = (searched(("tensors",), 0, 100)[0] for _ in range(2))
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


def test_a_function_that_is_called_smooth_is_linear_along_directions():
    # x²y/(x² + y²): both partial derivatives at 0 are 0, and the slope along (1, 1) is 1/2.
    x, y = variable("x"), variable("y")
    squares = call("add", call("square", x), call("square", y))
    quotient = call("divide", call("multiply", call("square", x), y), squares)
    guarded = call("where", call("equal", squares, number(0)), number(0), quotient)
    question = Question(guarded, {"x": (double(0.0),), "y": (double(0.0),)})
    words = ask(question, ("autograd",))
    case = Case(question, "quotients")
    assert checks._along_directions(case, words, Counts()) is None
    forged = [dataclasses.replace(word, kind="smooth") for word in words]
    assert checks._along_directions(case, forged, Counts()).route == "directions"


class Interrupted:
    """A batch in which a time limit has passed, and a program fails afterwards."""

    failing = Case(Question(call("abs", variable("x")), {"x": (double(0.0),)}), "quotients")

    def __init__(self, number, end):
        del end
        self.number = number
        self.counts = Counts()
        self.counts.of["programs that took too long"] = 1

    def run(self):
        return Shrunk(checks.Finding("crash", "abs(x)", "", "", "it failed"), self.number)


@pytest.mark.parametrize("fails", [False, True])
def test_a_failure_after_a_time_limit_is_tried_again_in_a_fresh_process(monkeypatch, fails):
    results = queue.Queue()
    monkeypatch.setattr(machine, "Batch", Interrupted)
    if fails:
        monkeypatch.setattr(machine, "_fails_in_a_fresh_process", lambda _: True)
    monkeypatch.setattr(machine, "MAX_FINDINGS", 1)
    machine.work(7, time.time() + 60, results)
    counts, shrunk = results.get()
    assert (shrunk is not None) is fails
    assert counts.of["failures after a time limit only"] == (not fails)
    assert results.get() == machine.Ended(None if fails else 8)
