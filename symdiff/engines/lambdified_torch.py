"""sympy's printer for torch, followed by autograd: what people use today to train a formula."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import sympy as sp
import torch
from sympy.printing.codeprinter import PrintMethodNotImplementedError

from symdiff.arithmetics.symbolic import expression, symbols
from symdiff.array_types import Array
from symdiff.engines.base import Allowance, Problem, Samples, Traits
from symdiff.engines.formulas import formula_allowance
from symdiff.engines.running import numbers_or_failures
from symdiff.engines.sympy_derivatives import check_written_out
from symdiff.errors import Unsupported
from symdiff.program import Program

__all__ = ["ENGINE"]


class _LambdifiedTorch:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "lambdified-torch"
    traits = Traits(modes=("symbolic", "reverse"), runs_in_chunks=False)

    def differentiate(self, problem: Problem) -> Samples:
        with torch.inference_mode(mode=False), torch.enable_grad():  # whatever the caller has set
            return numbers_or_failures(problem, _differentiate)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        formula = expression(problem.program).diff(sp.Symbol(variable, real=True))
        return formula_allowance(problem, variable, point, formula)


def _differentiate(problem: Problem) -> Samples:
    check_written_out(problem.program)
    columns = {name: torch.tensor(x, dtype=torch.float64) for name, x in problem.columns.items()}
    moving = [columns[name].requires_grad_() for name in problem.variables]
    function = _compiled(problem.program)
    output = torch.as_tensor(function(*(columns[name] for name in problem.program.inputs)))
    values = np.broadcast_to(output.detach().double().numpy(), problem.count).copy()
    slopes = _gradients(output, moving)
    return Samples(dict(zip(problem.variables, slopes, strict=True)), values=values)


def _gradients(output: torch.Tensor, moving: list[torch.Tensor]) -> list[Array]:
    """Return the gradients of the sum of the outputs; 0 where nothing arrives."""
    if not output.requires_grad:
        return [np.zeros(len(x)) for x in moving]
    found = torch.autograd.grad(output.sum(), moving, allow_unused=True)
    return [
        np.zeros(len(x)) if gradient is None else gradient.numpy()
        for x, gradient in zip(moving, found, strict=True)
    ]


@functools.lru_cache(maxsize=16)
def _compiled(program: Program) -> Any:  # noqa: ANN401  (a function)
    names = [symbols(program)[name] for name in program.inputs]
    try:
        return sp.lambdify(names, expression(program), modules="torch", dummify=True)
    except PrintMethodNotImplementedError as error:
        function = str(error).splitlines()[0].split()[-1]  # "Unsupported by <class ...>: erfc"
        raise Unsupported(function, "sympy's printer for torch cannot print it") from None


ENGINE = _LambdifiedTorch()
