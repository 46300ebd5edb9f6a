"""One scalar function on trial: every engine runs, the truth is decided, verdicts are given."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from typing import Final

import flint
import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.balls import PRECISION
from symdiff.arithmetics.bounds.rounding import slope_radius
from symdiff.array_types import Array
from symdiff.chunks import side_by_side
from symdiff.comparison.evidence import Trial, tolerance_of
from symdiff.engines.base import Allowance, Engine, Problem, Samples, is_long, run
from symdiff.engines.claim import as_engines
from symdiff.engines.registry import load
from symdiff.grid.grid import Grid
from symdiff.libraries import keep_torch_to, torch_threads
from symdiff.program import Program
from symdiff.request.options import Options
from symdiff.truth.certify import Certified, Decider, ProofOptions, certify, exact_point
from symdiff.truth.gradient import smooth_gradient
from symdiff.truth.truths import Truths
from symdiff.verdict.diagnosis import diagnose, diagnose_jacobian
from symdiff.verdict.gradients import judge_gradients
from symdiff.verdict.judge import Judgement, judge, unclear
from symdiff.verdict.words import Verdict

_OFF: Final = (Verdict.WRONG, Verdict.NOT_SUBGRADIENT)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is to be tried.

    Attributes
    ----------
    problem
        The program and the points.
    spelling, output
        As in `Trial`.
    claims
        For some variables the derivative that somebody asserts.
    refused
        For some variables why what is asserted cannot be one.
    """

    problem: Problem
    spelling: str = ""
    output: str = ""
    claims: Mapping[str, Program] = dataclasses.field(default_factory=dict)
    refused: Mapping[str, str] = dataclasses.field(default_factory=dict)


def attempt(case: Case, grid: Grid, options: Options, proofs: ProofOptions) -> Trial:
    """Run every engine on a case, and judge what they give."""
    problem = case.problem
    engines: dict[str, Engine] = {name: load(name) for name in dict.fromkeys(options.engines)}
    engines |= as_engines(case.claims, case.refused)
    samples, settled = _run(engines, problem, grid, proofs)
    proved = _proved(problem, grid) if problem.tensor_problem is not None else {}
    deciders = {
        variable: Decider(
            *(problem.program, variable, grid, proofs),
            slopes=proved.get(variable),
            settled=settled.get(variable),
        )
        for variable in problem.variables
    }
    truths = {variable: decider.truths for variable, decider in deciders.items()}
    open_points = _unclear(truths, samples, options)
    judgements = {
        (name, variable): judge(
            truths[variable],
            samples[name],
            variable,
            tolerance_of(options),
            _Recourse(engine, problem, variable, grid, samples[name], deciders[variable]),
            open_points.get((name, variable)),
        )
        for name, engine in engines.items()
        for variable in samples[name].derivatives
    }
    judgements.update(judge_gradients(problem, grid, truths, samples, judgements))
    for name, given in samples.items():
        for variable, reason in given.refusals.items():
            judgements[name, variable] = _failed(len(grid), reason)
        if given.traits.is_asserted and problem.tensor_problem is None:
            for variable in given.derivatives:
                _diagnose_claim(judgements[name, variable], truths[variable], given, variable)
    return Trial(case.spelling, problem, samples, truths, judgements, case.output)


def _run(
    engines: Mapping[str, Engine], problem: Problem, grid: Grid, judging: ProofOptions
) -> tuple[dict[str, Samples], dict[str, Certified]]:
    """Run the engines; on a long grid, one with threads of its own runs beside all others.

    With the others goes what arrays say of the truth: it is returned by variable.
    """
    long = is_long(problem)
    whole = [name for name, engine in engines.items() if long and not engine.traits.runs_in_chunks]
    if not whole:
        return {name: run(engine, problem) for name, engine in engines.items()}, {}
    threads, asked_by = torch_threads(), threading.get_ident()

    def in_chunks() -> tuple[dict[str, Samples], dict[str, Certified]]:
        samples = {n: run(engine, problem) for n, engine in engines.items() if n not in whole}
        wanted, columns = problem.variables if judging.prove == "filter" else (), grid.columns()
        return samples, {v: certify(problem.program, v, columns) for v in wanted}

    def at_once() -> dict[str, Samples]:
        if threading.get_ident() != asked_by:  # a thread of our own, and others beside it
            keep_torch_to(max(1, threads // 2), others=threads)
        return {name: run(engines[name], problem) for name in whole}

    (cut, settled), others = side_by_side(in_chunks, at_once)
    return {name: (cut | others)[name] for name in engines}, settled


def _unclear(
    truths: Mapping[str, Truths], samples: Mapping[str, Samples], options: Options
) -> dict[tuple[str, str], NDArray[np.intp]]:
    """Return by engine and variable the points at which it is not clear that they agree."""
    found: dict[tuple[str, str], NDArray[np.intp]] = {}
    for variable, known in truths.items():
        names = [
            name
            for name, own in samples.items()
            if variable in own.derivatives and not own.unsupported
        ]
        given = [(samples[name], variable) for name in names]
        for name, points in zip(names, unclear(known, given, tolerance_of(options)), strict=True):
            found[name, variable] = points
    return found


def _proved(problem: Problem, grid: Grid) -> dict[str, Array]:
    """Return the derivatives by all variables where one reverse pass proves them, else NaN."""
    found = {name: np.full(len(grid), np.nan) for name in problem.variables}
    for i in range(len(grid)):
        point = exact_point(grid, i)
        if point is not None:
            for name, slope in smooth_gradient(problem.program, problem.variables, point).items():
                found[name][i] = slope
    return found


def _failed(count: int, reason: str) -> Judgement:
    codes = np.full(count, Verdict.FAILED, dtype=np.int8)
    return Judgement(codes, dict.fromkeys(range(count), reason))


def _diagnose_claim(judgement: Judgement, truths: Truths, samples: Samples, variable: str) -> None:
    """Add to the reasons in what way a claim is wrong."""
    off = np.isin(judgement.codes, _OFF)
    words = diagnose(truths, samples.derivatives[variable], off)
    for i in np.flatnonzero(off).tolist() if words else ():
        judgement.reasons.setdefault(i, words)


def diagnose_jacobians(trials: Sequence[Trial], wrt: Mapping[str, Sequence[str]]) -> None:
    """Add to the reasons in what way claimed Jacobians are wrong, each as a whole.

    Parameters
    ----------
    trials
        One for every component of the output.
    wrt
        For every input the names of its components.
    """
    asserted = {e: None for t in trials for e, s in t.samples.items() if s.traits.is_asserted}
    for engine in asserted:
        for names in wrt.values():
            rows = [t for t in trials if set(names) <= set(t.covered(engine))]
            _diagnose_rows(engine, rows, names)


def _diagnose_rows(engine: str, rows: Sequence[Trial], names: Sequence[str]) -> None:
    for i in range(rows[0].problem.count if rows else 0):
        claimed = np.array([[t.samples[engine].derivatives[n][i] for n in names] for t in rows])
        true = np.array([[t.truths[n].derivative[i] for n in names] for t in rows])
        codes = np.array([[t.judgements[engine, n].codes[i] for n in names] for t in rows])
        off = np.isin(codes, _OFF)
        words = diagnose_jacobian(claimed, true, off)
        for row, column in np.argwhere(off).tolist() if words else ():
            rows[row].judgements[engine, names[column]].reasons.setdefault(i, words)


@dataclasses.dataclass(frozen=True, slots=True)
class _Recourse:
    """What may be asked about an engine at single points; see `verdict.Recourse`."""

    engine: Engine
    problem: Problem
    variable: str
    grid: Grid
    samples: Samples
    decider: Decider

    def prove(self, points: NDArray[np.intp]) -> None:
        self.decider.prove(points.tolist())

    def complete(self, points: NDArray[np.intp]) -> None:
        """Write into an engine's samples what it has against its numbers, if it left that open."""
        samples, name = self.samples, self.variable
        if name in samples.errors or name in samples.straddling:
            return
        found = self.engine.estimate_errors(self.problem.part(points), name)
        if found is None:
            return
        samples.errors[name] = np.full(self.problem.count, np.nan)
        samples.straddling[name] = np.zeros(self.problem.count, dtype=bool)
        samples.errors[name][points], samples.straddling[name][points] = found

    def allowance(self, point: int) -> Allowance:
        """Return an allowance; where the engine got the nearest double, the way to counts too."""
        allowance = self.engine.allowance(self.problem, self.variable, point)
        is_double = not any((point, j) in self.grid.exact for j in range(len(self.grid.names)))
        exact = (
            None if allowance.expected is not None or is_double else exact_point(self.grid, point)
        )
        if exact is None:
            return allowance
        with flint.ctx.workprec(PRECISION):
            balls = self.problem.balls(point)
            way = {name: ball.union(exact[name].ball(PRECISION)) for name, ball in balls.items()}
        radius = slope_radius(self.problem.program, self.variable, way)
        return dataclasses.replace(allowance, radius=allowance.radius + radius)
