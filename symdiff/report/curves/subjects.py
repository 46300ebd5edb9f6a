"""What a picture shows of a comparison: which trial, which derivative, along which axis."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from symdiff.array_types import Array
from symdiff.comparison.evidence import Evidence, Trial
from symdiff.report.curves.scales import FARTHEST
from symdiff.verdict.words import Verdict

_GRAVITY = np.zeros(1 + max(Verdict), dtype=np.int8)
for _verdict in Verdict:
    _GRAVITY[_verdict] = 0 if _verdict.passes else _verdict.gravity


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What a picture of lines shows.

    Attributes
    ----------
    trial
        The spelling and output.
    variable
        The variable of the derivative.
    axis
        The input along the horizontal axis.
    coordinates
        The coordinates of the points along the axis, shape (n,).
    exact
        By point, the exact coordinate along the axis as text where it is not a double.
    """

    trial: Trial
    variable: str
    axis: str
    coordinates: Array
    exact: Mapping[int, str]

    @property
    def value_name(self) -> str:
        """The name of what is differentiated."""
        second = self.trial.problem.second
        return "f" if second is None else f"df/d{second.inner}"


def derivative_name(trial: Trial, variable: str) -> str:
    """Return the name of a derivative, such as ``df/dx``; of a second one, ``d²f/dx dy``."""
    second = trial.problem.second
    if second is None:
        return f"df/d{variable}"
    if second.inner == variable:
        return f"d²f/d{variable}²"
    return f"d²f/d{second.inner} d{variable}"


def moving(evidence: Evidence) -> tuple[str, ...]:
    """Return the variables that have different coordinates at different points of the grid."""
    columns = evidence.grid.columns()
    return tuple(n for n, x in columns.items() if len(x) and x.max() > x.min())


def is_too_far(evidence: Evidence, axis: str) -> bool:
    """Return whether points are so far away along an axis that they are not drawn."""
    x = evidence.grid.columns()[axis]
    return bool((np.abs(x[np.isfinite(x)]) > FARTHEST).any())


def subject(evidence: Evidence, axis: str | None = None) -> Subject | None:
    """Return what a picture of lines shows: the derivative with the gravest verdict.

    Parameters
    ----------
    evidence
        The result of a comparison.
    axis
        The input along the horizontal axis; None: the only one that moves, or the variable.

    Returns
    -------
    Subject or None
        None if no derivative with respect to a number was taken, or if points are too far away
        to be drawn.
    """
    scalars = set(evidence.grid.names)
    pairs = [
        (trial, variable)
        for trial in evidence.trials
        if not trial.is_directional and scalars
        for variable in trial.variables
    ]
    if not pairs or not len(evidence.grid):
        return None
    trial, variable = max(pairs, key=lambda pair: _gravest(*pair))
    if axis is None:
        free = moving(evidence)
        axis = free[0] if free else variable if variable in scalars else evidence.grid.names[0]
    if is_too_far(evidence, axis):
        return None
    column = evidence.grid.names.index(axis)
    exact = {i: text for (i, j), text in evidence.grid.exact.items() if j == column}
    return Subject(trial, variable, axis, evidence.grid.points[:, column], exact)


def gravity(trial: Trial, variable: str) -> np.ndarray:
    """Return the gravity of the gravest verdict at every point that does not pass, else 0."""
    worst = np.zeros(len(trial.truths[variable]), dtype=np.int8)
    for (_, name), judgement in trial.judgements.items():
        if name == variable:
            worst = np.maximum(worst, _GRAVITY[judgement.codes])
    return worst


def _gravest(trial: Trial, variable: str) -> int:
    return int(gravity(trial, variable).max(initial=0))
