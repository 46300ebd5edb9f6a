"""Identities of exact numbers as fractions of polynomials in their transcendental parts.

A number is read as P/Q, where P and Q are polynomials with rational coefficients in *atoms*: the
parts of its expression that are not sums, products, quotients or integer powers.  An identity of
these fractions holds whatever the atoms are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import flint

from symdiff.arithmetics.series.real_numbers import Real

_MAX_SIZE: Final = 200  # most operations of a number that is read as a fraction
_MAX_ATOMS: Final = 12
_MAX_TERMS: Final = 500  # most terms of a polynomial
_MAX_POWER: Final = 32  # largest integer power that is multiplied out
_ARITHMETIC: Final = frozenset({"add", "subtract", "multiply", "divide", "negative"})

_Fraction = tuple[Any, Any]  # numerator and denominator, polynomials of python-flint


def is_zero_if(number: Real, zeros: Sequence[Real]) -> bool:
    """Return whether a number is proved to be zero because other numbers are.

    The numerator P of the number is divided by the numerators of the zeros in turn, and by the
    relations of its atoms: sin² + cos² = 1, exp(x)·exp(-x) = 1, and (x^(1/n))^n = x.  If nothing
    remains, P is a combination of these, and so is zero.

    Parameters
    ----------
    number
        A number; the denominators of its expression are not zero.
    zeros
        Numbers that are known to be zero.

    Examples
    --------
    >>> from symdiff.arithmetics.series.real_numbers import PI, E
    >>> is_zero_if(PI * PI - E * E, [PI - E]), is_zero_if(PI * PI + E * E, [PI - E])
    (True, False)
    """
    numbers = [number, *(zero for zero in zeros if zero.size <= _MAX_SIZE)]
    if number.size > _MAX_SIZE:
        return False
    atoms = {a.key: a for x in numbers for a in _atoms(x)}
    numbers.extend(_relations(list(atoms.values())))
    atoms.update({a.key: a for x in numbers for a in _atoms(x)})
    if len(atoms) > _MAX_ATOMS:
        return False
    names = tuple(f"a{i}" for i in range(len(atoms)))
    context = flint.fmpq_mpoly_ctx.get(names, "degrevlex")
    variables = dict(zip(sorted(atoms), context.gens(), strict=True))
    first, *others = [_fraction(x, variables, context.constant(1)) for x in numbers]
    if first is None:
        return False
    divisors = [p for p, _ in filter(None, others) if not p.is_zero()]
    rest = first[0]
    for divisor in (*divisors, *divisors):  # a remainder may be divisible again
        rest = rest % divisor
    return bool(rest.is_zero())


def _relations(atoms: Sequence[Real]) -> Iterator[Real]:
    """Yield expressions of atoms that are zero whatever the arguments of the atoms are."""
    calls = {(a.operation, *(x.key for x in a.arguments)): a for a in atoms}
    for atom in atoms:
        if atom.operation == "sin":
            cosine = calls.get(("cos", atom.arguments[0].key))
            if cosine is not None:
                yield atom * atom + cosine * cosine - Real.of(1)
        if atom.operation == "exp":
            inverse = calls.get(("exp", (-atom.arguments[0]).key))
            if inverse is not None:
                yield atom * inverse - Real.of(1)
        degree = _root_degree(atom)
        if degree is not None:
            yield Real(None, "power", (atom, Real.of(degree))) - atom.arguments[0]


def _root_degree(number: Real) -> int | None:
    """Return n of a number that is computed as x^(1/n), else None."""
    if number.operation == "sqrt":
        return 2
    exponent = number.arguments[1].rational if number.operation == "power" else None
    if exponent is None or exponent.p != 1 or not 1 < exponent.q <= _MAX_POWER:
        return None
    return int(exponent.q)


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
