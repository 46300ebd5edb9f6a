"""Balls around one-sided derivatives at a point where switches are zero.

A switch that is exactly zero has a sign on each side of the point, by its first derivative that is
not zero there.  So a program of continuous functions has a first and a second derivative on each
side.  The jump of the first one is carried along: it is exactly zero where the program is smooth,
although two balls of one number never prove that they are equal.

What balls do not decide (a switch that is nearly zero, a function at the end of its domain, a
condition) raises `LeftToGermsError`, and is left to one-sided series.

Source: one-sided derivatives of continuous selections as in Scholtes 2012, section 4.1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import flint

from symdiff.arithmetics.balls import BALLS, EMPTY, Ball, domain_test, formula
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.slopes import change_in
from symdiff.arithmetics.reading import read
from symdiff.catalogue import CATALOGUE, Function
from symdiff.catalogue.enclosures import integer_power
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.parser import template

_ZERO: Final = flint.arb(0)
_ONE: Final = flint.arb(1)

Side = tuple[Ball, Ball]  # the first and the second derivative on one side


class LeftToGermsError(ArithmeticError):
    """Something that balls do not decide here."""


class UnclearSignError(LeftToGermsError):
    """A switch that is nearly zero: more bits may decide it."""


class Corner(NamedTuple):
    """A continuous function near a point.

    Attributes
    ----------
    value
        The value at the point.
    left, right
        The one-sided derivatives with respect to the variable; None for those of a constant. They
        are the same object where no switch is zero.
    jump
        The right derivative minus the left one; None if it is exactly zero.
    """

    value: Ball
    left: Side | None = None
    right: Side | None = None
    jump: Ball | None = None

    @property
    def is_constant(self) -> bool:
        """Whether the function is constant on both sides."""
        return self.left is None and self.right is None


def corner_of(program: Program, variable: str, point: Mapping[str, Ball], bits: int) -> Corner:
    """Return the one-sided derivatives of a program at a point.

    Parameters
    ----------
    program
        The program.
    variable
        The input to differentiate with respect to.
    point
        An exact ball for every input.
    bits
        The precision.

    Raises
    ------
    UnclearSignError
        More bits may decide it.
    LeftToGermsError
        Balls do not decide it.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> corner = corner_of(parse("abs(x) + x**2"), "x", {"x": flint.arb(0)}, 64)
    >>> corner.left, corner.right
    ((-1.00000000000000, 2.00000000000000), (1.00000000000000, 2.00000000000000))
    """
    with flint.ctx.workprec(bits):
        start: Side = (_ONE, _ZERO)
        inputs = {
            name: Corner(x, start, start) if name == variable else Corner(x)
            for name, x in point.items()
        }
        try:
            corner: Corner = read(program, CORNERS, inputs)
        except (Unsupported, RecursionError) as error:
            raise LeftToGermsError from error
    return corner


class _Corners:
    """The arithmetic of corners; see `reading.Arithmetic`."""

    def column(self, row: Function) -> Callable[..., Corner] | None:
        column = _COLUMNS.get(row.name)
        if column is not None:
            return column
        is_function = isinstance(row.derivative, str) and len(row.parameters) == 1
        if is_function and row.ball is not None and not jets.has_column(row.name):
            return _function(row.name, str(row.derivative), row.parameter_names[0])
        if jets.has_column(row.name) or row.definition is None or row.domain is not None:
            raise LeftToGermsError
        return None

    def number(self, value: float | bool) -> Corner:  # noqa: FBT001
        if isinstance(value, bool):
            raise LeftToGermsError
        return Corner(flint.arb(value))

    def constant(self, name: str) -> Corner:
        return Corner(_finite(BALLS.constant(name)))

    def call(
        self, row: Function, column: Callable[..., Corner], arguments: Sequence[Any]
    ) -> Corner:
        del row
        if None in arguments:
            raise LeftToGermsError
        return column(*arguments)


CORNERS: Final = _Corners()


def _finite(x: Ball) -> Ball:
    if x is EMPTY or not x.is_finite():
        raise LeftToGermsError
    return x


# -- smooth functions


def _sides(
    x: Corner, y: Corner, of: Callable[[Side | None, Side | None], Side | None]
) -> tuple[Side | None, Side | None]:
    """Return both sides of a smooth function of two corners; one object if they are the same."""
    left = of(x.left, y.left)
    if x.left is x.right and y.left is y.right:
        return left, left
    return left, of(x.right, y.right)


def _plus(a: Ball | None, b: Ball | None) -> Ball | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _add(x: Corner, y: Corner) -> Corner:
    def of(a: Side | None, b: Side | None) -> Side | None:
        if a is None or b is None:
            return b if a is None else a
        return a[0] + b[0], a[1] + b[1]

    return Corner(x.value + y.value, *_sides(x, y, of), _plus(x.jump, y.jump))


def _negative(x: Corner) -> Corner:
    left = None if x.left is None else (-x.left[0], -x.left[1])
    right = left
    if x.right is not x.left:
        right = None if x.right is None else (-x.right[0], -x.right[1])
    return Corner(-x.value, left, right, None if x.jump is None else -x.jump)


def _subtract(x: Corner, y: Corner) -> Corner:
    return Corner(_ZERO) if x is y else _add(x, _negative(y))


def _multiply(x: Corner, y: Corner) -> Corner:
    u, v = x.value, y.value

    def of(a: Side | None, b: Side | None) -> Side | None:
        if a is None:
            return None if b is None else (u * b[0], u * b[1])
        if b is None:
            return a[0] * v, a[1] * v
        return a[0] * v + u * b[0], a[1] * v + 2 * a[0] * b[0] + u * b[1]

    jump = _plus(None if x.jump is None else x.jump * v, None if y.jump is None else u * y.jump)
    return Corner(u * v, *_sides(x, y, of), jump)


def _composed(x: Corner, value: Ball, slope: Ball, curvature: Ball) -> Corner:
    """Return f(x), given f and its first and second derivative at the value of x."""

    def of(a: Side | None, _: Side | None) -> Side | None:
        return None if a is None else (slope * a[0], slope * a[1] + curvature * (a[0] * a[0]))

    return Corner(value, *_sides(x, x, of), None if x.jump is None else slope * x.jump)


def _divide(x: Corner, y: Corner) -> Corner:
    inverse = _finite(1 / y.value)
    if y.is_constant:
        return _multiply(x, Corner(inverse))
    square = inverse * inverse
    return _multiply(x, _composed(y, inverse, -square, 2 * square * inverse))


def _power(x: Corner, exponent: Corner) -> Corner:
    u, q = x.value, exponent.value
    if not exponent.is_constant:
        raise LeftToGermsError
    if not q.is_integer():
        if not u > 0:
            raise LeftToGermsError
        powers = [u ** (q - i) for i in range(3)]
        return _composed(x, powers[0], q * powers[1], q * (q - 1) * powers[2])
    n = int(q.unique_fmpz())
    if n == 0:
        return Corner(_ONE)
    value, slope = _finite(integer_power(u, n)), n * integer_power(u, n - 1)
    curvature = _ZERO if n == 1 else n * (n - 1) * integer_power(u, n - 2)
    return _composed(x, value, _finite(slope), _finite(curvature))


@functools.cache
def _function(name: str, derivative: str, parameter: str) -> Callable[..., Corner]:
    """Return a function of one argument, by the text of its derivative.

    The second derivative is the change of the derivative with its inputs, x and the function.
    """
    column: Any = CATALOGUE[name].column("ball")
    test = domain_test(name)
    slope_of, program = formula(derivative), template(derivative)

    def apply(x: Corner) -> Corner:
        u = x.value
        if test is not None and test((u,)) is not True:
            raise LeftToGermsError
        value = _finite(column(u))
        if x.is_constant:
            return Corner(value)
        slope = _finite(slope_of({parameter: u, "result": value}))
        try:
            inputs = {parameter: (u, _ONE), "result": (value, slope)}
            change = change_in(program, inputs, flint.ctx.prec)
        except jets.TieError:
            change = None
        if change is None:
            raise LeftToGermsError
        return _composed(x, value, slope, _finite(change))

    return apply


# -- choices between continuous branches


def _signs(x: Corner) -> tuple[int, int]:
    """Return the signs to the left and to the right; 0 for zero up to the second order."""
    if x.value > 0:
        return 1, 1
    if x.value < 0:
        return -1, -1
    if not x.value.is_zero():
        raise UnclearSignError
    return _sign_of(x.left, -1), _sign_of(x.right, 1)


def _sign_of(side: Side | None, s: int) -> int:
    """Return the sign on side s (1 or -1) of a function that is zero at the point."""
    for factor, derivative in zip((s, 1), side or (), strict=False):
        if derivative > 0:
            return factor
        if derivative < 0:
            return -factor
        if not derivative.is_zero():
            raise LeftToGermsError
    return 0


def _larger(x: Corner, y: Corner) -> Corner:
    return x if x is y else _chosen(_subtract(x, y), x, y)


def _smaller(x: Corner, y: Corner) -> Corner:
    return x if x is y else _chosen(_subtract(y, x), x, y)


def _abs(x: Corner) -> Corner:
    return _chosen(_add(x, x), x, _negative(x))


def _chosen(difference: Corner, x: Corner, y: Corner) -> Corner:
    """Return x on the sides on which x - y, or the negative of it, is positive, and y elsewhere.

    Where the difference is zero up to the second order, x and y have the same derivatives.
    """
    on_left, on_right = _signs(difference)
    on_left = on_left or on_right or 1
    on_right = on_right or on_left
    if on_left == on_right:
        return x if on_left > 0 else y
    left, right = (x, y) if on_left > 0 else (y, x)
    first, second = (side[0] if side else _ZERO for side in (left.left, right.right))
    return Corner(left.value, left.left, right.right, second - first)


_COLUMNS: Mapping[str, Callable[..., Corner]] = MappingProxyType(
    {
        "add": _add,
        "subtract": _subtract,
        "multiply": _multiply,
        "divide": _divide,
        "power": _power,
        "negative": _negative,
        "positive": lambda x: x,
        "abs": _abs,
        "maximum": _larger,
        "minimum": _smaller,
    }
)
