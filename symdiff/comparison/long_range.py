"""A range too long to be held, compared chunk by chunk: what agrees is counted only."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from symdiff.array_types import Mask
from symdiff.comparison.evidence import ColumnWriter, LeftOut, Trial, proof_options_of
from symdiff.comparison.trial import Case, attempt
from symdiff.grid.grid import Grid, with_plain_points
from symdiff.grid.points import LongRange
from symdiff.request.options import Options
from symdiff.verdict.words import Verdict, counted

CHUNK: Final = 2**20  # points compared at once
MAX_KEPT: Final = 2_000_000  # points that are not plain agreements
_PLAIN: Final = (Verdict.AGREES, Verdict.UNSUPPORTED)


@dataclasses.dataclass(frozen=True, slots=True)
class Streamed:
    """What is kept of a long range: kinks, their neighbours, and all that does not agree."""

    grid: Grid
    trials: tuple[Trial, ...]
    left_out: LeftOut


@dataclasses.dataclass(slots=True)
class _Kept:
    """The points kept so far, and what the others count."""

    grids: list[Grid] = dataclasses.field(default_factory=list)
    trials: list[tuple[Trial, ...]] = dataclasses.field(default_factory=list)
    points: int = 0
    beyond: int = 0
    left_out: int = 0
    proved: int = 0
    counts: dict[str, collections.Counter[Verdict]] = dataclasses.field(default_factory=dict)

    def add(self, grid: Grid, trials: tuple[Trial, ...]) -> None:
        """Keep what is no plain agreement, and count the rest."""
        plain = _is_plain(trials) & (grid.roles == 0)
        kept = np.flatnonzero(~plain)
        room = max(0, MAX_KEPT - self.points)
        self.beyond += max(0, len(kept) - room)
        kept = kept[:room]
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


def stream(
    cases: Sequence[Case],
    special: Grid,
    line: LongRange,
    options: Options,
    columns: ColumnWriter | None,
) -> Streamed:
    """Compare an expression of one variable on a long range.

    Parameters
    ----------
    cases
        The expression and its spellings; the points of their problems are left aside.
    special
        The ends of the range, kinks, and the neighbours of kinks.
    line
        The range.
    options
        How to compare; the number of proofs holds for the whole range.
    columns
        Where all columns are written to, if anywhere.
    """
    kept = _Kept()
    chunks = -(-line.count // CHUNK)
    proofs = proof_options_of(options)
    sample, left = -(-proofs.sample // chunks), proofs.max_proofs
    for number, grid in enumerate(_chunks(special, line)):
        proofs_here = dataclasses.replace(
            proofs, sample=sample, max_proofs=max(1, left), seed=proofs.seed + number
        )
        trials = tuple(attempt(_at(case, grid), grid, options, proofs_here) for case in cases)
        if columns is not None:
            columns.append(grid, trials)
        left -= max((_proofs(trial) for trial in trials), default=0)
        kept.add(grid, trials)
    notes = special.notes
    if kept.beyond:
        notes += (f"{kept.beyond} points that do not agree are counted, and not kept",)
    grid = Grid.join(kept.grids, notes)
    trials = tuple(Trial.join(parts) for parts in zip(*kept.trials, strict=True))
    return Streamed(grid, trials, LeftOut(kept.left_out, kept.proved, kept.counts))


def _chunks(special: Grid, line: LongRange) -> Iterator[Grid]:
    """Yield the points of a range in order, with the special ones among them."""
    places = special.points[:, 0]
    for first in range(0, line.count, CHUNK):
        x = line.points(first, first + CHUNK)
        is_last = first + CHUNK >= line.count
        end = np.inf if is_last else line.points(first + CHUNK, first + CHUNK + 1)[0]
        start = x[0] if first else -np.inf
        chosen = np.flatnonzero((places >= start) & (places < end))
        yield with_plain_points(special.part(chosen), x[~np.isin(x, places[chosen])])


def _at(case: Case, grid: Grid) -> Case:
    return dataclasses.replace(
        case, problem=dataclasses.replace(case.problem, columns=grid.columns())
    )


def _proofs(trial: Trial) -> int:
    return max((len(t.proofs) for t in trial.truths.values()), default=0)


def _is_plain(trials: Sequence[Trial]) -> Mask:
    """Tell at which points no engine does anything but agree."""
    codes = [j.codes for trial in trials for j in trial.judgements.values()]
    plain: Mask = np.logical_and.reduce([np.isin(c, _PLAIN) for c in codes])
    return plain
