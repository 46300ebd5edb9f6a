"""Continuity and differentiability in all variables together, at the doubtful points of a grid."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.series.reals import Real
from symdiff.array_types import Mask
from symdiff.chunks import renumbered, shifted
from symdiff.grid.grid import Grid
from symdiff.program import Program
from symdiff.truth.exact_points import exact_point
from symdiff.truth.gradient import is_smooth
from symdiff.truth.joint import MOST_NAMED, Joint, JointTruth, decide_jointly, listed
from symdiff.truth.kinds import APPARENT, Kind
from symdiff.truth.truths import Proofs, Truths


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Joints:
    """What is decided about a function of all variables that move, at k points of a grid.

    The other points are not in doubt, or nothing is known there: the function is smooth in all
    variables, undefined, or undecided along every axis.

    Attributes
    ----------
    points
        The indices of the points, in order; shape (k,).
    codes
        The codes of the `Joint` at these points, shape (k,).
    reasons
        The reasons of the truths that have one, by point.
    """

    points: NDArray[np.intp]
    codes: NDArray[np.int8]
    reasons: Mapping[int, str]

    @classmethod
    def of(cls, truths: Mapping[int, JointTruth]) -> Joints:
        """Return truths by point as columns."""
        points = sorted(truths)
        return cls(
            np.array(points, dtype=np.intp),
            np.array([truths[i].joint for i in points], dtype=np.int8),
            {i: truths[i].reason for i in points if truths[i].reason},
        )

    def part(self, chosen: NDArray[np.intp]) -> Joints:
        """Return the truths at some points of the grid, which are numbered anew from 0."""
        new = {int(i): k for k, i in enumerate(chosen)} if len(self.points) else {}
        kept = np.array([k for k, i in enumerate(self.points.tolist()) if i in new], dtype=np.intp)
        points = np.array([new[i] for i in self.points[kept].tolist()], dtype=np.intp)
        return Joints(points, self.codes[kept], renumbered(self.reasons, chosen))

    @classmethod
    def join(cls, parts: Sequence[Joints], starts: Sequence[int]) -> Joints:
        """Return the truths of parts of a grid, of which the k-th begins at point ``starts[k]``."""
        return cls(
            np.concatenate([p.points + start for p, start in zip(parts, starts, strict=True)]),
            np.concatenate([p.codes for p in parts]),
            shifted([p.reasons for p in parts], starts),
        )


def with_joint_truths(
    program: Program,
    grid: Grid,
    truths: Mapping[str, Truths],
    smooth: Mask | None = None,
    *,
    is_formula: bool = False,
) -> tuple[dict[str, Truths], Joints]:
    """Decide differentiability in all variables, and return the truths along the axes with it.

    All inputs of the program count as variables. Data, such as a mask that nobody differentiates
    by, is not an input: its numbers are part of the program (`Problem.without_data`).

    Where a partial derivative exists but the function is not proved to be differentiable, the kind
    along that axis becomes `Kind.PARTIAL`.

    Parameters
    ----------
    program
        The expression as a function of the variables that move.
    grid
        The points.
    truths
        The truth along each variable.
    smooth
        Where the function is known to be smooth in all its variables; shape (n,).
    is_formula
        Whether the program is a formula that may be undefined where the function is defined, as
        the derivative of another program is. Only where it is smooth is anything decided.

    Returns
    -------
    dict of str to Truths
        The truth along each variable, with the kinds and details changed where needed.
    Joints
        What is decided about the function of all its variables.
    """
    if len(program.inputs) < 2 or not truths:
        return dict(truths), Joints.of({})
    joints: dict[int, JointTruth] = {}
    for i in _doubtful(truths, smooth):
        point = exact_point(grid, i)
        if point is not None:
            inputs = {name: point[name] for name in program.inputs}
            decide = _where_smooth if is_formula else decide_jointly
            joints[i] = decide(program, inputs)
    corrected = {
        name: dataclasses.replace(t, proofs=_corrected(t.proofs, name, joints, program.inputs))
        for name, t in truths.items()
    }
    return corrected, Joints.of(joints)


def _where_smooth(program: Program, point: Mapping[str, Real]) -> JointTruth:
    is_proved = is_smooth(program, point)
    return JointTruth(Joint.DIFFERENTIABLE if is_proved else Joint.UNDECIDED)


def _doubtful(truths: Mapping[str, Truths], smooth: Mask | None) -> list[int]:
    """Return the points at which the kinds along the axes do not settle differentiability."""
    count = len(next(iter(truths.values())))
    doubtful = np.zeros(count, dtype=bool)
    for truth in truths.values():
        proofs = truth.proofs
        has_limit = ~(np.isnan(proofs.left) & np.isnan(proofs.right))
        is_open = ~np.isin(proofs.kinds, (Kind.OUTSIDE, Kind.UNDECIDED))
        is_open |= (proofs.kinds == Kind.OUTSIDE) & has_limit
        doubtful[proofs.points[is_open]] = True
    for truth in truths.values():
        doubtful &= ~truth.certified.is_certified
    if smooth is not None:
        doubtful &= ~smooth
    return np.flatnonzero(doubtful).tolist()


def _corrected(
    proofs: Proofs, variable: str, joints: Mapping[int, JointTruth], inputs: Sequence[str]
) -> Proofs:
    """Return the proofs along one variable, with `Kind.PARTIAL` and its detail where it applies."""
    kinds, details = proofs.kinds.copy(), dict(proofs.details)
    names = _listed(inputs)
    for row, i in enumerate(proofs.points.tolist()):
        truth = joints.get(i)
        if truth is None or truth.joint is Joint.DIFFERENTIABLE:
            continue
        if kinds[row] == Kind.SMOOTH and not truth.joint.is_undefined:
            kinds[row] = Kind.PARTIAL
            before = details.get(i, "")
            texts = (f"along {variable} only", truth.sentence(names))
            more = (before,) if before not in {"", APPARENT} else ()
            details[i] = "; ".join([*texts, *more])
        elif kinds[row] == Kind.OUTSIDE and truth.joint.is_undefined:
            details[i] = "; ".join(t for t in (details.get(i), truth.sentence(names)) if t)
    return dataclasses.replace(proofs, kinds=kinds, details=details)


def _listed(names: Sequence[str]) -> str:
    """Return names joined by "and"; those of the tensors if there are more than `MOST_NAMED`.

    Examples
    --------
    >>> _listed(["x", "y"]), _listed([*(f"s[{j}]" for j in range(9)), "x"])
    ('x and y', 's and x')
    """
    if len(names) > MOST_NAMED:
        names = list(dict.fromkeys(name.partition("[")[0] for name in names))
    return listed(names) if len(names) <= MOST_NAMED else "all variables"
