"""Certified isolation of zeros: bisection with balls, which never drops a zero silently."""

from __future__ import annotations

import collections
import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Final

import flint

from symdiff.arithmetics.balls import EMPTY, PRECISION, Ball

MAX_BOXES: Final = 600  # enclosures computed for one switch on one line
BOXES_EACH: Final = 150  # what refining a simple zero takes
MAX_BRACKETS: Final = 64  # beyond, they are not refined
_RELATIVE_WIDTH = 2.0**-58  # finer than the doubles, so that a bracket names its nearest one
_SMALLEST_WIDTH = 2.0**-200
_EARLY = 8  # of the whole interval: from an eighth on it is worth asking whether f is monotone
_STEPS = 12
_PATIENCE = 48  # enclosures in a row that exclude nothing,
_DEEP = 2**20  # in intervals so much narrower than the whole
_MUCH_NARROWER = flint.arb(2) ** -60  # than where Newton's iteration began: then it has converged


@dataclasses.dataclass(frozen=True, slots=True)
class Bracket:
    """An interval outside of which there is no zero.

    `proved` says that the function changes sign across it, so that it holds one at least.
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
        """The double nearest to the middle."""
        with flint.ctx.workprec(PRECISION):
            return float(((self.low + self.high) / 2).mid())


def isolate(
    f: Callable[[Ball], Any],
    low: Ball,
    high: Ball,
    budget: int = MAX_BOXES,
    slope: Callable[[Ball], Ball | None] = lambda _: None,
) -> list[Bracket]:
    """Return brackets that together hold every zero of f on [low, high].

    Parameters
    ----------
    f
        Encloses the function on a ball, or returns `EMPTY`.
    low, high
        The ends, exact balls.
    budget
        How many enclosures may be computed, and about as many again to refine what is found;
        what is open then becomes wide brackets.
    slope
        Encloses the derivative on a ball; None: not known there.

    Examples
    --------
    >>> brackets = isolate(lambda x: x * x - 2, flint.arb(0), flint.arb(2))
    >>> [(b.middle, b.proved) for b in brackets]
    [(1.4142135623730951, True)]
    """
    with flint.ctx.workprec(PRECISION):
        coarse = merge(_bisect(f, low, high, budget, slope))
        if len(coarse) > MAX_BRACKETS:
            return [_bracket(f, a, b) for a, b in coarse]
        # A crowd of zeros, or a stubborn one, has eaten the budget: give each its share again.
        share = max(BOXES_EACH, budget // max(1, len(coarse)))
        fine: list[tuple[Ball, Ball]] = []
        for a, b in coarse:
            is_done = b - a <= (high - low) * _MUCH_NARROWER
            fine.extend([(a, b)] if is_done else merge(_bisect(f, a, b, share, slope)))
        return [_bracket(f, a, b) for a, b in fine]


def _bisect(
    f: Callable[[Ball], Any],
    low: Ball,
    high: Ball,
    budget: int,
    slope: Callable[[Ball], Ball | None],
) -> list[tuple[Ball, Ball]]:
    """Return the intervals in which no zero could be excluded, breadth first.

    Where f is monotone one zero at most is left: Newton's iteration goes straight to it. Where
    narrow intervals are halved and nothing is ever excluded, this precision says no more.
    """
    waiting = collections.deque([(low, high)])
    width = high - low
    in_vain = 0
    closed: list[tuple[Ball, Ball]] = []
    for _ in range(budget):
        if not waiting:
            break
        a, b = waiting.popleft()
        value = f(a.union(b))
        if value is EMPTY or value > 0 or value < 0:
            in_vain = 0
            continue
        in_vain += 1
        if in_vain > _PATIENCE and (b - a) * _DEEP < width:
            return [*closed, (a, b), *waiting]
        middle = ((a + b) / 2).mid()
        if b - a <= _smallest(a, b) or middle <= a or middle >= b:
            closed.append((a, b))
        elif (b - a) * _EARLY < width and (found := _monotone(f, slope, a, b)) is not None:
            closed.extend(found)
        else:
            waiting.extend([(a, middle), (middle, b)])
    return [*closed, *waiting]


def _monotone(
    f: Callable[[Ball], Any], slope: Callable[[Ball], Ball | None], a: Ball, b: Ball
) -> list[tuple[Ball, Ball]] | None:
    """Return a narrow bracket, or none, where f is monotone on [a, b]; None: not proved.

    Source: interval Newton as in Moore, Kearfott & Cloud 2009, section 8.1.
    """
    inclination = _sign_definite(slope(a.union(b)))
    if inclination is None:
        return None
    if _has_no_sign(f(a)) or _has_no_sign(f(b)):  # the zero may stand at an end: go beyond it
        a, b = a - (b - a) / 8, b + (b - a) / 8
        inclination = _sign_definite(slope(a.union(b)))
    left, right = f(a), f(b)
    if inclination is None or _has_no_sign(left) or _has_no_sign(right):
        return None
    if bool(left > 0) == bool(right > 0):
        return []
    start = b - a
    for _ in range(_STEPS):
        if b - a <= _smallest(a, b):
            break
        middle = a.union(b).mid()
        step = middle - f(middle) / inclination
        low, high = max(a, step.lower()), min(b, step.upper())
        if not low <= high or not (high - low) * 2 < b - a:
            break  # as narrow as this precision allows
        a, b = low, high
        inclination = _sign_definite(slope(a.union(b))) or inclination
    return [(a, b)] if b - a <= start * _MUCH_NARROWER else None


def _sign_definite(slope: Ball | None) -> Ball | None:
    return slope if slope is not None and (slope > 0 or slope < 0) else None


def _has_no_sign(value: Any) -> bool:  # noqa: ANN401  (a ball or EMPTY)
    return value is EMPTY or not (value > 0 or value < 0)


def _smallest(a: Ball, b: Ball) -> Ball:
    scale = max(abs(float(a)), abs(float(b)))
    return flint.arb(max(scale * _RELATIVE_WIDTH, _SMALLEST_WIDTH))


def merge(intervals: list[tuple[Ball, Ball]]) -> list[tuple[Ball, Ball]]:
    """Join intervals that touch; the ends are exact balls."""

    # Compared as balls: intervals narrower than a double would tie as floats, and overlap lost.
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
    known = left is not EMPTY and right is not EMPTY
    changes = known and ((left < 0 and right > 0) or (left > 0 and right < 0))
    return Bracket(a, b, proved=bool(changes))
