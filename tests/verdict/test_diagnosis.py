"""The detail of a wrong claim says how it is wrong."""

import numpy as np
import pytest
import torch

import symdiff
from symdiff.verdict.diagnosis import describe_difference

CLAIMS = [
    # an expression, a claim, the detail
    ("x**3", "-3*x**2", "the sign is flipped"),
    ("sin(x)", "-cos(x)", "the sign is flipped"),
    ("x**3", "x**2", "the factor 3 is missing"),
    ("exp(2*x)", "exp(2*x)", "the factor 2 is missing"),
    ("x**2/2", "2*x", "a factor 2 too much"),
    ("exp(x) + 5*x", "exp(x)", "the term 5 is missing"),
    ("x**2", "2*x + 1", "the term -1 is missing"),
    ("relu(x)**2 + x", "1", "right at 7 of 13 smooth points"),
    (
        "sin(x)",
        "cos(x) if x < 1 else 2*cos(x)",
        "a factor 2 too much for x >= 1, at 5 of 13 points",
    ),
    ("sin(x)", "cos(x) if x > 1 else -cos(x)", "the sign is flipped for x <= 1, at 9 of 13 points"),
    (
        "x**3 if x > 0.7 else x**2",
        "3*x**2 if x > 0.7 else x",
        "the factor 2 is missing except where x > 0.7, at 7 of 12 points",
    ),
    ("exp(x)", "x", ""),
]


@pytest.mark.parametrize(("text", "claim", "words"), CLAIMS)
def test_a_wrong_claim_is_explained(text, claim, words):
    comparison = symdiff.compare(text, {"x": "-3:3:13"}, claims={"x": claim}, kinks=False)
    claimed = [r for r in comparison.records() if r["engine"] == "claim"]
    details = {r["detail"] for r in claimed if r["verdict"] == "wrong"}
    assert details == {words or None}


def test_a_right_claim_has_no_detail():
    comparison = symdiff.compare("x**3", {"x": "-3:3:13"}, claims={"x": "3*x**2"})
    assert {r["detail"] for r in comparison.records() if r["engine"] == "claim"} == {None}


def test_a_factor_at_a_single_point_is_not_reported():
    comparison = symdiff.compare("x**3", at={"x": [1]}, claims={"x": "2"}, engines=["autograd"])
    assert [r["detail"] for r in comparison.records() if r["engine"] == "claim"] == [None]


def test_equal_ratios_at_two_points_of_equal_size_are_no_factor():
    request = {"at": {"x": [-8, 8]}, "claims": {"x": "1/(3*x**2)"}, "engines": ["autograd"]}
    records = symdiff.compare("cbrt(x)", **request).records()
    claimed = [r for r in records if r["engine"] == "claim"]
    assert [(r["verdict"], r["detail"]) for r in claimed] == [("wrong", None)] * 2


BETA = 0.5


def smooth_l1(factor, region):
    """Return a smooth L1 loss whose backward pass has a factor too much in a region."""

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.where(x.abs() < BETA, x * x / (2 * BETA), x.abs() - BETA / 2)

        @staticmethod
        def backward(ctx, incoming):
            (x,) = ctx.saved_tensors
            slope = torch.where(x.abs() < BETA, x / BETA, x.sign())
            return incoming * torch.where(region(x), factor * slope, slope)

    return Loss.apply


FORMULA = "x**2 if abs(x) < 0.5 else abs(x) - 0.25"
PLANTED = [
    (2.0, lambda x: x.abs() < BETA, "a factor 2 too much where abs(x) < 0.5, at "),
    (-1.0, lambda x: x.abs() < BETA, "the sign is flipped where abs(x) < 0.5, at "),
    (0.25, lambda x: x.abs() >= BETA, "the factor 4 is missing except where abs(x) < 0.5, at "),
    (2.0, lambda x: x > 1.01, "a factor 2 too much for x >= 1.1, at "),
    (2.0, lambda x: (x > 0.01) & (x < 0.31), "a factor 2 too much for x from 0.1 to 0.3, at "),
    (2.0, lambda x: torch.ones_like(x) > 0, "a factor 2 too much"),
]


@pytest.mark.parametrize(("factor", "region", "words"), PLANTED)
def test_a_fault_in_a_backward_pass_is_explained_by_its_region(factor, region, words):
    function = smooth_l1(factor, region)
    records = symdiff.compare(function, {"x": "-1.9:1.9:39"}, math=FORMULA).records()
    wrong = [r for r in records if r["engine"] == "autograd" and r["verdict"] == "wrong"]
    (detail,) = {r["detail"].removesuffix("; apparent kink") for r in wrong}
    assert detail.startswith(words)
    if words.endswith("at "):
        assert detail[len(words) :].split(" of ")[0].isdigit()


def test_a_wrong_number_at_one_point_is_not_explained_by_a_factor():
    records = symdiff.compare("relu(x) - relu(-x)", {"x": "-1:1:5"}).records()
    (wrong,) = (r for r in records if r["verdict"] == "wrong")
    assert wrong["detail"].startswith("spurious")


def test_a_factor_that_is_shown_as_1_is_not_mentioned():
    true, off = np.array([2.0, 3.0]), np.array([True, True])
    assert describe_difference(true * (1 + 1e-8), true, off, "points") == ""
    assert describe_difference(true * 2, true, off, "points") == "a factor 2 too much"


def test_a_term_that_is_too_small_to_be_shown_is_not_mentioned():
    true = np.array([1.0, 1e-9, 2e-9, -3e-9])
    claimed = np.array([1.0, 2e-9, 7e-9, 1e-9])
    words = describe_difference(claimed, true, claimed != true, "components")
    assert words == "right at 1 of 4 components"
