"""Trace a function or a module of PyTorch into a Program, and check the Program against it."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import torch

from symdiff.errors import ExpressionError, UntracedError
from symdiff.program import Program
from symdiff.program.traced import TracedProgram
from symdiff.request.callables import name_of
from symdiff.tracing.branches import copy_of, real_parts, run_with_ties
from symdiff.tracing.checking import Read, check_value, coarse_parts
from symdiff.tracing.inputs import Arguments, Leaf, read_arguments
from symdiff.tracing.records import Branch, Definition
from symdiff.tracing.repetition import check_repeats
from symdiff.tracing.state import RandomState, random_numbers, random_state
from symdiff.tracing.syntax import Syntax, replaced
from symdiff.tracing.writing import joined, names_in, needed, parsed

_LONGEST_CONDITION: Final = 80  # characters of a branch's condition in a note
_UNNAMED: Final = re.compile(
    r"t[ab]*\d+"
)  # the name of a result that the user's code does not name


def trace(function: Callable[..., Any], *inputs: Any, **keywords: Any) -> TracedProgram:
    """Return the Program that a function computes at some inputs.

    The function runs once. Every call of torch on tensors that depend on the inputs becomes a row
    of the catalogue, with the file and line of the code that made it.

    Parameters
    ----------
    function
        A function or a module on torch tensors.
    inputs, keywords
        Its arguments: tensors, nested lists, tuples and mappings of them, and other values.

    Returns
    -------
    TracedProgram
        The Program, with the function and the values of its inputs. Its value is that of the
        function; several outputs are joined to one vector.

    Raises
    ------
    UntracedError
        The function calls an operation that has no form in the catalogue.
    UsageError
        It returns no tensor, or its Program has a different value: the message names the first
        operation that differs.

    Examples
    --------
    >>> x = torch.tensor([1.0, -2.0], dtype=torch.float64)
    >>> program = trace(lambda x: torch.relu(x) / x.norm(), x)
    >>> program.text, program.inputs
    ('relu(x) / norm(x, p=2)', ('x',))
    """
    return trace_arguments(read_arguments(function, inputs, keywords))


def trace_arguments(arguments: Arguments) -> TracedProgram:
    """Return the Program that a function computes with some arguments; see `trace`."""
    start = random_state()
    run = run_with_ties(arguments, start)
    conditions = [b.condition for b in run.branches if b.condition is not None]
    inputs_named = [leaf.name for leaf in arguments.leaves]
    definitions, output, names = joined(run.definitions, run.output, conditions, inputs_named)
    _check_not_empty(run.definitions, [run.output, *conditions])
    try:
        program, nodes = parsed(definitions, output)
    except ExpressionError as error:
        raise _unreadable(error, definitions) from None
    values = {leaf.name: _value_of(leaf) for leaf in arguments.leaves}
    values |= run.constants
    roles = {leaf.name: _role_of(leaf) for leaf in arguments.leaves}
    roles |= dict.fromkeys(run.constants, "constant")
    unused = [leaf.name for leaf in arguments.leaves if _is_unused(leaf, program)]
    program = dataclasses.replace(program, inputs=(*program.inputs, *unused))
    used = {name: values[name] for name in program.inputs}
    check_value(Read(program, nodes, tuple(definitions), used), run)
    check_repeats(arguments, run, start)
    return TracedProgram(
        nodes=program.nodes,
        spans=program.spans,
        output=program.output,
        inputs=program.inputs,
        sources=program.sources,
        function=_Replay(arguments, program.inputs, start),
        name=name_of(arguments.function),
        values=used,
        roles={name: roles[name] for name in program.inputs},
        notes=(
            *run.notes,
            *coarse_parts(run, used),
            *_on_branches(run.branches, names, definitions),
        ),
    )


def _value_of(leaf: Leaf) -> torch.Tensor:
    """Return the value of an input of the Program, where a condition is 1 or 0."""
    value = leaf.tensor.detach().clone()
    if value.is_floating_point() or value.is_complex():
        return value
    return value.double() if value.dtype == torch.bool else value.long()


def _role_of(leaf: Leaf) -> str:
    return "constant" if leaf.tensor.dtype == torch.bool else leaf.role


def _is_unused(leaf: Leaf, program: Program) -> bool:
    """Return whether the value does not depend on a real input, whose gradient has to be 0."""
    is_real = leaf.role in {"input", "parameter"} and leaf.tensor.is_floating_point()
    return is_real and leaf.name not in program.inputs


class _Replay:
    """Calls the traced function with one tensor for each input of its Program."""

    def __init__(self, arguments: Arguments, names: Sequence[str], state: RandomState) -> None:
        self._arguments = arguments
        self._names = tuple(names)
        self._state = state

    def __call__(self, *tensors: torch.Tensor) -> torch.Tensor:
        """Return the value, with the random numbers of the trace; several outputs as one vector."""
        given = dict(zip(self._names, tensors, strict=True))
        known = {leaf.name: leaf for leaf in self._arguments.leaves}
        moved = {n: _as_given(t, known[n]) for n, t in given.items() if n in known}
        rest = {n: copy_of(leaf) for n, leaf in known.items() if n not in moved}
        with random_numbers(self._state):
            result = self._arguments.call({**rest, **moved})
        parts = real_parts(result)
        return parts[0] if len(parts) == 1 else torch.cat([t.reshape(-1) for t in parts])


def _as_given(tensor: torch.Tensor, leaf: Leaf) -> torch.Tensor:
    """Return a tensor in the dtype that the user gave; a module may write into its buffers."""
    converted = tensor.to(leaf.tensor.dtype)
    return converted if leaf.needs_gradient else converted.detach().clone()


def _unreadable(error: ExpressionError, definitions: Sequence[Definition]) -> UntracedError:
    """Return the error for a definition that the catalogue's rows do not accept."""
    text = error.place.text
    line = next((d.line for d in definitions if ast.unparse(d.expression) == text), None)
    where = f"{line}: " if line else ""
    written = f" (traced as {text[:80]})" if text else ""
    message = f"{where}{error.message}{written}"
    return UntracedError(message, hint="give the formula: symdiff.compare(f, math=...)")


def _check_not_empty(definitions: Sequence[Definition], roots: Sequence[Syntax]) -> None:
    """Refuse a value that depends on an empty tensor, which the expression language has not."""
    used = needed(definitions, roots)
    for d in definitions:
        if d.name in used and not d.value.numel():
            where = f"{d.line}: " if d.line else ""
            message = f"{where}{d.operation} cannot be traced: its result is empty"
            raise UntracedError(message, hint="leave the empty tensor out")


# -- branches


def _on_branches(
    branches: Sequence[Branch], names: Mapping[str, str], definitions: Sequence[Definition]
) -> Iterator[str]:
    """Yield a note for every branch on a tensor's value of which only one side is traced."""
    seen: set[str] = set()
    for branch in branches:
        if branch.has_both:
            continue
        where = f"{branch.line}: " if branch.line else ""
        text = _condition(branch, names, definitions)
        note = f"{where}the trace holds where {text} is {branch.taken}"
        if note not in seen:
            seen.add(note)
            yield note


def _condition(branch: Branch, names: Mapping[str, str], definitions: Sequence[Definition]) -> str:
    """Return a branch's condition in the inputs and in what the user's code names."""
    if branch.condition is None:
        return "a tensor"
    renaming: dict[str, Syntax] = {o: ast.Name(n, ast.Load()) for o, n in names.items()}
    condition = replaced(branch.condition, renaming)
    unnamed = {d.name: d.expression for d in definitions if _UNNAMED.fullmatch(d.name)}
    while unnamed.keys() & set(names_in(condition)):
        written = replaced(condition, unnamed)
        if len(ast.unparse(written)) > _LONGEST_CONDITION:
            break
        condition = written
    return ast.unparse(condition)
