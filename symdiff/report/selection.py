"""Choose the derivatives that the table of an expression shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Mask
from symdiff.comparison.evidence import Evidence, Trial
from symdiff.grid.grid import Role
from symdiff.truth.kinds import Kind
from symdiff.verdict.words import Verdict

# The most rows of the table of one expression, unless all are asked for.
MAX_ROWS: Final = 24
# A point where the expression has one of these kinds is selected.
_REMARKABLE_KINDS: Final = (
    Kind.KINK,
    Kind.VERTICAL,
    Kind.EDGE,
    Kind.JUMP,
    Kind.POLE,
    Kind.ISOLATED,
    Kind.OSCILLATING,
)
# Verdicts that do not select a point.
_UNREMARKABLE: Final = (Verdict.AGREES, Verdict.INEXACT, Verdict.UNSUPPORTED, Verdict.UNDEFINED)
# Verdicts on an engine that gave no number.
_WITHOUT_NUMBER: Final = (Verdict.FAILED, Verdict.UNSUPPORTED)
# Verdicts of which no group is made: each such point says something of its own.
_PASSING: Final = (Verdict.AGREES, Verdict.INEXACT, Verdict.SUBGRADIENT, Verdict.UNSUPPORTED)
# Verdicts that select a point even if it was added for a kink along another variable.
_FAILING: Final = tuple(verdict for verdict in Verdict if not verdict.passes)


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """What one row of a table shows: a derivative of one spelling at one point.

    Attributes
    ----------
    trial
        The spelling, or the component of its value.
    variable
        The variable of the derivative.
    i
        The index of the point.
    alike
        At how many points, this one included, the same holds: the row stands for all of them.
    """

    trial: Trial
    variable: str
    i: int
    alike: int = 1

    @property
    def kind(self) -> Kind:
        """The kind of the point along the variable."""
        return Kind.from_code(self.trial.truths[self.variable].kinds[self.i])

    def telling(self, engines: Iterable[str]) -> dict[str, Verdict]:
        """Return the verdicts on engines that have numbers: see `is_without_numbers`."""
        return {
            engine: verdict
            for engine, verdict in self.verdicts(engines).items()
            if not is_without_numbers(self.trial, engine, self.variable)
        }

    def verdicts(self, engines: Iterable[str]) -> dict[str, Verdict]:
        """Return the verdicts on those of the engines that have this derivative."""
        return {
            engine: self.trial.verdict(engine, self.variable, self.i)
            for engine in engines
            if self.variable in self.trial.covered(engine)
        }


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The points at which the derivative of one spelling along one variable is selected.

    Attributes
    ----------
    trial, variable
        As in `Row`.
    points
        The indices of the k points, in order; shape (k,).
    ranks
        The rank of each point, shape (k,); 0 is the most important. A table that is too long leaves
        out points of high rank.
    alike
        How many points each point stands for, itself included; shape (k,).
    """

    trial: Trial
    variable: str
    points: NDArray[np.intp]
    ranks: NDArray[np.intp]
    alike: NDArray[np.intp]

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.points)

    def row(self, k: int) -> Row:
        """Return the row of the k-th point."""
        return Row(self.trial, self.variable, int(self.points[k]), int(self.alike[k]))


def is_without_numbers(trial: Trial, engine: str, variable: str) -> bool:
    """Return whether an engine failed at every point, or was unsupported at every point."""
    codes = trial.verdicts(engine, variable)
    return bool((codes == codes[:1]).all()) and codes[0] in _WITHOUT_NUMBER


def select(evidence: Evidence, *, everything: bool = False) -> list[Selection]:
    """Return the derivatives worth a row, by spelling and variable.

    These are the derivatives at points that `at` asks for, at kinks (also those that were found
    along another variable) and apparent kinks, at other points without a finite derivative, and
    those on which an engine has a remarkable verdict.

    Parameters
    ----------
    evidence
        The result of a comparison.
    everything
        Whether to select all derivatives.
    """
    return [
        _selection(evidence, trial, variable, everything=everything)
        for trial in evidence.trials
        for variable in trial.variables
    ]


def rows(selections: Sequence[Selection], limit: int | None = None) -> list[Row]:
    """Return the rows of a table, in the order of the points.

    Parameters
    ----------
    selections
        What is selected.
    limit
        The largest number of rows: those of high rank are left out. None: all rows.
    """
    if not selections:
        return []
    points = np.concatenate([selection.points for selection in selections])
    order = np.argsort(points, kind="stable")
    if limit is not None and len(order) > limit:
        ranks = np.concatenate([selection.ranks for selection in selections])[order]
        order = order[np.sort(np.argsort(ranks, kind="stable")[:limit])]
    starts = np.cumsum([0, *map(len, selections)])
    owners = np.searchsorted(starts, order, side="right") - 1
    return [
        selections[owner].row(k - starts[owner])
        for owner, k in zip(owners.tolist(), order.tolist(), strict=True)
    ]


def _selection(evidence: Evidence, trial: Trial, variable: str, *, everything: bool) -> Selection:
    roles = evidence.grid.roles
    requested = np.zeros(len(roles), dtype=bool)
    requested[evidence.requested] = True
    if trial.is_directional:
        remarkable = np.ones(len(roles), dtype=bool)
    else:
        remarkable = _remarkable(evidence, trial, variable)
    points = np.flatnonzero(remarkable | requested | everything)
    ranks = _ranks(roles, remarkable, requested)[points]
    return Selection(trial, variable, points, ranks, np.ones(len(points), dtype=np.intp))


def grouped(evidence: Evidence, selections: Sequence[Selection]) -> list[Selection]:
    """Return selections in which one point stands for all that have the same verdicts.

    Kinks and other remarkable points, and those that `at` asks for, stand for themselves. So do
    points at which all verdicts are unremarkable.
    """
    return [_grouped(evidence, selection) for selection in selections]


def _grouped(evidence: Evidence, selection: Selection) -> Selection:
    trial, variable, points = selection.trial, selection.variable, selection.points
    truths = trial.truths[variable]
    codes = [
        trial.verdicts(engine, variable)[points]
        for engine in evidence.engines
        if variable in trial.covered(engine) and not is_without_numbers(trial, engine, variable)
    ]
    if not codes or not len(points) or trial.is_directional:
        return selection
    # A number that rounding explains makes no other group than one that agrees.
    codes = [np.where(c == Verdict.INEXACT, np.int8(Verdict.AGREES), c) for c in codes]
    kinds = truths.kinds[points]
    is_apparent = np.isin(points, truths.apparent_kinks)
    is_single = np.isin(kinds, _REMARKABLE_KINDS) | np.isin(points, evidence.requested)
    is_single |= np.isin(codes, _PASSING).all(axis=0)
    own = np.where(is_single, np.arange(1, 1 + len(points)), 0)
    keys = np.column_stack([own, kinds, is_apparent, *codes])
    _, group = np.unique(keys, axis=0, return_inverse=True)
    # Of each group the point of the lowest rank is kept: not a neighbour of a kink if need be.
    order = np.lexsort([points, selection.ranks, group.ravel()])
    _, first, count = np.unique(group.ravel()[order], return_index=True, return_counts=True)
    kept = order[first]
    back = np.argsort(kept)
    kept = kept[back]
    return dataclasses.replace(
        selection, points=points[kept], ranks=selection.ranks[kept], alike=count[back]
    )


def _remarkable(evidence: Evidence, trial: Trial, variable: str) -> Mask:
    """Return which points are selected even if `at` does not ask for them, shape (n,)."""
    grid = evidence.grid
    axis = grid.names.index(variable)
    # The points added for kinks along other variables are many, and mostly smooth along this one.
    is_along = (grid.along == axis) | (grid.along < 0)
    kinds, is_kink = trial.truths[variable].kinds, grid.roles == Role.KINK
    remarkable: Mask = is_kink & (grid.along == axis)
    remarkable |= (is_along | is_kink) & np.isin(kinds, _REMARKABLE_KINDS)
    if evidence.tensors is None:  # beside a kink along one component, all others are partial
        remarkable |= (grid.along < 0) & (kinds == Kind.PARTIAL)
    for engine in evidence.engines:
        if variable in trial.covered(engine) and not is_without_numbers(trial, engine, variable):
            verdicts = trial.verdicts(engine, variable)
            selects = np.isin(verdicts, _FAILING) | is_along & ~np.isin(verdicts, _UNREMARKABLE)
            selects[trial.judgements[engine, variable].without_stencil] = False
            remarkable |= selects
    return remarkable


def _ranks(roles: NDArray[np.int8], remarkable: Mask, requested: Mask) -> NDArray[np.intp]:
    """Return the ranks of all points, shape (n,).

    Points that `at` asks for come first, the remarkable ones before the others. Then come kinks,
    the other points of the grid, and the neighbours of kinks.
    """
    by_role = np.zeros(1 + max(Role), dtype=np.intp)
    for role in Role:
        by_role[role] = 2 + {Role.KINK: 0, Role.REGULAR: 1}.get(role, int(role))
    ranks: NDArray[np.intp] = by_role[roles]
    ranks[requested] = np.where(remarkable[requested], 0, 1)
    return ranks
