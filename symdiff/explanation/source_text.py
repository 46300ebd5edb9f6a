"""What the user wrote: the conditions of choices, and the names of masks and constants."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from symdiff.catalogue import CATALOGUE
from symdiff.program import Program

_CONSTANT: Final = re.compile(r"\bc\d+\b")  # what the tracer calls tensors from outside
_CHOICES: Final = {"where": (3, 0), "masked_fill": (2, 0)}  # arguments, and which is the condition
_LINE: Final = re.compile(r":\d+: (.*)$", re.DOTALL)


def is_readable(text: str) -> bool:
    """Return whether a text of a condition has names that the user knows."""
    names = {n.id for n in ast.walk(ast.parse(text, mode="eval")) if isinstance(n, ast.Name)}
    return bool(names) and not any(_CONSTANT.fullmatch(name) for name in names)


def choice_text(program: Program, node: int) -> str:
    """Return the choice on the line of a node as the user wrote it; "" unless there is just one."""
    found = [segment for segment, _ in _choices(program, node)]
    return found[0] if len(found) == 1 else ""


def condition_text(program: Program, condition: int) -> str:
    """Return the condition of a choice as the user wrote it; "" if it cannot be told."""
    for node, call in program.calls():
        if CATALOGUE[call.function].role == "choice" and call.arguments[0] == condition:
            found = [text for _, text in _choices(program, node)]
            if len(found) == 1:
                return found[0]
    return ""


def _choices(program: Program, node: int) -> Iterator[tuple[str, str]]:
    """Yield the choices on the line of a node, with their conditions."""
    spans = program.spans[node]
    match = _LINE.search(program.sources[spans[0].source].place) if spans else None
    line = match[1] if match else ""
    try:
        tree = ast.parse(line)
    except SyntaxError:  # a part of a statement, or the head of a block
        return
    for inner in ast.walk(tree):
        if not isinstance(inner, ast.Call):
            continue
        function = inner.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        count, k = _CHOICES.get(name, (0, 0))
        if count and len(inner.args) == count and not inner.keywords:
            segments = (ast.get_source_segment(line, n) or "" for n in (inner, inner.args[k]))
            whole, condition = segments
            yield whole, condition


def spoken(text: str, names: Mapping[str, str], masks: Collection[str]) -> str:
    """Return a text with the user's names for constants, and masks as they are.

    Parameters
    ----------
    text
        A text of a program.
    names
        The user's names by those of the program.
    masks
        The names of masks in the program, where they are numbers.
    """
    for mask in masks:
        name = re.escape(mask)
        text = re.sub(rf"\bfloat\({name} != 0\)", mask, text)
        text = re.sub(rf"\bnot {name} != 0\b", f"~{mask}", text)
        text = re.sub(rf"\b{name} != 0\b", mask, text)
    return _CONSTANT.sub(lambda match: names.get(match[0], match[0]), text)
