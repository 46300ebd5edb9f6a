"""The parts of a Program that are analytic at a point: one germ describes both sides.

If a function is analytic at a point, its germ to the right is its Taylor series there.  Replacing
t by -t gives the germ to the left, and the constant term is the value at the point.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

from symdiff.arithmetics.series.puiseux import Germ
from symdiff.arithmetics.series.reals import UndecidedError
from symdiff.catalogue import CATALOGUE, Function
from symdiff.program.nodes import Call, Constant, Input, Literal, Node, Program

# Domains of functions that are analytic where their last argument is positive.
_POSITIVE: Final = frozenset({"x > 0", "x >= 0"})
# Domain of functions that are analytic where their last argument is not zero.
_NOT_ZERO: Final = "y != 0"
_BITS: Final = 64  # precision of the ball that shows that an argument is not zero


def analytic_germs(program: Program, germs: Mapping[int, Any]) -> dict[int, Germ]:
    """Return the germs of the nodes that are analytic at a point by simple rules.

    A node is included if it is an analytic function of included nodes; others may be analytic too.

    Parameters
    ----------
    program
        The program.
    germs
        The value of every node to the right of the point: a germ, or another `germs.Value`.

    Examples
    --------
    >>> from symdiff.arithmetics.series.germs import evaluate
    >>> from symdiff.arithmetics.series.puiseux import affine_germ
    >>> from symdiff.arithmetics.series.reals import Real
    >>> from symdiff.program import parse
    >>> program, cache = parse("abs(x) + exp(x)"), {}
    >>> _ = evaluate(program, {"x": affine_germ(Real.of(0), Real.of(1))}, cache=cache)
    >>> [program.text_of(i) for i in analytic_germs(program, cache)]
    ['x', 'exp(x)']
    """
    analytic: dict[int, Germ] = {}
    for index in program.order:
        germ = germs.get(index)
        if isinstance(germ, Germ) and _is_taylor(germ) and _is_analytic(program, index, analytic):
            analytic[index] = germ
    return analytic


def _is_taylor(germ: Germ) -> bool:
    """Return whether all exponents are natural numbers, and the constant term is known."""
    has_constant = germ.order is None or germ.order > 0
    return has_constant and all(k == 0 and isinstance(e, int) and e >= 0 for e, k in germ.terms)


def _is_analytic(program: Program, index: int, analytic: Mapping[int, Germ]) -> bool:
    """Return whether a node is an analytic function of nodes that are analytic."""
    node = program.nodes[index]
    if not isinstance(node, Call):
        return isinstance(node, Input | Literal | Constant)
    if any(a not in analytic for a in node.operands):
        return False
    row = CATALOGUE[node.function]
    if _is_analytic_everywhere(node.function):
        return True
    if row.is_power:
        return _is_natural(program.nodes[node.operands[1]])
    return _is_off_singularity(row, analytic[node.operands[-1]])


def _is_off_singularity(row: Function, argument: Germ) -> bool:
    """Return whether the value of an argument is proved to be positive, or a divisor nonzero."""
    if row.domain != _NOT_ZERO and row.domain not in _POSITIVE:
        return False
    try:
        value = argument.constant.ball(_BITS)
    except UndecidedError:
        return False
    return bool(value > 0 or (row.domain == _NOT_ZERO and value < 0))


@functools.cache
def _is_analytic_everywhere(name: str) -> bool:
    """Return whether a row of the catalogue is a polynomial or an entire function."""
    return CATALOGUE[name].is_polynomial or is_entire(CATALOGUE[name])


def is_entire(row: Function) -> bool:
    """Return whether a function is analytic everywhere: it has no switches and no domain."""
    if row.returns != "real" or row.domain is not None or row.crossings:
        return False
    if row.array is not None or any(p.kind not in {"real", "number"} for p in row.parameters):
        return False
    is_smooth_primitive = row.switches is None and row.definition is None
    return row.derivative is not None and (row.switches == () or is_smooth_primitive)


def _is_natural(node: Node) -> bool:
    return isinstance(node, Literal) and isinstance(node.value, int) and node.value >= 0


def mirrored(germ: Germ) -> Germ:
    """Return g(-t) for a germ g whose exponents are natural numbers.

    Examples
    --------
    >>> from symdiff.arithmetics.series.reals import Real
    >>> mirrored(Germ({(0, 0): Real.of(2), (1, 0): Real.of(3)}, 4))
    Germ(terms={(0, 0): 2, (1, 0): -3}, order=4)
    """
    terms = {(e, k): -c if int(e) % 2 else c for (e, k), c in germ.terms.items()}  # type: ignore[arg-type]
    return Germ(terms, germ.order)
