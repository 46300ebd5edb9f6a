"""Explain the verdicts of a trial, at once or when somebody asks."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from symdiff.comparison.evidence import Evidence, Trial
from symdiff.engines.backward import HasBackwardPass
from symdiff.engines.registry import load
from symdiff.grid.grid import Grid
from symdiff.verdict.explain import explain
from symdiff.verdict.explanations import Explanations, OnDemand
from symdiff.verdict.judge import Key

# numpy's default handling of floating-point errors, used even if the caller has set another.
ERROR_STATE: Final[Mapping[str, Any]] = MappingProxyType(
    {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
)


def with_explanations(trial: Trial, grid: Grid) -> Trial:
    """Return a trial with explanations of all verdicts other than agreement.

    Those of a formula on numbers are computed when they are first read. Functions of the user and
    tensors are explained at once, because a function may give something else when it runs later.
    """
    engines = {n: load(n) for n, s in trial.samples.items() if not s.traits.is_asserted}
    is_first = trial.problem.order == 1  # the pass through the first derivative is not recorded
    backward = {
        n: engine
        for n, engine in engines.items()
        if is_first and isinstance(engine, HasBackwardPass)
    }
    parts = (trial.problem, grid, trial.truths, trial.samples, trial.judgements, backward)
    problem = trial.problem
    if problem.tensor_problem is not None or problem.function is not None:
        return dataclasses.replace(trial, explanations=explain(*parts))
    return dataclasses.replace(trial, explanations=OnDemand(functools.partial(_explained, *parts)))


def _explained(*parts: Any) -> Mapping[Key, Explanations]:  # noqa: ANN401  (those of `explain`)
    with np.errstate(**ERROR_STATE):
        return explain(*parts)


def without_explanations(evidence: Evidence) -> Evidence:
    """Return evidence without the explanations that can be computed again."""
    trials = tuple(
        dataclasses.replace(trial, explanations={})
        if isinstance(trial.explanations, OnDemand)
        else trial
        for trial in evidence.trials
    )
    return dataclasses.replace(evidence, trials=trials)


def explained_on_demand(evidence: Evidence) -> Evidence:
    """Return evidence whose missing explanations are computed when they are read.

    Engines are loaded then, and with them their libraries.
    """
    trials = tuple(
        trial
        if trial.explanations
        else dataclasses.replace(
            trial, explanations=OnDemand(functools.partial(_loaded, trial, evidence.grid))
        )
        for trial in evidence.trials
    )
    return dataclasses.replace(evidence, trials=trials)


def _loaded(trial: Trial, grid: Grid) -> Mapping[Key, Explanations]:
    return with_explanations(trial, grid).explanations
