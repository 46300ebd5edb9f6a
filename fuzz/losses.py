"""What norms, distances and losses with a margin mean, row by row of the vectors."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from fuzz.lists import ONE, ZERO, Array, Dim, Each, reduced, total


def _joined(each: Each, losses: Array, reduction: str) -> Array:
    if reduction == "none":
        return losses
    count = Fraction(np.size(losses))
    whole = reduced(losses, None, keepdim=False, function=lambda v: total(each, v))
    return each("divide", whole, count) if reduction == "mean" else whole


def _size(each: Each, numbers: Sequence[Any], p: float) -> Any:
    sizes = [each("abs", x) for x in numbers]
    if math.isinf(p):
        name = "maximum" if p > 0 else "minimum"
        return functools.reduce(lambda a, b: each(name, a, b), sizes)
    if p == 1:
        return total(each, sizes)
    if p == 2:
        return each("sqrt", total(each, [each("square", x) for x in sizes]))
    powers = [each("power", x, Fraction(p)) for x in sizes]
    return each("power", total(each, powers), 1 / Fraction(p))


def _vector_norm(
    each: Each,
    x: Array,
    ord: float = 2,  # noqa: A002  (torch's name)
    dim: Dim = None,
    keepdim: bool = False,
) -> Array:
    return reduced(x, dim, keepdim, lambda v: _size(each, v, ord))


def _distance(each: Each, x: Array, y: Array, p: float = 2, eps: float = 1e-6) -> Array:
    difference = each("add", each("subtract", x, y), Fraction(eps))
    return reduced(difference, -1, keepdim=False, function=lambda v: _size(each, v, p))


def _cdist(each: Each, x: Array, y: Array, p: float = 2) -> Array:
    result = np.empty((len(x), len(y)), dtype=object)
    for i, j in np.ndindex(result.shape):
        result[i, j] = _size(each, list(each("subtract", x[i], y[j])), p)
    return result


def _positive(each: Each, x: Array) -> Array:
    return each("maximum", x, ZERO)


def _ranking(
    each: Each, x: Array, y: Array, target: Array, margin: float = 0, reduction: str = "mean"
) -> Array:
    gap = each("multiply", target, each("subtract", y, x))
    return _joined(each, _positive(each, each("add", gap, Fraction(margin))), reduction)


def _hinge(
    each: Each, x: Array, target: Array, margin: float = 1, reduction: str = "mean"
) -> Array:
    far = _positive(each, each("subtract", Fraction(margin), x))
    either = each("where", each("equal", target, -ONE), far, each("add", x, far))
    return _joined(each, each("where", each("equal", target, ONE), x, either), reduction)


def _soft_margin(each: Each, x: Array, target: Array, reduction: str = "mean") -> Array:
    power = each("exp", each("negative", each("multiply", x, target)))
    return _joined(each, each("log", each("add", ONE, power)), reduction)


def _triplet(
    each: Each,
    anchor: Array,
    near: Array,
    far: Array,
    margin: float = 1,
    swap: bool = False,
    reduction: str = "mean",
) -> Array:
    distance = _distance(each, anchor, far)
    if swap:
        distance = each("minimum", distance, _distance(each, near, far))
    gap = each("subtract", _distance(each, anchor, near), distance)
    return _joined(each, _positive(each, each("add", gap, Fraction(margin))), reduction)


_TINY: Final = Fraction(float(np.float32(1e-12)))  # torch adds it to the squared norms


def _cosine_embedding(
    each: Each, x: Array, y: Array, target: Array, margin: float = 0, reduction: str = "mean"
) -> Array:
    def dot(u: Array, v: Array) -> Array:
        return reduced(each("multiply", u, v), -1, keepdim=False, function=lambda n: total(each, n))

    squares = [each("add", dot(v, v), _TINY) for v in (x, y)]
    cosine = each("divide", dot(x, y), each("sqrt", each("multiply", *squares)))
    unlike = _positive(each, each("subtract", cosine, Fraction(margin)))
    other = each("where", each("equal", target, -ONE), unlike, ZERO)
    alike = each("subtract", ONE, cosine)
    return _joined(each, each("where", each("equal", target, ONE), alike, other), reduction)


def _kl_div(
    each: Each, x: Array, target: Array, reduction: str = "mean", log_target: bool = False
) -> Array:
    if log_target:
        losses = each("multiply", each("exp", target), each("subtract", target, x))
    else:
        entropy = each("xlogy", target, target)
        losses = each("subtract", entropy, each("multiply", target, x))
    if reduction == "batchmean":
        return each("divide", _joined(each, losses, "sum"), Fraction(len(x)))
    return _joined(each, losses, reduction)


def _poisson(
    each: Each, x: Array, target: Array, log_input: bool = True, reduction: str = "mean"
) -> Array:
    rate = each("exp", x) if log_input else x
    logarithm = x if log_input else each("log", each("add", x, Fraction(1e-8)))
    losses = each("subtract", rate, each("multiply", target, logarithm))
    return _joined(each, losses, reduction)


def _gaussian(
    each: Each, x: Array, target: Array, var: Array, eps: float = 1e-6, reduction: str = "mean"
) -> Array:
    """Return the loss where the variances are at least eps; elsewhere none is drawn."""
    enough = each("greater_equal", var, Fraction(eps))
    safe = each("where", enough, var, each("log", -ONE))
    squares = each("divide", each("square", each("subtract", x, target)), safe)
    losses = each("divide", each("add", each("log", safe), squares), 2 * ONE)
    return _joined(each, losses, reduction)


LOSSES: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "vector_norm": _vector_norm,
        "pairwise_distance": _distance,
        "cdist": _cdist,
        "margin_ranking_loss": _ranking,
        "hinge_embedding_loss": _hinge,
        "soft_margin_loss": _soft_margin,
        "triplet_margin_loss": _triplet,
        "cosine_embedding_loss": _cosine_embedding,
        "kl_div": _kl_div,
        "poisson_nll_loss": _poisson,
        "gaussian_nll_loss": _gaussian,
    }
)
