"""Arguments by position, None among them, where torch's functions have more than the rows."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import symdiff

D = torch.float64
X = torch.tensor([1.5, -2.0, 0.5], dtype=D)
T = torch.tensor([0.0, 1.0, 0.25], dtype=D)
W = torch.tensor([0.5, 1.0, 2.0], dtype=D)
ROWS = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0], [2.0, 2.5, 1.0]], dtype=D)
CLASS = torch.tensor(1)

# fmt: off
# ruff: noqa: FBT003  (arguments by position are the point)
CASES = [
    lambda x: F.binary_cross_entropy_with_logits(x, T, None, None, None, "mean", W),
    lambda x: F.binary_cross_entropy_with_logits(x, T, W, None, None, "sum", W + 1),
    lambda x: F.binary_cross_entropy_with_logits(x, T, W, reduction="none", pos_weight=W + 1),
    lambda x: F.binary_cross_entropy_with_logits(x, T, W),
    lambda x: torch.binary_cross_entropy_with_logits(x, T, None, W, 1),
    lambda x: torch.binary_cross_entropy_with_logits(x, T, None, None, 2),
    lambda x: F.binary_cross_entropy(x.sigmoid(), T, None, None, None, "mean"),
    lambda x: F.binary_cross_entropy(x.sigmoid(), T, W, None, None, "sum"),
    lambda x: F.mse_loss(x, T, None, None, "sum"),
    lambda x: F.cross_entropy(x, CLASS, None, None, -100, None, "mean", 0.0),
    lambda x: F.nll_loss(x.log_softmax(-1), CLASS, None, None, -100, None, "mean"),
    lambda x: F.kl_div(x.log_softmax(-1), T, None, None, "sum"),
    lambda x: F.smooth_l1_loss(x, T + 9, None, None, "mean", 1.0),
    lambda x: F.margin_ranking_loss(x, T, W, 0.0, None, None, "mean"),
    lambda x: F.triplet_margin_loss(x[None], T[None], W[None], 1.0, 2.0, 1e-6, False, None, None, "mean"),
    lambda x: F.layer_norm(x, (3,), None, None),
    lambda x: F.batch_norm(ROWS * x, None, None, None, None, True),
    lambda x: F.conv1d(x.reshape(1, 1, 3), torch.ones(1, 1, 2, dtype=D), None, 1, 0),
    lambda x: F.linear(x, ROWS, None),
    lambda x: F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None], None, 0.0, False),
    lambda x: F.softmax(x, -1, 3, None),
    lambda x: F.interpolate(x.reshape(1, 1, 3), 6, None, "nearest", None),
    lambda x: x.clamp(None, 1.0),
    lambda x: torch.sum(x, None),
    lambda x: torch.std(x, None),
    lambda x: torch.diff(x, 1, -1, None, None),
    lambda x: torch.linalg.norm(x, None, None, False),
]
# fmt: on


@pytest.mark.parametrize("function", CASES)
def test_they_are_traced_and_proved(function):
    comparison = symdiff.compare(function, values={"x": X}, engines=["autograd"])
    records = list(comparison.records())
    assert {r["verdict"] for r in records} <= {"agrees", "inexact"}
    assert all(r["proved"] for r in records)


def test_a_weight_that_is_a_buffer_of_a_module_is_not_differentiated_by():
    module = nn.BCEWithLogitsLoss(pos_weight=W)
    comparison = symdiff.compare(module, values={"input": X, "target": T}, engines=["autograd"])
    assert {r["variable"][:5] for r in comparison.records()} == {"input", "targe"}
    assert comparison.ok
    with pytest.raises(symdiff.InputError, match="the function has no input 'pos_weight'"):
        symdiff.compare(module, values={"input": X, "target": T}, wrt=["pos_weight"])
