"""The engine `symbolic`: sympy's derivative, lambdified to numpy with shared sub-expressions."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

import numpy as np
import sympy as sp
from sympy.printing.numpy import SciPyPrinter

from symdiff.arithmetics.arrays import owned_copy
from symdiff.arithmetics.symbolic import expression
from symdiff.array_types import Array
from symdiff.catalogue import CATALOGUE, Function
from symdiff.catalogue.elementary import numpy_bessel_i, numpy_polygamma
from symdiff.engines.base import Allowance, Gap, Problem, Samples, Traits, no_numbers
from symdiff.engines.formulas import formula_allowance
from symdiff.errors import Unsupported
from symdiff.program import Program

__all__ = ["ENGINE", "derivatives"]

_LARGEST_EXACT_INTEGER: Final = 2**53
# Largest number of sub-expressions of a program that is written out in full, as it is in sympy.
MAX_WRITTEN_OUT: Final = 3000
# Largest number of sub-expressions times that of variables: sympy takes some seconds then.
MAX_DIFFERENTIATED: Final = 60_000
SYMPY: Final = "sympy"


class _Printer(SciPyPrinter):  # type: ignore[misc]
    """Prints what sympy's printer cannot express in numpy, or prints inaccurately or slowly."""

    def _print_Float(self, number: sp.Float) -> str:  # noqa: N802  (sympy calls it by this name)
        # With all digits of the double: sympy rounds to 15 digits.
        return repr(float(number))

    def _print_Integer(self, number: sp.Integer) -> str:  # noqa: N802
        return self._print_Rational(number)

    def _print_Rational(self, number: sp.Rational) -> str:  # noqa: N802
        # numpy's functions do not take integers of more than 64 bits.
        p, q = int(number.p), int(number.q)
        if max(abs(p), q) <= _LARGEST_EXACT_INTEGER:
            return str(super()._print_Rational(number)) if q > 1 else str(p)
        return repr(_quotient(p, q))

    def _print_ITE(self, choice: sp.ITE) -> str:  # noqa: N802
        # sympy would print a `select`, whose default of NaN turns conditions into numbers.
        condition, first, second = (self._print(a) for a in choice.args)
        return f"where({condition}, {first}, {second})"

    def _print_ComplexInfinity(self, _: object) -> str:  # noqa: N802
        return "nan"

    def _print_Heaviside(self, step: sp.Heaviside) -> str:  # noqa: N802
        # sympy would rewrite it as a Piecewise and simplify, which takes seconds for a nested Max.
        return f"heaviside({self._print(step.args[0])}, {self._print(step.args[1])})"


def _quotient(p: int, q: int) -> float:
    """Return the double nearest to p/q, or an infinity."""
    try:
        return p / q
    except OverflowError:
        return math.copysign(math.inf, p)


def _dirac_delta(x: Array, order: int = 0) -> Array:
    del order
    return np.where(np.isnan(x), np.nan, np.where(x == 0, np.inf, 0.0))


# sympy functions that the printer cannot express in numpy or scipy, or not in real numbers.
_OWN = {
    "DiracDelta": _dirac_delta,
    "heaviside": np.heaviside,
    "detach": lambda x: x,
    "loggamma": lambda x: _scipy_special().gammaln(x),
    "polygamma": numpy_polygamma,
    "besseli": numpy_bessel_i,
}


# sympy functions that are printed as numpy functions: scipy need not be loaded for them.
_IN_NUMPY: Final = frozenset(
    {"sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp", "log"}
    | {"asinh", "acosh", "atanh", "Abs", "sign", "floor", "ceiling", "Max", "Min", "Heaviside"}
    | {"Piecewise", *_OWN}
)


def check_size(program: Program, count: int) -> None:
    """Refuse a program for which sympy would take minutes.

    Raises
    ------
    Unsupported
        Written out in full, it has more than `MAX_WRITTEN_OUT` sub-expressions, or the number of
        sub-expressions times that of variables is more than `MAX_DIFFERENTIATED`.
    """
    size = program.tree_size(program.output)
    if size > MAX_WRITTEN_OUT:
        reason = f"{size} sub-expressions when written out, more than {MAX_WRITTEN_OUT}"
        raise Unsupported(SYMPY, reason)
    if size * count > MAX_DIFFERENTIATED:
        reason = f"{size} sub-expressions when written out, too many for {count} variables"
        raise Unsupported(SYMPY, reason)


def derivatives(
    program: Program, variables: tuple[str, ...], inner: str = ""
) -> Mapping[str, sp.Expr | Unsupported]:
    """Return sympy's partial derivatives of a program, by variable.

    Where sympy leaves one unevaluated, the reason takes its place. With `inner`, the program is
    differentiated with respect to that input first.

    Raises
    ------
    Unsupported
        The program has a function that sympy lacks, or it is too large.

    Examples
    --------
    >>> from symdiff.program import parse
    >>> derivatives(parse("relu(x)*y + floor(y)"), ("x", "y"))
    {'x': y*Heaviside(x), 'y': Unsupported('floor: sympy has no derivative of it')}
    """
    check_size(program, len(variables))
    f = expression(program)
    if inner:
        f = sp.diff(f, sp.Symbol(inner, real=True))
    partials = {name: sp.diff(f, sp.Symbol(name, real=True)) for name in variables}
    return {name: _evaluated(partial, program, name) for name, partial in partials.items()}


def _evaluated(derivative: sp.Expr, program: Program, variable: str) -> sp.Expr | Unsupported:
    """Return a derivative, or why sympy leaves a part of it unevaluated."""
    unevaluated = derivative.atoms(sp.Derivative)
    if not unevaluated:
        return derivative
    # The first in the alphabet, since the order of a set differs between processes.
    part = min((part.expr for part in unevaluated), key=lambda e: (str(e.func), str(e)))
    row = _written_with(program, part, variable)
    reason = "sympy has no derivative of it"
    if row is None:
        return Unsupported(str(part.func), reason)
    return Unsupported(row.name, reason, row.written)


def _written_with(program: Program, part: sp.Expr, variable: str) -> Function | None:
    """Return the function of the program whose form in sympy has a part: floor, for trunc."""
    for whole in (part, part.func):  # the chain rule puts a dummy variable into the part
        for index, node in program.calls():
            inner = program.at(index)
            if variable in inner.inputs and expression(inner).has(whole):
                return CATALOGUE[node.function]
    return None


_derivatives = functools.lru_cache(maxsize=16)(derivatives)


class _Symbolic:
    """The engine; see `symdiff.engines.base.Engine`."""

    name = "symbolic"
    traits = Traits(modes=("symbolic",), orders=(1, 2))

    def differentiate(self, problem: Problem) -> Samples:
        program, inner = problem.written, _inner(problem)
        partials = _derivatives(program, problem.variables, inner)
        gaps = {name: Gap.of(e) for name, e in partials.items() if isinstance(e, Unsupported)}
        expressed = tuple(name for name in problem.variables if name not in gaps)
        compiled = _compiled(program, expressed, inner)
        with np.errstate(all="ignore"):
            values = compiled(*(problem.columns[name] for name in program.inputs))
        columns = tuple(problem.columns.values())
        slopes = no_numbers(problem.variables, problem.count)
        for name, value in zip(expressed, values, strict=True):
            slopes[name] = owned_copy(_real(value), (problem.count,), columns)
        return Samples(slopes, unsupported=gaps)

    def estimate_errors(self, problem: Problem, variable: str) -> None:
        del problem, variable

    def allowance(self, problem: Problem, variable: str, point: int) -> Allowance:
        derivative = _derivatives(problem.written, (variable,), _inner(problem))[variable]
        return formula_allowance(problem, variable, point, derivative)


def _inner(problem: Problem) -> str:
    """Return the input of the first of two differentiations; "" for first derivatives."""
    return "" if problem.second is None else problem.second.inner


def _scipy_special() -> ModuleType:
    return importlib.import_module("scipy.special")  # takes half a second, and is seldom needed


@functools.lru_cache(maxsize=16)
def _compiled(program: Program, variables: tuple[str, ...], inner: str) -> Any:  # noqa: ANN401
    return _compile(program.inputs, list(derivatives(program, variables, inner).values()))


def _compile(names: tuple[str, ...], expressions: list[sp.Expr]) -> Any:  # noqa: ANN401
    printer = _Printer(
        {
            "fully_qualified_modules": False,
            "inline": True,
            "allow_unknown_functions": True,
            "user_functions": {name: name for name in _OWN},
        }
    )
    used = {type(f).__name__ for e in expressions for f in e.atoms(sp.Function)}
    return sp.lambdify(
        [sp.Symbol(name, real=True) for name in names],
        expressions,
        # Mappings, not "scipy" and "numpy", for which sympy would load everything in them.
        modules=[_OWN, {} if used <= _IN_NUMPY else vars(_scipy_special()), vars(np)],
        printer=printer,
        cse=True,
        docstring_limit=0,  # not used, and sympy would print the formula once more
        dummify=True,  # a variable may be called numpy, or exp
    )


def _real(value: Any) -> Array:  # noqa: ANN401  (numpy's or Python's number)
    array = np.asarray(value)
    if np.iscomplexobj(array):
        array = np.where(array.imag == 0, array.real, np.nan)
    return np.asarray(array, dtype=np.float64)


ENGINE = _Symbolic()
