"""Kinds of point, and what is decided about the derivative at one point."""

from __future__ import annotations

import dataclasses
import enum
from typing import Final


class Kind(enum.StrEnum):
    """Kind of a point along one variable, by the function's value and one-sided derivatives."""

    SMOOTH = "smooth"  # finite one-sided derivatives, equal
    KINK = "kink"  # finite one-sided derivatives, different
    VERTICAL = "vertical"  # continuous, with an infinite one-sided derivative
    EDGE = "edge"  # the function is defined here and on one side only
    JUMP = "jump"  # a one-sided limit is finite and differs from the value
    POLE = "pole"  # the function tends to infinity on at least one side
    OUTSIDE = "outside"  # the function is undefined here, or on both sides
    UNDECIDED = "undecided"  # not proved


KINDS: Final = tuple(Kind)


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    """What is decided about the derivative at one point, along one variable.

    Attributes
    ----------
    kind
        The kind of the point.
    left, right
        The one-sided derivatives, as nearest doubles or infinities; None where there is none.
        Where the function is undefined but has one-sided limits, the one-sided derivatives of
        the function that continues it by its limit on that side.
    derivative
        The derivative, which may be infinite, or None where it does not exist. At an edge, the
        one-sided derivative.
    curvatures
        The left and the right one-sided second derivative; None where not known.
    detail
        What the kind does not say: a limit, the size of a jump, the reason for `UNDECIDED`.
    """

    kind: Kind
    left: float | None = None
    right: float | None = None
    derivative: float | None = None
    curvatures: tuple[float | None, float | None] = (None, None)
    detail: str = ""
