"""Write a sympy expression as text of the expression language.

A sympy expression is an object that somebody made, not a text: nothing is evaluated here. What has
no row in the catalogue is refused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import sympy as sp
from sympy.logic.boolalg import BooleanFunction

from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import ExpressionError
from symdiff.program import check_name
from symdiff.program.limits import MAX_TEXT

# How strongly the parts of a text hold together, as in Python's grammar.
_CHOICE, _LOGIC, _SUM, _PRODUCT, _POWER, _ATOM = range(6)
_Written = tuple[str, int]

_NUMBERS: Final[Mapping[Any, str]] = {sp.pi: "pi", sp.E: "e", sp.oo: "inf"}


def text_of(expression: sp.Basic) -> str:
    """Return a sympy expression as text.

    Raises
    ------
    ExpressionError
        It has a function without a row, a symbol that is not real or whose name cannot be written,
        or it is too large.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> text_of(sp.Max(x, 0) / (1 + y**2) - sp.Rational(1, 3) * sp.sqrt(sp.Abs(x)))
    '-1/3*sqrt(abs(x)) + maximum(0, x)/(y**2 + 1)'
    >>> text_of(sp.zeta(x))
    Traceback (most recent call last):
    symdiff.errors.ExpressionError: sympy's zeta has no form in the expression language (...)
    """
    if not isinstance(expression, sp.Basic) or getattr(expression, "is_Matrix", False):
        message = f"an expression of sympy is a number-valued one, not {type(expression).__name__}"
        raise ExpressionError(message, hint="sympy.Max(x, 0)")
    try:
        return _Writer().written(expression)[0]
    except RecursionError:
        message = "the sympy expression is nested too deeply"
        raise ExpressionError(message, hint="split it") from None


class _Writer:
    """Writes nodes, each once: sympy shares the nodes that are equal."""

    def __init__(self) -> None:
        self._known: dict[sp.Basic, _Written] = {}
        self._symbols: dict[str, sp.Symbol] = {}

    def written(self, node: sp.Basic) -> _Written:
        """Return the text of a node, and how strongly it holds together."""
        if node not in self._known:
            text, level = self._write(node)
            if len(text) > MAX_TEXT:
                message = f"the sympy expression has more than {MAX_TEXT} characters"
                raise ExpressionError(message, hint="split it into several expressions")
            self._known[node] = text, level
        return self._known[node]

    def _write(self, node: sp.Basic) -> _Written:
        if node in _NUMBERS:
            return _NUMBERS[node], _ATOM
        for kind, write in _FORMS.items():
            if isinstance(node, kind):
                return write(self, node)
        row = _rows().get(node.func)
        if row is None:
            raise _refusal(node)
        arguments = [self.written(a)[0] for a in node.args]
        return f"{row.name}({', '.join(arguments)})", _ATOM

    def within(self, node: sp.Basic, level: int) -> str:
        """Return a text for a place that needs a level: in brackets if its own is less."""
        text, own = self.written(node)
        return text if own >= level else f"({text})"

    def symbol(self, node: sp.Symbol) -> _Written:
        """Return the name of a real symbol."""
        check_name(node.name)
        if node.is_real is False:
            message = f"the symbol {node.name!r} is not real"
            raise ExpressionError(
                message, hint="every variable is real: sympy.Symbol(..., real=True)"
            )
        if self._symbols.setdefault(node.name, node) != node:
            message = f"two symbols are called {node.name!r}"
            raise ExpressionError(message, hint="give them the same assumptions, or other names")
        return node.name, _ATOM

    def rational(self, node: sp.Rational) -> _Written:
        """Return an exact number."""
        level = _SUM if node < 0 else _ATOM if node.q == 1 else _PRODUCT
        return str(node.p) if node.q == 1 else f"{node.p}/{node.q}", level

    def decimal(self, node: sp.Float) -> _Written:
        """Return a double as Python writes it, and a longer decimal as the exact fraction."""
        double = float(node)
        if sp.Rational(node) != sp.Rational(double):
            return self.rational(sp.Rational(node))
        return repr(double), _SUM if double < 0 else _ATOM

    def total(self, node: sp.Add) -> _Written:
        """Return a sum; a term that begins with a minus is subtracted."""
        first, *rest = node.as_ordered_terms()
        text = self.within(first, _SUM)
        for term in rest:
            inner = self.within(term, _PRODUCT if not _is_negative(term) else _SUM)
            text += f" - {inner[1:]}" if inner.startswith("-") else f" + {inner}"
        return text, _SUM

    def product(self, node: sp.Mul) -> _Written:
        """Return a product, with negative powers below the line."""
        coefficient, factors = node.args[0], node.args
        sign = ""
        if coefficient.is_Number and coefficient < 0:
            sign, factors = "-", (-coefficient, *node.args[1:])
        above = [f for f in factors if not _is_reciprocal(f) and f != 1]
        below = [_inverse(f) for f in factors if _is_reciprocal(f)]
        if above and isinstance(above[0], sp.Rational) and above[0].q != 1:
            first = self.written(above.pop(0))[0]  # 1/3*x is (1/3)*x
            text = "*".join([first, *(self.within(f, _POWER) for f in above)])
        else:
            text = "*".join(self.within(f, _POWER) for f in above) or "1"
        if below:
            divisor = "*".join(self.within(f, _POWER) for f in below)
            text += f"/{divisor}" if len(below) == 1 else f"/({divisor})"
        return sign + text, _SUM if sign else _PRODUCT

    def power(self, node: sp.Pow) -> _Written:
        """Return a power, a root, or a quotient."""
        if _is_reciprocal(node):
            return f"1/{self.within(_inverse(node), _POWER)}", _PRODUCT
        if node.exp == sp.S.Half:
            return f"{_rows()[sp.sqrt].name}({self.written(node.base)[0]})", _ATOM
        return f"{self.within(node.base, _ATOM)}**{self.within(node.exp, _ATOM)}", _POWER

    def choice(self, node: sp.Piecewise) -> _Written:
        """Return nested conditional expressions.

        Raises
        ------
        ExpressionError
            No case holds for all remaining points.
        """
        *cases, last = node.args
        if last.cond != sp.true:
            message = "a Piecewise without a last case (..., True) is undefined elsewhere"
            raise ExpressionError(message, hint="add the case (expression, True)")
        text = self.within(last.expr, _LOGIC)
        for case in reversed(cases):
            condition = self.within(case.cond, _LOGIC)
            text = f"({self.within(case.expr, _LOGIC)} if {condition} else {text})"
        return text, _ATOM

    def condition(self, node: sp.Basic) -> _Written:
        """Return a comparison or a combination of conditions."""
        row = _rows().get(node.func)
        if row is None or row.operator is None:
            raise _refusal(node)
        parts = [self.within(a, _SUM) for a in node.args]
        if len(parts) == 1:
            return f"{row.operator} {parts[0]}", _LOGIC
        return f" {row.operator} ".join(parts), _LOGIC

    def remainder(self, node: sp.Mod) -> _Written:
        """Return a remainder."""
        left, right = node.args
        operator = _rows()[sp.Mod].operator
        return f"{self.within(left, _POWER)} {operator} {self.within(right, _POWER)}", _PRODUCT

    def refused(self, node: sp.Basic) -> _Written:
        """Refuse a number that is not real, or a condition that is always true or false."""
        raise _refusal(node)


_FORMS: Final[Mapping[Any, Callable[[_Writer, Any], _Written]]] = {
    sp.Symbol: _Writer.symbol,
    sp.Rational: _Writer.rational,
    sp.Float: _Writer.decimal,
    sp.Add: _Writer.total,
    sp.Mul: _Writer.product,
    sp.Pow: _Writer.power,
    sp.Piecewise: _Writer.choice,
    sp.core.relational.Relational: _Writer.condition,
    BooleanFunction: _Writer.condition,
    sp.Mod: _Writer.remainder,
    sp.Atom: _Writer.refused,
}


@functools.cache
def _rows() -> Mapping[Any, Function]:
    """Return the rows by the sympy function that their column names."""
    named = ((row, row.sympy) for row in CATALOGUE.values() if isinstance(row.sympy, str))
    return {getattr(sp, name): row for row, name in named}


def _is_reciprocal(node: sp.Basic) -> bool:
    return isinstance(node, sp.Pow) and bool(node.exp.is_Rational) and bool(node.exp < 0)


def _inverse(node: sp.Pow) -> sp.Basic:
    return sp.Pow(node.base, -node.exp, evaluate=node.exp == -1)


def _is_negative(node: sp.Basic) -> bool:
    """Return whether a term is written with a minus."""
    coefficient = node.args[0] if isinstance(node, sp.Mul) else node
    return bool(coefficient.is_Number) and bool(coefficient < 0)


def _refusal(node: sp.Basic) -> ExpressionError:
    shown = str(node) if isinstance(node, sp.Atom) else node.func.__name__
    message = f"sympy's {shown[:40]} has no form in the expression language"
    return ExpressionError(message, hint="symdiff functions lists the functions")
