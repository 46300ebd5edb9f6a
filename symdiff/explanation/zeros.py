"""Find gradients that are zero where the derivative is not.

In a large tensor only a few zeros are checked: those where an argument of a call is exactly 0, as
at the kinks of most functions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import torch

from symdiff.explanation import remedies
from symdiff.explanation.calls import Step
from symdiff.explanation.choosing import cut
from symdiff.explanation.elements import NotCutError
from symdiff.explanation.findings import Affected, Element, Finding, Mechanism, Remedy
from symdiff.explanation.problems import (
    TRUE_VERDICTS,
    Component,
    Records,
    SmallProblem,
    proved,
    truth_of,
)
from symdiff.explanation.recording import Run
from symdiff.explanation.rewriting import rewritings
from symdiff.explanation.watching import Origin
from symdiff.report.records import Record

_FEW: Final = 4  # largest number of zeros of one tensor that are checked
_RARE: Final = 0.1  # zeros are not checked if more than this part of the elements has one
_NARROW: Final = "a number on the way is too large or too small for this dtype"
_NO_REMEDY: Final = "no other way to write it is known to give the true gradient"


def wrong_zeros(done: Run, whole: Callable[[], SmallProblem]) -> Iterator[Finding]:
    """Yield a finding for every call that makes a gradient zero where the derivative is not."""
    zeros = {
        name: mask
        for name, gradient in done.gradients.items()
        if gradient is not None and bool((mask := gradient == 0).any())
    }
    if not zeros:
        return
    try:
        problems = [whole()]
    except NotCutError:
        problems = list(_cuts(done, zeros))
    for problem in problems:
        records, _ = proved(problem)
        if records is not None:
            yield from _findings(done, problem, records)


def _cuts(done: Run, zeros: Mapping[str, torch.Tensor]) -> Iterator[SmallProblem]:
    for name, mask in zeros.items():
        leaf = done.leaves[name]
        step = next((s for s in done.steps if any(t is leaf for t in s.operands)), None)
        chosen = _chosen(done, leaf, mask)
        if step is None or not chosen:
            continue
        try:
            yield cut(done, Origin(step, None, mask), chosen, [])
        except NotCutError:
            continue


def _chosen(done: Run, leaf: torch.Tensor, mask: torch.Tensor) -> list[int]:
    """Return the positions of some zeros where an argument of a call is exactly 0."""
    tensors = {id(leaf): leaf}
    for step in done.steps:
        tensors |= {id(t): t for t in step.operands if t.shape == leaf.shape and step.is_current(t)}
    chosen: dict[int, None] = {}
    for tensor in tensors.values():
        if not tensor.is_floating_point():
            continue
        here = mask & (tensor.detach() == 0)
        count = int(here.sum())
        if 0 < count <= _RARE * mask.numel():
            chosen[int(here.reshape(-1).to(torch.uint8).argmax())] = None
        if len(chosen) == _FEW:
            break
    return list(chosen)


def _findings(done: Run, problem: SmallProblem, proof: Records) -> Iterator[Finding]:
    records = proof.autograd
    groups: dict[str, dict[str, Record]] = {}
    sizes = [abs(float(r["derivative"])) for r in records.values() if r["derivative"] is not None]
    largest = max((s for s in sizes if math.isfinite(s)), default=0.0)
    for component, record in records.items():
        number = torch.finfo(problem.values[component.partition("[")[0]].dtype)
        smallest = max(number.eps * largest, number.tiny)
        place = problem.places.get(component)
        if place is not None and _is_wrong(record, _gradient(done, record, place), smallest):
            groups.setdefault(str(record["blame"] or ""), {})[component] = record
    for blame, wrong in groups.items():
        step = _step(done, blame)
        tensors = _affected(problem, wrong)
        found = _remedies(problem, wrong, proof, tensors)
        yield Finding(
            operation=step.name if step else "",
            line=step.line if step else None,
            mechanism=Mechanism.WRONG_ZERO,
            reason=_reason(blame, wrong),
            tensors=tensors,
            basis=f"proved {problem.basis}",
            remedies=found,
            no_remedy="" if found else _NO_REMEDY,
        )


def _reason(blame: str, wrong: Mapping[str, Record]) -> str:
    detail = next((r["detail"] for r in wrong.values() if r["detail"]), None)
    parts = [str(part) for part in (blame.partition(" (")[0], detail) if part]
    return ": ".join(parts) or _NARROW


def _gradient(done: Run, record: Record, place: Component) -> float:
    """Return autograd's number in the run; a small problem may be computed in a wider dtype."""
    name, index = place
    gradient = done.gradients.get(name)
    return float(record["value"] or 0) if gradient is None else float(gradient[index])


def _is_wrong(record: Record, gradient: float, smallest: float) -> bool:
    """Return whether a zero is wrong by more than the rounding error of the largest derivative."""
    derivative = record["derivative"]
    if gradient != 0 or derivative is None:
        return False
    if record["value"] == 0 and record["verdict"] in TRUE_VERDICTS:
        return False
    return smallest < abs(float(derivative)) < math.inf


def _step(done: Run, blame: str) -> Step | None:
    """Return the last call on the line that is to blame."""
    on_line = [s for s in done.steps if s.line is not None and str(s.line) in blame]
    on_line = [s for s in on_line if blame.startswith(s.name)] or on_line
    return next(reversed(on_line or done.steps), None)


def _affected(problem: SmallProblem, wrong: Mapping[str, Record]) -> tuple[Affected, ...]:
    by_name: dict[str, list[Element]] = {}
    for component, record in wrong.items():
        name, index = problem.places[component]
        by_name.setdefault(name, []).append(Element(index, 0.0, truth_of(record)))
    return tuple(
        Affected(name, problem.shapes[name], len(elements), tuple(elements))
        for name, elements in by_name.items()
    )


def _remedies(
    problem: SmallProblem,
    wrong: Mapping[str, Record],
    proof: Records,
    tensors: tuple[Affected, ...],
) -> tuple[Remedy, ...]:
    others = rewritings(problem.program), remedies.wider(problem, problem.program.output)
    for candidate in itertools.chain(*others):
        attempt = remedies.tried(problem, candidate, wrong, proof)
        if attempt is not None:
            names = {place: component for component, place in problem.places.items()}
            gradients = tuple(
                tuple(attempt.gradients[names[t.name, e.index]] for e in t.elements)
                for t in tensors
            )
            return (
                Remedy(
                    problem.spoken(candidate.instead_of),
                    problem.spoken(candidate.write),
                    gradients,
                    attempt.candidate.note,
                ),
            )
    return ()
