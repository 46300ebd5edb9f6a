"""Numbers as text, with as many digits as show which of them differ."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Final

from symdiff.verdict.judge import Tolerance

# Significant digits: the fewest of these that tell different numbers apart.
_DIGITS: Final = (6, 9, 12, 17)


def formatted(numbers: Sequence[float], tolerance: Tolerance) -> list[str]:
    """Return numbers with six digits, or with as many as show which of them differ.

    Parameters
    ----------
    numbers
        The numbers that stand side by side.
    tolerance
        Numbers within it of each other may be shown as equal.

    Examples
    --------
    >>> formatted([0.5, 0.5 + 1e-8, float("nan")], Tolerance(1e-9, 0.0))
    ['0.5', '0.50000001', 'nan']
    """
    different = [(i, j) for i, j in _pairs(numbers) if _differ(numbers[i], numbers[j], tolerance)]
    texts: list[str] = []
    for digits in _DIGITS:
        texts = [f"{x + 0.0:.{digits}g}" for x in numbers]  # -0.0 is shown as 0
        if all(texts[i] != texts[j] for i, j in different):
            break
    return texts


def _pairs(numbers: Sequence[float]) -> Iterator[tuple[int, int]]:
    return itertools.combinations([i for i, x in enumerate(numbers) if math.isfinite(x)], 2)


def _differ(a: float, b: float, tolerance: Tolerance) -> bool:
    return abs(a - b) > tolerance.atol + tolerance.rtol * max(abs(a), abs(b))


def short(x: float) -> str:
    """Return a number with six significant digits, or fewer if they say the same.

    Examples
    --------
    >>> short(1 / 3), short(-0.0), short(5e-324)
    ('0.333333', '0', '5e-324')
    """
    rounded, exact = f"{x + 0.0:.{_DIGITS[0]}g}", repr(float(x) + 0.0)
    return exact if len(exact) < len(rounded) else rounded


def apart(x: float, others: Sequence[float]) -> str:
    """Return a number with as many digits as tell it apart from others.

    Examples
    --------
    >>> apart(1 / 3, [0.5]), apart(1.0, [1.0000000000000002]), apart(1.0000000000000002, [1.0])
    ('0.333333', '1', '1.0000000000000002')
    """
    for digits in _DIGITS[:-1]:
        text = f"{x + 0.0:.{digits}g}"
        if all(f"{other + 0.0:.{digits}g}" != text for other in others):
            break
    else:
        return repr(float(x) + 0.0).removesuffix(".0")
    return min(text, short(x), key=len) if digits == _DIGITS[0] else text
