"""Every row of the catalogue on jets: the balls of its value and its slopes contain what mpmath computes."""

import dataclasses
import functools
import random
import zlib
from typing import Any

import flint
import pytest
from mpmath import mp, mpf

from symdiff.arithmetics import balls, reading
from symdiff.arithmetics.balls import EMPTY, enclose
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.jets import Jet, Strict, TieError, evaluate
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse
from symdiff.program.nodes import Call
from tests.arithmetics.meanings import CASES, MEANINGS, SAMPLES, Meaning

PRECISIONS = (53, 106, 400)  # bits
SLACK = 1e-45  # relative error that mpmath may have
SHARP = 60  # correct bits of a sharp ball
SHARE = 0.9  # share of the samples whose balls have to be sharp at more than 53 bits


# Conditions have no slope; they are tested as arguments of `where`, `ifelse` and `float`.
CONDITIONS = [
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "equal",
    "not_equal",
    "logical_and",
    "logical_or",
    "logical_not",
]
NO_MEANING_IN_BALLS: list[str] = []  # rows that balls cannot compute


@functools.cache
def points(case: Meaning) -> list[tuple[float, ...]]:
    rng = random.Random(zlib.crc32(case.text.encode()))  # noqa: S311  (samples)
    inside: list[tuple[float, ...]] = []
    while len(inside) < case.samples:
        point = tuple(r.draw(rng) for r in case.ranges)
        if case.inside(*point):
            inside.append(point)
    return inside


def reference(function, point):
    """Return mpmath's number as a ball, computed with more digits until two agree."""
    before = None
    for digits in (52, 65, 200, 500):
        with mp.workdps(digits):
            number = function(*map(mpf, point))
            close = before is not None and abs(number - before) <= SLACK / 10 * abs(number)
        # A number that is zero may have lost all of its digits.
        if close and (number or digits == 500):
            with flint.ctx.workprec(400):
                return flint.arb(number) * flint.arb(1, SLACK)
        before = number
    message = f"mpmath has no number for {function} at {point}"
    raise AssertionError(message)


@functools.cache
def truth(case: Meaning) -> list[tuple[Any, ...]]:
    """The value and the slopes at every point of a case."""
    functions = (case.value, *case.slopes)
    return [tuple(reference(f, point) for f in functions) for point in points(case)]


def computed(program, inputs, bits):
    """The value by balls and by jets, and the slopes; NaN where they are not proved."""
    named = dict(zip("xyz", inputs, strict=False))
    size = len(inputs)
    units = [tuple(flint.arb(i == j) for j in range(size)) for i in range(size)]
    jets = {name: Jet(x, unit) for (name, x), unit in zip(named.items(), units, strict=True)}
    unknown = (flint.arb("nan"),) * size
    try:
        with flint.ctx.workprec(bits):
            jet = evaluate(program, jets, Strict())
    except TieError:
        jet = Jet(flint.arb("nan"))
    if jet is None:
        return (enclose(program, named, bits=bits), EMPTY)
    slopes = jet.gradient or (flint.arb(0),) * size
    return (
        enclose(program, named, bits=bits),
        jet.value,
        *(slopes if jet.value.is_finite() else unknown),
    )


def contradictions(point, balls, numbers):
    """Messages about the numbers at a point that are outside their balls."""
    if EMPTY in balls:
        return [f"{point}: proved to be undefined"]
    pairs = zip(balls, (numbers[0], *numbers), strict=True)
    return [f"{point}: {n} is not in {ball}" for ball, n in pairs if not ball.overlaps(n)]


def sharp(ball, bits):
    return ball.is_finite() and (bits == 53 or ball.rel_accuracy_bits() >= SHARP)


def faults(case: Meaning, bits: int, samples: int = SAMPLES) -> list[str]:
    """Messages about numbers outside their balls, and about too many wide balls."""
    program = parse(case.text)
    messages, sharpness = [], []
    for point, numbers in list(zip(points(case), truth(case), strict=True))[:samples]:
        balls = computed(program, list(map(flint.arb, point)), bits)
        messages += contradictions(point, balls, numbers)
        sharpness.append([ball is not EMPTY and sharp(ball, bits) for ball in balls])
    for part in zip(*sharpness, strict=False):
        if sum(part) < SHARE * len(sharpness):
            messages.append(f"{sum(part)} of {len(sharpness)} are sharp")
    return messages


def wide_faults(case: Meaning, samples: int = 30) -> list[str]:
    """Messages about numbers outside the balls computed on a box around their point."""
    program = parse(case.text)
    rng = random.Random(zlib.crc32(case.text.encode()))  # noqa: S311  (samples)
    messages = []
    for point, numbers in list(zip(points(case), truth(case), strict=True))[:samples]:
        radii = [max(1, abs(x)) * 10 ** -rng.uniform(0, 8) for x in point]
        box = [
            flint.arb(x + rng.uniform(-0.9, 0.9) * r, r) for x, r in zip(point, radii, strict=True)
        ]
        assert all(ball.contains(flint.arb(x)) for ball, x in zip(box, point, strict=True))
        messages += contradictions(point, computed(program, box, 106), numbers)
    return messages


@pytest.mark.parametrize("bits", PRECISIONS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_mpmath_is_in_the_balls_of_value_and_slopes(case, bits):
    assert faults(case, bits) == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_mpmath_is_in_the_balls_on_a_box_around_the_point(case):
    assert wide_faults(case) == []


def test_every_row_is_in_the_table():
    rows = {row.name: row for row in CATALOGUE.values() if row.array is None}
    conditions = [row.name for row in rows.values() if row.returns == "condition"]
    assert conditions == CONDITIONS
    left = set(rows) - set(conditions) - set(NO_MEANING_IN_BALLS)
    assert left == set(MEANINGS)
    without = [r.name for r in rows.values() if r.ball is None and r.definition is None]
    assert without == NO_MEANING_IN_BALLS


@pytest.mark.parametrize("name", MEANINGS)
def test_every_text_calls_its_row_with_a_variable_for_every_real_parameter(name):
    real = [p for p in CATALOGUE[name].parameters if p.kind in {"real", "any"}]
    for case in MEANINGS[name]:
        program = parse(case.text)
        output = program.nodes[program.output]
        assert isinstance(output, Call) and output.function == name
    most = max(len(case.ranges) for case in MEANINGS[name])
    # The condition of `where` and `ifelse` has a variable in addition.
    assert most >= len(real)
    assert MEANINGS[name][0].samples == SAMPLES


@pytest.mark.parametrize("case", [c for c in CASES if c.text != "detach(x)"], ids=str)
def test_the_slopes_in_the_table_are_those_of_the_values(case):
    for point in points(case)[:3]:
        for i, slope in enumerate(case.slopes):
            with mp.workdps(60):
                exact = tuple(map(mpf, point))
                orders = tuple(int(i == j) for j in range(len(point)))
                numeric = mp.diff(case.value, exact, orders)
                assert mp.almosteq(numeric, slope(*exact), 1e-25, 1e-40), (point, i)


def patched(monkeypatch, row):
    monkeypatch.setattr(reading, "CATALOGUE", {**CATALOGUE, row.name: row})


WITH_DERIVATIVES = [row for row in CATALOGUE.values() if row.derivative is not None]


@pytest.mark.parametrize("row", WITH_DERIVATIVES, ids=lambda row: row.name)
def test_a_derivative_wrong_in_the_ninth_digit_is_noticed(row, monkeypatch):
    # Negative control: every derivative of the catalogue, changed in the ninth digit.
    changed = [t and f"({t})*(1 + 1e-9)" for t in _texts(row)]
    wrong = tuple(changed) if isinstance(row.derivative, tuple) else changed[0]
    patched(monkeypatch, dataclasses.replace(row, derivative=wrong))
    messages = faults(MEANINGS[row.name][0], 106, samples=20)
    assert any("is not in" in message for message in messages)


def _texts(row):
    return row.derivative if isinstance(row.derivative, tuple) else (row.derivative,)


def test_a_wrong_derivative_text_is_noticed_with_53_bits(monkeypatch):
    # Negative control.
    row = dataclasses.replace(CATALOGUE["tanh"], derivative="1 - result")
    patched(monkeypatch, row)
    assert faults(MEANINGS["tanh"][0], 53)
    assert faults(MEANINGS["mish"][0], 53)


def test_wrong_and_wide_balls_are_noticed(monkeypatch):
    # Negative controls: another function, a ball without radius, and a wide ball.
    [case] = MEANINGS["erf"]
    row = CATALOGUE["erf"]
    patched(monkeypatch, dataclasses.replace(row, ball="erfc"))
    assert any("is not in" in message for message in faults(case, 53))
    patched(monkeypatch, dataclasses.replace(row, ball=lambda x: x.mid().erf()))
    assert wide_faults(case)
    patched(monkeypatch, dataclasses.replace(row, ball=lambda x: x.erf() + flint.arb(0, 1e-10)))
    assert faults(case, 53) == []
    assert any("are sharp" in message for message in faults(case, 400))


def test_a_wrong_proof_that_a_function_is_undefined_is_noticed(monkeypatch):
    # Negative control: exp with the domain of log.
    test = balls.domain_test
    for arithmetic in (balls, jets):
        monkeypatch.setattr(arithmetic, "domain_test", lambda n: test("log" if n == "exp" else n))
    [case] = MEANINGS["exp"]
    assert any("undefined" in message for message in faults(case, 53))
