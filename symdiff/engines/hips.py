"""HIPS autograd's reverse mode on the program as written, in numpy's float64."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from autograd.core import make_vjp

from symdiff.arithmetics.hips_arrays import HIPS
from symdiff.arithmetics.reading import read
from symdiff.array_types import Array
from symdiff.engines.base import Allowance, Problem, Samples, Traits
from symdiff.engines.formulas import program_allowance
from symdiff.engines.running import numbers_or_failures

__all__ = ["ENGINE"]


class _Hips:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "hips"
    traits = Traits(
        modes=("reverse",),
        runs_in_chunks=False,  # warnings are not thread-safe
        orders=(1, 2),
    )

    def differentiate(self, problem: Problem) -> Samples:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # It warns where a derivative is 0 since the value does not depend on the input.
            warnings.filterwarnings("ignore", message="Output seems independent of input")
            return numbers_or_failures(problem, _differentiate)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        return program_allowance(problem, variable, point)


def _differentiate(problem: Problem) -> Samples:
    names = problem.moving

    def value(columns: tuple[Array, ...]) -> Any:  # noqa: ANN401  (an array on the tape)
        """Return the values at all points: the value at one depends on this point alone."""
        inputs = {**problem.columns, **dict(zip(names, columns, strict=True))}
        # A sum with zeros makes an array of a number, and of an array with a single element.
        return read(problem.written, HIPS, inputs) + np.zeros(problem.count)

    def inner_slope(columns: tuple[Array, ...]) -> Any:  # noqa: ANN401  (an array on the tape)
        pull_back, _ = make_vjp(value, columns)
        return pull_back(np.ones(problem.count))[0] + np.zeros(problem.count)

    function = value if problem.second is None else inner_slope
    pull_back, values = make_vjp(function, tuple(problem.columns[name] for name in names))
    slopes = pull_back(np.ones(problem.count))
    columns = dict(zip(names, map(np.array, slopes), strict=True))
    return Samples({name: columns[name] for name in problem.variables}, values=np.array(values))


ENGINE = _Hips()
