"""Writes in place under no_grad change a value, and leave the gradient that it had."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (as everybody writes it)

import symdiff

D = torch.float64
X = torch.tensor([1.5, -0.5, 2.0], dtype=D)
W = torch.tensor([[0.5, 1.0], [0.25, -0.125], [-2.0, 1.0]], dtype=D)
ROWS = torch.tensor([[0, 2], [2, 1]])


def one_component(x):
    y = x * 1
    with torch.no_grad():
        y[0] *= 3
    return y * x


def view_made_inside(x):
    y = x * 1
    with torch.no_grad():
        first = y[:1]
        first.mul_(3)
    return y * x


def view_made_before(x):
    y = x * 1
    first = y[:1]
    with torch.no_grad():
        first.mul_(3)
    return y * x


def view_read_later(x):
    y = x * 1
    first = y[:1]
    with torch.no_grad():
        y.mul_(3)
    return first * x


def rows_of_a_leaf(x):
    with torch.no_grad():
        x[1:] /= x[1:].norm()
    return x**2


def rows_and_the_weight(w):
    v = w * 1
    return F.embedding(ROWS, v, max_norm=0.5) * v[0]


WRITES = [one_component, view_made_inside, view_made_before, view_read_later, rows_of_a_leaf]
EMBEDDINGS = [
    lambda w: F.embedding(ROWS, w, max_norm=0.5),
    lambda w: F.embedding(ROWS, w.clone(), max_norm=1.0, norm_type=1.0),
    lambda w: F.embedding_bag(ROWS, w, max_norm=0.5, mode="sum"),
    rows_and_the_weight,
]


def check(comparison):
    records = list(comparison.records())
    assert {r["verdict"] for r in records} <= {"agrees", "inexact"}
    assert all(r["proved"] for r in records)


@pytest.mark.parametrize("function", WRITES)
def test_a_write_through_a_view_leaves_the_gradient(function):
    check(symdiff.compare(function, values={"x": X}, engines=["autograd"]))


def test_the_gradient_is_that_of_the_value_before_the_write():
    comparison = symdiff.compare(one_component, values={"x": X}, cotangent=[1.0, 1.0, 1.0])
    truth = [r["derivative"] for r in comparison.records() if r["engine"] == "autograd"]
    assert truth == [3 * 1.5 + 1.5, -1.0, 4.0]


class Forgetful(torch.autograd.Function):
    """Gives no gradient through what it has written."""

    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return g * torch.tensor([0.0, 1.0, 1.0], dtype=D)


def forgetful(x):
    y = Forgetful.apply(x)
    with torch.no_grad():
        y[0] *= 3
    return y * x


def test_a_gradient_that_stops_at_the_write_is_wrong():
    comparison = symdiff.compare(forgetful, values={"x": X}, engines=["autograd"])
    assert {r["variable"] for r in comparison.findings} == {"x[0]"}


@pytest.mark.parametrize("function", EMBEDDINGS)
def test_embeddings_shorten_the_rows_that_they_read(function):
    check(symdiff.compare(function, values={"w": W}, engines=["autograd"]))


def test_a_module_shortens_its_own_weight():
    module = nn.Embedding(3, 2, max_norm=0.5, _weight=W.clone())
    check(symdiff.compare(module, values={"input": ROWS}, wrt="parameters", engines=["autograd"]))
    assert torch.equal(module.weight.data, W)


# -- x.data = y


def new_data(x):
    y = x * 1
    y.data = torch.ones(3, dtype=D)
    return y * x


def new_data_and_an_old_view(x):
    y = x * 1
    first = y[:1]
    y.data = x.detach() ** 2
    y.data.mul_(2)
    return y[1:] * x[1:] * first


def new_data_written_later(x):
    y, c = x * 1, torch.zeros(3, dtype=D)
    y.data = c
    c[0] = 3
    return y * x


def data_of_a_constant(x):
    c = torch.ones(3, dtype=D)
    c.data = x
    return c * x


def data_of_a_leaf(x):
    x.data = x.data.clamp(-1, 1)
    return x**2


DATA = [
    new_data,
    new_data_and_an_old_view,
    new_data_written_later,
    data_of_a_constant,
    data_of_a_leaf,
]


@pytest.mark.parametrize("function", DATA)
def test_new_data_leaves_the_gradient(function):
    check(symdiff.compare(function, values={"x": X}, engines=["autograd"]))


def test_the_gradient_with_new_data_is_that_of_before():
    comparison = symdiff.compare(new_data, values={"x": X}, cotangent=[1.0, 1.0, 1.0])
    truth = [r["derivative"] for r in comparison.records() if r["engine"] == "autograd"]
    assert truth == [1.5 + 1, -0.5 + 1, 2.0 + 1]
