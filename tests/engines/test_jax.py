"""The engines jax and jax-forward: precision, branches, kinks, and what JAX does not have."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symdiff
from symdiff.arithmetics import jax_arrays
from symdiff.engines import registry
from symdiff.engines.base import Problem
from symdiff.program import parse

ENGINES = ["jax", "jax-forward"]
both = pytest.mark.parametrize("engine", ENGINES)


def numbers(text, x, engine, variable="x"):
    return (
        symdiff.compare(text, at={"x": x}, engines=[engine], kinks=False)
        .values(engine, variable)
        .tolist()
    )


def verdicts(text, at, engine):
    comparison = symdiff.compare(text, at=at, engines=[engine], kinks=False)
    return [str(record["verdict"]) for record in comparison.records()]


@both
def test_it_computes_in_float64_and_leaves_jax_as_it_was(engine):
    before = jnp.sin(2.0).dtype
    assert numbers("sin(x)", [1.0], engine) == [np.cos(1.0)]
    assert jnp.sin(2.0).dtype == before


def test_help_and_listing_load_no_library_of_an_engine():
    code = (
        "import sys; from typer.testing import CliRunner; from symdiff.cli.app import app;"
        "CliRunner().invoke(app, ['--help']); CliRunner().invoke(app, ['engines']);"
        "print([m for m in ('jax', 'autograd', 'casadi', 'numdifftools') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "reverse", "forward"),
    [
        ("relu(x)", 0.0, 0.0),
        ("abs(x)", 1.0, 1.0),
        ("maximum(x, 0)", 0.5, 0.5),
        ("minimum(x, 2*x)", 1.5, 1.5),
        ("clamp(x, 0, 1)", 0.5, 0.5),
        ("sqrt(x**2)", np.nan, np.nan),
        ("where(x > 0, x, 2*x)", 2.0, 2.0),
    ],
)
def test_what_it_gives_at_a_kink(text, reverse, forward):
    np.testing.assert_equal(numbers(text, [0.0], "jax"), [reverse])
    np.testing.assert_equal(numbers(text, [0.0], "jax-forward"), [forward])


@both
def test_a_branch_runs_only_where_it_is_taken(engine):
    assert numbers("sqrt(x) if x > 0 else x", [-1.0, 0.0, 4.0], engine) == [1.0, 1.0, 0.25]
    # In `where` both run. Reverse mode multiplies 0 by inf, as PyTorch does; forward mode selects.
    given = numbers("where(x > 0, sqrt(x), x)", [0.0], engine)
    np.testing.assert_equal(given, [np.nan if engine == "jax" else 1.0])


@both
def test_nested_branches_keep_the_order_of_the_points(engine):
    text = "(x if x > 2 else x**2) if x > 0 else (3*x if x < -1 else 5)"
    x = [-2.0, -0.5, 0.25, 1.0, 3.0, 4.0]
    assert numbers(text, x, engine) == [3.0, 0.0, 0.5, 2.0, 1.0, 1.0]


@both
@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("frac(x)", "frac"),
        ("x + hardshrink(x)", "hardshrink"),
        ("softplus(x, beta=2)", "softplus"),
        ("hardtanh(x, max_val=2)", "hardtanh"),
        ("prelu(x, 0.5)", "prelu"),
    ],
)
def test_a_function_that_jax_does_not_have_is_unsupported_by_name(engine, text, function):
    comparison = symdiff.compare(text, at={"x": [0.25]}, engines=[engine])
    assert comparison.evidence[0].trials[0].samples[engine].unsupported["x"].function == function
    assert comparison.ok


@both
def test_jax_has_a_slope_of_1_for_the_bessel_function_at_0(engine):
    """jax#11479: the derivative of i0 is i1, which is 0 at 0."""
    found = symdiff.compare("i0(x)", at={"x": [0.0, 1.0]}, engines=[engine]).records()
    assert [(r["derivative"], r["value"], str(r["verdict"])) for r in found] == [
        (0.0, 1.0, "wrong"),
        (pytest.approx(0.565159103992485), pytest.approx(0.565159103992485), "agrees"),
    ]


@both
def test_subnormal_numbers_are_0_in_jax_on_a_cpu_and_no_finding(engine):
    assert verdicts("relu(x)", {"x": [-5e-324, 5e-324, 1e-310, 1e-300]}, engine) == [
        "agrees", "inexact", "inexact", "agrees",
    ]  # fmt: skip
    assert verdicts("floor(x)", {"x": [-5e-324]}, engine) == ["agrees"]
    assert verdicts("sqrt(x)", {"x": [5e-324]}, engine) == ["undecided"]


@both
def test_a_wrong_number_next_to_0_is_a_finding(engine, monkeypatch):
    # Negative control: what replaces subnormal numbers does not explain any number.
    planted(monkeypatch, {"relu": lambda x: 5 * x})
    assert verdicts("relu(x)", {"x": [1e-310, 1e-300]}, engine) == ["wrong", "value"]


@both
def test_several_variables_constants_and_detached_parts(engine):
    def gradient(text, **at):
        c = symdiff.compare(text, at={n: [v] for n, v in at.items()}, engines=[engine])
        assert c.ok
        return [c.values(engine, name).item() for name in at]

    assert gradient("x**2*y + 3", x=2.0, y=5.0) == [20.0, 4.0]
    assert gradient("x*x.detach()*y", x=3.0, y=2.0) == [6.0, 9.0]
    assert gradient("0*x + 3", x=1.0) == [0.0]
    assert symdiff.compare("3", engines=[engine]).ok


@both
def test_an_exception_becomes_the_verdict_failed_where_it_is_raised(engine, monkeypatch):
    def raising(x):
        if (np.asarray(jax.lax.stop_gradient(x)) > 1).any():
            raise RuntimeError("no kernel")
        return jnp.sin(x)

    planted(monkeypatch, {"sin": raising})
    assert verdicts("sin(x)", {"x": [0.5, 0.75, 2.0]}, engine) == ["agrees", "agrees", "failed"]


def planted(monkeypatch, columns):
    """Replace columns of JAX."""
    from symdiff.engines import jax as engine

    wrong = jax_arrays.JAX.__class__("JAX", jnp, {**jax_arrays.COLUMNS, **columns})
    monkeypatch.setattr(engine, "JAX", wrong)


@both
def test_tensors_are_differentiated_component_by_component(engine):
    comparison = symdiff.compare("softmax(x, 0)", values={"x": [0.0, 1.0, 2.0]}, engines=[engine])
    assert comparison.ok
    assert {str(r["verdict"]) for r in comparison.records()} == {"agrees"}


def test_it_is_given_arrays_of_any_length():
    x = np.linspace(-1, 1, 1001)
    problem = Problem(parse("tanh(x)"), {"x": x}, ("x",))
    for engine in ENGINES:
        samples = registry.load(engine).differentiate(problem)
        np.testing.assert_allclose(samples.derivatives["x"], 1 - np.tanh(x) ** 2, rtol=1e-14)
        np.testing.assert_allclose(samples.values, np.tanh(x), rtol=1e-14)
