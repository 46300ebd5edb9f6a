"""Explanations of verdicts, as they are stored."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.intp]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Explanations:
    """Explanations of one engine's verdicts along one variable.

    Points at which the engine agrees have none, except apparent kinks and those where only the
    partial derivative exists. Equal texts are stored
    once.

    Attributes
    ----------
    points
        The indices of the k points that are explained, in order.
    details
        The indices in `texts` of the details, shape (k,).
    blames
        The indices in `texts` of the sub-expressions to blame, shape (k,).
    texts
        The texts; the first is "".
    """

    points: Points
    details: NDArray[np.int32]
    blames: NDArray[np.int32]
    texts: tuple[str, ...]

    def detail(self, i: int) -> str:
        """Return the detail of the verdict at a point, or ""."""
        return self._text(self.details, i)

    def blame(self, i: int) -> str:
        """Return the sub-expression to blame for the number at a point, or ""."""
        return self._text(self.blames, i)

    def _text(self, column: NDArray[np.int32], i: int) -> str:
        row = int(np.searchsorted(self.points, i))
        is_explained = row < len(self.points) and self.points[row] == i
        return self.texts[column[row]] if is_explained else ""
