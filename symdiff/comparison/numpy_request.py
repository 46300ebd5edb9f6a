"""Recognize callables that compute in numpy."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from symdiff.array_types import Array
from symdiff.errors import CallableError, UsageError
from symdiff.grid.points import axes
from symdiff.program.traced import TracedProgram
from symdiff.program.values import read_value
from symdiff.request.callables import name_of
from symdiff.request.numpy_functions import NumpyFunction, computes_in_numpy
from symdiff.request.parsed import ParsedRequest
from symdiff.request.request import Request

_POINTS: Final = 2  # at which a callable is called, to see what it takes


def with_numpy_function(parsed: ParsedRequest) -> ParsedRequest:
    """Return the request with its callable wrapped, if that takes numpy arrays and no tensors."""
    function, request = parsed.function, parsed.request
    if function is None or isinstance(request.expression, TracedProgram):
        return parsed
    if not computes_in_numpy(function, _arguments(request, parsed.program.inputs)):
        return parsed
    return dataclasses.replace(parsed, function=NumpyFunction(function, _name(request)))


def _name(request: Request) -> str:
    return name_of(request.expression) if callable(request.expression) else ""


@contextlib.contextmanager
def refusing_numpy(function: Callable[..., Any], request: Request) -> Iterator[None]:
    """Name numpy as the reason why a function cannot be traced, if it is the reason.

    Raises
    ------
    UsageError
        The function failed with tensors, and runs on arrays.
    """
    try:
        yield
    except CallableError:
        arrays = _arguments(request, request.given or ("x",))
        if not computes_in_numpy(function, arrays):
            raise
        message = f"{name_of(function)} computes in numpy, which cannot be traced"
        hint = 'state its formula: symdiff.compare(f, math="x*sin(x)")'
        raise UsageError(message, hint=hint) from None


def _arguments(request: Request, names: Sequence[str]) -> list[Array]:
    """Return an array for every input: its value, or a few points."""
    numbers = [name for name in names if name not in request.values]
    points_along = axes(tuple(numbers), request.grid, request.at, is_paired=request.zip)
    points = {along.name: along.values[:_POINTS] for along in points_along}
    if request.values:  # a function on tensors takes numbers one at a time
        points = {name: x[:1].reshape(()) for name, x in points.items()}
    count = max((len(x) for x in points.values() if x.ndim), default=0)
    padded = {n: np.resize(x, count) if x.ndim else x for n, x in points.items()}
    read = {n: read_value(n, x).array for n, x in request.values.items() if n in names}
    return [{**padded, **read}[name] for name in names]
