"""Prove a whole gradient in one pass: reverse mode in balls, where the program is smooth.

Source: reverse accumulation as in Griewank & Walther 2008, section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import flint

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds.jets import UNKNOWN, Jet, Jets, Strict, TieError
from symdiff.arithmetics.reading import apply
from symdiff.arithmetics.series.reals import Real, nearest_in
from symdiff.catalogue import CATALOGUE
from symdiff.errors import Unsupported
from symdiff.program import Call, Constant, Input, Literal, Program, Setting

_BITS: Final = (128, 512, 2048)  # precisions to try, one after the other
# By node, its arguments that depend on a variable, each with the partial derivative along it.
_Partials = dict[int, list[tuple[int, Ball]]]


def smooth_gradient(
    program: Program, variables: Sequence[str], point: Mapping[str, Real], bits: int = _BITS[-1]
) -> dict[str, float]:
    """Return the partial derivatives by variable that could be proved, as the nearest doubles.

    The result is empty where a switch may be zero, since the program may not be smooth there.

    Parameters
    ----------
    program
        A scalar program.
    variables
        The inputs to differentiate with respect to.
    point
        The exact coordinates of every input.
    bits
        The highest precision to try.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> point = {"x": Real.of(3), "y": Real.of(2)}
    >>> smooth_gradient(parse("x**2*relu(y)"), ["x", "y"], point)
    {'x': 12.0, 'y': 9.0}
    >>> smooth_gradient(parse("x + relu(y - 2)"), ["x", "y"], point)
    {}
    """
    partials: dict[str, float] = {}
    for precision in _BITS:
        unproved = [name for name in variables if name not in partials]
        if precision > bits or not unproved:
            break
        balls = _gradient(program, unproved, point, precision)
        for name, ball in (balls or {}).items():
            partial = nearest_in(ball) if ball.is_finite() else None
            if partial is not None:
                partials[name] = partial
        if balls is None or not all(ball.is_finite() for ball in balls.values()):
            break
    return partials


def is_smooth(program: Program, point: Mapping[str, Real]) -> bool:
    """Return whether a program is proved to be smooth at a point as a function of all its inputs.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> point = {"x": Real.of(3), "y": Real.of(0)}
    >>> is_smooth(parse("abs(x)*y"), point), is_smooth(parse("x*cbrt(y)"), point)
    (True, False)
    """
    for precision in _BITS[:2]:
        balls = _gradient(program, program.inputs, point, precision)
        if balls is None:
            return False
        if all(ball.is_finite() for ball in balls.values()):
            return True
    return False


def _gradient(
    program: Program, variables: Sequence[str], point: Mapping[str, Real], bits: int
) -> dict[str, Ball] | None:
    with flint.ctx.workprec(bits):
        try:
            partials, value = _forward(program, set(variables), point, bits)
        except (ArithmeticError, Unsupported, RecursionError):
            return None  # each partial derivative is then proved alone, where a failure is reported
        if not isinstance(value, Jet) or not value.value.is_finite():
            return None
        return _backward(program, partials, variables)


def _forward(
    program: Program, variables: set[str], point: Mapping[str, Real], bits: int
) -> tuple[_Partials, Any]:
    """Return each node's partial derivatives along its arguments, and the value of the output."""
    arithmetic = Jets(Strict())
    values: dict[int, Any] = {}
    partials: _Partials = {}
    for index in program.order:
        node = program.nodes[index]
        if isinstance(node, Input):
            values[index] = Jet(point[node.name].ball(bits))
            if node.name in variables:
                partials[index] = []
        elif isinstance(node, Literal):
            values[index] = arithmetic.number(node.value)
        elif isinstance(node, Constant):
            values[index] = arithmetic.constant(node.name)
        elif isinstance(node, Setting):
            values[index] = node.value
        else:
            values[index] = _call(arithmetic, index, node, values, partials)
    return partials, values[program.output]


def _call(
    arithmetic: Jets, index: int, node: Call, values: dict[int, Any], partials: _Partials
) -> Any:  # noqa: ANN401
    """Return the value of a call, and store its partial derivatives along its arguments."""
    active = list(dict.fromkeys(a for a in node.operands if a in partials))
    # An argument that occurs twice gets one jet: the arithmetic recognises x - x by identity.
    jets = {a: Jet(values[a].value, _unit(k, len(active))) for k, a in enumerate(active)}
    arguments = [None if a is None else jets.get(a, values[a]) for a in node.arguments]
    result = apply(CATALOGUE[node.function], arithmetic, arguments)
    if result is UNKNOWN:
        raise TieError(node.function)
    if not isinstance(result, Jet):
        return result
    if result.gradient:
        pairs = zip(active, result.gradient, strict=False)
        partials[index] = [(a, partial) for a, partial in pairs if not partial.is_zero()]
    return Jet(result.value)


def _unit(k: int, count: int) -> tuple[Ball, ...]:
    return tuple(flint.arb(int(i == k)) for i in range(count))


def _backward(program: Program, partials: _Partials, variables: Sequence[str]) -> dict[str, Ball]:
    adjoints: dict[int, Ball] = {program.output: flint.arb(1)}
    for index in sorted(partials, reverse=True):
        adjoint = adjoints.get(index)
        if adjoint is None:
            continue
        for argument, partial in partials[index]:
            adjoints[argument] = adjoints.get(argument, flint.arb(0)) + adjoint * partial
    gradient = {name: flint.arb(0) for name in variables}
    for index in partials:
        node = program.nodes[index]
        if isinstance(node, Input) and node.name in gradient:
            gradient[node.name] = adjoints.get(index, flint.arb(0))
    return gradient
