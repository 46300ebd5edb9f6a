"""How far rounding may take the engines on PyTorch: bounds in torch's formulas and dtypes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import flint
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
        if dtype.bits < problem.tensor_problem.dtype.bits:  # the code may round its inputs, too
            numbers = {name: float(x[point]) for name, x in problem.columns.items()}
            return _rounded_inputs(program, variable, numbers, dtype, mode)
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
    numbers = {n: float(x[0]) for n, x in here.columns.items()}
    return _rounded_inputs(here.program, variable, numbers, dtype, AnyWay)


def _rounded_inputs(
    program: Program,
    variable: str,
    numbers: Mapping[str, float],
    dtype: Dtype,
    mode: type[ReverseMode],
) -> Allowance:
    """Return the allowance of code that may round its inputs to the dtype first, or may not."""
    balls = {name: rounded_ball(x, dtype) for name, x in numbers.items()}
    allowance = _rounded(program, variable, balls, dtype, mode)
    if allowance.radius == 0 and not allowance.overflows:
        exact = {name: flint.arb(x) for name, x in numbers.items()}
        if slope_radius(program, variable, exact, dtype, mode) > 0:
            where = "may be where the derivative is infinite"
            why = f"a coordinate that is rounded to {dtype.name} {where}"
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
