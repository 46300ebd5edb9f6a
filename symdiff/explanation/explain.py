"""Explain where NaNs, infinities and wrong zeros in the gradients of PyTorch code come from."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch

from symdiff.errors import SymdiffError, UsageError
from symdiff.explanation import remedies
from symdiff.explanation.affected import FEW, affected, is_number
from symdiff.explanation.calls import Step
from symdiff.explanation.choosing import cut
from symdiff.explanation.elements import NotCutError
from symdiff.explanation.findings import (
    Affected,
    Explanation,
    Finding,
    Mechanism,
    Remedy,
)
from symdiff.explanation.finite import is_finite, nonfinite
from symdiff.explanation.mechanisms import Cause, causes, value_cause
from symdiff.explanation.origins import forward_origin
from symdiff.explanation.plain import reason_of
from symdiff.explanation.problems import (
    ISOLATED,
    OUTSIDE,
    UNDECIDED,
    Records,
    SmallProblem,
    traced,
    truth_of,
)
from symdiff.explanation.recording import Run, gradients_from, run
from symdiff.explanation.watching import Origin
from symdiff.explanation.zeros import wrong_zeros
from symdiff.program.traced import TracedProgram
from symdiff.program.values import component_name
from symdiff.report.records import Record
from symdiff.tracing.inputs import read_arguments

_MAX_WHOLE: Final = 32  # elements of all inputs together, up to which a function is proved whole
_HEALTHY: Final = 2  # elements at which a cut is checked
_LOOKED_AT: Final = 1000  # elements among which the few are chosen
_WHOLE: Final = "for the whole function"
_NO_SLOPE: Final = "as it is written, the function has no finite derivative there"
_UNDEFINED: Final = (
    "in real numbers the function is undefined there, as a logarithm of 0 and a division by 0 are, "
    "although torch gets a finite value"
)
_NO_SLOPE_IN_PART: Final = "the part that was cut out has no finite derivative there"
_NO_VALUE: Final = "the value itself is not finite"
_OWN: Final = "this backward is your own code"
_UNTRIED: Final = "nothing is proved that one could be tried on"
_NONE_FOUND: Final = "none of those that were tried gives the true gradient"


def explain(function: Callable[..., Any], *inputs: Any, **keywords: Any) -> Explanation:  # noqa: ANN401
    """Say where NaNs, infinities and wrong zeros in a function's gradients come from.

    The function runs once at the inputs given, with its backward pass. For every operation in
    which a gradient stops to be finite, the explanation has the line of code, what happens there,
    the elements, the derivatives that are true there, and remedies that were tried.

    Parameters
    ----------
    function
        A function or a module on torch tensors.
    inputs, keywords
        Its arguments: tensors, nested lists, tuples and mappings of them, and other values.

    Returns
    -------
    Explanation
        With `.ok`, `.findings`, and a text.

    Raises
    ------
    UsageError
        There is no tensor of real numbers among the arguments, the function does not take them, or
        its value has no gradient.

    Examples
    --------
    >>> x = torch.tensor([-1.0, 4.0], dtype=torch.float64)
    >>> explanation = explain(lambda x: torch.where(x > 0, torch.sqrt(x), 0 * x).sum(), x)
    >>> explanation
    <Explanation of <lambda>: 1 finding>
    >>> finding = explanation.findings[0]
    >>> finding.operation, finding.mechanism.name, finding.tensors[0].elements[0].truth.derivative
    ('sqrt', 'BRANCH', 0.0)
    >>> finding.remedies[0].write
    'sqrt(torch.where(x > 0, x, 1))'
    """
    arguments = read_arguments(function, inputs, keywords)
    done = run(arguments)
    sizes = [t.numel() for t in done.leaves.values() if t.requires_grad]
    if not sizes:
        message = "no input is a tensor of real numbers, so there is nothing to differentiate"
        raise UsageError(message, hint="x.float() makes one of integers")
    if not done.outputs:
        message = "the value is no tensor that depends on the inputs, so it has no gradient"
        raise UsageError(message, hint="return the loss itself, not loss.item() or loss.detach()")

    def whole() -> SmallProblem:
        with torch.random.fork_rng(devices=[]):
            torch.random.set_rng_state(done.random_state)
            return _whole(function, inputs, keywords, done)

    groups = _groups(done)
    by_step = {
        step.index: finding
        for step, origins in groups
        if (finding := _finding(done, step, origins, whole, alone=len(groups) == 1)) is not None
    }
    findings = [*by_step.values(), *_of_value(done, by_step, whole)]
    findings += wrong_zeros(done, whole)
    return Explanation(
        name=getattr(function, "__qualname__", type(function).__name__).rpartition(".")[2],
        findings=_merged(findings),
        checked=(sum(sizes), len(sizes)),
    )


def _merged(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings that say the same as one, as those of the iterations of a loop may do."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(str(finding), []).append(finding)
    return tuple(dataclasses.replace(same[0], times=len(same)) for same in groups.values())


def _groups(done: Run) -> list[tuple[Step, list[Origin]]]:
    """Return the origins by the operation in which something is not finite first."""
    groups: dict[int, tuple[Step, list[Origin]]] = {}
    for origin in done.origins:
        step = forward_origin(done, origin.step, origin.where)
        groups.setdefault(step.index, (step, []))[1].append(origin)
    return list(groups.values())


def _whole(
    function: Callable[..., Any], inputs: tuple[Any, ...], keywords: Mapping[str, Any], done: Run
) -> SmallProblem:
    """Return the whole function as a small problem.

    Raises
    ------
    NotCutError
        It is large, or cannot be traced.
    """
    leaves = {n: t for n, t in done.leaves.items() if t.requires_grad}
    if sum(t.numel() for t in leaves.values()) > _MAX_WHOLE:
        message = "the function has many inputs"
        raise NotCutError(message)
    try:
        program = traced(function, inputs, keywords)
    except SymdiffError as error:
        raise NotCutError(str(error).splitlines()[0]) from None
    parts = [c.reshape(-1) for c in done.cotangents]
    several = len(parts) > 1
    start = torch.cat(parts) if several else done.cotangents[0]
    return SmallProblem(
        program=program,
        values={n: _value(done, program, n) for n in program.inputs},
        cotangent=start if start.ndim else None,
        places={
            component_name(n, i): (n, i)
            for n, t in leaves.items()
            if n in program.inputs
            for i in np.ndindex(*t.shape)
        },
        shapes={n: tuple(t.shape) for n, t in leaves.items()},
        counts={},
        basis=_WHOLE,
        masks=frozenset(n for n, t in done.leaves.items() if t.dtype == torch.bool),
    )


def _value(done: Run, program: TracedProgram, name: str) -> torch.Tensor:
    """Return the value of an input in the user's dtype."""
    leaf = done.leaves.get(name)
    value: torch.Tensor = program.values[name]
    # Masks and integers are numbers in the trace.
    return value if leaf is None or not leaf.is_floating_point() else leaf.detach()


def _finding(
    done: Run,
    step: Step,
    origins: Sequence[Origin],
    whole: Callable[[], SmallProblem],
    *,
    alone: bool,
) -> Finding | None:
    """Return what is reported of one operation; None if no gradient of an input shows it."""
    gradients = done.gradients if alone else gradients_from(done, origins)
    known = {name: gradient for name, gradient in gradients.items() if gradient is not None}
    masks = {n: mask for n, gradient in known.items() if (mask := nonfinite(gradient)) is not None}
    if not masks:
        return None
    problem, proof, cause, reason = _explained(done, origins[0], whole)
    records = {} if proof is None else proof.autograd
    is_own = origins[0].step.is_own
    if is_own or cause is None:
        mechanism, text = _plain(done, step, origins[0])
    elif any(bool(known[n][m].isnan().any()) for n, m in masks.items()):
        mechanism, text = cause.mechanism, cause.reason
    else:  # no gradient is NaN, so none was 0 times infinity
        mechanism, text = cause.without_zero
    finding = Finding(
        operation=step.name,
        line=step.line or origins[0].step.line,
        mechanism=mechanism,
        reason=problem.spoken(text) if problem else text,
        tensors=affected(done, masks, problem, records, reason),
        basis=f"proved {problem.basis}" if problem and _is_decided(records) else "",
    )
    if is_own and mechanism is Mechanism.CUSTOM:
        return dataclasses.replace(finding, no_remedy=_OWN)
    if problem is None or cause is None or proof is None or not finding.basis:
        return dataclasses.replace(finding, no_remedy=_UNTRIED)
    return _with_remedies(done, finding, problem, cause, proof)


def _is_decided(records: Mapping[str, Record]) -> bool:
    return any(record["kind"] != UNDECIDED for record in records.values())


def _explained(
    done: Run, origin: Origin, whole: Callable[[], SmallProblem]
) -> tuple[SmallProblem | None, Records | None, Cause | None, str]:
    """Return a small problem, what is proved of it, and the cause; or the reason for none.

    Elements at which the function is undefined do not make it so for the others: they are cut out
    one by one then.
    """
    problem, reason = _problem(done, origin, whole)
    if problem is None:
        return None, None, None, reason
    proof, cause, reason = _proved(problem, done, origin)
    if problem.basis == _WHOLE and proof is not None and _is_outside(proof):
        few, good = _positions(origin)
        for position in few:
            with contextlib.suppress(NotCutError):
                single = cut(done, origin, [position], good)
                other, its_cause, _ = _proved(single, done, origin)
                if other is not None and its_cause is not None and not _is_outside(other):
                    return single, other, its_cause, ""
    return problem, proof, cause, reason


def _is_outside(proof: Records) -> bool:
    """Return whether the function is undefined at a component with a NaN or an infinity."""
    wrong = [r for r in proof.autograd.values() if not is_number(r["value"])]
    return any(record["kind"] in {OUTSIDE, ISOLATED} for record in wrong)


def _proved(
    problem: SmallProblem, done: Run, origin: Origin
) -> tuple[Records | None, Cause | None, str]:
    """Return what is proved and the cause, or none and the reason.

    The gradient of the remedy that is tried first is judged by the same proof.
    """
    cause = None
    try:
        cause = _cause(problem, done, origin)
        numbers = None if cause is None else remedies.first_numbers(problem, cause)
        return problem.records(numbers), cause, ""
    except SymdiffError as error:
        return None, cause, str(error).splitlines()[0]


def _of_value(
    done: Run, known: Collection[int], whole: Callable[[], SmallProblem]
) -> Iterator[Finding]:
    """Yield a finding for a value that is not finite, if no gradient has the same origin."""
    for output in done.outputs:
        producer = done.producer(output, len(done.steps))
        mask = nonfinite(output.detach())
        if producer is None or mask is None:
            continue
        step = forward_origin(done, producer)
        if step.index in known:
            continue
        try:
            problem = whole()
            mechanism, text = value_cause(problem)
            text = problem.spoken(text)
        except (NotCutError, SymdiffError):
            unknown = Mechanism.UNKNOWN, f"{step.name} returns numbers that are not finite"
            mechanism, text = reason_of(step) or unknown
        yield Finding(
            operation=step.name,
            line=step.line,
            mechanism=mechanism,
            reason=f"{text}; {int(mask.sum())} of {mask.numel()} values are not finite",
            tensors=(),
            no_remedy=_NO_VALUE,
        )


def _plain(done: Run, step: Step, origin: Origin) -> tuple[Mechanism, str]:
    """Return what can be said without a small problem."""
    names = {id(leaf): name for name, leaf in done.leaves.items()}
    for operand in step.operands:
        if id(operand) in names and operand.is_floating_point():
            off = nonfinite(operand.detach())
            if off is not None:
                kinds = {f"{v:g}" for v in operand.detach()[off].unique().tolist()}
                return Mechanism.INPUT, f"{names[id(operand)]} has {', '.join(sorted(kinds))}"
    reason = reason_of(step, origin.where if step is origin.step else None)
    if reason is not None:
        return reason
    if origin.step.is_own:
        text = f"the backward of {origin.step.name} turns finite numbers into others"
        return Mechanism.CUSTOM, text
    return Mechanism.UNKNOWN, f"{origin.step.name} in shape {tuple(origin.where.shape)}"


def _problem(
    done: Run, origin: Origin, whole: Callable[[], SmallProblem]
) -> tuple[SmallProblem | None, str]:
    """Return a small problem that has the elements of an origin, or the reason for none."""
    reasons = []
    try:
        return whole(), ""
    except NotCutError as error:
        reasons.append(str(error))
    few, good = _positions(origin)
    try:
        return cut(done, origin, few, good), ""
    except NotCutError as error:
        reasons.append(str(error))
    return None, "; ".join(reasons)


def _positions(origin: Origin) -> tuple[list[int], list[int]]:
    """Return the positions of a few elements in question, and of a few others."""
    where = origin.where.reshape(-1)
    bad = where.nonzero().reshape(-1)[:_LOOKED_AT]
    good = (~where[: len(bad) + _LOOKED_AT]).nonzero().reshape(-1)[:_HEALTHY]
    return _different(origin, bad), good.tolist()


def _different(origin: Origin, flat: torch.Tensor) -> list[int]:
    """Return the positions of a few elements, with different arguments if there are some."""
    tensor = next((t for t in origin.step.operands if t.shape == origin.where.shape), None)
    chosen: dict[float, int] = {}
    for position in flat.tolist():
        key = float(position) if tensor is None else float(tensor.detach().reshape(-1)[position])
        chosen.setdefault(key, position)
        if len(chosen) == FEW:
            break
    rest = [p for p in flat[:FEW].tolist() if p not in chosen.values()]
    return [*chosen.values(), *rest][:FEW]


def _cause(problem: SmallProblem, done: Run, origin: Origin) -> Cause | None:
    """Return the cause on the line of an origin, or else the first one.

    Several on one line come in the same order here and there.
    """
    line = origin.step.line
    steps = list(dict.fromkeys(o.step.index for o in done.origins if o.step.line == line))
    rank = steps.index(origin.step.index)
    found = list(causes(problem))
    same_line = {c.node: c for c in found if str(line) in problem.program.place(c.node)}
    if len(same_line) == len(steps):
        return list(same_line.values())[rank]
    same = [c for c in same_line.values() if np.array_equal(c.where, origin.where.numpy())]
    return next(iter(same or same_line.values() or found), None)


# -- remedies


def _with_remedies(
    done: Run, finding: Finding, problem: SmallProblem, cause: Cause, proof: Records
) -> Finding:
    """Return a finding with the first remedy that gives the true gradient."""
    wanted = _wanted(finding, problem, proof.autograd)
    if not wanted and _is_undefined(done, finding):
        return dataclasses.replace(finding, no_remedy=_UNDEFINED)
    if not wanted:
        is_inner = not any(name in done.leaves for name, _ in problem.places.values())
        return dataclasses.replace(finding, no_remedy=_NO_SLOPE_IN_PART if is_inner else _NO_SLOPE)
    attempts = (
        remedies.tried(problem, candidate, wanted, proof)
        for candidate in remedies.candidates(problem, cause)
    )
    attempt = next((a for a in attempts if a is not None), None)
    if attempt is None:
        return dataclasses.replace(finding, no_remedy=_NONE_FOUND)
    remedy = Remedy(
        instead_of=problem.spoken(attempt.candidate.instead_of),
        write=problem.spoken(attempt.candidate.write),
        gradients=_numbers(finding.tensors, problem, attempt.gradients),
        note=attempt.candidate.note,
    )
    return dataclasses.replace(finding, remedies=(remedy,))


def _is_undefined(done: Run, finding: Finding) -> bool:
    """Return whether torch returns finite numbers where the function is undefined."""
    kinds = {e.truth.kind for t in finding.tensors for e in t.elements}
    return kinds <= {OUTSIDE, ISOLATED} and all(
        is_finite(output.detach()) for output in done.outputs
    )


def _wanted(
    finding: Finding, problem: SmallProblem, records: Mapping[str, Record]
) -> dict[str, Record]:
    """Return the components at which a remedy has to give the true gradient; none if it cannot.

    They are those of the finding, if a finite number is true there, and those where all is well.
    """
    mine = {(t.name, e.index) for t in finding.tensors for e in t.elements}
    wanted = {n: r for n, r in records.items() if problem.places.get(n) in mine and _is_sure(r)}
    if not wanted:
        return {}
    well = {n: r for n, r in records.items() if is_number(r["value"]) and _is_sure(r)}
    return {**well, **wanted}


def _is_sure(record: Record) -> bool:
    return record["kind"] != UNDECIDED and truth_of(record).has_gradient


def _numbers(
    tensors: Sequence[Affected], problem: SmallProblem, gradients: Mapping[str, float]
) -> tuple[tuple[float, ...], ...]:
    names = {place: component for component, place in problem.places.items()}
    return tuple(
        tuple(gradients.get(names.get((t.name, e.index), ""), math.nan) for e in t.elements)
        for t in tensors
    )
