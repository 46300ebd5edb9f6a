"""The real roots of a polynomial with rational coefficients, exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

import flint
import sympy as sp


def real_roots(coefficients: Sequence[Fraction]) -> Iterator[sp.Expr]:
    """Yield the real roots of a nonzero polynomial, each once, by its irreducible factors.

    Parameters
    ----------
    coefficients
        The coefficients of 1, x, x**2, ...

    Examples
    --------
    >>> list(real_roots([Fraction(-2), Fraction(1), Fraction(-2), Fraction(1)]))
    [2]
    >>> list(real_roots([Fraction(-1), Fraction(-1), Fraction(1)]))
    [1/2 - sqrt(5)/2, 1/2 + sqrt(5)/2]
    """
    scale = math.lcm(*(c.denominator for c in coefficients))
    integers = flint.fmpz_poly([int(c * scale) for c in coefficients])
    for factor, _ in integers.factor()[1]:
        c = [int(factor[i]) for i in range(factor.degree() + 1)]
        if len(c) == 2:
            yield sp.Rational(-c[0], c[1])
        elif len(c) == 3:
            yield from _quadratic_roots(c[2], c[1], c[0])
        else:
            yield from sp.Poly(c[::-1], sp.Symbol("x")).real_roots(multiple=True)


def _quadratic_roots(a: int, b: int, c: int) -> Iterator[sp.Expr]:
    discriminant = b * b - 4 * a * c
    if discriminant >= 0:
        for root in (-sp.sqrt(discriminant), sp.sqrt(discriminant)):
            yield (root - b) / (2 * a)
