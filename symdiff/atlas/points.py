"""The points of a call: the zeros of its own switches, as requests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from symdiff.arithmetics.arrays import evaluate
from symdiff.array_types import Array, Mask
from symdiff.atlas.cases import Case
from symdiff.comparison.compare import plan_of
from symdiff.comparison.scalars import Plan
from symdiff.grid.grid import Role
from symdiff.grid.switches import Switch, find_factors
from symdiff.program import parse
from symdiff.request.options import Options
from symdiff.request.parsed import parse_request
from symdiff.request.request import Label, Request

# Where the zeros of switches along a variable are searched: kinks of activations are at 3 and 6.
_RANGE: Final = "-8:8:9"
# The most zeros along a line, those next to 0: a step has one at every integer.
_MOST: Final = 3
# With more variables than this, zeros are searched along the first one only.
_SYMMETRIC: Final = 2
# A switch below this is taken for 0: a zero such as 1/3 is not a double.
_ZERO: Final = 1e-12


def requests_of(case: Case) -> tuple[Request, ...]:
    """Return requests for the points where switches of a call are zero, one for each line of them.

    One variable moves. The others are 0, so that all variables meet in ties, or 1, 2, ... in order,
    so that no two of them do. Of points where the same switches are zero, the first is kept; with
    three variables, the first on each of the two lines, since others may be zero beside them.

    Raises
    ------
    InputError
        The call cannot be parsed, or its shapes do not fit.

    Examples
    --------
    >>> [request.at for request in requests_of(Case("clamp", "clamp(x, y, z)"))]
    [{'x': ['-2', '0'], 'y': ['0'], 'z': ['0']}, {'x': ['2', '3'], 'y': ['2'], 'z': ['3']}]
    """
    program = parse(case.text)
    seen: set[tuple[int, ...]] = set()
    requests = []
    for moving, others in _lines(tuple(sorted(program.inputs, key=_position))):
        grid = {name: others.get(name, _RANGE) for name in program.inputs}
        plan = plan_of(parse_request(Request(expression=program, grid=grid)), Options())
        seen = seen if len(program.inputs) <= _SYMMETRIC else set()
        zeros = _zeros(plan, moving, seen)
        if zeros:
            at = {n: [others[n]] if n in others else zeros for n in sorted(grid, key=_position)}
            label = Label(name=case.text, note=case.function)
            requests.append(Request(expression=program, at=at, label=label))
    return tuple(requests)


def _position(name: str) -> tuple[int, str]:
    """Return a key that sorts w behind x, y and z."""
    return "xyzw".find(name), name


def _lines(names: Sequence[str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the variable that moves, and the values of the others."""
    moving = names if len(names) <= _SYMMETRIC else names[:1]
    for is_tied, name in itertools.product((True, False), moving):
        others = {n: "0" if is_tied else str(i) for i, n in enumerate(names, start=1) if n != name}
        if others or is_tied:
            yield name, others


def _zeros(plan: Plan, moving: str, seen: set[tuple[int, ...]]) -> list[str]:
    """Return the coordinates along a variable where other switches are zero than seen before.

    They are those next to 0, in order. `seen` gets their switches.
    """
    grid = plan.grid
    j = grid.names.index(moving)
    kinks = np.flatnonzero(grid.roles == Role.KINK)
    nearest = sorted(kinks.tolist(), key=lambda i: (abs(grid.points[i, j]), grid.points[i, j]))
    columns = {name: column[nearest] for name, column in grid.columns().items()}
    factors = [s for case in plan.cases for s in find_factors(case.problem.program)]
    zeros = [_is_zero(switch, columns, len(nearest)) for switch in factors]
    kept: dict[int, str] = {}
    for k, i in enumerate(nearest):
        key = tuple(number for number, zero in enumerate(zeros) if zero[k])
        if key not in seen and len(kept) < _MOST:
            seen.add(key)
            kept[i] = grid.exact.get((i, j)) or f"{grid.points[i, j]:.17g}"
    return [kept[i] for i in sorted(kept)]


def _is_zero(switch: Switch, columns: Mapping[str, Array], count: int) -> Mask:
    """Return at which points a switch is zero, or an integer if these count; shape (count,)."""
    given = {name: columns[name] for name in switch.program.inputs}
    with np.errstate(all="ignore"):
        values = np.broadcast_to(np.asarray(evaluate(switch.program, given)), (count,))
        is_zero: Mask = np.abs(values - np.round(values) * switch.crosses_integers) <= _ZERO
    return is_zero
