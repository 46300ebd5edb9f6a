"""Translations of losses, from their formulas."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import (
    NotWrittenError,
    Syntax,
    add,
    call,
    compare,
    divide,
    literal,
    multiply,
    name,
    negative,
    subtract,
)
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation


def _reduced(value: Syntax, reduction: str) -> Syntax:
    return value if reduction == "none" else call(reduction, value)


def _loss(formula: Any) -> Translation:
    """Return the translation of a loss from its formula, which takes expressions and settings."""

    def translate(c: Call, *tensors: Any, **keywords: Any) -> Syntax:
        reduction = keywords.pop("reduction", "mean")
        settings = {k: v for k, v in keywords.items() if k not in {"size_average", "reduce"}}
        if isinstance(reduction, int):
            reduction = ("none", "mean", "sum")[reduction]
        value = formula(*(c.write(t) for t in tensors), **settings)
        if reduction == "batchmean":
            return divide(call("sum", value), literal(tensors[0].shape[0]))
        return _reduced(value, reduction)

    return translate


def _kl_div(x: Syntax, target: Syntax, log_target: bool = False) -> Syntax:
    if log_target:
        return multiply(call("exp", target), subtract(target, x))
    return subtract(call("xlogy", target, target), multiply(target, x))


def _poisson(
    x: Syntax, target: Syntax, log_input: bool = True, full: bool = False, eps: float = 1e-8
) -> Syntax:
    if full:
        message = "poisson_nll_loss with full=True"
        raise NotWrittenError(message)
    if log_input:
        return subtract(call("exp", x), multiply(target, x))
    return subtract(x, multiply(target, call("log", add(x, literal(eps)))))


def _gaussian(
    x: Syntax, target: Syntax, var: Syntax, full: bool = False, eps: float = 1e-6
) -> Syntax:
    held = call(
        "detach", var
    )  # torch clamps a copy outside the graph, and its gradient goes to var
    safe = add(var, subtract(call("maximum", held, literal(eps)), held))
    squares = divide(call("square", subtract(x, target)), safe)
    value = multiply(literal(0.5), add(call("log", safe), squares))
    if not full:
        return value
    constant = call("log", multiply(literal(2), name("pi")))
    return add(value, multiply(literal(0.5), constant))


def _margin_ranking(x1: Syntax, x2: Syntax, target: Syntax, margin: float = 0.0) -> Syntax:
    return call(
        "clamp_min",
        add(multiply(negative(target), subtract(x1, x2)), literal(margin)),
        literal(0),
    )


def _hinge_embedding(x: Syntax, target: Syntax, margin: float = 1.0) -> Syntax:
    near = call("where", compare(ast.NotEq(), target, literal(-1)), x, literal(0))
    far = call("clamp_min", subtract(literal(margin), x), literal(0))
    return add(near, call("where", compare(ast.NotEq(), target, literal(1)), far, literal(0)))


def _soft_margin(x: Syntax, target: Syntax) -> Syntax:
    return call("logaddexp", literal(0), multiply(negative(target), x))


def _cross_entropy(
    c: Call,
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: Any = "mean",
    label_smoothing: float = 0.0,
) -> Syntax:
    """Return the loss from the logarithms of softmax and the probabilities of the target."""
    del size_average, reduce
    reduction = ("none", "mean", "sum")[reduction] if isinstance(reduction, int) else reduction
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    is_plain = weight is None and not label_smoothing and not target.is_floating_point()
    if is_plain and bool((target >= 0).all()) and bool((target != ignore_index).all()):
        how = None if reduction == "mean" else literal(reduction)
        return call("cross_entropy", c.write(input), c.indices(target), reduction=how)
    logs = call("log_softmax", c.write(input), dim=literal(axis))
    shape = [classes if d == axis else 1 for d in range(input.ndim)]
    weights = torch.ones(classes, dtype=torch.float64) if weight is None else weight
    if target.is_floating_point():
        probabilities: Syntax = c.write(target)
        if label_smoothing:
            probabilities = add(
                multiply(literal(1 - label_smoothing), probabilities),
                literal(label_smoothing / classes),
            )
        scale = input.numel() // classes
        total: Syntax = multiply(probabilities, reshaped(c.write(weights), shape))
        divisor = literal(scale)
    else:
        used = target != ignore_index
        hot = torch.nn.functional.one_hot(torch.where(used, target, 0), classes)
        hot = torch.movedim(hot.double() * used.double().unsqueeze(-1), -1, axis)
        of_class = weights.detach().double().reshape(shape)
        smooth = torch.ones_like(hot) * label_smoothing / classes * used.double().unsqueeze(axis)
        total = c.write((hot * (1 - label_smoothing) + smooth) * of_class)
        divisor = literal(float((hot * of_class).sum()))
    if reduction == "mean":
        return divide(negative(call("sum", multiply(logs, total))), divisor)
    if reduction == "sum":
        return negative(call("sum", multiply(logs, total)))
    return negative(call("sum", multiply(logs, total), dim=literal(axis)))


LOSSES: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "cross_entropy": _cross_entropy,
        "kl_div": _loss(_kl_div),
        "poisson_nll_loss": _loss(_poisson),
        "gaussian_nll_loss": _loss(_gaussian),
        "margin_ranking_loss": _loss(_margin_ranking),
        "hinge_embedding_loss": _loss(_hinge_embedding),
        "soft_margin_loss": _loss(_soft_margin),
    }
)
