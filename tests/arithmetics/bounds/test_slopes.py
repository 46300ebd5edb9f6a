"""Derivatives by the flat list of operations: the same as by jets, wherever both are proved."""

import dataclasses
import random

import flint
import pytest
from mpmath import mp

import symdiff
from symdiff.arithmetics.bounds import slopes
from symdiff.arithmetics.bounds.jets import Jet, Strict, TieError, evaluate
from symdiff.arithmetics.bounds.slopes import slope_in
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse
from symdiff.truth import proof
from tests.arithmetics.bounds.test_jets import points, truth
from tests.arithmetics.meanings import CASES, MEANINGS
from tests.truth.random_programs import POINTS, Univariate

BITS = 128


def by_jets(program, variable, point):
    """The slope by jets, or None where they prove none."""
    inputs = {
        name: Jet(x, (flint.arb(1),) if name == variable else ()) for name, x in point.items()
    }
    try:
        jet = evaluate(program, inputs, Strict())
    except TieError:
        return None
    if jet is None or not jet.value.is_finite():
        return None
    return jet.gradient[0] if jet.gradient else flint.arb(0)


def faults(program, variable, point):
    """What is wrong with the slope at a point, compared with the jet."""
    with flint.ctx.workprec(BITS):
        jet = by_jets(program, variable, point)
        try:
            slope = slope_in(program, variable, point, BITS)
        except TieError:
            return [] if jet is None else ["a tie, but not by jets"]
        if slope is None or not slope.is_finite():
            return []
        if jet is None:
            return ["proved smooth, but not by jets"]
        if not slope.overlaps(jet):
            return [f"{slope} is not {jet}"]
        is_wide = slope.rad() > 8 * jet.rad() + abs(jet) * 2.0**-BITS
        return [f"{slope} is wider than {jet}"] if is_wide and jet.is_finite() else []


def faults_of(case):
    """What is wrong with the slopes at the points of a case, on balls with and without radius."""
    program, found = parse(case.text), []
    for point in points(case)[:30]:
        for radius in (0.0, 1e-3):
            box = {n: flint.arb(x, radius) for n, x in zip("xyz", point, strict=False)}
            for name in program.inputs:
                found += faults(program, name, box)
    return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_slopes_are_those_of_the_jets(case):
    assert faults_of(case) == []


def test_a_wrong_derivative_is_noticed(monkeypatch):
    # Negative control: the derivative of tanh, changed in the ninth digit.
    row = dataclasses.replace(CATALOGUE["tanh"], derivative="(1 - result**2)*(1 + 1e-9)")
    monkeypatch.setattr(slopes, "CATALOGUE", {**CATALOGUE, "tanh": row})
    slopes._operation.cache_clear()
    slopes._plan.cache_clear()
    try:
        assert any("is not" in fault for fault in faults_of(MEANINGS["tanh"][0]))
    finally:
        slopes._operation.cache_clear()
        slopes._plan.cache_clear()


def test_a_tie_that_is_not_seen_is_noticed(monkeypatch):
    # Negative control: every switch counts as positive.
    monkeypatch.setattr(slopes, "_sign_of", lambda x, dx: 1)
    assert faults(parse("abs(x)"), "x", {"x": flint.arb(0)}) == ["proved smooth, but not by jets"]


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_have_the_slopes_of_the_jets(seed):
    rng = random.Random(seed)  # noqa: S311  (samples)
    at = rng.choice(POINTS)
    program = parse(Univariate(rng.choice, {"x": at}).text(3))
    if not program.inputs:
        return
    at_ball = flint.arb(at.numerator) / at.denominator
    for x in (at_ball, flint.arb(rng.uniform(-3, 3)), flint.arb(rng.uniform(-3, 3), 0.1)):
        assert faults(program, "x", {"x": x}) == []


def test_numbers_of_mpmath_are_in_the_balls():
    [case] = MEANINGS["tanh"]
    program = parse(case.text)
    with mp.workdps(60), flint.ctx.workprec(BITS):
        for (x,), (_, slope) in zip(points(case), truth(case), strict=True):
            assert slope_in(program, "x", {"x": flint.arb(x)}, BITS).overlaps(slope)


def test_few_rows_are_left_to_the_jets():
    found = set()
    for name, cases in MEANINGS.items():
        program = parse(cases[0].text)
        balls = [flint.arb(x) for x in points(cases[0])[0]]
        point = dict(zip("xyz", balls, strict=False))
        with flint.ctx.workprec(BITS):
            if slope_in(program, program.inputs[0], point, BITS) is None:
                found.add(name)
    assert len(found) < 50, sorted(found)
    assert {"add", "multiply", "power", "exp", "relu", "tanh", "leaky_relu", "sigmoid"}.isdisjoint(
        found
    )


def test_smooth_points_are_proved_without_jets(monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return evaluate(*arguments)

    monkeypatch.setattr(proof.jets, "evaluate", counted)
    symdiff.compare("relu(x - 9)*exp(x) + log(1 + x**2)*sin(x - x)", engines=["central"])
    assert not calls
    symdiff.compare("floor(x)", engines=["central"])  # negative control: a row left to the jets
    assert calls
