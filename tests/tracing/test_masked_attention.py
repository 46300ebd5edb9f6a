"""Attention with rows that are fully masked, which torch takes as 0."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (as everybody writes it)

import symdiff

D = torch.float64
GENERATOR = torch.Generator().manual_seed(0)
Q = torch.randn(1, 2, 2, generator=GENERATOR, dtype=D)
K = torch.randn(1, 3, 2, generator=GENERATOR, dtype=D)
V = torch.randn(1, 3, 2, generator=GENERATOR, dtype=D)
OPEN = torch.tensor([[True, False, True], [False, False, False]])
ADDED = torch.zeros(2, 3, dtype=D).masked_fill(~OPEN, -torch.inf)
PADDED = torch.tensor([[True, True]])

MASKED = [
    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=OPEN),
    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=ADDED, scale=2.0),
    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=OPEN[:, 1:2]),
    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=OPEN[1]),
    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=OPEN, dropout_p=0.3),
    lambda q, k, v: F.scaled_dot_product_attention(
        torch.stack([q, 2 * q], 1), k[None], v[None], attn_mask=OPEN, enable_gqa=True
    ),
]


@pytest.mark.parametrize("attention", MASKED)
def test_a_row_that_is_fully_masked_is_0(attention):
    comparison = symdiff.compare(attention, values={"q": Q, "k": K, "v": V}, engines=["autograd"])
    records = list(comparison.records())
    assert records
    assert {r["verdict"] for r in records} <= {"agrees", "inexact"}
    assert all(r["proved"] for r in records)


@pytest.mark.parametrize("is_training", [True, False])
def test_a_sequence_that_is_only_padding_is_traced(is_training):
    module = nn.MultiheadAttention(4, 2, batch_first=True, dtype=D).train(is_training)

    def attend(x):
        return module(x, x, x, key_padding_mask=PADDED, need_weights=False)[0]

    x = torch.randn(1, 2, 4, generator=GENERATOR, dtype=D)
    comparison = symdiff.compare(attend, values={"x": x}, engines=["autograd"])
    assert comparison.ok
    assert {r["proved"] for r in comparison.records()} == {True}


class WrongAttention(torch.autograd.Function):
    """Takes the row that is fully masked as the mean of the values, in its backward pass."""

    @staticmethod
    def forward(ctx, q, k, v):
        ctx.save_for_backward(q, k, v)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=OPEN)

    @staticmethod
    def backward(ctx, g):
        with torch.enable_grad():
            inputs = [x.detach().requires_grad_() for x in ctx.saved_tensors]
            mask = ADDED.nan_to_num(neginf=-1e9)
            value = F.scaled_dot_product_attention(*inputs, attn_mask=mask)
        return torch.autograd.grad(value, inputs, g)


def test_a_large_negative_number_in_place_of_the_mask_is_wrong():
    comparison = symdiff.compare(WrongAttention.apply, values={"q": Q, "k": K, "v": V})
    assert "v" in {r["variable"][0] for r in comparison.findings}
    assert {r["verdict"] for r in comparison.findings} == {"wrong"}
