"""Translations of convolutions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
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
    matmul,
)
from symdiff.tracing.translations.arrangements import reshaped, taken
from symdiff.tracing.translations.call import Call, Translation


def _same_padding(sizes: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
    total = [d * (k - 1) for d, k in zip(sizes, kernel, strict=True)]
    if any(n % 2 for n in total):
        message = "a convolution with padding 'same' and a kernel of even length"
        raise NotWrittenError(message)
    return tuple(n // 2 for n in total)


def _convolution(count: int) -> Translation:
    """Return the translation of a convolution that has a row, with groups side by side."""

    def translate(
        c: Call,
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Syntax:
        if isinstance(padding, str):
            sizes = dilation if isinstance(dilation, Sequence) else (dilation,) * count
            kernel = tuple(weight.shape[2:])
            padding = 0 if padding == "valid" else _same_padding(sizes, kernel)
        settings = {
            "stride": literal(stride),
            "padding": literal(padding),
            "dilation": literal(dilation),
        }

        def one(x: Syntax, w: Syntax, b: Syntax | None) -> Syntax:
            return call(f"conv{count}d", x, w, *([] if b is None else [b]), **settings)

        channels = input.ndim - count - 1
        return _in_groups(c, one, (input, weight, bias), channels, groups)

    return translate


def _in_groups(
    c: Call,
    one: Callable[[Syntax, Syntax, Syntax | None], Syntax],
    tensors: tuple[Any, Any, Any],
    axis: int,
    groups: int,
) -> Syntax:
    """Return the results for all groups of channels, joined along the dimension of channels."""
    image, weight, bias = tensors
    x, w = c.write(image), c.write(weight)
    b = None if bias is None else c.write(bias)
    if groups == 1:
        return one(x, w, b)
    inside, outside = image.shape[axis] // groups, weight.shape[0] // groups
    results = []
    for g in range(groups):
        channels = index(x, (*[slice(None)] * axis, slice(g * inside, (g + 1) * inside)))
        rows = index(w, (slice(g * outside, (g + 1) * outside),))
        if b is None:
            part = None
        else:
            size = bias.shape[0] // groups
            part = index(b, (slice(g * size, (g + 1) * size),))
        results.append(one(channels, rows, part))
    return call("cat", listed(results), dim=literal(axis))


def _by_products(count: int, name: str, *, is_transposed: bool = False) -> Translation:
    """Return the translation of a convolution that has no row, as a product of matrices.

    Which component of the input lies under each component of the kernel is found with torch: it is
    the convolution of the positions with a kernel that is 1 there, and 0 elsewhere.
    """
    function = getattr(torch.nn.functional, name)

    def translate(
        c: Call,
        input: Any,
        weight: Any,
        bias: Any = None,
        *arguments: Any,
        groups: int = 1,
        **keywords: Any,
    ) -> Syntax:
        first, last = ("output_padding", "groups"), ("dilation",)
        names = ("stride", "padding", *(first if is_transposed else ()), *last)
        names = names if is_transposed else (*names, "groups")
        settings = {**dict(zip(names, arguments, strict=False)), **keywords}
        groups = settings.pop("groups", groups)
        spatial, kernel = tuple(input.shape[-count:]), tuple(weight.shape[2:])
        under = _under_kernel(function, spatial, kernel, settings)
        axis = input.ndim - count - 1
        ins = input.shape[axis] // groups
        outs = weight.shape[1] if is_transposed else weight.shape[0] // groups
        batch = input.shape[0] if axis else 1

        def one(x: Syntax, w: Syntax, b: Syntax | None) -> Syntax:
            flat = reshaped(x, (batch, ins, math.prod(spatial)))
            padded = call(
                "cat", listed([flat, c.write(torch.zeros(batch, ins, 1).double())]), dim=literal(2)
            )
            size = math.prod(spatial) + 1
            rows = torch.arange(batch * ins).reshape(batch, ins, 1, 1) * size
            places = (rows + under.reshape(math.prod(kernel), -1)).permute(0, 3, 1, 2)
            windows = taken(c, padded, places.reshape(batch, -1, ins * math.prod(kernel)))
            if is_transposed:
                w = call("transpose", w, literal(0), literal(1))
            matrix = reshaped(w, (outs, ins * math.prod(kernel)))
            product = matmul(windows, call("transpose", matrix, literal(0), literal(1)))
            value: Syntax = product if b is None else add(product, b)
            value = call("transpose", value, literal(1), literal(2))
            return reshaped(value, (*([batch] if axis else []), outs, *under.shape[1:]))

        return _in_groups(c, one, (input, weight, bias), axis, groups)

    return translate


def _under_kernel(
    function: Callable[..., torch.Tensor],
    spatial: tuple[int, ...],
    kernel: tuple[int, ...],
    settings: Mapping[str, Any],
) -> torch.Tensor:
    """Return which component of the input lies under each component of the kernel, by output.

    Where there is none, as in padding, it is the number of components.
    """
    size = math.prod(spatial)
    positions = (torch.arange(size, dtype=torch.float64) + 1).reshape(1, 1, *spatial)
    found = []
    for k in range(math.prod(kernel)):
        one = torch.zeros(math.prod(kernel), dtype=torch.float64)
        one[k] = 1
        moved = function(positions, one.reshape(1, 1, *kernel), **settings)[0, 0].round().long()
        found.append(torch.where(moved == 0, size, moved - 1))
    return torch.stack(found)


CONVOLUTIONS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        **{f"conv{n}d": _convolution(n) for n in (1, 2)},
        "conv3d": _by_products(3, "conv3d"),
        **{
            f"conv_transpose{n}d": _by_products(n, f"conv_transpose{n}d", is_transposed=True)
            for n in (1, 2, 3)
        },
    }
)
