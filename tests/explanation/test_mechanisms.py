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
    (lambda x: torch.tensor(-1.0) ** x, doubles(2.0), "DOMAIN", "(-1)**2 has no derivative with respect to x"),
    (lambda x: torch.tensor(-2.0) ** x, doubles(3.0), "DOMAIN", "(-2)**3 has no derivative with respect to x"),
    (lambda x: torch.hypot(x, x), doubles(0.0), "ZERO_BY_ZERO", "hypot(0, 0)"),
    (lambda x: torch.xlogy(x, x), doubles(0.0), "ZERO_BY_ZERO", "xlogy(0, 0)"),
    (lambda x: torch.logdet(x.expand(2, 2)), doubles(1.0), "POLE", "logdet of this matrix is inf"),
    (lambda x: torch.logdet(torch.outer(x, x)), doubles(1.0, 2.0), "POLE", "logdet of this matrix"),
    (lambda x: torch.logdet(torch.diag(x)), ZEROS, "POLE", "logdet of this matrix is infinite"),
    (lambda x: torch.logdet(torch.diag(x)), doubles(-1.0, 1.0), "DOMAIN", "logdet of this matrix"),
    (lambda x: x.sum(), doubles(1e308, 1e308), "OVERFLOW", "sum is inf"),
    (lambda x: x[x > 5].mean(), ONES, "ZERO_BY_ZERO", "mean of no numbers"),
    (lambda x: x * (x.log() - (2 * x).log()), ZEROS, "POLE", "log(0) is -inf"),
    (lambda x: torch.softmax(torch.log(x), 0)[0], ZEROS, "POLE", "log(0) is -inf"),
    (lambda x: torch.exp(x - x.max()).sum(), doubles(-INF, -INF), "MINUS_INFINITY", "subtract of x"),
    (lambda t: torch.nn.functional.binary_cross_entropy(1 - t, t), doubles(0.0, 1.0), "POLE", "binary_cross_entropy takes the logarithm of 0"),
    (lambda p: torch.nn.functional.kl_div(p + 1, p, reduction="sum"), doubles(0.0, 0.5), "POLE", "kl_div takes the logarithm of 0"),
    (lambda x: torch.linalg.eigh(torch.diag(x))[1].sum(), ONES, "POLE", "linalg_eigh divides by the difference of two equal numbers"),
    (lambda x: torch.linalg.svd(torch.diag(x))[0].sum(), ONES, "POLE", "linalg_svd divides by the difference of two equal numbers"),
    (torch.acos, torch.ones(1), "INFINITE_SLOPE", "acos(1) has an infinite slope"),
    (lambda x: (1 - x) ** 0.3, torch.ones(1), "INFINITE_SLOPE", "0**0.3 has an infinite slope"),
    (lambda x: 1 / x, torch.full((1,), 1e-30), "OVERFLOW", "derivative of 1/1e-30 overflows in float32"),
    (lambda x: x * x, doubles(300.0).half(), "OVERFLOW", "300*300 is inf in float16"),
    (torch.acos, doubles(1.0000000000000002), "DOMAIN", "acos(1.0000000000000002) is nan"),
    (torch.log, doubles(5e-324), "OVERFLOW", "the derivative of log(4.94066e-324) overflows"),
    (
        lambda x: torch.nn.functional.layer_norm(x.outer(x) + 1, (2,), eps=0.0).square(),
        doubles(0.0, 1.0), "EQUAL_NUMBERS", "layer_norm of numbers that are all equal",
    ),
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


MASKED_ROW = torch.tensor([[True, True], [False, True]])


@pytest.mark.parametrize(
    "function",
    [
        lambda x, m: torch.softmax(x.masked_fill(m, -INF), -1).sum(),
        lambda x, m: torch.softmax(torch.where(m, -INF, x), -1),
        lambda x, m: torch.log_softmax(x.masked_fill(m, -INF), -1).exp(),
        lambda x, m: torch.softmax((x @ x.T).masked_fill(m, -INF), -1) @ x,
        lambda x, m: torch.softmax(x.repeat(20, 20).masked_fill(m.repeat(20, 20), -INF), -1).sum(),
    ],
)
def test_a_row_that_the_mask_leaves_empty_is_named(function):
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    (finding,) = symdiff.explain(function, x, MASKED_ROW).findings
    assert finding.mechanism.name == "MINUS_INFINITY"


def test_a_row_that_the_mask_leaves_empty_is_named_inside_attention():
    attention = torch.nn.MultiheadAttention(4, 2, batch_first=True).double()
    x = torch.ones(2, 2, 4, dtype=torch.float64)
    mask = torch.tensor([[True, True], [False, False]])
    (finding,) = symdiff.explain(attention, x, x, x, key_padding_mask=mask).findings
    assert finding.mechanism.name == "MINUS_INFINITY"
    assert str(finding).count("does not treat elements alike") == len(finding.tensors)


def test_a_mask_among_the_inputs_is_taken_as_it_is():
    mask = torch.tensor([True, False])
    (finding,) = symdiff.explain(
        lambda x, m: torch.where(m, x.log(), 0.0), doubles(1.0, 0.0), mask
    ).findings
    assert finding.mechanism.name == "BRANCH"
    assert finding.tensors[0].elements[0].truth.derivative == 0
    assert finding.remedies[0].write == "log(torch.where(m, x, 1))"


def test_a_value_of_a_large_function_is_reported_with_its_number():
    x = torch.ones(100_000, dtype=torch.float64)
    x[7] = -0.5
    (finding,) = symdiff.explain(lambda x: torch.where(x < 0, x.log(), x).sum(), x).findings
    assert (finding.mechanism.name, finding.reason) == (
        "DOMAIN",
        "log(-0.5) is nan; 1 of 1 values are not finite",
    )


@pytest.mark.filterwarnings("ignore:std")
@pytest.mark.parametrize("shape", [(1,), (1, 3), (1, 1)])
def test_the_spread_of_one_number_is_named(shape):
    x = torch.ones(shape, dtype=torch.float64)
    (finding,) = symdiff.explain(lambda x: x.std(0).sum(), x).findings
    assert (finding.mechanism.name, finding.reason) == (
        "ZERO_BY_ZERO",
        f"std of too few numbers: the shape is {shape}",
    )


class Root(torch.autograd.Function):
    """The root of |x|, whose backward multiplies infinity by 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs().sqrt()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x.sign() / x.abs().sqrt() / 2


def test_a_custom_backward_is_not_blamed_on_a_call_of_its_forward():
    (finding,) = symdiff.explain(lambda x: Root.apply(x) * x, doubles(0.0, 1.0)).findings
    assert finding.mechanism.name == "CUSTOM"
    assert finding.tensors[0].elements[0].truth.derivative == 0
    assert finding.no_remedy == "this backward is your own code"


def test_elements_are_not_blamed_on_others():
    def powers(x):
        h = torch.ones_like(x)
        for _ in range(4):
            h = h * torch.exp(x * 100)
        return torch.log(h).sum()

    x = torch.ones(100, dtype=torch.float64)
    x[3], x[50] = 3, -3
    pole, overflow = symdiff.explain(powers, x).findings
    assert (pole.line.text, pole.reason) == ("return torch.log(h).sum()", "log(0) is -inf")
    assert [e.index for e in pole.tensors[0].elements] == [(50,)]
    assert overflow.line.text == "h = h * torch.exp(x * 100)"
    assert [e.index for e in overflow.tensors[0].elements] == [(3,)]


def test_what_is_said_of_all_iterations_of_a_loop_is_said_once():
    def roots(x):
        h = x
        for _ in range(3):
            h = torch.sqrt(h) * h
        return h.sum()

    explanation = symdiff.explain(roots, doubles(0.0, 1.0))
    (finding,) = explanation.findings
    assert finding.times == 3
    assert "the gradient that arrives is 0 (3 times)" in str(explanation)
    assert symdiff.explain(torch.sqrt, doubles(0.0)).findings[0].times == 1


LARGE = torch.linspace(1, 2, 1000)


@pytest.mark.parametrize(
    ("function", "mechanism", "reason"),
    [
        (lambda x: torch.sqrt(((x - x) ** 2).mean()), "INFINITE_SLOPE", "sqrt(0) has an infinite slope"),
        (lambda x: 1 / (x.sum() - x.sum()), "POLE", "1/0"),
        (lambda x: (x * 0).sum() / (x * 0).norm(), "ZERO_BY_ZERO", "0/0"),
        (lambda x: ((1e200 - x * 0) ** 2).sum() + x.norm(), "OVERFLOW", "1e+200**2 is inf"),
        (lambda x: ((-1e200 - x * 0) ** 2).sum() + x.norm(), "OVERFLOW", "(-1e+200)**2 is inf"),
        (lambda x: x[x > 5].std(), "ZERO_BY_ZERO", "std of no numbers"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:std")
def test_the_numbers_of_a_call_tell_the_mechanism_where_nothing_is_proved(
    function, mechanism, reason
):
    finding = symdiff.explain(function, LARGE.double()).findings[0]
    assert finding.mechanism.name == mechanism
    assert finding.reason.partition(";")[0] == reason


def test_an_overflow_before_a_cut_is_no_input():
    def contrast(x):
        e = torch.exp(x @ x.T * 100)
        return -torch.log(torch.diagonal(e) / e.sum(1)).mean()

    x = torch.linspace(-1, 1, 512).reshape(64, 8)
    (finding,) = symdiff.explain(contrast, x).findings
    assert finding.mechanism.name == "OVERFLOW"
    assert {str(e.truth) for t in finding.tensors for e in t.elements} == {"undecided"}


def test_a_custom_backward_is_reported_and_its_truth_proved():
    (finding,) = symdiff.explain(Halved.apply, doubles(0.0, 1.0)).findings
    ((element,),) = (tensor.elements for tensor in finding.tensors)
    assert (element.index, element.truth.derivative) == ((0,), 0.5)
    assert finding.no_remedy == "this backward is your own code"


def test_calls_on_one_line_are_distinguished():
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
