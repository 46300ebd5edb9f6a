"""Evidence as records: one dict for every engine, variable and point."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from symdiff.comparison.evidence import Evidence, Trial
from symdiff.grid.grid import Role
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict

Record = dict[str, Any]
_WITHOUT_VALUE: Final = frozenset({Verdict.UNSUPPORTED, Verdict.FAILED})

# Whatever a record has, and in this order.
FIELDS: Final = (
    *("expression", "spelling", "output", "variable", "point", "exact", "role", "kind"),
    *("left", "right", "derivative", "proved", "engine", "value", "error", "verdict", "detail"),
    *("ulps", "blame"),
)


def records(evidence: Evidence) -> Iterator[Record]:
    """Yield the records of one expression.

    A record is a dict with the keys in `FIELDS`. Numbers that are not finite are the texts
    "nan", "inf" and "-inf"; what is absent is None. `kind`, `left`, `right` and `derivative`
    are the truth at the exact point; `proved` says whether the point was proved by itself, or
    settled with all others by bounds of rounding errors.
    """
    for trial in evidence.trials:
        for variable in trial.variables:
            for engine in evidence.engines:
                if variable in trial.covered(engine):
                    yield from _engine_records(evidence, trial, variable, engine)


def _engine_records(
    evidence: Evidence, trial: Trial, variable: str, engine: str
) -> Iterator[Record]:
    samples = trial.samples[engine]
    verdicts = trial.verdicts(engine, variable)
    truths = trial.truths[variable]
    values = samples.derivatives[variable]
    errors = samples.errors.get(variable)
    for i in range(len(evidence.grid)):
        verdict = Verdict.from_code(verdicts[i])
        has_value = verdict not in _WITHOUT_VALUE and not samples.reason(i)
        yield {
            "expression": evidence.name,
            "spelling": trial.spelling or None,
            "output": trial.output or None,
            "variable": variable,
            "point": point(evidence, i),
            "exact": exact(evidence, i),
            "role": Role.from_code(evidence.grid.roles[i]).label or None,
            "kind": Kind.from_code(truths.kinds[i]).label,
            "left": known(float(truths.left[i])),
            "right": known(float(truths.right[i])),
            "derivative": known(float(truths.derivative[i])),
            "proved": bool(truths.proved[i]),
            "engine": engine,
            "value": number(float(values[i])) if has_value else None,
            "error": number(float(errors[i])) if has_value and errors is not None else None,
            "verdict": verdict.label,
            "detail": trial.detail(engine, variable, i) or None,
            "ulps": ulps(trial, engine, variable, i),
            "blame": evidence.blame(trial, engine, variable, i) or None,
        }


def number(value: float) -> float | str:
    """Return a number as JSON can hold it.

    Examples
    --------
    >>> number(0.5), number(math.nan), number(-math.inf)
    (0.5, 'nan', '-inf')
    """
    return value if math.isfinite(value) else str(value)


def known(value: float) -> float | str | None:
    """Return a number of the truth: NaN stands for one that does not exist."""
    return None if math.isnan(value) else number(value)


def point(evidence: Evidence, i: int) -> dict[str, float]:
    """Return the coordinates of a point, as the engines got them; those of tensors stand once."""
    row = evidence.grid.points[i]
    return {name: float(x) for name, x in zip(evidence.scalars, row, strict=False)}


def exact(evidence: Evidence, i: int) -> str | None:
    """Return the exact numbers of a point, where they are no doubles: ``1/3``, ``x=pi, y=1/3``."""
    grid = evidence.grid
    found = [(n, grid.exact[i, j]) for j, n in enumerate(grid.names) if (i, j) in grid.exact]
    if not found:
        return None
    if len(evidence.scalars) == 1:
        return found[0][1]
    return ", ".join(f"{name}={text}" for name, text in found)


def ulps(trial: Trial, engine: str, variable: str, i: int) -> float | None:
    """Return the deviation of a value from the derivative in units in the last place.

    A unit is the distance between the doubles around the derivative. None where there is no
    finite derivative or no finite value, where the deviation in units overflows or the derivative
    is 0, and where the derivative was not proved: then its last digits are not known.
    """
    if not trial.truths[variable].proved[i]:
        return None
    derivative = float(trial.truths[variable].derivative[i])
    samples = trial.samples[engine]
    value = float(samples.derivatives[variable][i])
    missing = bool(samples.unsupported) or bool(samples.reason(i))
    if missing or not (math.isfinite(derivative) and math.isfinite(value)):
        return None
    if value == derivative:
        return 0.0
    if derivative == 0:
        return None
    units = abs(value - derivative) / float(np.spacing(abs(derivative)))
    return units if math.isfinite(units) else None
