"""The exact coordinates of the points of a grid."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.algebraic import AlgebraicRoot
from symdiff.arithmetics.series.puiseux import Germ
from symdiff.arithmetics.series.reals import Real, UndecidedError
from symdiff.grid.grid import Grid
from symdiff.grid.solve.coordinates import formula_of
from symdiff.grid.solve.polynomial_roots import polynomial_and_double
from symdiff.truth.roots import solved, zero_near


def exact_point(grid: Grid, i: int) -> dict[str, Real] | None:
    """Return the exact coordinates of a grid point, or None if one has no closed form."""
    numbers: dict[str, Real] = {}
    missing: list[int] = []
    for j, name in enumerate(grid.names):
        text = grid.exact.get((i, j))
        if math.isinf(grid.points[i, j]):  # a constant of the program
            continue
        number = Real.of(float(grid.points[i, j])) if text is None else exact_number(text)
        if number is None:
            missing.append(j)
        else:
            numbers[name] = number
    j = int(grid.along[i])
    if grid.switch_of[i] < 0 or missing not in ([], [j]):
        return None if missing else numbers
    switch, name = grid.switches[grid.switch_of[i]], grid.names[j]
    equation = switch.program, name, numbers
    if not missing:
        zero = solved(numbers[name], *equation, integer=switch.crosses_integers)
        return {**numbers, name: zero}
    near = float(grid.points[i, j])
    root = zero_near(*equation, near, integer=switch.crosses_integers)
    return None if root is None else {**numbers, name: root}


@functools.cache
def exact_number(text: str) -> Real | None:
    """Return the number that a coordinate's text stands for, or None if it is not a formula.

    Examples
    --------
    >>> exact_number("1/3"), exact_number("where sin(x) = x/2, near 1.9")
    (1/3, None)
    >>> exact_number("root of x**5 - x - 1 near 1.1673039782614187").ball(53)
    [1.16730397826142 +/- 1.32e-15]
    """
    root = polynomial_and_double(text)
    if root is not None:
        return _algebraic(*root)
    formula = formula_of(text)
    germ = None if formula is None else germs.evaluate(formula, {})
    return germ.constant if isinstance(germ, Germ) and germ.is_constant else None


def _algebraic(coefficients: Sequence[int], near: float) -> Real | None:
    """Return the root of a polynomial near a double, or None if it is not isolated."""
    try:
        return AlgebraicRoot(coefficients, near)
    except UndecidedError:
        return None
