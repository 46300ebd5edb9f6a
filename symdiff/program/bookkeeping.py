"""Facts kept about every node while a text is parsed: constant values, tree sizes, depths."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import NoReturn

from symdiff.catalogue import CATALOGUE, CONSTANTS, Function
from symdiff.errors import ExpressionError, Place
from symdiff.program import limits
from symdiff.program.folding import ConstantError, Number, check_exponent, fold, fold_program
from symdiff.program.nodes import (
    Builder,
    Call,
    Constant,
    Literal,
    Node,
    Program,
    Source,
    Span,
)

MAX_DEPTH = 150  # levels of nesting in the syntax tree and in the graph
_MAX_TREE = 50_000  # sub-expressions, a shared one counted once for every use


class Bookkeeping:
    """Adds nodes to one Builder and enforces the limits of `symdiff.program.limits`.

    Parameters
    ----------
    definition_of
        Returns the definition of a row as a Program, to evaluate it at constants.
    is_traced
        Whether the texts were traced from code. A module may have any number of parameters, and in
        a loop every iteration uses the one before it several times.
    """

    def __init__(self, definition_of: Callable[[str], Program], *, is_traced: bool = False) -> None:
        """Start without nodes."""
        self._definition_of = definition_of
        self._is_traced = is_traced
        self._builder = Builder()
        self._sources: list[Source] = []
        self._text = ""  # of the last source
        self._constants: dict[int, Number] = {}  # values of constant nodes
        self._conditions: set[int] = set()  # nodes whose value is a condition
        self._sizes: dict[int, int] = {}  # of the tree below a node, without sharing
        self._depths: dict[int, int] = {}  # of the tree below a node

    def _add(self, node: Node, syntax: ast.AST) -> int:
        index = self._builder.add(node, self._span(syntax))
        if index not in self._sizes:
            operands = node.operands if isinstance(node, Call) else ()
            self._sizes[index] = 1 + sum(self._sizes[a] for a in operands)
            if len(self._sizes) > limits.MAX_NODES:
                self._fail(syntax, f"more than {limits.MAX_NODES} sub-expressions", "simplify it")
            if self._sizes[index] > _MAX_TREE and not self._is_traced:
                message = f"more than {_MAX_TREE} sub-expressions when definitions are expanded"
                self._fail(syntax, message, "simplify it")
            self._depths[index] = self._depth_of(node)
            if self._depths[index] > MAX_DEPTH:
                self._too_deep(syntax)
            if isinstance(node, Call):
                self._fold(index, node, syntax)
            elif isinstance(node, Literal):
                self._constants[index] = node.value
            elif isinstance(node, Constant):
                self._constants[index] = CONSTANTS[node.name]
        return index

    def _depth_of(self, node: Node) -> int:
        if not isinstance(node, Call):
            return 0
        depths = [self._depths[a] for a in node.operands] or [0]
        row = CATALOGUE[node.function]
        if row.is_polynomial and len(depths) == 2:  # the chain a + b + c is one level
            return max(depths[0], depths[1] + 1)
        return 1 + max(depths)

    def _too_deep(self, syntax: ast.AST) -> NoReturn:
        message = f"more than {MAX_DEPTH} nested operations"
        self._fail(syntax, message, "write several shorter expressions")

    def _add_call(self, row: Function, arguments: tuple[int | None, ...], syntax: ast.AST) -> int:
        index = self._add(Call(row.name, arguments), syntax)
        if row.returns == "condition":
            self._conditions.add(index)
        return index

    def _fold(self, index: int, node: Call, syntax: ast.AST) -> None:
        try:
            if CATALOGUE[node.function].is_power:
                check_exponent(self._constants.get(node.operands[1]))
            value = self._constant_value(node)
        except ConstantError as error:
            self._fail(syntax, f"{self._excerpt(syntax)!r}: {error}", error.hint)
        if value is not None:
            self._constants[index] = value

    def _constant_value(self, node: Call) -> Number | None:
        constants = [None if a is None else self._constants.get(a) for a in node.arguments]
        if any(self._constants.get(a) is None for a in node.operands):
            return None
        row = CATALOGUE[node.function]
        if row.array is not None:
            return None
        value = None if None in constants else fold(row.name, constants)
        if value is None and isinstance(row.definition, str):
            values = dict(zip(row.parameter_names, constants, strict=False))
            return fold_program(self._definition_of(row.name), values)
        return value

    def _bounds(self, syntax: ast.AST) -> tuple[int, int]:
        start: int = getattr(syntax, "col_offset", 1)
        end: int = getattr(syntax, "end_col_offset", start + 1)
        return max(0, start - 1), max(1, end - 1)  # minus the bracket that syntax_tree adds

    def _span(self, syntax: ast.AST) -> Span:
        start, end = self._bounds(syntax)
        return Span(len(self._sources) - 1, start, end)

    def _excerpt(self, syntax: ast.AST) -> str:
        start, end = self._bounds(syntax)
        excerpt = self._text[start:end]
        return excerpt if len(excerpt) <= 40 else excerpt[:37] + "..."

    def _fail(self, syntax: ast.AST, message: str, hint: str | None) -> NoReturn:
        start, end = self._bounds(syntax)
        place = Place(text=self._text, start=start, end=end)
        raise ExpressionError(message, place=place, hint=hint)
