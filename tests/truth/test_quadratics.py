"""Exact polynomials of degree 2, and their decomposition into squares."""

import math
from fractions import Fraction

import pytest

from symdiff.truth.quadratics import Polynomial


def polynomial(**coefficients):
    """Return a polynomial in x, y and z: xy=2 stands for 2·x·y."""
    terms = {
        tuple("xyz".index(c) for c in name.strip("_")): Fraction(v)
        for name, v in coefficients.items()
    }
    return Polynomial(terms)


def value(form, at):
    return sum(c * math.prod(at[i] for i in monomial) for monomial, c in form.terms.items())


POINTS = [(1, 2, 3), (-1, 5, 2), (0, -1, 4), (3, 0, -2)]
SQUARES = [
    polynomial(xx=1, yy=1),
    polynomial(xx=1, xy=2, yy=1),
    polynomial(xx=2, xy=2, yy=5),
    polynomial(xx=1, yy=1, zz=1, xy=-1, yz=-1, xz=-1),
    polynomial(zz="1/3"),
    polynomial(yy=1, yz=4, zz=4),
]
OTHERS = [
    polynomial(xx=1, yy=-1),
    polynomial(xy=1),
    polynomial(xx=1, xy=3, yy=1),
    polynomial(xx=-1),
    polynomial(x=1),
    polynomial(_=1, xx=1),
]


@pytest.mark.parametrize("form", SQUARES)
def test_a_sum_of_squares_has_the_value_of_the_form(form):
    squares = form.squares()
    assert all(d > 0 for d, _ in squares)
    for at in POINTS:
        total = sum(d * sum(c * at[i] for i, c in linear.items()) ** 2 for d, linear in squares)
        assert total == value(form, at)


@pytest.mark.parametrize("form", OTHERS)
def test_a_form_that_is_no_sum_of_squares_has_no_decomposition(form):
    assert form.squares() is None


def test_sums_and_products_are_exact():
    first, second = polynomial(_=2, x="1/3"), polynomial(y=3, x=-1)
    for at in POINTS:
        assert value(first.product(second), at) == value(first, at) * value(second, at)
        assert value(first.plus(second, Fraction(-2)), at) == value(first, at) - 2 * value(
            second, at
        )


def test_polynomials_beyond_degree_two_are_not_kept():
    assert polynomial(xx=1).product(polynomial(x=1)) is None
    assert polynomial(xx=1).product(polynomial(_=3)).terms == {(0, 0): 3}


def test_a_gradient_is_known_for_linear_polynomials_only():
    assert polynomial(_=1, x=2, z=-1).slopes == {0: 2, 2: -1}
    assert polynomial(x=2, xx=1).slopes is None
