"""sympy's derivatives of single operations, in symbols for the operands."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import sympy as sp

from symdiff.engines.sympy_code import compiled

_CACHED_RULES: Final = 4096


class Slot(NamedTuple):
    """The place of an operand in an operation."""

    place: int


class Operation(NamedTuple):
    """An operation, without its operands.

    Attributes
    ----------
    pattern
        The function and its arguments, as nested tuples: a place for each operand, and the rest
        as it is.
    moving
        For every operand, whether the operation is differentiated with respect to it.
    """

    pattern: Any
    moving: tuple[bool, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """An operation, and sympy's derivatives of it with respect to its operands.

    Attributes
    ----------
    operands
        The names of the symbols that stand for the operands.
    value
        The operation.
    partials
        Its derivatives, by the index of the operand, without those that are 0 everywhere.
    unevaluated
        The indices of operands for which sympy has no derivative.
    needed
        The indices of operands whose values occur in the derivatives.
    """

    operands: tuple[str, ...]
    value: sp.Expr
    partials: Mapping[int, sp.Expr]
    unevaluated: frozenset[int]
    needed: frozenset[int]


@functools.lru_cache(_CACHED_RULES)
def rule(pattern: Any, moving: tuple[bool, ...]) -> Rule:  # noqa: ANN401  (nested tuples)
    """Return the rule of an `Operation`."""
    operands = [sp.Symbol(f"u{i}", real=True) for i in range(len(moving))]
    value = _built(pattern, operands)
    derivatives = {i: sp.diff(value, u) for i, u in enumerate(operands) if moving[i]}
    unevaluated = frozenset(i for i, d in derivatives.items() if d.has(sp.Derivative))
    partials = {i: d for i, d in derivatives.items() if i not in unevaluated and d != 0}
    symbols = frozenset[sp.Symbol]().union(*(d.free_symbols for d in partials.values()))
    needed = frozenset(i for i, u in enumerate(operands) if u in symbols)
    return Rule(tuple(u.name for u in operands), value, partials, unevaluated, needed)


@functools.lru_cache(_CACHED_RULES)
def code(pattern: Any, moving: tuple[bool, ...], *, with_value: bool) -> Callable[..., list[Any]]:  # noqa: ANN401
    """Return a function of arrays for the derivatives of an operation, and for its value."""
    found = rule(pattern, moving)
    parts = [*found.partials.values(), *((found.value,) if with_value else ())]
    function: Callable[..., list[Any]] = compiled(found.operands, parts, renames=False)
    return function


def _built(pattern: Any, operands: Sequence[sp.Symbol]) -> Any:  # noqa: ANN401
    """Return the expression of sympy for a pattern, with symbols in place of the operands."""
    if isinstance(pattern, Slot):
        return operands[pattern.place]
    if isinstance(pattern, tuple):
        function, *arguments = pattern
        return function(*(_built(a, operands) for a in arguments))
    return pattern
