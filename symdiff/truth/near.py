"""Bound a function of several variables at all points near one point.

Parts that depend on one variable, or on one other part, are bounded by exact one-sided series, all
others by the rules of `arithmetics.series.growth`. The bounds say whether the function is
continuous and differentiable at the point.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import flint

from symdiff.arithmetics.reading import apply, detached_values
from symdiff.arithmetics.series import germs, growth
from symdiff.arithmetics.series.germs import Budget, Germs, Outside, Value
from symdiff.arithmetics.series.growth import Condition, Growth
from symdiff.arithmetics.series.puiseux import Germ, affine_germ, constant_germ
from symdiff.arithmetics.series.reals import ONE, ZERO, Real, UndecidedError
from symdiff.catalogue import CATALOGUE
from symdiff.errors import Unsupported
from symdiff.program.nodes import Call, Input, Program, Setting
from symdiff.truth.primitives import expanded

_ORDER: Final = 8  # order of the series of parts that depend on one variable
_MAX_NODES: Final = 4000  # largest number of nodes of a program that is bounded


@dataclasses.dataclass(frozen=True, slots=True)
class Near:
    """Bounds on a program near a point.

    Attributes
    ----------
    growth
        The limit, the exponents and the sign of the program near the point; None if not known.
    candidates
        The variables of the parts that are not differentiable, or not known to be.
    """

    growth: Growth | None
    candidates: tuple[str, ...]


def bounds_near(program: Program, point: Mapping[str, Real], budget: Budget) -> Near:
    """Return bounds on a program at all points near one point.

    Parameters
    ----------
    program
        A scalar program.
    point
        The exact coordinates of every input.
    budget
        Limits on the precision and the work.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> zero = {"x": Real.of(0), "y": Real.of(0)}
    >>> near = bounds_near(parse("x**2*y**2/(x**2 + y**2)"), zero, Budget())
    >>> near.growth.order, near.growth.is_differentiable
    (2, True)
    >>> bounds_near(parse("x*y + abs(y)"), zero, Budget()).candidates
    ('y',)
    """
    whole = expanded(program, lambda _: True)
    if len(whole.order) > _MAX_NODES:
        return Near(None, program.inputs)
    walk = _Walk(whole, point, budget)
    try:
        result = walk.output()
    except (UndecidedError, Unsupported, RecursionError, ZeroDivisionError):
        result = None
    return Near(result if isinstance(result, Growth) else None, walk.candidates())


_Known = Growth | Condition | None


class _Walk:
    """Bounds the nodes of a program, in the order of evaluation."""

    def __init__(self, program: Program, point: Mapping[str, Real], budget: Budget) -> None:
        self._program = program
        self._point = point
        self._budget = budget
        self._bits = {name: 1 << j for j, name in enumerate(program.inputs)}
        self._everything = (1 << len(program.inputs)) - 1
        self._known: dict[int, _Known] = {}
        self._depends: dict[int, int] = {}
        self._cuts: dict[int, int] = {}
        self._series: dict[tuple[int, int], dict[int, Value]] = {}
        fixed: dict[str, Value] = {name: constant_germ(x) for name, x in point.items()}

        def value(part: Program, held: Mapping[int, Value]) -> Value:
            return germs.evaluate(part, fixed, _ORDER, budget, held=held)

        self._detached = detached_values(program, value)
        self._fixed = fixed
        self._values: dict[int, Value] = dict(self._detached)

    def output(self) -> _Known:
        """Return the bounds on the output."""
        for index in self._program.order:
            self._depends[index] = self._dependence(index)
            self._cuts[index] = self._cut(index)
        return self._bound(self._program.output)

    def candidates(self) -> tuple[str, ...]:
        """Return the variables of the parts that are not known to be differentiable."""
        found = 0
        for index, known in self._known.items():
            if not _is_differentiable(known) and not self._is_linear_in_others(index):
                found |= self._depends.get(index, 0)
        return tuple(name for name, bit in self._bits.items() if found & bit)

    def _is_linear_in_others(self, index: int) -> bool:
        """Return whether a node only adds or scales its operands, of which one is in doubt itself.

        Then the variables of that operand are the candidates, not all of the node.
        """
        node = self._program.nodes[index]
        if not isinstance(node, Call):
            return False
        row = CATALOGUE[node.function]
        is_sum = row.is_polynomial and row.piecewise_affine
        is_multiple = row.operator == "*" and not all(self._depends[a] for a in node.operands)
        in_doubt = [not _is_differentiable(self._known.get(a)) for a in node.operands]
        return (is_sum or is_multiple) and any(in_doubt)

    def _dependence(self, index: int) -> int:
        """Return the set of the variables that a node depends on."""
        node = self._program.nodes[index]
        if index in self._detached:
            return 0
        if isinstance(node, Input):
            return self._bits[node.name]
        if isinstance(node, Call):
            return functools.reduce(int.__or__, (self._depends[a] for a in node.operands), 0)
        return 0

    def _cut(self, index: int) -> int:
        """Return the first node through which all paths from the variables to a node lead."""
        node = self._program.nodes[index]
        if not isinstance(node, Call) or not self._depends[index]:
            return index
        cuts = {self._cuts[a] for a in node.operands if self._depends[a]}
        return cuts.pop() if len(cuts) == 1 else index

    def _bound(self, index: int) -> _Known:
        if index not in self._known:
            self._known[index] = self._computed(index)
        return self._known[index]

    def _computed(self, index: int) -> _Known:
        node, cut = self._program.nodes[index], self._cuts[index]
        if not self._depends[index]:
            return self._constant(index)
        known = self._through(index, cut)
        if isinstance(known, Condition) or (known is not None and known.limit is not None):
            return known
        return (self._call(node) if isinstance(node, Call) else None) or known

    def _constant(self, index: int) -> _Known:
        if isinstance(self._program.nodes[index], Setting):
            return None
        value = self._value(index)
        if isinstance(value, bool):
            return Condition(value=value)
        return growth.constant(value.constant) if isinstance(value, Germ) else None

    def _through(self, index: int, cut: int) -> _Known:
        """Return the bounds on a node as a function of the only node that it depends on."""
        node = self._program.nodes[cut]
        if isinstance(node, Input):
            centre, inner = self._point[node.name], None
        elif cut == index:
            return None
        else:
            inner = _growth(self._bound(cut))
            if inner is None or inner.limit is None:
                return None
            centre = inner.limit
        is_one_sided = inner is not None and inner.sign != 0 and growth.is_zero(centre)
        signs = (inner.sign,) if inner is not None and is_one_sided else (-1, 1)
        sides = [self._along(index, cut, centre, s) for s in signs]
        value = self._along(index, cut, centre, 0)
        if inner is None:
            return self._on_axis(sides, value, self._depends[index])
        return self._of_inner(sides, value, inner)

    def _on_axis(self, sides: list[Value], value: Value, variable: int) -> _Known:
        """Return the bounds on a function of one variable from its germs and its value."""
        left, right = sides
        if isinstance(left, bool) and isinstance(right, bool) and isinstance(value, bool):
            return _condition(left, right, value, variable, self._everything)
        known = [side for side in sides if isinstance(side, Germ)]
        if len(known) < 2 or not isinstance(value, Germ | Outside):
            return None
        number = value.constant if isinstance(value, Germ) else None
        try:
            return growth.of_one_variable(known, number, variable)
        except UndecidedError:
            return None

    def _of_inner(self, sides: list[Value], value: Value, inner: Growth) -> _Known:
        """Return the bounds on a function of another node from its germs and its value."""
        if isinstance(value, bool):
            return Condition(value=value) if all(side is value for side in sides) else None
        known = [side for side in sides if isinstance(side, Germ)]
        if len(known) < len(sides) or not isinstance(value, Germ | Outside):
            return None
        number = value.constant if isinstance(value, Germ) else None
        try:
            return growth.compose(known, number, inner, self._everything)
        except UndecidedError:
            return None

    def _along(self, index: int, cut: int, centre: Real, s: int) -> Value:
        """Return the germ of a node while the node `cut` moves from `centre`, to one side."""
        cache = self._series.get((cut, s))
        if cache is None:
            moved = affine_germ(centre, Real.of(s)) if s else constant_germ(centre)
            cache = self._series[cut, s] = {**self._detached, cut: moved}
        return germs.evaluate(
            self._program.at(index), self._fixed, _ORDER, self._budget, cache=cache
        )

    def _value(self, index: int) -> Value:
        """Return the value of a node at the point."""
        return germs.evaluate(
            self._program.at(index), self._fixed, _ORDER, self._budget, cache=self._values
        )

    def _call(self, node: Call) -> _Known:  # noqa: PLR0911  (one for each kind of function)
        row = CATALOGUE[node.function]
        known = [self._bound(a) for a in node.operands]
        if row.role == "choice":
            condition, x, y = known
            if not isinstance(condition, Condition):
                return None
            return growth.choose(condition, _growth(x), _growth(y))
        if row.role == "comparison":
            return self._comparison(node)
        if row.role == "logic":
            return self._logic(row.operator, known)
        arguments = [x for x in known if isinstance(x, Growth)]
        if len(arguments) < len(known):
            return None
        column = _BINARY.get(row.name) if len(arguments) == 2 else None
        if column is not None:
            if node.operands[0] == node.operands[1]:
                return _TWICE[row.name](self, arguments[0])
            return column(self, *arguments)
        return self._of_one_argument(node, arguments)

    def sum(self, x: Growth, y: Growth) -> Growth | None:
        """Return the growth of x + y."""
        return growth.add(x, y, self._everything)

    def quotient(self, x: Growth, y: Growth) -> Growth | None:
        """Return the growth of x/y."""
        inverse = self._composed(Call("divide", (0, 1)), [growth.constant(ONE), y], 1)
        return None if inverse is None else growth.multiply(x, inverse)

    def larger(self, x: Growth, y: Growth) -> Growth | None:
        """Return the growth of the maximum of x and y."""
        return growth.larger(x, y, self._everything)

    def _comparison(self, node: Call) -> Condition:
        x, y = (_growth(self._bound(a)) for a in node.operands)
        if x is None or y is None:
            return Condition()
        difference = growth.add(x, growth.negative(y), self._everything)
        values = [self._value(a) for a in node.operands]
        is_exact = False
        if difference.floor is not None and all(isinstance(v, Germ) for v in values):
            depends = self._depends[node.operands[0]] | self._depends[node.operands[1]]
            first, second = (v.constant for v in values if isinstance(v, Germ))
            is_exact = not depends & ~difference.floor[0] and growth.is_zero(first - second)
        return growth.compared(node.function, difference, self._everything, is_exact=is_exact)

    def _logic(self, operator: str | None, known: list[_Known]) -> _Known:
        conditions = [c if isinstance(c, Condition) else Condition() for c in known]
        if operator is None:  # float
            one, zero = growth.constant(ONE), growth.constant(ZERO)
            return growth.choose(conditions[0], one, zero)
        if operator == "not":
            return conditions[0].negated()
        if operator == "and":
            return conditions[0].both(conditions[1], self._everything)
        if operator == "or":
            neither = conditions[0].negated().both(conditions[1].negated(), self._everything)
            return neither.negated()
        return None

    def _of_one_argument(self, node: Call, arguments: list[Growth]) -> Growth | None:
        """Return the growth of a function with one argument that varies; None if several vary."""
        moving = [k for k, a in enumerate(node.operands) if self._depends[a]]
        return self._composed(node, arguments, moving[0]) if len(moving) == 1 else None

    def _composed(self, node: Call, arguments: list[Growth], k: int) -> Growth | None:
        """Return the growth of a function of its k-th argument; the others are constants."""
        x, row = arguments[k], CATALOGUE[node.function]
        if x.limit is None:
            is_bounded = row.domain is None and _is_bounded(row.name)
            return Growth(None, 0, undefined_at=x.undefined_at) if is_bounded else None
        rests = [constant_germ(a.limit) for a in arguments if a.limit is not None]
        if len(rests) < len(arguments):
            return None
        limit = x.limit

        def germ(s: int) -> Value:
            moved = affine_germ(limit, Real.of(s)) if s else constant_germ(limit)
            values = [moved if j == k else rest for j, rest in enumerate(rests)]
            value: Value = apply(row, Germs(_ORDER, self._budget), values)
            return value

        signs = (x.sign,) if x.sign and growth.is_zero(limit) else (-1, 1)
        return _growth(self._of_inner([germ(s) for s in signs], germ(0), x))


def _negated_larger(bounds: _Walk, x: Growth, y: Growth) -> Growth | None:
    larger = bounds.larger(growth.negative(x), growth.negative(y))
    return None if larger is None else growth.negative(larger)


# The growth of functions of two arguments, and of those whose two arguments are the same node.
_BINARY: Final[Mapping[str, Callable[[_Walk, Growth, Growth], Growth | None]]] = MappingProxyType(
    {
        "add": lambda bounds, x, y: bounds.sum(x, y),
        "subtract": lambda bounds, x, y: bounds.sum(x, growth.negative(y)),
        "multiply": lambda _, x, y: growth.multiply(x, y),
        "divide": lambda bounds, x, y: bounds.quotient(x, y),
        "maximum": lambda bounds, x, y: bounds.larger(x, y),
        "minimum": _negated_larger,
    }
)
_TWICE: Final[Mapping[str, Callable[[_Walk, Growth], Growth | None]]] = MappingProxyType(
    {
        "add": lambda bounds, x: bounds.sum(x, x),
        "subtract": lambda _, x: dataclasses.replace(
            growth.constant(ZERO), undefined_at=x.undefined_at
        ),
        "multiply": lambda _, x: dataclasses.replace(growth.multiply(x, x), sign=1),
        "divide": lambda bounds, x: bounds.quotient(x, x),
        "maximum": lambda _, x: x,
        "minimum": lambda _, x: x,
    }
)


def _growth(known: _Known) -> Growth | None:
    return known if isinstance(known, Growth) else None


def _is_differentiable(known: _Known) -> bool:
    if isinstance(known, Condition):
        return known.value is not None
    return known is not None and known.is_differentiable and not known.undefined_at


def _condition(
    left: bool,  # noqa: FBT001  (a condition on both sides and at the point)
    right: bool,  # noqa: FBT001
    value: bool,  # noqa: FBT001
    variable: int,
    everything: int,
) -> Condition:
    """Return the condition on one variable with these values on both sides and at the point."""
    if left != right:
        return Condition()
    if left == value:
        return Condition(value=value)
    return growth.exceptional(variable, everything, exception=value, is_exact=True)


@functools.cache
def _is_bounded(row: str) -> bool:
    """Return whether a function of one argument is bounded on the whole line."""
    column = CATALOGUE[row].column("ball")
    if column is None or len(CATALOGUE[row].parameters) != 1:
        return False
    return bool(column(flint.arb(0, flint.arb("inf"))).is_finite())
