"""The course of a function and of its derivative along one axis, in pieces."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.arrays import evaluate
from symdiff.arithmetics.series.reals import Real
from symdiff.array_types import Array, Mask
from symdiff.engines.base import Problem
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.differentiation import derivative_program
from symdiff.report.curves.scales import SHORTEST
from symdiff.report.curves.subjects import Subject
from symdiff.truth.exact_points import exact_number
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths
from symdiff.truth.values import value_at

# Abscissae between the ends of an axis, and the fewest between two points at which a line ends.
_SAMPLES: Final = 240
_FEWEST: Final = 6
# Abscissae of a function with more extrema than the second number.
_MANY_SAMPLES: Final = 960
_MOST_TURNS: Final = 20
# At most this many of the points at which a line ends get more abscissae close to them.
_MOST_REFINED: Final = 12
# Distance, in parts of the axis, at which a one-sided limit is read off.
_BESIDE: Final = 1e-9
# Programs with more nodes are drawn from the points of the grid alone.
_MOST_NODES: Final = 4000
# Lines pass through points of these kinds.
_UNBROKEN: Final = (Kind.SMOOTH, Kind.PARTIAL, Kind.UNDECIDED)
# At points of these kinds the function is continuous, from one side at an edge.
_CONTINUOUS: Final = (Kind.KINK, Kind.VERTICAL, Kind.EDGE)
# Beside points of these kinds, numbers may grow without bound.
_UNBOUNDED: Final = (Kind.VERTICAL, Kind.EDGE, Kind.POLE, Kind.OUTSIDE, Kind.OSCILLATING)
# Values at jumps are computed exactly at this many points.
_MOST_EXACT: Final = 20
# Two numbers closer than this part of the range of a line count as equal.
_CLOSE: Final = 1e-3


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A line in pieces.

    Attributes
    ----------
    x, y
        The vertices, shape (n,). NaN in `y` separates two pieces.
    closed
        The points that belong to the function and where a piece ends, shape (k, 2).
    open
        The ends that do not belong to it, shape (l, 2).
    """

    x: Array
    y: Array
    closed: Array
    open: Array


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What a picture shows of a function along one axis.

    Attributes
    ----------
    axis
        The variable along the axis.
    span
        The ends of the axis.
    value, derivative
        The function, and its true derivative.
    bars
        The Clarke intervals at kinks: coordinate, left slope, right slope; shape (k, 3).
    undefined
        The intervals in which the function is undefined, shape (m, 2).
    undecided
        The coordinates of the points whose kind is not decided.
    is_bounded
        Whether no pole, end of the domain or infinite slope is among the points.
    """

    axis: str
    span: tuple[float, float]
    value: Curve
    derivative: Curve
    bars: Array
    undefined: Array
    undecided: Array
    is_bounded: bool


def course(subject: Subject) -> Course:
    """Return the course of a function and its derivative along the axis of a picture."""
    along, problem = subject.coordinates, subject.trial.problem
    truths = subject.trial.truths[subject.variable]
    low, high = span = _span(along)
    ends = _ends(along, truths.kinds)
    breaks = along[ends]
    samples = _abscissae(span, breaks, _SAMPLES)
    if _oscillates(problem, subject.axis, samples):
        samples = _abscissae(span, breaks, _MANY_SAMPLES)
    near = _BESIDE * (high - low)
    beside = np.stack([breaks - near, breaks + near], axis=1)  # shape (k, 2)
    every = np.concatenate([samples, beside.ravel(), breaks])
    columns = _columns(problem, subject.axis, every)
    values = _evaluated(problem.program, columns)
    slopes = _slopes(problem.program, subject.variable, columns)
    count, sides = len(samples), slice(len(samples), len(samples) + beside.size)
    return Course(
        axis=subject.axis,
        span=span,
        value=_value(
            samples,
            values[:count],
            breaks,
            values[sides].reshape(-1, 2),
            _at(
                _at_exact_points(subject, ends, values[sides.stop :]),
                values[sides].reshape(-1, 2),
                truths.kinds[ends],
            ),
        ),
        derivative=_derivative(
            samples, slopes[:count], along, truths, ends, slopes[sides].reshape(-1, 2)
        ),
        bars=_bars(along, truths),
        undefined=_undefined(span, samples, values[:count], along[truths.kinds == Kind.OUTSIDE]),
        undecided=np.unique(along[truths.kinds == Kind.UNDECIDED]),
        is_bounded=not np.isin(truths.kinds, _UNBOUNDED).any(),
    )


def _columns(problem: Problem, axis: str, x: Array) -> dict[str, Array]:
    """Return coordinates along an axis, with those of the other inputs as at the first point."""
    return {
        name: x if name == axis else np.full(len(x), column[0])
        for name, column in problem.columns.items()
    }


def _oscillates(problem: Problem, axis: str, samples: Array) -> bool:
    """Return whether the function turns so often that it needs more samples."""
    values = _evaluated(problem.program, _columns(problem, axis, samples))
    ups = np.diff(values[np.isfinite(values)]) > 0
    return int(np.count_nonzero(ups[:-1] != ups[1:])) > _MOST_TURNS


def _span(along: Array) -> tuple[float, float]:
    """Return the ends of an axis through some points; a single one gets a margin on both sides."""
    finite = along[np.isfinite(along)]
    low, high = float(finite.min(initial=np.inf)), float(finite.max(initial=-np.inf))
    if low > high:
        return -1.0, 1.0
    if high - low > max(_BESIDE * max(abs(low), abs(high)), SHORTEST):
        return low, high
    margin = max(1.0, abs(low) / 2)
    return low - margin, high + margin


def _ends(along: Array, kinds: NDArray[np.int8]) -> NDArray[np.intp]:
    """Return the points at which lines end, in order along the axis.

    Of neighbouring points outside the domain the first and the last are enough.
    """
    order = np.argsort(along, kind="stable")
    sorted_kinds = kinds[order]
    is_end = ~np.isin(sorted_kinds, _UNBROKEN)
    is_outside = sorted_kinds == Kind.OUTSIDE
    is_inner = np.zeros_like(is_end)
    is_inner[1:-1] = is_outside[:-2] & is_outside[1:-1] & is_outside[2:]
    ends = order[is_end & ~is_inner]
    first = np.concatenate([[True], np.diff(along[ends]) > 0]) if len(ends) else slice(0)
    return ends[first]


def _abscissae(span: tuple[float, float], breaks: Array, samples: int) -> Array:
    """Return abscissae along an axis, closer together beside the points at which lines end."""
    low, high = span
    width = high - low
    corners = np.unique(np.concatenate([[low], breaks, [high]]))
    parts = [np.array([low, high])]
    for a, b in itertools.pairwise(corners.tolist()):
        count = max(_FEWEST, round(samples * (b - a) / width))
        parts.append(a + (b - a) * (np.arange(count) + 0.5) / count)
        if len(breaks) <= _MOST_REFINED:
            near = (b - a) / count * 2.0 ** -np.arange(2.0, 12.0)
            parts.extend([a + near, b - near])
    every = np.unique(np.concatenate(parts))
    return every[~np.isin(every, breaks)]


def _evaluated(program: Program, columns: dict[str, Array]) -> Array:
    if len(program.order) > _MOST_NODES:
        return np.full(_length(columns), np.nan)
    return evaluate(program, columns)


def _slopes(program: Program, variable: str, columns: dict[str, Array]) -> Array:
    """Return the derivative by its formula; NaN where none is known."""
    unknown = np.full(_length(columns), np.nan)
    if len(program.order) > _MOST_NODES or variable not in program.inputs:
        return unknown
    try:
        return evaluate(derivative_program(program, variable, side=0), columns)
    except Unsupported:
        return unknown


def _length(columns: dict[str, Array]) -> int:
    return len(next(iter(columns.values())))


def _at_exact_points(subject: Subject, ends: NDArray[np.intp], at: Array) -> Array:
    """Return the values at breaks, with those at jumps whose coordinates are no doubles."""
    problem, kinds = subject.trial.problem, subject.trial.truths[subject.variable].kinds
    values = at.copy()
    jumps = [k for k, i in enumerate(ends.tolist()) if i in subject.exact and kinds[i] == Kind.JUMP]
    for k in jumps[:_MOST_EXACT]:
        number = exact_number(subject.exact[int(ends[k])])
        if number is None:
            continue
        others = {name: Real.of(float(column[0])) for name, column in problem.columns.items()}
        value = value_at(problem.program, {**others, subject.axis: number})
        if value is not None:
            values[k] = value.number
    return values


def _at(at: Array, beside: Array, kinds: NDArray[np.int8]) -> Array:
    """Return the values at breaks, continued where the formula of a derivative has none."""
    side = np.where(np.isfinite(beside[:, 0]), beside[:, 0], beside[:, 1])
    return np.where(np.isin(kinds, _CONTINUOUS) & np.isnan(at), side, at)


def _value(samples: Array, values: Array, breaks: Array, beside: Array, at: Array) -> Curve:
    """Return the line of a function whose one-sided limits and values at its breaks are given."""
    x, y = _in_pieces(samples, values, breaks, beside)
    scale = _size(values)
    with np.errstate(invalid="ignore"):  # the difference of infinities is NaN
        gaps = np.abs(beside - at[:, None])
    differs = ~(gaps <= _CLOSE * scale)  # also where either is NaN
    has_value = np.isfinite(at)
    closed = has_value & differs.any(axis=1)
    is_open = np.isfinite(beside) & differs
    return Curve(x, y, _pairs(breaks[closed], at[closed]), _open(breaks, beside, is_open))


def _derivative(  # noqa: PLR0913, PLR0917  (a line, and what is known at points)
    samples: Array,
    slopes: Array,
    along: Array,
    truths: Truths,
    ends: NDArray[np.intp],
    beside: Array,
) -> Curve:
    """Return the line of the derivative, through the truth at the points of the grid."""
    known = np.isin(truths.kinds, (Kind.SMOOTH, Kind.PARTIAL)) & np.isfinite(truths.derivative)
    x, y = along[known], truths.derivative[known]
    if np.isfinite(slopes).any():  # else there is no formula: a line through the known points
        few = slice(None, None, 1 + len(x) // _SAMPLES)
        kept = np.isfinite(slopes) | ~_between(samples, along, known)
        x = np.concatenate([samples[kept], x[few]])
        y = np.concatenate([slopes[kept], y[few]])
    order = np.argsort(x, kind="stable")
    kinds, breaks = truths.kinds[ends], along[ends]
    one_sided = np.stack([truths.left[ends], truths.right[ends]], axis=1)
    has_slopes = np.isin(kinds, (Kind.KINK, Kind.EDGE))
    limits = np.where(has_slopes[:, None], one_sided, beside)
    limits = np.where((kinds == Kind.OSCILLATING)[:, None], np.nan, limits)
    x, y = _in_pieces(x[order], y[order], breaks, limits)
    exists = np.isfinite(truths.derivative[ends])
    is_open = np.isfinite(limits) & ~exists[:, None]
    closed = _pairs(breaks[exists], truths.derivative[ends][exists])
    return Curve(x, y, closed, _open(breaks, limits, is_open))


def _between(samples: Array, along: Array, known: Mask) -> Mask:
    """Return which samples lie between two points of the grid at which the derivative is known."""
    order = np.argsort(along, kind="stable")
    sides = np.concatenate([[False], known[order], [False]])
    right = np.searchsorted(along[order], samples)
    between: Mask = sides[right] & sides[right + 1]
    return between


def _in_pieces(x: Array, y: Array, breaks: Array, beside: Array) -> tuple[Array, Array]:
    """Return a line with its one-sided limits at breaks, and a NaN between two pieces."""
    rank = np.concatenate([np.zeros(len(x)), np.tile([-1.0, 0.0, 1.0], len(breaks))])
    gaps = np.column_stack([beside[:, :1], np.full((len(breaks), 1), np.nan), beside[:, 1:]])
    abscissae = np.concatenate([x, np.repeat(breaks, 3)])
    order = np.lexsort([rank, abscissae])
    return abscissae[order], np.concatenate([y, gaps.ravel()])[order]


def _open(breaks: Array, beside: Array, is_open: Mask) -> Array:
    return np.concatenate(
        [_pairs(breaks[m], b[m]) for b, m in zip(beside.T, is_open.T, strict=True)]
    )


def _pairs(x: Array, y: Array) -> Array:
    return np.stack([x, y], axis=1)


def _size(values: Array) -> float:
    """Return the range of a line, without the largest of its values."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 1.0
    low, high = np.quantile(finite, [0.05, 0.95])
    return float(high - low) or float(np.abs(finite).max()) or 1.0


def _bars(along: Array, truths: Truths) -> Array:
    kinks = np.flatnonzero(truths.kinds == Kind.KINK)
    bars = np.stack([along[kinks], truths.left[kinks], truths.right[kinks]], axis=1)
    return np.unique(bars, axis=0)


def _undefined(span: tuple[float, float], samples: Array, values: Array, outside: Array) -> Array:
    """Return the intervals without values that contain a point outside the domain."""
    missing = np.concatenate([[False], ~np.isfinite(values), [False]])
    edges = np.flatnonzero(np.diff(missing.astype(np.int8)))
    starts, stops = edges[::2], edges[1::2] - 1
    corners = np.concatenate([[span[0]], samples, [span[1]]])
    intervals = [
        (corners[a], corners[b + 2])
        for a, b in zip(starts, stops, strict=True)
        if b > a and ((outside >= corners[a]) & (outside <= corners[b + 2])).any()
    ]
    return np.array(intervals, dtype=np.float64).reshape(-1, 2)
