"""How far rounding may take the engines on PyTorch: bounds in torch's formulas and dtypes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds.own_ways import AnyWay, AnyWayOfTrace
from symdiff.arithmetics.bounds.rounding import is_overflow, rounded_ball, slope_radius
from symdiff.arithmetics.bounds.ties import ReorderedSums, ReverseMode
from symdiff.catalogue import CATALOGUE
from symdiff.engines.base import Allowance, Problem, rounding_in
from symdiff.engines.callables import dtype_of
from symdiff.engines.directional import DirectionalBound, DirectionalProblem
from symdiff.engines.formulas import unclear_part
from symdiff.engines.running import check_memory
from symdiff.engines.tensor_gradients import dtype_at
from symdiff.errors import describe
from symdiff.program import Program
from symdiff.program.traced import TracedProgram
from symdiff.program.values import DTYPES, Dtype

__all__ = ["allowance_along", "allowance_at"]


def allowance_at(
    problem: Problem, variable: str, point: int, *, reordered: bool = False
) -> Allowance:
    """Return how far rounding may take an engine that runs a problem in torch, at one point.

    Parameters
    ----------
    problem, variable, point
        The program or the callable, and where it is differentiated.
    reordered
        Whether the engine may compute the program by other formulas than torch's own.
    """
    if problem.function is not None and problem.tensor_problem is None:
        return _allowance_of_callable(problem, variable, point)
    balls = problem.balls(point)
    if problem.tensor_problem is None:
        mode = AnyWay if reordered else ReverseMode
        return _rounded(problem.program, variable, balls, problem.format.dtype, mode)
    program = problem.tensor_problem.backward_formula or problem.program
    dtype, mode = problem.tensor_problem.dtype, AnyWay if reordered else ReorderedSums
    if problem.function is not None:
        dtype = dtype_at(problem, problem.tensor_problem, problem.function, point)
        is_traced = isinstance(problem.tensor_problem.program, TracedProgram)
        mode = AnyWayOfTrace if is_traced else AnyWay
    return _rounded(program, variable, balls, dtype, mode)


def allowance_along(problem: DirectionalProblem, name: str, bound: DirectionalBound) -> Allowance:
    """Return what rounding may do along a direction, in torch's formulas and dtypes."""
    if any(CATALOGUE[call.function].has_backward_formula for _, call in problem.program.calls()):
        bound = problem.bound(name, backward_formula=True)
    error = bound.slope_error if math.isfinite(bound.slope_error) else math.nan
    dtype = problem.tensor_problem.dtype
    return Allowance(4 * 2.0 ** (53 - dtype.bits) * error, rounded_in=dtype.name)


def _allowance_of_callable(problem: Problem, variable: str, point: int) -> Allowance:
    """Return what rounding may do in the dtype in which a callable computes at a point."""
    here = problem.part(np.array([point]))
    try:
        name = dtype_of(here)
    except Exception as error:  # noqa: BLE001  (a callable may raise anything: no bound is known)
        check_memory(error)
        return Allowance(math.nan, reason=f"the callable failed at this point: {describe(error)}")
    dtype = DTYPES[name]
    for n, x in here.columns.items():
        if np.isfinite(x[0]) and not np.isfinite(dtype.rounded(x[0])):
            return Allowance(math.nan, reason=f"{n} is infinite in {name}")
    balls = {n: rounded_ball(float(x[0]), dtype) for n, x in here.columns.items()}
    allowance = _rounded(here.program, variable, balls, dtype, AnyWay)
    if allowance.radius == 0 and not allowance.overflows:
        exact = slope_radius(here.program, variable, here.balls(0), dtype, AnyWay)
        if exact > 0:
            why = f"a coordinate that is rounded to {name} may be where the derivative is infinite"
            return Allowance(math.nan, reason=why)
    return allowance


def _rounded(
    program: Program,
    variable: str,
    balls: Mapping[str, Ball],
    dtype: Dtype,
    mode: type[ReverseMode],
) -> Allowance:
    """Return what rounding, underflow and overflow may do to torch's derivative."""
    radius = slope_radius(program, variable, balls, dtype, mode)
    return Allowance(
        radius,
        reason=rounding_in(dtype),
        rounded_in=dtype.name,
        overflows=is_overflow(program, variable, balls, dtype, radius),
        unclear=unclear_part(program, variable, balls, dtype, mode) if radius == 0 else 0.0,
    )
