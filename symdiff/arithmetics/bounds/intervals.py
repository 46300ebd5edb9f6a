"""What numpy's functions make of numbers between two ends: interval arithmetic on whole arrays.

Ends are those of what numpy computes, not of what is true: sums, products, quotients and roots are
rounded correctly, hence in order, and what comes of the ends bounds what comes of the numbers
between them. Elementary functions are off by some units in the last place, and their ends are
moved apart by more than that.

Source: interval arithmetic as in Moore, Kearfott and Cloud 2009, chapter 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

Number = Any  # an array or a double
Ends = tuple[Number, Number]  # the least and the largest number, or False and True

_WIDENED: Final = 2.0**-48  # numpy's elementary functions are off by 4 ulps at most
_FLUSHED: Final = 2.0**-1022  # or flush to 0


def ends_of_choice(condition: Ends, x: Ends, y: Ends) -> Ends:
    """Return the ends of ``where(condition, x, y)``: of both where the condition may be either."""
    surely, possibly = condition
    low = np.where(surely, x[0], np.where(possibly, np.minimum(x[0], y[0]), y[0]))
    high = np.where(surely, x[1], np.where(possibly, np.maximum(x[1], y[1]), y[1]))
    return low, high


def _of_product(x: Ends, y: Ends) -> Ends:
    return _of_square(x) if x is y else _around([a * b for a in x for b in y])


def _of_quotient(x: Ends, y: Ends) -> Ends | None:
    if not np.all((y[0] > 0) | (y[1] < 0)):
        return None
    return _around([a / b for a in x for b in y])


def _around(corners: Sequence[Number]) -> Ends:
    a, b, c, d = corners
    low = np.minimum(np.minimum(a, b), np.minimum(c, d))
    return low, np.maximum(np.maximum(a, b), np.maximum(c, d))


def _of_square(x: Ends) -> Ends:
    low, high = _of_size(x)
    return low * low, high * high


def _of_size(x: Ends) -> Ends:
    low, high = x
    return np.maximum(np.maximum(low, -high), 0.0), np.maximum(high, -low)


def _of_power(x: Ends, exponent: Ends) -> Ends | None:
    n = exponent[0]
    if np.ndim(n) or not np.all(x[0] > 0):
        return None
    low, high = x if n >= 0 else (x[1], x[0])
    return _widened((low**n, high**n))


def _of_root(x: Ends) -> Ends | None:
    return (np.sqrt(x[0]), np.sqrt(x[1])) if np.all(x[0] >= 0) else None


def _widened(ends: Ends) -> Ends:
    low, high = ends
    return low - (_WIDENED * np.abs(low) + _FLUSHED), high + (_WIDENED * np.abs(high) + _FLUSHED)


def _rising(function: np.ufunc) -> Callable[[Ends], Ends]:
    """Return the rule of an elementary function that increases."""
    return lambda x: _widened((function(x[0]), function(x[1])))


def _stepping(function: np.ufunc) -> Callable[..., Ends]:
    """Return the rule of a function that never falls and is not rounded."""
    return lambda *arguments: (
        function(*(low for low, _ in arguments)),
        function(*(high for _, high in arguments)),
    )


def _waving(function: np.ufunc) -> Callable[[Ends], Ends]:
    """Return the rule of a sine or a cosine: it moves no faster than its argument."""

    def ends(x: Ends) -> Ends:
        low, high = x
        middle = low + (high - low) / 2
        reach = (1 + _WIDENED) * np.maximum(high - middle, middle - low) + _WIDENED
        centre = function(middle)
        return np.maximum(centre - reach, -1 - _WIDENED), np.minimum(centre + reach, 1 + _WIDENED)

    return ends


def _always(answer: bool) -> Callable[[Ends], Ends]:  # noqa: FBT001
    return lambda x: (np.full(np.shape(x[0]), answer), np.full(np.shape(x[0]), answer))


# By the name of numpy's function: the ends of what it gives from those of its arguments, which are
# finite; None: not known.
NUMBERS: Final[Mapping[str, Callable[..., Ends | None]]] = MappingProxyType(
    {
        "add": lambda x, y: (x[0] + y[0], x[1] + y[1]),
        "subtract": lambda x, y: (x[0] - y[1], x[1] - y[0]),
        "multiply": _of_product,
        "divide": _of_quotient,
        "reciprocal": lambda x: _of_quotient((1.0, 1.0), x),
        "negative": lambda x: (-x[1], -x[0]),
        "positive": lambda x: x,
        "absolute": _of_size,
        "square": _of_square,
        "sqrt": _of_root,
        "power": _of_power,
        "sin": _waving(np.sin),
        "cos": _waving(np.cos),
        **{f.__name__: _stepping(f) for f in (np.maximum, np.minimum)},
        **{f.__name__: _stepping(f) for f in (np.sign, np.floor, np.ceil, np.rint)},
        **{f.__name__: _rising(f) for f in (np.exp, np.expm1, np.log, np.log1p)},
        **{f.__name__: _rising(f) for f in (np.sinh, np.tanh, np.arctan, np.arcsinh)},
    }
)
# The same for conditions: whether one holds surely, and whether possibly.
CONDITIONS: Final[Mapping[str, Callable[..., Ends]]] = MappingProxyType(
    {
        "greater": lambda x, y: (x[0] > y[1], x[1] > y[0]),
        "greater_equal": lambda x, y: (x[0] >= y[1], x[1] >= y[0]),
        "less": lambda x, y: (x[1] < y[0], x[0] < y[1]),
        "less_equal": lambda x, y: (x[1] <= y[0], x[0] <= y[1]),
        "isfinite": _always(answer=True),
        "isinf": _always(answer=False),
        "isnan": _always(answer=False),
    }
)
# And for conditions of conditions.
LOGIC: Final[Mapping[str, Callable[..., Ends]]] = MappingProxyType(
    {
        **{f.__name__: _stepping(f) for f in (np.logical_and, np.bitwise_and)},
        **{f.__name__: _stepping(f) for f in (np.logical_or, np.bitwise_or)},
        **{f.__name__: lambda x: (~x[1], ~x[0]) for f in (np.logical_not, np.invert)},
    }
)
