"""Rows for the losses of torch.nn.functional."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from symdiff.catalogue.arrangements import indices_of, torch_indices
from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError
from symdiff.catalogue.reductions import log_softmax, log_softmax_for_backward, mean
from symdiff.catalogue.row import Function
from symdiff.libraries import numpy, torch, torch_functional

REDUCTION = "reduction: mean|sum|none = mean"


def reduced(a: Elements, loss: Array, reduction: str) -> Array:
    """Return the losses of the components, or their mean or sum."""
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
        return reduced(a, loss(a, x, target, parameter), reduction)

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


def _class_losses(
    a: Elements,
    log_probabilities: Array,
    target: Any,
    weight: Array | None,
    ignore_index: int,
    label_smoothing: float = 0,
) -> tuple[Array, Array, Any]:
    """Return the loss of every place, the weight of its class, and which places count.

    With label smoothing the target is a mixture: (1 - s) times the class, and s times all classes
    alike.
    """
    shape = a.shape(log_probabilities)
    axis = 0 if len(shape) == 1 else 1
    if not shape:
        message = "the input is a number, but it needs a dimension of classes"
        raise ShapeMismatchError(message)
    if not 0 <= label_smoothing <= 1:
        message = f"label_smoothing must be between 0 and 1, not {label_smoothing}"
        raise ShapeMismatchError(message)
    if weight is not None and a.shape(weight) != (shape[axis],):
        message = f"the weight must have the shape {(shape[axis],)}, not {a.shape(weight)}"
        raise ShapeMismatchError(message)
    given = numpy.asarray(target)
    counts = given != ignore_index
    classes = indices_of(numpy.where(counts, given, 0), shape[axis])
    target_shape = (*shape[:axis], *shape[axis + 1 :])
    if classes.shape != target_shape:
        message = f"the target must have the shape {target_shape}, not {classes.shape}"
        raise ShapeMismatchError(message)
    index = numpy.expand_dims(classes, axis)
    losses = a.each("negative", log_probabilities)
    chosen = a.arrange(lambda v: numpy.squeeze(numpy.take_along_axis(v, index, axis), axis), losses)
    one = a.each("positive", 1)
    weights = a.arrange(lambda v: numpy.broadcast_to(v, classes.shape), one)
    if weight is not None:
        weights = a.arrange(lambda v: v[classes], weight)
        chosen = a.each("multiply", weights, chosen)
        laid = [-1 if d == axis else 1 for d in range(len(shape))]
        losses = a.each("multiply", losses, a.arrange(lambda v: v.reshape(laid), weight))
    if label_smoothing:
        every = a.each("divide", a.total(losses, (axis,), keep=False), shape[axis])
        chosen = a.each(
            "add",
            a.each("multiply", 1 - label_smoothing, chosen),
            a.each("multiply", label_smoothing, every),
        )
    return chosen, weights, counts


def _reduced_over_classes(
    a: Elements, losses: Array, weights: Array, counts: Any, reduction: str, *, weighted: bool
) -> Array:
    """Return the losses of the places that count, their sum, or their mean by their weights."""
    if not weighted and counts.all():
        return reduced(a, losses, reduction)
    if reduction == "none":
        zero = a.each("positive", 0)
        return a.arrange(lambda v, z: numpy.where(counts, v, z), losses, zero)
    if not counts.any() and reduction == "sum":
        return a.each("positive", 0)
    if not counts.any():
        message = "every target is ignored, so that there is no loss"
        raise ShapeMismatchError(message)
    losses, weights = (a.arrange(lambda v: v[counts], v) for v in (losses, weights))
    total = a.total(losses, (0,), keep=False)
    if reduction == "sum":
        return total
    return a.each("divide", total, a.total(weights, (0,), keep=False))


def _nll_loss(
    a: Elements,
    x: Array,
    target: Any,
    reduction: str = "mean",
    weight: Array | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0,
) -> Array:
    losses, weights, counts = _class_losses(a, x, target, weight, ignore_index, label_smoothing)
    return _reduced_over_classes(a, losses, weights, counts, reduction, weighted=weight is not None)


def _cross_entropy(a: Elements, x: Array, target: Any, *settings: Any) -> Array:
    return _nll_loss(a, log_softmax(a, x, 0 if len(a.shape(x)) == 1 else 1), target, *settings)


def _cross_entropy_for_backward(a: Elements, x: Array, target: Any, *settings: Any) -> Array:
    axis = 0 if len(a.shape(x)) == 1 else 1
    return _nll_loss(a, log_softmax_for_backward(a, x, axis), target, *settings)


def _torch_nll_loss(x: Any, target: Any, **settings: Any) -> Any:
    return torch_functional.nll_loss(x, torch_indices(target), **settings)


def _torch_cross_entropy(x: Any, target: Any, **settings: Any) -> Any:
    return torch_functional.cross_entropy(x, torch_indices(target), **settings)


def _kl_div(
    a: Elements, x: Array, target: Array, reduction: str = "mean", log_target: bool = False
) -> Array:
    if a.shape(x) != a.shape(target):
        message = "input and target of a loss must have the same shape"
        raise ShapeMismatchError(message)
    if log_target:
        difference = a.each("subtract", target, x)
        losses = a.each("multiply", a.each("exp", target), difference)
    else:
        entropy = a.each("xlogy", target, target)
        losses = a.each("subtract", entropy, a.each("multiply", target, x))
    if reduction != "batchmean":
        return reduced(a, losses, reduction)
    total = reduced(a, losses, "sum")
    return a.each("divide", total, a.shape(x)[0]) if a.shape(x) else total


def _torch_kl_div(x: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    # As torch.nn.functional.kl_div, which warns of its default.
    number = {"none": 0, "mean": 1}.get(reduction, 2)
    loss = torch.kl_div(x, target, number, log_target=log_target)
    return loss / x.shape[0] if reduction == "batchmean" and x.ndim else loss


def _poisson_nll_loss(
    a: Elements,
    x: Array,
    target: Array,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Array:
    if log_input:
        losses = a.each("subtract", a.each("exp", x), a.each("multiply", target, x))
    else:
        logarithm = a.each("log", a.each("add", x, eps))
        losses = a.each("subtract", x, a.each("multiply", target, logarithm))
    if full:  # Stirling's approximation of the logarithm of target!
        twice_pi = a.each("multiply", 2 * math.pi, target)
        size = a.each("multiply", 0.5, a.each("log", twice_pi))
        power = a.each("subtract", a.each("multiply", target, a.each("log", target)), target)
        is_large = a.each("greater", target, 1)
        losses = a.each("add", losses, a.each("where", is_large, a.each("add", power, size), 0))
    return reduced(a, losses, reduction)


def _gaussian_nll_loss(
    a: Elements,
    x: Array,
    target: Array,
    var: Array,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Array:
    """Return (log(v) + (x - target)²/v)/2, where v is var, but at least eps.

    torch clamps var apart from the graph: the gradient goes to var as if it were not clamped.
    """
    shape = a.shape(x)
    if a.shape(var) == shape[:-1] != shape:
        var = a.arrange(lambda v: v[..., None], var)
    if a.shape(var) not in {shape, (*shape[:-1], 1)} or a.shape(target) != shape:
        message = "input, target and var of a loss must have the same shape"
        raise ShapeMismatchError(message)
    held = a.each("detach", var)
    lift = a.each("subtract", a.each("maximum", held, eps), held)
    safe = a.each("add", var, lift)
    squares = a.each("square", a.each("subtract", x, target))
    losses = a.each("add", a.each("log", safe), a.each("divide", squares, safe))
    losses = a.each("multiply", 0.5, losses)
    if full:
        losses = a.each("add", losses, 0.5 * math.log(2 * math.pi))
    # torch raises an error for a negative variance.
    is_variance = a.each("less_equal", 0, var)
    return reduced(a, a.each("where", is_variance, losses, a.each("log", -1)), reduction)


# fmt: off
LOSSES = (
    Function("mse_loss",       f"x, target, {REDUCTION}", formula="(x - target)**2", array=_pointwise(_squared), torch="F.mse_loss",
             spelled={"numpy": "np.mean((<x> - <target>)**2)"}),
    Function("l1_loss",        f"x, target, {REDUCTION}", formula="|x - target|", array=_pointwise(_absolute), torch="F.l1_loss",
             spelled={"numpy": "np.mean(np.abs(<x> - <target>))"}),
    Function("smooth_l1_loss", f"x, target, {REDUCTION}, beta: fixed = 1.0", formula="d**2/(2*beta) if |d| < beta else |d| - beta/2",
             array=_pointwise(_smooth), torch="F.smooth_l1_loss"),
    Function("huber_loss",     f"x, target, {REDUCTION}, delta: fixed = 1.0", formula="d**2/2 if |d| <= delta else delta*(|d| - delta/2)",
             array=_pointwise(_huber), torch="F.huber_loss"),
    Function("binary_cross_entropy", f"x, target, {REDUCTION}", formula="-t*log(x) - (1 - t)*log(1 - x) for x in [0, 1]",
             array=_pointwise(_binary_cross_entropy), torch="F.binary_cross_entropy"),
    Function("binary_cross_entropy_with_logits", f"x, target, {REDUCTION}", formula="log(1 + e**x) - t*x",
             array=_pointwise(_binary_cross_entropy_with_logits), torch="F.binary_cross_entropy_with_logits"),
    Function("nll_loss",       f"x, target: indices, {REDUCTION}, weight = None, ignore_index: integer = -100", formula="-x[target]", array=_nll_loss,
             torch=_torch_nll_loss,
             spelled={"torch": "F.nll_loss"}),
    Function("cross_entropy",  f"x, target: indices, {REDUCTION}, weight = None, ignore_index: integer = -100, label_smoothing: fixed = 0", formula="log Σ e**x - x[target]",
             array=_cross_entropy, backward_formula=_cross_entropy_for_backward, torch=_torch_cross_entropy,
             spelled={"torch": "F.cross_entropy"}),
    Function("kl_div",         "x, target, reduction: mean|sum|none|batchmean = mean, log_target: flag = False", formula="target*(log(target) - x)",
             array=_kl_div, torch=_torch_kl_div, is_method=False,
             spelled={"torch": "F.kl_div"}),
    Function("poisson_nll_loss", f"x, target, log_input: flag = True, full: flag = False, eps: fixed = 1e-8, {REDUCTION}", formula="e**x - target*x",
             array=_poisson_nll_loss, torch="F.poisson_nll_loss", is_method=False),
    Function("gaussian_nll_loss", f"x, target, var, full: flag = False, eps: fixed = 1e-6, {REDUCTION}", formula="(log(var) + (x - target)**2/var)/2",
             array=_gaussian_nll_loss, torch="F.gaussian_nll_loss", is_method=False),
)
# fmt: on
