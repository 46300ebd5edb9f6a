"""Second differences of a program in numpy, with an estimate of their errors.

    (f(x+h) - 2f(x) + f(x-h))/h^2,   and for two variables
    (f(x+h, y+k) - f(x+h, y-k) - f(x-h, y+k) + f(x-h, y-k))/4hk

Source: Abramowitz & Stegun 1964, 25.3.23 and 25.3.26.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import flint
import numpy as np

from symdiff.arithmetics.arrays import evaluate, held_nodes
from symdiff.arithmetics.balls import DOUBLE, Ball, radius_of
from symdiff.arithmetics.bounds.own_ways import AnyWay
from symdiff.arithmetics.bounds.rounding import FLOAT64, rounded_ball, value_ball
from symdiff.arithmetics.bounds.ties import BothBranches
from symdiff.arithmetics.reading import detached_values
from symdiff.array_types import Array, Mask
from symdiff.engines.base import TRUNCATION, Allowance, ErrorEstimate, Problem, Samples
from symdiff.errors import Unsupported
from symdiff.grid.switches import find_switches
from symdiff.program import Program
from symdiff.program.values import Dtype

_EPSILON: Final = float(np.finfo(np.float64).eps)
_STEP: Final = _EPSILON ** (1 / 4)  # relative step that balances truncation and rounding errors
_ROUNDINGS: Final = 4.0  # estimated rounding error of f after a few operations, in units of ε|f|
_WIDENED: Final = 1 + 2.0**-20  # factor by which a stencil is widened in the search for switches
_UNDERFLOW: Final = 2.0**-1070  # bound on what gradual underflow adds to a sum of values

Values = Callable[[Mapping[str, Array]], Array]


class _Stencil(NamedTuple):
    """The points of a second difference, with their coefficients, and its denominator.

    Attributes
    ----------
    corners
        For each point of the stencil, its coefficient and the columns of its coordinates.
    width
        What the sum is divided by, shape (n,).
    """

    corners: Sequence[tuple[float, Mapping[str, Array]]]
    width: Array


def differenced_twice(problem: Problem, step: float | None) -> Samples:
    """Return the second differences at every point, with estimates of their errors if asked for.

    `step` is the step h at every point, or None for a step that is chosen by the size of x.
    """
    tensors = problem.tensor_problem
    if problem.function is not None and tensors is not None and tensors.tangent is not None:
        name, reason = "central", "it has no second differences of a callable along a tangent"
        raise Unsupported(name, reason)
    derivatives, errors, straddling = {}, {}, {}
    for name in problem.variables:
        stencil = _stencil(problem, name, step)
        values = _values_at(problem, stencil)
        derivatives[name] = _quotient(stencil, values)
        if problem.estimate_errors:
            estimate = _estimated(problem, name, step, stencil, values)
            errors[name], straddling[name] = estimate
    return Samples(derivatives, errors, straddling)


def errors_of(problem: Problem, variable: str, step: float | None) -> ErrorEstimate:
    """Return estimates of the errors, and where a switch changes its sign in the stencil."""
    stencil = _stencil(problem, variable, step)
    return _estimated(problem, variable, step, stencil, _values_at(problem, stencil))


def _estimated(
    problem: Problem,
    variable: str,
    step: float | None,
    stencil: _Stencil,
    values: Sequence[Array],
) -> ErrorEstimate:
    """Return the estimates, given the values at the points of the stencil."""
    wider = _stencil(problem, variable, step, 2.0)
    narrow, wide = _quotient(stencil, values), _quotient(wider, _values_at(problem, wider))
    factors = [abs(c) for c, _ in stencil.corners]
    with np.errstate(all="ignore"):
        sizes = sum(c * np.abs(value) for c, value in zip(factors, values, strict=True))
        error = np.abs(wide - narrow) + _ROUNDINGS * _EPSILON * sizes / stencil.width
    # An infinite estimate would allow any number.
    errors = np.where(np.isfinite(error), error, 0.0)
    return ErrorEstimate(errors, _straddles(problem, variable, step))


def allowance_of(
    problem: Problem, variable: str, point: int, step: float | None, dtype: Dtype
) -> Allowance:
    """Return the allowance: a ball that contains the difference quotient, rounding included."""
    here = problem.part(np.array([point]))
    stencil = _stencil(here, variable, step)
    mode = BothBranches if problem.function is None else AnyWay
    program = problem.written

    def ball(columns: Mapping[str, Array]) -> dict[str, Ball]:
        return {name: rounded_ball(float(x[0]), dtype) for name, x in columns.items()}

    def held_value(part: Program, held: Mapping[int, Ball]) -> Ball:
        value = value_ball(part, ball(here.columns), held)
        return flint.arb("nan") if value is None else value

    try:
        held = detached_values(program, held_value)
        values = [(c, value_ball(program, ball(x), held, dtype, mode)) for c, x in stencil.corners]
    except Unsupported:
        return Allowance(math.nan)
    infinities = (flint.arb.pos_inf(), flint.arb.neg_inf())
    if stencil.width[0] == 0 or any(v is None or v in infinities for _, v in values):
        return Allowance(stencil_leaves_domain=True)
    with flint.ctx.workprec(DOUBLE):
        total = flint.arb(0, _UNDERFLOW)
        for c, value in values:
            total += flint.arb(c) * value
        quotient = total / flint.arb(float(stencil.width[0]))
    if not quotient.is_finite():
        return Allowance(math.nan)
    words = TRUNCATION if dtype == FLOAT64 else f"{TRUNCATION} in {dtype.name}"
    return Allowance(radius_of(quotient), float(quotient.mid()), words, rounded_in="")


def _stencil(problem: Problem, outer: str, step: float | None, factor: float = 1.0) -> _Stencil:
    """Return the stencil of a second derivative, with steps multiplied by a factor."""
    assert problem.second is not None  # noqa: S101  (see `Traits.orders`)
    inner, columns = problem.second.inner, problem.columns
    x = columns[inner]
    right, left = _ends(x, step, factor)
    if inner == outer:
        points = [(1.0, right), (-2.0, x), (1.0, left)]
        corners = [(c, {**columns, inner: end}) for c, end in points]
        return _Stencil(corners, (right - x) * (x - left))
    above, below = _ends(columns[outer], step, factor)
    corners = [
        (a * b, {**columns, inner: end, outer: other})
        for a, end in ((1.0, right), (-1.0, left))
        for b, other in ((1.0, above), (-1.0, below))
    ]
    return _Stencil(corners, (right - left) * (above - below))


def _ends(x: Array, step: float | None, factor: float) -> tuple[Array, Array]:
    """Return x + h and x - h, where x + h is exact."""
    with np.errstate(all="ignore"):
        h = factor * (_STEP * np.maximum(np.abs(x), 1.0) if step is None else np.full(len(x), step))
        h = (x + h) - x
        return x + h, x - h


def _values(problem: Problem) -> Values:
    """Return the function of the coordinates; detached parts keep their values at the points."""
    if problem.function is None:
        held = held_nodes(problem.written, dict(problem.columns))
        return lambda columns: evaluate(problem.written, dict(columns), held=held)
    from symdiff.engines.callables import contracted, values_or_nan  # noqa: PLC0415  (loads torch)

    def values(columns: Mapping[str, Array]) -> Array:
        moved = dataclasses.replace(problem, columns=columns)
        return contracted(moved, values_or_nan(moved))

    return values


def _values_at(problem: Problem, stencil: _Stencil) -> list[Array]:
    """Return the values at the points of a stencil."""
    values = _values(problem)
    return [values(columns) for _, columns in stencil.corners]


def _quotient(stencil: _Stencil, values: Sequence[Array]) -> Array:
    factors = [c for c, _ in stencil.corners]
    with np.errstate(all="ignore"):
        total: Any = sum(c * value for c, value in zip(factors, values, strict=True))
        quotient: Array = np.asarray(total / stencil.width)
    return quotient


def _straddles(problem: Problem, variable: str, step: float | None) -> Mask:
    """Return where a switch crosses 0 or an integer in the widened stencil, or is 0 at a point."""
    stencil = _stencil(problem, variable, step, _WIDENED)
    assert problem.second is not None  # noqa: S101  (see `Traits.orders`)
    moving = {problem.second.inner, variable}
    straddling = np.zeros(problem.count, dtype=bool)
    for switch in find_switches(problem.written):
        inputs = switch.program.inputs
        if not moving & set(inputs):
            continue
        points = [columns for _, columns in stencil.corners] + [problem.columns]
        values = [evaluate(switch.program, {n: x[n] for n in inputs}) for x in points]
        side = np.floor if switch.crosses_integers else np.sign
        with np.errstate(invalid="ignore"):
            for value in values:
                straddling |= (side(value) != side(values[0])) | (value == 0)
    return straddling
