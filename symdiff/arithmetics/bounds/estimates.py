"""A Program on whole arrays with a running bound of all rounding errors.

An estimate is a value with a bound of its error, and the same for its derivative along one
variable.  The bounds are of first order, doubled: they hold where they are small beside the
value, and are infinite elsewhere.  Exact ties are not looked at here: a switch that is not
clearly off zero is found by its own estimate.

Points come in arrays of shape (n,), each with bounds of its own, or in blocks, shape (blocks, m):
then one bound holds for a whole block, from the largest and the smallest numbers in it. That
costs a fraction, and says enough nearly everywhere.

Source: running error analysis as in Higham 2002, section 3.3; the two stages as in Shewchuk 1997,
section 4.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.arrays import ARRAYS, Arrays, within_doubles
from symdiff.arithmetics.bounds.blocks import (
    Blocks,
    apply_elementwise,
    everywhere,
    in_blocks,
    is_anywhere,
    larger_of,
    least,
    plain,
    size_of,
    size_of_sum,
)
from symdiff.arithmetics.reading import read
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE, CONSTANTS, Function
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.parser import domain, template

Number = Any  # an array or a double

UNIT: Final = 2.0**-53  # relative error of one rounding to double
_ELEMENTARY: Final = 8 * UNIT  # relative error of numpy's elementary functions: 4 ulps
_SPECIAL: Final = 2.0**-40  # of scipy's special functions
_SPECIAL_ABSOLUTE: Final = 2.0**-44  # of those with zeros that no series starts from
_FLUSHED: Final = 2.0**-1020  # what they give as 0
_NO_UFUNCS: Final = frozenset({"sinc", "polygamma"})  # in numpy and scipy they are Python's
_WITH_ZEROS: Final = frozenset({"lgamma", "digamma"})
UNDERFLOW_ERROR: Final = 2.0**-1060  # absolute error that gradual underflow may cause
CLEARLY_OFF: Final = 2.0**10  # a switch is clearly off zero from this multiple of its error on
_NEAR: Final = 64.0  # where those with poles at the negative integers keep their digits,
_OFF_POLES: Final = 2.0**-4  # and how far from them
_TRUSTED: Final = 2.0**-20  # a larger error is beyond a bound of first order
_FLAT: Final = 3.0  # below it tanh' is 1 - tanh**2 to nearly all digits
_STEADY: Final = 2.0**-10  # of a derivative, relative: likewise
_CURVED: Final = 2.0**7  # times |f| + |f'|: more than |f''|/2 of any function where f' vanishes


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """A value and a derivative along one variable, each with a bound of its error.

    Attributes
    ----------
    value, error
        Shape (n,) or, in blocks, (blocks, m) with errors of shape (blocks, 1); or one number for
        all points.
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
    outer
        What reads the program, where this reads the derivative of one of its rows.

    Attributes
    ----------
    within
        Whether this reads the derivative of a row, not a program.
    arrays
        The same arithmetic without errors; what it has computed of an array it knows.
    lost
        Where something undefined or uncertain was compared: what came of it means nothing.
    """

    def __init__(self, outer: Estimates | None = None) -> None:
        """Start with nothing lost."""
        self.within = outer is not None
        self.arrays: Remembered = Remembered() if outer is None else outer.arrays
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
            return lambda *arguments: _chain(row, arguments, self)
        if row.definition is None:
            raise Unsupported(row.name, "it has no derivative to bound")
        return None

    def number(self, value: float | bool) -> Any:  # noqa: FBT001
        """Return a literal."""
        if isinstance(value, bool):
            return value
        # numpy's number: Python's own raises where it divides by zero or overflows.
        nearest = np.float64(within_doubles(value))
        return Estimate(nearest, 0.0 if nearest == value else abs(nearest) * UNIT)

    def constant(self, name: str) -> Estimate:
        """Return a named constant."""
        value = np.float64(CONSTANTS[name])
        return Estimate(value, 0.0 if name == "inf" else value * UNIT)

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
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
            value, outside = _value(a), np.not_equal(_outside(a), 0)
            if not allowed and is_anywhere(outside):  # a choice may have left a plain number there
                self.lost = self.lost | outside
            if is_anywhere(~np.isfinite(size_of(value))):
                undefined = np.isnan(value) & np.logical_not(np.logical_and(allowed, outside))
                # inf itself is exact; what overflowed, or has a pole, is not
                self.lost = self.lost | undefined | (np.isinf(value) & np.not_equal(_error(a), 0))
        gap = _value(arguments[0]) - (_value(arguments[1]) if len(arguments) > 1 else 0.0)
        error = sum(_error(a) for a in arguments)
        if is_anywhere(error != 0):
            self.lost = self.lost | ((np.abs(gap) <= error) & (error != 0))


class Remembered(Arrays):
    """Arrays that compute no function of the same array twice: a derivative shares with a value."""

    def __init__(self) -> None:
        """Start without any."""
        # With the arguments: what lives on is not taken for another.
        self._known: dict[tuple[str, ...], tuple[Sequence[Any], Any]] = {}

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply a row's column, or remember what it gave."""
        if row.group in {"operators", "comparisons"}:
            return super().call(row, column, arguments)
        key = (row.name, *(str(id(a)) for a in arguments))
        if key not in self._known:
            call = super().call
            found = (
                apply_elementwise(column, arguments)
                if row.name in _NO_UFUNCS
                else call(row, column, arguments)
            )
            self._known[key] = tuple(arguments), found
        return self._known[key][1]

    def take(self, value: Any, mask: Any) -> Any:
        """Return the points where the mask holds."""
        return super().take(plain(value), plain(mask))

    def merge(self, mask: Any, taken: Any, other: Any) -> Array:
        """Return what two branches gave, each at its points."""
        return super().merge(plain(mask), taken, other)


def _with_outside(row: Function, found: Estimate, arguments: Sequence[Any]) -> Estimate:
    """Add where a function is outside its domain, or an argument already is."""
    outside: Any = 0
    for a in arguments:
        if is_anywhere(_outside(a)):
            outside = np.where(outside, outside, _outside(a))
    condition = domain(row.name)
    if condition is not None and is_anywhere(np.isnan(size_of(found.value))):
        undefined = np.isnan(found.value)
        values = [_value(a) for a in arguments]
        names = row.parameter_names
        holds = read(condition, ARRAYS, dict(zip(names, values, strict=False)))
        known = np.logical_and.reduce(np.broadcast_arrays(*map(np.isfinite, values)))
        # an exponent is an integer or is none: a rounded one does not say
        exact = np.logical_and.reduce([np.all(_error(a) == 0) for a in arguments[1:]])
        here = undefined & known & exact & np.logical_not(holds)
        outside = np.where(outside, outside, np.where(here, FUNCTIONS.index(row.name), 0))
    return dataclasses.replace(found, outside=outside) if is_anywhere(outside) else found


def _as_estimate(value: Any) -> Any:  # a condition counts as 0 or 1
    return value if isinstance(value, Estimate) else Estimate(np.where(value, 1.0, 0.0))


def _rounded(value: Number, unit: float = UNIT) -> Number:
    """Return what rounding and gradual underflow may cost."""
    return _loss(size_of(value), unit)


def _loss(size: Number, unit: float = UNIT) -> Number:
    """Return what rounding and gradual underflow may cost a number of this size."""
    return unit * size + UNDERFLOW_ERROR


def _product(x: Number, x_error: Number, y: Number, y_error: Number) -> tuple[Number, Number]:
    """Return x·y with its error, which is none where a factor is exactly zero, or one."""
    if _is_one(x, x_error):
        return y, y_error
    if _is_one(y, y_error):
        return x, x_error
    product = x * y
    x_size, y_size = size_of(x), size_of(y)
    error = x_size * y_error + y_size * x_error + x_error * y_error + _loss(x_size * y_size)
    zero = ((x_size == 0) & (x_error == 0)) | ((y_size == 0) & (y_error == 0))
    if not is_anywhere(zero):
        return product, error
    return product, np.where(zero, 0 * (x_size * y_size + x_error + y_error), error)


def _is_one(x: Number, error: Number) -> bool:
    return np.ndim(x) == 0 and np.ndim(error) == 0 and bool(x == 1) and bool(error == 0)


def _sum_of(slopes: Sequence[tuple[Number, Number, Number, Number]]) -> tuple[Any, Any]:
    """Return Σ d·t with its error, for partial derivatives d and slopes t with theirs."""
    total: Number = None
    error: Number = 0.0
    for d, d_error, t, t_error in slopes:
        product, product_error = _product(d, d_error, t, t_error)
        error = error + product_error
        if total is None:
            total = product
        else:
            before, total = total, total + product
            error = error + UNIT * size_of_sum(total, before, product)
    return total, error


def _combined(
    value: Number, error: Number, parts: Sequence[tuple[Number, Number, Estimate]]
) -> Estimate:
    """Return an estimate from the partial derivatives by its arguments."""
    slopes = [(d, e, x.slope, x.slope_error) for d, e, x in parts if x.slope is not None]
    return Estimate(value, error, *_sum_of(slopes))


def _add(x: Estimate, y: Estimate) -> Estimate:
    value = x.value + y.value
    error = x.error + y.error + UNIT * size_of_sum(value, x.value, y.value)
    return _combined(value, error, [(1.0, 0.0, x), (1.0, 0.0, y)])


def _subtract(x: Estimate, y: Estimate) -> Estimate:
    if x is y:
        return _hidden(x, 0.0)
    value = x.value - y.value
    error = x.error + y.error + UNIT * size_of_sum(value, x.value, y.value)
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
    size = size_of(value)
    error = _times(2 * size, _trusted(x.error, x.value) * size) + _rounded(value)
    if x.slope is None:
        return Estimate(value, error)
    d = -(value**2)
    return _combined(value, error, [(d, 2 * size * error + _rounded(d, 2 * UNIT), x)])


def _trusted(error: Number, value: Number) -> Number:
    """Return an error where a bound of first order can use it beside a pole at 0, else infinity."""
    return np.where(error <= _TRUSTED * least(value), error, np.inf)


def _power(x: Estimate, exponent: Estimate) -> Estimate:
    y = exponent.value
    value = x.value**y
    if exponent.slope is None and np.ndim(y) == 0 and exponent.error == 0:
        if y == 0:
            return _hidden(x, 1.0)
        # relative: a derivative may underflow where the value does not
        off = np.where(x.error == 0, 0.0, _trusted(x.error, x.value) / least(x.value))
        error = _times(2 * abs(y) * size_of(value), off) + _rounded(value, _ELEMENTARY)
        if x.slope is None:
            return Estimate(value, error)
        d = y * (x.value if y == 2 else x.value ** (y - 1))
        d_error = _times(2 * abs(y - 1) * size_of(d), off) + _rounded(d, _ELEMENTARY)
        if not float(y).is_integer():  # y - 1 is rounded
            d_error = d_error + size_of(d * np.log(x.value) * (y - 1)) * UNIT
        return _combined(value, error, [(d, d_error, x)])
    logarithm = _chain_of("log", x)
    return _chain_of("exp", _multiply(exponent, logarithm))


def _times(factor: Number, error: Number) -> Number:
    """Return factor·error, 0 for no error whatever the factor."""
    return np.where(error == 0, 0.0, factor * error)


def _chain_of(name: str, x: Estimate) -> Estimate:
    return _chain(CATALOGUE[name], (x,), Estimates())


def _chain(row: Function, arguments: Sequence[Estimate], reading: Estimates) -> Estimate:
    """Return f(u) and its slope Σ ∂f/∂u_i·u_i', by the row's derivative."""
    column = row.column("numpy")
    assert column is not None  # noqa: S101  (the caller saw to it)
    value = reading.arrays.call(row, column, [a.value for a in arguments])
    texts = row.derivative
    if row.name in _DERIVATIVES and not (isinstance(value, Blocks) and _is_small(arguments)):
        texts = _DERIVATIVES[row.name]
    names = row.parameter_names
    still = {n: Estimate(a.value, a.error) for n, a in zip(names, arguments, strict=True)}
    pairs = [
        (text, a)
        for text, a in zip(texts if isinstance(texts, tuple) else (texts,), arguments, strict=True)
        if text is not None and (a.slope is not None or is_anywhere(a.error))
    ]
    # Within a derivative no slope is wanted, and none is computed for the sake of an error.
    partials = {
        text: _estimated(template(text), Estimates(reading), still)
        for text, a in pairs
        if not (reading.within and a.slope is None) and "result" not in template(text).inputs
    }
    error, size = _loss_of(row, arguments, value), size_of(value)
    plain = {**{n: a.value for n, a in still.items()}, "result": value}
    for text, a in pairs:
        if is_anywhere(a.error):
            known = partials.get(text)
            d = read(template(text), reading.arrays, plain) if known is None else known.value
            error = error + _moved(size, size_of(d), a.error)
    still["result"] = Estimate(value, error)  # by now it says how far the result itself moves
    parts = []
    for text, a in pairs:
        if reading.within and a.slope is None:
            continue
        partial = partials.get(text)
        if partial is None:
            partial = _estimated(template(text), Estimates(reading), still)
        error = error + _bent(partial, a)
        if a.slope is not None:
            parts.append((partial.value, partial.error, a))
    return _combined(value, error, parts)


def _is_small(arguments: Sequence[Estimate]) -> bool:
    return bool(np.all(size_of(arguments[0].value) < _FLAT))


def _loss_of(row: Function, arguments: Sequence[Estimate], value: Number) -> Number:
    """Return how far numpy's or scipy's function may be off at the arguments as they are."""
    if row.group != "special":
        error = _rounded(value, _ELEMENTARY)
        if row.name == "logaddexp":  # the larger one, and the logarithm of a number from 1 to 2
            larger = np.maximum(*(a.value for a in arguments))
            error = error + _rounded(larger, _ELEMENTARY)
        return error
    error = _rounded(value, _SPECIAL) + _FLUSHED
    if row.name in _WITH_ZEROS:
        error = error + _SPECIAL_ABSOLUTE
    if row.crossings:  # scipy loses digits near the poles
        x = arguments[-1].value
        off = (np.abs(x) < _NEAR) & (np.abs(x - np.rint(x)) > _OFF_POLES)
        if row.name == "polygamma":  # and many of them below 0, more with every order
            off = np.zeros((), dtype=bool)
        error = np.where(everywhere((x > 0) | off), error, np.inf)
    return error


def _bent(partial: Estimate, a: Estimate) -> Number:
    """Return what the error of a derivative adds to that of a value.

    A bound of first order is none where the derivative is uncertain: beside a pole.
    """
    added = _times(partial.error, a.error)
    if not is_anywhere((partial.error > _STEADY) & (a.error != 0)):
        return added
    steady = partial.error <= _STEADY * (1 + least(partial.value))
    return np.where(steady | (a.error == 0), added, np.inf)


def _moved(size: Number, d: Number, error: Number) -> Number:
    """Return how far f(u) moves with u, from the sizes of f and f' and the error of u."""
    trusted = np.where(error <= _TRUSTED, error, np.inf)
    return _times(2 * d, trusted) + _times(_CURVED * (size + d), trusted**2)


def _negate(x: Estimate) -> Estimate:
    slope = None if x.slope is None else -x.slope
    return Estimate(-x.value, x.error, slope, x.slope_error)


def _choose(mask: Any, x: Any, y: Any) -> Any:  # estimates, or conditions
    if isinstance(mask, bool | np.bool_):
        return x if mask else y
    x, y = _as_estimate(x), _as_estimate(y)
    if isinstance(mask, Blocks) and (mask.all() or not mask.any()):
        return x if mask.all() else y  # nearly always: the points of a range stand in order
    either = is_anywhere(x.outside) or is_anywhere(y.outside)
    outside = np.where(mask, x.outside, y.outside) if either else 0
    value = np.where(mask, x.value, y.value)
    error = larger_of(mask, x.error, y.error)
    if x.slope is None and y.slope is None:
        return Estimate(value, error, outside=outside)
    slopes = [0.0 if a.slope is None else a.slope for a in (x, y)]
    slope_error = larger_of(mask, x.slope_error, y.slope_error)
    return Estimate(value, error, np.where(mask, *slopes), slope_error, outside)


def _value(x: Any) -> Any:  # a condition counts as 0 or 1
    return x.value if isinstance(x, Estimate) else np.where(x, 1.0, 0.0)


def _error(x: Any) -> Any:
    return x.error if isinstance(x, Estimate) else 0.0


def _outside(x: Any) -> Any:
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
# Where the row's own text cancels: beyond some |x|.
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
        For every input its coordinates, taken exactly; shape (n,), or (blocks, m).
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
    return estimate_together([program], columns, variable)[0]


def estimate_together(
    programs: Sequence[Program], columns: Mapping[str, Array], variable: str | None
) -> list[Estimate]:
    """Return the estimates of some programs in which equal nodes have equal numbers.

    What they share is computed once: a program and its switches. See `estimate`.
    """
    inputs = {
        name: Estimate(in_blocks(column), 0.0, 1.0 if name == variable else None)
        for name, column in columns.items()
    }
    arithmetic, cache = Estimates(), dict[int, Any]()
    with np.errstate(all="ignore"):
        return [
            _kept(_as_estimate(read(program, arithmetic, inputs, cache=cache)), arithmetic)
            for program in programs
        ]


def _estimated(program: Program, arithmetic: Estimates, inputs: Mapping[str, Estimate]) -> Estimate:
    return _kept(_as_estimate(read(program, arithmetic, inputs)), arithmetic)


def _kept(found: Estimate, arithmetic: Estimates) -> Estimate:
    """Return an estimate that says nothing where something uncertain was compared."""
    if not is_anywhere(arithmetic.lost):
        return found
    kept = everywhere(np.logical_not(arithmetic.lost))
    return dataclasses.replace(
        found,
        error=np.where(kept, found.error, np.inf),
        outside=np.where(kept, found.outside, 0),
    )
