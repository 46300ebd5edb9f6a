"""Turn expressions of sympy into functions of numpy arrays."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np
import sympy as sp
from sympy.printing.numpy import SciPyPrinter

from symdiff.array_types import Array
from symdiff.catalogue.elementary import numpy_bessel_i, numpy_polygamma

_LARGEST_EXACT_INTEGER: Final = 2**53


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
        return repr(quotient(p, q))

    def _print_ITE(self, choice: sp.ITE) -> str:  # noqa: N802
        # sympy would print a `select`, whose default of NaN turns conditions into numbers.
        condition, first, second = (self._print(a) for a in choice.args)
        return f"where({condition}, {first}, {second})"

    def _print_ComplexInfinity(self, _: object) -> str:  # noqa: N802
        return "nan"

    def _print_Heaviside(self, step: sp.Heaviside) -> str:  # noqa: N802
        # sympy would rewrite it as a Piecewise and simplify, which takes seconds for a nested Max.
        return f"heaviside({self._print(step.args[0])}, {self._print(step.args[1])})"


def quotient(p: int, q: int) -> float:
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


def compiled(names: Sequence[str], expressions: Sequence[sp.Expr], *, renames: bool = True) -> Any:  # noqa: ANN401
    """Return a function that computes expressions on arrays, shared sub-expressions once.

    Parameters
    ----------
    names
        The names of the real symbols of the expressions, in the order of the function's arguments.
    expressions
        The expressions; the function returns a list with an array or a number for each.
    renames
        Whether the symbols get other names in the code. They need them where they may have the name
        of a function or a module, such as exp or numpy.

    Examples
    --------
    >>> x = sp.Symbol("x", real=True)
    >>> compiled(["x"], [x**2, sp.Heaviside(x)])(np.array([-1.0, 0.0]))
    [array([1., 0.]), array([0. , 0.5])]
    """
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
        list(expressions),
        # Mappings, not "scipy" and "numpy", for which sympy would load everything in them.
        modules=[_OWN, {} if used <= _IN_NUMPY else vars(_scipy_special()), vars(np)],
        printer=printer,
        cse=True,
        docstring_limit=0,  # not used, and sympy would print the formula once more
        dummify=renames,
    )


def real_numbers(value: Any) -> Array:  # noqa: ANN401  (numpy's or Python's number)
    """Return numbers as doubles; NaN for a number that is not real."""
    array = np.asarray(value)
    if np.iscomplexobj(array):
        array = np.where(array.imag == 0, array.real, np.nan)
    return np.asarray(array, dtype=np.float64)


def _scipy_special() -> ModuleType:
    return importlib.import_module("scipy.special")  # takes half a second, and is seldom needed
