"""Exact polynomials of degree at most 2 in the distance from a point, over the rationals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

MAX_TERMS: Final = 500  # of a polynomial; beyond, none is kept
_MAX_BITS: Final = 8192  # of a coefficient

Monomial = tuple[int, ...]  # the indices of its variables, in order; () is 1


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Polynomial:
    """A polynomial of degree at most 2.

    Attributes
    ----------
    terms
        The nonzero coefficients by monomial.
    """

    terms: Mapping[Monomial, Fraction]

    @property
    def constant(self) -> Fraction:
        """The value at the point."""
        return self.terms.get((), Fraction(0))

    @property
    def slopes(self) -> dict[int, Fraction] | None:
        """The gradient by variable, in order, or None if there are terms of degree 2."""
        if any(len(m) == 2 for m in self.terms):
            return None
        return {m[0]: self.terms[m] for m in sorted(self.terms) if m}

    def plus(self, other: Polynomial, factor: Fraction = Fraction(1)) -> Polynomial | None:
        """Return the sum with a multiple of another polynomial, or None if it is too large."""
        terms = dict(self.terms)
        for monomial, c in other.terms.items():
            total = terms.get(monomial, Fraction(0)) + factor * c
            if total:
                terms[monomial] = total
            else:
                terms.pop(monomial, None)
        return _checked(terms)

    def times(self, factor: Fraction) -> Polynomial | None:
        """Return a multiple."""
        return _checked({m: c * factor for m, c in self.terms.items()} if factor else {})

    def product(self, other: Polynomial) -> Polynomial | None:
        """Return the product, or None if its degree exceeds 2 or it is too large."""
        if self.degree + other.degree > 2 or len(self.terms) * len(other.terms) > MAX_TERMS:
            return None
        terms: dict[Monomial, Fraction] = {}
        for m, c in self.terms.items():
            for n, d in other.terms.items():
                monomial = tuple(sorted((*m, *n)))
                terms[monomial] = terms.get(monomial, Fraction(0)) + c * d
        return _checked({m: c for m, c in terms.items() if c})

    @property
    def degree(self) -> int:
        """The degree."""
        return max(map(len, self.terms), default=0)

    def squares(self) -> list[tuple[Fraction, dict[int, Fraction]]] | None:
        """Return d_k > 0 and linear forms l_k with Σ d_k·l_k² equal to the polynomial.

        The result is None if the polynomial is not a sum of squares of linear forms. The forms are
        the rows of the factor of an exact L·D·Lᵀ decomposition.

        Examples
        --------
        >>> one = Fraction(1)
        >>> squares = Polynomial({(0, 0): one, (0, 1): 2 * one, (1, 1): one}).squares()
        >>> squares == [(one, {0: one, 1: one})]
        True
        """
        if any(len(m) < 2 for m in self.terms):
            return None
        rest = dict(self.terms)
        squares = []
        while rest:
            pivot = next((m[0] for m in rest if m[0] == m[1]), None)
            if pivot is None or rest[pivot, pivot] < 0:
                return None
            d = rest[pivot, pivot]
            form = {
                (m[1] if m[0] == pivot else m[0]): c / (2 * d)
                for m, c in rest.items()
                if pivot in m and m[0] != m[1]
            }
            form[pivot] = Fraction(1)
            squares.append((d, form))
            for i, a in form.items():
                for j, b in form.items():
                    if i <= j:
                        factor = d if i == j else 2 * d
                        left = rest.get((i, j), Fraction(0)) - factor * a * b
                        rest[i, j] = left
            rest = {m: c for m, c in rest.items() if c}
        return squares


def _checked(terms: Mapping[Monomial, Fraction]) -> Polynomial | None:
    """Return a polynomial, or None if it has too many terms or too long coefficients."""
    if len(terms) > MAX_TERMS:
        return None
    for c in terms.values():
        if c.numerator.bit_length() > _MAX_BITS or c.denominator.bit_length() > _MAX_BITS:
            return None
    return Polynomial(terms)
