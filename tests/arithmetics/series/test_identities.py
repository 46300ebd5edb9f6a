"""Numbers that are zero because another number is, as fractions of polynomials."""

import pytest

from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.identities import is_zero_if
from symdiff.arithmetics.series.puiseux import constant_germ
from symdiff.arithmetics.series.reals import Real, apply
from symdiff.program import parse

# A stands for tanh(3), B for exp(2), C for sin(5): numbers without a known relation.
INPUTS = {
    "a": constant_germ(apply("tanh", Real.of(3))),
    "b": constant_germ(apply("exp", Real.of(2))),
    "c": constant_germ(apply("sin", Real.of(5))),
}


def number(text):
    return germs.evaluate(parse(text), INPUTS).constant


MULTIPLES = [
    ("2*a - 2*b", "a - b", True),
    ("a*a - b*b", "a - b", True),
    ("c*a - c*b", "b - a", True),
    ("a/b - 1", "a - b", True),
    ("1/a - 1/b", "a - b", True),
    ("(a + 1/2) - (b + 1/2)", "a - b", True),
    ("a**3 - b**3 + c*(a - b)", "a - b", True),
    ("(a + b)**2 - a**2 - 2*a*b - b**2", "a - c", True),  # zero whatever c is
    ("2*a/b - 1", "a - b/2", True),
    ("a + b", "a - b", False),
    ("a*a + b*b", "a - b", False),
    ("a - c", "a - b", False),
    ("a - b + 1e-300", "a - b", False),
    ("a**2 - b", "a - b", False),
    ("a - b", "a*a - b*b", False),  # a + b may be the factor that is zero
]


@pytest.mark.parametrize(("text", "zero", "expected"), MULTIPLES)
def test_a_number_is_zero_if_it_is_a_multiple_of_a_zero(text, zero, expected):
    assert is_zero_if(number(text), [number(zero)]) is expected


def test_long_numbers_are_not_tried():
    long = number(" + ".join(f"exp({n})" for n in range(3, 40)))
    assert is_zero_if(long, [long]) is False


RELATIONS = [
    ("sin(1)**2 + cos(1)**2 - 1", True),
    ("sin(1)**4 - (1 - cos(1)**2)**2", True),
    ("exp(3)*cosh(2)**2 - exp(3)*sinh(2)**2 - exp(3)", True),
    ("sqrt(exp(2) + 1)**2 - exp(2) - 1", True),
    ("(sqrt(sin(1)) - sqrt(cos(1)))*(sqrt(sin(1)) + sqrt(cos(1))) - sin(1) + cos(1)", True),
    ("sin(1)**2 + cos(2)**2 - 1", False),
    ("sin(1)**2 - cos(1)**2 - 1", False),
    ("sqrt(exp(2) + 1) - exp(1)", False),
]


@pytest.mark.parametrize(("text", "expected"), RELATIONS)
def test_relations_of_functions_of_one_argument_are_known(text, expected):
    assert is_zero_if(number(text), []) is expected
