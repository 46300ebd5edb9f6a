"""Functions at inf and -inf: a program may use them as constants, as masks of attention do.

A literal inf is a value in the extended reals: exp(-inf) = 0, max(x, -inf) = x, 1/inf = 0. What has
no value there is undefined: inf - inf, 0*inf, sin(inf). A division by zero gives no infinity.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# By function, the values at -inf and at inf as texts; None where the function is undefined. A
# function of one argument that is neither here nor defined by others is undefined at both.
AT_INFINITY: Mapping[str, tuple[str | None, str | None]] = MappingProxyType(
    {
        "exp": ("0", "inf"),
        "expm1": ("-1", "inf"),
        "log": (None, "inf"),
        "log1p": (None, "inf"),
        "sqrt": (None, "inf"),
        "cbrt": ("-inf", "inf"),
        "tanh": ("-1", "1"),
        "sinh": ("-inf", "inf"),
        "cosh": ("inf", "inf"),
        "asinh": ("-inf", "inf"),
        "sigmoid": ("0", "1"),
        "erf": ("-1", "1"),
        "erfc": ("2", "0"),
        "erfcx": ("inf", "0"),
        "i0": ("inf", "inf"),
        "i1": ("-inf", "inf"),
        "i0e": ("0", "0"),
        "i1e": ("0", "0"),
        "atan": ("-pi/2", "pi/2"),
        "floor": ("-inf", "inf"),
        "ceil": ("-inf", "inf"),
        "gamma": (None, "inf"),
        "lgamma": (None, "inf"),
        "digamma": (None, "inf"),
    }
)


def infinity_as_text(sign: int) -> str:
    """Return inf or -inf as text."""
    return "inf" if sign > 0 else "-inf"
