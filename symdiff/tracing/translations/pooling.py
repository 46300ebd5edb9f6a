"""Translations of pooling to rows, without the indices that torch returns besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch

from symdiff.tracing.syntax import call, literal
from symdiff.tracing.translations.call import Call, Translation, Written

_MAX: Final = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVERAGE: Final = (
    "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override",
)  # fmt: skip
_ADAPTIVE: Final = ("output_size", "return_indices")


def _pool(function: str, names: Sequence[str]) -> Translation:
    def translate(c: Call, input: torch.Tensor, *arguments: Any, **keywords: Any) -> Written:
        given = {**dict(zip(names, arguments, strict=False)), **keywords}
        given.pop("return_indices", None)
        sizes = {key: _lengths(input, size) for key, size in given.items()}
        written = {key: literal(size) for key, size in sizes.items() if size not in {None, ()}}
        value = call(function, c.write(input), written.pop(names[0]), **written)
        return value if isinstance(c.result, torch.Tensor) else [value, None]

    return translate


def _lengths(input: torch.Tensor, value: Any) -> Any:
    """Return an argument; None among lengths is that of the input."""
    if not isinstance(value, Sequence):
        return value
    lengths = input.shape[input.ndim - len(value) :]
    return tuple(n if v is None else v for v, n in zip(value, lengths, strict=True))


POOLING: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        f"{function}{suffix}": _pool(function, names)
        for count in (1, 2, 3)
        for function, names, suffixes in (
            (f"max_pool{count}d", _MAX, ("", "_with_indices")),
            (f"avg_pool{count}d", _AVERAGE, ("",)),
            (f"adaptive_avg_pool{count}d", _ADAPTIVE, ("",)),
            (f"adaptive_max_pool{count}d", _ADAPTIVE, ("", "_with_indices")),
        )
        for suffix in suffixes
    }
)
