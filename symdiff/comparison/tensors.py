"""Plan the comparison of an expression on tensors, by components or along directions.

A program of moderate size is written out: every component of its value is a scalar function of
the components of its inputs. A larger program is differentiated along random directions.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from symdiff.arithmetics.components.components import (
    TooLargeError,
    WrittenOut,
    along,
    literals,
    variables,
    write_out,
)
from symdiff.arithmetics.components.jacobian_structure import structure
from symdiff.arithmetics.components.shapes import Shape
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE
from symdiff.comparison.directions import directional_trials
from symdiff.comparison.evidence import Tensors
from symdiff.comparison.scalars import Plan, check_same_values, only_long_range
from symdiff.comparison.second_order import first_claims, second_claims, second_order_cases
from symdiff.comparison.tensor_request import (
    TANGENT,
    TensorRequest,
    check_indices,
    check_shape,
    check_tensors,
    input_shape_of,
    is_diagonal,
    output_shape_of,
)
from symdiff.comparison.trial import Case
from symdiff.engines.base import Problem
from symdiff.engines.graph import root_name
from symdiff.engines.in_format import dtype_of_points
from symdiff.errors import ExpressionError, GridError, UsageError, did_you_mean
from symdiff.grid.grid import Grid, make_grid
from symdiff.grid.points import MAX_POINTS_IN_MEMORY, axes
from symdiff.program import Literal, Program
from symdiff.program.nodes import Builder
from symdiff.program.traced import TracedProgram
from symdiff.program.values import component_name, component_names
from symdiff.request.claims import Claimed
from symdiff.request.options import Options
from symdiff.request.parsed import ParsedRequest
from symdiff.truth.values import Margin, differences_of_programs
from symdiff.verdict.judge import Tolerance

# Largest distance of the random points near a point, relative to the coordinates. Spellings are
# compared at these points too: at the values alone, a different function may agree by chance.
_NEARBY: Final = 0.05
_SAMPLES: Final = 16  # number of random points near every point


def plan_on_tensors(parsed: ParsedRequest, options: Options) -> Plan:
    """Return the plan for an expression on tensors.

    Raises
    ------
    InputError
        A value, a shape, a grid, a claim or a spelling cannot be used.
    """
    request = check_tensors(parsed, dtype_of_points(options.engines))
    components = sum(math.prod(request.shapes[n]) for n in request.wrt)
    is_second = options.order > 1
    count = components if not request.tangent or is_second else 1
    rows = 1 if request.is_contracted else math.prod(request.shape)
    rows *= components if is_second and not request.tangent else 1
    reason = f"{rows * count} derivatives, more than {options.max_components}"
    if rows * count <= options.max_components:
        try:
            return _plan_by_components(request, options)
        except TooLargeError:
            reason = "the program is too large to be written out"
    if is_second:
        message = f"second derivatives: {reason}"
        raise UsageError(message, hint="a cotangent, a tangent, or a smaller wrt")
    return _plan_along_directions(request, options, reason)


def _plan_along_directions(request: TensorRequest, options: Options, reason: str) -> Plan:
    """Return the plan for a program that is not written out; the report shows the reason."""
    if request.scalars:
        message = f"{reason}, on a grid of {', '.join(request.scalars)}"
        hint = "give values to all variables, or a cotangent, or a smaller wrt"
        raise UsageError(message, hint=hint)
    result = directional_trials(request, options)
    tensors = _description(request, {}, (f"{reason}: {result.notes[0]}", *result.notes[1:]))
    return Plan(grid=result.grid, variables=result.variables, trials=result.trials, tensors=tensors)


def _plan_by_components(request: TensorRequest, options: Options) -> Plan:
    """Return the plan with a case for every scalar function.

    Raises
    ------
    TooLargeError
        The program is too large to be written out.
    """
    parsed = request.parsed
    is_second = options.order > 1
    components = tuple(c for n in request.wrt for c in component_names(n, request.shapes[n]))
    inputs, names = variables(request.shapes, request.arrays), components
    if request.tangent is not None and is_second:  # x moves, and then along the tangent
        inputs = along(inputs, request.tangent, TANGENT)
    elif request.tangent is not None:
        inputs, names = along(literals(request.arrays), request.tangent, TANGENT), (TANGENT,)
    written = {
        spelling: write_out(program, inputs, request.indices)
        for spelling, program in parsed.programs.items()
    }
    functions = {spelling: _functions(request, part) for spelling, part in written.items()}
    backward_formulas = {
        spelling: _functions(
            request, write_out(program, inputs, request.indices, backward_formula=True)
        )
        for spelling, program in parsed.programs.items()
        if any(CATALOGUE[call.function].has_backward_formula for _, call in program.calls())
    }
    grid = _grid(request, options)
    columns = grid.columns()
    for spelling in parsed.spellings:
        _check_values(
            request, functions[""], spelling, functions[spelling], columns, Tolerance.of(options)
        )
    claims = None if is_second else WrittenClaims(request)
    cases = tuple(
        Case(
            problem=Problem(
                program,
                columns,
                names,
                None if spelling else parsed.function,
                dataclasses.replace(
                    request.tensor_problem(parsed.programs[spelling], _cotangents(request, index)),
                    backward_formula=backward_formulas.get(spelling, {}).get(index),
                    written=written[spelling],
                    component=None if request.is_contracted else index,
                ),
            ),
            spelling=spelling,
            output=component_name("", index),
            claims={} if spelling or claims is None else claims.at(index),
            expression=functions[""][index] if spelling else None,
            refused={} if spelling or claims is None else claims.refused(index),
        )
        for spelling, by_index in functions.items()
        for index, program in by_index.items()
    )
    if is_second:
        inner = components if request.tangent is None else (TANGENT,)
        asserted = {
            name: {n: _written_claim(request, program) for n, program in by_outer.items()}
            for name, by_outer in second_claims(parsed).items()
        }
        cases = second_order_cases(cases, inner, asserted)
    first_point = {n: float(columns[n][0]) for n in request.scalars}
    tensors = _description(request, first_point)
    return Plan(grid=grid, variables=names, cases=cases, tensors=tensors)


def _written_claim(request: TensorRequest, program: Program) -> Program:
    """Return a claim for one second derivative as a program on numbers.

    Raises
    ------
    UsageError
        The expression, or the claim, is a tensor.
    """
    written = write_out(program, variables(request.shapes, request.arrays), request.indices)
    if written.output.shape or not request.is_contracted:
        message = "a claim for a second derivative is one number, of an expression that is one"
        raise UsageError(message, hint="a cotangent, and a key such as 'x[0],x[1]'")
    return written.at(())


def _functions(request: TensorRequest, written: WrittenOut) -> dict[tuple[int, ...], Program]:
    """Return the scalar functions: each component by multi-index, or their contraction at ()."""
    calls = request.accumulate
    if request.cotangents is not None:
        return {(): written.weighted([(c, calls) for c in request.cotangents])}
    if calls == 1:
        return {index: written.at(index) for index in np.ndindex(*request.shape)}
    return {
        index: written.weighted([(_unit(request.shape, index), calls)])
        for index in np.ndindex(*request.shape)
    }


def _unit(shape: Shape, index: tuple[int, ...]) -> Array:
    """Return the array that is 1 at a multi-index and 0 elsewhere."""
    unit = np.zeros(shape)
    unit[index] = 1.0
    return unit


def _cotangents(request: TensorRequest, index: tuple[int, ...]) -> tuple[Array, ...] | None:
    """Return the cotangents of the scalar function with this multi-index."""
    if request.is_contracted:
        return request.cotangents
    return (_unit(request.shape, index),)


def _grid(request: TensorRequest, options: Options) -> Grid:
    """Return the grid of the scalar inputs, with the components of the tensors at every point."""
    parsed = request.parsed
    programs: list[Program] = []
    if request.scalars and options.kinks:
        fixed = literals(request.arrays)
        for program in parsed.programs.values():
            written = write_out(program, fixed, request.indices)
            programs.extend(_functions(request, written).values())
    listed = {} if parsed.request.zip else parsed.request.at or {}
    for name in (*parsed.request.grid, *listed):
        if name not in request.scalars:
            message = f"the expression has no variable {name[:40]!r} on a grid"
            hint = f"on a grid: {', '.join(request.scalars) or 'none'}"
            raise GridError(message, hint=did_you_mean(name, request.scalars) or hint)
    asked = parsed.request
    points_along = axes(request.scalars, asked.grid, asked.at, is_paired=asked.zip)
    if only_long_range(points_along) is not None:
        message = (
            f"a range of more than {MAX_POINTS_IN_MEMORY} points cannot be combined with tensors"
        )
        raise UsageError(message, hint="take fewer points")
    grid = make_grid(
        programs,
        points_along,
        kinks=options.kinks,
        max_points=options.max_points,
        seed=options.seed,
        dtype=dtype_of_points(options.engines),
    )
    names, numbers = [*grid.names], []
    if request.tangent is not None:
        names.append(TANGENT)
        numbers.append(np.zeros(1))
    for name, array in request.arrays.items():
        if request.tangent is None or options.order > 1:
            names.extend(component_names(name, array.shape))
            numbers.append(array.reshape(-1))
    components = np.concatenate(numbers) if numbers else np.zeros(0)
    repeated = np.tile(components, (len(grid), 1))
    return dataclasses.replace(grid, names=tuple(names), points=np.hstack([grid.points, repeated]))


def _check_values(  # noqa: PLR0913, PLR0917  (both functions, and where they are compared)
    request: TensorRequest,
    first: Mapping[tuple[int, ...], Program],
    spelling: str,
    other: Mapping[tuple[int, ...], Program],
    columns: Mapping[str, Array],
    tolerance: Tolerance,
) -> None:
    """Raise UsageError if a spelling agrees at the points, and has other values near them.

    Where it differs at the points themselves, its verdicts say so.
    """
    margin = Margin(tolerance.rtol, tolerance.atol)
    for index, program in first.items():
        if len(differences_of_programs(other[index], program, columns, margin).points):
            return
    rng = np.random.default_rng(0)
    nearby = {
        name: np.concatenate([x, *(_nearby(x, rng) for _ in range(_SAMPLES))])
        for name, x in columns.items()
    }
    for index, program in first.items():
        shown = dict.fromkeys([*request.scalars, *program.inputs[:4]])
        check_same_values(program, spelling, other[index], nearby, list(shown))


def _nearby(x: Array, rng: np.random.Generator) -> Array:
    """Return a random coordinate near each of some coordinates."""
    size = np.where(x == 0, 1.0, np.abs(x))
    return x + _NEARBY * size * rng.uniform(-1, 1, len(x))


def _description(
    request: TensorRequest, scalars: Mapping[str, float], notes: tuple[str, ...] = ()
) -> Tensors:
    """Return the description of the program for a report.

    `scalars` has values of the scalar inputs, at which PyTorch records the graph.
    """
    program = request.parsed.program
    structures = {}
    if request.shape:
        structures = {
            name: structure(program, name, request.shapes, request.indices, request.shape)
            for name in request.wrt
            if request.shapes[name]
        }
    vectors = {"cotangent": request.cotangents, "tangent": request.tangent}
    return Tensors(
        values=request.values,
        scalars=request.scalars,
        shape=request.shape,
        wrt={n: request.shapes[n] for n in request.wrt},
        contraction=tuple(word for word, vector in vectors.items() if vector),
        root=root_name(request.tensor_problem(program, None), scalars, request.parsed.function),
        structure=structures,
        notes=(*_note_on_calls(request), *notes, *_notes_on_trace(program)),
    )


def _notes_on_trace(program: Program) -> tuple[str, ...]:
    return program.notes if isinstance(program, TracedProgram) else ()


def _note_on_calls(request: TensorRequest) -> tuple[str, ...]:
    """Return a note on the calls of backward if there is more than one."""
    cotangents = 1 if request.cotangents is None else len(request.cotangents)
    calls = cotangents * request.accumulate
    if calls == 1:
        return ()
    how = f" with {cotangents} cotangents" if cotangents > 1 else ""
    return (f"backward is called {calls} times{how}, and the gradients are added up",)


class WrittenClaims:
    """Asserted derivatives, with a program for each component of the output and of the inputs."""

    def __init__(self, request: TensorRequest) -> None:
        """Write out the claims; for a claim with a wrong shape, keep the reason instead."""
        self._request = request
        self._fitting: list[tuple[Claimed, WrittenOut]] = []
        self._refused: list[tuple[Claimed, str]] = []
        for claim in first_claims(request.parsed):
            check_indices(request, claim)
            try:
                check_shape(request, claim)
            except ExpressionError as error:
                self._refused.append((claim, str(error).split("\n", maxsplit=1)[0]))
                continue
            written = write_out(
                claim.program, variables(request.shapes, request.arrays), request.indices
            )
            self._fitting.append((claim, written))

    def at(self, index: tuple[int, ...]) -> dict[str, Program]:
        """Return the claimed derivatives of one component of the output, by input component."""
        derivatives: dict[str, Program] = {}
        for claim, written in self._fitting:
            if claim.output is not None and claim.output != index:
                continue
            is_diagonal_only = is_diagonal(self._request, claim, written.output.shape)
            row = index if output_shape_of(self._request, claim) else ()
            for inner, name in self._components(claim):
                if not is_diagonal_only:
                    derivatives[name] = written.at((*row, *inner))
                else:
                    derivatives[name] = written.at(inner) if inner == index else _zero(claim)
        return derivatives

    def refused(self, index: tuple[int, ...]) -> dict[str, str]:
        """Return the reasons why claims cannot be right, by input component."""
        return {
            name: reason
            for claim, reason in self._refused
            if claim.output in (None, index)
            for _, name in self._components(claim)
        }

    def _components(self, claim: Claimed) -> Iterator[tuple[tuple[int, ...], str]]:
        """Yield the multi-indices within a claim, each with the name of its input component."""
        for inner in np.ndindex(*input_shape_of(self._request, claim)):
            index = inner if claim.index is None else claim.index
            yield inner, component_name(claim.variable, index)


def _zero(claim: Claimed) -> Program:
    """Return the program 0, with the texts of a claim as its sources."""
    builder = Builder()
    return builder.program(builder.add(Literal(0)), claim.program.sources)
