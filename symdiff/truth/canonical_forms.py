"""Fractions of polynomials that show that two formulas are the same function.

A program is read as a fraction in lowest terms, whose symbols are its variables and the calls of
functions that are not arithmetic. Such calls are the same symbol if their arguments are the same
fractions: (1 - 2/x)**a is ((x - 2)/x)**a.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import sympy as sp

from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.germ_values import Value
from symdiff.arithmetics.series.puiseux import Germ
from symdiff.catalogue import CATALOGUE
from symdiff.program.nodes import Call, Constant, Input, Literal, Program

_MAX_NODES: Final = 60  # of a program that is read
_MAX_POWER: Final = 8  # largest integer exponent that is multiplied out
_MAX_OPERATIONS: Final = 400  # of a fraction


def is_identically_zero(
    program: Program, replaced: Mapping[str, sp.Expr], values: Mapping[str, Value]
) -> bool:
    """Return whether a program is proved to be zero wherever it is defined.

    Parameters
    ----------
    program
        A scalar program.
    replaced
        What stands for some of its inputs: rational expressions in symbols named like the others.
    values
        For every input its value at one point, where the replaced ones have these values too.

    Examples
    --------
    >>> from symdiff.arithmetics.series.puiseux import constant_germ
    >>> from symdiff.arithmetics.series.reals import Real
    >>> from symdiff.program import parse
    >>> program = parse("(1 - h/x)**0.3 - ((x - 2)/x)**0.3*exp(h - 2)")
    >>> values = {"h": constant_germ(Real.of(2)), "x": constant_germ(Real.of(5))}
    >>> is_identically_zero(program, {"h": sp.Integer(2)}, values)
    True
    >>> is_identically_zero(program, {}, values)
    False
    """
    if len(program.order) > _MAX_NODES:
        return False
    forms = _Forms(program, replaced, values)
    for index in program.order:
        if not forms.add(index):
            return False
    return bool(forms.by_node[program.output] == 0)


class _Forms:
    """The canonical forms of the nodes of a program."""

    def __init__(
        self, program: Program, replaced: Mapping[str, sp.Expr], values: Mapping[str, Value]
    ) -> None:
        self.by_node: dict[int, sp.Expr] = {}
        self._program = program
        self._replaced = replaced
        self._values = values
        self._calls: dict[tuple[object, ...], sp.Symbol] = {}

    def add(self, index: int) -> bool:
        """Find the form of a node, given those of its operands; return whether there is one."""
        form = self._form(index)
        if form is None or form.has(sp.zoo, sp.nan, sp.oo) or form.count_ops() > _MAX_OPERATIONS:
            return False
        self.by_node[index] = form
        return True

    def _form(self, index: int) -> sp.Expr | None:
        node = self._program.nodes[index]
        if isinstance(node, Input):
            return self._replaced.get(node.name, _symbol(node.name))
        if isinstance(node, Literal):
            return None if isinstance(node.value, bool) else sp.Rational(node.value)
        if isinstance(node, Constant):
            return self._symbol_of("constant", node.name)
        return self._call(index, node) if isinstance(node, Call) else None

    def _call(self, index: int, node: Call) -> sp.Expr | None:
        forms = [self.by_node[a] for a in node.operands]
        row = CATALOGUE[node.function]
        if row.operator in {"+", "-", "*", "/"} and len(forms) == 2:
            x, y = forms
            if row.operator == "/" and y == 0:
                return None
            result = {"+": x + y, "-": x - y, "*": x * y}.get(row.operator)
            return sp.cancel(sp.together(x / y if result is None else result))
        if row.operator in {"u-", "u+"}:
            return -forms[0] if row.operator == "u-" else forms[0]
        if row.is_power and forms[1].is_Integer and abs(forms[1]) <= _MAX_POWER:
            is_undefined = forms[0] == 0 and forms[1] <= 0
            return None if is_undefined else sp.cancel(forms[0] ** forms[1])
        if all(form.is_Rational for form in forms):
            number = self._number(index)
            if number is not None:
                return number
        return self._symbol_of(node.function, *forms)

    def _number(self, index: int) -> sp.Rational | None:
        """Return the value of a node without variables, if it is rational."""
        value = germs.evaluate(self._program.at(index), self._values)
        rational = value.constant.rational if isinstance(value, Germ) else None
        return None if rational is None else sp.Rational(int(rational.p), int(rational.q))

    def _symbol_of(self, *key: object) -> sp.Symbol:
        if key not in self._calls:
            self._calls[key] = sp.Dummy(real=True)
        return self._calls[key]


def _symbol(name: str) -> sp.Symbol:
    return sp.Symbol(name, real=True)
