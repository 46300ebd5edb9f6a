"""sympy's derivatives of whole programs: as expressions, and their numbers."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
import sympy as sp

from symdiff.arithmetics.arrays import owned_copy
from symdiff.arithmetics.bounds.symbolic_balls import formula_radius
from symdiff.arithmetics.symbolic import expression
from symdiff.catalogue import CATALOGUE, Function
from symdiff.engines.base import Allowance, Gap, Problem, Samples, no_numbers
from symdiff.engines.formulas import bound_or_nan, formula_allowance
from symdiff.engines.sympy_code import compiled, real_numbers
from symdiff.errors import Unsupported
from symdiff.program import Program

# Largest number of sub-expressions of a program that is written out in full, as it is in sympy.
MAX_WRITTEN_OUT: Final = 3000
# The same for an engine that does nothing with most of them. The code of a loop may have billions.
MAX_EXPANDED: Final = 50_000
# Largest number of sub-expressions times that of variables: sympy takes some seconds then.
MAX_DIFFERENTIATED: Final = 60_000
# Largest number of operands of a maximum or minimum: sympy compares all pairs of them, once for
# the derivative with respect to each.
MAX_COMPARED: Final = 16
SYMPY: Final = "sympy"


def check_size(program: Program, count: int) -> None:
    """Refuse a program for which sympy would take minutes.

    Raises
    ------
    Unsupported
        Written out in full, it has more than `MAX_WRITTEN_OUT` sub-expressions, or the number of
        sub-expressions times that of variables is more than `MAX_DIFFERENTIATED`.
    """
    size = program.written_out
    check_written_out(program, MAX_WRITTEN_OUT)
    if size * count > MAX_DIFFERENTIATED:
        reason = f"{size} sub-expressions when written out, too many for {count} variables"
        raise Unsupported(SYMPY, reason)


def check_written_out(program: Program, most: int = MAX_EXPANDED, library: str = SYMPY) -> None:
    """Refuse a program that is too large for a library that writes it out in full.

    Raises
    ------
    Unsupported
        Written out in full, it has more than `most` sub-expressions.
    """
    size = program.written_out
    if size > most:
        raise Unsupported(library, f"{size} sub-expressions when written out, more than {most}")


def derivatives(
    program: Program, variables: tuple[str, ...], inner: str = ""
) -> Mapping[str, sp.Expr | Unsupported]:
    """Return sympy's partial derivatives of a program, by variable.

    Where sympy leaves one unevaluated, the reason takes its place. With `inner`, the program is
    differentiated with respect to that input first.

    Raises
    ------
    Unsupported
        The program has a function that sympy lacks, it is too large, or it has a maximum or minimum
        of more than `MAX_COMPARED` operands.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> derivatives(parse("relu(x)*y + floor(y)"), ("x", "y"))
    {'x': y*Heaviside(x), 'y': Unsupported('floor: sympy has no derivative of it')}
    """
    check_size(program, len(variables))
    f = expression(program)
    operands = max((len(part.args) for part in f.atoms(sp.Max, sp.Min)), default=0)
    if operands > MAX_COMPARED:
        reason = f"a maximum or minimum of {operands} operands, more than {MAX_COMPARED}"
        raise Unsupported(SYMPY, reason)
    if inner:
        f = sp.diff(f, sp.Symbol(inner, real=True))
    partials = {name: sp.diff(f, sp.Symbol(name, real=True)) for name in variables}
    return {name: _evaluated(partial, program, name) for name, partial in partials.items()}


def _evaluated(derivative: sp.Expr, program: Program, variable: str) -> sp.Expr | Unsupported:
    """Return a derivative, or why sympy leaves a part of it unevaluated."""
    unevaluated = derivative.atoms(sp.Derivative)
    if not unevaluated:
        return derivative
    return no_derivative(program, variable, [part.expr for part in unevaluated])


def no_derivative(program: Program, variable: str, parts: Collection[sp.Expr]) -> Unsupported:
    """Return the error for parts of a program's expression that sympy cannot differentiate.

    It names the first part in the alphabet, by the function of the program that it is a part of.
    """
    # The order of a set differs between processes.
    part = min(parts, key=lambda e: (str(e.func), str(e)))
    row = _written_with(program, part, variable)
    reason = "sympy has no derivative of it"
    if row is None:
        return Unsupported(str(part.func), reason)
    return Unsupported(row.name, reason, row.written)


def _written_with(program: Program, part: sp.Expr, variable: str) -> Function | None:
    """Return the function of the program that has a part in sympy, as trunc has floor."""
    for whole in (part, part.func):  # the chain rule puts a dummy variable into the part
        for index, node in program.calls():
            inner = program.at(index)
            if variable in inner.inputs and expression(inner).has(whole):
                return CATALOGUE[node.function]
    return None


_derivatives = functools.lru_cache(maxsize=16)(derivatives)


@functools.lru_cache(maxsize=16)
def _compiled(program: Program, variables: tuple[str, ...], inner: str) -> Any:  # noqa: ANN401
    return compiled(program.inputs, list(_derivatives(program, variables, inner).values()))


def evaluated(problem: Problem) -> Samples:
    """Return the derivatives of the whole expression, of first or second order, at all points.

    Raises
    ------
    Unsupported
        As `derivatives`.
    """
    program, inner = problem.written, problem.inner
    partials = _derivatives(program, problem.variables, inner)
    gaps = {name: Gap.of(e) for name, e in partials.items() if isinstance(e, Unsupported)}
    expressed = tuple(name for name in problem.variables if name not in gaps)
    function = _compiled(program, expressed, inner)
    points = [problem.columns[name] for name in program.inputs]
    with np.errstate(all="ignore"):
        found = dict(zip(expressed, function(*points), strict=True))
        values = _compiled_values(program)(*points)[0] if problem.has_values else None
    return samples_of(problem, found, gaps, values)


@functools.lru_cache(maxsize=16)
def _compiled_values(program: Program) -> Any:  # noqa: ANN401
    return compiled(program.inputs, [expression(program)])


def samples_of(
    problem: Problem,
    found: Mapping[str, Any],
    gaps: Mapping[str, Gap],
    values: Any = None,  # noqa: ANN401
) -> Samples:
    """Return derivatives by variable, and values: arrays or numbers, as samples at all points."""
    columns, shape = tuple(problem.columns.values()), (problem.count,)
    slopes = no_numbers(problem.variables, problem.count)
    for name, value in found.items():
        slopes[name] = owned_copy(real_numbers(value), shape, columns)
    numbers = None if values is None else owned_copy(real_numbers(values), shape, columns)
    return Samples(slopes, unsupported=gaps, values=numbers)


def value_radius_of_formula(problem: Problem, point: int) -> float:
    """Return how far rounding may take the values of `evaluated`; NaN if that is not known."""
    return bound_or_nan(lambda: formula_radius(expression(problem.written), problem.balls(point)))


def allowance_of_formula(problem: Problem, variable: str, point: int) -> Allowance:
    """Return how far rounding may take the number of `evaluated` from the derivative."""
    derivative = _derivatives(problem.written, (variable,), problem.inner)[variable]
    return formula_allowance(problem, variable, point, derivative)
