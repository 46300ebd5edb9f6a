"""Prove that an exact number is zero.

The tests, in the order of their cost: an expression that is zero by the definition of a root, a
bound of nonzero algebraic numbers, and sympy.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Final

import flint
import sympy as sp

from symdiff.arithmetics.series.algebraic import is_algebraic_zero
from symdiff.arithmetics.series.identities import is_zero_if
from symdiff.arithmetics.series.real_numbers import (
    FIRST_BITS,
    MAX_BITS,
    Real,
    UndecidedError,
    parts_of,
)

SYMBOLIC_FROM: Final = 512  # bits from which on sympy is asked whether a number is zero
# sympy gets no number larger than this, and no nonzero one smaller than its inverse.
_ENORMOUS: Final = flint.arb(2) ** 256
_LONG: Final = 2200  # most bits of a rational that sympy may get; no double needs more
_MAX_SYMBOLIC: Final = 80  # most operations in a number that sympy is asked about
_MAX_SIMPLIFIED: Final = 24  # most operations in a number that sympy simplifies: it is slow
_REMEMBERED: Final = 1024  # answers that are kept
# Exceptions of sympy that mean: no answer.
_NO_ANSWER: Final = (ArithmeticError, TypeError, ValueError, AttributeError, RecursionError)


def is_proved_zero(number: Real) -> bool:
    """Return whether `number` is proved to be zero; False means not proved.

    It is proved if a factor is zero by definition (see `Real.vanishing`), or is an algebraic
    number below the bound of nonzero ones, or if sympy says so.
    """
    return any(map(_is_factor_zero, reversed(list(_factors(number)))))


def _factors(number: Real) -> Iterator[Real]:
    """Yield a number and its factors, each once, if their first balls contain zero."""
    waiting, seen = [number], {id(number)}
    while waiting:
        factor = waiting.pop()
        if not factor.ball(FIRST_BITS).contains(0):
            continue
        yield factor
        if factor.operation == "multiply":
            fresh = {id(a): a for a in factor.arguments if id(a) not in seen}
            seen.update(fresh)
            waiting.extend(fresh.values())


def _is_factor_zero(number: Real) -> bool:
    """Return whether one factor is proved to be zero, without taking it apart."""
    keyed = _Keyed(number.key, number)
    algebraic = _is_algebraic_zero(keyed)
    if algebraic is not None:
        return algebraic
    zeros = [v for part in parts_of(number) for v in part.vanishing]
    if _is_zero_if(keyed, tuple(_Keyed(zero.key, zero) for zero in zeros)):
        return True
    return may_ask_sympy(number) and _sympy_proves_zero(keyed)


@dataclasses.dataclass(frozen=True, slots=True)
class _Keyed:
    """A number that is compared and hashed by its key, for the caches."""

    key: bytes
    number: Real = dataclasses.field(compare=False)


# The series along the two sides and along every curve through a point have the same coefficients,
# so that the same numbers are tested again.
@functools.lru_cache(maxsize=_REMEMBERED)
def _is_algebraic_zero(keyed: _Keyed) -> bool | None:
    return is_algebraic_zero(keyed.number)


@functools.lru_cache(maxsize=_REMEMBERED)
def _is_zero_if(keyed: _Keyed, zeros: tuple[_Keyed, ...]) -> bool:
    return is_zero_if(keyed.number, [zero.number for zero in zeros])


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


def sympy_is_zero(number: Real) -> bool | None:
    """Return sympy's `is_zero`, without simplification; None if sympy does not know."""
    return _sympy_is_zero(_Keyed(number.key, number))


@functools.lru_cache(maxsize=256)
def _sympy_is_zero(keyed: _Keyed) -> bool | None:
    try:
        answer = keyed.number.symbolic().is_zero
    except _NO_ANSWER:
        return None
    return None if answer is None else bool(answer)


def may_ask_sympy(number: Real) -> bool:
    """Return whether a number is short, and may be zero, so that sympy's answer is used."""
    return number.size <= _MAX_SYMBOLIC and sympy_zero_is_credible(number)


def sympy_zero_is_credible(number: Real) -> bool:
    """Return whether sympy can be trusted if it says that a number is zero.

    `is_zero` of sympy may be True for a tiny number: tanh(log(cosh(3e-6))), about 4e-12, is zero
    to it.  It is trusted only if the ball of `MAX_BITS` contains zero, and if no part of the
    expression is so small that it could hide in the last bits of that ball.

    Examples
    --------
    >>> from symdiff.arithmetics.series.reals import ONE, PI, apply
    >>> one = apply("sin", PI * Real.of(0.5))
    >>> sympy_zero_is_credible(one - ONE)
    True
    >>> sympy_zero_is_credible(apply("tanh", one - Real.of(1 - 2**-50)))
    False
    """
    try:
        return all(map(_is_moderate, parts_of(number))) and number.ball(MAX_BITS).contains(0)
    except UndecidedError:
        return False


def _is_moderate(number: Real) -> bool:
    """Return whether a number may be zero, or is neither tiny nor enormous.

    sympy would compute all digits of an enormous number such as exp(n*log(b)).
    """
    rational = number.rational
    if rational is not None and rational.p.bit_length() + rational.q.bit_length() > _LONG:
        return False
    size = abs(number.ball(SYMBOLIC_FROM))
    if size.contains(0):
        size = abs(number.ball(MAX_BITS))
    return bool(size < _ENORMOUS and (size.contains(0) or size > 1 / _ENORMOUS))
