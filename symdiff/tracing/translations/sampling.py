"""Translations of functions that look up or interpolate: bags of embeddings, grids, distances."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import (
    NotWrittenError,
    Syntax,
    add,
    call,
    divide,
    index,
    listed,
    literal,
    matmul,
    multiply,
    subtract,
)
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation, Written

# -- bags of embeddings

_BAGS: Final = {0: "sum", 1: "mean", 2: "amax"}  # by torch's number of the mode


def _embedding_bag(
    c: Call,
    weight: Any,
    indices: Any,
    offsets: Any,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int = -1,
) -> Written:
    del sparse, include_last_offset
    if scale_grad_by_freq:
        message = "embedding_bag with scale_grad_by_freq=True, whose gradient is scaled"
        raise NotWrittenError(message)
    bags = c.result[0].shape[0]
    ends = [*offsets.tolist()[:bags], indices.numel()][: bags + 1]
    flat = indices.reshape(-1).tolist()
    members = [
        [k for k in range(ends[b], ends[b + 1]) if flat[k] != padding_idx] for b in range(bags)
    ]
    table = c.write(weight)
    rows = [_bag(c, table, weight, [(k, flat[k]) for k in m], mode, per_sample_weights)
            for m in members]  # fmt: skip
    rest = [None] * (len(c.result) - 1)
    return [call("stack", listed(rows), dim=literal(0)), *rest]


def _bag(
    c: Call,
    table: Syntax,
    weight: torch.Tensor,
    members: list[tuple[int, int]],
    mode: int,
    factors: torch.Tensor | None,
) -> Syntax:
    """Return the sum, mean or maximum of some rows of a table."""
    if not members:
        return call("zeros_like", index(table, (0,)))
    chosen: Syntax = call(
        "index_select", table, literal(0), c.indices(torch.tensor([i for _, i in members]))
    )
    del weight
    if factors is not None:
        scales = call("take", c.write(factors), c.indices(torch.tensor([k for k, _ in members])))
        chosen = multiply(chosen, call("unsqueeze", scales, literal(1)))
    return call(_BAGS[mode], chosen, dim=literal(0))


# -- grids


def _unnormalized(value: Syntax, size: int, align_corners: bool) -> Syntax:
    """Return coordinates from -1 to 1 as positions between the components of an image."""
    shifted = add(value, literal(1))
    if align_corners:
        return multiply(shifted, literal((size - 1) / 2))
    return divide(subtract(multiply(shifted, literal(size)), literal(1)), literal(2))


def _hats(c: Call, value: Syntax, size: int, padding: int) -> Syntax:
    """Return the weights of linear interpolation at the positions 0, 1, ..., along a new dimension.

    The weight of position k at x is max(0, 1 - |x - k|), which is also right where x is a whole
    number or outside the image.
    """
    if padding == 1:
        value = call("clamp", value, literal(0), literal(size - 1))
    positions = c.write(torch.arange(size, dtype=torch.float64))
    distance = call("abs", subtract(call("unsqueeze", value, literal(-1)), positions))
    return call("relu", subtract(literal(1), distance))


def _grid_sample(
    c: Call,
    input: Any,
    grid: Any,
    mode: Any = "bilinear",
    padding_mode: Any = "zeros",
    align_corners: bool | None = None,
) -> Syntax:
    padding = {"zeros": 0, "border": 1}.get(padding_mode, padding_mode)
    if mode not in {"bilinear", 0} or padding not in {0, 1}:
        message = f"grid_sample with mode {mode!r} and padding_mode {padding_mode!r}"
        raise NotWrittenError(message)
    count = input.ndim - 2
    batch, channels, *spatial = input.shape
    places = grid.shape[1:-1]
    weights = None
    for d, size in enumerate(spatial):
        coordinate = index(c.write(grid), (Ellipsis, count - 1 - d))
        position = _unnormalized(coordinate, size, bool(align_corners))
        hats = _hats(c, reshaped(position, (batch, places.numel())), size, padding)
        if weights is None:
            weights, total = hats, size
        else:
            product = multiply(
                call("unsqueeze", weights, literal(-1)), call("unsqueeze", hats, literal(-2))
            )
            total *= size
            weights = reshaped(product, (batch, places.numel(), total))
    assert weights is not None  # noqa: S101  (an image has dimensions)
    image = reshaped(c.write(input), (batch, channels, total))
    values = matmul(image, call("transpose", weights, literal(1), literal(2)))
    return reshaped(values, (batch, channels, *places))


# -- distances


def _distances(c: Call, x1: Any, x2: Any, p: float = 2.0, *_: Any, **__: Any) -> Syntax:
    return call("cdist", c.write(x1), c.write(x2), p=literal(p))


def _distances_within(c: Call, input: Any, p: float = 2.0) -> Syntax:
    first, second = torch.triu_indices(input.shape[0], input.shape[0], 1)
    rows = [call("index_select", c.write(input), literal(0), c.indices(k)) for k in (first, second)]
    return call("norm", subtract(*rows), p=literal(p), dim=literal(-1))


# -- products in batches


def _added_sum_of_products(
    c: Call, input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1
) -> Syntax:
    total: Syntax = call("sum", matmul(c.write(batch1), c.write(batch2)), dim=literal(0))
    total = total if alpha == 1 else multiply(literal(alpha), total)
    if beta == 0:
        return total
    value = c.write(input)
    return add(value if beta == 1 else multiply(literal(beta), value), total)


SAMPLING: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "_embedding_bag": _embedding_bag,
        "embedding_bag": _embedding_bag,
        **dict.fromkeys(("grid_sample", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d"),
                        _grid_sample),
        **dict.fromkeys(("cdist", "_cdist_forward"), _distances),
        **dict.fromkeys(("pdist", "_pdist_forward"), _distances_within),
        "addbmm": _added_sum_of_products,
    }
)  # fmt: skip
