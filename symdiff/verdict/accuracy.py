"""Find the numbers whose deviation rounding explains, and which have too few right digits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.bounds.conditioning import nearby_slopes, size_of_terms
from symdiff.arithmetics.bounds.rounding import units_of_operations
from symdiff.array_types import Array
from symdiff.engines.base import Problem, Samples
from symdiff.labels import among
from symdiff.program.values import DTYPES, Dtype
from symdiff.truth.truths import Truths
from symdiff.verdict.judge import FLOAT64, Judgement, Key
from symdiff.verdict.words import Verdict

# A deviation of this many units in the last place never counts as a loss of digits: in float16 two
# roundings change the fourth digit, and subnormal numbers have fewer digits the smaller they are.
_UNITS: Final = 8


def judge_digits(
    problem: Problem,
    truths: Mapping[str, Truths],
    samples: Mapping[str, Samples],
    judgements: Mapping[Key, Judgement],
    digits: int,
) -> dict[Key, Judgement]:
    """Return the judgements with numbers that have fewer right digits than asked for.

    A number that deviates by rounding is inaccurate if its deviation is more than ``10**-digits``
    of the derivative, and no point within a unit in the last place of the coordinates has such a
    derivative. Where the derivative is 0, the deviation is compared with the size of the terms that
    cancel, in the formula of torch's backward pass.

    Parameters
    ----------
    problem
        The program and the points.
    truths, samples
        The truth by variable, and what the engines returned.
    judgements
        The verdicts by engine and variable.
    digits
        The number of significant digits that have to be right.
    """
    changed: dict[Key, Judgement] = {}
    units = max(_UNITS, units_of_operations(problem.program))
    for (engine, variable), judgement in judgements.items():
        truth, sample = truths[variable], samples[engine]
        values = sample.derivatives[variable]
        limit = Limit(digits, DTYPES[sample.dtype], units)
        lost = {
            i: loss(truth, i, float(values[i]), limit.at(judgement, i).dtype)
            for i in few_digits(judgement, truth, values, limit)
            if _is_lost(problem, variable, i, float(values[i]), truth, limit.at(judgement, i))
        }
        if lost:
            changed[engine, variable] = inaccurate(judgement, lost)
    return changed


def inaccurate(judgement: Judgement, lost: Mapping[int, str]) -> Judgement:
    """Return a judgement with the verdict `inaccurate` at some points, for the reasons given."""
    codes = judgement.codes.copy()
    codes[list(lost)] = Verdict.INACCURATE
    reasons = {**judgement.reasons, **lost}
    return dataclasses.replace(judgement, codes=codes, reasons=reasons)


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """The deviation above which a number has too few right digits.

    Attributes
    ----------
    digits
        The number of significant digits that have to be right.
    dtype
        The dtype in which the number was computed, if no coarser one is known at its point.
    units
        The number of units in the last place of the dtype that are no loss in any case.
    """

    digits: int
    dtype: Dtype
    units: int = _UNITS

    def at(self, judgement: Judgement, i: int) -> Limit:
        """Return the limit in the coarsest dtype that is known to round at a point."""
        return self.of(judgement.rounded[i])

    def of(self, name: str) -> Limit:
        """Return the limit where a dtype of this name is known to round."""
        rounded = DTYPES[name]
        is_known = self.dtype.bits <= rounded.bits
        return self if is_known else dataclasses.replace(self, dtype=rounded)

    def around(self, size: float) -> float:
        """Return the largest deviation from a number of this size that is no loss of digits."""
        return max(10.0**-self.digits * size, self.units * self.dtype.spacing(size))

    def around_each(self, sizes: Array) -> Array:
        """Return what `around` does, for several sizes."""
        spacings = np.maximum(sizes * 2.0 ** (1 - self.dtype.bits), self.dtype.smallest_subnormal)
        allowed: Array = np.maximum(10.0**-self.digits * sizes, self.units * spacings)
        return allowed


def few_digits(judgement: Judgement, truths: Truths, values: Array, limit: Limit) -> list[int]:
    """Return the points whose deviation rounding alone explains, and exceeds a limit.

    Parameters
    ----------
    judgement
        The verdicts.
    truths
        The truth.
    values
        The engine's numbers, shape (n,).
    limit
        The limit.
    """
    if not judgement.rounded:
        return []
    points = np.fromiter(sorted(judgement.rounded), dtype=np.intp, count=len(judgement.rounded))
    points = points[among(judgement.codes[points], [Verdict.INEXACT])]
    here, numbers = truths.part(points), values[points]
    ends = np.stack([here.left, here.right])
    known = np.isfinite(ends)
    sizes = np.where(known, np.abs(ends), 0.0).max(axis=0)
    lowest, highest = np.where(known, ends, np.inf), np.where(known, ends, -np.inf)
    with np.errstate(invalid="ignore"):
        below, above = lowest.min(axis=0) - numbers, numbers - highest.max(axis=0)
        deviation = np.where(known.any(axis=0), np.maximum(np.maximum(below, above), 0.0), 0.0)
    names = set(judgement.rounded.values())
    of_point = np.zeros(0, dtype=object)
    if len(names) > 1:
        of_point = np.array([judgement.rounded[i] for i in points.tolist()], dtype=object)
    is_off = np.zeros(len(points), dtype=bool)
    for name in names:
        rows = np.flatnonzero(of_point == name) if len(names) > 1 else slice(None)
        is_off[rows] = deviation[rows] > limit.of(name).around_each(sizes[rows])
    found: list[int] = points[is_off].tolist()
    return found


def loss(truths: Truths, i: int, value: float, dtype: Dtype) -> str:
    """Return the reason of the verdict `inaccurate`, such as "rounding leaves 2 right digits"."""
    size = _size(truths, i)
    relative = _deviation(truths, i, value) / size if size else math.inf
    if dtype.bits < FLOAT64.bits:
        return f"rounding in {dtype.name} leaves {_bits(relative, dtype)}"
    right = max(0, math.floor(-math.log10(relative))) if relative < math.inf else 0
    return f"rounding leaves {right or 'no'} right digit{'' if right == 1 else 's'}"


def _is_lost(  # noqa: PLR0913, PLR0917  (a number, where it was computed, and the limit)
    problem: Problem,
    variable: str,
    i: int,
    value: float,
    truths: Truths,
    limit: Limit,
) -> bool:
    """Return whether a number has too few right digits, and no derivative nearby explains it."""
    balls = problem.balls(i)
    low, high = nearby_slopes(problem.program, variable, balls, limit.dtype)
    slack = limit.around(max(abs(low), abs(high))) if math.isfinite(low) else 0.0
    if low - slack <= value <= high + slack:  # False if they are NaN: not known
        return False
    if _size(truths, i) == 0:
        tensors = problem.tensor_problem
        formula = (tensors and tensors.backward_formula) or problem.program
        terms = size_of_terms(formula, variable, balls, limit.dtype)
        return abs(value) > limit.around(terms)  # False if terms is NaN: not known
    return True


def _size(truths: Truths, i: int) -> float:
    """Return the size of the derivative; at a kink, of the larger one-sided derivative."""
    slopes = [abs(x) for x in truths.one_sided(i) if math.isfinite(x)]
    return max(slopes, default=0.0)


def _deviation(truths: Truths, i: int, value: float) -> float:
    """Return the distance to the derivative; at a kink, to the interval of the Clarke set."""
    slopes = [x for x in truths.one_sided(i) if math.isfinite(x)]
    return max(min(slopes) - value, value - max(slopes), 0.0) if slopes else 0.0


def _bits(relative: float, dtype: Dtype) -> str:
    """Return how many bits of a number are right: "9 of 24 bits"."""
    right = max(0, math.floor(-math.log2(relative))) if math.isfinite(relative) else 0
    return f"{min(right, dtype.bits)} of {dtype.bits} bits" if right else "no right bits"


def bits_left(why: str, value: float, derivative: float, dtype: Dtype) -> str:
    """Return why a number is inexact, followed by the number of its bits that are right.

    Examples
    --------
    >>> bits_left("rounding in float32", 1.002, 1.0, DTYPES["float32"])
    'rounding in float32 leaves 8 of 24 bits'
    """
    if derivative == 0 or not math.isfinite(derivative) or value == derivative:
        return why
    return f"{why} leaves {_bits(abs((value - derivative) / derivative), dtype)}"


def power_of_ten(value: Any, derivative: Any) -> Any:  # noqa: ANN401  (numbers or arrays)
    """Return the least n with a relative error of at most 10**n; NaN where there is none.

    Examples
    --------
    >>> float(power_of_ten(1.002, 1.0))
    -2.0
    """
    with np.errstate(all="ignore"):
        relative = np.abs((value - derivative) / np.asarray(derivative))
        is_positive = (relative > 0) & np.isfinite(relative)
        return np.where(is_positive, np.ceil(np.log10(relative)), np.nan)


def with_size(why: str, power: float) -> str:
    """Return why a number is inexact, followed by its relative error of ``10**power``."""
    return why if np.isnan(power) else f"{why}: a relative error of at most 1e{int(power)}"
