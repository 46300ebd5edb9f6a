"""Derivatives with respect to the components of tensors, as matrices."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np

from symdiff.comparison.evidence import Evidence, Trial
from symdiff.program.values import component_name
from symdiff.report.colours import WIDTH
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict, counted

# The most rows of one matrix; records have all of them.
MAX_ROWS: Final = 16
# Significant digits of a derivative.
_DIGITS: Final = 6
# Characters that `tabulate` adds to the width of a heading.
_PADDING: Final = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Matrix:
    """Derivatives with respect to one input, as a table.

    Attributes
    ----------
    header, rows
        Every cell is text; the first column names the row.
    remarks
        How often each verdict was given to each engine, and how much is not shown.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...]


def matrices(evidence: Evidence, width: int = WIDTH) -> tuple[Matrix, ...]:
    """Return the derivatives of a tensor program: one matrix for each input.

    A gradient has the shape of its input. A Jacobian has a row for each component of the output
    and a column for each component of the input. Columns that make a line longer than `width` are
    left out.
    """
    tensors = evidence.tensors
    trials = [t for t in evidence.trials if not t.spelling]
    if tensors is None or len(evidence.grid) != 1 or not trials or trials[0].is_directional:
        return ()
    if "tangent" in tensors.contraction and evidence.options.order == 1:
        return (_fitted(_products(evidence, trials), width),)
    single = len(trials) == 1 and not _label(trials[0])
    make = _gradient if single else _jacobian
    tables = [make(evidence, trials, n, shape) for n, shape in tensors.wrt.items() if shape]
    scalars = [n for n, shape in tensors.wrt.items() if not shape]
    if scalars:
        tables.append(_by_scalars(evidence, trials, scalars))
    return tuple(_fitted(table, width) for table in tables)


def _by_scalars(evidence: Evidence, trials: Sequence[Trial], names: Sequence[str]) -> Matrix:
    cells = np.array([[_cell(t, n) for n in names] for t in trials], dtype=object)
    labels = [_label(t) for t in trials]
    counts = _counts(evidence, trials, names)
    return _whole(_corner(labels), labels, [f"d/d{n}" for n in names], cells, counts)


def _gradient(
    evidence: Evidence, trials: Sequence[Trial], name: str, shape: tuple[int, ...]
) -> Matrix:
    (trial,) = trials
    names = [component_name(name, index) for index in np.ndindex(*shape)]
    cells = np.array([_cell(trial, n) for n in names], dtype=object).reshape(-1, shape[-1])
    labels = [f"[{','.join(map(str, p))},:]" if p else "" for p in np.ndindex(*shape[:-1])]
    columns = [f"[{k}]" if len(shape) == 1 else f"[:,{k}]" for k in range(shape[-1])]
    return _whole(f"d/d{name}", labels, columns, cells, _counts(evidence, trials, names))


def _jacobian(
    evidence: Evidence, trials: Sequence[Trial], name: str, shape: tuple[int, ...]
) -> Matrix:
    names = [component_name(name, index) for index in np.ndindex(*shape)]
    cells = np.array([[_cell(t, n) for n in names] for t in trials], dtype=object)
    labels = [_label(t) for t in trials]
    return _whole(
        _corner(labels), labels, [f"d/d{n}" for n in names], cells, _counts(evidence, trials, names)
    )


def _products(evidence: Evidence, trials: Sequence[Trial]) -> Matrix:
    (name,) = evidence.variables
    cells = np.array([[_cell(t, name)] for t in trials], dtype=object)
    labels = [_label(t) for t in trials]
    return _whole(
        _corner(labels), labels, ["along the tangent"], cells, _counts(evidence, trials, [name])
    )


def _corner(labels: Sequence[str]) -> str:
    """Return the heading of the column with the labels of the rows."""
    return "output" if any(label.startswith("[") for label in labels) else ""


def _label(trial: Trial) -> str:
    """Return the output of a row, and the input that is differentiated by first."""
    second = trial.problem.second
    inner = "" if second is None else f"d/d{second.inner}"
    return " ".join(part for part in (trial.output, inner) if part)


def _cell(trial: Trial, variable: str) -> str:
    truths = trial.truths[variable]
    kind = Kind.from_code(truths.kinds[0])
    if kind is Kind.KINK:
        low, high = sorted(truths.one_sided(0))
        return f"[{_number(low)}, {_number(high)}]"
    if np.isnan(truths.derivative[0]):
        return "?" if kind is Kind.UNDECIDED else str(kind)
    return _number(truths.derivative[0])


def _number(x: float) -> str:
    return f"{float(x) + 0.0:.{_DIGITS}g}"


def _counts(evidence: Evidence, trials: Sequence[Trial], names: Sequence[str]) -> str:
    """Return how often each verdict was given to each engine."""
    engines_by_counts: dict[str, list[str]] = {}
    for engine in evidence.engines:
        total: collections.Counter[Verdict] = collections.Counter()
        for trial in trials:
            for name in set(names).intersection(trial.covered(engine)):
                total.update(counted(trial.verdicts(engine, name)))
        counts = ", ".join(f"{v} {total[v]}" for v in Verdict if total[v])
        if counts:
            engines_by_counts.setdefault(counts, []).append(engine)
    return "; ".join(
        f"{', '.join(engines)}: {counts}" for counts, engines in engines_by_counts.items()
    )


def _whole(
    corner: str, labels: Sequence[str], columns: Sequence[str], cells: np.ndarray, counts: str
) -> Matrix:
    rows = tuple((label, *row) for label, row in zip(labels, cells.tolist(), strict=True))
    return Matrix((corner, *columns), rows, (counts,))


def _fitted(matrix: Matrix, width: int) -> Matrix:
    """Return a matrix of at most `MAX_ROWS` rows, with the first columns that fit a line."""
    rows = matrix.rows[:MAX_ROWS]
    corner, *columns = matrix.header
    width_left = width - max(len(corner) + _PADDING, *(len(row[0]) for row in rows))
    fitting = 0
    for k, title in enumerate(columns, start=1):
        width_left -= 2 + max(len(title) + _PADDING, *(len(row[k]) for row in rows))
        if width_left < 0 and fitting:
            break
        fitting += 1
    remarks = list(matrix.remarks)
    if fitting < len(columns) or len(rows) < len(matrix.rows):
        size = f"{len(matrix.rows)} x {len(columns)}"
        remarks.append(f"{len(rows)} x {fitting} of {size} shown; records have them all")
    return Matrix(
        matrix.header[: fitting + 1], tuple(row[: fitting + 1] for row in rows), tuple(remarks)
    )
