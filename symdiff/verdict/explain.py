"""Explain verdicts: a detail for each, and the sub-expression to blame.

A detail says more than the verdict's word: which subgradient it is, why a number is NaN, or how
a claim is wrong. Explanations are computed once, when an expression is compared, and are stored
with its evidence.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array, Mask
from symdiff.chunks import BLOCK
from symdiff.engines.backward import HasBackwardPass
from symdiff.engines.base import LEAVES_DOMAIN, STRADDLES, TRUNCATION, Problem, Samples
from symdiff.grid.grid import Grid
from symdiff.labels import among
from symdiff.program import Program
from symdiff.program.formats import FORMATS
from symdiff.program.values import DTYPES
from symdiff.truth.clarke import ClarkeBounds, clarke_bounds
from symdiff.truth.exact_points import exact_point
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths
from symdiff.verdict.accuracy import bits_left, power_of_ten, with_size
from symdiff.verdict.backward_search import nodes_in_backward_pass
from symdiff.verdict.blame import (
    cancelling_nodes,
    first_call,
    nearest_switches,
    result_of_custom_function,
)
from symdiff.verdict.explanations import Explanations
from symdiff.verdict.judge import BEYOND, FLOAT64, Judgement, Key
from symdiff.verdict.nonfinite import (
    INFINITE_DERIVATIVE,
    NonfiniteNodes,
    nonfinite_nodes,
    nonfinite_nodes_at_ends,
)
from symdiff.verdict.words import Verdict

Points = NDArray[np.intp]

# Tolerance for the names of subgradients, relative to the larger one-sided derivative.
_EQUAL: Final = 1e-6
# Verdicts on values that may be NaN or infinite.
_WITHOUT_NUMBER: Final = (Verdict.NONFINITE, Verdict.UNDEFINED)


# Where numbers arise that are not finite; at each point the first one that has a node counts.
_Arising = tuple[NonfiniteNodes, ...]


class _Texts:
    """Texts numbered in the order in which they are added; "" is the first."""

    def __init__(self) -> None:
        self._index_of = {"": 0}

    def index(self, text: str) -> int:
        return self._index_of.setdefault(text, len(self._index_of))

    def all(self) -> tuple[str, ...]:
        return tuple(self._index_of)


@dataclasses.dataclass(frozen=True, slots=True)
class _Scope:
    """One scalar function with its points, truths, samples and verdicts."""

    problem: Problem
    grid: Grid
    truths: Mapping[str, Truths]
    samples: Mapping[str, Samples]
    judgements: Mapping[Key, Judgement]
    backward: Mapping[str, HasBackwardPass]

    @property
    def is_directional(self) -> bool:
        return self.problem.tensor_problem is not None and not self.problem.columns


@dataclasses.dataclass(frozen=True, slots=True)
class _Explained:
    """Verdicts on one engine along one variable that are explained, at k points in order."""

    scope: _Scope
    key: Key
    points: Points

    @property
    def codes(self) -> NDArray[np.int8]:
        """The codes of the verdicts, shape (k,)."""
        return self.judgement.codes[self.points]

    @property
    def judgement(self) -> Judgement:
        return self.scope.judgements[self.key]

    @property
    def truths(self) -> Truths:
        return self.scope.truths[self.key[1]]

    @property
    def samples(self) -> Samples:
        return self.scope.samples[self.key[0]]


def explain(  # noqa: PLR0913, PLR0917  (the parts of a trial)
    problem: Problem,
    grid: Grid,
    truths: Mapping[str, Truths],
    samples: Mapping[str, Samples],
    judgements: Mapping[Key, Judgement],
    backward: Mapping[str, HasBackwardPass],
) -> dict[Key, Explanations]:
    """Return explanations of the verdicts on every engine along every variable.

    Parameters
    ----------
    problem
        The program and the points.
    grid
        The points, with their exact coordinates.
    truths, samples
        The truth by variable, and what the engines returned.
    judgements
        The verdicts, by engine and variable.
    backward
        By name, the engines whose backward pass can be looked into.
    """
    scope = _Scope(problem, grid, truths, samples, judgements, backward)
    explained = {key: _Explained(scope, key, _explained_points(scope, key)) for key in judgements}
    arising = _nonfinite(scope, explained.values())
    explanations: dict[Key, Explanations] = {}
    by_variable: dict[str, list[_Explained]] = {variable: [] for variable in truths}
    for item in explained.values():
        by_variable[item.key[1]].append(item)
    for variable, items in by_variable.items():
        points, nodes = _switches(scope, variable, items)
        for item in items:
            blamed = nodes[np.searchsorted(points, item.points)]
            explanations[item.key] = _explanations(item, arising[item.key], blamed)
    return {key: explanations[key] for key in judgements}


def _explained_points(scope: _Scope, key: Key) -> Points:
    """Return the points with a verdict that is not `agrees`, a note, or a truth to be explained."""
    chosen = ~among(scope.judgements[key].codes, [Verdict.AGREES])
    truths = scope.truths[key[1]]
    for notes in (scope.judgements[key].notes, scope.samples[key[0]].notes.get(key[1], {})):
        chosen[list(notes)] = True
    chosen[truths.apparent_kinks] = True
    chosen[truths.proofs.points[truths.proofs.kinds == Kind.PARTIAL]] = True
    chosen[truths.overflowing_points] = True
    return np.flatnonzero(chosen)


def _nonfinite(scope: _Scope, explained: Iterable[_Explained]) -> dict[Key, _Arising]:
    """Return where numbers arise that are not finite, by engine and variable.

    Blame follows the backward pass of the engine that gave the number, if it has one: what was
    found there comes first.
    """
    points_of = {item.key: _points_without_number(item) for item in explained}
    points = _union(points_of.values(), len(scope.grid))
    if scope.is_directional:  # no backward pass along directions is followed
        is_undefined = any((t.kinds == Kind.OUTSIDE).any() for t in scope.truths.values())
        found = (nonfinite_nodes(scope.problem, points),) if is_undefined else ()
        return dict.fromkeys(points_of, found)
    asked = {scope.samples[engine].asked for engine, _ in points_of}
    by_value = {
        name: nonfinite_nodes(
            scope.problem if name not in FORMATS else scope.problem.in_format(FORMATS[name]), points
        )
        for name in asked
    }
    in_pass: dict[Key, NonfiniteNodes] = {}
    for engine in scope.backward:
        in_pass |= _in_backward_pass(
            scope, engine, {key: p for key, p in points_of.items() if key[0] == engine and len(p)}
        )
    in_pass |= {
        key: nonfinite_nodes_at_ends(scope.problem, chosen, key[1])
        for key, chosen in points_of.items()
        if len(chosen) and _has_stencil(scope, key)
    }
    found_by_value = {key: by_value[scope.samples[key[0]].asked] for key in points_of}
    return {
        key: (in_pass[key], found) if key in in_pass else (found,)
        for key, found in found_by_value.items()
    }


def _has_stencil(scope: _Scope, key: Key) -> bool:
    """Return whether an engine takes differences of a program on numbers."""
    is_difference = "differences" in scope.samples[key[0]].traits.modes
    on_numbers = scope.problem.tensor_problem is None and key[1] in scope.problem.columns
    return is_difference and on_numbers


def _points_without_number(item: _Explained) -> Points:
    """Return the points at which the engine's number or the function has no finite value."""
    return item.points[_is_without_number(item)]


def _is_without_number(item: _Explained) -> NDArray[np.bool_]:
    """Return a mask of the explained points, shape (k,); see `_points_without_number`."""
    is_undefined = item.truths.part(item.points).kinds == Kind.OUTSIDE
    is_silent = (item.codes == Verdict.SILENT) & is_undefined
    without: NDArray[np.bool_] = np.isin(item.codes, _WITHOUT_NUMBER) | is_silent
    return without


def _in_backward_pass(
    scope: _Scope, engine: str, points_of: Mapping[Key, Points]
) -> dict[Key, NonfiniteNodes]:
    """Return where NaNs and infinities arise in an engine's backward pass, where they do."""
    points = _union(points_of.values(), len(scope.grid))
    step = 1 if scope.problem.tensor_problem is not None else BLOCK
    found: dict[Key, list[NonfiniteNodes]] = {key: [] for key in points_of}
    for first in range(0, len(points), step):
        part = points[first : first + step]
        done = scope.backward[engine].backward_pass(scope.problem.part(part))
        if done is None:
            return {}
        for key, parts in found.items():
            parts.append(nodes_in_backward_pass(done, part, key[1]))
    return {key: NonfiniteNodes.join(parts) for key, parts in found.items()}


def _switches(
    scope: _Scope, variable: str, explained: Iterable[_Explained]
) -> tuple[Points, NDArray[np.intp]]:
    """Return all explained points, and for each the node of the switch to blame or -1."""
    points = _union([item.points for item in explained], len(scope.grid))
    if scope.is_directional:
        return points, np.full(len(points), -1)
    return points, nearest_switches(scope.problem, points, variable)


def _union(parts: Iterable[Points], count: int) -> Points:
    """Return the points, of `count`, that are in any of some arrays; in order."""
    mask = np.zeros(count, dtype=bool)
    for points in parts:
        mask[points] = True
    return np.flatnonzero(mask)


def _explanations(
    explained: _Explained, arising: _Arising, blamed: NDArray[np.intp]
) -> Explanations:
    texts = _Texts()
    details = _details(explained, arising, texts)
    blames = _blames(explained, arising, blamed, texts)
    return Explanations(explained.points, details, blames, texts.all())


def _details(explained: _Explained, arising: _Arising, texts: _Texts) -> NDArray[np.int32]:
    """Return the indices in `texts` of the details, most of them set for many points together."""
    points, codes, judgement = explained.points, explained.codes, explained.judgement
    samples, truths = explained.samples, explained.truths
    details = np.zeros(len(points), dtype=np.int32)
    variable = explained.key[1]
    if variable in samples.unsupported:
        details[:] = texts.index(samples.unsupported[variable].reason)
        return details
    inexact = codes == Verdict.INEXACT
    straddling = samples.straddling.get(variable)
    across = np.zeros(len(points), dtype=bool) if straddling is None else straddling[points]
    values, derivative = samples.derivatives[variable][points], truths.part(points).derivative
    for why, rows in ((STRADDLES, inexact & across), (TRUNCATION, inexact & ~across)):
        _write_sizes(details, rows, why, values, derivative, texts)
    individual = np.zeros(len(points), dtype=bool)
    for by_point in (
        judgement.reasons,
        judgement.notes,
        samples.notes.get(variable, {}),
        truths.proofs.details,
        truths.unproved,
    ):
        if by_point:
            individual |= np.isin(points, np.fromiter(by_point, dtype=np.intp, count=len(by_point)))
    individual |= samples.failing(variable, points)
    outside = truths.certified.outside[points]
    outside[np.isin(codes, (Verdict.NONFINITE, Verdict.INEXACT)) | individual] = 0
    for code in np.flatnonzero(np.bincount(outside)[1:]) + 1:
        rows = outside == code
        details[rows] = texts.index(truths.detail(int(points[np.argmax(rows)])))
    for row in np.flatnonzero(individual | ~inexact & (outside == 0)).tolist():
        details[row] = texts.index(_detail(explained, int(points[row]), arising))
    return details


def _detail(explained: _Explained, i: int, arising: _Arising) -> str:
    """Return the detail of one verdict, or ""."""
    scope, variable = explained.scope, explained.key[1]
    samples, truths, judgement = explained.samples, explained.truths, explained.judgement
    verdict = Verdict.from_code(judgement.codes[i])
    if samples.reason(variable, i):
        return samples.reason(variable, i)
    phrases = [judgement.reasons.get(i, "")]
    if verdict is Verdict.VALUE:  # the derivative is that of another function
        return phrases[0]
    value = float(samples.derivatives[variable][i])
    if verdict is Verdict.INEXACT:
        straddling = samples.straddling.get(variable)
        across = straddling is not None and straddling[i]
        why = phrases[0] or (STRADDLES if across else TRUNCATION)
        derivative = truths.derivative_at(i)
        coarse = DTYPES[judgement.rounded.get(i, "float64")]
        phrases = [
            with_size(why, power_of_ten(value, derivative))
            if coarse.bits >= FLOAT64.bits or why.startswith(BEYOND)
            else bits_left(why, value, derivative, coarse)
        ]
    is_subgradient = verdict in {Verdict.SUBGRADIENT, Verdict.NOT_SUBGRADIENT}
    if is_subgradient and truths.kinds[i] == Kind.KINK:
        # An engine's rule is for a function of one variable, not for a component of a gradient.
        is_component = phrases[0] or i in judgement.notes
        rule = "" if is_component else samples.traits.min_norm_rule
        phrases.insert(0, _element(truths, i, value, rule))
    if verdict is Verdict.WRONG and not phrases[0]:
        phrases.append(_spurious(scope, variable, i, value))
    has_stencil = phrases[0] != LEAVES_DOMAIN
    if verdict is Verdict.NONFINITE and has_stencil and not scope.is_directional:
        reason = next((r for part in arising if (r := part.reason(i))), "")
        phrases.append(_mechanism(reason, value))
    own = samples.notes.get(variable, {})
    phrases += [judgement.notes.get(i, ""), own.get(i, ""), truths.detail(i)]
    return "; ".join(phrase for phrase in phrases if phrase)


def _write_sizes(  # noqa: PLR0913, PLR0917  (columns of the same points)
    details: NDArray[np.int32],
    rows: Mask,
    why: str,
    values: Array,
    derivative: Array,
    texts: _Texts,
) -> None:
    """Write why numbers are inexact, with the size of the error: one text for each power of ten."""
    chosen = np.flatnonzero(rows)
    powers = power_of_ten(values[chosen], derivative[chosen])
    for power in np.unique(powers).tolist():  # NaN is last, once
        here = np.isnan(powers) if math.isnan(power) else powers == power
        details[chosen[here]] = texts.index(with_size(why, power))


def _mechanism(reason: str, value: float) -> str:
    """Return how a number that is not finite arises."""
    is_product = reason.startswith(INFINITE_DERIVATIVE) and math.isnan(value)
    return f"{reason}: 0*inf" if is_product else reason


def _element(truths: Truths, i: int, value: float, rule: str) -> str:
    """Return the name of a value in the Clarke interval, and what the engine's rule picks.

    `rule` is `Traits.min_norm_rule`; "" if the engine has none.
    """
    left, right = truths.one_sided(i)
    shortest = min(max(0.0, min(left, right)), max(left, right))
    elements = {"left": left, "right": right, "mean": (left + right) / 2, "min-norm": shortest}
    tolerance = _EQUAL * max((abs(x) for x in (left, right) if math.isfinite(x)), default=0.0)
    names = [n for n, x in elements.items() if value == x or abs(value - x) <= tolerance]
    low, high = sorted((left, right))
    other = "other" if low <= value <= high else f"outside [{low:g}, {high:g}]"
    word = ", ".join(names) or other
    if not rule:
        return word
    lowest, highest = truths.curvatures(i)
    if not ((left < right and lowest >= 0) or (left > right and highest <= 0)):
        return f"{word}; {rule} does not apply"
    return f"{word}; {rule} " + ("says so" if "min-norm" in names else f"says {shortest:g}")


def _spurious(scope: _Scope, variable: str, i: int, value: float) -> str:
    """Return whether choices of branches at an apparent kink can give a wrong value, or ""."""
    truths = scope.truths[variable]
    if not truths.is_apparent_kink(i) and truths.kinds[i] != Kind.PARTIAL:
        return ""
    point = exact_point(scope.grid, i)
    if point is None:
        return ""
    bounds = clarke_bounds(scope.problem.without_data(), [variable], point)
    if not isinstance(bounds, ClarkeBounds):
        return ""
    if not bounds.has_choices:
        return ""  # the switches that are zero do not depend on this variable
    inside = bounds.outer_contains([value], _EQUAL)
    return "spurious: inside the AD hull" if inside else "outside the AD hull"


def _blames(
    explained: _Explained, arising: _Arising, switches: NDArray[np.intp], texts: _Texts
) -> NDArray[np.int32]:
    """Return the indices of the sub-expressions to blame; "" where the engine agrees.

    `switches` has the nodes of the switches to blame at the same points, or -1.
    """
    program, codes = explained.scope.problem.program, explained.codes
    samples = explained.samples
    if explained.key[1] in samples.unsupported:
        missing = samples.unsupported[explained.key[1]].function
        call = _described_node(program, first_call(program, missing))
        return np.full(len(codes), texts.index(call), dtype=np.int32)
    switches = np.where(codes == Verdict.VALUE, -1, switches)  # no part of the formula is to blame
    whole = texts.index(_described_node(program, program.output))
    blames = np.full(len(codes), whole, dtype=np.int32)
    written = result_of_custom_function(program, explained.key[1])
    is_wrong = np.isin(codes, (Verdict.WRONG, Verdict.NOT_SUBGRADIENT, Verdict.FAILED))
    _blame(blames, program, np.where(is_wrong, written, -1), texts)
    _blame(blames, program, switches, texts)
    rows = np.flatnonzero(_is_without_number(explained))
    for part in reversed(arising):
        _blame_nonfinite(blames, rows, explained.points[rows], part, texts)
    if not explained.scope.is_directional:
        nodes = np.full(len(codes), -1)
        rows = np.flatnonzero(codes == Verdict.INACCURATE)
        nodes[rows] = cancelling_nodes(
            explained.scope.problem, explained.points[rows], explained.key[1], samples.dtype
        )
        _blame(blames, program, nodes, texts)
    blames[codes == Verdict.AGREES] = texts.index("")
    return blames


def _blame(
    blames: NDArray[np.int32], program: Program, nodes: NDArray[np.intp], texts: _Texts
) -> None:
    """Write the texts of nodes into `blames`, except where the node is -1."""
    for node in np.flatnonzero(np.bincount(nodes + 1)[1:]).tolist():
        blames[nodes == node] = texts.index(_described_node(program, node))


def _blame_nonfinite(
    blames: NDArray[np.int32],
    rows: NDArray[np.intp],
    points: Points,
    arising: NonfiniteNodes,
    texts: _Texts,
) -> None:
    """Write the texts of nodes that are not finite into `blames`, where one was found."""
    found = arising.rows(points)
    if not arising.elements:
        nodes = np.full(len(blames), -1)
        nodes[rows] = arising.nodes[found]
        _blame(blames, arising.program, nodes, texts)
        return
    for row, k in zip(rows.tolist(), found.tolist(), strict=True):
        if arising.nodes[k] >= 0:
            place = _described_node(arising.program, int(arising.nodes[k]))
            blames[row] = texts.index(place + arising.elements[k])


def _described_node(program: Program, node: int) -> str:
    """Return the text and the place of a node; of the whole program if the node has none."""
    place = program.place(node) if node >= 0 else ""
    return place or program.place(program.output)
