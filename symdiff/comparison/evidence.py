"""Everything that is known of one expression: its grid, and what every engine gave, in columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from symdiff.engines.base import Problem, Samples
from symdiff.grid.grid import Grid
from symdiff.program import Program
from symdiff.program.values import Value
from symdiff.request.options import Options
from symdiff.request.request import Label
from symdiff.truth.certify import ProofOptions
from symdiff.truth.truths import Truths
from symdiff.verdict.judge import Judgement, Tolerance
from symdiff.verdict.words import Verdict


def tolerance_of(options: Options) -> Tolerance:
    """Return what counts as agreement."""
    return Tolerance(options.rtol, options.atol)


def proof_options_of(options: Options) -> ProofOptions:
    """Return how the truth is decided."""
    return ProofOptions(prove=options.prove, max_proofs=options.max_proofs, seed=options.seed)


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
    output
        Which component of the expression's value, as ``[0]``; "" for a number.
    """

    spelling: str
    problem: Problem
    samples: Mapping[str, Samples]
    truths: Mapping[str, Truths]
    judgements: Mapping[tuple[str, str], Judgement]
    output: str = ""

    def part(self, chosen: NDArray[np.intp]) -> Trial:
        """Return the trial at some of its points, in order."""
        return Trial(
            self.spelling,
            self.problem.part(chosen),
            {engine: samples.part(chosen) for engine, samples in self.samples.items()},
            {variable: truths.part(chosen) for variable, truths in self.truths.items()},
            {key: judgement.part(chosen) for key, judgement in self.judgements.items()},
            self.output,
        )

    @property
    def is_directional(self) -> bool:
        """Whether a program on tensors was tried as a whole, along directions."""
        return self.problem.tensor_problem is not None and not self.problem.columns

    @property
    def variables(self) -> tuple[str, ...]:
        """The inputs, or their components, that it was differentiated with respect to."""
        return self.problem.variables

    @property
    def program(self) -> Program:
        """What was differentiated."""
        return self.problem.program

    def covered(self, engine: str) -> tuple[str, ...]:
        """Return the variables for which an engine stands trial: a claim may be for one only."""
        return tuple(self.samples[engine].derivatives) if engine in self.samples else ()

    def verdicts(self, engine: str, variable: str) -> NDArray[np.int8]:
        """Return for every point an index into `Verdict`, shape (n,)."""
        return self.judgements[engine, variable].codes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tensors:
    """What there is to know of a program on tensors.

    Attributes
    ----------
    values
        For every tensor its value.
    scalars
        The inputs that are numbers: they run over the grid.
    shape
        Of the expression's value.
    wrt
        The inputs that it was differentiated with respect to, with their shapes.
    contraction
        What stands in front of the Jacobian, "cotangent", and behind it, "tangent".
    root
        The name of PyTorch's node at the root; "" where there is none.
    structure
        For every input how its Jacobian is built, in words.
    notes
        What was left out, and why.
    """

    values: Mapping[str, Value]
    scalars: tuple[str, ...]
    shape: tuple[int, ...]
    wrt: Mapping[str, tuple[int, ...]]
    contraction: tuple[str, ...] = ()
    root: str = ""
    structure: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class LeftOut:
    """Points of a long range that were compared, and counted only.

    Attributes
    ----------
    points
        How many.
    proved
        How many of their derivatives were proved one by one.
    counts
        For every engine how often each verdict was given.
    """

    points: int = 0
    proved: int = 0
    counts: Mapping[str, Mapping[Verdict, int]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Result of comparing one expression: grid, samples, truths and verdicts as arrays.

    Attributes
    ----------
    label
        Its name, unique in a run, and what else a report says about the request.
    options
        How it was compared.
    program
        The expression as written.
    variables
        The inputs it was differentiated with respect to.
    grid
        The points.
    engines
        Names of the engines that ran, asserted derivatives last.
    trials
        The expression itself (spelling "") and its other spellings.
    tensors
        What there is to know of a program on tensors; None for one on numbers.
    left_out
        Points that agree and are counted only.
    """

    label: Label
    options: Options
    program: Program
    variables: tuple[str, ...]
    grid: Grid
    engines: tuple[str, ...]
    trials: tuple[Trial, ...]
    tensors: Tensors | None = None
    left_out: LeftOut = dataclasses.field(default_factory=LeftOut)

    @property
    def name(self) -> str:
        """The name of the expression in a report."""
        return self.label.name

    @property
    def tolerance(self) -> Tolerance:
        """What counts as agreement."""
        return tolerance_of(self.options)

    @property
    def points(self) -> int:
        """How many points were compared."""
        return len(self.grid) + self.left_out.points

    @property
    def scalars(self) -> tuple[str, ...]:
        """The variables that run over the grid."""
        return self.grid.names if self.tensors is None else self.tensors.scalars

    def counts(self) -> dict[str, dict[Verdict, int]]:
        """Return for every engine how often each verdict was given."""
        counts: dict[str, dict[Verdict, int]] = {}
        for engine in self.engines:
            total = np.zeros(len(Verdict), dtype=np.int64)
            for trial in self.trials:
                for variable in trial.covered(engine):
                    total += np.bincount(trial.verdicts(engine, variable), minlength=len(Verdict))
            for verdict, number in self.left_out.counts.get(engine, {}).items():
                total[verdict] += number
            counts[engine] = {v: int(n) for v, n in zip(Verdict, total, strict=True) if n}
        return counts

    def findings(self) -> dict[str, dict[Verdict, int]]:
        """Return for every engine the verdicts that do not pass and were not expected."""
        return {
            engine: found
            for engine, counts in self.counts().items()
            if (found := {v: n for v, n in counts.items() if self._is_finding(engine, v)})
        }

    def _is_finding(self, engine: str, verdict: Verdict) -> bool:
        noted = self.options.strict and verdict is Verdict.SILENT
        return (noted or not verdict.passes) and verdict.label not in self.label.expect.get(
            engine, ()
        )

    def unmet(self) -> dict[str, tuple[str, ...]]:
        """Return for every engine the verdicts that were expected and did not occur."""
        counts = self.counts() if self.label.expect else {}
        return {
            engine: missing
            for engine, words in self.label.expect.items()
            if engine in counts and Verdict.UNSUPPORTED not in counts[engine]
            if (missing := tuple(w for w in words if Verdict.of(w) not in counts[engine]))
        }

    @property
    def ok(self) -> bool:
        """Whether every verdict passes or is expected, and every expected one occurred."""
        return not self.findings() and not self.unmet()
