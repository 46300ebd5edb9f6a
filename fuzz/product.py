"""What symdiff says about a program: through its public functions alone."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

import symdiff
from fuzz.points import Coordinate, shown
from fuzz.trees import Tree
from symdiff.engines import registry
from symdiff.engines.base import Allowance, Problem, Samples, Traits
from symdiff.errors import InputError

ENGINES: Final = ("symbolic", "autograd", "central")
_INDEX: Final = re.compile(r"\[(.*)\]$")


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """A program, and where it is tried.

    Attributes
    ----------
    tree
        The program.
    at
        The coordinates along every variable that is a number.
    values
        The numbers of every variable that is a tensor, as nested lists.
    let
        Named sub-programs, in order.
    """

    tree: Tree
    at: Mapping[str, tuple[Coordinate, ...]]
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    let: Mapping[str, str] = dataclasses.field(default_factory=dict)
    text: str = ""

    @property
    def expression(self) -> str:
        """The text that symdiff gets."""
        return self.text or str(self.tree)

    def __str__(self) -> str:
        """Return the call that asks it."""
        parts = [repr(self.expression)]
        if self.let:
            parts.append(f"let={dict(self.let)}")
        if self.at:
            parts.append(f"at={ {n: [c.spec for c in cs] for n, cs in self.at.items()} }")
        if self.values:
            parts.append(f"values={floats(self.values)}")
        return f"compare({', '.join(parts)})"


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """What symdiff says about one engine's number along one variable at one point.

    Attributes
    ----------
    inputs
        The exact coordinates of the numbers, and the arrays of the tensors.
    variable, index
        The variable, and the index of its component; () for a number.
    kind, left, right, derivative, detail
        The truth.
    engine, value, verdict
        The engine, its number, and the verdict.
    """

    inputs: Mapping[str, Any]
    variable: str
    index: tuple[int, ...]
    kind: str
    left: float | None
    right: float | None
    derivative: float | None
    detail: str
    engine: str
    value: float | None
    verdict: str

    @property
    def truth(self) -> str:
        """The truth as text."""
        slopes = f"left {self.left}, right {self.right}, derivative {self.derivative}"
        return f"{self.kind} ({slopes}){f': {self.detail}' if self.detail else ''}"

    @property
    def where(self) -> str:
        """The point and the variable as text."""
        name = self.variable + (f"[{', '.join(map(str, self.index))}]" if self.index else "")
        return f"d/d{name} at {shown(self.inputs)}"


class RefusedError(Exception):
    """symdiff does not take the program, and says why."""


class Planted:
    """An engine that returns numbers that were written down beforehand.

    Parameters
    ----------
    name
        The name of the engine.
    gradient
        By variable, a number, or one for every point.
    """

    traits = Traits(runs_in_chunks=False)

    def __init__(self, name: str, gradient: Mapping[str, Any]) -> None:
        self.name = name
        self._gradient = gradient

    def differentiate(self, problem: Problem) -> Samples:
        """Return the numbers."""
        count = problem.count
        columns = {
            n: np.broadcast_to(np.asarray(self._gradient[n], float), count).copy()
            for n in problem.variables
        }
        return Samples(columns)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        """Return no estimate."""

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        """Return that nothing is allowed."""
        del problem, variable, point
        return Allowance()


def ask(
    question: Question, engines: Sequence[str] = ENGINES, planted: Sequence[Planted] = ()
) -> list[Word]:
    """Return what symdiff says.

    Parameters
    ----------
    question
        The program and the points.
    engines
        The engines of symdiff to run.
    planted
        Further engines.

    Raises
    ------
    RefusedError
        symdiff does not take the program. Any other exception is a defect.
    """
    with contextlib.ExitStack() as stack:
        names = [stack.enter_context(registry.registered(engine)).name for engine in planted]
        try:
            comparison = symdiff.compare(
                question.expression,
                at={n: [c.spec for c in cs] for n, cs in question.at.items()} or None,
                values=floats(question.values),
                let=dict(question.let),
                engines=(*engines, *names),
            )
            records = list(comparison.records())
        except InputError as error:
            raise RefusedError(str(error).split("\n", maxsplit=1)[0]) from error
    return list(_words(question, records))


def _words(question: Question, records: Sequence[Mapping[str, Any]]) -> Iterator[Word]:
    arrays = {name: array(value) for name, value in question.values.items()}
    by_spec = {name: {c.spec: c for c in cs} for name, cs in question.at.items()}
    for record in records:
        inputs = {**_coordinates(by_spec, record), **arrays}
        if record["role"] == "neighbour" or len(inputs) < len(by_spec) + len(arrays):
            continue
        name, _, rest = record["variable"].partition("[")
        index = tuple(int(k) for k in rest.rstrip("]").split(",")) if rest else ()
        yield Word(
            inputs=inputs,
            variable=name,
            index=index,
            detail=record["detail"] or "",
            engine=record["engine"],
            verdict=record["verdict"],
            kind=record["kind"],
            **{key: _float(record[key]) for key in ("left", "right", "derivative", "value")},
        )


def _coordinates(
    by_spec: Mapping[str, Mapping[Any, Coordinate]], record: Mapping[str, Any]
) -> dict[str, Coordinate]:
    """Return the coordinates of a record that were asked for."""
    texts: dict[str, str] = {}
    if record["exact"]:
        if len(record["point"]) == 1:
            texts = dict.fromkeys(record["point"], record["exact"])
        else:
            texts = dict(part.split("=", maxsplit=1) for part in record["exact"].split(", "))
    found = {}
    for name, x in record["point"].items():
        coordinate = by_spec[name].get(texts.get(name, x))
        if coordinate is not None:
            found[name] = coordinate
    return found


def _float(number: Any) -> float | None:
    return None if number is None else float(number)


def floats(values: Any) -> Any:
    """Return nested lists of fractions with floats instead."""
    if isinstance(values, Mapping):
        return {name: floats(value) for name, value in values.items()}
    return [floats(v) for v in values] if isinstance(values, list) else float(values)


def array(nested: Any) -> Any:
    """Return nested lists of fractions as an array of fractions."""
    shape = np.shape(floats(nested))
    result = np.empty(shape, dtype=object)
    for position in np.ndindex(shape):
        part = nested
        for k in position:
            part = part[k]
        result[position] = Fraction(part)
    return result


def double_of(x: Any) -> float:
    """Return the nearest double, an infinity if it is too large."""
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf
