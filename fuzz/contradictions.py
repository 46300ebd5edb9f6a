"""Compare what symdiff says at a point with what the quotients say."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import mpmath

from fuzz.product import Word, double_of
from fuzz.quotients import Answer, Shape, Side, SlowInfinity, close
from fuzz.reals import Number

_RELATIVE: Final = 1e-9  # of slopes and of limits that are shown with nine digits
_SMALLEST: Final = 5e-324
_LARGEST: Final = 1.7976931348623157e308
_WRONG: Final = frozenset({"wrong", "not-subgradient", "nonfinite"})
_FAR_OUT: Final = 1e6  # about as many steps would be needed
_RTOL: Final = 1e-9  # symdiff's tolerance


def of_truth(word: Word, answer: Answer) -> str:
    """Return how a proved truth contradicts the quotients, or ""."""
    if word.kind == "undecided":
        return ""
    if _is_bounded_far_out(word, answer):
        return ""
    return _kinds(word, answer) or _numbers(word, answer) or _limits(word, answer)


def _is_bounded_far_out(word: Word, answer: Answer) -> bool:
    """Return whether a limit that symdiff states is too large for values that grow slowly.

    max(log(x), -1e15) reaches its bound at x = e^-1e15, for which no step is small enough.
    """
    sides = ((answer.left, (_LEFT, _BOTH)), (answer.right, (_RIGHT, _BOTH)))
    return any(
        isinstance(side.limit, SlowInfinity) and abs(float(text)) > _FAR_OUT
        for side, patterns in sides
        for pattern in patterns
        for text in pattern.findall(word.detail)
    )


def _kinds(word: Word, answer: Answer) -> str:
    shapes = [answer.left.shape, answer.right.shape]
    if Shape.UNCLEAR in shapes:
        return ""
    no_value = answer.value is None
    both = shapes == [Shape.SLOPE] * 2
    slopes = all(s in (Shape.SLOPE, Shape.VERTICAL) for s in shapes)
    same = both and close(answer.left.slope, answer.right.slope)
    isolated = shapes == [Shape.UNDEFINED] * 2
    agrees = {
        "smooth": not no_value and same,
        "partial": not no_value and same,
        "oscillating": False,
        "kink": not no_value and both and not same,
        "vertical": not no_value and slopes and Shape.VERTICAL in shapes,
        "edge": not no_value
        and shapes.count(Shape.UNDEFINED) == 1
        and not {Shape.POLE, Shape.JUMP} & set(shapes),
        "jump": not no_value and Shape.JUMP in shapes and Shape.POLE not in shapes,
        "pole": Shape.POLE in shapes,
        # A limit that is not decided may be infinite: the detail says so, but not in every word.
        "outside": no_value or isolated,
        "isolated": isolated and not no_value,
    }
    if agrees.get(word.kind, True):
        return ""
    value = "no value" if no_value else "a value"
    return f"{word.kind}, but there is {value}, {_shown(answer.left)} on the left, {_shown(answer.right)} on the right"


def _shown(side: Side) -> str:
    slope = "" if side.slope is None else f" ({mpmath.nstr(mpmath.mpf(side.slope), 12)})"
    return side.shape.value + slope


def _numbers(word: Word, answer: Answer) -> str:
    strict = answer.value is not None and word.kind != "outside"
    claims = [("left", word.left, answer.left), ("right", word.right, answer.right)]
    if word.kind in {"smooth", "partial"}:
        claims += [("left", word.derivative, answer.left), ("right", word.derivative, answer.right)]
    if word.kind == "edge":
        existing = answer.left if answer.right.shape is Shape.UNDEFINED else answer.right
        claims.append(("only", word.derivative, existing))
    for which, number, side in claims:
        if side.shape is not Shape.UNCLEAR and not fits(number, side, strict=strict):
            return f"the {which} slope is {number}, but there is {_shown(side)}"
    return ""


def fits(number: float | None, side: Side, *, strict: bool = True) -> bool:
    """Return whether a one-sided derivative that symdiff states is that of a side.

    Parameters
    ----------
    number
        The derivative, or None where there is none.
    side
        What the quotients say.
    strict
        Whether a derivative that exists must be stated.
    """
    if number is None:
        return not strict or side.shape in (Shape.UNDEFINED, Shape.POLE)
    if side.slope is None:
        return False
    if math.isinf(number):
        return bool((side.slope > 0) == (number > 0) and abs(side.slope) > _LARGEST)
    return bool(abs(side.slope - number) <= _RELATIVE * abs(side.slope) + _SMALLEST)


_NUMBER: Final = r"([-+]?(?:inf|\d[\d.]*(?:e[-+]?\d+)?))"
_IS: Final = r"limit(?: along [\w\[\],]+)? is"
_BOTH: Final = re.compile(rf"(?<!left )(?<!right ){_IS} {_NUMBER}")
_LEFT: Final = re.compile(rf"left {_IS} {_NUMBER}")
_RIGHT: Final = re.compile(rf"right (?:{_IS}|one) {_NUMBER}")
_JUMPS: Final = re.compile(rf"by {_NUMBER} to the (left|right)")


def _limits(word: Word, answer: Answer) -> str:
    """Compare the limits and the jumps that a detail mentions."""
    if word.kind not in {"outside", "jump", "pole", "edge"}:
        return ""
    sides = {"left": answer.left, "right": answer.right}
    claims: list[tuple[str, str, Number | None]] = []
    for text in _BOTH.findall(word.detail):
        claims += [(name, text, side.limit) for name, side in sides.items()]
    claims += [("left", text, answer.left.limit) for text in _LEFT.findall(word.detail)]
    claims += [("right", text, answer.right.limit) for text in _RIGHT.findall(word.detail)]
    for text, name in _JUMPS.findall(word.detail):
        limit = sides[name].limit
        rise = None if limit is None or answer.value is None else limit - answer.value
        claims.append((name, text, rise))
    for name, text, quotient in claims:
        if quotient is None or _is_about(float(text), quotient):
            continue
        return f"{word.detail!r}, but the quotients say {mpmath.nstr(mpmath.mpf(quotient), 12)} on the {name}"
    return ""


def _is_about(shown: float, exact: Number) -> bool:
    if math.isinf(shown):
        return bool(abs(exact) > _LARGEST) and (exact > 0) == (shown > 0)
    return bool(abs(exact - shown) <= 1e-7 * abs(exact) + _SMALLEST)


def is_judged_elsewhere(word: Word) -> bool:
    """Return whether a number is judged at the double that the engine got, not the exact point."""
    return "judged at" in word.detail


def of_verdict(word: Word, answer: Answer) -> str:
    """Return how a verdict on an engine's number contradicts the quotients, or ""."""
    value = word.value
    if is_judged_elsewhere(word):
        return ""
    if value is None or not answer.is_clear or not math.isfinite(value):
        return ""
    interval = _interval(answer)
    if interval is None:
        return ""
    low, high = interval
    margin = _RTOL * max(abs(low), abs(high)) + _SMALLEST
    inside = bool(low - margin <= value <= high + margin)
    is_kink = low != high
    exact_inside = bool(low <= value <= high) if is_kink else value == double_of(low)
    # A gradient outside the Clarke set may have every component between the slopes along its axis.
    is_of_components = "the gradient lies outside" not in word.detail
    if word.verdict in _WRONG and exact_inside and is_of_components:
        return f"{value!r} by {word.engine} is called {word.verdict}, but the slopes are {_bounds(interval)}"
    if word.verdict == "agrees" and (is_kink or not inside):
        return (
            f"{value!r} by {word.engine} is said to agree, but the slopes are {_bounds(interval)}"
        )
    # A gradient in the Clarke set may have components outside the slopes along the axes.
    if word.verdict == "subgradient" and not inside and "the gradient" not in word.detail:
        return f"{value!r} by {word.engine} is called a subgradient, but the slopes are {_bounds(interval)}"
    return ""


def _interval(answer: Answer) -> tuple[Any, Any] | None:
    """Return the interval between two finite one-sided derivatives, or None."""
    if answer.value is None or not (answer.left.shape is answer.right.shape is Shape.SLOPE):
        return None
    slopes = (answer.left.slope, answer.right.slope)
    if close(*slopes):
        return slopes[0], slopes[0]
    return min(slopes), max(slopes)  # type: ignore[type-var]


def _bounds(interval: tuple[Any, Any]) -> str:
    low, high = (mpmath.nstr(mpmath.mpf(x), 17) for x in interval)
    return low if low == high else f"{low} and {high}"
