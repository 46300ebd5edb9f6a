"""Decide the truth on a whole grid: certify it in arrays, and prove what is left.

A point is certified where no switch is near zero and a running error bound leaves no doubt about
the derivative: over blocks of points first, then point by point. All other points are proved one
by one, and so is a random sample of the certified ones: a certified derivative that contradicts a
proof would be a defect of symdiff, and raises `FilterError`.

Source: filtered exact predicates as in Shewchuk 1997, section 4.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
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
from symdiff.chunks import BLOCK, in_chunks
from symdiff.errors import Unsupported
from symdiff.grid.grid import Grid
from symdiff.grid.switches import Switch, find_constant_switches, find_switches
from symdiff.program import Program
from symdiff.request.options import MAX_PROOFS, Options
from symdiff.truth.exact_points import exact_point
from symdiff.truth.kinds import Kind, Truth
from symdiff.truth.proof import NO_FORMULA, prove
from symdiff.truth.truths import Certified, Proofs, Truths

MAX_AUDITED: Final = 32  # certified points of a grid that are proved too, at most
AUDITED_FRACTION: Final = 32  # one of so many certified points is proved too
AUDIT_ALL_UP_TO: Final = 16  # if at most so many points are certified, all are proved too
_SHARP: Final = 1e-10  # relative error with which a derivative is certified
_AT_ONCE: Final = 2**24  # points times steps of a program whose blocks are bounded in one call
_NOT_OUTSIDE: Final = np.zeros((), dtype=np.int16)


class FilterError(AssertionError):
    """A certified derivative contradicts a proof: a defect of symdiff."""


@dataclasses.dataclass(frozen=True, slots=True)
class ProofOptions:
    """How the truth is decided.

    Attributes
    ----------
    prove
        ``"filter"``: points that error bounds certify are not proved one by one, except for a
        random sample; ``"all"``: every point is proved.
    max_proofs
        The largest number of proofs along one variable; the points that are left are undecided.
    sample
        The largest number of certified points that are proved too: one in 32 of them, all if there
        are at most 16.
    seed
        The seed of that sample.
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
    """What is to be proved: the derivatives of a program along one variable, on a grid.

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
    """

    program: Program
    variable: str
    grid: Grid
    options: ProofOptions

    def certify(self) -> Certified:
        """Certify the points by error bounds, except those whose coordinates are not doubles."""
        exact = [point for point, _ in self.grid.exact]
        return certify(self.program, self.variable, self.grid.columns(), exact)

    def prove(self, i: int) -> Truth:
        """Prove the truth at one point."""
        point = exact_point(self.grid, i)
        if point is None:
            return Truth(Kind.UNDECIDED, detail=NO_FORMULA)
        return prove(self.program, self.variable, point, self.options.budget)


def decide(
    task: ProofTask, *, certified: Certified | None = None, slopes: Array | None = None
) -> Truths:
    """Return the truth at every point: certified, or proved, or undecided.

    Points that are not certified are proved one by one, and so is a random sample of the certified
    ones.

    Parameters
    ----------
    task
        What is to be proved.
    certified
        What `ProofTask.certify` returned, if it was called before.
    slopes
        Derivatives that were proved before, NaN elsewhere; shape (n,). All other points are then
        proved, and none is certified.

    Raises
    ------
    FilterError
        A proof contradicts a certified derivative.
    """
    count = len(task.grid)
    if slopes is None and task.options.prove == "filter":
        columns = certified or task.certify()
        doubtful = np.flatnonzero(~columns.settled)
        truths = Truths(columns, Proofs.of({}))
        truths = prove_points(task, truths, doubtful.tolist())
        return _audited(task, truths, doubtful)
    known = np.zeros(0, dtype=np.intp) if slopes is None else np.flatnonzero(~np.isnan(slopes))
    values = [] if slopes is None else slopes[known].tolist()
    smooth = {
        i: Truth(Kind.SMOOTH, slope, slope, slope)
        for i, slope in zip(known.tolist(), values, strict=True)
    }
    return prove_points(task, Truths.proved_only(count, smooth), range(count))


def prove_points(task: ProofTask, truths: Truths, points: Iterable[int]) -> Truths:
    """Return the truth with proofs at more points, as far as `max_proofs` allows.

    Points at which a proof was tried before are skipped.

    Raises
    ------
    FilterError
        A proof contradicts a certified derivative.
    """
    attempted = truths.attempted
    left = task.options.max_proofs - len(truths.proofs)
    proofs: dict[int, Truth] = {}
    unproved: dict[int, str] = {}
    for i in points:
        if attempted[i] or i in proofs:
            continue
        if len(proofs) < left:
            proofs[i] = task.prove(i)
        elif not truths.certified.settled[i]:
            unproved[i] = f"more than {task.options.max_proofs} proofs"
    if not (proofs or unproved):
        return truths
    return _with_proofs(task, truths, proofs, unproved)


def _audited(task: ProofTask, truths: Truths, doubtful: NDArray[np.intp]) -> Truths:
    """Return the truth with proofs at a random sample of the certified points."""
    sample = _sample(len(task.grid), doubtful, task.options.sample, task.options.seed)
    proofs = {i: task.prove(i) for i in sample}
    decided = {i: truth for i, truth in proofs.items() if truth.kind is not Kind.UNDECIDED}
    return _with_proofs(task, truths, decided, {})


def _with_proofs(
    task: ProofTask, truths: Truths, proofs: Mapping[int, Truth], unproved: Mapping[int, str]
) -> Truths:
    for i, truth in proofs.items():
        _check(task.grid, truths.certified, i, truth)
    more = truths.proofs.with_more(Proofs.of(proofs))
    return Truths(truths.certified, more, {**truths.unproved, **unproved})


def _check(grid: Grid, certified: Certified, i: int, truth: Truth) -> None:
    """Raise FilterError if a proof contradicts what was certified at the same point."""
    if not certified.settled[i] or truth.kind is Kind.UNDECIDED:
        return
    kind = Kind.OUTSIDE if certified.outside[i] else Kind.SMOOTH
    before = float(certified.derivative[i])
    after = np.nan if truth.derivative is None else truth.derivative
    if truth.kind is not kind or _differ(before, after):
        where = dict(zip(grid.names, grid.points[i].tolist(), strict=True))
        message = (
            f"at {where} the filter settled {kind} {before!r}, "
            f"the proof says {truth.kind} {after!r}"
        )
        raise FilterError(message)


def _sample(count: int, doubtful: NDArray[np.intp], size: int, seed: int) -> list[int]:
    """Return a random sample of the points that are settled, in order."""
    settled = count - len(doubtful)
    wanted = settled if settled <= AUDIT_ALL_UP_TO else -(-settled // AUDITED_FRACTION)
    chosen = np.array(_drawn(settled, min(size, wanted), seed), dtype=np.intp)
    # The k-th settled point stands behind as many doubtful ones as have at most k before them.
    before = doubtful - np.arange(len(doubtful))
    found: list[int] = (chosen + np.searchsorted(before, chosen, side="right")).tolist()
    return found


@functools.lru_cache(maxsize=256)
def _drawn(count: int, size: int, seed: int) -> tuple[int, ...]:
    """Return a random sample of range(count), in order: the same for all grids of a size."""
    return tuple(sorted(np.random.default_rng(seed).choice(count, size, replace=False).tolist()))


def _differ(a: float, b: float) -> bool:
    if np.isnan(a) or np.isnan(b):
        return not (np.isnan(a) and np.isnan(b))
    return a != b and abs(a - b) > 2 * _SHARP * max(abs(a), abs(b))


def certify(
    program: Program, variable: str, columns: Mapping[str, Array], excluded: Sequence[int] = ()
) -> Certified:
    """Certify derivatives by running error bounds.

    Blocks of points are bounded first, with one bound for each block; the points of blocks that
    are not certified are bounded one by one.

    Parameters
    ----------
    program
        The expression.
    variable
        The input to differentiate with respect to.
    columns
        The coordinates of every input, shape (n,), taken exactly.
    excluded
        Points that are not to be certified.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> certify(parse("abs(x)*x"), "x", {"x": np.array([-1.0, 0.0, 2.0])}).settled
    array([ True, False,  True])
    """
    count = len(next(iter(columns.values()))) if columns else 1
    result = Certified(
        settled=np.zeros(count, dtype=bool),
        derivative=np.empty(count),
        errors=np.empty(count),
        outside=np.zeros(count, dtype=np.int16),
    )

    def bound_blocks(chunk: slice) -> None:
        blocks = (chunk.stop - chunk.start) // BLOCK if columns else 0
        if blocks:
            inner, shape = slice(chunk.start, chunk.start + blocks * BLOCK), (blocks, BLOCK)
            shaped = {name: column[inner].reshape(shape) for name, column in columns.items()}
            _put_blocks(result, inner, _bounded(program, variable, shaped), shape)

    def bound_points(points: NDArray[np.intp]) -> None:
        part = {name: column[points] for name, column in columns.items()}
        _put(result, points, _bounded(program, variable, part))

    with contextlib.suppress(Unsupported):
        if count * len(program.order) <= _AT_ONCE:
            bound_blocks(slice(0, count))
        else:
            in_chunks(count, bound_blocks)
        left = np.flatnonzero(~result.settled)
        in_chunks(len(left), lambda chunk: bound_points(left[chunk]))
    result.settled[list(excluded)] = False
    open_points = np.flatnonzero(~result.settled)
    result.derivative[open_points] = np.nan
    result.errors[open_points] = 0.0
    result.outside[open_points] = 0
    return result


def _put(result: Certified, where: NDArray[np.intp], part: Certified) -> None:
    for column in dataclasses.fields(Certified):
        getattr(result, column.name)[where] = getattr(part, column.name)


def _put_blocks(result: Certified, where: slice, part: Certified, shape: tuple[int, int]) -> None:
    """Write the bounds of blocks in chunks: the derivatives in them are computed only now."""
    names = [column.name for column in dataclasses.fields(Certified)]
    pairs = [(getattr(result, name)[where].reshape(shape), getattr(part, name)) for name in names]
    blocks, m = shape

    def put(chunk: slice) -> None:
        rows = slice(chunk.start // m, chunk.stop // m)
        for column, value in pairs:
            if value is not _NOT_OUTSIDE:  # the column has these zeros already
                write_rows(value, rows, column[rows])

    if part.settled.any():
        in_chunks(blocks * m, put)


def _bounded(program: Program, variable: str, columns: Mapping[str, Array]) -> Certified:
    """Bound the errors at points, or over blocks of points: columns of shape (n,) or (blocks, m).

    The columns that are returned for blocks may have the shape (blocks, 1), or be computed when
    they are written: see `arithmetics.bounds.blocks`.
    """
    shape = next(iter(columns.values())).shape if columns else (1,)
    switches = (*find_switches(program), *find_constant_switches(program))
    programs = (program, *(switch.program for switch in switches))
    value, *zeros = estimate_together(programs, columns, variable)
    with np.errstate(all="ignore"):
        slope: Any = 0.0 if value.slope is None else value.slope
        error = np.asarray(value.slope_error)
        finite = np.isfinite(size_of(value.value)) & np.isfinite(value.error)
        finite = finite & np.isfinite(size_of(slope))
        sharp = (error <= _SHARP * least(slope)) & finite
        off = np.ones((), dtype=bool)
        for switch, zero in zip(switches, zeros, strict=True):
            off = off & _off_zero(switch, zero)
    if isinstance(value.outside, int):
        return Certified(np.asarray(off & sharp), slope, error, _NOT_OUTSIDE)
    outside = np.broadcast_to(value.outside, shape).astype(np.int16) * off
    settled = off & (sharp | (outside > 0))
    return Certified(settled, np.where(outside, np.nan, plain(slope)), error, outside)


def _off_zero(switch: Switch, found: Estimate) -> Mask:
    """Tell where a switch is off zero, or off the integers, by much more than its error.

    Where it is undefined it is off zero too: the ends of the domain are switches of their own.
    """
    value = found.value
    distance = least(value)
    if switch.crosses_integers:
        beyond = np.inf if switch.highest is None else switch.highest + 0.5
        distance = np.where(lowest(value) > beyond, distance, distance_to_integers(value))
    off: Mask = (distance > CLEARLY_OFF * found.error) & np.isfinite(size_of(value))
    if not switch.program.inputs:  # wherever a constant is, it stays there: it is enough to know
        off = off | np.equal(found.error, 0)
    return off | (np.asarray(found.outside) > 0)
