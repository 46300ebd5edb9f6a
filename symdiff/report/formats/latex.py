r"""LaTeX tables with the rules of booktabs, for a document with amsmath and booktabs."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Final

from symdiff.report.headline import headline
from symdiff.report.layout import Layout
from symdiff.report.matrices import Matrix
from symdiff.report.rendering import FIRST, SECOND, TEXT_COLUMNS, Block, Table, name_and_text
from symdiff.report.report import Report
from symdiff.report.summary import sentences, verdict_counts
from symdiff.report.typeset import coordinate, expression, numbers, text, variable
from symdiff.verdict.words import Verdict

# The most columns that fit a page; with more, the table has a row for each number.
_MOST_COLUMNS: Final = 8
_LABEL_OF_COUNTS: Final = "tab:symdiff-verdicts"
_HEADINGS: Final = {FIRST: r"$\partial/\partial$", SECOND: r"$\partial^{2}/\partial$"}


@dataclasses.dataclass(frozen=True, slots=True)
class _Tabular:
    """Headings and cells that are LaTeX already, and which columns are numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_number: tuple[bool, ...]

    def lines(self) -> list[str]:
        """Return the table as LaTeX."""
        columns = "".join("r" if number else "l" for number in self.is_number)
        return [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            _row(self.header),
            r"\midrule",
            *map(_row, self.rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]


def render(report: Report, layout: Layout) -> str:
    """Return PASS or FAIL with the reason, the tables, and the counts of verdicts."""
    word, _, reason = headline(report.evidence, report.errors).partition(":")
    size, below = sentences(report.evidence, report.errors)
    parts = [
        rf"\noindent\textbf{{{word}}}: {text(reason)}\par",
        report.table("latex", everything=layout.everything),
        _table("Verdicts", _LABEL_OF_COUNTS, [_counts(report)], [size, *below]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def tables(blocks: Sequence[Block]) -> str:
    """Return the tables of some expressions."""
    labels = _labels(blocks)
    return "\n\n".join(_block(b, label) for b, label in zip(blocks, labels, strict=True))


def _block(b: Block, label: str) -> str:
    name, source = name_and_text(b.title)
    caption = f"Derivatives of {expression(source)}"
    caption += f" ({text(name.removesuffix(': '))})" if name else ""
    tabulars = [_matrix(m) for m in b.matrices]
    table = b.table if len(b.table.header) <= _MOST_COLUMNS else b.tall
    tabulars += [_tabular(table)] if table.rows else []
    notes = [*(remark for m in b.matrices for remark in m.remarks), *b.remarks]
    return _table(caption, label, tabulars, notes, above=b.findings)


def _table(
    caption: str,
    label: str,
    tabulars: Sequence[_Tabular],
    notes: Sequence[str],
    above: Sequence[str] = (),
) -> str:
    """Return a table that floats, with sentences above it and notes below it."""
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        rf"\caption{{{caption}}}",
        rf"\label{{{label}}}",
        *_paragraphs(above),
        *(line for tabular in tabulars for line in (*tabular.lines(), r"\par\medskip")),
        *_paragraphs(notes),
        r"\end{table}",
    ]
    return "\n".join(lines)


def _paragraphs(texts: Sequence[str]) -> list[str]:
    """Return small text of the width of the page."""
    if not texts:
        return []
    first = r"\begin{minipage}{\linewidth}\footnotesize\raggedright"
    return [first, *(rf"{text(words)}\par" for words in texts), r"\end{minipage}\par\medskip"]


def _row(cells: Sequence[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _tabular(table: Table) -> _Tabular:
    """Return the table of an expression: its first columns are the coordinates."""
    header = table.header
    scalars = len(list(itertools.takewhile(lambda h: h not in TEXT_COLUMNS | {"truth"}, header)))
    headings = [
        variable(h) if k < scalars else _HEADINGS.get(h) or text(h) for k, h in enumerate(header)
    ]

    def cell(k: int, words: str) -> str:
        if k < scalars:
            return coordinate(words)
        if header[k] in _HEADINGS:
            return variable(words)
        return text(words) if header[k] in TEXT_COLUMNS else numbers(words)

    rows = (tuple(cell(k, words) for k, words in enumerate(row)) for row in table.rows)
    is_number = tuple(h not in TEXT_COLUMNS for h in header)
    return _Tabular(tuple(headings), tuple(rows), is_number)


def _matrix(matrix: Matrix) -> _Tabular:
    rows = tuple((text(row[0]), *map(numbers, row[1:])) for row in matrix.rows)
    is_number = (False, *(True for _ in matrix.header[1:]))
    return _Tabular(tuple(map(text, matrix.header)), rows, is_number)


def _counts(report: Report) -> _Tabular:
    """Return how often each engine got each verdict."""
    counts = verdict_counts(report.evidence)
    verdicts = [v for v in Verdict if any(v in count for count in counts.values())]
    header = ("engine", *(text(v.label) for v in verdicts))
    rows = tuple(
        (text(engine), *(f"${count.get(v, 0)}$" for v in verdicts))
        for engine, count in counts.items()
    )
    return _Tabular(header, rows, (False, *(True for _ in verdicts)))


def _labels(blocks: Sequence[Block]) -> Iterator[str]:
    """Yield a label for each expression, from its name; a number tells those of one name apart."""
    given = {_LABEL_OF_COUNTS}
    for b in blocks:
        words = re.sub(r"[^a-z0-9]+", "-", b.title[0].lower()).strip("-")[:40] or "expression"
        numbered = (f"tab:{words}-{k}" for k in itertools.count(2))
        label = next(s for s in itertools.chain([f"tab:{words}"], numbered) if s not in given)
        given.add(label)
        yield label
