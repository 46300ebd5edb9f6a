"""Exact real numbers: rationals, and numbers that a ball of any precision encloses.

A number that is not rational remembers how it was computed, so that it can be enclosed again
with more bits, and be given to sympy where only an exact test can tell that it is zero.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import flint
import sympy as sp

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.symbolic import Symbolic
from symdiff.catalogue import CATALOGUE

MAX_BITS: Final = 4096  # of precision, before a sign is left undecided
_FIRST_BITS: Final = 64
_SYMBOLIC_FROM: Final = 512  # bits: a number that is still not told from zero may be zero
_MAX_RATIONAL_BITS: Final = 40_000  # of numerator and denominator that are kept exact
_ENORMOUS: Final = flint.arb(2) ** 256  # and its inverse
_LONG: Final = 2200  # bits of a rational: no double has more
_MAX_SYMBOLIC: Final = 80  # operations of a number that is given to sympy
_MAX_SIMPLIFIED: Final = 24  # and of one that it is to simplify: that may take for ever
_MAX_ROOT: Final = 64
# What sympy raises where it does not get on.
_NO_ANSWER: Final = (ArithmeticError, TypeError, ValueError, AttributeError, RecursionError)


class UndecidedError(ArithmeticError):
    """Something could be neither proved nor refuted within the budget; the message says what."""


_NOTHING: Final = frozenset[bytes]()


class Real:
    """A real number, known exactly.

    Attributes
    ----------
    rational
        Its value where it is known to be rational, else None.
    operation, arguments
        How it was computed: a row of the catalogue and its arguments.
    vanishing
        Keys of numbers made of this one that are known to be zero: this one is defined so.

    Examples
    --------
    >>> third = Real.of(Fraction(1, 3))
    >>> third + third
    2/3
    >>> sign(apply("sin", PI)), sign(apply("exp", Real.of(1)) - Real.of(3))
    (0, -1)
    """

    __slots__ = ("_balls", "_key", "_size", "arguments", "operation", "rational", "vanishing")

    def __init__(
        self,
        rational: Any | None,  # an fmpq: python-flint ships no types
        operation: str = "",
        arguments: tuple[Real, ...] = (),
    ) -> None:
        """Keep the parts; use `of` and `apply` to make numbers."""
        self.rational = rational
        self.operation = operation
        self.arguments = arguments
        self._balls: dict[int, Ball] = {}
        self._key: bytes | None = None
        self._size: int | None = None
        self.vanishing: frozenset[bytes] = _NOTHING

    @classmethod
    def of(cls, value: float | Fraction) -> Real:
        """Return a rational number; a double is taken exactly."""
        if isinstance(value, int):
            return cls(flint.fmpq(value))
        numerator, denominator = value.as_integer_ratio()
        return cls(flint.fmpq(numerator, denominator))

    def __repr__(self) -> str:
        """Return the rational, or how the number was computed."""
        if self.rational is not None:
            return str(self.rational)
        return f"{self.operation}({', '.join(map(repr, self.arguments))})"

    def __add__(self, other: Real) -> Real:
        """Return the sum."""
        a, b = self.rational, other.rational
        if a is not None and b is not None:
            return _exact(a + b, "add", self, other)
        if a == 0 or b == 0:
            return other if a == 0 else self
        return _sum(self, other)

    def __sub__(self, other: Real) -> Real:
        """Return the difference."""
        return self + -other

    def __neg__(self) -> Real:
        """Return the opposite number."""
        return _times(-1, self)

    def __mul__(self, other: Real) -> Real:
        """Return the product."""
        a, b = self.rational, other.rational
        if a is not None and b is not None:
            return _exact(a * b, "multiply", self, other)
        if a is not None or b is not None:
            return _times(b if a is None else a, other if b is None else self)
        (p, x), (q, y) = self.scaled, other.scaled
        ordered = (y, x) if y.precedes(x) else (x, y)
        return _times(p * q, Real(None, "multiply", ordered))

    @property
    def scaled(self) -> tuple[Any, Real]:
        """The number as q·x, with q rational and no rational factor left in x."""
        if self.operation == "multiply" and self.arguments[0].rational is not None:
            return self.arguments[0].rational, self.arguments[1]
        return _UNIT, self

    def inverse(self) -> Real:
        """Return 1/x of a number that is not zero."""
        if self.rational is not None:
            return Real(1 / self.rational)
        q, x = self.scaled
        return _times(1 / q, Real(None, "divide", (ONE, x)))

    def power(self, exponent: Fraction | int) -> Real:
        """Return x**q of a positive number, or of any but zero for an integer q."""
        if exponent == 1:
            return self
        if self.rational is not None:
            root = _rational_power(self.rational, Fraction(exponent))
            if root is not None:
                return Real(root)
        return Real(None, "power", (self, Real.of(exponent)))

    def ball(self, bits: int) -> Ball:
        """Return a ball around the number, computed with a precision of `bits`."""
        found = self._balls.get(bits)
        if found is None:
            if flint.ctx.prec == bits:  # as for all the numbers it is made of
                found = self._balls[bits] = self._computed(bits)
            else:
                with flint.ctx.workprec(bits):
                    found = self._balls[bits] = self._computed(bits)
        return found

    def _computed(self, bits: int) -> Ball:
        if self.rational is not None:
            return flint.arb(self.rational)
        if self.operation in _CONSTANTS:
            return _CONSTANTS[self.operation][0]()
        balls = [argument.ball(bits) for argument in self.arguments]
        return _column(self.operation, "ball")(*balls)

    def symbolic(self) -> sp.Expr:
        """Return the number in sympy."""
        if self.rational is not None:
            return sp.Rational(int(self.rational.p), int(self.rational.q))
        if self.operation in _CONSTANTS:
            return _CONSTANTS[self.operation][1]
        arguments = [argument.symbolic() for argument in self.arguments]
        column: Callable[..., Any] = _column(self.operation, "sympy")
        return _EXACT.call(CATALOGUE[self.operation], column, arguments)

    @property
    def size(self) -> int:
        """How many operations it takes, nothing shared."""
        if self._size is None:
            self._size = 1 + sum(a.size for a in self.arguments)
        return self._size

    @property
    def key(self) -> bytes:
        """A digest that two numbers share only if they were computed in the same way."""
        if self._key is None:
            if self.rational is not None:
                parts = [str(self.rational).encode()]
            else:
                parts = [self.operation.encode()]
                parts += [a.key for a in self.arguments]
            self._key = hashlib.blake2b(b"\0".join(parts), digest_size=20).digest()
        return self._key

    def same_as(self, other: Real) -> bool:
        """Tell whether two numbers were computed in the same way: then they are equal."""
        if self is other:
            return True
        if self.rational is not None or other.rational is not None:
            return bool(self.rational is not None and self.rational == other.rational)
        return (
            self.operation == other.operation and self.size == other.size and self.key == other.key
        )

    def precedes(self, other: Real) -> bool:
        """Tell which of two numbers stands first, by their form alone."""
        if self.size != other.size:  # nearly always: keys take longer
            return self.size < other.size
        return self.key < other.key


def _times(q: Any, x: Real) -> Real:  # an fmpq
    """Return q·x, with all rational factors in one: equal numbers come to look equal."""
    if x.rational is not None:
        return Real(q * x.rational)
    p, core = x.scaled
    product = p * q
    if product == 0:
        return ZERO
    return core if product == 1 else Real(None, "multiply", (Real(product), core))


def _sum(x: Real, y: Real) -> Real:
    """Return x + y in an order that depends on the two alone, the first one positive."""
    (p, a), (q, b) = x.scaled, y.scaled
    if a.same_as(b):
        return _times(p + q, a)
    if a.rational is not None or (b.rational is None and b.precedes(a)):
        (p, a), (q, b) = (q, b), (p, a)
    if p < 0:
        return _times(-1, Real(None, "add", (_times(-p, a), _times(-q, b))))
    return Real(None, "add", (_times(p, a), _times(q, b)))


def _exact(value: Any, operation: str, x: Real, y: Real) -> Real:  # an fmpq
    """Keep a rational result, unless it has become too long to go on with."""
    if value.p.bit_length() + value.q.bit_length() > _MAX_RATIONAL_BITS:
        return Real(None, operation, (x, y))
    return Real(value)


def _rational_power(base: Any, exponent: Fraction) -> Any | None:  # fmpq
    p, q = exponent.numerator, exponent.denominator
    bits = base.p.bit_length() + base.q.bit_length()
    if q > _MAX_ROOT or bits * abs(p) > _MAX_RATIONAL_BITS:
        return None
    if q > 1:
        roots = [abs(part).root(q) for part in (base.p, base.q)]
        if roots[0] ** q != base.p or roots[1] ** q != base.q:
            return None
        base = flint.fmpq(*roots)
    return base**p


_UNIT: Final = flint.fmpq(1)
ZERO: Final = Real.of(0)
ONE: Final = Real.of(1)
PI: Final = Real(None, "pi")
E: Final = Real(None, "e")
_CONSTANTS: Mapping[str, tuple[Callable[[], Ball], sp.Expr]] = MappingProxyType(
    {"pi": (flint.arb.pi, sp.pi), "e": (flint.arb.const_e, sp.E)}
)
_EXACT = Symbolic(exact=True)


@functools.cache
def _column(row: str, arithmetic: str) -> Callable[..., Any]:
    column = CATALOGUE[row].column(arithmetic)
    if column is None:
        message = f"{row} has no {arithmetic} column"
        raise UndecidedError(message)
    return column


def apply(row: str, *arguments: Real) -> Real:
    """Return a function of the catalogue that has a ball column, at numbers in its domain."""
    if all(a.rational is not None for a in arguments):
        with flint.ctx.workprec(_FIRST_BITS):
            value = _column(row, "ball")(*(flint.arb(a.rational) for a in arguments))
        given = all(flint.arb(a.rational).is_exact() for a in arguments)
        if given and value.is_exact() and value.is_finite():
            return Real(value.fmpq())
    found = Real(None, row, arguments)
    # known at once, a zero makes all that is computed with it simple
    return ZERO if found.ball(_FIRST_BITS).contains(0) and is_zero(found) else found


def sign(number: Real, bits: int = MAX_BITS) -> int:
    """Return -1, 0 or 1: proved.

    Parameters
    ----------
    number
        Any number.
    bits
        The highest precision to try.

    Raises
    ------
    UndecidedError
        It is too close to zero to tell, and sympy cannot show that it is zero.

    Examples
    --------
    >>> sign(apply("cos", PI) + ONE), sign(PI - Real.of(3.14159))
    (0, 1)
    """
    if number.rational is not None:
        return int(number.rational > 0) - int(number.rational < 0)
    for precision in _precisions(_FIRST_BITS, bits):
        ball = number.ball(precision)
        if ball > 0:
            return 1
        if ball < 0:
            return -1
        if ball.is_zero():
            return 0
        if precision >= min(_SYMBOLIC_FROM, bits) and is_zero(number):
            return 0
    message = f"a number within {float(number.ball(bits).abs_upper()):.1g} of 0 is not told from 0"
    raise UndecidedError(message)


def _precisions(first: int, last: int) -> Iterator[int]:
    """Yield the precisions to try, in bits: each twice the one before, and the last one."""
    precision = first
    while precision < last:
        yield precision
        precision *= 2
    yield last


def is_zero(number: Real) -> bool:
    """Tell whether a number is zero by definition, or sympy proves it; False says nothing."""
    return any(map(_is_known_zero, reversed(list(_factors(number)))))


def _factors(number: Real) -> Iterator[Real]:
    """Yield a number, and what it is a product of, each once, as far as it may be zero."""
    waiting, seen = [number], {id(number)}
    while waiting:
        found = waiting.pop()
        if not found.ball(_FIRST_BITS).contains(0):
            continue
        yield found
        if found.operation == "multiply":
            fresh = {id(a): a for a in found.arguments if id(a) not in seen}
            seen.update(fresh)
            waiting.extend(fresh.values())


def _is_known_zero(number: Real) -> bool:
    if any(number.scaled[1].key in leaf.vanishing for leaf in _parts(number)):
        return True
    return _is_for_sympy(number) and _sympy_proves_zero(_Question(number.key, number))


@dataclasses.dataclass(frozen=True, slots=True)
class _Question:
    """A number that is told from others by its key."""

    key: bytes
    number: Real = dataclasses.field(compare=False)


@functools.lru_cache(maxsize=256)
def _sympy_proves_zero(question: _Question) -> bool:
    known = _sympy_knows_zero(question)
    if known is not None:
        return known
    try:
        found = question.number.symbolic()
        known = sp.expand(found, log=False, power_base=False, power_exp=False).is_zero
        if known is None and question.number.size <= _MAX_SIMPLIFIED:
            known = found.equals(0)
    except _NO_ANSWER:
        return False
    return bool(known)


@functools.lru_cache(maxsize=256)
def _sympy_knows_zero(question: _Question) -> bool | None:
    """Return what sympy says without trying to simplify; None: nothing."""
    try:
        known = question.number.symbolic().is_zero
    except _NO_ANSWER:
        return None
    return None if known is None else bool(known)


def _is_plainly_zero(number: Real) -> bool:
    return _is_for_sympy(number) and bool(_sympy_knows_zero(_Question(number.key, number)))


def _is_for_sympy(number: Real) -> bool:
    return number.size <= _MAX_SYMBOLIC and may_be_zero(number)


def may_be_zero(number: Real) -> bool:
    """Tell whether what sympy calls zero may be believed to be zero.

    sympy takes for zero what it does not tell from zero with the digits that it looks at:
    tanh(log(cosh(3e-6))), about 4e-12, is zero to it.  So no ball may tell the number from zero,
    and nothing that it is made of may be so small that it could hide in the last bits of these.

    Examples
    --------
    >>> one = apply("sin", PI * Real.of(Fraction(1, 2)))
    >>> may_be_zero(one - ONE), may_be_zero(apply("tanh", one - Real.of(1 - 2**-50)))
    (True, False)
    """
    try:
        return all(map(_is_moderate, _parts(number))) and number.ball(MAX_BITS).contains(0)
    except UndecidedError:
        return False


def _is_moderate(number: Real) -> bool:
    """Tell whether a number is zero as far as can be seen, or neither tiny nor enormous.

    Of an enormous one such as exp(n*log(b)) sympy would compute all digits.
    """
    rational = number.rational
    if rational is not None and rational.p.bit_length() + rational.q.bit_length() > _LONG:
        return False
    size = abs(number.ball(_SYMBOLIC_FROM))
    if size.contains(0):
        size = abs(number.ball(MAX_BITS))
    return bool(size < _ENORMOUS and (size.contains(0) or size > 1 / _ENORMOUS))


def _parts(number: Real) -> Iterator[Real]:
    """Yield a number and all that it is made of."""
    waiting, seen = [number], set()
    while waiting:
        found = waiting.pop()
        if id(found) not in seen:
            seen.add(id(found))
            waiting.extend(found.arguments)
            yield found


def nearest(number: Real, bits: int = MAX_BITS) -> float:
    """Return the double nearest to a number, or an infinity beyond the doubles.

    Raises
    ------
    UndecidedError
        It cannot be enclosed.

    Examples
    --------
    >>> nearest(PI), nearest(Real.of(Fraction(1, 10**400)))
    (3.141592653589793, 0.0)
    """
    if number.rational is not None:
        return _nearest_fraction(Fraction(int(number.rational.p), int(number.rational.q)))
    found = None
    for precision in _precisions(2 * _FIRST_BITS, bits):
        ball = number.ball(precision)
        found = nearest_in(ball)
        if found is not None and float(ball.lower()) == float(ball.upper()):
            return found
    if found is not None:  # halfway between two doubles, as far as can be seen
        return found
    if sign(number, bits) == 0:
        return 0.0
    message = "a number cannot be enclosed"
    raise UndecidedError(message)


def nearest_or_none(number: Real) -> float | None:
    """Return the double nearest to a number, or None where that takes more than a nearest_or_none.

    Examples
    --------
    >>> nearest_or_none(apply("sin", PI)), nearest_or_none(PI)
    (0.0, 3.141592653589793)
    """
    if number.rational is not None:
        return nearest(number)
    for bits in (2 * _FIRST_BITS, _SYMBOLIC_FROM):
        found = nearest_in(number.ball(bits))
        if found is not None:
            return found
    return 0.0 if _is_plainly_zero(number) else None


def _nearest_fraction(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


_ACCURATE: Final = 60  # bits of a ball that names a double


def nearest_in(ball: Ball) -> float | None:
    """Return the double that a narrow ball names, or None if the ball is too wide."""
    if not ball.is_finite():
        return None
    if ball.rel_accuracy_bits() >= _ACCURATE or ball.is_exact():
        middle = ball.mid()
        if abs(middle) > flint.arb(2) ** 1024:
            return math.inf if middle > 0 else -math.inf
        return float(middle)
    return 0.0 if ball.abs_upper() < flint.arb(2) ** -1100 else None
