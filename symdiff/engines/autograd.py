"""PyTorch reverse mode on the program as written, all points in one batched pass."""

from __future__ import annotations

import numpy as np
import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.rounding import slope_radius
from symdiff.arithmetics.tensors import TENSORS
from symdiff.engines.base import Problem, Samples, Slack
from symdiff.errors import Unsupported, describe

__all__ = ["ENGINE"]

_MAX_PASSES = 128  # batched passes spent to find out which points a failure belongs to


class _Autograd:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "autograd"

    def differentiate(self, problem: Problem) -> Samples:
        try:
            return Samples(_reverse(problem))
        except Unsupported:
            raise
        except Exception as error:  # noqa: BLE001  (torch may raise anything: it is data)
            return _piecewise(problem, error)

    def slack(self, problem: Problem, variable: str, point: int) -> Slack:
        return Slack(slope_radius(problem.program, variable, problem.balls(point)))


def _reverse(problem: Problem) -> dict[str, np.ndarray]:
    """Return the gradient of the sum over all points: one point's output depends on it alone."""
    leaves = {
        name: torch.tensor(column, dtype=torch.float64, requires_grad=name in problem.variables)
        for name, column in problem.columns.items()
    }
    if problem.function is not None:
        output = problem.function(*(leaves[name] for name in problem.program.inputs))
    else:
        output = read(problem.program, TENSORS, leaves)
    wanted = [leaves[name] for name in problem.variables]
    if not isinstance(output, torch.Tensor) or not output.requires_grad:
        return {name: np.zeros(problem.count) for name in problem.variables}
    if problem.function is not None and output.shape != (problem.count,):
        message = f"the callable returned shape {tuple(output.shape)}, not that of its inputs"
        raise ValueError(message)
    found = torch.autograd.grad(output.sum(), wanted, allow_unused=True)
    return {
        name: np.zeros(problem.count) if gradient is None else gradient.detach().numpy()
        for name, gradient in zip(problem.variables, found, strict=True)
    }


def _piecewise(problem: Problem, error: Exception) -> Samples:
    """Halve the points until the failing ones stand alone: a failure at one costs no other."""
    derivatives = {name: np.full(problem.count, np.nan) for name in problem.variables}
    reason_of = np.zeros(problem.count, dtype=np.int32)
    reasons = ["", describe(error)]
    waiting = [(slice(0, problem.count), describe(error))]
    passes = 0
    while waiting:
        chosen, reason = waiting.pop(0)
        size = chosen.stop - chosen.start
        if size == 1 or passes >= _MAX_PASSES:
            if reason not in reasons:
                reasons.append(reason)
            reason_of[chosen] = reasons.index(reason)
            continue
        middle = chosen.start + size // 2
        for half in (slice(chosen.start, middle), slice(middle, chosen.stop)):
            passes += 1
            try:
                found = _reverse(problem.part(half))
            except Exception as inner:  # noqa: BLE001  (as above)
                waiting.append((half, describe(inner)))
            else:
                for name, gradient in found.items():
                    derivatives[name][half] = gradient
    return Samples(derivatives, reason_of=reason_of, reasons=tuple(reasons))


ENGINE = _Autograd()
