"""The table of one expression: the derivatives worth a row, and remarks on all of them."""

from __future__ import annotations

import math
import re
from typing import Final

from symdiff.comparison.evidence import Evidence
from symdiff.grid.grid import Role
from symdiff.report.matrices import matrices
from symdiff.report.numbers import formatted
from symdiff.report.remarks import remarks
from symdiff.report.rendering import FIRST, SECOND, Block
from symdiff.report.selection import MAX_ROWS, Row, rows, select
from symdiff.report.undefined import undefined_points
from symdiff.truth.kinds import APPARENT, Kind
from symdiff.verdict.words import Verdict

# Significant digits of the numbers in a row: the fewest that show which of them differ.
_DIGITS: Final = 6
# Significant digits of a neighbour of a kink: its role says how it differs from the kink.
_DIGITS_OF_NEIGHBOUR: Final = 4
# The most characters of an exact coordinate. A longer one is shown as a decimal.
_MAX_EXACT: Final = 20
# Coordinates of points with other roles are shown with `_DIGITS_OF_NEIGHBOUR` digits.
_ROLES_WITH_DIGITS: Final = (Role.REGULAR, Role.KINK, Role.NEAREST)


def block(evidence: Evidence, *, everything: bool = False) -> Block:
    """Return the table of one expression, with its remarks.

    Parameters
    ----------
    evidence
        The result of the comparison.
    everything
        Whether to show every point, not only those that are selected.
    """
    selections = select(evidence, everything=everything)
    shown = rows(selections, None if everything else MAX_ROWS)
    columns = _Columns(evidence)
    return Block(
        title=(evidence.name, evidence.program.text),
        header=columns.header(),
        rows=tuple(columns.row(row) for row in shown),
        remarks=tuple(remarks(evidence, selections, len(shown))),
        matrices=matrices(evidence),
        findings=tuple(undefined_points(evidence)),
    )


class _Columns:
    """The columns of a table: those that are the same in every row are left out."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        # A tensor program without scalar inputs is compared at one point: the tensors' values.
        self._has_points = evidence.tensors is None or bool(evidence.scalars)
        self._has_spellings = any(trial.spelling for trial in evidence.trials)
        self._has_outputs = any(trial.output for trial in evidence.trials)
        self._has_variables = len(evidence.variables) > 1

    def header(self) -> tuple[str, ...]:
        """Return the headings."""
        derivative = FIRST if self._evidence.options.order == 1 else SECOND
        headings = self._selected("at", "spelling", "output", derivative)
        return (*self._evidence.scalars, *headings, "truth", *self._evidence.engines, "verdict")

    def row(self, row: Row) -> tuple[str, ...]:
        """Return the cells of a row."""
        evidence, trial = self._evidence, row.trial
        labels = self._selected(
            _what_is_at(evidence, row),
            trial.spelling or "as written",
            trial.output,
            trial.problem.label(row.variable),
        )
        coordinates = [_coordinate(evidence, row.i, j) for j in range(len(evidence.scalars))]
        return (*coordinates, *labels, *_numbers(evidence, row), _verdict(evidence, row))

    def _selected(self, at: str, spelling: str, output: str, variable: str) -> list[str]:
        """Return those of the cells that the table has."""
        cells = (
            (at, self._has_points),
            (spelling, self._has_spellings),
            (output, self._has_outputs),
            (variable, self._has_variables),
        )
        return [cell for cell, is_shown in cells if is_shown]


def _coordinate(evidence: Evidence, i: int, j: int) -> str:
    grid = evidence.grid
    x, exact = float(grid.points[i, j]) + 0.0, grid.exact.get((i, j))  # -0.0 is shown as 0
    if exact is not None:
        return exact if len(exact) <= _MAX_EXACT else f"≈{x:.{_DIGITS}g}"
    has_digits = Role.from_code(grid.roles[i]) in _ROLES_WITH_DIGITS
    return f"{x:.{_DIGITS if has_digits else _DIGITS_OF_NEIGHBOUR}g}"


def _what_is_at(evidence: Evidence, row: Row) -> str:
    """Return the role of a neighbour, and the kind of the point unless it is smooth."""
    truths, kind = row.trial.truths[row.variable], row.kind
    role = Role.from_code(evidence.grid.roles[row.i])
    if role is Role.KINK or (role is Role.REGULAR and truths.is_apparent_kink(row.i)):
        return APPARENT if kind is Kind.SMOOTH else str(kind)
    words = (role.label, "" if kind is Kind.SMOOTH else str(kind))
    return ", ".join(word for word in words if word)


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
        return ["# | #"], list(truths.one_sided(row.i))
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
    return "#", [float(samples.derivatives[row.variable][row.i])]


def _verdict(evidence: Evidence, row: Row) -> str:
    """Return the gravest verdict, and which or how many engines have it, unless all do."""
    verdicts = row.verdicts(evidence.engines)
    gravest = max(verdicts.values(), key=lambda verdict: verdict.gravity)
    having = [engine for engine, verdict in verdicts.items() if verdict is gravest]
    supporting = [v for v in verdicts.values() if v is not Verdict.UNSUPPORTED]
    if len(having) >= len(supporting):
        return str(gravest)
    return f"{gravest}: {having[0] if len(having) == 1 else f'{len(having)} of {len(verdicts)}'}"
