"""The behaviour of a function on one side of a point."""

from __future__ import annotations

import dataclasses
import math

from symdiff.arithmetics.series.reals import Real, nearest
from symdiff.truth.kinds import Kind


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """The function on one side of a point x0: its limit and the derivative on that side.

    Attributes
    ----------
    kind
        `SMOOTH` with a finite slope, `VERTICAL` with an infinite one, or why there is no slope.
    slope
        The one-sided derivative, if it is finite.
    infinite
        The one-sided derivative, if it is infinite; else NaN.
    limit
        The limit of the function, if it is finite.
    curvature
        The one-sided second derivative, or None where it is not known.
    oscillation
        What is known of a derivative that oscillates near the point; "" if it tends to the
        one-sided derivative.
    reason
        Why the side is undecided or outside the domain; at a pole, the infinity as text.
    """

    kind: Kind
    slope: Real | None = None
    infinite: float = math.nan
    limit: Real | None = None
    curvature: float | None = None
    reason: str = ""
    oscillation: str = ""

    @property
    def number(self) -> float | None:
        """The one-sided derivative as a double or an infinity, or None."""
        if self.slope is not None:
            return nearest(self.slope)
        return None if math.isnan(self.infinite) else self.infinite
