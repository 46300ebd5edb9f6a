"""Reverse mode in balls: what it proves of a gradient is what a proof of each variable says."""

import dataclasses
import functools
import math
from fractions import Fraction

import numpy as np
import pytest

from symdiff.arithmetics.components.components import variables, write_out
from symdiff.arithmetics.series.reals import PI, Real
from symdiff.catalogue import CATALOGUE
from symdiff.errors import ExpressionError
from symdiff.program import parse
from symdiff.truth import gradient as module
from symdiff.truth.gradient import smooth_gradient
from symdiff.truth.kinds import Kind
from symdiff.truth.proof import prove
from tests.truth.random_programs import POINTS, Bivariate, Univariate

ULP = 2.0**-52


def at(**coordinates):
    return {n: x if isinstance(x, Real) else Real.of(x) for n, x in coordinates.items()}


def gradient(text, names, **coordinates):
    return smooth_gradient(parse(text), list(names), at(**coordinates))


def contradictions(program, names, point):
    """What is found in reverse and not proved by itself: there must be none."""
    found = smooth_gradient(program, names, point)
    unproved = []
    for name, slope in found.items():
        truth = prove(program, name, point)
        same = truth.derivative is not None and (
            truth.derivative == slope or abs(truth.derivative - slope) <= ULP * abs(slope)
        )
        if truth.kind is not Kind.SMOOTH or not same:
            unproved.append((name, slope, truth))
    return found, unproved


# -- single programs

GRADIENTS = [
    # text, point, what is found
    ("x**2*relu(y)", {"x": 3, "y": 2}, {"x": 12.0, "y": 9.0}),
    ("x*y*z", {"x": 2, "y": 3, "z": 5}, {"x": 15.0, "y": 10.0, "z": 6.0}),
    ("x/y", {"x": 1, "y": -2}, {"x": -0.5, "y": -0.25}),
    ("sin(x*y) + cos(x)", {"x": 0, "y": 2}, {"x": 2.0, "y": 0.0}),
    # an argument that stands twice
    ("x - x", {"x": 1}, {"x": 0.0}),
    ("x - x + y", {"x": 1, "y": 2}, {"x": 0.0, "y": 1.0}),
    ("x + x", {"x": 1}, {"x": 2.0}),
    ("x*x", {"x": 3}, {"x": 6.0}),
    ("x/x", {"x": 3}, {"x": 0.0}),
    ("x**x", {"x": 1}, {"x": 1.0}),
    ("max(x, x)", {"x": 0}, {"x": 1.0}),
    ("min(x*y, x*y)", {"x": 2, "y": 0}, {"x": 0.0, "y": 2.0}),
    ("logaddexp(x, x)", {"x": 1}, {"x": 1.0}),
    ("hypot(x, x)", {"x": Fraction(-1, 2)}, {"x": -math.sqrt(2)}),
    ("relu(x)*relu(x)", {"x": 3}, {"x": 6.0}),
    # branches that are not taken, outside their domain or on a kink
    ("where(x > 0, log(x), 0)", {"x": -1}, {"x": 0.0}),
    ("where(x > 0, x, sqrt(x))", {"x": 4}, {"x": 1.0}),
    ("where(x > 0, y, 1/(x + 1))", {"x": 1, "y": 2}, {"x": 0.0, "y": 1.0}),
    ("log(x) if x > 0 else x*y", {"x": -1, "y": 3}, {"x": 3.0, "y": -1.0}),
    ("where(x < 0, asin(x - 5), y)", {"x": 1, "y": 3}, {"x": 0.0, "y": 1.0}),
    # what is held constant
    ("x.detach()*x", {"x": 3}, {"x": 3.0}),
    ("detach(x) + detach(y)*y", {"x": 3, "y": 2}, {"x": 0.0, "y": 2.0}),
    ("detach(log(y)) + x", {"x": 3, "y": 2}, {"x": 1.0, "y": 0.0}),
    ("abs(detach(x))*y + x", {"x": 0, "y": 2}, {"x": 1.0, "y": 0.0}),
    # conditions and steps
    ("(x > 0)*x**2", {"x": 3}, {"x": 6.0}),
    ("float(x > 0)*y", {"x": 3, "y": 2}, {"x": 0.0, "y": 1.0}),
    ("floor(x)*y", {"x": Fraction(5, 2), "y": 2}, {"x": 0.0, "y": 2.0}),
    ("sign(x)*x + trunc(y)", {"x": -2, "y": Fraction(1, 2)}, {"x": -1.0, "y": 0.0}),
    ("x % y", {"x": 7, "y": 3 + 2**-10}, {"x": 1.0, "y": -2.0}),
    ("where(x > 0 and y < 5, x*y, 0)", {"x": 1, "y": 2}, {"x": 2.0, "y": 1.0}),
    # constants, and variables that do not occur
    ("2", {"x": 1}, {"x": 0.0}),
    ("pi*e", {"x": 1}, {"x": 0.0}),
    ("y**2", {"x": 1, "y": 3}, {"x": 0.0, "y": 6.0}),
    ("0*x + y", {"x": 1, "y": 3}, {"x": 0.0, "y": 1.0}),
    ("where(1 > 2, x, y)", {"x": 1, "y": 3}, {"x": 0.0, "y": 1.0}),
    # large and small
    ("exp(x)*y", {"x": 700, "y": 0}, {"x": 0.0, "y": math.exp(700)}),
    ("exp(x) + y", {"x": -1000, "y": 0}, {"x": 0.0, "y": 1.0}),
    ("x**3*1e-300", {"x": Fraction(1, 10**50)}, {"x": 0.0}),
    ("x**10*y", {"x": 10**20, "y": 1}, {"x": 1e181, "y": 1e200}),
    ("(x + 1e20) - 1e20 + y", {"x": 1, "y": 1}, {"x": 1.0, "y": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "point", "expected"), GRADIENTS)
def test_a_gradient_is_the_one_known_and_every_part_is_proved(text, point, expected):
    found, unproved = contradictions(parse(text), list(point), at(**point))
    assert unproved == []
    assert set(found) == set(expected)
    for name, slope in expected.items():
        assert found[name] == pytest.approx(slope, rel=4e-16, abs=0)


NOTHING = [
    # a switch vanishes
    ("relu(x)", {"x": 0}),
    ("x + relu(y - 2)", {"x": 3, "y": 2}),
    ("abs(x)*0 + y", {"x": 0, "y": 2}),
    ("max(x, y)", {"x": 1, "y": 1}),
    ("max(x*y, y*x)", {"x": 1, "y": 1}),
    ("min(sin(x), 0)", {"x": PI}),
    ("floor(x)", {"x": 2}),
    ("round(x)", {"x": Fraction(5, 2)}),
    ("sign(x - y)", {"x": 2, "y": 2}),
    ("where(x == 1, 1, x**2)", {"x": 1}),
    ("float(x > 0)", {"x": 0}),
    ("x if x > 0 else 2*x", {"x": 0}),
    ("heaviside(x, y)", {"x": 0, "y": 1}),
    ("copysign(x, y)", {"x": 1, "y": 0}),
    ("clamp(x, -1, y)", {"x": 1, "y": 1}),
    # outside the domain, or at its end
    ("log(x)", {"x": -1}),
    ("log(x) + y", {"x": 0, "y": 1}),
    ("sqrt(x)", {"x": -1}),
    ("1/x", {"x": 0}),
    ("y/(x - x)", {"x": 1, "y": 1}),
    ("1/x - 1/x", {"x": 0}),
    ("log(x) - log(x)", {"x": -1}),
    ("(1/x)**0", {"x": 0}),
    ("0*log(x)", {"x": 0}),
    ("asin(x)", {"x": 2}),
    ("gamma(x)", {"x": -1}),
    ("x**0.5", {"x": -1}),
    ("where(x > 0, log(y), 0)", {"x": 1, "y": -1}),
    ("detach(log(y)) + x", {"x": 1, "y": -1}),
    # slopes that are infinite, or one-sided
    ("sqrt(x)", {"x": 0}),
    ("cbrt(x)", {"x": 0}),
    ("x**0.5", {"x": 0}),
    ("x**1.5", {"x": 0}),
    ("asin(x)", {"x": 1}),
    ("acosh(x)", {"x": 1}),
    ("hypot(x, y)", {"x": 0, "y": 0}),
    ("atan2(x, y)", {"x": 0, "y": -1}),
    ("sqrt(x)*y", {"x": 0, "y": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "point"), NOTHING)
def test_nothing_is_found_where_the_program_may_not_be_smooth(text, point):
    assert smooth_gradient(parse(text), list(point), at(**point)) == {}


def test_only_the_variables_that_are_asked_for_move():
    assert gradient("abs(y) + x", "x", x=1, y=0) == {"x": 1.0}
    assert gradient("abs(y) + x", "y", x=1, y=0) == {}
    assert gradient("sqrt(y)*x**2", "x", x=3, y=0) == {"x": 0.0}
    assert gradient("floor(y)*x", "x", x=3, y=2) == {"x": 2.0}
    assert gradient("x**y", "x", x=-2, y=3) == {"x": 12.0}
    assert gradient("x**2", "", x=3) == {}


def test_points_need_not_be_rational():
    assert gradient("cos(x)*y", "y", x=PI, y=1) == {"y": -1.0}
    assert gradient("x**2", "x", x=PI) == {"x": 2 * math.pi}
    # the slope sin(pi) is no double but 0, which few bits do not tell
    point, program = at(x=PI, y=1), parse("cos(x) + y")
    assert smooth_gradient(program, ["x", "y"], point) == {"x": 0.0, "y": 1.0}
    assert smooth_gradient(program, ["x", "y"], point, bits=512) == {"y": 1.0}


def test_more_bits_are_taken_where_digits_cancel():
    text, point = "(x + 1e40) - 1e40 + x*((y + 1e200) - 1e200)", {"x": 3, "y": Fraction(1, 7)}
    program = parse(text)
    expected = {"x": 1 + 1 / 7, "y": 3.0}
    assert smooth_gradient(program, ["x", "y"], at(**point)) == pytest.approx(expected, rel=1e-15)
    assert "x" not in smooth_gradient(program, ["x", "y"], at(**point), bits=128)
    assert smooth_gradient(program, ["x", "y"], at(**point), bits=64) == {}


def test_a_network_has_the_gradient_of_its_backward_pass():
    rng = np.random.default_rng(0)
    values = {n: rng.standard_normal(s) for n, s in [("x", (3, 4)), ("w", (4, 5)), ("v", (5,))]}
    written = write_out(parse("(tanh(relu(x @ w) @ v)**2).sum()"),
                        variables({n: a.shape for n, a in values.items()}))  # fmt: skip
    program = written.at(())
    point = {
        f"{n}[{','.join(map(str, place))}]": Real.of(float(a[place]))
        for n, a in values.items()
        for place in np.ndindex(a.shape)
    }
    found = smooth_gradient(program, list(point), point)
    h = values["x"] @ values["w"]
    out = np.tanh(np.maximum(h, 0) @ values["v"])
    pulled = np.outer(2 * out * (1 - out**2), values["v"]) * (h > 0)
    expected = {"x": pulled @ values["w"].T, "w": values["x"].T @ pulled,
                "v": np.maximum(h, 0).T @ (2 * out * (1 - out**2))}  # fmt: skip
    for name, array in expected.items():
        for place in np.ndindex(array.shape):
            component = f"{name}[{','.join(map(str, place))}]"
            assert found[component] == pytest.approx(array[place], rel=1e-12, abs=1e-13)


# -- every function of numbers, at points where something may happen

EDGES = [Fraction(n, 2) for n in (-6, -2, 0, 1, 2, 6)]
SPELLED = {
    "polygamma": "polygamma(2, x)*y",
    "threshold": "threshold(x, 1, 0)*y",
    "where": "where(x > y, x*y, y**2)",
    "ifelse": "x*y if x < y else y**2",
    "float": "float(x <= y)*x",
}
ELEMENTWISE = [
    name for name, row in CATALOGUE.items() if row.array is None and row.returns == "real"
]


def spelling(name):
    row = CATALOGUE[name]
    needed = [p for p in row.parameters if p.default is None]
    if row.operator in {"+", "-", "*", "/", "//", "%", "**"}:
        return f"x {row.operator} y"
    if row.operator in {"u-", "u+"}:
        return f"{row.operator[1]}x*y"
    return SPELLED.get(name, f"{name}({', '.join('xy'[: len(needed)])})" + "*y")


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_whatever_is_found_of_a_function_is_proved(name):
    program = parse(spelling(name))
    found = [contradictions(program, ["x", "y"], at(x=x, y=y)) for x in EDGES for y in EDGES]
    assert [unproved for _, unproved in found if unproved] == []
    assert any(len(gradient) == 2 for gradient, _ in found)


# -- programs at random

SMOOTH = ("{a} + {b}", "{a}*{b}", "{a} - {b}", "{a}/({b}**2 + 1)", "sin({a})", "tanh({a})*{b}",
          "exp(-({a})**2)", "sqrt({a}**2 + 1)", "atan2({a}, {b})", "hypot({a}, {b})", "log(abs({a}) + 1)",
          "where({a} > {b}, {a}, {b}**2)", "max({a}, {b}, x)", "clamp({a}, -1, {b})", "({a}).detach()*{b}",
          "{a} % ({b}**2 + 1)", "sigmoid({a})", "logaddexp({a}, {b})", "sqrt({a})", "log({a})", "{a}**{b}",
          "where({a} > 0, log({a}), {b})", "abs({a})**1.5", "xlogy({a}, {b})", "{a}**3", "floor({a})*{b}",
          "gelu({a})", "1/{a}", "erf({a})", "lgamma({a})", "copysign({a}, {b})")  # fmt: skip


def smooth_text(pick, names, depth):
    """A program that is smooth at most points."""
    if depth == 0:
        return pick((*names, *names, "1", "0.5", "-2"))
    a, b = smooth_text(pick, names, depth - 1), smooth_text(pick, names, pick(range(depth)))
    return "(" + pick(SMOOTH).format(a=a, b=b) + ")"


@functools.cache
def at_random():
    """Programs and points: on kinks, beside them, and anywhere."""
    rng = np.random.default_rng(7)

    def pick(options):
        return options[int(rng.integers(len(options)))]

    found = []
    while len(found) < 320:
        names = pick(("xy", "xyz"))
        point = {name: pick(POINTS) for name in names}
        moved = {name: x + pick((0, Fraction(1, 3), Fraction(-1, 5))) for name, x in point.items()}
        kind = len(found) % 4
        if kind == 0:
            text = Bivariate(pick, {n: point[n] for n in "xy"}).text(pick((1, 2, 3)))
        elif kind == 1:
            text = Univariate(pick, point).text(pick((2, 3, 4)))
        else:
            text = smooth_text(pick, names, pick((1, 2, 3)))
        try:
            program = parse(text)
        except ExpressionError:  # a constant that is no number
            continue
        found.append((text, program, list(names), at(**pick((point, moved)))))
    return found


@functools.cache
def found_at_random():
    return [(text, *contradictions(*rest)) for text, *rest in at_random()]


def test_whatever_is_found_of_programs_at_random_is_proved():
    found = found_at_random()
    assert [(text, unproved) for text, _, unproved in found if unproved] == []
    gradients = [gradient for _, gradient, _ in found]
    assert sum(g == {} for g in gradients) > 50
    assert sum(any(slope != 0 for slope in g.values()) for g in gradients) > 100


def test_a_point_that_is_smooth_along_every_line_in_sight_is_found():
    # Not only that what is found is right: something is found.
    texts = ["x*y + sin(z)", "tanh(x)*y/(1 + z**2)", "relu(x)*y - abs(z)", "logaddexp(x, y)*z"]
    for text in texts:
        assert set(gradient(text, "xyz", x=0.3, y=-0.7, z=1.1)) == set("xyz")


# -- negative controls


def noticed():
    return sum(bool(contradictions(*rest)[1]) for _, *rest in at_random()[::3])


def planted(name, derivative):
    row = dataclasses.replace(CATALOGUE[name], derivative=derivative)
    return {**CATALOGUE, name: row}


@pytest.mark.parametrize(
    ("name", "derivative", "text"),
    [
        ("sinh", "cosh(x)*(1 + 1e-14)", "sinh(x)*y"),
        ("exp", "-result", "x*exp(y)"),
        ("logaddexp", ("exp(x - result)", "exp(x - result)"), "logaddexp(x, y)"),
        ("hypot", ("y/result", "x/result"), "hypot(x, y)"),
        ("log", "1/(x + 1e-13)", "log(x)*log(y)"),
    ],
)
def test_a_wrong_partial_derivative_is_noticed(monkeypatch, name, derivative, text):
    point = at(x=0.5, y=1.25)
    found, unproved = contradictions(parse(text), ["x", "y"], point)
    assert set(found) == {"x", "y"} and unproved == []
    monkeypatch.setattr(module, "CATALOGUE", planted(name, derivative))
    assert contradictions(parse(text), ["x", "y"], point)[1]


def test_a_path_that_is_forgotten_is_noticed(monkeypatch):
    real = module._forward

    def forgetful(*arguments):
        links, value = real(*arguments)
        return {node: pairs[:1] for node, pairs in links.items()}, value

    monkeypatch.setattr(module, "_forward", forgetful)
    assert noticed() > 10


def test_a_switch_that_is_overlooked_is_noticed(monkeypatch):
    class Careless(module.Strict):
        def sign(self, switch):
            return 1

        def steps(self, argument):
            return None

    monkeypatch.setattr(module, "Strict", Careless)
    assert noticed() > 10


def test_a_gradient_where_the_value_is_unknown_is_noticed(monkeypatch):
    # The value of log(x) at -1 is none: what stands beside it has no derivative either.
    class Anything:
        def is_finite(self):
            return True

    real = module._forward

    def forward(*arguments):
        links, value = real(*arguments)
        return links, value if isinstance(value, module.Jet) else module.Jet(Anything())

    monkeypatch.setattr(module, "_forward", forward)
    assert contradictions(parse("log(x) + y"), ["x", "y"], at(x=-1, y=1))[1]
