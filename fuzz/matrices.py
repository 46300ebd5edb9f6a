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


MATRICES: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {"det": det, "inverse": inverse, "cholesky": cholesky}
)
