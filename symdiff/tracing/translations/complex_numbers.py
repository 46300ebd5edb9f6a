"""Translations of complex numbers on the way from real inputs to real outputs.

A complex tensor is written as the real tensor of `torch.view_as_real`: its last dimension has the
real and the imaginary part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import (
    NotWrittenError,
    Syntax,
    add,
    call,
    divide,
    index,
    listed,
    literal,
    multiply,
    negative,
    subtract,
)
from symdiff.tracing.tensors import tensors_in
from symdiff.tracing.translations.call import Call, Translation, Written

# Translates a call on real tensors.
OnReals = Callable[[Call], Written]
_REAL, _IMAGINARY = 0, 1
_LARGEST_POWER: Final = 16


def is_complex(value: Any) -> bool:
    """Return whether a value is a complex tensor or a complex number of Python."""
    return isinstance(value, complex) or (isinstance(value, torch.Tensor) and value.is_complex())


def has_complex_numbers(c: Call) -> bool:
    """Return whether a call takes or returns complex numbers."""
    values = (c.arguments, tuple(c.keywords.values()), c.result)
    return any(map(is_complex, (*c.arguments, *c.keywords.values(), *tensors_in(values))))


def translated(c: Call, on_reals: OnReals) -> Written:
    """Return the expressions that stand for the tensors that a call returned.

    Parameters
    ----------
    c
        The call.
    on_reals
        Translates the same function of real tensors.

    Raises
    ------
    NotWrittenError
        The function of complex numbers has no form.
    """
    if c.name in _LINEAR:
        return _in_parts(c, on_reals)
    if c.name in _PRODUCTS:
        return _product(c, on_reals)
    if c.name not in COMPLEX:
        message = f"{c.name} of complex numbers"
        raise NotWrittenError(message)
    return COMPLEX[c.name](c, *c.arguments, **c.keywords)


def _part(c: Call, value: Any, part: int) -> Syntax:
    """Return the real or the imaginary part of an argument."""
    if isinstance(value, torch.Tensor) and value.is_complex():
        return index(c.write(value), (Ellipsis, part))
    if isinstance(value, complex):
        return literal((value.real, value.imag)[part])
    if part == _REAL:
        return c.number(value)
    return call("zeros_like", c.write(value)) if isinstance(value, torch.Tensor) else literal(0)


def _joined(real: Syntax, imaginary: Syntax) -> Syntax:
    return call("stack", listed([real, imaginary]), dim=literal(-1))


def _parts(c: Call, value: Any) -> tuple[Syntax, Syntax]:
    return _part(c, value, _REAL), _part(c, value, _IMAGINARY)


# -- functions that are linear, or that are products, from those of real numbers


def _real_call(c: Call, chosen: Mapping[int, int], usual: int) -> Call:
    """Return a call on one part of every argument: a real tensor in the place of a complex one.

    `chosen` has the parts by the position of the argument; `usual` is that of the others.
    """
    known: dict[int, Syntax] = {}
    kept: list[torch.Tensor] = []

    def real(value: Any, part: int) -> Any:
        if isinstance(value, torch.Tensor) and value.dtype not in {torch.bool, torch.int64}:
            stand_in = _like(value)
            known[id(stand_in)] = _part(c, value, part)
            kept.append(stand_in)
            return stand_in
        if isinstance(value, list | tuple):
            return type(value)(real(v, part) for v in value)
        if isinstance(value, complex):
            return (value.real, value.imag)[part]
        return value

    def reference(tensor: torch.Tensor) -> Syntax:
        return known[id(tensor)] if id(tensor) in known else c.reference(tensor)

    arguments = tuple(real(a, chosen.get(k, usual)) for k, a in enumerate(c.arguments))
    keywords = {k: real(v, usual) for k, v in c.keywords.items()}
    return dataclasses.replace(
        c,
        arguments=arguments,
        keywords=keywords,
        result=_without_values(c.result),
        reference=reference,
    )


def _like(tensor: torch.Tensor) -> torch.Tensor:
    return torch.zeros(tuple(tensor.shape), dtype=torch.float64)


def _without_values(result: Any) -> Any:
    """Return real tensors of the shapes of a result."""
    if isinstance(result, list | tuple):
        return [_without_values(part) for part in result]
    return _like(result) if is_complex(result) else result


def _in_parts(c: Call, on_reals: OnReals) -> Written:
    """Translate a linear function, which acts on real and imaginary parts alike."""
    real, imaginary = (on_reals(_real_call(c, {}, part)) for part in (_REAL, _IMAGINARY))
    if isinstance(real, list) and isinstance(imaginary, list):
        return [
            None if a is None or b is None else _joined(a, b)
            for a, b in zip(real, imaginary, strict=True)
        ]
    assert isinstance(real, Syntax)  # noqa: S101  (both are results of one function)
    assert isinstance(imaginary, Syntax)  # noqa: S101  (likewise)
    return _joined(real, imaginary)


def _product(c: Call, on_reals: OnReals) -> Syntax:
    """Translate a product of the first two arguments: (a + bi)(c + di)."""

    def of(first: int, second: int) -> Syntax:
        written = on_reals(_real_call(c, {0: first, 1: second}, _REAL))
        assert isinstance(written, Syntax)  # noqa: S101  (a product is one tensor)
        return written

    first, second = map(is_complex, c.arguments[:2])
    if first and second:
        real = subtract(of(_REAL, _REAL), of(_IMAGINARY, _IMAGINARY))
        return _joined(real, add(of(_REAL, _IMAGINARY), of(_IMAGINARY, _REAL)))
    other = of(_IMAGINARY, _REAL) if first else of(_REAL, _IMAGINARY)
    return _joined(of(_REAL, _REAL), other)


# -- functions of complex numbers, of which some arguments may be real


def _sum(sign: int, *, swapped: bool = False) -> Translation:
    """Return the translation of a sum (sign 1) or a difference (-1)."""

    def translate(c: Call, input: Any, other: Any, *, alpha: float = 1) -> Syntax:
        first, second = (other, input) if swapped else (input, other)
        results: list[Syntax] = []
        for left, right in zip(_parts(c, first), _parts(c, second), strict=True):
            term = right if alpha == 1 else multiply(literal(alpha), right)
            results.append(add(left, term) if sign > 0 else subtract(left, term))
        return _joined(*_of_one_shape(c, results))

    return translate


def _of_one_shape(c: Call, parts: Sequence[Syntax]) -> Sequence[Syntax]:
    """Return parts in the shape of the result: one with numbers only has none of its own."""
    shape = literal(tuple(c.result.shape))
    return [call("expand", part, shape) for part in parts] if c.result.ndim else parts


def _where(c: Call, condition: Any, input: Any, other: Any) -> Syntax:
    both = zip(_parts(c, input), _parts(c, other), strict=True)
    chosen = [call("where", c.write(condition), x, y) for x, y in both]
    return _joined(*_of_one_shape(c, chosen))


def _masked_fill(c: Call, input: Any, mask: Any, value: Any) -> Syntax:
    return _where(c, mask, value, input)


def _as_it_is(c: Call, input: Any, *_: Any, **__: Any) -> Syntax:
    return c.write(input)


def _real(c: Call, input: Any) -> Syntax:
    return _part(c, input, _REAL)


def _imaginary(c: Call, input: Any) -> Syntax:
    return _part(c, input, _IMAGINARY)


def _conjugate(c: Call, input: Any) -> Syntax:
    real, imaginary = _parts(c, input)
    return _joined(real, negative(imaginary))


def _absolute(c: Call, input: Any) -> Syntax:
    return call("norm", c.write(input), dim=literal(-1))


def _angle(c: Call, input: Any) -> Syntax:
    real, imaginary = _parts(c, input)
    return call("atan2", imaginary, real)


def _from_parts(c: Call, real: Any, imag: Any) -> Syntax:
    return _joined(c.write(real), c.write(imag))


def _on_circle(size: Syntax, angle: Syntax) -> Syntax:
    return _joined(multiply(size, call("cos", angle)), multiply(size, call("sin", angle)))


def _polar(c: Call, abs: Any, angle: Any) -> Syntax:
    return _on_circle(c.write(abs), c.write(angle))


def _exponential(c: Call, input: Any) -> Syntax:
    real, imaginary = _parts(c, input)
    return _on_circle(call("exp", real), imaginary)


def _times(x: tuple[Syntax, Syntax], y: tuple[Syntax, Syntax]) -> tuple[Syntax, Syntax]:
    (a, b), (c, d) = x, y
    return subtract(multiply(a, c), multiply(b, d)), add(multiply(a, d), multiply(b, c))


def _divided(c: Call, input: Any, other: Any, **_: Any) -> Syntax:
    """Return (a + bi)/(c + di), which is (a + bi)(c - di)/(c² + d²)."""
    if not is_complex(other):
        divisor = c.number(other)
        return _joined(*(divide(part, divisor) for part in _parts(c, input)))
    real, imaginary = _parts(c, other)
    size = add(call("square", real), call("square", imaginary))
    product = _times(_parts(c, input), (real, negative(imaginary)))
    return _joined(*(divide(part, size) for part in product))


def _square(c: Call, input: Any) -> Syntax:
    return _power(c, input, 2)


def _power(c: Call, input: Any, exponent: Any) -> Syntax:
    if isinstance(exponent, torch.Tensor) or exponent not in range(1, _LARGEST_POWER + 1):
        message = "a power of a complex number that is no whole number from 1 to 16"
        raise NotWrittenError(message)
    base = _parts(c, input)
    value = base
    for _ in range(int(exponent) - 1):
        value = _times(value, base)
    return _joined(*value)


def _converted(c: Call, input: Any, *_: Any, **__: Any) -> Syntax:
    """Return a real tensor as a complex one, or a complex one in a different precision."""
    if not c.result.is_complex():
        return _part(c, input, _REAL)  # as torch, which drops the imaginary part
    return _joined(*_parts(c, input))


def _filled_with_zeros(c: Call, input: Any, *_: Any, **__: Any) -> Syntax:
    return call("zeros_like", c.write(input))


# Functions that act on the real and the imaginary part alike.
_LINEAR: Final = frozenset(
    {
        "neg", "negative", "__neg__", "positive", "sum", "mean", "cumsum", "trace",
        "view", "reshape", "flatten", "unflatten", "unsqueeze", "squeeze", "expand", "expand_as",
        "repeat", "tile", "transpose", "swapaxes", "swapdims", "permute", "movedim", "moveaxis",
        "t", "T", "mT", "flip", "fliplr", "flipud", "roll", "rot90", "narrow", "select", "slice",
        "split", "chunk", "unbind", "split_with_sizes", "tensor_split", "cat", "concat",
        "concatenate", "stack", "hstack", "vstack", "__getitem__", "index", "index_select",
        "gather", "take", "diagonal", "diag", "tril", "triu", "constant_pad_nd", "pad",
        "_reshape_alias", "_unsafe_view", "ravel", "as_strided", "unfold",
        "fft_fftshift", "fft_ifftshift", "select_scatter", "slice_scatter",
    }
)  # fmt: skip
# Functions that are products of their first two arguments.
_PRODUCTS: Final = frozenset(
    {
        "mul", "multiply", "__mul__", "__rmul__", "__imul__", "matmul", "__matmul__", "__rmatmul__",
        "mm", "bmm", "mv", "dot", "outer",
    }
)  # fmt: skip
COMPLEX: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("clone", "contiguous", "alias", "view_as_real", "view_as_complex", "resolve_conj",
             "resolve_neg", "lift_fresh", "_view_as_real", "requires_grad_", "detach"),
            _as_it_is,
        ),
        "real": _real,
        "imag": _imaginary,
        **dict.fromkeys(("conj", "_conj", "conj_physical", "_conj_physical"), _conjugate),
        **dict.fromkeys(("abs", "absolute", "__abs__"), _absolute),
        "angle": _angle,
        "complex": _from_parts,
        "polar": _polar,
        "exp": _exponential,
        **dict.fromkeys(("div", "divide", "true_divide", "__truediv__", "__itruediv__"), _divided),
        **dict.fromkeys(("add", "__add__", "__radd__", "__iadd__"), _sum(1)),
        **dict.fromkeys(("sub", "subtract", "__sub__", "__isub__"), _sum(-1)),
        **dict.fromkeys(("rsub", "__rsub__"), _sum(-1, swapped=True)),
        "where": _where,
        "masked_fill": _masked_fill,
        "square": _square,
        **dict.fromkeys(("pow", "__pow__"), _power),
        **dict.fromkeys(
            ("to", "type", "_to_copy", "convert_element_type", "copy"), _converted
        ),
        **dict.fromkeys(("zeros_like", "zero"), _filled_with_zeros),
    }
)  # fmt: skip
