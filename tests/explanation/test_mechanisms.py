"""How NaNs and infinities come about: the mechanism and its numbers, for relatives of each kind."""

import pytest
import torch

import symdiff

INF, NAN = float("inf"), float("nan")


def doubles(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


class Halved(torch.autograd.Function):
    """x/2, with a backward that divides by x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x / 2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x / x / 2


ZEROS, ONES = doubles(0.0, 0.0), doubles(1.0, 1.0)
MECHANISMS = [
    (torch.sqrt, doubles(0.0), "INFINITE_SLOPE", "sqrt(0) has an infinite slope"),
    (torch.acos, doubles(1.0), "INFINITE_SLOPE", "acos(1) has an infinite slope"),
    (torch.asin, doubles(-1.0), "INFINITE_SLOPE", "asin(-1) has an infinite slope"),
    (torch.acosh, doubles(1.0), "INFINITE_SLOPE", "acosh(1) has an infinite slope"),
    (lambda x: x**0.25, doubles(0.0), "INFINITE_SLOPE", "0**0.25 has an infinite slope"),
    (torch.log, doubles(0.0), "POLE", "log(0) is -inf"),
    (torch.log1p, doubles(-1.0), "POLE", "log1p(-1) is -inf"),
    (torch.atanh, doubles(1.0), "POLE", "atanh(1) is inf"),
    (lambda x: x**-2.0, doubles(0.0), "POLE", "0**(-2) is inf"),
    (lambda x: 3 / x, doubles(0.0), "POLE", "3 / x is 3/0"),
    (torch.rsqrt, doubles(0.0), "POLE", "rsqrt(0) is inf"),
    (lambda x: x / (x - 2 * x), doubles(0.0), "ZERO_BY_ZERO", "is 0/0"),
    (lambda x: torch.exp(x) / torch.exp(x), doubles(800.0), "OVERFLOW", "exp(800) is inf"),
    (lambda x: torch.cosh(x).log(), doubles(800.0), "OVERFLOW", "cosh(800) is inf"),
    (torch.sinh, doubles(800.0), "OVERFLOW", "sinh(800) is inf"),
    (torch.log, doubles(-0.0), "POLE", "log(-0) is -inf"),
    (lambda x: torch.sqrt(x) * x, doubles(-2.0), "DOMAIN", "sqrt(-2) is nan"),
    (torch.acos, doubles(1.5), "DOMAIN", "acos(1.5) is nan"),
    (lambda x: x * x, doubles(NAN, 1.0), "INPUT", "has nan"),
    (lambda x: x * x, doubles(INF, 1.0), "INPUT", "has inf"),
    (lambda x: torch.softmax(x, 0)[0], doubles(-INF, -INF), "MINUS_INFINITY", "softmax of x"),
    (lambda x: torch.logsumexp(x, 0), doubles(-INF, -INF), "MINUS_INFINITY", "logsumexp of x"),
    (lambda x: torch.sqrt(x - x), ONES, "INFINITE_SLOPE", "sqrt(0) has an infinite slope"),
    (lambda x: torch.where(x > 1, torch.log(x), x), ZEROS, "BRANCH", "log(0) is -inf"),
    (lambda x: torch.where(x > 1, torch.acos(x / 2), x), doubles(-2.0), "BRANCH", "acos(-1)"),
    (lambda x: torch.sqrt(x).masked_fill(x < 1, 0.0), ZEROS, "BRANCH", "sqrt(0)"),
    (lambda x: torch.sqrt(x) * 0, ZEROS, "ZERO_TIMES_INFINITY", "the gradient that arrives is 0"),
    (lambda x: torch.sqrt(x).clamp(min=1), ZEROS, "ZERO_TIMES_INFINITY", "sqrt(0)"),
    (Halved.apply, doubles(0.0, 1.0), "CUSTOM", "the backward of Halved"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "x", "mechanism", "reason"),
    MECHANISMS,
    ids=[f"{k}-{case[2]}-{case[3]}" for k, case in enumerate(MECHANISMS)],
)
def test_the_mechanism_is_named_with_its_numbers(function, x, mechanism, reason):
    finding = symdiff.explain(function, x).findings[0]
    assert finding.mechanism.name == mechanism
    assert reason in finding.reason


def test_a_custom_backward_is_told_and_its_truth_proved():
    (finding,) = symdiff.explain(Halved.apply, doubles(0.0, 1.0)).findings
    ((element,),) = (tensor.elements for tensor in finding.tensors)
    assert (element.index, element.truth.derivative) == ((0,), 0.5)
    assert finding.no_remedy == "this backward is your own code"


def test_calls_on_one_line_are_told_apart():
    explanation = symdiff.explain(lambda x: (x.sqrt(), x.log(), 1 / x), doubles(0.0, 1.0))
    assert {(f.operation, f.reason) for f in explanation.findings} == {
        ("sqrt", "sqrt(0) has an infinite slope"),
        ("log", "log(0) is -inf"),
        ("rdiv", "1 / x is 1/0"),
    }


@pytest.mark.parametrize(
    "function",
    [
        torch.sin,
        torch.relu,
        torch.abs,
        lambda x: torch.where(x > 0, x, torch.zeros_like(x)),
        lambda x: torch.where(x > 0, torch.sqrt(torch.where(x > 0, x, 1.0)), 0.0),
        lambda x: x.norm(),
        lambda x: x.std(),
        lambda x: torch.softmax(x, 0)[0],
        lambda x: torch.nn.functional.logsigmoid(1000 * x),
        lambda x: x.prod(),
        lambda x: x.detach().sqrt() + x,
    ],
)
def test_no_mechanism_where_gradients_are_finite_and_right(function):
    assert symdiff.explain(function, doubles(0.0, 0.0)).findings == ()
    assert symdiff.explain(function, doubles(0.0, 2.0)).findings == ()
