"""Functions that return a different value in each call: the state they keep, and what changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from symdiff.comparison.evidence import Evidence, Trial
from symdiff.engines.base import Problem
from symdiff.program.traced import TracedProgram
from symdiff.request.callables import name_of
from symdiff.request.parsed import ParsedRequest
from symdiff.request.request import Request
from symdiff.verdict.words import Verdict


@dataclasses.dataclass(frozen=True, slots=True)
class _WithKeptState:
    """Calls a function; its modules and random numbers are the same in every call."""

    function: Callable[..., Any]
    owner: Any  # the callable as the user gave it, which leads to the modules
    state: tuple[Any, ...]

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401  (tensors or arrays)
        from symdiff.tracing.state import module_state_kept, random_numbers  # noqa: PLC0415

        with random_numbers(self.state), module_state_kept(self.owner):
            return self.function(*arguments)


def with_kept_state(parsed: ParsedRequest) -> ParsedRequest:
    """Return the request with a callable that leaves modules and random numbers as they were.

    A traced one does so by itself.
    """
    owner = parsed.request.expression
    if parsed.function is None or isinstance(owner, TracedProgram):
        return parsed
    from symdiff.tracing.state import random_state  # noqa: PLC0415  (loads torch)

    function = _WithKeptState(parsed.function, owner, random_state())
    return dataclasses.replace(parsed, function=function)


def check_steady(evidence: Evidence, request: Request) -> None:
    """Call a callable twice more if its value is a different one than it has to be.

    Raises
    ------
    UsageError
        Its values differ: it has none to compare.
    """
    owner = request.expression
    for trial in evidence.trials:
        if trial.problem.function is None or not _has_other_values(trial):
            continue
        found = _difference(trial.problem)
        if found is not None:
            from symdiff.tracing.repetition import changing  # noqa: PLC0415  (loads torch)

            name = owner.name if isinstance(owner, TracedProgram) else ""
            raise changing(name or (name_of(owner) if callable(owner) else ""), *found)


def _has_other_values(trial: Trial) -> bool:
    return any((j.codes == Verdict.VALUE).any() for j in trial.judgements.values())


def _difference(problem: Problem) -> tuple[str, str] | None:
    import torch  # noqa: PLC0415

    from symdiff.engines.callables import values_or_nan  # noqa: PLC0415
    from symdiff.tracing.repetition import first_difference  # noqa: PLC0415

    first, second = (torch.as_tensor(values_or_nan(problem)) for _ in range(2))
    return first_difference([first], [second])
