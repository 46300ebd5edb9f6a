"""Run a function with its backward pass, and note where gradients stop being finite."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.autograd.graph import GradientEdge

from symdiff.errors import UsageError
from symdiff.explanation.calls import Calls, Step
from symdiff.explanation.finite import dense, made_finite
from symdiff.explanation.watching import Hook, Origin, Watch, hooked
from symdiff.tracing.failures import exceptions_named
from symdiff.tracing.inputs import Arguments
from symdiff.tracing.state import without_compiler
from symdiff.tracing.tensors import tensors_in


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A function's run, with its gradients.

    Attributes
    ----------
    arguments
        The function and its inputs.
    leaves
        The tensors that the function ran on, by the names of the inputs.
    steps
        The calls, in order.
    outputs
        The real tensors among the results.
    cotangents
        For every output, the gradient that the backward pass starts with.
    gradients
        Those of the leaves that require one, by name; None where the output does not depend on it.
    origins
        Where they stop being finite, in the order of the backward pass.
    owners
        The nodes of PyTorch's graph, with the step that made them.
    random_state
        That of torch's generator before the run.
    """

    arguments: Arguments
    leaves: Mapping[str, torch.Tensor]
    steps: tuple[Step, ...]
    outputs: tuple[torch.Tensor, ...]
    cotangents: tuple[torch.Tensor, ...]
    gradients: Mapping[str, torch.Tensor | None]
    origins: tuple[Origin, ...]
    owners: Mapping[Any, Step]
    random_state: torch.Tensor

    def producer(self, tensor: torch.Tensor, before: int) -> Step | None:
        """Return the last step before a position that made or wrote to a tensor."""
        for step in reversed(self.steps[:before]):
            if any(r is tensor for r in step.results):
                return step
        return None

    def backward(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor | None]:
        """Return the gradients of other tensors of the run."""
        return _gradients(self.outputs, self.cotangents, tensors)


def run(arguments: Arguments) -> Run:
    """Run a function and its backward pass, and note where gradients stop being finite.

    The tensors that the function is called with are copied. Every component of its value has the
    weight 1.
    """
    leaves = {leaf.name: _copy(leaf.tensor, leaf.role) for leaf in arguments.leaves}
    random_state = torch.random.get_rng_state()
    with torch.inference_mode(mode=False), torch.enable_grad():
        calls, outputs = recorded(arguments, leaves)
        cotangents = tuple(torch.ones_like(t) for t in outputs)
        names = [n for n, t in leaves.items() if t.requires_grad]
        tensors = [leaves[n] for n in names]
        watch = Watch(calls.owners)
        with hooked(calls.owners, watch.hook_of):
            found = _gradients(outputs, cotangents, tensors)
        if watch.edges:
            with hooked(calls.owners, watch.hook_behind):
                _gradients([*watch.edges], [*watch.edges.values()], tensors)
    return Run(
        arguments=arguments,
        leaves=leaves,
        steps=tuple(calls.steps),
        outputs=outputs,
        cotangents=cotangents,
        gradients=dict(zip(names, found, strict=True)),
        origins=watch.origins(),
        owners=calls.owners,
        random_state=random_state,
    )


def recorded(
    arguments: Arguments, leaves: Mapping[str, torch.Tensor]
) -> tuple[Calls, tuple[torch.Tensor, ...]]:
    """Run a function; return its calls, and its outputs that have gradients."""
    calls = Calls(list(leaves.values()))
    with calls, exceptions_named(), without_compiler():
        result = arguments.call(leaves)
    outputs = tuple(t for t in tensors_in(result) if t.is_floating_point() and t.requires_grad)
    for tensor in outputs:
        if tensor.grad_fn is not None and tensor.grad_fn not in calls.owners:
            calls.add_custom(tensor)
    return calls, outputs


def gradients_from(done: Run, origins: Sequence[Origin]) -> dict[str, torch.Tensor | None]:
    """Return the gradients with all NaNs and infinities replaced that arise elsewhere."""
    mine = {o.node for o in origins}
    others: dict[Any, list[torch.Tensor]] = {}
    for origin in done.origins:
        if origin.node not in mine:
            others.setdefault(origin.node, []).append(origin.where)

    def hook_of(node: Any) -> Hook:  # noqa: ANN401
        def hook(leaving: tuple[Any, ...], arriving: tuple[Any, ...]) -> tuple[Any, ...]:
            del arriving
            return tuple(None if g is None else _cleaned(g, others[node]) for g in leaving)

        return hook

    names = list(done.gradients)
    with hooked(others, hook_of):
        found = done.backward([done.leaves[n] for n in names])
    return dict(zip(names, found, strict=True))


def _cleaned(gradient: torch.Tensor, masks: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return a gradient with 0 for NaN and infinities that arise at some elements."""
    mine = [mask for mask in masks if mask.shape == gradient.shape]
    clean = made_finite(gradient)
    if not mine:
        return clean
    return torch.where(torch.stack(mine).any(0), clean, dense(gradient))


def _copy(tensor: torch.Tensor, role: str) -> torch.Tensor:
    copy = tensor.detach().clone()
    return copy.requires_grad_() if role != "buffer" and copy.is_floating_point() else copy


def _gradients(
    outputs: Sequence[torch.Tensor | GradientEdge],
    cotangents: Sequence[torch.Tensor],
    tensors: Sequence[torch.Tensor],
) -> list[torch.Tensor | None]:
    if not outputs or not tensors:
        return [None for _ in tensors]
    try:
        found = torch.autograd.grad(
            outputs, tensors, cotangents, retain_graph=True, allow_unused=True
        )
    except RuntimeError as error:
        text = str(error).splitlines()[0].partition(" Hint:")[0]
        message = f"the backward pass fails: {text[:200]}"
        raise UsageError(message, hint="loss.backward() shows where") from None
    return [None if g is None else dense(g) for g in found]
