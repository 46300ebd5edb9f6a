"""The second-order part of an analytic function at a minimum with the value 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import flint

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.puiseux import Algebra, Germ, affine_germ, constant_germ
from symdiff.arithmetics.series.reals import MAX_BITS, Real, UndecidedError
from symdiff.program import Program

_MAX_VARIABLES: Final = 10
_ORDER: Final = 3  # of the series along each direction


def factor_at_minimum(
    program: Program, variables: Sequence[str], point: Mapping[str, Real], bits: int
) -> list[list[Ball]] | None:
    """Return A with program = |A·(x - x0)|² + O(|x - x0|³), or None if there is no such proof.

    The matrix A is square and regular, so that the point is a strict minimum. Its rows come from
    the Cholesky decomposition of half the Hessian, whose entries are the coefficients of t² in
    exact series along the axes and along the sums of two of them.

    Parameters
    ----------
    program
        A program that is analytic near the point, and zero there.
    variables
        The variables that it depends on.
    point
        The exact coordinates of every input.
    bits
        The precision of the entries.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> zero = {"x": Real.of(0), "y": Real.of(0)}
    >>> rows = factor_at_minimum(parse("exp(4*x**2 + y**2) - 1"), ["x", "y"], zero, 128)
    >>> [[float(a.mid()) for a in row] for row in rows]
    [[2.0, 0.0], [0.0, 1.0]]
    >>> factor_at_minimum(parse("1 - cos(x - y)"), ["x", "y"], zero, 128) is None
    True
    """
    if not 0 < len(variables) <= _MAX_VARIABLES:
        return None
    count = len(variables)
    with flint.ctx.workprec(bits):
        half = [[flint.arb(0)] * count for _ in range(count)]
        for i in range(count):
            for j in range(i, count):
                c = _coefficient(program, {variables[i], variables[j]}, point)
                if c is None:
                    return None
                half[i][j] = half[j][i] = c.ball(bits)
        for i in range(count):
            for j in range(i):
                half[i][j] = half[j][i] = (half[i][j] - half[i][i] - half[j][j]) / 2
        return _cholesky(half)


def _coefficient(program: Program, moving: set[str], point: Mapping[str, Real]) -> Real | None:
    """Return the coefficient of t² where some variables move by t, if lower ones are zero."""
    inputs = {
        name: affine_germ(x, Real.of(1)) if name in moving else constant_germ(x)
        for name, x in point.items()
    }
    germ = germs.evaluate(program, inputs, _ORDER)
    if not isinstance(germ, Germ) or (germ.order is not None and germ.order <= 2):
        return None
    algebra = Algebra(1, MAX_BITS)
    try:
        if any(algebra.sign(c) for (e, _), c in germ.terms.items() if e < 2):
            return None
    except UndecidedError:
        return None
    return germ.terms.get((2, 0), Real.of(0))


def _cholesky(matrix: Sequence[Sequence[Ball]]) -> list[list[Ball]] | None:
    """Return A with AᵀA equal to a matrix, upper triangular; None if it may not be definite."""
    count = len(matrix)
    upper = [[flint.arb(0)] * count for _ in range(count)]
    for i in range(count):
        pivot = matrix[i][i] - sum((upper[k][i] * upper[k][i] for k in range(i)), flint.arb(0))
        if not pivot > 0:
            return None
        upper[i][i] = pivot.sqrt()
        for j in range(i + 1, count):
            rest = matrix[i][j] - sum((upper[k][i] * upper[k][j] for k in range(i)), flint.arb(0))
            upper[i][j] = rest / upper[i][i]
    return upper
