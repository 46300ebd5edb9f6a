"""Python's expression grammar: which forms are read, and what to write instead of the others."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from types import MappingProxyType

from symdiff.errors import ExpressionError, Place

PREFIXES = frozenset(
    {
        *("torch", "F", "functional", "nn.functional", "torch.nn.functional", "torch.special"),
        *("math", "np", "numpy"),
    }
)
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
# What a refused form of Python is called in the message, and what to write instead.
REFUSED: Mapping[type[ast.AST], tuple[str, str]] = MappingProxyType(
    {
        ast.Lambda: ("a lambda", "write the formula itself"),
        ast.ListComp: ("a comprehension", "write the formula itself"),
        ast.SetComp: ("a comprehension", "write the formula itself"),
        ast.DictComp: ("a comprehension", "write the formula itself"),
        ast.GeneratorExp: ("a generator", "write the formula itself"),
        ast.NamedExpr: ("an assignment", "use a let definition"),
        ast.JoinedStr: ("an f-string", "write the formula itself"),
        ast.Starred: ("an unpacking", "write the arguments one by one"),
        ast.Slice: ("a slice", "it stands in x[...] only"),
        ast.Tuple: ("a tuple", "write one expression"),
        ast.Set: ("a set", "write one expression"),
        ast.Dict: ("a dictionary", "write one expression"),
        ast.Await: ("await", "write the formula itself"),
        ast.Yield: ("yield", "write the formula itself"),
        ast.YieldFrom: ("yield", "write the formula itself"),
    }
)


def syntax_tree(text: str) -> ast.expr:
    """Return the syntax tree of a text that `limits.check_text` has passed.

    Its columns are offsets into the text, plus one for a bracket put around it.

    Raises
    ------
    ExpressionError
        The text is no expression.
    """
    flat = re.sub(r"[\n\r\t]", " ", text)
    # The brackets make white space in front and between lines harmless; check_text has seen
    # that the text does not close them.
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
        raise ExpressionError(message, place=place, hint=_syntax_hint(text, start)) from None
    except (MemoryError, RecursionError):
        message = "too many operations inside one another"
        raise ExpressionError(message, hint="use let definitions") from None


def _syntax_hint(text: str, start: int) -> str:
    if re.search(r"\d[A-Za-z(]", text[max(0, start - 1) : start + 3]):
        return "a product needs its sign: 2*x"
    if "=" in text and "==" not in text:
        return "write == to compare, and let for definitions"
    return "write a formula in Python's grammar, such as relu(x) + 2*x"


def dotted_name(syntax: ast.expr) -> str | None:
    """Return a name with dots, such as ``torch.relu``; None for any other expression."""
    parts: list[str] = []
    while isinstance(syntax, ast.Attribute):
        parts.append(syntax.attr)
        syntax = syntax.value
    if not isinstance(syntax, ast.Name):
        return None
    return ".".join([syntax.id, *reversed(parts)])
