"""Functions that grow or vanish faster than every power of t: ±e^L with an infinite L.

L is a germ whose leading term is t^e·(log t)^k with e < 0, or (log t)^k with k >= 2.  So e^L is
larger than every power of 1/t, or smaller than every power of t (flat).  A sum is ruled by the
larger summand: 1 + e^(1/t) is e^(1/t) up to a factor 1 + O(t^n) for every n.

Source: Gruntz 1996, section 3 (comparability classes).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from symdiff.arithmetics.series.germ_values import Exponential, Outside, domain_message
from symdiff.arithmetics.series.order_columns import order_columns
from symdiff.arithmetics.series.oscillations import sine_wave
from symdiff.arithmetics.series.puiseux import (
    FAST_GROWTH,
    ZERO_GERM,
    Algebra,
    Germ,
    OrderError,
    constant_germ,
    flat_germ,
    too_short,
)
from symdiff.arithmetics.series.reals import ONE, PI, Real, UndecidedError


def exponential(algebra: Algebra, sign: int, log: Germ) -> Exponential | Germ:
    """Return sign·e^log: a germ unless `log` is infinite and no multiple of log t.

    Raises
    ------
    OrderError
        The order of `log` is too low to know e^log up to a factor.
    """
    lead = algebra.leading(log) if log.lowest is not None and log.lowest <= 0 else None
    if lead is None or lead[0] in {(0, 1), (0, 0)} or lead[0][0] > 0:
        value = algebra.exp(log)
        return value if sign > 0 else algebra.negate(value)
    direction = algebra.split(log)
    if not isinstance(direction, int):
        return algebra.scale(algebra.exp(log), Real.of(sign))
    if log.order is not None and log.order <= 0:
        message = too_short(log.order)
        raise OrderError(message)
    return Exponential(sign, log, direction > 0)


def lowered(algebra: Algebra, x: Any) -> Any:
    """Return a flat function as a germ O(t^order), and a germ unchanged.

    Raises
    ------
    UndecidedError
        The function grows faster than any power of 1/t.
    """
    if not isinstance(x, Exponential):
        return x
    if x.is_large:
        raise UndecidedError(FAST_GROWTH)
    return flat_germ(algebra.order)


def _add(algebra: Algebra, x: Any, y: Any) -> Any:
    if isinstance(x, Germ):
        x, y = y, x
    if isinstance(y, Germ):
        if y == ZERO_GERM:
            return x
        if not x.is_large:
            return algebra.add(y, flat_germ(algebra.order))
        return _perturbed(algebra, x)
    ratio = _multiply(algebra, y, _inverse(algebra, x))
    if isinstance(ratio, Exponential):
        return _perturbed(algebra, y if ratio.is_large else x)
    return _multiply(algebra, x, algebra.add(ratio, constant_germ(ONE)))


def _perturbed(algebra: Algebra, x: Exponential) -> Exponential:
    """Return x times an unknown factor 1 + O(t^order)."""
    return dataclasses.replace(x, log=algebra.add(x.log, flat_germ(algebra.order)))


def _negate(algebra: Algebra, x: Any) -> Any:
    if isinstance(x, Germ):
        return algebra.negate(x)
    return dataclasses.replace(x, sign=-x.sign)


def _inverse(algebra: Algebra, x: Any) -> Any:
    if isinstance(x, Germ):
        return algebra.power(x, -1)
    return Exponential(x.sign, algebra.negate(x.log), not x.is_large)


def _subtract(algebra: Algebra, x: Any, y: Any) -> Any:
    return ZERO_GERM if x is y else _add(algebra, x, _negate(algebra, y))


def _multiply(algebra: Algebra, x: Any, y: Any) -> Any:
    if isinstance(x, Germ):
        x, y = y, x
    if isinstance(y, Exponential):
        return exponential(algebra, x.sign * y.sign, algebra.add(x.log, y.log))
    if not x.is_large and y.lowest is not None:
        try:
            return _scaled(algebra, x, y)
        except UndecidedError:  # flat times a function that is bounded by a power is flat
            return flat_germ(algebra.order)
    return _scaled(algebra, x, y)


def _scaled(algebra: Algebra, x: Exponential, y: Germ) -> Any:
    """Return x·y for a germ y."""
    sign = algebra.sign_of(y)
    if sign == 0:
        return ZERO_GERM
    size = y if sign > 0 else algebra.negate(y)
    return exponential(algebra, x.sign * sign, algebra.add(x.log, algebra.log(size)))


def _divide(algebra: Algebra, x: Any, y: Any) -> Any:
    return _multiply(algebra, x, _inverse(algebra, y))


def _power(algebra: Algebra, x: Any, y: Any) -> Any:
    """Return x^y = e^(y·log x), for a constant y unless x is positive."""
    y = lowered(algebra, y)
    if not isinstance(x, Exponential):
        message = "powers whose exponent is like exp(1/x) or exp(-1/x) are not implemented"
        raise UndecidedError(message)
    if y == ZERO_GERM:
        return constant_germ(ONE)
    sign = 1
    if x.sign < 0:
        q = y.constant.rational if y.is_constant else None
        if q is None or q.q != 1:
            return Outside(domain_message("power"), "nan")
        sign = -1 if int(q.p) % 2 else 1
    return exponential(algebra, sign, algebra.multiply(y, x.log))


def _root(degree: int) -> Callable[..., Any]:
    def column(algebra: Algebra, x: Exponential) -> Any:
        if x.sign < 0 and degree % 2 == 0:
            return Outside(domain_message("sqrt"), "nan")
        return exponential(algebra, x.sign, algebra.scale(x.log, Real.of(Fraction(1, degree))))

    return column


def _exp(algebra: Algebra, x: Exponential) -> Any:
    if not x.is_large:
        return algebra.add(constant_germ(ONE), flat_germ(algebra.order))
    if x.sign > 0:
        raise UndecidedError(FAST_GROWTH)
    return flat_germ(algebra.order)


def _log(_: Algebra, x: Exponential) -> Any:
    return x.log if x.sign > 0 else Outside(domain_message("log"), "nan")


def _cos(algebra: Algebra, x: Exponential) -> Any:
    if x.is_large:
        return sine_wave(algebra, x)
    return algebra.add(constant_germ(ONE), flat_germ(algebra.order))


def _saturating(limit: Real) -> Callable[..., Any]:
    """Return the column of an odd function that tends to ±limit faster than any power."""

    def column(algebra: Algebra, x: Exponential) -> Germ:
        flat = flat_germ(algebra.order)
        if not x.is_large:
            return flat
        return algebra.add(constant_germ(limit * Real.of(x.sign)), flat)

    return column


def _floor(algebra: Algebra, x: Exponential) -> Germ:
    lowered(algebra, x)  # a large one takes infinitely many steps
    return ZERO_GERM if x.sign > 0 else constant_germ(Real.of(-1))


def _ceil(algebra: Algebra, x: Exponential) -> Germ:
    lowered(algebra, x)
    return constant_germ(ONE) if x.sign > 0 else ZERO_GERM


def _sign_of(algebra: Algebra, x: Any) -> int:
    return x.sign if isinstance(x, Exponential) else algebra.sign_of(x)


def _compare(algebra: Algebra, x: Any, y: Any) -> int:
    """Return the sign of x - y."""
    return _sign_of(algebra, _subtract(algebra, x, y))


_COLUMNS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": _add,
        "subtract": _subtract,
        "multiply": _multiply,
        "divide": _divide,
        "power": _power,
        "negative": _negate,
        "positive": lambda _, x: x,
        "sqrt": _root(2),
        "cbrt": _root(3),
        "exp": _exp,
        "log": _log,
        "tanh": _saturating(ONE),
        "erf": _saturating(ONE),
        "atan": _saturating(PI * Real.of(Fraction(1, 2))),
        "sin": lambda algebra, x: sine_wave(algebra, x) if x.is_large else flat_germ(algebra.order),
        "cos": _cos,
        "abs": lambda algebra, x: x if x.sign > 0 else _negate(algebra, x),
        "floor": _floor,
        "ceil": _ceil,
        "sign": lambda _, x: constant_germ(Real.of(x.sign)),
        **order_columns(_compare),
        "float": lambda _, x: x,
    }
)


def exponential_column(
    function: str, column: Callable[..., Any], algebra: Algebra, arguments: Sequence[Any]
) -> Callable[..., Any] | None:
    """Return what applies a row to arguments of which one is an `Exponential`, else None.

    A row without a column here gets flat functions as germs, and refuses the large ones.

    Parameters
    ----------
    function
        The name of the row.
    column
        The row's column for germs.
    algebra
        The operations on germs.
    arguments
        The arguments.
    """
    if not any(isinstance(a, Exponential) for a in arguments):
        return None
    own = _COLUMNS.get(function)
    if own is not None and all(isinstance(a, Germ | Exponential) for a in arguments):
        return lambda _, *values: own(algebra, *values)
    return lambda germs, *values: column(germs, *(lowered(algebra, v) for v in values))
