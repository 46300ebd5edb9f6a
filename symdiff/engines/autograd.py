"""PyTorch's reverse mode on the program as written: one batched pass for all points."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds.own_ways import AnyWay
from symdiff.arithmetics.bounds.rounding import FLOAT64, is_overflow, rounded_ball, slope_radius
from symdiff.arithmetics.bounds.ties import ReorderedSums, ReverseMode
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import TENSORS
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE
from symdiff.engines.base import ROUNDING, Allowance, Problem, Samples, TensorProblem, Traits
from symdiff.engines.callables import (
    FACTOR,
    as_doubles,
    call_on_grid,
    dtype_of,
    dtype_of_values,
    nonlinearity,
    varying,
    why_unreached,
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
    accumulated,
    dtype_at,
    with_checks,
    with_checks_along,
)
from symdiff.engines.torch_backward import TorchBackwardPass, backward_pass
from symdiff.errors import Unsupported, describe
from symdiff.program import Program
from symdiff.program.values import DTYPES, FLOATING_DTYPES, Dtype, component_names
from symdiff.request.numpy_functions import NumpyFunction

__all__ = ["ENGINE"]


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
        _refuse_numpy(problem.function)
        with torch.inference_mode(mode=False), torch.enable_grad():  # whatever the caller has set
            return self._differentiate(problem)

    def _differentiate(self, problem: Problem) -> Samples:
        try:
            if problem.tensor_problem is not None:
                return _one_by_one(problem, problem.tensor_problem)
            return _reverse(problem)
        except Unsupported:
            raise
        except Exception as error:  # noqa: BLE001  (torch may raise anything: it is data)
            check_memory(error)
            return without_failing_points(problem, _reverse, error)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        balls = problem.balls(point)
        if problem.function is not None and problem.tensor_problem is None:
            return _allowance_of_callable(problem, variable, point)
        if problem.tensor_problem is None:
            return _rounded(problem.program, variable, balls, FLOAT64, ReverseMode)
        program = problem.tensor_problem.backward_formula or problem.program
        dtype, mode = problem.tensor_problem.dtype, ReorderedSums
        if problem.function is not None:
            dtype = dtype_at(problem, problem.tensor_problem, problem.function, point)
            mode = AnyWay
        return _rounded(program, variable, balls, dtype, mode)

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
        _refuse_numpy(problem.function)
        with torch.inference_mode(mode=False), torch.enable_grad():
            done = accumulated(problem.tensor_problem, {}, problem.function)
        gradients = done.gradients
        slopes = {n: np.array([_product(gradients, v)]) for n, v in problem.directions.items()}
        allowances = {name: _rounding(problem, name, bounds[name]) for name in slopes}
        samples = Samples(slopes)
        if problem.function is not None:
            samples = with_checks_along(samples, problem, bounds, done)
            if done.dtype != problem.tensor_problem.dtype.name:
                reason = f"the callable computes in {done.dtype}: its rounding error is not known"
                allowances = dict.fromkeys(slopes, Allowance(math.nan, reason=reason))
        return DirectionalSamples(samples, allowances, gradients)


def _refuse_numpy(function: Callable[..., Any] | None) -> None:
    """Raise `Unsupported` if a callable computes in numpy: torch sees nothing of it."""
    if isinstance(function, NumpyFunction):
        raise Unsupported(function.name, "it computes in numpy, without a gradient")


def _product(gradients: Mapping[str, Array], v: Direction) -> float:
    terms = [gradients[name][x != 0] @ x[x != 0] for name, x in v.items()]
    return float(sum(terms))


def _rounding(problem: DirectionalProblem, name: str, bound: DirectionalBound) -> Allowance:
    """Return what rounding may do in torch's formulas and dtypes."""
    if any(CATALOGUE[call.function].has_backward_formula for _, call in problem.program.calls()):
        bound = problem.bound(name, backward_formula=True)
    error = bound.slope_error if math.isfinite(bound.slope_error) else math.nan
    dtype = problem.tensor_problem.dtype
    return Allowance(4 * 2.0 ** (53 - dtype.bits) * error, rounded_in=dtype.name)


def _reverse(problem: Problem) -> Samples:
    """Return the derivatives at all points by one backward pass of the sum of the outputs.

    The output at a point depends on the inputs at this point alone.
    """
    if problem.function is not None:
        return _reverse_callable(problem, problem.function)
    leaves = {name: _leaf(problem, name) for name in problem.columns}
    output = read(problem.program, TENSORS, leaves)
    inputs = [leaves[name] for name in problem.variables]
    if not isinstance(output, torch.Tensor) or not output.requires_grad:
        return Samples({name: np.zeros(problem.count) for name in problem.variables})
    gradients = torch.autograd.grad(output.sum(), inputs, allow_unused=True)
    return Samples(
        {
            name: np.zeros(problem.count) if gradient is None else gradient.detach().numpy()
            for name, gradient in zip(problem.variables, gradients, strict=True)
        }
    )


def _leaf(problem: Problem, name: str) -> torch.Tensor:
    """Return an input as a tensor."""
    column, is_variable = problem.columns[name], name in problem.variables
    if column.flags.writeable:
        return torch.from_numpy(column).requires_grad_(is_variable)
    return torch.tensor(column, dtype=torch.float64, requires_grad=is_variable)


def _reverse_callable(problem: Problem, function: Callable[..., Any]) -> Samples:
    """As `_reverse`, with the values, and a check that backward is linear in what comes in."""
    output, leaves = call_on_grid(function, problem.program, problem.columns)
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
    factors = _powers_of_two(problem.count)
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


def _allowance_of_callable(problem: Problem, variable: str, point: int) -> Allowance:
    """Return what rounding may do in the dtype in which a callable computes at a point."""
    here = problem.part(np.array([point]))
    try:
        name = dtype_of(here)
    except Exception as error:  # noqa: BLE001  (a callable may raise anything: no bound is known)
        check_memory(error)
        return Allowance(math.nan, reason=f"the callable failed at this point: {describe(error)}")
    dtype = DTYPES[name]
    for n, x in here.columns.items():
        if np.isfinite(x[0]) and not np.isfinite(dtype.rounded(x[0])):
            return Allowance(math.nan, reason=f"{n} is infinite in {name}")
    balls = {n: rounded_ball(float(x[0]), dtype) for n, x in here.columns.items()}
    reason = ROUNDING if name == "float64" else f"{ROUNDING} in {name}"
    allowance = _rounded(here.program, variable, balls, dtype, AnyWay)
    if allowance.radius == 0 and not allowance.overflows:
        exact = slope_radius(here.program, variable, here.balls(0), dtype, AnyWay)
        if exact > 0:
            why = f"a coordinate that is rounded to {name} may be where the derivative is infinite"
            return Allowance(math.nan, reason=why)
    return dataclasses.replace(allowance, reason=reason)


def _rounded(
    program: Program,
    variable: str,
    balls: Mapping[str, Ball],
    dtype: Dtype,
    mode: type[ReverseMode],
) -> Allowance:
    """Return what rounding, underflow and overflow may do to torch's derivative."""
    radius = slope_radius(program, variable, balls, dtype, mode)
    overflows = is_overflow(program, variable, balls, dtype, radius)
    return Allowance(radius, rounded_in=dtype.name, overflows=overflows)


def _powers_of_two(count: int) -> Array:
    """Return random incoming gradients: powers of two of both signs, the same in every run."""
    rng = np.random.default_rng(0)
    powers: Array = rng.choice([-1.0, 1.0], count) * 2.0 ** rng.integers(1, 4, count)
    return powers


def _one_by_one(problem: Problem, tensor_problem: TensorProblem) -> Samples:
    """Differentiate a program on tensors at one point after the other, as its user would."""
    derivatives = {name: np.full(problem.count, np.nan) for name in problem.variables}
    reason_of = np.zeros(problem.count, dtype=np.int32)
    reasons = [""]
    passes: dict[int, TensorGradients] = {}
    for i in range(problem.count):
        numbers = {name: float(problem.columns[name][i]) for name in tensor_problem.scalars}
        try:
            passes[i] = accumulated(tensor_problem, numbers, problem.function)
        except Unsupported:
            raise
        except Exception as error:  # noqa: BLE001  (torch may raise anything: it is data)
            check_memory(error)
            reasons.append(describe(error))
            reason_of[i] = len(reasons) - 1
            continue
        for name, slope in _by_component(problem, tensor_problem, passes[i].gradients).items():
            derivatives[name][i] = slope
    failing = dict.fromkeys(derivatives, reason_of) if reason_of.any() else {}
    samples = Samples(derivatives, reason_of=failing, reasons=tuple(reasons))
    return samples if problem.function is None else with_checks(samples, problem, passes)


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


ENGINE = _Autograd()
