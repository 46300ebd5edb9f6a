"""Numbers of a coarser format agree within a unit in its last place, and units count in it."""

import dataclasses

import flint
import numpy as np
import pytest
import torch

import symdiff
from symdiff.arithmetics.bounds.rounding import slope_radius
from symdiff.engines.autograd import ENGINE as AUTOGRAD
from symdiff.engines.registry import registered
from symdiff.program import parse
from symdiff.program.values import DTYPES


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize(
    ("units", "words"), [(0, {"agrees"}), (3, {"inexact"}), (40, {"wrong", "inaccurate"})]
)
def test_a_number_agrees_with_the_derivative_within_a_unit_of_the_format(dtype, units, words):
    """The derivative of exp at 0.3 is no number of the format, which has two next to it."""
    x = DTYPES[dtype].rounded(np.array([0.3]))
    nearest = DTYPES[dtype].rounded(np.exp(x))
    number = float((nearest + units * DTYPES[dtype].units(nearest))[0])

    class Exponential(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.exp(x)

        @staticmethod
        def backward(ctx, g):
            return g * number

    values = {"x": torch.tensor(x).to(getattr(torch, dtype))}
    report = symdiff.compare(
        lambda x: Exponential.apply(x).sum(),
        values=values,
        math="exp(x).sum()",
        engines=["autograd"],
    )
    (record,) = report.records()
    assert record["verdict"] in words
    assert record["ulps"] == pytest.approx(units, abs=0.5)


# A program, a point, a format, and why no bound below this one holds for its derivative.
BOUNDS = [
    ("clamp(x, -0.7, 0.7)", 0.69921875, "bfloat16", 1, "0.7 is rounded to the point itself"),
    ("clamp(x, -0.7, 0.7)", 0.5, "bfloat16", 0, "0.7 is far away"),
    ("relu(x - 0.1)", float(DTYPES["float32"].rounded(0.1)), "float32", 1, "0.1 is rounded"),
    ("abs(x - pi)", 3.140625, "bfloat16", 2, "pi is rounded to the point itself"),
    ("0.1*x", 1.0, "float16", 2.0**-16, "0.1 is rounded"),
    ("0.1*x", 1.0, "float64", 0, "0.1 is a double"),
    ("atan2(x, 2e-3)", 2e-3, "float16", 1, "the squares are subnormal"),
]


@pytest.mark.parametrize(("text", "x", "dtype", "least", "why"), BOUNDS)
def test_the_rounding_of_literals_is_allowed_for(text, x, dtype, least, why):
    radius = slope_radius(parse(text), "x", {"x": flint.arb(x)}, DTYPES[dtype])
    assert radius >= least, why
    assert radius <= 64 * least or least == 1, why


CUT = "logaddexp(x, log(atan2(x, -y)))"  # at x = 0 defined on the cut of atan2, and right of it


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("engine", ["autograd", "jax"])
def test_a_unit_more_or_less_is_not_wrong_where_rounding_has_no_bound(engine, dtype):
    at = {"x": [0], "y": [0.9609375]}
    report = symdiff.compare(CUT, at=at, engines=[engine], dtype=dtype, order=2)
    (row,) = (r for r in report.records() if r["variable"] == "x,x")
    # mpmath.diff of log(exp(x) + pi - atan(x/0.9609375)) at 0, to 15 digits
    assert row["derivative"] == pytest.approx(0.24135666958273747)
    assert row["verdict"] in {"agrees", "undecided"}


@pytest.mark.parametrize(("off", "words"), [(1, {"undecided", "agrees"}), (200, {"wrong"})])
def test_far_off_is_wrong_where_rounding_has_no_bound(off, words):
    class Planted:
        name, traits = "planted", AUTOGRAD.traits
        estimate_errors, allowance = AUTOGRAD.estimate_errors, AUTOGRAD.allowance

        def differentiate(self, problem):
            samples = AUTOGRAD.differentiate(problem)
            wrong = {n: d * (1 + off * 2.0**-23) for n, d in samples.derivatives.items()}
            return dataclasses.replace(samples, derivatives=wrong)

    at = {"x": [0], "y": [0.9609375]}
    with registered(Planted()):
        report = symdiff.compare(CUT, at=at, engines=["planted"], dtype="float32", order=2)
    assert next(r["verdict"] for r in report.records() if r["variable"] == "x,x") in words


@pytest.mark.parametrize(
    ("text", "engine"), [("sinc(x)**1.5", "autograd"), ("2*sinc(x)**1.5", "jax")]
)
def test_beside_an_edge_that_rounding_misses_a_number_is_undecided(text, engine):
    # sinc(-30) is 0, the end of the domain, and 1e-9 in float32.
    report = symdiff.compare(text, at={"x": [-30]}, engines=[engine], dtype="float32")
    (row,) = report.records()
    assert (row["kind"], row["derivative"], row["verdict"]) == ("edge", 0.0, "undecided")
    assert row["detail"].startswith("no bound on the rounding error in float32")
