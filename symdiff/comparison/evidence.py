"""Everything that is known of one expression: its grid, and what every engine gave, in columns."""

from __future__ import annotations

import dataclasses
import math as mathematics
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from symdiff.engines.base import Problem, Samples
from symdiff.engines.registry import DEFAULT
from symdiff.errors import UsageError, did_you_mean
from symdiff.grid.grid import MAX_PRODUCT, Grid
from symdiff.program import Program
from symdiff.program.values import Value
from symdiff.truth.certify import PROVE, ProofOptions
from symdiff.truth.truths import Truths
from symdiff.verdict.judge import VERDICTS, Judgement, Tolerance, Verdict

MAX_COMPONENTS = 512  # derivatives of a program on tensors that are judged one by one


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
    max_components
        Of the derivatives of a program on tensors: so many are judged one by one; of more, some
        directional derivatives are.
    strict
        Whether `silent` is a finding.
    columns
        A folder to write all columns to; None: nowhere.
    """

    engines: tuple[str, ...] = DEFAULT
    tolerance: Tolerance = dataclasses.field(default_factory=Tolerance)
    kinks: bool = True
    max_points: int = MAX_PRODUCT
    seed: int = 0
    judging: ProofOptions = dataclasses.field(default_factory=ProofOptions)
    max_components: int = MAX_COMPONENTS
    strict: bool = False
    columns: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        for name, value in (("rtol", self.tolerance.rtol), ("atol", self.tolerance.atol)):
            if not 0 <= value < mathematics.inf:
                message = f"{name} {value:g} is no tolerance"
                raise UsageError(message, hint="a number from 0 on, such as 1e-9")
        if self.max_points < 1:
            message = f"at most {self.max_points} points"
            raise UsageError(message, hint="a number from 1 on")
        if self.max_components < 0:
            message = f"at most {self.max_components} components"
            raise UsageError(message, hint="a number from 0 on")
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
        """Return for every point an index into `VERDICTS`, shape (n,)."""
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
    tensors
        What there is to know of a program on tensors; None for one on numbers.
    left_out
        Points that agree and are counted only.
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
    tensors: Tensors | None = None
    left_out: LeftOut = dataclasses.field(default_factory=LeftOut)

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
            total = np.zeros(len(VERDICTS), dtype=np.int64)
            for trial in self.trials:
                for variable in trial.covered(engine):
                    total += np.bincount(trial.verdicts(engine, variable), minlength=len(VERDICTS))
            for verdict, number in self.left_out.counts.get(engine, {}).items():
                total[VERDICTS.index(verdict)] += number
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
        counts = self.counts() if self.expect else {}
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
