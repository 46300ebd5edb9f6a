"""Engines with a planted fault: whatever judges engines must notice them."""

import numpy as np

from symdiff.engines.base import Allowance, Samples
from symdiff.engines.symbolic import ENGINE as SYMBOLIC


class Faulty:
    """The symbolic engine, with its derivatives passed through a fault."""

    def __init__(self, name, fault):
        self.name = name
        self._fault = fault

    def differentiate(self, problem):
        right = SYMBOLIC.differentiate(problem).derivatives
        return Samples({name: self._fault(values) for name, values in right.items()})

    def estimate_errors(self, problem, variable):
        return None

    def allowance(self, problem, variable, point):
        return SYMBOLIC.allowance(problem, variable, point)


class Raising:
    name = "raising"

    def differentiate(self, problem):
        raise RuntimeError("no kernel\nand more")

    def estimate_errors(self, problem, variable):
        return None

    def allowance(self, problem, variable, point):
        return Allowance()


FAULTY = [
    Faulty("off by one", lambda d: d + 1),
    Faulty("off by a part in 1e8", lambda d: d * (1 + 1e-8)),
    Faulty("zero", np.zeros_like),
    Faulty("nan", lambda d: np.full_like(d, np.nan)),
    Faulty("sign flipped", np.negative),
    Faulty("shifted by one point", lambda d: np.roll(d, 1)),
]
