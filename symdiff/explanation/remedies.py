"""Other ways to write a call that breaks down, each of them tried before it is offered."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import torch

from symdiff.catalogue import CATALOGUE
from symdiff.explanation.findings import Mechanism
from symdiff.explanation.mechanisms import Cause, backward
from symdiff.explanation.problems import TRUE_VERDICTS, Records, SmallProblem, proved
from symdiff.explanation.rewriting import (
    Candidate,
    Replacement,
    call_text,
    name_of,
    replaced,
    rewritings,
    text_of,
    with_argument,
)
from symdiff.explanation.source_text import condition_text, is_readable
from symdiff.program import Call, Program
from symdiff.program.nodes import Builder, Literal
from symdiff.report.records import Record

_DIVISION: Final = "/"  # the operator of the row
_ROUNDING: Final = 1e-15
_NEARER: Final = 16
_SAFE: Final = 1.0  # an argument at which nearly all functions are smooth
# Numbers to add inside a root, and distances from the ends of a domain, by dtype.
_SMALL: Final = {torch.float64: (1e-24, 1e-12), torch.float32: (1e-12, 1e-8)}
_MARGIN: Final = {torch.float64: 1e-12, torch.float32: 1e-6}
_SAME_VALUE: Final = {torch.float64: 1e-5, torch.float32: 2e-3}  # largest change of the value
# Largest relative deviation of a gradient that is the derivative.
_SAME_SLOPE: Final = {torch.float64: 1e-9, torch.float32: 1e-5, torch.float16: 2e-3}
_LOOSE: Final = 0.02  # of other dtypes
_WIDER: Final = {torch.float16: torch.float32, torch.bfloat16: torch.float32}
_WIDEST: Final = {torch.float32: torch.float64}


@dataclasses.dataclass(frozen=True, slots=True)
class Tried:
    """A candidate that gives the true gradient, with that gradient by component."""

    candidate: Candidate
    gradients: Mapping[str, float]


def candidates(problem: SmallProblem, cause: Cause) -> Iterator[Candidate]:
    """Yield ways to write a call, the ones that change least first."""
    others = rewritings(problem.program)
    safe = _safe_arguments(problem, cause)
    is_branch = cause.mechanism is Mechanism.BRANCH
    yield from (*safe, *others) if is_branch else (*others, *safe)
    yield from wider(problem, cause.node)
    yield from _inside(problem, cause)


def first_numbers(problem: SmallProblem, cause: Cause) -> Mapping[str, float] | None:
    """Return the gradient of the first candidate that has the function's value, if it is finite."""
    attempts = (_numbers(problem, candidate) for candidate in candidates(problem, cause))
    gradients = (attempt[1] for attempt in attempts if attempt is not None)
    return next((g for g in gradients if all(map(math.isfinite, g.values()))), None)


def tried(
    problem: SmallProblem,
    candidate: Candidate,
    records: Mapping[str, Record],
    proof: Records,
) -> Tried | None:
    """Return a candidate with its gradient if it has the function's value and true gradient.

    Parameters
    ----------
    problem
        The small problem.
    candidate
        The other program.
    records
        What is proved of the components where the gradient has to be the true one.
    proof
        All that is proved.
    """
    attempt = _numbers(problem, candidate)
    if attempt is None:
        return None
    change, numbers = attempt
    if not all(math.isfinite(numbers[name]) for name in records):
        return None
    if not _are_true(problem, numbers, records, proof):
        return None
    note = candidate.note if not change else f"the value changes by up to {change:.2g}"
    return Tried(dataclasses.replace(candidate, note=note), numbers)


def _numbers(
    problem: SmallProblem, candidate: Candidate
) -> tuple[float, Mapping[str, float]] | None:
    """Return how much a candidate changes the value, and its gradient.

    None if it has a different value, or a different gradient where all is well.
    """
    try:
        change = _change(problem, candidate)
        if change is None or not _is_well(problem.larger, candidate):
            return None
        return change, problem.gradients(candidate.program, candidate.widen)
    except (RuntimeError, TypeError, ValueError, IndexError):
        return None  # torch does not take these arguments


def _is_well(problem: SmallProblem | None, candidate: Candidate) -> bool:
    """Return whether a candidate has autograd's own gradient where that is finite."""
    if problem is None:
        return True
    found = problem.gradients(candidate.program, candidate.widen)
    return all(
        not math.isfinite(expected) or _is_same(problem, name, found[name], expected)
        for name, expected in problem.gradients(problem.program).items()
        if name in problem.places
    )


def _is_same(problem: SmallProblem, name: str, number: float, derivative: float) -> bool:
    dtype = problem.values[name.partition("[")[0]].dtype
    tolerance = _SAME_SLOPE.get(dtype, _LOOSE)
    return math.isclose(number, derivative, rel_tol=tolerance, abs_tol=tolerance * 1e-6)


def _change(problem: SmallProblem, candidate: Candidate) -> float | None:
    """Return how much the value changes where it is finite; None if it becomes a different one.

    It is compared close to the inputs too: at the inputs alone two functions may agree by chance.
    """
    changes = []
    for values in _comparable(problem):
        before = problem.value(problem.program, values)
        after = problem.value(candidate.program, values, candidate.widen)
        if before.shape != after.shape:
            return None
        known = before.isfinite()
        a, b = after[known].double(), before[known].double()
        tolerance = _SAME_VALUE.get(before.dtype, _LOOSE)
        if not torch.isclose(a, b, rtol=tolerance, atol=tolerance).all():
            return None
        if a.numel():
            changes.append(float(((a - b).abs() / b.abs().clamp(min=1)).max()))
    change = max(changes, default=0.0)
    return change if candidate.is_change and change > _ROUNDING else 0.0


def _comparable(problem: SmallProblem) -> Iterator[Mapping[str, torch.Tensor]]:
    """Yield the inputs and others close by, nearer to 0 where the values would lose digits there.

    A probability of 1e-322 has two digits left, and so has its logarithm.
    """
    for values in (problem.values, *problem.nearby()):
        if not _underflows(problem, values):
            yield values
            continue
        small = {n: v / _NEARER if n in problem.wrt else v for n, v in values.items()}
        if not _underflows(problem, small):
            yield small


def _underflows(problem: SmallProblem, values: Mapping[str, torch.Tensor]) -> bool:
    """Return whether a value within the program is too small to have all its digits."""
    done = backward(dataclasses.replace(problem, values=values))
    tiny = torch.finfo(getattr(torch, done.precision)).tiny
    numbers = (abs(v) for v in done.values.values() if v.dtype != bool)
    return any(bool(((v > 0) & (v < tiny)).any()) for v in numbers)


def _are_true(
    problem: SmallProblem,
    numbers: Mapping[str, float],
    records: Mapping[str, Record],
    proof: Records,
) -> bool:
    """Return whether numbers are the derivatives, or subgradients where there are none."""
    without = []
    for name, record in records.items():
        derivative = record["derivative"]
        if derivative is None:
            without.append(name)
            continue
        if not _is_same(problem, name, numbers[name], float(derivative)):
            return False
    if not without:
        return True
    judged = proof.judged
    if numbers != proof.numbers:
        another, _ = proved(problem, numbers)
        judged = {} if another is None else another.judged
    return bool(judged) and all(judged[name]["verdict"] in TRUE_VERDICTS for name in without)


# -- a safe argument where the value is not used


def _safe_arguments(problem: SmallProblem, cause: Cause) -> Iterator[Candidate]:
    """Yield programs whose failing call gets a different argument where its value is not used."""
    program = problem.program
    done = backward(problem)
    used = done.values
    nodes = dict.fromkeys((cause.source, cause.node))
    conditions = [i for i in program.order if i in used and used[i].dtype == bool]
    for node in nodes:
        call = program.nodes[node]
        if not isinstance(call, Call):
            continue
        off = _off(used.get(node), cause.where if node == cause.node else None)
        for argument in reversed(call.operands):
            value = used.get(argument)
            if value is None or value.dtype == bool or isinstance(program.nodes[argument], Literal):
                continue
            for condition in conditions:
                side = _side(used[condition], off)
                test = _condition_text(problem, condition)
                if side is not None and test:
                    yield _safe(program, node, argument, (condition, test), taken=not side)


def _off(value: np.ndarray | None, where: np.ndarray | None) -> np.ndarray:
    off = np.zeros((), dtype=bool)
    if value is not None and value.dtype != bool:
        off = ~np.isfinite(value)
    return np.asarray(off | where) if where is not None and where.shape == off.shape else off


def _side(condition: np.ndarray, off: np.ndarray) -> bool | None:
    """Return the value that a condition has at all elements of a mask, or None if it differs."""
    try:
        shape = np.broadcast_shapes(condition.shape, off.shape)
    except ValueError:
        return None
    there = np.broadcast_to(condition, shape)[np.broadcast_to(off, shape)]
    if not there.size or there.all() != there.any():
        return None
    return bool(there[0])


def _condition_text(problem: SmallProblem, condition: int) -> str:
    """Return a condition in the user's terms; "" if it cannot be told."""
    text = problem.spoken(name_of(problem.program, condition))
    return text if is_readable(text) else condition_text(problem.program, condition)


def _safe(
    program: Program, node: int, argument: int, condition: tuple[int, str], *, taken: bool
) -> Candidate:
    test, written = condition

    def make(builder: Builder, copies: Mapping[int, int]) -> int:
        number = builder.add(Literal(_SAFE))
        pair = (copies[argument], number) if taken else (number, copies[argument])
        return builder.add(Call("where", (test, *pair)))

    inner = name_of(program, argument)
    pair = f"{inner}, {_SAFE:g}" if taken else f"{_SAFE:g}, {inner}"
    return Candidate(
        with_argument(program, node, argument, make),
        text_of(program, node),
        call_text(program, node, {argument: f"torch.where({written}, {pair})"}),
    )


# -- a wider dtype


def wider(problem: SmallProblem, node: int) -> Iterator[Candidate]:
    """Yield the program in wider dtypes; a node is written as computed from wider inputs."""
    program = problem.program
    dtypes = [problem.values[n].dtype for n in problem.wrt]
    used = program.at(node).inputs
    for table in (_WIDER, _WIDEST):
        wide = next((table[d] for d in dtypes if d in table), None)
        if wide is not None:
            text = text_of(program, node)
            inputs = ", ".join(f"{n}.to({wide})" for n in problem.wrt if n in used)
            write = f"{text}, computed from {inputs}"
            yield Candidate(program, text, write, f"in {str(wide).removeprefix('torch.')}", wide)


# -- a small change of the argument


def _inside(problem: SmallProblem, cause: Cause) -> Iterator[Candidate]:
    """Yield programs with a small number inside the call, or with its argument kept from an end."""
    program = problem.program
    call = program.nodes[cause.node]
    value = backward(problem).values.get(cause.argument)
    if not isinstance(call, Call) or value is None or value.dtype == bool:
        return
    yield from _nonzero_denominator(problem, call)
    inner = name_of(program, cause.argument)
    dtype = next((problem.values[n].dtype for n in problem.wrt), torch.float64)
    for small in _SMALL.get(dtype, ()):
        for write, make in (
            (f"{inner} + {small:g}", _added(cause.argument, small)),
            (f"{_grouped(inner)}.clamp(min={small:g})", _clamped(cause.argument, small, None)),
        ):
            yield _changed(program, cause, write, make)
    margin = _MARGIN.get(dtype, 1e-3)
    end = 1 - margin
    write = f"{_grouped(inner)}.clamp(-1 + {margin:g}, 1 - {margin:g})"
    yield _changed(program, cause, write, _clamped(cause.argument, -end, end))


def _nonzero_denominator(problem: SmallProblem, call: Call) -> Iterator[Candidate]:
    """Yield the program with a count of at least 1, if it divides by a count that may be 0."""
    program = problem.program
    if CATALOGUE[call.function].operator != _DIVISION:
        return
    denominator = call.operands[-1]
    value = backward(problem).values.get(denominator)
    if value is None or isinstance(program.nodes[denominator], Literal) or (value != 0).all():
        return

    def make(builder: Builder, copies: Mapping[int, int]) -> int:
        return builder.add(Call("clamp", (copies[denominator], builder.add(Literal(1)), None)))

    text = name_of(program, denominator)
    yield Candidate(
        replaced(program, {denominator: make}),
        text,
        f"{_grouped(text)}.clamp(min=1)",
        is_change=True,
    )


def _grouped(text: str) -> str:
    return text if text.isidentifier() else f"({text})"


def _changed(program: Program, cause: Cause, write: str, make: Replacement) -> Candidate:
    return Candidate(
        with_argument(program, cause.node, cause.argument, make),
        text_of(program, cause.node),
        call_text(program, cause.node, {cause.argument: write}),
        is_change=True,
    )


def _added(argument: int, small: float) -> Replacement:
    def make(builder: Builder, copies: Mapping[int, int]) -> int:
        return builder.add(Call("add", (copies[argument], builder.add(Literal(small)))))

    return make


def _clamped(argument: int, low: float, high: float | None) -> Replacement:
    def make(builder: Builder, copies: Mapping[int, int]) -> int:
        ends = (None if e is None else builder.add(Literal(e)) for e in (low, high))
        return builder.add(Call("clamp", (copies[argument], *ends)))

    return make
