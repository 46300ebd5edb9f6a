"""A Program on germs: its exact behaviour on one side of a point.

Read on x0 + s·t with s = 1 or -1 a Program gives its one-sided series; read on constants it
gives its exact value.  A sub-expression that is undefined there is `Outside`, one that could
not be decided is `Unknown`; both are values, so that a branch not taken does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.series.germ_columns import COLUMNS, as_germ
from symdiff.arithmetics.series.germ_values import (
    ORDERS,
    Budget,
    Infinite,
    Outside,
    Unknown,
    Value,
    beyond,
)
from symdiff.arithmetics.series.puiseux import (
    NOTHING,
    Algebra,
    Germ,
    OrderError,
    constant,
)
from symdiff.arithmetics.series.reals import PI, E, Real, UndecidedError, apply
from symdiff.catalogue import Function
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.parser import domain, template

__all__ = ["ORDERS", "Budget", "Germs", "Infinite", "Outside", "Unknown", "Value", "evaluate"]

_START: Final = Fraction(1, 64)  # an order that says next to nothing


class Germs:
    """The arithmetic of germs up to one order; see `reading.Arithmetic`."""

    def __init__(self, order: int, budget: Budget) -> None:
        """Start with all of the budget."""
        self.algebra = Algebra(order, budget.bits)
        self._order = order
        self._budget = budget
        self._spent = 0

    def column(self, row: Function) -> Callable[..., Any] | None:
        """Return what a row does to germs; None: read it by its definition."""
        column = COLUMNS.get(row.name)
        if column is not None:
            return column
        if row.definition is not None:
            return None
        if row.derivative is None or row.ball is None:
            raise Unsupported(row.name, "it has no series")
        return lambda germs, *arguments: germs.by_derivative(row, arguments)

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        """Return a literal: a double is exact."""
        return value if isinstance(value, bool) else constant(Real.of(value))

    def constant(self, name: str) -> Value:
        """Return pi, e or inf."""
        return Infinite(1) if name == "inf" else constant({"pi": PI, "e": E}[name])

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply a column where all arguments are known and finite."""
        if row.name not in _SELECTING:
            if row.returns == "real" and row.name not in _TAKES_CONDITIONS:
                arguments = [as_germ(a) for a in arguments]
            refused = self._refused(row, arguments)
            if refused is not None:
                return refused
        try:
            return self._inside(row, arguments) or column(self, *arguments)
        except OrderError as error:
            return Unknown(str(error), order=True)
        except UndecidedError as error:
            return Unknown(f"{row.name}: {error}")
        except ZeroDivisionError:
            return Outside(_DIVISIONS.get(row.name, "a division by zero"))

    def _refused(self, row: Function, arguments: Sequence[Any]) -> Outside | Unknown | None:
        """Return what stands for the result where an argument is no finite number."""
        self._spent += 1
        if self._spent > self._budget.work:
            return Unknown("it takes more work than the budget allows")
        for kind in (Outside, Unknown):
            found = next((a for a in arguments if isinstance(a, kind)), None)
            if found is not None:
                return found
        if row.name not in _TAKES_INFINITE and any(isinstance(a, Infinite) for a in arguments):
            return Unknown("arithmetic with inf")
        return None

    def _inside(self, row: Function, arguments: Sequence[Any]) -> Outside | Unknown | None:
        condition = domain(row.name) if row.name in _CHECKED else None
        if condition is None:
            return None
        names = row.parameter_names
        found = read(condition, self, dict(zip(names, arguments, strict=False)))
        if found is True:
            return None
        return Outside(beyond(row.name)) if found is False else found

    def by_derivative(self, row: Function, arguments: Sequence[Any]) -> Germ:
        """Return f(g) = f(a) + ∫ f'(g)·g' dt for the one argument g that varies."""
        moving = [i for i, g in enumerate(arguments) if not g.is_constant]
        if len(moving) > 1:
            message = "it has a series in one variable only"
            raise UndecidedError(message)
        i = moving[0] if moving else len(arguments) - 1
        parts = self.algebra.split(arguments[i])
        if isinstance(parts, int):
            message = "an infinite argument"
            raise UndecidedError(message)
        points = [parts[0] if i == j else g.constant for j, g in enumerate(arguments)]
        start = apply(row.name, *points)
        if not start.ball(64).is_finite():
            message = "its value at the limit of its argument is infinite"
            raise UndecidedError(message)
        if not moving:
            return constant(start)
        text = row.derivative[i] if isinstance(row.derivative, tuple) else row.derivative
        if text is None:
            message = f"it has no derivative by its {row.parameters[i].name}"
            raise UndecidedError(message)
        names = row.parameter_names
        return self._integral(text, dict(zip(names, arguments, strict=True)), names[i], start)

    def _integral(self, text: str, bound: dict[str, Germ], variable: str, start: Real) -> Germ:
        """Integrate, again and again where the derivative is given by the result itself."""
        if self._order <= 1:
            return Germ(constant(start).terms, 1)
        algebra = self.algebra
        shorter = Germs(self._order - 1, self._budget)
        speed = algebra.differentiate(bound[variable])
        program = template(text)
        result = Germ(constant(start).terms, None if speed == NOTHING else _START)
        rounds = self._order if "result" in program.inputs else 1
        for _ in range(rounds):
            slope = read(program, shorter, {**bound, "result": result})
            if not isinstance(slope, Germ):
                raise OrderError if getattr(slope, "order", False) else UndecidedError(slope.reason)
            before, result = result, algebra.integrate(algebra.multiply(slope, speed), start)
            if result.order is not None and result.order == before.order:
                break
        return result


# These look at conditions or branches that may be undefined or unknown.
_SELECTING = frozenset({"where", "ifelse", "logical_and", "logical_or"})
_TAKES_CONDITIONS = frozenset({"float"})
_TAKES_INFINITE = frozenset(
    {
        *("add", "subtract", "negative", "positive", "abs", "sign", "maximum", "minimum", "divide"),
        *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
    }
)
# The others find out by themselves whether they are inside their domain.
_CHECKED = frozenset({"asin", "atan2", "erfinv", "gamma", "lgamma", "digamma"})
_DIVISIONS: Mapping[str, str] = MappingProxyType(
    {"log": "a logarithm of zero", "power": "a negative power of zero"}
)


def evaluate(  # noqa: PLR0913  (where, how far, and what is known)
    program: Program,
    inputs: Mapping[str, Value],
    order: int = ORDERS[0],
    budget: Budget | None = None,
    *,
    held: Mapping[int, Value] | None = None,
    known: dict[int, Value] | None = None,
) -> Value:
    """Return a Program's germ.

    Parameters
    ----------
    program
        What to read.
    inputs
        A germ for every variable: `puiseux.line` where it moves, `puiseux.constant` else.
    order
        Terms from t^order on are dropped.
    budget
        Precision and work.
    held
        Germs of nodes that are taken as they are: detached parts are constants.
    known
        What the germs of all nodes are added to.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> from symdiff.arithmetics.series.puiseux import line
    >>> evaluate(parse("abs(x)*exp(x)"), {"x": line(Real.of(0), Real.of(-1))}, order=3)
    Germ(terms={(1, 0): 1, (2, 0): -1}, order=3)
    """
    try:
        germs = Germs(order, budget or Budget())
        found: Value = read(program, germs, inputs, held=held, known=known)
    except Unsupported as error:
        return Unknown(str(error))
    except RecursionError:
        return Unknown("it is nested too deeply")
    return found
