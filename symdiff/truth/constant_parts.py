"""Prove that parts of a program are constant on one side of a point.

No finite number of terms shows that a series is constant.  Two identities do: the derivative is 0
as a fraction of polynomials in the elementary parts of the expression, or the square does not
depend on the variable.  A part that has a one-sided series is analytic for small t > 0, so it is
constant there if its derivative is 0, or if its square is constant; and its value is its limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import sympy as sp

from symdiff.arithmetics.series.germ_values import Value
from symdiff.arithmetics.series.puiseux import Germ, constant_germ
from symdiff.arithmetics.series.reals import Real, is_proved_zero
from symdiff.arithmetics.symbolic import expression
from symdiff.errors import Unsupported
from symdiff.program import Call, Program

_MAX_TREE: Final = 60  # nodes of the largest part that is tried
_MAX_PARTS: Final = 8  # parts that are tried at one point
# Exceptions of sympy, and of numbers without a formula, that mean: no answer.
_NO_ANSWER: Final = (
    Unsupported,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    sp.PolynomialError,
)


def constant_parts(
    program: Program, variable: str, point: Mapping[str, Real], germs: Mapping[int, Value]
) -> dict[int, Value]:
    """Return the nodes of a program that are proved to be constant on one side of a point.

    Parameters
    ----------
    program
        The program.
    variable
        The input that moves.
    point
        The exact coordinates of every input.
    germs
        The germ of every node on that side.

    Returns
    -------
    dict
        The constant, as a germ, by node; only nodes whose germs have a remainder.

    Examples
    --------
    >>> from symdiff.arithmetics.series.germs import evaluate
    >>> from symdiff.arithmetics.series.puiseux import affine_germ
    >>> from symdiff.program import parse
    >>> program, nodes, one = parse("acos(x/sqrt(x*x))"), {}, Real.of(1)
    >>> _ = evaluate(program, {"x": affine_germ(one, one)}, cache=nodes)
    >>> constants = constant_parts(program, "x", {"x": one}, nodes)
    >>> [program.text_of(i) for i in constants]
    ['x/sqrt(x*x)']
    """
    candidates = [
        index
        for index in program.order
        if isinstance(program.nodes[index], Call)
        and _seems_constant(germs.get(index))
        and program.tree_size(index) <= _MAX_TREE
    ]
    fixed = {name: number for name, number in point.items() if name != variable}
    constants: dict[int, Value] = {}
    for index in candidates[:_MAX_PARTS]:
        germ = germs[index]
        if isinstance(germ, Germ) and _is_constant(program.at(index), variable, fixed):
            constants[index] = constant_germ(germ.constant)
    return constants


def _seems_constant(germ: Value | None) -> bool:
    """Return whether a germ is a constant and a remainder that tends to 0."""
    if not isinstance(germ, Germ) or germ.order is None or germ.order <= 0:
        return False
    return all(power == (0, 0) or is_proved_zero(c) for power, c in germ.terms.items())


def _is_constant(part: Program, variable: str, fixed: Mapping[str, Real]) -> bool:
    """Return whether an identity shows that a part does not depend on a variable."""
    if variable not in part.inputs:
        return False
    x = sp.Symbol(variable, real=True)
    try:
        f = expression(part, exact=True).xreplace(_numbers(part, fixed))
        return _vanishes(f.diff(x)) or not sp.cancel(sp.together(f**2)).has(x)
    except _NO_ANSWER:
        return False


def _vanishes(f: sp.Expr) -> bool:
    """Return whether an expression is 0 as a fraction of polynomials in its elementary parts."""
    return bool(sp.cancel(sp.together(f)) == 0)


def _numbers(part: Program, fixed: Mapping[str, Real]) -> dict[sp.Symbol, sp.Expr]:
    """Return the exact values of the fixed inputs by symbol.

    A number without a formula stays a symbol: an identity then holds for every number.
    """
    numbers: dict[sp.Symbol, sp.Expr] = {}
    for name in part.inputs:
        if name in fixed:
            try:
                numbers[sp.Symbol(name, real=True)] = fixed[name].symbolic()
            except ValueError:
                continue
    return numbers
