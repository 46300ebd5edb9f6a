"""torch.func.grad under vmap over the points.

Of a user's callable the batching of its custom Functions is checked: a `vmap` of their own, or
`generate_vmap_rule`.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final

import numpy as np
import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import tensors_of
from symdiff.array_types import Array
from symdiff.engines.base import Problem, Samples, TensorProblem
from symdiff.engines.callables import (
    FACTOR,
    as_doubles,
    dtype_of_values,
    nonlinearity,
    run_on_grid,
    with_linear_checks,
)
from symdiff.engines.reverse import GradientEngine
from symdiff.engines.tensor_gradients import TensorGradients, dtype_of_value
from symdiff.engines.torch_programs import (
    TORCH_TRAITS,
    autocast_in,
    dtype_in,
    run_program,
    tensor_leaves,
)
from symdiff.errors import Unsupported
from symdiff.program.values import DTYPES

__all__ = ["ENGINE"]

_NEARER: Final = 0.75  # the factor and the term that make another point of a point
_FURTHER: Final = 0.125
_SLOW_VMAP: Final = "There is a performance drop"  # a function without a rule is run by a loop
_VMAP: Final = "vmap"  # what cannot run a program
_Tensors = Mapping[str, torch.Tensor]
# What stands in the way of torch.func: a part of torch's message, and in few words why.
_REASONS: Final = (
    ("not have vmap support", "{owner} has no vmap rule: neither vmap nor generate_vmap_rule"),
    ("must override the setup_context", "{owner} has no setup_context, which torch.func needs"),
    (".item() on a Tensor", "vmap cannot read the value of a tensor: item(), or a branch on it"),
    ("in randomness error mode", "vmap cannot draw random numbers"),
    ("we do not yet support", "vmap cannot run {operator}: torch has no rule for it"),
    ("Batching rule not implemented", "vmap cannot run {operator}: torch has no rule for it"),
    ("can output dynamic shape", "vmap cannot run {operator}: its shape depends on values"),
)


def _on_grid(problem: Problem) -> Samples:
    """Return the derivatives of a function of numbers, mapped over the points."""
    if not problem.variables:
        return Samples({})
    function, program = problem.function, problem.written

    def run(inputs: _Tensors) -> Any:  # noqa: ANN401  (a tensor, or a number)
        with autocast_in(problem.format):
            if function is None:
                return read(program, tensors_of(problem.format.dtype.name), inputs)
            return run_on_grid(function, program, inputs)

    if problem.second is not None:
        run = functools.partial(_inner_slope, run, problem.second.inner)
    count, dtype = problem.count, dtype_in(problem.format)
    inputs = {
        name: _with_stranger(torch.tensor(x, dtype=dtype)) for name, x in problem.columns.items()
    }
    mapped = _Mapped(run, problem.variables, _identity, is_callable=function is not None)

    def differentiate(factors: Array) -> tuple[Array, dict[str, Array]]:
        values, found = mapped(inputs, torch.tensor([*factors, 1.0], dtype=torch.float64))
        return values[:count], {name: x[:count] for name, x in found.items()}

    def gradients_for(factors: Array) -> dict[str, Array]:
        return differentiate(factors)[1]

    values, gradients = differentiate(np.ones(count))
    samples = Samples(gradients, values=values)
    if function is None:
        return samples
    samples = dataclasses.replace(samples, dtype=dtype_of_values(problem, values))
    return with_linear_checks(samples, gradients, gradients_for)


def _twice(problem: Problem) -> Samples:
    """Return the second derivatives of a program on numbers: a gradient of a gradient."""
    if problem.function is not None:
        name, reason = "func", "it has no second derivatives of callables"
        raise Unsupported(name, reason)
    return _on_grid(problem)


def _inner_slope(run: Callable[[_Tensors], Any], name: str, inputs: _Tensors) -> torch.Tensor:
    """Return the derivative along an input, at one point."""

    def along(x: torch.Tensor) -> torch.Tensor:
        # A program may be a number that does not depend on its input.
        return torch.as_tensor(run({**inputs, name: x})) + 0 * x.sum()

    slope: torch.Tensor = torch.func.grad(along)(inputs[name])
    return slope


def _at_point(
    tensor_problem: TensorProblem,
    numbers: Mapping[str, float],
    function: Callable[..., Any] | None,
) -> TensorGradients:
    """Return the gradients of a program on tensors: the first of a batch of three.

    The second has a different incoming gradient, the third other inputs.
    """
    leaves = {name: x.detach() for name, x in tensor_leaves(tensor_problem, numbers).items()}
    floats = {name: x for name, x in leaves.items() if x.is_floating_point()}
    fixed = {name: x for name, x in leaves.items() if name not in floats}

    def run(inputs: _Tensors) -> Any:  # noqa: ANN401
        merged = {**fixed, **inputs}
        return run_program(tensor_problem, {name: merged[name] for name in leaves}, function)

    def contract(value: torch.Tensor) -> torch.Tensor:
        total = torch.zeros((), dtype=value.dtype)
        for cotangent in tensor_problem.cotangents:
            c = torch.as_tensor(1.0 if cotangent is None else cotangent, dtype=value.dtype)
            total = total + (c.reshape(value.shape) * value).sum()
        return total

    batch = {name: _with_stranger(torch.stack([x, x])) for name, x in floats.items()}
    factors = torch.tensor([1.0, FACTOR, 1.0], dtype=torch.float64)
    differentiate = _Mapped(run, [*floats], contract, is_callable=function is not None)
    values, found = differentiate(batch, factors)
    gradients = {name: both[0] for name, both in found.items()}
    if function is None:
        return TensorGradients(gradients, value=values[0])
    dtype = dtype_of_value(tensor_problem, numbers, function, values[0])
    faults = {}
    for name, both in found.items():
        fault = nonlinearity(both[0], [(FACTOR, both[1])], both[1].copy, DTYPES[dtype])
        if fault is not None:
            faults[name] = fault
    return TensorGradients(gradients, value=values[0], dtype=dtype, faults=faults)


def _with_stranger(batch: torch.Tensor) -> torch.Tensor:
    """Return a batch with one more entry: a vmap that mixes entries is seen in the others."""
    return torch.cat([batch, (batch[-1:] * _NEARER + _FURTHER).to(batch.dtype)])


class _Mapped:
    """The gradients of a function, mapped over the first axis of its inputs.

    Attributes are the arguments: the function, the inputs that it is differentiated by, what makes
    a number of its value, and whether it is the user's callable.
    """

    def __init__(
        self,
        run: Callable[[_Tensors], Any],
        moving: Sequence[str],
        contract: Callable[[torch.Tensor], torch.Tensor],
        *,
        is_callable: bool,
    ) -> None:
        self._run, self._moving, self._contract = run, tuple(moving), contract
        self._is_callable = is_callable

    def __call__(self, inputs: _Tensors, factors: torch.Tensor) -> tuple[Array, dict[str, Array]]:
        """Return the values, and the gradients multiplied by factors, by input."""
        names = (*self._moving, *(name for name in inputs if name not in self._moving))

        def function(factor: torch.Tensor, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
            output = torch.as_tensor(self._run(dict(zip(names, given, strict=True))))
            number = self._contract(output)
            number = number if number.is_floating_point() else number.double()
            return factor.to(number.dtype) * number, output

        positions = tuple(range(1, 1 + len(self._moving)))
        mapped = torch.func.vmap(torch.func.grad(function, positions, has_aux=True))
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=_SLOW_VMAP)
                gradients, output = mapped(factors, *(inputs[name] for name in names))
        except RuntimeError as error:
            raise self._in_one_line(error) from None
        found = zip(self._moving, gradients, strict=True)
        return as_doubles(output), {name: as_doubles(gradient) for name, gradient in found}

    def _in_one_line(self, error: RuntimeError) -> Exception:
        """Return what stands in the way of torch.func, in one line; else the error itself.

        A program that vmap cannot run is unsupported. A callable of the user's fails.
        """
        said = str(error)
        reason = next((words for part, words in _REASONS if part in said), "")
        if not reason:
            return error
        operator = re.search(r"(?:vmap over|support|implemented for) (aten::\w+)", said)
        reason = reason.format(
            owner=_function_in(error.__traceback__) or "a Function",
            operator=operator[1] if operator else "this",
        )
        return (
            RuntimeError(reason)
            if self._is_callable
            else Unsupported(_VMAP, reason.removeprefix(f"{_VMAP} "))
        )


def _function_in(traceback: TracebackType | None) -> str:
    """Return the name of the user's Function in which an exception was raised, or ""."""
    name = ""
    while traceback is not None:
        scope = traceback.tb_frame.f_locals
        for found in (scope.get("cls"), scope.get("autograd_function")):
            if isinstance(found, type) and not found.__module__.startswith("torch."):
                name = found.__name__
        traceback = traceback.tb_next
    return name


def _identity(value: torch.Tensor) -> torch.Tensor:
    return value


ENGINE = GradientEngine(
    name="func",
    traits=dataclasses.replace(TORCH_TRAITS, modes=("reverse",), orders=(1, 2)),
    twice=_twice,
    on_grid=_on_grid,
    at_point=_at_point,
)
