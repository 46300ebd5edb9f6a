"""Rows for functions of small matrices, whose minors are written out."""

from __future__ import annotations

from typing import Any

from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch

_LARGEST = 6  # rows of a matrix: its minors are written out
_MINORS = dict[tuple[tuple[int, ...], tuple[int, ...]], Array]


def _size(a: Elements, x: Array) -> int:
    """Return the number of rows of square matrices.

    Raises
    ------
    ShapeMismatchError
        They are not square, or too large.
    """
    shape = a.shape(x)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        message = f"a square matrix is needed, not the shape {shape}"
        raise ShapeMismatchError(message)
    if not 0 < shape[-1] <= _LARGEST:
        message = f"a matrix must have 1 to {_LARGEST} rows, not {shape[-1]}"
        raise ShapeMismatchError(message)
    return shape[-1]


def _entry(a: Elements, x: Array, i: int, j: int) -> Array:
    return a.arrange(lambda v: v[..., i, j], x)


def _minor(
    a: Elements, x: Array, rows: tuple[int, ...], columns: tuple[int, ...], known: _MINORS
) -> Array:
    """Return the determinant of some rows and columns, expanded along the first of the rows."""
    if not rows:
        return a.each("positive", 1)
    key = rows, columns
    if key not in known:
        total = None
        for k, j in enumerate(columns):
            rest = _minor(a, x, rows[1:], (*columns[:k], *columns[k + 1 :]), known)
            entry = _entry(a, x, rows[0], j)
            term = entry if len(rows) == 1 else a.each("multiply", entry, rest)
            total = term if total is None else a.each("subtract" if k % 2 else "add", total, term)
        known[key] = total
    return known[key]


def _det(a: Elements, x: Array) -> Array:
    every = tuple(range(_size(a, x)))
    return _minor(a, x, every, every, {})


def _inverse(a: Elements, x: Array) -> Array:
    """Return the transposed cofactors divided by the determinant."""
    every = tuple(range(_size(a, x)))
    known: _MINORS = {}
    determinant = _minor(a, x, every, every, known)
    entries = []
    for i in every:
        for j in every:
            rows, columns = (tuple(k for k in every if k != left) for left in (j, i))
            minor = _minor(a, x, rows, columns, known)
            signed = a.each("negative", minor) if (i + j) % 2 else minor
            entries.append(a.each("divide", signed, determinant))
    return _matrix(a, entries, len(every))


def _cholesky(a: Elements, x: Array) -> Array:
    """Return the lower triangular factor of the symmetric part, column by column.

    torch reads one triangle, takes the other as equal to it, and returns a symmetric gradient: it
    differentiates in the space of symmetric matrices.
    """
    count = _size(a, x)
    mirrored = a.arrange(lambda v: numpy.swapaxes(v, -1, -2), x)
    x = a.each("divide", a.each("add", x, mirrored), 2)
    factor: dict[tuple[int, int], Array] = {}
    for j in range(count):
        for i in range(j, count):
            rest = _entry(a, x, i, j)
            for k in range(j):
                rest = a.each("subtract", rest, a.each("multiply", factor[i, k], factor[j, k]))
            is_diagonal = i == j
            factor[i, j] = (
                a.each("sqrt", rest) if is_diagonal else a.each("divide", rest, factor[j, j])
            )
    zero = a.each("positive", 0)
    entries = [factor.get((i, j), zero) for i in range(count) for j in range(count)]
    return _matrix(a, entries, count)


def _matrix(a: Elements, entries: list[Array], count: int) -> Array:
    """Return matrices from their entries, row by row."""

    def joined(*v: Any) -> Any:
        together = numpy.stack(numpy.broadcast_arrays(*v), axis=-1)
        return together.reshape(*together.shape[:-1], count, count)

    return a.arrange(joined, *entries)


# fmt: off
LINEAR_ALGEBRA = (
    Function("det",      "x", formula="determinant, at most 6 rows", array=_det, torch="det"),
    Function("inverse",  "x", formula="inverse matrix, at most 6 rows", array=_inverse, torch="inverse"),
    Function("cholesky", "x", formula="L with L @ L.T = (x + x.T)/2, at most 6 rows", array=_cholesky,
             torch=lambda x: torch.linalg.cholesky((x + x.mT)/2)),
)
# fmt: on
