"""Decide the truth on a whole grid: certify most points in arrays, and prove the others.

A point is certified if no switch is near zero, and the running error bound of the derivative is
small. Blocks of points are tried first, then single points. All other points are proved one by
one, and so is a random sample of the certified points. A certified derivative that contradicts a
proof is a defect of symdiff, and raises `FilterError`.

Source: filtered exact predicates as in Shewchuk 1997, section 4.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.bounds.block_bounds import distance_to_integers, least, lowest, size_of
from symdiff.arithmetics.bounds.blocks import plain, write_rows
from symdiff.arithmetics.bounds.estimates import CLEARLY_OFF, estimate_together
from symdiff.arithmetics.bounds.models import Estimate
from symdiff.arithmetics.series.germs import Budget
from symdiff.array_types import Array, Mask
from symdiff.chunks import BLOCK, in_chunks, is_long
from symdiff.errors import Unsupported, describe
from symdiff.grid.grid import Grid
from symdiff.grid.switches import Switch, find_constant_switches, find_switches
from symdiff.program import Program
from symdiff.program.differentiation import SecondOrder
from symdiff.request.options import MAX_PROOFS, Options
from symdiff.truth.cells import order_by_cells
from symdiff.truth.exact_points import exact_point
from symdiff.truth.kinds import Kind, Truth
from symdiff.truth.proof import NO_FORMULA, prove, smooth_truths
from symdiff.truth.second_order import prove_second
from symdiff.truth.truths import Certified, Proofs, Truths

MAX_AUDITED: Final = 32  # largest number of certified points of a grid that are proved too
AUDIT_RATIO: Final = 32  # one certified point in this many is proved too
AUDIT_ALL_UP_TO: Final = 16  # largest number of certified points that are all proved too
_SHARP: Final = 1e-10  # largest relative error of a certified derivative
# Largest product of points and nodes of a program for which all blocks are bounded in one call.
_IN_ONE_CALL: Final = 2**24
CELL: Final = 64  # points in a block, where the points of a long grid are ordered by cells
# The column `Certified.outside` of points that are all inside the domain.
_NOT_OUTSIDE: Final = np.zeros((), dtype=np.int16)


class FilterError(AssertionError):
    """A certified derivative contradicts a proof: a defect of symdiff."""


@dataclasses.dataclass(frozen=True, slots=True)
class ProofOptions:
    """Options of deciding the truth: which points are proved, and how many.

    Attributes
    ----------
    prove
        ``"filter"``: points that error bounds certify are not proved one by one, except for a
        random sample; ``"all"``: every point is proved.
    max_proofs
        The largest number of proofs along one variable. If it is reached, the other points that
        are not certified are undecided.
    sample
        The largest number of certified points that are proved too. Otherwise one in 32 is proved,
        or all if there are at most 16.
    seed
        The seed of the random sample.
    budget
        The budget of one proof.
    """

    prove: str = "filter"
    max_proofs: int = MAX_PROOFS
    sample: int = MAX_AUDITED
    seed: int = 0
    budget: Budget = dataclasses.field(default_factory=Budget)

    @classmethod
    def of(cls, options: Options) -> ProofOptions:
        """Return the part of the options of a comparison that is about proofs."""
        return cls(prove=options.prove, max_proofs=options.max_proofs, seed=options.seed)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ProofTask:
    """Task of deciding the derivatives of a program along one variable on a grid.

    Attributes
    ----------
    program
        The expression.
    variable
        The input to differentiate with respect to.
    grid
        The points.
    options
        How the truth is decided.
    second
        For second derivatives, what the program is the derivative of; else None.
    """

    program: Program
    variable: str
    grid: Grid
    options: ProofOptions
    second: SecondOrder | None = None

    def certify(self) -> Certified:
        """Certify the points by error bounds, except those whose coordinates are not doubles."""
        exact = [point for point, _ in self.grid.exact]
        columns = self.grid.columns()
        certified = certify(self.program, self.variable, columns, exact)
        if self.second is None or not certified.outside.any():
            return certified
        # The formula for the derivative may be undefined where the expression has a derivative.
        f = certify(self.second.program, self.second.inner, columns, exact)
        return certified.without((certified.outside > 0) & (f.outside == 0))

    def prove(self, points: Sequence[int]) -> dict[int, Truth]:
        """Prove the truth at some points, by index."""
        smooth = self._smooth(points)
        return {i: smooth.get(i) or self._prove_one(i) for i in points}

    def _smooth(self, points: Sequence[int]) -> dict[int, Truth]:
        """Return the truth at the points at doubles that are proved smooth together."""
        program = self.program if self.second is None else self.second.derivative
        inexact = {i for i, _ in self.grid.exact}
        at_doubles = [i for i in points if i not in inexact]
        rows = self.grid.points[at_doubles].tolist()
        truths = smooth_truths(
            program, self.variable, self.grid.names, rows, self.options.budget.bits
        )
        return {i: t for i, t in zip(at_doubles, truths, strict=True) if t is not None}

    def _prove_one(self, i: int) -> Truth:
        """Prove the truth at one point."""
        point = exact_point(self.grid, i)
        if point is None:
            return Truth(Kind.UNDECIDED, detail=NO_FORMULA)
        try:
            if self.second is not None:
                return prove_second(self.second, self.variable, point, self.options.budget)
            return prove(self.program, self.variable, point, self.options.budget)
        except (ArithmeticError, ValueError, TypeError, LookupError) as error:
            detail = f"symdiff itself failed here ({describe(error)}); please report this"
            return Truth(Kind.UNDECIDED, detail=detail)


def decide(
    task: ProofTask, *, certified: Certified | None = None, slopes: Array | None = None
) -> Truths:
    """Return the truth at every point: certified, or proved, or undecided.

    Points that are not certified are proved one by one, and so is a random sample of the certified
    ones.

    Parameters
    ----------
    task
        The program, the variable, the grid and the options.
    certified
        The result of `ProofTask.certify`, if it was called before.
    slopes
        Derivatives that were proved before, NaN elsewhere; shape (n,). If given, all other points
        are proved, and nothing is certified.

    Raises
    ------
    FilterError
        A proof contradicts a certified derivative.
    """
    count = len(task.grid)
    if slopes is None and task.options.prove == "filter":
        certified = certified or task.certify()
        doubtful = np.flatnonzero(~certified.is_certified)
        truths = Truths(certified, Proofs.of({}))
        truths = prove_points(task, truths, doubtful.tolist())
        return _audited(task, truths, doubtful)
    smooth = {
        i: Truth(Kind.SMOOTH, slope, slope, slope)
        for i, slope in enumerate([] if slopes is None else slopes.tolist())
        if math.isfinite(slope)  # the proof of one that overflows tells its size
    }
    return prove_points(task, Truths.proved_only(count, smooth), range(count))


def prove_points(task: ProofTask, truths: Truths, points: Iterable[int]) -> Truths:
    """Return the truth with proofs at more points, until `max_proofs` is reached.

    Points at which a proof was tried before are skipped.

    Raises
    ------
    FilterError
        A proof contradicts a certified derivative.
    """
    attempted = truths.attempted
    left = max(0, task.options.max_proofs - len(truths.proofs))
    new = [i for i in dict.fromkeys(points) if not attempted[i]]
    if not new:
        return truths
    unproved = {
        i: f"more than {task.options.max_proofs} proofs"
        for i in new[left:]
        if not truths.certified.is_certified[i]
    }
    return _with_proofs(task, truths, task.prove(new[:left]), unproved)


def _audited(task: ProofTask, truths: Truths, doubtful: NDArray[np.intp]) -> Truths:
    """Return the truth with proofs at a random sample of the certified points."""
    sample = _sample(len(task.grid), doubtful, task.options.sample, task.options.seed)
    proofs = task.prove(sample)
    decided = {i: truth for i, truth in proofs.items() if truth.kind is not Kind.UNDECIDED}
    return _with_proofs(task, truths, decided, {})


def _with_proofs(
    task: ProofTask, truths: Truths, proofs: Mapping[int, Truth], unproved: Mapping[int, str]
) -> Truths:
    """Return the truth with more proofs, after a check that none contradicts it."""
    for i, truth in proofs.items():
        _check(task.grid, truths.certified, i, truth)
    more = truths.proofs.with_more(Proofs.of(proofs))
    return Truths(truths.certified, more, {**truths.unproved, **unproved})


def _check(grid: Grid, certified: Certified, i: int, truth: Truth) -> None:
    """Raise FilterError if a proof contradicts the certified derivative at the same point."""
    if not certified.is_certified[i] or truth.kind is Kind.UNDECIDED:
        return
    kind = Kind.OUTSIDE if certified.outside[i] else Kind.SMOOTH
    before = float(certified.derivative[i])
    after = np.nan if truth.derivative is None else truth.derivative
    if truth.kind is not kind or _differ(before, after):
        where = dict(zip(grid.names, grid.points[i].tolist(), strict=True))
        message = (
            f"at {where} the filter certified {kind} {before!r}, "
            f"the proof says {truth.kind} {after!r}"
        )
        raise FilterError(message)


def _sample(count: int, doubtful: NDArray[np.intp], size: int, seed: int) -> list[int]:
    """Return a random sample of the certified points, in order.

    `doubtful` has the indices of the points that are not certified, `size` the largest number of
    points in the sample.
    """
    certified = count - len(doubtful)
    if certified > AUDIT_ALL_UP_TO:
        size = min(size, -(-certified // AUDIT_RATIO))
    ranks = np.array(_drawn(certified, min(size, certified), seed), dtype=np.intp)
    # The index of the certified point with rank k (from 0) is k plus the number of doubtful points
    # before it. The j-th doubtful point has doubtful[j] - j certified points before it.
    ranks_of_doubtful = doubtful - np.arange(len(doubtful))
    sample: list[int] = (ranks + np.searchsorted(ranks_of_doubtful, ranks, side="right")).tolist()
    return sample


@functools.lru_cache(maxsize=256)
def _drawn(count: int, size: int, seed: int) -> tuple[int, ...]:
    """Return a random sample of range(count), in order.

    It is cached because many grids have the same size.
    """
    return tuple(sorted(np.random.default_rng(seed).choice(count, size, replace=False).tolist()))


def _differ(a: float, b: float) -> bool:
    """Return whether two derivatives differ by more than certified ones may; NaN equals NaN."""
    if math.isnan(a) or math.isnan(b):
        return not (math.isnan(a) and math.isnan(b))
    if math.isinf(a) or math.isinf(b):
        return a != b
    return abs(a - b) > 2 * _SHARP * max(abs(a), abs(b))


def certify(
    program: Program, variable: str, columns: Mapping[str, Array], excluded: Sequence[int] = ()
) -> Certified:
    """Certify derivatives by running error bounds.

    Blocks of points are tried first, with one bound for all points of a block. The points of the
    other blocks are then bounded one by one. Where points that follow each other are far apart, as
    on a long grid in two variables, those of a block are taken from a cell.

    Parameters
    ----------
    program
        The expression.
    variable
        The input to differentiate with respect to.
    columns
        The coordinates of every input, shape (n,); they count as exact.
    excluded
        The indices of points that must not be certified.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> certify(parse("abs(x)*x"), "x", {"x": np.array([-1.0, 0.0, 2.0])}).is_certified
    array([ True, False,  True])
    """
    count = len(next(iter(columns.values()))) if columns else 1
    order = order_by_cells(columns, CELL) if is_long(count) else None
    if order is not None:
        columns = {name: column[order] for name, column in columns.items()}
    result = _certified(program, variable, columns, count, BLOCK if order is None else CELL)
    if order is not None:
        result = result.reordered(order)
    result.is_certified[list(excluded)] = False
    open_points = np.flatnonzero(~result.is_certified)
    result.derivative[open_points] = np.nan
    result.errors[open_points] = 0.0
    result.outside[open_points] = 0
    return result


def _certified(
    program: Program, variable: str, columns: Mapping[str, Array], count: int, size: int
) -> Certified:
    """Return the columns at n = `count` points, with arbitrary numbers at those not certified.

    `size` is the number of points in a block, of which `BLOCK` is a multiple.
    """
    result = Certified(
        is_certified=np.zeros(count, dtype=bool),
        derivative=np.empty(count),
        errors=np.empty(count),
        outside=np.zeros(count, dtype=np.int16),
    )

    def bound_blocks(chunk: slice) -> None:
        blocks = (chunk.stop - chunk.start) // size if columns else 0
        if blocks:
            inner, shape = slice(chunk.start, chunk.start + blocks * size), (blocks, size)
            shaped = {name: column[inner].reshape(shape) for name, column in columns.items()}
            _put_blocks(result, inner, _bounded(program, variable, shaped), shape)

    def bound_points(points: NDArray[np.intp]) -> None:
        part = {name: column[points] for name, column in columns.items()}
        _put(result, points, _bounded(program, variable, part))

    with contextlib.suppress(Unsupported):
        if count * len(program.order) <= _IN_ONE_CALL:
            bound_blocks(slice(0, count))
        else:
            in_chunks(count, bound_blocks)
        left = np.flatnonzero(~result.is_certified)
        in_chunks(len(left), lambda chunk: bound_points(left[chunk]))
    return result


def _put(result: Certified, where: NDArray[np.intp], part: Certified) -> None:
    for column in dataclasses.fields(Certified):
        getattr(result, column.name)[where] = getattr(part, column.name)


def _put_blocks(result: Certified, where: slice, part: Certified, shape: tuple[int, int]) -> None:
    """Write the bounds of blocks chunk by chunk; derivatives are computed as they are written."""
    names = [column.name for column in dataclasses.fields(Certified)]
    pairs = [(getattr(result, name)[where].reshape(shape), getattr(part, name)) for name in names]
    blocks, m = shape

    def put(chunk: slice) -> None:
        rows = slice(chunk.start // m, chunk.stop // m)
        for column, value in pairs:
            if value is not _NOT_OUTSIDE:  # the column is 0 already
                write_rows(value, rows, column[rows])

    if part.is_certified.any():
        in_chunks(blocks * m, put)


def _bounded(program: Program, variable: str, columns: Mapping[str, Array]) -> Certified:
    """Bound the errors at points, or over blocks of points: columns of shape (n,) or (blocks, m).

    Columns that are returned for blocks may have the shape (blocks, 1), or be computed only when
    they are written: see `arithmetics.bounds.blocks`.
    """
    shape = next(iter(columns.values())).shape if columns else (1,)
    switches = (*find_switches(program), *find_constant_switches(program))
    programs = (program, *(switch.program for switch in switches))
    value, *switch_bounds = estimate_together(programs, columns, variable)
    with np.errstate(all="ignore"):
        slope: Any = 0.0 if value.slope is None else value.slope
        error = np.asarray(value.slope_error)
        finite = np.isfinite(size_of(value.value)) & np.isfinite(value.error)
        finite = finite & np.isfinite(size_of(slope))
        sharp = (error <= _SHARP * least(slope)) & finite
        off = np.ones((), dtype=bool)  # whether no switch is near zero
        for switch, bounds in zip(switches, switch_bounds, strict=True):
            off = off & is_off_zero(switch, bounds)
    if isinstance(value.outside, int):
        return Certified(np.asarray(off & sharp), slope, error, _NOT_OUTSIDE)
    outside = np.broadcast_to(value.outside, shape).astype(np.int16) * off
    is_certified = off & (sharp | (outside > 0))
    return Certified(is_certified, np.where(outside, np.nan, plain(slope)), error, outside)


def is_off_zero(switch: Switch, bounds: Estimate) -> Mask:
    """Return where a switch differs from 0, or from the integers, by much more than its error.

    A switch that is undefined counts as off zero: other switches vanish at the ends of its domain.
    """
    value = bounds.value
    distance = least(value)
    if switch.crosses_integers:
        limit = np.inf if switch.highest is None else switch.highest + 0.5
        distance = np.where(lowest(value) > limit, distance, distance_to_integers(value))
    off: Mask = (distance > CLEARLY_OFF * bounds.error) & np.isfinite(size_of(value))
    if not switch.program.inputs:  # a constant without error may be 0: its branch is known
        off = off | np.equal(bounds.error, 0)
    return off | (np.asarray(bounds.outside) > 0)
