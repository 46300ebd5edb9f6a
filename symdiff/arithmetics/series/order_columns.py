"""Columns that follow from the sign of a difference: maxima, minima and comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symdiff.arithmetics.series.puiseux import Algebra

Compare = Callable[[Algebra, Any, Any], int]


def order_columns(compare: Compare) -> Mapping[str, Callable[..., Any]]:
    """Return the columns by the names of the rows.

    Parameters
    ----------
    compare
        Returns the sign of the difference of two arguments.
    """
    return {
        "maximum": lambda algebra, x, y: x if compare(algebra, x, y) >= 0 else y,
        "minimum": lambda algebra, x, y: x if compare(algebra, x, y) <= 0 else y,
        "less": lambda algebra, x, y: compare(algebra, x, y) < 0,
        "less_equal": lambda algebra, x, y: compare(algebra, x, y) <= 0,
        "greater": lambda algebra, x, y: compare(algebra, x, y) > 0,
        "greater_equal": lambda algebra, x, y: compare(algebra, x, y) >= 0,
        "equal": lambda algebra, x, y: compare(algebra, x, y) == 0,
        "not_equal": lambda algebra, x, y: compare(algebra, x, y) != 0,
    }
