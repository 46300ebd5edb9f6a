"""Power series with rational coefficients, as polynomials of flint.

A product of two series of n terms takes n² products of exact numbers in Python, and a series of a
series n times as many. Nearly all series that a proof needs have integral exponents and rational
coefficients: flint multiplies those in one call.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, Final

import flint

from symdiff.arithmetics.series.exponents import Exponent
from symdiff.arithmetics.series.real_numbers import MAX_RATIONAL_BITS, Real

Polynomial = Any  # an fmpq_poly of python-flint, which ships no types

LARGEST_EXPONENT: Final = 64  # of a series that is read as a polynomial
_SLACK: Final = 16  # bits by which a sum may be longer than its terms


def polynomial_of(terms: Mapping[Any, Real]) -> Polynomial | None:
    """Return the terms of a germ as a polynomial in t.

    None is returned if there is an exponent that is no small natural number, a logarithm, or a
    coefficient that is not known to be rational.

    Parameters
    ----------
    terms
        The coefficients by (e, k), in the order of e.
    """
    coefficients: list[Any] = []
    for (e, k), c in terms.items():
        if k or type(e) is not int or not len(coefficients) <= e <= LARGEST_EXPONENT:
            return None
        if c.rational is None:
            return None
        coefficients.extend(itertools.repeat(0, e - len(coefficients)))
        coefficients.append(c.rational)
    return flint.fmpq_poly(coefficients)


def terms_of(polynomial: Polynomial) -> dict[tuple[Exponent, int], Real]:
    """Return a polynomial as the terms of a germ."""
    return {(e, 0): Real(c) for e, c in enumerate(polynomial.coeffs()) if c}


def is_short(factors: Iterable[Polynomial], other: Iterable[Any] = ()) -> bool:
    """Return whether a product is sure to have coefficients that `Real` keeps as rationals.

    The same holds for the partial sums of the coefficients: their denominators, too, divide the
    product of the denominators of the factors.

    Parameters
    ----------
    factors
        The factors.
    other
        Rationals of flint that are added to the product.
    """
    bits = sum(p.numer().height_bits() + int(p.denom()).bit_length() for p in factors)
    bits += sum(c.p.bit_length() + c.q.bit_length() for c in other)
    return bool(bits + _SLACK <= MAX_RATIONAL_BITS)
