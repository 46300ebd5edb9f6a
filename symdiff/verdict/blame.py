"""Which part of an expression is to blame for a number that is off."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from symdiff.arithmetics.arrays import ARRAYS, evaluate
from symdiff.arithmetics.reading import read
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE
from symdiff.engines.base import Problem
from symdiff.grid.switches import find_switches
from symdiff.program import Program
from symdiff.program.nodes import Call
from symdiff.program.parser import template

INFINITE_SLOPE: Final = "its own slope is infinite"
_NEAR: Final = 1e-4  # of a switch's own scale: within some steps of a difference


@dataclasses.dataclass(frozen=True, slots=True)
class Blame:
    """A sub-expression and what is wrong with it.

    Attributes
    ----------
    place
        Its text with its place, or "" if it is written nowhere.
    reason
        What happens there, in a few words.
    """

    place: str
    reason: str


def blame_function(program: Program, function: str) -> Blame | None:
    """Return the first call of a function that an engine has not."""
    for index, node in program.calls():
        if node.function == function:
            return Blame(program.place(index), "")
    return None


def blame_switch(problem: Problem, i: int, variable: str) -> Blame | None:
    """Return the switch of a variable that vanishes at a point, or comes nearest to it."""
    point = _at(problem, i)
    best: tuple[float, int] | None = None
    for switch in find_switches(problem.program):
        if variable not in switch.program.inputs:
            continue
        value = float(evaluate(switch.program, point)[0])
        if switch.crosses_integers:
            value -= round(value) if np.isfinite(value) else 0.0
        if np.isfinite(value) and (best is None or abs(value) < best[0]):
            best = abs(value), switch.blame
    scale = max(1.0, *(abs(float(column[0])) for column in point.values()))
    if best is None or best[0] > _NEAR * scale:
        return None
    return Blame(problem.program.place(best[1]), "its switch vanishes")


def blame_nonfinite(problem: Problem, i: int) -> Blame | None:
    """Return where a NaN or an infinity arises: in a value, or in a slope.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> problem = Problem(parse("where(x <= 10, exp(x), 1)"), {"x": np.array([1e10])}, ("x",))
    >>> blame_nonfinite(problem, 0)
    Blame(place='exp(x) (expr, column 16)', reason='it is inf, in a branch that is not taken')
    """
    point = _at(problem, i)
    program = problem.program
    fine = bool(np.isfinite(evaluate(program, point)[0]))
    for index, node in program.calls():
        if CATALOGUE[node.function].returns == "condition" or not program.spans[index]:
            continue
        value = float(evaluate(program.at(index), _restricted(program.at(index), point))[0])
        if not np.isfinite(value):
            where = ", in a branch that is not taken" if fine else ""
            return Blame(program.place(index), f"it is {value:g}{where}")
    for index, node in program.calls():
        if any(not np.isfinite(slope) for slope in _slopes(program, node, point)):
            return Blame(program.place(index), INFINITE_SLOPE)
    return None


def _at(problem: Problem, i: int) -> dict[str, Array]:
    return {name: column[i : i + 1] for name, column in problem.columns.items()}


def _restricted(program: Program, point: Mapping[str, Array]) -> dict[str, Array]:
    # An expression without inputs still needs the shape of one point.
    return {n: x for n, x in point.items() if n in program.inputs} or dict(point)


def _slopes(program: Program, node: Call, point: Mapping[str, Array]) -> Iterator[float]:
    """Yield a call's own partial derivatives."""
    values = [
        evaluate(program.at(a), _restricted(program.at(a), point))
        for a in node.operands
        if not _is_condition(program, a)
    ]
    if node.function == "power" and len(values) == 2:
        with np.errstate(all="ignore"):
            yield float((values[1] * values[0] ** (values[1] - 1))[0])
        return
    if node.function == "divide":
        with np.errstate(all="ignore"):
            yield float((1 / values[1])[0])
        return
    row = CATALOGUE[node.function]
    texts = row.derivative if isinstance(row.derivative, tuple) else (row.derivative,)
    if row.numpy is None or len(values) != len(row.parameters):
        return
    bound = {p.name: v for p, v in zip(row.parameters, values, strict=True)}
    column = row.column("numpy")
    if column is None or row.derivative is None:
        return
    with np.errstate(all="ignore"):
        bound["result"] = column(*values)
        for text in texts:
            if text is not None:
                yield float(np.asarray(read(template(text), ARRAYS, bound)).reshape(-1)[0])


def _is_condition(program: Program, node: int) -> bool:
    call = program.nodes[node]
    return isinstance(call, Call) and CATALOGUE[call.function].returns == "condition"
