"""Read points from a table in a file: a column for each variable, a row for each point."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any, Final

from symdiff.errors import UsageError

_HINT: Final = "a .csv file whose first line names the variables (x,y), or a .parquet file"
_OTHER_SEPARATOR: Final = re.compile(r"[;\t|]")
_MAX_BYTES: Final = 1_000_000_000


def read_points(path: Path) -> dict[str, Any]:
    """Return the columns of a table, by name.

    Parameters
    ----------
    path
        A ``.csv`` file, whose first line has the names and whose cells are numbers or the texts of
        exact numbers such as ``1/3``; or a ``.parquet`` file, which takes pyarrow.

    Returns
    -------
    dict
        For each column of a CSV file a list of texts, for one of a Parquet file an array. They are
        not checked: a column may belong to no variable.

    Raises
    ------
    UsageError
        The file cannot be read, has a different ending, or is not a table.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        message = f"{path}: points are not read from {path.suffix or 'a file without an ending'!r}"
        raise UsageError(message, hint=_HINT)
    try:
        if path.stat().st_size > _MAX_BYTES:
            message = f"{path}: larger than {_MAX_BYTES} bytes"
            raise UsageError(message, hint="split it into several files")
        return reader(path)
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise UsageError(message, hint=_HINT) from None


def _read_csv(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _columns(path, csv.reader(file, skipinitialspace=True))
    except UnicodeDecodeError:
        message = f"{path}: not UTF-8 text"
        raise UsageError(message, hint=_HINT) from None
    except csv.Error as error:
        message = f"{path}: broken CSV: {error}"
        raise UsageError(message, hint=_HINT) from None


def _columns(path: Path, rows: Any) -> dict[str, Any]:  # noqa: ANN401  (a reader of csv)
    names = [name.strip() for name in next(rows, [])]
    _check_names(path, names)
    cells: list[list[str]] = []
    for row in rows:
        if row:  # else an empty line
            _check_cells(f"{path}: line {rows.line_num}", names, row)
            cells.append(row)
    if not cells:
        message = f"{path}: no points"
        raise UsageError(message, hint="a line for each point after the names")
    return dict(zip(names, map(list, zip(*cells, strict=True)), strict=True))


def _check_names(path: Path, names: list[str]) -> None:
    """Raise UsageError unless the first line of a table has the names of columns."""
    if not any(names):
        message = f"{path}: line 1 has no names of variables"
        raise UsageError(message, hint=_HINT)
    if len(names) == 1 and _OTHER_SEPARATOR.search(names[0]):
        message = f"{path}: line 1 is not separated by commas"
        raise UsageError(message, hint="x,y in place of x;y, and 0.5 in place of 0,5")
    if all(map(_is_number, names)):
        message = f"{path}: line 1 has numbers, not the names of the variables"
        raise UsageError(message, hint=_HINT)
    repeated = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if repeated is not None:
        message = f"{path}: line 1 names the column {repeated[:40]!r} twice"
        raise UsageError(message, hint="one column for each variable")


def _check_cells(line: str, names: list[str], row: list[str]) -> None:
    """Raise UsageError unless a line has a cell for every name, none of them empty."""
    if len(row) != len(names):
        message = f"{line} has {len(row)} cells, not {len(names)}"
        raise UsageError(message, hint="a cell for each column of line 1")
    for name, cell in zip(names, row, strict=True):
        if not cell.strip():
            message = f"{line}: column {name[:40]!r} is empty"
            raise UsageError(message, hint="a number in every cell, or leave out the line")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_parquet(path: Path) -> dict[str, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415  (an extra)
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        message = f"{path}: reading Parquet takes pyarrow"
        raise UsageError(message, hint="pip install 'symdiff-compare[parquet]'") from None
    try:
        table = parquet.read_table(path)
    except pa.ArrowInvalid as error:
        message = f"{path}: not a Parquet file: {str(error).splitlines()[0]}"
        raise UsageError(message, hint=_HINT) from None
    return {name: table[name].to_numpy() for name in table.column_names}


_READERS: Final = {".csv": _read_csv, ".parquet": _read_parquet}
