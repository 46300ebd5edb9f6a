"""Read arguments other than real numbers from the syntax tree: dimensions, shapes, indices."""

from __future__ import annotations

import ast
from typing import Any

from symdiff.catalogue import Parameter
from symdiff.catalogue.arrangements import ALL

_LARGEST = 10**7  # largest integer in a shape or an index
# The arguments that a parameter of each kind takes, for messages.
EXPECTED = {
    "dim": "a dimension or several: 0, -1, (0, 1)",
    "flag": "True or False",
    "integer": "an integer",
    "size": "an integer or one per dimension: 2, (2, 3)",
    "shape": "integers, such as 2, 3",
    "indices": "a variable with integer values or a list of integers: [0, 2]",
    "tensors": "a list, such as [x, y]",
    "index": "integers and slices, such as x[0, 1:]",
}


class SettingError(ValueError):
    """The parameter does not take this kind of argument."""


def setting(parameter: Parameter, syntax: ast.expr) -> Any:  # noqa: ANN401  (see Setting)
    """Return the value of an argument: a bool, an integer, or a tuple of integers.

    Parameters
    ----------
    parameter
        The parameter, of kind `flag`, `integer`, `dim`, `size` or `shape`.
    syntax
        The argument.

    Raises
    ------
    SettingError
        The parameter does not take this argument.

    Examples
    --------
    >>> setting(Parameter("dim", "dim"), ast.parse("(0, -1)", mode="eval").body)
    (0, -1)
    """
    if parameter.kind == "flag":
        if isinstance(syntax, ast.Constant) and isinstance(syntax.value, bool):
            return syntax.value
        raise SettingError
    if parameter.kind == "integer":
        return _integer(syntax)
    if isinstance(syntax, ast.Tuple | ast.List):
        integers = tuple(_integer(item) for item in syntax.elts)
        if integers or parameter.kind in {"dim", "shape"}:
            return integers
        raise SettingError
    return (_integer(syntax),) if parameter.kind == "shape" else _integer(syntax)


def indices(syntax: ast.expr) -> Any:  # noqa: ANN401  (integers, nested as they are)
    """Return an integer, or a nested list of integers as nested tuples.

    Raises
    ------
    SettingError
        The syntax contains something else.
    """
    if isinstance(syntax, ast.List | ast.Tuple):
        return tuple(indices(item) for item in syntax.elts)
    return _integer(syntax)


def index(syntax: ast.expr) -> tuple[Any, ...]:
    """Return the index of ``x[...]``: integers, slices, None, and `ALL` for an ellipsis.

    A slice is a tuple ``("slice", start, stop, step)``.

    Raises
    ------
    SettingError
        The index contains something else.

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
            raise SettingError
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
        raise SettingError
    return -value if negative else value
