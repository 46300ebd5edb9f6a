"""Hooks, gradients inside, compiled functions, checkpoints, tensors with a graph of their own."""

import math

import pytest
import torch
from torch import nn
from torch.autograd import Function
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

import symdiff

D = torch.float64
X = torch.tensor([1.5, -2.0, 0.5], dtype=D)


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient * ctx.saved_tensors[0]


class WrongSquare(Square):
    @staticmethod
    def backward(ctx, gradient):
        return 3 * gradient * ctx.saved_tensors[0]


class CubeWithItsGradient(Function):
    factor = 1

    @classmethod
    def forward(cls, ctx, x):
        with torch.enable_grad():
            y = x.detach().requires_grad_()
            z = (y**3).sum()
            (gradient,) = torch.autograd.grad(z, y)
        ctx.save_for_backward(gradient)
        return z.detach()

    @classmethod
    def backward(cls, ctx, gradient):
        return gradient * ctx.saved_tensors[0] * cls.factor


class WrongCube(CubeWithItsGradient):
    factor = 2


class Unmaterialized(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, first, second):
        (x,) = ctx.saved_tensors
        found = 0
        if first is not None:
            found = found + first * x.cos()
        if second is not None:
            found = found - second * x.sin()
        return found


class WrongForNone(Unmaterialized):
    @staticmethod
    def backward(ctx, first, second):
        (x,) = ctx.saved_tensors
        return first * x.cos() - second * x.sin()


class Dirty(Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient


class WrongDirty(Dirty):
    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Sorted(Function):
    @staticmethod
    def forward(ctx, x):
        values, order = x.sort()
        ctx.mark_non_differentiable(order)
        ctx.save_for_backward(order)
        return values, order

    @staticmethod
    def backward(ctx, gradient, _):
        return torch.zeros_like(gradient).index_add(0, ctx.saved_tensors[0], gradient)


class SineAndFixedCosine(Function):
    kept = None

    @staticmethod
    def forward(ctx, x):
        sine, cosine = x.sin(), x.cos()
        SineAndFixedCosine.kept = 3 * x
        ctx.mark_non_differentiable(cosine)
        ctx.save_for_backward(cosine)
        return sine, cosine

    @staticmethod
    def backward(ctx, gradient, _):
        return gradient * ctx.saved_tensors[0]


class ForgetsTheMark(SineAndFixedCosine):
    @staticmethod
    def forward(ctx, x):
        sine, cosine = x.sin(), x.cos()
        ctx.save_for_backward(cosine)
        return sine, cosine


def leaking(x):
    return SineAndFixedCosine.apply(x)[0] * SineAndFixedCosine.kept


class WrongSorted(Sorted):
    @staticmethod
    def backward(ctx, gradient, _):
        return gradient


class Reversal(Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


class Outer(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return WrongSquare.apply(x) * x

    @staticmethod
    def backward(ctx, gradient):
        return 3 * gradient * ctx.saved_tensors[0] ** 2


def hooked(hook):
    def function(x):
        y = x.sin()
        y.register_hook(hook)
        return y * y

    return function


def parameter_hooked(hook):
    module = nn.Linear(3, 2).double()
    module.weight.register_hook(hook)
    return module


def module_hooked(hook):
    module = nn.Linear(3, 2).double()
    module.register_full_backward_hook(lambda _, incoming, __: (hook(incoming[0]),))
    return module


def gradient_of_another(x):
    y = x.detach().requires_grad_()
    return torch.autograd.grad((y**3).sum(), y)[0] * x


def gradient_without_a_graph(x):
    return torch.autograd.grad((x**3).sum(), x)[0] + x


def gradient_with_a_graph(x):
    return torch.autograd.grad((x**3).sum(), x, create_graph=True)[0]


def backward_inside(x):
    y = x.sin()
    y.sum().backward(retain_graph=True)
    return y * y * x.grad


def tied():
    module = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)).double()
    module[2].weight = module[0].weight
    return module


SPECTRAL = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2).double())
LINEAR = nn.Linear(3, 2).double()
WITH_A_GRAPH = 2 * X.clone().requires_grad_()
RIGHT = [
    Square.apply,
    CubeWithItsGradient.apply,
    Unmaterialized.apply,
    lambda x: Unmaterialized.apply(x)[0],
    lambda x: Unmaterialized.apply(x)[1],
    lambda x: Dirty.apply(x.clone()).sin(),
    lambda x: Sorted.apply(x)[0].exp(),
    SineAndFixedCosine.apply,
    lambda x: math.prod(SineAndFixedCosine.apply(x)),
    Outer.apply,
    lambda x: Square.apply(Square.apply(x)),
    lambda x: Square.apply(x) + Square.apply(2 * x),
    hooked(lambda gradient: None),
    parameter_hooked(lambda gradient: None),
    gradient_of_another,
    gradient_without_a_graph,
    gradient_with_a_graph,
    backward_inside,
    lambda x: checkpoint(Square.apply, x, use_reentrant=False),
    lambda x: checkpoint(torch.sin, x, use_reentrant=True),
    lambda x: checkpoint(lambda v: nn.functional.dropout(v, 0.5), x, use_reentrant=False),
    lambda x: checkpoint_sequential([torch.sin, torch.exp], 2, x, use_reentrant=False),
    lambda x: SPECTRAL(x).tanh(),
    lambda x: x * WITH_A_GRAPH,
    lambda x: x * torch.func.vmap(torch.sin)(WITH_A_GRAPH),
    torch.compile(lambda x: x.sin() * x, backend="eager"),
    torch.compile(nn.Linear(3, 2).double(), backend="eager"),
    lambda x: torch.compile(LINEAR, backend="eager")(x).tanh(),
    nn.AlphaDropout(0.5),
    lambda x: nn.functional.feature_alpha_dropout(x.reshape(1, 3, 1), 0.5, training=True),
    lambda x: nn.functional.dropout1d(x.reshape(3, 1), 0.5, training=True),
    tied(),
    nn.utils.parametrizations.weight_norm(nn.Linear(3, 2).double()),
    nn.Sequential(nn.Linear(3, 2), nn.ReLU(inplace=True), nn.Linear(2, 1)).double(),
    lambda x: x,
    lambda x: (x.sin(), None, "text", 3.0),
    lambda x: torch.cat([x[:0], x.sin()]),
    lambda x: x.as_strided((2,), (2,)) ** 2,
]
WRONG = [
    WrongSquare.apply,
    WrongCube.apply,
    lambda x: WrongForNone.apply(x)[0],
    lambda x: WrongDirty.apply(x.clone()).sin(),
    lambda x: WrongSorted.apply(x)[0].exp(),
    lambda x: math.prod(ForgetsTheMark.apply(x)),
    leaking,
    Reversal.apply,
    lambda x: Square.apply(WrongSquare.apply(x)),
    hooked(lambda gradient: 2 * gradient),
    hooked(lambda gradient: gradient.clamp(-0.1, 0.1)),
    parameter_hooked(lambda gradient: 0 * gradient),
    module_hooked(lambda gradient: 2 * gradient),
    lambda x: checkpoint(WrongSquare.apply, x, use_reentrant=False),
]


@pytest.mark.parametrize("function", RIGHT)
def test_a_right_gradient_passes(function):
    symdiff.assert_derivatives(function, X)


@pytest.mark.parametrize("function", WRONG)
def test_a_wrong_gradient_is_found(function):
    with pytest.raises(AssertionError, match="by autograd"):
        symdiff.assert_derivatives(function, X)


def test_hooks_of_the_inputs_count_with_and_without_a_trace():
    x = X.clone().requires_grad_()
    x.register_hook(lambda gradient: 3 * gradient)
    for function in (torch.sin, lambda x: torch.fft.fft(x).abs().square().sum()):
        with pytest.raises(AssertionError, match="by autograd"):
            symdiff.assert_derivatives(function, x)


def test_a_gradient_that_is_taken_for_a_constant_is_named():
    program = symdiff.trace(gradient_without_a_graph, X)
    assert any(note.endswith("grad makes a constant of a tensor") for note in program.notes)


def test_the_gradient_of_a_tensor_with_a_graph_stays_as_it_was():
    weight = X.clone().requires_grad_()
    symdiff.assert_derivatives(lambda x: x * (2 * weight), X)
    assert weight.grad is None
