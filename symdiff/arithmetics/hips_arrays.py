"""The arithmetic of HIPS autograd, with the functions of autograd.numpy and autograd.scipy."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import autograd.numpy as anp
from autograd.scipy import special
from autograd.tracer import getval, isbox

from symdiff.arithmetics.library_arrays import OPERATORS, LibraryArrays, without_keywords
from symdiff.errors import Unsupported


def _clip(x: Any, **bounds: Any) -> Any:
    """Return x between constant bounds: clip has derivatives with respect to x alone."""
    if any(map(isbox, bounds.values())):
        function, reason = (
            "clamp",
            "HIPS autograd's clip has no derivative with respect to its bounds",
        )
        raise Unsupported(function, reason)
    return anp.clip(x, bounds.get("min"), bounds.get("max"))


# Functions without a derivative in HIPS autograd (cbrt, copysign, fmod, heaviside) are left out.
COLUMNS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        **OPERATORS,
        "floor_divide": operator.floordiv,
        "remainder": operator.mod,
        "logical_and": anp.logical_and,
        "logical_or": anp.logical_or,
        "logical_not": anp.logical_not,
        "where": anp.where,
        "ifelse": anp.where,
        "float": lambda x: anp.where(x, 1.0, 0.0),
        "sqrt": anp.sqrt,
        "square": anp.square,
        "reciprocal": anp.reciprocal,
        "hypot": anp.hypot,
        "exp": anp.exp,
        "exp2": anp.exp2,
        "expm1": anp.expm1,
        "log": anp.log,
        "log2": anp.log2,
        "log10": anp.log10,
        "log1p": anp.log1p,
        "logaddexp": anp.logaddexp,
        "sin": anp.sin,
        "cos": anp.cos,
        "tan": anp.tan,
        "asin": anp.arcsin,
        "acos": anp.arccos,
        "atan": anp.arctan,
        "atan2": anp.arctan2,
        "sinh": anp.sinh,
        "cosh": anp.cosh,
        "tanh": anp.tanh,
        "asinh": anp.arcsinh,
        "acosh": anp.arccosh,
        "atanh": anp.arctanh,
        "sinc": anp.sinc,
        "erf": special.erf,
        "erfc": special.erfc,
        "erfinv": special.erfinv,
        "gamma": special.gamma,
        "lgamma": special.gammaln,
        "digamma": special.digamma,
        "polygamma": special.polygamma,
        "i0": special.i0,
        "i1": special.i1,
        "abs": anp.abs,
        "sign": anp.sign,
        "maximum": anp.maximum,
        "minimum": anp.minimum,
        "fmax": anp.fmax,
        "fmin": anp.fmin,
        "clamp": _clip,
        "floor": anp.floor,
        "ceil": anp.ceil,
        "rint": anp.rint,
        "round": lambda x, decimals=0: anp.round(x, decimals),
        "trunc": anp.trunc,
        "nan_to_num": without_keywords("HIPS autograd", "nan_to_num", anp.nan_to_num),
        "detach": getval,
        "sigmoid": special.expit,
    }
)
HIPS: Final = LibraryArrays(
    "HIPS autograd", anp, COLUMNS, lacks="no such function, or no derivative of it"
)
