"""Central finite differences on the numpy reading, with an estimate of their error."""

from __future__ import annotations

import numpy as np

from symdiff.arithmetics.arrays import evaluate, held_nodes
from symdiff.engines.base import Array, Problem, Samples
from symdiff.grid.points import difference_step

__all__ = ["ENGINE"]

_EPSILON = float(np.finfo(np.float64).eps)
# Rounding errors of f, in units of ε|f|: a handful of operations of half a unit each.
_ROUNDINGS = 4.0
_SHORTER = 2.0**-20  # of |x|, for points whose stencil leaves the domain


class _Central:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "central"

    def differentiate(self, problem: Problem) -> Samples:
        derivatives, errors = {}, {}
        for name in problem.variables:
            derivatives[name], errors[name] = _partial(problem, name)
        return Samples(derivatives, errors)


def _partial(problem: Problem, name: str) -> tuple[Array, Array]:
    x = problem.columns[name]
    derivative, error = _quotient(problem, name, difference_step(x))
    outside = ~np.isfinite(derivative) & (x != 0)
    if outside.any():
        # Near the end of a domain a step in proportion to x stays inside, and is less exact.
        part = Problem(
            problem.program,
            {n: column[outside] for n, column in problem.columns.items()},
            problem.variables,
        )
        h = np.abs(x[outside]) * _SHORTER
        derivative[outside], error[outside] = _quotient(part, name, h)
    return derivative, error


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
