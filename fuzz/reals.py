"""Real numbers with hundreds of digits: fractions where possible, else floats of mpmath.

A difference that cancels to almost nothing counts as zero. Where it may be a different number that
was too small to be kept, the answer is `UnclearError`.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any, Final

import mpmath

Number = Any  # a Fraction, or a float of the context

_LARGEST_FRACTION: Final = 6000  # bits of numerator or denominator of fractions that are kept
# Bits of the largest argument of exp and the like: with more, no step is small enough.
_LARGEST_EXPONENT: Final = 1000
_LOST: Final = 0.9  # a difference below 2**(-0.9*bits) of its operands counts as zero


class UndefinedError(ArithmeticError):
    """The program has no real value."""


class PoleError(UndefinedError):
    """The program has no real value; floating-point arithmetic may give an infinity or a number."""


class UnclearError(ArithmeticError):
    """The value cannot be computed with this many digits."""


class Reals:
    """Arithmetic with a number of digits.

    Attributes
    ----------
    context
        The context of mpmath.
    absorbs
        Whether a summand too small to be kept was added to a number so far.
    """

    def __init__(self, digits: int) -> None:
        self.context = mpmath.mp.clone()
        self.context.dps = digits
        self.bits = int(self.context.prec)
        self.absorbs = False
        self._lost = self.context.ldexp(1, -int(_LOST * self.bits))

    def float(self, x: Number) -> Number:
        """Return a float of the context."""
        if isinstance(x, Fraction):
            return self.context.mpf(x.numerator) / x.denominator
        return x

    def kept(self, x: Fraction) -> Number:
        """Return a fraction, or a float if its numerator is too long."""
        bits = max(x.numerator.bit_length(), x.denominator.bit_length())
        return x if bits <= _LARGEST_FRACTION else self.float(x)

    def add(self, x: Number, y: Number) -> Number:
        """Return the sum."""
        if isinstance(x, Fraction) and isinstance(y, Fraction):
            return self.kept(x + y)
        if x == 0 or y == 0:
            return y if x == 0 else x
        a, b = self.float(x), self.float(y)
        total, size = a + b, max(abs(a), abs(b))
        if min(abs(a), abs(b)) < self._lost * size:
            self.absorbs = True
        if abs(total) < self._lost * size:
            if self.absorbs:
                raise UnclearError
            return Fraction(0)
        return total

    def subtract(self, x: Number, y: Number) -> Number:
        """Return the difference."""
        return self.add(x, -y)

    def multiply(self, x: Number, y: Number) -> Number:
        """Return the product."""
        if isinstance(x, Fraction) and isinstance(y, Fraction):
            return self.kept(x * y)
        return Fraction(0) if x == 0 or y == 0 else self.float(x) * self.float(y)

    def divide(self, x: Number, y: Number) -> Number:
        """Return the quotient.

        Raises
        ------
        UndefinedError
            The divisor is zero.
        """
        if y == 0:
            raise PoleError if x != 0 else UndefinedError
        if isinstance(x, Fraction) and isinstance(y, Fraction):
            return self.kept(x / y)
        return Fraction(0) if x == 0 else self.float(x) / self.float(y)

    def sign(self, x: Number) -> int:
        """Return -1, 0 or 1."""
        return int(x > 0) - int(x < 0)

    def compare(self, x: Number, y: Number) -> int:
        """Return the sign of x - y."""
        if isinstance(x, Fraction) and isinstance(y, Fraction):
            return (x > y) - (x < y)
        return self.sign(self.subtract(x, y))

    def whole(self, x: Number) -> int | None:
        """Return the integer that x is, or None."""
        if isinstance(x, Fraction):
            return int(x) if x.denominator == 1 else None
        if magnitude(x) > self.bits // 2:
            raise UnclearError
        nearest = int(self.context.nint(x))
        if nearest == 0:
            return None  # a number that is zero is a fraction
        return nearest if self.subtract(x, Fraction(nearest)) == 0 else None

    def floor(self, x: Number) -> Fraction:
        """Return the largest integer that is not above x."""
        if isinstance(x, Fraction):
            return Fraction(x.numerator // x.denominator)
        whole = self.whole(x)
        return Fraction(int(self.context.floor(x)) if whole is None else whole)

    def power(self, x: Number, y: Number) -> Number:
        """Return x**y, as a real number.

        Raises
        ------
        UndefinedError
            There is none.
        """
        whole = self.whole(y)
        if x == 0:
            if y < 0:
                raise PoleError
            return Fraction(1 if y == 0 else 0)
        if whole is not None:
            return self._whole_power(x, whole)
        if x < 0:
            raise UndefinedError
        return self.exp(self.float(y) * self.log(x))

    def _whole_power(self, x: Number, exponent: int) -> Number:
        if isinstance(x, Fraction):
            bits = max(x.numerator.bit_length(), x.denominator.bit_length()) * abs(exponent)
            if bits <= _LARGEST_FRACTION:
                return x**exponent
        if abs(exponent) > 2**40:
            raise UnclearError
        return self.float(x) ** exponent

    def exp(self, x: Number) -> Number:
        """Return e**x."""
        if x == 0:
            return Fraction(1)
        if magnitude(self.float(x)) > _LARGEST_EXPONENT:
            raise UnclearError
        return self.context.exp(self.float(x))

    def log(self, x: Number) -> Number:
        """Return the natural logarithm.

        Raises
        ------
        UndefinedError
            x is not positive.
        """
        if x <= 0:
            raise PoleError if x == 0 else UndefinedError
        if x == 1:
            return Fraction(0)
        return self.near(self.context.log(self.float(x)), 0)

    def sqrt(self, x: Number) -> Number:
        """Return the square root; exact for squares of fractions.

        Raises
        ------
        UndefinedError
            x is negative.
        """
        if x < 0:
            raise UndefinedError
        if isinstance(x, Fraction):
            roots = [_exact_root(n) for n in (x.numerator, x.denominator)]
            if None not in roots:
                return Fraction(*roots)  # type: ignore[arg-type]
        return self.context.sqrt(self.float(x))

    def near(self, x: Number, exponent: int) -> Number:
        """Return x, or zero if it is below the rounding errors of numbers of 2**exponent."""
        if x == 0 or abs(x) < self._lost * self.context.ldexp(1, exponent):
            if self.absorbs and x != 0:
                raise UnclearError
            return Fraction(0)
        return x

    def of(self, function: str, x: Number, *, saturates: bool = False) -> Number:
        """Return a function of mpmath that is 0 at 0 and nowhere else near it."""
        if x == 0:
            return Fraction(0)
        a = self.float(x)
        if saturates and abs(a) > self.bits / 3:
            self.absorbs = True
        if magnitude(a) > _LARGEST_EXPONENT:
            raise UnclearError
        return getattr(self.context, function)(a)

    def sin(self, x: Number) -> Number:
        """Return the sine."""
        return self._periodic("sin", x)

    def cos(self, x: Number) -> Number:
        """Return the cosine."""
        return Fraction(1) if x == 0 else self._periodic("cos", x)

    def _periodic(self, function: str, x: Number) -> Number:
        a = self.float(x)
        if magnitude(a) > self.bits // 3:
            raise UnclearError
        value = getattr(self.context, function)(a)
        return value if magnitude(a) < 1 else self.near(value, magnitude(a))


def magnitude(x: Number) -> int:
    """Return e such that 2**(e-1) <= |x| < 2**e; a very small number for zero."""
    if isinstance(x, Fraction):
        return x.numerator.bit_length() - x.denominator.bit_length() + 1 if x else -(10**9)
    _, mantissa, exponent, bits = x._mpf_
    return int(exponent + bits) if mantissa else -(10**9)


def _exact_root(n: int) -> int | None:
    root = _integer_root(n)
    return root if root * root == n else None


@functools.cache
def _integer_root(n: int) -> int:
    return int(mpmath.libmp.isqrt(n))
