"""symengine's derivative, evaluated by symengine: fast enough for thousands of expressions."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import symengine as se

from symdiff.arithmetics.bounds.symbolic_balls import formula_radius
from symdiff.arithmetics.symengine import symengine_derivatives, symengine_expression
from symdiff.array_types import Array
from symdiff.engines.base import Allowance, Gap, Problem, Samples, Traits, no_numbers
from symdiff.engines.formulas import bound_or_nan, formula_allowance
from symdiff.engines.sympy_derivatives import check_written_out
from symdiff.errors import Unsupported
from symdiff.program import Program

__all__ = ["ENGINE"]


class _Symengine:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "symengine"
    traits = Traits(modes=("symbolic",), orders=(1, 2))

    def differentiate(self, problem: Problem) -> Samples:
        program, inner = problem.written, problem.inner
        names = program.inputs
        if not names:
            return Samples({})
        check_written_out(program, library="symengine")
        partials = _derivatives(program, problem.variables, inner)
        gaps = {name: Gap.of(e) for name, e in partials.items() if isinstance(e, Unsupported)}
        expressed = tuple(name for name in problem.variables if name not in gaps)
        points = np.stack([problem.columns[name] for name in names], axis=-1)
        slopes: dict[str, Array] = no_numbers(problem.variables, problem.count)
        if expressed:
            evaluate = _compiled(program, expressed, inner)
            rows = evaluate(points).reshape(problem.count, len(expressed))
            for k, name in enumerate(expressed):
                slopes[name] = np.ascontiguousarray(rows[:, k])
        values = None
        if problem.has_values:
            with np.errstate(all="ignore"):
                values = np.array(_value(program)(points)).reshape(problem.count)
        return Samples(slopes, unsupported=gaps, values=values)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        derivative = _derivatives(problem.written, (variable,), problem.inner)[variable]
        return formula_allowance(problem, variable, point, derivative)

    def value_radius(self, problem: Problem, point: int) -> float:
        formula = symengine_expression(problem.written)
        return bound_or_nan(lambda: formula_radius(formula, problem.balls(point)))


_derivatives = functools.lru_cache(maxsize=16)(symengine_derivatives)


@functools.lru_cache(maxsize=16)
def _compiled(program: Program, variables: tuple[str, ...], inner: str) -> Any:  # noqa: ANN401
    symbols = [se.Symbol(name) for name in program.inputs]
    expressions = list(_derivatives(program, variables, inner).values())
    return se.Lambdify(symbols, expressions, backend="lambda")


@functools.lru_cache(maxsize=16)
def _value(program: Program) -> Any:  # noqa: ANN401
    symbols = [se.Symbol(name) for name in program.inputs]
    return se.Lambdify(symbols, [symengine_expression(program)], backend="lambda")


ENGINE = _Symengine()
