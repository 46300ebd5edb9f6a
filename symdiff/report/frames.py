"""Records as columns: tables for pandas and polars, and files of Parquet."""

from __future__ import annotations

import dataclasses
import importlib
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from symdiff.comparison.evidence import Evidence
from symdiff.errors import UsageError
from symdiff.report import record_columns
from symdiff.report.records import batches, fields

# Columns of numbers, besides the coordinates.
NUMBERS: Final = frozenset({"left", "right", "derivative", "value", "error", "ulps"})
# Columns of a few words that repeat.
CATEGORIES: Final = frozenset(
    {"expression", "spelling", "output", "variable", "role", "kind", "joint", "engine", "dtype"}
    | {"verdict"}
)
_TRUTHS: Final = frozenset({"proved"})
# These fields of a record become a column for each variable.
_OF_POINTS: Final = ("point", "exact")


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of records.

    Attributes
    ----------
    name
        The name, unique in the table.
    kind
        ``number``, ``category``, ``truth`` or ``text``.
    values
        The values in the order of the records; None where there is none. Numbers are floats,
        also those that are not finite.
    """

    name: str
    kind: str
    values: list[Any]


def columns(evidence: Sequence[Evidence]) -> list[Column]:
    """Return the records of comparisons as columns.

    Each variable has a column of its coordinates, with None in the rows of expressions that do
    not have it. It is named like the variable, or ``point.value`` for a variable with the name of
    a field. ``exact.x`` has the exact coordinates as text, if a coordinate of x is not a double.

    Parameters
    ----------
    evidence
        The result of each comparison.

    Examples
    --------
    >>> from symdiff import compare
    >>> found = columns(compare("abs(x)", at={"x": ["1/3"]}, engines=["autograd"]).evidence)
    >>> [(c.name, c.kind, c.values) for c in found][2:6]
    [('output', 'category', [None]), ('variable', 'category', ['x']),
     ('x', 'number', [0.3333333333333333]), ('exact.x', 'text', ['1/3'])]
    """
    rows = _rows(evidence)
    table: list[Column] = []
    for field in fields(evidence):
        if field == "point":
            table += _coordinates(evidence, rows)
        elif field == "exact":
            table += _exact(evidence, len(rows["expression"]))
        else:
            table.append(Column(field, _kind(field), rows[field]))
    return table


def _rows(evidence: Sequence[Evidence]) -> dict[str, list[Any]]:
    """Return the values of every field, and of every variable behind ``point.``, a list each.

    The fields `point` and `exact` are left out.
    """
    names = [field for field in fields(evidence) if field not in _OF_POINTS]
    points = {f"point.{name}": name for name in _variables(evidence)}
    rows: dict[str, list[Any]] = {name: [] for name in (*names, *points)}
    for e in evidence:
        own = set(fields([e]))
        for count, found in batches(e):
            for name in names:
                rows[name] += _values(found[name], count) if name in own else [None] * count
            coordinates = _by_variable(found["point"])
            for row, name in points.items():
                rows[row] += coordinates.get(name, [None] * count)
    return rows


def _by_variable(points: record_columns.Column) -> dict[str, list[Any]]:
    """Return the coordinates of a column of points, by variable."""
    assert isinstance(points, record_columns.Coordinates)  # noqa: S101  (the field says so)
    return dict(zip(points.names, points.points.T.tolist(), strict=True))


def _values(column: record_columns.Column, count: int) -> list[Any]:
    """Return the values of a column, numbers that are not finite as floats."""
    match column:
        case record_columns.Constant(text):
            return [text] * count
        case record_columns.Numbers(numbers, exists):
            values: list[Any] = numbers.tolist()
            for i in np.flatnonzero(~exists).tolist():
                values[i] = None
            return values
        case _:
            return list(column.values())


def _kind(field: str) -> str:
    kinds = {"number": NUMBERS, "category": CATEGORIES, "truth": _TRUTHS}
    return next((kind for kind, names in kinds.items() if field in names), "text")


def _variables(evidence: Sequence[Evidence]) -> list[str]:
    return list(dict.fromkeys(name for e in evidence for name in e.scalars))


def _coordinates(evidence: Sequence[Evidence], rows: Mapping[str, list[Any]]) -> list[Column]:
    taken = set(fields(evidence)) - set(_OF_POINTS)
    return [
        Column(f"point.{name}" if name in taken else name, "number", rows[f"point.{name}"])
        for name in _variables(evidence)
    ]


def _exact(evidence: Sequence[Evidence], count: int) -> list[Column]:
    """Return the exact coordinates of the variables that have any."""
    texts: dict[str, list[str | None]] = {name: [None] * count for name in _variables(evidence)}
    first = 0
    for e in evidence:
        size = len(e.grid)
        covered = sum(v in t.covered(n) for t in e.trials for v in t.variables for n in e.engines)
        # Each derivative by each engine has the records of all points, in their order.
        for start in range(first, first + covered * size, size or 1):
            for (i, j), text in e.grid.exact.items():
                if j < len(e.scalars):
                    texts[e.scalars[j]][start + i] = text
        first += covered * size
    return [Column(f"exact.{name}", "text", found) for name, found in texts.items() if any(found)]


def to_pandas(evidence: Sequence[Evidence]) -> Any:  # noqa: ANN401  (a DataFrame of pandas)
    """Return the records as a DataFrame of pandas, see `columns`; None among numbers is NaN."""
    pd = _library("pandas", "to_pandas", "pandas")
    dtypes = {"number": "float64", "category": "category", "truth": "bool", "text": "object"}
    return pd.DataFrame(
        {c.name: pd.Series(c.values, dtype=dtypes[c.kind]) for c in columns(evidence)}
    )


def to_polars(evidence: Sequence[Evidence]) -> Any:  # noqa: ANN401  (a DataFrame of polars)
    """Return the records as a DataFrame of polars, see `columns`."""
    pl = _library("polars", "to_polars", "polars")
    dtypes = {
        "number": pl.Float64,
        "category": pl.Categorical,
        "truth": pl.Boolean,
        "text": pl.String,
    }
    return pl.DataFrame([pl.Series(c.name, c.values, dtypes[c.kind]) for c in columns(evidence)])


def parquet(evidence: Sequence[Evidence]) -> bytes:
    """Return the records as the content of a file of Parquet, see `columns`."""
    pa = _library("pyarrow", "Parquet", "parquet")
    writer = _library("pyarrow.parquet", "Parquet", "parquet")
    dtypes = {
        "number": pa.float64(),
        "category": pa.dictionary(pa.int32(), pa.string()),
        "truth": pa.bool_(),
        "text": pa.string(),
    }
    table = pa.table({c.name: pa.array(c.values, dtypes[c.kind]) for c in columns(evidence)})
    content = io.BytesIO()
    writer.write_table(table, content)
    return content.getvalue()


def _library(module: str, what: str, extra: str) -> Any:  # noqa: ANN401  (a module)
    """Return an optional library.

    Raises
    ------
    UsageError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        message = f"{what} needs {module.partition('.')[0]}"
        raise UsageError(message, hint=f"pip install 'symdiff-compare[{extra}]'") from None
