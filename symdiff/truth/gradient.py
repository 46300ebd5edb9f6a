"""A whole gradient proved at once: reverse mode in balls, where the program is smooth.

Source: reverse accumulation as in Griewank & Walther 2008, section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import flint

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds.jets import NOTHING, Jet, Jets, Strict, TieError
from symdiff.arithmetics.reading import apply
from symdiff.arithmetics.series.reals import Real, nearest_in
from symdiff.catalogue import CATALOGUE
from symdiff.errors import Unsupported
from symdiff.program import Call, Constant, Input, Literal, Program, Setting

_BITS: Final = (128, 512, 2048)
_Links = dict[int, list[tuple[int, Ball]]]  # for a node its moving arguments and the slopes by them


def smooth_gradient(
    program: Program, variables: Sequence[str], point: Mapping[str, Real], bits: int = _BITS[-1]
) -> dict[str, float]:
    """Return the partial derivatives that are proved, rounded to the nearest double.

    None is proved where a switch may vanish: there the program may not be smooth.

    Parameters
    ----------
    program
        A scalar program.
    variables
        The inputs to differentiate with respect to.
    point
        The exact coordinates of every input.
    bits
        At most so many.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> point = {"x": Real.of(3), "y": Real.of(2)}
    >>> smooth_gradient(parse("x**2*relu(y)"), ["x", "y"], point)
    {'x': 12.0, 'y': 9.0}
    >>> smooth_gradient(parse("x + relu(y - 2)"), ["x", "y"], point)
    {}
    """
    found: dict[str, float] = {}
    for precision in _BITS:
        left = [name for name in variables if name not in found]
        if precision > bits or not left:
            break
        balls = _gradient(program, left, point, precision)
        for name, ball in (balls or {}).items():
            slope = nearest_in(ball) if ball.is_finite() else None
            if slope is not None:
                found[name] = slope
        if balls is None or not all(ball.is_finite() for ball in balls.values()):
            break
    return found


def _gradient(
    program: Program, variables: Sequence[str], point: Mapping[str, Real], bits: int
) -> dict[str, Ball] | None:
    with flint.ctx.workprec(bits):
        try:
            links, value = _forward(program, set(variables), point, bits)
        except (TieError, Unsupported, RecursionError):
            return None
        if not isinstance(value, Jet) or not value.value.is_finite():
            return None
        return _backward(program, links, variables)


def _forward(
    program: Program, moving: set[str], point: Mapping[str, Real], bits: int
) -> tuple[_Links, Any]:
    """Return every node's slopes by its own arguments, and the value of the output."""
    arithmetic = Jets(Strict())
    values: dict[int, Any] = {}
    links: _Links = {}
    for index in program.order:
        node = program.nodes[index]
        if isinstance(node, Input):
            values[index] = Jet(point[node.name].ball(bits))
            if node.name in moving:
                links[index] = []
        elif isinstance(node, Literal):
            values[index] = arithmetic.number(node.value)
        elif isinstance(node, Constant):
            values[index] = arithmetic.constant(node.name)
        elif isinstance(node, Setting):
            values[index] = node.value
        else:
            values[index] = _call(arithmetic, index, node, values, links)
    return links, values[program.output]


def _call(arithmetic: Jets, index: int, node: Call, values: dict[int, Any], links: _Links) -> Any:  # noqa: ANN401
    """Apply a row to jets that move each on its own."""
    moving = list(dict.fromkeys(a for a in node.operands if a in links))
    # One jet for an argument that stands twice: x - x is told by its being the same.
    jets = {a: Jet(values[a].value, _unit(k, len(moving))) for k, a in enumerate(moving)}
    arguments = [None if a is None else jets.get(a, values[a]) for a in node.arguments]
    result = apply(CATALOGUE[node.function], arithmetic, arguments)
    if result is NOTHING:
        raise TieError(node.function)
    if not isinstance(result, Jet):
        return result
    if result.gradient:
        pairs = zip(moving, result.gradient, strict=False)
        links[index] = [(a, slope) for a, slope in pairs if not slope.is_zero()]
    return Jet(result.value)


def _unit(k: int, count: int) -> tuple[Ball, ...]:
    return tuple(flint.arb(int(i == k)) for i in range(count))


def _backward(program: Program, links: _Links, variables: Sequence[str]) -> dict[str, Ball]:
    adjoint: dict[int, Ball] = {program.output: flint.arb(1)}
    for index in sorted(links, reverse=True):
        mine = adjoint.get(index)
        if mine is None:
            continue
        for argument, slope in links[index]:
            adjoint[argument] = adjoint.get(argument, flint.arb(0)) + mine * slope
    found = {name: flint.arb(0) for name in variables}
    for index in links:
        node = program.nodes[index]
        if isinstance(node, Input) and node.name in found:
            found[node.name] = adjoint.get(index, flint.arb(0))
    return found
