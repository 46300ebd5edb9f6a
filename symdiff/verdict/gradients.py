"""Gradients judged as a whole, where a switch that several variables share vanishes.

Each component alone may lie between its slopes while the gradient lies outside the Clarke
set: at such points the verdicts on the components are those on the gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from symdiff.array_types import Array, Mask
from symdiff.engines.base import Problem, Samples
from symdiff.grid.grid import Grid
from symdiff.truth.certify import exact_point
from symdiff.truth.clarke import ClarkeHulls, clarke_hulls, has_coupled_switches, min_norm
from symdiff.truth.kinds import Kind
from symdiff.truth.proof import APPARENT
from symdiff.truth.truths import Truths
from symdiff.verdict.judge import Judgement
from symdiff.verdict.words import Verdict

_TOLERANCE: Final = 1e-9  # of a distance to a hull, in every component relative to its largest
_OPEN: Final = "neither hull settles whether the gradient lies in the Clarke set"
_INSIDE: Final = "the gradient lies in the Clarke set"
_OUTSIDE: Final = "the gradient lies outside the Clarke set"
_SHORTEST: Final = "the gradient is the shortest in the Clarke set"

_KINK: Final = Kind.KINK
_SMOOTH: Final = Kind.SMOOTH
# What depends on whether the gradient lies in the Clarke set.
_IN_QUESTION: Final = frozenset({Verdict.SUBGRADIENT, Verdict.NOT_SUBGRADIENT, Verdict.WRONG})
# What is the derivative but for rounding.
_EXPLAINED: Final = frozenset({Verdict.AGREES, Verdict.INEXACT})


def judge_gradients(
    problem: Problem,
    grid: Grid,
    truths: Mapping[str, Truths],
    samples: Mapping[str, Samples],
    judgements: Mapping[tuple[str, str], Judgement],
) -> dict[tuple[str, str], Judgement]:
    """Return the judgements that a look at whole gradients changes.

    Engines that take one variable at a time (differences) stay judged so.
    """
    names = problem.variables
    if len(names) < 2:
        return {}
    whole = [e for e, s in samples.items() if set(s.derivatives) == set(names) and not s.errors]
    changed: dict[tuple[str, str], Judgement] = {}
    for i in _candidates(truths, names):
        asked = [e for e in whole if _is_in_question(judgements, samples[e], e, names, i)]
        point = exact_point(grid, i) if asked else None
        if point is None or not has_coupled_switches(problem.program, point):
            continue
        found = clarke_hulls(problem.program, names, point)
        for engine in asked:
            gradient = np.array(
                [
                    _meant(samples[engine], truths[name], judgements[engine, name], name, i)
                    for name in names
                ]
            )
            ruling = _ruling(found, gradient)
            for name in names:
                key = engine, name
                if Verdict.from_code(judgements[key].codes[i]) not in _IN_QUESTION:
                    continue
                if key not in changed:
                    old = judgements[key]
                    changed[key] = Judgement(old.codes.copy(), dict(old.reasons))
                _put(changed[key], int(truths[name].kinds[i]), i, ruling)
    return changed


def _is_in_question(
    judgements: Mapping[tuple[str, str], Judgement],
    samples: Samples,
    engine: str,
    names: tuple[str, ...],
    i: int,
) -> bool:
    """Tell whether an engine has a whole gradient, and a component that may not tell all."""
    finite = all(np.isfinite(samples.derivatives[name][i]) for name in names)
    words = {Verdict.from_code(judgements[engine, name].codes[i]) for name in names}
    return finite and not samples.unsupported and bool(words & _IN_QUESTION)


def _meant(samples: Samples, truths: Truths, judgement: Judgement, name: str, i: int) -> float:
    """Return a component without what rounding did to it, where that is known."""
    derivative = float(truths.derivative[i])
    explained = Verdict.from_code(judgement.codes[i]) in _EXPLAINED and np.isfinite(derivative)
    return derivative if explained else float(samples.derivatives[name][i])


def _candidates(truths: Mapping[str, Truths], names: tuple[str, ...]) -> list[int]:
    """Return the points at which the components may not tell all."""
    wanted: Mask = np.zeros(len(truths[names[0]].kinds), dtype=bool)
    known = np.ones_like(wanted)
    for name in names:
        wanted |= truths[name].kinds == _KINK
        wanted[[i for i, text in truths[name].details.items() if text == APPARENT]] = True
        known &= np.isin(truths[name].kinds, (_KINK, _SMOOTH))
    return np.flatnonzero(wanted & known).tolist()


def _ruling(found: ClarkeHulls | None, gradient: Array) -> tuple[bool | None, str]:
    """Return whether a gradient lies in the Clarke set, and that in words; None: not known."""
    inside = None if found is None else found.contains(gradient.tolist(), _TOLERANCE)
    if inside is None or found is None:
        return None, _OPEN
    if inside:
        return True, _SHORTEST if _is_shortest(found, gradient) else _INSIDE
    spurious = found.outer_contains(gradient.tolist(), _TOLERANCE)
    return False, f"{_OUTSIDE}, {'inside' if spurious else 'and outside'} the AD hull"


def _put(judgement: Judgement, kind: int, i: int, ruling: tuple[bool | None, str]) -> None:
    inside, reason = ruling
    outside = Verdict.NOT_SUBGRADIENT if kind == _KINK else Verdict.WRONG
    verdict = Verdict.UNDECIDED if inside is None else Verdict.SUBGRADIENT if inside else outside
    judgement.codes[i], judgement.reasons[i] = verdict, reason


def _is_shortest(found: ClarkeHulls, gradient: Array) -> bool:
    if not found.exact:
        return False
    difference = np.abs(min_norm(found.inner) - gradient)
    return bool((difference <= 1e-6 * found.sizes).all())
