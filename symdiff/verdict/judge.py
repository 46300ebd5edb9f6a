"""One word for every engine at every point, from one closed list.

First whole arrays are judged by tolerance; where that does not settle it, the engine's own
allowance (what rounding can do to it, what a stencil must give) is asked, point by point.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array, Mask
from symdiff.chunks import in_chunks, renumbered
from symdiff.engines.base import Allowance, Samples
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths
from symdiff.verdict.words import Verdict

Codes = NDArray[np.int8]


# Kinds of point at which there is no derivative, whatever an engine gives.
_IS_NOWHERE: Final = np.isin(list(Kind), (Kind.JUMP, Kind.POLE, Kind.OUTSIDE))
_IS_OFF: Final = np.isin(list(Verdict), (Verdict.WRONG, Verdict.NOT_SUBGRADIENT, Verdict.NONFINITE))
MAX_EXPLAINED: Final = 5000  # points of one engine whose allowance is asked


@dataclasses.dataclass(frozen=True, slots=True)
class Tolerance:
    """A value v agrees with the derivative d if ``|v - d| <= atol + rtol*|d|``.

    With the default `atol` of 0 a small derivative that an engine rounds to 0 does not agree.
    """

    rtol: float = 1e-9
    atol: float = 0.0

    def around(self, size: Array) -> Array:
        """Return what a value may be off beside numbers of this size."""
        around = np.abs(size)
        around *= self.rtol
        if self.atol:
            around += self.atol
        return around

    def __str__(self) -> str:
        """Return both bounds, as tables show them."""
        return f"rtol {self.rtol:g}, atol {self.atol:g}"


@dataclasses.dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts on one engine along one variable.

    Attributes
    ----------
    codes
        Indices into `Verdict`, shape (n,).
    reasons
        By point, why a number that is off is not held against the engine, or in what way it
        is off.
    """

    codes: Codes
    reasons: dict[int, str]

    def part(self, chosen: NDArray[np.intp]) -> Judgement:
        """Return the verdicts at some of the points, in order."""
        return Judgement(self.codes[chosen], renumbered(self.reasons, chosen))


class Recourse(Protocol):
    """What may be asked about single points, where columns leave a verdict open."""

    def prove(self, points: NDArray[np.intp]) -> None:
        """Prove the truth at some points, as far as it may, and write it into the columns."""

    def complete(self, points: NDArray[np.intp]) -> None:
        """Have what the engine has against its numbers at some points written into its samples."""

    def allowance(self, point: int) -> Allowance:
        """Return what the engine may give at a point."""


def unclear(
    truths: Truths, given: Sequence[tuple[Samples, str]], tolerance: Tolerance
) -> list[NDArray[np.intp]]:
    """Return for every engine and variable the points at which it is not clear that it agrees.

    It is where the derivative exists, and a value agrees with it however far that may be off.

    Parameters
    ----------
    truths
        What the derivative is.
    given
        What engines gave, each with the variable.
    tolerance
        What counts as agreement.
    """
    found: list[list[NDArray[np.intp]]] = [[] for _ in given]
    is_smooth = truths.kinds == Kind.SMOOTH
    all_smooth = bool(is_smooth.all())

    def look(piece: slice) -> None:
        derivative = truths.derivative[piece]
        with np.errstate(all="ignore"):
            allowed = tolerance.around(derivative)
            allowed -= 2 * truths.errors[piece]
            if not all_smooth:  # an infinite derivative would agree with anything
                allowed[~is_smooth[piece]] = -1.0
            for number, (samples, variable) in enumerate(given):
                apart = samples.derivatives[variable][piece] - derivative
                np.abs(apart, out=apart)
                agrees = apart <= allowed
                if samples.reason_of is not None:
                    agrees &= samples.reason_of[piece] == 0
                if not agrees.all():
                    found[number].append(np.flatnonzero(~agrees) + piece.start)

    in_chunks(len(truths), look)
    nowhere = np.zeros(0, dtype=np.intp)
    return [np.sort(np.concatenate([nowhere, *parts])) for parts in found]


def judge(  # noqa: PLR0913, PLR0917  (what is known, what was given, and what may be asked)
    truths: Truths,
    samples: Samples,
    variable: str,
    tolerance: Tolerance,
    recourse: Recourse,
    open_points: NDArray[np.intp] | None = None,
) -> Judgement:
    """Judge one engine along one variable.

    Parameters
    ----------
    truths
        What the derivative is.
    samples
        What the engine gave.
    variable
        Along which.
    tolerance
        What counts as agreement.
    recourse
        What may be asked besides: no verdict on what is off rests on arrays alone.
    open_points
        Those that are `unclear`, if that is known already.
    """
    values = samples.derivatives[variable]
    if samples.unsupported:
        return Judgement(np.full(len(values), Verdict.UNSUPPORTED, dtype=np.int8), {})
    codes = np.full(len(values), Verdict.AGREES, dtype=np.int8)
    if open_points is None:
        (open_points,) = unclear(truths, [(samples, variable)], tolerance)
    if not len(open_points):
        return Judgement(codes, {})
    recourse.complete(open_points)
    rest = _Rest(truths, samples, variable, tolerance, open_points)
    found = rest.codes()
    doubtful = (found == Verdict.AGREES) & ~rest.proved
    wanted = open_points[(_is_off(found) | doubtful) & ~rest.proved]
    if len(wanted):
        recourse.prove(wanted)
        found = rest.codes()
    found[_is_off(found) & rest.straddling()] = Verdict.INEXACT
    unproved = (_is_off(found) | doubtful) & ~rest.proved
    found[unproved] = Verdict.UNDECIDED
    codes[open_points] = found
    reasons = dict.fromkeys(open_points[unproved].tolist(), "more points are off than proofs allow")
    for count, i in enumerate(open_points[_is_off(found)].tolist()):
        if count >= MAX_EXPLAINED:
            codes[i] = Verdict.UNDECIDED
            reasons[i] = f"more than {MAX_EXPLAINED} points are off"
            continue
        word, allowance = Verdict.from_code(codes[i]), recourse.allowance(i)
        verdict, reason = _explained(truths, float(values[i]), i, word, allowance)
        codes[i] = verdict
        if reason:
            reasons[i] = reason
    return Judgement(codes, reasons)


@dataclasses.dataclass(frozen=True, slots=True)
class _Rest:
    """The points at which agreement is not clear at once."""

    truths: Truths
    samples: Samples
    variable: str
    tolerance: Tolerance
    points: NDArray[np.intp]

    def codes(self) -> Codes:
        """Return the verdicts by tolerance, by what is proved by now."""
        samples, points = self.samples, self.points
        failed = None if samples.reason_of is None else samples.reason_of[points] > 0
        values = samples.derivatives[self.variable][points]
        errors = samples.errors.get(self.variable)
        errors = None if errors is None else errors[points]
        return by_tolerance(self.truths.part(points), values, self.tolerance, failed, errors)

    @property
    def proved(self) -> Mask:
        """Where the truth is proved by now."""
        return self.truths.proved[self.points]

    def straddling(self) -> Mask:
        """Tell where a stencil gave a number across a kink: that is no alarm."""
        finite: Mask = np.isfinite(self.samples.derivatives[self.variable][self.points])
        straddling = self.samples.straddling.get(self.variable)
        return finite & (False if straddling is None else straddling[self.points])


def _is_off(codes: Codes) -> Mask:
    found: Mask = _IS_OFF[codes]
    return found


def by_tolerance(
    truths: Truths,
    values: Array,
    tolerance: Tolerance,
    failed: Mask | None = None,
    errors: Array | None = None,
) -> Codes:
    """Return a verdict for every point, by tolerance alone.

    Parameters
    ----------
    truths
        What the derivative is.
    values
        What an engine gave, shape (n,).
    tolerance
        What counts as agreement.
    failed
        Where the engine raised; shape (n,).
    errors
        The engine's own estimate of its truncation and rounding; shape (n,).
    """
    kinds, d = truths.kinds, truths.derivative
    finite = np.isfinite(values)
    low, high = np.fmin(truths.left, truths.right), np.fmax(truths.left, truths.right)
    with np.errstate(all="ignore"):
        close = (values == d) | (np.abs(values - d) <= tolerance.around(d)) & np.isfinite(d)
        near = np.zeros(len(values), dtype=bool)
        if errors is not None:
            near = np.abs(values - d) <= errors + tolerance.around(d)
        size = np.maximum(np.abs(low), np.abs(high))
        inside = (values >= low - tolerance.around(size)) & (
            values <= high + tolerance.around(size)
        )
    smooth = (kinds == Kind.SMOOTH) | ((kinds == Kind.EDGE) & np.isfinite(d))
    infinite = (kinds == Kind.VERTICAL) | ((kinds == Kind.EDGE) & ~np.isfinite(d))
    kink = kinds == Kind.KINK
    nowhere = _IS_NOWHERE[kinds]
    raised = np.zeros(len(values), dtype=bool) if failed is None else failed
    cases = [
        (raised & (nowhere | infinite), Verdict.UNDEFINED),
        (raised, Verdict.FAILED),
        ((smooth | infinite) & close, Verdict.AGREES),
        (smooth & ~finite, Verdict.NONFINITE),
        (smooth & near, Verdict.INEXACT),
        (smooth, Verdict.WRONG),
        (kink & ~finite, Verdict.NONFINITE),
        (kink & inside, Verdict.SUBGRADIENT),
        (kink, Verdict.NOT_SUBGRADIENT),
        ((nowhere | infinite) & ~finite, Verdict.UNDEFINED),
        (nowhere | infinite, Verdict.SILENT),
    ]
    return np.select(
        [case for case, _ in cases],
        [verdict for _, verdict in cases],
        Verdict.UNDECIDED,
    ).astype(np.int8)


def _explained(
    truths: Truths, value: float, i: int, verdict: Verdict, allowance: Allowance
) -> tuple[Verdict, str]:
    """Ask an engine's allowance about a number that is off."""
    if allowance.stencil_leaves_domain and not math.isfinite(value):
        return Verdict.INEXACT, allowance.reason
    if verdict is Verdict.NONFINITE:
        return verdict, "by rounding" if math.isinf(allowance.radius) else ""
    if math.isnan(allowance.radius):
        return Verdict.UNDECIDED, "what rounding can do is not known"
    if verdict is Verdict.NOT_SUBGRADIENT:
        ends = truths.slopes(i)
        nearest = min(max(value, min(ends)), max(ends))
    else:
        nearest = float(truths.derivative[i])
    explained = allowance.explains(value, nearest)
    return (Verdict.INEXACT, allowance.reason) if explained else (verdict, "")
