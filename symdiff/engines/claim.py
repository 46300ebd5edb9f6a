"""An engine that gives the derivatives that somebody asserts; each request has its own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from symdiff.arithmetics.arrays import evaluate, evaluate_tensor
from symdiff.arithmetics.bounds.rounding import value_radius
from symdiff.arithmetics.bounds.tensor_estimates import directional_estimate
from symdiff.array_types import Array
from symdiff.engines.base import Allowance, Engine, Problem, Samples, Traits, no_numbers
from symdiff.engines.directional import DirectionalBound, DirectionalProblem, DirectionalSamples
from symdiff.engines.running import check_memory
from symdiff.errors import Unsupported, describe
from symdiff.program import Program

CLAIM: Final = "claim"


def as_engines(
    programs: Mapping[str, Program],
    refused: Mapping[str, str],
    diagonal: frozenset[str] = frozenset(),
) -> dict[str, Engine]:
    """Return asserted derivatives as an engine, by its name; empty if nothing is asserted.

    Parameters
    ----------
    programs, refused, diagonal
        As in `Claim`.
    """
    return {CLAIM: Claim(programs, refused, diagonal)} if programs or refused else {}


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """The engine; see `symdiff.engines.base.Engine`.

    Attributes
    ----------
    programs
        The asserted derivatives, by variable.
    refused
        The reason why what is asserted cannot be a derivative, by variable.
    diagonal
        Tensors for which the diagonal of the Jacobian is asserted, all else being 0.
    """

    programs: Mapping[str, Program]
    refused: Mapping[str, str] = dataclasses.field(default_factory=dict)
    diagonal: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The engine's name."""
        return CLAIM

    @property
    def traits(self) -> Traits:
        """What the engine declares about itself."""
        return Traits(modes=("formula",), is_asserted=True, orders=(1, 2))

    def differentiate(self, problem: Problem) -> Samples:
        """Return the values of the claims at every point."""
        values, failures = {}, dict(self.refused)
        for name, program in self.programs.items():
            try:
                values[name] = evaluate(program, dict(problem.columns))
            except Exception as error:  # noqa: BLE001  (the other claims can still be judged)
                check_memory(error)
                failures[name] = describe(error)
        return Samples({**values, **no_numbers(failures, problem.count)}, refusals=failures)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        """Return None: a claim has no estimate of its errors."""
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        """Return what rounding can do to the claim's formula."""
        if variable in self.refused:
            return Allowance()
        balls = problem.balls(point)
        program = self.programs[variable]
        return Allowance(value_radius(program, {name: balls[name] for name in program.inputs}))

    def along(
        self, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
    ) -> DirectionalSamples:
        """Return the products of the claimed Jacobians with the directions."""
        del bounds
        slopes: dict[str, Array] = {}
        refusals: dict[str, str] = {}
        allowances: dict[str, Allowance] = {}
        gradients: dict[str, Array] = {}
        for variable in (*self.programs, *self.refused):
            names = [name for name, v in problem.directions.items() if set(v) == {variable}]
            if variable in self.refused:
                slopes.update({name: np.full(1, np.nan) for name in names})
                refusals.update(dict.fromkeys(names, self.refused[variable]))
                continue
            value, errors = _value_and_errors(self.programs[variable], problem)
            is_diagonal = variable in self.diagonal
            for name in names:
                v = problem.directions[name][variable]
                slopes[name] = np.array([_product(problem, value, v, is_diagonal=is_diagonal)])
                size = _product(problem, errors, np.abs(v), is_diagonal=is_diagonal, is_size=True)
                allowances[name] = Allowance(2 * size)
            if problem.is_contracted:
                gradients[variable] = value
        return DirectionalSamples(Samples(slopes, refusals=refusals), allowances, gradients)


def _value_and_errors(program: Program, problem: DirectionalProblem) -> tuple[Array, Array]:
    """Return the value of a claim, and bounds of its rounding errors; NaN: no bound is known."""
    try:
        estimate, is_certified = directional_estimate(program, problem.values, {})
    except Unsupported:
        is_certified = False
    if not is_certified:
        value = evaluate_tensor(program, problem.values)
        return value, np.full(value.shape, math.nan)
    return np.asarray(estimate.value), np.asarray(estimate.error)


def _product(
    problem: DirectionalProblem,
    value: Array,
    v: Array,
    *,
    is_diagonal: bool,
    is_size: bool = False,
) -> float:
    """Return c·J·v for an asserted J, or the sum of the sizes of its terms."""
    if problem.is_contracted:
        return float((value * v).sum())
    weights = [np.abs(c) if is_size else c for c in problem.weights]
    tangent = value * v if is_diagonal else np.tensordot(value, v, v.ndim)
    return problem.times * float(sum((c * tangent).sum() for c in weights))
