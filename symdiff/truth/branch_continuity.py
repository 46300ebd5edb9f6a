"""Whether the branches of a choice meet along their whole joint, not at one point of it only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

import sympy as sp

from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.puiseux import Algebra, Germ, constant
from symdiff.arithmetics.series.reals import MAX_BITS, Real, UndecidedError, may_be_zero
from symdiff.arithmetics.symbolic import expression
from symdiff.catalogue import CATALOGUE
from symdiff.errors import Unsupported
from symdiff.program.nodes import Builder, Call, Input, Program, Setting
from symdiff.program.parser import default, definition

_CHOICES = frozenset({"where", "ifelse"})
_COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})
_MAX_TREE = 200  # nodes of a difference that is given to sympy
_BESIDE = (Fraction(3, 29), Fraction(-2, 31), Fraction(11, 7))  # where sympy's answer is tried


def is_continuous_across_branches(program: Program, point: Mapping[str, Real]) -> bool:
    """Tell whether it is proved that no choice jumps at the point or beside it.

    A choice whose condition is decided at the point has no joint there. Where it is not, the
    difference of the branches has to vanish wherever the two sides of the comparison are equal.

    Parameters
    ----------
    program
        The expression.
    point
        The exact coordinates of every input.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> zero = {"x": Real.of(0), "y": Real.of(0)}
    >>> is_continuous_across_branches(parse("where(y > 0, x*y, 0)"), zero)
    True
    >>> is_continuous_across_branches(parse("where(y > 0, x, 0)"), zero)
    False
    """
    written = _written_out(program)
    return all(
        _is_continuous(written, node, point)
        for index, node in written.calls()
        if node.function in _CHOICES
    )


def _written_out(program: Program) -> Program:
    """Return a Program with the choices inside its rows' definitions brought to light."""
    builder = Builder()
    moved: dict[int, int] = {}
    for index in sorted(program.dependencies(program.output)):
        node = program.nodes[index]
        if isinstance(node, Call):
            arguments = tuple(None if a is None else moved[a] for a in node.arguments)
            moved[index] = _add_call(builder, Call(node.function, arguments))
        else:
            moved[index] = builder.add(node)
    return builder.program(moved[program.output], program.sources)


def _add_call(builder: Builder, call: Call) -> int:
    row = CATALOGUE[call.function]
    if row.definition is None:
        return builder.add(call)
    given = [builder.nodes[a] for a in call.operands]
    words = [n.value for n in given if isinstance(n, Setting)]
    inner = _written_out(definition(row.name, words[0] if words else None))
    bound: dict[str, int] = {}
    padded = [*call.arguments, *[None] * (len(row.parameters) - len(call.arguments))]
    for parameter, argument in zip(row.parameters, padded, strict=True):
        if argument is not None:
            bound[parameter.name] = argument
        elif parameter.default is not None and parameter.kind != "choice":
            bound[parameter.name] = builder.copy(default(parameter.default), {})
    return builder.copy(inner, bound)


def _is_continuous(program: Program, node: Call, point: Mapping[str, Real]) -> bool:
    condition, first, second = node.operands
    if _decided(program, condition, point):
        return True
    builder = Builder.extending(program)
    difference = builder.program(builder.add(Call("subtract", (first, second))), program.sources)
    comparison = program.nodes[condition]
    if not isinstance(comparison, Call) or comparison.function not in _COMPARISONS:
        return False
    return any(
        _vanishes_at_level(difference, program, moving, other, point)
        or _vanishes_on_joint(difference, program, moving, other, point)
        for moving, other in _sides(comparison)
    )


def _sides(comparison: Call) -> Iterator[tuple[int, int]]:
    x, y = comparison.operands
    yield x, y
    yield y, x


def _decided(program: Program, condition: int, point: Mapping[str, Real]) -> bool:
    """Tell whether all comparisons under a condition are off their switch."""
    fixed = {name: constant(value) for name, value in point.items()}
    algebra = Algebra(1, MAX_BITS)
    for index in program.dependencies(condition):
        node = program.nodes[index]
        if not isinstance(node, Call) or node.function not in _COMPARISONS:
            continue
        values = [germs.evaluate(program.at(a), fixed) for a in node.operands]
        if any(isinstance(v, germs.Infinite) for v in values):
            continue
        if not all(isinstance(v, Germ) for v in values):
            return False
        try:
            if algebra.sign(values[0].constant - values[1].constant) == 0:  # type: ignore[union-attr]
                return False
        except UndecidedError:
            return False
    return True


def _vanishes_at_level(
    difference: Program, program: Program, moving: int, other: int, point: Mapping[str, Real]
) -> bool:
    """Tell whether a difference is a function of one side, and zero at the other, a constant."""
    constant_side = not program.at(other).inputs
    return constant_side and _depends_on_one(difference, moving) and _vanishes(difference, point)


def _depends_on_one(difference: Program, moving: int) -> bool:
    """Tell whether a difference depends on the inputs through one node only."""
    waiting, seen = [difference.output], set()
    while waiting:
        index = waiting.pop()
        if index in seen or index == moving:
            continue
        seen.add(index)
        node = difference.nodes[index]
        if isinstance(node, Input):
            return False
        if isinstance(node, Call):
            waiting.extend(node.operands)
    return True


def _vanishes(difference: Program, point: Mapping[str, Real]) -> bool:
    fixed = {name: constant(value) for name, value in point.items()}
    value = germs.evaluate(difference, fixed)
    try:
        return isinstance(value, Germ) and Algebra(1, MAX_BITS).sign(value.constant) == 0
    except UndecidedError:
        return False


def _vanishes_on_joint(
    difference: Program, program: Program, moving: int, other: int, point: Mapping[str, Real]
) -> bool:
    """Put the other side of a comparison in the place of a variable, and let sympy look."""
    variable = program.nodes[moving]
    if not isinstance(variable, Input) or variable.name in program.at(other).inputs:
        return False
    if difference.tree_size(difference.output) > _MAX_TREE:
        return False
    try:
        value = expression(program.at(other), exact=True)
        found = expression(difference, exact=True).subs(sp.Symbol(variable.name, real=True), value)
        known = bool(found.is_zero or sp.simplify(found).is_zero)
    except (Unsupported, ArithmeticError, TypeError, ValueError, RecursionError):
        return False
    return known and _seems_zero_beside(difference, program.at(other), variable.name, point)


def _seems_zero_beside(
    difference: Program, other: Program, variable: str, point: Mapping[str, Real]
) -> bool:
    """Tell whether no ball contradicts sympy at some points of the joint, and one is looked at."""
    looked_at = False
    for offset in _BESIDE:
        beside = {name: constant(value + Real.of(offset)) for name, value in point.items()}
        value = germs.evaluate(other, beside)
        found = germs.evaluate(difference, {**beside, variable: value})
        if isinstance(found, Germ):
            if not may_be_zero(found.constant):
                return False
            looked_at = True
    return looked_at
