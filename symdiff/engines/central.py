"""Central finite differences on the numpy reading, with an estimate of their error."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.arrays import (
    evaluate,
    evaluate_tensor,
    evaluate_together,
    held_in_tensors,
    held_nodes,
)
from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds.rounding import DOUBLE, radius_of, value_ball
from symdiff.arithmetics.bounds.tensor_estimates import straddles
from symdiff.array_types import Array, Mask
from symdiff.engines.base import TRUNCATION, Allowance, ErrorEstimate, Problem, Samples, Traits
from symdiff.engines.directional import (
    Direction,
    DirectionalBound,
    DirectionalProblem,
    DirectionalSamples,
)
from symdiff.errors import Unsupported
from symdiff.grid.points import difference_step
from symdiff.grid.switches import Switch, find_switches
from symdiff.program import Program

__all__ = ["ENGINE"]

_EPSILON = float(np.finfo(np.float64).eps)
_STEP = _EPSILON ** (1 / 3)  # along a direction of tensors
# Rounding errors of f, in units of ε|f|: a handful of operations of half a unit each.
_ROUNDINGS = 4.0
_UNDERFLOW = flint.arb(0, 2.0**-1070)
_BESIDE = 1 + 2.0**-20  # a switch that vanishes this near an end counts as inside
_BESIDE_WIDE = 2.0**-16  # of what it changes across the stencil: nearer than this it is looked at
_SHORTER = 2.0**-20  # of |x|, for points whose stencil leaves the domain
_TOGETHER = 4096  # points times variables that are looked at in one pass


class _Central:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "central"
    traits = Traits(modes=("differences",))

    def differentiate(self, problem: Problem) -> Samples:
        names = problem.variables
        if len(names) < 2 or problem.count * len(names) > _TOGETHER:
            found = {name: _differences(_Moves.along(problem, (name,))) for name in names}
        else:  # many variables at few points: all in one pass
            together = _differences(_Moves.along(problem, names))
            n = problem.count
            blocks = [slice(k * n, (k + 1) * n) for k in range(len(names))]
            found = {
                name: tuple(column[block] for column in together)
                for name, block in zip(names, blocks, strict=True)
            }
        derivatives = {name: columns[0] for name, columns in found.items()}
        if problem.brief:
            return Samples(derivatives)
        errors = {name: columns[1] for name, columns in found.items()}
        straddling = {name: columns[2] for name, columns in found.items()}
        return Samples(derivatives, errors, straddling)

    def estimate_errors(self, problem: Problem, variable: str) -> ErrorEstimate:
        full = dataclasses.replace(problem, brief=False)
        _, *doubts = _differences(_Moves.along(full, (variable,)))
        return ErrorEstimate(*doubts)

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        x = problem.columns[variable][point : point + 1]
        steps = (float(difference_step(x)[0]), abs(float(x[0])) * _SHORTER)
        for h in steps:
            found = _allowance(problem, variable, problem.balls(point), h)
            if not found.stencil_leaves_domain:
                break
        return found

    def along(
        self, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
    ) -> DirectionalSamples:
        held = held_in_tensors(problem.program, problem.values)
        slopes, errors, straddling = {}, {}, {}
        for name, v in problem.directions.items():
            narrow, wide = (_quotient_along(problem, v, held, h) for h in (_STEP, 2 * _STEP))
            slopes[name] = np.array([narrow])
            straddling[name] = np.array([_straddles_along(problem, v)])
            rounding = bounds[name].value_error / _STEP
            error = abs(wide - narrow) + (rounding if math.isfinite(rounding) else 0.0)
            errors[name] = np.array([error if math.isfinite(error) else 0.0])
        return DirectionalSamples(Samples(slopes, errors, straddling), {}, {})


def _ends(problem: DirectionalProblem, v: Direction, h: float) -> list[dict[str, Any]]:
    """Return the values at both ends of a stencil."""
    return [
        {n: x + step * v[n] if n in v else x for n, x in problem.values.items()} for step in (h, -h)
    ]


def _quotient_along(
    problem: DirectionalProblem, v: Direction, held: dict[int, Any], h: float
) -> float:
    """Return c·(f(x + hv) - f(x - hv))/2h."""
    above, below = (
        problem.contracted(evaluate_tensor(problem.program, end, held=held))
        for end in _ends(problem, v, h)
    )
    return (above - below) / (2 * h)


def _straddles_along(problem: DirectionalProblem, v: Direction) -> bool:
    """Return whether a kink lies in the stencil, or may: the error estimate does not show it."""
    try:
        return straddles(problem.program, _ends(problem, v, _STEP))
    except Unsupported:
        return True


@dataclasses.dataclass(frozen=True, slots=True)
class _Moves:
    """Points, and which of the inputs moves at each.

    Attributes
    ----------
    program
        What is evaluated.
    columns
        For every input its coordinates, shape (m,).
    moving
        For the inputs that move, where they do, shape (m,); None: at every point.
    brief
        Whether doubts are left open.
    """

    program: Program
    columns: Mapping[str, Array]
    moving: Mapping[str, Mask | None]
    brief: bool

    @classmethod
    def along(cls, problem: Problem, names: Sequence[str]) -> _Moves:
        """Return the points of a problem once for every name, that input moving."""
        if len(names) == 1:
            return cls(problem.program, problem.columns, {names[0]: None}, problem.brief)
        columns = {n: np.tile(x, len(names)) for n, x in problem.columns.items()}
        block = np.repeat(np.arange(len(names)), problem.count)
        moving = {n: block == k for k, n in enumerate(names)}
        return cls(problem.program, columns, moving, problem.brief)

    @property
    def x(self) -> Array:
        """The coordinate that moves, shape (m,)."""
        x = np.empty(len(next(iter(self.columns.values()))))
        for name, here in self.moving.items():
            if here is None:
                return self.columns[name]
            x[here] = self.columns[name][here]
        return x

    def to(self, end: Array) -> dict[str, Array]:
        """Return the columns with the moving coordinate at `end`."""
        moved = {
            n: end if here is None else np.where(here, end, self.columns[n])
            for n, here in self.moving.items()
        }
        return {**self.columns, **moved}

    def of(self, names: Sequence[str]) -> Mask | slice | None:
        """Return where one of some inputs moves; None: nowhere."""
        found = [mask for name, mask in self.moving.items() if name in names]
        if not found:
            return None
        several = [mask for mask in found if mask is not None]
        return slice(None) if len(several) < len(found) else np.logical_or.reduce(several)

    def part(self, chosen: Mask | NDArray[np.intp]) -> _Moves:
        """Return some of the points."""
        columns = {n: x[chosen] for n, x in self.columns.items()}
        moving = {n: None if m is None else m[chosen] for n, m in self.moving.items()}
        return _Moves(self.program, columns, moving, self.brief)


def _straddles(moves: _Moves, step: Array) -> Mask:
    """Tell where a switch changes its sign between the ends of the stencil, or is zero at one."""
    found = np.zeros(len(step), dtype=bool)
    wider = step * _BESIDE
    ends = [moves.to(end) for end in (moves.x - wider, moves.x + wider)]
    for switch in find_switches(moves.program):
        inputs = switch.program.inputs
        here = moves.of(inputs)
        if here is None:
            continue
        low, high = (evaluate(switch.program, {n: end[n][here] for n in inputs}) for end in ends)
        side = np.floor if switch.crosses_integers else np.sign
        with np.errstate(invalid="ignore"):
            found[here] |= (side(low) != side(high)) | (low == 0) | (high == 0)
    return found


def _may_straddle(switch: Switch, high: Array, low: Array) -> Mask:
    """Tell where `_straddles` has to look closer: also where a zero is not far from an end."""
    if switch.crosses_integers:
        return np.ones(len(high), dtype=bool)
    with np.errstate(all="ignore"):
        # Of one sign, and the nearer one to 0 at least _BESIDE_WIDE |high - low| from it.
        across = high - low
        across *= across
        across *= 2 * _BESIDE_WIDE
        near: Mask = ~(high * low > across)
    return near


def _allowance(problem: Problem, variable: str, point: dict[str, Ball], h: float) -> Allowance:
    """Return what the quotient (f(x+h) - f(x-h))/2h must be, rounding included."""
    x = float(point[variable].mid())
    above, below = x + h, x - h
    if above == below:
        return Allowance(reason="the step vanishes", stencil_leaves_domain=True)
    held: dict[int, Ball] = {}
    try:
        for index, node in problem.program.calls():
            if node.function == "detach":
                ball = value_ball(problem.program.at(index), point, held)
                held[index] = flint.arb("nan") if ball is None else ball
        ends = [
            value_ball(problem.program, {**point, variable: flint.arb(end)}, held)
            for end in (above, below)
        ]
    except Unsupported:
        return Allowance(math.nan)
    if ends[0] is None or ends[1] is None:
        return Allowance(reason="the stencil leaves the domain", stencil_leaves_domain=True)
    with flint.ctx.workprec(DOUBLE):
        quotient = (ends[0] - ends[1] + _UNDERFLOW) / flint.arb(above - below)
    if not quotient.is_finite():
        return Allowance(math.nan)
    return Allowance(radius_of(quotient), float(quotient.mid()), TRUNCATION)


def _differences(moves: _Moves) -> tuple[NDArray[Any], ...]:
    """Return the quotients and, unless that is left open, their errors and what straddles."""
    x = moves.x
    found = _quotient(moves, difference_step(x))
    derivative = found[0]
    finite = np.isfinite(derivative)
    if not finite.all() and (outside := ~finite & (x != 0)).any():
        # Near the end of a domain a step in proportion to x stays inside, and is less exact.
        shorter = _quotient(moves.part(outside), np.abs(x[outside]) * _SHORTER)
        for column, part in zip(found, shorter, strict=True):
            column[outside] = part
    return found


def _quotient(moves: _Moves, h: Array) -> tuple[NDArray[Any], ...]:
    """Return (f(x+h) - f(x-h))/2h, with its error and where the stencil straddles a kink."""
    if moves.brief:
        return (_brief(moves, h),)
    held = held_nodes(moves.program, dict(moves.columns))
    switches = [s for s in find_switches(moves.program) if moves.of(s.program.inputs) is not None]
    programs = [moves.program, *(switch.program for switch in switches)]
    x = moves.x
    above, below = x + h, x - h
    f_above, *up = evaluate_together(programs, moves.to(above), held=held)
    f_below, *down = evaluate_together(programs, moves.to(below), held=held)
    straddles = np.zeros(len(x), dtype=bool)
    for ends in zip(switches, up, down, strict=True):
        straddles |= _may_straddle(*ends)
    near = np.flatnonzero(straddles)
    if len(near):
        straddles[near] = _straddles(moves.part(near), h[near])
    with np.errstate(all="ignore"):
        width = above - below
        derivative = (f_above - f_below) / width
        rounding = _ROUNDINGS * _EPSILON * (np.abs(f_above) + np.abs(f_below)) / width
        error = rounding + _truncation(moves, h, derivative, held)
    # What has no bound excuses nothing.
    return derivative, np.where(np.isfinite(error), error, 0.0), straddles


def _brief(moves: _Moves, h: Array) -> Array:
    """Return the quotients alone."""
    held = held_nodes(moves.program, dict(moves.columns))
    x = moves.x
    above, below = x + h, x - h
    derivative = evaluate(moves.program, moves.to(above), held=held)
    f_below = evaluate(moves.program, moves.to(below), held=held)
    with np.errstate(all="ignore"):
        derivative -= f_below
        above -= below
        derivative /= above
    return derivative


def _truncation(moves: _Moves, h: Array, derivative: Array, held: dict[int, Any]) -> Array:
    """Return |D(2h) - D(h)|.

    That is the truncation of D(h) where it is of first order in h (a kink of f' nearby), and three
    times as much where f is smooth: h²f‴/6.
    """
    above, below = moves.x + 2 * h, moves.x - 2 * h
    f_above = evaluate(moves.program, moves.to(above), held=held)
    f_below = evaluate(moves.program, moves.to(below), held=held)
    return np.abs((f_above - f_below) / (above - below) - derivative)


ENGINE = _Central()
