"""Formulas that are the same function, as fractions of polynomials."""

import pytest
import sympy as sp

from symdiff.arithmetics.series.puiseux import constant_germ
from symdiff.arithmetics.series.reals import Real
from symdiff.program import parse
from symdiff.truth import canonical_forms
from symdiff.truth.canonical_forms import is_identically_zero

# At x = 2, for all y, z near 5.
SAME = [
    "(1 - x/y)**0.3 - ((y - 2)/y)**0.3",
    "(1 - x/y)**0.3 - ((y - 2)/y)**0.3*exp(3*(x - 2)/y)",
    "sin(x*y) - sin(y + y)",
    "sqrt(1/(x*y)) - sqrt(1/y/2)",
    "exp((y + z)**2) - exp(y**2 + x*y*z + z*z)",
    "tanh(log(y)/x)*z - z*tanh(0.5*log(y))",
    "pi*y/x - y*pi/2",
    "abs(y - x)*cos(x - 2) - abs(2 - y - 0*z - (4 - 2*y))",
    "max(x*y, z) - max(y + y, z)",
    "y**(x - 1) - y",
]
OTHER = [
    "(1 - x/y)**0.3 - ((y - 2)/y)**0.30000000000000004",
    "(1 - x/y)**0.3 - ((y - 2.0000000000000004)/y)**0.3",
    "sin(x*y) - sin(y + z)",
    "sin(x*y) - cos(y + y)",
    "sqrt(y*y) - y",  # true for y > 0 only
    "exp(x*y) - exp(y)**2",  # the same function, which no rule sees
    "max(x*y, z) - max(z, y + y)",  # likewise
    "pi*y - 3.141592653589793*y",
    "y/(x - 2) - y/(x - 2)",  # defined nowhere
    "(x - 2)**-1*0",
]


def is_zero(text, **replaced):
    program = parse(text)
    numbers = {"x": 2, "y": 5, "z": 5}
    values = {name: constant_germ(Real.of(numbers[name])) for name in program.inputs}
    return is_identically_zero(program, replaced, values)


@pytest.mark.parametrize("text", SAME)
def test_the_same_function_is_found_in_two_formulas(text):
    assert is_zero(text, x=sp.Integer(2))


@pytest.mark.parametrize("text", OTHER)
def test_other_functions_are_not_taken_for_the_same(text):
    assert not is_zero(text, x=sp.Integer(2))


@pytest.mark.parametrize("text", SAME)
def test_nothing_is_found_without_the_value_of_the_variable(text):
    assert not is_zero(text)


def test_large_programs_are_not_read(monkeypatch):
    monkeypatch.setattr(canonical_forms, "_MAX_NODES", 5)
    assert not is_zero(SAME[0], x=sp.Integer(2))
