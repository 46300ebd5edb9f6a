"""Decide the truth at one point along one variable, from the germs on both sides.

Source: one-sided derivatives as in Clarke 1983, section 2.1.  In one variable, the Clarke
subdifferential of a function without oscillation is the interval between its one-sided derivatives.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Final

from symdiff.arithmetics.extended import infinity_as_text
from symdiff.arithmetics.reading import detached_values
from symdiff.arithmetics.series.analytic import analytic_germs, mirrored
from symdiff.arithmetics.series.germs import (
    Budget,
    Exponential,
    Infinite,
    Oscillation,
    Outside,
    Unknown,
    Value,
    evaluate,
)
from symdiff.arithmetics.series.puiseux import (
    Algebra,
    Germ,
    OrderError,
    affine_germ,
    constant_germ,
    flat_germ,
    too_short,
)
from symdiff.arithmetics.series.reals import (
    Real,
    UndecidedError,
    nearest,
    nearest_or_none,
    scientific,
)
from symdiff.program import Program
from symdiff.truth.constant_parts import constant_parts
from symdiff.truth.kinds import TENDS, Kind, Truth, overflow_detail
from symdiff.truth.oscillating_sides import oscillating_side
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
    germs = _Germs(program, variable, point, detached, limits)
    germs.germ(1, limits.orders[0])  # first, since the other sides reuse its analytic germs
    value = germs.germ(0, limits.orders[0])
    left, right = germs.side(-1, value), germs.side(1, value)
    try:
        along = f" along {variable}" if len(program.inputs) > 1 else ""
        truth = _classify(value, left, right, limits.bits, along)
        return _with_sizes(truth, left, right)
    except UndecidedError as error:
        return Truth(Kind.UNDECIDED, detail=str(error))


def _with_sizes(truth: Truth, left: Side, right: Side) -> Truth:
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


def side_along(
    program: Program,
    curve: Mapping[str, Value],
    value: Value,
    budget: Budget,
    detached: Mapping[int, Value],
) -> Side:
    """Return the behaviour of a program along a curve that starts at a point.

    Parameters
    ----------
    program
        The expression.
    curve
        For every input its germ along the curve, as a function of t > 0.
    value
        The value at the point.
    budget
        Limits on the precision, the order of series and the work.
    detached
        The values of the detached nodes; see `detached_at`.
    """

    def germ(order: int) -> Value:
        return evaluate(program, curve, order, budget, held=detached)

    return _from_shortest(germ, value, 1, budget)


def _from_shortest(germ_of: Callable[[int], Value], value: Value, s: int, budget: Budget) -> Side:
    """Return the behaviour on one side, from the shortest series that decides it.

    `germ_of` returns the series of the function up to an order.
    """
    side = Side(Kind.UNDECIDED, reason="no series was tried")
    for order in budget.orders:
        germ = germ_of(order)
        try:
            side = _described(germ, value, s, Algebra(order, budget.bits))
        except OrderError as error:
            side = Side(Kind.UNDECIDED, reason=str(error))
            continue
        except UndecidedError as error:
            return Side(Kind.UNDECIDED, reason=str(error))
        if not (isinstance(germ, Unknown) and germ.order):
            break
    return side


@dataclasses.dataclass(frozen=True, slots=True)
class _Germs:
    """The germs of a program at a point along one variable, computed when they are needed.

    Attributes
    ----------
    detached
        The values of the detached nodes, which count as constants.
    analytic
        By order of the series, the right-hand germs of the nodes that are analytic at the point.
    cache
        The germs computed so far, by side and order.
    """

    program: Program
    variable: str
    point: Mapping[str, Real]
    detached: Mapping[int, Value]
    budget: Budget
    analytic: dict[int, dict[int, Germ]] = dataclasses.field(default_factory=dict)
    cache: dict[tuple[int, int], Value] = dataclasses.field(default_factory=dict)

    def germ(self, s: int, order: int) -> Value:
        """Return the germ on the right (s = 1) or the left (s = -1), or for s = 0 the value."""
        if (s, order) not in self.cache:
            self.cache[s, order] = self._germ(s, order)
        return self.cache[s, order]

    def _germ(self, s: int, order: int) -> Value:
        inputs = self._inputs(s)
        if s > 0 and not self.detached:
            nodes: dict[int, Value] = {}
            germ = evaluate(self.program, inputs, order, self.budget, cache=nodes)
            self.analytic[order] = analytic_germs(self.program, nodes)
            return germ
        analytic = self.analytic.get(order, {})
        reused = {i: mirrored(g) if s else constant_germ(g.constant) for i, g in analytic.items()}
        return evaluate(self.program, inputs, order, self.budget, held={**reused, **self.detached})

    def _inputs(self, s: int) -> dict[str, Value]:
        inputs: dict[str, Value] = {name: constant_germ(x) for name, x in self.point.items()}
        if s and self.variable in self.point:  # an infinite coordinate does not move
            inputs[self.variable] = affine_germ(self.point[self.variable], Real.of(s))
        return inputs

    def side(self, s: int, value: Value) -> Side:
        """Return the behaviour on one side, from the shortest series that decides it.

        If no series does, the parts that seem to be constant are proved to be constant.
        """
        side = _from_shortest(lambda order: self.germ(s, order), value, s, self.budget)
        constants = self._constants(s) if side.kind is Kind.UNDECIDED else {}
        if not constants:
            return side
        inputs, held = self._inputs(s), {**constants, **self.detached}
        return _from_shortest(
            lambda order: evaluate(self.program, inputs, order, self.budget, held=held),
            value,
            s,
            self.budget,
        )

    def _constants(self, s: int) -> dict[int, Value]:
        """Return the parts that are proved to be constant on one side."""
        nodes: dict[int, Value] = dict(self.detached)
        order = self.budget.orders[0]
        evaluate(self.program, self._inputs(s), order, self.budget, cache=nodes)
        return constant_parts(self.program, self.variable, self.point, nodes)


def detached_at(program: Program, point: Mapping[str, Real], budget: Budget) -> dict[int, Value]:
    """Return the values of the detached nodes, which count as constants, by index."""
    inputs: dict[str, Value] = {name: constant_germ(x) for name, x in point.items()}

    def value(part: Program, held: Mapping[int, Value]) -> Value:
        return evaluate(part, inputs, budget.orders[0], budget, held=held)

    return detached_values(program, value)


def _described(germ: Value, value: Value, s: int, algebra: Algebra) -> Side:
    """Return one side, from its germ and the value at the point.

    Raises
    ------
    OrderError
        The series is too short to decide.
    UndecidedError
        The sign of a coefficient is not proved.
    """
    if isinstance(germ, Unknown):
        return Side(Kind.UNDECIDED, reason=germ.reason)
    if isinstance(germ, Exponential):
        parts = germ.sign if germ.is_large else (Real.of(0), flat_germ(algebra.order))
        return _of_parts(parts, value, s, algebra)
    if isinstance(germ, Oscillation):
        return oscillating_side(germ, value, s, algebra)
    if not isinstance(germ, Germ):
        return Side(Kind.OUTSIDE, reason=_why_undefined(germ))
    return _of_parts(algebra.split(germ), value, s, algebra)


def _of_parts(parts: tuple[Real, Germ] | int, value: Value, s: int, algebra: Algebra) -> Side:
    """Return one side, from the limit and the rest, or from the sign of an infinite limit."""
    if isinstance(parts, int):
        return Side(Kind.POLE, reason="+inf" if parts > 0 else "-inf")
    limit, small = parts
    jump = algebra.sign(limit - value.constant) if isinstance(value, Germ) else 0
    if jump:
        return Side(Kind.JUMP, infinite=jump * s * math.inf, limit=limit)
    return _slope(small, s, limit, algebra)


def _slope(small: Germ, s: int, limit: Real, algebra: Algebra) -> Side:
    """Return one side from its limit and the germ of the function minus that limit."""
    for (e, k), c in small.terms.items():
        if e > 1 or (e == 1 and k < 0):
            break
        if (e, k) == (1, 0):
            slope = c if s > 0 else -c
            return Side(Kind.SMOOTH, slope=slope, limit=limit, curvature=_curvature(small, algebra))
        coefficient_sign = algebra.sign(c)
        if coefficient_sign:
            infinite = coefficient_sign * (-1) ** (k % 2) * s * math.inf
            return Side(Kind.VERTICAL, infinite=infinite, limit=limit)
    if small.order is not None and small.order <= 1:
        message = too_short(small.order)
        raise OrderError(message)
    return Side(Kind.SMOOTH, slope=Real.of(0), limit=limit, curvature=_curvature(small, algebra))


def _curvature(small: Germ, algebra: Algebra) -> float | None:
    """Return the second derivative on this side, or None where it is not known.

    It is infinite where the germ has a term between t and t^2.
    """
    try:
        for (e, k), c in small.terms.items():
            if e < 1 or (e == 1 and k <= 0):
                continue
            if e > 2 or (e == 2 and k < 0):
                break
            if (e, k) == (2, 0):
                return nearest_or_none(c + c)
            coefficient_sign = algebra.sign(c)
            if coefficient_sign:
                return -coefficient_sign * math.inf if k % 2 else coefficient_sign * math.inf
    except UndecidedError:
        return None
    return 0.0 if small.order is None or small.order > 2 else None


def _classify(value: Value, left: Side, right: Side, bits: int, along: str) -> Truth:
    """Return the truth from the value at the point and the behaviour on both sides.

    `along` names the axis where there are several, as in " along x"; else it is "".
    """
    if isinstance(value, Unknown):
        if Kind.POLE in (left.kind, right.kind):  # whatever the value is
            return Truth(Kind.POLE, left.number, right.number, detail=_pole_detail(left, right))
        return Truth(Kind.UNDECIDED, detail=value.reason)
    if not isinstance(value, Germ):
        return _undefined(_why_undefined(value), left, right, bits, along)
    return _defined(value, left, right, bits)


def _why_undefined(value: Value) -> str:
    """Return why a value is not a real number: it is undefined, or the constant inf or -inf."""
    if isinstance(value, Infinite):
        return f"the value is {infinity_as_text(value.sign)}"
    return value.reason if isinstance(value, Outside) else ""


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
