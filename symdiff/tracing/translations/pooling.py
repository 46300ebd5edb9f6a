"""Translations of pooling, from the components under each window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import (
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


def _positions(
    input: torch.Tensor,
    shape: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> torch.Tensor:
    """Return the flat positions under a kernel, along a new last dimension.

    Outside the input it is the number of components. `shape` is that of the windows' places: with
    ceil_mode=True, the last windows reach beyond the padding.
    """
    count = len(kernel)
    pads: list[int] = []
    for n, out, k, s, p, d in zip(
        input.shape[-count:], shape, kernel, stride, padding, dilation, strict=True
    ):
        reach = (out - 1) * s + d * (k - 1) + 1
        pads = [p, max(0, reach - p - n), *pads]
    positions = torch.nn.functional.pad(positions_in(input), pads, value=input.numel())
    spatial = range(input.ndim - count, input.ndim)
    for axis, k, s, d, out in zip(spatial, kernel, stride, dilation, shape, strict=True):
        windows = positions.unfold(axis, d * (k - 1) + 1, s)[..., ::d]
        positions = windows.narrow(axis, 0, out)
    return positions.flatten(-count)


def _windows(c: Call, input: torch.Tensor, positions: torch.Tensor, filler: float) -> Syntax:
    """Return the components at some positions, and a number at those outside the input."""
    flat = reshaped(c.write(input), (input.numel(),))
    if bool((positions == input.numel()).any()):
        number = negative(name("inf")) if math.isinf(filler) else literal(filler)
        flat = call("cat", listed([flat, call("tensor", listed([number]))]))
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
        del ceil_mode, return_indices  # the shape is that of the result
        kernel = _sizes(kernel_size, count)
        steps = _sizes(stride, count) if stride else kernel
        result = c.result if isinstance(c.result, torch.Tensor) else c.result[0]
        positions = _positions(
            input,
            result.shape[-count:],
            kernel,
            steps,
            _sizes(padding, count),
            _sizes(dilation, count),
        )
        value = call("amax", _windows(c, input, positions, -math.inf), dim=literal(-1))
        return value if isinstance(c.result, torch.Tensor) else [value, None]

    return translate


def _average_pool(count: int) -> Translation:
    pool = getattr(torch.nn.functional, f"avg_pool{count}d")

    def translate(
        c: Call,
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        *arguments: Any,
        **keywords: Any,
    ) -> Syntax:
        kernel = _sizes(kernel_size, count)
        steps = _sizes(stride, count) if stride else kernel
        shape = c.result.shape[-count:]
        pads = _sizes(padding, count)
        positions = _positions(input, shape, kernel, steps, pads, (1,) * count)
        total = call("sum", _windows(c, input, positions, 0), dim=literal(-1))
        # What torch divides by depends on the padding: it is asked by the mean of ones.
        ones = torch.ones(tuple(input.shape), dtype=torch.float64)
        means = pool(ones, kernel_size, stride, padding, *arguments, **keywords)
        counts = (positions < input.numel()).sum(-1).double()
        divisors = (counts / means).round()
        same = bool((divisors == divisors.reshape(-1)[0]).all())
        return divide(total, literal(int(divisors.reshape(-1)[0])) if same else c.write(divisors))

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
