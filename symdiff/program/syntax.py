"""Python's expression grammar: which forms are accepted, and hints for those that are not."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from symdiff.errors import ExpressionError, Place

_FORMULA: Final = "write a formula in Python's grammar, such as relu(x) + 2*x"
# The operators of the syntax tree, as the `operator` of catalogue rows.
BINARY: Mapping[type[ast.operator], str] = MappingProxyType(
    {
        ast.Add: "+",
        ast.Sub: "-",
        ast.Mult: "*",
        ast.MatMult: "@",
        ast.Div: "/",
        ast.FloorDiv: "//",
        ast.Mod: "%",
        ast.Pow: "**",
    }
)
COMPARE: Mapping[type[ast.cmpop], str] = MappingProxyType(
    {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
)
LOGIC: Mapping[type[ast.boolop | ast.operator], str] = MappingProxyType(
    {ast.And: "and", ast.Or: "or", ast.BitAnd: "and", ast.BitOr: "or"}
)
# Python's other expressions: the name for messages, and a hint.
REFUSED: Mapping[type[ast.AST], tuple[str, str]] = MappingProxyType(
    {
        ast.Lambda: ("a lambda", "write the formula itself"),
        ast.ListComp: ("a comprehension", "write the formula itself"),
        ast.SetComp: ("a comprehension", "write the formula itself"),
        ast.DictComp: ("a comprehension", "write the formula itself"),
        ast.GeneratorExp: ("a generator", "write the formula itself"),
        ast.NamedExpr: ("an assignment", "use a let definition"),
        ast.JoinedStr: ("an f-string", "write the formula itself"),
        ast.Starred: ("unpacking with *", "write the arguments one by one"),
        ast.Slice: ("a slice", "use it in x[...] only"),
        ast.Tuple: ("a tuple", "write one expression"),
        ast.Set: ("a set", "write one expression"),
        ast.Dict: ("a dictionary", "write one expression"),
        ast.Await: ("await", "write the formula itself"),
        ast.Yield: ("yield", "write the formula itself"),
        ast.YieldFrom: ("yield", "write the formula itself"),
    }
)


def syntax_tree(text: str) -> ast.expr:
    """Return the syntax tree of a text that `limits.check_text` has accepted.

    The columns in the tree are offsets into the text plus one, for the bracket put around it.

    Raises
    ------
    ExpressionError
        The text is not an expression.
    """
    flat = re.sub(r"[\n\r\t]", " ", text)
    # The brackets allow white space in front and line breaks; `check_text` made sure that the
    # text does not close them.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(f"({flat})", mode="eval").body
    except SyntaxError as error:
        start = max(0, min(len(text) - 1, (error.offset or 2) - 2))
        end = max(start + 1, (error.end_offset or 0) - 2)
        place = Place(text=text, start=start, end=min(end, len(text)))
        reason = (error.msg or "invalid syntax").split(" (")[0]
        message = f"this is not an expression: {reason}"
        raise ExpressionError(message, place=place, hint=_FORMULA) from None
    except (MemoryError, RecursionError):
        message = "too many nested operations"
        raise ExpressionError(message, hint="use let definitions") from None


def is_expression(text: str) -> bool:
    """Return whether a text that `limits.check_text` has accepted is an expression.

    Examples
    --------
    >>> is_expression("(x > 0) | (y > 0)"), is_expression("|x|")
    (True, False)
    """
    try:
        syntax_tree(text)
    except ExpressionError:
        return False
    return True


def dotted_name(syntax: ast.expr) -> str | None:
    """Return a name that may have dots, such as ``torch.relu``, or None for other syntax."""
    parts: list[str] = []
    while isinstance(syntax, ast.Attribute):
        parts.append(syntax.attr)
        syntax = syntax.value
    if not isinstance(syntax, ast.Name):
        return None
    return ".".join([syntax.id, *reversed(parts)])
