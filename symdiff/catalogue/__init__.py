"""The function catalogue: a table with one row per function and one column per arithmetic.

All lists of functions are derived from it: the names that the parser accepts and suggests, the
output of ``symdiff functions`` and the table of functions in the documentation.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType

from symdiff.catalogue import (
    activations,
    arrangements,
    attention,
    distances,
    elementary,
    layers,
    linear_algebra,
    losses,
    margins,
    normalizations,
    operators,
    orders,
    pooling,
    reductions,
    scattering,
    steps,
)
from symdiff.catalogue.row import Crossing, Function, Parameter

__all__ = [
    "BY_NAME",
    "BY_OPERATOR",
    "CATALOGUE",
    "CONSTANTS",
    "Crossing",
    "Function",
    "Parameter",
    "join",
]

# Names that mean a constant and not a variable, with the nearest double.
CONSTANTS: Mapping[str, float] = MappingProxyType({"pi": math.pi, "e": math.e, "inf": math.inf})

_GROUPS: Mapping[str, tuple[Function, ...]] = {
    "operators": operators.ARITHMETIC,
    "comparisons": operators.COMPARISONS,
    "logic": operators.LOGIC,
    "choices": operators.CHOICES,
    "powers": elementary.POWERS,
    "exponentials": elementary.EXPONENTIALS,
    "trigonometry": elementary.TRIGONOMETRY,
    "special": elementary.SPECIAL,
    "signs and extrema": steps.SIGNS_AND_EXTREMA,
    "rounding": steps.ROUNDING,
    "guards": steps.GUARDS,
    "rectifiers": activations.RECTIFIERS,
    "smooth activations": activations.SMOOTH,
    "piecewise activations": activations.PIECES,
    "reductions": reductions.REDUCTIONS,
    "orders": orders.ORDERS,
    "matrix products": reductions.PRODUCTS,
    "linear algebra": linear_algebra.LINEAR_ALGEBRA,
    "arrangements": arrangements.ARRANGEMENTS,
    "indexing": arrangements.INDEXING,
    "scattering": scattering.SCATTERING,
    "layers": layers.LAYERS,
    "attention": attention.ATTENTION,
    "normalizations": normalizations.NORMALIZATIONS,
    "pooling": pooling.POOLING,
    "distances": distances.DISTANCES,
    "losses": losses.LOSSES,
    "losses with a margin": margins.MARGINS,
}


def join(groups: Mapping[str, tuple[Function, ...]]) -> Mapping[str, Function]:
    """Return the rows of all groups by name.

    Parameters
    ----------
    groups
        Rows by the heading of their group.

    Raises
    ------
    ValueError
        Two rows share a name or an alias, or a row has neither columns nor a definition.

    Examples
    --------
    >>> join({"a": (Function("f", "x"),)})
    Traceback (most recent call last):
    ValueError: the row 'f' has no meaning: give a definition, or the sympy and numpy columns
    """
    table: dict[str, Function] = {}
    names: set[str] = set()
    for group, rows in groups.items():
        for row in rows:
            has_meaning = row.definition is not None or row.array is not None
            if not has_meaning and None in (row.sympy, row.numpy):
                message = (
                    f"the row {row.name!r} has no meaning: "
                    "give a definition, or the sympy and numpy columns"
                )
                raise ValueError(message)
            duplicates = names.intersection(row.names)
            if duplicates:
                message = f"the catalogue has two rows for {min(duplicates)!r}"
                raise ValueError(message)
            names.update(row.names)
            table[row.name] = dataclasses.replace(row, group=group)
    return MappingProxyType(table)


CATALOGUE: Mapping[str, Function] = join(_GROUPS)
BY_NAME: Mapping[str, Function] = MappingProxyType(
    {name: row for row in CATALOGUE.values() for name in row.names if row.is_named}
)
BY_OPERATOR: Mapping[str, Function] = MappingProxyType(
    {row.operator: row for row in CATALOGUE.values() if row.operator is not None}
)
