"""Central finite differences of the program in numpy, with an estimate of their errors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.arrays import (
    evaluate,
    evaluate_tensor,
    evaluate_together,
    held_in_tensors,
    held_nodes,
)
from symdiff.arithmetics.bounds.rounding import FLOAT64
from symdiff.arithmetics.bounds.tensor_estimates import straddles
from symdiff.array_types import Array, Mask
from symdiff.catalogue import CATALOGUE
from symdiff.engines.base import (
    Allowance,
    ErrorEstimate,
    Problem,
    Samples,
    Traits,
)
from symdiff.engines.directional import (
    Direction,
    DirectionalBound,
    DirectionalProblem,
    DirectionalSamples,
)
from symdiff.engines.options import EngineOption, positive
from symdiff.engines.running import check_memory, without_failing_points
from symdiff.engines.second_differences import allowance_of, differenced_twice, errors_of
from symdiff.engines.stencils import stencil_allowance
from symdiff.errors import Unsupported, describe
from symdiff.grid.points import difference_step, ends_of_stencil
from symdiff.grid.switches import Switch, find_switches
from symdiff.program import Program
from symdiff.program.values import DTYPES, Dtype

__all__ = ["ENGINE"]

_EPSILON = float(np.finfo(np.float64).eps)
_STEP = _EPSILON ** (1 / 3)  # finite-difference step along a direction of tensors
_ROUNDINGS = 4.0  # estimated rounding error of f after a few operations, in units of ε|f|
_WIDENED = 1 + 2.0**-20  # factor by which a stencil is widened when a zero is sought inside it
# A switch is evaluated at the widened stencil if its value at an end is below this fraction of
# its change across the stencil.
_NEAR_ZERO = 2.0**-16
_SHORTER = 2.0**-20  # step in units of |x| where the usual stencil leaves the domain
_MAX_TOGETHER = 4096  # most points times variables that are differentiated in one pass


@dataclasses.dataclass(frozen=True, slots=True)
class _Central:
    """The engine; see `symdiff.engines.base.Engine`.

    Attributes
    ----------
    step
        The step h at every point; None: one that suits the size of x.
    """

    name: str = "central"
    step: float | None = None

    @property
    def traits(self) -> Traits:
        """It evaluates callables too."""
        return Traits(modes=("differences",), runs_callables=True, orders=(1, 2))

    @property
    def options(self) -> tuple[EngineOption, ...]:
        """It takes a step."""
        return (EngineOption("h", "a positive number", positive),)

    def configured(self, name: str, values: Mapping[str, Any]) -> _Central:
        return dataclasses.replace(self, name=name, step=values["h"])

    def differentiate(self, problem: Problem) -> Samples:
        if problem.function is None:
            samples = self._differentiate(problem)
            if not problem.has_values:
                return samples
            values = evaluate(problem.program, dict(problem.columns))
            return dataclasses.replace(samples, values=values)
        _check_nothing_is_held(problem.written)
        try:
            return self._differentiate_callable(problem)
        except Unsupported:
            raise
        except Exception as error:  # noqa: BLE001  (a callable may raise anything: it is data)
            check_memory(error)
            return without_failing_points(problem, self._differentiate_callable, error)

    def _differentiate_callable(self, problem: Problem) -> Samples:
        """Differentiate a callable; its values come first."""
        from symdiff.engines.callables import dtype_of_values, values_of  # noqa: PLC0415  (torch)

        values = values_of(problem)
        dtype = dtype_of_values(problem, values)
        return dataclasses.replace(self._differentiate(problem), values=values, dtype=dtype)

    def _differentiate(self, problem: Problem) -> Samples:
        if problem.order > 1:
            return differenced_twice(problem, self.step)
        names = problem.variables
        if len(names) < 2 or problem.count * len(names) > _MAX_TOGETHER:
            columns = {
                name: _differences(_Moves.along(problem, (name,)), self.step) for name in names
            }
        else:  # many variables at few points: all in one pass
            together = _differences(_Moves.along(problem, names), self.step)
            n = problem.count
            blocks = [slice(k * n, (k + 1) * n) for k in range(len(names))]
            columns = {
                name: tuple(column[block] for column in together)
                for name, block in zip(names, blocks, strict=True)
            }
        derivatives = {name: quotients for name, (quotients, *_) in columns.items()}
        if not problem.estimate_errors:
            return Samples(derivatives)
        errors = {name: column[1] for name, column in columns.items()}
        straddling = {name: column[2] for name, column in columns.items()}
        return Samples(derivatives, errors, straddling)

    def estimate_errors(self, problem: Problem, variable: str) -> ErrorEstimate:
        if problem.order > 1:
            return errors_of(problem, variable, self.step)
        full = dataclasses.replace(problem, estimate_errors=True)
        _, errors, straddling = _differences(_Moves.along(full, (variable,)), self.step)
        return ErrorEstimate(errors, straddling)

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        dtype, reason = _dtype_at(problem, point)
        if reason:
            return Allowance(math.nan, reason=reason)
        if problem.order > 1:
            return allowance_of(problem, variable, point, self.step, dtype)
        x = problem.columns[variable][point : point + 1]
        usual = (float(difference_step(x)[0]), abs(float(x[0])) * _SHORTER)
        for h in usual if self.step is None else (self.step,):
            allowance = _allowance(problem, variable, point, h, dtype)
            if not allowance.stencil_leaves_domain:
                break
        return allowance

    def along(
        self, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
    ) -> DirectionalSamples:
        if problem.function is not None:
            _check_nothing_is_held(problem.program)
        held = held_in_tensors(problem.program, problem.values)
        slopes, errors, straddling = {}, {}, {}
        step = self.step or _STEP
        for name, v in problem.directions.items():
            narrow, wide = (_quotient_along(problem, v, held, h) for h in (step, 2 * step))
            slopes[name] = np.array([narrow])
            straddling[name] = np.array([_straddles_along(problem, v, step)])
            rounding = bounds[name].value_error / step
            error = abs(wide - narrow) + (rounding if math.isfinite(rounding) else 0.0)
            errors[name] = np.array([error if math.isfinite(error) else 0.0])
        samples, allowances = Samples(slopes, errors, straddling), dict[str, Allowance]()
        if problem.function is not None:
            dtype, values = _run_along(problem, problem.values, with_dtype=True)
            samples = dataclasses.replace(samples, values=values[np.newaxis], dtype=dtype)
            if dtype != "float64":
                reason = f"the callable computes in {dtype}: its rounding error is not known"
                allowances = dict.fromkeys(slopes, Allowance(math.nan, reason=reason))
        return DirectionalSamples(samples, allowances, {})


def _run_along(
    problem: DirectionalProblem, values: Mapping[str, Any], *, with_dtype: bool = False
) -> tuple[str, Array]:
    """Return the coarsest dtype of a callable, if asked for, and its value on tensors."""
    from symdiff.engines.callables import (  # noqa: PLC0415  (loads torch)
        as_doubles,
        coarsest_dtype_in,
        gradients_enabled,
    )
    from symdiff.engines.torch_programs import run_program, tensor_leaves  # noqa: PLC0415

    tensors = {
        name: dataclasses.replace(value, array=np.asarray(values[name], dtype=value.array.dtype))
        for name, value in problem.tensor_problem.values.items()
        if name in values
    }
    moved = dataclasses.replace(problem.tensor_problem, values=tensors)

    def run() -> Any:  # noqa: ANN401  (a tensor)
        return run_program(moved, tensor_leaves(moved, {}), problem.function)

    with gradients_enabled():
        dtype = coarsest_dtype_in(run) if with_dtype else "float64"
        return dtype, as_doubles(run())


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
        problem.contracted(
            evaluate_tensor(problem.program, end, held=held)
            if problem.function is None
            else _run_along(problem, end)[1]
        )
        for end in _ends(problem, v, h)
    )
    return (above - below) / (2 * h)


def _straddles_along(problem: DirectionalProblem, v: Direction, h: float) -> bool:
    """Return whether a kink may lie in the stencil, which the error estimate does not reveal."""
    try:
        return straddles(problem.program, _ends(problem, v, h))
    except Unsupported:
        return True


@dataclasses.dataclass(frozen=True, slots=True)
class _Moves:
    """Points, and the input along which the difference is taken at each.

    Attributes
    ----------
    program
        The program that is evaluated.
    columns
        The coordinates of every input, shape (m,).
    moving
        The points at which an input is the one that moves, shape (m,); None: all points.
    estimate_errors
        Whether errors are estimated, and straddled kinks looked for.
    problem
        The problem; its callable, if there is one, is evaluated in place of the program.
    """

    program: Program
    columns: Mapping[str, Array]
    moving: Mapping[str, Mask | None]
    estimate_errors: bool
    problem: Problem

    @classmethod
    def along(cls, problem: Problem, names: Sequence[str]) -> _Moves:
        """Return the points of a problem, repeated for every name with that input moving."""
        if len(names) == 1:
            return cls(
                problem.program,
                problem.columns,
                {names[0]: None},
                problem.estimate_errors,
                problem,
            )
        columns = {n: np.tile(x, len(names)) for n, x in problem.columns.items()}
        block = np.repeat(np.arange(len(names)), problem.count)
        moving = {n: block == k for k, n in enumerate(names)}
        return cls(problem.program, columns, moving, problem.estimate_errors, problem)

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
        ends = {
            n: end if here is None else np.where(here, end, self.columns[n])
            for n, here in self.moving.items()
        }
        return {**self.columns, **ends}

    def values(self, end: Array, held: dict[int, Any]) -> Array:
        """Return the values of the function with the moving coordinate at `end`."""
        columns = self.to(end)
        if self.problem.function is None:
            return evaluate(self.program, columns, held=held)
        from symdiff.engines.callables import contracted, values_or_nan  # noqa: PLC0415  (loads torch)

        moved = dataclasses.replace(self.problem, columns=columns)
        return contracted(moved, values_or_nan(moved))

    def of(self, names: Sequence[str]) -> Mask | slice | None:
        """Return the points at which one of the named inputs moves, or None if there are none."""
        masks = [mask for name, mask in self.moving.items() if name in names]
        if not masks:
            return None
        partial = [mask for mask in masks if mask is not None]
        return slice(None) if len(partial) < len(masks) else np.logical_or.reduce(partial)

    def part(self, chosen: Mask | NDArray[np.intp]) -> _Moves:
        """Return some of the points."""
        columns = {n: x[chosen] for n, x in self.columns.items()}
        moving = {n: None if m is None else m[chosen] for n, m in self.moving.items()}
        return _Moves(self.program, columns, moving, self.estimate_errors, self.problem)


def _straddles(moves: _Moves, step: Array) -> Mask:
    """Return where a switch crosses 0 or an integer in the widened stencil, or is 0 at an end."""
    straddling = np.zeros(len(step), dtype=bool)
    wider = step * _WIDENED
    ends = [moves.to(end) for end in ends_of_stencil(moves.x, wider)]
    for switch in find_switches(moves.program):
        inputs = switch.program.inputs
        here = moves.of(inputs)
        if here is None:
            continue
        high, low = (evaluate(switch.program, {n: end[n][here] for n in inputs}) for end in ends)
        side = np.floor if switch.crosses_integers else np.sign
        with np.errstate(invalid="ignore"):
            straddling[here] |= (side(low) != side(high)) | (low == 0) | (high == 0)
    return straddling


def _may_straddle(switch: Switch, high: Array, low: Array) -> Mask:
    """Return where `_straddles` has to decide: a zero may be in the stencil or near an end."""
    if switch.crosses_integers:
        return np.ones(len(high), dtype=bool)
    with np.errstate(all="ignore"):
        # Elsewhere both ends have one sign, and are at least _NEAR_ZERO |high - low| from 0.
        across = high - low
        across *= across
        across *= 2 * _NEAR_ZERO
        near: Mask = ~(high * low > across)
    return near


def _check_nothing_is_held(program: Program) -> None:
    """Check that a formula keeps nothing constant, which differences of a callable cannot do.

    Raises
    ------
    Unsupported
        A part of it is detached.
    """
    for _, call in program.calls():
        if CATALOGUE[call.function].role == "hold":
            raise Unsupported(
                call.function, "differences of a callable cannot hold constant what it detaches"
            )


def _dtype_at(problem: Problem, point: int) -> tuple[Dtype, str]:
    """Return the dtype in which a function computes at a point, and why it is not known or ""."""
    if problem.function is None:
        return FLOAT64, ""
    from symdiff.engines.callables import dtype_of  # noqa: PLC0415  (loads torch)

    try:
        return DTYPES[dtype_of(problem.part(np.array([point])))], ""
    except Exception as error:  # noqa: BLE001  (a callable may raise anything: it is data)
        check_memory(error)
        return FLOAT64, f"the callable failed at this point: {describe(error)}"


def _allowance(problem: Problem, variable: str, i: int, h: float, dtype: Dtype) -> Allowance:
    """Return the allowance of (f(x+h) - f(x-h))/2h."""
    x = float(problem.columns[variable][i])
    above, below = x + h, x - h
    if above == below:
        return Allowance(stencil_leaves_domain=True)
    ends, weights = (above, below), (1.0, -1.0)
    return stencil_allowance(problem, variable, i, ends, weights, above - below, dtype)


def _differences(moves: _Moves, step: float | None) -> tuple[NDArray[Any], ...]:
    """Return the quotients and, if errors are estimated, the errors and what straddles a kink."""
    x = moves.x
    if step is not None:
        return _quotient(moves, np.full(len(x), step))
    columns = _quotient(moves, difference_step(x))
    derivative = columns[0]
    finite = np.isfinite(derivative) | ~np.isfinite(x)  # inf does not move
    if not finite.all() and (outside := ~finite & (x != 0)).any():
        # Near the end of a domain a step proportional to x stays inside, but is less accurate.
        shorter = _quotient(moves.part(outside), np.abs(x[outside]) * _SHORTER)
        for column, part in zip(columns, shorter, strict=True):
            column[outside] = part
    return columns


def _quotient(moves: _Moves, h: Array) -> tuple[NDArray[Any], ...]:
    """Return the columns of `_differences` for the step h."""
    if not moves.estimate_errors:
        return (_quotient_alone(moves, h),)
    held = held_nodes(moves.program, dict(moves.columns))
    switches = [s for s in find_switches(moves.program) if moves.of(s.program.inputs) is not None]
    programs = [moves.program, *(switch.program for switch in switches)]
    x = moves.x
    above, below = ends_of_stencil(x, h)
    f_above, *up = evaluate_together(programs, moves.to(above), held=held)
    f_below, *down = evaluate_together(programs, moves.to(below), held=held)
    if moves.problem.function is not None:
        f_above, f_below = moves.values(above, held), moves.values(below, held)
    straddles = np.zeros(len(x), dtype=bool)
    for ends in zip(switches, up, down, strict=True):
        straddles |= _may_straddle(*ends)
    near = np.flatnonzero(straddles)
    if len(near):
        straddles[near] = _straddles(moves.part(near), h[near])
    with np.errstate(all="ignore"):
        width = _width(x, above, below, h)
        derivative = (f_above - f_below) / width
        rounding = _ROUNDINGS * _EPSILON * (np.abs(f_above) + np.abs(f_below)) / width
        error = rounding + _truncation(moves, h, derivative, held)
    # An infinite estimate would allow any number.
    return derivative, np.where(np.isfinite(error), error, 0.0), straddles


def _quotient_alone(moves: _Moves, h: Array) -> Array:
    """Return (f(x+h) - f(x-h))/2h."""
    held = held_nodes(moves.program, dict(moves.columns))
    x = moves.x
    above, below = ends_of_stencil(x, h)
    derivative = moves.values(above, held)
    f_below = moves.values(below, held)
    with np.errstate(all="ignore"):
        derivative -= f_below
        derivative /= _width(x, above, below, h)
    return derivative


def _width(x: Array, above: Array, below: Array, h: Array) -> Array:
    """Return the distance of the ends of a stencil; 2h around inf, which does not move."""
    width = above - below
    infinite = np.isinf(x)
    if infinite.any():
        width[infinite] = 2 * h[infinite]
    return width


def _truncation(moves: _Moves, h: Array, derivative: Array, held: dict[int, Any]) -> Array:
    """Return |D(2h) - D(h)|, where D(h) is the quotient with the step h.

    That is the truncation error of D(h) where this error is of first order in h (a kink of f'
    nearby), and three times the truncation error h²f‴/6 where f is smooth.
    """
    above, below = ends_of_stencil(moves.x, 2 * h)
    f_above, f_below = moves.values(above, held), moves.values(below, held)
    return np.abs((f_above - f_below) / (above - below) - derivative)


ENGINE = _Central()
