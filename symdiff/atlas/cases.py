"""The calls that the atlas compares: of every function of the catalogue, and common spellings."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from symdiff.catalogue import CATALOGUE, Function, Parameter
from symdiff.errors import UsageError, did_you_mean

# The names of the variables of a call, in order.
_VARIABLES: Final = ("x", "y", "z", "w")
# What stands for parameters that are not variables.
_NUMBER: Final = "1"
_CONDITION: Final = "x > 0"
# Bounds that are infinite by default, as those of clamp, in place of -inf and inf.
_BOUNDS: Final = {"-inf": "-1", "inf": "1"}


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A call that is compared.

    Attributes
    ----------
    function
        What it computes: the name of a row of the catalogue, or a description.
    text
        The call as an expression in x, y, z and w.
    """

    function: str
    text: str


def cases(functions: Sequence[str] = ()) -> tuple[Case, ...]:
    """Return the calls of all functions, or of those whose names match one of some patterns.

    Raises
    ------
    UsageError
        A pattern matches no function.

    Examples
    --------
    >>> cases(["hypot"])
    (Case(function='hypot', text='hypot(x, y)'),)
    """
    every = tuple(dict.fromkeys(_all()))
    names = tuple(dict.fromkeys(case.function for case in every))
    for pattern in functions:
        if not any(fnmatchcase(name, pattern) for name in names):
            message = f"the atlas has no function {pattern[:40]!r}"
            hint = did_you_mean(pattern, names) or "symdiff functions lists the catalogue"
            raise UsageError(message, hint=hint)
    return tuple(
        case
        for case in every
        if not functions or any(fnmatchcase(case.function, pattern) for pattern in functions)
    )


@functools.cache
def _listed() -> Mapping[str, Mapping[str, list[str]]]:
    text = (importlib.resources.files(__package__) / "calls.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def spellings() -> Mapping[str, list[str]]:
    """Return other programs for the same function, by the name of its row or a description."""
    return _listed()["spellings"]


def listed_calls() -> Mapping[str, list[str]]:
    """Return calls by function that do not follow from the signatures of rows."""
    return _listed()["calls"]


def telling_calls() -> tuple[str, ...]:
    """Return the calls that tell most about what libraries choose, for a short table."""
    return tuple(_listed()["telling"]["calls"])


def _all() -> Iterator[Case]:
    """Yield the calls in the order of the catalogue, then those with a description."""
    tables = (spellings(), listed_calls())
    for row in CATALOGUE.values():
        text = call_of(row)
        if text is not None:
            yield Case(row.name, text)
        yield from (Case(row.name, text) for table in tables for text in table.get(row.name, ()))
    for table in tables:
        for function, texts in table.items():
            if function not in CATALOGUE:
                yield from (Case(function, text) for text in texts)


def call_of(row: Function) -> str | None:
    """Return a call of a function that is applied to numbers; None for other functions.

    Examples
    --------
    >>> from symdiff.catalogue import BY_NAME, BY_OPERATOR
    >>> call_of(BY_NAME["clamp"]), call_of(BY_NAME["where"]), call_of(BY_OPERATOR["**"])
    ('clamp(x, min=-1, max=1)', 'where(x > 0, x, y)', 'x ** y')
    """
    if row.array is not None or row.returns == "condition":
        return None
    variables = iter(_VARIABLES)
    given = [_argument(parameter, variables) for parameter in row.parameters]
    if row.operator is None:
        return f"{row.name}({', '.join(argument for argument in given if argument)})"
    if row.role == "choice":
        condition, first, second = given
        return f"{first} if {condition} else {second}"
    if len(given) == 1:
        return f"{row.operator.removeprefix('u')}{given[0]}"
    return f" {row.operator} ".join(given)


def _argument(parameter: Parameter, variables: Iterator[str]) -> str:
    """Return the argument for a parameter; "" to leave it out."""
    if parameter.default in _BOUNDS and parameter.kind == "any":
        return f"{parameter.keyword}={_BOUNDS[parameter.default]}"
    if parameter.default is not None:
        return ""
    if parameter.kind == "condition":
        return _CONDITION
    if parameter.kind == "number":
        return _NUMBER
    return next(variables)
