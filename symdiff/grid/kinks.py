"""Kinks found by themselves: every switch solved for zero along one variable."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

import flint
import sympy as sp

from symdiff.arithmetics.balls import EMPTY, PRECISION, Ball, enclose, integers_in
from symdiff.arithmetics.bounds.jets import Jet, Strict, TieError, evaluate
from symdiff.errors import GridError, Unsupported
from symdiff.grid.points import nearest_double
from symdiff.grid.solve.coordinates import Coordinate, ball_of
from symdiff.grid.solve.inversion import NotInvertibleError, Preimages, invertible
from symdiff.grid.solve.isolation import MAX_BOXES, Bracket, isolate, merge
from symdiff.grid.solve.polynomial_roots import real_roots
from symdiff.grid.solve.polynomials import Polynomial, polynomial
from symdiff.grid.switches import Switch
from symdiff.program import Program

MAX_ROOTS: Final = 32  # of one switch on one line
_FEW_BOXES = 60  # for a switch that seems to be 0 on the whole line: that is left open anyway
_LARGEST_TREE = 400  # nodes of a switch that sympy is asked to invert
_NARROW = 2.0**-50  # relative width of a bracket that names one double
_NARROW_AT_ZERO = 2.0**-190  # where bisection stops around zero
_NARROW_UNBOUNDED = 2.0**-39
_MAX_INTEGER = flint.arb(2) ** 1024  # that a step function is looked at for
_MAX_PIECES = 256  # of a line on which a step function is bounded piece by piece
_MAX_TRIED = 4 * MAX_ROOTS  # integers for which one step function is solved
# What sympy's constructors raise on expressions they cannot take, beside our own refusals.
_SYMPY_REFUSES = (
    NotInvertibleError,
    Unsupported,
    ArithmeticError,
    RecursionError,
    TypeError,
    ValueError,
)
_ANYWHERE = tuple(j * (math.sqrt(5) - 1) / 2 % 1 for j in range(1, 7))  # of a line: no fractions
_DENOMINATORS = (1, 2, 12, 720)  # of the multiples of 1 and of pi that a root is compared with


@dataclasses.dataclass(frozen=True, slots=True)
class Roots:
    """The zeros of a switch on a line.

    Attributes
    ----------
    found
        Every zero that is known, with its exact value where one is known.
    open
        Brackets in which a zero could be neither shown nor excluded, as pairs of doubles.
    truncated
        Whether there are more than `MAX_ROOTS`, so that some are left out.
    everywhere
        Whether the switch is zero on the whole line.
    """

    found: tuple[Coordinate, ...] = ()
    open: tuple[tuple[float, float], ...] = ()
    truncated: bool = False
    everywhere: bool = False


def find_roots(
    switch: Switch,
    variable: str,
    fixed: Mapping[str, Coordinate],
    ends: tuple[float, float],
    budget: int = MAX_BOXES,
) -> Roots:
    """Return where a switch is zero (or crosses an integer) along one variable.

    Parameters
    ----------
    switch
        What to solve.
    variable
        The variable that moves.
    fixed
        Where the switch's other variables stand.
    ends
        The ends of the line.
    budget
        How many enclosures bisection may compute for each zero that is sought.

    Examples
    --------
    >>> from symdiff.grid.switches import find_switches
    >>> from symdiff.program import parse
    >>> (switch,) = find_switches(parse("abs(3*x - 1)"))
    >>> find_roots(switch, "x", {}, (-2.0, 2.0)).found
    (Coordinate(value=0.3333333333333333, exact='1/3'),)
    """
    line = _Line(switch.program, variable, fixed, ends, budget)
    if not switch.crosses_integers:
        return _joined([line.roots(0)])
    integers, wide, more = line.integers(switch.highest)
    parts: list[Roots] = []
    while integers and sum(len(part.found) for part in parts) <= MAX_ROOTS:
        parts.append(line.roots(integers.pop(0)))
    return _joined(parts, more=bool(integers) or more, also_open=wide)


def _joined(
    parts: list[Roots], *, more: bool = False, also_open: tuple[tuple[float, float], ...] = ()
) -> Roots:
    found = sorted({c for part in parts for c in part.found}, key=lambda c: c.value)
    return Roots(
        found=tuple(_nearest_zero(found)),
        open=(*also_open, *(bracket for part in parts for bracket in part.open)),
        truncated=more or len(found) > MAX_ROOTS or any(p.truncated for p in parts),
        everywhere=any(part.everywhere for part in parts),
    )


def _nearest_zero(found: list[Coordinate]) -> list[Coordinate]:
    kept = sorted(found, key=lambda c: abs(c.value))[:MAX_ROOTS]
    return sorted(kept, key=lambda c: c.value)


class _Line:
    """A switching function along one variable, the others fixed."""

    def __init__(
        self,
        program: Program,
        variable: str,
        fixed: Mapping[str, Coordinate],
        ends: tuple[float, float],
        budget: int,
    ) -> None:
        self._program = program
        self._variable = variable
        self._fixed = {name: fixed[name] for name in program.inputs if name != variable}
        self._low, self._high = ends
        self._budget = budget
        self._balls = {name: c.ball for name, c in self._fixed.items()}
        with flint.ctx.workprec(PRECISION):
            self._ends = flint.arb(self._low), flint.arb(self._high)
            self._enclosure = self._value(self._ends[0].union(self._ends[1]))
        self._coefficients = self._polynomial()
        self._preimages: sp.Expr | None = None

    def roots(self, k: int) -> Roots:
        """Return where the function equals the integer k."""
        if _excludes(self._enclosure, k):
            return Roots()
        if self._coefficients is not None:
            return self._polynomial_roots(self._coefficients, k)
        try:
            return self._inverted_roots(k)
        except (*_SYMPY_REFUSES, GridError):
            return self._isolated_roots(k)

    def _value(self, x: Ball) -> Any:  # noqa: ANN401  (a ball or EMPTY)
        try:
            return enclose(self._program, {**self._balls, self._variable: x})
        except Unsupported:
            return flint.arb("nan")

    def _slope(self, x: Ball) -> Ball | None:
        """Return a ball around the derivative where the switch is smooth, else None."""
        inputs = {name: Jet(ball) for name, ball in self._balls.items()}
        try:
            jet = evaluate(
                self._program, {**inputs, self._variable: Jet(x, (flint.arb(1),))}, Strict()
            )
        except (TieError, Unsupported):
            return None
        finite = jet is not None and jet.gradient and jet.gradient[0].is_finite()
        return jet.gradient[0] if jet is not None and finite else None

    def _inside(self, value: float) -> bool:
        return self._low <= value <= self._high

    # -- polynomials, by their factors

    def _polynomial(self) -> Polynomial | None:
        fractions = {name: c.fraction for name, c in self._fixed.items()}
        rational = {name: f for name, f in fractions.items() if f is not None}
        if len(rational) < len(fractions):
            return None
        return polynomial(self._program, self._variable, rational)

    def _polynomial_roots(self, coefficients: Polynomial, k: int) -> Roots:
        shifted = [coefficients[0] - k if coefficients else Fraction(-k), *coefficients[1:]]
        if not any(shifted):
            return Roots(everywhere=True)
        found = (nearest_double(root) for root in real_roots(shifted))
        return Roots(tuple(Coordinate(v, text) for v, text in found if self._inside(v)))

    # -- chains of invertible functions, by sympy

    def _symbolic(self) -> sp.Expr:
        if self._program.written_out(self._program.output) > _LARGEST_TREE:
            raise NotInvertibleError
        if self._preimages is None:
            fixed = {name: c.symbolic for name, c in self._fixed.items()}
            self._preimages = invertible(self._program, fixed)
        return self._preimages

    def _inverted_roots(self, k: int) -> Roots:
        x = sp.Symbol(self._variable, real=True)
        search = Preimages(x, self._low, self._high, limit=MAX_ROOTS)
        found: dict[Coordinate, None] = {}
        for root in search.solve(self._symbolic(), sp.Integer(k)):
            value, text = nearest_double(root)
            if self._inside(value) and self._may_be_root(root, k):
                found[Coordinate(value, text)] = None
        return Roots(tuple(found), truncated=search.truncated)

    def _may_be_root(self, root: sp.Expr, k: int) -> bool:
        return not _excludes(self._value(ball_of(root)), k)

    # -- anything else, by bisection with balls

    def _isolated_roots(self, k: int) -> Roots:
        f = lambda x: _shifted(self._value(x), k)  # noqa: E731  (a function of k)
        budget = min(self._budget, _FEW_BOXES) if self._seems_constant(k) else self._budget
        brackets = isolate(f, *self._ends, budget, self._slope)
        found: list[Coordinate] = []
        still_open: list[tuple[float, float]] = []
        for bracket in brackets[:MAX_ROOTS]:
            narrow = _is_narrow(bracket)
            if narrow and self._is_singular(bracket):
                continue  # the switch of the division, or of the domain, has it
            exact = self._recognised(bracket, k)
            if exact is not None and (narrow or self._stands_alone(exact, bracket, k)):
                found.append(exact)
            elif narrow:
                found.append(self._without_formula(bracket, k))
            if not narrow or (exact is None and not bracket.proved):
                still_open.append((float(bracket.low), float(bracket.high)))
        return Roots(tuple(found), tuple(still_open), truncated=len(brackets) > MAX_ROOTS)

    def _seems_constant(self, k: int) -> bool:
        """Tell whether the function is k, as far as balls can tell, wherever one looks."""
        low, high = self._ends
        with flint.ctx.workprec(PRECISION):
            places = [(low + (high - low) * part).mid() for part in _ANYWHERE]
        values = [self._value(x) for x in places]
        return all(v is not EMPTY and v.is_finite() and v.contains(k) for v in values)

    def _is_singular(self, bracket: Bracket) -> bool:
        """Tell whether a narrow bracket is around a pole or beside the end of a domain."""
        value = self._value(bracket.ball)
        return value is EMPTY or not value.is_finite()

    def _without_formula(self, bracket: Bracket, k: int) -> Coordinate:
        """Return the double in a narrow bracket; its text says what it is the nearest to."""
        value = bracket.middle
        text = " ".join(self._program.written(self._program.output).split()) or "a switch"
        return Coordinate(value, f"where {text} = {k}, near {value!r}")

    def _stands_alone(self, zero: Coordinate, bracket: Bracket, k: int) -> bool:
        """Tell whether the function is proved not to be flat around a zero."""
        with flint.ctx.workprec(PRECISION):
            beside = (bracket.high - bracket.low).mid() / 64
            points = (zero.ball - beside, zero.ball + beside)
            return all(_excludes(self._value(point), k) for point in points)

    def _recognised(self, bracket: Bracket, k: int) -> Coordinate | None:
        """Return an exact zero inside the bracket, if one of the usual numbers is proved to be."""
        x = sp.Symbol(self._variable, real=True)
        for candidate in _candidates(bracket):
            try:
                known = (self._symbolic().xreplace({x: candidate}) - k).is_zero
                if known and self._may_be_root(candidate, k):
                    return Coordinate(*nearest_double(candidate))
            except _SYMPY_REFUSES:
                return None
        return None

    # -- integers that a step function may cross

    def integers(
        self, highest: int | None
    ) -> tuple[list[int], tuple[tuple[float, float], ...], bool]:
        """Return integers that the function may take, and what is known of the others.

        The integers stand in the order in which they are to be tried: around the value that
        the function has nearest to 0 first. Then follow stretches on which it could not be
        bounded, and whether there are more integers than those.
        """
        pieces, unbounded = self._bounded_pieces()
        # At a pole it takes every integer; the pole itself is a switch of its own.
        wide = tuple((a, b) for a, b in unbounded if b - a > _NARROW_UNBOUNDED)
        tried: set[int] = set()
        more = len(wide) < len(unbounded) and highest is None
        start = self._value(flint.arb(min(max(0.0, self._low), self._high)))
        known = start is not EMPTY and start.is_finite()
        anchor = integers_in(start)[0] if known and abs(start) < _MAX_INTEGER else 0
        for low, high in pieces:
            last = high if highest is None else min(high, highest)
            middle = min(max(anchor, low), last)
            first, final = max(low, middle - _MAX_TRIED), min(last, middle + _MAX_TRIED)
            more = more or first > low or final < last
            tried.update(range(first, final + 1))
        ordered = sorted(tried, key=lambda k: abs(k - anchor))
        return ordered[:_MAX_TRIED], wide, more or len(ordered) > _MAX_TRIED

    def _bounded_pieces(self) -> tuple[list[tuple[int, int]], tuple[tuple[float, float], ...]]:
        """Return the integers in the function's range, piece by piece of the line."""
        pieces: list[tuple[int, int]] = []
        waiting = [self._ends]
        unbounded: list[tuple[Ball, Ball]] = []
        with flint.ctx.workprec(PRECISION):
            for _ in range(_MAX_PIECES):
                if not waiting:
                    break
                low, high = waiting.pop(0)
                value = self._value(low.union(high))
                if value is EMPTY:
                    continue
                if value.is_finite() and abs(value) < _MAX_INTEGER:
                    pieces.append(integers_in(value))
                    continue
                middle = ((low + high) / 2).mid()
                if high - low <= flint.arb(2.0**-40) or not low < middle < high:
                    unbounded.append((low, high))
                else:
                    waiting.extend([(low, middle), (middle, high)])
        left = merge([*unbounded, *waiting])
        return pieces, tuple((float(a), float(b)) for a, b in left)


def _excludes(value: Any, k: int) -> bool:  # noqa: ANN401  (a ball or EMPTY)
    """Tell whether a function whose values are in the ball is proved not to be k."""
    return value is EMPTY or bool(value > k or value < k)


def _shifted(value: Any, k: int) -> Any:  # noqa: ANN401  (a ball or EMPTY)
    return value if value is EMPTY else value - k


def _is_narrow(bracket: Bracket) -> bool:
    low, high = float(bracket.low), float(bracket.high)
    return high - low <= max(_NARROW * max(abs(low), abs(high)), _NARROW_AT_ZERO)


def _candidates(bracket: Bracket) -> Iterator[sp.Expr]:
    """Yield the usual numbers inside a bracket: simple fractions, and those of pi."""
    for unit, size in ((sp.S.One, 1.0), (sp.pi, math.pi)):
        tried: set[Fraction] = set()
        for denominator in _DENOMINATORS:
            nearest = Fraction(bracket.middle / size).limit_denominator(denominator)
            candidate = sp.Rational(nearest.numerator, nearest.denominator) * unit
            inside = not (ball_of(candidate) < bracket.low or ball_of(candidate) > bracket.high)
            if nearest not in tried and inside:
                tried.add(nearest)
                yield candidate
