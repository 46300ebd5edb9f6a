"""Translations of functions that only move components: views, indices, slices, joins."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import Syntax, call, index, listed, literal
from symdiff.tracing.translations.call import Call, Translation, Written


def reshaped(value: Syntax, shape: Sequence[int]) -> Syntax:
    """Return a tensor in a different shape, or the component of a tensor that has only one."""
    if not shape:
        return index(call("reshape", value, literal((1,))), (0,))
    return call("reshape", value, literal(tuple(shape)))


def taken(c: Call, value: Syntax, positions: torch.Tensor) -> Syntax:
    """Return the components at some flat positions, in the shape of `positions`."""
    flat = call("take", value, c.indices(positions.reshape(-1)))
    return reshaped(flat, tuple(positions.shape))


def positions_in(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the same shape with the flat position of every component."""
    return torch.arange(tensor.numel()).reshape(tensor.shape)


def moved(how: Callable[..., Any]) -> Translation:
    """Return the translation of a function that moves the components of its first argument.

    The function is applied to the positions of the components, to see where each one comes from.
    """

    def translate(c: Call, input: Any, *arguments: Any, **keywords: Any) -> Written:
        result = how(positions_in(input), *arguments, **keywords)
        if isinstance(result, torch.Tensor):
            return taken(c, c.write(input), result)
        return [taken(c, c.write(input), part) for part in result]

    return translate


def _to_result_shape(c: Call, input: Any, *_: Any, **__: Any) -> Syntax:
    return reshaped(c.write(input), tuple(c.result.shape))


def _expanded(c: Call, input: Any, *_: Any, **__: Any) -> Syntax:
    return call("expand", c.write(input), literal(tuple(c.result.shape)))


def _transposed(c: Call, input: Any, dim0: int, dim1: int) -> Syntax:
    return call("transpose", c.write(input), literal(dim0), literal(dim1))


def _last_two(c: Call, input: Any) -> Syntax:
    if input.ndim < 2:
        return c.write(input)
    return call("transpose", c.write(input), literal(-2), literal(-1))


def _permuted(c: Call, input: Any, *dims: Any) -> Syntax:
    flat = dims[0] if len(dims) == 1 and isinstance(dims[0], Sequence) else dims
    return call("permute", c.write(input), literal(tuple(flat)))


def _parts(c: Call, input: Any, sizes: Sequence[int], dim: int) -> list[Syntax | None]:
    axis = dim % max(1, input.ndim)
    parts: list[Syntax | None] = []
    start = 0
    for size in sizes:
        inside = (*[slice(None)] * axis, slice(start, start + size))
        parts.append(index(c.write(input), inside))
        start += size
    return parts


def _split(c: Call, input: Any, *arguments: Any, dim: int = 0, **keywords: Any) -> Written:
    del keywords  # the sizes are those of the result
    if len(arguments) > 1:
        dim = arguments[1]
    return _parts(c, input, [part.shape[dim] for part in c.result], dim)


def _unbind(c: Call, input: Any, dim: int = 0) -> Written:
    axis = dim % input.ndim
    return [index(c.write(input), (*[slice(None)] * axis, k)) for k in range(input.shape[axis])]


def _narrow(c: Call, input: Any, dim: int, start: Any, length: int) -> Syntax:
    inside = slice(int(start), int(start) + length)
    return index(c.write(input), (*[slice(None)] * (dim % input.ndim), inside))


def _select(c: Call, input: Any, dim: int, index_: int) -> Syntax:
    axis = dim % input.ndim
    return index(c.write(input), (*[slice(None)] * axis, int(index_) % input.shape[axis]))


def _concatenated(c: Call, tensors: Any, dim: int = 0, *, axis: int | None = None) -> Syntax:
    written = [c.write(t) for t in tensors if t.numel()]
    if len(written) == 1:
        return written[0]
    return call("cat", listed(written), dim=literal(dim if axis is None else axis))


def _stacked(c: Call, tensors: Any, dim: int = 0, *, axis: int | None = None) -> Syntax:
    written = [c.write(t) for t in tensors]
    return call("stack", listed(written), dim=literal(dim if axis is None else axis))


def _stacked_along(axis: int) -> Translation:
    """Return the translation of hstack (axis 1) or vstack (axis 0)."""

    def translate(c: Call, tensors: Any) -> Syntax:
        least = 1 if axis else 2
        written = []
        for t in tensors:
            shape = (1,) * max(0, least - t.ndim) + tuple(t.shape)
            written.append(reshaped(c.write(t), shape))
        dim = 0 if axis and all(t.ndim <= 1 for t in tensors) else axis
        return call("cat", listed(written), dim=literal(dim))

    return translate


def is_plain(part: Any) -> bool:
    """Return whether a part of an index is an integer, a slice, None or an ellipsis."""
    if isinstance(part, slice):
        return all(end is None or isinstance(end, int) for end in (part.start, part.stop))
    is_integer = isinstance(part, int) and not isinstance(part, bool)
    return is_integer or part is None or part is Ellipsis


def index_parts(key: Any) -> tuple[Any, ...]:
    """Return what stands between the brackets of ``x[...]``, with integer tensors as integers."""
    parts = key if isinstance(key, tuple) else (key,)
    return tuple(
        part.item()
        if isinstance(part, torch.Tensor) and not part.ndim and part.dtype != torch.bool
        else part
        for part in parts
    )


def _item(c: Call, input: Any, key: Any) -> Syntax:
    parts = index_parts(key)
    if all(map(is_plain, parts)):
        return index(c.write(input), parts)
    return taken(c, c.write(input), positions_in(input)[key])


def _indexed(c: Call, input: Any, indices: Sequence[Any]) -> Syntax:
    """Return ``x[i, j, ...]`` for tensors of indices, where None means a whole dimension."""
    key = tuple(slice(None) if part is None else part for part in indices)
    return taken(c, c.write(input), positions_in(input)[key])


def _padded(
    c: Call,
    input: Any,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Syntax:
    if mode != "constant" and min(pad) < 0:  # the catalogue has these for constants only
        positions = torch.nn.functional.pad(positions_in(input).double(), pad, mode)
        return taken(c, c.write(input), positions.long())
    how = None if mode == "constant" else literal(mode)
    return call(
        "pad", c.write(input), literal(pad), mode=how, value=literal(value) if value else None
    )


def _padded_with(c: Call, input: Any, pad: Sequence[int], value: float = 0) -> Syntax:
    return _padded(c, input, pad, "constant", value)


def _diagonal(c: Call, input: Any, diagonal: int = 0) -> Syntax:
    """Return the diagonal of a matrix, or a matrix with a given diagonal."""
    if input.ndim == 2:
        return taken(c, c.write(input), torch.diagonal(positions_in(input), diagonal))
    places = torch.diagonal(positions_in(c.result), diagonal)
    zeros = c.write(torch.zeros(tuple(c.result.shape), dtype=torch.float64))
    return put(c, zeros, places, c.write(input))


def _patches(function: str) -> Translation:
    """Return the translation of unfold or fold, whose other arguments are sizes."""

    def translate(c: Call, input: Any, *sizes: Any, **keywords: Any) -> Syntax:
        written = [literal(size) for size in sizes]
        named = {key: literal(value) for key, value in keywords.items()}
        return call(function, c.write(input), *written, **named)

    return translate


def _embedding(
    c: Call,
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    *_: Any,
    **__: Any,
) -> Syntax:
    """Return rows of the weight; the row `padding_idx` has no gradient, as in torch."""
    rows = call("index_select", c.write(weight), literal(0), c.indices(input.reshape(-1)))
    if padding_idx is not None:
        is_padding = input.reshape(-1, 1) == padding_idx % len(weight)
        rows = call("where", c.write(is_padding), call("detach", rows), rows)
    return reshaped(rows, tuple(c.result.shape))


def _gathered(c: Call, input: Any, dim: int, index: Any, **_: Any) -> Syntax:
    return call("gather", c.write(input), literal(dim), c.indices(index))


def _rows(c: Call, input: Any, dim: int, index: Any) -> Syntax:
    return call("index_select", c.write(input), literal(dim), c.indices(index))


_MOVING: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        name: getattr(torch.Tensor, name)
        for name in (
            "rot90", "movedim", "moveaxis", "unfold", "as_strided",
            "diagonal", "repeat_interleave", "fliplr", "flipud", "swapdims",
            "take_along_dim", "masked_select", "tensor_split", "hsplit", "vsplit", "dsplit",
            "diagonal_copy", "unfold_copy",
        )
        if hasattr(torch.Tensor, name)
    }
)  # fmt: skip
_MOVING_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "pixel_shuffle": torch.nn.functional.pixel_shuffle,
        "pixel_unshuffle": torch.nn.functional.pixel_unshuffle,
        "channel_shuffle": torch.nn.functional.channel_shuffle,
    }
)


def put(c: Call, value: Syntax, positions: torch.Tensor, source: Syntax) -> Syntax:
    """Return a tensor whose components at some flat positions are replaced."""
    return call("put", value, c.indices(positions.reshape(-1)), source)


def size_of(shape: Sequence[int]) -> int:
    """Return the number of components of a shape."""
    return math.prod(shape)


ARRANGEMENTS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        **{name: moved(how) for name, how in {**_MOVING, **_MOVING_FUNCTIONS}.items()},
        **dict.fromkeys(
            ("view", "reshape", "view_as", "reshape_as", "flatten", "unflatten", "squeeze",
             "unsqueeze", "_unsafe_view", "ravel", "atleast_1d", "atleast_2d", "atleast_3d",
             "_reshape_alias"),
            _to_result_shape,
        ),
        **dict.fromkeys(("expand", "expand_as", "broadcast_to"), _expanded),
        **dict.fromkeys(("transpose",), _transposed),
        **dict.fromkeys(("t", "T", "mT", "adjoint", "H", "mH"), _last_two),
        "permute": _permuted,
        **dict.fromkeys(
            ("split", "chunk", "split_with_sizes", "unsafe_split", "unsafe_chunk"), _split
        ),
        "unbind": _unbind,
        "narrow": _narrow,
        "select": _select,
        **dict.fromkeys(("cat", "concat", "concatenate"), _concatenated),
        "stack": _stacked,
        "hstack": _stacked_along(1),
        "vstack": _stacked_along(0),
        "__getitem__": _item,
        "index": _indexed,
        "im2col": _patches("unfold"),
        "col2im": _patches("fold"),
        "pad": _padded,
        "diag": _diagonal,
        "constant_pad_nd": _padded_with,
        "embedding": _embedding,
        "gather": _gathered,
        "index_select": _rows,
    }
)  # fmt: skip
