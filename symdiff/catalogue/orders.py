"""Rows for order statistics and running reductions: sort, topk, median, quantile, cummax."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError, one_axis, parts
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch


def stages(count: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield the stages of Batcher's network, which sorts numbers by exchanges of two of them.

    Every stage consists of pairs of positions without a common one.  The smaller number of a pair
    goes to the first position, the larger one to the second.

    Parameters
    ----------
    count
        How many numbers are sorted.

    Examples
    --------
    >>> list(stages(3))
    [((0, 1),), ((0, 2),), ((1, 2),)]
    """
    width = 1
    while width < count:
        step = width
        while step:
            pairs = tuple(
                (i, i + step)
                for start in range(step % width, count - step, 2 * step)
                for i in range(start, min(start + step, count - step))
                if i // (2 * width) == (i + step) // (2 * width)
            )
            if pairs:
                yield pairs
            step //= 2
        width *= 2


def _ascending(a: Elements, x: Array, axis: int) -> Array:
    """Return the components in ascending order.

    Each exchange is a minimum and a maximum, so that ties are kinks as they are for these two.
    """
    for pairs in stages(a.shape(x)[axis]):
        first, second = (list(side) for side in zip(*pairs, strict=True))
        low, high = (
            a.arrange(lambda v, side=side: numpy.take(v, side, axis), x) for side in (first, second)
        )
        x = a.arrange(
            functools.partial(_exchanged, axis=axis, first=first, second=second),
            x,
            a.each("minimum", low, high),
            a.each("maximum", low, high),
        )
    return x


def _exchanged(v: Any, low: Any, high: Any, axis: int, first: list[int], second: list[int]) -> Any:
    result = numpy.array(v)
    moved = numpy.moveaxis(result, axis, 0)  # a view
    moved[first] = numpy.moveaxis(low, axis, 0)
    moved[second] = numpy.moveaxis(high, axis, 0)
    return result


def _sort(a: Elements, x: Array, dim: int = -1, descending: bool = False) -> Array:
    axis = one_axis(a.shape(x), dim)
    if not a.shape(x):
        return x
    ascending = _ascending(a, x, axis)
    return a.arrange(lambda v: numpy.flip(v, axis), ascending) if descending else ascending


def _check_rank(k: int, length: int, least: int) -> None:
    if not least <= k <= length:
        message = f"k must be between {least} and {length}, the length of the dimension, not {k}"
        raise ShapeMismatchError(message)


def _topk(
    a: Elements,
    x: Array,
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,  # noqa: A002  (torch's name)
) -> Array:
    shape = a.shape(x)
    axis = one_axis(shape, dim)
    if not sorted:
        message = "with sorted=False the order of the components is not defined"
        raise ShapeMismatchError(message)
    _check_rank(k, (shape or (1,))[axis], 0)
    if not shape:
        return x
    first = (*[slice(None)] * axis, slice(k))
    return a.arrange(lambda v: v[first], _sort(a, x, dim, largest))


def _at_rank(a: Elements, ascending: Array, rank: int, axis: int, *, keep: bool) -> Array:
    """Return the component of a rank, from 0, of a tensor that is sorted along an axis."""
    index = [rank] if keep else rank
    return a.arrange(lambda v: numpy.take(v, index, axis), ascending)


def _kthvalue(a: Elements, x: Array, k: int, dim: int = -1, keepdim: bool = False) -> Array:
    shape = a.shape(x)
    axis = one_axis(shape, dim)
    _check_rank(k, (shape or (1,))[axis], 1)
    return _at_rank(a, _ascending(a, x, axis), k - 1, axis, keep=keepdim) if shape else x


def _flat(a: Elements, x: Array, dim: int | None, keepdim: bool) -> tuple[Array, int]:
    """Return a tensor and the axis to reduce; without a dimension, all components in a vector."""
    if dim is None and keepdim:
        message = "keepdim=True needs dim"
        raise ShapeMismatchError(message)
    if dim is None or not a.shape(x):
        one_axis((), dim or 0)
        return a.arrange(lambda v: v.reshape(-1), x), 0
    return x, one_axis(a.shape(x), dim)


def _median(a: Elements, x: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    is_number = not a.shape(x)
    x, axis = _flat(a, x, dim, keepdim)
    length = _length(a, x, axis)
    keep = keepdim and not is_number
    return _at_rank(a, _ascending(a, x, axis), (length - 1) // 2, axis, keep=keep)


def _length(a: Elements, x: Array, axis: int) -> int:
    """Return the length of an axis, which may not be 0."""
    length = a.shape(x)[axis]
    if not length:
        message = f"the dimension {axis} of the shape {a.shape(x)} is empty"
        raise ShapeMismatchError(message)
    return length


# The weight of the component above a fractional rank.
_WEIGHTS: Mapping[str, Callable[[float], float]] = {
    "linear": lambda rank: rank - math.floor(rank),
    "lower": lambda _: 0.0,
    "higher": lambda rank: float(rank > math.floor(rank)),
    "midpoint": lambda rank: 0.5 if rank > math.floor(rank) else 0.0,
    "nearest": lambda rank: float(round(rank) - math.floor(rank)),
}


def _quantile(
    a: Elements,
    x: Array,
    q: float,
    dim: int | None = None,
    keepdim: bool = False,
    interpolation: str = "linear",
) -> Array:
    """Return the component at the rank q·(n - 1), a double as in torch, interpolated if it is between two."""
    if not 0 <= q <= 1:
        message = f"q must be between 0 and 1, not {q}"
        raise ShapeMismatchError(message)
    is_number = not a.shape(x)
    x, axis = _flat(a, x, dim, keepdim)
    rank = float(q) * (_length(a, x, axis) - 1)
    weight = _WEIGHTS[interpolation](rank)
    ascending = _ascending(a, x, axis)
    below, above = (
        _at_rank(a, ascending, k, axis, keep=keepdim and not is_number)
        for k in (math.floor(rank), math.ceil(rank))
    )
    if weight in (0, 1):
        return above if weight else below
    difference = a.each("subtract", above, below)
    return a.each("add", below, a.each("multiply", weight, difference))


def _running(function: str) -> Callable[..., Array]:
    """Return the `array` column of a reduction of the components up to each one."""

    def column(a: Elements, x: Array, dim: int) -> Array:
        axis = one_axis(a.shape(x), dim)
        if not a.shape(x) or not a.shape(x)[axis]:
            return x
        reduced = itertools.accumulate(parts(a, x, axis), functools.partial(a.each, function))
        return a.arrange(lambda *v: numpy.stack(v, axis), *reduced)

    return column


def _values(function: str) -> Callable[..., Any]:
    """Return the `torch` column of a function that returns values and indices."""
    return lambda *arguments, **settings: getattr(torch, function)(*arguments, **settings).values


def _torch_median(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    return torch.median(x) if dim is None else torch.median(x, dim, keepdim).values


# fmt: off
ORDERS = (
    Function("sort",     "x, dim: integer = -1, descending: flag = False", formula="x in ascending order", array=_sort, torch=_values("sort"), has_indices=True,
             spelled={"numpy": "np.sort(<x>, axis=<dim>)", "torch": "sort"}),
    Function("topk",     "x, k: integer, dim: integer = -1, largest: flag = True, sorted: flag = True", formula="the k largest x, in descending order",
             array=_topk, torch=_values("topk"), has_indices=True,
             spelled={"torch": "topk"}),
    Function("kthvalue", "x, k: integer, dim: integer = -1, keepdim: flag = False", formula="the k-th smallest x", array=_kthvalue,
             torch=_values("kthvalue"), has_indices=True,
             spelled={"torch": "kthvalue"}),
    Function("median",   "x, dim: integer = None, keepdim: flag = False", formula="the middle x, the lower one of two", array=_median,
             torch=_torch_median, has_indices=True,
             spelled={"torch": "median"}),
    Function("quantile", "x, q: fixed, dim: integer = None, keepdim: flag = False, interpolation: linear|lower|higher|midpoint|nearest = linear",
             formula="the x at the rank q*(n - 1)", array=_quantile, torch="quantile",
             spelled={"numpy": "np.quantile(<x>, <q>, axis=<dim>)"}),
    Function("cummax",   "x, dim: integer", formula="the largest x up to each one", array=_running("maximum"), torch=_values("cummax"), has_indices=True,
             spelled={"torch": "cummax"}),
    Function("cummin",   "x, dim: integer", formula="the smallest x up to each one", array=_running("minimum"), torch=_values("cummin"), has_indices=True,
             spelled={"torch": "cummin"}),
    Function("cumprod",  "x, dim: integer", formula="x[0], x[0]*x[1], ...", array=_running("multiply"), torch="cumprod",
             spelled={"numpy": "cumprod"}),
    Function("logcumsumexp", "x, dim: integer", formula="log of the sums of e**x up to each one", array=_running("logaddexp"), torch="logcumsumexp"),
)
# fmt: on
