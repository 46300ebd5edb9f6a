"""Say how a number that is not finite comes about in a small program, from the numbers there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import torch

from symdiff.array_types import Array, Mask
from symdiff.catalogue import CATALOGUE
from symdiff.catalogue.row import Function
from symdiff.engines.base import Problem, TensorProblem
from symdiff.engines.torch_backward import TorchBackwardPass, backward_pass
from symdiff.explanation.findings import Mechanism
from symdiff.explanation.problems import SmallProblem
from symdiff.explanation.rewriting import name_of, text_of
from symdiff.explanation.source_text import choice_text, is_readable
from symdiff.program import Call, Program
from symdiff.program.nodes import Input, Setting
from symdiff.program.values import read_value

_CHOICE: Final = "where"
_DIVISION: Final = "/"  # the operator of the row
_DOUBLE: Final = "float64"
_MATRICES: Final = "linear algebra"  # groups of the catalogue
_REDUCTIONS: Final = "reductions"
_NEARBY: Final = 1e-9  # relative distance at which a pole and an overflow are told apart
_LARGE: Final = 1e30
_LONG: Final = 10  # numbers below are written with all digits if they are nearly integers
_TINY: Final = np.finfo(np.float64).tiny


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Cause:
    """The node of a program in which a gradient stops to be finite.

    Attributes
    ----------
    node
        The node whose derivative is not finite.
    argument
        The argument by which it is not.
    where
        A mask of the argument's components.
    source
        The node in which it begins: an earlier one if its value is not finite.
    choice
        The node that does not select this value; None if there is none.
    mechanism, reason
        What happens.
    without_zero
        The mechanism and the reason where the gradient that arrives is not 0.
    """

    node: int
    argument: int
    where: Mask
    source: int
    choice: int | None
    mechanism: Mechanism
    reason: str
    without_zero: tuple[Mechanism, str]


def backward(problem: SmallProblem) -> TorchBackwardPass:
    """Return the values and adjoints of all nodes of a small problem."""
    program = problem.program
    values = {name: read_value(name, problem.values[name]) for name in program.inputs}
    cotangent = None if problem.cotangent is None else problem.cotangent.double().numpy()
    whole = TensorProblem(program, values, (cotangent,))
    return backward_pass(Problem(program, {}, problem.wrt, None, whole))


def causes(problem: SmallProblem) -> Iterator[Cause]:
    """Yield the causes in the order of the backward pass."""
    program = problem.program
    done = backward(problem)
    for node in reversed(program.order):
        call = program.nodes[node]
        if not isinstance(call, Call) or node not in done.adjoints:
            continue
        adjoint = done.adjoints[node]
        for argument in dict.fromkeys(_operands(program, call)):
            added = done.contribution(node, argument, np.nan_to_num(adjoint, nan=0.0))
            if added is None or np.isfinite(added).all():
                continue
            where = ~np.isfinite(added)
            if adjoint.shape == where.shape:
                where &= np.isfinite(adjoint)
            if where.any():
                yield _cause(program, done, node, argument, where)


def value_cause(problem: SmallProblem) -> tuple[Mechanism, str]:
    """Return how the value of a small problem comes to be not finite."""
    program, done = problem.program, backward(problem)
    source, rows = _source(program, done.values, program.output)
    return rows or _source_of(program, done, source, ~np.isfinite(done.values[source]))


def _cause(
    program: Program, done: TorchBackwardPass, node: int, argument: int, where: Mask
) -> Cause:
    source, rows = _source(program, done.values, node, where)
    mechanism, reason = rows or _source_of(program, done, source, where)
    slope = done.contribution(node, argument, np.ones_like(done.adjoints[node]))
    is_nan = slope is not None and bool(np.isnan(slope[where]).any())
    if mechanism is Mechanism.INFINITE_SLOPE and is_nan:
        mechanism, reason = _of_nan(program, done, node, argument, where)
    choice, without_zero = None, (mechanism, reason)
    is_zero = _is_zero(done.adjoints[node], done.values[node], where)
    if is_zero:
        choice = _choice(program, done, node)
        if choice is not None:
            mechanism, taken = Mechanism.BRANCH, _text_of_choice(program, choice)
            reason = f"{reason}; {taken or 'a condition'} does not select it"
        elif mechanism is Mechanism.INFINITE_SLOPE:
            mechanism = Mechanism.ZERO_TIMES_INFINITY
            reason = f"{reason}; the gradient that arrives is 0"
    return Cause(node, argument, where, source, choice, mechanism, reason, without_zero)


def _text_of_choice(program: Program, choice: int) -> str:
    call = program.nodes[choice]
    parts = (choice, *call.operands[:1]) if isinstance(call, Call) else (choice,)
    text = text_of(program, choice)
    is_told = all(is_readable(text_of(program, part)) for part in parts)
    return text if is_told else choice_text(program, choice) or text


def _source(
    program: Program, values: Mapping[int, Array], node: int, where: Mask | None = None
) -> tuple[int, tuple[Mechanism, str] | None]:
    """Return the node in which a value stops to be finite, or `node` if its arguments are.

    A function of single elements is looked at where something is wrong only. The node comes with
    the mechanism if that is a row of -inf, which may be meant as a mask.
    """
    rows = _rows_of_minus_infinity(program, values, node)
    call = program.nodes[node]
    if not isinstance(call, Call):
        return node, None
    if rows is not None and not _gets_made_infinity(program, values, call):
        return node, rows
    mask = where if CATALOGUE[call.function].array is None else None
    operands = _operands(program, call)
    for is_off in (_has_nan, _has_nonfinite):  # a NaN first: an infinity may be meant
        for operand in operands:
            if is_off(_at(values.get(operand), mask)):
                return _source(program, values, operand, mask)
    return node, None


def _gets_made_infinity(program: Program, values: Mapping[int, Array], call: Call) -> bool:
    """Return whether -inf among a call's arguments was computed from finite numbers.

    Then it was not put there as a mask.
    """
    for operand in _operands(program, call):
        inner, value = program.nodes[operand], values.get(operand)
        if value is None or value.dtype == bool or not np.isneginf(value).any():
            continue
        if not isinstance(inner, Call) or CATALOGUE[inner.function].array is not None:
            continue
        if inner.function == _CHOICE:
            continue
        if not any(_has_nonfinite(values.get(a)) for a in _operands(program, inner)):
            return True
        if _gets_made_infinity(program, values, inner):
            return True
    return False


def _at(value: Array | None, where: Mask | None) -> Array | None:
    if value is None or where is None or value.shape != where.shape:
        return value
    return value[where]


def _has_nan(value: Array | None) -> bool:
    return value is not None and value.dtype != bool and bool(np.isnan(value).any())


def _has_nonfinite(value: Array | None) -> bool:
    return value is not None and value.dtype != bool and not np.isfinite(value).all()


def _source_of(
    program: Program, done: TorchBackwardPass, source: int, where: Mask
) -> tuple[Mechanism, str]:
    """Return the mechanism at a source, and the call with its numbers."""
    node = program.nodes[source]
    value = done.values[source]
    if not isinstance(node, Call):
        text = node.name if isinstance(node, Input) else text_of(program, source)
        kinds = sorted({f"{v:g}" for v in value[~np.isfinite(value)].tolist()})
        return Mechanism.INPUT, f"{text} has {', '.join(kinds)}"
    operands = [done.values[a] for a in _operands(program, node) if a in done.values]
    operands = [o for o in operands if o.dtype != bool]
    if CATALOGUE[node.function].array is not None:
        return _of_reduction(node, operands, value)
    mask = ~np.isfinite(value) if _has_nonfinite(value) else where
    at = _numbers(operands, mask)
    if at is None:
        return Mechanism.UNKNOWN, node.function
    written = text_of(program, source)
    return of_numbers(CATALOGUE[node.function], at, value[mask].flat[0], written, done.precision)


def of_numbers(
    row: Function, at: list[float], value: float, written: str, precision: str
) -> tuple[Mechanism, str]:
    """Return the mechanism of a call that is applied elementwise, and its text.

    Parameters
    ----------
    row
        The function.
    at, value
        Its arguments and its value.
    written
        The call in the code; "" if it is not known.
    precision
        The dtype in which the derivative is computed.
    """
    text = _with_numbers(row, at)
    is_coarse = precision not in {"", _DOUBLE}
    if row.operator == _DIVISION and at[-1] == 0:
        mechanism = Mechanism.ZERO_BY_ZERO if at[0] == 0 else Mechanism.POLE
        text = f"{written} is {text}" if written else text
    elif np.isnan(value):
        mechanism, text = Mechanism.DOMAIN, f"{text} is nan"
    elif np.isinf(value):
        is_pole = not at or at[0] == 0 or abs(_near(row.column("numpy"), at)) < _LARGE
        is_narrow = is_coarse and math.isfinite(_in_double(row, at))
        mechanism = Mechanism.OVERFLOW if is_narrow or not is_pole else Mechanism.POLE
        text = f"{text} is {value:g}{f' in {precision}' if is_narrow else ''}"
    elif any(0 < abs(n) < _TINY for n in at) or (is_coarse and _is_smooth_in_double(row, at)):
        mechanism = Mechanism.OVERFLOW
        text = f"the derivative of {text} overflows in {precision}"
    else:
        mechanism, text = Mechanism.INFINITE_SLOPE, f"{text} has an infinite slope"
    return mechanism, text


def _with_numbers(row: Function, at: list[float]) -> str:
    if row.operator and len(at) == len("xy"):
        left, right = (_written(n) if n >= 0 else f"({_written(n)})" for n in at)
        return f"{left}{row.operator}{right}"
    return f"{row.name}({', '.join(map(_written, at))})"


def _written(number: float) -> str:
    """Return a number with six digits, or with all of them if it is close to an integer."""
    short = f"{number:.6g}"
    is_rounded = abs(number) < _LONG and float(short).is_integer() and float(short) != number
    return repr(number) if is_rounded else short


def _of_nan(
    program: Program, done: TorchBackwardPass, node: int, argument: int, where: Mask
) -> tuple[Mechanism, str]:
    """Return the mechanism of a call with a finite value whose derivative is NaN."""
    call = program.nodes[node]
    assert isinstance(call, Call)  # noqa: S101  (causes are calls)
    operands = [done.values[a] for a in _operands(program, call) if a in done.values]
    at = _numbers([o for o in operands if o.dtype != bool], where) or []
    text = _with_numbers(CATALOGUE[call.function], at)
    if not any(at):
        return Mechanism.ZERO_BY_ZERO, f"the derivative of {text} is computed as 0/0"
    inner = name_of(program, argument)
    return Mechanism.DOMAIN, f"{text} has no derivative with respect to {inner}"


def _in_double(row: Function, at: list[float]) -> float:
    """Return a function's value in double precision; NaN if it cannot be had."""
    return _value(row.column("numpy"), at, math.nan)


def _is_smooth_in_double(row: Function, at: list[float]) -> bool:
    """Return whether all derivatives are known to be finite in double precision."""
    function: Any = row.column("torch")
    arguments = [torch.tensor(n, dtype=torch.float64, requires_grad=True) for n in at]
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():
            found = torch.autograd.grad(function(*arguments), arguments)
    except (RuntimeError, TypeError):  # the function does not take single numbers
        return False
    return all(bool(g.isfinite()) for g in found)


def _near(function: object, at: list[float]) -> float:
    """Return a function's value close to a point, or infinity where it cannot be had."""
    found = _value(function, [a * (1 - _NEARBY) for a in at], np.inf)
    return found if np.isfinite(found) else np.inf


def _value(function: object, at: list[float], unknown: float) -> float:
    if not callable(function):
        return unknown
    try:
        with np.errstate(all="ignore"):
            return float(function(*map(np.float64, at)))
    except (ArithmeticError, TypeError, ValueError):  # it has no real value there
        return unknown


def _of_reduction(node: Call, operands: list[Array], value: Array) -> tuple[Mechanism, str]:
    numbers = operands[0] if operands else np.zeros(0)
    group = CATALOGUE[node.function].group
    is_infinite, is_nan = bool(np.isinf(value).any()), bool(np.isnan(value).any())
    if np.isneginf(numbers).any():
        found = Mechanism.MINUS_INFINITY, "of a row that is -inf throughout"
    elif group == _MATRICES and (is_infinite or is_nan):
        mechanism = Mechanism.POLE if is_infinite else Mechanism.DOMAIN
        found = mechanism, f"of this matrix is {'infinite' if is_infinite else 'nan'}"
    elif is_infinite:
        found = Mechanism.OVERFLOW, "is inf"
    elif _takes_logarithm_of_zero(node.function, operands):
        found = Mechanism.POLE, "takes the logarithm of 0"
    elif group == _REDUCTIONS and is_nan:
        shape = tuple(numbers.shape)
        found = Mechanism.ZERO_BY_ZERO, f"of too few numbers: the shape is {shape}"
    elif _has_row(numbers == 0):
        found = Mechanism.ZERO_VECTOR, "of numbers that are all 0"
    elif _has_equal_row(numbers):
        found = Mechanism.EQUAL_NUMBERS, "of numbers that are all equal"
    else:
        found = Mechanism.UNKNOWN, f"in shape {tuple(numbers.shape)}"
    return found[0], f"{node.function} {found[1]}"


def _takes_logarithm_of_zero(function: str, operands: list[Array]) -> bool:
    """Return whether a loss takes the logarithm of a probability that is 0."""
    zeros = _ZERO_PROBABILITIES.get(function)
    return zeros is not None and bool(zeros(operands).any())


# Where a probability is 0 of which a loss takes the logarithm.
_ZERO_PROBABILITIES: Final[Mapping[str, Callable[[list[Array]], Array]]] = {
    "binary_cross_entropy": lambda operands: (operands[0] == 0) | (operands[0] == 1),
    "kl_div": lambda operands: operands[-1] == 0,
}


def _has_equal_row(numbers: Array) -> bool:
    """Return whether all numbers in some row are equal, along any axis."""
    first = (numbers.take([0], axis=axis) for axis in range(numbers.ndim))
    return any(_has_row(numbers == one, axis) for axis, one in enumerate(first))


def _has_row(mask: Mask, axis: int | None = None) -> bool:
    """Return whether a mask is true throughout along an axis, or along some axis."""
    axes = range(mask.ndim) if axis is None else (axis,)
    return any(bool(mask.all(axis=a).any()) for a in axes) or (not mask.ndim and bool(mask))


def _numbers(operands: list[Array], mask: Mask) -> list[float] | None:
    """Return the operands at the first element of a mask; None if their shapes do not fit it."""
    if not mask.any():
        return None
    index = tuple(np.argwhere(mask)[0].tolist()) if mask.ndim else ()
    try:
        return [float(np.broadcast_to(o, mask.shape)[index]) for o in operands]
    except ValueError:
        return None


def _is_zero(adjoint: Array, value: Array, where: Mask) -> bool:
    """Return whether the gradient that arrives is 0 where the one that leaves is not finite."""
    if adjoint.shape == where.shape:
        return bool((adjoint[where] == 0).any())
    if adjoint.shape == value.shape and _has_nonfinite(value):
        return bool((adjoint[~np.isfinite(value)] == 0).any())
    return bool((adjoint == 0).all())


def _rows_of_minus_infinity(
    program: Program, values: Mapping[int, Array], node: int
) -> tuple[Mechanism, str] | None:
    """Return the mechanism if a call gets nothing but -inf, in a row or in all its arguments."""
    call = program.nodes[node]
    if not isinstance(call, Call):
        return None
    arguments = _operands(program, call)
    operands = [v for a in arguments if (v := values.get(a)) is not None and v.dtype != bool]
    is_reduction = CATALOGUE[call.function].array is not None
    if not operands or (len(operands) == 1 and not is_reduction):
        return None
    if not all(o.size for o in operands):
        return None
    rows = (
        operands[0]
        if is_reduction and operands[0].ndim
        else np.stack(np.broadcast_arrays(*operands), axis=-1)
    )
    if any(np.isneginf(rows).all(axis=axis).any() for axis in range(rows.ndim)):
        texts = ", ".join(text_of(program, a) for a in arguments[: len(operands)])
        return Mechanism.MINUS_INFINITY, f"{call.function} of {texts}, all of it -inf"
    return None


def _choice(program: Program, done: TorchBackwardPass, node: int) -> int | None:
    """Return the choice or the product with a mask that a node's value goes into."""
    reached = {node}
    for user, call in program.calls():
        if user in reached or not isinstance(call, Call):
            continue
        operands = set(call.operands)
        if not operands & reached:
            continue
        conditions = [a for a in call.operands if _is_condition(done, a)]
        if conditions and (operands & reached) - set(conditions):
            return user
        reached.add(user)
    return None


def _is_condition(done: TorchBackwardPass, node: int) -> bool:
    value = done.values.get(node)
    return value is not None and value.dtype == bool


def _operands(program: Program, call: Call) -> list[int]:
    """Return the tensors among the arguments of a call, those in lists included."""
    found: list[int] = []
    for argument in call.operands:
        inner = program.nodes[argument]
        if isinstance(inner, Setting):
            continue
        if isinstance(inner, Call) and CATALOGUE[inner.function].role == "list":
            found += inner.operands
        else:
            found.append(argument)
    return found
