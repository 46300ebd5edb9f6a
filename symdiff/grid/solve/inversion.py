"""Solve equations in one variable exactly, by inverting one function at a time in sympy.

No step loses a solution. A step may add numbers that are not solutions, such as those of a branch
that is not taken: the caller drops those that a ball excludes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import flint
import sympy as sp

from symdiff.arithmetics.balls import EMPTY, PRECISION, Ball, integers_in
from symdiff.arithmetics.bounds.symbolic_balls import enclose_expression
from symdiff.arithmetics.reading import read
from symdiff.arithmetics.symbolic import Symbolic, symbols
from symdiff.catalogue import Function
from symdiff.program import Program

_SIGN_DIGITS = 30  # decimal digits to which a constant is evaluated to find its sign
_MAX_ARGUMENT = flint.arb(2) ** 80  # larger arguments of periodic functions are not inverted
_MAX_PARTS = 4  # most piecewise parts of a sum that is solved branch by branch
_MAX_PERIODIC = 4  # one solver inverts at most _MAX_PERIODIC * limit periods


class NotInvertibleError(Exception):
    """The expression is not a chain of functions that can be inverted."""


def expression_to_invert(
    program: Program, fixed: Mapping[str, sp.Expr], cache: dict[int, Any] | None = None
) -> sp.Expr:
    """Return a Program as a sympy expression, with some of its inputs at exact numbers.

    Parameters
    ----------
    program
        A scalar program.
    fixed
        Exact numbers by input.
    cache
        The expressions of nodes that are known; those that are read here are added.

    Raises
    ------
    NotInvertibleError
        If it contains a number that sympy takes for zero although it is not written as 0; see
        `reals.sympy_zero_is_credible`.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> expression_to_invert(parse("sin(x) - y"), {"y": sp.Rational(1, 2)})
    sin(x) - 1/2
    """
    inputs = {**symbols(program), **fixed}
    return read(program, _WithoutHiddenZeros(exact=True), inputs, cache=cache)


@dataclasses.dataclass(frozen=True, slots=True)
class _WithoutHiddenZeros(Symbolic):
    """Sympy expressions; numbers that sympy takes for zero raise `NotInvertibleError`."""

    def call(self, row: Function, column: Callable[..., Any], arguments: Sequence[Any]) -> Any:  # noqa: ANN401
        return _without_hidden_zero(Symbolic.call(self, row, column, arguments))


def _without_hidden_zero(value: Any) -> Any:  # noqa: ANN401  (a sympy expression or condition)
    if isinstance(value, sp.Expr) and value.is_number and value != 0 and value.is_zero:
        raise NotInvertibleError
    return value


@dataclasses.dataclass(slots=True)
class EquationSolver:
    """A solver for f(x) = c on an interval.

    Attributes
    ----------
    x, low, high
        The variable and its interval.
    limit
        The largest number of periods of one periodic function that are inverted.
    truncated
        Whether a periodic function had more than `limit` periods, so that some were left out.
    periods_left
        How many periods may still be inverted. This bounds nested periodic functions, whose
        numbers of periods multiply.
    """

    x: sp.Symbol
    low: float
    high: float
    limit: int
    truncated: bool = False
    periods_left: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Set `periods_left`."""
        self.periods_left = _MAX_PERIODIC * self.limit

    def solve(self, f: sp.Expr, c: sp.Expr) -> Iterator[sp.Expr]:
        """Yield every solution x of f(x) = c in the interval as an exact number.

        Numbers that are not solutions, or lie outside the interval, may be yielded too.

        Raises
        ------
        NotInvertibleError
            If f is not a chain of functions that can be inverted.

        Examples
        --------
        >>> x = sp.Symbol("x", real=True)
        >>> list(EquationSolver(x, -4, 4, limit=10).solve(sp.sin(x), sp.S.Zero))
        [-pi, 0, pi]
        """
        _without_hidden_zero(c)
        if f == self.x:
            return iter((c,))
        if not f.has(self.x):
            if f.equals(c) is not False:
                raise NotInvertibleError
            return iter(())
        if f.is_Add:
            return self._sum(f, c)
        if f.is_Mul:
            return self._product(f, c)
        if f.is_Pow and not isinstance(f, sp.exp):
            return self._power(f.base, f.exp, c)
        return self._function(f, c)

    def _function(self, f: sp.Expr, c: sp.Expr) -> Iterator[sp.Expr]:
        if f.func in _PERIODIC:
            yield from self._periodic(f, c)
        elif f.func in _INVERSES:
            for d in _INVERSES[f.func](c):
                yield from self.solve(f.args[0], d)
        elif isinstance(f, sp.Max | sp.Min):
            for argument in f.args:
                yield from self._if_varying(argument, c)
        elif isinstance(f, sp.Piecewise):
            for branch, _ in f.args:
                yield from self._if_varying(branch, c)
        else:
            raise NotInvertibleError

    def _if_varying(self, f: sp.Expr, c: sp.Expr) -> Iterator[sp.Expr]:
        if f.has(self.x):
            yield from self.solve(f, c)
        elif _sign(f - c) == 0:
            raise NotInvertibleError  # the branch equals c on a whole interval

    def _sum(self, f: sp.Expr, c: sp.Expr) -> Iterator[sp.Expr]:
        constant, rest = f.as_independent(self.x, as_Add=True)
        if not rest.is_Add:
            yield from self.solve(rest, c - constant)
            return
        coefficients = _quadratic(f - c, self.x)
        if coefficients is not None:
            yield from _quadratic_roots(*coefficients)
        else:
            yield from self._by_branches(f - c)

    def _by_branches(self, f: sp.Expr) -> Iterator[sp.Expr]:
        """Solve f = 0 once for each branch of f's largest piecewise part."""
        parts = [p for p in f.atoms(sp.Max, sp.Min, sp.Abs, sp.Piecewise) if p.has(self.x)]
        if not 1 <= len(parts) <= _MAX_PARTS:
            raise NotInvertibleError
        part = max(parts, key=lambda p: p.count_ops())
        for branch in _branches(part):
            yield from self._if_varying(f.xreplace({part: branch}), sp.S.Zero)

    def _product(self, f: sp.Expr, c: sp.Expr) -> Iterator[sp.Expr]:
        constant, rest = f.as_independent(self.x, as_Add=False)
        if not rest.is_Mul:
            yield from self.solve(rest, c / constant)
            return
        if c != 0:
            coefficients = _quadratic(f - c, self.x)
            if coefficients is None:
                raise NotInvertibleError
            yield from _quadratic_roots(*coefficients)
            return
        for factor in rest.args:
            yield from self.solve(factor, sp.S.Zero)

    def _power(self, base: sp.Expr, exponent: sp.Expr, c: sp.Expr) -> Iterator[sp.Expr]:
        if not base.has(self.x):
            if _sign(base) <= 0:
                raise NotInvertibleError
            if _sign(c) > 0:
                yield from self.solve(exponent, sp.log(c) / sp.log(base))
            return
        if exponent.has(self.x) or not exponent.is_number:
            raise NotInvertibleError
        for d in _roots(c, exponent):
            yield from self.solve(base, d)

    def _periodic(self, f: sp.Expr, c: sp.Expr) -> Iterator[sp.Expr]:
        """Invert sin, cos or tan: solve u = seed + k·period for each k, where u is the argument."""
        u = f.args[0]
        seeds, period = _PERIODIC[f.func](c)
        u_range, anchor = self._range(u)
        roots: dict[sp.Expr, None] = {}
        for seed in seeds:
            for k in self._periods(u_range, anchor, seed, period):
                self.periods_left -= 1
                if self.periods_left < 0:
                    raise NotInvertibleError
                for root in self.solve(u, seed + k * period):
                    if self.low <= float(root) <= self.high:
                        roots[root] = None
        yield from sorted(roots, key=float)

    def _range(self, u: sp.Expr) -> tuple[Ball, Ball]:
        """Return the range of u on the interval, and its value at the point nearest x = 0."""
        name, low, high = self.x.name, flint.arb(self.low), flint.arb(self.high)
        with flint.ctx.workprec(PRECISION):
            whole = enclose_expression(u, {name: low.union(high)})
            anchor = enclose_expression(u, {name: flint.arb(min(max(0.0, self.low), self.high))})
        if EMPTY in (whole, anchor) or not (whole.is_finite() and anchor.is_finite()):
            raise NotInvertibleError
        if not abs(whole) < _MAX_ARGUMENT:
            raise NotInvertibleError
        return whole, anchor

    def _periods(self, u_range: Ball, anchor: Ball, seed: sp.Expr, period: sp.Expr) -> range:
        """Return the indices k with seed + k·period in a range.

        If there are more than `limit`, those nearest to `anchor` are returned.
        """
        with flint.ctx.workprec(PRECISION):
            start, length = enclose_expression(seed, {}), enclose_expression(period, {})
            first, last = integers_in((u_range - start) / length)
            middle, _ = integers_in((anchor - start) / length)
        if last - first + 1 <= self.limit:
            return range(first, last + 1)
        self.truncated = True
        begin = min(max(first, middle - self.limit // 2), last - self.limit + 1)
        return range(begin, begin + self.limit)


def _sign(c: sp.Expr) -> int:
    """Return the sign of a real constant.

    Raises
    ------
    NotInvertibleError
        If it is not real, or too close to zero to decide.
    """
    if c == 0:
        return 0
    value = c.evalf(_SIGN_DIGITS)
    if not value.is_Float and not value.is_Rational:
        raise NotInvertibleError
    if abs(value) < 10 ** -(_SIGN_DIGITS - 5) and not c.is_Rational:
        raise NotInvertibleError
    return 1 if value > 0 else -1


def _quadratic(f: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
    """Return (a, b, c) such that every zero of f is one of a x² + b x + c; None if not possible."""
    if not f.is_polynomial(x):
        f, _ = sp.fraction(sp.together(f))
        if not f.is_polynomial(x):
            return None
    polynomial = sp.Poly(f, x)
    if polynomial.degree() > 2:
        return None
    coefficients = [polynomial.coeff_monomial(x**k) for k in (2, 1, 0)]
    return coefficients[0], coefficients[1], coefficients[2]


def _quadratic_roots(a: sp.Expr, b: sp.Expr, c: sp.Expr) -> Iterator[sp.Expr]:
    if a == 0:
        if b == 0:
            raise NotInvertibleError
        yield -c / b
        return
    discriminant = sp.expand(b**2 - 4 * a * c)
    if _sign(discriminant) >= 0:
        for root in {sp.sqrt(discriminant), -sp.sqrt(discriminant)}:
            yield (-b + root) / (2 * a)


def _roots(c: sp.Expr, exponent: sp.Expr) -> Iterator[sp.Expr]:
    """Yield every real d with d**exponent = c."""
    sign = _sign(c)
    if sign == 0:
        if _sign(exponent) > 0:
            yield sp.S.Zero
        return
    magnitude = (sign * c) ** (1 / exponent)
    if exponent.is_Integer and exponent % 2:
        yield sign * magnitude
    elif sign > 0:
        yield magnitude
        if exponent.is_Integer:
            yield -magnitude


def _branches(part: sp.Expr) -> tuple[sp.Expr, ...]:
    if isinstance(part, sp.Abs):
        return part.args[0], -part.args[0]
    if isinstance(part, sp.Piecewise):
        return tuple(branch for branch, _ in part.args)
    return tuple(part.args)


def _only(condition: bool, *values: sp.Expr) -> tuple[sp.Expr, ...]:  # noqa: FBT001
    """Return the distinct values if the condition is true, else none."""
    return tuple(dict.fromkeys(values)) if condition else ()


# The solutions u of f(u) = c as a function of c, by f.
_INVERSES: Mapping[type, Callable[[sp.Expr], tuple[sp.Expr, ...]]] = MappingProxyType(
    {
        sp.exp: lambda c: _only(_sign(c) > 0, sp.log(c) if _sign(c) > 0 else c),
        sp.log: lambda c: (sp.exp(c),),
        sp.Abs: lambda c: _only(_sign(c) >= 0, c, -c),
        sp.sign: lambda c: _only(c == 0, sp.S.Zero),
        sp.sinh: lambda c: (sp.asinh(c),),
        sp.cosh: lambda c: _only(_sign(c - 1) >= 0, sp.acosh(c), -sp.acosh(c)),
        sp.tanh: lambda c: _only(_sign(1 - c**2) > 0, sp.atanh(c)),
        sp.asinh: lambda c: (sp.sinh(c),),
        sp.acosh: lambda c: _only(_sign(c) >= 0, sp.cosh(c)),
        sp.atanh: lambda c: (sp.tanh(c),),
        sp.asin: lambda c: _only(_sign(sp.pi / 2 - sp.Abs(c)) >= 0, sp.sin(c)),
        sp.acos: lambda c: _only(_sign(c) >= 0 and _sign(sp.pi - c) >= 0, sp.cos(c)),
        sp.atan: lambda c: _only(_sign(sp.pi / 2 - sp.Abs(c)) > 0, sp.tan(c)),
        sp.erf: lambda c: _only(_sign(1 - c**2) > 0, sp.erfinv(c)),
    }
)


def _sine(c: sp.Expr) -> tuple[tuple[sp.Expr, ...], sp.Expr]:
    if c == 0:
        return (sp.S.Zero,), sp.pi
    return _only(_sign(1 - c**2) >= 0, sp.asin(c), sp.pi - sp.asin(c)), 2 * sp.pi


def _cosine(c: sp.Expr) -> tuple[tuple[sp.Expr, ...], sp.Expr]:
    if c == 0:
        return (sp.pi / 2,), sp.pi
    return _only(_sign(1 - c**2) >= 0, sp.acos(c), -sp.acos(c)), 2 * sp.pi


# The solutions u of f(u) = c in one period and the length of the period, by f.
_PERIODIC: Mapping[type, Callable[[sp.Expr], tuple[tuple[sp.Expr, ...], sp.Expr]]] = (
    MappingProxyType({sp.sin: _sine, sp.cos: _cosine, sp.tan: lambda c: ((sp.atan(c),), sp.pi)})
)
