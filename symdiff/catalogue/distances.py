"""Rows for norms and distances of vectors."""

from __future__ import annotations

from typing import Any

from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError
from symdiff.catalogue.reductions import norm
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch


def pairwise_distance(
    a: Elements, x1: Array, x2: Array, p: float = 2, eps: float = 1e-6, keepdim: bool = False
) -> Array:
    """Return the p-norm of x1 - x2 + eps over the last dimension, as torch defines it."""
    difference = a.each("add", a.each("subtract", x1, x2), eps)
    if not a.shape(difference):
        message = "vectors are needed, not numbers"
        raise ShapeMismatchError(message)
    return norm(a, difference, p, -1, keepdim)


def _cdist(a: Elements, x1: Array, x2: Array, p: float = 2) -> Array:
    first, second = a.shape(x1), a.shape(x2)
    if min(len(first), len(second)) < 2 or first[-1] != second[-1] or p < 0:
        message = "matrices with rows of equal length and a p of at least 0 are needed"
        raise ShapeMismatchError(message)
    rows = a.arrange(lambda v: numpy.expand_dims(v, -2), x1)
    columns = a.arrange(lambda v: numpy.expand_dims(v, -3), x2)
    return norm(a, a.each("subtract", rows, columns), p, -1)


def _torch_vector_norm(x: Any, **settings: Any) -> Any:
    return torch.linalg.vector_norm(x, **settings)


# fmt: off
DISTANCES = (
    Function("vector_norm", "x, ord: fixed = 2, dim: dim = None, keepdim: flag = False", formula="(Σ |x|**ord)**(1/ord)", array=norm,
             torch=_torch_vector_norm, is_method=False,
             spelled={"torch": "linalg.vector_norm"}),
    Function("pairwise_distance", "x1, x2, p: fixed = 2, eps: fixed = 1e-6, keepdim: flag = False", formula="norm(x1 - x2 + eps)",
             array=pairwise_distance, torch="F.pairwise_distance", is_method=False),
    Function("cdist",       "x1, x2, p: fixed = 2", formula="norm(x1[i] - x2[j])", array=_cdist, torch="cdist", is_method=False),
)
# fmt: on
