"""A Program on jets: balls for its value and its gradient at once.

Where every switch is proved not to vanish and every function is inside its domain, the
gradient is that of a smooth function, and its balls are proved.  Where a switch may vanish,
what happens is the choice of a `Ties`: give up, or take both branches to bound rounding, or
take one to see what it gives.

Source: forward mode as in Griewank & Walther 2008, section 3.1.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

import flint

from symdiff.arithmetics.balls import BALLS, EMPTY, Ball, domain_test, formula
from symdiff.arithmetics.reading import read
from symdiff.catalogue import Function
from symdiff.catalogue.enclosures import conjunction, disjunction, integer_power, negation
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.parser import definition
from symdiff.program.values import DTYPES, Dtype


@dataclasses.dataclass(frozen=True, slots=True)
class Jet:
    """A value and its gradient by the inputs that move.

    Attributes
    ----------
    value
        A ball.
    gradient
        A ball for every moving input; empty where it is zero.
    """

    value: Ball
    gradient: tuple[Ball, ...] = ()

    @property
    def is_finite(self) -> bool:
        """Whether the value and the gradient are known: nothing cancels what is not."""
        return bool(self.value.is_finite()) and all(g.is_finite() for g in self.gradient)


class TieError(ArithmeticError):
    """A switch may vanish here, or a function be outside its domain: nothing is proved."""


class Ties(Protocol):
    """What to do where a switch is not told from zero."""

    def sign(self, switch: Jet) -> int | None:
        """Return the sign to go on with, or None: both."""

    def steps(self, argument: Jet) -> None:
        """Take note that a step function may jump here."""

    def rounded(self, jet: Jet, row: Function, arguments: Sequence[Any]) -> Jet:
        """Return the result of an operation as the engine on trial may have it."""

    def widened(self, row: Function, values: list[Ball]) -> list[Ball]:
        """Return the arguments of a function as the engine on trial may take them."""


class Exact:
    """Takes results as they are."""

    def rounded(self, jet: Jet, row: Function, arguments: Sequence[Any]) -> Jet:
        """Return it as it is."""
        del row, arguments
        return jet

    def widened(self, row: Function, values: list[Ball]) -> list[Ball]:
        """Return them as they are."""
        del row
        return values


class Strict(Exact):
    """Give up: what is left is proved."""

    def sign(self, switch: Jet) -> int | None:
        """Refuse."""
        raise TieError(str(switch.value))

    def steps(self, argument: Jet) -> None:
        """Refuse."""
        raise TieError(str(argument.value))


class Both:
    """Take both branches: what comes out bounds what rounding can do.

    A switch that is zero exactly is a tie, which no rounding explains: there an engine's own
    choice counts, and the gradient is left as that of the branch of no sign at all.
    """

    def __init__(self, dtype: Dtype = DTYPES["float64"]) -> None:
        """Keep the dtype in which the engine on trial computes."""
        self._ulp = 2.0 ** (1 - dtype.bits)
        self._normal = flint.arb(dtype.smallest_normal)
        self._smallest = dtype.smallest_subnormal

    def sign(self, switch: Jet) -> int | None:
        """Take both."""
        return 0 if switch.value.is_zero() else None

    def steps(self, argument: Jet) -> None:
        """Go on: the ball of the value holds the steps on both sides."""

    def rounded(self, jet: Jet, row: Function, arguments: Sequence[Any]) -> Jet:
        """Add what an engine's own rounding and underflow may cost: a ball holds the true value."""
        del row, arguments
        return Jet(self._inexact(jet.value), tuple(self._inexact(g) for g in jet.gradient))

    def _inexact(self, x: Ball) -> Ball:
        if not x.is_exact():
            x = x + flint.arb(0, abs(x).upper() * self._ulp)
        may_underflow = abs(x) < self._normal and not x.is_zero()
        return x + flint.arb(0, self._smallest) if may_underflow else x

    def widened(self, row: Function, values: list[Ball]) -> list[Ball]:
        """Add two ulps: kernels of special functions reduce their arguments first."""
        if row.group != "special":
            return values
        return [v + flint.arb(0, abs(v).upper() * self._ulp) for v in values]


class Reversed(Both):
    """As `Both`, for reverse mode: what flows back to a node is added up in an order of its own.

    On another way to the same sum partial sums may be larger: an addition costs a rounding of
    both its terms.  So (x - 1) - x has the derivative 0 here, and there ε beside other terms.
    """

    def rounded(self, jet: Jet, row: Function, arguments: Sequence[Any]) -> Jet:
        """Add what rounding may cost, to the slope of a sum as much as for each of its terms."""
        flows = _FLOWS.get(row.name)
        if flows is None or not all(isinstance(a, Jet) for a in arguments):
            return super().rounded(jet, row, arguments)
        value = jet.value
        if row.name in _SUMS:
            value = self._sum(value, [a.value for a in arguments])
        found = flows(*arguments)
        gradient = jet.gradient
        if all(found):  # both move
            gradient = tuple(map(self._spread, gradient, zip(*found, strict=True)))
        return super().rounded(Jet(value, gradient), row, arguments)

    def _sum(self, value: Ball, terms: Sequence[Ball]) -> Ball:
        """Return the value of a sum: in the order of the program."""
        del terms
        return value

    def _spread(self, x: Ball, terms: Sequence[Ball]) -> Ball:
        if any(t.is_zero() for t in terms):
            return x
        return x + flint.arb(0, sum(abs(t).upper() for t in terms) * self._ulp)


class Reordered(Reversed):
    """As `Reversed`, for values too: sums that the engine on trial may add up in any order."""

    def _sum(self, value: Ball, terms: Sequence[Ball]) -> Ball:
        return self._spread(value, terms)


class Jets:
    """The arithmetic of jets; see `reading.Arithmetic`."""

    def __init__(self, ties: Ties) -> None:
        """Keep what to do at ties."""
        self._ties = ties

    def column(self, row: Function) -> Callable[..., Any] | None:
        """Return what a row does to jets; None: read it by its definition."""
        column = _COLUMNS.get(row.name)
        if column is not None:
            return column
        if row.derivative is not None:
            return lambda jets, *arguments: jets.chain(row, arguments)
        if row.definition is None:
            raise Unsupported(row.name, "it has no derivative in ball arithmetic")
        return None if row.domain is None else _defined(row)

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        """Return a literal."""
        return value if isinstance(value, bool) else Jet(flint.arb(value))

    def constant(self, name: str) -> Jet:
        """Return a named constant."""
        return Jet(BALLS.constant(name))

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply a column where the arguments are in the domain."""
        for a in arguments:
            if type(a) is not Jet:
                return self._other(row, column, arguments)
        test = domain_test(row.name)
        if test is not None and row.name != "power":  # it sees to its domain itself
            inside = test([a.value for a in arguments])
            if inside is not True:
                return EMPTY if inside is False else NOTHING
        return self._rounded(row, column, arguments)

    def _other(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply a column to what is no jet: conditions, settings, or nothing at all."""
        if row.name in _SELECTING:
            return self._rounded(row, column, arguments)
        if any(a is EMPTY for a in arguments):
            return EMPTY
        jets = [_as_jet(a) for a in arguments] if row.returns == "real" else arguments
        if all(type(a) is Jet for a in jets):
            return self.call(row, column, jets)
        return self._rounded(row, column, jets)

    def _rounded(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        result = column(self, *arguments)
        if type(result) is not Jet:
            return result
        return self._ties.rounded(result, row, arguments)

    def chain(self, row: Function, arguments: Sequence[Jet]) -> Jet:
        """Return f(u) with the gradient Σ ∂f/∂u_i·u_i'."""
        values = self._ties.widened(row, [a.value for a in arguments])
        bound = dict(zip(row.parameter_names, values, strict=True))
        column = row.column("ball")
        value = column(*values) if column else read(definition(row.name, None), BALLS, bound)
        bound["result"] = value
        gradient: tuple[Ball, ...] = ()
        for by, argument in zip(_partials(row.derivative), arguments, strict=True):
            if not argument.gradient:
                continue
            if by is None:
                raise Unsupported(row.name, "it has no derivative by a parameter that varies")
            partial = by(bound)
            if partial is EMPTY:
                return NOTHING
            gradient = _add(gradient, _scale(argument.gradient, partial))
        return Jet(value, gradient)

    def sign(self, switch: Jet) -> int | None:
        """Return the proved sign of a switch, or what the ties say; None: both."""
        if switch.value > 0:
            return 1
        if switch.value < 0:
            return -1
        if not switch.gradient and switch.value.is_zero():
            return 0  # a constant
        return self._ties.sign(switch)

    def choose(self, sign: int | None, positive: Jet, negative: Jet) -> Any:
        """Return the branch of a sign, or the hull of both."""
        if sign is not None:
            return positive if sign > 0 else negative
        return hull(positive, negative)

    def step(self, argument: Jet, name: str) -> Jet:
        """Return floor or ceil."""
        value = getattr(argument.value, name)()
        near = argument.value.contains_integer()
        if near and argument.gradient:
            self._ties.steps(argument)
        return Jet(value)


@functools.cache
def _partials(
    derivative: str | tuple[str | None, ...] | None,
) -> tuple[Callable[[Mapping[str, Any]], Any] | None, ...]:
    """Return the derivatives of a row as functions of balls by name."""
    texts = derivative if isinstance(derivative, tuple) else (derivative,)
    return tuple(None if text is None else formula(text) for text in texts)


# A jet of which nothing is known: a branch that is not taken may have it.
NOTHING: Final = Jet(flint.arb("nan"))


def _as_jet(value: Any) -> Any:  # a condition counts as 0 or 1
    if value is None:
        return Jet(flint.arb(0).union(flint.arb(1)))
    return Jet(flint.arb(int(value))) if isinstance(value, bool) else value


def _add(x: tuple[Ball, ...], y: tuple[Ball, ...]) -> tuple[Ball, ...]:
    if not x or not y:
        return x or y
    if len(x) == 1:
        return (x[0] + y[0],)
    return tuple(a + b for a, b in zip(x, y, strict=True))


def _scale(x: tuple[Ball, ...], factor: Ball) -> tuple[Ball, ...]:
    if len(x) == 1:
        return (x[0] * factor,)
    return tuple(a * factor for a in x)


def hull(x: Any, y: Any) -> Any:  # jets, EMPTY or conditions
    """Return a jet that holds both."""
    if x is EMPTY or y is EMPTY:
        return y if x is EMPTY else x
    x, y = _as_jet(x), _as_jet(y)
    count = max(len(x.gradient), len(y.gradient))
    zeros = (flint.arb(0),) * count
    pairs = zip(x.gradient or zeros, y.gradient or zeros, strict=True)
    return Jet(x.value.union(y.value), tuple(a.union(b) for a, b in pairs))


def _minus(x: Jet) -> Jet:
    return Jet(-x.value, tuple(-g for g in x.gradient))


def _subtract(x: Jet, y: Jet) -> Jet:
    if x is y and x.is_finite:
        return Jet(flint.arb(0))
    return Jet(x.value - y.value, _add(x.gradient, tuple(-g for g in y.gradient)))


def _defined(row: Function) -> Callable[..., Any]:
    """Return the column of a row that is read by its definition, where it is in its domain."""
    inner, names = definition(row.name, None), row.parameter_names
    return lambda jets, *arguments: read(inner, jets, dict(zip(names, arguments, strict=True)))


def _multiply(_: Jets, x: Jet, y: Jet) -> Jet:
    gradient = _add(_scale(x.gradient, y.value), _scale(y.gradient, x.value))
    return Jet(x.value * y.value, gradient)


def _divide(_: Jets, x: Jet, y: Jet) -> Jet:
    quotient = x.value / y.value
    inverse = 1 / y.value
    return Jet(quotient, _add(_scale(x.gradient, inverse), _scale(y.gradient, -quotient * inverse)))


def _power(_: Jets, x: Jet, exponent: Jet) -> Any:
    if exponent.value.is_integer() and not exponent.gradient:
        n = int(exponent.value.unique_fmpz())
        if n == 0:
            return Jet(flint.arb(1)) if x.is_finite else NOTHING
        if n < 0 and x.value.contains(0):
            return EMPTY if x.value.is_zero() else NOTHING
        less = integer_power(x.value, n - 1)
        return Jet(integer_power(x.value, n), _scale(x.gradient, n * less))
    if not x.value > 0:
        outside = x.value < 0 and not exponent.value.contains_integer()
        return EMPTY if outside else NOTHING
    value = x.value**exponent.value
    by_base = _scale(x.gradient, exponent.value * x.value ** (exponent.value - 1))
    by_exponent = _scale(exponent.gradient, value * x.value.log()) if exponent.gradient else ()
    return Jet(value, _add(by_base, by_exponent))


def _abs(jets: Jets, x: Jet) -> Any:
    found = jets.sign(x)
    if found == 0:
        return Jet(abs(x.value), tuple(0 * g for g in x.gradient))
    return jets.choose(found, x, _minus(x))


def _sign(jets: Jets, x: Jet) -> Jet:
    found = jets.sign(x)
    if found is None:
        jets._ties.steps(x)  # noqa: SLF001
        return Jet(flint.arb(0, 1))
    return Jet(flint.arb(found))


def _larger(jets: Jets, x: Jet, y: Jet) -> Any:
    return x if x is y else jets.choose(jets.sign(_subtract(x, y)), x, y)


def _smaller(jets: Jets, x: Jet, y: Jet) -> Any:
    return x if x is y else jets.choose(jets.sign(_subtract(x, y)), y, x)


def _comparison(holds: Callable[[int], bool]) -> Callable[..., bool | None]:
    def column(jets: Jets, x: Any, y: Any) -> bool | None:
        found = jets.sign(_subtract(_as_jet(x), _as_jet(y)))
        return None if found is None else holds(found)

    return column


def _where(_: Jets, condition: Any, x: Any, y: Any) -> Any:
    if condition is EMPTY:
        return EMPTY
    if condition is None:
        return hull(x, y)
    return _as_jet(x) if condition else _as_jet(y)


_COLUMNS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": lambda _, x, y: Jet(x.value + y.value, _add(x.gradient, y.gradient)),
        "subtract": lambda _, x, y: _subtract(x, y),
        "multiply": _multiply,
        "divide": _divide,
        "power": _power,
        "negative": lambda _, x: _minus(x),
        "positive": lambda _, x: x,
        "abs": _abs,
        "sign": _sign,
        "maximum": _larger,
        "minimum": _smaller,
        "floor": lambda jets, x: jets.step(x, "floor"),
        "ceil": lambda jets, x: jets.step(x, "ceil"),
        "detach": lambda _, x: Jet(x.value),
        "less": _comparison(lambda s: s < 0),
        "less_equal": _comparison(lambda s: s <= 0),
        "greater": _comparison(lambda s: s > 0),
        "greater_equal": _comparison(lambda s: s >= 0),
        "equal": _comparison(lambda s: s == 0),
        "not_equal": _comparison(lambda s: s != 0),
        "logical_and": lambda _, x, y: conjunction(x, y),
        "logical_or": lambda _, x, y: disjunction(x, y),
        "logical_not": lambda _, x: negation(x),
        "where": _where,
        "ifelse": _where,
        "float": lambda _, x: _as_jet(x),
    }
)
_SELECTING = frozenset({"where", "ifelse"})
_SUMS = frozenset({"add", "subtract"})
# What flows from a result to its two arguments, where several ways back meet.
_FLOWS: Mapping[str, Callable[[Jet, Jet], tuple[tuple[Ball, ...], ...]]] = MappingProxyType(
    {
        "add": lambda x, y: (x.gradient, y.gradient),
        "subtract": lambda x, y: (x.gradient, y.gradient),
        "multiply": lambda x, y: (_scale(x.gradient, y.value), _scale(y.gradient, x.value)),
        "divide": lambda x, y: (
            _scale(x.gradient, 1 / y.value),
            _scale(y.gradient, x.value / y.value**2),
        ),
    }
)


def evaluate(
    program: Program,
    inputs: Mapping[str, Jet],
    ties: Ties,
    *,
    held: Mapping[int, Jet] | None = None,
) -> Jet | None:
    """Return a Program's jet in the working precision, or None where it is undefined.

    Parameters
    ----------
    program
        What to read.
    inputs
        A jet for every variable; see `seed`.
    ties
        What to do where a switch may vanish.
    held
        Jets of nodes that are taken as they are.

    Raises
    ------
    TieError
        With `Strict`: nothing is proved.
    Unsupported
        A function of the program has no jet.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> jet = evaluate(parse("x*abs(x)"), {"x": Jet(flint.arb(-2), (flint.arb(1),))}, Strict())
    >>> jet.value, jet.gradient
    (-4.00000000000000, (4.00000000000000,))
    """
    found = read(program, Jets(ties), inputs, held=held)
    return None if found is EMPTY else _as_jet(found)
