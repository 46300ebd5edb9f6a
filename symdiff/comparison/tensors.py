"""Plan the comparison of an expression on tensors: its scalar functions, or directions."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
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
from symdiff.comparison.tensor_setup import (
    TANGENT,
    Setup,
    check_indices,
    check_shape,
    input_shape_of,
    is_diagonal,
    output_shape_of,
    set_up,
)
from symdiff.comparison.trial import Case
from symdiff.engines.base import Problem
from symdiff.engines.graph import root_name
from symdiff.errors import ExpressionError, GridError, UsageError, did_you_mean
from symdiff.grid.grid import Grid, make_grid
from symdiff.grid.points import MAX_POINTS_IN_MEMORY, axes
from symdiff.program import Literal, Program
from symdiff.program.nodes import Builder
from symdiff.program.values import component_name, component_names
from symdiff.request.claims import Claimed
from symdiff.request.options import Options
from symdiff.request.parsed import ParsedRequest

# Spellings are also compared at random points this near to the values, relative to their size.
_NEARBY: Final = 0.05
_SAMPLES: Final = 16  # random points near every point


def plan_on_tensors(parsed: ParsedRequest, options: Options) -> Plan:
    """Return the plan for an expression on tensors.

    Raises
    ------
    InputError
        A value, a shape, a grid, a claim or a spelling cannot be used.
    """
    setup = set_up(parsed)
    count = 1 if setup.tangent else sum(math.prod(setup.shapes[n]) for n in setup.wrt)
    rows = 1 if setup.is_contracted else math.prod(setup.shape)
    reason = f"{rows * count} derivatives, more than {options.max_components}"
    if rows * count <= options.max_components:
        try:
            return _written_out(setup, options)
        except TooLargeError:
            reason = "the program is too large to be written out"
    return _too_large(setup, options, reason)


def _too_large(setup: Setup, options: Options, reason: str) -> Plan:
    if setup.scalars:
        message = f"{reason}, on a grid of {', '.join(setup.scalars)}"
        hint = "give values to all variables, or a cotangent, or a smaller wrt"
        raise UsageError(message, hint=hint)
    found = directional_trials(setup, options)
    tensors = _described(setup, {}, (f"{reason}: {found.notes[0]}", *found.notes[1:]))
    return Plan(grid=found.grid, variables=found.variables, trials=found.trials, tensors=tensors)


def _written_out(setup: Setup, options: Options) -> Plan:
    parsed = setup.parsed
    moving = setup.tangent is not None
    inputs = literals(setup.arrays) if moving else variables(setup.shapes)
    inputs = along(inputs, setup.tangent, TANGENT) if setup.tangent is not None else inputs
    functions = {
        spelling: _functions(setup, write_out(program, inputs, setup.indices))
        for spelling, program in parsed.programs.items()
    }
    computed = {
        spelling: _functions(
            setup, write_out(program, inputs, setup.indices, backward_formula=True)
        )
        for spelling, program in parsed.programs.items()
        if any(CATALOGUE[call.function].backward_formula for _, call in program.calls())
    }
    grid = _grid(setup, options)
    columns = grid.columns()
    by_input = {n: tuple(component_names(n, setup.shapes[n])) for n in setup.wrt}
    names = (TANGENT,) if moving else tuple(c for n in setup.wrt for c in by_input[n])
    for spelling in parsed.spellings:
        _check_values(setup, functions[""], spelling, functions[spelling], columns)
    claims = WrittenClaims(setup)
    cases = tuple(
        Case(
            problem=Problem(
                program,
                columns,
                names,
                None if spelling else parsed.function,
                dataclasses.replace(
                    setup.whole(parsed.programs[spelling], _pulled(setup, index)),
                    backward_formula=computed.get(spelling, {}).get(index),
                ),
            ),
            spelling=spelling,
            output=component_name("", index),
            claims={} if spelling else claims.at(index),
            refused={} if spelling else claims.refused(index),
        )
        for spelling, found in functions.items()
        for index, program in found.items()
    )
    first = {n: float(columns[n][0]) for n in setup.scalars}
    return Plan(grid=grid, variables=names, cases=cases, tensors=_described(setup, first))


def _functions(setup: Setup, written: WrittenOut) -> dict[tuple[int, ...], Program]:
    """Return the scalar functions by multi-index: every component, or their contraction at ()."""
    times = setup.accumulate
    if setup.cotangents is not None:
        return {(): written.weighted([(c, times) for c in setup.cotangents])}
    if times == 1:
        return {index: written.at(index) for index in np.ndindex(*setup.shape)}
    return {
        index: written.weighted([(_unit(setup.shape, index), times)])
        for index in np.ndindex(*setup.shape)
    }


def _unit(shape: Shape, index: tuple[int, ...]) -> Array:
    unit = np.zeros(shape)
    unit[index] = 1.0
    return unit


def _pulled(setup: Setup, index: tuple[int, ...]) -> tuple[Array, ...] | None:
    """Return the cotangents of one scalar function."""
    if setup.is_contracted:
        return setup.cotangents
    return (_unit(setup.shape, index),)


def _grid(setup: Setup, options: Options) -> Grid:
    """Return the grid of the scalar inputs, with the components of the tensors at every point."""
    parsed = setup.parsed
    programs: list[Program] = []
    if setup.scalars and options.kinks:
        fixed = literals(setup.arrays)
        for program in parsed.programs.values():
            written = write_out(program, fixed, setup.indices)
            programs.extend(_functions(setup, written).values())
    for name in (*parsed.request.grid, *(parsed.request.at or {})):
        if name not in setup.scalars:
            message = f"the expression has no variable {name[:40]!r} on a grid"
            known = f"on a grid: {', '.join(setup.scalars) or 'none'}"
            raise GridError(message, hint=did_you_mean(name, setup.scalars) or known)
    points_along = axes(setup.scalars, parsed.request.grid, parsed.request.at)
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
    )
    names, numbers = [*grid.names], []
    if setup.tangent is not None:
        names.append(TANGENT)
        numbers.append(np.zeros(1))
    for name, array in setup.arrays.items():
        if setup.tangent is None:
            names.extend(component_names(name, array.shape))
            numbers.append(array.reshape(-1))
    components = np.concatenate(numbers) if numbers else np.zeros(0)
    repeated = np.tile(components, (len(grid), 1))
    return dataclasses.replace(grid, names=tuple(names), points=np.hstack([grid.points, repeated]))


def _check_values(
    setup: Setup,
    first: Mapping[tuple[int, ...], Program],
    spelling: str,
    other: Mapping[tuple[int, ...], Program],
    columns: Mapping[str, Array],
) -> None:
    """Refuse a spelling with other values at the points or near them."""
    rng = np.random.default_rng(0)
    nearby = {
        name: np.concatenate([x, *(_nearby(x, rng) for _ in range(_SAMPLES))])
        for name, x in columns.items()
    }
    for index, program in first.items():
        named = dict.fromkeys([*setup.scalars, *program.inputs[:4]])
        check_same_values(program, spelling, other[index], nearby, list(named))


def _nearby(x: Array, rng: np.random.Generator) -> Array:
    size = np.where(x == 0, 1.0, np.abs(x))
    return x + _NEARBY * size * rng.uniform(-1, 1, len(x))


def _described(setup: Setup, numbers: Mapping[str, float], notes: tuple[str, ...] = ()) -> Tensors:
    """Return the description of the program for a report; its graph is that at `numbers`."""
    program = setup.parsed.program
    structures = {}
    if setup.shape:
        structures = {
            name: structure(program, name, setup.shapes, setup.indices, setup.shape)
            for name in setup.wrt
            if setup.shapes[name]
        }
    words = {"cotangent": setup.cotangents, "tangent": setup.tangent}
    return Tensors(
        values=setup.values,
        scalars=setup.scalars,
        shape=setup.shape,
        wrt={n: setup.shapes[n] for n in setup.wrt},
        contraction=tuple(word for word, given in words.items() if given),
        root=root_name(setup.whole(program, None), numbers, setup.parsed.function),
        structure=structures,
        notes=(*_calls(setup), *notes),
    )


def _calls(setup: Setup) -> tuple[str, ...]:
    """Return a note if backward is called more than once."""
    cotangents = 1 if setup.cotangents is None else len(setup.cotangents)
    times = cotangents * setup.accumulate
    if times == 1:
        return ()
    what = f" with {cotangents} cotangents" if cotangents > 1 else ""
    return (f"backward is called {times} times{what}, and the gradients are added up",)


class WrittenClaims:
    """Claims written out: a program for each component of the output and of the inputs."""

    def __init__(self, setup: Setup) -> None:
        """Write out every claim whose shape fits; keep the reason why another cannot be right."""
        self._setup = setup
        self._fitting: list[tuple[Claimed, WrittenOut]] = []
        self._refused: list[tuple[Claimed, str]] = []
        for claim in setup.parsed.claims:
            check_indices(setup, claim)
            try:
                check_shape(setup, claim)
            except ExpressionError as error:
                self._refused.append((claim, str(error).split("\n", maxsplit=1)[0]))
                continue
            written = write_out(claim.program, variables(setup.shapes), setup.indices)
            self._fitting.append((claim, written))

    def at(self, index: tuple[int, ...]) -> dict[str, Program]:
        """Return the claimed derivatives of one component of the output, by input component."""
        derivatives: dict[str, Program] = {}
        for claim, written in self._fitting:
            if claim.output is not None and claim.output != index:
                continue
            diagonal = is_diagonal(self._setup, claim, written.output.shape)
            row = index if output_shape_of(self._setup, claim) else ()
            for column in np.ndindex(*input_shape_of(self._setup, claim)):
                name = component_name(
                    claim.variable, column if claim.index is None else claim.index
                )
                if not diagonal:
                    derivatives[name] = written.at((*row, *column))
                else:
                    on_diagonal = column == index
                    zero = _zero(claim.program)
                    derivatives[name] = written.at(column) if on_diagonal else zero
        return derivatives

    def refused(self, index: tuple[int, ...]) -> dict[str, str]:
        """Return the reasons why claims cannot be right, by input component."""
        reasons: dict[str, str] = {}
        for claim, reason in self._refused:
            if claim.output in (None, index):
                for column in np.ndindex(*input_shape_of(self._setup, claim)):
                    part = column if claim.index is None else claim.index
                    reasons[component_name(claim.variable, part)] = reason
        return reasons


def _zero(program: Program) -> Program:
    builder = Builder()
    return builder.program(builder.add(Literal(0)), program.sources)
