"""Polytopes around and inside the Clarke set: hulls of the gradients of sign patterns.

Where switches are zero, each can be given the sign -1 or 1. A combination of signs selects the
branches of a smooth program, which has a gradient. The outer hull is the convex hull of the
gradients of all combinations: automatic differentiation computes an element of it. The inner hull
is that of the combinations whose signs occur on an open cone of directions: these gradients are
limits of gradients of the program, and so elements of the Clarke set.

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
from symdiff.catalogue import CATALOGUE
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.truth.active_switches import active_switches
from symdiff.truth.polytopes import weights_of_min_norm
from symdiff.truth.zero_sets import essential_factor, is_steep

MAX_TIES: Final = 12  # switches that are zero at one point
_BITS: Final = 512  # precision of the balls
# A cone is open if it has a unit direction whose inner product with each unit normal is larger
# than this. Weights up to this size count as zero.
_MARGIN: Final = 1e-9
# Rounding may change a component by this part of the largest component.
_ROUNDING: Final = 2.0**-45
# The smallest scale by which a component is divided, relative to the largest component.
_SMALLEST_SIZE: Final = 2.0**-60
_SAME: Final = 1e-12  # relative distance of two vertices that count as equal


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Polytopes:
    """Inner and outer polytopes of the Clarke set at a point.

    Attributes
    ----------
    inner
        Points in the Clarke set, shape (k, d). Their convex hull lies in it too.
    outer
        Points whose convex hull contains the Clarke set, shape (m, d).
    exact
        Whether the hull of `inner` is proved to be the Clarke set.
    """

    inner: Array
    outer: Array
    exact: bool


class _FixedSigns(jets.Exact):
    """A rule for switches that may be zero: give them the signs of a combination, one by one.

    Attributes
    ----------
    switches
        The switches met so far. Those beyond the given signs get the sign 1.
    """

    def __init__(self, signs: Sequence[int]) -> None:
        self._signs = signs
        self.switches: list[Jet] = []

    def sign(self, switch: Jet) -> int:
        """Return the sign of the next switch."""
        self.switches.append(switch)
        has_sign = len(self.switches) <= len(self._signs)
        return self._signs[len(self.switches) - 1] if has_sign else 1

    def steps(self, argument: Jet) -> None:
        """Raise `TieError`: a step function may jump here."""
        raise jets.TieError(str(argument.value))


@dataclasses.dataclass(frozen=True, slots=True)
class _Combination:
    """A combination of branches, given by the signs of the switches that are zero."""

    signs: tuple[int, ...]
    switches: tuple[Jet, ...]
    switch_gradients: Array  # (ties, d)
    value: Ball
    gradient: Array  # (d,)


def polytopes(
    program: Program, variables: Sequence[str], point: Mapping[str, Real]
) -> Polytopes | None:
    """Return inner and outer polytopes of the Clarke subdifferential, or None if undecided.

    Parameters
    ----------
    program
        A scalar program whose choices are continuous near the point.
    variables
        The inputs of the gradient.
    point
        The exact coordinates of every input.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> hulls = polytopes(parse("max(x, 2*x, 3*x, 4*x)"), ["x"], {"x": Real.of(0)})
    >>> sorted(set(hulls.inner[:, 0].tolist())), hulls.exact
    ([1.0, 4.0], True)
    """
    switches = active_switches(program, point)
    if switches is None:
        return None
    try:
        combinations = list(_combinations(program, variables, point))
    except (jets.TieError, Unsupported, RecursionError):
        return None
    if not all(c.value.is_finite() and np.isfinite(c.gradient).all() for c in combinations):
        return None
    if not _is_continuous(combinations):
        return None
    outer = _unique([c.gradient for c in combinations])
    by_signs = {c.signs: c for c in combinations}
    essential = [_is_essential(c, by_signs) for c in combinations]
    inner = _unique([c.gradient for c, e in zip(combinations, essential, strict=True) if e])
    # If all switches have the signs of piecewise affine functions, every limit of gradients is one
    # of these.
    is_decided = None not in essential and all(_is_affine_near(s, point) for s in switches)
    exact = bool(len(inner)) and (is_decided or len(inner) == len(outer))
    return Polytopes(inner, outer, exact)


def _combinations(
    program: Program, variables: Sequence[str], point: Mapping[str, Real]
) -> Iterator[_Combination]:
    """Yield every combination of branches, depth first."""
    waiting: list[tuple[int, ...]] = [()]
    while waiting:
        signs = waiting.pop()
        rules = _FixedSigns(signs)
        jet = _evaluate(program, variables, point, rules)
        ties = len(rules.switches)
        if ties > MAX_TIES:
            message = f"more than {MAX_TIES} switches are zero"
            raise jets.TieError(message)
        if ties > len(signs):
            waiting.extend([(*signs, -1), (*signs, 1)])
            continue
        switch_gradients = [_floats(s.gradient, len(variables)) for s in rules.switches]
        yield _Combination(
            signs,
            tuple(rules.switches),
            np.array(switch_gradients).reshape(ties, len(variables)),
            jet.value,
            _floats(jet.gradient, len(variables)),
        )


def _evaluate(
    program: Program, variables: Sequence[str], point: Mapping[str, Real], rules: _FixedSigns
) -> Jet:
    """Return the value and the gradient of a program at a point, in balls.

    Raises
    ------
    TieError
        If the program is undefined there, or a step function may jump.
    """
    with flint.ctx.workprec(_BITS):
        inputs = {
            name: Jet(
                x.ball(_BITS),
                tuple(flint.arb(int(name == v)) for v in variables) if name in variables else (),
            )
            for name, x in point.items()
        }
        jet = jets.evaluate(program, inputs, rules)
    if jet is None:
        message = "undefined"
        raise jets.TieError(message)
    return jet


def _floats(gradient: Sequence[Ball], count: int) -> Array:
    if not gradient:
        return np.zeros(count)
    return np.array([float(g.mid()) if g.is_finite() else np.nan for g in gradient])


def _is_continuous(combinations: Sequence[_Combination]) -> bool:
    """Return whether the combinations satisfy two necessary conditions of continuity.

    Their values are equal, and where one switch changes its sign, the gradient changes by a
    multiple of the gradient of that switch.
    """
    if not all(c.value.overlaps(combinations[0].value) for c in combinations):
        return False
    by_signs = {c.signs: c for c in combinations}
    for combination in combinations:
        for k, switch_gradient in enumerate(combination.switch_gradients):
            flipped = tuple(-s if i == k else s for i, s in enumerate(combination.signs))
            other = by_signs.get(flipped)
            if other is None:
                continue
            if not _is_multiple(combination.gradient - other.gradient, switch_gradient):
                return False
    return True


def _is_multiple(difference: Array, direction: Array) -> bool:
    """Return whether one vector is a multiple of another, up to `_SAME`."""
    size = float(np.abs(difference).max())
    if size == 0:
        return True
    length = float(np.linalg.norm(direction))
    if length == 0:
        return False
    unit = direction / length
    rest = difference - (difference @ unit) * unit
    return float(np.abs(rest).max()) <= _SAME * size


def _unique(gradients: Sequence[Array]) -> Array:
    """Return the gradients that differ from those before them, shape (k, d)."""
    kept: list[Array] = []
    for g in gradients:
        size = _SAME * (1e-300 + float(np.abs(g).max()))
        if not any(float(np.abs(g - k).max()) <= size for k in kept):
            kept.append(g)
    return np.array(kept)


def _is_essential(
    combination: _Combination, by_signs: Mapping[tuple[int, ...], _Combination]
) -> bool | None:
    """Return whether the signs occur on an open cone of directions, or None if undecided.

    Such a combination is essentially active (Scholtes 2012, section 4.3).
    """
    lengths = np.linalg.norm(combination.switch_gradients, axis=1)
    flat = np.flatnonzero(lengths == 0)
    steep = np.flatnonzero(lengths)
    if not len(steep):
        on_open_cone: bool | None = True
    else:
        unit_gradients = combination.switch_gradients[steep] / lengths[steep, None]
        signed = np.array(combination.signs)[steep, None] * unit_gradients
        on_open_cone = _is_on_open_cone(combination, steep, signed)
    if on_open_cone and len(flat) and not _is_independent_of(flat, combination, by_signs):
        return None
    return on_open_cone


def _is_independent_of(
    flat: NDArray[np.intp],
    combination: _Combination,
    by_signs: Mapping[tuple[int, ...], _Combination],
) -> bool:
    """Return whether the gradients are the same for all signs of the switches in `flat`.

    These switches have a zero gradient, so their signs near the point are unknown to first order.
    """
    choices = [(-1, 1) if k in flat else (sign,) for k, sign in enumerate(combination.signs)]
    for signs in itertools.product(*choices):
        other = by_signs.get(signs)
        if other is None or (other.switch_gradients != combination.switch_gradients).any():
            return False
        if (other.gradient != combination.gradient).any():
            return False
    return True


def _is_on_open_cone(
    combination: _Combination, steep: NDArray[np.intp], signed: Array
) -> bool | None:
    """Return whether some direction d has σ_j·r_j·d > 0 for all j, or None if undecided.

    r_j are the gradients of the switches in `steep`, σ_j their signs. By Gordan's theorem there is
    such a direction unless a sum of the σ_j·r_j with positive weights is zero.
    """
    weights = weights_of_min_norm(signed)
    shortest = signed.T @ weights
    length = float(np.linalg.norm(shortest))
    if length and float((signed @ shortest).min()) > _MARGIN * length:
        return True
    used = [steep[j] for j in np.flatnonzero(weights > _MARGIN)]
    with flint.ctx.workprec(_BITS):
        vectors = [
            [combination.signs[j] * g for g in combination.switches[j].gradient] for j in used
        ]
    return False if _is_zero_combination(vectors) else None


def _is_zero_combination(vectors: Sequence[Sequence[Ball]]) -> bool:
    """Return whether a sum of vectors with positive weights is zero within 2**-256.

    λ is the solution of (V·V' + 1·1')·λ = 1. If there are weights with Σ λ_j·v_j = 0 and
    Σ λ_j = 1, they solve this equation.
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


def _is_affine_near(switch: Program, point: Mapping[str, Real]) -> bool:
    """Return whether a switch that is zero at a point has a piecewise affine function's sign."""
    part = switch.at(essential_factor(switch, switch.output, point))
    return _is_piecewise_affine(part) or is_steep(part, point)


def _is_piecewise_affine(program: Program) -> bool:
    """Return whether a switch consists only of sums, constant multiples, and functions like max."""
    for _, node in program.calls():
        row = CATALOGUE[node.function]
        if row.piecewise_affine:
            continue
        constants = [_is_constant(program, a) for a in node.operands]
        scaled = row.operator == "*" and any(constants)
        if not scaled and not (row.operator == "/" and constants[1]) and not all(constants):
            return False
    return True


def _is_constant(program: Program, node: int) -> bool:
    return not program.at(node).inputs
