"""Interval arithmetic on whole arrays: bounds of what numpy's functions return.

The intervals bound what numpy computes, not the exact value.  numpy rounds sums, products,
quotients and square roots correctly, which preserves order: the results at the end points of an
interval bound those inside it.  Elementary functions err by some ulps, and their intervals are
widened by more than that.

Source: interval arithmetic as in Moore, Kearfott and Cloud 2009, chapter 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

Number = Any  # an array or a double
# A lower and an upper bound of a number; for a condition, whether it is surely true and whether it
# is possibly true.
Interval = tuple[Number, Number]

_WIDENING: Final = 2.0**-48  # relative; numpy's elementary functions err by at most 4 ulps = 2**-50
_FLUSHED: Final = 2.0**-1022  # results smaller than this may be returned as 0


def interval_of_choice(condition: Interval, x: Interval, y: Interval) -> Interval:
    """Return the interval of ``where(condition, x, y)``: the hull if the condition is undecided."""
    surely, possibly = condition
    low = np.where(surely, x[0], np.where(possibly, np.minimum(x[0], y[0]), y[0]))
    high = np.where(surely, x[1], np.where(possibly, np.maximum(x[1], y[1]), y[1]))
    return low, high


def _product(x: Interval, y: Interval) -> Interval:
    return _square(x) if x is y else _hull([a * b for a in x for b in y])


def _quotient(x: Interval, y: Interval) -> Interval | None:
    if not np.all((y[0] > 0) | (y[1] < 0)):
        return None
    return _hull([a / b for a in x for b in y])


def _hull(corners: Sequence[Number]) -> Interval:
    a, b, c, d = corners
    low = np.minimum(np.minimum(a, b), np.minimum(c, d))
    return low, np.maximum(np.maximum(a, b), np.maximum(c, d))


def _square(x: Interval) -> Interval:
    low, high = _absolute(x)
    return low * low, high * high


def _absolute(x: Interval) -> Interval:
    low, high = x
    return np.maximum(np.maximum(low, -high), 0.0), np.maximum(high, -low)


def _power(x: Interval, exponent: Interval) -> Interval | None:
    n = exponent[0]
    if np.ndim(n) or not np.all(x[0] > 0):
        return None
    low, high = x if n >= 0 else (x[1], x[0])
    return _widened((low**n, high**n))


def _root(x: Interval) -> Interval | None:
    return (np.sqrt(x[0]), np.sqrt(x[1])) if np.all(x[0] >= 0) else None


def _widened(interval: Interval) -> Interval:
    low, high = interval
    return low - (_WIDENING * np.abs(low) + _FLUSHED), high + (_WIDENING * np.abs(high) + _FLUSHED)


def _increasing(function: np.ufunc) -> Callable[[Interval], Interval]:
    """Return the rule of an increasing elementary function: its interval is widened."""
    return lambda x: _widened((function(x[0]), function(x[1])))


def _monotonic(function: np.ufunc) -> Callable[..., Interval]:
    """Return the rule of a nondecreasing function whose result is not rounded."""
    return lambda *arguments: (
        function(*(low for low, _ in arguments)),
        function(*(high for _, high in arguments)),
    )


def _sinusoid(function: np.ufunc) -> Callable[[Interval], Interval]:
    """Return the rule of a sine or a cosine, whose Lipschitz constant is 1."""

    def rule(x: Interval) -> Interval:
        low, high = x
        middle = low + (high - low) / 2
        reach = (1 + _WIDENING) * np.maximum(high - middle, middle - low) + _WIDENING
        centre = function(middle)
        return np.maximum(centre - reach, -1 - _WIDENING), np.minimum(centre + reach, 1 + _WIDENING)

    return rule


def _constantly(answer: bool) -> Callable[[Interval], Interval]:  # noqa: FBT001
    return lambda x: (np.full(np.shape(x[0]), answer), np.full(np.shape(x[0]), answer))


# Rules by the name of numpy's function. A rule takes the intervals of the arguments, which have to
# be finite, and returns the interval of the result, or None if no bound is available.
NUMBERS: Final[Mapping[str, Callable[..., Interval | None]]] = MappingProxyType(
    {
        "add": lambda x, y: (x[0] + y[0], x[1] + y[1]),
        "subtract": lambda x, y: (x[0] - y[1], x[1] - y[0]),
        "multiply": _product,
        "divide": _quotient,
        "reciprocal": lambda x: _quotient((1.0, 1.0), x),
        "negative": lambda x: (-x[1], -x[0]),
        "positive": lambda x: x,
        "absolute": _absolute,
        "square": _square,
        "sqrt": _root,
        "power": _power,
        "sin": _sinusoid(np.sin),
        "cos": _sinusoid(np.cos),
        **{f.__name__: _monotonic(f) for f in (np.maximum, np.minimum)},
        **{f.__name__: _monotonic(f) for f in (np.sign, np.floor, np.ceil, np.rint)},
        **{f.__name__: _increasing(f) for f in (np.exp, np.expm1, np.log, np.log1p)},
        **{f.__name__: _increasing(f) for f in (np.sinh, np.tanh, np.arctan, np.arcsinh)},
    }
)
# Rules of the functions that return conditions, from the intervals of their finite arguments.
CONDITIONS: Final[Mapping[str, Callable[..., Interval]]] = MappingProxyType(
    {
        "greater": lambda x, y: (x[0] > y[1], x[1] > y[0]),
        "greater_equal": lambda x, y: (x[0] >= y[1], x[1] >= y[0]),
        "less": lambda x, y: (x[1] < y[0], x[0] < y[1]),
        "less_equal": lambda x, y: (x[1] <= y[0], x[0] <= y[1]),
        "isfinite": _constantly(answer=True),
        "isinf": _constantly(answer=False),
        "isnan": _constantly(answer=False),
    }
)
# Rules of the functions of conditions.
LOGIC: Final[Mapping[str, Callable[..., Interval]]] = MappingProxyType(
    {
        **{f.__name__: _monotonic(f) for f in (np.logical_and, np.bitwise_and)},
        **{f.__name__: _monotonic(f) for f in (np.logical_or, np.bitwise_or)},
        **{f.__name__: lambda x: (~x[1], ~x[0]) for f in (np.logical_not, np.invert)},
    }
)
