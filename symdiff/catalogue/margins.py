"""Rows for losses with a margin: ranking, hinge, triplet and cosine embedding losses."""

from __future__ import annotations

from symdiff.catalogue.distances import pairwise_distance
from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError
from symdiff.catalogue.losses import REDUCTION, reduced
from symdiff.catalogue.row import Function


def _check_equal(a: Elements, *tensors: Array) -> None:
    if len({a.shape(x) for x in tensors}) > 1:
        message = "the tensors of a loss must have the same shape"
        raise ShapeMismatchError(message)


def _positive_part(a: Elements, x: Array) -> Array:
    return a.each("clamp_min", x, 0)


def _margin_ranking(
    a: Elements,
    input1: Array,
    input2: Array,
    target: Array,
    margin: float = 0,
    reduction: str = "mean",
) -> Array:
    _check_equal(a, input1, input2, target)
    difference = a.each("subtract", input1, input2)
    product = a.each("multiply", a.each("negative", target), difference)
    return reduced(a, _positive_part(a, a.each("add", product, margin)), reduction)


def _hinge_embedding(
    a: Elements, x: Array, target: Array, margin: float = 1, reduction: str = "mean"
) -> Array:
    _check_equal(a, x, target)
    far = _positive_part(a, a.each("subtract", margin, x))
    first = a.each("where", a.each("not_equal", target, 1), far, 0)
    second = a.each("where", a.each("not_equal", target, -1), x, 0)
    return reduced(a, a.each("add", first, second), reduction)


def _soft_margin(a: Elements, x: Array, target: Array, reduction: str = "mean") -> Array:
    _check_equal(a, x, target)
    product = a.each("multiply", a.each("negative", target), x)
    return reduced(a, a.each("logaddexp", 0, product), reduction)


def _triplet_margin(
    a: Elements,
    anchor: Array,
    positive: Array,
    negative: Array,
    margin: float = 1,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Array:
    if margin <= 0:
        message = f"margin must be more than 0, not {margin}"
        raise ShapeMismatchError(message)
    _check_equal(a, anchor, positive, negative)
    near = pairwise_distance(a, anchor, positive, p, eps)
    far = pairwise_distance(a, anchor, negative, p, eps)
    if swap:
        far = a.each("minimum", far, pairwise_distance(a, positive, negative, p, eps))
    difference = a.each("subtract", a.each("add", margin, near), far)
    return reduced(a, _positive_part(a, difference), reduction)


_TINY = float.fromhex("0x1.197998p-40")  # what torch adds to the squared norms: 1e-12 in float32


def _cosine_embedding(
    a: Elements,
    input1: Array,
    input2: Array,
    target: Array,
    margin: float = 0,
    reduction: str = "mean",
) -> Array:
    _check_equal(a, input1, input2)
    shape = a.shape(input1)
    if len(shape) not in {1, 2} or a.shape(target) != shape[:-1]:
        message = f"the target must have the shape {shape[:-1]}, not {a.shape(target)}"
        raise ShapeMismatchError(message)
    last = (len(shape) - 1,)
    product = a.total(a.each("multiply", input1, input2), last, keep=False)
    first, second = (
        a.each("add", a.total(a.each("square", x), last, keep=False), _TINY)
        for x in (input1, input2)
    )
    cosine = a.each("divide", product, a.each("sqrt", a.each("multiply", first, second)))
    alike = a.each("where", a.each("equal", target, 1), a.each("subtract", 1, cosine), 0)
    excess = _positive_part(a, a.each("subtract", cosine, margin))
    different = a.each("where", a.each("equal", target, -1), excess, 0)
    return reduced(a, a.each("add", alike, different), reduction)


# fmt: off
MARGINS = (
    Function("margin_ranking_loss",  f"input1, input2, target, margin: fixed = 0, {REDUCTION}", formula="max(0, -target*(input1 - input2) + margin)",
             array=_margin_ranking, torch="F.margin_ranking_loss", is_method=False),
    Function("hinge_embedding_loss", f"x, target, margin: fixed = 1, {REDUCTION}", formula="x if target = 1, max(0, margin - x) if target = -1",
             array=_hinge_embedding, torch="F.hinge_embedding_loss", is_method=False),
    Function("soft_margin_loss",     f"x, target, {REDUCTION}", formula="log(1 + e**(-target*x))", array=_soft_margin,
             torch="F.soft_margin_loss", is_method=False),
    Function("triplet_margin_loss",  f"anchor, positive, negative, margin: fixed = 1, p: fixed = 2, eps: fixed = 1e-6, swap: flag = False, {REDUCTION}",
             formula="max(0, margin + d(anchor, positive) - d(anchor, negative))", array=_triplet_margin, torch="F.triplet_margin_loss", is_method=False),
    Function("cosine_embedding_loss", f"input1, input2, target, margin: fixed = 0, {REDUCTION}", formula="1 - cos if target = 1, max(0, cos - margin) if target = -1",
             array=_cosine_embedding, torch="F.cosine_embedding_loss", is_method=False),
)
# fmt: on
