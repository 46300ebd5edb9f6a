"""Bounds of an engine's rounding errors: radii of balls computed in the engine's precision.

Source: the radius of a ball bounds the rounding errors of the operations that computed it,
Johansson 2017, section 2.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import flint
import numpy as np

from symdiff.arithmetics.balls import Ball, radius_of
from symdiff.arithmetics.bounds.adjoints import underflow_of_adjoints
from symdiff.arithmetics.bounds.jets import Jet, Jets, evaluate
from symdiff.arithmetics.bounds.ties import BothBranches, ReverseMode
from symdiff.arithmetics.reading import read
from symdiff.catalogue import CATALOGUE
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.nodes import Call
from symdiff.program.values import DTYPES, Dtype

FLOAT64: Final = DTYPES["float64"]
# Each operation rounds its value and its partial derivative, and both enter the product.
_UNITS_OF_A_CALL: Final = 4
# A precision at which balls are infinite at singularities only.
_HIGH_PRECISION: Final = Dtype("high precision", 256, 0.0, 0.0)


def slope_radius(
    program: Program,
    variable: str,
    inputs: Mapping[str, Ball],
    dtype: Dtype = FLOAT64,
    mode: type[BothBranches] = BothBranches,
) -> float:
    """Return a bound of the rounding error in a derivative by automatic differentiation.

    Parameters
    ----------
    program
        The program that is differentiated, by the catalogue's `derivative` column.
    variable
        The input to differentiate with respect to.
    inputs
        A ball for every input.
    dtype
        The dtype in which the engine computes.
    mode
        The order in which the engine adds the terms of a sum: `BothBranches` for the order of the
        program (forward mode), `ReverseMode` for a different order in gradients, `ReorderedSums`
        for a different order in gradients and in values.

    Returns
    -------
    float
        0 where nothing is rounded, and at a singularity, which rounding does not explain. Infinity
        where rounding may lose the derivative altogether. NaN where no bound is available: also
        where an argument is rounded that may be at a singularity.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> slope_radius(parse("sigmoid(x)"), "x", {"x": flint.arb(40)}) > 4e-18
    True
    >>> slope_radius(parse("max(x, 0) - max(-x, 0)"), "x", {"x": flint.arb(0)})
    0.0
    """
    nodes: dict[int, Any] = {}  # the jets in this dtype

    def slope(d: Dtype) -> Ball | None:
        known = nodes if d is dtype else {}
        if mode.compares_exactly:
            known |= _compared(program, variable, inputs, d)
        return _slope(_jet(program, variable, inputs, d, mode, known))

    radius = _radius(program, dtype, slope, nodes)
    if not math.isfinite(radius) or not issubclass(mode, ReverseMode):
        return radius
    with flint.ctx.workprec(dtype.bits):
        return radius + underflow_of_adjoints(program, nodes, mode(dtype), dtype, radius)


def _compared(
    program: Program, variable: str, inputs: Mapping[str, Ball], dtype: Dtype
) -> dict[int, Any]:
    """Return the jets of the differences that a switch compares with 0, by node."""
    found: dict[int, Any] = {}
    for node in compared_differences(program):
        _jet(program.at(node), variable, inputs, dtype, ReverseMode, found)
    return found


@functools.lru_cache(maxsize=32)
def compared_differences(program: Program) -> tuple[int, ...]:
    """Return the sums and differences that only switches use, such as x - y in abs(x - y).

    The terms have no sums in them, and the result is part of no larger sum. So no engine adds up
    in a different order there, and the result of equal terms is exactly 0.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> [compared_differences(parse(t)) for t in ("abs(x - y)", "abs(x - y - z)", "(x - y)**2")]
    [(2,), (), ()]
    """
    sums: set[int] = set()  # the nodes with a sum in them
    used: dict[int, list[str]] = {}  # by node, the functions that it is an argument of
    for node, call in program.calls():
        for operand in call.operands:
            used.setdefault(operand, []).append(call.function)
        if _adds(call.function) or not sums.isdisjoint(call.operands):
            sums.add(node)
    return tuple(
        node
        for node, call in program.calls()
        if _adds(call.function)
        and sums.isdisjoint(call.operands)
        and used.get(node)
        and all(map(_compares, used[node]))
    )


def _adds(function: str) -> bool:
    return CATALOGUE[function].operator in {"+", "-"}


def _compares(function: str) -> bool:
    row = CATALOGUE[function]
    return not _adds(function) and (row.piecewise_affine or row.role == "comparison")


def is_overflow(
    program: Program, variable: str, inputs: Mapping[str, Ball], dtype: Dtype, radius: float
) -> bool:
    """Return whether a bound is infinite only because numbers of a dtype overflow.

    Parameters
    ----------
    program, variable, inputs, dtype
        As in `slope_radius`.
    radius
        The bound.
    """
    if not math.isinf(radius):
        return False
    unlimited = Dtype(dtype.name, dtype.bits, 0.0, 0.0)
    return math.isfinite(slope_radius(program, variable, inputs, unlimited))


def is_bounded(
    program: Program,
    variable: str,
    inputs: Mapping[str, Ball],
    dtype: Dtype,
    mode: type[BothBranches],
) -> bool:
    """Return whether balls bound a derivative; see `slope_radius`, which is 0 at a singularity.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> zero, form = {"x": flint.arb(0)}, DTYPES["float32"]
    >>> [is_bounded(parse(t), "x", zero, form, BothBranches) for t in ("abs(x)", "sqrt(x**4)")]
    [True, False]
    """
    slope = _slope(_jet(program, variable, inputs, dtype, mode))
    return slope is not None and bool(slope.is_finite())


def units_of_operations(program: Program) -> int:
    """Return the units in the last place that the operations of a program may be off together.

    There are a few units for each operation on the longest path from an input to the output.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> units_of_operations(parse("exp(sin(x)) + x")) // _UNITS_OF_A_CALL
    3
    """
    depths: dict[int, int] = {}
    for i in program.order:
        node = program.nodes[i]
        below = node.operands if isinstance(node, Call) else ()
        depths[i] = 1 + max((depths[a] for a in below), default=-1)
    return _UNITS_OF_A_CALL * depths[program.output]


def value_radius(
    program: Program,
    inputs: Mapping[str, Ball],
    dtype: Dtype = FLOAT64,
    mode: type[BothBranches] = BothBranches,
) -> float:
    """Return a bound of the rounding error in a program's value; see `slope_radius`.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> value_radius(parse("1 - tanh(x)**2"), {"x": flint.arb(20)}) > 1e-17
    True
    """
    nodes: dict[int, Any] = {}
    return _radius(
        program,
        dtype,
        lambda d: _value(_jet(program, None, inputs, d, mode, nodes if d is dtype else None)),
        nodes,
    )


def rounded_ball(x: float, dtype: Dtype) -> Ball:
    """Return a ball that contains a double and what it is rounded to in a dtype.

    Examples
    --------
    >>> rounded_ball(0.5, DTYPES["float32"]), rounded_ball(0.1, DTYPES["float16"])
    (0.500000000000000, [0.100 +/- 2.45e-5])
    """
    rounded = float(dtype.rounded(np.float64(x)))
    return flint.arb(x).union(flint.arb(rounded)) if math.isfinite(rounded) else flint.arb(x)


def value_ball(
    program: Program,
    inputs: Mapping[str, Ball],
    held: Mapping[int, Ball],
    dtype: Dtype = FLOAT64,
    mode: type[BothBranches] = BothBranches,
) -> Ball | None:
    """Return a ball that contains a program's value in a dtype, or None where it is undefined.

    Parameters
    ----------
    program
        The program to evaluate.
    inputs
        A ball for every input.
    held
        Balls of nodes that are not computed but taken from here, by the node's index.
    dtype, mode
        As in `slope_radius`.

    Raises
    ------
    Unsupported
        A function of the program has no meaning on balls.
    """
    fixed = {name: Jet(ball) for name, ball in inputs.items()}
    with flint.ctx.workprec(dtype.bits):
        jets = {index: Jet(ball) for index, ball in held.items()}
        jet = evaluate(program, fixed, mode(dtype), held=jets)
    return None if jet is None else jet.value


def may_miss_zero_of_root(
    program: Program, inputs: Mapping[str, Ball], dtype: Dtype = FLOAT64
) -> bool:
    """Return whether rounding may turn a zero into a different number below a root of a program.

    There, an engine that should choose a subgradient of a norm computes one from rounding errors.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> program = parse("sqrt((x - (x + y + z)/3)**2)")
    >>> [may_miss_zero_of_root(program, dict.fromkeys("xyz", flint.arb(v))) for v in (0.1, 1)]
    [True, False]
    """
    fixed = {name: Jet(ball) for name, ball in inputs.items()}
    cache: dict[int, Any] = {}
    with flint.ctx.workprec(dtype.bits):
        arithmetic = Jets(BothBranches(dtype))
        for _, node in program.calls():
            if node.function not in _ROOTS:
                continue
            is_power = CATALOGUE[node.function].is_power
            operands = node.operands[:1] if is_power else node.operands
            try:
                values = [read(program.at(a), arithmetic, fixed, cache=cache) for a in operands]
            except (Unsupported, RecursionError):
                return True
            balls = [v.value for v in values if isinstance(v, Jet)]
            if all(b.contains(0) for b in balls) and not all(b.is_zero() for b in balls):
                return True
    return False


# Rows with an infinite slope where all their arguments, or the base of a power, are zero.
_ROOTS: Final = frozenset({"sqrt", "hypot", "power"})


def _radius(
    program: Program,
    dtype: Dtype,
    ball_in: Callable[[Dtype], Ball | None],
    nodes: Mapping[int, Any],
) -> float:
    """Return the error bound of a number of a program.

    `ball_in` returns its ball in a dtype; for `dtype` it adds the jets of all nodes to `nodes`.
    """
    ball = ball_in(dtype)
    if ball is None:
        return math.nan
    if ball.is_finite():
        return radius_of(ball)
    precise = ball_in(_HIGH_PRECISION)
    if precise is None:
        return math.nan
    # If more bits give a number, it was lost to rounding and not to a singularity.
    if precise.is_finite():
        return math.inf
    return math.nan if _is_rounded_at_a_singularity(program, nodes) else 0.0


def _is_rounded_at_a_singularity(program: Program, nodes: Mapping[int, Any]) -> bool:
    """Return whether numbers stop being finite at an operation with a rounded argument.

    sinc(30) is 0, which no number of bits decides. An engine computes another number, and goes on
    beside the singularity.
    """
    for index, node in program.calls():
        found = nodes.get(index)
        if not isinstance(found, Jet) or found.is_finite:
            continue
        jets = [jet for i in node.operands if isinstance(jet := nodes.get(i), Jet)]
        if all(j.is_finite for j in jets) and not all(j.value.is_exact() for j in jets):
            return True
    return False


def _value(jet: Jet | None) -> Ball | None:
    return None if jet is None else jet.value


def _slope(jet: Jet | None) -> Ball | None:
    if jet is None:
        return None
    if not jet.value.is_finite():
        return flint.arb("nan")
    return jet.gradient[0] if jet.gradient else flint.arb(0)


def _jet(  # noqa: PLR0913, PLR0917  (the arguments of `slope_radius`, and the cache)
    program: Program,
    variable: str | None,
    inputs: Mapping[str, Ball],
    dtype: Dtype,
    mode: type[BothBranches] = BothBranches,
    cache: dict[int, Any] | None = None,
) -> Jet | None:
    """Return a jet that contains an engine's value and gradient, or None if there is no bound.

    The jets of all nodes are added to the cache.
    """
    with flint.ctx.workprec(dtype.bits):
        one = (flint.arb(1),)
        jets = {name: Jet(ball, one if name == variable else ()) for name, ball in inputs.items()}
        try:
            jet = evaluate(program, jets, mode(dtype), cache=cache)
        except (Unsupported, RecursionError):
            return None
    return Jet(flint.arb("nan")) if jet is None else jet
