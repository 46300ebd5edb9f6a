"""Translations of pooling, from the components under each window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import (
    NotWrittenError,
    Syntax,
    call,
    divide,
    index,
    listed,
    literal,
    name,
    negative,
)
from symdiff.tracing.translations.arrangements import positions_in, reshaped, taken
from symdiff.tracing.translations.call import Call, Translation, Written


def _sizes(size: Any, count: int) -> tuple[int, ...]:
    values = tuple(size) if isinstance(size, Sequence) else (size,)
    return values * count if len(values) == 1 else values


def _windows(
    c: Call,
    input: Any,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    filler: float,
) -> Syntax:
    """Return the components under a kernel at every position, along a new last dimension."""
    count = len(kernel)
    outside = input.numel()
    pads = [p for p in reversed(padding) for _ in (0, 1)]
    positions = torch.nn.functional.pad(positions_in(input), pads, value=outside)
    spatial = range(input.ndim - count, input.ndim)
    for d, k, s, step in zip(spatial, kernel, stride, dilation, strict=True):
        positions = positions.unfold(d, step * (k - 1) + 1, s)[..., ::step]
    positions = positions.flatten(-count)
    flat = reshaped(c.write(input), (outside,))
    if any(padding):
        number = negative(name("inf")) if math.isinf(filler) else literal(filler)
        end = call("tensor", listed([number]))
        flat = call("cat", listed([flat, end]))
    return taken(c, flat, positions)


def _max_pool(count: int) -> Translation:
    def translate(
        c: Call,
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Written:
        if ceil_mode:
            message = "pooling with ceil_mode=True"
            raise NotWrittenError(message)
        kernel = _sizes(kernel_size, count)
        steps = _sizes(stride, count) if stride else kernel
        windows = _windows(
            c, input, kernel, steps, _sizes(padding, count), _sizes(dilation, count), -math.inf
        )
        value = call("amax", windows, dim=literal(-1))
        return [value, None] if return_indices or isinstance(c.result, tuple) else value

    return translate


def _average_pool(count: int) -> Translation:
    def translate(
        c: Call,
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Syntax:
        kernel = _sizes(kernel_size, count)
        steps = _sizes(stride, count) if stride else kernel
        pads = _sizes(padding, count)
        if ceil_mode or (any(pads) and not count_include_pad):
            message = (
                "pooling with ceil_mode=True"
                if ceil_mode
                else "pooling with count_include_pad=False"
            )
            raise NotWrittenError(message)
        windows = _windows(c, input, kernel, steps, pads, (1,) * count, 0)
        if divisor_override is None:
            return call("mean", windows, dim=literal(-1))
        return divide(call("sum", windows, dim=literal(-1)), literal(divisor_override))

    return translate


def _adaptive_pool(count: int, function: str) -> Translation:
    def translate(c: Call, input: Any, output_size: Any, return_indices: bool = False) -> Written:
        sizes = _sizes(output_size, count)
        value = c.write(input)
        for d, n in zip(range(input.ndim - count, input.ndim), sizes, strict=True):
            length = input.shape[d]
            parts = [
                _part_of(value, d, k, n or length, length, function) for k in range(n or length)
            ]
            value = call("stack", listed(parts), dim=literal(d))
        return [value, None] if return_indices or isinstance(c.result, tuple) else value

    return translate


def _part_of(value: Syntax, d: int, k: int, n: int, length: int, function: str) -> Syntax:
    start, stop = k * length // n, -(-(k + 1) * length // n)
    return call(function, index(value, (*[slice(None)] * d, slice(start, stop))), dim=literal(d))


POOLING: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        **{f"max_pool{n}d": _max_pool(n) for n in (1, 2, 3)},
        **{f"max_pool{n}d_with_indices": _max_pool(n) for n in (1, 2, 3)},
        **{f"avg_pool{n}d": _average_pool(n) for n in (1, 2, 3)},
        **{f"adaptive_avg_pool{n}d": _adaptive_pool(n, "mean") for n in (1, 2, 3)},
        **{f"adaptive_max_pool{n}d": _adaptive_pool(n, "amax") for n in (1, 2, 3)},
        **{f"adaptive_max_pool{n}d_with_indices": _adaptive_pool(n, "amax") for n in (1, 2, 3)},
    }
)
