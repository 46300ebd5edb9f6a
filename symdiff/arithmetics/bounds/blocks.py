"""Arrays in blocks: one bound for many points, from the least and the largest number in each.

What works on arrays of points, shape (n,), works on blocks of them too, shape (blocks, m): then
what is known of a block has shape (blocks, 1).  The bounds come first, from the ends of the blocks;
the numbers themselves are computed where somebody asks for them, in pieces on all cores.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from symdiff.arithmetics.bounds.intervals import CONDITIONS, LOGIC, NUMBERS, Ends, ends_of_choice
from symdiff.chunks import in_chunks

Array = NDArray[Any]
Number = Any  # an array or a double, or blocks
Work = tuple[Callable[..., Any], Sequence[Any]]  # a function of numpy's, and its arguments

_WIDE: Final = 2.0**-3  # of its largest number: such a block says little of a function of it,
_SEVERAL: Final = 4  # and where one block in so many is, ends are taken from the numbers


class Blocks(NDArrayOperatorsMixin):
    """Numbers of shape (blocks, m) that know how large they are, and may not be computed yet.

    Or conditions, that know whether they hold surely, and whether possibly. numpy's functions take
    them. What becomes plain arrays is bounded point by point: that is right too.

    Parameters
    ----------
    shape
        The number of blocks, and that of points in each.
    computed
        The numbers, of that shape; None: not computed yet.
    ends
        Bounds of the numbers in every block, shape (blocks, 1); None: to be taken from these.
    work
        What gives the numbers.
    is_finite
        Whether all ends are, if that is known.

    Examples
    --------
    >>> x = in_blocks(np.array([[100.0, 101.0, 102.0]]))
    >>> y = 2 * x - x**2
    >>> [end.item() for end in y.ends]
    [-10204.0, -9796.0]
    >>> y.values
    array([[ -9800.,  -9999., -10200.]])
    """

    __slots__ = ("_ends", "_is_finite", "computed", "shape", "work")

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        computed: Array | None = None,
        ends: Ends | None = None,
        work: Work | None = None,
        is_finite: bool | None = None,
    ) -> None:
        """Keep what is known."""
        self.shape = shape
        self.computed = computed
        self.work = work
        self._ends = ends
        self._is_finite = is_finite

    @property
    def ndim(self) -> int:
        """The number of axes: blocks, and points in each."""
        return len(self.shape)

    @property
    def values(self) -> Array:
        """The numbers, shape (blocks, m)."""
        return self._compute() if self.computed is None else self.computed

    @property
    def ends(self) -> Ends:
        """Bounds of the numbers in every block, shape (blocks, 1); NaN where one is NaN."""
        if self._ends is None:
            self.tighten()
        return cast("Ends", self._ends)

    @property
    def is_finite(self) -> bool:
        """Whether all ends are."""
        if self._is_finite is None:
            self._is_finite = all(bool(np.isfinite(end).all()) for end in self.ends)
        return self._is_finite

    @property
    def largest(self) -> Number:
        """A bound of |x| in every block, shape (blocks, 1)."""
        low, high = self.ends
        return np.maximum(high, -low)

    @property
    def least(self) -> Number:
        """The least |x| that a block can have: 0 if it may change its sign."""
        low, high = self.ends
        return np.maximum(np.maximum(low, -high), 0.0)

    def tighten(self) -> None:
        """Take the ends from the numbers: where they are computed, they have been."""
        if self.computed is None:
            self._compute()
        elif self._ends is None:
            self._ends = _ends_in(self.computed)

    def _compute(self) -> Array:
        """Compute all numbers, in pieces, and take the ends from them while they are at hand."""
        blocks, m = self.shape
        is_condition = np.asarray(self.rows(slice(0, 1))).dtype == np.bool_
        kind = np.bool_ if is_condition else np.float64
        values: Array = np.empty(self.shape, kind)
        low, high = (np.empty((blocks, 1), values.dtype) for _ in range(2))

        def compute(piece: slice) -> None:
            rows = slice(piece.start // m, piece.stop // m)
            write_rows(self, rows, values[rows])
            low[rows], high[rows] = _ends_in(values[rows])

        in_chunks(blocks * m, compute)
        self.computed, self.work = values, None
        self._ends, self._is_finite = (low, high), None
        return values

    def rows(self, rows: slice, out: Array | None = None) -> Number:
        """Return the numbers of some blocks, shape (·, m), or one for all of them.

        If there is an array for them, they may be in it.
        """
        wanted = _standing_for(self, rows)
        if not isinstance(wanted, Blocks):
            return _part(wanted, rows)
        steps = _steps(wanted, rows)
        uses = collections.Counter(id(a) for _, (_, arguments) in steps for a in arguments)
        known: dict[int, Any] = {}
        with np.errstate(all="ignore"):
            for here, (function, arguments) in steps:
                given, spare = [], None
                for a in arguments:
                    given.append(known[id(a)] if isinstance(a, Blocks) else _part(a, rows))
                    uses[id(a)] -= 1
                    if isinstance(a, Blocks) and not uses[id(a)]:  # nobody will read it again
                        last = known.pop(id(a))
                        spare = last if a.computed is None else spare
                spare = out if here is wanted and out is not None else spare
                if spare is not None and _can_hold(spare, function, given):
                    known[id(here)] = function(*given, out=spare)
                else:
                    known[id(here)] = function(*given)
        return known[id(wanted)]

    def all(self) -> bool:
        """Tell whether a condition surely holds at every point."""
        return bool(self.ends[0].all())

    def any(self) -> bool:
        """Tell whether a condition possibly holds at any point, or a number is not 0."""
        return bool(self.ends[0].any() or self.ends[1].any())

    def __bool__(self) -> bool:
        """Refuse to stand for one condition, as numpy's own arrays do."""
        message = "the truth of many numbers is not one"
        raise ValueError(message)

    def __array__(
        self,
        dtype: Any = None,
        copy: bool | None = None,  # noqa: FBT001  (numpy's own signature)
    ) -> Array:
        """Return the numbers as numpy's own array."""
        return np.array(self.values, dtype=dtype, copy=copy)

    def __pow__(self, exponent: Number) -> Any:
        """Raise to a power as numpy's own arrays do: a square is no call of pow."""
        function = _POWERS.get(float(exponent)) if np.ndim(exponent) == 0 else None
        return np.power(self, exponent) if function is None else function(self)

    def __array_ufunc__(
        self,
        function: np.ufunc,
        method: str,
        *arguments: Any,
        **options: Any,
    ) -> Any:
        """Bound what one of numpy's functions gives; compute it only if that is no use."""
        if method != "__call__" or options:
            return getattr(function, method)(*map(plain, arguments), **options)
        ends = _bounds(function, arguments)
        is_finite = None if ends is None else True
        found = Blocks(self.shape, ends=ends, work=(function, arguments), is_finite=is_finite)
        if ends is None:  # at once, and once: its ends will be asked for, and it may be dear
            found.tighten()
        return found

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Any:
        """Call what is no ufunc: few of them need no numbers."""
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
        if not _is_condition(condition.ends):
            condition = condition != 0
        surely, possibly = condition.ends
        if surely.all() or not possibly.any():
            return _of_numpy(x if surely.all() else y)
        ends = None
        if all(isinstance(a, Blocks) or _is_bound(a) for a in (x, y)):
            ends = ends_of_choice((surely, possibly), _ends_of(x), _ends_of(y))
        return Blocks(self.shape, ends=ends, work=(np.where, (condition, x, y)))


def _of_numpy(value: Number) -> Number:
    """Return a number as numpy has it: Python's own raises where it divides by zero."""
    return value if isinstance(value, Blocks) else np.asarray(value)[()]


def _bounds(function: np.ufunc, arguments: Sequence[Any]) -> Ends | None:
    """Return bounds of what a function gives, or None: they are to be taken from the numbers."""
    name = function.__name__
    rule = NUMBERS.get(name) or CONDITIONS.get(name) or LOGIC.get(name)
    if rule is None:
        return None
    if not all(a.is_finite if isinstance(a, Blocks) else _is_bound(a) for a in arguments):
        return None
    operands = [_ends_of(a) for a in arguments]
    if name in LOGIC and not all(map(_is_condition, operands)):
        return None
    with np.errstate(all="ignore"):
        ends = rule(*operands)
    is_number = name in NUMBERS
    return None if ends is None or (is_number and not _are_of_use(*ends)) else ends


def _is_condition(ends: Ends) -> bool:
    return np.asarray(ends[0]).dtype == np.bool_


def _are_of_use(low: Number, high: Number) -> bool:
    """Tell whether ends are finite, and most blocks narrow beside their numbers.

    Else the bounds of what is made of them grow loose.
    """
    size = np.maximum(high, -low)
    if not np.isfinite(size.max()):
        return False
    wide = np.count_nonzero(high - low > _WIDE * size)
    return _SEVERAL * int(wide) <= np.size(size)


def _is_bound(a: Any) -> bool:
    """Tell whether a number is one for all points, or one for every block."""
    return np.ndim(a) == 0 or np.shape(a)[1:] == (1,)


def _ends_of(a: Any) -> Ends:
    return a.ends if isinstance(a, Blocks) else (a, a)


def _ends_in(values: Array) -> Ends:
    return values.min(axis=-1, keepdims=True), values.max(axis=-1, keepdims=True)


def _standing_for(a: Any, rows: slice) -> Any:
    """Return what a number is in some blocks: of a choice that is sure there, what is chosen."""
    while isinstance(a, Blocks) and a.work is not None and a.work[0] is np.where:
        condition, x, y = a.work[1]
        surely, possibly = condition.ends
        if surely[rows].all():
            a = x
        elif not possibly[rows].any():
            a = y
        else:
            break
    return a


def _can_hold(spare: Any, function: Callable[..., Any], given: Sequence[Any]) -> bool:
    """Tell whether what a function gives fits into an array."""
    return (
        isinstance(spare, np.ndarray)
        and spare.dtype == np.float64
        and function.__name__ in NUMBERS
        and np.broadcast_shapes(*map(np.shape, given)) == spare.shape
    )


def _steps(wanted: Blocks, rows: slice) -> list[tuple[Blocks, Work]]:
    """Return what has to be computed for some blocks, in order, each once."""
    found: dict[int, tuple[Blocks, Work]] = {}
    waiting = [(wanted, _work_on(wanted, rows))]
    while waiting:
        here, (_, arguments) = waiting[-1]
        missing = [a for a in arguments if isinstance(a, Blocks) and id(a) not in found]
        if missing:
            waiting.extend((a, _work_on(a, rows)) for a in missing)
        else:
            found.setdefault(id(here), waiting.pop())
    return list(found.values())


def _work_on(a: Blocks, rows: slice) -> Work:
    """Return what gives the numbers of some blocks."""
    if a.work is None:
        return _same, (a.computed,)
    function, arguments = a.work
    return function, [_standing_for(each, rows) for each in arguments]


def _same(a: Any) -> Any:
    return a


def _part(a: Any, rows: slice) -> Any:
    return a[rows] if np.ndim(a) else a


_POWERS: Final[Mapping[float, Callable[[Any], Any]]] = MappingProxyType(
    {0.5: np.sqrt, 1.0: np.positive, 2.0: np.square, -1.0: np.reciprocal}
)


def applied(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Apply a function of single numbers that is no ufunc: to blocks in pieces, as those are."""
    for a in arguments:
        if isinstance(a, Blocks):
            found = Blocks(a.shape, work=(function, arguments))
            found.tighten()
            return found
    return function(*arguments)


def plain(array: Any) -> Any:
    """Return the numbers of blocks, or what is none as it is."""
    return array.values if isinstance(array, Blocks) else array


def write_rows(value: Number, rows: slice, out: Array) -> None:
    """Write what is known of some blocks, numbers of shape (·, m), (·, 1) or one, to an array."""
    found = value.rows(rows, out) if isinstance(value, Blocks) else _part(value, rows)
    if found is not out:
        out[...] = found


def size_of(value: Number) -> Number:
    """Return |x| at every point, or a bound of it in every block; NaN where one is NaN."""
    return value.largest if isinstance(value, Blocks) else np.abs(value)


def size_of_sum(total: Number, *terms: Number) -> Number:
    """Return the size of a sum, or in blocks a bound from the sizes of its terms."""
    return sum(size_of(x) for x in terms) if isinstance(total, Blocks) else np.abs(total)


def is_anywhere(mask: Any) -> bool:  # conditions, or numbers that are not 0
    """Tell whether a condition holds at any point; of blocks whether it possibly does."""
    return bool(mask.any()) if isinstance(mask, np.ndarray | Blocks) else bool(mask)


def least(value: Number) -> Number:
    """Return |x| at every point, or a bound from below in every block."""
    return value.least if isinstance(value, Blocks) else np.abs(value)


def lowest(value: Number) -> Number:
    """Return x at every point, or a bound from below in every block."""
    return value.ends[0] if isinstance(value, Blocks) else value


def to_integers(value: Number) -> Number:
    """Return how far the nearest integer is at every point, or a bound from below in a block."""
    if not isinstance(value, Blocks):
        return np.abs(value - np.rint(value))
    low, high = value.ends
    between = np.minimum(low - np.floor(low), np.ceil(high) - high)
    return np.where(np.floor(low) == np.floor(high), between, 0.0)


def everywhere(mask: Any) -> Any:  # conditions
    """Return where a condition holds, or in which blocks it surely holds at every point."""
    return mask.ends[0] if isinstance(mask, Blocks) else mask


def larger_of(mask: Any, error: Number, other: Number) -> Number:
    """Return the bound that was chosen, or in blocks the larger one of those that may be."""
    if not isinstance(mask, Blocks):
        return np.where(mask, error, other)
    surely, possibly = mask.ends
    return np.maximum(np.where(possibly, error, 0.0), np.where(surely, 0.0, other))


def in_blocks(column: Array) -> Number:
    """Return a column, as blocks if it has their shape."""
    return Blocks(column.shape, computed=column) if np.ndim(column) == 2 else column
