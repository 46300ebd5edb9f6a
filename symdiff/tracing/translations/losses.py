"""Translations of losses, from their formulas."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from symdiff.tracing.syntax import (
    NotWrittenError,
    Syntax,
    add,
    call,
    compare,
    divide,
    literal,
    multiply,
    negative,
    subtract,
)
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
    if full:
        message = "gaussian_nll_loss with full=True"
        raise NotWrittenError(message)
    held = call(
        "detach", var
    )  # torch clamps a copy outside the graph, and its gradient goes to var
    safe = add(var, subtract(call("maximum", held, literal(eps)), held))
    squares = divide(call("square", subtract(x, target)), safe)
    return multiply(literal(0.5), add(call("log", safe), squares))


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


LOSSES: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "kl_div": _loss(_kl_div),
        "poisson_nll_loss": _loss(_poisson),
        "gaussian_nll_loss": _loss(_gaussian),
        "margin_ranking_loss": _loss(_margin_ranking),
        "hinge_embedding_loss": _loss(_hinge_embedding),
        "soft_margin_loss": _loss(_soft_margin),
    }
)
