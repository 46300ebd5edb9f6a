"""Compare a function that cannot be traced: autograd against differences, and nothing is proved.

For a cotangent c and a random direction v, autograd's c·J·v is compared with difference quotients
of c·f along v, extrapolated to a step of 0 (Richardson 1911). Where the quotients from both sides
and for several steps agree, they settle the number; elsewhere the verdict is `undecided`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch

from symdiff.array_types import Array
from symdiff.comparison.evidence import Evidence, Tensors, Trial
from symdiff.engines.base import Problem, Samples, TensorProblem
from symdiff.errors import describe
from symdiff.grid.grid import make_grid
from symdiff.program.nodes import Builder, Input, Program, Source, Span
from symdiff.program.values import Value
from symdiff.request.options import ENGINES, Options
from symdiff.request.request import Label
from symdiff.tracing.inputs import Arguments
from symdiff.tracing.repetition import changing, first_difference, place_of
from symdiff.tracing.state import random_numbers, seeded_state
from symdiff.tracing.tensors import tensors_in
from symdiff.truth.kinds import Kind, Truth
from symdiff.truth.truths import Certified, Proofs, Truths
from symdiff.verdict.explanations import Explanations
from symdiff.verdict.judge import Judgement
from symdiff.verdict.words import Verdict

_DIRECTIONS: Final = 3
_STEPS: Final = (2.0**-8, 2.0**-10, 2.0**-12)  # along a direction of random numbers of size 1
_SETTLED: Final = 1e-6  # relative error up to which quotients settle a derivative
_UNSETTLED: Final = "differences along the direction do not settle it, and nothing is proved"
_, _AUTOGRAD, _DIFFERENCES = ENGINES  # by the names of the default engines


@dataclasses.dataclass(frozen=True, slots=True)
class _Quotient:
    """A derivative from difference quotients, and an estimate of its error."""

    slope: float
    error: float

    @property
    def is_settled(self) -> bool:
        """Whether the quotients agree."""
        return self.error <= _SETTLED * max(abs(self.slope), 1.0)


def compare_without_proof(
    arguments: Arguments, wrt: Sequence[str], reason: str, label: Label, options: Options
) -> Evidence:
    """Return what autograd and differences give along random directions.

    Parameters
    ----------
    arguments
        The function and its inputs.
    wrt
        The inputs to differentiate by.
    reason
        Why it cannot be traced; the report says it.
    label
        What the report says about the request.
    options
        The seed and the options of the report.
    """
    values = {leaf.name: leaf.tensor.detach().double() for leaf in arguments.leaves}
    rng = np.random.default_rng(options.seed)
    directions = {
        f"{name} along v{k + 1}": (name, torch.tensor(rng.standard_normal(values[name].shape)))
        for name in wrt
        for k in range(_DIRECTIONS)
    }
    shape = tuple(_value_twice(arguments).shape)
    weights = torch.tensor(rng.standard_normal(shape)) if shape != (1,) else torch.ones(1)
    gradients, failure = _gradients(arguments, values, wrt, weights.double())
    slopes = {n: float((gradients[x] * v).sum()) for n, (x, v) in directions.items()}
    quotients = {
        n: _quotient(_along(arguments, values, x, v, weights.double()))
        for n, (x, v) in directions.items()
    }
    names = tuple(directions)
    program = _placeholder(label.name, tuple(values))
    judged = {n: _judged(slopes[n], quotients[n], failure) for n in names}
    given = {n: Value(v.numpy()) for n, v in values.items()}
    trial = Trial(
        "",
        Problem(program, {}, names, tensor_problem=TensorProblem(program, given, (None,))),
        {
            _AUTOGRAD: Samples({n: np.array([slopes[n]]) for n in names}),
            _DIFFERENCES: Samples({n: np.array([quotients[n].slope]) for n in names}),
        },
        {n: _truth(quotients[n]) for n in names},
        {(_AUTOGRAD, n): judged[n] for n in names}
        | {(_DIFFERENCES, n): _of_quotient(quotients[n]) for n in names},
    )
    trial = dataclasses.replace(
        trial, explanations={k: _explained(j) for k, j in trial.judgements.items()}
    )
    return Evidence(
        label=label,
        options=options,
        program=program,
        variables=names,
        grid=make_grid([], (), kinks=False),
        engines=(_AUTOGRAD, _DIFFERENCES),
        trials=(trial,),
        tensors=Tensors(
            values=given,
            scalars=(),
            shape=shape,
            wrt={n: tuple(values[n].shape) for n in wrt},
            notes=(f"nothing is proved: {reason}",),
        ),
    )


def _value_twice(arguments: Arguments) -> torch.Tensor:
    """Return the outputs at the inputs, which have to be the same in a second call."""
    value, again = _flat(arguments, {}), _flat(arguments, {})
    found = first_difference([value], [again])
    if found is not None:
        raise changing(place_of(arguments), *found)
    return value


def _flat(arguments: Arguments, moved: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the real outputs of the function, joined to one vector."""
    with random_numbers(seeded_state()):  # the same in every call
        copies = {leaf.name: leaf.tensor.detach().clone() for leaf in arguments.leaves}
        result = arguments.call({**copies, **moved})  # the function may write to its inputs
    parts = [t for t in tensors_in(result) if t.is_floating_point()]
    return torch.cat([t.reshape(-1) for t in parts])


def _gradients(
    arguments: Arguments, values: Mapping[str, Any], wrt: Sequence[str], weights: torch.Tensor
) -> tuple[dict[str, torch.Tensor], str]:
    """Return the gradients by autograd, and why there are none, or ""."""
    dtypes = {leaf.name: leaf.tensor.dtype for leaf in arguments.leaves}
    leaves = {n: values[n].to(dtypes[n], copy=True).requires_grad_() for n in wrt}
    nothing = {n: torch.full_like(values[n], math.nan) for n in wrt}
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():
            total = (weights * _flat(arguments, leaves).double()).sum()
        found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    except Exception as error:  # noqa: BLE001  (the person's code may raise anything)
        return nothing, describe(error)
    pairs = zip(leaves, found, strict=True)
    return {n: torch.zeros_like(values[n]) if g is None else g.double() for n, g in pairs}, ""


def _along(
    arguments: Arguments,
    values: Mapping[str, torch.Tensor],
    name: str,
    v: torch.Tensor,
    weights: torch.Tensor,
) -> Callable[[float], float]:
    """Return c·f as a function of the step along a direction."""
    dtype = next(leaf.tensor.dtype for leaf in arguments.leaves if leaf.name == name)

    def value(step: float) -> float:
        moved = {name: (values[name] + step * v).to(dtype)}
        with torch.no_grad():
            return float((weights * _flat(arguments, moved).double()).sum())

    return value


def _quotient(value: Callable[[float], float]) -> _Quotient:
    """Return the derivative at 0, with an error that covers both sides and several steps.

    The error is infinite where the function raises an exception on one side.
    """
    try:
        here = value(0.0)
        values = [(value(step), value(-step)) for step in _STEPS]
    except Exception:  # noqa: BLE001  (the person's code may refuse inputs on one side)
        return _Quotient(math.nan, math.inf)
    central, gaps = [], []
    for step, (ahead, behind) in zip(_STEPS, values, strict=True):
        central.append((ahead - behind) / (2 * step))
        gaps.append(abs(ahead - 2 * here + behind) / step)  # goes to 0 unless there is a kink
    numbers: Array = np.array(central)
    finer = numbers[1:] + (numbers[1:] - numbers[:-1]) / 15  # steps with a ratio of 4
    rounding = 2.0**-52 * abs(here) / _STEPS[-1]
    error = abs(finer[1] - finer[0]) + rounding + max(0.0, gaps[-1] - gaps[0] / 8)
    return _Quotient(float(finer[1]), float(error))


def _truth(quotient: _Quotient) -> Truths:
    if not quotient.is_settled:
        return Truths(Certified.nowhere(1), Proofs.of({}), {0: _UNSETTLED})
    slope = quotient.slope
    return Truths.proved_only(1, {0: Truth(Kind.SMOOTH, slope, slope, slope)})


def _judged(slope: float, quotient: _Quotient, failure: str) -> Judgement:
    if failure:
        return Judgement.everywhere(Verdict.FAILED, 1, failure)
    if not quotient.is_settled:
        return Judgement.everywhere(Verdict.UNDECIDED, 1, _UNSETTLED)
    room = 10 * quotient.error + _SETTLED * abs(quotient.slope)
    verdict = Verdict.AGREES if abs(slope - quotient.slope) <= room else Verdict.WRONG
    return Judgement.everywhere(verdict, 1, "by differences along a direction, without a proof")


def _of_quotient(quotient: _Quotient) -> Judgement:
    verdict = Verdict.AGREES if quotient.is_settled else Verdict.UNDECIDED
    return Judgement.everywhere(verdict, 1, "" if quotient.is_settled else _UNSETTLED)


def _explained(judgement: Judgement) -> Explanations:
    """Return the reason of a verdict as its detail; no part of the function is blamed."""
    zero, one = np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.int32)
    return Explanations(np.zeros(1, dtype=np.intp), one, zero, ("", judgement.reasons.get(0, "")))


def _placeholder(name: str, inputs: tuple[str, ...]) -> Program:
    """Return a Program that has the name of a function in place of its text; nothing reads it."""
    text = f"{name}({', '.join(inputs)})"
    builder = Builder()
    nodes = [builder.add(Input(n), Span(0, 0, len(text))) for n in inputs]
    program = builder.program(nodes[0], (Source("expr", text),))
    return dataclasses.replace(program, inputs=inputs)
