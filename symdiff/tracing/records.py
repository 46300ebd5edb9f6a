"""What the recorder notes: definitions, and tests of a tensor's value."""

from __future__ import annotations

import dataclasses

import torch

from symdiff.tracing.places import CodeLine
from symdiff.tracing.syntax import Syntax


@dataclasses.dataclass(frozen=True, slots=True)
class Definition:
    """A named value of the trace.

    Attributes
    ----------
    name
        Its name; later definitions use it.
    expression
        The expression in earlier names.
    line
        The line of code that computed it.
    operation
        The function of torch that was called, for messages.
    value
        What torch computed, as an array.
    inside
        The name of the custom Function in whose `forward` it was computed, or "".
    """

    name: str
    expression: Syntax
    line: CodeLine | None
    operation: str
    value: torch.Tensor
    inside: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Branch:
    """A place where the code continued in one way or another because of a tensor's value.

    Attributes
    ----------
    condition
        The expression that was tested, or None where it is not known.
    taken
        Whether it was true.
    line
        The line of code.
    has_both
        Whether the Program has both sides, since the inputs are on the border between them.
    """

    condition: Syntax | None
    taken: bool
    line: CodeLine | None
    has_both: bool = False
