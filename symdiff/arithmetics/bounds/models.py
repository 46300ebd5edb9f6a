"""Values with running error bounds, and the error models of single operations.

An estimate consists of a value and its derivative along one variable, each with an error bound.
The operations here propagate the bounds through arithmetic, choices and the chain rule, and add the
rounding error of numpy's and scipy's functions.  They accept arrays, blocks and single numbers.

Source: running error analysis as in Higham 2002, section 3.3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.bounds.block_bounds import (
    everywhere,
    is_anywhere,
    larger_of,
    least,
    size_of,
    size_of_sum,
)
from symdiff.arithmetics.bounds.blocks import Blocks
from symdiff.catalogue import Function

Number = Any  # an array, blocks or a double

_TRUTH_VALUES: Final = (bool, np.bool_)
UNIT: Final = 2.0**-53  # relative error of one rounding to double
UNDERFLOW_ERROR: Final = 2.0**-1060  # absolute error that gradual underflow may cause
ELEMENTARY: Final = 8 * UNIT  # relative error of numpy's elementary functions: 4 ulps
_SPECIAL: Final = 2.0**-40  # relative error of scipy's special functions
_FLUSHED: Final = 2.0**-1020  # absolute error of special functions, which flush to 0 early
_SPECIAL_ABSOLUTE: Final = 2.0**-44  # absolute error of the functions in `_WITH_ZEROS`
# Special functions that are not computed by a series around their zeros.
_WITH_ZEROS: Final = frozenset({"lgamma", "digamma"})
# Special functions that lose many digits everywhere below 0.
_INEXACT_BELOW_0: Final = frozenset({"polygamma"})
# The larger term of functions that are computed as a sum. For logaddexp it is the larger argument;
# the smaller term is the logarithm of a number from 1 to 2.
LARGER_TERMS: Final[Mapping[str, Callable[..., Number]]] = MappingProxyType(
    {"logaddexp": np.maximum}
)
_NEAR: Final = 64.0  # size up to which functions with poles at the integers are accurate below 0
_OFF_POLES: Final = 2.0**-4  # distance from a pole at which they are accurate
# The largest error of an argument for which a first-order bound is used.
_MAX_ERROR: Final = 2.0**-20
# The largest error of a derivative d, relative to 1 + |d|, for which a first-order bound is used.
_MAX_UNCERTAINTY: Final = 2.0**-10
# A bound of |f''|/2 relative to |f| + |f'|, for every function where f' vanishes.
_CURVATURE: Final = 2.0**7


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """A value and a derivative along one variable, each with a bound of its error.

    Attributes
    ----------
    value, error
        Shape (n,) both; or blocks of shape (blocks, m) and errors of shape (blocks, 1); or one
        number for all points.
    slope, slope_error
        The derivative and its error, with the same shapes. The slope is None if it is exactly zero.
    outside
        Index in `estimates.FUNCTIONS` of a function whose argument is outside its domain; 0 where
        there is none. It is certified only where the arguments are clearly off the boundary.
    """

    value: Number
    error: Number = 0.0
    slope: Number | None = None
    slope_error: Number = 0.0
    outside: Any = 0


def as_estimate(value: Any) -> Any:
    """Return an estimate unchanged, and a condition as an estimate of 0 or 1."""
    return value if isinstance(value, Estimate) else Estimate(np.where(value, 1.0, 0.0))


def rounding_of(value: Number, unit: float = UNIT) -> Number:
    """Return a bound of the error of rounding a number, gradual underflow included."""
    return rounding_of_size(size_of(value), unit)


def rounding_of_size(size: Number, unit: float = UNIT) -> Number:
    """Return a bound of the error of rounding a number of this size, underflow included."""
    return unit * size + UNDERFLOW_ERROR


def _product(x: Number, x_error: Number, y: Number, y_error: Number) -> tuple[Number, Number]:
    """Return x·y and its error bound, which is 0 where a factor is exactly 0."""
    if _is_one(x, x_error):
        return y, y_error
    if _is_one(y, y_error):
        return x, x_error
    product = x * y
    x_size, y_size = size_of(x), size_of(y)
    error = (
        x_size * y_error + y_size * x_error + x_error * y_error + rounding_of_size(x_size * y_size)
    )
    zero = ((x_size == 0) & (x_error == 0)) | ((y_size == 0) & (y_error == 0))
    if not is_anywhere(zero):
        return product, error
    return product, np.where(zero, 0 * (x_size * y_size + x_error + y_error), error)


def _is_one(x: Number, error: Number) -> bool:
    if isinstance(x, np.ndarray) and x.ndim:  # the usual case
        return False
    return np.ndim(x) == 0 and np.ndim(error) == 0 and bool(x == 1) and bool(error == 0)


def _sum_of_products(slopes: Sequence[tuple[Number, Number, Number, Number]]) -> tuple[Any, Any]:
    """Return Σ d·t and its error, for tuples (d, error of d, t, error of t)."""
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


def with_chain_rule(
    value: Number, error: Number, parts: Sequence[tuple[Number, Number, Estimate]]
) -> Estimate:
    """Return an estimate with the slope Σ d·slope of the argument.

    Parameters
    ----------
    value, error
        The value and its error.
    parts
        For every argument the partial derivative d, its error, and the argument.
    """
    slopes = [(d, e, x.slope, x.slope_error) for d, e, x in parts if x.slope is not None]
    return Estimate(value, error, *_sum_of_products(slopes))


def add(x: Estimate, y: Estimate) -> Estimate:
    """Return x + y."""
    value = x.value + y.value
    error = x.error + y.error + UNIT * size_of_sum(value, x.value, y.value)
    result = with_chain_rule(value, error, [(1.0, 0.0, x), (1.0, 0.0, y)])
    return with_infinities(result, (x, y)) if is_anywhere(np.isinf(error)) else result


def subtract(x: Estimate, y: Estimate) -> Estimate:
    """Return x - y; exactly 0 for x - x."""
    if x is y:
        return constant_where_defined(x, 0.0)
    value = x.value - y.value
    error = x.error + y.error + UNIT * size_of_sum(value, x.value, y.value)
    result = with_chain_rule(value, error, [(1.0, 0.0, x), (-1.0, 0.0, y)])
    return with_infinities(result, (x, y)) if is_anywhere(np.isinf(error)) else result


def is_infinity(x: Any) -> Any:
    """Return where an estimate is the constant inf or -inf, not an overflow or a pole."""
    return np.isinf(value_of(x)) & np.equal(error_of(x), 0)


def with_infinities(result: Estimate, arguments: Sequence[Any]) -> Estimate:
    """Return a result that is constant, without error, where it is infinite like an argument.

    Where an argument is infinite and the result is not, it is constant with the error of rounding,
    as for atan(inf), or exactly 0, as for exp(-inf).
    """
    if isinstance(result.value, Blocks):
        return result
    infinite = np.logical_or.reduce(np.broadcast_arrays(*map(is_infinity, arguments)))
    if not is_anywhere(infinite):
        return result
    constant = infinite & ~np.isnan(result.value)
    exact = np.isinf(result.value) | np.equal(result.value, 0)
    rounding = np.where(exact, 0.0, rounding_of(result.value, ELEMENTARY))
    error = np.where(constant, rounding, result.error)
    if result.slope is None:
        return dataclasses.replace(result, error=error)
    slope = np.where(constant, 0.0, result.slope)
    slope_error = np.where(constant, 0.0, result.slope_error)
    return dataclasses.replace(result, error=error, slope=slope, slope_error=slope_error)


def constant_where_defined(x: Estimate, value: float) -> Estimate:
    """Return `value` where x is finite with a finite error, NaN elsewhere (x - x, x**0)."""
    is_finite = np.isfinite(x.value) & np.isfinite(x.error)
    return Estimate(np.where(is_finite, value, np.nan))


def multiply(x: Estimate, y: Estimate) -> Estimate:
    """Return x·y."""
    value, error = _product(x.value, x.error, y.value, y.error)
    return with_chain_rule(value, error, [(y.value, y.error, x), (x.value, x.error, y)])


def inverse(x: Estimate) -> Estimate:
    """Return 1/x."""
    value = 1 / x.value
    # not computed by value**2, which may underflow
    size = size_of(value)
    error = scaled_error(2 * size, small_relative(x.error, x.value) * size) + rounding_of(value)
    if x.slope is None:
        return Estimate(value, error)
    d = -(value**2)
    return with_chain_rule(value, error, [(d, 2 * size * error + rounding_of(d, 2 * UNIT), x)])


def small_relative(error: Number, value: Number) -> Number:
    """Return the error if it is much smaller than the value, else infinity.

    A first-order bound of a function with a pole at 0 is valid only far from the pole.
    """
    return np.where(error <= _MAX_ERROR * least(value), error, np.inf)


def scaled_error(factor: Number, error: Number) -> Number:
    """Return factor·error, and 0 for a zero error even if the factor is infinite or NaN."""
    return np.where(error == 0, 0.0, factor * error)


def kernel_error(row: Function, arguments: Sequence[Estimate], value: Number) -> Number:
    """Return a bound of the error of numpy's or scipy's function for exact arguments."""
    if not row.is_special:
        error = rounding_of(value, ELEMENTARY)
        if row.definition is not None and row.derivative is not None:
            error = error + _FLUSHED  # torch's sigmoid is 0 where e**-x overflows
        if row.name in LARGER_TERMS:
            larger = LARGER_TERMS[row.name](*(a.value for a in arguments))
            error = error + rounding_of(larger, ELEMENTARY)
        return error
    error = rounding_of(value, _SPECIAL) + _FLUSHED
    if row.name in _WITH_ZEROS:
        error = error + _SPECIAL_ABSOLUTE
    if row.crossings:  # scipy loses digits next to the poles
        x = arguments[-1].value
        off = (np.abs(x) < _NEAR) & (np.abs(x - np.rint(x)) > _OFF_POLES)
        if row.name in _INEXACT_BELOW_0:
            off = np.zeros((), dtype=bool)
        error = np.where(everywhere((x > 0) | off), error, np.inf)
    return error


def second_order_error(partial: Estimate, a: Estimate) -> Number:
    """Return what the error of a derivative adds to the error of a value.

    A first-order bound is invalid where the derivative is uncertain, e.g. near a pole: there the
    result is infinite.
    """
    added = scaled_error(partial.error, a.error)
    if not is_anywhere((partial.error > _MAX_UNCERTAINTY) & (a.error != 0)):
        return added
    steady = partial.error <= _MAX_UNCERTAINTY * (1 + least(partial.value))
    return np.where(steady | (a.error == 0), added, np.inf)


def propagated_error(size: Number, d: Number, error: Number) -> Number:
    """Return a bound of the error of f(u), from the error of u and the sizes of f and f'."""
    usable = np.where(error <= _MAX_ERROR, error, np.inf)
    return scaled_error(2 * d, usable) + scaled_error(_CURVATURE * (size + d), usable**2)


def negate(x: Estimate) -> Estimate:
    """Return -x."""
    slope = None if x.slope is None else -x.slope
    return Estimate(-x.value, x.error, slope, x.slope_error)


def choose(mask: Any, x: Any, y: Any) -> Any:
    """Return ``where(mask, x, y)`` for estimates or conditions."""
    if isinstance(mask, _TRUTH_VALUES):
        return x if mask else y
    x, y = as_estimate(x), as_estimate(y)
    if isinstance(mask, Blocks) and (mask.all() or not mask.any()):
        return x if mask.all() else y  # nearly always, since the points of a range are sorted
    either = is_anywhere(x.outside) or is_anywhere(y.outside)
    outside = np.where(mask, x.outside, y.outside) if either else 0
    value = np.where(mask, x.value, y.value)
    error = larger_of(mask, x.error, y.error)
    if x.slope is None and y.slope is None:
        return Estimate(value, error, outside=outside)
    slopes = [0.0 if a.slope is None else a.slope for a in (x, y)]
    slope_error = larger_of(mask, x.slope_error, y.slope_error)
    return Estimate(value, error, np.where(mask, *slopes), slope_error, outside)


def value_of(x: Any) -> Any:
    """Return the value of an estimate, or a condition as 0 or 1."""
    return x.value if isinstance(x, Estimate) else np.where(x, 1.0, 0.0)


def error_of(x: Any) -> Any:
    """Return the error of an estimate; a condition has none."""
    return x.error if isinstance(x, Estimate) else 0.0


def outside_of(x: Any) -> Any:
    """Return `Estimate.outside`; 0 for a condition."""
    return x.outside if isinstance(x, Estimate) else 0
