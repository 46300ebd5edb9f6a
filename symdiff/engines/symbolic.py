"""The engine `symbolic`: sympy's derivatives of all operations, put together by the chain rule.

Second derivatives are those of the whole expression: where f has a kink, its second derivative has
terms that are infinite there, and sympy cancels them.
"""

from __future__ import annotations

import functools

import numpy as np

from symdiff.arithmetics.symbolic import expression
from symdiff.engines.base import Allowance, Gap, Problem, Samples, Traits
from symdiff.engines.formulas import bound_or_nan, rounding_allowance
from symdiff.engines.sympy_chain import chain_rule_radius, slopes, value_radius, values
from symdiff.engines.sympy_derivatives import (
    allowance_of_formula,
    check_size,
    evaluated,
    no_derivative,
    samples_of,
)
from symdiff.engines.sympy_plan import Plan, plan
from symdiff.program import Program

__all__ = ["ENGINE"]


class _Symbolic:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "symbolic"
    traits = Traits(modes=("symbolic",), orders=(1, 2))

    def differentiate(self, problem: Problem) -> Samples:
        if problem.order > 1:
            return evaluated(problem)
        steps = _plan(problem.program, problem.variables)
        gaps = {
            name: Gap.of(no_derivative(problem.program, name, parts))
            for name, parts in steps.gaps.items()
        }
        expressed = tuple(name for name in problem.variables if name not in gaps)
        with np.errstate(all="ignore"):
            found = slopes(steps, expressed, problem.columns)
            numbers = values(steps, problem.columns) if problem.has_values else None
        return samples_of(problem, found, gaps, numbers)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        if problem.order > 1:
            return allowance_of_formula(problem, variable, point)
        steps = _plan(problem.program, problem.variables)
        return rounding_allowance(
            problem, variable, point, lambda balls: chain_rule_radius(steps, variable, balls)
        )

    def value_radius(self, problem: Problem, point: int) -> float:
        steps = _plan(problem.program, problem.variables)
        return bound_or_nan(lambda: value_radius(steps, problem.balls(point)))


@functools.lru_cache(maxsize=16)
def _plan(program: Program, variables: tuple[str, ...]) -> Plan:
    """Return how to compute the derivatives of a program.

    Raises
    ------
    Unsupported
        The program has a function that sympy lacks, or it is too large.
    """
    check_size(program, 1)  # the work for each variable is numpy's
    return plan(expression(program), variables)


ENGINE = _Symbolic()
