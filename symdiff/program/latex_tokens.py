"""Tokens of LaTeX, and what its commands mean."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NoReturn

from symdiff.errors import ExpressionError, Place

COMMAND: Final = re.compile(r"\\[A-Za-z]+|[\^_]\s*\{")
TOKEN: Final = re.compile(
    r"\\(?:operatorname|mathrm|mathit|mathbf|text|textrm)\s*(?:\*\s*)?\{(?P<word>[^{}\\]*)\}"
    r"|\\(?:begin|end)\s*\{(?P<environment>[a-z*]*)\}"
    r"|(?P<command>\\(?:[A-Za-z]+|.))"
    r"|(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<letters>[A-Za-z]+)"
    r"|(?P<symbol>[^\s])",
    re.DOTALL,
)
# Commands without a meaning: spaces, sizes.
# fmt: off
IGNORED: Final = frozenset({
    "\\,", "\\;", "\\:", "\\!", "\\ ", "\\\n", "~", "$", "\\(", "\\)", "\\[", "\\]",
    "\\quad", "\\qquad", "\\displaystyle", "\\textstyle", "\\limits", "\\big", "\\Big",
    "\\bigg", "\\Bigg", "\\bigl", "\\bigr", "\\Bigl", "\\Bigr", "\\biggl", "\\biggr",
})
GREEK: Final = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta",
    "kappa", "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega",
    "Delta", "Theta", "Lambda", "Xi", "Sigma", "Phi", "Psi", "Omega",
})
ELSEWHERE: Final = frozenset({
    "int", "iint", "oint", "sum", "prod", "lim", "partial", "nabla", "mathbb",
})
# Commands of functions, with their names in the catalogue.
FUNCTIONS: Final[Mapping[str, str]] = MappingProxyType({
    "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "exp": "exp", "ln": "log", "log": "log",
    "max": "max", "min": "min", "Gamma": "gamma", "det": "det",
})
# fmt: on
RECIPROCAL: Final = MappingProxyType({"cot": "tan", "sec": "cos", "csc": "sin", "coth": "tanh"})
PAIRS: Final = MappingProxyType(
    {
        "(": ")", "[": "]", "{": "}", "\\{": "\\}", "|": "|", "\\lvert": "\\rvert",
        "\\lfloor": "\\rfloor", "\\lceil": "\\rceil",
    }
)  # fmt: skip
OF_PAIR: Final = MappingProxyType(
    {"|": "abs", "\\lvert": "abs", "\\lfloor": "floor", "\\lceil": "ceil"}
)
SUMS: Final = MappingProxyType({"+": "+", "-": "-"})
PRODUCTS: Final = MappingProxyType(
    {"*": "*", "/": "/", "\\cdot": "*", "\\times": "*", "\\ast": "*", "\\div": "/"}
)
RELATIONS: Final = MappingProxyType(
    {
        "<": "<", ">": ">", "\\lt": "<", "\\gt": ">", "\\le": "<=", "\\leq": "<=",
        "\\leqslant": "<=", "\\ge": ">=", "\\geq": ">=", "\\geqslant": ">=", "=": "==",
        "\\ne": "!=", "\\neq": "!=",
    }
)  # fmt: skip
LOGIC: Final = MappingProxyType(
    {"\\land": "and", "\\wedge": "and", "\\lor": "or", "\\vee": "or", "and": "and", "or": "or"}
)
OTHERWISE: Final = frozenset({"otherwise", "else", "sonst"})
NORMS: Final = frozenset({"\\|", "\\lVert", "\\Vert"})


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """A token: its kind, what it stands for, and where it is."""

    kind: str
    text: str
    start: int
    end: int


def is_operand(token: str) -> bool:
    """Return whether a command starts a factor."""
    name = token.removeprefix("\\")
    others = (*PRODUCTS, *RELATIONS, *LOGIC, *PAIRS.values(), "\\\\", "\\end")
    return name.isalpha() and token not in others


def tokens(text: str) -> tuple[Token, ...]:
    r"""Return the tokens of a text; ``\left`` and ``\right`` are left out."""
    found: list[Token] = []
    for match in TOKEN.finditer(text):
        kind = str(match.lastgroup)
        value = match[kind]
        if kind == "word":
            value = value.strip(" .,")
        if kind == "environment":
            command = match.group().split("{", 1)[0].strip()
            found.append(Token("command", command, match.start(), match.end()))
        if value in IGNORED or value in {"\\left", "\\right", "\\middle"}:
            continue
        value = {"\\vert": "|", "\\rbrace": "\\}", "\\lbrace": "\\{"}.get(value, value)
        found.append(Token(kind, value, match.start(), match.end()))
    return tuple(found)


class Cursor:
    """Goes through the tokens of a text; `_position` is the token that is read next."""

    def __init__(self, text: str) -> None:
        """Start at the first token."""
        self._text = text
        self._tokens = tokens(text)
        self._position = 0

    @property
    def _peek(self) -> str:
        """The text of the next token; "" at the end."""
        return self._tokens[self._position].text if self._position < len(self._tokens) else ""

    @property
    def _kind(self) -> str:
        return self._tokens[self._position].kind if self._position < len(self._tokens) else ""

    def _take(self, expected: str = "", hint: str = "") -> str:
        if not self._peek or (expected and self._peek != expected):
            found = repr(self._peek) if self._peek else "the end"
            self._fail(f"{expected or 'a number or a variable'} is expected, not {found}", hint)
        self._position += 1
        return self._tokens[self._position - 1].text

    def _fail(self, message: str, hint: str, position: int | None = None) -> NoReturn:
        at = self._position if position is None else position
        token = self._tokens[min(at, len(self._tokens) - 1)]
        start, end = (token.start, token.end) if at < len(self._tokens) else (token.end, token.end)
        place = Place(text=self._text, start=start, end=end)
        message = f"LaTeX: {message}"
        raise ExpressionError(message, place=place, hint=hint or None)

    def _skip(self, token: str) -> None:
        if self._peek == token:
            self._take()
