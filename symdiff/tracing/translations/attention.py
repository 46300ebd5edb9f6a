"""Translations of attention, from its products and its softmax."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import (
    NotWrittenError,
    Syntax,
    add,
    call,
    literal,
    matmul,
    name,
    negative,
    scaled,
)
from symdiff.tracing.translations.call import Call, Translation, Written


def _attention(
    c: Call,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Syntax:
    if dropout_p or enable_gqa:
        message = "attention with dropout" if dropout_p else "attention with grouped queries"
        raise NotWrittenError(message)
    if attn_mask is None:
        settings = {
            "is_causal": literal(is_causal) if is_causal else None,
            "scale": None if scale is None else literal(scale),
        }
        tensors = (c.write(tensor) for tensor in (query, key, value))
        return call("scaled_dot_product_attention", *tensors, **settings)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    keys = call("transpose", c.write(key), literal(-2), literal(-1))
    scores = scaled(factor, matmul(c.write(query), keys))
    if attn_mask.dtype == torch.bool:
        scores = call("where", c.write(attn_mask), scores, negative(name("inf")))
    else:
        scores = add(scores, c.write(attn_mask))
    is_open = attn_mask if attn_mask.dtype == torch.bool else attn_mask.detach() != -math.inf
    weights = _softmax_of_open_rows(c, scores, ~is_open.any(-1, keepdim=True), -1)
    return matmul(weights, c.write(value))


def _softmax_of_open_rows(c: Call, scores: Syntax, masked: torch.Tensor, dim: int) -> Syntax:
    """Return the softmax along a dimension, which torch takes as 0 in a row that is fully masked.

    Which rows are is a constant of the trace.
    """
    if not masked.any():
        return call("softmax", scores, dim=literal(dim))
    closed = c.write(masked)
    weights = call("softmax", call("where", closed, literal(0), scores), dim=literal(dim))
    return call("where", closed, literal(0), weights)


def _flash_attention(
    c: Call,
    query: Any,
    key: Any,
    value: Any,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Any = None,
    scale: float | None = None,
) -> Written:
    written = _attention(c, query, key, value, attn_mask, dropout_p, is_causal, scale)
    return [written, *[None] * (len(c.result) - 1)]


def _math_attention(
    c: Call,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    dropout_mask: Any = None,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Written:
    del dropout_mask
    written = _attention(c, query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)
    return [written, None]


def _safe_softmax(c: Call, input: Any, dim: int, dtype: Any = None) -> Syntax:
    del dtype
    masked = (input.detach() == -math.inf).all(dim, keepdim=True)
    return _softmax_of_open_rows(c, c.write(input), masked, dim)


ATTENTION: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "scaled_dot_product_attention": _attention,
        "_scaled_dot_product_flash_attention_for_cpu": _flash_attention,
        "_scaled_dot_product_attention_math": _math_attention,
        "_safe_softmax": _safe_softmax,
    }
)
