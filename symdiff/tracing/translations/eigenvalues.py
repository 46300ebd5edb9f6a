"""Translations of eigenvalues and singular values.

Those of two rows have rows of the catalogue. A simple eigenvalue of a larger matrix A is written as
t + s, for the number t that torch computed and the zero s of p(s) = det(A - t*I - s*I), after some
steps of Newton's method from s = 0. Where t is off by e, the first step is off by about n*e**2/d
for the distance d of the next eigenvalue; every further step squares that, and its first and
second derivatives are off by about as much as the step before it was. For doubles and the distances
here that is less than the smallest double. Eigenvalues that are closer are refused; where they are
equal, they have kinks.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
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
# Steps of Newton's method: from 7 digits, which values computed in float32 have, too.
_STEPS: Final = 7
_ALONG_SINGULAR: Final = MappingProxyType({2: "amax", -2: "amin", "nuc": "sum"})


def _symmetric(value: Syntax) -> Syntax:
    transposed = call("transpose", value, literal(0), literal(1))
    return divide(add(value, transposed), literal(2))


def _without(value: Syntax, k: int, count: int) -> Syntax:
    """Return a matrix without a row and the column of the same number."""
    kept = [i for i in range(count) if i != k]
    rows = call("index_select", value, literal(0), nested(kept))
    return call("index_select", rows, literal(1), nested(kept))


@dataclasses.dataclass(frozen=True, slots=True)
class _Number:
    """An expression with its value in doubles."""

    written: Syntax
    value: torch.Tensor

    def defined(self, c: Call) -> _Number:
        """Return the number by a name."""
        return _Number(c.define(self.written, self.value), self.value)

    def __add__(self, other: _Number) -> _Number:
        return _Number(add(self.written, other.written), self.value + other.value)

    def __sub__(self, other: _Number) -> _Number:
        return _Number(subtract(self.written, other.written), self.value - other.value)

    def __mul__(self, other: _Number) -> _Number:
        return _Number(multiply(self.written, other.written), self.value * other.value)

    def __truediv__(self, other: _Number) -> _Number:
        return _Number(divide(self.written, other.written), self.value / other.value)

    def __matmul__(self, other: _Number) -> _Number:
        return _Number(matmul(self.written, other.written), self.value @ other.value)

    def total(self) -> _Number:
        """Return the sum of the components."""
        return _Number(call("sum", self.written), self.value.sum())

    def as_it_is(self) -> _Number:
        """Return the number behind a call of `positive`, so that it stays a value of its own."""
        return _Number(call("positive", self.written), self.value)

    def det(self) -> _Number:
        """Return the determinant."""
        return _Number(call("det", self.written), torch.linalg.det(self.value))

    def without(self, k: int, count: int) -> _Number:
        """Return a matrix without a row and the column of the same number."""
        kept = torch.tensor([i for i in range(count) if i != k])
        return _Number(_without(self.written, k, count), self.value[kept][:, kept])


def _constant(number: float) -> _Number:
    return _Number(literal(number), torch.tensor(float(number), dtype=torch.float64))


def _symmetric_sums(c: Call, matrix: _Number, count: int) -> list[_Number]:
    """Return the elementary symmetric polynomials of the eigenvalues of a symmetric matrix.

    The last two, which matter most, are the determinant and the sum of the principal minors. The
    others follow from the sums of powers by Newton's identities.
    """
    powers = [matrix]
    while len(powers) * 2 < count - 2:
        powers.append((powers[-1] @ matrix).defined(c))
    sums = [_power_sum(c, matrix, powers, k) for k in range(1, count - 1)]
    found = [_constant(1)]
    for k in range(1, count - 1):
        total = found[k - 1] * sums[0]
        for j in range(2, k + 1):
            term = found[k - j] * sums[j - 1]
            total = total - term if j % 2 == 0 else total + term
        found.append((total / _constant(k)).defined(c))
    minors = matrix.without(0, count).det()
    for k in range(1, count):
        minors = minors + matrix.without(k, count).det()
    return [*found, minors.defined(c), matrix.det().defined(c)]


def _power_sum(c: Call, matrix: _Number, powers: list[_Number], k: int) -> _Number:
    """Return the sum of the k-th powers of the eigenvalues of a symmetric matrix."""
    if k == 1:
        trace = _Number(call("trace", matrix.written), torch.trace(matrix.value))
        return trace.defined(c)
    return (powers[(k + 1) // 2 - 1] * powers[k // 2 - 1]).total().defined(c)


def _near(c: Call, matrix: _Number, count: int, start: float) -> Syntax:
    """Return the eigenvalue of a symmetric matrix next to a number."""
    unit = torch.eye(count, dtype=torch.float64)
    shifted = (matrix - _constant(start) * _Number(c.write(unit), unit)).defined(c)
    sums = _symmetric_sums(c, shifted, count)
    # p(s) = det(B - s*I) is the sum of a[k]*s**k. A step leads from s to (s*p'(s) - p(s))/p'(s),
    # whose numerator is the sum of (k - 1)*a[k]*s**k: nothing of the size of s cancels.
    signed = [(-1) ** k for k in range(count + 1)]
    above = [
        (sums[count - k] * _constant((k - 1) * signed[k])).defined(c) for k in range(2, count + 1)
    ]
    below = [(sums[count - k] * _constant(k * signed[k])).defined(c) for k in range(1, count + 1)]
    step = (sums[count] / sums[count - 1]).as_it_is().defined(c)
    for _ in range(_STEPS - 1):
        numerator = _polynomial(above, step) * step * step - sums[count]
        step = (numerator / _polynomial(below, step)).as_it_is().defined(c)
    return add(literal(start), step.written)


def _polynomial(coefficients: Sequence[_Number], x: _Number) -> _Number:
    """Return a polynomial, from the coefficient of 1 on, at a number."""
    total = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total


def _check_apart(values: torch.Tensor) -> None:
    """Raise NotWrittenError where eigenvalues, in increasing order, are close to each other."""
    ordered = values.detach().double()
    size = float(ordered.abs().max())
    if not math.isfinite(size) or bool((ordered.diff() <= _APART * size).any()):
        message = "eigenvalues of more than two rows that are close to each other"
        raise NotWrittenError(message)


def _eigenvalues(c: Call, matrix: Syntax, value: torch.Tensor, values: torch.Tensor) -> Syntax:
    """Return the eigenvalues of a symmetric matrix, from those that were computed."""
    count = values.shape[-1]
    if count <= 2:
        return call("eigvalsh", matrix)
    if values.ndim != 1 or count > _LARGEST:
        message = f"eigenvalues of a batch, or of more than {_LARGEST} rows"
        raise NotWrittenError(message)
    _check_apart(values)
    numbers = values.detach().double().tolist()
    named = _Number(matrix, value).defined(c)
    written = [_near(c, named, count, number) for number in numbers]
    return call("stack", listed(written), dim=literal(0))


def _eigvalsh(c: Call, input: Any, *_: Any, **__: Any) -> Syntax:
    return _of_symmetric_part(c, input, c.result)


def _eigh(c: Call, input: Any, *_: Any, **__: Any) -> Written:
    values = _of_symmetric_part(c, input, c.result[0])
    return [values, *[None] * (len(c.result) - 1)]


def _of_symmetric_part(c: Call, input: torch.Tensor, values: torch.Tensor) -> Syntax:
    matrix, value = c.write(input), input.detach().double()
    is_small = input.shape[-1] <= 2  # the row takes the symmetric part
    return _eigenvalues(
        c, matrix if is_small else _symmetric(matrix), (value + value.mT) / 2, values
    )


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
    one = _Number(matrix, input.detach().double())
    other = _Number(call("transpose", matrix, literal(0), literal(1)), one.value.mT)
    product = one @ other if rows <= columns else other @ one
    eigenvalues = _eigenvalues(c, product.written, product.value, squares)
    return call("flip", call("sqrt", eigenvalues), literal((0,)))


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
