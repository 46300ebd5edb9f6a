"""Translations of reductions: extremes, norms, variances, softmax."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import Syntax, call, literal
from symdiff.tracing.translations.call import Call, Translation, Written


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


REDUCTIONS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "max": _extreme("max"),
        "min": _extreme("min"),
        "norm": _norm,
        **dict.fromkeys(("linalg_vector_norm", "linalg_norm", "vector_norm"), _vector_norm),
        "var": _spread("var"),
        "std": _spread("std"),
        **{f: _softmax(f) for f in ("softmax", "log_softmax", "softmin")},
        "_softmax": _softmax("softmax"),
        "_log_softmax": _softmax("log_softmax"),
    }
)
