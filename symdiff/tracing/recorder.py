"""Record the calls of torch that a function makes, as definitions in the expression language."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from symdiff.arithmetics.torch_graph import leads_to
from symdiff.errors import UntracedError
from symdiff.tracing import syntax
from symdiff.tracing.places import CodeLine, calling_line, custom_function, is_in_custom_forward
from symdiff.tracing.records import Branch, Definition
from symdiff.tracing.renormalization import shorten_rows, without_max_norm
from symdiff.tracing.syntax import NotWrittenError, Syntax
from symdiff.tracing.tensors import (
    as_reals,
    base_of,
    is_number,
    is_real_or_complex,
    places_in_memory,
    storage_of,
    tensors_in,
)
from symdiff.tracing.torch_calls import (
    DETACHING,
    DROPOUT,
    RANDOM,
    SET_DATA,
    SHAPING,
    TESTS,
    TO_PYTHON,
    name_of_call,
    written_to,
)
from symdiff.tracing.translations import translate
from symdiff.tracing.translations.arrangements import (
    index_parts,
    is_plain,
    positions_in,
    put,
    reshaped,
)
from symdiff.tracing.translations.call import Call

_SHORT: Final = 32  # indices that are written into the text
# Calls a function that has no form in the text: takes it, its arguments, and the reason.
Unread = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any], NotWrittenError], Any]


class Recorder(TorchFunctionMode):  # type: ignore[misc]
    """Notes every call of torch on tensors that depend on the inputs.

    Attributes
    ----------
    definitions
        What was computed, in order.
    constants
        The values of tensors that are not inputs, by name.
    branches, notes
        Where the trace holds on one side only, and what else a reader should know.
    marked
        Results that a custom Function marks as not differentiable, by their ids.
    refused
        The first call that could not be read, which the user's code may have caught.
    has_choices
        Whether something in the trace may be another constant at inputs nearby.
    """

    def __init__(
        self,
        inputs: Mapping[str, torch.Tensor],
        forced: Mapping[int, bool] = MappingProxyType({}),
        prefix: str = "t",
    ) -> None:
        """Start with the inputs, by name.

        Parameters
        ----------
        inputs
            The tensors that the trace is a function of.
        forced
            Outcomes of tests of a tensor's value, by their number; the others are as computed.
        prefix
            The beginning of the names of definitions.
        """
        super().__init__()
        self._forced = forced
        self._prefix = prefix
        self.definitions: list[Definition] = []
        self.constants: dict[str, torch.Tensor] = {}
        self.branches: list[Branch] = []
        self.notes: list[str] = []
        self._expressions: dict[int, Syntax] = {}
        # results without an expression: the operation that made them, and its line
        self._unread: dict[int, tuple[str, CodeLine | None]] = {}
        self._indices_known: dict[int, Syntax] = {}
        self._kept_values: list[Any] = []  # as `_kept`, for arrays of indices
        self._kept: list[torch.Tensor] = []  # so that no other tensor gets the same id
        self._by_memory: dict[int, list[torch.Tensor]] = {}
        self._held = False  # whether the user's code has turned gradients off
        self._taken = set(inputs)
        self.marked: dict[int, torch.Tensor] = {}
        self.refused: UntracedError | None = None
        self.has_choices = False
        self._dtypes = {name: tensor.dtype for name, tensor in inputs.items()}
        self._inputs = {id(tensor) for tensor in inputs.values()}
        for name, tensor in inputs.items():
            self.bind(tensor, _as_input(name, tensor))

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, and note what it does."""
        del types
        return self.called(func, name_of_call(func), args, dict(kwargs or {}), self._within)

    def reference(self, tensor: torch.Tensor) -> Syntax:
        """Return the expression that stands for a tensor; an unknown one is a constant."""
        known = self._expressions.get(id(tensor))
        if known is not None and id(tensor) in self.marked and not is_in_custom_forward():
            self._note("a result is marked as not differentiable, and held fixed")
            return syntax.call("detach", known)
        if known is not None:
            return known
        unseen = self._unread.get(id(tensor))
        if unseen is None and leads_to(tensor, self._inputs):
            unseen = (tensor.grad_fn.name() if tensor.grad_fn else "", None)
        if unseen is not None:
            operation, line = unseen
            reason = NotWrittenError("its result has no form in the catalogue")
            raise self.refusal(operation, reason, line)
        shared = self._written_views(tensor)
        self.bind(tensor, self._constant(tensor))
        for other in shared:  # the tensor is a view that was made before anything was written
            self._refresh(tensor, other)
        return self._expressions[id(tensor)]

    def _sharing(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """Return the known tensors that share memory with another one."""
        found = [t for t in self._by_memory.get(storage_of(tensor), ()) if t is not tensor]
        return list({id(t): t for t in found if id(t) in self._expressions}.values())

    def _written_views(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """Return the known tensors that depend on the inputs and of which another is a view.

        Others that share memory are torch's own, as what `autograd.grad` keeps for its use.
        """
        base = base_of(tensor)
        return [
            t
            for t in self._sharing(tensor)
            if base_of(t) is base and not self._is_constant(self._expressions[id(t)])
        ]

    # -- one call

    def called(
        self,
        func: Callable[..., Any],
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        unread: Unread,
    ) -> Any:
        """Call a function, and note what it does; call `unread` if it has no form in the text."""
        if name == "_set_grad_enabled" and not is_in_custom_forward():
            self._held = not args[0]
        if name in DROPOUT:
            return self._dropout(func, args, kwargs)
        renormalized = without_max_norm(func, args, kwargs)
        if renormalized is not None:
            rows, kwargs = renormalized
            args = ()
            with self:
                shorten_rows(**rows)
        target = written_to(name, args, kwargs)
        made = name.endswith("_like") or name.startswith("new_")
        if made:
            self._check_filling(name, (args[1:], tuple(kwargs.values())))
        if made or not (self.depends(args, kwargs) or self._is_seen(target)):
            return self._independent(func, name, args, kwargs)
        if name == "__bool__":
            return self._tested(func, args[0])
        if name in TO_PYTHON:
            self._check_python_value(name, args[0])
            self._note(f"{name.strip('_')} makes a constant of a tensor")
            return func(*args, **kwargs)
        if target is not None:
            return self._write(func, name, target, args, kwargs)
        return self._computed(func, name, args, kwargs, unread)

    def _computed(
        self,
        func: Callable[..., Any],
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        unread: Unread,
    ) -> Any:
        if name == "grad":
            return self._gradient(func, args, kwargs)
        state = torch.random.get_rng_state()
        result = func(*args, **kwargs)
        tensors = list(tensors_in(result))
        if not tensors:
            self.has_choices |= name in TESTS
            return result
        same = name in DETACHING and is_in_custom_forward()  # torch records nothing there anyway
        call = self.call("alias" if same else name, args, kwargs, result)
        try:
            written = translate(call, func)
        except NotWrittenError as error:
            if not any(map(is_real_or_complex, tensors)):
                self._note(f"{name} makes constants of a tensor")
                self.has_choices = True
                return result
            torch.random.set_rng_state(state)
            return unread(func, args, kwargs, error)
        given = list(tensors_in((args, tuple(kwargs.values()))))
        records = torch.is_grad_enabled() and not is_in_custom_forward()
        has_graph = records and any(t.requires_grad for t in given)
        self._define(written, tensors, name, has_graph=has_graph)
        return result

    def _within(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reason: NotWrittenError,
    ) -> Any:
        """Call a function that has no form in the text, and record the operations inside it."""
        from symdiff.tracing.decompositions import decomposed  # noqa: PLC0415

        del reason  # that of the operation inside is reported
        return decomposed(self, func, args, kwargs)

    def _define(
        self,
        written: Syntax | Sequence[Syntax | None],
        tensors: Sequence[torch.Tensor],
        operation: str,
        *,
        has_graph: bool,
    ) -> None:
        """Define the results of a call; torch may leave some of them out of its graph."""
        expressions = [written] if isinstance(written, syntax.Syntax) else list(written)
        for expression, tensor in itertools.zip_longest(expressions, tensors):
            if expression is not None:
                is_out = has_graph and is_real_or_complex(tensor) and not tensor.requires_grad
                written_out = syntax.call("detach", expression) if is_out else expression
                self.add(written_out, tensor, operation)
            elif is_real_or_complex(tensor):
                self._leave_unread(tensor, operation, calling_line())

    def _leave_unread(self, tensor: torch.Tensor, operation: str, line: CodeLine | None) -> None:
        """Note that a tensor has no expression, because an operation at a line has none."""
        self._unread[id(tensor)] = (operation, line)
        self._kept.append(tensor)

    def add(self, expression: Syntax, tensor: torch.Tensor, operation: str) -> None:
        """Define a tensor by an expression; without gradients recorded, as a constant."""
        is_held = self._held or torch.is_inference_mode_enabled()
        if is_held and is_real_or_complex(tensor):
            expression = syntax.call("detach", expression)
        if isinstance(expression, syntax.Name) and not self._rounds(expression.id, tensor):
            self.bind(tensor, expression)
            return
        self.bind(tensor, self._defined(expression, as_reals(tensor.detach()).clone(), operation))

    def _rounds(self, name: str, tensor: torch.Tensor) -> bool:
        """Return whether a tensor is a named value that was converted to a coarser dtype."""
        former = self._dtypes.get(name)
        if former is None or not former.is_floating_point or not tensor.is_floating_point():
            return False
        return bool(torch.finfo(tensor.dtype).eps > torch.finfo(former).eps)

    def _defined(self, expression: Syntax, value: torch.Tensor, operation: str) -> Syntax:
        """Define a name for an expression, and return it."""
        name = self._unused(f"{self._prefix}{len(self.definitions) + 1}")
        self._dtypes[name] = value.dtype
        line, inside = calling_line(), custom_function()
        self.definitions.append(Definition(name, expression, line, operation, value, inside))
        return syntax.name(name)

    def call(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        result: Any,
    ) -> Call:
        """Return a call of torch, for its translation."""

        def define(expression: Syntax, value: torch.Tensor) -> Syntax:
            return self._defined(expression, value, name)

        return Call(name, args, kwargs, result, self.reference, self._indices, define)

    # -- what does not depend on the inputs, and what leaves torch

    def _independent(
        self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if name.strip("_") in RANDOM:
            self._note("random numbers drawn here are constants of this trace")
        given = tensors_in((args, tuple(kwargs.values())))
        sources = [self._unread[id(t)] for t in given if id(t) in self._unread]
        result = func(*args, **kwargs)
        for tensor in tensors_in(result):
            self._expressions.pop(id(tensor), None)
            self._unread.pop(id(tensor), None)
            if sources and tensor.requires_grad:
                self._leave_unread(tensor, *sources[0])
        return result

    def _is_seen(self, target: torch.Tensor | None) -> bool:
        """Return whether a known tensor lies in the memory that a call writes to."""
        return target is not None and bool(self._sharing(target))

    def _check_filling(self, name: str, values: tuple[Any, ...]) -> None:
        """Refuse a number made of a tensor in a custom Function's `forward`, as in full_like."""
        if is_in_custom_forward() and self.depends(values, {}):
            reason = "inside the forward of a custom Function its number is not a constant"
            raise self.refusal(name, NotWrittenError(reason))

    def _check_python_value(self, name: str, tensor: torch.Tensor) -> None:
        """Refuse a real number that leaves torch inside a custom Function's `forward`.

        Elsewhere it is a constant for torch too. There the gradient is that of the whole forward.
        """
        self.has_choices = True
        if is_in_custom_forward() and tensor.is_floating_point():
            reason = "inside the forward of a custom Function its number is not a constant"
            raise self.refusal(name.strip("_"), NotWrittenError(reason))

    def _tested(self, func: Callable[..., Any], tensor: torch.Tensor) -> bool:
        self.has_choices = True
        taken = self._forced.get(len(self.branches), bool(func(tensor)))
        condition = self._expressions.get(id(tensor)) if tensor.dtype == torch.bool else None
        self.branches.append(Branch(condition, taken, calling_line()))
        return taken

    def _gradient(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return gradients that the code computes: constants, if they have no graph themselves."""
        result = func(*args, **kwargs)
        for tensor in tensors_in(result):
            if tensor.grad_fn is not None or is_in_custom_forward():
                self._leave_unread(tensor, "grad", calling_line())
            else:
                self._note("grad makes a constant of a tensor")
        return result

    def _dropout(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return the product with a mask that is drawn once; it draws as dropout itself does."""
        tensor, *others = args
        kwargs = {**kwargs, "inplace": False} if "inplace" in kwargs else kwargs
        state = torch.random.get_rng_state()
        at_zero = func(torch.zeros_like(tensor), *others, **kwargs).detach()
        torch.random.set_rng_state(state)  # alpha dropout adds a number besides
        mask = func(torch.ones_like(tensor), *others, **kwargs).detach() - at_zero
        if (mask == 1).all():
            return self.called(torch.clone, "clone", (tensor,), {}, self._within)
        self._note("random numbers drawn here are constants of this trace")
        product = self.called(torch.mul, "mul", (tensor, mask), {}, self._within)
        if (at_zero == 0).all():
            return product
        return self.called(torch.add, "add", (product, at_zero), {}, self._within)

    def _note(self, text: str) -> None:
        line = calling_line()
        note = f"{line}: {text}" if line else text
        if note not in self.notes:
            self.notes.append(note)

    # -- writing into tensors

    def _write(
        self,
        func: Callable[..., Any],
        name: str,
        target: torch.Tensor,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        if name == SET_DATA:
            return self._set_data(func, *args)
        shared = self._sharing(target)
        if any(t.is_complex() for t in (target, *shared)) and (shared or name == "__setitem__"):
            raise self.refusal(name, NotWrittenError("a write into complex numbers"))
        before = self.reference(target)
        former = target.detach().clone()
        after = func(former.clone(), *args[1:], **kwargs) if name in SHAPING else target
        expression = self._written_value(name, after, before, args, kwargs, former)
        result = func(*args, **kwargs)
        if self._held:
            self._replace_value(target, before, expression, name)
        else:
            self.add(expression, target, name)
        for other in shared:
            self._refresh(other, target)
        return result

    def _set_data(self, func: Callable[..., Any], target: torch.Tensor, data: torch.Tensor) -> None:
        """Note ``target.data = data``: a new value in other memory, and the gradient as before."""
        if target.shape != data.shape:
            reason = NotWrittenError("a new value of a different shape")
            raise self.refusal(SET_DATA, reason)
        before, after = self.reference(target), self.reference(data)
        known = self._by_memory.get(storage_of(target), [])
        known[:] = [t for t in known if t is not target]
        func(target, data)
        self._replace_value(target, before, after, "data")

    def _replace_value(
        self, tensor: torch.Tensor, before: Syntax, after: Syntax, operation: str
    ) -> None:
        """Define a tensor that has a different value, and for torch the gradient that it had.

        x + detach(y - x) has the value y and the derivative of x.
        """
        held, self._held = self._held, False
        change = syntax.call("detach", syntax.binary(syntax.SUBTRACT, after, before))
        self.add(syntax.binary(syntax.ADD, before, change), tensor, operation)
        self._held = held

    def _written_value(
        self,
        name: str,
        target: torch.Tensor,
        before: Syntax,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        former: torch.Tensor,
    ) -> Syntax:
        if name == "__setitem__":
            return self._set_item(target, before, args[1], args[2])
        plain = {key: value for key, value in kwargs.items() if key != "out"}
        arguments = args if "out" in kwargs else (former, *args[1:])
        self.bind(former, before)
        base = name if "out" in kwargs else name.rstrip("_") if not name.startswith("__") else name
        call = self.call(base, arguments, plain, target)
        try:
            written = translate(call, lambda: None)
        except NotWrittenError as error:
            raise self.refusal(name, error) from None
        if not isinstance(written, syntax.Syntax):
            raise self.refusal(name, NotWrittenError("several results"))
        return written

    def _set_item(self, target: torch.Tensor, before: Syntax, key: Any, value: Any) -> Syntax:
        """Return a tensor after ``target[key] = value``."""
        call = self.call("__setitem__", (), {}, target)
        before = _as_number(before, target)
        return call.of_result(self._with_item(call, target, before, key, value))

    def _with_item(
        self, call: Call, target: torch.Tensor, before: Syntax, key: Any, value: Any
    ) -> Syntax:
        parts = index_parts(key)
        is_mask = (
            isinstance(key, torch.Tensor) and key.dtype == torch.bool and key.shape == target.shape
        )
        if is_mask and id(key) in self._expressions and is_number(value):
            return syntax.call("where", self.reference(key), call.number(value), before)
        positions = positions_in(target)[key if not all(map(is_plain, parts)) else parts]
        if isinstance(value, torch.Tensor):
            source = call.number(value)
            if value.shape != positions.shape:
                source = syntax.call("expand", source, syntax.literal(tuple(positions.shape)))
            source = reshaped(source, (positions.numel(),))
        else:
            one = syntax.call("tensor", syntax.listed([call.number(value)]))
            source = syntax.call("expand", one, syntax.literal((positions.numel(),)))
        return put(call, before, positions, source)

    def _refresh(self, other: torch.Tensor, target: torch.Tensor) -> None:
        """Define a tensor again that shares memory with one that was written to."""
        call = self.call("view", (), {}, other)
        mine, theirs = (places_in_memory(t).reshape(-1).tolist() for t in (other, target))
        position = {where: k for k, where in enumerate(theirs)}
        pairs = [(k, position[where]) for k, where in enumerate(mine) if where in position]
        if not pairs:
            return
        to, origin = (torch.tensor(column) for column in zip(*pairs, strict=True))
        source = syntax.call("take", call.number(target), call.indices(origin))
        before = self.reference(other)
        after = call.of_result(put(call, _as_number(before, other), to, source))
        operation = "a write through another view"
        is_unseen = self._held or not target.requires_grad  # under no_grad, or through .data
        if other.requires_grad and is_unseen:
            self._replace_value(other, before, after, operation)
        else:
            self.add(after, other, operation)

    # -- constants

    def _constant(self, tensor: torch.Tensor) -> Syntax:
        if tensor.dtype == torch.bool:
            return syntax.compare(
                syntax.NOT_EQUAL, self._constant(tensor.double()), syntax.literal(0)
            )
        tensor = as_reals(tensor)
        if tensor.numel() == 1 and not tensor.ndim:
            number = tensor.item()
            if not math.isnan(number):
                return syntax.literal(number)
        name = self._unused(f"c{len(self.constants) + 1}")
        whole = not tensor.is_floating_point()
        self.constants[name] = tensor.detach().to(torch.int64 if whole else tensor.dtype).clone()
        return syntax.name(name)

    def _indices(self, value: Any) -> Syntax:
        tensor = torch.as_tensor(
            np.asarray(value) if not isinstance(value, torch.Tensor) else value
        )
        known = self._expressions.get(id(value))
        if isinstance(known, syntax.Name) and known.id in self._taken:
            return known
        self.has_choices = True  # those that the code computes
        known = self._indices_known.get(id(value))
        if known is not None:
            return known
        if tensor.dim() <= 1 and tensor.numel() <= _SHORT:
            return syntax.nested(tensor.tolist())
        name = self._unused(f"c{len(self.constants) + 1}")
        self.constants[name] = tensor.detach().to(torch.int64).clone()
        self._indices_known[id(value)] = syntax.name(name)
        self._kept_values.append(value)
        return syntax.name(name)

    def _is_constant(self, expression: Syntax) -> bool:
        """Return whether an expression has only constants of the trace, which are numbers."""
        names = {n.id for n in ast.walk(expression) if isinstance(n, ast.Name)}
        return names <= set(self.constants)

    def bind(self, tensor: torch.Tensor, expression: Syntax) -> None:
        """Let an expression stand for a tensor."""
        self._expressions[id(tensor)] = expression
        self._kept.append(tensor)
        if storage_of(tensor):
            self._by_memory.setdefault(storage_of(tensor), []).append(tensor)

    def depends(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Return whether an argument is a tensor that depends on the inputs."""
        return any(map(self._is_known, tensors_in((args, tuple(kwargs.values())))))

    def _is_known(self, tensor: torch.Tensor) -> bool:
        if id(tensor) in self._expressions:
            return True
        return bool(self._written_views(tensor))

    def refusal(
        self, operation: str, reason: NotWrittenError, line: CodeLine | None = None
    ) -> UntracedError:
        """Return the error for a call that tracing cannot read; its line is the current one."""
        line = line or calling_line()
        where = f"{line}: " if line else ""
        message = f"{where}{operation} cannot be traced: {reason}"
        error = UntracedError(message, hint="give the formula: symdiff.compare(f, math=...)")
        self.refused = self.refused or error
        return error

    def _unused(self, name: str) -> str:
        """Return a name that no input has."""
        return self._unused(f"{name}_") if name in self._taken else name


def _as_number(written: Syntax, tensor: torch.Tensor) -> Syntax:
    """Return the expression for a tensor as one for numbers: conditions are 1 or 0."""
    return syntax.call("float", written) if tensor.dtype == torch.bool else written


def _as_input(name: str, tensor: torch.Tensor) -> Syntax:
    """Return the expression for an input: one of booleans is a condition on numbers."""
    written = syntax.name(name)
    if tensor.dtype != torch.bool:
        return written
    return syntax.compare(syntax.NOT_EQUAL, written, syntax.literal(0))
