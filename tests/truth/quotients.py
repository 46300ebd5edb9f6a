"""An independent route to one-sided derivatives: difference quotients with hundreds of digits.

A Program is evaluated in mpmath, without balls, series or derivatives. Steps of 1e-20, 1e-30,
1e-40 ... times the spacing of the doubles at the point show the leading behaviour of
f(x0 + s·t) - f(x0) for s = ±1 and small t > 0. A difference that cancels to almost nothing counts
as zero. An answer that is unclear, or contradicts a truth, is computed again with more digits and
other steps.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

import mpmath

from fuzz.quotients import Shape
from symdiff.program import Program
from symdiff.truth.kinds import Kind, Truth
from symdiff.truth.one_sided import LIMIT_NOT_DECIDED
from tests.truth.walk import (
    Coordinate,
    Number,
    Reals,
    UnclearError,
    UndefinedError,
    Walk,
    dependent_nodes,
)

_SAME: Final = mpmath.mpf(10) ** -30  # relative difference of quotients that have converged
_CLOSE: Final = 1e-9  # relative difference of equal slopes
_SMALLEST: Final = 5e-324
_LARGEST: Final = 1.7976931348623157e308


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """One side of a point.

    Attributes
    ----------
    shape
        The behaviour.
    slope
        The one-sided derivative: infinite, with its sign, for a jump or a vertical tangent.
    limit
        The limit of the value: infinite for a pole.
    """

    shape: Shape
    slope: Number | None = None
    limit: Number | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """The result of the difference quotients at a point.

    Attributes
    ----------
    value
        The value at the point, or None if it is undefined there.
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
    """Digits and steps of the difference quotients.

    Attributes
    ----------
    digits
        Digits of all numbers.
    first, ratio
        The first step is 2**-first times the spacing of the doubles at the point, and each
        further step 2**-ratio times the one before.
    steps
        The number of steps.
    at_zero
        The spacing at zero is taken as 2**-at_zero. The true one, 2**-1074, is much smaller than
        the usual distance between kinks.
    digits_of_small
        Digits where the spacing is below 2**-300.
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
_SMALL: Final = -300  # a spacing below 2**-300 needs more digits


def quotients_at(
    program: Program, variable: str, point: Mapping[str, Coordinate], level: int = 0
) -> Answer:
    """Return the result of difference quotients at a point along one variable.

    Parameters
    ----------
    program
        A scalar program.
    variable
        The input to differentiate with respect to.
    point
        For every input a double, a fraction, the text of an exact number, or a zero.
    level
        An index into `LEVELS`.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> answer = quotients_at(parse("abs(x) + floor(x)"), "x", {"x": 0.0})
    >>> answer.left.shape.value, float(answer.left.limit), float(answer.right.slope)
    ('a jump', -1.0, 1.0)
    """
    settings = LEVELS[level]
    # If another coordinate is close to zero, a kink may be equally close to this point.
    spacing = min(_spacing(x, settings.at_zero) for x in point.values())
    digits = settings.digits_of_small if spacing < _SMALL else settings.digits
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
    count = settings.steps + (value is None)
    steps = [
        reals.context.ldexp(1, spacing - settings.first - settings.ratio * k) for k in range(count)
    ]
    start, dependent = inputs[variable], dependent_nodes(program, variable)
    sides = []
    for s in (-1, 1):
        values: list[Number | None] = []
        for t in steps:
            shifted = {**inputs, variable: start + s * t}
            try:
                values.append(Walk(reals, program, shifted, walk, dependent).result())
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
        is_undefined = all(v is None for v in values)
        return Side(Shape.UNDEFINED if is_undefined else Shape.UNCLEAR)
    if value is None:
        limit = _limit(reals, values)
        quotients = [
            reals.subtract(b, a) / (u - t)
            for (a, b), (t, u) in zip(
                itertools.pairwise(values), itertools.pairwise(steps), strict=True
            )
        ]
    else:
        rise = _limit(reals, [reals.subtract(v, value) for v in values])
        limit = None if rise is None else value + rise
        quotients = [reals.subtract(v, value) / t for v, t in zip(values, steps, strict=True)]
        if rise and reals.context.isfinite(rise):
            return Side(Shape.JUMP, reals.context.inf * rise * steps[0], limit)
    if limit is None:
        return Side(Shape.UNCLEAR)
    if not reals.context.isfinite(limit):
        return Side(Shape.POLE, None, limit)
    slope = _limit(reals, quotients)
    if slope is None:
        return Side(Shape.UNCLEAR, None, limit)
    is_finite = reals.context.isfinite(slope)
    return Side(Shape.SLOPE if is_finite else Shape.VERTICAL, slope, limit)


def _limit(reals: Reals, numbers: Sequence[Number]) -> Number | None:
    """Return the limit of numbers along geometric steps, perhaps infinite, or None if unclear."""
    gaps = [b - a for a, b in itertools.pairwise(numbers)]
    before, last = numbers[-2:]
    if all(abs(gap) <= _SAME * abs(last) for gap in gaps):
        return last
    growth = [abs(b) / abs(a) if a else reals.context.inf for a, b in itertools.pairwise(gaps)]
    if all(g <= 1 / 4 for g in growth):
        # Aitken extrapolation: exact for limit + constant·step**power.
        limit = last - gaps[-1] ** 2 / (gaps[-1] - gaps[-2])
        return reals.zero if abs(limit) <= abs(last) / 4 else limit
    if all(g >= 4 for g in growth) and abs(last) >= 2 * abs(before):
        return reals.context.sign(last) * reals.context.inf
    # A logarithm, or its square, is a polynomial in the index of the step.
    for _ in range(2):
        if all(gap * gaps[-1] > 0 for gap in gaps) and _is_constant(gaps):
            return reals.context.sign(gaps[-1]) * reals.context.inf
        gaps = [b - a for a, b in itertools.pairwise(gaps)]
    return None


def _is_constant(gaps: Sequence[Number]) -> bool:
    return len(gaps) >= 2 and all(abs(gap - gaps[-1]) <= abs(gaps[-1]) / 1000 for gap in gaps)


# -- comparison with the truth


def contradiction(truth: Truth, answer: Answer) -> str:
    """Return how a proved truth contradicts the quotients, or "" if it does not.

    Parameters
    ----------
    truth
        The truth at a point along one variable.
    answer
        The quotients there. A side without a clear answer contradicts nothing.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> answer = quotients_at(parse("abs(x)"), "x", {"x": 0.0})
    >>> contradiction(Truth(Kind.KINK, -1.0, 1.0), answer)
    ''
    >>> contradiction(Truth(Kind.KINK, 1.0, -1.0), answer)
    'kink: the left slope is 1.0, the quotients say a finite slope -1.0'
    """
    if truth.kind is Kind.UNDECIDED:
        return ""
    if (answer.value is None) and truth.kind not in (Kind.OUTSIDE, Kind.POLE) and answer.is_clear:
        return f"{truth.kind}: the quotients find no value"
    return (
        _kind_contradiction(truth, answer)
        or _number_contradiction(truth, answer)
        or _limit_contradiction(truth, answer)
    )


def _kind_contradiction(truth: Truth, answer: Answer) -> str:
    shapes = [answer.left.shape, answer.right.shape]
    if Shape.UNCLEAR in shapes:
        return ""
    both_finite = shapes == [Shape.SLOPE] * 2
    both_slopes = all(s in (Shape.SLOPE, Shape.VERTICAL) for s in shapes)
    agrees = {
        Kind.SMOOTH: both_finite,
        Kind.PARTIAL: both_finite,
        Kind.KINK: both_finite and not _equal(answer.left.slope, answer.right.slope),
        Kind.VERTICAL: both_slopes and Shape.VERTICAL in shapes,
        Kind.EDGE: shapes.count(Shape.UNDEFINED) == 1
        and not {Shape.POLE, Shape.JUMP} & set(shapes),
        Kind.JUMP: Shape.JUMP in shapes and Shape.POLE not in shapes,
        Kind.POLE: Shape.POLE in shapes,
        Kind.OUTSIDE: answer.value is None
        and (Shape.POLE not in shapes or LIMIT_NOT_DECIDED in truth.detail),
        Kind.ISOLATED: answer.value is not None and shapes == [Shape.UNDEFINED] * 2,
    }
    if agrees[truth.kind]:
        return ""
    return f"{truth.kind}: the quotients say {shapes[0].value} and {shapes[1].value}"


def _equal(a: Number, b: Number) -> bool:
    return abs(a - b) <= 1e-18 * max(abs(a), abs(b))


def _number_contradiction(truth: Truth, answer: Answer) -> str:
    # Where the function has no value, the truth may leave out a one-sided derivative.
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
            quotients = f"the quotients say {side.shape.value}{slope}"
            return f"{truth.kind}: the {which} slope is {number}, {quotients}"
    if truth.kind is Kind.VERTICAL and truth.derivative is not None and truth.left != truth.right:
        return f"{truth.kind}: a derivative {truth.derivative} with two different slopes"
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


def _limit_contradiction(truth: Truth, answer: Answer) -> str:
    """Compare the limits and jumps in a truth's detail with the quotients."""
    sides = {"left": answer.left, "right": answer.right}
    claims: list[tuple[str, float, Number | None]] = []
    for which, number, right in _LIMITS.findall(truth.detail):
        names = ["right"] if right else [which.strip()] if which else ["left", "right"]
        claims += [(name, float(right or number), sides[name].limit) for name in names]
    for number, name in _JUMPS.findall(truth.detail):
        limit = sides[name].limit
        rise = None if limit is None or answer.value is None else limit - answer.value
        claims.append((name, float(number), rise))
    for name, number, quotient in claims:
        if quotient is not None and not abs(quotient - number) <= 1e-7 * abs(quotient) + _SMALLEST:
            return f"{truth.detail}: the quotients say {mpmath.nstr(quotient, 17)} on the {name}"
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
    """Return the contradiction between truth and quotients, or "", and the quotients.

    The levels are tried until the quotients are clear and contradict nothing.

    Parameters
    ----------
    program
        A scalar program.
    variable
        The input to differentiate with respect to.
    point
        As in `quotients_at`.
    truth
        The proved truth there.
    """
    for level in range(len(LEVELS)):
        answer = quotients_at(program, variable, point, level)
        message = contradiction(truth, answer)
        if answer.is_clear and not message:
            break
    return message, answer


# -- gradients near a point

_GRADIENT_DIGITS: Final = 80
_TINY: Final = 24  # a step is 10**-24 times the distance to the point
_SMOOTH: Final = 1e-12  # relative error of the gradient as a prediction of a directional derivative


@dataclasses.dataclass(frozen=True, slots=True)
class NearbyGradient:
    """A gradient near a point, where the function is smooth.

    Attributes
    ----------
    rise
        The value there minus the value at the point.
    gradient
        One number for every variable.
    """

    rise: float
    gradient: tuple[float, ...]


def gradients_near(
    program: Program, point: Mapping[str, Coordinate], directions: Sequence[Sequence[float]]
) -> list[NearbyGradient]:
    """Return the gradients at point + direction, except where the function is not smooth.

    Parameters
    ----------
    program
        A scalar program.
    point
        As in `quotients_at`. The gradient is taken with respect to all of its variables.
    directions
        Offsets from the point, each with a number for every variable.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> nearby = gradients_near(parse("abs(x - y)"), {"x": 1, "y": 1}, [(2e-8, 1e-8)])
    >>> [g.gradient for g in nearby]
    [(1.0, -1.0)]
    """
    reals = _reals(_GRADIENT_DIGITS)
    start = {name: reals.number(x) for name, x in point.items()}
    value_at_point = Walk(reals, program, start).result()
    nearby = []
    for direction in directions:
        offsets = dict(zip(start, map(reals.context.mpf, direction), strict=True))
        shifted = {name: x + offsets[name] for name, x in start.items()}
        walk = Walk(reals, program, shifted)
        value = walk.result()
        part = reals.context.mpf(10) ** -_TINY
        step = max(map(abs, offsets.values())) * part
        gradient = []
        for name, x in shifted.items():
            stepped = Walk(
                reals, program, {**shifted, name: x + step}, walk, dependent_nodes(program, name)
            )
            gradient.append(reals.subtract(stepped.result(), value) / step)
        back = {name: x - offsets[name] * part for name, x in shifted.items()}
        rise = reals.subtract(value, Walk(reals, program, back).result()) / part
        expected = sum(g * offsets[name] for g, name in zip(gradient, shifted, strict=True))
        size = sum(abs(g * offsets[name]) for g, name in zip(gradient, shifted, strict=True))
        if abs(rise - expected) <= _SMOOTH * size:
            nearby.append(
                NearbyGradient(float(value - value_at_point), tuple(map(float, gradient)))
            )
    return nearby
