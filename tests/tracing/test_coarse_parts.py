"""A coarser dtype inside a function of float64: what it explains passes, and its line is named."""

import pytest
import torch

import symdiff

D = torch.float64
X = torch.tensor([0.5, -2 / 3, 1 / 6], dtype=D)  # their sum is 0: all digits of the mean cancel


def mean(x):
    return x * x.float().mean().double()


def centred(x):
    return (x - x.float().mean().double()) ** 2


def variance(x):
    return x * x.float().var().double()


def exponential(x):
    return x * x.float().exp()


def to_half(x):
    return x.half().sin().double() * x


def to_bfloat16(x):
    return x.bfloat16().sin().double() * x


def cancelling(x):
    return (x.float() + 1 - 1).double() * x


def converted(x):
    return x.float().double() ** 2


def converted_to_half(x):
    return x.half().double() ** 3


def rounded_input(x):
    return (x + 25 / 24).bfloat16().double().sin()  # the slope at 1.541 is small


def rounded_twice(x):
    return (3 * x).bfloat16().float().double().sin()


CASES = [
    (converted, "float32"),
    (converted_to_half, "float16"),
    (rounded_input, "bfloat16"),
    (rounded_twice, "bfloat16"),
    (mean, "float32"),
    (centred, "float32"),
    (variance, "float32"),
    (exponential, "float32"),
    (to_half, "float16"),
    (to_bfloat16, "bfloat16"),
    (cancelling, "float32"),
]


@pytest.mark.parametrize(("function", "dtype"), CASES)
def test_what_rounding_explains_is_inexact_and_the_line_is_named(function, dtype):
    comparison = symdiff.compare(function, values={"x": X}, engines=["autograd"])
    verdicts = {r["verdict"] for r in comparison.records()}
    assert verdicts <= {"agrees", "inexact"}
    line = function.__code__.co_firstlineno + 1
    assert any(
        f"test_coarse_parts.py:{line}: " in note and note.endswith(f"computes in {dtype}")
        for note in comparison.program.notes
    )


FORMULAS = [
    (mean, "x*mean(x)"),
    (centred, "(x - mean(x))**2"),
    (variance, "x*var(x)"),
    (exponential, "x*exp(x)"),
]


@pytest.mark.parametrize(("function", "formula"), FORMULAS)
def test_it_explains_the_distance_from_a_formula(function, formula):
    comparison = symdiff.compare(function, values={"x": X}, math=formula, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} <= {"agrees", "inexact"}


@pytest.mark.parametrize(("function", "formula"), FORMULAS)
def test_it_does_not_explain_another_function(function, formula):
    wrong = symdiff.compare(
        lambda x: function(x) + 1e-4, values={"x": X}, math=formula, engines=["autograd"]
    )
    assert {r["verdict"] for r in wrong.records()} == {"value"}


def test_a_function_in_float64_has_no_such_note():
    assert symdiff.trace(lambda x: x * x.mean() * torch.tensor(0.5), X).notes == ()
    assert symdiff.trace(lambda x: x * x.mean(), X.float()).notes == ()


def test_a_slope_that_is_small_near_the_rounded_input_is_inexact():
    """cos(1.541) is 0.0298, and cos of the bfloat16 number 1.5390625 next to it 0.0317."""
    x = torch.tensor([1.541], dtype=D)
    comparison = symdiff.compare(
        lambda x: x.bfloat16().double().sin(), values={"x": x}, engines=["autograd"]
    )
    assert [r["verdict"] for r in comparison.records()] == ["inexact"]
