"""The arithmetic of CasADi's scalar expressions, SX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import casadi

from symdiff.arithmetics.arrays import within_doubles
from symdiff.arithmetics.library_arrays import OPERATORS
from symdiff.catalogue import CONSTANTS, Function
from symdiff.errors import Unsupported


class _Casadi:
    """The arithmetic of CasADi; see `reading.Arithmetic`."""

    def column(self, row: Function) -> Callable[..., Any]:
        column = COLUMNS.get(row.name)
        if column is None:  # a definition in other functions would be a different program
            raise Unsupported(row.name, "CasADi has no such function")
        return column

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        return within_doubles(value)

    def constant(self, name: str) -> float:
        return CONSTANTS[name]

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        del row
        return column(*(a for a in arguments if a is not None))


COLUMNS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        **OPERATORS,
        "logical_and": casadi.logic_and,
        "logical_or": casadi.logic_or,
        "logical_not": casadi.logic_not,
        "where": casadi.if_else,
        "ifelse": casadi.if_else,
        "float": lambda x: casadi.if_else(x, 1.0, 0.0),
        "sqrt": casadi.sqrt,
        "hypot": casadi.hypot,
        "exp": casadi.exp,
        "expm1": casadi.expm1,
        "log": casadi.log,
        "log10": casadi.log10,
        "log1p": casadi.log1p,
        "sin": casadi.sin,
        "cos": casadi.cos,
        "tan": casadi.tan,
        "asin": casadi.asin,
        "acos": casadi.acos,
        "atan": casadi.atan,
        "atan2": casadi.atan2,
        "sinh": casadi.sinh,
        "cosh": casadi.cosh,
        "tanh": casadi.tanh,
        "asinh": casadi.asinh,
        "acosh": casadi.acosh,
        "atanh": casadi.atanh,
        "erf": casadi.erf,
        "erfinv": casadi.erfinv,
        "abs": casadi.fabs,
        "sign": casadi.sign,
        "maximum": casadi.fmax,
        "minimum": casadi.fmin,
        "fmax": casadi.fmax,
        "fmin": casadi.fmin,
        "copysign": casadi.copysign,
        "floor": casadi.floor,
        "ceil": casadi.ceil,
        "fmod": casadi.fmod,
    }
)
CASADI: Final = _Casadi()
