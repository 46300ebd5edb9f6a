"""Evidence as records: one dict for every engine, variable and point."""

from __future__ import annotations

import importlib.metadata
import math
import platform
from collections.abc import Iterator
from typing import Any, Final

from symdiff.comparison import VERDICTS, Evidence, Trial
from symdiff.grid.grid import ROLES
from symdiff.program import Program
from symdiff.program.nodes import Call
from symdiff.verdict import Verdict

DISTRIBUTION: Final = "symdiff-compare"
Record = dict[str, Any]

# Whatever a record has, and in this order.
FIELDS: Final = (
    *("expression", "spelling", "output", "variable", "point", "exact", "role", "kind"),
    *("left", "right", "derivative", "engine", "value", "error", "verdict", "detail"),
    *("ulps", "blame"),
)


def records(evidence: Evidence) -> Iterator[Record]:
    """Yield the records of one expression.

    A record is a dict with the keys in `FIELDS`. Numbers that are not finite are the texts
    "nan", "inf" and "-inf"; what is absent is None. The truth (`kind`, `left`, `right`,
    `derivative`, `ulps`) is not decided yet: `kind` is "undecided" and the others are None.
    """
    for trial in evidence.trials:
        for variable in evidence.variables:
            for engine in evidence.engines:
                if variable in trial.covered(engine):
                    yield from _engine_records(evidence, trial, variable, engine)


def _engine_records(
    evidence: Evidence, trial: Trial, variable: str, engine: str
) -> Iterator[Record]:
    samples = trial.samples[engine]
    verdicts = trial.verdicts(engine, variable)
    values = samples.derivatives[variable]
    errors = samples.errors.get(variable)
    for i in range(len(evidence.grid)):
        verdict = VERDICTS[verdicts[i]]
        has_value = verdict not in {Verdict.FAILED, Verdict.UNSUPPORTED}
        yield {
            "expression": evidence.name,
            "spelling": trial.spelling or None,
            "output": None,
            "variable": variable,
            "point": point(evidence, i),
            "exact": exact(evidence, i),
            "role": ROLES[evidence.grid.roles[i]] or None,
            "kind": "undecided",
            "left": None,
            "right": None,
            "derivative": None,
            "engine": engine,
            "value": number(float(values[i])) if has_value else None,
            "error": number(float(errors[i])) if has_value and errors is not None else None,
            "verdict": str(verdict),
            "detail": detail(trial, engine, variable, i, verdict),
            "ulps": None,
            "blame": blame(evidence, trial, engine, i, verdict),
        }


def number(value: float) -> float | str:
    """Return a number as JSON can hold it.

    Examples
    --------
    >>> number(0.5), number(math.nan), number(-math.inf)
    (0.5, 'nan', '-inf')
    """
    return value if math.isfinite(value) else str(value)


def point(evidence: Evidence, i: int) -> dict[str, float]:
    """Return the coordinates of a point, as the engines got them."""
    row = evidence.grid.points[i]
    return {name: float(x) for name, x in zip(evidence.grid.names, row, strict=True)}


def exact(evidence: Evidence, i: int) -> str | None:
    """Return the exact numbers of a point, where they are no doubles: ``1/3``, ``x=pi, y=1/3``."""
    grid = evidence.grid
    found = [(n, grid.exact[i, j]) for j, n in enumerate(grid.names) if (i, j) in grid.exact]
    if not found:
        return None
    if len(grid.names) == 1:
        return found[0][1]
    return ", ".join(f"{name}={text}" for name, text in found)


def detail(trial: Trial, engine: str, variable: str, i: int, verdict: Verdict) -> str | None:
    """Return what a verdict's word leaves open."""
    samples = trial.samples[engine]
    if verdict is Verdict.UNSUPPORTED:
        return samples.unsupported
    if verdict is Verdict.FAILED:
        return samples.reason(i)
    if verdict is Verdict.AGREES:
        return None
    spread = float(trial.agreements[variable].spread[i])
    if math.isnan(spread):
        return "no number"
    if spread == 0:
        return "not compared"
    return f"{spread:.3g} apart"


def blame(evidence: Evidence, trial: Trial, engine: str, i: int, verdict: Verdict) -> str | None:
    """Return the sub-expression to look at, with its place."""
    if verdict is Verdict.AGREES:
        return None
    if verdict is Verdict.UNSUPPORTED:
        return _call_of(trial.program, trial.samples[engine].unsupported.split(":")[0])
    switch = int(evidence.grid.switch_of[i])
    if switch < 0:
        return None
    found = evidence.grid.switches[switch]
    return found.program.place(found.blame) or None


def _call_of(program: Program, function: str) -> str | None:
    for index, node in enumerate(program.nodes):
        if isinstance(node, Call) and node.function == function:
            return program.place(index) or None
    return None


def versions() -> dict[str, str]:
    """Return the versions that a report depends on."""
    packages = {"symdiff": DISTRIBUTION, "torch": "torch", "sympy": "sympy", "numpy": "numpy"}
    found = {name: importlib.metadata.version(package) for name, package in packages.items()}
    return {**found, "python": platform.python_version()}
