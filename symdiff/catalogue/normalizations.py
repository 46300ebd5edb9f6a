"""Rows for normalizations by means and variances: layer_norm, batch_norm, group_norm, rms_norm."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from symdiff.catalogue.elements import Array, Elements, ShapeMismatchError
from symdiff.catalogue.reductions import mean
from symdiff.catalogue.row import Function
from symdiff.libraries import torch_functional

_PRECISION = sys.float_info.epsilon  # torch's default of eps for doubles in rms_norm


def _normalized(a: Elements, x: Array, axes: Sequence[int], eps: float) -> Array:
    """Return (x - mean)/sqrt(variance + eps) over some dimensions."""
    centred = a.each("subtract", x, mean(a, x, axes, keepdim=True))
    variance = mean(a, a.each("square", centred), axes, keepdim=True)
    return a.each("divide", centred, a.each("sqrt", a.each("add", variance, eps)))


def _scaled(
    a: Elements,
    x: Array,
    weight: Array | None,
    bias: Array | None,
    size: tuple[int, ...],
    *,
    along: tuple[int, ...] | None = None,
) -> Array:
    """Return x*weight + bias for parameters of the shape `size`, laid along dimensions of x."""
    for name, function, parameter in (("weight", "multiply", weight), ("bias", "add", bias)):
        if parameter is None:
            continue
        if a.shape(parameter) != size:
            message = f"the {name} must have the shape {size}, not {a.shape(parameter)}"
            raise ShapeMismatchError(message)
        laid = a.arrange(lambda v: v.reshape(along or size), parameter)
        x = a.each(function, x, laid)
    return x


def _last_axes(a: Elements, x: Array, normalized_shape: tuple[int, ...]) -> tuple[int, ...]:
    shape, count = a.shape(x), len(normalized_shape)
    if not count or shape[-count:] != normalized_shape:
        message = f"the last dimensions of the shape {shape} are not {normalized_shape}"
        raise ShapeMismatchError(message)
    return tuple(range(len(shape) - count, len(shape)))


def _layer_norm(
    a: Elements,
    x: Array,
    normalized_shape: tuple[int, ...],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    value = _normalized(a, x, _last_axes(a, x, normalized_shape), eps)
    return _scaled(a, value, weight, bias, normalized_shape)


def _rms_norm(
    a: Elements,
    x: Array,
    normalized_shape: tuple[int, ...],
    weight: Array | None = None,
    eps: float | None = None,
) -> Array:
    axes = _last_axes(a, x, normalized_shape)
    squares = mean(a, a.each("square", x), axes, keepdim=True)
    size = a.each("sqrt", a.each("add", squares, _PRECISION if eps is None else eps))
    return _scaled(a, a.each("divide", x, size), weight, None, normalized_shape)


def _torch_rms_norm(
    x: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Any:
    # torch's default depends on the dtype: the function would be a different one in float32.
    return torch_functional.rms_norm(
        x, normalized_shape, weight, _PRECISION if eps is None else eps
    )


def _channels(a: Elements, x: Array) -> int:
    if len(a.shape(x)) < 2:
        message = f"the input must have the dimensions (N, C, ...), not the shape {a.shape(x)}"
        raise ShapeMismatchError(message)
    return a.shape(x)[1]


def _along_channels(a: Elements, x: Array) -> tuple[int, ...]:
    return (1, _channels(a, x), *[1] * (len(a.shape(x)) - 2))


def _group_norm(
    a: Elements,
    x: Array,
    num_groups: int,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    channels, shape = _channels(a, x), a.shape(x)
    if num_groups < 1 or channels % num_groups:
        message = f"{channels} channels cannot be divided into {num_groups} groups"
        raise ShapeMismatchError(message)
    groups = a.arrange(lambda v: v.reshape(shape[0], num_groups, -1), x)
    normalized = _normalized(a, groups, (2,), eps)
    value = a.arrange(lambda v: v.reshape(shape), normalized)
    return _scaled(a, value, weight, bias, (channels,), along=_along_channels(a, x))


def _batch_norm(
    a: Elements,
    x: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Normalize by the batch's own mean and variance in training, else by those that are given."""
    del momentum  # for the running statistics, which are no result
    channels, along = _channels(a, x), _along_channels(a, x)
    if training:
        axes = tuple(d for d in range(len(along)) if d != 1)
        value = _normalized(a, x, axes, eps)
    elif running_mean is None or running_var is None:
        message = "without training=True running_mean and running_var are needed"
        raise ShapeMismatchError(message)
    else:
        centre, variance = (
            _laid(a, v, channels, along, name)
            for v, name in ((running_mean, "running_mean"), (running_var, "running_var"))
        )
        size = a.each("sqrt", a.each("add", variance, eps))
        value = a.each("divide", a.each("subtract", x, centre), size)
    return _scaled(a, value, weight, bias, (channels,), along=along)


def _laid(a: Elements, v: Array, channels: int, along: tuple[int, ...], name: str) -> Array:
    if a.shape(v) != (channels,):
        message = f"{name} must have the shape {(channels,)}, not {a.shape(v)}"
        raise ShapeMismatchError(message)
    return a.arrange(lambda w: w.reshape(along), v)


def _torch_batch_norm(
    x: Any, running_mean: Any = None, running_var: Any = None, training: bool = False, **named: Any
) -> Any:
    if training:  # torch would write the new statistics into the old ones
        running_mean = running_var = None
    return torch_functional.batch_norm(x, running_mean, running_var, training=training, **named)


def _instance_norm(
    a: Elements,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    return _group_norm(a, x, _channels(a, x), weight, bias, eps)


# fmt: off
NORMALIZATIONS = (
    Function("layer_norm", "x, normalized_shape: shape, weight = None, bias = None, eps: fixed = 1e-5", formula="(x - mean)/sqrt(var + eps)*weight + bias",
             array=_layer_norm, torch="F.layer_norm", is_method=False),
    Function("rms_norm",   "x, normalized_shape: shape, weight = None, eps: fixed = None", formula="x/sqrt(mean of x**2 + eps)*weight",
             array=_rms_norm, torch=_torch_rms_norm, is_method=False,
             spelled={"torch": "F.rms_norm"}),
    Function("group_norm", "x, num_groups: integer, weight = None, bias = None, eps: fixed = 1e-5", formula="layer_norm of groups of channels",
             array=_group_norm, torch="F.group_norm", is_method=False),
    Function("batch_norm", "x, running_mean = None, running_var = None, weight = None, bias = None, training: flag = False, momentum: fixed = 0.1, eps: fixed = 1e-5",
             formula="(x - mean)/sqrt(var + eps)*weight + bias, by channel", array=_batch_norm, torch=_torch_batch_norm, is_method=False,
             spelled={"torch": "F.batch_norm(<x>, <running_mean>, <running_var>, weight=<weight>, bias=<bias>, training=<training>, momentum=<momentum>, eps=<eps>)"}),
    Function("instance_norm", "x, weight = None, bias = None, eps: fixed = 1e-5", formula="layer_norm of every channel",
             array=_instance_norm, torch="F.instance_norm", is_method=False),
)
# fmt: on
