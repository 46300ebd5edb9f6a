"""The arithmetic of symengine, a fast symbolic library in C++ with sympy's interface.

symengine has no derivatives of abs, max and sign.  They are read as Piecewise, which it
differentiates branch by branch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import symengine as se
from symengine.lib.symengine_wrapper import Boolean

from symdiff.arithmetics.reading import read
from symdiff.catalogue import BY_OPERATOR, Function
from symdiff.errors import Unsupported
from symdiff.program import Program

_LARGEST_POWER_BITS: Final = 8192  # bits of an integer power that symengine may evaluate
_CONSTANTS: Final = {"pi": se.pi, "e": se.E, "inf": se.oo}


class _Symengine:
    """The arithmetic of symengine; see `reading.Arithmetic`."""

    def column(self, row: Function) -> Callable[..., Any] | None:
        column = _COLUMNS.get(row.name)
        if row.role == "hold":
            raise Unsupported(row.name, "symengine cannot hold a part constant")
        if column is None and row.definition is None:
            raise Unsupported(row.name, "symengine has no such function, or no derivative of it")
        return column

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        if isinstance(value, bool):
            return value
        return se.Integer(value) if isinstance(value, int) else se.RealDouble(value)

    def constant(self, name: str) -> Any:
        return _CONSTANTS[name]

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        passed = [a for a in arguments if a is not None]
        if row.is_operator:
            passed = [_as_number(a) for a in passed]
        return column(*passed)


def _as_number(value: Any) -> Any:
    """Return a condition as 0 or 1, and anything else unchanged."""
    if isinstance(value, bool):
        return se.Integer(int(value))
    return _choose(value, se.Integer(1), se.Integer(0)) if _is_condition(value) else value


def _is_condition(value: Any) -> bool:
    return isinstance(value, Boolean)


def _choose(condition: Any, x: Any, y: Any) -> Any:
    if isinstance(condition, bool):
        return x if condition else y
    return se.Piecewise((x, condition), (y, True))


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, se.Rational) and isinstance(exponent, se.Integer):
        bits = max(int(base.p).bit_length(), int(base.q).bit_length())
        if bits * abs(int(exponent)) > _LARGEST_POWER_BITS:
            raise Unsupported(
                BY_OPERATOR["**"].name, "the result is an integer of thousands of digits"
            )
    return base**exponent


def _sign(x: Any) -> Any:
    return se.Piecewise((1, x > 0), (-1, x < 0), (0, True))


def _cube_root(x: Any) -> Any:
    third = se.Rational(1, 3)
    return se.Piecewise((x**third, x > 0), (-((-x) ** third), x < 0), (0, True))


# Rows whose symengine function has the same name.
_SAME_IN_SYMENGINE: Final = (
    "sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc",
)  # fmt: skip
_COLUMNS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "add": lambda x, y: x + y,
        "subtract": lambda x, y: x - y,
        "multiply": lambda x, y: x * y,
        "divide": lambda x, y: x / y,
        "power": _power,
        "negative": lambda x: -x,
        "positive": lambda x: x,
        "abs": lambda x: _choose(x >= 0, x, -x),
        "sign": _sign,
        "maximum": lambda x, y: _choose(x >= y, x, y),
        "minimum": lambda x, y: _choose(x <= y, x, y),
        "cbrt": _cube_root,
        "where": _choose,
        "ifelse": _choose,
        "less": lambda x, y: x < y,
        "less_equal": lambda x, y: x <= y,
        "greater": lambda x, y: x > y,
        "greater_equal": lambda x, y: x >= y,
        "equal": se.Eq,
        "not_equal": se.Ne,
        "logical_and": se.And,
        "logical_or": se.Or,
        "logical_not": se.Not,
        **{name: getattr(se, name) for name in _SAME_IN_SYMENGINE},
    }
)
SYMENGINE: Final = _Symengine()


def symengine_derivatives(
    program: Program, variables: Sequence[str], inner: str = ""
) -> dict[str, Any]:
    """Return the partial derivatives that symengine finds for a program, by variable.

    Where symengine leaves one unevaluated, the reason takes its place, as an `Unsupported`. With
    `inner`, they are those of the derivative with respect to this input.

    Raises
    ------
    Unsupported
        symengine lacks a function of the program.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> symengine_derivatives(parse("x**2*sin(y)"), ["x", "y"])
    {'x': 2*x*sin(y), 'y': x**2*cos(y)}
    """
    f = symengine_expression(program)
    f = f.diff(se.Symbol(inner)) if inner else f
    return {name: _evaluated(f.diff(se.Symbol(name))) for name in variables}


def symengine_expression(program: Program) -> Any:
    """Return a program as an expression of symengine.

    Raises
    ------
    Unsupported
        symengine lacks a function of the program.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> symengine_expression(parse("x**2*sin(y)"))
    x**2*sin(y)
    """
    symbols = {name: se.Symbol(name) for name in program.inputs}
    return _as_number(read(program, SYMENGINE, symbols))


def _evaluated(derivative: Any) -> Any:
    """Return a derivative, or the reason why symengine leaves a part of it unevaluated."""
    if derivative.atoms(se.Derivative) or derivative.atoms(se.Subs):
        return Unsupported("symengine", "it leaves a derivative unevaluated")
    return derivative
