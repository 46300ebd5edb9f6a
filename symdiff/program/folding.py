"""Evaluate constant sub-expressions in doubles, to refuse values that no double can represent."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from symdiff.catalogue import CATALOGUE, CONSTANTS
from symdiff.program.limits import MAX_EXPONENT, MAX_GAMMA
from symdiff.program.nodes import Call, Constant, Input, Literal, Program

Number = int | float | bool

# Functions on Python's numbers, by the name of the catalogue row.
_OPERATORS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **{row: getattr(math, row) for row in CATALOGUE if hasattr(math, row)},
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
        "floor_divide": operator.floordiv,
        "remainder": operator.mod,
        "negative": operator.neg,
        "positive": operator.pos,
        "abs": abs,
        "maximum": max,
        "minimum": min,
        "less": operator.lt,
        "less_equal": operator.le,
        "greater": operator.gt,
        "greater_equal": operator.ge,
        "equal": operator.eq,
        "not_equal": operator.ne,
        "logical_and": lambda x, y: x and y,
        "logical_or": lambda x, y: x or y,
        "logical_not": operator.not_,
        "where": lambda condition, x, y: x if condition else y,
        "ifelse": lambda condition, x, y: x if condition else y,
        "sign": lambda x: (x > 0) - (x < 0),
    }
)
_TOO_LARGE = "the value is too large for a double"


class ConstantError(ArithmeticError):
    """A constant sub-expression has no finite value, or a part that is too large to compute."""

    def __init__(self, message: str, hint: str = "use a smaller number, or inf") -> None:
        """Store the message and the hint."""
        super().__init__(message)
        self.hint = hint


def fold(function: str, arguments: Sequence[Number | None]) -> Number | None:
    """Return the value of a function at constants, or None if it cannot be computed here.

    Raises
    ------
    ConstantError
        The value overflows a double, or the function is undefined there.

    Examples
    --------
    >>> fold("divide", [1, 4])
    0.25
    >>> fold("power", [9, 9**9])
    Traceback (most recent call last):
    symdiff.program.folding.ConstantError: the exponent 387420489 is larger than 10000
    """
    constants = [a for a in arguments if a is not None]
    if len(constants) < len(arguments):
        return None
    row = CATALOGUE[function]
    if row.has_poles and len(constants) == 1 and abs(constants[0]) > MAX_GAMMA:
        message = f"the constant argument of {function} is larger than {MAX_GAMMA}"
        raise ConstantError(message)
    if row.is_power:
        value: Number | None = _checked(lambda: _power(constants[0], constants[1]))
    else:
        operation = _OPERATORS.get(function)
        value = None if operation is None else _checked(lambda: operation(*constants))
    if value is not None and math.isinf(value) and not any(map(math.isinf, constants)):
        raise ConstantError(_TOO_LARGE)
    return value


def fold_program(program: Program, inputs: Mapping[str, Number | None]) -> Number | None:
    """Return the value of a Program at constants, or None if it cannot be computed here.

    Parameters
    ----------
    program
        The definition of a row, in the names of its parameters.
    inputs
        The constants by name of the parameter; None for an argument that is not constant.

    Raises
    ------
    ConstantError
        As in `fold`, for any sub-expression.
    """
    values: dict[int, Number | None] = {}
    for index in sorted(program.dependencies(program.output)):
        node = program.nodes[index]
        if isinstance(node, Literal):
            values[index] = node.value
        elif isinstance(node, Constant):
            values[index] = CONSTANTS[node.name]
        elif isinstance(node, Input):
            values[index] = inputs.get(node.name)
        elif isinstance(node, Call):
            arguments = [None if a is None else values[a] for a in node.arguments]
            values[index] = None if None in arguments else fold(node.function, arguments)
    return values[program.output]


def check_exponent(exponent: Number | None) -> None:
    """Check that a constant exponent is not too large.

    Raises
    ------
    ConstantError
        Its absolute value is above `MAX_EXPONENT`.
    """
    if exponent is not None and math.isfinite(exponent) and abs(exponent) > MAX_EXPONENT:
        message = f"the exponent {exponent:g} is larger than {MAX_EXPONENT}"
        if isinstance(exponent, int):
            message = f"the exponent {exponent} is larger than {MAX_EXPONENT}"
        raise ConstantError(message)


def _power(base: Number, exponent: Number) -> Number:
    check_exponent(exponent)
    # Raises OverflowError before a huge exact integer is computed.
    value: float | complex = float(base) ** float(exponent)
    if isinstance(value, complex):
        message = "a fractional power of a negative number"
        raise ValueError(message)  # noqa: TRY004  (a domain error, not a wrong type)
    exact = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    return int(base) ** int(exponent) if exact else value


def _checked(compute: Callable[[], Number]) -> Number:
    try:
        value = compute()
        finite = not math.isnan(float(value))
    except OverflowError:
        raise ConstantError(_TOO_LARGE) from None
    except ZeroDivisionError:
        message = "division by zero"
        raise ConstantError(message, "a constant must be a number, or inf") from None
    except ValueError:
        message = "the value is not a real number"
        raise ConstantError(message, "`symdiff functions` shows where each is defined") from None
    if not finite:
        message = "the value is not a number"
        raise ConstantError(message, "a constant must be a number, or inf")
    return value
