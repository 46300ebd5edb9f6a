"""The engine `sympy-whole`: sympy's derivative of the whole expression, lambdified to numpy."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from symdiff.arithmetics.arrays import owned_copy
from symdiff.engines.base import Allowance, Gap, Problem, Samples, Traits, no_numbers
from symdiff.engines.formulas import formula_allowance
from symdiff.engines.sympy_code import compiled, real_numbers
from symdiff.engines.sympy_derivatives import derivatives
from symdiff.errors import Unsupported
from symdiff.program import Program

__all__ = ["ENGINE"]


_derivatives = functools.lru_cache(maxsize=16)(derivatives)


class _SympyWhole:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "sympy-whole"
    traits = Traits(modes=("symbolic",), orders=(1, 2))

    def differentiate(self, problem: Problem) -> Samples:
        program, inner = problem.written, problem.inner
        partials = _derivatives(program, problem.variables, inner)
        gaps = {name: Gap.of(e) for name, e in partials.items() if isinstance(e, Unsupported)}
        expressed = tuple(name for name in problem.variables if name not in gaps)
        function = _compiled(program, expressed, inner)
        with np.errstate(all="ignore"):
            values = function(*(problem.columns[name] for name in program.inputs))
        columns = tuple(problem.columns.values())
        slopes = no_numbers(problem.variables, problem.count)
        for name, value in zip(expressed, values, strict=True):
            slopes[name] = owned_copy(real_numbers(value), (problem.count,), columns)
        return Samples(slopes, unsupported=gaps)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        derivative = _derivatives(problem.written, (variable,), problem.inner)[variable]
        return formula_allowance(problem, variable, point, derivative)


@functools.lru_cache(maxsize=16)
def _compiled(program: Program, variables: tuple[str, ...], inner: str) -> Any:  # noqa: ANN401
    return compiled(program.inputs, list(_derivatives(program, variables, inner).values()))


ENGINE = _SympyWhole()
