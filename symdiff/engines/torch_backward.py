"""The adjoints of all nodes of a program, as PyTorch's backward pass computes them.

Every node is run on detached copies of its arguments, so that PyTorch gives what this node alone
contributes to their adjoints. The adjoint of a node is the sum of what its users contribute.

Source: reverse accumulation as in Griewank & Walther 2008, section 3.2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from symdiff.arithmetics.branches import selected
from symdiff.arithmetics.reading import apply, walk
from symdiff.arithmetics.tensors import tensors_of
from symdiff.array_types import Array, Mask
from symdiff.catalogue import CATALOGUE
from symdiff.engines.base import Problem, TensorProblem
from symdiff.engines.torch_programs import autocast_in, dtype_in, tensor_leaves
from symdiff.program import Program
from symdiff.program.formats import Format
from symdiff.program.nodes import Call, Constant, Input, Literal


@dataclasses.dataclass(frozen=True, slots=True)
class _Call:
    """A call that was run on its own.

    Attributes
    ----------
    value
        Its value.
    leaves
        Its arguments that require gradients, by node.
    run
        The elements of the value that the engine computes: all but those in the branch of a
        conditional expression that is not taken.
    """

    value: torch.Tensor
    leaves: Mapping[int, torch.Tensor]
    run: Mask


@dataclasses.dataclass(frozen=True, slots=True)
class TorchBackwardPass:
    """A backward pass of PyTorch; the fields are those of `engines.backward.BackwardPass`.

    `calls` has the calls that were run on their own, by node.
    """

    program: Program
    pointwise: bool
    values: Mapping[int, Array]
    adjoints: Mapping[int, Array]
    precision: str
    calls: Mapping[int, _Call]

    def contribution(self, user: int, argument: int, adjoint: Array) -> Array | None:
        """Return what a node adds to the adjoint of one of its arguments."""
        call = self.calls.get(user)
        if call is None or argument not in call.leaves:
            return None
        with torch.inference_mode(mode=False):
            added = _contributions(call, torch.tensor(adjoint)).get(argument)
        return None if added is None else added.double().numpy()


def backward_pass(problem: Problem) -> TorchBackwardPass:
    """Return the values and the adjoints of all nodes of a program.

    Parameters
    ----------
    problem
        The program and the points; a program on tensors at one point.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> done = backward_pass(Problem(parse("x*exp(x)"), {"x": np.array([0.0, 1.0])}, ("x",)))
    >>> done.adjoints[done.program.output].tolist()
    [1.0, 1.0]
    >>> {n.name: done.adjoints[i].round(3).tolist() for i, n in enumerate(done.program.nodes)
    ...  if isinstance(n, Input)}
    {'x': [1.0, 5.437]}
    """
    tensor_problem = problem.tensor_problem
    with torch.inference_mode(mode=False), torch.enable_grad():
        if tensor_problem is None:
            leaves = {
                name: torch.tensor(
                    column, dtype=dtype_in(problem.format), requires_grad=name in problem.variables
                )
                for name, column in problem.columns.items()
            }
            shape: tuple[int, ...] | None = (problem.count,)
            program, precision = problem.program, problem.format.dtype.name
        else:
            numbers = {name: float(problem.columns[name][0]) for name in tensor_problem.scalars}
            leaves, shape = tensor_leaves(tensor_problem, numbers), None
            program, precision = tensor_problem.program, tensor_problem.dtype.name
        values, calls = _forward(program, leaves, problem.format)
        arrays = _as_arrays(values, shape)
        run = selected(program, arrays, lazy_only=True)
        calls = {i: dataclasses.replace(c, run=run[i]) for i, c in calls.items() if i in run}
        adjoints = _adjoints(program, calls, _cotangent(values[program.output], tensor_problem))
    return TorchBackwardPass(
        program=program,
        pointwise=tensor_problem is None,
        values=arrays,
        adjoints=_as_arrays(adjoints, shape),
        precision=precision,
        calls=calls,
    )


def _forward(
    program: Program, inputs: Mapping[str, torch.Tensor], form: Format
) -> tuple[dict[int, Any], dict[int, _Call]]:
    """Run every node on detached arguments; return all values, and the calls with gradients."""
    values: dict[int, Any] = {}
    calls: dict[int, _Call] = {}
    arithmetic = tensors_of(form.dtype.name)

    def leaf(index: int, node: Literal | Constant | Input) -> Any:  # noqa: ANN401
        if isinstance(node, Input):
            values[index] = inputs[node.name]
        elif isinstance(node, Literal):
            values[index] = arithmetic.number(node.value)
        else:
            values[index] = arithmetic.constant(node.name)
        return values[index]

    def call(index: int, node: Call, arguments: list[Any]) -> Any:  # noqa: ANN401
        leaves: dict[int, torch.Tensor] = {}
        detached = [
            _detached(program, slot, argument, leaves)
            for slot, argument in zip(node.arguments, arguments, strict=True)
        ]
        value = apply(CATALOGUE[node.function], arithmetic, detached)
        if isinstance(value, torch.Tensor) and value.requires_grad:
            calls[index] = _Call(value, leaves, np.ones((), dtype=bool))
            value = value.detach().requires_grad_()
        values[index] = value
        return value

    with autocast_in(form):
        walk(program, leaf, call)
    return values, calls


def _detached(
    program: Program,
    node: int | None,
    value: Any,  # noqa: ANN401
    leaves: dict[int, torch.Tensor],
) -> Any:  # noqa: ANN401
    """Return a detached copy of an argument; if it requires a gradient, add it to `leaves`."""
    if node is None:
        return None
    inner = program.nodes[node]
    if isinstance(value, tuple) and isinstance(inner, Call):  # a list of tensors
        pairs = zip(inner.operands, value, strict=True)
        return tuple(_detached(program, a, v, leaves) for a, v in pairs)
    if not (isinstance(value, torch.Tensor) and value.requires_grad):
        return value
    return leaves.setdefault(node, value.detach().requires_grad_())


def _cotangent(value: Any, tensor_problem: TensorProblem | None) -> torch.Tensor:  # noqa: ANN401
    """Return the sum of the cotangents that `backward` is called with."""
    output = torch.as_tensor(value)
    cotangents = (None,) if tensor_problem is None else tensor_problem.cotangents
    total = torch.zeros_like(output)
    for c in cotangents:
        one = torch.ones_like(output)
        total += one if c is None else torch.as_tensor(c, dtype=output.dtype).reshape(output.shape)
    return total


def _adjoints(
    program: Program, calls: Mapping[int, _Call], cotangent: torch.Tensor
) -> dict[int, torch.Tensor]:
    """Return the adjoints by node, given that of the output."""
    adjoints = {program.output: cotangent}
    for index in reversed(program.order):
        if index not in adjoints or index not in calls:
            continue
        for argument, added in _contributions(calls[index], adjoints[index]).items():
            known = adjoints.get(argument)
            adjoints[argument] = added if known is None else known + added
    return adjoints


def _contributions(call: _Call, adjoint: torch.Tensor) -> dict[int, torch.Tensor]:
    """Return what a call adds to the adjoints of its arguments, by node."""
    cotangent = adjoint.to(call.value.dtype).expand(call.value.shape)
    added = torch.autograd.grad(
        call.value, [*call.leaves.values()], cotangent, retain_graph=True, allow_unused=True
    )
    return {
        argument: torch.where(_fitted(call.run, gradient), gradient, 0.0)
        for argument, gradient in zip(call.leaves, added, strict=True)
        if gradient is not None
    }


def _fitted(mask: Mask, value: torch.Tensor) -> torch.Tensor:
    """Return a mask; if its shape is not that of a value, whether it has a true element."""
    return torch.as_tensor(mask if mask.shape == value.shape else mask.any())


def _as_arrays(values: Mapping[int, Any], shape: tuple[int, ...] | None) -> dict[int, Array]:
    """Return numbers, conditions and tensors as arrays, broadcast to a shape if it is given."""
    arrays: dict[int, Array] = {}
    for index, value in values.items():
        if isinstance(value, torch.Tensor | float | int):
            tensor = torch.as_tensor(value).detach()
            array = (tensor.double() if tensor.is_floating_point() else tensor).numpy()
            arrays[index] = array if shape is None else np.broadcast_to(array, shape)
    return arrays
