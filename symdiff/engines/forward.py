"""PyTorch's forward mode on the program as written: one pass for each direction.

Of a user's callable the `jvp` of its custom Functions is checked.
"""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.autograd import forward_ad

from symdiff.engines.callables import Linear
from symdiff.engines.pushing import Push, PushingEngine, Tensors
from symdiff.engines.torch_programs import TORCH_TRAITS
from symdiff.errors import Unsupported

__all__ = ["ENGINE"]


@functools.cache
def _load_formulas() -> None:
    """Let torch load its formulas of forward mode, which it warns of itself: they use its jit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with forward_ad.dual_level():
            forward_ad.make_dual(torch.zeros(()), torch.zeros(()))


def _linearize(run: Callable[[Tensors], Any], leaves: Tensors, moving: Sequence[str]) -> Push:
    del moving
    _load_formulas()

    def push(tangents: Tensors) -> tuple[Any, torch.Tensor | None]:
        with forward_ad.dual_level():
            inputs = {n: leaf.detach().clone() for n, leaf in leaves.items()}
            for name, x in inputs.items():
                x.requires_grad_(leaves[name].requires_grad)  # as of the user's tensors
            duals = {n: forward_ad.make_dual(inputs[n], t) for n, t in tangents.items()}
            try:
                output = run({**inputs, **duals})
            except NotImplementedError as error:
                raise _in_one_line(error) from None
            if not isinstance(output, torch.Tensor):
                return output, None
            value, tangent = forward_ad.unpack_dual(output)
            return value.detach(), None if tangent is None else tangent.detach()

    return push


def _in_one_line(error: NotImplementedError) -> Exception:
    """Return what stands in the way of forward mode, in one line; the error itself if unknown."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    context = traceback.tb_frame.f_locals.get("ctx") if traceback is not None else None
    owner = getattr(type(context), "_forward_cls", None)
    if owner is not None and "jvp function" in str(error):
        return Unsupported(owner.__name__, "this Function has no jvp, which forward mode needs")
    before, _, after = str(error).partition("Trying to use forward AD with ")
    if not before and after:
        return Unsupported(after.split()[0], "torch has no forward mode for it")
    return error


ENGINE = PushingEngine(
    name="forward",
    traits=dataclasses.replace(TORCH_TRAITS, modes=("forward",), orders=(1, 2)),
    linearize=_linearize,
    linear=Linear("jvp", "tangent"),
)
