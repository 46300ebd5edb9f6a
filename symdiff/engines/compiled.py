"""torch.compile on the program as written, and reverse mode through what it compiled.

The compiler writes a program of its own, with other kernels, other orders of sums, and gradients of
what it takes apart. It takes seconds for each program.
"""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import torch
from torch._dynamo.exc import BackendCompilerFailed
from torch.fx.experimental.proxy_tensor import make_fx

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import tensors_of
from symdiff.engines.base import Problem, Samples, TensorProblem
from symdiff.engines.reverse import GradientEngine, on_grid
from symdiff.engines.tensor_gradients import TensorGradients, accumulated
from symdiff.engines.torch_programs import TORCH_TRAITS, dtype_in, run_program, tensor_leaves
from symdiff.errors import Unsupported

__all__ = ["ENGINE"]

_READS_A_VALUE: Final = "trying to get value out of a tracing tensor"  # in torch's message


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Leave out what torch warns of itself while it compiles, and while compiled code fails."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"torch\.")
        yield


@_without_warnings()
def _on_grid(problem: Problem) -> Samples:
    if problem.function is not None:
        compiled = torch.compile(problem.function, dynamic=False)
        return on_grid(dataclasses.replace(problem, function=compiled))
    names = problem.program.inputs

    def run(*inputs: torch.Tensor) -> torch.Tensor:
        named = dict(zip(names, inputs, strict=True))
        return torch.as_tensor(read(problem.program, tensors_of(problem.format.dtype.name), named))

    examples = [
        torch.tensor(problem.columns[name], dtype=dtype_in(problem.format)) for name in names
    ]
    compiled = _compiled(run, examples)
    return on_grid(problem, lambda leaves: compiled(*(leaves[name] for name in names)))


@_without_warnings()
def _at_point(
    tensor_problem: TensorProblem,
    numbers: Mapping[str, float],
    function: Callable[..., Any] | None,
) -> TensorGradients:
    if function is not None:
        compiled = torch.compile(function, dynamic=False)
        return accumulated(tensor_problem, numbers, compiled)
    leaves = tensor_leaves(tensor_problem, numbers)

    def run(*inputs: torch.Tensor) -> torch.Tensor:
        named = dict(zip(leaves, inputs, strict=True))
        return torch.as_tensor(run_program(tensor_problem, named, None))

    examples = [leaf.detach() for leaf in leaves.values()]
    return accumulated(tensor_problem, numbers, _compiled(run, examples))


def _compiled(
    run: Callable[..., torch.Tensor], examples: list[torch.Tensor]
) -> Callable[..., torch.Tensor]:
    """Return a program, as the calls of torch that it makes, compiled for inputs like some.

    Raises
    ------
    Unsupported
        The calls depend on the value of a tensor.
    """
    try:
        calls = make_fx(run)(*examples)
    except RuntimeError as error:
        if _READS_A_VALUE not in str(error):
            raise
        reason = "it cannot read the value of a tensor, as a branch on it does"
        raise Unsupported(make_fx.__name__, reason) from None
    compiled: Callable[..., torch.Tensor] = torch.compile(calls, dynamic=False)

    def call(*inputs: torch.Tensor) -> torch.Tensor:
        try:
            return compiled(*inputs)
        except BackendCompilerFailed as error:
            raise error.inner_exception from None  # its own message only names the compiler

    return call


ENGINE = GradientEngine(
    name="compiled",
    traits=dataclasses.replace(TORCH_TRAITS, modes=("reverse",)),
    on_grid=_on_grid,
    at_point=_at_point,
    reordered=True,
)
