"""Everything that is known of one expression: its grid, and what every engine gave, in columns."""

from __future__ import annotations

import dataclasses
import functools
import math as mathematics
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import flint
import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.balls import PRECISION
from symdiff.arithmetics.rounding import slope_radius
from symdiff.diagnosis import diagnose
from symdiff.engines import DEFAULT, ENGINES, check, load
from symdiff.engines.base import Engine, Problem, Samples, Slack, run
from symdiff.engines.claim import CLAIM, Claim
from symdiff.errors import ExpressionError, InputError, Place, UsageError, did_you_mean
from symdiff.gradients import judge_gradients
from symdiff.grid.grid import MAX_PRODUCT, Grid, make_grid
from symdiff.grid.points import Spec, axes
from symdiff.program import Input, Program, parse
from symdiff.program.entry import Entry
from symdiff.spellings import check_same_values
from symdiff.truth.filter import PROVE, Judging, Truths, exact_point
from symdiff.verdict import VERDICTS, Judgement, Tolerance, Verdict, judge

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to compare; the same for every expression of a run.

    Attributes
    ----------
    engines
        Names of engines, in the order of the columns.
    tolerance
        What counts as agreement.
    kinks
        Whether kinks are added to the grid.
    max_points
        The largest product of several axes; a larger one becomes a Sobol sample.
    seed
        Of that sample, and of the sample of points that are proved besides.
    judging
        How the truth is decided.
    strict
        Whether `silent` is a finding.
    """

    engines: tuple[str, ...] = DEFAULT
    tolerance: Tolerance = dataclasses.field(default_factory=Tolerance)
    kinks: bool = True
    max_points: int = MAX_PRODUCT
    seed: int = 0
    judging: Judging = dataclasses.field(default_factory=Judging)
    strict: bool = False

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        for name, value in (("rtol", self.tolerance.rtol), ("atol", self.tolerance.atol)):
            if not 0 <= value < mathematics.inf:
                message = f"{name} {value:g} is no tolerance"
                raise UsageError(message, hint="a number from 0 on, such as 1e-9")
        if self.max_points < 1:
            message = f"at most {self.max_points} points"
            raise UsageError(message, hint="a number from 1 on")
        if self.seed < 0:
            message = f"the seed {self.seed} is negative"
            raise UsageError(message, hint="a number from 0 on")
        if self.judging.prove not in PROVE:
            message = f"unknown way to prove {self.judging.prove[:40]!r}"
            hint = did_you_mean(self.judging.prove, PROVE) or f"one of {', '.join(PROVE)}"
            raise UsageError(message, hint=hint)
        if self.judging.max_proofs < 1:
            message = f"at most {self.judging.max_proofs} proofs"
            raise UsageError(message, hint="a number from 1 on")


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """One spelling of the expression, what every engine gave for it, and what that is worth.

    Attributes
    ----------
    spelling
        Its name; "" for the expression itself.
    problem
        The program and the points.
    samples
        What every engine gave.
    truths
        For every variable what the derivative is.
    judgements
        For every engine and variable the verdicts.
    """

    spelling: str
    problem: Problem
    samples: Mapping[str, Samples]
    truths: Mapping[str, Truths]
    judgements: Mapping[tuple[str, str], Judgement]

    @property
    def program(self) -> Program:
        """What was differentiated."""
        return self.problem.program

    def covered(self, engine: str) -> tuple[str, ...]:
        """Return the variables for which an engine stands trial: a claim may be for one only."""
        return tuple(self.samples[engine].derivatives) if engine in self.samples else ()

    def verdicts(self, engine: str, variable: str) -> NDArray[np.int8]:
        """Return for every point an index into `VERDICTS`, shape (n,)."""
        return self.judgements[engine, variable].codes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What all engines gave for one expression.

    Attributes
    ----------
    name
        The entry's name, unique in a run.
    program
        The expression as written.
    variables
        The inputs it was differentiated with respect to.
    grid
        The points.
    engines
        The columns, `CLAIM` among them where a derivative is asserted.
    trials
        The expression itself (spelling "") and its other spellings.
    tolerance
        What counted as agreement.
    expect
        For an engine, the verdicts that are accepted, and have to occur.
    strict
        Whether `silent` is a finding.
    source, note, file
        As in the expression file.
    """

    name: str
    program: Program
    variables: tuple[str, ...]
    grid: Grid
    engines: tuple[str, ...]
    trials: tuple[Trial, ...]
    tolerance: Tolerance
    expect: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    strict: bool = False
    source: str = ""
    note: str = ""
    file: str | None = None

    def counts(self) -> dict[str, dict[Verdict, int]]:
        """Return for every engine how often each verdict was given."""
        counts: dict[str, dict[Verdict, int]] = {}
        for engine in self.engines:
            total = np.zeros(len(VERDICTS), dtype=np.int64)
            for trial in self.trials:
                for variable in trial.covered(engine):
                    total += np.bincount(trial.verdicts(engine, variable), minlength=len(VERDICTS))
            counts[engine] = {v: int(n) for v, n in zip(VERDICTS, total, strict=True) if n}
        return counts

    def findings(self) -> dict[str, dict[Verdict, int]]:
        """Return for every engine the verdicts that do not pass and were not expected."""
        return {
            engine: found
            for engine, counts in self.counts().items()
            if (found := {v: n for v, n in counts.items() if self._is_finding(engine, v)})
        }

    def _is_finding(self, engine: str, verdict: Verdict) -> bool:
        noted = self.strict and verdict is Verdict.SILENT
        return (noted or not verdict.passes) and verdict not in self.expect.get(engine, ())

    def unmet(self) -> dict[str, tuple[str, ...]]:
        """Return for every engine the verdicts that were expected and did not occur."""
        counts = self.counts()
        return {
            engine: missing
            for engine, words in self.expect.items()
            if engine in counts and Verdict.UNSUPPORTED not in counts[engine]
            if (missing := tuple(w for w in words if Verdict(w) not in counts[engine]))
        }

    @property
    def ok(self) -> bool:
        """Whether every verdict passes or is expected, and every expected one occurred."""
        return not self.findings() and not self.unmet()


def compare_program(  # noqa: PLR0913  (the library call's own arguments)
    expression: str | Program | Callable[..., Any],
    grid: Mapping[str, Spec] | None = None,
    *,
    options: Options,
    at: Mapping[str, Spec] | None = None,
    math: str | Program | None = None,
    wrt: Sequence[str] | None = None,
    claims: Mapping[str, str] = _NOTHING,
    spellings: Mapping[str, str] = _NOTHING,
    let: Mapping[str, str] = _NOTHING,
    entry: Entry | None = None,
) -> Evidence:
    """Run every engine on one expression.

    Parameters
    ----------
    expression
        Text, a Program, or a callable on torch tensors of shape (n,), whose formula is `math`.
    grid, at
        Points along each variable, to which kinks are added, and to which nothing is.
    options
        How to compare.
    math
        The formula of a callable.
    wrt
        The variables to differentiate with respect to; None: all inputs.
    claims
        For a variable, the derivative that somebody asserts.
    spellings
        Other programs for the same function, by name.
    let
        Named sub-expressions.
    entry
        Where all this was read from, if it was a file.

    Raises
    ------
    InputError
        Something cannot be used: it says what.
    """
    program, function = _program(expression, math, let)
    programs = {"": program}
    for name, text in spellings.items():
        programs[name] = _other(text, program, let, key=f"spelling {name}")
    claimed = {
        name: _other(text, program, let, key=f"claim {name}") for name, text in claims.items()
    }
    variables = _variables(program, wrt, claimed)
    engines = tuple(dict.fromkeys(options.engines))
    for engine in engines:
        check(engine)
    points = make_grid(
        tuple(programs.values()),
        axes(program.inputs, grid or {}, at),
        kinks=options.kinks,
        max_points=options.max_points,
        seed=options.seed,
    )
    for name in spellings:
        check_same_values(program, name, programs[name], points)
    columns = points.columns()
    trials = tuple(
        _trial(
            spelling,
            Problem(other, columns, variables, function if not spelling else None),
            points,
            claimed if not spelling else {},
            options,
        )
        for spelling, other in programs.items()
    )
    return Evidence(
        name=entry.name if entry else program.text,
        program=program,
        variables=variables,
        grid=points,
        engines=(*engines, CLAIM) if claimed else engines,
        trials=trials,
        tolerance=options.tolerance,
        expect=_checked_expect(entry.expect, engines) if entry else {},
        strict=options.strict,
        source=entry.source if entry else "",
        note=entry.note if entry else "",
        file=entry.file if entry else None,
    )


def compare_entry(entry: Entry, options: Options) -> Evidence:
    """Run every engine on one entry of an expression file.

    Raises
    ------
    InputError
        With the entry's place.
    """
    try:
        return compare_program(
            entry.expr,
            entry.grid,
            options=options,
            wrt=entry.wrt or None,
            claims=entry.claims,
            spellings=entry.spellings,
            let=entry.let,
            entry=entry,
        )
    except InputError as error:
        raise entry.blame(error) from None


def _program(
    expression: str | Program | Callable[..., Any],
    math: str | Program | None,
    let: Mapping[str, str],
) -> tuple[Program, Callable[..., Any] | None]:
    if isinstance(expression, str | Program):
        if math is not None:
            message = "math is the formula of a callable, and the expression is none"
            raise UsageError(message, hint="leave math out")
        return _parsed(expression, let), None
    if not callable(expression):
        message = (
            f"an expression is a text, a Program or a callable, not {type(expression).__name__}"
        )
        raise UsageError(message, hint='symdiff.compare("relu(x)")')
    if math is None:
        message = "a callable needs its formula"
        raise UsageError(message, hint='symdiff.compare(f, math="x*sigmoid(x)")')
    return _parsed(math, let), expression


def _parsed(expression: str | Program, let: Mapping[str, str]) -> Program:
    if isinstance(expression, Program):
        return expression
    try:
        return parse(expression, definitions=let)
    except ExpressionError as error:
        raise error.within(key="expr") if let else error from None


def _other(text: str, program: Program, let: Mapping[str, str], key: str) -> Program:
    """Read a spelling or a claim: an expression in the same names."""
    try:
        other = parse(text, definitions=let)
        _check_inputs(other, program)
    except ExpressionError as error:
        raise error.within(key=key) from None
    return other


def _check_inputs(other: Program, program: Program) -> None:
    strange = [name for name in other.inputs if name not in program.inputs]
    if not strange:
        return
    node = other.nodes.index(Input(strange[0]))
    span = other.spans[node][0]
    place = Place(text=other.sources[span.source].text, start=span.start, end=span.end)
    known = f"its variables: {', '.join(program.inputs) or 'none'}"
    message = f"{strange[0]!r} is no variable of the expression"
    hint = did_you_mean(strange[0], program.inputs) or known
    raise ExpressionError(message, place=place, hint=hint)


def _variables(
    program: Program, wrt: Sequence[str] | None, claimed: Mapping[str, Program]
) -> tuple[str, ...]:
    wanted = program.inputs if wrt is None else tuple(dict.fromkeys(wrt))
    for name in (*wanted, *claimed):
        if name not in program.inputs:
            message = f"the expression has no variable {name[:40]!r}"
            known = f"its variables: {', '.join(program.inputs) or 'none'}"
            raise UsageError(message, hint=did_you_mean(name, program.inputs) or known)
    for name in claimed:
        if name not in wanted:
            message = f"a claim for {name!r}, and wrt leaves it out"
            raise UsageError(message, hint="add it to wrt")
    return wanted


def _checked_expect(
    expect: Mapping[str, tuple[str, ...]], engines: tuple[str, ...]
) -> Mapping[str, tuple[str, ...]]:
    for engine, words in expect.items():
        if engine not in (*ENGINES, *engines, CLAIM):
            message = f"expect: unknown engine {engine[:40]!r}"
            hint = did_you_mean(engine, ENGINES) or f"engines: {', '.join(ENGINES)}"
            raise UsageError(message, hint=hint)
        for word in words:
            if word not in VERDICTS:
                message = f"expect: unknown verdict {word[:40]!r}"
                hint = did_you_mean(word, VERDICTS) or f"verdicts: {', '.join(VERDICTS)}"
                raise UsageError(message, hint=hint)
    return expect


def _trial(
    spelling: str,
    problem: Problem,
    grid: Grid,
    claimed: Mapping[str, Program],
    options: Options,
) -> Trial:
    names = tuple(dict.fromkeys(options.engines))
    engines: dict[str, Engine] = {name: load(name) for name in names}
    if claimed:
        engines[CLAIM] = Claim(claimed)
    samples = {name: run(engine, problem) for name, engine in engines.items()}
    truths = {
        variable: Truths(problem.program, variable, grid, options.judging)
        for variable in problem.variables
    }
    judgements = {
        (name, variable): judge(
            truths[variable],
            samples[name],
            variable,
            options.tolerance,
            functools.partial(_slack, engine, problem, variable, grid),
        )
        for name, engine in engines.items()
        for variable in samples[name].derivatives
    }
    judgements.update(judge_gradients(problem, grid, truths, samples, judgements))
    for variable in claimed:
        _diagnose_claim(judgements[CLAIM, variable], truths[variable], samples[CLAIM], variable)
    return Trial(spelling, problem, samples, truths, judgements)


def _diagnose_claim(judgement: Judgement, truths: Truths, samples: Samples, variable: str) -> None:
    """Add to the reasons in what way a claim is wrong."""
    off = judgement.codes == VERDICTS.index(Verdict.WRONG)
    words = diagnose(truths, samples.derivatives[variable], off)
    for i in np.flatnonzero(off).tolist() if words else ():
        judgement.reasons.setdefault(i, words)


def _slack(engine: Engine, problem: Problem, variable: str, grid: Grid, i: int) -> Slack:
    """Return an engine's slack; where it got the nearest double, the way to it counts too."""
    slack = engine.slack(problem, variable, i)
    if slack.expected is not None or not any((i, j) in grid.exact for j in range(len(grid.names))):
        return slack
    exact = exact_point(grid, i)
    if exact is None:
        return slack
    with flint.ctx.workprec(PRECISION):
        balls = problem.balls(i)
        way = {name: ball.union(exact[name].ball(PRECISION)) for name, ball in balls.items()}
    return dataclasses.replace(
        slack, radius=slack.radius + slope_radius(problem.program, variable, way)
    )
