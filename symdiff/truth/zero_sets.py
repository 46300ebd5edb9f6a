"""Where a switch is zero near a point: with one of its factors, or at one value of a variable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import flint

from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.jets import Jet
from symdiff.arithmetics.series import germs
from symdiff.arithmetics.series.puiseux import Algebra, Germ, constant_germ
from symdiff.arithmetics.series.reals import MAX_BITS, Real, UndecidedError
from symdiff.catalogue import CATALOGUE
from symdiff.errors import Unsupported
from symdiff.program.nodes import Builder, Call, Literal, Program

_BITS: Final = 256  # precision of balls


def essential_factor(program: Program, index: int, point: Mapping[str, Real]) -> int:
    """Return the factor of a node that alone decides where the node is zero near a point.

    The other factors are smooth and not zero there.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> program, point = parse("-x*y/exp(x)"), {"x": Real.of(0), "y": Real.of(-1)}
    >>> program.text_of(essential_factor(program, program.output, point))
    'x'
    """
    node = program.nodes[index]
    if not isinstance(node, Call):
        return index
    operator = CATALOGUE[node.function].operator
    if operator in {"u-", "u+"}:
        return essential_factor(program, node.operands[0], point)
    if operator == "-":
        subtrahend = program.nodes[node.operands[1]]
        is_zero = isinstance(subtrahend, Literal) and subtrahend.value == 0
        return essential_factor(program, node.operands[0], point) if is_zero else index
    if operator in {"*", "/"}:
        first, second = node.operands
        if _is_smooth_and_nonzero(program.at(second), point):
            return essential_factor(program, first, point)
        if operator == "*" and _is_smooth_and_nonzero(program.at(first), point):
            return essential_factor(program, second, point)
    return index


def is_steep(program: Program, point: Mapping[str, Real]) -> bool:
    """Return whether a program is a smooth function of one variable whose slope is not zero.

    If it is zero at the point, it is zero nearby only there, and has the sign of ±(x - x0).

    Examples
    --------
    >>> from symdiff.program import parse
    >>> [is_steep(parse(text), {"x": Real.of(0)}) for text in ("gelu(x)", "x**2", "abs(x)")]
    [True, False, False]
    """
    jet = _jet(program, point) if len(program.inputs) == 1 else None
    return jet is not None and bool(jet.gradient) and bool(jet.gradient[0] != 0)


def _is_smooth_and_nonzero(program: Program, point: Mapping[str, Real]) -> bool:
    jet = _jet(program, point)
    return jet is not None and bool(jet.value != 0)


def _jet(program: Program, point: Mapping[str, Real]) -> Jet | None:
    """Return the value and the slopes of a program at a point; None if it may not be smooth."""
    names = program.inputs
    with flint.ctx.workprec(_BITS):
        try:
            inputs = {
                name: Jet(point[name].ball(_BITS), tuple(flint.arb(int(n == name)) for n in names))
                for name in names
            }
            jet = jets.evaluate(program, inputs, jets.Strict())
        except (jets.TieError, Unsupported, UndecidedError, RecursionError):
            return None
    return jet if jet is not None and jet.is_finite else None


def has_factor(difference: Program, comparison: Call, point: Mapping[str, Real]) -> bool:
    """Return whether a difference is zero, by its form, where the sides of a comparison are equal.

    The form is made of products with a factor that is zero there, and of their sums, powers,
    absolute values, extrema and choices.
    """
    zeros = set(_zeros(difference, comparison))
    zeros.update(_zeros_nearby(difference, comparison, point))
    vanishes: dict[int, bool] = {}
    for index in difference.order:
        node = difference.nodes[index]
        if isinstance(node, Call):
            vanishes[index] = index in zeros or _vanishes(difference, node, vanishes)
        else:
            is_zero = isinstance(node, Literal) and node.value == 0
            vanishes[index] = index in zeros or is_zero
    return vanishes[difference.output]


def _zeros(difference: Program, comparison: Call) -> Iterator[int]:
    """Yield nodes that are zero where the sides of a comparison are equal."""
    pairs = [set(comparison.operands)]
    for side, other in sides_of(comparison):
        literal = difference.nodes[other]
        if isinstance(literal, Literal) and literal.value == 0:
            yield side
            node = difference.nodes[side]
            if isinstance(node, Call) and CATALOGUE[node.function].operator == "-":
                pairs.append(set(node.operands))
    for index, node in difference.calls():
        if CATALOGUE[node.function].operator == "-" and set(node.operands) in pairs:
            yield index


def _zeros_nearby(
    difference: Program, comparison: Call, point: Mapping[str, Real]
) -> Iterator[int]:
    """Yield nodes that are zero near a point where the sides of a comparison are equal.

    These are a factor of a side, if the other factors are not zero, and all functions of one
    variable that are zero at the point, if the sides are equal at that value of it alone.
    """
    builder = Builder.extending(difference)
    gap = builder.add(Call("subtract", comparison.operands))
    program = builder.program(gap, difference.sources)
    factor = essential_factor(program, gap, point)
    yield factor
    part = program.at(factor)
    if is_steep(part, point) and is_zero_at(part, point):
        for index in difference.order:
            function = difference.at(index)
            if function.inputs == part.inputs and is_zero_at(function, point):
                yield index


def _vanishes(program: Program, node: Call, vanishes: Mapping[int, bool]) -> bool:
    """Return whether a call is zero, given which of its operands are."""
    row = CATALOGUE[node.function]
    operands = [vanishes[a] for a in node.operands]
    if row.operator == "*":
        return any(operands)
    if row.is_power:
        exponent = program.nodes[node.operands[1]]
        return operands[0] and isinstance(exponent, Literal) and exponent.value > 0
    if row.operator == "/" or row.zero_at == 0:
        return operands[0]
    if row.role == "choice":
        return all(operands[1:])
    same = row.operator == "-" and node.operands[0] == node.operands[1]
    # Functions of two arguments that are piecewise affine are zero where both arguments are.
    return same or (row.piecewise_affine and len(operands) == 2 and all(operands))


def sides_of(comparison: Call) -> Iterator[tuple[int, int]]:
    """Yield both sides of a comparison, each with the other one."""
    x, y = comparison.operands
    yield x, y
    yield y, x


def is_zero_at(program: Program, point: Mapping[str, Real]) -> bool:
    """Return whether a program is proved to be zero at a point."""
    fixed = {name: constant_germ(value) for name, value in point.items()}
    germ = germs.evaluate(program, fixed)
    try:
        return isinstance(germ, Germ) and Algebra(1, MAX_BITS).sign(germ.constant) == 0
    except UndecidedError:
        return False
