"""Check that a Program has the value of the function that it was traced from."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final

import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import TENSORS
from symdiff.errors import UsageError
from symdiff.program import Program
from symdiff.program.parser import reader_of
from symdiff.program.values import index_inputs
from symdiff.tracing.agreement import DEVIATIONS, agrees, difference, largest_number
from symdiff.tracing.branches import Run, real_parts
from symdiff.tracing.records import Definition
from symdiff.tracing.syntax import Syntax, replaced
from symdiff.tracing.writing import names_in

_HINT: Final = "give the formula: symdiff.compare(f, math=...)"


@dataclasses.dataclass(frozen=True, slots=True)
class Read:
    """A Program that was read from a run.

    Attributes
    ----------
    program, nodes, definitions
        The Program, and its definitions with their nodes by name.
    values
        The values of its inputs.
    """

    program: Program
    nodes: Mapping[str, int]
    definitions: tuple[Definition, ...]
    values: Mapping[str, torch.Tensor]


def check_value(done: Read, run: Run) -> None:
    """Check that a Program has the value of the function in a run.

    Raises
    ------
    UsageError
        It has another one; the message names the first operation that differs.
    """
    parts = [t.detach() for t in real_parts(run.result)]
    expected = parts[0] if len(parts) == 1 else torch.cat([t.reshape(-1) for t in parts])
    dtypes = {d.value.dtype for d in run.definitions} | {v.dtype for v in done.values.values()}
    deviations = [DEVIATIONS.get(dtype, 0.0) for dtype in (*dtypes, expected.dtype, torch.float64)]
    tolerance = max(deviations)
    if agrees(_value(done.program, done.values), expected, tolerance):
        return
    if tolerance > DEVIATIONS[torch.float64] and _holds_step_by_step(done, run, expected):
        return  # a coarse dtype loses more digits where large numbers cancel
    for d in done.definitions:
        found = _value(done.program.at(done.nodes[d.name]), done.values)
        if not agrees(found, d.value, tolerance):
            where = f"{d.line}: " if d.line else ""
            message = (
                f"{where}the trace of {d.operation} differs from what torch computed: "
                f"{difference(found, d.value, tolerance)}"
            )
            raise UsageError(message, hint=_HINT)
    found = _value(done.program, done.values)
    message = f"the trace differs from the function: {difference(found, expected, tolerance)}"
    raise UsageError(message, hint=_HINT)


def _holds_step_by_step(done: Read, run: Run, expected: torch.Tensor) -> bool:
    """Return whether every operation has torch's value where it is given torch's operands."""
    known = {**run.constants, **done.values}
    conditions: dict[str, Syntax] = {}  # a Program has no inputs that are conditions
    for d in run.definitions:
        expression = replaced(d.expression, conditions)
        if d.value.dtype == torch.bool:
            conditions[d.name] = expression
        elif not _holds(expression, known, d.value):
            return False
        known[d.name] = d.value
    return _holds(replaced(run.output, conditions), known, expected)


def _holds(expression: Syntax, known: Mapping[str, torch.Tensor], expected: torch.Tensor) -> bool:
    program = reader_of({}).read(ast.unparse(expression))
    operands = [known[n] for n in set(names_in(expression)) & set(known)]
    tolerance = max(DEVIATIONS.get(x.dtype, 0.0) for x in (*operands, expected))
    sizes = [largest_number(x) for x in (*operands, expected)]
    return agrees(_value(program, known), expected, tolerance, scale=max(sizes))


def coarse_parts(run: Run, values: Mapping[str, torch.Tensor]) -> Iterator[str]:
    """Yield a note for every line that rounds numbers of a finer dtype of the inputs."""
    finest = max((_bits(x) for x in values.values()), default=0)
    seen: set[str] = set()
    for d in run.definitions:
        if not 0 < _bits(d.value) < finest:
            continue
        note = f"{d.line}: " if d.line else ""
        note += f"computes in {str(d.value.dtype).removeprefix('torch.')}"
        if note not in seen:
            seen.add(note)
            yield note


def _bits(tensor: torch.Tensor) -> int:
    return int(torch.finfo(tensor.dtype).bits) if tensor.is_floating_point() else 0


def _value(program: Program, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
    integers = index_inputs(program)
    inputs = {
        name: values[name].long() if name in integers else values[name].double()
        for name in program.inputs
    }
    try:
        return torch.as_tensor(read(program, TENSORS, inputs))
    except RuntimeError as error:  # torch refuses it, as the inverse of a singular matrix
        message = f"the trace has no value: {str(error).splitlines()[0]}"
        raise UsageError(message, hint=_HINT) from None
