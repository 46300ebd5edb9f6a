"""Judge gradients as a whole, at points where a switch of several variables is zero.

There, each component may lie between its one-sided derivatives while the gradient lies outside
the Clarke set. The verdicts on the components then follow from the verdict on the gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from symdiff.arithmetics.bounds.rounding import FLOAT64, may_miss_zero_of_root
from symdiff.array_types import Array, Mask
from symdiff.engines.base import Problem, Samples
from symdiff.grid.grid import Grid
from symdiff.truth.clarke import (
    ClarkeBounds,
    Undecided,
    clarke_bounds,
    has_coupled_switches,
)
from symdiff.truth.exact_points import exact_point
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths
from symdiff.verdict.judge import Judgement, Key
from symdiff.verdict.words import Verdict

# Tolerance of membership in a hull, in every component relative to its largest absolute value.
_TOLERANCE: Final = 1e-9
# Tolerance, relative in the same way, for a gradient to equal the shortest in the Clarke set.
_EQUAL: Final = 1e-6
_OPEN: Final = (
    "undecided: the gradient lies between the inner and the outer bound of the Clarke set"
)
_ROUNDED: Final = (
    "undecided: a norm or a root is zero here, but rounding may hide that from the engine"
)
_INSIDE: Final = "the gradient lies in the Clarke set"
_OUTSIDE: Final = "the gradient lies outside the Clarke set"
_SHORTEST: Final = "the gradient is the shortest in the Clarke set"

# Verdicts that depend on whether the gradient lies in the Clarke set.
_IN_QUESTION: Final = frozenset({Verdict.SUBGRADIENT, Verdict.NOT_SUBGRADIENT, Verdict.WRONG})
# Verdicts on numbers that equal the derivative apart from rounding.
_EXPLAINED: Final = frozenset({Verdict.AGREES, Verdict.INEXACT})


def judge_gradients(
    problem: Problem,
    grid: Grid,
    truths: Mapping[str, Truths],
    samples: Mapping[str, Samples],
    judgements: Mapping[Key, Judgement],
) -> dict[Key, Judgement]:
    """Return the judgements that change when gradients are judged as a whole.

    Only engines that compute whole gradients are judged like this: finite differences vary one
    variable at a time.

    Parameters
    ----------
    problem
        The program and the points.
    grid
        The points, with their exact coordinates.
    truths, samples
        The truth by variable, and what the engines returned.
    judgements
        The verdicts on the components, by engine and variable.
    """
    names = problem.variables
    if len(names) < 2:
        return {}
    whole = [e for e, s in samples.items() if set(s.derivatives) == set(names) and not s.errors]
    rulings: dict[Key, dict[int, tuple[Verdict, str]]] = {}
    for i in _candidates(truths, names):
        engines = [e for e in whole if _is_in_question(judgements, samples[e], e, names, i)]
        point = exact_point(grid, i) if engines else None
        if point is None or not has_coupled_switches(problem.program, point):
            continue
        bounds = clarke_bounds(problem.program, names, point)
        for engine in engines:
            gradient = np.array(
                [
                    _without_rounding(
                        samples[engine], truths[name], judgements[engine, name], name, i
                    )
                    for name in names
                ]
            )
            inside, reason = _membership(bounds, gradient)
            if inside is False and _is_rounded_at_root(problem, i):
                inside, reason = None, _ROUNDED
            for name in names:
                if judgements[engine, name].codes[i] in _IN_QUESTION:
                    verdict = _verdict(int(truths[name].kinds[i]), inside)
                    rulings.setdefault((engine, name), {})[i] = verdict, reason
    return {key: _changed(judgements[key], by_point) for key, by_point in rulings.items()}


def _changed(judgement: Judgement, rulings: Mapping[int, tuple[Verdict, str]]) -> Judgement:
    """Return a judgement with other verdicts and reasons at some points."""
    codes = judgement.codes.copy()
    codes[list(rulings)] = [verdict for verdict, _ in rulings.values()]
    reasons = {i: reason for i, (_, reason) in rulings.items()}
    return Judgement(codes, {**judgement.reasons, **reasons})


def _is_in_question(
    judgements: Mapping[Key, Judgement],
    samples: Samples,
    engine: str,
    names: tuple[str, ...],
    i: int,
) -> bool:
    """Return whether an engine has a finite gradient whose membership decides a verdict."""
    finite = all(np.isfinite(samples.derivatives[name][i]) for name in names)
    words = {Verdict.from_code(judgements[engine, name].codes[i]) for name in names}
    return finite and bool(words & _IN_QUESTION)


def _without_rounding(
    samples: Samples, truths: Truths, judgement: Judgement, name: str, i: int
) -> float:
    """Return a component, or the derivative if the component equals it apart from rounding."""
    derivative = float(truths.derivative[i])
    is_equal = Verdict.from_code(judgement.codes[i]) in _EXPLAINED and np.isfinite(derivative)
    return derivative if is_equal else float(samples.derivatives[name][i])


def _candidates(truths: Mapping[str, Truths], names: tuple[str, ...]) -> list[int]:
    """Return the points with a kink or an apparent kink, and finite one-sided derivatives."""
    has_kink: Mask = np.zeros(len(truths[names[0]]), dtype=bool)
    has_slopes = np.ones_like(has_kink)
    for name in names:
        has_kink |= truths[name].kinds == Kind.KINK
        has_kink[truths[name].apparent_kinks] = True
        has_slopes &= np.isin(truths[name].kinds, (Kind.KINK, Kind.SMOOTH))
    return np.flatnonzero(has_kink & has_slopes).tolist()


def _is_rounded_at_root(problem: Problem, i: int) -> bool:
    """Return whether an engine's gradient may come from a norm that rounding made nonzero."""
    tensors = problem.tensor_problem
    dtype = FLOAT64 if tensors is None else tensors.dtype
    return may_miss_zero_of_root(problem.program, problem.balls(i), dtype)


def _membership(bounds: ClarkeBounds | Undecided, gradient: Array) -> tuple[bool | None, str]:
    """Return whether a gradient lies in the Clarke set, None if undecided, and a sentence."""
    if isinstance(bounds, Undecided):
        return None, f"undecided: {bounds.reason}"
    inside = bounds.contains(gradient.tolist(), _TOLERANCE)
    if inside is None:
        return None, _OPEN
    if inside:
        return True, _SHORTEST if _is_shortest(bounds, gradient) else _INSIDE
    spurious = bounds.outer_contains(gradient.tolist(), _TOLERANCE)
    return False, f"{_OUTSIDE}, {'inside' if spurious else 'and outside'} the AD hull"


def _verdict(kind: int, inside: bool | None) -> Verdict:  # noqa: FBT001  (of `_membership`)
    """Return the verdict on a component, given whether the gradient lies in the Clarke set."""
    if inside is None:
        return Verdict.UNDECIDED
    if inside:
        return Verdict.SUBGRADIENT
    return Verdict.NOT_SUBGRADIENT if kind == Kind.KINK else Verdict.WRONG


def _is_shortest(bounds: ClarkeBounds, gradient: Array) -> bool:
    """Return whether a gradient is known to be the element of least norm of the Clarke set."""
    shortest = bounds.shortest()
    if shortest is None:
        return False
    return bool((np.abs(shortest - gradient) <= _EQUAL * bounds.sizes).all())
