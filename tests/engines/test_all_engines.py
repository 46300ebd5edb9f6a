"""Every row of the catalogue through every installed engine, against proved values.

Each row is called as users write it, at points where it is smooth and at its kinks. Whatever does
not pass has a line in `FINDINGS`, and docs/engines.md explains it.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symdiff
from symdiff.arithmetics import casadi_expressions, hips_arrays, jax_arrays
from symdiff.arithmetics.library_arrays import LibraryArrays
from symdiff.engines import casadi, hips, registry
from symdiff.engines import jax as jax_engine
from symdiff.program import parse
from symdiff.verdict.words import Verdict
from tests.catalogue.test_rows import ROWS, texts

SLOW = {"sympy-limit", "compiled"}  # seconds for an expression: they have tests of their own
INSTALLED = [name for name in registry.resolve(["all"]) if name not in SLOW]
SMOOTH = {"x": [-1.3, -0.25, 0.4, 0.9, 1.7], "y": [0.3, 2.0], "z": [0.3]}
KINKS = {"x": [-1.0, -0.5, 0.0, 0.5, 1.0], "y": [0.0, 0.5], "z": [0.0]}

NO_TENSOR = dict.fromkeys(
    ["lambdified-torch"], "failed"
)  # sympy prints torch.max(0, x), torch.log(2)
FINDINGS = {
    # By expression and engine, the verdicts that do not pass.
    "x // y": dict.fromkeys(["autograd", "func", "double-backward"], "failed"),
    "x ** y": dict.fromkeys(
        ["symbolic", "sympy-whole", "double-backward", "casadi", "symengine", "jax", "jax-forward"], "nonfinite"
    ),
    "hypot(x, y)": dict.fromkeys(
        ["symbolic", "sympy-whole", "autograd", "forward", "func", "double-backward", "casadi", "symengine", "lambdified-torch", "hips"],
        "nonfinite",
    ),
    "xlogy(x, y)": {
        **dict.fromkeys(["autograd", "forward", "func", "double-backward", "jax", "jax-forward"], "nonfinite"),
        # The formula is 0 where x == 0, and sympy differentiates this branch alone.
        **dict.fromkeys(["symbolic", "sympy-whole", "symengine"], "wrong"), "lambdified-torch": "nonfinite wrong",
    },
    "i0(x)": dict.fromkeys(["jax", "jax-forward"], "wrong"),  # 1 at 0, where i1 is 0
    "sinc(x)": dict.fromkeys(["symbolic", "sympy-whole", "double-backward", "hips"], "nonfinite"),
    "heaviside(x, y)": dict.fromkeys(["autograd", "func", "double-backward", "lambdified-torch"], "failed"),
    "hardsigmoid(x)": {
        "autograd": "wrong", "func": "wrong", "forward": "wrong", "double-backward": "failed", **NO_TENSOR,
    },
    # torch's trigamma has nine digits, and other ones on either side of 0.5.
    "polygamma(1, x)": {"gradcheck": "wrong", **NO_TENSOR},
    **dict.fromkeys(
        [
            "log2(x)", "log10(x)", "gamma(x)", "clamp(x, min=0.5)", "clamp(x, max=0.5)",
            "relu(x)", "relu6(x)", "gelu(x, approximate='tanh')", "hardtanh(x)", "hardtanh(x, min_val=-2)",
            "hardtanh(x, max_val=1.5)", "hardswish(x)",
        ],
        NO_TENSOR,
    ),
}  # fmt: skip


def records(text, points, engines):
    names = parse(text).inputs
    at = {n: points[n][1:4] if len(names) > 1 and n == "x" else points[n] for n in names}
    if names and "x" not in names:
        at = dict.fromkeys(names, points["x"])
    return symdiff.compare(text, at=at, engines=engines, kinks=False).records()


def passes(record):
    leaves = (record["detail"] or "").startswith("the stencil leaves the domain")
    return Verdict.of(str(record["verdict"])).passes or leaves


def found_in(text, engines):
    """Return the verdicts that do not pass, by engine."""
    found = {}
    for points in (SMOOTH, KINKS):
        for record in records(text, points, engines):
            if not passes(record):
                found.setdefault(record["engine"], set()).add(str(record["verdict"]))
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_number_contradicts_a_proved_truth_without_an_explanation(row):
    for text in texts(row):
        expected = FINDINGS.get(text, {})
        assert found_in(text, INSTALLED) == {
            engine: set(words.split()) for engine, words in expected.items()
        }, text


def test_every_finding_is_of_a_call_that_is_tried():
    assert set(FINDINGS) <= {text for row in ROWS for text in texts(row)}


class WrongInOne:
    """An engine whose derivatives are wrong for programs with sin."""

    def __init__(self, engine):
        self.name, self.traits, self._engine = engine.name, engine.traits, engine
        self.estimate_errors, self.allowance = engine.estimate_errors, engine.allowance

    def differentiate(self, problem):
        samples = self._engine.differentiate(problem)
        if all(call.function != "sin" for _, call in problem.program.calls()):
            return samples
        slopes = {name: d + 0.01 for name, d in samples.derivatives.items()}
        return dataclasses.replace(samples, derivatives=slopes)


EVERY = [
    # torch warns of itself while it compiles.
    pytest.param(name, marks=pytest.mark.filterwarnings("ignore")) if name == "compiled" else name
    for name in registry.BUILT_IN
]


@pytest.fixture
def replaced(monkeypatch):
    """Return a function that puts another engine in the place of an engine."""

    def replace(engine, wrong):
        if not registry.listed()[engine].is_installed:
            pytest.skip(f"{engine} is not installed")
        right = registry._loaded
        monkeypatch.setattr(
            registry, "_loaded", lambda name: wrong(right(name)) if name == engine else right(name)
        )

    return replace


@pytest.mark.parametrize("engine", EVERY)
def test_an_engine_that_is_wrong_in_one_function_is_found_there_alone(engine, replaced):
    replaced(engine, WrongInOne)
    x = {"x": [0.25, 1.5]}
    for text in ("sin(x)", "exp(sin(x))"):
        comparison = symdiff.compare(text, at=x, engines=[engine], kinks=False)
        assert {str(r["verdict"]) for r in comparison.records()} <= {"wrong", "inaccurate"}, text
    for text in ("cos(x)", "exp(x)*x**2", "tanh(x)/x"):
        assert symdiff.compare(text, at=x, engines=[engine], kinks=False).ok, text


class WrongValue(WrongInOne):
    """An engine whose values are wrong for programs with sin, and its derivatives right."""

    def differentiate(self, problem):
        samples = self._engine.differentiate(problem)
        assert samples.values is not None
        is_wrong = any(call.function == "sin" for _, call in problem.program.calls())
        return dataclasses.replace(samples, values=samples.values + 0.01 * is_wrong)


@pytest.mark.parametrize("engine", EVERY)
def test_a_value_that_is_wrong_in_one_function_is_found_there_alone(engine, replaced):
    replaced(engine, WrongValue)
    for text, word in (("sin(x)", "value"), ("cos(x) + x/3", None)):
        found = symdiff.compare(text, at={"x": [0.25, 1.5]}, engines=[engine], kinks=False)
        assert found.ok == (word is None)
        for record in found.records():
            assert word is None or record["verdict"] == word
            assert word is None or "the formula's is" in record["detail"]


@pytest.mark.parametrize("engine", ["symbolic", "sympy-whole", "symengine"])
def test_what_a_formula_loses_is_no_other_value(engine, replaced):
    # sqrt(x**2 + 1) overflows in doubles, and hypot does not.
    given = {"at": {"x": [1e200]}, "engines": [engine], "kinks": False}
    (record,) = symdiff.compare("hypot(x, 1)", **given).records()
    assert record["verdict"] == "inaccurate"
    replaced(engine, WrongInOne)  # which does not say how its formula rounds
    (record,) = symdiff.compare("hypot(x, 1)", **given).records()
    assert record["verdict"] == "value"


def library(monkeypatch, engine, columns):
    """Replace columns of a library."""
    if engine == "casadi":
        monkeypatch.setattr(
            casadi_expressions, "COLUMNS", {**casadi_expressions.COLUMNS, **columns}
        )
        casadi._compiled.cache_clear()
        return
    module, known = (hips, hips_arrays.HIPS) if engine == "hips" else (jax_engine, jax_arrays.JAX)
    name = "HIPS" if engine == "hips" else "JAX"
    replaced = LibraryArrays(known.library, known.module, {**known.columns, **columns})
    monkeypatch.setattr(module, name, replaced)


@pytest.mark.parametrize("engine", ["jax", "jax-forward", "hips", "casadi"])
def test_a_column_that_is_wrong_in_one_function_is_found_there_alone(engine, monkeypatch):
    cube = {"tanh": lambda x: x * x * x}
    library(monkeypatch, engine, cube)
    try:
        words = {}
        for row in ("tanh", "sinh", "atan", "exp"):
            comparison = symdiff.compare(
                f"{row}(x)", at={"x": [0.5, 1.5]}, engines=[engine], kinks=False
            )
            words[row] = {str(r["verdict"]) for r in comparison.records()}
    finally:
        casadi._compiled.cache_clear()
    assert words == {"tanh": {"value"}, "sinh": {"agrees"}, "atan": {"agrees"}, "exp": {"agrees"}}


@pytest.mark.parametrize("engine", ["jax", "jax-forward"])
def test_a_right_value_with_a_wrong_derivative_is_found(engine, monkeypatch):
    def sine(x):
        return jnp.sin(x) + (x - jax.lax.stop_gradient(x)) / 8

    library(monkeypatch, engine, {"sin": sine})
    comparison = symdiff.compare("sin(x)", at={"x": [0.5, 1.5]}, engines=[engine], kinks=False)
    assert {str(r["verdict"]) for r in comparison.records()} == {"wrong"}
    np.testing.assert_allclose(comparison.values(engine), np.cos([0.5, 1.5]) + 0.125)
