"""Signs, values and nearest doubles of exact real numbers.

The sign of a number is proved by balls of more and more bits, and the zero by the tests of
`zero_tests`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import flint

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.series.real_numbers import (
    FIRST_BITS,
    MAX_BITS,
    ONE,
    PI,
    ZERO,
    E,
    Real,
    UndecidedError,
    column_of,
)
from symdiff.arithmetics.series.zero_tests import (
    SYMBOLIC_FROM,
    is_proved_zero,
    may_ask_sympy,
    sympy_is_zero,
    sympy_zero_is_credible,
)

__all__ = [
    "MAX_BITS",
    "ONE",
    "PI",
    "ZERO",
    "E",
    "Real",
    "UndecidedError",
    "apply",
    "is_proved_zero",
    "nearest",
    "nearest_in",
    "nearest_or_none",
    "sign",
    "sympy_zero_is_credible",
]


def apply(row: str, *arguments: Real) -> Real:
    """Return the value of a catalogue function at exact numbers.

    Parameters
    ----------
    row
        The name of a row with a ball column.
    arguments
        Numbers in the domain of the function.

    Raises
    ------
    UndecidedError
        The row has no ball column.
    """
    if all(a.rational is not None for a in arguments):
        with flint.ctx.workprec(FIRST_BITS):
            value = column_of(row, "ball")(*(flint.arb(a.rational) for a in arguments))
        exact_arguments = all(flint.arb(a.rational).is_exact() for a in arguments)
        if exact_arguments and value.is_exact() and value.is_finite():
            return Real(value.fmpq())
    number = Real(None, row, arguments)
    # A zero that is recognised here simplifies everything that is computed with it.
    return ZERO if number.ball(FIRST_BITS).contains(0) and is_proved_zero(number) else number


def sign(number: Real, bits: int = MAX_BITS) -> int:
    """Return the proved sign of a number: -1, 0 or 1.

    Parameters
    ----------
    number
        The number.
    bits
        The highest precision to try.

    Raises
    ------
    UndecidedError
        Every ball up to that precision contains zero, and zero is not proved either.

    Examples
    --------
    >>> sign(apply("cos", PI) + ONE), sign(PI - Real.of(3.14159))
    (0, 1)
    """
    if number.rational is not None:
        return int(number.rational > 0) - int(number.rational < 0)
    for precision in _precisions(FIRST_BITS, bits):
        ball = number.ball(precision)
        if ball > 0:
            return 1
        if ball < 0:
            return -1
        if ball.is_zero():
            return 0
        if precision >= min(SYMBOLIC_FROM, bits) and is_proved_zero(number):
            return 0
    ball = number.ball(bits)
    if not ball.is_finite():
        raise UndecidedError(_not_enclosed(bits))
    size = ball.abs_upper().str(1, radius=False)  # as a text: it may be smaller than any double
    message = f"the sign of a number within {size} of 0 could not be proved"
    raise UndecidedError(message)


def _not_enclosed(bits: int) -> str:
    return f"a number cannot be enclosed with {bits} bits"


def _precisions(first: int, last: int) -> Iterator[int]:
    """Yield precisions in bits: `first`, doubled as long as it is below `last`, then `last`."""
    precision = first
    while precision < last:
        yield precision
        precision *= 2
    yield last


def nearest(number: Real, bits: int = MAX_BITS) -> float:
    """Return the double nearest to a number; an infinity if the number overflows.

    Raises
    ------
    UndecidedError
        No ball with up to `bits` bits is narrow enough.

    Examples
    --------
    >>> nearest(PI), nearest(Real.of(Fraction(1, 10**400)))
    (3.141592653589793, 0.0)
    """
    if number.rational is not None:
        return _nearest_fraction(Fraction(int(number.rational.p), int(number.rational.q)))
    double = None
    for precision in _precisions(2 * FIRST_BITS, bits):
        ball = number.ball(precision)
        double = nearest_in(ball)
        if double is not None and float(ball.lower()) == float(ball.upper()):
            return double
    if double is not None:  # every ball contains the midpoint of two adjacent doubles
        return double
    if sign(number, bits) == 0:
        return 0.0
    raise UndecidedError(_not_enclosed(bits))


def nearest_or_none(number: Real) -> float | None:
    """Return the double nearest to a number, or None if two quick attempts do not find it.

    Examples
    --------
    >>> nearest_or_none(apply("sin", PI)), nearest_or_none(PI)
    (0.0, 3.141592653589793)
    """
    if number.rational is not None:
        return nearest(number)
    for bits in (2 * FIRST_BITS, SYMBOLIC_FROM):
        double = nearest_in(number.ball(bits))
        if double is not None:
            return double
    is_zero = may_ask_sympy(number) and sympy_is_zero(number)
    return 0.0 if is_zero else None


def scientific(number: Real) -> str:
    """Return a large number as text with six digits.

    Raises
    ------
    UndecidedError
        No ball with up to `MAX_BITS` bits is narrow enough.

    Examples
    --------
    >>> scientific(Real.of(-(10**320))), scientific(apply("exp", apply("exp", Real.of(100))))
    ('-1e320', '10^1.16743e43')
    >>> scientific(apply("exp", apply("exp", Real.of(2000))))
    '10^1.68558e868'
    """
    for bits in _precisions(2 * FIRST_BITS, MAX_BITS):
        ball = number.ball(bits)
        with flint.ctx.workprec(bits):
            text = scientific_in(ball)
        if text is not None:
            return text
    raise UndecidedError(_not_enclosed(MAX_BITS))


def scientific_in(ball: Ball) -> str | None:
    """Return a large number in a ball as text, or None if the ball is too wide or contains 0."""
    if not ball.is_finite() or ball.contains(0):
        return None
    size, minus = abs(ball), "-" if ball < 0 else ""
    logarithm = size.log() / flint.arb(10).log()
    if logarithm > _LONGEST_EXPONENT:
        power = scientific_in(logarithm)  # which may itself be beyond the largest double
        return None if power is None else f"{minus}10^{power}"
    exponent = int(logarithm.mid().floor().unique_fmpz())
    digits = nearest_in(size / flint.arb(10) ** exponent)
    if digits is None:
        return None
    if f"{digits:.6g}" == "10":
        digits, exponent = 1.0, exponent + 1
    return f"{minus}{_plain(digits)}e{exponent}"


def _plain(x: float) -> str:
    return f"{x:.6g}".replace("e+", "e")


def _nearest_fraction(value: Fraction) -> float:
    """Return the nearest double, or an infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


_ACCURATE: Final = 60  # bits of relative accuracy from which a ball is rounded to a double
_BEYOND_DOUBLES: Final = flint.arb(2) ** 1024
_BELOW_DOUBLES: Final = flint.arb(2) ** -1100
_LONGEST_EXPONENT: Final = 10**9  # a number with a larger exponent is shown as 10^exponent


def nearest_in(ball: Ball) -> float | None:
    """Return the double nearest to the centre of a narrow ball, or None if it is too wide."""
    if not ball.is_finite():
        return None
    if ball.rel_accuracy_bits() >= _ACCURATE or ball.is_exact():
        middle = ball.mid()
        if abs(middle) > _BEYOND_DOUBLES:
            return math.inf if middle > 0 else -math.inf
        return float(middle)
    return 0.0 if ball.abs_upper() < _BELOW_DOUBLES else None
