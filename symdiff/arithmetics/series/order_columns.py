"""Columns that follow from the sign of a difference: maxima, minima and comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

# Gets the arithmetic and two arguments.
Compare = Callable[[Any, Any, Any], int]

# Functions of the sign of x - y, of x and of y.
_BY_SIGN: Final[Mapping[str, Callable[[int, Any, Any], Any]]] = MappingProxyType(
    {
        "maximum": lambda sign, x, y: x if sign >= 0 else y,
        "minimum": lambda sign, x, y: x if sign <= 0 else y,
        "less": lambda sign, _x, _y: sign < 0,
        "less_equal": lambda sign, _x, _y: sign <= 0,
        "greater": lambda sign, _x, _y: sign > 0,
        "greater_equal": lambda sign, _x, _y: sign >= 0,
        "equal": lambda sign, _x, _y: sign == 0,
        "not_equal": lambda sign, _x, _y: sign != 0,
    }
)


def order_columns(compare: Compare) -> Mapping[str, Callable[..., Any]]:
    """Return the columns by the names of the rows.

    Parameters
    ----------
    compare
        Returns the sign of the difference of two arguments.
    """
    return {name: _column(compare, choose) for name, choose in _BY_SIGN.items()}


def _column(compare: Compare, choose: Callable[[int, Any, Any], Any]) -> Callable[..., Any]:
    return lambda arithmetic, x, y: choose(compare(arithmetic, x, y), x, y)
