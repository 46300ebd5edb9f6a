"""What a sub-expression may be beside a germ, and how much is spent to find out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from symdiff.arithmetics.series.puiseux import Germ
from symdiff.arithmetics.series.reals import MAX_BITS

ORDERS: Final = (4, 8, 16, 32)  # tried one after the other


@dataclasses.dataclass(frozen=True, slots=True)
class Outside:
    """The expression is undefined: proved."""

    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Unknown:
    """It could not be decided; `order` says that a longer series may decide it."""

    reason: str
    order: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Infinite:
    """The constant inf, or -inf."""

    sign: int


@dataclasses.dataclass(frozen=True, slots=True)
class Budget:
    """How much is spent on one point.

    Attributes
    ----------
    bits
        The highest precision, in bits, with which a sign is sought.
    orders
        The orders of series that are tried, one after the other.
    work
        How many functions are applied before the point is left undecided.
    """

    bits: int = MAX_BITS
    orders: tuple[int, ...] = ORDERS
    work: int = 50_000


_BEYOND: Mapping[str, str] = MappingProxyType(
    {
        "power": "a broken power of a negative number",
        "sqrt": "a square root of a negative number",
        "log": "a logarithm of a negative number",
        "log1p": "a logarithm of a negative number",
    }
)


def beyond(function: str) -> str:
    """Say that the argument of a function is outside its domain."""
    return _BEYOND.get(function, f"{function} outside its domain")


Value = Germ | Infinite | Outside | Unknown | bool
