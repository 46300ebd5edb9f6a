"""Decide whether a function of several variables is continuous and differentiable at a point.

The function is that of the inputs of the program: of the numbers on the grid and of the components
of tensors that are differentiated by. All other tensors are data, and detached parts are constants:
neither moves.

Partial derivatives may exist where the function has no derivative, or is not even continuous. It
is differentiable (Fréchet) if bounds at all points near the point say so, or if the Clarke set is
one gradient. It is not if its behaviour along a line or a curve contradicts the partial
derivatives.

Source: Clarke 1983, proposition 2.2.4 (a single Clarke subgradient is a strict derivative); the
counterexamples along curves as in Gelbaum & Olmsted 1964, chapter 9.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.germs import Budget, Unknown, Value
from symdiff.arithmetics.series.growth import Growth, sign_or_none
from symdiff.arithmetics.series.puiseux import Germ, constant_germ
from symdiff.arithmetics.series.reals import ZERO, Real, nearest
from symdiff.labels import LabelledEnum
from symdiff.program import Program
from symdiff.truth.clarke import ClarkeBounds, clarke_bounds
from symdiff.truth.first_order import Model
from symdiff.truth.gradient import is_smooth
from symdiff.truth.kinds import Kind
from symdiff.truth.local_models import local_model
from symdiff.truth.near import bounds_near
from symdiff.truth.one_sided import rounded
from symdiff.truth.side_germs import detached_at, side_along
from symdiff.truth.sides import Side

_MOST_AXES: Final = 32  # largest number of variables whose axes are tried
_MOST_CURVES: Final = 48  # largest number of other curves that are tried
_MOST_IN_CLARKE: Final = 64  # largest number of variables for which a Clarke set is computed
MOST_NAMED: Final = 4  # largest number of variables that a sentence names
_SLOPES: Final = ((1, 1), (1, -1), (-1, 1), (-1, -1))
_STEEP: Final = ((1, 2), (1, -2), (2, 1), (-2, 1))
_PARAMETERS: Final = ("t", "s", "u", "tau", "sigma")  # names of the parameter of a curve
_BENT: Final = ((1, 2), (2, 1), (1, 3), (3, 1))  # exponents of t along two axes


class Joint(LabelledEnum):
    """What is decided about a function of all its variables together, at one point."""

    DIFFERENTIABLE = 0, "differentiable", "the function has a derivative (Fréchet) at the point"
    NOT_DIFFERENTIABLE = 1, "not-differentiable", "it is continuous, and has no derivative"
    DISCONTINUOUS = 2, "discontinuous", "it is not continuous, and so has no derivative"
    NO_DERIVATIVE = 3, "no-derivative", "it has no derivative; continuity is not decided"
    CONTINUOUS = 4, "continuous", "it is continuous; whether it has a derivative is not decided"
    UNDECIDED = 5, "undecided", "neither continuity nor differentiability is decided"
    LIMIT = 6, "limit", "it is undefined at the point, and has a limit there"
    NO_LIMIT = 7, "no-limit", "it is undefined at the point, and has no limit there"
    UNDEFINED = (
        8,
        "undefined",
        "it is undefined at the point; whether it has a limit is not decided",
    )

    @property
    def is_undefined(self) -> bool:
        """Whether the function is undefined at the point."""
        return self in {Joint.LIMIT, Joint.NO_LIMIT, Joint.UNDEFINED}


@dataclasses.dataclass(frozen=True, slots=True)
class JointTruth:
    """The truth about a function of all its variables at one point.

    Attributes
    ----------
    joint
        What is decided.
    reason
        The line or curve that shows it, the limit, or why it is not decided; or "".
    """

    joint: Joint
    reason: str = ""

    def sentence(self, variables: str) -> str:
        """Return the truth as a phrase about the function of some variables, such as "a and b"."""
        phrase = _PHRASES[self.joint].format(variables=variables)
        return f"{phrase}: {self.reason}" if self.reason else phrase


_PHRASES: Final = {
    Joint.DIFFERENTIABLE: "as a function of {variables} it is differentiable",
    Joint.NOT_DIFFERENTIABLE: "as a function of {variables} it is continuous, not differentiable",
    Joint.DISCONTINUOUS: "as a function of {variables} it is not continuous",
    Joint.NO_DERIVATIVE: "as a function of {variables} it is not differentiable",
    Joint.CONTINUOUS: "as a function of {variables} it is continuous, differentiability undecided",
    Joint.UNDECIDED: "as a function of {variables} continuity and differentiability are undecided",
    Joint.LIMIT: "as a function of {variables} it has a limit",
    Joint.NO_LIMIT: "as a function of {variables} it has no limit",
    Joint.UNDEFINED: "as a function of {variables} it is undecided whether it has a limit",
}


def decide_jointly(
    program: Program, point: Mapping[str, Real], budget: Budget | None = None
) -> JointTruth:
    """Return what is decided about a function of all its variables at a point.

    Parameters
    ----------
    program
        A scalar program.
    point
        The exact coordinates of every input.
    budget
        Limits on the precision, the order of series and the work.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> zero = {"x": Real.of(0), "y": Real.of(0)}
    >>> decide_jointly(parse("x*abs(y)"), zero).joint.label
    'differentiable'
    >>> truth = decide_jointly(parse("sqrt(abs(x*y))"), zero)
    >>> truth.joint.label, truth.reason
    ('not-differentiable', 'the slope is 1 along (x, y) = (t, t), and 0 along x and y')
    """
    if is_smooth(program, point):
        return JointTruth(Joint.DIFFERENTIABLE)
    limits = budget or Budget()
    detached = detached_at(program, point, limits)
    fixed: dict[str, Value] = {name: constant_germ(x) for name, x in point.items()}
    value = germs.evaluate(program, fixed, limits.orders[0], limits, held=detached)
    if isinstance(value, Unknown):
        return JointTruth(Joint.UNDECIDED, value.reason)
    return _decided(_CurveSearch(program, point, value, limits, detached))


def _decided(search: _CurveSearch) -> JointTruth:
    """Return what is decided at a point where the program may not be smooth."""
    program, point, value = search.program, search.point, search.value
    near = bounds_near(program, point, search.budget)
    if near.growth is not None and _has_derivative(near.growth, value, program):
        return JointTruth(Joint.DIFFERENTIABLE)
    names = near.candidates or program.inputs
    if not isinstance(value, Germ):
        return _undefined(search, near.growth, names)
    is_continuous = near.growth is not None and _is_continuous(near.growth, value, program)
    return _by_curves_or_clarke_set(search, names, is_continuous=is_continuous)


def _by_curves_or_clarke_set(
    search: _CurveSearch, names: Sequence[str], *, is_continuous: bool
) -> JointTruth:
    """Return what is decided along lines and curves through a point, or by the Clarke set."""
    found, slopes = search.along_axes(names, is_continuous=is_continuous)
    if found is not None and (is_continuous or found.joint is Joint.DISCONTINUOUS):
        return _with_continuity(found, is_continuous=is_continuous)
    # Before the curves, of which there are many: the Clarke set may make them needless.
    bounds = _bounds_of_gradients(search)
    is_continuous = is_continuous or bounds is not None
    if found is None and bounds is not None and bounds.is_one_gradient:
        return JointTruth(Joint.DIFFERENTIABLE)
    if found is None or not is_continuous:
        along = search.along_curves(names, slopes, is_continuous=is_continuous)
        found = (
            along if along is not None and along.joint is Joint.DISCONTINUOUS else found or along
        )
    if found is not None:
        return _with_continuity(found, is_continuous=is_continuous)
    if bounds is not None and _kinks_vanish(search):
        return JointTruth(Joint.DIFFERENTIABLE)
    return JointTruth(Joint.CONTINUOUS if is_continuous else Joint.UNDECIDED)


def _with_continuity(found: JointTruth, *, is_continuous: bool) -> JointTruth:
    """Return what excludes a derivative, with what is known about continuity."""
    if is_continuous and found.joint is Joint.NO_DERIVATIVE:
        return dataclasses.replace(found, joint=Joint.NOT_DIFFERENTIABLE)
    return found


def _is_near_everywhere(growth: Growth, program: Program) -> bool:
    """Return whether a function is defined at all points near a point, except maybe itself."""
    everything = (1 << len(program.inputs)) - 1
    return growth.undefined_at <= {everything}


def _is_continuous(growth: Growth, value: Value, program: Program) -> bool:
    if growth.limit is None or growth.order <= 0 or not isinstance(value, Germ):
        return False
    same = sign_or_none(growth.limit - value.constant) == 0
    return same and _is_near_everywhere(growth, program)


def _has_derivative(growth: Growth, value: Value, program: Program) -> bool:
    return growth.is_differentiable and _is_continuous(growth, value, program)


def _bounds_of_gradients(search: _CurveSearch) -> ClarkeBounds | None:
    """Return bounds of the Clarke set, if there are any, and not too many variables."""
    program = search.program
    if len(program.inputs) > _MOST_IN_CLARKE:
        return None
    bounds = clarke_bounds(program, program.inputs, search.point)
    return bounds if isinstance(bounds, ClarkeBounds) else None


def _kinks_vanish(search: _CurveSearch) -> bool:
    """Return whether the kinks of a continuous program have a size that is proved to be 0.

    The first-order model has multiples c·|s| of absolute values of smooth functions. If s has a
    slope along an axis, along which no other kink is met, the slopes on both sides differ by 2·c
    times that slope: so c is 0 if they are equal.
    """
    model = local_model(search.program, search.program.inputs, search.point)
    if not isinstance(model, Model):
        return False
    atoms = [atom for _, atom in model.terms.values()]
    for atom in atoms:
        if not atom.is_smooth_inside or len(atom.members) != 1:
            return False
        others = [other.inputs for other in atoms if other is not atom]
        steep = (i for i, slope in atom.members[0].center.items() if not slope.contains(0))
        alone = (i for i in steep if not any(inputs >> i & 1 for inputs in others))
        if not any(search.is_smooth_along(search.program.inputs[i]) for i in alone):
            return False
    return True


def _undefined(search: _CurveSearch, growth: Growth | None, names: Sequence[str]) -> JointTruth:
    """Return the truth at a point where the function is undefined."""
    is_known = growth is not None and growth.limit is not None and growth.order > 0
    if growth is not None and is_known and _is_near_everywhere(growth, search.program):
        assert growth.limit is not None  # noqa: S101  (it is known)
        return JointTruth(Joint.LIMIT, rounded(growth.limit))
    difference = search.two_limits(names)
    if difference:
        return JointTruth(Joint.NO_LIMIT, difference)
    return JointTruth(Joint.UNDEFINED)


# -- behaviour along curves


def _preferred(found: Iterator[JointTruth], *, is_continuous: bool) -> JointTruth | None:
    """Return the first truth; if continuity is not known, rather the first that excludes it."""
    first: JointTruth | None = None
    for truth in found:
        if is_continuous or truth.joint is Joint.DISCONTINUOUS:
            return truth
        first = first or truth
    return first


_Powers = Mapping[str, tuple[int, int]]  # a curve: c and e of the motion c·t^e, by variable


@dataclasses.dataclass(frozen=True, slots=True)
class _CurveSearch:
    """The search for lines and curves from a point along which no derivative is possible."""

    program: Program
    point: Mapping[str, Real]
    value: Value
    budget: Budget
    detached: Mapping[int, Value]

    def along(self, powers: _Powers) -> Side:
        """Return the behaviour along a curve."""
        curve: dict[str, Value] = {}
        for name, x in self.point.items():
            c, e = powers.get(name, (0, 1))
            start = constant_germ(x)
            terms = {**start.terms, (e, 0): Real.of(c)} if c else start.terms
            curve[name] = Germ(terms)
        return side_along(self.program, curve, self.value, self.budget, self.detached)

    def is_smooth_along(self, name: str) -> bool:
        """Return whether the slopes on both sides along an axis are proved to be equal."""
        right, left = (self.along({name: (c, 1)}).slope for c in (1, -1))
        return left is not None and right is not None and sign_or_none(left + right) == 0

    def along_axes(
        self, names: Sequence[str], *, is_continuous: bool
    ) -> tuple[JointTruth | None, dict[str, Real]]:
        """Return what excludes a derivative along one of the axes, or None, and the slopes.

        Unless the function is known to be continuous, what excludes continuity is preferred. The
        slopes of some axes are missing if an earlier one settles the question.
        """
        slopes: dict[str, Real] = {}
        found = _preferred(self._along_axes(names, slopes), is_continuous=is_continuous)
        return found, slopes

    def _along_axes(self, names: Sequence[str], slopes: dict[str, Real]) -> Iterator[JointTruth]:
        """Yield what excludes a derivative along the axes, and fill in the slopes along them."""
        for name in names[:_MOST_AXES]:
            sides = []
            for c in (1, -1):
                sides.append(self.along({name: (c, 1)}))
                found = self._excluded_alone(sides[-1], {name: (c, 1)})
                if found is not None:
                    yield found
            right, left = (side.slope for side in sides)
            if left is None or right is None:
                continue
            if sign_or_none(left + right):  # the slope along -x is minus that along x
                yield JointTruth(Joint.NO_DERIVATIVE, f"a kink along {name}")
            slopes[name] = right

    def along_curves(
        self, names: Sequence[str], slopes: Mapping[str, Real], *, is_continuous: bool
    ) -> JointTruth | None:
        """Return what excludes a derivative along other lines, or else along curves, or None."""
        along = (self._contradiction_along(powers, slopes) for powers in _curves(names))
        return _preferred(filter(None, along), is_continuous=is_continuous)

    def _contradiction_along(
        self, powers: _Powers, slopes: Mapping[str, Real]
    ) -> JointTruth | None:
        """Return why the behaviour along a curve excludes a derivative, or None.

        The slope along a curve has to be the sum of the partial derivatives times its velocities.
        """
        side = self.along(powers)
        found = self._excluded_alone(side, powers)
        moving = [name for name, (_, e) in powers.items() if e == 1]
        if found is not None or side.slope is None or not all(n in slopes for n in moving):
            return found
        expected = ZERO
        for name in moving:
            expected += slopes[name] * Real.of(powers[name][0])
        if not sign_or_none(side.slope - expected):
            return None
        by_slope: dict[str, list[str]] = {}
        for name in moving:
            by_slope.setdefault(rounded(slopes[name]), []).append(name)
        partials = ", ".join(f"{slope} along {listed(names)}" for slope, names in by_slope.items())
        if len(by_slope) > MOST_NAMED:
            partials = f"the partial derivatives add up to {rounded(expected)}"
        where = f"along {self.text(powers)}"
        reason = f"the slope is {rounded(side.slope)} {where}, and {partials}"
        return JointTruth(Joint.NO_DERIVATIVE, reason)

    def _excluded_alone(self, side: Side, powers: _Powers) -> JointTruth | None:
        """Return why the behaviour along one curve alone excludes a derivative, or None."""
        where = f"along {self.text(powers)}"
        if side.kind is Kind.OUTSIDE:
            return JointTruth(Joint.NO_DERIVATIVE, f"undefined {where}")
        if side.kind is Kind.JUMP and side.limit is not None:
            return JointTruth(Joint.DISCONTINUOUS, f"the limit is {rounded(side.limit)} {where}")
        if side.kind is Kind.POLE:
            return JointTruth(Joint.DISCONTINUOUS, f"it tends to {side.reason} {where}")
        if side.kind is Kind.VERTICAL:
            return JointTruth(Joint.NO_DERIVATIVE, f"an infinite slope {where}")
        if side.kind is Kind.OSCILLATING:
            joint = Joint.DISCONTINUOUS if side.limit is None else Joint.NO_DERIVATIVE
            return JointTruth(joint, f"{side.reason} {where}")
        return None

    def two_limits(self, names: Sequence[str]) -> str:
        """Return two curves along which the limits differ, or one without a limit, or ""."""
        axes = ({name: (s, 1)} for name in names[:_MOST_AXES] for s in (1, -1))
        first: tuple[Real | None, str] | None = None
        for powers in itertools.chain(axes, _curves(names)):
            side = self.along(powers)
            if side.kind is Kind.OSCILLATING and side.limit is None:
                return f"{side.reason} along {self.text(powers)}"
            if side.kind is not Kind.POLE and side.limit is None:
                continue
            limit = None if side.kind is Kind.POLE else side.limit
            words = f"{side.reason if limit is None else rounded(limit)} along {self.text(powers)}"
            if first is None:
                first = limit, words
                continue
            is_same = (
                first[1].split(" along ", maxsplit=1)[0] == words.split(" along ", maxsplit=1)[0]
            )
            if limit is not None and first[0] is not None:
                is_same = not sign_or_none(limit - first[0])
            if not is_same:
                return f"{first[1]}, {words}"
        return ""

    def text(self, powers: _Powers) -> str:
        """Return a curve as an equation, ``(x, y) = (t, 1 - t**2)``, or in words if it is long."""
        t = next((name for name in _PARAMETERS if name not in self.point), "the parameter")
        if len(powers) > MOST_NAMED:  # such a curve moves all variables alike
            ((c, _),) = set(powers.values())
            return f"{listed(list(powers))}, all moved by {'-' if c < 0 else ''}{t}"
        names, places = list(powers), []
        for name, (c, e) in powers.items():
            start = nearest(self.point[name])
            sign = "-" if c < 0 else ("+" if start else "")
            factor = "" if abs(c) == 1 else f"{abs(c)}*"
            motion = factor + (t if e == 1 else f"{t}**{e}")
            places.append(f"{start:.6g} {sign} {motion}" if start else f"{sign}{motion}")
        if len(names) == 1:
            return f"{names[0]} = {places[0]}"
        return f"({', '.join(names)}) = ({', '.join(places)})"


def listed(names: Sequence[str]) -> str:
    """Return names as text, at most `MOST_NAMED` of them.

    Examples
    --------
    >>> listed("xyz"), listed("abcdefg")
    ('x, y and z', 'a, b, c, d and 3 more')
    """
    named, more = names[:MOST_NAMED], len(names) - MOST_NAMED
    *first, last = [*named, f"{more} more"] if more > 0 else named
    return f"{', '.join(first)} and {last}" if first else last


def _curves(names: Sequence[str]) -> Iterator[_Powers]:
    """Yield lines that are not axes, and then curves, at most `_MOST_CURVES`."""
    pairs = list(itertools.combinations(names[:_MOST_AXES], 2))
    lines: list[_Powers] = []
    if len(names) > 2:
        lines += [dict.fromkeys(names, (s, 1)) for s in (1, -1)]
    for slopes, exponents in (
        (_SLOPES, ((1, 1),)),
        (_STEEP, ((1, 1),)),
        (_SLOPES, _BENT),
    ):
        for (x, y), (a, b), (e, f) in itertools.product(pairs, slopes, exponents):
            lines.append({x: (a, e), y: (b, f)})
    yield from lines[:_MOST_CURVES]
