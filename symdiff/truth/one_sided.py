"""The truth at one point along one variable, from the germs on its two sides.

Source: one-sided derivatives as in Clarke 1983, section 2.1; in one variable the Clarke set of
a function without oscillation is the interval between its two slopes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping

from symdiff.arithmetics.series.analytic import analytic_germs, mirrored
from symdiff.arithmetics.series.germs import Budget, Outside, Unknown, Value, evaluate
from symdiff.arithmetics.series.puiseux import Algebra, Germ, OrderError, affine_germ, constant_germ
from symdiff.arithmetics.series.reals import Real, UndecidedError, nearest, nearest_or_none
from symdiff.program import Program
from symdiff.truth.kinds import Kind, Truth


@dataclasses.dataclass(frozen=True, slots=True)
class _Side:
    """How f(x0 + s·t) - f(x0) begins: slope·t, or why it does not."""

    kind: Kind  # smooth: a finite slope; vertical: an infinite one
    slope: Real | None = None
    infinite: float = math.nan  # the slope's infinity
    limit: Real | None = None
    curvature: float | None = None
    reason: str = ""

    @property
    def number(self) -> float | None:
        if self.slope is not None:
            return nearest(self.slope)
        return None if math.isnan(self.infinite) else self.infinite


def decide(
    program: Program, variable: str, point: Mapping[str, Real], budget: Budget | None = None
) -> Truth:
    """Return the truth at one point along one variable: proved, or undecided.

    Parameters
    ----------
    program
        The expression.
    variable
        The input that moves.
    point
        The exact coordinates of every input.
    budget
        Precision, order of series and work.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> truth = decide(parse("relu(x) - relu(-x)"), "x", {"x": Real.of(0)})
    >>> truth.kind.label, truth.derivative
    ('smooth', 1.0)
    >>> decide(parse("sin(x)/x"), "x", {"x": Real.of(0)}).detail
    'a division by zero; the limit is 1'
    """
    spent = budget or Budget()
    held = dict(_held(program, point, spent))
    place = _Place(program, variable, point, held, spent)
    place.germ(1, spent.orders[0])  # first: the others take over what is analytic
    value = place.germ(0, spent.orders[0])
    try:
        return _classify(value, place.side(-1, value), place.side(1, value), spent.bits)
    except UndecidedError as error:
        return Truth(Kind.UNDECIDED, detail=str(error))


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """A point of a program, and a variable along which it is left."""

    program: Program
    variable: str
    point: Mapping[str, Real]
    held: Mapping[int, Value]
    budget: Budget
    # By order: the germs to the right of all nodes that are analytic here.
    analytic: dict[int, dict[int, Germ]] = dataclasses.field(default_factory=dict)
    found: dict[tuple[int, int], Value] = dataclasses.field(default_factory=dict)

    def germ(self, s: int, order: int) -> Value:
        """Return the germ on the side s; 0: the value at the point."""
        if (s, order) not in self.found:
            self.found[s, order] = self._germ(s, order)
        return self.found[s, order]

    def _germ(self, s: int, order: int) -> Value:
        inputs: dict[str, Value] = {name: constant_germ(x) for name, x in self.point.items()}
        if s:
            inputs[self.variable] = affine_germ(self.point[self.variable], Real.of(s))
        if s > 0 and not self.held:
            cache: dict[int, Value] = {}
            germ = evaluate(self.program, inputs, order, self.budget, cache=cache)
            self.analytic[order] = analytic_germs(self.program, cache)
            return germ
        seen = self.analytic.get(order, {})
        moved = {i: mirrored(g) if s else constant_germ(g.constant) for i, g in seen.items()}
        return evaluate(self.program, inputs, order, self.budget, held={**moved, **self.held})

    def side(self, s: int, value: Value) -> _Side:
        """Describe one side, with series as long as it takes."""
        side = _Side(Kind.UNDECIDED, reason="no series was tried")
        for order in self.budget.orders:
            germ = self.germ(s, order)
            try:
                side = _described(germ, value, s, Algebra(order, self.budget.bits))
            except OrderError as error:
                side = _Side(Kind.UNDECIDED, reason=str(error))
                continue
            except UndecidedError as error:
                return _Side(Kind.UNDECIDED, reason=str(error))
            if not (isinstance(germ, Unknown) and germ.order):
                break
        return side


def _held(
    program: Program, point: Mapping[str, Real], budget: Budget
) -> Iterator[tuple[int, Value]]:
    """Yield the values of detached parts: they count as constants."""
    held: dict[int, Value] = {}
    for index, node in program.calls():
        if node.function == "detach":
            inputs: dict[str, Value] = {name: constant_germ(x) for name, x in point.items()}
            held[index] = evaluate(program.at(index), inputs, budget.orders[0], budget, held=held)
            yield index, held[index]


def _described(germ: Value, value: Value, s: int, algebra: Algebra) -> _Side:
    if isinstance(germ, Outside):
        return _Side(Kind.OUTSIDE, reason=germ.reason)
    if not isinstance(germ, Germ):
        reason = germ.reason if isinstance(germ, Unknown) else "the value is infinite"
        return _Side(Kind.UNDECIDED, reason=reason)
    parts = algebra.split(germ)
    if isinstance(parts, int):
        return _Side(Kind.POLE, reason="+inf" if parts > 0 else "-inf")
    limit, small = parts
    jump = algebra.sign(limit - value.constant) if isinstance(value, Germ) else 0
    if jump:
        return _Side(Kind.JUMP, infinite=jump * s * math.inf, limit=limit)
    return _slope(small, s, limit, algebra)


def _slope(small: Germ, s: int, limit: Real, algebra: Algebra) -> _Side:
    """Read the slope off a germ that tends to 0."""
    for (e, k), c in small.terms.items():
        if e > 1 or (e == 1 and k < 0):
            break
        if (e, k) == (1, 0):
            slope = c if s > 0 else -c
            return _Side(
                Kind.SMOOTH, slope=slope, limit=limit, curvature=_curvature(small, algebra)
            )
        positive = algebra.sign(c)
        if positive:
            infinite = positive * (-1) ** (k % 2) * s * math.inf
            return _Side(Kind.VERTICAL, infinite=infinite, limit=limit)
    if small.order is not None and small.order <= 1:
        message = f"a series is known up to t^{small.order} only"
        raise OrderError(message)
    return _Side(Kind.SMOOTH, slope=Real.of(0), limit=limit, curvature=_curvature(small, algebra))


def _curvature(small: Germ, algebra: Algebra) -> float | None:
    """Return the second derivative on this side; infinite after a term between t^1 and t^2."""
    try:
        for (e, k), c in small.terms.items():
            if e < 1 or (e == 1 and k <= 0):
                continue
            if e > 2 or (e == 2 and k < 0):
                break
            if (e, k) == (2, 0):
                return nearest_or_none(c + c)
            positive = algebra.sign(c)
            if positive:
                return -positive * math.inf if k % 2 else positive * math.inf
    except UndecidedError:
        return None
    return 0.0 if small.order is None or small.order > 2 else None


def _classify(value: Value, left: _Side, right: _Side, bits: int) -> Truth:
    if isinstance(value, Unknown):
        return Truth(Kind.UNDECIDED, detail=value.reason)
    if not isinstance(value, Germ):
        reason = value.reason if isinstance(value, Outside) else "the value is infinite"
        return _undefined(reason, left, right, bits)
    return _defined(value, left, right, bits)


def _defined(value: Germ, left: _Side, right: _Side, bits: int) -> Truth:
    """Describe a point at which the function has a value."""
    sides = {side.kind: side for side in (right, left)}
    if Kind.UNDECIDED in sides:
        return Truth(Kind.UNDECIDED, detail=sides[Kind.UNDECIDED].reason)
    if Kind.POLE in sides or Kind.JUMP in sides:
        return _broken(value, left, right)
    if Kind.OUTSIDE in sides:
        return _edge(left, right)
    if Kind.VERTICAL in sides:
        same = left.infinite == right.infinite
        return Truth(Kind.VERTICAL, left.number, right.number, left.infinite if same else None)
    return _two_slopes(left, right, bits)


def _broken(value: Germ, left: _Side, right: _Side) -> Truth:
    """Describe a point at which the function is not continuous."""
    numbers = (left.number, right.number)
    if Kind.POLE in (left.kind, right.kind):
        return Truth(Kind.POLE, *numbers, detail=_pole(left, right))
    return Truth(Kind.JUMP, *numbers, detail=_jump(value, left, right))


def _edge(left: _Side, right: _Side) -> Truth:
    """Describe the end of a domain."""
    if left.kind is right.kind:
        return Truth(Kind.OUTSIDE, detail="an isolated point of the domain")
    missing, there, which = (
        (left, right, "right") if left.kind is Kind.OUTSIDE else (right, left, "left")
    )
    return Truth(
        Kind.EDGE,
        left.number,
        right.number,
        there.number,
        (left.curvature, right.curvature),
        f"{which} side only: {missing.reason}",
    )


def _two_slopes(left: _Side, right: _Side, bits: int) -> Truth:
    assert left.slope is not None and right.slope is not None  # noqa: S101, PT018  (both smooth)
    curvatures = (left.curvature, right.curvature)
    difference = Algebra(1, bits).sign(right.slope - left.slope)
    if difference == 0:
        slope = nearest(left.slope)
        return Truth(Kind.SMOOTH, slope, slope, slope, curvatures)
    return Truth(Kind.KINK, nearest(left.slope), nearest(right.slope), None, curvatures)


def _undefined(reason: str, left: _Side, right: _Side, bits: int) -> Truth:
    """Describe a point at which the function has no value."""
    for side in (left, right):
        if side.kind is Kind.UNDECIDED:
            return Truth(Kind.UNDECIDED, detail=f"{reason}; {side.reason}")
    if Kind.POLE in (left.kind, right.kind):
        return Truth(Kind.POLE, detail=f"{reason}; {_pole(left, right)}")
    numbers = (left.number, right.number)
    limits = [side.limit for side in (left, right)]
    if limits[0] is not None and limits[1] is not None:
        if Algebra(1, bits).sign(limits[0] - limits[1]) == 0:
            found = f"the limit is {_shown(limits[0])}"
        else:
            found = f"the left limit is {_shown(limits[0])}, the right one {_shown(limits[1])}"
        return Truth(Kind.OUTSIDE, *numbers, detail=f"{reason}; {found}")
    for which, limit in zip(("left", "right"), limits, strict=True):
        if limit is not None:
            found = f"the {which} limit is {_shown(limit)}"
            return Truth(Kind.OUTSIDE, *numbers, detail=f"{reason}; {found}")
    return Truth(Kind.OUTSIDE, detail=reason)


def _pole(left: _Side, right: _Side) -> str:
    if left.kind is right.kind and left.reason == right.reason:
        return f"the value tends to {left.reason}"
    sides = [
        f"{side.reason} on the {which}"
        for which, side in (("left", left), ("right", right))
        if side.kind is Kind.POLE
    ]
    return f"the value tends to {', '.join(sides)}"


def _jump(value: Germ, left: _Side, right: _Side) -> str:
    sides = [
        f"by {_shown(side.limit - value.constant)} to the {which}"
        for which, side in (("left", left), ("right", right))
        if side.kind is Kind.JUMP and side.limit is not None
    ]
    return f"jumps {' and '.join(sides)}"


def _shown(number: Real) -> str:
    return f"{nearest(number) + 0.0:.9g}"
