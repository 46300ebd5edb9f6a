"""PyTorch's reverse mode on the program as written: one batched pass for all points."""

from __future__ import annotations

import dataclasses

from symdiff.engines.base import Problem
from symdiff.engines.reverse import GradientEngine, on_grid
from symdiff.engines.running import check_memory
from symdiff.engines.tensor_gradients import accumulated
from symdiff.engines.torch_backward import TorchBackwardPass, backward_pass
from symdiff.engines.torch_programs import TORCH_TRAITS
from symdiff.engines.twice import differentiated_twice

__all__ = ["ENGINE"]


def _backward_pass(problem: Problem) -> TorchBackwardPass | None:
    if problem.function is not None:
        return None
    try:
        return backward_pass(problem)
    except Exception as error:  # noqa: BLE001  (where `differentiate` fails, this fails too)
        check_memory(error)
        return None


ENGINE = GradientEngine(
    name="autograd",
    traits=dataclasses.replace(
        TORCH_TRAITS, modes=("reverse",), orders=(1, 2), runs_in_chunks=True
    ),
    on_grid=on_grid,
    at_point=accumulated,
    backward_pass=_backward_pass,
    twice=differentiated_twice,
)
