"""Certified isolation of zeros by bisection with balls.

Every zero is in one of the returned brackets: an interval is dropped only if a ball proves that
it contains no zero.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Final

import flint

from symdiff.arithmetics.balls import EMPTY, PRECISION, Ball

MAX_BOXES: Final = 600  # enclosures computed for one switch on one line
BOXES_EACH: Final = 150  # enclosures that suffice to refine a simple zero
MAX_BRACKETS: Final = 64  # a larger number of brackets is not refined
# A bracket of this relative width is not refined: doubles are further apart, so it identifies one.
_RELATIVE_WIDTH = 2.0**-58
_SMALLEST_WIDTH = 2.0**-200  # the absolute width that replaces `_RELATIVE_WIDTH` near zero
_EARLY = 8  # f is tested for being monotone on intervals narrower than 1/8 of the whole
_STEPS = 12  # Newton steps for one zero
# Bisection stops after this many enclosures in a row that exclude nothing, on intervals narrower
# than 1/_DEEP of the whole.
_PATIENCE = 48
_DEEP = 2**20
# Newton's iteration has converged if its interval is narrower than this fraction of the first one.
_CONVERGED = flint.arb(2) ** -60


@dataclasses.dataclass(frozen=True, slots=True)
class Bracket:
    """An interval that may contain zeros.

    Attributes
    ----------
    low, high
        The ends, exact balls.
    proved
        Whether the function changes sign between the ends, so that there is a zero.
    """

    low: Ball
    high: Ball
    proved: bool

    @property
    def ball(self) -> Ball:
        """The whole bracket as one ball."""
        with flint.ctx.workprec(PRECISION):
            return self.low.union(self.high)

    @property
    def middle(self) -> float:
        """The double nearest to the midpoint."""
        with flint.ctx.workprec(PRECISION):
            return float(((self.low + self.high) / 2).mid())


def isolate(
    f: Callable[[Ball], Any],
    low: Ball,
    high: Ball,
    budget: int = MAX_BOXES,
    slope: Callable[[Ball], Ball | None] = lambda _: None,
) -> list[Bracket]:
    """Return brackets that together contain every zero of f on [low, high].

    Parameters
    ----------
    f
        Returns an enclosure of the function on a ball, or `EMPTY` outside its domain.
    low, high
        The ends, exact balls.
    budget
        How many enclosures to compute, and about as many again to refine the brackets. If they
        do not suffice, some brackets are wide.
    slope
        Returns an enclosure of the derivative on a ball, or None where it has no bound.

    Examples
    --------
    >>> brackets = isolate(lambda x: x * x - 2, flint.arb(0), flint.arb(2))
    >>> [(b.middle, b.proved) for b in brackets]
    [(1.4142135623730951, True)]
    """
    with flint.ctx.workprec(PRECISION):
        coarse = merge_intervals(_bisect(f, low, high, budget, slope))
        if len(coarse) > MAX_BRACKETS:
            return [_bracket(f, a, b) for a, b in coarse]
        # Many zeros, or a multiple one, may have used up the budget: give each bracket a new one.
        share = max(BOXES_EACH, budget // max(1, len(coarse)))
        fine: list[tuple[Ball, Ball]] = []
        for a, b in coarse:
            is_done = b - a <= (high - low) * _CONVERGED
            fine.extend([(a, b)] if is_done else merge_intervals(_bisect(f, a, b, share, slope)))
        return [_bracket(f, a, b) for a, b in fine]


def _bisect(
    f: Callable[[Ball], Any],
    low: Ball,
    high: Ball,
    budget: int,
    slope: Callable[[Ball], Ball | None],
) -> list[tuple[Ball, Ball]]:
    """Return the intervals in which a zero could not be excluded, by bisection, breadth first.

    Where f is monotone it has at most one zero, to which Newton's iteration converges. Bisection
    stops early if it halves narrow intervals and never excludes one: a higher precision would be
    needed.
    """
    waiting = collections.deque([(low, high)])
    width = high - low
    not_excluded = 0  # enclosures in a row
    closed: list[tuple[Ball, Ball]] = []
    for _ in range(budget):
        if not waiting:
            break
        a, b = waiting.popleft()
        value = f(a.union(b))
        if value is EMPTY or value > 0 or value < 0:
            not_excluded = 0
            continue
        not_excluded += 1
        if not_excluded > _PATIENCE and (b - a) * _DEEP < width:
            return [*closed, (a, b), *waiting]
        middle = ((a + b) / 2).mid()
        if b - a <= _smallest_width(a, b) or middle <= a or middle >= b:
            closed.append((a, b))
        elif (b - a) * _EARLY < width and (zeros := _zero_if_monotone(f, slope, a, b)) is not None:
            closed.extend(zeros)
        else:
            waiting.extend([(a, middle), (middle, b)])
    return [*closed, *waiting]


def _zero_if_monotone(
    f: Callable[[Ball], Any], slope: Callable[[Ball], Ball | None], a: Ball, b: Ball
) -> list[tuple[Ball, Ball]] | None:
    """Return at most one narrow bracket if f is monotone on [a, b]; None if that is not proved.

    Source: the interval Newton method, Moore, Kearfott & Cloud 2009, section 8.1.
    """
    derivative = _if_nonzero(slope(a.union(b)))
    if derivative is None:
        return None
    if _has_no_sign(f(a)) or _has_no_sign(f(b)):  # an end may be the zero: widen the interval
        a, b = a - (b - a) / 8, b + (b - a) / 8
        derivative = _if_nonzero(slope(a.union(b)))
    left, right = f(a), f(b)
    if derivative is None or _has_no_sign(left) or _has_no_sign(right):
        return None
    if bool(left > 0) == bool(right > 0):
        return []
    start = b - a
    for _ in range(_STEPS):
        if b - a <= _smallest_width(a, b):
            break
        middle = a.union(b).mid()
        step = middle - f(middle) / derivative
        low, high = max(a, step.lower()), min(b, step.upper())
        if not low <= high or not (high - low) * 2 < b - a:
            break  # this precision allows no narrower interval
        a, b = low, high
        derivative = _if_nonzero(slope(a.union(b))) or derivative
    return [(a, b)] if b - a <= start * _CONVERGED else None


def _if_nonzero(slope: Ball | None) -> Ball | None:
    return slope if slope is not None and (slope > 0 or slope < 0) else None


def _has_no_sign(value: Any) -> bool:  # noqa: ANN401  (a ball or EMPTY)
    return value is EMPTY or not (value > 0 or value < 0)


def _smallest_width(a: Ball, b: Ball) -> Ball:
    scale = max(abs(float(a)), abs(float(b)))
    return flint.arb(max(scale * _RELATIVE_WIDTH, _SMALLEST_WIDTH))


def merge_intervals(intervals: list[tuple[Ball, Ball]]) -> list[tuple[Ball, Ball]]:
    """Return the union of intervals as disjoint ones, in increasing order.

    The ends are exact balls.
    """

    # The ends are compared as balls: several may round to the same double.
    def order(first: tuple[Ball, Ball], second: tuple[Ball, Ball]) -> int:
        return int(first[0] > second[0]) - int(first[0] < second[0])

    merged: list[tuple[Ball, Ball]] = []
    for a, b in sorted(intervals, key=functools.cmp_to_key(order)):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], merged[-1][1].max(b))
        else:
            merged.append((a, b))
    return merged


def _bracket(f: Callable[[Ball], Any], a: Ball, b: Ball) -> Bracket:
    left, right = f(a), f(b)
    is_defined = left is not EMPTY and right is not EMPTY
    changes_sign = is_defined and ((left < 0 and right > 0) or (left > 0 and right < 0))
    return Bracket(a, b, proved=bool(changes_sign))
