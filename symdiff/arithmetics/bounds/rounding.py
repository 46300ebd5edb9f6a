"""What rounding can do to a derivative: a ball of 53 bits computed as an engine computes.

Source: the radius of a ball result bounds the rounding errors of the operations that gave it,
Johansson 2017, section 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import flint

from symdiff.arithmetics.balls import Ball
from symdiff.arithmetics.bounds.jets import Both, Jet, evaluate
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.values import DTYPES, Dtype

FLOAT64: Final = DTYPES["float64"]
DOUBLE: Final = FLOAT64.bits
# Numbers so wide, and without underflow, that what is infinite in them is a singularity.
_WIDER: Final = Dtype("wide", 256, 0.0, 0.0)
_SAFETY: Final = 4.0  # kernels differ in the order of operations, and err by some ulps


def radius_of(ball: Ball) -> float:
    """Return how far from the middle of a 53-bit ball rounding may lead an engine."""
    return _SAFETY * float(ball.rad()) if ball.is_finite() else math.inf


def slope_radius(
    program: Program,
    variable: str,
    inputs: Mapping[str, Ball],
    dtype: Dtype = FLOAT64,
    engine: type[Both] = Both,
) -> float:
    """Return how far rounding can carry the derivative that automatic differentiation gives.

    Parameters
    ----------
    program
        What is differentiated, by the rules of the catalogue's `derivative` column.
    variable
        The input that moves.
    inputs
        A ball for every input.
    dtype
        The dtype in which the engine computes.
    engine
        How it adds up: `Both`, in the order of the program; `Reversed` or `Reordered`.

    Returns
    -------
    float
        0 where nothing is rounded or no rounding is to blame, infinity where rounding can do
        anything, NaN where it is not known.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> slope_radius(parse("sigmoid(x)"), "x", {"x": flint.arb(40)}) > 4e-18
    True
    >>> slope_radius(parse("max(x, 0) - max(-x, 0)"), "x", {"x": flint.arb(0)})
    0.0
    """
    return _radius(dtype, lambda d: _slope(_jet(program, variable, inputs, d, engine)))


def value_radius(program: Program, inputs: Mapping[str, Ball]) -> float:
    """Return how far rounding can carry a program's value; as `slope_radius` in all else.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> value_radius(parse("1 - tanh(x)**2"), {"x": flint.arb(20)}) > 1e-17
    True
    """
    return _radius(FLOAT64, lambda d: _value(_jet(program, None, inputs, d)))


def value_ball(
    program: Program, inputs: Mapping[str, Ball], held: Mapping[int, Ball]
) -> Ball | None:
    """Return a ball that holds what a double gives for a program; None where it is undefined.

    Parameters
    ----------
    program
        What is evaluated.
    inputs
        A ball for every input.
    held
        Balls of nodes that are taken as they are.

    Raises
    ------
    Unsupported
        A function of the program has no ball.
    """
    fixed = {name: Jet(ball) for name, ball in inputs.items()}
    with flint.ctx.workprec(DOUBLE):
        known = {index: Jet(ball) for index, ball in held.items()}
        jet = evaluate(program, fixed, Both(), held=known)
    return None if jet is None else jet.value


def _radius(dtype: Dtype, computed: Callable[[Dtype], Ball | None]) -> float:
    found = computed(dtype)
    if found is None:
        return math.nan
    if found.is_finite():
        return radius_of(found)
    wider = computed(_WIDER)
    if wider is None:
        return math.nan
    # With more bits a number: so it was lost to rounding, and not to a singularity.
    return math.inf if wider.is_finite() else 0.0


def _value(jet: Jet | None) -> Ball | None:
    return None if jet is None else jet.value


def _slope(jet: Jet | None) -> Ball | None:
    if jet is None:
        return None
    if not jet.value.is_finite():
        return flint.arb("nan")
    return jet.gradient[0] if jet.gradient else flint.arb(0)


def _jet(
    program: Program,
    variable: str | None,
    inputs: Mapping[str, Ball],
    dtype: Dtype,
    engine: type[Both] = Both,
) -> Jet | None:
    """Return a program's jet as an engine that computes in a dtype may have it, None: not known."""
    with flint.ctx.workprec(dtype.bits):
        one = (flint.arb(1),)
        jets = {name: Jet(ball, one if name == variable else ()) for name, ball in inputs.items()}
        try:
            jet = evaluate(program, jets, engine(dtype))
        except (Unsupported, RecursionError):
            return None
    return Jet(flint.arb("nan")) if jet is None else jet
