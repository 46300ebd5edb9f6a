"""Test whether a call treats the elements of a cut apart from all others, on random numbers.

At the inputs of a run, and close to them, values may agree by chance: the softmax of a row is that
of its largest elements if the others are much smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch

from symdiff.explanation.calls import Step
from symdiff.explanation.elements import Elements

Call = Callable[[Mapping[int, torch.Tensor], Mapping[int, int]], list[torch.Tensor]]

_LOW, _HIGH = 0.25, 1.75  # the random numbers are positive, as roots and logarithms need it
_PERIOD: Final = 10007  # random numbers that are used again and again, as more take long
_ROUNDING: Final = 4  # units in the last place
_OTHERS: Final = 12  # elements besides the chosen ones


def is_independent(step: Step, elements: Elements, call: Call) -> bool:
    """Return whether some elements and the others have no influence on each other in a call.

    Elements that lie along one dimension are tried together with a few others.

    Parameters
    ----------
    step
        The call.
    elements
        The elements.
    call
        Runs it with other tensors for its operands, by id, and other sizes; returns its results.
    """
    few = _few(elements)
    sizes = elements.sizes() and {length: len(few) for length in elements.sizes()}
    operands = {id(t): t for t in step.operands if t.is_floating_point() or t.is_complex()}
    parts = {id(t): t for t in step.operands if elements.is_part(t)}

    def cut(tensor: torch.Tensor) -> torch.Tensor:
        axis = elements.axis_in(tensor) if id(tensor) in parts else None
        return tensor.detach() if axis is None else tensor.index_select(axis, few).detach()

    def mask(tensor: torch.Tensor) -> torch.Tensor:
        axis = elements.axis_in(tensor)
        found = elements.chosen(tensor)
        return found if axis is None else found.index_select(axis, few)

    small = {id(t): cut(t) for t in step.operands}
    first, second = ({i: _random(small[i], seed) for i in operands} for seed in (1, 2))
    masks = {i: mask(t) for i, t in operands.items() if i in parts}
    chosen = {i: torch.where(m, second[i], first[i]) for i, m in masks.items()}
    others = {i: torch.where(m, first[i], second[i]) for i, m in masks.items()}
    try:
        before, with_chosen, with_others = (
            _called(call, {**small, **first, **changed}, sizes) for changed in ({}, chosen, others)
        )
        return all(
            _is_same(mine, base, ~mask(result)) and _is_same(theirs, base, mask(result))
            for base, mine, theirs, result in zip(
                before, with_chosen, with_others, step.results, strict=True
            )
        )
    except Exception:  # noqa: BLE001  (a call may refuse these numbers with any error)
        return False


def _few(elements: Elements) -> torch.Tensor:
    """Return the chosen positions and some others along their dimension, in order."""
    length = elements.shape[elements.axis or 0]
    spread = torch.linspace(0, length - 1, min(_OTHERS, length)).long()
    return torch.cat([elements.positions, spread]).unique()


def _random(tensor: torch.Tensor, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.rand(_PERIOD, generator=generator, dtype=torch.float64)
    numbers = (_LOW + (_HIGH - _LOW) * numbers).to(tensor.dtype)
    return numbers.repeat(tensor.numel() // _PERIOD + 1)[: tensor.numel()].reshape(tensor.shape)


def _called(
    call: Call, operands: Mapping[int, torch.Tensor], sizes: Mapping[int, int]
) -> list[torch.Tensor]:
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return call({i: t.clone() for i, t in operands.items()}, sizes)


def _is_same(a: torch.Tensor, b: torch.Tensor, where: torch.Tensor) -> bool:
    same = a == b
    if a.is_floating_point():
        same |= (a - b).abs() <= _ROUNDING * torch.finfo(a.dtype).eps * b.abs()
        same |= a.isnan() & b.isnan()
    return bool((same | ~where).all())
