"""Kinds of point, and the truth about the derivative at one point."""

from __future__ import annotations

import dataclasses
from typing import Final

from symdiff.labels import LabelledEnum

TENDS: Final = "the value tends to"  # start of the detail of a pole at which f has a value
APPARENT: Final = "apparent kink"  # detail of a smooth point at which a switch is zero
# In the detail of a point with a finite derivative whose nearest double is an infinity.
OVERFLOW: Final = "beyond the largest double"


class Kind(LabelledEnum):
    """Kind of a point along one variable, by the function's value and one-sided derivatives.

    Where there are several variables, `SMOOTH` says that the function has a derivative as a
    function of all of them.
    """

    SMOOTH = 0, "smooth", "the one-sided derivatives are finite and equal"
    KINK = 1, "kink", "the one-sided derivatives are finite and differ"
    VERTICAL = 2, "vertical", "the function is continuous, with an infinite one-sided derivative"
    EDGE = 3, "edge", "the function is defined at the point and on one side only"
    JUMP = 4, "jump", "a one-sided limit is finite and differs from the value"
    POLE = 5, "pole", "the function tends to infinity on at least one side"
    OUTSIDE = 6, "outside", "the function is undefined at the point"
    UNDECIDED = 7, "undecided", "the kind could not be proved within the budget"
    ISOLATED = (
        8,
        "isolated",
        "the function is defined at the point and undefined on both sides of it",
    )
    PARTIAL = (
        9,
        "partial",
        "smooth along the axis, but not proved to be differentiable in all variables together",
    )
    OSCILLATING = 10, "oscillating", "the function or its difference quotient oscillates on a side"


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    """Truth about the derivative at one point, along one variable.

    Attributes
    ----------
    kind
        The kind of the point.
    left, right
        The one-sided derivatives, as nearest doubles or infinities; None where there is none. One
        that is finite and beyond the largest double is given as an infinity, and `detail` has its
        size.
        Where the function is undefined but has a one-sided limit, the one-sided derivative of
        its continuous extension by that limit.
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


def overflow_detail(size: str) -> str:
    """Return the detail of a finite derivative, of this size, that no double is close to.

    Examples
    --------
    >>> overflow_detail("-1e320")
    'the derivative is -1e320, beyond the largest double'
    """
    return f"the derivative is {size}, {OVERFLOW}" if size else f"the derivative is {OVERFLOW}"
