"""Exact real numbers: rationals, and expressions that can be enclosed to any precision.

A number that is not rational keeps the expression it was computed by.  The expression is
evaluated again with more bits where a sign is undecided, and is passed to sympy where only a
symbolic proof can show that the number is zero.
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

Rational = Any  # an fmpq of python-flint, which ships no types

MAX_BITS: Final = 4096  # highest precision that is tried before a sign is left undecided
_FIRST_BITS: Final = 64  # precision of the first ball around a number
_SYMBOLIC_FROM: Final = 512  # bits from which on sympy is asked whether a number is zero
_MAX_RATIONAL_BITS: Final = 40_000  # most bits of a rational, numerator and denominator together
# sympy gets no number larger than this, and no nonzero one smaller than its inverse.
_ENORMOUS: Final = flint.arb(2) ** 256
_LONG: Final = 2200  # most bits of a rational that sympy may get; no double needs more
_MAX_SYMBOLIC: Final = 80  # most operations in a number that sympy is asked about
_MAX_SIMPLIFIED: Final = 24  # most operations in a number that sympy simplifies: it is slow
_MAX_ROOT: Final = 64  # highest degree of a root of a rational that is taken exactly
# Exceptions of sympy that mean: no answer.
_NO_ANSWER: Final = (ArithmeticError, TypeError, ValueError, AttributeError, RecursionError)


class UndecidedError(ArithmeticError):
    """Something could be neither proved nor refuted within the budget; the message says what."""


class Real:
    """A real number, known exactly.

    Attributes
    ----------
    rational
        The value if the number is known to be rational, else None.
    operation, arguments
        The expression it was computed by: the name of a catalogue row, and its arguments.
    vanishing
        For a number that is defined as a root of an equation: the keys of the expressions that
        are zero by this definition.

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
        rational: Rational | None,
        operation: str = "",
        arguments: tuple[Real, ...] = (),
    ) -> None:
        """Make a number from its parts; callers use `of` or `apply`."""
        self.rational = rational
        self.operation = operation
        self.arguments = arguments
        self._balls: dict[int, Ball] = {}
        self._key: bytes | None = None
        self._size: int | None = None
        self.vanishing: frozenset[bytes] = frozenset()

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
        """Return -x."""
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
    def scaled(self) -> tuple[Rational, Real]:
        """The number as a pair (q, x) with value q·x: q is rational, x has no rational factor."""
        if self.operation == "multiply" and self.arguments[0].rational is not None:
            return self.arguments[0].rational, self.arguments[1]
        return _UNIT, self

    def inverse(self) -> Real:
        """Return 1/x of a nonzero number x."""
        if self.rational is not None:
            return Real(1 / self.rational)
        q, x = self.scaled
        return _times(1 / q, Real(None, "divide", (ONE, x)))

    def power(self, exponent: Fraction | int) -> Real:
        """Return x**q; x must be positive, or nonzero if q is an integer."""
        if exponent == 1:
            return self
        if self.rational is not None:
            root = _rational_power(self.rational, Fraction(exponent))
            if root is not None:
                return Real(root)
        return Real(None, "power", (self, Real.of(exponent)))

    def ball(self, bits: int) -> Ball:
        """Return a ball that contains the number, computed with a precision of `bits`."""
        ball = self._balls.get(bits)
        if ball is None:
            if flint.ctx.prec == bits:  # already set by the call for an outer expression
                ball = self._balls[bits] = self._computed(bits)
            else:
                with flint.ctx.workprec(bits):
                    ball = self._balls[bits] = self._computed(bits)
        return ball

    def _computed(self, bits: int) -> Ball:
        if self.rational is not None:
            return flint.arb(self.rational)
        if self.operation in _CONSTANTS:
            return _CONSTANTS[self.operation][0]()
        balls = [argument.ball(bits) for argument in self.arguments]
        return _column(self.operation, "ball")(*balls)

    def symbolic(self) -> sp.Expr:
        """Return the number as a sympy expression."""
        if self.rational is not None:
            return sp.Rational(int(self.rational.p), int(self.rational.q))
        if self.operation in _CONSTANTS:
            return _CONSTANTS[self.operation][1]
        arguments = [argument.symbolic() for argument in self.arguments]
        column: Callable[..., Any] = _column(self.operation, "sympy")
        return _EXACT.call(CATALOGUE[self.operation], column, arguments)

    @property
    def size(self) -> int:
        """The number of operations in the expression; a shared part counts each time."""
        if self._size is None:
            self._size = 1 + sum(a.size for a in self.arguments)
        return self._size

    @property
    def key(self) -> bytes:
        """A digest of the expression: two numbers have the same one only if they are equal."""
        if self._key is None:
            if self.rational is not None:
                parts = [str(self.rational).encode()]
            else:
                parts = [self.operation.encode()]
                parts += [a.key for a in self.arguments]
            self._key = hashlib.blake2b(b"\0".join(parts), digest_size=20).digest()
        return self._key

    def same_as(self, other: Real) -> bool:
        """Return whether both numbers have the same expression, and so are equal."""
        if self is other:
            return True
        if self.rational is not None or other.rational is not None:
            return bool(self.rational is not None and self.rational == other.rational)
        return (
            self.operation == other.operation and self.size == other.size and self.key == other.key
        )

    def precedes(self, other: Real) -> bool:
        """Return whether this number comes first in a fixed order of expressions."""
        if self.size != other.size:  # the usual case, and cheaper than the keys
            return self.size < other.size
        return self.key < other.key


def _times(q: Rational, x: Real) -> Real:
    """Return q·x with all rational factors in one, so that equal products have one form."""
    if x.rational is not None:
        return Real(q * x.rational)
    p, core = x.scaled
    product = p * q
    if product == 0:
        return ZERO
    return core if product == 1 else Real(None, "multiply", (Real(product), core))


def _sum(x: Real, y: Real) -> Real:
    """Return x + y in one form, whatever the order and the common sign of x and y."""
    (p, a), (q, b) = x.scaled, y.scaled
    if a.same_as(b):
        return _times(p + q, a)
    if a.rational is not None or (b.rational is None and b.precedes(a)):
        (p, a), (q, b) = (q, b), (p, a)
    if p < 0:
        return _times(-1, Real(None, "add", (_times(-p, a), _times(-q, b))))
    return Real(None, "add", (_times(p, a), _times(q, b)))


def _exact(value: Rational, operation: str, x: Real, y: Real) -> Real:
    """Return a rational result, or the expression for it if the rational is too long."""
    if value.p.bit_length() + value.q.bit_length() > _MAX_RATIONAL_BITS:
        return Real(None, operation, (x, y))
    return Real(value)


def _rational_power(base: Rational, exponent: Fraction) -> Rational | None:
    """Return base**exponent if it is rational and not too long, else None."""
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
# The ball around a named constant, and its symbol in sympy.
_CONSTANTS: Mapping[str, tuple[Callable[[], Ball], sp.Expr]] = MappingProxyType(
    {"pi": (flint.arb.pi, sp.pi), "e": (flint.arb.const_e, sp.E)}
)
_EXACT: Final = Symbolic(exact=True)


@functools.cache
def _column(row: str, arithmetic: str) -> Callable[..., Any]:
    """Return the column of a row; raise `UndecidedError` if it has none."""
    column = CATALOGUE[row].column(arithmetic)
    if column is None:
        message = f"{row} has no {arithmetic} column"
        raise UndecidedError(message)
    return column


def apply(row: str, *arguments: Real) -> Real:
    """Return the value of a catalogue function at exact numbers.

    Parameters
    ----------
    row
        The name of a row with a ball column.
    arguments
        Numbers in the domain of the function.

    Raises
    ------
    UndecidedError
        The row has no ball column.
    """
    if all(a.rational is not None for a in arguments):
        with flint.ctx.workprec(_FIRST_BITS):
            value = _column(row, "ball")(*(flint.arb(a.rational) for a in arguments))
        exact_arguments = all(flint.arb(a.rational).is_exact() for a in arguments)
        if exact_arguments and value.is_exact() and value.is_finite():
            return Real(value.fmpq())
    number = Real(None, row, arguments)
    # A zero that is recognised here simplifies everything that is computed with it.
    return ZERO if number.ball(_FIRST_BITS).contains(0) and is_proved_zero(number) else number


def sign(number: Real, bits: int = MAX_BITS) -> int:
    """Return the proved sign of a number: -1, 0 or 1.

    Parameters
    ----------
    number
        The number.
    bits
        The highest precision to try.

    Raises
    ------
    UndecidedError
        Every ball up to that precision contains zero, and zero is not proved either.

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
        if precision >= min(_SYMBOLIC_FROM, bits) and is_proved_zero(number):
            return 0
    ball = number.ball(bits)
    if not ball.is_finite():
        raise UndecidedError(_not_enclosed(bits))
    size = ball.abs_upper().str(1, radius=False)  # as a text: it may be smaller than any double
    message = f"the sign of a number within {size} of 0 could not be proved"
    raise UndecidedError(message)


def _not_enclosed(bits: int) -> str:
    return f"a number cannot be enclosed with {bits} bits"


def _precisions(first: int, last: int) -> Iterator[int]:
    """Yield precisions in bits: `first`, doubled as long as it is below `last`, then `last`."""
    precision = first
    while precision < last:
        yield precision
        precision *= 2
    yield last


def is_proved_zero(number: Real) -> bool:
    """Return whether `number` is proved to be zero; False means not proved.

    It is proved if a factor is zero by definition (see `Real.vanishing`) or sympy says so.
    """
    return any(map(_is_factor_zero, reversed(list(_factors(number)))))


def _factors(number: Real) -> Iterator[Real]:
    """Yield a number and its factors, each once, if their first balls contain zero."""
    waiting, seen = [number], {id(number)}
    while waiting:
        factor = waiting.pop()
        if not factor.ball(_FIRST_BITS).contains(0):
            continue
        yield factor
        if factor.operation == "multiply":
            fresh = {id(a): a for a in factor.arguments if id(a) not in seen}
            seen.update(fresh)
            waiting.extend(fresh.values())


def _is_factor_zero(number: Real) -> bool:
    """Return whether one factor is proved to be zero, without taking it apart."""
    if any(number.scaled[1].key in part.vanishing for part in _parts(number)):
        return True
    return _may_ask_sympy(number) and _sympy_proves_zero(_Keyed(number.key, number))


@dataclasses.dataclass(frozen=True, slots=True)
class _Keyed:
    """A number that is compared and hashed by its key, for the caches."""

    key: bytes
    number: Real = dataclasses.field(compare=False)


@functools.lru_cache(maxsize=256)
def _sympy_proves_zero(keyed: _Keyed) -> bool:
    """Return whether sympy finds that a number is zero, with simplification if it is short."""
    answer = _sympy_is_zero(keyed)
    if answer is not None:
        return answer
    try:
        expression = keyed.number.symbolic()
        answer = sp.expand(expression, log=False, power_base=False, power_exp=False).is_zero
        if answer is None and keyed.number.size <= _MAX_SIMPLIFIED:
            answer = expression.equals(0)
    except _NO_ANSWER:
        return False
    return bool(answer)


@functools.lru_cache(maxsize=256)
def _sympy_is_zero(keyed: _Keyed) -> bool | None:
    """Return sympy's `is_zero`, without simplification; None if sympy does not know."""
    try:
        answer = keyed.number.symbolic().is_zero
    except _NO_ANSWER:
        return None
    return None if answer is None else bool(answer)


def _may_ask_sympy(number: Real) -> bool:
    return number.size <= _MAX_SYMBOLIC and sympy_zero_is_credible(number)


def sympy_zero_is_credible(number: Real) -> bool:
    """Return whether sympy may be believed if it says that a number is zero.

    `is_zero` of sympy may be True for a tiny number: tanh(log(cosh(3e-6))), about 4e-12, is zero
    to it.  It is believed only if the ball of `MAX_BITS` contains zero, and if no part of the
    expression is so small that it could hide in the last bits of that ball.

    Examples
    --------
    >>> one = apply("sin", PI * Real.of(Fraction(1, 2)))
    >>> sympy_zero_is_credible(one - ONE)
    True
    >>> sympy_zero_is_credible(apply("tanh", one - Real.of(1 - 2**-50)))
    False
    """
    try:
        return all(map(_is_moderate, _parts(number))) and number.ball(MAX_BITS).contains(0)
    except UndecidedError:
        return False


def _is_moderate(number: Real) -> bool:
    """Return whether a number may be zero, or is neither tiny nor enormous.

    sympy would compute all digits of an enormous number such as exp(n*log(b)).
    """
    rational = number.rational
    if rational is not None and rational.p.bit_length() + rational.q.bit_length() > _LONG:
        return False
    size = abs(number.ball(_SYMBOLIC_FROM))
    if size.contains(0):
        size = abs(number.ball(MAX_BITS))
    return bool(size < _ENORMOUS and (size.contains(0) or size > 1 / _ENORMOUS))


def _parts(number: Real) -> Iterator[Real]:
    """Yield a number and all parts of its expression, each once."""
    waiting, seen = [number], set()
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen.add(id(part))
            waiting.extend(part.arguments)
            yield part


def nearest(number: Real, bits: int = MAX_BITS) -> float:
    """Return the double nearest to a number; an infinity if the number overflows.

    Raises
    ------
    UndecidedError
        No ball with up to `bits` bits is narrow enough.

    Examples
    --------
    >>> nearest(PI), nearest(Real.of(Fraction(1, 10**400)))
    (3.141592653589793, 0.0)
    """
    if number.rational is not None:
        return _nearest_fraction(Fraction(int(number.rational.p), int(number.rational.q)))
    double = None
    for precision in _precisions(2 * _FIRST_BITS, bits):
        ball = number.ball(precision)
        double = nearest_in(ball)
        if double is not None and float(ball.lower()) == float(ball.upper()):
            return double
    if double is not None:  # every ball contains the midpoint of two adjacent doubles
        return double
    if sign(number, bits) == 0:
        return 0.0
    raise UndecidedError(_not_enclosed(bits))


def nearest_or_none(number: Real) -> float | None:
    """Return the double nearest to a number, or None if two quick attempts do not find it.

    Examples
    --------
    >>> nearest_or_none(apply("sin", PI)), nearest_or_none(PI)
    (0.0, 3.141592653589793)
    """
    if number.rational is not None:
        return nearest(number)
    for bits in (2 * _FIRST_BITS, _SYMBOLIC_FROM):
        double = nearest_in(number.ball(bits))
        if double is not None:
            return double
    is_zero = _may_ask_sympy(number) and _sympy_is_zero(_Keyed(number.key, number))
    return 0.0 if is_zero else None


def _nearest_fraction(value: Fraction) -> float:
    """Return the nearest double, or an infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


_ACCURATE: Final = 60  # bits of relative accuracy from which a ball is rounded to a double


def nearest_in(ball: Ball) -> float | None:
    """Return the double nearest to the centre of a narrow ball, or None if it is too wide."""
    if not ball.is_finite():
        return None
    if ball.rel_accuracy_bits() >= _ACCURATE or ball.is_exact():
        middle = ball.mid()
        if abs(middle) > flint.arb(2) ** 1024:
            return math.inf if middle > 0 else -math.inf
        return float(middle)
    return 0.0 if ball.abs_upper() < flint.arb(2) ** -1100 else None
