"""Decide the truth at one point along one variable, from the germs on both sides.

Source: one-sided derivatives as in Clarke 1983, section 2.1.  In one variable, the Clarke
subdifferential of a function without oscillation is the interval between its one-sided derivatives.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Final

from symdiff.arithmetics.series.germs import (
    Budget,
    Unknown,
    Value,
)
from symdiff.arithmetics.series.puiseux import (
    Algebra,
    Germ,
)
from symdiff.arithmetics.series.reals import (
    Real,
    UndecidedError,
    nearest,
    scientific,
)
from symdiff.program import Program
from symdiff.truth.kinds import TENDS, Kind, Truth, overflow_detail
from symdiff.truth.side_germs import SideGerms, detached_at, why_undefined
from symdiff.truth.sides import Side

_INFINITIES: Final = (math.inf, -math.inf)

# In the detail of a point at which the function is undefined.
LIMIT_NOT_DECIDED: Final = "the limit is not decided"


def decide(
    program: Program, variable: str, point: Mapping[str, Real], budget: Budget | None = None
) -> Truth:
    """Return the truth at one point along one variable: proved, or `Kind.UNDECIDED`.

    Parameters
    ----------
    program
        The expression.
    variable
        The input to differentiate with respect to.
    point
        The exact coordinates of every input.
    budget
        Limits on the precision, the order of series and the work.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> truth = decide(parse("relu(x) - relu(-x)"), "x", {"x": Real.of(0)})
    >>> truth.kind.label, truth.derivative
    ('smooth', 1.0)
    >>> decide(parse("sin(x)/x"), "x", {"x": Real.of(0)}).detail
    'a division by zero; the limit is 1'
    """
    limits = budget or Budget()
    detached = detached_at(program, point, limits)
    germs = SideGerms(program, variable, point, detached, limits)
    germs.germ(1, limits.orders[0])  # first, since the other sides reuse its analytic germs
    value = germs.germ(0, limits.orders[0])
    left, right = germs.side(-1, value), germs.side(1, value)
    try:
        along = f" along {variable}" if len(program.inputs) > 1 else ""
        truth = classify(value, left, right, limits.bits, along)
        return with_sizes(truth, left, right)
    except UndecidedError as error:
        return Truth(Kind.UNDECIDED, detail=str(error))


def with_sizes(truth: Truth, left: Side, right: Side) -> Truth:
    """Return a truth with the sizes of slopes beyond the largest double in its detail."""
    slopes = {
        "left": left.slope if truth.left in _INFINITIES else None,
        "right": right.slope if truth.right in _INFINITIES else None,
    }
    texts = {which: scientific(slope) for which, slope in slopes.items() if slope is not None}
    if not texts:
        return truth
    if truth.derivative is not None:
        size = next(iter(texts.values()))
    else:
        size = " and ".join(f"{text} on the {which}" for which, text in texts.items())
    phrases = (truth.detail, overflow_detail(size))
    return dataclasses.replace(truth, detail="; ".join(phrase for phrase in phrases if phrase))


def classify(value: Value, left: Side, right: Side, bits: int, along: str) -> Truth:
    """Return the truth from the value at the point and the behaviour on both sides.

    `along` names the axis where there are several, as in " along x"; else it is "".
    """
    if isinstance(value, Unknown):
        if Kind.POLE in (left.kind, right.kind):  # whatever the value is
            return Truth(Kind.POLE, left.number, right.number, detail=_pole_detail(left, right))
        return Truth(Kind.UNDECIDED, detail=value.reason)
    if not isinstance(value, Germ):
        return _undefined(why_undefined(value), left, right, bits, along)
    return _defined(value, left, right, bits)


def _defined(value: Germ, left: Side, right: Side, bits: int) -> Truth:
    """Return the truth at a point at which the function is defined."""
    sides = {side.kind: side for side in (right, left)}
    if Kind.UNDECIDED in sides:
        return Truth(Kind.UNDECIDED, detail=sides[Kind.UNDECIDED].reason)
    if Kind.POLE in sides or Kind.JUMP in sides:
        return _discontinuous(value, left, right)
    if Kind.OSCILLATING in sides:
        return Truth(Kind.OSCILLATING, left.number, right.number, detail=_oscillations(left, right))
    if Kind.OUTSIDE in sides:
        return _edge(left, right)
    if Kind.VERTICAL in sides:
        same = left.infinite == right.infinite
        return Truth(Kind.VERTICAL, left.number, right.number, left.infinite if same else None)
    return _two_slopes(left, right, bits)


def _discontinuous(value: Germ, left: Side, right: Side) -> Truth:
    """Return the truth at a pole or a jump of a function that is defined at the point."""
    numbers = (left.number, right.number)
    if Kind.POLE in (left.kind, right.kind):
        return Truth(Kind.POLE, *numbers, detail=_pole_detail(left, right))
    return Truth(Kind.JUMP, *numbers, detail=_jump_detail(value, left, right))


def _edge(left: Side, right: Side) -> Truth:
    """Return the truth at the boundary of the domain."""
    if left.kind is right.kind:
        return Truth(Kind.ISOLATED, detail=f"undefined on both sides: {right.reason}")
    outside, inside, which = (
        (left, right, "right") if left.kind is Kind.OUTSIDE else (right, left, "left")
    )
    return Truth(
        Kind.EDGE,
        left.number,
        right.number,
        inside.number,
        (left.curvature, right.curvature),
        "; ".join(t for t in (f"{which} side only: {outside.reason}", inside.oscillation) if t),
    )


def _two_slopes(left: Side, right: Side, bits: int) -> Truth:
    """Return the truth at a point with two finite one-sided derivatives: smooth, or a kink."""
    assert left.slope is not None and right.slope is not None  # noqa: S101, PT018  (both smooth)
    curvatures = (left.curvature, right.curvature)
    difference = Algebra(1, bits).sign(right.slope - left.slope)
    oscillation = left.oscillation or right.oscillation
    if difference == 0:
        slope = nearest(left.slope)
        return Truth(Kind.SMOOTH, slope, slope, slope, curvatures, oscillation)
    if oscillation:  # the Clarke set is larger than the interval between the two
        slopes = f"{rounded(left.slope)} and {rounded(right.slope)}"
        detail = f"the one-sided derivatives are {slopes}; {oscillation}"
        return Truth(Kind.UNDECIDED, detail=detail)
    return Truth(Kind.KINK, nearest(left.slope), nearest(right.slope), None, curvatures)


def _undefined(reason: str, left: Side, right: Side, bits: int, along: str) -> Truth:
    """Return the truth at a point at which the function is undefined."""
    if Kind.POLE in (left.kind, right.kind):
        return Truth(Kind.POLE, detail=f"{reason}; {_pole_detail(left, right)}{along}")
    detail = "; ".join(text for text in (reason, _limits(left, right, bits, along)) if text)
    return Truth(Kind.OUTSIDE, left.number, right.number, detail=detail)


def _limits(left: Side, right: Side, bits: int, along: str) -> str:
    """Return the limits on both sides as text, and which of them are not decided."""
    if left.limit is not None and right.limit is not None:
        if Algebra(1, bits).sign(left.limit - right.limit) == 0:
            return f"the limit{along} is {rounded(left.limit)}"
        both = f"{rounded(left.limit)}, the right one {rounded(right.limit)}"
        return f"the left limit{along} is {both}"
    is_same = left.kind is right.kind and left.reason == right.reason
    texts = []
    for which, side in (("left", left), ("right", right)):
        where = "on either side" if is_same else f"on the {which}"
        if side.limit is not None:
            texts.append(f"the {which} limit{along} is {rounded(side.limit)}")
        elif side.kind is Kind.OSCILLATING:
            texts.append(f"no limit {where}: {side.reason}")
        elif side.kind is Kind.UNDECIDED:
            texts.append(f"{LIMIT_NOT_DECIDED} {where}: {side.reason}")
    return "; ".join(dict.fromkeys(texts))


def _oscillations(left: Side, right: Side) -> str:
    """Return the detail of a point at which the function or its quotient oscillates."""
    if left.reason == right.reason:
        return f"{left.reason} on both sides"
    sides = [
        f"{side.reason} on the {which}"
        for which, side in (("left", left), ("right", right))
        if side.kind is Kind.OSCILLATING
    ]
    return "; ".join(sides)


def _pole_detail(left: Side, right: Side) -> str:
    """Return the detail of a pole: the infinity to which the value tends on each side."""
    if left.kind is right.kind and left.reason == right.reason:
        return f"{TENDS} {left.reason}"
    sides = [
        f"{side.reason} on the {which}"
        for which, side in (("left", left), ("right", right))
        if side.kind is Kind.POLE
    ]
    return f"{TENDS} {', '.join(sides)}"


def _jump_detail(value: Germ, left: Side, right: Side) -> str:
    """Return the detail of a jump: by how much the limits differ from the value."""
    sides = [
        f"by {rounded(side.limit - value.constant)} to the {which}"
        for which, side in (("left", left), ("right", right))
        if side.kind is Kind.JUMP and side.limit is not None
    ]
    return f"jumps {' and '.join(sides)}"


def rounded(number: Real) -> str:
    """Return a number as text, with at most nine digits."""
    return f"{nearest(number) + 0.0:.9g}"
