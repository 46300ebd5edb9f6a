"""Rows for functions that move or select components, or join tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError, one_axis, several_axes
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch, torch_functional

Dim = int | tuple[int, ...] | None

ALL = "..."  # the ellipsis in an index


def selection(index: Sequence[Any]) -> tuple[Any, ...]:
    """Return the index of a `Setting` as a Python index: ("slice", 1, None, 2) is 1::2."""
    return tuple(
        slice(*part[1:]) if isinstance(part, tuple) else Ellipsis if part == ALL else part
        for part in index
    )


def _t(a: Elements, x: Array) -> Array:
    if len(a.shape(x)) > 2:
        message = f"t() takes at most 2 dimensions, not {a.shape(x)}: transpose(x, 0, 1) or x.mT"
        raise ShapeMismatchError(message)
    return a.arrange(lambda v: v.T, x)


def _transpose(a: Elements, x: Array, dim0: int, dim1: int) -> Array:
    first, second = (one_axis(a.shape(x), d) for d in (dim0, dim1))
    return a.arrange(lambda v: numpy.swapaxes(v, first, second), x) if a.shape(x) else x


def _reshape(a: Elements, x: Array, shape: tuple[int, ...]) -> Array:
    size, product = math.prod(a.shape(x)), math.prod(n for n in shape if n != -1)
    fits = size % product == 0 if shape.count(-1) == 1 and product else size == product
    if not fits or shape.count(-1) > 1:
        message = f"{size} components do not fit the shape {shape}"
        message = f"only one length of {shape} may be -1" if shape.count(-1) > 1 else message
        raise ShapeMismatchError(message)
    return a.arrange(lambda v: v.reshape(shape), x)


def _flatten(a: Elements, x: Array, start_dim: int = 0, end_dim: int = -1) -> Array:
    shape = a.shape(x) or (1,)
    first, last = one_axis(shape, start_dim), one_axis(shape, end_dim)
    if first > last:
        message = f"start_dim {start_dim} comes after end_dim {end_dim}"
        raise ShapeMismatchError(message)
    joined = (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])
    return a.arrange(lambda v: v.reshape(joined), x)


def _unsqueeze(a: Elements, x: Array, dim: int) -> Array:
    axis = one_axis(a.shape(x), dim, more=1)
    return a.arrange(lambda v: numpy.expand_dims(v, axis), x)


def _squeeze(a: Elements, x: Array, dim: int | None = None) -> Array:
    if dim is None:
        return a.arrange(numpy.squeeze, x)
    axis = one_axis(a.shape(x), dim)
    has_length_one = a.shape(x)[axis : axis + 1] == (1,)
    return a.arrange(lambda v: numpy.squeeze(v, axis), x) if has_length_one else x


def _permute(a: Elements, x: Array, dims: tuple[int, ...]) -> Array:
    axes = several_axes(a, x, dims) if dims else ()
    if len(axes) != len(a.shape(x)):
        message = f"dims must name every dimension of {a.shape(x)} once, not {dims}"
        raise ShapeMismatchError(message)
    return a.arrange(lambda v: numpy.transpose(v, axes), x)


def _flip(a: Elements, x: Array, dims: tuple[int, ...]) -> Array:
    axes = several_axes(a, x, dims) if dims else ()  # () reverses nothing
    return a.arrange(lambda v: numpy.flip(v, axes), x) if a.shape(x) else x


def _roll(a: Elements, x: Array, shifts: int | tuple[int, ...], dims: Dim = None) -> Array:
    if dims is None:
        shape = a.shape(x)
        return a.arrange(lambda v: numpy.roll(v.reshape(-1), shifts).reshape(shape), x)
    steps = (shifts,) if isinstance(shifts, int) else shifts
    axes = several_axes(a, x, dims)
    if len(steps) != len(axes):
        message = f"{len(steps)} shifts for {len(axes)} dimensions"
        raise ShapeMismatchError(message)
    return a.arrange(lambda v: numpy.roll(v, steps, axes), x) if a.shape(x) else x


def _repeat(a: Elements, x: Array, repeats: tuple[int, ...]) -> Array:
    if len(repeats) < len(a.shape(x)):
        message = f"repeat needs a number for every dimension of {a.shape(x)}, not {repeats}"
        raise ShapeMismatchError(message)
    return _tile(a, x, repeats)


def _tile(a: Elements, x: Array, dims: tuple[int, ...]) -> Array:
    if min(dims, default=0) < 0:
        message = f"a tensor cannot be repeated {min(dims)} times"
        raise ShapeMismatchError(message)
    return a.arrange(lambda v: numpy.tile(v, dims), x)


def _expand(a: Elements, x: Array, shape: tuple[int, ...]) -> Array:
    former = a.shape(x)
    if -1 in shape[: max(0, len(shape) - len(former))]:
        message = "a new dimension needs a length; -1 keeps the length of an existing one"
        raise ShapeMismatchError(message)
    padded = (*[1] * (len(shape) - len(former)), *former)
    target = tuple(k if n == -1 else n for n, k in zip(shape, padded, strict=False))
    if len(padded) > len(shape) or any(
        k not in {1, n} for n, k in zip(target, padded, strict=True)
    ):
        message = f"the shape {former} cannot be expanded to {shape}: only lengths of 1 can"
        raise ShapeMismatchError(message)
    return a.arrange(lambda v: numpy.broadcast_to(v, target), x)


def _cat(a: Elements, tensors: Sequence[Array], dim: int = 0) -> Array:
    shapes = [a.shape(x) for x in tensors]
    if not all(shapes):
        message = "a number cannot be concatenated; stack makes a vector of numbers"
        raise ShapeMismatchError(message)
    axis = one_axis(shapes[0], dim)
    other_lengths = {(len(s), s[:axis], s[axis + 1 :]) for s in shapes}
    if len(other_lengths) > 1:
        message = f"the tensors differ in dimensions other than {dim}"
        raise ShapeMismatchError(message)
    return a.arrange(lambda *v: numpy.concatenate(v, axis), *tensors)


def stack(a: Elements, tensors: Sequence[Array], dim: int = 0) -> Array:
    """Return tensors of equal shape joined along a new dimension."""
    shapes = [a.shape(x) for x in tensors]
    if len(set(shapes)) > 1:
        message = "stack needs tensors of equal shape"
        raise ShapeMismatchError(message)
    axis = one_axis(shapes[0], dim, more=1)
    return a.arrange(lambda *v: numpy.stack(v, axis), *tensors)


def _alike(a: Elements, x: Array, number: int) -> Array:
    shape = a.shape(x)
    return a.arrange(lambda v: numpy.broadcast_to(v, shape), a.each("positive", number))


def _torch_tensor(tensors: Sequence[Any]) -> Any:
    return torch.stack(
        [
            x if isinstance(x, torch.Tensor) else torch.as_tensor(x, dtype=torch.float64)
            for x in tensors
        ]
    )


def indices_of(index: Any, count: int) -> Any:  # numpy's integers
    """Return indices as an array.

    Raises
    ------
    ShapeMismatchError
        An index is negative, or not less than `count`.
    """
    indices = numpy.asarray(index)
    if indices.size and not (indices.min() >= 0 and indices.max() < count):
        worst = int(indices.max() if indices.max() >= count else indices.min())
        message = f"the index {worst} is not between 0 and {count - 1}"
        raise ShapeMismatchError(message)
    return indices


def torch_indices(index: Any) -> Any:
    """Return indices as a tensor of torch."""
    return torch.as_tensor(index, dtype=torch.int64)


def _gather(a: Elements, x: Array, dim: int, index: Any) -> Array:
    shape = a.shape(x) or (1,)  # torch takes a number as a vector, here and in the index
    axis = one_axis(shape, dim)
    scalar_or_array = indices_of(index, shape[axis])
    indices = numpy.atleast_1d(scalar_or_array)
    if indices.ndim != len(shape):
        message = f"the index has {indices.ndim} dimensions, the tensor {len(shape)}"
        raise ShapeMismatchError(message)
    if any(n > m for d, (n, m) in enumerate(zip(indices.shape, shape, strict=True)) if d != axis):
        message = f"the index of shape {indices.shape} is too long in a dimension other than {dim}"
        raise ShapeMismatchError(message)
    used = tuple(slice(None) if d == axis else slice(n) for d, n in enumerate(indices.shape))

    def gathered(v: Any) -> Any:
        components = numpy.take_along_axis(v.reshape(shape)[used], indices, axis)
        return components.reshape(scalar_or_array.shape)

    return a.arrange(gathered, x)


def _index_select(a: Elements, x: Array, dim: int, index: Any) -> Array:
    shape = a.shape(x)
    axis = one_axis(shape, dim)
    indices = indices_of(index, (shape or (1,))[axis])
    if indices.ndim > 1:
        message = f"the index must be a vector, not of shape {indices.shape}"
        raise ShapeMismatchError(message)
    if not shape:
        if indices.size == 1:
            return x
        message = f"a number has one component, not {indices.size}"
        raise ShapeMismatchError(message)
    return a.arrange(lambda v: numpy.take(v, numpy.atleast_1d(indices), axis), x)


def _take(a: Elements, x: Array, index: Any) -> Array:
    size = math.prod(a.shape(x))
    indices = indices_of(index, size)
    return a.arrange(lambda v: numpy.take(v.reshape(-1), indices), x)


def _put(a: Elements, x: Array, index: Any, source: Array) -> Array:
    shape = a.shape(x)
    indices = indices_of(index, math.prod(shape))
    if math.prod(a.shape(source)) != indices.size:
        message = f"{indices.size} positions, and a source of shape {a.shape(source)}"
        raise ShapeMismatchError(message)

    def placed(v: Any, w: Any) -> Any:
        result = numpy.array(v, order="C")
        result.reshape(-1)[indices.reshape(-1)] = w.reshape(-1)
        return result

    return a.arrange(placed, x, source)


def _masked_fill(a: Elements, x: Array, mask: Array, value: Array) -> Array:
    if a.shape(value):
        message = f"value must be a number, not of shape {a.shape(value)}: where(mask, value, x)"
        raise ShapeMismatchError(message)
    return a.each("where", mask, value, x)


def _one_hot(a: Elements, tensor: Any, num_classes: int = -1) -> Array:
    classes = numpy.asarray(tensor)
    count = int(classes.max()) + 1 if num_classes == -1 else num_classes
    is_class = indices_of(classes, count)[..., None] == numpy.arange(count)
    zero, one = (a.each("positive", n) for n in (0, 1))
    return a.arrange(lambda z, u: numpy.where(is_class, u, z), zero, one)


def _triangle(function: str) -> Callable[..., Any]:
    def column(a: Elements, x: Array, diagonal: int = 0) -> Array:
        rows, columns = a.shape(x)[-2:]
        inside = getattr(numpy, function)(numpy.ones((rows, columns), dtype=bool), diagonal)
        return a.arrange(lambda v, z: numpy.where(inside, v, z), x, a.each("positive", 0))

    return column


def _diag(a: Elements, x: Array) -> Array:
    shape = a.shape(x)
    if len(shape) == 2:
        return a.arrange(lambda v: numpy.diagonal(v), x)
    if len(shape) != 1:
        message = f"diag takes a vector or a matrix, not the shape {shape}"
        raise ShapeMismatchError(message)
    diagonal = numpy.eye(*shape, dtype=bool)
    return a.arrange(lambda v, z: numpy.where(diagonal, v, z), x, a.each("positive", 0))


# fmt: off
ARRANGEMENTS = (
    Function("sequence",  "x", operator="[x, y]", formula="a list of tensors", array=lambda _, *x: x, torch=lambda *x: x, role="list"),
    Function("tensor",    "tensors: tensors", formula="components given one by one", array=stack, torch=_torch_tensor,
             spelled={"torch": "torch.stack(<tensors>)", "numpy": "np.array(<tensors>)"}),
    Function("t",         "x", formula="transpose of a matrix", array=_t, torch="t",
             spelled={"numpy": "np.transpose(<x>)", "latex": r"<x>^{\mathsf{T}}"}),
    Function("transpose_all", "x", operator="x.T", formula="transpose of a matrix", array=_t, torch=lambda x: x.T,
             spelled={"torch": "<x>.T", "numpy": "<x>.T", "latex": r"<x>^{\mathsf{T}}"}),
    Function("transpose_last", "x", operator="x.mT", formula="last two dimensions exchanged",
             array=lambda a, x: _transpose(a, x, -2, -1), torch=lambda x: x.mT,
             spelled={"torch": "<x>.mT", "numpy": "np.swapaxes(<x>, -1, -2)", "latex": r"<x>^{\mathsf{T}}"}),
    Function("transpose", "x, dim0: integer, dim1: integer", formula="two dimensions exchanged", aliases=("swapaxes",), array=_transpose, torch="transpose",
             spelled={"numpy": "swapaxes"}),
    Function("permute",   "x, dims: shape", formula="dimensions reordered", array=_permute, torch="permute",
             spelled={"numpy": "transpose"}),
    Function("reshape",   "x, shape: shape", formula="the components in a different shape", aliases=("view",), array=_reshape, torch="reshape",
             spelled={"numpy": "reshape"}),
    Function("flatten",   "x, start_dim: integer = 0, end_dim: integer = -1", formula="dimensions merged into one", array=_flatten, torch="flatten"),
    Function("unsqueeze", "x, dim: integer", formula="a dimension of length 1 inserted", array=_unsqueeze, torch="unsqueeze",
             spelled={"numpy": "expand_dims"}),
    Function("squeeze",   "x, dim: integer = None", formula="dimensions of length 1 removed", array=_squeeze, torch="squeeze",
             spelled={"numpy": "squeeze"}),
    Function("expand",    "x, shape: shape", formula="repeated along new dimensions", array=_expand, torch=lambda x, shape: x.expand(shape),
             spelled={"torch": "<x>.expand(<shape>)"}),
    Function("flip",      "x, dims: shape", formula="dimensions reversed", array=_flip, torch="flip",
             spelled={"numpy": "flip"}),
    Function("roll",      "x, shifts: dim, dims: dim = None", formula="components moved around", array=_roll, torch="roll",
             spelled={"numpy": "np.roll(<x>, <shifts>, axis=<dims>)"}),
    Function("repeat",    "x, repeats: shape", formula="repeated along the dimensions", array=_repeat, torch=lambda x, repeats: x.repeat(repeats),
             spelled={"torch": "<x>.repeat(<repeats>)", "numpy": "tile"}),
    Function("tile",      "x, dims: shape", formula="repeated along the last dimensions", array=_tile, torch="tile",
             spelled={"numpy": "tile"}),
    Function("cat",       "tensors: tensors, dim: integer = 0", formula="tensors joined along a dimension", aliases=("concat", "concatenate"),
             array=_cat, torch="cat",
             spelled={"numpy": "concatenate"}),
    Function("stack",     "tensors: tensors, dim: integer = 0", formula="tensors joined along a new dimension", array=stack, torch="stack",
             spelled={"numpy": "stack"}),
    Function("clone",     "x", formula="x", aliases=("contiguous",), array=lambda a, x: x, torch="clone",
             spelled={"numpy": "<x>"}),
    Function("zeros_like", "x", formula="0", array=lambda a, x: _alike(a, x, 0), torch="zeros_like",
             spelled={"numpy": "zeros_like"}),
    Function("ones_like", "x", formula="1", array=lambda a, x: _alike(a, x, 1), torch="ones_like",
             spelled={"numpy": "ones_like"}),
)

INDEXING = (
    Function("index",        "x, index: index", operator="x[i]", formula="some of the components",
             array=lambda a, x, index: a.arrange(lambda v: v[selection(index)], x), torch=lambda x, index: x[selection(index)],
             spelled={"torch": "<x>[<index>]", "numpy": "<x>[<index>]"}),
    Function("gather",       "x, dim: integer, index: indices", formula="x[index[i], j]", array=_gather,
             torch=lambda x, dim, index: torch.gather(x, dim, torch_indices(index)),
             spelled={"torch": "gather", "numpy": "np.take_along_axis(<x>, <index>, axis=<dim>)"}),
    Function("index_select", "x, dim: integer, index: indices", formula="some rows of x", array=_index_select,
             torch=lambda x, dim, index: torch.index_select(x, dim, torch_indices(index)),
             spelled={"torch": "index_select", "numpy": "np.take(<x>, <index>, axis=<dim>)"}),
    Function("take",         "x, index: indices", formula="the components at flat positions", array=_take,
             torch=lambda x, index: torch.take(x, torch_indices(index)),
             spelled={"torch": "take", "numpy": "np.take(<x>, <index>)"}),
    Function("put",          "x, index: indices, source", formula="x with other components at flat positions", array=_put,
             torch=lambda x, index, source: x.put(torch_indices(index), source),
             spelled={"torch": "<x>.put(<index>, <source>)"}),
    Function("masked_fill",  "x, mask: condition, value", formula="value where mask, else x",
             array=_masked_fill, torch="masked_fill",
             spelled={"numpy": "np.where(<mask>, <value>, <x>)"}),
    # torch's one_hot returns integers, which cannot be multiplied with real matrices: make them real.
    Function("one_hot",      "tensor: indices, num_classes: integer = -1", formula="1 at the index, else 0", array=_one_hot,
             torch=lambda tensor, num_classes=-1: torch_functional.one_hot(torch_indices(tensor), num_classes).double(),
             spelled={"torch": "F.one_hot(<tensor>, <num_classes>).double()"}),
    Function("diag",         "x", formula="diagonal matrix of a vector, or the diagonal", array=_diag, torch="diag",
             spelled={"numpy": "diag"}),
    Function("tril",         "x, diagonal: integer = 0", formula="x below the diagonal, else 0", array=_triangle("tril"), torch="tril",
             spelled={"numpy": "tril"}),
    Function("triu",         "x, diagonal: integer = 0", formula="x above the diagonal, else 0", array=_triangle("triu"), torch="triu",
             spelled={"numpy": "triu"}),
)
# fmt: on
