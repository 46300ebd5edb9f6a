"""Read a function of torch that has no row, from the operations it consists of inside torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode

from symdiff.tracing import syntax
from symdiff.tracing.agreement import DEVIATIONS, agrees, difference
from symdiff.tracing.syntax import NotWrittenError
from symdiff.tracing.tensors import as_reals, is_real_or_complex, tensors_in
from symdiff.tracing.torch_calls import name_of_call

if TYPE_CHECKING:
    from symdiff.tracing.recorder import Recorder


class _Inside(TorchDispatchMode):  # type: ignore[misc]
    """Notes the operations of ATen that a function runs."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_dispatch__(
        self,
        func: Any,
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one operation of ATen, and note what it does."""
        del types
        name = func._schema.name.rpartition("::")[2]  # noqa: SLF001  (it has no public form)
        return self._recorder.called(func, name, args, dict(kwargs or {}), self._decomposed)

    def _decomposed(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reason: NotWrittenError,
    ) -> Any:
        """Run an operation that has no form in the text by the operations it consists of."""
        with self:
            result = func.decompose(*args, **kwargs)
            if result is NotImplemented and func in decomposition_table:
                result = decomposition_table[func](*args, **kwargs)
        if result is NotImplemented:
            raise self._recorder.refusal(func._schema.name, reason) from None  # noqa: SLF001
        return result


def decomposed(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Call a function, and record the operations inside torch that it consists of.

    Parameters
    ----------
    recorder
        Gets the definitions.
    func, args, kwargs
        The function, and its arguments.

    Raises
    ------
    UsageError
        One of the operations has neither a row nor a decomposition, or torch's decomposition
        computes something else.
    """
    depends_on_graph = any(t.requires_grad for t in tensors_in((args, tuple(kwargs.values()))))
    state = torch.random.get_rng_state()
    result = func(*args, **kwargs)
    after = torch.random.get_rng_state()
    torch.random.set_rng_state(state)
    with torch.no_grad(), _Inside(recorder):
        again = func(*args, **kwargs)
    torch.random.set_rng_state(after)
    for inner, outer in zip(tensors_in(again), tensors_in(result), strict=True):
        _check_decomposition(recorder, func, inner, outer)
        expression = recorder.reference(inner)
        has_graph = torch.is_grad_enabled() and depends_on_graph
        is_out = has_graph and is_real_or_complex(outer) and not outer.requires_grad
        recorder.bind(outer, syntax.call("detach", expression) if is_out else expression)
    return result


def _check_decomposition(
    recorder: Recorder, func: Callable[..., Any], inner: torch.Tensor, outer: torch.Tensor
) -> None:
    """Refuse a function whose decomposition has a value other than that of the function itself."""
    found, expected = as_reals(inner.detach()), as_reals(outer.detach())
    tolerance = DEVIATIONS.get(expected.dtype, DEVIATIONS[torch.float64])
    if agrees(found, expected, tolerance):
        return
    message = (
        f"torch's decomposition of it differs from it: {difference(found, expected, tolerance)}"
    )
    raise recorder.refusal(name_of_call(func), NotWrittenError(message))
