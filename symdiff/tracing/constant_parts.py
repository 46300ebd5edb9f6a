"""Run a function at other inputs with the parts that torch holds constant as they were.

What the code detaches, computes under `no_grad`, or reads as a Python value is a constant to
autograd. A difference quotient moves these parts too, unless they are given the values that they
had in a first run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import torch
from torch.overrides import TorchFunctionMode

from symdiff.arithmetics.torch_graph import is_wrapped
from symdiff.tracing.places import is_in_custom_forward
from symdiff.tracing.state import marks_noted
from symdiff.tracing.tensors import is_real_or_complex, storage_of, tensors_in
from symdiff.tracing.torch_calls import DETACHING, SET_DATA, TO_PYTHON, name_of_call, written_to


class ConstantPartsError(Exception):
    """The constant parts of a first run cannot be kept; the message says why."""


_OTHERS: Final = "at other inputs it has other constant parts"


class ConstantParts(TorchFunctionMode):  # type: ignore[misc]
    """Notes the parts of a run that torch holds constant, or gives them the values of another run.

    The operations inside the `forward` of a custom Function are no such parts: the gradient is
    that of the whole `forward`.

    Attributes
    ----------
    values
        The values of the constant parts, in order.
    marked
        What custom Functions mark as not differentiable, by the ids of the tensors.
    """

    def __init__(self, former: Sequence[Any] | None = None) -> None:
        """Take the values of a former run; without them the values are noted only."""
        super().__init__()
        self.values: list[Any] = []
        self.marked: dict[int, torch.Tensor] = {}
        self._former = former
        self._shared: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}  # and what replaces them

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch with constant parts as they were, and note those it makes."""
        del types
        named = dict(kwargs or {})
        if is_in_custom_forward():
            return func(*args, **named)
        name = name_of_call(func)
        target = written_to(name, args, named)
        if name == SET_DATA:
            message = "it replaces the numbers of a tensor by x.data = y"
            raise ConstantPartsError(message)
        if target is not None:
            self._check_write(target)
        args, named = self.as_before(args), self.as_before(named)
        given = {storage_of(t) for t in tensors_in((args, tuple(named.values())))} - {0}
        result = func(*args, **named)
        if name in TO_PYTHON:
            return self._known(result)
        if target is None and (name in DETACHING or name == "grad" or not torch.is_grad_enabled()):
            for tensor in _constants_in(result):
                self._hold(tensor, is_shared=storage_of(tensor) in given)
        return result

    def as_before(self, values: Any) -> Any:
        """Return nested values with the values of the former run for the constant parts."""
        if isinstance(values, torch.Tensor):
            if id(values) in self.marked and id(values) not in self._shared:
                self._hold(values, is_shared=True)
            return self._shared.get(id(values), (values, values))[1]
        if isinstance(values, dict):
            return {key: self.as_before(value) for key, value in values.items()}
        if type(values) in {tuple, list}:
            return type(values)(map(self.as_before, values))
        return values

    def _hold(self, tensor: torch.Tensor, *, is_shared: bool) -> None:
        """Note a constant part, and give it the former value.

        One that shares memory with the operands keeps its own, and is replaced where it is used.
        """
        former = self._known(tensor.detach().clone())
        if former.shape != tensor.shape:
            raise ConstantPartsError(_OTHERS)
        if is_shared:
            self._shared[id(tensor)] = (tensor, former)
        elif self._former is not None:
            tensor.detach().copy_(former)

    def _known(self, value: Any) -> Any:
        """Return the value that the next constant part had in the former run."""
        position = len(self.values)
        self.values.append(value)
        if self._former is None:
            return value
        if position >= len(self._former) or type(self._former[position]) is not type(value):
            raise ConstantPartsError(_OTHERS)
        return self._former[position]

    def _check_write(self, target: torch.Tensor) -> None:
        """Refuse a write that has a constant part among its operands and results."""
        memory = {storage_of(t) for pair in self._shared.values() for t in pair}
        is_unseen = target.requires_grad and not torch.is_grad_enabled()
        if is_unseen or storage_of(target) in memory:
            message = "it writes to a tensor that shares memory with a constant part"
            raise ConstantPartsError(message)


def _constants_in(result: Any) -> Iterator[torch.Tensor]:
    for tensor in tensors_in(result):
        if is_real_or_complex(tensor) and not tensor.requires_grad and not is_wrapped(tensor):
            yield tensor


def run_with_constants(
    run: Callable[[], Sequence[torch.Tensor]], former: Sequence[Any] | None = None
) -> tuple[list[torch.Tensor], list[Any]]:
    """Run a function, and return its results and the values of its constant parts.

    Parameters
    ----------
    run
        Calls the function.
    former
        The values that the constant parts get, in order; None: those of this run.

    Raises
    ------
    ConstantPartsError
        The run has other constant parts than the former one, or writes to one of them.

    Examples
    --------
    >>> x = torch.tensor(3.0)
    >>> _, values = run_with_constants(lambda: [x.detach() * x])
    >>> x = torch.tensor(5.0)
    >>> run_with_constants(lambda: [x.detach() * x], values)
    ([tensor(15.)], [tensor(5.)])
    """
    parts = ConstantParts(former)
    with parts, marks_noted(parts.marked):
        results = list(run())
    results = [parts.as_before(t) for t in results]
    if former is not None and len(parts.values) != len(former):
        raise ConstantPartsError(_OTHERS)
    return results, parts.values
