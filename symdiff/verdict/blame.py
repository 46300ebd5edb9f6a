"""Find the call to blame for an engine's number that is not the derivative."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.arrays import evaluate
from symdiff.arithmetics.bounds.conditioning import cancelling_node
from symdiff.engines.base import Problem
from symdiff.grid.switches import find_switches
from symdiff.program import Program
from symdiff.program.nodes import Call, Input
from symdiff.program.values import DTYPES

# Largest distance from zero, relative to the coordinates, of a switch to blame: some
# finite-difference steps.
_NEAR: Final = 1e-4


@functools.lru_cache(maxsize=16)  # asked for every variable
def first_call(program: Program, function: str) -> int:
    """Return the node of the first call of a function, or -1."""
    return next((index for index, node in program.calls() if node.function == function), -1)


@functools.lru_cache(maxsize=16)
def result_of_custom_function(program: Program, variable: str) -> int:
    """Return the last node from the `forward` of the custom Function to blame, or -1.

    A number that no kink and no rounding explains comes from a `backward` that somebody has
    written, if there is one between the variable and the value. Where there are several, none is
    to blame more than the others.
    """
    varying: set[int] = set()
    has_variable = variable in program.inputs
    found: dict[int, str] = {}
    for i in program.order:
        node = program.nodes[i]
        if isinstance(node, Input) and node.name == variable:
            varying.add(i)
        if isinstance(node, Call) and not varying.isdisjoint(node.operands):
            varying.add(i)
        names = {program.sources[span.source].inside for span in program.spans[i]} - {""}
        if names and (i in varying or not has_variable):
            found[i] = min(names)
    return max(found, default=-1) if len(set(found.values())) == 1 else -1


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


def cancelling_nodes(
    problem: Problem, points: NDArray[np.intp], variable: str, dtype: str
) -> NDArray[np.intp]:
    """Return the nodes that lose the digits of a derivative at some points, shape (k,).

    Parameters
    ----------
    problem
        The program and its points.
    points
        The indices of k points.
    variable
        The variable.
    dtype
        The dtype of the computation.
    """
    nodes = [
        cancelling_node(problem.program, variable, problem.balls(i), DTYPES[dtype])
        for i in points.tolist()
    ]
    return np.array(nodes, dtype=np.intp)
