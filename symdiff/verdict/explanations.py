"""Explanations of verdicts, as they are stored."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symdiff.verdict.judge import Key

Points = NDArray[np.intp]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Explanations:
    """Explanations of one engine's verdicts along one variable.

    Points at which the engine agrees have none, except apparent kinks and those where only the
    partial derivative exists. Equal texts are stored once.

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


class OnDemand(Mapping[Key, Explanations]):
    """Explanations by engine and variable that are computed when one of them is first read.

    Parameters
    ----------
    explain
        Returns the explanations.

    Examples
    --------
    >>> explained = OnDemand(lambda: {})
    >>> len(explained)
    0
    """

    def __init__(self, explain: Callable[[], Mapping[Key, Explanations]]) -> None:
        self._explain = explain

    @functools.cached_property
    def _found(self) -> Mapping[Key, Explanations]:
        return self._explain()

    def __getitem__(self, key: Key) -> Explanations:
        """Return the explanations of one engine's verdicts along one variable."""
        return self._found[key]

    def __iter__(self) -> Iterator[Key]:
        """Return an iterator over the keys."""
        return iter(self._found)

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._found)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the explanations as a dictionary."""
        return dict, (dict(self._found),)
