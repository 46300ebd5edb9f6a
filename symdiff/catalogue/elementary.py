"""Rows for the elementary and special functions: smooth inside their domains."""

from __future__ import annotations

from symdiff.catalogue.enclosures import (
    bessel_i,
    cube_root,
    digamma,
    log_gamma,
    monotone,
    polygamma,
)
from symdiff.catalogue.row import Crossing, Function, Value
from symdiff.libraries import flint, numpy, scipy_special, sympy

POLES_OF_GAMMA = (Crossing("x", highest=0),)
AWAY_FROM_POLES = "x > 0 or floor(x) != x"

# scipy's polygamma adds a term for every integer between x and 9: this many take 40 ms.
_LOWEST_POLYGAMMA = -1e6
_TINY = 1e-8  # its square is below the unit of rounding


def numpy_polygamma(n: Value, x: Value) -> Value:
    """Return the n-th derivative of digamma; NaN where scipy would take too long."""
    is_far = numpy.less(x, _LOWEST_POLYGAMMA)
    return numpy.where(
        is_far, numpy.nan, scipy_special.polygamma(n, numpy.where(is_far, numpy.nan, x))
    )


def numpy_bessel_i(n: Value, x: Value) -> Value:
    """Return the modified Bessel function I; near 0, where scipy's is 0 or NaN, by its series."""
    order = numpy.abs(n)
    first = (numpy.asarray(x) / 2) ** order / scipy_special.factorial(order)
    return numpy.where(numpy.abs(x) < _TINY, first, scipy_special.iv(order, x))


# fmt: off
POWERS = (
    Function("sqrt",       "x",    formula="sqrt(x)",          sympy="sqrt", numpy="sqrt", torch="sqrt",
             ball=monotone("sqrt", 0), domain="x >= 0",
             derivative="1/(2*result)", zero_at=0,
             spelled={"latex": r"\sqrt{<x>}"}),
    Function("cbrt",       "x",    formula="real cube root",   sympy=lambda x: sympy.sign(x)*sympy.Abs(x)**sympy.Rational(1, 3),
             numpy="cbrt", ball=cube_root, switches=("x",),
             derivative="1/(3*result**2)", zero_at=0,
             spelled={"sympy": "sign(<x>)*Abs(<x>)**Rational(1, 3)", "latex": r"\sqrt[3]{<x>}"}),
    Function("square",     "x",    formula="x**2",             definition="x**2", torch="square", zero_at=0,
             spelled={"jax": "square", "latex": "<x>^{2}"}),
    Function("reciprocal", "x",    formula="1/x",              definition="1/x", torch="reciprocal",
             spelled={"jax": "reciprocal", "latex": r"\frac{1}{<x>}"}),
    Function("rsqrt",      "x",    formula="1/sqrt(x)",        definition="1/sqrt(x)", torch="rsqrt",
             spelled={"jax": "lax.rsqrt", "latex": r"\frac{1}{\sqrt{<x>}}"}),
    Function("hypot",      "x, y", formula="sqrt(x**2 + y**2)", definition="sqrt(x**2 + y**2)", numpy="hypot", torch="hypot",
             switches=("maximum(abs(x), abs(y))",),
             derivative=("x/result", "y/result"),
             spelled={"latex": r"\sqrt{<x>^{2} + <y>^{2}}"}),
)

EXPONENTIALS = (
    Function("exp",   "x", formula="e**x",       sympy="exp", numpy="exp", torch="exp", ball="exp",
             derivative="result",
             spelled={"latex": "e^{<x>}"}),
    Function("exp2",  "x", formula="2**x",       definition="2**x", numpy="exp2", torch="exp2",
             spelled={"latex": "2^{<x>}"}),
    Function("expm1", "x", formula="e**x - 1",   definition="exp(x) - 1", numpy="expm1", torch="expm1", ball="expm1",
             derivative="result + 1", zero_at=0, cancels=True),
    Function("log",   "x", formula="natural logarithm", aliases=("ln",), sympy="log", numpy="log", torch="log",
             ball=monotone("log", 0), domain="x > 0",
             derivative="1/x", zero_at=1,
             spelled={"latex": r"\ln"}),
    Function("log2",  "x", formula="log(x)/log(2)",  definition="log(x)/log(2)",  numpy="log2",  torch="log2",
             spelled={"latex": r"\log_{2}"}),
    Function("log10", "x", formula="log(x)/log(10)", definition="log(x)/log(10)", numpy="log10", torch="log10",
             spelled={"latex": r"\log_{10}"}),
    Function("log1p", "x", formula="log(1 + x)",     definition="log(1 + x)", numpy="log1p", torch="log1p",
             ball=monotone("log1p", -1), domain="x > -1",
             derivative="1/(1 + x)", zero_at=0, cancels=True),
    Function("logaddexp", "x, y",   formula="log(e**x + e**y)", definition="log(exp(x) + exp(y))", numpy="logaddexp", torch="logaddexp",
             switches=(),
             derivative=("exp(x - result)", "exp(y - result)"), cancels=True),
    Function("xlogy", "x, y: any",  formula="x*log(y), 0 at x = 0", definition="0 if x == 0 else x*log(y)", numpy="special.xlogy", torch="xlogy"),
)

TRIGONOMETRY = (
    Function("sin",   "x", formula="sin(x)", sympy="sin", numpy="sin", torch="sin", ball="sin",
             derivative="cos(x)",
             spelled={"latex": r"\sin"}),
    Function("cos",   "x", formula="cos(x)", sympy="cos", numpy="cos", torch="cos", ball="cos",
             derivative="-sin(x)",
             spelled={"latex": r"\cos"}),
    Function("tan",   "x", formula="tan(x)", sympy="tan", numpy="tan", torch="tan", ball="tan", domain="cos(x) != 0",
             definition="sin(x)/cos(x)", derivative="1 + result**2",
             spelled={"latex": r"\tan"}),
    Function("asin",  "x", formula="asin(x)", aliases=("arcsin",), sympy="asin", numpy="arcsin", torch="asin",
             ball=monotone("asin", -1, 1), domain="x >= -1 and x <= 1",
             derivative="1/sqrt(1 - x**2)", zero_at=0, cancels=True,
             spelled={"latex": r"\arcsin"}),
    Function("acos",  "x", formula="acos(x)", aliases=("arccos",), sympy="acos", numpy="arccos", torch="acos",
             ball=monotone("acos", -1, 1), domain="x >= -1 and x <= 1",
             definition="pi/2 - asin(x)", derivative="-1/sqrt(1 - x**2)", cancels=True,
             spelled={"latex": r"\arccos"}),
    Function("atan",  "x", formula="atan(x)", aliases=("arctan",), sympy="atan", numpy="arctan", torch="atan", ball="atan",
             derivative="1/(1 + x**2)", zero_at=0,
             spelled={"latex": r"\arctan"}),
    Function("atan2", "x, y", formula="angle of the point (y, x)", aliases=("arctan2",), sympy="atan2", numpy="arctan2", torch="atan2",
             ball=lambda x, y: flint.arb.atan2(x, y), domain="x != 0 or y != 0",
             definition="where(y > 0, atan(x/y), where(x > 0, pi/2 - atan(y/x), where(x < 0, -pi/2 - atan(y/x), pi)))"),
    Function("sinh",  "x", formula="sinh(x)", sympy="sinh", numpy="sinh", torch="sinh", ball="sinh",
             definition="(exp(x) - exp(-x))/2", switches=(), derivative="cosh(x)", zero_at=0, cancels=True,
             spelled={"latex": r"\sinh"}),
    Function("cosh",  "x", formula="cosh(x)", sympy="cosh", numpy="cosh", torch="cosh", ball="cosh",
             definition="(exp(x) + exp(-x))/2", switches=(), derivative="sinh(x)",
             spelled={"latex": r"\cosh"}),
    Function("tanh",  "x", formula="tanh(x)", sympy="tanh", numpy="tanh", torch="tanh", ball="tanh",
             derivative="1 - result**2", zero_at=0, cancels=True,
             spelled={"latex": r"\tanh"}),
    Function("asinh", "x", formula="asinh(x)", aliases=("arcsinh",), sympy="asinh", numpy="arcsinh", torch="asinh", ball="asinh",
             definition="log(x + sqrt(x**2 + 1))", switches=(), derivative="1/sqrt(1 + x**2)", zero_at=0, cancels=True),
    Function("acosh", "x", formula="acosh(x)", aliases=("arccosh",), sympy="acosh", numpy="arccosh", torch="acosh",
             ball=monotone("acosh", 1), domain="x >= 1",
             definition="log(x + sqrt(x**2 - 1))", derivative="1/sqrt(x**2 - 1)", cancels=True),
    Function("atanh", "x", formula="atanh(x)", aliases=("arctanh",), sympy="atanh", numpy="arctanh", torch="atanh",
             ball=monotone("atanh", -1, 1), domain="x > -1 and x < 1",
             definition="(log(1 + x) - log(1 - x))/2", derivative="1/(1 - x**2)", zero_at=0, cancels=True),
    Function("sinc",  "x", formula="sin(pi*x)/(pi*x), 1 at 0", definition="1 if x == 0 else sin(pi*x)/(pi*x)",
             sympy=lambda x: sympy.sinc(sympy.pi*x), numpy="sinc", torch="sinc", ball="sinc_pi", switches=(),
             spelled={"sympy": "sinc(pi*<x>)"}),
)

SPECIAL = (
    Function("erf",     "x", formula="2/sqrt(pi) * integral of e**(-t**2) from 0 to x", sympy="erf", numpy="special.erf", torch="erf", ball="erf",
             derivative="2/sqrt(pi)*exp(-x**2)", zero_at=0, cancels=True),
    Function("erfc",    "x", formula="1 - erf(x)", sympy="erfc", numpy="special.erfc", torch="erfc", ball="erfc",
             definition="1 - erf(x)", switches=(), derivative="-2/sqrt(pi)*exp(-x**2)", cancels=True),
    Function("erfinv",  "x", formula="inverse of erf", sympy="erfinv", numpy="special.erfinv", torch="erfinv",
             ball=monotone("erfinv", -1, 1), domain="x > -1 and x < 1",
             derivative="sqrt(pi)/2*exp(result**2)", zero_at=0),
    Function("gamma",   "x", formula="gamma(x)", sympy="gamma", numpy="special.gamma", ball="gamma",
             domain=AWAY_FROM_POLES, switches=(), crossings=POLES_OF_GAMMA,
             derivative="result*digamma(x)",
             spelled={"latex": r"\Gamma", "fpcore": "tgamma"}),
    Function("lgamma",  "x", formula="log|gamma(x)|", aliases=("gammaln",), sympy="loggamma", numpy="special.gammaln", torch="lgamma",
             ball=log_gamma, domain=AWAY_FROM_POLES, switches=(), crossings=POLES_OF_GAMMA,
             derivative="digamma(x)", cancels=True),
    Function("digamma", "x", formula="derivative of log|gamma(x)|", aliases=("psi",), sympy="digamma", numpy="special.digamma", torch="digamma",
             ball=digamma, domain=AWAY_FROM_POLES, switches=(), crossings=POLES_OF_GAMMA,
             derivative="polygamma(1, x)", cancels=True,
             spelled={"latex": r"\psi"}),
    Function("polygamma", "n: number, x", formula="n-th derivative of digamma, n >= 1", sympy="polygamma", numpy=numpy_polygamma,
             torch="polygamma", ball=polygamma, domain=AWAY_FROM_POLES, switches=(), crossings=POLES_OF_GAMMA,
             derivative=(None, "polygamma(n + 1, x)"),
             spelled={"numpy": "special.polygamma"}),
    Function("erfcx",   "x", formula="e**(x**2)*erfc(x)", numpy="special.erfcx", torch="special.erfcx",
             definition="exp(x**2)*erfc(x)", switches=(), derivative="2*x*result - 2/sqrt(pi)"),
    Function("bessel_i", "n: number, x", formula="modified Bessel function I, n = 0, 1, 2, ...", sympy="besseli", numpy=numpy_bessel_i,
             ball=bessel_i, derivative=(None, "(bessel_i(abs(n - 1), x) + bessel_i(n + 1, x))/2"),
             spelled={"numpy": "special.iv", "jax": None}),
    Function("i0",      "x", formula="bessel_i(0, x)", definition="bessel_i(0, x)", numpy="special.i0", torch="special.i0", derivative="i1(x)"),
    Function("i1",      "x", formula="bessel_i(1, x)", definition="bessel_i(1, x)", numpy="special.i1", torch="special.i1",
             derivative="(i0(x) + bessel_i(2, x))/2", zero_at=0),
    Function("i0e",     "x", formula="e**-|x|*i0(x)", definition="exp(-abs(x))*i0(x)", numpy="special.i0e", torch="special.i0e"),
    Function("i1e",     "x", formula="e**-|x|*i1(x)", definition="exp(-abs(x))*i1(x)", numpy="special.i1e", torch="special.i1e", zero_at=0),
)
# fmt: on
