"""The engine `sympy-whole`: sympy's derivative of the whole expression, lambdified to numpy."""

from __future__ import annotations

from symdiff.engines.base import Allowance, Problem, Samples, Traits
from symdiff.engines.sympy_derivatives import (
    allowance_of_formula,
    evaluated,
    value_radius_of_formula,
)

__all__ = ["ENGINE"]


class _SympyWhole:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "sympy-whole"
    traits = Traits(modes=("symbolic",), orders=(1, 2))

    def differentiate(self, problem: Problem) -> Samples:
        return evaluated(problem)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        return allowance_of_formula(problem, variable, point)

    def value_radius(self, problem: Problem, point: int) -> float:
        return value_radius_of_formula(problem, point)


ENGINE = _SympyWhole()
