"""Values of tensors, from nested lists, arrays, or a shape and a seed for random numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from symdiff.catalogue import CATALOGUE
from symdiff.errors import Place, UsageError, complex_number, describe, did_you_mean
from symdiff.libraries import numpy
from symdiff.program.nodes import Input, Program

MAX_SIZE: Final = 10_000_000  # components of one tensor
MAX_DIMENSIONS: Final = 8  # dimensions of one tensor
_LARGEST_SCALE: Final = 1e300  # factor of random numbers; larger ones would overflow
_LARGEST_INTEGER: Final = 2**53  # all integers up to this one are doubles
_RANDOM_KEYS: Final = frozenset({"shape", "seed", "dtype", "scale"})
_EXAMPLE: Final = "w = [[1, 2], [3, 4]], or w = { shape = [64, 10], seed = 0 }"


@dataclasses.dataclass(frozen=True, slots=True)
class Dtype:
    """A dtype: of torch, or of an engine alone.

    Attributes
    ----------
    name
        The name in torch.
    bits
        Bits of the significand with the leading one: the relative rounding error of a normal
        number is at most 2**-bits.
    smallest_normal, smallest_subnormal
        The smallest positive normal number, and the smallest positive number.
    is_integer
        Whether the numbers are integers, for which PyTorch has no gradients.
    flushes
        Whether an engine computes with 0 in place of subnormal numbers; no tensor has this dtype.
    top
        The largest finite number where IEEE 754 does not say it; 0: it does.
    """

    name: str
    bits: int
    smallest_normal: float
    smallest_subnormal: float
    is_integer: bool = False
    flushes: bool = False
    top: float = 0.0

    @property
    def largest(self) -> float:
        """The largest finite number; in IEEE 754 the exponents are 1 - e to e for some e."""
        if self.top:
            return self.top
        if not self.smallest_normal:  # any exponent
            return math.inf
        return (2 - 2.0 ** (1 - self.bits)) * (2 / self.smallest_normal)

    def spacing(self, size: float) -> float:
        """Return a bound of the distance of a number of this size to the next one.

        Examples
        --------
        >>> DTYPES["float32"].spacing(1.0) == 2.0**-23
        True
        >>> DTYPES["float64"].spacing(1e-320)  # a subnormal number
        5e-324
        """
        return float(max(size * 2.0 ** (1 - self.bits), self.smallest_subnormal))

    def units(self, sizes: Any) -> Any:  # noqa: ANN401  (doubles)
        """Return the distances of numbers of these sizes to the next larger ones.

        Examples
        --------
        >>> DTYPES["bfloat16"].units(numpy.array([1.0, 3.0, 0.0])).tolist()
        [0.0078125, 0.015625, 9.183549615799121e-41]
        """
        _, exponents = numpy.frexp(sizes)
        units = numpy.ldexp(1.0, exponents - self.bits)
        return numpy.where(
            numpy.equal(sizes, 0),
            self.smallest_subnormal,
            numpy.maximum(units, self.smallest_subnormal),
        )

    def beside(self, numbers: Any, *, above: bool) -> Any:  # noqa: ANN401  (doubles)
        """Return the next larger or the next smaller numbers of this type.

        Examples
        --------
        >>> DTYPES["float16"].beside(numpy.array([1.0, 0.0]), above=False).tolist()
        [0.99951171875, -5.960464477539063e-08]
        """
        outwards = numpy.greater_equal(numbers, 0) == above
        units = self.units(numbers)
        mantissas, _ = numpy.frexp(numpy.abs(numbers))
        halved = ~outwards & (mantissas == 0.5) & (units > self.smallest_subnormal)
        units = numpy.where(halved, units / 2, units)
        return numbers + units if above else numbers - units

    def rounded(self, array: Any) -> Any:  # noqa: ANN401  (doubles)
        """Return the nearest numbers of this type, ties to even, as doubles.

        Numbers beyond `largest` become infinite. Integers are truncated towards zero.

        Examples
        --------
        >>> float32, int64 = DTYPES["float32"], DTYPES["int64"]
        >>> float32.rounded(numpy.array([0.1, 1e39])).tolist()
        [0.10000000149011612, inf]
        >>> int64.rounded(numpy.array([-1.5])).tolist()
        [-1.0]
        """
        if self.is_integer:
            return numpy.asarray(numpy.trunc(array) + 0.0)  # not -0.0
        if self == DTYPES["float64"]:
            return array
        if self.flushes:
            own = self.smallest_normal * 2.0 ** (1 - self.bits)
            base = dataclasses.replace(self, smallest_subnormal=own, flushes=False)
            nearest = base.rounded(array)
            is_subnormal = abs(nearest) < self.smallest_normal
            return numpy.where(is_subnormal, numpy.copysign(0.0, array), nearest)
        steps = self.units(array)
        with numpy.errstate(invalid="ignore", over="ignore"):  # inf stays inf
            nearest = numpy.where(numpy.isinf(array), array, numpy.rint(array / steps) * steps)
        return numpy.where(abs(nearest) > self.largest, numpy.copysign(math.inf, array), nearest)


# Every dtype: a new one is a row here.
DTYPES: Final[Mapping[str, Dtype]] = MappingProxyType(
    {
        dtype.name: dtype
        for dtype in (
            Dtype("float64", 53, 2.0**-1022, 2.0**-1074),
            Dtype("float32", 24, 2.0**-126, 2.0**-149),
            Dtype("float16", 11, 2.0**-14, 2.0**-24),
            Dtype("bfloat16", 8, 2.0**-126, 2.0**-133),
            # Micikevicius et al. 2022, "FP8 formats for deep learning": not in IEEE 754.
            Dtype("float8_e4m3fn", 4, 2.0**-6, 2.0**-9, top=448.0),
            Dtype("float8_e5m2", 3, 2.0**-14, 2.0**-16),
            Dtype("int64", 63, 1.0, 1.0, is_integer=True),
            # Of XLA on a CPU: the unit of what rounding may add is that of the normal numbers.
            Dtype("float64 without subnormals", 53, 2.0**-1022, 2.0**-1022, flushes=True),
            Dtype("float32 without subnormals", 24, 2.0**-126, 2.0**-126, flushes=True),
            Dtype("float16 without subnormals", 11, 2.0**-14, 2.0**-14, flushes=True),
            Dtype("bfloat16 without subnormals", 8, 2.0**-126, 2.0**-126, flushes=True),
        )
    }
)


def tensor_dtypes() -> tuple[str, ...]:
    """Return the names of the dtypes that tensors have.

    Examples
    --------
    >>> "float32" in tensor_dtypes(), "float64 without subnormals" in tensor_dtypes()
    (True, False)
    """
    return tuple(name for name, dtype in DTYPES.items() if not dtype.flushes)


FLOATING_DTYPES: Final = tuple(name for name in tensor_dtypes() if not DTYPES[name].is_integer)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Value:
    """The value of a tensor.

    Attributes
    ----------
    array
        The components as doubles.
    dtype
        The dtype of the tensor in torch: one of `tensor_dtypes`.
    """

    array: Any
    dtype: str = "float64"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the tensor; () for a number."""
        return tuple(self.array.shape)

    @property
    def is_integral(self) -> bool:
        """Whether every component is an integer."""
        return bool((self.array == numpy.round(self.array)).all())


def read_value(name: str, data: Any) -> Value:  # noqa: ANN401  (checked here)
    """Read the value of one tensor.

    Parameters
    ----------
    name
        The name of the variable, for messages.
    data
        A number, nested lists of numbers, an array, a tensor of torch, or a mapping. The mapping
        has `shape`, `seed` and `scale` for normal random numbers, or `data`; and `dtype`.

    Raises
    ------
    UsageError
        `data` has a different type, is ragged or too large, or has a component that is not finite.

    Examples
    --------
    >>> read_value("w", [[1, 2], [3, 4]]).shape
    (2, 2)
    >>> read_value("w", {"shape": [2, 3], "seed": 0}).array.round(2).tolist()
    [[0.13, -0.13, 0.64], [0.1, -0.54, 0.36]]
    """
    try:
        return _read(data)
    except UsageError as error:
        place = Place(key=f"values {name[:40]}")
        raise UsageError(error.message, place=place, hint=error.hint) from None


def _read(data: Any) -> Value:  # noqa: ANN401
    if isinstance(data, Value):
        return data
    if isinstance(data, Mapping):
        return _read_mapping(data)
    if hasattr(data, "detach"):  # a tensor of torch
        dtype = str(data.dtype).removeprefix("torch.")
        _check_real(dtype)
        try:
            array = data.detach().double().cpu().numpy()
        except (TypeError, RuntimeError) as error:
            message = f"this tensor cannot be converted to an array: {describe(error)}"
            raise UsageError(message, hint="x.to_dense(), or a list of numbers") from None
        return _typed(_checked(array), dtype)
    if hasattr(data, "__array__"):
        array = numpy.asarray(data)
        _check_real(array.dtype.name)
        if array.dtype.kind not in "iuf":
            message = f"an array of dtype {array.dtype} does not contain real numbers"
            raise UsageError(message, hint="array.astype(float)")
        if array.ndim > MAX_DIMENSIONS:
            message = f"more than {MAX_DIMENSIONS} dimensions"
            raise UsageError(message, hint=_EXAMPLE)
        if array.dtype.name not in tensor_dtypes():
            message = f"an array of dtype {array.dtype.name} cannot be the value of a tensor"
            hint = f'array.astype("float64"); dtypes: {", ".join(tensor_dtypes())}'
            raise UsageError(message, hint=hint)
        return _typed(_checked(array), array.dtype.name)
    _check_nesting(data)
    return Value(_checked(data))


def _read_mapping(mapping: Mapping[str, Any]) -> Value:
    dtype = mapping.get("dtype", "float64")
    if "data" in mapping:
        unknown = set(mapping) - {"data", "dtype"}
        inner = _read(mapping["data"])
        array, dtype = inner.array, mapping.get("dtype", inner.dtype)
    else:
        unknown = set(mapping) - _RANDOM_KEYS
        array = _random(mapping)
    if unknown:
        key = min(map(str, unknown))
        message = f"unknown key {key[:40]!r}"
        hint = did_you_mean(key, {*_RANDOM_KEYS, "data"} - {key}) or _EXAMPLE
        hint = "data may be combined with dtype only" if "data" in mapping else hint
        raise UsageError(message, hint=hint)
    return _typed(array, dtype)


def _random(mapping: Mapping[str, Any]) -> Any:  # noqa: ANN401  (doubles)
    shape: Any = mapping.get("shape")
    seed, scale = mapping.get("seed", 0), mapping.get("scale", 1.0)
    is_shape = isinstance(shape, Sequence) and not isinstance(shape, str)
    if not is_shape or not all(_is_integer(n) and n > 0 for n in shape):
        message = "shape must be a list of positive integers"
        raise UsageError(message, hint=_EXAMPLE)
    if len(shape) > MAX_DIMENSIONS or math.prod(shape) > MAX_SIZE:
        limits = f"at most {MAX_SIZE} components and {MAX_DIMENSIONS} dimensions"
        message = f"the shape {list(shape)[:9]} is too large: {limits}"
        raise UsageError(message, hint=_EXAMPLE)
    if not _is_integer(seed) or seed < 0:
        message = "seed must be an integer of at least 0"
        raise UsageError(message, hint=_EXAMPLE)
    is_number = isinstance(scale, int | float) and not isinstance(scale, bool)
    if not is_number or not abs(scale) <= _LARGEST_SCALE:
        message = f"scale must be a number between -{_LARGEST_SCALE:g} and {_LARGEST_SCALE:g}"
        raise UsageError(message, hint="x = { shape = [2], seed = 0, scale = 0.1 }")
    return numpy.random.default_rng(seed).standard_normal(tuple(shape)) * scale


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_real(value: object) -> bool:
    is_python_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_python_number or isinstance(value, numpy.integer | numpy.floating)


def _check_nesting(data: Any, depth: int = 0) -> None:  # noqa: ANN401
    if isinstance(data, list | tuple):
        if depth >= MAX_DIMENSIONS:
            message = f"more than {MAX_DIMENSIONS} nested lists"
            raise UsageError(message, hint=_EXAMPLE)
        for item in data:
            _check_nesting(item, depth + 1)
    elif isinstance(data, complex):
        raise UsageError(complex_number(str(data)), hint=_TWO_REAL)
    elif not _is_real(data):
        message = f"{str(data)[:40]!r} is not a number"
        raise UsageError(message, hint=_EXAMPLE)


def _checked(data: Any) -> Any:  # noqa: ANN401  (doubles)
    try:
        array = numpy.array(data, dtype=numpy.float64)
    except OverflowError:
        message = "a number is too large for a double"
        raise UsageError(message, hint=_EXAMPLE) from None
    except (ValueError, TypeError):
        message = "the lists have different lengths, or an item is not a number"
        raise UsageError(message, hint=_EXAMPLE) from None
    if not 1 <= array.size <= MAX_SIZE:
        message = f"a tensor must have 1 to {MAX_SIZE} components, not {array.size}"
        raise UsageError(message, hint=_EXAMPLE)
    if numpy.isnan(array).any():
        message = "a component is not a number"
        raise UsageError(message, hint="numbers, or inf and -inf, e.g. for a mask")
    return array


_TWO_REAL: Final = "two real inputs, and torch.complex inside a function"


def _check_real(dtype: object) -> None:
    if isinstance(dtype, str) and dtype.startswith("complex"):
        raise UsageError(complex_number(dtype), hint=_TWO_REAL)


def _typed(array: Any, dtype: Any) -> Value:  # noqa: ANN401
    _check_real(dtype)
    if not isinstance(dtype, str) or dtype not in tensor_dtypes():
        message = f"unknown dtype {str(dtype)[:40]!r}"
        raise UsageError(message, hint=f"dtypes: {', '.join(tensor_dtypes())}")
    if DTYPES[dtype].is_integer and (numpy.abs(array) > _LARGEST_INTEGER).any():
        message = f"an integer is larger than {_LARGEST_INTEGER}"
        raise UsageError(message, hint=f"{dtype} is for indices: use smaller integers")
    rounded = DTYPES[dtype].rounded(array)
    if not numpy.isfinite(rounded[numpy.isfinite(array)]).all():
        message = f"a component is too large for {dtype}"
        raise UsageError(message, hint=_EXAMPLE)
    return Value(rounded, dtype)


def uses_tensors(program: Program) -> bool:
    """Return whether a program calls a function that is not applied elementwise."""
    return any(CATALOGUE[call.function].array is not None for _, call in program.calls())


def index_inputs(program: Program) -> frozenset[str]:
    """Return the inputs that are used as indices: class targets, the index of `gather`.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> sorted(index_inputs(parse("cross_entropy(z, t)")))
    ['t']
    """
    names: set[str] = set()
    for _, call in program.calls():
        parameters = CATALOGUE[call.function].parameters
        for parameter, argument in zip(parameters, call.arguments, strict=False):
            node = None if argument is None else program.nodes[argument]
            if parameter.kind == "indices" and isinstance(node, Input):
                names.add(node.name)
    return frozenset(names)


def component_name(name: str, multi_index: Sequence[int]) -> str:
    """Return the name of one component of a tensor.

    Examples
    --------
    >>> component_name("w1", (2, 1)), component_name("c", ())
    ('w1[2,1]', 'c')
    """
    return f"{name}[{','.join(map(str, multi_index))}]" if len(multi_index) else name


def component_names(name: str, shape: tuple[int, ...]) -> Iterator[str]:
    """Yield the names of all components of a tensor in row-major order."""
    return (component_name(name, multi_index) for multi_index in numpy.ndindex(*shape))
