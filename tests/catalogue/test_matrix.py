"""Every row of the catalogue has a meaning in every arithmetic, or a reason why not.

A row without a column and without a definition is `Unsupported` in an arithmetic. The reasons are
listed here. If there is no reason, the column was forgotten: users would only see that proofs take
long, or that points are undecided.
"""

import functools
import sys

import numpy as np
import pytest

from symdiff.arithmetics.arrays import ARRAYS
from symdiff.arithmetics.balls import BALLS
from symdiff.arithmetics.bounds import intervals, tensor_estimates
from symdiff.arithmetics.bounds.estimates import Estimates
from symdiff.arithmetics.bounds.jets import Jets
from symdiff.arithmetics.bounds.ties import BothBranches
from symdiff.arithmetics.casadi_expressions import CASADI, COLUMNS
from symdiff.arithmetics.hips_arrays import HIPS
from symdiff.arithmetics.jax_arrays import JAX
from symdiff.arithmetics.series.germs import ORDERS, Budget, Germs
from symdiff.arithmetics.symbolic import Symbolic
from symdiff.arithmetics.symengine import SYMENGINE
from symdiff.arithmetics.tensors import TENSORS
from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import Unsupported
from symdiff.program import parse

ARITHMETICS = {
    "sympy": Symbolic(),
    "symengine": SYMENGINE,
    "numpy": ARRAYS,
    "torch": TENSORS,
    "jax": JAX,
    "hips": HIPS,
    "casadi": CASADI,
    "balls": BALLS,
    "jets": Jets(BothBranches()),
    "germs": Germs(ORDERS[0], Budget()),
    "estimates": Estimates(),
    "tensors": tensor_estimates._TensorEstimates(backward_formula=False),
}
LIBRARIES = {
    "jax": JAX.columns,
    "hips": HIPS.columns,
    "casadi": COLUMNS,
}  # in these, a row without a column is not supported
# How an arithmetic gets the meaning of a row.
COLUMN, DEFINITION, ELEMENTS, COMPONENTS, POINTS, EXCUSED = (
    "column",
    "definition",  # from the definition of the row
    "elements",  # from the row's `array`, on whole tensors
    "components",  # from the scalar programs of the components of a tensor
    "points",  # a block is computed at every point
    "-",  # not supported, for a reason
)
NO_DERIVATIVE = "symengine does not have the function, or not its derivative"
NO_BOUND = (
    "no error bound holds for a whole tensor that may contain its poles or ends of its domain"
)
REASONS = {
    "symengine": dict.fromkeys(
        (
            "detach",
            "float",
            "floor",
            "ceil",
            "erfinv",
            "gamma",
            "lgamma",
            "digamma",
            "polygamma",
            "bessel_i",
        ),
        NO_DERIVATIVE,
    ),
    "tensors": dict.fromkeys(
        [
            "cbrt",
            "hypot",
            "tan",
            "asin",
            "acos",
            "acosh",
            "atanh",
            "erfinv",
            "gamma",
            "lgamma",
            "digamma",
            "polygamma",
        ],
        NO_BOUND,
    ),
}


def meaning(row, name):
    """Return how an arithmetic gets the meaning of a row, or the row whose meaning is missing."""
    arithmetic = ARITHMETICS[name]
    if row.array is not None and not hasattr(arithmetic, "elements") and name != "torch":
        return COMPONENTS
    if name == "torch" and row.torch is None:
        return EXCUSED  # autograd reports that PyTorch does not have the function
    if name in LIBRARIES and row.name not in LIBRARIES[name]:
        return EXCUSED  # the engine reports that the library does not have the function
    try:
        column = arithmetic.column(row)
    except Unsupported:
        return EXCUSED if row.name in REASONS.get(name, {}) else f"no meaning of {row.name}"
    if column is not None:
        return COLUMN
    if row.array is not None:
        return ELEMENTS
    if row.definition is None:
        return EXCUSED if row.name in REASONS.get(name, {}) else f"no meaning of {row.name}"
    parts = {m for inner in inside(row.definition) for m in [meaning(inner, name)]}
    return min(parts - {COLUMN, DEFINITION}, default=DEFINITION)


def inside(definition):
    """Return the rows that a definition calls."""
    texts = [definition] if isinstance(definition, str) else definition.values()
    return [CATALOGUE[call.function] for text in texts for _, call in parse(text).calls()]


def meaning_in_blocks(row):
    """Return how blocks of points get the meaning of a row."""
    column = row.column("numpy")
    if row.array is not None or column is None:
        return DEFINITION if row.array is None else COMPONENTS
    rules = {**intervals.NUMBERS, **intervals.CONDITIONS, **intervals.LOGIC}
    known = {getattr(np, name, None) for name in rules}
    operators = {getattr(np, name, None) for name in (row.name,)}  # add is operator.add
    return COLUMN if known & (operators | {column}) else POINTS


def matrix(rows):
    """Return the meaning of every row in every arithmetic."""
    return {
        row.name: {
            **{name: meaning(row, name) for name in ARITHMETICS},
            "blocks": meaning_in_blocks(row),
        }
        for row in rows
    }


def holes(rows):
    """Return row, arithmetic and message for every missing meaning."""
    return [
        (row, name, cell)
        for row, cells in matrix(rows).items()
        for name, cell in cells.items()
        if cell.startswith("no meaning")
    ]


@functools.cache
def printed():
    table = matrix(CATALOGUE.values())
    head = ["", *next(iter(table.values()))]
    lines = [head, *([row, *cells.values()] for row, cells in table.items())]
    return "\n".join("".join(f"{cell:<17}" for cell in line).rstrip() for line in lines)


def test_every_row_has_a_meaning_in_every_arithmetic_or_a_reason():
    sys.stdout.write(printed())  # with `pytest -s`
    assert holes(CATALOGUE.values()) == []


def test_every_reason_is_needed():
    for name, reasons in REASONS.items():
        for row in reasons:
            with pytest.raises(Unsupported):
                ARITHMETICS[name].column(CATALOGUE[row])


def test_the_matrix_says_what_each_row_has():
    table = matrix(
        [CATALOGUE[name] for name in ("sin", "relu", "softmax", "floor", "frac", "exp2")]
    )
    assert table["sin"]["balls"] == table["sin"]["germs"] == table["sin"]["blocks"] == COLUMN
    assert table["relu"]["jets"] == DEFINITION
    assert (table["softmax"]["germs"], table["softmax"]["tensors"]) == (COMPONENTS, ELEMENTS)
    assert table["floor"]["symengine"] == table["frac"]["symengine"] == EXCUSED
    assert table["exp2"]["blocks"] == POINTS


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_column_of_a_library_is_a_row(library):
    assert set(LIBRARIES[library]) <= set(CATALOGUE)


def test_a_row_without_columns_is_named():
    planted = Function("planted", "x", sympy="sin", numpy="sin", torch="sin")
    without = ["symengine", "balls", "jets", "germs", "estimates", "tensors"]
    assert holes([planted]) == [("planted", name, "no meaning of planted") for name in without]


def test_a_definition_that_leads_to_a_hole_is_named(monkeypatch):
    monkeypatch.setitem(REASONS, "symengine", {})
    planted = Function("planted", "x", definition="frac(x) + 1", torch="frac")
    assert holes([planted]) == [("planted", "symengine", "no meaning of floor")]


def test_a_row_with_a_definition_has_no_hole():
    planted = Function("planted", "x", definition="sin(x)**2")
    assert holes([planted]) == []
    assert matrix([planted])["planted"]["torch"] == EXCUSED
