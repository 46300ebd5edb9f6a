"""Plan the comparison of an expression whose variables are numbers, and check its spellings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.bounds.estimates import estimate
from symdiff.arithmetics.bounds.models import Estimate
from symdiff.array_types import Array
from symdiff.comparison.evidence import Tensors, Trial
from symdiff.comparison.second_order import first_claims, second_claims, second_order_cases
from symdiff.comparison.trial import Case
from symdiff.engines.base import Problem
from symdiff.engines.in_format import dtype_of_points
from symdiff.errors import Unsupported, UsageError
from symdiff.grid.grid import Grid, make_grid
from symdiff.grid.points import MAX_POINTS_IN_MEMORY, Axis, LongRange, Spec, axes, axis
from symdiff.program import Program
from symdiff.program.values import Dtype
from symdiff.request.options import Options
from symdiff.request.parsed import ParsedRequest


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The grid of a comparison, and the functions to run the engines on.

    Attributes
    ----------
    grid
        The points.
    variables
        The inputs, or their components, to differentiate with respect to.
    cases
        The scalar functions on which the engines are still to run.
    trials
        The finished trials of a large tensor program, run along directions; `cases` is then empty.
    tensors
        Shapes and values of a tensor program; None if the variables are numbers.
    long_range
        The range of the variable, if it has more points than fit into memory, or None. `grid` then
        has only the ends of the range, the kinks and their neighbours.
    """

    grid: Grid
    variables: tuple[str, ...]
    cases: tuple[Case, ...] = ()
    trials: tuple[Trial, ...] = ()
    tensors: Tensors | None = None
    long_range: LongRange | None = None


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
    asked = parsed.request
    points_along = axes(program.inputs, asked.grid, asked.at, is_paired=asked.zip)
    long_range = only_long_range(points_along)
    dtype = dtype_of_points(options.engines)
    if long_range is not None and dtype is not None:
        message = f"a range of more than {MAX_POINTS_IN_MEMORY} points is compared in float64 only"
        raise UsageError(message, hint="take fewer points, or leave out dtype")
    grid = make_grid(
        tuple(parsed.programs.values()),
        points_along,
        kinks=options.kinks,
        max_points=options.max_points,
        seed=options.seed,
        dtype=dtype,
    )
    columns = grid.columns()
    is_first = options.order == 1
    claims = {c.variable: c.program for c in first_claims(parsed)} if is_first else {}
    cases = tuple(
        Case(
            problem=Problem(other, columns, variables, None if spelling else parsed.function),
            spelling=spelling,
            claims={} if spelling else claims,
            expression=program if spelling else None,
        )
        for spelling, other in parsed.programs.items()
    )
    if options.order > 1:
        cases = second_order_cases(cases, variables, second_claims(parsed))
    return Plan(grid=grid, variables=variables, cases=cases, long_range=long_range)


def requested_points(
    grid: Grid,
    scalars: Sequence[str],
    at: Mapping[str, Spec] | None,
    dtype: Dtype | None = None,
) -> NDArray[np.intp]:
    """Return the indices of the points of a grid that `at` asks for.

    At these points, the coordinate along every variable in `at` is one that `at` lists. There are
    none if `at` has a long range.

    Parameters
    ----------
    grid
        The points, which include those of `at`.
    scalars
        The variables that vary over the grid.
    at
        Points by variable, as in the request.
    dtype
        The dtype to whose numbers the points of the grid were rounded.

    Examples
    --------
    >>> points_along = axes(["x"], {"x": "0:1:3"}, {"x": ["1/3", 1]})
    >>> grid = make_grid([], points_along)
    >>> requested_points(grid, ["x"], {"x": ["1/3", 1]}).tolist(), grid.points[:, 0].round(2)
    ([1, 3], array([0.  , 0.33, 0.5 , 1.  ]))
    """
    names = [name for name in scalars if name in (at or {})]
    if at is None or not names:
        return np.zeros(0, dtype=np.intp)
    requested = np.ones(len(grid), dtype=bool)
    for name in names:
        points, j = axis(name, at[name]), grid.names.index(name)
        if points.long_range is not None:
            return np.zeros(0, dtype=np.intp)
        given = np.delete(points.values, list(points.exact))
        given = given if dtype is None else dtype.rounded(given)
        is_given = np.isin(grid.points[:, j], given)
        texts = set(points.exact.values())
        for (i, k), text in grid.exact.items():
            if k == j:
                is_given[i] = text in texts
        requested &= is_given
    return np.flatnonzero(requested)


def only_long_range(points_along: Sequence[Axis]) -> LongRange | None:
    """Return the range that has more points than fit into memory, or None.

    Raises
    ------
    UsageError
        There is such a range, and the expression has more than one variable.
    """
    long_axes = [axis for axis in points_along if axis.long_range is not None]
    if long_axes and len(points_along) > 1:
        message = (
            f"{long_axes[0].name}: a range of more than {MAX_POINTS_IN_MEMORY} points needs an "
            "expression of one variable"
        )
        raise UsageError(message, hint="take fewer points")
    return long_axes[0].long_range if long_axes else None


def check_same_values(
    program: Program,
    spelling: str,
    other: Program,
    columns: Mapping[str, Array],
    shown: Sequence[str],
) -> None:
    """Raise UsageError if the value of a spelling is certified to differ at one of the points.

    Points where a value is undefined, or its error bound too large, are ignored.

    Parameters
    ----------
    program, other
        The expression and its spelling.
    spelling
        The name of the spelling.
    columns
        The coordinates of the points by input, each of shape (n,).
    shown
        The inputs whose coordinates the message shows.

    Raises
    ------
    UsageError
        The values differ. The message shows the point where they differ most.
    """
    try:
        first, second = (estimate(p, columns, None) for p in (program, other))
    except Unsupported:
        return
    count = len(next(iter(columns.values()))) if columns else 1
    gaps = _gaps(first, second, count)
    if not gaps.any():
        return
    i = int(np.argmax(gaps))
    point = ", ".join(f"{name} = {columns[name][i]:.6g}" for name in shown)
    values = [float(np.broadcast_to(e.value, count)[i]) for e in (second, first)]
    raise another_function(spelling, point, *values)


def another_function(spelling: str, where: str, value: float, expected: float) -> UsageError:
    """Return the error about a spelling whose value differs from that of the expression."""
    message = (
        f"spelling {spelling!r} is a different function: at {where} it is {value:.9g}, "
        f"and the expression is {expected:.9g}"
    )
    return UsageError(message, hint="correct it, or make it a separate entry")


def _gaps(first: Estimate, second: Estimate, count: int) -> np.ndarray:
    """Return by how much two values differ beyond twice their error bounds; shape (n,)."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(first.value - second.value) - 2 * (first.error + second.error)
    gap = np.broadcast_to(gap, count)
    return np.where(np.isfinite(gap) & (gap > 0), gap, 0.0)
