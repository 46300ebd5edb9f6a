"""The inputs of a traced function: nested arguments, and a module's parameters and buffers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import torch

from symdiff.catalogue import CONSTANTS
from symdiff.errors import UsageError
from symdiff.request.callables import called_signature
from symdiff.tracing.state import module_state_kept

_RESERVED: Final = frozenset({*CONSTANTS, "nan", "NaN", "NAN", "torch", "True", "False", "None"})


@dataclasses.dataclass(frozen=True, slots=True)
class Leaf:
    """One tensor among the inputs.

    Attributes
    ----------
    name
        Its name in the Program.
    tensor
        Its value.
    role
        ``input``, ``parameter`` or ``buffer``.
    path
        Where it is: the position or keyword, then the keys inside; or the module's name for it.
    is_held
        Whether nothing is differentiated by it, although it is no buffer.
    """

    name: str
    tensor: torch.Tensor
    role: str
    path: tuple[Any, ...]
    is_held: bool = False

    @property
    def needs_gradient(self) -> bool:
        """Whether the function may be differentiated by it."""
        is_held = self.is_held or self.role == "buffer"
        return not is_held and self.tensor.is_floating_point()


@dataclasses.dataclass(frozen=True, slots=True)
class Arguments:
    """What a function is called with, and the tensors in it by name.

    Attributes
    ----------
    function
        The function or module.
    args, kwargs
        Its arguments.
    leaves
        The tensors in them, and those of the module.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    leaves: tuple[Leaf, ...]

    def holding_all_but(self, names: Collection[str]) -> Arguments:
        """Return the arguments with all tensors but some held fixed."""
        leaves = tuple(
            leaf if leaf.name in names else dataclasses.replace(leaf, is_held=True)
            for leaf in self.leaves
        )
        return dataclasses.replace(self, leaves=leaves)

    def call(self, tensors: Mapping[str, torch.Tensor]) -> Any:
        """Call the function with other tensors, by name; those left out stay as they are."""
        args, kwargs = list(self.args), dict(self.kwargs)
        state: dict[str, torch.Tensor] = {}
        for leaf in self.leaves:
            if leaf.name not in tensors:
                continue
            tensor = _with_hooks(tensors[leaf.name], leaf.tensor)
            if leaf.role == "input":
                first, *inner = leaf.path
                holder: Any = args if isinstance(first, int) else kwargs
                holder[first] = _replaced(holder[first], inner, tensor)
            else:
                state[leaf.path[0]] = tensor
        with module_state_kept(self.function):
            if not state:
                return self.function(*args, **kwargs)
            assert isinstance(self.function, torch.nn.Module)  # noqa: S101  (only they have state)
            return torch.func.functional_call(self.function, state, tuple(args), kwargs)


def _with_hooks(tensor: torch.Tensor, original: torch.Tensor) -> torch.Tensor:
    """Return a tensor whose gradient is changed by the hooks registered on the original."""
    hooks = list((original._backward_hooks or {}).values())  # noqa: SLF001  (no public form)
    if not hooks or not tensor.requires_grad:
        return tensor
    hooked = tensor.view_as(tensor)
    for hook in hooks:
        hooked.register_hook(hook)
    return hooked


def _replaced(value: Any, path: Sequence[Any], tensor: torch.Tensor) -> Any:
    """Return nested lists, tuples and mappings with another tensor at one place."""
    if not path:
        return tensor
    first, *inner = path
    if isinstance(value, Mapping):
        return {**value, first: _replaced(value[first], inner, tensor)}
    items = list(value)
    items[first] = _replaced(items[first], inner, tensor)
    return items if isinstance(value, list) else tuple(items)


def read_arguments(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    names: Sequence[str] = (),
) -> Arguments:
    """Return the arguments of a function with a name for every tensor in them.

    Parameters
    ----------
    function, args, kwargs
        The function and what it is called with.
    names
        The names of the positional arguments, for a function that does not name its parameters.

    Raises
    ------
    UsageError
        There is no tensor, or the function does not take these arguments.
    """
    if not callable(function):
        message = f"{type(function).__name__} is not a function or a module on torch tensors"
        raise UsageError(message, hint="symdiff.trace(f, x); a text goes into symdiff.compare")
    if isinstance(function, torch.jit.ScriptModule):
        message = f"{type(function).__name__} is compiled by torch.jit, which hides its operations"
        raise UsageError(message, hint="give the module that it was compiled from")
    names = _parameter_names(function, args, kwargs, names)
    taken: dict[str, None] = {}
    leaves = []
    for first, value in (*enumerate(args), *kwargs.items()):
        stem = names[first] if isinstance(first, int) else first
        for path, tensor in _tensors_at(value):
            name = _unused("_".join(map(str, (stem, *path))), taken)
            _check_kind(name, tensor)
            leaves.append(Leaf(name, tensor, "input", (first, *path)))
    if isinstance(function, torch.nn.Module):
        for role, named in (
            ("parameter", function.named_parameters()),
            ("buffer", function.named_buffers()),
        ):
            for path, tensor in named:
                if role == "parameter":
                    _check_kind(path, tensor)
                leaves.append(Leaf(_unused(path, taken), tensor, role, (path,)))
    if not leaves:
        message = "there is no tensor among the arguments"
        raise UsageError(message, hint="symdiff.trace(f, torch.randn(3, dtype=torch.float64))")
    return Arguments(function, args, dict(kwargs), tuple(leaves))


def _check_kind(name: str, tensor: torch.Tensor) -> None:
    """Raise a UsageError if a tensor has no real numbers in the CPU's memory."""
    if tensor.is_complex():
        kind = f"of {str(tensor.dtype).removeprefix('torch.')}"
        hint = "give its real and imaginary parts, and make it inside: torch.complex(a, b)"
    elif tensor.layout != torch.strided or tensor.is_quantized:
        kind = "quantized" if tensor.is_quantized else "sparse"
        hint = f"give the dense tensor, {name}.to_dense()"
    elif tensor.device.type != "cpu":
        kind = f"on the device {tensor.device.type}"
        hint = f"give {name}.cpu()"
    else:
        return
    message = f"{name} is {kind}: inputs are real numbers in dense tensors of the CPU"
    raise UsageError(message, hint=hint)


def _parameter_names(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    given: Sequence[str],
) -> Sequence[str]:
    """Return the names of the parameters that take the positional arguments, or those given."""
    try:
        signature = called_signature(function)
    except (TypeError, ValueError):  # a builtin
        return given or [f"x{k + 1}" for k in range(len(args))]
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        message = f"the function does not take these arguments: {error}"
        raise UsageError(message, hint=f"its signature is {signature}") from None
    names: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            rest = len(args) - len(names)
            numbered = [f"{parameter.name}{k + 1}" for k in range(rest)]
            names += given[-rest:] if len(given) == len(args) and rest else numbered
        else:
            names.append(parameter.name)
    return names[: len(args)]


def _tensors_at(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors_at(item, (*path, key))
    elif isinstance(value, list | tuple):
        for key, item in enumerate(value):
            yield from _tensors_at(item, (*path, key))


def _unused(text: str, taken: dict[str, None]) -> str:
    """Return a name for the Program, and note that it is taken."""
    stem = re.sub(r"[^A-Za-z0-9_]", "_", text)[:60].lstrip("_") or "x"
    stem = stem if stem[0].isalpha() else f"x{stem}"
    stem = f"{stem}_" if stem in _RESERVED else stem
    name, count = stem, 1
    while name in taken:
        count += 1
        name = f"{stem}_{count}"
    taken[name] = None
    return name
