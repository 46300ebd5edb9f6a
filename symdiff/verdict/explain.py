"""Explain verdicts: what the word does not say, and which sub-expression is to blame.

Explanations are computed once, when an expression is compared, and stored with its evidence.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.engines.base import STRADDLES, TRUNCATION, Problem, Samples
from symdiff.grid.grid import Grid
from symdiff.truth.clarke import clarke_hulls
from symdiff.truth.exact_points import exact_point
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths
from symdiff.verdict.blame import (
    INFINITE_SLOPE,
    REASONS,
    NonfiniteParts,
    first_call,
    nonfinite_parts,
    switches,
)
from symdiff.verdict.explanations import Explanations
from symdiff.verdict.judge import Judgement
from symdiff.verdict.words import Verdict

Points = NDArray[np.intp]
Key = tuple[str, str]  # an engine and a variable

_EQUAL: Final = 1e-6  # tolerance, relative to the larger slope, for the names of subgradients
_WITHOUT_NUMBER: Final = (Verdict.NONFINITE, Verdict.UNDEFINED)


class _Texts:
    """Texts numbered in the order in which they are met."""

    def __init__(self) -> None:
        self._index_of = {"": 0}

    def index(self, text: str) -> int:
        return self._index_of.setdefault(text, len(self._index_of))

    def all(self) -> tuple[str, ...]:
        return tuple(self._index_of)


@dataclasses.dataclass(frozen=True, slots=True)
class _Case:
    """What is explained: one scalar function with its points, truths, samples and verdicts."""

    problem: Problem
    grid: Grid
    truths: Mapping[str, Truths]
    samples: Mapping[str, Samples]
    judgements: Mapping[Key, Judgement]
    output: str

    @property
    def is_directional(self) -> bool:
        return self.problem.tensor_problem is not None and not self.problem.columns


def explain(  # noqa: PLR0913  (the parts of a trial)
    problem: Problem,
    grid: Grid,
    truths: Mapping[str, Truths],
    samples: Mapping[str, Samples],
    judgements: Mapping[Key, Judgement],
    *,
    output: str = "",
) -> dict[Key, Explanations]:
    """Return explanations of the verdicts on every engine along every variable.

    Parameters
    ----------
    problem
        The program and the points.
    grid
        The points, with their exact coordinates.
    truths, samples, judgements
        The truth by variable, what the engines returned, and the verdicts on it.
    output
        Which component of the expression's value the program is; "" for a number.
    """
    case = _Case(problem, grid, truths, samples, judgements, output)
    explained = {key: _explained_points(case, key) for key in judgements}
    parts = NonfiniteParts.none() if case.is_directional else _nonfinite(case, explained)
    found: dict[Key, Explanations] = {}
    for variable in truths:
        keys = [key for key in judgements if key[1] == variable]
        blamed = _blamed_switches(case, variable, [explained[key] for key in keys])
        for key in keys:
            found[key] = _explanations(case, key, explained[key], parts, blamed)
    return {key: found[key] for key in judgements}


def _explained_points(case: _Case, key: Key) -> Points:
    """Return the points with a verdict other than agreement, and the apparent kinks."""
    codes = case.judgements[key].codes
    chosen = codes != Verdict.AGREES
    chosen[case.truths[key[1]].apparent_kinks] = True
    return np.flatnonzero(chosen)


def _nonfinite(case: _Case, explained: Mapping[Key, Points]) -> NonfiniteParts:
    """Return where numbers arise that are not finite."""
    some = [
        points[np.isin(case.judgements[key].codes[points], _WITHOUT_NUMBER)]
        for key, points in explained.items()
    ]
    return nonfinite_parts(case.problem, _union(some, len(case.grid)))


def _blamed_switches(
    case: _Case, variable: str, explained: Sequence[Points]
) -> tuple[Points, NDArray[np.intp]]:
    """Return all explained points, and for each the node of the switch to blame or -1."""
    points = _union(explained, len(case.grid))
    if case.is_directional:
        return points, np.full(len(points), -1)
    return points, switches(case.problem, points, variable)


def _union(some: Iterable[Points], count: int) -> Points:
    """Return the indices, below a number, that any of some arrays has; in order."""
    mask = np.zeros(count, dtype=bool)
    for points in some:
        mask[points] = True
    return np.flatnonzero(mask)


def _explanations(
    case: _Case,
    key: Key,
    points: Points,
    parts: NonfiniteParts,
    blamed: tuple[Points, NDArray[np.intp]],
) -> Explanations:
    texts = _Texts()
    codes = case.judgements[key].codes[points]
    details = _details(case, key, points, codes, parts, texts)
    blames = _blames(case, key, points, codes, parts, blamed, texts)
    return Explanations(points, details, blames, texts.all())


def _details(  # noqa: PLR0913, PLR0917  (a step of `_explanations`)
    case: _Case,
    key: Key,
    points: Points,
    codes: NDArray[np.int8],
    parts: NonfiniteParts,
    texts: _Texts,
) -> NDArray[np.int32]:
    """Return the indices of the details: most in whole arrays, the others one by one."""
    engine, variable = key
    samples, truths = case.samples[engine], case.truths[variable]
    details = np.zeros(len(points), dtype=np.int32)
    if samples.unsupported:
        details[:] = texts.index(samples.unsupported)
        return details
    simple = codes == Verdict.INEXACT
    straddling = samples.straddling.get(variable)
    if straddling is not None:
        details[simple & straddling[points]] = texts.index(STRADDLES)
        details[simple & ~straddling[points]] = texts.index(TRUNCATION)
    else:
        details[simple] = texts.index(TRUNCATION)
    single = np.zeros(len(points), dtype=bool)
    for known in (case.judgements[key].reasons, truths.proofs.details, truths.unproved):
        if known:
            single |= np.isin(points, np.fromiter(known, dtype=np.intp, count=len(known)))
    if samples.reason_of is not None:
        single |= samples.reason_of[points] > 0
    outside = truths.certified.outside[points]
    outside[np.isin(codes, (Verdict.NONFINITE, Verdict.INEXACT)) | single] = 0
    for code in np.flatnonzero(np.bincount(outside)[1:]) + 1:
        rows = outside == code
        details[rows] = texts.index(truths.detail(int(points[np.argmax(rows)])))
    for row in np.flatnonzero(single | ~simple & (outside == 0)).tolist():
        details[row] = texts.index(_detail(case, key, int(points[row]), parts))
    return details


def _detail(case: _Case, key: Key, i: int, parts: NonfiniteParts) -> str:
    """Return what a verdict's word does not say, or ""."""
    engine, variable = key
    samples, truths = case.samples[engine], case.truths[variable]
    verdict = Verdict.from_code(case.judgements[key].codes[i])
    if samples.reason(i):
        return samples.reason(i)
    phrases = [case.judgements[key].reasons.get(i, "")]
    value = float(samples.derivatives[variable][i])
    if verdict is Verdict.INEXACT and not phrases[0]:
        straddling = samples.straddling.get(variable)
        phrases = [STRADDLES if straddling is not None and straddling[i] else TRUNCATION]
    is_subgradient = verdict in {Verdict.SUBGRADIENT, Verdict.NOT_SUBGRADIENT}
    if is_subgradient and truths.kinds[i] == Kind.KINK:
        # An engine's rule for one variable says nothing of a gradient judged as a whole.
        rule = "" if phrases[0] else samples.traits.min_norm_rule
        phrases.insert(0, _element(truths, i, value, rule))
    if verdict is Verdict.WRONG and not phrases[0]:
        phrases.append(_spurious(case, variable, i, value))
    if verdict is Verdict.NONFINITE and not case.is_directional:
        reason = REASONS[parts.reasons[parts.rows(np.array([i]))[0]]]
        phrases.append(_mechanism(case, reason, value))
    phrases.append(truths.detail(i))
    return "; ".join(phrase for phrase in phrases if phrase)


def _mechanism(case: _Case, reason: str, value: float) -> str:
    """Return how a number that is not finite arises."""
    if not reason:
        another = "another component of the output is not differentiable here: 0*inf"
        return another if case.output else ""
    return f"{reason}: 0*inf" if reason == INFINITE_SLOPE and math.isnan(value) else reason


def _element(truths: Truths, i: int, value: float, rule: str) -> str:
    """Return the name of a value in the Clarke interval, and what the engine's rule picks.

    `rule` is `Traits.min_norm_rule`; "" if the engine has none.
    """
    left, right = truths.one_sided(i)
    shortest = min(max(0.0, min(left, right)), max(left, right))
    elements = {"left": left, "right": right, "mean": (left + right) / 2, "min-norm": shortest}
    tolerance = _EQUAL * max(abs(left), abs(right))
    names = [name for name, x in elements.items() if abs(value - x) <= tolerance]
    low, high = sorted((left, right))
    other = "other" if low <= value <= high else f"outside [{low:g}, {high:g}]"
    word = ", ".join(names) or other
    if not rule:
        return word
    lowest, highest = truths.curvatures(i)
    if not ((left < right and lowest >= 0) or (left > right and highest <= 0)):
        return f"{word}; {rule} does not apply"
    return f"{word}; {rule} " + ("says so" if "min-norm" in names else f"says {shortest:g}")


def _spurious(case: _Case, variable: str, i: int, value: float) -> str:
    """Return whether choices of branches at an apparent kink may give a wrong value, or ""."""
    if not case.truths[variable].is_apparent_kink(i):
        return ""
    point = exact_point(case.grid, i)
    hulls = None if point is None else clarke_hulls(case.problem.program, [variable], point)
    if hulls is None:
        return ""
    inside = hulls.outer_contains([value], _EQUAL)
    return "spurious: inside the AD hull" if inside else "outside the AD hull"


def _blames(  # noqa: PLR0913, PLR0917  (a step of `_explanations`)
    case: _Case,
    key: Key,
    points: Points,
    codes: NDArray[np.int8],
    parts: NonfiniteParts,
    blamed: tuple[Points, NDArray[np.intp]],
    texts: _Texts,
) -> NDArray[np.int32]:
    """Return the indices of the places to blame; "" where the engine agrees."""
    program = case.problem.program
    blames = np.full(len(points), _place(case, program.output, texts), dtype=np.int32)
    samples = case.samples[key[0]]
    if samples.unsupported:
        blames[:] = _place(case, first_call(program, samples.missing), texts)
        return blames
    all_points, switch_of = blamed
    nodes = switch_of[np.searchsorted(all_points, points)]
    rows = np.flatnonzero(np.isin(codes, _WITHOUT_NUMBER))
    if len(rows) and not case.is_directional:
        arising = parts.nodes[parts.rows(points[rows])]
        nodes[rows] = np.where(arising >= 0, arising, nodes[rows])
    for node in np.flatnonzero(np.bincount(nodes + 1)[1:]).tolist():
        blames[nodes == node] = _place(case, node, texts)
    blames[codes == Verdict.AGREES] = texts.index("")
    return blames


def _place(case: _Case, node: int, texts: _Texts) -> int:
    """Return the index of a node's place; that of the whole program if it has none."""
    program = case.problem.program
    place = program.place(node) if node >= 0 else ""
    return texts.index(place or program.place(program.output))
