"""Read a program at a point as a first-order model, node by node.

The values and slopes are balls of 512 bits. Whether a switch is zero at the point is proved by the
balls, by an exact polynomial, or by the exact value of the node.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import flint

from symdiff.arithmetics.balls import BALLS
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.puiseux import Algebra, Germ, constant_germ
from symdiff.arithmetics.series.reals import MAX_BITS, Real, UndecidedError
from symdiff.catalogue import CATALOGUE, Function
from symdiff.program import Call, Constant, Input, Literal, Program
from symdiff.truth.first_order import Center, Kinks, Missing, Model
from symdiff.truth.hessians import factor_at_minimum
from symdiff.truth.primitives import expanded
from symdiff.truth.quadratics import Polynomial
from symdiff.truth.selection_models import BY_ROLE, SELECTIONS
from symdiff.truth.sites import Outcome, Site, Value, as_number, constant_polynomial, number
from symdiff.truth.smooth_models import FUNCTIONS, smooth

_BITS: Final = 512  # precision of the balls
_MAX_DEPTH: Final = 50  # of nested atoms
_MAX_WEIGHT: Final = 200  # atoms inside one atom


def local_model(
    program: Program,
    variables: Sequence[str],
    point: Mapping[str, Real],
    *,
    merges: bool = True,
) -> Outcome:
    """Return the first-order model of a program at a point, or why there is none.

    Parameters
    ----------
    program
        A scalar program whose choices are continuous near the point.
    variables
        The inputs of the gradient; the others are held.
    point
        The exact coordinates of every input.
    merges
        As in `Kinks`.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> zero = {"x": Real.of(0), "y": Real.of(0)}
    >>> model = local_model(parse("3*sqrt(x**2 + y**2) - x"), ["x", "y"], zero)
    >>> [(float(c.mid()), atom.kind) for c, atom in model.terms.values()]
    [(3.0, 'norm')]
    >>> local_model(parse("relu(x) - relu(-x)"), ["x"], zero).terms
    {}
    """
    with flint.ctx.workprec(_BITS):
        return _Reader(expanded(program, _expands), variables, point, Kinks(merges)).model()


# Rows whose definition shows the norm at zero that their derivative does not.
_WITH_CONES: Final = frozenset({"hypot"})


def _expands(row: Function) -> bool:
    """Return whether models read a row by its definition: it has kinks, or no derivative."""
    if _column(row) is not smooth:
        return False
    return row.name in _WITH_CONES or (row.derivative is None and not jets.has_column(row.name))


def _column(row: Function) -> Callable[..., Value]:
    """Return the function that makes the model of a call."""
    return FUNCTIONS.get(row.name) or SELECTIONS.get(row.name) or BY_ROLE.get(row.role) or smooth


class _Reader:
    """The models of the nodes of one program at one point."""

    def __init__(
        self, program: Program, variables: Sequence[str], point: Mapping[str, Real], kinks: Kinks
    ) -> None:
        self._program = program
        self._variables = {name: i for i, name in enumerate(variables)}
        self._point = point
        self._kinks = kinks
        self._germs = {name: constant_germ(x) for name, x in point.items()}
        self._exact: dict[int, Any] = {}  # germs by node
        self._values: dict[int, Value] = {}

    def model(self) -> Outcome:
        """Return the model of the program's output."""
        for index in self._program.order:
            self._values[index] = self._read(index)
        value = as_number(self._values[self._program.output])
        if isinstance(value, Model) and not value.is_finite:
            return Missing("a slope at the point is infinite or not known")
        return value

    def _read(self, index: int) -> Value:
        node = self._program.nodes[index]
        if isinstance(node, Input):
            return self._input(node.name)
        if isinstance(node, Literal):
            return node.value if isinstance(node.value, bool) else number(node.value)
        if isinstance(node, Constant):
            return Model(BALLS.constant(node.name), is_nonnegative=True, is_analytic=True)
        return self._call(index, node) if isinstance(node, Call) else Missing("a setting")

    def _input(self, name: str) -> Model:
        x = self._point[name]
        value = x.ball(_BITS)
        rational = None if x.rational is None else Fraction(int(x.rational.p), int(x.rational.q))
        constant = constant_polynomial(rational)
        i = self._variables.get(name)
        if i is None:
            is_nonnegative = bool(value >= 0)
            return Model(
                value, polynomial=constant, is_nonnegative=is_nonnegative, is_analytic=True
            )
        offset = Polynomial({(i,): Fraction(1)})
        return Model(
            value,
            {i: flint.arb(1)},
            inputs=1 << i,
            polynomial=None if constant is None else constant.plus(offset),
            is_nonnegative=bool(value > 0),
            is_analytic=True,
        )

    def _call(self, index: int, node: Call) -> Value:
        row = CATALOGUE[node.function]
        site = Site(
            self._program, index, node, self._values, self._kinks, self._compare, self._factor
        )
        arguments = [self._values[a] for a in node.operands]
        if row.role not in {"choice", "logic"}:
            arguments = [as_number(a) for a in arguments]
            missing = next((a for a in arguments if isinstance(a, Missing)), None)
            if missing is not None:
                return missing
        result = _column(row)(site, *arguments)
        if not isinstance(result, Model):
            return result
        atoms = [atom for _, atom in result.terms.values()]
        if any(a.depth > _MAX_DEPTH or a.weight > _MAX_WEIGHT for a in atoms):
            return Missing("too many functions with kinks are nested here")
        return self._checked(index, result)

    def _checked(self, index: int, model: Model) -> Model:
        """Return a model with an exact zero for a value that is proved to be zero."""
        value = model.value
        if value > 0:
            return dataclasses.replace(model, is_nonnegative=True)
        if value.is_zero() or not value.contains(0) or not value.is_finite():
            return model
        exact = self._number(index)
        if exact is None or _sign(exact) != 0:
            return model
        return dataclasses.replace(model, value=flint.arb(0))

    def _number(self, index: int) -> Real | None:
        """Return the exact value of a node, or None."""
        value = germs.evaluate(self._program.at(index), self._germs, cache=self._exact)
        return value.constant if isinstance(value, Germ) else None

    def _compare(self, first: int, second: int) -> int | None:
        """Return the proved sign of the difference of two nodes at the point, or None."""
        x, y = (as_number(self._values[a]) for a in (first, second))
        if isinstance(x, Missing) or isinstance(y, Missing):
            return None
        if x.value > y.value or x.value < y.value:
            return 1 if x.value > y.value else -1
        if first == second or (x.value.is_zero() and y.value.is_zero()):
            return 0
        return self._exact_comparison(first, second)

    def _factor(self, program: Program, inputs: int) -> Sequence[Center] | None:
        """Return the rows of A for a program that is |A·(x - x0)|² to second order, or None."""
        names = {i: name for name, i in self._variables.items() if inputs >> i & 1}
        rows = factor_at_minimum(program, tuple(names.values()), self._point, _BITS)
        if rows is None:
            return None
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _exact_comparison(self, first: int, second: int) -> int | None:
        """Return the sign of the difference of two nodes' exact values, or None."""
        numbers = self._number(first), self._number(second)
        if numbers[0] is None or numbers[1] is None:
            return None
        return _sign(numbers[0] - numbers[1])


def _sign(exact: Real) -> int | None:
    """Return the proved sign of a number, or None."""
    try:
        return Algebra(1, MAX_BITS).sign(exact)
    except UndecidedError:
        return None
