"""A Program on whole tensors with a running bound of all rounding errors.

As `estimates`, with sums and matrix products.  The directional derivative that comes out is
settled only where every switch of every component is clearly off zero.

Source: error bounds of sums and products as in Higham 2002, sections 3.1, 3.5 and 4.2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.bounds.estimates import CLEARLY_OFF, Estimates
from symdiff.arithmetics.bounds.models import UNDERFLOW_ERROR, UNIT, Estimate
from symdiff.arithmetics.reading import apply, read
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import Unsupported
from symdiff.program import Program

_LEAST: Final = 2.0**-1074  # the smallest double
_UNDERFLOW: Final = 2.0**-960  # a product below may have underflowed on the way
_ROUNDED: Final = 1 + 2.0**-20  # for the roundings of the bounds themselves
_BLOCK: Final = 32  # terms of a sum in a matrix product that are added in whatever order
_INSIDE: Final = frozenset({"log", "log1p", "sqrt"})  # no bound is finite at their ends
_STEPS: Final = frozenset({"floor", "ceil"})
_CHOICES: Final = frozenset({"where", "ifelse"})
_STEEP: Final = 2.0**10  # from this exponent on a small error may grow beyond first order


class _Elements:
    """Operations on whole tensors of estimates; see `catalogue.elements.Elements`."""

    def __init__(self, arithmetic: _TensorEstimates) -> None:
        self._arithmetic = arithmetic

    def shape(self, array: Any) -> tuple[int, ...]:
        return np.shape(array.value if isinstance(array, Estimate) else array)

    def each(self, function: str, *arguments: Any) -> Any:
        lifted = [self._lifted(a) for a in arguments]
        return apply(CATALOGUE[function], self._arithmetic, lifted)

    def _lifted(self, value: Any) -> Any:
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        return self._arithmetic.number(value) if plain else value

    def total(self, array: Any, axes: tuple[int, ...], *, keep: bool) -> Estimate:
        x = _spread(array)
        if not np.ndim(x.value) or not axes:
            return x
        value, rounding = _sum(x.value, axes, keep=keep)
        error = _total(x.error, axes, keep=keep) + rounding
        if x.slope is None:
            return Estimate(value, error)
        slope, more = _sum(x.slope, axes, keep=keep)
        return Estimate(value, error, slope, _total(x.slope_error, axes, keep=keep) + more)

    def arrange(self, how: Callable[..., Any], *arrays: Any) -> Any:
        if not all(isinstance(a, Estimate) for a in arrays):
            return how(*arrays)  # conditions
        spread = [_spread(a) for a in arrays]
        value, error = (how(*(getattr(x, f) for x in spread)) for f in ("value", "error"))
        if all(x.slope is None for x in spread):
            return Estimate(value, error)
        slopes = [np.zeros_like(x.value) if x.slope is None else x.slope for x in spread]
        return Estimate(value, error, how(*slopes), how(*(x.slope_error for x in spread)))

    def product(self, first: Any, second: Any) -> Estimate:
        x, y = _spread(first), _spread(second)
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
    """The arithmetic; see `reading.Arithmetic`."""

    def __init__(self, *, backward_formula: bool) -> None:
        super().__init__()
        self.backward_formula = backward_formula
        self.elements = _Elements(self)
        self.uncertain = False
        self.sides: list[Any] = []  # of every switch, in the order of the program

    def column(self, row: Function) -> Callable[..., Any] | None:
        if row.array is not None:
            return None
        if row.name in _STEPS or row.name == "power":
            return super().column(row)
        if row.definition is None or row.derivative is not None:
            bends = row.switches not in (None, ()) or row.crossings or row.domain is not None
            plain = row.returns == "condition" or super().has_column(row)
            if bends and not plain and row.name not in _INSIDE:
                raise Unsupported(row.name, "its switches are not looked at in whole tensors")
        return super().column(row)

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        self._note_switches(row, arguments)
        found = super().call(row, column, arguments)
        # one condition chooses a whole branch, whatever the shape of the other
        return _broadcast(found, arguments) if row.name in _CHOICES else found

    def _note_switches(self, row: Function, arguments: Sequence[Any]) -> None:
        """Note that something is lost where a function is near a point of no smoothness."""
        first = arguments[0]
        if row.name == "power" and isinstance(first, Estimate):
            exponent = arguments[1]
            whole = isinstance(exponent, Estimate) and exponent.slope is None
            natural = whole and np.all((exponent.value >= 0) & (exponent.value % 1 == 0))
            if not natural:
                self.uncertain |= _may_vanish(first.value, first.error)
            if whole and not np.any(exponent.value):
                self.uncertain |= _may_be_undefined(first)
            if np.any(np.abs(exponent.value) > _STEEP):
                self.uncertain |= _may_vanish(first.value, np.abs(exponent.value) * first.error)
        if row.name == "subtract" and first is arguments[1]:
            self.uncertain |= _may_be_undefined(first)
        if row.name in _STEPS:
            self.sides.append(np.floor(first.value))
            self.uncertain |= _may_vanish(first.value - np.rint(first.value), first.error)

    def _compare(self, arguments: Sequence[Any], *, allowed: bool) -> None:
        del allowed
        pairs = [(a.value, a.error) if isinstance(a, Estimate) else (a, 0.0) for a in arguments]
        gap = pairs[0][0] - (pairs[1][0] if len(pairs) > 1 else 0.0)
        self.sides.append(np.sign(gap))
        moving = any(isinstance(a, Estimate) and a.slope is not None for a in arguments)
        error = np.asarray(sum(e for _, e in pairs))
        exact = (error == 0) & ~np.isnan(gap) & (not moving)
        self.uncertain |= bool(np.any(~(np.abs(gap) > CLEARLY_OFF * error) & ~exact))


def _may_vanish(value: Any, error: Any) -> bool:
    """Tell whether a number may be zero, or is none."""
    return not bool(np.all(np.abs(value) > CLEARLY_OFF * np.asarray(error)))


def _may_be_undefined(x: Any) -> bool:  # an estimate, or a condition
    """Tell whether nothing is known of a number, which x - x and x**0 would hide."""
    known = np.isfinite(x.value) & np.isfinite(x.error) if isinstance(x, Estimate) else True
    return not np.all(known)


def _broadcast(x: Any, arguments: Sequence[Any]) -> Estimate:
    """Return an estimate in the shape that the arguments have together."""
    shapes = [np.shape(a.value if isinstance(a, Estimate) else a) for a in arguments]
    shape = np.broadcast_shapes(*shapes)
    found = _spread(x)
    return _spread(dataclasses.replace(found, value=np.broadcast_to(found.value, shape)))


def _spread(x: Any) -> Estimate:  # an estimate, or a condition
    """Return an estimate whose bounds have the shape of its value."""
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
    """Return a sum in pairs, and what rounding may have cost: log2(n)·u·Σ|x|."""
    shape = np.shape(x)
    inner = np.moveaxis(x, axes, range(-len(axes), 0))
    terms = inner.reshape(*inner.shape[: len(shape) - len(axes)], -1)
    levels = max(1, terms.shape[-1] - 1).bit_length()
    while terms.shape[-1] > 1:
        half = terms.shape[-1] // 2
        rest = terms[..., 2 * half :]
        terms = np.concatenate([terms[..., :half] + terms[..., half : 2 * half], rest], axis=-1)
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes)
    return terms[..., 0].reshape(kept), levels * UNIT * _total(np.abs(x), axes, keep=keep)


def _product(x: Any, x_error: Any, y: Any, y_error: Any) -> tuple[Any, Any]:
    """Return x @ y, and how far it may be off: |x|·e_y + e_x·|y| + e_x·e_y + k·u·|x|·|y|.

    k roundings happen on the way of a term: as many as a block is long, and one for each time
    that blocks are joined in pairs.
    """
    count = np.shape(x)[-1]
    roundings = min(count, _BLOCK) + max(0, (count - 1) // _BLOCK).bit_length()
    size_x, size_y = np.abs(x), np.abs(y)
    wider = y_error + roundings * UNIT * size_y + np.where(size_y > 0, _LEAST, 0)
    error = np.matmul(size_x, wider) + np.matmul(x_error, size_y + y_error)
    if min(_least(size_x), _least(x_error)) * _least(wider) < _UNDERFLOW:
        error = error + count * UNDERFLOW_ERROR
    return _in_blocks(x, y), error * _ROUNDED


def _least(size: Any) -> float:
    """Return the smallest number that is not zero."""
    return float(np.min(size, where=size > 0, initial=np.inf))


def _in_blocks(x: Any, y: Any) -> Any:
    """Return x @ y, the terms of a sum joined in pairs of blocks."""
    count = np.shape(x)[-1]
    if count <= _BLOCK:
        return np.matmul(x, y)
    middle = _BLOCK << ((count - 1) // _BLOCK).bit_length() - 1
    left = _in_blocks(x[..., :middle], y[..., :middle, :])
    return left + _in_blocks(x[..., middle:], y[..., middle:, :])


def directional(  # noqa: PLR0913  (what stands on both sides of the Jacobian)
    program: Program,
    values: Mapping[str, Any],
    tangent: Mapping[str, Array],
    weights: Sequence[Array] = (),
    times: int = 1,
    *,
    backward_formula: bool = False,
) -> tuple[Estimate, bool]:
    """Return a value with its derivative along a direction, and whether the latter is settled.

    Parameters
    ----------
    program
        An expression on tensors.
    values
        For every input an array, or the integers that it stands for.
    tangent
        For the inputs that move, where to.
    weights
        Cotangents, whose products with the value are added up; none: the value as it is.
    times
        How often.
    backward_formula
        Whether to bound the formulas that torch's backward pass goes by.

    Raises
    ------
    Unsupported
        A function of the program has no derivative to bound, or switches not looked at.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> x, v = np.array([3.0, -2.0]), np.array([1.0, 1.0])
    >>> found, settled = directional(parse("(relu(x)**2).sum()"), {"x": x}, {"x": v})
    >>> float(found.slope), settled
    (6.0, True)
    >>> directional(parse("relu(x - 3).sum()"), {"x": x}, {"x": v})[1]
    False
    """
    arithmetic = _TensorEstimates(backward_formula=backward_formula)
    inputs: dict[str, Any] = {}
    for name, value in values.items():
        array = np.asarray(value)
        is_real = np.issubdtype(array.dtype, np.floating)
        inputs[name] = Estimate(array, 0.0, tangent.get(name)) if is_real else array
    with np.errstate(all="ignore"):
        found = _spread(read(program, arithmetic, inputs))
        if weights:
            found = _weighted(arithmetic, found, weights, times)
        bounds = {f: getattr(found, f) * _ROUNDED for f in ("error", "slope_error")}
        found = dataclasses.replace(found, **bounds)
    finite = all(np.all(np.isfinite(x)) for x in (found.value, found.error, found.slope_error))
    return found, finite and not arithmetic.uncertain


def straddles(program: Program, ends: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a switch has another sign at one end than at the other.

    Parameters
    ----------
    program
        An expression on tensors.
    ends
        The values at two points.

    Raises
    ------
    Unsupported
        A function of the program has switches not looked at.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> near = parse("relu(x - 1).sum()")
    >>> straddles(near, [{"x": np.array([0.9, 3.0])}, {"x": np.array([1.1, 3.0])}])
    True
    """
    sides = []
    for values in ends:
        arithmetic = _TensorEstimates(backward_formula=False)
        with np.errstate(all="ignore"):
            read(program, arithmetic, _still(values))
        sides.append(arithmetic.sides)
    return not all(np.array_equal(low, high) for low, high in zip(*sides, strict=True))


def _still(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that do not move; integers stand for places."""
    arrays = {name: np.asarray(value) for name, value in values.items()}
    return {n: Estimate(a) if np.issubdtype(a.dtype, np.floating) else a for n, a in arrays.items()}


def _weighted(
    arithmetic: _TensorEstimates, x: Estimate, weights: Sequence[Array], times: int
) -> Estimate:
    elements = arithmetic.elements
    total = None
    for weight in weights:
        term = elements.each("multiply", x, Estimate(weight))
        term = elements.total(term, tuple(range(np.ndim(weight))), keep=False)
        total = term if total is None else elements.each("add", total, term)
    return _spread(elements.each("multiply", total, times))
