"""A second route to one-sided slopes: difference quotients with hundreds of digits.

A Program is evaluated in mpmath; no ball, series or
derivative is used.  Steps of 1e-20, 1e-30, 1e-40 ... of the spacing of the doubles at the point
show how f(x0 + s·t) - f(x0) begins.  A result that cancels to almost nothing counts as zero.
What is not clear, or contradicts a truth, is looked at again with more digits and other steps.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

import mpmath

from symdiff.program import Program
from symdiff.truth.kinds import Kind, Truth
from tests.truth.walk import (
    Coordinate,
    Number,
    Reals,
    UnclearError,
    UndefinedError,
    Walk,
    moving_nodes,
)

_SAME: Final = mpmath.mpf(10) ** -30  # relative difference of quotients that have converged
_CLOSE: Final = 1e-9  # relative difference of equal slopes
_SMALLEST: Final = 5e-324
_LARGEST: Final = 1.7976931348623157e308


class Shape(enum.Enum):
    """How a function begins on one side of a point."""

    SLOPE = "a finite slope"
    VERTICAL = "an infinite slope"
    JUMP = "a jump"
    POLE = "a pole"
    UNDEFINED = "undefined"
    UNCLEAR = "no clear answer"


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """One side of a point.

    Attributes
    ----------
    shape
        How the function begins.
    slope
        Its slope, with the sign of infinity for a jump or a vertical tangent.
    limit
        Of the value, infinite for a pole.
    """

    shape: Shape
    slope: Number | None = None
    limit: Number | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What the quotients say.

    Attributes
    ----------
    value
        At the point; None: undefined.
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


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """How closely to look.

    Attributes
    ----------
    digits
        Of all numbers.
    first, ratio
        The first step is 2**-first of the spacing of the doubles, each next one 2**-ratio of
        the one before.
    steps
        How many.
    at_zero
        The spacing at zero is 2**-at_zero: the doubles there are close, the kinks are not.
    digits_of_small
        Where the spacing is below 1e-90.
    """

    digits: int
    first: int
    ratio: int
    steps: int
    at_zero: int
    digits_of_small: int


LEVELS: Final = (
    Level(200, 66, 33, 3, 52, 480),
    Level(600, 80, 33, 5, 52, 900),
    Level(1200, 130, 20, 5, 1074, 1200),
)
_SMALL: Final = -300  # a spacing of 2**-300


def at(program: Program, variable: str, point: Mapping[str, Coordinate], level: int = 0) -> Answer:
    """Return what difference quotients say about one point along one variable.

    Parameters
    ----------
    program
        The expression.
    variable
        The input that moves.
    point
        For every input a double, a fraction, the text of an exact number, or a zero.
    level
        An index into `LEVELS`.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> answer = at(parse("abs(x) + floor(x)"), "x", {"x": 0.0})
    >>> answer.left.shape.value, float(answer.left.limit), float(answer.right.slope)
    ('a jump', -1.0, 1.0)
    """
    chosen = LEVELS[level]
    # Another variable that is close to zero may keep a kink close to this point.
    spacing = min(_spacing(x, chosen.at_zero) for x in point.values())
    digits = chosen.digits_of_small if spacing < _SMALL else chosen.digits
    reals = _reals(digits)
    inputs = {name: reals.number(x) for name, x in point.items()}
    walk = Walk(reals, program, inputs)
    try:
        value = walk.result()
    except UndefinedError:
        value = None
    except UnclearError:
        unclear = Side(Shape.UNCLEAR)
        return Answer(None, unclear, unclear)
    count = chosen.steps + (value is None)
    steps = [
        reals.context.ldexp(1, spacing - chosen.first - chosen.ratio * k) for k in range(count)
    ]
    start, moving = inputs[variable], moving_nodes(program, variable)
    sides = []
    for s in (-1, 1):
        values: list[Number | None] = []
        for t in steps:
            moved = Walk(reals, program, {**inputs, variable: start + s * t}, walk, moving)
            try:
                values.append(moved.result())
            except UndefinedError:
                values.append(None)
            except UnclearError:
                break
        sides.append(_side(reals, value, values, [s * t for t in steps]))
    return Answer(value, *sides)


@functools.cache
def _reals(digits: int) -> Reals:
    return Reals(digits)


def _spacing(x: Coordinate, at_zero: int) -> int:
    """Return the exponent of the spacing of the doubles at a coordinate."""
    number = float(_reals(60).number(x))
    return -at_zero if number == 0 else math.frexp(math.ulp(number))[1] - 1


def _side(
    reals: Reals, value: Number | None, values: Sequence[Number | None], steps: Sequence[Number]
) -> Side:
    if len(values) < len(steps):
        return Side(Shape.UNCLEAR)
    if None in values:
        all_of_them = all(v is None for v in values)
        return Side(Shape.UNDEFINED if all_of_them else Shape.UNCLEAR)
    if value is None:
        limit = _tendency(reals, values)
        rises = [
            reals.subtract(b, a) / (u - t)
            for (a, b), (t, u) in zip(
                itertools.pairwise(values), itertools.pairwise(steps), strict=True
            )
        ]
    else:
        above = _tendency(reals, [reals.subtract(v, value) for v in values])
        limit = None if above is None else value + above
        rises = [reals.subtract(v, value) / t for v, t in zip(values, steps, strict=True)]
        if above and reals.context.isfinite(above):
            return Side(Shape.JUMP, reals.context.inf * above * steps[0], limit)
    if limit is None:
        return Side(Shape.UNCLEAR)
    if not reals.context.isfinite(limit):
        return Side(Shape.POLE, None, limit)
    slope = _tendency(reals, rises)
    if slope is None:
        return Side(Shape.UNCLEAR, None, limit)
    finite = reals.context.isfinite(slope)
    return Side(Shape.SLOPE if finite else Shape.VERTICAL, slope, limit)


def _tendency(reals: Reals, numbers: Sequence[Number]) -> Number | None:
    """Return what numbers along geometric steps tend to, perhaps infinity; None: not clear."""
    gaps = [b - a for a, b in itertools.pairwise(numbers)]
    before, last = numbers[-2:]
    if all(abs(gap) <= _SAME * abs(last) for gap in gaps):
        return last
    growth = [abs(b) / abs(a) if a else reals.context.inf for a, b in itertools.pairwise(gaps)]
    if all(g <= 1 / 4 for g in growth):
        # Aitken: exact for one power of the step
        limit = last - gaps[-1] ** 2 / (gaps[-1] - gaps[-2])
        return reals.zero if abs(limit) <= abs(last) / 4 else limit
    if all(g >= 4 for g in growth) and abs(last) >= 2 * abs(before):
        return reals.context.sign(last) * reals.context.inf
    # a logarithm, or its square: a polynomial in the number of the step
    for _ in range(2):
        if all(gap * gaps[-1] > 0 for gap in gaps) and _is_constant(gaps):
            return reals.context.sign(gaps[-1]) * reals.context.inf
        gaps = [b - a for a, b in itertools.pairwise(gaps)]
    return None


def _is_constant(gaps: Sequence[Number]) -> bool:
    return len(gaps) >= 2 and all(abs(gap - gaps[-1]) <= abs(gaps[-1]) / 1000 for gap in gaps)


# -- against the truth


def contradiction(truth: Truth, answer: Answer) -> str:
    """Return in what a proved truth differs from the quotients; "" where it does in nothing.

    Parameters
    ----------
    truth
        Of a point along one variable.
    answer
        Of the quotients there. A side without a clear answer contradicts nothing.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> answer = at(parse("abs(x)"), "x", {"x": 0.0})
    >>> contradiction(Truth(Kind.KINK, -1.0, 1.0), answer)
    ''
    >>> contradiction(Truth(Kind.KINK, 1.0, -1.0), answer)
    'kink: the left slope is 1.0, the quotients say a finite slope -1.0'
    """
    if truth.kind is Kind.UNDECIDED:
        return ""
    if (answer.value is None) and truth.kind not in (Kind.OUTSIDE, Kind.POLE) and answer.is_clear:
        return f"{truth.kind}: the quotients find no value"
    return _of_kind(truth, answer) or _of_numbers(truth, answer) or _of_limits(truth, answer)


def _of_kind(truth: Truth, answer: Answer) -> str:
    shapes = [answer.left.shape, answer.right.shape]
    if Shape.UNCLEAR in shapes:
        return ""
    slopes = shapes == [Shape.SLOPE] * 2
    finite_or_not = all(s in (Shape.SLOPE, Shape.VERTICAL) for s in shapes)
    agrees = {
        Kind.SMOOTH: slopes,
        Kind.KINK: slopes and not _equal(answer.left.slope, answer.right.slope),
        Kind.VERTICAL: finite_or_not and Shape.VERTICAL in shapes,
        Kind.EDGE: shapes.count(Shape.UNDEFINED) == 1
        and not {Shape.POLE, Shape.JUMP} & set(shapes),
        Kind.JUMP: Shape.JUMP in shapes and Shape.POLE not in shapes,
        Kind.POLE: Shape.POLE in shapes,
        Kind.OUTSIDE: Shape.POLE not in shapes
        and (answer.value is None or shapes == [Shape.UNDEFINED] * 2),
    }
    if agrees[truth.kind]:
        return ""
    return f"{truth.kind}: the quotients say {shapes[0].value} and {shapes[1].value}"


def _equal(a: Number, b: Number) -> bool:
    return abs(a - b) <= 1e-18 * max(abs(a), abs(b))


def _of_numbers(truth: Truth, answer: Answer) -> str:
    # Where the function has no value, a slope may be left out.
    strict = answer.value is not None and truth.kind is not Kind.OUTSIDE
    claims = [("left", truth.left, answer.left), ("right", truth.right, answer.right)]
    if truth.kind is Kind.SMOOTH:
        claims += [
            ("left", truth.derivative, answer.left),
            ("right", truth.derivative, answer.right),
        ]
    if truth.kind is Kind.EDGE:
        existing = answer.left if answer.right.shape is Shape.UNDEFINED else answer.right
        claims.append(("only", truth.derivative, existing))
    for which, number, side in claims:
        if side.shape is not Shape.UNCLEAR and not _fits(number, side, strict=strict):
            slope = "" if side.slope is None else f" {mpmath.nstr(side.slope, 17)}"
            said = f"the quotients say {side.shape.value}{slope}"
            return f"{truth.kind}: the {which} slope is {number}, {said}"
    if truth.kind is Kind.VERTICAL and truth.derivative is not None and truth.left != truth.right:
        return f"{truth.kind}: a derivative {truth.derivative} of two slopes"
    return ""


def _fits(number: float | None, side: Side, *, strict: bool) -> bool:
    if number is None:
        return not strict or side.shape in (Shape.UNDEFINED, Shape.POLE)
    if side.slope is None:
        return False
    if math.isinf(number):
        return (side.slope > 0) == (number > 0) and abs(side.slope) > _LARGEST
    return bool(abs(side.slope - number) <= _CLOSE * abs(side.slope) + _SMALLEST)


_LIMITS: Final = re.compile(
    r"the (left |right )?(?:limit|one) is (\S+?)(?=,|$)|the right one (\S+)"
)
_JUMPS: Final = re.compile(r"by (\S+) to the (left|right)")
_INFINITE: Final = re.compile(
    r"the value tends to (?:([+-])inf(?: on the (left|right))?(?:, ([+-])inf on the right)?)$"
)


def _of_limits(truth: Truth, answer: Answer) -> str:
    """Compare the numbers in a truth's detail."""
    sides = {"left": answer.left, "right": answer.right}
    claims: list[tuple[str, float, Number | None]] = []
    for which, number, right in _LIMITS.findall(truth.detail):
        names = ["right"] if right else [which.strip()] if which else ["left", "right"]
        claims += [(name, float(right or number), sides[name].limit) for name in names]
    for number, name in _JUMPS.findall(truth.detail):
        limit = sides[name].limit
        rise = None if limit is None or answer.value is None else limit - answer.value
        claims.append((name, float(number), rise))
    for name, number, found in claims:
        if found is not None and not abs(found - number) <= 1e-7 * abs(found) + _SMALLEST:
            return f"{truth.detail}: the quotients say {mpmath.nstr(found, 17)} on the {name}"
    infinite = _INFINITE.search(truth.detail)
    if infinite is None:
        return ""
    sign, name, right = infinite.groups()
    signs = {name or "left": sign, "right": right or (None if name == "left" else sign)}
    for name, side in sides.items():
        if side.shape is Shape.UNCLEAR:
            continue
        if (side.shape is Shape.POLE) != bool(signs.get(name)):
            return f"{truth.detail}: the quotients say {side.shape.value} on the {name}"
        if side.shape is Shape.POLE and (side.limit > 0) != (signs[name] == "+"):
            return f"{truth.detail}: the quotients say {side.limit} on the {name}"
    return ""


def compare(
    program: Program, variable: str, point: Mapping[str, Coordinate], truth: Truth
) -> tuple[str, Answer]:
    """Return the contradiction that is left at the closest look, and the answer there.

    Parameters
    ----------
    program
        The expression.
    variable
        The input that moves.
    point
        As in `at`.
    truth
        What was proved there.
    """
    for level in range(len(LEVELS)):
        answer = at(program, variable, point, level)
        found = contradiction(truth, answer)
        if answer.is_clear and not found:
            break
    return found, answer


# -- gradients beside a point

_GRADIENT_DIGITS: Final = 80
_TINY: Final = 24  # a step is so many digits below the distance to the point
_SMOOTH: Final = 1e-12  # relative difference between a slope and that along another line


@dataclasses.dataclass(frozen=True, slots=True)
class Slopes:
    """A gradient beside a point, where the function is smooth.

    Attributes
    ----------
    rise
        The value there, less the value at the point itself.
    gradient
        One number for every variable.
    """

    rise: float
    gradient: tuple[float, ...]


def gradients_beside(
    program: Program, point: Mapping[str, Coordinate], directions: Sequence[Sequence[float]]
) -> list[Slopes]:
    """Return gradients at point + direction, leaving out where the function is not smooth.

    Parameters
    ----------
    program
        The expression.
    point
        As in `at`; all of its variables are differentiated.
    directions
        Offsets from the point, each with a number for every variable.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> beside = gradients_beside(parse("abs(x - y)"), {"x": 1, "y": 1}, [(2e-8, 1e-8)])
    >>> [g.gradient for g in beside]
    [(1.0, -1.0)]
    """
    reals = _reals(_GRADIENT_DIGITS)
    start = {name: reals.number(x) for name, x in point.items()}
    middle = Walk(reals, program, start).result()
    found = []
    for direction in directions:
        offsets = dict(zip(start, map(reals.context.mpf, direction), strict=True))
        place = {name: x + offsets[name] for name, x in start.items()}
        walk = Walk(reals, program, place)
        value = walk.result()
        part = reals.context.mpf(10) ** -_TINY
        step = max(map(abs, offsets.values())) * part
        gradient = []
        for name, x in place.items():
            moved = Walk(
                reals, program, {**place, name: x + step}, walk, moving_nodes(program, name)
            )
            gradient.append(reals.subtract(moved.result(), value) / step)
        back = {name: x - offsets[name] * part for name, x in place.items()}
        rise = reals.subtract(value, Walk(reals, program, back).result()) / part
        expected = sum(g * offsets[name] for g, name in zip(gradient, place, strict=True))
        size = sum(abs(g * offsets[name]) for g, name in zip(gradient, place, strict=True))
        if abs(rise - expected) <= _SMOOTH * size:
            found.append(Slopes(float(value - middle), tuple(map(float, gradient))))
    return found
