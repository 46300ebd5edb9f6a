"""The germ to the right of a point is mirrored to the left for analytic functions only."""

import pytest

from symdiff.arithmetics.series.analytic import analytic_germs, is_entire, mirrored
from symdiff.arithmetics.series.germs import evaluate
from symdiff.arithmetics.series.puiseux import affine_germ
from symdiff.arithmetics.series.reals import Real, UndecidedError
from symdiff.catalogue import CATALOGUE
from symdiff.program import parse
from symdiff.truth.exact_points import exact_number
from symdiff.truth.kinds import Kind
from symdiff.truth.one_sided import decide

ENTIRE = sorted(name for name, row in CATALOGUE.items() if is_entire(row))
PROGRAMS = [
    *(f"{name}(x**2 - x)" for name in ENTIRE if len(CATALOGUE[name].parameters) == 1),
    "logaddexp(x, x**3)",
    "log(2 + x**2)/(x - 3)",
    "sqrt(1 + sin(x)**2)*x",
    "-x**3 + 2*x*exp(x)",
]
NOT_ANALYTIC = [
    ("abs(x)", "0"),
    ("sqrt(x**2)", "0"),
    ("log(x**2)", "0"),
    ("sin(x)/x", "0"),
    ("1/x", "0"),
    ("x**(2/3)", "0"),
    ("max(x, x**2)", "1"),
    ("where(x > 1, x**2, x)", "1"),
    ("floor(x)", "2"),
    ("relu(x)**2", "0"),
]


def germs(program, at, side, order=4):
    cache = {}
    germ = evaluate(program, {"x": affine_germ(at, Real.of(side))}, order, cache=cache)
    return germ, analytic_germs(program, cache)


@pytest.mark.parametrize("at", ["0", "1/3", "pi/7"])
@pytest.mark.parametrize("text", PROGRAMS)
def test_the_mirrored_right_germ_is_the_left_germ(text, at):
    program, point = parse(text), exact_number(at)
    left, _ = germs(program, point, -1)
    _, analytic = germs(program, point, 1)
    right_mirrored = mirrored(analytic[program.output])
    assert right_mirrored.order == left.order
    for power in {*right_mirrored.terms, *left.terms}:
        a, b = (germ.terms.get(power, Real.of(0)) for germ in (right_mirrored, left))
        difference = a.ball(128) - b.ball(128)
        assert abs(difference).upper() < 1e-30


@pytest.mark.parametrize(("text", "at"), NOT_ANALYTIC)
def test_a_function_that_is_not_analytic_is_not_mirrored(text, at):
    program = parse(text)
    _, analytic = germs(program, exact_number(at), 1)
    assert program.output not in analytic


def test_a_germ_that_is_mirrored_wrongly_is_noticed(monkeypatch):
    """Negative control: if the germ of abs(x) were mirrored, its kink would look smooth."""
    program, point = parse("abs(x) + x"), {"x": Real.of(0)}
    assert decide(program, "x", point).kind is Kind.KINK
    monkeypatch.setattr("symdiff.arithmetics.series.analytic._is_analytic", lambda *_: True)
    assert decide(program, "x", point).kind is Kind.SMOOTH


class Unclear(Real):
    """A number that cannot be enclosed in a ball."""

    def _computed(self, bits):
        raise UndecidedError("planted")


@pytest.mark.parametrize("text", ["log(x)", "1/x", "sqrt(x)", "atan2(1, x)", "relu(x)"])
def test_at_a_number_that_cannot_be_enclosed_only_the_variable_is_analytic(text):
    program = parse(text)
    germ = affine_germ(Unclear(None, "zero"), Real.of(1))
    analytic = analytic_germs(program, dict.fromkeys(range(len(program.nodes)), germ))
    assert {program.text_of(i) for i in analytic} <= {"x", "1"} and program.output not in analytic
