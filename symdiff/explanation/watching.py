"""Watch a backward pass, and note where gradients stop to be finite.

A hook at every node compares what arrives with what leaves: where a finite number arrives and a NaN
or an infinity leaves, it arose. The nodes behind such a place run again with a gradient that is
finite there.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.autograd.graph import GradientEdge

from symdiff.explanation.calls import Step
from symdiff.explanation.finite import is_finite, made_finite, nonfinite

Hook = Callable[[tuple[Any, ...], tuple[Any, ...]], Any]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A place in the backward pass where a gradient stops to be finite.

    Attributes
    ----------
    step
        The call whose derivative it is.
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
    """Have a hook at every node while a backward pass runs."""
    handles = [node.register_hook(hook_of(node)) for node in nodes]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Watch:
    """Notes, in hooks at nodes, where finite numbers arrive and others leave."""

    def __init__(self, owners: Mapping[Any, Step]) -> None:
        self._owners = owners
        self._found: dict[Any, list[torch.Tensor]] = {}  # masks by node
        self._order: dict[Any, int] = {}
        self.edges: dict[Any, torch.Tensor] = {}  # where the nodes behind begin, made finite

    def origins(self) -> tuple[Origin, ...]:
        """Return what was found, in the order of the backward pass."""
        nodes = sorted(self._found, key=self._order.__getitem__)
        return tuple(Origin(self._owners[n], n, mask) for n in nodes for mask in self._found[n])

    def hook_of(self, node: Any) -> Hook:  # noqa: ANN401
        """Return a hook that changes nothing."""

        def hook(leaving: tuple[Any, ...], arriving: tuple[Any, ...]) -> None:
            self._order[node] = len(self._order)
            off = self._off(node, leaving, arriving)
            for k in off if node in self._found else ():
                inner, number = node.next_functions[k]
                if inner in self._owners:
                    edge = GradientEdge(inner, number)
                    known = self.edges.get(edge)
                    clean = made_finite(leaving[k])
                    self.edges[edge] = clean if known is None else known + clean

        return hook

    def hook_behind(self, node: Any) -> Hook:  # noqa: ANN401
        """Return a hook that replaces what is not finite, so that all nodes behind are seen."""

        def hook(leaving: tuple[Any, ...], arriving: tuple[Any, ...]) -> Any:  # noqa: ANN401
            if not self._off(node, leaving, arriving):
                return None
            return tuple(None if g is None else made_finite(g) for g in leaving)

        return hook

    def _off(self, node: Any, leaving: tuple[Any, ...], arriving: tuple[Any, ...]) -> list[int]:  # noqa: ANN401
        """Return which of the gradients that leave are not finite; note it if they arise here."""
        off = [k for k, g in enumerate(leaving) if g is not None and not is_finite(g)]
        if off and node not in self._found and all(g is None or is_finite(g) for g in arriving):
            masks = [nonfinite(leaving[k]) for k in off]
            self._found[node] = [mask for mask in masks if mask is not None]
        return off
