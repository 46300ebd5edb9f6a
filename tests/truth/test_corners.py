"""Corners decided by balls: the same truth as by exact series, wherever balls decide it."""

import random

import pytest

import symdiff
from symdiff.arithmetics.bounds import corners
from symdiff.arithmetics.series.germs import Budget
from symdiff.arithmetics.series.reals import Real
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse
from symdiff.truth import proof
from symdiff.truth.exact_points import exact_number
from symdiff.truth.kinds import Kind, Truth
from symdiff.truth.one_sided import decide
from tests.truth.random_programs import POINTS, Univariate

BITS = Budget().bits
DYADIC = [p for p in POINTS if p.denominator in {1, 2}]
# Functions of one argument, by their derivatives.
FUNCTIONS = [
    row.name
    for row in CATALOGUE.values()
    if isinstance(row.derivative, str)
    and len(row.parameters) == 1
    and row.name not in {"i0", "i1"}  # they are read through a function of two arguments
]
CORNERS = [  # they are 0 at 0, and added to numbers in the domains of the functions
    "abs(x)",
    "relu(x)",
    "-relu(-x)",
    "x*abs(x)",
    "x - 2*relu(x)",
    "max(x, x**2)",
    "min(abs(x), relu(x) + x**2)",
]


def truths(text, at):
    """The truth by balls, or None, and the truth by series."""
    program, point = parse(text), {"x": Real.of(at)}
    return proof.corner_truth(program, "x", point, BITS), decide(program, "x", point)


def test_hand_derived_corners():
    by_balls, by_series = truths("abs(x)*exp(x) + x**2", 0)
    assert by_balls == by_series == Truth(Kind.KINK, -1.0, 1.0, None, (0.0, 4.0))
    by_balls, by_series = truths("cos(relu(x))", 0)
    assert by_balls == by_series == Truth(Kind.SMOOTH, 0.0, 0.0, 0.0, (0.0, -1.0))
    by_balls, by_series = truths("abs(x - 2)/(x + sin(x))", 2)
    assert by_balls == by_series
    assert by_balls.kind is Kind.KINK


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_a_corner_has_the_truth_of_the_series(name, corner):
    decided = 0
    for centre in (0.5, 1.5, -0.25):
        by_balls, by_series = truths(f"{name}({centre} + {corner})*(x + 3)", 0)
        if by_balls is not None:
            decided += 1
            assert by_balls == by_series
    assert decided


@pytest.mark.parametrize("seed", range(40))
def test_random_programs_have_the_truth_of_the_series(seed):
    rng = random.Random(seed)  # noqa: S311  (samples)
    decided = 0
    for _ in range(10):
        at = rng.choice(DYADIC)
        text = Univariate(rng.choice, {"x": at}).text(3)
        if parse(text).inputs:
            by_balls, by_series = truths(text, at)
            assert by_balls in (None, by_series), text
            decided += by_balls is not None
    assert decided


LEFT = [
    ("abs(x - 1/3)", "1/3"),  # the coordinate is no exact ball
    ("sqrt(abs(x))", 0),  # the end of a domain
    ("where(x < 0, -x, x)", 0),
    ("abs(x)/x", 0),
    ("floor(x)", 1),
    ("inf*abs(x)", 0),
    ("abs(exp(1) - e)*abs(x)", 0),  # a number that balls do not prove to be zero
]


@pytest.mark.parametrize(("text", "at"), LEFT)
def test_what_balls_do_not_decide_is_left_to_the_series(text, at):
    assert proof.corner_truth(parse(text), "x", {"x": exact_number(str(at))}, BITS) is None


def test_a_switch_that_is_zero_up_to_the_second_order_is_decided():
    by_balls, by_series = truths("abs(sin(x - 1) - x + 1)", 1)
    assert by_balls == by_series


NEXT_TO_0 = [5e-324, -5e-324, 1e-323, -1e-300]


@pytest.mark.parametrize("x", NEXT_TO_0)
@pytest.mark.parametrize(
    "text", ["relu(log(1 + x**2)) - abs(2*x)*exp(tanh(x))", "abs(cos(x) - 1)", "relu(exp(x) - 1)*x"]
)
def test_neighbours_of_a_kink_at_0_have_the_truth_of_the_series(text, x):
    by_balls, by_series = truths(text, x)
    assert by_balls == by_series
    assert by_balls.kind is Kind.SMOOTH


def test_a_switch_that_is_too_near_to_zero_stays_undecided():
    by_balls, by_series = truths("relu(log(1 + log(1 + x**2)**2))", 5e-324)
    assert by_balls is None
    assert by_series.kind is Kind.UNDECIDED


def test_a_wrong_side_is_noticed(monkeypatch):
    # Negative control: the branches of the two sides are exchanged.
    signs = corners._signs
    monkeypatch.setattr(corners, "_signs", lambda x: signs(x)[::-1])
    by_balls, by_series = truths("relu(x)*exp(x)", 0)
    assert by_balls != by_series


def test_a_wrong_second_derivative_is_noticed(monkeypatch):
    # Negative control: the change of a derivative, changed in the ninth digit.
    change_in = corners.change_in
    monkeypatch.setattr(corners, "change_in", lambda *a: change_in(*a) * (1 + 1e-9))
    by_balls, by_series = truths("tanh(1/2 + abs(x))", 0)
    assert by_balls != by_series


def test_kinks_at_doubles_are_proved_without_series(monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return decide(*arguments)

    monkeypatch.setattr(proof, "decide", counted)
    symdiff.compare("abs(x)*exp(x) + relu(x - 2)", engines=["central"])
    assert not calls
    symdiff.compare("abs(3*x - 1)", engines=["central"])  # negative control: a kink at 1/3
    assert calls
