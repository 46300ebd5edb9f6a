"""Stretches of a line on which a switch is zero everywhere, as max(x, 0) is on [-1, 0].

The zeros of the switches inside a switch divide the line into pieces.  On the inside of a piece
each of them is nowhere zero or zero everywhere, so the same branches are taken on the whole piece,
and the switch is analytic there.  By the identity theorem it is zero on the whole piece if its
series at one point is exactly zero.  The same holds for a piece on which it is undefined.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction

from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.germ_values import Outside, Value
from symdiff.arithmetics.series.puiseux import Germ, affine_germ, constant_germ
from symdiff.arithmetics.series.reals import Real, is_proved_zero
from symdiff.grid.solve.coordinates import Coordinate
from symdiff.program import Program, parse


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a line between neighbouring zeros of the inner switches.

    Attributes
    ----------
    low, high
        The doubles nearest to its ends.
    has_no_zero
        Whether the switch is undefined on the whole piece.
    is_zero
        Whether the switch is zero on the whole piece.
    """

    low: float
    high: float
    has_no_zero: bool
    is_zero: bool


def pieces(
    program: Program,
    variable: str,
    fixed: Mapping[str, Coordinate],
    cuts: Sequence[float],
    value: int,
) -> list[Piece]:
    """Return the pieces between the ends and the zeros of the inner switches of a switch.

    Parameters
    ----------
    program
        The switch.
    variable
        The variable of the line.
    fixed
        The coordinates of the other variables.
    cuts
        The ends of the line, and the doubles nearest to all zeros of the inner switches between
        them, in order.
    value
        The integer that is to be found: 0, or the one that the switch crosses.

    Examples
    --------
    >>> [(p.low, p.high, p.is_zero) for p in pieces(parse("max(x, 0)"), "x", {}, [-1, 0, 1], 0)]
    [(-1, 0, True), (0, 1, False)]
    """
    inputs = {name: _exact(c) for name, c in fixed.items()}
    found = []
    for a, b in itertools.pairwise(cuts):
        germ = _germ_inside(program, variable, inputs, Fraction(a), Fraction(b))
        found.append(Piece(a, b, isinstance(germ, Outside), _is_exactly(germ, value)))
    return found


def _exact(coordinate: Coordinate) -> Value:
    if coordinate.exact is None:
        return constant_germ(Real.of(coordinate.value))
    return germs.evaluate(parse(coordinate.exact), {})


def _germ_inside(
    program: Program, variable: str, inputs: Mapping[str, Value], low: Fraction, high: Fraction
) -> Value:
    """Return the germ of a program at a rational number inside a piece."""
    middle = affine_germ(Real.of((2 * low + high) / 3), Real.of(1))
    return germs.evaluate(program, {**inputs, variable: middle})


def _is_exactly(germ: Value, value: int) -> bool:
    """Return whether a germ is proved to be the constant `value`."""
    if not isinstance(germ, Germ) or germ.order is not None:
        return False
    terms = dict(germ.terms)
    difference = terms.pop((0, 0), Real.of(0)) - Real.of(value)
    return is_proved_zero(difference) and all(map(is_proved_zero, terms.values()))
