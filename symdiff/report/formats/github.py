"""Markdown as GitHub renders it, for pull requests: what is wrong first, the tables folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from symdiff.errors import SymdiffError
from symdiff.report.digest import place
from symdiff.report.findings import Finding, by_engines, findings
from symdiff.report.headline import counted, headline, listed, shortened
from symdiff.report.layout import Layout
from symdiff.report.markdown import code, fenced, html_code, inline, line, one_line
from symdiff.report.matrices import Matrix
from symdiff.report.rendering import Block, tabulated, tabulated_matrix
from symdiff.report.report import Report
from symdiff.report.tables import block

# GitHub refuses a comment of more characters. The rest is kept for a title that a workflow adds.
LIMIT: Final = 65536
_FOR_OTHERS: Final = 536
# The most findings, and the most entries that could not be used, that are shown.
MAX_SHOWN: Final = 20
# The most characters of parts of the report. Escaped, a character can take six.
_OF_FINDINGS, _OF_ERRORS, _OF_COUNTS, _OF_HEADLINE = 24000, 8000, 8000, 1000
_OF_EXPRESSION, _OF_CELL, _OF_WHY = 60, 100, 200
_HEADER: Final = ("verdict", "expression", "where", "engines", "number", "truth", "why")
_FOLDED: Final = "<details><summary>{}</summary>\n\n{}\n\n</details>"


def render(report: Report, layout: Layout) -> str:
    """Return PASS or FAIL, the gravest findings, the counts, and the tables of the expressions."""
    text = shortened(one_line(headline(report.evidence, report.errors)), _OF_HEADLINE)
    word, _, reason = text.partition(":")
    above = [
        f"**{word}**: {inline(reason)}",
        *_findings(report),
        *_unusable(report.errors),
        fenced(_cut(report.summary(), _OF_COUNTS)),
    ]
    space = LIMIT - _FOR_OTHERS - sum(len(part) + 2 for part in above)
    blocks = _expressions(report, layout)
    shown = list(_fitting(blocks, space))
    more = len(report.evidence) - len(shown)
    rest = f"{counted(more, 'expression')} left out: a comment holds at most {LIMIT} characters"
    parts = [*above, *shown, *([rest] if more else [])]
    return "\n\n".join(parts) + "\n"


def tables(blocks: Sequence[Block]) -> str:
    """Return the tables of some expressions."""
    return "\n\n".join(f"### {_title(b)}\n\n{_body(b)}" for b in blocks)


def _findings(report: Report) -> list[str]:
    """Return a table of the gravest findings of all expressions, and how many more there are."""
    found = [pair for e in report.evidence if not e.ok for pair in by_engines(findings(e))]
    found.sort(key=lambda pair: -pair[1].verdict.gravity)
    if not found:
        return []
    rows = list(_fitting(map(_finding, found[:MAX_SHOWN]), _OF_FINDINGS))
    rule = f"|{'---|' * len(_HEADER)}"
    more = len(found) - len(rows)
    table = "\n".join([f"| {' | '.join(_HEADER)} |", rule, *rows])
    return [table, *([f"and {counted(more, 'more finding')}"] if more else [])]


def _finding(pair: tuple[tuple[str, ...], Finding]) -> str:
    """Return the row of a finding."""
    engines, f = pair
    spelling = f" ({f.spelling})" if f.spelling else ""
    variables = "" if f.is_only_variable else f"d/d{listed(f.variables, limit=3)}"
    output = f"output {listed(f.outputs, limit=3)}" if f.output else ""
    where = ", ".join(text for text in (place(f), variables, output) if text)
    texts = (where, listed(engines), f.value, f.truth)
    cells = [inline(shortened(one_line(text), _OF_CELL)) for text in texts]
    expression = code(shortened(one_line(f"{f.expression}{spelling}"), _OF_EXPRESSION))
    why = inline(shortened(one_line(f.why), _OF_WHY))
    return f"| {' | '.join([str(f.verdict), expression, *cells, why])} |"


def _unusable(errors: Sequence[SymdiffError]) -> list[str]:
    """Return which entries could not be used, as a list."""
    if not errors:
        return []
    shown = (inline(shortened(one_line(_first_line(e)), _OF_WHY)) for e in errors[:MAX_SHOWN])
    lines = list(_fitting((f"- unusable: {text}" for text in shown), _OF_ERRORS))
    more = len(errors) - len(lines)
    return ["\n".join([*lines, *([f"- and {more} more"] if more else [])])]


def _first_line(error: SymdiffError) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _expressions(report: Report, layout: Layout) -> Iterator[str]:
    """Yield the table of each expression, folded if there are several: what fails comes first."""
    for e in sorted(report.evidence, key=lambda e: e.ok):
        b = block(e, everything=layout.everything)
        if len(report.evidence) == 1:
            yield tables([b])
        else:
            state = "" if e.ok else "FAIL "
            yield _FOLDED.format(f"{state}{_summary(b)}", _body(b))


def _fitting(texts: Iterable[str], space: int) -> Iterator[str]:
    """Yield the first of some texts, as many as fit with two characters between."""
    for text in texts:
        space -= len(text) + 2
        if space < 0:
            return
        yield text


def _body(b: Block) -> str:
    parts = [
        _sentences(b.findings),
        *map(_matrix, b.matrices),
        tabulated(b, "github", inline) if b.rows else "",
        _sentences(b.remarks),
    ]
    return "\n\n".join(part for part in parts if part)


def _title(b: Block) -> str:
    """Return the name and the text of an expression, as code because * would become emphasis."""
    name, text = map(one_line, b.title)
    return code(text) if name == text else f"{line(name)}: {code(text)}"


def _summary(b: Block) -> str:
    name, text = map(one_line, b.title)
    return html_code(text) if name == text else f"{html_code(name)}: {html_code(text)}"


def _matrix(matrix: Matrix) -> str:
    table = tabulated_matrix(matrix, "github", inline)
    return "\n\n".join(part for part in (table, _sentences(matrix.remarks)) if part)


def _sentences(sentences: Sequence[str]) -> str:
    return "  \n".join(map(line, sentences))  # two spaces break the line
