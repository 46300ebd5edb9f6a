"""Algebraic numbers: roots of polynomials, and a zero test that decides by a bound.

An expression of rationals, roots of polynomials, sums, products, quotients and radicals is U/L with
algebraic integers U and L.  If all conjugates of U are at most u >= 1, those of L at most l, and D
is at least the degree of U, then U = 0 or |U| >= u^(1-D), since the product of the conjugates of a
nonzero algebraic integer is a nonzero integer.  So the number is 0 or at least u^(1-D)/l.  A ball
below this bound proves that it is 0.

Source: Burnikel, Funke, Mehlhorn, Schirra & Schmitt, A separation bound for real algebraic
expressions, 2009, section 3.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import flint
import sympy as sp

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.series.real_numbers import Real, UndecidedError

_MAX_SIZE: Final = 200  # most operations in an expression that is bounded
_MAX_DEGREE: Final = 256  # highest degree of one radical
_MAX_POWER: Final = 2**20  # largest numerator of an exponent
_MAX_SEPARATION: Final = 16_384  # most bits for which a ball is compared with the bound
_SLACK: Final = 1 + 2.0**-30  # covers the rounding of logarithms
_AROUND: Final = 2.0**-48  # relative radius of the interval that isolates a root
_MARGIN: Final = 32  # bits of precision beyond the requested ones
_MAX_STEPS: Final = 40  # Newton steps for one precision


class AlgebraicRoot(Real):
    """A root of a polynomial with integer coefficients, in an interval that isolates it.

    Its balls are computed by interval Newton steps. The first one maps the interval into itself,
    which proves that it contains exactly one root (Moore, Kearfott & Cloud 2009, section 8.1).

    Attributes
    ----------
    coefficients
        The coefficients of 1, x, x**2, ...

    Examples
    --------
    >>> golden = AlgebraicRoot([-1, -1, 1], 1.618033988749895)
    >>> is_algebraic_zero(golden * golden - golden - Real.of(1))
    True
    """

    __slots__ = ("_near", "_slope", "_value", "coefficients")

    def __init__(self, coefficients: Sequence[int], near: float) -> None:
        """Describe the root of a polynomial that is nearest to a double.

        Raises
        ------
        UndecidedError
            It is not proved that there is exactly one root near the double.
        """
        super().__init__(None, "root")
        self.coefficients = tuple(coefficients)
        self._value = flint.fmpz_poly(list(coefficients))
        self._slope = self._value.derivative()
        self._near = near
        text = repr(("root", self.coefficients, near))
        self._key = hashlib.blake2b(text.encode(), digest_size=20).digest()
        self.ball(128)

    @property
    def vanishing(self) -> tuple[Real, ...]:
        """The polynomial at the root, as an expression of the root."""
        if not self._vanishing:
            value = Real.of(0)
            for c in reversed(self.coefficients):
                value = value * self + Real.of(c)
            self._vanishing = (value,)
        return self._vanishing

    def symbolic(self) -> sp.Expr:
        """Raise ValueError: the number is decided without sympy."""
        message = "a root of a polynomial"
        raise ValueError(message)

    def _computed(self, bits: int) -> Ball:
        with flint.ctx.workprec(bits + _MARGIN):
            coarser = max((b for b in self._balls if b < bits), default=None)
            x = flint.arb(self._near, abs(self._near) * _AROUND)
            if coarser is not None:
                x = self._balls[coarser]
            is_proved = coarser is not None
            for _ in range(_MAX_STEPS):
                slope = self._slope(x)
                if slope.contains(0):
                    break
                step = x.mid() - self._value(flint.arb(x.mid())) / slope
                is_proved = is_proved or x.contains_interior(step)
                if not is_proved:
                    break
                narrower = step.intersection(x)
                if narrower.rel_accuracy_bits() >= bits or narrower.rad() >= x.rad():
                    return narrower
                x = narrower
        message = "a root of a polynomial could not be isolated"
        raise UndecidedError(message)


def is_algebraic_zero(number: Real) -> bool | None:
    """Return whether an algebraic number is zero; None if it is not known to be algebraic.

    None is also returned if the bound of nonzero numbers is too small to compute with.

    Examples
    --------
    >>> root = lambda n: Real.of(n).power(Fraction(1, 2))
    >>> nested = (Real.of(5) + Real.of(2) * root(6)).power(Fraction(1, 2))
    >>> is_algebraic_zero(nested - root(2) - root(3)), is_algebraic_zero(nested - root(2))
    (True, False)
    """
    if number.size > _MAX_SIZE:
        return None
    separation = _Bounds().separation(number)
    if separation is None or separation > _MAX_SEPARATION:
        return None
    bits = math.ceil(separation) + 64
    for precision in (bits, 2 * bits):
        try:
            ball = number.ball(precision)
        except UndecidedError:
            return None
        if not ball.contains(0):
            return False
        if ball.is_finite() and ball.abs_upper() < flint.arb(2) ** -bits:
            return True
    return None


_Logs = tuple[float, float]  # binary logarithms of the bounds u >= 1 and l >= 1


class _Bounds:
    """Bounds of the parts of one expression."""

    def __init__(self) -> None:
        self._logs: dict[bytes, _Logs | None] = {}
        self._degrees: dict[bytes, int] = {}  # of the radicals and roots, each once

    def separation(self, number: Real) -> float | None:
        """Return b such that the number is 0 or at least 2^-b; None if it is not algebraic."""
        logs = self._of(number)
        if logs is None:
            return None
        degree = math.prod(self._degrees.values())
        return ((degree - 1) * logs[0] + logs[1]) * _SLACK + 1

    def _of(self, number: Real) -> _Logs | None:
        key = number.key
        if key not in self._logs:
            self._logs[key] = self._computed(number)
        return self._logs[key]

    def _computed(self, number: Real) -> _Logs | None:
        q = number.rational
        if q is not None:
            return _log(abs(int(q.p))), _log(int(q.q))
        if isinstance(number, AlgebraicRoot):
            return self._root(number)
        exponent = _exponent(number)
        if exponent is not None:
            return self._power(number, number.arguments[0], exponent)
        logs = [self._of(argument) for argument in number.arguments]
        if number.operation not in _ARITHMETIC or None in logs:
            return None
        return _combined(number.operation, [pair for pair in logs if pair is not None])

    def _root(self, number: AlgebraicRoot) -> _Logs:
        """Return the bounds of a root z of a_d·X^d + ...: a_d·z is an algebraic integer.

        The roots are at most 1 + max|a_i|/|a_d| (Cauchy's bound).
        """
        *lower, leading = (abs(c) for c in number.coefficients)
        self._degrees[number.key] = len(lower)
        return _log(leading + max(lower)), _log(leading)

    def _power(self, number: Real, base: Real, exponent: Fraction) -> _Logs | None:
        """Return the bounds of base^(p/n).

        (U/L)^(1/n) is (U·L^(n-1))^(1/n)/L, and also U/(U^(n-1)·L)^(1/n).
        """
        logs = self._of(base)
        if logs is None:
            return None
        u, l = logs  # noqa: E741  (the names of the source)
        n, p = exponent.denominator, abs(exponent.numerator)
        if n > _MAX_DEGREE or p > _MAX_POWER:
            return None
        if n > 1:
            self._degrees[number.key] = n
            u, l = ((u + (n - 1) * l) / n, l) if u >= l else (u, ((n - 1) * u + l) / n)  # noqa: E741
        return (p * u, p * l) if exponent >= 0 else (p * l, p * u)


_ROOTS: Final = {"sqrt": Fraction(1, 2), "cbrt": Fraction(1, 3)}
_ARITHMETIC: Final = frozenset({"add", "subtract", "multiply", "divide", "negative", "abs"})


def _exponent(number: Real) -> Fraction | None:
    """Return the exponent of a number that is computed as a rational power, else None."""
    if number.operation != "power":
        return _ROOTS.get(number.operation)
    exponent = number.arguments[1].rational
    return None if exponent is None else Fraction(int(exponent.p), int(exponent.q))


def _combined(operation: str, logs: Sequence[_Logs]) -> _Logs:
    """Return the bounds of a sum, a product or a quotient from those of its operands."""
    if len(logs) == 1:  # a sign changes nothing
        return logs[0]
    (u, l), (v, m) = logs  # noqa: E741  (the names of the source)
    if operation == "multiply":
        return u + v, l + m
    if operation == "divide":
        return u + m, l + v
    larger, smaller = max(u + m, v + l), min(u + m, v + l)
    return larger + math.log2(1 + 2.0 ** (smaller - larger)), l + m


def _log(n: int) -> float:
    """Return the binary logarithm of a natural number, which is taken as 1 if it is 0."""
    return math.log2(n) if n > 0 else 0.0
