"""Translations of products of vectors and matrices."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from symdiff.tracing.syntax import Syntax, add, call, literal, matmul, scaled
from symdiff.tracing.translations.arrangements import reshaped
from symdiff.tracing.translations.call import Call, Translation


def _added_product(
    c: Call, input: Any, first: Any, second: Any, *, beta: float = 1, alpha: float = 1
) -> Syntax:
    product: Syntax = matmul(c.write(first), c.write(second))
    return add(scaled(beta, c.write(input)), scaled(alpha, product))


def _bilinear(c: Call, input1: Any, input2: Any, weight: Any, bias: Any = None) -> Syntax:
    first = call("unsqueeze", call("unsqueeze", c.write(input1), literal(-2)), literal(-2))
    second = call("unsqueeze", call("unsqueeze", c.write(input2), literal(-2)), literal(-1))
    product = matmul(matmul(first, c.write(weight)), second)
    value = reshaped(product, tuple(c.result.shape))
    return value if bias is None else add(value, c.write(bias))


PRODUCTS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        **dict.fromkeys(("addmm", "addmv", "baddbmm"), _added_product),
        "bilinear": _bilinear,
    }
)
