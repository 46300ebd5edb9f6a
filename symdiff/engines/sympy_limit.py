"""sympy's limit of the difference quotient from one side, one point at a time."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

import numpy as np
import sympy as sp

from symdiff.arithmetics.symbolic import expression
from symdiff.array_types import Array
from symdiff.engines.base import Allowance, Problem, Samples, Traits
from symdiff.engines.options import EngineOption, positive
from symdiff.engines.sympy_derivatives import check_written_out
from symdiff.errors import describe

__all__ = ["ENGINE"]

_SECONDS: Final = 5.0  # that sympy may take for a point
_GIVEN_UP: Final = 2  # points at which sympy takes too long before the others are left out
_SIGNS: Final = {"right": "+", "left": "-"}


class _OutOfTimeError(BaseException):
    """Raised in the thread in which sympy takes too long; sympy catches no BaseException."""


@dataclasses.dataclass(frozen=True, slots=True)
class _SympyLimit:
    """The engine; see `symdiff.engines.base.Engine`.

    Attributes
    ----------
    side
        The side from which x is approached.
    seconds
        The seconds that sympy may take for a point.
    """

    name: str = "sympy-limit"
    side: str = "right"
    seconds: float = _SECONDS

    @property
    def traits(self) -> Traits:
        """It is slow: sympy computes every point separately."""
        return Traits(modes=("symbolic",), runs_in_chunks=False)

    @property
    def options(self) -> tuple[EngineOption, ...]:
        """It takes a side and a time limit."""
        return (
            EngineOption("side", "left or right", words=tuple(_SIGNS)),
            EngineOption("seconds", "a positive number", positive),
        )

    def configured(self, name: str, values: Mapping[str, Any]) -> _SympyLimit:
        return dataclasses.replace(self, name=name, **values)

    def differentiate(self, problem: Problem) -> Samples:
        check_written_out(problem.program)
        f = expression(problem.program, exact=True)
        slopes = {name: np.full(problem.count, np.nan) for name in problem.variables}
        reason_of = {name: np.zeros(problem.count, np.int32) for name in problem.variables}
        reasons, late = [""], 0
        for name in problem.variables:
            for i in range(problem.count):
                point = {n: _exact(float(x[i])) for n, x in problem.columns.items()}
                number: float | str = f"sympy took more than {self.seconds:g} s elsewhere"
                if late < _GIVEN_UP:
                    number = _within(self.seconds, functools.partial(self._limit, f, name, point))
                if isinstance(number, float):
                    slopes[name][i] = number
                    continue
                late += number.startswith("sympy took")
                reasons.append(number)
                reason_of[name][i] = len(reasons) - 1
        failing = {name: column for name, column in reason_of.items() if column.any()}
        values = self._values(f, problem) if problem.has_values else None
        return Samples(slopes, reason_of=failing, reasons=tuple(reasons), values=values)

    def _values(self, f: sp.Expr, problem: Problem) -> Array | None:
        """Return the values at the points, to 17 digits; None if sympy takes too long for one."""
        values = np.full(problem.count, np.nan)
        for i in range(problem.count):
            here = {
                sp.Symbol(n, real=True): _exact(float(x[i])) for n, x in problem.columns.items()
            }
            number = _within(self.seconds, functools.partial(_number, f, here))
            if isinstance(number, str):
                return None
            values[i] = number
        return values

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        del problem, variable, point
        return Allowance()  # it computes with exact numbers

    def _limit(self, f: sp.Expr, variable: str, point: Mapping[str, sp.Rational]) -> float:
        """Return the limit of (f(x + h) - f(x))/h as a double; NaN if sympy finds no number."""
        h = sp.Symbol("h", real=True)
        here = {sp.Symbol(name, real=True): value for name, value in point.items()}
        moved = {**here, sp.Symbol(variable, real=True): point[variable] + h}
        quotient = (f.xreplace(moved) - f.xreplace(here)) / h
        limit = sp.limit(quotient, h, 0, _SIGNS[self.side])
        return float(limit) if limit.is_extended_real else float("nan")


def _number(f: sp.Expr, here: Mapping[sp.Symbol, sp.Rational]) -> float:
    """Return the value of f as a double; NaN if it is no real number, or undefined."""
    value = sp.N(f.xreplace(here), 17)
    return float(value) if value.is_extended_real else float("nan")


def _exact(x: float) -> sp.Rational:
    return sp.Rational(*Fraction(x).as_integer_ratio())


def _within(seconds: float, compute: Callable[[], float]) -> float | str:
    """Return what a function returns, or why it returns nothing, within a time limit."""
    done: list[float | str] = []

    def run() -> None:
        try:
            done.append(compute())
        except _OutOfTimeError:
            done.append(f"sympy took more than {seconds:g} s")
        except Exception as error:  # noqa: BLE001  (sympy may raise anything)
            done.append(describe(error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    while thread.is_alive():
        stop = ctypes.pythonapi.PyThreadState_SetAsyncExc
        stop(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_OutOfTimeError))
        thread.join(1.0)
    return done[0] if done else f"sympy took more than {seconds:g} s"


ENGINE = _SympyLimit()
