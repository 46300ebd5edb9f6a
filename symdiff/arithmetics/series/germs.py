"""The arithmetic of germs: the exact behaviour of a Program on one side of a point.

Evaluated on the germ x0 + s·t with s = 1 or -1, a Program gives its one-sided series; evaluated on
constants, it gives its exact value.  A sub-expression that is undefined has the value `Outside`,
one that could not be decided has the value `Unknown`.  They are values and not exceptions, since
the sub-expression may be in a branch that is not taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from symdiff.arithmetics.extended import AT_INFINITY
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.series.exponentials import exponential_column, lowered
from symdiff.arithmetics.series.germ_choices import as_germ
from symdiff.arithmetics.series.germ_columns import (
    COLUMNS,
    at_infinity,
    by_definition,
    by_derivative,
)
from symdiff.arithmetics.series.germ_values import (
    Exponential,
    Infinite,
    Oscillation,
    Outside,
    Unknown,
    Value,
    domain_message,
    named,
)
from symdiff.arithmetics.series.oscillations import COLUMNS as OSCILLATION_COLUMNS
from symdiff.arithmetics.series.oscillations import limit_of, smooth_function
from symdiff.arithmetics.series.puiseux import (
    ZERO_GERM,
    ZERO_IN_DOUBLES,
    Algebra,
    Germ,
    OrderError,
    constant_germ,
)
from symdiff.arithmetics.series.reals import MAX_BITS, PI, E, Real, UndecidedError
from symdiff.catalogue import Function
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.parser import closed_domain, domain, template

__all__ = [
    "ORDERS",
    "Budget",
    "Exponential",
    "Germs",
    "Infinite",
    "Oscillation",
    "Outside",
    "Unknown",
    "Value",
    "evaluate",
]

ORDERS: Final = (4, 8, 16, 32)  # orders of series that are tried one after the other


@dataclasses.dataclass(frozen=True, slots=True)
class Budget:
    """Limits on the work for one point.

    Attributes
    ----------
    bits
        The highest precision, in bits, that is tried to prove a sign.
    orders
        The orders of series that are tried, one after the other.
    work
        The number of functions that are applied before the point is left undecided.
    """

    bits: int = MAX_BITS
    orders: tuple[int, ...] = ORDERS
    work: int = 50_000


class Germs:
    """The arithmetic of germs up to one order; see `reading.Arithmetic`.

    Attributes
    ----------
    algebra
        The operations on germs, up to that order.
    """

    def __init__(self, order: int, budget: Budget) -> None:
        """Start with the whole budget."""
        self.algebra = Algebra(order, budget.bits)
        self._budget = budget
        self._spent = 0

    def lower(self) -> Germs:
        """Return the arithmetic up to one order less, with the whole budget again."""
        return Germs(self.algebra.order - 1, self._budget)

    def column(self, row: Function) -> Callable[..., Any] | None:
        """Return the row's function on germs, or None if its definition is to be evaluated."""
        column = COLUMNS.get(row.name)
        if column is not None:
            return column
        if row.definition is not None:
            return by_definition(row) if row.name in AT_INFINITY else None
        if row.derivative is None or row.ball is None:
            raise Unsupported(row.name, "it has no series")
        return lambda germs, *arguments: by_derivative(germs, row, arguments)

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        """Return a literal as a germ; a double is taken exactly."""
        return value if isinstance(value, bool) else constant_germ(Real.of(value))

    def constant(self, name: str) -> Value:
        """Return pi, e or inf."""
        return Infinite(1) if name == "inf" else constant_germ({"pi": PI, "e": E}[name])

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply a column; return `Outside` or `Unknown` if no value is proved."""
        self._spent += 1
        are_germs = _ONLY_GERMS.issuperset(map(type, arguments))  # the usual case
        if row.needs_arguments:
            if row.returns == "real" and not row.takes_condition and not are_germs:
                arguments = [as_germ(a) for a in arguments]
            obstacle = self._obstacle(row, arguments, are_germs=are_germs)
            if obstacle is not None:
                return obstacle
        if not row.short_circuits and not are_germs:
            column = self._column_for(row, column, arguments)
        try:
            result = self._domain_obstacle(row, arguments) or column(self, *arguments)
        except OrderError as error:
            return Unknown(str(error), order=True)
        except UndecidedError as error:
            return Unknown(str(error), function=row.written)
        except ZeroDivisionError:
            return Outside(_DIVISIONS.get(row.name, "a division by zero"), "inf")
        return _with_zero_in_doubles(row, arguments, result)

    def _column_for(
        self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]
    ) -> Callable[..., Any]:
        """Return what applies a row to arguments that may be no germs."""
        if any(isinstance(a, Oscillation) for a in arguments):
            return lambda _, *values: self._of_oscillation(row, column, values)
        return exponential_column(row.name, column, self.algebra, arguments) or column

    def _of_oscillation(
        self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]
    ) -> Any:
        """Return the value of a row at arguments of which one oscillates."""
        values = [lowered(self.algebra, a) for a in arguments]
        own = OSCILLATION_COLUMNS.get(row.name)
        if own is not None and all(isinstance(a, Germ | Oscillation) for a in values):
            return own(self.algebra, *values)
        (x,) = values if row.name in _SMOOTH else (None,)
        if not isinstance(x, Oscillation):
            message = "not implemented for an argument that oscillates near the point"
            raise UndecidedError(message)
        limit = limit_of(self.algebra, x)
        here = {row.parameter_names[0]: constant_germ(limit)}
        try:
            value = column(self, constant_germ(limit))
        except ZeroDivisionError:
            message = "its argument oscillates near the end of its domain"
            raise UndecidedError(message) from None
        slope = read(template(str(row.derivative)), self, {**here, "result": value})
        if not isinstance(slope, Germ):
            message = "its derivative at the limit of its argument is not known"
            raise UndecidedError(message)
        return smooth_function(
            self.algebra, x, lambda head: column(self, head), slope.constant, limit
        )

    def defined(self, row: Function, arguments: Sequence[Any], result: Any) -> Any:
        """Return the result of a definition, undefined where an argument is."""
        undefined = _undefined(row, arguments) if row.needs_arguments else None
        return undefined or named(row, arguments, result)

    def _obstacle(self, row: Function, arguments: Sequence[Any], *, are_germs: bool) -> Any:
        """Return the row's value if the budget is spent or an argument is not finite, else None."""
        if self._spent > self._budget.work:
            return Unknown("the proof takes more work than the budget allows")
        if are_germs:
            return None
        undefined = _undefined(row, arguments)
        if undefined is not None:
            return undefined
        if row.name not in _TAKES_INFINITE and any(isinstance(a, Infinite) for a in arguments):
            return at_infinity(self, row, arguments)
        return None

    def _domain_obstacle(self, row: Function, arguments: Sequence[Any]) -> Outside | Unknown | None:
        """Return None if the arguments are proved to be in the domain, else the row's value."""
        condition = domain(row.name) if row.name in _CHECKED else None
        if condition is None:
            return None
        names = row.parameter_names
        in_domain = read(condition, self, dict(zip(names, arguments, strict=False)))
        if in_domain is False:
            is_nan = row.has_closed_domain or self._is_beyond_ends(row, arguments)
            return Outside(domain_message(row.name), "nan" if is_nan else "")
        undecided: Outside | Unknown | None = None if in_domain is True else in_domain
        return named(row, arguments, undecided)  # type: ignore[no-any-return]

    def _is_beyond_ends(self, row: Function, arguments: Sequence[Any]) -> bool:
        """Return whether arguments are proved to lie outside an open interval and off its ends.

        In doubles the function is NaN there; at an end it may be infinite.
        """
        condition = closed_domain(row.name)
        names = row.parameter_names
        inputs = dict(zip(names, arguments, strict=False))
        return condition is not None and read(condition, self, inputs) is False


def _with_zero_in_doubles(row: Function, arguments: Sequence[Any], result: Any) -> Any:
    """Return a result that is known to be 0 in doubles only if its arguments are."""
    if type(result) is not Germ or result.terms or result.order is not None:
        return result
    numbers = [a for a in arguments if isinstance(a, Germ)]
    if not numbers:
        return result
    if not all(a.zero_in_doubles for a in numbers):
        return ZERO_GERM
    return ZERO_IN_DOUBLES if row.is_polynomial else result


def _undefined(row: Function, arguments: Sequence[Any]) -> Outside | Unknown | None:
    """Return an argument that is not defined, else one that is undecided, else None."""
    for argument in arguments:
        if isinstance(argument, Outside):
            is_divisor = row.operator == "/" and argument is arguments[-1]
            is_kept = row.role == "arithmetic" and not (row.is_power or is_divisor)
            return argument if is_kept or argument.in_doubles != "inf" else Outside(argument.reason)
    unknown: Unknown | None = next((a for a in arguments if isinstance(a, Unknown)), None)
    return unknown


_ONLY_GERMS: Final = frozenset({Germ})
# Rows that accept inf and -inf as arguments.
_TAKES_INFINITE = frozenset(
    {
        *("add", "subtract", "negative", "positive", "abs", "sign", "maximum", "minimum", "divide"),
        *("multiply", "power", "logaddexp"),
        *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
    }
)
# Rows of one argument, smooth inside their domains, that are applied to small oscillations.
_SMOOTH = frozenset({"exp", "sin", "cos", "atan", "tanh", "erf", "log", "sqrt"})
# Rows whose domain is checked here; the other columns check their arguments themselves.
_CHECKED = frozenset({"asin", "atan2", "erfinv", "gamma", "lgamma", "digamma"})
# Messages for a ZeroDivisionError in a row's column.
_DIVISIONS: Mapping[str, str] = MappingProxyType(
    {"log": "a logarithm of zero", "power": "a negative power of zero"}
)


def evaluate(  # noqa: PLR0913  (those of `read`, with an order and a budget)
    program: Program,
    inputs: Mapping[str, Value],
    order: int = ORDERS[0],
    budget: Budget | None = None,
    *,
    held: Mapping[int, Value] | None = None,
    cache: dict[int, Value] | None = None,
) -> Value:
    """Return the germ of a Program.

    Parameters
    ----------
    program
        The program to read.
    inputs
        A germ for every variable: `puiseux.affine_germ` for the one that moves,
        `puiseux.constant_germ` for the others.
    order
        Terms from t^order on are dropped.
    budget
        Limits on precision and work; the default `Budget` if None.
    held
        Values of nodes that are not computed but taken from here, such as detached parts.
    cache
        Values of nodes by index: those in it are used, those computed here are added to it.
        With a cache, `held` is not used.

    Returns
    -------
    Value
        `Outside` if the program is proved to be undefined, `Unknown` if nothing is proved.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> from symdiff.arithmetics.series.puiseux import affine_germ
    >>> x = affine_germ(Real.of(0), Real.of(-1))
    >>> evaluate(parse("abs(x)*exp(x)"), {"x": x}, order=3)
    Germ(terms={(1, 0): 1, (2, 0): -1}, order=3)
    """
    try:
        germs = Germs(order, budget or Budget())
        value: Value = read(program, germs, inputs, held=held, cache=cache)
    except Unsupported as error:
        return Unknown(str(error))
    except RecursionError:
        return Unknown("the expression is nested too deeply")
    return value
