"""Engines that push tangents through a program or a callable in torch, one direction at a time.

Such an engine has a function `Linearize`. All else is here: numbers on grids, programs on tensors
component by component, large tensors along directions, and callables with their checks.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import tensors_of
from symdiff.array_types import Array
from symdiff.engines.base import Allowance, Problem, Samples, TensorProblem, Traits
from symdiff.engines.callables import (
    FACTOR,
    Linear,
    as_doubles,
    contracted,
    dtype_of_values,
    nonlinearity,
    refuse_numpy,
    run_on_grid,
    varying,
    with_linear_checks,
)
from symdiff.engines.directional import (
    Direction,
    DirectionalBound,
    DirectionalProblem,
    DirectionalSamples,
)
from symdiff.engines.running import check_memory, without_failing_points
from symdiff.engines.tensor_gradients import (
    TensorGradients,
    at_every_point,
    dtype_of_value,
    with_checks_along,
)
from symdiff.engines.torch_programs import autocast_in, dtype_in, run_program, tensor_leaves
from symdiff.engines.torch_rounding import allowance_along, allowance_at
from symdiff.errors import Unsupported
from symdiff.program.values import DTYPES, component_names

__all__ = ["Push", "PushingEngine", "Tensors"]

Tensors = Mapping[str, torch.Tensor]
# Takes the tangents of some inputs; returns the value, and its tangent or None if there is none.
Push = Callable[[Tensors], tuple[Any, torch.Tensor | None]]
# Takes a function of inputs by name, the inputs, and the names of those with tangents.
_Linearize = Callable[[Callable[[Tensors], Any], Tensors, Sequence[str]], Push]


@dataclasses.dataclass(frozen=True, slots=True)
class PushingEngine:
    """An engine of this kind; see `symdiff.engines.base.Engine`.

    Attributes
    ----------
    name, traits
        As in the contract of engines.
    linearize
        How it pushes tangents.
    linear
        What of a callable has to be linear, in words.
    records
        Whether torch has to record the graph of a program. Of a callable it does in any case, as
        the callable may need it inside.
    """

    name: str
    traits: Traits
    linearize: _Linearize
    linear: Linear
    records: bool = False

    def differentiate(self, problem: Problem) -> Samples:
        """Return the derivatives at every point."""
        refuse_numpy(problem.function)
        with torch.inference_mode(mode=False), torch.enable_grad():  # whatever the caller has set
            if problem.tensor_problem is not None and problem.order == 1:
                at_point = functools.partial(self._at_point, problem, problem.tensor_problem)
                return at_every_point(problem, problem.tensor_problem, at_point)
            try:
                return self._on_grid(problem)
            except Unsupported:
                raise
            except Exception as error:  # noqa: BLE001  (torch may raise anything: it is data)
                check_memory(error)
                return without_failing_points(problem, self._on_grid, error)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        """Return None: there are no estimates."""
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        """Return how far rounding may take it."""
        return allowance_at(problem, variable, point)

    def along(
        self, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
    ) -> DirectionalSamples:
        """Return the derivatives of a program on large tensors along directions."""
        refuse_numpy(problem.function)
        with torch.inference_mode(mode=False), torch.enable_grad():
            return self._along(problem, bounds)

    def _on_grid(self, problem: Problem) -> Samples:
        """Return the derivatives of a function of numbers at all points together."""
        function, program = problem.function, problem.written
        if function is not None and problem.order > 1:
            raise Unsupported(self.name, "it has no second derivatives of callables")
        records = self.records or function is not None or problem.order > 1
        dtype, arithmetic = dtype_in(problem.format), tensors_of(problem.format.dtype.name)
        leaves = {
            n: torch.tensor(x, dtype=dtype, requires_grad=records)
            for n, x in problem.columns.items()
        }

        def run(inputs: Tensors) -> Any:  # noqa: ANN401  (a tensor, or a number)
            with autocast_in(problem.format):
                if function is None:
                    return read(program, arithmetic, inputs)
                return run_on_grid(function, program, inputs)

        if problem.second is not None:
            run = functools.partial(_inner_slope, run, problem.second.inner)

        push = self.linearize(run, leaves, problem.variables)
        count = problem.count

        def pushed(name: str, tangent: Array) -> tuple[Array, Array | None]:
            value, found = push({name: torch.as_tensor(tangent, dtype=dtype)})
            values = np.broadcast_to(as_doubles(torch.as_tensor(value)), count).copy()
            return values, None if found is None else as_doubles(found).reshape(count)

        ones = np.ones(count)
        columns = {name: pushed(name, ones) for name in problem.variables}
        tangents = {name: t for name, (_, t) in columns.items() if t is not None}
        samples = Samples(
            {name: tangents.get(name, np.zeros(count)) for name in columns},
            values=next((values for values, _ in columns.values()), None),
        )
        if function is None or samples.values is None:
            return samples
        unreached = varying(problem, [name for name in columns if name not in tangents])
        nothing = {name: np.full(count, np.nan) for name in unreached}
        samples = dataclasses.replace(
            samples,
            derivatives={**samples.derivatives, **nothing},
            refusals={name: _why_without_tangent(name) for name in unreached},
            dtype=dtype_of_values(problem, samples.values),
        )

        def tangents_for(factors: Array) -> dict[str, Array]:
            return {name: _or_zero(pushed(name, factors)) for name in tangents}

        return with_linear_checks(samples, tangents, tangents_for, self.linear)

    def _at_point(
        self, problem: Problem, tensor_problem: TensorProblem, numbers: Mapping[str, float]
    ) -> tuple[dict[str, float], TensorGradients]:
        """Return the derivatives of a program on tensors at one point, and what was found."""

        def contract(tangent: Array) -> float:
            return float(contracted(problem, tangent[np.newaxis])[0])

        directions = _directions(problem, tensor_problem, numbers)
        pushed = self._pushed(tensor_problem, numbers, problem.function, directions, contract)
        slopes = {name: 0.0 if t is None else t for name, t in pushed.slopes.items()}
        return slopes, pushed.found

    def _along(
        self, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
    ) -> DirectionalSamples:
        tensor_problem = problem.tensor_problem
        pushed = self._pushed(
            tensor_problem, {}, problem.function, problem.directions, problem.contracted
        )
        slopes = {name: np.array([t or 0.0]) for name, t in pushed.slopes.items()}
        allowances = {name: allowance_along(problem, name, bounds[name]) for name in slopes}
        samples, found = Samples(slopes), pushed.found
        if problem.function is not None:
            samples = with_checks_along(samples, problem, bounds, found)
            if found.dtype != tensor_problem.dtype.name:
                reason = f"the callable computes in {found.dtype}: its rounding error is not known"
                allowances = dict.fromkeys(slopes, Allowance(math.nan, reason=reason))
        return DirectionalSamples(samples, allowances, {})

    def _pushed(
        self,
        tensor_problem: TensorProblem,
        numbers: Mapping[str, float],
        function: Callable[..., Any] | None,
        directions: Mapping[str, Direction],
        contract: Callable[[Array], float],
    ) -> _Pushed:
        """Push the tangents of several directions through a program on tensors."""
        leaves = tensor_leaves(tensor_problem, numbers)
        if function is None and not self.records:
            leaves = {name: leaf.detach() for name, leaf in leaves.items()}
        moving = tuple(dict.fromkeys(name for v in directions.values() for name in v))
        push = self.linearize(
            lambda inputs: run_program(tensor_problem, inputs, function), leaves, moving
        )
        value = np.zeros(())

        def slope(v: Direction, factor: float = 1.0) -> float | None:
            nonlocal value
            tangents = {
                name: torch.as_tensor(factor * x, dtype=leaves[name].dtype).expand(
                    leaves[name].shape
                )
                for name, x in v.items()
            }
            output, tangent = push(tangents)
            value = as_doubles(torch.as_tensor(output))
            return None if tangent is None else contract(as_doubles(tangent))

        slopes = {name: slope(v) for name, v in directions.items()}
        if function is None:
            return _Pushed(slopes, TensorGradients({}, value=value))
        faults, missing = {}, {}
        dtype = dtype_of_value(tensor_problem, numbers, function, value)
        for name in moving:
            own = [direction for direction, v in directions.items() if name in v]
            if all(slopes[direction] is None for direction in own):
                missing[name] = _why_without_tangent(name)
                continue
            together = _sum([directions[direction] for direction in own])
            one, scaled = (np.array([slope(together, by) or 0.0]) for by in (1.0, FACTOR))
            fault = nonlinearity(
                one,
                [(FACTOR, scaled)],
                functools.partial(np.copy, scaled),
                DTYPES[dtype],
                self.linear,
            )
            if fault is not None:
                faults[name] = fault[0], np.ones(leaves[name].shape, dtype=bool)
        shapes = {name: np.zeros(leaves[name].shape) for name in moving}
        return _Pushed(slopes, TensorGradients(shapes, missing, value, dtype, faults))


def _inner_slope(run: Callable[[Tensors], Any], name: str, inputs: Tensors) -> torch.Tensor:
    """Return the derivatives along an input, which reverse mode computes and torch records."""
    output = run(inputs)
    zeros = torch.zeros_like(inputs[name])
    if not isinstance(output, torch.Tensor) or not output.requires_grad:
        return zeros
    one = torch.ones_like(output)
    (slope,) = torch.autograd.grad(
        output, [inputs[name]], one, create_graph=True, allow_unused=True
    )
    return zeros if slope is None else slope


class _Pushed(NamedTuple):
    """The derivatives along directions, None where no tangent arrives, and what was found."""

    slopes: Mapping[str, float | None]
    found: TensorGradients


def _directions(
    problem: Problem, tensor_problem: TensorProblem, numbers: Mapping[str, float]
) -> dict[str, Direction]:
    """Return the direction of every variable: of a component, the unit vector."""
    if tensor_problem.tangent is not None:
        (variable,) = problem.variables
        return {variable: tensor_problem.tangent}
    shapes = {name: value.array.shape for name, value in tensor_problem.values.items()}
    shapes |= dict.fromkeys(numbers, ())
    variables = set(problem.variables)
    found: dict[str, Direction] = {}
    for name, shape in shapes.items():
        for index, part in zip(np.ndindex(*shape), component_names(name, shape), strict=True):
            if part in variables:
                unit = np.zeros(shape)
                unit[index] = 1.0
                found[part] = {name: unit}
    return found


def _sum(directions: Sequence[Direction]) -> Direction:
    names = dict.fromkeys(name for v in directions for name in v)
    return {name: np.asarray(sum(v[name] for v in directions if name in v)) for name in names}


def _or_zero(pushed: tuple[Array, Array | None]) -> Array:
    value, tangent = pushed
    return np.zeros(len(value)) if tangent is None else tangent


def _why_without_tangent(name: str) -> str:
    return f"the callable's value has no tangent that comes from {name}"
