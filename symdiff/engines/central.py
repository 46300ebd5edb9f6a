"""Central finite differences on the numpy reading, with an estimate of their error."""

from __future__ import annotations

import math

import flint
import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.arrays import evaluate, held_nodes
from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.rounding import DOUBLE, radius_of, value_ball
from symdiff.engines.base import TRUNCATION, Array, Problem, Samples, Slack
from symdiff.errors import Unsupported
from symdiff.grid.points import difference_step
from symdiff.grid.switches import find_switches

__all__ = ["ENGINE"]

_EPSILON = float(np.finfo(np.float64).eps)
# Rounding errors of f, in units of ε|f|: a handful of operations of half a unit each.
_ROUNDINGS = 4.0
_UNDERFLOW = flint.arb(0, 2.0**-1070)
_BESIDE = 1 + 2.0**-20  # a switch that vanishes this near an end counts as inside
_SHORTER = 2.0**-20  # of |x|, for points whose stencil leaves the domain


class _Central:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "central"

    def differentiate(self, problem: Problem) -> Samples:
        derivatives, errors, straddling = {}, {}, {}
        for name in problem.variables:
            derivatives[name], errors[name], step = _partial(problem, name)
            straddling[name] = _straddles(problem, name, step)
        return Samples(derivatives, errors, straddling)

    def slack(self, problem: Problem, variable: str, point: int) -> Slack:
        x = problem.columns[variable][point : point + 1]
        steps = (float(difference_step(x)[0]), abs(float(x[0])) * _SHORTER)
        for h in steps:
            found = _slack(problem, variable, problem.balls(point), h)
            if not found.blind:
                break
        return found


def _straddles(problem: Problem, name: str, step: Array) -> NDArray[np.bool_]:
    """Tell where a switch changes its sign between the ends of the stencil, or is zero at one."""
    x = problem.columns[name]
    found = np.zeros(problem.count, dtype=bool)
    for switch in find_switches(problem.program):
        if name not in switch.program.inputs:
            continue
        wider = step * _BESIDE
        ends = [
            evaluate(switch.program, {**problem.columns, name: end})
            for end in (x - wider, x + wider)
        ]
        side = np.floor if switch.crosses_integers else np.sign
        with np.errstate(invalid="ignore"):
            found |= (side(ends[0]) != side(ends[1])) | (ends[0] == 0) | (ends[1] == 0)
    return found


def _slack(problem: Problem, variable: str, point: dict[str, Ball], h: float) -> Slack:
    """Return what the quotient (f(x+h) - f(x-h))/2h must be, rounding included."""
    x = float(point[variable].mid())
    above, below = x + h, x - h
    if above == below:
        return Slack(reason="the step vanishes", blind=True)
    held: dict[int, Ball] = {}
    try:
        for index, node in problem.program.calls():
            if node.function == "detach":
                ball = value_ball(problem.program.at(index), point, held)
                held[index] = flint.arb("nan") if ball is None else ball
        ends = [
            value_ball(problem.program, {**point, variable: flint.arb(end)}, held)
            for end in (above, below)
        ]
    except Unsupported:
        return Slack(math.nan)
    if ends[0] is None or ends[1] is None:
        return Slack(reason="the stencil leaves the domain", blind=True)
    with flint.ctx.workprec(DOUBLE):
        quotient = (ends[0] - ends[1] + _UNDERFLOW) / flint.arb(above - below)
    if not quotient.is_finite():
        return Slack(math.nan)
    return Slack(radius_of(quotient), float(quotient.mid()), TRUNCATION)


def _partial(problem: Problem, name: str) -> tuple[Array, Array, Array]:
    """Return the quotients, their errors and the steps."""
    x = problem.columns[name]
    step = difference_step(x)
    derivative, error = _quotient(problem, name, step)
    outside = ~np.isfinite(derivative) & (x != 0)
    if outside.any():
        # Near the end of a domain a step in proportion to x stays inside, and is less exact.
        part = problem.part(outside)
        h = np.abs(x[outside]) * _SHORTER
        derivative[outside], error[outside] = _quotient(part, name, h)
        step[outside] = h
    return derivative, error, step


def _quotient(problem: Problem, name: str, h: Array) -> tuple[Array, Array]:
    """Return (f(x+h) - f(x-h))/2h with truncation (from step 2h) and rounding estimated."""
    held = held_nodes(problem.program, dict(problem.columns))
    x = problem.columns[name]

    def difference(step: Array) -> tuple[Array, Array]:
        above, below = x + step, x - step
        width = above - below
        f_above = evaluate(problem.program, {**problem.columns, name: above}, held=held)
        f_below = evaluate(problem.program, {**problem.columns, name: below}, held=held)
        rounding = _ROUNDINGS * _EPSILON * (np.abs(f_above) + np.abs(f_below)) / width
        return (f_above - f_below) / width, rounding

    with np.errstate(all="ignore"):
        derivative, rounding = difference(h)
        wider, _ = difference(2 * h)
        # D(2h) - D(h) is the truncation of D(h) where that is of first order in h (a kink of f'
        # nearby), and three times as much where f is smooth: h²f‴/6.
        error = np.abs(wider - derivative) + rounding
    return derivative, np.where(np.isfinite(error), error, 0.0)


ENGINE = _Central()
