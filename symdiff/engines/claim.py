"""A derivative that a person asserts: one more thing on trial."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np

from symdiff.arithmetics.arrays import evaluate
from symdiff.arithmetics.rounding import value_radius
from symdiff.engines.base import Problem, Samples, Slack
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
        Variables for which what is asserted cannot be a derivative.
    """

    programs: Mapping[str, Program]
    refused: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The engine's name."""
        return CLAIM

    @property
    def in_pieces(self) -> bool:
        """As for any formula in numpy."""
        return True

    def differentiate(self, problem: Problem) -> Samples:
        """Evaluate the claim at every point."""
        columns = dict(problem.columns)
        found = {name: evaluate(p, columns) for name, p in self.programs.items()}
        nothing = {name: np.full(problem.count, np.nan) for name in self.refused}
        return Samples({**found, **nothing})

    def doubts(self, problem: Problem, variable: str) -> None:
        """Return nothing: a claim has no estimate of its errors."""
        del problem, variable

    def slack(self, problem: Problem, variable: str, point: int) -> Slack:
        """Return what rounding can do to the claim's formula."""
        if variable in self.refused:
            return Slack()
        balls = problem.balls(point)
        program = self.programs[variable]
        return Slack(value_radius(program, {name: balls[name] for name in program.inputs}))
