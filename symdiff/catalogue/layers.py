"""Rows for the layers of torch.nn.functional: linear maps, convolutions and their patches."""

from __future__ import annotations

from typing import Any

from symdiff.catalogue.elements import Elements, ShapeMismatchError, one_axis
from symdiff.catalogue.reductions import matmul, norm
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy

Array = Any
Size = int | tuple[int, ...]


def _linear(a: Elements, x: Array, weight: Array, bias: Array | None = None) -> Array:
    flipped = a.arrange(lambda v: v.T, weight)
    product = matmul(a, x, flipped)
    return product if bias is None else a.each("add", product, bias)


def _several(size: Size, count: int) -> tuple[int, ...]:
    """Return one number for each dimension."""
    return (size,) * count if isinstance(size, int) else size * (count if len(size) == 1 else 1)


def _patches(
    a: Elements,
    x: Array,
    kernel: tuple[int, ...],
    *,
    dilation: tuple[int, ...],
    padding: tuple[int, ...],
    stride: tuple[int, ...],
) -> Array:
    """Return for every place the patch below the kernel: shape (N, C, *places, *kernel)."""
    count = len(kernel)
    shape = a.shape(x)
    if len(shape) != count + 2:
        message = f"an input of {count + 2} dimensions (N, C, ...) is needed, not {shape}"
        raise ShapeMismatchError(message)
    if min((*kernel, *dilation, *stride), default=1) < 1 or min(padding, default=0) < 0:
        message = "kernels, strides and dilations are 1 or more, paddings 0 or more"
        raise ShapeMismatchError(message)
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    sizes = [n + 2 * p for n, p in zip(shape[2:], padding, strict=True)]
    if any(n < r for n, r in zip(sizes, reach, strict=True)):
        message = f"a kernel of {kernel} does not fit into {tuple(sizes)}"
        raise ShapeMismatchError(message)
    widths = [(0, 0), (0, 0), *((p, p) for p in padding)]
    places = (slice(None), slice(None), *(slice(None, None, s) for s in stride))
    inside = tuple(slice(None, None, d) for d in dilation)

    def patches(v: Any, zero: Any) -> Any:  # noqa: ANN401  (numpy's arrays)
        padded = numpy.pad(v, widths, constant_values=zero)
        spatial = tuple(range(2, 2 + count))
        windows = numpy.lib.stride_tricks.sliding_window_view(padded, reach, spatial)
        return windows[places + inside]

    return a.arrange(patches, x, a.each("positive", 0))


def _convolution(count: int) -> Any:  # noqa: ANN401  (a column)
    def column(
        a: Elements,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
    ) -> Array:
        out, channels, *kernel = a.shape(weight)
        if len(kernel) != count:
            message = f"a weight of {count + 2} dimensions is needed, not {a.shape(weight)}"
            raise ShapeMismatchError(message)
        found = _patches(
            a,
            x,
            tuple(kernel),
            dilation=_several(dilation, count),
            padding=_several(padding, count),
            stride=_several(stride, count),
        )
        batch, have, *places = a.shape(found)[: 2 + count]
        if have != channels:
            message = f"the input has {have} channels, the weight takes {channels}"
            raise ShapeMismatchError(message)
        # (N, C, places, kernel) -> (N, C·kernel, places): the convolution is a matrix product
        order = (0, 1, *range(2 + count, 2 + 2 * count), *range(2, 2 + count))
        columns = a.arrange(
            lambda v: v.transpose(order).reshape(batch, -1, int(numpy.prod(places))), found
        )
        rows = a.arrange(lambda v: v.reshape(out, -1), weight)
        product = a.arrange(lambda v: v.reshape(batch, out, *places), a.product(rows, columns))
        if bias is None:
            return product
        beside = a.arrange(lambda v: v.reshape(-1, *[1] * count), bias)
        return a.each("add", product, beside)

    return column


def _unfold(
    a: Elements,
    x: Array,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Array:
    found = _patches(
        a,
        x,
        _several(kernel_size, 2),
        dilation=_several(dilation, 2),
        padding=_several(padding, 2),
        stride=_several(stride, 2),
    )
    batch, channels, high, wide, *kernel = a.shape(found)
    rows = channels * int(numpy.prod(kernel))
    return a.arrange(
        lambda v: v.transpose(0, 1, 4, 5, 2, 3).reshape(batch, rows, high * wide), found
    )


def _fold(
    a: Elements,
    x: Array,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Array:
    size, kernel = _several(output_size, 2), _several(kernel_size, 2)
    dilations, paddings, strides = (_several(s, 2) for s in (dilation, padding, stride))
    padded = [n + 2 * p for n, p in zip(size, paddings, strict=True)]
    places = [
        (n - d * (k - 1) - 1) // s + 1
        for n, d, k, s in zip(padded, dilations, kernel, strides, strict=True)
    ]
    shape = a.shape(x)
    wanted = (kernel[0] * kernel[1], places[0] * places[1])
    if len(shape) != 3 or shape[1] % wanted[0] or shape[2] != wanted[1]:
        message = f"a shape (N, C*{wanted[0]}, {wanted[1]}) is needed, not {shape}"
        raise ShapeMismatchError(message)
    batch, channels = shape[0], shape[1] // wanted[0]
    blocks = a.arrange(lambda v: v.reshape(batch, channels, *kernel, *places), x)
    total = None
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            down = slice(i * dilations[0], i * dilations[0] + places[0] * strides[0], strides[0])
            right = slice(j * dilations[1], j * dilations[1] + places[1] * strides[1], strides[1])
            spread = a.arrange(
                lambda v, z, i=i, j=j, down=down, right=right: _placed(
                    v[:, :, i, j], z, (batch, channels, *padded), (..., down, right)
                ),
                blocks,
                a.each("positive", 0),
            )
            total = spread if total is None else a.each("add", total, spread)
    inside = tuple(slice(p, p + n) for p, n in zip(paddings, size, strict=True))
    return a.arrange(lambda v: v[(..., *inside)], total)


def _placed(block: Any, zero: Any, shape: tuple[int, ...], where: Any) -> Any:  # noqa: ANN401
    canvas = numpy.array(numpy.broadcast_to(zero, shape))
    canvas[where] = block
    return canvas


def _normalize(a: Elements, x: Array, p: float = 2, dim: int = 1, eps: float = 1e-12) -> Array:
    one_axis(a.shape(x), dim)
    size = a.each("maximum", norm(a, x, p, dim, keepdim=True), eps)
    return a.each("divide", x, size)


def _cosine_similarity(a: Elements, x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8) -> Array:
    product = a.each("multiply", x1, x2)
    axis = one_axis(a.shape(product), dim) - len(a.shape(product))
    sizes = [a.each("maximum", norm(a, x, 2, axis), eps) for x in (x1, x2)]
    total = a.total(product, (axis % len(a.shape(product)),), keep=False)
    return a.each("divide", total, a.each("multiply", *sizes))


# fmt: off
LAYERS = (
    Function("linear",  "x, weight, bias = None", formula="x @ weight.T + bias", array=_linear, torch="F.linear"),
    Function("conv1d",  "x, weight, bias = None, stride: size = 1, padding: size = 0, dilation: size = 1",
             formula="cross-correlation", array=_convolution(1), torch="F.conv1d"),
    Function("conv2d",  "x, weight, bias = None, stride: size = 1, padding: size = 0, dilation: size = 1",
             formula="cross-correlation", array=_convolution(2), torch="F.conv2d"),
    Function("unfold",  "x, kernel_size: size, dilation: size = 1, padding: size = 0, stride: size = 1",
             formula="patches as columns", array=_unfold, torch="F.unfold"),
    Function("fold",    "x, output_size: size, kernel_size: size, dilation: size = 1, padding: size = 0, stride: size = 1",
             formula="columns added up as patches", array=_fold, torch="F.fold"),
    Function("normalize", "x, p: fixed = 2, dim: integer = 1, eps: fixed = 1e-12", formula="x/max(norm(x), eps)",
             array=_normalize, torch="F.normalize"),
    Function("cosine_similarity", "x1, x2, dim: integer = 1, eps: fixed = 1e-8", formula="x1 . x2/(norm(x1)*norm(x2))",
             array=_cosine_similarity, torch="F.cosine_similarity"),
)
# fmt: on
