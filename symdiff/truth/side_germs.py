"""The behaviour of a program on one side of a point: its germs, and what they say."""

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
from symdiff.arithmetics.series.reals import Real, UndecidedError, nearest_or_none
from symdiff.program import Program
from symdiff.truth.constant_parts import constant_parts
from symdiff.truth.kinds import Kind
from symdiff.truth.oscillating_sides import oscillating_side
from symdiff.truth.sides import Side

_SHORT: Final = 1  # series that are tried before parts are proved to be constant


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

    return from_shortest(germ, value, 1, budget)


def from_shortest(germ_of: Callable[[int], Value], value: Value, s: int, budget: Budget) -> Side:
    """Return the behaviour on one side, from the shortest series that decides it.

    `germ_of` returns the series of the function up to an order.
    """
    return _tried(germ_of, value, s, budget, budget.orders)[0]


def _tried(
    germ_of: Callable[[int], Value], value: Value, s: int, budget: Budget, orders: tuple[int, ...]
) -> tuple[Side, bool]:
    """Return the behaviour on one side, and whether series of higher orders may say more."""
    side = Side(Kind.UNDECIDED, reason="no series was tried")
    for order in orders:
        germ = germ_of(order)
        try:
            side = described(germ, value, s, Algebra(order, budget.bits))
        except OrderError as error:
            side = Side(Kind.UNDECIDED, reason=str(error))
            continue
        except UndecidedError as error:
            return Side(Kind.UNDECIDED, reason=str(error)), False
        if not (isinstance(germ, Unknown) and germ.order):
            return side, False
    return side, True


@dataclasses.dataclass(frozen=True, slots=True)
class SideGerms:
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

    def side(
        self, s: int, value: Value, of: Callable[[Value, Algebra], Value] | None = None
    ) -> Side:
        """Return the behaviour on one side, from the shortest series that decides it.

        If no series does, the parts that seem to be constant are proved to be constant.

        Parameters
        ----------
        s
            The side: 1 or -1.
        value
            The value at the point.
        of
            Returns what is described, given the germ of the program; None: that germ itself.
        """

        def described_germ(germ: Value, order: int) -> Value:
            return germ if of is None else of(germ, Algebra(order, self.budget.bits))

        def germ_here(order: int) -> Value:
            return described_germ(self.germ(s, order), order)

        short, long = self.budget.orders[:_SHORT], self.budget.orders[_SHORT:]
        side, is_open = _tried(germ_here, value, s, self.budget, short)
        if side.kind is not Kind.UNDECIDED:
            return side
        # Before long series: no series shows that a part is constant.
        constants = self._constants(s)
        inputs, held = self._inputs(s), {**constants, **self.detached}

        def germ_with_constants(order: int) -> Value:
            germ = evaluate(self.program, inputs, order, self.budget, held=held)
            return described_germ(germ, order)

        simpler = from_shortest(germ_with_constants, value, s, self.budget) if constants else side
        if long and is_open and simpler.kind is Kind.UNDECIDED:
            side, _ = _tried(germ_here, value, s, self.budget, long)
        return simpler if constants and side.kind is Kind.UNDECIDED else side

    def _constants(self, s: int) -> dict[int, Value]:
        """Return the parts that are proved to be constant on one side."""
        return constant_parts(self.program, self.variable, self.point, self.nodes(s))

    def nodes(self, s: int) -> dict[int, Value]:
        """Return the germs of all nodes on one side, up to the lowest order."""
        nodes: dict[int, Value] = dict(self.detached)
        order = self.budget.orders[0]
        evaluate(self.program, self._inputs(s), order, self.budget, cache=nodes)
        return nodes


def detached_at(program: Program, point: Mapping[str, Real], budget: Budget) -> dict[int, Value]:
    """Return the values of the detached nodes, which count as constants, by index."""
    inputs: dict[str, Value] = {name: constant_germ(x) for name, x in point.items()}

    def value(part: Program, held: Mapping[int, Value]) -> Value:
        return evaluate(part, inputs, budget.orders[0], budget, held=held)

    return detached_values(program, value)


def described(germ: Value, value: Value, s: int, algebra: Algebra) -> Side:
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
        return Side(Kind.OUTSIDE, reason=why_undefined(germ))
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


def why_undefined(value: Value) -> str:
    """Return why a value is not a real number: it is undefined, or the constant inf or -inf."""
    if isinstance(value, Infinite):
        return f"the value is {infinity_as_text(value.sign)}"
    return value.reason if isinstance(value, Outside) else ""
