"""Values of sub-expressions read on germs: a germ, a condition, inf, undefined or undecided."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from symdiff.arithmetics.series.puiseux import Germ, Power
from symdiff.arithmetics.series.reals import Real
from symdiff.catalogue import Function


@dataclasses.dataclass(frozen=True, slots=True)
class Outside:
    """The sub-expression is proved to be undefined; `reason` says why.

    `in_doubles` is what floating-point arithmetic gives there: ``"nan"``, ``"inf"`` for an infinity
    of either sign, or ``""`` if it depends, as for exp(-1/0), which is 0 in doubles.
    """

    reason: str
    in_doubles: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Unknown:
    """The value could not be decided.

    Attributes
    ----------
    why
        The reason, in a few words.
    order
        Whether a series of higher order may decide it.
    function
        The function whose value is not decided, as users write it; "" if there is none to name.
    """

    why: str
    order: bool = False
    function: str = ""

    @property
    def reason(self) -> str:
        """The function and the reason."""
        return f"{self.function}: {self.why}" if self.function else self.why


@dataclasses.dataclass(frozen=True, slots=True)
class Infinite:
    """The constant inf or -inf: `sign` is 1 or -1."""

    sign: int


@dataclasses.dataclass(frozen=True, slots=True)
class Exponential:
    """The function sign·e^log, where `log` tends to +inf or -inf faster than log t.

    Attributes
    ----------
    sign
        1 or -1.
    log
        The logarithm of its absolute value.
    is_large
        Whether it tends to infinity; otherwise it tends to 0.
    """

    sign: int
    log: Germ
    is_large: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Wave:
    """The function head + t^e·(log t)^k·w with a bounded w; see `oscillations`.

    Attributes
    ----------
    head
        The terms that are larger than t^e·(log t)^k.
    power
        (e, k).
    low, high
        An interval that contains the limit points of w for t -> 0.
    is_sharp
        Whether the limit points of w are the whole interval.
    """

    head: Germ
    power: Power
    low: Real
    high: Real
    is_sharp: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Oscillation:
    """A function that oscillates near the point, and its derivative d/dt; None if not known."""

    value: Wave
    slope: Germ | Wave | None


Value = Germ | Exponential | Oscillation | Infinite | Outside | Unknown | bool

_DOMAIN_MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "divide": "a division by zero",
        "power": "a fractional power of a negative number",
        "sqrt": "a square root of a negative number",
        "log": "a logarithm of a negative number",
        "log1p": "a logarithm of a negative number",
    }
)


def domain_message(function: str) -> str:
    """Return the message that the argument of a function is outside its domain."""
    return _DOMAIN_MESSAGES.get(function, f"{function} outside its domain")


def named(row: Function, arguments: Sequence[Any], result: Any) -> Any:
    """Return the result of a row's definition; what is not a number names the row.

    A function inside the definition is none that the user wrote: acos is pi/2 - asin(x).

    Examples
    --------
    >>> from symdiff.catalogue import CATALOGUE
    >>> named(CATALOGUE["acos"], (), Outside("asin outside its domain")).reason
    'acos outside its domain'
    """
    if any(result is a for a in arguments):
        return result
    if isinstance(result, Outside) and row.domain is not None:
        return dataclasses.replace(result, reason=domain_message(row.name))
    if isinstance(result, Unknown) and result.function:
        return dataclasses.replace(result, function=row.written)
    return result
