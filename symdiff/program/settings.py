"""Syntax that says how a function works: dimensions, shapes, what stands in ``x[...]``."""

from __future__ import annotations

import ast
from typing import Any

from symdiff.catalogue import Parameter
from symdiff.catalogue.arrangements import ALL

_LARGEST = 10**7  # of an integer in a shape or an index
WANTED = {
    "dim": "a dimension, or several: 0, -1, (0, 1)",
    "flag": "True or False",
    "integer": "an integer",
    "size": "an integer, or one for each dimension: 2, (2, 3)",
    "shape": "integers, such as 2, 3",
    "indices": "the name of a value of integers, or a list of them: [0, 2]",
    "tensors": "a list, such as [x, y]",
    "index": "integers and slices, such as x[0, 1:]",
}


class NoSettingError(ValueError):
    """The syntax is none that the parameter takes."""


def setting(parameter: Parameter, syntax: ast.expr) -> Any:  # noqa: ANN401  (see Setting)
    """Return what a piece of syntax says to a parameter.

    Raises
    ------
    NoSettingError
        It says nothing that the parameter takes.

    Examples
    --------
    >>> setting(Parameter("dim", "dim"), ast.parse("(0, -1)", mode="eval").body)
    (0, -1)
    """
    if parameter.kind == "flag":
        if isinstance(syntax, ast.Constant) and isinstance(syntax.value, bool):
            return syntax.value
        raise NoSettingError
    if parameter.kind == "integer":
        return _integer(syntax)
    if isinstance(syntax, ast.Tuple | ast.List):
        found = tuple(_integer(item) for item in syntax.elts)
        if found or parameter.kind in {"dim", "shape"}:
            return found
        raise NoSettingError
    return (_integer(syntax),) if parameter.kind == "shape" else _integer(syntax)


def indices(syntax: ast.expr) -> Any:  # noqa: ANN401  (integers, nested as they are)
    """Return a list of integers as tuples.

    Raises
    ------
    NoSettingError
        It holds something else.
    """
    if isinstance(syntax, ast.List | ast.Tuple):
        return tuple(indices(item) for item in syntax.elts)
    return _integer(syntax)


def index(syntax: ast.expr) -> tuple[Any, ...]:
    """Return what stands in ``x[...]``: integers, slices, None, and `ALL` for an ellipsis.

    Raises
    ------
    NoSettingError
        Something else stands there.

    Examples
    --------
    >>> index(ast.parse("x[0, 1:, None, ...]", mode="eval").body.slice)
    (0, ('slice', 1, None, None), None, '...')
    """
    parts = syntax.elts if isinstance(syntax, ast.Tuple) else [syntax]
    return tuple(_part(part) for part in parts)


def _part(syntax: ast.expr) -> Any:  # noqa: ANN401
    if isinstance(syntax, ast.Slice):
        ends = (syntax.lower, syntax.upper, syntax.step)
        start, stop, step = (None if end is None else _integer(end) for end in ends)
        if step is not None and step < 1:
            raise NoSettingError
        return "slice", start, stop, step
    if isinstance(syntax, ast.Constant) and syntax.value is None:
        return None
    if isinstance(syntax, ast.Constant) and syntax.value is Ellipsis:
        return ALL
    return _integer(syntax)


def _integer(syntax: ast.expr) -> int:
    negative = isinstance(syntax, ast.UnaryOp) and isinstance(syntax.op, ast.USub)
    inner = syntax.operand if isinstance(syntax, ast.UnaryOp) and negative else syntax
    value = inner.value if isinstance(inner, ast.Constant) else None
    if not isinstance(value, int) or isinstance(value, bool) or value > _LARGEST:
        raise NoSettingError
    return -value if negative else value
