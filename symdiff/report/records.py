"""Records of a comparison: one dict for every derivative by every engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from symdiff.comparison.evidence import Evidence, Trial
from symdiff.report.record_columns import (
    DTYPE,
    Columns,
    ExactTexts,
    chunks,
    engine_columns,
    point_columns,
    truth_columns,
)

Record = dict[str, Any]

# The fields of every record, in order.
FIELDS: Final = (
    "expression",
    "spelling",
    "output",
    "variable",
    "point",
    "exact",
    "role",
    "kind",
    "left",
    "right",
    "derivative",
    "joint",
    "proved",
    "engine",
    "value",
    "error",
    "verdict",
    "detail",
    "ulps",
    "blame",
)
# The field that `DTYPE` stands behind.
_BEFORE_DTYPE: Final = "engine"


def records(evidence: Evidence) -> Iterator[Record]:
    """Yield the records of one expression.

    A record is a dict with the keys in `FIELDS`, and `dtype` where engines were asked for
    formats. Numbers that are not finite are the texts "nan", "inf" and "-inf"; None stands for
    what does not exist. `kind`, `left`, `right` and `derivative` are the truth at the exact
    point along the variable. `joint` is the truth about the function of all its variables; None
    where nothing is in doubt. `proved` is true where the truth was proved for this point, and
    the verdict follows; it is false where running error bounds certify the truth, and where the
    truth or the verdict is undecided.
    """
    for trial in evidence.trials:
        for variable in trial.variables:
            for engine in evidence.engines:
                if variable in trial.covered(engine):
                    yield from engine_records(evidence, trial, variable, engine)


def fields(evidence: Iterable[Evidence]) -> tuple[str, ...]:
    """Return the fields of the records of comparisons, in order."""
    if all(e.points_dtype is None for e in evidence):
        return FIELDS
    behind = FIELDS.index(_BEFORE_DTYPE) + 1
    return (*FIELDS[:behind], DTYPE, *FIELDS[behind:])


def engine_records(
    evidence: Evidence, trial: Trial, variable: str, engine: str
) -> Iterator[Record]:
    """Yield the records of one engine and variable, one for each point in order."""
    names = fields([evidence])
    for _, columns in engine_batches(evidence, trial, variable, engine):
        values = [columns[field].values() for field in names]
        yield from (dict(zip(names, row, strict=True)) for row in zip(*values, strict=False))


def batches(evidence: Evidence) -> Iterator[tuple[int, Columns]]:
    """Yield the columns of the records of one expression: some records, and how many they are."""
    for trial in evidence.trials:
        for variable in trial.variables:
            for engine in evidence.engines:
                if variable in trial.covered(engine):
                    yield from engine_batches(evidence, trial, variable, engine)


def engine_batches(
    evidence: Evidence, trial: Trial, variable: str, engine: str
) -> Iterator[tuple[int, Columns]]:
    """Yield the columns of the records of one engine and variable, and how many they are."""
    exact = ExactTexts.of(evidence)
    for chunk in chunks(evidence):
        yield (
            chunk.stop - chunk.start,
            {
                **point_columns(evidence, exact, chunk),
                **truth_columns(trial, variable, chunk),
                **engine_columns(evidence, trial, variable, engine, chunk),
            },
        )
