"""Custom Functions of PyTorch: right ones, and the same with a planted fault in their backward."""

import torch
from torch.autograd import Function

D = torch.float64


def function(forward, backward, name):
    """Return a custom Function from its formulas; `backward` takes the gradient and the inputs."""

    def run(ctx, *inputs):
        ctx.save_for_backward(*inputs)
        return forward(*inputs)

    def back(ctx, gradient):
        return backward(gradient, *ctx.saved_tensors)

    members = {"forward": staticmethod(run), "backward": staticmethod(back)}
    return type(name, (Function,), members).apply


def tensor(*numbers):
    return torch.tensor(numbers, dtype=D)


X = tensor(1.5, -2.0, 0.5)
W = tensor(2.0, 3.0, -1.0)
A = tensor(1.0, 2.0, 3.0, 4.0).reshape(2, 2)
B = tensor(0.5, -1.0, 2.0, 1.0).reshape(2, 2)


def _softmax(x):
    return torch.softmax(x, -1)


def _normalized(x):
    return (x - x.mean()) / (x.var(correction=0) + 1e-5).sqrt()


def _normalized_backward(g, x):
    size = (x.var(correction=0) + 1e-5).sqrt()
    y = (x - x.mean()) / size
    return (g - g.mean() - y * (g * y).mean()) / size


# name, forward, right backward, backward with a fault, inputs
CASES = [
    ("relu", torch.relu, lambda g, x: g * (x > 0), lambda g, x: g * (x > -3), (X,)),
    ("square", torch.square, lambda g, x: 2 * x * g, lambda g, x: x * g, (X,)),
    ("cosine", torch.cos, lambda g, x: -g * x.sin(), lambda g, x: g * x.sin(), (X,)),
    ("tanh", torch.tanh, lambda g, x: g * (1 - x.tanh() ** 2), lambda g, x: g * (1 - x.tanh()), (X,)),
    ("product", torch.mul, lambda g, x, w: (g * w, g * x), lambda g, x, w: (g * x, g * w), (X, W)),
    ("mean", torch.mean, lambda g, x: g.expand(3) / 3, lambda g, x: g.expand(3), (X,)),
    ("flipped", lambda x: x.flip(0), lambda g, x: g.flip(0), lambda g, x: g, (X,)),
    ("matmul", torch.matmul, lambda g, a, b: (g @ b.T, a.T @ g), lambda g, a, b: (g @ b, a.T @ g), (A, B)),
    ("clamp", lambda x: x.clamp(-1, 1), lambda g, x: g * (x.abs() <= 1), lambda g, x: g.clone(), (X,)),
    (
        "softmax",
        _softmax,
        lambda g, x: _softmax(x) * (g - (g * _softmax(x)).sum()),
        lambda g, x: _softmax(x) * g,
        (X,),
    ),
    ("normalized", _normalized, _normalized_backward, lambda g, x: g / (x.var(correction=0) + 1e-5).sqrt(), (X,)),
    ("exp", torch.exp, lambda g, x: g * x.exp(), lambda g, x: x.exp(), (X,)),
    ("sine", torch.sin, lambda g, x: g * x.cos(), lambda g, x: g.abs() * x.cos(), (X,)),
    ("cube", lambda x: x**3, lambda g, x: 3 * g * x**2, lambda g, x: (3 * g * x**2).float().double(), (X / 7,)),
    ("silu", lambda x: x * x.sigmoid(), lambda g, x: g * x.sigmoid() * (1 + x * (1 - x.sigmoid())),
     lambda g, x: g * x.sigmoid() * (1 + x * (1 - x.sigmoid())) * torch.where(x < 0, 2.0, 1.0), (X,)),
    ("absolute", torch.abs, lambda g, x: g * x.sign(), lambda g, x: g * x / x.abs(), (tensor(1.0, 0.0),)),
    ("norm", torch.norm, lambda g, x: g * x / x.norm(), lambda g, x: g * x, (X,)),
    ("logsumexp", lambda x: x.logsumexp(0), lambda g, x: g * _softmax(x),
     lambda g, x: g * x.exp() / x.exp().sum(), (tensor(800.0, 1.0),)),
    ("quotient", torch.div, lambda g, x, w: (g / w, -g * x / w**2), lambda g, x, w: (g / w, g * x / w**2), (X, W)),
    ("swapped", lambda x, w: x * w.sin(), lambda g, x, w: (g * w.sin(), g * x * w.cos()),
     lambda g, x, w: (g * w.sin(), g * w.cos()), (X, W)),
    ("hinge", lambda x: (1 - x).clamp(min=0), lambda g, x: -g * (x < 1), lambda g, x: g * (x < 1), (X,)),
]  # fmt: skip
