"""Choose the elements or rows of a large run that are cut out of it.

If all calls are elementwise functions of the catalogue, any elements can be cut out. Otherwise the
function runs once or twice more on other inputs, to compare the calls there too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

from symdiff.explanation.cutting import Cut
from symdiff.explanation.elements import MAX_ROWS, Elements, NotCutError, ways
from symdiff.explanation.nearby import Elsewhere, elsewhere
from symdiff.explanation.problems import SmallProblem
from symdiff.explanation.recording import Run
from symdiff.explanation.watching import Origin

_SIGNS: Final = (1.0, -1.0)  # the other inputs lie on both sides of the given ones


def cut(done: Run, origin: Origin, flat: Sequence[int], healthy: Sequence[int]) -> SmallProblem:
    """Return a small problem with some elements of a large one.

    Parameters
    ----------
    done
        The run.
    origin
        Where a gradient stops being finite.
    flat
        Positions of such elements, in the flat gradient.
    healthy
        Positions of elements with a finite gradient, which the cut has to reproduce.

    Raises
    ------
    NotCutError
        The elements do not depend on each other in a way that can be cut.
    """
    shape = tuple(origin.where.shape)
    several = list(ways(shape, [*flat, *healthy]))
    reasons: list[str] = []
    for elements in several[:1]:
        problem = _attempt(done, origin, elements, [], reasons)
        if problem is not None and _has_input(done, problem):
            if not healthy:
                return problem
            return _without_healthy(done, origin, problem, elements.some(flat), [])
    long = list(ways(shape, flat[:1])) if _has_long_rows(done, shape) else []
    others: list[Elsewhere] = []
    for sign in _SIGNS:
        others.append(elsewhere(done, sign))
        problems = _attempts(done, origin, several, others, reasons)
        if not any(_has_input(done, problem) for problem, _ in problems):
            rows = _attempts(done, origin, long, others, reasons)
            problems += [pair for pair in rows if _has_input(done, pair[0])]
        if problems:
            inputs = [pair for pair in problems if _has_input(done, pair[0])]
            pairs = inputs or problems
            problem, elements = max(pairs, key=lambda pair: len(pair[0].program.order))
            if not healthy or torch.equal(elements.positions, elements.some(flat).positions):
                return problem
            return _without_healthy(done, origin, problem, elements.some(flat), others)
    raise NotCutError(reasons[-1] if reasons else "a number does not have elements")


def _attempts(
    done: Run,
    origin: Origin,
    several: Sequence[Elements],
    others: Sequence[Elsewhere],
    reasons: list[str],
) -> list[tuple[SmallProblem, Elements]]:
    """Return the cuts that succeed, up to the first one that begins with an input."""
    problems = []
    for elements in several:
        problem = _attempt(done, origin, elements, others, reasons)
        if problem is not None:
            problems.append((problem, elements))
            if _has_input(done, problem):
                break
    return problems


def _has_long_rows(done: Run, shape: tuple[int, ...]) -> bool:
    """Return whether an input has so many numbers in a row that one row alone can be cut out."""
    leaves = [t for t in done.leaves.values() if t.requires_grad]
    return any(
        2 * t.numel() > MAX_ROWS * length for t in leaves for length in {*shape} & {*t.shape} - {1}
    )


def _attempt(
    done: Run,
    origin: Origin,
    elements: Elements,
    others: Sequence[Elsewhere],
    reasons: list[str],
) -> SmallProblem | None:
    """Return a cut, or note the reason for none."""
    try:
        return Cut(done, elements, others).problem(origin)
    except NotCutError as error:
        reasons.append(str(error))
        return None


def _without_healthy(
    done: Run,
    origin: Origin,
    problem: SmallProblem,
    elements: Elements,
    others: Sequence[Elsewhere],
) -> SmallProblem:
    """Return a cut that has only the elements at which something is wrong.

    The time of a proof grows faster than the number of elements. The smaller cut refers to the
    larger one, so that remedies can be tried on the other elements too.
    """
    smaller = _attempt(done, origin, elements, others, [])
    if smaller is None or tuple(smaller.program.inputs) != tuple(problem.program.inputs):
        return problem
    try:
        found = problem.gradients(smaller.program)
    except (RuntimeError, TypeError, ValueError, IndexError):
        return problem  # the program is for these sizes only
    expected = problem.gradients(problem.program)
    if not np.array_equal([*found.values()], [*expected.values()], equal_nan=True):
        return problem
    return dataclasses.replace(smaller, larger=problem)


def _has_input(done: Run, problem: SmallProblem) -> bool:
    return any(name in done.leaves for name, _ in problem.places.values())
