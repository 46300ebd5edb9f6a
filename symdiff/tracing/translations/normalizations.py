"""Translations of normalizations by means and variances."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import Syntax, add, call, literal
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation, Written


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


def _row(
    c: Call, function: str, input: Any, *settings: Any, eps: float, **tensors: Any
) -> ast.Call:
    """Return a call of a row, with the weight and bias that are given."""
    given = {key: c.write(value) for key, value in tensors.items() if value is not None}
    sizes = [literal(setting) for setting in settings]
    return call(function, c.write(input), *sizes, **given, eps=literal(eps))


def _native_layer_norm(
    c: Call, input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float
) -> Written:
    written = _row(
        c, "layer_norm", input, tuple(normalized_shape), weight=weight, bias=bias, eps=eps
    )
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
    written = _row(c, "group_norm", input, groups, weight=weight, bias=bias, eps=eps)
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
    return _row(c, "rms_norm", input, tuple(normalized_shape), weight=weight, eps=eps)


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
    del momentum  # for the running statistics, which are no result
    running = {} if training else {"running_mean": running_mean, "running_var": running_var}
    written = _row(c, "batch_norm", input, **running, weight=weight, bias=bias, eps=eps)
    if training:
        written.keywords.append(ast.keyword("training", literal(value=True)))
    return written


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
    """Translate torch.batch_norm, which has the arguments of F.batch_norm in a different order."""
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
    return _row(c, "instance_norm", input, weight=weight, bias=bias, eps=eps)


NORMALIZATIONS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "native_layer_norm": _native_layer_norm,
        "native_group_norm": _native_group_norm,
        "native_batch_norm": _native_batch_norm,
        "_native_batch_norm_legit": _legit_batch_norm,
        "_batch_norm_with_update": _updating_batch_norm,
        "rms_norm": _rms_norm,
        "instance_norm": _instance_norm,
        "batch_norm": _batch_norm,
        "torch.batch_norm": _functional_batch_norm,
    }
)
