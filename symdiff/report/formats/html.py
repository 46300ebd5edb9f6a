"""A page in HTML, and tables for notebooks."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.report.layout import Layout
from symdiff.report.matrices import Matrix
from symdiff.report.rendering import Block, escaped, tabulated, tabulated_matrix, title
from symdiff.report.report import Report


def render(report: Report, layout: Layout) -> str:
    """Return a page that opens from disk; see `symdiff.report.page`."""
    from symdiff.report.page import page  # noqa: PLC0415  (jinja2: tables do without)

    return page(report, everything=layout.everything)


def tables(blocks: Sequence[Block]) -> str:
    """Return the tables of some expressions, for a page or a notebook."""
    return "\n\n".join(map(_block, blocks))


def _block(block: Block) -> str:
    table = tabulated(block, "html") if block.rows else ""
    body = "\n".join([*map(_matrix, block.matrices), table])
    findings = _remarks(block.findings)
    return f"<h2>{escaped(title(block))}</h2>{findings}\n{body}\n{_remarks(block.remarks)}"


def _matrix(matrix: Matrix) -> str:
    return tabulated_matrix(matrix, "html") + _remarks(matrix.remarks)


def _remarks(remarks: Sequence[str]) -> str:
    return "".join(f"<p>{escaped(text)}</p>" for text in remarks)
