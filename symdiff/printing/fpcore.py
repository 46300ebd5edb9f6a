"""Write a Program as a benchmark of FPCore 2.0, the format of FPBench and Herbie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from symdiff.catalogue import CATALOGUE, Function
from symdiff.printing.preparation import Prepared, prepare, takes
from symdiff.printing.sympy_text import check_length
from symdiff.program import Call, Constant, Input, Literal, Program

# The operations of the standard (FPCore 2.0, sections 3 and 4).
# fmt: off
OPERATIONS: Final = frozenset({
    "+", "-", "*", "/", "fabs", "fma", "exp", "exp2", "expm1", "log", "log10", "log2", "log1p",
    "pow", "sqrt", "cbrt", "hypot", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh",
    "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "tgamma", "lgamma", "ceil", "floor",
    "fmod", "remainder", "fmax", "fmin", "fdim", "copysign", "trunc", "round", "nearbyint", "<",
    ">", "<=", ">=", "==", "!=", "and", "or", "not", "isfinite", "isinf", "isnan", "isnormal",
    "signbit",
})
# fmt: on
# The values of the constants of the standard, without NAN, which is not a real number.
CONSTANTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PI": "pi",
        "E": "e",
        "INFINITY": "inf",
        "TRUE": "True",
        "FALSE": "False",
        "LOG2E": "1/log(2)",
        "LOG10E": "1/log(10)",
        "LN2": "log(2)",
        "LN10": "log(10)",
        "PI_2": "pi/2",
        "PI_4": "pi/4",
        "M_1_PI": "1/pi",
        "M_2_PI": "2/pi",
        "M_2_SQRTPI": "2/sqrt(pi)",
        "SQRT2": "sqrt(2)",
        "SQRT1_2": "sqrt(1/2)",
    }
)
_NAMES: Final = {meaning: name for name, meaning in CONSTANTS.items()}
# Names that a variable cannot have.
RESERVED: Final = frozenset(
    [*CONSTANTS, "NAN", "if", "let", "while", "for", "tensor", "cast", "array", "digits"]
)


def operation(row: Function) -> str | None:
    """Return the operation or the template of a row; None: it is written by its definition.

    Examples
    --------
    >>> operation(CATALOGUE["abs"]), operation(CATALOGUE["negative"]), operation(CATALOGUE["relu"])
    ('fabs', '-', None)
    """
    if "fpcore" in row.spelled:
        return row.spelled["fpcore"]
    symbol = (row.operator or row.name).removeprefix("u")
    return symbol if symbol in OPERATIONS else None


def fpcore_text(program: Program) -> str:
    """Return a Program as an FPCore expression with its text as the name.

    Parameters
    ----------
    program
        The program, on real numbers.

    Raises
    ------
    ExpressionError
        The standard has no form for a function, or the text is too long.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> print(fpcore_text(parse("relu(x)/3")))
    (FPCore (x)
     :name "relu(x)/3"
     (/ (fmax x 0) 3))
    """
    prepared = prepare(program, "FPCore", _has_form, reserved=RESERVED)
    known: dict[int, str] = {}
    bindings = []
    for index in prepared.program.order:
        text = _written(prepared, index, known)
        if index in prepared.names and index != prepared.program.output:
            bindings.append(f"[{prepared.names[index]} {text}]")
            text = prepared.names[index]
        check_length(text)
        known[index] = text
    body = known[prepared.program.output]
    if bindings:
        between = "\n        "
        body = f"(let* ({between.join(bindings)})\n  {body})"
    name = re.sub(r"\s+", " ", program.text).replace("\\", "\\\\").replace('"', '\\"')
    return f'(FPCore ({" ".join(prepared.inputs.values())})\n :name "{name}"\n {body})'


def _has_form(row: Function, given: frozenset[str]) -> bool:
    form = operation(row)
    return form is not None and takes(form if form.startswith("(") else "", given)


def _written(prepared: Prepared, index: int, known: Mapping[int, str]) -> str:
    node = prepared.program.nodes[index]
    if isinstance(node, Input):
        return prepared.inputs[node.name]
    if isinstance(node, Constant):
        return _NAMES[node.name]
    if isinstance(node, Literal):
        return _NAMES.get(str(node.value)) or repr(node.value)
    assert isinstance(node, Call)  # noqa: S101  (settings belong to functions without a form)
    row = CATALOGUE[node.function]
    form = str(operation(row))
    operands = [_number(prepared, a, known, row) for a in node.operands]
    if form.startswith("("):
        places = dict(zip(row.parameter_names, operands, strict=False))
        return re.sub(r"<(\w+)>", lambda match: places[match.group(1)], form)
    if form == "+" and len(operands) == 1:
        return operands[0]
    return f"({form} {' '.join(operands)})"


def _number(prepared: Prepared, index: int, known: Mapping[int, str], row: Function) -> str:
    """Return an operand; a condition in arithmetic counts as 1 or 0."""
    node = prepared.program.nodes[index]
    is_condition = isinstance(node, Call) and CATALOGUE[node.function].returns == "condition"
    return f"(if {known[index]} 1 0)" if is_condition and row.is_operator else known[index]
