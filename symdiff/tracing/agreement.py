"""Compare a tensor with another that was computed by different operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch

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
    if expected.dtype == torch.bool:
        return bool((found.bool() == expected).all())
    a, b = found.double(), expected.double()
    scale = largest_number(b) if scale is None else scale
    return bool(torch.isclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True).all())


def largest_number(tensor: torch.Tensor) -> float:
    """Return the largest finite number in a tensor, by its absolute value."""
    finite = tensor[tensor.isfinite()].double().abs()
    return float(finite.max()) if finite.numel() else 0.0


def first_number(tensor: torch.Tensor) -> str:
    """Return the first number of a tensor, and its shape, for a message."""
    flat = tensor.reshape(-1)
    shape = f" in shape {tuple(tensor.shape)}" if tensor.ndim else ""
    return f"{flat[0].item():.17g}{shape}" if flat.numel() else f"nothing{shape}"
