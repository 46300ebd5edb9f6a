"""Tensors in nested arguments, and where they lie in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from symdiff.arithmetics.torch_graph import is_wrapped


def tensors_in(values: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in nested lists, tuples and mappings."""
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from tensors_in(value)
    elif isinstance(values, tuple | list):
        for value in values:
            yield from tensors_in(value)


def as_reals(tensor: torch.Tensor) -> torch.Tensor:
    """Return complex numbers as pairs of real ones, along a new last dimension."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def is_real_or_complex(tensor: torch.Tensor) -> bool:
    """Return whether a tensor has numbers with derivatives: no integers, no conditions."""
    return bool(tensor.is_floating_point() or tensor.is_complex())


def is_number(value: Any) -> bool:
    """Return whether a value is a number of Python, or a tensor without dimensions."""
    return isinstance(value, int | float) or (isinstance(value, torch.Tensor) and not value.ndim)


def base_of(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor of which another is a view: itself, if it is none."""
    base = tensor._base  # noqa: SLF001  (it has no public form)
    return tensor if base is None else base


def storage_of(tensor: torch.Tensor) -> int:
    """Return the address of a tensor's memory; 0 where it has none that another could share."""
    if is_wrapped(tensor) or tensor.layout != torch.strided:
        return 0
    return int(tensor.untyped_storage().data_ptr())


def places_in_memory(tensor: torch.Tensor) -> torch.Tensor:
    """Return where in the memory that it may share every component of a tensor lies."""
    where = torch.full(tuple(tensor.shape), tensor.storage_offset(), dtype=torch.int64)
    for axis, (n, step) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        shape = [n if k == axis else 1 for k in range(tensor.ndim)]
        where = where + (torch.arange(n) * step).reshape(shape)
    return where
