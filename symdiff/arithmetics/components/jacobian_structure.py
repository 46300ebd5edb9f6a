"""How a Jacobian is built: diagonal, block-diagonal over a batch, dense."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from symdiff.arithmetics.components.dependence import Sets, dependence
from symdiff.program import Program

_LARGEST: Final = 10**8  # entries of a Jacobian whose structure is looked for
_LONGEST: Final = 20_000  # rows of it


def structure(
    program: Program,
    variable: str,
    shapes: Mapping[str, tuple[int, ...]],
    indices: Mapping[str, Any],
    shape: tuple[int, ...],
) -> str:
    """Return in words how the Jacobian by one input is built, whatever the numbers are.

    Parameters
    ----------
    program
        An expression on tensors.
    variable
        The input.
    shapes
        For every input its shape.
    indices
        The integers of the inputs that stand for places.
    shape
        Of the program's value.

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
        return f"{size}, too large to look for its structure"
    sets = dependence(program, variable, shapes, indices).reshape(-1)
    return f"{size}, {_described(sets, columns, shape, shapes[variable])}"


def _described(sets: Sets, columns: int, shape: tuple[int, ...], inner: tuple[int, ...]) -> str:
    found = list(sets)
    entries = sum(s.bit_count() for s in found)
    if not entries:
        return "zero"
    blocks = _blocks(found, columns, shape, inner)
    if len(found) == columns and all(not s & ~(1 << k) for k, s in enumerate(found)):
        return f"diagonal, {blocks}" if len(shape) > 1 and blocks else "diagonal"
    if entries == len(found) * columns:
        return "dense"
    return blocks or f"{entries} of {len(found) * columns} entries are not zero by structure"


def _blocks(found: list[int], columns: int, shape: tuple[int, ...], inner: tuple[int, ...]) -> str:
    """Return the blocks over the dimensions in front that output and input share, or ""."""
    for front in range(min(len(shape), len(inner)), 0, -1):
        count = math.prod(shape[:front])
        if shape[:front] != inner[:front] or count in {1, columns}:
            continue
        height, width = len(found) // count, columns // count
        mask = (1 << width) - 1
        if all(not s & ~(mask << (k // height * width)) for k, s in enumerate(found)):
            return f"{count} blocks of {height} x {width} on the diagonal"
    return ""
