"""Bounds of the rounding errors of other ways to compute a program.

A callable need not compute a formula as it is written: gelu as x*(1 + erf(x/sqrt(2)))/2 where the
formula is x*erfc(-x/sqrt(2))/2, or (x - 1)**2 as x*x - 2*x + 1. What cancels in such a way has an
error of the size of its terms, not of its value. So every result gets an error of one unit in the
last place of its *scale*:

- of a sum, the sum of the scales of its terms; of a product, their product; of x/y, that of x
  divided by |y|; of x**n, that of x to the n-th power;
- of a function that usual ways compute by subtraction from 1, such as erfc, at least 1;
- of any other result, and of an input, its own absolute value.

Source: the condition of a sum is that of its terms, Higham 2002, section 4.2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import flint
import numpy as np

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds.estimates import Estimates
from symdiff.arithmetics.bounds.jets import Jet
from symdiff.arithmetics.bounds.models import UNIT, Estimate
from symdiff.arithmetics.bounds.ties import ReorderedSums
from symdiff.catalogue import Function
from symdiff.program.values import DTYPES, Dtype

_LARGEST_POWER: Final = 64  # largest exponent of x**n that counts as a product


class _Scales:
    """The scales of the results of one reading.

    Results are known by their identity, and kept so that no other object can get it.
    """

    def __init__(self, size: Callable[[Any], Any], largest: Callable[[Any, Any], Any]) -> None:
        """Take the functions that return the absolute value of a result, and the larger scale."""
        self._size, self._largest = size, largest
        self._known: dict[int, tuple[Any, Any]] = {}

    def note(self, result: Any, scale: Any) -> None:
        """Note the scale of a result."""
        self._known[id(result)] = (result, scale)

    def of(self, result: Any) -> Any:
        """Return the scale of a result."""
        found = self._known.get(id(result))
        return self._size(result) if found is None else found[1]

    def of_call(self, row: Function, arguments: Sequence[Any], result: Any) -> Any:
        """Return the scale of the result of a call, whose arguments are numbers."""
        size = self._size(result)
        if row.operator == "/":  # (x - m)/s as x*(1/s) - m*(1/s)
            return self._largest(size, self.of(arguments[0]) / self._size(arguments[1]))
        rule = _RULES.get(row.operator or "")
        if rule is not None and len(arguments) == 2:
            return self._largest(size, rule(*map(self.of, arguments)))
        if row.is_power:
            return self._of_power(arguments, size)
        if row.operator == "u-":
            return self.of(arguments[0])
        return self._largest(size, 1.0) if row.cancels else size

    def _of_power(self, arguments: Sequence[Any], size: Any) -> Any:
        exponent = self._size(arguments[1])
        if np.ndim(exponent) or not 0 < exponent <= _LARGEST_POWER:
            return size
        return self._largest(size, self.of(arguments[0]) ** exponent)


_RULES: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {"+": lambda x, y: x + y, "-": lambda x, y: x + y, "*": lambda x, y: x * y}
)


class AnyWay(ReorderedSums):
    """As `ReorderedSums`, for a value that may be computed by a different formula."""

    backward_formula = (
        False  # the scales of the formula as written bound it, and bound it more closely
    )
    compares_exactly = False

    def __init__(self, dtype: Dtype = DTYPES["float64"]) -> None:
        """Take the dtype in which the value is computed."""
        super().__init__(dtype)
        self._scales = _Scales(lambda jet: abs(jet.value).upper(), max)

    def rounded(self, jet: Jet, row: Function, arguments: Sequence[Any]) -> Jet:
        """Add the rounding of terms that a different formula may have; none to an exact value."""
        is_exact = jet.value.is_exact()
        jet = super().rounded(jet, row, arguments)
        if not all(isinstance(a, Jet) for a in arguments):
            return jet
        # 0/s and 0*s may be differences of x/s or x*s, which are rounded.
        is_exact &= row.operator != "/" and all(a.value.is_exact() for a in arguments)
        scale = self._scales.of_call(row, arguments, jet)
        if not is_exact:
            gradient = jet.gradient
            if row.cancels and "result" in str(row.derivative):  # as in result*(1 - result)
                slopes = [_sum_of_slopes(arguments, k) for k in range(len(gradient))]
                gradient = tuple(map(self._near, gradient, slopes))
            jet = Jet(self._near(jet.value, scale), gradient)
        self._scales.note(jet, scale)
        return jet

    def _near(self, x: Ball, scale: Ball | float) -> Ball:
        return x + flint.arb(0, self._ulp * scale)


class AnyWayOfTrace(AnyWay):
    """As `AnyWay`, for traced code, which computes the same differences as its trace.

    In abs(x - y) the difference of equal numbers is exactly 0.
    """

    compares_exactly = True


def _sum_of_slopes(arguments: Sequence[Jet], k: int) -> Ball:
    return sum((abs(a.gradient[k]).upper() for a in arguments if a.gradient), flint.arb(0))


class AnyWayOnArrays(Estimates):
    """Running error bounds of a value that may be computed by a different formula; see `AnyWay`."""

    def __init__(self) -> None:
        """Start without scales."""
        super().__init__()
        self._scales = _Scales(lambda a: np.abs(a.value), np.maximum)

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Apply a column, and add the rounding of the terms that a different formula may have."""
        result = super().call(row, column, arguments)
        if not isinstance(result, Estimate) or not all(isinstance(a, Estimate) for a in arguments):
            return result
        scale = self._scales.of_call(row, arguments, result)
        errors = (result.error, *(a.error for a in arguments))
        is_exact: Any = row.operator != "/"
        for error in errors:
            is_exact = is_exact & (np.asarray(error) == 0)
        extra = np.where(is_exact, 0.0, 2 * UNIT * scale)
        result = dataclasses.replace(result, error=result.error + extra)
        self._scales.note(result, scale)
        return result
