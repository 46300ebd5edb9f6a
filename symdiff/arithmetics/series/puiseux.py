"""One-sided series: the behaviour of a function of t for small t > 0.

A germ is a sum of terms c·t^e·(log t)^k with real exponents e, plus a remainder O(t^order).
The coefficients are exact real numbers.  All functions here belong to a Hardy field (they do not
oscillate), so a germ is differentiated term by term.

Source: Scholtes 2012 for the selection of branches; Puiseux series as in Walker 1950,
chapter 4, with logarithms as in Gruntz 1996, section 3.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from symdiff.arithmetics.series.exponents import (
    Exponent,
    Irrational,
    count_below,
    exponent_of,
    plain,
    real_of,
)
from symdiff.arithmetics.series.rational_series import (
    LARGEST_EXPONENT,
    Polynomial,
    is_short,
    polynomial_of,
    terms_of,
)
from symdiff.arithmetics.series.reals import ONE, ZERO, Real, UndecidedError, apply, sign

Power = tuple[Exponent, int]  # (e, k) of t^e·(log t)^k
_CONSTANT: Final[Power] = (0, 0)

_MAX_TERMS = 200  # largest number of terms of one germ
# Why a function of a fast-growing argument is not decided.
FAST_GROWTH: Final = "growth faster than any power, as that of exp(1/x) at 0"
_MANY_PRODUCTS: Final = 24  # products of terms from which on polynomials of flint are faster
_LONG_SERIES: Final = 5  # coefficients of a series from which on polynomials of flint are faster
_SMALL_POWER = 16  # largest exponent that is computed by repeated multiplication


class OrderError(UndecidedError):
    """The order of a series is too low to decide something: a higher order may decide it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Germ:
    """A truncated Puiseux series with logarithms.

    Attributes
    ----------
    terms
        The coefficients by (e, k), the dominant one first.
    order
        The remainder is O(t^order), up to logarithms; None if there is no remainder.
    zero_in_doubles
        Whether this is 0 and arithmetic in doubles gives 0 as well, as for e^-inf. False if that
        is not known: x - 1/3 at 1/3 is not 0 in doubles.
    """

    terms: Mapping[Power, Real]
    order: Exponent | None = None
    zero_in_doubles: bool = dataclasses.field(default=False, compare=False, repr=False)

    @property
    def lowest(self) -> Exponent | None:
        """The smallest exponent, or the order if there are no terms; None if exactly 0."""
        first = next(iter(self.terms), None)
        return self.order if first is None else first[0]

    @property
    def highest(self) -> Exponent:
        """The largest exponent; 0 if there are no terms."""
        return list(self.terms)[-1][0] if self.terms else 0

    @property
    def constant(self) -> Real:
        """The coefficient of t^0."""
        return self.terms.get(_CONSTANT, ZERO)

    @property
    def is_constant(self) -> bool:
        """Whether the germ is exactly a constant."""
        if self.order is not None:
            return False
        return not self.terms or (len(self.terms) == 1 and _CONSTANT in self.terms)


def constant_germ(value: Real) -> Germ:
    """Return the germ of a constant."""
    return Germ({} if value.rational == 0 else {_CONSTANT: value})


def affine_germ(start: Real, slope: Real) -> Germ:
    """Return the germ of start + slope·t."""
    return _collect([((0, 0), start), ((1, 0), slope)], None)


ZERO_GERM: Final = Germ({})  # exactly 0
ZERO_IN_DOUBLES: Final = Germ({}, zero_in_doubles=True)


def too_short(order: Exponent | None) -> str:
    """Return the message that a series has too few terms to decide."""
    return f"a one-sided series is known up to t^{order} only (t is the distance to the point)"


def flat_germ(order: int) -> Germ:
    """Return the germ O(t^order), which stands for a function smaller than every power of t."""
    return Germ({}, order)


def _collect(pairs: Iterable[tuple[Power, Real]], order: Exponent | None) -> Germ:
    """Return the sum of terms below an order as a germ, the dominant term first."""
    sums: dict[Power, Real] = {}
    for power, value in pairs:
        if order is None or power[0] < order:
            so_far = sums.get(power)
            sums[power] = value if so_far is None else so_far + value
    kept = {power: c for power, c in sums.items() if c.rational != 0}
    if len(kept) > 1:
        powers = list(kept)
        ordered = sorted(powers, key=_position)
        if powers != ordered:
            kept = {power: kept[power] for power in ordered}
        if len(kept) > _MAX_TERMS:
            message = f"a series has more than {_MAX_TERMS} terms"
            raise UndecidedError(message)
    return Germ(kept, order)


def _position(power: Power) -> tuple[Exponent, int]:
    """Return the position of a term among others: the dominant one comes first."""
    return power[0], -power[1]


def _lower(a: Exponent | None, b: Exponent | None) -> Exponent | None:
    """Return the lower of two orders; None is infinity."""
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


def _plus(a: Exponent | None, b: Exponent | None) -> Exponent | None:
    """Return the sum of two orders; None is infinity."""
    return None if a is None or b is None else plain(a + b)


def _rational_product(x: Germ, y: Germ, order: Exponent | None) -> Germ | None:
    """Return x·y up to an order if both have many terms, all of them rational; else None."""
    if len(x.terms) * len(y.terms) < _MANY_PRODUCTS or isinstance(order, Irrational):
        return None
    p, q = polynomial_of(x.terms), polynomial_of(y.terms)
    if p is None or q is None or not is_short((p, q)):
        return None
    product = p * q if order is None else p.mul_low(q, max(0, math.ceil(order)))
    return Germ(terms_of(product), order)


def _lowest(polynomial: Polynomial, order: int | None) -> int:
    """Return the smallest exponent of a polynomial, or the order if it is 0."""
    exponents = (e for e, c in enumerate(polynomial.coeffs()) if c)
    return next(exponents, 0 if order is None else order)


class Algebra:
    """Arithmetic, elementary functions, derivatives and integrals of germs, up to an order.

    Parameters
    ----------
    order
        Terms of products and series from t^order on are dropped.
    bits
        The highest precision that is tried to prove the sign of a coefficient.
    """

    def __init__(self, order: int, bits: int) -> None:
        """Store the order and the precision."""
        self.order = order
        self.bits = bits

    def sign(self, number: Real) -> int:
        """Return the proved sign of a number; see `reals.sign`."""
        return sign(number, self.bits)

    def add(self, x: Germ, y: Germ) -> Germ:
        """Return x + y."""
        return _collect([*x.terms.items(), *y.terms.items()], _lower(x.order, y.order))

    def negate(self, x: Germ) -> Germ:
        """Return -x."""
        return Germ({power: -c for power, c in x.terms.items()}, x.order)

    def subtract(self, x: Germ, y: Germ) -> Germ:
        """Return x - y: exactly 0 if x and y are the same object."""
        if x is y:
            return ZERO_GERM
        terms = dict(x.terms)
        for power, c in y.terms.items():
            minuend = terms.get(power)
            terms[power] = -c if minuend is None else minuend - c
        return _collect(terms.items(), _lower(x.order, y.order))

    def scale(self, x: Germ, factor: Real) -> Germ:
        """Return factor·x."""
        if factor.rational == 0:
            return ZERO_GERM
        return Germ({power: c * factor for power, c in x.terms.items()}, x.order)

    def multiply(self, x: Germ, y: Germ) -> Germ:
        """Return x·y."""
        if x.is_constant or y.is_constant:
            return self.scale(y, x.constant) if x.is_constant else self.scale(x, y.constant)
        order = _lower(_plus(x.order, y.lowest), _plus(y.order, x.lowest))
        if x.highest + y.highest >= self.order:
            order = _lower(order, self.order)
        product = _rational_product(x, y, order)
        if product is not None:
            return product
        pairs = (
            ((plain(e + f), k + m), c * d)
            for (e, k), c in x.terms.items()
            for (f, m), d in y.terms.items()
            if order is None or e + f < order
        )
        return _collect(pairs, order)

    def leading(self, x: Germ) -> tuple[Power, Real, int] | None:
        """Return the dominant term and the sign of its coefficient; None if x is exactly 0.

        Raises
        ------
        OrderError
            All terms are zero, and there is a remainder.
        UndecidedError
            A coefficient is not proved to be zero or nonzero.
        """
        for power, c in x.terms.items():
            coefficient_sign = self.sign(c)
            if coefficient_sign:
                return power, c, coefficient_sign
        if x.order is None:
            return None
        message = (
            f"all terms of a one-sided series below t^{x.order} are zero "
            "(t is the distance to the point), and higher terms are not known"
        )
        raise OrderError(message)

    def sign_of(self, x: Germ) -> int:
        """Return the sign of x for all small t > 0; 0 if x is exactly 0."""
        lead = self.leading(x)
        if lead is None:
            return 0
        (_, k), _, coefficient_sign = lead
        return -coefficient_sign if k % 2 else coefficient_sign  # log t < 0

    def split(self, x: Germ) -> tuple[Real, Germ] | int:
        """Return the limit of x and the rest, which tends to 0; or the sign of an infinite limit.

        Raises
        ------
        OrderError
            The order of x is too low to know its limit.
        UndecidedError
            x has a term in 1/log t, or the sign of a coefficient is not proved.
        """
        small: dict[Power, Real] = {}
        for (e, k), c in x.terms.items():
            if e > 0:
                small[e, k] = c
            elif (e, k) != (0, 0) and self.sign(c):
                if e == 0 and k < 0:
                    message = "series in 1/log t (t is the distance to the point) are not supported"
                    raise UndecidedError(message)
                return -self.sign(c) if k % 2 else self.sign(c)
        if x.order is not None and x.order <= 0:
            message = too_short(x.order)
            raise OrderError(message)
        return x.constant, Germ(small, x.order)

    def power(self, x: Germ, exponent: int | Fraction) -> Germ:
        """Return x^q; x must be positive for small t > 0 unless q is an integer.

        Raises
        ------
        ZeroDivisionError
            x is exactly 0, and q is negative.
        UndecidedError
            The leading term of x is not known, or its power is not a term of a germ.
        """
        if exponent.denominator == 1:
            exponent = int(exponent)
        if isinstance(exponent, int) and 0 <= exponent <= _SMALL_POWER:
            return self._product(x, exponent)
        lead = self.leading(x)
        if lead is None:
            if exponent < 0:
                raise ZeroDivisionError
            return ZERO_GERM
        (e, k), c, _ = lead
        if k and not isinstance(exponent, int):
            message = "a fractional power of a logarithm has no series"
            raise UndecidedError(message)
        rest = self._relative(x, (e, k), c)
        series = self._binomial(rest, exponent)
        factor = c.inverse() if exponent == -1 else c.power(exponent)
        shift = (plain(e * exponent), int(k * exponent))
        return self._shifted(self.scale(series, factor), shift)

    def _product(self, x: Germ, exponent: int) -> Germ:
        """Return x^n by repeated multiplication."""
        result = constant_germ(ONE)
        for _ in range(exponent):
            result = self.multiply(result, x)
        return result

    def _shifted(self, x: Germ, by: Power) -> Germ:
        """Return t^e·(log t)^k·x."""
        e, k = by
        terms = {(plain(f + e), m + k): c for (f, m), c in x.terms.items()}
        return Germ(terms, _plus(x.order, e))

    def _relative(self, x: Germ, lead: Power, c: Real) -> Germ:
        """Return the u for which x = c·t^e·(log t)^k·(1 + u)."""
        rest = Germ({p: d for p, d in x.terms.items() if self._after(p, lead)}, x.order)
        return self._shifted(self.scale(rest, c.inverse()), (-lead[0], -lead[1]))

    def _after(self, power: Power, lead: Power) -> bool:
        """Return whether a term is of higher order in t than the leading term.

        Raises
        ------
        UndecidedError
            The two differ by a factor 1/(log t)^k: their sum cannot be inverted as a germ.
        """
        if power[0] > lead[0]:
            return True
        if power[0] == lead[0] and power[1] < lead[1]:
            message = "division by a sum of powers of a logarithm is not supported"
            raise UndecidedError(message)
        return False

    def _binomial(self, u: Germ, exponent: int | Fraction) -> Germ:
        """Return (1 + u)^q = Σ binom(q, n)·u^n."""
        coefficients = _binomials(exponent, self.length(u))
        return self.compose(coefficients, u, ends=coefficients[-1].rational == 0)

    def length(self, u: Germ) -> int:
        """Return how many powers of u, from u^0 on, are not O(t^order); u must tend to 0."""
        lowest = u.lowest
        if lowest is None:
            return 0
        return min(_MAX_TERMS, count_below(self.order, lowest))

    def compose(self, coefficients: Sequence[Real], u: Germ, *, ends: bool = False) -> Germ:
        """Return Σ c_n·u^n, where u tends to 0.

        Parameters
        ----------
        coefficients
            The c_n, from n = 0 on.
        u
            The argument of the power series.
        ends
            Whether all further coefficients are zero, so that there is no remainder.
        """
        result = self._rational_series(coefficients, u)
        if result is None:
            result = ZERO_GERM
            for c in reversed(coefficients):
                result = self.add(self.multiply(result, u), constant_germ(c))
        lowest = u.lowest
        if ends or lowest is None:
            return result
        remainder = plain(lowest * len(coefficients))
        return _collect(result.terms.items(), _lower(result.order, remainder))

    def _rational_series(self, coefficients: Sequence[Real], u: Germ) -> Germ | None:
        """Return what the loop in `compose` does, if all numbers are rational; else None."""
        if len(coefficients) < _LONG_SERIES or u.is_constant or self.order > LARGEST_EXPONENT:
            return None
        p, known = polynomial_of(u.terms), u.order
        if p is None or p[0] or not (known is None or (type(known) is int and known > 0)):
            return None
        if any(c.rational is None for c in coefficients):
            return None
        series, order = p * 0, None  # as in `multiply` and `add`
        for c in reversed(coefficients):
            if not is_short((p, series), (c.rational,)):
                return None
            if order is None and series.degree() <= 0:
                order = known if series else None
                series *= p
            else:
                lowest, step = _lowest(series, order), _lowest(p, known)
                top = self.order if series.degree() + p.degree() >= self.order else None
                limits = (order, step), (known, lowest), (top, 0)
                order = min((o + e for o, e in limits if o is not None), default=None)
                series = series * p if order is None else series.mul_low(p, order)
            series += c.rational
        return Germ(terms_of(series), order)

    def exp(self, x: Germ) -> Germ:
        """Return e^x.

        Raises
        ------
        UndecidedError
            e^x grows faster than any power of 1/t.
        """
        power: Power = (0, 0)
        x = self._without_zeros(x)
        logarithm = x.terms.get((0, 1))
        if logarithm is not None and next(iter(x.terms)) == (0, 1):
            # e^(c·log t) = t^c
            power = (exponent_of(logarithm), 0)
            x = Germ({p: d for p, d in x.terms.items() if p != (0, 1)}, x.order)
        parts = self.split(x)
        if isinstance(parts, int):
            if parts > 0:
                message = FAST_GROWTH
                raise UndecidedError(message)
            return flat_germ(self.order)
        a, u = parts
        series = self.scale(self.compose(_exponential(self.length(u) + 1), u), apply("exp", a))
        return self._shifted(series, power)

    def _without_zeros(self, x: Germ) -> Germ:
        """Return x without terms t^e·(log t)^k, e <= 0, whose coefficient is proved to be zero."""
        zeros = {p for p, c in x.terms.items() if p[0] <= 0 and p != (0, 0) and not self.sign(c)}
        return Germ({p: c for p, c in x.terms.items() if p not in zeros}, x.order)

    def log(self, x: Germ) -> Germ:
        """Return log x; x must be positive for small t > 0.

        Raises
        ------
        ZeroDivisionError
            x is exactly 0.
        UndecidedError
            The leading term of x is not known, or contains a logarithm.
        """
        lead = self.leading(x)
        if lead is None:
            raise ZeroDivisionError
        (e, k), c, _ = lead
        if k:
            message = "a logarithm of a logarithm has no series"
            raise UndecidedError(message)
        u = self._relative(x, (e, k), c)
        series = self.compose(_logarithm(self.length(u) + 1), u)
        head = [((0, 0), apply("log", c)), ((0, 1), real_of(e))]
        return self.add(_collect(head, None), series)

    def sin(self, x: Germ) -> Germ:
        """Return sin x; see `cos`."""
        a, u = self._finite_parts(x)
        # sin(a + u) = sin(a)·cos(u) + cos(a)·sin(u)
        return self.add(
            self._scaled_series(apply("sin", a), _cosine, u),
            self._scaled_series(apply("cos", a), _sine, u),
        )

    def cos(self, x: Germ) -> Germ:
        """Return cos x.

        Raises
        ------
        UndecidedError
            x has no finite limit.
        """
        a, u = self._finite_parts(x)
        # cos(a + u) = cos(a)·cos(u) - sin(a)·sin(u)
        return self.subtract(
            self._scaled_series(apply("cos", a), _cosine, u),
            self._scaled_series(apply("sin", a), _sine, u),
        )

    def _finite_parts(self, x: Germ) -> tuple[Real, Germ]:
        """Return the limit of x and the rest, which tends to 0."""
        parts = self.split(x)
        if isinstance(parts, int):
            message = "it oscillates, as its argument tends to infinity"
            raise UndecidedError(message)
        return parts

    def _scaled_series(
        self, factor: Real, coefficients: Callable[[int], tuple[Real, ...]], u: Germ
    ) -> Germ:
        """Return factor·Σ c_n·u^n; the series is not computed for the factor 0."""
        if factor.rational == 0:
            return ZERO_GERM
        return self.scale(self.compose(coefficients(self.length(u) + 1), u), factor)

    def differentiate(self, x: Germ) -> Germ:
        """Return dx/dt."""
        pairs: list[tuple[Power, Real]] = []
        for (e, k), c in x.terms.items():
            pairs.append(((plain(e - 1), k), c * real_of(e)))
            if k:
                pairs.append(((plain(e - 1), k - 1), c * Real.of(k)))
        return _collect(pairs, _plus(x.order, -1))

    def integrate(self, x: Germ, start: Real) -> Germ:
        """Return start + the integral of x from 0 to t.

        Raises
        ------
        OrderError
            The order of x is too low to know whether the integral is finite.
        UndecidedError
            The integral is infinite, or x has a term in 1/log t.
        """
        pairs: list[tuple[Power, Real]] = [((0, 0), start)]
        for (e, k), c in x.terms.items():
            if e <= -1:
                if self.sign(c):
                    message = "the integral of its derivative is divergent"
                    raise UndecidedError(message)
                continue
            # ∫ t^e·L^k = t^(e+1)·Σ (-1)^j·k!/(k-j)!·L^(k-j)/(e+1)^(j+1)
            if k < 0:
                message = "an integral of 1/log t (t is the distance to the point) has no series"
                raise UndecidedError(message)
            inverse = real_of(e + 1).inverse()
            factor = inverse
            for j in range(k + 1):
                pairs.append(((plain(e + 1), k - j), c * factor))
                factor = factor * Real.of(j - k) * inverse
        order = _plus(x.order, 1)
        if order is not None and order <= 0:
            message = too_short(x.order)
            raise OrderError(message)
        return _collect(pairs, order)


# -- Taylor coefficients at u = 0


@functools.cache
def _exponential(count: int) -> tuple[Real, ...]:
    """Return the first `count` coefficients of e^u."""
    return tuple(Real.of(Fraction(1, math.factorial(n))) for n in range(count))


@functools.cache
def _logarithm(count: int) -> tuple[Real, ...]:
    """Return the first `count` coefficients of log(1 + u)."""
    return ZERO, *(Real.of(Fraction((-1) ** (n + 1), n)) for n in range(1, count))


@functools.cache
def _sine(count: int) -> tuple[Real, ...]:
    """Return the first `count` coefficients of sin u."""
    return tuple(Real.of(Fraction(_ALTERNATING[n % 4], math.factorial(n))) for n in range(count))


@functools.cache
def _cosine(count: int) -> tuple[Real, ...]:
    """Return the first `count` coefficients of cos u."""
    return tuple(_sine(count + 1)[n + 1] * Real.of(n + 1) for n in range(count))


_ALTERNATING: Final = (0, 1, 0, -1)  # derivatives of sin at 0, in turn


@functools.lru_cache(maxsize=256)
def _binomials(exponent: int | Fraction, length: int) -> tuple[Real, ...]:
    """Return the coefficients of (1 + u)^q up to u^length; a finite series ends with a 0."""
    coefficients = [Fraction(1)]
    for n in range(length):
        coefficients.append(coefficients[-1] * (Fraction(exponent) - n) / (n + 1))
        if coefficients[-1] == 0:
            break
    return tuple(Real.of(c) for c in coefficients)
