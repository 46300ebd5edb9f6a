"""Programs as trees, and their text.

The routes evaluate the trees; symdiff gets the text. So no route depends on symdiff's parser.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, Final

Settings = tuple[
    tuple[str, Any], ...
]  # by keyword, what is not a number: dim=0, approximate="tanh"

VARIABLE: Final = "variable"
NUMBER: Final = "number"
CONSTANT: Final = "constant"
INDEX: Final = "index"
# Symbols of the functions that are written as operators, by the catalogue's name.
INFIX: Final = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "floor_divide": "//",
    "remainder": "%", "power": "**", "less": "<", "less_equal": "<=", "greater": ">",
    "greater_equal": ">=", "equal": "==", "not_equal": "!=", "logical_and": "and",
    "logical_or": "or", "matmul": "@",
}  # fmt: skip
# Functions that return values and indices.
WITH_INDICES: Final = {"sort", "topk", "kthvalue", "cummax", "cummin"}
PREFIX: Final = {"negative": "-", "positive": "+", "logical_not": "not "}


@dataclasses.dataclass(frozen=True, slots=True)
class Tree:
    """A program as a tree.

    Attributes
    ----------
    function
        The name of the catalogue's row, or `VARIABLE`, `NUMBER`, `CONSTANT`.
    arguments
        The arguments that are numbers, conditions or tensors.
    settings
        The other arguments, by keyword.
    name
        The variable, or the text of the number or constant.
    keywords
        The keywords of the last arguments: those that follow an omitted one.
    """

    function: str
    arguments: tuple[Tree, ...] = ()
    settings: Settings = ()
    name: str = ""
    keywords: tuple[str, ...] = ()
    _hash: int = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute the hash once: trees are keys."""
        parts = (self.function, self.arguments, self.settings, self.name, self.keywords)
        object.__setattr__(self, "_hash", hash(parts))

    def __hash__(self) -> int:
        """Return the hash."""
        return self._hash

    def __str__(self) -> str:
        """Return the text in Python's grammar."""
        return text(self)

    @property
    def number(self) -> Fraction:
        """The number that a literal means: a decimal is the nearest double."""
        return Fraction(float(self.name)) if {".", "e"} & {*self.name} else Fraction(self.name)

    def nodes(self) -> Iterator[Tree]:
        """Yield this tree and all sub-trees."""
        yield self
        for argument in self.arguments:
            yield from argument.nodes()

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables, in alphabetical order."""
        return tuple(sorted({node.name for node in self.nodes() if node.function == VARIABLE}))

    @property
    def functions(self) -> frozenset[str]:
        """The functions that occur."""
        return frozenset(node.function for node in self.nodes())

    def replaced(self, change: Callable[[Tree], Tree | None]) -> Tree:
        """Return the tree with sub-trees replaced where `change` returns another one."""
        other = change(self)
        if other is not None:
            return other
        return dataclasses.replace(
            self, arguments=tuple(a.replaced(change) for a in self.arguments)
        )


def variable(name: str) -> Tree:
    """Return a variable."""
    return Tree(VARIABLE, name=name)


def number(value: Fraction | int | str) -> Tree:
    """Return a literal, or the quotient of two for a fraction."""
    if isinstance(value, str):
        return Tree(NUMBER, name=value)
    value = Fraction(value)
    whole = Tree(NUMBER, name=str(abs(value.numerator)))
    size = whole
    if value.denominator != 1:
        size = Tree("divide", (whole, Tree(NUMBER, name=str(value.denominator))))
    return Tree("negative", (size,)) if value < 0 else size


def call(function: str, *arguments: Tree, **settings: Any) -> Tree:
    """Return a call of a function."""
    return Tree(function, arguments, tuple(settings.items()))


def text(tree: Tree) -> str:
    """Return the text of a program, with parentheses around all operations."""
    if tree.function in {VARIABLE, NUMBER, CONSTANT}:
        return tree.name
    parts = [text(argument) for argument in tree.arguments]
    if tree.function in INFIX:
        return f"({f' {INFIX[tree.function]} '.join(parts)})"
    if tree.function in PREFIX:
        return f"({PREFIX[tree.function]}{parts[0]})"
    if tree.function == "ifelse":
        return f"({parts[1]} if {parts[0]} else {parts[2]})"
    if tree.function in _SPECIAL:
        return _SPECIAL[tree.function](parts, dict(tree.settings))
    named = len(parts) - len(tree.keywords)
    parts[named:] = [f"{k}={p}" for k, p in zip(tree.keywords, parts[named:], strict=True)]
    settings = [f"{key}={value!r}" for key, value in tree.settings]
    written = f"{tree.function}({', '.join([*parts, *settings])})"
    return f"{written}.values" if tree.function in WITH_INDICES else written


def _index(parts: list[str], settings: dict[str, Any]) -> str:
    return f"{parts[0]}[{', '.join(map(str, settings['index']))}]"


_SPECIAL: Final[dict[str, Callable[[list[str], dict[str, Any]], str]]] = {
    INDEX: _index,
    "sequence": lambda parts, _: f"[{', '.join(parts)}]",
    "transpose_all": lambda parts, _: f"{parts[0]}.T",
    "transpose_last": lambda parts, _: f"{parts[0]}.mT",
    "max_all": lambda parts, _: f"max({parts[0]})",
    "min_all": lambda parts, _: f"min({parts[0]})",
    "max_along": lambda parts, s: f"{parts[0]}.max({_along(s)}).values",
    "min_along": lambda parts, s: f"{parts[0]}.min({_along(s)}).values",
}


def _along(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in settings.items())
