"""Gradients of programs and callables on whole tensors by torch's backward pass."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np
import torch

from symdiff.arithmetics.arrays import evaluate_tensor
from symdiff.array_types import Array, Mask
from symdiff.engines.base import Problem, Samples, TensorProblem, no_numbers
from symdiff.engines.callables import (
    FACTOR,
    DtypesInside,
    as_doubles,
    change,
    coarsest_dtype_in,
    difference_of_runs,
    nonlinearity,
    notes_of_runs,
    varying,
    why_unreached,
)
from symdiff.engines.directional import DirectionalBound, DirectionalProblem
from symdiff.engines.running import check_memory
from symdiff.engines.torch_programs import run_program, tensor_leaves
from symdiff.errors import Unsupported, describe
from symdiff.program.values import DTYPES, Dtype, component_names

__all__ = [
    "TensorGradients",
    "accumulated",
    "at_every_point",
    "dtype_at",
    "dtype_of_value",
    "with_checks",
    "with_checks_along",
]

# A value may lose this many bits of its dtype before a coarser dtype is looked for.
_SPARE_BITS: Final = 6


@dataclasses.dataclass(frozen=True, slots=True)
class TensorGradients:
    """What the backward passes at one point give.

    Attributes
    ----------
    gradients
        By floating-point input, the gradient in its shape; 0 where there is none.
    missing
        The inputs that no gradient reached, and why.
    value
        The value.
    dtype
        The name of the dtype in which a callable computes.
    faults
        By input, why a callable's gradient is no derivative, and at which components.
    notes
        By input and index of the component, what a report says beside the number.
    """

    gradients: Mapping[str, Array]
    missing: Mapping[str, str] = dataclasses.field(default_factory=dict)
    value: Array = dataclasses.field(default_factory=lambda: np.zeros(()))
    dtype: str = "float64"
    faults: Mapping[str, tuple[str, Mask]] = dataclasses.field(default_factory=dict)
    notes: Mapping[str, Mapping[int, str]] = dataclasses.field(default_factory=dict)


def accumulated(
    tensor_problem: TensorProblem,
    numbers: Mapping[str, float],
    function: Callable[..., Any] | None = None,
) -> TensorGradients:
    """Return `grad` of every floating-point input after all calls of `backward`.

    Parameters
    ----------
    tensor_problem
        The program on tensors, and the cotangents that `backward` is called with.
    numbers
        The inputs that are numbers, at one point.
    function
        A callable that is run in place of the program. Its backward pass is run a second time, to
        see that it is linear in the incoming gradient.
    """
    leaves = tensor_leaves(tensor_problem, numbers)
    output = run_program(tensor_problem, leaves, function)
    value = as_doubles(torch.as_tensor(output))
    floats = {name: leaf for name, leaf in leaves.items() if leaf.is_floating_point()}
    has_gradient = isinstance(output, torch.Tensor) and output.requires_grad
    found = _backward(output, floats, tensor_problem) if has_gradient else {}
    with DtypesInside() as noted:
        again = _backward(output, floats, tensor_problem) if has_gradient else {}
    gradients = {name: found.get(name, np.zeros(leaf.shape)) for name, leaf in floats.items()}
    if function is None:
        return TensorGradients(gradients, value=value, notes=difference_of_runs(found, again))
    scaled = _backward(output, floats, tensor_problem, FACTOR) if found else {}
    dtype = dtype_of_value(tensor_problem, numbers, function, value)
    faults = {}
    for name, gradient in found.items():
        uniform = functools.partial(scaled.__getitem__, name)
        fault = change(gradient, again[name], DTYPES[dtype]) or nonlinearity(
            gradient, [(FACTOR, scaled[name])], uniform, DTYPES[dtype]
        )
        if fault is not None:
            faults[name] = fault
    return TensorGradients(
        gradients,
        missing={
            name: why_unreached(name, output, leaf)
            for name, leaf in floats.items()
            if name not in found
        },
        value=value,
        dtype=dtype,
        faults=faults,
        notes=notes_of_runs(found, again, noted.coarsest, DTYPES[dtype]),
    )


def _backward(
    output: Any,  # noqa: ANN401  (a tensor)
    leaves: Mapping[str, torch.Tensor],
    tensor_problem: TensorProblem,
    factor: float = 1.0,
) -> dict[str, Array]:
    """Return the gradients that reach the leaves, for cotangents multiplied by a power of two.

    Other tensors that the callable uses, such as the parameters of a module, keep their `grad`.
    """
    known = [(tensor, tensor.grad) for tensor in _leaves_of_graph(output)]
    for tensor in (*leaves.values(), *(tensor for tensor, _ in known)):
        tensor.grad = None  # a callable may have called `backward` itself
    try:
        for cotangent in tensor_problem.cotangents:
            c = torch.as_tensor(1.0 if cotangent is None else cotangent, dtype=output.dtype)
            output.backward((factor * c).reshape(output.shape), retain_graph=True)
        found = {name: leaf.grad for name, leaf in leaves.items()}
    finally:
        for tensor, gradient in known:
            tensor.grad = gradient
    return {name: as_doubles(gradient) for name, gradient in found.items() if gradient is not None}


def _leaves_of_graph(output: torch.Tensor) -> list[torch.Tensor]:
    """Return the tensors to which a backward pass adds a gradient.

    `backward(inputs=...)` leaves the others alone, but torch's reentrant checkpoints refuse it.
    """
    seen: set[Any] = set()
    waiting: list[Any] = [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]
    found = (getattr(node, "variable", None) for node in seen)
    return [tensor for tensor in found if tensor is not None]


def dtype_of_value(
    tensor_problem: TensorProblem,
    numbers: Mapping[str, float],
    function: Callable[..., Any],
    value: Array,
) -> str:
    """Return the name of the dtype in which a callable computes.

    It is run again, to observe the dtypes inside, only if its value is too far from the formula's.
    """
    dtype = tensor_problem.dtype
    formula = evaluate_tensor(tensor_problem.program, tensor_problem.arrays(numbers))
    tolerance = 2.0 ** (_SPARE_BITS - dtype.bits)
    if np.allclose(value, formula, rtol=tolerance, atol=0.0, equal_nan=True):
        return dtype.name
    return _dtype_of_run(tensor_problem, numbers, function).name


def _dtype_of_run(
    tensor_problem: TensorProblem, numbers: Mapping[str, float], function: Callable[..., Any]
) -> Dtype:
    leaves = tensor_leaves(tensor_problem, numbers)
    name = coarsest_dtype_in(lambda: run_program(tensor_problem, leaves, function))
    return min(DTYPES[name], tensor_problem.dtype, key=lambda dtype: dtype.bits)


def dtype_at(
    problem: Problem, tensor_problem: TensorProblem, function: Callable[..., Any], point: int
) -> Dtype:
    """Return the coarsest dtype in which a callable on tensors computes at a point."""
    numbers = {name: float(problem.columns[name][point]) for name in tensor_problem.scalars}
    with torch.inference_mode(mode=False), torch.enable_grad():
        return _dtype_of_run(tensor_problem, numbers, function)


def at_every_point(
    problem: Problem,
    tensor_problem: TensorProblem,
    at_point: Callable[[Mapping[str, float]], tuple[Mapping[str, float], TensorGradients]],
) -> Samples:
    """Differentiate a program on tensors at one point after the other; note where that fails.

    Parameters
    ----------
    problem, tensor_problem
        The problem.
    at_point
        Takes the inputs that are numbers; returns the derivatives by variable, and what the
        passes gave.

    Raises
    ------
    Unsupported
        The engine cannot express the program.
    """
    derivatives = no_numbers(problem.variables, problem.count)
    reason_of = np.zeros(problem.count, dtype=np.int32)
    reasons = [""]
    passes: dict[int, TensorGradients] = {}
    for i in range(problem.count):
        numbers = {name: float(problem.columns[name][i]) for name in tensor_problem.scalars}
        try:
            slopes, passes[i] = at_point(numbers)
        except Unsupported:
            raise
        except Exception as error:  # noqa: BLE001  (torch may raise anything: it is data)
            check_memory(error)
            reasons.append(describe(error))
            reason_of[i] = len(reasons) - 1
            continue
        for name, slope in slopes.items():
            derivatives[name][i] = slope
    failing = dict.fromkeys(derivatives, reason_of) if reason_of.any() else {}
    samples = Samples(derivatives, reason_of=failing, reasons=tuple(reasons))
    return with_checks(samples, problem, passes)


def with_checks(
    samples: Samples, problem: Problem, passes: Mapping[int, TensorGradients]
) -> Samples:
    """Return samples with the values, the faults, and the inputs that no gradient reaches.

    Parameters
    ----------
    samples
        The derivatives.
    problem
        The problem on tensors.
    passes
        What the passes gave, by point.
    """
    if not passes:
        return samples
    first = next(iter(passes.values()))
    values = np.full((problem.count, *first.value.shape), np.nan)
    faults: dict[str, Mask] = {}
    reasons: dict[str, str] = {}
    notes: dict[str, dict[int, str]] = {}
    for i, done in passes.items():
        values[i] = done.value
        for name, texts in done.notes.items():
            parts = tuple(component_names(name, done.gradients[name].shape))
            for index, text in texts.items():
                notes.setdefault(parts[index], {})[i] = text
        for name, (why, mask) in done.faults.items():
            flat = zip(component_names(name, mask.shape), mask.reshape(-1).tolist(), strict=True)
            for part in (part for part, is_off in flat if is_off):
                if part in samples.derivatives:
                    faults.setdefault(part, np.zeros(problem.count, dtype=bool))[i] = True
                    reasons.setdefault(part, why)
    refusals = _refusals(problem, passes.values())
    unreached = {name: np.full(problem.count, np.nan) for name in refusals}
    return dataclasses.replace(
        samples,
        derivatives={**samples.derivatives, **unreached},
        refusals=refusals,
        values=values,
        dtype=min((done.dtype for done in passes.values()), key=lambda name: DTYPES[name].bits),
        faults={name: mask for name, mask in faults.items() if name not in refusals},
        fault_reasons=reasons,
        notes=notes,
    )


def _refusals(problem: Problem, passes: Iterable[TensorGradients]) -> dict[str, str]:
    """Return why no gradient reaches some variables of which the formula is not a constant."""
    missing: dict[str, str] = {}  # by input, why
    shapes: dict[str, tuple[int, ...]] = {}
    for done in passes:
        for name in sorted(done.missing):
            missing[name] = done.missing[name]
            shapes[name] = done.gradients[name].shape
    tensor_problem = problem.tensor_problem
    if tensor_problem is not None and tensor_problem.tangent is not None:
        moving = [name for name, v in tensor_problem.tangent.items() if v.any()]
        leaf_of = dict.fromkeys(problem.variables, moving[0])
        leaf_of = leaf_of if all(name in missing for name in moving) else {}
    else:
        leaf_of = {part: n for n, shape in shapes.items() for part in component_names(n, shape)}
    unreached = [name for name in problem.variables if name in leaf_of]
    return {name: missing[leaf_of[name]] for name in varying(problem, unreached)}


def with_checks_along(
    samples: Samples,
    problem: DirectionalProblem,
    bounds: Mapping[str, DirectionalBound],
    done: TensorGradients,
) -> Samples:
    """Return samples of a callable along directions with values, faults and unreached inputs."""
    refusals: dict[str, str] = {}
    faults: dict[str, Mask] = {}
    reasons: dict[str, str] = {}
    for direction, v in problem.directions.items():
        if bounds[direction].slope != 0 and all(name in done.missing for name in v):
            refusals[direction] = done.missing[next(iter(v))]
        for name in v:
            if name in done.faults:
                faults[direction] = np.ones(1, dtype=bool)
                reasons[direction] = done.faults[name][0]
    return dataclasses.replace(
        samples,
        refusals=refusals,
        values=done.value[np.newaxis],
        dtype=done.dtype,
        faults=faults,
        fault_reasons=reasons,
    )
