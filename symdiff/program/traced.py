"""A Program that was traced from a function on torch tensors, with the function and its inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from symdiff.program.nodes import Program


@dataclasses.dataclass(frozen=True, eq=False)
class TracedProgram(Program):
    """A Program, the function that it was traced from, and the tensors it was traced with.

    Attributes
    ----------
    function
        Takes one tensor for each of the Program's inputs, in their order, and calls the user's
        function.
    name
        The name of that function.
    values
        The inputs' values: those of the arguments, of a module's parameters and buffers, and of
        tensors that the function uses besides (`c1`, `c2`, ...).
    roles
        For every input ``input``, ``parameter``, ``buffer`` or ``constant``.
    notes
        Also where the trace holds on one side only, and what it took as constant.
    """

    function: Callable[..., Any] = dataclasses.field(kw_only=True)
    name: str = dataclasses.field(kw_only=True)
    values: Mapping[str, Any] = dataclasses.field(kw_only=True)
    roles: Mapping[str, str] = dataclasses.field(kw_only=True)

    __hash__ = Program.__hash__
