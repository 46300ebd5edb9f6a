"""Translations of convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from symdiff.tracing.syntax import NotWrittenError, Syntax, call, index, listed, literal
from symdiff.tracing.translations.call import Call, Translation


def _convolution(count: int) -> Translation:
    def translate(
        c: Call,
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Syntax:
        kernel = tuple(weight.shape[2:])
        sizes = dilation if isinstance(dilation, Sequence) else (dilation,) * count
        x = c.write(input)
        if padding == "valid":
            padding = 0
        elif padding == "same":
            total = [d * (k - 1) for d, k in zip(sizes, kernel, strict=True)]
            if any(n % 2 for n in total):
                message = "a convolution with padding 'same' and a kernel of even length"
                raise NotWrittenError(message)
            padding = tuple(n // 2 for n in total)
        settings = {
            "stride": literal(stride),
            "padding": literal(padding),
            "dilation": literal(dilation),
        }
        if groups == 1:
            parts = [
                call(
                    f"conv{count}d",
                    x,
                    c.write(weight),
                    *([] if bias is None else [c.write(bias)]),
                    **settings,
                )
            ]
        else:
            axis = 1 if input.ndim == count + 2 else 0
            inside, outside = weight.shape[1], weight.shape[0] // groups
            parts = []
            for g in range(groups):
                channels = index(x, (*[slice(None)] * axis, slice(g * inside, (g + 1) * inside)))
                rows = slice(g * outside, (g + 1) * outside)
                biases = [] if bias is None else [index(c.write(bias), (rows,))]
                parts.append(
                    call(
                        f"conv{count}d",
                        channels,
                        index(c.write(weight), (rows,)),
                        *biases,
                        **settings,
                    )
                )
        return parts[0] if len(parts) == 1 else call("cat", listed(parts), dim=literal(-count - 1))

    return translate


CONVOLUTIONS: Final[Mapping[str, Translation]] = MappingProxyType(
    {f"conv{n}d": _convolution(n) for n in (1, 2)}
)
