"""The cell magic ``%%symdiff``: the expressions of a cell are compared, and the table is shown."""

from __future__ import annotations

import re
from typing import Final

from symdiff.api import report_of
from symdiff.errors import InputError
from symdiff.report.report import Report
from symdiff.request.options import Options

_ENTRY: Final = re.compile(r"^\s*\[\[\s*expression\s*\]\]", re.MULTILINE)
_CELL: Final = "cell"  # what messages call the text


def magic(line: str, cell: str) -> Report | None:
    """Compare the expressions of a cell: TOML with [[expression]], or one expression a line.

    Names of engines after the magic replace the usual ones: ``%%symdiff autograd central``.
    """
    from IPython.core.error import UsageError  # noqa: PLC0415  (only a notebook calls this)

    try:
        return compared(line, cell)
    except InputError as error:
        # IPython shows its own kind of error as one line, others with a traceback.
        raise UsageError(str(error)) from None


def compared(line: str, cell: str) -> Report:
    """Return the report of a cell.

    Raises
    ------
    InputError
        The whole cell cannot be used, or an engine does not exist.
    """
    from symdiff.batch.task import attempt  # noqa: PLC0415
    from symdiff.engines.registry import resolve  # noqa: PLC0415
    from symdiff.request.files import read_text  # noqa: PLC0415

    options = Options(engines=resolve(line.split())) if line.strip() else Options()
    reading = read_text(cell, _CELL, is_toml=_ENTRY.search(cell) is not None)
    return report_of([*(attempt(e, options) for e in reading.entries), *reading.errors])
