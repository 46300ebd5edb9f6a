"""Small programs whose derivatives are proved: a whole function, or a part of a large one."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch

from symdiff.arithmetics.reading import read
from symdiff.arithmetics.tensors import TENSORS
from symdiff.comparison.compare import compare
from symdiff.errors import SymdiffError, UsageError
from symdiff.explanation.findings import Truth
from symdiff.explanation.source_text import spoken
from symdiff.program import Program
from symdiff.program.traced import TracedProgram
from symdiff.program.values import component_name, index_inputs
from symdiff.report.records import Record
from symdiff.report.report import Comparison
from symdiff.request.options import Options
from symdiff.request.request import Request
from symdiff.tracing.tensors import tensors_in
from symdiff.tracing.trace import trace

TRUE_VERDICTS: Final = frozenset({"agrees", "inexact", "subgradient"})
_CLOSE: Final = 1e-5  # relative tolerance of a verdict along one component
_SAMPLES: Final = 4
_NEARBY: Final = 0.05  # relative distance of the random inputs
ISOLATED: Final = "isolated"  # kinds of point
OUTSIDE: Final = "outside"
UNDECIDED: Final = "undecided"

Component = tuple[str, tuple[int, ...]]  # the name of a tensor, and a multi-index


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What is proved of a small problem, by component.

    Attributes
    ----------
    autograd
        The records with autograd's numbers.
    numbers, judged
        Other numbers, and the records with these; empty without them.
    """

    autograd: Mapping[str, Record]
    numbers: Mapping[str, float]
    judged: Mapping[str, Record]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SmallProblem:
    """A traced program with few components, and what they are in the user's tensors.

    Attributes
    ----------
    program
        The program.
    values
        The values of its inputs.
    cotangent
        The gradient that arrives at its value; None for the derivative of a number.
    places
        For every component of its inputs that is of interest, by the program's name for it, the
        user's tensor and the multi-index there.
    shapes
        The shapes of the user's tensors, by name.
    counts
        How many components of their gradients are not finite.
    basis
        What a proof about it covers.
    larger
        The same with elements at which all is well besides; None without one.
    names
        The user's names of constants, by those of the program.
    masks
        The inputs that are masks, and numbers in the program.
    is_long
        Whether it has many components besides those in `places`, which are proved one by one then.
    """

    program: TracedProgram
    values: Mapping[str, torch.Tensor]
    cotangent: torch.Tensor | None
    places: Mapping[str, Component]
    shapes: Mapping[str, tuple[int, ...]]
    counts: Mapping[str, int]
    basis: str
    larger: SmallProblem | None = None
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    masks: frozenset[str] = frozenset()
    is_long: bool = False

    @property
    def wrt(self) -> tuple[str, ...]:
        """The inputs that have components of interest."""
        names = dict.fromkeys(name.partition("[")[0] for name in self.places)
        return tuple(n for n in self.program.inputs if n in names)

    def spoken(self, text: str) -> str:
        """Return a text of the program in the user's terms."""
        return spoken(text, self.names, self.masks)

    def gradients(self, program: Program, widen: torch.dtype | None = None) -> dict[str, float]:
        """Return what autograd gives for a program on the same inputs, by component.

        Parameters
        ----------
        program
            The program, or another one for the same function.
        widen
            A dtype to compute in.
        """
        integers = index_inputs(program)
        inputs: dict[str, Any] = {}
        for name in program.inputs:
            value = self.values[name].detach().clone()
            if name in integers:
                inputs[name] = value.long()
            else:
                inputs[name] = value.to(widen) if widen else value
        leaves = {n: inputs[n].requires_grad_() for n in self.wrt if n in inputs}
        with torch.inference_mode(mode=False), torch.enable_grad():
            value = torch.as_tensor(read(program, TENSORS, inputs))
            start = torch.ones_like(value) if self.cotangent is None else self.cotangent
            found = torch.autograd.grad(
                value, [*leaves.values()], start.to(value.dtype), allow_unused=True
            )
        # By inputs that the program does not use, the derivative is 0.
        numbers = {
            component_name(name, index): 0.0
            for name in self.wrt
            for index in np.ndindex(*self.values[name].shape)
        }
        for (name, leaf), gradient in zip(leaves.items(), found, strict=True):
            array = torch.zeros_like(leaf) if gradient is None else gradient
            array = array.to(self.values[name].dtype)
            for index in np.ndindex(*leaf.shape):
                numbers[component_name(name, index)] = float(array[index])
        return numbers

    def value(
        self,
        program: Program,
        values: Mapping[str, torch.Tensor],
        widen: torch.dtype | None = None,
    ) -> torch.Tensor:
        """Return the value of a program on some inputs, in a wider dtype if one is given."""
        integers = index_inputs(program)
        inputs = {
            n: values[n].long() if n in integers else values[n].detach().to(widen)
            for n in program.inputs
        }
        return torch.as_tensor(read(program, TENSORS, inputs))

    def nearby(self) -> Iterator[dict[str, torch.Tensor]]:
        """Yield random values close to those of the inputs."""
        generator = torch.Generator().manual_seed(0)
        for _ in range(_SAMPLES):
            moved = dict(self.values)
            for name in self.wrt:
                x = self.values[name]
                noise = torch.randn(x.shape, generator=generator, dtype=torch.float64)
                close = (x + _NEARBY * noise * x.abs().clamp(min=1)).to(x.dtype)
                moved[name] = torch.where(x.isfinite(), close, x)
            yield moved

    def records(self, numbers: Mapping[str, float] | None = None) -> Records:
        """Return what is proved of every component, with the verdict on some numbers.

        Parameters
        ----------
        numbers
            Derivatives to be judged besides those of autograd, by component.
        """
        numbers = None if numbers is None else {n: _finite(x) for n, x in numbers.items()}
        if self.is_long:
            return self._records_by_direction(numbers)
        claims = {} if numbers is None else {n: self._claim(n, numbers) for n in self.wrt}
        request = Request(
            expression=self.program,
            values=dict(self.values),
            cotangent=None if self.cotangent is None else self.cotangent.tolist(),
            wrt=self.wrt,
            claims=claims,
        )
        evidence = compare(request, Options(engines=("autograd",)))
        records = list(Comparison((evidence,)).records())
        by_engine = {
            engine: {r["variable"]: r for r in records if r["engine"] == engine}
            for engine in ("autograd", "claim")
        }
        return Records(by_engine["autograd"], numbers or {}, by_engine["claim"])

    def _records_by_direction(self, numbers: Mapping[str, float] | None) -> Records:
        """Return what is proved along single components, with verdicts from their slopes."""
        found = self.gradients(self.program)
        records = {c: self._along(c) for c in self.places}
        autograd = {c: _judged(r, found[c]) for c, r in records.items()}
        judged = {c: _judged(r, numbers[c]) for c, r in records.items()} if numbers else {}
        return Records(autograd, numbers or {}, judged)

    def _along(self, component: str) -> Record:
        name = component.partition("[")[0]
        direction = torch.zeros_like(self.values[name], dtype=torch.float64)
        names = (component_name(name, index) for index in np.ndindex(*direction.shape))
        direction.view(-1)[list(names).index(component)] = 1
        request = Request(
            expression=self.program,
            values=dict(self.values),
            cotangent=None if self.cotangent is None else self.cotangent.tolist(),
            wrt=self.wrt,
            tangent={name: direction.tolist()},
        )
        evidence = compare(request, Options(engines=("autograd",)))
        (record,) = Comparison((evidence,)).records()
        return {**record, "variable": component}

    def _claim(self, name: str, numbers: Mapping[str, float]) -> str:
        def nested(index: tuple[int, ...], shape: Sequence[int]) -> str:
            if not shape:
                return repr(numbers[component_name(name, index)])
            return f"[{', '.join(nested((*index, k), shape[1:]) for k in range(shape[0]))}]"

        shape = tuple(self.values[name].shape)
        return f"tensor({nested((), shape)})" if shape else nested((), ())


def _judged(record: Record, number: float) -> Record:
    """Return a record along one component with another number, and the verdict on it."""
    truth = truth_of(record)
    verdict = "nonfinite"
    if math.isfinite(number) and truth.derivative is not None:
        is_same = math.isclose(number, truth.derivative, rel_tol=_CLOSE, abs_tol=_CLOSE * 1e-6)
        verdict = "agrees" if is_same else "wrong"
    elif math.isfinite(number) and truth.has_gradient:
        ends = sorted(s for s in (truth.left, truth.right) if s is not None)
        verdict = "subgradient" if ends[0] <= number <= ends[-1] else "not-subgradient"
    return {**record, "value": number, "verdict": verdict}


def _finite(number: float) -> float:
    return number if math.isfinite(number) else 0.0


def traced(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> TracedProgram:  # noqa: ANN401
    """Return the trace of a function; in double precision, if it overflows in a lower one.

    Raises
    ------
    UsageError
        It cannot be traced.
    """
    try:
        return trace(function, *args, **kwargs)
    except UsageError:
        if all(t.dtype == torch.float64 for t in _floating((args, kwargs, function))):
            raise
    wide = copy.deepcopy(function).double() if isinstance(function, torch.nn.Module) else function
    return trace(wide, *_doubled(args), **_doubled(kwargs))


def _floating(values: Any) -> Iterator[torch.Tensor]:  # noqa: ANN401
    for value in values:
        if isinstance(value, torch.nn.Module):
            yield from (t for t in value.parameters() if t.is_floating_point())
        else:
            yield from (t for t in tensors_in(value) if t.is_floating_point())


def _doubled(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, torch.Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, Mapping):
        return {key: _doubled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_doubled(item) for item in value)
    return value


def truth_of(record: Record | None, reason: str = "") -> Truth:
    """Return the truth that a record tells."""
    if record is None or record["kind"] == UNDECIDED:
        detail = str(record["detail"] or "") if record else ""
        return Truth(UNDECIDED, reason=reason or detail)
    return Truth(
        kind=str(record["kind"]),
        derivative=_number(record["derivative"]),
        left=_number(record["left"]),
        right=_number(record["right"]),
    )


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)


def proved(
    problem: SmallProblem, numbers: Mapping[str, float] | None = None
) -> tuple[Records | None, str]:
    """Return the records of a problem, or none and the reason."""
    try:
        return problem.records(numbers), ""
    except SymdiffError as error:
        return None, str(error).splitlines()[0]
