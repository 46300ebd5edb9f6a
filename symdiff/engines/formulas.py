"""What engines share that evaluate a formula of their own: how far rounding may take it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.arithmetics.bounds.rounding import slope_radius
from symdiff.arithmetics.bounds.symbolic_balls import formula_radius
from symdiff.engines.base import Allowance, Problem
from symdiff.errors import Unsupported


def formula_allowance(
    problem: Problem,
    variable: str,
    point: int,
    derivative: Any,  # noqa: ANN401  (of sympy or symengine)
) -> Allowance:
    """Return the allowance of an engine that evaluates a formula of its own for the derivative.

    The formula may lose more digits than the program's derivative as it is written, or fewer. The
    allowance is the larger of the two. If the formula's own error is unknown, so is the allowance.
    """
    balls = problem.balls(point)
    try:
        own = formula_radius(derivative, balls)
    except Unsupported as error:
        return Allowance(math.nan, reason=f"no bound on the rounding error of its formula: {error}")
    if math.isnan(own):
        return Allowance(math.nan, reason="the formula of the engine is undefined here")
    return Allowance(float(np.fmax(own, slope_radius(problem.program, variable, balls))))
