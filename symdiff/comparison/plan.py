"""What was asked about one expression, and the plan: the grid, and the functions to be tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from symdiff.array_types import Array
from symdiff.comparison.evidence import Options, Tensors, Trial
from symdiff.comparison.spellings import check_same_values
from symdiff.comparison.trial import Case
from symdiff.engines.base import Problem
from symdiff.errors import UsageError, did_you_mean
from symdiff.grid.grid import Grid, make_grid
from symdiff.grid.points import MAX_POINTS_IN_MEMORY, Axis, LongRange, Spec, axes
from symdiff.program import Program
from symdiff.request.claims import Claimed

_LOOKED_AT: Final = 10_001  # points of a long range at which spellings are compared


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked about one expression.

    Attributes
    ----------
    program
        The expression as written.
    spellings
        Other programs for the same function, by name.
    function
        A callable on torch tensors that stands for the expression, if there is one.
    grid, at
        Points along each variable, to which kinks are added, and to which nothing is.
    wrt
        The variables to differentiate with respect to; None: all.
    claims
        Derivatives that somebody asserts.
    values
        For tensors their values, as they were given.
    cotangent
        What `backward` is called with: numbers in the shape of the expression's value, or several
        of them, or an expression; None: nothing.
    tangent
        For some inputs the direction to go.
    accumulate
        How often `backward` is called.
    """

    program: Program
    spellings: Mapping[str, Program] = dataclasses.field(default_factory=dict)
    function: Callable[..., Any] | None = None
    grid: Mapping[str, Spec] = dataclasses.field(default_factory=dict)
    at: Mapping[str, Spec] | None = None
    wrt: Sequence[str] | None = None
    claims: tuple[Claimed, ...] = ()
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cotangent: Any = None
    tangent: Mapping[str, Any] | None = None
    accumulate: int = 1

    @property
    def programs(self) -> dict[str, Program]:
        """The expression under "", and its spellings."""
        return {"": self.program, **self.spellings}

    def variables(self) -> tuple[str, ...]:
        """Return the inputs to differentiate with respect to.

        Raises
        ------
        UsageError
            One is no input, or a claim is for one that is left out.
        """
        inputs = self.program.inputs
        wanted = inputs if self.wrt is None else tuple(dict.fromkeys(self.wrt))
        for name in wanted:
            if name not in inputs:
                message = f"the expression has no variable {name[:40]!r}"
                known = f"its variables: {', '.join(inputs) or 'none'}"
                raise UsageError(message, hint=did_you_mean(name, inputs) or known)
        for claim in self.claims:
            if claim.variable not in wanted:
                message = f"a claim for {claim.variable!r}, and wrt leaves it out"
                raise UsageError(message, hint="add it to wrt")
        return wanted


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


def plan_on_numbers(question: Question, options: Options) -> Plan:
    """Return the plan for an expression whose variables are numbers.

    Raises
    ------
    InputError
        A variable, a grid or a spelling cannot be used.
    """
    program = question.program
    variables = question.variables()
    for claim in question.claims:
        if claim.place is not None or claim.output is not None:
            message = f"a claim for {claim.key!r}: the expression and its variables are numbers"
            raise UsageError(message, hint=f"write {claim.variable} = ...")
    wanted = axes(program.inputs, question.grid, question.at)
    line = only_line(wanted)
    points = make_grid(
        tuple(question.programs.values()),
        wanted,
        kinks=options.kinks,
        max_points=options.max_points,
        seed=options.seed,
    )
    columns = points.columns()
    looked_at = columns if line is None else {n: _sample(line, x) for n, x in columns.items()}
    for name, other in question.spellings.items():
        check_same_values(program, name, other, looked_at, points.names)
    claims = {claim.variable: claim.program for claim in question.claims}
    cases = tuple(
        Case(
            problem=Problem(other, columns, variables, None if spelling else question.function),
            spelling=spelling,
            claims={} if spelling else claims,
        )
        for spelling, other in question.programs.items()
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
        message = f"{long[0].name}: a range of more than {MAX_POINTS_IN_MEMORY} points stands alone"
        raise UsageError(message, hint="take fewer points of an expression in several variables")
    return long[0].long_range if long else None


def _sample(line: LongRange, special: Array) -> Array:
    """Return some points of a long range, and the special ones."""
    return np.concatenate([special, np.linspace(line.low, line.high, _LOOKED_AT)])
