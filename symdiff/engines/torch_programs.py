"""Run programs on torch tensors; used by every engine on PyTorch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import tensors_of
from symdiff.engines.base import TensorProblem, Traits
from symdiff.program.formats import Format
from symdiff.program.values import FLOATING_DTYPES, index_inputs

# What the engines on PyTorch declare; each says besides in which mode it runs.
TORCH_TRAITS: Final = Traits(
    whole_tensors=True,
    dtypes=FLOATING_DTYPES,
    autocasts=True,
    runs_callables=True,
    runs_in_chunks=False,  # torch has threads of its own
    # https://docs.pytorch.org/docs/stable/notes/autograd.html#gradients-for-non-differentiable-functions
    min_norm_rule="torch's rule",
)


def dtype_in(form: Format) -> torch.dtype:
    """Return the dtype of torch in which a format has its inputs."""
    dtype: torch.dtype = getattr(torch, form.dtype.name)
    return dtype


def autocast_in(form: Format) -> contextlib.AbstractContextManager[object]:
    """Return a context in which torch computes as a format says."""
    if form.autocast is None:
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[object] = torch.autocast(
        "cpu", dtype=getattr(torch, form.autocast.name)
    )
    return context


def tensor_leaves(
    tensor_problem: TensorProblem, numbers: Mapping[str, float]
) -> dict[str, torch.Tensor]:
    """Return the inputs of a program as torch tensors; floating ones require gradients.

    Parameters
    ----------
    tensor_problem
        The program, with the values of its tensors.
    numbers
        The inputs that are numbers, at one point.
    """
    integers = index_inputs(tensor_problem.program)
    leaves = {}
    for name in tensor_problem.program.inputs:
        if name in tensor_problem.values:
            value = tensor_problem.values[name]
            dtype = torch.int64 if name in integers else getattr(torch, value.dtype)
            leaf = torch.tensor(value.array, dtype=dtype)
        else:
            leaf = torch.tensor(numbers[name], dtype=dtype_in(tensor_problem.format))
        leaves[name] = leaf.requires_grad_() if leaf.is_floating_point() else leaf
    return leaves


def run_program(
    tensor_problem: TensorProblem,
    leaves: Mapping[str, torch.Tensor],
    function: Callable[..., Any] | None,
) -> object:
    """Return the value of a program on torch tensors; a number if the program has no inputs.

    Parameters
    ----------
    tensor_problem
        The program.
    leaves
        Its inputs, as from `tensor_leaves`.
    function
        A callable that is run in place of the program.

    Raises
    ------
    TypeError
        The callable returns something other than a tensor.
    ValueError
        The callable returns a tensor of a different shape than the program.
    """
    form = tensor_problem.format
    with autocast_in(form):
        if function is None:
            return read(tensor_problem.program, tensors_of(form.dtype.name), leaves)
        output = function(*leaves.values())
    check_tensor(output)
    if tensor_problem.shape is not None and tuple(output.shape) != tensor_problem.shape:
        returned, expected = tuple(output.shape), tensor_problem.shape
        message = f"the callable returned shape {returned}, but its formula has {expected}"
        raise ValueError(message)
    return output


def check_tensor(output: object) -> None:
    """Check that a callable returned a tensor.

    Raises
    ------
    TypeError
        It did not.
    """
    if not isinstance(output, torch.Tensor):
        message = f"the callable returned {type(output).__name__}, not a tensor"
        raise TypeError(message)
