"""Read a Program on whole tensors with running error bounds.

Like `estimates`, with sums and matrix products.  A directional derivative (JVP) is certified only
where every switch of every component is clearly off zero.

Source: error bounds of sums and products as in Higham 2002, sections 3.1, 3.5 and 4.2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.bounds.estimates import CLEARLY_OFF, Estimates
from symdiff.arithmetics.bounds.models import (
    UNDERFLOW_ERROR,
    UNIT,
    Estimate,
    is_infinity,
    with_infinities,
)
from symdiff.arithmetics.reading import apply, read
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import Unsupported
from symdiff.program import Program

_SMALLEST_DOUBLE: Final = 2.0**-1074
_UNDERFLOW: Final = 2.0**-960  # smaller products in an error bound may have underflowed
_ROUNDED: Final = 1 + 2.0**-20  # factor for the roundings of the error bounds themselves
_BLOCK: Final = 32  # terms that a matrix product adds up in an order that is not fixed
# With an exponent above this, a first-order bound needs a larger distance of the base from 0.
_STEEP: Final = 2.0**10
# Functions whose error bound is infinite at the boundary of their domain.
_INSIDE: Final = frozenset({"log", "log1p", "sqrt"})


class _Elements:
    """Operations on tensors of estimates; see `catalogue.elements.Elements`."""

    def __init__(self, arithmetic: _TensorEstimates) -> None:
        self._arithmetic = arithmetic

    def shape(self, array: Any) -> tuple[int, ...]:
        return np.shape(array.value if isinstance(array, Estimate) else array)

    def each(self, function: str, *arguments: Any) -> Any:
        lifted = [self._lifted(a) for a in arguments]
        return apply(CATALOGUE[function], self._arithmetic, lifted)

    def _lifted(self, value: Any) -> Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return self._arithmetic.number(value) if is_number else value

    def total(self, array: Any, axes: tuple[int, ...], *, keep: bool) -> Estimate:
        x = _broadcast_bounds(array)
        if not np.ndim(x.value) or not axes:
            return x
        value, rounding = _sum(x.value, axes, keep=keep)
        error = _total(x.error, axes, keep=keep) + rounding
        if x.slope is None:
            total = Estimate(value, error)
        else:
            slope, rounding = _sum(x.slope, axes, keep=keep)
            slope_error = _total(x.slope_error, axes, keep=keep) + rounding
            total = Estimate(value, error, slope, slope_error)
        infinite = is_infinity(x)
        if not np.any(infinite):
            return total
        infinite = np.any(infinite, axis=axes, keepdims=keep)
        return with_infinities(total, [Estimate(np.where(infinite, value, 0.0))])

    def arrange(self, how: Callable[..., Any], *arrays: Any) -> Any:
        if not all(isinstance(a, Estimate) for a in arrays):
            return how(*arrays)  # conditions
        tensors = [_broadcast_bounds(a) for a in arrays]
        value, error = (how(*(getattr(x, f) for x in tensors)) for f in ("value", "error"))
        if all(x.slope is None for x in tensors):
            return Estimate(value, error)
        slopes = [np.zeros_like(x.value) if x.slope is None else x.slope for x in tensors]
        return Estimate(value, error, how(*slopes), how(*(x.slope_error for x in tensors)))

    def may_be_infinite(self, array: Any) -> bool:
        return bool(np.isinf(array.value if isinstance(array, Estimate) else array).any())

    def product(self, first: Any, second: Any) -> Estimate:
        x, y = _broadcast_bounds(first), _broadcast_bounds(second)
        value, error = _product(x.value, x.error, y.value, y.error)
        parts = []
        if x.slope is not None:
            parts.append(_product(x.slope, x.slope_error, y.value, y.error))
        if y.slope is not None:
            parts.append(_product(x.value, x.error, y.slope, y.slope_error))
        if not parts:
            return Estimate(value, error)
        slope = sum(part for part, _ in parts)
        return Estimate(value, error, slope, sum(e for _, e in parts) + UNIT * np.abs(slope))


class _TensorEstimates(Estimates):
    """The arithmetic of estimates of tensors; see `reading.Arithmetic`.

    Attributes
    ----------
    backward_formula
        Whether to read the formula of torch's backward pass, where a row has one.
    elements
        The operations on whole tensors.
    uncertain
        Whether some switch is not clearly off zero; then nothing is certified.
    sides
        The signs of every switch, in the order of the program.
    """

    def __init__(self, *, backward_formula: bool) -> None:
        super().__init__()
        self.backward_formula = backward_formula
        self.elements = _Elements(self)
        self.uncertain = False
        self.sides: list[Any] = []

    def column(self, row: Function) -> Callable[..., Any] | None:
        if row.array is not None:
            return None
        if row.role == "step" or row.is_power:
            return super().column(row)
        if row.definition is None or row.derivative is not None:
            is_nonsmooth = row.switches not in (None, ()) or row.crossings or row.domain is not None
            is_compared = row.returns == "condition" or super().has_column(row)
            if is_nonsmooth and not is_compared and row.name not in _INSIDE:
                raise Unsupported(row.name, "its switches are not checked in whole tensors")
        return super().column(row)

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        self._note_switches(row, arguments)
        result = super().call(row, column, arguments)
        # a scalar condition returns one branch, which may lack dimensions of the other
        return _broadcast(result, arguments) if row.role == "choice" else result

    def defined(self, row: Function, arguments: Sequence[Any], result: Any) -> Any:
        """Return the result of a definition; certify nothing if an argument is undefined."""
        del row
        numbers = [a for a in arguments if isinstance(a, Estimate)]
        self.uncertain |= any(bool(np.any(np.isnan(a.value))) for a in numbers)
        return result

    def _note_switches(self, row: Function, arguments: Sequence[Any]) -> None:
        """Set `uncertain` where a function may not be smooth, or its argument not be defined."""
        first = arguments[0]
        if row.is_power and isinstance(first, Estimate):
            exponent = arguments[1]
            is_fixed = isinstance(exponent, Estimate) and exponent.slope is None
            is_natural = is_fixed and np.all((exponent.value >= 0) & (exponent.value % 1 == 0))
            if not is_natural:
                self.uncertain |= _may_vanish(first.value, first.error)
            if is_fixed and not np.any(exponent.value):
                self.uncertain |= _may_be_undefined(first)
            if np.any(np.abs(exponent.value) > _STEEP):
                self.uncertain |= _may_vanish(first.value, np.abs(exponent.value) * first.error)
        if row.operator == "-" and first is arguments[1]:
            self.uncertain |= _may_be_undefined(first)
        if row.role == "step" and row.crossings:
            self.sides.append(np.floor(first.value))
            self.uncertain |= _may_vanish(first.value - np.rint(first.value), first.error)

    def _compare(self, arguments: Sequence[Any], *, allowed: bool) -> None:
        del allowed
        pairs = [(a.value, a.error) if isinstance(a, Estimate) else (a, 0.0) for a in arguments]
        gap = pairs[0][0] - (pairs[1][0] if len(pairs) > 1 else 0.0)
        if len(pairs) > 1 and np.any(np.isnan(gap)):  # inf and inf are equal constants
            gap = np.where(np.isinf(pairs[0][0]) & (pairs[0][0] == pairs[1][0]), np.inf, gap)
        self.sides.append(np.sign(gap))
        varies = any(isinstance(a, Estimate) and a.slope is not None for a in arguments)
        error = np.asarray(sum(e for _, e in pairs))
        exact = (error == 0) & ~np.isnan(gap) & (not varies)
        self.uncertain |= bool(np.any(~(np.abs(gap) > CLEARLY_OFF * error) & ~exact))


def _may_vanish(value: Any, error: Any) -> bool:
    """Return whether a number of a tensor may be zero or is NaN."""
    return not bool(np.all(np.abs(value) > CLEARLY_OFF * np.asarray(error)))


def _may_be_undefined(x: Any) -> bool:
    """Return whether an estimate is not finite somewhere, which x - x and x**0 would hide."""
    is_finite = np.isfinite(x.value) & np.isfinite(x.error) if isinstance(x, Estimate) else True
    return not np.all(is_finite)


def _broadcast(x: Any, arguments: Sequence[Any]) -> Estimate:
    """Return an estimate in the shape to which the arguments are broadcast."""
    shapes = [np.shape(a.value if isinstance(a, Estimate) else a) for a in arguments]
    shape = np.broadcast_shapes(*shapes)
    estimate = _broadcast_bounds(x)
    value = np.broadcast_to(estimate.value, shape)
    return _broadcast_bounds(dataclasses.replace(estimate, value=value))


def _broadcast_bounds(x: Any) -> Estimate:
    """Return an estimate or a condition as an estimate whose bounds have the shape of its value."""
    if not isinstance(x, Estimate):
        x = Estimate(np.where(x, 1.0, 0.0))
    shape = np.shape(x.value)
    slope = None if x.slope is None else np.broadcast_to(x.slope, shape)
    return Estimate(
        np.asarray(x.value, dtype=np.float64),
        np.broadcast_to(x.error, shape),
        slope,
        np.broadcast_to(x.slope_error, shape),
    )


def _total(x: Any, axes: tuple[int, ...], *, keep: bool) -> Any:
    return np.sum(x, axis=axes, keepdims=keep) * _ROUNDED


def _sum(x: Any, axes: tuple[int, ...], *, keep: bool) -> tuple[Any, Any]:
    """Return a sum computed pairwise, and a bound of its rounding error: log2(n)·u·Σ|x|."""
    shape = np.shape(x)
    inner = np.moveaxis(x, axes, range(-len(axes), 0))
    terms = inner.reshape(*inner.shape[: len(shape) - len(axes)], -1)
    levels = max(1, terms.shape[-1] - 1).bit_length()
    while terms.shape[-1] > 1:
        half = terms.shape[-1] // 2
        rest = terms[..., 2 * half :]
        terms = np.concatenate([terms[..., :half] + terms[..., half : 2 * half], rest], axis=-1)
    sizes = tuple(1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes)
    return terms[..., 0].reshape(sizes), levels * UNIT * _total(np.abs(x), axes, keep=keep)


def _product(x: Any, x_error: Any, y: Any, y_error: Any) -> tuple[Any, Any]:
    """Return x @ y and a bound of its error: |x|·e_y + e_x·|y| + e_x·e_y + k·u·|x|·|y|.

    k is the number of roundings that a term goes through: the length of a block, and one for each
    level at which blocks are added in pairs.
    """
    count = np.shape(x)[-1]
    roundings = min(count, _BLOCK) + max(0, (count - 1) // _BLOCK).bit_length()
    size_x, size_y = np.abs(x), np.abs(y)
    y_total = y_error + roundings * UNIT * size_y + np.where(size_y > 0, _SMALLEST_DOUBLE, 0)
    error = np.matmul(size_x, y_total) + np.matmul(x_error, size_y + y_error)
    if min(_least(size_x), _least(x_error)) * _least(y_total) < _UNDERFLOW:
        error = error + count * UNDERFLOW_ERROR
    return _in_blocks(x, y), error * _ROUNDED


def _least(size: Any) -> float:
    """Return the smallest positive number, or infinity if all are zero."""
    return float(np.min(size, where=size > 0, initial=np.inf))


def _in_blocks(x: Any, y: Any) -> Any:
    """Return x @ y, where sums over more than a block are added in pairs of blocks."""
    count = np.shape(x)[-1]
    if count <= _BLOCK:
        return np.matmul(x, y)
    middle = _BLOCK << ((count - 1) // _BLOCK).bit_length() - 1
    left = _in_blocks(x[..., :middle], y[..., :middle, :])
    return left + _in_blocks(x[..., middle:], y[..., middle:, :])


def directional_estimate(  # noqa: PLR0913  (both factors of the Jacobian)
    program: Program,
    values: Mapping[str, Any],
    tangent: Mapping[str, Array],
    weights: Sequence[Array] = (),
    times: int = 1,
    *,
    backward_formula: bool = False,
) -> tuple[Estimate, bool]:
    """Return an estimate of a directional derivative (JVP), and whether it is certified.

    Parameters
    ----------
    program
        An expression on tensors.
    values
        An array for every input; an array of integers for an input that is an index.
    tangent
        The direction: an array for every input that varies.
    weights
        Cotangents. If there are any, the value is the sum of its products with them.
    times
        The number by which that sum is multiplied.
    backward_formula
        Whether to bound the formulas of torch's backward pass instead of the definitions.

    Returns
    -------
    tuple
        The value and its derivative along the direction, with error bounds; and whether every
        switch is clearly off zero and every bound finite.

    Raises
    ------
    Unsupported
        A function of the program has no derivative to bound, or switches that are not checked.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> x, v = np.array([3.0, -2.0]), np.array([1.0, 1.0])
    >>> jvp, certified = directional_estimate(parse("(relu(x)**2).sum()"), {"x": x}, {"x": v})
    >>> float(jvp.slope), certified
    (6.0, True)
    >>> directional_estimate(parse("relu(x - 3).sum()"), {"x": x}, {"x": v})[1]
    False
    """
    arithmetic = _TensorEstimates(backward_formula=backward_formula)
    inputs: dict[str, Any] = {}
    for name, value in values.items():
        array = np.asarray(value)
        is_real = np.issubdtype(array.dtype, np.floating)
        inputs[name] = _moving(array, tangent.get(name)) if is_real else array
    with np.errstate(all="ignore"):
        result = _broadcast_bounds(read(program, arithmetic, inputs))
        if weights:
            result = _weighted(arithmetic, result, weights, times)
        bounds = {f: getattr(result, f) * _ROUNDED for f in ("error", "slope_error")}
        result = dataclasses.replace(result, **bounds)
    finite = all(np.all(np.isfinite(x)) for x in (result.value, result.error, result.slope_error))
    return result, finite and not arithmetic.uncertain


def _moving(array: Array, tangent: Array | None) -> Estimate:
    """Return an input as an estimate with a slope; infinite components do not move."""
    if tangent is not None and np.isinf(array).any():
        tangent = np.where(np.isinf(array), 0.0, tangent)
    return Estimate(array, 0.0, tangent)


def straddles(program: Program, ends: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a switch has different signs at the two ends of a stencil.

    Parameters
    ----------
    program
        An expression on tensors.
    ends
        The values of all inputs at the two ends.

    Raises
    ------
    Unsupported
        A function of the program has switches that are not checked.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> program = parse("relu(x - 1).sum()")
    >>> straddles(program, [{"x": np.array([0.9, 3.0])}, {"x": np.array([1.1, 3.0])}])
    True
    """
    sides = []
    for values in ends:
        arithmetic = _TensorEstimates(backward_formula=False)
        with np.errstate(all="ignore"):
            read(program, arithmetic, _constants(values))
        sides.append(arithmetic.sides)
    return not all(np.array_equal(low, high) for low, high in zip(*sides, strict=True))


def _constants(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as estimates without slopes; integers are indices and stay as they are."""
    arrays = {name: np.asarray(value) for name, value in values.items()}
    return {n: Estimate(a) if np.issubdtype(a.dtype, np.floating) else a for n, a in arrays.items()}


def _weighted(
    arithmetic: _TensorEstimates, x: Estimate, weights: Sequence[Array], times: int
) -> Estimate:
    """Return times·Σ weight·x, summed over all components and weights."""
    elements = arithmetic.elements
    total = None
    for weight in weights:
        term = elements.each("multiply", x, Estimate(weight))
        term = elements.total(term, tuple(range(np.ndim(weight))), keep=False)
        total = term if total is None else elements.each("add", total, term)
    return _broadcast_bounds(elements.each("multiply", total, times))
