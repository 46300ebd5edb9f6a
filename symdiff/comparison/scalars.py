"""The plan for an expression whose variables are numbers, and the check of its spellings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from symdiff.arithmetics.bounds.estimates import estimate
from symdiff.arithmetics.bounds.models import Estimate
from symdiff.array_types import Array
from symdiff.comparison.evidence import Tensors, Trial
from symdiff.comparison.trial import Case
from symdiff.engines.base import Problem
from symdiff.errors import Unsupported, UsageError
from symdiff.grid.grid import Grid, make_grid
from symdiff.grid.points import MAX_POINTS_IN_MEMORY, Axis, LongRange, axes
from symdiff.program import Program
from symdiff.request.options import Options
from symdiff.request.parsed import ParsedRequest

# Points of a long range at which the values of spellings are compared.
_SAMPLED_POINTS: Final = 10_001


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be tried.

    Attributes
    ----------
    grid
        The points.
    variables
        What the expression is differentiated with respect to: inputs, or their components.
    cases
        The functions to be tried.
    trials
        Those that have been tried already: directional derivatives of what is too large.
    tensors
        What there is to know of a program on tensors.
    line
        A range too long to be held: then the grid has its ends and kinks.
    """

    grid: Grid
    variables: tuple[str, ...]
    cases: tuple[Case, ...] = ()
    trials: tuple[Trial, ...] = ()
    tensors: Tensors | None = None
    line: LongRange | None = None


def plan_on_numbers(parsed: ParsedRequest, options: Options) -> Plan:
    """Return the plan for an expression whose variables are numbers.

    Raises
    ------
    InputError
        A variable, a grid or a spelling cannot be used.
    """
    program = parsed.program
    variables = parsed.variables()
    for claim in parsed.claims:
        if claim.index is not None or claim.output is not None:
            message = f"a claim for {claim.key!r}: the expression and its variables are numbers"
            raise UsageError(message, hint=f"write {claim.variable} = ...")
    wanted = axes(program.inputs, parsed.request.grid, parsed.request.at)
    line = only_line(wanted)
    points = make_grid(
        tuple(parsed.programs.values()),
        wanted,
        kinks=options.kinks,
        max_points=options.max_points,
        seed=options.seed,
    )
    columns = points.columns()
    looked_at = columns if line is None else {n: _sample(line, x) for n, x in columns.items()}
    for name, other in parsed.spellings.items():
        check_same_values(program, name, other, looked_at, points.names)
    claims = {claim.variable: claim.program for claim in parsed.claims}
    cases = tuple(
        Case(
            problem=Problem(other, columns, variables, None if spelling else parsed.function),
            spelling=spelling,
            claims={} if spelling else claims,
        )
        for spelling, other in parsed.programs.items()
    )
    return Plan(grid=points, variables=variables, cases=cases, line=line)


def only_line(wanted: Sequence[Axis]) -> LongRange | None:
    """Return the range that is too long to be held, if there is one.

    Raises
    ------
    UsageError
        It does not stand alone.
    """
    long = [axis for axis in wanted if axis.long_range is not None]
    if long and len(wanted) > 1:
        message = (
            f"{long[0].name}: a range of more than {MAX_POINTS_IN_MEMORY} points needs an "
            "expression of one variable"
        )
        raise UsageError(message, hint="take fewer points")
    return long[0].long_range if long else None


def _sample(line: LongRange, special: Array) -> Array:
    """Return some points of a long range, and the special ones."""
    return np.concatenate([special, np.linspace(line.low, line.high, _SAMPLED_POINTS)])


def check_same_values(
    program: Program,
    spelling: str,
    other: Program,
    columns: Mapping[str, Array],
    shown: Sequence[str],
) -> None:
    """Refuse a spelling whose value is proved to be another one at a point of the grid.

    Points at which either is undefined, or too uncertain, prove nothing.

    Parameters
    ----------
    program, other
        The expression and its spelling.
    spelling
        The name of the latter.
    columns
        For every input its coordinates at the points to look at, shape (n,).
    shown
        The inputs that a message names.

    Raises
    ------
    UsageError
        With the point at which the two are farthest apart.
    """
    try:
        first, second = (estimate(p, columns, None) for p in (program, other))
    except Unsupported:
        return
    count = len(next(iter(columns.values()))) if columns else 1
    apart = _apart(first, second, count)
    if not apart.any():
        return
    i = int(np.argmax(apart))
    place = ", ".join(f"{name} = {columns[name][i]:.6g}" for name in shown)
    values = [float(np.broadcast_to(e.value, count)[i]) for e in (second, first)]
    message = (
        f"spelling {spelling!r} is another function: at {place} it is {values[0]:.9g}, "
        f"and the expression is {values[1]:.9g}"
    )
    raise UsageError(message, hint="correct it, or make it an entry of its own")


def _apart(first: Estimate, second: Estimate, count: int) -> np.ndarray:
    """Return how far two values are apart beyond what rounding may explain, 0 elsewhere."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(first.value - second.value) - 2 * (first.error + second.error)
    gap = np.broadcast_to(gap, count)
    return np.where(np.isfinite(gap) & (gap > 0), gap, 0.0)
