"""Choose a few elements, or a few rows, of all tensors of one shape."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import torch

_MAX_WHOLE: Final = 64  # elements of a tensor that goes into a cut as it is
_MAX_PARTS: Final = 24  # numbers that belong to some elements together
MAX_ROWS: Final = 48  # elements of some rows together
_MAX_ROW: Final = 1024  # elements of a single row, or that belong to a single element


class NotCutError(ValueError):
    """There is no small problem; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """Some elements of all tensors of one shape.

    `positions` are indices along `axis`; without an axis they are positions in the flat tensor of
    the shape, with which others may begin.
    """

    shape: tuple[int, ...]
    positions: torch.Tensor
    axis: int | None

    def some(self, flat: Sequence[int]) -> Elements:
        """Return the elements with some positions in the flat tensor, or the row of the first."""
        if self.axis is None:
            return Elements(self.shape, torch.tensor(sorted(set(flat))), None)
        row = int(np.unravel_index(flat[0], self.shape)[self.axis])
        return Elements(self.shape, torch.tensor([row]), self.axis)

    def of(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the same elements of a tensor, or a small tensor as it is.

        Raises
        ------
        NotCutError
            The tensor has a different shape.
        """
        if tensor.numel() == 1 and (self.axis is None or not tensor.ndim):
            return tensor.reshape(()) if self.axis is None else tensor
        if self.axis is None:
            return self._of_each(tensor)
        axis = self._axis_of(tensor)
        if axis is not None:
            rows = tensor.index_select(axis, self.positions)
            if rows.numel() > (MAX_ROWS if len(self.positions) > 1 else _MAX_ROW):
                message = "the rows are long"
                raise NotCutError(message)
            return rows
        if tensor.numel() <= _MAX_WHOLE:
            return tensor
        message = f"shape {tuple(tensor.shape)} has no such rows"
        raise NotCutError(message)

    def _of_each(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the elements, with what belongs to each along further dimensions."""
        rest = tuple(tensor.shape[len(self.shape) :])
        try:
            whole = tensor.expand(*self.shape, *rest)
        except RuntimeError:
            message = f"shape {tuple(tensor.shape)} is not that of the others"
            raise NotCutError(message) from None
        found = whole.reshape(-1, *rest)[self.positions]
        if rest and found.numel() > (_MAX_PARTS if len(self.positions) > 1 else _MAX_ROW):
            message = "too much belongs to each element"
            raise NotCutError(message)
        return found

    def is_part(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor is cut, element by element or by rows."""
        if self.axis is None:
            return tuple(tensor.shape[: len(self.shape)]) == self.shape
        return self._axis_of(tensor) is not None

    def chosen(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a mask of the elements in a tensor that is cut."""
        axis = self.axis_in(tensor)
        if axis is None:
            mask = torch.zeros(math.prod(self.shape), dtype=torch.bool)
            mask.index_fill_(0, self.positions, value=True)
            return mask.reshape(*self.shape, *(1 for _ in tensor.shape[len(self.shape) :]))
        row = torch.zeros(tensor.shape[axis], dtype=torch.bool)
        row.index_fill_(0, self.positions, value=True)
        return row.reshape(*(-1 if k == axis else 1 for k in range(tensor.ndim)))

    def axis_in(self, tensor: torch.Tensor) -> int | None:
        """Return the dimension along which the elements of a tensor lie, if it is one."""
        if self.axis is None:
            return 0 if len(self.shape) == 1 else None
        return self._axis_of(tensor)

    def _axis_of(self, tensor: torch.Tensor) -> int | None:
        """Return the dimension of a tensor along which the elements lie."""
        assert self.axis is not None  # noqa: S101  (callers see to it)
        length = self.shape[self.axis]
        found = [k for k, other in enumerate(tensor.shape) if other == length]
        if len(found) == 1:
            return found[0]
        return self.axis if self.axis in found else None

    def original(self, tensor: torch.Tensor, index: tuple[int, ...]) -> tuple[int, ...]:
        """Return where an element of the cut is in the whole tensor."""
        if self.axis is None:
            flat = int(self.positions[index[0] if index else 0])
            return (*(int(i) for i in np.unravel_index(flat, self.shape)), *index[1:])
        axis = self._axis_of(tensor)
        assert axis is not None  # noqa: S101  (see `is_part`)
        return (*index[:axis], int(self.positions[index[axis]]), *index[axis + 1 :])

    def sizes(self) -> Mapping[int, int]:
        """Return by the size of the whole what it is in the cut."""
        if self.axis is None:
            return {}
        return {self.shape[self.axis]: len(self.positions)}


def ways(shape: tuple[int, ...], flat: Sequence[int]) -> Iterator[Elements]:
    """Yield choices of elements that have some positions in a flat tensor.

    First these elements alone, and then, for every axis, the rows of the first and the last one.
    """
    if not shape:
        return
    each = Elements(shape, torch.tensor([]), None)
    yield each.some(flat)
    index = np.unravel_index(np.array(flat), shape)
    for axis in range(len(shape)):
        rows = index[axis]
        yield Elements(shape, torch.tensor(sorted({int(rows[0]), int(rows[-1])})), axis)
