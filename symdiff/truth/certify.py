"""The truth on a whole grid: arrays first, proofs where they matter.

A point is settled without a proof of its own where no switch is near zero and the bound of all
rounding errors leaves no doubt about the derivative: in blocks of points first, then point by
point.  Everything else is proved point by
point, and so is a random sample of what was settled: a filter that let a wrong point pass
would be a defect of symdiff, and is raised as one.

Source: filtered exact predicates as in Shewchuk 1997, section 4.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.bounds.blocks import (
    least,
    lowest,
    plain,
    size_of,
    to_integers,
    write_rows,
)
from symdiff.arithmetics.bounds.estimates import CLEARLY_OFF, Estimate, estimate_together
from symdiff.arithmetics.series.germs import Budget
from symdiff.arithmetics.series.reals import Real
from symdiff.array_types import Array, Mask
from symdiff.chunks import BLOCK, in_chunks
from symdiff.errors import Unsupported
from symdiff.grid.grid import Grid
from symdiff.grid.switches import Switch, find_constant_switches, find_switches
from symdiff.program import Program
from symdiff.request.options import MAX_PROOFS
from symdiff.truth.kinds import Kind, Truth
from symdiff.truth.proof import NO_FORMULA, exact_number, prove
from symdiff.truth.roots import zero_near
from symdiff.truth.truths import Truths

SAMPLE: Final = 32  # settled points that are proved besides, at most,
_OF_SETTLED: Final = 32  # and at most one of so many,
_FEW: Final = 16  # but of so few all
_SHARP: Final = 1e-10  # relative error with which a derivative is settled
_SMOOTH: Final = Kind.SMOOTH
_OUTSIDE: Final = Kind.OUTSIDE
_UNDECIDED: Final = Kind.UNDECIDED
_AT_ONCE: Final = 2**24  # points times steps of a program whose blocks are bounded together
_NOWHERE: Final = np.zeros((), dtype=np.int16)


class FilterError(AssertionError):
    """The filter settled a point wrongly: a defect of symdiff."""


@dataclasses.dataclass(frozen=True, slots=True)
class ProofOptions:
    """How the truth is decided.

    Attributes
    ----------
    prove
        ``"filter"``: in arrays, with proofs where they matter; ``"all"``: every point.
    max_proofs
        Of one expression along one variable; points beyond are left undecided.
    sample
        How many settled points are proved besides; of fewer than 1000 one in 32, of at most 16 all.
    seed
        Of that sample.
    budget
        Of one proof.
    """

    prove: str = "filter"
    max_proofs: int = MAX_PROOFS
    sample: int = SAMPLE
    seed: int = 0
    budget: Budget = dataclasses.field(default_factory=Budget)


class Decider:
    """Decides the truth at every point of a grid, along one variable.

    Attributes
    ----------
    truths
        What is decided so far, in columns.
    """

    def __init__(  # noqa: PLR0913  (where, how, and what is known by now)
        self,
        program: Program,
        variable: str,
        grid: Grid,
        judging: ProofOptions,
        *,
        slopes: Array | None = None,
        settled: Certified | None = None,
    ) -> None:
        """Settle what can be settled in arrays, and prove the rest and a sample.

        Where derivatives have been proved already, `slopes` has them, NaN elsewhere: then
        nothing is settled in arrays. What has been settled already may be given.
        """
        self._program = program
        self._variable = variable
        self._grid = grid
        self._judging = judging
        if slopes is None and judging.prove == "filter":
            doubtful = self._settle(settled or certify(program, variable, grid.columns()))
            self.prove(doubtful.tolist())
            self._check_sample(doubtful)
            return
        self.truths = Truths.unknown(len(grid))
        if slopes is not None:
            for i in np.flatnonzero(~np.isnan(slopes)).tolist():
                slope = float(slopes[i])
                self.truths.put(i, Truth(Kind.SMOOTH, slope, slope, slope))
        self.prove(range(len(grid)))

    def _settle(self, found: Certified) -> NDArray[np.intp]:
        """Write what arrays say; return the points where there is doubt, with nothing written."""
        n = len(self._grid)
        for point, _ in self._grid.exact:
            found.settled[point] = False
        t = self.truths = Truths(
            kinds=np.full(n, _SMOOTH, dtype=np.int8),
            derivative=found.slope,
            errors=found.error,
            proved=np.zeros(n, dtype=bool),
            outside=found.outside,
        )
        if t.outside.any():
            t.kinds[t.outside > 0] = _OUTSIDE
        doubt = np.flatnonzero(~found.settled)
        t.kinds[doubt], t.derivative[doubt] = _UNDECIDED, np.nan
        t.errors[doubt], t.outside[doubt] = 0.0, 0
        return doubt

    def prove(self, points: Iterable[int]) -> None:
        """Prove points that are not proved yet, as far as the number of proofs allows."""
        t = self.truths
        left = self._judging.max_proofs - int(np.count_nonzero(t.proved))
        for i in points:
            if t.proved[i]:
                continue
            if left <= 0:
                if t.kinds[i] == _UNDECIDED:
                    t.details[int(i)] = f"more than {self._judging.max_proofs} proofs"
                continue
            self._put(int(i), self.proof(int(i)))
            left -= 1

    def proof(self, i: int) -> Truth:
        """Return the truth at one point, proved."""
        point = exact_point(self._grid, i)
        if point is None:
            return Truth(Kind.UNDECIDED, detail=NO_FORMULA)
        return prove(self._program, self._variable, point, self._judging.budget)

    def _check_sample(self, doubtful: NDArray[np.intp]) -> None:
        """Prove a random sample of the settled points."""
        for i in _sample(len(self._grid), doubtful, self._judging.sample, self._judging.seed):
            truth = self.proof(i)
            if truth.kind is not Kind.UNDECIDED:
                self._put(i, truth)

    def _put(self, i: int, truth: Truth) -> None:
        """Write what was proved of a point.

        Raises
        ------
        FilterError
            It contradicts what was settled.
        """
        kind, before = Kind.from_code(self.truths.kinds[i]), float(self.truths.derivative[i])
        if Kind.UNDECIDED not in {kind, truth.kind}:
            known = np.nan if truth.derivative is None else truth.derivative
            if truth.kind is not kind or _apart(before, known):
                where = dict(zip(self._grid.names, self._grid.points[i].tolist(), strict=True))
                settled_as, proved = f"{kind} {before!r}", f"{truth.kind} {known!r}"
                message = f"at {where} the filter settled {settled_as}, the proof says {proved}"
                raise FilterError(message)
        self.truths.put(i, truth)


def _sample(count: int, doubtful: NDArray[np.intp], size: int, seed: int) -> list[int]:
    """Return a random sample of the points that are settled, in order."""
    settled = count - len(doubtful)
    wanted = settled if settled <= _FEW else -(-settled // _OF_SETTLED)
    chosen = np.array(_drawn(settled, min(size, wanted), seed), dtype=np.intp)
    # The k-th settled point stands behind as many doubtful ones as have at most k before them.
    before = doubtful - np.arange(len(doubtful))
    found: list[int] = (chosen + np.searchsorted(before, chosen, side="right")).tolist()
    return found


@functools.lru_cache(maxsize=256)
def _drawn(count: int, size: int, seed: int) -> tuple[int, ...]:
    """Return a random sample of range(count), in order: the same for all grids of a size."""
    return tuple(sorted(np.random.default_rng(seed).choice(count, size, replace=False).tolist()))


def _apart(a: float, b: float) -> bool:
    if np.isnan(a) or np.isnan(b):
        return not (np.isnan(a) and np.isnan(b))
    return a != b and abs(a - b) > 2 * _SHARP * max(abs(a), abs(b))


def exact_point(grid: Grid, i: int) -> dict[str, Real] | None:
    """Return the exact coordinates of a grid point, or None where one has no formula."""
    found: dict[str, Real] = {}
    unnamed: list[int] = []
    for j, name in enumerate(grid.names):
        text = grid.exact.get((i, j))
        number = Real.of(float(grid.points[i, j])) if text is None else exact_number(text)
        if number is None:
            unnamed.append(j)
        else:
            found[name] = number
    if unnamed == [grid.along[i]] and grid.switch_of[i] >= 0:
        switch, name = grid.switches[grid.switch_of[i]], grid.names[unnamed[0]]
        near = float(grid.points[i, unnamed[0]])
        zero = zero_near(switch.program, name, found, near, integer=switch.crosses_integers)
        if zero is not None:
            return {**found, name: zero}
    return None if unnamed else found


@dataclasses.dataclass(frozen=True, slots=True)
class Certified:
    """What arrays say of the points of a grid.

    Attributes
    ----------
    settled
        Where there is no doubt; shape (n,), as all others.
    slope, error
        There the derivative, NaN outside the domain, and how far it may be off.
    outside
        Where a point is outside the domain: the place in `FUNCTIONS` of the function to blame,
        0 elsewhere.
    """

    settled: Mask
    slope: Array
    error: Array
    outside: NDArray[np.int16]


def certify(program: Program, variable: str, columns: Mapping[str, Array]) -> Certified:
    """Return where the derivative is known beyond doubt, and what it is there.

    First blocks of points are looked at with one bound of errors each, then what that leaves
    open, point by point.

    Parameters
    ----------
    program
        The expression.
    variable
        The input that moves.
    columns
        For every input its coordinates, shape (n,), taken exactly.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> certify(parse("abs(x)*x"), "x", {"x": np.array([-1.0, 0.0, 2.0])}).settled
    array([ True, False,  True])
    """
    count = len(next(iter(columns.values()))) if columns else 1
    found = Certified(
        settled=np.zeros(count, dtype=bool),
        slope=np.empty(count),
        error=np.empty(count),
        outside=np.zeros(count, dtype=np.int16),
    )

    def look_at_blocks(piece: slice) -> None:
        blocks = (piece.stop - piece.start) // BLOCK if columns else 0
        if blocks:
            inner, shape = slice(piece.start, piece.start + blocks * BLOCK), (blocks, BLOCK)
            shaped = {name: column[inner].reshape(shape) for name, column in columns.items()}
            _put_blocks(found, inner, _settled(program, variable, shaped), shape)

    def look_at_points(points: NDArray[np.intp]) -> None:
        part = {name: column[points] for name, column in columns.items()}
        _put(found, points, _settled(program, variable, part))

    with contextlib.suppress(Unsupported):
        if count * len(program.order) <= _AT_ONCE:
            look_at_blocks(slice(0, count))
        else:
            in_chunks(count, look_at_blocks)
        left = np.flatnonzero(~found.settled)
        in_chunks(len(left), lambda piece: look_at_points(left[piece]))
    return found


def _put(found: Certified, where: NDArray[np.intp], part: Certified) -> None:
    for column in dataclasses.fields(Certified):
        getattr(found, column.name)[where] = getattr(part, column.name)


def _put_blocks(found: Certified, where: slice, part: Certified, shape: tuple[int, int]) -> None:
    """Write what is known of blocks, in pieces: only now their numbers are computed."""
    names = [column.name for column in dataclasses.fields(Certified)]
    known = [(getattr(found, name)[where].reshape(shape), getattr(part, name)) for name in names]
    blocks, m = shape

    def put(piece: slice) -> None:
        rows = slice(piece.start // m, piece.stop // m)
        for column, value in known:
            if value is not _NOWHERE:  # what it would write stands there already
                write_rows(value, rows, column[rows])

    if part.settled.any():
        in_chunks(blocks * m, put)


def _settled(program: Program, variable: str, columns: Mapping[str, Array]) -> Certified:
    """Look at points, or at blocks of them: columns of shape (n,) or (blocks, m).

    What is found of blocks may have the shape (blocks, 1), or be computed later: see `Blocks`.
    """
    shape = next(iter(columns.values())).shape if columns else (1,)
    switches = (*find_switches(program), *find_constant_switches(program))
    programs = (program, *(switch.program for switch in switches))
    found, *zeros = estimate_together(programs, columns, variable)
    with np.errstate(all="ignore"):
        slope: Any = 0.0 if found.slope is None else found.slope
        error = np.asarray(found.slope_error)
        known = np.isfinite(size_of(found.value)) & np.isfinite(found.error)
        known = known & np.isfinite(size_of(slope))
        sharp = (error <= _SHARP * least(slope)) & known
        off = np.ones((), dtype=bool)
        for switch, zero in zip(switches, zeros, strict=True):
            off = off & _off_zero(switch, zero)
    if isinstance(found.outside, int):
        return Certified(np.asarray(off & sharp), slope, error, _NOWHERE)
    outside = np.broadcast_to(found.outside, shape).astype(np.int16) * off
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
        distance = np.where(lowest(value) > beyond, distance, to_integers(value))
    off: Mask = (distance > CLEARLY_OFF * found.error) & np.isfinite(size_of(value))
    if not switch.program.inputs:  # wherever a constant is, it stays there: it is enough to know
        off = off | np.equal(found.error, 0)
    return off | (np.asarray(found.outside) > 0)
