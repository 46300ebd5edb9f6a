"""A Program on whole arrays with a running bound of all rounding errors.

An estimate is a value with a bound of its error, and the same for its derivative along one
variable.  The bounds are of first order, doubled: they hold where they are small beside the
value, and are infinite elsewhere.  Exact ties are not looked at here: a switch that is not
clearly off zero is found by its own estimate.

Source: running error analysis as in Higham 2002, section 3.3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.arrays import ARRAYS, within_doubles
from symdiff.arithmetics.reading import read
from symdiff.catalogue import CATALOGUE, CONSTANTS, Function
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.parser import domain, template

Array = NDArray[np.float64]
Number = Any  # an array or a double

_UNIT: Final = 2.0**-53
_ELEMENTARY: Final = 8 * _UNIT  # relative error of numpy's elementary functions: 4 ulps
_SPECIAL: Final = 2.0**-40  # of scipy's special functions
_SPECIAL_ABSOLUTE: Final = 2.0**-44  # of those with zeros that no series starts from
_FLUSHED: Final = 2.0**-1020  # what they give as 0
_WITH_ZEROS: Final = frozenset({"lgamma", "digamma"})
_SMALLEST: Final = 2.0**-1060  # what gradual underflow may cost
_NEAR: Final = 64.0  # where those with poles at the negative integers keep their digits,
_OFF_POLES: Final = 2.0**-4  # and how far from them
_TRUSTED: Final = 2.0**-20  # a larger error is beyond a bound of first order
_STEADY: Final = 2.0**-10  # of a derivative, relative: likewise
_CURVED: Final = 2.0**7  # times |f| + |f'|: more than |f''|/2 of any function where f' vanishes


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """A value and a derivative along one variable, each with a bound of its error.

    Attributes
    ----------
    value, error
        Shape (n,), or one number for all points.
    slope, slope_error
        The same; None where the derivative is zero exactly.
    outside
        Which function's argument is outside its domain: its place in `FUNCTIONS`, 0 where none
        is.  It holds where the arguments are clearly off the ends of the domain.
    """

    value: Number
    error: Number = 0.0
    slope: Number | None = None
    slope_error: Number = 0.0
    outside: Any = 0


# Names for `Estimate.outside`.
FUNCTIONS: Final = ("", *CATALOGUE)


class Estimates:
    """The arithmetic; see `reading.Arithmetic`.

    Parameters
    ----------
    within
        Whether this reads the derivative of a row, not a program.

    Attributes
    ----------
    lost
        Where something undefined or uncertain was compared: what came of it means nothing.
    """

    def __init__(self, *, within: bool = False) -> None:
        """Start with nothing lost."""
        self._within = within
        self.lost: Any = False

    def has_own_column(self, row: Function) -> bool:
        """Tell whether a row's kinks are seen to here, by comparing."""
        return row.name in _COLUMNS

    def column(self, row: Function) -> Callable[..., Any] | None:
        """Return what a row does to estimates; None: read it by its definition."""
        column = _COLUMNS.get(row.name)
        if column is not None:
            return column
        if row.derivative is not None and row.numpy is not None:
            return lambda *arguments: _chain(row, arguments, within=self._within)
        if row.definition is None:
            raise Unsupported(row.name, "it has no derivative to bound")
        return None

    def number(self, value: float | bool) -> Any:  # noqa: ANN401, FBT001
        """Return a literal."""
        if isinstance(value, bool):
            return value
        # numpy's number: Python's own raises where it divides by zero or overflows.
        nearest = np.float64(within_doubles(value))
        return Estimate(nearest, 0.0 if nearest == value else abs(nearest) * _UNIT)

    def constant(self, name: str) -> Estimate:
        """Return a named constant."""
        value = np.float64(CONSTANTS[name])
        return Estimate(value, 0.0 if name == "inf" else value * _UNIT)

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:  # noqa: ANN401
        """Apply a column, and note what is uncertain."""
        if row.returns == "real" and row.name not in _SELECTING:
            arguments = [_as_estimate(a) for a in arguments]
        if row.name in _COMPARING:
            self._compare(arguments, allowed=row.returns == "real")
        found = column(*arguments)
        if row.name not in _SELECTING and isinstance(found, Estimate):
            return _with_outside(row, found, arguments)
        return found

    def _compare(self, arguments: Sequence[Any], *, allowed: bool) -> None:
        """Note where what is compared is uncertain, or undefined and that is not `allowed`."""
        for a in arguments:
            # inf itself is exact; what overflowed, or has a pole, is not
            value, error = _value(a), _error(a)
            undefined = np.isnan(value) & ~(allowed & (_outside(a) != 0))
            self.lost = self.lost | undefined | (np.isinf(value) & (error != 0))
        gap = _value(arguments[0]) - (_value(arguments[1]) if len(arguments) > 1 else 0.0)
        error = sum(_error(a) for a in arguments)
        self.lost = self.lost | ((np.abs(gap) <= error) & (error != 0))


def _with_outside(row: Function, found: Estimate, arguments: Sequence[Any]) -> Estimate:
    """Add where a function is outside its domain, or an argument already is."""
    outside: Any = 0
    for a in arguments:
        outside = np.where(outside, outside, _outside(a)) if np.any(_outside(a)) else outside
    condition = domain(row.name)
    if condition is not None and np.any(undefined := np.isnan(found.value)):
        values = [_value(a) for a in arguments]
        names = (parameter.name for parameter in row.parameters)
        holds = read(condition, ARRAYS, dict(zip(names, values, strict=False)))
        known = np.logical_and.reduce(np.broadcast_arrays(*map(np.isfinite, values)))
        # an exponent is an integer or is none: a rounded one does not say
        exact = np.logical_and.reduce([np.all(_error(a) == 0) for a in arguments[1:]])
        here = undefined & known & exact & np.logical_not(holds)
        outside = np.where(outside, outside, np.where(here, FUNCTIONS.index(row.name), 0))
    return dataclasses.replace(found, outside=outside) if np.any(outside) else found


def _as_estimate(value: Any) -> Any:  # noqa: ANN401  (a condition counts as 0 or 1)
    return value if isinstance(value, Estimate) else Estimate(np.where(value, 1.0, 0.0))


def _rounded(value: Number, unit: float = _UNIT) -> Number:
    """Return what rounding and gradual underflow may cost."""
    return unit * np.abs(value) + _SMALLEST


def _product(x: Number, x_error: Number, y: Number, y_error: Number) -> tuple[Number, Number]:
    """Return x·y with its error, which is none where a factor is exactly zero."""
    product = x * y
    error = np.abs(x) * y_error + np.abs(y) * x_error + x_error * y_error + _rounded(product)
    zero = ((x == 0) & (x_error == 0)) | ((y == 0) & (y_error == 0))
    return product, np.where(zero, 0 * (np.abs(product) + x_error + y_error), error)


def _sum_of(slopes: Sequence[tuple[Number, Number, Number, Number]]) -> tuple[Any, Any]:
    """Return Σ d·t with its error, for partial derivatives d and slopes t with theirs."""
    total, error = None, 0.0
    for d, d_error, t, t_error in slopes:
        product, product_error = _product(d, d_error, t, t_error)
        error = error + product_error
        total = product if total is None else total + product
        error = error + _UNIT * np.abs(total) if len(slopes) > 1 else error
    return total, error


def _combined(
    value: Number, error: Number, parts: Sequence[tuple[Number, Number, Estimate]]
) -> Estimate:
    """Return an estimate from the partial derivatives by its arguments."""
    slopes = [(d, e, x.slope, x.slope_error) for d, e, x in parts if x.slope is not None]
    return Estimate(value, error, *_sum_of(slopes))


def _add(x: Estimate, y: Estimate) -> Estimate:
    value = x.value + y.value
    error = x.error + y.error + _UNIT * np.abs(value)
    return _combined(value, error, [(1.0, 0.0, x), (1.0, 0.0, y)])


def _subtract(x: Estimate, y: Estimate) -> Estimate:
    if x is y:
        return _hidden(x, 0.0)
    value = x.value - y.value
    error = x.error + y.error + _UNIT * np.abs(value)
    return _combined(value, error, [(1.0, 0.0, x), (-1.0, 0.0, y)])


def _hidden(x: Estimate, value: float) -> Estimate:
    """Return a number that does not depend on x, where x is known to be one."""
    known = np.isfinite(x.value) & np.isfinite(x.error)
    return Estimate(np.where(known, value, np.nan))


def _multiply(x: Estimate, y: Estimate) -> Estimate:
    value, error = _product(x.value, x.error, y.value, y.error)
    return _combined(value, error, [(y.value, y.error, x), (x.value, x.error, y)])


def _inverse(x: Estimate) -> Estimate:
    value = 1 / x.value
    # not by value**2, which may underflow
    error = _times(2 * np.abs(value), _trusted(x.error, x.value) * np.abs(value)) + _rounded(value)
    d, d_error = -(value**2), 2 * np.abs(value) * error + _rounded(value**2, 2 * _UNIT)
    return _combined(value, error, [(d, d_error, x)])


def _trusted(error: Number, value: Number) -> Number:
    """Return an error where a bound of first order can use it beside a pole at 0, else infinity."""
    return np.where(error <= _TRUSTED * np.abs(value), error, np.inf)


def _power(x: Estimate, exponent: Estimate) -> Estimate:
    y = exponent.value
    value = x.value**y
    if exponent.slope is None and np.ndim(y) == 0 and exponent.error == 0:
        if y == 0:
            return _hidden(x, 1.0)
        d = y * x.value ** (y - 1)
        # relative: a derivative may underflow where the value does not
        off = np.where(x.error == 0, 0.0, _trusted(x.error, x.value) / np.abs(x.value))
        error = _times(2 * np.abs(y * value), off) + _rounded(value, _ELEMENTARY)
        d_error = _times(2 * np.abs((y - 1) * d), off) + _rounded(d, _ELEMENTARY)
        if not float(y).is_integer():  # y - 1 is rounded
            d_error = d_error + np.abs(d * np.log(x.value) * (y - 1)) * _UNIT
        return _combined(value, error, [(d, d_error, x)])
    logarithm = _chain_of("log", x)
    return _chain_of("exp", _multiply(exponent, logarithm))


def _times(factor: Number, error: Number) -> Number:
    """Return factor·error, 0 for no error whatever the factor."""
    return np.where(error == 0, 0.0, factor * error)


def _chain_of(name: str, x: Estimate) -> Estimate:
    return _chain(CATALOGUE[name], (x,), within=False)


def _chain(row: Function, arguments: Sequence[Estimate], *, within: bool) -> Estimate:
    """Return f(u) and its slope Σ ∂f/∂u_i·u_i', by the row's derivative."""
    column = row.column("numpy")
    assert column is not None and row.derivative is not None  # noqa: S101, PT018  (column saw to it)
    value = column(*(a.value for a in arguments))
    if row.group == "special":
        error: Number = _rounded(value, _SPECIAL) + _FLUSHED
        if row.name in _WITH_ZEROS:
            error = error + _SPECIAL_ABSOLUTE
        if row.crossings:  # scipy loses digits near the poles
            x = arguments[-1].value
            off = (np.abs(x) < _NEAR) & (np.abs(x - np.rint(x)) > _OFF_POLES)
            error = np.where((x > 0) | off, error, np.inf)
    else:
        error = _rounded(value, _ELEMENTARY)
    if row.name == "logaddexp":  # the larger argument, and the logarithm of a number from 1 to 2
        error = error + _rounded(np.maximum(*(a.value for a in arguments)), _ELEMENTARY)
    texts = _DERIVATIVES.get(row.name, row.derivative)
    texts = texts if isinstance(texts, tuple) else (texts,)
    names = [parameter.name for parameter in row.parameters]
    still = {n: Estimate(a.value, a.error) for n, a in zip(names, arguments, strict=True)}
    plain = {**dict(zip(names, (a.value for a in arguments), strict=True)), "result": value}
    for text, a in zip(texts, arguments, strict=True):
        if text is not None and np.any(a.error):
            d = np.abs(read(template(text), ARRAYS, plain))
            trusted = np.where(a.error <= _TRUSTED, a.error, np.inf)
            bent = _times(_CURVED * (np.abs(value) + d), trusted**2)
            error = error + _times(2 * d, trusted) + bent
    result = Estimate(value, error)
    parts = []
    for text, a in zip(texts, arguments, strict=True):
        if text is not None and (a.slope is not None or (np.any(a.error) and not within)):
            partial = _estimated(
                template(text), Estimates(within=True), {**still, "result": result}
            )
            # A bound of first order is none where the derivative is uncertain: beside a pole.
            steady = (a.error == 0) | (partial.error <= _STEADY * (1 + np.abs(partial.value)))
            error = np.where(steady, error + _times(partial.error, a.error), np.inf)
            if a.slope is not None:
                parts.append((partial.value, partial.error, a))
    return _combined(value, error, parts)


def _negate(x: Estimate) -> Estimate:
    slope = None if x.slope is None else -x.slope
    return Estimate(-x.value, x.error, slope, x.slope_error)


def _choose(mask: Any, x: Any, y: Any) -> Any:  # noqa: ANN401  (estimates, or conditions)
    if isinstance(mask, bool | np.bool_):
        return x if mask else y
    x, y = _as_estimate(x), _as_estimate(y)
    outside = np.where(mask, x.outside, y.outside)
    if x.slope is None and y.slope is None:
        value, error = np.where(mask, x.value, y.value), np.where(mask, x.error, y.error)
        return Estimate(value, error, outside=outside)
    slopes = [0.0 if a.slope is None else a.slope for a in (x, y)]
    return Estimate(
        np.where(mask, x.value, y.value),
        np.where(mask, x.error, y.error),
        np.where(mask, *slopes),
        np.where(mask, x.slope_error, y.slope_error),
        outside,
    )


def _value(x: Any) -> Any:  # noqa: ANN401  (a condition counts as 0 or 1)
    return x.value if isinstance(x, Estimate) else np.where(x, 1.0, 0.0)


def _error(x: Any) -> Any:  # noqa: ANN401
    return x.error if isinstance(x, Estimate) else 0.0


def _outside(x: Any) -> Any:  # noqa: ANN401
    return x.outside if isinstance(x, Estimate) else 0


def _comparison(name: str) -> Callable[..., Any]:
    return lambda x, y: getattr(np, name)(_value(x), _value(y))


_COLUMNS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": _add,
        "subtract": _subtract,
        "multiply": _multiply,
        "divide": lambda x, y: _multiply(x, _inverse(y)),
        "power": _power,
        "negative": _negate,
        "positive": lambda x: x,
        "abs": lambda x: _choose(x.value >= 0, x, _negate(x)),
        "sign": lambda x: Estimate(np.sign(x.value)),
        "maximum": lambda x, y: x if x is y else _choose(x.value >= y.value, x, y),
        "minimum": lambda x, y: x if x is y else _choose(x.value <= y.value, x, y),
        "floor": lambda x: Estimate(np.floor(x.value)),
        "ceil": lambda x: Estimate(np.ceil(x.value)),
        "detach": lambda x: Estimate(x.value, x.error),
        "less": _comparison("less"),
        "less_equal": _comparison("less_equal"),
        "greater": _comparison("greater"),
        "greater_equal": _comparison("greater_equal"),
        "equal": _comparison("equal"),
        "not_equal": _comparison("not_equal"),
        "logical_and": np.logical_and,
        "logical_or": np.logical_or,
        "logical_not": np.logical_not,
        "where": _choose,
        "ifelse": _choose,
        "float": lambda x: x if isinstance(x, Estimate) else Estimate(np.where(x, 1.0, 0.0)),
    }
)
# Where the row's own text cancels.
_DERIVATIVES: Mapping[str, str] = MappingProxyType({"tanh": "1/cosh(x)**2"})
_SELECTING = frozenset({"where", "ifelse", "float"})
# A comparison with NaN is False, and hides that there is no number.
_COMPARING = frozenset(
    {"abs", "sign", "maximum", "minimum"}
    | {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
)


def estimate(program: Program, columns: Mapping[str, Array], variable: str | None) -> Estimate:
    """Return a Program's values and derivatives on arrays, with bounds of their errors.

    Parameters
    ----------
    program
        What to evaluate.
    columns
        For every input its coordinates, shape (n,), taken exactly.
    variable
        The input that moves; None: no derivative is wanted.

    Returns
    -------
    Estimate
        Where it is not finite, or its error is infinite, nothing is known.

    Raises
    ------
    Unsupported
        A function of the program has no derivative to bound.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> found = estimate(parse("exp(x)*x"), {"x": np.array([0.0, 1.0])}, "x")
    >>> found.slope.round(6), bool((found.slope_error < 1e-13).all())
    (array([1.      , 5.436564]), True)
    """
    inputs = {
        name: Estimate(column, 0.0, 1.0 if name == variable else None)
        for name, column in columns.items()
    }
    with np.errstate(all="ignore"):
        return _estimated(program, Estimates(), inputs)


def _estimated(program: Program, arithmetic: Estimates, inputs: Mapping[str, Estimate]) -> Estimate:
    found: Estimate = _as_estimate(read(program, arithmetic, inputs))
    return dataclasses.replace(
        found,
        error=np.where(arithmetic.lost, np.inf, found.error),
        outside=np.where(arithmetic.lost, 0, found.outside),
    )
