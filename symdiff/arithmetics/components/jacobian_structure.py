"""Describe the sparsity of a Jacobian: diagonal, block-diagonal over a batch, dense."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from symdiff.arithmetics.components.dependence import dependence
from symdiff.program import Program

_LARGEST: Final = 10**8  # entries of the largest Jacobian that is analysed
_LONGEST: Final = 20_000  # rows of the longest Jacobian that is analysed


def structure(
    program: Program,
    variable: str,
    shapes: Mapping[str, tuple[int, ...]],
    indices: Mapping[str, Any],
    shape: tuple[int, ...],
) -> str:
    """Describe the structure of the Jacobian with respect to one input, whatever the values.

    Parameters
    ----------
    program
        A tensor program.
    variable
        The input.
    shapes
        The shape of every input.
    indices
        The values of the integer inputs that are used as indices.
    shape
        The shape of the program's value.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> structure(parse("relu(x)"), "x", {"x": (3,)}, {}, (3,))
    '3 x 3, diagonal'
    >>> structure(parse("softmax(x, dim=1)"), "x", {"x": (64, 10)}, {}, (64, 10))
    '640 x 640, 64 blocks of 10 x 10 on the diagonal'
    """
    rows, columns = math.prod(shape), math.prod(shapes[variable])
    size = f"{rows} x {columns}"
    if rows * columns > _LARGEST or rows > _LONGEST:
        return f"{size}, too large to analyse its structure"
    sets = dependence(program, variable, shapes, indices).reshape(-1)
    return f"{size}, {_sparsity(list(sets), columns, shape, shapes[variable])}"


def _sparsity(
    rows: list[int], columns: int, shape: tuple[int, ...], input_shape: tuple[int, ...]
) -> str:
    """Describe the sparsity of a Jacobian; bit k of a row is set if column k may be nonzero."""
    entries = sum(row.bit_count() for row in rows)
    if not entries:
        return "zero"
    blocks = _blocks(rows, columns, shape, input_shape)
    if len(rows) == columns and all(not row & ~(1 << k) for k, row in enumerate(rows)):
        return f"diagonal, {blocks}" if len(shape) > 1 and blocks else "diagonal"
    if entries == len(rows) * columns:
        return "dense"
    return blocks or f"{entries} of {len(rows) * columns} entries are structurally nonzero"


def _blocks(
    rows: list[int], columns: int, shape: tuple[int, ...], input_shape: tuple[int, ...]
) -> str:
    """Describe blocks over the leading dimensions that value and input share, or return ""."""
    for leading in range(min(len(shape), len(input_shape)), 0, -1):
        count = math.prod(shape[:leading])
        if shape[:leading] != input_shape[:leading] or count in {1, columns}:
            continue
        height, width = len(rows) // count, columns // count
        mask = (1 << width) - 1
        if all(not row & ~(mask << (k // height * width)) for k, row in enumerate(rows)):
            return f"{count} blocks of {height} x {width} on the diagonal"
    return ""
