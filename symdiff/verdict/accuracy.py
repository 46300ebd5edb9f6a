"""Find the numbers whose deviation rounding explains, and which have too few right digits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.bounds.conditioning import nearby_slopes, size_of_terms
from symdiff.array_types import Array
from symdiff.engines.base import Problem, Samples
from symdiff.program.values import DTYPES, Dtype
from symdiff.truth.truths import Truths
from symdiff.verdict.judge import Judgement, Key
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
    cancel.

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
    for (engine, variable), judgement in judgements.items():
        truth, sample = truths[variable], samples[engine]
        values, limit = sample.derivatives[variable], Limit(digits, DTYPES[sample.dtype])
        lost = {
            i: loss(truth, i, float(values[i]))
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
    """

    digits: int
    dtype: Dtype

    def at(self, judgement: Judgement, i: int) -> Limit:
        """Return the limit in the coarsest dtype that is known to round at a point."""
        rounded = DTYPES[judgement.rounded[i]]
        return self if self.dtype.bits <= rounded.bits else Limit(self.digits, rounded)

    def around(self, size: float) -> float:
        """Return the largest deviation from a number of this size that is no loss of digits."""
        return max(10.0**-self.digits * size, _UNITS * self.dtype.spacing(size))


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
    return [
        i
        for i in judgement.rounded
        if judgement.codes[i] == Verdict.INEXACT
        if _deviation(truths, i, float(values[i])) > limit.at(judgement, i).around(_size(truths, i))
    ]


def loss(truths: Truths, i: int, value: float) -> str:
    """Return the reason of the verdict `inaccurate`, such as "rounding leaves 2 right digits"."""
    size = _size(truths, i)
    relative = _deviation(truths, i, value) / size if size else math.inf
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
        terms = size_of_terms(problem.program, variable, balls, limit.dtype)
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
