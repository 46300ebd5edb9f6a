"""The truths of the shipped expressions agree with difference quotients of hundreds of digits."""

import collections
import dataclasses
import math

import numpy as np
import pytest

from symdiff.batch.work import collect
from symdiff.comparison.compare import compare as compare_request
from symdiff.errors import ExpressionError
from symdiff.grid.grid import Role, make_grid
from symdiff.grid.points import axes
from symdiff.program import parse
from symdiff.program.values import uses_tensors
from symdiff.request.options import Options
from symdiff.truth.certify import ProofOptions, ProofTask, decide
from symdiff.truth.kinds import Kind, Truth
from tests.truth.quotients import LEVELS, Answer, Shape, compare, contradiction, quotients_at
from tests.truth.walk import ZeroOf

REGULAR = 5  # regular smooth points that are compared, per entry and variable
COMPONENTS = 12  # components of an input tensor that are compared
# Kinks, their nearest doubles, and their neighbours by ulps.
CLOSE_ROLES = range(Role.KINK, Role.ABOVE_2_ULP + 1)


@dataclasses.dataclass(frozen=True, slots=True)
class Compared:
    where: str
    truth: Truth
    answer: Answer
    contradiction: str


@dataclasses.dataclass(frozen=True, slots=True)
class Survey:
    compared: list[Compared]
    points: int
    undecided: int


def truth_at(truths, i):
    numbers = (float(column[i]) for column in (truths.left, truths.right, truths.derivative))
    left, right, derivative = (None if math.isnan(x) else x for x in numbers)
    kind = Kind.from_code(truths.kinds[i])
    return Truth(kind, left, right, derivative, detail=truths.proofs.details.get(i, ""))


def point_of(grid, i):
    """Return the exact coordinates: a double, a formula, or the zero of a switch."""
    point, unnamed = {}, []
    for j, name in enumerate(grid.names):
        point[name] = grid.exact.get((i, j), float(grid.points[i, j]))
        try:
            parse(str(point[name]))
        except ExpressionError:
            unnamed.append(j)
    if unnamed:
        (j,) = unnamed
        assert j == grid.along[i]
        switch = grid.switches[grid.switch_of[i]]
        name, near = grid.names[j], float(grid.points[i, j])
        others = {n: x for n, x in point.items() if n != name and n in switch.program.inputs}
        point[name] = ZeroOf(switch.program, name, others, near, switch.crosses_integers)
    return point


def chosen_points(grid, truths, rng):
    """Return the indices of the kinks, their neighbours, all non-smooth points and a few others."""
    close = np.isin(grid.roles, CLOSE_ROLES) | (truths.kinds != Kind.SMOOTH)
    plain = np.flatnonzero(~close)
    some = rng.choice(plain, min(REGULAR, len(plain)), replace=False)
    return np.sort(np.concatenate([np.flatnonzero(close), some])).tolist()


def decided(entries):
    """Yield the truths of every entry and variable; for programs on tensors, some components."""
    for entry in entries:
        if entry.order == 2:  # see test_second_order_quotients
            continue
        program = parse(entry.expression, definitions=entry.let)
        if entry.values or uses_tensors(program):
            yield from decided_components(entry)
            continue
        grid = make_grid([program], axes(program.inputs, entry.grid))
        for variable in program.inputs:
            yield (
                entry.label.name,
                program,
                grid,
                variable,
                decide(ProofTask(program, variable, grid, ProofOptions())),
            )


def decided_components(entry):
    evidence = compare_request(entry, Options(engines=("autograd",)))
    for trial in evidence.trials:
        if not trial.spelling and not trial.is_directional:
            program = trial.problem.program
            for variable in trial.variables[:COMPONENTS]:
                where = f"{entry.label.name} {trial.output}"
                yield where, program, evidence.grid, variable, trial.truths[variable]


@pytest.fixture(scope="module")
def survey():
    compared, points, undecided = [], 0, 0
    rng = np.random.default_rng(0)
    for name, program, grid, variable, truths in decided(collect([]).entries):
        points += len(grid)
        undecided += int((truths.kinds == Kind.UNDECIDED).sum())
        for i in chosen_points(grid, truths, rng):
            truth = truth_at(truths, i)
            if truth.kind is Kind.UNDECIDED:
                continue
            point = point_of(grid, i)
            message, answer = compare(program, variable, point, truth)
            where = f"{name}: d/d{variable} at {point}"
            compared.append(Compared(where, truth, answer, message))
    return Survey(compared, points, undecided)


def test_the_quotients_contradict_no_proved_truth(survey):
    assert [(c.where, c.contradiction) for c in survey.compared if c.contradiction] == []


def test_few_points_are_undecided(survey):
    assert survey.undecided < 0.02 * survey.points


def test_the_quotients_are_clear_nearly_everywhere(survey):
    clear = sum(c.answer.is_clear for c in survey.compared)
    assert clear >= 0.95 * len(survey.compared)


def test_every_kind_of_point_is_compared(survey):
    counts = collections.Counter(c.truth.kind.label for c in survey.compared if c.answer.is_clear)
    least = {
        "smooth": 3000,
        "kink": 300,
        "jump": 80,
        "edge": 80,
        "pole": 40,
        "outside": 300,
        "vertical": 5,
    }
    assert {kind: counts[kind] for kind in least if counts[kind] < least[kind]} == {}


def planted(survey, kinds, change):
    """Return how many truths were changed, and where the change went unnoticed."""
    messages = [
        (c.where, contradiction(change(c.truth), c.answer))
        for c in survey.compared
        if c.truth.kind in kinds and c.answer.is_clear and change(c.truth) != c.truth
    ]
    return len(messages), [where for where, message in messages if not message]


def distinct(a, b):
    return abs(a - b) > 1e-8 * max(abs(a), abs(b)) + 1e-320


def swapped(truth):
    if None not in (truth.left, truth.right) and not distinct(truth.left, truth.right):
        return truth
    return dataclasses.replace(truth, left=truth.right, right=truth.left)


def off_by_one(truth):
    if not distinct(truth.derivative, truth.derivative + 1):
        return truth
    return dataclasses.replace(truth, derivative=truth.derivative + 1)


def zero(truth):
    if not distinct(truth.left, 0) and not distinct(truth.right, 0):
        return truth
    derivative = None if truth.derivative is None else 0.0
    return dataclasses.replace(truth, left=0.0, right=0.0, derivative=derivative)


def made_smooth(truth):
    return Truth(Kind.SMOOTH, truth.left, truth.right, truth.left)


def made_a_kink(truth):
    return Truth(Kind.KINK, truth.left, truth.right)


@pytest.mark.parametrize(
    ("change", "kinds", "least"),
    [
        (swapped, {Kind.KINK}, 300),
        (swapped, {Kind.EDGE}, 80),
        (off_by_one, {Kind.SMOOTH}, 3000),
        (zero, {Kind.SMOOTH, Kind.KINK}, 3000),
        (made_smooth, {Kind.KINK, Kind.JUMP, Kind.EDGE, Kind.POLE, Kind.VERTICAL}, 500),
        (made_a_kink, {Kind.SMOOTH, Kind.JUMP, Kind.EDGE, Kind.POLE}, 3000),
    ],
)
def test_planted_mistakes_contradict_the_quotients_everywhere(survey, change, kinds, least):
    count, missed = planted(survey, kinds, change)
    assert count >= least
    assert missed == []


TEXTBOOK = [
    # expression, point, left, right: a one-sided derivative, or the shape of the side
    ("abs(x)", 0.0, -1, 1),
    ("abs(x)", -5e-324, -1, -1),
    ("x*abs(x)", 0.0, 0, 0),
    ("abs(sin(x))", "pi", -1, 1),
    ("abs(x**2 - 2)", "sqrt(2)", -math.sqrt(8), math.sqrt(8)),
    ("max(sin(x), cos(x))", "pi/4", -math.sqrt(0.5), math.sqrt(0.5)),
    ("sqrt(x**2 - 2)", "sqrt(2)", Shape.UNDEFINED, math.inf),
    ("cbrt(x)", 0.0, math.inf, math.inf),
    ("x*log(x)", 0.0, Shape.UNDEFINED, -math.inf),
    ("xlogy(x, x)", 0.0, Shape.UNDEFINED, -math.inf),
    ("xlogy(x, x**3)*log(x) if x > 0 else 0", 0.0, 0, math.inf),
    ("floor(x)", 2.0, math.inf, 0),
    ("x + sign(x)", 0.0, math.inf, math.inf),
    ("1/x", 0.0, Shape.POLE, Shape.POLE),
    ("log(abs(x))", 0.0, Shape.POLE, Shape.POLE),
    ("lgamma(x)", -1.0, Shape.POLE, Shape.POLE),
    ("x*detach(x)", 3.0, 3, 3),
    ("where(x > 0, sqrt(x), 0)", 0.0, 0, math.inf),
    ("sin(x)/x + 2*abs(x)", 0.0, -2, 2),
    ("x**2*sign(x) + 7*x", 0.0, 7, 7),
    ("asin(x)", 1.0, math.inf, Shape.UNDEFINED),
    ("(-1)**x", 1.0, Shape.UNDEFINED, Shape.UNDEFINED),
]


LOG_SQUARED = "xlogy(x, x**3)*log(x) if x > 0 else 0"  # needs more steps than level 0 has
SLOW = "lgamma(x)"  # slow with a thousand digits


@pytest.mark.parametrize(
    ("text", "point", "left", "right", "level"),
    [
        (*row, level)
        for row in TEXTBOOK
        for level in range(len(LEVELS))
        if not (row[0] == LOG_SQUARED and level == 0) and not (row[0] == SLOW and level > 0)
    ],
)
def test_the_quotients_are_right_at_textbook_points(text, point, left, right, level):
    answer = quotients_at(parse(text), "x", {"x": point}, level)
    for side, expected in ((answer.left, left), (answer.right, right)):
        if isinstance(expected, Shape):
            assert side.shape is expected
        else:
            assert float(side.slope) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("text", ["where(x > 0, x/log(x), 0)", "where(x > 0, 1/log(x), 1)"])
def test_the_quotients_are_unclear_where_convergence_is_too_slow(text):
    assert quotients_at(parse(text), "x", {"x": 0.0}).right.shape is Shape.UNCLEAR


def test_a_kink_very_close_to_zero_is_resolved_at_the_last_level():
    program = parse("max(x, 1e-300)")
    rights = [quotients_at(program, "x", {"x": 0.0}, level).right.slope for level in range(3)]
    assert [round(float(slope)) for slope in rights] == [1, 1, 0]
    message, _ = compare(program, "x", {"x": 0.0}, Truth(Kind.SMOOTH, 0.0, 0.0, 0.0))
    assert message == ""
