"""Markdown as GitHub renders it."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.report.headline import headline
from symdiff.report.layout import Layout
from symdiff.report.matrices import Matrix
from symdiff.report.rendering import Block, escaped, tabulated, tabulated_matrix
from symdiff.report.report import Report


def render(report: Report, layout: Layout) -> str:
    """Return PASS or FAIL with the reason, the tables, and the summary as a code block."""
    word, _, reason = headline(report.evidence, report.errors).partition(":")
    tables = report.table("github", everything=layout.everything)
    return f"**{word}**:{escaped(reason)}\n\n{tables}\n\n```\n{report.summary()}\n```\n"


def tables(blocks: Sequence[Block]) -> str:
    """Return the tables of some expressions."""
    return "\n\n".join(map(_block, blocks))


def _block(block: Block) -> str:
    above = "".join(f"{_matrix(m)}\n\n" for m in block.matrices)
    table = tabulated(block, "github", _cell) + "\n" if block.rows else ""
    body = f"{above}{table}\n" if above or table else ""
    findings = f"{_remarks(block.findings)}\n\n" if block.findings else ""
    return f"### {_title(block)}\n\n{findings}{body}{_remarks(block.remarks)}".rstrip()


def _title(block: Block) -> str:
    """Return the name and the text, as code because * and _ would become emphasis."""
    name, text = (" ".join(part.split()) for part in block.title)
    return f"`{text}`" if name == text else f"{escaped(name)}: `{text}`"


def _matrix(matrix: Matrix) -> str:
    return f"{tabulated_matrix(matrix, 'github', _separated)}\n\n{_remarks(matrix.remarks)}"


def _remarks(remarks: Sequence[str]) -> str:
    return "\n".join(f"{text}  " for text in remarks)  # two spaces break the line


def _cell(text: str) -> str:
    return _separated(escaped(text))


def _separated(text: str) -> str:
    """Return a text in which each "|" is escaped, because it would end the cell."""
    return text.replace("|", "\\|")
