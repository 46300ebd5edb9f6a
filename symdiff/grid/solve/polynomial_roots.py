"""The real roots of a polynomial with rational coefficients, exactly."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import flint
import sympy as sp

from symdiff.errors import ExpressionError
from symdiff.grid.points import nearest_double
from symdiff.grid.solve.polynomials import as_polynomial
from symdiff.program import parse

_ROOT_TEXT: Final = re.compile(r"root of (?P<polynomial>.+) near (?P<double>\S+)")


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


def text_of_root(root: sp.Expr) -> tuple[float, str | None]:
    """Return the double nearest to a root, and its text if the two differ.

    A root without radicals is given by its polynomial and the double that tells it from the others.

    Examples
    --------
    >>> [text_of_root(root) for root in real_roots([Fraction(c) for c in (-1, -1, 0, 0, 0, 1)])]
    [(1.1673039782614187, 'root of x**5 - x - 1 near 1.1673039782614187')]
    """
    value, text = nearest_double(root)
    if isinstance(root, sp.CRootOf):
        text = f"root of {root.poly.as_expr()} near {value!r}"
    return value, text


def polynomial_and_double(text: str) -> tuple[tuple[int, ...], float] | None:
    """Return what a text of `text_of_root` says; None for any other text.

    Examples
    --------
    >>> polynomial_and_double("root of x**5 - x - 1 near 1.1673039782614187")
    ((-1, -1, 0, 0, 0, 1), 1.1673039782614187)
    """
    match = _ROOT_TEXT.fullmatch(text)
    if match is None:
        return None
    try:
        program, near = parse(match["polynomial"]), float(match["double"])
    except (ExpressionError, ValueError):
        return None
    polynomial = as_polynomial(program, "x", {}) if program.inputs == ("x",) else None
    if polynomial is None or len(polynomial) < 2 or any(c.denominator != 1 for c in polynomial):
        return None
    return tuple(int(c) for c in polynomial), near
