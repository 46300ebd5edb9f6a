"""PyTorch's reverse mode on the program as written: one batched pass for all points."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from symdiff.engines.base import Allowance, Problem, Samples, Traits
from symdiff.engines.callables import refuse_numpy
from symdiff.engines.directional import DirectionalBound, DirectionalProblem, DirectionalSamples
from symdiff.engines.reverse import differentiated, product
from symdiff.engines.running import check_memory
from symdiff.engines.tensor_gradients import accumulated, with_checks_along
from symdiff.engines.torch_backward import TorchBackwardPass, backward_pass
from symdiff.engines.torch_rounding import allowance_along, allowance_at
from symdiff.engines.twice import differentiated_twice
from symdiff.program.values import FLOATING_DTYPES

__all__ = ["ENGINE"]


class _Autograd:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "autograd"
    traits = Traits(
        modes=("reverse",),
        whole_tensors=True,
        dtypes=FLOATING_DTYPES,
        runs_callables=True,
        runs_in_chunks=False,  # torch has threads of its own
        # https://docs.pytorch.org/docs/stable/notes/autograd.html#gradients-for-non-differentiable-functions
        min_norm_rule="torch's rule",
        orders=(1, 2),
    )

    def differentiate(self, problem: Problem) -> Samples:
        refuse_numpy(problem.function)
        with torch.inference_mode(mode=False), torch.enable_grad():  # whatever the caller has set
            return differentiated(problem) if problem.order == 1 else differentiated_twice(problem)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        return allowance_at(problem, variable, point)

    def backward_pass(self, problem: Problem) -> TorchBackwardPass | None:
        if problem.function is not None:
            return None
        try:
            return backward_pass(problem)
        except Exception as error:  # noqa: BLE001  (where `differentiate` fails, this fails too)
            check_memory(error)
            return None

    def along(
        self, problem: DirectionalProblem, bounds: Mapping[str, DirectionalBound]
    ) -> DirectionalSamples:
        refuse_numpy(problem.function)
        with torch.inference_mode(mode=False), torch.enable_grad():
            done = accumulated(problem.tensor_problem, {}, problem.function)
        gradients = done.gradients
        slopes = {n: np.array([product(gradients, v)]) for n, v in problem.directions.items()}
        allowances = {name: allowance_along(problem, name, bounds[name]) for name in slopes}
        samples = Samples(slopes)
        if problem.function is not None:
            samples = with_checks_along(samples, problem, bounds, done)
            if done.dtype != problem.tensor_problem.dtype.name:
                reason = f"the callable computes in {done.dtype}: its rounding error is not known"
                allowances = dict.fromkeys(slopes, Allowance(math.nan, reason=reason))
        return DirectionalSamples(samples, allowances, gradients)


ENGINE = _Autograd()
