"""Grids from the preconditions of FPCore: ranges of variables."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from symdiff.request.s_expressions import Form, Item, Word

_CONSTANTS: Final = {"PI": math.pi, "E": math.e, "INFINITY": math.inf}
_COUNT: Final = 9  # points, as those of the default grid
_DEFAULT: Final = (-2.0, 2.0)  # the ends of the default grid
_WIDTH: Final = 4.0  # of a range that is open to one side
_WIDEST: Final = 1000.0  # a wider range has points at equal ratios, or in the default range only


@dataclasses.dataclass(frozen=True, slots=True)
class Ranges:
    """Grids by variable, and what the precondition asks for besides."""

    grid: Mapping[str, Any]
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _Range:
    """A range of a variable; the ends are left out where they are open."""

    low: float = -math.inf
    high: float = math.inf
    is_open: tuple[bool, bool] = (False, False)

    def above(self, bound: float, *, is_open: bool) -> _Range:
        if (bound, is_open) <= (self.low, self.is_open[0]):
            return self
        return dataclasses.replace(self, low=bound, is_open=(is_open, self.is_open[1]))

    def below(self, bound: float, *, is_open: bool) -> _Range:
        if (-bound, is_open) <= (-self.high, self.is_open[1]):
            return self
        return dataclasses.replace(self, high=bound, is_open=(self.is_open[0], is_open))


def ranges_of(condition: Item, names: Mapping[str, str]) -> Ranges:
    """Return the grids that a precondition asks for.

    Parameters
    ----------
    condition
        The precondition. A comparison of a variable with numbers is a range of it.
    names
        What each variable of the benchmark is called in the expression.

    Raises
    ------
    FileError
        No number is in the range of a variable.
    """
    ranges: dict[str, _Range] = {}
    notes = []
    for part in _parts(condition):
        bounds = list(_bounds(part, names))
        if not bounds:
            notes.append(f":pre {_text(part)} is ignored")
        for name, bound, is_lower, is_open in bounds:
            old = ranges.get(name, _Range())
            ranges[name] = (old.above if is_lower else old.below)(bound, is_open=is_open)
    grid = {}
    for name, found in ranges.items():
        if found.low > found.high or (found.low == found.high and any(found.is_open)):
            condition.fail(f"no {name} satisfies this precondition", ":pre (< 0 x 1)")
        grid[name], note = _points(found)
        notes += [f"{name} {note}"] if note else []
    return Ranges(grid, tuple(notes))


def _parts(condition: Item) -> Iterator[Item]:
    """Yield the conditions that have to hold together."""
    if isinstance(condition, Form) and condition.head == "and":
        for part in condition.items[1:]:
            yield from _parts(part)
    elif not (isinstance(condition, Word) and condition.text == "TRUE"):
        yield condition


def _bounds(part: Item, names: Mapping[str, str]) -> Iterator[tuple[str, float, bool, bool]]:
    """Yield variable, bound, whether it is a lower bound, and whether the bound is left out."""
    if not isinstance(part, Form) or part.head not in {"<", "<=", ">", ">="}:
        return
    operands = part.items[1:]
    if part.head.startswith(">"):
        operands = operands[::-1]
    numbers = [_number(operand) for operand in operands]
    variables = [names.get(o.text) if isinstance(o, Word) else None for o in operands]
    if not all((n is None) != (v is None) for n, v in zip(numbers, variables, strict=True)):
        return
    if sum(v is not None for v in variables) != 1:
        return
    middle = next(i for i, v in enumerate(variables) if v is not None)
    for i, number in enumerate(numbers):
        if number is not None:
            yield str(variables[middle]), number, i < middle, "=" not in part.head


def _number(item: Item) -> float | None:
    """Return a number, a rational, or a negative of one."""
    if isinstance(item, Form):
        inner = _number(item.items[1]) if item.head == "-" and len(item.items) == 2 else None
        if item.head == "/" and len(item.items) == 3:
            above, below = (_number(part) for part in item.items[1:])
            return above / below if above is not None and below else None
        return None if inner is None else -inner
    numerator, slash, denominator = item.text.partition("/")
    try:
        value = _CONSTANTS.get(numerator) or float(numerator)
        return value / float(denominator) if slash else value
    except (ValueError, ZeroDivisionError):
        return None


def _points(found: _Range) -> tuple[Any, str]:
    """Return the points of a range, and a note where they do not span it."""
    low, high = found.low, found.high
    if low == high:
        return [low], ""
    if math.isinf(high) and math.isinf(low):
        low, high = _DEFAULT
    elif math.isinf(high):
        high = low + _WIDTH + found.is_open[0] * _WIDTH / (_COUNT - 1)
    elif math.isinf(low):
        low = high - _WIDTH - found.is_open[1] * _WIDTH / (_COUNT - 1)
    if high - low <= _WIDEST:
        return _linear(low, high, found.is_open), ""
    if low > 0 or high < 0:
        return _geometric(low, high), ""
    first, last = max(low, _DEFAULT[0]), min(high, _DEFAULT[1])
    is_open = found.is_open[0] and first == low, found.is_open[1] and last == high
    return _linear(first, last, is_open), f"is sampled from {first:g} to {last:g} only"


def _linear(low: float, high: float, is_open: tuple[bool, bool]) -> str:
    """Return a range; an end that is left out is moved inside by one step."""
    step = (high - low) / (_COUNT - 1 + sum(is_open))
    first = low + step * is_open[0]
    last = high - step * is_open[1]
    return f"{_short(first)}:{_short(last)}:{_COUNT}"


def _geometric(low: float, high: float) -> list[float]:
    """Return points at equal ratios inside a range on one side of 0."""
    sign = 1.0 if low > 0 else -1.0
    ends = sorted((math.log(abs(low)), math.log(abs(high))))
    step = (ends[1] - ends[0]) / (_COUNT + 1)
    powers = [sign * float(f"{math.exp(ends[0] + k * step):.6g}") for k in range(1, _COUNT + 1)]
    return sorted(powers)


def _short(value: float) -> str:
    rounded = float(f"{value:.12g}")
    return repr(int(rounded)) if rounded.is_integer() and abs(rounded) < 1e9 else repr(rounded)


def _text(item: Item) -> str:
    if isinstance(item, Word):
        return item.text
    return f"({' '.join(_text(part) for part in item.items)})"[:80]
