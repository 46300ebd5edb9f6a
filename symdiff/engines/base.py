"""What every engine takes and gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import flint
import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.balls import Ball
from symdiff.array_types import Array, Mask
from symdiff.chunks import CHUNK, in_chunks
from symdiff.errors import Unsupported, describe
from symdiff.program import Program
from symdiff.program.values import Value

# Reasons for which differences may be off.
STRADDLES: Final = "the stencil straddles a kink"
TRUNCATION: Final = "truncation and rounding"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TensorProblem:
    """The program on tensors that a scalar program was written out from.

    Attributes
    ----------
    program
        The program as it was written: what PyTorch runs.
    values
        For every tensor its value.
    cotangents
        What `backward` is called with, one after the other; None: nothing, for a number.
    tangent
        The direction along which one derivative is wanted; None: one for every component.
    shape
        Of the program's value, if it is known.
    backward_formula
        The component in the formulas that torch's backward pass goes by, where they are others.
    """

    program: Program
    values: Mapping[str, Value]
    cotangents: tuple[Array | None, ...] = (None,)
    tangent: Mapping[str, Array] | None = None
    shape: tuple[int, ...] | None = None
    backward_formula: Program | None = None

    @property
    def scalars(self) -> tuple[str, ...]:
        """The inputs that are no tensors: they run over the grid."""
        return tuple(name for name in self.program.inputs if name not in self.values)


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """A program and the points at which it is to be differentiated.

    Attributes
    ----------
    program
        The expression as written.
    columns
        For every input its coordinates, shape (n,).
    variables
        The inputs to differentiate with respect to.
    function
        A callable on torch tensors that stands for the program on trial, if there is one.
    tensor_problem
        The program on tensors of which `program` is one component, if there is one.
    brief
        Whether engines may leave open what they are asked about later: estimates of their errors.
    """

    program: Program
    columns: Mapping[str, Array]
    variables: tuple[str, ...]
    function: Callable[..., Any] | None = None
    tensor_problem: TensorProblem | None = None
    brief: bool = False

    @property
    def count(self) -> int:
        """The number of points n."""
        return len(next(iter(self.columns.values()))) if self.columns else 1

    def part(self, chosen: slice | NDArray[Any]) -> Problem:
        """Return the problem at some of its points: a slice, a mask, or their numbers."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return dataclasses.replace(self, columns=columns)

    def balls(self, point: int) -> dict[str, Ball]:
        """Return the coordinates of a point as balls of radius 0."""
        return {name: flint.arb(float(column[point])) for name, column in self.columns.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class Samples:
    """What an engine gave.

    Attributes
    ----------
    derivatives
        For every variable the partial derivatives, shape (n,).
    errors
        For every variable the engine's own estimate of its error, shape (n,), NaN where nobody
        asked for it; without the variable if it has none, or nobody asked.
    straddling
        For every variable the points whose stencil has a switch changing its sign inside it,
        shape (n,), as far as somebody asked; without the variable if nobody did, or the engine
        has no stencil.
    reason_of
        For every point an index into `reasons`: 0 where all went well; shape (n,).
    reasons
        Messages of what went wrong; the first is "".
    unsupported
        Why the engine cannot express the program at all, or "".
    """

    derivatives: Mapping[str, Array]
    errors: dict[str, Array] = dataclasses.field(default_factory=dict)
    straddling: dict[str, Mask] = dataclasses.field(default_factory=dict)
    reason_of: NDArray[np.int32] | None = None
    reasons: tuple[str, ...] = ("",)
    unsupported: str = ""

    def part(self, chosen: NDArray[np.intp]) -> Samples:
        """Return what was given at some of the points, in order."""
        return Samples(
            {name: column[chosen] for name, column in self.derivatives.items()},
            {name: column[chosen] for name, column in self.errors.items()},
            {name: column[chosen] for name, column in self.straddling.items()},
            None if self.reason_of is None else self.reason_of[chosen],
            self.reasons,
            self.unsupported,
        )

    def reason(self, point: int) -> str:
        """Return what went wrong at a point, or ""."""
        return self.reasons[0 if self.reason_of is None else int(self.reason_of[point])]


@dataclasses.dataclass(frozen=True, slots=True)
class Allowance:
    """What an engine that does what it should may give at one point.

    Attributes
    ----------
    radius
        How far it may be off: by rounding in its own formula. NaN: not known.
    expected
        What it must give apart from that; None: the derivative.
    reason
        Why, in a few words: "rounding", "the stencil straddles a kink".
    stencil_leaves_domain
        Whether the engine cannot have a number here: its stencil leaves the domain.
    """

    radius: float = 0.0
    expected: float | None = None
    reason: str = "rounding"
    stencil_leaves_domain: bool = False

    def explains(self, value: float, derivative: float) -> bool:
        """Tell whether a number is what the engine may give where the derivative is known."""
        centre = derivative if self.expected is None else self.expected
        return abs(value - centre) <= self.radius


class ErrorEstimate(NamedTuple):
    """What an engine itself has against its numbers at some points.

    Attributes
    ----------
    errors
        Its estimates of their errors, shape (n,).
    straddling
        Where a switch changes its sign inside its stencil, shape (n,).
    """

    errors: Array
    straddling: Mask


class Engine(Protocol):
    """One way to get a derivative, on trial."""

    @property
    def name(self) -> str:
        """The name that users type."""

    @property
    def in_chunks(self) -> bool:
        """Whether long grids are cut for it; else it has threads of its own, and runs beside."""

    def differentiate(self, problem: Problem) -> Samples:
        """Return derivatives at every point of a problem.

        Raises
        ------
        Unsupported
            The engine cannot express the program.
        """

    def estimate_errors(self, problem: Problem, variable: str) -> ErrorEstimate | None:
        """Return what it has against its own numbers, if it left that open; None: nothing."""

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        """Return what the engine may give at one of the problem's points."""


def run(engine: Engine, problem: Problem) -> Samples:
    """Run an engine; whatever it raises becomes data.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> class Broken:
    ...     name = "broken"
    ...     def differentiate(self, problem):
    ...         raise RuntimeError("no kernel")
    >>> run(Broken(), Problem(parse("x"), {"x": np.zeros(1)}, ("x",))).reason(0)
    'RuntimeError: no kernel'
    """
    try:
        if is_long(problem) and engine.in_chunks:
            return _in_pieces(engine, problem)
        return engine.differentiate(problem)
    except Unsupported as error:
        return Samples(_nothing(problem), unsupported=str(error))
    except Exception as error:  # noqa: BLE001  (an engine on trial may raise anything)
        check_memory(error)
        everywhere = np.ones(problem.count, dtype=np.int32)
        return Samples(_nothing(problem), reason_of=everywhere, reasons=("", describe(error)))


def is_long(problem: Problem) -> bool:
    """Tell whether a problem is cut into pieces for the engines that take them."""
    return problem.count > CHUNK and problem.tensor_problem is None and problem.function is None


def _nothing(problem: Problem) -> dict[str, Array]:
    return {name: np.full(problem.count, np.nan) for name in problem.variables}


def check_memory(error: Exception) -> None:
    """Let it be known where memory ran out: that is no fault of an engine.

    Raises
    ------
    MemoryError
        It did: torch has an error of its own for it.
    """
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        raise MemoryError from error


def _in_pieces(engine: Engine, problem: Problem) -> Samples:
    """Run an engine piece by piece: one point's derivative depends on no other point."""
    count = problem.count
    problem = dataclasses.replace(problem, brief=True)
    columns = {name: np.empty(count) for name in problem.variables}
    given: set[str] = set()
    failed: dict[int, tuple[tuple[str, ...], NDArray[np.int32]]] = {}

    def run_piece(piece: slice) -> None:
        found = engine.differentiate(problem.part(piece))
        for name, column in found.derivatives.items():
            columns[name][piece] = column
            given.add(name)
        if found.reason_of is not None:
            failed[piece.start] = found.reasons, found.reason_of

    in_chunks(count, run_piece)
    derivatives = {name: column for name, column in columns.items() if name in given}
    if not failed:
        return Samples(derivatives)
    known, reason_of = {"": 0}, np.zeros(count, dtype=np.int32)
    for start in sorted(failed):  # in the order of the points, whichever piece was done first
        reasons, own = failed[start]
        numbers = [known.setdefault(text, len(known)) for text in reasons]
        reason_of[start : start + len(own)] = np.array(numbers)[own]
    return Samples(derivatives, reason_of=reason_of, reasons=tuple(known))
