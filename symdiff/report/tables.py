"""The block of one expression: what is wrong, the derivatives worth a row, and remarks."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from symdiff.comparison.evidence import Evidence
from symdiff.grid.grid import Role
from symdiff.report.choices import choice_of, has_choice
from symdiff.report.colours import WIDTH
from symdiff.report.faults import faults, first_blame
from symdiff.report.matrices import matrices
from symdiff.report.numbers import apart, formatted, short
from symdiff.report.places import marked
from symdiff.report.remarks import remarks
from symdiff.report.rendering import FIRST, SECOND, Block, Table, name_and_text
from symdiff.report.selection import MAX_ROWS, Row, grouped, rows, select
from symdiff.truth.kinds import APPARENT, Kind
from symdiff.verdict.words import Verdict

# The most characters of an exact coordinate. A longer one is shown as a decimal.
_MAX_EXACT: Final = 20


def block(evidence: Evidence, *, everything: bool = False, width: int = WIDTH) -> Block:
    """Return the table of one expression, with its remarks.

    Parameters
    ----------
    evidence
        The result of the comparison.
    everything
        Whether to show every point, not only those that are selected.
    width
        The longest line of a matrix.
    """
    selections = select(evidence, everything=everything)
    selections = selections if everything else grouped(evidence, selections)
    shown = rows(selections, None if everything else MAX_ROWS)
    name, text = evidence.name, evidence.program.text
    label, _ = name_and_text((name, text))
    blame = first_blame(evidence, selections)
    return Block(
        title=(name, text),
        source=marked(evidence.program, label, blame),
        table=_by_engine(evidence, shown),
        tall=_by_number(evidence, shown),
        remarks=tuple(remarks(evidence, selections, sum(row.alike for row in shown))),
        matrices=matrices(evidence, width),
        findings=tuple(faults(evidence)),
    )


def _by_engine(evidence: Evidence, shown: Sequence[Row]) -> Table:
    """Return the table with a row for each point and a column for each engine."""
    labels = _Labels(evidence)
    engines = evidence.engines
    padding = (None,) * (len(labels.header()) + 1)
    rows, verdicts = [], []
    for row in shown:
        given = row.verdicts(engines)
        given_at_row = row.telling(engines) or given
        rows.append((*labels.of(row), *_numbers(evidence, row), _verdict(given_at_row)))
        verdicts.append((*padding, *(given.get(e) for e in engines), _gravest(given_at_row)))
    header = (*labels.header(), "truth", *engines, "verdict")
    return Table(header, tuple(rows), tuple(verdicts))


def _by_number(evidence: Evidence, shown: Sequence[Row]) -> Table:
    """Return the table with a row for each number and verdict at a point, and its engines."""
    labels = _Labels(evidence)
    blank = ("",) * (len(labels.header()) + 1)
    rows: list[tuple[str, ...]] = []
    verdicts: list[tuple[Verdict | None, ...]] = []
    for row in shown:
        truth, *numbers = _numbers(evidence, row)
        groups: dict[tuple[str, Verdict], list[str]] = {}
        given = row.telling(evidence.engines) or row.verdicts(evidence.engines)
        for engine, number in zip(evidence.engines, numbers, strict=True):
            if engine in given:
                groups.setdefault((number, given[engine]), []).append(engine)
        heading = (*labels.of(row), truth)
        for (number, verdict), names in groups.items():
            rows.append((*heading, number, str(verdict), ", ".join(names)))
            verdicts.append((*(None,) * len(blank), verdict, verdict, None))
            heading = blank
    return Table(
        (*labels.header(), "truth", "number", "verdict", "engines"), tuple(rows), tuple(verdicts)
    )


class _Labels:
    """The columns that name a derivative: those that are the same in every row are left out."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        # A tensor program without scalar inputs is compared at one point: the tensors' values.
        self._has_points = evidence.tensors is None or bool(evidence.scalars)
        self._has_spellings = any(trial.spelling for trial in evidence.trials)
        self._has_outputs = any(trial.output for trial in evidence.trials)
        self._has_variables = len(evidence.variables) > 1
        self._coordinates = [_coordinates(evidence, j) for j in range(len(evidence.scalars))]

    def header(self) -> tuple[str, ...]:
        """Return the headings."""
        derivative = FIRST if self._evidence.options.order == 1 else SECOND
        headings = self._selected("at", "spelling", "output", derivative)
        return (*self._evidence.scalars, *headings)

    def of(self, row: Row) -> tuple[str, ...]:
        """Return the cells of a row."""
        trial = row.trial
        labels = self._selected(
            _what_is_at(self._evidence, row),
            trial.spelling or "as written",
            trial.output,
            trial.problem.label(row.variable),
        )
        return (*(coordinate(row.i) for coordinate in self._coordinates), *labels)

    def _selected(self, at: str, spelling: str, output: str, variable: str) -> list[str]:
        """Return those of the cells that the table has."""
        cells = (
            (at, self._has_points),
            (spelling, self._has_spellings),
            (output, self._has_outputs),
            (variable, self._has_variables),
        )
        return [cell for cell, is_shown in cells if is_shown]


def _coordinates(evidence: Evidence, j: int) -> Callable[[int], str]:
    """Return a function from a point to its coordinate, distinct from the next ones."""
    grid = evidence.grid
    all_values = functools.cache(lambda: np.unique(grid.points[:, j]))  # sorted

    def coordinate(i: int) -> str:
        x, exact = float(grid.points[i, j]), grid.exact.get((i, j))
        if exact is not None:
            return exact if len(exact) <= _MAX_EXACT else f"≈{short(x)}"
        values = all_values()
        k = int(np.searchsorted(values, x))
        return apart(x, [*values[max(k - 1, 0) : k].tolist(), *values[k + 1 : k + 2].tolist()])

    return coordinate


def _what_is_at(evidence: Evidence, row: Row) -> str:
    """Return the role of a neighbour, the kind unless it is smooth, and of how many it is one."""
    truths, kind = row.trial.truths[row.variable], row.kind
    role = Role.from_code(evidence.grid.roles[row.i])
    if role is Role.KINK or (role is Role.REGULAR and truths.is_apparent_kink(row.i)):
        words = [APPARENT if kind is Kind.SMOOTH else str(kind)]
    else:
        words = [word for word in (role.label, "" if kind is Kind.SMOOTH else str(kind)) if word]
    if row.alike > 1:
        words.append(f"1 of {row.alike}" if words else f"1 of {row.alike} alike")
    return ", ".join(words)


def _numbers(evidence: Evidence, row: Row) -> list[str]:
    """Return the cells of the truth and of every engine, with digits enough to compare them."""
    cells, numbers = _truth(row)
    for engine in evidence.engines:
        cell, number = _value(row, engine)
        cells.append(cell)
        numbers.extend(number)
    texts = iter(formatted(numbers, evidence.tolerance))
    return [re.sub("#", lambda _: next(texts), cell) for cell in cells]


def _truth(row: Row) -> tuple[list[str], list[float]]:
    """Return the cell of the truth, in which "#" stands for a number, and the numbers."""
    truths, kind = row.trial.truths[row.variable], row.kind
    derivative = float(truths.derivative[row.i])
    if kind is Kind.KINK or (kind is Kind.VERTICAL and math.isnan(derivative)):
        slopes = truths.one_sided(row.i)
        if any(map(math.isnan, slopes)):
            return ["# | #"], list(slopes)
        low, high = sorted(slopes)
        first, last = ("(" if math.isinf(low) else "["), (")" if math.isinf(high) else "]")
        return [f"{first}#, #{last}"], [low, high]
    if math.isnan(derivative):
        return ["?" if kind is Kind.UNDECIDED else "none"], []
    return ["#"], [derivative]


def _value(row: Row, engine: str) -> tuple[str, list[float]]:
    """Return the cell of an engine, and its number if it has one."""
    samples = row.trial.samples.get(engine)
    if samples is None or row.variable not in samples.derivatives:
        return "", []
    if row.variable in samples.unsupported:
        return "-", []
    verdict = row.trial.verdict(engine, row.variable, row.i)
    if samples.reason(row.variable, row.i) or verdict is Verdict.FAILED:
        return "failed", []
    value = float(samples.derivatives[row.variable][row.i])
    if not has_choice(row.trial.truths[row.variable], row.i, verdict):
        return "#", [value]
    word = choice_of(row.trial.detail(engine, row.variable, row.i)).word
    element = _element(word, *row.trial.truths[row.variable].one_sided(row.i))
    if element is None or short(element) == short(value):
        return f"# {word}", [value]
    return f"≈# {word}", [element]  # 0 and not 2.6e-10


def _element(word: str, left: float, right: float) -> float | None:
    """Return the element of the Clarke interval that a word names, or None."""
    elements = {"left": left, "right": right, "mean": (left + right) / 2}
    return elements.get(word)


def _gravest(verdicts: dict[str, Verdict]) -> Verdict:
    return max(verdicts.values(), key=lambda verdict: verdict.gravity)


def _verdict(verdicts: dict[str, Verdict]) -> str:
    """Return the gravest verdict, and which engines have it, unless all do."""
    gravest = _gravest(verdicts)
    having = [engine for engine, verdict in verdicts.items() if verdict is gravest]
    supporting = [v for v in verdicts.values() if v is not Verdict.UNSUPPORTED]
    if len(having) >= len(supporting):
        return str(gravest)
    return f"{gravest}: {', '.join(having)}"
