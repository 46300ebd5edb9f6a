"""Judge gradients as a whole, at points where variables share a switch that is zero.

There, each component may lie between its one-sided derivatives while the gradient lies outside
the Clarke set. So the gradient is judged with respect to the variables that share switches, that
were asked for, and for which the engine has a number, with the other variables and all data (see
`Problem.without_data`) held fixed. Its components get its verdict. A single component is judged by
the slopes along its axis, and so are all second derivatives: the formula for the first derivative
is undefined at a switch.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from symdiff.arithmetics.bounds.rounding import FLOAT64, may_miss_zero_of_root
from symdiff.array_types import Array
from symdiff.engines.base import Allowance, Problem, Samples, Traits
from symdiff.grid.grid import Grid
from symdiff.labels import among
from symdiff.truth.active_switches import variables_sharing_switches
from symdiff.truth.clarke import ClarkeBounds, Undecided, clarke_bounds
from symdiff.truth.exact_points import exact_point
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths
from symdiff.verdict.judge import Judgement, Key, Tolerance, why_unbounded
from symdiff.verdict.words import Verdict

# Returns an engine's allowance, given the engine, the variable and the point.
AllowanceOf = Callable[[str, str, int], Allowance]

# Least tolerance of membership in a hull, in every component relative to its largest size there.
_TOLERANCE: Final = 1e-9
# Tolerance, relative in the same way, for a gradient to equal the shortest in the Clarke set.
_EQUAL: Final = 1e-6
_OPEN: Final = (
    "undecided: the gradient lies between the inner and the outer bound of the Clarke set"
)
_ROUNDED: Final = (
    "undecided: a norm or a root is 0 here, and the engine may get a different number by rounding"
)
_INSIDE: Final = "the gradient lies in the Clarke set"
_OUTSIDE: Final = "the gradient lies outside the Clarke set"
SHORTEST: Final = "the gradient is the shortest in the Clarke set"
_OTHER_KINK: Final = "the stencil straddles a kink beside the point"
_DIFFERENCES: Final = (
    "differences vary one variable at a time, and give no element of the Clarke set here"
)
_MAX_NAMED: Final = 3  # variables that are named in a sentence

# Kinds with a finite number on both sides.
_WITH_SLOPES: Final = frozenset({Kind.KINK, Kind.PARTIAL, Kind.SMOOTH})
# Verdicts that depend on whether the gradient lies in the Clarke set.
_IN_QUESTION: Final = frozenset({Verdict.SUBGRADIENT, Verdict.NOT_SUBGRADIENT, Verdict.WRONG})
# Verdicts on numbers that equal the derivative, or a one-sided one, but for an explained error.
_EXPLAINED: Final = frozenset({Verdict.AGREES, Verdict.INEXACT})


@dataclasses.dataclass(frozen=True, slots=True)
class _Scope:
    """One scalar function with its points, truths, samples and verdicts."""

    problem: Problem
    truths: Mapping[str, Truths]
    samples: Mapping[str, Samples]
    judgements: Mapping[Key, Judgement]
    tolerance: Tolerance
    allowance: AllowanceOf

    def verdict(self, engine: str, name: str, i: int) -> Verdict:
        return Verdict.from_code(self.judgements[engine, name].codes[i])

    def components(self, engine: str, i: int) -> list[str]:
        """Return the variables with slopes for which an engine has a number, in a fixed order."""
        samples = self.samples[engine]
        lacking = samples.unsupported.keys() | samples.refusals.keys()
        return [
            name
            for name in self.problem.program.inputs
            if name in self.truths and name in samples.derivatives and name not in lacking
            if Kind.from_code(self.truths[name].kinds[i]) in _WITH_SLOPES
            if math.isfinite(samples.derivatives[name][i]) and not samples.reason(name, i)
        ]

    def questioned(self, engine: str, names: Sequence[str], i: int) -> list[str]:
        """Return the variables whose verdict depends on the gradient."""
        return [name for name in names if self.verdict(engine, name, i) in _IN_QUESTION]


@dataclasses.dataclass(frozen=True, slots=True)
class _Ruling:
    """The verdict on a component that follows from the gradient, with a reason and a note.

    Attributes
    ----------
    verdict
        The verdict; None keeps the verdict on the component alone.
    """

    verdict: Verdict | None
    reason: str
    note: str


def judge_gradients(  # noqa: PLR0913, PLR0917  (the results of the stages before)
    problem: Problem,
    grid: Grid,
    truths: Mapping[str, Truths],
    samples: Mapping[str, Samples],
    judgements: Mapping[Key, Judgement],
    tolerance: Tolerance,
    allowance: AllowanceOf,
) -> dict[Key, Judgement]:
    """Return the judgements that change when gradients are judged as a whole.

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
    tolerance
        What counts as agreement.
    allowance
        Returns how far a correct engine may deviate.
    """
    program = problem.without_data()
    if len(program.inputs) < 2:
        return {}
    scope = _Scope(problem, truths, samples, judgements, tolerance, allowance)
    rulings: dict[Key, dict[int, _Ruling]] = {}
    for i in _candidates(truths):
        components = {engine: scope.components(engine, i) for engine in samples}
        engines = [e for e, names in components.items() if scope.questioned(e, names, i)]
        point = exact_point(grid, i) if engines else None
        if point is None:
            continue
        bounds: dict[tuple[str, ...], ClarkeBounds | Undecided] = {}
        for group in variables_sharing_switches(program, point):
            for engine in engines:
                names = tuple(name for name in components[engine] if name in group)
                questioned = scope.questioned(engine, names, i)
                as_whole = len(names) > 1 and problem.order == 1
                if as_whole and questioned and names not in bounds:
                    bounds[names] = clarke_bounds(program, names, point)
                held = [name for name in program.inputs if name in group - set(names)]
                for name in questioned:
                    ruling = (
                        _of_whole(scope, engine, names, i, bounds[names])
                        if as_whole
                        else _Ruling(None, "", f"judged along {name} alone")
                    )
                    by_point = rulings.setdefault((engine, name), {})
                    by_point[i] = _with_fixed(ruling, held)
    return {
        key: _changed(judgements[key], truths[key[1]], by_point)
        for key, by_point in rulings.items()
    }


def _candidates(truths: Mapping[str, Truths]) -> list[int]:
    """Return the points with a kink, in this or in other variables, or an apparent kink."""
    points: set[int] = set()
    for truth in truths.values():
        has_kink = among(truth.proofs.kinds, (Kind.KINK, Kind.PARTIAL))
        points.update(truth.proofs.points[has_kink].tolist(), truth.apparent_kinks)
    return sorted(points)


def _with_fixed(ruling: _Ruling, held: Sequence[str]) -> _Ruling:
    """Return a ruling whose note names the variables that were held fixed, if there are any."""
    if not held:
        return ruling
    more = len(held) - _MAX_NAMED
    names = ", ".join(held[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
    words = f"with {names} held fixed"
    return dataclasses.replace(ruling, note=f"{ruling.note}, {words}" if ruling.note else words)


def _of_whole(
    scope: _Scope, engine: str, names: tuple[str, ...], i: int, bounds: ClarkeBounds | Undecided
) -> _Ruling:
    """Return the ruling on a gradient; its verdict is for a component that is in question."""
    if isinstance(bounds, Undecided):
        return _Ruling(Verdict.UNDECIDED, f"undecided: {bounds.reason}", "")
    samples = scope.samples[engine]
    gradient = np.array([_component(scope, engine, name, i) for name in names])
    slack = np.array([_estimate(samples, name, i) for name in names]) + scope.tolerance.atol
    relative = max(_TOLERANCE, scope.tolerance.rtol)
    if bounds.contains(gradient.tolist(), relative, slack):
        shortest = _is_shortest(bounds, gradient)
        return _Ruling(Verdict.SUBGRADIENT, SHORTEST if shortest else _INSIDE, "")
    means = np.array([_mean(scope, engine, name, i, slack[k]) for k, name in enumerate(names)])
    if (means != gradient).any() and bounds.contains(means.tolist(), relative, slack):
        return _Ruling(Verdict.INEXACT, _OTHER_KINK, "")
    allowances = [scope.allowance(engine, name, i) for name in names]
    unknown = [a for a in allowances if math.isnan(a.radius)]
    if unknown:
        return _Ruling(Verdict.UNDECIDED, why_unbounded(unknown[0]), "")
    pairs = zip(names, gradient, allowances, strict=True)
    limits = np.array([_limit(scope, name, i, x, a) for name, x, a in pairs])
    if (limits != gradient).any() and bounds.contains(limits.tolist(), relative, slack):
        return _Ruling(Verdict.INEXACT, f"{_INSIDE}, apart from truncation", "")
    # An allowance around a different number than the derivative says nothing about the gradient.
    slack = slack + [a.radius if a.expected is None else 0.0 for a in allowances]
    return _ruling_on(scope, i, bounds, gradient, slack, samples.traits)


def _ruling_on(  # noqa: PLR0913, PLR0917  (what `_of_whole` has found)
    scope: _Scope, i: int, bounds: ClarkeBounds, gradient: Array, slack: Array, traits: Traits
) -> _Ruling:
    """Return the ruling on a gradient that lies in the set only with slack, if at all."""
    relative = max(_TOLERANCE, scope.tolerance.rtol)
    inside = bounds.contains(gradient.tolist(), relative, slack)
    if inside is None:
        return _Ruling(Verdict.UNDECIDED, _OPEN, "")
    if inside:
        return _Ruling(Verdict.INEXACT, f"{_INSIDE}, apart from rounding", "")
    if not traits.is_asserted and _is_rounded_at_root(scope.problem, i):
        return _Ruling(Verdict.UNDECIDED, _ROUNDED, "")
    spurious = bounds.outer_contains(gradient.tolist(), relative, slack)
    reason = f"{_OUTSIDE}, {'inside' if spurious else 'and outside'} the AD hull"
    note = _DIFFERENCES if "differences" in traits.modes else ""
    return _Ruling(Verdict.NOT_SUBGRADIENT, reason, note)


def _component(scope: _Scope, engine: str, name: str, i: int) -> float:
    """Return a component of a gradient, without an error that its own verdict explains."""
    value = float(scope.samples[engine].derivatives[name][i])
    if scope.verdict(engine, name, i) not in _EXPLAINED:
        return value
    ends = scope.truths[name].one_sided(i)
    return min(max(value, min(ends)), max(ends))


def _mean(scope: _Scope, engine: str, name: str, i: int, error: float) -> float:
    """Return a component without what a stencil across another kink did to it.

    At the point itself, a stencil gives the mean of the one-sided derivatives. If it straddles
    kinks and gives a different number, then one of these kinks is beside the point.
    """
    value = _component(scope, engine, name, i)
    straddling = scope.samples[engine].straddling.get(name)
    mean = sum(scope.truths[name].one_sided(i)) / 2
    is_mean = abs(value - mean) <= error + _TOLERANCE * abs(mean)
    return value if straddling is None or not straddling[i] or is_mean else mean


def _limit(scope: _Scope, name: str, i: int, value: float, allowance: Allowance) -> float:
    """Return what a component tends to if it is what a stencil gives and the steps tend to 0.

    At a kink a central difference tends to the mean of the one-sided derivatives.
    """
    mean = sum(scope.truths[name].one_sided(i)) / 2
    is_explained = allowance.expected is not None and allowance.explains(value, mean)
    return mean if is_explained and math.isfinite(mean) else value


def _estimate(samples: Samples, name: str, i: int) -> float:
    """Return an engine's own estimate of its error at a point, or 0."""
    errors = samples.errors.get(name)
    return 0.0 if errors is None or not math.isfinite(errors[i]) else float(errors[i])


def _changed(judgement: Judgement, truths: Truths, rulings: Mapping[int, _Ruling]) -> Judgement:
    """Return a judgement with the rulings at some points."""
    codes = judgement.codes.copy()
    for i, ruling in rulings.items():
        codes[i] = _verdict(ruling.verdict, Verdict.from_code(codes[i]), int(truths.kinds[i]))
    reasons = {i: ruling.reason for i, ruling in rulings.items() if ruling.reason}
    notes = {i: ruling.note for i, ruling in rulings.items() if ruling.note}
    rounded = {i: dtype for i, dtype in judgement.rounded.items() if i not in reasons}
    return Judgement(codes, {**judgement.reasons, **reasons}, notes, rounded)


def _verdict(ruled: Verdict | None, alone: Verdict, kind: int) -> Verdict:
    """Return the verdict on a component from those on the gradient and on the component alone."""
    if ruled is None or (ruled is Verdict.INEXACT and alone is Verdict.SUBGRADIENT):
        return alone
    # Along an axis with a derivative, a different number is wrong.
    return Verdict.WRONG if ruled is Verdict.NOT_SUBGRADIENT and kind != Kind.KINK else ruled


def _is_rounded_at_root(problem: Problem, i: int) -> bool:
    """Return whether an engine's gradient may come from a norm that rounding made nonzero."""
    tensors = problem.tensor_problem
    dtype = FLOAT64 if tensors is None else tensors.dtype
    return may_miss_zero_of_root(problem.program, problem.balls(i), dtype)


def _is_shortest(bounds: ClarkeBounds, gradient: Array) -> bool:
    """Return whether a gradient is known to be the element of least norm of the Clarke set."""
    shortest = bounds.shortest()
    if shortest is None:
        return False
    return bool((np.abs(shortest - gradient) <= _EQUAL * bounds.sizes).all())
