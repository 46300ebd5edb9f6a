"""Cut a small problem out of a large run: a few elements, or a few rows, of its tensors.

The calls that treat all elements, or all rows, alike are run again on a few of them. A call belongs
to the cut only if it returns the same values for them as for the whole tensor. The gradients that
arrive at the edge of the cut are those of the whole run.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import torch

from symdiff.catalogue import BY_NAME
from symdiff.errors import SymdiffError
from symdiff.explanation.calls import Step
from symdiff.explanation.downstream import SIGNS, Behind, are_close, moved
from symdiff.explanation.elements import Elements, NotCutError
from symdiff.explanation.finite import nonfinite
from symdiff.explanation.independence import is_independent
from symdiff.explanation.nearby import Elsewhere
from symdiff.explanation.problems import Component, SmallProblem, traced
from symdiff.explanation.recording import Run
from symdiff.explanation.replaying import called, replaced
from symdiff.explanation.watching import Origin
from symdiff.program.traced import TracedProgram
from symdiff.program.values import component_name
from symdiff.tracing.tensors import tensors_in

_UNNAMED: Final = "unnamed"  # a value to which the code gives no name
_ASSIGNED: Final = re.compile(r"([A-Za-z]\w*)\s*=(?!=)")
# Tolerances of the comparison of the cut with the whole run.
_CLOSE: Final = {torch.float64: 1e-9, torch.float32: 1e-4}
_CONSTANT: Final = "constant"  # a role of a traced program
_LOOSE: Final = 0.05  # for dtypes with fewer digits
_MANY: Final = 48  # components that are proved in all directions together
_FEW: Final = 4  # components that are proved one by one, if there are more
_GIVEN: Final = "for these elements, given the gradient that arrives there in the whole run"


class Cut:
    """The calls of a run that can be run again on some elements.

    Without other inputs at which to compare, only calls known to be elementwise belong to it.
    """

    def __init__(self, done: Run, elements: Elements, others: Sequence[Elsewhere]) -> None:
        self._done = done
        self._elements = elements
        self._small: dict[int, torch.Tensor] = {}
        self._others = [(other, dict[int, torch.Tensor]()) for other in others]
        self._inputs: dict[str, torch.Tensor] = {}
        self._names: dict[int, str] = {}
        self._originals: dict[str, torch.Tensor] = {}
        self._taken: list[Step] = []

    def problem(self, origin: Origin) -> SmallProblem:
        """Return the small problem that has the call of an origin.

        Raises
        ------
        NotCutError
            That call does not belong to the cut, or the cut has a different gradient.
        """
        if any(step.function is None for step in self._done.steps):
            message = "the function calls a custom Function"
            raise NotCutError(message)
        for step in self._done.steps:
            self._take(step)
        if not any(step is origin.step for step in self._taken):
            message = f"{origin.step.name} does not treat elements alike"
            raise NotCutError(message)
        self._check_inputs()
        edge = self._edge()
        outputs = [tensor for tensor, _ in edge]
        try:
            program = traced(lambda **given: self._replayed(given, outputs), (), self._inputs)
        except SymdiffError as error:
            raise NotCutError(str(error).splitlines()[0]) from None
        parts = [gradient for _, gradient in edge]
        whole = parts[0] if len(parts) == 1 else torch.cat([p.reshape(-1) for p in parts])
        places = self._places(program.inputs)
        gradients = self._gradients(dict.fromkeys(name for name, _ in places.values()))
        problem = SmallProblem(
            program=program,
            values={n: self._inputs.get(n, program.values[n]) for n in program.inputs},
            cotangent=whole if whole.ndim else None,
            places=places,
            shapes={n: tuple(t.shape) for n, t in self._originals.items()},
            counts={
                n: 0 if g is None else int((~g.isfinite()).sum())
                for n, g in gradients.items()
                if n not in self._done.gradients
            },
            basis=_GIVEN,
            names=self._names_of_constants(program),
            masks=frozenset(n for n in program.inputs if self._is_mask(program, n)),
        )
        if not whole.ndim and float(whole) != 1:
            message = "the cut returns a single number, whose gradient is not 1"
            raise NotCutError(message)
        self._check(problem, gradients)
        self._check_elsewhere(outputs)
        return _with_few(problem, gradients)

    # -- which calls belong to the cut

    def _take(self, step: Step) -> None:
        """Take a call into the cut if it treats the elements apart from all others.

        Raises
        ------
        NotCutError
            That is not known without other inputs.
        """
        before = dict(self._inputs), dict(self._small), [dict(small) for _, small in self._others]
        try:
            self._run_and_compare(step)
            is_part = True
        except Exception:  # noqa: BLE001  (a call may refuse these shapes with any error)
            is_part = False
        if is_part and not _is_by_component(step, self._elements):
            if not self._others:
                message = f"{step.name} has to be compared at other inputs first"
                raise NotCutError(message)
            is_part = is_independent(step, self._elements, functools.partial(called, step))
        if is_part:
            self._taken.append(step)
            return
        self._inputs, self._small, others = before
        self._others = [(o, env) for (o, _), env in zip(self._others, others, strict=True)]

    def _run_and_compare(self, step: Step) -> None:
        """Run a call in the cut, and compare its values with those on the whole tensors.

        They are compared at other inputs too. At the inputs alone they may agree by chance, as
        those of nearly all calls do on a tensor of zeros.
        """
        for tensor in step.operands:
            self._bind(tensor, step)
        results = self._run(step, self._small)
        for small, result in zip(results, step.results, strict=True):
            self._small[id(result)] = small
            self._compare(small, result, result, step)
        for other, env in self._others:
            for small, result in zip(self._run(step, env), step.results, strict=True):
                env[id(result)] = small
                self._compare(small, _there(other, result), result, step)

    def _bind(self, tensor: torch.Tensor, step: Step) -> None:
        """Add the elements of a tensor to the cut, as an input if it has a gradient."""
        if id(tensor) in self._small:
            return
        if not step.is_current(tensor):
            message = "a tensor was written to afterwards"
            raise NotCutError(message)
        small = self._elements.of(tensor.detach())
        if (
            tensor.requires_grad
            and tensor.numel() > small.numel()
            and not self._elements.is_part(tensor)
        ):
            message = "a tensor is shared by all elements or rows"
            raise NotCutError(message)
        for other, env in self._others:
            env[id(tensor)] = self._elements.of(_there(other, tensor))
        if tensor.requires_grad:
            name = self._name(tensor, step)
            self._inputs[name] = small.clone()
            self._names[id(tensor)] = name
            self._originals[name] = tensor
            small = small.clone().requires_grad_()
        self._small[id(tensor)] = small

    def _name(self, tensor: torch.Tensor, step: Step) -> str:
        given = self._user_name(tensor, step.index)
        if given in self._done.leaves:
            return given
        stem = given or _UNNAMED
        count = sum(n.rstrip("0123456789_") == stem for n in (*self._inputs, *self._done.leaves))
        return f"{stem}_{count + 1}" if count else stem

    def _assigned(self, producer: Step | None) -> str:
        """Return the name that the code gives to the result of a call, or ""."""
        if producer is None or producer.line is None:
            return ""
        following = self._done.steps[producer.index + 1 : producer.index + 2]
        match = _ASSIGNED.match(producer.line.text)
        is_last = not any(step.line == producer.line for step in following)
        return match.group(1) if match and is_last else ""

    def _run(self, step: Step, small: Mapping[int, torch.Tensor]) -> list[torch.Tensor]:
        return called(step, small, self._elements.sizes())

    def _compare(
        self, small: torch.Tensor, whole: torch.Tensor, result: torch.Tensor, step: Step
    ) -> None:
        if not step.is_current(result) or not self._elements.is_part(whole):
            message = f"{step.name} returns tensors that cannot be cut"
            raise NotCutError(message)
        expected = self._elements.of(whole.detach())
        tolerance = _CLOSE.get(whole.dtype, _LOOSE)
        if small.shape != expected.shape or not torch.allclose(
            small.detach().double(),
            expected.double(),
            rtol=tolerance,
            atol=tolerance,
            equal_nan=True,
        ):
            message = f"{step.name} returns different values in the cut"
            raise NotCutError(message)

    def _check_inputs(self) -> None:
        """Check that no NaN or overflow gets into the cut; -inf may be meant as a mask."""
        for name, x in self._inputs.items():
            if name not in self._done.leaves and bool((x.isnan() | x.isposinf()).any()):
                message = "the values that arrive at the elements are not finite"
                raise NotCutError(message)

    # -- the edge

    def _edge(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return the tensors of the cut that are used outside, with the gradients from there.

        These are the gradients with respect to the elements in the cut.
        """
        found: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

        def add(tensor: torch.Tensor, gradient: torch.Tensor | None) -> None:
            if gradient is not None:
                known = found.get(id(tensor))
                found[id(tensor)] = tensor, gradient if known is None else known[1] + gradient

        for output, cotangent in zip(self._done.outputs, self._done.cotangents, strict=True):
            if id(output) in self._small:
                add(output, cotangent)
        taken = {step.index for step in self._taken}
        left = [s for s in self._done.steps if s.index not in taken and self._uses(s)]
        results = [r for step in left for r in step.results if r.requires_grad]
        arriving = self._arriving(results)
        for step in left:
            for tensor, gradient in _through(step, self._uses(step), arriving):
                add(tensor, gradient)
        edge = [(t, self._elements.of(g)) for t, g in found.values() if self._elements.is_part(t)]
        if not edge:
            message = "no gradient arrives at the elements"
            raise NotCutError(message)
        if any(nonfinite(gradient) is not None for _, gradient in edge):
            message = "the gradient that arrives at the elements is not finite"
            raise NotCutError(message)
        self._check_behind(edge, left)
        return edge

    def _check_behind(
        self,
        edge: Sequence[tuple[torch.Tensor, torch.Tensor]],
        left: Sequence[Step],
    ) -> None:
        """Check that the gradient that arrives at the edge is the same close by."""
        known = {id(t) for t, _ in edge}
        others = {id(t): t for step in left for t in self._uses(step) if id(t) not in known}
        without = [
            (t, torch.zeros_like(self._elements.of(t.detach())))
            for t in others.values()
            if self._elements.is_part(t)
        ]
        Behind(
            steps=self._done.steps,
            taken=frozenset(step.index for step in self._taken),
            edge=[*edge, *without],
            inputs=[t for n, t in self._originals.items() if self._elements.is_part(t)],
            outputs=list(zip(self._done.outputs, self._done.cotangents, strict=True)),
            elements=self._elements,
        ).check()
        self._check_switches()

    def _check_switches(self) -> None:
        """Check that masks of the cut that are used outside do not change close to the inputs."""
        taken = {step.index for step in self._taken}
        used = {id(t) for s in self._done.steps if s.index not in taken for t in s.operands}
        switches = [
            r for s in self._taken for r in s.results if id(r) in used and not r.requires_grad
        ]
        if not switches:
            return
        here = [self._small[id(r)] for r in switches]
        for sign in SIGNS:
            there = self._replayed({n: moved(x, sign) for n, x in self._inputs.items()}, switches)
            if not all(are_close(a, b) for a, b in zip(here, there, strict=True)):
                message = "a mask changes close to the inputs"
                raise NotCutError(message)

    def _arriving(self, results: Sequence[torch.Tensor]) -> dict[int, torch.Tensor | None]:
        """Return the gradients that arrive at some tensors of the run, by id."""
        used = {id(t) for step in self._done.steps for t in step.operands}
        pairs = zip(self._done.outputs, self._done.cotangents, strict=True)
        ends = {id(t): g for t, g in pairs if id(t) not in used}
        inner = [r for r in results if id(r) not in ends]
        return {**dict(zip(map(id, inner), self._done.backward(inner), strict=True)), **ends}

    def _uses(self, step: Step) -> list[torch.Tensor]:
        """Return the tensors of the cut that a call uses and that have gradients."""
        used = [t for t in step.operands if id(t) in self._small and t.requires_grad]
        return list({id(t): t for t in used}.values())

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
        """Return the tensors that calls of the cut use before one of them returns them."""
        known = set(self._names)
        constants: dict[int, torch.Tensor] = {}
        for step in self._taken:
            for tensor in step.operands:
                if id(tensor) not in known:
                    constants[id(tensor)] = self._small[id(tensor)]
            known.update(id(result) for result in step.results)
        return constants

    # -- what the cut stands for

    def _fixed(self) -> list[tuple[torch.Tensor, str]]:
        """Return the tensors of the cut without a gradient, with the user's names of them."""
        pairs = [(t, step) for step in self._taken for t in (*step.operands, *step.results)]
        last = {id(t): (t, step.index) for t, step in pairs if not t.requires_grad}
        return [(self._small[i], self._user_name(t, k + 1)) for i, (t, k) in last.items()]

    def _names_of_constants(self, program: TracedProgram) -> dict[str, str]:
        """Return the user's names of the constants of a program.

        A constant has one only if it is the only tensor without a gradient that has these numbers.
        """
        known: dict[str, set[str]] = {}
        constants = [n for n, role in program.roles.items() if role == _CONSTANT]
        for constant, (small, name) in itertools.product(constants, self._fixed()):
            is_alike = (small.dtype == torch.bool) is self._is_mask(program, constant)
            if is_alike and _are_equal(program.values[constant], small):
                known.setdefault(constant, set()).add(name)
        single = {c: next(iter(names)) for c, names in known.items() if len(names) == 1}
        return {c: name for c, name in single.items() if name}

    def _is_mask(self, program: TracedProgram, constant: str) -> bool:
        """Return whether a constant is a mask, which is compared with 0 in the program."""
        masks = [x for x, _ in self._fixed() if x.dtype == torch.bool]
        if program.roles[constant] != _CONSTANT:
            return False
        compared = re.compile(rf"\b{constant} != 0")
        is_mask = any(compared.search(source.text) for source in program.sources)
        return is_mask and any(_are_equal(program.values[constant], x) for x in masks)

    def _user_name(self, tensor: torch.Tensor, before: int) -> str:
        """Return the name of an input, or what the code calls a value before a call; else ""."""
        for name, leaf in self._done.leaves.items():
            if leaf is tensor:
                return name
        return self._assigned(self._done.producer(tensor, before))

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

    def _gradients(self, names: Iterable[str]) -> dict[str, torch.Tensor | None]:
        """Return the gradients of the whole run, by the names of the cut's inputs."""
        gradients = {n: self._done.gradients[n] for n in names if n in self._done.gradients}
        others = [n for n in names if n not in gradients]
        inner = self._done.backward([self._originals[n] for n in others])
        return {**gradients, **dict(zip(others, inner, strict=True))}

    def _check(self, problem: SmallProblem, gradients: Mapping[str, torch.Tensor | None]) -> None:
        """Check that the cut has the gradients of the whole run where these are finite."""
        found = problem.gradients(problem.program)
        for component, (name, index) in problem.places.items():
            whole = gradients[name]
            expected = 0.0 if whole is None else float(whole[index])
            tolerance = _CLOSE.get(self._originals[name].dtype, _LOOSE)
            if math.isfinite(expected) and not math.isclose(
                found[component], expected, rel_tol=tolerance, abs_tol=tolerance * 1e-6
            ):
                message = f"{name}{list(index)} has a different gradient in the cut"
                raise NotCutError(message)

    def _check_elsewhere(self, outputs: Sequence[torch.Tensor]) -> None:
        """Check that every finite element was finite at other inputs too, and so was compared."""
        for tensor in outputs if self._others else ():
            unseen = self._elements.of(tensor.detach()).isfinite()
            for _, env in self._others:
                unseen &= ~env[id(tensor)].isfinite()
            if unseen.any():
                message = "close to the inputs the function is not finite"
                raise NotCutError(message)


def _with_few(problem: SmallProblem, gradients: Mapping[str, torch.Tensor | None]) -> SmallProblem:
    """Return a problem in which only a few components are proved, if it has many."""
    if len(problem.places) <= _MANY:
        return problem

    def is_well(place: Component) -> bool:
        gradient = gradients[place[0]]
        return gradient is None or bool(gradient[place[1]].isfinite())

    wrong_first = sorted(problem.places.items(), key=lambda item: is_well(item[1]))
    return dataclasses.replace(problem, places=dict(wrong_first[:_FEW]), is_long=True)


def _are_equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and bool(torch.equal(a.double(), b.double()))


def _is_by_component(step: Step, elements: Elements) -> bool:
    """Return whether a call is known to be elementwise.

    Many functions of the catalogue are. Calls without a gradient count, too: they make constants.
    """
    if elements.axis is not None or any(r.shape != elements.shape for r in step.results):
        return False
    if not any(r.requires_grad or not r.is_floating_point() for r in step.results):
        return True
    row = BY_NAME.get(step.name)
    return row is not None and row.array is None and len(step.results) == 1


def _there(other: Elsewhere, tensor: torch.Tensor) -> torch.Tensor:
    """Return the value of a tensor when the function runs on other inputs."""
    value = other.value(tensor)
    if value is None:  # a constant, or another call
        if tensor.requires_grad or tensor.grad_fn is not None:
            message = "close to the inputs the function makes different calls"
            raise NotCutError(message)
        return tensor.detach()
    if value.shape != tensor.shape:
        message = "close to the inputs the shapes of tensors are different"
        raise NotCutError(message)
    return value


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
    args, kwargs = (replaced(part, fresh, {}) for part in (step.args, step.kwargs))
    try:
        with torch.enable_grad():
            again = [*tensors_in(step.function(*args, **kwargs))]
    except Exception as error:
        message = f"{step.name} cannot be run again"
        raise NotCutError(message) from error
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
