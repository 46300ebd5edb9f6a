"""Turn a syntax tree into a Program, checking every node against the catalogue."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NoReturn

from symdiff.catalogue import BY_NAME, BY_OPERATOR, CATALOGUE, CONSTANTS, Function, Parameter
from symdiff.errors import ExpressionError, Place, did_you_mean
from symdiff.program import limits
from symdiff.program.bookkeeping import MAX_DEPTH, Bookkeeping
from symdiff.program.dialects import CONSTANTS as OTHER_CONSTANTS
from symdiff.program.dialects import KEYWORDS, PREFIXES, SYMPY_NAMES, DialectError, reading
from symdiff.program.mistakes import OTHER_NAMES, answered, file_name
from symdiff.program.nodes import (
    Constant,
    Input,
    Literal,
    Program,
    Setting,
    Source,
)
from symdiff.program.notation import understand
from symdiff.program.settings import EXPECTED, SettingError, index, indices, setting
from symdiff.program.syntax import (
    BINARY,
    COMPARE,
    LOGIC,
    REFUSED,
    dotted_name,
    syntax_tree,
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_COMMA = re.compile(r"[-+]?\d+,\d+.*")
# Errors that say only that the grammar refuses a text.
_IS_GENERAL = re.compile(r"unexpected character|this is not an expression")
_RESERVED = frozenset({"nan", "NaN", "NAN", "torch", "True", "False", "None"})
# The method for every accepted kind of syntax.
_VISITS: Mapping[type[ast.expr], str] = {
    ast.Constant: "_visit_constant",
    ast.Name: "_visit_name",
    ast.BinOp: "_visit_binary",
    ast.UnaryOp: "_visit_unary",
    ast.Compare: "_visit_comparison",
    ast.BoolOp: "_visit_logic",
    ast.IfExp: "_visit_conditional",
    ast.Attribute: "_visit_attribute",
    ast.Subscript: "_visit_subscript",
    ast.List: "_visit_list",
    ast.Call: "_visit_call",
}


def check_name(name: str) -> None:
    """Check that a name can be the name of a variable.

    Raises
    ------
    ExpressionError
        The name is not a plain identifier, or it is reserved.
    """
    if not _NAME.fullmatch(name):
        excerpt = name if len(name) <= 40 else name[:40] + "..."
        message = f"{excerpt!r} is not a valid name"
        hint = "a letter, then letters, digits and _; at most 64 characters"
        raise ExpressionError(message, hint=hint)
    if name in CONSTANTS or name in _RESERVED:
        message = f"{name!r} is reserved and cannot be a variable"
        raise ExpressionError(message, hint="choose another name")


class Reader(Bookkeeping):
    """Reads texts into one Builder: first the definitions, then the expression.

    Parameters
    ----------
    definitions
        The texts of all definitions by name; each can be used after `define` has read it.
    definition_of
        Returns the definition of a row as a Program, to evaluate it at constants.
    is_template
        Whether the text comes from the catalogue, where a variable may stand for a constant.
    is_traced
        Whether the texts were traced from code; see `Bookkeeping`.
    """

    def __init__(
        self,
        definitions: Mapping[str, str],
        definition_of: Callable[[str], Program],
        *,
        is_template: bool = False,
        is_traced: bool = False,
    ) -> None:
        """Start without nodes."""
        super().__init__(definition_of, is_traced=is_traced)
        self._is_template = is_template
        self._definitions = definitions
        self._defined: dict[str, int] = {}  # the nodes of the definitions that were read
        self._depth = 0  # nesting depth of the syntax being visited
        self._inputs: set[str] = set()
        self._notes: dict[str, None] = {}  # in order; see `Program.notes`

    @property
    def defined(self) -> Mapping[str, int]:
        """The nodes of the definitions that were read, by name."""
        return MappingProxyType(self._defined)

    def define(self, name: str, text: str, place: str = "", inside: str = "") -> None:
        """Read a definition, so that later texts can use its name; see `Source` for its place."""
        self._defined[name] = self._root(f"let {name}", text, place, inside)

    def read(
        self, text: str, *, condition: bool = False, place: str = "", inside: str = ""
    ) -> Program:
        """Read the expression and return the Program.

        Parameters
        ----------
        text
            The expression; it may use what `define` has read.
        condition
            Whether the value may be a condition.
        place
            The line of code, of an expression that was traced; see `Source`.
        inside
            The custom Function in which that line is; see `Source`.

        Raises
        ------
        ExpressionError
            The text is not an expression, or is a condition although `condition` is False.
        """
        output = self._root("expr", text, place, inside)
        if not condition and output in self._conditions:
            message = "the expression is a condition, not a number"
            whole = Place(text=text, start=0, end=len(text))
            raise ExpressionError(message, place=whole, hint="write where(condition, 1, 0)")
        if "E" in self._inputs and any(f"{name}(" in self._text for name in SYMPY_NAMES):
            self._notes["E is a variable: Euler's number is e"] = None
        program = self._builder.program(output, tuple(self._sources))
        return dataclasses.replace(program, notes=tuple(self._notes)) if self._notes else program

    def _root(self, name: str, text: str, place: str = "", inside: str = "") -> int:
        is_file = file_name(text)
        if is_file is not None:
            raise is_file
        try:
            understood = understand(text)
            tree = syntax_tree(understood.text)
        except ExpressionError as error:
            raise self._answered(error, text) from None
        self._notes.update(dict.fromkeys(understood.notes))
        self._sources.append(Source(name, understood.text, place, inside))
        self._text = understood.text
        return self._visit(tree)

    def _answered(self, error: ExpressionError, text: str) -> ExpressionError:
        """Return the answer to a common mistake, if the error is that of a text as it was typed."""
        return answered(error, text) if _IS_GENERAL.match(error.message) else error

    # -- syntax

    def _visit(self, syntax: ast.expr) -> int:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._too_deep(syntax)
        index = self._dispatch(syntax)
        self._depth -= 1
        return index

    def _dispatch(self, syntax: ast.expr) -> int:
        visit = _VISITS.get(type(syntax))
        if visit is not None:
            index: int = getattr(self, visit)(syntax)
            return index
        form, hint = REFUSED.get(type(syntax), (type(syntax).__name__, "write the formula"))
        if isinstance(syntax, ast.Lambda):
            hint = f"write its formula alone: {self._excerpt(syntax.body)}"
        elif isinstance(syntax, ast.Tuple) and _COMMA.fullmatch(self._excerpt(syntax)):
            hint = "write a number with a point: 0.5"
        return self._fail(syntax, f"{form} is not allowed in an expression", hint)

    def _number(self, syntax: ast.expr) -> int:
        index = self._visit(syntax)
        if index in self._conditions:
            self._fail_condition(syntax)
        return index

    def _fail_condition(self, syntax: ast.expr) -> NoReturn:
        message, hint = "a number is needed here, not a condition", "write where(condition, 1, 0)"
        self._fail(syntax, message, hint)

    def _condition(self, syntax: ast.expr) -> int:
        index = self._visit(syntax)
        if index not in self._conditions:
            self._fail(
                syntax, "a condition is needed here, not a number", "compare it, such as x != 0"
            )
        return index

    def _visit_constant(self, syntax: ast.Constant) -> int:
        value = syntax.value
        if isinstance(value, bool):
            index = self._add(Literal(value), syntax)
            self._conditions.add(index)
            return index
        if isinstance(value, int | float):
            if isinstance(value, float) and value in (float("inf"), float("-inf")):
                self._fail(syntax, "this number is too large for a double", "write inf")
            if isinstance(value, int) and value.bit_length() > 1000:
                self._fail(syntax, "this number is too large for a double", "write inf")
            return self._add(Literal(value), syntax)
        hint = "write a number"
        if isinstance(value, str):
            hint = "leave out the quotation marks"
        elif isinstance(value, complex):
            hint = "every variable and number is real"
        return self._fail(syntax, f"{self._excerpt(syntax)} is not a number", hint)

    def _visit_name(self, syntax: ast.Name) -> int:
        name = syntax.id
        if name in self._defined:
            index = self._defined[name]
            self._builder.add(self._builder.nodes[index], self._span(syntax))
            return index
        if name in self._definitions:
            self._fail(syntax, f"{name!r} is used before it is defined", "reorder the definitions")
        if name in CONSTANTS:
            return self._add(Constant(name), syntax)
        try:
            check_name(name)
        except ExpressionError as error:
            self._fail(syntax, error.message, error.hint)
        self._inputs.add(name)
        if len(self._inputs) > limits.MAX_INPUTS and not self._is_traced:
            self._fail(syntax, f"more than {limits.MAX_INPUTS} variables", None)
        return self._add(Input(name), syntax)

    def _visit_binary(self, syntax: ast.BinOp) -> int:
        # A long sum nests to the left: loop over its operators instead of recursing.
        chain = [syntax]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        left = self._visit_operand(chain[-1].left, chain[-1])
        for operation in reversed(chain):
            left = self._operation(left, operation)
        return left

    def _visit_operand(self, operand: ast.expr, syntax: ast.BinOp) -> int:
        return self._condition(operand) if type(syntax.op) in LOGIC else self._visit(operand)

    def _operation(self, left: int, syntax: ast.BinOp) -> int:
        kind = type(syntax.op)
        if kind not in BINARY and kind not in LOGIC:
            self._fail(syntax, "this operator has no meaning for real numbers", "use + - * / **")
        right = self._visit_operand(syntax.right, syntax)
        if kind in LOGIC:
            if left not in self._conditions:
                hint = "put brackets around each comparison"
                self._fail(syntax.left, "a condition is needed here, not a number", hint)
            return self._add_call(BY_OPERATOR[LOGIC[kind]], (left, right), syntax)
        row = BY_OPERATOR[BINARY[kind]]
        self._check_masks(row, (left, right), syntax)
        return self._add_call(row, (left, right), syntax)

    def _check_masks(self, row: Function, operands: tuple[int, int], syntax: ast.BinOp) -> None:
        # torch and numpy take a condition as 0 or 1 in arithmetic with a number: (x > 0)*x.
        masks = [operand in self._conditions for operand in operands]
        is_mixed = row.is_polynomial and not all(masks)
        if any(masks) and not is_mixed:
            self._fail_condition(syntax.left if masks[0] else syntax.right)

    def _visit_unary(self, syntax: ast.UnaryOp) -> int:
        if isinstance(syntax.op, ast.Not | ast.Invert):
            return self._add_call(BY_OPERATOR["not"], (self._condition(syntax.operand),), syntax)
        row = BY_OPERATOR["u-" if isinstance(syntax.op, ast.USub) else "u+"]
        return self._add_call(row, (self._number(syntax.operand),), syntax)

    def _visit_comparison(self, syntax: ast.Compare) -> int:
        operands = [syntax.left, *syntax.comparators]
        indices = [self._number(operand) for operand in operands]
        joined: int | None = None
        for i, op in enumerate(syntax.ops):
            if type(op) not in COMPARE:
                hint = "write 0 <= x <= 1" if isinstance(op, ast.In) else "use one of them"
                self._fail(syntax, "only < <= > >= == != compare numbers", hint)
            part = self._add_call(
                BY_OPERATOR[COMPARE[type(op)]], (indices[i], indices[i + 1]), syntax
            )
            if joined is None:
                joined = part
            else:
                joined = self._add_call(BY_OPERATOR["and"], (joined, part), syntax)
        assert joined is not None  # noqa: S101  (a comparison has at least one operator)
        return joined

    def _visit_logic(self, syntax: ast.BoolOp) -> int:
        return self._logic(LOGIC[type(syntax.op)], syntax.values, syntax)

    def _logic(self, operator: str, operands: list[ast.expr], syntax: ast.expr) -> int:
        joined = self._condition(operands[0])
        for operand in operands[1:]:
            joined = self._add_call(
                BY_OPERATOR[operator], (joined, self._condition(operand)), syntax
            )
        return joined

    def _visit_conditional(self, syntax: ast.IfExp) -> int:
        condition = self._condition(syntax.test)
        branches = self._number(syntax.body), self._number(syntax.orelse)
        return self._add_call(CATALOGUE["ifelse"], (condition, *branches), syntax)

    def _visit_attribute(self, syntax: ast.Attribute) -> int:
        dotted = dotted_name(syntax)
        if dotted is not None:
            prefix, _, name = dotted.rpartition(".")
            name = OTHER_CONSTANTS.get((PREFIXES.get(prefix, ""), name), name)
            if prefix in PREFIXES and name in CONSTANTS:
                self._note_prefix(prefix)
                return self._add(Constant(name), syntax)
        row = BY_OPERATOR.get(f"x.{syntax.attr}")
        if row is not None:
            return self._add_call(row, (self._number(syntax.value),), syntax)
        if syntax.attr == "values" and isinstance(syntax.value, ast.Call):
            return self._extreme_along(syntax.value, syntax)
        return self._fail(
            syntax,
            f"unknown attribute {syntax.attr[:40]!r}",
            "call functions as x.abs() or abs(x)",
        )

    def _visit_subscript(self, syntax: ast.Subscript) -> int:
        first = isinstance(syntax.slice, ast.Constant) and syntax.slice.value == 0
        if first and isinstance(syntax.value, ast.Call) and self._is_extreme(syntax.value):
            return self._extreme_along(syntax.value, syntax)  # x.max(dim)[0]
        if isinstance(syntax.value, ast.Call) and self._has_indices(syntax.value):
            # torch's [0] are the values and [1] the indices; a reader might mean a component.
            hint = "write the values as sort(x).values, a component as sort(x).values[0]"
            self._fail(syntax, "torch returns values and indices here", hint)
        try:
            parts = index(syntax.slice)
        except SettingError:
            hint = "for a mask write where(mask, value, x), for a list of indices index_select"
            self._fail(syntax.slice, "an index must consist of integers and slices", hint)
        tensor = self._number(syntax.value)
        return self._add_call(
            CATALOGUE["index"], (tensor, self._add(Setting(parts), syntax.slice)), syntax
        )

    def _visit_list(self, syntax: ast.List) -> int:
        return self._add_call(CATALOGUE["tensor"], (self._sequence(syntax),), syntax)

    def _sequence(self, syntax: ast.List | ast.Tuple) -> int:
        if not syntax.elts:
            self._fail(syntax, "the list is empty", "write numbers or expressions in it: [x, y]")
        items = tuple(self._number(item) for item in syntax.elts)
        return self._add_call(CATALOGUE["sequence"], items, syntax)

    # -- calls

    def _is_extreme(self, syntax: ast.Call) -> bool:
        """Return whether this is x.max(dim) or x.min(dim): values and indices in torch."""
        function = syntax.func
        name = function.attr if isinstance(function, ast.Attribute) else ""
        return name in {"max", "min"} and bool(syntax.args or syntax.keywords)

    def _has_indices(self, syntax: ast.Call) -> bool:
        """Return whether this is a call of a row whose values torch returns with indices."""
        function = syntax.func
        name = getattr(function, "id", None) or getattr(function, "attr", None)
        row = BY_NAME.get(name or "")
        return row is not None and row.has_indices

    def _extreme_along(self, syntax: ast.Call, whole: ast.expr) -> int:
        if self._has_indices(syntax):
            return self._visit_call(syntax)
        if not self._is_extreme(syntax):
            message = "only x.max(dim), x.min(dim), and functions that order, have .values"
            self._fail(whole, message, None)
        name, positional, _ = self._called(syntax)
        row = BY_OPERATOR[f"x.{name}(dim).values"]
        return self._add_call(row, self._bind(row, positional, syntax), whole)

    def _visit_call(self, syntax: ast.Call) -> int:
        name, positional, dotted = self._called(syntax)
        other = self._other_reading(name, syntax)
        if other is not None:
            return self._visit(other)
        row = BY_NAME.get(name)
        if row is None:
            self._unknown_function(syntax, name)
        if len(positional) == 1 and not syntax.keywords:
            row = BY_OPERATOR.get(f"{name}(x)", row)
        self._check_reduction(row, name, dotted=dotted, syntax=syntax)
        self._check_method(row, syntax, name)
        if row.variadic and len(positional) > 2 and not syntax.keywords:
            joined = self._number(positional[0])
            for argument in positional[1:]:
                joined = self._add_call(row, (joined, self._number(argument)), syntax)
            return joined
        return self._add_call(row, self._bind(row, positional, syntax), syntax)

    def _other_reading(self, name: str, syntax: ast.Call) -> ast.expr | None:
        """Return what a call of another library's function stands for, or None; see `reading`."""
        prefix = (dotted_name(syntax.func) or "").rpartition(".")[0]
        if isinstance(syntax.func, ast.Attribute) and prefix not in PREFIXES:
            return None  # a method of a tensor
        try:
            other = reading(PREFIXES.get(prefix, ""), name, syntax)
        except DialectError as error:
            self._fail(syntax, str(error), error.hint or did_you_mean(name, BY_NAME))
        self._note_prefix(prefix)
        if other is not None:
            self._notes[other[1]] = None
            return other[0]
        if name == "ln":
            self._notes["read ln as log"] = None
        return None

    def _note_prefix(self, prefix: str) -> None:
        if PREFIXES.get(prefix, "torch") != "torch":
            self._notes[f"left out the prefix {prefix}."] = None

    def _called(self, syntax: ast.Call) -> tuple[str, list[ast.expr], bool]:
        """Return the function's name, its positional arguments, and whether the name has a dot."""
        function = syntax.func
        if isinstance(function, ast.Name):
            return function.id, list(syntax.args), False
        if not isinstance(function, ast.Attribute):
            inner = ", ".join(self._excerpt(argument) for argument in syntax.args) or "x"
            factor = self._excerpt(function)
            factor = factor if isinstance(function, ast.Constant) else f"({factor})"
            hint = f"write {factor}*({inner}) for a product"
            self._fail(function, "only functions of the catalogue can be called", hint)
        dotted = dotted_name(function)
        if dotted is not None and dotted.rpartition(".")[0] in PREFIXES:
            return function.attr, list(syntax.args), True
        return function.attr, [function.value, *syntax.args], True

    def _unknown_function(self, syntax: ast.Call, name: str) -> NoReturn:
        function = syntax.func
        start, end = self._bounds(function)
        if isinstance(function, ast.Attribute):
            start = end - len(function.attr)
        hint = OTHER_NAMES.get(name) or did_you_mean(name, BY_NAME)
        if isinstance(function, ast.Name) and (name in self._inputs or len(name) == 1):
            inner = ", ".join(self._excerpt(argument) for argument in syntax.args) or "x"
            hint = f"write {name}*({inner}) for a product"
        hint = hint or "`symdiff functions` lists them all"
        excerpt = name if len(name) <= 40 else name[:40] + "..."
        place = Place(text=self._text, start=start, end=end)
        message = f"unknown function {excerpt!r}"
        raise ExpressionError(message, place=place, hint=hint)

    def _check_reduction(self, row: Function, name: str, *, dotted: bool, syntax: ast.Call) -> None:
        # torch.max(x, 0) and x.max(0) reduce over dimension 0, unlike max(x, 0).
        last = syntax.args[-1] if syntax.args else None
        is_integer = isinstance(last, ast.Constant) and isinstance(last.value, int)
        if dotted and name in {"max", "min"} and (is_integer or syntax.keywords):
            hint = f"write {row.name}(x, 0) or {name}(x, 0), or x.{name}(0).values"
            self._fail(syntax, f"torch's {name} with a number reduces over that dimension", hint)

    def _check_method(self, row: Function, syntax: ast.Call, name: str) -> None:
        # Tensor.unfold slides along one dimension: it is not F.unfold.
        function = syntax.func
        is_method = isinstance(function, ast.Attribute) and (
            (dotted_name(function) or "").rpartition(".")[0] not in PREFIXES
        )
        if is_method and not row.is_method:
            self._fail(syntax, f"the method x.{name} is not supported", f"write F.{name}(x, ...)")

    def _bind(
        self, row: Function, positional: list[ast.expr], syntax: ast.Call
    ) -> tuple[int | None, ...]:
        parameters = row.parameters
        if row.array is not None:
            positional = _with_joined_shape(parameters, positional)
        if len(positional) > len(parameters):
            extra = positional[len(parameters)]
            hint, function = row.usage, syntax.func
            if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
                hint += f"; if {function.value.id[:40]} is a module, leave it out"
            self._fail(extra, f"{row.name} takes at most {len(parameters)} arguments", hint)
        arguments: dict[str, ast.expr] = {
            parameter.name: argument
            for parameter, argument in zip(parameters, positional, strict=False)
        }
        by_keyword = {p.keyword: p for p in parameters} | {p.name: p for p in parameters}
        for keyword in syntax.keywords:
            word = keyword.arg or ""
            parameter = by_keyword.get(word) or by_keyword.get(KEYWORDS.get(word, ""))
            if parameter is None:
                self._unknown_keyword(row, keyword, syntax)
            if parameter.name in arguments:
                self._fail(keyword.value, f"{row.name} got {keyword.arg!r} twice", row.usage)
            arguments[parameter.name] = keyword.value
        bound = tuple(self._argument(row, p, arguments.get(p.name), syntax) for p in parameters)
        last = max((i for i, a in enumerate(bound) if a is not None), default=-1)
        return bound[: last + 1]

    def _unknown_keyword(self, row: Function, keyword: ast.keyword, syntax: ast.Call) -> NoReturn:
        if keyword.arg is None:
            self._fail(syntax, "** is not allowed in a call", row.usage)
        keywords = [p.keyword for p in row.parameters]
        close = difflib.get_close_matches(keyword.arg, keywords, n=1)
        hint = f"did you mean {close[0]!r}?" if close else row.usage
        self._fail(keyword, f"{row.name} has no keyword {keyword.arg[:40]!r}", hint)

    def _argument(
        self, row: Function, parameter: Parameter, syntax: ast.expr | None, call: ast.Call
    ) -> int | None:
        if isinstance(syntax, ast.Constant) and syntax.value is None and parameter.default:
            return None
        if syntax is None:
            if parameter.default is None:
                self._fail(call, f"{row.name} needs an argument {parameter.keyword!r}", row.usage)
            return None
        if parameter.kind == "condition":
            return self._condition(syntax)
        if parameter.kind == "choice" or parameter.kind in EXPECTED:
            read = self._choice if parameter.kind == "choice" else self._setting
            return read(row, parameter, syntax)
        index = self._number(syntax)
        is_constant = index in self._constants or self._is_template
        if parameter.kind in {"number", "fixed"} and not is_constant:
            self._fail(syntax, f"{parameter.keyword} of {row.name} must be a constant", row.usage)
        if parameter.kind == "fixed":
            return self._add(Setting(self._constants[index]), syntax)
        return index

    def _setting(self, row: Function, parameter: Parameter, syntax: ast.expr) -> int:
        """Read a non-numeric argument: a dimension, a shape, indices, a list of tensors."""
        try:
            if parameter.kind == "tensors" and isinstance(syntax, ast.List | ast.Tuple):
                return self._sequence(syntax)
            if parameter.kind == "indices" and isinstance(syntax, ast.Name):
                index = self._visit(syntax)
                if isinstance(self._builder.nodes[index], Input):
                    return index
            elif parameter.kind == "indices":
                return self._add(Setting(indices(syntax)), syntax)
            elif parameter.kind != "tensors":
                return self._add(Setting(setting(parameter, syntax)), syntax)
        except SettingError:
            pass
        message = f"{parameter.keyword} of {row.name} must be {EXPECTED[parameter.kind]}"
        return self._fail(syntax, message, row.usage)

    def _choice(self, row: Function, parameter: Parameter, syntax: ast.expr) -> int:
        value = syntax.value if isinstance(syntax, ast.Constant) else None
        if not isinstance(value, str) or value not in parameter.choices:
            words = " or ".join(repr(word) for word in parameter.choices)
            self._fail(syntax, f"{parameter.keyword} of {row.name} must be {words}", None)
        return self._add(Setting(value), syntax)


def _with_joined_shape(
    parameters: tuple[Parameter, ...], positional: list[ast.expr]
) -> list[ast.expr]:
    """Return arguments with the lengths of a shape joined to a tuple: x.reshape(2, 3)."""
    first = next((i for i, p in enumerate(parameters) if p.kind == "shape"), None)
    if first is None or len(positional) <= first + 1:
        return positional
    if isinstance(positional[first], ast.Tuple | ast.List):  # what follows are other arguments
        return positional
    shape = ast.Tuple(elts=positional[first:], ctx=ast.Load())
    ast.copy_location(shape, positional[first])
    return [*positional[:first], shape]
