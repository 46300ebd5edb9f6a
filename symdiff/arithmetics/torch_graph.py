"""The graph that torch records for its backward pass."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch


def is_wrapped(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is one of vmap, grad or jvp, which stand for another tensor."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))  # noqa: SLF001


def leads_to(tensor: torch.Tensor, leaves: Collection[int]) -> bool:
    """Return whether torch's graph leads from a tensor to one of some leaves, given by their ids.

    The graph of a tensor of vmap, grad or jvp is not to be seen: it may.
    """
    if tensor.grad_fn is None or is_wrapped(tensor):
        return tensor.grad_fn is not None
    seen: set[Any] = set()
    waiting: list[Any] = [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if id(getattr(node, "variable", None)) in leaves:
            return True
        waiting += [following for following, _ in node.next_functions]
    return False
