"""Exponents of series: rational numbers, and irrational ones such as pi and sqrt(2) + 1.

An irrational exponent is q + Σ c·a with rational q and c, and irrational numbers a.  Exponents
with the same form are equal.  If two exponents of different form may be equal, a comparison
raises `UndecidedError`, so that no term is put in the wrong place.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

import flint

from symdiff.arithmetics.series.reals import Real, UndecidedError, sign

_LARGEST_DENOMINATOR: Final = 1000  # of the rational numbers that an exponent is compared with
_Parts = Mapping[bytes, tuple[Fraction, Real]]  # c and a, by the key of a


@functools.total_ordering
class Irrational:
    """An irrational exponent; `exponent_of` makes it.

    Attributes
    ----------
    rational
        The rational summand.
    parts
        The multiples of irrational numbers, by the keys of these.
    """

    __slots__ = ("number", "parts", "rational")

    def __init__(self, rational: Fraction, parts: _Parts) -> None:
        """Make an exponent from its summands."""
        self.rational = rational
        self.parts = parts
        self.number = Real.of(rational)
        for key in sorted(parts):
            coefficient, atom = parts[key]
            self.number = self.number + Real.of(coefficient) * atom

    def __repr__(self) -> str:
        """Return the number's expression."""
        return repr(self.number)

    @property
    def _form(self) -> tuple[Fraction, frozenset[tuple[bytes, Fraction]]]:
        return self.rational, frozenset((key, c) for key, (c, _) in self.parts.items())

    def __hash__(self) -> int:
        """Return a hash of the form."""
        return hash(self._form)

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same form."""
        return isinstance(other, Irrational) and self._form == other._form

    def __lt__(self, other: Exponent) -> bool:
        """Return whether this exponent is smaller.

        Raises
        ------
        UndecidedError
            The two have different forms, and are not proved to differ.
        """
        if self == other:
            return False
        difference = sign(self.number - real_of(other))
        if difference == 0:
            message = "two exponents of a series are written differently and are equal"
            raise UndecidedError(message)
        return difference < 0

    def __add__(self, other: Exponent) -> Exponent:
        """Return the sum."""
        if not isinstance(other, Irrational):
            return Irrational(self.rational + other, self.parts)
        parts = dict(self.parts)
        for key, (c, atom) in other.parts.items():
            parts[key] = parts.get(key, (Fraction(0), atom))[0] + c, atom
        kept = {key: part for key, part in parts.items() if part[0]}
        rational = self.rational + other.rational
        return Irrational(rational, kept) if kept else plain(rational)

    __radd__ = __add__

    def __sub__(self, other: Exponent) -> Exponent:
        """Return the difference."""
        return self + -other

    def __mul__(self, other: Exponent) -> Exponent:
        """Return the product."""
        if isinstance(other, Irrational):
            return exponent_of(self.number * other.number)
        if other == 0:
            return 0
        factor = Fraction(other)
        parts = {key: (factor * c, atom) for key, (c, atom) in self.parts.items()}
        return Irrational(factor * self.rational, parts)

    __rmul__ = __mul__

    def __neg__(self) -> Exponent:
        """Return the negative."""
        return self * -1


Exponent = int | Fraction | Irrational


def plain(exponent: Exponent) -> Exponent:
    """Return an integral exponent as an int, which is much faster to add than a Fraction."""
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        return int(exponent)
    return exponent


def real_of(exponent: Exponent) -> Real:
    """Return an exponent as an exact number."""
    return exponent.number if isinstance(exponent, Irrational) else Real.of(Fraction(exponent))


def exponent_of(number: Real) -> Exponent:
    """Return an exact number as an exponent.

    Raises
    ------
    UndecidedError
        It may be rational.

    Examples
    --------
    >>> from symdiff.arithmetics.series.reals import PI
    >>> exponent_of(PI) + 1 > 4, exponent_of(PI) + 1 == exponent_of(PI + Real.of(1))
    (True, True)
    """
    rational, parts = _summands(number)
    if parts:
        middle = Fraction(float(number.ball(64).mid())).limit_denominator(_LARGEST_DENOMINATOR)
        if sign(number - Real.of(middle)) == 0:
            rational, parts = middle, {}
    return Irrational(rational, parts) if parts else plain(rational)


def _summands(number: Real) -> tuple[Fraction, dict[bytes, tuple[Fraction, Real]]]:
    """Return the rational summand of a number, and the others."""
    total, parts = Fraction(0), dict[bytes, tuple[Fraction, Real]]()
    waiting = [(Fraction(1), number)]
    while waiting:
        factor, x = waiting.pop()
        scale, core = x.scaled
        if x.rational is not None:
            total += factor * Fraction(int(x.rational.p), int(x.rational.q))
            continue
        factor *= Fraction(int(scale.p), int(scale.q))
        if core.operation == "add":
            waiting.extend((factor, a) for a in core.arguments)
        else:
            parts[core.key] = parts.get(core.key, (Fraction(0), core))[0] + factor, core
    return total, {key: part for key, part in parts.items() if part[0]}


def count_below(order: int, step: Exponent) -> int:
    """Return a number n such that n·step >= order, for a positive step."""
    if isinstance(step, Irrational):
        with flint.ctx.workprec(64):
            return math.ceil(float((order / step.number.ball(64)).upper()))
    return math.ceil(order / step)
