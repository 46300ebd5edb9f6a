"""Run a function again on inputs close by, to see which of its calls agree there too."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import torch

from symdiff.explanation.calls import Step
from symdiff.explanation.elements import NotCutError
from symdiff.explanation.recording import Run, recorded

_NEARBY: Final = 0.05  # relative distance of the other inputs
_RANDOM: Final = 10007  # random numbers that are used again and again, as more take long


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Elsewhere:
    """The values of a run's tensors when the function runs on other inputs."""

    run: Run
    leaves: Mapping[str, torch.Tensor]
    steps: tuple[Step, ...]

    def value(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """Return what a tensor of the run is there; None if other calls are made."""
        for name, leaf in self.run.leaves.items():
            if leaf is tensor:
                return self.leaves[name].detach()
        for step in reversed(self.run.steps):
            for k, result in enumerate(step.results):
                if result is tensor:
                    return self._result(step, k)
        return None

    def _result(self, step: Step, k: int) -> torch.Tensor | None:
        if step.index >= len(self.steps):
            return None
        other = self.steps[step.index]
        same = (other.name, other.line, len(other.results)) == (
            step.name,
            step.line,
            len(step.results),
        )
        return other.results[k].detach() if same else None


def elsewhere(done: Run, sign: float) -> Elsewhere:
    """Run a function on inputs close by, with the same random numbers.

    Parameters
    ----------
    done
        A run of it.
    sign
        That of the random changes.

    Raises
    ------
    NotCutError
        The function refuses these inputs, as a loss of probabilities refuses 1.05.
    """
    generator = torch.Generator().manual_seed(0)
    random = sign * _NEARBY * torch.rand(_RANDOM, generator=generator, dtype=torch.float64)
    leaves = {}
    for name, leaf in done.leaves.items():
        x = leaf.detach().clone()
        if x.is_floating_point() and leaf.requires_grad:
            noise = random.to(x.dtype).repeat(x.numel() // _RANDOM + 1)[: x.numel()]
            x += x.abs().clamp_(min=1).mul_(noise.reshape(x.shape))
        leaves[name] = x.requires_grad_(leaf.requires_grad)
    with torch.inference_mode(mode=False), torch.random.fork_rng(devices=[]):
        torch.random.set_rng_state(done.random_state)
        try:
            calls, _ = recorded(done.arguments, leaves)
        except Exception as error:
            message = "close to the inputs the function fails"
            raise NotCutError(message) from error
    return Elsewhere(done, leaves, tuple(calls.steps))
