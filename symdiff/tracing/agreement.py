"""Compare a tensor with another that was computed by different operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch

from symdiff.program.values import component_name

# Relative deviations that a different order of the operations explains, by dtype.
DEVIATIONS: Final[Mapping[torch.dtype, float]] = {
    torch.float64: 1e-9,
    torch.float32: 1e-3,
    torch.float16: 0.05,
    torch.bfloat16: 0.2,
}


def agrees(
    found: torch.Tensor, expected: torch.Tensor, tolerance: float, scale: float | None = None
) -> bool:
    """Return whether two tensors have the same shape, and the same numbers up to a tolerance.

    Parameters
    ----------
    found, expected
        The tensors; NaN agrees with NaN.
    tolerance
        The relative deviation that is allowed, also relative to `scale`.
    scale
        The size of the numbers from which the tensors were computed; the largest in `expected` if
        it is not given.
    """
    if tuple(found.shape) != tuple(expected.shape):
        return False
    return bool(_are_close(found, expected, tolerance, scale).all())


def _are_close(
    found: torch.Tensor, expected: torch.Tensor, tolerance: float, scale: float | None = None
) -> torch.Tensor:
    """Return for each component of two tensors of one shape whether they agree; see `agrees`."""
    if expected.dtype == torch.bool:
        return found.bool() == expected
    a, b = found.double(), expected.double()
    scale = largest_number(b) if scale is None else scale
    return torch.isclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True)


def largest_number(tensor: torch.Tensor) -> float:
    """Return the largest finite number in a tensor, by its absolute value."""
    finite = tensor[tensor.isfinite()].double().abs()
    return float(finite.max()) if finite.numel() else 0.0


def difference(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> str:
    """Return the first numbers of two tensors that do not agree, and where they are.

    The tensors have to differ; see `agrees`.

    Examples
    --------
    >>> difference(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5]), 1e-9)
    '2 and 2.5 at [1]'
    >>> difference(torch.ones(2), torch.ones(3, 1), 1e-9)
    'the shapes (2,) and (3, 1)'
    """
    if tuple(found.shape) != tuple(expected.shape):
        return f"the shapes {tuple(found.shape)} and {tuple(expected.shape)}"
    first = int((~_are_close(found, expected, tolerance)).reshape(-1).int().argmax())
    where = tuple(map(int, np.unravel_index(first, tuple(expected.shape))))
    numbers = f"{found[where].item():.17g} and {expected[where].item():.17g}"
    return f"{numbers} at {component_name('', where)}" if where else numbers
