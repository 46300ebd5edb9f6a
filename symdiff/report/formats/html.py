"""A page in HTML."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.report.matrices import Matrix
from symdiff.report.rendering import Block, escaped, tabulated, tabulated_matrix, title
from symdiff.report.report import Report

_STYLE = (
    "body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}"
    "td,th{padding:.15em .8em;border-bottom:1px solid #ddd}pre{color:#444}"
)


def render(report: Report, *, everything: bool) -> str:
    """Return a page with the summary and the tables."""
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>symdiff</title>"
        f"<style>{_STYLE}</style></head><body>\n<h1>symdiff</h1>\n"
        f"<pre>{escaped(report.summary())}</pre>\n"
        f"{report.table('html', everything=everything)}\n</body></html>\n"
    )


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
