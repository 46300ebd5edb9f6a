"""What order statistics and running reductions mean, without sorting.

The k-th smallest of some numbers is the least of the largest numbers of all sets of k of them.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from fuzz.lists import Array, Each, along, as_array, reduced


def _extreme(each: Each, function: str, numbers: Sequence[Any]) -> Any:
    return functools.reduce(lambda a, b: each(function, a, b), numbers)


def _smallest(each: Each, numbers: Sequence[Any], k: int) -> Any:
    """Return the k-th smallest number, from 1."""
    largest = [_extreme(each, "maximum", s) for s in itertools.combinations(numbers, k)]
    return _extreme(each, "minimum", largest)


def _sort(each: Each, x: Array, dim: int = -1, descending: bool = False) -> Array:
    def ordered(numbers: list[Any]) -> list[Any]:
        ascending = [_smallest(each, numbers, k + 1) for k in range(len(numbers))]
        return ascending[::-1] if descending else ascending

    return along(x, dim, ordered)


def _topk(each: Each, x: Array, k: int, dim: int = -1, largest: bool = True) -> Array:
    ordered = as_array(_sort(each, x, dim, largest))
    return ordered.take(range(k), dim) if ordered.ndim else ordered


def _kthvalue(each: Each, x: Array, k: int, dim: int = -1, keepdim: bool = False) -> Array:
    return reduced(x, dim, keepdim, lambda v: _smallest(each, v, k))


def _median(each: Each, x: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    return reduced(x, dim, keepdim, lambda v: _smallest(each, v, (len(v) + 1) // 2))


def _quantile(
    each: Each, x: Array, q: float, dim: int | None = None, keepdim: bool = False
) -> Array:
    def of(numbers: list[Any]) -> Any:
        rank = q * (len(numbers) - 1)  # a double, as in torch
        below, above = (
            _smallest(each, numbers, k + 1) for k in (math.floor(rank), math.ceil(rank))
        )
        weight = Fraction(rank) - math.floor(rank)
        low, high = each("multiply", 1 - weight, below), each("multiply", weight, above)
        return each("add", low, high)

    return reduced(x, dim, keepdim, of)


def _running(function: str) -> Callable[..., Array]:
    def meaning(each: Each, x: Array, dim: int) -> Array:
        return along(
            x,
            dim,
            lambda v: [_extreme(each, function, v[: k + 1]) for k in range(len(v))],
        )

    return meaning


ORDERS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "sort": _sort,
        "topk": _topk,
        "kthvalue": _kthvalue,
        "median": _median,
        "quantile": _quantile,
        "cummax": _running("maximum"),
        "cummin": _running("minimum"),
        "cumprod": _running("multiply"),
        "logcumsumexp": _running("logaddexp"),
    }
)
