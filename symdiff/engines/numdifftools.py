"""numdifftools' Derivative: central differences with many steps, extrapolated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from numdifftools import Derivative

from symdiff.array_types import Array
from symdiff.engines.stencils import AdaptiveDifferences

__all__ = ["ENGINE"]


def _derivative(
    function: Callable[..., Array], x: Array, others: Sequence[Array]
) -> tuple[Array, Array]:
    """Return the derivatives, and the estimates of their errors."""
    done = Derivative(lambda moved: function(moved, *others), full_output=True)(x)
    return done.estimate, done.error_estimate


ENGINE = AdaptiveDifferences("numdifftools", _derivative)
