"""What a page shows, as plain data: the templates only lay it out."""

from __future__ import annotations

import collections
import dataclasses
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from markupsafe import Markup

from symdiff.comparison.evidence import Evidence
from symdiff.report.findings import Finding, by_engines, findings
from symdiff.report.headline import headline, listed
from symdiff.report.matrices import Matrix, matrices
from symdiff.report.page.formulas import Formula, formulas
from symdiff.report.page.marked import Text, texts
from symdiff.report.page.names import unique_fragments
from symdiff.report.page.points import Kink, Table, kinks, table
from symdiff.report.pictures import svg
from symdiff.report.remarks import remarks
from symdiff.report.rendering import FIRST, SECOND
from symdiff.report.report import Report
from symdiff.report.selection import select
from symdiff.report.summary import kink_count
from symdiff.report.undefined import undefined_points
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict

# In place of a verdict, where an expected one did not occur and all others pass.
UNMET: Final = "not as expected"
# The most findings in the list at the top: every expression has its own.
MAX_FINDINGS: Final = 200
# The most characters of all pictures together. The first that are left out are those of expressions
# that pass.
MAX_PICTURES: Final = 2_500_000


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """A finding, with the engines that share it.

    Attributes
    ----------
    finding
        The finding.
    engines
        The engines, in words.
    href
        A link to its example; to the expression if that has no line.
    name
        The name of the expression.
    where
        The region, the spelling, the output and the variable, as far as there are several.
    marks
        As in `Entry`, of this finding.
    kind
        The kind of the point.
    """

    finding: Finding
    engines: str
    href: str
    name: str
    where: str
    marks: str
    kind: str


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One expression.

    Attributes
    ----------
    anchor
        The fragment that links to it.
    name, text
        Its name and its text.
    state
        ``passes``, ``fails``, or ``expected``: a verdict does not pass, and was expected.
    verdict, gravity
        The gravest verdict on an engine; of an expression that fails only since an expected
        verdict did not occur, `UNMET`.
    points, kinks
        The numbers of points and of possible kinks.
    marks
        For the filters the verdicts that occur, as pairs of numbers: ``0:4`` is verdict 4 of
        engine 0 of the page.
    kinds
        For the filters the kinds of point that occur.
    texts, formulas, picture, slopes, more_slopes, table, matrices
        What it shows.
    faults
        Its findings.
    undefined, notes
        Sentences.
    about
        Where it comes from, in pairs of a word and a text.
    """

    anchor: str
    name: str
    text: str
    state: str
    verdict: str
    gravity: int
    points: int
    kinks: int
    marks: str
    kinds: str
    texts: tuple[Text, ...]
    formulas: tuple[Formula, ...]
    picture: Markup
    slopes: tuple[Kink, ...]
    more_slopes: int
    table: Table
    matrices: tuple[Matrix, ...]
    faults: tuple[Fault, ...]
    undefined: tuple[str, ...]
    notes: tuple[str, ...]
    about: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Contents:
    """A page.

    Attributes
    ----------
    ok, headline
        Whether everything passes, and the reason.
    numbers
        The numbers that matter, each with what it counts.
    counts
        How often each engine got each verdict: a row for each engine.
    verdicts, engines, kinds
        What occurs, for the filters; a verdict with its code.
    command, made
        The command that makes the report again; versions, seed, date, in pairs.
    faults, more_faults
        The gravest findings, and how many more there are.
    expected
        The number of expressions with verdicts that do not pass and were expected.
    errors
        Why entries and files could not be used.
    entries
        The expressions.
    """

    ok: bool
    headline: str
    numbers: tuple[tuple[str, str], ...]
    counts: tuple[tuple[str, tuple[int, ...]], ...]
    verdicts: tuple[Verdict, ...]
    engines: tuple[str, ...]
    kinds: tuple[str, ...]
    command: str
    made: tuple[tuple[str, str], ...]
    faults: tuple[Fault, ...]
    more_faults: int
    expected: int
    errors: tuple[str, ...]
    entries: tuple[Entry, ...]


def contents(report: Report, *, everything: bool = False) -> Contents:
    """Return what the page of a report shows.

    Parameters
    ----------
    report
        The report; no engine is run again.
    everything
        Whether tables have every point.
    """
    evidence = report.evidence
    engines = tuple(dict.fromkeys(engine for e in evidence for engine in e.engines))
    counts = _counts(evidence, engines)
    entries = _entries(evidence, engines, everything=everything)
    faults = sorted(
        (fault for entry in entries for fault in entry.faults),
        key=lambda fault: -fault.finding.verdict.gravity,
    )
    return Contents(
        ok=report.ok,
        headline=headline(evidence, report.errors),
        numbers=tuple(_numbers(report, sum(len(entry.faults) for entry in entries))),
        counts=tuple(
            (engine, tuple(counts[engine][v] for v in _occurring(counts))) for engine in engines
        ),
        verdicts=_occurring(counts),
        engines=engines,
        kinds=tuple(
            kind.label
            for kind in Kind
            if any(kind.label in entry.kinds.split() for entry in entries)
        ),
        command=report.command,
        made=tuple(_made(report)),
        faults=tuple(faults[:MAX_FINDINGS]),
        more_faults=max(0, len(faults) - MAX_FINDINGS),
        expected=sum(entry.state == "expected" for entry in entries),
        errors=tuple(map(str, report.errors)),
        entries=tuple(entries),
    )


def _counts(
    evidence: Sequence[Evidence], engines: Sequence[str]
) -> dict[str, collections.Counter[Verdict]]:
    counts: dict[str, collections.Counter[Verdict]] = {e: collections.Counter() for e in engines}
    for e in evidence:
        for engine, count in e.counts().items():
            counts[engine].update(count)
    return counts


def _occurring(counts: Mapping[str, Mapping[Verdict, int]]) -> tuple[Verdict, ...]:
    return tuple(v for v in Verdict if any(count.get(v) for count in counts.values()))


def _numbers(report: Report, faults: int) -> Iterator[tuple[str, str]]:
    """Yield the numbers that matter, and what they count."""
    evidence = report.evidence
    if report.errors:
        yield f"{len(report.errors)}", "could not be used"
    failing = sum(not e.ok for e in evidence)
    yield f"{faults}", "finding" if faults == 1 else "findings"
    if len(evidence) != 1:
        yield f"{failing} of {len(evidence)}", "expressions do not pass"
    yield f"{sum(e.points for e in evidence)}", "points"
    yield f"{sum(map(kink_count, evidence))}", "at possible kinks"
    yield f"{sum(e.proved_count for e in evidence)}", "derivatives proved one by one"
    undecided = sum(e.undecided_count for e in evidence)
    if undecided:
        yield f"{undecided}", "undecided"


def _made(report: Report) -> Iterator[tuple[str, str]]:
    """Yield how the report was made: versions, seed, tolerance, date."""
    options = [e.options for e in report.evidence]
    yield "versions", ", ".join(f"{name} {text}" for name, text in report.versions.items())
    for name, values in (
        ("seed", [str(o.seed) for o in options]),
        ("tolerance", [str(e.tolerance) for e in report.evidence]),
    ):
        if values:
            yield name, "; ".join(dict.fromkeys(values))
    # https://reproducible-builds.org/specs/source-date-epoch
    when = float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    yield "written", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when))


def _entries(
    evidence: Sequence[Evidence], engines: Sequence[str], *, everything: bool
) -> list[Entry]:
    pictures = _pictures(evidence)
    anchors = unique_fragments(e.name for e in evidence)
    number_of = {engine: k for k, engine in enumerate(engines)}
    return [
        _entry(e, anchor, picture, number_of, everything=everything)
        for e, anchor, picture in zip(evidence, anchors, pictures, strict=True)
    ]


def _pictures(evidence: Sequence[Evidence]) -> list[Markup]:
    """Return a picture for each comparison, "" for some of a very long report."""
    drawn = [Markup()] * len(evidence)
    left = MAX_PICTURES
    for k in sorted(range(len(evidence)), key=lambda k: evidence[k].ok):
        if left <= 0:
            break
        picture = svg(evidence[k])
        left -= len(picture)
        drawn[k] = Markup(picture)  # noqa: S704  (an element that `svg` escapes)
    return drawn


def _entry(
    e: Evidence, anchor: str, picture: Markup, number_of: Mapping[str, int], *, everything: bool
) -> Entry:
    selections = select(e, everything=everything)
    found = findings(e)
    shown = table(e, selections, found, anchor, everything=everything)
    faults = tuple(
        _fault(e, several, f, shown, anchor, number_of) for several, f in by_engines(found)
    )
    slopes, count = kinks(e, selections)
    counts = e.counts()
    state, gravest = _state(e)
    return Entry(
        anchor=anchor,
        name=e.name,
        text=e.program.text,
        state=state,
        verdict=UNMET if state == "fails" and not found else gravest.label,
        gravity=gravest.gravity,
        points=e.points,
        kinks=kink_count(e),
        marks=" ".join(f"{number_of[n]}:{int(v)}" for n, c in counts.items() for v in c),
        kinds=" ".join(_kinds(e)),
        texts=texts(e.program, [f.blame for f in found]),
        formulas=formulas(e),
        picture=picture,
        slopes=slopes,
        more_slopes=count - len(slopes),
        table=shown,
        matrices=matrices(e),
        faults=faults,
        undefined=tuple(undefined_points(e)),
        notes=tuple(remarks(e, selections, len(shown.lines))),
        about=tuple(_about(e)),
    )


def _state(e: Evidence) -> tuple[str, Verdict]:
    """Return whether an expression passes, as in `Entry.state`, and the verdict that says why.

    That is the gravest one; if everything passes, the gravest of the verdicts that always pass.
    """
    occurring = (("fails", e.findings()), ("expected", e.expected()), ("passes", e.counts()))
    state, counts = next((pair for pair in occurring if pair[1]), occurring[-1])
    verdicts = {v for of_engine in counts.values() for v in of_engine}
    if state == "passes":
        verdicts = {v for v in verdicts if e.passes(v)}
    gravest = max(verdicts, key=lambda v: v.gravity, default=Verdict.UNSUPPORTED)
    return state if e.ok else "fails", gravest


def _fault(  # noqa: PLR0913, PLR0917  (what it is made of)
    e: Evidence,
    engines: Sequence[str],
    finding: Finding,
    shown: Table,
    anchor: str,
    number_of: Mapping[str, int],
) -> Fault:
    return Fault(
        finding=finding,
        engines=listed(engines),
        href=f"#{shown.anchors.get(finding.example, anchor)}",
        name=e.name,
        where=", ".join(_where(e, finding)),
        marks=" ".join(f"{number_of[engine]}:{int(finding.verdict)}" for engine in engines),
        kind=" ".join(sorted({Kind.from_code(k).label for k in _codes(e, finding)})),
    )


def _where(e: Evidence, finding: Finding) -> Iterator[str]:
    """Yield where a finding is, without what is the same for all findings of the expression."""
    count = len(finding.variables)
    along = f"{FIRST if e.options.order == 1 else SECOND}{finding.variable}"
    yield from filter(None, (finding.where, finding.spelling))
    if finding.output:
        more = len(finding.outputs) - 1
        yield f"output {finding.output}{f' and {more} more' if more else ''}"
    if count > 1:
        yield f"{along} and {count - 1} more"
    elif len(e.variables) > 1:
        yield along


def _codes(e: Evidence, finding: Finding) -> Iterator[int]:
    for trial in e.trials:
        for variable, truths in trial.truths.items():
            if trial.problem.label(variable) in finding.variables:
                yield from np.unique(truths.kinds[finding.points]).tolist()


def _kinds(e: Evidence) -> list[str]:
    codes = {
        code
        for trial in e.trials
        for truths in trial.truths.values()
        for code in np.unique(truths.kinds).tolist()
    }
    return [Kind.from_code(code).label for code in sorted(codes)]


def _about(e: Evidence) -> Iterator[tuple[str, str]]:
    label = e.label
    pairs = (("note", label.note), ("source", label.source), ("file", _file(e)))
    yield from ((word, text) for word, text in pairs if text)
    for engine, words in label.expect.items():
        yield "expected", f"{engine}: {', '.join(words)}"


def _file(e: Evidence) -> str:
    if not e.label.file:
        return ""
    return e.label.file if e.label.line is None else f"{e.label.file}, line {e.label.line}"
