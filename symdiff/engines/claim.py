"""A derivative that a person asserts: one more thing on trial."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np

from symdiff.arithmetics.arrays import evaluate
from symdiff.arithmetics.bounds.rounding import value_radius
from symdiff.engines.base import Allowance, Problem, Samples, Traits
from symdiff.program import Program

CLAIM: Final = "claim"


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """The engine; see `symdiff.engines.base.Engine`.

    Attributes
    ----------
    programs
        For some variables what is asserted.
    refused
        Variables for which what is asserted cannot be a derivative, with the reason.
    """

    programs: Mapping[str, Program]
    refused: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """The engine's name."""
        return CLAIM

    @property
    def traits(self) -> Traits:
        """What the engine declares about itself."""
        return Traits(modes=("formula",), is_asserted=True)

    def differentiate(self, problem: Problem) -> Samples:
        """Evaluate the claim at every point."""
        columns = dict(problem.columns)
        found = {name: evaluate(p, columns) for name, p in self.programs.items()}
        nothing = {name: np.full(problem.count, np.nan) for name in self.refused}
        return Samples({**found, **nothing}, refusals=self.refused)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        """Return nothing: a claim has no estimate of its errors."""
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        """Return what rounding can do to the claim's formula."""
        if variable in self.refused:
            return Allowance()
        balls = problem.balls(point)
        program = self.programs[variable]
        return Allowance(value_radius(program, {name: balls[name] for name in program.inputs}))
