"""How far rounding may take engines that evaluate a formula, or the program as written."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds.rounding import (
    FLOAT64,
    is_bounded,
    is_overflow,
    rounded_ball,
    slope_radius,
    units_of_operations,
)
from symdiff.arithmetics.bounds.symbolic_balls import formula_radius
from symdiff.arithmetics.bounds.ties import ReverseMode
from symdiff.engines.base import ROUNDING, Allowance, Problem
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.values import Dtype


def formula_allowance(
    problem: Problem,
    variable: str,
    point: int,
    derivative: Any,  # noqa: ANN401  (of sympy or symengine)
) -> Allowance:
    """Return the allowance of an engine that evaluates a formula of its own for the derivative.

    The formula may lose more digits than the program's derivative as it is written, or fewer. The
    allowance is the larger of the two. If the formula's own error is unknown, so is the allowance.
    """
    return rounding_allowance(
        problem, variable, point, functools.partial(formula_radius, derivative)
    )


def rounding_allowance(
    problem: Problem, variable: str, point: int, own_radius: Callable[[Mapping[str, Ball]], float]
) -> Allowance:
    """Return the allowance of an engine, given a function that bounds the error of its formula.

    The function gets a ball for every input; it returns what `formula_radius` does.
    """
    balls = problem.balls(point)
    try:
        own = own_radius(balls)
    except Unsupported as error:
        return Allowance(math.nan, reason=f"no bound on the rounding error of its formula: {error}")
    if math.isnan(own):
        return Allowance(math.nan, reason="the formula of the engine is undefined here")
    return Allowance(float(np.fmax(own, slope_radius(problem.program, variable, balls))))


def bound_or_nan(bound: Callable[[], float]) -> float:
    """Return a bound of a rounding error, NaN where a function has no enclosure."""
    try:
        return bound()
    except Unsupported:
        return math.nan


def program_allowance(
    problem: Problem, variable: str, point: int, dtype: Dtype = FLOAT64
) -> Allowance:
    """Return the allowance of an engine that differentiates the program in a dtype as written.

    It may add the terms of a gradient in any order.
    """
    x = {name: float(column[point]) for name, column in problem.columns.items()}
    balls = {name: rounded_ball(value, dtype) for name, value in x.items()}
    radius = slope_radius(problem.program, variable, balls, dtype, ReverseMode)
    moved = [name for name, ball in balls.items() if not ball.is_exact()]
    if moved and (radius == 0 or not math.isfinite(radius)):
        reason = (
            f"{', '.join(moved)} is rounded in {dtype.name}, to where the slope may be infinite"
        )
        return Allowance(math.nan, reason=reason, is_elsewhere=True)
    return Allowance(
        radius,
        reason=ROUNDING if dtype == FLOAT64 else f"{ROUNDING} in {dtype.name}",
        rounded_in=dtype.name,
        overflows=is_overflow(problem.program, variable, balls, dtype, radius),
        unclear=unclear_part(problem.program, variable, balls, dtype) if radius == 0 else 0.0,
    )


def unclear_part(
    program: Program,
    variable: str,
    balls: Mapping[str, Ball],
    dtype: Dtype,
    mode: type[ReverseMode] = ReverseMode,
) -> float:
    """Return `Allowance.unclear` where the bound of rounding is 0.

    In a coarse format a number may be some units in the last place off where the derivative exists
    and balls do not bound it, as on the cut of atan2.
    """
    if dtype.bits >= FLOAT64.bits or is_bounded(program, variable, balls, dtype, mode):
        return 0.0
    return units_of_operations(program) * 2.0 ** (1 - dtype.bits)
