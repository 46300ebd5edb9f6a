"""Read the points of each variable: doubles taken exactly, and exact numbers such as 1/3 and pi."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

from symdiff.array_types import Array
from symdiff.errors import ExpressionError, GridError, complex_number, describe, did_you_mean
from symdiff.program import check_name, parse

# How the points of one variable are specified; see `axis`.
Spec = str | float | tuple[float, float] | Sequence[float | str] | Array

DEFAULT_RANGE: Final = "-2:2:9"
MAX_COUNT: Final = 10_000_000  # points in one list
MAX_RANGE: Final = 10_000_000_000  # points in one range
MAX_POINTS_IN_MEMORY: Final = 4_000_000  # longer ranges are compared chunk by chunk
_DEFAULT_COUNT = 9  # points in a range given as a pair (start, stop)
# An error in a point after this many says the number of the point, and not only its text.
_NAMED_BY_VALUE: Final = 20
_EXAMPLE = "write start:stop:count, such as -2:2:9, or points such as 0,1/3,pi"
# Two numbers that were meant as the ends of a range.
_END: Final = r"[-+]?\d+(?:[.,]\d+)?"
_TWO_ENDS: Final = re.compile(rf"\s*(?P<low>{_END})\s*(?:\.\.+|:)\s*(?P<high>{_END})\s*(?::.*)?")
_IN_BRACKETS: Final = re.compile(r"\s*[\[(]\s*(?P<low>[^,\s]+)\s*,\s*(?P<high>[^,\s]+)\s*[\])]\s*")
# h/max(|x|, 1) for central differences: it balances the truncation error h²|f‴|/6 against the
# rounding error ε|f|/h (Nocedal & Wright 2006, section 8.1).
_RELATIVE_STEP = float(np.finfo(np.float64).eps ** (1 / 3))


@dataclasses.dataclass(frozen=True, slots=True)
class LongRange:
    """A range of more than `MAX_POINTS_IN_MEMORY` points, of which parts are computed on demand.

    Attributes
    ----------
    low, high
        The ends.
    count
        The number of points.
    """

    low: float
    high: float
    count: int

    def points(self, first: int, last: int) -> Array:
        """Return the points with indices first, ..., last - 1, as `numpy.linspace` computes them.

        Examples
        --------
        >>> LongRange(-1.0, 1.0, 5).points(1, 5)
        array([-0.5,  0. ,  0.5,  1. ])
        """
        step = (self.high - self.low) / (self.count - 1)
        values: Array = np.arange(first, min(last, self.count), dtype=np.float64) * step + self.low
        if last >= self.count:
            values[-1] = self.high
        return values


@dataclasses.dataclass(frozen=True, slots=True)
class Axis:
    """The requested points of one variable.

    Attributes
    ----------
    name
        The variable.
    values
        The doubles nearest to the points, shape (n,).
    exact
        The exact number as text, by index, for each point that is not a double.
    searched
        Whether kinks between the smallest and the largest point are searched for and added.
    long_range
        The range, if it has more than `MAX_POINTS_IN_MEMORY` points: `values` are then its ends.
    is_paired
        Whether the k-th point of the grid has the k-th value of each axis.
    """

    name: str
    values: Array
    exact: Mapping[int, str] = dataclasses.field(default_factory=dict)
    searched: bool = True
    long_range: LongRange | None = None
    is_paired: bool = False

    @property
    def low(self) -> float:
        """The smallest point."""
        return float(self.values.min())

    @property
    def high(self) -> float:
        """The largest point."""
        return float(self.values.max())


def difference_step(x: Array) -> Array:
    """Return the step h of central differences at x, chosen so that x + h is exact.

    Parameters
    ----------
    x
        Coordinates, shape (n,).

    Examples
    --------
    >>> difference_step(np.array([0.0, 1000.0])).round(9)
    array([6.055000e-06, 6.055454e-03])
    """
    step = np.abs(x)
    np.maximum(step, 1.0, out=step)
    step *= _RELATIVE_STEP
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf, and the largest doubles
        step += x
        step -= x
    step[np.isinf(x)] = _RELATIVE_STEP
    return step


def ends_of_stencil(x: Array, h: Array) -> tuple[Array, Array]:
    """Return x + h and x - h; an end beyond the largest double is an infinity."""
    with np.errstate(over="ignore"):
        return x + h, x - h


def axis(name: str, spec: Spec, *, searched: bool = True) -> Axis:
    """Read the points of one variable.

    Parameters
    ----------
    name
        The variable.
    spec
        A range as text ``start:stop:count`` or as a pair (start, stop); one point or a list of
        points, each a number or the text of an exact number; or an array.
    searched
        Whether kinks between the smallest and the largest point are searched for and added.

    Raises
    ------
    GridError
        If `spec` is not one of these, has a point that is not finite, or has too many points.

    Examples
    --------
    >>> axis("x", "-1:1:5").values
    array([-1. , -0.5,  0. ,  0.5,  1. ])
    >>> axis("x", ["1/3", "1/2", 2]).exact
    {0: '1/3'}
    """
    try:
        check_name(name)
        long_range = None
        if isinstance(spec, str):
            values, exact, long_range = _from_text(spec)
        elif isinstance(spec, tuple) and len(spec) == 2:
            values, exact, long_range = _from_range(str(spec[0]), str(spec[1]), _DEFAULT_COUNT)
        else:
            values, exact = _from_list(spec)
    except (GridError, ExpressionError) as error:
        raise GridError(error.message, place=error.place, hint=error.hint).within(
            key=f"grid {name[:40]}"
        ) from None
    return Axis(name, values, exact, searched=searched, long_range=long_range)


def axes(
    inputs: Sequence[str],
    grid: Mapping[str, Spec],
    at: Mapping[str, Spec] | None = None,
    *,
    is_paired: bool = False,
) -> tuple[Axis, ...]:
    """Return one axis per variable: from `grid`, from `at`, or the default range.

    Parameters
    ----------
    inputs
        The variables of an expression.
    grid
        Ranges and lists by variable; the kinks between their points are added.
    at
        Points by variable; no kinks are added.
    is_paired
        Whether `at` lists the coordinates of the same points for every variable. Names in `at`
        that are not variables are then left out: tables have other columns.

    Raises
    ------
    GridError
        If a key is not a variable of the expression, or the points cannot be read, or paired lists
        lack a variable or differ in length.

    Examples
    --------
    >>> [axis.values.tolist() for axis in axes(["x", "y"], {}, {"x": [1, 2], "y": [3, 4]})]
    [[1.0, 2.0], [3.0, 4.0]]
    """
    points = at or {}
    if is_paired:
        return _paired_axes(inputs, grid, points)
    for keyword, specs in (("grid", grid), ("at", points)):
        if not isinstance(specs, Mapping):
            is_range = isinstance(specs, str) and "=" not in specs
            text = specs[:40] if is_range else DEFAULT_RANGE
            given = type(specs).__name__ if hasattr(specs, "shape") else _shortened(specs)
            message = f"{keyword} must be a mapping from variable to points, not {given}"
            name = (*inputs, "x")[0]
            hint = f'write {{"{name}": "{text}"}}'
            if hasattr(specs, "shape"):
                hint += f', or values={{"{name}": ...}} for a tensor'
            raise GridError(message, hint=hint)
    for name in map(str, (*grid, *points)):
        if name not in inputs:
            names = ", ".join(inputs) or "none"
            hint = did_you_mean(name, inputs) or f"its variables: {names}"
            message = f"the expression has no variable {name[:40]!r}"
            raise GridError(message, hint=hint)
    return tuple(_one_axis(name, grid, points) for name in inputs)


def _paired_axes(
    inputs: Sequence[str], grid: Mapping[str, Spec], at: Mapping[str, Spec]
) -> tuple[Axis, ...]:
    """Return the axes of points whose coordinates stand in the same places of several lists."""
    if grid:
        message = "paired points cannot be combined with a grid"
        raise GridError(message, hint="give the points of every variable in `at`, and no grid")
    for name in inputs:
        if name not in at:
            message = f"paired points have no column {name[:40]!r}"
            hint = did_you_mean(name, list(at)) or f"columns: {', '.join(at) or 'none'}"
            raise GridError(message, hint=hint)
    several = tuple(
        dataclasses.replace(axis(name, at[name], searched=False), is_paired=True) for name in inputs
    )
    for one in several:
        if one.long_range is not None or len(one.values) != len(several[0].values):
            first = several[0]
            message = (
                f"paired points need lists of the same length, not {len(first.values)} of "
                f"{first.name[:40]} and {len(one.values)} of {one.name[:40]}"
            )
            raise GridError(message, hint="one coordinate of each variable for every point")
    return several


def _shortened(value: object) -> str:
    """Return the beginning of a value, for messages."""
    return repr(value[:40] if isinstance(value, str) else value)[:42]


def _one_axis(name: str, grid: Mapping[str, Spec], points: Mapping[str, Spec]) -> Axis:
    if name not in points:
        return axis(name, grid.get(name, DEFAULT_RANGE))
    added = axis(name, points[name], searched=False)
    if name not in grid:
        return added
    base = axis(name, grid[name])
    if base.long_range or added.long_range:
        message = (
            f"{name}: a range of more than {MAX_POINTS_IN_MEMORY} points cannot be combined with "
            "other points"
        )
        raise GridError(message, hint="leave out `at`, or take fewer points")
    shifted = {index + len(base.values): text for index, text in added.exact.items()}
    values = np.concatenate([base.values, added.values])
    return Axis(name, values, {**base.exact, **shifted})


def _range_hint(text: str) -> str:
    """Return what to write for a range that is none.

    Examples
    --------
    >>> _range_hint("0:1"), _range_hint("0..1"), _range_hint("[0, 1]")
    ('write 0:1:9', 'write 0:1:9', 'write 0:1:9 for a range, 0,1 for two points')
    """
    ends = _TWO_ENDS.fullmatch(text)
    if ends:
        return f"write {ends['low'].replace(',', '.')}:{ends['high'].replace(',', '.')}:9"
    listed = _IN_BRACKETS.fullmatch(text)
    if listed:
        low, high = listed["low"], listed["high"]
        return f"write {low}:{high}:9 for a range, {low},{high} for two points"
    return _EXAMPLE


def _from_text(text: str) -> tuple[Array, dict[int, str], LongRange | None]:
    if ".." in text or text.strip().startswith("["):
        message = f"{text[:40]!r} is not a range"
        raise GridError(message, hint=_range_hint(text))
    if ":" not in text:
        return *_from_list(_split(text)), None
    parts = text.split(":")
    if len(parts) != 3:
        message = f"{text[:40]!r} is not a range"
        raise GridError(message, hint=_range_hint(text))
    try:
        count = int(parts[2])
    except ValueError:
        message = f"the count {parts[2].strip()[:40]!r} is not an integer"
        raise GridError(message, hint=_EXAMPLE) from None
    return _from_range(parts[0], parts[1], count)


def _from_range(
    start: str, stop: str, count: int
) -> tuple[Array, dict[int, str], LongRange | None]:
    if not 1 <= count <= MAX_RANGE:
        message = f"a range has 1 to {MAX_RANGE} points, not {count}"
        raise GridError(message, hint=_EXAMPLE)
    (low, low_exact), (high, high_exact) = _coordinate(start), _coordinate(stop)
    if count == 1 and low != high:
        message = f"a range from {low:g} to {high:g} has at least 2 points, not 1"
        raise GridError(message, hint=_EXAMPLE)
    if low > high:
        message = (
            f"a range goes from the smaller number to the larger, not from {low:g} to {high:g}"
        )
        raise GridError(message, hint=_EXAMPLE)
    if not math.isfinite(high - low):
        message = f"a range from {low:g} to {high:g} is longer than the largest double"
        raise GridError(message, hint="give a list of numbers: [-1e308, 0, 1e308]")
    is_long = count > MAX_POINTS_IN_MEMORY and low < high
    values = np.array([low, high]) if is_long else np.linspace(low, high, count)
    exact = {0: low_exact, len(values) - 1: high_exact}
    long_range = LongRange(low, high, count) if is_long else None
    return values, {i: text for i, text in exact.items() if text}, long_range


def _from_list(values: Any) -> tuple[Array, dict[int, str]]:  # noqa: ANN401  (checked here)
    if isinstance(values, int | float | complex):
        values = [values]
    if hasattr(values, "__array__"):  # of numpy, torch or pandas
        array = _doubles(values)
        exact: dict[int, str] = {}
        if array.ndim > 1:
            message = f"an array of shape {array.shape} is not a list of points"
            raise GridError(message, hint="flatten it, or give each variable its own list")
        array = array.reshape(-1)
    else:
        if not isinstance(values, Iterable):
            message = f"{_shortened(values)} is not a range or a list of points"
            raise GridError(message, hint=_EXAMPLE)
        pairs = list(_coordinates(values))
        array = np.array([value for value, _ in pairs], dtype=np.float64)
        exact = {i: text for i, (_, text) in enumerate(pairs) if text}
    if not 1 <= len(array) <= MAX_COUNT:
        message = f"a list has 1 to {MAX_COUNT} points, not {len(array)}"
        raise GridError(message, hint=_EXAMPLE)
    if not np.isfinite(array).all():
        message = "every point must be finite"
        raise GridError(message, hint=_EXAMPLE)
    return array, exact


def _coordinates(values: Iterable[object]) -> Iterator[tuple[float, str | None]]:
    """Yield what `_coordinate` returns for each of several points; an error says for which."""
    for number, value in enumerate(values, start=1):
        try:
            yield _coordinate(value)
        except (GridError, ExpressionError) as error:
            if number <= _NAMED_BY_VALUE:
                raise
            message = f"point {number}: {error.message}"
            raise GridError(message, place=error.place, hint=error.hint) from None


def _doubles(values: Any) -> Array:  # noqa: ANN401  (an array of any library)
    """Return an array of integers or of floating-point numbers of at most 64 bits as doubles."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        message = f"these points cannot be converted to an array: {describe(error)}"
        raise GridError(message, hint=_EXAMPLE) from None
    if array.dtype.kind == "c":
        raise GridError(complex_number(array.dtype.name), hint=_EXAMPLE)
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
        message = f"an array of dtype {array.dtype.name} cannot be points"
        hint = 'array.astype("float64"); dtypes: float64, float32, float16 and integers'
        raise GridError(message, hint=hint)
    return array.astype(np.float64)


def _split(text: str) -> list[str]:
    """Split a text at the commas outside parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _coordinate(value: object) -> tuple[float, str | None]:
    """Return the nearest double of a point, and the point's text if no double equals it."""
    if isinstance(value, complex):
        raise GridError(complex_number(str(value)), hint=_EXAMPLE)
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        message = f"{str(value)[:40]!r} is not a number"
        raise GridError(message, hint=_EXAMPLE)
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return _exact_coordinate(text)
    if not math.isfinite(number):
        message = f"{text[:40]!r} is not a finite number"
        raise GridError(message, hint=_EXAMPLE)
    return number, None


def _exact_coordinate(text: str) -> tuple[float, str | None]:
    from symdiff.arithmetics.series import germs  # noqa: PLC0415  (loads sympy)
    from symdiff.arithmetics.series.germ_values import Unknown  # noqa: PLC0415
    from symdiff.arithmetics.series.puiseux import Germ  # noqa: PLC0415
    from symdiff.arithmetics.series.reals import Real, nearest  # noqa: PLC0415

    program = parse(text)
    if program.inputs:
        message = f"{text[:40]!r} is not a number"
        raise GridError(message, hint=_EXAMPLE)
    try:
        germ = germs.evaluate(program, {})
        is_decided = not isinstance(germ, Unknown)
        number = germ.constant if isinstance(germ, Germ) else None
        value = math.nan if number is None else nearest(number)
    except (ArithmeticError, TypeError, ValueError, RecursionError):
        is_decided = False
    if not is_decided:
        message = f"{text[:40]!r} cannot be evaluated exactly"
        raise GridError(message, hint="write a simpler number, such as 1/3 or sqrt(2)")
    if number is None or not math.isfinite(value):
        message = f"{text[:40]!r} is not a finite real number"
        raise GridError(message, hint=_EXAMPLE)
    is_double = (number - Real.of(value)).rational == 0
    return value, None if is_double else text


def nearest_double(number: Any) -> tuple[float, str | None]:  # noqa: ANN401
    """Return the double nearest to an exact sympy number, and the number's text if they differ.

    Raises
    ------
    GridError
        If it is not a finite real number.
    """
    text = _as_text(number)
    if number.is_Rational:
        fraction = Fraction(int(number.p), int(number.q))
        value = fraction.numerator / fraction.denominator  # rounded correctly
        return value, None if Fraction(value) == fraction else text
    decimal = number.evalf(40)
    if not decimal.is_Float or not math.isfinite(float(decimal)):
        message = f"{text[:40]!r} is not a finite real number"
        raise GridError(message, hint=_EXAMPLE)
    return float(decimal), text


def _as_text(number: Any) -> str:  # noqa: ANN401  (a sympy expression)
    """Return a sympy number in the syntax of the parser, which writes e where sympy writes E."""
    return str(_printer().doprint(number))


@functools.cache
def _printer() -> Any:  # noqa: ANN401  (a sympy printer, created on first use)
    from sympy.printing.str import StrPrinter  # noqa: PLC0415

    class Printer(StrPrinter):  # type: ignore[misc]
        def _print_Exp1(self, _: object) -> str:  # noqa: N802  (sympy calls it by this name)
            return "e"

    return Printer()
