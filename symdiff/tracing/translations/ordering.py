"""Translations of functions that order components: sort, topk, medians, quantiles, running ones."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import (
    NotWrittenError,
    Syntax,
    add,
    call,
    index,
    listed,
    literal,
    multiply,
    subtract,
)
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation, Written


def _inside(axis: int, part: Any) -> tuple[Any, ...]:
    return (*[slice(None)] * axis, part)


def ordered(
    value: Syntax, shape: tuple[int, ...], axis: int, *, descending: bool = False
) -> Syntax:
    """Return a tensor sorted along a dimension."""
    if not shape:
        return value
    order = literal(value=True) if descending else None
    called = call("sort", value, dim=literal(axis), descending=order)
    return ast.Attribute(called, "values", ast.Load())


def _check_numbers(input: torch.Tensor) -> None:
    if bool(input.isnan().any()):
        message = "an order of numbers that are NaN"
        raise NotWrittenError(message)


def _sort(
    c: Call, input: Any, dim: int = -1, descending: bool = False, stable: bool = False
) -> Written:
    del stable
    return [_sorted(c, input, dim, descending), None]


def _sorted(c: Call, input: torch.Tensor, dim: int, descending: bool) -> Syntax:
    _check_numbers(input)
    axis = dim % max(1, input.ndim)
    return ordered(c.write(input), tuple(input.shape), axis, descending=descending)


def _msort(c: Call, input: Any) -> Syntax:
    _check_numbers(input)
    return ordered(c.write(input), tuple(input.shape), 0)


def _topk(
    c: Call, input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> Written:
    if not sorted:
        message = "topk with sorted=False, whose order is not defined"
        raise NotWrittenError(message)
    value = _sorted(c, input, dim, largest)
    if not input.ndim:
        return [value, None]
    return [index(value, _inside(dim % input.ndim, slice(0, k))), None]


def _kth(c: Call, input: torch.Tensor, rank: int, dim: int, keepdim: bool) -> Syntax:
    """Return the component of a rank, from 0, along a dimension."""
    _check_numbers(input)
    if not input.ndim:
        return c.write(input)
    axis = dim % input.ndim
    value = ordered(c.write(input), tuple(input.shape), axis)
    return index(value, _inside(axis, slice(rank, rank + 1) if keepdim else rank))


def _kthvalue(c: Call, input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Written:
    return [_kth(c, input, k - 1, dim, keepdim), None]


def _median(c: Call, input: Any, dim: int | None = None, keepdim: bool = False) -> Written:
    _check_numbers(input)
    if dim is None:
        count = input.numel()
        flat = ordered(reshaped(c.write(input), (count,)), (count,), 0)
        return index(flat, ((count - 1) // 2,))
    count = input.shape[dim] if input.ndim else 1
    return [_kth(c, input, (count - 1) // 2, dim, keepdim), None]


def _running(c: Call, input: Any, dim: int, **_: Any) -> Written:
    """Return cummax or cummin, of the same name."""
    _check_numbers(input)
    return [call(c.name, c.write(input), dim=literal(dim)), None]


def _quantile(
    c: Call,
    input: Any,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Syntax:
    """Return the components at fractional ranks, between two of which it interpolates."""
    if isinstance(q, torch.Tensor) and (q.requires_grad or q.ndim > 1):
        message = "a quantile that is differentiated by q"
        raise NotWrittenError(message)
    _check_numbers(input)
    ranks = q.reshape(-1).tolist() if isinstance(q, torch.Tensor) else [q]
    value, shape = c.write(input), tuple(input.shape)
    if dim is None:
        value, shape, dim = reshaped(value, (math.prod(shape),)), (math.prod(shape),), 0
    axis = dim % max(1, len(shape))
    value = ordered(value, shape, axis)
    parts = [
        _at_rank(value, axis, shape[axis] if shape else 1, rank, interpolation) for rank in ranks
    ]
    joined = call("stack", listed(parts), dim=literal(0))
    del keepdim  # the shape is that of the result
    return reshaped(joined, tuple(c.result.shape))


def _at_rank(value: Syntax, axis: int, count: int, rank: float, how: str) -> Syntax:
    position = rank * (count - 1)
    below, above = math.floor(position), math.ceil(position)
    if count == 1:
        return value
    weight = position - below
    weight = {
        "linear": weight,
        "lower": 0.0,
        "higher": float(weight > 0),
        "midpoint": 0.5 * (weight > 0),
        "nearest": float(round(position) - below),
    }[how]
    lower, upper = (index(value, _inside(axis, k)) for k in (below, above))
    return add(lower, multiply(literal(weight), subtract(upper, lower))) if weight else lower


ORDERING: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "sort": _sort,
        "msort": _msort,
        "topk": _topk,
        "kthvalue": _kthvalue,
        **dict.fromkeys(("median", "nanmedian"), _median),
        **dict.fromkeys(("quantile", "nanquantile"), _quantile),
        **dict.fromkeys(("cummax", "cummin"), _running),
    }
)
