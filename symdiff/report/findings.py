"""What a verdict leaves open, in words: why, which subgradient, and who is to blame."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from symdiff.comparison.evidence import Evidence, Trial
from symdiff.engines.base import STRADDLES
from symdiff.truth.certify import exact_point
from symdiff.truth.clarke import clarke_hulls
from symdiff.truth.kinds import Kind
from symdiff.truth.proof import APPARENT
from symdiff.truth.truths import UNKNOWN, Truths
from symdiff.verdict.blame import (
    INFINITE_SLOPE,
    Blame,
    blame_function,
    blame_nonfinite,
    blame_switch,
)
from symdiff.verdict.words import Verdict

_EQUAL: Final = 1e-6  # relative to the larger slope: which element of the Clarke set a value is
_NO_NUMBER: Final = frozenset({Verdict.NONFINITE, Verdict.UNDEFINED})


def detail(evidence: Evidence, trial: Trial, engine: str, variable: str, i: int) -> str | None:
    """Return what a verdict's word leaves open, or None.

    Parameters
    ----------
    evidence, trial
        The expression, and its spelling.
    engine, variable, i
        Who gave the number, along which variable, at which point.
    """
    samples = trial.samples[engine]
    judgement = trial.judgements[engine, variable]
    verdict = Verdict.from_code(judgement.codes[i])
    if verdict is Verdict.UNSUPPORTED:
        return samples.unsupported
    if samples.reason(i):
        return samples.reason(i)
    truths = trial.truths[variable]
    parts = [judgement.reasons.get(i, "")]
    value = float(samples.derivatives[variable][i])
    if verdict is Verdict.INEXACT and not parts[0]:
        straddles = variable in samples.straddling and bool(samples.straddling[variable][i])
        parts = [STRADDLES if straddles else "truncation and rounding"]
    if verdict in {Verdict.SUBGRADIENT, Verdict.NOT_SUBGRADIENT} and _is(truths, i, Kind.KINK):
        # where the whole gradient was looked at, the rule says nothing of a component
        rule = "" if parts[0] else samples.traits.min_norm_rule
        parts.insert(0, _element(truths, i, value, rule))
    if verdict is Verdict.WRONG and not parts[0]:
        parts.append(_spurious(evidence, trial, variable, i, value))
    if verdict is Verdict.NONFINITE and not trial.is_directional:
        culprit = blame_nonfinite(trial.problem, i)
        reason = culprit.reason if culprit else ""
        if culprit is None and trial.output:
            reason = "another component of the output is not differentiable here: 0*inf"
        parts.append(
            f"{reason}: 0*inf" if reason == INFINITE_SLOPE and math.isnan(value) else reason
        )
    if verdict is not Verdict.AGREES or truths.details.get(i) == APPARENT:
        parts.append(truths.detail(i))
    return "; ".join(part for part in parts if part) or None


def _is(truths: Truths, i: int, kind: Kind) -> bool:
    return Kind.from_code(truths.kinds[i]) is kind


def _element(truths: Truths, i: int, value: float, rule: str) -> str:
    """Say which element of the Clarke interval a value is, and what the engine's rule picks.

    The rule is `Traits.min_norm_rule`; "" if the engine has none.
    """
    left, right = truths.slopes(i)
    shortest = min(max(0.0, min(left, right)), max(left, right))
    names = {"left": left, "right": right, "mean": (left + right) / 2, "min-norm": shortest}
    size = _EQUAL * max(abs(left), abs(right))
    found = [name for name, x in names.items() if abs(value - x) <= size]
    low, high = sorted((left, right))
    word = ", ".join(found) or ("other" if low <= value <= high else f"outside [{low:g}, {high:g}]")
    if not rule:
        return word
    curvatures = truths.curvatures.get(i, UNKNOWN)
    convex, concave = left < right and curvatures[0] >= 0, left > right and curvatures[1] <= 0
    if not (convex or concave):
        return f"{word}; {rule} does not apply"
    agrees = "min-norm" in found
    return f"{word}; {rule} " + ("says so" if agrees else f"says {shortest:g}")


def _spurious(evidence: Evidence, trial: Trial, variable: str, i: int, value: float) -> str:
    """Say whether automatic differentiation may give a wrong value, by its choice at ties."""
    if trial.truths[variable].details.get(i) != APPARENT:
        return ""
    point = exact_point(evidence.grid, i)
    found = None if point is None else clarke_hulls(trial.program, [variable], point)
    if found is None:
        return ""
    inside = found.outer_contains([value], _EQUAL)
    return "spurious: inside the AD hull" if inside else "outside the AD hull"


def blame(evidence: Evidence, trial: Trial, engine: str, variable: str, i: int) -> str | None:
    """Return the sub-expression to look at, with its place; None where the engine agrees."""
    verdict = Verdict.from_code(trial.verdicts(engine, variable)[i])
    if verdict is Verdict.AGREES:
        return None
    found: Blame | None = None
    if trial.is_directional:
        return trial.program.place(trial.program.output)
    if verdict is Verdict.UNSUPPORTED:
        found = blame_function(
            trial.program, trial.samples[engine].unsupported.split(":", maxsplit=1)[0]
        )
    elif verdict in _NO_NUMBER:
        found = blame_nonfinite(trial.problem, i) or blame_switch(trial.problem, i, variable)
    else:
        found = blame_switch(trial.problem, i, variable)
    place = found.place if found else ""
    return place or trial.program.place(trial.program.output) or evidence.name


def ulps(trial: Trial, engine: str, variable: str, i: int) -> float | None:
    """Return how many units in the last place a value is off the derivative.

    A unit is the distance between the doubles around the derivative. None where there is no
    finite derivative, no finite value, or more units between them than a double can count (as
    where the derivative is 0 and the value is not); and where the derivative was not proved by
    itself, for then its last digits are not known.
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
