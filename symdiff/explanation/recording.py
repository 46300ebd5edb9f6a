"""Run a function with its backward pass, and note where gradients stop to be finite.

Every call of torch is noted with the line of code that made it and with the nodes that it adds to
PyTorch's graph. During the backward pass, a hook at every node compares what arrives with what
leaves: where a finite number arrives and a NaN or an infinity leaves, it arose. The nodes behind
such a place run again with a gradient that is finite there.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch.autograd.graph import GradientEdge
from torch.overrides import TorchFunctionMode

from symdiff.errors import UsageError
from symdiff.tracing.inputs import Arguments
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
        The call. `function` is None for a custom Function, whose backward is the person's own.
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
    def operands(self) -> tuple[torch.Tensor, ...]:
        """The tensors among the arguments."""
        return tuple(tensors_in((self.args, tuple(self.kwargs.values()))))

    def is_current(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor still has the value that it had after the call."""
        return bool(self.versions.get(id(tensor)) == tensor._version)  # noqa: SLF001  (no public form)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A place in the backward pass where a gradient stops to be finite.

    Attributes
    ----------
    step
        The call whose derivative it is.
    node
        The node of PyTorch's graph.
    where
        A mask of the components, in the shape of the gradient that leaves the node.
    """

    step: Step
    node: Any
    where: torch.Tensor


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A function's run, with its gradients.

    Attributes
    ----------
    arguments
        The function and its inputs.
    leaves
        The tensors that the function ran on, by the names of the inputs.
    steps
        The calls, in order.
    outputs
        The real tensors among the results.
    cotangents
        For every output, the gradient that the backward pass starts with.
    gradients
        Those of the leaves that require one, by name; None where the output does not depend on it.
    origins
        Where they stop to be finite, in the order of the backward pass.
    owners
        The nodes of PyTorch's graph, with the step that made them.
    random_state
        That of torch's generator before the run.
    """

    arguments: Arguments
    leaves: Mapping[str, torch.Tensor]
    steps: tuple[Step, ...]
    outputs: tuple[torch.Tensor, ...]
    cotangents: tuple[torch.Tensor, ...]
    gradients: Mapping[str, torch.Tensor | None]
    origins: tuple[Origin, ...]
    owners: Mapping[Any, Step]
    random_state: torch.Tensor

    def producer(self, tensor: torch.Tensor, before: int) -> Step | None:
        """Return the last step before a position that made or wrote to a tensor."""
        for step in reversed(self.steps[:before]):
            if any(r is tensor for r in step.results):
                return step
        return None

    def backward(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor | None]:
        """Return the gradients of other tensors of the run."""
        return _gradients(self.outputs, self.cotangents, tensors)


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


def run(arguments: Arguments) -> Run:
    """Run a function and its backward pass, and note where gradients stop to be finite.

    The tensors that the function is called with are copied. Every component of its value has the
    weight 1.
    """
    leaves = {leaf.name: _copy(leaf.tensor, leaf.role) for leaf in arguments.leaves}
    random_state = torch.random.get_rng_state()
    with torch.inference_mode(mode=False), torch.enable_grad():
        calls, outputs = recorded(arguments, leaves)
        cotangents = tuple(torch.ones_like(t) for t in outputs)
        names = [n for n, t in leaves.items() if t.requires_grad]
        tensors = [leaves[n] for n in names]
        watch = Watch(calls.owners)
        with _hooked(calls.owners, watch.hook_of):
            found = _gradients(outputs, cotangents, tensors)
        if watch.edges:
            with _hooked(calls.owners, watch.hook_behind):
                _gradients([*watch.edges], [*watch.edges.values()], tensors)
    return Run(
        arguments=arguments,
        leaves=leaves,
        steps=tuple(calls.steps),
        outputs=outputs,
        cotangents=cotangents,
        gradients=dict(zip(names, found, strict=True)),
        origins=watch.origins(),
        owners=calls.owners,
        random_state=random_state,
    )


def recorded(
    arguments: Arguments, leaves: Mapping[str, torch.Tensor]
) -> tuple[Calls, tuple[torch.Tensor, ...]]:
    """Run a function; return its calls, and its outputs that have gradients."""
    calls = Calls(list(leaves.values()))
    with calls:
        result = arguments.call(leaves)
    outputs = tuple(t for t in tensors_in(result) if t.is_floating_point() and t.requires_grad)
    for tensor in outputs:
        if tensor.grad_fn is not None and tensor.grad_fn not in calls.owners:
            calls.add_custom(tensor)
    return calls, outputs


def gradients_from(done: Run, origins: Sequence[Origin]) -> dict[str, torch.Tensor | None]:
    """Return the gradients with all NaNs and infinities replaced that arise elsewhere."""
    mine = {o.node for o in origins}
    others = {o.node for o in done.origins} - mine

    def cleaned(inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> tuple[Any, ...]:
        del outputs
        return tuple(None if g is None else _finite(g) for g in inputs)

    names = list(done.gradients)
    with _hooked({node: done.owners[node] for node in others}, lambda _: cleaned):
        found = done.backward([done.leaves[n] for n in names])
    return dict(zip(names, found, strict=True))


def is_finite(tensor: torch.Tensor) -> bool:
    """Return whether all numbers are finite; one pass over the memory, as it runs for all nodes."""
    if not tensor.numel():
        return True
    if tensor.is_sparse or tensor.is_complex():
        values = tensor.coalesce().values() if tensor.is_sparse else tensor
        return bool(values.isfinite().all())
    for dimension, stride in enumerate(tensor.stride()):
        if stride == 0:  # the same numbers again, as in the gradient of a sum
            tensor = tensor.narrow(dimension, 0, 1)
    if math.isfinite(tensor.detach().sum()):
        return True
    ends = torch.aminmax(tensor.detach())  # the sum of finite numbers may overflow
    return math.isfinite(ends.min) and math.isfinite(ends.max)


def nonfinite(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return a mask of the NaNs and infinities in a tensor; None without one."""
    if is_finite(tensor):
        return None
    dense = _dense(tensor)
    return (dense - dense) != 0  # NaN where it is not finite; faster than `isfinite`


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to_dense() if tensor.is_sparse else tensor


def _copy(tensor: torch.Tensor, role: str) -> torch.Tensor:
    copy = tensor.detach().clone()
    return copy.requires_grad_() if role != "buffer" and copy.is_floating_point() else copy


def _gradients(
    outputs: Sequence[torch.Tensor | GradientEdge],
    cotangents: Sequence[torch.Tensor],
    tensors: Sequence[torch.Tensor],
) -> list[torch.Tensor | None]:
    if not outputs or not tensors:
        return [None for _ in tensors]
    try:
        found = torch.autograd.grad(
            outputs, tensors, cotangents, retain_graph=True, allow_unused=True
        )
    except RuntimeError as error:
        message = f"the backward pass fails: {str(error).splitlines()[0][:200]}"
        raise UsageError(message, hint="loss.backward() shows where") from None
    return [None if g is None else _dense(g) for g in found]


Hook = Callable[[tuple[Any, ...], tuple[Any, ...]], Any]


class _hooked:  # noqa: N801  (a context manager)
    """Has a hook at every node while a backward pass runs."""

    def __init__(self, owners: Mapping[Any, Step], hook_of: Callable[[Any], Hook]) -> None:
        self._owners = owners
        self._hook_of = hook_of
        self._handles: list[Any] = []

    def __enter__(self) -> None:
        self._handles = [node.register_hook(self._hook_of(node)) for node in self._owners]

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()


class Watch:
    """Notes, in hooks at nodes, where finite numbers arrive and others leave."""

    def __init__(self, owners: Mapping[Any, Step]) -> None:
        self._owners = owners
        self._found: dict[Any, list[torch.Tensor]] = {}  # masks by node
        self._order: dict[Any, int] = {}
        self.edges: dict[Any, torch.Tensor] = {}  # where the nodes behind begin, made finite

    def origins(self) -> tuple[Origin, ...]:
        """Return what was found, in the order of the backward pass."""
        nodes = sorted(self._found, key=self._order.__getitem__)
        return tuple(Origin(self._owners[n], n, mask) for n in nodes for mask in self._found[n])

    def hook_of(self, node: Any) -> Hook:  # noqa: ANN401
        """Return a hook that changes nothing."""

        def hook(leaving: tuple[Any, ...], arriving: tuple[Any, ...]) -> None:
            self._order[node] = len(self._order)
            off = self._off(node, leaving, arriving)
            for k in off if node in self._found else ():
                inner, number = node.next_functions[k]
                if inner in self._owners:
                    edge = GradientEdge(inner, number)
                    known = self.edges.get(edge)
                    clean = _finite(leaving[k])
                    self.edges[edge] = clean if known is None else known + clean

        return hook

    def hook_behind(self, node: Any) -> Hook:  # noqa: ANN401
        """Return a hook that replaces what is not finite, so that all nodes behind are seen."""

        def hook(leaving: tuple[Any, ...], arriving: tuple[Any, ...]) -> Any:  # noqa: ANN401
            if not self._off(node, leaving, arriving):
                return None
            return tuple(None if g is None else _finite(g) for g in leaving)

        return hook

    def _off(self, node: Any, leaving: tuple[Any, ...], arriving: tuple[Any, ...]) -> list[int]:  # noqa: ANN401
        """Return which of the gradients that leave are not finite; note it if they arise here."""
        off = [k for k, g in enumerate(leaving) if g is not None and not is_finite(g)]
        if off and node not in self._found and all(g is None or is_finite(g) for g in arriving):
            masks = [nonfinite(leaving[k]) for k in off]
            self._found[node] = [mask for mask in masks if mask is not None]
        return off


def _finite(tensor: torch.Tensor) -> torch.Tensor:
    return torch.nan_to_num(_dense(tensor), nan=0.0, posinf=0.0, neginf=0.0)
