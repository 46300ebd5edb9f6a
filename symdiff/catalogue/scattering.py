"""Rows that write components, or add to them, at given places along a dimension."""

from __future__ import annotations

from typing import Any

from symdiff.catalogue.arrangements import indices_of, torch_indices
from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError, one_axis
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch


def _places(shape: tuple[int, ...], dim: int, index: Any, source: tuple[int, ...]) -> Any:
    """Return the flat position that every component of the index names.

    Raises
    ------
    ShapeMismatchError
        The index does not fit the tensor or the source.
    """
    axis = one_axis(shape, dim)
    indices = indices_of(index, shape[axis] if shape else 1)
    if not len(shape) == indices.ndim == len(source) or not shape:
        message = f"tensor, index and source have {len(shape)}, {indices.ndim} and {len(source)} dimensions"
        raise ShapeMismatchError(message)
    other = [n for d, n in enumerate(shape) if d != axis]
    along = [n for d, n in enumerate(indices.shape) if d != axis]
    if any(n > m for n, m in zip(along, other, strict=True)) or any(
        n > m for n, m in zip(indices.shape, source, strict=True)
    ):
        message = f"the index of shape {indices.shape} is larger than the tensor or the source"
        raise ShapeMismatchError(message)
    grids = list(numpy.indices(indices.shape))
    grids[axis] = indices
    return numpy.ravel_multi_index(tuple(grids), shape)


def _scatter(a: Elements, x: Array, dim: int, index: Any, src: Array) -> Array:
    shape = a.shape(x)
    places = _places(shape, dim, index, a.shape(src))
    if len(numpy.unique(places)) < places.size:
        message = "the index names a place twice: which component stays there is not defined"
        raise ShapeMismatchError(message)
    inside = tuple(slice(n) for n in places.shape)

    def placed(v: Any, w: Any) -> Any:
        result = numpy.array(v, order="C")
        result.reshape(-1)[places] = w[inside]
        return result

    return a.arrange(placed, x, src)


def _scatter_add(a: Elements, x: Array, dim: int, index: Any, src: Array) -> Array:
    shape = a.shape(x)
    places = _places(shape, dim, index, a.shape(src))
    return _added(a, x, places, src)


def _added(a: Elements, x: Array, places: Any, source: Array) -> Array:
    """Add components of the source to those at flat positions, one layer of places at a time."""
    shape = a.shape(x)
    inside = tuple(slice(n) for n in places.shape)
    flat = a.arrange(lambda v: v[inside].reshape(-1), source)
    order = _rank_among_equals(places.reshape(-1))
    for k in range(int(order.max(initial=-1)) + 1):
        layer = order == k  # every place at most once
        where = places.reshape(-1)[layer]
        before = a.arrange(lambda v, where=where: v.reshape(-1)[where], x)
        after = a.each("add", before, a.arrange(lambda w, layer=layer: w[layer], flat))

        def placed(v: Any, w: Any, where: Any = where) -> Any:
            result = numpy.array(v, order="C").reshape(-1)
            result[where] = w
            return result.reshape(shape)

        x = a.arrange(placed, x, after)
    return x


def _rank_among_equals(places: Any) -> Any:
    """Return for every place how often it came before: 0, 0, 1 for the places 4, 7, 4."""
    counts: dict[int, int] = {}
    ranks = []
    for place in places.tolist():
        ranks.append(counts.get(place, 0))
        counts[place] = ranks[-1] + 1
    return numpy.array(ranks, dtype=int)


def _index_add(
    a: Elements, x: Array, dim: int, index: Any, source: Array, alpha: float = 1
) -> Array:
    shape, given = a.shape(x), a.shape(source)
    axis = one_axis(shape, dim)
    indices = numpy.atleast_1d(indices_of(index, shape[axis] if shape else 1))
    expected = (*shape[:axis], indices.size, *shape[axis + 1 :])
    if indices.ndim > 1 or not shape or given != expected:
        message = f"{indices.size} rows to add need a source of shape {expected}, not {given}"
        raise ShapeMismatchError(message)
    laid = indices.reshape([-1 if d == axis else 1 for d in range(len(shape))])
    places = _places(shape, dim, numpy.broadcast_to(laid, expected), given)
    scaled = source if alpha == 1 else a.each("multiply", alpha, source)
    return _added(a, x, places, scaled)


# fmt: off
SCATTERING = (
    Function("scatter",     "x, dim: integer, index: indices, src", formula="x with src[i, j] at [index[i, j], j]", array=_scatter,
             torch=lambda x, dim, index, src: torch.scatter(x, dim, torch_indices(index), src),
             spelled={"torch": "scatter"}),
    Function("scatter_add", "x, dim: integer, index: indices, src", formula="x plus src[i, j] at [index[i, j], j]", array=_scatter_add,
             torch=lambda x, dim, index, src: torch.scatter_add(x, dim, torch_indices(index), src),
             spelled={"torch": "scatter_add"}),
    Function("index_add",   "x, dim: integer, index: indices, source, alpha: fixed = 1", formula="x plus source[i] at [index[i]]", array=_index_add,
             torch=lambda x, dim, index, source, alpha=1: torch.index_add(x, dim, torch_indices(index), source, alpha=alpha),
             spelled={"torch": "index_add"}),
)
# fmt: on
