"""What torch.autograd.gradcheck says at each point.

The number is its numerical derivative, a central difference with its step of 1e-6, which is judged
by what it must be at that stencil. A note says whether gradcheck passes or raises there, and why:
it does not detect kinks.

For second derivatives it checks the derivative that `torch.autograd.grad` gives, as gradgradcheck
does: the number is a difference of gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import torch
from torch.autograd.gradcheck import GradcheckError, gradcheck

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import TENSORS
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE
from symdiff.engines.base import Allowance, Problem, Samples, Traits, no_numbers
from symdiff.engines.callables import (
    as_doubles,
    dtype_of,
    dtype_of_values,
    refuse_numpy,
    run_on_grid,
    values_or_nan,
)
from symdiff.engines.running import check_memory
from symdiff.engines.stencils import stencil_allowance
from symdiff.engines.torch_programs import run_program, tensor_leaves
from symdiff.errors import Unsupported, describe
from symdiff.program.values import DTYPES, component_names

__all__ = ["ENGINE"]

_Line = Callable[[torch.Tensor], torch.Tensor]  # f as a function of the one number that moves
_STEP: Final = 1e-6  # the default of gradcheck
_MOST: Final = 1000  # most calls of gradcheck, each of which takes about a millisecond
_PASSES: Final = "gradcheck passes"


class _Gradcheck:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "gradcheck"
    traits = Traits(
        modes=("differences",),
        whole_tensors=True,
        runs_callables=True,
        runs_in_chunks=False,
        orders=(1, 2),
    )

    def differentiate(self, problem: Problem) -> Samples:
        refuse_numpy(problem.function)
        if problem.order > 1 and problem.function is not None and problem.tensor_problem:
            reason = "it has no second derivatives of callables on tensors"
            raise Unsupported(self.name, reason)
        _check_nothing_is_held(problem)
        calls = problem.count * len(problem.variables)
        if calls > _MOST:
            reason = f"it checks one derivative after the other, and {calls} are more than {_MOST}"
            raise Unsupported(self.name, reason)
        with torch.inference_mode(mode=False), torch.enable_grad():  # whatever the caller has set
            return _checked(problem)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        x = float(problem.columns[variable][point])
        here = problem.part(np.array([point]))
        dtype = "float64" if problem.function is None else dtype_of(here)
        ends, width = (x + _STEP, x - _STEP), 2 * _STEP
        return stencil_allowance(problem, variable, point, ends, (1, -1), width, DTYPES[dtype])


def _check_nothing_is_held(problem: Problem) -> None:
    """Check that a program keeps nothing constant, which gradcheck does not support.

    Raises
    ------
    Unsupported
        A part of it is detached.
    """
    for _, call in problem.written.calls():
        if CATALOGUE[call.function].role == "hold":
            raise Unsupported(call.function, "gradcheck moves what is detached too")


def _checked(problem: Problem) -> Samples:
    """Return the numerical derivatives, and notes on what gradcheck says."""
    slopes = no_numbers(problem.variables, problem.count)
    codes = {name: np.zeros(problem.count, dtype=np.int32) for name in problem.variables}
    notes: dict[str, dict[int, str]] = {name: {} for name in problem.variables}
    reasons = [""]
    for name in problem.variables:
        for i in range(problem.count):
            x = torch.tensor(float(problem.columns[name][i]), dtype=torch.float64)
            line = _line(problem, name, i)
            try:
                slopes[name][i] = _slope(line, x)
                notes[name][i] = _said(line, x)
            except Unsupported:
                raise
            except Exception as error:  # noqa: BLE001  (torch may raise anything: it is data)
                check_memory(error)
                reasons.append(describe(error))
                codes[name][i] = len(reasons) - 1
    values = _values(problem) if problem.order == 1 else None
    return Samples(
        slopes,
        reason_of={name: column for name, column in codes.items() if column.any()},
        reasons=tuple(reasons),
        notes=notes,
        values=values,
        dtype="float64" if values is None else _dtype(problem, values),
    )


def _dtype(problem: Problem, values: Array) -> str:
    """Return the dtype in which the function computes."""
    return "float64" if problem.function is None else dtype_of_values(problem, values)


def _values(problem: Problem) -> Array:
    """Return the values at every point, NaN where there is none."""
    if problem.function is not None:
        return values_or_nan(problem)
    if problem.tensor_problem is None:
        columns = {name: torch.tensor(x) for name, x in problem.columns.items()}
        value = torch.as_tensor(read(problem.program, TENSORS, columns))
        return np.broadcast_to(as_doubles(value), problem.count).copy()
    tensor_problem, found = problem.tensor_problem, []
    for i in range(problem.count):
        numbers = {name: float(problem.columns[name][i]) for name in tensor_problem.scalars}
        value = run_program(tensor_problem, tensor_leaves(tensor_problem, numbers), None)
        found.append(as_doubles(torch.as_tensor(value)))
    return np.stack(found)


def _line_of_numbers(problem: Problem, variable: str, i: int) -> _Line:
    """Return a function of numbers, or its derivative along the inner variable, as `_line` does."""
    fixed = {
        name: torch.tensor(column[i : i + 1], dtype=torch.float64)
        for name, column in problem.columns.items()
    }

    def value(inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        if problem.function is not None:
            return run_on_grid(problem.function, problem.written, inputs).sum()
        return torch.as_tensor(read(problem.written, TENSORS, inputs)).double().sum()

    def on_numbers(x: torch.Tensor) -> torch.Tensor:
        inputs = {**fixed, variable: x.reshape(1)}
        if problem.second is None:
            return value(inputs)
        return _gradient_along(value, inputs, problem.second.inner)

    return on_numbers


def _line(problem: Problem, variable: str, i: int) -> _Line:
    """Return the scalar function as a function of one variable, near a point."""
    tensor_problem, function = problem.tensor_problem, problem.function
    if tensor_problem is None or problem.order > 1:
        return _line_of_numbers(problem, variable, i)
    numbers = {name: float(problem.columns[name][i]) for name in tensor_problem.scalars}
    leaves = {name: x.detach() for name, x in tensor_leaves(tensor_problem, numbers).items()}
    tangent = tensor_problem.tangent

    def on_tensors(x: torch.Tensor) -> torch.Tensor:
        inputs = {}
        for name, leaf in leaves.items():
            inputs[name] = leaf
            if tangent is not None:
                if name in tangent:
                    inputs[name] = leaf + x * torch.as_tensor(tangent[name])
            elif variable in (parts := list(component_names(name, tuple(leaf.shape)))):
                is_here = torch.arange(len(parts)).reshape(leaf.shape) == parts.index(variable)
                inputs[name] = torch.where(is_here, x, leaf)
        value = torch.as_tensor(run_program(tensor_problem, inputs, function)).double()
        total = torch.zeros((), dtype=torch.float64)
        for cotangent in tensor_problem.cotangents:
            c = torch.as_tensor(1.0 if cotangent is None else cotangent, dtype=torch.float64)
            c = c.reshape(value.shape)
            total = total + (c[c != 0] * value[c != 0]).sum()
        return total

    return on_tensors


def _gradient_along(
    value: Callable[[Mapping[str, torch.Tensor]], torch.Tensor],
    inputs: Mapping[str, torch.Tensor],
    inner: str,
) -> torch.Tensor:
    """Return the derivative of a number with respect to an input, which torch records."""
    with torch.enable_grad():  # the numerical derivative is computed without recording
        moved = dict(inputs)
        if not moved[inner].requires_grad:
            moved[inner] = moved[inner].detach().requires_grad_()
        output = value(moved)
        if not output.requires_grad:
            return torch.zeros((), dtype=torch.float64)
        (slope,) = torch.autograd.grad(output, moved[inner], create_graph=True, allow_unused=True)
        return torch.zeros((), dtype=torch.float64) if slope is None else slope.sum()


def _slope(line: _Line, x: torch.Tensor) -> float:
    """Return the numerical derivative, as gradcheck computes it."""
    with torch.no_grad():
        low, high = line(x - _STEP).detach(), line(x + _STEP).detach()
    return float((high - low) / (2 * _STEP))


def _said(line: _Line, x: torch.Tensor) -> str:
    """Return what gradcheck says at a point."""
    leaf = x.clone().requires_grad_()
    try:
        gradcheck(line, (leaf,), eps=_STEP)
    except GradcheckError as error:
        text = str(error)
        if "mismatch" not in text:
            return f"gradcheck raises: {describe(error)}"
        value = line(leaf)
        (slope,) = torch.autograd.grad(value, leaf, allow_unused=True)
        analytical = 0.0 if slope is None else float(slope)
        return f"gradcheck raises: numerical {_slope(line, x):.6g}, analytical {analytical:.6g}"
    except Exception as error:  # noqa: BLE001  (the message a user sees)
        check_memory(error)
        return f"gradcheck raises {describe(error)}"
    return _PASSES


ENGINE = _Gradcheck()
