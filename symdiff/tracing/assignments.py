"""Find the name that a line of code gives to the result of a call of torch."""

from __future__ import annotations

import ast
import functools
import re
from typing import Final

_ASSIGNMENT: Final = re.compile(r"([A-Za-z][A-Za-z0-9_]*)\s*=(?!=)")
_OPERATIONS: Final = (ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript)


@functools.lru_cache(maxsize=4096)
def assigned_name(text: str, operation: str) -> str | None:
    """Return the name that a line assigns the result of an operation to, or None.

    The line has to be one assignment, and the operation has to be what is done last in it. If
    anything else is called there, its arguments may be what the operation returned.

    Parameters
    ----------
    text
        The line, without the white space around it.
    operation
        The name of the function or method of torch.

    Examples
    --------
    >>> assigned_name("y = torch.exp(x)", "exp"), assigned_name("y = loss(torch.exp(x))", "exp")
    ('y', None)
    """
    match = _ASSIGNMENT.match(text)
    if match is None:
        return None
    try:
        statements = ast.parse(text).body
    except SyntaxError:  # the first of several lines: that of a call if it ends so
        return match.group(1) if text.endswith("(") else None
    if len(statements) != 1 or not isinstance(statements[0], ast.Assign):
        return None
    is_last = _is_last(statements[0].value, operation.strip("_"))
    return match.group(1) if is_last else None


def _is_last(value: ast.expr, operation: str) -> bool:
    """Return whether an operation may be the outermost one of an expression."""
    if isinstance(value, ast.BinOp):
        # Python's word is Mult where torch's is mul or __rmul__.
        word = type(value.op).__name__.lower()
        return word.startswith((operation, operation.removeprefix("r")))
    if isinstance(value, ast.UnaryOp | ast.Subscript):
        return operation == ("getitem" if isinstance(value, ast.Subscript) else "neg")
    if isinstance(value, ast.Attribute | ast.Compare):
        return not _has_operation(*ast.iter_child_nodes(value))
    return isinstance(value, ast.Call) and _is_last_call(value, operation)


def _is_last_call(value: ast.Call, operation: str) -> bool:
    called = value.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if name.strip("_") == operation:
        return True
    arguments = [*value.args, *(k.value for k in value.keywords)]
    owner = [called.value] if isinstance(called, ast.Attribute) else []
    return not _has_operation(*owner, *arguments)


def _has_operation(*parts: ast.AST) -> bool:
    return any(isinstance(node, _OPERATIONS) for part in parts for node in ast.walk(part))
