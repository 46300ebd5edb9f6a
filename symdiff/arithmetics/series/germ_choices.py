"""Germs of the rows that choose: by a sign, by an integer part, or by a condition."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final, Protocol

import flint

from symdiff.arithmetics.reading import Arithmetic
from symdiff.arithmetics.series.germ_values import Infinite, Outside, Unknown
from symdiff.arithmetics.series.order_columns import order_columns
from symdiff.arithmetics.series.puiseux import (
    Algebra,
    Germ,
    OrderError,
    constant_germ,
)
from symdiff.arithmetics.series.reals import Real, UndecidedError, sign

_INTEGER_BITS: Final = 256  # first precision that is tried for the integer part of a number
_DOUBLES: Final = 2200  # bits from the largest double to the smallest one
# What nan_to_num puts in place of NaN, inf and -inf, unless it gets other numbers.
_REPLACEMENTS: Final = (0, sys.float_info.max, -sys.float_info.max)


class GermArithmetic(Arithmetic, Protocol):
    """The arithmetic that the columns work in; see `germs.Germs`."""

    algebra: Algebra

    def lower(self) -> GermArithmetic:
        """Return the arithmetic up to one order less."""


def as_germ(value: Any) -> Any:
    """Return a condition as 0 or 1, and anything else unchanged."""
    return constant_germ(Real.of(int(value))) if isinstance(value, bool) else value


def _abs(germs: GermArithmetic, x: Any) -> Any:
    if isinstance(x, Infinite):
        return Infinite(1)
    try:
        return x if germs.algebra.sign_of(x) >= 0 else germs.algebra.negate(x)
    except OrderError:
        return Germ({}, x.order)


def _sign(germs: GermArithmetic, x: Any) -> Germ:
    x_sign = x.sign if isinstance(x, Infinite) else germs.algebra.sign_of(x)
    return constant_germ(Real.of(x_sign))


def _larger(germs: GermArithmetic, x: Any, y: Any) -> Any:
    if isinstance(x, Infinite) or isinstance(y, Infinite):
        return x if _compare(germs, x, y) > 0 else y
    difference = germs.algebra.subtract(x, y)
    try:
        return x if germs.algebra.sign_of(difference) >= 0 else y
    except OrderError:
        return germs.algebra.add(x, Germ({}, difference.order))


def _smaller(germs: GermArithmetic, x: Any, y: Any) -> Any:
    if isinstance(x, Infinite) or isinstance(y, Infinite):
        return x if _compare(germs, x, y) < 0 else y
    difference = germs.algebra.subtract(x, y)
    try:
        return x if germs.algebra.sign_of(difference) <= 0 else y
    except OrderError:
        return germs.algebra.add(x, Germ({}, difference.order))


def _ignoring_undefined(column: Callable[..., Any]) -> Callable[..., Any]:
    """Return the column of fmax or fmin: an operand that is NaN in doubles is ignored."""

    def ignoring(germs: GermArithmetic, x: Any, y: Any) -> Any:
        for one, other in ((x, y), (y, x)):
            if isinstance(one, Outside) and one.in_doubles == "nan":
                return other
        for kind in (Outside, Unknown):
            for a in (x, y):
                if isinstance(a, kind):
                    return a
        return column(germs, x, y)

    return ignoring


def _nan_to_num(_: GermArithmetic, x: Any, *replacements: Germ | None) -> Any:
    """Return x, or a replacement where it is undefined or infinite."""
    pairs = itertools.zip_longest(replacements, _REPLACEMENTS)
    numbers = [Real.of(default) if r is None else r.constant for r, default in pairs]
    nan, *infinities = map(constant_germ, numbers)
    if isinstance(x, Infinite):
        return infinities[x.sign < 0]
    if not isinstance(x, Outside):
        return x
    if x.in_doubles == "nan":
        return nan
    if x.in_doubles == "inf" and infinities[0] == infinities[1] == nan:
        return nan
    return Unknown(f"{x.reason}: which number replaces it depends on rounding")


def _floor(germs: GermArithmetic, x: Germ) -> Germ:
    parts = germs.algebra.split(x)
    if isinstance(parts, int):
        message = "infinitely many steps near the point"
        raise UndecidedError(message)
    limit, rest = parts
    value, is_integer = integer_part(limit, germs.algebra.bits)
    if is_integer and germs.algebra.sign_of(rest) < 0:
        value -= 1
    return constant_germ(Real.of(value))


def integer_part(number: Real, bits: int) -> tuple[int, bool]:
    """Return floor(number) and whether the number is an integer, both proved."""
    if number.rational is not None:
        value = Fraction(int(number.rational.p), int(number.rational.q))
        return math.floor(value), value.denominator == 1
    nearest = _nearest_integer(number, bits)
    side = sign(number - Real.of(nearest), bits)
    return nearest - (side < 0), side == 0


def _nearest_integer(number: Real, bits: int) -> int:
    """Return an integer at a distance of less than 1 from a number."""
    message = "the integer part could not be determined within the precision budget"
    precision = _INTEGER_BITS
    while number.ball(precision).rad() > 0.25:
        if precision >= bits:
            raise UndecidedError(message)
        precision *= 2
    # Some ball columns return more bits than the working precision: the sum must not round them.
    with flint.ctx.workprec(precision + _DOUBLES):
        integer = (number.ball(precision).mid() + 0.5).floor().unique_fmpz()
    if integer is None:
        raise UndecidedError(message)
    return int(integer)


def _ceil(germs: GermArithmetic, x: Germ) -> Germ:
    return germs.algebra.negate(_floor(germs, germs.algebra.negate(x)))


def _compare(germs: GermArithmetic, x: Any, y: Any) -> int:
    """Return the sign of x - y."""
    if isinstance(x, Infinite) or isinstance(y, Infinite):
        left = 2 * x.sign if isinstance(x, Infinite) else 0
        right = 2 * y.sign if isinstance(y, Infinite) else 0
        return (left > right) - (left < right)
    return germs.algebra.sign_of(germs.algebra.subtract(x, y))


def _compare_numbers(germs: GermArithmetic, x: Any, y: Any) -> int:
    return _compare(germs, as_germ(x), as_germ(y))


def _not(_: GermArithmetic, x: Any) -> Any:
    return not x if isinstance(x, bool) else x


def _and(_: GermArithmetic, x: Any, y: Any) -> Any:
    if x is False or y is False:
        return False
    return y if x is True else x


def _or(_: GermArithmetic, x: Any, y: Any) -> Any:
    if x is True or y is True:
        return True
    return y if x is False else x


def _where(germs: GermArithmetic, condition: Any, x: Any, y: Any) -> Any:
    if isinstance(condition, bool):
        return x if condition else y
    undecided = isinstance(condition, Unknown) and condition.order
    if undecided and isinstance(x, Germ) and isinstance(y, Germ):
        return _common(germs, x, y) or condition
    return condition


def _common(germs: GermArithmetic, x: Germ, y: Germ) -> Germ | None:
    """Return the terms that both branches share, or None unless these give value and slope."""
    order = germs.algebra.subtract(x, y).lowest
    if order is None:
        return x
    return germs.algebra.add(x, Germ({}, order)) if order > 1 else None


CHOICES: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **order_columns(_compare_numbers),
        "abs": _abs,
        "sign": _sign,
        "maximum": _larger,
        "minimum": _smaller,
        "fmax": _ignoring_undefined(_larger),
        "fmin": _ignoring_undefined(_smaller),
        "nan_to_num": _nan_to_num,
        "floor": _floor,
        "ceil": _ceil,
        "logical_and": _and,
        "logical_or": _or,
        "logical_not": _not,
        "where": _where,
        "ifelse": _where,
        "float": lambda _, x: as_germ(x),
    }
)
