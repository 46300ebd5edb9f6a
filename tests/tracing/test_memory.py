"""Views of buffers, state of modules and inputs without effect mean in a trace what they mean."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (as everybody writes it)

import symdiff
from symdiff.tracing.trace import trace

D = torch.float64
X = torch.tensor([[1.5, -2.0, 0.5], [0.25, 3.0, -1.0]], dtype=D)


def constant_changed_through_a_view(x):
    c = torch.ones(2, 3, dtype=D)
    flat = c.view(-1)
    y = c + x
    flat.add_(1)
    return y.sin() * (c + x.detach())


def constant_view_read_later(x):
    c = torch.ones(2, 3, dtype=D)
    flat = c.view(-1)
    c.add_(2)
    return (flat[:3] * x).sin()


def buffer_written_through_a_view(x):
    flat = torch.zeros(6, dtype=D)
    table = flat.view(2, 3)
    table[0] = x[1].exp()
    table[1] += x[0]
    return flat.sin()


def view_of_a_buffer_read_later(x):
    flat = torch.zeros(6, dtype=D)
    first, last = flat[:3], flat[3:]
    flat[1:5] = x[0, 0] * x[:, :2].reshape(-1)
    return first.exp() * last.cos()


def columns_of_a_buffer(x):
    table = torch.zeros(3, 2, dtype=D)
    turned = table.T
    turned.copy_(x)
    table[0] *= 2
    return turned.sin()


def overlapping_views(x):
    y = x.flatten().clone()
    left, right = y[:4], y[2:]
    left.mul_(2)
    right.add_(left.sum())
    return y.sin()


WRITES = [
    constant_changed_through_a_view,
    constant_view_read_later,
    buffer_written_through_a_view,
    view_of_a_buffer_read_later,
    columns_of_a_buffer,
    overlapping_views,
]


@pytest.mark.parametrize("fn", WRITES)
def test_views_made_before_a_write_show_it(fn):
    comparison = symdiff.compare(fn, values={"x": X}, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} == {"agrees"}
    assert all(r["kind"] == "smooth" for r in comparison.records())


TRANSFORMED = [
    torch.vmap(lambda x: x.sum() * x),
    torch.func.grad(lambda x: x.sin().sum()),
    lambda x: torch.func.jacrev(lambda y: y * y)(x[0]),
    lambda x: x.to_sparse().to_dense() * x,
]


@pytest.mark.parametrize("fn", TRANSFORMED)
def test_tensors_without_memory_of_their_own_are_no_views(fn):
    comparison = symdiff.compare(fn, values={"x": X}, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} == {"agrees"}


class Counting(nn.Module):
    """Writes to its buffers, shares one weight, and has parameters that it does not use."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.unused = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(1, 1)
        self.second.weight = self.first.weight
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x):
        self.calls += 1
        self.mean.mul_(0.9).add_(0.1 * x.detach()[0])
        return self.second(self.first(x).tanh()) * self.mean * self.calls


def test_a_module_may_write_to_its_buffers_and_keeps_its_state():
    torch.manual_seed(0)
    module = Counting().double()
    comparison = symdiff.compare(module, values={"x": X}, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} <= {"agrees", "inexact"}
    assert {"unused_weight", "first_weight"} <= {
        r["variable"].partition("[")[0] for r in comparison.records()
    }
    assert module.calls.item() == 0


class Unused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2, gradient


def test_the_gradient_of_an_input_without_effect_has_to_be_zero():
    comparison = symdiff.compare(lambda x, y: (x * 2, y * 0)[0], values={"x": X, "y": X})
    assert comparison.ok
    with pytest.raises(AssertionError, match=r"y\[0,0\]"):
        symdiff.assert_derivatives(Unused.apply, X, X)


@pytest.mark.parametrize("padding", [0, -1, 1])
@pytest.mark.parametrize("positions", [[0, 1, 1], [[0, 1], [1, 1]]])
def test_the_row_of_an_embedding_for_padding_has_no_gradient(padding, positions):
    index = torch.tensor(positions)
    program = trace(lambda weight: F.embedding(index, weight, padding).sin(), X)
    comparison = symdiff.compare(program, engines=["autograd"])
    assert {r["verdict"] for r in comparison.records()} == {"agrees"}


def test_float32_on_the_way_leaves_room_in_the_check():
    program = trace(lambda x: x * (x > 0).float().mean(), X)
    assert program.text == "x * mean(float(x > 0))"


def test_a_test_inside_another_is_reported_as_an_expression():
    program = trace(lambda x: x * 2 if x[0, 0] > 1 and x[0, 1] < 0 else x, X)
    assert any("where x[0, 1] < 0 is True" in note for note in program.notes)


def test_an_empty_part_is_compared_without_a_proof():
    comparison = symdiff.compare(lambda x: x[:0].sum() + x.sin(), values={"x": X})
    assert {r["verdict"] for r in comparison.records()} == {"agrees"}
    assert "nothing is proved" in str(comparison)
