"""Programs without shorthand: every call with a definition is replaced by it."""

from __future__ import annotations

import functools
from collections.abc import Callable

from symdiff.catalogue import CATALOGUE, Function
from symdiff.program.nodes import Builder, Call, Program, Setting
from symdiff.program.parser import bind, definition


@functools.lru_cache(maxsize=16)
def expanded(program: Program, expands: Callable[[Function], bool]) -> Program:
    """Return a Program in which calls of some rows are replaced by the rows' definitions.

    The calls inside the definitions become calls of the program, and are replaced too.

    Parameters
    ----------
    program
        A scalar program.
    expands
        Whether the calls of a row with a definition are replaced.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> program = expanded(parse("relu(x)"), lambda row: True)
    >>> program.nodes[program.output].function
    'maximum'
    """
    builder = Builder()
    copies: dict[int, int] = {}
    for index in program.order:
        node = program.nodes[index]
        if isinstance(node, Call):
            arguments = tuple(None if a is None else copies[a] for a in node.arguments)
            copies[index] = _add_call(builder, Call(node.function, arguments), expands)
        else:
            copies[index] = builder.add(node)
    return builder.program(copies[program.output], program.sources)


def _add_call(builder: Builder, call: Call, expands: Callable[[Function], bool]) -> int:
    row = CATALOGUE[call.function]
    if row.definition is None or not expands(row):
        return builder.add(call)
    operands = [builder.nodes[a] for a in call.operands]
    choices = [n.value for n in operands if isinstance(n, Setting)]
    inner = expanded(definition(row.name, choices[0] if choices else None), expands)
    return builder.copy(inner, bind(builder, row, call.arguments))
