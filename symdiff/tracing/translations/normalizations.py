"""Translations of normalizations by means and variances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import Syntax, add, call, divide, literal, multiply, subtract
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation, Written


def _normalized(value: Syntax, dims: Sequence[int], eps: float) -> Syntax:
    """Return (x - mean)/sqrt(variance + eps) over some dimensions."""
    axes = literal(tuple(dims))
    centre = call("mean", value, dim=axes, keepdim=literal(value=True))
    variance = call("var", value, dim=axes, correction=literal(0), keepdim=literal(value=True))
    return divide(
        subtract(value, centre),
        call("sqrt", add(variance, literal(eps))),
    )


def _statistics(value: Syntax, dims: Sequence[int], eps: float) -> list[Syntax]:
    """Return what ATen's normalizations return besides: the mean and 1/sqrt(variance + eps)."""
    axes = literal(tuple(dims))
    kept = literal(value=True)
    centre = call("mean", value, dim=axes, keepdim=kept)
    variance = call("var", value, dim=axes, correction=literal(0), keepdim=kept)
    return [centre, call("rsqrt", add(variance, literal(eps)))]


def _with_statistics(
    c: Call, written: Syntax, value: Syntax, dims: Sequence[int], eps: float
) -> Written:
    """Return a normalization with the results that follow it, in the shapes that torch gives."""
    rest = zip(c.result[1:], _statistics(value, dims, eps), strict=False)
    return [written, *(reshaped(s, tuple(t.shape)) if t.numel() else None for t, s in rest)]


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


def _native_layer_norm(
    c: Call, input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float
) -> Written:
    written = _layer_norm(c, input, normalized_shape, weight, bias, eps)
    dims = range(-len(normalized_shape), 0)
    return _with_statistics(c, written, c.write(input), dims, eps)


def _native_group_norm(
    c: Call,
    input: Any,
    weight: Any,
    bias: Any,
    n: Any,
    channels: Any,
    size: Any,
    groups: int,
    eps: float,
) -> Written:
    del n, channels, size  # those of the input
    written = _group_norm(c, input, groups, weight, bias, eps)
    parts = reshaped(c.write(input), (input.shape[0], groups, -1))
    return _with_statistics(c, written, parts, (-1,), eps)


def _native_batch_norm(
    c: Call,
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> Written:
    written = _batch_norm(
        c, input, running_mean, running_var, weight, bias, training, momentum, eps
    )
    if not training:
        return [written, *[None] * (len(c.result) - 1)]
    axes = [d for d in range(input.ndim) if d != 1]
    return _with_statistics(c, written, c.write(input), axes, eps)


def _legit_batch_norm(
    c: Call,
    input: Any,
    weight: Any,
    bias: Any,
    *arguments: Any,
) -> Written:
    """Translate ATen's variants, with or without running statistics."""
    *running, training, momentum, eps = arguments
    mean, variance = running or (None, None)
    return _native_batch_norm(c, input, weight, bias, mean, variance, training, momentum, eps)


def _updating_batch_norm(
    c: Call,
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    momentum: float,
    eps: float,
) -> Written:
    written = _native_batch_norm(
        c,
        input,
        weight,
        bias,
        running_mean,
        running_var,
        True,  # noqa: FBT003
        momentum,
        eps,
    )
    assert isinstance(written, list)  # noqa: S101  (as `_with_statistics` returns it)
    return [*written, *[None] * (len(c.result) - len(written))]


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
        "layer_norm": _layer_norm,
        "native_layer_norm": _native_layer_norm,
        "native_group_norm": _native_group_norm,
        "native_batch_norm": _native_batch_norm,
        "_native_batch_norm_legit": _legit_batch_norm,
        "_batch_norm_with_update": _updating_batch_norm,
        "rms_norm": _rms_norm,
        "group_norm": _group_norm,
        "instance_norm": _instance_norm,
        "batch_norm": _batch_norm,
        "torch.batch_norm": _functional_batch_norm,
    }
)
