"""scipy.differentiate.derivative: central differences of order 8 with steps that shrink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from scipy.differentiate import derivative

from symdiff.array_types import Array
from symdiff.engines.stencils import AdaptiveDifferences

__all__ = ["ENGINE"]


def _derivative(
    function: Callable[..., Array], x: Array, others: Sequence[Array]
) -> tuple[Array, Array]:
    """Return the derivatives, and scipy's estimates of their errors."""
    done = derivative(function, x, args=tuple(others))
    return done.df, done.error


# scipy halves its first step of 0.5 until its estimate of the error is small: 4 steps at first, and
# one more in each of 10 iterations at most. It adds up the values of all points with one matrix
# product, whose rounding depends on the processor and on the number of points. So a point whose
# values differ by rounding alone may stop at once, or take the last step.
_LEAST_STEP: Final = 0.5 / 2**12

ENGINE = AdaptiveDifferences("scipy", _derivative, _LEAST_STEP)
