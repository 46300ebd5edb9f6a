"""Result of comparing one expression: grid, samples, truths and verdicts as arrays."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Mask
from symdiff.chunks import starts_of
from symdiff.engines.base import Problem, Samples
from symdiff.engines.in_format import dtype_of_points
from symdiff.grid.grid import Grid
from symdiff.program import Program
from symdiff.program.values import Dtype, Value
from symdiff.request.options import Options
from symdiff.request.request import Label
from symdiff.truth.joints import Joints
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths
from symdiff.verdict.explanations import Explanations
from symdiff.verdict.judge import Judgement, Key, Tolerance
from symdiff.verdict.words import Verdict, counted


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """Samples, truths and verdicts for one spelling of the expression.

    Attributes
    ----------
    spelling
        The name of the spelling; "" for the expression itself.
    problem
        The program and the points.
    samples
        What the engines returned, by engine.
    truths
        The truth, by variable.
    judgements
        The verdicts, by engine and variable.
    explanations
        The explanations of the verdicts, by engine and variable.
    output
        The component of the expression's value, such as ``[0]``; "" if the value is a number.
    joints
        The truth about the function of all its variables together.
    """

    spelling: str
    problem: Problem
    samples: Mapping[str, Samples]
    truths: Mapping[str, Truths]
    judgements: Mapping[Key, Judgement]
    explanations: Mapping[Key, Explanations] = dataclasses.field(default_factory=dict)
    output: str = ""
    joints: Joints = dataclasses.field(default_factory=lambda: Joints.of({}))

    def part(self, chosen: NDArray[np.intp]) -> Trial:
        """Return the trial at some of its points, in order, without explanations."""
        return Trial(
            self.spelling,
            self.problem.part(chosen),
            {engine: samples.part(chosen) for engine, samples in self.samples.items()},
            {variable: truths.part(chosen) for variable, truths in self.truths.items()},
            {key: judgement.part(chosen) for key, judgement in self.judgements.items()},
            output=self.output,
            joints=self.joints.part(chosen),
        )

    @classmethod
    def join(cls, parts: Sequence[Trial]) -> Trial:
        """Return the trial at the points of parts of a grid, one after the other.

        The parts have no explanations yet.
        """
        first = parts[0]
        return cls(
            first.spelling,
            Problem.join([t.problem for t in parts]),
            {e: Samples.join([t.samples[e] for t in parts]) for e in first.samples},
            {v: Truths.join([t.truths[v] for t in parts]) for v in first.truths},
            {k: Judgement.join([t.judgements[k] for t in parts]) for k in first.judgements},
            output=first.output,
            joints=Joints.join(
                [t.joints for t in parts], starts_of(t.problem.count for t in parts)
            ),
        )

    @property
    def is_directional(self) -> bool:
        """Whether a tensor program was differentiated as a whole, along directions."""
        return self.problem.tensor_problem is not None and not self.problem.columns

    @property
    def variables(self) -> tuple[str, ...]:
        """The inputs, or components of inputs, that the derivatives are with respect to."""
        return self.problem.variables

    @property
    def program(self) -> Program:
        """The program that was differentiated."""
        return self.problem.program

    def undecided(self, variable: str) -> Mask:
        """Return where the truth, or a verdict on an engine, is not decided; shape (n,)."""
        undecided: Mask = self.truths[variable].kinds == Kind.UNDECIDED
        for (_, name), judgement in self.judgements.items():
            if name == variable:
                undecided |= judgement.codes == Verdict.UNDECIDED
        return undecided

    def proved(self, variable: str) -> Mask:
        """Return where the truth was proved for the point, and all verdicts follow; shape (n,).

        Error bounds certify the derivatives along directions; none of them is proved.
        """
        if self.is_directional:
            return np.zeros(len(self.truths[variable]), dtype=bool)
        return self.truths[variable].proved & ~self.undecided(variable)

    def covered(self, engine: str) -> tuple[str, ...]:
        """Return the variables for which an engine has derivatives: a claim may cover only some."""
        return tuple(self.samples[engine].derivatives) if engine in self.samples else ()

    def detail(self, engine: str, variable: str, i: int) -> str:
        """Return the detail that explains an engine's verdict at a point, or ""."""
        return self.explanations[engine, variable].detail(i)

    def verdict(self, engine: str, variable: str, i: int) -> Verdict:
        """Return an engine's verdict at a point."""
        return Verdict.from_code(self.judgements[engine, variable].codes[i])

    def verdicts(self, engine: str, variable: str) -> NDArray[np.int8]:
        """Return the codes of the verdicts at every point, shape (n,)."""
        return self.judgements[engine, variable].codes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tensors:
    """Values, shapes and Jacobian structure of a tensor program.

    Attributes
    ----------
    values
        The values of the tensors, by input.
    scalars
        The inputs that are numbers. They vary over the grid.
    shape
        The shape of the expression's value.
    wrt
        The shapes of the inputs that the derivatives are with respect to, by input.
    contraction
        The vectors that multiply the Jacobian: "cotangent" from the left, "tangent" from the
        right.
    root
        The name of the root node of PyTorch's graph; "" if there is no graph.
    structure
        A description of the Jacobian's structure, such as diagonal; by input.
    notes
        Sentences for the report: what was not computed, and why.
    without_proof
        Whether the function could not be traced, and differences alone settle its derivatives.
    """

    values: Mapping[str, Value]
    scalars: tuple[str, ...]
    shape: tuple[int, ...]
    wrt: Mapping[str, tuple[int, ...]]
    contraction: tuple[str, ...] = ()
    root: str = ""
    structure: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    without_proof: bool = False


class ColumnWriter(Protocol):
    """Writes the columns of a comparison, chunk by chunk."""

    def append(self, grid: Grid, trials: Sequence[Trial]) -> None:
        """Write the columns of the next points."""


@dataclasses.dataclass(frozen=True, slots=True)
class LeftOut:
    """Counts of the points of a long range that were compared and not kept.

    Attributes
    ----------
    points
        The number of these points.
    proved
        The number of derivatives at these points that were proved one by one.
    counts
        How often each verdict was given to each engine.
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
        The name of the expression, unique in a run, and where it comes from.
    options
        How the expression was compared.
    program
        The expression as written.
    variables
        The inputs, or components of inputs, that the derivatives are with respect to.
    grid
        The points.
    engines
        Names of the engines that ran, asserted derivatives last.
    trials
        The expression itself (spelling "") and its other spellings.
    tensors
        Values, shapes and Jacobian structure; None if all variables are numbers.
    left_out
        Counts of the points that were not kept.
    requested
        The indices of the points that `at` asks for, which tables always show.
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
    requested: NDArray[np.intp] = dataclasses.field(
        default_factory=lambda: np.zeros(0, dtype=np.intp)
    )

    @property
    def name(self) -> str:
        """The name of the expression in a report."""
        return self.label.name

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read differently from how it was typed, and kinks that were not settled.

        Notes on a trace are those of `tensors`.
        """
        traced = () if self.tensors is None else self.tensors.notes
        read = (note for t in self.trials for note in t.program.notes if note not in traced)
        return tuple(dict.fromkeys((*read, *self.grid.notes)))

    @property
    def tolerance(self) -> Tolerance:
        """The tolerance within which a number agrees."""
        return Tolerance.of(self.options)

    @property
    def points(self) -> int:
        """The number of points that were compared."""
        return len(self.grid) + self.left_out.points

    @property
    def scalars(self) -> tuple[str, ...]:
        """The variables that vary over the grid."""
        return self.grid.names if self.tensors is None else self.tensors.scalars

    @property
    def points_dtype(self) -> Dtype | None:
        """The dtype whose numbers the points and tensors have; None: all doubles."""
        return dtype_of_points(self.engines)

    def blame(self, trial: Trial, engine: str, variable: str, i: int) -> str:
        """Return the sub-expression to blame for an engine's number, or "" if it agrees."""
        if trial.verdict(engine, variable, i) is Verdict.AGREES:
            return ""
        return trial.explanations[engine, variable].blame(i) or self.name

    @property
    def proved_count(self) -> int:
        """The number of derivatives that were proved point by point, as in `Trial.proved`.

        Derivatives along directions of a large tensor program are not counted: error bounds
        certify them.
        """
        proved = (t.proved(v) for t in self.trials for v in t.truths)
        return sum(int(np.count_nonzero(mask)) for mask in proved) + self.left_out.proved

    @property
    def certified_count(self) -> int:
        """The number of derivatives that error bounds certify."""
        if self.tensors is not None and self.tensors.without_proof:
            return 0
        lengths = sum(len(truths) for t in self.trials for truths in t.truths.values())
        counted = self.left_out.points * len(self.trials) * len(self.variables)
        return lengths + counted - self.proved_count - self.undecided_count

    @property
    def undecided_count(self) -> int:
        """The number of derivatives that are not decided, or on which a verdict is not."""
        undecided = (t.undecided(v) for t in self.trials for v in t.truths)
        return sum(int(np.count_nonzero(mask)) for mask in undecided)

    def counts(self) -> dict[str, dict[Verdict, int]]:
        """Return how often each verdict was given to each engine."""
        counts: dict[str, dict[Verdict, int]] = {}
        for engine in self.engines:
            total = collections.Counter(self.left_out.counts.get(engine, {}))
            for trial in self.trials:
                for variable in trial.covered(engine):
                    total.update(counted(trial.verdicts(engine, variable)))
            counts[engine] = {verdict: total[verdict] for verdict in Verdict if total[verdict]}
        return counts

    def without_stencil(self) -> dict[str, int]:
        """Return by engine how many numbers are not finite since the stencil leaves the domain.

        These have the verdict `nonfinite`, and pass unless the comparison is strict.
        """
        points = [
            (engine, len(judgement.without_stencil))
            for trial in self.trials
            for (engine, _), judgement in trial.judgements.items()
        ]
        counts: collections.Counter[str] = collections.Counter()
        for engine, count in points:
            counts[engine] += count
        return {engine: count for engine, count in counts.items() if count}

    def findings(self) -> dict[str, dict[Verdict, int]]:
        """Return the counts of verdicts that do not pass and were not expected, by engine."""
        return self._not_passing(expected=False)

    def expected(self) -> dict[str, dict[Verdict, int]]:
        """Return the counts of verdicts that do not pass and were expected, by engine."""
        return self._not_passing(expected=True)

    def _not_passing(self, *, expected: bool) -> dict[str, dict[Verdict, int]]:
        left_out = {} if self.options.strict else self.without_stencil()
        found: dict[str, dict[Verdict, int]] = {}
        for engine, counts in self.counts().items():
            for verdict, count in counts.items():
                left = count - (left_out.get(engine, 0) if verdict is Verdict.NONFINITE else 0)
                is_expected = verdict.label in self.label.expect.get(engine, ())
                if left and not self.passes(verdict) and is_expected == expected:
                    found.setdefault(engine, {})[verdict] = left
        return found

    def passes(self, verdict: Verdict) -> bool:
        """Return whether a verdict passes: `silent` does unless the comparison is strict."""
        return verdict.passes and not (self.options.strict and verdict is Verdict.SILENT)

    def failing(self, trial: Trial, engine: str, variable: str) -> Mask:
        """Return at which points a verdict does not pass, expected or not, shape (n,)."""
        grave = [verdict for verdict in Verdict if not self.passes(verdict)]
        mask: Mask = np.isin(trial.verdicts(engine, variable), grave)
        if not self.options.strict:
            mask[trial.judgements[engine, variable].without_stencil] = False
        return mask

    def fails_at(self, trial: Trial, engine: str, variable: str, i: int) -> bool:
        """Return whether the verdict at one point does not pass, expected or not."""
        verdict = trial.verdict(engine, variable, i)
        if verdict is Verdict.NONFINITE and not self.options.strict:
            return i not in trial.judgements[engine, variable].without_stencil
        return not self.passes(verdict)

    def unmet(self) -> dict[str, tuple[str, ...]]:
        """Return the verdicts that were expected and did not occur, by engine."""
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
