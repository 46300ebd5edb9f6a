"""The detail of a wrong claim says how it is wrong."""

import pytest

import symdiff

CLAIMS = [
    # an expression, a claim, the detail
    ("x**3", "-3*x**2", "the sign is flipped"),
    ("sin(x)", "-cos(x)", "the sign is flipped"),
    ("x**3", "x**2", "the factor 3 is missing"),
    ("exp(2*x)", "exp(2*x)", "the factor 2 is missing"),
    ("x**2/2", "2*x", "the factor 0.5 is missing"),
    ("exp(x) + 5*x", "exp(x)", "the term 5 is missing"),
    ("x**2", "2*x + 1", "the term -1 is missing"),
    ("relu(x)**2 + x", "1", "right at 7 of 13 smooth points"),
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
