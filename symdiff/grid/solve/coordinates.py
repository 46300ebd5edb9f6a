"""Coordinates of points: a double, or an exact number with its nearest double."""

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
from symdiff.grid.solve.polynomials import as_polynomial
from symdiff.program import Program, parse


@dataclasses.dataclass(frozen=True, slots=True)
class Coordinate:
    """A point on an axis.

    Attributes
    ----------
    value
        The nearest double.
    exact
        The exact number as text, if it is not a double.
    """

    value: float
    exact: str | None = None

    @property
    def fraction(self) -> Fraction | None:
        """The coordinate as a rational number, or None if it is not rational."""
        if self.exact is None:
            return Fraction(self.value)
        coefficients = as_polynomial(parse(self.exact), "", {})
        if coefficients is None:
            return None
        return coefficients[0] if coefficients else Fraction(0)

    @property
    def ball(self) -> Ball:
        """A ball that contains the exact number."""
        return flint.arb(self.value) if self.exact is None else enclose(parse(self.exact), {})

    @property
    def symbolic(self) -> sp.Expr:
        """The exact number as a sympy expression."""
        if self.exact is None:
            return sp.Rational(*self.value.as_integer_ratio())
        return expression(parse(self.exact), exact=True)


@functools.lru_cache(maxsize=1024)
def formula_of(exact: str) -> Program | None:
    """Return the expression of an exact coordinate, or None if its text is not an expression.

    Examples
    --------
    >>> formula_of("pi/3").text_of(0), formula_of("where sin(x) = x/2, near 1.9")
    ('pi', None)
    """
    try:
        return parse(exact)
    except ExpressionError:
        return None


def ball_of(number: sp.Expr) -> Ball:
    """Return a ball that contains an exact sympy number."""
    if number.is_Rational:
        return flint.arb(flint.fmpq(int(number.p), int(number.q)))
    with flint.ctx.workprec(PRECISION):
        with contextlib.suppress(Unsupported):
            ball = enclose_expression(number, {})
            if ball is not EMPTY and ball.is_finite():
                return ball
        # The radius allows for errors in the last eight of evalf's 45 digits.
        decimal = flint.arb(str(number.evalf(45)))
        return decimal + flint.arb(0, abs(decimal).upper() * flint.arb("1e-37"))
