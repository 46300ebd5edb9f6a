"""The engine `gradcheck`: its number is judged by its stencil, and a note says what it would do."""

import pytest
import torch
from torch.autograd.gradcheck import GradcheckError, gradcheck

import symdiff

PASSES = "gradcheck passes"


def judged(function, **given):
    comparison = symdiff.compare(function, engines=["gradcheck"], **given)
    return [(r["value"], r["verdict"], r["detail"] or "") for r in comparison.records()]


class Threefold(torch.autograd.Function):
    """A square whose backward is wrong by a factor."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x * g


@pytest.mark.parametrize(
    ("text", "x", "value", "verdict", "note"),
    [
        ("relu(x)", -1.0, 0.0, "agrees", PASSES),
        ("relu(x)", 0.0, 0.5, "subgradient", "gradcheck raises: numerical 0.5, analytical 0"),
        ("relu(x)", 1e-7, 0.55, "inexact", "gradcheck raises: numerical 0.55, analytical 1"),
        ("relu(x)", -1e-7, 0.45, "inexact", "gradcheck raises: numerical 0.45, analytical 0"),
        ("relu(x)", 2e-6, 1.0, "agrees", PASSES),
        ("abs(x)", 0.0, 0.0, "subgradient", PASSES),
        ("abs(x)", 5e-7, 0.5, "inexact", "gradcheck raises: numerical 0.5, analytical 1"),
        ("abs(x)*x", 0.0, 1e-6, "inexact", PASSES),  # the truth is 0
        ("clamp(x, -1, 1)", 1.0, 0.5, "subgradient", "gradcheck raises: numerical 0.5, analytical"),
        ("sin(x)", 0.5, 0.877582561890, "agrees", PASSES),
        ("sqrt(x)", 1e-7, None, "nonfinite", "gradcheck raises: numerical nan"),
        ("floor(x)", 0.3, 0.0, "agrees", PASSES),
        ("floor(x)", 1.0, 5e5, "silent", "gradcheck raises: numerical 500000, analytical 0"),
    ],
)
def test_the_number_is_what_its_stencil_must_give(text, x, value, verdict, note):
    ((number, word, detail),) = judged(text, at={"x": [x]})
    assert word == verdict
    assert note in detail
    if value is not None:
        assert number == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize("x", [-1.0, 0.0, 1e-7, 3e-7, 0.5])
@pytest.mark.parametrize(
    "function", [torch.relu, torch.abs, lambda x: torch.where(x > 0, x**2, 2 * x), torch.exp]
)
def test_it_says_what_gradcheck_does(function, x):
    leaf = torch.tensor([x], dtype=torch.float64, requires_grad=True)
    try:
        raises, said = not gradcheck(function, (leaf,)), ""
    except GradcheckError as error:
        raises, said = True, str(error)
    names = {torch.relu: "relu(x)", torch.abs: "abs(x)", torch.exp: "exp(x)"}
    text = names.get(function, "where(x > 0, x**2, 2*x)")
    ((number, _, detail),) = judged(text, at={"x": [x]})
    assert ("gradcheck raises" in detail) == raises
    assert (PASSES in detail) == (not raises)
    if raises:
        own = float(said.partition("tensor([[")[2].partition("]]")[0])
        assert number == pytest.approx(own, abs=5e-5)


def test_a_tie_of_four_is_reported_beside_what_gradcheck_says():
    found = judged("amax(x, 0)", values={"x": [1.0, 1, 1, 1]})
    assert {word for _, word, _ in found} == {"not-subgradient"}
    assert all("gradcheck raises: numerical 0.5, analytical 0.25" in d for _, _, d in found)


@pytest.mark.parametrize(
    "given",
    [
        {"expression": Threefold.apply, "at": {"x": [1, 2]}, "math": "x**2"},
        {
            "expression": lambda x: Threefold.apply(x).sum(),
            "values": {"x": [1, 2]},
            "math": "(x**2).sum()",
        },
    ],
    ids=["on a grid", "on a tensor"],
)
def test_a_wrong_backward_is_said_beside_a_right_number(given):
    found = judged(given.pop("expression"), **given)
    assert [(word, detail) for _, word, detail in found] == [
        ("agrees", "gradcheck raises: numerical 2, analytical 3"),
        ("agrees", "gradcheck raises: numerical 4, analytical 6"),
    ]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("x*y**2", {"at": {"x": [0.5, 1], "y": [2, 3]}}),
        ("x @ w", {"values": {"x": [[1, 2], [3, 4]], "w": [[0.5, 1], [2, 0.25]]}}),
        ("x @ w", {"values": {"x": [[1, 2], [3, 4]], "w": [1, 2]}, "cotangent": [1, -2]}),
        ("tanh(x @ w)", {"values": {"x": [[1, 2], [3, 4]], "w": [1, 2]}, "tangent": {"w": [1, 3]}}),
        ("(c*x).sum()", {"values": {"x": [1, 2]}, "at": {"c": [-1, 0.5]}}),
    ],
)
def test_programs_of_all_forms(text, given):
    found = judged(text, **given)
    assert {word for _, word, _ in found} <= {"agrees", "inexact"}
    assert {detail.rpartition("; ")[2] for _, _, detail in found} == {PASSES}


@pytest.mark.parametrize(
    ("text", "given", "reason"),
    [
        ("x*detach(x)", {"at": {"x": [1]}}, "detach: gradcheck moves what is detached too"),
        ("x**2", {"grid": {"x": "0:1:1001"}}, "1001 are more than 1000"),
        ("x.sum()", {"values": {"x": {"data": [1], "dtype": "float32"}}}, "gradcheck has no such"),
    ],
)
def test_what_it_cannot_check_is_unsupported(text, given, reason):
    assert {(word, reason in detail) for _, word, detail in judged(text, **given)} == {
        ("unsupported", True)
    }


def test_a_different_value_is_reported_first():
    found = judged(lambda x: torch.relu(x) + 3, at={"x": [1, 2]}, math="relu(x)")
    assert {word for _, word, _ in found} == {"value"}
