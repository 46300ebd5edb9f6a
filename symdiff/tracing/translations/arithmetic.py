"""Translations of arithmetic, comparisons, choices and conversions of dtypes."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import NotWrittenError, Syntax, binary, call, compare, literal
from symdiff.tracing.translations.call import Call, Translation

_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE = ast.Add(), ast.Sub(), ast.Mult(), ast.Div()


def _operator(operator: ast.operator, *, swapped: bool = False) -> Translation:
    def translate(c: Call, input: Any, other: Any) -> Syntax:
        left, right = (other, input) if swapped else (input, other)
        return binary(operator, c.number(left), c.number(right))

    return translate


def _scaled(operator: ast.operator, *, swapped: bool = False) -> Translation:
    """Return the translation of a sum or a difference; alpha is a factor of what is last in it."""

    def translate(c: Call, input: Any, other: Any, *, alpha: float = 1) -> Syntax:
        first, second = c.number(input), c.number(other)
        if swapped:
            first, second = second, first
        if alpha != 1:
            second = binary(_MULTIPLY, c.write(alpha), second)
        return binary(operator, first, second)

    return translate


def _logical(operator: ast.boolop) -> Translation:
    def translate(c: Call, input: Any, other: Any) -> Syntax:
        _check_conditions(input, other)
        return ast.BoolOp(operator, [c.write(input), c.write(other)])

    return translate


def _check_conditions(*tensors: Any) -> None:
    for tensor in tensors:
        if isinstance(tensor, torch.Tensor) and tensor.dtype != torch.bool:
            message = f"logic on a tensor of {tensor.dtype}"
            raise NotWrittenError(message)


def _not(c: Call, input: Any) -> Syntax:
    _check_conditions(input)
    return ast.UnaryOp(ast.Not(), c.write(input))


def _comparison(operator: ast.cmpop) -> Translation:
    def translate(c: Call, input: Any, other: Any) -> Syntax:
        return compare(operator, c.number(input), c.number(other))

    return translate


def _divided(c: Call, input: Any, other: Any, *, rounding_mode: str | None = None) -> Syntax:
    quotient = binary(_DIVIDE, c.number(input), c.number(other))
    return quotient if rounding_mode is None else call(rounding_mode, quotient)


def _where(c: Call, condition: Any, input: Any, other: Any) -> Syntax:
    return c.of_result(call("where", c.write(condition), c.number(input), c.number(other)))


def _masked_fill(c: Call, input: Any, mask: Any, value: Any) -> Syntax:
    return c.of_result(call("where", c.write(mask), c.number(value), c.number(input)))


def converted(c: Call, tensor: torch.Tensor) -> Syntax:
    """Return a tensor in a different dtype: for the truth a condition becomes 0 or 1, no more."""
    if tensor.is_complex() or c.result.is_complex():
        message = "complex numbers"
        raise NotWrittenError(message)
    if tensor.dtype == torch.bool != c.result.dtype:
        return call("float", c.write(tensor))
    if c.result.dtype == torch.bool != tensor.dtype:
        return compare(ast.NotEq(), c.write(tensor), literal(0))
    if c.result.is_floating_point() or not tensor.is_floating_point():
        return c.write(tensor)
    message = f"a conversion from {tensor.dtype} to {c.result.dtype}"
    raise NotWrittenError(message)


def _convert(c: Call, input: Any, *_: Any, **__: Any) -> Syntax:
    return converted(c, input)


def _filled_diagonal(c: Call, input: Any, fill_value: Any, wrap: bool = False) -> Syntax:
    on_diagonal = torch.zeros(tuple(input.shape)).fill_diagonal_(1, wrap) == 1
    filled = call("where", c.write(on_diagonal), c.number(fill_value), c.number(input))
    return c.of_result(filled)


def _filled(c: Call, input: Any, value: Any) -> Syntax:
    return c.of_result(binary(_ADD, call("zeros_like", c.number(input)), c.number(value)))


def _copied(c: Call, input: Any, src: Any, non_blocking: bool = False) -> Syntax:  # noqa: ARG001
    return c.of_result(binary(_ADD, call("zeros_like", c.number(input)), c.number(src)))


def _zero(c: Call, input: Any) -> Syntax:
    return call("zeros_like", c.write(input))


def _multiply_added(operator: ast.operator) -> Translation:
    """Return the translation of addcmul or addcdiv: input + value*(tensor1 op tensor2)."""

    def translate(
        c: Call,
        input: Any,
        tensor1: Any,
        tensor2: Any,
        *,
        value: float = 1,
    ) -> Syntax:
        term = binary(operator, c.write(tensor1), c.write(tensor2))
        return binary(
            _ADD,
            c.write(input),
            term if value == 1 else binary(_MULTIPLY, literal(value), term),
        )

    return translate


def _lerp(c: Call, input: Any, end: Any, weight: Any) -> Syntax:
    start = c.write(input)
    way = binary(_MULTIPLY, c.write(weight), binary(_SUBTRACT, c.write(end), start))
    return binary(_ADD, start, way)


def _clamp(c: Call, input: Any, min: Any = None, max: Any = None) -> Syntax:
    bounds = {"min": min, "max": max}
    written = {key: None if bound is None else c.write(bound) for key, bound in bounds.items()}
    return call("clamp", c.write(input), **written)


def _glu(c: Call, input: Any, dim: int = -1) -> Syntax:
    half = input.shape[dim] // 2
    axis = dim % input.ndim
    first, second = (
        ast.Subscript(
            c.write(input),
            ast.Tuple(
                [
                    *[ast.Slice(None, None, None)] * axis,
                    ast.Slice(literal(k * half), literal((k + 1) * half), None),
                ],
                ast.Load(),
            ),
            ast.Load(),
        )
        for k in (0, 1)
    )
    return binary(_MULTIPLY, first, call("sigmoid", second))


def _prelu(c: Call, input: Any, weight: Any) -> Syntax:
    written = c.write(weight)
    if weight.numel() > 1 and input.ndim > 1:  # one weight per channel
        shape = (1, weight.numel(), *[1] * (input.ndim - 2))
        written = call("reshape", written, literal(shape))
    elif weight.ndim:
        written = call("reshape", written, literal((1,) * max(1, input.ndim)))
    return call("prelu", c.write(input), written)


ARITHMETIC: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        **dict.fromkeys(("add", "__add__", "__radd__", "__iadd__"), _scaled(_ADD)),
        **dict.fromkeys(("sub", "subtract", "__sub__", "__isub__"), _scaled(_SUBTRACT)),
        **dict.fromkeys(("rsub", "__rsub__"), _scaled(_SUBTRACT, swapped=True)),
        **dict.fromkeys(
            ("mul", "multiply", "__mul__", "__rmul__", "__imul__"), _operator(_MULTIPLY)
        ),
        **dict.fromkeys(
            ("div", "divide", "true_divide", "__truediv__", "__idiv__", "__itruediv__"), _divided
        ),
        **dict.fromkeys(("__rdiv__", "__rtruediv__"), _operator(_DIVIDE, swapped=True)),
        **dict.fromkeys(("pow", "__pow__", "__ipow__", "float_power"), _operator(ast.Pow())),
        "__rpow__": _operator(ast.Pow(), swapped=True),
        **dict.fromkeys(("floor_divide", "__floordiv__"), _operator(ast.FloorDiv())),
        "__rfloordiv__": _operator(ast.FloorDiv(), swapped=True),
        **dict.fromkeys(("remainder", "__mod__"), _operator(ast.Mod())),
        "__rmod__": _operator(ast.Mod(), swapped=True),
        **dict.fromkeys(("matmul", "__matmul__"), _operator(ast.MatMult())),
        "__rmatmul__": _operator(ast.MatMult(), swapped=True),
        **dict.fromkeys(("lt", "less"), _comparison(ast.Lt())),
        **dict.fromkeys(("le", "less_equal"), _comparison(ast.LtE())),
        **dict.fromkeys(("gt", "greater"), _comparison(ast.Gt())),
        **dict.fromkeys(("ge", "greater_equal"), _comparison(ast.GtE())),
        **dict.fromkeys(("eq", "__eq__"), _comparison(ast.Eq())),
        **dict.fromkeys(("ne", "not_equal", "__ne__"), _comparison(ast.NotEq())),
        **dict.fromkeys(("logical_and", "bitwise_and", "__and__"), _logical(ast.And())),
        **dict.fromkeys(("logical_or", "bitwise_or", "__or__"), _logical(ast.Or())),
        **dict.fromkeys(("logical_not", "bitwise_not", "__invert__"), _not),
        "where": _where,
        "masked_fill": _masked_fill,
        **dict.fromkeys(
            ("to", "type", "type_as", "double", "float", "half", "bfloat16", "clone", "contiguous",
             "positive", "alias", "cpu", "requires_grad", "_to_copy", "convert_element_type",
             "bool", "lift_fresh", "real", "conj", "resolve_conj", "resolve_neg"),
            _convert,
        ),
        "zero": _zero,
        "fill": _filled,
        "fill_diagonal": _filled_diagonal,
        "copy": _copied,
        "addcmul": _multiply_added(_MULTIPLY),
        "addcdiv": _multiply_added(_DIVIDE),
        "lerp": _lerp,
        **dict.fromkeys(("clamp", "clip"), _clamp),
        "glu": _glu,
        "prelu": _prelu,
    }
)  # fmt: skip
