"""The arithmetic of arrays and blocks, with a cache of function results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from symdiff.arithmetics.arrays import Arrays
from symdiff.arithmetics.bounds.blocks import apply_elementwise, plain
from symdiff.array_types import Array
from symdiff.catalogue import Function

_NO_UFUNCS: Final = frozenset(
    {"sinc", "polygamma", "bessel_i"}
)  # plain functions in numpy and scipy


class CachedArrays(Arrays):
    """The arithmetic of arrays with a cache: derivatives reuse the results of the primal."""

    def __init__(self) -> None:
        """Start with an empty cache."""
        # The arguments are kept alive, so that their ids are not used for other objects.
        self._results: dict[tuple[object, ...], tuple[Sequence[Any], Any]] = {}

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Return the result of a row's column, computed once for the same arguments."""
        if row.is_operator or row.role == "comparison":
            return super().call(row, column, arguments)
        key = (row.name, *map(id, arguments))
        if key not in self._results:
            result = (
                apply_elementwise(column, arguments)
                if row.name in _NO_UFUNCS
                else super().call(row, column, arguments)
            )
            self._results[key] = tuple(arguments), result
        return self._results[key][1]

    def take(self, value: Any, mask: Any) -> Any:
        """Return the values at the points where the mask is True."""
        return super().take(plain(value), plain(mask))

    def merge(self, mask: Any, taken: Any, other: Any) -> Array:
        """Return the results of two branches, each at its points."""
        return super().merge(plain(mask), taken, other)
