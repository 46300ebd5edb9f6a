"""Write a Program as an expression in sympy's names."""

from __future__ import annotations

import re
from typing import Final

from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import ExpressionError
from symdiff.printing.levels import CHOICE, Written, filled, infix, negated, number
from symdiff.printing.preparation import Prepared, prepare, takes
from symdiff.program import Call, Constant, Input, Literal, Program

MAX_TEXT = 100_000  # characters; sub-expressions that are shared are written again and again

# What sympy calls the constants. A symbol called as one of its numbers would be read as the number.
_CONSTANTS = {"pi": "pi", "e": "E", "inf": "oo"}
_RESERVED = frozenset({"E", "I", "oo", "zoo"})
_INTEGERS: Final = re.compile(r"[\d +*()-]+")
_NOT_EXACT = frozenset({"/", "**", "//", "%"})  # operators that give floats of integers in Python


def _form(row: Function) -> str | None:
    """Return a template, or "" for an operator; None: sympy has no form."""
    if "sympy" in row.spelled:
        text = row.spelled["sympy"]
        return text if text is None or "<" in text else f"{text}(<*>)"
    if isinstance(row.sympy, str) and row.role != "comparison":
        return f"{row.sympy}(<*>)"
    if row.role == "comparison" or (row.is_operator and row.sympy is not None):
        return ""
    return None


def _has_form(row: Function, given: frozenset[str]) -> bool:
    form = _form(row)
    return form is not None and takes(form, given)


def sympy_text(program: Program) -> str:
    """Return a Program as an expression of sympy; its variables are real symbols.

    Parameters
    ----------
    program
        The program.

    Raises
    ------
    ExpressionError
        sympy has no form for a function, or the text is too long.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> sympy_text(parse("where(x > 0, x/3, 1/3) + relu(x)"))
    'Piecewise((x/3, x > 0), (Rational(1, 3), True)) + Max(x, 0)'
    """
    prepared = prepare(program, "sympy", _has_form, reserved=_RESERVED, shares=False)
    writer = _Writer(prepared)
    for index in prepared.program.order:
        writer.write(index)
        check_length(writer.known[index].text)
    return writer.known[prepared.program.output].text


def check_length(text: str) -> None:
    """Refuse a formula that is too long.

    Raises
    ------
    ExpressionError
        It has more than `MAX_TEXT` characters.
    """
    if len(text) > MAX_TEXT:
        message = f"the formula has more than {MAX_TEXT} characters"
        raise ExpressionError(message, hint="torch and numpy give names to repeated parts")


class _Writer:
    """Writes the nodes of a Program, each after its arguments."""

    def __init__(self, prepared: Prepared) -> None:
        self._program = prepared.program
        self._inputs = prepared.inputs
        self._plain: set[int] = set()  # nodes that Python evaluates before sympy sees them
        self._conditions: set[int] = set()
        self.known: dict[int, Written] = {}

    def write(self, index: int) -> None:
        """Find the text of a node whose arguments are known."""
        node = self._program.nodes[index]
        if isinstance(node, Call):
            self.known[index] = self._call(index, node)
        elif isinstance(node, Input):
            self.known[index] = Written(self._inputs[node.name])
        elif isinstance(node, Constant):
            self.known[index] = Written(_CONSTANTS[node.name])
        elif isinstance(node, Literal):
            self._plain.add(index)
            self.known[index] = number(node.value)
        else:
            self.known[index] = Written(repr(node.value))

    def _call(self, index: int, node: Call) -> Written:
        row = CATALOGUE[node.function]
        if row.returns == "condition":
            self._conditions.add(index)
        form = str(_form(row))
        if form:
            given = dict(zip(row.parameter_names, node.arguments, strict=False))

            def argument(name: str) -> Written:
                if name == "*":
                    return Written(", ".join(self.known[a].text for a in node.operands), CHOICE)
                return self.known[given[name]]  # type: ignore[index]

            return filled(form, argument)
        return self._operation(index, row, node.operands)

    def _operation(self, index: int, row: Function, operands: tuple[int, ...]) -> Written:
        operator = str(row.operator)
        parts = [self._number(a) if row.is_operator else self.known[a] for a in operands]
        is_plain = all(a in self._plain for a in operands)
        if is_plain and operator in _NOT_EXACT:
            return self._exact(operator, operands, parts)
        if is_plain:
            self._plain.add(index)
        if len(parts) == 1:
            return negated(parts[0]) if operator == "u-" else parts[0]
        if operator in {"==", "!="}:
            return Written(f"{row.sympy}({parts[0].text}, {parts[1].text})")
        return infix(operator, *parts)

    def _exact(self, operator: str, operands: tuple[int, ...], parts: list[Written]) -> Written:
        """Return an operation of numbers, such as 1/3, that Python would round."""
        nodes = [self._program.nodes[a] for a in operands]
        if operator == "/" and all(isinstance(n, Literal) and type(n.value) is int for n in nodes):
            return Written(f"Rational({parts[0].text}, {parts[1].text})")
        kind = "Integer" if _INTEGERS.fullmatch(parts[0].text) else "Float"
        return infix(operator, Written(f"{kind}({parts[0].text})"), parts[1])

    def _number(self, index: int) -> Written:
        """Return an operand; a condition counts as 1 or 0."""
        if index not in self._conditions:
            return self.known[index]
        return Written(f"Piecewise((1, {self.known[index].text}), (0, True))")
