"""The behaviour of a function that oscillates on one side of a point."""

from __future__ import annotations

import math

from symdiff.arithmetics.series.germ_values import Oscillation, Value, Wave
from symdiff.arithmetics.series.oscillations import definite_sign, is_larger
from symdiff.arithmetics.series.puiseux import Algebra, Germ
from symdiff.arithmetics.series.reals import Real, UndecidedError, nearest
from symdiff.truth.kinds import Kind
from symdiff.truth.sides import Side

_CONSTANT = (0, 0)
_LINEAR = (1, 0)
_RANGE_NOT_KNOWN = "it oscillates, and the range of its limit points is not known"


def oscillating_side(germ: Oscillation, value: Value, s: int, algebra: Algebra) -> Side:
    """Return the behaviour on one side of a function that oscillates there.

    Parameters
    ----------
    germ
        The function of t, where x = x0 + s·t.
    value
        The value at the point.
    s
        1 for the right side, -1 for the left one.
    algebra
        The operations on germs.

    Raises
    ------
    OrderError
        The series is too short to decide.
    UndecidedError
        The sign of a coefficient, or the range of the oscillation, is not known.
    """
    wave = germ.value
    parts = algebra.split(wave.head)
    if isinstance(parts, int):
        return Side(Kind.POLE, reason="+inf" if parts > 0 else "-inf")
    limit, small = parts
    if not is_larger(_CONSTANT, wave.power):
        if wave.power != _CONSTANT or algebra.sign(wave.high - wave.low):
            return _without_limit(germ, algebra)
        message = "it oscillates around a limit that is not known"
        raise UndecidedError(message)
    jump = algebra.sign(limit - value.constant) if isinstance(value, Germ) else 0
    if jump:
        return Side(Kind.JUMP, infinite=jump * s * math.inf, limit=limit)
    for power, c in small.terms.items():
        if is_larger(power, _LINEAR) and algebra.sign(c):
            sign = algebra.sign_of(Germ({power: c}))
            return Side(Kind.VERTICAL, infinite=sign * s * math.inf, limit=limit)
    if is_larger(_LINEAR, wave.power):
        slope = small.terms.get(_LINEAR, Real.of(0))
        text = _derivative_text(germ.slope, s, algebra)
        return Side(Kind.SMOOTH, slope if s > 0 else -slope, limit=limit, oscillation=text)
    return _quotient(germ, s, limit, algebra)


def _without_limit(germ: Oscillation, algebra: Algebra) -> Side:
    """Return a side on which the function has no finite limit."""
    wave = germ.value
    sign = definite_sign(algebra, germ)
    if sign and wave.power != _CONSTANT:
        return Side(Kind.POLE, reason="+inf" if sign > 0 else "-inf")
    if not wave.is_sharp or not algebra.sign(wave.high - wave.low):
        raise UndecidedError(_RANGE_NOT_KNOWN)
    text = f"between {_rounded(wave.low)} and {_rounded(wave.high)}"
    if wave.power != _CONSTANT:
        text = "without bounds"
    return Side(Kind.OSCILLATING, reason=f"the value oscillates {text}")


def _quotient(germ: Oscillation, s: int, limit: Real, algebra: Algebra) -> Side:
    """Return a side on which the difference quotient is T·w/t, and T/t does not tend to 0."""
    wave = germ.value
    constant = algebra.sign(wave.high - wave.low) == 0
    if wave.power == _LINEAR and constant:
        slope = wave.low if s > 0 else -wave.low
        text = _derivative_text(germ.slope, s, algebra)
        return Side(Kind.SMOOTH, slope, limit=limit, oscillation=text)
    if wave.power == _LINEAR and wave.is_sharp:
        low, high = (wave.low, wave.high) if s > 0 else (-wave.high, -wave.low)
        text = f"between {_rounded(low)} and {_rounded(high)}"
        return Side(
            Kind.OSCILLATING, limit=limit, reason=f"the difference quotient oscillates {text}"
        )
    pure = Oscillation(Wave(Germ({}), wave.power, wave.low, wave.high, wave.is_sharp), None)
    sign = definite_sign(algebra, pure)
    if wave.power != _LINEAR and sign:
        return Side(Kind.VERTICAL, infinite=sign * s * math.inf, limit=limit)
    if wave.power != _LINEAR and wave.is_sharp and not constant:
        reason = "the difference quotient oscillates without bounds"
        return Side(Kind.OSCILLATING, limit=limit, reason=reason)
    raise UndecidedError(_RANGE_NOT_KNOWN)


def _derivative_text(slope: Germ | Wave | None, s: int, algebra: Algebra) -> str:
    """Return how the derivative oscillates near the point; "" if it tends to a limit."""
    if isinstance(slope, Germ):
        return ""
    if slope is None or isinstance(algebra.split(slope.head), int):
        return "whether it is continuously differentiable is not decided"
    is_constant = algebra.sign(slope.high - slope.low) == 0
    if is_larger(_CONSTANT, slope.power) or (slope.power == _CONSTANT and is_constant):
        return ""
    if not slope.is_sharp or is_constant:
        return "whether it is continuously differentiable is not decided"
    text = "without bounds"
    if slope.power == _CONSTANT:
        low, high = (slope.low, slope.high) if s > 0 else (-slope.high, -slope.low)
        text = f"between {_rounded(low)} and {_rounded(high)}"
    return f"not continuously differentiable: the derivative oscillates {text} near the point"


def _rounded(number: Real) -> str:
    """Return a number as text, with nine digits."""
    return f"{nearest(number) + 0.0:.9g}"
