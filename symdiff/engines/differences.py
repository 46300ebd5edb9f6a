"""One-sided differences, and Richardson's extrapolation of central ones, in numpy."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.arrays import evaluate, held_nodes
from symdiff.array_types import Array
from symdiff.engines.base import TRUNCATION, Allowance, ErrorEstimate, Problem, Samples, Traits
from symdiff.engines.options import EngineOption, positive
from symdiff.engines.stencils import stencil_allowance

__all__ = ["BACKWARD", "FORWARD", "RICHARDSON"]

_EPSILON: Final = float(np.finfo(np.float64).eps)
# A bound of what the stencil must give takes 0.1 ms: for more points the errors are estimated.
_MANY: Final = 5000
_ROUNDINGS: Final = 16.0  # estimated rounding error of the values of special functions, in ε|f|
_CONVERGING: Final = 1e-3  # largest change with the step, as a part of the quotient


@dataclasses.dataclass(frozen=True, slots=True)
class _Differences:
    """An engine with a fixed formula; see `symdiff.engines.base.Engine`.

    Attributes
    ----------
    name
        The name that users type.
    nodes
        Where the function is evaluated, in units of the step h from x.
    weights
        The factors of these values; their sum is divided by h.
    order
        The power of h in the truncation error.
    step
        The step h at every point; None: one that suits the size of x.
    """

    name: str
    nodes: tuple[float, ...]
    weights: tuple[float, ...]
    order: int
    step: float | None = None

    @property
    def traits(self) -> Traits:
        """It gets the formula alone."""
        return Traits(modes=("differences",))

    @property
    def options(self) -> tuple[EngineOption, ...]:
        """It takes a step."""
        return (EngineOption("h", "a positive number", positive),)

    def configured(self, name: str, values: Mapping[str, Any]) -> _Differences:
        return dataclasses.replace(self, name=name, step=values["h"])

    def differentiate(self, problem: Problem) -> Samples:
        slopes = {name: self._quotient(problem, name, 1.0) for name in problem.variables}
        return Samples(slopes, values=evaluate(problem.program, dict(problem.columns)))

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        x = problem.columns[variable][point : point + 1]
        h = self._step(x)
        ends = [float((x + node * h)[0]) for node in self.nodes]
        allowance = stencil_allowance(problem, variable, point, ends, self.weights, float(h[0]))
        if math.isfinite(allowance.radius) or allowance.stencil_leaves_domain:
            return allowance
        return self._estimated(problem.part(np.array([point])), variable) or allowance

    def _estimated(self, here: Problem, variable: str) -> Allowance | None:
        """Return an estimated allowance at one point; None where the quotients do not converge."""
        slope = abs(float(self._quotient(here, variable, 1.0)[0]))
        error = float(self._estimate(here, variable)[0])
        if not 0 < error < _CONVERGING * slope:
            return None
        return Allowance(error, reason=f"{TRUNCATION}, by an estimate", rounded_in="")

    def estimate_errors(self, problem: Problem, variable: str) -> ErrorEstimate | None:
        """Return estimates for very many points; for others `allowance` is exact."""
        if problem.count <= _MANY:
            return None
        nowhere = np.zeros(problem.count, dtype=bool)
        return ErrorEstimate(self._estimate(problem, variable), nowhere)

    def _estimate(self, problem: Problem, variable: str) -> Array:
        """Return 2|D(2h) - D(h)|, and what the rounding of f adds."""
        narrow, wide = (self._quotient(problem, variable, factor) for factor in (1.0, 2.0))
        f = evaluate(problem.program, dict(problem.columns))
        with np.errstate(all="ignore"):
            rounding = _ROUNDINGS * _EPSILON * np.abs(f) / self._step(problem.columns[variable])
            errors = 2 * np.abs(wide - narrow) + rounding
        finite: Array = np.nan_to_num(errors, nan=0.0, posinf=0.0)
        return finite

    def _step(self, x: Array) -> Array:
        """Return the step h at each point, of which rounding and truncation suffer alike."""
        if self.step is not None:
            return np.full(len(x), self.step)
        h = np.maximum(np.abs(x), 1.0) * _EPSILON ** (1 / (self.order + 1))
        # A power of two: where x is not tiny, the ends are exact.
        power: Array = np.exp2(np.rint(np.log2(h)))
        return power

    def _quotient(self, problem: Problem, variable: str, factor: float) -> Array:
        """Return the quotient with the step, or a multiple of it."""
        x, held = problem.columns[variable], held_nodes(problem.program, dict(problem.columns))
        h = factor * self._step(x)
        total = np.zeros(problem.count)
        with np.errstate(all="ignore"):
            for node, weight in zip(self.nodes, self.weights, strict=True):
                moved = {**problem.columns, variable: x + node * h}
                total += weight * evaluate(problem.program, moved, held=held)
            total /= h
        return total


FORWARD = _Differences("forward-difference", (1.0, 0.0), (1.0, -1.0), 1)
BACKWARD = _Differences("backward-difference", (0.0, -1.0), (1.0, -1.0), 1)
# (4*D(h/2) - D(h))/3 with the central difference D.
RICHARDSON = _Differences("richardson", (0.5, -0.5, 1.0, -1.0), (4 / 3, -4 / 3, -1 / 6, 1 / 6), 4)
