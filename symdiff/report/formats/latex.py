"""LaTeX tables; titles and remarks are comments."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.report.layout import Layout
from symdiff.report.matrices import Matrix
from symdiff.report.rendering import Block, tabulated, tabulated_matrix, title
from symdiff.report.report import Report


def render(report: Report, layout: Layout) -> str:
    """Return the tables and the summary."""
    return f"{report.table('latex', everything=layout.everything)}\n\n{report.summary()}\n"


def tables(blocks: Sequence[Block]) -> str:
    """Return the tables of some expressions."""
    return "\n\n".join(map(_block, blocks))


def _block(block: Block) -> str:
    table = tabulated(block, "latex") if block.rows else ""
    head = [f"% {text}" for text in (title(block), *block.findings)]
    parts = [*head, *map(_matrix, block.matrices), table]
    return "\n".join([*parts, "\n".join(f"% {text}" for text in block.remarks)])


def _matrix(matrix: Matrix) -> str:
    remarks = (f"% {text}" for text in matrix.remarks)
    return "\n".join([tabulated_matrix(matrix, "latex"), *remarks])
