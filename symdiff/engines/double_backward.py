"""PyTorch's reverse mode, differentiated with respect to the incoming gradient (double backward).

The gradient g = J^T·u is linear in the incoming gradient u, so its derivative with respect to u
along a tangent v is J·v, the first derivative. Second derivatives need the same graph of the
backward pass: a backward that torch cannot differentiate, or whose own backward is wrong, is
reported here.

Source: J. Townsend, "A new trick for calculating Jacobian vector products", 2017.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch

from symdiff.engines.callables import Linear
from symdiff.engines.graph import nodes_below
from symdiff.engines.pushing import Push, PushingEngine, Tensors
from symdiff.engines.torch_programs import TORCH_TRAITS

__all__ = ["ENGINE"]

_ONCE: Final = "torch::autograd::Error"  # the node that once_differentiable puts into the graph


def _linearize(run: Callable[[Tensors], Any], leaves: Tensors, moving: Sequence[str]) -> Push:
    output = run(leaves)
    if not (isinstance(output, torch.Tensor) and output.requires_grad):
        return functools.partial(_without_tangent, output)
    incoming = torch.ones_like(output, requires_grad=True)
    inputs = [leaves[name] for name in moving]
    found = torch.autograd.grad(output, inputs, incoming, create_graph=True, allow_unused=True)
    gradients = {n: g for n, g in zip(moving, found, strict=True) if g is not None}

    def push(tangents: Tensors) -> tuple[Any, torch.Tensor | None]:
        reached = [name for name in tangents if name in gradients]
        terms = [
            _differentiated(name, gradients[name], incoming, tangents[name]) for name in reached
        ]
        return output.detach(), sum(terms, torch.zeros_like(output)) if terms else None

    return push


def _without_tangent(output: Any, tangents: Tensors) -> tuple[Any, None]:  # noqa: ANN401
    del tangents
    return output, None


def _differentiated(
    name: str, gradient: torch.Tensor, incoming: torch.Tensor, tangent: torch.Tensor
) -> torch.Tensor:
    """Return the derivative of gradient·tangent with respect to the incoming gradient.

    Raises
    ------
    RuntimeError
        torch has not recorded how the gradient depends on it.
    """
    reason = "its backward is not computed by torch's functions, or without recording them"
    if gradient.requires_grad:
        root = gradient.grad_fn  # None: it is the incoming gradient itself
        if root is not None and any(node.name() == _ONCE for node in nodes_below(root)):
            reason = "@once_differentiable"
            message = f"the gradient with respect to {name} cannot be differentiated: {reason}"
            raise RuntimeError(message)
        (found,) = torch.autograd.grad(
            gradient, incoming, tangent, retain_graph=True, allow_unused=True
        )
        if found is not None:
            return found.detach()
        reason = "its backward does not use the incoming gradient, or detaches it"
    if gradient.count_nonzero():
        message = f"the gradient with respect to {name} cannot be differentiated: {reason}"
        raise RuntimeError(message)
    return torch.zeros_like(incoming)


ENGINE = PushingEngine(
    name="double-backward",
    traits=dataclasses.replace(TORCH_TRAITS, modes=("reverse",), orders=(1, 2)),
    linearize=_linearize,
    linear=Linear("the double backward", "tangent"),
    records=True,
)
