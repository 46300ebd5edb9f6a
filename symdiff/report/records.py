"""Records of a comparison: one dict for every derivative by every engine."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array, Mask
from symdiff.comparison.evidence import Evidence, Trial
from symdiff.engines.base import Samples
from symdiff.engines.in_format import format_in_name
from symdiff.grid.grid import Role
from symdiff.labels import LabelledEnum
from symdiff.program.values import DTYPES, Dtype
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths
from symdiff.verdict.words import Verdict

Record = dict[str, Any]
Columns = Mapping[str, Iterable[Any]]  # by field, the values at some points

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
# The field of a run in other formats than float64, and the field that it stands behind.
DTYPE: Final = "dtype"
_BEFORE_DTYPE: Final = "engine"
# An engine with one of these verdicts has no value.
_WITHOUT_VALUE: Final = (Verdict.UNSUPPORTED, Verdict.FAILED)
# Records are made for this many points at a time.
_CHUNK: Final = 2**14


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
    exact = _exact_texts(evidence)
    constants = {
        "expression": evidence.name,
        "spelling": trial.spelling or None,
        "output": trial.output or None,
        "variable": trial.problem.label(variable),
        "engine": engine,
        DTYPE: _format(trial, engine),
    }
    names = fields([evidence])
    for start in range(0, len(evidence.grid), _CHUNK):
        chunk = slice(start, min(start + _CHUNK, len(evidence.grid)))
        columns = {
            **{name: itertools.repeat(value) for name, value in constants.items()},
            **_point_columns(evidence, exact, chunk),
            **_truth_columns(trial.truths[variable], chunk),
            "joint": trial.joints.labels(chunk),
            "proved": _proved(trial, engine, variable, chunk).tolist(),
            **_sample_columns(trial, engine, variable, chunk),
            **_explanation_columns(evidence, trial, engine, variable, chunk),
        }
        ordered = [columns[field] for field in names]
        yield from (dict(zip(names, row, strict=True)) for row in zip(*ordered, strict=False))


def _format(trial: Trial, engine: str) -> str:
    """Return the name of the format in which an engine was asked to compute."""
    form = format_in_name(engine)
    return trial.samples[engine].asked if form is None else form.name


def _exact_texts(evidence: Evidence) -> dict[int, str]:
    """Return by point the coordinates that are not doubles: ``1/3``, or ``x=pi, y=1/3``."""
    texts: dict[int, list[str]] = {}
    for (i, j), text in sorted(evidence.grid.exact.items()):
        name = "" if len(evidence.scalars) == 1 else f"{evidence.grid.names[j]}="
        texts.setdefault(i, []).append(name + text)
    return {i: ", ".join(parts) for i, parts in texts.items()}


def _point_columns(evidence: Evidence, exact: Mapping[int, str], chunk: slice) -> Columns:
    grid, names = evidence.grid, evidence.scalars
    # The components of tensors are coordinates too, but a report has the tensors' values once.
    coordinates = grid.points[chunk, : len(names)].tolist()
    return {
        "point": [dict(zip(names, row, strict=True)) for row in coordinates],
        "exact": [exact.get(i) for i in range(chunk.start, chunk.stop)],
        "role": [label or None for label in _labels(grid.roles[chunk], Role)],
    }


def _truth_columns(truths: Truths, chunk: slice) -> Columns:
    return {
        "kind": _labels(truths.kinds[chunk], Kind),
        "left": _existing_numbers(truths.left[chunk]),
        "right": _existing_numbers(truths.right[chunk]),
        "derivative": _existing_numbers(truths.derivative[chunk]),
    }


def _proved(trial: Trial, engine: str, variable: str, chunk: slice) -> Mask:
    """Return at which points the truth was proved, and the verdict on the engine follows."""
    is_decided = trial.verdicts(engine, variable)[chunk] != Verdict.UNDECIDED
    proved: Mask = trial.truths[variable].proved[chunk] & is_decided
    return proved & (not trial.is_directional)


def _sample_columns(trial: Trial, engine: str, variable: str, chunk: slice) -> Columns:
    samples, truths = trial.samples[engine], trial.truths[variable]
    codes, values = trial.verdicts(engine, variable)[chunk], samples.derivatives[variable][chunk]
    succeeded = _succeeded(samples, variable, chunk)
    has_value = succeeded & ~np.isin(codes, _WITHOUT_VALUE)
    errors = samples.errors.get(variable)
    units = ulps(values, truths.derivative[chunk], DTYPES[samples.asked])
    units[~(_proved(trial, engine, variable, chunk) & succeeded)] = np.nan
    return {
        "value": _numbers(values, has_value),
        "error": itertools.repeat(None) if errors is None else _numbers(errors[chunk], has_value),
        "verdict": _labels(codes, Verdict),
        "ulps": _existing_numbers(units),
    }


def _succeeded(samples: Samples, variable: str, chunk: slice) -> Mask:
    """Return at which points an engine returned a number."""
    if variable in samples.unsupported:
        return np.zeros(chunk.stop - chunk.start, dtype=bool)
    return ~samples.failing(variable, chunk)


def _explanation_columns(
    evidence: Evidence, trial: Trial, engine: str, variable: str, chunk: slice
) -> Columns:
    explanations = trial.explanations[engine, variable]
    codes = trial.verdicts(engine, variable)[chunk]
    details: list[str | None] = [None] * len(codes)
    blames = [None if agrees else evidence.name for agrees in (codes == Verdict.AGREES).tolist()]
    first, last = np.searchsorted(explanations.points, [chunk.start, chunk.stop])
    for k in range(first, last):
        i = int(explanations.points[k]) - chunk.start
        details[i] = explanations.texts[explanations.details[k]] or None
        if blames[i] is not None:
            blames[i] = explanations.texts[explanations.blames[k]] or evidence.name
    return {"detail": details, "blame": blames}


def _labels(codes: NDArray[np.int8], listing: type[LabelledEnum]) -> list[str]:
    """Return the labels of codes."""
    label_of = {int(member): member.label for member in listing}
    return [label_of[code] for code in codes.tolist()]


def _numbers(values: Array, exists: Mask) -> list[float | str | None]:
    """Return numbers as JSON can represent them, None where no number exists.

    Examples
    --------
    >>> _numbers(np.array([0.5, np.nan, -np.inf, 2.0]), np.array([True, True, True, False]))
    [0.5, 'nan', '-inf', None]
    """
    numbers: list[float | str | None] = values.tolist()
    for i in np.flatnonzero(~np.isfinite(values)).tolist():
        numbers[i] = str(numbers[i])
    for i in np.flatnonzero(~exists).tolist():
        numbers[i] = None
    return numbers


def _existing_numbers(values: Array) -> list[float | str | None]:
    """Return numbers as JSON can represent them, None in place of NaN."""
    return _numbers(values, ~np.isnan(values))


def ulps(values: Array, derivatives: Array, dtype: Dtype) -> Array:
    """Return by how many units in the last place values deviate from derivatives.

    A unit is the distance from the derivative to the next number of the dtype of larger magnitude.
    The result is NaN where the value or the derivative is not finite, where the derivative is 0 and
    the value is not, and where the number of units overflows.

    Examples
    --------
    >>> ones = np.array([1.0, 1.0, 1.0, 0.0])
    >>> ulps(np.array([1.0, 1.0 + 2**-51, np.nan, 1.0]), ones, DTYPES["float64"])
    array([ 0.,  2., nan, nan])
    >>> ulps(1 + 2.0 ** np.array([-6, -23]), np.ones(2), DTYPES["float32"])
    array([1.31072e+05, 1.00000e+00])
    """
    with np.errstate(all="ignore"):
        units: Array = np.abs(values - derivatives) / dtype.units(derivatives)
    units[(derivatives == 0) | ~np.isfinite(units)] = np.nan
    units[(values == derivatives) & np.isfinite(values)] = 0.0
    return units
