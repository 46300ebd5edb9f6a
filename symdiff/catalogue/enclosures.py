"""Ball columns of the catalogue that need more than one method of `arb`.

Each encloses the values of a function on the part of its domain inside the argument's ball;
callers exclude arguments for which that part is proved to be empty.  A `nan` ball is a valid
enclosure that carries no information.  A condition on balls is True, False, or None where the balls
do not decide it.  `EMPTY` is the value of an expression that is proved to be undefined on the whole
interval.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from symdiff.libraries import flint

if TYPE_CHECKING:
    from collections.abc import Callable

Ball = Any  # flint.arb: python-flint ships no types
Decided = bool | None


class _Empty:
    """The value of an expression that is undefined on the whole interval."""

    def __repr__(self) -> str:
        return "EMPTY"


EMPTY: Final = _Empty()
_NARROW: Final = 24  # bits of relative accuracy from which a ball counts as narrow
_MAX_SHIFT: Final = 1000  # most steps of the recurrence of polygamma, and its highest order


def monotone(
    name: str, lowest: float | None = None, highest: float | None = None
) -> Callable[[Ball], Ball]:
    """Return a function that encloses a monotone one by its values at the ends of the argument.

    Parameters
    ----------
    name
        The name of the monotone function's method of `arb`.
    lowest, highest
        The ends of the domain, to which the argument is clipped; None for an infinite end.
    """

    def enclose(x: Ball) -> Ball:
        low, high = x.lower(), x.upper()
        if lowest is not None:
            low = low.max(flint.arb(lowest))
        if highest is not None:
            high = high.min(flint.arb(highest))
        return getattr(low, name)().union(getattr(high, name)())

    return enclose


def sign(x: Ball) -> Ball:
    """Enclose sign(x)."""
    if x > 0:
        return flint.arb(1)
    if x < 0:
        return flint.arb(-1)
    return flint.arb(0) if x.is_zero() else flint.arb(0, 1)


def cube_root(x: Ball) -> Ball:
    """Enclose the real cube root."""
    return _odd_root(x.lower()).union(_odd_root(x.upper()))


def _odd_root(x: Ball) -> Ball:
    if x.is_zero():
        return x
    return x.root(3) if x >= 0 else -((-x).root(3))


def absolute(x: Ball) -> Ball:
    """Enclose |x|; the lower bound is not negative."""
    if x >= 0:
        return x
    return -x if x <= 0 else x.abs_lower().union(x.abs_upper())


def log_gamma(x: Ball) -> Ball:
    """Enclose log|gamma(x)|."""
    return x.lgamma() if x > 0 else absolute(x.gamma()).log()


def digamma(x: Ball) -> Ball:
    """Enclose digamma(x), which increases between two neighbouring poles."""
    low, high = x.lower(), x.upper()
    same_branch = low > 0 or (low.floor() == high.floor() and not low.contains_integer())
    return low.digamma().union(high.digamma()) if same_branch else flint.arb("nan")


def polygamma(n: Ball, x: Ball) -> Ball:
    """Enclose the n-th derivative of digamma; for x below 1 with the recurrence."""
    if not n.is_integer() or n < 1 or n > _MAX_SHIFT:
        return x.digamma() if n.is_zero() else flint.arb("nan")
    degree = int(n.unique_fmpz())
    scale = flint.arb(math.factorial(degree)) * (-1) ** (degree + 1)
    steps = 0 if x > 1 else _steps_above_1(x)
    if steps >= _MAX_SHIFT:
        return flint.arb("nan") if not x > 1 else scale * flint.arb(degree + 1).zeta(x)
    # ψn(x) = ψn(x + 1) + (-1)^(n+1)·n!/x^(n+1)
    total = flint.arb(degree + 1).zeta(x + steps)
    for k in range(steps):
        total += 1 / (x + k) ** flint.fmpz(degree + 1)
    return scale * total


def _steps_above_1(x: Ball) -> int:
    """Return how many steps of 1 lead from a number to above 1, at most `_MAX_SHIFT`."""
    if not x.is_finite() or x.lower() < -_MAX_SHIFT:  # in balls: the bound may be no double
        return _MAX_SHIFT
    return max(0, 1 - math.floor(float(x.lower())))


def bessel_i(n: Ball, x: Ball) -> Ball:
    """Enclose the modified Bessel function I of an order n = 0, 1, 2, ..."""
    if not n.is_integer() or n < 0 or n > _MAX_SHIFT:
        return flint.arb("nan")
    if x.rel_accuracy_bits() > _NARROW:
        return x.bessel_i(n)
    # It increases with |x|, and is odd or even as n is.
    base = x if int(n.unique_fmpz()) % 2 else absolute(x)
    return base.lower().bessel_i(n).union(base.upper().bessel_i(n))


def integer_power(x: Ball, n: int) -> Ball:
    """Enclose x**n."""
    if n < 0:
        return 1 / integer_power(x, -n)
    if n == 0:
        return flint.arb(1)
    if x.rel_accuracy_bits() > _NARROW + n.bit_length():
        return x ** flint.fmpz(n)
    # Not x**n: it overestimates on wide balls, and is nan in python-flint on a ball around 0.
    base = x if n % 2 else absolute(x)
    return (base.lower() ** flint.fmpz(n)).union(base.upper() ** flint.fmpz(n))


def power(x: Ball, y: Ball) -> Ball:
    """Enclose x**y over the reals, for an integer exponent or a non-negative base."""
    if y.is_integer():
        return integer_power(x, int(y.unique_fmpz()))
    low, high = x.lower().max(flint.arb(0)), x.upper()
    if low > 0:
        return low.union(high) ** y
    if y.contains_integer() and not x >= 0:  # defined for x < 0 if y is that integer
        return flint.arb("nan")
    # The base may be zero: 0**y = 0 for y > 0, and b**y increases with b.
    if not (y > 0 and high >= 0):
        return flint.arb("nan")
    return flint.arb(0).union(high**y) if high > 0 else flint.arb(0)


def less(x: Ball, y: Ball) -> Decided:
    """Decide x < y."""
    if x < y:
        return True
    return False if x >= y else None


def less_equal(x: Ball, y: Ball) -> Decided:
    """Decide x <= y."""
    return negation(less(y, x))


def equal(x: Ball, y: Ball) -> Decided:
    """Decide x == y; True is possible only if both balls are single points."""
    if not x.overlaps(y):
        return False
    return True if (x - y).is_zero() else None


def negation(x: Decided) -> Decided:
    """Decide not x."""
    return None if x is None else not x


def conjunction(x: Decided, y: Decided) -> Decided:
    """Decide x and y."""
    if x is False or y is False:
        return False
    return True if x and y else None


def disjunction(x: Decided, y: Decided) -> Decided:
    """Decide x or y."""
    return negation(conjunction(negation(x), negation(y)))


def choice(condition: Decided | _Empty, x: Ball, y: Ball) -> Ball:
    """Enclose x where the condition holds and y elsewhere."""
    if condition is EMPTY:
        return EMPTY
    if condition is not None:
        return x if condition else y
    if x is EMPTY or y is EMPTY:
        return y if x is EMPTY else x
    return x.union(y)
