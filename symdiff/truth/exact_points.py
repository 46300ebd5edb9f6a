"""The exact coordinates of the points of a grid."""

from __future__ import annotations

import functools

from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.puiseux import Germ
from symdiff.arithmetics.series.reals import Real
from symdiff.grid.grid import Grid
from symdiff.grid.solve.coordinates import formula_of
from symdiff.truth.roots import zero_near


def exact_point(grid: Grid, i: int) -> dict[str, Real] | None:
    """Return the exact coordinates of a grid point, or None if one has no closed form."""
    numbers: dict[str, Real] = {}
    missing: list[int] = []
    for j, name in enumerate(grid.names):
        text = grid.exact.get((i, j))
        number = Real.of(float(grid.points[i, j])) if text is None else exact_number(text)
        if number is None:
            missing.append(j)
        else:
            numbers[name] = number
    if missing == [grid.along[i]] and grid.switch_of[i] >= 0:
        switch, name = grid.switches[grid.switch_of[i]], grid.names[missing[0]]
        near = float(grid.points[i, missing[0]])
        zero = zero_near(switch.program, name, numbers, near, integer=switch.crosses_integers)
        if zero is not None:
            return {**numbers, name: zero}
    return None if missing else numbers


@functools.cache
def exact_number(text: str) -> Real | None:
    """Return the number that a coordinate's text stands for, or None if it is not a formula.

    Examples
    --------
    >>> exact_number("1/3"), exact_number("where sin(x) = x/2, near 1.9")
    (1/3, None)
    """
    formula = formula_of(text)
    germ = None if formula is None else germs.evaluate(formula, {})
    return germ.constant if isinstance(germ, Germ) and germ.is_constant else None
