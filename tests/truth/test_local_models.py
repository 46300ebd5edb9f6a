"""Programs as linear functions plus atoms with kinks."""

import pytest

from symdiff.arithmetics.series.reals import Real
from symdiff.program import parse
from symdiff.truth.first_order import Missing
from symdiff.truth.local_models import local_model


def model_of(text, *, merges=True, **point):
    program = parse(text)
    exact = {name: Real.of(point.get(name, 0)) for name in program.inputs}
    return local_model(program, program.inputs, exact, merges=merges)


# An expression, and its atoms at 0: by kind, the coefficient.
ATOMS = [
    ("x + sin(y)", []),
    ("abs(x)", [("norm", 1)]),
    ("relu(x)", [("norm", 0.5)]),
    ("relu(x) - relu(-x)", []),
    ("abs(x) + abs(2*x)", [("norm", 3)]),
    ("abs(x - y) - abs(y - x)", []),
    ("max(x, y) + min(x, y)", []),
    ("leaky_relu(x, 0.5)", [("norm", 0.25)]),
    ("where(x > 0, sin(x), -x)", [("norm", 1)]),
    ("elu(x)", []),
    ("hypot(x, y)", [("norm", 1)]),
    ("2*hypot(x, y) - sqrt(x*x + y*y)", [("norm", 1)]),
    ("hypot(abs(x), y)", [("norm", 1)]),
    ("hypot(relu(x), y)", [("cone", 1)]),
    ("exp(hypot(x, y))", [("norm", 1)]),
    ("sin(hypot(x, y))**2", []),
    ("max(hypot(x, y), y)", [("maximum", 1)]),
    ("max(x, y, z)", [("maximum", 1)]),
    ("min(x, y, z)", [("maximum", -1)]),
    ("where(x > 0 and y > 0, x*exp(y), 0)", [("choice", 1)]),
    ("detach(abs(x)) + y", []),
]


@pytest.mark.parametrize(("text", "expected"), ATOMS)
def test_a_program_has_the_atoms_of_its_kinks(text, expected):
    atoms = [(atom.kind, float(c.mid())) for c, atom in model_of(text).terms.values()]
    assert atoms == expected


def test_equal_sizes_are_kept_apart_for_automatic_differentiation():
    assert len(model_of("relu(x) - relu(-x)", merges=False).terms) == 2
    assert len(model_of("abs(x) - abs(x)", merges=False).terms) == 0  # one call


def test_atoms_are_those_of_the_switches_that_are_zero():
    assert len(model_of("abs(x) + abs(x - 1)", x=0).terms) == 1
    assert len(model_of("abs(x) + abs(x - 1)", x=2).terms) == 0
    assert len(model_of("abs(x - 0.1)", x=0.1).terms) == 1


def test_functions_with_equal_gradients_are_not_taken_for_one():
    """|y - x²| and |y + x²| have the same gradients, and differ."""
    assert len(model_of("abs(y - x**2) - abs(y + x**2)").terms) == 2


MISSING = [
    ("floor(x)", "jump"),
    ("sign(x)", "jump"),
    ("log(x)", "undefined"),
    ("1/x", "undefined"),
    ("cbrt(x)", "no slope"),
    ("sqrt(x)", "not a sum of squares"),
    ("where(x > 0, 1, y)", "may jump"),
    ("float(x > 0)*y", "switches here"),
    ("where(relu(x) == 0, 0, x)", "whole region"),
]


@pytest.mark.parametrize(("text", "reason"), MISSING)
def test_without_a_model_there_is_a_reason(text, reason):
    model = model_of(text)
    assert isinstance(model, Missing)
    assert reason in model.reason
