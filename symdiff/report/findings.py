"""What does not pass, grouped: one finding for a region of points with one fault."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from symdiff.array_types import Mask
from symdiff.comparison.evidence import Evidence, Trial
from symdiff.grid.grid import Role
from symdiff.report.numbers import formatted
from symdiff.report.points import where
from symdiff.report.records import Record, engine_records
from symdiff.report.regions import Points, parts, region
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict

NO_NUMBER: Final = "failed"  # in place of the number of an engine that raised an exception


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One fault of one engine at a point or in a region.

    Attributes
    ----------
    expression, spelling, engine
        As in a record; "" where there is none.
    outputs
        The components of the value that have the same fault, as records name them.
    variables
        The variables, or components of tensors, that have the same fault, as records name them.
    verdict
        The verdict, the same at all points.
    points
        The indices of the points in the grid, for the first variable; shape (k,).
    count
        The number of derivatives: the points of all variables and outputs.
    example
        The index of the point at which the numbers are shown: the largest deviation.
    where
        The region: ``x = 0``, or ``x from 2 to 8``.
    at
        The point of the example: ``x = 2``; the same as `where` for one point.
    value, truth
        The engine's number and the true derivative at the example, as text. The truth is
        ``[0, 1]`` at a kink, and ``none`` where there is no derivative.
    ratio
        The number divided by the derivative, as text; "" where that says nothing.
    is_only_variable
        Whether the function has no other variable.
    detail, blame
        The explanation of the verdict at the example, and the sub-expression to blame with its
        place; "" where there is none.
    """

    expression: str
    spelling: str
    outputs: tuple[str, ...]
    engine: str
    variables: tuple[str, ...]
    verdict: Verdict
    points: Points
    count: int
    example: int
    where: str
    at: str
    value: str
    truth: str
    ratio: str
    is_only_variable: bool
    detail: str
    blame: str

    @property
    def output(self) -> str:
        """The first of the outputs; "" if the value is a number."""
        return self.outputs[0]

    @property
    def variable(self) -> str:
        """The first of the variables."""
        return self.variables[0]

    @property
    def why(self) -> str:
        """The detail and the blame in one line."""
        return "; ".join(text for text in (self.detail, self.blame) if text)


def findings(evidence: Evidence) -> tuple[Finding, ...]:
    """Return what does not pass in one comparison, the gravest first.

    Points side by side with the same verdict, for the same reason, are one finding. In several
    variables, all points with the same verdict and reason are. The components of tensors that
    have the same fault are one finding too. Verdicts that were expected are not findings.

    Parameters
    ----------
    evidence
        The result of a comparison; nothing is run again.

    Examples
    --------
    >>> from symdiff import compare
    >>> report = compare("x**2", {"x": "-2:2:5"}, claims={"x": "3*x"}, engines=["autograd"])
    >>> [(f.engine, f.where, f.at, f.value, f.truth, f.ratio) for f in findings(report.evidence[0])]
    [('claim', 'x from -2 to -1', 'x = -2', '-6', '-4', '1.5'),
     ('claim', 'x from 1 to 2', 'x = 1', '3', '2', '1.5')]
    """
    found = [
        _finding(evidence, trial, engine, variable, verdict, points)
        for trial in evidence.trials
        for variable in trial.variables
        for engine in evidence.engines
        if variable in trial.covered(engine)
        for verdict, points in _regions(evidence, trial, engine, variable)
    ]
    if evidence.tensors is not None:
        found = list(_merged(found))
    return tuple(sorted(found, key=lambda f: (-f.verdict.gravity, f.points[0])))


def failing_records(evidence: Evidence) -> Iterator[Record]:
    """Yield the records whose verdicts do not pass and were not expected."""
    for trial in evidence.trials:
        for variable in trial.variables:
            for engine in evidence.engines:
                if variable in trial.covered(engine):
                    mask = failing(evidence, trial, engine, variable)
                    rows = engine_records(evidence, trial, variable, engine) if mask.any() else ()
                    yield from itertools.compress(rows, mask)


def failing(evidence: Evidence, trial: Trial, engine: str, variable: str) -> Mask:
    """Return at which points a verdict does not pass and was not expected, shape (n,)."""
    words = evidence.label.expect.get(engine, ())
    is_expected = np.isin(trial.verdicts(engine, variable), [Verdict.of(word) for word in words])
    unexpected: Mask = evidence.failing(trial, engine, variable) & ~is_expected
    return unexpected


def _regions(
    evidence: Evidence, trial: Trial, engine: str, variable: str
) -> Iterator[tuple[Verdict, Points]]:
    """Yield the regions of points with the same verdict and the same part to blame."""
    mask = failing(evidence, trial, engine, variable)
    points = np.flatnonzero(mask)
    if not len(points):
        return
    codes = trial.verdicts(engine, variable)
    groups: dict[tuple[int, str], list[int]] = {}
    for i in points.tolist():
        blame = evidence.blame(trial, engine, variable, i)
        groups.setdefault((int(codes[i]), blame), []).append(i)
    for (code, _), group in groups.items():
        for part in parts(evidence, np.array(group, dtype=np.intp)):
            yield Verdict.from_code(code), part


def _finding(  # noqa: PLR0913, PLR0917  (what identifies it)
    evidence: Evidence, trial: Trial, engine: str, variable: str, verdict: Verdict, points: Points
) -> Finding:
    i = _example(evidence, trial, engine, variable, points)
    value, truth, ratio = _numbers(evidence, trial, engine, variable, i)
    return Finding(
        expression=evidence.name,
        spelling=trial.spelling,
        outputs=(trial.output,),
        engine=engine,
        variables=(trial.problem.label(variable),),
        verdict=verdict,
        points=points,
        count=len(points),
        example=i,
        where=region(evidence, points),
        at=where(evidence, i),
        value=value,
        truth=truth,
        ratio=ratio,
        is_only_variable=len(evidence.variables) == 1,
        detail=_detail(trial, engine, variable, i),
        blame=evidence.blame(trial, engine, variable, i),
    )


def _example(evidence: Evidence, trial: Trial, engine: str, variable: str, points: Points) -> int:
    """Return the point to show: of the regular points and kinks, that of the largest deviation."""
    roles = evidence.grid.roles[points]
    is_usual = np.isin(roles, (Role.REGULAR, Role.KINK))
    usual = points[is_usual] if is_usual.any() else points
    truths, values = trial.truths[variable], trial.samples[engine].derivatives[variable][usual]
    with np.errstate(all="ignore"):
        slopes = truths.derivative[usual]
        deviation = np.abs(values - slopes) / np.maximum(np.abs(slopes), np.finfo(float).tiny)
    deviation[~np.isfinite(deviation)] = -1.0
    return int(usual[np.argmax(deviation)])


def _numbers(
    evidence: Evidence, trial: Trial, engine: str, variable: str, i: int
) -> tuple[str, str, str]:
    """Return the engine's number, the truth, and the ratio of the two, as text."""
    truths, samples = trial.truths[variable], trial.samples[engine]
    value, slope = float(samples.derivatives[variable][i]), float(truths.derivative[i])
    has_number = not samples.reason(variable, i)
    kind = Kind.from_code(truths.kinds[i])
    if kind is Kind.KINK or (kind is Kind.VERTICAL and math.isnan(slope)):
        left, right, shown = formatted([*truths.one_sided(i), value], evidence.tolerance)
        low, high = (left, right) if truths.left[i] <= truths.right[i] else (right, left)
        first = "[" if math.isfinite(float(low)) else "("
        last = "]" if math.isfinite(float(high)) else ")"
        return (shown if has_number else NO_NUMBER), f"{first}{low}, {high}{last}", ""
    if math.isnan(slope):
        (shown,) = formatted([value], evidence.tolerance)
        unknown = "undecided" if kind is Kind.UNDECIDED else "none"
        return (shown if has_number else NO_NUMBER), unknown, ""
    shown, truth = formatted([value, slope], evidence.tolerance)
    is_proportional = has_number and value and slope and math.isfinite(value / slope)
    ratio = f"{value / slope:.6g}" if is_proportional and math.isfinite(slope) else ""
    return (shown if has_number else NO_NUMBER), truth, "" if ratio == "1" else ratio


def _detail(trial: Trial, engine: str, variable: str, i: int) -> str:
    reason: str = trial.samples[engine].reason(variable, i)
    return reason or trial.detail(engine, variable, i)


def _merged(found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings with those of components that have the same fault put together."""

    def fault(f: Finding) -> tuple[str, str, int, str, str, str]:
        # Asserted derivatives are explained separately for each input.
        name = f.variable.partition("[")[0]
        return (f.spelling, f.engine, int(f.verdict), f.blame, f.where, name)

    ordered = sorted(found, key=lambda f: (fault(f),))
    for _, group in itertools.groupby(ordered, key=fault):
        several = list(group)
        first = several[0]
        yield dataclasses.replace(
            first,
            outputs=_unique(o for f in several for o in f.outputs),
            variables=_unique(v for f in several for v in f.variables),
            count=sum(f.count for f in several),
        )


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def by_engines(found: Sequence[Finding]) -> list[tuple[tuple[str, ...], Finding]]:
    """Return findings with the engines that share them: the same verdict, region and number."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for f in found:
        # A different value of the function is in the detail; the derivatives say nothing then.
        numbers = (f.detail,) if f.verdict is Verdict.VALUE else (f.value, f.truth)
        key = (f.spelling, f.outputs, f.variables, f.verdict, f.where, numbers)
        groups.setdefault(key, []).append(f)
    return [(_unique(f.engine for f in several), several[0]) for several in groups.values()]
