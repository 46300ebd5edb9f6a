"""One-sided series: how a function behaves at t for small t > 0.

A germ is a sum of terms c·t^e·(log t)^k with rational exponents e, and a remainder O(t^order).
The coefficients are exact real numbers. All functions here belong to a Hardy field (they are
made without oscillation), so that derivatives of a germ are the derivatives of its terms.

Source: Scholtes 2012 for the selection of branches; Puiseux series as in Walker 1950,
chapter 4, with logarithms as in Gruntz 1996, section 3.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from symdiff.arithmetics.series.reals import ONE, ZERO, Real, UndecidedError, apply, sign

Exponent = int | Fraction
Power = tuple[Exponent, int]  # (e, k) of t^e·(log t)^k

_MAX_TERMS = 200  # of one germ
_SMALL_POWER = 16  # computed by products, without a leading term


class OrderError(UndecidedError):
    """A series is zero up to its order: with a higher order it may not be."""


@dataclasses.dataclass(frozen=True, slots=True)
class Germ:
    """A truncated Puiseux series with logarithms.

    Attributes
    ----------
    terms
        Coefficients by (e, k), the dominant one first.
    order
        The remainder is O(t^order), up to logarithms; None: there is no remainder.
    """

    terms: Mapping[Power, Real]
    order: Exponent | None = None

    @property
    def lowest(self) -> Exponent | None:
        """No exponent is smaller; None for the germ that is zero exactly."""
        first = next(iter(self.terms), None)
        return self.order if first is None else first[0]

    @property
    def highest(self) -> Exponent:
        """The exponent of the last term; 0 without terms."""
        return list(self.terms)[-1][0] if self.terms else 0

    @property
    def constant(self) -> Real:
        """The coefficient of t^0."""
        return self.terms.get((0, 0), ZERO)

    @property
    def is_constant(self) -> bool:
        """Whether nothing but the constant is there, exactly."""
        return self.order is None and all(power == (0, 0) for power in self.terms)


def constant(value: Real) -> Germ:
    """Return the germ of a constant."""
    return Germ({} if value.rational == 0 else {(0, 0): value})


def line(start: Real, slope: Real) -> Germ:
    """Return the germ of start + slope·t."""
    return _collect([((0, 0), start), ((1, 0), slope)], None)


NOTHING: Final = Germ({})


def flat(order: int) -> Germ:
    """Return what is known of a function that is smaller than every power."""
    return Germ({}, order)


def _collect(pairs: Iterable[tuple[Power, Real]], order: Exponent | None) -> Germ:
    """Add up terms, drop those beyond the order, and sort the dominant one to the front."""
    sums: dict[Power, Real] = {}
    for power, value in pairs:
        if order is None or power[0] < order:
            known = sums.get(power)
            sums[power] = value if known is None else known + value
    kept = sorted((p for p, c in sums.items() if c.rational != 0), key=lambda p: (p[0], -p[1]))
    if len(kept) > _MAX_TERMS:
        message = f"a series has more than {_MAX_TERMS} terms"
        raise UndecidedError(message)
    return Germ({power: sums[power] for power in kept}, order)


def _lower(a: Exponent | None, b: Exponent | None) -> Exponent | None:
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


def _plus(a: Exponent | None, b: Exponent | None) -> Exponent | None:
    return None if a is None or b is None else _plain(a + b)


def _plain(exponent: Exponent) -> Exponent:
    """Return an integer where it is one: sums of Python's integers are much faster."""
    if type(exponent) is int or exponent.denominator != 1:
        return exponent
    return int(exponent)


class Algebra:
    """Sums, products and powers of germs, up to an order.

    Parameters
    ----------
    order
        Exponents from here on are dropped.
    bits
        The highest precision with which a sign is sought.
    """

    def __init__(self, order: int, bits: int) -> None:
        """Keep the budget."""
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
        """Return x - y; nothing at all if they are the same germ."""
        if x is y:
            return NOTHING
        terms = dict(x.terms)
        for power, c in y.terms.items():
            known = terms.get(power)
            terms[power] = -c if known is None else known - c
        return _collect(terms.items(), _lower(x.order, y.order))

    def scale(self, x: Germ, factor: Real) -> Germ:
        """Return factor·x."""
        if factor.rational == 0:
            return NOTHING
        return Germ({power: c * factor for power, c in x.terms.items()}, x.order)

    def multiply(self, x: Germ, y: Germ) -> Germ:
        """Return x·y."""
        if x.is_constant or y.is_constant:
            return self.scale(y, x.constant) if x.is_constant else self.scale(x, y.constant)
        order = _lower(_plus(x.order, y.lowest), _plus(y.order, x.lowest))
        if x.highest + y.highest >= self.order:
            order = _lower(order, self.order)
        pairs = (
            ((_plain(e + f), k + m), c * d)
            for (e, k), c in x.terms.items()
            for (f, m), d in y.terms.items()
            if order is None or e + f < order
        )
        return _collect(pairs, order)

    def leading(self, x: Germ) -> tuple[Power, Real, int] | None:
        """Return the dominant term and the sign of its coefficient; None for zero exactly.

        Raises
        ------
        OrderError
            All terms are zero, and there is a remainder.
        UndecidedError
            A coefficient is not told from zero.
        """
        for power, c in x.terms.items():
            found = self.sign(c)
            if found:
                return power, c, found
        if x.order is None:
            return None
        message = f"a series is zero up to t^{x.order}"
        raise OrderError(message)

    def sign_of(self, x: Germ) -> int:
        """Return the sign that x has for all small t > 0; 0 if it is zero exactly."""
        found = self.leading(x)
        if found is None:
            return 0
        (_, logarithms), _, positive = found
        return -positive if logarithms % 2 else positive  # log t < 0

    def split(self, x: Germ) -> tuple[Real, Germ] | int:
        """Return the limit of x and the rest, which tends to 0; or the sign of its infinity."""
        small: dict[Power, Real] = {}
        for (e, k), c in x.terms.items():
            if e > 0:
                small[e, k] = c
            elif (e, k) != (0, 0) and self.sign(c):
                if e == 0 and k < 0:
                    message = "a series in 1/log t"
                    raise UndecidedError(message)
                return -self.sign(c) if k % 2 else self.sign(c)
        if x.order is not None and x.order <= 0:
            message = f"a series is known up to t^{x.order} only"
            raise OrderError(message)
        return x.constant, Germ(small, x.order)

    def power(self, x: Germ, exponent: Exponent) -> Germ:
        """Return x^q; x is positive for small t > 0 if q is no integer.

        Raises
        ------
        ZeroDivisionError
            x is zero exactly, and q negative.
        """
        exponent = _plain(exponent)
        if isinstance(exponent, int) and 0 <= exponent <= _SMALL_POWER:
            return self._product(x, exponent)
        found = self.leading(x)
        if found is None:
            if exponent < 0:
                raise ZeroDivisionError
            return NOTHING
        (e, k), c, _ = found
        if k and not isinstance(exponent, int):
            message = "a broken power of a logarithm"
            raise UndecidedError(message)
        rest = self._relative(x, (e, k), c)
        series = self._binomial(rest, exponent)
        lead = c.inverse() if exponent == -1 else c.power(exponent)
        shift = (_plain(e * exponent), int(k * exponent))
        return self._shifted(self.scale(series, lead), shift)

    def _product(self, x: Germ, exponent: int) -> Germ:
        result = constant(ONE)
        for _ in range(exponent):
            result = self.multiply(result, x)
        return result

    def _shifted(self, x: Germ, by: Power) -> Germ:
        e, k = by
        terms = {(_plain(f + e), m + k): c for (f, m), c in x.terms.items()}
        return Germ(terms, _plus(x.order, e))

    def _relative(self, x: Germ, lead: Power, c: Real) -> Germ:
        """Return u in x = c·t^e·(log t)^k·(1 + u)."""
        rest = Germ({p: d for p, d in x.terms.items() if self._after(p, lead)}, x.order)
        return self._shifted(self.scale(rest, c.inverse()), (-lead[0], -lead[1]))

    def _after(self, power: Power, lead: Power) -> bool:
        if power[0] > lead[0]:
            return True
        if power[0] == lead[0] and power[1] < lead[1]:
            message = "a quotient by a sum with logarithms"
            raise UndecidedError(message)
        return False

    def _binomial(self, u: Germ, exponent: Exponent) -> Germ:
        """Return (1 + u)^q = Σ binom(q, n)·u^n."""
        coefficients = _binomials(exponent, self.length(u))
        return self.compose(coefficients, u, ends=coefficients[-1].rational == 0)

    def length(self, u: Germ) -> int:
        """Return how many powers of u, which tends to 0, stand below the order."""
        lowest = u.lowest
        if lowest is None:
            return 0
        return min(_MAX_TERMS, math.ceil(self.order / lowest))

    def compose(self, coefficients: Sequence[Real], u: Germ, *, ends: bool = False) -> Germ:
        """Return Σ c_n·u^n of a u that tends to 0; `ends` says that there are no more."""
        result = NOTHING
        for c in reversed(coefficients):
            result = self.add(self.multiply(result, u), constant(c))
        lowest = u.lowest
        if ends or lowest is None:
            return result
        remainder = _plain(lowest * len(coefficients))
        return _collect(result.terms.items(), _lower(result.order, remainder))

    def exp(self, x: Germ) -> Germ:
        """Return e^x."""
        power: Power = (0, 0)
        x = self._without_zeros(x)
        logarithm = x.terms.get((0, 1))
        if logarithm is not None and next(iter(x.terms)) == (0, 1):
            # e^(c·log t) = t^c
            if logarithm.rational is None:
                message = "a power of t with an exponent that is not rational"
                raise UndecidedError(message)
            c = Fraction(int(logarithm.rational.p), int(logarithm.rational.q))
            power = (_plain(c), 0)
            x = Germ({p: d for p, d in x.terms.items() if p != (0, 1)}, x.order)
        parts = self.split(x)
        if isinstance(parts, int):
            if parts > 0:
                message = "growth faster than any power"
                raise UndecidedError(message)
            return flat(self.order)
        a, u = parts
        series = self.scale(self.compose(_exponential(self.length(u) + 1), u), apply("exp", a))
        return self._shifted(series, power)

    def _without_zeros(self, x: Germ) -> Germ:
        """Return x without terms that are infinite but for a coefficient proved to be zero."""
        zeros = {p for p, c in x.terms.items() if p[0] <= 0 and p != (0, 0) and not self.sign(c)}
        return Germ({p: c for p, c in x.terms.items() if p not in zeros}, x.order)

    def log(self, x: Germ) -> Germ:
        """Return log x of an x that is positive for small t > 0."""
        found = self.leading(x)
        if found is None:
            raise ZeroDivisionError
        (e, k), c, _ = found
        if k:
            message = "a logarithm of a logarithm"
            raise UndecidedError(message)
        u = self._relative(x, (e, k), c)
        series = self.compose(_logarithm(self.length(u) + 1), u)
        head = [((0, 0), apply("log", c)), ((0, 1), Real.of(Fraction(e)))]
        return self.add(_collect(head, None), series)

    def sin_cos(self, x: Germ) -> tuple[Germ, Germ]:
        """Return sin x and cos x of an x with a finite limit."""
        parts = self.split(x)
        if isinstance(parts, int):
            message = "an oscillation without end"
            raise UndecidedError(message)
        a, u = parts
        n = self.length(u) + 1
        sine, cosine = self.compose(_sine(n), u), self.compose(_cosine(n), u)
        sin_a, cos_a = apply("sin", a), apply("cos", a)
        return (
            self.add(self.scale(cosine, sin_a), self.scale(sine, cos_a)),
            self.subtract(self.scale(cosine, cos_a), self.scale(sine, sin_a)),
        )

    def differentiate(self, x: Germ) -> Germ:
        """Return dx/dt."""
        pairs: list[tuple[Power, Real]] = []
        for (e, k), c in x.terms.items():
            pairs.append(((_plain(e - 1), k), c * Real.of(Fraction(e))))
            if k:
                pairs.append(((_plain(e - 1), k - 1), c * Real.of(k)))
        return _collect(pairs, _plus(x.order, -1))

    def integrate(self, x: Germ, start: Real) -> Germ:
        """Return start + the integral of x from 0 to t.

        Raises
        ------
        UndecidedError
            The integral is infinite.
        """
        pairs: list[tuple[Power, Real]] = [((0, 0), start)]
        for (e, k), c in x.terms.items():
            if e <= -1:
                if self.sign(c):
                    message = "an integral without a finite value"
                    raise UndecidedError(message)
                continue
            # ∫ t^e·L^k = t^(e+1)·Σ (-1)^j·k!/(k-j)!·L^(k-j)/(e+1)^(j+1)
            if k < 0:
                message = "an integral of 1/log t"
                raise UndecidedError(message)
            factor = Fraction(1, 1) / (e + 1)
            for j in range(k + 1):
                pairs.append(((_plain(e + 1), k - j), c * Real.of(factor)))
                factor *= Fraction(-(k - j)) / (e + 1)
        order = _plus(x.order, 1)
        if order is not None and order <= 0:
            message = f"a series is known up to t^{x.order} only"
            raise OrderError(message)
        return _collect(pairs, order)


# Taylor coefficients at 0, up to that of u^(count-1).


@functools.cache
def _exponential(count: int) -> tuple[Real, ...]:
    return tuple(Real.of(Fraction(1, math.factorial(n))) for n in range(count))


@functools.cache
def _logarithm(count: int) -> tuple[Real, ...]:
    """Return those of log(1 + u)."""
    return ZERO, *(Real.of(Fraction((-1) ** (n + 1), n)) for n in range(1, count))


@functools.cache
def _sine(count: int) -> tuple[Real, ...]:
    return tuple(Real.of(Fraction(_ALTERNATING[n % 4], math.factorial(n))) for n in range(count))


@functools.cache
def _cosine(count: int) -> tuple[Real, ...]:
    return tuple(_sine(count + 1)[n + 1] * Real.of(n + 1) for n in range(count))


_ALTERNATING: Final = (0, 1, 0, -1)  # derivatives of sin at 0


@functools.lru_cache(maxsize=256)
def _binomials(exponent: Exponent, length: int) -> tuple[Real, ...]:
    """Return those of (1 + u)^q; the last one is 0 where there are no more."""
    coefficients = [Fraction(1)]
    for n in range(length):
        coefficients.append(coefficients[-1] * (Fraction(exponent) - n) / (n + 1))
        if coefficients[-1] == 0:
            break
    return tuple(Real.of(c) for c in coefficients)
