"""Read a Program on jets: balls that contain its value and its gradient.

Where every switch is proved to be nonzero and every argument is proved to be inside its function's
domain, the program is smooth and the balls are proved.  Where a switch may be zero, an object of
type `Ties` decides: `Strict` raises `TieError`; the others, in `ties`, take one branch or both.

Source: forward mode as in Griewank & Walther 2008, section 3.1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

import flint

from symdiff.arithmetics.balls import BALLS, EMPTY, Ball, domain_test, formula
from symdiff.arithmetics.extended import AT_INFINITY
from symdiff.arithmetics.reading import read
from symdiff.catalogue import Function
from symdiff.catalogue.enclosures import conjunction, disjunction, integer_power, negation
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.parser import definition, template


class Jet(NamedTuple):
    """A value and its gradient with respect to the active inputs, as balls.

    A named tuple, because proofs make millions: it takes half as long as a frozen dataclass.

    Attributes
    ----------
    value
        A ball that contains the value.
    gradient
        A ball for every active input; an empty tuple stands for the zero gradient.
    """

    value: Ball
    gradient: tuple[Ball, ...] = ()

    @property
    def is_finite(self) -> bool:
        """Whether the balls of the value and of the gradient are all finite."""
        return bool(self.value.is_finite()) and all(g.is_finite() for g in self.gradient)


class TieError(ArithmeticError):
    """A switch may be zero, or an argument outside its domain, so that nothing is proved."""


class Ties(Protocol):
    """What to do where the sign of a switch is not proved, and how the engine rounds.

    Attributes
    ----------
    backward_formula
        Whether rows are read by the formula of torch's backward pass, where they have one.
    """

    backward_formula: bool

    def sign(self, switch: Jet) -> int | None:
        """Return the sign of the branch to take, or None to take both branches."""

    def steps(self, argument: Jet) -> None:
        """React to a step function that may jump at this argument."""

    def rounded(self, jet: Jet, row: Function, arguments: Sequence[Any]) -> Jet:
        """Return the result of an operation, widened by the engine's rounding."""

    def widened(self, row: Function, values: list[Ball]) -> list[Ball]:
        """Return the arguments of a function, widened by the rounding in the engine's kernel."""

    def underflowed(self, x: Ball) -> Ball:
        """Return a partial derivative, widened by what underflow does to it."""

    def may_leave_range(self, values: Sequence[Ball]) -> bool:
        """Return whether a square may overflow or underflow, so that each operation is followed."""

    def literal(self, x: Ball) -> Ball:
        """Return a literal or a constant, widened by what it is rounded to."""


class Exact:
    """Base class for exact computation: it adds no rounding."""

    backward_formula = False

    def rounded(self, jet: Jet, row: Function, arguments: Sequence[Any]) -> Jet:
        """Return the result unchanged."""
        del row, arguments
        return jet

    def widened(self, row: Function, values: list[Ball]) -> list[Ball]:
        """Return the arguments unchanged."""
        del row
        return values

    def underflowed(self, x: Ball) -> Ball:
        """Return the number unchanged."""
        return x

    def may_leave_range(self, values: Sequence[Ball]) -> bool:
        """Return False."""
        del values
        return False

    def literal(self, x: Ball) -> Ball:
        """Return the number unchanged."""
        return x


class Strict(Exact):
    """Raise `TieError` at every tie, so that every result is proved."""

    def sign(self, switch: Jet) -> int | None:
        """Raise `TieError`: the sign of the switch is not proved."""
        raise TieError(str(switch.value))

    def steps(self, argument: Jet) -> None:
        """Raise `TieError`: a step function may jump here."""
        raise TieError(str(argument.value))


class Jets:
    """The arithmetic of jets; see `reading.Arithmetic`."""

    def __init__(self, ties: Ties) -> None:
        """Take the treatment of ties."""
        self._ties = ties
        self.backward_formula = ties.backward_formula

    def column(self, row: Function) -> Callable[..., Any] | None:
        """Return what a row means on jets, or None where it is read by its definition."""
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
        return value if isinstance(value, bool) else Jet(self._ties.literal(flint.arb(value)))

    def constant(self, name: str) -> Jet:
        """Return a named constant."""
        return Jet(self._ties.literal(BALLS.constant(name)))

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply a column; return `EMPTY` outside the domain, `UNKNOWN` where that is not proved."""
        for a in arguments:
            if type(a) is not Jet or not a.value.is_finite():
                return self._other(row, column, arguments)
        return self._on_domain(row, column, arguments)

    def _on_domain(
        self, row: Function, column: Callable[..., Any], arguments: Sequence[Jet]
    ) -> Any:
        """Apply a column to jets if they are proved to be in the domain."""
        test = domain_test(row.name)
        if test is not None and not row.is_power:  # `_power` checks its domain
            inside = test([a.value for a in arguments])
            if inside is not True:
                return EMPTY if inside is False else UNKNOWN
        return self._rounded(row, column, arguments)

    def defined(self, row: Function, arguments: Sequence[Any], result: Any) -> Any:
        """Return the result of a definition: `EMPTY` or `UNKNOWN` where an argument is.

        A function that replaces what is undefined may do so at this point only.
        """
        if any(a is EMPTY for a in arguments):
            return EMPTY if row.needs_arguments else UNKNOWN
        if any(type(a) is Jet and a.value.is_nan() for a in arguments):
            return UNKNOWN
        if row.replaces_undefined and any(
            type(a) is Jet and not a.value.is_finite() for a in arguments
        ):
            return UNKNOWN
        return result

    def _other(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply a column to arguments of which some are conditions, `EMPTY` or not finite."""
        if row.role == "choice":
            return self._rounded(row, column, arguments)
        if any(a is EMPTY for a in arguments):
            return EMPTY
        if any(map(_is_infinite, arguments)):
            if row.name in _OF_INFINITY:
                return _OF_INFINITY[row.name](*arguments)
            if row.name not in _COLUMNS and row.name not in AT_INFINITY:
                return UNKNOWN  # balls enclose sin(inf) by [-1, 1]; the series find it undefined
        jets = [_as_jet(a) for a in arguments] if row.returns == "real" else arguments
        if all(type(a) is Jet for a in jets):
            return self._on_domain(row, column, jets)
        return self._rounded(row, column, jets)

    def _rounded(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        result = column(self, *arguments)
        if type(result) is not Jet:
            return result
        if not result.value.is_finite():
            result = _infinite_constant(result)
        return self._ties.rounded(result, row, arguments)

    def chain(self, row: Function, arguments: Sequence[Jet]) -> Jet:
        """Return f(u) with the gradient Σ ∂f/∂u_i·∇u_i, by the row's derivative.

        Raises
        ------
        Unsupported
            The row has no derivative with respect to an argument that varies.
        """
        values = self._ties.widened(row, [a.value for a in arguments])
        bound = dict(zip(row.parameter_names, values, strict=True))
        column = row.column("ball")
        value = column(*values) if column else read(definition(row.name, None), BALLS, bound)
        bound["result"] = self._ties.rounded(Jet(value), row, ()).value
        gradient: tuple[Ball, ...] = ()
        partials = _partials(row.derivative)
        if self.may_leave_range(values):
            partials = tuple(
                None if text is None else self._followed(text) for text in _texts(row.derivative)
            )
        for partial_of, argument in zip(partials, arguments, strict=True):
            if not argument.gradient:
                continue
            if partial_of is None:
                raise Unsupported(
                    row.name, "it has no derivative with respect to a parameter that varies"
                )
            partial = partial_of(bound)
            if partial is EMPTY:
                return UNKNOWN
            gradient = _add(gradient, scale(argument.gradient, self._ties.underflowed(partial)))
        return Jet(value, gradient)

    def may_leave_range(self, values: Sequence[Ball]) -> bool:
        """Return whether squares of numbers may overflow or underflow in an engine."""
        return self._ties.may_leave_range(values)

    def _followed(self, text: str) -> Callable[[Mapping[str, Any]], Any]:
        """Return a partial derivative as a function of balls, with the rounding of each step."""

        def partial(bound: Mapping[str, Any]) -> Any:
            jets = {name: Jet(x) for name, x in bound.items()}
            result = read(template(text), self, jets)
            return EMPTY if result is EMPTY else _as_jet(result).value

        return partial

    def sign(self, switch: Jet) -> int | None:
        """Return the proved sign of a switch, else that of `Ties.sign` (None: both branches)."""
        if switch.value > 0:
            return 1
        if switch.value < 0:
            return -1
        if not switch.gradient and switch.value.is_zero():
            return 0  # a constant zero
        return self._ties.sign(switch)

    def choose(self, sign: int | None, positive: Jet, negative: Jet) -> Any:
        """Return the branch that a sign selects, or the hull of both for None."""
        if sign is not None:
            return positive if sign > 0 else negative
        return hull(positive, negative)

    def step(self, argument: Jet, name: str) -> Jet:
        """Return the floor or the ceil (`name`) of a jet; its gradient is zero."""
        value = getattr(argument.value, name)()
        may_jump = argument.value.contains_integer()
        if may_jump and argument.gradient:
            self._ties.steps(argument)
        return Jet(value)


@functools.cache
def _partials(
    derivative: str | tuple[str | None, ...] | None,
) -> tuple[Callable[[Mapping[str, Any]], Any] | None, ...]:
    """Return the partial derivatives of a row as functions of named balls."""
    return tuple(None if text is None else formula(text) for text in _texts(derivative))


def _texts(derivative: str | tuple[str | None, ...] | None) -> tuple[str | None, ...]:
    return derivative if isinstance(derivative, tuple) else (derivative,)


_INFINITIES: Final = (flint.arb.pos_inf(), flint.arb.neg_inf())

# A jet with an unknown value. A branch that is not taken may have it.
UNKNOWN: Final = Jet(flint.arb("nan"))


def _is_infinite(value: Any) -> bool:
    """Return whether a value is exactly inf or -inf."""
    return type(value) is Jet and value.value.is_exact() and value.value in _INFINITIES


def _infinite_constant(jet: Jet) -> Jet:
    """Return a jet whose value is inf or -inf without a gradient, and others unchanged."""
    middle = jet.value.mid()
    return Jet(middle) if middle in _INFINITIES else jet


def _as_jet(value: Any) -> Any:
    """Return a condition as a jet: 1 for True, 0 for False, [0, 1] for None."""
    if value is None:
        return Jet(flint.arb(0).union(flint.arb(1)))
    return Jet(flint.arb(int(value))) if isinstance(value, bool) else value


def _add(x: tuple[Ball, ...], y: tuple[Ball, ...]) -> tuple[Ball, ...]:
    if not x or not y:
        return x or y
    if len(x) == 1:
        return (x[0] + y[0],)
    return tuple(a + b for a, b in zip(x, y, strict=True))


def scale(x: tuple[Ball, ...], factor: Ball) -> tuple[Ball, ...]:
    """Return a gradient multiplied by a number."""
    if len(x) == 1:
        return (x[0] * factor,)
    return tuple(a * factor for a in x)


def hull(x: Any, y: Any) -> Any:
    """Return a jet that contains two jets or conditions; `EMPTY` adds nothing."""
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
    if x is y and x.is_finite:  # x - x is exactly 0 where x is defined
        return Jet(flint.arb(0))
    return Jet(x.value - y.value, _add(x.gradient, tuple(-g for g in y.gradient)))


def _defined(row: Function) -> Callable[..., Any]:
    """Return a column that reads a row's definition, after `Jets.call` has checked the domain."""
    program, names = definition(row.name, None), row.parameter_names
    return lambda jets, *arguments: read(program, jets, dict(zip(names, arguments, strict=True)))


def _multiply(_: Jets, x: Jet, y: Jet) -> Jet:
    gradient = _add(scale(x.gradient, y.value), scale(y.gradient, x.value))
    return Jet(x.value * y.value, gradient)


def _divide(_: Jets, x: Jet, y: Jet) -> Jet:
    quotient = x.value / y.value
    inverse = 1 / y.value
    return Jet(quotient, _add(scale(x.gradient, inverse), scale(y.gradient, -quotient * inverse)))


def _power(jets: Jets, x: Jet, exponent: Jet) -> Any:
    if exponent.value.is_integer() and not exponent.gradient:
        n = int(exponent.value.unique_fmpz())
        if n == 0:
            return Jet(flint.arb(1)) if x.is_finite else UNKNOWN
        if n < 0 and x.value.contains(0):
            return EMPTY if x.value.is_zero() else UNKNOWN
        lower = integer_power(x.value, n - 1)
        return Jet(integer_power(x.value, n), scale(x.gradient, n * lower))
    if x.value.is_zero() and exponent.value > 0 and not exponent.gradient:
        return _power_of_zero(jets, x, exponent)
    if not x.value > 0:
        outside = x.value < 0 and not exponent.value.contains_integer()
        return EMPTY if outside else UNKNOWN
    value = x.value**exponent.value
    by_base = scale(x.gradient, exponent.value * x.value ** (exponent.value - 1))
    by_exponent = scale(exponent.gradient, value * x.value.log()) if exponent.gradient else ()
    return Jet(value, _add(by_base, by_exponent))


def _power_of_zero(jets: Jets, x: Jet, exponent: Jet) -> Jet:
    """Return 0**exponent for a positive exponent that is no integer, at the end of the domain."""
    jets.sign(x)  # raises TieError in a proof, unless the base is constant
    if x.gradient and not exponent.value > 1:
        return UNKNOWN  # an infinite slope
    return Jet(flint.arb(0), scale(x.gradient, flint.arb(0)))


def _abs(jets: Jets, x: Jet) -> Any:
    sign = jets.sign(x)
    if sign == 0:
        return Jet(abs(x.value), tuple(0 * g for g in x.gradient))
    return jets.choose(sign, x, _minus(x))


def _sign(jets: Jets, x: Jet) -> Jet:
    sign = jets.sign(x)
    if sign is None:
        jets._ties.steps(x)  # noqa: SLF001
        return Jet(flint.arb(0, 1))
    return Jet(flint.arb(sign))


def _larger(jets: Jets, x: Jet, y: Jet) -> Any:
    return x if x is y else jets.choose(jets.sign(_subtract(x, y)), x, y)


def _smaller(jets: Jets, x: Jet, y: Jet) -> Any:
    return x if x is y else jets.choose(jets.sign(_subtract(x, y)), y, x)


def _logaddexp_of_infinity(x: Jet, y: Jet) -> Jet:
    one, other = (x, y) if _is_infinite(x) else (y, x)
    return one if one.value > 0 else other  # e^-inf = 0 adds nothing


def _atan2(jets: Jets, x: Jet, y: Jet) -> Any:
    """Return the angle of (y, x) by a formula without switches, unless the cut may be met.

    torch's backward computes the square of the distance, which may overflow or underflow.
    """
    angle = _angle(jets, x, y)
    if not isinstance(angle, Jet) or not jets.may_leave_range([x.value, y.value]):
        return angle
    square = read(template("1/(x*x + y*y)"), jets, {"x": Jet(x.value), "y": Jet(y.value)})
    if not isinstance(square, Jet):
        return angle
    by_x, by_y = y.value * square.value, -x.value * square.value
    return Jet(angle.value, _add(scale(x.gradient, by_x), scale(y.gradient, by_y)))


def _angle(jets: Jets, x: Jet, y: Jet) -> Any:
    arguments = {"x": x, "y": y}
    if y.value > 0:
        return read(template("atan(x/y)"), jets, arguments)
    if x.value > 0:
        return read(template("pi/2 - atan(y/x)"), jets, arguments)
    if x.value < 0:
        return read(template("-pi/2 - atan(y/x)"), jets, arguments)
    return read(definition("atan2", None), jets, arguments)


def _comparison(holds_for: Callable[[int], bool]) -> Callable[..., bool | None]:
    def column(jets: Jets, x: Any, y: Any) -> bool | None:
        if _is_infinite(x) and _is_infinite(y):
            return holds_for((x.value > y.value) - (x.value < y.value))
        sign = jets.sign(_subtract(_as_jet(x), _as_jet(y)))
        return None if sign is None else holds_for(sign)

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
        "atan2": _atan2,
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


def has_column(row: str) -> bool:
    """Return whether a row has a meaning on jets of its own, besides its definition."""
    return row in _COLUMNS


# Functions of several arguments of which at least one is inf or -inf.
_OF_INFINITY: Mapping[str, Callable[..., Jet]] = MappingProxyType(
    {"logaddexp": _logaddexp_of_infinity}
)


def evaluate(
    program: Program,
    inputs: Mapping[str, Jet],
    ties: Ties,
    *,
    held: Mapping[int, Jet] | None = None,
    cache: dict[int, Any] | None = None,
) -> Jet | None:
    """Return a Program's jet in flint's working precision, or None where it is undefined.

    Parameters
    ----------
    program
        The program to read.
    inputs
        A jet for every variable. The gradient of an active input is a unit vector; that of a
        fixed input is empty.
    ties
        What to do where a switch may be zero.
    held
        Jets of nodes that are not computed but taken from here, by the node's index.
    cache
        Jets of nodes by index: those in it are used, those computed here are added to it. With a
        cache, `held` is not used.

    Raises
    ------
    TieError
        With `Strict`, where a switch may be zero.
    Unsupported
        A function of the program has no meaning on jets.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> jet = evaluate(parse("x*abs(x)"), {"x": Jet(flint.arb(-2), (flint.arb(1),))}, Strict())
    >>> jet.value, jet.gradient
    (-4.00000000000000, (4.00000000000000,))
    """
    result = read(program, Jets(ties), inputs, held=held, cache=cache)
    return None if result is EMPTY else _as_jet(result)
