"""The floating-point formats in which engines may be asked to compute.

A format is a dtype of torch, or mixed: ``autocast-bfloat16`` gives an engine float32, and torch's
autocast computes products of matrices and convolutions in bfloat16.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from symdiff.errors import UsageError, complex_number, did_you_mean
from symdiff.libraries import numpy
from symdiff.program.values import DTYPES, FLOATING_DTYPES, Dtype

_AUTOCAST: Final = ("bfloat16", "float16")  # to which autocast rounds on a CPU
_PLACE: Final = "dtype"  # of the option, in messages


@dataclasses.dataclass(frozen=True, slots=True)
class Format:
    """A floating-point format in which an engine may be asked to compute.

    Attributes
    ----------
    name
        What users type.
    inputs
        The name of the dtype of the inputs, in whose units in the last place numbers are counted.
    products
        The name of the coarser dtype in which autocast computes products of matrices; "": none.
    """

    name: str
    inputs: str
    products: str = ""

    @property
    def dtype(self) -> Dtype:
        """The dtype of the inputs."""
        return DTYPES[self.inputs]

    @property
    def autocast(self) -> Dtype | None:
        """The dtype in which autocast computes some operations, or None."""
        return DTYPES[self.products] if self.products else None

    @property
    def coarsest(self) -> Dtype:
        """The dtype with the fewest bits in which something is computed."""
        return self.autocast or self.dtype


FLOAT64: Final = Format("float64", "float64")
FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        **{name: Format(name, name) for name in FLOATING_DTYPES},
        **{f"autocast-{name}": Format(f"autocast-{name}", "float32", name) for name in _AUTOCAST},
    }
)

# What to type instead of other names.
_OTHERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(["float", "single", "fp32"], "write float32"),
        **dict.fromkeys(["half", "fp16"], "write float16"),
        **dict.fromkeys(["double", "fp64"], "write float64"),
        "bf16": "write bfloat16",
        **dict.fromkeys(["float8", "fp8"], "write float8_e4m3fn or float8_e5m2"),
        **dict.fromkeys(
            ["autocast", "mixed", "amp"], "write autocast-bfloat16 or autocast-float16"
        ),
    }
)


def format_of(name: str) -> Format:
    """Return the format of a name.

    Raises
    ------
    UsageError
        There is no such format.
    """
    if name in FORMATS:
        return FORMATS[name]
    if name.startswith("complex"):
        hint = "torch.complex may stand inside a function of real numbers"
        raise UsageError(complex_number(name), hint=hint)
    message = f"{_PLACE} cannot be {name[:40]!r}"
    known = f"one of {', '.join(FORMATS)}"
    raise UsageError(message, hint=_OTHERS.get(name) or did_you_mean(name, FORMATS) or known)


def read_formats(key: str, value: Any) -> tuple[str, ...]:  # noqa: ANN401  (checked here)
    """Return the names of formats, given as a list, as text with commas, or as a dtype.

    A dtype is one of torch or numpy.

    Raises
    ------
    UsageError
        There is no such format, or the value is something else.

    Examples
    --------
    >>> read_formats("dtype", "float32, bfloat16")
    ('float32', 'bfloat16')
    """
    parts = value if isinstance(value, list | tuple) else (value,)
    texts = [_name_of(part) for part in parts]
    if any(text is None for text in texts):
        message = f"{key} cannot be {str(value)[:40]!r}"
        raise UsageError(message, hint='a list of formats, such as ["float32", "bfloat16"]')
    names = [
        name.strip().removeprefix("torch.")
        for text in texts
        if text is not None
        for name in text.split(",")
    ]
    return tuple(dict.fromkeys(format_of(name).name for name in names))


def _name_of(value: object) -> str | None:
    """Return the name of a format: a text, or a dtype of torch, numpy or JAX; None: neither."""
    if isinstance(value, str):
        return value
    if type(value).__module__ == "torch" and type(value).__name__ == "dtype":
        return str(value)
    try:
        return numpy.dtype(value).name if value is not None else None
    except TypeError:
        return None


def shared(dtypes: Iterable[Dtype]) -> Dtype | None:
    """Return the numbers that several dtypes have in common, as a dtype; None: all doubles.

    Examples
    --------
    >>> both = shared([DTYPES["float16"], DTYPES["bfloat16"]])
    >>> both.name, both.bits, both.largest
    ('float16 and bfloat16', 8, 65280.0)
    """
    found = {dtype.name: dtype for dtype in dtypes if dtype != FLOAT64.dtype}
    if len(found) < 2:
        return next(iter(found.values()), None)
    every = found.values()
    bits = min(dtype.bits for dtype in every)
    normal = max(dtype.smallest_normal for dtype in every)
    smallest = max(dtype.smallest_subnormal for dtype in every)
    names = [a.name for a in every if not any(_within(b, a) for b in every if b is not a)]
    mixed = Dtype(" and ".join(names), bits, normal, smallest)
    largest = min(dtype.largest for dtype in every)
    unit = float(mixed.units(largest))
    mixed = dataclasses.replace(mixed, top=largest // unit * unit)
    return found.get(mixed.name, mixed)


def _within(a: Dtype, b: Dtype) -> bool:
    """Return whether all numbers of a dtype are numbers of another one."""
    return (
        a.bits <= b.bits
        and a.smallest_normal >= b.smallest_normal
        and a.smallest_subnormal >= b.smallest_subnormal
        and a.largest <= b.largest
    )
