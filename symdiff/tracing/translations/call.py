"""One call of torch as the recorder saw it, and how its translation is looked up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch

from symdiff.tracing import syntax
from symdiff.tracing.syntax import Syntax, literal

# What a translation returns: one expression for each tensor of the result, None for a tensor that
# counts as a constant.
Written = Syntax | list[Syntax | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A call of torch.

    Attributes
    ----------
    name
        The name of the function or method, without the underscore of one that works in place.
    arguments, keywords
        What it was called with.
    result
        What it returned.
    reference
        Returns the expression that stands for a tensor.
    indices
        Returns the expression that stands for a tensor of integers, or for an array of them.
    define
        Defines a name for an expression with a value, and returns the name.
    has_flags_as_numbers
        Whether tensors of conditions stand for 1 and 0 in all arguments.
    """

    name: str
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    result: Any
    reference: Callable[[torch.Tensor], Syntax]
    indices: Callable[[Any], Syntax]
    define: Callable[[Syntax, torch.Tensor], Syntax]
    has_flags_as_numbers: bool = False

    def write(self, value: Any) -> Syntax:
        """Return the expression that stands for an argument: a tensor, a number, a dimension."""
        if not isinstance(value, torch.Tensor):
            return literal(value)
        written = self.reference(value)
        is_number = self.has_flags_as_numbers and value.dtype == torch.bool
        return syntax.call("float", written) if is_number else written

    def number(self, value: Any) -> Syntax:
        """Return the same as `write`, where a number is needed: a condition counts as 1 or 0."""
        written = self.write(int(value) if isinstance(value, bool) else value)
        is_condition = isinstance(value, torch.Tensor) and value.dtype == torch.bool
        is_number = not is_condition or self.has_flags_as_numbers
        return written if is_number else syntax.call("float", written)

    def of_result(self, number: Syntax) -> Syntax:
        """Return a number as a condition, if that is what the call returned."""
        is_condition = self.result.dtype == torch.bool
        return syntax.as_condition(number) if is_condition else number


# A translation takes the call and then the arguments of the torch function.
Translation = Callable[..., Written]
