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

Call = Callable[[Mapping[int, torch.Tensor]], list[torch.Tensor]]

_LOW, _HIGH = 0.25, 1.75  # the random numbers are positive, as roots and logarithms need it
_PERIOD: Final = 10007  # random numbers that are used again and again, as more take long
_ROUNDING: Final = 4  # units in the last place


def is_independent(step: Step, elements: Elements, call: Call) -> bool:
    """Return whether some elements and the others have no influence on each other in a call.

    Parameters
    ----------
    step
        The call.
    elements
        The elements.
    call
        Runs it with other tensors for its operands, by id, and returns its results.
    """
    operands = {id(t): t for t in step.operands if t.is_floating_point() or t.is_complex()}
    first = {i: _random(t, 1) for i, t in operands.items()}
    second = {i: _random(t, 2) for i, t in operands.items()}
    masks = {i: elements.chosen(t) for i, t in operands.items() if elements.is_part(t)}
    chosen = {i: torch.where(m, second[i], first[i]) for i, m in masks.items()}
    others = {i: torch.where(m, first[i], second[i]) for i, m in masks.items()}
    try:
        before, with_chosen, with_others = (
            _called(call, {**first, **changed}) for changed in ({}, chosen, others)
        )
    except Exception:  # noqa: BLE001  (a call may refuse these numbers with any error)
        return False
    return all(
        _is_same(mine, base, ~elements.chosen(result))
        and _is_same(theirs, base, elements.chosen(result))
        for base, mine, theirs, result in zip(
            before, with_chosen, with_others, step.results, strict=True
        )
    )


def _random(tensor: torch.Tensor, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.rand(_PERIOD, generator=generator, dtype=torch.float64)
    numbers = (_LOW + (_HIGH - _LOW) * numbers).to(tensor.dtype)
    return numbers.repeat(tensor.numel() // _PERIOD + 1)[: tensor.numel()].reshape(tensor.shape)


def _called(call: Call, operands: Mapping[int, torch.Tensor]) -> list[torch.Tensor]:
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return call({i: t.clone() for i, t in operands.items()})


def _is_same(a: torch.Tensor, b: torch.Tensor, where: torch.Tensor) -> bool:
    if not a.is_floating_point():
        return bool(((a == b) | ~where).all())
    tolerance = _ROUNDING * torch.finfo(a.dtype).eps
    same = torch.isclose(a, b, rtol=tolerance, atol=0.0, equal_nan=True)
    return bool((same | ~where).all())
