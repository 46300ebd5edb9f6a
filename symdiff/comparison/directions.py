"""What is too large to be judged component by component: derivatives along random directions.

With a cotangent c and a direction v every engine gives one number, c·J·v: reverse mode as
(c·J)·v, differences as c·(f(x + hv) - f(x - hv))/2h.  The truth comes with bounds of all
rounding errors where every switch is off zero, and is `undecided` elsewhere.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.arrays import evaluate_tensor, held_in_tensors
from symdiff.arithmetics.bounds.tensor_estimates import directional, straddles
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE
from symdiff.comparison.evidence import Trial, tolerance_of
from symdiff.comparison.tensor_setup import TANGENT, Setup, check_shape, is_diagonal
from symdiff.engines.autograd import accumulated, digits_of
from symdiff.engines.base import Allowance, Problem, Samples, TensorProblem
from symdiff.engines.claim import CLAIM
from symdiff.errors import ExpressionError, Unsupported, UsageError, describe
from symdiff.grid.grid import Grid, make_grid
from symdiff.program import Program
from symdiff.request.options import Options
from symdiff.truth.kinds import Kind, Truth
from symdiff.truth.truths import Truths
from symdiff.verdict.diagnosis import compared
from symdiff.verdict.judge import VERDICTS, Judgement, Tolerance, Verdict, judge

Direction = Mapping[str, Array]  # for some inputs where to go

DIRECTIONS: Final = 3  # for every input
_EPSILON: Final = float(np.finfo(np.float64).eps)
_STEP: Final = _EPSILON ** (1 / 3)
_UNSETTLED: Final = "a switch may vanish, or rounding hides the derivative"
_UNDECIDED: Final = VERDICTS.index(Verdict.UNDECIDED)


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """The trials of an expression on large tensors.

    Attributes
    ----------
    grid
        One point without coordinates.
    variables
        The directions, by name.
    trials
        One for every spelling.
    notes
        What stands for what was left out, and how claims compare with autograd.
    """

    grid: Grid
    variables: tuple[str, ...]
    trials: tuple[Trial, ...]
    notes: tuple[str, ...]


def _bounded(slope: float, error: float, tolerance: Tolerance) -> Truths:
    """Return the truth along one direction, with its bound; nothing more is proved."""
    truths = Truths.unknown(1)
    truths.errors[0] = error
    if error <= tolerance.atol + tolerance.rtol * abs(slope):
        truths.put(0, Truth(Kind.SMOOTH, slope, slope, slope))
        truths.errors[0] = error
    else:
        truths.details[0] = _UNSETTLED
    return truths


@dataclasses.dataclass(frozen=True, slots=True)
class _Nothing:
    """There is nothing more to be asked than a allowance; see `verdict.Recourse`."""

    known: Allowance

    def prove(self, points: NDArray[np.intp]) -> None:
        del points

    def complete(self, points: NDArray[np.intp]) -> None:
        del points

    def allowance(self, point: int) -> Allowance:
        del point
        return self.known


def directional_trials(setup: Setup, options: Options) -> Found:
    """Try an expression along random directions, the same for every engine and spelling.

    Raises
    ------
    UsageError
        A claim is for components.
    """
    for claim in setup.parsed.claims:
        if claim.place is not None or claim.output is not None:
            message = f"a claim for {claim.key!r}, and the program is too large for components"
            raise UsageError(message, hint=f"claim all of {claim.variable}")
    for name, other in setup.parsed.spellings.items():
        _check_values(setup, name, other)
    rng = np.random.default_rng(options.seed)
    weights = setup.cotangents
    if weights is None:
        weights = (np.ones(()) if setup.is_contracted else rng.standard_normal(setup.shape),)
    directions = _directions(setup, rng)
    grid = make_grid([], (), kinks=False)
    found = []
    notes = [_note(setup)]
    for spelling, program in setup.parsed.programs.items():
        whole = setup.whole(
            program, None if not setup.shape and setup.cotangents is None else weights
        )
        side = _Side(setup, program, whole, weights, options)
        found.append(side.trial(spelling, directions))
        notes.extend(side.notes)
    return Found(grid, tuple(directions), tuple(found), tuple(notes))


def _check_values(setup: Setup, spelling: str, other: Program) -> None:
    """Refuse a spelling whose value is proved to be another one.

    Raises
    ------
    UsageError
        With the component that is farthest off.
    """
    values = {**setup.arrays, **setup.indices}
    try:
        programs = (setup.parsed.program, other)
        (first, known), (second, also) = (directional(p, values, {}) for p in programs)
    except Unsupported:
        return
    if not (known and also):
        return
    apart = np.abs(first.value - second.value) - 2 * (first.error + second.error)
    if not (apart > 0).any():
        return
    place = np.unravel_index(int(np.nanargmax(apart)), apart.shape)
    message = (
        f"spelling {spelling!r} is another function: at the values given it is "
        f"{second.value[place]:.9g}, and the expression is {first.value[place]:.9g}"
    )
    raise UsageError(message, hint="correct it, or make it an entry of its own")


def _directions(setup: Setup, rng: np.random.Generator) -> dict[str, Direction]:
    if setup.tangent is not None:
        return {TANGENT: setup.tangent}
    return {
        f"{name} along v{k + 1}": {name: rng.standard_normal(setup.shapes[name])}
        for name in setup.wrt
        for k in range(DIRECTIONS)
    }


def _note(setup: Setup) -> str:
    what = "one direction" if setup.tangent else f"{DIRECTIONS} random directions for each input"
    return what + ("" if setup.is_contracted else " and one random cotangent") + " stand for them"


class _Side:
    """One spelling: its engines along every direction."""

    def __init__(
        self,
        setup: Setup,
        program: Program,
        whole: TensorProblem,
        weights: tuple[Array, ...],
        options: Options,
    ) -> None:
        self._setup = setup
        self._program = program
        self._whole = whole
        self._weights = weights
        self._times = setup.accumulate
        self._options = options
        self._values = {**setup.arrays, **setup.indices}
        self.notes: list[str] = []

    def trial(self, spelling: str, directions: Mapping[str, Direction]) -> Trial:
        names = tuple(directions)
        truths, sizes = {}, {}
        for name, v in directions.items():
            truths[name], sizes[name] = self._truth(v)
        samples: dict[str, Samples] = {}
        allowances: dict[str, dict[str, Allowance]] = {}
        gradients = None
        for engine in self._options.engines:
            if engine == "autograd":
                samples[engine], gradients = self._autograd(directions)
                allowances[engine] = {
                    n: self._rounding(truths[n], v) for n, v in directions.items()
                }
            elif engine == "central":
                samples[engine] = self._central(directions, sizes)
                allowances[engine] = {n: Allowance(0.0) for n in names}
            else:
                reason = "sympy: it works component by component"
                nothing = {n: np.full(1, np.nan) for n in names}
                samples[engine] = Samples(nothing, unsupported=reason)
                allowances[engine] = {n: Allowance(0.0) for n in names}
        refused: dict[str, str] = {}
        if self._setup.parsed.claims and not spelling:
            samples[CLAIM], allowances[CLAIM], refused = self._claims(directions, gradients)
        judgements = {
            (engine, name): self._judged(truths[name], found, name, allowances[engine][name])
            for engine, found in samples.items()
            for name in found.derivatives
        }
        for name, reason in refused.items():
            failed = np.full(1, VERDICTS.index(Verdict.FAILED), dtype=np.int8)
            judgements[CLAIM, name] = Judgement(failed, {0: reason})
        problem = Problem(self._program, {}, names, tensor_problem=self._whole)
        return Trial(spelling, problem, samples, truths, judgements)

    def _judged(
        self, truths: Truths, samples: Samples, name: str, allowance: Allowance
    ) -> Judgement:
        tolerance = tolerance_of(self._options)
        found = judge(truths, samples, name, tolerance, _Nothing(allowance))
        off = abs(float(samples.derivatives[name][0]) - float(truths.derivative[0]))
        allowed = float(tolerance.around(truths.derivative)[0])
        word = VERDICTS[found.codes[0]]
        unclear = 0 < float(truths.errors[0]) >= abs(off - allowed)
        if word in {Verdict.AGREES, Verdict.WRONG} and unclear:
            return Judgement(np.array([_UNDECIDED], np.int8), {0: _UNSETTLED})
        return found

    def _contracted(self, value: Array) -> float:
        return self._times * float(sum((c * value).sum() for c in self._weights))

    def _bounded(self, v: Direction, *, backward_formula: bool) -> tuple[float, float, float]:
        """Return the slope along a direction, its error, and that of the value; inf: not known."""
        try:
            found, settled = directional(
                self._program,
                self._values,
                v,
                self._weights,
                self._times,
                backward_formula=backward_formula,
            )
        except Unsupported:
            return math.nan, math.inf, math.inf
        slope = 0.0 if found.slope is None else float(found.slope)
        return slope, float(found.slope_error) if settled else math.inf, float(found.error)

    def _truth(self, v: Direction) -> tuple[Truths, float]:
        """Return the derivative along a direction, and how far the value may be off."""
        slope, error, value_error = self._bounded(v, backward_formula=False)
        return _bounded(slope, error, tolerance_of(self._options)), value_error

    def _rounding(self, truths: Truths, v: Direction) -> Allowance:
        """Return what rounding may do to autograd, in its own formulas and its own numbers."""
        error = float(truths.errors[0])
        if any(CATALOGUE[call.function].backward_formula for _, call in self._program.calls()):
            _, error, _ = self._bounded(v, backward_formula=True)
        error = error if math.isfinite(error) else math.nan
        return Allowance(4 * 2.0 ** (53 - digits_of(self._whole)) * error)

    def _autograd(
        self, directions: Mapping[str, Direction]
    ) -> tuple[Samples, Mapping[str, Array] | None]:
        try:
            gradients = accumulated(self._whole, {}, self._setup.parsed.function)
        except Unsupported as error:
            nothing = {name: np.full(1, np.nan) for name in directions}
            return Samples(nothing, unsupported=str(error)), None
        except Exception as error:  # noqa: BLE001  (torch may raise anything: it is data)
            nothing = {name: np.full(1, np.nan) for name in directions}
            raised = np.ones(1, dtype=np.int32)
            return Samples(nothing, reason_of=raised, reasons=("", describe(error))), None
        along = {name: np.array([_inner(gradients, v)]) for name, v in directions.items()}
        return Samples(along), gradients

    def _central(self, directions: Mapping[str, Direction], sizes: Mapping[str, float]) -> Samples:
        held = held_in_tensors(self._program, self._values)
        found, errors, straddling = {}, {}, {}
        for name, v in directions.items():
            narrow, wide = (self._quotient(v, held, h) for h in (_STEP, 2 * _STEP))
            straddling[name] = np.array([self._straddles(v)])
            found[name] = np.array([narrow])
            rounding = sizes[name] / _STEP
            error = abs(wide - narrow) + (rounding if math.isfinite(rounding) else 0.0)
            errors[name] = np.array([error if math.isfinite(error) else 0.0])
        return Samples(found, errors, straddling)

    def _ends(self, v: Direction, h: float) -> list[dict[str, Any]]:
        """Return the values at both ends of a stencil."""
        return [
            {n: x + step * v[n] if n in v else x for n, x in self._values.items()}
            for step in (h, -h)
        ]

    def _quotient(self, v: Direction, held: dict[int, Any], h: float) -> float:
        above, below = (
            self._contracted(evaluate_tensor(self._program, end, held=held))
            for end in self._ends(v, h)
        )
        return (above - below) / (2 * h)

    def _straddles(self, v: Direction) -> bool:
        """Tell whether a kink lies in the stencil, or may: its own error does not show one."""
        try:
            return straddles(self._program, self._ends(v, _STEP))
        except Unsupported:
            return True

    def _claims(
        self, directions: Mapping[str, Direction], gradients: Mapping[str, Array] | None
    ) -> tuple[Samples, dict[str, Allowance], dict[str, str]]:
        values: dict[str, Array] = {}
        allowances: dict[str, Allowance] = {}
        refused: dict[str, str] = {}
        for claim in self._setup.parsed.claims:
            own = [name for name, v in directions.items() if set(v) == {claim.variable}]
            try:
                shape = check_shape(self._setup, claim)
            except ExpressionError as error:
                reason = str(error).split("\n", maxsplit=1)[0]
                refused.update(dict.fromkeys(own, reason))
                values.update({name: np.full(1, np.nan) for name in own})
                allowances.update({name: Allowance() for name in own})
                continue
            value, bounds = self._asserted(claim.program)
            diagonal = is_diagonal(self._setup, claim, shape)
            for name in own:
                v = directions[name][claim.variable]
                values[name] = np.array([self._pulled(value, v, diagonal=diagonal)])
                size = self._pulled(bounds, np.abs(v), diagonal=diagonal, sizes=True)
                allowances[name] = Allowance(2 * size)
            if gradients is not None and self._setup.is_contracted:
                words = compared(value, gradients[claim.variable], tolerance_of(self._options).rtol)
                self.notes.append(f"claim for {claim.variable} beside autograd: {words}")
        return Samples(values), allowances, refused

    def _asserted(self, program: Program) -> tuple[Array, Array]:
        """Return what is claimed, and how far rounding may have carried it."""
        try:
            found, settled = directional(program, self._values, {})
        except Unsupported:
            settled = False
        if not settled:
            value = evaluate_tensor(program, self._values)
            return value, np.full(value.shape, math.nan)
        return np.asarray(found.value), np.asarray(found.error)

    def _pulled(self, value: Array, v: Array, *, diagonal: bool, sizes: bool = False) -> float:
        """Return c·J·v for what is claimed of J."""
        if self._setup.is_contracted:
            return float((value * v).sum())
        weights = [np.abs(c) if sizes else c for c in self._weights]
        ahead = value * v if diagonal else np.tensordot(value, v, v.ndim)
        return self._times * float(sum((c * ahead).sum() for c in weights))


def _inner(gradients: Mapping[str, Array], v: Direction) -> float:
    terms = [gradients[name][x != 0] @ x[x != 0] for name, x in v.items()]
    return float(sum(terms))
