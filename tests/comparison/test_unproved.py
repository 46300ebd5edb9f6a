"""A function that cannot be traced is compared by differences, and nothing is called proved."""

import pytest
import torch
from torch.autograd import Function

import symdiff

D = torch.float64
X = torch.tensor([1.0, -1.0, 3.0], dtype=D)
AT_KINK = torch.tensor([1.0, 0.0, 3.0], dtype=D)


def transformed(x):
    z = torch.fft.fft(x)
    z[:1] = z[:1] * 1  # a write into complex numbers, which is not traced
    return z


class Spectrum(Function):
    factor = 1.0

    @classmethod
    def gradient(cls, x, g):
        with torch.enable_grad():
            y = x.detach().requires_grad_()
            return torch.autograd.grad(transformed(y).abs(), y, g)[0] * cls.factor

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return transformed(x).abs()

    @staticmethod
    def backward(ctx, g):
        return Spectrum.gradient(ctx.saved_tensors[0], g)


class WrongSpectrum(Spectrum):
    @staticmethod
    def backward(ctx, g):
        return Spectrum.gradient(ctx.saved_tensors[0], g) * torch.tensor([1.0, 1.0, 1.01], dtype=D)


class Broken(Spectrum):
    @staticmethod
    def backward(ctx, g):
        raise ArithmeticError("no backward here")


def smooth(x):
    return transformed(x).abs().square().sum()


def with_kink(x):
    return transformed(x.abs()).abs()


def random(x):
    return smooth(torch.nn.functional.dropout(x, 0.5))


def writes_to_the_other_input(x, y):
    y.add_(1)  # of integers, which do not require gradients
    return smooth(x) * y


def refuses_one_side(x):
    if x.max().item() > 3:
        raise ValueError("too large")
    return x.sin()


CASES = [
    (refuses_one_side, X, "undecided"),
    (smooth, X, "agrees"),
    (random, X, "agrees"),
    (Spectrum.apply, X, "agrees"),
    (WrongSpectrum.apply, X, "wrong"),
    (Broken.apply, X, "failed"),
    (with_kink, AT_KINK, "undecided"),
]


class WrongEigenvalues(Function):
    """Its backward pass gives half of the gradient."""

    @staticmethod
    def forward(ctx, x):
        values, vectors = torch.linalg.eigh(x)
        ctx.save_for_backward(vectors)
        return values.sum()

    @staticmethod
    def backward(ctx, g):
        (vectors,) = ctx.saved_tensors
        return g * vectors @ vectors.T / 2


def symmetric(rows):
    some = torch.linspace(-1, 2, rows * rows, dtype=D).reshape(rows, rows).cos()
    return some + some.T + torch.diag(torch.arange(rows, dtype=D))


@pytest.mark.parametrize("rows", [7, 8])
def test_a_symmetric_matrix_moves_among_symmetric_matrices(rows):
    comparison = symdiff.compare(torch.linalg.eigvalsh, values={"x": symmetric(rows)})
    assert {r["verdict"] for r in comparison.records()} == {"agrees"}
    wrong = symdiff.compare(WrongEigenvalues.apply, values={"x": symmetric(rows)})
    verdicts = {r["verdict"] for r in wrong.records() if r["engine"] == "autograd"}
    assert verdicts == {"wrong"}


@pytest.mark.parametrize(("fn", "x", "verdict"), CASES)
def test_autograd_is_judged_by_differences_along_directions(fn, x, verdict):
    comparison = symdiff.compare(fn, values={"x": x})
    records = [r for r in comparison.records() if r["engine"] == "autograd"]
    assert {r["verdict"] for r in records} == {verdict}
    assert not any(r["proved"] for r in comparison.records())


def test_a_gradient_that_is_nan_is_nonfinite_where_differences_settle_the_derivative():
    def product_of_factors(x):  # torch's gradient of the factors is NaN at equal singular values
        u, s, v = torch.linalg.svd(x)
        return torch.norm((u * s) @ v)

    comparison = symdiff.compare(product_of_factors, values={"x": 2 * torch.eye(3, dtype=D)})
    verdicts = {r["verdict"] for r in comparison.records() if r["engine"] == "autograd"}
    assert verdicts == {"nonfinite"}
    assert not comparison.ok


def test_a_function_that_writes_to_an_input_gets_a_copy_in_every_call():
    y = torch.ones(3, dtype=torch.int64)
    comparison = symdiff.compare(
        writes_to_the_other_input, values={"x": X, "y": y}, wrt=["x"], engines=["autograd"]
    )
    assert comparison.ok
    assert torch.equal(y, torch.ones(3, dtype=torch.int64))


def test_the_report_says_that_nothing_is_proved_and_which_operation_is_missing():
    report = " ".join(str(symdiff.compare(smooth, values={"x": X})).split())
    assert "nothing is proved: test_unproved.py" in report
    assert "0 of 3 derivatives proved point by point, 3 settled by differences alone" in report
    assert "z[:1] = z[:1] * 1" in report


def test_the_line_of_an_operation_without_a_row_is_named_where_its_result_is_used():
    def largest(x):
        vectors = torch.linalg.eigh(x @ x.T)[1]
        return vectors.abs().sum()

    report = " ".join(str(symdiff.compare(largest, values={"x": X[:, None] + X})).split())
    assert "torch.linalg.eigh(x @ x.T)[1]: linalg_eigh cannot be traced" in report


def test_a_module_is_compared_along_directions_of_its_parameters():
    module = torch.nn.Linear(3, 3).double()
    net = torch.nn.Sequential(module, FourierLayer())
    comparison = symdiff.compare(net, values={"input": X}, wrt="parameters")
    assert comparison.ok
    assert {r["variable"].split()[0] for r in comparison.records()} == {"x0_weight", "x0_bias"}


class FourierLayer(torch.nn.Module):
    def forward(self, x):
        return smooth(x)


class OnlyIn32(Spectrum):
    @staticmethod
    def backward(ctx, g):
        factor = 2 if g.dtype == torch.float32 else 1
        return Spectrum.gradient(ctx.saved_tensors[0], g) * factor


class WrongByOnePercent(Spectrum):
    @staticmethod
    def backward(ctx, g):
        return Spectrum.gradient(ctx.saved_tensors[0], g) * 1.01


def in_float32(x):
    return transformed(x.float()).abs().square()


def in_float16(x):
    return transformed(x.float()).abs().square().half()


def kink_in_float32(x):
    return transformed(x.float().abs()).abs()


POSITIVE = X + 2
COARSE = [
    (smooth, X.float(), {"agrees"}),
    (smooth, torch.linspace(-2, 3, 64), {"agrees", "inexact"}),
    (Spectrum.apply, POSITIVE.float(), {"agrees", "inexact"}),
    (in_float32, POSITIVE, {"agrees", "inexact"}),
    (in_float32, POSITIVE.float(), {"agrees", "inexact"}),
    (in_float16, POSITIVE.half(), {"undecided"}),  # its value has three digits
    (torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Tanh()), X.float(), {"agrees", "inexact"}),
    (WrongByOnePercent.apply, POSITIVE.float(), {"wrong"}),
    (WrongByOnePercent.apply, POSITIVE, {"wrong"}),
    (OnlyIn32.apply, POSITIVE.float(), {"undecided"}),
    (OnlyIn32.apply, POSITIVE, {"agrees"}),
    (Broken.apply, POSITIVE.float(), {"failed"}),
    (with_kink, AT_KINK.float(), {"undecided"}),
    (kink_in_float32, AT_KINK, {"undecided"}),
]


@pytest.mark.parametrize(("fn", "x", "expected"), COARSE)
def test_steps_and_rounding_are_those_of_the_dtype(fn, x, expected):
    name = "input" if isinstance(fn, torch.nn.Module) else "x"
    comparison = symdiff.compare(fn, values={name: x})
    verdicts = {r["verdict"] for r in comparison.records() if r["engine"] == "autograd"}
    assert verdicts <= expected
    assert verdicts


def test_a_gradient_taken_inside_may_have_a_graph():
    def slope(x):
        return torch.autograd.grad((x**3).sum(), x, create_graph=True)[0]

    comparison = symdiff.compare(slope, values={"x": X})
    assert {r["verdict"] for r in comparison.records()} == {"agrees"}


# -- what torch holds constant


def with_detached(x):
    return smooth(x) * x.detach().square().sum()


def scaled_under_no_grad(x):
    with torch.no_grad():
        size = x.norm()
        size.clamp_(min=0.5)
    return smooth(x) / size


def scaled_by_a_number(x):
    return smooth(x) / x.norm().item()


def of_data(x):
    return smooth(x) * x.data[0].exp()


def with_a_slope(x):
    (slope,) = torch.autograd.grad((x**3).sum(), x)
    return smooth(x * slope)


def also_detached(x):
    return smooth(x), x.detach() ** 2


class Powers(Function):
    """A square, and a cube that is marked as not differentiable."""

    factor = 2.0

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        square, cube = x.detach() ** 2, x**3
        ctx.mark_non_differentiable(cube)
        return square, cube

    @classmethod
    def scaled(cls, ctx, g):
        return g * cls.factor * ctx.saved_tensors[0]

    @staticmethod
    def backward(ctx, g, _):
        return Powers.scaled(ctx, g)


class WrongPowers(Powers):
    factor = 2.5

    @staticmethod
    def backward(ctx, g, _):
        return WrongPowers.scaled(ctx, g)


def marked(x):
    square, cube = Powers.apply(x)
    return smooth(square * cube)


def marked_with_a_wrong_gradient(x):
    square, cube = WrongPowers.apply(x)
    return smooth(square * cube)


def writes_to_data(x):
    y = x * 1
    y.data.mul_(x.detach())
    return smooth(y)


def jumps_by_a_number(x):
    return smooth(x) * float(x.sum().item() > 3)  # at X the sum is 3


HOLDING = [
    (with_detached, "agrees"),
    (scaled_under_no_grad, "agrees"),
    (scaled_by_a_number, "agrees"),
    (of_data, "agrees"),
    (with_a_slope, "agrees"),
    (also_detached, "agrees"),
    (marked, "agrees"),
    (marked_with_a_wrong_gradient, "wrong"),
    (lambda x: WrongSpectrum.apply(x) * x.detach(), "wrong"),
    (lambda x: Spectrum.apply(x) * x.detach(), "agrees"),
    (writes_to_data, "undecided"),
    (jumps_by_a_number, "undecided"),
]


@pytest.mark.parametrize(("fn", "verdict"), HOLDING)
def test_what_torch_holds_constant_does_not_move_in_differences(fn, verdict):
    comparison = symdiff.compare(fn, values={"x": X}, engines=["autograd"])
    records = [r for r in comparison.records() if r["engine"] == "autograd"]
    assert {r["verdict"] for r in records} == {verdict}
    assert not any(r["proved"] for r in comparison.records())


def with_data_replaced(x):
    y = x * 1
    y.data = x.detach() * 2
    return smooth(y)


@pytest.mark.parametrize(
    ("fn", "why"),
    [
        (writes_to_data, "it writes to a tensor that shares memory with a constant part"),
        (with_data_replaced, "it replaces the numbers of a tensor by x.data = y"),
        (jumps_by_a_number, "differences along the direction do not agree"),
    ],
)
def test_an_undecided_derivative_says_what_prevents_the_differences(fn, why):
    comparison = symdiff.compare(fn, values={"x": X}, engines=["autograd"])
    records = [r for r in comparison.records() if r["engine"] == "autograd"]
    assert {r["verdict"] for r in records} == {"undecided"}
    assert all(why in r["detail"] for r in records)
