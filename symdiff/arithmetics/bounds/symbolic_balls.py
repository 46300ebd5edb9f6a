"""Evaluate expressions of sympy or symengine in ball arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import flint
import sympy as sp

from symdiff.arithmetics.balls import DOUBLE, EMPTY, Ball, radius_of
from symdiff.catalogue import CATALOGUE
from symdiff.catalogue import enclosures as balls
from symdiff.errors import Unsupported


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
    return _Evaluation(inputs).value(expression)


def formula_radius(expression: Any, inputs: Mapping[str, Ball]) -> float:
    """Return a bound on an expression's rounding error in doubles, or NaN if no bound is known.

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
    """
    with flint.ctx.workprec(DOUBLE):
        ball = enclose_expression(expression, inputs)
    return radius_of(ball) if ball is not EMPTY and ball.is_finite() else math.nan


class _Evaluation:
    """The balls of all sub-expressions of an expression, each computed once."""

    def __init__(self, inputs: Mapping[str, Ball]) -> None:
        self._inputs = inputs
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
        if name == "Piecewise":
            return self._piecewise(e)
        if name in _ATOMS:
            return _ATOMS[name]()
        arguments = [self.value(a) for a in e.args]
        if any(a is EMPTY for a in arguments):
            return EMPTY
        return self._apply(name, arguments)

    def _piecewise(self, e: Any) -> Any:
        result: Any = EMPTY
        # sympy has a list of pairs, symengine a flat list
        pairs = e.args if e.args and isinstance(e.args[0], sp.Tuple) else _paired(e.args)
        for branch, condition in reversed(pairs):
            result = balls.choice(self.value(condition), self.value(branch), result)
        return result

    def _apply(self, name: str, arguments: list[Any]) -> Any:
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


def _dirac_delta(x: Ball, *_: Ball) -> Ball:
    return flint.arb("nan") if x.contains(0) else flint.arb(0)


_ATOMS: Mapping[str, Callable[[], Any]] = MappingProxyType(
    {
        "Pi": flint.arb.pi,
        "Exp1": flint.arb.const_e,
        "BooleanTrue": lambda: True,
        "BooleanFalse": lambda: False,
    }
)
_FOLDS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "Add": lambda x, y: x + y,
        "Mul": lambda x, y: x * y,
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
        "Not": balls.negation,
        "StrictLessThan": balls.less,
        "LessThan": balls.less_equal,
        "StrictGreaterThan": lambda x, y: balls.less(y, x),
        "GreaterThan": lambda x, y: balls.less_equal(y, x),
        "Equality": balls.equal,
        "Unequality": lambda x, y: balls.negation(balls.equal(x, y)),
    }
)
# The catalogue's names of functions that have another name in sympy.
_ROWS: Mapping[str, str] = MappingProxyType({"Abs": "abs", "ceiling": "ceil", "loggamma": "lgamma"})
