"""Translations of eigenvalues and singular values.

Those of two rows have rows of the catalogue. A simple eigenvalue of a larger matrix is written as
a step of Newton's method for the zero of det(A - t*I), from the number t that torch computed. Where
that is off by e, the value is off by about n*e**2/d, and the derivative by about e/d of its size,
for the distance d of the next eigenvalue: less than 1e-27 and 1e-11 of the largest for doubles and
the distances here. Eigenvalues that are closer are refused; where they are equal, they have kinks.
"""

from __future__ import annotations

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
    divide,
    listed,
    literal,
    matmul,
    multiply,
    nested,
    subtract,
)
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation, Written

_LARGEST: Final = 6  # rows of a matrix whose determinants are written out
# The smallest distance of two eigenvalues, and of a squared singular value from 0, relative to the
# largest.
_APART: Final = 1e-4
_ALONG_SINGULAR: Final = MappingProxyType({2: "amax", -2: "amin", "nuc": "sum"})


def _symmetric(value: Syntax) -> Syntax:
    transposed = call("transpose", value, literal(0), literal(1))
    return divide(add(value, transposed), literal(2))


def _without(value: Syntax, k: int, count: int) -> Syntax:
    """Return a matrix without a row and the column of the same number."""
    kept = [i for i in range(count) if i != k]
    rows = call("index_select", value, literal(0), nested(kept))
    return call("index_select", rows, literal(1), nested(kept))


def _after_a_step(c: Call, matrix: Syntax, count: int, start: Syntax) -> Syntax:
    """Return t - p(t)/p'(t) for p(t) = det(A - t*I); -p' is the sum of the principal minors."""
    unit = c.write(torch.eye(count, dtype=torch.float64))
    shifted = subtract(matrix, multiply(start, unit))
    minors: Syntax = call("det", _without(shifted, 0, count))
    for k in range(1, count):
        minors = add(minors, call("det", _without(shifted, k, count)))
    return add(start, divide(call("det", shifted), minors))


def _check_apart(values: torch.Tensor) -> None:
    """Raise NotWrittenError where eigenvalues, in increasing order, are close to each other."""
    ordered = values.detach().double()
    size = float(ordered.abs().max())
    if not math.isfinite(size) or bool((ordered.diff() <= _APART * size).any()):
        message = "eigenvalues of more than two rows that are close to each other"
        raise NotWrittenError(message)


def _eigenvalues(c: Call, matrix: Syntax, values: torch.Tensor) -> Syntax:
    """Return the eigenvalues of a symmetric matrix, from those that were computed."""
    count = values.shape[-1]
    if count <= 2:
        return call("eigvalsh", matrix)
    if values.ndim != 1 or count > _LARGEST:
        message = f"eigenvalues of a batch, or of more than {_LARGEST} rows"
        raise NotWrittenError(message)
    _check_apart(values)
    numbers = values.detach().double().tolist()
    written = [_after_a_step(c, matrix, count, literal(number)) for number in numbers]
    return call("stack", listed(written), dim=literal(0))


def _eigvalsh(c: Call, input: Any, *_: Any, **__: Any) -> Syntax:
    matrix = c.write(input)
    is_small = input.shape[-1] <= 2  # the row takes the symmetric part
    return _eigenvalues(c, matrix if is_small else _symmetric(matrix), c.result)


def _eigh(c: Call, input: Any, *_: Any, **__: Any) -> Written:
    matrix = c.write(input)
    is_small = input.shape[-1] <= 2
    values = _eigenvalues(c, matrix if is_small else _symmetric(matrix), c.result[0])
    return [values, *[None] * (len(c.result) - 1)]


# -- singular values


def _singular(c: Call, input: torch.Tensor, values: torch.Tensor) -> Syntax:
    """Return the singular values in decreasing order."""
    matrix = c.write(input)
    rows, columns = input.shape[-2:]
    if min(rows, columns) == 1 or rows == columns == 2:
        return call("svdvals", matrix)
    if values.ndim != 1:
        message = "singular values of a batch"
        raise NotWrittenError(message)
    squares = values.detach().double().flip(0).square()
    if float(squares[0]) <= _APART * float(squares[-1]):
        message = "singular values of a matrix without full rank"
        raise NotWrittenError(message)
    other = call("transpose", matrix, literal(0), literal(1))
    product = matmul(matrix, other) if rows <= columns else matmul(other, matrix)
    return call("flip", call("sqrt", _eigenvalues(c, product, squares)), literal((0,)))


def _svdvals(c: Call, input: Any, *_: Any, **__: Any) -> Syntax:
    return _singular(c, input, c.result)


def _svd(c: Call, input: Any, *_: Any, **__: Any) -> Written:
    return [None, _singular(c, input, c.result[1]), None]


def norm_by_singular_values(c: Call, input: torch.Tensor, order: Any) -> Syntax:
    """Return a matrix norm: the largest, the smallest, or the sum of the singular values."""
    if input.ndim != 2 or order not in _ALONG_SINGULAR:
        message = f"a matrix norm of order {order!r} of a tensor with {input.ndim} dimensions"
        raise NotWrittenError(message)
    values = _singular(c, input, torch.linalg.svdvals(input.detach().double()))
    return reshaped(call(_ALONG_SINGULAR[order], values), tuple(c.result.shape))


EIGENVALUES: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "linalg_eigvalsh": _eigvalsh,
        **dict.fromkeys(("linalg_eigh", "_linalg_eigh"), _eigh),
        "linalg_svdvals": _svdvals,
        **dict.fromkeys(("svd", "linalg_svd", "_linalg_svd"), _svd),
    }
)
