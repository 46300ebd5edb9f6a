"""A coordinate: the nearest double, and what it is exactly where it is none."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from fractions import Fraction

import flint
import sympy as sp

from symdiff.arithmetics.balls import EMPTY, PRECISION, Ball, enclose
from symdiff.arithmetics.bounds.symbolic_balls import enclose_expression
from symdiff.arithmetics.symbolic import expression
from symdiff.errors import ExpressionError, Unsupported
from symdiff.grid.solve.polynomials import polynomial
from symdiff.program import Program, parse


@dataclasses.dataclass(frozen=True, slots=True)
class Coordinate:
    """A point on an axis: the nearest double, and the exact number where it is none."""

    value: float
    exact: str | None = None

    @property
    def fraction(self) -> Fraction | None:
        """The coordinate as a rational number, if it is one."""
        if self.exact is None:
            return Fraction(self.value)
        coefficients = polynomial(parse(self.exact), "", {})
        if coefficients is None:
            return None
        return coefficients[0] if coefficients else Fraction(0)

    @property
    def ball(self) -> Ball:
        """A ball around the exact number."""
        return flint.arb(self.value) if self.exact is None else enclose(parse(self.exact), {})

    @property
    def symbolic(self) -> sp.Expr:
        """The exact number in sympy."""
        if self.exact is None:
            return sp.Rational(*self.value.as_integer_ratio())
        return expression(parse(self.exact), exact=True)


@functools.lru_cache(maxsize=1024)
def formula_of(exact: str) -> Program | None:
    """Return what an exact coordinate is as an expression; None: its text is no formula.

    Examples
    --------
    >>> formula_of("pi/3").written(0), formula_of("where sin(x) = x/2, near 1.9")
    ('pi', None)
    """
    try:
        return parse(exact)
    except ExpressionError:
        return None


def ball_of(number: sp.Expr) -> Ball:
    """Return a ball around an exact number of sympy's."""
    if number.is_Rational:
        return flint.arb(flint.fmpq(int(number.p), int(number.q)))
    with flint.ctx.workprec(PRECISION):
        with contextlib.suppress(Unsupported):
            ball = enclose_expression(number, {})
            if ball is not EMPTY and ball.is_finite():
                return ball
        decimal = flint.arb(str(number.evalf(45)))
        return decimal + flint.arb(0, abs(decimal).upper() * flint.arb("1e-37"))
