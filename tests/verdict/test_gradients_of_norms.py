"""Gradients of expressions with norms that are zero, judged as a whole."""

import pytest

import symdiff

ZERO, THREE = [0.0, 0.0], [0.0, 0.0, 0.0]
SHORTEST = "the gradient is the shortest in the Clarke set"

# An expression, values, what autograd must be called, and what autograd returns (torch).
NORMS = [
    ("norm(x)", {"x": THREE}, "subgradient"),
    ("-norm(x - y)", {"x": [1, 2], "y": [1, 2]}, "subgradient"),
    ("(norm(x) - 1)**2", {"x": ZERO}, "subgradient"),
    ("norm(x) - x.sum()", {"x": ZERO}, "subgradient"),  # (-1, -1)
    ("std(x)", {"x": [0.5, 0.5, 0.5]}, "subgradient"),
    # torch's mean of three times 0.1 is not 0.1: its gradient is a quotient of rounding errors
    ("std(x)", {"x": [0.1, 0.1, 0.1]}, "undecided"),
    ("std(x, correction=0)*y.sum()", {"x": [2, 2], "y": [1, 3]}, "subgradient"),
    ("norm(x, p=3)", {"x": THREE}, "subgradient"),
    ("norm(x, p=1.5)", {"x": ZERO}, "subgradient"),
    ("norm(x, dim=1).sum()", {"x": [[0, 0], [3, 4]]}, "subgradient"),
    # the distances of all rows, two of which are equal
    (
        "norm(x.unsqueeze(1) - y.unsqueeze(0), dim=2).sum()",
        {"x": [[1, 2], [3, 4]], "y": [[1, 2], [5, 6]]},
        "subgradient",
    ),
    ("norm(w @ x - y)", {"w": [[1, 2], [3, 4]], "x": [1, 1], "y": [3, 7]}, "subgradient"),
    ("norm(x[:2]) + norm(x[1:])", {"x": THREE}, "subgradient"),
    ("max(norm(x), x.sum())", {"x": ZERO}, "subgradient"),
    ("relu(norm(x - y) - x.sum())", {"x": ZERO, "y": ZERO}, "subgradient"),
    ("cosine_similarity(x, y, dim=0)", {"x": ZERO, "y": [1, 2]}, "agrees"),  # x.y/(1e-8*|y|)
    ("normalize(x, dim=0).sum()", {"x": ZERO}, "agrees"),
    ("norm(x)**2", {"x": ZERO}, "agrees"),
    ("norm(x)**3", {"x": ZERO}, "agrees"),
    ("norm(x)*sin(norm(x))", {"x": ZERO}, "agrees"),
    ("sqrt((x*x).sum())", {"x": ZERO}, "nonfinite"),
    ("hypot(x[0], x[1])", {"x": ZERO}, "nonfinite"),
    ("-sqrt(((x - y)**2).sum())", {"x": [1, 2], "y": [1, 2]}, "nonfinite"),
]


@pytest.mark.parametrize(("text", "values", "verdict"), NORMS)
def test_the_gradient_of_a_norm_at_zero_is_decided(text, values, verdict):
    comparison = symdiff.compare(text, values=values, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} <= {verdict, "agrees"}
    assert verdict in {r["verdict"] for r in comparison.records()}


# Asserted gradients of norm(x) - x[0]/2 at 0, whose Clarke set is the disc around (-1/2, 0).
CLAIMS = [
    (("-1/2", "0"), "subgradient"),
    (("1/2", "0"), "subgradient"),  # on the boundary
    (("0.1", "0.8"), "subgradient"),  # on the boundary: 0.6² + 0.8² = 1
    (("0.1", "0.81"), "not-subgradient"),
    (("0.5", "1"), "not-subgradient"),  # each component is between the slopes
]


@pytest.mark.parametrize(("gradient", "verdict"), CLAIMS)
def test_a_claimed_gradient_of_a_norm_is_judged_as_a_whole(gradient, verdict):
    claims = {f"x[{i}]": g for i, g in enumerate(gradient)}
    comparison = symdiff.compare(
        "norm(x) - x[0]/2", values={"x": ZERO}, claims=claims, engines=["autograd"]
    )
    assert {r["verdict"] for r in comparison.records() if r["engine"] == "claim"} == {verdict}


def test_rounding_below_a_root_explains_no_claim():
    comparison = symdiff.compare(
        "std(x)", values={"x": [0.1] * 3}, claims={"x": "0.4*x/x"}, engines=["autograd"]
    )
    verdicts = {r["engine"]: r["verdict"] for r in comparison.records()}
    assert verdicts == {"autograd": "undecided", "claim": "not-subgradient"}


def test_the_shortest_element_is_named():
    details = {
        r["detail"]
        for r in symdiff.compare("norm(x)", values={"x": THREE}, engines=["autograd"]).records()
    }
    assert all(SHORTEST in d for d in details)


def test_the_detail_says_why_a_gradient_is_undecided():
    comparison = symdiff.compare("where(x > 0, y, 0) + abs(x - y)", at={"x": 0, "y": 0})
    details = [r["detail"] for r in comparison.records() if r["verdict"] == "undecided"]
    assert details
    assert all("the branches of a condition are not proved to be equal" in d for d in details)
