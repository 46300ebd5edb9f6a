"""Evaluate expressions of sympy or symengine in ball arithmetic."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import flint
import sympy as sp

from symdiff.arithmetics.balls import DOUBLE, EMPTY, Ball, radius_of
from symdiff.catalogue import CATALOGUE
from symdiff.catalogue import enclosures as balls
from symdiff.errors import Unsupported
from symdiff.program.values import DTYPES

FLOAT64: Final = DTYPES["float64"]
_LARGEST: Final = flint.arb(FLOAT64.largest)
_NO_NUMBER: Final = flint.arb("nan")


# A precision at which balls are infinite at singularities only.
_HIGH_PRECISION: Final = 256
_UNIT: Final = 2.0**-DOUBLE  # largest relative error of rounding to the nearest double


def enclose_expression(expression: Any, inputs: Mapping[str, Ball]) -> Any:
    """Return a ball that contains an expression's value, or `EMPTY` where it is undefined.

    The ball is computed in flint's working precision.

    Parameters
    ----------
    expression
        An expression of sympy or symengine, in real symbols.
    inputs
        A ball for every symbol, by the symbol's name.

    Raises
    ------
    Unsupported
        A function of the expression has no enclosure in ball arithmetic.

    Examples
    --------
    >>> x = sp.Symbol("x", real=True)
    >>> enclose_expression(1 - sp.tanh(x)**2, {"x": flint.arb(0)})
    1.00000000000000
    """
    return _Evaluation(inputs, Rounding()).value(expression)


def formula_radius(expression: Any, inputs: Mapping[str, Ball]) -> float:
    """Return a bound on an expression's rounding error in doubles, in any order of terms.

    The bound is infinite where rounding may lose the value altogether, and NaN where the exact
    value of the expression is undefined or infinite: there it has no error.

    Parameters
    ----------
    expression
        An expression of sympy or symengine, in real symbols.
    inputs
        A ball for every symbol, by the symbol's name.

    Raises
    ------
    Unsupported
        A function of the expression has no enclosure in ball arithmetic.

    Examples
    --------
    >>> x = sp.Symbol("x", real=True)
    >>> formula_radius(1 - sp.tanh(x)**2, {"x": flint.arb(20)}) > 1e-17
    True
    >>> formula_radius(1/(sp.cos(x) - 1), {"x": flint.arb(2)**-60})
    inf
    """
    return radius_in_doubles(lambda rounding: enclosures([expression], inputs, rounding)[0])


def radius_in_doubles(enclose: Callable[[Rounding], Any]) -> float:
    """Return a bound on the rounding error of a number, given a function that encloses it.

    Parameters
    ----------
    enclose
        Returns a ball that contains the number, computed with a rounding; or `EMPTY`.

    Returns
    -------
    float
        As from `formula_radius`.
    """
    with flint.ctx.workprec(DOUBLE):
        ball = enclose(_Doubles())
    if ball is not EMPTY and ball.is_finite():
        return radius_of(ball)
    with flint.ctx.workprec(_HIGH_PRECISION):
        precise = enclose(Rounding())
    # If more bits give a number, it was lost to rounding and not to a singularity.
    return math.inf if precise is not EMPTY and precise.is_finite() else math.nan


def enclosures(
    expressions: Sequence[Any], inputs: Mapping[str, Ball], rounding: Rounding
) -> list[Any]:
    """Return a ball for each expression, or `EMPTY`; see `enclose_expression`.

    Parameters
    ----------
    expressions, inputs
        As in `enclose_expression`; shared sub-expressions are computed once.
    rounding
        How results are rounded.
    """
    evaluation = _Evaluation(inputs, rounding)
    return [evaluation.value(expression) for expression in expressions]


class Rounding:
    """How sums, products and functions are rounded: here, only by ball arithmetic itself."""

    def sum(self, terms: Sequence[Ball]) -> Ball:
        """Return the sum of some balls."""
        return functools.reduce(operator.add, terms)

    def product(self, factors: Sequence[Ball]) -> Ball:
        """Return the product of some balls."""
        return functools.reduce(operator.mul, factors)

    def rounded(self, x: Ball, name: str) -> Ball:
        """Return what the result of a function of sympy may be, by the function's name."""
        del name
        return x


class _Doubles(Rounding):
    """Rounding in doubles. Terms and factors may be taken in any order: printers sort them.

    Sources: Higham 2002, section 4.2, for sums in any order; section 3.1 for products.
    """

    def sum(self, terms: Sequence[Ball]) -> Ball:
        total = super().sum(terms)
        terms = [t for t in terms if not t.is_zero()]
        if len(terms) <= 2 or _fits(terms, sum(abs(t) for t in terms)):
            return total
        return total + flint.arb(0, sum(abs(t).upper() for t in terms) * (len(terms) - 1) * _UNIT)

    def product(self, factors: Sequence[Ball]) -> Ball:
        total = super().product(factors)
        if len(factors) <= 2 or total.is_exact():
            return total
        return total + flint.arb(0, abs(total).upper() * (len(factors) - 1) * _UNIT)

    def rounded(self, x: Ball, name: str) -> Ball:
        """Add what underflow may do to a number, which is not known where it may overflow.

        A function or a power may be 0 where it is subnormal: 1/x**2 is, where x**2 overflows.
        """
        if not x.is_finite() or x.is_zero() or abs(x) >= FLOAT64.smallest_normal:
            return _NO_NUMBER if x.is_finite() and not abs(x) <= _LARGEST else x
        if name not in {"Add", "Mul"}:
            x = x.union(flint.arb(0))
        return x + flint.arb(0, FLOAT64.smallest_subnormal)


def _fits(terms: Sequence[Ball], total: Ball) -> bool:
    """Return whether all partial sums of numbers are doubles: integers below 2^53 times a unit."""
    if not all(t.is_exact() for t in terms):
        return False
    unit = min(int(t.man_exp()[1]) for t in terms)
    return bool(total <= flint.arb(2) ** (DOUBLE + unit))


class _Evaluation:
    """The balls of all sub-expressions of an expression, each computed once."""

    def __init__(self, inputs: Mapping[str, Ball], rounding: Rounding) -> None:
        self._inputs = inputs
        self._rounding = rounding
        self._balls: dict[Any, Any] = {}

    def value(self, e: Any) -> Any:
        """Return the ball of a number, the decision of a condition, or EMPTY."""
        value = self._balls.get(e)
        if value is None:
            value = self._balls[e] = self._compute(e)
        return value

    def _compute(self, e: Any) -> Any:
        name = type(e).__name__
        if e.is_Symbol:
            return self._inputs[e.name]
        if e.is_Rational or e.is_Float:
            numerator, denominator = (e.p, e.q) if e.is_Rational else float(e).as_integer_ratio()
            return flint.arb(flint.fmpq(int(numerator), int(denominator)))
        if name in {"Piecewise", "Subs"}:
            return self._piecewise(e) if name == "Piecewise" else self._substituted(e)
        if name in _ATOMS:
            return _ATOMS[name]()
        arguments = [self.value(a) for a in e.args]
        if any(a is EMPTY for a in arguments):
            return EMPTY
        value = self._apply(name, arguments)
        return self._rounding.rounded(value, name) if isinstance(value, flint.arb) else value

    def _piecewise(self, e: Any) -> Any:
        result: Any = EMPTY
        # sympy has a list of pairs, symengine a flat list
        pairs = e.args if e.args and isinstance(e.args[0], sp.Tuple) else _paired(e.args)
        for branch, condition in reversed(pairs):
            result = balls.choice(self.value(condition), self.value(branch), result)
        return result

    def _substituted(self, e: Any) -> Any:
        """Return the ball of an expression that sympy leaves unevaluated at a point."""
        values = [self.value(x) for x in e.point]
        if any(x is EMPTY for x in values):
            return EMPTY
        at = {v.name: x for v, x in zip(e.variables, values, strict=True)}
        return _Evaluation({**self._inputs, **at}, self._rounding).value(e.expr)

    def _apply(self, name: str, arguments: list[Any]) -> Any:
        if name in {"Add", "Mul"}:
            together = self._rounding.sum if name == "Add" else self._rounding.product
            return together(arguments)
        fold = _FOLDS.get(name)
        if fold is not None:
            total = arguments[0]
            for argument in arguments[1:]:
                total = fold(total, argument)
            return total
        special = _SPECIAL.get(name)
        if special is not None:
            return special(*arguments)
        row = CATALOGUE.get(_ROWS.get(name, name))
        column = None if row is None else row.column("ball")
        if column is None:
            raise Unsupported(name, "it has no enclosure in ball arithmetic")
        return column(*arguments)


def _paired(arguments: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(arguments[::2], arguments[1::2], strict=True))


def _heaviside(x: Ball, at_zero: Ball) -> Ball:
    if x.is_zero():
        return at_zero
    return (balls.sign(x) + 1) / 2


def _argument(x: Ball) -> Ball:
    """Enclose the argument of a real number as a complex one: 0, or pi if it is negative."""
    if x >= 0:
        return flint.arb(0)
    return flint.arb.pi() if x < 0 else flint.arb(0).union(flint.arb.pi())


def _dirac_delta(x: Ball, *_: Ball) -> Ball:
    return flint.arb("nan") if x.contains(0) else flint.arb(0)


_ATOMS: Mapping[str, Callable[[], Any]] = MappingProxyType(
    {
        "Pi": flint.arb.pi,
        "Exp1": flint.arb.const_e,
        "Infinity": flint.arb.pos_inf,
        "NegativeInfinity": flint.arb.neg_inf,
        "ComplexInfinity": flint.arb.nan,
        "NaN": flint.arb.nan,
        "BooleanTrue": lambda: True,
        "BooleanFalse": lambda: False,
    }
)
_FOLDS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "Max": lambda x, y: x.max(y),
        "Min": lambda x, y: x.min(y),
        "And": balls.conjunction,
        "Or": balls.disjunction,
    }
)
_SPECIAL: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "Pow": balls.power,
        "Heaviside": _heaviside,
        "DiracDelta": _dirac_delta,
        "detach": lambda x: x,
        # All numbers are real: sympy keeps these functions where it cannot prove that.
        "re": lambda x: x,
        "im": lambda _: flint.arb(0),
        "conjugate": lambda x: x,
        "arg": _argument,
        "Not": balls.negation,
        "StrictLessThan": balls.less,
        "LessThan": balls.less_equal,
        "StrictGreaterThan": lambda x, y: balls.less(y, x),
        "GreaterThan": lambda x, y: balls.less_equal(y, x),
        "Equality": balls.equal,
        "Unequality": lambda x, y: balls.negation(balls.equal(x, y)),
    }
)
# The catalogue's names of functions that have a different name in sympy.
_ROWS: Mapping[str, str] = MappingProxyType({"Abs": "abs", "ceiling": "ceil", "loggamma": "lgamma"})
