"""A wrong backward of a custom Function is found without a formula, and a right one passes."""

import pytest
from torch.autograd import Function

import symdiff
from tests.tracing.custom_functions import CASES, X, function

NAMES = [case[0] for case in CASES]


@pytest.mark.parametrize(("name", "forward", "right", "wrong", "inputs"), CASES, ids=NAMES)
def test_a_right_backward_passes(name, forward, right, wrong, inputs):
    del wrong
    symdiff.assert_derivatives(function(forward, right, name), *inputs)


@pytest.mark.parametrize(("name", "forward", "right", "wrong", "inputs"), CASES, ids=NAMES)
def test_a_wrong_backward_is_found(name, forward, right, wrong, inputs):
    del right
    with pytest.raises(AssertionError, match="by autograd"):
        symdiff.assert_derivatives(function(forward, wrong, name), *inputs)


class OneGradientIsNone(Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[1], None


class OtherShape(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sum()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.expand(2)


class CountsItsCalls(Function):
    calls = 0

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        CountsItsCalls.calls += 1
        return 2 * ctx.saved_tensors[0] * gradient * CountsItsCalls.calls


class WritesToASavedTensor(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0]


def written_to(x):
    y = WritesToASavedTensor.apply(x)
    y += 1
    return y


class BackwardInFloat32(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * x.float().exp()


FAULTS = [
    (BackwardInFloat32.apply, (X,), "backward computes in float32"),
    (OneGradientIsNone.apply, (X, X), "backward returns None as the gradient of w"),
    (OtherShape.apply, (X,), "returned an invalid gradient"),
    (CountsItsCalls.apply, (X,), "when it is called again"),
    (written_to, (X,), "modified by an inplace operation"),
]


@pytest.mark.parametrize(("fn", "inputs", "message"), FAULTS)
def test_a_fault_that_torch_itself_sees_is_reported_in_one_line(fn, inputs, message):
    with pytest.raises((AssertionError, symdiff.InputError), match=message):
        symdiff.assert_derivatives(fn, *inputs)
