"""One-sided limits by sympy, with a time limit: for programs without switches.

Across a kink sympy's limits are not reliable, so programs with switches are not asked about.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from types import FrameType, MappingProxyType
from typing import Any, Final

import sympy as sp
from sympy.core.evalf import PrecisionExhausted

from fuzz.points import Coordinate
from fuzz.trees import CONSTANT, NUMBER, VARIABLE, Tree

SECONDS: Final = 0.5
_AGAIN: Final = 0.1  # seconds until the next alarm
X: Final = sp.Symbol("x", real=True)
T: Final = sp.Symbol("t", positive=True)

_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "add": lambda x, y: x + y,
        "subtract": lambda x, y: x - y,
        "multiply": lambda x, y: x * y,
        "divide": lambda x, y: x / y,
        "negative": lambda x: -x,
        "square": lambda x: x**2,
        "sin": sp.sin,
        "cos": sp.cos,
        "tan": sp.tan,
        "exp": sp.exp,
        "expm1": lambda x: sp.exp(x) - 1,
        "log": sp.log,
        "log1p": lambda x: sp.log(1 + x),
        "sqrt": sp.sqrt,
        "tanh": sp.tanh,
        "sinh": sp.sinh,
        "cosh": sp.cosh,
        "atan": sp.atan,
    }
)


_DIGITS: Final = 20
_MAX_DIGITS: Final = 2000  # with which sympy computes at most


class OutOfTime(BaseException):  # no error: nothing that catches errors catches it
    """The time limit has passed."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` in the main thread after some seconds of computing."""

    def stop(_: int, frame: FrameType | None) -> None:
        # An exception in hypothesis's callback of the garbage collector is lost: wait for the next.
        if frame is None or frame.f_code.co_name != "gc_callback":
            raise OutOfTime

    start = time.process_time()
    former = signal.signal(signal.SIGVTALRM, stop)
    rest, _ = signal.setitimer(signal.ITIMER_VIRTUAL, seconds, _AGAIN)
    try:
        yield
    finally:
        left = max(rest - (time.process_time() - start), 0.001) if rest else 0
        signal.setitimer(signal.ITIMER_VIRTUAL, left, _AGAIN)
        signal.signal(signal.SIGVTALRM, former)


def is_covered(tree: Tree) -> bool:
    """Return whether sympy is asked about a program."""
    return tree.functions <= {*_FUNCTIONS, VARIABLE, NUMBER, CONSTANT} and tree.variables == ("x",)


def limits(tree: Tree, at: Coordinate, side: int) -> tuple[Any, Any] | None:
    """Return sympy's limit of the value, and of the slope from there, or None if it has none.

    Parameters
    ----------
    tree
        A program in x without switches.
    at
        The point.
    side
        1 for the right, -1 for the left.
    """
    try:
        with time_limit(SECONDS):
            f = _expression(tree)
            x0 = sp.Rational(at.factor) * (sp.pi if at.is_multiple_of_pi else 1)
            near = f.subs(X, x0 + side * T)
            limit = sp.limit(near, T, 0, "+")
            if not limit.is_finite:
                return limit, None
            return limit, sp.limit((near - limit) / (side * T), T, 0, "+")
    except OutOfTime:
        return None
    except Exception:  # noqa: BLE001  (sympy raises many kinds where it gives up)
        return None


def number(limit: Any) -> float | None:
    """Return the double for a number of sympy, or None if too many digits cancel in it."""
    try:
        return float(sp.N(limit, _DIGITS, maxn=_MAX_DIGITS, strict=True))
    except (PrecisionExhausted, TypeError):
        return None


def _expression(tree: Tree) -> Any:
    if tree.function == VARIABLE:
        return X
    if tree.function == NUMBER:
        return sp.Rational(*Fraction(tree.number).as_integer_ratio())
    if tree.function == CONSTANT:
        return {"pi": sp.pi, "e": sp.E}[tree.name]
    return _FUNCTIONS[tree.function](*(_expression(a) for a in tree.arguments))
