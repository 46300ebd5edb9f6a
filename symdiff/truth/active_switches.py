"""Active switches: the switches of a program that are zero at a point."""

from __future__ import annotations

import math
from collections.abc import Mapping

from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.germs import Budget, Unknown, Value
from symdiff.arithmetics.series.puiseux import Algebra, Germ, constant_germ
from symdiff.arithmetics.series.reals import Real, UndecidedError
from symdiff.grid.switches import Switch, find_switches
from symdiff.program import Program


def active_switches(program: Program, point: Mapping[str, Real]) -> list[Program] | None:
    """Return the switches that are zero at a point, with proof; None if one is undecided.

    A switch that crosses integers is active where it is an integer.

    Parameters
    ----------
    program
        The expression.
    point
        The exact coordinates of every input.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> [len(active_switches(parse("relu(x) + abs(x - 1)"), {"x": Real.of(x)})) for x in (0, 2)]
    [1, 0]
    """
    inputs: dict[str, Value] = {name: constant_germ(x) for name, x in point.items()}
    values: dict[int, Value] = {}  # of the nodes, which the switches share
    activity = [(switch, _is_active(switch, inputs, values)) for switch in find_switches(program)]
    if any(is_active is None for _, is_active in activity):
        return None
    return [switch.program for switch, is_active in activity if is_active]


def variables_sharing_switches(program: Program, point: Mapping[str, Real]) -> list[frozenset[str]]:
    """Return the groups of inputs that share switches which are or may be zero at a point.

    Where a switch changes its sign, the gradient changes by a multiple of that of the switch. So
    the Clarke set is the product of the sets of the groups, and of the intervals along the axes of
    the other inputs.

    Parameters
    ----------
    program
        The expression.
    point
        The exact coordinates of every input.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> point = dict.fromkeys("xyzw", Real.of(1))
    >>> groups = variables_sharing_switches(parse("abs(x - y) + abs(z - 1)*w"), point)
    >>> [sorted(group) for group in groups]
    [['x', 'y']]
    """
    switches = active_switches(program, point)
    shared = [program.inputs] if switches is None else [s.inputs for s in switches]
    groups: list[frozenset[str]] = []
    for inputs in shared:
        joined = frozenset(inputs)
        apart = []
        for group in groups:
            if group & joined:
                joined |= group
            else:
                apart.append(group)
        groups = [*apart, joined]
    return [group for group in groups if len(group) > 1]


def _is_active(
    switch: Switch, inputs: Mapping[str, Value], values: dict[int, Value]
) -> bool | None:
    """Return whether a switch is zero (or an integer, if it crosses these); None if undecided."""
    value = germs.evaluate(switch.program, inputs, cache=values)
    if isinstance(value, Unknown):
        return None
    if not isinstance(value, Germ):
        return False
    algebra = Algebra(1, Budget().bits)
    number = value.constant
    try:
        if switch.crosses_integers:
            middle = float(number.ball(64).mid())
            if not math.isfinite(middle):
                return None
            number = number - Real.of(round(middle))
        return algebra.sign(number) == 0
    except UndecidedError:
        return None
