"""Second derivatives by torch's backward pass, run on a program or a callable and on its gradient.

Used by every engine that calls torch's backward pass. For a function that the user wrote, torch
differentiates the backward that the user wrote as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import tensors_of
from symdiff.array_types import Array
from symdiff.engines.base import Problem, Samples, TensorProblem
from symdiff.engines.callables import as_doubles, call_on_grid
from symdiff.engines.running import check_memory, without_failing_points
from symdiff.engines.tensor_gradients import TensorGradients, at_every_point
from symdiff.engines.torch_programs import autocast_in, dtype_in, run_program, tensor_leaves
from symdiff.errors import Unsupported
from symdiff.program.values import component_names

__all__ = ["differentiated_twice"]

Tensors = Mapping[str, torch.Tensor]
_NO_INNER: Final = "the problem has no inner variable"


def differentiated_twice(problem: Problem) -> Samples:
    """Return the second derivatives at all points; failures only where torch raises."""
    try:
        if problem.tensor_problem is not None:
            return _one_by_one(problem, problem.tensor_problem)
        return _on_grid(problem)
    except Unsupported:
        raise
    except Exception as error:  # noqa: BLE001  (torch may raise anything: it is data)
        check_memory(error)
        return without_failing_points(problem, _on_grid, error)


def _on_grid(problem: Problem) -> Samples:
    """Return the derivatives at all points: the output at one depends on the inputs there alone."""
    assert problem.second is not None, _NO_INNER  # noqa: S101  (see `Traits.orders`)
    dtype = dtype_in(problem.format)
    if problem.function is not None:
        output, leaves = call_on_grid(problem.function, problem)
    else:
        dtype = dtype_in(problem.format)
        leaves = {
            name: torch.tensor(column, dtype=dtype, requires_grad=name in problem.moving)
            for name, column in problem.columns.items()
        }
        with autocast_in(problem.format):
            output = read(problem.written, tensors_of(problem.format.dtype.name), leaves)
    inner = {problem.second.inner: torch.ones(problem.count, dtype=dtype)}
    found = _gradients(_product(output, None, leaves, inner), leaves)
    zeros = np.zeros(problem.count)
    return Samples({name: found.get(name, zeros) for name in problem.variables})


def _one_by_one(problem: Problem, tensor_problem: TensorProblem) -> Samples:
    """Differentiate a program on tensors at one point after the other, as its user would."""
    assert problem.second is not None, _NO_INNER  # noqa: S101  (see `Traits.orders`)
    inner = problem.second.inner

    def at_point(numbers: Mapping[str, float]) -> tuple[dict[str, float], TensorGradients]:
        leaves = tensor_leaves(tensor_problem, numbers)
        output = run_program(tensor_problem, leaves, problem.function)
        floats = {name: leaf for name, leaf in leaves.items() if leaf.is_floating_point()}
        slope = _product(
            output, _cotangent(output, tensor_problem), floats, _direction(floats, inner, problem)
        )
        found = _gradients(slope, floats)
        gradients = {n: found.get(n, np.zeros(tuple(leaf.shape))) for n, leaf in floats.items()}
        return _by_component(gradients, problem), TensorGradients(gradients)

    return at_every_point(problem, tensor_problem, at_point)


def _by_component(gradients: Mapping[str, Array], problem: Problem) -> dict[str, float]:
    parts = {
        part: float(slope)
        for name, gradient in gradients.items()
        for part, slope in zip(
            component_names(name, gradient.shape), gradient.reshape(-1).tolist(), strict=True
        )
    }
    return {name: parts[name] for name in problem.variables}


def _cotangent(output: Any, tensor_problem: TensorProblem) -> torch.Tensor | None:  # noqa: ANN401
    """Return the sum of the cotangents in the shape of the output; None for a number's."""
    is_one = all(c is None for c in tensor_problem.cotangents)
    if not isinstance(output, torch.Tensor) or is_one:
        return None
    total = torch.zeros_like(output)
    for cotangent in tensor_problem.cotangents:
        c = torch.as_tensor(1.0 if cotangent is None else cotangent, dtype=output.dtype)
        total = total + c.reshape(output.shape)
    return total.detach()


def _direction(leaves: Tensors, inner: str, problem: Problem) -> dict[str, torch.Tensor]:
    """Return the direction of the first derivative: one component, or the tangent."""
    tangent = None if problem.tensor_problem is None else problem.tensor_problem.tangent
    if tangent is not None:
        return {n: torch.as_tensor(v, dtype=leaves[n].dtype) for n, v in tangent.items()}
    for name, leaf in leaves.items():
        parts = [*component_names(name, tuple(leaf.shape))]
        if inner in parts:
            unit = torch.zeros(len(parts), dtype=leaf.dtype)
            unit[parts.index(inner)] = 1.0
            return {name: unit.reshape(leaf.shape)}
    message = f"{inner} is a component of no input"
    raise ValueError(message)


def _product(
    output: Any,  # noqa: ANN401  (a tensor, or a number if the program has no inputs)
    cotangent: torch.Tensor | None,
    leaves: Tensors,
    direction: Tensors,
) -> torch.Tensor | None:
    """Return the product of the gradient with a direction, recorded; None where there is none."""
    if not isinstance(output, torch.Tensor) or not output.requires_grad:
        return None
    c = torch.ones_like(output) if cotangent is None else cotangent
    inputs = [leaves[name] for name in direction]
    found = torch.autograd.grad(output, inputs, c, create_graph=True, allow_unused=True)
    terms = [
        (gradient * v).sum()
        for gradient, v in zip(found, direction.values(), strict=True)
        if gradient is not None
    ]
    return torch.stack(terms).sum() if terms else None


def _gradients(slope: torch.Tensor | None, leaves: Tensors) -> dict[str, Array]:
    """Return the gradients of a number that reach the leaves.

    `backward` is called, and not `torch.autograd.grad` with `allow_unused`, which does not run the
    node by which torch refuses to differentiate a backward with `once_differentiable`.
    """
    if slope is None or not slope.requires_grad:
        return {}
    for leaf in leaves.values():
        leaf.grad = None  # a callable may have called `backward` itself
    slope.backward()
    return {name: as_doubles(leaf.grad) for name, leaf in leaves.items() if leaf.grad is not None}
