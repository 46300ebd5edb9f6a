"""The complex step Im f(x + ih)/h: for analytic programs right to the last digits.

Source: Squire & Trapp, "Using complex variables to estimate derivatives of real functions", 1998.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.arrays import evaluate
from symdiff.arithmetics.complex_arrays import COMPLEX
from symdiff.arithmetics.reading import read
from symdiff.array_types import Array
from symdiff.engines.base import Allowance, Problem, Samples, Traits
from symdiff.engines.formulas import program_allowance
from symdiff.engines.options import EngineOption, positive

__all__ = ["ENGINE"]

# So small that h**2 vanishes beside every x that is not subnormal, and a power of two.
_STEP: Final = 2.0**-600


@dataclasses.dataclass(frozen=True, slots=True)
class _ComplexStep:
    """The engine; see `symdiff.engines.base.Engine`."""

    name: str = "complex-step"
    step: float = _STEP

    @property
    def traits(self) -> Traits:
        """It gets the formula alone."""
        return Traits(modes=("differences",))

    @property
    def options(self) -> tuple[EngineOption, ...]:
        """It takes a step."""
        return (EngineOption("h", "a positive number", positive),)

    def configured(self, name: str, values: Mapping[str, Any]) -> _ComplexStep:
        return dataclasses.replace(self, name=name, step=values["h"])

    def differentiate(self, problem: Problem) -> Samples:
        values = evaluate(problem.program, dict(problem.columns))
        slopes = {name: self._slopes(problem, name, values) for name in problem.variables}
        return Samples(slopes, values=values)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        x = abs(float(problem.columns[variable][point]))
        if 0 < x < self.step / np.finfo(np.float64).eps:
            return Allowance(math.nan, reason="the complex step is not small beside x")
        return program_allowance(problem, variable, point)

    def _slopes(self, problem: Problem, variable: str, values: Array) -> Array:
        """Return Im f/h with one coordinate moved along the imaginary axis; NaN where undefined."""
        columns: dict[str, Any] = dict(problem.columns)
        columns[variable] = columns[variable] + 1j * self.step
        with np.errstate(all="ignore"):
            moved = np.asarray(read(problem.program, COMPLEX, columns), dtype=np.complex128)
            slopes: Array = np.broadcast_to(moved.imag / self.step, problem.count)
        return np.where(np.isfinite(values), slopes, np.nan)


ENGINE = _ComplexStep()
