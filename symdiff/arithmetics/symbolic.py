"""A Program in sympy: real symbols, exact integers, and decimals as the doubles they are."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
import sympy.core.random as shuffling
from sympy.logic.boolalg import Boolean

from symdiff.arithmetics.reading import read
from symdiff.catalogue import Function
from symdiff.program import Program

_LARGEST_POWER_BITS = 8192  # of an integer power that sympy may compute
_LARGEST_FACTORIAL = 200
_DOUBLE_DIGITS = 15  # sympy's Float with 15 digits has the 53 bits of a double
_CONSTANTS = {"pi": sp.pi, "e": sp.E, "inf": sp.oo}


@contextlib.contextmanager
def in_one_order() -> Iterator[None]:
    """Have sympy look at facts in the same order whenever it is asked; else it shuffles them.

    What it says of a number that it only evaluates may depend on that order.
    """
    before = shuffling.rng.getstate()
    shuffling.seed(0)
    try:
        yield
    finally:
        shuffling.rng.setstate(before)


@dataclasses.dataclass(frozen=True, slots=True)
class Symbolic:
    """The sympy column.

    `exact` reads a decimal as the rational number that its double is; otherwise it stays a
    53-bit Float, as somebody who types it into sympy has it.
    """

    exact: bool = False

    def column(self, row: Function) -> Callable[..., Any] | None:
        """Return the row's sympy column."""
        return row.column("sympy")

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        """Return a literal as sympy's."""
        if isinstance(value, bool):
            return sp.true if value else sp.false
        if isinstance(value, int):
            return sp.Integer(value)
        if self.exact:
            return sp.Rational(*Fraction(value).as_integer_ratio())
        return sp.Float(value, _DOUBLE_DIGITS)

    def constant(self, name: str) -> sp.Expr:
        """Return the exact constant."""
        return _CONSTANTS[name]

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply the column; a condition among numbers counts as 0 or 1."""
        if row.name in _GUARDED and _is_hostile(row.name, arguments):
            return self._guarded(row.name, arguments)
        if row.group == "operators":
            arguments = [_as_number(a) for a in arguments]
        return column(*arguments)

    def _guarded(self, function: str, arguments: Sequence[Any]) -> sp.Expr:
        if self.exact:
            return _GUARDED[function](*arguments, evaluate=False)
        # Left unevaluated, it would be computed at the next derivative.
        return _GUARDED[function](sp.Float(arguments[0], _DOUBLE_DIGITS), *arguments[1:])


_GUARDED: dict[str, Callable[..., Any]] = {
    "power": sp.Pow,
    "gamma": sp.gamma,
    "lgamma": sp.loggamma,
    "digamma": sp.digamma,
}


def _is_hostile(function: str, arguments: Sequence[Any]) -> bool:
    """Tell whether sympy would compute an enormous integer for these arguments."""
    if function == "power":
        base, exponent = arguments
        if not (isinstance(base, sp.Rational) and isinstance(exponent, sp.Integer)):
            return False
        bits = max(int(base.p).bit_length(), int(base.q).bit_length())
        return bool(bits * abs(int(exponent)) > _LARGEST_POWER_BITS)
    (argument,) = arguments
    return isinstance(argument, sp.Integer) and bool(argument > _LARGEST_FACTORIAL)


def _as_number(value: Any) -> Any:
    # A sympy Symbol is a Boolean too, and yet a number here.
    is_condition = isinstance(value, Boolean) and not isinstance(value, sp.Symbol)
    return sp.Piecewise((1, value), (0, True)) if is_condition else value


def symbols(program: Program) -> dict[str, sp.Symbol]:
    """Return a real symbol for every variable."""
    return {name: sp.Symbol(name, real=True) for name in program.inputs}


def expression(program: Program, *, exact: bool = False) -> sp.Expr:
    """Return a Program as sympy reads it.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> expression(parse("sqrt(x**2) + 1/3"))
    Abs(x) + 1/3
    """
    return read(program, Symbolic(exact=exact), symbols(program))
