"""Derivatives of rows of the catalogue that have no text for it there: arithmetic and switches."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# The derivative of a row in its parameters, `d` and their names for the derivatives of these,
# `result` for the value and `undefined` for an undefined number.
TANGENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "add": "dx + dy",
        "subtract": "dx - dy",
        "multiply": "dx*y + x*dy",
        "divide": "(dx - result*dy)/y",
        "negative": "-dx",
        "positive": "dx",
        "abs": "where(x > 0, dx, where(x < 0, -dx, undefined))",
        "sign": "where(x != 0, 0, undefined)",
        "maximum": "where(x > y, dx, where(x < y, dy, undefined))",
        "minimum": "where(x < y, dx, where(x > y, dy, undefined))",
        "floor": "where(ceil(x) > floor(x), 0, undefined)",
        "ceil": "where(ceil(x) > floor(x), 0, undefined)",
        "atan2": "where(y > 0 or x != 0, (y*dx - x*dy)/(x*x + y*y), undefined)",
        "xlogy": "dx*log(y) + x*dy/y",
        "sinc": "where(x != 0, dx*(cos(pi*x) - result)/x, 0)",
    }
)
# The derivatives on one side of a point: x + s*dx for small s > 0. Error bounds do not need them,
# and their conditions would be additional switches.
ONE_SIDED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "abs": "where(x > 0, dx, where(x < 0, -dx, abs(dx)))",
        "maximum": "where(x > y, dx, where(x < y, dy, maximum(dx, dy)))",
        "minimum": "where(x < y, dx, where(x > y, dy, minimum(dx, dy)))",
    }
)
# The comparison by which one side of a point differs from the point, where both numbers are equal
# there: x <= y holds on the side where x grows more slowly. None: equality holds at the point only.
BESIDE_A_TIE: Final[Mapping[str, str | None]] = MappingProxyType(
    {
        "less": "less",
        "less_equal": "less",
        "greater": "greater",
        "greater_equal": "greater",
        "equal": None,
        "not_equal": None,
    }
)
