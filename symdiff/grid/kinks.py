"""Find kinks: solve a switch for zero along one variable.

The zeros of a polynomial and of a chain of invertible functions are found exactly. Those of any
other switch are isolated by bisection with balls.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final, NamedTuple

import flint
import sympy as sp

from symdiff.arithmetics.balls import EMPTY, PRECISION, Ball, enclose, integers_in
from symdiff.arithmetics.bounds.jets import Jet, Strict, TieError, evaluate
from symdiff.arithmetics.bounds.slopes import slope_in
from symdiff.errors import GridError, Unsupported
from symdiff.grid.points import nearest_double
from symdiff.grid.solve.coordinates import Coordinate, ball_of
from symdiff.grid.solve.inversion import EquationSolver, NotInvertibleError, expression_to_invert
from symdiff.grid.solve.isolation import MAX_BOXES, Bracket, isolate, merge_intervals
from symdiff.grid.solve.polynomial_roots import real_roots, text_of_root
from symdiff.grid.solve.polynomials import Polynomial, as_polynomial
from symdiff.grid.solve.stretches import Piece, pieces
from symdiff.grid.switches import Switch, find_switches
from symdiff.program import Program
from symdiff.program.nodes import Node

MAX_ROOTS: Final = 32  # zeros of one switch on one line
_REMEMBERED: Final = 1024  # searches of one switch on one line that are kept
_PARTS: Final = 8  # parts of a line on which a switch is enclosed before it is inverted
_FEW_BOXES = 60  # enclosures for a switch that seems to be 0 on the whole line
_LARGEST_TREE = 400  # nodes of the largest switch that is inverted in sympy
_NARROW = 2.0**-50  # relative width of a bracket that determines one double
_NARROW_AT_ZERO = 2.0**-190  # width of a bracket around 0 at which bisection stops
_NARROW_UNBOUNDED = 2.0**-39  # a shorter stretch on which a step function is unbounded is a pole
_MAX_INTEGER = flint.arb(2) ** 1024  # a step function with larger values counts as unbounded
_MAX_PIECES = 256  # enclosures spent on bounding a step function piece by piece
_MAX_TRIED = 4 * MAX_ROOTS  # integers for which one step function is solved
# What sympy's constructors and our own code raise on expressions that they cannot handle.
_CANNOT_INVERT = (
    NotInvertibleError,
    Unsupported,
    ArithmeticError,
    RecursionError,
    TypeError,
    ValueError,
)
# Positions on a line, in units of its length, at which a switch is tested for being constant:
# multiples of the golden ratio modulo 1, since at simple fractions a switch may vanish by chance.
_TEST_POSITIONS = tuple(j * (math.sqrt(5) - 1) / 2 % 1 for j in range(1, 7))
# A bracket is searched for multiples of 1/n and of pi/n for these n.
_DENOMINATORS = (1, 2, 12, 720)


@dataclasses.dataclass(frozen=True, slots=True)
class Roots:
    """The zeros of a switch on a line.

    Attributes
    ----------
    coordinates
        The zeros, with their exact values where these are known.
    open_brackets
        Intervals, as pairs of doubles, in which a zero could be neither proved nor excluded.
    truncated
        Whether zeros are left out because there are more than `MAX_ROOTS`.
    everywhere
        Whether the switch is zero on the whole line.
    stretches
        Intervals, as pairs of doubles, on which the switch is proved to be zero everywhere.
    """

    coordinates: tuple[Coordinate, ...] = ()
    open_brackets: tuple[tuple[float, float], ...] = ()
    truncated: bool = False
    everywhere: bool = False
    stretches: tuple[tuple[float, float], ...] = ()


def find_roots(
    switch: Switch,
    variable: str,
    fixed: Mapping[str, Coordinate],
    ends: tuple[float, float],
    budget: int = MAX_BOXES,
) -> Roots:
    """Return the zeros of a switch along one variable, or where it crosses an integer.

    Parameters
    ----------
    switch
        The switch to solve.
    variable
        The variable to solve for.
    fixed
        The coordinates of the switch's other variables.
    ends
        The ends of the line.
    budget
        How many enclosures bisection may compute for each equation, switch = integer.

    Examples
    --------
    >>> from symdiff.grid.switches import find_switches
    >>> from symdiff.program import parse
    >>> (switch,) = find_switches(parse("abs(3*x - 1)"))
    >>> find_roots(switch, "x", {}, (-2.0, 2.0)).coordinates
    (Coordinate(value=0.3333333333333333, exact='1/3'),)
    """
    return RootFinder().roots(switch, variable, fixed, ends, budget)


class _Line(NamedTuple):
    """A line, and how many enclosures bisection may compute on it."""

    variable: str
    others: tuple[tuple[str, Coordinate], ...]
    ends: tuple[float, float]
    budget: int


class RootFinder:
    """Finds the zeros of switches on lines, as `find_roots` does, and remembers them.

    A switch inside several others is solved once, and not once for every chain of switches that
    leads to it.
    """

    def __init__(self) -> None:
        """Start with nothing remembered."""
        self._remembered = functools.lru_cache(maxsize=_REMEMBERED)(self._found)
        self._expressions = functools.lru_cache(maxsize=_REMEMBERED)(_no_expressions)

    def roots(
        self,
        switch: Switch,
        variable: str,
        fixed: Mapping[str, Coordinate],
        ends: tuple[float, float],
        budget: int,
    ) -> Roots:
        """Return the zeros of a switch along one variable; see `find_roots`."""
        others = ((name, fixed[name]) for name in switch.program.inputs if name != variable)
        return self._remembered(switch, _Line(variable, tuple(others), ends, budget))

    def expressions(
        self, program: Program, others: tuple[tuple[str, Coordinate], ...]
    ) -> dict[int, Any]:
        """Return the expressions in sympy of nodes, to which those that are read are added.

        Switches of one program share its nodes, so that each is read once for all of them.
        """
        return self._expressions(program.nodes, others)

    def _found(self, switch: Switch, place: _Line) -> Roots:
        line = _SwitchOnLine(switch.program, place, self)
        if not switch.crosses_integers:
            return _joined([line.roots(0)])
        integers, unbounded, more = line.integers(switch.highest)
        parts: list[Roots] = []
        while integers and sum(len(part.coordinates) for part in parts) <= MAX_ROOTS:
            parts.append(line.roots(integers.pop(0)))
        return _joined(parts, more=bool(integers) or more, open_brackets=unbounded)


def _no_expressions(
    nodes: tuple[Node, ...], others: tuple[tuple[str, Coordinate], ...]
) -> dict[int, Any]:
    """Return a new mapping from nodes to expressions; the cache keeps one for all that is equal."""
    del nodes, others
    return {}


def _joined(
    parts: list[Roots],
    *,
    more: bool = False,
    open_brackets: tuple[tuple[float, float], ...] = (),
) -> Roots:
    """Return the roots of several equations as the zeros of one switch."""
    whole = [part for part in parts if part.everywhere]
    if whole:
        return whole[0]
    roots = sorted({c for part in parts for c in part.coordinates}, key=lambda c: c.value)
    return Roots(
        coordinates=tuple(_nearest_to_zero(roots)),
        open_brackets=(*open_brackets, *(b for part in parts for b in part.open_brackets)),
        truncated=more or len(roots) > MAX_ROOTS or any(p.truncated for p in parts),
        stretches=tuple(s for part in parts for s in part.stretches),
    )


def _nearest_to_zero(roots: list[Coordinate]) -> list[Coordinate]:
    """Return the `MAX_ROOTS` roots of smallest magnitude, in increasing order."""
    kept = sorted(roots, key=lambda c: abs(c.value))[:MAX_ROOTS]
    return sorted(kept, key=lambda c: c.value)


class _SwitchOnLine:
    """A switching function of one variable, with the other variables fixed."""

    def __init__(self, program: Program, line: _Line, finder: RootFinder) -> None:
        self._program = program
        self._finder = finder
        self._variable, self._budget = line.variable, line.budget
        self._fixed = dict(line.others)
        self._low, self._high = line.ends
        self._balls = {name: c.ball for name, c in self._fixed.items()}
        with flint.ctx.workprec(PRECISION):
            self._ends = flint.arb(self._low), flint.arb(self._high)
            self._enclosure = self._value(self._ends[0].union(self._ends[1]))
        self._sympy_expression: sp.Expr | None = None

    def roots(self, k: int) -> Roots:
        """Return where the function equals the integer k."""
        if _excludes(self._enclosure, k):
            return Roots()
        if self._polynomial is not None:
            return self._polynomial_roots(self._polynomial, k)
        if self._is_nowhere(k):
            return Roots()
        try:
            return self._inverted_roots(k)
        except (*_CANNOT_INVERT, GridError):
            return self._isolated_roots(k)

    def _is_nowhere(self, k: int) -> bool:
        """Return whether enclosures on parts of the line prove that the function is nowhere k.

        This is much cheaper than to invert it in sympy.
        """
        low, high = self._ends
        with flint.ctx.workprec(PRECISION):
            inner = [low + (high - low) * i / _PARTS for i in range(1, _PARTS)]
            parts = itertools.pairwise([low, *inner, high])
            return all(_excludes(self._value(a.union(b)), k) for a, b in parts)

    def _value(self, x: Ball) -> Any:  # noqa: ANN401  (a ball or EMPTY)
        try:
            return enclose(self._program, {**self._balls, self._variable: x})
        except Unsupported:
            return flint.arb("nan")

    def _slope(self, x: Ball) -> Ball | None:
        """Return an enclosure of the derivative if the switch is smooth on x, else None."""
        inputs = {name: Jet(ball) for name, ball in self._balls.items()}
        try:
            point = {**self._balls, self._variable: x}
            slope = slope_in(self._program, self._variable, point, flint.ctx.prec)
            if slope is not None:
                return slope if slope.is_finite() else None
            jet = evaluate(
                self._program, {**inputs, self._variable: Jet(x, (flint.arb(1),))}, Strict()
            )
        except (TieError, Unsupported):
            return None
        finite = jet is not None and jet.gradient and jet.gradient[0].is_finite()
        return jet.gradient[0] if jet is not None and finite else None

    def _inside(self, value: float) -> bool:
        return self._low <= value <= self._high

    # -- polynomials: exact roots of their irreducible factors

    @functools.cached_property
    def _polynomial(self) -> Polynomial | None:
        """The function as a polynomial with rational coefficients, or None."""
        fractions = {name: c.fraction for name, c in self._fixed.items()}
        rational = {name: f for name, f in fractions.items() if f is not None}
        if len(rational) < len(fractions):
            return None
        return as_polynomial(self._program, self._variable, rational)

    def _polynomial_roots(self, coefficients: Polynomial, k: int) -> Roots:
        shifted = [coefficients[0] - k if coefficients else Fraction(-k), *coefficients[1:]]
        if not any(shifted):
            return Roots(everywhere=True, stretches=((self._low, self._high),))
        roots = (text_of_root(root) for root in real_roots(shifted))
        return Roots(tuple(Coordinate(v, text) for v, text in roots if self._inside(v)))

    # -- chains of invertible functions: inverted exactly in sympy

    def _symbolic(self) -> sp.Expr:
        """Return the function as a sympy expression, or raise `NotInvertibleError`."""
        if self._program.written_out > _LARGEST_TREE:
            raise NotInvertibleError
        if self._sympy_expression is None:
            fixed = {name: c.symbolic for name, c in self._fixed.items()}
            known = self._finder.expressions(self._program, tuple(self._fixed.items()))
            self._sympy_expression = expression_to_invert(self._program, fixed, known)
        return self._sympy_expression

    def _inverted_roots(self, k: int) -> Roots:
        x = sp.Symbol(self._variable, real=True)
        solver = EquationSolver(x, self._low, self._high, limit=MAX_ROOTS)
        roots: dict[Coordinate, None] = {}
        for root in solver.solve(self._symbolic(), sp.Integer(k)):
            value, text = nearest_double(root)
            if self._inside(value) and self._may_be_root(root, k):
                roots[Coordinate(value, text)] = None
        return Roots(tuple(roots), truncated=solver.truncated)

    def _may_be_root(self, root: sp.Expr, k: int) -> bool:
        return not _excludes(self._value(ball_of(root)), k)

    # -- anything else: bisection with balls

    def _isolated_roots(self, k: int) -> Roots:
        touched = self._may_equal(k)
        # Bisection would spend all its boxes on a stretch of zeros: where there may be one, such
        # stretches are taken out first.
        found = self._pieces(k) if any(touched) else None
        if found is not None and any(piece.is_zero for piece in found[1]):
            whole = Bracket(*self._ends, proved=False)
            return self._roots_outside_stretches([whole], *found, k)
        budget = min(self._budget, _FEW_BOXES) if all(touched) else self._budget
        brackets = self._brackets(*self._ends, budget, k)
        if all(map(_is_narrow, brackets)):
            return self._roots_in(brackets, k)
        found = found or self._pieces(k)
        if found is None:
            return self._roots_in(brackets, k)
        return self._roots_outside_stretches(brackets, *found, k)

    def _brackets(self, low: Ball, high: Ball, budget: int, k: int) -> list[Bracket]:
        return isolate(lambda x: _shifted(self._value(x), k), low, high, budget, self._slope)

    def _pieces(self, k: int) -> tuple[list[float], list[Piece]] | None:
        """Return the zeros of the inner switches, and the pieces between them, if all are known."""
        breaks = self._breaks()
        if breaks is None:
            return None
        cuts = sorted({self._low, self._high, *filter(self._inside, breaks)})
        return breaks, pieces(self._program, self._variable, self._fixed, cuts, k)

    def _roots_outside_stretches(
        self, brackets: list[Bracket], breaks: list[float], found: list[Piece], k: int
    ) -> Roots:
        """Return the zeros in brackets outside the pieces on which the function is k everywhere."""
        stretches = _merged(tuple((p.low, p.high) for p in found if p.is_zero))
        if stretches == ((self._low, self._high),):
            return Roots(everywhere=True, stretches=stretches)
        kept = [bracket for bracket in brackets if _is_narrow(bracket)]
        for bracket in brackets:
            if _is_narrow(bracket):
                continue
            for piece in found:
                low = max(flint.arb(piece.low), bracket.low)
                high = min(flint.arb(piece.high), bracket.high)
                if low < high and not (piece.is_zero or piece.has_no_zero):
                    is_whole = bracket.low >= piece.low and bracket.high <= piece.high
                    parts = [bracket] if is_whole else self._brackets(low, high, self._budget, k)
                    kept.extend(p for p in parts if not _is_at(p, breaks))
        return dataclasses.replace(self._roots_in(kept, k), stretches=stretches)

    def _breaks(self) -> list[float] | None:
        """Return all zeros of the switches inside the function; None if some are not known."""
        breaks: list[float] = []
        for inner in find_switches(self._program):
            if self._variable not in inner.program.inputs:
                continue
            ends = self._low, self._high
            roots = self._finder.roots(inner, self._variable, self._fixed, ends, self._budget)
            if roots.open_brackets or roots.truncated:
                return None
            breaks.extend(c.value for c in roots.coordinates)
            breaks.extend(end for stretch in roots.stretches for end in stretch)
        return breaks

    def _roots_in(self, brackets: list[Bracket], k: int) -> Roots:
        """Return the zeros in brackets, and the brackets that stay open."""
        roots: list[Coordinate] = []
        open_brackets: list[tuple[float, float]] = []
        for bracket in brackets[:MAX_ROOTS]:
            is_narrow = _is_narrow(bracket)
            if is_narrow and self._is_singular(bracket):
                continue  # a pole or the end of a domain is the zero of another switch
            exact = self._exact_root(bracket, k)
            if exact is not None and (is_narrow or self._is_isolated(exact, bracket, k)):
                roots.append(exact)
            elif is_narrow:
                roots.append(self._root_without_formula(bracket, k))
            if not is_narrow or (exact is None and not bracket.proved):
                open_brackets.append((float(bracket.low), float(bracket.high)))
        return Roots(tuple(roots), tuple(open_brackets), truncated=len(brackets) > MAX_ROOTS)

    def _may_equal(self, k: int) -> list[bool]:
        """Return at some test points on the line whether the function may equal k there."""
        low, high = self._ends
        with flint.ctx.workprec(PRECISION):
            points = [(low + (high - low) * part).mid() for part in _TEST_POSITIONS]
        values = [self._value(x) for x in points]
        return [v is not EMPTY and bool(v.is_finite() and v.contains(k)) for v in values]

    def _is_singular(self, bracket: Bracket) -> bool:
        """Return whether a narrow bracket contains a pole or leaves the domain."""
        value = self._value(bracket.ball)
        return value is EMPTY or not value.is_finite()

    def _root_without_formula(self, bracket: Bracket, k: int) -> Coordinate:
        """Return the root in a narrow bracket: its double, and the equation that defines it."""
        value = bracket.middle
        text = " ".join(self._program.text_of(self._program.output).split()) or "a switch"
        return Coordinate(value, f"where {text} = {k}, near {value!r}")

    def _is_isolated(self, zero: Coordinate, bracket: Bracket, k: int) -> bool:
        """Return whether the function is proved to differ from k at a point on either side."""
        with flint.ctx.workprec(PRECISION):
            distance = (bracket.high - bracket.low).mid() / 64
            points = (zero.ball - distance, zero.ball + distance)
            return all(_excludes(self._value(point), k) for point in points)

    def _exact_root(self, bracket: Bracket, k: int) -> Coordinate | None:
        """Return a simple exact number in the bracket that sympy proves to be a root, or None."""
        x = sp.Symbol(self._variable, real=True)
        for candidate in _candidates(bracket):
            try:
                is_root = (self._symbolic().xreplace({x: candidate}) - k).is_zero
                if is_root and self._may_be_root(candidate, k):
                    return Coordinate(*nearest_double(candidate))
            except _CANNOT_INVERT:
                return None
        return None

    # -- integers that a step function may cross

    def integers(
        self, highest: int | None
    ) -> tuple[list[int], tuple[tuple[float, float], ...], bool]:
        """Return integers that the function may take, stretches without bounds, and `more`.

        The integers are in the order in which to solve for them, those nearest to the function's
        value at the point nearest to 0 first. On the stretches the function could not be bounded.
        `more` says whether the function may take other integers.
        """
        pieces, unbounded = self._bounded_pieces()
        # At a pole the function takes every integer; the pole is the zero of another switch.
        wide = tuple((a, b) for a, b in unbounded if b - a > _NARROW_UNBOUNDED)
        candidates: set[int] = set()
        more = len(wide) < len(unbounded) and highest is None
        start = self._value(flint.arb(min(max(0.0, self._low), self._high)))
        is_finite = start is not EMPTY and start.is_finite()
        anchor = integers_in(start)[0] if is_finite and abs(start) < _MAX_INTEGER else 0
        for low, high in pieces:
            last = high if highest is None else min(high, highest)
            middle = min(max(anchor, low), last)
            first, final = max(low, middle - _MAX_TRIED), min(last, middle + _MAX_TRIED)
            more = more or first > low or final < last
            candidates.update(range(first, final + 1))
        ordered = sorted(candidates, key=lambda k: abs(k - anchor))
        return ordered[:_MAX_TRIED], wide, more or len(ordered) > _MAX_TRIED

    def _bounded_pieces(self) -> tuple[list[tuple[int, int]], tuple[tuple[float, float], ...]]:
        """Return the range of integers on each piece of the line, and the unbounded pieces."""
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
        stretches = merge_intervals([*unbounded, *waiting])
        return pieces, tuple((float(a), float(b)) for a, b in stretches)


def _excludes(value: Any, k: int) -> bool:  # noqa: ANN401  (a ball or EMPTY)
    """Return whether an enclosure of a function's values proves that k is not one of them."""
    return value is EMPTY or bool(value > k or value < k)


def _shifted(value: Any, k: int) -> Any:  # noqa: ANN401  (a ball or EMPTY)
    return value if value is EMPTY else value - k


def _is_narrow(bracket: Bracket) -> bool:
    low, high = float(bracket.low), float(bracket.high)
    return high - low <= max(_NARROW * max(abs(low), abs(high)), _NARROW_AT_ZERO)


def _is_at(bracket: Bracket, breaks: list[float]) -> bool:
    """Return whether a bracket is a narrow one around a zero of an inner switch."""
    return _is_narrow(bracket) and any(
        float(bracket.low) <= math.nextafter(x, math.inf)
        and float(bracket.high) >= math.nextafter(x, -math.inf)
        for x in breaks
    )


def _merged(stretches: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    """Return stretches in order, with those that meet joined."""
    merged: list[tuple[float, float]] = []
    for low, high in stretches:
        if merged and merged[-1][1] == low:
            merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


def _candidates(bracket: Bracket) -> Iterator[sp.Expr]:
    """Yield the simple fractions, and simple fractions of pi, inside a bracket."""
    for unit, size in ((sp.S.One, 1.0), (sp.pi, math.pi)):
        tried: set[Fraction] = set()
        for denominator in _DENOMINATORS:
            nearest = Fraction(bracket.middle / size).limit_denominator(denominator)
            candidate = sp.Rational(nearest.numerator, nearest.denominator) * unit
            inside = not (ball_of(candidate) < bracket.low or ball_of(candidate) > bracket.high)
            if nearest not in tried and inside:
                tried.add(nearest)
                yield candidate
