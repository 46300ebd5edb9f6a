"""Arrays in blocks of points, with an interval for each block, computed lazily.

Code for arrays of points, shape (n,), also works on blocks, shape (blocks, m).  The bounds, shape
(blocks, 1), are computed first, by interval arithmetic.  The numbers are computed only if they are
needed, in chunks on all cores.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from symdiff.arithmetics.bounds.intervals import (
    CONDITIONS,
    LOGIC,
    NUMBERS,
    Interval,
    interval_of_choice,
)
from symdiff.chunks import in_chunks

Array = NDArray[Any]
Number = Any  # an array or a double, or blocks
Operation = tuple[Callable[..., Any], Sequence[Any]]  # a numpy function and its arguments

_WIDE: Final = 2.0**-3  # width of a wide interval, relative to its largest number
_MAX_WIDE: Final = 1 / 4  # share of wide intervals above which the numbers are computed instead


class Blocks(NDArrayOperatorsMixin):
    """Numbers or conditions of shape (blocks, m), with an interval for each block.

    numpy functions accept them. A ufunc with a rule for its interval returns blocks that are not
    computed yet; one without a rule returns blocks that are computed.
    Other functions get plain arrays.

    Parameters
    ----------
    shape
        The number of blocks, and the number of points in each.
    computed
        The numbers, shape (blocks, m), or None if they are not computed yet.
    interval
        Lower and upper bounds for every block, shape (blocks, 1), or None if they have to be taken
        from the numbers. For conditions, whether they surely and whether they possibly hold.
    operation
        The function and the arguments that give the numbers; needed if `computed` is None.
    is_finite
        Whether all bounds are finite, or None if that is not known.

    Examples
    --------
    >>> x = in_blocks(np.array([[100.0, 101.0, 102.0]]))
    >>> y = 2 * x - x**2
    >>> [bound.item() for bound in y.interval]
    [-10204.0, -9796.0]
    >>> y.values
    array([[ -9800.,  -9999., -10200.]])
    """

    __slots__ = ("_interval", "_is_finite", "computed", "operation", "shape")

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        computed: Array | None = None,
        interval: Interval | None = None,
        operation: Operation | None = None,
        is_finite: bool | None = None,
    ) -> None:
        """Store the arguments."""
        self.shape = shape
        self.computed = computed
        self.operation = operation
        self._interval = interval
        self._is_finite = is_finite

    @property
    def ndim(self) -> int:
        """The number of axes: two."""
        return len(self.shape)

    @property
    def values(self) -> Array:
        """The numbers, shape (blocks, m); computed if necessary."""
        return self._compute() if self.computed is None else self.computed

    @property
    def interval(self) -> Interval:
        """Lower and upper bounds for every block, shape (blocks, 1); NaN if a number is NaN."""
        if self._interval is None:
            self.tighten()
        return cast("Interval", self._interval)

    @property
    def is_finite(self) -> bool:
        """Whether all bounds are finite."""
        if self._is_finite is None:
            self._is_finite = all(bool(np.isfinite(bound).all()) for bound in self.interval)
        return self._is_finite

    @property
    def largest_magnitude(self) -> Number:
        """An upper bound of |x| in every block, shape (blocks, 1)."""
        low, high = self.interval
        return np.maximum(high, -low)

    @property
    def least_magnitude(self) -> Number:
        """A lower bound of |x| in every block, shape (blocks, 1): 0 if the sign may change."""
        low, high = self.interval
        return np.maximum(np.maximum(low, -high), 0.0)

    def tighten(self) -> None:
        """Take the bounds from the numbers, which are computed if necessary."""
        if self.computed is None:
            self._compute()
        elif self._interval is None:
            self._interval = _extremes(self.computed)

    def _compute(self) -> Array:
        """Compute all numbers in chunks, and the bounds of a chunk while it is in the cache."""
        blocks, m = self.shape
        is_condition = np.asarray(self.rows(slice(0, 1))).dtype == np.bool_
        dtype = np.bool_ if is_condition else np.float64
        values: Array = np.empty(self.shape, dtype)
        low, high = (np.empty((blocks, 1), values.dtype) for _ in range(2))

        def compute(chunk: slice) -> None:
            rows = slice(chunk.start // m, chunk.stop // m)
            write_rows(self, rows, values[rows])
            low[rows], high[rows] = _extremes(values[rows])

        in_chunks(blocks * m, compute)
        self.computed, self.operation = values, None
        self._interval, self._is_finite = (low, high), None
        return values

    def rows(self, rows: slice, out: Array | None = None) -> Number:
        """Return the numbers of some blocks, shape (k, m), or one number for all of them.

        Parameters
        ----------
        rows
            The blocks.
        out
            An array of shape (k, m) that may be used for the result.
        """
        target = _simplified(self, rows)
        if not isinstance(target, Blocks):
            return _part(target, rows)
        steps = _steps(target, rows)
        uses = collections.Counter(id(a) for _, (_, arguments) in steps for a in arguments)
        results: dict[int, Any] = {}
        with np.errstate(all="ignore"):
            for blocks, (function, arguments) in steps:
                operands, spare = [], None
                for a in arguments:
                    operands.append(results[id(a)] if isinstance(a, Blocks) else _part(a, rows))
                    uses[id(a)] -= 1
                    if isinstance(a, Blocks) and not uses[id(a)]:  # its last use
                        last = results.pop(id(a))
                        spare = last if a.computed is None else spare
                spare = out if blocks is target and out is not None else spare
                if spare is not None and _can_hold(spare, function, operands):
                    results[id(blocks)] = function(*operands, out=spare)
                else:
                    results[id(blocks)] = function(*operands)
        return results[id(target)]

    def all(self) -> bool:
        """Return whether a condition surely holds at every point."""
        return bool(self.interval[0].all())

    def any(self) -> bool:
        """Return whether a condition possibly holds, or a number is possibly nonzero, anywhere."""
        return bool(self.interval[0].any() or self.interval[1].any())

    def __bool__(self) -> bool:
        """Raise ValueError, as numpy arrays do."""
        message = "the truth value of blocks is ambiguous; use .any() or .all()"
        raise ValueError(message)

    def __array__(
        self,
        dtype: Any = None,
        copy: bool | None = None,  # noqa: FBT001  (numpy's own signature)
    ) -> Array:
        """Return the numbers as a numpy array."""
        return np.array(self.values, dtype=dtype, copy=copy)

    def __pow__(self, exponent: Number) -> Any:
        """Return a power; as in numpy, `square`, `sqrt`, ... compute it for simple exponents."""
        function = _POWERS.get(float(exponent)) if np.ndim(exponent) == 0 else None
        return np.power(self, exponent) if function is None else function(self)

    def __array_ufunc__(
        self,
        function: np.ufunc,
        method: str,
        *arguments: Any,
        **options: Any,
    ) -> Any:
        """Return the result of a ufunc; compute it now if its rule gives no useful bound."""
        if method != "__call__" or options:
            return getattr(function, method)(*map(plain, arguments), **options)
        interval = _bounds(function, arguments)
        result = Blocks(
            self.shape,
            interval=interval,
            operation=(function, arguments),
            is_finite=None if interval is None else True,
        )
        if interval is None:  # its bounds will be needed, and computing it twice may be slow
            result.tighten()
        return result

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Any:
        """Call a function other than a ufunc; all but `ndim` and `where` get plain arrays."""
        del types
        if function is np.ndim:
            return self.ndim
        if function is np.where:
            return self._choice(*arguments)
        return function(*map(plain, arguments), **options)

    def _choice(self, condition: Any, x: Number, y: Number) -> Number:
        if np.ndim(condition) == 0:
            return _of_numpy(x if condition else y)
        if not isinstance(condition, Blocks):
            condition = Blocks(self.shape, computed=np.broadcast_to(condition, self.shape))
        if not _is_condition(condition.interval):
            condition = condition != 0
        surely, possibly = condition.interval
        if surely.all() or not possibly.any():
            return _of_numpy(x if surely.all() else y)
        interval = None
        if all(isinstance(a, Blocks) or _is_bound(a) for a in (x, y)):
            interval = interval_of_choice((surely, possibly), _interval_of(x), _interval_of(y))
        return Blocks(self.shape, interval=interval, operation=(np.where, (condition, x, y)))


def _of_numpy(value: Number) -> Number:
    """Return a Python number as a numpy scalar, which does not raise when divided by 0."""
    return value if isinstance(value, Blocks) else np.asarray(value)[()]


def _bounds(function: np.ufunc, arguments: Sequence[Any]) -> Interval | None:
    """Return the interval of a function's result, or None if there is no useful one."""
    name = function.__name__
    rule = NUMBERS.get(name) or CONDITIONS.get(name) or LOGIC.get(name)
    if rule is None:
        return None
    if not all(a.is_finite if isinstance(a, Blocks) else _is_bound(a) for a in arguments):
        return None
    operands = [_interval_of(a) for a in arguments]
    if name in LOGIC and not all(map(_is_condition, operands)):
        return None
    with np.errstate(all="ignore"):
        interval = rule(*operands)
    if interval is None or (name in NUMBERS and not _is_useful(*interval)):
        return None
    return interval


def _is_condition(interval: Interval) -> bool:
    return np.asarray(interval[0]).dtype == np.bool_


def _is_useful(low: Number, high: Number) -> bool:
    """Return whether the bounds are finite and most blocks are narrow relative to their numbers.

    Bounds computed from wide ones would become too loose.
    """
    size = np.maximum(high, -low)
    if not np.isfinite(size.max()):
        return False
    wide = np.count_nonzero(high - low > _WIDE * size)
    return int(wide) <= _MAX_WIDE * np.size(size)


def _is_bound(a: Any) -> bool:
    """Return whether a value is one number for all points, or one for every block."""
    return np.ndim(a) == 0 or np.shape(a)[1:] == (1,)


def _interval_of(a: Any) -> Interval:
    return a.interval if isinstance(a, Blocks) else (a, a)


def _extremes(values: Array) -> Interval:
    return values.min(axis=-1, keepdims=True), values.max(axis=-1, keepdims=True)


def _simplified(a: Any, rows: slice) -> Any:
    """Return `a`, or the branch of a `where` whose condition is the same in all these blocks."""
    while isinstance(a, Blocks) and a.operation is not None and a.operation[0] is np.where:
        condition, x, y = a.operation[1]
        surely, possibly = condition.interval
        if surely[rows].all():
            a = x
        elif not possibly[rows].any():
            a = y
        else:
            break
    return a


def _can_hold(spare: Any, function: Callable[..., Any], operands: Sequence[Any]) -> bool:
    """Return whether an array has the shape and the dtype of a function's result."""
    return (
        isinstance(spare, np.ndarray)
        and spare.dtype == np.float64
        and function.__name__ in NUMBERS
        and np.broadcast_shapes(*map(np.shape, operands)) == spare.shape
    )


def _steps(target: Blocks, rows: slice) -> list[tuple[Blocks, Operation]]:
    """Return the operations that compute some blocks, each once and after its arguments."""
    steps: dict[int, tuple[Blocks, Operation]] = {}
    stack = [(target, _operation_on(target, rows))]
    while stack:
        blocks, (_, arguments) = stack[-1]
        missing = [a for a in arguments if isinstance(a, Blocks) and id(a) not in steps]
        if missing:
            stack.extend((a, _operation_on(a, rows)) for a in missing)
        else:
            steps.setdefault(id(blocks), stack.pop())
    return list(steps.values())


def _operation_on(a: Blocks, rows: slice) -> Operation:
    """Return the operation that gives the numbers of some blocks."""
    if a.operation is None:
        return _identity, (a.computed,)
    function, arguments = a.operation
    return function, [_simplified(each, rows) for each in arguments]


def _identity(a: Any) -> Any:
    return a


def _part(a: Any, rows: slice) -> Any:
    return a[rows] if np.ndim(a) else a


# The functions by which numpy computes a power with one of these exponents.
_POWERS: Final[Mapping[float, Callable[[Any], Any]]] = MappingProxyType(
    {0.5: np.sqrt, 1.0: np.positive, 2.0: np.square, -1.0: np.reciprocal}
)


def apply_elementwise(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Apply an elementwise function that is not a ufunc; compute blocks in chunks."""
    for a in arguments:
        if isinstance(a, Blocks):
            result = Blocks(a.shape, operation=(function, arguments))
            result.tighten()
            return result
    return function(*arguments)


def plain(array: Any) -> Any:
    """Return the numbers of blocks; return anything else unchanged."""
    return array.values if isinstance(array, Blocks) else array


def write_rows(value: Number, rows: slice, out: Array) -> None:
    """Write the numbers or the bounds of some blocks to an array.

    Parameters
    ----------
    value
        Blocks, an array of shape (blocks, m) or (blocks, 1), or one number.
    rows
        The k blocks.
    out
        The array to write to, shape (k, m).
    """
    numbers = value.rows(rows, out) if isinstance(value, Blocks) else _part(value, rows)
    if numbers is not out:
        out[...] = numbers


def in_blocks(column: Array) -> Number:
    """Return a column of shape (blocks, m) as `Blocks`, any other unchanged."""
    return Blocks(column.shape, computed=column) if np.ndim(column) == 2 else column
