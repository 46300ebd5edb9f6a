"""The first-order model of a function at a point: a linear function plus multiples of atoms.

Near x0 a value u of a program is written as

    u(x) = u(x0) + g·(x - x0) + Σ c_k·a_k(x) + r(x)

where the atoms a_k are functions with a kink at x0, such as |s| with a smooth s, a maximum, or a
norm, and r is strictly differentiable with derivative 0, so that it adds nothing to the Clarke set
(Clarke 1983, propositions 2.2.4 and 2.3.3). An atom is a function and not a set: multiples of the
same atom are added, so that relu(x) - relu(x) has none.

Source: Clarke 1983, theorems 2.3.9, 2.3.10 and proposition 2.3.12 (chain rule, maxima).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from fractions import Fraction

import flint

from symdiff.arithmetics.balls import Ball
from symdiff.truth.quadratics import Polynomial

Center = Mapping[int, Ball]  # by variable, the nonzero components of a gradient


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Missing:
    """A value of which no model is known; the reason says why."""

    reason: str


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """A function with a kink, given by the functions inside it.

    Attributes
    ----------
    kind
        ``norm``: the p-norm of smooth functions, |u| for one; ``cone``: the p-norm of functions
        u >= 0; ``maximum``; ``choice``: the first or the second, as `condition` says.
    members
        The functions inside.
    p
        The exponent of the norm.
    condition
        For a choice, the condition under which the first member is taken.
    is_regular
        Whether the atom is Clarke regular: a convex function of regular functions.
    is_finite
        Whether all numbers inside are finite.
    inputs
        The variables that the atom depends on, as bits.
    depth, weight
        How deeply atoms are nested in it, and their number, each counted as often as it occurs.
    """

    kind: str
    members: tuple[Model, ...]
    p: float = 2.0
    condition: Condition | None = None
    is_regular: bool = dataclasses.field(init=False)
    is_finite: bool = dataclasses.field(init=False)
    inputs: int = dataclasses.field(init=False)
    depth: int = dataclasses.field(init=False)
    weight: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Compute what follows from the functions inside, once: these may share atoms."""
        inner = [atom for member in self.members for _, atom in member.terms.values()]
        regular = self.kind != "choice" and all(member.is_regular for member in self.members)
        inputs = 0
        for member in self.members:
            inputs |= member.inputs
        object.__setattr__(self, "is_regular", regular)
        object.__setattr__(self, "is_finite", all(m.is_finite for m in self.members))
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "depth", 1 + max((a.depth for a in inner), default=0))
        object.__setattr__(self, "weight", 1 + sum(a.weight for a in inner))

    @property
    def is_smooth_inside(self) -> bool:
        """Whether the atom is a convex function of smooth functions."""
        return self.kind in {"norm", "maximum"} and not any(m.terms for m in self.members)


Key = Hashable
Terms = Mapping[Key, tuple[Ball, Atom]]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Powers:
    """A sum Σ w_i·|u_i|^p of functions u_i that are zero at the point.

    Attributes
    ----------
    p
        The exponent.
    terms
        The positive weights w_i, and the functions u_i.
    """

    p: Fraction
    terms: tuple[tuple[Ball, Model], ...]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A value of a program near a point, to first order.

    Attributes
    ----------
    value
        The value at the point.
    center
        The linear part g, by variable.
    terms
        The atoms by key, each with its coefficient.
    inputs
        The variables that the value depends on, as bits.
    polynomial
        The value as an exact polynomial of degree <= 2 in x - x0, or None.
    is_nonnegative
        Whether the value is proved to be >= 0 near the point.
    powers
        The value as a sum of powers, or None.
    is_analytic
        Whether the value is known to be an analytic function near the point.
    root_of
        The node of which the value is the square root near the point; None if not known.
    """

    value: Ball
    center: Center = dataclasses.field(default_factory=dict)
    terms: Terms = dataclasses.field(default_factory=dict)
    inputs: int = 0
    polynomial: Polynomial | None = None
    is_nonnegative: bool = False
    powers: Powers | None = None
    is_analytic: bool = False
    root_of: int | None = None

    @property
    def is_regular(self) -> bool:
        """Whether the value is Clarke regular: a sum of positive multiples of regular atoms."""
        return all(c > 0 and atom.is_regular for c, atom in self.terms.values())

    @property
    def is_finite(self) -> bool:
        """Whether the value and all slopes are finite."""
        numbers = [self.value, *self.center.values(), *(c for c, _ in self.terms.values())]
        atoms = all(atom.is_finite for _, atom in self.terms.values())
        return atoms and all(x.is_finite() for x in numbers)

    @property
    def constant(self) -> Fraction | None:
        """The value, if it is a known rational and depends on no variable."""
        if self.inputs or self.polynomial is None:
            return None
        return self.polynomial.constant


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A condition that is not decided at the point.

    Attributes
    ----------
    operation
        ``positive`` (the switch is > 0), ``negative``, ``logical_and``, ``logical_or`` or
        ``logical_not``.
    switch
        The switch of ``positive`` and ``negative``, which is zero at the point.
    key
        The key of the switch.
    parts
        The operands of the other operations.
    """

    operation: str
    switch: Model | None = None
    key: Key = None
    parts: tuple[Condition, ...] = ()

    def negated(self) -> Condition:
        """Return the opposite condition."""
        if self.operation in {"positive", "negative"}:
            other = "negative" if self.operation == "positive" else "positive"
            return dataclasses.replace(self, operation=other)
        return Condition("logical_not", parts=(self,))


def linear(
    value: Ball,
    pairs: Iterable[tuple[Ball, Model]],
    *,
    polynomial: Polynomial | None = None,
    is_nonnegative: bool = False,
) -> Model:
    """Return the model of a value that changes, to first order, by Σ c_k·u_k."""
    center: dict[int, Ball] = {}
    terms: dict[Key, tuple[Ball, Atom]] = {}
    inputs = 0
    for c, model in pairs:
        inputs |= model.inputs
        if c.is_zero():
            continue
        for i, slope in model.center.items():
            center[i] = center[i] + c * slope if i in center else c * slope
        for key, (factor, atom) in model.terms.items():
            added = c * factor
            terms[key] = (terms[key][0] + added, atom) if key in terms else (added, atom)
    kept = {i: slope for i, slope in center.items() if not slope.is_zero()}
    atoms = {key: (c, atom) for key, (c, atom) in terms.items() if not c.is_zero()}
    return Model(value, kept, atoms, inputs, polynomial, is_nonnegative)


def difference(x: Model, y: Model) -> Model:
    """Return the model of x - y."""
    polynomial = None
    if x.polynomial is not None and y.polynomial is not None:
        polynomial = x.polynomial.plus(y.polynomial, Fraction(-1))
    one = flint.arb(1)
    return linear(x.value - y.value, [(one, x), (-one, y)], polynomial=polynomial)


@dataclasses.dataclass(frozen=True, slots=True)
class Kinks:
    """The models of functions with a kink.

    Attributes
    ----------
    merges
        Whether |s| and |c·s| are multiples of one atom where s is known to be affine. Automatic
        differentiation chooses a slope for each of them, so its hull is computed without this.
    """

    merges: bool = True

    def size(self, switch: Model, key: Key) -> Model:
        """Return the model of |s| for a value s that is zero at the point."""
        zero = flint.arb(0)
        if switch.terms:
            if switch.is_nonnegative:
                return switch
            minus = linear(zero, [(flint.arb(-1), switch)])
            larger = _with_maximum(switch, minus, ("larger", key))
            return dataclasses.replace(larger, is_nonnegative=True)
        if not switch.center:
            return Model(zero, inputs=switch.inputs, is_nonnegative=True)
        slopes = switch.polynomial.slopes if switch.polynomial and self.merges else None
        if slopes is None:
            atom, factor, name = Atom("norm", (switch,)), flint.arb(1), ("size", key)
        else:
            lead = next(iter(slopes.values()))
            unit = {i: slope / lead for i, slope in slopes.items()}
            factor, name = _ball(abs(lead)), ("affine", tuple(unit.items()))
            center = {i: _ball(slope) for i, slope in unit.items()}
            atom = Atom("norm", (Model(zero, center, inputs=switch.inputs),))
        return Model(zero, {}, {name: (factor, atom)}, switch.inputs, is_nonnegative=True)

    def maximum(self, x: Model, y: Model, key: Key, pair: Key) -> Model:
        """Return the model of max(x, y) for values that are equal at the point.

        Parameters
        ----------
        x, y
            The values.
        key
            The key of the switch x - y.
        pair
            A key of both values.
        """
        switch = difference(x, y)
        is_nonnegative = x.is_nonnegative or y.is_nonnegative
        if switch.terms:
            larger = _with_maximum(x, y, ("maximum", pair))
            return dataclasses.replace(larger, is_nonnegative=is_nonnegative)
        half = flint.arb(0.5)
        pairs = [(half, x), (half, y), (half, self.size(switch, key))]
        return linear(x.value, pairs, is_nonnegative=is_nonnegative)

    def minimum(self, x: Model, y: Model, key: Key, pair: Key) -> Model:
        """Return the model of min(x, y) = -max(-x, -y); see `maximum`."""
        minus = flint.arb(-1)
        u, v = (linear(-w.value, [(minus, w)], polynomial=_times(w, -1)) for w in (x, y))
        larger = self.maximum(u, v, key, ("minimum", pair))
        both = x.is_nonnegative and y.is_nonnegative
        return linear(x.value, [(minus, larger)], is_nonnegative=both)

    def choice(self, condition: Condition, x: Model, y: Model, key: Key) -> Model | Missing:
        """Return the model of x where a condition holds, else y: a continuous function."""
        common, (x, y) = _without_common(x, y)
        if condition.switch is not None and not (x.terms or y.terms or condition.switch.terms):
            chosen = self._smooth_choice(condition, x, y)
            if not isinstance(chosen, Model):
                return chosen
            one = flint.arb(1)
            return linear(x.value, [(one, chosen), (one, common)])
        if not (x.terms or y.terms) and _are_equal(x.center, y.center):
            return linear(x.value, [(flint.arb(1), x), (flint.arb(1), common)])
        atom = Atom("choice", (x, y), condition=condition)
        return _with_atom(x.value, common, ("choice", key), atom)

    def _smooth_choice(self, condition: Condition, x: Model, y: Model) -> Model | Missing:
        """Return (x + y)/2 + m/2·|s| for a smooth switch s with ∇x - ∇y = m·∇s on its sides."""
        switch = condition.switch
        assert switch is not None  # noqa: S101  (checked by `choice`)
        if condition.operation == "negative":
            x, y = y, x
        half = flint.arb(0.5)
        change = difference(x, y).center
        middle = linear(x.value, [(half, x), (half, y)])
        if _are_equal(x.center, y.center):
            return middle
        m = _factor(change, switch.center)
        if m is None:
            atom = Atom("choice", (x, y), condition=Condition("positive", switch, condition.key))
            return _with_atom(x.value, Model(flint.arb(0)), ("choice", condition.key, x), atom)
        if m is False:
            return Missing("the branches of a condition differ where it switches near the point")
        return linear(
            x.value, [(flint.arb(1), middle), (half * m, self.size(switch, condition.key))]
        )

    def norm(self, p: Fraction, terms: Sequence[tuple[Ball, Model]], key: Key) -> Model:
        """Return the model of (Σ w_i·|u_i|^p)^(1/p) for functions u_i that are zero here."""
        zero = flint.arb(0)
        root = flint.arb(1) / _ball(p)
        members = [_without_size(_times_weight(w, root, u)) for w, u in terms]
        inputs = 0
        for u in members:
            inputs |= u.inputs
        if not any(u.center or u.terms for u in members):
            return Model(zero, inputs=inputs, is_nonnegative=True)
        if len(members) == 1:
            return self.size(members[0], key)
        if any(u.terms for u in members):
            sizes = tuple(self.size(u, (key, i)) for i, u in enumerate(members))
            atom = Atom("cone", sizes, float(p))
        else:
            atom = Atom("norm", tuple(members), float(p))
        return Model(zero, {}, {("norm", key): (flint.arb(1), atom)}, inputs, is_nonnegative=True)


def _times_weight(weight: Ball, root: Ball, u: Model) -> Model:
    """Return w^(1/p)·u for the term w·|u|^p of a norm."""
    if weight == 1:
        return u
    factor = weight**root
    return linear(flint.arb(0), [(factor, u)], is_nonnegative=u.is_nonnegative)


def _without_size(u: Model) -> Model:
    """Return c·s for a member c·|s| of a norm, where s is smooth."""
    if u.center or len(u.terms) != 1:
        return u
    ((c, atom),) = u.terms.values()
    if atom.kind != "norm" or len(atom.members) != 1:
        return u
    return linear(flint.arb(0), [(c, atom.members[0])])


def _times(u: Model, factor: int) -> Polynomial | None:
    return None if u.polynomial is None else u.polynomial.times(Fraction(factor))


def _with_maximum(x: Model, y: Model, key: Key) -> Model:
    """Return the model of max(x, y), with the atoms that both share outside the maximum."""
    common, (x, y) = _without_common(x, y)
    members = (*_operands_of_maximum(x), *_operands_of_maximum(y))
    return _with_atom(x.value, common, key, Atom("maximum", members))


def _operands_of_maximum(x: Model) -> tuple[Model, ...]:
    """Return u_i + g for a value max u_i + g with a linear g, and else the value itself."""
    if len(x.terms) != 1:
        return (x,)
    ((c, atom),) = x.terms.values()
    if atom.kind != "maximum" or not (c - 1).is_zero():
        return (x,)
    one = flint.arb(1)
    rest = Model(x.value, x.center, {}, x.inputs)
    return tuple(linear(x.value, [(one, rest), (one, u)]) for u in atom.members)


def _with_atom(value: Ball, common: Model, key: Key, atom: Atom) -> Model:
    """Return the model of a common part plus one atom."""
    alone = Model(value, {}, {key: (flint.arb(1), atom)}, atom.inputs)
    return linear(value, [(flint.arb(1), common), (flint.arb(1), alone)])


def _without_common(x: Model, y: Model) -> tuple[Model, tuple[Model, Model]]:
    """Return the atoms that two values share with equal coefficients, and the rest of both."""
    shared = {
        key: (c, atom)
        for key, (c, atom) in x.terms.items()
        if key in y.terms and (c - y.terms[key][0]).is_zero()
    }
    if not shared:
        return Model(flint.arb(0)), (x, y)
    rests = tuple(
        dataclasses.replace(
            u, terms={k: t for k, t in u.terms.items() if k not in shared}, polynomial=None
        )
        for u in (x, y)
    )
    return Model(flint.arb(0), {}, shared, x.inputs & y.inputs), (rests[0], rests[1])


def _are_equal(x: Center, y: Center) -> bool:
    """Return whether two gradients are proved to be equal up to 2**-256 of their size."""
    for i in {**x, **y}:
        a, b = x.get(i, flint.arb(0)), y.get(i, flint.arb(0))
        if not abs(a - b) <= (abs(a) + abs(b)) * flint.arb(2) ** -256:
            return False
    return True


def _factor(change: Center, switch: Center) -> Ball | bool | None:
    """Return m with change = m·switch; False if there is none, None if that is not known."""
    length = sum((s * s for s in switch.values()), flint.arb(0))
    if not length > 0:
        return None
    m = sum((c * switch[i] for i, c in change.items() if i in switch), flint.arb(0)) / length
    zero = flint.arb(0)
    rests = (change.get(i, zero) - m * switch.get(i, zero) for i in {**change, **switch})
    return m if all(rest.contains(0) for rest in rests) else False


def _ball(number: Fraction) -> Ball:
    return flint.arb(flint.fmpq(number.numerator, number.denominator))
