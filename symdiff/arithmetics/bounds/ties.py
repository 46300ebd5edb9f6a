"""Rules for ties that bound the effect of rounding in an engine.

Each implements `jets.Ties`.  Where the sign of a switch is not proved, rounding may lead the engine
into either branch, so both are taken.  Every result is widened by the engine's rounding.  The balls
that come out contain what the engine may compute, and their radii bound its error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import flint
import numpy as np

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds.jets import Jet, scale
from symdiff.catalogue import Function
from symdiff.program.values import DTYPES, Dtype

_DOUBLES: Final = 53  # bits of a double, which a literal is
_NO_NUMBER: Final = flint.arb("nan")


class BothBranches:
    """Take both branches at a tie, and add the rounding of forward mode.

    A switch that is exactly zero has the sign 0 instead. The branch that the engine takes there is
    its choice of a subgradient, which rounding does not explain.
    """

    backward_formula = False
    compares_exactly = False

    def __init__(self, dtype: Dtype = DTYPES["float64"]) -> None:
        """Take the dtype in which the engine computes."""
        self._dtype = dtype
        self._ulp = 2.0 ** (1 - dtype.bits)
        self._normal = flint.arb(dtype.smallest_normal)
        self._subnormal = dtype.smallest_subnormal
        self._largest = flint.arb(dtype.largest)
        self._root = self._largest.sqrt()
        self._least = self._normal.sqrt()

    def sign(self, switch: Jet) -> int | None:
        """Return None (both branches), or 0 for a switch that is exactly zero."""
        return 0 if switch.value.is_zero() else None

    def steps(self, argument: Jet) -> None:
        """Do nothing: the ball of the value contains the steps on both sides."""

    def rounded(self, jet: Jet, row: Function, arguments: Sequence[Any]) -> Jet:
        """Add the error of rounding and of underflow to a value and its gradient.

        A number that may overflow is not known: the engine goes on with an infinity.
        """
        del arguments
        value = self._inexact(jet.value)
        if row.is_special and value.is_exact():  # torch's float32 i0(0) is 1 - 2**-24
            value = value + flint.arb(0, abs(value).upper() * self._ulp)
        if self.may_flush(row):
            value = self.flushed(value)
        if value.is_finite() and not abs(value) <= self._largest:
            value = _NO_NUMBER
        return Jet(value, tuple(self._inexact(g) for g in jet.gradient))

    def may_flush(self, row: Function) -> bool:
        """Return whether the kernel of a function may give 0 for a subnormal number."""
        return row.is_special

    def flushed(self, x: Ball) -> Ball:
        """Return a ball with 0 in it if it may be subnormal."""
        return x.union(flint.arb(0)) if x.is_finite() and self.may_underflow(x) else x

    def may_underflow(self, x: Ball) -> bool:
        """Return whether a number may be subnormal; an exact zero is not."""
        return not abs(x) >= self._normal and not x.is_zero()

    def _inexact(self, x: Ball) -> Ball:
        if not x.is_exact():
            x = x + flint.arb(0, abs(x).upper() * self._ulp)
        return self.underflowed(x)

    def underflowed(self, x: Ball) -> Ball:
        """Add the unit of subnormal numbers to a number that may be one."""
        return x + flint.arb(0, self._subnormal) if self.may_underflow(x) else x

    def may_leave_range(self, values: Sequence[Ball]) -> bool:
        """Return whether the square of a number may overflow or underflow."""
        return not all(v.is_zero() or self._least <= abs(v) <= self._root for v in values)

    def literal(self, x: Ball) -> Ball:
        """Return a ball with a literal and what it becomes in the dtype; doubles stay exact."""
        if self._dtype.bits >= _DOUBLES:
            return x
        middle = float(x.mid())
        rounded = float(self._dtype.rounded(np.float64(middle)))
        if rounded == middle:  # a union is a little wider than its parts
            return x
        return x.union(flint.arb(rounded)) if math.isfinite(rounded) else _NO_NUMBER

    def widened(self, row: Function, values: list[Ball]) -> list[Ball]:
        """Add two ulps to the arguments of special functions, for argument reduction in kernels.

        An order, such as that of polygamma, is an integer.
        """
        if not row.is_special:
            return values
        return [
            v if p.kind == "number" else v + flint.arb(0, abs(v).upper() * self._ulp)
            for p, v in zip(row.parameters, values, strict=True)
        ]


class ReverseMode(BothBranches):
    """As `BothBranches`, for reverse mode, which adds the terms of a gradient in a different order.

    In a different order partial sums may be larger, so the bound has one rounding for each term of
    a sum. For (x - 1) - x, forward mode gives exactly 0. In reverse mode other terms may be added
    between the two terms of x, and the sum is rounded.
    """

    backward_formula = True

    def may_flush(self, row: Function) -> bool:
        """Return whether torch's kernel may give 0: also one that computes in several steps.

        The derivative of log10 is 1/(x*log(10)), where the product overflows if it is subnormal.
        """
        return row.is_special or (row.definition is not None and not row.piecewise_affine)

    def rounded(self, jet: Jet, row: Function, arguments: Sequence[Any]) -> Jet:
        """Add the rounding of each term to a gradient that is a sum of two terms."""
        if row.name not in _GRADIENT_TERMS or not all(isinstance(a, Jet) for a in arguments):
            return super().rounded(jet, row, arguments)
        value = jet.value
        if row.operator in {"+", "-"}:
            value = self._sum(value, [a.value for a in arguments])
        gradient = jet.gradient
        if all(a.gradient for a in arguments):  # both arguments vary
            terms = gradient_terms(row, arguments) or ()
            # The two terms of x - x, which has no gradient, are added one by one as well.
            gradient = gradient or tuple(flint.arb(0) for _ in arguments[0].gradient)
            gradient = tuple(map(self._add_rounding, gradient, zip(*terms, strict=True)))
        return super().rounded(Jet(value, gradient), row, arguments)

    def _sum(self, value: Ball, terms: Sequence[Ball]) -> Ball:
        """Return the value of a sum, computed in the order of the program."""
        del terms
        return value

    def _add_rounding(self, x: Ball, terms: Sequence[Ball]) -> Ball:
        if any(t.is_zero() for t in terms):
            return x
        return x + flint.arb(0, sum(abs(t).upper() for t in terms) * self._ulp)


class ReorderedSums(ReverseMode):
    """As `ReverseMode`, for engines that may also add up the terms of a value in any order.

    Differences that a switch compares with 0, such as x - y in abs(x - y), are computed as they
    are written: exactly where x and y are equal doubles.
    """

    compares_exactly = True

    def _sum(self, value: Ball, terms: Sequence[Ball]) -> Ball:
        return self._add_rounding(value, terms)


def gradient_terms(row: Function, arguments: Sequence[Any]) -> tuple[tuple[Ball, ...], ...] | None:
    """Return the terms of the gradient of a row, one for each argument; None if it has one term."""
    terms_of = _GRADIENT_TERMS.get(row.name)
    if terms_of is None or not all(isinstance(a, Jet) for a in arguments):
        return None
    return terms_of(*arguments)


# The two terms of the gradient of an operation, up to sign, one for each argument.
_GRADIENT_TERMS: Mapping[str, Callable[[Jet, Jet], tuple[tuple[Ball, ...], ...]]] = (
    MappingProxyType(
        {
            "add": lambda x, y: (x.gradient, y.gradient),
            "subtract": lambda x, y: (x.gradient, y.gradient),
            "multiply": lambda x, y: (scale(x.gradient, y.value), scale(y.gradient, x.value)),
            "divide": lambda x, y: (
                scale(x.gradient, 1 / y.value),
                scale(y.gradient, x.value / y.value**2),
            ),
        }
    )
)
