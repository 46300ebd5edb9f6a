"""Records as CSV: a row for each record, or for each point."""

from __future__ import annotations

import csv
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from symdiff.report.layout import Layout
from symdiff.report.record_texts import Notation, lines
from symdiff.report.records import Record, fields
from symdiff.report.report import Report

# What identifies a derivative, and what is true of it, in wide rows.
_DERIVATIVE: Final = ("expression", "spelling", "output", "variable")
_TRUTH: Final = ("exact", "kind", "left", "right")
# The writer puts a cell in quotation marks if it has a character of its own line ends, so a lone \r
# in a name needs them to have it.
_LINE_END: Final = "\r\n"


def render(report: Report, layout: Layout) -> str:
    """Return all records, each point as a JSON object in one cell; or a row for each point."""
    if layout.is_wide:
        return written(*_wide(report))
    names = fields(report.evidence)
    rows = itertools.chain([[",".join(names)]], lines(report.evidence, _NOTATION, names))
    return "".join(f"{row}\n" for some in rows for row in some)


class _Echo:
    """A file that keeps nothing: the writer of rows returns what it is given."""

    def write(self, row: str) -> str:
        """Return the text of a row."""
        return row


def written(header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    r"""Return rows as CSV with lines that end in \n, whatever the cells hold."""
    writer = csv.DictWriter(_Echo(), header, lineterminator=_LINE_END)
    rows_written = itertools.chain([writer.writeheader()], map(writer.writerow, rows))
    return "".join(line.removesuffix(_LINE_END) + "\n" for line in rows_written)


@functools.lru_cache(maxsize=1024)  # records have few different words
def _cell(text: str | None) -> str:
    """Return a text as a cell, in quotation marks if it needs them."""
    # The writer would put the only cell of a row in quotation marks if it is empty.
    row: str = csv.writer(_Echo(), lineterminator=_LINE_END).writerow([None, text])
    return row.removeprefix(",").removesuffix(_LINE_END)


# Each point is a JSON object in one cell.
_NOTATION: Final = Notation(
    word=_cell,
    flags=("False", "True"),
    label=lambda _: "",
    between=",",
    ends=("", ""),
    inside=lambda text: text.replace('"', '""'),
    quotes='"',
)


def _wide(report: Report) -> tuple[list[str], Iterator[dict[str, Any]]]:
    """Return the columns, and a row for each derivative at each point.

    The columns of a variable and of an engine have their names. A variable with the name of
    another column is ``point.truth``.
    """
    engines = list(dict.fromkeys(name for e in report.evidence for name in e.engines))
    verdicts = [f"{name} verdict" for name in engines]
    others = {*_DERIVATIVE, *_TRUTH, "truth", *engines, *verdicts}
    variables = dict.fromkeys(name for e in report.evidence for name in e.scalars)
    headings = {name: f"point.{name}" if name in others else name for name in variables}
    header = [*_DERIVATIVE, *headings.values(), *_TRUTH, "truth", *engines, *verdicts]
    return header, _rows(report.records(), headings)


def _rows(records: Iterable[Record], headings: dict[str, str]) -> Iterator[dict[str, Any]]:
    def derivative(record: Record) -> tuple[Any, ...]:
        return tuple(record[field] for field in _DERIVATIVE)

    for _, of_derivative in itertools.groupby(records, key=derivative):
        groups = itertools.groupby(of_derivative, key=lambda record: record["engine"])
        # Every engine has the records of all points, in their order.
        for at_point in zip(*[list(found) for _, found in groups], strict=True):
            first = at_point[0]
            yield {
                **{field: first[field] for field in (*_DERIVATIVE, *_TRUTH)},
                **{headings[name]: value for name, value in first["point"].items()},
                "truth": first["derivative"],
                **{record["engine"]: record["value"] for record in at_point},
                **{f"{record['engine']} verdict": record["verdict"] for record in at_point},
            }
