"""PyTorch's reverse mode on programs and callables: one batched pass for all points.

Used by every engine that calls torch's backward pass.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import tensors_of
from symdiff.array_types import Array
from symdiff.engines.base import Problem, Samples, TensorProblem
from symdiff.engines.callables import (
    FACTOR,
    as_doubles,
    call_on_grid,
    dtype_of_values,
    nonlinearity,
    powers_of_two,
    varying,
    why_unreached,
)
from symdiff.engines.directional import Direction
from symdiff.engines.running import check_memory, without_failing_points
from symdiff.engines.tensor_gradients import TensorGradients, accumulated, at_every_point
from symdiff.engines.torch_programs import autocast_in, dtype_in
from symdiff.errors import Unsupported
from symdiff.program.formats import FLOAT64
from symdiff.program.values import DTYPES, component_names

__all__ = ["differentiated", "product"]


def differentiated(problem: Problem) -> Samples:
    """Return the derivatives at all points by backward passes; failures only where it raises."""
    try:
        if problem.tensor_problem is not None:
            return _one_by_one(problem, problem.tensor_problem)
        return _reverse(problem)
    except Unsupported:
        raise
    except Exception as error:  # noqa: BLE001  (torch may raise anything: it is data)
        check_memory(error)
        return without_failing_points(problem, _reverse, error)


def product(gradients: Mapping[str, Array], v: Direction) -> float:
    """Return the product of gradients with a direction; what it leaves out may be NaN."""
    terms = [gradients[name][x != 0] @ x[x != 0] for name, x in v.items()]
    return float(sum(terms))


def _reverse(problem: Problem) -> Samples:
    """Return the derivatives at all points by one backward pass of the sum of the outputs.

    The output at a point depends on the inputs at this point alone.
    """
    if problem.function is not None:
        return _reverse_callable(problem, problem.function)
    leaves = {name: _leaf(problem, name) for name in problem.columns}
    with autocast_in(problem.format):
        output = read(problem.program, tensors_of(problem.format.dtype.name), leaves)
    inputs = [leaves[name] for name in problem.variables]
    if not isinstance(output, torch.Tensor) or not output.requires_grad:
        return Samples({name: np.zeros(problem.count) for name in problem.variables})
    gradients = torch.autograd.grad(output.sum(), inputs, allow_unused=True)
    samples = Samples(
        {
            name: np.zeros(problem.count) if gradient is None else as_doubles(gradient)
            for name, gradient in zip(problem.variables, gradients, strict=True)
        }
    )
    if problem.format == FLOAT64:
        return samples
    values = np.broadcast_to(as_doubles(output), problem.count).copy()
    return dataclasses.replace(samples, values=values)


def _leaf(problem: Problem, name: str) -> torch.Tensor:
    """Return an input as a tensor."""
    column, is_variable = problem.columns[name], name in problem.variables
    if problem.format != FLOAT64:
        leaf = torch.tensor(column, dtype=dtype_in(problem.format))
        return leaf.requires_grad_(is_variable)
    if column.flags.writeable:
        return torch.from_numpy(column).requires_grad_(is_variable)
    return torch.tensor(column, dtype=torch.float64, requires_grad=is_variable)


def _reverse_callable(problem: Problem, function: Callable[..., Any]) -> Samples:
    """As `_reverse`, with the values, and a check that backward is linear in what comes in."""
    output, leaves = call_on_grid(function, problem)
    inputs = [leaves[name] for name in problem.variables]
    values = np.broadcast_to(as_doubles(output), problem.count).copy()

    def gradients_for(incoming: Array) -> dict[str, Array]:
        if not output.requires_grad:
            return {}
        c = torch.as_tensor(incoming, dtype=output.dtype).reshape(output.shape)
        found = torch.autograd.grad(output, inputs, c, retain_graph=True, allow_unused=True)
        pairs = zip(problem.variables, found, strict=True)
        return {name: as_doubles(gradient) for name, gradient in pairs if gradient is not None}

    ones = np.ones(problem.count)
    gradients = gradients_for(ones)
    factors = powers_of_two(problem.count)
    both_signs = [(c, gradients_for(c)) for c in (factors, -factors)]
    faults, reasons = {}, {}
    dtype = dtype_of_values(problem, values)
    for name, gradient in gradients.items():
        uniform = functools.partial(lambda n: gradients_for(FACTOR * ones)[n], name)
        passes = [(c, found[name]) for c, found in both_signs]
        fault = nonlinearity(gradient, passes, uniform, DTYPES[dtype])
        if fault is not None:
            reasons[name], faults[name] = fault
    missing = [name for name in problem.variables if name not in gradients]
    refusals = {
        name: why_unreached(name, is_detached=not output.requires_grad)
        for name in varying(problem, missing)
    }
    nothing = {
        name: np.full(problem.count, np.nan if name in refusals else 0.0) for name in missing
    }
    return Samples(
        {name: {**gradients, **nothing}[name] for name in problem.variables},
        refusals=refusals,
        values=values,
        dtype=dtype,
        faults=faults,
        fault_reasons=reasons,
    )


def _one_by_one(problem: Problem, tensor_problem: TensorProblem) -> Samples:
    """Differentiate a program on tensors at one point after the other, as its user would."""

    def at_point(numbers: Mapping[str, float]) -> tuple[dict[str, float], TensorGradients]:
        done = accumulated(tensor_problem, numbers, problem.function)
        return _by_component(problem, tensor_problem, done.gradients), done

    return at_every_point(problem, tensor_problem, at_point)


def _by_component(
    problem: Problem, tensor_problem: TensorProblem, gradients: Mapping[str, np.ndarray]
) -> dict[str, float]:
    if tensor_problem.tangent is not None:
        (name,) = problem.variables
        return {name: product(gradients, tensor_problem.tangent)}
    variables = set(problem.variables)
    return {
        part: float(slope)
        for name, gradient in gradients.items()
        for part, slope in zip(
            component_names(name, gradient.shape), gradient.reshape(-1).tolist(), strict=True
        )
        if part in variables
    }
