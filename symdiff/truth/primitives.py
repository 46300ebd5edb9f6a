"""Programs without shorthand: every call with a definition is replaced by it."""

from __future__ import annotations

import functools
from collections.abc import Callable

from symdiff.catalogue import CATALOGUE, Function
from symdiff.program.nodes import Builder, Call, Literal, Program, Setting
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


def with_choices_outside(program: Program) -> Program:
    """Return a program in which products with a choice of constants are choices of products.

    ``f*where(c, 1, -1)`` becomes ``where(c, f*1, f*(-1))``: the choice may be continuous then.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> program = with_choices_outside(parse("abs(x)*where(x > 0, 1, -1)"))
    >>> program.nodes[program.output].function
    'where'
    """
    builder = Builder.extending(program)
    copies: dict[int, int] = {}
    moved: set[int] = set()  # choices that were factors of a product before
    for index in program.order:
        node = program.nodes[index]
        if not isinstance(node, Call):
            copies[index] = index
            continue
        arguments = tuple(None if a is None else copies[a] for a in node.arguments)
        copies[index] = _with_choice_outside(builder, Call(node.function, arguments), moved)
    return builder.program(copies[program.output], program.sources)


def _with_choice_outside(builder: Builder, call: Call, moved: set[int]) -> int:
    """Add a call, or for a product with a choice of constants the choice of the products."""
    if CATALOGUE[call.function].operator == "*":
        for k, operand in enumerate(call.operands):
            choice = builder.nodes[operand]
            if not isinstance(choice, Call) or CATALOGUE[choice.function].role != "choice":
                continue
            condition, *branches = choice.operands
            if operand not in moved and not all(_is_constant(builder, b) for b in branches):
                continue
            other = call.operands[1 - k]
            products = [builder.add(Call(call.function, (other, b))) for b in branches]
            outer = builder.add(Call(choice.function, (condition, *products)))
            moved.add(outer)
            return outer
    return builder.add(call)


def _is_constant(builder: Builder, index: int) -> bool:
    """Return whether a node is a literal, perhaps with a sign."""
    node = builder.nodes[index]
    if isinstance(node, Call) and CATALOGUE[node.function].operator in {"u-", "u+"}:
        return _is_constant(builder, node.operands[0])
    return isinstance(node, Literal)
