"""The sensitivity of a derivative to rounding, and the operation that loses its digits."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import flint

from symdiff.arithmetics.balls import Ball, radius_of
from symdiff.arithmetics.bounds.jets import Exact, Jet, TieError, evaluate
from symdiff.arithmetics.bounds.slopes import slope_in
from symdiff.arithmetics.bounds.ties import BothBranches, gradient_terms
from symdiff.catalogue import Function
from symdiff.errors import Unsupported
from symdiff.program import Program
from symdiff.program.values import DTYPES, Dtype

_BITS: Final = 256  # precision of balls whose own rounding must not matter
# Precisions at which a derivative is tried until it has 32 bits: 1 - tanh(x)**2 loses 1039 at 360.
_PRECISIONS: Final = (_BITS, 1024, 4096)
_ACCURATE: Final = 32
# An operation causes the error if, were it rounded correctly, the bound would be this much smaller.
_MUCH: Final = 1e-3
_PLACES: Final = (-1.0, -0.5, 0.5, 1.0)  # where an input is moved to, in units in its last place
MAX_CALLS: Final = 100  # largest number of operations of which each is tried as the cause
_FLOAT64: Final = DTYPES["float64"]
_NO_NUMBER: Final = flint.arb("nan")


class _HighPrecision(Exact, BothBranches):
    """Take both branches at a tie, also at an exact one, and add no rounding or underflow."""

    def sign(self, switch: Jet) -> None:
        """Return None: take both branches."""
        del switch


class _Sizes(Exact):
    """Replace every gradient by the sum of the absolute values of its terms."""

    def sign(self, switch: Jet) -> None:
        """Return None: take both branches."""
        del switch

    def steps(self, argument: Jet) -> None:
        """Do nothing: a step contributes no term."""

    def rounded(self, jet: Jet, row: Function, arguments: Sequence[Any]) -> Jet:
        """Return the value with the absolute terms of its gradient added up."""
        terms = gradient_terms(row, arguments)
        if terms is None:
            return Jet(jet.value, tuple(abs(g) for g in jet.gradient))
        sizes = [tuple(abs(t) for t in term) for term in terms if term]
        return Jet(jet.value, tuple(sum(parts, flint.arb(0)) for parts in zip(*sizes, strict=True)))


def nearby_slopes(
    program: Program, variable: str, inputs: Mapping[str, Ball], dtype: Dtype = _FLOAT64
) -> tuple[float, float]:
    """Return the range of the derivatives within one unit in the last place of the inputs.

    Each input is moved in turn to four places. Their ranges are added up, as small changes are. No
    interval is evaluated: in ``x - sin(x)`` it would count the two x as independent.

    Parameters
    ----------
    program
        The program.
    variable
        The input to differentiate with respect to.
    inputs
        A ball for every input.
    dtype
        The dtype of the inputs, which tells their last place.

    Returns
    -------
    tuple of float
        The lower and the upper end; infinite if the derivative does not exist at one of the places,
        NaN if it cannot be computed.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> low, high = nearby_slopes(parse("abs(x)"), "x", {"x": flint.arb(2.0**-1074)})
    >>> low <= -1 < 1 <= high
    True
    """
    with flint.ctx.workprec(_PRECISIONS[-1]):
        here = _precise_slope(program, variable, inputs)
        if here is None:
            return math.nan, math.nan
        if not here.is_finite():
            return -math.inf, math.inf
        low, high = here.lower(), here.upper()
        for name, x in inputs.items():
            below, above = here.lower(), here.upper()
            unit = flint.arb(_unit(x, dtype))
            for part in _PLACES:
                slope = _precise_slope(program, variable, {**inputs, name: x + part * unit})
                if slope is None:
                    return math.nan, math.nan
                if not slope.is_finite():
                    return -math.inf, math.inf
                below, above = min(below, slope.lower()), max(above, slope.upper())
            low, high = low - (here.lower() - below), high + (above - here.upper())
        return float(low), float(high)


def size_of_terms(
    program: Program, variable: str, inputs: Mapping[str, Ball], dtype: Dtype = _FLOAT64
) -> float:
    """Return the sum of the absolute values of the terms that add up to a derivative.

    The terms are the products of partial derivatives along the paths from the input to the output.
    Where a unit in the last place of an input changes the branch, the larger sum counts. The result
    is NaN where it is not known.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> round(size_of_terms(parse("3*x - x**2"), "x", {"x": flint.arb(2)}), 6)
    7.0
    """
    with flint.ctx.workprec(_BITS):
        moved = {name: x + flint.arb(0, _unit(x, dtype)) for name, x in inputs.items()}
        for balls in (moved, inputs):
            slope = _slope(program, variable, balls, _Sizes())
            if slope is not None and slope.is_finite():
                return _upper(slope)
    return math.nan


def cancelling_node(
    program: Program, variable: str, inputs: Mapping[str, Ball], dtype: Dtype = _FLOAT64
) -> int:
    """Return the first node that loses the digits of a derivative, or the output.

    Were this node's result rounded correctly, the bound of the rounding error in the derivative
    would be smaller by a factor of at least 1000.

    Parameters
    ----------
    program, variable, inputs, dtype
        As in `nearby_slopes`.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> program = parse("(1 - cos(x))/x**2")
    >>> program.place(cancelling_node(program, "x", {"x": flint.arb(1e-9)}))
    '1 - cos(x) (expr, column 2)'
    """
    known: dict[int, Any] = {}  # the jets of the nodes, with the engine's rounding
    bound = _error(program, variable, inputs, dtype, known)
    if _count_written(program) > MAX_CALLS or math.isnan(bound):
        return program.output
    precise: dict[int, Any] = {}
    for index, part, dependents in _written_calls(program):
        with flint.ctx.workprec(_BITS):
            jet = _jet(part, variable, inputs, _HighPrecision(), precise)
        if jet is None or not jet.is_finite:
            continue
        gradient = tuple(_rounded(g, dtype) for g in jet.gradient)
        kept = {i: value for i, value in known.items() if i not in dependents}
        kept[index] = Jet(_rounded(jet.value, dtype), gradient)
        if _error(program, variable, inputs, dtype, kept) <= _MUCH * bound:
            return index
    return program.output


def _count_written(program: Program) -> int:
    """Return the number of calls that are written in the text."""
    return sum(1 for index, _ in program.calls() if program.spans[index])


@functools.lru_cache(maxsize=32)
def _written_calls(program: Program) -> tuple[tuple[int, Program, frozenset[int]], ...]:
    """Return the calls that are written in the text, with the nodes that depend on each."""
    return tuple(
        (index, program.at(index), _dependents(program, index))
        for index, _ in program.calls()
        if program.spans[index]
    )


def _dependents(program: Program, node: int) -> frozenset[int]:
    """Return the nodes whose values depend on that of a node, without it."""
    found = {node}
    for index, call in program.calls():
        if not found.isdisjoint(call.operands):
            found.add(index)
    return frozenset(found - {node})


def _error(
    program: Program,
    variable: str,
    inputs: Mapping[str, Ball],
    dtype: Dtype,
    known: dict[int, Any],
) -> float:
    """Return the bound of the rounding error: infinite if none holds, NaN if not known.

    The jets of the nodes that are computed are added to those that are known.
    """
    with flint.ctx.workprec(dtype.bits):
        jet = _jet(program, variable, inputs, BothBranches(dtype), known)
        return math.nan if jet is None else radius_of(_gradient(jet))


def _unit(x: Ball, dtype: Dtype) -> float:
    """Return a bound of the unit in the last place of a number."""
    return dtype.spacing(_upper(x))


def _precise_slope(program: Program, variable: str, inputs: Mapping[str, Ball]) -> Ball | None:
    """Return a narrow ball of the derivative (at a kink, of both one-sided ones).

    The ball is not finite where there is no derivative. None: the program has none on jets.
    """
    jets = {name: Jet(x, (flint.arb(1),) if name == variable else ()) for name, x in inputs.items()}
    slope = _NO_NUMBER
    for bits in _PRECISIONS:
        with flint.ctx.workprec(bits):
            smooth = _smooth_slope(program, variable, inputs, bits)
            if smooth is not None and smooth.is_finite():
                slope = smooth
                if slope.rel_accuracy_bits() >= _ACCURATE:
                    break
                continue
            try:
                jet = evaluate(program, jets, _HighPrecision())
            except (Unsupported, RecursionError):
                return None
            slope = _NO_NUMBER if jet is None else _gradient(jet)
        if slope.is_finite() and slope.rel_accuracy_bits() >= _ACCURATE:
            break
    return slope


def _smooth_slope(
    program: Program, variable: str, inputs: Mapping[str, Ball], bits: int
) -> Ball | None:
    """Return the derivative where no switch may be zero, as the jets compute it; else None."""
    try:
        return slope_in(program, variable, inputs, bits)
    except TieError:
        return None


def _rounded(x: Ball, dtype: Dtype) -> Ball:
    """Return the ball of a number that is rounded correctly to a dtype."""
    return x + flint.arb(0, _upper(x) * 2.0**-dtype.bits)


def _slope(program: Program, variable: str, inputs: Mapping[str, Ball], ties: Any) -> Ball | None:
    jet = _jet(program, variable, inputs, ties, {})
    return None if jet is None else _gradient(jet)


def _gradient(jet: Jet) -> Ball:
    """Return the derivative along the only active input; NaN where the value is not finite."""
    if not jet.value.is_finite():
        return _NO_NUMBER
    return jet.gradient[0] if jet.gradient else flint.arb(0)


def _jet(
    program: Program,
    variable: str,
    inputs: Mapping[str, Ball],
    ties: Any,
    known: dict[int, Any],
) -> Jet | None:
    """Return a jet of the program, or None where it is undefined or has no meaning on jets.

    The jets of the nodes that are computed are added to those that are known.
    """
    jets = {name: Jet(x, (flint.arb(1),) if name == variable else ()) for name, x in inputs.items()}
    try:
        return evaluate(program, jets, ties, cache=known)
    except (Unsupported, RecursionError):
        return None


def _upper(x: Ball) -> float:
    return float(abs(x).upper())
