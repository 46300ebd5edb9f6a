"""Prove the truth at one point: by jets where the program is smooth, else by one-sided series."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Final

import flint

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.corners import Corner, LeftToGermsError, UnclearSignError, corner_of
from symdiff.arithmetics.bounds.jets import Jet, Strict, TieError
from symdiff.arithmetics.bounds.slopes import slope_in
from symdiff.arithmetics.series.germs import Budget
from symdiff.arithmetics.series.reals import Real, nearest_in, scientific_in
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.truth.active_switches import active_switches
from symdiff.truth.kinds import APPARENT, Kind, Truth, overflow_detail
from symdiff.truth.one_sided import decide

_CORNER_BITS: Final = 128  # precision at which one-sided derivatives are tried by balls
_TINY: Final = 2.0**-300  # a smaller curvature may be what is left of terms that cancel
_ZERO: Final = flint.arb(0)
_JET_BITS: Final = (128, 512, 2048)  # precisions at which jets are tried, in this order
NO_FORMULA: Final = "the exact coordinate has no closed form"  # why a point is undecided


def prove(
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
    >>> prove(parse("max(x, 0)"), "x", {"x": Real.of(2)}).derivative
    1.0
    >>> prove(parse("max(x, 0) - max(-x, 0)"), "x", {"x": Real.of(0)}).detail
    'apparent kink'
    """
    bits = (budget or Budget()).bits
    smooth = smooth_truth(program, variable, point, bits)
    if smooth is not None:
        return smooth
    truth = corner_truth(program, variable, point, bits) or decide(program, variable, point, budget)
    return with_apparent_kink(truth, program, point)


def corner_truth(
    program: Program, variable: str, point: Mapping[str, Real], bits: int
) -> Truth | None:
    """Return the truth at a corner of a continuous function if balls decide it, else None.

    It is what `one_sided.decide` finds with exact series, at a tenth of the cost. Where a switch is
    nearly zero, as at the neighbours of 0, the balls have `bits` bits.
    """
    balls = {name: x.ball(_CORNER_BITS) for name, x in point.items()}
    if not all(ball.is_exact() for ball in balls.values()):  # no switch is proved to be zero
        return None
    for precision in (_CORNER_BITS, bits):
        try:
            corner = corner_of(program, variable, balls, precision)
        except UnclearSignError:
            continue
        except LeftToGermsError:
            return None
        return _truth_of(corner, precision)
    return None


def _truth_of(corner: Corner, bits: int) -> Truth | None:
    """Return the truth at a corner, or None if a ball determines no double."""
    sides = [x for side in (corner.left, corner.right) for x in side or (_ZERO, _ZERO)]
    left, left_curvature, right, right_curvature = (_sure_double(x, bits) for x in sides)
    if None in {left, left_curvature, right, right_curvature}:
        return None
    if bits > _CORNER_BITS and any(
        0 < abs(x or 0.0) < _TINY for x in (left_curvature, right_curvature)
    ):
        return None  # the series try few bits for a curvature, and may leave it unknown
    curvatures = left_curvature, right_curvature
    if corner.jump is None or corner.jump.is_zero():
        return Truth(Kind.SMOOTH, left, left, left, curvatures)
    return None if corner.jump.contains(0) else Truth(Kind.KINK, left, right, None, curvatures)


def _sure_double(x: Ball, bits: int) -> float | None:
    """Return the double nearest to every number in a ball, or None if it is not finite or sure."""
    with flint.ctx.workprec(bits):
        double, ends = nearest_in(x), (float(x.lower()), float(x.upper()))
    if double is None or not math.isfinite(double):
        return None
    return double if ends == (double, double) else None


def smooth_truth(
    program: Program, variable: str, point: Mapping[str, Real], bits: int
) -> Truth | None:
    """Return the truth if balls of at most `bits` bits prove the program smooth, else None."""
    slope = smooth_slope(program, variable, point, bits)
    if slope is None:
        return None
    detail = "" if math.isfinite(slope) else _size(program, variable, point)
    return Truth(Kind.SMOOTH, slope, slope, slope, detail=detail)


def smooth_truths(
    program: Program,
    variable: str,
    names: Sequence[str],
    rows: Sequence[Sequence[float]],
    bits: int,
) -> list[Truth | None]:
    """Return the truth at points at doubles where the first precision proves the program smooth.

    Parameters
    ----------
    program
        The expression.
    variable
        The input to differentiate with respect to.
    names
        The names of the coordinates.
    rows
        The coordinates of every point.
    bits
        The highest precision that may be used.

    Returns
    -------
    list
        None where `prove` has to decide.
    """
    if bits < _JET_BITS[0]:
        return [None] * len(rows)
    with flint.ctx.workprec(_JET_BITS[0]):
        return [_smooth_at(program, variable, names, row) for row in rows]


def _smooth_at(
    program: Program, variable: str, names: Sequence[str], row: Sequence[float]
) -> Truth | None:
    if not all(map(math.isfinite, row)):
        return None
    point = dict(zip(names, map(flint.arb, row), strict=True))
    try:
        ball = slope_in(program, variable, point, flint.ctx.prec)
    except TieError:  # left to `prove`
        return None
    slope = None if ball is None else nearest_in(ball)
    if slope is None or not math.isfinite(slope):
        return None
    return Truth(Kind.SMOOTH, slope, slope, slope)


def with_apparent_kink(truth: Truth, program: Program, point: Mapping[str, Real]) -> Truth:
    """Return a truth whose detail says so if a switch of a program is zero at a smooth point."""
    if truth.kind is Kind.SMOOTH and active_switches(program, point):
        detail = f"{APPARENT}; {truth.detail}" if truth.detail else APPARENT
        return dataclasses.replace(truth, detail=detail)
    return truth


def smooth_slope(
    program: Program, variable: str, point: Mapping[str, Real], bits: int
) -> float | None:
    """Return the derivative if balls of at most `bits` bits prove the program smooth, else None."""
    for precision in _JET_BITS:
        if precision > bits:
            break
        ball = _slope_ball(program, variable, point, precision)
        if ball is None or not ball.is_finite():
            break
        slope = nearest_in(ball)
        if slope is not None:
            return slope
    return None


def _size(program: Program, variable: str, point: Mapping[str, Real]) -> str:
    """Return the detail of a smooth point with a derivative beyond the largest double."""
    ball = _slope_ball(program, variable, point, _JET_BITS[-1])
    with flint.ctx.workprec(_JET_BITS[-1]):
        text = None if ball is None else scientific_in(ball)
    return overflow_detail(text or "")


def _slope_ball(
    program: Program, variable: str, point: Mapping[str, Real], bits: int
) -> Ball | None:
    """Return a ball that contains the derivative if the program is proved smooth, else None."""
    with flint.ctx.workprec(bits):
        balls = {name: x.ball(bits) for name, x in point.items()}
        try:
            slope = slope_in(program, variable, balls, bits)
        except TieError:
            return None
        if slope is not None and slope.is_finite():
            return slope
        inputs = {
            name: Jet(ball, (flint.arb(1),) if name == variable else ())
            for name, ball in balls.items()
        }
        try:
            jet = jets.evaluate(program, inputs, Strict())
        except (TieError, Unsupported, RecursionError):
            return None
    if jet is None or not jet.value.is_finite():
        return None
    return jet.gradient[0] if jet.gradient else flint.arb(0)
