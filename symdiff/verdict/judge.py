"""Judge the numbers of engines: a verdict for every engine at every point.

The numbers are judged in stages, each of which returns new data:

1. `unclear_points`: where a number does not clearly agree with the derivative;
2. `draft`: verdicts by tolerance at these points, and which of them rest on an unproved truth;
3. `Draft.points_off`, once these are proved and drafted again: where allowances are needed;
4. `judge`: the verdicts, with what the allowances explain.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array, Mask
from symdiff.chunks import in_chunks, renumbered, shifted, starts_of
from symdiff.engines.base import LEAVES_DOMAIN, ROUNDING, Allowance, Samples, rounding_in
from symdiff.program.values import DTYPES, Dtype
from symdiff.request.options import Options
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Truths
from symdiff.verdict.words import Verdict

Key = tuple[str, str]  # an engine and a variable
Codes = NDArray[np.int8]
Points = NDArray[np.intp]

# By code of a kind: whether there is no derivative, not even an infinite one.
_HAS_NO_DERIVATIVE: Final = np.isin(
    np.arange(1 + max(Kind)), (Kind.JUMP, Kind.POLE, Kind.OUTSIDE, Kind.ISOLATED, Kind.OSCILLATING)
)
# By code of a kind: whether there is a finite derivative.
_IS_SMOOTH: Final = np.isin(np.arange(1 + max(Kind)), (Kind.SMOOTH, Kind.PARTIAL))
# By code of a verdict: whether the number is not the derivative, unless an allowance explains it.
_IS_OFF: Final = np.isin(
    np.arange(1 + max(Verdict)), (Verdict.WRONG, Verdict.NOT_SUBGRADIENT, Verdict.NONFINITE)
)
# A number of this part of the largest of its dtype, or more, stands for one that overflows.
_NEARLY: Final = 1 - 1e-9
MAX_EXPLAINED: Final = 5000  # largest number of allowances computed for one engine and variable
# Reasons for the verdict `undecided`.
_NOT_PROVED: Final = "not proved: the limit max_proofs was reached"
_NOT_EXPLAINED: Final = f"not judged: more than {MAX_EXPLAINED} numbers of this engine do not agree"
FLOAT64: Final = DTYPES["float64"]
_ALMOST: Final = 1 - 2.0**-20  # part of a unit that is less than a unit in doubles, too
BEYOND: Final = "the derivative is beyond the largest number of "  # of a dtype
NO_BOUND: Final = "no bound on the rounding error is available"


@dataclasses.dataclass(frozen=True, slots=True)
class Tolerance:
    """Tolerance: a value v agrees with the derivative d if ``|v - d| <= atol + rtol*|d|``.

    With the default `atol` of 0, a value of 0 does not agree with a tiny derivative.
    """

    rtol: float = 1e-9
    atol: float = 0.0

    @classmethod
    def of(cls, options: Options) -> Tolerance:
        """Return the tolerance that the options of a comparison set."""
        return cls(options.rtol, options.atol)

    def around(self, size: Array) -> Array:
        """Return the largest deviation from numbers of this size that counts as agreement."""
        deviation = np.abs(size)
        deviation *= self.rtol
        if self.atol:
            deviation += self.atol
        return deviation

    def __str__(self) -> str:
        """Return both bounds, as tables show them."""
        return f"rtol {self.rtol:g}, atol {self.atol:g}"


@dataclasses.dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts on one engine along one variable.

    Attributes
    ----------
    codes
        The codes of the `Verdict` at every point, shape (n,).
    reasons
        By point, why a number that deviates passes, why the verdict is undecided, or how the number
        is wrong.
    notes
        By point, by which rule the number was judged, where that is not clear.
    rounded
        The dtype in which rounding alone explains the deviation of a number, by point.
    """

    codes: Codes
    reasons: Mapping[int, str]
    notes: Mapping[int, str] = dataclasses.field(default_factory=dict)
    rounded: Mapping[int, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def everywhere(cls, verdict: Verdict, count: int, reason: str = "") -> Judgement:
        """Return the same verdict, for the same reason, at every point."""
        codes = np.full(count, verdict, dtype=np.int8)
        return cls(codes, dict.fromkeys(range(count), reason) if reason else {})

    @property
    def without_stencil(self) -> Points:
        """The points with a number that is not finite since the stencil leaves the domain."""
        points = [i for i, reason in self.reasons.items() if reason == LEAVES_DOMAIN]
        return np.array(sorted(points), dtype=np.intp)

    def part(self, chosen: Points) -> Judgement:
        """Return the verdicts at some of the points, in order."""
        texts = [renumbered(texts, chosen) for texts in (self.reasons, self.notes, self.rounded)]
        return Judgement(self.codes[chosen], *texts)

    @classmethod
    def join(cls, parts: Sequence[Judgement]) -> Judgement:
        """Return the verdicts at the points of parts of a grid, one after the other."""
        starts = starts_of(len(part.codes) for part in parts)
        codes = np.concatenate([part.codes for part in parts])
        texts = (
            shifted([getattr(part, field) for part in parts], starts)
            for field in ("reasons", "notes", "rounded")
        )
        return cls(codes, *texts)

    def with_reasons(self, reasons: Mapping[int, str]) -> Judgement:
        """Return the verdicts with more reasons; a reason that exists is kept."""
        return dataclasses.replace(self, reasons={**reasons, **self.reasons})


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """Verdicts by tolerance alone, at the points where an engine does not clearly agree.

    Attributes
    ----------
    points
        The indices of these k points, in order.
    codes
        The codes of the verdicts, shape (k,).
    straddling
        Whether the number comes from a stencil that straddles a kink, and may therefore be off;
        shape (k,).
    unproved
        Whether the verdict depends on a truth for which no proof was tried; shape (k,).
    rounded
        Whether a bound of the rounding errors, computed for all points together, explains the
        deviation; shape (k,).
    """

    points: Points
    codes: Codes
    straddling: Mask
    unproved: Mask
    rounded: Mask

    def updated(self, other: Draft) -> Draft:
        """Return the draft with the verdicts of another draft at the points of the latter."""
        if not len(other.points):
            return self
        rows = np.searchsorted(self.points, other.points)
        columns = {}
        for name in ("codes", "straddling", "unproved", "rounded"):
            columns[name] = getattr(self, name).copy()
            columns[name][rows] = getattr(other, name)
        return Draft(self.points, **columns)

    @property
    def points_to_prove(self) -> Points:
        """The points at which the truth must be proved before the verdict is given."""
        return self.points[self.unproved]

    @property
    def points_off(self) -> Points:
        """The first `MAX_EXPLAINED` points with a number that only an allowance can explain."""
        off = _IS_OFF[self.codes] & ~self.straddling & ~self.unproved
        return self.points[off][:MAX_EXPLAINED]


def unclear_points(
    truths: Truths, engines: Sequence[tuple[Samples, str]], tolerance: Tolerance
) -> list[Points]:
    """Return the points at which an engine does not clearly agree with the derivative.

    It clearly agrees if the derivative exists, and the number is within tolerance of every value
    within the error bound of the certified derivative.

    Parameters
    ----------
    truths
        The truth along one variable.
    engines
        The samples of every engine, each with the name of the variable in the samples.
    tolerance
        What counts as agreement.

    Returns
    -------
    list of arrays
        The indices of the points in order, one array for each of `engines`.
    """
    certified = truths.certified
    unclear: list[list[Points]] = [[] for _ in engines]

    def compare(chunk: slice) -> None:
        derivative, errors = certified.derivative[chunk], certified.errors[chunk]
        deviation = np.empty(len(derivative))
        with np.errstate(all="ignore"):
            allowed = tolerance.around(derivative)
            allowed -= np.multiply(errors, 2, out=deviation)
            for k, (samples, variable) in enumerate(engines):
                np.subtract(samples.derivatives[variable][chunk], derivative, out=deviation)
                np.abs(deviation, out=deviation)
                within = _nearly_a_unit(derivative, samples, errors)
                limit = allowed if within is None else np.maximum(allowed, within)
                agrees = deviation <= limit  # False where there is no certified derivative
                if variable in samples.reason_of:
                    agrees &= ~samples.failing(variable, chunk)
                if not agrees.all():
                    unclear[k].append(np.flatnonzero(~agrees) + chunk.start)

    in_chunks(len(truths), compare)
    no_points = np.zeros(0, dtype=np.intp)
    return [
        _without_proved(truths, *engine, tolerance, np.sort(np.concatenate([no_points, *parts])))
        for engine, parts in zip(engines, unclear, strict=True)
    ]


def _without_proved(
    truths: Truths, samples: Samples, variable: str, tolerance: Tolerance, points: Points
) -> Points:
    """Return the points except those at which the engine agrees with a proved derivative."""
    proofs = truths.proofs
    with np.errstate(all="ignore"):
        deviation = np.abs(samples.derivatives[variable][proofs.points] - proofs.derivative)
        agrees = deviation <= tolerance.around(proofs.derivative)
        agrees |= deviation < _unit(proofs.derivative, DTYPES[samples.asked])
    agrees &= _IS_SMOOTH[proofs.kinds] & np.isfinite(proofs.derivative)
    agrees &= ~samples.failing(variable, proofs.points)
    clear = proofs.points[agrees]
    if not len(clear) or not len(points):
        return points
    rows = np.minimum(np.searchsorted(points, clear), len(points) - 1)
    is_left = np.ones(len(points), dtype=bool)
    is_left[rows[points[rows] == clear]] = False
    return points[is_left]


def draft(  # noqa: PLR0913, PLR0917  (what is known about the numbers)
    truths: Truths,
    samples: Samples,
    variable: str,
    tolerance: Tolerance,
    points: Points,
    radii: Array | None = None,
) -> Draft:
    """Return the verdicts by tolerance at some points.

    Parameters
    ----------
    truths
        The truth along the variable.
    samples
        What the engine returned, with its error estimates at these points.
    variable
        The variable.
    tolerance
        What counts as agreement.
    points
        The points at which the engine does not clearly agree.
    radii
        Bounds of its rounding errors there, NaN where none is known; shape (k,).
    """
    failed = samples.failing(variable, points)
    values = samples.derivatives[variable][points]
    errors = samples.errors.get(variable)
    here = truths.part(points)
    codes = by_tolerance(
        here,
        values,
        tolerance,
        failed=failed,
        errors=None if errors is None else errors[points],
        largest=DTYPES[samples.dtype].largest,
        asked=DTYPES[samples.asked],
    )
    straddling = samples.straddling.get(variable)
    is_explicable = np.isfinite(values) & ~here.overflowing
    rounded = np.zeros(len(points), dtype=bool)
    if radii is not None:
        with np.errstate(all="ignore"):
            rounded = (codes == Verdict.WRONG) & (np.abs(values - here.derivative) <= radii)
        codes = np.where(rounded, np.int8(Verdict.INEXACT), codes)
    return Draft(
        points=points,
        codes=codes,
        straddling=is_explicable & (False if straddling is None else straddling[points]),
        unproved=(_IS_OFF[codes] | (codes == Verdict.AGREES)) & ~truths.attempted[points],
        rounded=rounded,
    )


def judge(
    drafted: Draft,
    truths: Truths,
    samples: Samples,
    variable: str,
    allowances: Mapping[int, Allowance],
) -> Judgement:
    """Return the verdicts on one engine along one variable, at every point.

    Parameters
    ----------
    drafted
        The verdicts by tolerance at all points where the engine does not clearly agree.
    truths
        The truth along the variable.
    samples
        What the engine returned.
    variable
        The variable.
    allowances
        The engine's allowances at `Draft.points_off`.
    """
    values = samples.derivatives[variable]
    codes = np.full(len(values), Verdict.AGREES, dtype=np.int8)
    draft_codes = drafted.codes.copy()
    is_inexact = _IS_OFF[draft_codes] & drafted.straddling
    undecided = drafted.unproved & ~is_inexact
    draft_codes[is_inexact], draft_codes[undecided] = Verdict.INEXACT, Verdict.UNDECIDED
    codes[drafted.points] = draft_codes
    reasons = dict.fromkeys(drafted.points[undecided].tolist(), _NOT_PROVED)
    explained = drafted.points[drafted.rounded].tolist()
    rounded = dict.fromkeys(explained, samples.dtype)
    reasons |= dict.fromkeys(explained, rounding_in(DTYPES[samples.dtype]))
    for i in drafted.points[_IS_OFF[draft_codes]].tolist():
        if i not in allowances:
            verdict, reason = Verdict.UNDECIDED, _NOT_EXPLAINED
        else:
            verdict, reason = _explained(
                truths,
                float(values[i]),
                i,
                Verdict.from_code(codes[i]),
                allowances[i],
                samples.asked,
            )
        codes[i] = verdict
        if reason:
            reasons[i] = reason
        is_rounded = verdict is Verdict.INEXACT and math.isfinite(values[i])
        if is_rounded and allowances[i].rounded_in:
            rounded[i] = allowances[i].rounded_in
    return Judgement(codes, reasons, rounded=rounded)


def by_tolerance(  # noqa: PLR0913  (what is known about the numbers)
    truths: Truths,
    values: Array,
    tolerance: Tolerance,
    *,
    failed: Mask | None = None,
    errors: Array | None = None,
    largest: float = FLOAT64.largest,
    asked: Dtype = FLOAT64,
) -> Codes:
    """Return the codes of the verdicts at every point, by tolerance alone; shape (n,).

    Where numbers of a coarser dtype were asked for, one less than a unit in the last place away is
    within tolerance: it is one of the two numbers of the dtype next to the derivative. An infinite
    derivative is within tolerance of no finite number. A finite one beyond the largest double
    agrees with the infinity of its sign, and with numbers next to the largest of the dtype.

    Parameters
    ----------
    truths
        The truth along the variable.
    values
        The engine's derivatives, shape (n,).
    tolerance
        What counts as agreement.
    failed
        Where the engine raised an exception; shape (n,).
    errors
        The engine's estimates of its truncation and rounding errors; shape (n,).
    largest
        The largest number of the dtype in which the engine computes.
    asked
        The dtype in which it was asked to compute.
    """
    kinds, d = truths.kinds, truths.derivative
    finite, has_number = np.isfinite(values), np.isfinite(d)
    with np.errstate(all="ignore"):
        deviation = np.abs(values - d)
        close = (values == d) | finite & has_number & (deviation <= tolerance.around(d))
        if asked != FLOAT64:
            close |= finite & has_number & (deviation < _unit(d, asked))
        close |= truths.overflowing & (np.sign(d) * values >= largest * _NEARLY)
        near = np.zeros(len(values), dtype=bool)
        if errors is not None:
            near = finite & has_number & np.isfinite(errors)
            near &= deviation <= errors + tolerance.around(d)
    kink = kinds == Kind.KINK
    inside = is_end = kink
    if kink.any():
        inside, is_end = _within_slopes(truths, values, tolerance, largest, asked)
    smooth = _IS_SMOOTH[kinds]
    smooth |= (kinds == Kind.EDGE) & (has_number | truths.overflowing)
    infinite = (kinds == Kind.VERTICAL) | ((kinds == Kind.EDGE) & ~smooth)
    no_derivative = _HAS_NO_DERIVATIVE[kinds]
    raised = np.zeros(len(values), dtype=bool) if failed is None else failed
    cases = [
        (raised & (no_derivative | infinite), Verdict.UNDEFINED),
        (raised, Verdict.FAILED),
        ((smooth | infinite) & close, Verdict.AGREES),
        (smooth & ~finite, Verdict.NONFINITE),
        (smooth & near, Verdict.INEXACT),
        (smooth, Verdict.WRONG),
        (kink & ~finite & ~is_end, Verdict.NONFINITE),
        (kink & inside, Verdict.SUBGRADIENT),
        (kink, Verdict.NOT_SUBGRADIENT),
        ((no_derivative | infinite) & ~finite, Verdict.UNDEFINED),
        (no_derivative | infinite, Verdict.SILENT),
    ]
    return np.select(
        [case for case, _ in cases],
        [verdict for _, verdict in cases],
        Verdict.UNDECIDED,
    ).astype(np.int8)


def _unit(d: Array, dtype: Dtype) -> Array | float:
    """Return the units in the last place of derivatives; 0 for doubles, which rtol is for."""
    return 0.0 if dtype == FLOAT64 else np.where(np.abs(d) <= dtype.largest, dtype.units(d), 0.0)


def _nearly_a_unit(d: Array, samples: Samples, errors: Array) -> Array | None:
    """Return what is less than a unit away from derivatives with some errors.

    For doubles that is nothing, as the tolerance may be smaller than the errors.
    """
    asked = DTYPES[samples.asked]
    return None if asked == FLOAT64 else _unit(d, asked) * _ALMOST - 2 * errors


def _within_slopes(
    truths: Truths, values: Array, tolerance: Tolerance, largest: float, asked: Dtype
) -> tuple[Mask, Mask]:
    """Return which values lie between the one-sided derivatives, and which are infinite ones.

    Slopes that are infinite are beyond the largest double: every finite number on the right side of
    them lies between them, except if both have the same sign.
    """
    low, high = np.fmin(truths.left, truths.right), np.fmax(truths.left, truths.right)
    sizes = [np.where(np.isfinite(end), np.abs(end), 0.0) for end in (low, high)]
    with np.errstate(all="ignore"):
        size = np.maximum(*sizes)
        allowed = np.maximum(tolerance.around(size), _unit(size, asked))
        lowest = np.where(low == np.inf, largest * _NEARLY, low - allowed)
        highest = np.where(high == -np.inf, -largest * _NEARLY, high + allowed)
        inside = (values >= lowest) & (values <= highest)
    return inside, np.isinf(values) & ((values == low) | (values == high))


def why_unbounded(allowance: Allowance) -> str:
    """Return why there is no bound on the rounding error of an engine.

    Examples
    --------
    >>> why_unbounded(Allowance(math.nan, reason="rounding in float32"))
    'no bound on the rounding error in float32 is available'
    >>> why_unbounded(Allowance(math.nan, reason="x is infinite in float16"))
    'x is infinite in float16'
    """
    before, rounding, dtype = allowance.reason.partition(ROUNDING)
    is_other = before or not rounding
    return allowance.reason if is_other else f"no bound on the rounding error{dtype} is available"


def _explained(  # noqa: PLR0913, PLR0917  (a number, and what is known about it)
    truths: Truths, value: float, i: int, verdict: Verdict, allowance: Allowance, asked: str
) -> tuple[Verdict, str]:
    """Return the verdict on a number that is off, given the engine's allowance, and the reason."""
    d, largest = truths.derivative_at(i), DTYPES[asked].largest
    if verdict is Verdict.NONFINITE and abs(d) > largest and value == math.copysign(math.inf, d):
        return Verdict.INEXACT, f"{BEYOND}{asked}, {largest:g}"
    if verdict is Verdict.NONFINITE and not allowance.is_elsewhere:
        if allowance.stencil_leaves_domain:
            return verdict, LEAVES_DOMAIN
        is_rounding = math.isinf(allowance.radius) and not allowance.overflows
        return verdict, "by rounding" if is_rounding else ""
    if math.isnan(allowance.radius):
        return Verdict.UNDECIDED, why_unbounded(allowance)
    if verdict is Verdict.NOT_SUBGRADIENT:
        ends = truths.one_sided(i)
        nearest = min(max(value, min(ends)), max(ends))
    else:
        nearest = d
    if allowance.explains(value, nearest):
        return Verdict.INEXACT, allowance.reason
    is_unclear = abs(value - nearest) <= allowance.unclear * abs(nearest)
    return (Verdict.UNDECIDED, NO_BOUND) if is_unclear else (verdict, "")
