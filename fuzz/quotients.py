"""One-sided slopes, limits and jumps from difference quotients with hundreds of digits.

The function is evaluated at x0 + s·t for steps t = t0, t0·r, t0·r**2, ...; the leading behaviour of
f(x0 + s·t) - f(x0) is extrapolated to t = 0 (Richardson 1911; Aitken 1926 where the power is not
known beforehand). An answer that is not clear is computed again with smaller steps and more digits.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

from fuzz.reals import Number, Reals, UnclearError, UndefinedError
from fuzz.trees import Tree
from fuzz.values import Values


class Shape(enum.Enum):
    """The behaviour of a function on one side of a point."""

    SLOPE = "a finite slope"
    VERTICAL = "an infinite slope"
    JUMP = "a jump"
    POLE = "a pole"
    UNDEFINED = "undefined"
    UNCLEAR = "no clear answer"


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """One side of a point: its shape, the one-sided derivative, and the limit of the value."""

    shape: Shape
    slope: Number | None = None
    limit: Number | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """The behaviour of a function at a point, by difference quotients.

    Attributes
    ----------
    value
        The value at the point; None where it is undefined.
    left, right
        The two sides.
    """

    value: Number | None
    left: Side
    right: Side

    @property
    def is_clear(self) -> bool:
        """Whether both sides have a clear answer."""
        return Shape.UNCLEAR not in (self.left.shape, self.right.shape)

    @property
    def is_smooth(self) -> bool:
        """Whether both one-sided derivatives are finite and equal."""
        slopes = self.left.shape is self.right.shape is Shape.SLOPE and self.value is not None
        return slopes and close(self.left.slope, self.right.slope)


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """The digits and the steps of one attempt.

    The k-th step is ``2**-(first + ratio*k)`` times the spacing of the doubles at the point, for k
    below `count`.
    """

    digits: int
    first: int
    ratio: int
    count: int
    at_zero: int  # at 0 the spacing counts as 2**-at_zero: other kinks are seldom nearer


LEVELS: Final = (
    Level(400, 70, 33, 4, 52),
    Level(900, 90, 43, 5, 52),
    Level(1300, 400, 37, 6, 1074),
)
# Least growth from step to step, relative to the values, that counts as growth without a bound:
# erf(t**-1e-16) has the limit 1 at t = 0, and grows at all steps.
_SLOWEST: Final = 1e-6
_CONVERGED: Final = Fraction(1, 2**90)  # relative difference of numbers that have converged
_CLOSE: Final = Fraction(1, 2**60)  # relative difference of slopes that count as equal
_SMALL_SPACING: Final = -100  # below this exponent of the spacing more digits are used


class SlowInfinity(float):
    """The limit of values that grow like a logarithm at all steps: a large bound may stop them."""


def close(x: Number, y: Number) -> bool:
    """Return whether two slopes are equal, up to a relative difference of 2**-60."""
    return bool(abs(x - y) <= float(_CLOSE) * max(abs(x), abs(y)))


@functools.cache
def _reals(digits: int) -> Reals:
    return Reals(digits)


def quotients(
    tree: Tree, inputs: Mapping[str, Any], along: tuple[str, Any], level: int = 0
) -> Answer:
    """Return the behaviour along one variable, or one component of it.

    Parameters
    ----------
    tree
        The program; its value is a number.
    inputs
        A fraction, a function of `Reals`, or an array of fractions for every variable.
    along
        The variable, and the index of the component; () for a number.
    level
        An index into `LEVELS`.
    """
    settings = LEVELS[level]
    spacing = min(
        _spacing(x, settings.at_zero) for entry in inputs.values() for x in np.ravel(entry)
    )
    # The smallest differences are of the size of the square of a step.
    reals = _reals(settings.digits + max(0, _SMALL_SPACING - spacing) * 2 // 3)
    reals.absorbs = False
    start = {name: _read(reals, x) for name, x in inputs.items()}
    here = Values(reals, start)
    try:
        value = here.number(tree)
    except UndefinedError:
        value = None
    except UnclearError:
        unclear = Side(Shape.UNCLEAR)
        return Answer(None, unclear, unclear)
    steps = [
        Fraction(2) ** (spacing - settings.first - settings.ratio * k)
        for k in range(settings.count + (value is None))
    ]
    sides = []
    for s in (-1, 1):
        values: list[Number | None] = []
        for t in steps:
            moved = {**start, along[0]: _moved(reals, start[along[0]], along[1], s * t)}
            try:
                values.append(Values(reals, moved, here.held).number(tree))
            except UndefinedError:
                values.append(None)
            except UnclearError:
                break
        try:
            sides.append(_side(reals, value, values, [s * t for t in steps]))
        except UnclearError:
            sides.append(Side(Shape.UNCLEAR))
    return Answer(value, *sides)


def _read(reals: Reals, x: Any) -> Any:
    return x(reals) if callable(x) else x


def _moved(reals: Reals, x: Any, index: Any, step: Fraction) -> Any:
    if not isinstance(x, np.ndarray):
        return reals.add(x, step)
    moved = x.copy()
    moved[index] = reals.add(x[index], step)
    return moved


def _spacing(x: Any, at_zero: int) -> int:
    """Return the exponent of the spacing of the doubles at a coordinate."""
    size = abs(float(x(_reals(60)) if callable(x) else x))
    return -at_zero if size == 0 else math.frexp(math.ulp(size))[1] - 1


def _side(
    reals: Reals, value: Number | None, values: Sequence[Number | None], steps: Sequence[Fraction]
) -> Side:
    if len(values) < len(steps):
        return Side(Shape.UNCLEAR)
    if None in values:
        return Side(Shape.UNDEFINED if set(values) == {None} else Shape.UNCLEAR)
    if value is None:
        limit = limit_of(reals, values)
        pairs = zip(itertools.pairwise(values), itertools.pairwise(steps), strict=True)
        slopes = [_quotient(reals, b, a, u - t) for (a, b), (t, u) in pairs]
    else:
        rises = [_difference(reals, v, value) for v in values]
        rise = limit_of(reals, rises)
        slopes = [reals.divide(r, t) for r, t in zip(rises, steps, strict=True)]
        if rise is not None and rise != 0 and _is_finite(rise):
            return Side(
                Shape.JUMP, math.inf if (rise > 0) == (steps[0] > 0) else -math.inf, value + rise
            )
        limit = None if rise is None else value + rise if _is_finite(rise) else rise
    if limit is None:
        return Side(Shape.UNCLEAR)
    if not _is_finite(limit):
        return Side(Shape.POLE, None, limit)
    slope = limit_of(reals, slopes)
    if slope is None:
        return Side(Shape.UNCLEAR, None, limit)
    return Side(Shape.SLOPE if _is_finite(slope) else Shape.VERTICAL, slope, limit)


def _difference(reals: Reals, x: Number, y: Number) -> Number:
    """Return x - y; 0 if it is below the rounding errors.

    Raises
    ------
    UnclearError
        It is, and a summand that was too small to be kept may be what differs.
    """
    if isinstance(x, Fraction) and isinstance(y, Fraction):
        return x - y
    difference = reals.float(x) - reals.float(y)
    size = max(abs(reals.float(x)), abs(reals.float(y)))
    if abs(difference) * reals.context.ldexp(1, int(0.9 * reals.bits)) >= size:
        return difference
    if reals.absorbs:
        raise UnclearError
    return Fraction(0)


def _quotient(reals: Reals, b: Number, a: Number, step: Fraction) -> Number:
    return reals.divide(_difference(reals, b, a), step)


def _is_finite(x: Number) -> bool:
    return isinstance(x, Fraction) or not (isinstance(x, float) and math.isinf(x))


def limit_of(reals: Reals, numbers: Sequence[Number]) -> Number | None:
    """Return the limit of numbers along geometric steps, perhaps infinite; None if unclear."""
    floats = [reals.float(x) for x in numbers]
    if all(x == 0 for x in floats):
        return reals.context.zero
    gaps = [b - a for a, b in itertools.pairwise(floats)]
    last, size = floats[-1], max(map(abs, floats))
    tiny = float(_CONVERGED)
    if all(abs(gap) <= tiny * abs(last) for gap in gaps[1:]):
        return last
    if any(gap == 0 for gap in gaps):
        return None
    growth = [abs(b) / abs(a) for a, b in itertools.pairwise(gaps)]
    if all(g <= 0.25 for g in growth):
        limit = last - gaps[-1] ** 2 / (gaps[-1] - gaps[-2])
        return reals.context.zero if abs(limit) <= max(abs(last) / 4, tiny * size) else limit
    if all(g >= 4 for g in growth) and abs(last) >= 2 * abs(floats[-2]):
        return math.inf if last > 0 else -math.inf
    for _ in range(2):  # a logarithm, or its square, is a polynomial in the index of the step
        if abs(gaps[-1]) < size * _SLOWEST:
            return None
        if len(gaps) >= 2 and all(g * gaps[-1] > 0 for g in gaps) and _is_constant(gaps):
            return SlowInfinity(math.inf if gaps[-1] > 0 else -math.inf)
        gaps = [b - a for a, b in itertools.pairwise(gaps)]
    return None


def _is_constant(gaps: Sequence[Number]) -> bool:
    return all(abs(gap - gaps[-1]) <= abs(gaps[-1]) / 1000 for gap in gaps)
