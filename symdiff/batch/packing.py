"""Requests and results as bytes: JSON for small values, raw memory for arrays.

Packed bytes are data only: whatever they say, `unpack` makes objects of the closed list of classes
below and of no others.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.bounds.estimates import FUNCTIONS
from symdiff.comparison.evidence import Evidence, LeftOut, Tensors, Trial
from symdiff.engines.base import Gap, Problem, Samples, TensorProblem, Traits
from symdiff.errors import (
    Crash,
    ExpressionError,
    FileError,
    GridError,
    InputError,
    Lost,
    Place,
    SymdiffError,
    UsageError,
)
from symdiff.grid.grid import Grid, Role
from symdiff.grid.switches import Switch
from symdiff.labels import LabelledEnum
from symdiff.program.differentiation import SecondOrder
from symdiff.program.formats import Format
from symdiff.program.nodes import (
    Call,
    Constant,
    Input,
    Literal,
    Program,
    Setting,
    Source,
    Span,
)
from symdiff.program.values import Value
from symdiff.request.options import Options
from symdiff.request.request import Label, Request
from symdiff.truth.joint import Joint
from symdiff.truth.joints import Joints
from symdiff.truth.kinds import Kind
from symdiff.truth.truths import Certified, Proofs, Truths
from symdiff.verdict.explanations import Explanations
from symdiff.verdict.judge import Judgement
from symdiff.verdict.words import Verdict

Outcome = Evidence | SymdiffError  # the result of comparing one expression

FORMAT: Final = 16  # the version of the packed bytes
_PLAIN: Final = (bool, int, float, str, type(None))
_IS_PLAIN: Final = frozenset(_PLAIN)
_CLASSES: Final = {
    kind.__name__: kind
    for kind in (
        *(Request, Label, Options, Place),
        *(Evidence, LeftOut, Tensors, Trial, Grid, Switch, Problem, Samples),
        *(Truths, Certified, Proofs, Joints, Judgement, Explanations),
        *(
            Traits,
            Gap,
            TensorProblem,
            SecondOrder,
            Value,
            Format,
            Program,
            Call,
            Constant,
            Input,
            Literal,
            Setting,
            Source,
            Span,
        ),
    )
}
# Classes of small and numerous objects: they are written where they are used, not in the table of
# objects.
_INLINE: Final = frozenset({Call, Constant, Input, Literal, Setting, Source, Span})
# Inline classes whose fields are all plain.
_FLAT: Final[Mapping[str, Callable[..., Any]]] = {
    kind.__name__: kind for kind in (Constant, Input, Literal, Source, Span)
}
_FIELDS: Final = {
    kind: tuple(f.name for f in dataclasses.fields(kind) if f.init) for kind in _CLASSES.values()
}
# Columns of codes, by class and field: they are written with the labels of the codes, so that a
# version of symdiff that numbers the labels differently can read them.
_LABELLED: Final[Mapping[tuple[type, str], str]] = {
    (Grid, "roles"): "Role",
    (Proofs, "kinds"): "Kind",
    (Joints, "codes"): "Joint",
    (Judgement, "codes"): "Verdict",
    (Certified, "outside"): "function",
}
_ERRORS: Final = {
    kind.__name__: kind for kind in (InputError, ExpressionError, GridError, FileError, UsageError)
}
_CRASHES: Final = {kind.__name__: kind for kind in (Crash, Lost)}


@functools.cache
def _labels(listing: str) -> Mapping[int, str]:
    """Return the labels by code of one of the enumerations that `_LABELLED` names."""
    if listing == "function":
        return MappingProxyType(dict(enumerate(FUNCTIONS)))
    return MappingProxyType({int(member): member.label for member in _LISTINGS[listing]})


@functools.cache
def _codes(listing: str) -> Mapping[str, int]:
    """Return the codes by label; see `_labels`."""
    return MappingProxyType({label: code for code, label in _labels(listing).items()})


_LISTINGS: Final[Mapping[str, type[LabelledEnum]]] = {
    "Role": Role,
    "Kind": Kind,
    "Joint": Joint,
    "Verdict": Verdict,
}


class PackingError(ValueError):
    """The bytes were not produced by `pack`."""


def pack(value: Any, *, compress: bool = True) -> bytes:  # noqa: ANN401  (of the classes above)
    """Return a value as bytes.

    Parameters
    ----------
    value
        Plain values, containers, arrays, and objects of the classes above.
    compress
        Whether to compress; not worth it for bytes that stay on this machine.

    Raises
    ------
    TypeError
        It has a value of a different type.

    Examples
    --------
    >>> unpack(pack({"slopes": (0.5, float("inf")), "where": Place(line=3)}))
    {'slopes': (0.5, inf), 'where': Place(file=None, line=3, entry=None, ...)}
    """
    writer = _Writer()
    root = writer.write(value)
    columns = [[a.dtype.str, a.shape] for a in writer.arrays]
    head = json.dumps([FORMAT, writer.objects, root, columns], separators=(",", ":")).encode()
    parts = [len(head).to_bytes(8, "little"), head, *(a.tobytes() for a in writer.arrays)]
    return zlib.compress(b"".join(parts), 1 if compress else 0)


def unpack(packed: bytes) -> Any:  # noqa: ANN401
    """Return the value that was packed.

    Raises
    ------
    PackingError
        The bytes are damaged, or have a different format.
    """
    try:
        plain = zlib.decompress(packed)
        length = int.from_bytes(plain[:8], "little")
        form, objects, root, columns = json.loads(plain[8 : 8 + length])
        _check(form)
        reader = _Reader(_arrays(plain[8 + length :], columns))
        for written in objects:
            reader.objects.append(reader.build(written))
        return reader.read(root)
    except PackingError:
        raise
    except (zlib.error, ValueError, TypeError, KeyError, IndexError, AttributeError):
        message = "damaged"
        raise PackingError(message) from None


def _check(form: object) -> None:
    if form != FORMAT:
        message = f"of format {form}, not {FORMAT}"
        raise PackingError(message)


def _arrays(plain: bytes, columns: list[Any]) -> list[np.ndarray]:
    arrays, at = [], 0
    for name, shape in columns:
        dtype = np.dtype(name)
        if dtype.kind not in "biuf" or min(shape, default=0) < 0:
            message = f"damaged: a column of {name}, shape {shape}"
            raise PackingError(message)
        count = math.prod(shape)
        column = np.frombuffer(plain, dtype, count, at).reshape(shape)
        arrays.append(column.copy())
        at += count * dtype.itemsize
    return arrays


class _Writer:
    """Writes values as JSON; an object or array that occurs twice is written once."""

    def __init__(self) -> None:
        self.objects: list[Any] = []
        self.arrays: list[np.ndarray] = []
        # By id: the object, kept alive so that its id is not reused, and what was written.
        self._written: dict[int, tuple[Any, Any]] = {}

    def write(self, value: Any) -> Any:  # noqa: ANN401
        kind = type(value)
        if kind in _IS_PLAIN:
            return value
        if kind is tuple:
            return ["t", *(v if type(v) in _IS_PLAIN else self.write(v) for v in value)]
        if kind in _INLINE:
            fields = [getattr(value, f) for f in _FIELDS[kind]]
            if kind.__name__ in _FLAT:
                return ["f", kind.__name__, *fields]
            return ["i", kind.__name__, *map(self.write, fields)]
        if kind in _FIELDS:
            return self._once(value, lambda: self._object(value))
        return self._other(value)

    def _other(self, value: Any) -> Any:  # noqa: ANN401, PLR0911  (one for each kind)
        if isinstance(value, tuple | list):
            return ["t" if isinstance(value, tuple) else "l", *map(self.write, value)]
        if isinstance(value, np.ndarray):
            return self._once(value, lambda: ["a", self._column(value)])
        if isinstance(value, Mapping):
            return ["d", *([self.write(k), self.write(v)] for k, v in value.items())]
        if isinstance(value, Verdict):
            return ["v", str(value)]
        if isinstance(value, _PLAIN):
            # subclasses such as StrEnum and numpy's float64
            return float(value) if isinstance(value, float) else str(value)
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, Path):
            return ["p", str(value)]
        if isinstance(value, SymdiffError):
            return self._error(value)
        message = f"{type(value).__name__} cannot be packed"
        raise TypeError(message)

    def _once(self, value: Any, write: Callable[[], Any]) -> Any:  # noqa: ANN401
        if id(value) not in self._written:
            self._written[id(value)] = value, write()
        return self._written[id(value)][1]

    def _column(self, array: np.ndarray) -> int:
        self.arrays.append(array)
        return len(self.arrays) - 1

    def _object(self, value: Any) -> Any:  # noqa: ANN401
        kind = type(value)
        written = [
            self._labelled(getattr(value, name), _LABELLED[kind, name])
            if (kind, name) in _LABELLED
            else self.write(getattr(value, name))
            for name in _FIELDS[kind]
        ]
        self.objects.append([type(value).__name__, *written])
        return ["o", len(self.objects) - 1]

    def _labelled(self, codes: np.ndarray, listing: str) -> Any:  # noqa: ANN401
        labels = _labels(listing)
        present = np.flatnonzero(np.bincount(codes)).tolist()
        return ["c", listing, {labels[code]: code for code in present}, self._column(codes)]

    def _error(self, error: SymdiffError) -> Any:  # noqa: ANN401
        if isinstance(error, InputError):
            place = self.write(error.place)
            return ["e", type(error).__name__, error.message, place, error.hint]
        if isinstance(error, Crash):
            return ["e", type(error).__name__, error.where, error.reason, error.name]
        message = f"{type(error).__name__} cannot be packed"
        raise TypeError(message)


class _Reader:
    """Makes values from what `_Writer` wrote."""

    def __init__(self, arrays: list[np.ndarray]) -> None:
        self._arrays = arrays
        self.objects: list[Any] = []

    def build(self, written: list[Any]) -> Any:  # noqa: ANN401
        name, *values = written
        kind = _CLASSES[name]
        return kind(**dict(zip(_FIELDS[kind], self.as_list(values), strict=True)))

    def as_flat(self, rest: list[Any]) -> Any:  # noqa: ANN401
        name, *values = rest
        if list in map(type, values):
            message = f"damaged: a list in a field of {name}"
            raise PackingError(message)
        return _FLAT[name](*values)

    def read(self, written: Any) -> Any:  # noqa: ANN401
        if type(written) is not list:
            return written
        return _READ[written[0]](self, written[1:])

    def as_tuple(self, rest: list[Any]) -> tuple[Any, ...]:
        return tuple(self.as_list(rest))

    def as_list(self, rest: list[Any]) -> list[Any]:
        return [self.read(v) if type(v) is list else v for v in rest]

    def as_dict(self, rest: list[Any]) -> dict[Any, Any]:
        return {self.read(key): self.read(value) for key, value in rest}

    def as_array(self, rest: list[Any]) -> np.ndarray:
        array: np.ndarray = self._arrays[rest[0]]
        return array

    def as_codes(self, rest: list[Any]) -> np.ndarray:
        """Return the codes that the written labels have in this version."""
        listing, written, index = rest
        code_of = _codes(listing)
        unknown = [label for label in written if label not in code_of]
        if unknown:
            message = f"of a different version: it has the {listing.lower()} {unknown[0]!r}"
            raise PackingError(message)
        codes: np.ndarray = self._arrays[index]
        if all(code_of[label] == code for label, code in written.items()):
            return codes
        table = np.zeros(1 + max(written.values()), dtype=codes.dtype)
        for label, code in written.items():
            table[code] = code_of[label]
        renumbered: np.ndarray = table[codes]
        return renumbered

    def as_object(self, rest: list[Any]) -> Any:  # noqa: ANN401
        return self.objects[rest[0]]

    def as_inline(self, rest: list[Any]) -> Any:  # noqa: ANN401
        return self.build(rest)

    def as_verdict(self, rest: list[Any]) -> Verdict:
        return Verdict.of(rest[0])

    def as_path(self, rest: list[Any]) -> Path:
        return Path(rest[0])

    def as_error(self, rest: list[Any]) -> SymdiffError:
        name, first, *others = rest
        if name in _CRASHES:
            return _CRASHES[name](first, *others)
        place, hint = others
        return _ERRORS[name](first, place=self.read(place), hint=hint)


_READ: Final[Mapping[str, Callable[[_Reader, list[Any]], Any]]] = {
    "t": _Reader.as_tuple,
    "l": _Reader.as_list,
    "d": _Reader.as_dict,
    "a": _Reader.as_array,
    "f": _Reader.as_flat,
    "i": _Reader.as_inline,
    "c": _Reader.as_codes,
    "o": _Reader.as_object,
    "v": _Reader.as_verdict,
    "p": _Reader.as_path,
    "e": _Reader.as_error,
}
