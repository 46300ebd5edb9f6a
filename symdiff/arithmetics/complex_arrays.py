"""The arithmetic of complex numpy arrays, for functions that are analytic where they are real."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.arrays import within_doubles
from symdiff.catalogue import CONSTANTS, Function
from symdiff.errors import Unsupported
from symdiff.libraries import scipy_special

_LARGEST_POWER: Final = 1024  # largest integer exponent for which a power is multiplied out


class _ComplexArrays:
    """The arithmetic of complex numbers next to real ones; see `reading.Arithmetic`."""

    def column(self, row: Function) -> Callable[..., Any] | None:
        column = COLUMNS.get(row.name)
        if column is None and (row.definition is None or row.has_kinks or row.role != "smooth"):
            reason = (
                "it is not analytic"
                if row.has_kinks
                else "it has no complex values in numpy that are right beside the real axis"
            )
            raise Unsupported(row.name, reason)
        return column

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        return within_doubles(value)

    def constant(self, name: str) -> float:
        return CONSTANTS[name]

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        del row
        return column(*(a for a in arguments if a is not None))


def _power(base: Any, exponent: Any) -> Any:
    """Return a power: multiplied out for an integer exponent, else exp(y*log(x)).

    The logarithm of a negative number is complex, and its rounding would be taken for a derivative:
    where y is an integer, the power is (-1)**y*exp(y*log(-x)).
    """
    if np.ndim(exponent) == 0 and np.isreal(exponent):
        whole = float(np.real(exponent))
        if whole.is_integer() and abs(whole) <= _LARGEST_POWER:
            power = _multiplied(base, abs(int(whole)))
            return power if whole >= 0 else 1 / power
    if np.iscomplexobj(exponent):
        return np.exp(exponent * _log(base))
    flipped = (np.real(base) < 0) & (exponent == np.rint(exponent))
    power = np.exp(exponent * _log(np.where(flipped, -base, base)))
    return np.where(flipped, 1 - 2 * (exponent % 2), 1.0) * power


def _multiplied(base: Any, exponent: int) -> Any:
    result, square = 1.0, base
    while exponent:
        if exponent & 1:
            result = result * square
        square, exponent = square * square, exponent >> 1
    return result


def _where_real(function: Callable[..., Any], low: float, high: float = np.inf) -> Any:
    """Return a function that is undefined outside the interval where it is real."""

    def column(x: Any) -> Any:
        z = np.asarray(x, dtype=complex)
        inside = (z.real >= low) & (z.real <= high)
        return np.where(
            inside, function(np.where(inside, z, 0.5 + low if low > 0 else 0.5)), np.nan
        )

    return column


_log = _where_real(np.log, 0.0)

# scipy's gamma and digamma are left out: left of 0 their imaginary parts are rounding errors.
COLUMNS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
        "power": _power,
        "negative": operator.neg,
        "positive": operator.pos,
        "sqrt": _where_real(np.sqrt, 0.0),
        "exp": np.exp,
        "expm1": np.expm1,
        "log": _log,
        "log1p": _where_real(np.log1p, -1.0),
        "sin": np.sin,
        "cos": np.cos,
        "tan": np.tan,
        "asin": _where_real(np.arcsin, -1.0, 1.0),
        "acos": _where_real(np.arccos, -1.0, 1.0),
        "atan": np.arctan,
        "sinh": np.sinh,
        "cosh": np.cosh,
        "tanh": np.tanh,
        "asinh": np.arcsinh,
        "acosh": _where_real(np.arccosh, 1.0),
        "atanh": _where_real(np.arctanh, -1.0, 1.0),
        "erf": scipy_special.erf,
        "erfc": scipy_special.erfc,
    }
)
COMPLEX: Final = _ComplexArrays()
