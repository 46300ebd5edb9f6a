"""Rows for reductions and products: sums, norms, softmax, matrix products."""

from __future__ import annotations

import math
from typing import Any

from symdiff.catalogue.elements import (
    Array,
    Elements,
    ShapeMismatchError,
    count,
    folded,
    folded_over,
    one_axis,
    parts,
    several_axes,
)
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, scipy_special, torch

Dim = Any


def _check_kept(dim: Dim, keepdim: bool) -> None:
    if dim is None and keepdim:  # as in torch's sum, mean and prod
        message = "keepdim=True needs dim"
        raise ShapeMismatchError(message)


def _sum(a: Elements, x: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    _check_kept(dim, keepdim)
    return a.total(x, several_axes(a, x, dim), keep=keepdim)


def mean(a: Elements, x: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    """Return the mean over some dimensions, or over all."""
    _check_kept(dim, keepdim)
    axes = several_axes(a, x, dim)
    return a.each("divide", a.total(x, axes, keep=keepdim), count(a, x, axes))


def _prod(a: Elements, x: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    _check_kept(dim, keepdim)
    return folded_over(a, "multiply", x, several_axes(a, x, dim), keep=keepdim)


def greatest(a: Elements, x: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    """Return the largest component over some dimensions, or over all."""
    return folded_over(a, "maximum", x, several_axes(a, x, dim), keep=keepdim)


def _least(a: Elements, x: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    return folded_over(a, "minimum", x, several_axes(a, x, dim), keep=keepdim)


def norm(a: Elements, x: Array, p: float = 2, dim: Dim = None, keepdim: bool = False) -> Array:
    """Return the p-norm over some dimensions, or over all.

    Parameters
    ----------
    a
        The arithmetic of `x`.
    x
        The tensor.
    p
        (Σ|x|^p)^(1/p); the largest |x| for inf, the smallest for -inf, the number of components
        that are not 0 for 0.
    dim
        One dimension or several; None means all.
    keepdim
        Whether the dimensions are kept with length 1.
    """
    axes = several_axes(a, x, dim)
    if p == 2:
        return a.each("sqrt", a.total(a.each("square", x), axes, keep=keepdim))
    if p == 0:
        return a.total(a.each("where", a.each("not_equal", x, 0), 1, 0), axes, keep=keepdim)
    size = a.each("abs", x)
    if math.isinf(p):
        return folded_over(a, "maximum" if p > 0 else "minimum", size, axes, keep=keepdim)
    if p == 1:
        return a.total(size, axes, keep=keepdim)
    total = a.total(a.each("power", size, p), axes, keep=keepdim)
    return a.each("power", total, a.each("divide", 1, p))


def _logsumexp(a: Elements, x: Array, dim: Dim, keepdim: bool = False) -> Array:
    """Return log Σe^x without overflow; if components may be -inf, by that formula.

    The logarithm of e^-inf + e^-inf, a part of the sum, is undefined.
    """
    axes = several_axes(a, x, dim)
    if a.may_be_infinite(x):
        return a.each("log", a.total(a.each("exp", x), axes, keep=keepdim))
    return folded_over(a, "logaddexp", x, axes, keep=keepdim)


def _numpy_logsumexp(x: Array, dim: Dim, keepdim: bool = False) -> Array:
    if not numpy.ndim(x):
        return x
    axis = None if dim == () else dim  # torch takes () as all dimensions
    return scipy_special.logsumexp(x, axis=axis, keepdims=keepdim)


def _differences(a: Elements, x: Array, dim: int) -> tuple[Array, int]:
    """Return x_j - x_i with i and j along two neighbouring axes, and the axis of j."""
    axis = one_axis(a.shape(x), dim)
    x = x if a.shape(x) else a.arrange(numpy.atleast_1d, x)
    across = a.arrange(lambda v: numpy.expand_dims(v, axis), x)
    along = a.arrange(lambda v: numpy.expand_dims(v, axis + 1), x)
    return a.each("subtract", across, along), axis + 1


def softmax(a: Elements, x: Array, dim: int) -> Array:
    """Return 1/Σ_j e^(x_j - x_i): nothing cancels, and an overflow gives 0.

    If components may be -inf it is e^x/Σe^x, since -inf - (-inf) is undefined.
    """
    if a.may_be_infinite(x):
        return softmax_for_backward(a, x, dim)
    differences, axis = _differences(a, x, dim)
    softmax = a.each("divide", 1, a.total(a.each("exp", differences), (axis,), keep=False))
    return softmax if a.shape(x) else a.arrange(lambda v: v[0], softmax)


def _powers(a: Elements, x: Array, dim: int) -> tuple[Array, Array]:
    """Return e^x, and its sum along a dimension."""
    powers = a.each("exp", x)
    axes = (one_axis(a.shape(x), dim),) if a.shape(x) else ()
    return powers, a.total(powers, axes, keep=True)


def softmax_for_backward(a: Elements, x: Array, dim: int) -> Array:
    """Return y = e^x/Σe^x: the derivative y·(1 - y) cancels where y is near 1."""
    return a.each("divide", *_powers(a, x, dim))


def log_softmax_for_backward(a: Elements, x: Array, dim: int) -> Array:
    """Return x - log Σe^x: the derivative 1 - y cancels where y is near 1."""
    return a.each("subtract", x, a.each("log", _powers(a, x, dim)[1]))


def _softmin(a: Elements, x: Array, dim: int) -> Array:
    return softmax(a, a.each("negative", x), dim)


def log_softmax(a: Elements, x: Array, dim: int) -> Array:
    """Return -log Σ_j e^(x_j - x_i): nothing cancels or overflows.

    If components may be -inf it is x - log Σe^x, since -inf - (-inf) is undefined.
    """
    if a.may_be_infinite(x):
        return log_softmax_for_backward(a, x, dim)
    differences, axis = _differences(a, x, dim)
    result = a.each("negative", folded(a, "logaddexp", differences, axis, keep=False))
    return result if a.shape(x) else a.arrange(lambda v: v[0], result)


def _var(
    a: Elements, x: Array, dim: Dim = None, correction: int = 1, keepdim: bool = False
) -> Array:
    axes = several_axes(a, x, dim)
    size = count(a, x, axes)
    if size <= correction:
        message = f"the variance of {size} numbers with correction {correction} is undefined"
        raise ShapeMismatchError(message)
    squares = a.each("square", a.each("subtract", x, mean(a, x, axes, keepdim=True)))
    return a.each("divide", a.total(squares, axes, keep=keepdim), size - correction)


def _std(
    a: Elements, x: Array, dim: Dim = None, correction: int = 1, keepdim: bool = False
) -> Array:
    return a.each("sqrt", _var(a, x, dim, correction, keepdim))


def _cumsum(a: Elements, x: Array, dim: int) -> Array:
    axis = one_axis(a.shape(x), dim)
    if not a.shape(x):
        return x
    sums: list[Array] = []
    for part in parts(a, x, axis):
        sums.append(a.each("add", sums[-1], part) if sums else part)
    return a.arrange(lambda *v: numpy.stack(v, axis), *sums)


def matmul(a: Elements, x: Array, y: Array) -> Array:
    """Return the matrix product; a vector is a row on the left and a column on the right."""
    first, second = a.shape(x), a.shape(y)
    if not first or not second:
        message = "a matrix product needs vectors or matrices; for numbers write x*y"
        raise ShapeMismatchError(message)
    rows = a.arrange(lambda v: v[None, :], x) if len(first) == 1 else x
    columns = a.arrange(lambda v: v[:, None], y) if len(second) == 1 else y
    length, height = a.shape(rows)[-1], a.shape(columns)[-2]
    if length != height:
        message = f"the inner dimensions {length} and {height} are not equal"
        raise ShapeMismatchError(message)
    product = a.product(rows, columns)
    if len(second) == 1:
        product = a.arrange(lambda v: v[..., 0], product)
    if len(first) == 1:
        axis = -1 if len(second) == 1 else -2
        product = a.arrange(lambda v: numpy.take(v, 0, axis), product)
    return product


def _of_dimensions(first: int, second: int) -> Any:
    def product(a: Elements, x: Array, y: Array) -> Array:
        dimensions = len(a.shape(x)), len(a.shape(y))
        if dimensions != (first, second):
            message = f"tensors with {first} and {second} dimensions are needed, not {dimensions[0]} and {dimensions[1]}"
            raise ShapeMismatchError(message)
        if first == second == 3 and a.shape(x)[0] != a.shape(y)[0]:
            message = f"the batches have {a.shape(x)[0]} and {a.shape(y)[0]} matrices"
            raise ShapeMismatchError(message)
        return matmul(a, x, y)

    return product


# fmt: off
REDUCTIONS = (
    Function("sum",         "x, dim: dim = None, keepdim: flag = False", formula="Σ x", array=_sum, torch="sum",
             spelled={"numpy": "sum"}),
    Function("mean",        "x, dim: dim = None, keepdim: flag = False", formula="Σ x / n", array=mean, torch="mean",
             spelled={"numpy": "mean"}),
    Function("prod",        "x, dim: integer = None, keepdim: flag = False", formula="Π x", array=_prod, torch="prod",
             spelled={"numpy": "prod"}),
    Function("amax",        "x, dim: dim = (), keepdim: flag = False", formula="largest x", array=greatest, torch="amax",
             spelled={"numpy": "max"}),
    Function("amin",        "x, dim: dim = (), keepdim: flag = False", formula="smallest x", array=_least, torch="amin",
             spelled={"numpy": "min"}),
    # At ties, torch's derivatives of these two differ from those of amax and amin.
    Function("max_all",     "x", operator="max(x)", formula="largest x", array=greatest, torch="max",
             spelled={"numpy": "max"}),
    Function("min_all",     "x", operator="min(x)", formula="smallest x", array=_least, torch="min",
             spelled={"numpy": "min"}),
    Function("max_along",   "x, dim: integer, keepdim: flag = False", operator="x.max(dim).values", formula="largest x",
             array=lambda a, x, dim, keepdim=False: folded(a, "maximum", x, dim, keep=keepdim),
             torch=lambda x, dim, keepdim=False: torch.max(x, dim, keepdim).values,
             spelled={"torch": "torch.max(<*>).values", "numpy": "max"}),
    Function("min_along",   "x, dim: integer, keepdim: flag = False", operator="x.min(dim).values", formula="smallest x",
             array=lambda a, x, dim, keepdim=False: folded(a, "minimum", x, dim, keep=keepdim),
             torch=lambda x, dim, keepdim=False: torch.min(x, dim, keepdim).values,
             spelled={"torch": "torch.min(<*>).values", "numpy": "min"}),
    Function("norm",        "x, p: fixed = 2, dim: dim = None, keepdim: flag = False", formula="(Σ |x|**p)**(1/p)", array=norm, torch="norm",
             spelled={"numpy": "np.sqrt(np.sum(<x>**2))", "latex": r"\left\lVert <x>\right\rVert"}),
    Function("logsumexp",   "x, dim: dim, keepdim: flag = False", formula="log Σ e**x", array=_logsumexp,
             numpy=_numpy_logsumexp, torch="logsumexp",
             spelled={"numpy": "special.logsumexp"}),
    Function("softmax",     "x, dim: integer", formula="e**x / Σ e**x", array=softmax,
             numpy=lambda x, dim: scipy_special.softmax(x, axis=dim), torch="softmax", backward_formula=softmax_for_backward,
             spelled={"numpy": "special.softmax(<x>, axis=<dim>)", "jax": "nn.softmax"}),
    Function("softmin",     "x, dim: integer", formula="e**-x / Σ e**-x", array=_softmin,
             numpy=lambda x, dim: scipy_special.softmax(-x, axis=dim), torch="F.softmin",
             backward_formula=lambda a, x, dim: softmax_for_backward(a, a.each("negative", x), dim),
             spelled={"numpy": "special.softmax(-<x>, axis=<dim>)", "jax": "jax.nn.softmax(-<x>, axis=<dim>)"}),
    Function("log_softmax", "x, dim: integer", formula="x - log Σ e**x", array=log_softmax,
             numpy=lambda x, dim: scipy_special.log_softmax(x, axis=dim), torch="log_softmax", backward_formula=log_softmax_for_backward,
             spelled={"numpy": "special.log_softmax(<x>, axis=<dim>)", "jax": "nn.log_softmax"}),
    Function("var",         "x, dim: dim = None, correction: integer = 1, keepdim: flag = False",
             formula="Σ (x - mean)**2 / (n - correction)", array=_var, torch="var",
             spelled={"numpy": "np.var(<x>, axis=<dim>, ddof=<correction>, keepdims=<keepdim>)"}),
    Function("std",         "x, dim: dim = None, correction: integer = 1, keepdim: flag = False",
             formula="sqrt(var(x))", array=_std, torch="std",
             spelled={"numpy": "np.std(<x>, axis=<dim>, ddof=<correction>, keepdims=<keepdim>)"}),
    Function("cumsum",      "x, dim: integer", formula="x[0], x[0] + x[1], ...", array=_cumsum, torch="cumsum",
             spelled={"numpy": "cumsum"}),
)

PRODUCTS = (
    Function("matmul", "x, y", operator="@", formula="matrix product", array=matmul, torch="matmul"),
    Function("mm",     "x, y", formula="product of two matrices", array=_of_dimensions(2, 2), torch="mm",
             spelled={"numpy": "<x> @ <y>"}),
    Function("mv",     "x, y", formula="matrix times vector", array=_of_dimensions(2, 1), torch="mv",
             spelled={"numpy": "<x> @ <y>"}),
    Function("bmm",    "x, y", formula="products of a batch of matrices", array=_of_dimensions(3, 3), torch="bmm",
             spelled={"numpy": "<x> @ <y>"}),
    Function("dot",    "x, y", formula="Σ x*y of two vectors", array=_of_dimensions(1, 1), torch="dot",
             spelled={"numpy": "<x> @ <y>"}),
)
# fmt: on
