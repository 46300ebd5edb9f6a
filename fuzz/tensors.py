"""What the functions of tensors mean, on arrays of numbers; written down again, in plain loops.

`each` applies a function of numbers elementwise.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from fuzz.layers import LAYERS
from fuzz.lists import ONE, ZERO, Array, Dim, Each, along, as_array, reduced, total
from fuzz.losses import LOSSES
from fuzz.matrices import MATRICES
from fuzz.orders import ORDERS


def _fold(function: str) -> Callable[..., Array]:
    def meaning(each: Each, x: Array, dim: Dim = None, keepdim: bool = False) -> Array:
        return reduced(
            x, dim, keepdim, lambda v: functools.reduce(lambda a, b: each(function, a, b), v)
        )

    return meaning


def _mean_of(each: Each, numbers: Sequence[Any]) -> Any:
    return each("divide", total(each, numbers), Fraction(len(numbers)))


def _mean(each: Each, x: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    return reduced(x, dim, keepdim, lambda v: _mean_of(each, v))


def _norm_of(each: Each, numbers: Sequence[Any], p: float) -> Any:
    sizes = [each("abs", x) for x in numbers]
    if math.isinf(p):
        function = "maximum" if p > 0 else "minimum"
        return functools.reduce(lambda a, b: each(function, a, b), sizes)
    if p == 0:
        return total(each, [each("float", each("not_equal", x, ZERO)) for x in sizes])
    exponent = Fraction(p)
    powers = [each("power", x, exponent) for x in sizes]
    if p == 2:
        return each("sqrt", total(each, powers))
    return each("power", total(each, powers), 1 / exponent)


def norm(each: Each, x: Array, p: float = 2, dim: Dim = None, keepdim: bool = False) -> Array:
    """Return the p-norm."""
    return reduced(x, dim, keepdim, lambda v: _norm_of(each, v, p))


def _logsumexp_of(each: Each, numbers: Sequence[Any]) -> Any:
    return functools.reduce(lambda a, b: each("logaddexp", a, b), numbers)


def _logsumexp(each: Each, x: Array, dim: Dim, keepdim: bool = False) -> Array:
    return reduced(x, dim, keepdim, lambda v: _logsumexp_of(each, v))


def _log_softmax(each: Each, x: Array, dim: int) -> Array:
    def of(numbers: list[Any]) -> list[Any]:
        whole = _logsumexp_of(each, numbers)
        return [each("subtract", v, whole) for v in numbers]

    return along(x, dim, of)


def _softmax(each: Each, x: Array, dim: int) -> Array:
    return each("exp", _log_softmax(each, x, dim))


def _var_of(each: Each, numbers: Sequence[Any], correction: int) -> Any:
    centre = _mean_of(each, numbers)
    squares = [each("square", each("subtract", x, centre)) for x in numbers]
    return each("divide", total(each, squares), Fraction(len(numbers) - correction))


def _var(
    each: Each,
    x: Array,
    dim: Dim = None,
    correction: int = 1,
    keepdim: bool = False,
) -> Array:
    return reduced(x, dim, keepdim, lambda v: _var_of(each, v, correction))


def _cumsum(each: Each, x: Array, dim: int) -> Array:
    return along(x, dim, lambda v: list(itertools.accumulate(v, lambda a, b: each("add", a, b))))


def matmul(each: Each, x: Array, y: Array) -> Array:
    """Return the matrix product; a vector is a row on the left and a column on the right."""
    rows = x[None, :] if x.ndim == 1 else x
    columns = y[:, None] if y.ndim == 1 else y
    batch = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    rows = np.broadcast_to(rows, batch + rows.shape[-2:])
    columns = np.broadcast_to(columns, batch + columns.shape[-2:])
    result = np.empty((*batch, rows.shape[-2], columns.shape[-1]), dtype=object)
    for *b, i, k in np.ndindex(result.shape):
        pairs = zip(rows[(*b, i)], columns[(*b, slice(None), k)], strict=True)
        result[(*b, i, k)] = total(each, [each("multiply", u, v) for u, v in pairs])
    result = result[..., 0] if y.ndim == 1 else result
    return (
        result[..., 0, :]
        if x.ndim == 1 and y.ndim > 1
        else result[..., 0]
        if x.ndim == 1
        else result
    )


# -- layers


def _linear(each: Each, x: Array, weight: Array, bias: Array | None = None) -> Array:
    product = matmul(each, x, weight.T)
    return product if bias is None else each("add", product, bias)


def _pair(size: int | tuple[int, ...]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[-1])


def _conv2d(
    each: Each,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
) -> Array:
    if x.ndim == 3:
        return _conv2d(
            each, x[None], weight, bias, stride=stride, padding=padding, dilation=dilation
        )[0]
    (s, t), (p, q), (d, e) = _pair(stride), _pair(padding), _pair(dilation)
    count, _, height, width = x.shape
    out, channels, rows, columns = weight.shape
    shape = (
        count,
        out,
        (height + 2 * p - d * (rows - 1) - 1) // s + 1,
        (width + 2 * q - e * (columns - 1) - 1) // t + 1,
    )
    result = np.empty(shape, dtype=object)
    for n, o, i, j in np.ndindex(shape):
        terms = [] if bias is None else [bias[o]]
        for c, k, m in np.ndindex(channels, rows, columns):
            row, column = i * s - p + k * d, j * t - q + m * e
            if 0 <= row < height and 0 <= column < width:
                terms.append(each("multiply", x[n, c, row, column], weight[o, c, k, m]))
        result[n, o, i, j] = total(each, terms)
    return result


def _conv1d(
    each: Each, x: Array, weight: Array, bias: Array | None = None, **settings: int
) -> Array:
    flat = {key: (1 if key != "padding" else 0, value) for key, value in settings.items()}
    return _conv2d(each, x[..., None, :], weight[..., None, :], bias, **flat)[..., 0, :]


def _unfold(
    each: Each, x: Array, kernel_size: int | tuple[int, int], padding: int = 0, stride: int = 1
) -> Array:
    del each
    if x.ndim == 3:
        return _unfold(None, x[None], kernel_size, padding, stride)[0]  # type: ignore[arg-type]
    count, channels, height, width = x.shape
    rows, columns = _pair(kernel_size)
    down, right = (
        (n + 2 * padding - k) // stride + 1 for n, k in ((height, rows), (width, columns))
    )
    result = np.full((count, channels * rows * columns, down * right), ZERO, dtype=object)
    for n, c, k, m, i, j in np.ndindex(count, channels, rows, columns, down, right):
        row, column = i * stride - padding + k, j * stride - padding + m
        if 0 <= row < height and 0 <= column < width:
            result[n, (c * rows + k) * columns + m, i * right + j] = x[n, c, row, column]
    return result


def _fold_patches(
    each: Each, x: Array, output_size: int | tuple[int, int], kernel_size: int | tuple[int, int]
) -> Array:
    if x.ndim == 2:
        return _fold_patches(each, x[None], output_size, kernel_size)[0]
    (height, width), (rows, columns) = _pair(output_size), _pair(kernel_size)
    down, right = height - rows + 1, width - columns + 1
    count, channels = x.shape[0], x.shape[1] // (rows * columns)
    result = np.full((count, channels, height, width), ZERO, dtype=object)
    for n, c, k, m, i, j in np.ndindex(count, channels, rows, columns, down, right):
        part = x[n, (c * rows + k) * columns + m, i * right + j]
        result[n, c, i + k, j + m] = each("add", result[n, c, i + k, j + m], part)
    return result


def _normalize(each: Each, x: Array, p: float = 2, dim: int = 1, eps: float = 1e-12) -> Array:
    size = norm(each, x, p, dim, keepdim=True)
    return each("divide", x, each("maximum", size, Fraction(eps)))


def _cosine_similarity(each: Each, x: Array, y: Array, dim: int = 1, eps: float = 1e-8) -> Array:
    least = Fraction(eps)
    sizes = [each("maximum", norm(each, v, 2, dim), least) for v in (x, y)]
    product = _fold("add")(each, each("multiply", x, y), dim)
    return each("divide", product, each("multiply", *sizes))


# -- losses


def _loss(each: Each, parts: Array, reduction: str) -> Array:
    if reduction == "none":
        return parts
    return _mean(each, parts) if reduction == "mean" else _fold("add")(each, parts)


def _difference(each: Each, x: Array, target: Array) -> Array:
    return each("abs", each("subtract", x, target))


def _mse(each: Each, x: Array, target: Array, reduction: str = "mean") -> Array:
    return _loss(each, each("square", _difference(each, x, target)), reduction)


def _l1(each: Each, x: Array, target: Array, reduction: str = "mean") -> Array:
    return _loss(each, _difference(each, x, target), reduction)


def _huber(
    each: Each, x: Array, target: Array, reduction: str = "mean", delta: float = 1.0
) -> Array:
    size, level = _difference(each, x, target), Fraction(delta)
    inner = each("multiply", each("square", size), ONE / 2)
    outer = each("multiply", level, each("subtract", size, level / 2))
    return _loss(each, each("where", each("less_equal", size, level), inner, outer), reduction)


def _smooth_l1(
    each: Each, x: Array, target: Array, reduction: str = "mean", beta: float = 1.0
) -> Array:
    size, level = _difference(each, x, target), Fraction(beta)
    if level == 0:
        return _loss(each, size, reduction)
    inner = each("divide", each("square", size), 2 * level)
    outer = each("subtract", size, level / 2)
    return _loss(each, each("where", each("less", size, level), inner, outer), reduction)


def _bce(each: Each, x: Array, target: Array, reduction: str = "mean") -> Array:
    rest = each("subtract", ONE, x)
    inside = each("logical_and", each("greater_equal", x, ZERO), each("greater_equal", rest, ZERO))
    first = each("xlogy", target, x)
    second = each("xlogy", each("subtract", ONE, target), rest)
    loss = each("negative", each("add", first, second))
    return _loss(each, each("where", inside, loss, each("divide", x, ZERO)), reduction)


def _bce_logits(each: Each, x: Array, target: Array, reduction: str = "mean") -> Array:
    loss = each("subtract", each("logaddexp", ZERO, x), each("multiply", target, x))
    return _loss(each, loss, reduction)


def _nll(each: Each, x: Array, target: Any, reduction: str = "mean") -> Array:
    classes = np.array(target)
    if x.ndim == 1:
        parts = as_array(x[int(classes)])
    else:
        parts = np.empty(classes.shape, dtype=object)
        for n, *rest in np.ndindex(classes.shape):
            parts[(n, *rest)] = x[(n, int(classes[(n, *rest)]), *rest)]
    return _loss(each, each("negative", parts), reduction)


def _cross_entropy(each: Each, x: Array, target: Any, reduction: str = "mean") -> Array:
    return _nll(each, _log_softmax(each, x, 0 if x.ndim == 1 else 1), target, reduction)


# -- arrangement


def _index(_: Each, x: Array, index: tuple[Any, ...]) -> Array:
    parts = (
        slice(*(int(n) if n else None for n in p.split(":"))) if isinstance(p, str) else p
        for p in index
    )
    return x[tuple(parts)]


def _take(_: Each, x: Array, index: Any) -> Array:
    return np.ravel(x)[np.array(index)]


def _put(_: Each, x: Array, index: Any, source: Array) -> Array:
    flat = np.ravel(x).copy()
    for position, value in zip(np.ravel(index), np.ravel(source), strict=True):
        flat[position] = value
    return flat.reshape(np.shape(x))


def _gather(_: Each, x: Array, dim: int, index: Any) -> Array:
    indices = np.array(index)
    result = np.empty(indices.shape, dtype=object)
    for position in np.ndindex(indices.shape):
        source = list(position)
        source[dim] = int(indices[position])
        result[position] = x[tuple(source)]
    return result


def _triangle(keeps: Callable[[int, int], bool]) -> Callable[..., Array]:
    def meaning(_: Each, x: Array, diagonal: int = 0) -> Array:
        result = as_array(x)
        for *b, i, j in np.ndindex(result.shape):
            if not keeps(j - i, diagonal):
                result[(*b, i, j)] = ZERO
        return result

    return meaning


def _diag(_: Each, x: Array) -> Array:
    if x.ndim == 2:
        return as_array([x[k, k] for k in range(min(x.shape))])
    result = np.full((len(x), len(x)), ZERO, dtype=object)
    for k, number in enumerate(x):
        result[k, k] = number
    return result


def _one_hot(_: Each, tensor: Any, num_classes: int = -1) -> Array:
    classes = np.array(tensor)
    count = int(classes.max()) + 1 if num_classes == -1 else num_classes
    result = np.full((*classes.shape, count), ZERO, dtype=object)
    for position in np.ndindex(classes.shape):
        result[(*position, int(classes[position]))] = ONE
    return result


TENSORS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "sum": _fold("add"),
        "mean": _mean,
        "prod": _fold("multiply"),
        "amax": _fold("maximum"),
        "amin": _fold("minimum"),
        "max_all": _fold("maximum"),
        "min_all": _fold("minimum"),
        "max_along": _fold("maximum"),
        "min_along": _fold("minimum"),
        "norm": norm,
        "logsumexp": _logsumexp,
        "softmax": _softmax,
        "softmin": lambda each, x, dim: _softmax(each, each("negative", x), dim),
        "log_softmax": _log_softmax,
        "var": _var,
        "std": lambda each, *arguments, **settings: each(
            "sqrt", _var(each, *arguments, **settings)
        ),
        "cumsum": _cumsum,
        **ORDERS,
        **LAYERS,
        **MATRICES,
        **LOSSES,
        "matmul": matmul,
        "mm": matmul,
        "mv": matmul,
        "bmm": matmul,
        "dot": matmul,
        "linear": _linear,
        "conv1d": _conv1d,
        "conv2d": _conv2d,
        "unfold": _unfold,
        "fold": _fold_patches,
        "normalize": _normalize,
        "cosine_similarity": _cosine_similarity,
        "mse_loss": _mse,
        "l1_loss": _l1,
        "smooth_l1_loss": _smooth_l1,
        "huber_loss": _huber,
        "binary_cross_entropy": _bce,
        "binary_cross_entropy_with_logits": _bce_logits,
        "nll_loss": _nll,
        "cross_entropy": _cross_entropy,
        "sequence": lambda _, *x: list(x),
        "tensor": lambda _, x: np.stack([as_array(v) for v in x]),
        "stack": lambda _, x, dim=0: np.stack([as_array(v) for v in x], dim),
        "cat": lambda _, x, dim=0: np.concatenate(x, dim),
        "t": lambda _, x: x.T,
        "transpose_all": lambda _, x: x.T,
        "transpose_last": lambda _, x: np.swapaxes(x, -1, -2),
        "transpose": lambda _, x, dim0, dim1: np.swapaxes(x, dim0, dim1),
        "permute": lambda _, x, dims: np.transpose(x, dims),
        "reshape": lambda _, x, shape: np.reshape(x, shape),
        "flatten": lambda _, x: np.reshape(x, (-1,)),
        "unsqueeze": lambda _, x, dim: np.expand_dims(x, dim),
        "squeeze": lambda _, x: np.squeeze(x),
        "expand": lambda _, x, shape: np.broadcast_to(x, shape),
        "flip": lambda _, x, dims: np.flip(x, dims),
        "clone": lambda _, x: x,
        "zeros_like": lambda _, x: np.full(np.shape(x), ZERO, dtype=object),
        "ones_like": lambda _, x: np.full(np.shape(x), ONE, dtype=object),
        "index": _index,
        "gather": _gather,
        "take": _take,
        "put": _put,
        "index_select": lambda _, x, dim, index: np.take(x, index, dim),
        "masked_fill": lambda each, x, mask, value: each("where", mask, value, x),
        "one_hot": _one_hot,
        "diag": _diag,
        "tril": _triangle(lambda offset, diagonal: offset <= diagonal),
        "triu": _triangle(lambda offset, diagonal: offset >= diagonal),
    }
)
