"""Write recorded definitions as texts that read like the user's code, and parse them."""

from __future__ import annotations

import ast
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from symdiff.program import Program
from symdiff.program.parser import reader_of
from symdiff.tracing.assignments import assigned_name
from symdiff.tracing.records import Definition
from symdiff.tracing.syntax import Syntax, replaced

_LONGEST: Final = 400  # characters of one definition into which others are written


def names_in(expression: Syntax) -> list[str]:
    """Return the names in an expression, each as often as it occurs."""
    return [node.id for node in ast.walk(expression) if isinstance(node, ast.Name)]


def joined(
    definitions: Sequence[Definition],
    output: Syntax,
    kept: Sequence[Syntax] = (),
    inputs: Sequence[str] = (),
) -> tuple[list[Definition], Syntax, dict[str, str]]:
    """Write definitions that are used once into the one that uses them, if one line made both.

    Parameters
    ----------
    definitions, output
        What was recorded.
    kept
        Expressions whose names stay defined.
    inputs
        Names that no definition may take.

    Returns
    -------
    definitions, output
        Fewer definitions, with the names that the user's code gives.
    names
        The new name of every definition that is left.
    """
    used = needed(definitions, [output, *kept])
    definitions = [d for d in definitions if d.name in used]
    uses = Counter(n for e in (output, *(d.expression for d in definitions)) for n in names_in(e))
    reserved = {n for e in kept for n in names_in(e)}
    user = {n: d for d in definitions for n in names_in(d.expression)}
    inlined: dict[str, Syntax] = {}
    left: list[Definition] = []
    for d in definitions:
        expression = replaced(d.expression, inlined)
        used_by = user.get(d.name)
        together = used_by is not None and used_by.line == d.line and d.line is not None
        together = together and used_by is not None and used_by.inside == d.inside
        short = len(ast.unparse(expression)) <= _LONGEST
        if uses[d.name] == 1 and together and short and d.name not in reserved:
            inlined[d.name] = expression
        else:
            left.append(dataclasses.replace(d, expression=expression))
    names = _names(left, inputs)
    renaming: dict[str, Syntax] = {old: ast.Name(new, ast.Load()) for old, new in names.items()}
    renamed = [
        dataclasses.replace(d, name=names[d.name], expression=replaced(d.expression, renaming))
        for d in left
    ]
    return renamed, replaced(replaced(output, inlined), renaming), names


def needed(definitions: Sequence[Definition], roots: Sequence[Syntax]) -> set[str]:
    """Return the names that some expressions need, directly or through definitions."""
    found = {n for root in roots for n in names_in(root)}
    for d in reversed(definitions):
        if d.name in found:
            found.update(names_in(d.expression))
    return found


def _names(definitions: Sequence[Definition], inputs: Sequence[str]) -> dict[str, str]:
    """Return a name for every definition: that of the assignment which it ends, or its own."""
    taken = {n for d in definitions for n in names_in(d.expression)} | {d.name for d in definitions}
    taken |= set(inputs)
    names: dict[str, str] = {}
    for k, d in enumerate(definitions):
        following = definitions[k + 1].line if k + 1 < len(definitions) else None
        found = assigned_name(d.line.text, d.operation) if d.line and following != d.line else None
        name = found or d.name
        if found and name in taken:
            count = 2
            while f"{name}_{count}" in taken:
                count += 1
            name = f"{name}_{count}"
        taken.add(name)
        names[d.name] = name
    return names


def parsed(definitions: Sequence[Definition], output: Syntax) -> tuple[Program, Mapping[str, int]]:
    """Return the Program, and the node of every definition by name.

    Raises
    ------
    ExpressionError
        The Program would be larger than the limits allow, or a call does not fit its row.
    """
    texts = {d.name: ast.unparse(d.expression) for d in definitions}
    reader = reader_of(texts, is_traced=True)
    for d in definitions:
        reader.define(d.name, texts[d.name], place=str(d.line or ""), inside=d.inside)
    last = definitions[-1] if definitions else None
    if last is None or not isinstance(output, ast.Name) or output.id != last.name:
        return reader.read(ast.unparse(output)), reader.defined
    place = str(last.line or "")
    return reader.read(texts[last.name], place=place, inside=last.inside), reader.defined
