"""Replace a callable without a formula by its trace, and resolve the names that `wrt` gives."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from symdiff.comparison.numpy_request import refusing_numpy
from symdiff.errors import UsageError, did_you_mean
from symdiff.grid.points import axes
from symdiff.program import Program
from symdiff.program.traced import TracedProgram
from symdiff.program.values import FLOATING_DTYPES, index_inputs, uses_tensors
from symdiff.request.callables import called_signature
from symdiff.request.request import Request

if TYPE_CHECKING:
    from symdiff.tracing.inputs import Arguments

PARAMETERS: Final = "parameters"  # what `wrt` says for all parameters of a module
_POINTS: Final = 3  # of a grid, at which a function of numbers is traced


def traced(request: Request) -> Request:
    """Return the request with its callable traced, if it has one and no formula.

    Raises
    ------
    UsageError
        The callable cannot be traced, or `wrt` names something other than its inputs.
    """
    expression = request.expression
    program = None
    if isinstance(expression, TracedProgram):
        program = expression
    elif callable(expression) and request.math is None:
        with refusing_numpy(expression, request):
            program = _trace(expression, request)
    if program is None:
        return request
    label = dataclasses.replace(request.label, name=request.label.name or program.name)
    is_on_numbers = not request.values and not isinstance(expression, TracedProgram)
    values = {} if is_on_numbers else _values(program, request)
    return dataclasses.replace(
        request,
        expression=program,
        values=values,
        wrt=_wrt(_roles_of_program(program), request.wrt),
        label=label,
    )


def untraced_arguments(request: Request) -> tuple[Arguments, tuple[str, ...]] | None:
    """Return the arguments of a function on tensors that cannot be traced, and its variables.

    None where it is a function of numbers on a grid, which needs a Program.
    """
    from symdiff.tracing.inputs import read_arguments  # noqa: PLC0415  (loads torch)

    function = request.expression
    if not request.values or isinstance(function, str | Program):
        return None
    args, keywords = _arguments(function, request.values)
    arguments = read_arguments(function, args, keywords)
    return arguments, _wrt(_roles_of_arguments(arguments), request.wrt)


def _roles_of_arguments(arguments: Arguments) -> dict[str, str]:
    """Return the roles of the arguments that may be differentiated by, by name."""
    return {leaf.name: leaf.role for leaf in arguments.leaves if leaf.needs_gradient}


def _roles_of_program(program: TracedProgram) -> dict[str, str]:
    """Return the roles of the inputs that may be differentiated by, by name."""
    integers = index_inputs(program)
    return {
        name: program.roles[name]
        for name in program.inputs
        if name not in integers
        and _is_real(program.values[name])
        and program.roles[name] != "buffer"
    }


def _trace(function: Callable[..., Any], request: Request) -> TracedProgram:
    from symdiff.tracing.inputs import read_arguments  # noqa: PLC0415  (loads torch)
    from symdiff.tracing.trace import trace_arguments  # noqa: PLC0415

    if not request.values:
        return _trace_on_numbers(function, request)
    args, keywords = _arguments(function, request.values)
    arguments = read_arguments(function, args, keywords, list(request.values))
    if request.wrt is not None:
        # torch refuses gradients of some arguments, such as the running mean of batch_norm
        chosen = _wrt(_roles_of_arguments(arguments), request.wrt)
        arguments = arguments.holding_all_but(chosen)
    return trace_arguments(arguments)


def _arguments(
    function: Callable[..., Any], values: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a function from the values of its parameters."""
    given = {name: _tensors(value) for name, value in values.items()}
    try:
        signature = called_signature(function)
        bound = signature.bind(**given)
    except ValueError:  # a builtin
        return tuple(given.values()), {}
    except TypeError as error:
        if any(
            p.kind is p.VAR_POSITIONAL or p.kind is p.POSITIONAL_ONLY
            for p in signature.parameters.values()
        ):
            return tuple(given.values()), {}
        message = f"values do not fit the function's parameters {signature}: {error}"
        raise UsageError(message, hint="values={...} with the names of its parameters") from None
    return bound.args, bound.kwargs


def _tensors(value: Any) -> Any:  # noqa: ANN401  (what `values` has)
    """Return a value as torch tensors, in nested lists and mappings of them where it has some."""
    import torch  # noqa: PLC0415

    from symdiff.program.values import Value, read_value  # noqa: PLC0415

    if isinstance(value, torch.Tensor | bool | str | None):
        return value
    if isinstance(value, list | tuple) and any(isinstance(v, torch.Tensor) for v in value):
        return type(value)(_tensors(v) for v in value)
    if isinstance(value, Mapping) and not {"shape", "data"} & set(value):
        return {key: _tensors(v) for key, v in value.items()}
    read: Value = read_value("value", value)
    return torch.as_tensor(read.array, dtype=getattr(torch, read.dtype))


def _trace_on_numbers(function: Callable[..., Any], request: Request) -> TracedProgram:
    """Return the trace of a function that is applied point by point."""
    import torch  # noqa: PLC0415

    from symdiff.tracing.inputs import read_arguments  # noqa: PLC0415
    from symdiff.tracing.trace import trace_arguments  # noqa: PLC0415

    try:
        parameters = called_signature(function).parameters.values()
    except (TypeError, ValueError):
        names = list(request.given) or ["x"]
    else:
        required = [p.name for p in parameters if p.default is p.empty or p.name in request.given]
        names = [n for n in required if n not in {"args", "kwargs"}] or list(request.given) or ["x"]
    points_along = axes(tuple(names), request.grid, request.at, is_paired=request.zip)
    points = [along.values[:_POINTS].tolist() for along in points_along]
    count = max(map(len, points))
    tensors = [torch.tensor([*p, *[p[-1]] * (count - len(p))], dtype=torch.float64) for p in points]
    program = trace_arguments(read_arguments(function, tuple(tensors), {}, names))
    if uses_tensors(program) or "constant" in program.roles.values():
        where = next(
            (program.place(i) for i, call in program.calls() if _is_tensor_call(program, i)), ""
        )
        message = f"the function does not work point by point: {where or 'it uses other tensors'}"
        raise UsageError(message, hint='give tensors: values={"x": [1.0, 2.0]}')
    return program


def _is_tensor_call(program: Program, node: int) -> bool:
    from symdiff.catalogue import CATALOGUE  # noqa: PLC0415

    call: Any = program.nodes[node]
    return CATALOGUE[call.function].array is not None


def _values(program: TracedProgram, request: Request) -> dict[str, Any]:
    """Return the values of the Program's inputs, with those that a request replaces."""
    given = request.values if isinstance(request.expression, TracedProgram) else {}
    return {**program.values, **{n: v for n, v in given.items() if n in program.values}}


def _wrt(roles: Mapping[str, str], wrt: Sequence[str] | None) -> tuple[str, ...]:
    """Return the inputs that `wrt` means: names, globs, or all parameters of a module.

    `roles` has the roles of the real inputs.

    Raises
    ------
    UsageError
        It names something else.
    """
    if wrt is None and not roles:
        message = "the function has no input of real numbers to differentiate by"
        raise UsageError(message, hint="give x.double()")
    if wrt is None:
        return tuple(n for n, role in roles.items() if role in {"input", "parameter"})
    patterns = [wrt] if isinstance(wrt, str) else wrt
    chosen: dict[str, None] = {}
    for pattern in patterns:
        if pattern == PARAMETERS:
            found = [n for n, role in roles.items() if role == "parameter"]
        else:
            found = fnmatch.filter(roles, _as_names_are(pattern))
        if not found:
            message = f"the function has no input {pattern[:40]!r}"
            known = f"its real inputs: {', '.join(roles) or 'none'}"
            raise UsageError(message, hint=did_you_mean(pattern, roles) or known)
        chosen.update(dict.fromkeys(found))
    return tuple(chosen)


def _as_names_are(pattern: str) -> str:
    """Return a pattern for the names of inputs: ``0.*`` of a Sequential is ``x0_*``."""
    written = pattern.replace(".", "_")
    starts_with_digit = written[:1].isdigit() or re.match(r"\[\d", written)
    return f"x{written}" if starts_with_digit else written


def _is_real(value: Any) -> bool:  # noqa: ANN401  (a torch tensor)
    dtype = str(value.dtype).removeprefix("torch.")
    return dtype in FLOATING_DTYPES
