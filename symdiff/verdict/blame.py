"""Find the sub-expression to blame for an engine's number that is not the derivative."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.arrays import ARRAYS, evaluate
from symdiff.arithmetics.reading import read
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE
from symdiff.engines.base import Problem
from symdiff.grid.switches import find_switches
from symdiff.program import Program
from symdiff.program.nodes import Call
from symdiff.program.parser import template

INFINITE_DERIVATIVE: Final = "its derivative is infinite"
_BRANCH: Final = ", in a branch that is not taken"
# Texts that say what is not finite at a node; `NonfiniteNodes.reasons` has their indices.
REASONS: Final = (
    "",
    "it is nan",
    "it is inf",
    "it is -inf",
    f"it is nan{_BRANCH}",
    f"it is inf{_BRANCH}",
    f"it is -inf{_BRANCH}",
    INFINITE_DERIVATIVE,
)
# Largest distance from zero, relative to the coordinates, of a switch to blame: some
# finite-difference steps.
_NEAR: Final = 1e-4


def first_call(program: Program, function: str) -> int:
    """Return the node of the first call of a function, or -1."""
    return next((index for index, node in program.calls() if node.function == function), -1)


def nearest_switches(problem: Problem, points: NDArray[np.intp], variable: str) -> NDArray[np.intp]:
    """Return the nodes of the switches to blame at some points, -1 where no switch is near zero.

    The switch to blame is the one nearest to zero, of those that depend on a variable.

    Parameters
    ----------
    problem
        The program and its points.
    points
        The indices of k points.
    variable
        The variable.

    Returns
    -------
    array
        Indices of nodes of the program, shape (k,).
    """
    nodes = np.full(len(points), -1, dtype=np.intp)
    candidates = [s for s in find_switches(problem.program) if variable in s.program.inputs]
    if not candidates or not len(points):
        return nodes
    columns = {name: column[points] for name, column in problem.columns.items()}
    nearest = np.full(len(points), np.inf)
    with np.errstate(invalid="ignore"):
        for switch in candidates:
            value = np.broadcast_to(evaluate(switch.program, columns), len(points))
            if switch.crosses_integers:
                value = value - np.where(np.isfinite(value), np.round(value), 0.0)
            distance = np.abs(value)
            closer = np.isfinite(distance) & (distance < nearest)
            nearest[closer], nodes[closer] = distance[closer], switch.blame
    scale = np.maximum(1.0, np.max([np.abs(column) for column in columns.values()], axis=0))
    nodes[~(nearest <= _NEAR * scale)] = -1
    return nodes


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class NonfiniteNodes:
    """Nodes of a program at which NaNs and infinities arise, at k points.

    Attributes
    ----------
    points
        The indices of the points, in order; shape (k,), like all other columns.
    nodes
        The first node whose value or derivative is not finite; -1 if all are finite.
    reasons
        The index in `REASONS` of what is not finite there.
    """

    points: NDArray[np.intp]
    nodes: NDArray[np.intp]
    reasons: NDArray[np.int8]

    @classmethod
    def at_no_points(cls) -> NonfiniteNodes:
        """Return the nodes at no points."""
        empty = np.zeros(0, dtype=np.intp)
        return cls(empty, empty, np.zeros(0, dtype=np.int8))

    def rows(self, points: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the rows of some points, each of which is among those of the nodes."""
        return np.searchsorted(self.points, points)


def nonfinite_nodes(problem: Problem, points: NDArray[np.intp]) -> NonfiniteNodes:
    """Return the nodes at which a NaN or an infinity arises, in a value or in a derivative.

    Parameters
    ----------
    problem
        The program and its points.
    points
        The indices of the points, in order.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> problem = Problem(parse("where(x <= 10, exp(x), 1)"), {"x": np.array([1e10])}, ("x",))
    >>> arising = nonfinite_nodes(problem, np.array([0]))
    >>> problem.program.place(arising.nodes[0]), REASONS[arising.reasons[0]]
    ('exp(x) (expr, column 16)', 'it is inf, in a branch that is not taken')
    """
    program = problem.program
    nodes = np.full(len(points), -1, dtype=np.intp)
    reasons = np.zeros(len(points), dtype=np.int8)
    result = NonfiniteNodes(points, nodes, reasons)
    if not len(points):
        return result
    columns = {name: column[points] for name, column in problem.columns.items()}
    # If the value of the program is finite, a value inside it that is not finite is in a branch not
    # taken: the index of its reason in `REASONS` is larger by three.
    in_branch = np.where(np.isfinite(_values(program, columns, len(points))), 3, 0)
    for index, node in program.calls():
        if CATALOGUE[node.function].returns == "condition" or not program.spans[index]:
            continue
        value = _values(program.at(index), columns, len(points))
        here = (nodes < 0) & ~np.isfinite(value)
        nodes[here] = index
        kind = np.where(np.isnan(value), 0, np.where(value > 0, 1, 2))
        reasons[here] = (1 + kind + in_branch)[here]
        if (nodes >= 0).all():
            return result
    for index, node in program.calls():
        for slope in _slopes(program, node, columns):
            here = (nodes < 0) & ~np.isfinite(np.broadcast_to(slope, len(points)))
            nodes[here], reasons[here] = index, REASONS.index(INFINITE_DERIVATIVE)
    return result


def _values(program: Program, columns: Mapping[str, Array], count: int) -> Array:
    """Return the values of a program at n points, shape (n,)."""
    values: Array = np.broadcast_to(evaluate(program, _restricted(program, columns)), count)
    return values


def _restricted(program: Program, columns: Mapping[str, Array]) -> dict[str, Array]:
    """Return the columns of the inputs; all columns if there is no input: they have n points."""
    return {n: x for n, x in columns.items() if n in program.inputs} or dict(columns)


def _slopes(program: Program, node: Call, columns: Mapping[str, Array]) -> Iterator[Array]:
    """Yield the partial derivatives of a call with respect to its operands, shape (n,)."""
    values = [
        evaluate(program.at(a), _restricted(program.at(a), columns))
        for a in node.operands
        if not _is_condition(program, a)
    ]
    row = CATALOGUE[node.function]
    texts = row.derivative if isinstance(row.derivative, tuple) else (row.derivative,)
    with np.errstate(all="ignore"):
        if row.is_power and len(values) == 2:
            yield values[1] * values[0] ** (values[1] - 1)
        elif row.operator == "/":
            yield 1 / values[1]
        elif row.derivative is not None and len(values) == len(row.parameters):
            column = row.column("numpy")
            if column is None:
                return
            bound = {p.name: v for p, v in zip(row.parameters, values, strict=True)}
            bound["result"] = column(*values)
            for text in texts:
                if text is not None:
                    yield np.asarray(read(template(text), ARRAYS, bound))


def _is_condition(program: Program, node: int) -> bool:
    call = program.nodes[node]
    return isinstance(call, Call) and CATALOGUE[call.function].returns == "condition"
