"""What the formats of tables share: the table of one expression, and how its cells are laid out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from tabulate import tabulate

from symdiff.report.matrices import Matrix

WIDTH = 79  # of remarks: the narrowest terminal in use has 80 columns
TEXT_COLUMNS = frozenset({"spelling", "output", "d/d", "at", "verdict"})  # the others are numbers


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """The table of one expression.

    Attributes
    ----------
    title
        Name and text.
    header, rows
        The table; every cell is text.
    remarks
        What stands below it: points not shown, engines left out, notes.
    matrices
        What stands above it: derivatives by the components of tensors.
    """

    title: tuple[str, str]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...]
    matrices: tuple[Matrix, ...] = ()


def title(block: Block) -> str:
    """Return the name and the text of an expression, once if they are the same."""
    name, text = (" ".join(part.split()) for part in block.title)
    return name if name == text else f"{name}: {text}"


def tabulated(block: Block, style: str, escape: Callable[[str], str] = str) -> str:
    """Return the table of an expression in a style of `tabulate`.

    Parameters
    ----------
    block
        The expression.
    style
        The ``tablefmt``.
    escape
        Escapes the text of a cell.
    """
    return tabulate(
        [list(map(escape, row)) for row in block.rows],
        headers=block.header,
        tablefmt=style,
        disable_numparse=True,
        preserve_whitespace=True,
        colalign=[_alignment(h) for h in block.header] if block.rows else None,
    )


def tabulated_matrix(matrix: Matrix, style: str, escape: Callable[[str], str] = str) -> str:
    """Return a matrix in a style of `tabulate`, without its remarks; see `tabulated`."""
    return tabulate(
        [list(map(escape, row)) for row in matrix.rows],
        headers=matrix.header,
        tablefmt=style,
        disable_numparse=True,
        colalign=["left", *["right"] * (len(matrix.header) - 1)],
    )


def escaped(text: str) -> str:
    """Return a text with the signs that HTML and Markdown take for tags written out.

    Examples
    --------
    >>> escaped("x < 1 & y > 2")
    'x &lt; 1 &amp; y &gt; 2'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _alignment(header: str) -> str:
    return "left" if header in TEXT_COLUMNS else "right"
