"""Blocks of tables as text: for a terminal, for GitHub, LaTeX and HTML."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Sequence

from tabulate import tabulate

from symdiff.report.matrices import Matrix

_NARROWEST = 15  # of the last column: "not-subgradient"
_WIDTH = 79  # of remarks: the narrowest terminal in use has 80 columns
FORMATS = {"plain": "simple", "github": "github", "latex": "latex", "html": "html"}


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


def render(blocks: Sequence[Block], form: str) -> str:
    """Return blocks as text.

    Parameters
    ----------
    blocks
        One an expression.
    form
        ``plain``, ``github``, ``latex`` or ``html``.
    """
    return "\n\n".join(_render_block(b, form) for b in blocks)


def _render_block(b: Block, form: str) -> str:
    table = _plain(b) if form == "plain" else _tabulated(b, form)
    above = [_matrix(m, form) for m in b.matrices]
    name, text = (" ".join(part.split()) for part in b.title)
    if form == "github":  # where * and _ would turn into emphasis
        name, text = (f"`{text}`" if name == text else _escaped(name)), f"`{text}`"
    title = name if name == text else f"{name}: {text}"
    if form == "html":
        remarks = "".join(f"<p>{_escaped(r)}</p>" for r in b.remarks)
        tables = "\n".join([*above, table if b.rows else ""])
        return f"<h2>{_escaped(title)}</h2>\n{tables}\n{remarks}"
    if form == "latex":
        remarks = "\n".join(f"% {r}" for r in b.remarks)
        tables = "\n".join([*above, table if b.rows else ""])
        return f"% {title}\n{tables}\n{remarks}"
    heading = f"### {title}\n\n" if form == "github" else f"{title}\n"
    lines = "\n".join(_remark(r, form) for r in b.remarks)
    body = "".join(f"{m}\n\n" for m in above) + (table + "\n" if b.rows else "")
    if form == "github" and body:
        body += "\n"
    return f"{heading}{body}{lines}".rstrip()


def _matrix(m: Matrix, form: str) -> str:
    """Return a matrix with its remarks."""
    cells = [list(row) for row in m.rows]
    header: Sequence[str] = m.header
    if form == "github":
        cells = [[cell.replace("|", "\\|") for cell in row] for row in cells]
    table = tabulate(
        cells,
        headers=header,
        tablefmt=FORMATS[form],
        disable_numparse=True,
        colalign=["left", *["right"] * (len(header) - 1)],
    )
    if form == "html":
        return table + "".join(f"<p>{_escaped(r)}</p>" for r in m.remarks)
    if form == "latex":
        return "\n".join([table, *(f"% {r}" for r in m.remarks)])
    between = "\n\n" if form == "github" else "\n"
    return table + between + "\n".join(_remark(r, form) for r in m.remarks)


def _tabulated(b: Block, form: str) -> str:
    cells = [list(row) for row in b.rows]
    if form == "github":
        cells = [[_escaped(cell).replace("|", "\\|") for cell in row] for row in b.rows]
    return tabulate(
        cells,
        headers=b.header,
        tablefmt=FORMATS[form],
        disable_numparse=True,
        preserve_whitespace=True,
        colalign=["left" if h in _TEXT_COLUMNS else "right" for h in b.header] if b.rows else None,
    )


def _plain(b: Block) -> str:
    """Return a table for a terminal; the last column wraps where it would be too wide."""
    cells = _decimals_aligned(b)
    columns = list(zip(b.header, *cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    room = max(_NARROWEST, _WIDTH + 1 - sum(width + 2 for width in widths[:-1]))
    widths[-1] = min(widths[-1], room)
    lines = []
    for row in (list(b.header), ["-" * width for width in widths], *cells):
        wrapped = textwrap.wrap(row[-1], widths[-1]) or [""]
        for k, last in enumerate(wrapped):
            line = [*(row[:-1] if k == 0 else [""] * (len(row) - 1)), last]
            aligned = [
                cell.ljust(width) if h in _TEXT_COLUMNS else cell.rjust(width)
                for h, cell, width in zip(b.header, line, widths, strict=True)
            ]
            lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines)


def _remark(text: str, form: str) -> str:
    if form == "github":
        return f"{text}  "  # two spaces break the line
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")


_TEXT_COLUMNS = frozenset({"spelling", "output", "d/d", "at", "verdict"})


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _decimals_aligned(b: Block) -> list[list[str]]:
    """Pad numbers on the right so that the decimal points of a column stand in one line."""
    padded = []
    for header, column in zip(b.header, zip(*b.rows, strict=True), strict=bool(b.rows)):
        if header in _TEXT_COLUMNS:
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
