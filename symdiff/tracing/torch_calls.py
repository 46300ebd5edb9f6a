"""What calls of torch do, by the names of the functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch.overrides import resolve_name

# Functions that turn a tensor into a Python value, which the trace takes as a constant.
TO_PYTHON: Final = frozenset(
    {"item", "tolist", "numpy", "__float__", "__int__", "__index__", "__array__", "__complex__"}
)
# Functions that return whether numbers are close, as a Python value.
TESTS: Final = frozenset({"allclose", "equal", "is_nonzero"})
# Functions that return the same values outside the graph.
DETACHING: Final = frozenset({"detach", "data", "detach_copy"})
# Functions that draw random numbers.
RANDOM: Final = frozenset(
    {
        "rand",
        "randn",
        "randint",
        "randperm",
        "rand_like",
        "randn_like",
        "randint_like",
        "bernoulli",
        "normal",
        "multinomial",
        "poisson",
        "uniform",
        "exponential",
        "geometric",
        "log_normal",
        "cauchy",
        "random",
    }
)
# Functions that multiply by a random mask.
DROPOUT: Final = frozenset(
    {
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "feature_dropout",
        "alpha_dropout",
        "feature_alpha_dropout",
    }
)
# Functions that change the shape of a tensor in place.
SHAPING: Final = frozenset({"squeeze_", "unsqueeze_", "transpose_", "t_", "swapaxes_", "swapdims_"})
SET_DATA: Final = "data.__set__"  # the name of ``x.data = y``
# Functions that share the name of another one with other arguments.
_OTHER_MEANINGS: Final[Mapping[Any, str]] = {
    torch.batch_norm: "torch.batch_norm",
    torch.nn.functional.unfold: "im2col",
    torch.nn.functional.fold: "col2im",
}


def name_of_call(func: Callable[..., Any]) -> str:
    """Return the name of a function, method or property of torch."""
    if func in _OTHER_MEANINGS:
        return _OTHER_MEANINGS[func]
    name = getattr(func, "__name__", "")
    if name in {"__get__", "__set__", "__delete__"}:
        parts = (resolve_name(func) or "").split(".")
        if parts[-2:] == ["data", "__set__"]:
            return SET_DATA
        return parts[-2] if name == "__get__" and len(parts) > 1 else name
    return str(name)


def written_to(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> torch.Tensor | None:
    """Return the tensor that a call writes to, or None."""
    if isinstance(kwargs.get("out"), torch.Tensor):
        return kwargs["out"]
    in_place = name == "__setitem__" or (
        name.startswith("__i") and name not in {"__index__", "__int__", "__invert__"}
    )
    in_place |= (
        name.endswith("_")
        and not name.endswith("__")
        and name not in {"requires_grad_", "retain_grad_"}
    )
    in_place |= kwargs.get("inplace") is True or name == SET_DATA
    return args[0] if in_place and args and isinstance(args[0], torch.Tensor) else None
