"""Engines that return whole gradients in torch, such as torch's reverse mode.

Such an engine has two functions: one differentiates on a grid, in one batched pass for all points,
the other a program on tensors at one point. The rest of the engine's contract is here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import tensors_of
from symdiff.array_types import Array
from symdiff.engines.base import Allowance, Problem, Samples, TensorProblem, Traits
from symdiff.engines.callables import (
    as_doubles,
    call_on_grid,
    difference_of_runs,
    dtype_of_values,
    refuse_numpy,
    varying,
    why_unreached,
    with_linear_checks,
)
from symdiff.engines.directional import (
    Direction,
    DirectionalBound,
    DirectionalProblem,
    DirectionalSamples,
)
from symdiff.engines.options import EngineOption
from symdiff.engines.running import check_memory, is_long, without_failing_points
from symdiff.engines.tensor_gradients import TensorGradients, at_every_point, with_checks_along
from symdiff.engines.torch_backward import TorchBackwardPass
from symdiff.engines.torch_programs import autocast_in, dtype_in
from symdiff.engines.torch_rounding import allowance_along, allowance_at
from symdiff.errors import Unsupported
from symdiff.libraries import one_torch_thread
from symdiff.program.formats import FLOAT64
from symdiff.program.values import component_names

__all__ = ["GradientEngine", "on_grid"]

# Takes the inputs by name; returns the value of a program.
Run = Callable[[Mapping[str, torch.Tensor]], Any]


DEVICES: Final = ("cpu", "cuda", "mps")


@contextlib.contextmanager
def _set_up(device: str, dtype: str) -> Iterator[None]:
    """Let torch record gradients, whatever the caller has set, and compute on a device.

    Raises
    ------
    Unsupported
        There is no such device here, or it does not have the dtype.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        if device:
            if not getattr(torch, device).is_available():
                raise Unsupported(device, "torch finds no such device here")
            if device == "mps" and dtype == "float64":
                raise Unsupported(device, "it has no float64")
            stack.enter_context(torch.device(device))
        yield


def _no_backward_pass(problem: Problem) -> None:
    del problem


@dataclasses.dataclass(frozen=True, slots=True)
class GradientEngine:
    """An engine of this kind; see `symdiff.engines.base.Engine`.

    Attributes
    ----------
    name, traits
        As in the contract of engines.
    on_grid
        Returns the derivatives of a function of numbers at all points.
    at_point
        Takes a program on tensors, its numbers at one point, and the callable that is run in its
        place or None. Returns the gradients.
    reordered
        Whether it may compute a program by other formulas than torch's own.
    backward_pass
        See `symdiff.engines.backward.HasBackwardPass`.
    twice
        Returns the second derivatives, if the traits declare that it has them.
    device
        Where it computes; "": where torch does by default.
    """

    name: str
    traits: Traits
    on_grid: Callable[[Problem], Samples]
    at_point: Callable[
        [TensorProblem, Mapping[str, float], Callable[..., Any] | None], TensorGradients
    ]
    reordered: bool = False
    backward_pass: Callable[[Problem], TorchBackwardPass | None] = _no_backward_pass
    twice: Callable[[Problem], Samples] | None = None
    device: str = ""

    @property
    def options(self) -> tuple[EngineOption, ...]:
        """The option `device`."""
        return (EngineOption("device", "a device", words=DEVICES),)

    def configured(self, name: str, values: Mapping[str, Any]) -> GradientEngine:
        """Return the engine on a device."""
        return dataclasses.replace(self, name=name, device=values["device"])

    def differentiate(self, problem: Problem) -> Samples:
        """Return the derivatives at every point."""
        refuse_numpy(problem.function)
        dtype = (
            problem.tensor_problem.dtype.name
            if problem.tensor_problem
            else problem.format.dtype.name
        )
        with _set_up(self.device, dtype):
            if problem.order != 1 and self.twice is not None:
                return self.twice(problem)
            if problem.tensor_problem is not None:
                at_point = functools.partial(self._at_point, problem, problem.tensor_problem)
                return at_every_point(problem, problem.tensor_problem, at_point)
            try:
                return self.on_grid(problem)
            except Unsupported:
                raise
            except Exception as error:  # noqa: BLE001  (torch may raise anything)
                check_memory(error)
                return without_failing_points(problem, self.on_grid, error)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        """Return None: there are no estimates."""
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        """Return how far rounding may take the derivative from the truth."""
        return allowance_at(problem, variable, point, reordered=self.reordered)

    def along(
        self, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
    ) -> DirectionalSamples:
        """Return the derivatives of a program on large tensors along directions."""
        refuse_numpy(problem.function)
        with _set_up(self.device, problem.tensor_problem.dtype.name):
            done = self.at_point(problem.tensor_problem, {}, problem.function)
        gradients = done.gradients
        slopes = {n: np.array([_product(gradients, v)]) for n, v in problem.directions.items()}
        allowances = {name: allowance_along(problem, name, bounds[name]) for name in slopes}
        samples = Samples(slopes)
        if problem.function is not None:
            samples = with_checks_along(samples, problem, bounds, done)
            if done.dtype != problem.tensor_problem.dtype.name:
                reason = f"the callable computes in {done.dtype}: its rounding error is not known"
                allowances = dict.fromkeys(slopes, Allowance(math.nan, reason=reason))
        return DirectionalSamples(samples, allowances, gradients)

    def _at_point(
        self, problem: Problem, tensor_problem: TensorProblem, numbers: Mapping[str, float]
    ) -> tuple[dict[str, float], TensorGradients]:
        done = self.at_point(tensor_problem, numbers, problem.function)
        return _by_component(problem, tensor_problem, done.gradients), done


def on_grid(problem: Problem, run: Run | None = None) -> Samples:
    """Return the derivatives at all points by one backward pass of the sum of the outputs.

    The output at a point depends on the inputs at this point alone.

    Parameters
    ----------
    problem
        The problem.
    run
        Runs the program; None: torch runs it as it is written. A callable is run in any case.
    """
    if problem.function is not None:
        return _of_callable(problem, problem.function)
    leaves = {name: _leaf(problem, name) for name in problem.columns}

    def backward() -> tuple[Array, dict[str, Array]]:
        with autocast_in(problem.format):
            arithmetic = tensors_of(problem.format.dtype.name)
            output = read(problem.program, arithmetic, leaves) if run is None else run(leaves)
        values = as_doubles(torch.as_tensor(output))
        if values.shape != (problem.count,):
            values = np.broadcast_to(values, problem.count).copy()
        if not isinstance(output, torch.Tensor) or not output.requires_grad:
            return values, {name: np.zeros(problem.count) for name in problem.variables}
        inputs = [leaves[name] for name in problem.variables]
        found = torch.autograd.grad(output.sum(), inputs, allow_unused=True)
        return values, {
            name: np.zeros(problem.count) if gradient is None else as_doubles(gradient)
            for name, gradient in zip(problem.variables, found, strict=True)
        }

    if problem.is_chunk:  # other threads run other chunks
        with one_torch_thread():
            values, gradients = backward()
        return Samples(gradients, values=values)
    values, gradients = backward()
    samples = Samples(gradients, values=values)
    if is_long(problem):
        return samples
    return dataclasses.replace(samples, notes=difference_of_runs(gradients, backward()[1]))


def _leaf(problem: Problem, name: str) -> torch.Tensor:
    """Return an input as a tensor."""
    column, is_variable = problem.columns[name], name in problem.variables
    if problem.format != FLOAT64:
        leaf = torch.tensor(column, dtype=dtype_in(problem.format))
        return leaf.requires_grad_(is_variable)
    if column.flags.writeable and torch.get_default_device().type == "cpu":
        return torch.from_numpy(column).requires_grad_(is_variable)
    return torch.tensor(column, dtype=torch.float64, requires_grad=is_variable)


def _of_callable(problem: Problem, function: Callable[..., Any]) -> Samples:
    """Return the derivatives of a callable, after the checks of its backward pass."""
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

    gradients = gradients_for(np.ones(problem.count))
    missing = [name for name in problem.variables if name not in gradients]
    refusals = {
        name: why_unreached(name, output, leaves[name]) for name in varying(problem, missing)
    }
    nothing = {
        name: np.full(problem.count, np.nan if name in refusals else 0.0) for name in missing
    }
    samples = Samples(
        {name: {**gradients, **nothing}[name] for name in problem.variables},
        refusals=refusals,
        values=values,
        dtype=dtype_of_values(problem, values),
    )
    return with_linear_checks(samples, gradients, gradients_for)


def _product(gradients: Mapping[str, Array], v: Direction) -> float:
    """Return the product of gradients with a direction; NaN does not count where that is 0."""
    terms = [gradients[name][x != 0] @ x[x != 0] for name, x in v.items()]
    return float(sum(terms))


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
