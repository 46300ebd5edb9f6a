"""Replace calls of a program: at a node, or wherever a rewriting of the catalogue fits."""

from __future__ import annotations

import ast
import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import torch

from symdiff.catalogue import CATALOGUE
from symdiff.catalogue.rewritings import REWRITINGS
from symdiff.program import Call, Program, parse
from symdiff.program.nodes import Builder, Input, Literal, Node, Setting

_DEFINITION: Final = "let"  # the first word of a definition's name
_LONGEST: Final = 120  # characters of a text into which others are written
_UNNAMED: Final = re.compile(
    r"\bt\d+\b"
)  # what the tracer calls values that the code gives no name
_COMMUTATIVE: Final = frozenset({"+", "*"})


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """Another program, and what is written in it.

    Attributes
    ----------
    program
        The program.
    instead_of, write
        The code as it is, and as it would be.
    note
        What it changes besides.
    widen
        A dtype to compute in; None: that of the inputs.
    is_change
        Whether it is a different function, with nearly the same values.
    """

    program: Program
    instead_of: str
    write: str
    note: str = ""
    widen: torch.dtype | None = None
    is_change: bool = False


# -- programs with some nodes replaced

Replacement = Callable[[Builder, Mapping[int, int]], int]


def replaced(program: Program, replacements: Mapping[int, Replacement]) -> Program:
    """Return a program with some nodes replaced by others.

    Parameters
    ----------
    program
        The program.
    replacements
        For a node a function that adds the new one, given the copies of the nodes before it.
    """
    builder = Builder.extending(program)
    copies: dict[int, int] = {}
    for index in program.order:
        node = program.nodes[index]
        copies[index] = index
        if isinstance(node, Call):
            arguments = tuple(None if a is None else copies[a] for a in node.arguments)
            copies[index] = builder.add(Call(node.function, arguments))
        if index in replacements:
            copies[index] = replacements[index](builder, copies)
    return builder.program(copies[program.output], program.sources)


def with_argument(program: Program, node: int, argument: int, make: Replacement) -> Program:
    """Return a program in which one call has a different argument."""

    def new_call(builder: Builder, copies: Mapping[int, int]) -> int:
        call = program.nodes[node]
        assert isinstance(call, Call)  # noqa: S101  (causes are calls)
        other = make(builder, copies)
        slots = (
            None if a is None else other if a == argument else copies[a] for a in call.arguments
        )
        return builder.add(Call(call.function, tuple(slots)))

    return replaced(program, {node: new_call})


# -- other spellings


@functools.cache
def _patterns() -> tuple[tuple[Program, Program, str], ...]:
    return tuple((parse(old), parse(new), new) for old, new in REWRITINGS)


def rewritings(program: Program) -> Iterator[Candidate]:
    """Yield programs in which all calls of one kind are written in a different way."""
    for old, new, text in _patterns():
        matches = {i: m for i in program.order if (m := _match(old, old.output, program, i))}
        if not matches:
            continue
        replacements = {i: _copying(new, m) for i, m in matches.items()}
        first = next(iter(matches))
        write = _filled(text, program, matches[first])
        yield Candidate(replaced(program, replacements), text_of(program, first), write)


def _copying(new: Program, match: Mapping[str, int]) -> Replacement:
    def make(builder: Builder, copies: Mapping[int, int]) -> int:
        given = {name: copies[node] for name, node in match.items() if name in new.inputs}
        made: dict[int, int] = {}
        for index in new.order:
            node = new.nodes[index]
            if isinstance(node, Input):
                made[index] = given[node.name]
            elif isinstance(node, Call):
                row = CATALOGUE[node.function]
                slots = [
                    None
                    if a is None
                    else match[key]
                    if (key := _setting_key(p.name)) in match and isinstance(new.nodes[a], Setting)
                    else made[a]
                    for p, a in zip(row.parameters, node.arguments, strict=False)
                ]
                slots += [None if a is None else made[a] for a in node.arguments[len(slots) :]]
                made[index] = builder.add(Call(node.function, tuple(slots)))
            else:
                made[index] = builder.add(node)
        return made[new.output]

    return make


def _setting_key(parameter: str) -> str:
    return f"{parameter}="


def _match(
    pattern: Program, here: int, program: Program, node: int, bound: dict[str, int] | None = None
) -> dict[str, int] | None:
    """Return the nodes that the inputs of a pattern stand for, or None if it does not fit."""
    bound = {} if bound is None else bound
    wanted, found = pattern.nodes[here], program.nodes[node]
    if isinstance(wanted, Input):
        is_new = not isinstance(found, Setting) and bound.setdefault(wanted.name, node) == node
        return bound if is_new else None
    if not isinstance(wanted, Call):
        return bound if _same_leaf(wanted, found) else None
    if not isinstance(found, Call) or wanted.function != found.function:
        return None
    orders = [found.arguments]
    if CATALOGUE[found.function].operator in _COMMUTATIVE:
        orders.append(found.arguments[::-1])
    for arguments in orders:
        attempt = dict(bound)
        if _match_arguments(pattern, wanted, program, arguments, attempt):
            bound.update(attempt)
            return bound
    return None


def _match_arguments(
    pattern: Program,
    wanted: Call,
    program: Program,
    arguments: Sequence[int | None],
    bound: dict[str, int],
) -> bool:
    for key, inner, argument in _pairs(wanted, arguments):
        if inner is None or argument is None:
            return False
        if isinstance(pattern.nodes[inner], Setting):
            bound[key] = argument
        elif _match(pattern, inner, program, argument, bound) is None:
            return False
    return True


def _pairs(
    wanted: Call, arguments: Sequence[int | None]
) -> Iterator[tuple[str, int | None, int | None]]:
    """Yield arguments of two calls of a function side by side, unless both leave one out."""
    names = [_setting_key(p.name) for p in CATALOGUE[wanted.function].parameters]
    for k, (inner, argument) in enumerate(itertools.zip_longest(wanted.arguments, arguments)):
        if inner is not None or argument is not None:
            yield names[min(k, len(names) - 1)], inner, argument


def _same_leaf(wanted: Node, found: Node) -> bool:
    if isinstance(wanted, Literal) and isinstance(found, Literal):
        return wanted.value == found.value
    return wanted == found


# -- texts


def name_of(program: Program, node: int) -> str:
    """Return the name that the code gives to a value, or else the text of its node."""
    for span in program.spans[node]:
        source = program.sources[span.source]
        kind, _, name = source.name.partition(" ")
        is_whole = (span.start, span.end) == (0, len(source.text)) and not span.component
        if kind == _DEFINITION and is_whole and not _UNNAMED.fullmatch(name):
            return name
    return text_of(program, node)


def text_of(program: Program, node: int) -> str:
    """Return the text of a node."""
    written = program.text_of(node)
    if written:
        return _expanded(program, written)
    inner = program.nodes[node]
    if isinstance(inner, Literal):
        return f"{inner.value!r}"
    return inner.name if isinstance(inner, Input) else "..."


def _expanded(program: Program, text: str) -> str:
    """Return a text with the values that the code gives no name written out, if it stays short."""
    unnamed = {
        source.name.partition(" ")[2]: source.text
        for source in program.sources
        if source.name.startswith(f"{_DEFINITION} t")
    }
    while len(text) <= _LONGEST:
        match = next((m for m in _UNNAMED.finditer(text) if m[0] in unnamed), None)
        if match is None:
            break
        inner = unnamed[match[0]]
        is_argument = text[match.start() - 1 : match.start()] in {"", "("} and text[
            match.end() : match.end() + 1
        ] in {"", ",", ")"}
        is_call = bool(re.fullmatch(r"\w+\([^()]*\)", inner))
        text = (
            text[: match.start()]
            + (inner if is_argument or is_call else f"({inner})")
            + text[match.end() :]
        )
    return text


def call_text(program: Program, node: int, others: Mapping[int, str]) -> str:
    """Return the text of a call with other texts for some of its arguments."""
    call = program.nodes[node]
    assert isinstance(call, Call)  # noqa: S101  (causes are calls)
    row = CATALOGUE[call.function]
    texts = [others.get(a) or name_of(program, a) for a in call.operands]
    if row.operator and len(texts) == len("xy"):
        left, right = (_grouped(t) for t in texts)
        return f"{left} {row.operator} {right}"
    named = [p for p, a in zip(row.parameters, call.arguments, strict=False) if a is not None]
    written = [
        f"{p.name}={_setting(program, a) or t}" if p.is_setting else t
        for p, t, a in zip(named, texts, call.operands, strict=False)
    ]
    return f"{call.function}({', '.join(written or texts)})"


def _grouped(text: str) -> str:
    """Return a text that is an operand of an operator, in parentheses unless it is an atom."""
    is_atom = isinstance(
        ast.parse(text, mode="eval").body,
        ast.Name | ast.Constant | ast.Call | ast.Subscript | ast.Attribute,
    )
    return text if is_atom else f"({text})"


def _setting(program: Program, node: int) -> str:
    inner = program.nodes[node]
    return repr(inner.value) if isinstance(inner, Setting) else ""


class _Fill(ast.NodeTransformer):
    """Replaces the inputs of a rewriting by the user's expressions, and its settings."""

    def __init__(self, texts: Mapping[str, str], settings: Mapping[str, str]) -> None:
        self._texts = texts
        self._settings = settings

    def visit_Name(self, node: ast.Name) -> ast.AST:
        text = self._texts.get(node.id)
        return node if text is None else ast.parse(text, mode="eval").body

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        text = self._settings.get(f"{node.arg}=")
        if text is None:
            return node
        return ast.keyword(node.arg, ast.parse(text, mode="eval").body)


def _filled(text: str, program: Program, match: Mapping[str, int]) -> str:
    texts = {n: name_of(program, i) for n, i in match.items() if not n.endswith("=")}
    settings = {n: _setting(program, i) for n, i in match.items() if n.endswith("=")}
    tree = _Fill(texts, settings).visit(ast.parse(text, mode="eval"))
    return ast.unparse(tree)
