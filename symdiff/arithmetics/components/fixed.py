"""Replace inputs of a program by numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from symdiff.arithmetics.components.components import infinity
from symdiff.program.nodes import Builder, Literal, Program


def with_inputs_fixed(program: Program, values: Mapping[str, float]) -> Program:
    """Return a program as a function of its other inputs, without the places of its nodes.

    Parameters
    ----------
    program
        A scalar program.
    values
        The numbers that take the places of inputs; those of other programs are ignored.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> with_inputs_fixed(parse("where(m > 0, -inf, s)"), {"m": 0.0}).inputs
    ('s',)
    """
    fixed = {name: x for name, x in values.items() if name in program.inputs}
    if not fixed:
        return program
    builder = Builder()
    nodes = {
        name: infinity(builder, x) if math.isinf(x) else builder.add(Literal(x))
        for name, x in fixed.items()
    }
    return builder.program(builder.copy(program, nodes), program.sources)
