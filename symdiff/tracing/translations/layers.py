"""Translations of layers, reductions and losses that the catalogue has in other forms."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import (
    NotWrittenError,
    Syntax,
    binary,
    call,
    compare,
    index,
    listed,
    literal,
    name,
)
from symdiff.tracing.translations.arrangements import positions_in, reshaped, taken
from symdiff.tracing.translations.call import Call, Translation, Written

_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE = ast.Add(), ast.Sub(), ast.Mult(), ast.Div()


# -- reductions


def _extreme(function: str) -> Translation:
    """Return the translation of max or min: of all components, along a dimension, or of two."""

    def translate(c: Call, input: Any, *arguments: Any, **keywords: Any) -> Written:
        other = arguments[0] if arguments else keywords.get("other")
        if isinstance(other, torch.Tensor):
            return call(f"{function}imum", c.write(input), c.write(other))
        if not arguments and "dim" not in keywords:
            return call(function, c.write(input))
        written = [literal(a) for a in arguments]
        named = [ast.keyword(k, literal(v)) for k, v in keywords.items() if k != "out"]
        along = ast.Call(ast.Attribute(c.write(input), function, ast.Load()), written, named)
        return [ast.Attribute(along, "values", ast.Load()), None]

    return translate


def _norm(
    c: Call,
    input: Any,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
    **keywords: Any,
) -> Syntax:
    del dtype, keywords
    p = 2 if p in (None, "fro") else p
    return call(
        "norm",
        c.write(input),
        p=literal(p),
        dim=None if dim is None else literal(dim),
        keepdim=literal(keepdim) if dim is not None else None,
    )


def _vector_norm(
    c: Call, x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any
) -> Syntax:
    return _norm(c, x, ord, dim, keepdim)


def _spread(function: str) -> Translation:
    """Return the translation of var or std."""

    def translate(c: Call, input: Any, *arguments: Any, **keywords: Any) -> Syntax:
        dim = keywords.get("dim")
        correction = keywords.get("correction", 1)
        keepdim = keywords.get("keepdim", False)
        for value in arguments:
            if isinstance(value, bool):
                correction = int(value)
            else:
                dim = value
        if "unbiased" in keywords:
            correction = int(keywords["unbiased"])
        return call(
            function,
            c.write(input),
            dim=None if dim is None else literal(dim),
            correction=literal(1 if correction is None else int(correction)),
            keepdim=literal(keepdim) if dim is not None else None,
        )

    return translate


def _softmax(function: str) -> Translation:
    def translate(c: Call, input: Any, dim: int | None = None, *_: Any, **__: Any) -> Syntax:
        if dim is None:
            dim = 0 if input.ndim in (0, 1, 3) else 1  # torch's former default
        return call(function, c.write(input), dim=literal(dim))

    return translate


# -- products


def _added_product(
    c: Call, input: Any, first: Any, second: Any, *, beta: float = 1, alpha: float = 1
) -> Syntax:
    product: Syntax = binary(ast.MatMult(), c.write(first), c.write(second))
    return binary(_ADD, _times(beta, c.write(input)), _times(alpha, product))


def _product(c: Call, input: Any, mat2: Any) -> Syntax:
    return binary(ast.MatMult(), c.write(input), c.write(mat2))


def _times(factor: float, value: Syntax) -> Syntax:
    return value if factor == 1 else binary(_MULTIPLY, literal(factor), value)


def _outer(c: Call, input: Any, vec2: Any) -> Syntax:
    column = call("unsqueeze", c.write(input), literal(1))
    return binary(_MULTIPLY, column, call("unsqueeze", c.write(vec2), literal(0)))


def _trace(c: Call, input: Any) -> Syntax:
    return call("sum", call("diag", c.write(input)))


def _linear(c: Call, input: Any, weight: Any, bias: Any = None) -> Syntax:
    return call(
        "linear", c.write(input), c.write(weight), *([] if bias is None else [c.write(bias)])
    )


def _bilinear(c: Call, input1: Any, input2: Any, weight: Any, bias: Any = None) -> Syntax:
    first = call("unsqueeze", call("unsqueeze", c.write(input1), literal(-2)), literal(-2))
    second = call("unsqueeze", call("unsqueeze", c.write(input2), literal(-2)), literal(-1))
    product = binary(ast.MatMult(), binary(ast.MatMult(), first, c.write(weight)), second)
    value = reshaped(product, tuple(c.result.shape))
    return value if bias is None else binary(_ADD, value, c.write(bias))


# -- normalizations


def _normalized(value: Syntax, dims: Sequence[int], eps: float) -> Syntax:
    """Return (x - mean)/sqrt(variance + eps) over some dimensions."""
    axes = literal(tuple(dims))
    centre = call("mean", value, dim=axes, keepdim=literal(value=True))
    variance = call("var", value, dim=axes, correction=literal(0), keepdim=literal(value=True))
    return binary(
        _DIVIDE,
        binary(_SUBTRACT, value, centre),
        call("sqrt", binary(_ADD, variance, literal(eps))),
    )


def _affine(
    c: Call, value: Syntax, weight: Any, bias: Any, shape: Sequence[int] | None = None
) -> Syntax:
    for parameter, operator in ((weight, _MULTIPLY), (bias, _ADD)):
        if parameter is not None:
            written = c.write(parameter)
            value = binary(operator, value, written if shape is None else reshaped(written, shape))
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
    value = binary(_DIVIDE, x, call("sqrt", binary(_ADD, squares, literal(eps))))
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
        size = call("sqrt", binary(_ADD, variance, literal(eps)))
        value = binary(_DIVIDE, binary(_SUBTRACT, x, centre), size)
    return _affine(c, value, weight, bias, shape)


def functional_batch_norm(
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


# -- attention


def _attention(
    c: Call,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Syntax:
    if dropout_p or enable_gqa:
        message = "attention with dropout" if dropout_p else "attention with grouped queries"
        raise NotWrittenError(message)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    keys = call("transpose", c.write(key), literal(-2), literal(-1))
    scores = _times(factor, binary(ast.MatMult(), c.write(query), keys))
    if is_causal:
        attn_mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        hidden = ast.UnaryOp(ast.USub(), name("inf"))
        scores = call("where", c.write(attn_mask), scores, hidden)
    elif attn_mask is not None:
        scores = binary(_ADD, scores, c.write(attn_mask))
    weights = call("softmax", scores, dim=literal(-1))
    return binary(ast.MatMult(), weights, c.write(value))


def _flash_attention(
    c: Call,
    query: Any,
    key: Any,
    value: Any,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Any = None,
    scale: float | None = None,
) -> Written:
    written = _attention(c, query, key, value, attn_mask, dropout_p, is_causal, scale)
    return [written, *[None] * (len(c.result) - 1)]


def _math_attention(
    c: Call,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    dropout_mask: Any = None,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Written:
    del dropout_mask
    written = _attention(c, query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)
    return [written, None]


def _safe_softmax(c: Call, input: Any, dim: int, dtype: Any = None) -> Syntax:
    del dtype
    if bool((input == -math.inf).all(dim).any()):
        message = "a softmax of a row that is fully masked"
        raise NotWrittenError(message)
    return call("softmax", c.write(input), dim=literal(dim))


# -- convolutions and pooling


def _convolution(count: int) -> Translation:
    def translate(
        c: Call,
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Syntax:
        kernel = tuple(weight.shape[2:])
        sizes = dilation if isinstance(dilation, Sequence) else (dilation,) * count
        x = c.write(input)
        if padding == "valid":
            padding = 0
        elif padding == "same":
            total = [d * (k - 1) for d, k in zip(sizes, kernel, strict=True)]
            if any(n % 2 for n in total):
                message = "a convolution with padding 'same' and a kernel of even length"
                raise NotWrittenError(message)
            padding = tuple(n // 2 for n in total)
        settings = {
            "stride": literal(stride),
            "padding": literal(padding),
            "dilation": literal(dilation),
        }
        if groups == 1:
            parts = [
                call(
                    f"conv{count}d",
                    x,
                    c.write(weight),
                    *([] if bias is None else [c.write(bias)]),
                    **settings,
                )
            ]
        else:
            axis = 1 if input.ndim == count + 2 else 0
            inside, outside = weight.shape[1], weight.shape[0] // groups
            parts = []
            for g in range(groups):
                channels = index(x, (*[slice(None)] * axis, slice(g * inside, (g + 1) * inside)))
                rows = slice(g * outside, (g + 1) * outside)
                biases = [] if bias is None else [index(c.write(bias), (rows,))]
                parts.append(
                    call(
                        f"conv{count}d",
                        channels,
                        index(c.write(weight), (rows,)),
                        *biases,
                        **settings,
                    )
                )
        return parts[0] if len(parts) == 1 else call("cat", listed(parts), dim=literal(-count - 1))

    return translate


def _sizes(size: Any, count: int) -> tuple[int, ...]:
    values = tuple(size) if isinstance(size, Sequence) else (size,)
    return values * count if len(values) == 1 else values


def _windows(
    c: Call,
    input: Any,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    filler: float,
) -> Syntax:
    """Return the components under a kernel at every position, along a new last dimension."""
    count = len(kernel)
    outside = input.numel()
    pads = [p for p in reversed(padding) for _ in (0, 1)]
    positions = torch.nn.functional.pad(positions_in(input), pads, value=outside)
    spatial = range(input.ndim - count, input.ndim)
    for d, k, s, step in zip(spatial, kernel, stride, dilation, strict=True):
        positions = positions.unfold(d, step * (k - 1) + 1, s)[..., ::step]
    positions = positions.flatten(-count)
    flat = reshaped(c.write(input), (outside,))
    if any(padding):
        number = ast.UnaryOp(ast.USub(), name("inf")) if math.isinf(filler) else literal(filler)
        end = call("tensor", listed([number]))
        flat = call("cat", listed([flat, end]))
    return taken(c, flat, positions)


def _max_pool(count: int) -> Translation:
    def translate(
        c: Call,
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Written:
        if ceil_mode:
            message = "pooling with ceil_mode=True"
            raise NotWrittenError(message)
        kernel = _sizes(kernel_size, count)
        steps = _sizes(stride, count) if stride else kernel
        windows = _windows(
            c, input, kernel, steps, _sizes(padding, count), _sizes(dilation, count), -math.inf
        )
        value = call("amax", windows, dim=literal(-1))
        return [value, None] if return_indices or isinstance(c.result, tuple) else value

    return translate


def _average_pool(count: int) -> Translation:
    def translate(
        c: Call,
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Syntax:
        kernel = _sizes(kernel_size, count)
        steps = _sizes(stride, count) if stride else kernel
        pads = _sizes(padding, count)
        if ceil_mode or (any(pads) and not count_include_pad):
            message = (
                "pooling with ceil_mode=True"
                if ceil_mode
                else "pooling with count_include_pad=False"
            )
            raise NotWrittenError(message)
        windows = _windows(c, input, kernel, steps, pads, (1,) * count, 0)
        if divisor_override is None:
            return call("mean", windows, dim=literal(-1))
        return binary(_DIVIDE, call("sum", windows, dim=literal(-1)), literal(divisor_override))

    return translate


def _adaptive_pool(count: int, function: str) -> Translation:
    def translate(c: Call, input: Any, output_size: Any, return_indices: bool = False) -> Written:
        sizes = _sizes(output_size, count)
        value = c.write(input)
        for d, n in zip(range(input.ndim - count, input.ndim), sizes, strict=True):
            length = input.shape[d]
            parts = [
                _part_of(value, d, k, n or length, length, function) for k in range(n or length)
            ]
            value = call("stack", listed(parts), dim=literal(d))
        return [value, None] if return_indices or isinstance(c.result, tuple) else value

    return translate


def _part_of(value: Syntax, d: int, k: int, n: int, length: int, function: str) -> Syntax:
    start, stop = k * length // n, -(-(k + 1) * length // n)
    return call(function, index(value, (*[slice(None)] * d, slice(start, stop))), dim=literal(d))


# -- losses


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
            return binary(_DIVIDE, call("sum", value), literal(tensors[0].shape[0]))
        return _reduced(value, reduction)

    return translate


def _negative(value: Syntax) -> Syntax:
    return ast.UnaryOp(ast.USub(), value)


def _kl_div(x: Syntax, target: Syntax, log_target: bool = False) -> Syntax:
    if log_target:
        return binary(_MULTIPLY, call("exp", target), binary(_SUBTRACT, target, x))
    return binary(_SUBTRACT, call("xlogy", target, target), binary(_MULTIPLY, target, x))


def _poisson(
    x: Syntax, target: Syntax, log_input: bool = True, full: bool = False, eps: float = 1e-8
) -> Syntax:
    if full:
        message = "poisson_nll_loss with full=True"
        raise NotWrittenError(message)
    if log_input:
        return binary(_SUBTRACT, call("exp", x), binary(_MULTIPLY, target, x))
    return binary(
        _SUBTRACT, x, binary(_MULTIPLY, target, call("log", binary(_ADD, x, literal(eps))))
    )


def _gaussian(
    x: Syntax, target: Syntax, var: Syntax, full: bool = False, eps: float = 1e-6
) -> Syntax:
    if full:
        message = "gaussian_nll_loss with full=True"
        raise NotWrittenError(message)
    held = call(
        "detach", var
    )  # torch clamps a copy outside the graph, and its gradient goes to var
    safe = binary(_ADD, var, binary(_SUBTRACT, call("maximum", held, literal(eps)), held))
    squares = binary(_DIVIDE, call("square", binary(_SUBTRACT, x, target)), safe)
    return binary(_MULTIPLY, literal(0.5), binary(_ADD, call("log", safe), squares))


def _margin_ranking(x1: Syntax, x2: Syntax, target: Syntax, margin: float = 0.0) -> Syntax:
    return call(
        "clamp_min",
        binary(
            _ADD, binary(_MULTIPLY, _negative(target), binary(_SUBTRACT, x1, x2)), literal(margin)
        ),
        literal(0),
    )


def _hinge_embedding(x: Syntax, target: Syntax, margin: float = 1.0) -> Syntax:
    near = call("where", compare(ast.NotEq(), target, literal(-1)), x, literal(0))
    far = call("clamp_min", binary(_SUBTRACT, literal(margin), x), literal(0))
    return binary(
        _ADD, near, call("where", compare(ast.NotEq(), target, literal(1)), far, literal(0))
    )


def _soft_margin(x: Syntax, target: Syntax) -> Syntax:
    return call("logaddexp", literal(0), binary(_MULTIPLY, _negative(target), x))


LAYERS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "bmm": _product,
        "max": _extreme("max"),
        "min": _extreme("min"),
        "norm": _norm,
        **dict.fromkeys(("linalg_vector_norm", "linalg_norm", "vector_norm"), _vector_norm),
        "var": _spread("var"),
        "std": _spread("std"),
        **{f: _softmax(f) for f in ("softmax", "log_softmax", "softmin")},
        "_softmax": _softmax("softmax"),
        "_log_softmax": _softmax("log_softmax"),
        **dict.fromkeys(("addmm", "addmv", "baddbmm"), _added_product),
        **dict.fromkeys(("outer", "ger"), _outer),
        "trace": _trace,
        "linear": _linear,
        "bilinear": _bilinear,
        **dict.fromkeys(("layer_norm", "native_layer_norm"), _layer_norm),
        "rms_norm": _rms_norm,
        "group_norm": _group_norm,
        "instance_norm": _instance_norm,
        "batch_norm": _batch_norm,
        "scaled_dot_product_attention": _attention,
        "_scaled_dot_product_flash_attention_for_cpu": _flash_attention,
        "_scaled_dot_product_attention_math": _math_attention,
        "_safe_softmax": _safe_softmax,
        **{f"conv{n}d": _convolution(n) for n in (1, 2)},
        **{f"max_pool{n}d": _max_pool(n) for n in (1, 2, 3)},
        **{f"max_pool{n}d_with_indices": _max_pool(n) for n in (1, 2, 3)},
        **{f"avg_pool{n}d": _average_pool(n) for n in (1, 2, 3)},
        **{f"adaptive_avg_pool{n}d": _adaptive_pool(n, "mean") for n in (1, 2, 3)},
        **{f"adaptive_max_pool{n}d": _adaptive_pool(n, "amax") for n in (1, 2, 3)},
        **{f"adaptive_max_pool{n}d_with_indices": _adaptive_pool(n, "amax") for n in (1, 2, 3)},
        "kl_div": _loss(_kl_div),
        "poisson_nll_loss": _loss(_poisson),
        "gaussian_nll_loss": _loss(_gaussian),
        "margin_ranking_loss": _loss(_margin_ranking),
        "hinge_embedding_loss": _loss(_hinge_embedding),
        "soft_margin_loss": _loss(_soft_margin),
    }
)
