"""What functions of small matrices mean, from the sum over all permutations."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from fuzz.lists import ONE, ZERO, Array, Each, total


def _product(each: Each, numbers: Sequence[Any]) -> Any:
    result: Any = ONE
    for number in numbers:
        result = each("multiply", result, number)
    return result


def _minor(each: Each, x: Array, rows: Sequence[int], columns: Sequence[int]) -> Any:
    """Return the determinant of some rows and columns."""
    terms = []
    for order in itertools.permutations(range(len(rows))):
        pairs = itertools.combinations(order, 2)
        sign = -ONE if sum(i > j for i, j in pairs) % 2 else ONE
        entries = [x[rows[k], columns[j]] for k, j in enumerate(order)]
        terms.append(_product(each, [sign, *entries]))
    return total(each, terms)


def det(each: Each, x: Array) -> Any:
    """Return the determinant of a matrix."""
    every = range(len(x))
    return _minor(each, x, every, every)


def inverse(each: Each, x: Array) -> Array:
    """Return the inverse by Cramer's rule: determinants with a column of the identity."""
    count = len(x)
    whole = det(each, x)
    result = np.empty((count, count), dtype=object)
    for i, j in np.ndindex(result.shape):
        replaced = x.copy()
        replaced[:, i] = [ONE if k == j else ZERO for k in range(count)]
        result[i, j] = each("divide", det(each, replaced), whole)
    return result


def cholesky(each: Each, x: Array) -> Array:
    """Return the lower factor of the symmetric part, by quotients of its minors."""
    count = len(x)
    x = each("multiply", each("add", x, x.T), ONE / 2)
    leading = [ONE, *(_minor(each, x, range(k), range(k)) for k in range(1, count + 1))]
    result = np.full((count, count), ZERO, dtype=object)
    for j in range(count):
        result[j, j] = each("sqrt", each("divide", leading[j + 1], leading[j]))
        size = each("multiply", result[j, j], leading[j])
        for i in range(j + 1, count):
            minor = _minor(each, x, [*range(j), i], range(j + 1))
            result[i, j] = each("divide", minor, size)
    return result


def _solve(each: Each, A: Array, B: Array) -> Array:  # noqa: N803  (torch's names)
    """Solve a system by Cramer's rule, column by column of the right-hand side."""
    right = B if B.ndim == 2 else B[:, None]
    result = np.empty(right.shape, dtype=object)
    for i, k in np.ndindex(right.shape):
        replaced = A.copy()
        replaced[:, i] = right[:, k]
        result[i, k] = each("divide", det(each, replaced), det(each, A))
    return result if B.ndim == 2 else result[:, 0]


def _solve_triangular(each: Each, A: Array, B: Array, upper: bool) -> Array:  # noqa: N803
    x = A.copy()
    for i, j in np.ndindex(x.shape):
        if (i > j) if upper else (i < j):
            x[i, j] = ZERO
    return _solve(each, x, B)


def _root(each: Each, middle: Any, product: Any, sign: Any) -> Any:
    """Return a root of t² - 2·middle·t + product."""
    rest = each("sqrt", each("subtract", each("square", middle), product))
    return each("add", middle, each("multiply", sign, rest))


def _eigvalsh(each: Each, x: Array) -> Array:
    """Return the roots of the characteristic polynomial."""
    if len(x) == 1:
        return x[0]
    x = each("multiply", each("add", x, x.T), ONE / 2)
    middle = each("multiply", each("add", x[0, 0], x[1, 1]), ONE / 2)
    roots = [_root(each, middle, det(each, x), sign) for sign in (-ONE, ONE)]
    return np.array(roots, dtype=object)


def _svdvals(each: Each, A: Array) -> Array:  # noqa: N803
    """Return the roots of the eigenvalues of A.T @ A."""
    squares = [[total(each, list(each("multiply", u, v))) for v in A.T] for u in A.T]
    eigenvalues = _eigvalsh(each, np.array(squares, dtype=object))
    return each("sqrt", each("maximum", eigenvalues[::-1], ZERO))


def _outer(each: Each, x: Array, y: Array) -> Array:
    return each("multiply", x[:, None], y[None, :])


def _cross(each: Each, x: Array, y: Array) -> Array:
    """Return the minors of two vectors."""
    both = np.stack([x, y])
    pairs = ((1, 2), (2, 0), (0, 1))
    return np.array([_minor(each, both, (0, 1), pair) for pair in pairs], dtype=object)


MATRICES: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "det": det,
        "inverse": inverse,
        "cholesky": cholesky,
        "logdet": lambda each, x: each("log", det(each, x)),
        "solve": _solve,
        "solve_triangular": _solve_triangular,
        "eigvalsh": _eigvalsh,
        "svdvals": _svdvals,
        "trace": lambda each, x: total(each, [x[k, k] for k in range(min(x.shape))]),
        "outer": _outer,
        "cross": _cross,
    }
)
