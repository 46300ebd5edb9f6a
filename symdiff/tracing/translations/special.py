"""Translations of special functions, and of functions of complex numbers at real ones."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from symdiff.tracing.syntax import (
    Syntax,
    call,
    compare,
    divide,
    literal,
    multiply,
    name,
    subtract,
)
from symdiff.tracing.translations.call import Call, Translation


def _angle(c: Call, input: Any) -> Syntax:
    return call("where", compare(ast.Lt(), c.write(input), literal(0)), name("pi"), literal(0))


def _ndtri(c: Call, input: Any) -> Syntax:
    """Return sqrt(2)*erfinv(2*x - 1)."""
    argument = subtract(multiply(literal(2), c.write(input)), literal(1))
    return multiply(call("sqrt", literal(2)), call("erfinv", argument))


def _log_ndtr(c: Call, input: Any) -> Syntax:
    """Return log(erfc(-x/sqrt(2))/2)."""
    argument = divide(multiply(literal(-1), c.write(input)), call("sqrt", literal(2)))
    return call("log", divide(call("erfc", argument), literal(2)))


def _multivariate_lgamma(c: Call, input: Any, p: int) -> Syntax:
    """Return p*(p - 1)/4*log(pi) + sum of lgamma(x - k/2) for k below p."""
    value = multiply(literal(p * (p - 1) / 4), call("log", name("pi")))
    for k in range(p):
        term = call("lgamma", subtract(c.write(input), literal(k / 2)))
        value = ast.BinOp(value, ast.Add(), term)
    return value


def _logaddexp2(c: Call, input: Any, other: Any) -> Syntax:
    """Return logaddexp(x*log(2), y*log(2))/log(2)."""
    unit = call("log", literal(2))
    first, second = (multiply(c.write(value), unit) for value in (input, other))
    return divide(call("logaddexp", first, second), unit)


SPECIAL: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "angle": _angle,
        "logaddexp2": _logaddexp2,
        "special_ndtri": _ndtri,
        "special_log_ndtr": _log_ndtr,
        "log_ndtr": _log_ndtr,
        **dict.fromkeys(("mvlgamma", "special_multigammaln"), _multivariate_lgamma),
    }
)
