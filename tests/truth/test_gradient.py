"""A gradient proved in reverse mode agrees with a separate proof for each variable."""

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
    """Return the gradient of reverse mode, and its parts that a proof by germs contradicts."""
    partials = smooth_gradient(program, names, point)
    contradicted = []
    for name, partial in partials.items():
        truth = prove(program, name, point)
        same = truth.derivative is not None and (
            truth.derivative == partial or abs(truth.derivative - partial) <= ULP * abs(partial)
        )
        if truth.kind is not Kind.SMOOTH or not same:
            contradicted.append((name, partial, truth))
    return partials, contradicted


# -- single programs

GRADIENTS = [
    # expression, point, gradient
    ("x**2*relu(y)", {"x": 3, "y": 2}, {"x": 12.0, "y": 9.0}),
    ("x*y*z", {"x": 2, "y": 3, "z": 5}, {"x": 15.0, "y": 10.0, "z": 6.0}),
    ("x/y", {"x": 1, "y": -2}, {"x": -0.5, "y": -0.25}),
    ("sin(x*y) + cos(x)", {"x": 0, "y": 2}, {"x": 2.0, "y": 0.0}),
    # an argument that occurs twice
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
    # detach
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
def test_a_gradient_is_the_known_one_and_agrees_with_every_proof(text, point, expected):
    partials, contradicted = contradictions(parse(text), list(point), at(**point))
    assert contradicted == []
    assert set(partials) == set(expected)
    for name, partial in expected.items():
        assert partials[name] == pytest.approx(partial, rel=4e-16, abs=0)


NOT_SMOOTH = [
    # a zero switch
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
    # infinite or one-sided derivatives
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


@pytest.mark.parametrize(("text", "point"), NOT_SMOOTH)
def test_the_gradient_is_empty_where_the_program_may_not_be_smooth(text, point):
    assert smooth_gradient(parse(text), list(point), at(**point)) == {}


def test_a_switch_matters_only_if_it_depends_on_a_requested_variable():
    assert gradient("abs(y) + x", "x", x=1, y=0) == {"x": 1.0}
    assert gradient("abs(y) + x", "y", x=1, y=0) == {}
    assert gradient("sqrt(y)*x**2", "x", x=3, y=0) == {"x": 0.0}
    assert gradient("floor(y)*x", "x", x=3, y=2) == {"x": 2.0}
    assert gradient("x**y", "x", x=-2, y=3) == {"x": 12.0}
    assert gradient("x**2", "", x=3) == {}


def test_points_need_not_be_rational():
    assert gradient("cos(x)*y", "y", x=PI, y=1) == {"y": -1.0}
    assert gradient("x**2", "x", x=PI) == {"x": 2 * math.pi}
    # -sin(pi) is 0, which balls prove only with enough bits
    point, program = at(x=PI, y=1), parse("cos(x) + y")
    assert smooth_gradient(program, ["x", "y"], point) == {"x": 0.0, "y": 1.0}
    assert smooth_gradient(program, ["x", "y"], point, bits=512) == {"y": 1.0}


def test_the_precision_is_raised_where_digits_cancel():
    text, point = "(x + 1e40) - 1e40 + x*((y + 1e200) - 1e200)", {"x": 3, "y": Fraction(1, 7)}
    program = parse(text)
    expected = {"x": 1 + 1 / 7, "y": 3.0}
    assert smooth_gradient(program, ["x", "y"], at(**point)) == pytest.approx(expected, rel=1e-15)
    assert "x" not in smooth_gradient(program, ["x", "y"], at(**point), bits=128)
    assert smooth_gradient(program, ["x", "y"], at(**point), bits=64) == {}


def test_a_network_has_the_gradient_of_its_backward_pass():
    rng = np.random.default_rng(0)
    values = {n: rng.standard_normal(s) for n, s in [("x", (3, 4)), ("w", (4, 5)), ("v", (5,))]}
    components = write_out(parse("(tanh(relu(x @ w) @ v)**2).sum()"),
                        variables({n: a.shape for n, a in values.items()}))  # fmt: skip
    program = components.at(())
    point = {
        f"{n}[{','.join(map(str, multi_index))}]": Real.of(float(a[multi_index]))
        for n, a in values.items()
        for multi_index in np.ndindex(a.shape)
    }
    partials = smooth_gradient(program, list(point), point)
    h = values["x"] @ values["w"]
    out = np.tanh(np.maximum(h, 0) @ values["v"])
    pulled = np.outer(2 * out * (1 - out**2), values["v"]) * (h > 0)
    expected = {"x": pulled @ values["w"].T, "w": values["x"].T @ pulled,
                "v": np.maximum(h, 0).T @ (2 * out * (1 - out**2))}  # fmt: skip
    for name, array in expected.items():
        for multi_index in np.ndindex(array.shape):
            component = f"{name}[{','.join(map(str, multi_index))}]"
            assert partials[component] == pytest.approx(array[multi_index], rel=1e-12, abs=1e-13)


# -- every elementwise function, at points where it may not be smooth

EDGES = [Fraction(n, 2) for n in (-6, -2, 0, 1, 2, 6)]
TEXTS = {
    "polygamma": "polygamma(2, x)*y",
    "bessel_i": "bessel_i(2, x)*y",
    "threshold": "threshold(x, 1, 0)*y",
    "where": "where(x > y, x*y, y**2)",
    "ifelse": "x*y if x < y else y**2",
    "float": "float(x <= y)*x",
}
ELEMENTWISE = [
    name for name, row in CATALOGUE.items() if row.array is None and row.returns == "real"
]


def text_of(name):
    row = CATALOGUE[name]
    needed = [p for p in row.parameters if p.default is None]
    if row.operator in {"+", "-", "*", "/", "//", "%", "**"}:
        return f"x {row.operator} y"
    if row.operator in {"u-", "u+"}:
        return f"{row.operator[1]}x*y"
    return TEXTS.get(name, f"{name}({', '.join('xy'[: len(needed)])})" + "*y")


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_gradient_of_every_function_agrees_with_the_proofs(name):
    program = parse(text_of(name))
    results = [contradictions(program, ["x", "y"], at(x=x, y=y)) for x in EDGES for y in EDGES]
    assert [contradicted for _, contradicted in results if contradicted] == []
    assert any(len(gradient) == 2 for gradient, _ in results)


# -- random programs

SMOOTH = ("{a} + {b}", "{a}*{b}", "{a} - {b}", "{a}/({b}**2 + 1)", "sin({a})", "tanh({a})*{b}",
          "exp(-({a})**2)", "sqrt({a}**2 + 1)", "atan2({a}, {b})", "hypot({a}, {b})", "log(abs({a}) + 1)",
          "where({a} > {b}, {a}, {b}**2)", "max({a}, {b}, x)", "clamp({a}, -1, {b})", "({a}).detach()*{b}",
          "{a} % ({b}**2 + 1)", "sigmoid({a})", "logaddexp({a}, {b})", "sqrt({a})", "log({a})", "{a}**{b}",
          "where({a} > 0, log({a}), {b})", "abs({a})**1.5", "xlogy({a}, {b})", "{a}**3", "floor({a})*{b}",
          "gelu({a})", "1/{a}", "erf({a})", "lgamma({a})", "copysign({a}, {b})")  # fmt: skip


def smooth_text(pick, names, depth):
    """Return the text of a random program that is smooth at most points."""
    if depth == 0:
        return pick((*names, *names, "1", "0.5", "-2"))
    a, b = smooth_text(pick, names, depth - 1), smooth_text(pick, names, pick(range(depth)))
    return "(" + pick(SMOOTH).format(a=a, b=b) + ")"


@functools.cache
def random_cases():
    """Return random programs, each with a point at or near a kink, or anywhere."""
    rng = np.random.default_rng(7)

    def pick(options):
        return options[int(rng.integers(len(options)))]

    cases = []
    while len(cases) < 320:
        names = pick(("xy", "xyz"))
        point = {name: pick(POINTS) for name in names}
        shifted = {
            name: x + pick((0, Fraction(1, 3), Fraction(-1, 5))) for name, x in point.items()
        }
        kind = len(cases) % 4
        if kind == 0:
            text = Bivariate(pick, {n: point[n] for n in "xy"}).text(pick((1, 2, 3)))
        elif kind == 1:
            text = Univariate(pick, point).text(pick((2, 3, 4)))
        else:
            text = smooth_text(pick, names, pick((1, 2, 3)))
        try:
            program = parse(text)
        except ExpressionError:  # a constant that is not a number
            continue
        cases.append((text, program, list(names), at(**pick((point, shifted)))))
    return cases


@functools.cache
def random_results():
    return [(text, *contradictions(*rest)) for text, *rest in random_cases()]


def test_the_gradients_of_random_programs_agree_with_the_proofs():
    results = random_results()
    assert [(text, contradicted) for text, _, contradicted in results if contradicted] == []
    gradients = [gradient for _, gradient, _ in results]
    assert sum(g == {} for g in gradients) > 50
    assert sum(any(slope != 0 for slope in g.values()) for g in gradients) > 100


def test_the_gradient_is_complete_at_points_where_no_switch_is_zero():
    texts = ["x*y + sin(z)", "tanh(x)*y/(1 + z**2)", "relu(x)*y - abs(z)", "logaddexp(x, y)*z"]
    for text in texts:
        assert set(gradient(text, "xyz", x=0.3, y=-0.7, z=1.1)) == set("xyz")


# -- negative controls


def contradicted_cases():
    return sum(bool(contradictions(*rest)[1]) for _, *rest in random_cases()[::3])


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
    partials, contradicted = contradictions(parse(text), ["x", "y"], point)
    assert set(partials) == {"x", "y"} and contradicted == []
    monkeypatch.setattr(module, "CATALOGUE", planted(name, derivative))
    assert contradictions(parse(text), ["x", "y"], point)[1]


def test_a_forgotten_path_is_noticed(monkeypatch):
    real = module._forward

    def forgetful(*arguments):
        partials, value = real(*arguments)
        return {node: pairs[:1] for node, pairs in partials.items()}, value

    monkeypatch.setattr(module, "_forward", forgetful)
    assert contradicted_cases() > 10


def test_an_overlooked_switch_is_noticed(monkeypatch):
    class Careless(module.Strict):
        def sign(self, switch):
            return 1

        def steps(self, argument):
            return None

    monkeypatch.setattr(module, "Strict", Careless)
    assert contradicted_cases() > 10


def test_a_gradient_where_the_value_is_undefined_is_noticed(monkeypatch):
    # log(x) is undefined at -1, so that log(x) + y has no derivative with respect to y either.
    class Anything:
        def is_finite(self):
            return True

    real = module._forward

    def forward(*arguments):
        partials, value = real(*arguments)
        return partials, value if isinstance(value, module.Jet) else module.Jet(Anything())

    monkeypatch.setattr(module, "_forward", forward)
    assert contradictions(parse("log(x) + y"), ["x", "y"], at(x=-1, y=1))[1]
