"""Judge engines along random directions, for programs too large to be judged by components.

With a cotangent c and a direction v an engine returns one number, c·J·v: reverse mode computes
(c·J)·v, finite differences c·(f(x + hv) - f(x - hv))/2h. The truth is certified by bounds on all
rounding errors if no switch may be zero and the bounds are within tolerance; otherwise it is
`undecided`. The truth is `outside` if a component of the value is not finite in doubles, and is
proved to be undefined.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from symdiff.arithmetics.arrays import evaluate_tensor
from symdiff.arithmetics.bounds.tensor_estimates import directional_estimate
from symdiff.arithmetics.components.components import TooLargeError, literals, write_out
from symdiff.array_types import Array
from symdiff.comparison.evidence import Trial
from symdiff.comparison.tensor_request import TANGENT, TensorRequest, check_shape, is_diagonal
from symdiff.engines.base import Allowance, Engine, Problem, Samples
from symdiff.engines.claim import as_engines
from symdiff.engines.directional import (
    Direction,
    DirectionalProblem,
    DirectionalSamples,
    run_along,
)
from symdiff.engines.registry import load
from symdiff.errors import ExpressionError, Unsupported, UsageError
from symdiff.grid.grid import Grid, make_grid
from symdiff.program import Program
from symdiff.program.values import DTYPES, component_name
from symdiff.request.options import Options
from symdiff.truth.kinds import Kind, Truth
from symdiff.truth.truths import Certified, Proofs, Truths
from symdiff.truth.values import ExactValue, exact_value
from symdiff.verdict.accuracy import Limit, few_digits, inaccurate, loss
from symdiff.verdict.diagnosis import describe_agreement
from symdiff.verdict.faults import judge_faults
from symdiff.verdict.judge import Judgement, Tolerance, draft, judge, unclear_points
from symdiff.verdict.values import with_values, words_on_values
from symdiff.verdict.words import Verdict

_MAX_PROOFS: Final = 3  # components that are tried for a proof that one is undefined
DIRECTIONS: Final = 3  # number of random directions for each input
_FACTOR: Final = 4.0  # how far a different order of operations may exceed a bound on rounding
_UNSETTLED: Final = (
    "a switch may be zero, or the error bound of the derivative exceeds the tolerance"
)


@dataclasses.dataclass(frozen=True, slots=True)
class DirectionalTrials:
    """The trials of an expression on large tensors.

    Attributes
    ----------
    grid
        One point without coordinates.
    variables
        The names of the directions.
    trials
        One trial for each spelling.
    notes
        Which directions were taken, and how claims compare with computed gradients.
    """

    grid: Grid
    variables: tuple[str, ...]
    trials: tuple[Trial, ...]
    notes: tuple[str, ...]


def _bounded(slope: float, error: float, tolerance: Tolerance) -> Truths:
    """Return the truth along one direction: undecided if the error bound exceeds the tolerance."""
    if math.isfinite(slope) and error <= tolerance.atol + tolerance.rtol * abs(slope):
        return Truths.proved_only(1, {0: Truth(Kind.SMOOTH, slope, slope, slope)})
    return Truths(Certified.nowhere(1), Proofs.of({}), {0: _UNSETTLED})


def _why_undefined(request: TensorRequest, program: Program, weights: Sequence[Array]) -> str:
    """Return why a program is proved to have no value at the point, or ""."""
    value = evaluate_tensor(program, {**request.arrays, **request.indices})
    weighted = np.any([np.broadcast_to(w, value.shape) != 0 for w in weights], axis=0)
    off = np.argwhere(~np.isfinite(value) & weighted)[:_MAX_PROOFS]
    if not len(off):
        return ""
    try:
        written = write_out(program, literals(request.arrays), request.indices)
    except TooLargeError:
        return ""
    proofs = (exact_value(written.at(tuple(map(int, index))), {}) for index in off)
    return next((p.undefined for p in proofs if p is not None and p.undefined), "")


def directional_trials(request: TensorRequest, options: Options) -> DirectionalTrials:
    """Run every engine along random directions, the same for every engine and spelling.

    Raises
    ------
    UsageError
        A claim is for one component.
    """
    for claim in request.parsed.claims:
        if claim.index is not None or claim.output is not None:
            message = f"a claim for {claim.key!r}, and the program is too large for components"
            raise UsageError(message, hint=f"claim all of {claim.variable}")
    rng = np.random.default_rng(options.seed)
    weights = request.cotangents
    if weights is None:
        weights = (np.ones(()) if request.is_contracted else rng.standard_normal(request.shape),)
    directions = _directions(request, rng)
    grid = make_grid([], (), kinks=False)
    trials = []
    notes = [_note(request)]
    for spelling, program in request.parsed.programs.items():
        tensor_problem = request.tensor_problem(
            program, None if not request.shape and request.cotangents is None else weights
        )
        problem = DirectionalProblem(
            tensor_problem=tensor_problem,
            values={**request.arrays, **request.indices},
            weights=weights,
            times=request.accumulate,
            directions=directions,
            is_contracted=request.is_contracted,
            function=None if spelling else request.parsed.function,
        )
        claims = {} if spelling else _claims(request)
        undefined = _why_undefined(request, program, weights)
        trial, more_notes = _trial(spelling, problem, claims, options, undefined)
        if spelling and (reason := _other_spelling(request, program, Tolerance.of(options))):
            judgements = {k: with_values(j, {0: reason}) for k, j in trial.judgements.items()}
            trial = dataclasses.replace(trial, judgements=judgements)
        trials.append(trial)
        notes.extend(more_notes)
    return DirectionalTrials(grid, tuple(directions), tuple(trials), tuple(notes))


def _other_spelling(request: TensorRequest, other: Program, tolerance: Tolerance) -> str:
    """Return how the value of a spelling is certified to differ from the expression's, or ""."""
    values = {**request.arrays, **request.indices}
    try:
        programs = (request.parsed.program, other)
        (first, is_first_settled), (second, is_second_settled) = (
            directional_estimate(p, values, {}) for p in programs
        )
    except Unsupported:
        return ""
    if not (is_first_settled and is_second_settled):
        return ""
    allowed = tolerance.around(first.value) + 2 * (first.error + second.error)
    gaps = np.abs(first.value - second.value) - allowed
    if not (gaps > 0).any():
        return ""
    index = np.unravel_index(int(np.nanargmax(gaps)), gaps.shape)
    where = component_name("", tuple(int(k) for k in index))
    expected = ExactValue(float(first.value[index]))
    words = words_on_values(float(second.value[index]), expected, where)
    return words.replace("the formula", "the expression")


def _directions(request: TensorRequest, rng: np.random.Generator) -> dict[str, Direction]:
    if request.tangent is not None:
        return {TANGENT: request.tangent}
    return {
        f"{name} along v{k + 1}": {name: rng.standard_normal(request.shapes[name])}
        for name in request.wrt
        for k in range(DIRECTIONS)
    }


def _note(request: TensorRequest) -> str:
    what = "one direction" if request.tangent else f"{DIRECTIONS} random directions for each input"
    return f"judged along {what}" + ("" if request.is_contracted else ", with one random cotangent")


def _claims(request: TensorRequest) -> dict[str, Engine]:
    """Return the engine of the claims by its name; claims of a wrong shape are refused."""
    programs: dict[str, Program] = {}
    refused: dict[str, str] = {}
    diagonal: set[str] = set()
    for claim in request.parsed.claims:
        try:
            shape = check_shape(request, claim)
        except ExpressionError as error:
            refused[claim.variable] = str(error).split("\n", maxsplit=1)[0]
            continue
        programs[claim.variable] = claim.program
        if is_diagonal(request, claim, shape):
            diagonal.add(claim.variable)
    return as_engines(programs, refused, frozenset(diagonal))


def _trial(
    spelling: str,
    problem: DirectionalProblem,
    claims: Mapping[str, Engine],
    options: Options,
    undefined: str,
) -> tuple[Trial, list[str]]:
    """Run every engine along every direction, and judge it; return notes on claims too.

    `undefined` says why the function has no value, or is "".
    """
    tolerance = Tolerance.of(options)
    names = tuple(problem.directions)
    bounds = {name: problem.bound(name) for name in names}
    truths = {n: _bounded(b.slope, b.slope_error, tolerance) for n, b in bounds.items()}
    if undefined:
        outside = Truths.proved_only(1, {0: Truth(Kind.OUTSIDE, detail=undefined)})
        truths = dict.fromkeys(names, outside)
    engines = {**{name: load(name) for name in options.engines}, **claims}
    results = {name: run_along(engine, problem, bounds) for name, engine in engines.items()}
    judgements = {
        (engine, name): _judged(truths[name], bounds[name].slope_error, along, name, options)
        for engine, along in results.items()
        for name in along.samples.derivatives
    }
    samples = {engine: along.samples for engine, along in results.items()}
    judgements |= judge_faults(truths, samples, judgements)
    for key in judgements:
        reason = _another_value(problem, samples[key[0]], tolerance)
        if reason:
            judgements[key] = with_values(judgements[key], {0: reason})
    without_points = Problem(problem.program, {}, names, tensor_problem=problem.tensor_problem)
    trial = Trial(spelling, without_points, samples, truths, judgements)
    return trial, _comparisons_of_claims(results, tolerance)


def _judged(
    truths: Truths, error: float, along: DirectionalSamples, name: str, options: Options
) -> Judgement:
    """Judge an engine along one direction; `error` bounds the error of the true derivative."""
    samples = along.samples
    if name in samples.refusals:
        return Judgement.everywhere(Verdict.FAILED, 1, samples.refusals[name])
    if name in samples.unsupported:
        return Judgement.everywhere(Verdict.UNSUPPORTED, 1)
    tolerance = Tolerance.of(options)
    (points,) = unclear_points(truths, [(samples, name)], tolerance)
    drafted = draft(truths, samples, name, tolerance, points)
    allowance = along.allowances.get(name, Allowance())
    allowances = dict.fromkeys(drafted.points_off.tolist(), allowance)
    judgement = judge(drafted, truths, samples, name, allowances)
    limit = Limit(options.digits, DTYPES[samples.dtype])
    if truths.derivative[0] and few_digits(judgement, truths, samples.derivatives[name], limit):
        dtype = limit.at(judgement, 0).dtype
        why = loss(truths, 0, float(samples.derivatives[name][0]), dtype)
        judgement = inaccurate(judgement, {0: why})
    deviation = abs(float(samples.derivatives[name][0]) - float(truths.derivative[0]))
    allowed = float(tolerance.around(truths.derivative)[0])
    is_unclear = 0 < error >= abs(deviation - allowed)
    if judgement.codes[0] in {Verdict.AGREES, Verdict.WRONG} and is_unclear:
        return Judgement.everywhere(Verdict.UNDECIDED, 1, _UNSETTLED)
    return judgement


def _another_value(problem: DirectionalProblem, samples: Samples, tolerance: Tolerance) -> str:
    """Return how the value of a callable is certified to differ from the formula's, or "".

    There is no bound for a callable that rounds its inputs to a coarser dtype than theirs.
    """
    if samples.values is None or samples.dtype != problem.tensor_problem.dtype.name:
        return ""
    try:
        bounds, is_settled = directional_estimate(problem.program, problem.values, {})
    except Unsupported:
        return ""
    if not is_settled:
        return ""
    value = samples.values[0]
    coarser = _FACTOR * 2.0 ** (DTYPES["float64"].bits - DTYPES[samples.dtype].bits)
    allowed = tolerance.around(bounds.value) + coarser * np.asarray(bounds.error)
    gaps = np.abs(value - bounds.value) - allowed
    gaps = np.where(np.isnan(gaps), np.inf, gaps)  # NaN, and the formula's value is finite
    if not (gaps > 0).any():
        return ""
    index = np.unravel_index(int(np.argmax(gaps)), gaps.shape)
    where = component_name("", tuple(int(k) for k in index))
    return words_on_values(float(value[index]), ExactValue(float(bounds.value[index])), where)


def _comparisons_of_claims(
    results: Mapping[str, DirectionalSamples], tolerance: Tolerance
) -> list[str]:
    """Return notes that compare asserted gradients with the first whole gradient of an engine."""
    computed = [(n, a) for n, a in results.items() if a.gradients and not _is_asserted(a)]
    if not computed:
        return []
    other, reference = computed[0]
    return [
        f"{name} for {variable} compared with {other}: "
        + describe_agreement(value, reference.gradients[variable], tolerance.rtol)
        for name, along in results.items()
        if _is_asserted(along)
        for variable, value in along.gradients.items()
    ]


def _is_asserted(along: DirectionalSamples) -> bool:
    return along.samples.traits.is_asserted
