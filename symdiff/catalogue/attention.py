"""Rows for attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError
from symdiff.catalogue.reductions import matmul, softmax, softmax_for_backward
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch_functional


def _attention(softmax_of: Callable[..., Array]) -> Callable[..., Array]:
    """Return attention by a formula for softmax."""

    def column(
        a: Elements,
        query: Array,
        key: Array,
        value: Array,
        attn_mask: Array | None = None,
        is_causal: bool = False,
        scale: float | None = None,
    ) -> Array:
        scores = _scores(a, query, key, value, scale)
        if is_causal and attn_mask is not None:
            message = "is_causal=True takes no attn_mask"
            raise ShapeMismatchError(message)
        if attn_mask is not None:  # only keys where the mask is true take part
            powers = a.each("where", attn_mask, a.each("exp", scores), 0)
            total = a.total(powers, (len(a.shape(powers)) - 1,), keep=True)
            return matmul(a, a.each("divide", powers, total), value)
        if not is_causal:
            return matmul(a, softmax_of(a, scores, -1), value)
        rows = [_of_first(a, softmax_of, scores, value, i) for i in range(a.shape(query)[-2])]
        return a.arrange(lambda *v: numpy.stack(v, -2), *rows)

    return column


def _scores(a: Elements, query: Array, key: Array, value: Array, scale: float | None) -> Array:
    shapes = a.shape(query), a.shape(key), a.shape(value)
    if (
        min(map(len, shapes)) < 2
        or shapes[0][-1] != shapes[1][-1]
        or shapes[1][-2] != shapes[2][-2]
    ):
        message = "query, key and value need the shapes (..., L, E), (..., S, E) and (..., S, V)"
        raise ShapeMismatchError(message)
    keys = a.arrange(lambda v: numpy.swapaxes(v, -1, -2), key)
    factor = 1 / math.sqrt(shapes[0][-1]) if scale is None else scale
    return a.each("multiply", factor, matmul(a, query, keys))


def _of_first(
    a: Elements, softmax_of: Callable[..., Array], scores: Array, value: Array, i: int
) -> Array:
    """Return the i-th row of causal attention, of the keys up to the i-th one."""
    row = a.arrange(lambda v: v[..., i : i + 1, : i + 1], scores)
    used = a.arrange(lambda v: v[..., : i + 1, :], value)
    product = matmul(a, softmax_of(a, row, -1), used)
    return a.arrange(lambda v: v[..., 0, :], product)


def _torch_attention(query: Any, key: Any, value: Any, **settings: Any) -> Any:
    return torch_functional.scaled_dot_product_attention(query, key, value, **settings)


# fmt: off
ATTENTION = (
    Function("scaled_dot_product_attention", "query, key, value, attn_mask: condition = None, is_causal: flag = False, scale: fixed = None",
             formula="softmax(query @ key.mT*scale) @ value", array=_attention(softmax), backward_formula=_attention(softmax_for_backward), torch=_torch_attention, is_method=False,
             spelled={"torch": "F.scaled_dot_product_attention"}),
)
# fmt: on
