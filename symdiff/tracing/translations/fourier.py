"""Translations of Fourier transforms: products with matrices of cosines and sines.

The angles are 2*pi*k/n with whole numbers k, so that the truth has exact entries. All functions of
torch.fft consist of three operations of ATen: from complex to complex numbers, from real to
complex ones, and from complex to real ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import (
    Syntax,
    add,
    call,
    divide,
    index,
    listed,
    literal,
    matmul,
    multiply,
    name,
    subtract,
)
from symdiff.tracing.translations.call import Call, Translation

_Parts = tuple[Syntax, Syntax | None]  # the imaginary part is None for real numbers


def _waves(c: Call, rows: int, columns: int, length: int) -> tuple[Syntax, Syntax]:
    """Return cos(2*pi*j*k/n) and sin(2*pi*j*k/n) for the rows j and the columns k."""
    products = torch.outer(torch.arange(rows), torch.arange(columns)) % length
    turns = c.write(products.double())
    angle = divide(multiply(multiply(literal(2), name("pi")), turns), literal(length))
    return call("cos", angle), call("sin", angle)


def _along(value: Syntax, matrix: Syntax, axis: int, dimensions: int) -> Syntax:
    """Return the product of a tensor with a matrix along one of its dimensions."""
    if axis == dimensions - 1:
        return matmul(value, matrix)
    first, last = literal(axis), literal(-1)
    return call("transpose", matmul(call("transpose", value, first, last), matrix), first, last)


def _transformed(
    c: Call, parts: _Parts, sizes: tuple[int, int], where: tuple[int, int], *, forward: bool
) -> tuple[Syntax, Syntax]:
    """Return the transform along an axis.

    `sizes` has the length and the number of frequencies, `where` the axis and the number of
    dimensions.
    """
    length, count = sizes
    cosine, sine = _waves(c, length, count, length)
    real, imaginary = parts
    if imaginary is None:
        turned = _along(real, sine, *where)
        return _along(real, cosine, *where), multiply(literal(-1 if forward else 1), turned)
    cosines = [_along(part, cosine, *where) for part in (real, imaginary)]
    sines = [_along(part, sine, *where) for part in (real, imaginary)]
    if forward:
        return add(cosines[0], sines[1]), subtract(cosines[1], sines[0])
    return subtract(cosines[0], sines[1]), add(cosines[1], sines[0])


def _normalized(value: Syntax, normalization: int, count: int) -> Syntax:
    """Return a transform of `count` numbers with torch's number of the normalization."""
    if normalization == 0:
        return value
    return divide(value, call("sqrt", literal(count)) if normalization == 1 else literal(count))


def _split(c: Call, input: torch.Tensor) -> tuple[Syntax, Syntax]:
    real, imaginary = (index(c.write(input), (Ellipsis, part)) for part in (0, 1))
    return real, imaginary


def _joined(parts: tuple[Syntax, Syntax]) -> Syntax:
    return call("stack", listed(list(parts)), dim=literal(-1))


def _axes(input: torch.Tensor, dim: Sequence[int]) -> list[int]:
    return [d % input.ndim for d in dim]


def _complex_to_complex(c: Call, input: Any, dim: Any, normalization: int, forward: bool) -> Syntax:
    parts, axes = _split(c, input), _axes(input, dim)
    for axis in axes:
        sizes = (input.shape[axis], input.shape[axis])
        parts = _transformed(c, parts, sizes, (axis, input.ndim), forward=forward)
    count = math.prod(input.shape[axis] for axis in axes)
    return _normalized(_joined(parts), normalization, count)


def _real_to_complex(c: Call, input: Any, dim: Any, normalization: int, onesided: bool) -> Syntax:
    *others, last = _axes(input, dim)
    length = input.shape[last]
    kept = length // 2 + 1 if onesided else length
    where = (last, input.ndim)
    parts = _transformed(c, (c.write(input), None), (length, kept), where, forward=True)
    for axis in others:
        sizes = (input.shape[axis], input.shape[axis])
        parts = _transformed(c, parts, sizes, (axis, input.ndim), forward=True)
    count = math.prod(input.shape[axis] for axis in (*others, last))
    return _normalized(_joined(parts), normalization, count)


def _complex_to_real(
    c: Call, input: Any, dim: Any, normalization: int, last_dim_size: int
) -> Syntax:
    """Return the inverse transform of one half of a spectrum, whose other half is conjugate.

    The imaginary parts at the frequency 0, and at the last one of an even length, do not count:
    their sines are 0.
    """
    *others, last = _axes(input, dim)
    parts = _split(c, input)
    for axis in others:
        sizes = (input.shape[axis], input.shape[axis])
        parts = _transformed(c, parts, sizes, (axis, input.ndim), forward=False)
    frequencies = torch.arange(input.shape[last])
    alone = (frequencies == 0) | (2 * frequencies == last_dim_size)
    shape = [-1 if k == last else 1 for k in range(input.ndim)]
    weights = c.write(torch.where(alone, 1.0, 2.0).double().reshape(shape))
    cosine, sine = _waves(c, input.shape[last], last_dim_size, last_dim_size)
    real, imaginary = (
        _along(multiply(weights, part), wave, last, input.ndim)
        for part, wave in zip(parts, (cosine, sine), strict=True)
    )
    count = math.prod(input.shape[axis] for axis in others) * last_dim_size
    return _normalized(subtract(real, imaginary), normalization, count)


FOURIER: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "_fft_c2c": _complex_to_complex,
        "_fft_r2c": _real_to_complex,
        "_fft_c2r": _complex_to_real,
    }
)
