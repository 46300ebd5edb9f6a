"""Judge the values of the function itself, which come before any derivative.

Where an engine's value is proved to differ from the program's, its derivative is that of a
different function: the verdict is `value`, whatever the derivative is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np

from symdiff.arithmetics.arrays import evaluate_tensor
from symdiff.array_types import Array, Mask
from symdiff.engines.base import Engine, HasValueRadius, Problem, Samples, TensorProblem
from symdiff.engines.running import runs_tensors
from symdiff.program import Program
from symdiff.program.values import DTYPES, component_name
from symdiff.truth.values import ExactValue, Margin, differences, differences_of_programs
from symdiff.verdict.judge import Judgement, Key, Tolerance
from symdiff.verdict.words import Verdict

_DIGITS: Final = (6, 9, 12, 17)  # numbers of digits in which two values are shown


def judge_values(
    problem: Problem,
    samples: Mapping[str, Samples],
    judgements: Mapping[Key, Judgement],
    tolerance: Tolerance,
    engines: Mapping[str, Engine],
) -> dict[Key, Judgement]:
    """Return the judgements that change because an engine's value is a different number.

    Parameters
    ----------
    problem
        The program and the points. Values are compared at the doubles that engines were given.
    samples
        What the engines returned.
    judgements
        The verdicts on the derivatives, by engine and variable.
    tolerance
        How far a value may deviate, besides rounding.
    engines
        The engines: those that evaluate a formula of their own know how it rounds.
    """
    changed: dict[Key, Judgement] = {}
    for engine, sample in samples.items():
        own: object = engines[engine]
        radius = own.value_radius if isinstance(own, HasValueRadius) else None
        reasons = {} if sample.values is None else _reasons(problem, sample, tolerance, radius)
        for key in judgements if reasons else ():
            if key[0] == engine:
                changed[key] = with_values(judgements[key], reasons)
    return changed


def judge_spelling(
    problem: Problem,
    expression: Program,
    judgements: Mapping[Key, Judgement],
    tolerance: Tolerance,
) -> dict[Key, Judgement]:
    """Return the judgements that change because a spelling is a different function.

    Parameters
    ----------
    problem
        The spelling and the points.
    expression
        The expression that it is said to be.
    judgements
        The verdicts on the derivatives of the spelling, by engine and variable.
    tolerance
        How far its value may deviate.
    """
    margin = Margin(tolerance.rtol, tolerance.atol)
    found = differences_of_programs(problem.program, expression, problem.columns, margin)
    if not len(found.points):
        return {}
    reasons = {
        i: _words_on_spelling(own, expected)
        for i, own, expected in zip(found.points.tolist(), found.others, found.values, strict=True)
    }
    return {
        key: with_values(judgement, reasons)
        for key, judgement in judgements.items()
        if not (judgement.codes == Verdict.UNSUPPORTED).all()
    }


def _words_on_spelling(own: ExactValue, expected: ExactValue) -> str:
    """Return a sentence with the values of a spelling and of the expression."""
    if own.undefined:
        value = f"the expression's value is {expected.number:.6g}"
        return f"it is undefined here: {own.undefined}; {value}"
    return words_on_values(own.number, expected).replace("the formula", "the expression")


def with_values(judgement: Judgement, reasons: Mapping[int, str]) -> Judgement:
    """Return a judgement with the verdict `value` at the points that have a reason."""
    codes = judgement.codes.copy()
    codes[list(reasons)] = Verdict.VALUE
    return dataclasses.replace(judgement, codes=codes, reasons={**judgement.reasons, **reasons})


def words_on_values(value: float, expected: ExactValue, where: str = "") -> str:
    """Return a sentence with an engine's value and the formula's.

    Parameters
    ----------
    value
        The engine's value.
    expected
        The value of the formula.
    where
        The component of the value, as ``[0]``, if it has several.

    Examples
    --------
    >>> words_on_values(6.0, ExactValue(1.0))
    "its value is 6, and the formula's is 1"
    >>> words_on_values(0.0, ExactValue(float("nan"), "a division by zero"), "[1]")
    'its value at [1] is 0, and the formula is undefined here: a division by zero'
    """
    at = f" at {where}" if where else ""
    if expected.undefined:
        return f"its value{at} is {value:.6g}, and the formula is undefined here: " + (
            expected.undefined
        )
    texts = ("", "")
    for digits in _DIGITS:
        texts = (f"{value:.{digits}g}", f"{expected.number:.{digits}g}")
        if texts[0] != texts[1]:
            break
    return f"its value{at} is {texts[0]}, and the formula's is {texts[1]}"


def _reasons(
    problem: Problem,
    samples: Samples,
    tolerance: Tolerance,
    radius: Callable[[Problem, int], float] | None,
) -> dict[int, str]:
    """Return a sentence on the first component that differs, by point.

    `radius` bounds the rounding error of a formula of the engine's own.
    """
    reasons: dict[int, str] = {}
    failing = _failing(samples, problem.count)
    # A long grid is not copied if the engine has a value everywhere.
    chosen = np.flatnonzero(~failing) if failing.any() else slice(None)
    columns = {name: column[chosen] for name, column in problem.columns.items()}
    is_coarse = samples.dtype != "float64"
    computed = f"; it was computed in {samples.dtype}" if is_coarse else ""
    margin = Margin(tolerance.rtol, tolerance.atol, DTYPES[samples.dtype])
    for where, program, values in _components(problem, samples, tolerance.rtol):
        inputs = {n: x for n, x in columns.items() if n in program.inputs} or columns
        found = differences(
            program,
            inputs,
            values[chosen],
            margin,
        )
        for k, expected in zip(found.points.tolist(), found.values, strict=True):
            i = k if isinstance(chosen, slice) else int(chosen[k])
            off = abs(float(values[i]) - expected.number)
            if radius is not None and not off > margin.around(expected.number) + radius(problem, i):
                continue  # also where one of them is not finite, or the bound is not known
            sentence = words_on_values(float(values[i]), expected, where)
            reasons.setdefault(i, sentence + computed)
    return reasons


def _failing(samples: Samples, count: int) -> Mask:
    """Return where an engine failed for every variable, and so has no value; shape (n,)."""
    if not samples.reason_of or not samples.derivatives:
        return np.zeros(count, dtype=bool)
    columns = [samples.failing(name, slice(None)) for name in samples.derivatives]
    failing: Mask = np.logical_and.reduce(columns)
    return failing


def _components(
    problem: Problem, samples: Samples, rtol: float
) -> Iterator[tuple[str, Program, Array]]:
    """Yield the components of a value: the name, the program and the engine's values, (n,).

    Of a program on tensors they are those that are not close to the program in doubles.
    """
    assert samples.values is not None  # noqa: S101  (the caller has checked it)
    tensor_problem = problem.tensor_problem
    is_given_tensors = runs_tensors(samples.traits, problem.function)
    if tensor_problem is None or not is_given_tensors:
        yield "", problem.program, samples.values
        return
    written = tensor_problem.written
    if written is None:
        return
    shape = samples.values.shape[1:]
    flat = samples.values.reshape(problem.count, -1)
    for position in np.flatnonzero(_suspicious(problem, tensor_problem, flat, rtol)).tolist():
        index = tuple(int(k) for k in np.unravel_index(position, shape))
        if tensor_problem.component in {None, index}:
            yield component_name("", index), written.at(index), flat[:, position]


def _suspicious(
    problem: Problem, tensor_problem: TensorProblem, values: Array, rtol: float
) -> Mask:
    """Return which components are not close to the program in doubles at some point, shape (m,)."""
    suspicious = np.zeros(values.shape[1], dtype=bool)
    for i in range(problem.count):
        numbers = {name: float(problem.columns[name][i]) for name in tensor_problem.scalars}
        expected = evaluate_tensor(tensor_problem.program, tensor_problem.arrays(numbers))
        close = np.isclose(values[i], expected.reshape(-1), rtol=rtol, atol=0.0, equal_nan=True)
        suspicious |= ~close
    return suspicious
