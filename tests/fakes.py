"""Engines with planted faults, as negative controls: every test of verdicts must notice them."""

import numpy as np

from symdiff.engines.base import Allowance, Samples, Traits
from symdiff.engines.symbolic import ENGINE as SYMBOLIC


class Fake:
    """An engine without error estimates and with an allowance of 0."""

    # Some faults move values from point to point.
    traits = Traits(runs_in_chunks=False, orders=(1, 2))

    def estimate_errors(self, problem, variable):
        return None

    def allowance(self, problem, variable, point):
        return Allowance()


class Faulty(Fake):
    """The symbolic engine with a function applied to its derivatives."""

    def __init__(self, name, fault):
        self.name = name
        self._fault = fault

    def differentiate(self, problem):
        right = SYMBOLIC.differentiate(problem).derivatives
        return Samples({name: self._fault(values) for name, values in right.items()})

    def allowance(self, problem, variable, point):
        return SYMBOLIC.allowance(problem, variable, point)


class Fixed(Fake):
    """An engine that returns the same gradient at every point."""

    def __init__(self, name, gradient):
        self.name = name
        self._gradient = gradient

    def differentiate(self, problem):
        return Samples({name: np.full(problem.count, d) for name, d in self._gradient.items()})


class Raising(Fake):
    """An engine that raises an exception."""

    name = "raising"

    def differentiate(self, problem):
        raise RuntimeError("no kernel\nand more")


FAULTY = [
    Faulty("off by one", lambda d: d + 1),
    Faulty("off by a part in 1e8", lambda d: d * (1 + 1e-8)),
    Faulty("zero", np.zeros_like),
    Faulty("nan", lambda d: np.full_like(d, np.nan)),
    Faulty("sign flipped", np.negative),
    Faulty("shifted by one point", lambda d: np.roll(d, 1)),
]
