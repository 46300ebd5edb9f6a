"""Watch a backward pass, and note where gradients stop being finite.

A hook at every node compares the gradients that arrive with those that leave. If all that arrive
are finite and a NaN or an infinity leaves, it arose at this node. The nodes behind such a node run
again, starting from a finite gradient.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.autograd.graph import GradientEdge

from symdiff.explanation.calls import Step
from symdiff.explanation.finite import is_finite, made_finite, nonfinite

Hook = Callable[[tuple[Any, ...], tuple[Any, ...]], Any]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A place in the backward pass where a gradient stops being finite.

    Attributes
    ----------
    step
        The call that the node differentiates.
    node
        The node of PyTorch's graph.
    where
        A mask of the components, in the shape of the gradient that leaves the node.
    """

    step: Step
    node: Any
    where: torch.Tensor


@contextlib.contextmanager
def hooked(nodes: Iterable[Any], hook_of: Callable[[Any], Hook]) -> Iterator[None]:
    """Keep a hook at every node while a backward pass runs."""
    handles = [node.register_hook(hook_of(node)) for node in nodes]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Watch:
    """Makes hooks that note the nodes at which finite gradients arrive and others leave."""

    def __init__(self, owners: Mapping[Any, Step]) -> None:
        self._owners = owners
        self._found: dict[Any, list[torch.Tensor]] = {}  # masks by node
        self._order: dict[Any, int] = {}
        self._reached: set[Any] = set()  # nodes at which NaN or infinities arrive
        self.edges: dict[Any, torch.Tensor] = {}  # gradients for the nodes behind, made finite

    def origins(self) -> tuple[Origin, ...]:
        """Return what was found, in the order of the backward pass."""
        nodes = sorted(self._found, key=self._order.__getitem__)
        return tuple(Origin(self._owners[n], n, mask) for n in nodes for mask in self._found[n])

    def hook_of(self, node: Any) -> Hook:  # noqa: ANN401
        """Return a hook that leaves the gradients as they are."""

        def hook(leaving: tuple[Any, ...], arriving: tuple[Any, ...]) -> None:
            self._order[node] = len(self._order)
            off = _not_finite(leaving)
            if off and node not in self._reached:
                self._note(node, leaving, off, arriving)
            for k in off:
                inner, number = node.next_functions[k]
                self._reached.add(inner)
                if node in self._found and inner in self._owners:
                    edge, clean = GradientEdge(inner, number), made_finite(leaving[k])
                    known = self.edges.get(edge)
                    self.edges[edge] = clean if known is None else known + clean

        return hook

    def hook_behind(self, node: Any) -> Hook:  # noqa: ANN401
        """Return a hook that replaces NaN and infinities by 0, to see all nodes behind."""

        def hook(leaving: tuple[Any, ...], arriving: tuple[Any, ...]) -> Any:  # noqa: ANN401
            off = _not_finite(leaving)
            if not off:
                return None
            if node not in self._found:
                self._note(node, leaving, off, arriving)
            return tuple(made_finite(g) if k in off else g for k, g in enumerate(leaving))

        return hook

    def _note(
        self,
        node: Any,  # noqa: ANN401
        leaving: Sequence[Any],
        off: Sequence[int],
        arriving: Sequence[Any],
    ) -> None:
        """Note a node, unless NaN or infinities arrive: a sum of finite gradients may overflow."""
        if not _not_finite(arriving):
            masks = [nonfinite(leaving[k]) for k in off]
            self._found[node] = [mask for mask in masks if mask is not None]


def _not_finite(gradients: Sequence[Any]) -> list[int]:
    """Return the positions of the gradients that have a NaN or an infinity."""
    return [k for k, g in enumerate(gradients) if g is not None and not is_finite(g)]
