"""Points of a grid before they are sorted."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array

# The exact numbers as text of the coordinates that are not doubles: by point, then by variable.
ExactTexts = dict[int, dict[int, str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Points before they are sorted and duplicates are removed.

    All points have the same `along` and `switch`, which are -1 for regular points.
    """

    points: Array  # (m, d)
    exact: ExactTexts
    roles: NDArray[np.int8]
    along: int = -1
    switch: int = -1

    def part(self, indices: NDArray[np.intp]) -> Batch:
        """Return the points with the given indices, in that order."""
        exact = {new: e for new, old in enumerate(indices.tolist()) if (e := self.exact.get(old))}
        return Batch(self.points[indices], exact, self.roles[indices], self.along, self.switch)
