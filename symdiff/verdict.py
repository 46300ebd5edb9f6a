"""One word for every engine at every point, from one closed list."""

from __future__ import annotations

import dataclasses
import enum
import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Verdict(enum.StrEnum):
    """What is said of one engine's number at one point.

    Until the truth is decided apart from the engines, only four are given: `AGREES` where all
    engines agree with one another, `UNDECIDED` where they do not, `FAILED` and `UNSUPPORTED`.
    """

    AGREES = "agrees"
    INEXACT = "inexact"
    SUBGRADIENT = "subgradient"
    UNDEFINED = "undefined"
    WRONG = "wrong"
    NOT_SUBGRADIENT = "not-subgradient"
    NONFINITE = "nonfinite"
    SILENT = "silent"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    UNDECIDED = "undecided"

    @property
    def passes(self) -> bool:
        """Whether the verdict is nothing to act on."""
        return self not in _FINDINGS


_FINDINGS = frozenset({Verdict.WRONG, Verdict.NOT_SUBGRADIENT, Verdict.NONFINITE, Verdict.FAILED})


@dataclasses.dataclass(frozen=True, slots=True)
class Tolerance:
    """Two numbers a, b agree if ``|a - b| <= atol + rtol*max(|a|, |b|)``, both dimensionless.

    With the default `atol` of 0 a small derivative that an engine rounds to 0 does not agree.
    """

    rtol: float = 1e-9
    atol: float = 0.0

    def allows(self, a: float, b: float) -> bool:
        """Tell whether two finite numbers agree."""
        return abs(a - b) <= self.atol + self.rtol * max(abs(a), abs(b))

    def __str__(self) -> str:
        """Return both bounds, as tables show them."""
        return f"rtol {self.rtol:g}, atol {self.atol:g}"


@dataclasses.dataclass(frozen=True, slots=True)
class Agreement:
    """Whether some engines agree at every point.

    Attributes
    ----------
    agree
        Shape (n,): all pairs agree, and there are two engines at least.
    spread
        Shape (n,): the largest difference of two engines; NaN where one has no number.
    """

    agree: Mask
    spread: Array


def agreement(
    values: Sequence[Array],
    errors: Sequence[Array | None],
    tolerance: Tolerance,
    *,
    present: Sequence[Mask | None] | None = None,
) -> Agreement:
    """Compare engines with one another.

    Parameters
    ----------
    values
        For every engine its derivatives, shape (n,); one engine at least.
    errors
        For every engine its own estimate of its error, shape (n,), or None.
    tolerance
        What may differ beside these errors.
    present
        For every engine the points where it gave something at all, or None: everywhere.

    Examples
    --------
    >>> one, two = np.array([1.0, 0.5, np.nan]), np.array([1.0, 0.0, np.nan])
    >>> agreement([one, two], [None, None], Tolerance()).agree
    array([ True, False, False])
    """
    count = len(values[0])
    here = [np.ones(count, dtype=bool) if p is None else p for p in present or [None] * len(values)]
    agree = np.sum(here, axis=0) > 1
    spread = np.zeros(count)
    for i, j in itertools.combinations(range(len(values)), 2):
        both = here[i] & here[j]
        close, difference = _compare_pair(values[i], values[j], (errors[i], errors[j]), tolerance)
        agree &= close | ~both
        spread = np.where(both, np.maximum(spread, difference), spread)
    return Agreement(agree, spread)


def _compare_pair(
    a: Array, b: Array, errors: tuple[Array | None, Array | None], tolerance: Tolerance
) -> tuple[Mask, Array]:
    """Return where two engines agree, and by how much they differ: NaN agrees with nothing."""
    with np.errstate(all="ignore"):
        bound = tolerance.atol + tolerance.rtol * np.maximum(np.abs(a), np.abs(b))
        for error in errors:
            if error is not None:
                bound = bound + error
        difference = np.where(a == b, 0.0, np.abs(a - b))
        finite = np.isfinite(a) & np.isfinite(b)
        return np.where(finite, difference <= bound, a == b), difference
