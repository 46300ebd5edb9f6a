"""Run engines on the calls of the atlas, and keep one row for every derivative."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from symdiff.arithmetics.series.reals import Real
from symdiff.atlas.cases import Case
from symdiff.atlas.points import requests_of
from symdiff.atlas.rows import WITHOUT_CHOICE, Answer, Atlas, Row, answer_of, row_of
from symdiff.batch.packing import Outcome
from symdiff.batch.runner import Workers, run
from symdiff.batch.work import Work
from symdiff.comparison.evidence import Evidence
from symdiff.engines.registry import library_of, load, resolve
from symdiff.errors import InputError, describe
from symdiff.program import Program, parse
from symdiff.program.values import uses_tensors
from symdiff.report.records import records
from symdiff.request.options import Options
from symdiff.request.request import Request
from symdiff.truth.exact_points import exact_number
from symdiff.truth.kinds import APPARENT, Kind
from symdiff.truth.proof import prove
from symdiff.verdict.words import Verdict

# With fewer calls, worker processes take longer to start than the work takes.
_FEW: Final = 20
# Kinds of a function at points where its derivative may have a derivative.
_MAY_BE_SMOOTH: Final = frozenset({Kind.SMOOTH, Kind.UNDECIDED})


def record(calls: Sequence[Case], engines: Iterable[str], *, jobs: int | None = None) -> Atlas:
    """Return what engines give for the derivatives of some calls where there is a choice.

    Parameters
    ----------
    calls
        The calls.
    engines
        Names of engines, or ``all``.
    jobs
        The number of worker processes; None: one for each processor, unless there are few calls.

    Examples
    --------
    >>> from symdiff.atlas.cases import cases
    >>> atlas = record(cases(["relu6"]), ["autograd"])
    >>> [(row.at, row.left, row.right, by_engine["autograd"].value)
    ...  for row, by_engine in atlas.answers.items()]
    [('x=0', 0.0, 1.0, 0.0), ('x=6', 1.0, 0.0, 0.0)]
    """
    names = resolve(engines)
    lost: dict[str, str] = {}
    requests = tuple(_requests(calls, lost))
    if jobs is None:
        jobs = 1 if len(calls) <= _FEW else os.cpu_count() or 1
    answers: dict[Row, dict[str, Answer]] = {}
    seen: set[tuple[object, ...]] = set()
    for request, outcome in zip(requests, _outcomes(requests, names, jobs), strict=True):
        for point in _points(request, outcome, lost):
            truth = (request.text, request.order, _truth_at(point))
            if truth not in seen:
                seen.add(truth)
                answers.update(point)
    return Atlas(answers, {name: library_of(name) for name in names}, lost)


def _outcomes(
    requests: Sequence[Request], engines: tuple[str, ...], jobs: int
) -> Iterator[Outcome | None]:
    """Yield the outcome of each request, in order; None if no engine runs its functions.

    An engine that does not run functions on tensors would be given their components, written out:
    what it gives for them says nothing on its library's functions.
    """
    on_tensors = tuple(e for e in engines if load(e).traits.whole_tensors)
    has_tensors = [uses_tensors(parse(request.text)) for request in requests]
    outcomes: dict[bool, Iterator[Outcome]] = {}
    for flag, chosen in ((False, engines), (True, on_tensors)):
        part = tuple(r for r, has in zip(requests, has_tensors, strict=True) if has == flag)
        if part and chosen:
            workers = Workers(jobs=min(jobs, len(part)))
            outcomes[flag] = iter([*run(Work(part), Options(engines=chosen), workers=workers)])
    for flag in has_tensors:
        yield next(outcomes[flag]) if flag in outcomes else None


def _requests(calls: Sequence[Case], lost: dict[str, str]) -> Iterator[Request]:
    """Yield the requests of calls; those that cannot be used are added to `lost`.

    A call that belongs to several functions is compared for the first one. Second derivatives are
    asked for where there is one variable, and the first derivative exists.
    """
    by_text = {case.text: case for case in reversed(calls)}
    for case in (case for case in calls if by_text[case.text] is case):
        try:
            requests = requests_of(case)
        except InputError as error:
            lost[case.text] = describe(error)
            continue
        for request in requests:
            yield request
            differentiable = _differentiable(request)
            if differentiable:
                yield dataclasses.replace(request, order=2, at=differentiable)


def _differentiable(request: Request) -> dict[str, list[str]]:
    """Return the points of a request in one variable where the first derivative may exist."""
    program = parse(request.text)
    if len(program.inputs) != 1 or request.at is None:
        return {}
    (name,) = program.inputs
    if uses_tensors(program):
        return {name: request.at[name]}
    kept = [text for text in request.at[name] if _kind(program, name, text) in _MAY_BE_SMOOTH]
    return {name: kept} if kept else {}


def _kind(program: Program, name: str, text: str) -> Kind:
    try:
        number = Real.of(float(text))
    except ValueError:
        exact = exact_number(text)
        if exact is None:
            return Kind.UNDECIDED
        number = exact
    return prove(program, name, {name: number}).kind


def _points(
    request: Request, outcome: Outcome | None, lost: dict[str, str]
) -> list[dict[Row, dict[str, Answer]]]:
    """Return the rows of a comparison, point by point, where there is a choice."""
    if outcome is None:
        return []
    if not isinstance(outcome, Evidence):
        lost[request.text] = describe(outcome)
        return []
    points: dict[str, dict[Row, dict[str, Answer]]] = {}
    for found in records(outcome):
        if request.order == 2 and found["verdict"] == Verdict.UNSUPPORTED.label:
            continue  # most engines have no second derivatives, and say so
        row = row_of(found, request.label.note, request.text, request.order or 1)
        points.setdefault(row.at, {}).setdefault(row, {})[found["engine"]] = answer_of(found)
    kept = [
        {row: answers for row, answers in point.items() if row.kind not in WITHOUT_CHOICE}
        for point in points.values()
    ]
    return [point for point in kept if not _is_inactive(point)]


def _is_inactive(point: Mapping[Row, object]) -> bool:
    """Return whether a tie of several variables has no effect: a larger one hides it."""
    return len(point) > 1 and all(row.kind == APPARENT for row in point)


def _truth_at(point: Mapping[Row, object]) -> tuple[object, ...]:
    """Return what is true at a point, to find out whether the same is true at a different one."""
    return tuple((r.output, r.variable, r.kind, r.left, r.right, r.derivative) for r in point)
