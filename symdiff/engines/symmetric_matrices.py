"""Find callables that pass an asymmetric matrix to a function of torch that reads one triangle.

torch reads one triangle of the argument of functions such as `torch.linalg.cholesky`, and its
gradient is that of cholesky((x + x.T)/2). A difference moves a single entry, and so makes the
matrix asymmetric, where torch does not say what the function is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from symdiff.array_types import Array
from symdiff.engines.base import TensorProblem
from symdiff.engines.torch_programs import run_program, tensor_leaves
from symdiff.errors import Unsupported

# The functions of torch that read one triangle of their first argument, by their names there.
_READERS: Final = frozenset(
    {"cholesky", "linalg_cholesky", "linalg_cholesky_ex", "linalg_eigh", "linalg_eigvalsh"}
)
_ASYMMETRIC: Final = 0.1  # part of a move that is more than rounding
_REASON: Final = (
    "torch reads one triangle of a symmetric matrix, and the matrix is not symmetric where one of "
    "its entries moves; write the symmetric matrix in the code: (a + a.mT)/2"
)


class _Watch(TorchFunctionMode):  # type: ignore[misc]
    """Notes the first call that reads one triangle of an asymmetric matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.found = ""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  (whatever torch returns)
        """Make the call."""
        del types
        name = getattr(func, "__name__", "")
        named = kwargs or {}
        matrix = args[0] if args else named.get("A", named.get("input"))
        if name in _READERS and not self.found and _is_asymmetric(matrix):
            self.found = name.removeprefix("linalg_")
        return func(*args, **(kwargs or {}))


def check_symmetric_matrices(
    tensor_problem: TensorProblem,
    function: Callable[..., Any],
    numbers: Mapping[str, float],
    direction: Mapping[str, Array],
) -> None:
    """Check that a callable keeps the matrices symmetric of which torch reads one triangle.

    Parameters
    ----------
    tensor_problem
        The formula of the callable, with the values of its tensors.
    function
        The callable.
    numbers
        Its inputs that are numbers.
    direction
        Where the tensors move that do, by name.

    Raises
    ------
    Unsupported
        A matrix becomes asymmetric along the direction.
    """
    leaves = tensor_leaves(tensor_problem, numbers)
    with torch.no_grad():
        for name, v in direction.items():
            leaf = leaves[name]
            step = _relative_move(leaf) * _size(leaf) / max(float(np.abs(v).max(initial=0.0)), 1.0)
            leaf.add_(torch.as_tensor(v * step).to(leaf.dtype))
    watch = _Watch()
    with torch.inference_mode(mode=False), torch.enable_grad(), watch:
        run_program(tensor_problem, leaves, function)
    if watch.found:
        raise Unsupported(watch.found, _REASON)


def every_entry(tensor_problem: TensorProblem, names: Collection[str]) -> dict[str, Array]:
    """Return a direction in which every entry of some tensors moves by a different amount."""
    shapes = {n: tensor_problem.values[n].array.shape for n in names if n in tensor_problem.values}
    return {n: np.linspace(-1, 1, math.prod(s)).reshape(s) for n, s in shapes.items()}


def _relative_move(tensor: torch.Tensor) -> float:
    return math.sqrt(torch.finfo(tensor.dtype).eps)


def _size(tensor: torch.Tensor) -> float:
    """Return the size of the largest entry, or 1 if it is 0."""
    return (float(tensor.abs().max()) if tensor.numel() else 0.0) or 1.0


def _is_asymmetric(matrix: object) -> bool:
    """Return whether a matrix differs from its transpose by more than rounding explains."""
    if not isinstance(matrix, torch.Tensor) or not matrix.numel():
        return False
    values = matrix.detach()
    difference = float((values - values.mT).abs().max())
    return difference > _ASYMMETRIC * _relative_move(values) * _size(values)
