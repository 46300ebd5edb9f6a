"""Leave modules and random numbers as they were, however often a user's function is called.

A function may use modules that it does not take as arguments: from a closure, a global name, an
object. Their buffers and attributes, such as the statistics of a batch norm or a counter, are put
back after every call, so that each call starts from the same state.
"""

from __future__ import annotations

import contextlib
import functools
import random
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch

RandomState = tuple[Any, ...]  # those of torch, Python and numpy
# Packages whose functions are not looked into: they have no module of the user's.
_LIBRARIES: Final = frozenset(
    {"torch", "numpy", "scipy", "sympy", "symdiff", "builtins", "functools", "math"}
)
# Modules whose attributes cannot be exchanged: those in C++, and those that change their class.
_UNKEPT: Final = (torch.jit.ScriptModule, torch.nn.modules.lazy.LazyModuleMixin)
_HOLDING_NOTHING: Final = (torch.nn.Module, torch.Tensor, str, type, types.ModuleType)
_MAX_OBJECTS: Final = 10_000  # that are looked at for modules


@contextlib.contextmanager
def module_state_kept(function: Callable[..., Any]) -> Iterator[None]:
    """Give the modules that a function uses copies of their buffers, and put all back at the end.

    Values are not written back: what the function has returned may still need those of the copies
    for its backward pass.
    """
    modules = [m for m in modules_used_by(function) if not isinstance(m, _UNKEPT)]
    attributes = [dict(m.__dict__) for m in modules]
    tables = [(table, dict(table)) for m in modules for table in _tables(m)]
    copies: dict[int, torch.Tensor] = {}
    for m in modules:
        buffers = m._buffers  # noqa: SLF001  (assigning by name would run a parametrization)
        for name, buffer in buffers.items():
            if buffer is not None:
                buffers[name] = copies.setdefault(id(buffer), buffer.detach().clone())
    try:
        yield
    finally:
        for table, former in tables:
            table.clear()
            table.update(former)
        for m, known in zip(modules, attributes, strict=True):
            m.__dict__.clear()
            m.__dict__.update(known)


def _tables(module: torch.nn.Module) -> tuple[dict[str, Any], ...]:
    return module._buffers, module._parameters, module._modules  # noqa: SLF001


def modules_used_by(function: Callable[..., Any]) -> list[torch.nn.Module]:
    """Return the modules that a callable can reach, with those inside them.

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 1)
    >>> modules_used_by(layer.forward)
    [Linear(in_features=2, out_features=1, bias=True)]
    """
    found: dict[int, torch.nn.Module] = {}
    seen: dict[int, Any] = {}
    waiting: list[Any] = [function]
    while waiting and len(seen) < _MAX_OBJECTS:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if isinstance(value, torch.nn.Module):
            found.update({id(m): m for m in value.modules()})
        waiting += _inside(value)
    return list(found.values())


def _inside(value: Any) -> Sequence[Any]:
    """Return what a callable or a container holds; functions of libraries hold nothing."""
    held: Sequence[Any] = []
    if isinstance(value, functools.partial):
        held = [value.func, *value.args, *value.keywords.values()]
    elif isinstance(value, types.MethodType):
        held = [value.__self__, value.__func__]
    elif isinstance(value, types.FunctionType):
        held = _inside_function(value)
    elif isinstance(value, Mapping):
        held = list(value.values())
    elif isinstance(value, list | tuple):
        held = value
    elif not isinstance(value, _HOLDING_NOTHING) and _package(type(value)) not in _LIBRARIES:
        held = list(getattr(value, "__dict__", {}).values())
    return held


def _inside_function(function: types.FunctionType) -> Sequence[Any]:
    """Return what a function reads from its closure, from global names and from its defaults."""
    if _package(function) in _LIBRARIES:
        return []
    names = _names_in(function.__code__)
    held = [function.__globals__[n] for n in names if n in function.__globals__]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # a name that is not defined yet
            held.append(cell.cell_contents)
    wrapped = getattr(function, "__wrapped__", None)
    return [
        *held,
        *(function.__defaults__ or ()),
        *(function.__kwdefaults__ or {}).values(),
        wrapped,
    ]


def _names_in(code: types.CodeType) -> set[str]:
    inner = (c for c in code.co_consts if isinstance(c, types.CodeType))
    return set(code.co_names).union(*map(_names_in, inner))


def _package(value: Any) -> str:
    return str(getattr(value, "__module__", None) or "").partition(".")[0]


@contextlib.contextmanager
def without_compiler() -> Iterator[None]:
    """Let functions compiled by torch.compile run as they are written, so that calls are seen."""
    if "torch._dynamo" not in sys.modules:  # nothing has been compiled
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


@contextlib.contextmanager
def marks_noted(marked: dict[int, torch.Tensor]) -> Iterator[None]:
    """Note the tensors that custom Functions mark as not differentiable, which torch forgets."""
    kind = torch.autograd.function.FunctionCtx
    former = kind.mark_non_differentiable

    def noting(self: Any, *tensors: torch.Tensor) -> None:
        marked.update({id(t): t for t in tensors})
        former(self, *tensors)

    kind.mark_non_differentiable = noting
    try:
        yield
    finally:
        kind.mark_non_differentiable = former


# -- random numbers


def random_state() -> RandomState:
    """Return the states of the random numbers of torch, Python and numpy."""
    return torch.random.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002


def seeded_state(seed: int = 0) -> RandomState:
    """Return the states that a seed gives."""
    of_python = random.Random(seed)  # noqa: S311  (not for cryptography)
    of_numpy = np.random.RandomState(seed)
    return (
        torch.Generator().manual_seed(seed).get_state(),
        of_python.getstate(),
        of_numpy.get_state(),
    )


@contextlib.contextmanager
def random_numbers(state: RandomState) -> Iterator[None]:
    """Draw random numbers from some states on; the caller's are as before at the end."""
    former = random_state()
    _set_random_state(state)
    try:
        yield
    finally:
        _set_random_state(former)


def _set_random_state(state: RandomState) -> None:
    of_torch, of_python, of_numpy = state
    torch.random.set_rng_state(of_torch)
    random.setstate(of_python)
    np.random.set_state(of_numpy)  # noqa: NPY002
