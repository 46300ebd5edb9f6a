"""Callables on numpy arrays: values and differences are judged, and autograd has nothing to say."""

import numpy as np
import pytest
import torch

import symdiff

X = np.array([1.5, -2.0, 0.5])


def softplus(x):
    return np.log1p(np.exp(x))


def product(a, b):
    return a * np.sin(b)


def norm(x):
    return np.sqrt((x.astype(float) ** 2).sum())


def mask(x):
    h = x.copy()
    h[h < 0] = 0
    return h


RIGHT = [
    (np.sin, "sin(x)", {"grid": {"x": [0.5, 1]}}),
    (softplus, "softplus(x)", {"grid": {"x": [-1, 0, 1]}}),
    (lambda x: np.where(x > 0, x, 0.0), "relu(x)", {"grid": {"x": "-1:1:3"}}),
    (product, "a*sin(b)", {"grid": {"b": [1, 2], "a": [0.5]}}),
    (norm, "norm(x)", {"values": {"x": X}}),
    (np.linalg.norm, "norm(x)", {"values": {"x": X}}),
    (mask, "relu(x)", {"values": {"x": X}}),
    (lambda a, b: a @ b, "a @ b", {"values": {"a": X, "b": X[::-1].copy()}}),
    (lambda x, c: np.sum(x) * c, "sum(x)*c", {"values": {"x": X}, "at": {"c": [2.0]}}),
    (np.max, "amax(x)", {"values": {"x": X}}),
    (lambda x: float(np.max(x)) * np.ones(1)[0], "amax(x)", {"values": {"x": X}}),
]


def verdicts(comparison, engine):
    return {r["verdict"] for r in comparison.records() if r["engine"] == engine}


@pytest.mark.parametrize(("function", "math", "points"), RIGHT)
def test_values_and_differences_of_a_right_function_pass(function, math, points):
    comparison = symdiff.compare(function, math=math, **points)
    assert comparison.ok
    if function not in {np.linalg.norm, np.max}:  # torch's own methods run under these names
        assert verdicts(comparison, "autograd") <= {"unsupported", "agrees"}
    assert verdicts(comparison, "central") <= {"agrees", "inexact", "subgradient"}


def test_autograd_says_why_it_has_nothing():
    comparison = symdiff.compare(softplus, {"x": [1]}, math="softplus(x)")
    assert verdicts(comparison, "autograd") == {"unsupported"}
    assert "softplus: it computes in numpy, without a gradient" in comparison.table()


@pytest.mark.parametrize(
    ("function", "math", "points"),
    [
        (lambda x: np.sin(x) + 1, "sin(x)", {"grid": {"x": [0.5, 1]}}),
        (np.cos, "sin(x)", {"grid": {"x": [0.5, 1]}}),
        (lambda x: np.sum(x * x) / 2, "sum(x*x)", {"values": {"x": X}}),
        (lambda a, b: a - np.sin(b), "b - sin(a)", {"grid": {"a": [1], "b": [2]}}),
        (lambda x: np.float32(np.sin(x)) * 1.001, "sin(x)", {"grid": {"x": [0.5, 1]}}),
    ],
)
def test_a_wrong_value_is_found(function, math, points):
    comparison = symdiff.compare(function, math=math, **points)
    assert not comparison.ok
    assert "value" in verdicts(comparison, "central")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (np.sin, "sin computes in numpy, which cannot be traced"),
        (softplus, "softplus computes in numpy, which cannot be traced"),
        (norm, "norm computes in numpy, which cannot be traced"),
    ],
)
def test_without_a_formula_it_is_refused_in_one_line(function, message):
    with pytest.raises(symdiff.InputError, match=message):
        symdiff.compare(function, values={"x": X} if function is norm else None)


def test_the_rounding_of_float32_is_no_other_value():
    comparison = symdiff.compare(lambda x: np.float32(np.sin(x)), {"x": [0.5, 1]}, math="sin(x)")
    assert verdicts(comparison, "central") == {"inexact"}


def test_a_function_that_fails_everywhere_keeps_its_own_exception():
    def broken(x):
        raise KeyError("planted")

    with pytest.raises(symdiff.InputError, match="planted") as raised:
        symdiff.compare(broken, {"x": [1]})
    assert isinstance(raised.value.__cause__, KeyError)
    comparison = symdiff.compare(broken, {"x": [1]}, math="x")
    assert verdicts(comparison, "autograd") == {"failed"}
    assert "planted" in comparison.table()


def test_a_function_that_refuses_numbers_fails_there_only():
    def guarded(x):
        if (x < 0).any():
            raise ValueError("negative")
        return np.sqrt(x)

    comparison = symdiff.compare(guarded, {"x": [1, 4]}, math="sqrt(x)")
    assert comparison.ok


def test_torch_functions_are_left_to_torch():
    comparison = symdiff.compare(torch.sin, {"x": [1]}, math="sin(x)")
    assert verdicts(comparison, "autograd") == {"agrees"}
    comparison = symdiff.compare(lambda x: x.square(), {"x": [1]}, math="x**2")
    assert verdicts(comparison, "autograd") == {"agrees"}


def test_large_arrays_are_compared_along_directions():
    comparison = symdiff.compare(
        lambda x: np.log(np.sum(np.exp(x))),
        math="logsumexp(x, dim=0)",
        values={"x": {"shape": [3000], "seed": 1}},
    )
    assert comparison.ok
    assert verdicts(comparison, "autograd") == {"unsupported"}
