"""Report the points of `at` and `values` at which a function is undefined."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from symdiff.comparison.evidence import Evidence, Trial
from symdiff.report.points import where
from symdiff.report.selection import Row
from symdiff.truth.kinds import TENDS, Kind
from symdiff.verdict.words import Verdict

_MAX_FINDINGS: Final = 4
# Verdicts on an engine that blame what it cannot do.
_WITHOUT_CAUSE: Final = (Verdict.UNSUPPORTED, Verdict.FAILED)


def has_undefined_points(evidence: Evidence) -> bool:
    """Return whether the function is undefined at a point that was asked for."""
    is_listed = evidence.grid.listed
    return is_listed and any(
        next(_undefined_points(trial), None) is not None for trial in evidence.trials
    )


def undefined_points(evidence: Evidence) -> list[str]:
    """Return a sentence for each cause: the first point where the function is undefined, and why.

    The list is empty for points of a range, which often reach beyond the domain.
    """
    if not evidence.grid.listed:
        return []
    rows_by_cause: dict[str, list[Row]] = {}
    for trial in evidence.trials:
        for i in _undefined_points(trial):
            row = Row(trial, evidence.variables[0], i)
            rows_by_cause.setdefault(_cause(evidence, row), []).append(row)
    lines = [_finding(evidence, cause, rows) for cause, rows in rows_by_cause.items()]
    more = len(lines) - _MAX_FINDINGS
    return lines[:_MAX_FINDINGS] + ([f"and {more} more causes"] if more > 0 else [])


def _undefined_points(trial: Trial) -> Iterator[int]:
    """Yield the points at which a function is undefined."""
    if trial.spelling or not trial.truths:
        return
    truths = next(iter(trial.truths.values()))
    for i in np.flatnonzero(np.isin(truths.kinds, (Kind.OUTSIDE, Kind.POLE))).tolist():
        if truths.kinds[i] == Kind.OUTSIDE or not truths.detail(i).startswith(TENDS):
            yield i


def _cause(evidence: Evidence, row: Row) -> str:
    """Return why the function is undefined, and the sub-expression to blame."""
    judgements = row.trial.judgements
    ran = [
        e
        for e in evidence.engines
        if (e, row.variable) in judgements
        and judgements[e, row.variable].codes[row.i] not in _WITHOUT_CAUSE
    ]
    blames = (evidence.blame(row.trial, e, row.variable, row.i) for e in ran)
    blame = next(filter(None, blames), "")
    if evidence.tensors is not None and blame:
        return blame  # with the element, and the call with its numbers
    reason = row.trial.truths[row.variable].detail(row.i).partition("; ")[0]
    return "; ".join(text for text in (reason, blame) if text)


def _finding(evidence: Evidence, cause: str, rows: list[Row]) -> str:
    """Return the sentence on the points and outputs that one cause makes undefined."""
    outputs = dict.fromkeys(row.trial.output for row in rows if row.trial.output)
    points = dict.fromkeys(row.i for row in rows)
    at = where(evidence, rows[0].i)
    others = f" and at {len(points) - 1} more of {len(evidence.grid)} points" * (len(points) > 1)
    place = f" at {at}{others}" if at else ""
    inside = f" in output {' and '.join(outputs)}" if outputs else ""
    return f"undefined{inside}{place}: {cause}"
