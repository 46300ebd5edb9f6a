"""Say in which tensors a finding shows, and what the truth is at their elements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

import torch

from symdiff.explanation.findings import Affected, Element, Truth
from symdiff.explanation.problems import UNDECIDED, SmallProblem, truth_of
from symdiff.explanation.recording import Run
from symdiff.report.records import Record

FEW: Final = 4  # elements that are shown, and proved in a large tensor


def affected(
    done: Run,
    masks: Mapping[str, torch.Tensor],
    problem: SmallProblem | None,
    records: Mapping[str, Record],
    reason: str,
) -> tuple[Affected, ...]:
    """Return the tensors whose gradients are not finite, with the truth at some elements.

    Parameters
    ----------
    done
        The run.
    masks
        Where the gradients of inputs and parameters are not finite, by name.
    problem, records
        What was proved, if anything.
    reason
        Why nothing was proved; else "".
    """
    names = {place: component for component, place in problem.places.items()} if problem else {}
    found = []
    for name, mask in masks.items():
        gradient = done.gradients[name]
        assert gradient is not None  # noqa: S101  (it has a mask)
        known = [index for n, index in names if n == name and bool(mask[index])]
        first = known or [tuple(i) for i in mask.nonzero()[:FEW].tolist()]
        elements = tuple(
            Element(
                index=tuple(index),
                gradient=float(gradient[index]),
                truth=_truth(records, names.get((name, index)), reason),
            )
            for index in first
        )
        found.append(Affected(name, tuple(mask.shape), int(mask.sum()), elements))
    inner = _inner(problem, records) if not any(n in masks for n, _ in names) else ()
    return (*found, *inner)


def _truth(records: Mapping[str, Record], component: str | None, reason: str) -> Truth:
    if component is None:
        return Truth(UNDECIDED, reason=reason or "it depends on many elements")
    return truth_of(records.get(component), reason)


def _inner(problem: SmallProblem | None, records: Mapping[str, Record]) -> Iterator[Affected]:
    """Yield the values in between at which the truth is proved, if no input is among them."""
    if problem is None:
        return
    by_name: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for component, (name, index) in problem.places.items():
        record = records.get(component)
        if record is not None and not is_number(record["value"]):
            by_name.setdefault(name, []).append((component, index))
    for name, components in by_name.items():
        elements = tuple(
            Element(index, float(records[c]["value"] or 0), truth_of(records[c]))
            for c, index in components
        )
        yield Affected(name, problem.shapes[name], problem.counts[name], elements)


def is_number(value: float | str | None) -> bool:
    """Return whether a field of a record is a finite number."""
    return value is not None and math.isfinite(float(value))
