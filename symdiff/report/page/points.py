"""The tables of one expression: points and engines, and kinks with their slopes."""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from symdiff.comparison.evidence import Evidence
from symdiff.grid.grid import Role
from symdiff.report.findings import Finding
from symdiff.report.numbers import formatted
from symdiff.report.rendering import FIRST, SECOND
from symdiff.report.selection import MAX_ROWS, Row, Selection, rows
from symdiff.truth.kinds import APPARENT, Kind
from symdiff.verdict.words import Verdict

# Significant digits of a coordinate: the fewest of these that distinguish it from all others.
_DIGITS: Final = (6, 9, 12, 15, 17)
# The longest word below a number, in characters.
_MAX_WORD: Final = 24
# The most kinks in a table of slopes.
MAX_KINKS: Final = 12


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """What an engine gives at a point.

    Attributes
    ----------
    text
        The number; "failed"; "-" where the engine does not support the program.
    word
        The verdict, or which subgradient it is; "" where the number agrees.
    fails
        Whether the verdict does not pass.
    """

    text: str
    word: str = ""
    fails: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One derivative at one point, by all engines.

    Attributes
    ----------
    anchor
        The fragment that links to the line; "" for further derivatives at the same point.
    coordinates, labels
        The point, and what distinguishes derivatives at the same point.
    truth
        The derivative; ``[0, 1]`` for the slopes at a kink.
    cells
        One for each engine.
    verdict
        The gravest verdict.
    fails
        Whether it does not pass.
    """

    anchor: str
    coordinates: tuple[str, ...]
    labels: tuple[str, ...]
    truth: str
    cells: tuple[Cell, ...]
    verdict: str
    fails: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """The points of an expression that are worth a line.

    Attributes
    ----------
    coordinates, labels, engines
        The headings.
    lines
        The lines.
    anchors
        The fragment of every point that has a line, by its index.
    """

    coordinates: tuple[str, ...]
    labels: tuple[str, ...]
    engines: tuple[str, ...]
    lines: tuple[Line, ...]
    anchors: dict[int, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Kink:
    """A point where the function is not smooth.

    Attributes
    ----------
    where, variable, kind
        The point, the variable, and the kind of point along it.
    left, right
        The one-sided derivatives.
    """

    where: str
    variable: str
    kind: str
    left: str
    right: str


def table(
    evidence: Evidence,
    selections: Sequence[Selection],
    found: Sequence[Finding],
    prefix: str,
    *,
    everything: bool,
) -> Table:
    """Return the table of points.

    Parameters
    ----------
    evidence, selections
        The result of a comparison, and the derivatives that are worth a line.
    found
        Its findings: the example of each has a line.
    prefix
        The fragment of the expression.
    everything
        Whether the table has all lines, or at most `MAX_ROWS` and the findings.
    """
    shown = rows(selections, None if everything else MAX_ROWS)
    shown = _with_examples(evidence, shown, found)
    points = list(dict.fromkeys(row.i for row in shown))
    coordinates = dict(zip(points, _coordinates(evidence, points), strict=True))
    anchors = {i: _anchor(evidence, prefix, texts) for i, texts in coordinates.items()}
    choice = _Labels(evidence)
    lines, seen = [], set()
    for row in shown:
        truth, cells = _numbers(evidence, row)
        verdict, fails = _gravest(evidence, row)
        lines.append(
            Line(
                anchor="" if row.i in seen else anchors[row.i],
                coordinates=coordinates[row.i],
                labels=choice.of(row),
                truth=truth,
                cells=cells,
                verdict=verdict.label,
                fails=fails,
            )
        )
        seen.add(row.i)
    return Table(evidence.scalars, choice.headings, evidence.engines, tuple(lines), anchors)


def _gravest(evidence: Evidence, row: Row) -> tuple[Verdict, bool]:
    """Return the gravest verdict at a point, and whether it does not pass."""
    verdicts = row.verdicts(evidence.engines)
    fails = {e: evidence.fails_at(row.trial, e, row.variable, row.i) for e in verdicts}
    engine = max(verdicts, key=lambda e: (fails[e], verdicts[e].gravity))
    return verdicts[engine], fails[engine]


def _with_examples(evidence: Evidence, shown: Sequence[Row], found: Sequence[Finding]) -> list[Row]:
    """Return rows, and those of the examples of findings that are not among them."""
    have = {(row.trial.spelling, row.trial.output, row.variable, row.i) for row in shown}
    more = []
    for finding in found:
        for trial in evidence.trials:
            for variable in trial.variables:
                key = (finding.spelling, finding.output, variable, finding.example)
                is_it = trial.problem.label(variable) == finding.variable
                if (trial.spelling, trial.output) == key[:2] and is_it and key not in have:
                    have.add(key)
                    more.append(Row(trial, variable, finding.example))
    return sorted([*shown, *more], key=lambda row: row.i)


def _coordinates(evidence: Evidence, points: Sequence[int]) -> list[tuple[str, ...]]:
    """Return the coordinates of points, each with enough digits to be distinct."""
    columns = [_column(evidence, points, j) for j in range(len(evidence.scalars))]
    return list(zip(*columns, strict=True)) if columns else [() for _ in points]


def _column(evidence: Evidence, points: Sequence[int], j: int) -> list[str]:
    numbers = [float(evidence.grid.points[i, j]) + 0.0 for i in points]  # -0.0 is shown as 0
    texts = dict.fromkeys(numbers, "")
    for digits in _DIGITS:
        short = {x: f"{x:.{digits}g}" for x, text in texts.items() if not text}
        counts = collections.Counter([*short.values(), *texts.values()])
        texts |= {x: text for x, text in short.items() if counts[text] == 1}
    exact = evidence.grid.exact
    return [exact.get((i, j)) or texts[x] for i, x in zip(points, numbers, strict=True)]


def _anchor(evidence: Evidence, prefix: str, coordinates: Sequence[str]) -> str:
    """Return the fragment of a point: ``relu/x=0``."""
    pairs = zip(evidence.scalars, coordinates, strict=True)
    point = ",".join(f"{name}={text}" for name, text in pairs).replace(" ", "")
    return f"{prefix}/{point}" if point else f"{prefix}/values"


class _Labels:
    """The columns that distinguish derivatives at a point, if they are not the same everywhere."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        derivative = FIRST if evidence.options.order == 1 else SECOND
        columns = (
            ("at", bool(evidence.scalars)),
            ("spelling", any(trial.spelling for trial in evidence.trials)),
            ("output", any(trial.output for trial in evidence.trials)),
            (derivative, len(evidence.variables) > 1),
        )
        self._shown = [is_shown for _, is_shown in columns]
        self.headings = tuple(name for name, is_shown in columns if is_shown)

    def of(self, row: Row) -> tuple[str, ...]:
        """Return the cells of a row."""
        trial = row.trial
        cells = (
            _what_is_at(self._evidence, row),
            trial.spelling or "as written",
            trial.output,
            trial.problem.label(row.variable),
        )
        return tuple(cell for cell, is_shown in zip(cells, self._shown, strict=True) if is_shown)


def _what_is_at(evidence: Evidence, row: Row) -> str:
    """Return the role of a neighbour of a kink, and the kind of the point unless it is smooth."""
    role = Role.from_code(evidence.grid.roles[row.i])
    if row.kind is Kind.SMOOTH:
        kind = APPARENT if row.trial.truths[row.variable].is_apparent_kink(row.i) else ""
    else:
        kind = str(row.kind)
    return ", ".join(word for word in ("" if role is Role.KINK else role.label, kind) if word)


def _numbers(evidence: Evidence, row: Row) -> tuple[str, tuple[Cell, ...]]:
    """Return the truth and the cells of the engines, with enough digits to compare them."""
    slopes, form = _truth(row)
    cells = [_cell(evidence, row, engine) for engine in evidence.engines]
    numbers = [number for _, number in cells if number is not None]
    texts = iter(formatted([*slopes, *numbers], evidence.tolerance))
    truth = form.format(*[next(texts) for _ in slopes])
    shown = (
        cell if number is None else dataclasses.replace(cell, text=next(texts))
        for cell, number in cells
    )
    return truth, tuple(shown)


def _truth(row: Row) -> tuple[list[float], str]:
    """Return the true derivative or both slopes, and the format of their text."""
    truths, kind = row.trial.truths[row.variable], row.kind
    derivative = float(truths.derivative[row.i])
    if kind is Kind.KINK or (kind is Kind.VERTICAL and math.isnan(derivative)):
        return sorted(truths.one_sided(row.i)), "[{}, {}]"
    if math.isnan(derivative):
        return [], "undecided" if kind is Kind.UNDECIDED else "none"
    return [derivative], "{}"


def _cell(evidence: Evidence, row: Row, engine: str) -> tuple[Cell, float | None]:
    """Return the cell of an engine, and its number if it has one."""
    samples, variable, i = row.trial.samples.get(engine), row.variable, row.i
    if samples is None or variable not in samples.derivatives:
        return Cell(""), None
    verdict = row.trial.verdict(engine, variable, i)
    if variable in samples.unsupported:
        return Cell("-", verdict.label), None
    fails = evidence.fails_at(row.trial, engine, variable, i)
    if samples.reason(variable, i) or verdict is Verdict.FAILED:
        word = "" if verdict is Verdict.FAILED else verdict.label
        return Cell("failed", word, fails), None
    cell = Cell("", _word(row, engine, verdict), fails)
    return cell, float(samples.derivatives[variable][i])


def _word(row: Row, engine: str, verdict: Verdict) -> str:
    """Return what stands beside a number: nothing if it agrees, the choice at a kink."""
    if verdict is Verdict.AGREES:
        return ""
    if verdict is Verdict.SUBGRADIENT:
        choice = row.trial.detail(engine, row.variable, row.i).partition(";")[0].partition(",")[0]
        return choice if 0 < len(choice) <= _MAX_WORD else verdict.label
    return verdict.label


def kinks(evidence: Evidence, selections: Sequence[Selection]) -> tuple[tuple[Kink, ...], int]:
    """Return the first kinks of the expression as written, and the number of all of them.

    Kinks here are all points that are not smooth and at which the function has a slope on a side.
    """
    found = [row for s in selections if not s.trial.spelling for row in _kinks(s)]
    found.sort(key=lambda row: row.i)
    return tuple(_kink(evidence, row) for row in found[:MAX_KINKS]), len(found)


def _kinks(selection: Selection) -> Iterator[Row]:
    truths = selection.trial.truths[selection.variable]
    points = selection.points
    is_kink = np.isin(truths.kinds[points], (Kind.KINK, Kind.VERTICAL, Kind.EDGE, Kind.JUMP))
    is_kink &= ~(np.isnan(truths.left[points]) & np.isnan(truths.right[points]))
    for k in np.flatnonzero(is_kink).tolist():
        yield selection.row(k)


def _kink(evidence: Evidence, row: Row) -> Kink:
    (texts,) = _coordinates(evidence, [row.i])
    where = ", ".join(
        f"{name} = {text}" for name, text in zip(evidence.scalars, texts, strict=True)
    )
    slopes = row.trial.truths[row.variable].one_sided(row.i)
    left, right = (
        "none" if math.isnan(slope) else text
        for slope, text in zip(slopes, formatted(slopes, evidence.tolerance), strict=True)
    )
    output = f"{row.trial.output}, " if row.trial.output else ""
    derivative = FIRST if evidence.options.order == 1 else SECOND
    variable = f"{output}{derivative}{row.trial.problem.label(row.variable)}"
    return Kink(where or "the values", variable, row.kind.label, left, right)
