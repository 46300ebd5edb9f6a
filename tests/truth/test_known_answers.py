"""Truths derived by hand, row by row, with the reason.

A row has the one-sided derivatives, and the derivative if there is one. At a jump, the side whose
limit is not the value has an infinite one-sided derivative, with the sign of the jump. Where the
function is undefined, the one-sided derivatives are those towards the limit on each side. None
means that there is none. A decimal in a text is the double that Python reads. A point as text is
an exact number, as a float the exact double. A derivative that is not a double is written as the
nearest one, which may be inf or 0.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from math import exp, inf, log, pi, sinh, sqrt, tanh

import pytest

from symdiff.arithmetics.series.reals import Real
from symdiff.program import parse
from symdiff.truth.exact_points import exact_number
from symdiff.truth.kinds import Kind, Truth
from symdiff.truth.one_sided import LIMIT_NOT_DECIDED
from symdiff.truth.proof import prove

EULER = 0.57721566490153286061  # Euler's constant, OEIS A001620
ZETA3 = 1.20205690315959428540  # Apery's constant, OEIS A002117
OPEN = "or undecided"  # last cell of a row of which a proof may leave the kind or a limit undecided

# expression, point, kind, left, right, derivative, reason, (or undecided)
# fmt: off
ROWS = [
    # -- absolute values
    ("abs(x)", 0, "kink", -1, 1, None, "-x left of 0, x right of it"),
    ("abs(x)", 2, "smooth", 1, 1, 1, "x near 2"),
    ("abs(x)", -2, "smooth", -1, -1, -1, "-x near -2"),
    ("-abs(x)", 0, "kink", 1, -1, None, "the negative of |x|"),
    ("abs(-2*x)", 0, "kink", -2, 2, None, "2|x|"),
    ("x + abs(x)", 0, "kink", 0, 2, None, "0 left, 2x right"),
    ("x*abs(x)", 0, "smooth", 0, 0, 0, "h|h|/h = |h| -> 0"),
    ("abs(x)**1.5", 0, "smooth", 0, 0, 0, "|h|^1.5/h = ±|h|^0.5 -> 0"),
    ("abs(x)**3", 0, "smooth", 0, 0, 0, "|h|^3/h -> 0"),
    ("abs(x**3)", 0, "smooth", 0, 0, 0, "the same as |x|^3"),
    ("sqrt(x**2)", 0, "kink", -1, 1, None, "|x|"),
    ("sqrt(x**4)", 0, "smooth", 0, 0, 0, "x^2"),
    ("sqrt(x**2 + x**3)", 0, "kink", -1, 1, None, "|x| sqrt(1 + x)"),
    ("sqrt(x**2 - x**4)", 0, "kink", -1, 1, None, "|x| sqrt(1 - x^2)"),
    ("sqrt(x**2*(x - 1)**2)", 1, "kink", -1, 1, None, "|x||x - 1|, and |x| = 1 at 1"),
    ("sqrt(x*(x - 1)**2)", 1, "kink", -1, 1, None, "sqrt(x) |x - 1|"),
    ("sqrt(1 - cos(x))", 0, "kink", -1/sqrt(2), 1/sqrt(2), None, "sqrt(2) |sin(x/2)|"),
    ("abs(abs(x) - 1)", 1, "kink", -1, 1, None, "|x - 1| near 1"),
    ("abs(abs(x) - 1)", -1, "kink", -1, 1, None, "|-x - 1| = |x + 1| near -1"),
    ("abs(abs(x) - 1)", 0, "kink", 1, -1, None, "1 - |x| near 0"),
    ("abs(abs(abs(x) - 2) - 1)", 3, "kink", -1, 1, None, "|x - 3| near 3"),
    ("abs(abs(abs(x) - 2) - 1)", 2, "kink", 1, -1, None, "1 - |x - 2| near 2"),
    ("abs(abs(abs(x) - 2) - 1)", 1, "kink", -1, 1, None, "|2 - x - 1| = |x - 1| near 1"),
    ("abs(x - 1) + abs(x + 1)", 1, "kink", 0, 2, None, "-1 + 1 left, 1 + 1 right"),
    ("abs(x) - sqrt(x**2)", 0, "smooth", 0, 0, 0, "|x| - |x| = 0"),
    ("abs(sin(x)) - abs(x)", 0, "smooth", 0, 0, 0, "|x| - |x|^3/6 - |x| + ..."),
    ("abs(tan(x) - sin(x))", 0, "smooth", 0, 0, 0, "|x|^3/2 + ..."),
    ("sqrt((tan(x) - sin(x))**2)", 0, "smooth", 0, 0, 0, "the same as |tan x - sin x|"),
    ("abs(exp(x) - 1)", 0, "kink", -1, 1, None, "|x| + ..."),
    ("exp(abs(x))", 0, "kink", -1, 1, None, "1 + |x| + ..."),
    ("exp(-abs(x))", 0, "kink", 1, -1, None, "1 - |x| + ..."),
    ("sin(abs(x))", 0, "kink", -1, 1, None, "|x| + ..."),
    ("cos(abs(x))", 0, "smooth", 0, 0, 0, "cos x, an even function"),
    ("cosh(abs(x))", 0, "smooth", 0, 0, 0, "cosh x, an even function"),
    ("log1p(abs(x))", 0, "kink", -1, 1, None, "|x| + ..."),
    ("erf(abs(x))", 0, "kink", -2/sqrt(pi), 2/sqrt(pi), None, "erf'(0) = 2/sqrt(pi)"),
    ("abs(x)/(1 + abs(x))", 0, "kink", -1, 1, None, "|x| - |x|^2 + ..."),
    ("x/(abs(x) + 1e-300)", 0, "smooth", 1e300, 1e300, 1e300, "h/(|h| + c)/h -> 1/c"),
    ("x/max(abs(x), 1e-8)", 0, "smooth", 1e8, 1e8, 1e8, "1e8 x near 0"),
    ("x/max(abs(x), 1)", 1, "kink", 1, 0, None, "x left, 1 right"),
    ("sqrt(x**2 + 1e-300)", 0, "smooth", 0, 0, 0, "x/sqrt(x^2 + c) = 0 at 0"),
    ("abs(x)*x**2*cos(x)", 0, "smooth", 0, 0, 0, "|h|^3/h -> 0"),
    ("sqrt(x*abs(x))", 0, "edge", None, 1, 1, "x for x >= 0; -x^2 has no root"),
    ("hypot(x, 0)", 0, "kink", -1, 1, None, "|x|"),
    ("hypot(x, x)", 0, "kink", -sqrt(2), sqrt(2), None, "sqrt(2)|x|"),
    ("hypot(x, x**2)", 0, "kink", -1, 1, None, "|x| sqrt(1 + x^2)"),
    ("hypot(x, 1)", 0, "smooth", 0, 0, 0, "x/hypot"),
    ("hypot(3, x)", 4, "smooth", 0.8, 0.8, 0.8, "x/hypot = 4/5"),
    # -- maximum and minimum
    ("max(x, 0)", 0, "kink", 0, 1, None, "0 left, x right"),
    ("min(x, 0)", 0, "kink", 1, 0, None, "x left, 0 right"),
    ("fmax(x, 0)", 0, "kink", 0, 1, None, "max(x, 0)"),
    ("fmin(x, 0)", 0, "kink", 1, 0, None, "min(x, 0)"),
    ("relu(x) - relu(-x)", 0, "smooth", 1, 1, 1, "x on both sides"),
    ("relu(x) + relu(-x)", 0, "kink", -1, 1, None, "|x|"),
    ("relu(x)*relu(-x)", 0, "smooth", 0, 0, 0, "one factor is 0 on each side"),
    ("relu(-relu(-x))", 0, "smooth", 0, 0, 0, "relu of min(x, 0) is 0"),
    ("relu(relu(x))", 0, "kink", 0, 1, None, "relu is idempotent"),
    ("relu(x)**2", 0, "smooth", 0, 0, 0, "0 left, x^2 right"),
    ("relu(1 - relu(1 - relu(x)))", 0, "kink", 0, 1, None, "1 - (1 - relu(x)) near 0"),
    ("relu(x + 1) - relu(x - 1)", 1, "kink", 1, 0, None, "x + 1 left, 2 right"),
    ("relu(x + 1) - relu(x - 1)", -1, "kink", 0, 1, None, "0 left, x + 1 right"),
    ("abs(relu(x) - relu(-x))", 0, "kink", -1, 1, None, "|x|"),
    ("max(x, 0) + min(x, 0)", 0, "smooth", 1, 1, 1, "x on both sides"),
    ("max(x, 0)*min(x, 0)", 0, "smooth", 0, 0, 0, "one factor is 0 on each side"),
    ("max(x, 2*x, 3*x, 4*x)", 0, "kink", 1, 4, None, "the largest is x left, 4x right"),
    ("min(x, 2*x, 3*x, 4*x)", 0, "kink", 4, 1, None, "the smallest is 4x left, x right"),
    ("max(x, 2*x) - min(x, 2*x)", 0, "kink", -1, 1, None, "|2x - x|"),
    ("max(x, 2*x) + min(x, 2*x)", 0, "smooth", 3, 3, 3, "the sum x + 2x"),
    ("max(x, exp(x) - 1, ((x + 1)**2 - 1)/2)", 0, "smooth", 1, 1, 1, "all three have slope 1 at 0"),
    ("max(x, x**2)", 0, "kink", 0, 1, None, "x^2 left, x right"),
    ("max(x, x**2)", 1, "kink", 1, 2, None, "x left, x^2 right"),
    ("min(x, x**2)", 1, "kink", 2, 1, None, "x^2 left, x right"),
    ("min(abs(x), x**2)", 0, "smooth", 0, 0, 0, "x^2 <= |x| near 0"),
    ("max(abs(x), x**2)", 0, "kink", -1, 1, None, "|x| >= x^2 near 0"),
    ("min(abs(x), 1 - abs(x))", "1/2", "kink", 1, -1, None, "x left, 1 - x right"),
    ("max(x, -x, 0)", 0, "kink", -1, 1, None, "|x|"),
    ("max(abs(x), -x, x**3)", 0, "kink", -1, 1, None, "|x| is the largest near 0"),
    ("max(min(x, 1), -1)", 1, "kink", 1, 0, None, "x left, 1 right"),
    ("max(min(x, 1), -1)", -1, "kink", 0, 1, None, "-1 left, x right"),
    ("max(0, 1 - abs(x))", 0, "kink", 1, -1, None, "1 - |x| near 0"),
    ("max(0, 1 - abs(x))", 1, "kink", -1, 0, None, "1 - x left, 0 right"),
    ("max(0, 1 - x)**2", 1, "smooth", 0, 0, 0, "(1 - x)^2 left, 0 right"),
    ("max(exp(x), 1 + x)", 0, "smooth", 1, 1, 1, "e^x >= 1 + x, its tangent"),
    ("min(exp(x), 1 + x + x**2/2 + x**3/6)", 0, "smooth", 1, 1, 1, "both are 1 + x + ..."),
    ("max(cos(x), 1 - x**2/2)", 0, "smooth", 0, 0, 0, "both are 1 - x^2/2 + ..."),
    ("max(sin(x), x - x**3/6, tanh(x))", 0, "smooth", 1, 1, 1, "all three are x + ..."),
    ("max(0.3*x, -0.7*x)", 0, "kink", -0.7, 0.3, None, "the quantile loss"),
    ("max(x, 0) + log1p(exp(-abs(x)))", 0, "smooth", 0.5, 0.5, 0.5, "log(1 + e^x), slope sigmoid(0)"),
    ("max(x, 0) + log1p(exp(-abs(x)))", 40, "smooth", 1, 1, 1, "sigmoid(40) = 1 - 4e-18"),
    ("max(x, 1e-300)", 1e-300, "kink", 0, 1, None, "the constant left, x right"),
    ("max(x, 1e-300)", 0, "smooth", 0, 0, 0, "0 < 1e-300: the constant near 0"),
    ("log(max(x, 1e-300))", 1e-300, "kink", 0, 1e300, None, "constant left, 1/x right"),
    # -- kinks at exact points, and at the doubles nearest to them
    ("abs(x - 0.1)", 0.1, "kink", -1, 1, None, "the literal is the same double"),
    ("abs(x - 0.1)", "1/10", "smooth", -1, -1, -1, "the double 0.1 is above 1/10"),
    ("abs(3*x - 1)", "1/3", "kink", -3, 3, None, "3|x - 1/3|"),
    ("abs(3*x - 1)", 1/3, "smooth", -3, -3, -3, "the double is below 1/3"),
    ("abs(sin(x))", "pi", "kink", -1, 1, None, "sin x = -(x - pi) + ..."),
    ("abs(sin(x))", pi, "smooth", -1, -1, -1, "the double is below pi: cos(x) is -1 up to 1e-32"),
    ("abs(sin(x))", "1000000*pi", "kink", -1, 1, None, "sin x = (x - 10^6 pi) + ..."),
    ("acos(cos(x))", 0, "kink", -1, 1, None, "|x| near 0"),
    ("acos(cos(x))", "pi", "kink", 1, -1, None, "x left, 2 pi - x right"),
    ("asin(sin(x))", "pi/2", "kink", 1, -1, None, "x left, pi - x right"),
    ("max(sin(x), cos(x))", "pi/4", "kink", -1/sqrt(2), 1/sqrt(2), None, "cos left: -sin; sin right: cos"),
    ("max(sin(x), cos(x))", "-3*pi/4", "kink", -1/sqrt(2), 1/sqrt(2), None, "sin left: cos; cos right: -sin"),
    ("min(sin(x), cos(x))", "pi/4", "kink", 1/sqrt(2), -1/sqrt(2), None, "sin left, cos right"),
    ("abs(x**2 - 2)", "sqrt(2)", "kink", -2*sqrt(2), 2*sqrt(2), None, "the slope of x^2 is 2 sqrt(2)"),
    ("abs(x**2 - 2)", sqrt(2), "smooth", 2*sqrt(2), 2*sqrt(2), 2*sqrt(2), "the double is above the root: 2x"),
    ("max(x**2, 2)", "sqrt(2)", "kink", 0, 2*sqrt(2), None, "2 left, x^2 right"),
    ("abs(x**3 - 2)", "cbrt(2)", "kink", -3*2**(2/3), 3*2**(2/3), None, "3x^2 at the root"),
    ("abs(x**2 - x - 1)", "(1 + sqrt(5))/2", "kink", -sqrt(5), sqrt(5), None, "2x - 1 at the golden ratio"),
    ("abs(log(x) - 1)", "e", "kink", -exp(-1), exp(-1), None, "1/x at e"),
    ("abs(log(x) - 1)", math.e, "smooth", -exp(-1), -exp(-1), -exp(-1), "the double is below e: -1/x"),
    ("abs(x - e)", "e", "kink", -1, 1, None, "|x - e|"),
    ("abs(exp(x) - 2)", "log(2)", "kink", -2, 2, None, "e^x = 2 there"),
    ("abs(cos(x) - 1/2)", "pi/3", "kink", -sqrt(3)/2, sqrt(3)/2, None, "cos falls with slope -sqrt(3)/2"),
    ("abs(tan(x) - 1)", "pi/4", "kink", -2, 2, None, "1 + tan^2 = 2"),
    ("abs(atan(x) - pi/4)", 1, "kink", -0.5, 0.5, None, "1/(1 + 1)"),
    ("abs(asin(x) - pi/6)", "1/2", "kink", -2/sqrt(3), 2/sqrt(3), None, "1/sqrt(1 - 1/4)"),
    ("abs(log(x))", 1, "kink", -1, 1, None, "1/x at 1"),
    ("abs(2**x - 8)", 3, "kink", -8*log(2), 8*log(2), None, "2^x log 2"),
    ("abs(x**x - 4)", 2, "kink", -4 - 4*log(2), 4 + 4*log(2), None, "x^x (1 + log x)"),
    ("abs(cosh(x) - 5/4)", "log(2)", "kink", -0.75, 0.75, None, "sinh(log 2) = (2 - 1/2)/2"),
    ("abs(sinh(x) - 3/4)", "log(2)", "kink", -1.25, 1.25, None, "cosh(log 2) = (2 + 1/2)/2"),
    ("abs(gamma(x) - 1)", 1, "kink", -EULER, EULER, None, "gamma'(1) = -Euler's constant"),
    ("abs(lgamma(x))", 1, "kink", -EULER, EULER, None, "digamma(1) = -Euler's constant"),
    ("max(exp(x), e*x)", 1, "smooth", math.e, math.e, math.e, "e x is the tangent of e^x at 1"),
    ("relu(x - pi)", "pi", "kink", 0, 1, None, "0 left, x - pi right"),
    ("relu(x - pi)", pi, "smooth", 0, 0, 0, "the double is below the constant pi"),
    ("abs(sqrt(2)*x - 2)", "sqrt(2)", "kink", -sqrt(2), sqrt(2), None, "sqrt(2)|x - sqrt(2)|"),
    ("max(x, (sqrt(2)*sqrt(3) - sqrt(6) + 1)*x)", 0, "smooth", 1, 1, 1, "sqrt(2) sqrt(3) = sqrt(6)"),
    ("abs(x)*(sqrt(5 + 2*sqrt(6)) - sqrt(2) - sqrt(3))", 0, "smooth", 0, 0, 0, "(sqrt(2) + sqrt(3))^2 = 5 + 2 sqrt(6)", OPEN),
    ("abs((log(2) + log(3) - log(6))*x)", 0, "smooth", 0, 0, 0, "the factor is 0", OPEN),
    # -- roots and powers
    ("cbrt(x)", 0, "vertical", inf, inf, inf, "h^(1/3)/h = |h|^(-2/3)"),
    ("-cbrt(x)", 0, "vertical", -inf, -inf, -inf, "the negative"),
    ("cbrt(x)", -8, "smooth", 1/12, 1/12, 1/12, "1/(3 cbrt(x)^2) = 1/(3*4)"),
    ("cbrt(x)", 5e-324, "smooth", 2.0**716/3, 2.0**716/3, 2.0**716/3, "x = 2^-1074: 1/(3*2^-716)"),
    ("cbrt(x**3)", 0, "smooth", 1, 1, 1, "x"),
    ("cbrt(x)**3", 0, "smooth", 1, 1, 1, "x"),
    ("cbrt(x**2)", 0, "vertical", -inf, inf, None, "|x|^(2/3)"),
    ("cbrt(x)**2", 0, "vertical", -inf, inf, None, "|x|^(2/3)"),
    ("cbrt(x)*cbrt(x**2)", 0, "smooth", 1, 1, 1, "cbrt(x^3) = x"),
    ("cbrt(x) + abs(x)", 0, "vertical", inf, inf, inf, "the root outgrows |x|"),
    ("cbrt(x) - cbrt(x)", 0, "smooth", 0, 0, 0, "0"),
    ("cbrt(x) - x**(1/3)", 0, "edge", None, 0, 0, "0 right; x^(1/3) needs x >= 0"),
    ("cbrt(x) - sqrt(x)", 0, "edge", None, inf, inf, "h^(-2/3) outgrows h^(-1/2)"),
    ("x + (sqrt(x) - cbrt(x))", 0, "edge", None, -inf, -inf, "h^(-2/3) outgrows h^(-1/2)"),
    ("x**0.5 - x**0.25", 0, "edge", None, -inf, -inf, "h^(-3/4) outgrows h^(-1/2)"),
    ("sqrt(x) - x**1.5", 0, "edge", None, inf, inf, "sqrt(h) (1 - h)/h"),
    ("sqrt(x) - sqrt(x)", 0, "edge", None, 0, 0, "0 for x >= 0"),
    ("sqrt(x)**0", 0, "edge", None, 0, 0, "1 for x >= 0"),
    ("sqrt(sin(x))**0", "pi", "edge", 0, None, 0, "1 for x <= pi, where sin x >= 0"),
    ("sqrt(x) - sqrt(-x)", 0, "isolated", None, None, None, "defined only at 0"),
    ("cbrt(sin(x))", 0, "vertical", inf, inf, inf, "cbrt(x) + ..."),
    ("cbrt(x - sin(x))", 0, "smooth", 6**(-1/3), 6**(-1/3), 6**(-1/3), "cbrt(x^3/6 - ...) = x/cbrt(6) + ..."),
    ("cbrt(abs(x))", 0, "vertical", -inf, inf, None, "|x|^(1/3)"),
    ("relu(cbrt(x))", 0, "vertical", 0, inf, None, "0 left, a cube root right"),
    ("sqrt(x)", 0, "edge", None, inf, inf, "h^(-1/2)"),
    ("sqrt(-x)", 0, "edge", -inf, None, -inf, "-1/(2 sqrt(-x))"),
    ("sqrt(x)", 4, "smooth", 0.25, 0.25, 0.25, "1/(2*2)"),
    ("sqrt(x)", 1e300, "smooth", 5e-151, 5e-151, 5e-151, "1/(2e150)"),
    ("sqrt(x)", 5e-324, "smooth", 2.0**536, 2.0**536, 2.0**536, "x = 2^-1074: 1/(2*2^-537)"),
    ("sqrt(x)", -1, "outside", None, None, None, "no root of a negative number"),
    ("sqrt(x - 1)", 0, "outside", None, None, None, "the root of -1"),
    ("sqrt(abs(x))", 0, "vertical", -inf, inf, None, "|x|^(1/2)"),
    ("sign(x)*sqrt(abs(x))", 0, "vertical", inf, inf, inf, "odd: |h|^(-1/2) on both sides"),
    ("sqrt(1 - x**2)", 1, "edge", -inf, None, -inf, "-x/sqrt(1 - x^2)"),
    ("sqrt(1 - x**2)", -1, "edge", None, inf, inf, "-x/sqrt(1 - x^2)"),
    ("sqrt(x**3)", 0, "edge", None, 0, 0, "x^1.5"),
    ("sqrt(x)**2", 0, "edge", None, 1, 1, "x for x >= 0"),
    ("sqrt(x)*sqrt(x)", 0, "edge", None, 1, 1, "x for x >= 0"),
    ("x*sqrt(x)", 0, "edge", None, 0, 0, "x^1.5"),
    ("sqrt(sqrt(x))", 0, "edge", None, inf, inf, "x^(1/4)"),
    ("sqrt(-x**2)", 0, "isolated", None, None, None, "0 at 0 and undefined around it"),
    ("sqrt(x) + sqrt(-x)", 0, "isolated", None, None, None, "defined only at 0"),
    ("sqrt(relu(x))", 0, "vertical", 0, inf, None, "0 left, sqrt(x) right"),
    ("sqrt(x - sin(x))", 0, "edge", None, 0, 0, "x^1.5/sqrt(6) + ...; x < sin x left"),
    ("cos(sqrt(x))", 0, "edge", None, -0.5, -0.5, "1 - x/2 + ..."),
    ("sin(sqrt(x))", 0, "edge", None, inf, inf, "sqrt(x) + ..."),
    ("sqrt(x)*sin(sqrt(x))", 0, "edge", None, 1, 1, "x - x^2/6 + ..."),
    ("exp(-sqrt(x))", 0, "edge", None, -inf, -inf, "1 - sqrt(x) + ..."),
    ("log(1 + sqrt(x))", 0, "edge", None, inf, inf, "sqrt(x) + ..."),
    ("x**0.5", 0, "edge", None, inf, inf, "sqrt(x)"),
    ("x**(1/3)", 0, "edge", None, inf, inf, "a fractional power needs x >= 0"),
    ("x**(1/3)", -1, "outside", None, None, None, "a fractional power needs x >= 0"),
    ("x**(2/3)", 0, "edge", None, inf, inf, "2/3 h^(-1/3)"),
    ("x**1.5", 0, "edge", None, 0, 0, "1.5 h^0.5"),
    ("x**pi", 0, "edge", None, 0, 0, "pi h^(pi - 1)", OPEN),
    ("x**0.1", 5e-324, "smooth", 0.1*2**966.6, 0.1*2**966.6, 0.1*2**966.6, "x = 2^-1074: x^-0.9 = 2^966.6"),
    ("x**0", 0, "smooth", 0, 0, 0, "1, also at 0"),
    ("x**1", 0, "smooth", 1, 1, 1, "x"),
    ("x**2", 0, "smooth", 0, 0, 0, "2x"),
    ("abs(x)**0", 0, "smooth", 0, 0, 0, "1, also at 0"),
    ("x + 0**0", 0, "smooth", 1, 1, 1, "x + 1"),
    ("0**x", 1, "smooth", 0, 0, 0, "0 for x > 0"),
    ("0**x", 0, "jump", None, -inf, None, "1 at 0, 0 right, undefined left"),
    ("x**-1", 0, "pole", None, None, None, "1/x"),
    ("x**-2", 0, "pole", None, None, None, "1/x^2"),
    ("x**-0.5", 0, "pole", None, None, None, "1/sqrt(x)"),
    ("x**-1", 2, "smooth", -0.25, -0.25, -0.25, "-1/x^2"),
    ("(x**2)**0.5", 0, "kink", -1, 1, None, "|x|"),
    ("(x**2)**0.25", 0, "vertical", -inf, inf, None, "|x|^0.5"),
    ("(x**2)**(1/3)", 0, "vertical", -inf, inf, None, "|x|^(2/3)"),
    ("(x**3)**(1/3)", 0, "edge", None, 1, 1, "x for x >= 0, undefined left"),
    ("(x**4)**0.25", 0, "kink", -1, 1, None, "|x|"),
    ("(x**4)**0.5", 0, "smooth", 0, 0, 0, "x^2"),
    ("abs(x)**0.5", 0, "vertical", -inf, inf, None, "|x|^0.5"),
    ("2**x", 0, "smooth", log(2), log(2), log(2), "2^x log 2"),
    ("x**x", 0, "edge", None, -inf, -inf, "0^0 = 1; e^(x log x) = 1 + x log x + ..."),
    ("x**x", 1, "smooth", 1, 1, 1, "x^x (1 + log x)"),
    ("x**x", "1/e", "smooth", 0, 0, 0, "1 + log(1/e) = 0: the minimum"),
    ("x**x", -1, "isolated", None, None, None, "(-1)^-1 = -1, with nothing defined around it"),
    ("abs(x)**x", 0, "vertical", -inf, -inf, -inf, "1 + x log|x| + ...: log|x| on both sides"),
    # -- logarithms
    ("log(x)", 0, "pole", None, None, None, "-> -inf from the right"),
    ("log(x - 1)", 0, "outside", None, None, None, "the logarithm of -1"),
    ("log(x)", 1e-300, "smooth", 1e300, 1e300, 1e300, "1/x"),
    ("log2(x)", 1, "smooth", 1/log(2), 1/log(2), 1/log(2), "1/(x log 2)"),
    ("log10(x)", 1, "smooth", 1/log(10), 1/log(10), 1/log(10), "1/(x log 10)"),
    ("log1p(x)", -1, "pole", None, None, None, "log(0)"),
    ("log1p(x)", 1, "smooth", 0.5, 0.5, 0.5, "1/(1 + x)"),
    ("log(abs(x))", 0, "pole", None, None, None, "-> -inf from both sides"),
    ("log(x**2)", 0, "pole", None, None, None, "2 log|x|"),
    ("log(log(x))", 1, "pole", None, None, None, "log of log(1) = 0"),
    ("log(log(x))", "e", "smooth", exp(-1), exp(-1), exp(-1), "1/(x log x)"),
    ("log(log(x))", "1/2", "outside", None, None, None, "log(1/2) < 0"),
    ("log(exp(x) - 1)", 0, "pole", None, None, None, "log x + ... right, undefined left"),
    ("log(exp(x))", 800, "smooth", 1, 1, 1, "x"),
    ("xlogy(x, x)", 0, "edge", None, -inf, -inf, "0 at 0; log h -> -inf; undefined left"),
    ("xlogy(x, abs(x))", 0, "vertical", -inf, -inf, -inf, "log|h| -> -inf on both sides"),
    ("xlogy(abs(x), abs(x))", 0, "vertical", inf, -inf, None, "even: ±log|h|"),
    ("xlogy(x, 2)", 0, "smooth", log(2), log(2), log(2), "x log 2"),
    ("xlogy(0, x)", 0, "smooth", 0, 0, 0, "0 by its definition"),
    ("xlogy(x, 0)", 0, "isolated", None, None, None, "0 at 0, x log 0 is undefined around it"),
    ("xlogy(x**2, x)", 0, "edge", None, 0, 0, "h log h -> 0"),
    ("xlogy(x, x) + xlogy(1 - x, 1 - x)", 0, "edge", None, -inf, -inf, "log x - log(1 - x)"),
    ("xlogy(x, x) + xlogy(1 - x, 1 - x)", 1, "edge", inf, None, inf, "log x - log(1 - x)"),
    ("xlogy(x, x) + xlogy(1 - x, 1 - x)", "1/2", "smooth", 0, 0, 0, "log x - log(1 - x)"),
    ("x*log(x)", 0, "outside", None, -inf, None, "log 0 is undefined; the limit is 0, the slope log h"),
    ("x**2*log(x)", 0, "outside", None, 0, None, "the limit is 0, the slope h log h -> 0"),
    ("x**2*log(abs(x))", 0, "outside", 0, 0, None, "the limit is 0, the slope h log|h| -> 0"),
    ("where(x == 0, 0, x**2*log(abs(x)))", 0, "smooth", 0, 0, 0, "h log|h| -> 0"),
    ("where(x == 0, 0, x*log(abs(x)))", 0, "vertical", -inf, -inf, -inf, "log|h| -> -inf"),
    ("sqrt(x)*log(x)", 0, "outside", None, -inf, None, "the limit is 0, log(h)/sqrt(h)"),
    ("x**1.5*log(x)", 0, "outside", None, 0, None, "sqrt(h) log h -> 0"),
    ("x*log(x)**2", 0, "outside", None, inf, None, "log(h)^2 -> +inf"),
    ("x**2*log(x)**2", 0, "outside", None, 0, None, "h log(h)^2 -> 0"),
    ("exp(x*log(x))", 0, "outside", None, -inf, None, "the limit is 1, the slope log h"),
    ("exp(log(x))", 0, "outside", None, 1, None, "x for x > 0"),
    ("exp(log(abs(x)))", 0, "outside", -1, 1, None, "|x| except at 0"),
    ("exp(log(x)/2)", 0, "outside", None, inf, None, "sqrt(x) for x > 0"),
    ("1/log(x)", 0, "outside", None, -inf, None, "1/(h log h) -> -inf", OPEN),
    ("1/log(x)", 1, "pole", None, None, None, "1/(x - 1) + ..."),
    ("x/log(x)", 0, "outside", None, 0, None, "1/log h -> 0"),
    ("log(1 + exp(x))", 800, "smooth", 1, 1, 1, "1 - e^-800"),
    ("log(1 + exp(x))", -40, "smooth", 4.248354255291589e-18, 4.248354255291589e-18, 4.248354255291589e-18, "sigmoid(-40) = e^-40/(1 + e^-40)"),
    ("logaddexp(x, 0)", 0, "smooth", 0.5, 0.5, 0.5, "the weights are 1/2 and 1/2"),
    ("logaddexp(x, -x)", 0, "smooth", 0, 0, 0, "tanh(0)"),
    ("logaddexp(x, 2*x)", 0, "smooth", 1.5, 1.5, 1.5, "(1 + 2)/2"),
    ("log(exp(x) + exp(-x))", 800, "smooth", 1, 1, 1, "tanh(800)"),
    ("log(cosh(x))", 20, "smooth", tanh(20), tanh(20), tanh(20), "tanh"),
    # -- smooth functions
    ("exp(x)", 1, "smooth", math.e, math.e, math.e, "e^x"),
    ("exp(x)", -745, "smooth", 5e-324, 5e-324, 5e-324, "2.82e-324: nearer to the smallest double, 4.94e-324, than to 0"),
    ("exp(x)", -800, "smooth", 0, 0, 0, "3.7e-348: the nearest double is 0"),
    ("exp(x)", 1000, "smooth", inf, inf, inf, "1.97e434: beyond all doubles"),
    ("expm1(x)", 0, "smooth", 1, 1, 1, "e^x"),
    ("exp2(x)", 0, "smooth", log(2), log(2), log(2), "2^x log 2"),
    ("square(x)", 3, "smooth", 6, 6, 6, "2x"),
    ("x**2", 1e300, "smooth", 2e300, 2e300, 2e300, "2x"),
    ("x**3", 1e-200, "smooth", 0, 0, 0, "3e-400: the nearest double is 0"),
    ("sin(x)", 0, "smooth", 1, 1, 1, "cos 0"),
    ("sin(x)", "pi/2", "smooth", 0, 0, 0, "cos(pi/2) = 0 exactly"),
    ("sin(x)", 1e22, "smooth", 0.5232147853951389, 0.5232147853951389, 0.5232147853951389, "cos(10^22), a known test of reduction"),
    ("cos(x)", "pi/6", "smooth", -0.5, -0.5, -0.5, "-sin(pi/6)"),
    ("tan(x)", "pi/4", "smooth", 2, 2, 2, "1 + tan^2"),
    ("tan(x)", pi/2, "smooth", 6.123233995736766e-17**-2, 6.123233995736766e-17**-2, 6.123233995736766e-17**-2, "1/cos^2 at the double below pi/2"),
    ("asin(x)", "1/2", "smooth", 2/sqrt(3), 2/sqrt(3), 2/sqrt(3), "1/sqrt(3/4)"),
    ("acos(x)", 0, "smooth", -1, -1, -1, "-1/sqrt(1 - x^2)"),
    ("atan(x)", 1, "smooth", 0.5, 0.5, 0.5, "1/(1 + x^2)"),
    ("atan(x)", 1e200, "smooth", 0, 0, 0, "1e-400: the nearest double is 0"),
    ("sinh(x)", 0, "smooth", 1, 1, 1, "cosh 0"),
    ("cosh(x)", 1, "smooth", sinh(1), sinh(1), sinh(1), "sinh"),
    ("tanh(x)", 0, "smooth", 1, 1, 1, "1 - tanh^2"),
    ("tanh(x)", 20, "smooth", 4*exp(-40), 4*exp(-40), 4*exp(-40), "4/(e^x + e^-x)^2 = 4e^-40 up to 1e-17 of it"),
    ("tanh(x)", 400, "smooth", 0, 0, 0, "4e^-800: the nearest double is 0"),
    ("asinh(x)", -1e10, "smooth", 1e-10, 1e-10, 1e-10, "1/sqrt(1 + x^2)"),
    ("acosh(x)", 2, "smooth", 1/sqrt(3), 1/sqrt(3), 1/sqrt(3), "1/sqrt(x^2 - 1)"),
    ("atanh(x)", "1/2", "smooth", 4/3, 4/3, 4/3, "1/(1 - x^2)"),
    ("erf(x)", 0, "smooth", 2/sqrt(pi), 2/sqrt(pi), 2/sqrt(pi), "2/sqrt(pi)"),
    ("erfc(x)", 10, "smooth", -2/sqrt(pi)*exp(-100), -2/sqrt(pi)*exp(-100), -2/sqrt(pi)*exp(-100), "-2/sqrt(pi) e^-100"),
    ("erfinv(x)", 0, "smooth", sqrt(pi)/2, sqrt(pi)/2, sqrt(pi)/2, "the inverse of 2/sqrt(pi)"),
    ("erfinv(erf(x))", 1, "smooth", 1, 1, 1, "x"),
    ("gamma(x)", 1, "smooth", -EULER, -EULER, -EULER, "gamma(1) digamma(1)"),
    ("gamma(x)", 2, "smooth", 1 - EULER, 1 - EULER, 1 - EULER, "digamma(2) = 1 - Euler's constant"),
    ("gamma(x)", "1/2", "smooth", -sqrt(pi)*(EULER + 2*log(2)), -sqrt(pi)*(EULER + 2*log(2)), -sqrt(pi)*(EULER + 2*log(2)), "sqrt(pi) digamma(1/2)"),
    ("gamma(x)", "-1/2", "smooth", -2*sqrt(pi)*(2 - EULER - 2*log(2)), -2*sqrt(pi)*(2 - EULER - 2*log(2)), -2*sqrt(pi)*(2 - EULER - 2*log(2)), "gamma(-1/2) = -2 sqrt(pi), digamma(-1/2) = digamma(1/2) + 2"),
    ("lgamma(x)", 1, "smooth", -EULER, -EULER, -EULER, "digamma(1)"),
    ("lgamma(x)", "-1/2", "smooth", 2 - EULER - 2*log(2), 2 - EULER - 2*log(2), 2 - EULER - 2*log(2), "digamma(-1/2)"),
    ("digamma(x)", 1, "smooth", pi**2/6, pi**2/6, pi**2/6, "zeta(2)"),
    ("erfcx(x)", 0, "smooth", -2/sqrt(pi), -2/sqrt(pi), -2/sqrt(pi), "2 x erfcx - 2/sqrt(pi)"),
    ("erfcx(abs(x))", 0, "kink", 2/sqrt(pi), -2/sqrt(pi), None, "erfcx'(0) = -2/sqrt(pi)"),
    ("i0(x)", 0, "smooth", 0, 0, 0, "1 + x^2/4 + ..."),
    ("i1(x)", 0, "smooth", 0.5, 0.5, 0.5, "x/2 + x^3/16 + ..."),
    ("i0(sqrt(x))", 0, "edge", None, 0.25, 0.25, "1 + x/4 + ..."),
    ("bessel_i(2, x)", 0, "smooth", 0, 0, 0, "x^2/8 + ..."),
    ("i0e(x)", 0, "kink", 1, -1, None, "1 - |x| + ..."),
    ("i1e(x)", 0, "smooth", 0.5, 0.5, 0.5, "x/2 - x|x|/2 + ..."),
    ("abs(i1(x))", 0, "kink", -0.5, 0.5, None, "|x|/2 + ..."),
    ("polygamma(1, x)", 1, "smooth", -2*ZETA3, -2*ZETA3, -2*ZETA3, "-2 zeta(3)"),
    ("sinc(x)", 0, "smooth", 0, 0, 0, "1 - (pi x)^2/6 + ..."),
    ("sinc(x)", 1, "smooth", -1, -1, -1, "cos(pi)/1"),
    ("sinc(x)", "1/2", "smooth", -4/pi, -4/pi, -4/pi, "-sin(pi/2)/(pi/4)"),
    ("x", 5e-324, "smooth", 1, 1, 1, "x"),
    ("max(x, 0)", 5e-324, "smooth", 1, 1, 1, "x near a positive number"),
    ("relu(x)", -5e-324, "smooth", 0, 0, 0, "0 near a negative number"),
    ("abs(x - 1e300)", 1e300, "kink", -1, 1, None, "the literal is the same double"),
    ("abs(x)*1e308", 0, "kink", -1e308, 1e308, None, "1e308|x|"),
    ("abs(x*5e-324)", 0, "kink", -5e-324, 5e-324, None, "5e-324|x|"),
    ("max(x + 1e300 - 1e300, 0)", 0, "kink", 0, 1, None, "exactly max(x, 0)"),
    ("(x + 1e16) - 1e16", 1, "smooth", 1, 1, 1, "exactly x"),
    ("1/x", 1e-200, "smooth", -inf, -inf, -inf, "-1e400: beyond all doubles"),
    ("1/x", 1e150, "smooth", -1e-300, -1e-300, -1e-300, "-1/x^2"),
    # -- cancellation
    ("cos(x)**2 + sin(x)**2", 0, "smooth", 0, 0, 0, "1"),
    ("cos(x)**2 + sin(x)**2", 1, "smooth", 0, 0, 0, "1"),
    ("abs(cos(x)**2 + sin(x)**2)", 1, "smooth", 0, 0, 0, "1"),
    ("abs(cos(x)**2 + sin(x)**2 - 1)", 0, "smooth", 0, 0, 0, "0, by an identity that no finite series shows"),
    ("floor(cos(x)**2 + sin(x)**2)", 0, "smooth", 0, 0, 0, "1, by an identity that no finite series shows", OPEN),
    ("exp(x)*exp(-x)", 1, "smooth", 0, 0, 0, "1"),
    ("cosh(x)**2 - sinh(x)**2", 1, "smooth", 0, 0, 0, "1"),
    ("sqrt(x)**2 - x", 2, "smooth", 0, 0, 0, "0"),
    ("(x + 1)**2 - x**2 - 2*x", "pi", "smooth", 0, 0, 0, "1"),
    ("atan(x) + atan(1/x)", 2, "smooth", 0, 0, 0, "1/5 - (1/4)/(5/4)"),
    ("asin(x) + acos(x)", "1/2", "smooth", 0, 0, 0, "pi/2"),
    ("tan(x) - sin(x)/cos(x)", 1, "smooth", 0, 0, 0, "0"),
    ("sin(2*x) - 2*sin(x)*cos(x)", 1, "smooth", 0, 0, 0, "0, by an identity", OPEN),
    ("x - x", 0, "smooth", 0, 0, 0, "0"),
    ("0*abs(x)", 0, "smooth", 0, 0, 0, "0"),
    ("sin(pi*floor(x))", 0, "smooth", 0, 0, 0, "sin(-pi) = sin(0) = 0"),
    ("cos(2*pi*floor(x))", 0, "smooth", 0, 0, 0, "cos(-2 pi) = cos(0) = 1"),
    # -- activations: smooth ones
    ("sigmoid(x)", 0, "smooth", 0.25, 0.25, 0.25, "1/2*1/2"),
    ("sigmoid(x)", 40, "smooth", 4.248354255291589e-18, 4.248354255291589e-18, 4.248354255291589e-18, "e^-40/(1 + e^-40)^2"),
    ("expit(x)", -40, "smooth", 4.248354255291589e-18, 4.248354255291589e-18, 4.248354255291589e-18, "even"),
    ("sigmoid(x)", 1000, "smooth", 0, 0, 0, "e^-1000: the nearest double is 0"),
    ("exp(x)/(exp(x) + 1)", 0, "smooth", 0.25, 0.25, 0.25, "the sigmoid"),
    ("logsigmoid(x)", 0, "smooth", 0.5, 0.5, 0.5, "sigmoid(-0)"),
    ("logsigmoid(x)", -800, "smooth", 1, 1, 1, "sigmoid(800)"),
    ("logsigmoid(x)", 40, "smooth", 4.248354255291589e-18, 4.248354255291589e-18, 4.248354255291589e-18, "sigmoid(-40)"),
    ("-log(sigmoid(x))", -800, "smooth", -1, -1, -1, "-sigmoid(800)"),
    ("softplus(x)", 0, "smooth", 0.5, 0.5, 0.5, "sigmoid(0)"),
    ("softplus(x, beta=2)", 0, "smooth", 0.5, 0.5, 0.5, "sigmoid(2*0)"),
    ("softplus(x)", -1000, "smooth", 0, 0, 0, "e^-1000: the nearest double is 0"),
    ("softplus(x, threshold=20)", 20, "jump", 1/(1 + exp(-20)), -inf, None, "sigmoid(20) left; right the line at 20 < log(1 + e^20)"),
    ("gelu(x)", 0, "smooth", 0.5, 0.5, 0.5, "Phi(0)"),
    ("gelu(x)", 1, "smooth", 1.0833154705876862984, 1.0833154705876862984, 1.0833154705876862984, "Phi(1) + phi(1)"),
    ("gelu(x, approximate='tanh')", 0, "smooth", 0.5, 0.5, 0.5, "x/2 (1 + ...)"),
    ("silu(x)", 0, "smooth", 0.5, 0.5, 0.5, "sigmoid(0)"),
    ("silu(x)", 1, "smooth", 0.92767051187148673, 0.92767051187148673, 0.92767051187148673, "s + s(1 - s), s = 1/(1 + 1/e)"),
    ("mish(x)", 0, "smooth", 0.6, 0.6, 0.6, "tanh(log 2) = (4 - 1)/(4 + 1)"),
    ("softsign(x)", 0, "smooth", 1, 1, 1, "1/(1 + |x|)^2"),
    ("softsign(x)", -3, "smooth", 1/16, 1/16, 1/16, "1/(1 + |x|)^2"),
    ("tanhshrink(x)", 0, "smooth", 0, 0, 0, "tanh(0)^2"),
    ("tanhshrink(x)", 1, "smooth", tanh(1)**2, tanh(1)**2, tanh(1)**2, "1 - (1 - tanh^2)"),
    # -- activations: rectifiers
    ("relu(x)", 0, "kink", 0, 1, None, "0 left, x right"),
    ("x.relu()", 0, "kink", 0, 1, None, "relu"),
    ("relu6(x)", 0, "kink", 0, 1, None, "0 left, x right"),
    ("relu6(x)", 6, "kink", 1, 0, None, "x left, 6 right"),
    ("relu6(x)", 3, "smooth", 1, 1, 1, "x"),
    ("leaky_relu(x)", 0, "kink", 0.01, 1, None, "x/100 left"),
    ("leaky_relu(x, negative_slope=0.2)", 0, "kink", 0.2, 1, None, "x/5 left"),
    ("leaky_relu(x, 1)", 0, "smooth", 1, 1, 1, "x on both sides"),
    ("prelu(x, 0.25)", 0, "kink", 0.25, 1, None, "x/4 left"),
    ("where(x > 0, x, 0.25*x)", 0, "kink", 0.25, 1, None, "x/4 left"),
    ("max(x, 0) + 0.25*min(x, 0)", 0, "kink", 0.25, 1, None, "x/4 left"),
    ("prelu(x, -1)", 0, "kink", -1, 1, None, "|x|"),
    ("rrelu(x)", 0, "kink", 11/48, 1, None, "(1/8 + 1/3)/2 = 11/48 left"),
    ("elu(x)", 0, "smooth", 1, 1, 1, "e^0 left, 1 right"),
    ("elu(x, alpha=2)", 0, "kink", 2, 1, None, "2e^0 left, 1 right"),
    ("elu(x)", -1, "smooth", exp(-1), exp(-1), exp(-1), "e^x"),
    ("selu(x)", 0, "kink", 1.0507009873554804934*1.6732632423543772848, 1.0507009873554804934, None, "scale alpha left, scale right"),
    ("celu(x)", 0, "smooth", 1, 1, 1, "e^0 left, 1 right"),
    ("celu(x, alpha=2)", 0, "smooth", 1, 1, 1, "2 e^0/2 left, 1 right"),
    ("celu(x, alpha=2)", -2, "smooth", exp(-1), exp(-1), exp(-1), "e^(x/2)"),
    ("threshold(x, 0, 0)", 0, "kink", 0, 1, None, "relu"),
    ("threshold(x, 1, 1)", 1, "kink", 0, 1, None, "1 left, x right"),
    ("threshold(x, 1, 20)", 1, "jump", 0, -inf, None, "20 up to 1, from where x falls to 1"),
    ("threshold(x, -1, -2)", -1, "jump", 0, inf, None, "-2 up to -1, from where x rises to -1"),
    # -- activations: piecewise linear and other pieces
    ("hardtanh(x)", -1, "kink", 0, 1, None, "-1 left, x right"),
    ("hardtanh(x)", 1, "kink", 1, 0, None, "x left, 1 right"),
    ("hardtanh(x, min_val=-2, max_val=3)", 3, "kink", 1, 0, None, "x left, 3 right"),
    ("hardsigmoid(x)", -3, "kink", 0, 1/6, None, "0 left, (x + 3)/6 right"),
    ("hardsigmoid(x)", 3, "kink", 1/6, 0, None, "(x + 3)/6 left, 1 right"),
    ("hardswish(x)", -3, "kink", 0, -0.5, None, "0 left, (2x + 3)/6 = -1/2 right"),
    ("hardswish(x)", 3, "kink", 1.5, 1, None, "(2x + 3)/6 = 3/2 left, 1 right"),
    ("hardswish(x)", 0, "smooth", 0.5, 0.5, 0.5, "(2x + 3)/6"),
    ("hardshrink(x)", 0.5, "jump", 0, inf, None, "0 up to 1/2, then up to x"),
    ("hardshrink(x)", -0.5, "jump", inf, 0, None, "x left, up to 0 at -1/2"),
    ("hardshrink(x)", 0, "smooth", 0, 0, 0, "0 near 0"),
    ("hardshrink(x, lambd=0)", 0, "smooth", 1, 1, 1, "x everywhere"),
    ("softshrink(x)", 0.5, "kink", 0, 1, None, "0 left, x - 1/2 right"),
    ("softshrink(x)", -0.5, "kink", 1, 0, None, "x + 1/2 left, 0 right"),
    ("softshrink(x, 0)", 0, "smooth", 1, 1, 1, "x everywhere"),
    # -- clamp
    ("clamp(x, 0, 1)", 0, "kink", 0, 1, None, "0 left, x right"),
    ("clamp(x, 0, 1)", 1, "kink", 1, 0, None, "x left, 1 right"),
    ("clamp(x, 0.1, 0.3)", 0.1, "kink", 0, 1, None, "the bound is the same double"),
    ("x.clamp(min=0)", 0, "kink", 0, 1, None, "max(x, 0)"),
    ("clamp(x, max=0)", 0, "kink", 1, 0, None, "min(x, 0)"),
    ("torch.clamp(x, min=-1, max=1)", -1, "kink", 0, 1, None, "-1 left, x right"),
    ("clip(x, 0, 1)", 1, "kink", 1, 0, None, "x left, 1 right"),
    ("clamp_min(x, 0)", 0, "kink", 0, 1, None, "max(x, 0)"),
    ("clamp_max(x, 2)", 2, "kink", 1, 0, None, "min(x, 2)"),
    ("clamp(x, 0, 0)", 0, "smooth", 0, 0, 0, "0 everywhere"),
    ("clamp(x, 1, -1)", 1, "smooth", 0, 0, 0, "min(max(x, 1), -1) = -1"),
    ("clamp(x, -x, x)", 0, "smooth", 1, 1, 1, "min(|x|, x) = x"),
    ("clamp(x**2, 0, 1)", 0, "smooth", 0, 0, 0, "x^2"),
    ("clamp(x**2, 0, 1)", 1, "kink", 2, 0, None, "x^2 left, 1 right"),
    ("clamp(3*x, 0, 1)", "1/3", "kink", 3, 0, None, "3x left, 1 right"),
    ("clamp(sin(x), -1, 1)", "pi/2", "smooth", 0, 0, 0, "sin x, at its maximum"),
    ("asin(clamp(x, -1, 1))", 1, "vertical", inf, 0, None, "asin left, pi/2 right"),
    # -- ends of domains
    ("asin(x)", 1, "edge", inf, None, inf, "1/sqrt(1 - x^2)"),
    ("asin(x)", -1, "edge", None, inf, inf, "1/sqrt(1 - x^2)"),
    ("acos(x)", 1, "edge", -inf, None, -inf, "-1/sqrt(1 - x^2)"),
    ("acos(x)", -1, "edge", None, -inf, -inf, "-1/sqrt(1 - x^2)"),
    ("acos(x)", 2, "outside", None, None, None, "|x| > 1"),
    ("acos(x)**2", 1, "edge", -2, None, -2, "2(1 - x) + ..."),
    ("asin(x)**2", 1, "edge", inf, None, inf, "2 asin(x)/sqrt(1 - x^2)"),
    ("acos(1 - x)", 0, "edge", None, inf, inf, "sqrt(2x) + ..."),
    ("acos(1 - x**2)", 0, "kink", -sqrt(2), sqrt(2), None, "sqrt(2)|x| + ..."),
    ("asin(1 - x**2)", 0, "kink", sqrt(2), -sqrt(2), None, "pi/2 - sqrt(2)|x| + ..."),
    ("acos(1 + x**2)", 0, "isolated", None, None, None, "0 at 0 and undefined around it"),
    ("acosh(x)", 1, "edge", None, inf, inf, "1/sqrt(x^2 - 1)"),
    ("acosh(x)", 0, "outside", None, None, None, "x < 1"),
    ("acosh(x)**2", 1, "edge", None, 2, 2, "2(x - 1) + ..."),
    ("acosh(1 - x)", 0, "edge", -inf, None, -inf, "sqrt(-2x) + ..."),
    ("acosh(cosh(x))", 0, "kink", -1, 1, None, "|x|"),
    ("acosh(cos(x))", 0, "isolated", None, None, None, "0 at 0, cos x < 1 around it"),
    ("atanh(x)", 1, "pole", None, None, None, "-> +inf from the left"),
    ("atanh(x)", -1, "pole", None, None, None, "-> -inf from the right"),
    ("atanh(x)", 2, "outside", None, None, None, "|x| > 1"),
    ("erfinv(x)", 1, "pole", None, None, None, "-> +inf from the left", OPEN),
    ("acosh(x + 1) - sqrt(x)", 0, "edge", None, inf, inf, "(sqrt(2) - 1) sqrt(x) + ..."),
    ("asin(x + 1) - sqrt(x)", 0, "isolated", None, None, None, "defined only at 0"),
    ("max(sqrt(x), 1)", 0, "edge", None, 0, 0, "1 right, undefined left"),
    ("max(sqrt(sin(x)), 1)", "pi", "edge", 0, None, 0, "1 left, undefined right"),
    ("clamp(sqrt(x), 1, 2)", 0, "edge", None, 0, 0, "1 right, undefined left"),
    ("max(1, sqrt(-x**2))", 0, "isolated", None, None, None, "defined only at 0"),
    ("min(acos(x), 1)", -1, "edge", None, 0, 0, "acos(-1) = pi > 1: 1 right, undefined left"),
    ("max(asin(x), 2)", 1, "edge", 0, None, 0, "asin(1) = pi/2 < 2: 2 left, undefined right"),
    ("sign(sqrt(x) + 1)", 0, "edge", None, 0, 0, "1 right, undefined left"),
    ("floor(sqrt(x) + 1/2)", 0, "edge", None, 0, 0, "0 right, undefined left"),
    ("where(sqrt(x) < 1, x, 0)", 0, "edge", None, 1, 1, "x right, undefined left"),
    ("where(sqrt(x) >= x**0.25, x, 2*x)", 0, "edge", None, 2, 2, "sqrt(h) < h^0.25 right; 0 = 2*0 at 0"),
    ("log(sin(x)) - log(sin(x))", "pi", "outside", 0, None, None, "0 left, undefined from pi on"),
    ("floor(sqrt(x))", 0, "edge", None, 0, 0, "0 right, undefined left"),
    ("ceil(sqrt(x))", 0, "jump", None, inf, None, "0 at 0, 1 right, undefined left"),
    ("sqrt(floor(x))", 0, "edge", None, 0, 0, "0 right, sqrt(-1) left"),
    ("sqrt(-ceil(x))", 0, "edge", 0, None, 0, "0 left, sqrt(-1) right"),
    ("sqrt(floor(x))", 1, "jump", inf, 0, None, "0 left, 1 from 1 on"),
    ("1/floor(x)", 1, "edge", None, 0, 0, "1/0 left, 1 right"),
    ("1/floor(x)", 0, "outside", 0, None, None, "-1 left, 1/0 from 0 on"),
    ("log(floor(x))", 1, "edge", None, 0, 0, "log 0 left, 0 right"),
    # -- poles
    ("1/x", 0, "pole", None, None, None, "1/x"),
    ("reciprocal(x)", 0, "pole", None, None, None, "1/x"),
    ("rsqrt(x)", 0, "pole", None, None, None, "1/sqrt(x)"),
    ("1/x**2", 0, "pole", None, None, None, "1/x^2"),
    ("abs(1/x)", 0, "pole", None, None, None, "|1/x|"),
    ("max(1/x, 0)", 0, "pole", None, None, None, "1/x right"),
    ("min(1/x, 1)", 0, "pole", None, None, None, "1/x left"),
    ("1/relu(x)", 0, "pole", None, None, None, "1/x right, 1/0 left"),
    ("1/relu(x)", -1, "outside", None, None, None, "1/0 around -1"),
    ("tan(x)", "pi/2", "pole", None, None, None, "sin/cos, cos = 0"),
    ("tan(x)", "-3*pi/2", "pole", None, None, None, "sin/cos, cos = 0"),
    ("1/sin(x)", "pi", "pole", None, None, None, "sin = 0"),
    ("log(sin(x)) - 1/sin(x)", "pi", "pole", None, None, None, "-> -inf from the left"),
    ("1/(exp(x) - 1)", 0, "pole", None, None, None, "1/x + ..."),
    ("sqrt(x)/x", 0, "pole", None, None, None, "1/sqrt(x) right"),
    ("where(x != 0, 1/x, 0)", 0, "pole", None, None, None, "a value at 0 does not bound it"),
    ("where(x > 0, 1/x, 0)", 0, "pole", 0, None, None, "0 left, 1/x right"),
    ("log(x) if x > 0 else 0", 0, "pole", 0, None, None, "0 left, log right"),
    ("gamma(x)", 0, "pole", None, None, None, "1/x + ..."),
    ("gamma(x)", -1, "pole", None, None, None, "gamma(x + 1)/x"),
    ("lgamma(x)", 0, "pole", None, None, None, "-log|x| + ..."),
    ("lgamma(x)", -2, "pole", None, None, None, "-log|x + 2| + ..."),
    ("digamma(x)", 0, "pole", None, None, None, "-1/x + ..."),
    ("digamma(x)", -1, "pole", None, None, None, "-1/(x + 1) + ..."),
    ("polygamma(1, x)", 0, "pole", None, None, None, "1/x^2 + ...", OPEN),
    ("exp(1/x)", 0, "pole", None, None, None, "-> +inf from the right", OPEN),
    # -- undefined at the point, with limits
    ("sin(x)/x", 0, "outside", 0, 0, None, "1 - x^2/6 + ..."),
    ("x/x", 0, "outside", 0, 0, None, "1 except at 0"),
    ("x**2/x", 0, "outside", 1, 1, None, "x except at 0"),
    ("1/x - 1/x", 0, "outside", 0, 0, None, "0 except at 0"),
    ("1/(1/x)", 0, "outside", 1, 1, None, "x except at 0"),
    ("1/(1 + 1/x)", 0, "outside", 1, 1, None, "x/(1 + x) except at 0"),
    ("(x**2 - 1)/(x - 1)", 1, "outside", 1, 1, None, "x + 1 except at 1"),
    ("abs(x)/x", 0, "outside", 0, 0, None, "-1 left, 1 right"),
    ("relu(x)/x", 0, "outside", 0, 0, None, "0 left, 1 right"),
    ("x/relu(x)", 0, "outside", None, 0, None, "1 right, undefined left"),
    ("1/sign(x)", 0, "outside", 0, 0, None, "-1 left, 1 right"),
    ("(exp(x) - 1)/x", 0, "outside", 0.5, 0.5, None, "1 + x/2 + ..."),
    ("(1 - cos(x))/x", 0, "outside", 0.5, 0.5, None, "x/2 + ..."),
    ("(1 - cos(x))/x**2", 0, "outside", 0, 0, None, "1/2 - x^2/24 + ..."),
    ("log(1 + x)/x", 0, "outside", -0.5, -0.5, None, "1 - x/2 + ..."),
    ("(sqrt(1 + x) - 1)/x", 0, "outside", -1/8, -1/8, None, "1/2 - x/8 + ..."),
    ("(x - sin(x))/x**3", 0, "outside", 0, 0, None, "1/6 - x^2/120 + ..."),
    ("sin(x)/abs(x)", 0, "outside", 0, 0, None, "-+1, even corrections"),
    ("x/sqrt(x)", 0, "outside", None, inf, None, "sqrt(x) for x > 0"),
    ("x/cbrt(x)", 0, "outside", -inf, inf, None, "|x|^(2/3) except at 0"),
    ("tan(x)*cos(x)", "pi/2", "outside", 0, 0, None, "sin x except at pi/2"),
    ("1/tan(x)", "pi/2", "outside", -1, -1, None, "cot x, -1/sin^2"),
    ("atan(tan(x))", "pi/2", "outside", 1, 1, None, "x left, x - pi right"),
    ("1/x - 1/sin(x)", 0, "outside", -1/6, -1/6, None, "-x/6 + ..."),
    ("1/x - 1/tan(x)", 0, "outside", 1/3, 1/3, None, "x/3 + ..."),
    ("1/sin(x)**2 - 1/x**2", 0, "outside", 0, 0, None, "1/3 + x^2/15 + ..."),
    ("x*gamma(x)", 0, "outside", -EULER, -EULER, None, "gamma(1 + x)"),
    ("gamma(x) - 1/x", 0, "outside", EULER**2/2 + pi**2/12, EULER**2/2 + pi**2/12, None, "1/x - g + (g^2/2 + pi^2/12) x + ..."),
    ("digamma(x) + 1/x", 0, "outside", pi**2/6, pi**2/6, None, "digamma(1 + x)"),
    ("1/gamma(x)", 0, "outside", 1, 1, None, "x + g x^2 + ..."),
    ("1/gamma(x)", -1, "outside", -1, -1, None, "the residue at -1 is -1"),
    ("sin(pi*x)*gamma(x)", 0, "outside", -pi*EULER, -pi*EULER, None, "pi/gamma(1 - x)"),
    ("lgamma(x) + log(abs(x))", 0, "outside", -EULER, -EULER, None, "lgamma(1 + x)"),
    ("tanh(1/x)", 0, "outside", 0, 0, None, "-1 left, 1 right, up to e^(-2/|x|)"),
    ("erf(1/x)", 0, "outside", 0, 0, None, "-1 left, 1 right, up to less than e^(-1/x^2)"),
    ("sigmoid(1/x)", 0, "outside", 0, 0, None, "0 left, 1 right, up to e^(-1/|x|)", OPEN),
    ("atan(1/x)", 0, "outside", -1, -1, None, "±pi/2 - atan x"),
    ("x*atan(1/x)", 0, "outside", -pi/2, pi/2, None, "pi/2 |x| - ..."),
    ("max(min(1/x, 1), -1)", 0, "outside", 0, 0, None, "-1 left, 1 right"),
    ("x*sqrt(1 + 1/x**2)", 0, "outside", 0, 0, None, "±sqrt(x^2 + 1)"),
    ("sin(1/x)", 0, "outside", None, None, None, "undefined, without a limit", OPEN),
    # -- guarded limits and oscillation
    ("where(x != 0, sin(x)/x, 1)", 0, "smooth", 0, 0, 0, "1 - x^2/6 + ..."),
    ("sin(x)/x if x != 0 else 1", 0, "smooth", 0, 0, 0, "1 - x^2/6 + ..."),
    ("where(x == 0, 1, sin(x)/where(x == 0, 1, x))", 0, "smooth", 0, 0, 0, "1 - x^2/6 + ..."),
    ("where(x == 0, 0, sin(x)/x)", 0, "jump", -inf, inf, None, "1 on both sides of the value 0"),
    ("(exp(x) - 1)/x if x != 0 else 1", 0, "smooth", 0.5, 0.5, 0.5, "1 + x/2 + ..."),
    ("where(x == 0, 0, x*atan(1/x))", 0, "kink", -pi/2, pi/2, None, "pi/2 |x| - ..."),
    ("where(x == 0, 0, x**2*atan(1/x))", 0, "smooth", 0, 0, 0, "h atan(1/h) -> 0"),
    ("where(x == 0, 0, x*tanh(1/x))", 0, "kink", -1, 1, None, "|x| up to e^(-2/|x|)"),
    ("where(x == 0, pi/2, atan(1/x))", 0, "jump", inf, -1, None, "-pi/2 left, pi/2 - x right"),
    ("where(x == 0, 0, atan(1/x))", 0, "jump", inf, inf, None, "-pi/2 left, pi/2 right"),
    ("where(x == 0, 0, exp(-1/x**2))", 0, "smooth", 0, 0, 0, "flat: e^(-1/h^2)/h -> 0", OPEN),
    ("where(x > 0, exp(-1/x), 0)", 0, "smooth", 0, 0, 0, "flat: e^(-1/h)/h -> 0", OPEN),
    ("where(x == 0, 0, x/(1 + exp(1/x)))", 0, "kink", 1, 0, None, "1/(1 + e^(1/h)) -> 1 left, 0 right", OPEN),
    ("where(x == 0, 0, x**2*sin(1/x))", 0, "smooth", 0, 0, 0, "|h sin(1/h)| <= |h|", OPEN),
    ("where(x == 0, 0, x*sin(1/x))", 0, "oscillating", None, None, None, "sin(1/h) has no limit"),
    ("where(x == 0, 0, x**2*sin(1/x) + abs(x))", 0, "undecided", None, None, None, "slopes -1 and 1, but subgradients from -2 to 2"),
    # -- choices
    ("where(x**2 > 0, 3*x, 0)", 0, "smooth", 3, 3, 3, "0 = 3*0 at 0"),
    ("where(x > 0, sqrt(x), 0)", 0, "vertical", 0, inf, None, "0 left, sqrt(x) right"),
    ("sqrt(x) if x > 0 else 0", 0, "vertical", 0, inf, None, "0 left, sqrt(x) right"),
    ("where(x > 0, sqrt(x), x)", 0, "vertical", 1, inf, None, "x left, sqrt(x) right"),
    ("where(x == 1, 1, x**2)", 1, "smooth", 2, 2, 2, "1 = 1^2"),
    ("where(x == 1, 0, x**2)", 1, "jump", -inf, inf, None, "1 on both sides of the value 0"),
    ("where(x >= 0, x, -x)", 0, "kink", -1, 1, None, "|x|"),
    ("where(x > 0, x, -x)", 0, "kink", -1, 1, None, "|x|"),
    ("x if x > 0 else 0", 0, "kink", 0, 1, None, "relu"),
    ("where(not x > 0, 0, x)", 0, "kink", 0, 1, None, "relu"),
    ("float(x > 0)*x", 0, "kink", 0, 1, None, "relu"),
    ("float(x > 0)", 0, "jump", 0, inf, None, "0 up to 0, 1 right"),
    ("where(x > 0, x + 1, x)", 0, "jump", 1, inf, None, "0 at 0, 1 right"),
    ("where(x >= 0, x + 1, x)", 0, "jump", inf, 1, None, "0 left, 1 at 0"),
    ("where(x > 0, x**2, x**3)", 0, "smooth", 0, 0, 0, "both have slope 0"),
    ("where(x > 0, sin(x), x)", 0, "smooth", 1, 1, 1, "both have slope 1"),
    ("where(x < 0, exp(x), 1 + x)", 0, "smooth", 1, 1, 1, "both are 1 + x + ..."),
    ("where(x < 0, exp(x), 1 + 2*x)", 0, "kink", 1, 2, None, "1 + x left, 1 + 2x right"),
    ("where(abs(x) < 1, x, sign(x))", 1, "kink", 1, 0, None, "x left, 1 right"),
    ("where(abs(x) < 1, x, sign(x))", -1, "kink", 0, 1, None, "-1 left, x right"),
    ("where(x > 0 and x < 1, x, 0)", 0, "kink", 0, 1, None, "0 left, x right"),
    ("where(x > 0 and x < 1, x, 0)", 1, "jump", -inf, 0, None, "x -> 1 left, 0 from 1 on"),
    ("where(x > 0 or x < 0, x, 5)", 0, "jump", inf, -inf, None, "5 at 0, 0 around it"),
    ("where(abs(x) <= 1, x**2/2, abs(x) - 1/2)", 1, "smooth", 1, 1, 1, "x = 1 left, 1 right"),
    ("where(abs(x) <= 1, x**2/2, abs(x) - 1/2)", -1, "smooth", -1, -1, -1, "-1 left, x = -1 right"),
    ("where(x < 0, 0, where(x > 1, 1, 3*x**2 - 2*x**3))", 1, "smooth", 0, 0, 0, "6x - 6x^2 = 0"),
    ("where(x < sqrt(2), x, 2*x)", "sqrt(2)", "jump", inf, 2, None, "sqrt(2) left, 2 sqrt(2) from there on"),
    ("where(x**3 > 0, x, -x)", 0, "kink", -1, 1, None, "|x|"),
    ("where(x**2 >= 0, x, -x)", 0, "smooth", 1, 1, 1, "always x"),
    ("where(x**20 > 0, x, 0)", 0, "smooth", 1, 1, 1, "0 = x at 0"),
    ("where(x**40 > 0, x, 0)", 0, "smooth", 1, 1, 1, "0 = x at 0"),
    ("where(sin(x)**20 > 0, x, 0)", 0, "smooth", 1, 1, 1, "0 = x at 0"),
    ("where(sin(x) > x, 1, 0)", 0, "jump", -inf, 0, None, "sin x - x = -x^3/6 > 0 left"),
    ("where(sin(x) == x, 1, 0)", 0, "jump", inf, -inf, None, "equal only at 0"),
    ("where(x - sin(x) > 0, x, 2*x)", 0, "kink", 2, 1, None, "x^3/6 has the sign of x"),
    ("where(cos(x) < 1, x, 0)", 0, "smooth", 1, 1, 1, "0 = x at 0"),
    ("where(1 - cos(x) - x**2/2 < 0, x, 0)", 0, "smooth", 1, 1, 1, "-x^4/24 < 0 except at 0, where 0 = x"),
    ("where(tan(x) - x - x**3/3 > 0, x, -x)", 0, "kink", -1, 1, None, "2x^5/15 has the sign of x"),
    ("where(exp(x) - 1 - x - x**2/2 - x**3/6 > 0, x, 7)", 0, "jump", inf, -inf, None, "x^4/24 > 0 except at 0: 7 there, 0 around it"),
    # -- signs and steps
    ("sign(x)", 0, "jump", inf, inf, None, "-1, 0, 1"),
    ("sign(x)", 1, "smooth", 0, 0, 0, "1 near 1"),
    ("sign(x**2)", 0, "jump", -inf, inf, None, "1 on both sides of 0"),
    ("x*sign(x)", 0, "kink", -1, 1, None, "|x|"),
    ("x**2*sign(x)", 0, "smooth", 0, 0, 0, "x|x|"),
    ("sqrt(sign(x))", 0, "jump", None, inf, None, "0 at 0, 1 right, undefined left"),
    ("heaviside(x, 0.5)", 0, "jump", inf, inf, None, "0, 1/2, 1"),
    ("heaviside(x, 1)", 0, "jump", inf, 0, None, "0, 1, 1"),
    ("heaviside(x, 0)", 0, "jump", 0, inf, None, "0, 0, 1"),
    ("x*heaviside(x, 0.5)", 0, "kink", 0, 1, None, "relu"),
    ("copysign(x, 1)", 0, "kink", -1, 1, None, "|x|"),
    ("copysign(x, -1)", 0, "kink", 1, -1, None, "-|x|"),
    ("copysign(x, x)", 0, "smooth", 1, 1, 1, "x"),
    ("copysign(1, x)", 0, "jump", inf, 0, None, "-1 left, 1 from 0 on"),
    ("copysign(2, x - 1)", 0, "smooth", 0, 0, 0, "-2 near 0"),
    ("floor(x)", 0, "jump", inf, 0, None, "-1 left, 0 from 0 on"),
    ("floor(x)", -1, "jump", inf, 0, None, "-2 left, -1 from -1 on"),
    ("floor(x)", 0.5, "smooth", 0, 0, 0, "0 near 1/2"),
    ("floor(-x)", 0, "jump", 0, -inf, None, "0 up to 0, -1 right"),
    ("ceil(x)", 0, "jump", 0, inf, None, "0 up to 0, 1 right"),
    ("floor(x**2)", 0, "smooth", 0, 0, 0, "0 near 0"),
    ("floor(-x**2)", 0, "jump", inf, -inf, None, "0 at 0, -1 around it"),
    ("ceil(x**2)", 0, "jump", -inf, inf, None, "0 at 0, 1 around it"),
    ("floor(cos(x))", 0, "jump", inf, -inf, None, "1 at 0, 0 around it"),
    ("floor(x) + ceil(-x)", 0, "smooth", 0, 0, 0, "ceil(-x) = -floor(x)"),
    ("x*floor(x)", 0, "kink", -1, 0, None, "-x left, 0 right"),
    ("floor(x)*(x - 1)", 1, "kink", 0, 1, None, "0 left, x - 1 right"),
    ("floor(x) + (x - floor(x))**2", 1, "kink", 2, 0, None, "x^2 left, 1 + (x - 1)^2 right"),
    ("floor(x) + sqrt(x - floor(x))", 1, "vertical", 0.5, inf, None, "sqrt(x) left, 1 + sqrt(x - 1) right"),
    ("x - floor(x)", 1, "jump", -inf, 1, None, "-> 1 left, 0 at 1"),
    ("floor(x**2)", "sqrt(2)", "jump", inf, 0, None, "1 left, 2 from the root on"),
    ("floor(x/pi)", "pi", "jump", inf, 0, None, "0 left, 1 from pi on"),
    ("floor(log(x))", "e", "jump", inf, 0, None, "0 left, 1 from e on"),
    ("floor(2*sin(x))", "pi/6", "jump", inf, 0, None, "0 left, 1 from pi/6 on"),
    ("x // 2", 2, "jump", inf, 0, None, "0 left, 1 from 2 on"),
    ("round(x)", "1/2", "jump", 0, inf, None, "ties to even: 0 at 1/2, 1 right"),
    ("round(x)", "3/2", "jump", inf, 0, None, "ties to even: 1 left, 2 at 3/2"),
    ("round(x)", "5/2", "jump", 0, inf, None, "ties to even: 2 at 5/2, 3 right"),
    ("rint(x)", "-1/2", "jump", inf, 0, None, "ties to even: -1 left, 0 at -1/2"),
    ("round(x)", 0, "smooth", 0, 0, 0, "0 near 0"),
    ("round(x, decimals=1)", "1/20", "jump", 0, inf, None, "10x = 1/2: 0 there, 1/10 right"),
    ("round(x, decimals=1)", 0.05, "smooth", 0, 0, 0, "the double is above 1/20"),
    ("round(4*x)/4", "3/8", "jump", inf, 0, None, "4x = 3/2: 1/4 left, 1/2 there"),
    ("x - round(x)", "1/2", "jump", 1, -inf, None, "1/2 there, -1/2 right"),
    ("abs(x - round(x))", "1/2", "kink", 1, -1, None, "x left, 1 - x right"),
    ("abs(x - round(x))", 1, "kink", -1, 1, None, "|x - 1|"),
    ("trunc(x)", 0, "smooth", 0, 0, 0, "0 for |x| < 1"),
    ("trunc(x)", 1, "jump", inf, 0, None, "0 left, 1 from 1 on"),
    ("trunc(x)", -1, "jump", 0, inf, None, "-1 up to -1, 0 right"),
    ("frac(x)", 0, "smooth", 1, 1, 1, "x for |x| < 1"),
    ("frac(x)", 1, "jump", -inf, 1, None, "-> 1 left, 0 at 1"),
    ("frac(x)", -1, "jump", 1, -inf, None, "0 at -1, -> -1 right"),
    ("fmod(x, 1)", 0, "smooth", 1, 1, 1, "x for |x| < 1"),
    ("fmod(x, 2)", 2, "jump", -inf, 1, None, "-> 2 left, 0 at 2"),
    ("fmod(x, 2)", -2, "jump", 1, -inf, None, "0 at -2, -> -2 right"),
    ("fmod(x, -2)", 2, "jump", -inf, 1, None, "trunc: the sign of y does not matter"),
    ("fmod(x, pi)", "pi", "jump", -inf, 1, None, "-> pi left, 0 at pi"),
    ("fmod(x, 0.1)", "3*0.1", "jump", -inf, 1, None, "3 times the double 0.1, exactly"),
    ("fmod(x, 0.1)", 0.3, "smooth", 1, 1, 1, "the double 0.3 is below 3 times the double 0.1"),
    ("fmod(1, x)", 1, "jump", -1, inf, None, "1 - x left, 0 at 1, 1 right"),
    ("fmod(x, 0)", 1, "outside", None, None, None, "x/0"),
    ("remainder(x, 1)", 0, "jump", -inf, 1, None, "-> 1 left, 0 at 0"),
    ("x % 2", 2, "jump", -inf, 1, None, "-> 2 left, 0 at 2"),
    ("x % -2", 0, "jump", 1, -inf, None, "x left, x - 2 right"),
    ("(x % 1)*(1 - x % 1)", 0, "kink", -1, 1, None, "(1 + x)(-x) left, x(1 - x) right"),
    # -- angles
    ("atan2(x, -1)", 0, "jump", inf, -1, None, "-pi left, pi - x from 0 on"),
    ("atan2(x, 1)", 0, "smooth", 1, 1, 1, "atan x"),
    ("atan2(1, x)", 0, "smooth", -1, -1, -1, "pi/2 - atan x"),
    ("atan2(-1, x)", 0, "smooth", 1, 1, 1, "-pi/2 + atan x"),
    ("atan2(x, x)", 0, "outside", 0, 0, None, "-3/4 pi left, pi/4 right"),
    ("atan2(x, abs(x))", 0, "outside", 0, 0, None, "-pi/4 left, pi/4 right"),
    ("atan2(0, x)", 0, "outside", 0, 0, None, "pi left, 0 right"),
    ("atan2(x**2, -1)", 0, "smooth", 0, 0, 0, "pi - x^2 + ..."),
    ("atan2(-x**2, -1)", 0, "jump", inf, -inf, None, "pi at 0, -pi around it"),
    ("sin(atan2(x, -1))", 0, "smooth", 1, 1, 1, "x/sqrt(1 + x^2)"),
    # -- detach
    ("detach(x)", 1, "smooth", 0, 0, 0, "constant"),
    ("x*detach(x)", 3, "smooth", 3, 3, 3, "3x"),
    ("x - detach(x)", 0, "smooth", 1, 1, 1, "x - 0"),
    ("x + detach(abs(x))", 0, "smooth", 1, 1, 1, "x + 0"),
    ("abs(detach(x))", 0, "smooth", 0, 0, 0, "constant"),
    ("x + detach(round(x) - x)", "1/2", "smooth", 1, 1, 1, "straight through"),
    ("detach(floor(x))", 0, "smooth", 0, 0, 0, "constant"),
    ("x*detach(sign(x))", 0, "smooth", 0, 0, 0, "0x"),
    ("where(detach(x) > 0, x, 0)", 0, "smooth", 0, 0, 0, "the choice is constant: 0"),
    ("where(detach(x) > 0, x, 0)", 1, "smooth", 1, 1, 1, "the choice is constant: x"),
    ("max(x, detach(x))", 2, "kink", 0, 1, None, "max(x, 2)"),
    ("exp(x - detach(x))", 5, "smooth", 1, 1, 1, "e^(x - 5)"),
    ("detach(abs(x))*abs(x - 1)", 1, "kink", -1, 1, None, "1|x - 1|"),

    # -- functions of a logarithm that tends to infinity
    ("where(x == 0, -1, tanh(log(abs(x))/2))", 0, "kink", -2, 2, None, "(|x| - 1)/(|x| + 1)"),
    ("where(x < 1, tanh(atanh(x)), x)", 1, "smooth", 1, 1, 1, "x on both sides"),
    ("where(x > 0, tanh(log(x)/2), -1)", 0, "kink", 0, 2, None, "(x - 1)/(x + 1) right"),
    ("where(x > 0, tanh(-log(x)/2), 1)", 0, "kink", 0, -2, None, "(1 - x)/(1 + x) right"),
    ("where(x > 0, tanh(log(x)), -1)", 0, "smooth", 0, 0, 0, "(x^2 - 1)/(x^2 + 1) right"),
    ("where(x > 0, tanh(log(x)/3), -1)", 0, "vertical", 0, inf, None, "2x^(2/3) - 1 + ... right"),
    ("where(x > 0, tanh(1/x), 1)", 0, "smooth", 0, 0, 0, "1 - 2e^(-2/x) + ... right"),
    ("where(x > 0, tanhshrink(log(x)/2) - log(x)/2, 1)", 0, "kink", 0, -2, None, "(1 - x)/(1 + x)"),
    ("where(x > 0, erf(log(x)), -1)", 0, "smooth", 0, 0, 0, "less than e^(-log(x)^2) above -1"),
    ("where(x > 0, exp(log(x) + (sqrt(2)*sqrt(3) - sqrt(6))/x), 0)", 0, "kink", 0, 1, None, "x; 0/x is 0 there"),
    ("where(x > 0, exp(log(x) + (sin(1)**2 + cos(1)**2 - 1)*log(x)**2), 0)", 0, "kink", 0, 1, None, "x"),

    # -- integers that are results of functions, and large ones
    ("x**log2(8)", -2, "smooth", 12, 12, 12, "x^3"),
    ("x**(log(8)/log(2))", -2, "smooth", 12, 12, 12, "x^3"),
    ("x**(3*sin(pi/2))", -1, "smooth", 3, 3, 3, "x^3"),
    ("abs(x**log10(100) - 1)", -1, "kink", -2, 2, None, "|x^2 - 1|"),
    ("x**sqrt(2)", -1, "outside", None, None, None, "a fractional power of a negative number"),
    ("abs(x)*floor(exp(45))", 0, "kink", -34934271057485095348, 34934271057485095348, None, "e^45 = 34934271057485095348.03..."),
    ("floor(x + 2**60)", 1, "jump", inf, 0, None, "x rises through an integer"),
    ("floor(0.3/x/exp2(x))", 5e-324, "smooth", 0, 0, 0, "off the integers"),
    ("nan_to_num(abs(x))", 0, "kink", -1, 1, None, "|x|"),
]
# fmt: on

# Expression, point, and words that the detail of the truth contains.
DETAILS = [
    ("sin(x)/x", 0, "the limit is 1"),
    ("(x**2 - 1)/(x - 1)", 1, "the limit is 2"),
    ("x*log(x)", 0, "the right limit is 0"),
    ("abs(x)/x", 0, "the left limit is -1, the right one 1"),
    ("atan2(x, x)", 0, "the left limit is -2.35619449, the right one 0.785398163"),
    ("sqrt(x)", 0, "right side only"),
    ("acos(x)", 1, "left side only"),
    ("sqrt(-x**2)", 0, "undefined on both sides"),
    ("log(abs(x))", 0, "-inf"),
    ("1/x**2", 0, "+inf"),
    ("threshold(x, 1, 20)", 1, "by -19 to the right"),
    ("sign(x)", 0, "by -1 to the left and by 1 to the right"),
]


@dataclasses.dataclass(frozen=True)
class Answer:
    """The expected truth of a row; `open` if a proof may leave it undecided."""

    kind: Kind
    left: float | None
    right: float | None
    derivative: float | None
    open: bool = False


def answer(row):
    _, _, kind, left, right, derivative, _, *rest = row
    return Answer(Kind.of(kind), left, right, derivative, rest == [OPEN])


@functools.cache
def truth(text, point):
    number = Real.of(point) if isinstance(point, float) else exact_number(str(point))
    return prove(parse(text), "x", {"x": number})


def same(number, expected):
    if number is None or expected is None:
        return number is expected
    return math.isclose(number, expected, rel_tol=1e-12, abs_tol=0)


def agrees(proved: Truth, expected: Answer):
    if expected.open and LIMIT_NOT_DECIDED in proved.detail:  # a pole was not found
        kind, *slopes = Kind.OUTSIDE, (proved.left, expected.left), (proved.right, expected.right)
        fits = expected.kind is Kind.POLE or all(x is None or same(x, y) for x, y in slopes)
        return proved.kind is kind and fits and proved.derivative is None
    if expected.open and proved.kind is Kind.UNDECIDED:
        return proved.left is proved.right is proved.derivative is None
    return (
        proved.kind is expected.kind
        and same(proved.left, expected.left)
        and same(proved.right, expected.right)
        and same(proved.derivative, expected.derivative)
    )


def identity(row):
    return f"{row[0]} at {row[1]!r}"


@pytest.mark.parametrize("row", ROWS, ids=identity)
def test_the_proof_agrees_with_the_row(row):
    proved = truth(*row[:2])
    assert agrees(proved, answer(row)), f"{proved} is not {answer(row)}: {row[6]}"


@pytest.mark.parametrize("row", DETAILS, ids=identity)
def test_the_detail_gives_limits_sides_and_jumps(row):
    text, point, words = row
    assert words in truth(text, point).detail


def test_every_row_is_unique_and_every_kind_occurs():
    assert len({identity(row) for row in ROWS}) == len(ROWS)
    assert {answer(row).kind for row in ROWS} == set(Kind) - {Kind.PARTIAL}  # of several variables


@pytest.mark.parametrize("row", ROWS, ids=identity)
def test_a_row_is_consistent(row):
    expected = answer(row)
    finite = [x is not None and math.isfinite(x) for x in (expected.left, expected.right)]
    match expected.kind:
        case Kind.SMOOTH:
            assert expected.left == expected.right == expected.derivative is not None
        case Kind.KINK:
            assert all(finite) and expected.left != expected.right and expected.derivative is None
        case Kind.VERTICAL:
            assert not all(finite) and None not in (expected.left, expected.right)
            assert expected.derivative == (
                expected.left if expected.left == expected.right else None
            )
        case Kind.EDGE:
            (only,) = {expected.left, expected.right} - {None}
            assert expected.derivative == only
        case Kind.JUMP:
            assert math.inf in {abs(x) for x in (expected.left, expected.right) if x is not None}
            assert expected.derivative is None
        case _:
            assert expected.derivative is None


# -- negative controls: a truth with a planted fault does not agree with its row


def test_swapped_sides_are_noticed():
    kinks = [row for row in ROWS if row[2] == "kink" and agrees(truth(*row[:2]), answer(row))]
    assert len(kinks) >= 20
    for row in kinks:
        proved = truth(*row[:2])
        planted = dataclasses.replace(proved, left=proved.right, right=proved.left)
        assert planted.kind is Kind.UNDECIDED or not agrees(planted, answer(row)), identity(row)


def test_a_wrong_derivative_is_noticed():
    planted = 0
    for row in ROWS:
        proved = truth(*row[:2])
        if proved.derivative is None:
            continue
        # Adding 1 does not change an infinite or a huge derivative: negate those instead.
        huge = abs(proved.derivative) > 1e9
        wrong = -proved.derivative if huge else proved.derivative + 1
        assert not agrees(dataclasses.replace(proved, derivative=wrong), answer(row)), identity(row)
        planted += 1
    assert planted >= 20


@pytest.mark.parametrize("kind", Kind)
def test_a_wrong_kind_is_noticed(kind):
    for row in ROWS:
        expected = answer(row)
        if kind is not expected.kind and not expected.open:
            planted = dataclasses.replace(truth(*row[:2]), kind=kind)
            assert not agrees(planted, expected), identity(row)


def test_a_derivative_where_there_is_none_is_noticed():
    for row in ROWS:
        if answer(row).derivative is None:
            planted = dataclasses.replace(truth(*row[:2]), derivative=0.5)
            assert not agrees(planted, answer(row)), identity(row)
