"""Distances of points to convex sets, their shortest elements, and limits of gradients.

The distance of a point to a set is bounded from above by an element of the set, and from below by a
hyperplane that separates the set from the point.

Source: Wolfe 1976, Finding the nearest point in a polytope; Holloway 1974, An extension of the
Frank and Wolfe method of feasible directions (fully corrective steps).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array
from symdiff.truth.convex_sets import Image, Part, Sum, Vertices
from symdiff.truth.polytopes import distance_to_hull, weights_of_min_norm

_MAX_STEPS: Final = 400  # support points that are computed to find the distance to a set
_PRECISION: Final = 1e-10  # relative precision of the shortest element of a set
_DIRECTIONS: Final = 256  # random directions along which limits of gradients are computed
_FAST_DIRECTIONS: Final = 4096  # such directions for a sum of sizes
_CLEAR: Final = 1e-9  # relative size of a slope whose sign is clear
_RANK: Final = 1e-12  # singular values below this part of the largest count as zero


def sizes(body: Sum) -> Array:
    """Return the largest absolute value of each coordinate in a set, shape (n,)."""
    unit = np.eye(len(body.center))
    ends = [max(body.support(d)[0], body.support(-d)[0]) for d in unit]
    return np.array(ends, dtype=np.float64)


def distance_bounds(point: Array, body: Sum, tolerance: float) -> tuple[float, float]:
    """Return a lower and an upper bound of the distance of a point to a set, in the maximum norm.

    Parameters
    ----------
    point
        Shape (n,).
    body
        The set.
    tolerance
        The search ends when a bound shows whether the distance is at most this. It may also end
        without that, when no further support point improves the bounds.

    Examples
    --------
    >>> disc = Sum(np.zeros(2), ((1.0, Image(np.eye(2))),))
    >>> low, high = distance_bounds(np.array([3.0, 0.0]), disc, 1e-9)
    >>> round(low, 9), round(high, 9)
    (2.0, 2.0)
    """
    low = high = 0.0
    for coordinates, block in body.blocks():
        lower, upper = _block_bounds(point[coordinates], block, coordinates, tolerance)
        low, high = max(low, lower), max(high, upper)
    return low, high


def _block_bounds(
    point: Array, block: Sum, coordinates: NDArray[np.intp], tolerance: float
) -> tuple[float, float]:
    if not block.parts:
        distance = float(np.abs(point - block.center[coordinates]).max(initial=0.0))
        return distance, distance
    ((c, part), *others) = block.parts
    if isinstance(part, Vertices) and not others:
        vertices = (block.center + c * part.points)[:, coordinates]
        distance = distance_to_hull(point, vertices)
        return distance, distance
    return _Search(point, block, coordinates).bounds(tolerance)


class _Search:
    """The search for the element of a set that is nearest to a point.

    The nearest element of the hull of the elements found so far is computed, then the support
    point in the direction from there to the point is found. Besides, each ellipsoid of the sum is
    projected on in turn, which alone finds the nearest element of one ellipsoid.
    """

    def __init__(self, point: Array, block: Sum, coordinates: NDArray[np.intp]) -> None:
        self._point = point
        self._center = block.center[coordinates]
        self._block = block
        self._coordinates = coordinates
        self._rows = [
            (k, c * part.rows[:, coordinates])
            for k, (c, part) in enumerate(block.parts)
            if isinstance(part, Image) and (part.p == 2 or len(part.rows) == 1)
        ]

    def _support(self, direction: Array) -> list[Array]:
        """Return the support points of the parts, whose sum is that of the set."""
        full = np.zeros(len(self._block.center))
        full[self._coordinates] = direction
        return [
            c * part.support(full if c >= 0 else -full)[1][self._coordinates]
            for c, part in self._block.parts
        ]

    def _projected(self, elements: Sequence[Array]) -> list[Array]:
        """Return the elements after each ellipsoid's is moved to reduce the distance."""
        moved = list(elements)
        for k, rows in self._rows:
            others = self._center + sum(e for i, e in enumerate(moved) if i != k)
            moved[k] = projection_on_ellipsoid(self._point - others, rows)
        return moved

    def bounds(self, tolerance: float) -> tuple[float, float]:
        """Return bounds of the distance in the maximum norm; see `distance_bounds`."""
        lower, upper = 0.0, np.inf
        for gap, end in self._steps():
            upper = min(upper, float(np.abs(gap).max()))
            if upper <= tolerance:
                break
            # All s in the set have s·gap <= end·gap; so |point - s|·|gap|_1 >= (point - end)·gap.
            lower = max(lower, float((self._point - end) @ gap) / float(np.abs(gap).sum()))
            if lower > tolerance:
                break
        return min(lower, upper), upper

    def nearest(self) -> Array:
        """Return the nearest element, up to `_PRECISION` of the size of the set."""
        element = self._point
        for gap, end in self._steps():
            element = self._point - gap
            size = float(np.abs(end).max()) + float(np.abs(element).max())
            if float((end - element) @ gap) <= (_PRECISION * size) ** 2:
                break
        return element

    def _steps(self) -> Iterator[tuple[Array, Array]]:
        """Yield the vector from the nearest element found to the point, and a support point."""
        start = self._support(self._point - self._center)
        found = [start, self._projected(start)]
        best = np.inf
        for _ in range(_MAX_STEPS):
            sums = np.array([self._center + np.sum(elements, axis=0) for elements in found])
            weights = weights_of_min_norm(sums - self._point)
            gap: Array = self._point - sums.T @ weights
            length = float(gap @ gap)
            ends = self._support(gap)
            yield gap, self._center + np.sum(ends, axis=0)
            if length == 0 or length >= best:
                return
            best = length
            used = [(w, elements) for w, elements in zip(weights, found, strict=True) if w > 0]
            nearest = [sum(w * e[k] for w, e in used) for k in range(len(ends))]
            found = [*(elements for _, elements in used), ends, self._projected(nearest)]


def projection_on_ellipsoid(point: Array, rows: Array) -> Array:
    """Return the element of {Rᵀ·v : |v| <= 1} that is nearest to a point, shape (n,).

    With the singular value decomposition R = U·S·Vᵀ, τ = Vᵀ·point and w = Uᵀ·v, the minimizer of
    |τ - S·w|² is w = S·τ/(S² + λ), where λ = 0 if |w| <= 1, and else |w| = 1.

    Examples
    --------
    >>> projection_on_ellipsoid(np.array([3.0, 4.0]), np.eye(2)).round(9).tolist()
    [0.6, 0.8]
    """
    _, singular, axes = np.linalg.svd(rows, full_matrices=False)
    kept = singular > singular.max(initial=0.0) * _RANK
    s, axes = singular[kept], axes[kept]
    coordinates = axes @ point
    low, high = 0.0, float(np.linalg.norm(s * coordinates))
    if not len(s) or np.linalg.norm(coordinates / s) <= 1:
        within: Array = axes.T @ coordinates
        return within
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if np.linalg.norm(s * coordinates / (s**2 + middle)) > 1:
            low = middle
        else:
            high = middle
    nearest: Array = axes.T @ (s**2 * coordinates / (s**2 + high))
    return nearest


def shortest(body: Sum) -> Array:
    """Return the element of least Euclidean norm of a set, shape (n,).

    Examples
    --------
    >>> shortest(Sum(np.array([2.0, 0.0]), ((1.0, Image(np.eye(2))),))).round(9).tolist()
    [1.0, 0.0]
    """
    element = body.center.copy()
    for coordinates, block in body.blocks():
        if block.parts:
            zero = np.zeros(len(coordinates))
            element[coordinates] = _Search(zero, block, coordinates).nearest()
    return element


@functools.lru_cache(maxsize=16)
def _directions(count: int, number: int) -> Array:
    """Return random directions, and such that are close to an axis; shape (k, count)."""
    random = np.random.default_rng(count)
    anywhere = random.standard_normal((number, count))
    axes = np.concatenate([np.eye(count), -np.eye(count)])
    return np.concatenate([anywhere, axes + 1e-3 * random.standard_normal(axes.shape)])


def limits_of_gradients(body: Sum) -> Array:
    """Return limits of gradients along random directions, shape (k, n): points of the Clarke set.

    Parameters
    ----------
    body
        The function to first order.
    """
    count = len(body.center)
    if all(isinstance(part, Image) and len(part.rows) == 1 for _, part in body.parts):
        return _limits_of_sizes(body)
    slopes = [body.slope(d) for d in _directions(count, _DIRECTIONS)]
    clear = [s.gradient for s in slopes if s.is_clear]
    return np.unique(np.array(clear), axis=0) if clear else np.zeros((0, count))


def _limits_of_sizes(body: Sum) -> Array:
    """Return the limits of gradients of Σ c_k·|r_k·x| along many directions."""
    rows = np.concatenate([np.zeros((0, len(body.center))), *(_row(p) for _, p in body.parts)])
    factors = np.array([c for c, _ in body.parts])
    directions = _directions(len(body.center), _FAST_DIRECTIONS)
    values = directions @ rows.T
    is_clear = (np.abs(values) > _CLEAR * (np.abs(directions) @ np.abs(rows.T))).all(axis=1)
    signs = np.unique(np.sign(values[is_clear]), axis=0)
    limits: Array = body.center + (signs * factors) @ rows
    return limits


def _row(part: Part) -> Array:
    return part.rows if isinstance(part, Image) else np.zeros((0, 0))
