"""Run every engine on one scalar function and judge the results.

The stages run in this order, and each returns new data:

    run engines, certify, prove, estimate errors, draft verdicts, prove, judge, explain

`run_trial` has all stages except the last one: see `symdiff.comparison.explained`.
"""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array, Mask
from symdiff.chunks import in_chunks, side_by_side
from symdiff.comparison.evidence import Trial
from symdiff.engines.base import Allowance, Engine, HasRadii, Problem, Samples
from symdiff.engines.claim import as_engines
from symdiff.engines.registry import load
from symdiff.engines.running import check_memory, is_long, run
from symdiff.errors import describe
from symdiff.grid.grid import Grid
from symdiff.labels import among
from symdiff.libraries import set_torch_threads, torch_threads
from symdiff.program import Program
from symdiff.request.options import Options
from symdiff.truth.certify import ProofOptions, ProofTask, decide, prove_points
from symdiff.truth.exact_points import exact_point
from symdiff.truth.gradient import smooth_gradient
from symdiff.truth.joints import with_joint_truths
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Certified, Truths
from symdiff.verdict.accuracy import judge_digits
from symdiff.verdict.at_doubles import judge_at_doubles, points_between_doubles
from symdiff.verdict.diagnosis import diagnose, diagnose_jacobian, diagnose_region
from symdiff.verdict.faults import judge_faults
from symdiff.verdict.gradients import AllowanceOf, judge_gradients
from symdiff.verdict.judge import Draft, Judgement, Key, Tolerance, draft, judge, unclear_points
from symdiff.verdict.values import judge_spelling, judge_values
from symdiff.verdict.words import Verdict

_FEW: Final = 256  # points that get bounds of rounding errors one by one, which are closer
# Verdicts whose reason describes how an asserted derivative is wrong.
_WRONG: Final = (Verdict.WRONG, Verdict.NOT_SUBGRADIENT)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scalar function on which the engines are run.

    Attributes
    ----------
    problem
        The program and the points.
    spelling, output
        As in `Trial`.
    claims
        The asserted derivatives, by variable.
    refused
        By variable, why an asserted derivative cannot be right.
    expression
        For a spelling, the expression whose values it must have; else None.
    """

    problem: Problem
    spelling: str = ""
    output: str = ""
    claims: Mapping[str, Program] = dataclasses.field(default_factory=dict)
    refused: Mapping[str, str] = dataclasses.field(default_factory=dict)
    expression: Program | None = None


def run_trial(case: Case, grid: Grid, options: Options, proofs: ProofOptions) -> Trial:
    """Run every engine on a case, and judge what they return; explain nothing yet.

    Parameters
    ----------
    case
        The function, with its points as columns.
    grid
        The same points, with their exact coordinates.
    options
        The engines and the tolerance.
    proofs
        How the truth is decided.
    """
    problem, tolerance = case.problem, Tolerance.of(options)
    engines: dict[str, Engine] = {name: load(name) for name in dict.fromkeys(options.engines)}
    engines |= as_engines(case.claims, case.refused)
    tasks = {
        v: ProofTask(problem.program, v, grid, proofs, problem.second) for v in problem.variables
    }
    samples, certified = _run_engines(engines, problem, tasks)
    gradients = _smooth_gradients(problem, grid) if problem.tensor_problem is not None else {}
    truths = {
        v: decide(task, certified=certified.get(v), slopes=gradients.get(v))
        for v, task in tasks.items()
    }
    unclear = _unclear(truths, samples, tolerance)
    samples, failed_estimates = _with_estimates(engines, problem, samples, unclear)
    radii = _radii(engines, problem, unclear)
    drafts = _drafts(truths, samples, tolerance, unclear, radii)
    proved = {v: _proved(task, truths[v], v, drafts) for v, task in tasks.items()}
    newly_proved = {
        (name, v): points[proved[v].attempted[points] & ~truths[v].attempted[points]]
        for (name, v), points in unclear.items()
    }
    redrafted = _drafts(proved, samples, tolerance, newly_proved, radii)
    drafts |= {key: drafts[key].updated(again) for key, again in redrafted.items()}
    smooth = _smooth_everywhere(problem, gradients)
    proved, joints = with_joint_truths(
        problem.without_data(), grid, proved, smooth, is_formula=problem.order > 1
    )

    between = points_between_doubles(grid)

    def at_double(engine: str, variable: str, i: int) -> Allowance:
        if (engine, variable) in failed_estimates:
            return Allowance(math.nan, reason=failed_estimates[engine, variable])
        return _allowance(engines[engine], problem, variable, i)

    def allowance(engine: str, variable: str, i: int) -> Allowance:
        # An engine that is not right at a point between doubles is judged at the double later.
        by_differences = "differences" in engines[engine].traits.modes
        is_later = i in between and not by_differences
        return Allowance() if is_later else at_double(engine, variable, i)

    judgements = {
        key: _judged(key, len(grid), proved, samples, drafts, allowance)
        for key in ((name, v) for name in engines for v in samples[name].derivatives)
    }
    judgements |= judge_gradients(problem, grid, proved, samples, judgements, tolerance, allowance)
    judgements |= judge_at_doubles(problem, grid, proofs, samples, judgements, tolerance, at_double)
    judgements |= judge_faults(proved, samples, judgements)
    judgements |= judge_digits(problem, proved, samples, judgements, options.digits)
    judgements |= judge_values(_written(problem), samples, judgements, tolerance, engines)
    if case.expression is not None:
        judgements |= judge_spelling(_written(problem), case.expression, judgements, tolerance)
    trial = Trial(
        case.spelling, problem, samples, proved, judgements, output=case.output, joints=joints
    )
    return trial if problem.tensor_problem is not None else _with_diagnoses(trial)


def _written(problem: Problem) -> Problem:
    """Return the problem whose program is the expression as written, not its derivative."""
    return dataclasses.replace(problem, program=problem.written)


def _run_engines(
    engines: Mapping[str, Engine], problem: Problem, tasks: Mapping[str, ProofTask]
) -> tuple[dict[str, Samples], dict[str, Certified]]:
    """Return the samples by engine and, on a long grid, certified derivatives by variable.

    On a long grid, engines that do not run in chunks run at the same time as the other engines
    and the certification.
    """
    not_in_chunks = [
        name
        for name, engine in engines.items()
        if is_long(problem) and not engine.traits.runs_in_chunks
    ]
    if not not_in_chunks:
        return {name: run(engine, problem) for name, engine in engines.items()}, {}
    threads, caller = torch_threads(), threading.get_ident()

    def run_in_chunks() -> tuple[dict[str, Samples], dict[str, Certified]]:
        samples = {
            name: run(engine, problem)
            for name, engine in engines.items()
            if name not in not_in_chunks
        }
        filtered = {v: task for v, task in tasks.items() if task.options.prove == "filter"}
        return samples, {v: task.certify() for v, task in filtered.items()}

    def run_others() -> dict[str, Samples]:
        if threading.get_ident() != caller:  # the calling thread runs chunks at the same time
            set_torch_threads(max(1, threads // 2), others=threads)
        return {name: run(engines[name], problem) for name in not_in_chunks}

    (in_chunks, certified), others = side_by_side(run_in_chunks, run_others)
    return {name: (in_chunks | others)[name] for name in engines}, certified


def _smooth_gradients(problem: Problem, grid: Grid) -> dict[str, Array]:
    """Return the derivatives by variable where one reverse pass proves all of them, else NaN."""
    slopes = {name: np.full(len(grid), np.nan) for name in problem.variables}
    for i in range(len(grid)):
        point = exact_point(grid, i)
        if point is not None:
            for name, slope in smooth_gradient(problem.program, problem.variables, point).items():
                slopes[name][i] = slope
    return slopes


def _smooth_everywhere(problem: Problem, gradients: Mapping[str, Array]) -> Mask | None:
    """Return where one reverse pass proved the derivatives of all inputs that move, or None."""
    inputs = problem.without_data().inputs
    if not set(inputs) <= set(gradients):
        return None
    smooth = np.ones(problem.count, dtype=bool)
    for name in inputs:
        smooth &= np.isfinite(gradients[name])
    return smooth


def _unclear(
    truths: Mapping[str, Truths], samples: Mapping[str, Samples], tolerance: Tolerance
) -> dict[Key, NDArray[np.intp]]:
    """Return the points at which an engine does not clearly agree, by engine and variable."""
    unclear: dict[Key, NDArray[np.intp]] = {}
    for variable, truth in truths.items():
        names = [
            name
            for name, s in samples.items()
            if variable in s.derivatives and variable not in s.unsupported
        ]
        pairs = [(samples[name], variable) for name in names]
        for name, points in zip(names, unclear_points(truth, pairs, tolerance), strict=True):
            unclear[name, variable] = points
    return unclear


def _with_estimates(
    engines: Mapping[str, Engine],
    problem: Problem,
    samples: Mapping[str, Samples],
    unclear: Mapping[Key, NDArray[np.intp]],
) -> tuple[dict[str, Samples], dict[Key, str]]:
    """Return the samples with the engines' error estimates at the unclear points.

    The second value has a message for every estimate that raised an exception.
    """
    completed, failures = dict(samples), {}
    for (name, variable), points in unclear.items():
        has_estimate = variable in samples[name].errors or variable in samples[name].straddling
        if has_estimate or not len(points):
            continue
        try:
            estimate = engines[name].estimate_errors(problem.part(points), variable)
        except Exception as error:  # noqa: BLE001  (an engine may raise anything)
            check_memory(error)
            message = f"the engine's error estimate failed: {describe(error)}"
            failures[name, variable] = message
            continue
        if estimate is not None:
            completed[name] = completed[name].with_estimate(variable, points, estimate)
    return completed, failures


def _drafts(
    truths: Mapping[str, Truths],
    samples: Mapping[str, Samples],
    tolerance: Tolerance,
    unclear: Mapping[Key, NDArray[np.intp]],
    radii: Mapping[Key, Array],
) -> dict[Key, Draft]:
    """Return drafts of the verdicts at some points, by engine and variable, where there are any."""
    return {
        (name, variable): draft(
            truths[variable],
            samples[name],
            variable,
            tolerance,
            points,
            radii[name, variable][points] if (name, variable) in radii else None,
        )
        for (name, variable), points in unclear.items()
        if len(points)
    }


def _radii(
    engines: Mapping[str, Engine], problem: Problem, unclear: Mapping[Key, NDArray[np.intp]]
) -> dict[Key, Array]:
    """Return bounds of rounding errors at all points, where many are unclear; NaN elsewhere."""
    found: dict[Key, Array] = {}
    for (name, variable), points in unclear.items():
        engine = engines[name]
        if len(points) <= _FEW or not isinstance(engine, HasRadii):
            continue
        column = _radii_at(engine, problem, variable, points)
        if column is not None:
            found[name, variable] = column
    return found


def _radii_at(
    engine: HasRadii, problem: Problem, variable: str, points: NDArray[np.intp]
) -> Array | None:
    """Return an engine's bounds at some points, NaN elsewhere, shape (n,); None: it has none."""
    column = np.full(problem.count, np.nan)
    lacking: list[slice] = []

    def bound(chunk: slice) -> None:
        radii = engine.radii(problem.part(points[chunk]), variable)
        if radii is None:
            lacking.append(chunk)
        else:
            column[points[chunk]] = radii

    in_chunks(len(points), bound)
    return None if lacking else column


def _proved(task: ProofTask, truths: Truths, variable: str, drafts: Mapping[Key, Draft]) -> Truths:
    """Return the truth with proofs at all points on which a drafted verdict depends."""
    points = [
        i
        for (_, name), drafted in drafts.items()
        if name == variable
        for i in drafted.points_to_prove.tolist()
    ]
    return prove_points(task, truths, points)


def _judged(  # noqa: PLR0913, PLR0917  (the results of the stages before)
    key: Key,
    count: int,
    truths: Mapping[str, Truths],
    samples: Mapping[str, Samples],
    drafts: Mapping[Key, Draft],
    allowance: AllowanceOf,
) -> Judgement:
    """Return the verdicts on an engine along a variable, at `count` points."""
    name, variable = key
    if variable in samples[name].refusals:
        return Judgement.everywhere(Verdict.FAILED, count, samples[name].refusals[variable])
    if variable in samples[name].unsupported:
        return Judgement.everywhere(Verdict.UNSUPPORTED, count)
    if key not in drafts:  # no point was unclear
        return Judgement.everywhere(Verdict.AGREES, count)
    allowances = {i: allowance(name, variable, i) for i in drafts[key].points_off.tolist()}
    return judge(drafts[key], truths[variable], samples[name], variable, allowances)


def _allowance(engine: Engine, problem: Problem, variable: str, i: int) -> Allowance:
    """Return an engine's allowance at the doubles of a point."""
    try:
        return engine.allowance(problem, variable, i)
    except Exception as error:  # noqa: BLE001  (an engine may raise anything)
        check_memory(error)
        return Allowance(math.nan, reason=f"the engine's allowance failed: {describe(error)}")


def _with_diagnoses(trial: Trial) -> Trial:
    """Return a trial with reasons that say how derivatives are wrong, as a whole or in a region."""
    judgements = dict(trial.judgements)
    for (name, variable), judgement in trial.judgements.items():
        samples, truths = trial.samples[name], trial.truths[variable]
        off = among(judgement.codes, _WRONG)
        if variable in samples.refusals or not off.any():
            continue
        how = diagnose if samples.traits.is_asserted else diagnose_region
        words = how(trial.problem, truths, samples.derivatives[variable], off)
        if not words:
            continue
        explained = (
            off
            if samples.traits.is_asserted
            else off & among(truths.kinds, (Kind.SMOOTH, Kind.PARTIAL))
        )
        reasons = dict.fromkeys(np.flatnonzero(explained).tolist(), words)
        judgements[name, variable] = judgement.with_reasons(reasons)
    return dataclasses.replace(trial, judgements=judgements)


def with_jacobian_diagnoses(
    trials: Sequence[Trial], components: Mapping[str, Sequence[str]]
) -> tuple[Trial, ...]:
    """Return trials with reasons that say how asserted Jacobians are wrong as a whole.

    Parameters
    ----------
    trials
        The trials of all components of the output.
    components
        The names of the components of every input.
    """
    reasons: dict[tuple[int, str, str], dict[int, str]] = {}
    asserted = dict.fromkeys(
        name for trial in trials for name, s in trial.samples.items() if s.traits.is_asserted
    )
    for engine in asserted:
        for names in components.values():
            rows = [k for k, t in enumerate(trials) if set(names) <= set(t.covered(engine))]
            for i in range(trials[rows[0]].problem.count if rows else 0):
                claimed, true, off = _jacobians([trials[k] for k in rows], engine, names, i)
                words = diagnose_jacobian(claimed, true, off)
                for row, column in np.argwhere(off).tolist() if words else ():
                    reasons.setdefault((rows[row], engine, names[column]), {})[i] = words
    changed = [dict(trial.judgements) for trial in trials]
    for (k, engine, name), by_point in reasons.items():
        changed[k][engine, name] = changed[k][engine, name].with_reasons(by_point)
    return tuple(
        dataclasses.replace(trial, judgements=judgements)
        for trial, judgements in zip(trials, changed, strict=True)
    )


def _jacobians(
    rows: Sequence[Trial], engine: str, names: Sequence[str], i: int
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return the asserted and the true Jacobian at a point, and where the former is wrong."""
    claimed = [[t.samples[engine].derivatives[n][i] for n in names] for t in rows]
    true = [[t.truths[n].derivative[i] for n in names] for t in rows]
    codes = [[t.verdicts(engine, n)[i] for n in names] for t in rows]
    return np.array(claimed), np.array(true), np.isin(codes, _WRONG)
