"""PyTorch's reverse mode on the program as written: one batched pass for all points."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from symdiff.arithmetics.bounds.rounding import slope_radius
from symdiff.arithmetics.bounds.ties import ReorderedSums, ReverseMode
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import TENSORS
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE
from symdiff.engines.base import Allowance, Problem, Samples, TensorProblem, Traits
from symdiff.engines.directional import (
    Direction,
    DirectionalBound,
    DirectionalProblem,
    DirectionalSamples,
)
from symdiff.engines.running import check_memory
from symdiff.engines.torch_backward import TorchBackwardPass, backward_pass
from symdiff.engines.torch_programs import check_tensor, run_program, tensor_leaves
from symdiff.errors import Unsupported, describe
from symdiff.program.values import FLOATING_DTYPES, component_names

__all__ = ["ENGINE"]

_MAX_PASSES = 128  # batched passes made to find the points at which torch raises


class _Autograd:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "autograd"
    traits = Traits(
        modes=("reverse",),
        whole_tensors=True,
        dtypes=FLOATING_DTYPES,
        runs_callables=True,
        runs_in_chunks=False,  # torch has threads of its own
        # https://docs.pytorch.org/docs/stable/notes/autograd.html#gradients-for-non-differentiable-functions
        min_norm_rule="torch's rule",
    )

    def differentiate(self, problem: Problem) -> Samples:
        with torch.inference_mode(mode=False), torch.enable_grad():  # whatever the caller has set
            return self._differentiate(problem)

    def _differentiate(self, problem: Problem) -> Samples:
        try:
            if problem.tensor_problem is not None:
                return _one_by_one(problem, problem.tensor_problem)
            return Samples(_reverse(problem))
        except Unsupported:
            raise
        except Exception as error:  # noqa: BLE001  (torch may raise anything: it is data)
            check_memory(error)
            return _without_failing_points(problem, error)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        balls = problem.balls(point)
        if problem.tensor_problem is None:
            return Allowance(slope_radius(problem.program, variable, balls, mode=ReverseMode))
        program = problem.tensor_problem.backward_formula or problem.program
        dtype = problem.tensor_problem.dtype
        return Allowance(slope_radius(program, variable, balls, dtype, ReorderedSums))

    def backward_pass(self, problem: Problem) -> TorchBackwardPass | None:
        if problem.function is not None:
            return None
        try:
            return backward_pass(problem)
        except Exception as error:  # noqa: BLE001  (where `differentiate` fails, this fails too)
            check_memory(error)
            return None

    def along(
        self, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
    ) -> DirectionalSamples:
        with torch.inference_mode(mode=False), torch.enable_grad():
            gradients = _accumulated(problem.tensor_problem, {}, problem.function)
        slopes = {n: np.array([_product(gradients, v)]) for n, v in problem.directions.items()}
        allowances = {name: _rounding(problem, name, bounds[name]) for name in slopes}
        return DirectionalSamples(Samples(slopes), allowances, gradients)


def _product(gradients: Mapping[str, Array], v: Direction) -> float:
    terms = [gradients[name][x != 0] @ x[x != 0] for name, x in v.items()]
    return float(sum(terms))


def _rounding(problem: DirectionalProblem, name: str, bound: DirectionalBound) -> Allowance:
    """Return what rounding may do in torch's formulas and dtypes."""
    if any(CATALOGUE[call.function].backward_formula for _, call in problem.program.calls()):
        bound = problem.bound(name, backward_formula=True)
    error = bound.slope_error if math.isfinite(bound.slope_error) else math.nan
    return Allowance(4 * 2.0 ** (53 - problem.tensor_problem.dtype.bits) * error)


def _reverse(problem: Problem) -> dict[str, np.ndarray]:
    """Return the derivatives at all points by one backward pass of the sum of the outputs.

    The output at a point depends on the inputs at this point alone.
    """
    leaves = {name: _leaf(problem, name) for name in problem.columns}
    if problem.function is not None:
        output = problem.function(*(leaves[name] for name in problem.program.inputs))
        check_tensor(output)
    else:
        output = read(problem.program, TENSORS, leaves)
    inputs = [leaves[name] for name in problem.variables]
    if not isinstance(output, torch.Tensor) or not output.requires_grad:
        return {name: np.zeros(problem.count) for name in problem.variables}
    if problem.function is not None and output.shape != (problem.count,):
        message = f"the callable returned shape {tuple(output.shape)}, not that of its inputs"
        raise ValueError(message)
    gradients = torch.autograd.grad(output.sum(), inputs, allow_unused=True)
    return {
        name: np.zeros(problem.count) if gradient is None else gradient.detach().numpy()
        for name, gradient in zip(problem.variables, gradients, strict=True)
    }


def _leaf(problem: Problem, name: str) -> torch.Tensor:
    """Return an input as a tensor; for a callable a copy, since it may write to it."""
    column, is_variable = problem.columns[name], name in problem.variables
    if problem.function is None and column.flags.writeable:
        return torch.from_numpy(column).requires_grad_(is_variable)
    return torch.tensor(column, dtype=torch.float64, requires_grad=is_variable)


def _one_by_one(problem: Problem, tensor_problem: TensorProblem) -> Samples:
    """Differentiate a program on tensors at one point after the other, as its user would."""
    derivatives = {name: np.full(problem.count, np.nan) for name in problem.variables}
    reason_of = np.zeros(problem.count, dtype=np.int32)
    reasons = [""]
    for i in range(problem.count):
        numbers = {name: float(problem.columns[name][i]) for name in tensor_problem.scalars}
        try:
            gradients = _accumulated(tensor_problem, numbers, problem.function)
        except Unsupported:
            raise
        except Exception as error:  # noqa: BLE001  (torch may raise anything: it is data)
            reasons.append(describe(error))
            reason_of[i] = len(reasons) - 1
            continue
        for name, slope in _by_component(problem, tensor_problem, gradients).items():
            derivatives[name][i] = slope
    failing = dict.fromkeys(derivatives, reason_of) if reason_of.any() else {}
    return Samples(derivatives, reason_of=failing, reasons=tuple(reasons))


def _accumulated(
    tensor_problem: TensorProblem,
    numbers: Mapping[str, float],
    function: Callable[..., Any] | None = None,
) -> dict[str, np.ndarray]:
    """Return `grad` of every floating-point input after all calls of `backward`.

    Parameters
    ----------
    tensor_problem
        The program on tensors, and the cotangents that `backward` is called with.
    numbers
        The inputs that are numbers, at one point.
    function
        A callable that is run in place of the program.
    """
    leaves = tensor_leaves(tensor_problem, numbers)
    output = run_program(tensor_problem, leaves, function)
    floats = {name: leaf for name, leaf in leaves.items() if leaf.is_floating_point()}
    if isinstance(output, torch.Tensor) and output.requires_grad:
        for cotangent in tensor_problem.cotangents:
            c = None
            if cotangent is not None:
                c = torch.as_tensor(cotangent, dtype=output.dtype).reshape(output.shape)
            output.backward(c, retain_graph=True)
    return {
        name: np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.double().numpy()
        for name, leaf in floats.items()
    }


def _by_component(
    problem: Problem, tensor_problem: TensorProblem, gradients: Mapping[str, np.ndarray]
) -> dict[str, float]:
    if tensor_problem.tangent is not None:
        (name,) = problem.variables
        return {name: _product(gradients, tensor_problem.tangent)}
    variables = set(problem.variables)
    return {
        part: float(slope)
        for name, gradient in gradients.items()
        for part, slope in zip(
            component_names(name, gradient.shape), gradient.reshape(-1).tolist(), strict=True
        )
        if part in variables
    }


def _without_failing_points(problem: Problem, error: Exception) -> Samples:
    """Differentiate at the points where torch does not raise, found by halving the array."""
    derivatives = {name: np.full(problem.count, np.nan) for name in problem.variables}
    reason_of = np.zeros(problem.count, dtype=np.int32)
    reasons = ["", describe(error)]
    waiting = [(slice(0, problem.count), describe(error))]
    passes = 0
    while waiting:
        chosen, reason = waiting.pop(0)
        size = chosen.stop - chosen.start
        if size == 1 or passes >= _MAX_PASSES:
            if reason not in reasons:
                reasons.append(reason)
            reason_of[chosen] = reasons.index(reason)
            continue
        middle = chosen.start + size // 2
        for half in (slice(chosen.start, middle), slice(middle, chosen.stop)):
            passes += 1
            try:
                gradients = _reverse(problem.part(half))
            except Exception as inner:  # noqa: BLE001  (as above)
                waiting.append((half, describe(inner)))
            else:
                for name, gradient in gradients.items():
                    derivatives[name][half] = gradient
    failing = dict.fromkeys(derivatives, reason_of) if reason_of.any() else {}
    return Samples(derivatives, reason_of=failing, reasons=tuple(reasons))


ENGINE = _Autograd()
