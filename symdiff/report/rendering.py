"""Contents of tables as text, and the layout that all formats of tables share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

from tabulate import tabulate

from symdiff.report.matrices import Matrix
from symdiff.report.places import Marked
from symdiff.verdict.words import Verdict

# Headings of the variable that a derivative is by, or of the two of a second derivative.
FIRST: Final = "d/d"
SECOND: Final = "d²/d"
# Headings of the columns of text, which are aligned on the left; the others are numbers.
TEXT_COLUMNS: Final = frozenset({"spelling", "output", FIRST, SECOND, "at", "verdict", "engines"})


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Headings and cells, all of them text.

    Attributes
    ----------
    header, rows
        The headings and the cells.
    verdicts
        For each cell the verdict that it is about, or None: what colours a cell.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    verdicts: tuple[tuple[Verdict | None, ...], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """What is said about one expression.

    Attributes
    ----------
    title
        The name and the text of the expression.
    source
        The same in lines, with the part to blame marked: the expression, and after it the
        definition that is to blame if one is.
    table
        A row for each point, a column for each engine.
    tall
        The same with a row for each number at a point: it is narrow however many engines ran.
    remarks
        Sentences below the table: what is not shown, explanations, notes.
    matrices
        Tables above the table: derivatives with respect to the components of tensors.
    findings
        Sentences above everything else: what failed, where the function is undefined, what is
        wrong.
    """

    title: tuple[str, str]
    source: tuple[Marked, ...]
    table: Table
    tall: Table
    remarks: tuple[str, ...]
    matrices: tuple[Matrix, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def header(self) -> tuple[str, ...]:
        """The headings of the table."""
        return self.table.header

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The rows of the table."""
        return self.table.rows


def name_and_text(title: tuple[str, str]) -> tuple[str, str]:
    """Return what stands before the text of an expression, and the text in one line.

    Examples
    --------
    >>> name_and_text(("ramp", "relu(x)")), name_and_text(("x  + 1", "x + 1"))
    (('ramp: ', 'relu(x)'), ('', 'x + 1'))
    """
    name, text = (" ".join(part.split()) for part in title)
    return "" if name == text else f"{name}: ", text


def title(block: Block) -> str:
    """Return the name and the text of an expression, once if they are the same."""
    return "".join(name_and_text(block.title))


def tabulated(block: Block, style: str, escape: Callable[[str], str] = str) -> str:
    """Return the table of an expression in a style of `tabulate`.

    Parameters
    ----------
    block
        The contents of the table.
    style
        The name of the style, tabulate's ``tablefmt``.
    escape
        A function that escapes the text of a cell or a heading.
    """
    return tabulate(
        [list(map(escape, row)) for row in block.rows],
        headers=list(map(escape, block.header)),
        tablefmt=style,
        disable_numparse=True,
        preserve_whitespace=True,
        colalign=[_alignment(h) for h in block.header] if block.rows else None,
    )


def tabulated_matrix(matrix: Matrix, style: str, escape: Callable[[str], str] = str) -> str:
    """Return a matrix in a style of `tabulate`, without its remarks; see `tabulated`."""
    return tabulate(
        [list(map(escape, row)) for row in matrix.rows],
        headers=list(map(escape, matrix.header)),
        tablefmt=style,
        disable_numparse=True,
        colalign=["left", *["right"] * (len(matrix.header) - 1)],
    )


def escaped(text: str) -> str:
    """Return a text in which &, < and > are escaped for HTML and Markdown.

    Examples
    --------
    >>> escaped("x < 1 & y > 2")
    'x &lt; 1 &amp; y &gt; 2'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _alignment(header: str) -> str:
    return "left" if header in TEXT_COLUMNS else "right"
