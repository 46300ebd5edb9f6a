"""What a callable is called, which parameters it has, and how to write it down."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

# Where functions of torch are found by people; their own `__module__` may be a hidden one.
_HOMES: Final = ("torch", "torch.nn.functional", "torch.special", "torch.linalg", "numpy")
_LAMBDA: Final = "<lambda>"


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """How lines of Python name a callable.

    Attributes
    ----------
    name
        What to write for it.
    module
        What to import it from; None: it cannot be imported.
    comment
        Where it stands, if it cannot be imported.
    """

    name: str
    module: str | None
    comment: str


def name_of(function: Callable[..., Any]) -> str:
    """Return a callable's name: that of the class for a module and for a Function's `apply`.

    Examples
    --------
    >>> name_of(name_of), name_of(lambda x: x), name_of(functools.partial(name_of, None))
    ('name_of', '<lambda>', 'name_of')
    """
    if isinstance(function, functools.partial):
        return name_of(function.func)
    owner = custom_function(function)
    if owner is not None:
        return f"{_local(owner.__qualname__)}.apply"
    if not hasattr(function, "__qualname__"):
        return _local(type(function).__qualname__)
    if inspect.isbuiltin(function):
        return str(function.__name__)  # the qualified name has a hidden class of torch
    return _local(function.__qualname__)


def custom_function(function: Callable[..., Any]) -> type | None:
    """Return the class whose `apply` a callable is, None if it is something else."""
    owner = getattr(function, "__self__", None)
    is_apply = isinstance(owner, type) and getattr(function, "__name__", "") == "apply"
    return owner if is_apply and callable(getattr(owner, "forward", None)) else None


def called_signature(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a callable; of the `forward` that a module or an `apply` calls.

    Raises
    ------
    ValueError, TypeError
        It has none, as some builtins.
    """
    signature = inspect.signature(function)
    if any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values()):
        forward = _forward_parameters(function)
        return inspect.Signature(forward) if forward else signature
    return signature


def _forward_parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of the `forward` that a module or a Function's `apply` calls."""
    owner = custom_function(function)
    forward = getattr(function if owner is None else owner, "forward", None)
    if not callable(forward):
        return []
    parameters = [*inspect.signature(forward).parameters.values()]
    # Where `setup_context` is overridden, forward takes no context; else it is the first argument.
    setup = getattr(owner, "setup_context", None)
    has_context = owner is not None and str(getattr(setup, "__module__", "torch")).startswith(
        "torch."
    )
    return parameters[1:] if has_context else parameters


def written(function: Callable[..., Any]) -> Written:
    """Return how to write a callable: with its module if it can be imported, else where it stands.

    Examples
    --------
    >>> written(name_of)
    Written(name='name_of', module='symdiff.request.callables', comment='')
    >>> written(lambda x: x).name
    'f'
    """
    name = name_of(function)
    for module in (*_HOMES, _module(function)):
        if module != "__main__" and _found(module, name) == function:
            return Written(name, module, "")
    known = _global(function)
    if known is not None:
        return known
    place = _place(function)
    what = f"the lambda of {place}" if _LAMBDA in name else f"{name} of {place}"
    if not name.replace(".", "").isidentifier():
        name = "f"
    is_object = not hasattr(function, "__qualname__") or inspect.ismethod(function)
    is_own = custom_function(function) is not None
    return Written("f" if is_object and not is_own else name, None, what)


def _global(function: Callable[..., Any]) -> Written | None:
    """Return a callable, or a method, by the name of an object of its module, if there is one."""
    is_method = inspect.ismethod(function)
    target: Any = getattr(function, "__self__", None) if is_method else function
    inner = target.func if isinstance(target, functools.partial) else target
    module = _module(inner)
    if module == "__main__" or isinstance(target, type):
        return None
    objects = dict(vars(sys.modules[module])) if module in sys.modules else {}
    for name, found in objects.items():
        if found is target and not name.startswith("__"):
            return Written(f"{name}.{function.__name__}" if is_method else name, module, "")
    return None


def _found(module: str, name: str) -> Any:  # noqa: ANN401  (any object)
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _module(function: Callable[..., Any]) -> str:
    owner = custom_function(function)
    return str(getattr(owner or function, "__module__", None) or type(function).__module__)


def _place(function: Callable[..., Any]) -> str:
    """Return the file and the line where a callable is defined, or its module."""
    inner = function.func if isinstance(function, functools.partial) else function
    target: Any = custom_function(inner) or inner
    if not (inspect.isroutine(target) or inspect.isclass(target)):
        target = type(target)
    try:
        _, line = inspect.getsourcelines(target)
        return f"{Path(inspect.getfile(target)).name}:{line}"
    except (OSError, TypeError):  # it was not read from a file
        return _module(inner)


def _local(qualified: str) -> str:
    return qualified.rpartition("<locals>.")[2]
