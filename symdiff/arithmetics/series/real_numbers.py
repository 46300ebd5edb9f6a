"""Exact real numbers: rationals, and expressions that can be enclosed to any precision.

A number that is not rational keeps the expression it was computed by.  The expression is
evaluated again with more bits where a sign is undecided.
"""

from __future__ import annotations

import functools
import hashlib
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
FIRST_BITS: Final = 64  # precision of the first ball around a number
MAX_RATIONAL_BITS: Final = 40_000  # most bits of a rational, numerator and denominator together
_MAX_ROOT: Final = 64  # highest degree of a root of a rational that is taken exactly


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

    Examples
    --------
    >>> third = Real.of(Fraction(1, 3))
    >>> third + third
    2/3
    >>> (third + PI).ball(53)
    [3.47492598692313 +/- 4.57e-15]
    """

    __slots__ = ("_balls", "_key", "_size", "_vanishing", "arguments", "operation", "rational")

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
        self._vanishing: tuple[Real, ...] = ()

    @classmethod
    def of(cls, value: float | Fraction) -> Real:
        """Return a rational number; a double is taken exactly."""
        if isinstance(value, int):
            return cls(flint.fmpq(value))
        numerator, denominator = value.as_integer_ratio()
        return cls(flint.fmpq(numerator, denominator))

    @property
    def vanishing(self) -> tuple[Real, ...]:
        """The expressions that are zero by the definition of this number."""
        return self._vanishing

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
        return column_of(self.operation, "ball")(*balls)

    def symbolic(self) -> sp.Expr:
        """Return the number as a sympy expression."""
        if self.rational is not None:
            return sp.Rational(int(self.rational.p), int(self.rational.q))
        if self.operation in _CONSTANTS:
            return _CONSTANTS[self.operation][1]
        arguments = [argument.symbolic() for argument in self.arguments]
        column: Callable[..., Any] = column_of(self.operation, "sympy")
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
    if value.p.bit_length() + value.q.bit_length() > MAX_RATIONAL_BITS:
        return Real(None, operation, (x, y))
    return Real(value)


def _rational_power(base: Rational, exponent: Fraction) -> Rational | None:
    """Return base**exponent if it is rational and not too long, else None."""
    p, q = exponent.numerator, exponent.denominator
    bits = base.p.bit_length() + base.q.bit_length()
    if q > _MAX_ROOT or bits * abs(p) > MAX_RATIONAL_BITS:
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
def column_of(row: str, arithmetic: str) -> Callable[..., Any]:
    """Return the column of a row; raise `UndecidedError` if it has none."""
    column = CATALOGUE[row].column(arithmetic)
    if column is None:
        message = f"{row} has no {arithmetic} column"
        raise UndecidedError(message)
    return column


def parts_of(number: Real) -> Iterator[Real]:
    """Yield a number and all parts of its expression, each once."""
    waiting, seen = [number], set()
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen.add(id(part))
            waiting.extend(part.arguments)
            yield part
