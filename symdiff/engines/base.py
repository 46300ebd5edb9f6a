"""The contract of an engine: what it declares, what it is given, and what it returns.

An engine is an object with the attributes `name` and `traits` and the methods of `Engine`. It may
have a method `along` too, for programs on large tensors; see `symdiff.engines.directional`.
`symdiff.engines.registry` says how an engine is registered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import flint
import numpy as np
from numpy.typing import NDArray

from symdiff import chunks
from symdiff.arithmetics.balls import Ball
from symdiff.array_types import Array, Mask
from symdiff.errors import Unsupported, describe
from symdiff.program import Program
from symdiff.program.values import FLOATING_DTYPES, Value

# Reasons for which finite differences may deviate from the derivative.
STRADDLES: Final = "the stencil straddles a kink"
TRUNCATION: Final = "truncation and rounding"
# How an engine may get a derivative.
MODES: Final = ("symbolic", "reverse", "forward", "differences", "formula")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What an engine declares about itself.

    Attributes
    ----------
    modes
        How it gets derivatives; some of `MODES`.
    whole_tensors
        Whether it runs a program on tensors as it was written (`Problem.tensor_problem`). If not,
        it is given one component of the program, written out as a program on numbers.
    dtypes
        The floating-point dtypes in which it can run a program on whole tensors.
    runs_callables
        Whether it runs the callable of a problem. If not, it is given the formula alone.
    runs_in_chunks
        Whether a long grid is cut into chunks for it, which run on several threads. If not, it
        starts its threads itself, and is run at the same time as the other engines.
    min_norm_rule
        The name of its documented rule at kinks, if it promises the subgradient of least norm
        where the function is locally convex, and the supergradient of least norm where it is
        locally concave; else "".
    is_asserted
        Whether its derivative is a person's claim. A report then explains how a wrong derivative
        differs from the truth: by its sign, by a factor, ...

    Raises
    ------
    ValueError
        A mode is not one of `MODES`.
    """

    modes: tuple[str, ...] = ()
    whole_tensors: bool = False
    dtypes: tuple[str, ...] = ("float64",)
    runs_callables: bool = False
    runs_in_chunks: bool = True
    min_norm_rule: str = ""
    is_asserted: bool = False

    def __post_init__(self) -> None:
        """Check the modes."""
        unknown = [mode for mode in self.modes if mode not in MODES]
        if unknown:
            message = f"unknown mode {unknown[0]!r}, not one of {', '.join(MODES)}"
            raise ValueError(message)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TensorProblem:
    """A program on tensors, with values for its tensors, cotangents and a tangent.

    Attributes
    ----------
    program
        The program as it was written.
    values
        The value of every tensor.
    cotangents
        The cotangents of the VJPs that are added up. None stands for the cotangent 1 of a number.
    tangent
        The direction of a single directional derivative; None: a derivative by every component.
    shape
        The shape of the program's value, if it is known.
    backward_formula
        The component of the program, written out in the formulas of torch's backward pass, where
        these differ from the formulas of its forward pass.
    """

    program: Program
    values: Mapping[str, Value]
    cotangents: tuple[Array | None, ...] = (None,)
    tangent: Mapping[str, Array] | None = None
    shape: tuple[int, ...] | None = None
    backward_formula: Program | None = None

    @property
    def scalars(self) -> tuple[str, ...]:
        """The inputs that are numbers and run over the grid."""
        return tuple(name for name in self.program.inputs if name not in self.values)


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """A program and the points at which it is to be differentiated.

    Attributes
    ----------
    program
        The expression as written.
    columns
        The coordinates of the points for every input, shape (n,).
    variables
        The inputs to differentiate with respect to.
    function
        A callable on torch tensors whose formula `program` is, if there is one. Engines that run
        callables differentiate it instead of the formula.
    tensor_problem
        The program on tensors of which `program` is one component, if there is one. Engines that
        run whole tensors differentiate it instead of the component.
    estimate_errors
        Whether `Engine.differentiate` returns estimates of the errors too. If not,
        `Engine.estimate_errors` is called for the points that need one.
    """

    program: Program
    columns: Mapping[str, Array]
    variables: tuple[str, ...]
    function: Callable[..., Any] | None = None
    tensor_problem: TensorProblem | None = None
    estimate_errors: bool = True

    @classmethod
    def join(cls, parts: Sequence[Problem]) -> Problem:
        """Return the problem at the points of several parts of a grid, concatenated."""
        return dataclasses.replace(parts[0], columns=_joined([part.columns for part in parts]))

    @property
    def count(self) -> int:
        """The number of points n."""
        return len(next(iter(self.columns.values()))) if self.columns else 1

    def part(self, chosen: slice | NDArray[Any]) -> Problem:
        """Return the problem at some of its points: a slice, a mask, or indices."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return dataclasses.replace(self, columns=columns)

    def balls(self, point: int) -> dict[str, Ball]:
        """Return the coordinates of a point as balls of radius 0."""
        return {name: flint.arb(float(column[point])) for name, column in self.columns.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class Samples:
    """The derivatives that an engine returned, or why it returned none.

    Attributes
    ----------
    derivatives
        The partial derivatives by every variable, shape (n,). A claim may be for some only.
    errors
        The engine's estimates of its errors by variable, shape (n,); NaN at the points for which
        no estimate was requested. Variables without any estimate are left out.
    straddling
        By variable, whether a switch changes its sign inside the engine's stencil at each point,
        shape (n,). Variables without any estimate are left out.
    reason_of
        Index into `reasons` for every point, shape (n,); 0 where the engine did not fail. None: it
        failed nowhere.
    reasons
        Messages of failures; the first is "".
    unsupported
        Why the engine cannot express the program at all, or "".
    missing
        The function of the program that the engine lacks, if that is why the program is
        unsupported; else "".
    refusals
        By variable, why the engine's answer cannot be a derivative (a claim of the wrong shape).
        The derivatives by these variables are NaN, and the engine fails at every point.
    traits
        The traits of the engine.
    """

    derivatives: Mapping[str, Array]
    errors: Mapping[str, Array] = dataclasses.field(default_factory=dict)
    straddling: Mapping[str, Mask] = dataclasses.field(default_factory=dict)
    reason_of: NDArray[np.int32] | None = None
    reasons: tuple[str, ...] = ("",)
    unsupported: str = ""
    missing: str = ""
    refusals: Mapping[str, str] = dataclasses.field(default_factory=dict)
    traits: Traits = Traits()

    def part(self, chosen: NDArray[np.intp]) -> Samples:
        """Return the samples at some of the points, in order."""
        return dataclasses.replace(
            self,
            derivatives={name: column[chosen] for name, column in self.derivatives.items()},
            errors={name: column[chosen] for name, column in self.errors.items()},
            straddling={name: column[chosen] for name, column in self.straddling.items()},
            reason_of=None if self.reason_of is None else self.reason_of[chosen],
        )

    @classmethod
    def join(cls, parts: Sequence[Samples]) -> Samples:
        """Return the samples of one engine at several parts of a grid, concatenated."""
        index_of = {"": 0}
        reasons: list[NDArray[np.int32]] = []
        for part in parts:
            count = len(next(iter(part.derivatives.values())))
            local = [index_of.setdefault(text, len(index_of)) for text in part.reasons]
            none = np.zeros(count, dtype=np.int32)
            reasons.append(none if part.reason_of is None else np.array(local)[part.reason_of])
        return dataclasses.replace(
            parts[0],
            derivatives=_joined([part.derivatives for part in parts]),
            errors=_joined(_estimates(parts, "errors", filler=np.nan)),
            straddling=_joined(_estimates(parts, "straddling", filler=False)),
            reason_of=np.concatenate(reasons).astype(np.int32) if len(index_of) > 1 else None,
            reasons=tuple(index_of),
        )

    def with_estimate(
        self, variable: str, points: NDArray[np.intp], estimate: ErrorEstimate
    ) -> Samples:
        """Return the samples with an estimate of the errors at some points."""
        count = len(self.derivatives[variable])
        errors, straddling = np.full(count, np.nan), np.zeros(count, dtype=bool)
        errors[points], straddling[points] = estimate
        return dataclasses.replace(
            self,
            errors={**self.errors, variable: errors},
            straddling={**self.straddling, variable: straddling},
        )

    def reason(self, point: int) -> str:
        """Return why the engine failed at a point, or ""."""
        return self.reasons[0 if self.reason_of is None else int(self.reason_of[point])]


def _joined(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _estimates(
    parts: Sequence[Samples], field: str, *, filler: float | bool
) -> list[dict[str, NDArray[Any]]]:
    """Return the estimates of each part, with a filler for variables that were not estimated."""
    names = dict.fromkeys(name for part in parts for name in getattr(part, field))
    return [
        {n: getattr(part, field).get(n, np.full(len(part.derivatives[n]), filler)) for n in names}
        for part in parts
    ]


@dataclasses.dataclass(frozen=True, slots=True)
class Allowance:
    """How far a correct engine may deviate at one point, and why.

    Attributes
    ----------
    radius
        Bound of the rounding errors in the engine's formula. NaN: no bound is available.
    expected
        The number that the engine must return apart from rounding; None: the derivative.
    reason
        Why it may deviate, in a few words: "rounding", "truncation and rounding".
    stencil_leaves_domain
        Whether the engine cannot have a number here, since its stencil leaves the domain.
    """

    radius: float = 0.0
    expected: float | None = None
    reason: str = "rounding"
    stencil_leaves_domain: bool = False

    def explains(self, value: float, derivative: float) -> bool:
        """Return whether a correct engine may return `value` where f' is `derivative`."""
        centre = derivative if self.expected is None else self.expected
        return abs(value - centre) <= self.radius


class ErrorEstimate(NamedTuple):
    """An engine's estimate of its errors at some points.

    Attributes
    ----------
    errors
        Estimates of the absolute errors, shape (n,).
    straddling
        Where a switch changes its sign inside the engine's stencil, shape (n,).
    """

    errors: Array
    straddling: Mask


class Engine(Protocol):
    """A method of differentiation, whose derivatives are judged."""

    @property
    def name(self) -> str:
        """The name that users type."""

    @property
    def traits(self) -> Traits:
        """What the engine declares about itself."""

    def differentiate(self, problem: Problem) -> Samples:
        """Return the derivatives at every point of a problem.

        A derivative is NaN where the engine has no number. An exception becomes a failure at every
        point; an engine that fails at some of the points returns `Samples.reason_of` instead.

        Raises
        ------
        Unsupported
            The engine cannot express the program.
        """

    def estimate_errors(self, problem: Problem, variable: str) -> ErrorEstimate | None:
        """Return estimates of the errors of `differentiate`; None if the engine has none."""

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        """Return how far a correct engine may deviate at a point of the problem."""


def run(engine: Engine, problem: Problem) -> Samples:
    """Return an engine's samples for a problem; whatever it raises becomes a failure in them.

    The engine is given only what its traits declare that it can run. A dtype that they do not
    declare makes the problem unsupported.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> class Broken:
    ...     name = "broken"
    ...     traits = Traits()
    ...     def differentiate(self, problem):
    ...         raise RuntimeError("no kernel")
    >>> run(Broken(), Problem(parse("x"), {"x": np.zeros(1)}, ("x",))).reason(0)
    'RuntimeError: no kernel'
    """
    samples = _run(engine, _suited(engine.traits, problem))
    return dataclasses.replace(samples, traits=engine.traits)


def _suited(traits: Traits, problem: Problem) -> Problem:
    """Return a problem with only the parts that an engine with these traits can run."""
    return dataclasses.replace(
        problem,
        function=problem.function if traits.runs_callables else None,
        tensor_problem=problem.tensor_problem if traits.whole_tensors else None,
    )


def _run(engine: Engine, problem: Problem) -> Samples:
    try:
        if problem.tensor_problem is not None:
            check_dtypes(engine, problem.tensor_problem)
        if engine.traits.runs_in_chunks and is_long(problem):
            return _in_chunks(engine, problem)
        return _checked(engine.differentiate(problem), problem)
    except Unsupported as error:
        return Samples(_no_numbers(problem), unsupported=str(error), missing=error.function)
    except Exception as error:  # noqa: BLE001  (an engine on trial may raise anything)
        check_memory(error)
        everywhere = np.ones(problem.count, dtype=np.int32)
        return Samples(_no_numbers(problem), reason_of=everywhere, reasons=("", describe(error)))


def _checked(samples: Samples, problem: Problem) -> Samples:
    """Return what an engine returned, if it has the form of samples of the problem.

    Raises
    ------
    TypeError, ValueError
        It has not: the message says how.
    """
    if not isinstance(samples, Samples):
        message = f"differentiate returned {type(samples).__name__}, not Samples"
        raise TypeError(message)
    if not samples.derivatives and problem.variables:
        message = "differentiate returned no derivatives"
        raise ValueError(message)
    for name, column in samples.derivatives.items():
        if np.shape(column) != (problem.count,):
            shape = np.shape(column)
            message = f"the derivatives by {name} have shape {shape}, not ({problem.count},)"
            raise ValueError(message)
    return samples


def check_dtypes(engine: Engine, tensor_problem: TensorProblem) -> None:
    """Check that an engine can run a program in the dtypes of its tensors.

    Raises
    ------
    Unsupported
        It does not declare the dtype of a floating-point tensor.
    """
    for value in tensor_problem.values.values():
        if value.dtype in FLOATING_DTYPES and value.dtype not in engine.traits.dtypes:
            raise Unsupported(value.dtype, f"{engine.name} has no such dtype")


def is_long(problem: Problem) -> bool:
    """Return whether a problem is cut into chunks for engines that run in chunks."""
    on_numbers = problem.tensor_problem is None and problem.function is None
    return on_numbers and chunks.is_long(problem.count)


def _no_numbers(problem: Problem) -> dict[str, Array]:
    return {name: np.full(problem.count, np.nan) for name in problem.variables}


def check_memory(error: Exception) -> None:
    """Raise MemoryError if an error says that memory ran out: that is not the engine's fault.

    Raises
    ------
    MemoryError
        The error is a MemoryError, or the RuntimeError that torch raises instead.
    """
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        raise MemoryError from error


def _in_chunks(engine: Engine, problem: Problem) -> Samples:
    """Run an engine chunk by chunk: the derivative at a point depends on no other point."""
    count = problem.count
    problem = dataclasses.replace(problem, estimate_errors=False)
    columns = {name: np.empty(count) for name in problem.variables}
    covered: set[str] = set()
    refusals: dict[str, str] = {}
    failures: dict[int, tuple[tuple[str, ...], NDArray[np.int32]]] = {}

    def run_chunk(chunk: slice) -> None:
        part = problem.part(chunk)
        samples = _checked(engine.differentiate(part), part)
        for name, column in samples.derivatives.items():
            columns[name][chunk] = column
            covered.add(name)
        refusals.update(samples.refusals)
        if samples.reason_of is not None:
            failures[chunk.start] = samples.reasons, samples.reason_of

    chunks.in_chunks(count, run_chunk)
    derivatives = {name: column for name, column in columns.items() if name in covered}
    if not failures:
        return Samples(derivatives, refusals=refusals)
    index_of, reason_of = {"": 0}, np.zeros(count, dtype=np.int32)
    for start in sorted(failures):  # in the order of the points, whichever chunk was done first
        reasons, local = failures[start]
        indices = [index_of.setdefault(text, len(index_of)) for text in reasons]
        reason_of[start : start + len(local)] = np.array(indices)[local]
    return Samples(derivatives, reason_of=reason_of, reasons=tuple(index_of), refusals=refusals)
