"""Texts with brackets where they are needed, by Python's order of operations."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

# The levels of precedence of operators, from the one that binds least.
CHOICE, OR, AND, NOT, COMPARISON, BIT_OR, BIT_AND, SUM, PRODUCT, SIGN, POWER, ATOM = range(12)


class Written(NamedTuple):
    """A text, and the precedence of its outermost operator."""

    text: str
    level: int = ATOM

    def within(self, level: int) -> str:
        """Return the text for a place that needs a level: in brackets if its own is less."""
        return self.text if self.level >= level else f"({self.text})"


# For each operator of Python: its level, the levels of its operands, and its text.
_INFIX: Final[Mapping[str, tuple[int, int, int, str]]] = MappingProxyType(
    {
        "+": (SUM, SUM, PRODUCT, " + "),
        "-": (SUM, SUM, PRODUCT, " - "),
        "*": (PRODUCT, PRODUCT, POWER, "*"),
        "/": (PRODUCT, PRODUCT, POWER, "/"),
        "//": (PRODUCT, PRODUCT, POWER, "//"),
        "%": (PRODUCT, PRODUCT, POWER, " % "),
        "@": (PRODUCT, PRODUCT, POWER, " @ "),
        "**": (POWER, ATOM, ATOM, "**"),
        "&": (BIT_AND, BIT_AND, SUM, " & "),
        "|": (BIT_OR, BIT_OR, BIT_AND, " | "),
        "and": (AND, AND, NOT, " and "),
        "or": (OR, OR, AND, " or "),
        **{c: (COMPARISON, SUM, SUM, f" {c} ") for c in ("<", "<=", ">", ">=", "==", "!=")},
    }
)
_SHORT_NEGATIVE: Final = re.compile(r"-[\w.]+")


def infix(operator: str, left: Written, right: Written) -> Written:
    """Return a binary operation of Python.

    Operations that Python reads from the left keep their grouping: ``a - (b - c)`` and
    ``a*(b*c)`` have brackets, ``(a - b) - c`` has none. Nested powers always have brackets.

    Examples
    --------
    >>> a, b = Written("a"), infix("-", Written("b"), Written("c"))
    >>> infix("-", a, b).text, infix("-", b, a).text
    ('a - (b - c)', 'b - c - a')
    """
    level, of_left, of_right, text = _INFIX[operator]
    if operator == "**" and _SHORT_NEGATIVE.fullmatch(right.text):
        second = right.text
    elif level == SUM and right.text.startswith("-"):
        second = f"({right.text})"  # not a - -b, though Python reads it
    else:
        second = right.within(of_right)
    return Written(f"{left.within(of_left)}{text}{second}", level)


def negated(operand: Written) -> Written:
    """Return ``-x``; a product is put in brackets, since Python reads ``-x*y`` as ``(-x)*y``."""
    return Written(f"-{operand.within(POWER)}", SIGN)


def conditional(condition: Written, chosen: Written, other: Written) -> Written:
    """Return ``x if condition else y``."""
    parts = chosen.within(OR), condition.within(OR), other.within(CHOICE)
    return Written("{} if {} else {}".format(*parts), CHOICE)


def number(value: float | bool) -> Written:  # noqa: FBT001  (a literal)
    """Return a literal of Python."""
    text = repr(value)
    return Written(text, SIGN if text.startswith("-") else ATOM)


_PLACE: Final = re.compile(r"<(\*|\w+)>")
_LEVELS: Final[Mapping[type[ast.AST], int]] = MappingProxyType(
    {
        ast.IfExp: CHOICE,
        ast.Compare: COMPARISON,
        ast.UnaryOp: SIGN,
        ast.Add: SUM,
        ast.Sub: SUM,
        ast.Mult: PRODUCT,
        ast.Div: PRODUCT,
        ast.MatMult: PRODUCT,
        ast.Pow: POWER,
    }
)


def filled(template: str, argument: Callable[[str], Written]) -> Written:
    """Return a template in Python's grammar with its places filled.

    Parameters
    ----------
    template
        A text such as ``sign(<x>)*abs(<x>)``.
    argument
        Takes the name of a place and returns what stands there. It is put in brackets if it has an
        operator, unless the place is a whole argument of a call.

    Examples
    --------
    >>> filled("f(<x>)*<x>", lambda _: Written("a + b", SUM)).text
    'f(a + b)*(a + b)'
    """

    def fill(match: re.Match[str]) -> str:
        before, after = template[: match.start()].rstrip(), template[match.end() :].lstrip()
        is_argument = before.endswith(("(", ",", "=", "[")) and after.startswith((")", ",", "]"))
        return argument(match.group(1)).within(CHOICE if is_argument else ATOM)

    if _PLACE.fullmatch(template):
        return argument(_PLACE.fullmatch(template)[1])  # type: ignore[index]
    text = _PLACE.sub(fill, template)
    return Written(text, _level(_PLACE.sub("_", template)))


def _level(text: str) -> int:
    tree = ast.parse(text, mode="eval").body
    return _LEVELS.get(type(tree.op if isinstance(tree, ast.BinOp) else tree), ATOM)
