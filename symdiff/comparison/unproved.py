"""Compare autograd with finite differences, without a proof, where a function cannot be traced.

For a cotangent c and a random direction v, autograd's c·J·v is compared with difference quotients
of c·f along v, extrapolated to a step of 0 (Richardson 1911). Where the quotients from both sides
and for several steps agree, they settle the derivative; elsewhere the verdict is `undecided`.
What the function detaches, or reads as a Python value, is constant to autograd: there quotients
that leave it as it is settle the derivative.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch

from symdiff.array_types import Array
from symdiff.comparison.evidence import Evidence, Tensors, Trial
from symdiff.engines.base import Problem, Samples, TensorProblem
from symdiff.engines.callables import coarsest_dtype_in
from symdiff.errors import describe
from symdiff.grid.grid import make_grid
from symdiff.program.nodes import Builder, Input, Program, Source, Span
from symdiff.program.values import Value
from symdiff.request.options import ENGINES, Options
from symdiff.request.request import Label
from symdiff.tracing.branches import copy_of, outputs
from symdiff.tracing.constant_parts import ConstantPartsError, run_with_constants
from symdiff.tracing.failures import exceptions_named
from symdiff.tracing.inputs import Arguments, Leaf
from symdiff.tracing.repetition import changing, first_difference, place_of
from symdiff.tracing.state import random_numbers, seeded_state
from symdiff.truth.kinds import Kind, Truth
from symdiff.truth.truths import Certified, Proofs, Truths
from symdiff.verdict.explanations import Explanations
from symdiff.verdict.judge import Judgement
from symdiff.verdict.words import Verdict

_DIRECTIONS: Final = 3
# Steps along a direction of random numbers of size 1, where values have the digits of float64,
# and where they have those of a coarser dtype.
_STEPS: Final = (2.0**-8, 2.0**-10, 2.0**-12)
_COARSE_STEPS: Final = (2.0**-2, 2.0**-4, 2.0**-6)
_SETTLED: Final = 1e-6  # relative error up to which quotients settle a derivative
_COARSELY_SETTLED: Final = 1e-3
_EPS: Final = 2.0**-52
_UNSETTLED: Final = "differences along the direction do not agree, and nothing is proved"
_UNKEPT: Final = (
    "differences cannot keep constant what the function detaches, and nothing is proved"
)
_BY_DIFFERENCES: Final = "by differences along a direction, without a proof"
Line = Callable[[float], float]  # c·f as a function of the step along a direction
_, _AUTOGRAD, _DIFFERENCES = ENGINES  # by the names of the default engines


def _direction(rng: np.random.Generator, value: torch.Tensor) -> torch.Tensor:
    """Return a random direction, along which a symmetric matrix stays symmetric.

    Functions of symmetric matrices read one triangle of them, and torch's gradient is that among
    symmetric matrices.
    """
    direction = torch.tensor(rng.standard_normal(value.shape))
    is_square = value.ndim >= 2 and value.shape[-1] == value.shape[-2]
    if is_square and torch.equal(value, value.mT):
        return (direction + direction.mT) / 2
    return direction


@dataclasses.dataclass(frozen=True, slots=True)
class _Quotient:
    """A derivative from difference quotients, and an estimate of its error."""

    slope: float
    error: float
    tolerance: float = _SETTLED
    unsettled: str = _UNSETTLED  # the reason, where they do not settle a derivative
    has_constants: bool = False  # whether the function keeps some of its parts constant

    @property
    def is_settled(self) -> bool:
        """Whether the quotients agree."""
        return self.error <= self.tolerance * max(abs(self.slope), 1.0)


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
        Why the function cannot be traced, for the report.
    label
        What the report says about the request.
    options
        The seed and the options of the report.
    """
    values = {leaf.name: leaf.tensor.detach().double() for leaf in arguments.leaves}
    rng = np.random.default_rng(options.seed)
    directions = {
        f"{name} along v{k + 1}": (name, _direction(rng, values[name]))
        for name in wrt
        for k in range(_DIRECTIONS)
    }
    shape = tuple(_value_twice(arguments).shape)
    weights = torch.tensor(rng.standard_normal(shape)) if shape != (1,) else torch.ones(1)
    fine, unit = _in_doubles(arguments) or arguments, _unit(arguments)
    gradients, failure = _gradients(arguments, values, wrt, weights.double())
    slopes = {n: float((gradients[x] * v).sum()) for n, (x, v) in directions.items()}
    kept = _with_constants(arguments, fine)
    quotients = {
        n: _settled_with_constants(
            arguments, fine, kept, functools.partial(_along, values, x, v, weights.double())
        )
        for n, (x, v) in directions.items()
    }
    names = tuple(directions)
    program = _placeholder(label.name, tuple(values))
    others, _ = (gradients, "") if unit == _EPS else _gradients(fine, values, wrt, weights.double())
    judged = {}
    for n, (x, v) in directions.items():
        size = float((gradients[x] * v).abs().sum())
        rounding = 0.0 if unit == _EPS else unit**0.5 * max(size, abs(quotients[n].slope))
        judged[n] = _judged(slopes[n], quotients[n], failure, rounding)
        if judged[n].codes[0] == Verdict.WRONG and fine is not arguments:
            in_doubles = float((others[x] * v).sum())
            judged[n] = _judged_in_doubles(judged[n], in_doubles, quotients[n])
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
            without_proof=True,
        ),
    )


def _value_twice(arguments: Arguments) -> torch.Tensor:
    """Return the outputs at the inputs, which have to be the same in a second call."""
    with exceptions_named():
        value, again = _flat(arguments, {}), _flat(arguments, {})
    found = first_difference([value], [again])
    if found is not None:
        raise changing(place_of(arguments), *found)
    return value


def _flat(arguments: Arguments, moved: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the real outputs of the function, joined to one vector."""
    return _joined(_called(arguments, moved)())


def _joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat([t.reshape(-1) for t in parts])


@contextlib.contextmanager
def _as_called() -> Iterator[None]:
    """Let a function that differentiates do so."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        yield


def _called(
    arguments: Arguments, moved: Mapping[str, torch.Tensor]
) -> Callable[[], list[torch.Tensor]]:
    """Return a function without arguments that calls the function on copies of its inputs."""
    copies = {leaf.name: copy_of(leaf) for leaf in arguments.leaves}  # it may write to them

    def call() -> list[torch.Tensor]:
        with random_numbers(seeded_state()):  # the same in every call
            return outputs(arguments.call({**copies, **moved}))

    return call


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
    except Exception as error:  # noqa: BLE001  (the user's code may raise anything)
        return nothing, describe(error)
    pairs = zip(leaves, found, strict=True)
    return {n: torch.zeros_like(values[n]) if g is None else g.double() for n, g in pairs}, ""


def _in_doubles(arguments: Arguments) -> Arguments | None:
    """Return the arguments in float64; None if they are, or if the function does not allow it."""
    if all(leaf.tensor.dtype == torch.float64 for leaf in _real_leaves(arguments)):
        return None
    real = {leaf.name for leaf in _real_leaves(arguments)}
    leaves = tuple(
        dataclasses.replace(leaf, tensor=leaf.tensor.detach().double())
        if leaf.name in real
        else leaf
        for leaf in arguments.leaves
    )
    fine = dataclasses.replace(arguments, leaves=leaves)
    try:
        value, coarse = _flat(fine, {}), _flat(arguments, {})
    except Exception:  # noqa: BLE001  (the user's code may have a dtype of its own)
        return None
    tolerance = torch.finfo(coarse.dtype).eps ** 0.5
    is_same = value.shape == coarse.shape and torch.allclose(
        value.double(), coarse.double(), tolerance, tolerance
    )
    return fine if value.dtype == torch.float64 and is_same else None


def _real_leaves(arguments: Arguments) -> list[Leaf]:
    return [leaf for leaf in arguments.leaves if leaf.tensor.is_floating_point()]


def _unit(arguments: Arguments) -> float:
    """Return the epsilon of the coarsest dtype in which a function computes."""
    noted = coarsest_dtype_in(lambda: _flat(arguments, {}))
    dtypes = [leaf.tensor.dtype for leaf in _real_leaves(arguments)]
    return float(max(torch.finfo(d).eps for d in (*dtypes, getattr(torch, noted))))


@dataclasses.dataclass(frozen=True, slots=True)
class _Kept:
    """The constant parts of a function, with the arguments as given, and in float64.

    They are None where the parts cannot be kept as they are, for a reason.
    """

    given: list[Any] | None
    fine: list[Any] | None
    reason: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the function has no constant parts."""
        return self.given == []


def _with_constants(arguments: Arguments, fine: Arguments) -> _Kept:
    try:
        with _as_called():
            _, given = run_with_constants(_called(arguments, {}))
            _, in_doubles = run_with_constants(_called(fine, {}))
    except ConstantPartsError as error:
        return _Kept(None, None, f"{_UNKEPT}: {error}")
    return _Kept(given, in_doubles)


def _settled_with_constants(
    arguments: Arguments, fine: Arguments, kept: _Kept, along: Callable[..., Line]
) -> _Quotient:
    """Return quotients for the derivative with the constant parts of the function as they are.

    If the quotients that move the constant parts as well disagree, nothing is settled: the function
    may branch differently nearby.
    """
    found = _settled(arguments, along(fine), along(arguments))
    if kept.is_empty or not found.is_settled:
        return found
    if kept.given is None:
        return _Quotient(math.nan, math.inf, unsettled=kept.reason)
    lines = along(fine, kept.fine), along(arguments, kept.given)
    found = _settled(arguments, *lines)
    return dataclasses.replace(found, has_constants=True)


def _settled(arguments: Arguments, fine: Line, given: Line) -> _Quotient:
    """Return quotients in float64, or with longer steps where these do not settle a derivative."""
    found = _quotient(fine, _STEPS)
    if found.is_settled or _unit(arguments) == _EPS:
        return found
    coarse = _quotient(given, _COARSE_STEPS, _unit(arguments))
    return dataclasses.replace(coarse, tolerance=_COARSELY_SETTLED)


def _along(  # noqa: PLR0913, PLR0917  (a function, a direction, and the weights)
    values: Mapping[str, torch.Tensor],
    name: str,
    v: torch.Tensor,
    weights: torch.Tensor,
    arguments: Arguments,
    constants: list[Any] | None = None,
) -> Line:
    """Return c·f as a function of the step along a direction, with some constant parts."""
    dtype = next(leaf.tensor.dtype for leaf in arguments.leaves if leaf.name == name)

    def value(step: float) -> float:
        moved = {name: (values[name] + step * v).to(dtype).requires_grad_()}
        called = _called(arguments, moved)
        with _as_called():
            parts = called() if constants is None else run_with_constants(called, constants)[0]
        return float((weights * _joined(parts).detach().double()).sum())

    return value


def _quotient(value: Line, steps: Sequence[float], unit: float = _EPS) -> _Quotient:
    """Return the derivative at 0, with an error that covers both sides and several steps.

    The error is infinite where the function raises an exception on one side.
    """
    try:
        here = value(0.0)
        values = [(value(step), value(-step)) for step in steps]
    except Exception:  # noqa: BLE001  (the user's code may refuse inputs on one side)
        return _Quotient(math.nan, math.inf)
    central, gaps = [], []
    for step, (ahead, behind) in zip(steps, values, strict=True):
        central.append((ahead - behind) / (2 * step))
        gaps.append(abs(ahead - 2 * here + behind) / step)  # goes to 0 unless there is a kink
    numbers: Array = np.array(central)
    finer = numbers[1:] + (numbers[1:] - numbers[:-1]) / 15  # steps with a ratio of 4
    rounding = unit * max(map(abs, (here, *values[-1]))) / steps[-1]
    error = abs(finer[1] - finer[0]) + rounding + max(0.0, gaps[-1] - gaps[0] / 8)
    return _Quotient(float(finer[1]), float(error))


def _truth(quotient: _Quotient) -> Truths:
    if not quotient.is_settled:
        return Truths(Certified.nowhere(1), Proofs.of({}), {0: quotient.unsettled})
    slope = quotient.slope
    return Truths.proved_only(1, {0: Truth(Kind.SMOOTH, slope, slope, slope)})


def _judged(slope: float, quotient: _Quotient, failure: str, rounding: float) -> Judgement:
    if failure:
        return Judgement.everywhere(Verdict.FAILED, 1, failure)
    if not quotient.is_settled:
        return Judgement.everywhere(Verdict.UNDECIDED, 1, quotient.unsettled)
    if not math.isfinite(slope):
        return Judgement.everywhere(Verdict.NONFINITE, 1, _BY_DIFFERENCES)
    distance = abs(slope - quotient.slope)
    allowed = 10 * quotient.error + quotient.tolerance * abs(quotient.slope)
    verdict = Verdict.AGREES if distance <= allowed else Verdict.WRONG
    if allowed < distance <= allowed + rounding:
        return Judgement.everywhere(Verdict.INEXACT, 1, "rounding in a dtype coarser than float64")
    kept = "; what is detached is kept constant" if quotient.has_constants else ""
    return Judgement.everywhere(verdict, 1, f"{_BY_DIFFERENCES}{kept}")


def _judged_in_doubles(judgement: Judgement, slope: float, quotient: _Quotient) -> Judgement:
    """Return `undecided` for a wrong gradient that is right if the inputs are in float64."""
    if _judged(slope, quotient, "", 0.0).codes[0] != Verdict.AGREES:
        return judgement
    reason = "the gradient is right in float64, and far from it in the dtype of the inputs"
    return Judgement.everywhere(Verdict.UNDECIDED, 1, reason)


def _of_quotient(quotient: _Quotient) -> Judgement:
    verdict = Verdict.AGREES if quotient.is_settled else Verdict.UNDECIDED
    return Judgement.everywhere(verdict, 1, "" if quotient.is_settled else quotient.unsettled)


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
