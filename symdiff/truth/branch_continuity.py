"""Prove that the two branches of a choice have equal values wherever its condition switches.

It does not suffice that they are equal at the point itself: ``where(y > 0, x, 0)`` is continuous
at (0, 0), and jumps at every other point with y = 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TypeGuard

import sympy as sp

from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.puiseux import Algebra, Germ, constant_germ
from symdiff.arithmetics.series.reals import MAX_BITS, Real, UndecidedError, sympy_zero_is_credible
from symdiff.arithmetics.symbolic import expression
from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import Unsupported
from symdiff.program.nodes import Builder, Call, Input, Node, Program
from symdiff.truth.primitives import expanded

_MAX_TREE = 200  # nodes of the largest difference that sympy simplifies
# Offsets from the point at which an answer of sympy is checked with balls.
_OFFSETS = (Fraction(3, 29), Fraction(-2, 31), Fraction(11, 7))


def is_continuous_across_branches(program: Program, point: Mapping[str, Real]) -> bool:
    """Return whether every choice in a program is proved to be continuous near a point.

    A choice is continuous if its condition is constant near the point. Otherwise the difference
    of its branches must be zero wherever the two sides of the comparison are equal.

    Parameters
    ----------
    program
        A scalar program.
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
    primitive = expanded(program, _always)
    return all(
        _is_continuous(primitive, node, point)
        for _, node in primitive.calls()
        if CATALOGUE[node.function].role == "choice"
    )


def _always(_: Function) -> bool:
    return True


def _is_continuous(program: Program, choice: Call, point: Mapping[str, Real]) -> bool:
    """Return whether a choice is proved to be continuous near a point."""
    condition, first, second = choice.operands
    if _is_constant_near(program, condition, point):
        return True
    builder = Builder.extending(program)
    difference = builder.program(builder.add(Call("subtract", (first, second))), program.sources)
    comparison = program.nodes[condition]
    if not _is_comparison(comparison):
        return False
    return any(
        _is_zero_where_constant(difference, program, side, other, point)
        or _is_zero_where_substituted(difference, program, side, other, point)
        for side, other in _sides(comparison)
    )


def _is_comparison(node: Node) -> TypeGuard[Call]:
    return isinstance(node, Call) and CATALOGUE[node.function].role == "comparison"


def _sides(comparison: Call) -> Iterator[tuple[int, int]]:
    x, y = comparison.operands
    yield x, y
    yield y, x


def _is_constant_near(program: Program, condition: int, point: Mapping[str, Real]) -> bool:
    """Return whether the sides of every comparison in a condition are proved to differ."""
    fixed = {name: constant_germ(value) for name, value in point.items()}
    algebra = Algebra(1, MAX_BITS)
    for index in program.dependencies(condition):
        node = program.nodes[index]
        if not _is_comparison(node):
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


def _is_zero_where_constant(
    difference: Program, program: Program, side: int, other: int, point: Mapping[str, Real]
) -> bool:
    """Return whether a difference is proved zero where `side` equals `other`, a constant.

    This is proved if the difference is a function of `side` alone and zero at the point.
    """
    is_constant = not program.at(other).inputs
    return is_constant and _depends_only_on(difference, side) and _is_zero_at(difference, point)


def _depends_only_on(difference: Program, node_index: int) -> bool:
    """Return whether a difference depends on the inputs only through one node."""
    waiting, seen = [difference.output], set()
    while waiting:
        index = waiting.pop()
        if index in seen or index == node_index:
            continue
        seen.add(index)
        node = difference.nodes[index]
        if isinstance(node, Input):
            return False
        if isinstance(node, Call):
            waiting.extend(node.operands)
    return True


def _is_zero_at(difference: Program, point: Mapping[str, Real]) -> bool:
    fixed = {name: constant_germ(value) for name, value in point.items()}
    germ = germs.evaluate(difference, fixed)
    try:
        return isinstance(germ, Germ) and Algebra(1, MAX_BITS).sign(germ.constant) == 0
    except UndecidedError:
        return False


def _is_zero_where_substituted(
    difference: Program, program: Program, side: int, other: int, point: Mapping[str, Real]
) -> bool:
    """Return whether a difference is proved zero where `side`, a variable, equals `other`.

    This is proved if sympy simplifies it to 0 with `other` substituted for the variable.
    """
    variable = program.nodes[side]
    if not isinstance(variable, Input) or variable.name in program.at(other).inputs:
        return False
    if difference.tree_size(difference.output) > _MAX_TREE:
        return False
    try:
        value = expression(program.at(other), exact=True)
        symbol = sp.Symbol(variable.name, real=True)
        on_boundary = expression(difference, exact=True).subs(symbol, value)
        is_zero = bool(on_boundary.is_zero or sp.simplify(on_boundary).is_zero)
    except (Unsupported, ArithmeticError, TypeError, ValueError, RecursionError):
        return False
    return is_zero and _balls_confirm(difference, program.at(other), variable.name, point)


def _balls_confirm(
    difference: Program, other: Program, variable: str, point: Mapping[str, Real]
) -> bool:
    """Return whether balls confirm that a difference is 0 on the boundary ``variable == other``.

    sympy may take a tiny number for zero.  So the ball of the difference must contain 0 at every
    test point where it can be computed, and there must be such a point.
    """
    is_tested = False
    for offset in _OFFSETS:
        inputs = {name: constant_germ(value + Real.of(offset)) for name, value in point.items()}
        germ = germs.evaluate(difference, {**inputs, variable: germs.evaluate(other, inputs)})
        if isinstance(germ, Germ):
            if not sympy_zero_is_credible(germ.constant):
                return False
            is_tested = True
    return is_tested
