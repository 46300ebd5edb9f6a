"""Bind the variables of a formula to the parameters of the callable that computes it.

By name where the callable has a parameter of that name. The other variables go to the other
parameters in the order in which `grid`, `at` and `values` give them. What is ambiguous is an error.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from symdiff.errors import UsageError
from symdiff.request.callables import called_signature

_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_HINT: Final = "name the parameters of the callable like the variables of math"


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """A callable whose arguments are in the order of a formula's variables.

    Attributes
    ----------
    function
        The callable as it was given.
    positions
        The indices of the variables that are passed by position, in the order of the parameters.
    keywords
        The index of the variable that is passed by keyword, by the parameter's name.
    """

    function: Callable[..., Any]
    positions: tuple[int, ...]
    keywords: tuple[tuple[str, int], ...] = ()

    def __call__(self, *values: Any) -> Any:  # noqa: ANN401  (torch tensors)
        """Call the function with the values of the formula's variables, in their order."""
        keywords = {name: values[k] for name, k in self.keywords}
        return self.function(*(values[k] for k in self.positions), **keywords)


def bind(
    function: Callable[..., Any], variables: Sequence[str], given: Sequence[str] = ()
) -> Bound:
    """Return a callable with its arguments in the order of a formula's variables.

    Parameters
    ----------
    function
        A function, a torch Function's `apply`, a module, a partial, or a builtin.
    variables
        The variables of the formula, in its order.
    given
        The variables in the order in which the request gives their points and values.

    Raises
    ------
    UsageError
        The callable takes a different number of arguments, or it is ambiguous which is which.

    Examples
    --------
    >>> bind(lambda a, b: a - b, ["b", "a"])(1, 10)
    9
    >>> bind(lambda *xs: xs, ["x", "y"], ["y", "x"])(1, 2)
    (2, 1)
    """
    parameters = _parameters(function)
    order = [name for name in dict.fromkeys(given) if name in variables]
    if parameters is None:
        if len(variables) > 1 and len(order) < len(variables):
            _refuse(
                f"the callable does not name its parameters, and the order of "
                f"{_listed(variables)} is not given",
                f"give all of them in grid or values, in the callable's order: "
                f'grid={{"{variables[0]}": ..., "{variables[1]}": ...}}',
            )
        names = order if len(variables) > 1 else list(variables)
        return Bound(function, tuple(variables.index(name) for name in names))
    return _bind_named(function, parameters, list(variables), order)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Return the parameters of a callable, or None if it does not name all of them."""
    try:
        parameters = [*called_signature(function).parameters.values()]
    except (TypeError, ValueError):  # a builtin without a signature
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return [p for p in parameters if p.kind is not p.VAR_KEYWORD]


def _bind_named(
    function: Callable[..., Any],
    parameters: list[inspect.Parameter],
    variables: list[str],
    order: list[str],
) -> Bound:
    """Bind variables to parameters that have names."""
    by_name = {p.name: p.name for p in parameters if p.name in variables}
    rest = [name for name in variables if name not in by_name]
    free = [p for p in parameters if p.name not in by_name]
    required = [p for p in free if p.default is p.empty]
    candidates = [p for p in free if p.kind in _POSITIONAL]
    if len(required) > len(rest) or len(rest) > len(candidates):
        _refuse(
            f"the callable takes {_counted(parameters)}, and the formula has {_listed(variables)}",
            "use all parameters of the callable without a default in math, and no others",
        )
    if len(rest) > 1:
        if len(order) < len(variables):
            _refuse(
                f"the callable's parameters {_listed([p.name for p in parameters])} are not named "
                f"like the formula's variables {_listed(variables)}, whose order is not given",
                f"{_HINT}, or give all of them in grid or values in the callable's order",
            )
        rest = [name for name in order if name in rest]
    targets = _in_order(candidates, len(rest))
    by_name.update(zip((p.name for p in targets), rest, strict=True))
    if rest and len(by_name) > len(rest) and order:
        _check_order(parameters, by_name, order)
    return _bound(function, parameters, by_name, variables)


def _in_order(candidates: list[inspect.Parameter], count: int) -> list[inspect.Parameter]:
    """Return the first `count` parameters, those without a default before the others."""
    ranked = sorted(candidates, key=lambda p: p.default is not p.empty)[:count]
    return [p for p in candidates if p in ranked]


def _check_order(
    parameters: list[inspect.Parameter], by_name: dict[str, str], order: list[str]
) -> None:
    """Raise UsageError if names match in part, and the order given says something else."""
    bound = [by_name[p.name] for p in parameters if p.name in by_name]
    bound = [name for name in bound if name in order]
    if bound != order:
        pairs = ", ".join(f"{p} = {name}" for p, name in by_name.items())
        _refuse(
            f"by their names the callable's parameters are {pairs}, and by the order of grid and "
            f"values they are {', '.join(order)}",
            _HINT,
        )


def _bound(
    function: Callable[..., Any],
    parameters: list[inspect.Parameter],
    by_name: dict[str, str],
    variables: list[str],
) -> Bound:
    """Return the call: by position as far as no parameter is left out, then by keyword."""
    positions: list[int] = []
    keywords: list[tuple[str, int]] = []
    is_complete = True
    for p in parameters:
        if p.name not in by_name:
            is_complete = False
        elif is_complete and p.kind in _POSITIONAL:
            positions.append(variables.index(by_name[p.name]))
        elif p.kind is p.POSITIONAL_ONLY:
            _refuse(
                f"the callable takes {p.name} by position only, after a parameter that math lacks",
                "use all parameters of the callable in math",
            )
        else:
            keywords.append((p.name, variables.index(by_name[p.name])))
    return Bound(function, tuple(positions), tuple(keywords))


def _counted(parameters: Sequence[inspect.Parameter]) -> str:
    count = len(parameters)
    noun = "1 argument" if count == 1 else f"{count} arguments"
    return f"{noun} ({', '.join(p.name for p in parameters)})" if count else "no arguments"


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "no variables"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _refuse(message: str, hint: str) -> NoReturn:
    raise UsageError(message, hint=hint)
