"""Find which elements of a program's nodes are in branches that are taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Mask
from symdiff.catalogue import CATALOGUE
from symdiff.program import Program
from symdiff.program.nodes import Call


def selected(
    program: Program, values: Mapping[int, NDArray[Any]], *, lazy_only: bool = False
) -> dict[int, Mask]:
    """Return the elements of every node that conditions select for the output.

    Parameters
    ----------
    program
        The program.
    values
        The values of the nodes by index, those of conditions included.
    lazy_only
        Whether only conditional expressions count, whose branches are run where they are taken.
        `where` runs both branches and selects afterwards.

    Returns
    -------
    dict
        By node, a mask of the shape of its value. If the shape of a node that uses it differs,
        the mask of that node counts as a whole: it has the shape () or is constant.

    Examples
    --------
    >>> from symdiff.arithmetics.arrays import ARRAYS
    >>> from symdiff.arithmetics.reading import read
    >>> from symdiff.program import parse
    >>> program, values = parse("where(x > 0, exp(x), 1)"), {}
    >>> _ = read(program, ARRAYS, {"x": np.array([-1.0, 1.0])}, cache=values)
    >>> call = next(i for i, node in program.calls() if node.function == "exp")
    >>> selected(program, values)[call]
    array([False,  True])
    """
    masks: dict[int, Mask] = {program.output: np.ones((), dtype=bool)}
    for index in reversed(program.order):
        node = program.nodes[index]
        if index not in masks or not isinstance(node, Call):
            continue
        row = CATALOGUE[node.function]
        selects = row.runs_one_branch if lazy_only else row.selects_by_condition
        condition = np.asarray(values[node.operands[0]]) if selects else None
        for position, argument in enumerate(node.operands):
            mask = masks[index]
            if condition is not None and position:
                mask = mask & (condition if position == 1 else ~condition)
            mask = _fitted(mask, np.shape(values.get(argument, ())))
            masks[argument] = mask | masks.get(argument, np.zeros((), dtype=bool))
    return masks


def _fitted(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return a mask for a value of some shape; one truth value for all if the shapes differ."""
    return mask if mask.shape in ((), shape) else np.asarray(mask.any())
