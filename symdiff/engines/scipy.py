"""scipy.differentiate.derivative: central differences of order 8 with steps that shrink."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


ENGINE = AdaptiveDifferences("scipy", _derivative)
