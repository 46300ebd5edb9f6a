"""What underflow and overflow do to a derivative in reverse mode.

An adjoint that underflows is off by a unit of the subnormal numbers. That error reaches the
derivative multiplied by the derivative of the node: for ``1e-200*(1e-150*(1e300*x))`` the adjoint
1e-350 becomes 0, and so does the derivative 1e-50. A kernel that computes in several steps may give
0 for any subnormal number: 1/(1 + exp(720)) is 0 where exp(720) overflows.

Source: reverse mode as in Griewank & Walther 2008, section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import flint

from symdiff.arithmetics.balls import EMPTY, Ball
from symdiff.arithmetics.bounds.jets import Jet, Jets
from symdiff.arithmetics.bounds.ties import BothBranches
from symdiff.arithmetics.reading import apply
from symdiff.catalogue import CATALOGUE
from symdiff.program import Program
from symdiff.program.nodes import Call
from symdiff.program.values import Dtype

_STEPS: Final = 8  # roundings in a partial derivative and in its product with the adjoint
_NEGLIGIBLE: Final = 2.0**-10  # part of the bound that is known that makes no difference
_ONE: Final = (flint.arb(1),)


def underflow_of_adjoints(
    program: Program, jets: Mapping[int, Any], ties: BothBranches, dtype: Dtype, known: float
) -> float:
    """Return a bound of what underflow in adjoints adds to the error of a derivative.

    Parameters
    ----------
    program
        The program that is differentiated.
    jets
        The jets of its nodes by index, with one active input.
    ties
        The branches and the rounding of the engine.
    dtype
        The dtype in which it computes.
    known
        The bound of the other errors.

    Returns
    -------
    float
        0 where no adjoint may underflow, infinity where one may overflow.
    """
    if not _matters(jets, dtype, known):
        return 0.0
    arithmetic = Jets(ties)
    adjoints: dict[int, Ball] = {program.output: flint.arb(1)}
    lost, flushed = flint.arb(0), flint.arb(0)
    for index in reversed(program.order):
        adjoint, node = adjoints.get(index), program.nodes[index]
        if adjoint is None or adjoint.is_zero() or not isinstance(node, Call):
            continue
        arguments = [None if a is None else jets[a] for a in node.arguments]
        for k, operand in enumerate(node.arguments):
            slope = _slope(arguments[k])
            if operand is None or slope is None:
                continue
            partial = _partial(node.function, arithmetic, arguments, k)
            if partial is None:
                continue
            product = adjoint * partial
            if not product.is_finite() or not abs(product) <= dtype.largest:
                return float("inf")
            if ties.may_underflow(product) or ties.may_underflow(partial):
                lost += (1 + abs(adjoint).upper()) * abs(slope).upper()
                if ties.may_flush(CATALOGUE[node.function]):
                    flushed += abs(product).upper() * abs(slope).upper()
            adjoints[operand] = adjoints.get(operand, flint.arb(0)) + product
    return float((lost * _STEPS * dtype.smallest_subnormal + flushed).upper())


def _matters(jets: Mapping[int, Any], dtype: Dtype, known: float) -> bool:
    """Return whether a number is so small, or a slope so large, that an adjoint may underflow."""
    small = dtype.smallest_normal * 2.0**dtype.bits
    balls = [j for j in jets.values() if isinstance(j, Jet) and j.is_finite]
    largest = 0.0
    for jet in balls:
        for x in (jet.value, *jet.gradient):
            if not x.is_zero() and not abs(x) >= small:
                return True
        largest = max([largest, *(float(abs(g).upper()) for g in jet.gradient)])
    return largest * len(balls) * dtype.smallest_subnormal > _NEGLIGIBLE * known


def _slope(jet: Any) -> Ball | None:
    """Return the slope of a number that moves with the input, else None."""
    if not isinstance(jet, Jet) or not jet.gradient or not jet.is_finite:
        return None
    return None if jet.gradient[0].is_zero() else jet.gradient[0]


def _partial(call: str, arithmetic: Jets, arguments: Sequence[Any], k: int) -> Ball | None:
    """Return the partial derivative of a call with respect to an argument; None if it is unused."""
    moved = [
        Jet(a.value, _ONE if j == k else ()) if isinstance(a, Jet) else a
        for j, a in enumerate(arguments)
    ]
    result = apply(CATALOGUE[call], arithmetic, moved)
    if result is EMPTY or not isinstance(result, Jet) or not result.gradient:
        return None
    return result.gradient[0]
