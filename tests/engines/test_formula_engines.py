"""complex-step, lambdified-torch and sympy-limit: their numbers, gaps and findings."""

import time

import numpy as np
import pytest
import sympy as sp

import symdiff
from symdiff.arithmetics import complex_arrays
from symdiff.engines import sympy_limit


def compare(text, x, engine):
    return symdiff.compare(text, at={"x": x}, engines=[engine], kinks=False)


def words(comparison):
    return [str(record["verdict"]) for record in comparison.records()]


def gap(comparison, engine):
    return comparison.evidence[0].trials[0].samples[engine].unsupported["x"]


ANALYTIC = [
    ("exp(x)*sin(3*x)", [-1.0, 0.3, 2.0]),
    ("x**3 - 2*x + 1/x", [-2.0, 0.25, 100.0]),
    ("x**(-3) + x**0.5", [0.25, 4.0]),
    ("log(x) + log2(x)*log1p(x)", [1e-3, 2.0]),
    ("asin(x) + acos(x/2) + atanh(x)", [-0.9, 0.0, 0.5]),
    ("tanh(x) + erf(x) + erfc(x)", [-3.0, 0.0, 0.75]),
    ("sigmoid(x)*silu(x)", [-5.0, 0.0, 5.0]),
    ("gelu(x)", [-2.0, 0.0, 1.0]),
    ("sqrt(1 + x**2)*acosh(2 + x)", [-0.5, 1.0]),
]


@pytest.mark.parametrize(("text", "x"), ANALYTIC)
def test_the_complex_step_is_right_to_the_last_digits(text, x):
    assert set(words(compare(text, x, "complex-step"))) == {"agrees"}


@pytest.mark.parametrize(
    ("text", "function", "reason"),
    [
        ("abs(x)", "abs", "it is not analytic"),
        ("x + relu(x)", "maximum", "it is not analytic"),  # in the definition of relu
        ("maximum(x, 1)", "maximum", "it is not analytic"),
        ("floor(x)", "floor", "it is not analytic"),
        ("gamma(x)", "gamma", "it is not analytic"),
        ("logaddexp(x, 1)", None, None),
    ],
)
def test_the_complex_step_says_what_is_not_analytic(text, function, reason):
    comparison = compare(text, [0.25], "complex-step")
    if function is None:
        assert words(comparison) == ["agrees"]
        return
    found = gap(comparison, "complex-step")
    assert found.function == function
    assert found.reason.endswith(reason)


@pytest.mark.parametrize("y", [-3.0, -2.0, 0.0, 1.0, 4.0])
@pytest.mark.parametrize("x", [-2.0, -0.5, 0.5, 3.0])
def test_the_complex_step_of_a_power_of_two_variables(x, y):
    comparison = symdiff.compare(
        "x**y", at={"x": [x], "y": [y]}, wrt=["x"], engines=["complex-step"]
    )
    assert comparison.values("complex-step", "x").item() == pytest.approx(
        y * x ** (y - 1), rel=1e-14
    )


def test_a_complex_step_beside_a_tiny_x_is_undecided_and_a_wrong_column_found(monkeypatch):
    assert words(compare("sqrt(x)", [5e-324], "complex-step")) == ["undecided"]
    columns = {**complex_arrays.COLUMNS, "sin": lambda x: np.sin(x) * (1 + 1e-6)}
    monkeypatch.setattr(complex_arrays, "COLUMNS", columns)
    assert words(compare("sin(x)", [0.5], "complex-step")) == ["wrong"]
    assert words(compare("cos(x)", [0.5], "complex-step")) == ["agrees"]


@pytest.mark.parametrize(
    ("text", "x", "slopes"),
    [
        ("abs(x)", [-1.0, 0.0, 2.0], [-1.0, 0.0, 1.0]),
        ("sqrt(x**2)", [0.0], [0.0]),
        ("max(x, 2*x)", [0.0], [1.5]),
        ("exp(-x**2)*sin(3*x)", [0.0], [3.0]),
        ("0*x + 3", [1.0, 2.0], [0.0, 0.0]),
        ("sign(x)*x**2", [2.0], [4.0]),
    ],
)
def test_lambdified_torch_gives_the_slopes_of_what_sympy_prints(text, x, slopes):
    comparison = compare(text, x, "lambdified-torch")
    assert comparison.values("lambdified-torch").tolist() == slopes
    assert comparison.ok


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # The printer writes torch.max(0, x), but torch.max takes no number: no relu, no clamp.
        ("relu(x)", "TypeError: max() received an invalid combination of arguments"),
        ("clamp(x, max=0.5)", "TypeError: min() received an invalid combination of arguments"),
        # The logarithm of a literal: torch.log(2).
        ("log2(x)", "TypeError: log(): argument 'input' (position 1) must be Tensor, not int"),
        ("gamma(x)", "AttributeError: module 'torch.special' has no attribute 'gamma'"),
    ],
)
def test_what_sympy_prints_for_torch_and_torch_does_not_take_is_a_finding(text, message):
    comparison = compare(text, [0.25], "lambdified-torch")
    assert words(comparison) == ["failed"]
    (record,) = comparison.records()
    assert record["detail"].startswith(message)


@pytest.mark.parametrize(("text", "function"), [("erfc(x)", "erfc"), ("sinc(x) + x", "sinc")])
def test_what_sympy_cannot_print_for_torch_is_unsupported_by_name(text, function):
    comparison = compare(text, [0.25], "lambdified-torch")
    assert gap(comparison, "lambdified-torch").function == function
    assert comparison.ok


SIDES = [
    ("abs(x)", 0.0, -1.0, 1.0),
    ("sqrt(x**2)", 0.0, -1.0, 1.0),
    ("max(x, 2*x)", 0.0, 1.0, 2.0),
    ("x*abs(x)", 0.0, 0.0, 0.0),
    ("exp(x)", 1.0, np.e, np.e),
]


@pytest.mark.parametrize(("text", "x", "left", "right"), SIDES)
def test_sympy_s_limits_from_both_sides(text, x, left, right):
    for engine, slope in (
        ("sympy-limit", right),
        ("sympy-limit:left", left),
        ("sympy-limit:side=right", right),
    ):
        comparison = compare(text, [x], engine)
        assert comparison.values(engine).tolist() == [slope]
        assert comparison.ok


def test_sympy_puts_all_numbers_in_at_once():
    # One after the other, 0/y would be 0 before y is.
    found = symdiff.compare("x/y", at={"x": [0], "y": [0]}, engines=["sympy-limit"], kinks=False)
    assert {str(r["verdict"]) for r in found.records()} == {"undefined"}


def test_what_sympy_cannot_do_is_a_failure_with_its_message():
    (record,) = compare("max(x, 2*x)", [1.0], "sympy-limit:left").records()
    assert str(record["verdict"]) == "failed"
    assert record["detail"].startswith("NotImplementedError")


def test_sympy_is_stopped_after_the_time_limit(monkeypatch):
    def endless(*_):
        while True:
            time.sleep(0.01)

    monkeypatch.setattr(sp, "limit", endless)
    before = time.monotonic()
    comparison = compare("x**2", [1.0, 2.0, 3.0, 4.0], "sympy-limit:seconds=0.2")
    assert time.monotonic() - before < 20
    details = [record["detail"] for record in comparison.records()]
    assert (
        details == ["sympy took more than 0.2 s"] * 2 + ["sympy took more than 0.2 s elsewhere"] * 2
    )


def test_a_wrong_limit_is_found(monkeypatch):
    right = sp.limit
    monkeypatch.setattr(sympy_limit.sp, "limit", lambda *given: right(*given) + 1)
    assert words(compare("x**2", [1.0], "sympy-limit")) == ["wrong"]
