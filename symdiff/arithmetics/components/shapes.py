"""The arithmetic of shapes: check that the tensors of a Program fit together before it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.reading import array_arguments, walk
from symdiff.catalogue import CATALOGUE
from symdiff.catalogue.elements import ShapeMismatchError
from symdiff.errors import ExpressionError, Place
from symdiff.program import Call, Constant, Input, Literal, Program, Setting

Shape = tuple[int, ...]
_Blank = NDArray[np.int8]  # an array that has only a shape: it takes one byte of memory
_MAX_COMPONENTS = 10**8  # components of the largest intermediate result
_MAX_QUOTED = 24  # characters of an argument's text that a message quotes


class _Shapes:
    """Operations on shapes; see `catalogue.elements.Elements`."""

    def shape(self, array: Any) -> Shape:
        return np.shape(array)

    def each(self, function: str, *arguments: Any) -> _Blank:
        del function
        shapes = [np.shape(a) for a in arguments if a is not None and not isinstance(a, str)]
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError:
            message = "these shapes do not broadcast"
            raise ShapeMismatchError(message) from None
        return _blank(shape)

    def total(self, array: Any, axes: Shape, *, keep: bool) -> _Blank:
        shape = np.shape(array)
        if not shape:
            return _blank(())
        kept = [1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes]
        return _blank(tuple(kept))

    def arrange(self, how: Callable[..., Any], *arrays: Any) -> _Blank:
        return _blank(np.shape(how(*(np.asarray(a) for a in arrays))))

    def may_be_infinite(self, array: Any) -> bool:
        del array
        return False

    def product(self, first: Any, second: Any) -> _Blank:
        batch = self.each("multiply", first[..., 0, 0], second[..., 0, 0])
        return _blank((*batch.shape, first.shape[-2], second.shape[-1]))


def _blank(shape: Shape) -> _Blank:
    """Return an array of a shape; raise `ShapeMismatchError` if it is too large."""
    if np.prod(shape, dtype=float) > _MAX_COMPONENTS:
        message = f"a result of shape {shape} has more than {_MAX_COMPONENTS} components"
        raise ShapeMismatchError(message)
    return np.broadcast_to(np.int8(0), shape)


_SHAPES = _Shapes()


def shape_of(
    program: Program, shapes: Mapping[str, Shape], indices: Mapping[str, Any] | None = None
) -> Shape:
    """Return the shape of a program's value.

    Parameters
    ----------
    program
        A tensor program.
    shapes
        The shape of every input; () for a number.
    indices
        The values of the integer inputs that are used as indices.

    Raises
    ------
    ExpressionError
        The shapes do not fit together; the message gives them and the place in the text.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> shape_of(parse("relu(x @ w).sum(dim=0)"), {"x": (64, 1000), "w": (1000, 100)})
    (100,)
    >>> shape_of(parse("x @ w"), {"x": (4, 3), "w": (2, 2)})
    Traceback (most recent call last):
    symdiff.errors.ExpressionError: matmul of x (4, 3) and w (2, 2): the inner dimensions 3
    and 2 are not equal at column 1
        x @ w
        ^^^^^
    """

    def leaf(_: int, node: Literal | Constant | Input) -> Any:
        if not isinstance(node, Input):
            return _blank(())
        integers = (indices or {}).get(node.name)
        return _blank(shapes[node.name]) if integers is None else integers

    def call(index: int, node: Call, arguments: list[Any]) -> Any:
        try:
            value = _apply(node, arguments)
        except (ShapeMismatchError, ValueError, IndexError, TypeError) as error:
            reason = str(error).split("\n", maxsplit=1)[0]
            raise _mismatch(program, index, arguments, reason) from None
        if 0 in np.shape(value):
            reason = f"the result is empty, of shape {np.shape(value)}"
            raise _mismatch(program, index, arguments, reason)
        return value

    shape: Shape = np.shape(walk(program, leaf, call))
    return shape


def _apply(node: Call, arguments: list[Any]) -> Any:
    row = CATALOGUE[node.function]
    if row.array is not None:
        return row.array(_SHAPES, *array_arguments(row, arguments))
    if row.runs_one_branch:
        condition, *branches = map(np.shape, arguments)
        if condition:
            message = "the condition of `if` is a tensor; write where(condition, x, y)"
            raise ShapeMismatchError(message)
        if len(set(branches)) > 1:
            message = "the branches differ in shape; where(condition, x, y) broadcasts them"
            raise ShapeMismatchError(message)
    return _SHAPES.each(row.name, *arguments)


def _mismatch(program: Program, index: int, arguments: list[Any], reason: str) -> ExpressionError:
    """Return the error for a function whose arguments do not fit together."""
    node = program.nodes[index]
    assert isinstance(node, Call)  # noqa: S101  (only a function can fail)
    pairs = zip(node.arguments, arguments, strict=True)
    described = [_described(program, a, value) for a, value in pairs if a is not None]
    tensors = " and ".join(text for text in described if text)
    message = f"{node.function} of {tensors}: {reason}" if tensors else f"{node.function}: {reason}"
    if not program.spans[index]:
        return ExpressionError(message)
    span = program.spans[index][0]
    source = program.sources[span.source]
    place = Place(
        key=None if source.name == "expr" else source.name,
        text=source.text,
        start=span.start,
        end=span.end,
    )
    return ExpressionError(message, place=place)


def _described(program: Program, node: int, value: Any) -> str:
    """Return an argument with its shape, as in ``h_relu (64, 100)``; "" for a setting."""
    if isinstance(program.nodes[node], Setting):
        return ""
    text = program.text_of(node) or "a sub-expression"
    text = text if len(text) <= _MAX_QUOTED else text[: _MAX_QUOTED - 3] + "..."
    if isinstance(value, tuple):
        return " and ".join(f"{np.shape(part)}" for part in value)
    return f"{text} {np.shape(value)}"
