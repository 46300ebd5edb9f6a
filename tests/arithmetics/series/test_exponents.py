"""Irrational exponents of series: equality by form, order by proved signs."""

from fractions import Fraction

import pytest

from symdiff.arithmetics.series.exponents import Irrational, count_below, exponent_of
from symdiff.arithmetics.series.reals import PI, E, Real, UndecidedError


def root(n):
    return Real.of(n).power(Fraction(1, 2))


def test_exponents_have_one_form_whatever_the_order_of_their_summands():
    a = exponent_of(PI) + exponent_of(E) + 2
    b = exponent_of(Real.of(1) + E) + (exponent_of(PI) + Fraction(1))
    assert a == b and hash(a) == hash(b)
    assert exponent_of(PI) * 2 + exponent_of(-PI) == exponent_of(PI)


def test_a_sum_that_is_rational_is_a_rational_number():
    total = exponent_of(PI) + exponent_of(Real.of(3) - PI)
    assert total == 3 and isinstance(total, int)
    assert exponent_of(root(2)) * exponent_of(root(8)) == 4


@pytest.mark.parametrize(
    ("exponent", "other", "is_less"),
    [
        (exponent_of(PI), 3, False),
        (exponent_of(PI), Fraction(22, 7), True),
        (exponent_of(root(2)), exponent_of(root(3)), True),
        (exponent_of(root(2)), 1, False),
        (exponent_of(-PI), 0, True),
    ],
)
def test_exponents_are_compared_by_proved_signs(exponent, other, is_less):
    assert (exponent < other) is is_less
    assert (other > exponent) is is_less
    assert exponent != other


def test_equal_exponents_of_different_form_are_not_compared():
    nested = exponent_of((Real.of(5) + Real.of(2) * root(6)).power(Fraction(1, 2)))
    with pytest.raises(UndecidedError, match="written differently"):
        assert exponent_of(root(2) + root(3)) < nested


def test_the_number_of_terms_below_an_order():
    assert count_below(4, 1) == 4
    assert count_below(4, Fraction(3, 2)) == 3
    step = exponent_of(root(2))
    assert isinstance(step, Irrational) and count_below(4, step) == 3  # 2.83
