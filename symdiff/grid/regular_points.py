"""The regular points of a grid: the product of the axes, a sample of it, or paired points."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array
from symdiff.grid.batches import ExactTexts
from symdiff.grid.points import Axis


def regular_points(
    axes: Sequence[Axis], max_points: int, seed: int
) -> tuple[Array, ExactTexts, list[str]]:
    """Return the points that the axes describe, with exact texts and notes."""
    if not axes:
        return np.zeros((1, 0)), {}, []
    if axes[0].is_paired:
        return _paired_points(axes)
    if len(axes) == 1:
        return axes[0].values[:, None], {i: {0: text} for i, text in axes[0].exact.items()}, []
    counts = [len(axis.values) for axis in axes]
    total = math.prod(counts)
    if total > max_points:
        sample = _sobol_sample(axes, max_points, seed)
        note = (
            f"{total} points in the product: a Sobol sample of {max_points} (seed {seed}) is used"
        )
        return sample, {}, [note]
    index = _product_indices(counts)
    points = np.stack([axis.values[index[:, j]] for j, axis in enumerate(axes)], axis=1)
    exact: ExactTexts = {}
    for j, axis in enumerate(axes):
        for i, text in axis.exact.items():
            for point in np.flatnonzero(index[:, j] == i).tolist():
                exact.setdefault(point, {})[j] = text
    return points, exact, []


def _paired_points(axes: Sequence[Axis]) -> tuple[Array, ExactTexts, list[str]]:
    """Return the points whose k-th coordinates are the k-th values of the axes, in that order."""
    exact: ExactTexts = {}
    for j, axis in enumerate(axes):
        for i, text in axis.exact.items():
            exact.setdefault(i, {})[j] = text
    return np.stack([axis.values for axis in axes], axis=1), exact, []


def _product_indices(counts: Sequence[int]) -> NDArray[np.intp]:
    """Return the indices of all points of a product of axes, shape (points, axes).

    The last axis varies fastest. numpy's meshgrid does the same for at most 32 axes.

    Examples
    --------
    >>> _product_indices([2, 3]).tolist()
    [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    """
    points = np.arange(math.prod(counts))
    strides = [math.prod(counts[j + 1 :]) for j in range(len(counts))]
    columns = [points // stride % n for stride, n in zip(strides, counts, strict=True)]
    return np.stack(columns, axis=1)


def _sobol_sample(axes: Sequence[Axis], count: int, seed: int) -> Array:
    """Return points of a Sobol sequence: the largest power of two up to `count`, shape (n, d).

    An axis that is searched for kinks is sampled between its ends. The points of another axis
    are sampled from its list.
    """
    from scipy.stats import qmc  # noqa: PLC0415  (loads in more than a second)

    # scipy warns unless the size is a power of two, which keeps the sequence balanced.
    size = 2 ** (count.bit_length() - 1)
    unit = qmc.Sobol(d=len(axes), scramble=True, rng=np.random.default_rng(seed)).random(size)
    columns = [
        axis.low + unit[:, j] * (axis.high - axis.low)
        if axis.searched
        else axis.values[(unit[:, j] * len(axis.values)).astype(int)]
        for j, axis in enumerate(axes)
    ]
    return np.stack(columns, axis=1)
