"""What normalizations, pooling and repetitions mean, written down again in plain loops."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from fuzz.lists import ZERO, Array, Each, as_array, total

Size = int | tuple[int, ...]


def _standardized(each: Each, numbers: Sequence[Any], eps: float) -> list[Any]:
    """Return (x - mean)/sqrt(variance + eps), by the mean of the squares of all differences."""
    count = Fraction(len(numbers))
    centre = each("divide", total(each, numbers), count)
    pairs = itertools.combinations(numbers, 2)
    squares = [each("square", each("subtract", x, y)) for x, y in pairs]
    variance = each("divide", total(each, squares), count**2)
    size = each("sqrt", each("add", variance, Fraction(eps)))
    return [each("divide", each("subtract", x, centre), size) for x in numbers]


def _over(
    x: Array, groups: Mapping[Any, list[tuple[int, ...]]], function: Callable[[list[Any]], Any]
) -> Array:
    """Apply a function from lists to lists of the same length to groups of positions."""
    result = as_array(x)
    for places in groups.values():
        for place, number in zip(places, function([x[p] for p in places]), strict=True):
            result[place] = number
    return result


def _grouped(x: Array, key: Callable[[tuple[int, ...]], Any]) -> dict[Any, list[tuple[int, ...]]]:
    groups: dict[Any, list[tuple[int, ...]]] = {}
    for place in np.ndindex(x.shape):
        groups.setdefault(key(place), []).append(place)
    return groups


def _affine(
    each: Each, x: Array, weight: Array | None, bias: Array | None, laid: tuple[Any, ...]
) -> Array:
    x = x if weight is None else each("multiply", x, weight[laid])
    return x if bias is None else each("add", x, bias[laid])


def _layer_norm(
    each: Each,
    x: Array,
    normalized_shape: tuple[int, ...],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    groups = _grouped(x, lambda place: place[: -len(normalized_shape)])
    value = _over(x, groups, lambda v: _standardized(each, v, eps))
    return _affine(each, value, weight, bias, ())


def _rms_norm(
    each: Each,
    x: Array,
    normalized_shape: tuple[int, ...],
    weight: Array | None = None,
    eps: float = 2.0**-52,
) -> Array:
    def of(numbers: list[Any]) -> list[Any]:
        squares = total(each, [each("square", v) for v in numbers])
        mean = each("divide", squares, Fraction(len(numbers)))
        size = each("sqrt", each("add", mean, Fraction(eps)))
        return [each("divide", v, size) for v in numbers]

    groups = _grouped(x, lambda place: place[: -len(normalized_shape)])
    return _affine(each, _over(x, groups, of), weight, None, ())


def _channels(x: Array) -> tuple[Any, ...]:
    return (slice(None), *[None] * (x.ndim - 2))


def _group_norm(
    each: Each,
    x: Array,
    num_groups: int,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    size = x.shape[1] // num_groups
    groups = _grouped(x, lambda place: (place[0], place[1] // size))
    value = _over(x, groups, lambda v: _standardized(each, v, eps))
    return _affine(each, value, weight, bias, _channels(x))


def _instance_norm(each: Each, x: Array, **settings: Any) -> Array:
    return _group_norm(each, x, x.shape[1], **settings)


def _batch_norm(
    each: Each,
    x: Array,
    running_mean: Array = None,
    running_var: Array = None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    eps: float = 1e-5,
) -> Array:
    laid = _channels(x)
    if training:
        groups = _grouped(x, lambda place: place[1])
        value = _over(x, groups, lambda v: _standardized(each, v, eps))
    else:
        size = each("sqrt", each("add", running_var, Fraction(eps)))
        value = each("divide", each("subtract", x, running_mean[laid]), size[laid])
    return _affine(each, value, weight, bias, laid)


def _sizes(size: Size, count: int) -> tuple[int, ...]:
    return (size,) * count if isinstance(size, int) else size


def _pool(count: int, reduce: Callable[[Each, list[Any], int], Any]) -> Callable[..., Array]:
    """Return a pooling from the value of a window: its components, and how many it could have."""

    def meaning(
        each: Each, x: Array, kernel_size: Size, stride: Size | None = None, padding: Size = 0
    ) -> Array:
        kernel, pads = _sizes(kernel_size, count), _sizes(padding, count)
        steps = kernel if stride is None else _sizes(stride, count)
        outer, inner = x.shape[:-count], x.shape[-count:]
        lengths = [
            (n + 2 * p - k) // s + 1 for n, p, k, s in zip(inner, pads, kernel, steps, strict=True)
        ]
        result = np.empty((*outer, *lengths), dtype=object)
        for place in np.ndindex(result.shape):
            first = [i * s - p for i, s, p in zip(place[-count:], steps, pads, strict=True)]
            spans = [
                [i for i in range(f, f + k) if 0 <= i < n]
                for f, k, n in zip(first, kernel, inner, strict=True)
            ]
            inside = [x[(*place[:-count], *p)] for p in itertools.product(*spans)]
            result[place] = reduce(each, inside, int(np.prod(kernel)))
        return result

    return meaning


def _largest(each: Each, numbers: list[Any], _: int) -> Any:
    return functools.reduce(lambda a, b: each("maximum", a, b), numbers)


def _mean(each: Each, numbers: list[Any], size: int) -> Any:
    return each("divide", total(each, numbers), Fraction(size))


def _adaptive(
    count: int, reduce: Callable[[Each, list[Any], int], Any] = _mean
) -> Callable[..., Array]:
    def meaning(each: Each, x: Array, output_size: Size) -> Array:
        sizes = _sizes(output_size, count)
        result = np.empty((*x.shape[:-count], *sizes), dtype=object)
        for place in np.ndindex(result.shape):
            ends = zip(place[-count:], sizes, x.shape[-count:], strict=True)
            spans = [range(i * n // m, ((i + 1) * n + m - 1) // m) for i, m, n in ends]
            numbers = [x[(*place[:-count], *p)] for p in itertools.product(*spans)]
            result[place] = reduce(each, numbers, len(numbers))
        return result

    return meaning


def _pad(_: Each, x: Array, pad: tuple[int, ...], value: float = 0) -> Array:
    widths = [(0, 0)] * (x.ndim - len(pad) // 2)
    widths += [(pad[k], pad[k + 1]) for k in reversed(range(0, len(pad), 2))]
    shape = [n + sum(w) for n, w in zip(x.shape, widths, strict=True)]
    result = np.full(shape, Fraction(value), dtype=object)
    for place in np.ndindex(x.shape):
        result[tuple(i + before for i, (before, _) in zip(place, widths, strict=True))] = x[place]
    return result


def _embedding(_: Each, weight: Array, input: Any) -> Array:  # noqa: A002  (torch's name)
    indices = np.array(input)
    result = np.full((*indices.shape, weight.shape[1]), ZERO, dtype=object)
    for place in np.ndindex(indices.shape):
        result[place] = weight[int(indices[place])]
    return result


def _roll(_: Each, x: Array, shifts: int, dims: int) -> Array:
    result = as_array(x)
    for place in np.ndindex(x.shape):
        moved = list(place)
        moved[dims] = (moved[dims] + shifts) % x.shape[dims]
        result[tuple(moved)] = x[place]
    return result


def _repeated(x: Array, numbers: tuple[int, ...]) -> Array:
    old = (1,) * (len(numbers) - x.ndim) + x.shape
    numbers = (1,) * (len(old) - len(numbers)) + numbers
    result = np.empty([n * k for n, k in zip(old, numbers, strict=True)], dtype=object)
    for place in np.ndindex(result.shape):
        inside = [i % n for i, n in zip(place, old, strict=True)]
        result[place] = x[tuple(inside[len(old) - x.ndim :])]
    return result


def _added(each: Each, x: Array, dim: int, index: Any, source: Array) -> Array:
    result, indices = as_array(x), np.array(index)
    for place in np.ndindex(indices.shape):
        target = list(place)
        target[dim] = int(indices[place])
        result[tuple(target)] = each("add", result[tuple(target)], source[place])
    return result


def _scattered(_: Each, x: Array, dim: int, index: Any, source: Array) -> Array:
    result, indices = as_array(x), np.array(index)
    for place in np.ndindex(indices.shape):
        target = list(place)
        target[dim] = int(indices[place])
        result[tuple(target)] = source[place]
    return result


def _rows_added(each: Each, x: Array, dim: int, index: Any, source: Array) -> Array:
    result = as_array(x)
    rows, parts = np.moveaxis(result, dim, 0), np.moveaxis(source, dim, 0)
    for k, row in enumerate(np.array(index)):
        rows[int(row)] = each("add", rows[int(row)], parts[k])
    return result


def _attention(each: Each, query: Array, key: Array, value: Array) -> Array:
    """Return for every query the mean of the values, weighted by the powers of the scores."""
    factor = 1 / Fraction(len(query.T))
    result = np.empty((len(query), value.shape[1]), dtype=object)
    for i, q in enumerate(query):
        scores = [total(each, list(each("multiply", q, k))) for k in key]
        scale = each("sqrt", factor)
        powers = [each("exp", each("multiply", scale, s)) for s in scores]
        for j in range(value.shape[1]):
            terms = [each("multiply", p, v[j]) for p, v in zip(powers, value, strict=True)]
            result[i, j] = each("divide", total(each, terms), total(each, powers))
    return result


LAYERS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "layer_norm": _layer_norm,
        "rms_norm": _rms_norm,
        "group_norm": _group_norm,
        "instance_norm": _instance_norm,
        "batch_norm": _batch_norm,
        **{f"max_pool{n}d": _pool(n, _largest) for n in (1, 2, 3)},
        **{f"avg_pool{n}d": _pool(n, _mean) for n in (1, 2, 3)},
        **{f"adaptive_avg_pool{n}d": _adaptive(n) for n in (1, 2, 3)},
        **{f"adaptive_max_pool{n}d": _adaptive(n, _largest) for n in (1, 2, 3)},
        "pad": _pad,
        "embedding": _embedding,
        "scatter": _scattered,
        "scatter_add": _added,
        "index_add": _rows_added,
        "scaled_dot_product_attention": _attention,
        "roll": _roll,
        "repeat": lambda _, x, repeats: _repeated(x, repeats),
        "tile": lambda _, x, dims: _repeated(x, dims),
    }
)
