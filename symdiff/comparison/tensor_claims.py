"""Asserted derivatives of expressions on tensors, and whether their shapes can be right."""

from __future__ import annotations

import numpy as np

from symdiff.arithmetics.components.components import WrittenOut, variables, write_out
from symdiff.arithmetics.components.shapes import Shape, shape_of
from symdiff.comparison.tensor_setup import Setup
from symdiff.errors import ExpressionError, UsageError
from symdiff.program import Literal, Program
from symdiff.program.nodes import Builder
from symdiff.program.values import component_name
from symdiff.request.claims import Claimed


def rows_of(setup: Setup, claim: Claimed) -> Shape:
    """Return the shape of the outputs that a claim is for: () for one, or where one remains."""
    return () if setup.is_contracted or claim.output is not None else setup.shape


def columns_of(setup: Setup, claim: Claimed) -> Shape:
    """Return the shape of the components of an input that a claim is for."""
    return () if claim.place is not None else setup.shapes[claim.variable]


def is_diagonal(setup: Setup, claim: Claimed, shape: Shape) -> bool:
    """Tell whether a claim goes component by component: the diagonal of a Jacobian."""
    rows = rows_of(setup, claim)
    return bool(rows) and shape == rows == columns_of(setup, claim)


def check_shape(setup: Setup, claim: Claimed) -> Shape:
    """Return the shape of what is asserted.

    Raises
    ------
    ExpressionError
        Its own tensors do not fit together, or it cannot be the derivative.
    """
    shape = shape_of(claim.program, setup.shapes, setup.indices)
    rows, columns = rows_of(setup, claim), columns_of(setup, claim)
    if shape == (*rows, *columns) or is_diagonal(setup, claim, shape):
        return shape
    what = "a gradient has the shape of its input"
    if rows:
        what = f"a Jacobian has the shape {(*rows, *columns)}: the output's, then the input's"
    part = claim.variable if claim.place is None else component_name(claim.variable, claim.place)
    message = f"the claim has shape {shape}, and {part} has {columns}: {what}"
    raise ExpressionError(message)


def check_places(setup: Setup, claim: Claimed) -> None:
    """Check that a claim names components that there are.

    Raises
    ------
    UsageError
        It does not.
    """
    shape = setup.shapes[claim.variable]
    if claim.place is not None and not _inside(claim.place, shape):
        message = f"a claim for {claim.key!r}, and {claim.variable} has shape {shape}"
        hint = f"the first is {component_name(claim.variable, (0,) * len(shape))}"
        raise UsageError(message, hint=hint)
    if claim.output is None:
        return
    if setup.is_contracted:
        message = f"a claim for {claim.key!r}, and the output is one number"
        raise UsageError(message, hint=f"claims = {{ {claim.variable} = ... }}")
    if not _inside(claim.output, setup.shape):
        message = f"a claim for {claim.key!r}, and the output has shape {setup.shape}"
        raise UsageError(message, hint=f"[{','.join('0' * len(setup.shape))}]/{claim.variable}")


class WrittenClaims:
    """What is asserted, by the component of the output and of the inputs."""

    def __init__(self, setup: Setup) -> None:
        """Write every claim out, and keep why one cannot be right."""
        self._setup = setup
        self._found: list[tuple[Claimed, WrittenOut]] = []
        self._refused: list[tuple[Claimed, str]] = []
        for claim in setup.question.claims:
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
                    claim.variable, column if claim.place is None else claim.place
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
                    part = column if claim.place is None else claim.place
                    found[component_name(claim.variable, part)] = reason
        return found


def _inside(place: tuple[int, ...], shape: Shape) -> bool:
    return len(place) == len(shape) and all(0 <= k < n for k, n in zip(place, shape, strict=True))


def _zero(program: Program) -> Program:
    builder = Builder()
    return builder.program(builder.add(Literal(0)), program.sources)
