"""Check a request on tensors: values, shapes, cotangents, a tangent, and the shapes of claims."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from symdiff.arithmetics.arrays import evaluate_tensor
from symdiff.arithmetics.components.shapes import Shape, shape_of
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE, CONSTANTS
from symdiff.engines.base import TensorProblem
from symdiff.errors import ExpressionError, GridError, Place, UsageError, did_you_mean
from symdiff.program import Input, Program, parse
from symdiff.program.values import DTYPES, Dtype, Value, component_name, index_inputs, read_value
from symdiff.request.claims import Claimed, check_inputs
from symdiff.request.parsed import ParsedRequest

TANGENT: Final = "tangent"  # name of the only variable of a JVP
MAX_CALLS: Final = 100  # largest number of calls of `backward` with one cotangent


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TensorRequest:
    """A request on tensors whose values and shapes fit together.

    Attributes
    ----------
    parsed
        The request, with its texts parsed.
    values
        The values of the tensors, by input.
    indices
        The integers of the inputs that are used as indices or classes, by input.
    shapes
        The shapes of all other inputs, by input.
    shape
        The shape of the expression's value.
    wrt
        The inputs to differentiate with respect to.
    cotangents
        The cotangents of the VJPs, in order. None: every component of the value is differentiated.
    tangent
        The tangent vectors of the JVP, by input. None: the derivatives are with respect to `wrt`.
    """

    parsed: ParsedRequest
    values: Mapping[str, Value]
    indices: Mapping[str, Any]
    shapes: Mapping[str, Shape]
    shape: Shape
    wrt: tuple[str, ...]
    cotangents: tuple[Array, ...] | None
    tangent: Mapping[str, Array] | None

    @property
    def accumulate(self) -> int:
        """The number of calls of `backward` with each cotangent."""
        return self.parsed.request.accumulate

    @property
    def scalars(self) -> tuple[str, ...]:
        """The inputs that vary over the grid."""
        inputs = self.parsed.program.inputs
        return tuple(n for n in inputs if n not in self.values)

    @property
    def arrays(self) -> dict[str, Array]:
        """The values that are not used as indices."""
        return {n: v.array for n, v in self.values.items() if n not in self.indices}

    @property
    def is_contracted(self) -> bool:
        """Whether one scalar function is differentiated, not every component of the value."""
        return self.cotangents is not None or not self.shape

    def tensor_problem(self, program: Program, cotangents: Sequence[Array] | None) -> TensorProblem:
        """Return the problem for engines that run whole tensors.

        `cotangents` is None if the value of the program is a number.
        """
        each: Sequence[Array | None] = [None] if cotangents is None else cotangents
        repeated = [c for c in each for _ in range(self.accumulate)]
        return TensorProblem(program, self.values, tuple(repeated), self.tangent, self.shape)


def check_tensors(parsed: ParsedRequest, dtype: Dtype | None = None) -> TensorRequest:
    """Check that the parts of a request on tensors fit together.

    Values, cotangents and tangents are rounded to a dtype that is not None.

    Raises
    ------
    InputError
        A value, a shape, a cotangent or a tangent does not fit.
    """
    program = parsed.program
    programs = (*parsed.programs.values(), *(c.program for c in parsed.claims))
    values = {
        name: _rounded(name, read_value(name, raw), dtype)
        for name, raw in parsed.request.values.items()
    }
    cotangent_program = _cotangent_program(parsed)
    used = {n for p in programs for n in p.inputs}
    used |= set(cotangent_program.inputs if cotangent_program else ())
    for name in values:
        if name not in used:
            message = f"no expression has a variable {name[:40]!r}"
            hint = did_you_mean(name, used) or f"its variables: {', '.join(program.inputs)}"
            hint = f"{name} is a constant" if name in CONSTANTS else hint
            raise UsageError(message, place=Place(key="values"), hint=hint)
        if name in parsed.request.grid or name in (parsed.request.at or {}):
            message = f"{name!r} has both a value and a grid"
            raise GridError(message, hint="keep one")
    used_as_indices = sorted(set().union(*(index_inputs(p) for p in programs)))
    indices = {name: _integers(name, values, programs) for name in used_as_indices}
    shapes = {n: v.shape for n, v in values.items() if n not in indices}
    shapes |= {n: () for n in used if n not in values}
    shape = shape_of(program, shapes, indices)
    for name, other in parsed.spellings.items():
        _check_spelling_shape(name, other, shapes, indices, shape)
    arrays = {n: v.array for n, v in values.items() if n not in indices}
    wrt = tuple(n for n in parsed.variables() if n not in indices)
    for name in wrt:
        if name in values and DTYPES[values[name].dtype].is_integer:
            message = f"{name} is {values[name].dtype}: PyTorch differentiates real numbers"
            raise UsageError(message, place=Place(key="values"), hint="dtype = 'float64'")
    calls = parsed.request.accumulate
    if type(calls) is not int or not 1 <= calls <= MAX_CALLS:
        message = f"accumulate cannot be {calls}"
        raise UsageError(message, hint=f"an integer from 1 to {MAX_CALLS}")
    return TensorRequest(
        parsed=parsed,
        values=values,
        indices=indices,
        shapes=shapes,
        shape=shape,
        wrt=wrt,
        cotangents=_in_dtype(
            _cotangents(parsed, cotangent_program, {**arrays, **indices}, shape), dtype
        ),
        tangent=_tangent(parsed, {n: shapes[n] for n in program.inputs if n not in indices}, dtype),
    )


def _rounded(name: str, value: Value, dtype: Dtype | None) -> Value:
    """Return a value with numbers that a dtype has; integers stay as they are."""
    if dtype is None or DTYPES[value.dtype].is_integer:
        return value
    array = dtype.rounded(value.array)
    beyond = np.isfinite(value.array) & ~np.isfinite(array)
    if beyond.any():
        number = value.array[beyond].flat[0]
        message = f"{number:g} is beyond the largest number of {dtype.name}, {dtype.largest:g}"
        hint = "smaller numbers, or a wider format"
        raise UsageError(message, place=Place(key=f"values {name[:40]}"), hint=hint)
    return dataclasses.replace(value, array=array)


def _in_dtype(
    cotangents: tuple[Array, ...] | None, dtype: Dtype | None
) -> tuple[Array, ...] | None:
    if dtype is None or cotangents is None:
        return cotangents
    return tuple(np.asarray(dtype.rounded(c)) for c in cotangents)


def _integers(name: str, values: Mapping[str, Value], programs: Sequence[Program]) -> Any:  # noqa: ANN401
    """Return the integers of an input that is used as indices or classes."""
    if name not in values or not values[name].is_integral:
        message = f"{name} is used as indices or classes, and needs integers"
        raise UsageError(message, hint=f"values = {{ {name} = [0, 2] }}")
    for program in programs:
        if name in program.inputs and not _is_index_only(name, program):
            message = f"{name} is used both as indices and as numbers"
            raise UsageError(message, hint="use another name for the numbers")
    return values[name].array.astype(np.int64)


def _is_index_only(name: str, program: Program) -> bool:
    """Return whether a program uses an input as indices or classes only."""
    for _, call in program.calls():
        for k, argument in enumerate(call.arguments):
            if argument is None:
                continue
            if program.nodes[argument] != Input(name):
                continue
            row = CATALOGUE[call.function]
            if row.role == "list" or row.parameters[k].kind != "indices":
                return False
    return True


def _check_spelling_shape(
    name: str,
    other: Program,
    shapes: Mapping[str, Shape],
    indices: Mapping[str, Any],
    shape: Shape,
) -> None:
    """Raise an InputError if the value of a spelling differs in shape from the expression's."""
    try:
        other_shape = shape_of(other, shapes, indices)
    except ExpressionError as error:
        raise error.within(key=f"spelling {name}") from None
    if other_shape != shape:
        message = f"spelling {name!r} has shape {other_shape}, and the expression {shape}"
        raise UsageError(message, hint="correct it, or make it a separate entry")


def _cotangent_program(parsed: ParsedRequest) -> Program | None:
    """Return the cotangent as a program if it is an expression, else None."""
    if not isinstance(parsed.request.cotangent, str):
        return None
    names = (*parsed.program.inputs, *parsed.request.values)
    try:
        program = parse(parsed.request.cotangent)
        check_inputs(program, names)
    except ExpressionError as error:
        raise error.within(key="cotangent") from None
    return program


def _cotangents(
    parsed: ParsedRequest,
    program: Program | None,
    values: Mapping[str, Any],
    shape: Shape,
) -> tuple[Array, ...] | None:
    """Return the cotangents of the VJPs, several if the array has an additional first dimension."""
    if parsed.request.cotangent is None:
        return None
    if program is not None:
        if set(program.inputs) - set(values):
            message = "a cotangent cannot depend on variables on a grid"
            raise UsageError(message, place=Place(key="cotangent"), hint="cotangent = [1, 0]")
        array = evaluate_tensor(program, {n: values[n] for n in program.inputs})
        array = np.broadcast_to(array, shape) if array.shape == () else array
    else:
        array = _numbers(parsed.request.cotangent, "cotangent")
    if array.shape == shape:
        return (array,)
    if array.shape[1:] == shape and array.ndim == len(shape) + 1:
        return tuple(array)
    message = f"the cotangent has shape {array.shape}, and the expression {shape}"
    raise UsageError(message, place=Place(key="cotangent"), hint="give it the same shape")


def _numbers(raw: Any, key: str) -> Array:  # noqa: ANN401
    """Return the numbers of a value in the request; errors name the key."""
    try:
        array: Array = read_value(key, raw).array
    except UsageError as error:
        raise UsageError(error.message, place=Place(key=key), hint=error.hint) from None
    if not np.isfinite(array).all():
        message = "every component must be finite"
        raise UsageError(message, place=Place(key=key), hint="only values may be inf, as a mask")
    return array


def _tangent(
    parsed: ParsedRequest, shapes: Mapping[str, Shape], dtype: Dtype | None
) -> dict[str, Array] | None:
    """Return the tangent vectors by input, or None if the request has none."""
    if parsed.request.tangent is None:
        return None
    directions: dict[str, Array] = {}
    for name, raw in parsed.request.tangent.items():
        if name not in shapes:
            hint = did_you_mean(name, shapes) or f"its variables: {', '.join(shapes)}"
            message = f"the expression has no variable {name[:40]!r}"
            raise UsageError(message, place=Place(key="tangent"), hint=hint)
        array = _numbers(raw, f"tangent {name[:40]}")
        if array.shape != shapes[name]:
            message = f"the tangent of {name} has shape {array.shape}, and {name} {shapes[name]}"
            raise UsageError(message, place=Place(key="tangent"), hint="give it the same shape")
        directions[name] = array if dtype is None else np.asarray(dtype.rounded(array))
    if not any(v.any() for v in directions.values()):
        message = "the tangent is zero"
        raise UsageError(message, place=Place(key="tangent"), hint="tangent = { x = [1, 0] }")
    if parsed.claims:
        message = "claims are derivatives with respect to inputs, not along a tangent"
        raise UsageError(message, hint="leave the claims or the tangent out")
    if TANGENT in parsed.program.inputs:
        message = f"a variable cannot be called {TANGENT!r} where a tangent is given"
        raise UsageError(message, hint="give the variable another name")
    return directions


def output_shape_of(request: TensorRequest, claim: Claimed) -> Shape:
    """Return the shape of the outputs that a claim is for; () if it is for one output."""
    return () if request.is_contracted or claim.output is not None else request.shape


def input_shape_of(request: TensorRequest, claim: Claimed) -> Shape:
    """Return the shape of the inputs that a claim is for; () if it is for one component."""
    return () if claim.index is not None else request.shapes[claim.variable]


def is_diagonal(request: TensorRequest, claim: Claimed, shape: Shape) -> bool:
    """Return whether a claim of this shape is the diagonal of a Jacobian."""
    rows = output_shape_of(request, claim)
    return bool(rows) and shape == rows == input_shape_of(request, claim)


def check_shape(request: TensorRequest, claim: Claimed) -> Shape:
    """Return the shape of a claim.

    Raises
    ------
    ExpressionError
        The shapes in the claim do not match, or the derivative has a different shape.
    """
    shape = shape_of(claim.program, request.shapes, request.indices)
    rows, columns = output_shape_of(request, claim), input_shape_of(request, claim)
    if shape == (*rows, *columns) or is_diagonal(request, claim, shape):
        return shape
    rule = "a gradient has the shape of its input"
    if rows:
        rule = f"a Jacobian has the shape {(*rows, *columns)}: the output's, then the input's"
    part = claim.variable if claim.index is None else component_name(claim.variable, claim.index)
    message = f"the claim has shape {shape}, and {part} has {columns}: {rule}"
    raise ExpressionError(message)


def check_indices(request: TensorRequest, claim: Claimed) -> None:
    """Check the multi-indices in the key of a claim.

    Raises
    ------
    UsageError
        The input or the output has no such component.
    """
    shape = request.shapes[claim.variable]
    if claim.index is not None and not _has_index(shape, claim.index):
        message = f"a claim for {claim.key!r}, and {claim.variable} has shape {shape}"
        hint = f"the first is {component_name(claim.variable, (0,) * len(shape))}"
        raise UsageError(message, hint=hint)
    if claim.output is None:
        return
    if request.is_contracted:
        message = f"a claim for {claim.key!r}, and the output is one number"
        raise UsageError(message, hint=f"claims = {{ {claim.variable} = ... }}")
    if not _has_index(request.shape, claim.output):
        message = f"a claim for {claim.key!r}, and the output has shape {request.shape}"
        raise UsageError(message, hint=f"[{','.join('0' * len(request.shape))}]/{claim.variable}")


def _has_index(shape: Shape, index: tuple[int, ...]) -> bool:
    """Return whether a tensor of this shape has a component with this multi-index."""
    return len(index) == len(shape) and all(0 <= k < n for k, n in zip(index, shape, strict=True))
