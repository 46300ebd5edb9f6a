"""Translations of products of vectors and matrices."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from symdiff.tracing.syntax import Syntax, add, call, literal, matmul, multiply, scaled
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation


def _added_product(
    c: Call, input: Any, first: Any, second: Any, *, beta: float = 1, alpha: float = 1
) -> Syntax:
    product: Syntax = matmul(c.write(first), c.write(second))
    return add(scaled(beta, c.write(input)), scaled(alpha, product))


def _product(c: Call, input: Any, mat2: Any) -> Syntax:
    return matmul(c.write(input), c.write(mat2))


def _outer(c: Call, input: Any, vec2: Any) -> Syntax:
    column = call("unsqueeze", c.write(input), literal(1))
    return multiply(column, call("unsqueeze", c.write(vec2), literal(0)))


def _trace(c: Call, input: Any) -> Syntax:
    return call("sum", call("diag", c.write(input)))


def _linear(c: Call, input: Any, weight: Any, bias: Any = None) -> Syntax:
    return call(
        "linear", c.write(input), c.write(weight), *([] if bias is None else [c.write(bias)])
    )


def _bilinear(c: Call, input1: Any, input2: Any, weight: Any, bias: Any = None) -> Syntax:
    first = call("unsqueeze", call("unsqueeze", c.write(input1), literal(-2)), literal(-2))
    second = call("unsqueeze", call("unsqueeze", c.write(input2), literal(-2)), literal(-1))
    product = matmul(matmul(first, c.write(weight)), second)
    value = reshaped(product, tuple(c.result.shape))
    return value if bias is None else add(value, c.write(bias))


PRODUCTS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "bmm": _product,
        **dict.fromkeys(("addmm", "addmv", "baddbmm"), _added_product),
        **dict.fromkeys(("outer", "ger"), _outer),
        "trace": _trace,
        "linear": _linear,
        "bilinear": _bilinear,
    }
)
