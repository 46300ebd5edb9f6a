"""Rows for the losses of torch.nn.functional."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symdiff.catalogue.arrangements import indices_of, torch_indices
from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError
from symdiff.catalogue.reductions import log_softmax, log_softmax_for_backward, mean
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch_functional

_REDUCTION = "reduction: mean|sum|none = mean"


def _reduced(a: Elements, loss: Array, reduction: str) -> Array:
    if reduction == "none":
        return loss
    axes = tuple(range(len(a.shape(loss))))
    return mean(a, loss) if reduction == "mean" else a.total(loss, axes, keep=False)


def _pointwise(loss: Callable[..., Array]) -> Callable[..., Array]:
    """Return an `array` column from the loss of one component."""

    def column(
        a: Elements, x: Array, target: Array, reduction: str = "mean", parameter: float = 1.0
    ) -> Array:
        if a.shape(x) != a.shape(target):
            message = "input and target of a loss must have the same shape"
            raise ShapeMismatchError(message)
        return _reduced(a, loss(a, x, target, parameter), reduction)

    return column


def _squared(a: Elements, x: Array, target: Array, _: float) -> Array:
    return a.each("square", a.each("subtract", x, target))


def _absolute(a: Elements, x: Array, target: Array, _: float) -> Array:
    return a.each("abs", a.each("subtract", x, target))


def _smooth(a: Elements, x: Array, target: Array, beta: float) -> Array:
    if beta < 0:
        message = f"beta must be at least 0, not {beta}"
        raise ShapeMismatchError(message)
    size = _absolute(a, x, target, beta)
    if beta == 0:
        return size
    inner = a.each("divide", a.each("square", size), 2 * beta)
    return a.each("where", a.each("less", size, beta), inner, a.each("subtract", size, beta / 2))


def _huber(a: Elements, x: Array, target: Array, delta: float) -> Array:
    if delta <= 0:
        message = f"delta must be more than 0, not {delta}"
        raise ShapeMismatchError(message)
    size = _absolute(a, x, target, delta)
    inner = a.each("divide", a.each("square", size), 2)
    outer = a.each("multiply", delta, a.each("subtract", size, delta / 2))
    return a.each("where", a.each("less_equal", size, delta), inner, outer)


def _binary_cross_entropy(a: Elements, x: Array, target: Array, _: float) -> Array:
    one_minus_x, one_minus_target = (a.each("subtract", 1, v) for v in (x, target))
    first, second = a.each("xlogy", target, x), a.each("xlogy", one_minus_target, one_minus_x)
    total = a.each("add", first, second)
    # Undefined (log(-1)) where x is not a probability: torch raises an error there.
    is_probability = a.each("logical_and", a.each("less_equal", 0, x), a.each("less_equal", x, 1))
    return a.each("where", is_probability, a.each("negative", total), a.each("log", -1))


def _binary_cross_entropy_with_logits(a: Elements, x: Array, target: Array, _: float) -> Array:
    """Return log(1 + e^x) - t·x."""
    total = a.each("logaddexp", 0, x)
    return a.each("subtract", total, a.each("multiply", target, x))


def _nll_loss(a: Elements, x: Array, target: Any, reduction: str = "mean") -> Array:
    shape = a.shape(x)
    axis = 0 if len(shape) == 1 else 1
    if not shape:
        message = "the input is a number, but it needs a dimension of classes"
        raise ShapeMismatchError(message)
    classes = indices_of(target, shape[axis])
    target_shape = (*shape[:axis], *shape[axis + 1 :])
    if classes.shape != target_shape:
        message = f"the target must have the shape {target_shape}, not {classes.shape}"
        raise ShapeMismatchError(message)
    index = numpy.expand_dims(classes, axis)
    scores = a.arrange(lambda v: numpy.squeeze(numpy.take_along_axis(v, index, axis), axis), x)
    return _reduced(a, a.each("negative", scores), reduction)


def _cross_entropy(a: Elements, x: Array, target: Any, reduction: str = "mean") -> Array:
    return _nll_loss(a, log_softmax(a, x, 0 if len(a.shape(x)) == 1 else 1), target, reduction)


def _cross_entropy_for_backward(
    a: Elements,
    x: Array,
    target: Any,
    reduction: str = "mean",
) -> Array:
    axis = 0 if len(a.shape(x)) == 1 else 1
    return _nll_loss(a, log_softmax_for_backward(a, x, axis), target, reduction)


# fmt: off
LOSSES = (
    Function("mse_loss",       f"x, target, {_REDUCTION}", formula="(x - target)**2", array=_pointwise(_squared), torch="F.mse_loss"),
    Function("l1_loss",        f"x, target, {_REDUCTION}", formula="|x - target|", array=_pointwise(_absolute), torch="F.l1_loss"),
    Function("smooth_l1_loss", f"x, target, {_REDUCTION}, beta: fixed = 1.0", formula="d**2/(2*beta) if |d| < beta else |d| - beta/2",
             array=_pointwise(_smooth), torch="F.smooth_l1_loss"),
    Function("huber_loss",     f"x, target, {_REDUCTION}, delta: fixed = 1.0", formula="d**2/2 if |d| <= delta else delta*(|d| - delta/2)",
             array=_pointwise(_huber), torch="F.huber_loss"),
    Function("binary_cross_entropy", f"x, target, {_REDUCTION}", formula="-t*log(x) - (1 - t)*log(1 - x) for x in [0, 1]",
             array=_pointwise(_binary_cross_entropy), torch="F.binary_cross_entropy"),
    Function("binary_cross_entropy_with_logits", f"x, target, {_REDUCTION}", formula="log(1 + e**x) - t*x",
             array=_pointwise(_binary_cross_entropy_with_logits), torch="F.binary_cross_entropy_with_logits"),
    Function("nll_loss",       f"x, target: indices, {_REDUCTION}", formula="-x[target]", array=_nll_loss,
             torch=lambda x, target, reduction="mean": torch_functional.nll_loss(x, torch_indices(target), reduction=reduction)),
    Function("cross_entropy",  f"x, target: indices, {_REDUCTION}", formula="log Σ e**x - x[target]", array=_cross_entropy, backward_formula=_cross_entropy_for_backward,
             torch=lambda x, target, reduction="mean": torch_functional.cross_entropy(x, torch_indices(target), reduction=reduction)),
)
# fmt: on
