"""Continuity and differentiability of functions of several variables, decided at a point."""

import pytest

from symdiff.arithmetics.series.reals import ZERO, Real
from symdiff.program import parse
from symdiff.truth import joint, side_germs
from symdiff.truth.clarke import clarke_bounds
from symdiff.truth.exact_points import exact_number
from symdiff.truth.joint import Joint, decide_jointly


def decided(text, **point):
    program = parse(text)
    exact = {name: Real.of(point.get(name, 0)) for name in program.inputs}
    return decide_jointly(program, exact)


def guarded(text):
    return f"where(x**2 + y**2 > 0, {text}, 0)"


# Partial derivatives exist at 0, and there is no derivative. In polar coordinates
# x = r·cos(u), y = r·sin(u) the quotient f/r must tend to a linear function of (cos u, sin u).
WITHOUT_DERIVATIVE = [
    # f = cos(u)·sin(u) for all r: 1/2 on the diagonal, 0 on the axes
    (guarded("x*y/(x**2 + y**2)"), "discontinuous"),
    # 1/2 on y = x², 0 on every line
    (guarded("x**2*y/(x**4 + y**2)"), "discontinuous"),
    # f/r = cos(u)·sin(u), which is not linear
    (guarded("x*y/sqrt(x**2 + y**2)"), "not-differentiable"),
    # f/r = cos³(u): the slope along every line exists; 1/2 on x = y = t, not 1
    (guarded("x**3/(x**2 + y**2)"), "not-differentiable"),
    ("sqrt(abs(x*y))", "not-differentiable"),
    (guarded("x**2*y/(x**2 + y**2)"), "not-differentiable"),
    # relatives: another degree, another curve, a root, a guard in two conditions, a branch
    (guarded("x*y**2/(x**2 + y**4)"), "discontinuous"),
    (guarded("x**3*y/(x**6 + y**2)"), "discontinuous"),
    ("cbrt(x**3 + y**3)", "not-differentiable"),
    ("0 if x == 0 and y == 0 else (x**3 - y**3)/(x**2 + y**2)", "not-differentiable"),
    ("where(y > 0, x, 0)", "not-differentiable"),
    ("where(abs(y) < x**2, x, 0)", "not-differentiable"),
    ("where(x*y == 0, 0, 1)", "discontinuous"),
    ("min(abs(x), abs(y))", "not-differentiable"),
    ("abs(x)**(pi - 3)*abs(y)**(4 - pi)", "not-differentiable"),
    # bounded by abs(x)/2, and f(t, t²)/t = 1/2
    (guarded("x**3*y/(x**4 + y**2)"), "no-derivative"),
]

# The derivative exists at 0; |f(h) - f(0) - g·h| <= C·|h|^p with p > 1 as noted.
WITH_DERIVATIVE = [
    guarded("x**2*y**2/(x**2 + y**2)"),  # p = 2
    guarded("(x**2 + y**2)*sin(1/(x**2 + y**2))"),  # p = 2, gradient not continuous
    "x*abs(y)",  # p = 2
    "abs(x*y)",
    "hypot(x, y)**3",
    "hypot(x, y)**2 + x",
    "(x**2 + y**2)**0.75",  # p = 1.5
    "abs(x + y)**1.5",
    "sqrt(x**4 + y**4)",
    "relu(x)**2*y",
    "cbrt(x)*y",  # p = 4/3
    "hypot(x, y)*sin(hypot(x, y))",
    "relu(x - y) - relu(y - x)",  # x - y
    "where(hypot(x, y) == 0, 1, sin(hypot(x, y))/hypot(x, y))",  # 1 - r²/6
    "where(x == 0, 1, sin(x)/x)*y + x",
    "where(x == 0, 0, x*sin(1/x))*y",
    guarded("x*y*log(x**2 + y**2)"),
    guarded("x*y**2/max(abs(x), abs(y))"),
    "max(x**2, -y**2) + x",
    "hypot(x, y)**sqrt(2)",  # p = 1.41...
    "abs(x)**(pi - 3)*abs(y)",  # p = 1.14...
]

RADIUS = "0 if x == 0 and y == 0 else"

# An oscillation near 0: r = hypot(x, y), and sin(1/r) has no limit along any line.
OSCILLATIONS = [
    # the quotient along x is sin(1/t²)
    (f"{RADIUS} x*sin(1/(x*x + y*y))", "not-differentiable", "the difference quotient oscillates"),
    (f"{RADIUS} (x + y)*cos(1/hypot(x, y))", "not-differentiable", "the difference quotient"),
    (f"{RADIUS} hypot(x, y)*sin(log(x*x + y*y))", "not-differentiable", "the difference quotient"),
    (f"{RADIUS} sqrt(abs(x))*sin(1/(x*x + y*y))", "not-differentiable", "the difference quotient"),
    (f"{RADIUS} x**3/(x*x + y*y)*sin(1/(x*x + y*y))", "not-differentiable", "the difference"),
    # 0 along both axes, sin(1/(2*t²))/2 as quotient along the diagonal
    (f"{RADIUS} x*y**2/(x*x + y*y)*sin(1/(x*x + y*y))", "not-differentiable", "the difference"),
    ("0 if x == 0 else y*sin(1/x)", "not-differentiable", "the difference quotient oscillates"),
    (f"{RADIUS} sin(1/(x*x + y*y))", "discontinuous", "the value oscillates between -1 and 1"),
    (f"{RADIUS} x*y/(x*x + y*y)*sin(1/(x*x + y*y))", "discontinuous", "the value oscillates"),
    ("sin(1/(x*x + y*y))", "no-limit", "the value oscillates between -1 and 1"),
    ("x*sin(1/(x*x + y*y))", "limit", "0"),
    # |f| <= r²
    (f"{RADIUS} (x*x + y*y)*sin(1/(x*x + y*y))", "differentiable", ""),
    (f"{RADIUS} x*y*sin(1/(x*x + y*y))", "differentiable", ""),
    (f"{RADIUS} y + x**2*sin(1/(x*x + y*y))", "differentiable", ""),
]


@pytest.mark.parametrize(("text", "expected", "reason"), OSCILLATIONS)
def test_an_oscillation_excludes_a_derivative_unless_it_is_small(text, expected, reason):
    truth = decided(text)
    assert truth.joint.label == expected
    assert truth.reason.startswith(reason)


@pytest.mark.parametrize(("text", "expected"), WITHOUT_DERIVATIVE)
def test_a_function_with_partial_derivatives_alone_has_no_derivative(text, expected):
    truth = decided(text)
    assert truth.joint.label == expected
    assert "along" in truth.reason


@pytest.mark.parametrize("text", WITH_DERIVATIVE)
def test_a_derivative_is_proved_where_a_switch_is_zero(text):
    assert decided(text).joint is Joint.DIFFERENTIABLE


# An oscillation has no series, so that no slope along a curve is known.
@pytest.mark.parametrize("text", [text for text in WITH_DERIVATIVE if "sin(1/" not in text])
def test_a_sum_with_a_function_without_derivative_has_no_derivative(text):
    assert decided(f"({text}) + sqrt(abs(x*y))").joint is Joint.NOT_DIFFERENTIABLE


@pytest.mark.parametrize(("text", "expected"), WITHOUT_DERIVATIVE)
def test_the_answer_does_not_depend_on_where_the_point_is(text, expected):
    moved = text.replace("x", "(x - 3)").replace("ma(x - 3)", "max").replace("y", "(y + 0.5)")
    assert decided(moved, x=3, y=-0.5).joint.label == expected


LIMITS = [
    # 0 along x, 1/2 along the diagonal
    ("x*y/(x**2 + y**2)", "no-limit"),
    ("x**2*y/(x**4 + y**2)", "no-limit"),
    ("x**2/y", "no-limit"),
    ("x**2*y/(x**2 + y**2)", "limit"),
    ("sin(hypot(x, y))/hypot(x, y)", "limit"),
    ("(x**2 + y**2)*log(x**2 + y**2)", "limit"),
    # defined off the axes only
    ("sin(x*y)/(x*y)", "undefined"),
]


@pytest.mark.parametrize(("text", "expected"), LIMITS)
def test_a_limit_is_one_as_a_function_of_all_variables(text, expected):
    assert decided(text).joint.label == expected


def test_a_smooth_point_beside_a_singular_one_is_differentiable():
    assert decided(WITHOUT_DERIVATIVE[0][0], x=1, y=0).joint is Joint.DIFFERENTIABLE
    assert decided("abs(x)*y", x=0, y=1).reason == "a kink along x"


def test_the_reason_names_the_curve_that_shows_it():
    assert decided(WITHOUT_DERIVATIVE[1][0]).reason == "the limit is 0.5 along (x, y) = (t, t**2)"
    truth = decided("sqrt(abs((x - 2)*y))", x=2)
    assert truth.reason == "the slope is 1 along (x, y) = (2 + t, t), and 0 along x and y"


def test_without_curves_nothing_is_decided_rather_than_guessed(monkeypatch):
    monkeypatch.setattr(joint, "_curves", lambda names: iter(()))
    for text, _ in WITHOUT_DERIVATIVE[:6]:
        assert decided(text).joint in {Joint.CONTINUOUS, Joint.UNDECIDED}


def test_what_no_rule_decides_is_left_open():
    # f lies between -2x² and 2x², so it is differentiable; no rule sees that
    assert decided("abs(y - x**2) - abs(y + x**2)").joint is Joint.CONTINUOUS


def test_a_long_line_names_few_variables():
    names = [f"x{j}" for j in range(9)]
    point = dict.fromkeys(names, 0.25)
    # The slope along the axes is 0, that along the diagonal 1.
    text = f"relu(min({', '.join(f'{n} - 0.25' for n in names)}))"
    truth = decided(text, **point)
    assert truth.joint is Joint.NOT_DIFFERENTIABLE
    assert truth.reason == (
        "the slope is 1 along x0, x1, x2, x3 and 5 more, all moved by t, "
        "and 0 along x0, x1, x2, x3 and 5 more"
    )


# t**i is 1 at (0, 0), and 0 on the half-axis i > 0.
@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("t**i", {"t": 0, "i": 0}, "the limit is 0 along i = s"),
        ("sqrt(abs(t*x))", {"t": 0, "x": 0}, "the slope is 1 along (t, x) = (s, s)"),
        ("sqrt(abs(s*x))", {"s": 0, "x": 0}, "the slope is 1 along (s, x) = (t, t)"),
        ("sqrt(abs(s*t))", {"s": 0, "t": 0}, "the slope is 1 along (s, t) = (u, u)"),
    ],
)
def test_the_parameter_of_a_curve_is_not_named_like_a_variable(text, at, expected):
    assert decided(text, **at).reason.startswith(expected)


# atan2(v, u) is the angle of (u, v), with the gradient (u*dv - v*du)/(u^2 + v^2) off its cut, the
# half-line u <= 0, v = 0. At the cut it jumps by 2*pi.
ANGLES = [
    ("atan2(y, x)", {"x": 0, "y": 1}, "differentiable"),
    ("atan2(y, x)", {"x": 0, "y": -1}, "differentiable"),
    ("atan2(y, x)", {"x": 2, "y": 0}, "differentiable"),
    ("x*atan2(y, x)", {"x": 0, "y": 3}, "differentiable"),
    ("atan2(y - 1, x - 1)", {"x": 1, "y": 2}, "differentiable"),
    ("atan2(exp(y), sin(x))", {"x": 0, "y": 0}, "differentiable"),
    ("atan2(x*y - 2, x + y - 3)", {"x": 1, "y": 2}, "no-limit"),
    # max(x, y) is 1, and the partial derivative with respect to it 0
    ("atan2(max(x, y), x - y)", {"x": 1, "y": 1}, "differentiable"),
    # the partial derivative with respect to |x| is -1
    ("atan2(y, abs(x))", {"x": 0, "y": 1}, "not-differentiable"),
    ("abs(atan2(y, x) - pi/2)", {"x": 0, "y": 1}, "not-differentiable"),
    ("max(x, y) + atan2(1 + abs(x - y), x)", {"x": 0, "y": 0}, "not-differentiable"),
    ("atan2(y, where(x > 0, 1, -1))", {"x": 0, "y": 1}, "discontinuous"),
    ("atan2(y, x)", {"x": -1, "y": 0}, "discontinuous"),
    ("atan2(-y, -x)", {"x": 1, "y": 0}, "discontinuous"),
    ("x*atan2(y, x)", {"x": -1, "y": 0}, "discontinuous"),
    ("atan2(y, x)", {"x": 0, "y": 0}, "no-limit"),
    # From above the cut the angle is continuous: pi - |y|, pi - relu(y), pi - y^2 to second order.
    ("atan2(abs(y), x)", {"x": -1, "y": 0}, "not-differentiable"),
    ("atan2(relu(y), x)", {"x": -1, "y": 0}, "not-differentiable"),
    ("atan2(y*y, x)", {"x": -1, "y": 0}, "differentiable"),
    ("cos(atan2(abs(y), x))", {"x": -1, "y": 0}, "differentiable"),
    ("atan2(-abs(y), x)", {"x": -1, "y": 0}, "discontinuous"),
    ("atan2(y**3, x)", {"x": -1, "y": 0}, "discontinuous"),
    ("atan2(y - abs(y), x)", {"x": -1, "y": 0}, "discontinuous"),
    ("atan2(abs(y), x) + atan2(y, x)", {"x": -1, "y": 0}, "discontinuous"),
    ("atan2(abs(y), x)", {"x": 1, "y": 0}, "not-differentiable"),
]


@pytest.mark.parametrize(("text", "at", "expected"), ANGLES)
def test_an_angle_is_smooth_off_its_cut(text, at, expected):
    assert decided(text, **at).joint.label == expected


# To first order, at the point: pi/2 - |x|, r/2, pi - r/2, pi - |y|, with r = hypot(x, y).
ANGLES_OF_KINKS = [
    ("atan2(y, abs(x))", (0, 1, 0), [0.5, 0, 0], [1.01, 0, 0]),
    ("atan2(hypot(x, y), z)", (0, 0, 2), [0.3, 0.4, 0], [0.4, 0.4, 0]),
    ("atan2(hypot(x, y), z)", (0, 0, -2), [-0.3, 0.4, 0], [-0.4, 0.4, 0]),
    ("atan2(abs(y), x)", (-1, 0, 0), [0, -1, 0], [0, 0, 0.1]),
    # the angle between vectors, without the loss of digits near 1: |sine| and cosine
    ("atan2(abs(x*z - y), x + y*z)", (1, 2, 2), [0.4, -0.2, 0.2], [0.5, -0.2, 0.2]),
    ("atan2(abs(x*z - y), x + y*z)", (-1, -2, 2), [0.4, -0.2, -0.2], [0.4, 0.2, 0.2]),
]


@pytest.mark.parametrize(("text", "at", "inside", "outside"), ANGLES_OF_KINKS)
def test_an_angle_of_kinks_has_the_clarke_set_of_the_chain_rule(text, at, inside, outside):
    point = {name: Real.of(x) for name, x in zip("xyz", at, strict=True)}
    bounds = clarke_bounds(parse(f"{text} + 0*(x + y + z)"), list("xyz"), point)
    assert bounds.exact
    assert bounds.contains(inside, 1e-9) is True
    assert bounds.contains(outside, 1e-9) is False


# At x = 0 the switches gelu(x), sin(x)*cos(y), ... have the sign of ±x. So copysign(u, s) is |u|
# with that sign: for u = x*y at y = -1 it is -x*y.
SIGNS = [
    ("copysign(x*y, gelu(x))", -1, [1, 0], [0, 0]),
    ("copysign(x*y, -x)", 2, [-2, 0], [2, 0]),
    ("copysign(x, x*y)", -1, [-1, 0], [0, 0]),
    ("copysign(x, -x*y) + abs(y)", 2, [-1, 1], [0, 1]),
    ("copysign(x*y, sin(x)*cos(y))", -1, [1, 0], [-1, 0]),
    ("abs(sin(x))*where(tanh(x)*exp(y) > 0, 1, -1)*y", -3, [-3, 0], [3, 0]),
    ("copysign(tanh(x), expm1(x)) - abs(x)*y", 0, [1, 0], [1, 1]),
]


@pytest.mark.parametrize(("text", "y", "gradient", "other"), SIGNS)
def test_switches_that_vanish_together_give_one_gradient(text, y, gradient, other):
    assert decided(text, y=y).joint is Joint.DIFFERENTIABLE
    bounds = clarke_bounds(parse(text), ["x", "y"], {"x": ZERO, "y": Real.of(y)})
    assert bounds.contains(gradient, 1e-9) is True
    assert bounds.contains(other, 1e-9) is False


@pytest.mark.parametrize(
    "text",
    ["x*where(sin(x) > 0, 1, -1)*y", "copysign(x*y, x) + abs(x)", "where(gelu(x) > 0, x, 0)*y"],
)
def test_a_kink_at_such_a_switch_is_one(text):
    assert decided(text, y=-1).joint is Joint.NOT_DIFFERENTIABLE


# Pieces with equal values and equal first derivatives wherever they meet, and relatives with
# a different derivative. The potential of a ball and of a point, a half wave and its tangent, a power
# law and its exponential continuation.
POWER_LAW = "where(h < 2, (1 - h/x)**0.3, ((x - 2)/x)**0.3*exp({rate}*(h - 2)/(x - 2)))"
PIECES = [
    ("where(r < R, (3 - r**2/R**2)/(2*R), 1/r)", {"r": 0.7, "R": 0.7}, "differentiable"),
    ("where(r < R, (3 - r**2/R**2)/(2*R), 1/r)", {"r": -2, "R": -2}, "differentiable"),
    ("where(r < R, r/R**3, 1/r**2)", {"r": 0.7, "R": 0.7}, "not-differentiable"),
    ("where(r < pi*R, sin(r/R), pi - r/R)", {"r": "2*pi", "R": 2}, "differentiable"),
    ("where(r < pi*R, sin(r/R), 2*(pi - r/R))", {"r": "2*pi", "R": 2}, "not-differentiable"),
    (POWER_LAW.format(rate="-0.3"), {"h": 2, "x": 5}, "differentiable"),
    (POWER_LAW.format(rate="-0.31"), {"h": 2, "x": 5}, "not-differentiable"),
    ("where(v < sqrt(u), v**2, 2*sqrt(u)*v - u)", {"v": "sqrt(3)", "u": 3}, "differentiable"),
    ("where(v < sqrt(u), v**2, sqrt(u)*v)", {"v": "sqrt(3)", "u": 3}, "not-differentiable"),
    ("where(v < u, v**2, 2*u*v - u**2) + abs(w)*v", {"v": 3, "u": 3, "w": 0}, "not-differentiable"),
    ("where(v < u, v**2, 2*u*v - u**2) + abs(w)*w", {"v": 3, "u": 3, "w": 0}, "differentiable"),
]


@pytest.mark.parametrize(("text", "at", "expected"), PIECES)
def test_pieces_that_meet_with_equal_derivatives_are_differentiable(text, at, expected):
    program = parse(text)
    point = {name: exact_number(str(at[name])) for name in program.inputs}
    assert decide_jointly(program, point).joint.label == expected


def curves_followed(monkeypatch, text, point):
    """The number of lines and curves along which a program is evaluated."""
    followed = []

    def side(*arguments):
        followed.append(arguments)
        return side_germs.side_along(*arguments)

    with monkeypatch.context() as patches:
        patches.setattr(joint, "side_along", side)
        decide_jointly(parse(text), {name: Real.of(x) for name, x in point.items()})
    return len(followed)


def test_no_curve_is_followed_where_the_clarke_set_answers(monkeypatch):
    text, point = "where(x > 1, x*y, y*(x**2 - x + 1))", {"x": 1, "y": 0.5}
    assert curves_followed(monkeypatch, text, point) == 4  # both ways along both axes
    # Negative control: without the Clarke set all curves are followed.
    with monkeypatch.context() as patches:
        patches.setattr(joint, "_bounds_of_gradients", lambda _: None)
        assert curves_followed(monkeypatch, text, point) > 20
