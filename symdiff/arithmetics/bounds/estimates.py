"""Read a Program on whole arrays with running error bounds.

The value and the derivative along one variable each come with a bound of their rounding error.  A
bound is of first order, doubled; it is infinite where the errors are too large for a first-order
bound.  Where two numbers that are compared are closer than their errors, the branch is uncertain
and the error bound is infinite.  Exact ties are not handled here: callers estimate the switches as
well, and certify a point only where each is clearly off zero.

Points are arrays of shape (n,), each with its bounds, or blocks of shape (blocks, m) with one bound
for a block, computed from the largest and the smallest numbers in it.  Blocks are much faster, and
nearly everywhere their bounds suffice.

Source: running error analysis as in Higham 2002, section 3.3; the two stages as in Shewchuk 1997,
section 4.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.arrays import ARRAYS, within_doubles
from symdiff.arithmetics.bounds.block_bounds import everywhere, is_anywhere, least, size_of
from symdiff.arithmetics.bounds.blocks import Blocks, in_blocks
from symdiff.arithmetics.bounds.cached_arrays import CachedArrays
from symdiff.arithmetics.bounds.models import (
    ELEMENTARY,
    LARGER_TERMS,
    UNIT,
    Estimate,
    add,
    as_estimate,
    choose,
    constant_where_defined,
    error_of,
    inverse,
    is_infinity,
    kernel_error,
    multiply,
    negate,
    outside_of,
    propagated_error,
    rounding_of,
    scaled_error,
    second_order_error,
    small_relative,
    subtract,
    value_of,
    with_chain_rule,
    with_infinities,
)
from symdiff.arithmetics.extended import AT_INFINITY
from symdiff.arithmetics.reading import read
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE, CONSTANTS, Function
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.parser import domain, template

# A switch is clearly off zero if it exceeds this multiple of its error.
CLEARLY_OFF: Final = 2.0**10
_FEW_DIGITS_LOST: Final = 3.0  # 1 - tanh(x)**2 loses few digits for |x| below this
# The names that `Estimate.outside` is an index into.
FUNCTIONS: Final = ("", *CATALOGUE)


class Estimates:
    """The arithmetic of estimates; see `reading.Arithmetic`.

    Parameters
    ----------
    outer
        None for reading a program. For reading the derivative of a row, the arithmetic that reads
        the program.

    Attributes
    ----------
    reads_derivative
        Whether this reads the derivative of a row.
    arrays
        The arithmetic that computes the values.
    uncertain
        Where an undefined or uncertain number was compared, so that the result has no bound.
    """

    def __init__(self, outer: Estimates | None = None) -> None:
        """Start without uncertain comparisons."""
        self.reads_derivative = outer is not None
        self.arrays: CachedArrays = CachedArrays() if outer is None else outer.arrays
        self.uncertain: Any = False

    def has_column(self, row: Function) -> bool:
        """Return whether a row has a column of estimates; then `call` checks its comparisons."""
        return row.name in _COLUMNS

    def column(self, row: Function) -> Callable[..., Any] | None:
        """Return what a row means on estimates, or None where it is read by its definition."""
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
        # A number of numpy, because one of Python raises an error where it overflows.
        nearest = np.float64(within_doubles(value))
        return Estimate(nearest, 0.0 if nearest == value else abs(nearest) * UNIT)

    def constant(self, name: str) -> Estimate:
        """Return a named constant."""
        value = np.float64(CONSTANTS[name])
        return Estimate(value, 0.0 if name == "inf" else value * UNIT)

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply a column; note uncertain comparisons and arguments outside the domain."""
        if row.returns == "real" and not row.takes_condition:
            arguments = [as_estimate(a) for a in arguments]
        if row.name in _COLUMNS and row.switches and not callable(row.switches):
            # A comparison with NaN is False, which would hide the NaN.
            self._compare(arguments, allowed=row.returns == "real")
        result = column(*arguments)
        if not row.takes_condition and isinstance(result, Estimate):
            return _with_outside(row, result, arguments)
        return result

    def defined(self, row: Function, arguments: Sequence[Any], result: Any) -> Any:
        """Return the result of a definition, `outside` or uncertain where an argument is."""
        numbers = [a for a in arguments if isinstance(a, Estimate)]
        for a in numbers:
            self._note_undefined(a, allowed=True)
        if row.needs_arguments:
            return _with_outside(row, result, numbers)
        return self._replaced(numbers, result)

    def _replaced(self, numbers: Sequence[Estimate], result: Estimate) -> Estimate:
        """Return the value of a function that puts its second number where the first is undefined.

        The first number replaces an undefined second one as well.
        """
        first, second = numbers[0], numbers[1] if len(numbers) > 1 else Estimate(np.float64(0))
        undefined = [np.not_equal(a.outside, 0) & np.isnan(a.value) for a in (first, second)]
        for a, nan in zip((first, second), undefined, strict=True):
            self.uncertain = (
                self.uncertain | np.isinf(a.value) | (np.not_equal(a.outside, 0) & ~nan)
            )
        if not any(map(is_anywhere, undefined)):
            return result
        if isinstance(result.value, Blocks):
            self.uncertain = self.uncertain | undefined[0] | undefined[1]
            return result
        inner = choose(undefined[1], first, dataclasses.replace(result, outside=0))
        replaced: Estimate = choose(undefined[0], second, inner)
        return replaced

    def _note_undefined(self, a: Any, *, allowed: bool) -> None:
        """Note where a number is undefined; if `allowed`, only where it is not certified to be."""
        value = value_of(a)
        if not is_anywhere(~np.isfinite(size_of(value))):
            return
        outside = np.not_equal(outside_of(a), 0)
        undefined = np.isnan(value) & np.logical_not(np.logical_and(allowed, outside))
        # the constant inf is exact; an overflow or a pole is not
        infinite = np.isinf(value) & np.not_equal(error_of(a), 0)
        self.uncertain = self.uncertain | undefined | infinite

    def _compare(self, arguments: Sequence[Any], *, allowed: bool) -> None:
        """Note where a comparison is uncertain or undefined.

        `allowed` says whether a number outside the domain of a function may be compared: it may if
        the result is a number, which is then outside as well.
        """
        for a in arguments:
            outside = np.not_equal(outside_of(a), 0)
            if not allowed and is_anywhere(outside):  # an earlier choice may have replaced the NaN
                self.uncertain = self.uncertain | outside
            self._note_undefined(a, allowed=allowed)
        gap = value_of(arguments[0]) - (value_of(arguments[1]) if len(arguments) > 1 else 0.0)
        error = sum(error_of(a) for a in arguments)
        if is_anywhere(error != 0):
            # An error is NaN where it has no bound: 0·inf in the square of a number around 0.
            unbounded = np.isnan(error) & ~np.isnan(gap)
            self.uncertain = self.uncertain | ((np.abs(gap) <= error) & (error != 0)) | unbounded


def _outside_of_any(arguments: Sequence[Any]) -> Any:
    """Return `Estimate.outside` of the first argument that is outside a domain, else 0."""
    outside: Any = 0
    for a in arguments:
        if is_anywhere(outside_of(a)):
            outside = np.where(outside, outside, outside_of(a))
    return outside


def _is_constant(x: Any) -> bool:
    """Return whether an estimate is one exact finite number for all points."""
    if not isinstance(x, Estimate) or x.slope is not None:
        return False
    return np.ndim(x.value) == 0 and bool(np.all(x.error == 0)) and bool(np.isfinite(x.value))


def _with_outside(row: Function, result: Estimate, arguments: Sequence[Any]) -> Estimate:
    """Return an estimate with `outside` set where the row or an argument is outside a domain.

    In numpy a function of an array is NaN outside its domain, except where a switch vanishes. Of
    constants the switches do not count, so their domain is tested: atan2(0, 0) is 0 in numpy.
    """
    outside = _outside_of_any(arguments)
    condition = domain(row.name)
    if condition is None:
        return result if not is_anywhere(outside) else dataclasses.replace(result, outside=outside)
    constant = all(map(_is_constant, arguments))
    if constant or is_anywhere(np.isnan(size_of(result.value))):
        undefined = True if constant else np.isnan(result.value)
        values = [value_of(a) for a in arguments]
        names = row.parameter_names
        holds = read(condition, ARRAYS, dict(zip(names, values, strict=False)))
        are_finite = np.logical_and.reduce(np.broadcast_arrays(*map(np.isfinite, values)))
        # a rounded exponent does not show whether the exact one is an integer
        exact = np.logical_and.reduce([np.all(error_of(a) == 0) for a in arguments[1:]])
        here = undefined & are_finite & exact & np.logical_not(holds)
        outside = np.where(outside, outside, np.where(here, FUNCTIONS.index(row.name), 0))
    return dataclasses.replace(result, outside=outside) if is_anywhere(outside) else result


def _power(x: Estimate, exponent: Estimate) -> Estimate:
    y = exponent.value
    value = x.value**y
    if exponent.slope is None and np.ndim(y) == 0 and exponent.error == 0:
        if y == 0:
            return constant_where_defined(x, 1.0)
        # The relative error of x: a derivative may underflow where the value does not.
        relative = np.where(x.error == 0, 0.0, small_relative(x.error, x.value) / least(x.value))
        error = scaled_error(2 * abs(y) * size_of(value), relative) + rounding_of(value, ELEMENTARY)
        if x.slope is None:
            return Estimate(value, error)
        d = y * (x.value if y == 2 else x.value ** (y - 1))
        d_error = scaled_error(2 * abs(y - 1) * size_of(d), relative) + rounding_of(d, ELEMENTARY)
        if not float(y).is_integer():  # y - 1 is rounded
            d_error = d_error + size_of(d * np.log(x.value) * (y - 1)) * UNIT
        return with_chain_rule(value, error, [(d, d_error, x)])
    logarithm = _chain_of("log", x)
    return _chain_of("exp", multiply(exponent, logarithm))


def _chain_of(name: str, x: Estimate) -> Estimate:
    return _chain(CATALOGUE[name], (x,), Estimates())


def _is_small(arguments: Sequence[Estimate]) -> bool:
    return bool(np.all(size_of(arguments[0].value) < _FEW_DIGITS_LOST))


def _chain(row: Function, arguments: Sequence[Estimate], reading: Estimates) -> Estimate:
    """Return f(u) and its slope Σ ∂f/∂u_i·u_i', by the row's derivative.

    Parameters
    ----------
    row
        The row of f, which has a column for numpy and a derivative.
    arguments
        The estimates u_i.
    reading
        The arithmetic that reads the program.
    """
    column = row.column("numpy")
    assert column is not None  # noqa: S101  (the caller has checked it)
    value = reading.arrays.call(row, column, [a.value for a in arguments])
    texts = row.derivative
    if row.name in _DERIVATIVES and not (isinstance(value, Blocks) and _is_small(arguments)):
        texts = _DERIVATIVES[row.name]
    names = row.parameter_names
    fixed = {n: Estimate(a.value, a.error) for n, a in zip(names, arguments, strict=True)}
    pairs = [
        (text, a)
        for text, a in zip(texts if isinstance(texts, tuple) else (texts,), arguments, strict=True)
        if text is not None and (a.slope is not None or is_anywhere(a.error))
    ]
    # While the derivative of a row is read, partial derivatives with respect to arguments
    # without a slope are not estimated: only the error would need them.
    partials = {
        text: _estimated(template(text), Estimates(reading), fixed)
        for text, a in pairs
        if not (reading.reads_derivative and a.slope is None)
        and "result" not in template(text).inputs
    }
    error, size = kernel_error(row, arguments, value), size_of(value)
    values = {**{n: a.value for n, a in fixed.items()}, "result": value}
    for text, a in pairs:
        if is_anywhere(a.error):
            partial = partials.get(text)
            d = read(template(text), reading.arrays, values) if partial is None else partial.value
            error = error + propagated_error(size, size_of(d), a.error)
    fixed["result"] = Estimate(value, error)  # its error now includes those of the arguments
    parts = []
    for text, a in pairs:
        if reading.reads_derivative and a.slope is None:
            continue
        partial = partials.get(text)
        if partial is None:
            partial = _estimated(template(text), Estimates(reading), fixed)
        error = error + second_order_error(partial, a)
        if a.slope is not None:
            parts.append((partial.value, partial.error, a))
    result = with_chain_rule(value, error, parts)
    if not any(is_anywhere(np.isinf(size_of(a.value))) for a in arguments):
        return result
    return _at_infinities(row, result, arguments)


def _at_infinities(row: Function, result: Estimate, arguments: Sequence[Estimate]) -> Estimate:
    """Return the result of a function, with its values where an argument is inf or -inf."""
    if len(arguments) == 1 and row.name in AT_INFINITY:
        return with_infinities(result, arguments)
    if row.name not in LARGER_TERMS:
        infinite = np.logical_or.reduce(np.broadcast_arrays(*map(is_infinity, arguments)))
        return dataclasses.replace(result, error=np.where(infinite, np.inf, result.error))
    for one, other in (arguments, arguments[::-1]):  # e^-inf = 0 adds nothing
        infinite = is_infinity(one)
        result = choose(infinite & (one.value < 0), other, choose(infinite, one, result))
    return result


def _comparison(name: str) -> Callable[..., Any]:
    return lambda x, y: getattr(np, name)(value_of(x), value_of(y))


_COLUMNS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": add,
        "subtract": subtract,
        "multiply": multiply,
        "divide": lambda x, y: multiply(x, inverse(y)),
        "power": _power,
        "negative": negate,
        "positive": lambda x: x,
        "abs": lambda x: choose(x.value >= 0, x, negate(x)),
        "sign": lambda x: Estimate(np.sign(x.value)),
        "maximum": lambda x, y: x if x is y else choose(x.value >= y.value, x, y),
        "minimum": lambda x, y: x if x is y else choose(x.value <= y.value, x, y),
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
        "where": choose,
        "ifelse": choose,
        "float": lambda x: x if isinstance(x, Estimate) else Estimate(np.where(x, 1.0, 0.0)),
    }
)
# Derivatives that replace those of the rows, which lose their digits by cancellation for large |x|.
_DERIVATIVES: Mapping[str, str] = MappingProxyType({"tanh": "1/cosh(x)**2"})


def estimate(program: Program, columns: Mapping[str, Array], variable: str | None) -> Estimate:
    """Return a Program's values and derivatives on arrays, with bounds of their errors.

    Parameters
    ----------
    program
        The program to evaluate.
    columns
        The coordinates of every input, taken exactly; shape (n,), or (blocks, m).
    variable
        The input to differentiate with respect to, or None for values only.

    Returns
    -------
    Estimate
        Nothing is certified where it is not finite or its error is infinite.

    Raises
    ------
    Unsupported
        A function of the program has no derivative to bound.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> result = estimate(parse("exp(x)*x"), {"x": np.array([0.0, 1.0])}, "x")
    >>> result.slope.round(6), bool((result.slope_error < 1e-13).all())
    (array([1.      , 5.436564]), True)
    """
    return estimate_together([program], columns, variable)[0]


def estimate_together(
    programs: Sequence[Program],
    columns: Mapping[str, Array],
    variable: str | None,
    arithmetic: Estimates | None = None,
) -> list[Estimate]:
    """Return the estimates of several programs over the same nodes, e.g. one and its switches.

    Shared nodes are computed once. See `estimate` for the arguments. `arithmetic` is the new
    arithmetic in which they are read, if it is not `Estimates()`.
    """
    inputs = {
        name: Estimate(in_blocks(column), 0.0, 1.0 if name == variable else None)
        for name, column in columns.items()
    }
    arithmetic, cache = arithmetic or Estimates(), dict[int, Any]()
    with np.errstate(all="ignore"):
        return [
            _with_uncertainty(
                as_estimate(read(program, arithmetic, inputs, cache=cache)), arithmetic
            )
            for program in programs
        ]


def _estimated(program: Program, arithmetic: Estimates, inputs: Mapping[str, Estimate]) -> Estimate:
    return _with_uncertainty(as_estimate(read(program, arithmetic, inputs)), arithmetic)


def _with_uncertainty(result: Estimate, arithmetic: Estimates) -> Estimate:
    """Return an estimate with an infinite error where something uncertain was compared."""
    if not is_anywhere(arithmetic.uncertain):
        return result
    certain = everywhere(np.logical_not(arithmetic.uncertain))
    return dataclasses.replace(
        result,
        error=np.where(certain, result.error, np.inf),
        outside=np.where(certain, result.outside, 0),
    )
