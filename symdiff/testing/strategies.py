"""Strategies for hypothesis: inputs at ties, zeros and ends of domains of a program.

Random numbers never hit the points at which derivatives are wrong most often: equal operands of a
maximum, a zero of a norm, the end of the domain of a root. These strategies read the switches of
the program and choose inputs at which some of them vanish.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st

from symdiff.arithmetics.arrays import ARRAYS
from symdiff.arithmetics.components.components import (
    Inputs,
    TooLargeError,
    literals,
    variables,
    write_out,
)
from symdiff.arithmetics.reading import read
from symdiff.array_types import Array
from symdiff.errors import UsageError
from symdiff.grid.kinks import find_roots
from symdiff.grid.solve.coordinates import Coordinate
from symdiff.grid.switches import Switch, find_switches
from symdiff.program import Program
from symdiff.program.nodes import Builder
from symdiff.program.traced import TracedProgram
from symdiff.program.values import component_names, index_inputs, uses_tensors

_LARGEST: Final = 3.0  # the size of numbers that are drawn
_MAX_COMPONENTS: Final = 64  # of the inputs of a program whose switches are solved
_MAX_NODES: Final = 2_000  # of its components together
_MAX_VANISHING: Final = 3  # switches that are made to vanish in one example
_BOXES: Final = 120  # enclosures for one switch on one line

_Numbers = dict[str, float]


@dataclasses.dataclass(frozen=True, slots=True)
class _Space:
    """What is drawn: the components of some inputs, the switches, and where the program was traced.

    Attributes
    ----------
    names
        The names of the components of every input that is drawn, in row-major order.
    start
        Numbers at which the program has a value; empty if none are known.
    switches
        The switches, as programs in these components.
    """

    names: Mapping[str, tuple[str, ...]]
    start: Mapping[str, float]
    switches: tuple[Switch, ...]


def inputs(program: Program) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy that draws inputs at which switches of a program vanish.

    Parameters
    ----------
    program
        A traced Program: tensors of the shapes and dtypes of the trace are drawn for the
        function's arguments. Or a Program on numbers: numbers are drawn for its inputs.

    Returns
    -------
    SearchStrategy
        Of dicts by the inputs' names. In an example some components are set so that up to three
        switches of the program vanish; the others are small random numbers. In a program that is
        too large to be written out component by component, some components are equal or zero.

    Raises
    ------
    UsageError
        The program has tensors, and no trace says which shapes they have.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> program = parse("maximum(x, y)")
    >>> from hypothesis import find
    >>> drawn = find(inputs(program), lambda d: d["x"] == d["y"] != 0)
    >>> drawn["x"] == drawn["y"]
    True
    """
    if isinstance(program, TracedProgram):
        return _tensors(program)
    if uses_tensors(program):
        message = "a program on tensors has no shapes"
        raise UsageError(message, hint="strategies.inputs(symdiff.trace(f, x))")
    names = {name: (name,) for name in program.inputs}
    return _numbers(program, _Space(names, {}, find_switches(program)))


def _tensors(program: TracedProgram) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of tensors for the arguments of a traced function."""
    import torch  # noqa: PLC0415  (the trace has loaded it)

    values = {name: program.values[name].detach() for name in program.inputs}
    integers = index_inputs(program)
    drawn = [
        name
        for name, value in values.items()
        if program.roles[name] == "input" and value.is_floating_point() and name not in integers
    ]
    arrays = {
        name: value.numpy() if name in integers else value.double().numpy()
        for name, value in values.items()
    }
    names = {name: tuple(component_names(name, arrays[name].shape)) for name in drawn}
    start = {
        component: float(x)
        for name in drawn
        for component, x in zip(names[name], arrays[name].reshape(-1), strict=True)
    }
    space = _Space(names, start, _switches(program, arrays, names, integers))

    def as_tensors(numbers: _Numbers) -> dict[str, Any]:
        return {
            name: torch.tensor([numbers[c] for c in names[name]], dtype=torch.float64)
            .reshape(values[name].shape)
            .to(values[name].dtype)
            for name in drawn
        }

    def has_value(numbers: _Numbers) -> bool:
        moved = {
            n: np.array([numbers[c] for c in names[n]]).reshape(arrays[n].shape) for n in drawn
        }
        return _has_value(program, {**arrays, **moved})

    return _points(space, has_value).map(as_tensors)


def _numbers(program: Program, space: _Space) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of numbers for the inputs of a Program on numbers."""

    def has_value(numbers: _Numbers) -> bool:
        return _has_value(program, {name: np.float64(x) for name, x in numbers.items()})

    return _points(space, has_value)


def _has_value(program: Program, values: Mapping[str, Any]) -> bool:
    with np.errstate(all="ignore"):
        return not np.isnan(np.asarray(read(program, ARRAYS, values), dtype=float)).any()


# -- the switches


def _switches(
    program: Program,
    arrays: Mapping[str, Array],
    names: Mapping[str, tuple[str, ...]],
    integers: frozenset[str],
) -> tuple[Switch, ...]:
    """Return the switches in components of the inputs; none if the program is large."""
    if sum(map(len, names.values())) > _MAX_COMPONENTS:
        return ()
    moving = variables({name: arrays[name].shape for name in names})
    fixed = literals(arrays)

    def nodes(builder: Builder, name: str) -> Any:  # noqa: ANN401  (indices of nodes)
        return (moving if name in names else fixed)(builder, name)

    scalar: Inputs = nodes
    try:
        written = write_out(program, scalar, {n: arrays[n] for n in integers})
    except TooLargeError:
        return ()
    total = written.weighted([(np.ones(written.output.shape), 1)])
    return find_switches(total) if len(total.nodes) <= _MAX_NODES else ()


# -- drawing


def _points(space: _Space, has_value: Any) -> st.SearchStrategy[_Numbers]:  # noqa: ANN401  (a test)
    """Return a strategy of numbers for all components, at which the program has a value."""

    @st.composite
    def drawn(draw: st.DrawFn) -> _Numbers:
        away = _away(draw, [c for several in space.names.values() for c in several])
        # Where random numbers are outside the domain, those of the trace are a place to start.
        for start in (away, *([dict(space.start)] if space.start else [])):
            moved = _vanishing(draw, dict(start), space)
            for numbers in (moved, start):
                if has_value(numbers):
                    return numbers
        return away

    return drawn()


def _away(draw: st.DrawFn, components: list[str]) -> _Numbers:
    """Return random numbers for components; for many, by a generator with a seed."""
    if len(components) <= _MAX_COMPONENTS:
        return {c: draw(_NUMBER) for c in components}
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    random = generator.uniform(-_LARGEST, _LARGEST, len(components)).tolist()
    return dict(zip(components, random, strict=True))


_PARTS: Final = 2**20
# Multiples of 2⁻²⁰: differences of them are exact, and squares of them do not underflow.
_NUMBER: Final = st.one_of(
    st.integers(-int(_LARGEST), int(_LARGEST)).map(float),
    st.integers(-int(_LARGEST) * _PARTS, int(_LARGEST) * _PARTS).map(lambda n: n / _PARTS),
)


def _vanishing(draw: st.DrawFn, numbers: _Numbers, space: _Space) -> _Numbers:
    """Return numbers of which some are changed so that switches vanish."""
    is_set: set[str] = set()
    for _ in range(draw(st.integers(0, _MAX_VANISHING))):
        free = [s for s in space.switches if not is_set.issuperset(s.program.inputs)]
        if free:
            switch = draw(st.sampled_from(free))
            change = _solved(draw, numbers, switch, is_set)
            change = change or _alike(draw, numbers, list(switch.program.inputs))
        else:
            change = _alike(draw, numbers, list(numbers))
        numbers |= change
        is_set |= set(change)
    return numbers


def _solved(draw: st.DrawFn, numbers: _Numbers, switch: Switch, is_set: set[str]) -> _Numbers:
    """Return a component at a zero of a switch; nothing if there is none."""
    component = draw(st.sampled_from([c for c in switch.program.inputs if c not in is_set]))
    others = [c for c in switch.program.inputs if c != component]
    fixed = {c: Coordinate(numbers[c]) for c in others}
    ends = (-2 * _LARGEST, 2 * _LARGEST)
    roots = find_roots(switch, component, fixed, ends, _BOXES).coordinates
    values = [root.value for root in roots if math.isfinite(root.value)]
    return {component: draw(st.sampled_from(values))} if values else {}


def _alike(draw: st.DrawFn, numbers: _Numbers, components: list[str]) -> _Numbers:
    """Return some components at zero, or at the number that one of them has."""
    if not components:
        return {}
    chosen = components
    if len(components) > 1 and draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from(components), min_size=2, max_size=4, unique=True))
    value = 0.0 if draw(st.booleans()) else numbers[chosen[0]]
    return dict.fromkeys(chosen, value)
