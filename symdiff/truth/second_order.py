"""Prove a second derivative at one point: the derivative along one input of that along another.

The first derivative f' has a value where f has one derivative, whatever the formula for f' says
there. On both sides, f' is read from the series of f, differentiated term by term, if both
derivatives are along the same input: functions in series belong to a Hardy field. Otherwise, and
where f oscillates, it is read from the program of `derivative_program`: where that is defined, it
is f'. Where it is undefined although f is defined, nothing is proved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from symdiff.arithmetics.series.germs import (
    Budget,
    Exponential,
    Infinite,
    Oscillation,
    Outside,
    Unknown,
    Value,
)
from symdiff.arithmetics.series.puiseux import Algebra, Germ, OrderError, constant_germ
from symdiff.arithmetics.series.reals import Real, UndecidedError
from symdiff.errors import Unsupported
from symdiff.program.differentiation import SecondOrder, derivative_program
from symdiff.truth.kinds import TENDS, Kind, Truth
from symdiff.truth.one_sided import classify, rounded, with_sizes
from symdiff.truth.proof import smooth_truth, with_apparent_kink
from symdiff.truth.side_germs import SideGerms, detached_at, why_undefined
from symdiff.truth.sides import Side

# Why f' is not decided on a side where f is defined.
_ON_A_SWITCH = "a switch is zero all along this side, and the formula for the derivative undefined"
_KINK = "f has a kink here"
# What f does at a point where it has no derivative, by the kind of one of its sides.
_NO_DERIVATIVE: Mapping[Kind, str] = {
    Kind.POLE: "f tends to infinity here",
    Kind.JUMP: "f jumps here",
    Kind.OSCILLATING: "f oscillates here",
    Kind.VERTICAL: "the derivative of f is infinite here",
}


def prove_second(
    second: SecondOrder, variable: str, point: Mapping[str, Real], budget: Budget | None = None
) -> Truth:
    """Return the truth about a second derivative at one point: proved, or `Kind.UNDECIDED`.

    Parameters
    ----------
    second
        The expression, and the input that it is differentiated by first.
    variable
        The input that the derivative is differentiated by.
    point
        The exact coordinates of every input.
    budget
        Limits on the precision, the order of series and the work.

    Returns
    -------
    Truth
        The kind and the one-sided derivatives of the first derivative f'.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> truth = prove_second(SecondOrder(parse("x*abs(x)"), "x"), "x", {"x": Real.of(0)})
    >>> truth.kind.label, truth.left, truth.right
    ('kink', -2.0, 2.0)
    >>> prove_second(SecondOrder(parse("relu(x)"), "x"), "x", {"x": Real.of(0)}).detail
    "f has a kink here: f' is 0 on the left and 1 on the right"
    """
    limits = budget or Budget()
    try:
        smooth = smooth_truth(second.derivative, variable, point, limits.bits)
        if smooth is not None:
            return smooth
        return with_apparent_kink(_decide(second, variable, point, limits), second.program, point)
    except (Unsupported, UndecidedError) as error:
        return Truth(Kind.UNDECIDED, detail=str(error))


def _decide(second: SecondOrder, variable: str, point: Mapping[str, Real], limits: Budget) -> Truth:
    """Return the truth from the value of f' at the point and its behaviour on both sides."""
    program, inner = second.program, second.inner
    is_only = len(program.inputs) < 2
    name = "f'" if is_only else f"df/d{inner}"
    detached = detached_at(program, point, limits)
    f_inner = SideGerms(program, inner, point, detached, limits)
    value = _value(f_inner, name, "" if is_only else f" along {inner}")
    f = f_inner if variable == inner else SideGerms(program, variable, point, detached, limits)
    left, right = (_side(second, f, value, s) for s in (-1, 1))
    along = "" if is_only else f" along {variable}"
    if isinstance(value, Outside) and value.reason.startswith(_KINK):
        truth = Truth(Kind.OUTSIDE, left.number, right.number, detail=value.reason)
    else:
        truth = classify(value, left, right, limits.bits, along)
    if truth.kind in {Kind.OUTSIDE, Kind.POLE}:
        words = truth.detail.replace(TENDS, f"{name} tends to").replace(
            " limit", f" limit of {name}"
        )
        truth = dataclasses.replace(truth, detail=words)
    return with_sizes(truth, left, right)


def _value(f: SideGerms, name: str, along: str) -> Value:
    """Return the value of f', the derivative of f along the variable of its germs."""
    f.germ(1, f.budget.orders[0])  # first, since the other sides reuse its analytic germs
    value = f.germ(0, f.budget.orders[0])
    if not isinstance(value, Germ):
        is_known = not isinstance(value, Unknown)
        return Outside(f"f is undefined here: {why_undefined(value)}") if is_known else value
    sides = f.side(-1, value), f.side(1, value)
    undecided = [side.reason for side in sides if side.kind is Kind.UNDECIDED]
    if undecided:
        return Unknown(undecided[0])
    for kind, words in _NO_DERIVATIVE.items():
        if kind in {side.kind for side in sides}:
            return Outside(words + along)
    slopes = [side.slope for side in sides if side.slope is not None]
    if slopes and not Algebra(1, f.budget.bits).sign(slopes[-1] - slopes[0]):
        return constant_germ(slopes[0])  # at an end of the domain, the only one
    if not slopes:
        return Outside(f"f is defined at this point only{along}")
    words = f"{name} is {rounded(slopes[0])} on the left and {rounded(slopes[1])} on the right"
    return Outside(f"{_KINK}{along}: {words}")


def _side(second: SecondOrder, f: SideGerms, value: Value, s: int) -> Side:
    """Return the behaviour of f' on one side.

    `f` has the germs of f along the variable that f' is differentiated by.
    """
    nodes = f.nodes(s)
    germ = nodes[f.program.output]
    is_oscillating = any(isinstance(x, Oscillation) for x in nodes.values())
    if f.variable == second.inner and not is_oscillating and not isinstance(germ, Exponential):
        return f.side(s, value, lambda germ, algebra: _derivative(germ, algebra, s))
    by_text = _germs_of_text(second, f, 0)

    def known(slope: Value, algebra: Algebra) -> Value:
        """Return the germ of f', given that of the formula for it."""
        is_proved = not isinstance(slope, Outside) or isinstance(germ, Outside | Infinite)
        return slope if is_proved else _from_both_sides(second, f, s, algebra)

    return by_text.side(s, value, known)


def _germs_of_text(second: SecondOrder, f: SideGerms, side: int) -> SideGerms:
    """Return the germs of the formula for f', or of that for a one-sided derivative."""
    program = derivative_program(second.program, second.inner, side=side)
    detached = detached_at(program, f.point, f.budget)
    germs = SideGerms(program, f.variable, f.point, detached, f.budget)
    germs.germ(1, f.budget.orders[0])  # first, as in `_value`
    return germs


def _from_both_sides(second: SecondOrder, f: SideGerms, s: int, algebra: Algebra) -> Value:
    """Return the germ of f' where a switch is zero all along the side, if that can be decided.

    The one-sided derivatives of f along the inner variable then agree, or f' does not exist.
    """
    up, down = (_germs_of_text(second, f, side).germ(s, algebra.order) for side in (1, -1))
    if not (isinstance(up, Germ) and isinstance(down, Germ)):
        return Unknown(_ON_A_SWITCH)
    try:
        gap = algebra.sign_of(algebra.add(up, down))
    except UndecidedError as error:
        return Unknown(str(error), order=isinstance(error, OrderError))
    return Outside(f"f has kinks along {second.inner} there") if gap else up


def _derivative(germ: Value, algebra: Algebra, s: int) -> Value:
    """Return the derivative of a germ along the axis: t is the distance to the point."""
    if not isinstance(germ, Germ):
        if isinstance(germ, Exponential | Oscillation):
            return Unknown("its derivative near the point is not known")
        return Outside(why_undefined(germ)) if isinstance(germ, Infinite) else germ
    try:
        slope = algebra.differentiate(germ)
    except UndecidedError as error:
        return Unknown(str(error))
    return slope if s > 0 else algebra.negate(slope)
