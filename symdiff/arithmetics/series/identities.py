"""Identities of exact numbers as fractions of polynomials in their transcendental parts.

A number is read as P/Q, where P and Q are polynomials with rational coefficients in *atoms*: the
parts of its expression that are not sums, products, quotients or integer powers.  An identity of
these fractions holds whatever the atoms are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import flint

from symdiff.arithmetics.series.real_numbers import Real

_MAX_SIZE: Final = 200  # most operations of a number that is read as a fraction
_MAX_ATOMS: Final = 12
_MAX_TERMS: Final = 500  # most terms of a polynomial
_MAX_POWER: Final = 32  # largest integer power that is multiplied out
_ARITHMETIC: Final = frozenset({"add", "subtract", "multiply", "divide", "negative"})

_Fraction = tuple[Any, Any]  # numerator and denominator, polynomials of python-flint


def is_multiple(number: Real, zero: Real) -> bool:
    """Return whether a number is proved to be zero because another number is zero.

    If number = P/Q and zero = R/S, and P is a polynomial times R, then P = 0.

    Parameters
    ----------
    number
        A number; the denominators of its expression are not zero.
    zero
        A number that is known to be zero.

    Examples
    --------
    >>> from symdiff.arithmetics.series.real_numbers import PI, E
    >>> is_multiple(PI * PI - E * E, PI - E), is_multiple(PI * PI + E * E, PI - E)
    (True, False)
    """
    if number.size > _MAX_SIZE or zero.size > _MAX_SIZE:
        return False
    atoms = sorted({a.key for x in (number, zero) for a in _atoms(x)})
    if len(atoms) > _MAX_ATOMS:
        return False
    names = tuple(f"a{i}" for i in range(len(atoms)))
    context = flint.fmpq_mpoly_ctx.get(names, "degrevlex")
    variables = dict(zip(atoms, context.gens(), strict=True))
    fractions = [_fraction(x, variables, context.constant(1)) for x in (number, zero)]
    if None in fractions:
        return False
    (p, _), (r, _) = fractions  # type: ignore[misc]  # neither is None
    return bool(p.is_zero()) or (not r.is_zero() and bool((p % r).is_zero()))


def _atoms(number: Real) -> Iterator[Real]:
    """Yield the parts of a number that are not combined by arithmetic."""
    waiting, seen = [number], set[int]()
    while waiting:
        part = waiting.pop()
        if id(part) in seen or part.rational is not None:
            continue
        seen.add(id(part))
        if part.operation in _ARITHMETIC:
            waiting.extend(part.arguments)
        elif _exponent(part) is not None:
            waiting.append(part.arguments[0])
        else:
            yield part


def _exponent(number: Real) -> int | None:
    """Return the exponent of an integer power that is multiplied out, else None."""
    if number.operation != "power":
        return None
    exponent = number.arguments[1].rational
    if exponent is None or exponent.q != 1 or abs(exponent) > _MAX_POWER:
        return None
    return int(exponent.p)


def _fraction(number: Real, variables: dict[bytes, Any], one: Any) -> _Fraction | None:
    """Return a number as a fraction of polynomials; None if these are too long."""
    if number.rational is not None:
        return one * number.rational, one
    exponent = _exponent(number)
    if exponent is None and number.operation not in _ARITHMETIC:
        return variables[number.key], one
    operands = number.arguments if exponent is None else number.arguments[:1]
    parts = [_fraction(x, variables, one) for x in operands]
    if any(part is None for part in parts):
        return None
    fractions = [part for part in parts if part is not None]
    if exponent is None:
        result = _combined(number.operation, fractions)
    else:
        p, q = fractions[0] if exponent >= 0 else fractions[0][::-1]
        if len(p) * len(q) > _MAX_POWER:
            return None
        result = p ** abs(exponent), q ** abs(exponent)
    return None if max(map(len, result)) > _MAX_TERMS else result


def _combined(operation: str, fractions: list[_Fraction]) -> _Fraction:
    (p, q), (r, s) = fractions[0], fractions[-1]
    if operation == "negative":
        return -p, q
    if operation == "multiply":
        return p * r, q * s
    if operation == "divide":
        return p * s, q * r
    if q == s:
        return (p + r if operation == "add" else p - r), q
    return (p * s + r * q if operation == "add" else p * s - r * q), q * s
