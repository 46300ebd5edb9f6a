"""The translations of losses that have a row for some of its arguments only."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import (
    Syntax,
    add,
    call,
    divide,
    literal,
    matmul,
    multiply,
    negative,
    subtract,
)
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation

_IGNORED: Final = -100  # the class without a loss, unless a call gives one


def _cross_entropy(
    c: Call,
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = _IGNORED,
    reduce: Any = None,
    reduction: Any = "mean",
    label_smoothing: float = 0.0,
) -> Syntax:
    """Return the row for classes, or the formula for probabilities, which have no row."""
    del size_average, reduce
    reduction = ("none", "mean", "sum")[reduction] if isinstance(reduction, int) else reduction
    if not target.is_floating_point():
        settings = {
            "reduction": None if reduction == "mean" else literal(reduction),
            "weight": None if weight is None else c.write(weight),
            "ignore_index": None if ignore_index == _IGNORED else literal(ignore_index),
            "label_smoothing": literal(label_smoothing) if label_smoothing else None,
        }
        return call("cross_entropy", c.write(input), c.indices(target), **settings)
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    probabilities: Syntax = c.write(target)
    if label_smoothing:
        kept = multiply(literal(1 - label_smoothing), probabilities)
        probabilities = add(kept, literal(label_smoothing / classes))
    if weight is not None:
        shape = [classes if d == axis else 1 for d in range(input.ndim)]
        probabilities = multiply(probabilities, reshaped(c.write(weight), shape))
    logs = call("log_softmax", c.write(input), dim=literal(axis))
    terms = multiply(logs, probabilities)
    if reduction == "none":
        return negative(call("sum", terms, dim=literal(axis)))
    total = negative(call("sum", terms))
    return total if reduction == "sum" else divide(total, literal(input.numel() // classes))


def _of_two_classes(name: str) -> Translation:
    """Return the translation of a binary cross entropy; inside torch it has no keywords.

    There `rest` is the weight of the positive class, if the loss has one, and a number for the
    reduction; otherwise it is `size_average`, `reduce` and `reduction`.
    """

    def translate(
        c: Call,
        input: Any,
        target: Any,
        weight: Any = None,
        *rest: Any,
        reduction: Any = "mean",
        pos_weight: Any = None,
    ) -> Syntax:
        for value in rest:
            if isinstance(value, torch.Tensor):
                pos_weight = value
            elif isinstance(value, int | str) and not isinstance(value, bool):
                reduction = value
        reduction = ("none", "mean", "sum")[reduction] if isinstance(reduction, int) else reduction
        if weight is None and pos_weight is None:
            return call(name, c.write(input), c.number(target), reduction=literal(reduction))
        terms: Syntax = call(name, c.write(input), c.number(target), reduction=literal("none"))
        if pos_weight is not None:
            x, t = c.write(input), c.number(target)
            missed = multiply(multiply(c.write(pos_weight), t), call("logsigmoid", x))
            false = multiply(subtract(literal(1), t), call("logsigmoid", negative(x)))
            terms = negative(add(missed, false))
        terms = terms if weight is None else multiply(terms, c.write(weight))
        return terms if reduction == "none" else call(reduction, terms)

    return translate


def _multilabel_margin(
    c: Call,
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Syntax:
    """Return the sum of max(0, 1 - (x[label] - x[i]))/classes over labels and other classes.

    The labels of a row end at the first -1. torch's own decomposition counts every place after it
    as a label 0, so this function is not read from it.
    """
    del size_average, reduce
    reduction = ("none", "mean", "sum")[reduction] if isinstance(reduction, int) else reduction
    classes = input.shape[-1] if input.ndim else 1
    rows = target.reshape(-1, classes).tolist()
    labels = [row[: row.index(-1)] if -1 in row else row for row in rows]
    pairs = [
        (k, k * classes + label, k * classes + other)
        for k, known in enumerate(labels)
        for label in known
        for other in range(classes)
        if other not in known
    ]
    if not pairs:
        return c.write(torch.zeros_like(c.result))
    row_of, label_at, other_at = (torch.tensor(column) for column in zip(*pairs, strict=True))
    x = c.write(input)
    margin = subtract(call("take", x, c.indices(label_at)), call("take", x, c.indices(other_at)))
    terms = divide(call("relu", subtract(literal(1), margin)), literal(classes))
    if reduction == "none":
        is_in_row = torch.nn.functional.one_hot(row_of, len(rows)).T.to(input.dtype)
        return reshaped(matmul(c.write(is_in_row), terms), tuple(c.result.shape))
    total = call("sum", terms)
    return total if reduction == "sum" else divide(total, literal(len(rows)))


LOSSES: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "cross_entropy": _cross_entropy,
        "binary_cross_entropy": _of_two_classes("binary_cross_entropy"),
        "binary_cross_entropy_with_logits": _of_two_classes("binary_cross_entropy_with_logits"),
        "multilabel_margin_loss": _multilabel_margin,
    }
)
