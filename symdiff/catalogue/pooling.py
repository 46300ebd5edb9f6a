"""Rows for pooling: the largest or the mean component in windows, and padding."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError, per_dimension
from symdiff.catalogue.reductions import greatest, mean
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch_functional

Size = int | tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _Windows:
    """The windows of a pooling.

    Attributes
    ----------
    positions
        The flat positions of the components in every window: shape (*windows, K).
    inside
        Which of them are inside the input.
    counted
        The number of components of every window that are inside the padded input.
    """

    positions: Any
    inside: Any
    counted: Any


def _windows(
    shape: tuple[int, ...],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    *,
    ceil: bool,
) -> _Windows:
    _check(kernel, stride, padding, dilation)
    count = len(shape)
    flat, inside, counted = (numpy.asarray(v) for v in (0, True, 1))
    for axis, n in enumerate(shape):
        k, s, p, d = kernel[axis], stride[axis], padding[axis], dilation[axis]
        starts = numpy.arange(_length(n, k, s, p, d, ceil=ceil)) * s - p
        along = starts[:, None] + d * numpy.arange(k)  # (windows, k)
        laid = [1] * (2 * count)
        laid[axis], laid[count + axis] = along.shape
        flat = flat * n + along.clip(0, n - 1).reshape(laid)
        inside = inside & ((along >= 0) & (along < n)).reshape(laid)
        counted = counted * numpy.expand_dims(
            (along < n + p).sum(-1), [j for j in range(count) if j != axis]
        )
    outer = flat.shape[:count]
    return _Windows(flat.reshape(*outer, -1), inside.reshape(*outer, -1), counted)


def _check(
    kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> None:
    if min((*kernel, *stride, *dilation)) < 1 or min(padding) < 0:
        message = "kernels, strides and dilations must be at least 1, paddings at least 0"
        raise ShapeMismatchError(message)
    if any(2 * p > d * (k - 1) + 1 for k, p, d in zip(kernel, padding, dilation, strict=True)):
        message = f"the padding {tuple(padding)} is more than half of the kernel {tuple(kernel)}"
        raise ShapeMismatchError(message)


def _length(n: int, k: int, s: int, p: int, d: int, *, ceil: bool) -> int:
    """Return the number of windows along a dimension."""
    span = n + 2 * p - d * (k - 1) - 1
    if span < 0:
        message = (
            f"a window of length {d * (k - 1) + 1} is longer than the padded input {n + 2 * p}"
        )
        raise ShapeMismatchError(message)
    length = (-(-span // s) if ceil else span // s) + 1
    # The last window must start inside the input or the padding before it.
    return length - 1 if ceil and (length - 1) * s >= n + p else length


def _spatial(a: Elements, x: Array, count: int) -> tuple[Array, tuple[int, ...], tuple[int, ...]]:
    """Return the input with its spatial dimensions joined, the shape of the others and of these."""
    shape = a.shape(x)
    if len(shape) not in {count + 1, count + 2} or not math.prod(shape):
        message = (
            f"the input must have {count + 1} or {count + 2} dimensions, not the shape {shape}"
        )
        raise ShapeMismatchError(message)
    outer, inner = shape[:-count], shape[-count:]
    return a.arrange(lambda v: v.reshape(*outer, -1), x), outer, inner


def _max_pool(count: int) -> Callable[..., Array]:
    def column(
        a: Elements,
        x: Array,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
    ) -> Array:
        flat, _, inner = _spatial(a, x, count)
        kernel = per_dimension(kernel_size, count)
        steps = kernel if stride is None else per_dimension(stride, count)
        pads, dilations = (per_dimension(s, count) for s in (padding, dilation))
        windows = _windows(inner, kernel, steps, pads, dilations, ceil=ceil_mode)
        if not windows.inside.any(-1).all():
            message = "a window has no component of the input"
            raise ShapeMismatchError(message)
        # Components outside are left out: a maximum with -inf would not be a number.
        seen = windows.inside[..., 0]
        greatest = _component(a, flat, windows, 0)
        for k in range(1, windows.inside.shape[-1]):
            inside, candidate = windows.inside[..., k], _component(a, flat, windows, k)
            greater = a.each("maximum", greatest, candidate)
            greatest = a.arrange(
                lambda old, new, both, inside=inside, seen=seen: numpy.where(
                    inside & seen, both, numpy.where(inside, new, old)
                ),
                greatest,
                candidate,
                greater,
            )
            seen = seen | inside
        return greatest

    return column


def _component(a: Elements, flat: Array, windows: _Windows, k: int) -> Array:
    """Return the k-th component of every window; some other one where it is outside."""
    positions = windows.positions[..., k]
    return a.arrange(lambda v: v[..., positions], flat)


def _average_pool(count: int) -> Callable[..., Array]:
    def column(
        a: Elements,
        x: Array,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Array:
        flat, outer, inner = _spatial(a, x, count)
        kernel = per_dimension(kernel_size, count)
        steps = kernel if stride is None else per_dimension(stride, count)
        windows = _windows(
            inner, kernel, steps, per_dimension(padding, count), (1,) * count, ceil=ceil_mode
        )
        components = a.arrange(
            lambda v, z: numpy.where(windows.inside, v[..., windows.positions], z),
            flat,
            a.each("positive", 0),
        )
        total = a.total(components, (len(outer) + count,), keep=False)
        if divisor_override is not None:
            return a.each("divide", total, divisor_override)
        divisor = windows.counted if count_include_pad else windows.inside.sum(-1)
        return _divided(a, total, divisor)

    return column


def _divided(a: Elements, total: Array, divisor: Any) -> Array:
    """Return sums divided by integers that differ from window to window."""
    result = None
    for number in numpy.unique(divisor).tolist():
        quotient = a.each("divide", total, number)
        chosen = divisor == number
        result = (
            quotient
            if result is None
            else a.arrange(
                lambda new, old, chosen=chosen: numpy.where(chosen, new, old), quotient, result
            )
        )
    return result


def _adaptive_pool(count: int, reduction: Callable[..., Array]) -> Callable[..., Array]:
    def column(a: Elements, x: Array, output_size: Size) -> Array:
        shape = a.shape(x)
        _spatial(a, x, count)
        for axis, n in zip(
            range(len(shape) - count, len(shape)), per_dimension(output_size, count), strict=True
        ):
            parts = [reduction(a, _part(a, x, axis, k, n), axis) for k in range(n)]
            x = a.arrange(lambda *v, axis=axis: numpy.stack(v, axis), *parts)
        return x

    return column


def _part(a: Elements, x: Array, axis: int, k: int, n: int) -> Array:
    length = a.shape(x)[axis]
    start, stop = k * length // n, -(-(k + 1) * length // n)
    return a.arrange(lambda v: numpy.take(v, range(start, stop), axis), x)


# numpy's names of the ways to pad; a constant is filled in apart.
_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _pad(
    a: Elements, x: Array, pad: tuple[int, ...], mode: str = "constant", value: float = 0
) -> Array:
    shape = a.shape(x)
    if len(pad) % 2 or len(pad) > 2 * len(shape):
        message = f"pad has two lengths for each of the last dimensions of {shape}, not {pad}"
        raise ShapeMismatchError(message)
    filler = a.each("positive", value) if mode == "constant" else None
    for k in range(len(pad) // 2):
        x = _padded(a, x, len(shape) - 1 - k, pad[2 * k : 2 * k + 2], mode, filler)
    return x


def _padded(
    a: Elements,
    x: Array,
    axis: int,
    lengths: tuple[int, ...],
    mode: str,
    filler: Array | None,
) -> Array:
    n = a.shape(x)[axis]
    before, after = lengths
    longest = {"reflect": n - 1, "circular": n}.get(mode, math.inf)
    is_cut = min(lengths) < 0 and (filler is None or n + min(before, 0) + min(after, 0) < 0)
    if not n or is_cut or max(lengths) > longest:
        message = f"a dimension of length {n} cannot be padded by {lengths} in the mode {mode}"
        raise ShapeMismatchError(message)
    grown = (max(before, 0), max(after, 0))
    inside = slice(max(-before, 0), n + sum(grown) - max(-after, 0))
    positions = numpy.pad(numpy.arange(n), grown, mode=_MODES.get(mode, "constant"))[inside]
    moved = a.arrange(lambda v: numpy.take(v, positions, axis), x)
    if filler is None:
        return moved
    outside = numpy.pad(numpy.zeros(n, dtype=bool), grown, constant_values=True)[inside]
    laid = outside.reshape([-1 if d == axis else 1 for d in range(len(a.shape(x)))])
    return a.arrange(lambda v, z: numpy.where(laid, z, v), moved, filler)


def _torch_pad(x: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    return torch_functional.pad(x, pad, mode, value)


_MAX = "x, kernel_size: size, stride: size = None, padding: size = 0, dilation: size = 1, ceil_mode: flag = False"
_AVERAGE = "x, kernel_size: size, stride: size = None, padding: size = 0, ceil_mode: flag = False, count_include_pad: flag = True"
# fmt: off
POOLING = (
    *(
        Function(f"max_pool{n}d", _MAX, formula="largest x in windows", array=_max_pool(n), torch=f"F.max_pool{n}d", is_method=False)
        for n in (1, 2, 3)
    ),
    Function("avg_pool1d", _AVERAGE, formula="mean of x in windows", array=_average_pool(1), torch="F.avg_pool1d", is_method=False),
    *(
        Function(f"avg_pool{n}d", f"{_AVERAGE}, divisor_override: integer = None", formula="mean of x in windows", array=_average_pool(n),
                 torch=f"F.avg_pool{n}d", is_method=False)
        for n in (2, 3)
    ),
    *(
        Function(f"adaptive_avg_pool{n}d", "x, output_size: size", formula="mean of x in parts", array=_adaptive_pool(n, mean),
                 torch=f"F.adaptive_avg_pool{n}d", is_method=False)
        for n in (1, 2, 3)
    ),
    *(
        Function(f"adaptive_max_pool{n}d", "x, output_size: size", formula="largest x in parts", array=_adaptive_pool(n, greatest),
                 torch=f"F.adaptive_max_pool{n}d", is_method=False)
        for n in (1, 2, 3)
    ),
    Function("pad",        "x, pad: shape, mode: constant|reflect|replicate|circular = constant, value: fixed = 0", formula="x with more components at its ends",
             array=_pad, torch=_torch_pad, is_method=False,
             spelled={"torch": "F.pad"}),
)
# fmt: on
