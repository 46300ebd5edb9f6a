"""Read a Program as a polynomial in one variable with rational coefficients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NoReturn

from symdiff.arithmetics.reading import read
from symdiff.catalogue import Function
from symdiff.errors import Unsupported
from symdiff.program import Program

Polynomial = tuple[Fraction, ...]  # the coefficients of 1, x, x**2, ...; the last is not 0

_MAX_DEGREE = 24
_MAX_BITS = 8192  # of numerator and denominator of a coefficient


def as_polynomial(
    program: Program, variable: str, fixed: Mapping[str, Fraction]
) -> Polynomial | None:
    """Return a Program as a polynomial in one of its variables, or None if it is not one.

    Parameters
    ----------
    program
        A scalar program.
    variable
        The polynomial's variable.
    fixed
        Rational values of the program's other inputs.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> as_polynomial(parse("(x - y)**2"), "x", {"y": Fraction(1)})
    (Fraction(1, 1), Fraction(-2, 1), Fraction(1, 1))
    """
    inputs: dict[str, Polynomial] = {name: _constant(value) for name, value in fixed.items()}
    inputs[variable] = (Fraction(0), Fraction(1))
    try:
        result: Polynomial = read(program, _POLYNOMIALS, inputs)
    except (Unsupported, ArithmeticError):
        return None
    return result


class _Polynomials:
    """Sums, products, quotients by constants, and powers with small integer exponents."""

    def column(self, row: Function) -> Callable[..., Any] | None:
        column = _COLUMNS.get(row.name)
        if column is None and row.definition is None:
            raise Unsupported(row.name, "not a polynomial")
        return column

    def number(self, value: float | bool) -> Polynomial:  # noqa: FBT001
        return _constant(Fraction(value))

    def constant(self, name: str) -> Polynomial:
        raise Unsupported(name, "not rational")

    def call(
        self, row: Function, column: Callable[..., Polynomial], arguments: Sequence[Any]
    ) -> Polynomial:
        result = column(*arguments)
        if any(c.numerator.bit_length() + c.denominator.bit_length() > _MAX_BITS for c in result):
            raise Unsupported(row.name, "the coefficients are too large")
        return result


def _refuse(function: str, reason: str) -> NoReturn:
    raise Unsupported(function, reason)


def _trim(coefficients: Sequence[Fraction]) -> Polynomial:
    length = len(coefficients)
    while length and coefficients[length - 1] == 0:
        length -= 1
    return tuple(coefficients[:length])


def _constant(value: Fraction) -> Polynomial:
    return _trim((value,))


def _add(p: Polynomial, q: Polynomial) -> Polynomial:
    longer, shorter = (p, q) if len(p) >= len(q) else (q, p)
    head = [a + b for a, b in zip(longer, shorter, strict=False)]
    return _trim([*head, *longer[len(shorter) :]])


def _negate(p: Polynomial) -> Polynomial:
    return tuple(-a for a in p)


def _multiply(p: Polynomial, q: Polynomial) -> Polynomial:
    if len(p) + len(q) - 2 > _MAX_DEGREE:
        _refuse("multiply", "the degree is too high")
    product = [Fraction(0)] * max(0, len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            product[i + j] += a * b
    return _trim(product)


def _divide(p: Polynomial, q: Polynomial) -> Polynomial:
    if len(q) != 1:
        _refuse("divide", "not by a constant")
    return tuple(a / q[0] for a in p)


def _power(p: Polynomial, q: Polynomial) -> Polynomial:
    exponent = q[0] if q else Fraction(0)
    if len(q) > 1 or exponent.denominator != 1 or (len(p) > 1 and exponent < 0):
        _refuse("power", "the exponent is not a small integer")
    if len(p) <= 1:
        base = p[0] if p else Fraction(0)
        bits = base.numerator.bit_length() + base.denominator.bit_length()
        if bits * abs(exponent) > _MAX_BITS:
            _refuse("power", "the value is too large")
        return _constant(base ** int(exponent))
    result: Polynomial = (Fraction(1),)
    for _ in range(int(exponent)):
        result = _multiply(result, p)
    return result


_COLUMNS: Mapping[str, Callable[..., Polynomial]] = MappingProxyType(
    {
        "add": _add,
        "subtract": lambda p, q: _add(p, _negate(q)),
        "multiply": _multiply,
        "divide": _divide,
        "power": _power,
        "negative": _negate,
        "positive": lambda p: p,
    }
)
_POLYNOMIALS = _Polynomials()
