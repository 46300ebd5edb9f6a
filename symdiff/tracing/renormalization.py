"""Embeddings with `max_norm`, which shorten rows of their weight in place before they are read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch.nn import functional

# The functions that take `max_norm`; torch.embedding does not.
_FUNCTIONS: Final = (functional.embedding, functional.embedding_bag)
_SIGNATURES: Final = {f: inspect.signature(f) for f in _FUNCTIONS}
_TOO_LONG: Final = 1e-7  # what torch adds to a norm before it divides by it


def without_max_norm(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the arguments of `shorten_rows` and those of the embedding that is left to compute.

    None for any other call, and for one without `max_norm`.
    """
    if func not in _SIGNATURES:
        return None
    given = _SIGNATURES[func].bind(*args, **kwargs)
    given.apply_defaults()
    named = dict(given.arguments)
    if named["max_norm"] is None:
        return None
    rows = {name: named[name] for name in ("weight", "input", "max_norm", "norm_type")}
    return rows, {**named, "max_norm": None}


def shorten_rows(
    weight: torch.Tensor, input: torch.Tensor, max_norm: float, norm_type: float
) -> None:
    """Do what torch.embedding_renorm_ does: shorten the rows in use whose norm is too large.

    It runs without gradients, so that autograd takes the weight as unchanged.
    """
    with torch.no_grad():
        for row in input.unique().tolist():
            norm = weight[row].norm(p=norm_type)
            if norm > max_norm:
                weight[row] *= max_norm / (norm + _TOO_LONG)
