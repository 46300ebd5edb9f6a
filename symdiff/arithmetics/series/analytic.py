"""Which parts of a Program are analytic at a point: one germ says what they do on both sides.

A germ of integer powers, to the right of a point, is the Taylor series of a function that is
analytic there; with -t for t it is the germ to the left, and its constant the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from symdiff.arithmetics.series.puiseux import Germ
from symdiff.arithmetics.series.reals import UndecidedError
from symdiff.catalogue import CATALOGUE, Function
from symdiff.program.nodes import Call, Constant, Input, Literal, Node, Program

_ARITHMETIC: Final = frozenset({"add", "subtract", "multiply", "negative", "positive"})
# Analytic where the last argument is positive; a quotient, where it is not zero.
_AWAY_FROM_ZERO: Final = frozenset({"log", "sqrt", "divide"})
_BITS: Final = 64


def analytic_germs(program: Program, known: Mapping[int, Any]) -> dict[int, Germ]:
    """Return the germs of the nodes at which a Program is analytic, as far as is plain to see.

    Parameters
    ----------
    program
        Its parts are looked at.
    known
        For every node its germ to the right of the point, or what there is in its place.

    Examples
    --------
    >>> from symdiff.arithmetics.series.germs import evaluate
    >>> from symdiff.arithmetics.series.puiseux import line
    >>> from symdiff.arithmetics.series.reals import Real
    >>> from symdiff.program import parse
    >>> program, known = parse("abs(x) + exp(x)"), {}
    >>> _ = evaluate(program, {"x": line(Real.of(0), Real.of(1))}, known=known)
    >>> [program.text_of(i) for i in analytic_germs(program, known)]
    ['x', 'exp(x)']
    """
    found: dict[int, Germ] = {}
    for index in program.order:
        germ = known.get(index)
        if isinstance(germ, Germ) and _is_taylor(germ) and _is_analytic(program, index, found):
            found[index] = germ
    return found


def _is_taylor(germ: Germ) -> bool:
    is_known = germ.order is None or germ.order > 0
    return is_known and all(k == 0 and isinstance(e, int) and e >= 0 for e, k in germ.terms)


def _is_analytic(program: Program, index: int, found: Mapping[int, Germ]) -> bool:
    """Tell whether a node is an analytic function of nodes that are analytic."""
    node = program.nodes[index]
    if not isinstance(node, Call):
        return isinstance(node, Input | Literal | Constant)
    if any(a not in found for a in node.operands):
        return False
    if node.function in _ARITHMETIC or is_entire(CATALOGUE[node.function]):
        return True
    if node.function == "power":
        return _is_natural(program.nodes[node.operands[1]])
    return node.function in _AWAY_FROM_ZERO and _is_away(node, found[node.operands[-1]])


def _is_away(node: Call, argument: Germ) -> bool:
    try:
        value = argument.constant.ball(_BITS)
    except UndecidedError:
        return False
    return bool(value > 0 or (node.function == "divide" and value < 0))


def is_entire(row: Function) -> bool:
    """Tell whether a function is analytic everywhere: it has neither switches nor a domain."""
    if row.returns != "real" or row.domain is not None or row.crossings:
        return False
    if row.array is not None or any(p.kind not in {"real", "number"} for p in row.parameters):
        return False
    is_smooth_primitive = row.switches is None and row.definition is None
    return row.derivative is not None and (row.switches == () or is_smooth_primitive)


def _is_natural(node: Node) -> bool:
    return isinstance(node, Literal) and isinstance(node.value, int) and node.value >= 0


def mirrored(germ: Germ) -> Germ:
    """Return g(-t) for a germ of natural powers.

    Examples
    --------
    >>> from symdiff.arithmetics.series.reals import Real
    >>> mirrored(Germ({(0, 0): Real.of(2), (1, 0): Real.of(3)}, 4))
    Germ(terms={(0, 0): 2, (1, 0): -3}, order=4)
    """
    return Germ({(e, k): -c if e % 2 else c for (e, k), c in germ.terms.items()}, germ.order)
