"""The Clarke set of a gradient: hulls of the gradients of the branches that meet at a point.

The outer hull is that of all combinations of branches; whatever automatic differentiation
computes lies in it.  The inner hull is that of the combinations that are active on an open
cone of directions: limits of gradients, and so elements of the Clarke set.

Source: Clarke 1983, theorem 2.5.1; Scholtes 2012, section 4.3 (essentially active pieces);
Griewank 2013, section 5 (signatures of switches).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import flint
import numpy as np
from numpy.typing import NDArray

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.jets import Jet
from symdiff.arithmetics.series.reals import Real
from symdiff.array_types import Array
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.truth.active_switches import active_switches
from symdiff.truth.branch_continuity import is_continuous_across_branches

MAX_TIES: Final = 12  # switches that vanish at one point
_BITS: Final = 512
_MARGIN: Final = 1e-9  # of a cone that counts as open
_LOST: Final = 2.0**-45  # of the largest component may be lost in another one by rounding
_NOTHING: Final = 2.0**-60
_SAME: Final = 1e-12  # relative distance of two equal vertices


@dataclasses.dataclass(frozen=True, slots=True)
class ClarkeHulls:
    """What is known of the Clarke set at a point.

    Attributes
    ----------
    inner
        Vertices of a hull inside the Clarke set, shape (k, d).
    outer
        Vertices of a hull around it, shape (m, d).
    exact
        Whether the inner hull is proved to be the Clarke set.
    """

    inner: Array
    outer: Array
    exact: bool

    def contains(self, gradient: Sequence[float], tolerance: float) -> bool | None:
        """Tell whether a gradient lies in the Clarke set; None: neither hull settles it.

        Parameters
        ----------
        gradient
            Shape (d,).
        tolerance
            Distance in every component, relative to the largest one of a vertex.  What is lost
            of a component beside others that are much larger leaves it open.
        """
        g = np.asarray(gradient, dtype=np.float64)
        if (
            len(self.inner)
            and distance_to_hull(g / self.sizes, self.inner / self.sizes) <= tolerance
        ):
            return True
        if not self._may_hold(g, self.inner if self.exact else self.outer, tolerance):
            return False
        return None

    def outer_contains(self, gradient: Sequence[float], tolerance: float) -> bool:
        """Tell whether a gradient lies in the outer hull: automatic differentiation may give it."""
        return self._may_hold(np.asarray(gradient, dtype=np.float64), self.outer, tolerance)

    def _may_hold(self, g: Array, vertices: Array, tolerance: float) -> bool:
        sizes = np.maximum(self.sizes, _LOST / tolerance * self.sizes.max(initial=0))
        return distance_to_hull(g / sizes, vertices / sizes) <= tolerance

    @property
    def sizes(self) -> Array:
        """The largest value of every component of a vertex, or next to nothing; shape (d,)."""
        found = np.abs(self.outer).max(axis=0, initial=0)
        least: Array = np.maximum(found, max(_NOTHING * found.max(initial=0), 1e-300))
        return least


def distance_to_hull(gradient: Array, vertices: Array) -> float:
    """Return the distance of a point to a convex hull, in the maximum norm.

    Examples
    --------
    >>> distance_to_hull(np.array([0.5, 1.5]), np.array([[0.0, 1.0], [1.0, 1.0]]))
    0.5
    """
    if len(vertices) == 1 or gradient.shape == (1,):
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        return float(np.max(np.maximum(low - gradient, gradient - high), initial=0.0))
    from scipy.optimize import linprog  # noqa: PLC0415  (loads in a second)

    # min s  with  -s <= Σ λ_j·V_j - g <= s,  λ >= 0,  Σ λ = 1
    count, d = vertices.shape
    scale = max(1e-300, float(np.abs(vertices).max()), float(np.abs(gradient).max()))
    v, g = vertices.T / scale, gradient / scale
    ones = np.ones((d, 1))
    found = linprog(
        np.append(np.zeros(count), 1.0),
        A_ub=np.block([[v, -ones], [-v, -ones]]),
        b_ub=np.concatenate([g, -g]),
        A_eq=np.append(np.ones(count), 0.0)[None, :],
        b_eq=[1.0],
    )
    return np.inf if found.x is None else float(found.x[-1]) * scale


def min_norm(vertices: Array) -> Array:
    """Return the shortest element of a convex hull (Wolfe 1976), by least squares.

    Examples
    --------
    >>> min_norm(np.array([[1.0, 0.0], [0.0, 1.0]])).round(9).tolist()
    [0.5, 0.5]
    """
    shortest: Array = vertices.T @ _weights_of_min_norm(vertices)
    return shortest


def _weights_of_min_norm(vertices: Array) -> Array:
    from scipy.optimize import nnls  # noqa: PLC0415

    # λ/Σλ of min |V'λ|² + w²·(Σλ - 1)², λ >= 0, is the same for every w
    w = float(np.abs(vertices).max(initial=0)) or 1.0
    found, _ = nnls(
        np.vstack([vertices.T, np.full(len(vertices), w)]), [0.0] * vertices.shape[1] + [w]
    )
    weights: Array = found / found.sum()
    return weights


class _Branch(jets.Exact):
    """Takes the branches of given signs, and notes the switches it meets."""

    def __init__(self, signs: Sequence[int]) -> None:
        self._signs = signs
        self.rows: list[Jet] = []

    def sign(self, switch: Jet) -> int:
        self.rows.append(switch)
        known = len(self.rows) <= len(self._signs)
        return self._signs[len(self.rows) - 1] if known else 1

    def steps(self, argument: Jet) -> None:
        raise jets.TieError(str(argument.value))


@dataclasses.dataclass(frozen=True, slots=True)
class _Leaf:
    signs: tuple[int, ...]
    switches: tuple[Jet, ...]
    rows: Array  # their gradients, (ties, d)
    value: Ball
    gradient: Array  # (d,)


def clarke_hulls(
    program: Program, variables: Sequence[str], point: Mapping[str, Real]
) -> ClarkeHulls | None:
    """Return what is known of the Clarke set, or None where that is nothing.

    Parameters
    ----------
    program
        The expression.
    variables
        The inputs of the gradient.
    point
        The exact coordinates of every input.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> zero = {"x": Real.of(0), "y": Real.of(0)}
    >>> found = clarke_hulls(parse("max(x, 2*x, 3*x, 4*x)"), ["x"], {"x": Real.of(0)})
    >>> sorted(set(found.inner[:, 0].tolist())), found.exact
    ([1.0, 4.0], True)
    >>> clarke_hulls(parse("abs(x - y)"), ["x", "y"], zero).contains([0.5, 0.5], 1e-9)
    False
    """
    zero = active_switches(program, point)
    if zero is None or not is_continuous_across_branches(program, point):
        return None
    try:
        leaves = list(_leaves(program, variables, point))
    except (jets.TieError, Unsupported, RecursionError):
        return None
    if not all(leaf.value.is_finite() and np.isfinite(leaf.gradient).all() for leaf in leaves):
        return None
    if not _meet(leaves):
        return None
    outer = _unique([leaf.gradient for leaf in leaves])
    by_signs = {leaf.signs: leaf for leaf in leaves}
    active = [_is_active(leaf, by_signs) for leaf in leaves]
    inner = _unique([leaf.gradient for leaf, a in zip(leaves, active, strict=True) if a])
    known = None not in active and all(_is_piecewise_affine(switch) for switch in zero)
    exact = bool(len(inner)) and (known or len(inner) == len(outer))
    return ClarkeHulls(inner, outer, exact)


def has_coupled_switches(program: Program, point: Mapping[str, Real]) -> bool:
    """Tell whether a switch that vanishes, or may vanish, depends on several variables.

    Where none does, the Clarke set is the product of the intervals along the axes.
    """
    zero = active_switches(program, point)
    return zero is None or any(len(switch.inputs) > 1 for switch in zero)


def _leaves(
    program: Program, variables: Sequence[str], point: Mapping[str, Real]
) -> Iterator[_Leaf]:
    """Yield the gradient of every combination of branches, depth first."""
    waiting: list[tuple[int, ...]] = [()]
    while waiting:
        signs = waiting.pop()
        branch = _Branch(signs)
        jet = _evaluate(program, variables, point, branch)
        met = len(branch.rows)
        if met > MAX_TIES:
            message = f"more than {MAX_TIES} switches vanish"
            raise jets.TieError(message)
        if met > len(signs):
            waiting.extend([(*signs, -1), (*signs, 1)])
            continue
        rows = [_floats(row.gradient, len(variables)) for row in branch.rows]
        yield _Leaf(
            signs,
            tuple(branch.rows),
            np.array(rows).reshape(met, len(variables)),
            jet.value,
            _floats(jet.gradient, len(variables)),
        )


def _evaluate(
    program: Program, variables: Sequence[str], point: Mapping[str, Real], branch: _Branch
) -> Jet:
    with flint.ctx.workprec(_BITS):
        inputs = {
            name: Jet(
                x.ball(_BITS),
                tuple(flint.arb(int(name == v)) for v in variables) if name in variables else (),
            )
            for name, x in point.items()
        }
        jet = jets.evaluate(program, inputs, branch)
    if jet is None:
        message = "undefined"
        raise jets.TieError(message)
    return jet


def _floats(gradient: Sequence[Ball], count: int) -> Array:
    if not gradient:
        return np.zeros(count)
    return np.array([float(g.mid()) if g.is_finite() else np.nan for g in gradient])


def _meet(leaves: Sequence[_Leaf]) -> bool:
    """Check what continuity demands.

    The values are equal, and gradients differ across a switch by a multiple of its own.
    """
    if not all(leaf.value.overlaps(leaves[0].value) for leaf in leaves):
        return False
    by_signs = {leaf.signs: leaf for leaf in leaves}
    for leaf in leaves:
        for k in range(len(leaf.signs)):
            flipped = tuple(-s if i == k else s for i, s in enumerate(leaf.signs))
            other = by_signs.get(flipped)
            if other is not None and not _parallel(leaf.gradient - other.gradient, leaf.rows[k]):
                return False
    return True


def _parallel(difference: Array, row: Array) -> bool:
    size = float(np.abs(difference).max())
    if size == 0:
        return True
    length = float(np.linalg.norm(row))
    if length == 0:
        return False
    unit = row / length
    rest = difference - (difference @ unit) * unit
    return float(np.abs(rest).max()) <= _SAME * size


def _unique(gradients: Sequence[Array]) -> Array:
    kept: list[Array] = []
    for g in gradients:
        size = _SAME * (1e-300 + float(np.abs(g).max()))
        if not any(float(np.abs(g - k).max()) <= size for k in kept):
            kept.append(g)
    return np.array(kept)


def _is_active(leaf: _Leaf, by_signs: Mapping[tuple[int, ...], _Leaf]) -> bool | None:
    """Tell whether the signs hold on an open cone of directions; None: that is not known."""
    lengths = np.linalg.norm(leaf.rows, axis=1)
    flat = np.flatnonzero(lengths == 0)
    steep = np.flatnonzero(lengths)
    if not len(steep):
        open_cone: bool | None = True
    else:
        signed = np.array(leaf.signs)[steep, None] * leaf.rows[steep] / lengths[steep, None]
        open_cone = _holds_on_open_cone(leaf, steep, signed)
    if open_cone and len(flat) and not _is_same_either_way(leaf, flat, by_signs):
        return None
    return open_cone


def _is_same_either_way(
    leaf: _Leaf, flat: NDArray[np.intp], by_signs: Mapping[tuple[int, ...], _Leaf]
) -> bool:
    """Tell whether switches without a gradient decide between equal gradients only."""
    choices = [(-1, 1) if k in flat else (sign,) for k, sign in enumerate(leaf.signs)]
    for signs in itertools.product(*choices):
        other = by_signs.get(signs)
        if other is None or (other.rows != leaf.rows).any():
            return False
        if (other.gradient != leaf.gradient).any():
            return False
    return True


def _holds_on_open_cone(leaf: _Leaf, steep: NDArray[np.intp], signed: Array) -> bool | None:
    """Tell whether some direction d has σ_j·r_j·d > 0 for all j (Gordan's alternative)."""
    weights = _weights_of_min_norm(signed)
    shortest = signed.T @ weights
    length = float(np.linalg.norm(shortest))
    if length and float((signed @ shortest).min()) > _MARGIN * length:
        return True
    used = [int(j) for j in np.flatnonzero(weights > _MARGIN)]
    rows = [leaf.switches[steep[j]].gradient for j in used]
    signs = [leaf.signs[steep[j]] for j in used]
    return (
        False
        if _cancel([[s * g for g in row] for s, row in zip(signs, rows, strict=True)])
        else None
    )


def _cancel(vectors: Sequence[Sequence[Ball]]) -> bool:
    """Tell whether a sum with positive weights is zero, to all the digits of the balls.

    λ is the solution of (V·V' + 1·1')·λ = 1, which is Σ λ_j·v_j = 0, Σ λ_j = 1 if there is one.
    """
    with flint.ctx.workprec(_BITS):
        v = flint.arb_mat([list(vector) for vector in vectors])
        ones = flint.arb_mat([[1] for _ in vectors])
        try:
            weights = (v * v.transpose() + ones * ones.transpose()).solve(ones)
        except ZeroDivisionError:
            return False
        rest = v.transpose() * weights
        positive = all(w > 0 for w in weights.entries())
        return positive and all(abs(r) < flint.arb(2) ** -(_BITS // 2) for r in rest.entries())


_AFFINE: Final = frozenset({"add", "subtract", "negative", "positive"})
_SELECTIONS: Final = frozenset(
    {"abs", "maximum", "minimum", "relu", "leaky_relu", "clamp", "clamp_min", "clamp_max"}
    | {"fmax", "fmin", "relu6", "hardtanh"}
)


def _is_piecewise_affine(program: Program) -> bool:
    """Tell whether a switch is made of sums, constant multiples and selections only."""
    for _, node in program.calls():
        if node.function in _AFFINE | _SELECTIONS:
            continue
        constants = [_is_constant(program, a) for a in node.operands]
        scaled = node.function == "multiply" and any(constants)
        if not scaled and not (node.function == "divide" and constants[1]) and not all(constants):
            return False
    return True


def _is_constant(program: Program, node: int) -> bool:
    return not program.at(node).inputs
