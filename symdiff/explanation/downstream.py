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
_JUMP_TOGETHER: Final = 0.1  # the same where the inputs are moved, and a root of them moves more
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
    inputs
        The tensors that the cut begins with.
    outputs
        Those of the run, and the gradients that the backward pass starts with.
    elements
        The elements of the cut.
    """

    steps: Sequence[Step]
    taken: frozenset[int]
    edge: Sequence[tuple[torch.Tensor, torch.Tensor]]
    inputs: Sequence[torch.Tensor]
    outputs: Sequence[tuple[torch.Tensor, torch.Tensor]]
    elements: Elements

    def check(self) -> None:
        """Move the elements, and compare the gradients that arrive then.

        First they are moved for the calls behind the cut only, and then at its inputs. In a product
        of an element with one behind the cut, both may be 0, and change together.

        Raises
        ------
        NotCutError
            The gradients are different, or the calls cannot be run again.
        """
        steps = list(self._reached({id(t) for t, _ in self.edge}, set()))
        if all(self._is_linear(step, reached) for step, reached in steps):
            return
        expected = [g for _, g in self.edge]
        inputs = {id(t) for t in self.inputs}
        together = [step for step, _ in self._reached(inputs, inputs)]
        for sign, substitute in zip(SIGNS, _SUBSTITUTES, strict=True):
            found = self._gradients([step for step, _ in steps], (sign, 0.0), substitute)
            moved_inputs = self._gradients(together, (0.0, sign), substitute)
            # Where the function is undefined close by, nothing is compared.
            known = [
                torch.where(f.isfinite(), f, g) for f, g in zip(moved_inputs, expected, strict=True)
            ]
            if self._jumps(found, steps, _JUMP) or self._jumps(known, steps, _JUMP_TOGETHER):
                message = "the gradient that arrives at the elements jumps close by"
                raise NotCutError(message)

    def _jumps(
        self,
        found: Sequence[torch.Tensor],
        steps: Sequence[tuple[Step, set[int]]],
        largest: float,
    ) -> bool:
        """Return whether gradients are not those that arrive when nothing is moved."""
        if _are_steady(found, [g for _, g in self.edge], largest):
            return False
        # Calls that draw random numbers are compared with themselves.
        again = self._gradients([step for step, _ in steps], (0.0, 0.0), 1.0)
        return not _are_steady(found, again, largest)

    def _is_linear(self, step: Step, reached: set[int]) -> bool:
        """Return whether the derivative of a call is the same everywhere."""
        if step.name in _LINEAR:
            return True
        mine = [id(t) for t in step.operands if id(t) in reached]
        if step.index in self.taken or len(mine) != 1:
            return False  # another operand may depend on the elements too
        if step.name in _QUOTIENTS:
            return id(step.args[0]) == mine[0]
        return step.name in _LINEAR_IN_ONE

    def _reached(self, outside: set[int], inside: set[int]) -> Iterator[tuple[Step, set[int]]]:
        """Yield the calls that depend on the elements, with the tensors that do.

        Parameters
        ----------
        outside, inside
            The tensors that are moved for the calls outside the cut, and for those of the cut.
        """
        outside, inside = set(outside), set(inside)
        for step in self.steps:
            mine = {id(t) for t in step.operands} & (
                inside if step.index in self.taken else outside
            )
            if mine:
                inside |= {id(r) for r in step.results}
                outside |= {id(r) for r in step.results}
                yield step, mine

    def _gradients(
        self, steps: Sequence[Step], signs: tuple[float, float], substitute: float
    ) -> list[torch.Tensor]:
        """Return the gradients that arrive at the elements when these are moved.

        Parameters
        ----------
        steps
            The calls to run again.
        signs
            To which side the edge of the cut is moved, and to which its inputs; 0: they are not.
        substitute
            For NaN and infinities at the edge.
        """
        at_edge, at_inputs = signs
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            added = {id(t): torch.zeros_like(t).requires_grad_() for t, _ in self.edge}

            def seen(tensor: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
                """Return what calls outside the cut get for a tensor."""
                if id(tensor) not in added:
                    return value
                return self._moved(value, at_edge, substitute) + added[id(tensor)]

            inside = {
                id(t): self._moved(t.detach(), at_inputs, substitute)
                for t in (self.inputs if at_inputs else ())
            }
            outside = {id(t): seen(t, inside.get(id(t), t.detach())) for t, _ in self.edge}
            outside = {**inside, **outside}
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


def _are_steady(
    found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor], jump: float
) -> bool:
    size = max((float(g.abs().max()) for g in expected if g.numel()), default=0.0)
    return all(
        bool(
            torch.where(g == 0, f == 0, (f - g).abs() <= jump * g.abs() + _NEGLIGIBLE * size).all()
        )
        for f, g in zip(found, expected, strict=True)
    )
