"""The contract of an engine: what it declares, what it is given, and what it returns.

An engine is an object with the attributes `name` and `traits` and the methods of `Engine`. It may
have a method `along` too, for programs on large tensors; see `symdiff.engines.directional`.
`symdiff.engines.registry` says how an engine is registered.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import flint
import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.components.components import WrittenOut
from symdiff.arithmetics.components.fixed import with_inputs_fixed
from symdiff.array_types import Array, Mask
from symdiff.chunks import renumbered, shifted, starts_of
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.differentiation import SecondOrder
from symdiff.program.formats import FLOAT64, Format
from symdiff.program.values import DTYPES, Dtype, Value, index_inputs

# Reasons for which finite differences may deviate from the derivative.
STRADDLES: Final = "the stencil straddles a point at which a switch is zero"
TRUNCATION: Final = "truncation and rounding"
ROUNDING: Final = "rounding"  # why the result of a formula may deviate
LEAVES_DOMAIN: Final = "the stencil leaves the domain"  # why there is no finite difference
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
        The floating-point dtypes in which it can run a program. An engine named with one of them,
        such as ``autograd:float32``, is given `Problem.format`.
    autocasts
        Whether it runs a program under torch's autocast where the format is mixed.
    runs_callables
        Whether it runs the callable of a problem, with the problem on tensors if there is one. If
        not, it is given the formula alone.
    runs_in_chunks
        Whether a long grid is cut into chunks for it, which run on several threads. If not, it
        starts its threads itself, and is run at the same time as the other engines.
    min_norm_rule
        The name of its documented rule at kinks, if it promises the subgradient of least norm
        where the function is locally convex, and the supergradient of least norm where it is
        locally concave; else "".
    is_asserted
        Whether its derivative is the user's claim. A report then explains how a wrong derivative
        differs from the truth: by its sign, by a factor, ...
    orders
        The orders of the derivatives that it has: ``(1, 2)`` if it differentiates twice
        (`Problem.second`).

    Raises
    ------
    ValueError
        A mode is not one of `MODES`.
    """

    modes: tuple[str, ...] = ()
    whole_tensors: bool = False
    dtypes: tuple[str, ...] = ("float64",)
    autocasts: bool = False
    runs_callables: bool = False
    runs_in_chunks: bool = True
    min_norm_rule: str = ""
    is_asserted: bool = False
    orders: tuple[int, ...] = (1,)

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
        The direction of a single directional derivative; None: a derivative with respect to
        every component.
    shape
        The shape of the program's value, if it is known.
    backward_formula
        The component of the program, written out in the formulas of torch's backward pass, where
        these differ from the formulas of its forward pass.
    written
        The program written out, with whose components the engines' values are compared; None if it
        is not written out.
    component
        The multi-index of the only component of the value that is differentiated; None: all.
    format
        The format that the engine is asked to compute in; numbers that are no tensors have it.
    """

    program: Program
    values: Mapping[str, Value]
    cotangents: tuple[Array | None, ...] = (None,)
    tangent: Mapping[str, Array] | None = None
    shape: tuple[int, ...] | None = None
    backward_formula: Program | None = None
    written: WrittenOut | None = None
    component: tuple[int, ...] | None = None
    format: Format = FLOAT64

    def in_format(self, form: Format) -> TensorProblem:
        """Return the problem with its numbers in a format; integers stay as they are."""
        values = {
            name: value
            if DTYPES[value.dtype].is_integer
            else Value(form.dtype.rounded(value.array), form.dtype.name)
            for name, value in self.values.items()
        }
        return dataclasses.replace(self, values=values, format=form)

    @property
    def dtype(self) -> Dtype:
        """The floating dtype with the fewest bits among the tensors, and in which it is run."""
        dtypes = [*(DTYPES[value.dtype] for value in self.values.values()), self.format.coarsest]
        floating = (dtype for dtype in dtypes if not dtype.is_integer)
        return min(floating, key=lambda dtype: dtype.bits)

    @property
    def scalars(self) -> tuple[str, ...]:
        """The inputs that are numbers and run over the grid."""
        return tuple(name for name in self.program.inputs if name not in self.values)

    def arrays(self, numbers: Mapping[str, float]) -> dict[str, Any]:
        """Return the inputs as arrays, integers where they are indices, given the scalars."""
        integers = index_inputs(self.program)
        return {
            name: np.float64(numbers[name])
            if name not in self.values
            else self.values[name].array.astype(np.int64)
            if name in integers
            else self.values[name].array
            for name in self.program.inputs
        }


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
    second
        For second derivatives, the expression as written and the input that it is differentiated by
        first: an engine differentiates `second.program` by `second.inner`, and the result by each
        of the variables. `program` is then the first derivative as a formula, which an engine is
        not to use: its error bounds and the truth come from it. None: first derivatives.
    estimate_errors
        Whether `Engine.differentiate` returns estimates of the errors too. If not,
        `Engine.estimate_errors` is called for the points that need one.
    format
        The format that the engine is asked to compute in. The columns are doubles in any case.
    is_chunk
        Whether these are some points of a long grid, which is run in chunks on several threads.
    """

    program: Program
    columns: Mapping[str, Array]
    variables: tuple[str, ...]
    function: Callable[..., Any] | None = None
    tensor_problem: TensorProblem | None = None
    second: SecondOrder | None = None
    estimate_errors: bool = True
    format: Format = FLOAT64
    is_chunk: bool = False

    def in_format(self, form: Format) -> Problem:
        """Return the problem for an engine that is asked to compute in a format."""
        tensors = self.tensor_problem and self.tensor_problem.in_format(form)
        return dataclasses.replace(self, tensor_problem=tensors, format=form)

    @classmethod
    def join(cls, parts: Sequence[Problem]) -> Problem:
        """Return the problem at the points of several parts of a grid, concatenated."""
        return dataclasses.replace(parts[0], columns=_joined([part.columns for part in parts]))

    @property
    def order(self) -> int:
        """The order of the derivatives."""
        return 1 if self.second is None else 2

    @property
    def written(self) -> Program:
        """The expression as written, of which derivatives are taken."""
        return self.program if self.second is None else self.second.program

    @property
    def inner(self) -> str:
        """The input that is differentiated by first; "" for first derivatives."""
        return "" if self.second is None else self.second.inner

    @property
    def moving(self) -> tuple[str, ...]:
        """The inputs that are differentiated by; for second derivatives, the inner one first."""
        if self.second is None:
            return self.variables
        return tuple(dict.fromkeys((self.second.inner, *self.variables)))

    def label(self, variable: str) -> str:
        """Return the name of a derivative: ``y``, or ``x,y`` for d/dx, then d/dy."""
        return variable if self.second is None else f"{self.second.inner},{variable}"

    @property
    def count(self) -> int:
        """The number of points n."""
        return len(next(iter(self.columns.values()))) if self.columns else 1

    @property
    def has_values(self) -> bool:
        """Whether an engine that differentiates a formula is to compute its values as well."""
        return self.order == 1 and not self.is_chunk and self.count <= MAX_VALUES

    def without_data(self) -> Program:
        """Return the program as a function of the inputs that move, with all data held fixed.

        The inputs that move are the numbers on the grid, whether they are differentiated by or
        not, and the components of tensors that are differentiated by. Other tensors are data: they
        have the same values at all points, as the mask of an attention has.
        """
        if self.tensor_problem is None:
            return self.program
        moving = {*self.variables, *self.tensor_problem.scalars}
        data = [name for name in self.program.inputs if name not in moving]
        return with_inputs_fixed(self.program, {n: float(self.columns[n][0]) for n in data})

    def part(self, chosen: slice | NDArray[Any]) -> Problem:
        """Return the problem at some of its points: a slice, a mask, or indices."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return dataclasses.replace(self, columns=columns)

    def balls(self, point: int) -> dict[str, Ball]:
        """Return the coordinates of a point as balls of radius 0."""
        return {name: flint.arb(float(column[point])) for name, column in self.columns.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class Gap:
    """Why an engine cannot express a derivative at all.

    Attributes
    ----------
    reason
        The reason, in a few words.
    function
        The function that the engine lacks, if that is the reason; else "".
    """

    reason: str
    function: str = ""

    @classmethod
    def of(cls, error: Unsupported) -> Gap:
        """Return what an exception says."""
        return cls(str(error), error.function)


@dataclasses.dataclass(frozen=True, slots=True)
class Samples:
    """The derivatives that an engine returned, or why it returned none.

    Attributes
    ----------
    derivatives
        The partial derivatives with respect to every variable, shape (n,). A claim may be for
        some only.
    errors
        The engine's estimates of its errors by variable, shape (n,); NaN at the points for which
        no estimate was requested. Variables without any estimate are left out.
    straddling
        By variable, whether a switch changes its sign inside the engine's stencil at each point,
        shape (n,). Variables without any estimate are left out.
    reason_of
        By variable, the index into `reasons` for every point, shape (n,); 0 where the engine did
        not fail. Variables for which it failed nowhere are left out.
    reasons
        Messages of failures; the first is "".
    unsupported
        By variable, why the engine cannot express the derivative; it is NaN at every point.
    refusals
        By variable, why the engine's answer cannot be a derivative (a claim of the wrong shape).
        Their derivatives are NaN, and the engine fails at every point.
    values
        The values of the function itself, if the engine computed them: shape (n,), or (n, ...)
        with the shape of the value of `Problem.tensor_problem`; NaN where the engine failed. They
        are compared with the program's.
    faults
        By variable, where the derivatives are wrong whatever the truth is, shape (n,). Variables
        without such a point are left out.
    fault_reasons
        By variable of `faults`, why.
    notes
        By variable and point, what a report says beside the number, whatever the verdict is.
    traits
        The traits of the engine.
    dtype
        The name of the dtype in which the engine computed: the coarsest, if there are several.
    asked
        The name of the dtype in which it was asked to compute: that of its inputs. Units in the
        last place are counted in it.
    """

    derivatives: Mapping[str, Array]
    errors: Mapping[str, Array] = dataclasses.field(default_factory=dict)
    straddling: Mapping[str, Mask] = dataclasses.field(default_factory=dict)
    reason_of: Mapping[str, NDArray[np.int32]] = dataclasses.field(default_factory=dict)
    reasons: tuple[str, ...] = ("",)
    unsupported: Mapping[str, Gap] = dataclasses.field(default_factory=dict)
    refusals: Mapping[str, str] = dataclasses.field(default_factory=dict)
    values: Array | None = None
    faults: Mapping[str, Mask] = dataclasses.field(default_factory=dict)
    fault_reasons: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: Mapping[str, Mapping[int, str]] = dataclasses.field(default_factory=dict)
    traits: Traits = Traits()
    dtype: str = "float64"
    asked: str = "float64"

    @classmethod
    def failed(cls, variables: Sequence[str], count: int, reason: str) -> Samples:
        """Return the samples of an engine that failed at all `count` points, for one reason."""
        everywhere, numbers = np.ones(count, dtype=np.int32), no_numbers(variables, count)
        return cls(numbers, reason_of=dict.fromkeys(numbers, everywhere), reasons=("", reason))

    @classmethod
    def without(cls, variables: Sequence[str], count: int, gap: Gap) -> Samples:
        """Return the samples of an engine that cannot express a program, at `count` points."""
        return cls(no_numbers(variables, count), unsupported=dict.fromkeys(variables, gap))

    def part(self, chosen: NDArray[np.intp]) -> Samples:
        """Return the samples at some of the points, in order."""
        return dataclasses.replace(
            self,
            derivatives={name: column[chosen] for name, column in self.derivatives.items()},
            errors={name: column[chosen] for name, column in self.errors.items()},
            straddling={name: column[chosen] for name, column in self.straddling.items()},
            reason_of={name: column[chosen] for name, column in self.reason_of.items()},
            values=None if self.values is None else self.values[chosen],
            faults={name: column[chosen] for name, column in self.faults.items()},
            notes={name: renumbered(texts, chosen) for name, texts in self.notes.items()},
        )

    @classmethod
    def join(
        cls, parts: Sequence[Samples], derivatives: Mapping[str, Array] | None = None
    ) -> Samples:
        """Return the samples of one engine at several parts of a grid, concatenated.

        `derivatives` has the derivatives of all parts if they are concatenated already.
        """
        renumbered, reasons = _with_common_reasons(parts)
        if derivatives is None:
            derivatives = _joined([part.derivatives for part in parts])
        return dataclasses.replace(
            parts[0],
            derivatives=derivatives,
            errors=_joined(_completed(parts, "errors", filler=np.nan)),
            straddling=_joined(_completed(parts, "straddling", filler=False)),
            reason_of=_joined(_completed(renumbered, "reason_of", filler=np.int32(0))),
            reasons=reasons,
            refusals=_merged(parts, "refusals"),
            values=_joined_values(parts),
            dtype=_coarsest(parts),
            faults=_joined(_completed(parts, "faults", filler=False)),
            fault_reasons=_merged(parts, "fault_reasons"),
            notes=_joined_notes(parts),
        )

    @classmethod
    def beside(cls, parts: Sequence[Samples]) -> Samples:
        """Return the samples of one engine for different variables at the same points."""
        renumbered, reasons = _with_common_reasons(parts)
        fields = (
            *("derivatives", "errors", "straddling", "reason_of", "unsupported", "refusals"),
            *("faults", "fault_reasons", "notes"),
        )
        merged: dict[str, Any] = {field: _merged(renumbered, field) for field in fields}
        return dataclasses.replace(
            parts[0],
            reasons=reasons,
            values=next((part.values for part in parts if part.values is not None), None),
            dtype=_coarsest(parts),
            **merged,
        )

    def ran_by(self, traits: Traits, tensor_problem: TensorProblem | None) -> Samples:
        """Return the samples with the traits of their engine, and the coarsest dtype it had."""
        asked = DTYPES[self.asked]
        if asked == FLOAT64.dtype and tensor_problem is not None:
            asked = tensor_problem.dtype
        coarsest = min(DTYPES[self.dtype], asked, key=lambda dtype: dtype.bits)
        return dataclasses.replace(self, traits=traits, dtype=coarsest.name, asked=asked.name)

    def asked_in(self, form: Format) -> Samples:
        """Return the samples of an engine that was asked to compute in a format."""
        coarsest = min(DTYPES[self.dtype], form.coarsest, key=lambda dtype: dtype.bits)
        return dataclasses.replace(self, dtype=coarsest.name, asked=form.dtype.name)

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

    def failing(self, variable: str, points: slice | NDArray[np.intp]) -> Mask:
        """Return at which of some points the engine failed for a variable."""
        column = self.reason_of.get(variable)
        if column is None:
            return np.zeros(len(self.derivatives[variable][points]), dtype=bool)
        failing: Mask = column[points] > 0
        return failing

    def reason(self, variable: str, point: int) -> str:
        """Return why the engine failed at a point for a variable, or ""."""
        column = self.reason_of.get(variable)
        return self.reasons[0 if column is None else int(column[point])]


def _joined(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _merged(parts: Sequence[Samples], field: str) -> dict[str, Any]:
    """Return the entries that parts have by variable; of equal variables the last."""
    return {name: x for part in parts for name, x in getattr(part, field).items()}


def _joined_values(parts: Sequence[Samples]) -> Array | None:
    """Return the values of all parts, NaN for a part without; None if no part has any."""
    known = next((part.values for part in parts if part.values is not None), None)
    if known is None:
        return None
    counts = [len(next(iter(part.derivatives.values()))) for part in parts]
    return np.concatenate(
        [
            np.full((count, *known.shape[1:]), np.nan) if part.values is None else part.values
            for part, count in zip(parts, counts, strict=True)
        ]
    )


def _joined_notes(parts: Sequence[Samples]) -> dict[str, dict[int, str]]:
    starts = starts_of(len(next(iter(part.derivatives.values()), ())) for part in parts)
    names = dict.fromkeys(name for part in parts for name in part.notes)
    return {name: shifted([part.notes.get(name, {}) for part in parts], starts) for name in names}


def _coarsest(parts: Sequence[Samples]) -> str:
    """Return the coarsest dtype in which an engine computed some parts."""
    return min((part.dtype for part in parts), key=lambda name: DTYPES[name].bits)


def no_numbers(variables: Iterable[str], count: int) -> dict[str, Array]:
    """Return a column of NaN for every variable."""
    return {name: np.full(count, np.nan) for name in variables}


def _with_common_reasons(parts: Sequence[Samples]) -> tuple[list[Samples], tuple[str, ...]]:
    """Return samples whose failures refer to one tuple of reasons, and this tuple."""
    index_of = {"": 0}
    renumbered: list[Samples] = []
    for part in parts:
        indices = np.array([index_of.setdefault(r, len(index_of)) for r in part.reasons], np.int32)
        codes = {name: indices[column] for name, column in part.reason_of.items()}
        renumbered.append(dataclasses.replace(part, reason_of=codes))
    return renumbered, tuple(index_of)


def _completed(
    parts: Sequence[Samples], field: str, *, filler: float | np.int32
) -> list[dict[str, NDArray[Any]]]:
    """Return the columns of each part, with a filler for variables that have none in that part."""
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
    rounded_in
        The dtype whose rounding alone makes it deviate; "" if something else does too.
    overflows
        Whether the radius is infinite because numbers overflow, not because they are rounded.
    stencil_leaves_domain
        Whether the engine cannot have a number here, since its stencil leaves the domain.
    is_elsewhere
        Whether the engine computes at another point, where there may be no derivative: a number
        that is not finite may be right there.
    unclear
        Where rounding has no proved bound, the relative deviation up to which a number is
        `undecided`; it is estimated from the longest chain of operations.
    """

    radius: float = 0.0
    expected: float | None = None
    reason: str = ROUNDING
    rounded_in: str = "float64"
    overflows: bool = False
    stencil_leaves_domain: bool = False
    is_elsewhere: bool = False
    unclear: float = 0.0

    def explains(self, value: float, derivative: float) -> bool:
        """Return whether a correct engine may return `value` where f' is `derivative`.

        Nothing explains a number that is not finite, or a finite one for an infinite derivative.
        """
        centre = derivative if self.expected is None else self.expected
        if not math.isfinite(value) or math.isinf(derivative):
            return False
        return abs(value - centre) <= self.radius


def rounding_in(dtype: Dtype) -> str:
    """Return why a number deviates that was computed in a dtype."""
    return ROUNDING if dtype.bits >= FLOAT64.dtype.bits else f"{ROUNDING} in {dtype.name}"


@runtime_checkable
class HasRadii(Protocol):
    """An engine with bounds of its rounding errors at many points, which are computed together."""

    def radii(self, problem: Problem, variable: str) -> Array | None:
        """Return the bounds at all points, NaN where there is none; None: there are none."""


# Largest number of points at which an engine that differentiates a formula computes its values as
# well: a formula that is a different function is so at few points as at many.
MAX_VALUES: Final = 4096


@runtime_checkable
class HasValueRadius(Protocol):
    """An engine that computes values by a formula of its own."""

    def value_radius(self, problem: Problem, point: int) -> float:
        """Return a bound of the rounding error of a value; NaN where there is none."""


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
