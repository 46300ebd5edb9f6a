"""Second derivatives derived by hand, row by row, with the reason.

The columns are those of `test_known_answers`, for the first derivative f': its kind of point, its
one-sided derivatives, and the second derivative of f. Where f' has no value but limits, the
one-sided derivatives are those towards the limits.
"""

from __future__ import annotations

import math
from math import cosh, e, exp, inf, pi, sqrt

import pytest

from symdiff.arithmetics.series.reals import Real
from symdiff.program import parse
from symdiff.program.differentiation import SecondOrder
from symdiff.truth.exact_points import exact_number
from symdiff.truth.kinds import Kind, Truth
from symdiff.truth.second_order import prove_second

SCHWARZ = "where(x**2 + y**2 == 0, 0, x*y*(x**2 - y**2)/(x**2 + y**2))"

# expression, point, kind, left, right, derivative, reason
# fmt: off
ROWS = [
    # -- smooth functions
    ("x**2", 3, "smooth", 2, 2, 2, "2"),
    ("x**3", 3, "smooth", 18, 18, 18, "6x"),
    ("x", 3, "smooth", 0, 0, 0, "f' = 1"),
    ("7", 3, "smooth", 0, 0, 0, "f' = 0"),
    ("exp(x)", 1, "smooth", e, e, e, "e^x"),
    ("exp(2*x)", 0, "smooth", 4, 4, 4, "4 e^(2x)"),
    ("sin(x)", "pi/2", "smooth", -1, -1, -1, "-sin x"),
    ("cos(x)", 0, "smooth", -1, -1, -1, "-cos x"),
    ("log(x)", 2, "smooth", -0.25, -0.25, -0.25, "-1/x^2"),
    ("1/x", 2, "smooth", 0.25, 0.25, 0.25, "2/x^3"),
    ("sqrt(x)", 4, "smooth", -1/32, -1/32, -1/32, "-x^(-3/2)/4"),
    ("cbrt(x)", 8, "smooth", -1/144, -1/144, -1/144, "-2/9 x^(-5/3)"),
    ("tanh(x)", 0, "smooth", 0, 0, 0, "odd"),
    ("tan(x)", "pi/4", "smooth", 4, 4, 4, "2 tan x (1 + tan^2 x)"),
    ("sigmoid(x)", 0, "smooth", 0, 0, 0, "s(1 - s)(1 - 2s) with s = 1/2"),
    ("log(1 + exp(x))", 0, "smooth", 0.25, 0.25, 0.25, "s(1 - s)"),
    ("softplus(x)", 0, "smooth", 0.25, 0.25, 0.25, "s(1 - s)"),
    ("logaddexp(x, 0)", -800, "smooth", 0, 0, 0, "e^-800 is below the smallest double"),
    ("logaddexp(x, 0)", -700, "smooth", exp(-700), exp(-700), exp(-700), "e^-700, and 1 + e^-700 is 1"),
    ("silu(x)", 0, "smooth", 0.5, 0.5, 0.5, "2 s' + x s'' with s' = 1/4"),
    ("gelu(x)", 0, "smooth", sqrt(2/pi), sqrt(2/pi), sqrt(2/pi), "2 phi(0)"),
    ("erf(x)", 0, "smooth", 0, 0, 0, "odd"),
    ("atan(x)", 1, "smooth", -0.5, -0.5, -0.5, "-2x/(1 + x^2)^2"),
    ("sinh(x)", 0, "smooth", 0, 0, 0, "sinh x"),
    ("cosh(x)", 2, "smooth", cosh(2), cosh(2), cosh(2), "cosh x"),
    ("lgamma(x)", 1, "smooth", pi**2/6, pi**2/6, pi**2/6, "polygamma(1, 1)"),
    ("x**x", 1, "smooth", 2, 2, 2, "x^x ((1 + log x)^2 + 1/x)"),
    ("x*detach(x)", 3, "smooth", 0, 0, 0, "a constant times x"),
    ("x + detach(round(x) - x)", 0.25, "smooth", 0, 0, 0, "x plus a constant"),
    ("exp(x**2)", 50, "smooth", inf, inf, inf, "(2 + 4x^2) e^2500 is above the largest double"),
    # -- removable definitions
    ("sinc(x)", 0, "smooth", -pi**2/3, -pi**2/3, -pi**2/3, "1 - (pi x)^2/6 + ..."),
    ("sinc(x)", 1, "smooth", 2, 2, 2, "-2 cos(pi)/1 by f = sin(pi x)/(pi x)"),
    ("where(x == 0, 1, sin(x)/x)", 0, "smooth", -1/3, -1/3, -1/3, "1 - x^2/6 + ..."),
    ("where(x == 0, 1, (exp(x) - 1)/x)", 0, "smooth", 1/3, 1/3, 1/3, "1 + x/2 + x^2/6 + ..."),
    ("where(x == 0, 0, (1 - cos(x))/x)", 0, "smooth", 0, 0, 0, "x/2 - x^3/24 + ..."),
    ("xlogy(x, 2)", 0, "smooth", 0, 0, 0, "x log 2"),
    # -- a kink of f', where f is differentiable
    ("x*abs(x)", 0, "kink", -2, 2, None, "2|x|"),
    ("relu(x)**2", 0, "kink", 0, 2, None, "2 relu(x)"),
    ("x**2*sign(x)", 0, "kink", -2, 2, None, "2|x|"),
    ("elu(x)", 0, "kink", 1, 0, None, "e^x left, 1 right"),
    ("celu(x, 2)", 0, "kink", 0.5, 0, None, "e^(x/2) left, 1 right"),
    ("where(abs(x) < 1, x**2/2, abs(x) - 1/2)", 1, "kink", 1, 0, None, "x left, 1 right"),
    ("where(abs(x) < 1, x**2/2, abs(x) - 1/2)", -1, "kink", 0, 1, None, "-1 left, x right"),
    ("softsign(x)", 0, "kink", 2, -2, None, "1/(1 + |x|)^2"),
    ("max(x**2, x**2 + x*abs(x))", 0, "kink", 2, 4, None, "2x left, 4x right"),
    ("abs(x)**2", 0, "smooth", 2, 2, 2, "x^2"),
    ("abs(x)**3", 0, "smooth", 0, 0, 0, "3x|x|"),
    ("abs(x)**3*sign(x)", 0, "smooth", 0, 0, 0, "x^3"),
    ("relu(x)**3", 0, "smooth", 0, 0, 0, "3 relu(x)^2"),
    ("max(x**2, 0)", 0, "smooth", 2, 2, 2, "x^2"),
    ("sqrt(x**4)", 0, "smooth", 2, 2, 2, "x^2"),
    ("relu(x) - relu(-x)", 0, "smooth", 0, 0, 0, "x"),
    ("abs(sin(x)**2 + cos(x)**2 - 1)", 0, "smooth", 0, 0, 0, "0"),
    ("where(x > 0, exp(-1/x), 0)", 0, "smooth", 0, 0, 0, "flat"),
    ("where(x == 0, 0, x**5*sin(1/x))", 0, "smooth", 0, 0, 0, "|f'| <= 6|x|^3"),
    # -- f has no derivative
    ("abs(x)", 0, "outside", 0, 0, None, "-1 left, 1 right"),
    ("relu(x)", 0, "outside", 0, 0, None, "0 left, 1 right"),
    ("sqrt(x**2)", 0, "outside", 0, 0, None, "|x|"),
    ("abs(sin(x))", 0, "outside", 0, 0, None, "-cos x left, cos x right"),
    ("max(x, x**2)", 0, "outside", 2, 0, None, "x^2 left, x right"),
    ("max(x, x**2)", 1, "outside", 0, 2, None, "x left, x^2 right"),
    ("hardswish(x)", 3, "outside", 1/3, 0, None, "x(x + 3)/6 left, x right"),
    ("selu(x)", 0, "outside", 1.0507009873554805*1.6732632423543772, 0, None, "a e^x left, 1.05 right"),
    ("floor(x)", 1, "outside", 0, 0, None, "a jump"),
    ("sign(x)", 0, "outside", 0, 0, None, "a jump"),
    ("where(x == 0, 1, x)", 0, "outside", 0, 0, None, "f' is 1 on both sides, f jumps"),
    ("sin(x)/x", 0, "outside", -1/3, -1/3, None, "undefined; f' = -x/3 + ..."),
    ("log(x)", -1, "outside", None, None, None, "undefined on both sides"),
    # -- ends of the domain and infinite derivatives
    ("x**1.5", 0, "edge", None, inf, inf, "1.5 sqrt(x)"),
    ("x**2.5", 0, "edge", None, 0, 0, "2.5 x^1.5"),
    ("(1 - x)**1.5", 1, "edge", inf, None, inf, "-1.5 sqrt(1 - x)"),
    ("xlogy(x**2, x)", 0, "edge", None, -inf, -inf, "2x log x + x"),
    ("cbrt(x)**4", 0, "vertical", inf, inf, inf, "4/3 x^(1/3)"),
    ("cbrt(x)**5", 0, "vertical", -inf, inf, None, "5/3 x^(2/3)"),
    ("abs(x)**1.5", 0, "vertical", inf, inf, inf, "1.5 sign(x) sqrt|x|"),
    ("where(x == 0, 0, x**2*log(abs(x)))", 0, "vertical", -inf, -inf, -inf, "2x log|x| + x"),
    ("sqrt(x)", 0, "pole", None, None, None, "1/(2 sqrt(x))"),
    ("asin(x)", 1, "pole", None, None, None, "1/sqrt(1 - x^2)"),
    ("cbrt(x)", 0, "pole", None, None, None, "x^(-2/3)/3"),
    ("1/x", 0, "pole", None, None, None, "-1/x^2"),
    ("log(abs(x))", 0, "pole", None, None, None, "1/x"),
    ("x*log(x)", 0, "pole", None, None, None, "log x + 1"),
    ("tan(x)", "pi/2", "pole", None, None, None, "1/cos^2"),
    ("where(x > 0, exp(1/x), 0)", 0, "pole", None, None, None, "f tends to infinity, and so does f'"),
    # -- oscillation
    ("where(x == 0, 0, x**2*sin(1/x))", 0, "oscillating", None, None, None, "-cos(1/x) + ..."),
    ("where(x == 0, 0, x**3*sin(1/x))", 0, "oscillating", None, None, None, "-x cos(1/x) + ..."),
]

# expression, inner and outer variable, point, kind, left, right, derivative, reason
PARTIAL = [
    ("x*y", "xy", (2, 3), "smooth", 1, 1, 1, "1"),
    ("x**2*y", "xx", (2, 3), "smooth", 6, 6, 6, "2y"),
    ("x**2*y", "xy", (2, 3), "smooth", 4, 4, 4, "2x"),
    ("x**2*y", "yy", (2, 3), "smooth", 0, 0, 0, "f_y = x^2"),
    ("exp(x*y)", "xy", (0, 0), "smooth", 1, 1, 1, "(1 + xy) e^(xy)"),
    (SCHWARZ, "xy", (0, 0), "smooth", -1, -1, -1, "f_x(0, y) = -y"),
    (SCHWARZ, "yx", (0, 0), "smooth", 1, 1, 1, "f_y(x, 0) = x"),
    (SCHWARZ, "xx", (0, 0), "smooth", 0, 0, 0, "f(x, 0) = 0"),
    ("hypot(x, y)**2", "xx", (0, 0), "smooth", 2, 2, 2, "x^2 + y^2"),
    ("hypot(x, y)**2", "xy", (0, 0), "smooth", 0, 0, 0, "x^2 + y^2"),
    ("hypot(x, y)", "xx", (0, 0), "outside", 0, 0, None, "|x| along x"),
    ("hypot(x, y)", "xy", (0, 0), "outside", 0, 0, None, "|x| along x; x/r = 0 along y"),
    ("abs(x)*y", "yx", (0, 1), "kink", -1, 1, None, "f_y = |x|"),
    ("abs(x)*y", "xy", (0, 1), "outside", None, None, None, "|x| along x, and on both sides"),
    ("abs(x)*y", "xy", (0, 0), "isolated", None, None, None, "f_x(0, y) exists for y = 0 only"),
    ("abs(x)*y**2", "xy", (1, 3), "smooth", 6, 6, 6, "2y"),
    ("relu(x)**2*y", "xy", (0, 1), "smooth", 0, 0, 0, "f_x(0, y) = 0"),
    ("relu(x)**2*y", "xx", (0, 1), "kink", 0, 2, None, "f_x = 2y relu(x)"),
    ("relu(x*y)", "xy", (0, 1), "outside", None, None, None, "f_x(0, y) does not exist for y != 0"),
    ("max(x, y)", "xy", (1, 1), "outside", 0, 0, None, "a kink along x; f_x is 1 for y < x and 0 for y > x"),
    ("max(x, y)", "xy", (1, 2), "smooth", 0, 0, 0, "y near by"),
    ("where(abs(y) < 1, y**2/2, abs(y) - 1/2)*x", "yx", (2, 1), "smooth", 1, 1, 1, "f_y(x, 1) = x"),
    ("sinc(x*y)", "xy", (0, 0), "smooth", 0, 0, 0, "1 - (pi xy)^2/6 + ..."),
    ("xlogy(x, y)", "xy", (0, 2), "smooth", 0.5, 0.5, 0.5, "f_x = log y"),
    ("xlogy(x, y)", "yx", (0, 2), "smooth", 0.5, 0.5, 0.5, "f_y = x/y"),
    ("atan2(y, x)", "xy", (1, 0), "smooth", -1, -1, -1, "f_x = -y/r^2"),
    ("x**y", "xy", (1, 1), "smooth", 1, 1, 1, "x^(y - 1) (1 + y log x)"),
    ("logaddexp(x, y)", "xy", (0, 0), "smooth", -0.25, -0.25, -0.25, "-s(1 - s)"),
    ("y**1.5*x", "yx", (1, 0), "smooth", 0, 0, 0, "f_y(x, 0) = 0, on the side y > 0"),
    ("where(x > 0, y, 2*y)", "yx", (0, 1), "jump", 0, -inf, None, "f_y is 2 left of 0, and at 0"),
    ("sin(x)*abs(y)", "xy", (0, 0), "kink", -1, 1, None, "f_x = cos(x) |y|"),
]
# fmt: on


@pytest.mark.parametrize(("text", "point", "kind", "left", "right", "derivative", "reason"), ROWS)
def test_along_one_variable(  # noqa: PLR0913, PLR0917  (the columns of the table)
    text: str,
    point: float | str,
    kind: str,
    left: float | None,
    right: float | None,
    derivative: float | None,
    reason: str,
) -> None:
    assert reason
    truth = prove_second(SecondOrder(parse(text), "x"), "x", {"x": exact(point)})
    check(truth, kind, left, right, derivative)


@pytest.mark.parametrize(
    ("text", "names", "point", "kind", "left", "right", "derivative", "reason"), PARTIAL
)
def test_along_two_variables(  # noqa: PLR0913, PLR0917  (the columns of the table)
    text: str,
    names: str,
    point: tuple[float, float],
    kind: str,
    left: float | None,
    right: float | None,
    derivative: float | None,
    reason: str,
) -> None:
    assert reason
    inner, outer = names
    where = {"x": exact(point[0]), "y": exact(point[1])}
    check(
        prove_second(SecondOrder(parse(text), inner), outer, where), kind, left, right, derivative
    )


def exact(point: float | str) -> Real:
    """Return an exact number."""
    number = exact_number(point) if isinstance(point, str) else Real.of(point)
    assert number is not None
    return number


def check(
    truth: Truth, kind: str, left: float | None, right: float | None, derivative: float | None
) -> None:
    """Check a truth against a row of a table."""
    assert truth.kind is Kind.of(kind), truth.detail
    for found, expected in (
        (truth.left, left),
        (truth.right, right),
        (truth.derivative, derivative),
    ):
        if expected is None or math.isinf(expected):
            assert found == expected
        else:
            assert found == pytest.approx(expected, rel=1e-14, abs=0)


DETAILS = [
    ("relu(x)", 0, "f has a kink here: f' is 0 on the left and 1 on the right"),
    ("sin(x)/x", 0, "f is undefined here: a division by zero; the limit of f' is 0"),
    ("sqrt(x)", 0, "the derivative of f is infinite here; f' tends to +inf on the right"),
    ("floor(x)", 1, "f jumps here; the limit of f' is 0"),
    ("x**1.5", 0, "right side only: a fractional power of a negative number"),
    ("max(x**2, 0)", 0, "apparent kink"),
    ("exp(800*x)", 1, "the derivative is 1.74488e353, beyond the largest double"),
]


@pytest.mark.parametrize(("text", "point", "detail"), DETAILS)
def test_details(text: str, point: float, detail: str) -> None:
    truth = prove_second(SecondOrder(parse(text), "x"), "x", {"x": Real.of(point)})
    assert truth.detail == detail


def test_what_a_kink_along_a_side_says() -> None:
    where = {"x": Real.of(0), "y": Real.of(0)}
    truth = prove_second(SecondOrder(parse("abs(x)*y"), "x"), "y", where)
    assert truth.detail == "undefined on both sides: f has kinks along x there"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        # f_x(0, y) = 0 for all y, which the formula for f_x does not show.
        ("sign(x)*x**2*exp(y)", "a switch is zero all along this side"),
        ("polygamma(1, x)*softmax(x, 0)", "softmax"),
    ],
)
def test_is_undecided_with_a_reason(text: str, reason: str) -> None:
    where = {"x": Real.of(0), "y": Real.of(0)}
    truth = prove_second(SecondOrder(parse(text), "x"), "y", where)
    assert truth.kind is Kind.UNDECIDED
    assert reason in truth.detail
