"""Find the numbers that differ from the value of a program by more than rounding explains.

Most points are settled by the program's value in doubles: a number close to it does not differ. At
the others running error bounds are computed over arrays, and where these leave a doubt, the exact
value and a bound of the rounding errors are computed point by point. Where neither bound is
available nothing is said: a number differs only if that is proved.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import flint
import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.arrays import evaluate, evaluate_nodes
from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.estimates import CLEARLY_OFF, FUNCTIONS, estimate_together
from symdiff.arithmetics.bounds.jets import Jet, Strict, TieError
from symdiff.arithmetics.bounds.models import Estimate
from symdiff.arithmetics.bounds.own_ways import AnyWay, AnyWayOnArrays
from symdiff.arithmetics.bounds.rounding import FLOAT64, rounded_ball, value_ball, value_radius
from symdiff.arithmetics.bounds.ties import BothBranches
from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.germ_values import Infinite, Outside, Value, domain_message
from symdiff.arithmetics.series.puiseux import Germ, constant_germ
from symdiff.arithmetics.series.reals import Real, UndecidedError, nearest, nearest_in
from symdiff.array_types import Array, Mask
from symdiff.chunks import in_chunks
from symdiff.errors import Unsupported
from symdiff.grid.switches import find_constant_switches, find_switches
from symdiff.program import Program
from symdiff.program.nodes import Call
from symdiff.program.values import Dtype
from symdiff.truth.certify import is_off_zero

MAX_EXACT: Final = 5000  # largest number of points at which exact values are computed
# A value this many times below the largest number may be computed by way of a larger one: e**x is
# twice sinh(x).
_OVERFLOW: Final = 4
# An exact value beyond the doubles counts as infinite, and may be close to a finite one above this.
_NEARLY_INFINITE: Final = 1e308
_CHUNK: Final = 2**16  # number of points at which all parts of a program are kept at once
_ALMOST: Final = 1 - 2.0**-20  # a factor that leaves room for the rounding of a bound
_BITS: Final = (128, 512, 2048)  # precisions at which balls are tried, in this order


@dataclasses.dataclass(frozen=True, slots=True)
class Margin:
    """How far a number may be from a value, in addition to the rounding errors of the program.

    Attributes
    ----------
    rtol, atol
        The tolerance: ``atol + rtol*|f|`` for a value f.
    dtype
        The dtype in which the number was computed, which sets the rounding errors.
    """

    rtol: float
    atol: float = 0.0
    dtype: Dtype = FLOAT64

    def around(self, value: float) -> float:
        """Return the tolerance for a value."""
        return self.atol + self.rtol * abs(value)


@dataclasses.dataclass(frozen=True, slots=True)
class ExactValue:
    """The value of a program at one point.

    Attributes
    ----------
    number
        The nearest double, or an infinity; NaN where the program is undefined.
    undefined
        Why the program is undefined, or "".
    """

    number: float
    undefined: str = ""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """The points at which numbers are proved to differ from the value of a program.

    Attributes
    ----------
    points
        The indices of the k points, in order.
    values
        The right values there: those of the program.
    others
        The values of another program there, if it is compared with a program.
    """

    points: NDArray[np.intp]
    values: tuple[ExactValue, ...]
    others: tuple[ExactValue, ...] = ()


def exact_value(program: Program, point: Mapping[str, float]) -> ExactValue | None:
    """Return the value of a program at a point of doubles, or None if it is not decided.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> exact_value(parse("abs(x) + 1/3"), {"x": 0.0}).number
    0.3333333333333333
    >>> exact_value(parse("log(x)"), {"x": -1.0}).undefined
    'a logarithm of a negative number'
    """
    for bits in _BITS:
        ball = _ball(program, point, bits)
        if ball is None or not ball.is_finite():
            break
        number = nearest_in(ball)
        if number is not None:
            return ExactValue(number)
    numbers = {name: Real.of(x) for name, x in point.items() if math.isfinite(x)}
    return None if len(numbers) < len(point) else value_at(program, numbers)


def value_at(program: Program, point: Mapping[str, Real]) -> ExactValue | None:
    """Return the value of a program at a point of exact numbers, or None if it is not decided.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> from symdiff.truth.exact_points import exact_number
    >>> value_at(parse("heaviside(x**2 - 2, 0.5)"), {"x": exact_number("sqrt(2)")}).number
    0.5
    """
    inputs = {name: constant_germ(number) for name, number in point.items()}
    return _of_germ(germs.evaluate(program, inputs))


def _of_germ(value: Value) -> ExactValue | None:
    """Return an exact value as doubles, or None if it is not decided."""
    if isinstance(value, Outside):
        return ExactValue(math.nan, value.reason)
    if isinstance(value, Infinite):
        return ExactValue(math.copysign(math.inf, value.sign))
    if isinstance(value, Germ) and value.is_constant:
        with contextlib.suppress(UndecidedError):
            return ExactValue(nearest(value.constant))
    return None


def _ball(program: Program, point: Mapping[str, float], bits: int) -> flint.arb | None:
    """Return a ball that contains the value, or None where none is proved."""
    with flint.ctx.workprec(bits):
        inputs = {name: Jet(flint.arb(x)) for name, x in point.items()}
        try:
            jet = jets.evaluate(program, inputs, Strict())
        except (TieError, Unsupported, RecursionError):
            return None
    return None if jet is None else jet.value


def differences(
    program: Program,
    columns: Mapping[str, Array],
    numbers: Array,
    margin: Margin,
) -> Differences:
    """Return where numbers differ from the value of a program.

    Parameters
    ----------
    program
        The program.
    columns
        The coordinates of the points by input, shape (n,); they count as exact.
    numbers
        The numbers that are compared with its values, shape (n,).
    margin
        A number differs if it is further from the value than the tolerance and a bound of the
        rounding errors together.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> x = np.array([-1.0, 0.0, 2.0])
    >>> found = differences(parse("abs(x)"), {"x": x}, x, Margin(1e-9))
    >>> found.points.tolist(), found.values[0].number
    ([0], 1.0)
    """
    left = _not_close(program, columns, numbers, margin)
    if not len(left):
        return Differences(left, ())
    found: dict[int, ExactValue] = {}
    exact = left
    if margin.dtype == FLOAT64:
        certified = _certified(program, _at(left, columns), numbers[left], margin)
        if certified is not None:
            clear, bounds = certified
            exact = left[~clear]
            found.update(
                (int(left[row]), _certified_value(bounds, row))
                for row in np.flatnonzero(clear).tolist()
            )
    exact = exact[:MAX_EXACT]
    if margin.dtype.bits < FLOAT64.bits:
        rounded = _is_rounding(program, _at(exact, columns), numbers[exact], margin.dtype)
        exact = exact[~rounded]
    for i in exact.tolist():
        point = {name: float(column[i]) for name, column in columns.items()}
        differing = _difference(program, point, float(numbers[i]), margin)
        if differing is not None:
            found[i] = differing
    points = np.array(sorted(found), dtype=np.intp)
    return Differences(points, tuple(found[i] for i in points.tolist()))


def _at(points: NDArray[np.intp], columns: Mapping[str, Array]) -> dict[str, Array]:
    """Return the coordinates of some points."""
    return {name: column[points] for name, column in columns.items()}


def _not_close(
    program: Program, columns: Mapping[str, Array], numbers: Array, margin: Margin
) -> NDArray[np.intp]:
    """Return where numbers are not within tolerance of the value in doubles, nor equal to it."""
    left: dict[int, NDArray[np.intp]] = {}  # by the start of the chunk

    def compare(chunk: slice) -> None:
        part = numbers[chunk]
        value = evaluate(program, {name: column[chunk] for name, column in columns.items()})
        with np.errstate(all="ignore"):
            allowed = np.abs(value)
            allowed *= margin.rtol
            allowed += margin.atol
            deviation = part - value
            np.abs(deviation, out=deviation)
            close = deviation <= allowed
        close &= np.isfinite(value)
        if not close.all():
            close |= (part == value) | (np.isnan(part) & np.isnan(value))
            left[chunk.start] = np.flatnonzero(~close) + chunk.start

    in_chunks(len(numbers), compare)
    return np.concatenate([np.zeros(0, dtype=np.intp), *(left[start] for start in sorted(left))])


def differences_of_programs(
    program: Program, other: Program, columns: Mapping[str, Array], margin: Margin
) -> Differences:
    """Return where the value of a program is proved to differ from that of another one.

    It differs as well where one of them is undefined and the other is not: x*x/x is not x at 0.

    Parameters
    ----------
    program, other
        The programs.
    columns
        The coordinates of the points by input, shape (n,); they count as exact.
    margin
        The tolerance.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> x = {"x": np.array([-1.0, 0.0, 2.0])}
    >>> differences_of_programs(parse("abs(x)"), parse("x*x/x"), x, Margin(1e-9)).points.tolist()
    [0, 1]
    """
    first, second = (evaluate(p, _columns_of(p, columns)) for p in (program, other))
    with np.errstate(all="ignore"):
        close = np.abs(first - second) <= margin.atol + margin.rtol * np.abs(second)
        close &= np.isfinite(second)
    undefined = np.isnan(first), np.isnan(second)
    close |= (first == second) | (undefined[0] & undefined[1])
    hidden = _may_hide_infinity(program, columns) | _may_hide_infinity(other, columns)
    may_differ = np.flatnonzero(~close | hidden)
    # NaN and inf may come from an overflow: other points are tried first.
    last = undefined[0] | undefined[1] | hidden
    may_differ = may_differ[np.argsort(last[may_differ], kind="stable")]
    found: dict[int, tuple[ExactValue, ExactValue]] = {}
    for i in may_differ[:MAX_EXACT].tolist():
        point = {name: float(column[i]) for name, column in columns.items()}
        own, right = (exact_value(p, {n: point[n] for n in p.inputs}) for p in (program, other))
        if own is not None and right is not None and _are_different(own, right, margin):
            found[i] = right, own
    points = np.array(sorted(found), dtype=np.intp)
    values, others = (tuple(found[i][k] for i in points.tolist()) for k in (0, 1))
    return Differences(points, values, others)


def _columns_of(program: Program, columns: Mapping[str, Array]) -> dict[str, Array]:
    return {n: x for n, x in columns.items() if n in program.inputs} or dict(columns)


def _may_hide_infinity(program: Program, columns: Mapping[str, Array]) -> Mask:
    """Return where the value of a program is finite in doubles, and that of a part of it infinite.

    In doubles exp(log(x)/2) is 0 at 0, where it is undefined.
    """
    inputs = _columns_of(program, columns)
    count = len(next(iter(columns.values()))) if columns else 1
    hidden = np.zeros(count, dtype=bool)
    for start in range(0, count, _CHUNK):
        part = {name: column[start : start + _CHUNK] for name, column in inputs.items()}
        with np.errstate(all="ignore"):
            values = [v for v in evaluate_nodes(program, part).values() if np.ndim(v)]
        for value in values:
            hidden[start : start + _CHUNK] |= np.isinf(value)
        for column in part.values():
            hidden[start : start + _CHUNK] &= np.isfinite(column)
    return hidden


def _are_different(value: ExactValue, other: ExactValue, margin: Margin) -> bool:
    """Return whether two exact values differ, or one of them is undefined or infinite."""
    v, f = value.number, other.number
    if math.isfinite(v) and math.isfinite(f):
        return abs(v - f) > margin.atol + margin.rtol * abs(f)
    finite = [abs(x) for x in (v, f) if math.isfinite(x)]
    return len(finite) == 1 and finite[0] < _NEARLY_INFINITE


def _certified(
    program: Program, columns: Mapping[str, Array], numbers: Array, margin: Margin
) -> tuple[Mask, Estimate] | None:
    """Return where error bounds over the arrays prove a difference, with the bounded values.

    A difference must exceed the bound by a large factor, as the numbers may have been computed in
    a different order than the program's, and no switch may be near zero. Return None where no error
    bounds are available.
    """
    switches = (*find_switches(program), *find_constant_switches(program))
    programs = (program, *(switch.program for switch in switches))
    try:
        bounds, *switch_bounds = estimate_together(programs, columns, None, AnyWayOnArrays())
    except Unsupported:
        return None
    value, error, outside = _columns(bounds, len(numbers))
    with np.errstate(all="ignore"):
        allowed = margin.atol + margin.rtol * np.abs(value) + CLEARLY_OFF * error
        off = np.abs(numbers - value) > allowed
        off_domain: Mask = outside > 0
        for switch, of_switch in zip(switches, switch_bounds, strict=True):
            is_off = is_off_zero(switch, of_switch)
            off, off_domain = off & is_off, off_domain & is_off
    is_bounded = np.isfinite(value) & np.isfinite(error) & (outside == 0)
    # Numbers that overflowed are left to the exact values.
    clear = ((is_bounded & off) | off_domain) & np.isfinite(numbers)
    return clear, Estimate(value, error, outside=outside)


def _is_rounding(
    program: Program, columns: Mapping[str, Array], numbers: Array, dtype: Dtype
) -> Mask:
    """Return where one rounding to a coarse dtype explains a deviation; elsewhere it may, or not.

    One rounding explains less than a unit of the dtype: `value_radius` is at least that, unless the
    value is computed without rounding. This is ruled out where no number of the dtype is within the
    error bound of the value.
    """
    switches = (*find_switches(program), *find_constant_switches(program))
    programs = (program, *(switch.program for switch in switches))
    undecided = np.zeros(len(numbers), dtype=bool)
    if not isinstance(program.nodes[program.output], Call):
        return undecided  # nothing is rounded
    try:
        bounds, *switch_bounds = estimate_together(programs, columns, None)
    except Unsupported:
        return undecided
    value, error, outside = _columns(bounds, len(numbers))
    unlimited = Dtype(dtype.name, dtype.bits, 0.0, 0.0)  # as the exponents of balls are
    with np.errstate(all="ignore"):
        allowed = _ALMOST * 2.0 ** (1 - dtype.bits) * (np.abs(value) - error)
        explained: Mask = np.abs(numbers - value) + error <= allowed
        explained &= np.abs(unlimited.rounded(value) - value) > error
        explained &= np.isfinite(value) & (outside == 0)
        for column in columns.values():
            explained &= dtype.rounded(column) == column
        for switch, of_switch in zip(switches, switch_bounds, strict=True):
            explained &= is_off_zero(switch, of_switch)
    return explained


def _columns(bounds: Estimate, count: int) -> tuple[Array, Array, NDArray[Any]]:
    """Return the values, their errors and `Estimate.outside` as columns of shape (n,)."""
    value, error, outside = (
        np.broadcast_to(np.asarray(x), count) for x in (bounds.value, bounds.error, bounds.outside)
    )
    return value, error, outside


def _certified_value(bounds: Estimate, row: int) -> ExactValue:
    if bounds.outside[row]:
        return ExactValue(math.nan, domain_message(FUNCTIONS[bounds.outside[row]]))
    return ExactValue(float(bounds.value[row]))


def _difference(
    program: Program, point: Mapping[str, float], number: float, margin: Margin
) -> ExactValue | None:
    """Return the value of a program at a point if a number is proved to differ, else None."""
    dtype = margin.dtype
    if any(math.isfinite(x) and not _is_finite_in(dtype, x) for x in point.values()):
        return None  # a coordinate is infinite in the dtype
    exact = exact_value(program, point)
    if exact is None:
        return None
    if math.isfinite(exact.number):
        differs = _is_other_number(program, point, exact.number, number, margin)
    else:
        differs = _is_only_number(program, point, exact.number, number, dtype)
    return exact if differs else None


def _is_other_number(
    program: Program, point: Mapping[str, float], value: float, number: float, margin: Margin
) -> bool:
    """Return whether a number differs from a finite value, rounding included."""
    dtype = margin.dtype
    balls = {name: rounded_ball(x, dtype) for name, x in point.items()}
    if not _is_bounded(program, balls, dtype):
        return False
    radius = value_radius(program, balls, dtype, AnyWay)
    if not math.isfinite(radius):  # no bound, or rounding may lose all digits
        return False
    if math.isinf(number) and _OVERFLOW * abs(value) + radius >= dtype.largest:
        return False
    return not abs(number - value) <= margin.atol + margin.rtol * abs(value) + radius


def _is_only_number(
    program: Program, point: Mapping[str, float], value: float, number: float, dtype: Dtype
) -> bool:
    """Return whether a number is finite where a program has no finite value, rounding included.

    `value` is that of the program: an infinity, or NaN where it is undefined.
    """
    # The program's own value in doubles may be finite by rounding, so that another may be, too.
    in_doubles = evaluate(program, {name: np.array([x]) for name, x in point.items()})
    if not math.isfinite(number) or math.isfinite(float(in_doubles[0])):
        return False
    balls = {name: rounded_ball(x, dtype) for name, x in point.items()}
    # The number that is too large is bounded as one of any size.
    computing = dtype if math.isnan(value) else dataclasses.replace(dtype, top=math.inf)
    # As written, x - x is 0; in any other way as well if x is a number of the dtype.
    is_rounded = not all(ball.is_exact() for ball in balls.values())
    ball = _value_in(program, balls, computing, AnyWay if is_rounded else BothBranches)
    return ball is None or bool(abs(ball) > flint.arb(dtype.largest))


def _is_finite_in(dtype: Dtype, x: float) -> bool:
    return math.isfinite(float(dtype.rounded(np.float64(x))))


def _is_bounded(program: Program, balls: Mapping[str, Ball], dtype: Dtype) -> bool:
    """Return whether rounding leads to no pole, and not out of the domain."""
    ball = _value_in(program, balls, dtype, AnyWay)
    return ball is not None and bool(ball.is_finite())


def _value_in(
    program: Program, balls: Mapping[str, Ball], dtype: Dtype, mode: type[BothBranches]
) -> Ball | None:
    """Return a ball of the values that rounding in a dtype may lead to; None if there are none."""
    try:
        return value_ball(program, balls, {}, dtype, mode)
    except (Unsupported, RecursionError):
        return flint.arb("nan")
