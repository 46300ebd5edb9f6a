"""The chain rule with sympy's rules: what `symbolic` computes, compared with sympy's derivative."""

import dataclasses
import random
import re
import weakref

import numpy as np
import pytest
import sympy as sp

import symdiff
from symdiff import compare
from symdiff.arithmetics.symbolic import expression
from symdiff.engines import sympy_chain, sympy_code, sympy_rules
from symdiff.engines.base import Problem
from symdiff.engines.registry import load
from symdiff.engines.sympy_chain import chain_rule_radius, slopes
from symdiff.engines.sympy_plan import plan
from symdiff.errors import Unsupported
from symdiff.program import parse
from tests import shipped
from tests.catalogue.test_rows import ROWS, texts

COORDINATES = {
    "x": [-2.7, -1.3, -0.25, 0.0, 0.4, 0.9, 1.7],
    "y": [0.3, 2.0, -1.1, 0.5, 1.0, 0.0, 3.0],
    "z": [0.3, -0.4, 1.5, 2.0, 0.7, -1.2, 0.1],
}
UNARY = ("sin({})", "exp({})", "tanh({})", "log(1 + ({})**2)", "sqrt(1 + ({})**2)", "abs({})")
UNARY += ("relu({})", "atan({})", "where({} > 0.2, x, y)", "({})**3", "1/(2 + ({})**2)")
BINARY = ("({} + {})", "({} - {})", "({})*({})", "max({}, {})", "({})/(3 + ({})**2)")


def generated(count, seed=5, depth=4):
    rng = random.Random(seed)  # noqa: S311  (not for cryptography)

    def text(depth):
        if depth == 0:
            return rng.choice(["x", "y", "2", "0.5", "x", "y"])
        if rng.random() < 0.5:
            return rng.choice(UNARY).format(text(depth - 1))
        return rng.choice(BINARY).format(text(depth - 1), text(depth - 1))

    return [text(depth) for _ in range(count)]


def problem(text):
    program = parse(text)
    columns = {name: np.array(COORDINATES[name]) for name in program.inputs}
    return Problem(program, columns, program.inputs)


def differences(at, text):
    """Return where the engine differs from sympy's derivative by more than both may be off."""
    chain, whole = load("symbolic"), load("sympy-whole")
    mine, theirs = chain.differentiate(at), whole.differentiate(at)
    assert mine.unsupported.keys() == theirs.unsupported.keys(), text
    found = []
    for name in set(at.variables) - set(mine.unsupported):
        pairs = zip(mine.derivatives[name], theirs.derivatives[name], strict=True)
        for i, (a, b) in enumerate(pairs):
            if a == b or (np.isnan(a) and np.isnan(b)):
                continue
            allowed = [engine.allowance(at, name, i).radius for engine in (chain, whole)]
            if not abs(a - b) <= sum(allowed):
                found.append((text, name, i, float(a), float(b)))
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_derivative_of_every_function_is_that_of_sympy(row):
    for text in texts(row):
        try:
            load("sympy-whole").differentiate(problem(text))
        except Unsupported as error:
            with pytest.raises(Unsupported, match=re.escape(str(error))):
                load("symbolic").differentiate(problem(text))
            continue
        assert not differences(problem(text), text)


def test_derivatives_of_generated_expressions_are_those_of_sympy():
    assert [d for text in generated(150) for d in differences(problem(text), text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "y**where(x > 0, 2, 3)",  # the derivative by the exponent is NaN where y is negative
        "y**where(x > 0, 2, x)",
        "floor(where(x > 0, 1, 2.5))*x",
        "floor(detach(x))*x + (x % 2)*detach(y)*0",
        "where(floor(x) > 0, x**2, y**3)",  # a condition is not differentiated
        "where(x > 0, floor(x), y**3)",
        "max(where(x > 0, 1, 2), x, y, where(y > 0, 1, x % 2))",
    ],
)
def test_what_the_derivative_does_not_depend_on_is_not_differentiated(text):
    assert not differences(problem(text), text)


@pytest.mark.parametrize(
    "text",
    [
        "floor(x)*x*y",
        "trunc(x) + y*x**2",
        "round(x)*y",
        "heaviside(x, y)*x",
        "where(floor(x) > 1, x**2, y)",
    ],
)
def test_second_derivatives_are_unsupported_where_sympy_has_no_first_one(text):
    engines = ["symbolic", "sympy-whole"]
    at = {"x": [1.25, -2.5], "y": [2.5]}
    found = list(compare(text, at=at, engines=engines, order=2).records())
    chain, whole = (
        [(r["variable"], r["point"], r["verdict"], r["detail"]) for r in found if r["engine"] == e]
        for e in engines
    )
    assert chain == whole


def test_derivatives_of_the_shipped_expressions_are_those_of_sympy():
    # At regular points: within a rounding error of a switch, another branch may be taken.
    compared = 0
    for evidence in (e for stem in shipped.STEMS for e in shipped.report(stem).evidence):
        regular = np.flatnonzero(evidence.grid.roles == 0)
        chosen = regular[:: max(1, len(regular) // 20)]
        for trial in evidence.trials:
            if trial.problem.tensor_problem is None:
                assert not differences(trial.problem.part(chosen), evidence.name)
                compared += len(chosen)
    assert compared > 3000


def test_a_wrong_rule_is_found(monkeypatch):
    right = sympy_rules.compiled

    def wrong(names, parts, **options):
        return right(names, [part.replace(sp.cos, sp.sin) for part in parts], **options)

    monkeypatch.setattr(sympy_rules, "compiled", wrong)
    sympy_rules.code.cache_clear()
    try:
        assert differences(problem("sin(x)*y"), "sin(x)*y")
    finally:
        sympy_rules.code.cache_clear()


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("where(x > 0, sqrt(x), 0)", -1.0, 0.0),  # the branch that is not taken has no number
        ("where(x > 1, x**2, where(x > 0, 3*x, 1))", 0.5, 3.0),
        ("x*log(x)", 5e-324, np.log(5e-324) + 1),  # sympy cancels x*(1/x), which overflows
        ("x**2*log(x)", 2.0, 4 * np.log(2.0) + 2),
        ("(x - 1)**2/y", 1.0, 0.0),  # y is 5e-324
        ("sqrt(x*sinh(y - 5e-324))", 1.0, 0.0),  # sqrt(0)/(2*x), and not 0/sqrt(0)
        ("sqrt(x**2)", 0.0, 0.0),  # sympy reads it as Abs(x)
        ("2**x", 3.0, 8 * np.log(2)),
        ("x**x", 2.0, 4 * (np.log(2) + 1)),
        ("x", 2.0, 1.0),
        ("3", 2.0, 0.0),
        ("relu(x)", 0.0, 0.5),  # Heaviside(0) is 1/2
    ],
)
def test_derivatives_at_a_point(text, x, expected):
    f = expression(parse(text))
    with np.errstate(all="ignore"):
        columns = {"x": np.array([x]), "y": np.array([5e-324])}
        slope = slopes(plan(f, ["x"]), ["x"], columns)["x"]
    assert np.broadcast_to(slope, 1)[0] == pytest.approx(expected, rel=1e-15, abs=0)


@pytest.mark.parametrize("text", ["relu(x) - relu(-x)", "fmax(x, 0) + fmin(x, 0)"])
def test_infinite_terms_of_a_second_derivative_cancel(text):
    (record,) = symdiff.compare(text, at={"x": [0]}, order=2, engines=["symbolic"]).records()
    assert (record["value"], record["verdict"]) == (0.0, "agrees")


def test_a_long_product_has_few_derivatives_a_rule():
    factors = [sp.sin(sp.Symbol("x", real=True) + k) for k in range(20)]
    steps = plan(sp.Mul(*factors), ["x"])
    assert max(len(s.operands) for s in steps.steps) <= 8
    x = np.array([0.3])
    slope = slopes(steps, ["x"], {"x": x})["x"]
    terms = [
        np.cos(x + k) * np.prod([np.sin(x + j) for j in range(20) if j != k]) for k in range(20)
    ]
    assert slope == pytest.approx(sum(terms), rel=1e-13)


@pytest.mark.parametrize("function", [sp.Max, sp.Min])
def test_the_derivative_of_many_operands_is_that_of_sympy_at_ties(function):
    names = ["a", "b", "c", "d"]
    symbols = [sp.Symbol(name, real=True) for name in names]
    f = function(*symbols)
    tied = {"a": [1.0, 2.0, 1.0], "b": [1.0, 2.0, 3.0], "c": [1.0, 0.0, 3.0], "d": [1.0, 2.0, 0.0]}
    columns = {name: np.array(column) for name, column in tied.items()}
    mine = slopes(plan(f, names), names, columns)
    for name, symbol in zip(names, symbols, strict=True):
        sympys = sympy_code.compiled(names, [sp.diff(f, symbol)])(*columns.values())[0]
        assert mine[name].tolist() == sympys.tolist()


def test_a_maximum_of_many_operands_takes_as_many_comparisons(monkeypatch):
    calls = []
    apply = sympy_chain._Arrays.apply
    monkeypatch.setattr(
        sympy_chain._Arrays, "apply", lambda *a, **o: calls.append(a) or apply(*a, **o)
    )

    def applied(count):
        names = [f"v{k}" for k in range(count)]
        f = sp.Max(*(sp.Symbol(name, real=True) for name in names), evaluate=False)
        calls.clear()
        slopes(plan(f, names), names, {name: np.array([1.0]) for name in names})
        return len(calls)

    assert applied(40) == 2 * 39 + 38 + 40  # from both ends, and a derivative by each operand
    assert applied(80) < 2.1 * applied(40)


def test_values_that_no_derivative_needs_are_not_computed():
    steps = plan(expression(parse("log(1 + exp(x))")), ["x"])
    values = dict(zip((str(s.node) for s in steps.steps), steps.with_value, strict=True))
    assert values == {
        "1": True,
        "x": True,
        "exp(x)": True,
        "exp(x) + 1": True,
        "log(exp(x) + 1)": False,
    }


def test_arrays_are_released_after_their_last_use(monkeypatch):
    values, alive = [], []
    apply = sympy_chain._Arrays.apply

    def tracked(self, operation, operands, *, with_value):
        partials, value = apply(self, operation, operands, with_value=with_value)
        if with_value:
            values.append(weakref.ref(value))
        alive.append(sum(value() is not None for value in values))
        return partials, value

    monkeypatch.setattr(sympy_chain._Arrays, "apply", tracked)
    nested = plan(expression(parse("sin(" * 20 + "x" + ")" * 20)), ["x"])
    slopes(nested, ["x"], {"x": np.array([0.5])})
    assert len(alive) == 20
    assert max(alive) <= 2
    kept = dataclasses.replace(nested, last_uses=((),) * len(nested.steps))  # negative control
    with pytest.raises(ValueError, match="too many values"):
        slopes(kept, ["x"], {"x": np.array([0.5])})
    assert max(alive) == 19


def test_sympy_differentiates_each_operation_once_for_all_expressions(monkeypatch):
    differentiated = []
    diff = sp.diff
    monkeypatch.setattr(sp, "diff", lambda *a: differentiated.append(a) or diff(*a))
    sympy_rules.rule.cache_clear()
    for text in ("sin(x)*exp(x)", "exp(sin(x))", "sin(exp(sin(x)))*sin(x)"):
        plan(expression(parse(text)), ["x"])
    assert len(differentiated) == 2  # sin and exp; a product of operands needs no rule
    plan(expression(parse("tan(x)")), ["x"])  # negative control
    assert len(differentiated) == 3


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("1 - tanh(x)**2", 12.0),
        ("(1 - cos(x))/x**2", 1e-5),
        ("sin(x*1e6)*x", 1.0),
        ("sinc(x)", 1e-6),
    ],
)
def test_the_bound_covers_the_rounding_of_the_engine(text, x):
    at = Problem(parse(text), {"x": np.array([x])}, ("x",))
    symbol = sp.Symbol("x", real=True)
    exact = (
        sp.diff(expression(at.program, exact=True), symbol).subs(symbol, sp.Rational(x)).evalf(60)
    )
    steps = plan(expression(at.program), ["x"])
    with np.errstate(all="ignore"):
        computed = np.broadcast_to(slopes(steps, ["x"], at.columns)["x"], 1)[0]
    error = abs(sp.Float(float(computed), 60) - exact)
    radius = chain_rule_radius(steps, "x", at.balls(0))
    assert error <= radius
    assert error > radius * 1e-6  # the bound is not so wide that it would cover anything
