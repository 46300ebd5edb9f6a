"""Prove that the two branches of a choice have equal values wherever its condition switches.

It does not suffice that they are equal at the point itself: ``where(y > 0, x, 0)`` is continuous
at (0, 0), and jumps at every other point with y = 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TypeGuard

import flint
import sympy as sp

from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.reading import apply
from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.puiseux import Algebra, Germ, constant_germ
from symdiff.arithmetics.series.reals import MAX_BITS, Real, UndecidedError, sympy_zero_is_credible
from symdiff.arithmetics.symbolic import expression
from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import Unsupported
from symdiff.program.nodes import Builder, Call, Input, Literal, Node, Program
from symdiff.truth.canonical_forms import is_identically_zero
from symdiff.truth.first_order import Model
from symdiff.truth.local_models import local_model
from symdiff.truth.primitives import expanded, with_choices_outside
from symdiff.truth.zero_sets import (
    essential_factor,
    has_factor,
    is_steep,
    is_zero_at,
    sides_of,
)

_BITS = 512  # precision of balls
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
    primitive = expanded(program, _has_no_column)
    if not all(
        _is_smooth(primitive, node, point) or _has_model(primitive.at(index), point)
        for index, node in primitive.calls()
        if CATALOGUE[node.function].definition is not None
    ):
        primitive = expanded(program, _always)
    return _are_continuous(primitive, point) or _are_continuous(
        with_choices_outside(primitive), point
    )


def _are_continuous(program: Program, point: Mapping[str, Real]) -> bool:
    """Return whether all choices of a program are proved to be continuous near a point."""
    return all(
        _is_continuous(program, node, point)
        for _, node in program.calls()
        if CATALOGUE[node.function].role == "choice"
    )


def _has_no_column(row: Function) -> bool:
    return not jets.has_column(row.name)


def _has_model(program: Program, point: Mapping[str, Real]) -> bool:
    """Return whether a call is known to be continuous where its arguments are."""
    return isinstance(local_model(program, program.inputs, point), Model)


def _is_smooth(program: Program, call: Call, point: Mapping[str, Real]) -> bool:
    """Return whether a function is proved to be smooth at its arguments' values at a point.

    The angle `atan2` is smooth off its cut, though its definition has branches there.
    """
    inputs = {name: constant_germ(value) for name, value in point.items()}
    arguments = []
    for k, operand in enumerate(call.operands):
        value = germs.evaluate(program.at(operand), inputs)
        if not isinstance(value, Germ):
            return False
        unit = tuple(flint.arb(int(j == k)) for j in range(len(call.operands)))
        try:
            arguments.append(jets.Jet(value.constant.ball(_BITS), unit))
        except UndecidedError:
            return False
    try:
        result = apply(CATALOGUE[call.function], jets.Jets(jets.Strict()), arguments)
    except (jets.TieError, Unsupported):
        return False
    return isinstance(result, jets.Jet) and result.is_finite


def _always(_: Function) -> bool:
    return True


def _is_continuous(program: Program, choice: Call, point: Mapping[str, Real]) -> bool:
    """Return whether a choice is proved to be continuous near a point."""
    condition, first, second = choice.operands
    if _is_constant_near(program, condition, point):
        return True
    builder = Builder.extending(program)
    difference = builder.program(builder.add(Call("subtract", (first, second))), program.sources)
    return all(
        _is_constant_near(program, boundary.comparison, point)
        or _is_zero_on(difference, program, boundary, point)
        for boundary in _boundaries(program, condition, {})
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Boundary:
    """Where a condition may switch: where the sides of one of its comparisons are equal.

    Attributes
    ----------
    comparison
        The node of the comparison.
    others
        The other comparisons that must be true or false for the condition to switch here.
    """

    comparison: int
    others: Mapping[int, bool]


def _boundaries(
    program: Program, condition: int, others: Mapping[int, bool]
) -> Iterator[_Boundary]:
    """Yield the boundaries of a condition of comparisons, conjunctions and disjunctions."""
    node = program.nodes[condition]
    if not isinstance(node, Call) or CATALOGUE[node.function].role != "logic":
        yield _Boundary(condition, others)
        return
    for index, operand in enumerate(node.operands):
        siblings = [a for k, a in enumerate(node.operands) if k != index]
        known = dict.fromkeys(siblings, CATALOGUE[node.function].operator == "and")
        yield from _boundaries(program, operand, {**others, **known})


def _is_zero_on(
    difference: Program, program: Program, boundary: _Boundary, point: Mapping[str, Real]
) -> bool:
    """Return whether a difference of branches is proved to be zero on a boundary."""
    comparison = program.nodes[boundary.comparison]
    if not _is_comparison(comparison):
        return False
    return (
        (has_factor(difference, comparison, point) and is_zero_at(difference, point))
        or any(
            _is_zero_where_constant(difference, program, side, other, point)
            for side, other in sides_of(comparison)
        )
        or _is_zero_where_substituted(difference, program, boundary, point)
    )


def _is_comparison(node: Node) -> TypeGuard[Call]:
    return isinstance(node, Call) and CATALOGUE[node.function].role == "comparison"


def _is_constant_near(program: Program, condition: int, point: Mapping[str, Real]) -> bool:
    """Return whether the sides of every comparison in a condition are proved to differ.

    A comparison without variables is constant, whatever its sides are.
    """
    fixed = {name: constant_germ(value) for name, value in point.items()}
    algebra = Algebra(1, MAX_BITS)
    for index in program.dependencies(condition):
        node = program.nodes[index]
        if not _is_comparison(node) or not program.at(index).inputs:
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
    return is_constant and _depends_only_on(difference, side) and is_zero_at(difference, point)


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


def _is_zero_where_substituted(
    difference: Program, program: Program, boundary: _Boundary, point: Mapping[str, Real]
) -> bool:
    """Return whether a difference is proved zero where a comparison is solved for a variable.

    The difference of the sides must be affine in the variable, with a rational factor. The proof is
    that sympy simplifies the difference of the branches to 0 with the solution substituted, where
    other comparisons of a variable with a number hold or fail as the boundary says.
    """
    comparison = program.nodes[boundary.comparison]
    assert isinstance(comparison, Call)  # noqa: S101  (see `_is_zero_on`)
    builder = Builder.extending(program)
    gap = builder.program(builder.add(Call("subtract", comparison.operands)), program.sources)
    if _is_zero_where_fixed(difference, gap, point):
        return True
    if difference.written_out > _MAX_TREE:
        return False
    bounds = dict(_bounds(program, boundary.others))
    try:
        branches, switch = expression(difference, exact=True), expression(gap, exact=True)
        for name in gap.inputs:
            symbol = sp.Symbol(name, real=True)
            factor = sp.expand(switch).diff(symbol)
            if not factor.is_Rational or factor == 0 or name in bounds:
                continue
            solution = sp.expand(symbol - switch / factor)
            if _is_simplified_to_zero(branches.subs(symbol, solution), bounds) and _balls_confirm(
                difference, gap, name, Fraction(int(factor.p), int(factor.q)), bounds, point
            ):
                return True
    except (Unsupported, ArithmeticError, TypeError, ValueError, RecursionError):
        return False
    return False


def _is_zero_where_fixed(difference: Program, gap: Program, point: Mapping[str, Real]) -> bool:
    """Return whether a difference is identically zero where one variable has its value.

    This is called for a boundary, where `gap` is zero, at that value of that variable alone.
    """
    part = gap.at(essential_factor(gap, gap.output, point))
    if not (is_steep(part, point) and is_zero_at(part, point)):
        return False
    (name,) = part.inputs
    rational = point[name].rational
    if rational is None:
        return False
    number = sp.Rational(int(rational.p), int(rational.q))
    values = {other: constant_germ(value) for other, value in point.items()}
    return is_identically_zero(difference, {name: number}, values)


def _is_inequality(comparison: Call) -> bool:
    """Return whether a comparison is one of <, <=, > and >=."""
    operator = CATALOGUE[comparison.function].operator
    return operator is not None and operator[0] in "<>"


def _bounds(program: Program, others: Mapping[int, bool]) -> Iterator[tuple[str, _Bound]]:
    """Yield, by variable, the bounds that follow from comparisons with numbers."""
    for index, holds in others.items():
        node = program.nodes[index]
        if not _is_comparison(node) or not _is_inequality(node):
            continue
        for k, (side, other) in enumerate(sides_of(node)):
            variable, number = program.nodes[side], program.nodes[other]
            if isinstance(variable, Input) and isinstance(number, Literal):
                is_lower = node.function.startswith("greater") == (k == 0)
                yield variable.name, _Bound(Fraction(number.value), 1 if is_lower == holds else -1)


@dataclasses.dataclass(frozen=True, slots=True)
class _Bound:
    """A bound of a variable: it is at least `number` for the direction 1, at most for -1."""

    number: Fraction
    direction: int


def _is_simplified_to_zero(difference: sp.Expr, bounds: Mapping[str, _Bound]) -> bool:
    """Return whether sympy simplifies a difference to 0 within bounds of variables."""
    for name, bound in bounds.items():
        start = sp.Rational(bound.number.numerator, bound.number.denominator)
        distance = sp.Symbol(f"{name}_distance", positive=True)
        symbol = sp.Symbol(name, real=True)
        difference = difference.subs(symbol, start + bound.direction * distance)
    return bool(difference.is_zero or sp.simplify(difference).is_zero)


def _balls_confirm(  # noqa: PLR0913, PLR0917  (the parts of a boundary)
    difference: Program,
    gap: Program,
    variable: str,
    factor: Fraction,
    bounds: Mapping[str, _Bound],
    point: Mapping[str, Real],
) -> bool:
    """Return whether balls confirm that a difference is 0 on the boundary where `gap` is 0.

    sympy may take a tiny number for zero.  So the ball of the difference must contain 0 at every
    test point where it can be computed, and there must be such a point.
    """
    is_tested = False
    for offset in _OFFSETS:
        numbers = {name: value + Real.of(offset) for name, value in point.items()}
        for name, bound in bounds.items():
            numbers[name] = Real.of(bound.number + bound.direction * abs(offset))
        inputs = {name: constant_germ(number) for name, number in numbers.items()}
        rest = germs.evaluate(gap, inputs)
        if not isinstance(rest, Germ):
            continue
        solution = numbers[variable] - rest.constant * Real.of(1 / factor)
        germ = germs.evaluate(difference, {**inputs, variable: constant_germ(solution)})
        if isinstance(germ, Germ):
            if not sympy_zero_is_credible(germ.constant):
                return False
            is_tested = True
    return is_tested
