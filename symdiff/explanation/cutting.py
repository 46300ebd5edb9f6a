"""Cut a small problem out of a large run: a few elements, or a few rows, of its tensors.

Element by element, or row by row, the calls that treat elements alike are run again on a few of
them. A call is taken into the cut only if it returns on the few elements what it returned there on
the whole tensor; the gradients that arrive at the edge of the cut are those of the whole run.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch

from symdiff.errors import SymdiffError
from symdiff.explanation.problems import Component, SmallProblem, traced
from symdiff.explanation.recording import Origin, Run, Step, nonfinite
from symdiff.program.values import component_name
from symdiff.tracing.recorder import tensors_in

_ASSIGNED: Final = re.compile(r"([A-Za-z]\w*)\s*=(?!=)")
_MAX_WHOLE: Final = 64  # elements of a tensor that goes into a cut as it is
_MAX_ROW: Final = 64  # elements of a row
_CLOSE: Final = {torch.float64: 1e-9, torch.float32: 1e-4}
_LOOSE: Final = 0.05  # of dtypes with less digits
_GIVEN: Final = "for these elements, given the gradient that arrives there in the whole run"


class NotCutError(ValueError):
    """There is no small problem; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Elements:
    """Some elements of all tensors of one shape.

    `positions` are indices along `axis`; without an axis they are positions in the flat tensor.
    """

    shape: tuple[int, ...]
    positions: torch.Tensor
    axis: int | None

    def of(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the same elements of a tensor, or a small tensor as it is.

        Raises
        ------
        NotCutError
            The tensor has another shape.
        """
        if tensor.numel() == 1 and (self.axis is None or not tensor.ndim):
            return tensor.reshape(()) if self.axis is None else tensor
        if self.axis is None:
            try:
                return tensor.expand(self.shape).reshape(-1)[self.positions]
            except RuntimeError:
                message = f"shape {tuple(tensor.shape)} is not that of the others"
                raise NotCutError(message) from None
        if tensor.ndim > self.axis and tensor.shape[self.axis] == self.shape[self.axis]:
            rows = tensor.index_select(self.axis, self.positions)
            if rows.numel() > _MAX_ROW * len(self.positions):
                message = "the rows are long"
                raise NotCutError(message)
            return rows
        if tensor.numel() <= _MAX_WHOLE:
            return tensor
        message = f"shape {tuple(tensor.shape)} has no such rows"
        raise NotCutError(message)

    def is_part(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor is cut, element by element or by rows."""
        if self.axis is None:
            return tuple(tensor.shape) == self.shape
        return bool(tensor.ndim > self.axis and tensor.shape[self.axis] == self.shape[self.axis])

    def original(self, tensor: torch.Tensor, index: tuple[int, ...]) -> tuple[int, ...]:
        """Return where an element of the cut is in the whole tensor."""
        if self.axis is None:
            flat = int(self.positions[index[0]])
            return tuple(int(i) for i in np.unravel_index(flat, tuple(tensor.shape)))
        row = int(self.positions[index[self.axis]])
        return (*index[: self.axis], row, *index[self.axis + 1 :])

    def sizes(self) -> Mapping[int, int]:
        """Return by the size of the whole what it is in the cut."""
        if self.axis is None:
            return {}
        return {self.shape[self.axis]: len(self.positions)}


def cut(done: Run, origin: Origin, flat: Sequence[int], healthy: Sequence[int]) -> SmallProblem:
    """Return a small problem with some elements of a large one.

    Parameters
    ----------
    done
        The run.
    origin
        Where a gradient stops to be finite.
    flat
        Positions of elements where it does, in the flat gradient.
    healthy
        Positions at which all is well: there the cut has to have the gradient of the whole.

    Raises
    ------
    NotCutError
        The elements do not depend on each other in a way that can be cut.
    """
    reasons, inner = [], []
    for elements in _ways(tuple(origin.where.shape), [*flat, *healthy]):
        try:
            problem = _Cut(done, elements).problem(origin)
        except NotCutError as error:
            reasons.append(str(error))
            continue
        if any(name in done.leaves for name, _ in problem.places.values()):
            return problem
        inner.append(problem)
    if inner:
        return inner[0]
    raise NotCutError(reasons[0] if reasons else "a number does not have elements")


def _ways(shape: tuple[int, ...], flat: Sequence[int]) -> Iterator[_Elements]:
    if not shape:
        return
    positions = torch.tensor(sorted(set(flat)))
    yield _Elements(shape, positions, None)
    index = np.unravel_index(positions.numpy(), shape)
    for axis in range(len(shape)):
        rows = torch.tensor(sorted({int(i) for i in index[axis]}))
        yield _Elements(shape, rows, axis)


class _Cut:
    """The calls of a run that can be run again on some elements."""

    def __init__(self, done: Run, elements: _Elements) -> None:
        self._done = done
        self._elements = elements
        self._small: dict[int, torch.Tensor] = {}
        self._inputs: dict[str, torch.Tensor] = {}
        self._names: dict[int, str] = {}
        self._originals: dict[str, torch.Tensor] = {}
        self._taken: list[Step] = []
        self._left: list[Step] = []

    def problem(self, origin: Origin) -> SmallProblem:
        if any(step.function is None for step in self._done.steps):
            message = "the function has a custom Function"
            raise NotCutError(message)
        for step in self._done.steps:
            self._take(step)
        if not any(step is origin.step for step in self._taken):
            message = f"{origin.step.name} does not treat elements alike"
            raise NotCutError(message)
        edge = self._edge()
        outputs = [tensor for tensor, _ in edge]
        try:
            program = traced(lambda **given: self._replayed(given, outputs), (), self._inputs)
        except SymdiffError as error:
            raise NotCutError(str(error).splitlines()[0]) from None
        parts = [self._elements.of(gradient) for _, gradient in edge]
        whole = parts[0] if len(parts) == 1 else torch.cat([p.reshape(-1) for p in parts])
        problem = SmallProblem(
            program=program,
            values={n: self._inputs.get(n, program.values[n]) for n in program.inputs},
            cotangent=whole if whole.ndim else None,
            places=self._places(program.inputs),
            basis=_GIVEN,
        )
        if not whole.ndim and float(whole) != 1:
            message = "the value of the cut is a number"
            raise NotCutError(message)
        self._check(problem)
        return problem

    # -- which calls belong to the cut

    def _take(self, step: Step) -> None:
        """Take a call into the cut if it has the same values there."""
        operands = step.operands
        known = [t for t in operands if id(t) in self._small]
        before = (dict(self._inputs), dict(self._small))
        try:
            for tensor in operands:
                self._bind(tensor, step)
            results = self._run(step, self._small)
            for small, result in zip(results, step.results, strict=True):
                self._compare(small, result, step)
        except (NotCutError, RuntimeError, TypeError, ValueError, IndexError):
            self._inputs, self._small = before
            if known:
                self._left.append(step)
            return
        self._taken.append(step)
        for small, result in zip(results, step.results, strict=True):
            self._small[id(result)] = small

    def _bind(self, tensor: torch.Tensor, step: Step) -> None:
        """Give a tensor its elements in the cut, as an input of it if no call has made them."""
        if id(tensor) in self._small:
            return
        if not step.is_current(tensor):
            message = "a tensor was written to afterwards"
            raise NotCutError(message)
        small = self._elements.of(tensor.detach())
        if tensor.requires_grad:
            name = self._name(tensor, step)
            self._inputs[name] = small.clone()
            self._names[id(tensor)] = name
            self._originals[name] = tensor
            small = small.clone().requires_grad_()
        self._small[id(tensor)] = small

    def _name(self, tensor: torch.Tensor, step: Step) -> str:
        for name, leaf in self._done.leaves.items():
            if leaf is tensor:
                return name
        producer = self._done.producer(tensor, step.index)
        match = _ASSIGNED.match(producer.line.text) if producer and producer.line else None
        stem = match.group(1) if match else "h"
        count = sum(n.rstrip("0123456789_") == stem for n in (*self._inputs, *self._done.leaves))
        return f"{stem}_{count + 1}" if count else stem

    def _run(self, step: Step, small: Mapping[int, torch.Tensor]) -> list[torch.Tensor]:
        assert step.function is not None  # noqa: S101  (see `problem`)
        line_of_code = step.line  # noqa: F841  (see `places.calling_line`)
        sizes = self._elements.sizes()
        args, kwargs = (_replaced(part, small, sizes) for part in (step.args, step.kwargs))
        result = step.function(*args, **kwargs)
        written = [small[id(t)] for t in step.operands if any(t is r for r in step.results)]
        found = [*tensors_in(result), *written]
        return list({id(t): t for t in found}.values())

    def _compare(self, small: torch.Tensor, whole: torch.Tensor, step: Step) -> None:
        if not step.is_current(whole) or not self._elements.is_part(whole):
            message = f"{step.name} returns another shape"
            raise NotCutError(message)
        expected = self._elements.of(whole.detach())
        room = _CLOSE.get(whole.dtype, _LOOSE)
        if small.shape != expected.shape or not torch.allclose(
            small.detach().double(), expected.double(), rtol=room, atol=room, equal_nan=True
        ):
            message = f"{step.name} has another value"
            raise NotCutError(message)

    # -- the edge

    def _edge(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return the tensors of the cut that are used outside, with the gradients from there."""
        found: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

        def add(tensor: torch.Tensor, gradient: torch.Tensor | None) -> None:
            if gradient is not None:
                known = found.get(id(tensor))
                found[id(tensor)] = tensor, gradient if known is None else known[1] + gradient

        for output, cotangent in zip(self._done.outputs, self._done.cotangents, strict=True):
            if id(output) in self._small:
                add(output, cotangent)
        results = [r for step in self._left for r in step.results if r.requires_grad]
        arriving = dict(zip(map(id, results), self._done.backward(results), strict=True))
        for step in self._left:
            inside = [t for t in step.operands if id(t) in self._small and t.requires_grad]
            for tensor, gradient in _through(step, inside, arriving):
                add(tensor, gradient)
        made = {id(r) for step in self._taken for r in step.results}
        edge = [pair for pair in found.values() if id(pair[0]) in made or pair[0].is_leaf]
        if not edge:
            message = "no gradient arrives at the elements"
            raise NotCutError(message)
        if any(nonfinite(gradient) is not None for _, gradient in edge):
            message = "the gradient that arrives at the elements is not finite"
            raise NotCutError(message)
        return [(t, g) for t, g in edge if self._elements.is_part(t)]

    def _replayed(
        self, given: Mapping[str, torch.Tensor], outputs: Sequence[torch.Tensor]
    ) -> list[torch.Tensor]:
        """Run the calls of the cut again, and return the tensors at its edge."""
        small = {i: t.detach().clone() for i, t in self._constants().items()}
        small |= {i: given[name] for i, name in self._names.items() if name in given}
        for step in self._taken:
            for result, value in zip(step.results, self._run(step, small), strict=True):
                small[id(result)] = value
        return [small[id(t)] for t in outputs]

    def _constants(self) -> dict[int, torch.Tensor]:
        made = {id(r) for step in self._taken for r in step.results}
        operands = {id(t) for step in self._taken for t in step.operands}
        return {
            i: self._small[i]
            for i in operands
            if i in self._small and i not in self._names and i not in made
        }

    # -- what the cut stands for

    def _places(self, names: Sequence[str]) -> dict[str, Component]:
        places: dict[str, Component] = {}
        for name in names:
            tensor = self._originals.get(name)
            if tensor is None or not self._elements.is_part(tensor):
                continue
            for index in np.ndindex(*self._inputs[name].shape):
                original = self._elements.original(tensor, index)
                places[component_name(name, index)] = (name, original)
        if not places:
            message = "no tensor of that shape is differentiated"
            raise NotCutError(message)
        return places

    def _check(self, problem: SmallProblem) -> None:
        """Check that the cut has the gradients of the whole run where these are finite."""
        found = problem.gradients(problem.program)
        names = dict.fromkeys(name for name, _ in problem.places.values())
        gradients = {n: g for n, g in self._done.gradients.items() if n in names}
        others = [n for n in names if n not in gradients]
        inner = self._done.backward([self._originals[n] for n in others])
        gradients |= dict(zip(others, inner, strict=True))
        for component, (name, index) in problem.places.items():
            whole = gradients[name]
            expected = 0.0 if whole is None else float(whole[index])
            room = _CLOSE.get(self._originals[name].dtype, _LOOSE)
            if math.isfinite(expected) and not math.isclose(
                found[component], expected, rel_tol=room, abs_tol=room * 1e-6
            ):
                message = f"{name}{list(index)} has another gradient in the cut"
                raise NotCutError(message)


def _through(
    step: Step, tensors: Sequence[torch.Tensor], arriving: Mapping[int, torch.Tensor | None]
) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
    """Yield what one call contributes to the gradients of some of its arguments."""
    if not tensors or all(arriving.get(id(r)) is None for r in step.results):
        return
    if step.function is None or not all(step.is_current(t) for t in tensors):
        message = f"{step.name} cannot be run again"
        raise NotCutError(message)
    fresh = {id(t): t.detach().requires_grad_() for t in tensors}
    args, kwargs = (_replaced(part, fresh, {}) for part in (step.args, step.kwargs))
    with torch.enable_grad():
        again = [*tensors_in(step.function(*args, **kwargs))]
    pairs = [
        (value, gradient)
        for value, result in zip(again, step.results, strict=False)
        if (gradient := arriving.get(id(result))) is not None and value.requires_grad
    ]
    if pairs:
        found = torch.autograd.grad(
            [v for v, _ in pairs], [*fresh.values()], [g for _, g in pairs], allow_unused=True
        )
        yield from zip(tensors, found, strict=True)


def _replaced(value: Any, tensors: Mapping[int, torch.Tensor], sizes: Mapping[int, int]) -> Any:  # noqa: ANN401
    """Return arguments with other tensors, and with the sizes of the cut."""
    if isinstance(value, torch.Tensor):
        return tensors.get(id(value), value)
    if isinstance(value, Mapping):
        return {key: _replaced(item, tensors, sizes) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_replaced(item, tensors, sizes) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if type(value) is int:
        return sizes.get(value, value)
    return value
