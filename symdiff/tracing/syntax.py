"""Write Python values as syntax trees of the expression language."""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

Syntax = ast.expr
Name = ast.Name
ADD, SUBTRACT = ast.Add(), ast.Sub()
NOT_EQUAL = ast.NotEq()


class NotWrittenError(ValueError):
    """A value or a call has no form in the expression language; the message says why."""


def name(identifier: str) -> ast.Name:
    """Return a name."""
    return ast.Name(identifier, ast.Load())


def call(function: str, *arguments: Syntax, **keywords: Syntax | None) -> ast.Call:
    """Return a call of a catalogue function; keywords that are None are left out.

    Examples
    --------
    >>> ast.unparse(call("softmax", name("x"), dim=literal(-1)))
    'softmax(x, dim=-1)'
    """
    given = [ast.keyword(key, value) for key, value in keywords.items() if value is not None]
    return ast.Call(name(function), list(arguments), given)


def literal(value: Any) -> Syntax:
    """Return a number, a flag, a word, None, or a list of them.

    Raises
    ------
    NotWrittenError
        It is NaN, or of a different type.

    Examples
    --------
    >>> ast.unparse(literal((2, -1))), ast.unparse(literal(-math.inf))
    ('(2, -1)', '-inf')
    """
    if isinstance(value, bool | str) or value is None or value is Ellipsis:
        return ast.Constant(value)
    if isinstance(value, Sequence):
        return ast.Tuple([literal(item) for item in value], ast.Load())
    if not isinstance(value, int | float):
        message = f"an argument of type {type(value).__name__}"
        raise NotWrittenError(message)
    if math.isnan(value):
        message = "an argument that is NaN"
        raise NotWrittenError(message)
    size = name("inf") if math.isinf(value) else ast.Constant(abs(value))
    is_negative = math.copysign(1, value) < 0 if isinstance(value, float) else value < 0
    return ast.UnaryOp(ast.USub(), size) if is_negative else size


def listed(items: Sequence[Syntax]) -> ast.List:
    """Return a list of expressions."""
    return ast.List(list(items), ast.Load())


def nested(values: Any) -> Syntax:
    """Return integers, nested in lists as they are."""
    return (
        listed([nested(value) for value in values]) if isinstance(values, list) else literal(values)
    )


def binary(operator: ast.operator, left: Syntax, right: Syntax) -> ast.BinOp:
    """Return an arithmetic operation."""
    return ast.BinOp(left, operator, right)


def add(left: Syntax, right: Syntax) -> ast.BinOp:
    """Return a sum."""
    return binary(ast.Add(), left, right)


def subtract(left: Syntax, right: Syntax) -> ast.BinOp:
    """Return a difference."""
    return binary(ast.Sub(), left, right)


def multiply(left: Syntax, right: Syntax) -> ast.BinOp:
    """Return the elementwise product."""
    return binary(ast.Mult(), left, right)


def divide(left: Syntax, right: Syntax) -> ast.BinOp:
    """Return a quotient."""
    return binary(ast.Div(), left, right)


def matmul(left: Syntax, right: Syntax) -> ast.BinOp:
    """Return a matrix product."""
    return binary(ast.MatMult(), left, right)


def negative(value: Syntax) -> ast.UnaryOp:
    """Return a negated expression."""
    return ast.UnaryOp(ast.USub(), value)


def scaled(factor: float, value: Syntax) -> Syntax:
    """Return a multiple by a number, which is left out if it is 1."""
    return value if factor == 1 else multiply(literal(factor), value)


def compare(operator: ast.cmpop, left: Syntax, right: Syntax) -> ast.Compare:
    """Return a comparison."""
    return ast.Compare(left, [operator], [right])


def as_condition(number: Syntax) -> ast.Compare:
    """Return the condition that a number is not 0."""
    return compare(NOT_EQUAL, number, literal(0))


def index(value: Syntax, parts: Sequence[Any]) -> ast.Subscript:
    """Return ``value[parts]`` for integers, slices, None and Ellipsis.

    Examples
    --------
    >>> ast.unparse(index(name("x"), (0, slice(1, None), None)))
    'x[0, 1:, None]'
    """
    written = [_part(part) for part in parts]
    inside = written[0] if len(written) == 1 else ast.Tuple(written, ast.Load())
    return ast.Subscript(value, inside, ast.Load())


class _Names(ast.NodeTransformer):
    """Replaces names by expressions."""

    def __init__(self, expressions: Mapping[str, Syntax]) -> None:
        self._expressions = expressions

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._expressions.get(node.id, node)


def replaced(expression: Syntax, expressions: Mapping[str, Syntax]) -> Syntax:
    """Return an expression with names replaced by expressions.

    Examples
    --------
    >>> ast.unparse(replaced(call("sin", name("x")), {"x": literal(2)}))
    'sin(2)'
    """
    result: Syntax = _Names(expressions).visit(copy.deepcopy(expression))
    return result


def _part(part: Any) -> Syntax:
    if not isinstance(part, slice):
        return literal(part)
    ends = (None if end is None else literal(int(end)) for end in (part.start, part.stop))
    step = None if part.step in (None, 1) else literal(part.step)
    return ast.Slice(lower=next(ends), upper=next(ends), step=step)
