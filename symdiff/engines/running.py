"""Run an engine on a problem, and turn every exception into failures among its samples.

An engine is given only what its traits declare that it can run. Only the variables and the points
for which it raises an exception are marked as failed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np

from symdiff import chunks
from symdiff.array_types import Array
from symdiff.engines.base import Engine, Gap, Problem, Samples, TensorProblem, Traits
from symdiff.errors import Unsupported, describe
from symdiff.program.values import FLOATING_DTYPES
from symdiff.request.numpy_functions import NumpyFunction

_MAX_PASSES: Final = 128  # largest number of passes that look for the points that raise exceptions
Result = TypeVar("Result")


def run(engine: Engine, problem: Problem) -> Samples:
    """Return an engine's samples for a problem, with a failure where it raises an exception.

    The engine is given only what its traits declare that it can run. A problem with a dtype that
    they do not declare is unsupported.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> class Broken:
    ...     name = "broken"
    ...     traits = Traits()
    ...     def differentiate(self, problem):
    ...         raise RuntimeError("no kernel")
    >>> run(Broken(), Problem(parse("x"), {"x": np.zeros(1)}, ("x",))).reason("x", 0)
    'RuntimeError: no kernel'
    """
    if problem.order not in engine.traits.orders:
        gap = Gap(f"{engine.name} has no second derivatives")
        samples = Samples.without(problem.variables, problem.count, gap)
        return dataclasses.replace(samples, traits=engine.traits)
    suited = _suited(engine.traits, problem)
    samples = _run(engine, suited)
    if len(suited.variables) > 1 and suited.tensor_problem is None:
        samples = _with_variables_alone(engine, suited, samples)
    samples = samples.ran_by(engine.traits, suited.tensor_problem)
    if problem.order == 1:
        return samples
    # A rule at kinks is about those of f.
    traits = dataclasses.replace(engine.traits, min_norm_rule="")
    is_expressed = not set(suited.variables) <= set(samples.unsupported)
    values = _values_of_f(engine, suited) if is_expressed else None
    return dataclasses.replace(samples, values=values, traits=traits)


def _values_of_f(engine: Engine, problem: Problem) -> Array | None:
    """Return an engine's values of the function of which it took second derivatives.

    They are those of its first derivatives; None where it has none, or fails.
    """
    tensors = problem.tensor_problem
    first = dataclasses.replace(
        problem,
        program=problem.written,
        second=None,
        variables=problem.variables[:1],
        tensor_problem=tensors and dataclasses.replace(tensors, tangent=None),
        estimate_errors=False,
    )
    start = _run(engine, first.part(slice(0, 1)))
    if start.values is None or problem.count == 1:
        return None if start.reason_of else start.values
    samples = _run(engine, first)
    return None if samples.reason_of else samples.values


def _suited(traits: Traits, problem: Problem) -> Problem:
    """Return a problem with only the parts that an engine with these traits can run."""
    return dataclasses.replace(
        problem,
        function=problem.function if traits.runs_callables else None,
        tensor_problem=problem.tensor_problem if runs_tensors(traits, problem.function) else None,
    )


def runs_tensors(traits: Traits, function: Callable[..., Any] | None) -> bool:
    """Return whether an engine is given whole tensors: it runs them, or a callable on them."""
    return traits.whole_tensors or (traits.runs_callables and function is not None)


def _run(engine: Engine, problem: Problem) -> Samples:
    try:
        if problem.tensor_problem is not None:
            check_dtypes(engine, problem.tensor_problem)
            _check_callable(engine, problem, problem.tensor_problem)
        if engine.traits.runs_in_chunks and is_long(problem):
            return _in_chunks(engine, problem)
        return _checked(engine.differentiate(problem), problem)
    except Unsupported as error:
        return Samples.without(problem.variables, problem.count, Gap.of(error))
    except Exception as error:  # noqa: BLE001  (an engine may raise anything)
        check_memory(error)
        return Samples.failed(problem.variables, problem.count, describe(error))


def _with_variables_alone(engine: Engine, problem: Problem, samples: Samples) -> Samples:
    """Return the samples, differentiated one variable at a time where the engine failed.

    So a failure for one variable leaves the numbers for the others, and so does a derivative that
    the engine cannot express.
    """
    if set(problem.variables) <= set(samples.unsupported):
        return Samples.beside(_by_groups_of_variables(engine, problem))
    failing = np.zeros(problem.count, dtype=bool)
    for name in samples.reason_of:
        failing |= samples.failing(name, slice(None))
    if not failing.any():
        return samples
    points, others = np.flatnonzero(failing), np.flatnonzero(~failing)
    there = dataclasses.replace(problem.part(points), estimate_errors=False)
    alone = [
        _run(engine, dataclasses.replace(there, variables=(name,)))
        for name in problem.variables
        if name in samples.derivatives
    ]
    if not len(others):
        return Samples.beside(alone)
    # An engine that can express the program elsewhere fails where it says that it cannot.
    alone = [
        Samples.failed((name,), len(points), gap.reason)
        if (gap := part.unsupported.get(name := next(iter(part.derivatives))))
        else part
        for part in alone
    ]
    elsewhere = dataclasses.replace(samples.part(others), reason_of={}, reasons=("",))
    order = np.argsort(np.concatenate([others, points]), kind="stable")
    return Samples.join([elsewhere, Samples.beside(alone)]).part(order)


def _by_groups_of_variables(engine: Engine, problem: Problem) -> list[Samples]:
    """Return the samples of groups of variables that are as large as the engine supports.

    A program may be too large only for many variables at once. To differentiate it for each of n
    variables alone takes n times as long.
    """
    middle = len(problem.variables) // 2
    parts: list[Samples] = []
    for variables in (problem.variables[:middle], problem.variables[middle:]):
        half = dataclasses.replace(problem, variables=variables)
        samples = _run(engine, half)
        failed = bool(samples.reason_of) or set(variables) <= set(samples.unsupported)
        is_divided = failed and len(variables) > 1
        parts += _by_groups_of_variables(engine, half) if is_divided else [samples]
    return parts


def _checked(samples: Samples, problem: Problem) -> Samples:
    """Return what an engine returned, after checking its type and shapes.

    Raises
    ------
    TypeError
        It is not a `Samples`.
    ValueError
        It has no derivatives, or an array of a different length than the number of points.
    """
    if not isinstance(samples, Samples):
        message = f"differentiate returned {type(samples).__name__}, not Samples"
        raise TypeError(message)
    if not samples.derivatives and problem.variables:
        message = "differentiate returned no derivatives"
        raise ValueError(message)
    for name, column in samples.derivatives.items():
        if np.shape(column) != (problem.count,):
            shape = np.shape(column)
            right = (problem.count,)
            message = f"the derivatives with respect to {name} have shape {shape}, not {right}"
            raise ValueError(message)
    if samples.values is not None and np.shape(samples.values)[:1] != (problem.count,):
        shape = np.shape(samples.values)
        message = f"the values have shape {shape}, and there are {problem.count} points"
        raise ValueError(message)
    return samples


def check_dtypes(engine: Engine, tensor_problem: TensorProblem) -> None:
    """Check that an engine can run a program in the dtypes of its tensors.

    Raises
    ------
    Unsupported
        It does not declare the dtype of a floating-point tensor.
    """
    for value in tensor_problem.values.values():
        if value.dtype in FLOATING_DTYPES and value.dtype not in engine.traits.dtypes:
            raise Unsupported(value.dtype, f"{engine.name} has no such dtype")


def moves_entries(traits: Traits, function: Callable[..., Any] | None) -> bool:
    """Return whether an engine moves single entries of the tensors of a callable on torch."""
    is_on_torch = function is not None and not isinstance(function, NumpyFunction)
    return is_on_torch and not {"differences", "forward"}.isdisjoint(traits.modes)


def _check_callable(engine: Engine, problem: Problem, tensor_problem: TensorProblem) -> None:
    """Check that moving the tensors of a callable keeps symmetric matrices symmetric."""
    if problem.function is None or not moves_entries(engine.traits, problem.function):
        return
    from symdiff.engines.symmetric_matrices import (  # noqa: PLC0415  (loads torch)
        check_symmetric_matrices,
        every_entry,
    )

    numbers = {name: float(problem.columns[name][0]) for name in tensor_problem.scalars}
    moving = {name.partition("[")[0] for name in problem.variables}
    direction = tensor_problem.tangent or every_entry(tensor_problem, moving)
    check_symmetric_matrices(tensor_problem, problem.function, numbers, direction)


def is_long(problem: Problem) -> bool:
    """Return whether a problem is cut into chunks for engines that run in chunks."""
    on_numbers = problem.tensor_problem is None and problem.function is None
    return on_numbers and chunks.is_long(problem.count)


def check_memory(error: Exception) -> None:
    """Raise MemoryError if an error says that memory ran out, which is no failure of the engine.

    Raises
    ------
    MemoryError
        The error is a MemoryError, or the RuntimeError that torch raises instead.
    """
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        raise MemoryError from error


def without_failing_points(
    problem: Problem, differentiate: Callable[[Problem], Samples], error: Exception
) -> Samples:
    """Return samples with the numbers where no exception is raised, and failures elsewhere.

    Parameters
    ----------
    problem
        The problem, whose points do not affect each other.
    differentiate
        Differentiates at some points in one pass.
    error
        The exception that it raised for all points together.
    """
    parts = in_halves(problem.count, lambda chosen: differentiate(problem.part(chosen)), error)
    return Samples.join(
        [
            Samples.failed(problem.variables, chosen.stop - chosen.start, done)
            if isinstance(done, str)
            else done
            for chosen, done in parts
        ]
    )


def numbers_or_failures(problem: Problem, differentiate: Callable[[Problem], Samples]) -> Samples:
    """Return what `differentiate` returns, with failures only where it raises an exception.

    Raises
    ------
    Unsupported
        The engine cannot express the program.
    """
    try:
        return differentiate(problem)
    except Unsupported:
        raise
    except Exception as error:  # noqa: BLE001  (a library may raise anything)
        check_memory(error)
        return without_failing_points(problem, differentiate, error)


def in_halves(
    count: int, run: Callable[[slice], Result], error: Exception
) -> list[tuple[slice, Result | str]]:
    """Run a function on the largest parts of an array on which it raises no exception.

    A part on which it raises one is halved, until `_MAX_PASSES` calls were made or one point is
    left.

    Parameters
    ----------
    count
        The length of the array.
    run
        The function, which takes the slice of a part.
    error
        The exception that it raised for the whole array.

    Returns
    -------
    list
        Every part with its result, or with the description of the exception; in order.
    """
    parts: dict[int, tuple[slice, Result | str]] = {}
    waiting = [(slice(0, count), describe(error))]
    passes = 0
    while waiting:
        chosen, reason = waiting.pop(0)
        if chosen.stop - chosen.start == 1 or passes >= _MAX_PASSES:
            parts[chosen.start] = chosen, reason
            continue
        middle = (chosen.start + chosen.stop) // 2
        for half in (slice(chosen.start, middle), slice(middle, chosen.stop)):
            passes += 1
            try:
                parts[half.start] = half, run(half)
            except Exception as inner:  # noqa: BLE001  (torch may raise anything: it is data)
                check_memory(inner)
                waiting.append((half, describe(inner)))
    return [parts[start] for start in sorted(parts)]


def _in_chunks(engine: Engine, problem: Problem) -> Samples:
    """Run an engine chunk by chunk: the derivative at a point depends on no other point."""
    count = problem.count
    problem = dataclasses.replace(problem, estimate_errors=False, is_chunk=True)
    columns = {name: np.empty(count) for name in problem.variables}
    others: dict[int, Samples] = {}  # by the start of the chunk: all but the derivatives

    def run_chunk(chunk: slice) -> None:
        part = problem.part(chunk)
        samples = _checked(engine.differentiate(part), part)
        for name, column in columns.items():
            column[chunk] = samples.derivatives.get(name, np.nan)
        covered = {name: columns[name][chunk] for name in samples.derivatives}
        others[chunk.start] = dataclasses.replace(
            samples, derivatives=covered, errors={}, straddling={}
        )

    chunks.in_chunks(count, run_chunk)
    parts = [others[start] for start in sorted(others)]  # chunks may be done in any order
    return Samples.join(parts, {name: columns[name] for name in parts[0].derivatives})
