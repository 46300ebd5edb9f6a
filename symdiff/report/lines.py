"""Tables as lines of text that fit a terminal."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Sequence
from typing import Final

from symdiff.report.colours import Look, printable
from symdiff.report.headline import shortened
from symdiff.report.rendering import FIRST, SECOND, TEXT_COLUMNS, Block, Table
from symdiff.verdict.words import Verdict

_BETWEEN: Final = 2  # spaces between columns
_INDENT: Final = "  "  # of the numbers below a line of labels
# The longest cell of another column of text, if the table would be too wide with longer ones.
_LONGEST: Final = 24


def laid_out(b: Block, look: Look) -> str:
    """Return the table of a block: that with a column for each engine if it fits the terminal.

    Otherwise each number at a point has a row, with the engines that gave it. If that is too wide
    too, because there are many variables, the labels of a row are a line above it.
    """
    if not b.table.rows:
        return ""
    for table in (b.table, b.tall, _with_short_cells(b.tall)):
        lines = _Lines(table)
        if lines.fits(look.width):
            return lines.text(look)
    return _stacked(_with_short_cells(b.tall), look)


class _Lines:
    """A table with its cells padded to the widths of the columns."""

    def __init__(self, table: Table) -> None:
        rows = [tuple(map(printable, row)) for row in table.rows]
        columns = zip(table.header, zip(*rows, strict=True), strict=True)
        padded = [_aligned(header, column) for header, column in columns]
        self._table = table
        self._cells = [
            [header, *column] for header, column in zip(table.header, padded, strict=True)
        ]
        self._widths = [max(map(len, column)) for column in self._cells]
        # The last column is wrapped between words.
        self._narrowest = max(len(word) for cell in self._cells[-1] for word in cell.split())

    def fits(self, width: int) -> bool:
        """Return whether the table fits in lines of a width."""
        return self._before_last() + self._narrowest <= width

    def _before_last(self) -> int:
        return sum(width + _BETWEEN for width in self._widths[:-1])

    def text(self, look: Look) -> str:
        """Return the lines; the last column is wrapped where it is too wide."""
        last = max(self._narrowest, look.width - self._before_last())
        widths = [*self._widths[:-1], min(self._widths[-1], last)]
        rule = ["-" * width for width in widths]
        blank = (None,) * len(widths)
        head, *rows = zip(*self._cells, strict=True)
        lines = [*self._row(head, blank, widths, look), *self._row(rule, blank, widths, look)]
        for row, verdicts in zip(rows, self._table.verdicts, strict=True):
            lines += self._row(row, verdicts, widths, look)
        return "\n".join(lines)

    def _row(
        self,
        cells: Sequence[str],
        verdicts: Sequence[Verdict | None],
        widths: Sequence[int],
        look: Look,
    ) -> list[str]:
        """Return the lines of a row: more than one if its last cell is wrapped."""
        lines = []
        for k, last in enumerate(_wrapped(cells[-1], widths[-1])):
            line = [*(cells[:-1] if k == 0 else [""] * (len(cells) - 1)), last]
            padded = [
                cell.ljust(width) if header in TEXT_COLUMNS else cell.rjust(width)
                for header, cell, width in zip(self._table.header, line, widths, strict=True)
            ]
            kept = len("  ".join(padded).rstrip())
            lines.append(_painted(padded, verdicts, kept, look))
        return lines


def _painted(
    cells: Sequence[str], verdicts: Sequence[Verdict | None], kept: int, look: Look
) -> str:
    """Return the first `kept` characters of a line of cells, each in the colour of its verdict."""
    parts, left = [], kept
    for cell, verdict in zip(cells, verdicts, strict=True):
        text = f"{cell}  "[:left] if left > 0 else ""
        left -= len(text)
        inner = text.strip()
        if verdict is not None and inner:
            before, _, after = text.partition(inner)
            text = f"{before}{look.verdict(inner, verdict)}{after}"
        parts.append(text)
    return "".join(parts)


def _wrapped(text: str, width: int) -> list[str]:
    """Return the lines of the last cell: the engines go to the next line if need be."""
    if len(text) <= width:
        return [text]
    verdict, colon, engines = text.partition(": ")
    first = [f"{verdict}:"] if colon else []
    rest = engines if colon else text
    return [*first, *textwrap.wrap(rest, width, break_long_words=False, break_on_hyphens=False)]


def _aligned(header: str, column: Sequence[str]) -> list[str]:
    """Return the cells of a column, with the decimal points of its numbers below each other.

    Words after numbers, such as the names of subgradients, start below each other.
    """
    if header in TEXT_COLUMNS:
        return list(column)
    longest = max(len(_word(cell)) for cell in column)
    tails = [len(cell) - _integer_width(cell) for cell in column]
    widest = max(
        (tail for cell, tail in zip(column, tails, strict=True) if _is_plain(cell)), default=0
    )
    return [
        cell + " " * (widest - tail if _is_plain(cell) else longest - len(word) if word else 0)
        for cell, tail, word in zip(column, tails, map(_word, column), strict=True)
    ]


def _is_plain(cell: str) -> bool:
    """Return whether a cell is a number without an exponent, and nothing else."""
    return "e" not in cell and " " not in cell


def _word(cell: str) -> str:
    """Return the word after a number; "" if there is none, or the cell is an interval."""
    return "" if cell[:1] in {"[", "("} else cell.partition(" ")[2]


def _integer_width(cell: str) -> int:
    for position, character in enumerate(cell):
        if character == "." and "e" not in cell and cell[:position].strip("-").isdigit():
            return position
    return len(cell)


def _with_short_cells(table: Table) -> Table:
    """Return a table in which long cells, but for the last column, are cut in the middle."""
    rows = tuple((*(shortened(cell, _LONGEST) for cell in row[:-1]), row[-1]) for row in table.rows)
    return Table(table.header, rows, table.verdicts)


def _stacked(table: Table, look: Look) -> str:
    """Return a table with a line of labels for each point, and its numbers below."""
    last = table.header.index("truth") + 1
    inner = dataclasses.replace(look, columns=look.columns - len(_INDENT))
    lines: list[str] = []
    numbers: list[tuple[tuple[str, ...], tuple[Verdict | None, ...]]] = []

    def close() -> None:
        if numbers:
            rows, verdicts = zip(*numbers, strict=True)
            text = _Lines(Table(table.header[last:], rows, verdicts)).text(inner)
            lines.extend(f"{_INDENT}{line}" for line in text.splitlines()[2:])
            numbers.clear()

    for row, verdicts in zip(table.rows, table.verdicts, strict=True):
        if any(row[:last]):
            close()
            label = _label(table.header[:last], row[:last])
            lines += textwrap.wrap(label, look.width, subsequent_indent="    ")
        numbers.append((row[last:], verdicts[last:]))
    close()
    return "\n".join(lines)


def _label(header: Sequence[str], cells: Sequence[str]) -> str:
    """Return what names a derivative, in one line: x = 0, y = 1 (kink), d/dx, truth [0, 1]."""
    first = next(k for k, name in enumerate(header) if name in TEXT_COLUMNS or name == "truth")
    point = ", ".join(f"{n} = {c}" for n, c in zip(header[:first], cells[:first], strict=True))
    parts = [point] if point else []
    for name, cell in zip(header[first:], cells[first:], strict=True):
        if name == "at":
            parts[-1] += f" ({cell})" if cell else ""
        elif cell:
            prefix = {FIRST: FIRST, SECOND: SECOND, "spelling": ""}.get(name, f"{name} ")
            parts.append(f"{prefix}{cell}")
    return ", ".join(parts)
