"""Translations of functions that write, add or reduce into positions of a tensor."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import (
    NotWrittenError,
    Syntax,
    add,
    call,
    divide,
    listed,
    literal,
    multiply,
)
from symdiff.tracing.translations.arrangements import positions_in, put, reshaped
from symdiff.tracing.translations.call import Call, Translation

_MOST: Final = 32  # components that are combined in one position
Combine = Callable[[Syntax, Syntax], Syntax]


def sources(c: Call, source: Any, chosen: torch.Tensor, count: int) -> Callable[..., Syntax]:
    """Return a function of some numbers k that returns the k-th of the components of a source.

    `chosen` has the flat positions of the components in a tensor; a number is its only component.
    """
    if not isinstance(source, torch.Tensor) or source.numel() == 1:
        one = c.number(source)
        if isinstance(source, torch.Tensor) and source.ndim:
            one = reshaped(one, ())
        vector = call("reshape", call("tensor", listed([one])), literal((1,)))
        del count
        return lambda which: call("expand", vector, literal((len(which),)))
    flat = chosen.reshape(-1)
    return lambda which: call("take", c.number(source), c.indices(flat[which]))


def rounds(positions: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield numbers k so that no position occurs twice among the positions with these numbers.

    Examples
    --------
    >>> [k.tolist() for k in rounds(torch.tensor([3, 0, 3]))]
    [[0, 1], [2]]
    """
    left = list(enumerate(positions.reshape(-1).tolist()))
    if max(Counter(position for _, position in left).values(), default=0) > _MOST:
        message = f"more than {_MOST} components for one position"
        raise NotWrittenError(message)
    while left:
        seen: set[int] = set()
        now: list[tuple[int, int]] = []
        later: list[tuple[int, int]] = []
        for k, position in left:
            (later if position in seen else now).append((k, position))
            seen.add(position)
        yield torch.tensor([k for k, _ in now])
        left = later


def combined(
    c: Call,
    value: Syntax,
    positions: torch.Tensor,
    source: Callable[..., Syntax],
    combine: Combine,
    *,
    include_self: bool = True,
) -> Syntax:
    """Return a tensor whose components at some positions are combined with those of a source."""
    flat = positions.reshape(-1)
    first = True
    for which in rounds(flat):
        new = source(which)
        if include_self or not first:
            old = call("take", value, c.indices(flat[which]))
            new = combine(old, new)
        value = put(c, value, flat[which], new)
        first = False
    return value


def _along(tensor: torch.Tensor, dim: int, index: torch.Tensor) -> torch.Tensor:
    """Return the flat positions of the slices that `index` names along a dimension."""
    if not tensor.ndim:
        return torch.zeros(index.numel(), dtype=torch.int64)
    return positions_in(tensor).index_select(dim, index.reshape(-1))


def _elements(tensor: torch.Tensor, dim: int, index: torch.Tensor) -> torch.Tensor:
    """Return the flat positions that scatter along a dimension writes to."""
    if not tensor.ndim:
        return torch.zeros(index.numel(), dtype=torch.int64)
    grids = torch.meshgrid(*(torch.arange(n) for n in index.shape), indexing="ij")
    where = [index if k == dim % tensor.ndim else grid for k, grid in enumerate(grids)]
    return positions_in(tensor)[tuple(where)]


def _source_for(c: Call, src: Any, index: torch.Tensor) -> Callable[..., Syntax]:
    if not isinstance(src, torch.Tensor):
        return sources(c, src, index, index.numel())
    inside = tuple(slice(n) for n in index.shape) if src.ndim else ()
    return sources(c, src, positions_in(src)[inside], index.numel())


def _replace(old: Syntax, new: Syntax) -> Syntax:
    del old
    return new


_COMBINE: Final[Mapping[str | None, Combine]] = MappingProxyType(
    {None: _replace, "add": add, "multiply": multiply}
)


def _scatter(c: Call, input: Any, dim: int, index: Any, src: Any = None, **keywords: Any) -> Syntax:
    src = keywords.get("value") if src is None else src
    how = keywords.get("reduce")
    combine = _COMBINE.get(how)
    if combine is None:
        message = f"scatter with reduce={how!r}"
        raise NotWrittenError(message)
    positions = _elements(input, dim, index)
    return combined(c, c.write(input), positions, _source_for(c, src, index), combine)


def _scatter_add(c: Call, input: Any, dim: int, index: Any, src: Any) -> Syntax:
    positions = _elements(input, dim, index)
    return combined(c, c.write(input), positions, _source_for(c, src, index), add)


_REDUCE: Final[Mapping[str, Combine]] = MappingProxyType(
    {
        "sum": add,
        "mean": add,
        "prod": multiply,
        "amax": lambda a, b: call("maximum", a, b),
        "amin": lambda a, b: call("minimum", a, b),
    }
)


def _reduced(
    c: Call,
    input: torch.Tensor,
    positions: torch.Tensor,
    source: Callable[..., Syntax],
    reduce: str,
    include_self: bool,
) -> Syntax:
    value = combined(
        c, c.write(input), positions, source, _REDUCE[reduce], include_self=include_self
    )
    if reduce != "mean":
        return value
    counts = torch.zeros(input.numel(), dtype=torch.float64)
    counts = counts.index_add(0, positions.reshape(-1), torch.ones(positions.numel()).double())
    counts = (counts + 1 if include_self else counts.clamp(min=1)).reshape(input.shape)
    return divide(value, c.write(counts))


def _scatter_reduce(
    c: Call, input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Syntax:
    positions = _elements(input, dim, index)
    return _reduced(c, input, positions, _source_for(c, src, index), reduce, include_self)


def _index_reduce(
    c: Call, input: Any, dim: int, index: Any, source: Any, reduce: str, *,
    include_self: bool = True,
) -> Syntax:  # fmt: skip
    positions = _along(input, dim, index)
    taken = sources(c, source, positions_in(source), positions.numel())
    return _reduced(c, input, positions, taken, reduce, include_self)


def _index_add(
    c: Call, input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1
) -> Syntax:
    positions = _along(input, dim, index)
    taken = sources(c, source, positions_in(source), positions.numel())

    def plus(old: Syntax, new: Syntax) -> Syntax:
        return add(old, new if alpha == 1 else multiply(literal(alpha), new))

    return combined(c, c.write(input), positions, taken, plus)


def _index_copy(c: Call, input: Any, dim: int, index: Any, source: Any) -> Syntax:
    positions = _along(input, dim, index)
    taken = sources(c, source, positions_in(source), positions.numel())
    return combined(c, c.write(input), positions, taken, _replace)


def _index_fill(c: Call, input: Any, dim: int, index: Any, value: Any) -> Syntax:
    positions = _along(input, dim, index)
    taken = sources(c, value, positions, positions.numel())
    return combined(c, c.write(input), positions, taken, _replace)


def _index_put(
    c: Call,
    input: Any,
    indices: Sequence[Any],
    values: Any,
    accumulate: bool = False,
    unsafe: bool = False,
) -> Syntax:
    del unsafe
    key = tuple(slice(None) if part is None else part for part in indices)
    positions = positions_in(input)[key]
    chosen = positions_in(values).expand(positions.shape)
    taken = sources(c, values, chosen, positions.numel())
    return combined(c, c.write(input), positions, taken, add if accumulate else _replace)


def _put(c: Call, input: Any, index: Any, source: Any, accumulate: bool = False) -> Syntax:
    positions = index.reshape(-1) % max(1, input.numel())
    taken = sources(c, source, positions_in(source), positions.numel())
    return combined(c, c.write(input), positions, taken, add if accumulate else _replace)


def _masked_scatter(c: Call, input: Any, mask: Any, source: Any) -> Syntax:
    shape = torch.broadcast_shapes(input.shape, mask.shape)
    value = c.write(input)
    if tuple(input.shape) != tuple(shape):
        value = call("expand", value, literal(tuple(shape)))
    positions = torch.arange(math.prod(shape)).reshape(shape)[mask.expand(shape)]
    taken = sources(c, source, positions_in(source).reshape(-1)[: positions.numel()], 0)
    return combined(c, value, positions, taken, _replace)


def _into(view: Callable[..., torch.Tensor]) -> Translation:
    """Return the translation of a function that writes a source into a view of its input."""

    def translate(c: Call, input: Any, src: Any, *arguments: Any, **keywords: Any) -> Syntax:
        positions = view(positions_in(input), *arguments, **keywords)
        taken = sources(c, src, positions_in(src), positions.numel())
        return combined(c, c.write(input), positions, taken, _replace)

    return translate


def _slice(
    x: torch.Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> torch.Tensor:
    return x[(*[slice(None)] * (dim % x.ndim), slice(start, end, step))]


SCATTERING: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "scatter": _scatter,
        "scatter_add": _scatter_add,
        "scatter_reduce": _scatter_reduce,
        "index_reduce": _index_reduce,
        "index_add": _index_add,
        "index_copy": _index_copy,
        "index_fill": _index_fill,
        **dict.fromkeys(("index_put", "_index_put_impl", "_unsafe_index_put"), _index_put),
        "put": _put,
        "masked_scatter": _masked_scatter,
        "diagonal_scatter": _into(torch.diagonal),
        "select_scatter": _into(torch.select),
        "slice_scatter": _into(_slice),
        "as_strided_scatter": _into(torch.as_strided),
    }
)
