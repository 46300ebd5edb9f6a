"""Loops whose iterations use the one before them several times, and modules of many parameters."""

import pytest
import torch
from torch import nn

import symdiff
from symdiff.errors import ExpressionError

D = torch.float64
X = torch.tensor([0.5, -0.25], dtype=D)


def residual(h):
    for _ in range(40):
        h = h + 0.1 * torch.tanh(h)
    return h


def runge_kutta(y):
    def slope(y):
        return y * (1 - y)

    for _ in range(5):
        k1 = slope(y)
        k2 = slope(y + 0.05 * k1)
        k3 = slope(y + 0.05 * k2)
        k4 = slope(y + 0.1 * k3)
        y = y + 0.1 / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def normalized_in_turns(h):
    a = torch.outer(h, h + 1)
    for _ in range(8):
        a = a - a.logsumexp(0, keepdim=True)
        a = a - a.logsumexp(1, keepdim=True)
    return a.exp()


class WrongResidual(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h):
        return residual(h)

    @staticmethod
    def backward(ctx, g):
        return g * 1.1


class Blocks(nn.Module):
    def __init__(self, count):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.blocks = nn.ModuleList(nn.Linear(2, 2, dtype=D) for _ in range(count))
        for p in self.parameters():
            p.data = torch.randn(p.shape, generator=generator, dtype=D) / 4

    def forward(self, x):
        for block in self.blocks[:20]:
            x = x + torch.relu(block(x))
        return sum(torch.tanh(block(x)).sum() for block in self.blocks)


@pytest.mark.parametrize("fn", [residual, runge_kutta, normalized_in_turns])
def test_a_loop_is_traced_and_proved(fn):
    comparison = symdiff.compare(fn, values={fn.__code__.co_varnames[0]: X})
    assert comparison.ok
    assert all(r["proved"] for r in comparison.records())


def test_a_wrong_gradient_of_a_loop_is_found_at_both_orders():
    for order in (1, 2):
        comparison = symdiff.compare(
            WrongResidual.apply, values={"h": X}, order=order, engines=["autograd"]
        )
        assert any(r["verdict"] == "wrong" for r in comparison.findings)


@pytest.mark.parametrize("count", [20, 55])
def test_a_module_may_have_any_number_of_parameters(count):
    comparison = symdiff.compare(
        Blocks(count), values={"x": X}, wrt=["x", "blocks.3.*"], engines=["autograd"]
    )
    assert comparison.ok
    assert comparison.program.inputs[-1] != "x"
    assert len(comparison.program.inputs) == 1 + 2 * count
    assert all(r["proved"] for r in comparison.records())


@pytest.mark.parametrize(
    "engine", ["symbolic", "sympy-whole", "symengine", "lambdified-torch", "sympy-limit"]
)
def test_an_engine_that_writes_formulas_out_refuses_a_long_loop(engine):
    comparison = symdiff.compare(residual, {"h": [0.5]}, engines=[engine])
    assert {r["verdict"] for r in comparison.records()} == {"unsupported"}
    assert all("when written out" in r["detail"] for r in comparison.records())


def test_texts_keep_their_limits():
    doubled = {f"a{k + 1}": f"a{k} + sin(a{k})" for k in range(30)}
    with pytest.raises(ExpressionError, match="when definitions are expanded"):
        symdiff.compare("a30", let={"a0": "x", **doubled})
