"""Check that the gradient that arrives at a cut is the derivative of the calls behind it.

It is not if they have a kink there, as a norm at 0, or if they get numbers that are not finite,
which `nansum` skips. The calls behind the cut run again with the elements moved a little, to both
sides: a gradient that jumps, or that is 0 and does not stay 0, proves nothing about the function.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import torch

from symdiff.explanation.calls import Step
from symdiff.explanation.elements import Elements, NotCutError
from symdiff.explanation.replaying import called

SIGNS: Final = (1.0, -1.0)
_MOVED: Final = {torch.float64: 1e-7, torch.float32: 1e-4}  # by how much, relative to max(|x|, 1)
_MOVED_FAR: Final = 0.01  # in dtypes with fewer digits
_JUMP: Final = 0.02  # smallest relative change of a gradient that is called a jump
_NEGLIGIBLE: Final = 1e-6  # relative to the largest gradient
_SUBSTITUTES: Final = (1.0, 2.0)  # for NaN and infinities
# Calls whose derivative is the same everywhere, by one argument, and by all arguments together.
_LINEAR_IN_ONE: Final = frozenset({"mul", "rmul", "multiply", "matmul", "rmatmul", "mm", "linear"})
_QUOTIENTS: Final = frozenset({"div", "truediv", "true_divide"})
_LINEAR: Final = frozenset(
    (
        "sum", "mean", "getitem", "reshape", "view", "flatten", "unflatten", "unsqueeze", "squeeze",
        "transpose", "permute", "t", "T", "mT", "clone", "contiguous", "neg", "negative", "add",
        "radd", "sub", "rsub", "subtract", "stack", "cat", "concat", "index_select", "chunk",
        "split", "unbind", "movedim", "expand", "double", "float", "half", "to", "type_as",
    )
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """The calls behind a cut.

    Attributes
    ----------
    steps
        All calls of the run, in order.
    taken
        The positions of those that belong to the cut. They are behind it as well, if they use what
        other calls make of the elements.
    edge
        The tensors of the cut that others use, and the gradients that arrive at the elements.
    outputs
        Those of the run, and the gradients that the backward pass starts with.
    elements
        The elements of the cut.
    """

    steps: Sequence[Step]
    taken: frozenset[int]
    edge: Sequence[tuple[torch.Tensor, torch.Tensor]]
    outputs: Sequence[tuple[torch.Tensor, torch.Tensor]]
    elements: Elements

    def check(self) -> None:
        """Move the elements, and compare the gradients that arrive then.

        Raises
        ------
        NotCutError
            They are different, or the calls cannot be run again.
        """
        steps = list(self._reached())
        if all(_is_linear(step, reached) for step, reached in steps):
            return
        calls = [step for step, _ in steps]
        expected = [g for _, g in self.edge]
        for sign, substitute in zip(SIGNS, _SUBSTITUTES, strict=True):
            found = self._gradients(calls, sign, substitute)
            # Calls that draw random numbers are compared with themselves.
            if not _are_steady(found, expected) and not _are_steady(
                found, self._gradients(calls, 0.0, substitute)
            ):
                message = "the gradient that arrives at the elements jumps close by"
                raise NotCutError(message)

    def _reached(self) -> Iterator[tuple[Step, set[int]]]:
        """Yield the calls that depend on the elements, with the tensors that do."""
        edge = {id(t) for t, _ in self.edge}
        behind: set[int] = set()
        for step in self.steps:
            sources = behind if step.index in self.taken else behind | edge
            mine = {id(t) for t in step.operands} & sources
            if mine:
                behind |= {id(r) for r in step.results}
                yield step, mine

    def _gradients(
        self, steps: Sequence[Step], sign: float, substitute: float
    ) -> list[torch.Tensor]:
        """Return the gradients that arrive at the elements when these are moved."""
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            added = {id(t): torch.zeros_like(t).requires_grad_() for t, _ in self.edge}

            def seen(tensor: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
                """Return what calls outside the cut get for a tensor."""
                if id(tensor) not in added:
                    return value
                return self._moved(value, sign, substitute) + added[id(tensor)]

            outside = {id(t): seen(t, t.detach()) for t, _ in self.edge}
            inside: dict[int, torch.Tensor] = {}
            for step in steps:
                results = _run(step, inside if step.index in self.taken else outside)
                for result, value in zip(step.results, results, strict=True):
                    inside[id(result)] = value
                    outside[id(result)] = seen(result, value)
            pairs = [(outside[id(o)], g) for o, g in self.outputs if id(o) in outside]
            pairs = [(value, g) for value, g in pairs if value.requires_grad]
            if not pairs:
                return [torch.zeros_like(g) for _, g in self.edge]
            values, cotangents = zip(*pairs, strict=True)
            leaves = [*added.values()]
            found = torch.autograd.grad(values, leaves, cotangents, allow_unused=True)
        return [
            torch.zeros_like(expected) if g is None else self.elements.of(g)
            for g, (_, expected) in zip(found, self.edge, strict=True)
        ]

    def _moved(self, x: torch.Tensor, sign: float, substitute: float) -> torch.Tensor:
        if not sign:
            return x
        return torch.where(self.elements.chosen(x), moved(x, sign, substitute), x)


def moved(tensor: torch.Tensor, sign: float, substitute: float = 1.0) -> torch.Tensor:
    """Return a tensor with other numbers close by, and with finite ones for NaN and infinities."""
    # Not large ones: the exponential of a large negative number does not change either.
    finite = tensor.nan_to_num(nan=substitute, posinf=substitute, neginf=-substitute)
    distance = sign * _MOVED.get(tensor.dtype, _MOVED_FAR)
    return torch.where(tensor.isfinite(), tensor + distance * tensor.abs().clamp(min=1), finite)


def are_close(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Return whether two tensors without a gradient are those of points close to each other."""
    if not a.is_floating_point():
        return bool(torch.equal(a, b))
    return bool(torch.allclose(a.double(), b.double(), rtol=_JUMP, atol=_JUMP, equal_nan=True))


def _run(step: Step, known: Mapping[int, torch.Tensor]) -> list[torch.Tensor]:
    """Run a call again with other tensors.

    Raises
    ------
    NotCutError
        It cannot be run again.
    """
    message = f"{step.name} cannot be run again"
    given = {id(t): t for t in step.operands if id(t) not in known}
    if any(i in step.versions and not step.is_current(t) for i, t in given.items()):
        raise NotCutError(message)
    copies = {i: t.detach().clone() for i, t in given.items() if _is_written(step, t)}
    mine = {id(t): known[id(t)].clone() for t in step.operands if id(t) in known}
    try:
        results = called(step, {**given, **copies, **mine}, {})
    except Exception as error:
        raise NotCutError(message) from error
    if len(results) != len(step.results):
        raise NotCutError(message)
    return results


def _is_written(step: Step, tensor: torch.Tensor) -> bool:
    """Return whether a call may write to one of its arguments."""
    return any(tensor is r for r in step.results) or id(tensor) not in step.versions


def _is_linear(step: Step, reached: set[int]) -> bool:
    if step.name in _LINEAR:
        return True
    mine = [id(t) for t in step.operands if id(t) in reached]
    if step.name in _LINEAR_IN_ONE:
        return len(mine) == 1
    return step.name in _QUOTIENTS and len(mine) == 1 and id(step.args[0]) == mine[0]


def _are_steady(found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> bool:
    largest = max((float(g.abs().max()) for g in expected if g.numel()), default=0.0)
    return all(
        bool(
            torch.where(
                g == 0, f == 0, (f - g).abs() <= _JUMP * g.abs() + _NEGLIGIBLE * largest
            ).all()
        )
        for f, g in zip(found, expected, strict=True)
    )
