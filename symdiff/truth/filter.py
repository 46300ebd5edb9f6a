"""The truth on a whole grid: arrays first, proofs where they matter.

A point is settled without a proof of its own where no switch is near zero and the bound of all
rounding errors leaves no doubt about the derivative.  Everything else is proved point by
point, and so is a random sample of what was settled: a filter that let a wrong point pass
would be a defect of symdiff, and is raised as one.

Source: filtered exact predicates as in Shewchuk 1997, section 4.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.estimates import FUNCTIONS, estimate
from symdiff.arithmetics.germ_values import beyond
from symdiff.arithmetics.germs import Budget
from symdiff.arithmetics.reals import Real
from symdiff.errors import Unsupported
from symdiff.grid.grid import Grid
from symdiff.grid.switches import Switch, find_switches
from symdiff.program import Program
from symdiff.truth.one_sided import KINDS, Kind, Truth
from symdiff.truth.proof import NO_FORMULA, exact_number, prove
from symdiff.truth.roots import zero_near

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

PROVE: Final = ("filter", "all")
SAMPLE: Final = 64  # settled points that are proved besides
MAX_PROOFS: Final = 20_000  # of one expression along one variable
_CLEAR: Final = 2.0**10  # a switch is off zero if it is so many times its error
_SHARP: Final = 1e-10  # relative error with which a derivative is settled
_SMOOTH: Final = KINDS.index(Kind.SMOOTH)
_OUTSIDE: Final = KINDS.index(Kind.OUTSIDE)
_UNDECIDED: Final = KINDS.index(Kind.UNDECIDED)


class FilterError(AssertionError):
    """The filter settled a point wrongly: a defect of symdiff."""


@dataclasses.dataclass(frozen=True, slots=True)
class Judging:
    """How the truth is decided.

    Attributes
    ----------
    prove
        ``"filter"``: in arrays, with proofs where they matter; ``"all"``: every point.
    max_proofs
        Of one expression along one variable; points beyond are left undecided.
    sample
        How many settled points are proved besides.
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


class Truths:
    """The truth at every point of a grid, along one variable, in columns.

    Attributes
    ----------
    kinds
        Indices into `KINDS`, shape (n,).
    left, right, derivative
        As in `Truth`, NaN where there is none; shape (n,).
    errors
        How far the derivative may be from the truth where it was not proved; shape (n,).
    bends
        The smaller and the larger of the one-sided second derivatives, NaN where not known;
        shape (n, 2).
    proved
        Whether a point was proved by itself, not settled in arrays; shape (n,).
    details
        By point, where a proof had something to say.
    """

    def __init__(
        self,
        program: Program,
        variable: str,
        grid: Grid,
        judging: Judging,
        slopes: Array | None = None,
    ) -> None:
        """Settle what can be settled in arrays, and prove the rest and a sample.

        Where derivatives have been proved already, `slopes` has them, NaN elsewhere: then
        nothing is settled in arrays.
        """
        n = len(grid)
        self._program = program
        self._variable = variable
        self._grid = grid
        self._judging = judging
        self.kinds: NDArray[np.int8] = np.full(n, _UNDECIDED, dtype=np.int8)
        self.left: Array = np.full(n, np.nan)
        self.right: Array = np.full(n, np.nan)
        self.derivative: Array = np.full(n, np.nan)
        self.bends: Array = np.full((n, 2), np.nan)
        self.proved: Mask = np.zeros(n, dtype=bool)
        self.errors: Array = np.zeros(n)
        self.details: dict[int, str] = {}
        self._outside: NDArray[np.intp] = np.zeros(n, dtype=np.intp)
        if slopes is not None:
            for i in np.flatnonzero(~np.isnan(slopes)).tolist():
                slope = float(slopes[i])
                self._put(i, Truth(Kind.SMOOTH, slope, slope, slope))
        settled = self._settle() if slopes is None else self.proved.copy()
        self.prove(np.flatnonzero(~settled))
        if slopes is None:
            self._check_sample(np.flatnonzero(settled))

    def _settle(self) -> Mask:
        if self._judging.prove == "all":
            return np.zeros(len(self._grid), dtype=bool)
        found = settle(self._program, self._variable, self._grid.columns())
        settled = found.settled.copy()
        for point, _ in self._grid.exact:
            settled[point] = False
        self._outside = found.outside
        self.kinds[settled] = np.where(found.outside[settled] > 0, _OUTSIDE, _SMOOTH)
        self.errors[settled] = found.error[settled]
        for column in (self.left, self.right, self.derivative):
            column[settled] = found.slope[settled]
        return settled

    def detail(self, i: int) -> str:
        """Return what there is to say of a point, or an empty text."""
        if not self.proved[i] and self.kinds[i] == _OUTSIDE:
            return beyond(FUNCTIONS[self._outside[i]])
        return self.details.get(i, "")

    def prove(self, points: Iterable[int]) -> None:
        """Prove points that are not proved yet, as far as the number of proofs allows."""
        left = self._judging.max_proofs - int(self.proved.sum())
        for i in points:
            if self.proved[i]:
                continue
            if left <= 0:
                if self.kinds[i] == _UNDECIDED:
                    self.details[int(i)] = f"more than {self._judging.max_proofs} proofs"
                continue
            self._put(int(i), self.proof(int(i)))
            left -= 1

    def proof(self, i: int) -> Truth:
        """Return the truth at one point, proved."""
        point = exact_point(self._grid, i)
        if point is None:
            return Truth(Kind.UNDECIDED, detail=NO_FORMULA)
        return prove(self._program, self._variable, point, self._judging.budget)

    def _put(self, i: int, truth: Truth) -> None:
        self.kinds[i] = KINDS.index(truth.kind)
        numbers = (truth.left, truth.right, truth.derivative)
        for column, number in zip((self.left, self.right, self.derivative), numbers, strict=True):
            column[i] = np.nan if number is None else number
        if None not in truth.curvatures:
            self.bends[i] = sorted(b for b in truth.curvatures if b is not None)
        if truth.detail:
            self.details[i] = truth.detail
        self.proved[i] = True
        self.errors[i] = 0.0

    def _check_sample(self, settled: NDArray[np.intp]) -> None:
        """Prove a random sample of the settled points.

        Raises
        ------
        FilterError
            A proof contradicts what was settled.
        """
        size = min(self._judging.sample, len(settled))
        chosen = np.random.default_rng(self._judging.seed).choice(settled, size, replace=False)
        for i in np.sort(chosen):
            truth, kind = self.proof(int(i)), KINDS[self.kinds[i]]
            if truth.kind is Kind.UNDECIDED:
                continue
            before = float(self.derivative[i])
            known = np.nan if truth.derivative is None else truth.derivative
            if truth.kind is not kind or _apart(before, known):
                where = dict(zip(self._grid.names, self._grid.points[i].tolist(), strict=True))
                settled_as, proved = f"{kind} {before!r}", f"{truth.kind} {known!r}"
                message = f"at {where} the filter settled {settled_as}, the proof says {proved}"
                raise FilterError(message)
            self._put(int(i), truth)


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
class Settled:
    """What arrays say of the points of a grid.

    Attributes
    ----------
    settled
        Where there is no doubt; shape (n,), as all others.
    slope, error
        The derivative there, NaN outside the domain, and how far it may be off.
    outside
        Where a point is outside the domain: the place in `FUNCTIONS` of the function to blame,
        0 elsewhere.
    """

    settled: Mask
    slope: Array
    error: Array
    outside: NDArray[np.intp]


def settle(program: Program, variable: str, columns: Mapping[str, Array]) -> Settled:
    """Return where the derivative is known beyond doubt, and what it is there.

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
    >>> settle(parse("abs(x)*x"), "x", {"x": np.array([-1.0, 0.0, 2.0])}).settled
    array([ True, False,  True])
    """
    shape = next(iter(columns.values())).shape if columns else (1,)
    try:
        found = estimate(program, columns, variable)
        clear = np.ones(shape, dtype=bool)
        for switch in find_switches(program):
            clear &= _off_zero(switch, columns)
    except Unsupported:
        nothing, nowhere = np.full(shape, np.nan), np.zeros(shape, dtype=np.intp)
        return Settled(np.zeros(shape, dtype=bool), nothing, nothing, nowhere)
    slope = np.array(np.broadcast_to(0.0 if found.slope is None else found.slope, shape))
    with np.errstate(all="ignore"):
        error = np.broadcast_to(found.slope_error, shape)
        sharp = error <= _SHARP * np.abs(slope)
        known = np.isfinite(slope) & np.isfinite(np.broadcast_to(found.value, shape))
        known &= np.isfinite(np.broadcast_to(found.error, shape))
    outside = np.broadcast_to(found.outside, shape).astype(np.intp) * clear
    settled = clear & (sharp & known | (outside > 0))
    return Settled(settled, np.where(outside, np.nan, slope), error, outside)


def _off_zero(switch: Switch, columns: Mapping[str, Array]) -> Mask:
    """Tell where a switch is off zero, or off the integers, by much more than its error.

    Where it is undefined it is off zero too: the ends of the domain are switches of their own.
    """
    found = estimate(switch.program, columns, None)
    shape = next(iter(columns.values())).shape
    value = np.broadcast_to(found.value, shape)
    with np.errstate(all="ignore"):
        distance = np.abs(value)
        if switch.crosses_integers:
            distance = np.abs(value - np.rint(value))
            if switch.highest is not None:
                distance = np.where(value > switch.highest + 0.5, np.abs(value), distance)
        off: Mask = distance > _CLEAR * np.broadcast_to(found.error, shape)
        off &= np.isfinite(value)
    return off | (np.broadcast_to(found.outside, shape) > 0)
