"""Translations of functions of matrices: determinants, inverses, solutions, factors."""

from __future__ import annotations

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
    index,
    literal,
    matmul,
    multiply,
    subtract,
)
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation, Written

_LARGEST_INVERSE: Final = 6  # rows of a matrix whose inverse is written out
_TRIANGLES: Final = {True: "triu", False: "tril"}  # by `upper`


def _transposed(value: Syntax) -> Syntax:
    return call("transpose", value, literal(-2), literal(-1))


def _unit(c: Call, rows: int, columns: int | None = None) -> Syntax:
    return c.write(torch.eye(rows, rows if columns is None else columns, dtype=torch.float64))


def _inverse_of(value: Syntax) -> Syntax:
    return call("inverse", value)


def _sign_and_log(c: Call, input: Any) -> Written:
    value = call("det", c.write(input))
    return [call("sign", value), call("log", call("abs", value))]


def _inverse(c: Call, input: Any, *, check_errors: bool = False) -> Written:
    del check_errors
    value = _inverse_of(c.write(input))
    return value if isinstance(c.result, torch.Tensor) else [value, None]


def _solve(
    c: Call, input: Any, other: Any, *, left: bool = True, check_errors: bool = False
) -> Written:
    """Return the solution of a linear system; it is the first if torch has several results."""
    del check_errors
    inverse, right = _inverse_of(c.write(input)), c.write(other)
    is_vector = other.ndim == 1 or other.shape == input.shape[:-1]
    if is_vector:
        product = matmul(inverse, call("unsqueeze", right, literal(-1)))
    else:
        product = matmul(inverse, right) if left else matmul(right, inverse)
    first = c.result if isinstance(c.result, torch.Tensor) else c.result[0]
    value = reshaped(product, tuple(first.shape)) if is_vector else product
    if isinstance(c.result, torch.Tensor):
        return value
    return [value, *[None] * (len(c.result) - 1)]


# -- symmetric matrices


def _cholesky(c: Call, input: Any, upper: bool = False, *, check_errors: bool = False) -> Written:
    del check_errors
    factor = call("cholesky", c.write(input))
    value = _transposed(factor) if upper else factor
    return value if isinstance(c.result, torch.Tensor) else [value, None]


def _product_of_factor(c: Call, factor: Any, upper: bool) -> Syntax:
    written = call(_TRIANGLES[upper], c.write(factor))
    other = _transposed(written)
    return matmul(other, written) if upper else matmul(written, other)


def _cholesky_inverse(c: Call, input: Any, upper: bool = False) -> Syntax:
    return _inverse_of(_product_of_factor(c, input, upper))


def _cholesky_solve(c: Call, input: Any, input2: Any, upper: bool = False) -> Syntax:
    return matmul(_inverse_of(_product_of_factor(c, input2, upper)), c.write(input))


# -- triangular matrices


def _triangle(c: Call, input: Any, upper: bool, unit: bool) -> Syntax:
    name = _TRIANGLES[upper]
    if not unit:
        return call(name, c.write(input))
    strict = call(name, c.write(input), literal(1 if upper else -1))
    return add(strict, _unit(c, input.shape[-1]))


def _solve_triangular(
    c: Call,
    input: Any,
    other: Any,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> Syntax:
    inverse = _inverse_of(_triangle(c, input, upper, unitriangular))
    right = c.write(other)
    return matmul(inverse, right) if left else matmul(right, inverse)


def _triangular_solve(
    c: Call,
    input: Any,
    coefficients: Any,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> Written:
    factor = _triangle(c, coefficients, upper, unitriangular)
    inverse = _inverse_of(_transposed(factor) if transpose else factor)
    return [matmul(inverse, c.write(input)), c.write(coefficients)]


# -- LU factors: the permutation is a constant of the trace


def _permutation(factors: torch.Tensor, pivots: torch.Tensor) -> torch.Tensor:
    permutation, _, _ = torch.lu_unpack(factors.detach(), pivots, unpack_data=False)
    return permutation.to(torch.float64)


def _unpacked(
    c: Call,
    factors: Any,
    pivots: Any,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
) -> Written:
    rows, columns = factors.shape[-2:]
    size = min(rows, columns)
    if not unpack_data:
        return [None, None, None]
    x = c.write(factors)
    lower = call("tril", index(x, (Ellipsis, slice(None), slice(0, size))), literal(-1))
    upper = call("triu", index(x, (Ellipsis, slice(0, size), slice(None))))
    permutation = c.write(_permutation(factors, pivots)) if unpack_pivots else None
    return [permutation, add(lower, _unit(c, rows, size)), upper]


def _lu_solve(
    c: Call, factors: Any, pivots: Any, other: Any, *, left: bool = True, adjoint: bool = False
) -> Syntax:
    lower = _triangle(c, factors, upper=False, unit=True)
    upper = _triangle(c, factors, upper=True, unit=False)
    matrix = matmul(c.write(_permutation(factors, pivots)), matmul(lower, upper))
    inverse = _inverse_of(_transposed(matrix) if adjoint else matrix)
    right = c.write(other)
    return matmul(inverse, right) if left else matmul(right, inverse)


def _former_lu_solve(c: Call, input: Any, factors: Any, pivots: Any) -> Syntax:
    return _lu_solve(c, factors, pivots, input)


# -- other factors


def _pseudo_inverse_of(value: Syntax, shape: tuple[int, ...]) -> Syntax:
    """Return the pseudo-inverse of a matrix of full rank."""
    other = _transposed(value)
    if shape[-2] >= shape[-1]:
        return matmul(_inverse_of(matmul(other, value)), other)
    return matmul(other, _inverse_of(matmul(value, other)))


def _check_rank(input: torch.Tensor) -> None:
    """Raise NotWrittenError for a rank-deficient matrix, to which the formula does not apply."""
    full = min(input.shape[-2:])
    if bool((torch.linalg.matrix_rank(input.detach()) < full).any()):
        message = "a matrix without full rank"
        raise NotWrittenError(message)


def _pseudo_inverse(
    c: Call, input: Any, *limits: Any, hermitian: bool = False, **named: Any
) -> Syntax:
    if any(limit is not None for limit in (*limits, *named.values())):
        message = "a pseudo-inverse that takes small singular values as 0"
        raise NotWrittenError(message)
    _check_rank(input)
    value = c.write(input)
    if hermitian:
        value = divide(add(value, _transposed(value)), literal(2))
    return _pseudo_inverse_of(value, tuple(input.shape))


def _least_squares(c: Call, input: Any, b: Any, *_: Any, **__: Any) -> Written:
    _check_rank(input)
    matrix, right = c.write(input), c.write(b)
    is_vector = b.ndim == input.ndim - 1
    right = call("unsqueeze", right, literal(-1)) if is_vector else right
    solution = matmul(_pseudo_inverse_of(matrix, tuple(input.shape)), right)
    misfit = subtract(matmul(matrix, solution), right)
    residuals = call("sum", call("square", misfit), dim=literal(-2))
    result, rest = c.result[0], c.result[1]
    value = reshaped(solution, tuple(result.shape)) if is_vector else solution
    written = reshaped(residuals, tuple(rest.shape)) if rest.numel() else None
    return [value, written, None, None]


def _qr(c: Call, input: Any, mode: Any = "reduced") -> Written:
    """Return the factors of a matrix whose first columns are independent.

    The signs on the diagonal of R are constants of the trace: they are those that torch chose. In
    the Cholesky factor some derivatives are 0 without any rounding, where torch's backward pass
    has rounding errors; those of R = Q^T A bound them.
    """
    rows, columns = input.shape[-2:]
    size = min(rows, columns)
    is_square_factor = mode in {"complete", False} and rows > size
    if mode == "r" or is_square_factor:
        message = f"qr with mode {mode!r}"
        raise NotWrittenError(message)
    _check_rank(input[..., :size])
    factor = c.result[1].detach()
    signs = torch.diagonal(factor, dim1=-2, dim2=-1).sign().unsqueeze(-1)
    x = c.write(input)
    first = x if size == columns else index(x, (Ellipsis, slice(None), slice(0, size)))
    square = call("cholesky", matmul(_transposed(first), first))
    right = multiply(c.write(signs), _transposed(square))
    left = matmul(first, _inverse_of(right))
    product = matmul(_transposed(left), x)  # torch's backward pass rounds below it if R is wide
    return [left, call("triu", product) if size == columns else product]


def _reflections(c: Call, input: Any, tau: Any) -> Syntax:
    """Return the product of Householder reflections I - tau*v*v^T, as a square matrix."""
    rows, count = input.shape[-2], tau.shape[-1]
    vectors = add(call("tril", c.write(input), literal(-1)), _unit(c, *input.shape[-2:]))
    weights = c.write(tau)
    product = _unit(c, rows)
    for k in range(count):
        v = index(vectors, (Ellipsis, slice(None), slice(k, k + 1)))
        weight = index(weights, (Ellipsis, slice(k, k + 1), None))
        step = multiply(weight, matmul(v, _transposed(v)))
        product = matmul(product, subtract(_unit(c, rows), step))
    return product


def _householder_product(c: Call, input: Any, tau: Any) -> Syntax:
    """Return the first columns of the product Q of the reflections, as Q @ Q^-1 @ Q.

    torch's backward pass undoes the reflections one by one, and that product has its rounding
    errors where the derivative is 0. A product without an inverse has no gradient in torch.
    """
    product = _reflections(c, input, tau)
    vectors = input.tril(-1)[..., : tau.shape[-1]]
    factors = 1 - tau * (1 + vectors.square().sum(-2))  # the determinants of the reflections
    if input.shape[-2] <= _LARGEST_INVERSE and bool((factors.detach() != 0).all()):
        product = matmul(matmul(product, _inverse_of(product)), product)
    return index(product, (Ellipsis, slice(None), slice(0, input.shape[-1])))


def _times_reflections(
    c: Call, input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False
) -> Syntax:
    product = _reflections(c, input, tau)
    product = _transposed(product) if transpose else product
    right = c.write(other)
    return matmul(product, right) if left else matmul(right, product)


MATRICES: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        **dict.fromkeys(("slogdet", "linalg_slogdet"), _sign_and_log),
        **dict.fromkeys(("inverse", "linalg_inv", "linalg_inv_ex"), _inverse),
        **dict.fromkeys(("linalg_solve", "linalg_solve_ex", "_linalg_solve_ex"), _solve),
        **dict.fromkeys(("cholesky", "linalg_cholesky", "linalg_cholesky_ex"), _cholesky),
        "cholesky_inverse": _cholesky_inverse,
        "cholesky_solve": _cholesky_solve,
        "linalg_solve_triangular": _solve_triangular,
        "triangular_solve": _triangular_solve,
        "lu_unpack": _unpacked,
        "linalg_lu_solve": _lu_solve,
        "lu_solve": _former_lu_solve,
        **dict.fromkeys(("pinverse", "linalg_pinv"), _pseudo_inverse),
        "linalg_lstsq": _least_squares,
        **dict.fromkeys(("qr", "linalg_qr"), _qr),
        **dict.fromkeys(("linalg_householder_product", "orgqr"), _householder_product),
        "ormqr": _times_reflections,
    }
)
