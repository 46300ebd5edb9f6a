"""A function call that is read as a first-order model: its operands, and what is known of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import flint

from symdiff.arithmetics.balls import Ball
from symdiff.catalogue import CATALOGUE, Function
from symdiff.program import Call, Program
from symdiff.truth.first_order import Center, Condition, Key, Kinks, Missing, Model, Powers
from symdiff.truth.quadratics import Polynomial

Outcome = Model | Missing
Value = Outcome | Condition | bool


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A call of a program at a point.

    Attributes
    ----------
    program
        The program.
    index, node
        The call.
    values
        The values of the nodes before it, by index.
    kinks
        How functions with kinks are modelled.
    compare
        Returns the proved sign of the difference of two nodes at the point, or None.
    factor
        Returns the rows of a matrix A such that a program is |A·(x - x0)|² to second order, or None
        where that is not proved: from the program and the variables that it depends on, as bits.
    """

    program: Program
    index: int
    node: Call
    values: Mapping[int, Value]
    kinks: Kinks
    compare: Callable[[int, int], int | None]
    factor: Callable[[Program, int], Sequence[Center] | None]

    @property
    def row(self) -> Function:
        """The row of the catalogue that is called."""
        return CATALOGUE[self.node.function]

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.node.function

    def switch_key(self, first: int, second: int | None = None) -> Key:
        """Return a key of the switch first - second, equal for switches of equal size."""
        return self._size_key(first, second) if self.kinks.merges else ("node", self.index)

    def _size_key(self, first: int, second: int | None = None) -> Key:
        """Return the same key for first - second and second - first."""
        if second is not None:
            for one, other in ((first, second), (second, first)):
                value = self.values[one]
                if isinstance(value, Model) and value.constant == 0:
                    return self._size_key(other)
            return ("difference", *sorted((first, second)))
        node = self.program.nodes[first]
        if isinstance(node, Call) and CATALOGUE[node.function].operator == "-":
            return self._size_key(*node.operands)
        if isinstance(node, Call) and CATALOGUE[node.function].operator in {"u-", "u+"}:
            return self._size_key(node.operands[0])
        return ("value", first)


def number(value: float) -> Model:
    """Return the model of a number."""
    ball = flint.arb(value)
    exact = constant_polynomial(Fraction(value)) if ball.is_finite() else None
    return Model(
        ball, polynomial=exact, is_nonnegative=bool(ball >= 0), is_analytic=bool(ball.is_finite())
    )


def constant_polynomial(value: Fraction | None) -> Polynomial | None:
    """Return a rational number as a polynomial; None for None."""
    if value is None:
        return None
    return Polynomial({(): value} if value else {})


def sum_of_squares(form: Polynomial) -> Powers | None:
    """Return a polynomial of degree 2 as a sum of squares of linear functions, or None."""
    squares = form.squares()
    if squares is None:
        return None
    terms = []
    for d, row in squares:
        center = {i: _ball(c) for i, c in row.items()}
        inputs = sum(1 << i for i in row)
        polynomial = Polynomial({(i,): c for i, c in row.items()})
        terms.append((_ball(d), Model(flint.arb(0), center, {}, inputs, polynomial)))
    return Powers(Fraction(2), tuple(terms))


def _ball(number: Fraction) -> Ball:
    return flint.arb(flint.fmpq(number.numerator, number.denominator))


def as_number(value: Value) -> Outcome:
    """Return a condition as a number, 1 or 0, if it is decided."""
    if isinstance(value, bool):
        return number(int(value))
    if isinstance(value, Condition):
        return Missing("a condition that is used as a number switches here")
    return value
