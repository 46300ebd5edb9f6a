"""Convex sets of gradients, given by their support functions: sums, hulls and images of balls.

The support function of a set S is h(d) = max of s·d over s in S, and a maximizer s is a support
point. The sets here are the Clarke sets of functions that are built by sums, maxima and norms:

    sum           h = Σ c_k·h_k              (c_k < 0 reflects the k-th set)
    maximum       h = max h_i                 the hull of the sets
    p-norm        h = ‖(h_i)_i‖_p             {Σ v_i·s_i : s_i in S_i, ‖v‖_q <= 1, v >= 0}
    |linear map|  h = ‖R·d‖_p                 the image of the unit ball of the q-norm under Rᵀ

with 1/p + 1/q = 1. A set is tested against a point by a support point that is near it (the point
is inside) or by a direction in which the set ends before the point (the point is outside).

Source: Rockafellar 1970, Convex Analysis, section 13; Clarke 1983, theorems 2.3.9 and 2.3.10.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from symdiff.array_types import Array
from symdiff.truth.polytopes import distance_to_hull, weights_of_min_norm

# A direction decides between pieces if their slopes differ by more than this part of their size.
_MARGIN: Final = 1e-9
_SAME: Final = 1e-12  # relative distance of two gradients that count as equal
_MAX_STEPS: Final = 400  # support points that are computed to find the distance to a set
_PRECISION: Final = 1e-10  # relative precision of the shortest element of a set


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Slope:
    """The behaviour of a function along a direction d, to first order.

    Attributes
    ----------
    value
        The directional derivative.
    gradient
        The limit of the gradients at x0 + t·d, shape (n,).
    is_clear
        Whether the function is smooth in a cone around the direction, so that there is a limit.
    """

    value: float
    gradient: Array
    is_clear: bool


class Part(Protocol):
    """A convex set that contains the Clarke set of a function, and the function's slopes."""

    def support(self, direction: Array) -> tuple[float, Array]:
        """Return the value of the support function, and a support point."""

    def slope(self, direction: Array) -> Slope:
        """Return the behaviour of the function along a direction."""

    def scaled(self, factors: Array) -> Part:
        """Return the set with each coordinate multiplied by a positive factor."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """The set of a sum: center + Σ c_k·S_k.

    Attributes
    ----------
    center
        Shape (n,).
    parts
        Pairs of the number c_k and the set S_k.
    """

    center: Array
    parts: tuple[tuple[float, Part], ...] = ()

    def support(self, direction: Array) -> tuple[float, Array]:
        """Return the value of the support function, and a support point."""
        point = self.center.copy()
        for c, part in self.parts:
            point += c * part.support(direction if c >= 0 else -direction)[1]
        return float(point @ direction), point

    def slope(self, direction: Array) -> Slope:
        """Return the behaviour of the function along a direction."""
        gradient, is_clear = self.center.copy(), True
        for c, part in self.parts:
            slope = part.slope(direction)
            gradient += c * slope.gradient
            is_clear = is_clear and slope.is_clear
        return Slope(float(gradient @ direction), gradient, is_clear)

    def scaled(self, factors: Array) -> Sum:
        """Return the set with each coordinate multiplied by a positive factor."""
        parts = tuple((c, part.scaled(factors)) for c, part in self.parts)
        return Sum(self.center * factors, parts)

    def blocks(self) -> list[tuple[Array, Sum]]:
        """Return the sets, on disjoint coordinates, whose product this set is.

        Each comes with the indices of its coordinates; the sets have n coordinates all the same.
        """
        groups: list[tuple[Array, list[tuple[float, Part]]]] = []
        for c, part in self.parts:
            used, parts = _coordinates(part, len(self.center)), [(c, part)]
            apart = []
            for other, others in groups:
                if (used & other).any():
                    used, parts = used | other, parts + others
                else:
                    apart.append((other, others))
            groups = [*apart, (used, parts)]
        rest = np.ones(len(self.center), dtype=bool)
        for used, _ in groups:
            rest &= ~used
        blocks = [*groups, (rest, [])] if rest.any() or not groups else groups
        return [
            (np.flatnonzero(used), Sum(np.where(used, self.center, 0.0), tuple(parts)))
            for used, parts in blocks
        ]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Image:
    """The Clarke set of ‖R·x‖_p: the image of the unit ball of the q-norm under Rᵀ.

    Attributes
    ----------
    rows
        The matrix R, shape (m, n).
    p
        The exponent of the norm, at least 1. It does not matter for one row, where this is |R·x|.
    """

    rows: Array
    p: float = 2.0

    def support(self, direction: Array) -> tuple[float, Array]:
        """Return the value of the support function, and a support point."""
        point = self.rows.T @ _dual(self.rows @ direction, self.p)
        return float(point @ direction), point

    def slope(self, direction: Array) -> Slope:
        """Return the behaviour of the function along a direction."""
        values = self.rows @ direction
        sizes = np.abs(self.rows) @ np.abs(direction)
        gradient = self.rows.T @ _dual(values, self.p)
        is_clear = bool((np.abs(values) > _MARGIN * sizes).any())
        return Slope(float(gradient @ direction), gradient, is_clear or not sizes.any())

    def scaled(self, factors: Array) -> Image:
        """Return the set with each coordinate multiplied by a positive factor."""
        return Image(self.rows * factors, self.p)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Cone:
    """The Clarke set of ‖(u_i)_i‖_p for functions u_i >= 0 with the sets `members`."""

    members: tuple[Sum, ...]
    p: float = 2.0

    def support(self, direction: Array) -> tuple[float, Array]:
        """Return the value of the support function, and a support point."""
        supports = [member.support(direction) for member in self.members]
        values = np.maximum([h for h, _ in supports], 0.0)
        point: Array = _dual(values, self.p) @ np.array([s for _, s in supports])
        return float(point @ direction), point

    def slope(self, direction: Array) -> Slope:
        """Return the behaviour of the function along a direction."""
        slopes = [member.slope(direction) for member in self.members]
        values = np.array([s.value for s in slopes])
        gradients = np.array([s.gradient for s in slopes])
        gradient: Array = _dual(values, self.p) @ gradients
        size = float((np.abs(gradients) @ np.abs(direction)).max())
        used = [s.is_clear or abs(s.value) <= _SAME * size for s in slopes]
        is_clear = all(used) and bool(np.abs(values).max() > _MARGIN * size)
        return Slope(float(gradient @ direction), gradient, is_clear)

    def scaled(self, factors: Array) -> Cone:
        """Return the set with each coordinate multiplied by a positive factor."""
        return Cone(tuple(member.scaled(factors) for member in self.members), self.p)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Hull:
    """The convex hull of sets, which contains the Clarke set of their functions' maximum."""

    members: tuple[Sum, ...]

    def support(self, direction: Array) -> tuple[float, Array]:
        """Return the value of the support function, and a support point."""
        return max((m.support(direction) for m in self.members), key=lambda s: s[0])

    def slope(self, direction: Array) -> Slope:
        """Return the behaviour of the maximum along a direction."""
        slopes = [member.slope(direction) for member in self.members]
        largest = max(slopes, key=lambda s: s.value)
        near = [s for s in slopes if not _is_below(s, largest, direction)]
        return _common(near, largest)

    def scaled(self, factors: Array) -> Hull:
        """Return the set with each coordinate multiplied by a positive factor."""
        return Hull(tuple(member.scaled(factors) for member in self.members))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Test:
    """A condition on the signs of switches, to first order.

    Attributes
    ----------
    operation
        ``positive``, ``negative``, ``and``, ``or`` or ``not``.
    switch
        The switch whose sign decides ``positive`` and ``negative``.
    parts
        The operands of the other operations.
    """

    operation: str
    switch: Sum | None = None
    parts: tuple[Test | bool, ...] = ()

    def holds(self, direction: Array) -> bool | None:
        """Return whether the condition holds along a direction, or None if that is not clear."""
        if self.switch is not None:
            slope = self.switch.slope(direction)
            size = float(np.abs(slope.gradient) @ np.abs(direction))
            if not slope.is_clear or abs(slope.value) <= _MARGIN * size:
                return None
            return (slope.value > 0) == (self.operation == "positive")
        values = [p if isinstance(p, bool) else p.holds(direction) for p in self.parts]
        if self.operation == "not":
            return None if values[0] is None else not values[0]
        absorbing = self.operation == "or"
        if absorbing in values:
            return absorbing
        return None if None in values else not absorbing

    def scaled(self, factors: Array) -> Test:
        """Return the condition in coordinates that are multiplied by positive factors."""
        switch = None if self.switch is None else self.switch.scaled(factors)
        parts = tuple(p if isinstance(p, bool) else p.scaled(factors) for p in self.parts)
        return Test(self.operation, switch, parts)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The hull of the sets of two branches, of which a condition selects one."""

    condition: Test | bool
    first: Sum
    second: Sum

    def support(self, direction: Array) -> tuple[float, Array]:
        """Return the value of the support function, and a support point."""
        return Hull((self.first, self.second)).support(direction)

    def slope(self, direction: Array) -> Slope:
        """Return the behaviour of the branch that the condition selects along a direction."""
        branches = [self.first.slope(direction), self.second.slope(direction)]
        condition = self.condition
        holds = condition if isinstance(condition, bool) else condition.holds(direction)
        if holds is None:
            return _common(branches, branches[0])
        return branches[0] if holds else branches[1]

    def scaled(self, factors: Array) -> Choice:
        """Return the set with each coordinate multiplied by a positive factor."""
        condition = self.condition
        scaled = condition if isinstance(condition, bool) else condition.scaled(factors)
        return Choice(scaled, self.first.scaled(factors), self.second.scaled(factors))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Vertices:
    """The convex hull of points, shape (k, n)."""

    points: Array

    def support(self, direction: Array) -> tuple[float, Array]:
        """Return the value of the support function, and a support point."""
        point: Array = self.points[int(np.argmax(self.points @ direction))]
        return float(point @ direction), point

    def slope(self, direction: Array) -> Slope:
        """Return that nothing is known: the points do not say where each is the gradient."""
        value, point = self.support(direction)
        return Slope(value, point, is_clear=False)

    def scaled(self, factors: Array) -> Vertices:
        """Return the set with each coordinate multiplied by a positive factor."""
        return Vertices(self.points * factors)


def _dual(values: Array, p: float) -> Array:
    """Return the v with ‖v‖_q <= 1 that maximizes v·values, which is ‖values‖_p."""
    size = float(np.abs(values).max(initial=0.0))
    if size == 0:
        return np.zeros_like(values)
    powers = np.sign(values) * (np.abs(values) / size) ** (p - 1)
    length = np.sum(np.abs(values / size) ** p) ** ((p - 1) / p)
    dual: Array = powers / length
    return dual


def _is_below(slope: Slope, largest: Slope, direction: Array) -> bool:
    size = (np.abs(slope.gradient) + np.abs(largest.gradient)) @ np.abs(direction)
    return bool(largest.value - slope.value > _MARGIN * size)


def _common(slopes: Sequence[Slope], chosen: Slope) -> Slope:
    """Return a slope, which is clear if the others have the same gradient."""
    size = _SAME * (1e-300 + float(np.abs(chosen.gradient).max(initial=0.0)))
    is_clear = all(
        s.is_clear and float(np.abs(s.gradient - chosen.gradient).max(initial=0.0)) <= size
        for s in slopes
    )
    return Slope(chosen.value, chosen.gradient, is_clear)


def _coordinates(part: Part, count: int) -> Array:
    """Return which coordinates differ between the points of a set, shape (count,)."""
    used: Array = np.zeros(count, dtype=bool)
    for k, direction in enumerate(np.eye(count)):
        used[k] = part.support(direction)[0] > -part.support(-direction)[0]
    return used


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
    >>> low.round(9).item(), high.round(9).item()
    (2.0, 2.0)
    """
    low = high = 0.0
    for coordinates, block in body.blocks():
        lower, upper = _block_bounds(point[coordinates], block, coordinates, tolerance)
        low, high = max(low, lower), max(high, upper)
    return low, high


def _block_bounds(
    point: Array, block: Sum, coordinates: Array, tolerance: float
) -> tuple[float, float]:
    if not block.parts:
        distance = float(np.abs(point - block.center[coordinates]).max(initial=0.0))
        return distance, distance
    ((c, part), *others) = block.parts
    if isinstance(part, Vertices) and not others:
        vertices = (block.center + c * part.points)[:, coordinates]
        distance = distance_to_hull(point, vertices)
        return distance, distance
    search = _Search(point, block, coordinates)
    return search.bounds(tolerance)


class _Search:
    """The search for the element of a set that is nearest to a point.

    The hull of support points grows by the support point in the direction from its nearest element
    to the point (Wolfe 1976; Holloway 1974, fully corrective steps).
    """

    def __init__(self, point: Array, block: Sum, coordinates: Array) -> None:
        self._point = point
        self._block = block
        self._coordinates = coordinates
        self._count = len(block.center)
        self._found: list[Array] = []

    def _support(self, direction: Array) -> Array:
        full = np.zeros(self._count)
        full[self._coordinates] = direction
        return self._block.support(full)[1][self._coordinates]

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

    def _steps(self):  # type: ignore[no-untyped-def]
        """Yield the vector from the nearest element found to the point, and a support point."""
        self._found = [self._support(self._point - self._block.center[self._coordinates])]
        best = np.inf
        for _ in range(_MAX_STEPS):
            offsets = np.array(self._found) - self._point
            weights = weights_of_min_norm(offsets)
            gap = -(offsets.T @ weights)
            length = float(gap @ gap)
            if length == 0 or length >= best:
                yield gap, self._found[-1]
                return
            best = length
            end = self._support(gap)
            yield gap, end
            kept = [s for s, w in zip(self._found, weights, strict=True) if w > 0]
            self._found = [*kept, end]


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


def limits_of_gradients(body: Sum, number: int = 256) -> Array:
    """Return limits of gradients along random directions, shape (k, n): points of the Clarke set.

    Parameters
    ----------
    body
        The function to first order.
    number
        The number of random directions.
    """
    slopes = [body.slope(d) for d in _directions(len(body.center), number)]
    clear = [s.gradient for s in slopes if s.is_clear]
    return np.unique(np.array(clear), axis=0) if clear else np.zeros((0, len(body.center)))
