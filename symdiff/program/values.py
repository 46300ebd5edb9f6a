"""Values of tensors: nested lists, arrays, and random data by shape and seed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from symdiff.catalogue import CATALOGUE
from symdiff.errors import Place, UsageError, describe, did_you_mean
from symdiff.libraries import numpy
from symdiff.program.nodes import Input, Program

MAX_SIZE: Final = 10_000_000  # components of one tensor
MAX_DIMENSIONS: Final = 8
_LARGEST_SCALE: Final = 1e300
_LARGEST_INTEGER: Final = 2**53  # that every double below holds exactly
DTYPES: Final = ("float64", "float32", "float16", "int64")
_RANDOM_KEYS: Final = frozenset({"shape", "seed", "dtype", "scale"})
_EXAMPLE: Final = "w = [[1, 2], [3, 4]], or w = { shape = [64, 10], seed = 0 }"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Value:
    """The value of a tensor.

    Attributes
    ----------
    array
        Doubles, or integers of 64 bits.
    dtype
        What torch has it in: one of `DTYPES`.
    """

    array: Any
    dtype: str = "float64"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape; () for a number."""
        return tuple(self.array.shape)

    @property
    def is_integral(self) -> bool:
        """Whether every component is an integer."""
        return bool((self.array == numpy.round(self.array)).all())


def read_value(name: str, given: Any) -> Value:  # noqa: ANN401  (checked here)
    """Read the value of one tensor.

    Parameters
    ----------
    name
        The variable.
    given
        A number or nested lists of numbers, an array, or a mapping: `shape` and `seed` (and
        `scale`) for normal random numbers, or `data`; and `dtype`.

    Raises
    ------
    UsageError
        It is none of these, ragged, too large, or holds a number that is not finite.

    Examples
    --------
    >>> read_value("w", [[1, 2], [3, 4]]).shape
    (2, 2)
    >>> read_value("w", {"shape": [2, 3], "seed": 0}).array.round(2).tolist()
    [[0.13, -0.13, 0.64], [0.1, -0.54, 0.36]]
    """
    try:
        return _read(given)
    except UsageError as error:
        place = Place(key=f"values {name[:40]}")
        raise UsageError(error.message, place=place, hint=error.hint) from None


def _read(given: Any) -> Value:  # noqa: ANN401
    if isinstance(given, Value):
        return given
    if isinstance(given, Mapping):
        return _described(given)
    if hasattr(given, "detach"):  # torch's tensor
        dtype = str(given.dtype).removeprefix("torch.")
        try:
            array = given.detach().double().cpu().numpy()
        except (TypeError, RuntimeError) as error:
            message = f"this tensor has no plain numbers: {describe(error)}"
            raise UsageError(message, hint="x.to_dense(), or a list of numbers") from None
        return _typed(_checked(array), dtype)
    if hasattr(given, "__array__"):
        array = numpy.asarray(given)
        if array.dtype.kind not in "iuf":
            message = f"an array of {array.dtype} holds no real numbers"
            raise UsageError(message, hint="array.astype(float)")
        if array.ndim > MAX_DIMENSIONS:
            message = f"more than {MAX_DIMENSIONS} dimensions"
            raise UsageError(message, hint=_EXAMPLE)
        dtype = str(array.dtype) if str(array.dtype) in DTYPES else "float64"
        return _typed(_checked(array), dtype)
    _check_nesting(given)
    return Value(_checked(given))


def _described(given: Mapping[str, Any]) -> Value:
    dtype = given.get("dtype", "float64")
    if "data" in given:
        unknown = set(given) - {"data", "dtype"}
        inner = _read(given["data"])
        value, dtype = inner.array, given.get("dtype", inner.dtype)
    else:
        unknown = set(given) - _RANDOM_KEYS
        value = _random(given)
    if unknown:
        key = min(map(str, unknown))
        message = f"unknown key {key[:40]!r}"
        hint = did_you_mean(key, {*_RANDOM_KEYS, "data"} - {key}) or _EXAMPLE
        raise UsageError(message, hint="data stands with dtype only" if "data" in given else hint)
    return _typed(value, dtype)


def _random(given: Mapping[str, Any]) -> Any:  # noqa: ANN401  (doubles)
    shape: Any = given.get("shape")
    seed, scale = given.get("seed", 0), given.get("scale", 1.0)
    is_shape = isinstance(shape, Sequence) and not isinstance(shape, str)
    if not is_shape or not all(_is_integer(n) and n > 0 for n in shape):
        message = "a shape is a list of integers from 1 on"
        raise UsageError(message, hint=_EXAMPLE)
    if len(shape) > MAX_DIMENSIONS or math.prod(shape) > MAX_SIZE:
        message = f"the shape {list(shape)[:9]} is too large: at most {MAX_SIZE} components"
        raise UsageError(message, hint=_EXAMPLE)
    if not _is_integer(seed) or seed < 0:
        message = "a seed is an integer from 0 on"
        raise UsageError(message, hint=_EXAMPLE)
    is_number = isinstance(scale, int | float) and not isinstance(scale, bool)
    if not is_number or not abs(scale) <= _LARGEST_SCALE:
        message = f"scale is a number up to {_LARGEST_SCALE:g}"
        raise UsageError(message, hint="x = { shape = [2], seed = 0, scale = 0.1 }")
    return numpy.random.default_rng(seed).standard_normal(tuple(shape)) * scale


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_real(value: object) -> bool:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain or isinstance(value, numpy.integer | numpy.floating)


def _check_nesting(given: Any, depth: int = 0) -> None:  # noqa: ANN401
    if isinstance(given, list | tuple):
        if depth >= MAX_DIMENSIONS:
            message = f"more than {MAX_DIMENSIONS} lists inside one another"
            raise UsageError(message, hint=_EXAMPLE)
        for item in given:
            _check_nesting(item, depth + 1)
    elif not _is_real(given):
        message = f"{str(given)[:40]!r} is not a number"
        raise UsageError(message, hint=_EXAMPLE)


def _checked(given: Any) -> Any:  # noqa: ANN401  (doubles)
    try:
        array = numpy.array(given, dtype=numpy.float64)
    except OverflowError:
        message = "a number is too large for a double"
        raise UsageError(message, hint=_EXAMPLE) from None
    except (ValueError, TypeError):
        message = "its lists have different lengths, or hold something else than numbers"
        raise UsageError(message, hint=_EXAMPLE) from None
    if not 1 <= array.size <= MAX_SIZE:
        message = f"a tensor has 1 to {MAX_SIZE} components, not {array.size}"
        raise UsageError(message, hint=_EXAMPLE)
    if not numpy.isfinite(array).all():
        message = "every component must be finite"
        raise UsageError(message, hint=_EXAMPLE)
    return array


def _typed(array: Any, dtype: Any) -> Value:  # noqa: ANN401
    if dtype not in DTYPES:
        message = f"unknown dtype {str(dtype)[:40]!r}"
        raise UsageError(message, hint=f"dtypes: {', '.join(DTYPES)}")
    if dtype == "int64" and (numpy.abs(array) > _LARGEST_INTEGER).any():
        message = f"an integer beyond {_LARGEST_INTEGER}"
        raise UsageError(message, hint="integers stand for places: smaller ones")
    with numpy.errstate(over="ignore"):
        rounded = array.astype(dtype).astype(numpy.float64)
    if not numpy.isfinite(rounded).all():
        message = f"a component is too large for {dtype}"
        raise UsageError(message, hint=_EXAMPLE)
    return Value(rounded, dtype)


def uses_tensors(program: Program) -> bool:
    """Tell whether a program has a function that does not go component by component."""
    return any(CATALOGUE[call.function].array is not None for _, call in program.calls())


def index_inputs(program: Program) -> frozenset[str]:
    """Return the inputs that stand where integers are wanted: targets, places.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> sorted(index_inputs(parse("cross_entropy(z, t)")))
    ['t']
    """
    found: set[str] = set()
    for _, call in program.calls():
        parameters = CATALOGUE[call.function].parameters
        for parameter, argument in zip(parameters, call.arguments, strict=False):
            node = None if argument is None else program.nodes[argument]
            if parameter.kind == "indices" and isinstance(node, Input):
                found.add(node.name)
    return frozenset(found)


def component_name(name: str, place: Sequence[int]) -> str:
    """Return the name of a component.

    Examples
    --------
    >>> component_name("w1", (2, 1)), component_name("c", ())
    ('w1[2,1]', 'c')
    """
    return f"{name}[{','.join(map(str, place))}]" if len(place) else name


def component_names(name: str, shape: tuple[int, ...]) -> Iterator[str]:
    """Yield the names of all components of a tensor, the last dimension fastest."""
    return (component_name(name, place) for place in numpy.ndindex(*shape))
