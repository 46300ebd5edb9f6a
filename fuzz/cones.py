"""Gradients near a point in random directions, in rational arithmetic.

For programs that are polynomials on finitely many pieces. At p + d·2^-k the gradient is computed
exactly, as value and partial derivatives together; where a switch is zero there, another direction
is drawn. The limit for k -> oo of gradients along one direction is a limit of gradients, and so an
element of the Clarke set (Clarke 1983, theorem 2.5.1). It is read from two steps.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from fuzz.trees import NUMBER, VARIABLE, Tree

_STEP: Final = Fraction(1, 2**120)
_LARGEST: Final = 97  # of the components of a direction
ZERO, ONE = Fraction(0), Fraction(1)
Gradient = tuple[Fraction, ...]


class TieError(ArithmeticError):
    """A switch is zero: there is no gradient, or it is not known."""


@dataclasses.dataclass(frozen=True, slots=True)
class Jet:
    """A value and its partial derivatives."""

    value: Fraction
    gradient: Gradient

    def __add__(self, other: Jet) -> Jet:
        """Return the sum."""
        return Jet(
            self.value + other.value,
            tuple(a + b for a, b in zip(self.gradient, other.gradient, strict=True)),
        )

    def __neg__(self) -> Jet:
        """Return the negative."""
        return self.times(-ONE)

    def __sub__(self, other: Jet) -> Jet:
        """Return the difference."""
        return self + -other

    def __mul__(self, other: Jet) -> Jet:
        """Return the product."""
        pairs = zip(self.gradient, other.gradient, strict=True)
        return Jet(
            self.value * other.value, tuple(a * other.value + b * self.value for a, b in pairs)
        )

    def times(self, factor: Fraction) -> Jet:
        """Return a multiple."""
        return Jet(self.value * factor, tuple(a * factor for a in self.gradient))

    def plus(self, number: Fraction) -> Jet:
        """Return the sum with a number."""
        return Jet(self.value + number, self.gradient)

    @property
    def is_constant(self) -> bool:
        """Whether all partial derivatives are zero."""
        return not any(self.gradient)


def _is_positive(jet: Jet) -> bool:
    """Return whether a switch is positive.

    Raises
    ------
    TieError
        It is zero, but does not vanish with all its partial derivatives.
    """
    if jet.value == 0 and not jet.is_constant:
        raise TieError
    return jet.value > 0


def _larger(x: Jet, y: Jet) -> Jet:
    return x if _is_positive(x - y) else y


def _smaller(x: Jet, y: Jet) -> Jet:
    return y if _is_positive(x - y) else x


def _abs(x: Jet) -> Jet:
    return x if _is_positive(x) else -x


def _constant(x: Jet, number: Fraction) -> Jet:
    return Jet(number, (ZERO,) * len(x.gradient))


def _clamp(x: Jet, low: Jet | None = None, high: Jet | None = None) -> Jet:
    x = x if low is None else _larger(x, low)
    return x if high is None else _smaller(x, high)


def _divide(x: Jet, y: Jet) -> Jet:
    if not y.is_constant or y.value == 0:
        raise TieError
    return x.times(1 / y.value)


def _leaky(x: Jet, slope: Jet | None = None) -> Jet:
    factor = Fraction(0.01) if slope is None else slope.value
    return x if _is_positive(x) else x.times(factor)


def _softshrink(x: Jet, lambd: Jet | None = None) -> Jet:
    level = Fraction(1, 2) if lambd is None else lambd.value
    if _is_positive(x.plus(-level)):
        return x.plus(-level)
    return x.plus(level) if _is_positive((-x).plus(-level)) else _constant(x, ZERO)


def _greatest(x: Jet, *others: Jet) -> Jet:
    for y in others:
        x = _larger(x, y)
    return x


def _least(x: Jet, *others: Jet) -> Jet:
    for y in others:
        x = _smaller(x, y)
    return x


def _hardtanh(x: Jet, low: Jet | None = None, high: Jet | None = None) -> Jet:
    return _clamp(x, low or _constant(x, -ONE), high or _constant(x, ONE))


_FUNCTIONS: Final[Mapping[str, Callable[..., Jet]]] = MappingProxyType(
    {
        "add": Jet.__add__,
        "subtract": Jet.__sub__,
        "multiply": Jet.__mul__,
        "divide": _divide,
        "negative": Jet.__neg__,
        "square": lambda x: x * x,
        "abs": _abs,
        "maximum": _greatest,
        "minimum": _least,
        "relu": lambda x: _larger(x, _constant(x, ZERO)),
        "relu6": lambda x: _clamp(x, _constant(x, ZERO), _constant(x, Fraction(6))),
        "clamp": _clamp,
        "leaky_relu": _leaky,
        "hardtanh": _hardtanh,
        "softshrink": _softshrink,
    }
)
_COMPARES: Final = MappingProxyType({"greater": 1, "less": -1, "less_equal": -1})


def jet_at(tree: Tree, names: Sequence[str], point: Mapping[str, Fraction]) -> Jet:
    """Return the value and the gradient of a piecewise polynomial.

    Raises
    ------
    TieError
        The program is not smooth there, as it is written.
    """
    cache: dict[Tree, Jet] = {}

    def of(part: Tree) -> Jet:
        if part not in cache:
            cache[part] = computed(part)
        return cache[part]

    def computed(part: Tree) -> Jet:
        if part.function == VARIABLE:
            return Jet(point[part.name], tuple(ONE if n == part.name else ZERO for n in names))
        if part.function == NUMBER:
            return Jet(part.number, (ZERO,) * len(names))
        if part.function == "where":
            condition, first, second = part.arguments
            difference = of(condition.arguments[0]) - of(condition.arguments[1])
            sign = difference if _COMPARES[condition.function] > 0 else -difference
            return of(first) if _is_positive(sign) else of(second)
        arguments = [of(a) for a in part.arguments]
        positional = arguments[: len(arguments) - len(part.keywords)]
        named = {
            _NAMES[k]: a for k, a in zip(part.keywords, arguments[len(positional) :], strict=True)
        }
        return _FUNCTIONS[part.function](*positional, **named)

    return of(tree)


_NAMES: Final = MappingProxyType({"max": "high", "min": "low", "max_val": "high", "min_val": "low",
                                  "lambd": "lambd", "negative_slope": "slope"})  # fmt: skip


def limit_gradients(
    tree: Tree, names: Sequence[str], point: Mapping[str, Fraction], rng: random.Random, count: int
) -> list[Gradient]:
    """Return limits of gradients along random directions, without repetitions.

    Parameters
    ----------
    tree
        A piecewise polynomial.
    names
        The variables of the gradient, in order.
    point
        The point.
    rng
        Draws the directions.
    count
        The number of directions.
    """
    found: dict[Gradient, None] = {}
    for _ in range(count):
        direction = [Fraction(rng.randint(-_LARGEST, _LARGEST)) for _ in names]
        limits = []
        for step in (_STEP, _STEP / 2):
            near = {n: point[n] + d * step for n, d in zip(names, direction, strict=True)}
            try:
                limits.append(jet_at(tree, names, near).gradient)
            except TieError:
                break
        if len(limits) == 2:
            # The gradient is a polynomial in the step: its rest is below the step times a constant.
            found[tuple(_simplest(2 * b - a) for a, b in zip(*limits, strict=True))] = None
    return list(found)


def _simplest(x: Fraction) -> Fraction:
    """Return the fraction of small denominator that x is up to the square of the step."""
    simple = x.limit_denominator(2**56)
    return simple if abs(simple - x) < Fraction(1, 2**150) else x


def distance_outside(gradient: Sequence[float], vertices: Sequence[Gradient]) -> float:
    """Return the distance of a gradient from the hull of vertices, in the maximum norm."""
    from scipy.optimize import linprog  # noqa: PLC0415  (loads in a second)

    v = np.array([[float(x) for x in vertex] for vertex in vertices]).T
    g = np.asarray(gradient, dtype=float)
    d, count = v.shape
    ones = np.ones((d, 1))
    solution: Any = linprog(
        np.append(np.zeros(count), 1.0),
        A_ub=np.block([[v, -ones], [-v, -ones]]),
        b_ub=np.concatenate([g, -g]),
        A_eq=np.append(np.ones(count), 0.0)[None, :],
        b_eq=[1.0],
    )
    return float(solution.x[-1]) if solution.x is not None else float("inf")
