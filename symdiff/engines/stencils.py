"""Differences, and what they must give at their stencil: the same formula on balls around f."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping, Sequence

import flint
import numpy as np

from symdiff.arithmetics.arrays import evaluate, held_nodes
from symdiff.arithmetics.balls import DOUBLE, Ball, radius_of
from symdiff.arithmetics.bounds.own_ways import AnyWay
from symdiff.arithmetics.bounds.rounding import FLOAT64, rounded_ball, value_ball
from symdiff.arithmetics.bounds.ties import BothBranches
from symdiff.arithmetics.reading import detached_values
from symdiff.array_types import Array
from symdiff.engines.base import (
    LEAVES_DOMAIN,
    TRUNCATION,
    Allowance,
    Problem,
    Samples,
    Traits,
)
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.values import Dtype

_UNDERFLOW = flint.arb(0, 2.0**-1070)  # bound on what gradual underflow adds to f(x+h) - f(x-h)
_EPSILON = float(np.finfo(np.float64).eps)
_TERMS = 32.0  # bound on the sum of the weights of an adaptive formula, in units of 1/h

# From a function of x and of what belongs to every point, x, and the latter, to the derivatives and
# their errors.
Adaptive = Callable[[Callable[..., Array], Array, Sequence[Array]], tuple[Array, Array]]


def stencil_allowance(  # noqa: PLR0913, PLR0917  (the parts of a difference quotient)
    problem: Problem,
    variable: str,
    point: int,
    ends: Sequence[float],
    weights: Sequence[float],
    width: float,
    dtype: Dtype = FLOAT64,
) -> Allowance:
    """Return the allowance of a difference quotient, from a ball of it with rounding included.

    Parameters
    ----------
    problem, variable, point
        Where the difference is taken, and along which input.
    ends
        The numbers at which the function is evaluated.
    weights
        Their factors in the sum that is divided by the width.
    width
        What the sum is divided by.
    dtype
        The dtype in which the function is evaluated.
    """
    values = _values(problem, variable, point, dtype)
    if values is None:
        return Allowance(math.nan)
    balls = [values(end) for end in ends]
    if any(ball is None or _is_infinite(ball) for ball in balls):
        return Allowance(stencil_leaves_domain=True)
    with flint.ctx.workprec(DOUBLE):
        total = _UNDERFLOW
        for weight, ball in zip(weights, balls, strict=True):
            total += flint.arb(weight) * ball
        quotient = total / flint.arb(width)
    if not quotient.is_finite():
        return Allowance(math.nan)
    words = TRUNCATION if dtype == FLOAT64 else f"{TRUNCATION} in {dtype.name}"
    return Allowance(radius_of(quotient), float(quotient.mid()), words, rounded_in="")


@dataclasses.dataclass(frozen=True, slots=True)
class AdaptiveDifferences:
    """An engine that chooses its steps by the values that it gets; see `base.Engine`.

    Attributes
    ----------
    name
        The name that users type.
    formula
        The function of a library that differentiates.
    least_step
        The smallest step that rounding may make it take; infinity if its choice for one point does
        not depend on the other points.
    """

    name: str
    formula: Adaptive
    least_step: float = math.inf

    @property
    def traits(self) -> Traits:
        """It gets the formula alone."""
        return Traits(modes=("differences",), runs_in_chunks=False)

    def differentiate(self, problem: Problem) -> Samples:
        """Return the derivatives, with the program's own values."""
        slopes = {name: self._slopes(problem, name) for name in problem.variables}
        return Samples(slopes, values=evaluate(problem.program, dict(problem.columns)))

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        """Return nothing: `allowance` has the library's estimates."""
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        """Return how far the formula may be from what it gives on exact values."""
        return _adaptive_allowance(self, problem, variable, point)

    def _slopes(self, problem: Problem, variable: str) -> Array:
        function, others = self.function(problem, variable)
        derivatives, _ = _quietly(self.formula, function, problem.columns[variable], others)
        return np.array(derivatives, dtype=np.float64)

    def function(self, problem: Problem, variable: str) -> tuple[Callable[..., Array], list[Array]]:
        """Return the program as a function of one input, and what else belongs to every point."""
        names = [name for name in problem.columns if name != variable]
        held = held_nodes(problem.program, dict(problem.columns))

        def function(x: Array, *others: Array) -> Array:
            shape = np.broadcast_shapes(*(np.shape(a) for a in (x, *others)))
            flat = [np.broadcast_to(a, shape).reshape(-1) for a in (x, *others)]
            columns = {variable: flat[0], **dict(zip(names, flat[1:], strict=False))}
            constant = dict(zip(held, flat[1 + len(names) :], strict=True))
            return evaluate(problem.program, columns, held=constant).reshape(shape)

        held_columns = [np.broadcast_to(np.asarray(v, float), problem.count) for v in held.values()]
        return function, [*(problem.columns[name] for name in names), *held_columns]


def _quietly(
    formula: Adaptive, function: Callable[..., Array], x: Array, others: Sequence[Array]
) -> tuple[Array, Array]:
    """Run a library that warns where a function is undefined."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return formula(function, x, others)


def _adaptive_allowance(
    engine: AdaptiveDifferences, problem: Problem, variable: str, point: int
) -> Allowance:
    """Return the allowance of differences that choose their steps by the values that they get.

    The same formula is run on values that are right to the last digit. Rounding may make it choose
    a different step, so its own estimates of its errors are allowed too.
    """
    values = _values(problem, variable, point, FLOAT64)
    if values is None:
        return Allowance(math.nan)
    x = float(problem.columns[variable][point])
    radius, step = 0.0, engine.least_step

    def rounded(at: Array, *_: Array) -> Array:
        nonlocal radius, step
        numbers = np.empty(np.shape(at))
        for index, end in np.ndenumerate(at):
            ball = values(float(end))
            if ball is None or not ball.is_finite():
                numbers[index] = np.nan
                continue
            numbers[index] = float(ball.mid())
            radius = max(radius, radius_of(ball) + _EPSILON * abs(float(numbers[index])))
            step = min(step, abs(float(end) - x) or math.inf)
        return numbers

    here = np.array([x])
    exact, estimate = _quietly(engine.formula, rounded, here, ())
    function, others = engine.function(problem.part(np.array([point])), variable)
    own, own_estimate = _quietly(engine.formula, function, here, others)
    if not np.isfinite(exact).all():
        if np.isfinite(own).all():  # numpy has a value where the function has none: atan2(0, 0)
            return Allowance(math.nan, reason=LEAVES_DOMAIN)
        return Allowance(stencil_leaves_domain=True)
    rounding = _TERMS * radius / step if math.isfinite(step) else 0.0
    estimated = float(np.nan_to_num([estimate, own_estimate], posinf=0.0).sum())
    return Allowance(rounding + estimated, float(exact[0]), TRUNCATION, rounded_in="")


def _values(
    problem: Problem, variable: str, point: int, dtype: Dtype
) -> Callable[[float], Ball | None] | None:
    """Return a function from a number to a ball of f there; None if f has no meaning on balls."""
    program = problem.program
    inputs = {name: rounded_ball(float(x[point]), dtype) for name, x in problem.columns.items()}
    mode = BothBranches if problem.function is None else AnyWay

    def part_value(part: Program, held: Mapping[int, Ball]) -> Ball:
        ball = value_ball(part, inputs, held)
        return flint.arb("nan") if ball is None else ball

    def value(end: float) -> Ball | None:
        moved = {**inputs, variable: rounded_ball(end, dtype)}
        return value_ball(program, moved, held, dtype, mode)

    try:
        held = detached_values(program, part_value)
        value(float(problem.columns[variable][point]))  # whether all functions have a meaning
    except Unsupported:
        return None
    return value


def _is_infinite(ball: Ball) -> bool:
    """Return whether a value is infinite, or beyond the largest double."""
    return bool(abs(ball) > FLOAT64.largest)
