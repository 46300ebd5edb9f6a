"""Series with rational coefficients are multiplied by flint, with the same results."""

import itertools
import random
from fractions import Fraction

import pytest

from symdiff.arithmetics.series import puiseux
from symdiff.arithmetics.series.puiseux import Algebra, Germ
from symdiff.arithmetics.series.rational_series import is_short, polynomial_of, terms_of
from symdiff.arithmetics.series.real_numbers import PI, Real

HALF = Fraction(1, 2)
BITS = 256


@pytest.fixture
def one_by_one(monkeypatch):
    """A function that computes with the products of single terms."""

    def compute(function):
        with monkeypatch.context() as patches:
            patches.setattr(puiseux, "_MANY_PRODUCTS", 10**9)
            patches.setattr(puiseux, "_LONG_SERIES", 10**9)
            return function()

    return compute


def drawn(numbers, lowest, order):
    """A random germ with rational coefficients, and exponents from `lowest` on."""
    exponents = sorted(numbers.sample(range(lowest, 12), numbers.choice([0, 1, 3, 6])))
    values = (Fraction(numbers.randint(-9, 9) or 1, numbers.randint(1, 9)) for _ in exponents)
    terms = {(e, 0): Real.of(value) for e, value in zip(exponents, values, strict=True)}
    return Germ(terms, order and max([order, *(e + 1 for e in exponents)]))


def exactly(germ):
    return [(power, repr(c)) for power, c in germ.terms.items()], germ.order


SERIES = [
    puiseux._exponential(9),
    puiseux._logarithm(17),
    puiseux._sine(8),
    puiseux._binomials(HALF, 12),
    puiseux._binomials(3, 9),
]


@pytest.mark.parametrize("order", [4, 8, 16])
@pytest.mark.parametrize(
    ("known_x", "known_y"), [*itertools.product([None, 3, HALF * 27], repeat=2)]
)
def test_flint_multiplies_as_term_by_term(one_by_one, order, known_x, known_y):
    numbers, algebra = random.Random(order), Algebra(order, BITS)  # noqa: S311
    for _ in range(20):
        x, y = drawn(numbers, -1, known_x), drawn(numbers, 0, known_y)
        expected = one_by_one(lambda x=x, y=y: algebra.multiply(x, y))
        assert exactly(algebra.multiply(x, y)) == exactly(expected)


@pytest.mark.parametrize("coefficients", SERIES)
@pytest.mark.parametrize("order", [4, 8, 16])
@pytest.mark.parametrize("known", [None, 3])
def test_flint_composes_as_term_by_term(one_by_one, coefficients, order, known):
    numbers, algebra = random.Random(order), Algebra(order, BITS)  # noqa: S311
    for ends in (False, True, False, True):
        u = drawn(numbers, 1, known)
        expected = one_by_one(lambda u=u, e=ends: algebra.compose(coefficients, u, ends=e))
        assert exactly(algebra.compose(coefficients, u, ends=ends)) == exactly(expected)


def test_what_is_no_polynomial_is_left_alone():
    one = Real.of(1)
    assert polynomial_of({(0, 0): one, (HALF, 0): one}) is None
    assert polynomial_of({(1, 1): one}) is None
    assert polynomial_of({(-1, 0): one}) is None
    assert polynomial_of({(0, 0): PI}) is None
    assert terms_of(polynomial_of({(0, 0): one, (3, 0): one})).keys() == {(0, 0), (3, 0)}


def test_products_that_are_too_long_for_a_rational_are_left_alone():
    long = polynomial_of({(0, 0): Real.of(Fraction(1, 3**12_000))})
    assert is_short((long,))
    assert not is_short((long, long, long))


def products_of_terms(monkeypatch, function):
    """The number of products of two exact numbers."""
    made = []
    multiply = Real.__mul__

    def counted(x, y):
        made.append((x, y))
        return multiply(x, y)

    with monkeypatch.context() as patches:
        patches.setattr(Real, "__mul__", counted)
        function()
    return len(made)


def test_a_series_of_a_series_takes_no_products_in_python(monkeypatch, one_by_one):
    u = Germ({(e, 0): Real.of(Fraction(1, e)) for e in range(1, 32)}, 32)
    algebra = Algebra(32, BITS)

    def compose():
        algebra.compose(puiseux._exponential(33), u)

    assert products_of_terms(monkeypatch, compose) == 0
    # Negative control.
    assert products_of_terms(monkeypatch, lambda: one_by_one(compose)) > 10_000
