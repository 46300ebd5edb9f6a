"""Judge numbers at the doubles that engines got, where the exact point is not a double.

The truth that a report shows is that of the exact point, such as 1/3 or the end of a domain.
Engines get the nearest doubles. A number that is right at the exact point passes there; any other
number is judged at the double, which may lie outside the domain, or on one side of a jump.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.engines.base import Allowance, Problem, Samples
from symdiff.grid.grid import Grid
from symdiff.program.formats import shared
from symdiff.program.values import DTYPES, Dtype
from symdiff.truth.certify import ProofOptions, ProofTask, decide
from symdiff.verdict.gradients import AllowanceOf, judge_gradients
from symdiff.verdict.judge import MAX_EXPLAINED, Judgement, Key, Tolerance, draft, judge
from symdiff.verdict.words import Verdict

# Verdicts that the number's verdict at the double may replace.
_REPLACED: Final = (
    Verdict.WRONG,
    Verdict.NOT_SUBGRADIENT,
    Verdict.NONFINITE,
    Verdict.FAILED,
    Verdict.UNDECIDED,
)
AT_DOUBLE: Final = "judged at "  # how a note starts that says at which double
_MAX_NAMED: Final = 3  # coordinates that are named in a sentence


def points_between_doubles(grid: Grid) -> frozenset[int]:
    """Return the points with a coordinate that is not a double."""
    return frozenset(i for i, _ in grid.exact)


def judge_at_doubles(  # noqa: PLR0913, PLR0917  (the results of the stages before)
    problem: Problem,
    grid: Grid,
    proofs: ProofOptions,
    samples: Mapping[str, Samples],
    judgements: Mapping[Key, Judgement],
    tolerance: Tolerance,
    allowance: AllowanceOf,
) -> dict[Key, Judgement]:
    """Return the judgements that change where a number is judged at the double.

    Parameters
    ----------
    problem, grid
        The program and the points, and their exact coordinates.
    proofs
        How the truth is decided.
    samples, judgements
        What the engines returned, and the verdicts at the exact points.
    tolerance
        What counts as agreement.
    allowance
        Returns how far a correct engine may deviate at the double.
    """
    chosen = _chosen(grid, judgements)
    if not len(chosen):
        return {}
    doubles = _at_doubles(grid, chosen)
    part = problem.part(chosen)
    parts = {name: s.part(chosen) for name, s in samples.items()}
    options = dataclasses.replace(proofs, prove="all")
    truths = {
        v: decide(ProofTask(problem.program, v, doubles, options, problem.second))
        for v in problem.variables
    }

    def allowed(engine: str, variable: str, k: int) -> Allowance:
        return allowance(engine, variable, int(chosen[k]))

    dtype = shared(DTYPES[s.asked] for s in samples.values())
    found: dict[Key, Judgement] = {}
    for engine, variable in judgements:
        s = parts[engine]
        if variable in s.unsupported or variable in s.refusals:
            continue
        drafted = draft(truths[variable], s, variable, tolerance, np.arange(len(chosen)))
        allowances = {k: allowed(engine, variable, k) for k in drafted.points_off.tolist()}
        found[engine, variable] = judge(drafted, truths[variable], s, variable, allowances)
    found |= judge_gradients(part, doubles, truths, parts, found, tolerance, allowed)
    return {
        key: _replaced(judgements[key], judgement, grid, chosen, dtype)
        for key, judgement in found.items()
    }


def _chosen(grid: Grid, judgements: Mapping[Key, Judgement]) -> NDArray[np.intp]:
    """Return the points between doubles at which a number is not right."""
    between = np.array(sorted(points_between_doubles(grid)), dtype=np.intp)
    off = np.zeros(len(between), dtype=bool)
    for judgement in judgements.values():
        off |= np.isin(judgement.codes[between], _REPLACED)
    return between[off][:MAX_EXPLAINED]


def _at_doubles(grid: Grid, chosen: NDArray[np.intp]) -> Grid:
    """Return some points of a grid with the doubles as their exact coordinates."""
    return dataclasses.replace(
        grid,
        points=grid.points[chosen],
        exact={},
        roles=grid.roles[chosen],
        along=grid.along[chosen],
        switch_of=np.full(len(chosen), -1, dtype=np.int32),
    )


def _replaced(
    judgement: Judgement,
    at_doubles: Judgement,
    grid: Grid,
    chosen: NDArray[np.intp],
    dtype: Dtype | None,
) -> Judgement:
    """Return a judgement with the verdicts at the doubles where these are less grave."""
    codes, reasons, notes = judgement.codes.copy(), dict(judgement.reasons), dict(judgement.notes)
    rounded = dict(judgement.rounded)
    for k, i in enumerate(chosen.tolist()):
        before, after = (Verdict.from_code(c) for c in (codes[i], at_doubles.codes[k]))
        if before not in _REPLACED or after.gravity > before.gravity:
            continue
        codes[i] = after
        for mine, theirs in (
            (reasons, at_doubles.reasons),
            (notes, at_doubles.notes),
            (rounded, at_doubles.rounded),
        ):
            mine.pop(i, None)
            mine.update({i: theirs[k]} if k in theirs else {})
        if after is not before:
            notes[i] = "; ".join(filter(None, [notes.get(i, ""), _note(grid, i, dtype)]))
    return Judgement(codes, reasons, notes, rounded)


def _note(grid: Grid, i: int, dtype: Dtype | None) -> str:
    """Return at which coordinates a number was judged."""
    kind = "double" if dtype is None else f"number of {dtype.name}"
    coordinates = [
        f"{name} = {float(grid.points[i, j])!r}, the {kind} for {grid.exact[i, j]}"
        for j, name in enumerate(grid.names)
        if (i, j) in grid.exact
    ]
    more = len(coordinates) - _MAX_NAMED
    words = " and ".join(coordinates[:_MAX_NAMED])
    return f"{AT_DOUBLE}{words}" + (f" and {more} more" if more > 0 else "")
