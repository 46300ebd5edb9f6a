"""The arithmetic of sympy: real symbols, exact integers, and decimals as doubles."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, Final

import sympy as sp
import sympy.core.random as shuffling
from sympy.logic.boolalg import Boolean

from symdiff.arithmetics.reading import read
from symdiff.catalogue import Function
from symdiff.program import Program

_LARGEST_POWER_BITS = 8192  # bits of an integer power that sympy may evaluate
_LARGEST_FACTORIAL = 200  # largest integer argument at which sympy may evaluate gamma
_MOST_COMPARED = 8  # operands of one Max or Min that sympy may compare with each other
_DOUBLE_DIGITS = 15  # sympy's Float with 15 digits has the 53 bits of a double
_CONSTANTS = {"pi": sp.pi, "e": sp.E, "inf": sp.oo}


@contextlib.contextmanager
def deterministic_sympy() -> Iterator[None]:
    """Make sympy deduce assumptions in a fixed order instead of a random one.

    Its answer for a number that it only evaluates numerically may depend on that order.
    """
    before = shuffling.rng.getstate()
    shuffling.seed(0)
    try:
        yield
    finally:
        shuffling.rng.setstate(before)


@dataclasses.dataclass(frozen=True, slots=True)
class Symbolic:
    """The arithmetic of sympy; see `reading.Arithmetic`.

    Attributes
    ----------
    exact
        Whether a decimal is read as the rational number that its double is; otherwise it is a
        Float with 53 bits, as if it were typed into sympy.
    """

    exact: bool = False

    def column(self, row: Function) -> Callable[..., Any] | None:
        """Return the row's sympy column."""
        return row.column("sympy")

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        """Return a literal as a sympy object."""
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
        """Apply the column; an operator takes a condition as 0 or 1."""
        if row.name in _GUARDED and _is_enormous(row, arguments):
            return self._unevaluated(row.name, arguments)
        if row.is_operator:
            arguments = [_as_number(a) for a in arguments]
        if column in _EXTREMES:
            operands = [operand for a in arguments for operand in _operands(column, a)]
            if len(operands) > _MOST_COMPARED:
                return column(*operands, evaluate=False)
        return column(*arguments)

    def _unevaluated(self, function: str, arguments: Sequence[Any]) -> sp.Expr:
        """Return a function of integers without computing the enormous integer."""
        if self.exact:
            return _GUARDED[function](*arguments, evaluate=False)
        # At the next derivative sympy would evaluate a function of an Integer, but not of a Float.
        return _GUARDED[function](sp.Float(arguments[0], _DOUBLE_DIGITS), *arguments[1:])


# Functions that sympy evaluates at integers, however large the result.
_GUARDED: dict[str, Callable[..., Any]] = {
    "power": sp.Pow,
    "gamma": sp.gamma,
    "lgamma": sp.loggamma,
    "digamma": sp.digamma,
}


# sympy compares all pairs of operands whenever it makes one of these, to drop operands that are
# never the largest. The derivative of one with n operands has n of them, with n - 1 operands each.
_EXTREMES: Final = (sp.Max, sp.Min)


def _operands(extreme: Callable[..., Any], value: Any) -> Sequence[Any]:
    """Return the operands of a maximum or a minimum, or the value itself if it is none."""
    is_nested = isinstance(value, sp.Basic) and value.func is extreme
    return value.args if is_nested else (value,)


def _is_enormous(row: Function, arguments: Sequence[Any]) -> bool:
    """Return whether sympy would evaluate a function to an enormous integer."""
    if row.is_power:
        base, exponent = arguments
        if not (isinstance(base, sp.Rational) and isinstance(exponent, sp.Integer)):
            return False
        bits = max(int(base.p).bit_length(), int(base.q).bit_length())
        return bool(bits * abs(int(exponent)) > _LARGEST_POWER_BITS)
    (argument,) = arguments
    return isinstance(argument, sp.Integer) and bool(argument > _LARGEST_FACTORIAL)


def _as_number(value: Any) -> Any:
    """Return a condition as 0 or 1, and anything else unchanged."""
    # A Symbol is a Boolean to sympy, but a number here.
    is_condition = isinstance(value, Boolean) and not isinstance(value, sp.Symbol)
    return sp.Piecewise((1, value), (0, True)) if is_condition else value


def symbols(program: Program) -> dict[str, sp.Symbol]:
    """Return a real symbol for every variable of a Program."""
    return {name: sp.Symbol(name, real=True) for name in program.inputs}


def expression(program: Program, *, exact: bool = False) -> sp.Expr:
    """Return a Program as a sympy expression.

    Parameters
    ----------
    program
        The program; sympy simplifies it as usual.
    exact
        Whether decimals are rational numbers instead of Floats; see `Symbolic`.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> expression(parse("sqrt(x**2) + 1/3"))
    Abs(x) + 1/3
    """
    return read(program, Symbolic(exact=exact), symbols(program))
