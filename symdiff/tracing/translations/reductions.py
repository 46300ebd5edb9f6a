"""Translations of reductions: extremes, norms, variances, softmax."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import Syntax, call, literal
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation, Written
from symdiff.tracing.translations.eigenvalues import norm_by_singular_values

_EXTREMES: Final = {True: "amax", False: "amin"}  # by whether the order of a norm is positive


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
    if p == "nuc":
        return norm_by_singular_values(c, input, p)
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


def _general_norm(
    c: Call, input: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, **_: Any
) -> Syntax:
    """Return torch.linalg.norm: of a vector, or of matrices where `ord` says so."""
    count = input.ndim if dim is None else 1 if isinstance(dim, int) else len(dim)
    if ord is None or count != 2:
        return _norm(c, input, 2 if ord is None else ord, dim, keepdim)
    return _matrix_norm(c, input, ord, (0, 1) if dim is None else dim, keepdim)


def _matrix_norm(
    c: Call, input: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, **_: Any
) -> Syntax:
    if ord == "fro":
        return _norm(c, input, 2, dim, keepdim)
    if ord not in {1, -1, math.inf, -math.inf}:
        return norm_by_singular_values(c, input, ord)
    rows, columns = (d % input.ndim for d in dim)
    along, across = (rows, columns) if abs(ord) == 1 else (columns, rows)
    kept = literal(value=True)
    sums = call("sum", call("abs", c.write(input)), dim=literal(along), keepdim=kept)
    value = call(_EXTREMES[ord > 0], sums, dim=literal(across), keepdim=kept)
    return reshaped(value, tuple(c.result.shape))


def _prod(c: Call, input: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Syntax:
    value = c.number(input)
    if dim is None:
        return call("prod", value)
    for d in sorted((k % max(1, input.ndim) for k in _several(dim)), reverse=True):
        value = call("prod", value, dim=literal(d), keepdim=literal(keepdim))
    return value


def _several(dim: Any) -> tuple[int, ...]:
    return tuple(dim) if isinstance(dim, Sequence) else (dim,)


def _spread(function: str) -> Translation:
    """Return the translation of var or std."""

    def translate(c: Call, input: Any, *arguments: Any, **keywords: Any) -> Syntax:
        dim = keywords.get("dim")
        correction = keywords.get("correction", 1)
        keepdim = keywords.get("keepdim", False)
        for value in arguments:
            if isinstance(value, bool | float):
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


def _spread_and_mean(function: str) -> Translation:
    """Return the translation of var_mean or std_mean."""
    spread = _spread(function)

    def translate(c: Call, input: Any, *arguments: Any, **keywords: Any) -> Written:
        first = spread(c, input, *arguments, **keywords)
        assert isinstance(first, Syntax)  # noqa: S101  (`_spread` returns one)
        dims = [a for a in arguments if not isinstance(a, bool)]
        dim = keywords.get("dim", dims[0] if dims else None)
        kept = literal(keywords.get("keepdim", False))
        second = (
            call("mean", c.write(input))
            if dim is None
            else call("mean", c.write(input), dim=literal(dim), keepdim=kept)
        )
        return [first, second]

    return translate


def _softmax(function: str) -> Translation:
    def translate(c: Call, input: Any, dim: int | None = None, *_: Any, **__: Any) -> Syntax:
        if dim is None:
            dim = 0 if input.ndim in (0, 1, 3) else 1  # torch's former default
        return call(function, c.write(input), dim=literal(dim))

    return translate


REDUCTIONS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "max": _extreme("max"),
        "min": _extreme("min"),
        "norm": _norm,
        **dict.fromkeys(("linalg_vector_norm", "vector_norm"), _vector_norm),
        "linalg_norm": _general_norm,
        "linalg_matrix_norm": _matrix_norm,
        "prod": _prod,
        **{f"{f}_mean": _spread_and_mean(f) for f in ("var", "std")},
        "var": _spread("var"),
        "std": _spread("std"),
        **{f: _softmax(f) for f in ("softmax", "log_softmax", "softmin")},
        "_softmax": _softmax("softmax"),
        "_log_softmax": _softmax("log_softmax"),
    }
)
