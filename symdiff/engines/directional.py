"""Derivatives of programs on large tensors along directions: what engines are given and return.

A program with too many components is judged by numbers c·J·v, for cotangents c and directions v of
its inputs. An engine that can give them has a method ``along``, as in `DirectionalEngine`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

from symdiff.arithmetics.bounds.tensor_estimates import directional_estimate
from symdiff.array_types import Array
from symdiff.engines.base import Allowance, Engine, Gap, Samples, TensorProblem
from symdiff.engines.running import check_dtypes, check_memory, moves_entries, runs_tensors
from symdiff.errors import Unsupported, describe
from symdiff.program import Program
from symdiff.program.formats import Format

Direction = Mapping[str, Array]  # for the inputs that move, the direction of each


class DirectionalBound(NamedTuple):
    """The derivative along a direction with certified bounds; infinite where none is known.

    Attributes
    ----------
    slope
        c·J·v.
    slope_error
        Bound of its rounding error.
    value_error
        Bound of the rounding error of the value c·f.
    """

    slope: float
    slope_error: float
    value_error: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DirectionalProblem:
    """A program on tensors, and the directions along which it is to be differentiated.

    Attributes
    ----------
    tensor_problem
        The program with the values of its tensors and the cotangents.
    values
        The same values as arrays; inputs that stand for indices have integers.
    weights
        The cotangents c whose products with the value are added up.
    times
        How often each cotangent is applied: the number of backward calls.
    directions
        The directions by name.
    is_contracted
        Whether claims are about the gradients c·J, not about the Jacobian J. They are if the value
        is a number, or if the request gives the cotangents.
    function
        The callable on torch tensors that the program is the formula of, or None.
    """

    tensor_problem: TensorProblem
    values: Mapping[str, Any]
    weights: tuple[Array, ...]
    times: int
    directions: Mapping[str, Direction]
    is_contracted: bool
    function: Callable[..., Any] | None = None

    def in_format(self, form: Format) -> DirectionalProblem:
        """Return the problem for an engine that is asked to compute in a format."""
        return dataclasses.replace(self, tensor_problem=self.tensor_problem.in_format(form))

    @property
    def program(self) -> Program:
        """The program as it was written."""
        return self.tensor_problem.program

    def contracted(self, value: Array) -> float:
        """Return c·value, for a value of the program or a derivative of it."""
        return self.times * float(sum((c * value).sum() for c in self.weights))

    def bound(self, name: str, *, backward_formula: bool = False) -> DirectionalBound:
        """Return the derivative along a direction with certified bounds.

        Parameters
        ----------
        name
            The direction.
        backward_formula
            Whether to bound torch's backward formulas where they differ from the program.
        """
        try:
            estimate, settled = directional_estimate(
                self.program,
                self.values,
                self.directions[name],
                self.weights,
                self.times,
                backward_formula=backward_formula,
            )
        except Unsupported:
            return DirectionalBound(math.nan, math.inf, math.inf)
        slope = 0.0 if estimate.slope is None else float(estimate.slope)
        error = float(estimate.slope_error) if settled else math.inf
        return DirectionalBound(slope, error, float(estimate.error))


class DirectionalSamples(NamedTuple):
    """The derivatives of an engine along directions.

    Attributes
    ----------
    samples
        The derivatives by the directions' names, shape (1,).
    allowances
        How far a correct engine may deviate, by direction. A missing direction has no allowance.
    gradients
        The gradients c·J by input that the derivatives were taken from, if there are any.
    """

    samples: Samples
    allowances: Mapping[str, Allowance]
    gradients: Mapping[str, Array]


@runtime_checkable
class DirectionalEngine(Protocol):
    """An engine that can differentiate programs on large tensors along directions."""

    def along(
        self, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
    ) -> DirectionalSamples:
        """Return the derivatives along every direction of a problem, at its one point.

        Parameters
        ----------
        problem
            The program and the directions.
        bounds
            The result of `DirectionalProblem.bound` for every direction.

        Raises
        ------
        Unsupported
            The engine cannot express the program.
        """


def run_along(
    engine: Engine, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
) -> DirectionalSamples:
    """Return an engine's derivatives along directions; an exception is returned as the reason.

    An engine without a method ``along`` does not support the problem.
    """
    result = _along(engine, problem, bounds)
    runs = runs_tensors(engine.traits, problem.function)
    tensor_problem = problem.tensor_problem if runs else None
    samples = result.samples.ran_by(engine.traits, tensor_problem)
    return result._replace(samples=samples)


def _along(
    engine: Engine, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
) -> DirectionalSamples:
    names = tuple(problem.directions)
    if not isinstance(engine, DirectionalEngine):
        reason = "it works component by component, and the program is too large for that"
        return DirectionalSamples(Samples.without(names, 1, Gap(reason)), {}, {})
    try:
        if runs_tensors(engine.traits, problem.function):
            check_dtypes(engine, problem.tensor_problem)
        if problem.function is not None and moves_entries(engine.traits, problem.function):
            from symdiff.engines.symmetric_matrices import (  # noqa: PLC0415  (loads torch)
                check_symmetric_matrices,
            )

            together = {n: v for d in problem.directions.values() for n, v in d.items()}
            check_symmetric_matrices(problem.tensor_problem, problem.function, {}, together)
        return engine.along(problem, bounds)
    except Unsupported as error:
        return DirectionalSamples(Samples.without(names, 1, Gap.of(error)), {}, {})
    except Exception as error:  # noqa: BLE001  (an engine may raise anything)
        check_memory(error)
        return DirectionalSamples(Samples.failed(names, 1, describe(error)), {}, {})
