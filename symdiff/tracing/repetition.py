"""Check that a function returns the same again: a derivative belongs to one function."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

import torch

from symdiff.errors import UsageError
from symdiff.request.callables import written
from symdiff.tracing.branches import Run, copy_of, real_parts, recorded
from symdiff.tracing.failures import exceptions_named
from symdiff.tracing.inputs import Arguments
from symdiff.tracing.state import RandomState, random_numbers

# In units of rounding of the dtype; threads may add up in a different order.
_TOLERANCE: Final = 2.0**12
HINT: Final = "a counter, a list, or random numbers that symdiff does not know: leave them out"


def check_repeats(arguments: Arguments, run: Run, state: RandomState) -> None:
    """Call a function once more with the inputs of a run.

    Raises
    ------
    UsageError
        It returns a different value; the message names the first operation that differs.
    """
    again = called_again(arguments, state)
    found = first_difference(real_parts(run.result), real_parts(again))
    if found is None:
        return
    other = recorded(arguments, state)
    pairs = zip(run.definitions, other.definitions, strict=False)
    lines = (a.line for a, b in pairs if a.line and first_difference([a.value], [b.value]))
    raise changing(str(next(lines, place_of(arguments))), *found)


def called_again(arguments: Arguments, state: RandomState) -> Any:
    """Return what a function returns for its inputs."""
    with (
        random_numbers(state),
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        exceptions_named(),
    ):
        return arguments.call({leaf.name: copy_of(leaf) for leaf in arguments.leaves})


def first_difference(
    mine: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor]
) -> tuple[str, str] | None:
    """Return the first two numbers that differ by more than rounding, None if none does."""
    for a, b in itertools.zip_longest(mine, theirs):
        if a is None or b is None or a.shape != b.shape:
            return _shape(a), _shape(b)
        x, y = a.detach().double().reshape(-1), b.detach().double().reshape(-1)
        tolerance = _TOLERANCE * torch.finfo(a.dtype).eps if a.is_floating_point() else 0.0
        finite = x[x.isfinite()].abs()
        scale = float(finite.max()) if finite.numel() else 0.0
        off = ~torch.isclose(x, y, rtol=0.0, atol=tolerance * scale, equal_nan=True)
        if off.any():
            k = int(off.nonzero()[0])
            digits = 6 if f"{x[k]:.6g}" != f"{y[k]:.6g}" else 17
            return f"{x[k]:.{digits}g}", f"{y[k]:.{digits}g}"
    return None


def _shape(tensor: torch.Tensor | None) -> str:
    return "nothing" if tensor is None else f"the shape {tuple(tensor.shape)}"


def place_of(arguments: Arguments) -> str:
    """Return the name of a function, and where it stands if its name does not say it."""
    known = written(arguments.function)
    return known.comment or known.name


def changing(where: str, first: str, second: str) -> UsageError:
    """Return the error for a function that returns a different value in each call."""
    message = (
        f"{where}: the function returns a different value in each call: {first}, then {second}"
    )
    return UsageError(message, hint=HINT)
