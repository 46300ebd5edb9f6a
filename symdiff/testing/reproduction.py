"""Write lines of Python that make the same assertion again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from symdiff.request.callables import written

_MAX_COMPONENTS: Final = 40  # of a tensor that is written out


def lines(
    fn: Callable[..., Any],
    inputs: Sequence[Any],
    keywords: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> list[str]:
    """Return lines that call `assert_derivatives` again; none if the inputs are long.

    Parameters
    ----------
    fn, inputs, keywords
        The function and its arguments.
    settings
        The other arguments of `assert_derivatives` that are not the default.
    """
    from symdiff.tracing.tensors import tensors_in  # noqa: PLC0415  (loads torch)

    tensors = list(tensors_in((tuple(inputs), tuple(keywords.values()))))
    if any(t.numel() > _MAX_COMPONENTS for t in tensors):
        return []
    named = {**keywords, **settings}
    function = written(fn)
    arguments = [*map(_value, inputs), *(f"{name}={_value(x)}" for name, x in named.items())]
    name, imported = _imported(function.name, function.module)
    call = f"symdiff.assert_derivatives({', '.join([name, *arguments])})"
    where = function.comment
    comment = f"  # {where if where.startswith(name) else f'{name}: {where}'}" if where else ""
    names = [part for part in (imported, "import symdiff, torch") if part]
    return ["To reproduce:", *(f"  {line}" for line in (*names, f"{call}{comment}"))]


def _imported(name: str, module: str | None) -> tuple[str, str]:
    """Return the name to write for a function, and the line that imports it."""
    if module is None:
        return name, ""
    if module == "torch" or module.startswith("torch."):
        return f"{module}.{name}", ""
    return name, f"from {module} import {name.split('.', maxsplit=1)[0]}"


def _value(value: Any) -> str:  # noqa: ANN401  (any argument)
    import torch  # noqa: PLC0415

    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, tuple):
        return f"({''.join(f'{_value(item)}, ' for item in value).strip()})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{k!r}: {_value(v)}' for k, v in value.items())}}}"
    return repr(value)


def _tensor(value: Any) -> str:  # noqa: ANN401  (a torch tensor)
    text = f"torch.tensor({_value(value.tolist())}, dtype={value.dtype})"
    # Nested lists do not tell the shape of a tensor that has no components.
    return text if value.numel() else f"{text}.reshape({tuple(value.shape)})"


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else f"float('{value}')"
