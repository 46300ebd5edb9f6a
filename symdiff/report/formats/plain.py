"""Plain text, for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from symdiff.report.colours import PLAIN, Look
from symdiff.report.digest import digest, wrapped_headline
from symdiff.report.layout import Layout
from symdiff.report.matrices import Matrix
from symdiff.report.rendering import TEXT_COLUMNS, WIDTH, Block, tabulated_matrix, title
from symdiff.report.report import Report
from symdiff.report.tables import block

# The last column is at least this wide, which has room for "not-subgradient:".
_MIN_WIDTH: Final = 16


def render(report: Report, layout: Layout) -> str:
    """Return the table of one expression, or what is wrong in many, with the summary."""
    evidence, look = report.evidence, layout.look
    if len(evidence) > 1 and not layout.is_verbose:
        text = digest(evidence, report.errors, look=look, is_brief=layout.is_brief)
        return f"{text}\n"
    first = wrapped_headline(evidence, report.errors, look)
    blocks = [block(e, everything=layout.everything) for e in evidence]
    return f"{first}\n\n{tables(blocks, look)}\n\n{look.verdicts(report.summary())}\n"


def tables(blocks: Sequence[Block], look: Look = PLAIN) -> str:
    """Return the tables of some expressions."""
    return "\n\n".join(_block(b, look) for b in blocks)


def _block(b: Block, look: Look) -> str:
    above = "".join(f"{_matrix(m)}\n\n" for m in b.matrices)
    table = f"{_table(b)}\n" if b.rows else ""
    findings = f"{_remarks(b.findings)}\n" if b.findings else ""
    body = look.verdicts(f"{findings}{above}{table}{_remarks(b.remarks)}".rstrip())
    return f"{look.title(title(b))}\n{body}".rstrip()


def _matrix(matrix: Matrix) -> str:
    return f"{tabulated_matrix(matrix, 'simple')}\n{_remarks(matrix.remarks)}"


def _remarks(remarks: Sequence[str]) -> str:
    return "\n".join(
        textwrap.fill(
            text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
        )
        for text in remarks
    )


def _table(b: Block) -> str:
    """Return a table whose last column is wrapped if the table would be too wide."""
    cells = _decimals_aligned(b)
    columns = list(zip(b.header, *cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    room = max(_MIN_WIDTH, WIDTH + 1 - sum(width + 2 for width in widths[:-1]))
    widths[-1] = min(widths[-1], room)
    lines = []
    for row in (list(b.header), ["-" * width for width in widths], *cells):
        for k, last in enumerate(_wrapped(row[-1], widths[-1])):
            line = [*(row[:-1] if k == 0 else [""] * (len(row) - 1)), last]
            aligned = [
                cell.ljust(width) if h in TEXT_COLUMNS else cell.rjust(width)
                for h, cell, width in zip(b.header, line, widths, strict=True)
            ]
            lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines)


def _wrapped(text: str, width: int) -> list[str]:
    """Return the lines of the cell of a verdict: the engines go to the next line if need be."""
    if len(text) <= width:
        return [text]
    verdict, _, engines = text.partition(" ")
    return [verdict, *textwrap.wrap(engines, width, break_long_words=False)]


def _decimals_aligned(b: Block) -> list[list[str]]:
    """Return the cells, with numbers padded so that the decimal points of a column align."""
    padded = []
    for header, column in zip(b.header, zip(*b.rows, strict=True), strict=bool(b.rows)):
        if header in TEXT_COLUMNS:
            padded.append(list(column))
            continue
        tails = [len(cell) - _integer_width(cell) for cell in column]
        widest = max(tails)
        padded.append(
            [
                cell if "e" in cell else cell + " " * (widest - tail)
                for cell, tail in zip(column, tails, strict=True)
            ]
        )
    return [list(row) for row in zip(*padded, strict=True)]


def _integer_width(cell: str) -> int:
    for position, character in enumerate(cell):
        if character == "." and "e" not in cell and cell[:position].strip("-").isdigit():
            return position
    return len(cell)
