"""Translations of normalizations by means and variances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import Syntax, add, call, divide, literal, multiply, subtract
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation


def _normalized(value: Syntax, dims: Sequence[int], eps: float) -> Syntax:
    """Return (x - mean)/sqrt(variance + eps) over some dimensions."""
    axes = literal(tuple(dims))
    centre = call("mean", value, dim=axes, keepdim=literal(value=True))
    variance = call("var", value, dim=axes, correction=literal(0), keepdim=literal(value=True))
    return divide(
        subtract(value, centre),
        call("sqrt", add(variance, literal(eps))),
    )


def _affine(
    c: Call, value: Syntax, weight: Any, bias: Any, shape: Sequence[int] | None = None
) -> Syntax:
    for parameter, operator in ((weight, multiply), (bias, add)):
        if parameter is not None:
            written = c.write(parameter)
            value = operator(value, written if shape is None else reshaped(written, shape))
    return value


def _layer_norm(
    c: Call,
    input: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    *_: Any,
) -> Syntax:
    count = len(normalized_shape)
    value = _normalized(c.write(input), range(-count, 0), eps)
    return _affine(c, value, weight, bias)


def _rms_norm(
    c: Call, input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Syntax:
    eps = torch.finfo(input.dtype).eps if eps is None else eps
    x = c.write(input)
    axes = literal(tuple(range(-len(normalized_shape), 0)))
    squares = call("mean", call("square", x), dim=axes, keepdim=literal(value=True))
    value = divide(x, call("sqrt", add(squares, literal(eps))))
    return _affine(c, value, weight, None)


def _group_norm(
    c: Call,
    input: Any,
    num_groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    *_: Any,
) -> Syntax:
    shape = tuple(input.shape)
    groups = reshaped(c.write(input), (shape[0], num_groups, -1))
    value = reshaped(_normalized(groups, (-1,), eps), shape)
    return _affine(c, value, weight, bias, (1, shape[1], *[1] * (len(shape) - 2)))


def _batch_norm(
    c: Call,
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *_: Any,
) -> Syntax:
    del momentum
    shape = (1, input.shape[1], *[1] * (input.ndim - 2))
    x = c.write(input)
    if training:
        axes = [d for d in range(input.ndim) if d != 1]
        value = _normalized(x, axes, eps)
    else:
        centre = reshaped(c.write(running_mean), shape)
        variance = reshaped(c.write(running_var), shape)
        size = call("sqrt", add(variance, literal(eps)))
        value = divide(subtract(x, centre), size)
    return _affine(c, value, weight, bias, shape)


def _functional_batch_norm(
    c: Call,
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
    *_: Any,
) -> Syntax:
    """Translate torch.batch_norm, which has the arguments of F.batch_norm in another order."""
    return _batch_norm(c, input, running_mean, running_var, weight, bias, training, momentum, eps)


def _instance_norm(
    c: Call,
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *_: Any,
) -> Syntax:
    if not use_input_stats:
        return _batch_norm(c, input, running_mean, running_var, weight, bias, False, momentum, eps)  # noqa: FBT003
    value = _normalized(c.write(input), range(2, input.ndim), eps)
    return _affine(c, value, weight, bias, (1, input.shape[1], *[1] * (input.ndim - 2)))


NORMALIZATIONS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        **dict.fromkeys(("layer_norm", "native_layer_norm"), _layer_norm),
        "rms_norm": _rms_norm,
        "group_norm": _group_norm,
        "instance_norm": _instance_norm,
        "batch_norm": _batch_norm,
        "torch.batch_norm": _functional_batch_norm,
    }
)
