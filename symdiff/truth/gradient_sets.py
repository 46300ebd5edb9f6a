"""The sets of gradients of first-order models, in doubles."""

from __future__ import annotations

import numpy as np

from symdiff.array_types import Array
from symdiff.truth.convex_sets import Choice, Cone, Hull, Image, Part, SignTest, Sum
from symdiff.truth.first_order import Atom, Center, Condition, Model


class GradientSets:
    """Converts first-order models in some variables to sets of gradients.

    An atom that several models share becomes a shared part of their sets.
    """

    def __init__(self, count: int) -> None:
        """Take the number of variables, which is the dimension of the gradients."""
        self._count = count
        self._parts: dict[int, tuple[Atom, Part]] = {}

    def of(self, model: Model) -> Sum:
        """Return the set of a model: the Clarke set if the model is exact, else a superset."""
        parts = ((float(c.mid()), self._part(atom)) for c, atom in model.terms.values())
        return Sum(self._vector(model.center), tuple(parts))

    def _vector(self, center: Center) -> Array:
        vector = np.zeros(self._count)
        for i, slope in center.items():
            vector[i] = float(slope.mid())
        return vector

    def _part(self, atom: Atom) -> Part:
        if id(atom) not in self._parts:
            self._parts[id(atom)] = atom, self._new_part(atom)
        return self._parts[id(atom)][1]

    def _new_part(self, atom: Atom) -> Part:
        if atom.kind == "norm":
            return Image(np.array([self._vector(m.center) for m in atom.members]), atom.p)
        members = tuple(self.of(member) for member in atom.members)
        if atom.kind == "cone":
            return Cone(members, atom.p)
        if atom.kind == "maximum":
            return Hull(members)
        assert atom.condition is not None  # noqa: S101  (a choice has one)
        return Choice(self._test(atom.condition), *members)

    def _test(self, condition: Condition) -> SignTest:
        switch = None if condition.switch is None else self.of(condition.switch)
        return SignTest(condition.operation, switch, tuple(map(self._test, condition.parts)))
