"""Compare an expression on a range with more points than fit into memory, chunk by chunk.

Points at which all engines agree are counted; only the others are kept.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from symdiff.array_types import Mask
from symdiff.comparison.evidence import ColumnWriter, LeftOut, Trial
from symdiff.comparison.trial import Case, run_trial
from symdiff.grid.grid import Grid, Role, with_plain_points
from symdiff.grid.points import LongRange
from symdiff.labels import among
from symdiff.request.options import Options
from symdiff.truth.certify import ProofOptions
from symdiff.verdict.words import Verdict, counted

CHUNK: Final = 2**20  # number of points of a range that are compared together
MAX_KEPT: Final = 2_000_000  # largest number of points of a range that are kept
# A regular point is only counted, and not kept, if every engine has one of these verdicts.
_COUNTED_ONLY: Final = (Verdict.AGREES, Verdict.UNSUPPORTED)


@dataclasses.dataclass(slots=True)
class _Kept:
    """Points that are kept from the chunks so far, and counts of the other points.

    Attributes
    ----------
    grids, trials
        The points that are kept, and the trials at these points; one item for each chunk.
    points
        The number of points that are kept.
    over_limit
        The number of points that were not kept because `MAX_KEPT` was reached.
    left_out
        The number of all points that were not kept.
    proved, counts
        As in `LeftOut`.
    """

    grids: list[Grid] = dataclasses.field(default_factory=list)
    trials: list[tuple[Trial, ...]] = dataclasses.field(default_factory=list)
    points: int = 0
    over_limit: int = 0
    left_out: int = 0
    proved: int = 0
    counts: dict[str, collections.Counter[Verdict]] = dataclasses.field(default_factory=dict)

    def add(self, grid: Grid, trials: tuple[Trial, ...]) -> None:
        """Keep special points and those where an engine does not agree; count the others."""
        kept = np.flatnonzero(~_all_agree(trials) | (grid.roles != Role.REGULAR))
        left = max(0, MAX_KEPT - self.points)
        self.over_limit += max(0, len(kept) - left)
        kept = kept[:left]
        others = np.ones(len(grid), dtype=bool)
        others[kept] = False
        self.grids.append(grid.part(kept))
        self.trials.append(tuple(trial.part(kept) for trial in trials))
        self.points += len(kept)
        self.left_out += int(np.count_nonzero(others))
        for trial in trials:
            for (engine, _), judgement in trial.judgements.items():
                counter = self.counts.setdefault(engine, collections.Counter())
                counter.update(counted(judgement.codes[others]))
            for truths in trial.truths.values():
                self.proved += int(np.count_nonzero(truths.proved[others]))


def compare_in_chunks(
    cases: Sequence[Case],
    special: Grid,
    long_range: LongRange,
    options: Options,
    columns: ColumnWriter | None,
) -> tuple[Grid, tuple[Trial, ...], LeftOut]:
    """Compare an expression of one variable on a long range.

    Parameters
    ----------
    cases
        The expression and its spellings. The points of their problems are ignored.
    special
        The ends of the range, kinks, and the neighbours of kinks.
    long_range
        The range.
    options
        How the expression is compared. `max_proofs` limits the proofs on the whole range.
    columns
        Writes the columns of all points; None: they are not written.

    Returns
    -------
    tuple
        The points that are kept, the trials at these points, and counts of the other points.
    """
    kept = _Kept()
    chunks = -(-long_range.count // CHUNK)
    proofs = ProofOptions.of(options)
    sample, proofs_left = -(-proofs.sample // chunks), proofs.max_proofs
    for k, grid in enumerate(_chunks(special, long_range)):
        proofs_of_chunk = dataclasses.replace(
            proofs, sample=sample, max_proofs=max(1, proofs_left), seed=proofs.seed + k
        )
        trials = tuple(
            run_trial(_at_points(case, grid), grid, options, proofs_of_chunk) for case in cases
        )
        if columns is not None:
            columns.append(grid, trials)
        proofs_left -= max((_proof_count(trial) for trial in trials), default=0)
        kept.add(grid, trials)
    notes = special.notes
    if kept.over_limit:
        notes += (f"{kept.over_limit} points that do not agree are counted, and not kept",)
    grid = Grid.join(kept.grids, notes)
    trials = tuple(Trial.join(parts) for parts in zip(*kept.trials, strict=True))
    return grid, trials, LeftOut(kept.left_out, kept.proved, kept.counts)


def _chunks(special: Grid, long_range: LongRange) -> Iterator[Grid]:
    """Yield the points of a range in order, with the special points among them."""
    special_x = special.points[:, 0]
    for first in range(0, long_range.count, CHUNK):
        x = long_range.points(first, first + CHUNK)
        is_last = first + CHUNK >= long_range.count
        end = np.inf if is_last else long_range.points(first + CHUNK, first + CHUNK + 1)[0]
        start = x[0] if first else -np.inf
        inside = np.flatnonzero((special_x >= start) & (special_x < end))
        # Special points may be among those of the range; both are in order.
        equal = (np.searchsorted(x, special_x[inside], side) for side in ("left", "right"))
        without = {i for first, last in zip(*equal, strict=True) for i in range(first, last)}
        yield with_plain_points(special.part(inside), x, np.array(sorted(without), dtype=np.intp))


def _at_points(case: Case, grid: Grid) -> Case:
    """Return a case at the points of a grid."""
    return dataclasses.replace(
        case, problem=dataclasses.replace(case.problem, columns=grid.columns())
    )


def _proof_count(trial: Trial) -> int:
    """Return the largest number of proofs along one variable."""
    return max((len(t.proofs) for t in trial.truths.values()), default=0)


def _all_agree(trials: Sequence[Trial]) -> Mask:
    """Return at which points every engine agrees or does not support the program; shape (n,)."""
    codes = [j.codes for trial in trials for j in trial.judgements.values()]
    agree: Mask = np.logical_and.reduce([among(c, _COUNTED_ONLY) for c in codes])
    return agree
