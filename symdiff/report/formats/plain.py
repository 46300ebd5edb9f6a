"""Plain text, for a terminal of any width."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from symdiff.report.colours import PLAIN, Look, printable
from symdiff.report.digest import digest, wrapped_headline
from symdiff.report.layout import Layout
from symdiff.report.lines import laid_out
from symdiff.report.matrices import Matrix
from symdiff.report.places import Marked
from symdiff.report.rendering import Block, tabulated_matrix
from symdiff.report.report import Report
from symdiff.report.tables import block


def render(report: Report, layout: Layout) -> str:
    """Return the table of one expression, or what is wrong in many, with the summary."""
    evidence, look = report.evidence, layout.look
    if len(evidence) > 1 and not layout.is_verbose:
        text = digest(evidence, report.errors, look=look, is_brief=layout.is_brief)
        return f"{text}\n"
    first = wrapped_headline(evidence, report.errors, look)
    blocks = [block(e, everything=layout.everything, width=look.width) for e in evidence]
    parts = (first, tables(blocks, look), look.verdicts(report.summary()))
    return "\n\n".join(part for part in parts if part) + "\n"


def tables(blocks: Sequence[Block], look: Look = PLAIN) -> str:
    """Return the tables of some expressions."""
    return "\n\n".join(_block(b, look) for b in blocks)


def _block(b: Block, look: Look) -> str:
    lines = [line for marked in b.source for line in _source(marked, look)]
    parts = [
        *lines,
        _sentences(b.findings, look),
        *(_matrix(m, look) for m in b.matrices),
        laid_out(b, look),
        _sentences(b.remarks, look),
    ]
    return "\n".join(part for part in parts if part)


def _source(marked: Marked, look: Look) -> list[str]:
    """Return a line of source text, and the line of marks below it if a part is marked."""
    clean = marked.printable().fitted(look.width)
    parts, position = [], 0
    for start, end in clean.spans:
        parts += [look.title(clean.text[position:start]), look.underlined(clean.text[start:end])]
        position = end
    text = "".join([look.title(clean.label), *parts, look.title(clean.text[position:])])
    return [text, clean.underline()]


def _matrix(matrix: Matrix, look: Look) -> str:
    text = tabulated_matrix(matrix, "simple")
    return f"{text}\n{_sentences(matrix.remarks, look)}\n"


def _sentences(sentences: Sequence[str], look: Look) -> str:
    wrapped = (
        textwrap.fill(
            printable(text),
            look.width,
            initial_indent="  ",
            subsequent_indent="    ",
            break_on_hyphens=False,
        )
        for text in sentences
    )
    return look.verdicts("\n".join(wrapped))
