"""The derivative of a program as a program: against jets, against sympy, and at switches."""

import math
import zlib
from collections.abc import Iterator

import flint
import numpy as np
import pytest
import sympy as sp

from symdiff.arithmetics.arrays import evaluate
from symdiff.arithmetics.bounds import jets
from symdiff.arithmetics.bounds.jets import Jet, Strict, TieError
from symdiff.arithmetics.symbolic import expression
from symdiff.catalogue import CATALOGUE, Function
from symdiff.errors import Unsupported
from symdiff.program import Program, parse
from symdiff.program.differentiation import SecondOrder, derivative_program

POINTS = 25  # random points per function and variable
BITS = 200


def texts_of_rows() -> Iterator[str]:
    """Yield an expression for every row on numbers, and its product with the variables."""
    for row in CATALOGUE.values():
        if row.array is None and row.returns == "real" and row.role != "list":
            text = _text_of(row)
            yield text
            yield f"x*y*{text}"


def _text_of(row: Function) -> str:
    if row.operator is not None:
        form = {"u": "{0}x", "x": "x if x > y else y*y"}.get(row.operator[0], "x {0} y")
        return f"({form.format(row.operator.lstrip('u'))})"
    names = iter("xyzw")
    arguments = [
        {"number": "2", "condition": "x > y"}.get(parameter.kind) or next(names)
        for parameter in row.parameters
        if parameter.default is None
    ]
    return f"{row.name}({', '.join(arguments)})"


def rng_of(text: str) -> np.random.Generator:
    """Return a random generator that depends on a text alone."""
    return np.random.default_rng(zlib.crc32(text.encode()))


def jet_of(program: Program, point: dict[str, float], variable: str = "") -> Jet | None:
    """Return the proved jet of a program; None where it is undefined or a switch may be 0."""
    inputs = {
        n: Jet(flint.arb(x), (flint.arb(1),) if n == variable else ()) for n, x in point.items()
    }
    with flint.ctx.workprec(BITS):
        try:
            jet = jets.evaluate(program, inputs, Strict())
        except TieError:
            return None
    return jet if jet is not None and jet.value.is_finite() else None


@pytest.mark.parametrize("text", [*texts_of_rows()])
@pytest.mark.parametrize("side", [None, 0, 1])
def test_equals_the_gradient_in_jets_for_every_row(text: str, side: int | None) -> None:
    program, rng, compared = parse(text), rng_of(text), 0
    for variable in program.inputs:
        derivative = derivative_program(program, variable, side=side)
        assert derivative.inputs == program.inputs
        for _ in range(POINTS):
            point = {name: rng.uniform(-3, 3) for name in program.inputs}
            value, slope = jet_of(program, point, variable), jet_of(derivative, point)
            if value is None:
                assert slope is None, point  # undefined where the program is
                continue
            assert slope is not None, point
            expected = value.gradient[0] if value.gradient else flint.arb(0)
            assert slope.value.overlaps(expected), point
            assert slope.value.rad() < 1e-20
            compared += 1
    assert compared > POINTS / 10


@pytest.mark.parametrize(
    "text",
    [
        "exp(x*y)*sin(x)",
        "gelu(x)*y",
        "sigmoid(x*y)",
        "logaddexp(x,y*y)",
        "atan2(x,y)",
        "x**y",
        "hypot(x,y)**3",
        "softplus(x)/y",
        "tanh(x)*mish(y)",
        "lgamma(x)*erf(y)",
        "xlogy(x,y)",
        "cbrt(x)*y**4",
        "sqrt(x+y)",
        "asin(x/4)*acosh(y+1)",
        "sinc(x)*y",
    ],
)
def test_second_derivatives_equal_those_of_sympy(text: str) -> None:
    program, rng = parse(text), rng_of(text)
    f = expression(program)
    for inner in program.inputs:
        for outer in program.inputs:
            second = sp.diff(f, sp.Symbol(inner, real=True), sp.Symbol(outer, real=True))
            for _ in range(5):
                point = {name: rng.uniform(0.5, 2.5) for name in program.inputs}
                jet = jet_of(derivative_program(program, inner), point, outer)
                assert jet is not None
                values = {sp.Symbol(n, real=True): sp.Float(x, 40) for n, x in point.items()}
                expected = float(sp.N(second.subs(values), 30))
                assert float(jet.gradient[0].mid()) == pytest.approx(expected, rel=1e-13)


def value_at(program: Program, point: dict[str, float]) -> float:
    """Return the value in doubles."""
    return float(evaluate(program, {name: np.array([x]) for name, x in point.items()})[0])


# Expression, point, and its derivative with respect to x, and those on the right and on the left; None:
# undefined.
AT_SWITCHES = [
    ("abs(x)", {"x": 0.0}, None, 1.0, -1.0),
    ("abs(x**2)", {"x": 0.0}, None, 0.0, 0.0),
    ("abs(y)*x", {"x": 3.0, "y": 0.0}, 0.0, 0.0, 0.0),  # the switch does not depend on x
    ("abs(relu(x))", {"x": -1.0}, None, 0.0, 0.0),
    ("relu(x)**2", {"x": 0.0}, None, 0.0, 0.0),
    ("relu(x)", {"x": 0.0}, None, 1.0, 0.0),
    ("max(x, 2*x - x)", {"x": 1.0}, None, 1.0, 1.0),
    ("min(x, 2*x)", {"x": 0.0}, None, 1.0, 2.0),
    ("max(x**2, x**2)", {"x": 1.0}, 2.0, 2.0, 2.0),
    ("max(x, y)", {"x": 1.0, "y": 1.0}, None, 1.0, 0.0),
    ("x*max(x, 1)", {"x": 1.0}, None, 2.0, 1.0),
    # What is compared jumps: the branch is another on one side.
    ("min(where(x < 0, -5, 0), -1)", {"x": 0.0}, None, 0.0, None),
    ("where(where(x < 0, -5, 0) < -1, x, 2*x)", {"x": 0.0}, None, 2.0, None),
    ("sign(sign(x) + 1/2)*x", {"x": 0.0}, None, None, None),
    ("floor(sign(x) + 1/2)*x", {"x": 0.0}, None, None, None),
    ("abs(sign(x) + 2)*x", {"x": 0.0}, None, None, None),
    # It has a kink, and is continuous on both sides.
    ("max(abs(x), 1)", {"x": 0.0}, None, 0.0, 0.0),
    ("where(abs(x) < 1, x, 2*x)", {"x": 0.0}, None, 1.0, 1.0),
    # On one side, equal numbers are compared by their derivatives.
    ("where(x > 0, x**2 + x, 3*x)", {"x": 0.0}, None, 1.0, 3.0),
    ("where(x <= 0, x**2 + x, 3*x)", {"x": 0.0}, None, 3.0, 1.0),
    ("where(x >= 0, 1 + x, x)", {"x": 0.0}, None, 1.0, None),  # jumps on the left
    ("where(x == 0, 0, 2*x)", {"x": 0.0}, None, 2.0, 2.0),
    ("where(x != 0, 2*x, 1)", {"x": 0.0}, None, None, None),
    ("where(x**2 > 0, 2*x, x)", {"x": 0.0}, None, None, None),  # the derivatives are equal too
    ("where(2*x > x and x < 1, 2*x, 5*x)", {"x": 0.0}, None, 2.0, 5.0),
    ("where(not x > 0, 2*x, 5*x)", {"x": 0.0}, None, 5.0, 2.0),
    ("(x > 0).float() + x", {"x": 0.0}, None, None, 1.0),
    ("2*x if x > 0 else -x", {"x": 0.0}, None, 2.0, -1.0),
    ("sign(x)", {"x": 0.0}, None, None, None),
    ("sign(x)", {"x": -2.0}, 0.0, 0.0, 0.0),
    ("floor(x)", {"x": 2.0}, None, None, None),
    ("floor(x)", {"x": 2.5}, 0.0, 0.0, 0.0),
    ("where(x > 1, x**2, 2*x - 1)", {"x": 1.0}, None, 2.0, 2.0),
    ("where(x > 1, x**2, x)", {"x": 1.0}, None, 2.0, 1.0),
    ("where(y > 0, x, -x)", {"x": 1.0, "y": 0.0}, -1.0, -1.0, -1.0),
    ("where(x == 1, 5, x)", {"x": 1.0}, None, None, None),
    ("where(x == 1, 5, x)", {"x": 2.0}, 1.0, 1.0, 1.0),
    ("x if x >= 0 and x <= 1 else 0", {"x": 0.5}, 1.0, 1.0, 1.0),
    ("x if x >= 0 and x <= 1 else 0", {"x": 1.0}, None, None, 1.0),
    ("(x > 0).float()", {"x": 1.0}, 0.0, 0.0, 0.0),
    ("(x > 0).float()", {"x": 0.0}, None, None, 0.0),
    ("x**1.5", {"x": 0.0}, 0.0, 0.0, 0.0),  # at the end of the domain
    ("(-x*x)**1.5", {"x": 0.0}, 0.0, None, None),  # defined at no other point
    ("x**0", {"x": 0.0}, 0.0, 0.0, 0.0),
    ("x**1", {"x": 0.0}, 1.0, 1.0, 1.0),
    ("x**-1", {"x": 2.0}, -0.25, -0.25, -0.25),
    ("x**y", {"x": -2.0, "y": 2.0}, -4.0, -4.0, -4.0),
    ("detach(x)*x", {"x": 3.0}, 3.0, 3.0, 3.0),
    ("x + detach(log(x))", {"x": -1.0}, None, None, None),  # undefined as the expression is
    ("log(x)", {"x": -1.0}, None, None, None),
    ("acosh(x)", {"x": -2.0}, None, None, None),
    ("atanh(x)", {"x": 2.0}, None, None, None),
    ("x + log(y)", {"x": 1.0, "y": -1.0}, None, None, None),
    ("nan_to_num(log(x))", {"x": -1.0}, None, None, None),
    ("hypot(x, y)", {"x": 0.0, "y": 0.0}, None, None, None),
    ("atan2(x, y)", {"x": 0.0, "y": -1.0}, None, None, None),
    ("atan2(x, y)", {"x": 0.0, "y": 1.0}, 1.0, 1.0, 1.0),
    ("sinc(x)*y", {"x": 0.0, "y": 1.0}, 0.0, 0.0, 0.0),
    ("y + 0*x", {"x": 1.0, "y": 1.0}, 0.0, 0.0, 0.0),
    ("y", {"y": 1.0}, 0.0, 0.0, 0.0),
]


@pytest.mark.parametrize(("text", "point", "both", "right", "left"), AT_SWITCHES)
def test_is_undefined_at_switches_and_defined_on_their_sides(
    text: str, point: dict[str, float], both: float | None, right: float | None, left: float | None
) -> None:
    for side, expected in ((0, both), (1, right), (-1, left)):
        value = value_at(derivative_program(parse(text), "x", side=side), point)
        assert (None if math.isnan(value) else -value if side < 0 else value) == expected


def test_nodes_keep_their_places() -> None:
    program = parse("relu(x)*exp(x*y) + softplus(2*x)")
    derivative = derivative_program(program, "x")
    assert derivative.nodes[: len(program.nodes)] == program.nodes
    places = {derivative.place(i) for i, _ in derivative.calls()}
    assert "relu(x) (expr, column 1)" in places
    assert "exp(x*y) (expr, column 9)" in places
    assert places <= {program.place(i) for i, _ in program.calls()}


def test_a_parameter_without_a_derivative_is_unsupported_by_name() -> None:
    with pytest.raises(Unsupported, match="softmax"):
        derivative_program(parse("softmax(x, 0)"), "x")


def test_second_order_names_its_derivative() -> None:
    second = SecondOrder(parse("x**3*y"), "x")
    assert value_at(second.derivative, {"x": 2.0, "y": 5.0}) == 60.0


@pytest.mark.parametrize("order", ["first", "second"])
@pytest.mark.parametrize("text", ["(x > 3)*x**3", "x**2 + (x*y > 3)", "exp((x > y)*x) - (x < 1)"])
def test_a_condition_as_a_number_is_constant_beside_its_switch(text, order):
    # It was taken for a number with the slope 1: "is it the same near by?" is a condition too.
    columns = {"x": np.array([0.5, 4.0, -2.0, 7.5]), "y": np.array([0.25, 2.0, 3.0, 9.0])}
    program = parse(text)
    made = derivative_program(program, "x", side=None if order == "second" else 0)
    slope = sp.diff(expression(program), sp.Symbol("x", real=True))
    if order == "second":
        made = derivative_program(made, "x", side=0)
        slope = sp.diff(slope, sp.Symbol("x", real=True))
    for k in range(4):
        at = {name: columns[name][k : k + 1] for name in program.inputs}
        exact = slope.subs({sp.Symbol(n, real=True): v[0] for n, v in at.items()})
        assert evaluate(made, at)[0] == pytest.approx(float(exact), rel=1e-14)


@pytest.mark.parametrize(("side", "defined"), [(1, False), (-1, True)])
def test_a_condition_as_a_number_has_a_slope_on_the_side_on_which_it_stays(side, defined):
    made = derivative_program(parse("(x > 3) + 2*x"), "x", side=side)
    with np.errstate(invalid="ignore"):
        slope = evaluate(made, {"x": np.array([3.0])})[0]
    assert slope == 2 * side if defined else np.isnan(slope)
