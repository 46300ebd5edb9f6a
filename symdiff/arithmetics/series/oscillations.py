"""Functions that oscillate near the point, such as t^2·sin(1/t).

A *wave* is f = h + T·w.  The head h is a finite sum of terms larger than T = t^e·(log t)^k, and w
is bounded: its limit points for t -> 0 are in [low, high], and they are the whole interval if the
wave is sharp.  Terms smaller than T change no limit point.  What follows about sums and products
is the arithmetic of limit points; a sum of two waves with the same T is not sharp, since they may
cancel.  sin u with u -> ±inf is a sharp wave with T = 1 and the interval [-1, 1], since u is
continuous and passes through every period.

The derivative with respect to t is kept beside each function, as a wave or a germ, where the rules
give one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from symdiff.arithmetics.series.exponents import plain
from symdiff.arithmetics.series.germ_values import Exponential, Oscillation, Wave
from symdiff.arithmetics.series.order_columns import order_columns
from symdiff.arithmetics.series.puiseux import (
    ZERO_GERM,
    Algebra,
    Germ,
    OrderError,
    Power,
    constant_germ,
    too_short,
)
from symdiff.arithmetics.series.reals import ONE, ZERO, Real, UndecidedError

_UNIT_POWER: Final[Power] = (0, 0)
_OSCILLATES: Final = "a condition that changes infinitely often near the point"
_NOT_KNOWN: Final = "not implemented for an argument that oscillates near the point"
Part = Germ | Wave


def is_larger(first: Power, second: Power) -> bool:
    """Return whether t^e·(log t)^k is larger for small t > 0 than another such power."""
    return first[0] < second[0] or (first[0] == second[0] and first[1] > second[1])


def sine_wave(algebra: Algebra, x: Any) -> Oscillation:
    """Return sin x or cos x for an x that tends to ±inf.

    Parameters
    ----------
    algebra
        The operations on germs.
    x
        A germ with an infinite limit, or a large `Exponential`.
    """
    wave = Wave(ZERO_GERM, _UNIT_POWER, -ONE, ONE, is_sharp=True)
    if isinstance(x, Exponential):
        return Oscillation(wave, None)
    return Oscillation(wave, _product(algebra, wave, algebra.differentiate(x)))


# -- sums and products of waves and germs


def _cut(x: Germ, at: Power) -> tuple[Germ, Real]:
    """Return the terms of a germ larger than a power, and the coefficient of that power."""
    if x.order is not None and x.order <= at[0]:
        message = too_short(x.order)
        raise OrderError(message)
    head = {power: c for power, c in x.terms.items() if is_larger(power, at)}
    return Germ(head), x.terms.get(at, ZERO)


def _sum(algebra: Algebra, x: Part, y: Part) -> Part:
    if isinstance(x, Germ):
        x, y = y, x
    if isinstance(x, Germ):
        return algebra.add(x, y)  # type: ignore[arg-type]  # both are germs
    if isinstance(y, Wave):
        if x.power == y.power:
            head = algebra.add(x.head, y.head)
            return Wave(head, x.power, x.low + y.low, x.high + y.high, is_sharp=False)
        if is_larger(y.power, x.power):
            x, y = y, x
        y = y.head  # the rest is smaller than the larger wave
    head, shift = _cut(y, x.power)
    return dataclasses.replace(
        x, head=algebra.add(x.head, head), low=x.low + shift, high=x.high + shift
    )


def _product(algebra: Algebra, x: Part, y: Part) -> Part:
    if isinstance(x, Germ):
        x, y = y, x
    if isinstance(x, Germ):
        return algebra.multiply(x, y)  # type: ignore[arg-type]  # both are germs
    if isinstance(y, Germ):
        return _multiple(algebra, x, y)
    waves = _pure(x), _pure(y)
    total: Part = algebra.multiply(x.head, y.head)
    for wave, head in ((waves[0], y.head), (waves[1], x.head)):
        total = _sum(algebra, total, _product(algebra, wave, head))
    return _sum(algebra, total, _pure_product(algebra, *waves, is_square=x is y))


def _pure(x: Wave) -> Wave:
    return dataclasses.replace(x, head=ZERO_GERM)


def _multiple(algebra: Algebra, x: Wave, y: Germ) -> Part:
    """Return x·y for a germ y, which is its leading term up to a factor 1 + o(1).

    If y is O(t^n) without a known term, x·y is o(t^m) for an m below n plus the exponent of x.
    """
    if not y.terms and y.order is not None:
        lowest = x.power[0] if x.head.lowest is None else min(x.head.lowest, x.power[0])
        return Wave(ZERO_GERM, (plain(lowest + (y.order - 1)), 0), ZERO, ZERO, is_sharp=True)
    lead = algebra.leading(y)
    if lead is None:
        return ZERO_GERM
    (e, k), c, sign = lead
    power: Power = x.power[0] + e, x.power[1] + k
    head, shift = _cut(algebra.multiply(x.head, y), power)
    ends = (x.low * c, x.high * c)[::sign]
    return Wave(head, power, ends[0] + shift, ends[1] + shift, x.is_sharp)


def _pure_product(algebra: Algebra, x: Wave, y: Wave, *, is_square: bool) -> Wave:
    """Return the product of two waves without heads; w² of one wave has a known interval."""
    products = [a * b for a in (x.low, x.high) for b in (y.low, y.high)]
    low, high = _least(algebra, products), _largest(algebra, products)
    if is_square:
        straddles = algebra.sign(x.low) <= 0 <= algebra.sign(x.high)
        low = ZERO if straddles else _least(algebra, [products[0], products[3]])
    power: Power = x.power[0] + y.power[0], x.power[1] + y.power[1]
    return Wave(ZERO_GERM, power, low, high, is_sharp=is_square and x.is_sharp)


def _largest(algebra: Algebra, numbers: list[Real]) -> Real:
    largest = numbers[0]
    for number in numbers[1:]:
        if algebra.sign(number - largest) > 0:
            largest = number
    return largest


def _least(algebra: Algebra, numbers: list[Real]) -> Real:
    return -_largest(algebra, [-number for number in numbers])


# -- columns: functions of oscillations and germs


def _value(x: Any) -> Part:
    return x.value if isinstance(x, Oscillation) else x


def _slope(algebra: Algebra, x: Any) -> Part | None:
    return x.slope if isinstance(x, Oscillation) else algebra.differentiate(x)


def _made(value: Part, slope: Part | None) -> Any:
    return Oscillation(value, slope) if isinstance(value, Wave) else value


def _add(algebra: Algebra, x: Any, y: Any) -> Any:
    slopes = _slope(algebra, x), _slope(algebra, y)
    slope = None if None in slopes else _sum(algebra, *slopes)  # type: ignore[arg-type]
    return _made(_sum(algebra, _value(x), _value(y)), slope)


def _negate(algebra: Algebra, x: Any) -> Any:
    return algebra.negate(x) if isinstance(x, Germ) else _multiply(algebra, x, constant_germ(-ONE))


def _subtract(algebra: Algebra, x: Any, y: Any) -> Any:
    return ZERO_GERM if x is y else _add(algebra, x, _negate(algebra, y))


def _multiply(algebra: Algebra, x: Any, y: Any) -> Any:
    value = _product(algebra, _value(x), _value(y))
    slopes = _slope(algebra, x), _slope(algebra, y)
    if slopes[0] is None or slopes[1] is None:
        return _made(value, None)
    first = _product(algebra, slopes[0], _value(y))
    if x is y:
        return _made(value, _product(algebra, first, constant_germ(ONE + ONE)))
    return _made(value, _sum(algebra, first, _product(algebra, _value(x), slopes[1])))


def _inverse(algebra: Algebra, x: Oscillation) -> Any:
    """Return 1/x: 1/(h + T·w) is 1/h - T·w/h² up to smaller terms, and 1/(T·w) without h."""
    wave = x.value
    if wave.head == ZERO_GERM:
        if definite_sign(algebra, x) == 0:
            message = "the divisor oscillates and has 0 among its limit points"
            raise UndecidedError(message)
        power: Power = -wave.power[0], -wave.power[1]
        value: Part = Wave(ZERO_GERM, power, wave.high.inverse(), wave.low.inverse(), wave.is_sharp)
    else:
        inverse = algebra.power(wave.head, -1)
        change = _product(algebra, _pure(wave), algebra.negate(algebra.power(inverse, 2)))
        value = _sum(algebra, change, inverse)
    if x.slope is None:
        return _made(value, None)
    change = _product(algebra, x.slope, _product(algebra, value, value))
    return _made(value, _product(algebra, change, constant_germ(-ONE)))


def _divide(algebra: Algebra, x: Any, y: Any) -> Any:
    if isinstance(y, Germ):
        return _multiply(algebra, x, algebra.power(y, -1))
    return _multiply(algebra, x, _inverse(algebra, y))


def _power(algebra: Algebra, x: Any, y: Any) -> Any:
    """Return x^n for a small natural number n."""
    exponent = y.constant.rational if isinstance(y, Germ) and y.is_constant else None
    if not isinstance(x, Oscillation) or exponent is None or exponent not in _SMALL:
        raise UndecidedError(_NOT_KNOWN)
    if exponent == 2:  # the only one whose interval is sharp
        return _multiply(algebra, x, x)
    result: Any = constant_germ(ONE)
    for _ in range(int(exponent)):
        result = _multiply(algebra, result, x)
    return result


_SMALL: Final = range(17)


def definite_sign(algebra: Algebra, x: Any) -> int:
    """Return the sign of x if it is the same for all small t > 0, else 0."""
    if isinstance(x, Germ):
        return algebra.sign_of(x)
    wave = x.value
    if wave.head != ZERO_GERM:
        return algebra.sign_of(wave.head)
    log_sign = -1 if wave.power[1] % 2 else 1
    if algebra.sign(wave.low) > 0:
        return log_sign
    return -log_sign if algebra.sign(wave.high) < 0 else 0


def _known_sign(algebra: Algebra, x: Any) -> int:
    """Return the sign of x for all small t > 0; raise `UndecidedError` if it may change."""
    sign = definite_sign(algebra, x)
    if sign == 0 and isinstance(x, Oscillation):
        raise UndecidedError(_OSCILLATES)
    return sign


def _compare(algebra: Algebra, x: Any, y: Any) -> int:
    return _known_sign(algebra, _subtract(algebra, x, y))


def _abs(algebra: Algebra, x: Oscillation) -> Any:
    sign = definite_sign(algebra, x)
    if sign:
        return x if sign > 0 else _negate(algebra, x)
    wave = x.value  # it has no head, and its interval contains 0
    low, high = ZERO, _largest(algebra, [-wave.low, wave.high])
    if wave.power[1] % 2:  # log t < 0
        low, high = -high, ZERO
    slope = x.slope
    if isinstance(slope, Wave) and slope.head == ZERO_GERM:
        size = _largest(algebra, [-slope.low, slope.high])
        slope = dataclasses.replace(slope, low=-size, high=size, is_sharp=False)
    elif slope != ZERO_GERM:
        slope = None
    return Oscillation(dataclasses.replace(wave, low=low, high=high), slope)


COLUMNS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": _add,
        "subtract": _subtract,
        "multiply": _multiply,
        "divide": _divide,
        "power": _power,
        "negative": _negate,
        "positive": lambda _, x: x,
        "abs": _abs,
        "sign": lambda algebra, x: constant_germ(Real.of(_known_sign(algebra, x))),
        **order_columns(_compare),
        "float": lambda _, x: x,
    }
)


def smooth_function(
    algebra: Algebra, x: Oscillation, function: Callable[[Germ], Any], derivative: Real, limit: Real
) -> Any:
    """Return f(x) for an x that tends to a number at which f is continuously differentiable.

    f(h + T·w) = f(h) + f'(ξ)·T·w with ξ between h and h + T·w, so f'(ξ) tends to f'(a).  The
    derivative is f'(x)·x', and f'(x) = f'(a) + o(1).

    Parameters
    ----------
    algebra
        The operations on germs.
    x
        The argument.
    function
        f on germs.
    derivative
        f'(a).
    limit
        The number a to which x tends.

    Raises
    ------
    UndecidedError
        f(h) is not known.
    """
    head = x.value.head if x.value.head != ZERO_GERM else constant_germ(limit)
    base = function(head)
    if not isinstance(base, Germ):
        raise UndecidedError(_NOT_KNOWN)
    pure = _pure(x.value)
    low, high = pure.low * derivative, pure.high * derivative
    if algebra.sign(derivative) < 0:
        low, high = high, low
    change = dataclasses.replace(pure, low=low, high=high)
    return _made(_sum(algebra, change, base), _times_near(algebra, x.slope, derivative))


def _times_near(algebra: Algebra, slope: Part | None, factor: Real) -> Part | None:
    """Return slope·(factor + o(1)) if it is known, else None."""
    if isinstance(slope, Wave) and slope.head == ZERO_GERM and slope.power[1] == 0:
        low, high = slope.low * factor, slope.high * factor
        ends = (low, high) if algebra.sign(factor) >= 0 else (high, low)
        return dataclasses.replace(slope, low=ends[0], high=ends[1])
    return None


def limit_of(algebra: Algebra, x: Oscillation) -> Real:
    """Return the finite limit of an oscillating function.

    Raises
    ------
    UndecidedError
        It has none, or an infinite one.
    """
    if not is_larger(_UNIT_POWER, x.value.power):
        raise UndecidedError(_NOT_KNOWN)
    parts = algebra.split(x.value.head)
    if isinstance(parts, int):
        raise UndecidedError(_NOT_KNOWN)
    return parts[0]
