"""Convex sets of gradients, given by their support functions: sums, hulls and images of balls.

The support function of a set S is h(d) = max of s·d over s in S, and a maximizer s is a support
point. The sets here are the Clarke sets of functions that are built by sums, maxima and norms:

    sum           h = Σ c_k·h_k              (c_k < 0 reflects the k-th set)
    maximum       h = max h_i                 the hull of the sets
    p-norm        h = ‖(h_i)_i‖_p             {Σ v_i·s_i : s_i in S_i, ‖v‖_q <= 1, v >= 0}
    |linear map|  h = ‖R·d‖_p                 the image of the unit ball of the q-norm under Rᵀ

with 1/p + 1/q = 1.

Source: Rockafellar 1970, Convex Analysis, section 13; Clarke 1983, theorems 2.3.9 and 2.3.10.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from symdiff.array_types import Array, Mask

# A direction decides between pieces if their slopes differ by more than this part of their size.
_MARGIN: Final = 1e-9
_SAME: Final = 1e-12  # relative distance of two gradients that count as equal


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

    def blocks(self) -> list[tuple[NDArray[np.intp], Sum]]:
        """Return the sets, on disjoint coordinates, whose product this set is.

        Each comes with the indices of its coordinates; the sets have n coordinates all the same.
        """
        groups: list[tuple[Mask, list[tuple[float, Part]]]] = []
        for c, part in self.parts:
            used, parts = _coordinates(part, len(self.center)), [(c, part)]
            apart = []
            for other, others in groups:
                if (used & other).any():
                    used, parts = used | other, parts + others
                else:
                    apart.append((other, others))
            groups = [*apart, (used, parts)]
        groups = [(used, parts) for used, parts in groups if used.any()]  # not constant parts
        rest = np.ones(len(self.center), dtype=bool)
        for used, _ in groups:
            rest &= ~used
        blocks = [*groups, (rest, [])] if rest.any() or not groups else groups
        return [(np.flatnonzero(used), self._block(used, parts)) for used, parts in blocks]

    def _block(self, used: Mask, parts: Sequence[tuple[float, Part]]) -> Sum:
        """Return the set on some coordinates, where all other parts are constant."""
        center = np.where(used, self.center, 0.0)
        inside = {id(part) for _, part in parts}
        for c, part in self.parts:
            if id(part) not in inside:
                for k in np.flatnonzero(used):
                    center[k] += c * part.support(np.eye(len(center))[k])[0]
        return Sum(center, tuple(parts))


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
    """The convex hull of sets, which contains the Clarke set of their functions' maximum.

    Attributes
    ----------
    members
        The sets.
    points
        The sets as points, shape (k, n), if each is one point; None otherwise.
    """

    members: tuple[Sum, ...]
    points: Array | None = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Compute `points`."""
        are_points = not any(member.parts for member in self.members)
        points = np.array([member.center for member in self.members]) if are_points else None
        object.__setattr__(self, "points", points)

    def support(self, direction: Array) -> tuple[float, Array]:
        """Return the value of the support function, and a support point."""
        if self.points is not None:
            return Vertices(self.points).support(direction)
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
class SignTest:
    """A condition on the signs of switches, to first order.

    Attributes
    ----------
    operation
        ``positive``, ``negative``, ``logical_and``, ``logical_or`` or ``logical_not``.
    switch
        The switch whose sign decides ``positive`` and ``negative``.
    parts
        The operands of the other operations.
    """

    operation: str
    switch: Sum | None = None
    parts: tuple[SignTest, ...] = ()

    def holds(self, direction: Array) -> bool | None:
        """Return whether the condition holds along a direction, or None if that is not clear."""
        if self.switch is not None:
            slope = self.switch.slope(direction)
            size = float(np.abs(slope.gradient) @ np.abs(direction))
            if not slope.is_clear or abs(slope.value) <= _MARGIN * size:
                return None
            return (slope.value > 0) == (self.operation == "positive")
        values = [part.holds(direction) for part in self.parts]
        if self.operation == "logical_not":
            return None if values[0] is None else not values[0]
        absorbing = self.operation == "logical_or"
        if absorbing in values:
            return absorbing
        return None if None in values else not absorbing

    def scaled(self, factors: Array) -> SignTest:
        """Return the condition in coordinates that are multiplied by positive factors."""
        switch = None if self.switch is None else self.switch.scaled(factors)
        parts = tuple(part.scaled(factors) for part in self.parts)
        return SignTest(self.operation, switch, parts)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The hull of the sets of two branches, of which a condition selects one."""

    condition: SignTest
    first: Sum
    second: Sum

    def support(self, direction: Array) -> tuple[float, Array]:
        """Return the value of the support function, and a support point."""
        return Hull((self.first, self.second)).support(direction)

    def slope(self, direction: Array) -> Slope:
        """Return the behaviour of the branch that the condition selects along a direction."""
        branches = [self.first.slope(direction), self.second.slope(direction)]
        holds = self.condition.holds(direction)
        if holds is None:
            return _common(branches, branches[0])
        return branches[0] if holds else branches[1]

    def scaled(self, factors: Array) -> Choice:
        """Return the set with each coordinate multiplied by a positive factor."""
        condition = self.condition.scaled(factors)
        return Choice(condition, self.first.scaled(factors), self.second.scaled(factors))


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


def _coordinates(part: Part, count: int) -> Mask:
    """Return which coordinates differ between the points of a set, shape (count,)."""
    used = np.zeros(count, dtype=bool)
    for k, direction in enumerate(np.eye(count)):
        used[k] = part.support(direction)[0] > -part.support(-direction)[0]
    return used
