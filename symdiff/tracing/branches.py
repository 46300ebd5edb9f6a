"""Run a function, and run it again on the other side of every test whose border it is on.

``if x.sum() > 0`` has its border where the sum is 0. There the function may have a kink or a jump,
so a trace needs both sides; elsewhere one side is the function near the inputs.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.errors import UsageError
from symdiff.tracing import syntax
from symdiff.tracing.failures import exceptions_named
from symdiff.tracing.inputs import Arguments, Leaf
from symdiff.tracing.nearby import check_choices
from symdiff.tracing.recorder import Recorder
from symdiff.tracing.records import Branch, Definition
from symdiff.tracing.state import (
    RandomState,
    marks_noted,
    random_numbers,
    without_compiler,
)
from symdiff.tracing.syntax import Syntax
from symdiff.tracing.tensors import tensors_in
from symdiff.tracing.translations.arrangements import reshaped

_MAX_TIES: Final = 3  # tests on the border, each of which doubles the number of runs


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """What one run of a function did, or several runs on both sides of its tests.

    Attributes
    ----------
    definitions, output
        What was computed, in order, and the expression for what the function returned.
    constants
        The values of tensors that are not inputs, by name.
    branches, notes
        The tests of a tensor's value, and what else a reader should know.
    result
        What the function returned.
    has_choices
        Whether something in it may be another constant at inputs nearby.
    """

    definitions: tuple[Definition, ...]
    output: Syntax
    constants: Mapping[str, torch.Tensor]
    branches: tuple[Branch, ...]
    notes: tuple[str, ...]
    result: Any
    has_choices: bool = False


def real_parts(result: Any) -> list[torch.Tensor]:
    """Return the tensors of real numbers in what a function returned, without empty ones."""
    parts = [t for t in tensors_in(result) if t.is_floating_point()]
    return [t for t in parts if t.numel()] or parts


def outputs(result: Any) -> list[torch.Tensor]:
    """Return the tensors of real numbers in what a function returned; there has to be one.

    Raises
    ------
    UsageError
        There is none, or one of complex numbers.
    """
    parts = real_parts(result)
    tensors = list(tensors_in(result))
    if parts and not any(t.is_complex() for t in tensors):
        return parts
    is_complex = any(t.is_complex() for t in tensors)
    other = next((t for t in tensors if t.is_complex() or not is_complex), None)
    kind = type(result).__name__ if other is None else f"a tensor of {other.dtype}"
    message = f"the function returned {kind}, not a tensor of real numbers"
    hint = "torch.view_as_real(z), or z.abs()" if is_complex else "the loss, or a tuple of tensors"
    raise UsageError(message, hint=f"return {hint}")


def copy_of(leaf: Leaf) -> torch.Tensor:
    """Return a copy of a tensor, which requires gradients unless it is held or of integers."""
    copy = leaf.tensor.detach().clone()
    return copy.requires_grad_() if leaf.needs_gradient else copy


def run_with_ties(arguments: Arguments, state: RandomState) -> Run:
    """Return the run at some inputs, with both sides of every test on whose border they are.

    Parameters
    ----------
    arguments
        The function and its inputs.
    state
        The states of random numbers at the start of each run.

    Raises
    ------
    UsageError
        The function returns no real tensor, or more than `_MAX_TIES` tests are on their border.
    """
    return _run(arguments, state, MappingProxyType({}), "t")


def _run(arguments: Arguments, state: RandomState, forced: Mapping[int, bool], prefix: str) -> Run:
    run = recorded(arguments, state, forced, prefix)
    tie = next((k for k in range(len(run.branches)) if k not in forced and _is_tie(run, k)), None)
    if tie is None:
        _check_nearby(run, arguments, state, forced, prefix)
        return run
    if len(forced) >= _MAX_TIES:
        message = f"{run.branches[tie].line}: more than {_MAX_TIES} tests are on their border"
        raise UsageError(message, hint="move the inputs off some of the borders")
    taken = run.branches[tie].taken
    this = _run(arguments, state, {**forced, tie: taken}, f"{prefix}a")
    other = _run(arguments, state, {**forced, tie: not taken}, f"{prefix}b")
    return _both(this, other, tie, _free_suffix(arguments))


def recorded(
    arguments: Arguments,
    state: RandomState,
    forced: Mapping[int, bool] = MappingProxyType({}),
    prefix: str = "t",
    moved: Mapping[str, torch.Tensor] = MappingProxyType({}),
) -> Run:
    """Run a function once, with some inputs moved; the caller's random numbers stay as they are."""
    with random_numbers(state), torch.inference_mode(mode=False), torch.enable_grad():
        copies = {leaf.name: copy_of(leaf) for leaf in arguments.leaves}
        copies |= {name: tensor.clone().requires_grad_() for name, tensor in moved.items()}
        recorder = Recorder(copies, forced, prefix)
        try:
            with recorder, exceptions_named(), without_compiler(), marks_noted(recorder.marked):
                result = arguments.call(copies)
        except Exception:
            if recorder.refused is not None:
                raise recorder.refused from None
            raise
        if recorder.refused is not None:  # the user's code has caught it and gone another way
            raise recorder.refused
        output = _output(recorder, result)
    return Run(
        definitions=tuple(recorder.definitions),
        output=output,
        constants=recorder.constants,
        branches=tuple(recorder.branches),
        notes=tuple(recorder.notes),
        result=result,
        has_choices=recorder.has_choices,
    )


def _check_nearby(
    run: Run, arguments: Arguments, state: RandomState, forced: Mapping[int, bool], prefix: str
) -> None:
    """Check that the run holds at inputs nearby, but for the tests of which it has both sides."""
    if not run.has_choices:
        return
    moving = {leaf.name: leaf.tensor for leaf in arguments.leaves if leaf.needs_gradient}

    def again(moved: Mapping[str, torch.Tensor]) -> Run:
        return recorded(arguments, state, forced, prefix, moved)

    check_choices(run, again, moving)


def _is_tie(run: Run, k: int) -> bool:
    """Return whether the two sides of a comparison that was tested are equal at the inputs."""
    condition = run.branches[k].condition
    definition = _defined(run, condition)
    comparison = condition if definition is None else definition.expression
    if not isinstance(comparison, ast.Compare):
        return False
    sides = [_number(run, side) for side in (comparison.left, *comparison.comparators)]
    return None not in sides and len(set(sides)) == 1


def _defined(run: Run, expression: Syntax | None) -> Definition | None:
    if not isinstance(expression, ast.Name):
        return None
    return next((d for d in run.definitions if d.name == expression.id), None)


def _number(run: Run, expression: Syntax) -> float | None:
    """Return the number that an expression has at the inputs: a literal, or a definition."""
    try:
        return float(ast.literal_eval(expression))
    except (ValueError, TypeError):
        pass  # no literal
    definition = _defined(run, expression)
    value = None if definition is None else definition.value
    if value is None and isinstance(expression, ast.Name):
        value = run.constants.get(expression.id)
    return float(value) if value is not None and value.numel() == 1 else None


def _free_suffix(arguments: Arguments) -> str:
    """Return letters that make a name unlike any input's."""
    letters = "b"
    while any(letters in leaf.name for leaf in arguments.leaves):
        letters += "b"
    return letters


def _both(this: Run, other: Run, tie: int, suffix: str) -> Run:
    """Return two runs as one: the condition of the test selects between their outputs."""
    condition = this.branches[tie].condition
    assert condition is not None  # noqa: S101  (only a comparison has a border)
    if _shapes(this.result) != _shapes(other.result):
        message = f"{this.branches[tie].line}: the two sides return different shapes"
        raise UsageError(message, hint="move the inputs off the border of this test")
    branches = (
        *this.branches[:tie],
        dataclasses.replace(this.branches[tie], has_both=True),
        *this.branches[tie + 1 :],
        *other.branches[tie + 1 :],
    )
    renamed = {name: f"{name}{suffix}" for name in other.constants}
    other = _with_constants(other, renamed)
    body, orelse = (
        (this.output, other.output) if this.branches[tie].taken else (other.output, this.output)
    )
    return Run(
        definitions=(*this.definitions, *other.definitions),
        output=ast.IfExp(condition, body, orelse),
        constants={**this.constants, **other.constants},
        branches=branches,
        notes=tuple(dict.fromkeys((*this.notes, *other.notes))),
        result=this.result,
    )


def _with_constants(run: Run, names: Mapping[str, str]) -> Run:
    """Return a run with other names for its constants."""
    expressions = {old: syntax.name(new) for old, new in names.items()}
    definitions = tuple(
        dataclasses.replace(d, expression=syntax.replaced(d.expression, expressions))
        for d in run.definitions
    )
    output = syntax.replaced(run.output, expressions)
    constants = {names[name]: value for name, value in run.constants.items()}
    return dataclasses.replace(run, definitions=definitions, output=output, constants=constants)


def _shapes(result: Any) -> Sequence[tuple[int, ...]]:
    return [tuple(t.shape) for t in real_parts(result)]


def _output(recorder: Recorder, result: Any) -> Syntax:
    """Return the expression for what a function returned."""
    parts = outputs(result)
    if len(parts) == 1:
        return recorder.reference(parts[0])
    flat = [reshaped(recorder.reference(t), (t.numel(),)) for t in parts]
    return syntax.call("cat", syntax.listed(flat))
