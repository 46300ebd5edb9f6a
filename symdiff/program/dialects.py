"""Names of numpy, math, sympy, scipy and JAX whose meaning is not that of torch's name.

A form is an expression in the catalogue's functions. It is inserted in the syntax tree, at the
place of the call, so that the text of the expression stays as it was written.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

# Modules that users may write before a function's name, with the library that it means.
PREFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("torch", "F", "functional", "nn.functional", "torch.nn.functional"),
                *("torch.special", "torch.linalg", "linalg"),
            ),
            "torch",
        ),
        "math": "math",
        **dict.fromkeys(("np", "numpy", "jnp", "jax.numpy"), "numpy"),
        **dict.fromkeys(("np.linalg", "numpy.linalg", "jnp.linalg"), "numpy.linalg"),
        "sympy": "sympy",
        "jax.nn": "jax.nn",
        **dict.fromkeys(("scipy.special", "jax.scipy.special"), "scipy.special"),
    }
)
# Of these libraries only names with the same meaning are read; the tests compare their values.
SAME: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "sympy": frozenset({
            "sqrt", "exp", "log", "ln", "sin", "cos", "tan", "asin", "acos", "atan", "atan2",
            "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "erfinv", "gamma",
            "digamma", "sign", "floor", "ceiling", "Abs", "Max", "Min", "Mod", "Pow",
        }),
        "jax.nn": frozenset({
            "tanh", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "sigmoid", "softplus",
            "silu", "swish", "mish",
        }),
        "scipy.special": frozenset({
            "cbrt", "exp2", "expm1", "log1p", "xlogy", "sinc", "erf", "erfc", "erfinv", "gamma",
            "gammaln", "digamma", "psi", "erfcx", "i0", "i1", "i0e", "i1e", "expit",
        }),
        "numpy.linalg": frozenset({"norm", "matmul", "det", "inv", "solve", "trace", "outer"}),
    }
)  # fmt: skip
# Constants by library and name.
CONSTANTS: Final = MappingProxyType({("sympy", "E"): "e", ("sympy", "oo"): "inf"})
# Names whose meaning differs, with what to write.
DIFFERENT: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("math", "remainder"): "x - y*rint(x/y)",
        ("numpy", "std"): "std(x, correction=0)",
        ("numpy", "var"): "var(x, correction=0)",
        ("numpy", "median"): "quantile(x, 0.5)",
        ("numpy", "repeat"): "the torch function itself: torch.repeat_interleave(x, 2)",
        ("numpy", "pad"): "F.pad(x, [1, 1])",
        ("sympy", "frac"): "x - floor(x)",
    }
)
# Keywords of numpy, with torch's.
KEYWORDS: Final = MappingProxyType(
    {"a_min": "min", "a_max": "max", "axis": "dim", "keepdims": "keepdim"}
)


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """A call in another notation.

    Attributes
    ----------
    parameters
        The names of the arguments; each is used once in `text`.
    text
        The meaning as an expression in functions of the catalogue.
    """

    parameters: tuple[str, ...]
    text: str


def _form(signature: str, text: str) -> tuple[tuple[str, int], Form]:
    name, _, rest = signature.removesuffix(")").partition("(")
    parameters = tuple(part.strip() for part in rest.split(","))
    return (name, len(parameters)), Form(parameters, text)


# Forms by name and number of arguments.
FORMS: Final[Mapping[tuple[str, int], Form]] = MappingProxyType(
    dict(
        [
            _form("Heaviside(x)", "heaviside(x, 1/2)"),
            _form("Heaviside(x, h)", "heaviside(x, h)"),
            _form("Rational(p, q)", "p/q"),
            _form("Rational(p)", "p"),
            _form("Integer(n)", "n"),
            _form("Float(x)", "x"),
            _form("log(x, b)", "log(x)/log(b)"),
            _form("ln(x, b)", "log(x)/log(b)"),
            _form("root(x, n)", "x**(1/n)"),
            _form("sec(x)", "1/cos(x)"),
            _form("csc(x)", "1/sin(x)"),
            _form("cot(x)", "1/tan(x)"),
            _form("sech(x)", "1/cosh(x)"),
            _form("csch(x)", "1/sinh(x)"),
            _form("coth(x)", "1/tanh(x)"),
            _form("factorial(n)", "gamma(n + 1)"),
            _form("deg2rad(x)", "x*pi/180"),
            _form("radians(x)", "x*pi/180"),
            _form("rad2deg(x)", "x*180/pi"),
            _form("degrees(x)", "x*180/pi"),
            *(
                _form(f"{library}.{name}(x)", text)
                for library in ("numpy", "torch")
                for name, text in (("deg2rad", "x*pi/180"), ("rad2deg", "x*180/pi"))
            ),
            _form("numpy.radians(x)", "x*pi/180"),
            _form("numpy.degrees(x)", "x*180/pi"),
            _form("Add(x, y)", "x + y"),
            _form("Mul(x, y)", "x*y"),
            _form("Eq(x, y)", "x == y"),
            _form("Ne(x, y)", "x != y"),
            _form("Lt(x, y)", "x < y"),
            _form("Le(x, y)", "x <= y"),
            _form("Gt(x, y)", "x > y"),
            _form("Ge(x, y)", "x >= y"),
            _form("And(p, q)", "p and q"),
            _form("Or(p, q)", "p or q"),
            _form("Not(p)", "not p"),
            _form("sympy.sinc(x)", "sinc(x/pi)"),
            _form("sympy.cbrt(x)", "x**(1/3)"),
            _form("jax.nn.gelu(x)", "gelu(x, approximate='tanh')"),
            _form("jax.nn.hard_tanh(x)", "hardtanh(x)"),
            _form("jax.nn.log_sigmoid(x)", "logsigmoid(x)"),
            _form("jax.nn.soft_sign(x)", "softsign(x)"),
            _form("jax.nn.hard_sigmoid(x)", "hardsigmoid(x)"),
            _form("jax.nn.hard_swish(x)", "hardswish(x)"),
        ]
    )
)
# Names that only sympy has: where they are used, E may have been meant as Euler's number.
SYMPY_NAMES: Final = ("Abs", "Max", "Min", "Piecewise", "Heaviside", "Rational", "Mod", "Pow")
# Libraries whose forms apply to names without a prefix, which is "".
_WITH_FORMS: Final = frozenset({"", "sympy", "math"})


class DialectError(ValueError):
    """A name has a different meaning than torch's; `hint` says what to write."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        """Store the hint."""
        super().__init__(message)
        self.hint = hint


def reading(library: str, name: str, call: ast.Call) -> tuple[ast.expr, str] | None:
    """Return the syntax that a call stands for, and a note; None if it is torch's function.

    Parameters
    ----------
    library
        A value of `PREFIXES`, or "" for a name without a prefix.
    name
        The name of the function.
    call
        The call.

    Raises
    ------
    DialectError
        The function has no form in the catalogue.
    """
    if (library, name) in DIFFERENT:
        message = f"{library}.{name} is not torch's {name}"
        raise DialectError(message, f"write {DIFFERENT[library, name]}")
    if name == "Piecewise":
        pieces = None if call.keywords else piecewise(call.args, call)
        if pieces is None:
            message = "Piecewise needs pairs of a value and a condition, the last one True"
            raise DialectError(message, "write Piecewise((x, x > 0), (0, True))")
        return pieces, "read Piecewise((x, c), (y, True)) as x if c else y"
    form = None if call.keywords else find_form(library, name, len(call.args))
    if form is not None:
        note = f"read {name}({', '.join(form.parameters)}) as {form.text}"
        return expanded(form, call.args, call), note
    if name not in SAME.get(library, {name}):
        message = f"unknown function '{library}.{name[:40]}'"
        raise DialectError(message)
    return None


def find_form(library: str, name: str, count: int) -> Form | None:
    """Return the form of a call with `count` positional arguments, or None if it has none.

    Examples
    --------
    >>> find_form("", "Heaviside", 1).text
    'heaviside(x, 1/2)'
    """
    of_library = FORMS.get((f"{library}.{name}", count))
    return of_library or (FORMS.get((name, count)) if library in _WITH_FORMS else None)


def expanded(form: Form, arguments: Sequence[ast.expr], call: ast.expr) -> ast.expr:
    """Return the syntax of a form with its arguments; what is added has the place of the call.

    Examples
    --------
    >>> call = ast.parse("Rational(1, 3)", mode="eval").body
    >>> ast.unparse(expanded(find_form("", "Rational", 2), call.args, call))
    '1 / 3'
    """
    tree = copy.deepcopy(_template(form.text))
    for node in ast.walk(tree):
        ast.copy_location(node, call)
    replaced = dict(zip(form.parameters, arguments, strict=True))
    result: ast.expr = _Insertion(replaced).visit(tree)
    return result


def piecewise(pairs: Sequence[ast.expr], call: ast.expr) -> ast.expr | None:
    """Return Piecewise((x, c), ..., (y, True)) as ``x if c else ... y``, or None for other pairs.

    Examples
    --------
    >>> call = ast.parse("Piecewise((x, x > 0), (0, True))", mode="eval").body
    >>> ast.unparse(piecewise(call.args, call))
    'x if x > 0 else 0'
    """
    if not pairs or not all(isinstance(p, ast.Tuple) and len(p.elts) == 2 for p in pairs):
        return None
    *others, last = [p.elts for p in pairs if isinstance(p, ast.Tuple)]
    if not isinstance(last[1], ast.Constant) or last[1].value is not True:
        return None
    result = last[0]
    for value, condition in reversed(others):
        result = ast.IfExp(test=condition, body=value, orelse=result)
        ast.copy_location(result, call)
    return result


@functools.cache
def _template(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


class _Insertion(ast.NodeTransformer):
    """Puts arguments in the place of names; names inside arguments stay."""

    def __init__(self, arguments: Mapping[str, ast.expr]) -> None:
        self._arguments = arguments

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._arguments.get(node.id, node)
