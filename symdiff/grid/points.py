"""Coordinates: doubles taken exactly, and exact numbers such as 1/3 and pi."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

from symdiff.array_types import Array
from symdiff.errors import ExpressionError, GridError, did_you_mean
from symdiff.program import check_name, parse

Spec = str | float | tuple[float, float] | Sequence[float | str] | Array

DEFAULT_RANGE: Final = "-2:2:9"
MAX_COUNT: Final = 10_000_000  # points in one list
MAX_RANGE: Final = 10_000_000_000  # points of one range
MAX_POINTS_IN_MEMORY: Final = 4_000_000  # points of a range that are held at once
_DEFAULT_COUNT = 9
_EXAMPLE = "write start:stop:count, such as -2:2:9, or points such as 0,1/3,pi"
# Balances truncation h²|f‴|/6 against rounding ε|f|/h (Nocedal & Wright 2006, section 8.1).
_RELATIVE_STEP = float(np.finfo(np.float64).eps ** (1 / 3))


@dataclasses.dataclass(frozen=True, slots=True)
class LongRange:
    """The points of a range, where they are too many to be held at once.

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
        """Return the points from number `first` up to `last`, as `numpy.linspace` has them.

        Examples
        --------
        >>> LongRange(-1.0, 1.0, 5).points(1, 5)
        array([-0.5,  0. ,  0.5,  1. ])
        """
        step = (self.high - self.low) / (self.count - 1)
        found: Array = np.arange(first, min(last, self.count), dtype=np.float64) * step + self.low
        if last >= self.count:
            found[-1] = self.high
        return found


@dataclasses.dataclass(frozen=True, slots=True)
class Axis:
    """The points wanted along one variable.

    Attributes
    ----------
    name
        The variable.
    values
        The nearest doubles of the points, shape (n,).
    exact
        For the points that are no double, by index: what they are exactly, as text.
    searched
        Whether kinks between the smallest and the largest point are to be added.
    long_range
        A range too long to be held: then `values` are its ends.
    """

    name: str
    values: Array
    exact: Mapping[int, str] = dataclasses.field(default_factory=dict)
    searched: bool = True
    long_range: LongRange | None = None

    @property
    def low(self) -> float:
        """The smallest point."""
        return float(self.values.min())

    @property
    def high(self) -> float:
        """The largest point."""
        return float(self.values.max())


def difference_step(x: Array) -> Array:
    """Return the step of central differences at x: representable, so that x + h is exact.

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
    step += x
    step -= x
    return step


def axis(name: str, spec: Spec, *, searched: bool = True) -> Axis:
    """Read the points wanted along one variable.

    Parameters
    ----------
    name
        The variable.
    spec
        A range as text ``start:stop:count`` or as a pair (start, stop); one point or a list of
        points, each a number or an exact text; or an array.
    searched
        Whether kinks are to be added.

    Raises
    ------
    GridError
        It is none of these, or not finite, or has more than `MAX_COUNT` points.

    Examples
    --------
    >>> axis("x", "-1:1:5").values
    array([-1. , -0.5,  0. ,  0.5,  1. ])
    >>> axis("x", ["1/3", "1/2", 2]).exact
    {0: '1/3'}
    """
    try:
        check_name(name)
        line = None
        if isinstance(spec, str):
            values, exact, line = _from_text(spec)
        elif isinstance(spec, tuple) and len(spec) == 2:
            values, exact, line = _from_range(str(spec[0]), str(spec[1]), _DEFAULT_COUNT)
        else:
            values, exact = _from_list(spec)
    except (GridError, ExpressionError) as error:
        raise GridError(error.message, place=error.place, hint=error.hint).within(
            key=f"grid {name[:40]}"
        ) from None
    return Axis(name, values, exact, searched=searched, long_range=line)


def axes(
    inputs: Sequence[str], grid: Mapping[str, Spec], at: Mapping[str, Spec] | None = None
) -> tuple[Axis, ...]:
    """Return an axis for every variable: from `grid`, from `at`, or the default range.

    Parameters
    ----------
    inputs
        The variables of an expression.
    grid
        Ranges and lists, to which kinks are added.
    at
        Points to which nothing is added.

    Raises
    ------
    GridError
        A key is no variable of the expression, or its points cannot be read.
    """
    points = at or {}
    for given in (grid, points):
        if isinstance(given, str):
            message = f"{given[:40]!r} says not which variable it is for"
            raise GridError(
                message, hint=f'a mapping, such as {{"{(*inputs, "x")[0]}": "{given[:40]}"}}'
            )
    for name in (*grid, *points):
        if name not in inputs:
            known = ", ".join(inputs) or "none"
            hint = did_you_mean(name, inputs) or f"its variables: {known}"
            message = f"the expression has no variable {name[:40]!r}"
            raise GridError(message, hint=hint)
    return tuple(_one_axis(name, grid, points) for name in inputs)


def _one_axis(name: str, grid: Mapping[str, Spec], points: Mapping[str, Spec]) -> Axis:
    if name not in points:
        return axis(name, grid.get(name, DEFAULT_RANGE))
    wanted = axis(name, points[name], searched=False)
    if name not in grid:
        return wanted
    base = axis(name, grid[name])
    if base.long_range or wanted.long_range:
        message = f"{name}: a range of more than {MAX_POINTS_IN_MEMORY} points stands alone"
        raise GridError(message, hint="leave the single points out, or take fewer")
    moved = {index + len(base.values): text for index, text in wanted.exact.items()}
    return Axis(name, np.concatenate([base.values, wanted.values]), {**base.exact, **moved})


def _from_text(text: str) -> tuple[Array, dict[int, str], LongRange | None]:
    if ":" not in text:
        return *_from_list(_split(text)), None
    parts = text.split(":")
    if len(parts) != 3:
        message = f"{text[:40]!r} is not a range"
        raise GridError(message, hint=_EXAMPLE)
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
        message = f"one point cannot go from {low:g} to {high:g}"
        raise GridError(message, hint=_EXAMPLE)
    if low > high:
        message = f"a range goes from the smaller to the larger, not from {low:g} to {high:g}"
        raise GridError(message, hint=_EXAMPLE)
    is_long = count > MAX_POINTS_IN_MEMORY and low < high
    values = np.array([low, high]) if is_long else np.linspace(low, high, count)
    exact = {0: low_exact, len(values) - 1: high_exact}
    line = LongRange(low, high, count) if is_long else None
    return values, {i: text for i, text in exact.items() if text}, line


def _from_list(values: Any) -> tuple[Array, dict[int, str]]:  # noqa: ANN401  (checked here)
    if isinstance(values, int | float):
        values = [values]
    if hasattr(values, "__array__"):  # numpy's, torch's, pandas'
        array = np.asarray(values, dtype=np.float64)
        exact: dict[int, str] = {}
        if array.ndim > 1:
            message = f"an array of shape {array.shape} is no list of points"
            raise GridError(message, hint="flatten it, or give each variable its own list")
        array = array.reshape(-1)
    else:
        pairs = [_coordinate(v) for v in values]
        array = np.array([value for value, _ in pairs], dtype=np.float64)
        exact = {i: text for i, (_, text) in enumerate(pairs) if text}
    if not 1 <= len(array) <= MAX_COUNT:
        message = f"a list has 1 to {MAX_COUNT} points, not {len(array)}"
        raise GridError(message, hint=_EXAMPLE)
    if not np.isfinite(array).all():
        message = "every point must be finite"
        raise GridError(message, hint=_EXAMPLE)
    return array, exact


def _split(text: str) -> list[str]:
    """Split at the commas that stand outside brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _coordinate(value: object) -> tuple[float, str | None]:
    """Return the nearest double, and the exact number as text if no double equals it."""
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
        found = germs.evaluate(program, {})
        known = not isinstance(found, Unknown)
        number = found.constant if isinstance(found, Germ) else None
        value = math.nan if number is None else nearest(number)
    except (ArithmeticError, TypeError, ValueError, RecursionError):
        known = False
    if not known:
        message = f"{text[:40]!r} cannot be evaluated exactly"
        raise GridError(message, hint="write a simpler number, such as 1/3 or sqrt(2)")
    if number is None or not math.isfinite(value):
        message = f"{text[:40]!r} is not a finite real number"
        raise GridError(message, hint=_EXAMPLE)
    is_double = (number - Real.of(value)).rational == 0
    return value, None if is_double else text


def nearest_double(number: Any) -> tuple[float, str | None]:  # noqa: ANN401
    """Return the double nearest to an exact sympy number, and its text if they differ.

    Raises
    ------
    GridError
        It is not a finite real number.
    """
    shown = _in_our_words(number)
    if number.is_Rational:
        fraction = Fraction(int(number.p), int(number.q))
        value = fraction.numerator / fraction.denominator  # rounded correctly
        return value, None if Fraction(value) == fraction else shown
    decimal = number.evalf(40)
    if not decimal.is_Float or not math.isfinite(float(decimal)):
        message = f"{shown[:40]!r} is not a finite real number"
        raise GridError(message, hint=_EXAMPLE)
    return float(decimal), shown


def _in_our_words(number: Any) -> str:  # noqa: ANN401  (an expression of sympy's)
    """Return a number's text as the parser reads it: sympy writes E for e."""
    return str(_printer().doprint(number))


@functools.cache
def _printer() -> Any:  # noqa: ANN401  (a printer of sympy's, made when sympy is loaded)
    from sympy.printing.str import StrPrinter  # noqa: PLC0415

    class Printer(StrPrinter):  # type: ignore[misc]
        def _print_Exp1(self, _: object) -> str:  # noqa: N802  (sympy calls it by this name)
            return "e"

    return Printer()
