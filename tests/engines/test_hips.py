"""The engine hips: its numbers at kinks, branches, and what HIPS autograd does not have."""

import numpy as np
import pytest

import symdiff
from symdiff.arithmetics.hips_arrays import COLUMNS, HIPS
from symdiff.arithmetics.library_arrays import LibraryArrays
from symdiff.engines import hips as engine


def compare(text, x):
    return symdiff.compare(text, at={"x": x}, engines=["hips"], kinks=False)


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        ("abs(x)", 0.0),
        ("maximum(x, 0)", 0.5),
        ("minimum(x, 2*x)", 1.5),
        ("fmax(x, -x)", 0.0),
        ("clamp(x, 0, 1)", 0.0),  # 0 at both bounds
        ("where(x > 0, x, 2*x)", 2.0),
        ("sqrt(x**2)", np.nan),
        ("sinc(x)", np.nan),
    ],
)
def test_what_it_gives_at_a_kink(text, slope):
    np.testing.assert_equal(compare(text, [0.0]).values("hips").tolist(), [slope])


def test_a_branch_runs_only_where_it_is_taken():
    comparison = compare("sqrt(x) if x > 0 else (x if x < -1 else 3*x)", [-2.0, -1.0, 4.0])
    assert comparison.values("hips").tolist() == [1.0, 3.0, 0.25]
    np.testing.assert_equal(compare("where(x > 0, sqrt(x), x)", [0.0]).values("hips"), [np.nan])


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("relu(x)", "relu"),
        ("x + cbrt(x)", "cbrt"),
        ("gelu(x)", "gelu"),
        ("nan_to_num(x, nan=2)", "nan_to_num"),
        ("clamp(1, x, 2)", "clamp"),
        ("clamp(0.5, min=-1, max=x)", "clamp"),
    ],
)
def test_a_function_that_it_does_not_have_is_unsupported_by_name(text, function):
    comparison = compare(text, [0.25])
    assert comparison.evidence[0].trials[0].samples["hips"].unsupported["x"].function == function
    assert comparison.ok


@pytest.mark.parametrize(
    ("text", "slopes"),
    [("x**2*y + 3", [20.0, 4.0]), ("x*x.detach()*y", [10.0, 4.0]), ("y", [0.0, 1.0])],
)
def test_several_variables_and_detached_parts(text, slopes):
    text = f"{text} + 0*x"
    comparison = symdiff.compare(text, at={"x": [2.0], "y": [5.0]}, engines=["hips"])
    assert [comparison.values("hips", name).item() for name in "xy"] == slopes
    assert comparison.ok


@pytest.mark.parametrize("text", ["3 + 0*x", "floor(x)", "sign(x) + round(x)"])
def test_a_value_that_does_not_depend_on_the_input_has_the_slope_0(text):
    comparison = compare(text, [0.25, 0.3])
    assert comparison.values("hips").tolist() == [0.0, 0.0]
    assert comparison.ok


def test_an_exception_becomes_the_verdict_failed_where_it_is_raised(monkeypatch):
    def raising(x):
        if (HIPS.columns["detach"](x) > 1).any():
            raise RuntimeError("no kernel")
        return COLUMNS["sin"](x)

    columns = {**COLUMNS, "sin": raising}
    monkeypatch.setattr(engine, "HIPS", LibraryArrays("HIPS autograd", HIPS.module, columns))
    words = [str(r["verdict"]) for r in compare("sin(x)", [0.5, 0.75, 2.0]).records()]
    assert words == ["agrees", "agrees", "failed"]


def test_bounds_of_clamp_are_unsupported_alone():
    comparison = symdiff.compare("clamp(x, min=y)", at={"x": [2.0], "y": [1.0]}, engines=["hips"])
    assert [r["verdict"] for r in comparison.records()] == ["agrees", "unsupported"]
