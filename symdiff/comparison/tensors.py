"""The plan for an expression on tensors: which of its scalar functions stand trial."""

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
from symdiff.comparison.scalars import Plan, check_same_values, only_line
from symdiff.comparison.tensor_setup import (
    TANGENT,
    Setup,
    check_places,
    check_shape,
    columns_of,
    is_diagonal,
    rows_of,
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

_NEARBY: Final = 0.05  # how far spellings are looked at around the values, relative
_SAMPLES: Final = 16


def plan_on_tensors(parsed: ParsedRequest, options: Options) -> Plan:
    """Return the plan for an expression on tensors.

    Raises
    ------
    InputError
        Something does not fit.
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
                    setup.whole(parsed.programs[spelling], _pulled(setup, place)),
                    backward_formula=computed.get(spelling, {}).get(place),
                ),
            ),
            spelling=spelling,
            output=component_name("", place),
            claims={} if spelling else claims.at(place),
            refused={} if spelling else claims.refused(place),
        )
        for spelling, found in functions.items()
        for place, program in found.items()
    )
    first = {n: float(columns[n][0]) for n in setup.scalars}
    return Plan(grid=grid, variables=names, cases=cases, tensors=_described(setup, first))


def _functions(setup: Setup, written: WrittenOut) -> dict[tuple[int, ...], Program]:
    """Return the scalar functions on trial: all components, or one that is contracted."""
    times = setup.accumulate
    if setup.cotangents is not None:
        return {(): written.weighted([(c, times) for c in setup.cotangents])}
    if times == 1:
        return {place: written.at(place) for place in np.ndindex(*setup.shape)}
    return {
        place: written.weighted([(_unit(setup.shape, place), times)])
        for place in np.ndindex(*setup.shape)
    }


def _unit(shape: Shape, place: tuple[int, ...]) -> Array:
    unit = np.zeros(shape)
    unit[place] = 1.0
    return unit


def _pulled(setup: Setup, place: tuple[int, ...]) -> tuple[Array, ...] | None:
    """Return the cotangents of one scalar function."""
    if setup.is_contracted:
        return setup.cotangents
    return (_unit(setup.shape, place),)


def _grid(setup: Setup, options: Options) -> Grid:
    """Return the points of the scalar inputs, every component of the others beside them."""
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
    wanted = axes(setup.scalars, parsed.request.grid, parsed.request.at)
    if only_line(wanted) is not None:
        message = (
            f"a range of more than {MAX_POINTS_IN_MEMORY} points cannot be combined with tensors"
        )
        raise UsageError(message, hint="take fewer points")
    grid = make_grid(
        programs,
        wanted,
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
    beside = np.concatenate(numbers) if numbers else np.zeros(0)
    repeated = np.tile(beside, (len(grid), 1))
    return dataclasses.replace(grid, names=tuple(names), points=np.hstack([grid.points, repeated]))


def _check_values(
    setup: Setup,
    first: Mapping[tuple[int, ...], Program],
    spelling: str,
    other: Mapping[tuple[int, ...], Program],
    columns: Mapping[str, Array],
) -> None:
    """Refuse a spelling that has other values, at the points or near them."""
    rng = np.random.default_rng(0)
    nearby = {
        name: np.concatenate([x, *(_moved(x, rng) for _ in range(_SAMPLES))])
        for name, x in columns.items()
    }
    for place, program in first.items():
        shown = [*setup.scalars, *program.inputs[:4]]
        check_same_values(program, spelling, other[place], nearby, list(dict.fromkeys(shown)))


def _moved(x: Array, rng: np.random.Generator) -> Array:
    size = np.where(x == 0, 1.0, np.abs(x))
    return x + _NEARBY * size * rng.uniform(-1, 1, len(x))


def _described(setup: Setup, numbers: Mapping[str, float], notes: tuple[str, ...] = ()) -> Tensors:
    """Return what there is to know of the program, its graph at one point of the grid."""
    program = setup.parsed.program
    found = {}
    if setup.shape:
        found = {
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
        structure=found,
        notes=(*_calls(setup), *notes),
    )


def _calls(setup: Setup) -> tuple[str, ...]:
    """Say how often backward is called, if it is more than once."""
    cotangents = 1 if setup.cotangents is None else len(setup.cotangents)
    times = cotangents * setup.accumulate
    if times == 1:
        return ()
    what = f" with {cotangents} cotangents" if cotangents > 1 else ""
    return (f"backward is called {times} times{what}, and what it gives is added up",)


class WrittenClaims:
    """What is asserted, by the component of the output and of the inputs."""

    def __init__(self, setup: Setup) -> None:
        """Write every claim out, and keep why one cannot be right."""
        self._setup = setup
        self._found: list[tuple[Claimed, WrittenOut]] = []
        self._refused: list[tuple[Claimed, str]] = []
        for claim in setup.parsed.claims:
            check_places(setup, claim)
            try:
                check_shape(setup, claim)
            except ExpressionError as error:
                self._refused.append((claim, str(error).split("\n", maxsplit=1)[0]))
                continue
            written = write_out(claim.program, variables(setup.shapes), setup.indices)
            self._found.append((claim, written))

    def at(self, place: tuple[int, ...]) -> dict[str, Program]:
        """Return what is asserted of one component of the output, for components of inputs."""
        found: dict[str, Program] = {}
        for claim, written in self._found:
            if claim.output is not None and claim.output != place:
                continue
            diagonal = is_diagonal(self._setup, claim, written.output.shape)
            row = place if rows_of(self._setup, claim) else ()
            for column in np.ndindex(*columns_of(self._setup, claim)):
                name = component_name(
                    claim.variable, column if claim.index is None else claim.index
                )
                if not diagonal:
                    found[name] = written.at((*row, *column))
                else:
                    found[name] = written.at(column) if column == place else _zero(claim.program)
        return found

    def refused(self, place: tuple[int, ...]) -> dict[str, str]:
        """Return the components for which what is asserted cannot be a derivative, and why."""
        found: dict[str, str] = {}
        for claim, reason in self._refused:
            if claim.output in (None, place):
                for column in np.ndindex(*columns_of(self._setup, claim)):
                    part = column if claim.index is None else claim.index
                    found[component_name(claim.variable, part)] = reason
        return found


def _zero(program: Program) -> Program:
    builder = Builder()
    return builder.program(builder.add(Literal(0)), program.sources)
