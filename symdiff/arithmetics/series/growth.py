"""Bounds on a function of several variables at all points P + h near a point P.

Of a function f of several variables, bounds in powers of the distance |h| are tracked:

    f(P + h) = limit + O(|h|^order),      |f(P + h)| >= c·|h_S|^r,      f(P + h) >= 0,

where h_S are some of the components of h. If the order is larger than 1, or if sums and products
keep the linear term, f has a (Fréchet) derivative at P. The bounds say nothing about P itself.

Source: orders of functions of several variables as in Krantz & Parks 2002, section 1.2.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from symdiff.arithmetics.series.exponents import Exponent
from symdiff.arithmetics.series.puiseux import Algebra, Germ
from symdiff.arithmetics.series.reals import ZERO, Real, UndecidedError, sign

Order = int | Fraction | float  # inf: exactly constant; -inf: no power of |h| bounds the function
# A logarithm makes a power lower by less than any positive number, such as this one.
_LOGARITHM: Final = Fraction(1, 1024)
_IRRATIONAL: Final = Fraction(1, 4096)  # distance of a rational exponent from an irrational one
_LARGE_EXPONENT: Final = 10**6  # irrational exponents beyond this size are not enclosed
_BITS: Final = 1024  # precision with which limits are compared


@dataclasses.dataclass(frozen=True, slots=True)
class Growth:
    """What is known of a function f at all points P + h with small h != 0.

    Sets of variables are integers with one bit for each variable.

    Attributes
    ----------
    limit
        The limit at P; None if there is none, or it is not known.
    order
        f - limit is O(|h|^order); without a limit, f is.
    is_differentiable
        Whether f - limit is a linear function of h, up to o(|h|).
    floor
        The set S and the exponent r of the lower bound on |f|, or None.
    sign
        1 if f >= 0, -1 if f <= 0, 0 if neither is known.
    undefined_at
        Sets S such that f may be undefined where h_S = 0.
    """

    limit: Real | None
    order: Order
    is_differentiable: bool = False
    floor: tuple[int, Order] | None = None
    sign: int = 0
    undefined_at: frozenset[int] = frozenset()

    @property
    def size(self) -> Order:
        """The largest p that is known for which f is O(|h|^p)."""
        if self.limit is None:
            return self.order
        return self.order if is_zero(self.limit) else 0


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """What is known of a condition at all points P + h with small h != 0.

    Attributes
    ----------
    value
        Whether it holds everywhere; None if that is not known.
    zero_set
        If not 0: a set S such that the condition is `exception` only where h_S = 0.
    exception
        See `zero_set`.
    is_exact
        Whether the condition is `exception` at all points with h_S = 0.
    """

    value: bool | None = None
    zero_set: int = 0
    exception: bool = False
    is_exact: bool = False

    def negated(self) -> Condition:
        """Return the negation."""
        value = None if self.value is None else not self.value
        return dataclasses.replace(self, value=value, exception=not self.exception)

    def both(self, other: Condition, everything: int) -> Condition:
        """Return the conjunction; `everything` is the set of all variables."""
        if self.value is not None or other.value is not None:
            known, rest = (self, other) if self.value is not None else (other, self)
            return rest if known.value else known
        sets = [c.zero_set for c in (self, other) if c.zero_set and c.exception]
        if not sets:
            return Condition()
        union = sets[0] | sets[-1]
        is_exact = len(sets) == 2 and self.is_exact and other.is_exact
        return exceptional(union, everything, exception=True, is_exact=is_exact)


def exceptional(zero_set: int, everything: int, *, exception: bool, is_exact: bool) -> Condition:
    """Return the condition that is `exception` only where h_S = 0 for a set S."""
    if zero_set == everything:  # only at P itself
        return Condition(value=not exception)
    return Condition(None, zero_set, exception, is_exact)


def is_zero(number: Real) -> bool:
    """Return whether a number is proved to be zero; False if it is not, or that is undecided."""
    return sign_or_none(number) == 0


def sign_or_none(number: Real) -> int | None:
    """Return the proved sign of a number, or None."""
    try:
        return sign(number, _BITS)
    except UndecidedError:
        return None


def constant(value: Real) -> Growth:
    """Return the growth of a constant."""
    value_sign = sign_or_none(value)
    floor: tuple[int, Order] | None = (0, 0) if value_sign else None
    return Growth(value, math.inf, is_differentiable=True, floor=floor, sign=value_sign or 0)


# -- functions of one variable


# A function of one variable on the left and on the right of a point, as germs in the distance
# t > 0; or on the only side that matters.
Sides = Sequence[Germ]


def of_one_variable(sides: Sides, value: Real | None, variable: int) -> Growth:
    """Return the growth of a function of one variable.

    Parameters
    ----------
    sides
        The function on both sides.
    value
        Its value at the point, which it has wherever the other variables differ; None if it is
        undefined there.
    variable
        The set of this variable.

    Raises
    ------
    UndecidedError
        The sign of a coefficient is not proved.
    """
    algebra = Algebra(1, _BITS)
    growth = _of_sides(sides, algebra, variable)
    if value is None:
        return dataclasses.replace(growth, undefined_at=frozenset({variable}))
    if growth.limit is None or algebra.sign(growth.limit - value):
        order = min(growth.order, 0) if growth.limit is None else 0
        return Growth(None, order)
    value_sign = algebra.sign(value)
    keeps_sign = growth.sign * value_sign >= 0
    return growth if keeps_sign else dataclasses.replace(growth, sign=0)


def _of_sides(sides: Sides, algebra: Algebra, variable: int) -> Growth:
    """Return the growth off the point itself."""
    signs = {_sign_of(algebra, germ) for germ in sides}
    is_off_zero = not signs & {0, None}
    common = next((s for s in (1, -1) if signs <= {s, 0}), 0)
    lower = (variable, max(_floor(algebra, g) for g in sides)) if is_off_zero else None
    parts = [algebra.split(germ) for germ in sides]
    limits = [part[0] for part in parts if not isinstance(part, int)]
    if len(limits) < len(parts) or algebra.sign(limits[0] - limits[-1]):
        order = min(_order(algebra, germ) for germ in sides)
        return Growth(None, min(order, 0), floor=None if limits else lower, sign=common)
    if algebra.sign(limits[0]):
        lower = 0, 0
    rests = [part[1] for part in parts if not isinstance(part, int)]
    order = min(_order(algebra, germ) for germ in rests)
    return Growth(limits[0], order, _is_linear(algebra, rests), lower, common)


def _sign_of(algebra: Algebra, germ: Germ) -> int | None:
    try:
        return algebra.sign_of(germ)
    except UndecidedError:
        return None


def _order(algebra: Algebra, germ: Germ) -> Order:
    """Return the largest p that is known for which a germ is O(t^p)."""
    for (e, k), c in germ.terms.items():
        if algebra.sign(c):
            return _rational(e, -1) - (_LOGARITHM if k > 0 else 0)
    return math.inf if germ.order is None else _rational(germ.order, -1) - _LOGARITHM


def _floor(algebra: Algebra, germ: Germ) -> Order:
    """Return the smallest p that is known for which a germ is at least c·t^p."""
    lead = algebra.leading(germ)
    assert lead is not None  # noqa: S101  (its sign is not 0)
    (e, k), _, _ = lead
    return _rational(e, 1) + (_LOGARITHM if k < 0 else 0)


def _rational(exponent: Exponent, side: int) -> int | Fraction:
    """Return an exponent, or a rational number just below (side = -1) or above an irrational one.

    Raises
    ------
    UndecidedError
        The irrational exponent is too large.
    """
    if isinstance(exponent, int | Fraction):
        return exponent
    middle = float(exponent.number.ball(_BITS).mid())
    if not abs(middle) < _LARGE_EXPONENT:
        message = "an exponent is too large to be enclosed"
        raise UndecidedError(message)
    return Fraction(middle).limit_denominator(10**6) + side * _IRRATIONAL


def _is_linear(algebra: Algebra, rests: Sides) -> bool:
    """Return whether germs that tend to 0 have the same linear term, up to o(t)."""
    for germ in rests:
        if germ.order is not None and germ.order <= 1:
            return False
        for (e, k), c in germ.terms.items():
            if (e < 1 or (e == 1 and k > 0)) and algebra.sign(c):
                return False
    if len(rests) == 1:
        return True
    left, right = (germ.terms.get((1, 0), ZERO) for germ in rests)
    return algebra.sign(left + right) == 0


# -- arithmetic


def negative(x: Growth) -> Growth:
    """Return the growth of -x."""
    limit = None if x.limit is None else -x.limit
    return dataclasses.replace(x, limit=limit, sign=-x.sign)


def add(x: Growth, y: Growth, everything: int) -> Growth:
    """Return the growth of x + y; `everything` is the set of all variables."""
    common = x.sign if x.sign == y.sign else 0
    undefined_at = x.undefined_at | y.undefined_at
    floor = _floor_of_sum(x, y, everything, is_same_sign=common != 0)
    if x.limit is None or y.limit is None:
        order = min(x.size, y.size)
        return Growth(None, min(order, 0), floor=floor, sign=common, undefined_at=undefined_at)
    limit = x.limit + y.limit
    limit_sign = sign_or_none(limit)
    is_differentiable = x.is_differentiable and y.is_differentiable
    if limit_sign:
        floor, common = (0, 0), limit_sign
    return Growth(limit, min(x.order, y.order), is_differentiable, floor, common, undefined_at)


def _floor_of_sum(
    x: Growth, y: Growth, everything: int, *, is_same_sign: bool
) -> tuple[int, Order] | None:
    """Return a lower bound on |x + y|, or None."""
    if is_same_sign:
        if x.floor is None or y.floor is None:
            return x.floor or y.floor
        if (0, 0) in {x.floor, y.floor}:
            return 0, 0
        return x.floor[0] | y.floor[0], max(x.floor[1], y.floor[1])
    for a, b in ((x, y), (y, x)):
        # The smaller term cannot cancel the larger one.
        if a.floor is not None and a.floor[0] == everything and b.size > a.floor[1]:
            return a.floor
    return None


def multiply(x: Growth, y: Growth) -> Growth:
    """Return the growth of x·y."""
    common = x.sign * y.sign
    undefined_at = x.undefined_at | y.undefined_at
    floor = _floor_of_product(x, y)
    size = _plus(x.size, y.size)
    if x.limit is None or y.limit is None:
        if size > 0:
            return Growth(ZERO, size, size > 1, floor, common, undefined_at)
        return Growth(None, size, floor=floor, sign=common, undefined_at=undefined_at)
    zeros = [is_zero(x.limit), is_zero(y.limit)]
    orders = [
        _plus(x.order, y.order),
        math.inf if zeros[0] else y.order,
        math.inf if zeros[1] else x.order,
    ]
    is_differentiable = (
        (zeros[0] or y.is_differentiable)
        and (zeros[1] or x.is_differentiable)
        and (orders[0] > 1 or (x.is_differentiable and y.is_differentiable))
    )
    limit = x.limit * y.limit
    order = min(orders)
    return Growth(limit, order, is_differentiable or order > 1, floor, common, undefined_at)


def _plus(a: Order, b: Order) -> Order:
    """Return a + b; no bound on a factor is no bound on the product, unless the other is 0."""
    if math.inf in {a, b}:
        return math.inf
    return a + b


def _floor_of_product(x: Growth, y: Growth) -> tuple[int, Order] | None:
    """Return a lower bound on |x·y|, or None."""
    if x.floor is None or y.floor is None:
        return None
    (s, r), (t, q) = x.floor, y.floor
    if s == 0 or t in {0, s}:
        return s | t, r + q
    # |h_T| >= |h_S| if S is contained in T.
    if s & t == s and q >= 0:
        return s, r + q
    if s & t == t and r >= 0:
        return t, r + q
    return None


def compose(sides: Sides | None, value: Real | None, x: Growth, everything: int) -> Growth | None:
    """Return the growth of f(x), for a function f of one variable, or None.

    Parameters
    ----------
    sides
        f on both sides of the limit of x; a side on which x does not lie is not looked at.
    value
        f at the limit of x; None if f is undefined there.
    x
        The argument, which has a limit.
    everything
        The set of all variables.
    """
    if sides is None or x.limit is None:
        return None
    algebra = Algebra(1, _BITS)
    outer = _of_sides(sides, algebra, 1)
    undefined_at = x.undefined_at
    is_at_zero = is_zero(x.limit)
    if value is None:
        # f is used at its limit nowhere if the argument is never equal to that.
        if not is_at_zero or x.floor is None:
            return None
        undefined_at |= {x.floor[0]}
    elif outer.limit is None or algebra.sign(outer.limit - value):
        return Growth(None, 0, undefined_at=undefined_at) if outer.order >= 0 else None
    keeps_sign = value is None or outer.sign * (sign_or_none(value) or 0) >= 0
    common = outer.sign if keeps_sign else 0
    lower: tuple[int, Order] | None = None
    if outer.floor is not None and outer.floor[0] == 0:
        lower = (0, 0)
    elif outer.floor is not None and is_at_zero and x.floor is not None:
        lower = x.floor[0], outer.floor[1] * x.floor[1]
    if outer.limit is None:
        return Growth(
            None,
            _order_of_pole(outer, x, everything),
            floor=lower,
            sign=common,
            undefined_at=undefined_at,
        )
    order = outer.order * x.order if outer.order > 0 else outer.order
    is_differentiable = (outer.is_differentiable and x.is_differentiable) or order > 1
    return Growth(outer.limit, order, is_differentiable, lower, common, undefined_at)


def _order_of_pole(outer: Growth, x: Growth, everything: int) -> Order:
    """Return an order of f(x) where f is unbounded, or has no limit, at the limit of x."""
    if outer.order >= 0:
        return 0
    if x.floor is None or x.floor[0] not in {0, everything}:
        return -math.inf
    return outer.order * x.floor[1]


def larger(x: Growth, y: Growth, everything: int) -> Growth:
    """Return the growth of max(x, y)."""
    difference = add(x, negative(y), everything)
    undefined_at = difference.undefined_at
    if difference.sign:
        chosen = x if difference.sign > 0 else y
        return dataclasses.replace(chosen, undefined_at=undefined_at)
    common = 1 if 1 in {x.sign, y.sign} else min(x.sign + y.sign + 1, 0)
    floor = _floor_of_sum(x, y, everything, is_same_sign=True) if x.sign == y.sign == 1 else None
    if x.limit is None or y.limit is None or not is_zero(x.limit - y.limit):
        return Growth(
            None, min(x.size, y.size, 0), floor=floor, sign=common, undefined_at=undefined_at
        )
    order = min(x.order, y.order)
    return Growth(x.limit, order, order > 1, floor, common, undefined_at)


def either(x: Growth, y: Growth) -> Growth:
    """Return the growth of a function that equals x at some points and y at the others."""
    common = x.sign if x.sign == y.sign else 0
    undefined_at = x.undefined_at | y.undefined_at
    floor = None
    if x.floor is not None and y.floor is not None and x.floor[0] == y.floor[0]:
        floor = x.floor[0], max(x.floor[1], y.floor[1])
    if x.limit is None or y.limit is None or not is_zero(x.limit - y.limit):
        return Growth(
            None, min(x.size, y.size, 0), floor=floor, sign=common, undefined_at=undefined_at
        )
    order = min(x.order, y.order)
    return Growth(x.limit, order, order > 1, floor, common, undefined_at)


def choose(condition: Condition, x: Growth | None, y: Growth | None) -> Growth | None:
    """Return the growth of x where a condition holds and y elsewhere, or None."""
    if condition.value is not None:
        return x if condition.value else y
    if x is None or y is None:
        return None
    if not condition.zero_set:
        return either(x, y)
    rare, common = (x, y) if condition.exception else (y, x)
    if condition.is_exact:
        zeros = condition.zero_set
        common = dataclasses.replace(
            common, undefined_at=frozenset(s for s in common.undefined_at if s & zeros != zeros)
        )
    return either(rare, common)


_HOLDS_FOR: Final[Mapping[str, frozenset[int]]] = MappingProxyType(
    {
        "less": frozenset({-1}),
        "less_equal": frozenset({-1, 0}),
        "greater": frozenset({1}),
        "greater_equal": frozenset({1, 0}),
        "equal": frozenset({0}),
        "not_equal": frozenset({-1, 1}),
    }
)


def compared(name: str, difference: Growth, everything: int, *, is_exact: bool) -> Condition:
    """Return what is known of a comparison of a difference with 0.

    Parameters
    ----------
    name
        The row of the comparison.
    difference
        The difference of its operands.
    everything
        The set of all variables.
    is_exact
        Whether the difference is 0 at all points at which its lower bound is 0.
    """
    signs = _signs(difference)
    if difference.undefined_at:
        return Condition()
    answers = {s: s in _HOLDS_FOR[name] for s in signs}
    if len(set(answers.values())) == 1:
        return Condition(value=next(iter(answers.values())))
    off_zero = {answer for s, answer in answers.items() if s}
    if len(off_zero) > 1 or difference.floor is None:
        return Condition()
    zeros = difference.floor[0]
    return exceptional(zeros, everything, exception=answers[0], is_exact=is_exact)


def _signs(x: Growth) -> tuple[int, ...]:
    """Return the signs that a function may have near the point."""
    limit_sign = None if x.limit is None else sign_or_none(x.limit)
    if limit_sign or (limit_sign == 0 and x.order == math.inf):
        return (limit_sign,)
    is_off_zero = x.floor is not None and not x.floor[0]
    return tuple(s for s in (-1, 0, 1) if s * x.sign >= 0 and (s or not is_off_zero))
