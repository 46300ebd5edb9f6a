"""Note every call of torch with its line of code and the nodes that it adds to PyTorch's graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch.autograd.function import BackwardCFunction
from torch.overrides import TorchFunctionMode

from symdiff.tracing.places import CodeLine, calling_line
from symdiff.tracing.tensors import tensors_in

_LEAF_NODE: Final = "torch::autograd::AccumulateGrad"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One call of torch on tensors that depend on the inputs.

    Attributes
    ----------
    index
        Its position among the calls.
    name
        The name of the function or method, without underscores.
    function, args, kwargs
        The call. `function` is None for a custom Function, and for what torch calls by itself, as
        in `torch.func.grad`.
    results
        The tensors that it returned or wrote to.
    line
        The line of code.
    versions
        How often the tensors of arguments and results had been written to after the call, by id.
    """

    index: int
    name: str
    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    results: tuple[torch.Tensor, ...]
    line: CodeLine | None
    versions: Mapping[int, int]

    @property
    def is_own(self) -> bool:
        """Whether it is a custom Function of the user."""
        nodes = (r.grad_fn for r in self.results)
        return self.function is None and any(isinstance(n, BackwardCFunction) for n in nodes)

    @property
    def operands(self) -> tuple[torch.Tensor, ...]:
        """The tensors among the arguments."""
        return tuple(tensors_in((self.args, tuple(self.kwargs.values()))))

    def is_current(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor still has the value that it had after the call."""
        return bool(self.versions.get(id(tensor)) == tensor._version)  # noqa: SLF001  (no public form)


class Calls(TorchFunctionMode):  # type: ignore[misc]
    """Notes the calls of torch on tensors that depend on the inputs, and their graph nodes."""

    def __init__(self, leaves: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.owners: dict[Any, Step] = {}
        self._known = {id(t) for t in leaves}
        self._kept: list[torch.Tensor] = list(leaves)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  (whatever the call returns)
        """Call a function of torch, and note what it did."""
        del types
        keywords = dict(kwargs or {})
        operands = list(tensors_in((args, tuple(keywords.values()))))
        if not any(id(t) in self._known or t.grad_fn is not None for t in operands):
            return func(*args, **keywords)
        self._own_custom_nodes(operands)
        frozen = {id(t): t.clone() for t in operands if id(t) not in self._known and not t.grad_fn}
        before = {id(t): t._version for t in operands}  # noqa: SLF001
        result = func(*args, **keywords)
        written = [t for t in operands if t._version != before[id(t)]]  # noqa: SLF001
        results = tuple({id(t): t for t in (*tensors_in(result), *written)}.values())
        if not results:
            return result
        first = {id(t): frozen[id(t)] for t in written if id(t) in frozen}
        step = Step(
            index=len(self.steps),
            name=getattr(func, "__name__", "").strip("_"),
            function=func,
            args=_with(args, first),
            kwargs=_with(keywords, first),
            results=results,
            line=calling_line(),
            versions={id(t): t._version for t in (*operands, *results)},  # noqa: SLF001
        )
        self.steps.append(step)
        for tensor in results:
            self._known.add(id(tensor))
            self._kept.append(tensor)
            self._own(tensor.grad_fn, step)
        return result

    def _own_custom_nodes(self, tensors: Sequence[torch.Tensor]) -> None:
        """Note the nodes of custom Functions, which torch does not call by its functions."""
        for tensor in tensors:
            if tensor.grad_fn is not None and tensor.grad_fn not in self.owners:
                self.add_custom(tensor)

    def add_custom(self, tensor: torch.Tensor) -> None:
        """Add a step for what made a tensor, if no call of torch did."""
        line = next((s.line for s in reversed(self.steps) if s.line), None)
        name = type(tensor.grad_fn).__name__.removesuffix("Backward")
        step = Step(
            len(self.steps),
            name,
            None,
            (),
            {},
            (tensor,),
            line,
            {id(tensor): tensor._version},  # noqa: SLF001
        )
        self.steps.append(step)
        self._known.add(id(tensor))
        self._kept.append(tensor)
        self._own(tensor.grad_fn, step)

    def _own(self, node: Any, step: Step) -> None:  # noqa: ANN401  (torch's nodes have no type)
        waiting = [node]
        while waiting:
            node = waiting.pop()
            if node is None or node in self.owners or node.name() == _LEAF_NODE:
                continue
            self.owners[node] = step
            waiting.extend(inner for inner, _ in node.next_functions)


def _with(value: Any, tensors: Mapping[int, torch.Tensor]) -> Any:  # noqa: ANN401
    """Return arguments with some tensors replaced, by id."""
    if not tensors:
        return value
    if isinstance(value, torch.Tensor):
        return tensors.get(id(value), value)
    if isinstance(value, Mapping):
        return {key: _with(item, tensors) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_with(item, tensors) for item in value)
    return value
