"""The truth of a custom Function is the derivative of what its `forward` computes."""

import numpy as np
import pytest
import torch
from torch.autograd import Function

import symdiff

D = torch.float64
X = torch.tensor([1.5, -2.0, 0.5], dtype=D)


def detaches(x):
    return x.detach().exp()


def reads_data(x):
    return x.data.exp()


def turns_gradients_off(x):
    with torch.no_grad():
        return x.exp()


def turns_gradients_on(x):
    with torch.enable_grad():
        y = x.detach().requires_grad_()
        z = y.exp()
    return z.detach()


def writes_into_a_copy(x):
    y = x.detach().clone()
    y.detach().exp_()
    return y


def leaves_torch(x):
    return torch.from_numpy(np.exp(x.detach().numpy()))


def uses_python_numbers(x):
    return torch.stack([torch.tensor(np.exp(v.item()), dtype=D) for v in x])


def multiplies_by_a_number(x):
    return x.exp() * (x[0].item() / x[0])


def function(forward, factor):
    class Exponential(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx, gradient):
            return factor * gradient * ctx.saved_tensors[0].exp()

    return Exponential.apply


TRACED = [detaches, reads_data, turns_gradients_off, turns_gradients_on, writes_into_a_copy]
OUT_OF_TORCH = [leaves_torch, uses_python_numbers, multiplies_by_a_number]


@pytest.mark.parametrize("forward", [*TRACED, *OUT_OF_TORCH])
def test_a_right_backward_is_never_called_wrong(forward):
    comparison = symdiff.compare(function(forward, 1), values={"x": X}, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} == {"agrees"}


@pytest.mark.parametrize("forward", [*TRACED, *OUT_OF_TORCH])
def test_a_wrong_backward_is_found(forward):
    comparison = symdiff.compare(function(forward, 2), values={"x": X}, engines=["autograd"])
    assert "wrong" in {r["verdict"] for r in comparison.records()}


@pytest.mark.parametrize("forward", TRACED)
def test_detaching_inside_forward_leaves_the_proof(forward):
    symdiff.assert_derivatives(function(forward, 1), X)


@pytest.mark.parametrize("forward", OUT_OF_TORCH)
def test_a_number_outside_torch_is_named(forward):
    with pytest.raises(symdiff.InputError, match="its number is not a constant"):
        symdiff.trace(function(forward, 1), X)
