"""Bounds on the Clarke subdifferential of a program at a point.

The program is read as a linear function plus multiples of atoms (`first_order`). Its Clarke set is
the sum of their sets if, for each group of atoms that share variables, all atoms are regular and
their coefficients have one sign, or the smooth functions inside them have independent gradients
(Clarke 1983, corollary 3 of proposition 2.3.3, theorem 2.3.10). Otherwise it lies between the
hull of limits of gradients and that sum. Where the program has no cones, the sign patterns of its
switches give better bounds (`sign_patterns`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.series.reals import Real
from symdiff.array_types import Array
from symdiff.program import Program
from symdiff.truth.branch_continuity import is_continuous_across_branches
from symdiff.truth.convex_sets import Choice, Hull, Image, Part, Sum, Vertices
from symdiff.truth.first_order import Atom, Key, Missing, Model
from symdiff.truth.gradient_sets import GradientSets
from symdiff.truth.local_models import local_model
from symdiff.truth.polytopes import distance_to_hull
from symdiff.truth.set_distances import distance_bounds, limits_of_gradients, shortest, sizes
from symdiff.truth.sign_patterns import polytopes

# Rounding may change a component by this part of the largest component.
_ROUNDING: Final = 2.0**-45
# The smallest scale by which a component is divided, relative to the largest component.
_SMALLEST_SIZE: Final = 2.0**-60
# Slack in place of an infinite one, relative to the largest component of the gradients.
_LARGEST_SLACK: Final = 2.0**30
_MAX_GENERATORS: Final = 256  # points that span a polytope, if it is compared with limits
_SAME: Final = 1e-12  # relative distance of points that count as equal
_INDEPENDENT: Final = 1e-9  # the least ratio of singular values of independent gradients
_LARGEST: Final = 1e150  # of a component; its square is a double
_BEYOND_DOUBLES: Final = f"the gradients near the point are too large ({_LARGEST:g} or more)"
_NOT_CONTINUOUS: Final = (
    "the branches of a condition are not proved to be equal where it switches near the point"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Undecided:
    """The Clarke set is not bounded; the reason says why."""

    reason: str


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ClarkeBounds:
    """Inner and outer bounds of the Clarke set at a point.

    Attributes
    ----------
    inner
        A convex set that is contained in the Clarke set; None if none was found.
    outer
        A convex set that contains it.
    reachable
        A convex set that contains whatever automatic differentiation computes with a subgradient
        at each switch: the AD hull.
    exact
        Whether `inner` is proved to be the Clarke set.
    """

    inner: Sum | None
    outer: Sum
    reachable: Sum
    exact: bool

    @classmethod
    def of_points(cls, inner: Array, outer: Array, *, exact: bool) -> ClarkeBounds:
        """Return the bounds that are spanned by points, shapes (k, d) and (m, d)."""
        around = _polytope(outer)
        return cls(_polytope(inner) if len(inner) else None, around, around, exact)

    def contains(
        self, gradient: Sequence[float], tolerance: float, slack: Array | float = 0.0
    ) -> bool | None:
        """Return whether a gradient lies in the Clarke set, or None if that is undecided.

        Parameters
        ----------
        gradient
            Shape (d,).
        tolerance
            The allowed distance in each component, relative to the largest absolute value of that
            component in `reachable`. The answer is None if the gradient is further away, but
            rounding next to a much larger component may explain it.
        slack
            An absolute distance that is allowed in each component besides; shape (d,). It may be
            infinite.
        """
        g = np.asarray(gradient, dtype=np.float64)
        scale = self._scale(g, tolerance, slack)
        if self.inner is not None and _bounds(g, self.inner, scale, tolerance)[1] <= tolerance:
            return True
        around = self.inner if self.exact and self.inner is not None else self.outer
        return None if self._may_contain(g, around, tolerance, slack) else False

    def outer_contains(
        self, gradient: Sequence[float], tolerance: float, slack: Array | float = 0.0
    ) -> bool:
        """Return whether a gradient lies in the AD hull, as every result of autodiff does."""
        g = np.asarray(gradient, dtype=np.float64)
        return self._may_contain(g, self.reachable, tolerance, slack)

    def _may_contain(self, g: Array, body: Sum, tolerance: float, slack: Array | float) -> bool:
        """Return whether a gradient is not proved to lie outside a set."""
        scale = np.maximum(
            self._scale(g, tolerance, slack), _ROUNDING / tolerance * self.sizes.max(initial=0)
        )
        return _bounds(g, body, scale, tolerance)[0] <= tolerance

    @property
    def is_one_gradient(self) -> bool:
        """Whether the Clarke set is proved to be one gradient, which is a strict derivative."""
        return self.exact and self.inner is not None and _is_one_point(self.inner)

    @property
    def has_choices(self) -> bool:
        """Whether automatic differentiation may compute more than one gradient."""
        return not _is_one_point(self.reachable)

    def _scale(self, g: Array, tolerance: float, slack: Array | float) -> Array:
        """Return the sizes, enlarged so that distances may grow by a slack; shape (d,)."""
        sizes = self.sizes
        largest = _LARGEST_SLACK * (sizes.max(initial=0) + np.abs(g).max(initial=0))
        scale: Array = sizes + np.minimum(slack, largest) / tolerance
        return scale

    def shortest(self) -> Array | None:
        """Return the element of least norm of the Clarke set, or None if that is not known."""
        return shortest(self.inner) if self.exact and self.inner is not None else None

    @property
    def sizes(self) -> Array:
        """The largest absolute value of each component in `reachable`, but never 0; shape (d,)."""
        largest = sizes(self.reachable)
        scale: Array = np.maximum(largest, max(_SMALLEST_SIZE * largest.max(initial=0), 1e-300))
        return scale


def _is_one_point(body: Sum) -> bool:
    """Return whether a set is given by one point."""
    return all(isinstance(part, Vertices) and len(part.points) == 1 for _, part in body.parts)


def _bounds(g: Array, body: Sum, scale: Array, tolerance: float) -> tuple[float, float]:
    """Return bounds of the distance of a gradient to a set, in components divided by `scale`."""
    return distance_bounds(g / scale, body.scaled(1 / scale), tolerance)


def _polytope(points: Array) -> Sum:
    return Sum(np.zeros(points.shape[1]), ((1.0, Vertices(points)),))


def clarke_bounds(
    program: Program, variables: Sequence[str], point: Mapping[str, Real]
) -> ClarkeBounds | Undecided:
    """Return bounds of the Clarke subdifferential, or why there are none.

    Parameters
    ----------
    program
        A scalar program.
    variables
        The inputs of the gradient.
    point
        The exact coordinates of every input.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> zero = {"x": Real.of(0), "y": Real.of(0)}
    >>> bounds = clarke_bounds(parse("hypot(x, y) - x"), ["x", "y"], zero)
    >>> bounds.exact, bounds.contains([-2, 0], 1e-9), bounds.contains([0.1, 0], 1e-9)
    (True, True, False)
    >>> clarke_bounds(parse("abs(x - y)"), ["x", "y"], zero).contains([0.5, 0.5], 1e-9)
    False
    """
    if not is_continuous_across_branches(program, point):
        return Undecided(_NOT_CONTINUOUS)
    model = local_model(program, variables, point)
    if isinstance(model, Model) and not _is_in_range(model, len(variables)):
        return Undecided(_BEYOND_DOUBLES)
    if isinstance(model, Model) and _is_exact(model, len(variables)):
        body = GradientSets(len(variables)).of(model)
        return ClarkeBounds(body, body, _reachable(program, variables, point, body), exact=True)
    patterns = polytopes(program, variables, point)
    if patterns is not None:
        return ClarkeBounds.of_points(patterns.inner, patterns.outer, exact=patterns.exact)
    if isinstance(model, Missing):
        return Undecided(model.reason)
    return _by_groups(program, variables, point, model)


def _is_in_range(model: Model, count: int) -> bool:
    """Return whether the gradients of a model, and their products, are doubles."""
    with np.errstate(all="ignore"):
        return bool((sizes(GradientSets(count).of(model)) < _LARGEST).all())


def _reachable(
    program: Program, variables: Sequence[str], point: Mapping[str, Real], body: Sum
) -> Sum:
    """Return the AD hull: the set of the model in which equal switches are kept apart."""
    model = local_model(program, variables, point, merges=False)
    return GradientSets(len(variables)).of(model) if isinstance(model, Model) else body


def _groups(model: Model) -> list[list[tuple[Ball, Atom]]]:
    """Return the atoms in groups that do not share variables."""
    groups: list[tuple[int, list[tuple[Ball, Atom]]]] = []
    for term in model.terms.values():
        mask, members = term[1].inputs, [term]
        apart = []
        for other, others in groups:
            if mask & other:
                mask, members = mask | other, others + members
            else:
                apart.append((other, others))
        groups = [*apart, (mask, members)]
    return [members for _, members in groups]


def _is_exact(model: Model, count: int) -> bool:
    """Return whether the set of a model is proved to be the Clarke set."""
    return all(_is_sum(group, count) for group in _groups(model))


def _is_sum(group: Sequence[tuple[Ball, Atom]], count: int) -> bool:
    """Return whether the Clarke set of Σ c_k·a_k is proved to be the sum of the sets."""
    if not all(atom.is_regular for _, atom in group):
        return False
    if all(c > 0 for c, _ in group) or all(c < 0 for c, _ in group):
        return True
    return _are_independent([atom for _, atom in group], count)


def _are_independent(atoms: Sequence[Atom], count: int) -> bool:
    """Return whether the smooth functions inside some atoms have independent gradients."""
    rows: list[Array] = []
    for atom in atoms:
        if not atom.is_smooth_inside:
            return False
        centers = [GradientSets(count).of(member).center for member in atom.members]
        first = centers[0] if atom.kind == "maximum" else 0.0
        rows += [row - first for row in centers[1 if atom.kind == "maximum" else 0 :]]
    lengths = np.linalg.norm(rows, axis=1)
    if len(rows) > count or not lengths.all():
        return False
    singular = np.linalg.svd(np.array(rows) / lengths[:, None], compute_uv=False)
    return bool(singular[-1] > _INDEPENDENT)


def _by_groups(
    program: Program, variables: Sequence[str], point: Mapping[str, Real], model: Model
) -> ClarkeBounds:
    """Return bounds group by group: the sets of exact groups, limits of gradients of others."""
    count = len(variables)
    sets = GradientSets(count)
    outer = sets.of(model)
    inner: list[tuple[float, Part]] = []
    exact = known = True
    for group in _groups(model):
        body = sets.of(Model(model.value, {}, dict[Key, tuple[Ball, Atom]](enumerate(group))))
        if _is_sum(group, count):
            inner += body.parts
            continue
        limits = limits_of_gradients(body)
        known = known and bool(len(limits))
        exact = exact and _is_spanned(body, limits)
        if len(limits):
            inner.append((1.0, Vertices(limits)))
    reachable = _reachable(program, variables, point, outer)
    within = Sum(outer.center, tuple(inner)) if known else None
    return ClarkeBounds(within, outer, reachable, exact and known)


def _is_spanned(body: Sum, limits: Array) -> bool:
    """Return whether the points that span a polytope lie in the hull of some points."""
    points = _generators(body)
    if points is None or not len(limits):
        return False
    size = max(1e-300, float(np.abs(points).max()))
    return all(distance_to_hull(p / size, limits / size) <= _SAME for p in points)


def _generators(body: Sum) -> Array | None:
    """Return points that span a set, or None if it is no polytope, or has too many."""
    choices = []
    for c, part in body.parts:
        points = _generators_of(part)
        if points is None:
            return None
        choices.append(c * points)
    if np.prod([float(len(c)) for c in choices]) > _MAX_GENERATORS:
        return None
    return np.array([body.center + sum(choice) for choice in itertools.product(*choices)])


def _generators_of(part: Part) -> Array | None:
    if isinstance(part, Vertices):
        return part.points
    if isinstance(part, Image):
        return np.concatenate([part.rows, -part.rows]) if len(part.rows) == 1 else None
    if isinstance(part, Hull | Choice):
        members = part.members if isinstance(part, Hull) else (part.first, part.second)
        points = [_generators(member) for member in members]
        if any(p is None for p in points):
            return None
        return np.concatenate([p for p in points if p is not None])
    return None
