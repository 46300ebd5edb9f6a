"""Points at which programs are tried: exact ties, their neighbours, and far away."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

from hypothesis import strategies as st

from fuzz.reals import Number, Reals
from fuzz.trees import CONSTANT, Tree, call, number

NEAR: Final = 1e-3
FAR: Final = (37.0, -41.5, 1e4, -1e6, 1e-9, -1e-160)
_RATIONALS: Final = ("0", "1", "-1", "2", "1/2", "-1/2", "-2", "3", "1/3", "-1/3", "7/3", "0.1")
_MULTIPLES_OF_PI: Final = ("1", "1/2", "-1", "1/4", "2", "-3/2")


@dataclasses.dataclass(frozen=True, slots=True)
class Coordinate:
    """A coordinate: a rational number, or a rational multiple of pi."""

    factor: Fraction
    is_multiple_of_pi: bool = False

    @property
    def is_double(self) -> bool:
        """Whether it is a double."""
        return not self.is_multiple_of_pi and Fraction(float(self.factor)) == self.factor

    @property
    def nearest(self) -> float:
        """The nearest double (of a multiple of pi, nearly)."""
        return float(self.factor) * (math.pi if self.is_multiple_of_pi else 1.0)

    @property
    def spec(self) -> float | str:
        """What symdiff gets: a double, or the text of an exact number."""
        if self.is_double:
            return float(self.factor)
        return f"({self.factor})*pi" if self.is_multiple_of_pi else str(self.factor)

    def exact(self, reals: Reals) -> Number:
        """Return the exact number."""
        return reals.context.pi * self.factor if self.is_multiple_of_pi else self.factor

    @property
    def value(self) -> Fraction | Callable[[Reals], Number]:
        """The coordinate as `quotients` takes it."""
        return self.exact if self.is_multiple_of_pi and self.factor else self.factor

    @property
    def tree(self) -> Tree:
        """The coordinate as a program."""
        if not self.is_multiple_of_pi:
            return number(self.factor)
        return call("multiply", number(self.factor), Tree(CONSTANT, name="pi"))

    def negated(self) -> Coordinate:
        """Return the coordinate of the opposite sign."""
        return Coordinate(-self.factor, self.is_multiple_of_pi)

    def __str__(self) -> str:
        """Return the number as text."""
        return str(self.spec)


def double(x: float) -> Coordinate:
    """Return a double as a coordinate."""
    return Coordinate(Fraction(x))


Point = Mapping[str, Coordinate]


def exact_coordinates(*, with_pi: bool = True) -> st.SearchStrategy[Coordinate]:
    """Return a strategy for coordinates at which switches of random programs vanish."""
    rationals = st.sampled_from(_RATIONALS).map(_rational)
    if not with_pi:
        return rationals
    of_pi = st.sampled_from(_MULTIPLES_OF_PI).map(
        lambda t: Coordinate(Fraction(t), is_multiple_of_pi=True)
    )
    return rationals | rationals | rationals | of_pi


def _rational(text: str) -> Coordinate:
    return Coordinate(Fraction(float(text)) if "." in text else Fraction(text))


def around(at: Coordinate) -> list[Coordinate]:
    """Return a coordinate and its neighbours, by an ulp and by `NEAR`."""
    x = at.nearest
    beside = [math.nextafter(x, -math.inf), math.nextafter(x, math.inf), x - NEAR, x + NEAR]
    return unique([at, *map(double, [x, *beside])])


def unique(coordinates: list[Coordinate]) -> list[Coordinate]:
    """Return the coordinates without repetitions."""
    return list(dict.fromkeys(coordinates))


def shown(inputs: Mapping[str, Any]) -> str:
    """Return a point as text."""
    return ", ".join(f"{name} = {value}" for name, value in inputs.items())
