"""Which numbers of a tensor are finite."""

from __future__ import annotations

import math

import torch


def is_finite(tensor: torch.Tensor) -> bool:
    """Return whether all numbers are finite; in one pass, since it is called at every node."""
    if not tensor.numel():
        return True
    if tensor.is_sparse or tensor.is_complex():
        values = tensor.coalesce().values() if tensor.is_sparse else tensor
        return bool(values.isfinite().all())
    for dimension, stride in enumerate(tensor.stride()):
        if stride == 0:  # the same numbers again, as in the gradient of a sum
            tensor = tensor.narrow(dimension, 0, 1)
    if math.isfinite(tensor.detach().sum()):
        return True
    ends = torch.aminmax(tensor.detach())  # the sum of finite numbers may overflow
    return math.isfinite(ends.min) and math.isfinite(ends.max)


def nonfinite(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return a mask of the NaNs and infinities in a tensor; None if there are none."""
    if is_finite(tensor):
        return None
    numbers = dense(tensor)
    return (numbers - numbers) != 0  # NaN for NaN and infinities; faster than `isfinite`


def dense(tensor: torch.Tensor) -> torch.Tensor:
    """Return a sparse tensor with its zeros, and any other one as it is."""
    return tensor.todense() if tensor.is_sparse else tensor


def made_finite(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor with 0 for NaN and infinities."""
    return torch.nan_to_num(dense(tensor), nan=0.0, posinf=0.0, neginf=0.0)
