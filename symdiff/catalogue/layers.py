"""Rows for layers of torch.nn.functional: linear maps, convolutions, patches, normalization."""

from __future__ import annotations

from typing import Any

from symdiff.catalogue.arrangements import indices_of, torch_indices
from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError, one_axis, per_dimension
from symdiff.catalogue.reductions import matmul, norm
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch_functional

Size = int | tuple[int, ...]


def _linear(a: Elements, x: Array, weight: Array, bias: Array | None = None) -> Array:
    if len(a.shape(weight)) > 2:
        message = f"the weight must be a matrix or a vector, not of shape {a.shape(weight)}"
        raise ShapeMismatchError(message)
    transposed = a.arrange(lambda v: v.T, weight)
    product = matmul(a, x, transposed)
    if bias is None:
        return product
    shifted = a.each("add", product, bias)
    inputs, weights, biases = (len(a.shape(v)) for v in (x, weight, bias))
    # torch documents a bias of one dimension less than the weight, but also adds a matrix to a matrix.
    fits = biases < weights or inputs == weights == biases
    if not fits or a.shape(shifted) != a.shape(product):
        message = (
            f"a bias of shape {a.shape(bias)} does not fit a product of shape {a.shape(product)}"
        )
        raise ShapeMismatchError(message)
    return shifted


def _pair(size: Size) -> tuple[int, ...]:
    """Return one number per dimension of an image, from an integer or a pair.

    Raises
    ------
    ShapeMismatchError
        The number of integers is not 2; unlike in a convolution, (n,) is not accepted.
    """
    pair = per_dimension(size, 2) if isinstance(size, int) else size
    if len(pair) != 2:
        message = f"one integer or a pair is needed, not {len(pair)} in a tuple"
        raise ShapeMismatchError(message)
    return pair


def _batched(a: Elements, x: Array, dimensions: int) -> tuple[Array, bool]:
    """Return the input as a batch, and whether the batch dimension was missing."""
    single = len(a.shape(x)) == dimensions - 1
    return a.arrange(lambda v: v[None], x) if single else x, single


def _check_positive(
    kernel: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[int, ...],
    stride: tuple[int, ...],
) -> None:
    if min((*kernel, *dilation, *stride), default=1) < 1 or min(padding, default=0) < 0:
        message = "kernels, strides and dilations must be at least 1, paddings at least 0"
        raise ShapeMismatchError(message)


def _patches(
    a: Elements,
    x: Array,
    kernel: tuple[int, ...],
    *,
    dilation: tuple[int, ...],
    padding: tuple[int, ...],
    stride: tuple[int, ...],
) -> Array:
    """Return the patch under the kernel at every position: shape (N, C, *positions, *kernel)."""
    count = len(kernel)
    shape = a.shape(x)
    if len(shape) != count + 2:
        message = f"the input must have {count + 2} dimensions (N, C, ...), not the shape {shape}"
        raise ShapeMismatchError(message)
    _check_positive(kernel, dilation, padding, stride)
    extent = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    sizes = [n + 2 * p for n, p in zip(shape[2:], padding, strict=True)]
    if any(n < e for n, e in zip(sizes, extent, strict=True)):
        message = f"a kernel of shape {kernel} is larger than the padded input {tuple(sizes)}"
        raise ShapeMismatchError(message)
    widths = [(0, 0), (0, 0), *((p, p) for p in padding)]
    positions = (slice(None), slice(None), *(slice(None, None, s) for s in stride))
    inside = tuple(slice(None, None, d) for d in dilation)

    def patches(v: Any, zero: Any) -> Any:
        padded = numpy.pad(v, widths, constant_values=zero)
        spatial = tuple(range(2, 2 + count))
        windows = numpy.lib.stride_tricks.sliding_window_view(padded, extent, spatial)
        return windows[positions + inside]

    return a.arrange(patches, x, a.each("positive", 0))


def _convolution(count: int) -> Any:
    def column(
        a: Elements,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
    ) -> Array:
        if len(a.shape(weight)) != count + 2:
            message = (
                f"the weight must have {count + 2} dimensions, not the shape {a.shape(weight)}"
            )
            raise ShapeMismatchError(message)
        out, channels, *kernel = a.shape(weight)
        if bias is not None and a.shape(bias) != (out,):
            message = f"the bias must have the shape {(out,)}, not {a.shape(bias)}"
            raise ShapeMismatchError(message)
        x, single = _batched(a, x, count + 2)
        patches = _patches(
            a,
            x,
            tuple(kernel),
            dilation=per_dimension(dilation, count),
            padding=per_dimension(padding, count),
            stride=per_dimension(stride, count),
        )
        batch, input_channels, *positions = a.shape(patches)[: 2 + count]
        if input_channels != channels:
            message = f"the input has {input_channels} channels, the weight {channels}"
            raise ShapeMismatchError(message)
        # (N, C, positions, kernel) -> (N, C·kernel, positions): a matrix product remains
        order = (0, 1, *range(2 + count, 2 + 2 * count), *range(2, 2 + count))
        columns = a.arrange(
            lambda v: v.transpose(order).reshape(batch, -1, int(numpy.prod(positions))), patches
        )
        rows = a.arrange(lambda v: v.reshape(out, -1), weight)
        product = a.arrange(lambda v: v.reshape(batch, out, *positions), a.product(rows, columns))
        if bias is not None:
            column_bias = a.arrange(lambda v: v.reshape(-1, *[1] * count), bias)
            product = a.each("add", product, column_bias)
        return a.arrange(lambda v: v[0], product) if single else product

    return column


def _unfold(
    a: Elements,
    x: Array,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Array:
    x, single = _batched(a, x, 4)
    patches = _patches(
        a,
        x,
        _pair(kernel_size),
        dilation=_pair(dilation),
        padding=_pair(padding),
        stride=_pair(stride),
    )
    batch, channels, height, width, *kernel = a.shape(patches)
    rows = channels * int(numpy.prod(kernel))
    shape = (rows, height * width) if single else (batch, rows, height * width)
    return a.arrange(lambda v: v.transpose(0, 1, 4, 5, 2, 3).reshape(shape), patches)


def _fold(
    a: Elements,
    x: Array,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Array:
    size, kernel = _pair(output_size), _pair(kernel_size)
    dilations, paddings, strides = (_pair(s) for s in (dilation, padding, stride))
    _check_positive(kernel, dilations, paddings, strides)
    x, single = _batched(a, x, 3)
    padded = [n + 2 * p for n, p in zip(size, paddings, strict=True)]
    positions = [
        (n - d * (k - 1) - 1) // s + 1
        for n, d, k, s in zip(padded, dilations, kernel, strides, strict=True)
    ]
    shape = a.shape(x)
    rows, columns = kernel[0] * kernel[1], positions[0] * positions[1]
    if len(shape) != 3 or shape[1] % rows or shape[2] != columns:
        message = f"the input must have the shape (N, C*{rows}, {columns}), not {shape}"
        raise ShapeMismatchError(message)
    batch, channels = shape[0], shape[1] // rows
    blocks = a.arrange(lambda v: v.reshape(batch, channels, *kernel, *positions), x)
    total = None
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            down = slice(i * dilations[0], i * dilations[0] + positions[0] * strides[0], strides[0])
            right = slice(
                j * dilations[1], j * dilations[1] + positions[1] * strides[1], strides[1]
            )
            spread = a.arrange(
                lambda v, z, i=i, j=j, down=down, right=right: _placed(
                    v[:, :, i, j], z, (batch, channels, *padded), (..., down, right)
                ),
                blocks,
                a.each("positive", 0),
            )
            total = spread if total is None else a.each("add", total, spread)
    inside = tuple(slice(p, p + n) for p, n in zip(paddings, size, strict=True))
    first = (0,) if single else ()
    return a.arrange(lambda v: v[(*first, ..., *inside)], total)


def _placed(block: Any, zero: Any, shape: tuple[int, ...], where: Any) -> Any:
    canvas = numpy.array(numpy.broadcast_to(zero, shape))
    canvas[where] = block
    return canvas


def _embedding(
    a: Elements,
    input: Any,  # noqa: A002  (torch's name)
    weight: Array,
    padding_idx: int | None = None,
) -> Array:
    """Return rows of the weight; one of them may be a constant, whose gradient is 0 in torch."""
    shape = a.shape(weight)
    if len(shape) != 2:
        message = f"the weight must be a matrix, not of shape {shape}"
        raise ShapeMismatchError(message)
    indices = indices_of(input, shape[0])
    if padding_idx is not None:
        row = numpy.zeros((shape[0], 1), dtype=bool)
        row[one_axis((1,) * shape[0], padding_idx)] = True
        held = a.each("detach", weight)
        weight = a.arrange(lambda v, h: numpy.where(row, h, v), weight, held)
    return a.arrange(lambda v: v[indices], weight)


def _normalize(a: Elements, x: Array, p: float = 2, dim: int = 1, eps: float = 1e-12) -> Array:
    one_axis(a.shape(x), dim)
    size = a.each("maximum", norm(a, x, p, dim, keepdim=True), eps)
    return a.each("divide", x, size)


def _cosine_similarity(a: Elements, x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8) -> Array:
    product = a.each("multiply", x1, x2)
    shape = a.shape(product)
    axis = one_axis(shape, dim)
    both = [a.arrange(lambda v: numpy.broadcast_to(v, shape), x) for x in (x1, x2)]
    sizes = [a.each("maximum", norm(a, x, 2, axis), eps) for x in both]
    total = a.total(product, (axis,), keep=False)
    return a.each("divide", total, a.each("multiply", *sizes))


# fmt: off
LAYERS = (
    Function("linear",  "x, weight, bias = None", formula="x @ weight.T + bias", array=_linear, torch="F.linear",
             spelled={"numpy": "<x> @ <weight>.T"}),
    Function("conv1d",  "x, weight, bias = None, stride: size = 1, padding: size = 0, dilation: size = 1",
             formula="cross-correlation", array=_convolution(1), torch="F.conv1d"),
    Function("conv2d",  "x, weight, bias = None, stride: size = 1, padding: size = 0, dilation: size = 1",
             formula="cross-correlation", array=_convolution(2), torch="F.conv2d"),
    Function("embedding", "input: indices, weight, padding_idx: integer = None", formula="weight[input]", array=_embedding, is_method=False,
             torch=lambda input, weight, padding_idx=None: torch_functional.embedding(torch_indices(input), weight, padding_idx),
             spelled={"torch": "F.embedding"}),
    Function("unfold",  "x, kernel_size: size, dilation: size = 1, padding: size = 0, stride: size = 1",
             formula="patches as columns", array=_unfold, torch="F.unfold", is_method=False),
    Function("fold",    "x, output_size: size, kernel_size: size, dilation: size = 1, padding: size = 0, stride: size = 1",
             formula="sum of the patches in the columns", array=_fold, torch="F.fold", is_method=False),
    Function("normalize", "x, p: fixed = 2, dim: integer = 1, eps: fixed = 1e-12", formula="x/max(norm(x), eps)",
             array=_normalize, torch="F.normalize"),
    Function("cosine_similarity", "x1, x2, dim: integer = 1, eps: fixed = 1e-8", formula="x1 . x2/(norm(x1)*norm(x2))",
             array=_cosine_similarity, torch="F.cosine_similarity"),
)
# fmt: on
