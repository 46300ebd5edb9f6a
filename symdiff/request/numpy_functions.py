"""Callables on numpy arrays, in the place of callables on torch tensors."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from symdiff.array_types import Array


@dataclasses.dataclass(frozen=True, slots=True)
class NumpyFunction:
    """A callable on numpy arrays that is called with torch tensors; it has no gradient.

    Attributes
    ----------
    function
        The callable; it takes the inputs of its formula in their order.
    name
        What people call it.
    """

    function: Callable[..., Any]
    name: str

    def __call__(self, *tensors: Any) -> Any:  # noqa: ANN401  (torch tensors)
        """Return the value as a tensor; anything that is no array of numbers as it is."""
        import numpy as np  # noqa: PLC0415
        import torch  # noqa: PLC0415

        result = self.function(*(t.detach().numpy().copy() for t in tensors))
        if not isinstance(result, np.ndarray | np.generic | float | int):
            return result
        coarse = getattr(result, "dtype", None)
        if coarse in {np.dtype("float32"), np.dtype("float16")} and tensors:
            # The engines note to which dtypes torch's functions round a tensor.
            tensors[0].detach().to(getattr(torch, coarse.name))
        return torch.as_tensor(np.asarray(result, dtype=np.float64))


def computes_in_numpy(function: Callable[..., Any], arrays: Sequence[Array]) -> bool:
    """Return whether a callable takes numpy arrays and does not take torch tensors.

    Parameters
    ----------
    function
        The callable; it is called.
    arrays
        Arguments.
    """
    import numpy as np  # noqa: PLC0415
    import torch  # noqa: PLC0415

    if isinstance(function, torch.nn.Module):
        return False
    # A callable may raise anything: the engines report what it raises, with the point.
    with contextlib.suppress(Exception):
        tensors = [torch.as_tensor(a) for a in arrays]
        leaves = [t.clone().requires_grad_() if t.is_floating_point() else t for t in tensors]
        if isinstance(function(*leaves), torch.Tensor):
            return False
    with contextlib.suppress(Exception), np.errstate(all="ignore"):
        return isinstance(function(*(np.array(a) for a in arrays)), np.ndarray | np.generic)
    return False
