"""Arithmetics on the arrays of a library that differentiates them: JAX, HIPS autograd.

The engine gets the program as its user would write it in that library. A definition in other
functions of the library would be a different program, so a row without a column is `Unsupported`.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.arrays import within_doubles
from symdiff.array_types import Mask
from symdiff.catalogue import CONSTANTS, Function
from symdiff.errors import Unsupported

# The columns of arithmetic and comparisons, which are Python's operators in every such library.
OPERATORS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
        "power": operator.pow,
        "negative": operator.neg,
        "positive": lambda x: x,  # HIPS autograd has no unary plus
        "less": operator.lt,
        "less_equal": operator.le,
        "greater": operator.gt,
        "greater_equal": operator.ge,
        "equal": operator.eq,
        "not_equal": operator.ne,
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class LibraryArrays:
    """The arithmetic of a library's arrays; literals stay Python numbers. See `reading.Batch`.

    Attributes
    ----------
    library
        What messages call the library.
    module
        The library's module in place of numpy.
    columns
        The function of every row that the library has, by the name of the row. It takes the
        arguments of the row in order; those that were not passed are left out.
    lacks
        What it has in place of a column that is missing, for messages.
    """

    library: str
    module: Any
    columns: Mapping[str, Callable[..., Any]]
    lacks: str = "no such function"

    def column(self, row: Function) -> Callable[..., Any]:
        """Return the library's function.

        Raises
        ------
        Unsupported
            It has none.
        """
        column = self.columns.get(row.name)
        if column is None:
            raise Unsupported(row.name, f"{self.library} has {self.lacks}")
        return column

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        """Return a literal."""
        return within_doubles(value)

    def constant(self, name: str) -> float:
        """Return a named constant."""
        return CONSTANTS[name]

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply the library's function; arguments with a default go by the row's names."""
        pairs = [(p, a) for p, a in zip(row.parameters, arguments, strict=False) if a is not None]
        positional = [a for p, a in pairs if p.default is None]
        keywords = {p.name: a for p, a in pairs if p.default is not None}
        return within_doubles(column(*positional, **keywords))

    def take(self, value: Any, mask: Mask) -> Any:
        """Return a value at the points where the mask is true."""
        return value[np.asarray(mask)] if np.ndim(value) else value

    def merge(self, mask: Mask, taken: Any, other: Any) -> Any:
        """Return the values of two branches, each at its points."""
        here = np.asarray(mask)
        branches = [(np.flatnonzero(here), taken), (np.flatnonzero(~here), other)]
        parts = [
            self.module.broadcast_to(self.module.array(value, dtype=float), points.shape)
            for points, value in branches
            if value is not None
        ]
        order = np.argsort(np.concatenate([points for points, v in branches if v is not None]))
        return self.module.concatenate(parts)[order]

    def any_true(self, mask: Mask) -> bool:
        """Return whether the mask is true at any point."""
        return bool(np.asarray(mask).any())


def without_keywords(library: str, row: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a library's function that has the defaults of a row, and takes no other values.

    Examples
    --------
    >>> from math import exp
    >>> without_keywords("Python", "softplus", exp)(1.0, beta=2)
    Traceback (most recent call last):
    symdiff.errors.Unsupported: softplus: Python's exp takes no beta
    """

    def column(x: Any, **keywords: Any) -> Any:
        if keywords:
            raise Unsupported(
                row, f"{library}'s {function.__name__} takes no {', '.join(keywords)}"
            )
        return function(x)

    return column
