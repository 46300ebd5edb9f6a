"""CasADi's derivative of the program as an expression graph, evaluated by its virtual machine."""

from __future__ import annotations

import functools
from typing import Any

import casadi
import numpy as np

from symdiff.arithmetics.casadi_expressions import CASADI
from symdiff.arithmetics.reading import read
from symdiff.engines.base import Allowance, Problem, Samples, Traits
from symdiff.engines.formulas import program_allowance
from symdiff.program import Program

__all__ = ["ENGINE"]


class _Casadi:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "casadi"
    traits = Traits(modes=("reverse",), runs_in_chunks=False, orders=(1, 2))

    def differentiate(self, problem: Problem) -> Samples:
        names, program = problem.variables, problem.written
        function = _compiled(program, names, problem.inner)
        # One column for every point: CasADi maps the function over them.
        rows = [problem.columns[name].reshape(1, -1) for name in program.inputs]
        outputs = function(*rows)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        values, *slopes = (
            np.broadcast_to(np.array(output.full()).reshape(-1), problem.count).copy()
            for output in outputs
        )
        return Samples(dict(zip(names, slopes, strict=True)), values=values)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        return program_allowance(problem, variable, point)


@functools.lru_cache(maxsize=16)
def _compiled(program: Program, variables: tuple[str, ...], inner: str) -> Any:  # noqa: ANN401
    """Return a function of CasADi from the inputs to the value and the derivatives.

    With `inner`, the value is the derivative with respect to this input.
    """
    symbols = {name: casadi.SX.sym(name) for name in program.inputs}
    value = casadi.SX(read(program, CASADI, symbols))
    value = casadi.gradient(value, symbols[inner]) if inner else value
    slopes = [casadi.gradient(value, symbols[name]) for name in variables]
    return casadi.Function("f", list(symbols.values()), [value, *slopes])


ENGINE = _Casadi()
