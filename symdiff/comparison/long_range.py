"""A range too long to be held, compared chunk by chunk: what agrees is counted only."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Mask
from symdiff.comparison.columns import Columns
from symdiff.comparison.evidence import LeftOut, Trial, proof_options_of
from symdiff.comparison.trial import Case, attempt
from symdiff.engines.base import Problem, Samples
from symdiff.grid.grid import Grid, with_plain_points
from symdiff.grid.points import LongRange
from symdiff.request.options import Options
from symdiff.truth.truths import BY_POINT, COLUMNS, Truths
from symdiff.verdict.judge import Judgement
from symdiff.verdict.words import Verdict

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
                found = np.bincount(judgement.codes[others], minlength=len(Verdict))
                counter = self.counts.setdefault(engine, collections.Counter())
                counter.update({v: int(n) for v, n in zip(Verdict, found, strict=True) if n})
            for truths in trial.truths.values():
                self.proved += int(np.count_nonzero(truths.proved[others]))


def stream(
    cases: Sequence[Case], special: Grid, line: LongRange, options: Options, columns: Columns | None
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
    trials = tuple(_joined_trials(parts) for parts in zip(*kept.trials, strict=True))
    left_out = LeftOut(kept.left_out, kept.proved, kept.counts)
    return Streamed(Grid.join(kept.grids, notes), trials, left_out)


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
    return max((int(np.count_nonzero(t.proved)) for t in trial.truths.values()), default=0)


def _is_plain(trials: Sequence[Trial]) -> Mask:
    """Tell at which points no engine does anything but agree."""
    codes = [j.codes for trial in trials for j in trial.judgements.values()]
    plain: Mask = np.logical_and.reduce([np.isin(c, _PLAIN) for c in codes])
    return plain


def _joined_trials(parts: Sequence[Trial]) -> Trial:
    first = parts[0]
    starts = _starts([trial.problem.count for trial in parts])
    return Trial(
        first.spelling,
        _joined_problem([t.problem for t in parts]),
        {e: _joined_samples([t.samples[e] for t in parts]) for e in first.samples},
        {v: _joined_truths([t.truths[v] for t in parts], starts) for v in first.truths},
        {k: _joined_judgement([t.judgements[k] for t in parts], starts) for k in first.judgements},
        first.output,
    )


def _joined_problem(parts: Sequence[Problem]) -> Problem:
    return dataclasses.replace(parts[0], columns=_by_name([p.columns for p in parts]))


def _joined_samples(parts: Sequence[Samples]) -> Samples:
    reasons = {"": 0}
    numbers: list[NDArray[np.int32]] = []
    for part in parts:
        count = len(next(iter(part.derivatives.values())))
        own = np.array([reasons.setdefault(text, len(reasons)) for text in part.reasons])
        numbers.append(np.zeros(count, np.int32) if part.reason_of is None else own[part.reason_of])
    return Samples(
        _by_name([part.derivatives for part in parts]),
        _by_name(_completed(parts, lambda part: part.errors, open_one=np.nan)),
        _by_name(_completed(parts, lambda part: part.straddling, open_one=False)),
        np.concatenate(numbers).astype(np.int32) if len(reasons) > 1 else None,
        tuple(reasons),
        parts[0].unsupported,
        parts[0].refusals,
        parts[0].traits,
    )


def _completed(
    parts: Sequence[Samples],
    doubts: Callable[[Samples], dict[str, NDArray[Any]]],
    *,
    open_one: float | bool,
) -> list[dict[str, NDArray[Any]]]:
    """Return what engines have against their numbers, `open_one` where nobody asked."""
    names = dict.fromkeys(name for part in parts for name in doubts(part))
    return [
        {n: doubts(part).get(n, np.full(len(part.derivatives[n]), open_one)) for n in names}
        for part in parts
    ]


def _joined_truths(parts: Sequence[Truths], starts: Sequence[int]) -> Truths:
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS
    }
    known: dict[str, Any] = {
        name: _shifted([getattr(p, name) for p in parts], starts) for name in BY_POINT
    }
    return Truths(**columns, **known)


def _joined_judgement(parts: Sequence[Judgement], starts: Sequence[int]) -> Judgement:
    codes = np.concatenate([part.codes for part in parts])
    return Judgement(codes, _shifted([part.reasons for part in parts], starts))


def _starts(counts: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(counts).tolist()[:-1]]


def _shifted(parts: Sequence[Mapping[int, Any]], starts: Sequence[int]) -> dict[int, Any]:
    pairs = zip(parts, starts, strict=True)
    return {at + i: known for part, at in pairs for i, known in part.items()}


def _by_name(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
